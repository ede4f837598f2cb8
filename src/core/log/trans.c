// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions: reserve, join, dirty, commit; roll; cancel.
 *
 * A transaction has its log space and its blocks before it locks anything,
 * so that neither can run out while others wait for its locks.  It is all
 * in the checkpoint or not at all.  A dirty one cannot be undone: giving
 * it up shuts the filesystem down.
 *
 * Memory: from alloc to commit or cancel the task allocates without entering
 * the filesystem (t_nofs).  A roll hands that scope on.
 *
 * Lock context: the caller's task owns the transaction; nothing in it is shared.
 */
#include "dx_log_int.h"
#include <linux/list_sort.h>

/**
 * dx_log_item_init - initialise a log item
 * @mp: the mount
 * @lip: zeroed
 * @type: DX_LI_*
 * @ops: its operations
 */
void dx_log_item_init(struct dx_mount *mp, struct dx_log_item *lip, u16 type, const struct dx_item_ops *ops)
{
	INIT_LIST_HEAD(&lip->li_ail);
	INIT_LIST_HEAD(&lip->li_trans);
	INIT_LIST_HEAD(&lip->li_cil);
	INIT_LIST_HEAD(&lip->li_bio);
	lip->li_mp = mp;
	lip->li_type = type;
	lip->li_ops = ops;
}

static struct dx_trans *trans_new(struct dx_mount *mp, enum dx_resv type, u32 flags)
{
	struct dx_trans *tp = kzalloc(sizeof(*tp), GFP_NOFS | __GFP_NOFAIL);

	tp->t_mp = mp;
	tp->t_type = type;
	tp->t_flags = flags;
	INIT_LIST_HEAD(&tp->t_items);
	INIT_LIST_HEAD(&tp->t_busy);
	INIT_LIST_HEAD(&tp->t_defer);
	tp->t_highest_agno = DX_NULLAGNO;
	return tp;
}

/* Only we put ourselves there. */
static bool has_entered(const struct dx_mount *mp)
{
	unsigned int i;

	for (i = 0; i < DX_INACT_WORKERS; i++)
		if (READ_ONCE(mp->freeze_owner[i]) == current)
			return true;
	return false;
}

/**
 * dx_trans_alloc - start a transaction
 * @mp: the mount
 * @type: what it will do: decides how much log space it gets
 * @blocks: fsblocks of free space to reserve
 * @flags: DX_TRANS_RESERVE, _SYNC, _NOWAIT, _RECOVERY, _KEEP_FREED
 * @tpp: the transaction
 *
 * Sleeps for log space: the caller holds no lock that a log push or writeback could need, in
 * particular no buffer and no ILOCK.
 *
 * Return: 0, -ENOSPC, -EAGAIN (NOWAIT), -EIO (shut down), -EROFS, -ENOMEM.
 */
int dx_trans_alloc(struct dx_mount *mp, enum dx_resv type, u32 blocks, u32 flags, struct dx_trans **tpp)
{
	const struct dx_resv_ent *r = &mp->resv[type];
	struct dx_trans *tp;
	unsigned int nofs;
	int error;

	*tpp = NULL;
	if (dx_is_shutdown(mp))
		return -EIO;
	/* recovery works on a mount that is read-only for its users, too */
	if (dx_is_readonly(mp) && !test_bit(DX_OP_RECOVERING, &mp->opstate))
		return -EROFS;
	if (test_bit(DX_OP_LAST_TRANS, &mp->opstate) && !(flags & DX_TRANS_NO_WRITECOUNT))
		return -EROFS;
	if (WARN_ON_ONCE(!mp->log || test_bit(DX_LOG_INERT, &mp->log->state)))
		return -EROFS;
	if (test_bit(DX_OP_RECOVERING, &mp->opstate))
		flags |= DX_TRANS_RECOVERY;

	/*
	 * Not into a frozen filesystem, whoever starts it: freeing an unlinked
	 * inode has no write access to the mount that would have waited.
	 */
	if (mp->freeze_enter && !(flags & (DX_TRANS_NO_WRITECOUNT | DX_TRANS_RECOVERY)) && !has_entered(mp)) {
		mp->freeze_enter(mp);
		flags |= DX_TRANS_FREEZE_HELD;
	}
	nofs = memalloc_nofs_save();
	if (blocks) {
		error = dx_mod_fdblocks(mp, -(s64)blocks, flags & DX_TRANS_RESERVE);
		if (error)
			goto out_nofs;
	}
	tp = trans_new(mp, type, flags & ~DX_TRANS_DIRTY);
	error = dx_ticket_get(mp->log, r->logres_bytes, r->perm ? r->logcount : 1, flags, &tp->t_ticket);
	if (error)
		goto out_free;
	tp->t_blk_res = blocks;
	tp->t_nofs = nofs;
	*tpp = tp;
	dx_trace(mp, "trans_alloc", type, blocks, r->logres_bytes);
	return 0;

out_free:
	kfree(tp);
	if (blocks)
		dx_mod_fdblocks(mp, blocks, flags & DX_TRANS_RESERVE);
out_nofs:
	memalloc_nofs_restore(nofs);
	if (flags & DX_TRANS_FREEZE_HELD)
		mp->freeze_exit(mp);
	return error;
}

/**
 * dx_trans_alloc_empty - a transaction that only holds buffers
 * @mp: the mount
 * @tpp: the transaction; never dirty, ends with dx_trans_cancel()
 *
 * No space is reserved.  Reading a structure with cycles through it cannot
 * deadlock, because a buffer that it holds is returned again.
 *
 * Return: 0.
 */
int dx_trans_alloc_empty(struct dx_mount *mp, struct dx_trans **tpp)
{
	unsigned int nofs = memalloc_nofs_save();

	*tpp = trans_new(mp, DX_RESV_MAX, 0);
	(*tpp)->t_nofs = nofs;
	return 0;
}

/**
 * dx_trans_reserve_blocks - reserve more free space for a running transaction
 * @tp: transaction
 * @blocks: fsblocks
 * @rsvd: may use the reserve pool
 *
 * Return: 0 or -ENOSPC.
 */
int dx_trans_reserve_blocks(struct dx_trans *tp, u32 blocks, bool rsvd)
{
	int error = blocks ? dx_mod_fdblocks(tp->t_mp, -(s64)blocks, rsvd) : 0;

	if (!error)
		tp->t_blk_res += blocks;
	return error;
}

/**
 * dx_trans_top_up - let a running transaction have so many blocks in its reservation, or as many as there are
 * @tp: transaction
 * @blocks: fsblocks, with those that it has
 *
 * For who cannot turn back and asks for the worst: near the end of the volume some of that may do.  Takes from the reserve pool,
 * too.
 */
void dx_trans_top_up(struct dx_trans *tp, u32 blocks)
{
	if (tp->t_blk_res >= blocks || !dx_trans_reserve_blocks(tp, blocks - tp->t_blk_res, true))
		return;
	while (tp->t_blk_res < blocks && !dx_trans_reserve_blocks(tp, 1, true))
		;
}

/**
 * dx_trans_add_item - join an item
 * @tp: transaction
 * @lip: locked, in no transaction
 */
void dx_trans_add_item(struct dx_trans *tp, struct dx_log_item *lip)
{
	WARN_ON_ONCE(!list_empty(&lip->li_trans));
	clear_bit(DX_LI_F_DIRTY, &lip->li_flags);
	list_add_tail(&lip->li_trans, &tp->t_items);
}

/**
 * dx_trans_del_item - take an item out of its transaction
 * @lip: item; not dirty, or its transaction ends
 */
void dx_trans_del_item(struct dx_log_item *lip)
{
	list_del_init(&lip->li_trans);
}

/**
 * dx_trans_mod_icount - the number of allocated inodes changes with this transaction
 * @tp: transaction
 * @d: by how many
 */
void dx_trans_mod_icount(struct dx_trans *tp, s64 d)
{
	tp->t_icount_delta += d;
	tp->t_flags |= DX_TRANS_SB_DIRTY;
}

/**
 * dx_trans_mod_ifree - the number of free inodes changes with this transaction
 * @tp: transaction
 * @d: by how many
 */
void dx_trans_mod_ifree(struct dx_trans *tp, s64 d)
{
	tp->t_ifree_delta += d;
	tp->t_flags |= DX_TRANS_SB_DIRTY;
}

/**
 * dx_trans_mod_fdblocks - blocks were allocated or freed in this transaction
 * @tp: transaction
 * @d: fsblocks; negative: allocated
 * @resv: allocated out of the transaction's reservation; false: out of what delayed allocation has
 *	taken from the counter long ago
 *
 * Freed blocks go back to the counter at commit; with DX_TRANS_KEEP_FREED to the reservation now.
 */
void dx_trans_mod_fdblocks(struct dx_trans *tp, s64 d, bool resv)
{
	u32 n;

	tp->t_flags |= DX_TRANS_SB_DIRTY;
	if (d >= 0 && (tp->t_flags & DX_TRANS_KEEP_FREED)) {
		tp->t_blk_res += d;
		tp->t_blk_res_used -= d;
		return;
	}
	if (d >= 0) {
		tp->t_fdblocks_delta += d;
		return;
	}
	if (!resv)
		return;
	n = min_t(u64, -d, tp->t_blk_res);
	tp->t_blk_res -= n;
	tp->t_blk_res_used += n;
	/* more than reserved: the counter must follow what happened on disk all the same */
	if (n < -d) {
		WARN_ON_ONCE(!(tp->t_flags & DX_TRANS_RECOVERY));
		tp->t_fdblocks_delta += d + n;
	}
}

/* Counters at the end of a transaction; @done: it was committed. */
static void apply_counters(struct dx_trans *tp, bool done, bool keep_resv)
{
	struct dx_mount *mp = tp->t_mp;
	s64 blocks = keep_resv ? 0 : tp->t_blk_res;

	if (done)
		blocks += tp->t_fdblocks_delta;
	else
		blocks += tp->t_blk_res_used;
	if (blocks >= 0)
		dx_mod_fdblocks(mp, blocks, false);
	else
		percpu_counter_add(&mp->fdblocks, blocks);
	if (!done)
		return;
	if (tp->t_icount_delta)
		dx_mod_icount(mp, tp->t_icount_delta);
	if (tp->t_ifree_delta)
		dx_mod_ifree(mp, tp->t_ifree_delta);
}

/**
 * dx_trans_release_items - give up all items of a transaction
 * @tp: transaction
 * @abort: it was not committed; dirty items learn so
 */
void dx_trans_release_items(struct dx_trans *tp, bool abort)
{
	struct dx_log_item *lip, *n;

	list_for_each_entry_safe(lip, n, &tp->t_items, li_trans) {
		bool dirty = test_bit(DX_LI_F_DIRTY, &lip->li_flags);

		dx_trans_del_item(lip);
		if (abort && dirty)
			set_bit(DX_LI_F_ABORTED, &lip->li_flags);
		lip->li_ops->release(lip, abort && dirty);
	}
}

static void trans_free(struct dx_trans *tp)
{
	/* freed in a transaction that did not happen: with the filesystem shut down nobody will reuse them */
	if (!list_empty(&tp->t_busy))
		tp->t_mp->log_above->freed(tp->t_mp, &tp->t_busy, false);
	kfree(tp);
}

static int by_order(void *priv, const struct list_head *a, const struct list_head *b)
{
	const struct dx_log_item *x = list_entry(a, struct dx_log_item, li_trans);
	const struct dx_log_item *y = list_entry(b, struct dx_log_item, li_trans);

	return x->li_order > y->li_order;
}

/* Items may join further items; those are at the end and get their turn. */
static int precommit(struct dx_trans *tp)
{
	struct dx_log_item *lip;
	bool any = false;
	int error;

	list_for_each_entry(lip, &tp->t_items, li_trans)
		any |= !!lip->li_ops->precommit;
	if (!any)
		return 0;
	dx_list_sort(NULL, &tp->t_items, by_order);
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		if (!lip->li_ops->precommit || !test_bit(DX_LI_F_DIRTY, &lip->li_flags))
			continue;
		error = lip->li_ops->precommit(tp, lip);
		if (error)
			return error;
	}
	return 0;
}

/**
 * dx_trans_commit_one - commit a transaction that has no deferred work
 * @tp: transaction; freed
 * @regrant: a roll: ticket, reservation and allocation scope now belong to the successor
 *
 * Return: 0; -EIO when shut down, or an item's error after shutting down.  Items are
 * released in any case.
 */
int dx_trans_commit_one(struct dx_trans *tp, bool regrant)
{
	struct dx_mount *mp = tp->t_mp;
	bool dirty = tp->t_flags & DX_TRANS_DIRTY;
	bool sync = (tp->t_flags & DX_TRANS_SYNC) && !regrant, rolled = tp->t_flags & DX_TRANS_ROLLED;
	bool thaw = (tp->t_flags & DX_TRANS_FREEZE_HELD) && !regrant;
	unsigned int nofs = tp->t_nofs;
	u64 seq = 0;
	int error = 0;

	if (dirty && dx_is_shutdown(mp))
		error = -EIO;
	if (!error && dirty && WARN_ON_ONCE(!tp->t_ticket)) {
		dx_force_shutdown(mp, DX_SHUT_CORRUPT_INCORE, __func__);
		error = -EIO;
	}
	if (!error && dirty) {
		error = precommit(tp);
		if (error)
			dx_force_shutdown(mp, DX_SHUT_CORRUPT_INCORE, __func__);
	}
	if (!error && dirty && mp->qflags)
		mp->log_above->charge(tp);
	if (!error && dirty) {
		error = dx_cil_commit(tp, regrant);
		seq = tp->t_commit_seq;
	} else {
		dx_trans_release_items(tp, error);
	}
	dx_trace(mp, regrant ? "trans_roll" : "trans_commit", tp->t_type, seq, dirty);
	apply_counters(tp, dirty && !error, regrant);
	if (!regrant && tp->t_ticket)
		dx_ticket_put(mp->log, tp->t_ticket);
	trans_free(tp);
	if (!regrant)
		memalloc_nofs_restore(nofs);
	/* the last of a chain may have nothing to say itself */
	if (!error && sync && (dirty || rolled))
		error = dirty ? dx_log_force_seq(mp, seq, true, NULL) : dx_log_force(mp, true);
	if (thaw)
		mp->freeze_exit(mp);
	return error;
}

/**
 * dx_trans_commit - commit a transaction
 * @tp: transaction; gone afterwards
 *
 * Deferred work is finished first, in transactions of its own.  Items are unlocked as they
 * were joined.  What was committed is durable after the next log force; with DX_TRANS_SYNC at return, and so is
 * what was rolled into it.
 *
 * Return: 0, or -errno: then the filesystem is shut down if anything was dirty.
 */
int dx_trans_commit(struct dx_trans *tp)
{
	int error;

	if (!list_empty(&tp->t_defer)) {
		error = dx_defer_finish(&tp);
		if (error) {
			dx_trans_cancel(tp);
			return error;
		}
	}
	return dx_trans_commit_one(tp, false);
}

/**
 * dx_trans_end - commit a transaction, or cancel it after an error
 * @tp: gone afterwards
 * @error: of what was done in it
 *
 * Return: @error, or what became of the commit.
 */
int dx_trans_end(struct dx_trans *tp, int error)
{
	if (!error)
		return dx_trans_commit(tp);
	dx_trans_cancel(tp);
	return error;
}

/**
 * dx_trans_cancel - give up a transaction
 * @tp: transaction; gone afterwards
 *
 * A clean one leaves no trace.  The changes of a dirty one are in memory and cannot be
 * taken back: the filesystem is shut down.
 */
void dx_trans_cancel(struct dx_trans *tp)
{
	struct dx_mount *mp = tp->t_mp;
	bool dirty = (tp->t_flags & DX_TRANS_DIRTY) || !list_empty(&tp->t_defer);
	bool thaw = tp->t_flags & DX_TRANS_FREEZE_HELD;
	unsigned int nofs = tp->t_nofs;

	if (dirty && !dx_is_shutdown(mp)) {
		dx_err(mp, "a transaction of type %u that changed something was given up", tp->t_type);
		dx_force_shutdown(mp, DX_SHUT_CORRUPT_INCORE, __func__);
	}
	dx_defer_cancel(tp);
	dx_trans_release_items(tp, dirty);
	apply_counters(tp, false, false);
	if (tp->t_ticket)
		dx_ticket_put(mp->log, tp->t_ticket);
	trans_free(tp);
	memalloc_nofs_restore(nofs);
	if (thaw)
		mp->freeze_exit(mp);
}

/**
 * dx_trans_roll - commit and go on in a new transaction
 * @tpp: in: transaction, out: its successor (also after an error: cancel it)
 *
 * The successor has the block reservation that is left, the deferred work and the
 * ticket.  May wait for log space, keeping what was joined to be kept: items that are kept and
 * were ever dirty must be logged in each roll, see log_space.c.  Kept items are joined again by
 * the caller.
 *
 * Return: 0 or -errno.
 */
int dx_trans_roll(struct dx_trans **tpp)
{
	struct dx_trans *tp = *tpp, *ntp;
	struct dx_mount *mp = tp->t_mp;
	int error;

	ntp = trans_new(mp, tp->t_type, tp->t_flags & (DX_TRANS_RESERVE | DX_TRANS_SYNC | DX_TRANS_NO_WRITECOUNT |
						       DX_TRANS_RECOVERY | DX_TRANS_FREEZE_HELD |
						       DX_TRANS_KEEP_FREED | DX_TRANS_ROLLED));
	if (tp->t_flags & DX_TRANS_DIRTY)
		ntp->t_flags |= DX_TRANS_ROLLED;
	ntp->t_ticket = tp->t_ticket;
	ntp->t_nofs = tp->t_nofs;
	ntp->t_blk_res = tp->t_blk_res;
	list_splice_init(&tp->t_defer, &ntp->t_defer);
	*tpp = ntp;
	error = dx_trans_commit_one(tp, true);
	if (error)
		return error;
	return ntp->t_ticket ? dx_ticket_regrant(mp->log, ntp->t_ticket) : 0;
}
