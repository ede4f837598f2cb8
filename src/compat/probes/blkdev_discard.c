// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: discard limits are asked of the queue
 * 1: ... of the device (5.19)
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/bio.h>
#include "probe.h"

#if FORM == 0
int probe(struct block_device *bdev) { return blk_queue_discard(bdev_get_queue(bdev)) + blkdev_issue_discard(bdev, 0, 0, GFP_NOFS, 0); }

#elif FORM == 1
int probe(struct block_device *bdev)
{
	return bdev_max_discard_sectors(bdev) + bdev_discard_granularity(bdev) + blkdev_issue_discard(bdev, 0, 0, GFP_NOFS);
}

#endif
