// SPDX-License-Identifier: GPL-2.0-only
/*
 * What direct I/O through iomap did not do before 5.12, done around it.
 *
 *   - Before 5.9, to write through the page cache where a page would not go away. Those kernels went on and warned: buffered
 *     reads then saw what had been there before an acknowledged write. Nothing in a header tells which do; where it is
 *     done twice, the second time finds no pages.
 *   - Before 5.5, to wait for an I/O that the submitter need not wait for.
 *   - Before 5.5, to tell the caller's iterator how much was read: a read past the end of the file moved it too far, and a
 *     pipe got bytes that were never read.
 *   - Before 5.4, to zero the rest of a written block behind the end of the file (here: such
 *     a write goes through the page cache), and to flush the device's cache after an O_DSYNC write
 *     whose blocks only its completion makes written (compat_iomap.h, DX_DIRECT_IOMAP_OPS).
 */
#include "compat_dio.h"
#include <linux/pagemap.h>

#if HAVE_IOMAP_DIO <= 2
static ssize_t make_way(struct kiocb *iocb, struct inode *inode, size_t count, unsigned int flags)
{
	struct address_space *mapping = iocb->ki_filp->f_mapping;
	loff_t end = iocb->ki_pos + count;
	ssize_t ret;

	/* An I/O in parts of blocks is the only one that is waited for; it is alone, so the size stays. */
	if (!HAVE_IOMAP_DIO && (flags & DX_DIO_FORCE_WAIT) && end > i_size_read(inode) && (end & (i_blocksize(inode) - 1)))
		return -ENOTBLK;
	if (!mapping->nrpages)
		return 0;
	if (iocb->ki_flags & IOCB_NOWAIT)	/* dx_iomap_dio_rw() has dropped what could go */
		return filemap_range_has_page(mapping, iocb->ki_pos, end - 1) ? -EAGAIN : 0;
	ret = filemap_write_and_wait_range(mapping, iocb->ki_pos, end - 1);
	if (ret)
		return ret;
	return invalidate_inode_pages2_range(mapping, iocb->ki_pos >> PAGE_SHIFT, (end - 1) >> PAGE_SHIFT) ? -ENOTBLK : 0;
}

/**
 * dx_iomap_dio_rw - direct read or write
 * @iocb: position and flags; may be gone when -EIOCBQUEUED is returned
 * @iter: the caller's memory
 * @ops: mappings
 * @dops: completion, or NULL
 * @flags: DX_DIO_FORCE_WAIT: IOLOCK exclusive, and all earlier I/O has been waited for
 *
 * IOLOCK held. Return: bytes, -EIOCBQUEUED (completed already, if it was to be waited for),
 * -ENOTBLK when the write should go through the page cache.
 */
ssize_t dx_iomap_dio_rw(struct kiocb *iocb, struct iov_iter *iter, const struct iomap_ops *ops,
			const struct dx_dio_ops *dops, unsigned int flags)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	size_t count = iov_iter_count(iter);
	ssize_t ret;

	if (!count)
		return 0;
	dx_dio_drop_clean(iocb, iter);
	if (iov_iter_rw(iter) == WRITE) {
		ret = make_way(iocb, inode, count, flags);
		if (ret)
			return ret;
	}
#if HAVE_IOMAP_DIO == 2
	return iomap_dio_rw(iocb, iter, ops, dops, is_sync_kiocb(iocb) || (flags & DX_DIO_FORCE_WAIT));
#elif HAVE_IOMAP_DIO == 1
	ret = iomap_dio_rw(iocb, iter, ops, dops);
#else
	ret = iomap_dio_rw(iocb, iter, ops, dops ? dops->end_io : NULL);
#endif
#if HAVE_IOMAP_DIO <= 1
	if (ret == -EIOCBQUEUED && (flags & DX_DIO_FORCE_WAIT))
		inode_dio_wait(inode);
	if (ret >= 0 && count - iov_iter_count(iter) > ret)
		iov_iter_revert(iter, count - iov_iter_count(iter) - ret);
	return ret;
#endif
}
#endif
