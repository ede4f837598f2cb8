/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Direct I/O through iomap: one call, one form of completion.
 */
#ifndef COMPAT_DIO_H
#define COMPAT_DIO_H

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include <linux/uio.h>
#include "dx_have.h"

/* @flags: DX_DIO_* */
#define DX_DIO_FORCE_WAIT	(1 << 0)	/* wait even if the caller need not */
#define DX_DIO_OVERWRITE_ONLY	(1 << 1)	/* -EAGAIN rather than allocate or zero; if DX_CAN_OVERWRITE_ONLY */
#if HAVE_IOMAP_DIO >= 3
#define DX_CAN_OVERWRITE_ONLY	true
#else
#define DX_CAN_OVERWRITE_ONLY	false
#ifndef IOMAP_OVERWRITE_ONLY
#define IOMAP_OVERWRITE_ONLY	0
#endif
#endif

/*
 * RWF_ATOMIC: is it asked for; may it be (0, or the errno: not direct, not aligned to its length); what a mapping says to have
 * one bio made of the write, which the device takes whole.
 */
#if HAVE_ATOMIC_WRITE
#define DX_IOMAP_F_ATOMIC	IOMAP_F_ATOMIC_BIO
static inline bool dx_iocb_atomic(const struct kiocb *iocb) { return iocb->ki_flags & IOCB_ATOMIC; }
static inline int dx_atomic_valid(struct kiocb *iocb, struct iov_iter *from) { return generic_atomic_write_valid(iocb, from); }
static inline void dx_file_set_atomic(struct file *file) { file->f_mode |= FMODE_CAN_ATOMIC_WRITE; }
#else
#define DX_IOMAP_F_ATOMIC	0
static inline bool dx_iocb_atomic(const struct kiocb *iocb) { return false; }
static inline int dx_atomic_valid(struct kiocb *iocb, struct iov_iter *from) { return -EOPNOTSUPP; }
static inline void dx_file_set_atomic(struct file *file) { }
#endif
#ifndef IOMAP_ATOMIC
#define IOMAP_ATOMIC	0
#endif

/*
 * DX_DIO_OPS(name, fn), at file scope: what happens when a direct write is complete,
 * int fn(iocb, size, error, flags). One that failed may come with a size or without it.
 */
#if HAVE_IOMAP_DIO == 0
struct dx_dio_ops {
	int (*end_io)(struct kiocb *iocb, ssize_t ret, unsigned int flags);
};
#define DX_DIO_OPS(name, fn) \
static int name##_end_io(struct kiocb *iocb, ssize_t ret, unsigned int flags) \
{ \
	return fn(iocb, max_t(ssize_t, ret, 0), min_t(ssize_t, ret, 0), flags); \
} \
static const struct dx_dio_ops name = { .end_io = name##_end_io }
#else
#define dx_dio_ops iomap_dio_ops
#define DX_DIO_OPS(name, fn) \
static const struct dx_dio_ops name = { .end_io = fn }
#endif

/*
 * What belongs to an iocb stays until dx_dio_let_go(), complete or not. Later kernels see to that; to be called
 * before the I/O is submitted, with the iocb, and after the last use of its inode.
 */
#if HAVE_IOMAP_DIO == 0
static inline struct file *dx_dio_hold(struct kiocb *iocb) { return get_file(iocb->ki_filp); }
static inline void dx_dio_let_go(struct file *file) { fput(file); }
#else
static inline struct file *dx_dio_hold(struct kiocb *iocb) { return NULL; }
static inline void dx_dio_let_go(struct file *file) { }
#endif

/*
 * A write that may not wait is told EAGAIN as long as there are pages in its way, clean ones, too; before 5.13 so is a read. From
 * 5.19 on writes are left to that, as stock XFS leaves them.
 */
static inline void dx_dio_drop_clean(struct kiocb *iocb, struct iov_iter *iter)
{
	struct address_space *mapping = iocb->ki_filp->f_mapping;
	bool wanted = iov_iter_rw(iter) == WRITE ? HAVE_IOMAP_DIO < 5 : !HAVE_RANGE_NEEDS_WRITEBACK;
	size_t count = iov_iter_count(iter);

	if (wanted && (iocb->ki_flags & IOCB_NOWAIT) && mapping->nrpages && count)
		invalidate_mapping_pages(mapping, iocb->ki_pos >> PAGE_SHIFT, (iocb->ki_pos + count - 1) >> PAGE_SHIFT);
}

#if HAVE_IOMAP_DIO >= 3
static inline ssize_t dx_iomap_dio_rw(struct kiocb *iocb, struct iov_iter *iter, const struct iomap_ops *ops,
				      const struct dx_dio_ops *dops, unsigned int flags)
{
	unsigned int f = (flags & DX_DIO_FORCE_WAIT ? IOMAP_DIO_FORCE_WAIT : 0) |
			 (flags & DX_DIO_OVERWRITE_ONLY ? IOMAP_DIO_OVERWRITE_ONLY : 0);

	dx_dio_drop_clean(iocb, iter);
#if HAVE_IOMAP_DIO >= 5
	return iomap_dio_rw(iocb, iter, ops, dops, f, NULL, 0);
#elif HAVE_IOMAP_DIO == 4
	return iomap_dio_rw(iocb, iter, ops, dops, f, 0);
#else
	return iomap_dio_rw(iocb, iter, ops, dops, f);
#endif
}
#else
ssize_t dx_iomap_dio_rw(struct kiocb *iocb, struct iov_iter *iter, const struct iomap_ops *ops,
			const struct dx_dio_ops *dops, unsigned int flags);	/* compat_dio.c */
#endif

#endif /* COMPAT_DIO_H */
