// SPDX-License-Identifier: GPL-2.0-only
/*
 * Before a write, direct or buffered, starts: where it goes, how much of it, and whether it must be alone (L6).
 *
 * Called with the IOLOCK, which is dropped and taken anew when the write turns out to need it exclusive, or when a
 * layout lease stands in the way.
 */
#include <linux/uio.h>
#include "dx_vfs.h"

/* What must be waited for before a write may start, besides locks.  IOLOCK held in *@mode, which may become EXCL. */
static int clear_the_way(struct kiocb *iocb, enum dx_iolock *mode)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	int error;

	if (!(iocb->ki_flags & IOCB_NOWAIT)) {
		error = dx_break_layouts(inode, mode);
		if (!error && *mode == DX_IOLOCK_EXCL &&
		    ((iocb->ki_flags & IOCB_DIRECT) || !dx_errortag(inode, DX_TAG_BUFFERED_UNDRAINED)))
			dx_dio_drain(inode);
		return error;
	}
	error = break_layout(inode, false);
	if (error == -EWOULDBLOCK || (!error && *mode == DX_IOLOCK_EXCL && !dx_dio_none(inode)))
		error = -EAGAIN;
	return error;
}

/* From shared to exclusive.  Others may come in between. */
static int become_alone(struct kiocb *iocb, enum dx_iolock *mode)
{
	int error;

	dx_iounlock(file_inode(iocb->ki_filp), *mode);
	error = dx_iolock_iocb(iocb, DX_IOLOCK_EXCL);
	*mode = error ? DX_IOLOCK_NONE : DX_IOLOCK_EXCL;
	return error;
}

/**
 * dx_file_write_checks - settle where a write goes and how much of it, and make it safe to start
 * @iocb: position; set to where an O_APPEND write goes
 * @from: shortened to the limits
 * @mode: how the IOLOCK is held; may become exclusive, or NONE on error
 * @admit: asked once position and length are settled: 0, -EBUSY when the write must be alone (never when it
 *	is: @mode is EXCL), or why it cannot be; NULL for a write that is alone from the start
 *
 * A write that holds the IOLOCK exclusive is alone: everything direct that was in flight has
 * completed.  So a buffered write never sees an end that is about to move, nor reads or zeroes around
 * itself, in a folio of whatever size, what a direct write beside it is just changing.  Everything is
 * settled anew after the IOLOCK was dropped.
 *
 * Alone, too, must be who zeroes between the end of the file and his start (L6), and who strips
 * privileges. Return: 0 or negative errno.
 */
ssize_t dx_file_write_checks(struct kiocb *iocb, struct iov_iter *from, enum dx_iolock *mode,
			     int (*admit)(struct kiocb *iocb, struct iov_iter *from, enum dx_iolock mode))
{
	struct inode *inode = file_inode(iocb->ki_filp);
	size_t asked = iov_iter_count(from);
	loff_t isize;
	ssize_t ret;

	for (;;) {
		ret = clear_the_way(iocb, mode);
		if (ret)
			return ret;
		iov_iter_reexpand(from, asked);
		ret = generic_write_checks(iocb, from);
		if (ret <= 0)
			return ret;
		ret = *mode == DX_IOLOCK_SHARED && !IS_NOSEC(inode) ? -EBUSY : 0;
		if (!ret && admit)
			ret = admit(iocb, from, *mode);
		if (ret != -EBUSY)
			break;
		ret = become_alone(iocb, mode);
		if (ret)
			return ret;
	}
	if (ret)
		return ret;
	if (*mode == DX_IOLOCK_EXCL) {
		isize = i_size_read(inode);	/* after the drain (L4) */
		if (iocb->ki_pos > isize) {
			if (iocb->ki_flags & IOCB_NOWAIT)
				return -EAGAIN;
			ret = dx_zero_range(inode, isize, iocb->ki_pos - isize, NULL);
			if (ret)
				return ret;
		}
	}
	dx_note_change(inode);
	return dx_kiocb_modified(iocb);
}
