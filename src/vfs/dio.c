// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct I/O (L6).
 *
 * Submission of a write holds the IOLOCK shared; exclusive, after a drain,
 * when it must zero between the old end of file and its start or is not
 * aligned to blocks.  Once submitted, nothing is held but the count that
 * inode_dio_wait() waits for.  Completion, in this order:
 *
 *   1. unwritten extents become written, and the size on disk is logged
 *      with them in the same transaction when the write ends past it;
 *   2. the size in memory is published under the vnode's size lock if it grows;
 *   3. a write that needed no conversion logs the size on disk now;
 *   4. inode_dio_end(), by iomap, after which the write is acknowledged.
 *
 * Logging the size with the conversion saves a transaction per appending
 * write.  It may be on disk before it is in memory, which nobody
 * can see: whoever decides from the size has waited for step 4.
 */
#include <linux/delay.h>
#include <linux/uio.h>
#include "dx_vfs.h"
#include "trace.h"

static void publish_size(struct inode *inode, loff_t end)
{
	struct dx_vnode *vn = dx_vnode(inode);
	loff_t old;

	/*
	 * The size cannot shrink while we are in flight (L2).  A write inside it needs no
	 * lock, and must not take one: newer kernels complete it in the interrupt.
	 */
	if (end <= i_size_read(inode))
		return;
	spin_lock(&vn->size_lock);
	old = i_size_read(inode);
	if (end > old)
		i_size_write(inode, end);
	spin_unlock(&vn->size_lock);
	if (end > old) {
		dx_count(inode, DX_C_DIO_SIZE_UPDATES);
		trace_dx_size_update(inode, old, end - old, 0);
	}
}

/*
 * Completion, no lock held; iomap ends the DIO count after us.  Process context, but for a write over written
 * blocks inside the file, with nothing to log: that may be an interrupt.
 */
static int write_end_io(struct kiocb *iocb, ssize_t size, int error, unsigned int flags)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct dx_inode *ip = DX_I(inode);
	loff_t offset = iocb->ki_pos, end = offset + size;
	u64 disk_size;
	unsigned int nofs;

	trace_dx_dio_write_done(inode, offset, size, error ? error : flags);
	if (dx_is_shutdown(ip->mp))
		return -EIO;
	if (error)
		return error;
	if (!size)
		return 0;
	dx_count(inode, DX_C_DIO_WRITE_COMPLETIONS);
	if (dx_errortag(inode, DX_TAG_DELAY_DIO_COMPLETION) && in_task())
		msleep(dx_errortag(inode, DX_TAG_DELAY_DIO_COMPLETION));

	nofs = memalloc_nofs_save();
	disk_size = end > i_size_read(inode) || end > READ_ONCE(ip->d.size) ? end : 0;
	if (flags & IOMAP_DIO_UNWRITTEN) {
		dx_count(inode, DX_C_DIO_CONVERSIONS);
		error = dx_iomap_write_unwritten(ip, offset, size, disk_size);
		if (error)
			goto out;
		disk_size = 0;
	}
	publish_size(inode, end);
	/*
	 * In an interrupt the write lies inside the size in memory.  Is the size on disk smaller, then
	 * there is dirty data behind us, and its writeback logs a larger one.
	 */
	if (disk_size && in_task())
		error = dx_iomap_setsize(ip, disk_size);
out:
	memalloc_nofs_restore(nofs);
	return error;
}

static const struct iomap_dio_ops write_dio_ops = {
	.end_io	= write_end_io,
};

static ssize_t write_aligned(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	enum dx_iolock mode = DX_IOLOCK_SHARED;
	ssize_t ret;

	ret = dx_iolock_iocb(iocb, mode);
	if (ret)
		return ret;
	ret = dx_file_write_checks(iocb, from, &mode);
	if (ret)
		goto out;
	/* The zeroing is done; the write itself may run beside others. */
	if (mode == DX_IOLOCK_EXCL) {
		downgrade_write(&inode->i_rwsem);
		mode = DX_IOLOCK_SHARED;
	}
	trace_dx_dio_write(inode, iocb->ki_pos, iov_iter_count(from), mode);
	dx_count(inode, DX_C_DIO_WRITES);
	ret = dx_iomap_dio_rw(iocb, from, &dx_direct_write_iomap_ops, &write_dio_ops, 0);
out:
	dx_iounlock(inode, mode);
	return ret;
}

/*
 * A write that shares its first or last block with others: alone, after a
 * drain, and waited for, unless it only overwrites written blocks inside the
 * file, which needs no zeroing and may go beside others.
 */
static ssize_t write_unaligned(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	unsigned int flags = DX_DIO_OVERWRITE_ONLY;
	enum dx_iolock mode = DX_IOLOCK_SHARED;
	ssize_t ret;

	if (!DX_CAN_OVERWRITE_ONLY || iocb->ki_pos + iov_iter_count(from) > i_size_read(inode)) {
		if (iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
retry_alone:
		flags = DX_DIO_FORCE_WAIT;
		mode = DX_IOLOCK_EXCL;
	}
	ret = dx_iolock_iocb(iocb, mode);
	if (ret)
		return ret;
	ret = dx_file_write_checks(iocb, from, &mode);
	if (ret)
		goto out;
	if (mode == DX_IOLOCK_EXCL) {
		flags = DX_DIO_FORCE_WAIT;
		inode_dio_wait(inode);
	}
	trace_dx_dio_write(inode, iocb->ki_pos, iov_iter_count(from), mode);
	dx_count(inode, DX_C_DIO_WRITES);
	ret = dx_iomap_dio_rw(iocb, from, &dx_direct_write_iomap_ops, &write_dio_ops, flags);
	if (ret == -EAGAIN && !(iocb->ki_flags & IOCB_NOWAIT) && flags == DX_DIO_OVERWRITE_ONLY) {
		dx_iounlock(inode, mode);
		goto retry_alone;
	}
out:
	dx_iounlock(inode, mode);
	return ret;
}

/**
 * dx_file_dio_write - direct write
 * @iocb: position and flags; may complete asynchronously
 * @from: data
 *
 * Takes and drops the IOLOCK (L6).  Return: bytes, -EIOCBQUEUED, -EINVAL
 * when not aligned to the device's sectors, -ENOTBLK when pages could not be
 * invalidated and the caller should write through the cache.  Source: iomap_dio_rw().
 */
ssize_t dx_file_dio_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	size_t count = iov_iter_count(from);

	if ((iocb->ki_pos | count) & (bdev_logical_block_size(inode->i_sb->s_bdev) - 1))
		return -EINVAL;
	if ((iocb->ki_pos | count) & (i_blocksize(inode) - 1))
		return write_unaligned(iocb, from);
	return write_aligned(iocb, from);
}

/**
 * dx_file_dio_read - direct read
 * @iocb: position and flags
 * @to: destination
 *
 * Holds the IOLOCK shared while submitting.  Return: bytes, -EIOCBQUEUED or error.
 */
ssize_t dx_file_dio_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t ret;

	if (!iov_iter_count(to))
		return 0;
	file_accessed(iocb->ki_filp);
	ret = dx_iolock_iocb(iocb, DX_IOLOCK_SHARED);
	if (ret)
		return ret;
	ret = dx_iomap_dio_rw(iocb, to, &dx_read_iomap_ops, NULL, 0);
	dx_iounlock(inode, DX_IOLOCK_SHARED);
	return ret;
}
