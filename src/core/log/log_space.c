// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log space: who may write how much, so that the head of the log never runs
 * into its tail.
 *
 * Every byte of the log is in one of four states:
 *
 *	used	from the tail to the head: recovery needs it
 *	held	promised: to running transactions (tickets), and to the checkpoints
 *		in memory, whose size is known exactly
 *	pub	one empty checkpoint, always kept back
 *	free	the rest
 *
 * A ticket is taken before its transaction locks anything.  At commit what
 * the checkpoint grew by moves from the ticket to the checkpoint, the rest
 * goes back.  Writing records turns held into used; the AIL turns used into free.  So the writer never
 * waits for space, and with the writer everything that was committed makes progress.
 *
 * The tail in memory is ahead of the tail that the newest durable record names, and
 * recovery after a crash starts from the latter: what lies between must
 * not be overwritten.  So the writer publishes the tail with an empty checkpoint
 * when the next checkpoint would reach that far.  "pub" is the room for
 * it; each checkpoint brings along the room for the next one.
 *
 * Why this cannot deadlock:
 *  - A new transaction (class fresh) waits holding no lock, so whoever it waits for can run.
 *  - A transaction that rolls has some rolls paid in advance (the count).  When these
 *    are used up it waits in the class rolling, which is served first and may use the
 *    headroom, an eighth of the log that fresh ones never get.  It holds locks while it waits.  What
 *    it has locked it logged in the commit just before the wait, so that a push of the
 *    checkpoint moves these items away from the tail: waiting with a
 *    locked item at the tail is waiting for the writer only, which needs no locks.
 *  - Others that hold locks and are not waiting for space here end on their own: locks are
 *    ordered (L1), and a rolling waiter holds inode locks and buffers it joined
 *    with hold, no AG header.
 *  - Each class is FIFO and never overtaken by its own kind, so nobody starves.
 *
 * Context: process; the lock is a leaf spinlock.  All sizes in bytes unless named _bb.
 */
#include "dx_log_int.h"

#define TAIL_POLL_MS	10

#define OPH	((u32)sizeof(struct dx_op_header))

/* Position on an endless tape: what differences are taken of. */
static u64 pos_of_lsn(struct dx_log *l, dx_lsn_t lsn)
{
	return (lsn >> 32) * l->size_bb + (u32)lsn;
}

static dx_lsn_t lsn_of_pos(struct dx_log *l, u64 pos)
{
	u32 block;
	u64 cycle = div_u64_rem(pos, l->size_bb, &block);

	return dx_lsn_make(cycle, block);
}

/**
 * dx_lsn_distance - bytes of log from one LSN to a later one
 * @l: the log
 * @from: earlier
 * @to: later, at most one turn
 */
u64 dx_lsn_distance(struct dx_log *l, dx_lsn_t from, dx_lsn_t to)
{
	return (pos_of_lsn(l, to) - pos_of_lsn(l, from)) << DX_BBSHIFT;
}

static u64 used_bytes(struct dx_log_space *s)
{
	return (s->head_pos - s->tail_pos) << DX_BBSHIFT;
}

static s64 free_bytes(struct dx_log_space *s)
{
	return (s64)(s->size_bytes - s->pub) - (s64)used_bytes(s) - (s64)s->held;
}

/**
 * dx_space_ckpt_need - log space that a checkpoint may take
 * @l: the log
 * @payload: bytes of its regions, each with its operation header
 *
 * Start, transaction header and commit; per record its headers, a second
 * header for a region that is split and an end too short for a header; rounding of the last
 * record; one empty checkpoint to publish the tail.
 *
 * Return: bytes.
 */
u64 dx_space_ckpt_need(struct dx_log *l, u64 payload)
{
	u64 total = payload + 3 * OPH + sizeof(struct dx_trans_header);
	u64 nrec = div_u64(total + l->cap_bytes - 2 * OPH - 1, l->cap_bytes - 2 * OPH);

	return total + nrec * (l->hdr_bytes + 2 * OPH) + l->unit_bytes + l->space.pub;
}

/**
 * dx_space_max_ticket - the largest reservation that can be granted
 * @l: the log
 *
 * With everything written back the tail is the last record.
 *
 * Return: bytes.
 */
u64 dx_space_max_ticket(struct dx_log *l)
{
	struct dx_log_space *s = &l->space;
	u64 lost = s->pub + s->headroom + 2 * (u64)l->rec_bytes + l->unit_bytes;

	return s->size_bytes > lost ? s->size_bytes - lost : 0;
}

/**
 * dx_space_init - set up the accounting of an empty log
 * @l: the log, geometry set
 */
void dx_space_init(struct dx_log *l)
{
	struct dx_log_space *s = &l->space;

	spin_lock_init(&s->lock);
	INIT_LIST_HEAD(&s->rolling);
	INIT_LIST_HEAD(&s->fresh);
	s->size_bytes = (u64)l->size_bb << DX_BBSHIFT;
	s->pub = roundup(l->hdr_bytes + DX_EMPTY_CKPT_BYTES, l->unit_bytes);
	s->headroom = s->size_bytes >> 3;
}

/**
 * dx_space_set - head and tail as found at mount
 * @l: the log; nothing runs yet
 * @head: where the next record goes
 * @tail: from where on the log is needed
 */
void dx_space_set(struct dx_log *l, dx_lsn_t head, dx_lsn_t tail)
{
	spin_lock(&l->space.lock);
	l->space.head_pos = pos_of_lsn(l, head);
	l->space.tail_pos = pos_of_lsn(l, tail);
	spin_unlock(&l->space.lock);
}

static void grant(struct dx_log_space *s, struct dx_ticket *tk, int error)
{
	list_del_init(&tk->queue);
	tk->error = error;
	if (!error) {
		s->held += tk->want;
		tk->held += tk->want;
	}
	complete(&tk->granted);
}

/* Serve whom the free space serves.  Lock held. */
static void serve(struct dx_log_space *s)
{
	struct dx_ticket *tk;

	while ((tk = list_first_entry_or_null(&s->rolling, struct dx_ticket, queue))) {
		if (free_bytes(s) < (s64)tk->want)
			return;
		grant(s, tk, 0);
	}
	while ((tk = list_first_entry_or_null(&s->fresh, struct dx_ticket, queue))) {
		if (free_bytes(s) < (s64)(tk->want + s->headroom))
			return;
		grant(s, tk, 0);
	}
}

/*
 * Take tk->want bytes or wait for them.  @roll: class rolling.
 */
static int take(struct dx_log *l, struct dx_ticket *tk, bool roll, bool nowait)
{
	struct dx_log_space *s = &l->space;
	bool wait = false, low;

	spin_lock(&s->lock);
	if (s->dead) {
		spin_unlock(&s->lock);
		return -EIO;
	}
	if (list_empty(&s->rolling) && (roll || list_empty(&s->fresh)) &&
	    free_bytes(s) >= (s64)(tk->want + (roll ? 0 : s->headroom))) {
		s->held += tk->want;
		tk->held += tk->want;
	} else if (nowait) {
		spin_unlock(&s->lock);
		dx_ail_kick(l->mp);
		return -EAGAIN;
	} else {
		wait = true;
		reinit_completion(&tk->granted);
		list_add_tail(&tk->queue, roll ? &s->rolling : &s->fresh);
	}
	low = free_bytes(s) < (s64)(s->size_bytes >> 2);
	spin_unlock(&s->lock);

	if (wait || low)
		dx_ail_kick(l->mp);
	if (!wait)
		return 0;
	wait_for_completion(&tk->granted);
	return tk->error;
}

/*
 * For the intents that the log left. While they hold the tail, space comes only from what can be written back behind them, and
 * from what the checkpoint in memory holds too much of.  When that is done and it is not enough, it never will be.
 */
static int take_in_recovery(struct dx_log *l, struct dx_ticket *tk)
{
	struct dx_mount *mp = l->mp;
	bool stuck = false;
	s64 room;
	int error;

	while ((error = take(l, tk, true, true)) == -EAGAIN) {
		bool was_stuck = stuck;

		error = dx_log_force(mp, true);
		if (error)
			return error;
		stuck = dx_intent_holds_tail(mp);
		error = take(l, tk, true, true);
		if (error != -EAGAIN)
			return error;
		if (stuck && was_stuck) {
			spin_lock(&l->space.lock);
			room = free_bytes(&l->space);
			spin_unlock(&l->space.lock);
			dx_err(mp, "the log is too full to finish what it began: %llu bytes wanted, %lld free. Nothing was lost: mount with stock xfs, which may need less, or see what norecovery,ro shows",
			       (unsigned long long)tk->want, (long long)room);
			return -ENOSPC;
		}
		msleep(TAIL_POLL_MS);
	}
	return error;
}

/**
 * dx_ticket_get - reserve log space for a transaction
 * @l: the log
 * @logres_bytes: what one unit logs at most
 * @count: units paid for in advance; cut down to what the log can hold
 * @flags: DX_TRANS_NOWAIT, DX_TRANS_RECOVERY (may use the headroom), DX_TRANS_FOR_INTENT (one unit)
 * @tkp: the ticket
 *
 * Sleeps until the space is there; the caller holds no lock.
 *
 * What finishes an intent that the log left needs only the first unit before that intent is done; the log was full to where its
 * writer had space for one, and more would wait for what only itself can do.
 *
 * Return: 0, -EAGAIN, -ENOMEM, -ENOSPC (can never be), -EIO.
 */
int dx_ticket_get(struct dx_log *l, u32 logres_bytes, u32 count, u32 flags, struct dx_ticket **tkp)
{
	struct dx_ticket *tk = kzalloc(sizeof(*tk), GFP_KERNEL);
	u64 unit = dx_space_ckpt_need(l, logres_bytes), max = dx_space_max_ticket(l);
	int error;

	if (!tk)
		return -ENOMEM;
	INIT_LIST_HEAD(&tk->queue);
	init_completion(&tk->granted);
	error = -ENOSPC;
	if (WARN_ON_ONCE(unit > max))
		goto out;
	tk->unit = unit;
	tk->cnt = flags & DX_TRANS_FOR_INTENT ? 1 : min_t(u64, max_t(u32, count, 1), div64_u64(max, unit));
	tk->want = unit * tk->cnt;
	if (flags & DX_TRANS_FOR_INTENT)
		error = take_in_recovery(l, tk);
	else
		error = take(l, tk, flags & DX_TRANS_RECOVERY, flags & DX_TRANS_NOWAIT);
	if (error)
		goto out;
	*tkp = tk;
	return 0;
out:
	kfree(tk);
	return error;
}

/**
 * dx_ticket_spend_unit - the current unit has been committed, the transaction goes on
 * @l: the log
 * @tk: its ticket; what is left of the unit is given back
 */
void dx_ticket_spend_unit(struct dx_log *l, struct dx_ticket *tk)
{
	struct dx_log_space *s = &l->space;
	u64 keep;

	spin_lock(&s->lock);
	if (tk->cnt)
		tk->cnt--;
	keep = (u64)tk->unit * tk->cnt;
	if (tk->held > keep) {
		s->held -= tk->held - keep;
		tk->held = keep;
		serve(s);
	}
	spin_unlock(&s->lock);
}

/**
 * dx_ticket_regrant - have a unit for the next roll
 * @l: the log
 * @tk: ticket
 *
 * At once while units paid in advance remain, else waits, before every fresh transaction.
 *
 * Return: 0 or -EIO.
 */
int dx_ticket_regrant(struct dx_log *l, struct dx_ticket *tk)
{
	int error;

	if (tk->cnt)
		return dx_log_aborted(l) ? -EIO : 0;
	tk->want = tk->unit;
	error = take(l, tk, true, false);
	if (!error)
		tk->cnt = 1;
	return error;
}

/**
 * dx_ticket_put - give everything back that a ticket still holds, and free it
 * @l: the log
 * @tk: ticket or NULL
 */
void dx_ticket_put(struct dx_log *l, struct dx_ticket *tk)
{
	if (!tk)
		return;
	spin_lock(&l->space.lock);
	l->space.held -= tk->held;
	serve(&l->space);
	spin_unlock(&l->space.lock);
	kfree(tk);
}

/**
 * dx_space_move_to_ctx - account a commit to its checkpoint
 * @l: the log
 * @tk: ticket of the transaction
 * @ctx: checkpoint, its payload brought up to date; cil_lock held
 */
void dx_space_move_to_ctx(struct dx_log *l, struct dx_ticket *tk, struct dx_cil_ctx *ctx)
{
	struct dx_log_space *s = &l->space;
	u64 need = dx_space_ckpt_need(l, ctx->payload), more, own;

	spin_lock(&s->lock);
	if (need > ctx->held) {
		more = need - ctx->held;
		own = min(more, tk->held);
		tk->held -= own;
		/* logged more than it had said: a bug in resv.c; what is free pays */
		if (WARN_ON_ONCE(own < more))
			s->held += more - own;
	} else if (need < ctx->held) {
		s->held -= ctx->held - need;
		serve(s);
	}
	ctx->held = need;
	spin_unlock(&s->lock);
}

/**
 * dx_space_head_moved - a record was placed at the head
 * @l: the log
 * @bb: its length
 * @ctx: the checkpoint that pays, or NULL: from what is free
 */
void dx_space_head_moved(struct dx_log *l, u32 bb, struct dx_cil_ctx *ctx)
{
	struct dx_log_space *s = &l->space;
	u64 bytes = (u64)bb << DX_BBSHIFT;

	spin_lock(&s->lock);
	s->head_pos += bb;
	if (ctx) {
		u64 own = min(bytes, ctx->held);

		WARN_ON_ONCE(own < bytes);
		ctx->held -= own;
		s->held -= own;
	}
	spin_unlock(&s->lock);
}

/**
 * dx_space_ctx_done - a checkpoint is written, or never will be
 * @l: the log
 * @ctx: the checkpoint; what it did not need is given back
 */
void dx_space_ctx_done(struct dx_log *l, struct dx_cil_ctx *ctx)
{
	spin_lock(&l->space.lock);
	l->space.held -= ctx->held;
	ctx->held = 0;
	serve(&l->space);
	spin_unlock(&l->space.lock);
}

/**
 * dx_space_tail_moved - items left the AIL or moved forward in it
 * @l: the log
 * @tail: the tail as it was at some time before or at this call; older news are ignored
 */
void dx_space_tail_moved(struct dx_log *l, dx_lsn_t tail)
{
	struct dx_log_space *s = &l->space;
	u64 pos = pos_of_lsn(l, tail);

	spin_lock(&s->lock);
	if (pos > s->tail_pos && pos <= s->head_pos) {
		s->tail_pos = pos;
		serve(s);
	}
	spin_unlock(&s->lock);
}

/**
 * dx_space_push_target - how far should the AIL be written back now?
 * @l: the log
 *
 * A quarter of the log is kept free, more when somebody waits for more.
 *
 * Return: LSN up to which to push, 0 for none.
 */
dx_lsn_t dx_space_push_target(struct dx_log *l)
{
	struct dx_log_space *s = &l->space;
	struct dx_ticket *tk;
	dx_lsn_t target = 0;
	u64 want, pos;
	s64 avail;

	spin_lock(&s->lock);
	want = s->size_bytes >> 2;
	tk = list_first_entry_or_null(&s->rolling, struct dx_ticket, queue);
	if (tk)
		want = max(want, tk->want + s->headroom);
	tk = list_first_entry_or_null(&s->fresh, struct dx_ticket, queue);
	if (tk)
		want = max(want, tk->want + s->headroom);
	avail = free_bytes(s);
	if (avail < (s64)want) {
		pos = s->tail_pos + ((u64)((s64)want - avail) >> DX_BBSHIFT) + 1;
		target = lsn_of_pos(l, min(pos, s->head_pos));
	}
	spin_unlock(&s->lock);
	return target;
}

/**
 * dx_space_has_waiters - does anybody wait for log space?
 * @l: the log
 */
bool dx_space_has_waiters(struct dx_log *l)
{
	return !list_empty(&l->space.rolling) || !list_empty(&l->space.fresh);
}

/**
 * dx_space_used_bytes - from the tail to the head
 * @l: the log
 */
u64 dx_space_used_bytes(struct dx_log *l)
{
	u64 used;

	spin_lock(&l->space.lock);
	used = used_bytes(&l->space);
	spin_unlock(&l->space.lock);
	return used;
}

/**
 * dx_space_free_bytes - what nobody has been promised
 * @l: the log
 */
s64 dx_space_free_bytes(struct dx_log *l)
{
	s64 n;

	spin_lock(&l->space.lock);
	n = free_bytes(&l->space);
	spin_unlock(&l->space.lock);
	return n;
}

/**
 * dx_space_abort - everybody who waits, and who comes later, gets -EIO
 * @l: the log
 */
void dx_space_abort(struct dx_log *l)
{
	struct dx_log_space *s = &l->space;
	struct dx_ticket *tk, *n;

	spin_lock(&s->lock);
	s->dead = true;
	list_for_each_entry_safe(tk, n, &s->rolling, queue)
		grant(s, tk, -EIO);
	list_for_each_entry_safe(tk, n, &s->fresh, queue)
		grant(s, tk, -EIO);
	spin_unlock(&s->lock);
}
