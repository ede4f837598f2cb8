// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: bio_alloc(gfp, vecs)
 * 1: bio_alloc(bdev, vecs, opf, gfp) (5.18)
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/bio.h>
#include "probe.h"

#if FORM == 0
struct bio *probe(void) { return bio_alloc(GFP_NOIO, 1); }

#elif FORM == 1
struct bio *probe(struct block_device *bdev) { return bio_alloc(bdev, 1, REQ_OP_READ, GFP_NOIO); }

#endif
