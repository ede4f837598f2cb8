// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lockout and its weaker kinds.  lockout.h says what they are and why; this is their only
 * implementation (L2), and the assertion that everything under them makes (L3).  Who is in which
 * range is range.c's.
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

/* What this task holds of @inode; NULL: nothing. */
static struct dx_lockout *held_by_us(struct inode *inode)
{
	struct dx_vnode *vn = dx_vnode(inode);
	struct dx_lockout *lk, *ours = NULL;

	spin_lock(&vn->held_lock);
	list_for_each_entry(lk, &vn->held, held)
		if (lk->owner == current)
			ours = lk;
	spin_unlock(&vn->held_lock);
	return ours;
}

/* All locks are taken. */
static void begun(struct dx_lockout *lk, enum dx_counter c)
{
	struct dx_vnode *vn = dx_vnode(lk->inode);

	lk->owner = current;
	lk->begun = ktime_get();
	spin_lock(&vn->held_lock);
	list_add(&lk->held, &vn->held);
	spin_unlock(&vn->held_lock);
	dx_count(lk->inode, c);
	trace_dx_lockout_begin(lk);
}

static void fill_in(struct dx_lockout *lk, struct inode *inode, enum dx_lockout_why why, enum dx_lockout_kind kind)
{
	memset(lk, 0, sizeof(*lk));
	lk->inode = inode;
	lk->why = why;
	lk->kind = kind;
}

/* IOLOCK held exclusive. */
static int drain(struct dx_lockout *lk, ktime_t *t)
{
	struct inode *inode = lk->inode;
	enum dx_iolock mode = DX_IOLOCK_EXCL;
	int error;

	if (WARN_ON_ONCE(held_by_us(inode)))
		return -EDEADLK;	/* a lockout never nests (L5) */

	error = dx_break_layouts(inode, &mode);
	if (error)
		return error;
	lk->layout_ns = since_ns(t);

	/*
	 * The control of the race tests: the broken order of old looked at the
	 * size first and drained later (see run_locked_out()).
	 */
	if (!dx_errortag(inode, DX_TAG_DRAIN_BEFORE_SIZE))
		dx_dio_drain(inode);
	lk->drain_ns = since_ns(t);
	return 0;
}

/* Drained; MMAPLOCK held too. */
static void all_locked(struct dx_lockout *lk, ktime_t *t)
{
	lk->mmaplock_ns = since_ns(t);
	count_drain(lk->inode, lk->drain_ns);
	begun(lk, DX_C_LOCKOUTS);
}

/* IOLOCK held exclusive. */
static int lockout_begin(struct dx_lockout *lk, ktime_t t)
{
	int error = drain(lk, &t);

	if (error)
		return error;
	dx_mmaplock_excl(lk->inode);
	all_locked(lk, &t);
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

	fill_in(lk, inode, why, DX_LK_FULL);
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
	fill_in(lk, inode, why, DX_LK_FULL);
	lk->caller_iolock = true;
	return lockout_begin(lk, ktime_get());
}

/* IOLOCKs of both held: is a lease in the way of either?  Then they are dropped, it is waited for, and -EAGAIN: begin anew. */
static int break_layouts_of_two(struct inode *a, struct inode *b)
{
	struct inode *leased = a;
	int error = break_layout(a, false);

	if (!error) {
		leased = b;
		error = break_layout(b, false);
	}
	if (!error)
		return 0;
	unlock_two_nondirectories(a, b);
	if (error != -EWOULDBLOCK)
		return error;
	dx_count(leased, DX_C_LAYOUT_BREAKS);
	return break_layout(leased, true) ?: -EAGAIN;
}

/**
 * dx_lockout_begin_two - lock everybody out of two files, and drain both
 * @lk: two, filled in; must live until dx_lockout_end_two()
 * @a: regular file, none of its locks held
 * @b: another one of the same mount, or the same
 * @why: for the trace
 *
 * Locks of one kind in the order of the inodes' addresses, as the VFS takes two; both IOLOCKs, both drains, both MMAPLOCKs.
 * Return: 0, or a negative errno with nothing held.
 */
int dx_lockout_begin_two(struct dx_lockout lk[2], struct inode *a, struct inode *b, enum dx_lockout_why why)
{
	ktime_t t = ktime_get();
	int error, i;

	if (a == b) {
		lk[1].inode = NULL;
		return dx_lockout_begin(&lk[0], a, why);
	}
	fill_in(&lk[0], min(a, b), why, DX_LK_FULL);
	fill_in(&lk[1], max(a, b), why, DX_LK_FULL);
	do {
		lock_two_nondirectories(a, b);
		error = break_layouts_of_two(a, b);
	} while (error == -EAGAIN);
	if (error)
		return error;
	lk[0].iolock_ns = since_ns(&t);
	for (i = 0; i < 2; i++) {
		lk[i].caller_iolock = true;
		error = drain(&lk[i], &t);
		if (error) {
			unlock_two_nondirectories(a, b);
			return error;
		}
	}
	dx_mmaplock_excl(lk[0].inode);
	dx_mmaplock_excl_second(lk[1].inode);
	all_locked(&lk[0], &t);
	all_locked(&lk[1], &t);
	return 0;
}

/**
 * dx_lockout_end_two - let everybody in again
 * @lk: from dx_lockout_begin_two()
 */
void dx_lockout_end_two(struct dx_lockout lk[2])
{
	struct inode *a = lk[0].inode, *b = lk[1].inode;

	if (b)
		dx_lockout_end(&lk[1]);
	dx_lockout_end(&lk[0]);
	if (b)
		unlock_two_nondirectories(a, b);
}

/*
 * The IOLOCK for an operation that leaves the size alone: no lease in the way, privileges stripped and times moved, which wants
 * it exclusive, and then shared.
 */
static int lock_shared(struct dx_lockout *lk, struct file *file)
{
	struct inode *inode = lk->inode;
	enum dx_iolock mode = IS_NOSEC(inode) ? DX_IOLOCK_SHARED : DX_IOLOCK_EXCL;
	ktime_t t = ktime_get();
	int error;

	if (WARN_ON_ONCE(held_by_us(inode)))
		return -EDEADLK;
	if (mode == DX_IOLOCK_SHARED)
		inode_lock_shared(inode);
	else
		inode_lock(inode);
	if (mode == DX_IOLOCK_SHARED && !IS_NOSEC(inode)) {
		dx_iounlock(inode, mode);
		mode = DX_IOLOCK_EXCL;
		inode_lock(inode);
	}
	lk->iolock_ns = since_ns(&t);
	error = dx_break_layouts(inode, &mode);
	lk->layout_ns = since_ns(&t);
	if (!error && IS_SWAPFILE(inode))
		error = -ETXTBSY;
	if (!error)
		error = dx_file_modified(file);
	if (error)
		dx_iounlock(inode, mode);
	else if (mode == DX_IOLOCK_EXCL)
		downgrade_write(&inode->i_rwsem);
	return error;
}

/*
 * A control: the wrong order, of which the right one must make a difference.  Who is stuck is let go, and told on, after a while:
 * direct I/O that has entered the range and faults on this file waits for us.
 */
static bool wait_mmaplocked(struct dx_lockout *lk)
{
	bool entered;

	dx_mmaplock_excl(lk->inode);
	entered = dx_range_wait(&lk->range, 10 * HZ);
	dx_mmapunlock_excl(lk->inode);
	if (!entered)
		dx_count(lk->inode, DX_C_LOCKOUT_VIOLATIONS);
	return entered;
}

static void enter_range(struct dx_lockout *lk, loff_t pos, loff_t len, bool alone)
{
	struct inode *inode = lk->inode;
	struct dx_ranges *rs = dx_vnode(inode)->ranges;
	ktime_t t = ktime_get();

	if (!rs)
		return;
	lk->in_range = true;
	if (dx_range_come(rs, &lk->range, pos, len, alone)) {
		if (!alone || !dx_errortag(inode, DX_TAG_MMAPLOCK_BEFORE_RANGE) || !wait_mmaplocked(lk))
			dx_range_wait(&lk->range, MAX_SCHEDULE_TIMEOUT);
		lk->drain_ns = since_ns(&t);
		dx_count(inode, DX_C_RANGE_WAITS);
		atomic64_add(lk->drain_ns, &dx_super(inode->i_sb)->counters[DX_C_RANGE_WAIT_NS]);
	}
}

/**
 * dx_lockout_begin_additive - keep out what takes away
 * @lk: filled in; must live until dx_lockout_end()
 * @file: regular file, opened for writing; none of its inode's locks held
 * @why: for the trace
 * @pos: bytes
 * @len: bytes: where blocks are to be put
 *
 * For what puts blocks where none are and leaves the size alone. IOLOCK held shared: direct I/O and other additive operations go
 * on, full lockouts wait for us, and so do ranged ones over the range.  Privileges are stripped and times moved.
 * Return: 0, -ETXTBSY for a swap file, or a negative errno with nothing held.
 */
int dx_lockout_begin_additive(struct dx_lockout *lk, struct file *file, enum dx_lockout_why why, loff_t pos, loff_t len)
{
	int error;

	fill_in(lk, file_inode(file), why, DX_LK_ADDITIVE);
	error = lock_shared(lk, file);
	if (error)
		return error;
	enter_range(lk, pos, len, false);
	begun(lk, DX_C_ADDITIVE);
	return 0;
}

/* A full lockout is as good; while it lasts nothing is in flight that the book would miss. */
static int start_book(struct dx_lockout *lk, struct file *file)
{
	struct inode *inode = lk->inode;
	int error = dx_lockout_begin(lk, inode, lk->why);

	if (error)
		return error;
	error = IS_SWAPFILE(inode) ? -ETXTBSY : dx_file_modified(file);
	if (error)
		dx_lockout_end(lk);
	else if (DX_CAN_RANGE && !dx_vnode(inode)->ranges)
		dx_vnode(inode)->ranges = dx_ranges_new();	/* or the next one starts it */
	return error;
}

/**
 * dx_lockout_begin_ranged - lock everybody out of a range of a file
 * @lk: filled in; must live until dx_lockout_end(); @lk->kind tells whether it became a full lockout
 * @file: regular file, opened for writing; none of its inode's locks held
 * @why: for the trace
 * @pos: bytes, a multiple of pages and of blocks
 * @len: bytes, likewise
 *
 * For what frees or converts blocks of the range and leaves the size alone.  IOLOCK held shared, MMAPLOCK exclusive, and no direct
 * I/O in flight over the range.  The first one on an inode is a full lockout.  Privileges are stripped and times moved.
 * Return: 0, -ETXTBSY for a swap file, or a negative errno with nothing held.
 */
int dx_lockout_begin_ranged(struct dx_lockout *lk, struct file *file, enum dx_lockout_why why, loff_t pos, loff_t len)
{
	struct inode *inode = file_inode(file);
	ktime_t t;
	int error;

	fill_in(lk, inode, why, DX_LK_RANGED);
	/* Set once and for good, so a look without a lock can only err on the safe side. */
	if (!DX_CAN_RANGE || !READ_ONCE(dx_vnode(inode)->ranges))
		return start_book(lk, file);
	error = lock_shared(lk, file);
	if (error)
		return error;
	enter_range(lk, pos, len, true);
	t = ktime_get();
	dx_mmaplock_excl(inode);
	lk->mmaplock_ns = since_ns(&t);
	begun(lk, DX_C_RANGED);
	return 0;
}

/**
 * dx_lockout_end - let everybody in again
 * @lk: from dx_lockout_begin*()
 */
void dx_lockout_end(struct dx_lockout *lk)
{
	struct inode *inode = lk->inode;
	struct dx_vnode *vn = dx_vnode(inode);

	trace_dx_lockout_end(lk, ktime_to_ns(ktime_sub(ktime_get(), lk->begun)));
	/* what else excludes others sees to that itself, or changes no contents */
	if (lk->why == DX_LK_FALLOCATE || lk->why == DX_LK_IOCTL)
		dx_note_change(inode);
	spin_lock(&vn->held_lock);
	list_del(&lk->held);
	spin_unlock(&vn->held_lock);
	if (lk->kind != DX_LK_ADDITIVE)
		dx_mmapunlock_excl(inode);
	if (lk->in_range)
		dx_range_leave(vn->ranges, &lk->range);
	if (lk->kind != DX_LK_FULL)
		inode_unlock_shared(inode);
	else if (!lk->caller_iolock)
		inode_unlock(inode);
}

/* Is what @lk says of its locks true, as far as one can tell? */
static bool holds(const struct dx_lockout *lk)
{
	struct inode *inode = lk->inode;

	if (!rwsem_is_locked(&inode->i_rwsem))
		return false;
	if (lk->kind != DX_LK_ADDITIVE && !dx_mmaplock_held_excl(inode))
		return false;
	if (lk->kind == DX_LK_FULL)
		return dx_dio_none(inode) || dx_errortag(inode, DX_TAG_DRAIN_BEFORE_SIZE);
	return lk->kind == DX_LK_ADDITIVE || (lk->in_range && !READ_ONCE(lk->range.ahead));
}

static bool covers(const struct dx_lockout *lk, loff_t pos, loff_t len)
{
	return lk->kind != DX_LK_RANGED ||
	       (pos >= 0 && (u64)pos >= lk->range.first && (u64)pos + len - 1 <= lk->range.last);
}

/**
 * dx_assert_locked_out - does this task have the right to change @inode so?
 * @inode: regular file
 * @need: the weakest kind of exclusion that does
 * @pos: bytes
 * @len: bytes, positive: what is about to be changed; a full lockout is over the whole file
 *
 * Called on entry by everything that adds, frees, moves, zeroes, converts or
 * resizes (L3), in every build.  Return: 0, or -EIO after one warning: the operation is
 * refused rather than run in the open window.
 */
int dx_assert_locked_out(struct inode *inode, enum dx_lockout_kind need, loff_t pos, loff_t len)
{
	struct dx_lockout *lk = held_by_us(inode);

	if (likely(lk && lk->kind >= need && holds(lk) && covers(lk, pos, len)))
		return 0;
	dx_count(inode, DX_C_LOCKOUT_VIOLATIONS);
	WARN_ONCE(1, "dioxfs: inode %llu, %lld bytes from %lld: changed outside a lockout (needs kind %d, has %d)\n",
		  dx_vnode(inode)->ino, (long long)len, (long long)pos, need, lk ? (int)lk->kind : -1);
	return -EIO;
}
