// SPDX-License-Identifier: GPL-2.0-only
/*
 * Before anybody is told "no space left": what is only held, and not used, is given back.
 *
 * Three things hold space that they may not need: unlinked files that wait to be freed, speculative
 * preallocation past EOF, and delayed extents, whose reservation for the btree is for the worst case and
 * shrinks to what is used when they are written out.  A round gives back all of them.  It runs in a worker, for everybody
 * who has met -ENOSPC by then: however many they are, each waits for one round that began after it asked.  And there is
 * none when nothing has come to be held since the last (mp->giveable), so that a full
 * volume answers at once.
 *
 * Locks.  The worker writes back (folio locks, ILOCK, log), frees (ILOCK, AG headers), and trims in a
 * lockout of each file that it can have without waiting.  So one may wait for it holding IOLOCKs, of files and
 * directories, a lockout, mmap_lock and write access to the mount, but no MMAPLOCK alone, folio lock, ILOCK, buffer or
 * transaction.  It holds s_umount shared, for which it does not wait either: against unmount, and
 * against freezing, for a transaction that a frozen volume holds up would keep the thaw waiting for s_umount.
 */
#include <linux/sched/signal.h>
#include <linux/writeback.h>
#include "dx_vfs.h"

/* How long somebody who met -ENOSPC waits for a round in all; and when he tries again before it has ended. */
#define PATIENCE	(60 * HZ)
#define SLICE		HZ
/* What was in use in the last round is not looked at again before. */
#define BUSY_AGAIN	HZ

/* Trim a file.  False: it is in use and may be trimmed another time. */
static bool trim_one(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_lockout lk;
	bool done = false;

	if (!inode_trylock(inode))
		return false;
	/* No waiting for a lease: that drops the IOLOCK, and whoever takes it may be waiting for us. */
	if (!atomic_read(&inode->i_dio_count) && !break_layout(inode, false) &&
	    !dx_lockout_begin_iolocked(&lk, inode, DX_LK_SETSIZE)) {
		done = !dx_free_eofblocks_from(ip, i_size_read(inode));
		if (done)
			clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
		dx_lockout_end(&lk);
	}
	inode_unlock(inode);
	return done;
}

/* Trim every file that is not in use.  False: some were. */
static bool trim_all(struct super_block *sb)
{
	struct inode *inode, *old = NULL;
	bool all = true;

	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		struct dx_inode *ip = DX_I(inode);

		if (!ip || !S_ISREG(inode->i_mode) || !test_bit(DX_I_EOFBLOCKS, &ip->i_flags) ||
		    (ip->d.flags & (DX_DIFLAG_PREALLOC | DX_DIFLAG_APPEND)))
			continue;
		if (dx_inode_state(inode, I_NEW) || !igrab(inode))
			continue;	/* not there yet, or going */
		spin_unlock(&sb->s_inode_list_lock);

		/* The previous one is put only now: it kept our place in the list. */
		iput(old);
		old = inode;
		all = trim_one(inode) && all;
		cond_resched();
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
	iput(old);
	return all;
}

/**
 * dx_blockgc - trim preallocation past the end of every idle file
 * @sb: mounted; no inode lock of it held by the caller
 *
 * Frees what is unlinked first.  Sleeps.
 */
void dx_blockgc(struct super_block *sb)
{
	dx_icache_blockgc(DX_M(sb));
	dx_icache_wait_inactive(DX_M(sb), MAX_SCHEDULE_TIMEOUT);
	trim_all(sb);
}

static void round_work(struct work_struct *work)
{
	struct dx_giveback *gb = container_of(work, struct dx_giveback, work);
	struct dx_super *ds = container_of(gb, struct dx_super, giveback);
	struct super_block *sb = ds->sb;
	struct dx_mount *mp = &ds->mp;
	s64 marks = atomic64_read(&mp->eofmarks);
	bool all, trimmed = false;

	spin_lock(&gb->lock);
	gb->begun++;
	gb->seen = atomic64_read(&mp->giveable);
	spin_unlock(&gb->lock);
	atomic64_inc(&ds->counters[DX_C_GIVE_BACKS]);

	dx_icache_blockgc(mp);
	all = dx_icache_wait_inactive(mp, PATIENCE);
	if (down_read_trylock(&sb->s_umount)) {
		if (sb->s_writers.frozen == SB_UNFROZEN) {
			/* Trim first: preallocation that is only reserved need not be made real for that. */
			trimmed = marks == gb->trimmed || trim_all(sb);
			if (trimmed)
				gb->trimmed = marks;
			sync_inodes_sb(sb);
		}
		up_read(&sb->s_umount);
	}

	spin_lock(&gb->lock);
	gb->done = gb->begun;
	gb->partial = !all || !trimmed;
	gb->ended = jiffies;
	spin_unlock(&gb->lock);
	wake_up_all(&gb->wait);
}

/* The round to wait for; 0: none, for there is nothing to give back. */
static u64 ask(struct dx_super *ds)
{
	struct dx_giveback *gb = &ds->giveback;
	bool news, running;
	u64 round;

	spin_lock(&gb->lock);
	running = gb->done != gb->begun;
	news = !gb->begun || gb->seen != atomic64_read(&ds->mp.giveable) ||
	       (!running && gb->partial && time_after(jiffies, gb->ended + BUSY_AGAIN));
	round = news ? gb->begun + 1 : running ? gb->begun : 0;
	spin_unlock(&gb->lock);
	if (news)
		queue_work(gb->wq, &gb->work);
	return round;
}

/**
 * dx_nospace_again - was that really the last block?
 * @sb: mounted
 * @ret: what an operation returned
 * @ns: state of this call, zero at first
 *
 * On -ENOSPC has given back what can be, so that the operation is worth another try:
 *
 *	do
 *		ret = operation();
 *	while (dx_nospace_again(sb, ret, &ns));
 *
 * Sleeps; the top of this file says which locks may be held.  Bounded by PATIENCE, and ends when the task is
 * killed.  While a round takes long, the operation is tried in between.
 */
bool dx_nospace_again(struct super_block *sb, ssize_t ret, struct dx_nospace *ns)
{
	struct dx_super *ds = dx_super(sb);
	struct dx_giveback *gb = &ds->giveback;

	if ((ret != -ENOSPC && ret != -EDQUOT) || ns->last || dx_is_shutdown(&ds->mp) || dx_is_readonly(&ds->mp))
		return false;
	if (!ns->asked) {
		ns->asked = true;
		ns->until = jiffies + PATIENCE;
		ns->round = ask(ds);
	}
	ns->last = wait_event_killable_timeout(gb->wait, READ_ONCE(gb->done) >= ns->round, SLICE) > 0 ||
		   time_after(jiffies, ns->until);
	return !fatal_signal_pending(current);
}

/**
 * dx_giveback_init - before anybody can meet -ENOSPC
 * @ds: being mounted
 *
 * Return: 0 or -ENOMEM.
 */
int dx_giveback_init(struct dx_super *ds)
{
	struct dx_giveback *gb = &ds->giveback;

	spin_lock_init(&gb->lock);
	init_waitqueue_head(&gb->wait);
	INIT_WORK(&gb->work, round_work);
	gb->wq = alloc_workqueue("dioxfs-space/%s", WQ_UNBOUND | WQ_FREEZABLE, 1, ds->sb->s_id);
	return gb->wq ? 0 : -ENOMEM;
}

/**
 * dx_giveback_exit - nobody waits any more
 * @ds: being unmounted, s_umount held exclusively or not mounted yet
 */
void dx_giveback_exit(struct dx_super *ds)
{
	destroy_workqueue(ds->giveback.wq);
}
