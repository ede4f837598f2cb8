// SPDX-License-Identifier: GPL-2.0-only
/*
 * The AIL: items whose newest copy is in the log and not yet in its place on
 * disk, ordered by LSN.  Its first entry is the tail of the log.
 *
 * The pusher writes items back from the front, as far as log space asks or
 * somebody wants all.  It is one delayed work item, so it is never run twice at a time.
 *
 * Life of items: ->push runs without our lock, since it may sleep.  The pusher announces
 * the item (ail->pushing) under the lock while the item is in the list.  Taking an item
 * out never sleeps (inode code does it under a spinlock); whoever frees the item's memory calls
 * dx_ail_wait_push() before.  The pusher's place in the list is ail->cursor, which
 * removal keeps valid.
 *
 * After a shutdown the pusher takes everything apart: writes fail at once and
 * their completions take the items out.
 */
#include "dx_log_int.h"

#define BATCH		256		/* pushes between submissions */
#define DELAY_BUSY	msecs_to_jiffies(10)
#define DELAY_RETRY	msecs_to_jiffies(100)	/* everything left waits for its time to be tried again, or is wanted by nobody */
#define DRAIN_LIMIT	(30 * HZ)	/* of a shut down filesystem */

struct dx_ail {
	struct dx_mount		*mp;
	spinlock_t		lock;		/* items, cursor, pushing; what was asked for */
	struct list_head	items;		/* li_ail */
	dx_lsn_t		target;		/* somebody asked for this */
	unsigned int		push_all;	/* callers that wait for all */
	struct dx_log_item	*cursor;	/* next for the pusher */
	struct dx_log_item	*pushing;
	struct task_struct	*pusher;
	struct list_head	bufs;		/* the pusher's delayed write list */
	struct workqueue_struct	*wq;
	struct delayed_work	work;
	wait_queue_head_t	empty_wait, push_wait;
	bool			dead;		/* under the lock, as is the queueing: none after dx_ail_stop() */
	bool			lazy;		/* queued for what is left over alone: whoever wants something comes before */
};

static struct dx_log_item *first(struct dx_ail *ail)
{
	return list_first_entry_or_null(&ail->items, struct dx_log_item, li_ail);
}

static struct dx_log_item *next(struct dx_ail *ail, struct dx_log_item *lip)
{
	return list_is_last(&lip->li_ail, &ail->items) ? NULL : list_next_entry(lip, li_ail);
}

/* Lock held.  Tell the space accounting about the tail. */
static void tail_moved(struct dx_ail *ail)
{
	struct dx_log *l = ail->mp->log;
	struct dx_log_item *lip = first(ail);

	if (l && !test_bit(DX_LOG_INERT, &l->state))
		dx_space_tail_moved(l, lip ? lip->li_lsn : l->last_commit_lsn);
}

/* Lock held. */
static void unlink(struct dx_ail *ail, struct dx_log_item *lip)
{
	if (ail->cursor == lip)
		ail->cursor = next(ail, lip);
	list_del_init(&lip->li_ail);
}

/**
 * dx_ail_insert - put an item into the AIL, or move it forward
 * @mp: the mount
 * @lip: pinned item
 * @lsn: start of the checkpoint that holds its newest copy; not moved when it is there already
 *	at this LSN or a later one
 */
void dx_ail_insert(struct dx_mount *mp, struct dx_log_item *lip, dx_lsn_t lsn)
{
	struct dx_ail *ail = mp->ail;
	struct dx_log_item *at;
	bool was_first = false;

	spin_lock(&ail->lock);
	if (test_bit(DX_LI_F_IN_AIL, &lip->li_flags)) {
		if (lsn <= lip->li_lsn) {
			spin_unlock(&ail->lock);
			return;
		}
		was_first = first(ail) == lip;
		unlink(ail, lip);
	}
	WRITE_ONCE(lip->li_lsn, lsn);
	set_bit(DX_LI_F_IN_AIL, &lip->li_flags);
	/* nearly always the last place */
	list_for_each_entry_reverse(at, &ail->items, li_ail) {
		if (at->li_lsn <= lsn)
			break;
	}
	list_add(&lip->li_ail, &at->li_ail);
	if (was_first)
		tail_moved(ail);
	spin_unlock(&ail->lock);
}

/**
 * dx_ail_delete - take an item out, and move the tail
 * @mp: the mount
 * @lip: item; nothing happens when it is not in the AIL
 *
 * Does not sleep.
 */
void dx_ail_delete(struct dx_mount *mp, struct dx_log_item *lip)
{
	struct dx_ail *ail = mp->ail;
	bool was_first, empty;

	spin_lock(&ail->lock);
	if (!test_bit(DX_LI_F_IN_AIL, &lip->li_flags)) {
		spin_unlock(&ail->lock);
		return;
	}
	was_first = first(ail) == lip;
	unlink(ail, lip);
	clear_bit(DX_LI_F_IN_AIL, &lip->li_flags);
	clear_bit(DX_LI_F_FAILED, &lip->li_flags);
	WRITE_ONCE(lip->li_lsn, 0);
	if (was_first)
		tail_moved(ail);
	empty = list_empty(&ail->items);
	spin_unlock(&ail->lock);
	if (empty)
		wake_up_all(&ail->empty_wait);
}

/**
 * dx_ail_wait_push - wait until the pusher is not looking at an item
 * @mp: the mount
 * @lip: item that is out of the AIL and about to be freed
 *
 * May sleep, for no longer than one ->push takes.
 */
void dx_ail_wait_push(struct dx_mount *mp, struct dx_log_item *lip)
{
	struct dx_ail *ail = mp->ail;

	if (!ail || READ_ONCE(ail->pushing) != lip || READ_ONCE(ail->pusher) == current)
		return;
	wait_event(ail->push_wait, READ_ONCE(ail->pushing) != lip);
}

/**
 * dx_ail_find - first item for which a function says yes
 * @mp: the mount
 * @match: called under the AIL lock
 * @arg: for @match
 *
 * Return: the item; it stays valid only if the caller keeps others from taking it out.
 */
struct dx_log_item *dx_ail_find(struct dx_mount *mp, bool (*match)(struct dx_log_item *lip, void *arg), void *arg)
{
	struct dx_ail *ail = mp->ail;
	struct dx_log_item *lip, *found = NULL;

	spin_lock(&ail->lock);
	list_for_each_entry(lip, &ail->items, li_ail) {
		if (match(lip, arg)) {
			found = lip;
			break;
		}
	}
	spin_unlock(&ail->lock);
	return found;
}

/**
 * dx_ail_min_lsn - LSN of the oldest item
 * @mp: the mount
 *
 * Return: 0 when the AIL is empty.
 */
dx_lsn_t dx_ail_min_lsn(struct dx_mount *mp)
{
	struct dx_ail *ail = mp->ail;
	struct dx_log_item *lip;
	dx_lsn_t lsn;

	spin_lock(&ail->lock);
	lip = first(ail);
	lsn = lip ? lip->li_lsn : 0;
	spin_unlock(&ail->lock);
	return lsn;
}

/**
 * dx_ail_is_empty - is everything in its place on disk?
 * @mp: the mount
 */
bool dx_ail_is_empty(struct dx_mount *mp)
{
	return list_empty_careful(&mp->ail->items);
}

/**
 * dx_log_tail_lsn - from where on recovery would need the log
 * @mp: the mount
 *
 * Return: the oldest item's LSN; the last checkpoint's commit record when there is no item.
 */
dx_lsn_t dx_log_tail_lsn(struct dx_mount *mp)
{
	struct dx_ail *ail = mp->ail;
	struct dx_log_item *lip;
	dx_lsn_t lsn;

	spin_lock(&ail->lock);
	lip = first(ail);
	lsn = lip ? lip->li_lsn : mp->log->last_commit_lsn;
	spin_unlock(&ail->lock);
	return lsn;
}

/**
 * dx_ail_set_last_commit - a checkpoint is complete, its items are in the AIL
 * @l: the log
 * @lsn: of the record with its commit operation
 */
void dx_ail_set_last_commit(struct dx_log *l, dx_lsn_t lsn)
{
	struct dx_ail *ail = l->mp->ail;

	spin_lock(&ail->lock);
	l->last_commit_lsn = lsn;
	tail_moved(ail);
	spin_unlock(&ail->lock);
}

/* ---- pushing ---- */

/* Have the pusher run after @delay, if it is not to run before; @hurry: then, whatever was said. */
static void queue_pusher(struct dx_ail *ail, unsigned long delay, bool hurry)
{
	spin_lock(&ail->lock);
	if (ail->dead)
		;
	else if (hurry || ail->lazy)
		mod_delayed_work(ail->wq, &ail->work, delay);
	else
		queue_delayed_work(ail->wq, &ail->work, delay);
	ail->lazy = false;
	spin_unlock(&ail->lock);
}

/**
 * dx_ail_kick - let the pusher look whether there is something to do
 * @mp: the mount
 */
void dx_ail_kick(struct dx_mount *mp)
{
	queue_pusher(mp->ail, 0, false);
}

static dx_lsn_t push_target(struct dx_ail *ail)
{
	struct dx_log *l = ail->mp->log;
	dx_lsn_t target, space = 0;

	if (dx_is_shutdown(ail->mp) || READ_ONCE(ail->push_all))
		return DX_NULLLSN;
	if (l && !test_bit(DX_LOG_INERT, &l->state))
		space = dx_space_push_target(l);
	spin_lock(&ail->lock);
	target = max(ail->target, space);
	spin_unlock(&ail->lock);
	return target;
}

static int submit(struct dx_ail *ail)
{
	return list_empty(&ail->bufs) ? 0 : dx_buf_start_queued(&ail->bufs);
}

/*
 * One pass over the list up to @target.  Returns whether something there needs the log forced;
 * *idle: there was nothing but writes that failed not long ago.
 */
static bool push_pass(struct dx_ail *ail, dx_lsn_t target, bool *idle)
{
	struct dx_log_item *lip;
	unsigned int n = 0, pinned = 0, retries = 0;

	spin_lock(&ail->lock);
	ail->pusher = current;
	lip = first(ail);
	while (lip && lip->li_lsn <= target) {
		unsigned int rc;

		ail->cursor = next(ail, lip);
		ail->pushing = lip;
		spin_unlock(&ail->lock);

		rc = lip->li_ops->push ? lip->li_ops->push(lip, &ail->bufs) : DX_PUSH_PINNED;
		if (rc == DX_PUSH_PINNED)
			pinned++;
		else if (rc == DX_PUSH_RETRY)
			retries++;

		spin_lock(&ail->lock);
		ail->pushing = NULL;
		if (wq_has_sleeper(&ail->push_wait))
			wake_up_all(&ail->push_wait);
		if (++n % BATCH == 0) {
			spin_unlock(&ail->lock);
			pinned += submit(ail);
			cond_resched();
			spin_lock(&ail->lock);
		}
		lip = ail->cursor;
	}
	ail->cursor = NULL;
	ail->pusher = NULL;
	spin_unlock(&ail->lock);
	pinned += submit(ail);
	*idle = n && n == retries;
	return pinned;
}

static void ail_work(struct work_struct *work)
{
	struct dx_ail *ail = container_of(to_delayed_work(work), struct dx_ail, work);
	struct dx_log *l = ail->mp->log;
	unsigned int nofs = memalloc_nofs_save();
	dx_lsn_t target = push_target(ail), min = dx_ail_min_lsn(ail->mp);
	bool pinned = false, idle = false, wanted = min && min <= target, more, waiters, leftovers;

	if (wanted)
		pinned = push_pass(ail, target, &idle);
	else	/* what was locked or pinned the last time: nobody is in a hurry for it, nor for a checkpoint that unpins it */
		submit(ail);
	min = dx_ail_min_lsn(ail->mp);
	waiters = l && dx_space_has_waiters(l);
	leftovers = !idle && !wanted && !waiters;

	/* space may be in the checkpoint in memory, or what is at the tail was logged anew in it */
	if (l && (pinned || (waiters && (!min || min > target))))
		dx_cil_push_async(l);
	more = (min && min <= target) || waiters || !list_empty(&ail->bufs);
	if (more)
		queue_pusher(ail, idle || leftovers ? DELAY_RETRY : DELAY_BUSY, false);
	if (leftovers && more) {
		/* a kick that came before this has the pusher run at once all the same */
		spin_lock(&ail->lock);
		ail->lazy = true;
		spin_unlock(&ail->lock);
	}
	memalloc_nofs_restore(nofs);
}

/**
 * dx_ail_push - write back everything up to an LSN, without waiting
 * @mp: the mount
 * @target: LSN
 */
void dx_ail_push(struct dx_mount *mp, dx_lsn_t target)
{
	struct dx_ail *ail = mp->ail;

	spin_lock(&ail->lock);
	if (target > ail->target)
		ail->target = target;
	spin_unlock(&ail->lock);
	dx_ail_kick(mp);
}

/**
 * dx_ail_drain - write back everything and wait
 * @mp: the mount
 *
 * Items that are still only in the checkpoint in memory are not in the AIL: force
 * the log before.  After a shutdown this ends when all items have been taken apart.
 */
void dx_ail_drain(struct dx_mount *mp)
{
	struct dx_ail *ail = mp->ail;
	unsigned long start = jiffies;

	spin_lock(&ail->lock);
	ail->push_all++;
	spin_unlock(&ail->lock);
	while (!dx_ail_is_empty(mp)) {
		queue_pusher(ail, 0, true);
		wait_event_timeout(ail->empty_wait, dx_ail_is_empty(mp), DELAY_BUSY);
		if (!dx_is_shutdown(mp)) {
			start = jiffies;
		} else if (time_after(jiffies, start + DRAIN_LIMIT)) {
			dx_err(mp, "items remain after the shutdown, first of type 0x%x",
			       first(ail) ? first(ail)->li_type : 0);
			WARN_ON_ONCE(1);
			break;
		}
	}
	spin_lock(&ail->lock);
	ail->push_all--;
	spin_unlock(&ail->lock);
}

/**
 * dx_ail_init - make the AIL of a mount
 * @mp: the mount
 *
 * Return: 0 or -ENOMEM.
 */
int dx_ail_init(struct dx_mount *mp)
{
	struct dx_ail *ail;

	if (mp->ail)
		return 0;
	ail = kzalloc(sizeof(*ail), GFP_KERNEL);
	if (!ail)
		return -ENOMEM;
	ail->mp = mp;
	spin_lock_init(&ail->lock);
	INIT_LIST_HEAD(&ail->items);
	INIT_LIST_HEAD(&ail->bufs);
	init_waitqueue_head(&ail->empty_wait);
	init_waitqueue_head(&ail->push_wait);
	INIT_DELAYED_WORK(&ail->work, ail_work);
	ail->wq = alloc_workqueue("dioxfs-ail/%s", WQ_MEM_RECLAIM | WQ_FREEZABLE | WQ_PERCPU, 1, mp->name);
	if (!ail->wq) {
		kfree(ail);
		return -ENOMEM;
	}
	mp->ail = ail;
	return 0;
}

/**
 * dx_ail_stop - end the pusher
 * @mp: the mount; the log is about to go
 */
void dx_ail_stop(struct dx_mount *mp)
{
	struct dx_ail *ail = mp->ail;

	spin_lock(&ail->lock);
	ail->dead = true;
	spin_unlock(&ail->lock);
	cancel_delayed_work_sync(&ail->work);
}

/**
 * dx_ail_destroy - free the AIL
 * @mp: the mount; the AIL is empty or the filesystem shut down
 */
void dx_ail_destroy(struct dx_mount *mp)
{
	struct dx_ail *ail = mp->ail;

	if (!ail)
		return;
	dx_ail_stop(mp);
	dx_buf_forget_queued(&ail->bufs);
	destroy_workqueue(ail->wq);
	WARN_ON_ONCE(!list_empty(&ail->items));
	mp->ail = NULL;
	kfree(ail);
}
