// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a device does not tell whether it zeroes without writing
 * 1: bdev_write_zeroes_unmap_sectors(), and FALLOC_FL_WRITE_ZEROES with it (6.17)
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/blkdev.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(bdev_write_zeroes_unmap_sectors);

#elif FORM == 1
unsigned int probe(struct block_device *bdev) { return FALLOC_FL_WRITE_ZEROES + bdev_write_zeroes_unmap_sectors(bdev); }

#endif
