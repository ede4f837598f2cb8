// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct I/O (L6).
 *
 * Submission of a write holds the IOLOCK shared; exclusive, after a drain, when it must zero between
 * the old end of file and its start, or is not aligned to blocks and no mere overwrite inside the
 * file, or appends and cannot tell where to (beyond.c).  Once submitted, nothing is held but the count
 * that inode_dio_wait() waits for.  Completion, in this order:
 *
 *   1. copies of shared blocks come into the data fork; unwritten extents become written, and the size on disk is logged
 *      with them in the same transaction when the write ends past it;
 *   2. a write that needed no conversion logs the size on disk now;
 *   3. the size in memory is published under the vnode's size lock if it grows;
 *   4. the range that the write is in, if the file keeps book of that (lockout.h), is left;
 *   5. inode_dio_end(), by iomap, after which the write is acknowledged.
 *
 * Logging the size with the conversion saves a transaction per appending write.  It may be on disk
 * before it is in memory, which nobody can see: whoever decides from the size has waited for step 5.
 * The other way round it can be seen: a write inside a size that is not logged yet would find nothing that it must log, nor would
 * the fsync after it, and both would be acknowledged with their bytes behind the end that a crash leaves.
 *
 * Nothing asynchronous is polled for.  What completes only when its submitter polls never completes
 * for a submitter that sits in a lockout's drain, and the drain does not know whom to poll.
 */
#include <linux/delay.h>
#include <linux/uio.h>
#include "dx_vfs.h"
#include "dx_cow.h"
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
 * What has arrived, counts: blocks become written, the end moves.  No lock held.  Process context, but
 * for a write over written blocks inside the file, with nothing to log: that may be an interrupt.
 */
static int make_count(struct inode *inode, loff_t offset, ssize_t size, unsigned int flags)
{
	struct dx_inode *ip = DX_I(inode);
	loff_t end = offset + size;
	unsigned int nofs = memalloc_nofs_save();
	u64 disk_size = end > i_size_read(inode) || end > dx_disk_size(ip) ? end : 0;
	int error = 0;

	if (flags & IOMAP_DIO_COW) {
		/*
		 * A part of a block's copy is no copy: the caller's memory ended within one.  A copy that does not come into the
		 * file stays in the CoW fork, for others may be writing to it; it is overwritten or dropped in a lockout.
		 */
		error = end & (i_blocksize(inode) - 1) || WARN_ON_ONCE(!in_task()) ? -EIO : dx_cow_end(ip, offset, size);
		if (error)
			goto out;
	}
	if (flags & IOMAP_DIO_UNWRITTEN) {
		dx_count(inode, DX_C_DIO_CONVERSIONS);
		error = dx_iomap_write_unwritten(ip, offset, size, disk_size);
		if (error)
			goto out;
		disk_size = 0;
	}
	/*
	 * In an interrupt the write lies inside the size in memory.  Is the size on disk smaller, then
	 * there is dirty data behind us, and its writeback logs a larger one.
	 */
	if (disk_size && in_task()) {
		error = dx_iomap_setsize(ip, disk_size);
		if (error)
			goto out;
	}
	publish_size(inode, end);
out:
	memalloc_nofs_restore(nofs);
	return error;
}

/* Completion; iomap ends the DIO count after us. */
static int write_end_io(struct kiocb *iocb, ssize_t size, int error, unsigned int flags)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	trace_dx_dio_write_done(inode, iocb->ki_pos, size, error ? error : flags);
	dx_note_change(inode);
	if (dx_is_shutdown(DX_M(inode->i_sb)))
		error = -EIO;
	if (!error && size) {
		dx_count(inode, DX_C_DIO_WRITE_COMPLETIONS);
		if (dx_errortag(inode, DX_TAG_RANGE_LEFT_EARLY) && in_task()) {
			dx_range_leave_dio(iocb);
			msleep(20);
		}
		if (dx_errortag(inode, DX_TAG_DELAY_DIO_COMPLETION) && in_task())
			msleep(dx_errortag(inode, DX_TAG_DELAY_DIO_COMPLETION));
		error = make_count(inode, iocb->ki_pos, size, flags);
	}
	dx_beyond_leave(iocb);
	dx_range_leave_dio(iocb);
	return error;
}

DX_DIO_OPS(write_dio_ops, write_end_io);

/* Of a read in a file that keeps book. */
static int read_end_io(struct kiocb *iocb, ssize_t size, int error, unsigned int flags)
{
	dx_range_leave_dio(iocb);
	return error;
}

DX_DIO_OPS(read_dio_ops, read_end_io);

static bool aligned_to(struct kiocb *iocb, struct iov_iter *from, unsigned int unit)
{
	return !((iocb->ki_pos | iov_iter_count(from)) & (unit - 1));
}

/* An I/O that somebody may wait for in a drain is completed by interrupt; a synchronous one polls for itself. */
static void do_not_poll(struct kiocb *iocb)
{
	if (!is_sync_kiocb(iocb))
		iocb->ki_flags &= ~IOCB_HIPRI;
}

/*
 * An append that may not wait can find that it would have to after it was given a place. Others would stand behind that by
 * then, and it would stay a gap: such an append keeps the IOLOCK exclusive until it has been submitted.
 */
static bool may_give_up_its_place(struct kiocb *iocb)
{
	return (iocb->ki_flags & (IOCB_APPEND | IOCB_NOWAIT)) == (IOCB_APPEND | IOCB_NOWAIT);
}

/*
 * May this write start?  Beside others go
 *   - whole blocks that start at the end of the file or before it, or where an append has its place;
 *   - parts of blocks that end before the end of the file, at the price of -EAGAIN if they are not an
 *     overwrite of written blocks.  One that ends at it would have the rest of its block zeroed, where
 *     a write that extends the file may be at work.
 */
static int admit(struct kiocb *iocb, struct iov_iter *from, enum dx_iolock mode)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	loff_t isize = i_size_read(inode);	/* IOLOCK held: it can only grow, alone it stays */

	if (!aligned_to(iocb, from, bdev_logical_block_size(inode->i_sb->s_bdev)))
		return -EINVAL;
	/* Where an append goes, or what a limit leaves of a write, is known only now. */
	if (dx_iocb_atomic(iocb) && (!aligned_to(iocb, from, i_blocksize(inode)) || !iov_iter_count(from)))
		return -EINVAL;
	if (!aligned_to(iocb, from, i_blocksize(inode))) {
		/* A copy is made of whole blocks: what is missing must be read first. */
		if (dx_inode_shares(DX_I(inode)))
			return -ENOTBLK;
		if (mode == DX_IOLOCK_EXCL)	/* and is waited for */
			return iocb->ki_flags & IOCB_NOWAIT ? -EAGAIN : 0;
		return DX_CAN_OVERWRITE_ONLY && iocb->ki_pos + (loff_t)iov_iter_count(from) < isize ? 0 : -EBUSY;
	}
	if (mode == DX_IOLOCK_SHARED) {
		if (may_give_up_its_place(iocb))
			return -EBUSY;
		if (iocb->ki_flags & IOCB_APPEND)
			return dx_beyond_append(iocb, from);
		if (iocb->ki_pos > isize)
			return -EBUSY;
	}
	return dx_beyond_enter(iocb, iov_iter_count(from));
}

/* Admitted; IOLOCK held in *@mode, which becomes shared for what needs no more. */
static ssize_t submit_write(struct kiocb *iocb, struct iov_iter *from, enum dx_iolock *mode)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	unsigned int flags = 0;
	bool alone = false;
	ssize_t ret;

	if (!aligned_to(iocb, from, i_blocksize(inode))) {
		alone = *mode == DX_IOLOCK_EXCL;
		flags = alone ? DX_DIO_FORCE_WAIT : DX_DIO_OVERWRITE_ONLY;
		if (alone)
			WRITE_ONCE(dx_vnode(inode)->alone_from, iocb->ki_pos);
	} else if (*mode == DX_IOLOCK_EXCL && !may_give_up_its_place(iocb)) {
		/* The gap is zeroed, the privileges are gone; the write itself may run beside others. */
		downgrade_write(&inode->i_rwsem);
		*mode = DX_IOLOCK_SHARED;
	}
	trace_dx_dio_write(inode, iocb->ki_pos, iov_iter_count(from), *mode);
	dx_count(inode, DX_C_DIO_WRITES);
	ret = dx_iomap_dio_rw(iocb, from, &dx_direct_write_iomap_ops, &write_dio_ops, flags);
	if (alone)
		WRITE_ONCE(dx_vnode(inode)->alone_from, -1);
	/* Nothing was submitted: it is no overwrite of one written extent. */
	if (ret == -EAGAIN && flags == DX_DIO_OVERWRITE_ONLY && !(iocb->ki_flags & IOCB_NOWAIT))
		ret = -EBUSY;
	return ret;
}

/**
 * dx_file_dio_write - direct write
 * @iocb: position and flags; may complete asynchronously, and is not to be looked at then
 * @from: data
 *
 * Takes and drops the IOLOCK (L6): first shared, and from the start again exclusive when the write
 * turns out to need that.  How it goes is decided when its position and length are settled, under the
 * lock.  Return: bytes, -EIOCBQUEUED, -EINVAL when not aligned to the device's sectors, -ENOTBLK when
 * pages could not be invalidated and the caller should write through the cache.  Source:
 * iomap_dio_rw().
 */
ssize_t dx_file_dio_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct file *file = dx_dio_hold(iocb);
	enum dx_iolock mode, held;
	ssize_t ret;

	do_not_poll(iocb);
	for (mode = DX_IOLOCK_SHARED; ; mode = DX_IOLOCK_EXCL) {
		ret = dx_iolock_iocb(iocb, mode);
		if (ret)
			break;
		held = mode;
		ret = dx_file_write_checks(iocb, from, &held, admit);
		if (!ret && iov_iter_count(from))
			ret = dx_range_enter_dio(iocb, iov_iter_count(from));
		if (!ret && iov_iter_count(from))
			ret = submit_write(iocb, from, &held);
		if (ret != -EIOCBQUEUED) {	/* there may have been nothing to complete */
			dx_beyond_leave(iocb);
			dx_range_leave_dio(iocb);
		}
		dx_iounlock(inode, held);
		if (ret != -EBUSY || mode == DX_IOLOCK_EXCL)
			break;
	}
	dx_dio_let_go(file);
	return ret;
}

/**
 * dx_file_dio_read - direct read
 * @iocb: position and flags
 * @to: destination
 *
 * Holds the IOLOCK shared while submitting; what it reads stays the file's until it has completed.
 * Return: bytes, -EIOCBQUEUED or error.
 */
ssize_t dx_file_dio_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	const struct dx_dio_ops *ops = NULL;
	struct file *file;
	ssize_t ret;

	if (!iov_iter_count(to))
		return 0;
	do_not_poll(iocb);
	ret = dx_iolock_iocb(iocb, DX_IOLOCK_SHARED);
	if (ret)
		return ret;
	file_accessed(iocb->ki_filp);	/* now: once submitted, the iocb may be gone */
	file = dx_dio_hold(iocb);
	if (unlikely(dx_vnode(inode)->ranges) && !dx_errortag(inode, DX_TAG_READS_UNTRACKED)) {
		ops = &read_dio_ops;
		ret = dx_range_enter_dio(iocb, iov_iter_count(to));
	}
	if (!ret)
		ret = dx_iomap_dio_rw(iocb, to, &dx_read_iomap_ops, ops, 0);
	if (ops && ret != -EIOCBQUEUED)
		dx_range_leave_dio(iocb);
	dx_iounlock(inode, DX_IOLOCK_SHARED);
	dx_dio_let_go(file);
	return ret;
}
