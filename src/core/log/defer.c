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
 * A transaction does as much of an intent as it has room for, and logs a new one for the rest.  In a long chain the
 * intents that wait are logged anew from time to time.
 *
 * What is joined to be kept (inodes joined with no unlock mode, buffers with hold) stays locked over
 * the rolls, is joined again and logged in each, so that it moves away from the tail.
 */
#include "dx_log_int.h"

#define MAX_KEPT	16
#define RELOG_BYTES	3072	/* of old intents in one roll: within what resv.c adds to each */

/* An intent logged and not finished yet; in order. */
struct todo {
	struct list_head		list;
	const struct dx_defer_type	*type;
	struct dx_intent		*intent;
	struct list_head		works;		/* that it is about */
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
		dx_list_sort(NULL, run, type->order);
	return type;
}

/* Works, no more than one intent has room for, become an intent. */
static struct todo *new_todo(struct dx_trans *tp, const struct dx_defer_type *type, struct list_head *works)
{
	struct todo *td = kzalloc(sizeof(*td), GFP_NOFS | __GFP_NOFAIL);
	u32 n;

	INIT_LIST_HEAD(&td->works);
	for (n = 0; n < type->most && !list_empty(works); n++)
		list_move_tail(works->next, &td->works);
	td->type = type;
	td->intent = dx_intent_log(tp, type, &td->works, n);
	return td;
}

/* All deferred works of the transaction become intents, logged in it, before those that there are. */
static void log_intents(struct dx_trans *tp, struct list_head *todo)
{
	LIST_HEAD(fresh);

	while (!list_empty(&tp->t_defer)) {
		const struct dx_defer_type *type;
		LIST_HEAD(run);

		type = take_run(&tp->t_defer, &run);
		while (!list_empty(&run))
			list_add_tail(&new_todo(tp, type, &run)->list, &fresh);
	}
	list_splice_init(&fresh, todo);
}

/* Nobody will do it now; the log keeps what it has of it. */
static void forget_todo(struct list_head *todo)
{
	struct todo *td, *n;

	list_for_each_entry_safe(td, n, todo, list) {
		list_del(&td->list);
		dx_intent_release(td->intent);
		forget_works(&td->works);
		kfree(td);
	}
}

/*
 * Intents that have waited for long are logged once more with the roll that comes now: it may have to wait for log
 * space, and the tail cannot pass them.
 */
static void relog_old(struct dx_trans *tp, struct list_head *todo)
{
	u32 room = RELOG_BYTES;
	struct todo *td;

	list_for_each_entry(td, todo, list) {
		u32 bytes = dx_intent_relog_bytes(td->intent);

		if (!dx_intent_is_old(td->intent))
			continue;
		if (bytes > room)
			break;
		room -= bytes;
		td->intent = dx_intent_relog(tp, td->intent);
	}
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

/*
 * Do what one intent says, as much of it as one transaction can.  Its count passes to what says that it is done; what
 * is left of it becomes an intent again, the first of @todo.  @works: what it says; empty afterwards.
 */
static int do_works(struct dx_trans *tp, const struct dx_defer_type *type, struct dx_intent *in, struct list_head *works,
		    struct list_head *todo)
{
	struct dx_defer_work *w;
	u32 n = 0;
	int error = 0;

	dx_intent_done(tp, in);
	while (!error && n++ < type->a_go && (w = list_first_entry_or_null(works, struct dx_defer_work, list))) {
		error = type->finish(tp, w);
		if (error)
			break;
		list_del(&w->list);
		kfree(w);
	}
	if (error && error != -EAGAIN) {
		forget_works(works);
		return error;
	}
	if (!list_empty(works)) {
		LIST_HEAD(next);

		/* into the log in the order in which it is to be done; recovery goes by that */
		log_intents(tp, &next);
		/* one that recovery has found may have more than an intent of ours */
		while (!list_empty(works))
			list_add_tail(&new_todo(tp, type, works)->list, &next);
		list_splice_init(&next, todo);
	}
	return 0;
}

/* A chain of transactions that does all there is to do, and what that adds. */
static int run_chain(struct dx_trans **tpp, struct list_head *todo)
{
	struct todo *td;
	int error = 0;

	while (!error && (!list_empty(&(*tpp)->t_defer) || !list_empty(todo))) {
		/* what was added comes before what waits */
		log_intents(*tpp, todo);
		relog_old(*tpp, todo);
		error = roll_keeping(tpp);
		if (error)
			break;
		td = list_first_entry(todo, struct todo, list);
		list_del(&td->list);
		error = do_works(*tpp, td->type, td->intent, &td->works, todo);
		kfree(td);
	}
	if (!error && ((*tpp)->t_flags & DX_TRANS_DIRTY))
		error = roll_keeping(tpp);
	if (error && !dx_is_shutdown((*tpp)->t_mp))
		dx_force_shutdown((*tpp)->t_mp, DX_SHUT_CORRUPT_INCORE, __func__);
	forget_todo(todo);
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
	LIST_HEAD(todo);

	return run_chain(tpp, &todo);
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

/* What finishing a recovered intent has added, or left. */
struct chain {
	struct list_head	list;
	enum dx_resv		resv;
	struct list_head	todo;
};

/*
 * The first part of what a recovered intent says, in a transaction that also has intents for all that is left and added.
 * That is captured, and waits until each that was found has had its turn: these are older, and hold the tail.
 */
static int begin_recovered(struct dx_mount *mp, struct dx_intent *in, struct list_head *chains)
{
	const struct dx_defer_type *type;
	struct dx_trans *tp;
	struct chain *c;
	LIST_HEAD(works);
	int error = dx_intent_works(in, &type, &works);

	if (!error)
		error = dx_trans_alloc(mp, type->resv, 0, DX_TRANS_RECOVERY | DX_TRANS_RESERVE | DX_TRANS_FOR_INTENT, &tp);
	if (error) {
		forget_works(&works);
		goto out;
	}
	c = kzalloc(sizeof(*c), GFP_NOFS | __GFP_NOFAIL);
	c->resv = type->resv;
	INIT_LIST_HEAD(&c->todo);
	list_add_tail(&c->list, chains);
	if (type->order)
		dx_list_sort(NULL, &works, type->order);
	dx_intent_claim(in);
	error = do_works(tp, type, in, &works, &c->todo);
	if (error) {
		dx_trans_cancel(tp);
		goto out;
	}
	log_intents(tp, &c->todo);
	error = dx_trans_commit(tp);
out:
	if (error)
		dx_err(mp, "cannot finish what the log began (%s): error %d", type->name, error);
	return error;
}

static int end_chain(struct dx_mount *mp, struct chain *c)
{
	struct dx_trans *tp;
	int error;

	if (list_empty(&c->todo))
		return 0;
	error = dx_trans_alloc(mp, c->resv, 0, DX_TRANS_RECOVERY | DX_TRANS_RESERVE | DX_TRANS_FOR_INTENT, &tp);
	if (error)
		return error;
	error = run_chain(&tp, &c->todo);	/* and @tp is another one */
	return dx_trans_end(tp, error);
}

/**
 * dx_intents_finish - run all intents that the log left undone
 * @mp: the mount; both passes of recovery are over, nothing else runs
 *
 * In the order in which they were logged, and then what that adds.
 *
 * Return: 0 or -errno; what is left is for dx_intents_cancel().
 */
int dx_intents_finish(struct dx_mount *mp)
{
	struct dx_intent *in;
	struct chain *c;
	LIST_HEAD(chains);
	int error = 0;

	while (!error && (in = dx_intent_recovered(mp)))
		error = begin_recovered(mp, in, &chains);
	while ((c = list_first_entry_or_null(&chains, struct chain, list))) {
		if (!error)
			error = end_chain(mp, c);
		forget_todo(&c->todo);
		list_del(&c->list);
		kfree(c);
	}
	return error;
}
