/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lockout: the one way to move, free, zero, convert or resize a file.
 *
 * The problem.  A direct asynchronous write holds no inode lock while it is
 * in flight.  When it completes it may convert the blocks it wrote and move
 * the end of the file.  So whoever takes the inode lock and looks at the size
 * sees a number that a write, issued long ago and soon to be acknowledged, is about to
 * change.  An operation that decides something from that number, then waits
 * for the writes, and then acts on the old number, throws away
 * acknowledged data: extending a file to a stale, smaller size is a truncate.
 *
 * The cure.  One order, taken once, held to the end of the whole operation:
 *
 *	1. IOLOCK exclusive	no new reads, writes, or direct I/O submissions
 *	2. layouts broken	nobody else does I/O to our blocks behind our back;
 *				breaking may drop the IOLOCK, so: until stable
 *	3. MMAPLOCK exclusive	no page fault maps a block that we are about to move
 *	4. inode_dio_wait()	every direct write in flight has completed: its blocks
 *				are converted, its size is published
 *	5. now, and not before, look at the size and the extents
 *
 * Nothing can start a direct write until dx_lockout_end(), so the size read at 5
 * is the size.  It must never be remembered across an unlock.
 *
 * The rules that the rest of the source keeps (L2 to L5, L7):
 *   - what changes the blocks or the size of a file asserts a lockout on entry
 *     with dx_assert_locked_out(), in every build;
 *   - compound operations flush and invalidate the page cache as often as their
 *     parts need inside the one lockout; they never nest or reopen it;
 *   - fallocate, the legacy space ioctls and truncate are one set of functions
 *     under this one lockout.
 * The write path and I/O completion are the only others that may grow a file.
 */
#ifndef DX_LOCKOUT_H
#define DX_LOCKOUT_H

#include <linux/fs.h>
#include <linux/ktime.h>

enum dx_lockout_why {
	DX_LK_FALLOCATE,
	DX_LK_IOCTL,
	DX_LK_SETSIZE,
	DX_LK_SWAPEXT,
	DX_LK_NR
};

/* A held lockout: lives on the stack of the operation. */
struct dx_lockout {
	struct inode		*inode;
	enum dx_lockout_why	why;
	bool			caller_iolock;	/* the VFS took the IOLOCK and will drop it */
	ktime_t			begun;		/* when the drain had finished */
	u64			iolock_ns, layout_ns, mmaplock_ns, drain_ns;	/* waits */
};

int dx_lockout_begin(struct dx_lockout *lk, struct inode *inode, enum dx_lockout_why why);
int dx_lockout_begin_iolocked(struct dx_lockout *lk, struct inode *inode, enum dx_lockout_why why);
void dx_lockout_end(struct dx_lockout *lk);
int dx_assert_locked_out(struct inode *inode);

/* The IOLOCK of who reads and writes */
enum dx_iolock { DX_IOLOCK_NONE, DX_IOLOCK_SHARED, DX_IOLOCK_EXCL };
int dx_iolock_iocb(struct kiocb *iocb, enum dx_iolock mode);	/* -EAGAIN for NOWAIT */
void dx_iounlock(struct inode *inode, enum dx_iolock mode);
/* IOLOCK held in *@mode: wait until no layout lease stands against a change */
int dx_break_layouts(struct inode *inode, enum dx_iolock *mode);

#endif /* DX_LOCKOUT_H */
