// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deferred work: a transaction that is to be followed by others logs what these will do (an intent), and they
 * do it, a part at a time, each logging that it is done.
 *
 * So no transaction locks more AG headers than its own, each fits its reservation, and after a crash recovery
 * knows what is left.  What kinds of work there are is not known here: each has a table (struct dx_defer_type).
 *
 * Works wait in the transaction in the order in which they were added, of all kinds in one queue.  Neighbours of one kind are put
 * into the order that their kind wants (AGs are locked in ascending order, L1) and share intents.
 * What finishing a work adds comes before what waits behind it.
 *
 * What is joined to be kept (inodes joined with no unlock mode, buffers with hold) stays locked over
 * the rolls, is joined again and logged in each, so that it moves away from the tail.
 */
#include "dx_log_int.h"

#define MAX_KEPT	16

/* Intents logged and not finished yet, in order. */
struct intent {
	struct list_head		list;
	const struct dx_defer_type	*type;
	struct dx_log_item		*item;
	struct list_head		works;
};

struct kept {
	unsigned int		n;
	const struct dx_item_ops *ops[MAX_KEPT];
	void			*what[MAX_KEPT];
};

/**
 * dx_defer_add - do something when this transaction is committed
 * @tp: transaction with a permanent reservation
 * @type: what kind of work
 * @work: part of the kind's own structure, which begins with it; kfree()d when it is done or given up
 */
void dx_defer_add(struct dx_trans *tp, const struct dx_defer_type *type, struct dx_defer_work *work)
{
	work->type = type;
	list_add_tail(&work->list, &tp->t_defer);
}

static void forget_works(struct list_head *works)
{
	struct dx_defer_work *w, *n;

	list_for_each_entry_safe(w, n, works, list) {
		list_del(&w->list);
		kfree(w);
	}
}

/* The works at the front of the queue that are of one kind, in their order. */
static const struct dx_defer_type *take_run(struct list_head *queue, struct list_head *run)
{
	const struct dx_defer_type *type = list_first_entry(queue, struct dx_defer_work, list)->type;
	struct dx_defer_work *w, *n;

	list_for_each_entry_safe(w, n, queue, list) {
		if (w->type != type)
			break;
		list_move_tail(&w->list, run);
	}
	if (type->order)
		list_sort(NULL, run, type->order);
	return type;
}

/* All deferred works of the transaction become intents, logged in it, before those that there are. */
static void log_intents(struct dx_trans *tp, struct list_head *intents)
{
	LIST_HEAD(fresh);

	while (!list_empty(&tp->t_defer)) {
		const struct dx_defer_type *type;
		LIST_HEAD(run);

		type = take_run(&tp->t_defer, &run);
		while (!list_empty(&run)) {
			struct intent *in = kzalloc(sizeof(*in), GFP_NOFS | __GFP_NOFAIL);
			u32 n;

			INIT_LIST_HEAD(&in->works);
			for (n = 0; n < type->most && !list_empty(&run); n++)
				list_move_tail(run.next, &in->works);
			in->type = type;
			in->item = type->log_intent(tp, &in->works, n);
			list_add_tail(&in->list, &fresh);
		}
	}
	list_splice_init(&fresh, intents);
}

static void keep_collect(struct dx_trans *tp, struct kept *k)
{
	struct dx_log_item *lip;

	k->n = 0;
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		void *what = lip->li_ops->kept ? lip->li_ops->kept(lip) : NULL;

		if (what && !WARN_ON_ONCE(k->n == MAX_KEPT)) {
			k->ops[k->n] = lip->li_ops;
			k->what[k->n++] = what;
		}
	}
}

/* Roll with everything that is kept joined before and after. */
static int roll_keeping(struct dx_trans **tpp)
{
	struct kept k;
	unsigned int i;
	int error;

	keep_collect(*tpp, &k);
	for (i = 0; i < k.n; i++)
		k.ops[i]->relog(*tpp, k.what[i]);
	error = dx_trans_roll(tpp);
	/* after an error, too: the caller finds his locks as he left them */
	for (i = 0; i < k.n; i++)
		k.ops[i]->rejoin(*tpp, k.what[i]);
	return error;
}

/* Do what one intent says.  Its count passes to what says that it is done. */
static int finish_intent(struct dx_trans *tp, struct intent *in)
{
	struct dx_defer_work *w;
	int error = 0;

	in->type->log_done(tp, in->item);
	while (!error && (w = list_first_entry_or_null(&in->works, struct dx_defer_work, list))) {
		error = in->type->finish(tp, w);
		list_del(&w->list);
		kfree(w);
	}
	forget_works(&in->works);
	return error;
}

/**
 * dx_defer_finish - do now what has been deferred
 * @tpp: transaction; another one afterwards, clean, with what is kept joined
 *
 * Kept: inodes joined with unlock mode 0, buffers joined with hold.  They stay locked.
 *
 * Return: 0, or -errno: cancel the transaction; kept items are still joined and locked.
 */
int dx_defer_finish(struct dx_trans **tpp)
{
	struct intent *in, *n;
	LIST_HEAD(intents);
	int error = 0;

	while (!error && (!list_empty(&(*tpp)->t_defer) || !list_empty(&intents))) {
		/* finishing may defer more */
		log_intents(*tpp, &intents);
		error = roll_keeping(tpp);
		if (error)
			break;
		in = list_first_entry(&intents, struct intent, list);
		list_del(&in->list);
		error = finish_intent(*tpp, in);
		kfree(in);
	}
	if (!error && ((*tpp)->t_flags & DX_TRANS_DIRTY))
		error = roll_keeping(tpp);
	if (error && !dx_is_shutdown((*tpp)->t_mp))
		dx_force_shutdown((*tpp)->t_mp, DX_SHUT_CORRUPT_INCORE, __func__);
	list_for_each_entry_safe(in, n, &intents, list) {
		in->type->forget(in->item);
		forget_works(&in->works);
		kfree(in);
	}
	return error;
}

/**
 * dx_defer_cancel - forget deferred works
 * @tp: transaction that is given up
 */
void dx_defer_cancel(struct dx_trans *tp)
{
	forget_works(&tp->t_defer);
}

/* ---- intents that recovery has found ---- */

static bool match_recovered(struct dx_log_item *lip, void *arg)
{
	return test_bit(DX_LI_F_RECOVERED, &lip->li_flags);
}

/**
 * dx_intent_new_id - a number that no intent in the log has
 *
 * Distinguishes one from all others in the log, those of earlier mounts included.
 */
u64 dx_intent_new_id(void)
{
	static atomic64_t last_id = ATOMIC64_INIT(0);

	if (!atomic64_read(&last_id))
		atomic64_cmpxchg(&last_id, 0, (u64)get_random_u32() << 32 | 1);
	return atomic64_inc_return(&last_id);
}

/**
 * dx_intents_pending - are there intents that the log left undone?
 * @mp: the mount, in recovery
 */
bool dx_intents_pending(struct dx_mount *mp)
{
	return dx_ail_find(mp, match_recovered, NULL);
}

/**
 * dx_intents_finish - run all intents that the log left undone
 * @mp: the mount; both passes of recovery are over, nothing else runs
 *
 * Return: 0 or -errno; what is left is for dx_intents_cancel().
 */
int dx_intents_finish(struct dx_mount *mp)
{
	struct dx_log_item *lip;
	int error;

	while ((lip = dx_ail_find(mp, match_recovered, NULL))) {
		const char *name = lip->li_ops->name;

		/* may be gone after it, in both cases */
		error = lip->li_ops->finish(lip);
		if (error) {
			dx_err(mp, "cannot finish what the log began (%s): error %d", name, error);
			return error;
		}
	}
	return 0;
}

/**
 * dx_intents_cancel - drop recovered intents that nobody ran
 * @mp: the mount; it fails or is shut down: the tail in the log does not move any more
 */
void dx_intents_cancel(struct dx_mount *mp)
{
	struct dx_log_item *lip;

	while (mp->ail && (lip = dx_ail_find(mp, match_recovered, NULL)))
		lip->li_ops->drop(lip);
}
