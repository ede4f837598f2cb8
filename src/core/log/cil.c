// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checkpoint in memory: what has been committed and is not in the log yet.
 *
 * A commit copies the dirty regions of its items (a log vector each) and puts the items
 * into the current context; an item that is there already gets the newer copy, in
 * the place of the older one if it fits: most commits change again what the last one
 * changed, and need no memory then.  A push takes the whole context, puts an empty one in its place, writes the old
 * one to the log as one checkpoint, and then tells its items.
 *
 * Invariants:
 *  - A copy in the current context is overwritten only under ctx_lock shared, by whoever has
 *    the item locked.  Memory is allocated outside of it: reclaim may wait for writeback,
 *    whose completion commits.
 *  - A transaction is in one context as a whole: it inserts under ctx_lock
 *    shared, the switch takes it exclusively.
 *  - An item is pinned once for each context that it is in.
 *  - Contexts are written and completed one at a time, in order of their
 *    sequence numbers, by one work item on mp->log_wq under write_mutex.
 *  - Nobody who holds an item lock waits for anything but the writer, and
 *    the writer waits for I/O only.
 *
 * Once the log is aborted no commit gets in, and what was in is completed
 * as aborted: items go to the AIL, whose pusher takes them apart.
 */
#include "dx_log_int.h"

/* ---- log vectors ---- */

/* Bytes behind the structure; each region starts at a multiple of 8. */
static u32 lv_need(u32 nvecs, u32 nbytes)
{
	return nvecs * (u32)(sizeof(struct dx_log_iovec) + 8) + round_up(nbytes, 8) + 8;
}

static struct dx_log_vec *lv_alloc(u32 nvecs, u32 nbytes)
{
	size_t bytes = sizeof(struct dx_log_vec) + lv_need(nvecs, nbytes);
	struct dx_log_vec *lv;

	/* as much as the slab takes for it anyway: room for the next copy to be larger */
	if (bytes <= PAGE_SIZE)
		bytes = roundup_pow_of_two(bytes);
	/* a dirty transaction cannot back out for lack of memory */
	while (!(lv = kvmalloc(bytes, GFP_KERNEL))) {
		cond_resched();
		msleep(2);
	}
	memset(lv, 0, sizeof(*lv));
	lv->lv_cap = bytes - sizeof(*lv);
	return lv;
}

/* Divide the room for what the item has now. */
static void lv_layout(struct dx_log_vec *lv, u32 nvecs, u32 nbytes)
{
	lv->lv_iovecs = (struct dx_log_iovec *)(lv + 1);
	lv->lv_niovecs = 0;
	lv->lv_bytes = 0;
	lv->lv_maxvecs = nvecs;
	lv->lv_buf = PTR_ALIGN((char *)(lv->lv_iovecs + nvecs), 8);
	lv->lv_size = round_up(nbytes, 8) + 8 * nvecs;
}

/**
 * dx_lv_reserve - room for a region in the copy of an item
 * @c: cursor that ->format() was given
 * @len_bytes: multiple of 4
 * @type: for debugging
 *
 * Return: the room, 8-byte aligned, to be filled by the caller; NULL when the item said less
 * in ->size(): the commit then fails.
 */
void *dx_lv_reserve(struct dx_lv_cursor *c, u32 len_bytes, u32 type)
{
	struct dx_log_vec *lv = c->lv;
	u32 len = round_up(len_bytes, 4);
	struct dx_log_iovec *v;

	c->used = round_up(c->used, 8);
	if (WARN_ON_ONCE(c->i >= lv->lv_maxvecs || c->used > lv->lv_size || len > lv->lv_size - c->used)) {
		c->overflow = true;
		return NULL;
	}
	v = &lv->lv_iovecs[c->i++];
	v->addr = lv->lv_buf + c->used;
	v->len_bytes = len;
	v->type = type;
	c->used += len;
	return v->addr;
}

/**
 * dx_lv_add - copy a region
 * @c: cursor that ->format() was given
 * @src: contents
 * @len_bytes: of @src; padded with zeros to a multiple of 4
 * @type: for debugging
 */
void dx_lv_add(struct dx_lv_cursor *c, const void *src, u32 len_bytes, u32 type)
{
	char *p = dx_lv_reserve(c, len_bytes, type);

	if (!p)
		return;
	memcpy(p, src, len_bytes);
	if (len_bytes & 3)
		memset(p + len_bytes, 0, round_up(len_bytes, 4) - len_bytes);
}

/**
 * dx_lv_trim - shorten the last region
 * @c: cursor that ->format() was given
 * @len_bytes: new length, not more than reserved; 0 drops the region
 */
void dx_lv_trim(struct dx_lv_cursor *c, u32 len_bytes)
{
	struct dx_log_iovec *v;

	if (c->overflow || WARN_ON_ONCE(!c->i))
		return;
	v = &c->lv->lv_iovecs[c->i - 1];
	len_bytes = round_up(len_bytes, 4);
	if (WARN_ON_ONCE(len_bytes > v->len_bytes))
		return;
	c->used -= v->len_bytes - len_bytes;
	v->len_bytes = len_bytes;
	if (!len_bytes)
		c->i--;
}

static u32 lv_payload(const struct dx_log_vec *lv)
{
	return lv ? lv->lv_bytes + lv->lv_niovecs * (u32)sizeof(struct dx_op_header) : 0;
}

static void free_lvs(struct list_head *list)
{
	struct dx_log_vec *lv, *n;

	list_for_each_entry_safe(lv, n, list, lv_list) {
		list_del(&lv->lv_list);
		kvfree(lv);
	}
}

static bool is_dirty(struct dx_log_item *lip)
{
	return test_bit(DX_LI_F_DIRTY, &lip->li_flags);
}

/*
 * Room for the copies of all dirty items, if they go into checkpoint @seq: that of the
 * last copy, or new.  Called again when it turned out to be another checkpoint.
 */
static void make_room(struct dx_trans *tp, u64 seq)
{
	struct dx_log_item *lip;

	list_for_each_entry(lip, &tp->t_items, li_trans) {
		if (!is_dirty(lip) || lip->li_fresh)
			continue;
		lip->li_nvecs = lip->li_nbytes = 0;
		lip->li_ops->size(lip, &lip->li_nvecs, &lip->li_nbytes);
		if (lip->li_seq == seq && lip->li_cap >= lv_need(lip->li_nvecs, lip->li_nbytes))
			continue;
		lip->li_fresh = lv_alloc(lip->li_nvecs, lip->li_nbytes);
		lip->li_fresh->lv_item = lip;
	}
}

/* What the copies of a transaction add to the checkpoint; may be less than what they replace. */
struct growth {
	s64	payload;
	s32	nregions;
};

/* Copies of all dirty items of a transaction, in its order.  ctx_lock shared. */
static int format_items(struct dx_trans *tp, struct growth *g)
{
	struct dx_log_item *lip;
	bool overflow = false;
	u32 i;

	list_for_each_entry(lip, &tp->t_items, li_trans) {
		struct dx_log_vec *lv = lip->li_fresh ? lip->li_fresh : lip->li_lv;
		struct dx_lv_cursor c = { .lv = lv };

		if (!is_dirty(lip))
			continue;
		if (lip->li_lv) {
			g->payload -= lv_payload(lip->li_lv);
			g->nregions -= lip->li_lv->lv_niovecs;
		}
		lv_layout(lv, lip->li_nvecs, lip->li_nbytes);
		if (lip->li_nvecs)
			lip->li_ops->format(lip, &c);
		lv->lv_niovecs = c.i;
		for (i = 0; i < c.i; i++)
			lv->lv_bytes += lv->lv_iovecs[i].len_bytes;
		overflow |= c.overflow;
		g->payload += lv_payload(lv);
		g->nregions += lv->lv_niovecs;
	}
	return overflow ? -EFSCORRUPTED : 0;
}

/* ---- the current context ---- */

static struct dx_cil_ctx *ctx_alloc(u64 seq)
{
	struct dx_cil_ctx *ctx = kzalloc(sizeof(*ctx), GFP_NOFS | __GFP_NOFAIL);

	ctx->seq = seq;
	INIT_LIST_HEAD(&ctx->items);
	INIT_LIST_HEAD(&ctx->vecs);
	INIT_LIST_HEAD(&ctx->busy);
	return ctx;
}

/* cil_lock or ctx_lock held */
static bool ctx_empty(const struct dx_cil_ctx *ctx)
{
	return list_empty(&ctx->items) && list_empty(&ctx->busy);
}

/**
 * dx_cil_empty - is nothing waiting to be written to the log?
 * @l: the log
 */
bool dx_cil_empty(struct dx_log *l)
{
	bool empty;

	spin_lock(&l->cil_lock);
	empty = ctx_empty(l->ctx);
	spin_unlock(&l->cil_lock);
	return empty;
}

static void queue_push(struct dx_log *l)
{
	queue_work(l->mp->log_wq, &l->push_work);
}

/**
 * dx_cil_push_async - have the current context written, do not wait
 * @l: the log
 */
void dx_cil_push_async(struct dx_log *l)
{
	bool push = false;

	if (test_bit(DX_LOG_INERT, &l->state))
		return;
	spin_lock(&l->cil_lock);
	if (!ctx_empty(l->ctx)) {
		l->push_seq = l->cur_seq;
		push = true;
	}
	spin_unlock(&l->cil_lock);
	if (push)
		queue_push(l);
}

static bool switched(struct dx_log *l, u64 seq)
{
	return READ_ONCE(l->cur_seq) != seq || dx_log_aborted(l);
}

/**
 * dx_cil_commit - put a transaction into the current checkpoint
 * @tp: all of its items are locked; they are released, also after an error
 * @regrant: the transaction goes on: it keeps what remains of its ticket
 *
 * Starts a push in the background when the checkpoint is big, and waits for
 * the switch when it is twice that.
 *
 * Return: 0; -EIO (log aborted) or -EFSCORRUPTED: nothing was committed.
 */
int dx_cil_commit(struct dx_trans *tp, bool regrant)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_log *l = mp->log;
	struct dx_log_item *lip;
	struct dx_cil_ctx *ctx;
	bool push = false, throttle = false;
	struct growth g = { };
	LIST_HEAD(old);
	u64 seq;
	int error;

	for (;;) {
		seq = READ_ONCE(l->cur_seq);
		make_room(tp, seq);
		down_read(&l->ctx_lock);
		if (dx_log_aborted(l)) {
			up_read(&l->ctx_lock);
			error = -EIO;
			goto fail;
		}
		ctx = l->ctx;
		if (ctx->seq == seq)
			break;
		up_read(&l->ctx_lock);
	}
	error = format_items(tp, &g);
	if (error) {
		/* older copies are overwritten: this checkpoint must not be written any more */
		dx_log_abort(mp);
		up_read(&l->ctx_lock);
		dx_force_shutdown(mp, DX_SHUT_CORRUPT_INCORE, __func__);
		goto fail;
	}
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		if (is_dirty(lip) && list_empty(&lip->li_cil))
			lip->li_ops->pin(lip);
	}

	spin_lock(&l->cil_lock);
	ctx->payload += g.payload;
	ctx->nregions += g.nregions;
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		if (!is_dirty(lip))
			continue;
		if (lip->li_fresh) {
			if (lip->li_lv)
				list_add(&lip->li_lv->lv_list, &old);
			lip->li_lv = lip->li_fresh;
			lip->li_cap = lip->li_lv->lv_cap;
			lip->li_fresh = NULL;
		}
		lip->li_seq = seq;
		list_move_tail(&lip->li_cil, &ctx->items);
	}
	list_splice_tail_init(&tp->t_busy, &ctx->busy);
	dx_space_move_to_ctx(l, tp->t_ticket, ctx);
	if (ctx->held >= l->push_bytes) {
		l->push_seq = max(l->push_seq, seq);
		push = true;
		throttle = ctx->held >= 2 * l->push_bytes;
	}
	spin_unlock(&l->cil_lock);

	tp->t_commit_seq = seq;
	dx_trans_release_items(tp, false);
	up_read(&l->ctx_lock);

	free_lvs(&old);
	if (regrant)
		dx_ticket_spend_unit(l, tp->t_ticket);
	if (push)
		queue_push(l);
	if (throttle)
		wait_event(l->throttle_wait, switched(l, seq));
	return 0;

fail:
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		kvfree(lip->li_fresh);
		lip->li_fresh = NULL;
	}
	dx_trans_release_items(tp, true);
	return error;
}

/* ---- writing and completion ---- */

/*
 * Take the current context if somebody wants it written.  Its items give up
 * their copies to it: from here on they can be changed and committed again.
 */
static struct dx_cil_ctx *cil_switch(struct dx_log *l)
{
	struct dx_cil_ctx *ctx, *fresh = ctx_alloc(0);
	struct dx_log_item *lip, *n;

	down_write(&l->ctx_lock);
	spin_lock(&l->cil_lock);
	ctx = l->ctx;
	if (ctx_empty(ctx) || (l->push_seq < ctx->seq && !dx_log_aborted(l))) {
		spin_unlock(&l->cil_lock);
		up_write(&l->ctx_lock);
		kfree(fresh);
		return NULL;
	}
	fresh->seq = ctx->seq + 1;
	l->ctx = fresh;
	WRITE_ONCE(l->cur_seq, fresh->seq);
	spin_unlock(&l->cil_lock);

	list_for_each_entry_safe(lip, n, &ctx->items, li_cil) {
		list_del_init(&lip->li_cil);
		list_add_tail(&lip->li_lv->lv_list, &ctx->vecs);
		lip->li_lv = NULL;
	}
	up_write(&l->ctx_lock);
	wake_up_all(&l->throttle_wait);
	return ctx;
}

/*
 * The checkpoint is durable, or never will be: tell every item.  Insertion into the AIL
 * comes before the unpin, so that an item is always findable by somebody who will
 * get it written back.
 */
static void ctx_complete(struct dx_log *l, struct dx_cil_ctx *ctx, bool abort)
{
	struct dx_mount *mp = l->mp;
	struct dx_log_vec *lv, *n;

	if (abort && !ctx->start_lsn)
		ctx->start_lsn = dx_lsn_make(l->cycle, l->block);
	mp->log_above->freed(mp, &ctx->busy, !abort);

	list_for_each_entry_safe(lv, n, &ctx->vecs, lv_list) {
		struct dx_log_item *lip = lv->lv_item;
		dx_lsn_t lsn;

		list_del(&lv->lv_list);
		kvfree(lv);
		if (abort)
			set_bit(DX_LI_F_ABORTED, &lip->li_flags);
		lsn = lip->li_ops->committed(lip, ctx->start_lsn);
		if (lsn == DX_NULLLSN)
			continue;
		dx_ail_insert(mp, lip, lsn);
		lip->li_ops->unpin(lip, abort);
	}
	if (!abort)
		dx_ail_set_last_commit(l, ctx->commit_lsn);
	dx_space_ctx_done(l, ctx);

	spin_lock(&l->cil_lock);
	l->done_seq = ctx->seq;
	if (!abort)
		l->ok_seq = ctx->seq;
	spin_unlock(&l->cil_lock);
	wake_up_all(&l->force_wait);
	if (abort || dx_space_has_waiters(l))
		dx_ail_kick(mp);
	kfree(ctx);
}

/**
 * dx_cil_push_work - the writer: all contexts that somebody wants written
 * @work: the log's push_work
 */
void dx_cil_push_work(struct work_struct *work)
{
	struct dx_log *l = container_of(work, struct dx_log, push_work);
	unsigned int nofs = memalloc_nofs_save();
	struct dx_cil_ctx *ctx;
	int error;

	mutex_lock(&l->write_mutex);
	while ((ctx = cil_switch(l))) {
		error = dx_log_aborted(l) ? -EIO : dx_ckpt_write(l, ctx);
		if (error)
			dx_force_shutdown(l->mp, DX_SHUT_LOG_IO, __func__);
		ctx_complete(l, ctx, error);
	}
	if (test_and_clear_bit(DX_LOG_WANT_COVER, &l->state) && !test_bit(DX_LOG_COVERED, &l->state) &&
	    !dx_log_aborted(l) && dx_cil_empty(l) && dx_ail_is_empty(l->mp) &&
	    dx_space_free_bytes(l) > (s64)l->space.pub) {
		if (dx_log_write_empty(l, true))
			dx_force_shutdown(l->mp, DX_SHUT_LOG_IO, __func__);
	}
	mutex_unlock(&l->write_mutex);
	memalloc_nofs_restore(nofs);
}

/**
 * dx_cil_init - make the first context
 * @l: the log, its space set up
 *
 * Return: 0.
 */
int dx_cil_init(struct dx_log *l)
{
	init_rwsem(&l->ctx_lock);
	spin_lock_init(&l->cil_lock);
	init_waitqueue_head(&l->force_wait);
	init_waitqueue_head(&l->throttle_wait);
	l->cur_seq = 1;
	l->ctx = ctx_alloc(1);
	l->push_bytes = min_t(u64, l->space.size_bytes >> 3, 32 << 20);
	return 0;
}

/**
 * dx_cil_destroy - free the last context
 * @l: the log; nothing committed since the last push
 */
void dx_cil_destroy(struct dx_log *l)
{
	if (!l->ctx)
		return;
	WARN_ON_ONCE(!ctx_empty(l->ctx));
	kfree(l->ctx);
	l->ctx = NULL;
}
