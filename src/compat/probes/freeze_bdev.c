// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: freeze_bdev() returns a super block
 * 1: freeze_bdev() returns an error number (5.11)
 * 2: bdev_freeze() (6.8)
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/bio.h>
#include "probe.h"

#if FORM == 0
struct super_block *freeze_bdev(struct block_device *bdev);
int probe(struct block_device *bdev, struct super_block *sb) { return thaw_bdev(bdev, sb); }

#elif FORM == 1
int freeze_bdev(struct block_device *bdev);
int probe(struct block_device *bdev) { return thaw_bdev(bdev); }

#elif FORM == 2
int probe(struct block_device *bdev) { return bdev_freeze(bdev) + bdev_thaw(bdev); }

#endif
