// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: blkdev_issue_flush(bdev, gfp, error_sector)
 * 1: blkdev_issue_flush(bdev, gfp) (5.8)
 * 2: blkdev_issue_flush(bdev) (5.12)
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/bio.h>
#include "probe.h"

#if FORM == 0
int probe(struct block_device *bdev) { return blkdev_issue_flush(bdev, GFP_NOIO, NULL); }

#elif FORM == 1
int probe(struct block_device *bdev) { return blkdev_issue_flush(bdev, GFP_NOIO); }

#elif FORM == 2
int probe(struct block_device *bdev) { return blkdev_issue_flush(bdev); }

#endif
