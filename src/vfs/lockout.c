// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lockout.  lockout.h says what it is and why; this is its only
 * implementation (L2), and the assertion that everything under it makes (L3).
 *
 * Context: process, may sleep, no lock of this inode held on entry (or the
 * IOLOCK alone, for dx_lockout_begin_iolocked).
 */
#include "dx_vfs.h"
#include "trace.h"

static u64 since_ns(ktime_t *t)
{
	ktime_t now = ktime_get();
	u64 ns = ktime_to_ns(ktime_sub(now, *t));

	*t = now;
	return ns;
}

/**
 * dx_iolock_iocb - take the IOLOCK for an I/O
 * @iocb: tells whether it may sleep
 * @mode: shared or exclusive
 *
 * Return: 0, or -EAGAIN for IOCB_NOWAIT when the lock is not free.
 */
int dx_iolock_iocb(struct kiocb *iocb, enum dx_iolock mode)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	if (iocb->ki_flags & IOCB_NOWAIT) {
		if (mode == DX_IOLOCK_SHARED ? !inode_trylock_shared(inode) : !inode_trylock(inode))
			return -EAGAIN;
		return 0;
	}
	if (mode == DX_IOLOCK_SHARED)
		inode_lock_shared(inode);
	else
		inode_lock(inode);
	return 0;
}

/**
 * dx_iounlock - drop the IOLOCK
 * @inode: locked in @mode
 * @mode: NONE does nothing
 */
void dx_iounlock(struct inode *inode, enum dx_iolock mode)
{
	if (mode == DX_IOLOCK_SHARED)
		inode_unlock_shared(inode);
	else if (mode == DX_IOLOCK_EXCL)
		inode_unlock(inode);
}

/* A holder answers in its own time and may need the IOLOCK for it: free while we wait, then taken exclusive. */
static int wait_for_leases(struct inode *inode, enum dx_iolock *mode)
{
	int error;

	dx_count(inode, DX_C_LAYOUT_BREAKS);
	dx_iounlock(inode, *mode);
	error = break_layout(inode, true);
	inode_lock(inode);
	*mode = DX_IOLOCK_EXCL;
	return error;
}

/**
 * dx_break_layouts - wait until no layout lease stands against a change
 * @inode: regular file
 * @mode: how the caller holds the IOLOCK; on return it is held in *@mode,
 *	which is DX_IOLOCK_EXCL whenever the lock had to be dropped
 *
 * What counts is an answer given under the IOLOCK: somebody may have got a new lease while it was free.
 * So each wait is followed by another question; what the caller knew before may be true no longer.
 * Return: 0, or -ERESTARTSYS and the like from the wait.  The IOLOCK is
 * held on error too.  Source: break_layout() in include/linux/fs.h.
 */
int dx_break_layouts(struct inode *inode, enum dx_iolock *mode)
{
	int error;

	do {
		error = break_layout(inode, false);	/* asks, and does not wait */
		if (error != -EWOULDBLOCK)
			break;
		error = wait_for_leases(inode, mode);
	} while (!error);
	return error;
}

static void count_drain(struct inode *inode, u64 ns)
{
	struct dx_super *ds = dx_super(inode->i_sb);
	unsigned int i = min_t(unsigned int, fls64(div_u64(ns, 1000)), DX_HIST_BUCKETS - 1);

	atomic64_inc(&ds->counters[DX_C_DRAINS]);
	atomic64_add(ns, &ds->counters[DX_C_DRAIN_NS]);
	atomic64_inc(&ds->drain_hist[i]);
}

static int lockout_begin(struct dx_lockout *lk, ktime_t t)
{
	struct inode *inode = lk->inode;
	struct dx_vnode *vn = dx_vnode(inode);
	enum dx_iolock mode = DX_IOLOCK_EXCL;
	int error;

	if (WARN_ON_ONCE(vn->lockout_owner == current))
		return -EDEADLK;	/* a lockout never nests (L5) */

	error = dx_break_layouts(inode, &mode);
	if (error)
		return error;
	lk->layout_ns = since_ns(&t);

	dx_mmaplock_excl(inode);
	lk->mmaplock_ns = since_ns(&t);

	/*
	 * The control of the race tests: the broken order of old looked at the
	 * size first and drained later (see dx_drain_late()).
	 */
	if (!dx_errortag(inode, DX_TAG_DRAIN_BEFORE_SIZE))
		inode_dio_wait(inode);
	lk->drain_ns = since_ns(&t);
	lk->begun = t;

	vn->lockout_owner = current;
	dx_count(inode, DX_C_LOCKOUTS);
	count_drain(inode, lk->drain_ns);
	trace_dx_lockout_begin(lk);
	return 0;
}

/**
 * dx_lockout_begin - lock everybody out of a file and drain it
 * @lk: filled in; must live until dx_lockout_end()
 * @inode: regular file, none of its locks held
 * @why: for the trace
 *
 * On success IOLOCK and MMAPLOCK are held exclusive, no layout is
 * outstanding and no direct I/O is in flight.  Read the size only now (L4).
 * Return: 0, or a negative errno with nothing held.
 */
int dx_lockout_begin(struct dx_lockout *lk, struct inode *inode, enum dx_lockout_why why)
{
	ktime_t t = ktime_get();
	int error;

	memset(lk, 0, sizeof(*lk));
	lk->inode = inode;
	lk->why = why;
	inode_lock(inode);
	lk->iolock_ns = since_ns(&t);
	error = lockout_begin(lk, t);
	if (error)
		inode_unlock(inode);
	return error;
}

/**
 * dx_lockout_begin_iolocked - the same where the VFS already holds the IOLOCK
 * @lk: filled in
 * @inode: regular file, i_rwsem held exclusive by the VFS (setattr)
 * @why: for the trace
 *
 * The IOLOCK may be dropped and taken again to break layouts: whatever the
 * caller knew about the inode before this call is stale after it.
 * dx_lockout_end() leaves the IOLOCK to the VFS.  Return: as dx_lockout_begin(), IOLOCK held.
 */
int dx_lockout_begin_iolocked(struct dx_lockout *lk, struct inode *inode, enum dx_lockout_why why)
{
	memset(lk, 0, sizeof(*lk));
	lk->inode = inode;
	lk->why = why;
	lk->caller_iolock = true;
	return lockout_begin(lk, ktime_get());
}

/**
 * dx_lockout_end - let everybody in again
 * @lk: from dx_lockout_begin*()
 */
void dx_lockout_end(struct dx_lockout *lk)
{
	struct inode *inode = lk->inode;

	trace_dx_lockout_end(lk, ktime_to_ns(ktime_sub(ktime_get(), lk->begun)));
	dx_vnode(inode)->lockout_owner = NULL;
	dx_mmapunlock_excl(inode);
	if (!lk->caller_iolock)
		inode_unlock(inode);
}

/**
 * dx_assert_locked_out - is this task inside a lockout of @inode?
 * @inode: regular file
 *
 * Called on entry by everything that frees, moves, zeroes, converts or
 * resizes (L3), in every build.  Return: 0, or -EIO after one warning: the operation is
 * refused rather than run in the open window.
 */
int dx_assert_locked_out(struct inode *inode)
{
	bool drained = !atomic_read(&inode->i_dio_count) ||
		       dx_errortag(inode, DX_TAG_DRAIN_BEFORE_SIZE);

	lockdep_assert_held_write(&inode->i_rwsem);
	if (likely(dx_vnode(inode)->lockout_owner == current && drained &&
		   rwsem_is_locked(&inode->i_rwsem) && dx_mmaplock_held_excl(inode)))
		return 0;
	dx_count(inode, DX_C_LOCKOUT_VIOLATIONS);
	WARN_ONCE(1, "dioxfs: inode %llu changed outside a lockout\n", dx_vnode(inode)->ino);
	return -EIO;
}
