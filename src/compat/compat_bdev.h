/* SPDX-License-Identifier: GPL-2.0-only */
/* Block devices and bios. */
#ifndef COMPAT_BDEV_H
#define COMPAT_BDEV_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include "dx_have.h"

/* Operation and flags of a bio: a type of its own from 6.0 on. */
typedef typeof(((struct bio *)NULL)->bi_opf) dx_opf_t;

#ifndef BIO_MAX_VECS
#define BIO_MAX_VECS	BIO_MAX_PAGES
#endif

/* Never fails with __GFP_DIRECT_RECLAIM. */
static inline struct bio *dx_bio_alloc(struct block_device *bdev, unsigned short vecs, dx_opf_t opf, gfp_t gfp)
{
#if HAVE_BIO_ALLOC
	return bio_alloc(bdev, vecs, opf, gfp);
#else
	struct bio *bio = bio_alloc(gfp, vecs);

	if (bio) {
		bio_set_dev(bio, bdev);
		bio->bi_opf = opf;
	}
	return bio;
#endif
}

static inline int dx_blkdev_flush(struct block_device *bdev)
{
#if HAVE_BLKDEV_FLUSH == 2
	return blkdev_issue_flush(bdev);
#elif HAVE_BLKDEV_FLUSH == 1
	return blkdev_issue_flush(bdev, GFP_NOIO);
#else
	return blkdev_issue_flush(bdev, GFP_NOIO, NULL);
#endif
}

#if HAVE_BLKDEV_DISCARD
static inline int dx_blkdev_discard(struct block_device *bdev, sector_t sector, sector_t n)
{
	return blkdev_issue_discard(bdev, sector, n, GFP_NOFS);
}
static inline bool dx_bdev_can_discard(struct block_device *bdev) { return bdev_max_discard_sectors(bdev) > 0; }
static inline unsigned int dx_bdev_discard_granularity(struct block_device *bdev)
{
	return bdev_discard_granularity(bdev);
}
#else
static inline int dx_blkdev_discard(struct block_device *bdev, sector_t sector, sector_t n)
{
	return blkdev_issue_discard(bdev, sector, n, GFP_NOFS, 0);
}
static inline bool dx_bdev_can_discard(struct block_device *bdev) { return blk_queue_discard(bdev_get_queue(bdev)); }
static inline unsigned int dx_bdev_discard_granularity(struct block_device *bdev)
{
	return bdev_get_queue(bdev)->limits.discard_granularity;
}
#endif

static inline sector_t dx_bdev_sectors(struct block_device *bdev)
{
#if HAVE_BDEV_NR_SECTORS
	return bdev_nr_sectors(bdev);
#else
	return i_size_read(bdev->bd_inode) >> SECTOR_SHIFT;
#endif
}

/* What statx tells of direct I/O; false: this kernel's statx has no such thing. */
static inline bool dx_stat_dioalign(struct block_device *bdev, u32 mask, struct kstat *stat)
{
#ifdef STATX_DIOALIGN
	if (!(mask & STATX_DIOALIGN))
		return false;
	stat->result_mask |= STATX_DIOALIGN;
	stat->dio_mem_align = bdev_dma_alignment(bdev) + 1;
	stat->dio_offset_align = bdev_logical_block_size(bdev);
	return true;
#else
	return false;
#endif
}

/* May the device be told to zero @bdev's blocks without writing them? FALLOC_FL_WRITE_ZEROES is for those that may. */
static inline bool dx_bdev_zeroes_unmapped(struct block_device *bdev)
{
#if HAVE_WRITE_ZEROES
	return bdev_write_zeroes_unmap_sectors(bdev);
#else
	return false;
#endif
}
#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES	0x80	/* the VFS refuses it */
#endif

/*
 * Writes that are there whole or not at all (RWF_ATOMIC): of one block of @size bytes, where the device can do that. Kernels
 * before 6.16 have no such thing, or not for us.
 */
static inline bool dx_bdev_writes_whole(struct block_device *bdev, unsigned int size)
{
#if HAVE_ATOMIC_WRITE
	return bdev_atomic_write_unit_min_bytes(bdev) && bdev_atomic_write_unit_min_bytes(bdev) <= size &&
	       bdev_atomic_write_unit_max_bytes(bdev) >= size;
#else
	return false;
#endif
}

/* What statx tells of that. */
static inline void dx_stat_atomic(struct block_device *bdev, unsigned int size, u32 mask, struct kstat *stat)
{
#if HAVE_ATOMIC_WRITE
	if (mask & STATX_WRITE_ATOMIC) {
		size = dx_bdev_writes_whole(bdev, size) ? size : 0;
		generic_fill_statx_atomic_writes(stat, size, size, 0);
	}
#endif
}

/* Freeze the filesystem on @sb's device, as a snapshot of it would. */
static inline int dx_freeze_bdev(struct super_block *sb)
{
#if HAVE_FREEZE_BDEV == 2
	return bdev_freeze(sb->s_bdev);
#elif HAVE_FREEZE_BDEV == 1
	return freeze_bdev(sb->s_bdev);
#else
	struct super_block *frozen = freeze_bdev(sb->s_bdev);

	return IS_ERR(frozen) ? PTR_ERR(frozen) : 0;
#endif
}

static inline void dx_thaw_bdev(struct super_block *sb)
{
#if HAVE_FREEZE_BDEV == 2
	bdev_thaw(sb->s_bdev);
#elif HAVE_FREEZE_BDEV == 1
	thaw_bdev(sb->s_bdev);
#else
	thaw_bdev(sb->s_bdev, sb);
#endif
}

#endif /* COMPAT_BDEV_H */
