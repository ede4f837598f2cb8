/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iomap: how a cached mapping is checked, how writeback hands over what it has
 * collected, and calls that got more arguments over time.
 */
#ifndef COMPAT_IOMAP_H
#define COMPAT_IOMAP_H

#include <linux/iomap.h>
#include <linux/writeback.h>
#include <linux/pagemap.h>
#include <linux/backing-dev.h>
#include "compat_lock.h"

/* ---- is a mapping that a write looked up still true once its page is locked? ---- */

/*
 * DX_IOMAP_VALID(fn), once, at file scope: bool fn(inode, cookie) tells.
 * dx_iomap_set_cookie() gives the mapping what fn is asked about.
 *
 * DX_WRITE_IOMAP_OPS(name, begin, end): the mappings of buffered writes. Kernels before
 * 6.1 never ask whether one is still true, and would zero the rest of a page over an unwritten extent that has
 * been written since: dirtied, written back and reclaimed between the mapping
 * and the locking of the page. There a page that a write covers in part is
 * held from before the mapping is looked up until the write is done, so that it cannot be reclaimed.
 */
#if HAVE_IOMAP_VALID == 3
#define DX_IOMAP_VALID_TYPE	iomap_write_ops
#elif HAVE_IOMAP_VALID == 2
#define DX_IOMAP_VALID_TYPE	iomap_folio_ops
#elif HAVE_IOMAP_VALID == 1
#define DX_IOMAP_VALID_TYPE	iomap_page_ops
#endif

#if HAVE_IOMAP_VALID
extern const struct DX_IOMAP_VALID_TYPE dx_iomap_valid_ops;
#define DX_IOMAP_VALID(fn) \
static bool fn##_op(struct inode *inode, const struct iomap *iomap) \
{ \
	return fn(inode, iomap->validity_cookie); \
} \
const struct DX_IOMAP_VALID_TYPE dx_iomap_valid_ops = { .iomap_valid = fn##_op }

#define DX_WRITE_IOMAP_OPS(name, begin, end) \
const struct iomap_ops name = { .iomap_begin = begin, .iomap_end = end }

static inline void dx_iomap_set_cookie(struct iomap *iomap, u64 cookie)
{
	iomap->validity_cookie = cookie;
#if HAVE_IOMAP_VALID == 2
	iomap->folio_ops = &dx_iomap_valid_ops;
#elif HAVE_IOMAP_VALID == 1
	iomap->page_ops = &dx_iomap_valid_ops;
#endif
}
#else
#define DX_IOMAP_VALID(fn) \
static inline bool fn##_op(struct inode *inode, u64 cookie) \
{ \
	return fn(inode, cookie); \
}

static inline void dx_iomap_set_cookie(struct iomap *iomap, u64 cookie) { }

struct page *dx_iomap_pin(struct inode *inode, loff_t pos, loff_t *length, unsigned int flags);	/* compat_iomap.c */
void dx_iomap_unpin(struct page *page);

#define DX_WRITE_IOMAP_OPS(name, begin, end) \
static int begin##_pinned(struct inode *inode, loff_t pos, loff_t length, unsigned int flags, \
			  struct iomap *iomap, struct iomap *srcmap) \
{ \
	struct page *page = dx_iomap_pin(inode, pos, &length, flags); \
	int error; \
\
	if (IS_ERR(page)) \
		return PTR_ERR(page); \
	error = begin(inode, pos, length, flags, iomap, srcmap); \
	if (error) { \
		dx_iomap_unpin(page); \
		return error; \
	} \
	iomap->private = page; \
	if (!(flags & IOMAP_FAULT)) \
		iomap->length = min_t(u64, iomap->length, \
				      round_up(pos + length, i_blocksize(inode)) - iomap->offset); \
	return 0; \
} \
static int end##_pinned(struct inode *inode, loff_t pos, loff_t length, ssize_t written, \
			unsigned int flags, struct iomap *iomap) \
{ \
	dx_iomap_unpin(iomap->private); \
	return end(inode, pos, length, written, flags, iomap); \
} \
const struct iomap_ops name = { .iomap_begin = begin##_pinned, .iomap_end = end##_pinned }
#endif

/* ---- calls ---- */

/* Advances ki_pos by what it returns. */
static inline ssize_t dx_iomap_buffered_write(struct kiocb *iocb, struct iov_iter *from, const struct iomap_ops *ops)
{
#if HAVE_IOMAP_WRITE >= 2
	return iomap_file_buffered_write(iocb, from, ops, &dx_iomap_valid_ops, NULL);
#elif HAVE_IOMAP_WRITE == 1
	return iomap_file_buffered_write(iocb, from, ops, NULL);
#elif HAVE_TASK_BDI
	ssize_t ret;

	/* Throttle by the device's own rate, and leave ki_pos to the caller: both went away together. */
	current->backing_dev_info = inode_to_bdi(file_inode(iocb->ki_filp));
	ret = iomap_file_buffered_write(iocb, from, ops);
	current->backing_dev_info = NULL;
	if (ret > 0)
		iocb->ki_pos += ret;
	return ret;
#else
	return iomap_file_buffered_write(iocb, from, ops);
#endif
}

static inline int dx_iomap_zero_range(struct inode *inode, loff_t pos, loff_t len, bool *did_zero,
				      const struct iomap_ops *ops)
{
#if HAVE_IOMAP_WRITE >= 2
	return iomap_zero_range(inode, pos, len, did_zero, ops, &dx_iomap_valid_ops, NULL);
#else
	return iomap_zero_range(inode, pos, len, did_zero, ops);
#endif
}

static inline vm_fault_t dx_iomap_page_mkwrite(struct vm_fault *vmf, const struct iomap_ops *ops)
{
#if HAVE_IOMAP_WRITE >= 2
	return iomap_page_mkwrite(vmf, ops, NULL);
#else
	return iomap_page_mkwrite(vmf, ops);
#endif
}

/* @flags: DX_DIO_* */
#define DX_DIO_FORCE_WAIT	(1 << 0)	/* wait even if the caller need not */
#define DX_DIO_OVERWRITE_ONLY	(1 << 1)	/* -EAGAIN rather than allocate or zero; if DX_CAN_OVERWRITE_ONLY */
#if HAVE_IOMAP_DIO
#define DX_CAN_OVERWRITE_ONLY	true
static inline ssize_t dx_iomap_dio_rw(struct kiocb *iocb, struct iov_iter *iter, const struct iomap_ops *ops,
				      const struct iomap_dio_ops *dops, unsigned int flags)
{
	unsigned int f = (flags & DX_DIO_FORCE_WAIT ? IOMAP_DIO_FORCE_WAIT : 0) |
			 (flags & DX_DIO_OVERWRITE_ONLY ? IOMAP_DIO_OVERWRITE_ONLY : 0);

	return iomap_dio_rw(iocb, iter, ops, dops, f, NULL, 0);
}
#else
#define DX_CAN_OVERWRITE_ONLY	false
#define IOMAP_OVERWRITE_ONLY	0
static inline ssize_t dx_iomap_dio_rw(struct kiocb *iocb, struct iov_iter *iter, const struct iomap_ops *ops,
				      const struct iomap_dio_ops *dops, unsigned int flags)
{
	return iomap_dio_rw(iocb, iter, ops, dops, is_sync_kiocb(iocb) || (flags & DX_DIO_FORCE_WAIT));
}
#endif

/* ---- a short write gives back what it reserved ---- */

/*
 * DX_IOMAP_PUNCH(name, fn), at file scope: void fn(inode, pos, length) gives
 * back reservations; int name(inode, iomap, pos, length, written, flags) calls it for
 * the part of the mapping that was reserved for a write, and has no dirty page over it.
 * Not for faults: they hold the MMAPLOCK, and fail only before they reserve.
 */
#if HAVE_IOMAP_PUNCH >= 2
#define DX_IOMAP_PUNCH(name, fn) \
static void name##_cb(struct inode *inode, loff_t pos, loff_t length, struct iomap *iomap) \
{ \
	fn(inode, pos, length); \
} \
static int name(struct inode *inode, struct iomap *iomap, loff_t pos, loff_t length, ssize_t written, \
		unsigned int flags) \
{ \
	loff_t start = iomap_last_written_block(inode, pos, written); \
	loff_t end = round_up(pos + length, i_blocksize(inode)); \
\
	if (start >= end || (flags & IOMAP_FAULT)) \
		return 0; \
	dx_mmaplock_excl(inode); \
	iomap_write_delalloc_release(inode, start, end, flags, iomap, name##_cb); \
	dx_mmapunlock_excl(inode); \
	return 0; \
}
#elif HAVE_IOMAP_PUNCH == 1
#define DX_IOMAP_PUNCH(name, fn) \
static int name##_cb(struct inode *inode, loff_t pos, loff_t length) \
{ \
	fn(inode, pos, length); \
	return 0; \
} \
static int name(struct inode *inode, struct iomap *iomap, loff_t pos, loff_t length, ssize_t written, \
		unsigned int flags) \
{ \
	return iomap_file_buffered_write_punch_delalloc(inode, iomap, pos, length, written, name##_cb); \
}
#else
void dx_punch_not_dirty(struct inode *inode, loff_t start, loff_t end,
			void (*punch)(struct inode *inode, loff_t pos, loff_t length));	/* compat_iomap.c */
#define DX_IOMAP_PUNCH(name, fn) \
static int name(struct inode *inode, struct iomap *iomap, loff_t pos, loff_t length, ssize_t written, \
		unsigned int flags) \
{ \
	loff_t start = written ? round_up(pos + written, i_blocksize(inode)) : round_down(pos, i_blocksize(inode)); \
	loff_t end = round_up(pos + length, i_blocksize(inode)); \
\
	if (start >= end || (flags & IOMAP_FAULT)) \
		return 0; \
	dx_mmaplock_excl(inode); \
	dx_punch_not_dirty(inode, start, end, fn); \
	dx_mmapunlock_excl(inode); \
	return 0; \
}
#endif

/* ---- writeback ---- */

/* One walk of writeback over a file: the mapping in use, and whether it is still true. */
struct dx_wpc {
	struct iomap_writepage_ctx	ctx;
	u32				seq;	/* of the extent tree when ctx.iomap was looked up */
};

#if HAVE_IOEND_BIO
static inline struct bio *dx_ioend_bio(struct iomap_ioend *ioend) { return &ioend->io_bio; }
static inline struct iomap_ioend *dx_bio_ioend(struct bio *bio) { return iomap_ioend_from_bio(bio); }
#else
static inline struct bio *dx_ioend_bio(struct iomap_ioend *ioend) { return ioend->io_bio; }
static inline struct iomap_ioend *dx_bio_ioend(struct bio *bio) { return bio->bi_private; }
#endif

static inline bool dx_ioend_unwritten(const struct iomap_ioend *ioend)
{
#ifdef IOMAP_IOEND_UNWRITTEN
	return ioend->io_flags & IOMAP_IOEND_UNWRITTEN;
#else
	return ioend->io_type == IOMAP_UNWRITTEN;
#endif
}

/*
 * DX_WRITEBACK(name, map, submit, discard), at file scope, makes
 * int name(mapping, wbc), which writes back, from
 *   int map(wpc, inode, pos)            wpc->ctx.iomap covers @pos afterwards
 *   void submit(ioend)                  last chance to change the bio's bi_end_io
 *   void discard(inode, pos, end)       [pos, end) of a folio could not be mapped and is lost
 */
#if HAVE_IOMAP_WRITEBACK >= 2
#define DX_WRITEBACK(name, map, submit, discard) \
static ssize_t name##_range(struct iomap_writepage_ctx *ctx, struct folio *folio, u64 pos, unsigned int len, u64 end) \
{ \
	ssize_t ret = map(container_of(ctx, struct dx_wpc, ctx), ctx->inode, pos); \
\
	if (!ret) \
		ret = iomap_add_to_ioend(ctx, folio, pos, end, len); \
	if (ret < 0) \
		discard(ctx->inode, pos, folio_pos(folio) + folio_size(folio)); \
	return ret; \
} \
static int name##_submit(struct iomap_writepage_ctx *ctx, int error) \
{ \
	if (!error) \
		submit(ctx->wb_ctx); \
	return iomap_ioend_writeback_submit(ctx, error); \
} \
static const struct iomap_writeback_ops name##_ops = { \
	.writeback_range	= name##_range, \
	.writeback_submit	= name##_submit, \
}; \
static int name(struct address_space *mapping, struct writeback_control *wbc) \
{ \
	struct dx_wpc wpc = { .ctx = { .inode = mapping->host, .wbc = wbc, .ops = &name##_ops } }; \
\
	return iomap_writepages(&wpc.ctx); \
}
#else
/* Until 6.9 a folio is not yet under writeback when it is discarded, and must not look up to date. */
#if HAVE_IOMAP_WRITEBACK >= 1
#define DX_MAP_BLOCKS_LEN	, unsigned int len
#define dx_discard_state(folio, off)	do { } while (0)
#else
#define DX_MAP_BLOCKS_LEN
#define dx_discard_state(folio, off)	iomap_invalidate_folio(folio, off, folio_size(folio) - (off))
#endif
#if HAVE_FOLIO_AOPS
#define DX_DISCARD_OP(name, discard) \
static void name##_discard(struct folio *folio, loff_t pos) \
{ \
	discard(folio->mapping->host, pos, folio_pos(folio) + folio_size(folio)); \
	dx_discard_state(folio, offset_in_folio(folio, pos)); \
}
#define DX_DISCARD_MEMBER	discard_folio
#else
#define DX_DISCARD_OP(name, discard) \
static void name##_discard(struct page *page, loff_t pos) \
{ \
	discard(page->mapping->host, pos, page_offset(page) + PAGE_SIZE); \
	iomap_invalidatepage(page, offset_in_page(pos), PAGE_SIZE - offset_in_page(pos)); \
}
#define DX_DISCARD_MEMBER	discard_page
#endif
#define DX_WRITEBACK(name, map, submit, discard) \
static int name##_map(struct iomap_writepage_ctx *ctx, struct inode *inode, loff_t pos DX_MAP_BLOCKS_LEN) \
{ \
	return map(container_of(ctx, struct dx_wpc, ctx), inode, pos); \
} \
static int name##_submit(struct iomap_ioend *ioend, int status) \
{ \
	if (!status) \
		submit(ioend); \
	return status; \
} \
DX_DISCARD_OP(name, discard) \
static const struct iomap_writeback_ops name##_ops = { \
	.map_blocks		= name##_map, \
	.prepare_ioend		= name##_submit, \
	.DX_DISCARD_MEMBER	= name##_discard, \
}; \
static int name(struct address_space *mapping, struct writeback_control *wbc) \
{ \
	struct dx_wpc wpc = { }; \
\
	return iomap_writepages(mapping, wbc, &wpc.ctx, &name##_ops); \
}
#endif

#if HAVE_IOEND_MERGE
#define dx_ioend_try_merge(ioend, list)	iomap_ioend_try_merge(ioend, list)
#else
#define dx_ioend_try_merge(ioend, list)	iomap_ioend_try_merge(ioend, list, NULL)
#endif

#endif /* COMPAT_IOMAP_H */
