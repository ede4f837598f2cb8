/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iomap: tables of mappings, how a cached mapping is checked, and calls that got
 * more arguments over time.
 */
#ifndef COMPAT_IOMAP_H
#define COMPAT_IOMAP_H

#include <linux/iomap.h>
#include <linux/writeback.h>
#include <linux/pagemap.h>
#include <linux/backing-dev.h>
#include "compat_lock.h"

/* ---- tables of mappings ---- */

/*
 * DX_IOMAP_OPS(name, begin), at file scope: a table from
 * int begin(inode, pos, length, flags, iomap, srcmap). Where the kernel has no second
 * mapping (before 5.5), @srcmap is a hole that nobody looks at.
 *
 * DX_DIRECT_IOMAP_OPS(name, begin): the same for direct writes. A kernel before 5.4 believes that a write
 * into an unwritten extent needs no more than FUA to be durable, unless the mapping says that metadata is dirty.
 */
#if HAVE_IOMAP_BEGIN
#define DX_IOMAP_BEGIN_ARGS struct inode *inode, loff_t pos, loff_t length, unsigned int flags, \
	struct iomap *iomap, struct iomap *srcmap
#define DX_IOMAP_SRCMAP		do { } while (0)
#define DX_IOMAP_OPS(name, begin) \
const struct iomap_ops name = { .iomap_begin = begin }
#else
#define DX_IOMAP_BEGIN_ARGS struct inode *inode, loff_t pos, loff_t length, unsigned int flags, struct iomap *iomap
#define DX_IOMAP_SRCMAP		struct iomap no_srcmap = { .type = IOMAP_HOLE }, *srcmap = &no_srcmap
#define DX_IOMAP_OPS(name, begin) \
static int begin##_for_##name(DX_IOMAP_BEGIN_ARGS) \
{ \
	DX_IOMAP_SRCMAP; \
\
	return begin(inode, pos, length, flags, iomap, srcmap); \
} \
const struct iomap_ops name = { .iomap_begin = begin##_for_##name }
#endif

#if HAVE_IOMAP_DIO
#define DX_DIRECT_IOMAP_OPS(name, begin)	DX_IOMAP_OPS(name, begin)
#else
#define DX_DIRECT_IOMAP_OPS(name, begin) \
static int begin##_durable(DX_IOMAP_BEGIN_ARGS) \
{ \
	int error; \
	DX_IOMAP_SRCMAP; \
\
	error = begin(inode, pos, length, flags, iomap, srcmap); \
	if (!error && iomap->type == IOMAP_UNWRITTEN) \
		iomap->flags |= IOMAP_F_DIRTY; \
	return error; \
} \
const struct iomap_ops name = { .iomap_begin = begin##_durable }
#endif

/* ---- is a mapping that a write looked up still true once its page is locked? ---- */

/*
 * DX_IOMAP_VALID(fn), once, at file scope: bool fn(inode, cookie) tells.
 * dx_iomap_set_cookie() gives the mapping what fn is asked about.
 *
 * DX_WRITE_IOMAP_OPS(name, begin, end): the mappings of buffered writes. Kernels before
 * 6.1 never ask whether one is still true, and would zero the rest of a page over an unwritten extent that has
 * been written since: dirtied, written back and reclaimed between the mapping
 * and the locking of the page. There a page that a write covers in part is
 * held from before the mapping is looked up until the write is done, so that it cannot be reclaimed. That alone does not keep
 * what is known of its blocks: ->releasepage is asked before the count of those who hold it. So the vnode tells which one it is
 * (dx_pinned_t), one at a time by the IOLOCK, and dx_page_pinned(inode, page) has it refuse (DX_AOPS).
 */
#if HAVE_IOMAP_VALID == 3
#define DX_IOMAP_VALID_TYPE	iomap_write_ops
#elif HAVE_IOMAP_VALID == 2
#define DX_IOMAP_VALID_TYPE	iomap_folio_ops
#elif HAVE_IOMAP_VALID == 1
#define DX_IOMAP_VALID_TYPE	iomap_page_ops
#endif

#if HAVE_IOMAP_VALID
typedef struct { } dx_pinned_t;
#define dx_pinned_init(pinned)		do { } while (0)
#define dx_page_pinned(inode, page)	false

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

typedef struct page *dx_pinned_t;	/* of a folio its first page */
#define dx_pinned_init(pinned)		(*(pinned) = NULL)
#define dx_page_pinned(inode, page)	(READ_ONCE(dx_vnode(inode)->pinned) == (page))

struct page *dx_iomap_pin(struct inode *inode, dx_pinned_t *pinned, loff_t pos, loff_t *length, unsigned int flags);
void dx_iomap_unpin(dx_pinned_t *pinned, struct page *page);	/* compat_iomap.c, both */

#define DX_WRITE_IOMAP_OPS(name, begin, end) \
static int begin##_pinned(DX_IOMAP_BEGIN_ARGS) \
{ \
	dx_pinned_t *pinned = &dx_vnode(inode)->pinned; \
	struct page *page = dx_iomap_pin(inode, pinned, pos, &length, flags); \
	int error; \
	DX_IOMAP_SRCMAP; \
\
	if (IS_ERR(page)) \
		return PTR_ERR(page); \
	error = begin(inode, pos, length, flags, iomap, srcmap); \
	if (error) { \
		dx_iomap_unpin(pinned, page); \
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
	dx_iomap_unpin(&dx_vnode(inode)->pinned, iomap->private); \
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

#endif /* COMPAT_IOMAP_H */
