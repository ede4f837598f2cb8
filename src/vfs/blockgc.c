// SPDX-License-Identifier: GPL-2.0-only
/*
 * Before anybody is told "no space left": what is only held, and not used, is given back.
 *
 * Three kinds of things hold space that they may not need (enum dx_held): unlinked files that wait to be freed, speculative
 * preallocation past EOF, and delayed extents, whose reservation for the btree is for the worst case and
 * shrinks to what is used when they are written out.  Whoever meets -ENOSPC has one kind given back after the other, and tries
 * again after each: first what takes next to nothing, and last what writes back all that is dirty, to which nobody should come
 * whom a file just removed would have satisfied.  A round gives back what is held of one kind.  It runs in a worker, for
 * everybody who has asked for it by then: however many they are, each waits for one round of each kind that began after it
 * asked.  And there is none when nothing has come to be held since the last (mp->held), so that a full volume answers at once.
 *
 * Whoever meets a limit of quota is helped by what is held for that owner, and by nothing else: a round of its own kind (OWNERS)
 * trims and writes back the files of those that wait for it, all in one.  So what one container holds at its limit costs the
 * others nothing.
 *
 * Locks.  The workers, which may run side by side, write back (folio locks, ILOCK, log), free (ILOCK, AG headers), and trim in a
 * lockout of each file that it can have without waiting.  So one may wait for it holding IOLOCKs, of files and
 * directories, a lockout, mmap_lock and write access to the mount, but no MMAPLOCK alone, folio lock, ILOCK, buffer or
 * transaction.  They hold s_umount shared, for which they do not wait either: against unmount, and
 * against freezing, for a transaction that a frozen volume holds up would keep the thaw waiting for s_umount.
 */
#include <linux/sched/signal.h>
#include <linux/writeback.h>
#include "dx_vfs.h"
#include "dx_cow.h"
#include "dx_quota.h"

/* How long somebody who met -ENOSPC waits for rounds in all; and when he tries again before it has ended. */
#define PATIENCE	(60 * HZ)
#define SLICE		HZ
/* What was in use in the last round is not looked at again before. */
#define BUSY_AGAIN	HZ

static bool has_unwritten_pages(struct inode *inode)
{
	return mapping_tagged(inode->i_mapping, PAGECACHE_TAG_DIRTY) || mapping_tagged(inode->i_mapping, PAGECACHE_TAG_WRITEBACK);
}

/*
 * In a full lockout.  What the CoW fork has is for pages to be written; are there none, it is what copies were widened by, or is
 * left of one that failed.
 */
static bool drop_copies(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);

	return !dx_cow_blocks(ip) || (!has_unwritten_pages(inode) && !dx_cow_cancel_all(ip));
}

/* Trim a file that is locked out. */
static bool trim_locked_out(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);
	bool done = !dx_inode_spare_past_eof(ip) || !dx_free_eofblocks_from(ip, i_size_read(inode));

	if (done)
		clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
	return drop_copies(inode) && done;
}

/**
 * dx_trim_iolocked - trim a file that is the caller's
 * @inode: IOLOCK exclusive
 *
 * False: it is in use and may be trimmed another time.
 */
bool dx_trim_iolocked(struct inode *inode)
{
	struct dx_lockout lk;
	bool done = false;

	/* No waiting for a lease: that drops the IOLOCK, and whoever takes it may be waiting for us. */
	if (dx_dio_none(inode) && !break_layout(inode, false) &&
	    !dx_lockout_begin_iolocked(&lk, inode, DX_LK_SETSIZE)) {
		done = trim_locked_out(inode);
		dx_lockout_end(&lk);
	}
	return done;
}

/* The same of one that may be somebody else's. */
static bool trim_one(struct inode *inode)
{
	bool done;

	if (!inode_trylock(inode))
		return false;
	done = dx_trim_iolocked(inode);
	inode_unlock(inode);
	return done;
}

/* Which files. */
struct which {
	bool				written;	/* only those that have no pages to be written: of the others it is told */
	const struct dx_quota_wants	*owners;	/* only those of these; NULL: everybody's */
};

/*
 * The next file in memory, after @old, that @fits; @old is put, it kept the place in the list.  NULL: no more.  Without a lock.
 */
static struct inode *next_file(struct super_block *sb, struct inode *old, bool (*fits)(struct inode *, const struct which *),
			       const struct which *w)
{
	struct inode *inode, *found = NULL;

	spin_lock(&sb->s_inode_list_lock);
	inode = old ? list_next_entry(old, i_sb_list) : list_first_entry(&sb->s_inodes, struct inode, i_sb_list);
	list_for_each_entry_from(inode, &sb->s_inodes, i_sb_list) {
		if (!DX_I(inode) || !S_ISREG(inode->i_mode) || !fits(inode, w))
			continue;
		if (w->owners && !dx_quota_wants(w->owners, DX_I(inode)))
			continue;
		/* not there yet, or going */
		if (dx_inode_state(inode, I_NEW) || !igrab(inode))
			continue;
		found = inode;
		break;
	}
	spin_unlock(&sb->s_inode_list_lock);
	iput(old);
	return found;
}

static bool has_spare(struct inode *inode, const struct which *w)
{
	return dx_inode_spare_past_eof(DX_I(inode)) || dx_cow_blocks(DX_I(inode));
}

/* Trim every file that is not in use.  False: some were, or were passed over. */
static bool trim_files(struct super_block *sb, const struct which *w)
{
	struct inode *inode = NULL;
	bool all = true;

	while ((inode = next_file(sb, inode, has_spare, w))) {
		if (w->written && has_unwritten_pages(inode))
			all = false;
		else
			all = trim_one(inode) && all;
		cond_resched();
	}
	return all;
}

static bool trim_all(struct super_block *sb)
{
	return trim_files(sb, &(struct which){ });
}

/* Of files that are written to just now it would be in the way. */
static bool trim_idle(struct super_block *sb)
{
	dx_icache_blockgc(DX_M(sb));
	return trim_files(sb, &(struct which){ .written = true });
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

/**
 * dx_blockgc_wait - the same of every file, waiting for those who use it
 * @sb: on its way to read-only, s_umount held exclusively: who has an IOLOCK or direct I/O under way only reads, and ends
 */
void dx_blockgc_wait(struct super_block *sb)
{
	const struct which everybody = { };
	struct inode *inode = NULL;
	struct dx_lockout lk;

	dx_blockgc(sb);
	while ((inode = next_file(sb, inode, has_spare, &everybody))) {
		if (!dx_lockout_begin(&lk, inode, DX_LK_SETSIZE)) {
			trim_locked_out(inode);
			dx_lockout_end(&lk);
		}
		cond_resched();
	}
}

static bool free_unlinked(struct dx_super *ds)
{
	return dx_icache_wait_inactive(&ds->mp, PATIENCE);
}

/* With the volume mounted, and not frozen, to the end of @fn.  False: that could not be had, or @fn returned it. */
static bool while_mounted(struct super_block *sb, bool (*fn)(struct super_block *sb))
{
	bool ret;

	if (!down_read_trylock(&sb->s_umount))
		return false;
	ret = sb->s_writers.frozen == SB_UNFROZEN && fn(sb);
	up_read(&sb->s_umount);
	return ret;
}

static bool trim(struct dx_super *ds)
{
	bool all;

	dx_icache_blockgc(&ds->mp);
	all = dx_icache_wait_inactive(&ds->mp, PATIENCE);
	return while_mounted(ds->sb, trim_all) && all;
}

static bool sync_all(struct super_block *sb)
{
	sync_inodes_sb(sb);
	return true;
}

static bool write_back(struct dx_super *ds)
{
	atomic64_inc(&ds->counters[DX_C_GIVE_BACK_WRITES]);
	return while_mounted(ds->sb, sync_all);
}

static bool is_dirty(struct inode *inode, const struct which *w)
{
	return has_unwritten_pages(inode);
}

/* Begins writing all of them before it waits for the first; what was to be written may have kept copies. */
static bool give_back_owned(struct super_block *sb)
{
	struct dx_quota_wants owners;
	struct which w = { .owners = &owners };
	struct inode *inode;

	dx_quota_take_wants(DX_M(sb), &owners);
	trim_files(sb, &w);
	for (inode = NULL; (inode = next_file(sb, inode, is_dirty, &w)); )
		filemap_fdatawrite(inode->i_mapping);
	for (inode = NULL; (inode = next_file(sb, inode, is_dirty, &w)); ) {
		/* an error is for the next fsync(2) */
		filemap_fdatawait_keep_errors(inode->i_mapping);
		cond_resched();
	}
	return trim_files(sb, &w);
}

static bool of_owners(struct dx_super *ds)
{
	return while_mounted(ds->sb, give_back_owned);
}

/* Cheapest first.  And trim before all is written: preallocation that is only reserved need not be made real for that. */
static bool (*const give_back_kind[DX_GIVE_NR])(struct dx_super *ds) = {
	[DX_GIVE_INACTIVE]	= free_unlinked,
	[DX_GIVE_PREALLOC]	= trim,
	[DX_GIVE_INDLEN]	= write_back,
	[DX_GIVE_OWNERS]	= of_owners,
};

static s64 held_in_all(struct dx_mount *mp)
{
	s64 sum = 0;
	int i;

	for (i = 0; i < DX_HELD_NR; i++)
		sum += atomic64_read(&mp->held[i]);
	return sum;
}

static s64 held_of(struct dx_mount *mp, enum dx_give which)
{
	return which != DX_GIVE_OWNERS ? atomic64_read(&mp->held[which]) : 0;
}

static void give_back(struct dx_super *ds, enum dx_give which)
{
	struct dx_giveback *gb = &ds->giveback;
	struct dx_giveback_kind *k = &gb->kind[which];
	bool all;

	spin_lock(&gb->lock);
	k->begun++;
	k->seen = held_of(&ds->mp, which);
	k->seen_all = held_in_all(&ds->mp);
	spin_unlock(&gb->lock);
	atomic64_inc(&ds->counters[DX_C_GIVE_BACKS]);

	all = give_back_kind[which](ds);

	spin_lock(&gb->lock);
	k->done = k->begun;
	k->partial = !all;
	k->ended = jiffies;
	spin_unlock(&gb->lock);
	wake_up_all(&gb->wait);
}

#define ROUND(_name, _which)								\
	static void _name(struct work_struct *work)					\
	{										\
		give_back(container_of(work, struct dx_super, giveback.kind[_which].work), _which);	\
	}
ROUND(inactive_round, DX_GIVE_INACTIVE)
ROUND(prealloc_round, DX_GIVE_PREALLOC)
ROUND(indlen_round, DX_GIVE_INDLEN)
ROUND(owners_round, DX_GIVE_OWNERS)

/* The round to wait for; 0: none, for there is nothing of this kind to give back. */
static u64 ask(struct dx_super *ds, enum dx_give which)
{
	struct dx_giveback *gb = &ds->giveback;
	struct dx_giveback_kind *k = &gb->kind[which];
	bool news, running;
	u64 round;

	spin_lock(&gb->lock);
	running = k->done != k->begun;
	/* of the owners' rounds each looks at other files */
	news = which == DX_GIVE_OWNERS ? dx_quota_wanted(&ds->mp) : k->seen != held_of(&ds->mp, which);
	/* What was in use may be no longer, when anything has happened, or after a while. */
	if (!running && k->partial && which != DX_GIVE_OWNERS)
		news = news || k->seen_all != held_in_all(&ds->mp) || time_after(jiffies, k->ended + BUSY_AGAIN);
	round = news ? k->begun + 1 : running ? k->begun : 0;
	spin_unlock(&gb->lock);
	if (news)
		queue_work(gb->wq, &k->work);
	return round;
}

/* What helps whom: on a full volume, and at a limit. */
#define VOLUME_KINDS	(BIT(DX_GIVE_INACTIVE) | BIT(DX_GIVE_PREALLOC) | BIT(DX_GIVE_INDLEN))
#define OWNERS_KINDS	(BIT(DX_GIVE_INACTIVE) | BIT(DX_GIVE_OWNERS))

/**
 * dx_nospace_again - was that really the last block?
 * @sb: mounted
 * @ret: what an operation returned
 * @ns: state of this call, zero at first
 *
 * On -ENOSPC or -EDQUOT has given back what can be, one kind at a call, so that the operation is worth another try:
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
	struct dx_giveback *gb;
	struct dx_super *ds;
	u32 helping;

	/* a direct write that was submitted may have ended, and its mount with it: @sb is no more then */
	if (ret != -ENOSPC && ret != -EDQUOT)
		return false;
	ds = dx_super(sb);
	gb = &ds->giveback;
	if (dx_is_shutdown(&ds->mp) || dx_is_readonly(&ds->mp))
		return false;
	/* A project's limit looks like a full volume. */
	helping = dx_quota_was_refused(&ds->mp) || ret == -EDQUOT ? OWNERS_KINDS : VOLUME_KINDS;
	if (!ns->begun) {
		ns->begun = true;
		ns->until = jiffies + PATIENCE;
	}
	if (ns->last && (!(helping & ~ns->done) || time_after(jiffies, ns->until)))
		return false;
	while (!ns->asked && helping & ~ns->done) {
		ns->kind = ffs(helping & ~ns->done) - 1;
		ns->round = ask(ds, ns->kind);
		ns->asked = ns->round;
		if (!ns->asked)
			ns->done |= BIT(ns->kind);
	}
	if (ns->asked &&
	    wait_event_killable_timeout(gb->wait, READ_ONCE(gb->kind[ns->kind].done) >= ns->round, SLICE) > 0) {
		ns->asked = false;
		ns->done |= BIT(ns->kind);
	}
	/* Nothing to ask for, or no more: somebody else's round may have ended since the operation failed, so once more it is. */
	ns->last = (!ns->asked && !(helping & ~ns->done)) || time_after(jiffies, ns->until);
	return !fatal_signal_pending(current);
}

/* ---- without anybody asking: files that stay open, or are closed again and again, keep what is held for them so long ---- */

static void arm_trim(struct dx_giveback *gb)
{
	spin_lock(&gb->lock);
	if (!gb->closing)
		mod_delayed_work(gb->wq, &gb->trim, READ_ONCE(gb->lifetime_s) * HZ);
	spin_unlock(&gb->lock);
}

static void trim_now_and_then(struct work_struct *work)
{
	struct dx_giveback *gb = container_of(to_delayed_work(work), struct dx_giveback, trim);
	struct dx_super *ds = container_of(gb, struct dx_super, giveback);
	s64 held = atomic64_read(&ds->mp.held[DX_HELD_PREALLOC]);

	if ((held != gb->trim_seen || gb->trim_partial) && !dx_is_readonly(&ds->mp) && !dx_is_shutdown(&ds->mp)) {
		gb->trim_partial = !while_mounted(ds->sb, trim_idle);
		gb->trim_seen = held;
	}
	arm_trim(gb);
}

/**
 * dx_giveback_lifetime - how long what is preallocated for a file in use is kept
 * @ds: mounted, or being mounted
 * @seconds: from now on; so often it is given back by files that have nothing to be written just then
 *
 * Takes a spinlock.  Without effect when the mount is being closed.
 */
void dx_giveback_lifetime(struct dx_super *ds, unsigned int seconds)
{
	WRITE_ONCE(ds->giveback.lifetime_s, seconds);
	arm_trim(&ds->giveback);
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
	INIT_WORK(&gb->kind[DX_GIVE_INACTIVE].work, inactive_round);
	INIT_WORK(&gb->kind[DX_GIVE_PREALLOC].work, prealloc_round);
	INIT_WORK(&gb->kind[DX_GIVE_INDLEN].work, indlen_round);
	INIT_WORK(&gb->kind[DX_GIVE_OWNERS].work, owners_round);
	/* The quick ones need not wait for the one that writes. */
	gb->wq = alloc_workqueue("dioxfs-space/%s", WQ_UNBOUND | WQ_FREEZABLE, DX_GIVE_NR + 1, ds->sb->s_id);
	if (!gb->wq)
		return -ENOMEM;
	INIT_DEFERRABLE_WORK(&gb->trim, trim_now_and_then);
	dx_giveback_lifetime(ds, DX_PREALLOC_LIFETIME_S);
	return 0;
}

/**
 * dx_giveback_exit - nobody waits any more
 * @ds: being unmounted, s_umount held exclusively or not mounted yet
 */
void dx_giveback_exit(struct dx_super *ds)
{
	struct dx_giveback *gb = &ds->giveback;

	spin_lock(&gb->lock);
	gb->closing = true;
	spin_unlock(&gb->lock);
	cancel_delayed_work_sync(&gb->trim);
	destroy_workqueue(gb->wq);
}
