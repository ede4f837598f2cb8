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
 *	3. inode_dio_wait()	every direct write in flight has completed: its blocks
 *				are converted, its size is published
 *	4. MMAPLOCK exclusive	no page fault maps a block that we are about to move;
 *				after the wait, so that faults do not wait for it too
 *	5. now, and not before, look at the size and the extents
 *
 * Nothing can start a direct write until dx_lockout_end(), so the size read at 5
 * is the size.  It must never be remembered across an unlock.
 *
 * The kinds.  That stops every writer of the file, for a size that many operations never use.  So there are two weaker
 * kinds of exclusion, and an operation takes the weakest that it can do with:
 *
 *	full		the above: what moves the end, moves blocks, or zeroes parts of blocks
 *	ranged		frees, zeroes and converts whole pages and blocks of a range and leaves the end alone:
 *			IOLOCK shared; then the range, which everything that was let in over it before must have
 *			left, and which nobody enters until we leave; then MMAPLOCK exclusive
 *	additive	puts blocks where none are, and leaves the end alone: IOLOCK shared. Nothing is taken away from anybody
 *
 * Under IOLOCK shared the size can only grow. It may be compared, to see that something lies inside it, which stays true; nothing
 * else may be decided from it, and it is never set.  Who must extend a file first adds, ends that, and
 * then takes a full lockout for the size.
 *
 * Who is in a range.  Direct I/O, reads too, enters the range it is about to do I/O to under the IOLOCK, before it looks at the
 * extents, and leaves it as the last thing that its completion does.  Direct I/O and additive operations are there beside each
 * other; a ranged one is there alone. First come, first served: nobody starves.  Range before MMAPLOCK, for who has entered a
 * range may fault on his own buffer, which may be a mapping of this file.
 *
 * Only files that have seen a ranged operation keep book of that.  The first one on a file is a full lockout, which starts the book
 * (nothing is in flight then); until then direct I/O pays the test of a pointer.  Kernels whose page cache does not take the
 * MMAPLOCK by itself (DX_CAN_RANGE) never start one.
 *
 * The rules that the rest of the source keeps (L2 to L5, L7):
 *   - what changes the blocks or the size of a file asserts on entry, with dx_assert_locked_out() and in every
 *     build, that this task has an exclusion of a kind that suffices, over the range it changes;
 *   - compound operations flush and invalidate the page cache as often as their
 *     parts need inside the one exclusion; they never nest or reopen it;
 *   - fallocate, the legacy space ioctls and truncate are one set of functions.
 * The write path and I/O completion are the only others that may grow a file.
 */
#ifndef DX_LOCKOUT_H
#define DX_LOCKOUT_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/rbtree.h>

enum dx_lockout_why {
	DX_LK_FALLOCATE,
	DX_LK_IOCTL,
	DX_LK_SETSIZE,
	DX_LK_SWAPEXT,
	DX_LK_REMAP,
	DX_LK_EXCHANGE,
	DX_LK_NR
};

/* A stronger kind allows all that a weaker one does. */
enum dx_lockout_kind { DX_LK_ADDITIVE, DX_LK_RANGED, DX_LK_FULL };

/* Somebody in a range, or waiting for it: range.c. */
struct dx_range {
	struct rb_node		rb;
	u64			first, last;	/* bytes, both inside */
	u64			subtree_last;
	u64			turn;		/* who came first */
	unsigned int		ahead;		/* who came first, is in the way, and has not left */
	bool			alone;		/* not beside others */
	struct kiocb		*iocb;		/* direct I/O: whose */
	struct hlist_node	by_iocb;
	struct completion	granted;	/* of one that had to wait */
};

/* A held exclusion: lives on the stack of the operation. */
struct dx_lockout {
	struct inode		*inode;
	enum dx_lockout_why	why;
	enum dx_lockout_kind	kind;
	bool			caller_iolock;	/* the VFS took the IOLOCK and will drop it */
	bool			in_range;	/* @range is entered */
	struct task_struct	*owner;
	struct list_head	held;		/* among the inode's */
	struct dx_range		range;
	ktime_t			begun;		/* when the last wait had ended */
	u64			iolock_ns, layout_ns, mmaplock_ns;	/* waits */
	u64			drain_ns;	/* for direct I/O, of the range or of the file */
};

int dx_lockout_begin(struct dx_lockout *lk, struct inode *inode, enum dx_lockout_why why);
int dx_lockout_begin_iolocked(struct dx_lockout *lk, struct inode *inode, enum dx_lockout_why why);
int dx_lockout_begin_additive(struct dx_lockout *lk, struct file *file, enum dx_lockout_why why, loff_t pos, loff_t len);
int dx_lockout_begin_ranged(struct dx_lockout *lk, struct file *file, enum dx_lockout_why why, loff_t pos, loff_t len);
void dx_lockout_end(struct dx_lockout *lk);
int dx_lockout_begin_two(struct dx_lockout lk[2], struct inode *a, struct inode *b, enum dx_lockout_why why);
void dx_lockout_end_two(struct dx_lockout lk[2]);
int dx_assert_locked_out(struct inode *inode, enum dx_lockout_kind need, loff_t pos, loff_t len);

/* range.c */
struct dx_ranges;
struct dx_ranges *dx_ranges_new(void);
bool dx_range_come(struct dx_ranges *rs, struct dx_range *r, loff_t pos, loff_t len, bool alone);
bool dx_range_wait(struct dx_range *r, unsigned long timeout);
void dx_range_leave(struct dx_ranges *rs, struct dx_range *r);
int dx_range_enter_dio(struct kiocb *iocb, size_t count);
void dx_range_leave_dio(struct kiocb *iocb);

/* The IOLOCK of who reads and writes */
enum dx_iolock { DX_IOLOCK_NONE, DX_IOLOCK_SHARED, DX_IOLOCK_EXCL };
int dx_iolock_iocb(struct kiocb *iocb, enum dx_iolock mode);	/* -EAGAIN for NOWAIT */
void dx_iounlock(struct inode *inode, enum dx_iolock mode);
/* IOLOCK held in *@mode: wait until no layout lease stands against a change */
int dx_break_layouts(struct inode *inode, enum dx_iolock *mode);

#endif /* DX_LOCKOUT_H */
