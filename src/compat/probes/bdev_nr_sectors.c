// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: the size of a device is that of its inode
 * 1: bdev_nr_sectors() (5.16)
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/bio.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(bdev_nr_sectors);
sector_t probe(struct block_device *bdev) { return i_size_read(bdev->bd_inode); }

#elif FORM == 1
sector_t probe(struct block_device *bdev) { return bdev_nr_sectors(bdev); }

#endif
