// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache of in-core inodes: one dx_inode for each inode number, found by
 * number, counted, and kept after its last user has gone.
 *
 * A cached inode is in one of these states:
 *
 *	loading		DX_I_NEW: in the table, its loader holds a reference; others wait
 *	in use		i_ref > 0
 *	idle		i_ref == 0, on the LRU.  It is freed from there only once it is clean and
 *			neither the checkpoint nor the AIL nor a cluster buffer refers to it, so an
 *			inode is never read again from a buffer older than what the log holds
 *	to inactivate	DX_I_NEED_INACTIVE: idle, queued for a worker because it is unlinked (or
 *			has preallocation past EOF to give back)
 *	inactivating	DX_I_INACTIVATING: a worker is at it
 *
 * Dropping a reference never starts a transaction itself: the VFS evicts inodes from memory
 * reclaim, which must not wait for log space.  Workers do that, each with a queue of its own: the inodes of an AG are always in the
 * same one, as two workers would mostly wait for each other's AGI there.
 *
 * Locking: ->lock guards the table, the lists and each i_ref going to or from zero; it
 * nests outside ip->i_lock, and nothing sleeps under it.  A cached inode whose number is freed
 * stays (d.mode == 0) and serves again when the number is allocated again.
 */
#include "dx_inode_item.h"
#include "dx_fork.h"
#include "dx_alloc.h"

/*
 * More unlinked inodes than this waiting in a queue: whoever unlinks one more for it waits too, until so few are left that the two
 * do not take turns.  But one large file may keep a queue for minutes: he goes on after a while, unless memory is at stake.
 */
#define INACT_QUEUE_MAX		256
#define INACT_QUEUE_LOW		16
#define INACT_PATIENCE		HZ
#define INACT_QUEUE_LIMIT	4096
/* so many at a time, or as many as come in a tick: waking the worker for each costs switches of context */
#define INACT_BATCH		32
#define BLOCKGC_BATCH		256	/* idle inodes looked at while the cache is locked */
#define FREEZE_POLL		msecs_to_jiffies(20)
/* How often inactivation is tried again for want of memory; each wait is twice the one before. */
#define INACT_TRIES		10

/* What one worker has to do: the inodes of every so many-th AG.  All under the cache's lock. */
struct inact_queue {
	struct dx_icache	*ic;
	struct list_head	list;		/* to inactivate, oldest first */
	unsigned long		nr;		/* including the one being worked on */
	u64			now;		/* ->i_queued of the one being worked on; 0: none */
	struct delayed_work	work;
};

struct dx_icache {
	struct dx_mount		*mp;
	struct rhashtable	table;
	spinlock_t		lock;		/* the table, the lists, references from and to zero */
	struct list_head	lru;		/* idle, least recently used first */
	unsigned long		lru_nr;
	struct inact_queue	inact[DX_INACT_WORKERS];
	unsigned int		nqueues;	/* of them; constant */
	u64			inact_queued;	/* ever */
	wait_queue_head_t	wait;		/* end of loading, of inactivation */
	wait_queue_head_t	throttled;	/* until some queue is short */
};

static const struct rhashtable_params table_params = {
	.key_len = sizeof(dx_ino_t),
	.key_offset = offsetof(struct dx_inode, ino),
	.head_offset = offsetof(struct dx_inode, i_hash),
	.automatic_shrinking = true,
};

/* Slab caches are shared by all mounts. */
static DEFINE_MUTEX(slab_mutex);
static unsigned int slab_users;
static struct kmem_cache *inode_slab;

static int slabs_make(void)
{
	int error;

	inode_slab = kmem_cache_create("dioxfs_inode", sizeof(struct dx_inode), 0, SLAB_RECLAIM_ACCOUNT, NULL);
	if (!inode_slab)
		return -ENOMEM;
	error = dx_inode_item_cache_init();
	if (error)
		goto out_inode;
	error = dx_btree_cache_init();
	if (error)
		goto out_item;
	return 0;

out_item:
	dx_inode_item_cache_exit();
out_inode:
	kmem_cache_destroy(inode_slab);
	return error;
}

/* All mounts share them: the first one makes them, and the last one destroys them. */
static int slabs_get(void)
{
	int error = 0;

	mutex_lock(&slab_mutex);
	if (!slab_users)
		error = slabs_make();
	if (!error)
		slab_users++;
	mutex_unlock(&slab_mutex);
	return error;
}

static void slabs_put(void)
{
	mutex_lock(&slab_mutex);
	if (!--slab_users) {
		dx_btree_cache_exit();
		dx_inode_item_cache_exit();
		kmem_cache_destroy(inode_slab);
	}
	mutex_unlock(&slab_mutex);
}

/* ---- one inode ---- */

static struct dx_inode *inode_alloc(struct dx_mount *mp, dx_ino_t ino, gfp_t gfp)
{
	struct dx_inode *ip = kmem_cache_zalloc(inode_slab, gfp);

	if (!ip)
		return NULL;
	ip->ino = ino;
	ip->mp = mp;
	refcount_set(&ip->i_ref, 1);
	spin_lock_init(&ip->i_lock);
	init_rwsem(&ip->ilock);
#if BITS_PER_LONG == 32
	seqcount_init(&ip->size_seq);
#endif
	init_waitqueue_head(&ip->i_pin_wait);
	INIT_LIST_HEAD(&ip->i_lru);
	ip->d.next_unlinked = DX_NULLAGINO;
	ip->df.format = DX_DINODE_FMT_EXTENTS;
	ip->df.extents_read = true;
	dx_iext_init(&ip->df.ext);
	return ip;
}

static void inode_drop_attr_fork(struct dx_inode *ip)
{
	if (!ip->af)
		return;
	dx_fork_free(ip->af);
	kfree(ip->af);
	ip->af = NULL;
}

/* Nobody can reach @ip any more. */
static void inode_free(struct dx_inode *ip)
{
	ip->mp->inode_above->drop(ip);
	if (ip->quota)
		ip->mp->quota_above->drop(ip);
	dx_fork_free(&ip->df);
	inode_drop_attr_fork(ip);
	if (ip->cf)
		dx_fork_free(&ip->cf->f);
	kfree(ip->cf);
	dx_inode_item_free(ip);
	kmem_cache_free(inode_slab, ip);
}

/*
 * Make a cached inode whose number was free look like one just allocated.  It has mode 0, so
 * that no lookup returns it, and the AGI lock of its allocator keeps a second creator away.
 */
static void inode_reset(struct dx_inode *ip)
{
	u32 gen = ip->d.gen;

	dx_ilock_child(ip);
	dx_fork_free(&ip->df);
	inode_drop_attr_fork(ip);
	memset(&ip->d, 0, sizeof(ip->d));
	ip->d.gen = gen;
	ip->d.next_unlinked = DX_NULLAGINO;
	ip->df.format = DX_DINODE_FMT_EXTENTS;
	ip->df.extents_read = true;
	ip->df.nextents = 0;
	ip->prev_unlinked = 0;
	clear_bit(DX_I_STALE, &ip->i_flags);
	clear_bit(DX_I_KEEP, &ip->i_flags);
	clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
	clear_bit(DX_I_TRUNCATED, &ip->i_flags);
	clear_bit(DX_I_DIRTY_RELEASE, &ip->i_flags);
	clear_bit(DX_I_PRESERVE_DM, &ip->i_flags);
	dx_iunlock(ip, DX_ILOCK_EXCL);
}

/**
 * dx_inode_busy_locked - does the journal, or a cluster buffer, still refer to this inode?
 * @ip: ip->i_lock held
 */
bool dx_inode_busy_locked(struct dx_inode *ip)
{
	struct dx_inode_item *iip = ip->item;

	if (atomic_read(&ip->i_pin) || test_bit(DX_I_FLUSHING, &ip->i_flags))
		return true;
	if (!iip)
		return false;
	if (test_bit(DX_LI_F_IN_AIL, &iip->item.li_flags))
		return true;
	/* after a shutdown what is dirty stays so */
	return (iip->fields || iip->last_fields) && !dx_is_shutdown(ip->mp);
}

static bool inode_busy(struct dx_inode *ip)
{
	bool busy;

	spin_lock(&ip->i_lock);
	busy = dx_inode_busy_locked(ip);
	spin_unlock(&ip->i_lock);
	return busy;
}

/* ---- inactivation ---- */

static bool inact_allowed(struct dx_mount *mp)
{
	if (dx_is_shutdown(mp) || test_bit(DX_OP_NORECOVERY, &mp->opstate))
		return false;
	/* recovery finishes unlinked inodes on a mount that is read-only for its users */
	return !dx_is_readonly(mp) || test_bit(DX_OP_RECOVERING, &mp->opstate);
}

/* The last reference has gone: is there work to do? */
static bool needs_inactive(struct dx_inode *ip)
{
	struct dx_mount *mp = ip->mp;

	if (!ip->d.mode || test_bit(DX_I_STALE, &ip->i_flags) || test_bit(DX_I_KEEP, &ip->i_flags) ||
	    test_bit(DX_I_RECOVERY, &ip->i_flags) || test_bit(DX_OP_GOING_RO, &mp->opstate) || !inact_allowed(mp))
		return false;
	if (!ip->d.nlink)
		return true;
	if (!S_ISREG(ip->d.mode) || test_bit(DX_OP_RECOVERING, &mp->opstate))
		return false;
	if (ip->delayed_blks || dx_cow_blocks(ip))
		return true;
	return dx_inode_spare_past_eof(ip);
}

/* ->lock held, i_ref is 0 */
static void make_idle(struct dx_icache *ic, struct dx_inode *ip)
{
	list_add_tail(&ip->i_lru, &ic->lru);
	ic->lru_nr++;
}

static void leave_lru(struct dx_icache *ic, struct dx_inode *ip)
{
	list_del_init(&ip->i_lru);
	ic->lru_nr--;
}

static struct inact_queue *queue_of(struct dx_icache *ic, const struct dx_inode *ip)
{
	return &ic->inact[dx_ino_to_agno(ic->mp, ip->ino) % ic->nqueues];
}

/* ->lock held, i_ref is 0, on no list */
static void queue_inactive(struct dx_icache *ic, struct dx_inode *ip)
{
	struct inact_queue *q = queue_of(ic, ip);

	set_bit(DX_I_NEED_INACTIVE, &ip->i_flags);
	list_add_tail(&ip->i_lru, &q->list);
	q->nr++;
	ip->i_queued = ++ic->inact_queued;
	atomic64_inc(&ic->mp->held[DX_HELD_INACTIVE]);
	if (q->nr == INACT_BATCH)
		mod_delayed_work(ic->mp->inact_wq, &q->work, 0);
	else
		queue_delayed_work(ic->mp->inact_wq, &q->work, 1);
}

/* ->lock held.  One less in a queue: it is done, or wanted again. */
static void left_queue(struct dx_icache *ic, struct inact_queue *q)
{
	q->nr--;
	if (q->nr == INACT_QUEUE_LOW || q->nr == INACT_QUEUE_LIMIT)
		wake_up_all(&ic->throttled);
	wake_up_all(&ic->wait);
}

/*
 * Each step can be taken again after it failed clean, and the memory that it lacked may be there
 * soon; an inode that is given up stays on its unlinked list until the next recovery.
 */
static int inactivate_patiently(struct dx_inode *ip)
{
	unsigned int nofs = memalloc_nofs_save(), tries;
	int error;

	for (tries = 0; ; tries++) {
		error = ip->mp->inode_above->inactivate(ip);
		if (error != -ENOMEM || tries == INACT_TRIES || dx_is_shutdown(ip->mp))
			break;
		msleep(2 << tries);
	}
	memalloc_nofs_restore(nofs);
	return error;
}

/*
 * A frozen filesystem lets no transaction begin.  The worker must not wait for the thaw in the middle of an inactivation,
 * where whoever looks up that inode would wait with it, though he only wants to read: what is in the queue can be had back.
 * So it enters for the whole of one inode, or not at all.
 */
static bool keep_thawed(struct dx_mount *mp, unsigned int worker)
{
	if (!mp->freeze_try)
		return true;
	if (!mp->freeze_try(mp))
		return false;
	WRITE_ONCE(mp->freeze_owner[worker], current);
	return true;
}

static void may_freeze(struct dx_mount *mp, unsigned int worker)
{
	if (!mp->freeze_try)
		return;
	WRITE_ONCE(mp->freeze_owner[worker], NULL);
	mp->freeze_exit(mp);
}

static void inact_worker(struct work_struct *work)
{
	struct inact_queue *q = container_of(to_delayed_work(work), struct inact_queue, work);
	struct dx_icache *ic = q->ic;
	unsigned int worker = q - ic->inact;
	struct dx_inode *ip;
	int error;

	spin_lock(&ic->lock);
	while (!list_empty(&q->list)) {
		if (!keep_thawed(ic->mp, worker)) {
			/* on its way into the freeze, or out of it; once it is in, the thaw calls */
			if (!test_bit(DX_OP_FROZEN, &ic->mp->opstate))
				queue_delayed_work(ic->mp->inact_wq, &q->work, FREEZE_POLL);
			break;
		}
		ip = list_first_entry(&q->list, struct dx_inode, i_lru);
		list_del_init(&ip->i_lru);
		q->now = ip->i_queued;
		set_bit(DX_I_INACTIVATING, &ip->i_flags);
		clear_bit(DX_I_NEED_INACTIVE, &ip->i_flags);
		spin_unlock(&ic->lock);

		if (inact_allowed(ic->mp)) {
			error = inactivate_patiently(ip);
			/* dx_difree_prepare() has said what -ENOSPC means */
			if (error && error != -ENOSPC && !dx_is_shutdown(ic->mp))
				dx_err_ratelimited(ic->mp, "inode 0x%llx: inactivation failed with %d",
						   (unsigned long long)ip->ino, error);
		}
		may_freeze(ic->mp, worker);
		cond_resched();

		spin_lock(&ic->lock);
		clear_bit(DX_I_INACTIVATING, &ip->i_flags);
		q->now = 0;
		make_idle(ic, ip);
		left_queue(ic, q);
	}
	spin_unlock(&ic->lock);
}

/* ->lock held.  Have what is queued done now; false: nothing is. */
static bool start_workers(struct dx_icache *ic)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < ic->nqueues; i++) {
		if (list_empty(&ic->inact[i].list))
			continue;
		mod_delayed_work(ic->mp->inact_wq, &ic->inact[i].work, 0);
		any = true;
	}
	return any;
}

/**
 * dx_icache_flush_inactive - have every queued inactivation done before returning
 * @mp: mount
 *
 * For freeze and unmount, when no more are coming.  No transaction and no ILOCK may be held.  Of a frozen filesystem
 * nothing is done.
 */
void dx_icache_flush_inactive(struct dx_mount *mp)
{
	struct dx_icache *ic = mp->icache;
	bool more, busy;
	unsigned int i;

	do {
		for (i = 0; i < ic->nqueues; i++)
			flush_delayed_work(&ic->inact[i].work);
		spin_lock(&ic->lock);
		/* one that a worker has begun with since is not done, though its queue is empty */
		for (i = 0, busy = false; i < ic->nqueues; i++)
			busy |= ic->inact[i].now;
		more = !test_bit(DX_OP_FROZEN, &mp->opstate) && (start_workers(ic) || busy);
		spin_unlock(&ic->lock);
		if (more)
			msleep(1);	/* it may be that a worker cannot now: keep_thawed() */
	} while (more);
}

/* Is nothing left of what was queued up to number @ticket?  Some may have been taken off again, from anywhere in a queue. */
static bool inact_got_to(struct dx_icache *ic, u64 ticket)
{
	bool ret = true;
	unsigned int i;

	spin_lock(&ic->lock);
	for (i = 0; i < ic->nqueues && ret; i++) {
		struct inact_queue *q = &ic->inact[i];
		struct dx_inode *next = list_first_entry_or_null(&q->list, struct dx_inode, i_lru);

		ret = (!q->now || q->now > ticket) && (!next || next->i_queued > ticket);
	}
	spin_unlock(&ic->lock);
	return ret;
}

/**
 * dx_icache_wait_inactive - wait for the inactivations that are queued now
 * @mp: mount
 * @ticks: at most so long, jiffies
 *
 * Whoever goes on unlinking does not hold us up.  No transaction and no ILOCK may be held.
 *
 * Return: whether they are done.
 */
bool dx_icache_wait_inactive(struct dx_mount *mp, unsigned long ticks)
{
	struct dx_icache *ic = mp->icache;
	u64 ticket;

	spin_lock(&ic->lock);
	ticket = ic->inact_queued;
	start_workers(ic);
	spin_unlock(&ic->lock);
	return wait_event_timeout(ic->wait, inact_got_to(ic, ticket) || dx_is_shutdown(mp), ticks);
}

/**
 * dx_icache_thaw - do what has waited for the end of a freeze
 * @mp: mount; DX_OP_FROZEN is clear
 */
void dx_icache_thaw(struct dx_mount *mp)
{
	struct dx_icache *ic = mp->icache;

	spin_lock(&ic->lock);
	start_workers(ic);
	spin_unlock(&ic->lock);
}

/**
 * dx_icache_throttle - keep the queues of unlinked inodes short
 * @ip: inode that may be unlinked next
 *
 * For those who unlink, before their transaction; sleeps on the worker of that inode, so no transaction and no ILOCK may be
 * held.  Usually for no longer than INACT_PATIENCE, without limit where INACT_QUEUE_LIMIT inodes are in memory for it.
 */
void dx_icache_throttle(struct dx_inode *ip)
{
	struct dx_mount *mp = ip->mp;
	struct dx_icache *ic = mp->icache;
	struct inact_queue *q = queue_of(ic, ip);

	if (READ_ONCE(q->nr) <= INACT_QUEUE_MAX)
		return;
	wait_event_timeout(ic->throttled, READ_ONCE(q->nr) <= INACT_QUEUE_LOW || dx_is_shutdown(mp), INACT_PATIENCE);
	wait_event(ic->throttled, READ_ONCE(q->nr) <= INACT_QUEUE_LIMIT || dx_is_shutdown(mp));
}

/**
 * dx_icache_blockgc - have the preallocation past EOF, and the copies on write, of idle inodes given back
 * @mp: mount
 *
 * Queues them; whoever needs the space waits for the workers (dx_icache_wait_inactive()).
 */
void dx_icache_blockgc(struct dx_mount *mp)
{
	struct dx_icache *ic = mp->icache;
	struct dx_inode *ip;
	unsigned long left, n;

	spin_lock(&ic->lock);
	/* each of now once: what was looked at, and what becomes idle meanwhile, goes behind the others */
	for (left = ic->lru_nr; left && ic->lru_nr; left -= n) {
		for (n = 0; n < min_t(unsigned long, left, BLOCKGC_BATCH) && ic->lru_nr; n++) {
			ip = list_first_entry(&ic->lru, struct dx_inode, i_lru);
			if ((test_bit(DX_I_EOFBLOCKS, &ip->i_flags) || dx_cow_blocks(ip)) && needs_inactive(ip)) {
				leave_lru(ic, ip);
				queue_inactive(ic, ip);
			} else {
				list_move_tail(&ip->i_lru, &ic->lru);
			}
		}
		spin_unlock(&ic->lock);
		cond_resched();
		spin_lock(&ic->lock);
	}
	spin_unlock(&ic->lock);
}

/* ---- references ---- */

/**
 * dx_ihold - one more reference
 * @ip: inode that the caller holds a reference of
 */
void dx_ihold(struct dx_inode *ip)
{
	refcount_inc(&ip->i_ref);
}

/**
 * dx_idrop - drop a reference
 * @ip: inode; may be gone on return
 *
 * The last one makes the inode idle, or queues its inactivation.  Starts no
 * transaction and may be called from memory reclaim; no spinlock held.
 */
void dx_idrop(struct dx_inode *ip)
{
	struct dx_icache *ic = ip->mp->icache;

	if (refcount_dec_not_one(&ip->i_ref))
		return;
	/* The last one goes only under the lock: a lookup must not find it half gone. */
	spin_lock(&ic->lock);
	if (!refcount_dec_and_test(&ip->i_ref)) {
		spin_unlock(&ic->lock);
		return;
	}
	if (test_bit(DX_I_RECLAIM, &ip->i_flags)) {	/* its load failed; not in the table */
		spin_unlock(&ic->lock);
		inode_free(ip);
		return;
	}
	if (needs_inactive(ip)) {
		queue_inactive(ic, ip);
	} else if (test_bit(DX_I_DONTCACHE, &ip->i_flags) && !inode_busy(ip)) {
		/* nobody but a walk wanted it */
		rhashtable_remove_fast(&ic->table, &ip->i_hash, table_params);
		spin_unlock(&ic->lock);
		inode_free(ip);
		return;
	} else {
		make_idle(ic, ip);
	}
	spin_unlock(&ic->lock);
}

/**
 * dx_icache_peek - look at an inode if it is cached
 * @mp: mount
 * @ino: its number
 * @fn: called under a spinlock: must not sleep nor drop references
 * @data: for @fn
 *
 * Return: whether it was cached.
 */
bool dx_icache_peek(struct dx_mount *mp, dx_ino_t ino, void (*fn)(struct dx_inode *ip, void *data), void *data)
{
	struct dx_icache *ic = mp->icache;
	struct dx_inode *ip;

	spin_lock(&ic->lock);
	ip = rhashtable_lookup_fast(&ic->table, &ino, table_params);
	if (ip)
		fn(ip, data);
	spin_unlock(&ic->lock);
	return ip;
}

enum { HIT_RETRY = 1, HIT_MISS };

static bool still_inactivating(struct dx_icache *ic, dx_ino_t ino)
{
	struct dx_inode *ip;
	bool ret;

	spin_lock(&ic->lock);
	ip = rhashtable_lookup_fast(&ic->table, &ino, table_params);
	ret = ip && test_bit(DX_I_INACTIVATING, &ip->i_flags);
	spin_unlock(&ic->lock);
	return ret;
}

/* ->lock held.  Take a reference; the inode is idle, in use, or was just taken off the inactivation queue. */
static void grab(struct dx_icache *ic, struct dx_inode *ip)
{
	if (refcount_read(&ip->i_ref)) {
		refcount_inc(&ip->i_ref);
		return;
	}
	if (!list_empty(&ip->i_lru))
		leave_lru(ic, ip);
	refcount_set(&ip->i_ref, 1);
}

/*
 * An unlinked inode that nobody uses is left over: it could not be freed, or was not to be, and stays on its list until a recovery
 * frees it.  By a guessed number it is a free one: its last reference would have it freed, by somebody who only looked, and an
 * error there shuts us down.  Without recovery nothing is freed, and what the disk says of links may be old.
 */
static bool shows_left_over(struct dx_mount *mp, u32 flags)
{
	return (flags & DX_IGET_LEFT_OVER) || test_bit(DX_OP_RECOVERING, &mp->opstate) ||
	       test_bit(DX_OP_NORECOVERY, &mp->opstate);
}

/*
 * Look in the table.  0 with *ipp referenced, HIT_MISS, HIT_RETRY after
 * having waited for something, or -errno.
 */
static int cache_hit(struct dx_icache *ic, dx_ino_t ino, u32 flags, struct dx_inode **ipp)
{
	struct dx_mount *mp = ic->mp;
	struct dx_inode *ip;
	bool left_over;

	spin_lock(&ic->lock);
	ip = rhashtable_lookup_fast(&ic->table, &ino, table_params);
	if (!ip) {
		spin_unlock(&ic->lock);
		return HIT_MISS;
	}

	if (test_bit(DX_I_NEW, &ip->i_flags)) {
		if (flags & DX_IGET_INCORE) {
			spin_unlock(&ic->lock);
			return -ENODATA;
		}
		refcount_inc(&ip->i_ref);
		spin_unlock(&ic->lock);
		wait_event(ic->wait, !test_bit(DX_I_NEW, &ip->i_flags));
		dx_idrop(ip);
		return HIT_RETRY;
	}

	if (test_bit(DX_I_INACTIVATING, &ip->i_flags)) {
		bool freed = !ip->d.mode, unlinked = !ip->d.nlink;

		spin_unlock(&ic->lock);
		if (flags & DX_IGET_INCORE)
			return -ENODATA;
		/*
		 * A creator found the number free under the AGI lock, so the transaction
		 * that freed it is committed and the worker needs no lock of ours to end.
		 */
		if ((flags & DX_IGET_CREATE) && !freed)
			return dx_corrupt(mp, "inode", ip->imap.daddr, "0x%llx free in the inobt but in use",
					  (unsigned long long)ino);
		if (unlinked && !(flags & DX_IGET_CREATE))
			return -ENOENT;
		wait_event(ic->wait, !still_inactivating(ic, ino));
		return HIT_RETRY;
	}

	if (flags & DX_IGET_CREATE) {
		if (ip->d.mode || test_bit(DX_I_NEED_INACTIVE, &ip->i_flags)) {
			spin_unlock(&ic->lock);
			return dx_corrupt(mp, "inode", ip->imap.daddr, "0x%llx free in the inobt but in use",
					  (unsigned long long)ino);
		}
		if (test_bit(DX_I_STALE, &ip->i_flags) && inode_busy(ip)) {
			/* its old cluster has been freed, but that is not on disk yet */
			spin_unlock(&ic->lock);
			if (dx_is_shutdown(mp))
				return -EIO;
			dx_log_force(mp, true);
			msleep(1);
			return HIT_RETRY;
		}
		grab(ic, ip);
		spin_unlock(&ic->lock);
		inode_reset(ip);
		*ipp = ip;
		return 0;
	}

	left_over = !ip->d.nlink && !refcount_read(&ip->i_ref);
	if (!ip->d.mode || test_bit(DX_I_STALE, &ip->i_flags) || (left_over && !shows_left_over(mp, flags))) {
		spin_unlock(&ic->lock);
		return flags & DX_IGET_INCORE ? -ENODATA : -ENOENT;
	}
	if (test_bit(DX_I_NEED_INACTIVE, &ip->i_flags)) {
		/* only its preallocation was to be trimmed: that can wait until the next time */
		clear_bit(DX_I_NEED_INACTIVE, &ip->i_flags);
		list_del_init(&ip->i_lru);
		left_queue(ic, queue_of(ic, ip));
	} else if (left_over) {
		set_bit(DX_I_KEEP, &ip->i_flags);
	}
	if (!(flags & DX_IGET_DONTCACHE))
		clear_bit(DX_I_DONTCACHE, &ip->i_flags);
	grab(ic, ip);
	spin_unlock(&ic->lock);
	*ipp = ip;
	return 0;
}

static int read_inode(struct dx_inode *ip, struct dx_trans *tp, u32 flags)
{
	struct dx_mount *mp = ip->mp;
	const struct dx_dinode *dip;
	struct dx_buf *bp;
	int error;

	error = dx_trans_read_buf(mp, tp, ip->imap.daddr, ip->imap.len_bb, 0, &dx_inode_buf_ops, &bp);
	if (error)
		return error;
	dip = dx_buf_off(bp, ip->imap.boffset);
	error = dx_inode_from_disk(ip, dip);
	if (!error && dx_inode_lsn_ahead(mp, ip->ino, be64_to_cpu(dip->di_lsn)))
		set_bit(DX_I_LSN_AHEAD, &ip->i_flags);
	dx_trans_let_go(tp, bp);
	if (!error && !ip->d.mode)
		error = -ENOENT;
	if (error || ip->d.nlink)
		return error;
	/* whoever uses an unlinked inode rightly has it in memory: this one is left over */
	set_bit(DX_I_KEEP, &ip->i_flags);
	return shows_left_over(mp, flags) ? 0 : -ENOENT;
}

/*
 * Not cached: make it, put it into the table as loading, read it.  -EEXIST
 * when somebody else was faster.  The inobt lookup comes first: it waits for
 * the AGI, whose holder may be a creator about to look for this very number.
 * A number from outside goes into the table before the AGI is unlocked, or what the inobt said would
 * be old by the time it is read: the inode freed, its chunk gone, and the blocks somebody's data.
 */
static int cache_miss(struct dx_icache *ic, struct dx_trans *tp, dx_ino_t ino, u32 flags, struct dx_inode **ipp)
{
	struct dx_mount *mp = ic->mp;
	struct dx_buf *agibp = NULL;
	struct dx_imap imap;
	struct dx_inode *ip;
	int error;

	/* a creator's transaction is dirty: it cannot be given up for want of memory */
	ip = inode_alloc(mp, ino, flags & DX_IGET_CREATE ? GFP_NOFS | __GFP_NOFAIL : GFP_NOFS);
	if (!ip)
		return -ENOMEM;
	if (flags & DX_IGET_UNTRUSTED)
		error = dx_imap_untrusted(mp, tp, ino, &imap, &agibp);
	else
		error = dx_imap(mp, tp, ino, false, &imap);
	if (error) {
		inode_free(ip);
		return error;
	}
	ip->imap.daddr = imap.daddr;
	ip->imap.len_bb = imap.len_bb;
	ip->imap.boffset = imap.boffset;
	set_bit(DX_I_NEW, &ip->i_flags);

	for (;;) {
		spin_lock(&ic->lock);
		error = rhashtable_lookup_insert_fast(&ic->table, &ip->i_hash, table_params);
		spin_unlock(&ic->lock);
		if (error != -EBUSY && error != -ENOMEM)
			break;
		/* the table could not grow on the spot; it has asked a worker to */
		msleep(1);
	}
	/* Whoever would free the inode has to get it first, and now waits for us. */
	if (agibp)
		dx_trans_let_go(tp, agibp);
	if (error) {
		inode_free(ip);
		return error;
	}

	if (!(flags & DX_IGET_CREATE)) {
		error = read_inode(ip, tp, flags);
	} else {
		ip->d.gen = get_random_u32();
		if (test_bit(DX_OP_INODES_AHEAD, &mp->opstate))
			set_bit(DX_I_LSN_AHEAD, &ip->i_flags);
	}

	spin_lock(&ic->lock);
	if (error) {
		rhashtable_remove_fast(&ic->table, &ip->i_hash, table_params);
		set_bit(DX_I_RECLAIM, &ip->i_flags);
	}
	if (flags & DX_IGET_DONTCACHE)
		set_bit(DX_I_DONTCACHE, &ip->i_flags);
	clear_bit(DX_I_NEW, &ip->i_flags);
	spin_unlock(&ic->lock);
	wake_up_all(&ic->wait);

	if (error) {
		dx_idrop(ip);
		return error;
	}
	*ipp = ip;
	return 0;
}

/**
 * dx_iget - the in-core inode of a number
 * @mp: mount
 * @tp: transaction to read buffers in, or NULL
 * @ino: number
 * @flags: DX_IGET_CREATE: the number was just allocated in @tp: nothing is read, and an inode
 *	with mode 0 comes back, which dx_inode_init_new() turns into a real one.
 *	DX_IGET_UNTRUSTED: it comes from a file handle or from user space.
 *	DX_IGET_INCORE: only if it is in memory.
 *	DX_IGET_DONTCACHE: if nobody else comes for it, it leaves memory with its last reference.
 *	DX_IGET_LEFT_OVER: an unlinked one that nobody uses, too; it stays as it is.
 * @ipp: result, referenced, not locked
 *
 * Generation numbers are the caller's business, as are unlinked inodes that are
 * still in use (nlink 0).  Sleeps.
 *
 * Return: 0; -EINVAL (no such number can exist), -ENOENT (a free inode, one on its way
 * out, one that is left over), -ENODATA (DX_IGET_INCORE, not cached), -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_iget(struct dx_mount *mp, struct dx_trans *tp, dx_ino_t ino, u32 flags, struct dx_inode **ipp)
{
	struct dx_icache *ic = mp->icache;
	int error;

	*ipp = NULL;
	if (!dx_verify_ino(mp, ino))
		return -EINVAL;
	do {
		error = cache_hit(ic, ino, flags, ipp);
		if (error != HIT_MISS)
			continue;
		if (flags & DX_IGET_INCORE)
			return -ENODATA;
		error = cache_miss(ic, tp, ino, flags, ipp);
	} while (error == HIT_RETRY || error == -EEXIST);
	return error;
}

/**
 * dx_iget_shared - the in-core inode of a number, whole
 * @mp: mount
 * @ino: number
 * @flags: DX_IGET_*, but for DX_IGET_CREATE
 * @gen: the generation that it must have; NULL: any
 * @ipp: result, referenced, ILOCK shared
 *
 * Between dx_iget() and the ILOCK an inode may be half made: its creator has it from before anybody finds it until it is
 * committed, and a number from outside may be any.
 *
 * Return: as dx_iget(); -ENOENT for another generation, too.
 */
int dx_iget_shared(struct dx_mount *mp, dx_ino_t ino, u32 flags, const u32 *gen, struct dx_inode **ipp)
{
	struct dx_inode *ip;
	int error = dx_iget(mp, NULL, ino, flags, &ip);

	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_SHARED);
	/* freed while we waited */
	if (ip->d.mode && (!gen || ip->d.gen == *gen)) {
		*ipp = ip;
		return 0;
	}
	dx_iunlock(ip, DX_ILOCK_SHARED);
	dx_idrop(ip);
	*ipp = NULL;
	return -ENOENT;
}

/* ---- memory reclaim ---- */

/**
 * dx_icache_count - idle inodes, clean or not
 * @mp: mount
 */
unsigned long dx_icache_count(struct dx_mount *mp)
{
	return mp->icache ? READ_ONCE(mp->icache->lru_nr) : 0;
}

/* LSN up to which the AIL must be written back for this inode to become clean. */
static dx_lsn_t dirty_lsn(struct dx_inode *ip)
{
	struct dx_inode_item *iip = ip->item;

	return iip && test_bit(DX_LI_F_IN_AIL, &iip->item.li_flags) ? READ_ONCE(iip->item.li_lsn) : 0;
}

/**
 * dx_icache_scan - free idle clean inodes
 * @mp: mount
 * @nr: how many to look at
 *
 * Never waits for I/O; for a shrinker.  Dirty ones are left to the AIL's pusher, which is told to
 * begin when there are few others.
 *
 * Return: inodes freed.
 */
unsigned long dx_icache_scan(struct dx_mount *mp, unsigned long nr)
{
	struct dx_icache *ic = mp->icache;
	struct dx_inode *ip, *next;
	unsigned long freed = 0, kept = 0;
	dx_lsn_t push = 0;
	LIST_HEAD(dispose);

	spin_lock(&ic->lock);
	for (nr = min(nr, ic->lru_nr); nr; nr--) {
		ip = list_first_entry(&ic->lru, struct dx_inode, i_lru);
		/* what is staged for it can be given back when the mount is read-write again, and by nobody without it */
		if (inode_busy(ip) || (dx_cow_blocks(ip) && dx_is_readonly(mp) && !dx_is_shutdown(mp))) {
			kept++;
			push = max(push, dirty_lsn(ip));
			list_move_tail(&ip->i_lru, &ic->lru);
			continue;
		}
		rhashtable_remove_fast(&ic->table, &ip->i_hash, table_params);
		list_move(&ip->i_lru, &dispose);
		ic->lru_nr--;
		freed++;
	}
	spin_unlock(&ic->lock);
	if (push && kept > freed && !dx_is_shutdown(mp))
		dx_ail_push(mp, push);

	list_for_each_entry_safe(ip, next, &dispose, i_lru) {
		list_del_init(&ip->i_lru);
		inode_free(ip);
	}
	return freed;
}

/* ---- life ---- */

/**
 * dx_icache_init - give a mount its inode cache
 * @mp: mount with its workqueues
 *
 * Return: 0 or -ENOMEM.
 */
int dx_icache_init(struct dx_mount *mp)
{
	struct dx_icache *ic = kzalloc(sizeof(*ic), GFP_KERNEL);
	unsigned int i;
	int error;

	BUILD_BUG_ON(sizeof(struct dx_log_dinode) != DX_DINODE_SIZE);
	BUILD_BUG_ON(sizeof(struct dx_dinode) != DX_DINODE_SIZE);
	BUILD_BUG_ON(sizeof(struct dx_inode_log_format) != 56);
	if (!ic)
		return -ENOMEM;
	error = slabs_get();
	if (error)
		goto out_free;
	error = rhashtable_init(&ic->table, &table_params);
	if (error)
		goto out_slabs;
	ic->mp = mp;
	spin_lock_init(&ic->lock);
	INIT_LIST_HEAD(&ic->lru);
	ic->nqueues = clamp_t(unsigned int, mp->sb.agcount, 1, min_t(unsigned int, num_possible_cpus(), DX_INACT_WORKERS));
	for (i = 0; i < ic->nqueues; i++) {
		ic->inact[i].ic = ic;
		INIT_LIST_HEAD(&ic->inact[i].list);
		INIT_DELAYED_WORK(&ic->inact[i].work, inact_worker);
	}
	init_waitqueue_head(&ic->wait);
	init_waitqueue_head(&ic->throttled);
	mp->icache = ic;
	return 0;

out_slabs:
	slabs_put();
out_free:
	kfree(ic);
	return error;
}

static void destroy_one(void *ptr, void *arg)
{
	struct dx_inode *ip = ptr;
	struct dx_mount *mp = arg;

	if (refcount_read(&ip->i_ref))
		dx_err(mp, "inode 0x%llx is still in use (%u) at the end of the mount",
		       (unsigned long long)ip->ino, refcount_read(&ip->i_ref));
	if (ip->item && (test_bit(DX_LI_F_IN_AIL, &ip->item->item.li_flags) || ip->item->item.li_buf))
		dx_flush_give_up(ip);
	inode_free(ip);
}

/**
 * dx_icache_destroy - free all inodes and the cache
 * @mp: mount; no inode is in use; the log is gone, or shut down; no buffer I/O is under way
 */
void dx_icache_destroy(struct dx_mount *mp)
{
	struct dx_icache *ic = mp->icache;

	if (!ic)
		return;
	dx_icache_flush_inactive(mp);
	rhashtable_free_and_destroy(&ic->table, destroy_one, mp);
	mp->icache = NULL;
	kfree(ic);
	slabs_put();
}
