// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intents, and the records that they are done: the log items of deferred work, of every kind.
 *
 * An intent is logged with the transaction that promises the work, its done item with the one that does it.
 * Recovery does what every intent says that has no done item.
 *
 * Life of an intent: one count belongs to the log, until the checkpoint that has it
 * is done with; one to whoever will finish it, and passes to the done item.  When both are gone it leaves
 * the AIL, and with it the tail may move.  One that recovery has found has only the second.
 * A done item is freed when its checkpoint is durable.
 *
 * Each is one region: dx_intent_log_format, then what the kind has to say of each work.  The done item of some kinds
 * repeats that, of others it ends behind the id.  An intent of one work may have further regions (names and values, say): then its
 * kind's ->regions() tells of them, and how it is read back.
 *
 * Source: the "Log Items" of the format specification: EFI and EFD, RUI, CUI, BUI and theirs.
 */
#include "dx_log_int.h"
#include "dx_replay.h"

struct dx_intent {
	struct dx_log_item		item;
	const struct dx_defer_type	*type;
	refcount_t			refs;
	u32				bytes;		/* of the first region */
	u32				nmore;
	struct dx_intent_reg		more[DX_INTENT_MORE];	/* behind it */
	struct dx_intent_log_format	*region;	/* behind this; in host byte order, as the log has it */
};

struct done {
	struct dx_log_item	item;
	struct dx_intent	*intent;
};

static struct dx_intent *to_intent(struct dx_log_item *lip)
{
	return container_of(lip, struct dx_intent, item);
}

static struct done *to_done(struct dx_log_item *lip)
{
	return container_of(lip, struct done, item);
}

static void no_pin(struct dx_log_item *lip)
{
}

/* ---- kinds ---- */

#define KINDS	8
static const struct dx_defer_type *kinds[KINDS];

/**
 * dx_defer_register - make recovery know a kind of deferred work
 * @type: its table; the first one under an item type stays
 *
 * Context: before the first mount, or by each: a kind is registered under its intent's item type.
 */
void dx_defer_register(const struct dx_defer_type *type)
{
	unsigned int i;

	for (i = 0; i < KINDS; i++) {
		const struct dx_defer_type *known = READ_ONCE(kinds[i]);

		if (known && known->li_type != type->li_type)
			continue;
		if (!known)
			WRITE_ONCE(kinds[i], type);
		return;
	}
	WARN_ON_ONCE(1);
}

/**
 * dx_defer_type_of - what kind of work an intent is about
 * @li_type: DX_LI_* of an intent
 *
 * Return: NULL for a kind that nobody can finish here.
 */
const struct dx_defer_type *dx_defer_type_of(u16 li_type)
{
	unsigned int i;

	for (i = 0; i < KINDS; i++) {
		const struct dx_defer_type *type = READ_ONCE(kinds[i]);

		if (type && type->li_type == li_type)
			return type;
	}
	return NULL;
}

/* ---- intents ---- */

/**
 * dx_intent_release - one of its owners does not need an intent any longer
 * @in: freed with the last
 */
void dx_intent_release(struct dx_intent *in)
{
	struct dx_mount *mp = in->item.li_mp;

	if (!refcount_dec_and_test(&in->refs))
		return;
	dx_ail_delete(mp, &in->item);
	dx_ail_wait_push(mp, &in->item);
	kvfree(in);
}

/* Regions are of whole words in the log. */
static u32 all_bytes(const struct dx_intent *in)
{
	u32 bytes = round_up(in->bytes, 8), i;

	for (i = 0; i < in->nmore; i++)
		bytes += round_up(in->more[i].bytes, 8);
	return bytes;
}

static void intent_size(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes)
{
	*nvecs = 1 + to_intent(lip)->nmore;
	*nbytes = all_bytes(to_intent(lip));
}

static void intent_format(struct dx_log_item *lip, struct dx_lv_cursor *c)
{
	struct dx_intent *in = to_intent(lip);
	u32 i;

	dx_lv_add(c, in->region, in->bytes, lip->li_type);
	for (i = 0; i < in->nmore; i++)
		dx_lv_add(c, in->more[i].addr, in->more[i].bytes, lip->li_type);
}

static void intent_unpin(struct dx_log_item *lip, bool abort)
{
	dx_intent_release(to_intent(lip));
}

static void intent_item_release(struct dx_log_item *lip, bool abort)
{
	clear_bit(DX_LI_F_DIRTY, &lip->li_flags);
	if (abort)
		dx_intent_release(to_intent(lip));
}

static dx_lsn_t intent_committed(struct dx_log_item *lip, dx_lsn_t lsn)
{
	return lsn;
}

/* Nothing to write: it goes when its done item is in the log. */
static unsigned int intent_push(struct dx_log_item *lip, struct list_head *list)
{
	return test_bit(DX_LI_F_RECOVERED, &lip->li_flags) ? DX_PUSH_FLUSHING : DX_PUSH_PINNED;
}

static const struct dx_item_ops intent_ops = {
	.name		= "intent",
	.size		= intent_size,
	.format		= intent_format,
	.pin		= no_pin,
	.unpin		= intent_unpin,
	.release	= intent_item_release,
	.committed	= intent_committed,
	.push		= intent_push,
};

static void add_dirty(struct dx_trans *tp, struct dx_log_item *lip)
{
	dx_trans_add_item(tp, lip);
	set_bit(DX_LI_F_DIRTY, &lip->li_flags);
	tp->t_flags |= DX_TRANS_DIRTY;
}

/* @more: further regions, copied; the first one is the caller's to fill. */
static struct dx_intent *intent_alloc(struct dx_mount *mp, const struct dx_defer_type *type, u32 bytes,
				      const struct dx_intent_reg *more, u32 nmore, gfp_t gfp)
{
	size_t all = sizeof(struct dx_intent) + round_up(bytes, 8);
	struct dx_intent *in;
	char *to;
	u32 i;

	for (i = 0; i < nmore; i++)
		all += round_up(more[i].bytes, 8);
	/* what a log brings can be long */
	in = all <= PAGE_SIZE ? kzalloc(all, gfp) : kvzalloc(all, gfp);
	if (!in)
		return NULL;
	in->region = (void *)(in + 1);
	in->bytes = bytes;
	in->type = type;
	in->nmore = nmore;
	to = (char *)in->region + round_up(bytes, 8);
	for (i = 0; i < nmore; i++) {
		in->more[i] = (struct dx_intent_reg) { .addr = to, .bytes = more[i].bytes };
		memcpy(to, more[i].addr, more[i].bytes);
		to += round_up(more[i].bytes, 8);
	}
	dx_log_item_init(mp, &in->item, type->li_type, &intent_ops);
	return in;
}

/**
 * dx_intent_new_id - a number that no intent in the log has, those of earlier mounts included
 */
u64 dx_intent_new_id(void)
{
	static atomic64_t last_id = ATOMIC64_INIT(0);

	if (!atomic64_read(&last_id))
		atomic64_cmpxchg(&last_id, 0, (u64)get_random_u32() << 32 | 1);
	return atomic64_inc_return(&last_id);
}

static struct dx_intent *log_new(struct dx_trans *tp, struct dx_intent *in)
{
	refcount_set(&in->refs, 2);
	in->region->id = dx_intent_new_id();
	add_dirty(tp, &in->item);
	return in;
}

/**
 * dx_intent_log - log that works will be done
 * @tp: transaction that promises them
 * @type: their kind
 * @works: list of struct dx_defer_work
 * @n: how many
 *
 * Return: the intent; the caller passes his count to dx_intent_done() or gives it to dx_intent_release().
 */
struct dx_intent *dx_intent_log(struct dx_trans *tp, const struct dx_defer_type *type, struct list_head *works, u32 n)
{
	struct dx_intent_reg more[DX_INTENT_MORE];
	struct dx_defer_work *w;
	struct dx_intent *in;
	u32 nmore = 0, word = type->uncounted ? 0 : n;
	char *to;

	if (type->regions)
		nmore = type->regions(list_first_entry(works, struct dx_defer_work, list), &word, more);
	in = intent_alloc(tp->t_mp, type, sizeof(*in->region) + n * type->work_bytes, more, nmore, GFP_NOFS | __GFP_NOFAIL);
	to = (char *)(in->region + 1);
	in->region->type = type->li_type;
	in->region->size = 1 + nmore;
	in->region->nextents = word;
	list_for_each_entry(w, works, list) {
		type->format(w, to);
		to += type->work_bytes;
	}
	return log_new(tp, in);
}

/**
 * dx_intent_relog - log an intent once more, so that the tail need not wait for where it was
 * @tp: transaction
 * @old: the caller's count passes to its done item
 *
 * Return: the new intent, the caller's as from dx_intent_log().
 */
struct dx_intent *dx_intent_relog(struct dx_trans *tp, struct dx_intent *old)
{
	struct dx_intent *in = intent_alloc(tp->t_mp, old->type, old->bytes, old->more, old->nmore, GFP_NOFS | __GFP_NOFAIL);

	memcpy(in->region, old->region, old->bytes);
	dx_intent_done(tp, old);
	return log_new(tp, in);
}

/**
 * dx_intent_is_old - has an intent stayed behind while a good part of the log was written?
 * @in: the caller's
 */
bool dx_intent_is_old(struct dx_intent *in)
{
	struct dx_log *l = in->item.li_mp->log;
	dx_lsn_t lsn = READ_ONCE(in->item.li_lsn), head = atomic64_read(&l->head_lsn);

	return lsn && head && test_bit(DX_LI_F_IN_AIL, &in->item.li_flags) &&
	       dx_lsn_distance(l, lsn, head) > ((u64)l->size_bb << DX_BBSHIFT) / 4;
}

/**
 * dx_intent_relog_bytes - bytes in the log of logging it once more, and that the old one is done
 * @in: intent
 */
u32 dx_intent_relog_bytes(const struct dx_intent *in)
{
	return 2 * (all_bytes(in) + (1 + in->nmore) * sizeof(struct dx_op_header));
}

/* ---- done items ---- */

static u32 done_bytes(const struct dx_intent *in)
{
	return in->type->done_repeats ? in->bytes : sizeof(*in->region);
}

static void done_size(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes)
{
	*nvecs = 1;
	*nbytes = done_bytes(to_done(lip)->intent);
}

static void done_format(struct dx_log_item *lip, struct dx_lv_cursor *c)
{
	struct dx_intent *in = to_done(lip)->intent;
	struct dx_intent_log_format *f = dx_lv_reserve(c, done_bytes(in), lip->li_type);

	if (!f)
		return;
	memcpy(f, in->region, done_bytes(in));
	f->type = lip->li_type;
	f->size = 1;
	if (!in->type->done_repeats)
		f->nextents = 0;
}

static void done_unpin(struct dx_log_item *lip, bool abort)
{
}

static void done_free(struct done *d)
{
	dx_intent_release(d->intent);
	kfree(d);
}

static void done_release(struct dx_log_item *lip, bool abort)
{
	clear_bit(DX_LI_F_DIRTY, &lip->li_flags);
	if (abort)
		done_free(to_done(lip));
}

static dx_lsn_t done_committed(struct dx_log_item *lip, dx_lsn_t lsn)
{
	done_free(to_done(lip));
	return DX_NULLLSN;
}

static const struct dx_item_ops done_ops = {
	.name		= "done item",
	.size		= done_size,
	.format		= done_format,
	.pin		= no_pin,
	.unpin		= done_unpin,
	.release	= done_release,
	.committed	= done_committed,
};

/**
 * dx_intent_done - log that an intent is done with by this transaction
 * @tp: transaction that does all that it says, or logs an intent to do the rest
 * @in: the caller's count passes to the done item
 */
void dx_intent_done(struct dx_trans *tp, struct dx_intent *in)
{
	struct done *d = kzalloc(sizeof(*d), GFP_NOFS | __GFP_NOFAIL);

	dx_log_item_init(tp->t_mp, &d->item, in->item.li_type + 1, &done_ops);
	d->intent = in;
	add_dirty(tp, &d->item);
}

/* ---- replay ---- */

/*
 * Intents that the first pass has met without their done items.  One that has been done needs
 * nothing: its changes are ordinary items.  Of those that have not, we can finish the kinds that are registered.
 */
struct dx_rintent {
	struct rb_node	node;		/* by type and id: a log can hold very many */
	u16		type;
	u64		id;
	u32		count;		/* begun more often than done: nearly always 1 */
	u64		first;		/* of these the first: which intent of the log it is */
	bool		foreign;	/* nobody can finish it here */
};
/* Ids are addresses with some writers, so after a crash one may come again by chance. */
#define MAX_SAME_IDS	256

/* All intents and done items alike: type, size, 4 more bytes, id. */
static u64 intent_id(const struct dx_ritem *it)
{
	return get_unaligned((const u64 *)((const char *)it->r[0].addr + 8));
}

/* Where (type, id) is, or would be: *parent as rb_link_node() wants it. */
static struct rb_node **intent_slot(struct dx_recovery *rc, u16 type, u64 id, struct rb_node **parent)
{
	struct rb_node **p = &rc->intents.rb_node;

	*parent = NULL;
	while (*p) {
		struct dx_rintent *in = rb_entry(*p, struct dx_rintent, node);

		if (in->type == type && in->id == id)
			break;
		*parent = *p;
		p = type < in->type || (type == in->type && id < in->id) ? &(*p)->rb_left : &(*p)->rb_right;
	}
	return p;
}

static bool is_foreign(const struct dx_ritem *it)
{
	const struct dx_defer_type *type = dx_defer_type_of(it->type);

	return !type || (type->cannot && type->cannot((const struct dx_intent_log_format *)it->r[0].addr + 1));
}

/**
 * dx_intent_note - first pass: an intent is begun
 * @rc: the recovery
 * @it: its item, of any kind
 *
 * Return: 0, -ENOMEM, or -EFSCORRUPTED for an id that comes again too often.
 */
int dx_intent_note(struct dx_recovery *rc, struct dx_ritem *it)
{
	u64 id = intent_id(it);
	struct rb_node *parent, **p = intent_slot(rc, it->type, id, &parent);
	struct dx_rintent *in;

	rc->nintents++;
	if (*p) {
		if (++rc->nsame > MAX_SAME_IDS)
			return dx_replay_bad(rc, "id of an intent that is begun again and again", id);
		in = rb_entry(*p, struct dx_rintent, node);
		in->count++;
		in->foreign |= is_foreign(it);
		return 0;
	}
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in)
		return -ENOMEM;
	in->type = it->type;
	in->id = id;
	in->count = 1;
	in->first = rc->nintents;
	in->foreign = is_foreign(it);
	rb_link_node(&in->node, parent, p);
	rb_insert_color(&in->node, &rc->intents);
	return 0;
}

/**
 * dx_intent_done_note - first pass: an intent is done
 * @rc: the recovery
 * @it: the done item; its type is its intent's plus one
 *
 * Return: 0.
 */
int dx_intent_done_note(struct dx_recovery *rc, struct dx_ritem *it)
{
	struct rb_node *parent, **p = intent_slot(rc, it->type - 1, intent_id(it), &parent);
	struct dx_rintent *in = *p ? rb_entry(*p, struct dx_rintent, node) : NULL;

	if (in && !--in->count) {
		rb_erase(&in->node, &rc->intents);
		kfree(in);
	}
	return 0;
}

/* An intent waits in the AIL for dx_intents_finish(), or for its done item; @it: as in the log. */
static int to_ail(struct dx_mount *mp, const struct dx_defer_type *type, const struct dx_ritem *it, dx_lsn_t lsn)
{
	struct dx_intent_reg more[DX_INTENT_MORE];
	struct dx_intent *in;
	u32 i;

	/* recover_check.c has seen to it that there are no more */
	if (WARN_ON_ONCE(it->cnt > 1 + DX_INTENT_MORE))
		return -EFSCORRUPTED;
	for (i = 1; i < it->cnt; i++)
		more[i - 1] = (struct dx_intent_reg) { .addr = it->r[i].addr, .bytes = it->r[i].len };
	in = intent_alloc(mp, type, it->r[0].len, more, it->cnt - 1, GFP_KERNEL);
	if (!in)
		return -ENOMEM;
	memcpy(in->region, it->r[0].addr, it->r[0].len);
	refcount_set(&in->refs, 1);
	set_bit(DX_LI_F_RECOVERED, &in->item.li_flags);
	dx_ail_insert(mp, &in->item, lsn);
	return 0;
}

static bool match_recovered(struct dx_log_item *lip, void *arg)
{
	const struct dx_intent_log_format *done = arg;

	return test_bit(DX_LI_F_RECOVERED, &lip->li_flags) &&
	       (!done || (lip->li_type == done->type && to_intent(lip)->region->id == done->id));
}

/* It is done, if it is there: it may have been before the tail. */
static void out_of_ail(struct dx_mount *mp, const struct dx_defer_type *type, u64 id)
{
	struct dx_intent_log_format which = { .type = type->li_type, .id = id };
	struct dx_log_item *lip = dx_ail_find(mp, match_recovered, &which);

	if (lip)
		dx_intent_release(to_intent(lip));
}

/* Has the first pass found no done item for this intent?  The pass that replays counts them as the first one did. */
static bool stays_undone(struct dx_recovery *rc, u16 type, u64 id)
{
	struct rb_node *parent, **p = intent_slot(rc, type, id, &parent);

	return *p && rc->nintents >= rb_entry(*p, struct dx_rintent, node)->first;
}

/**
 * dx_intent_replay - an intent that the log leaves undone waits in the AIL, to be finished
 * @rc: the recovery
 * @it: its item
 * @lsn: of its transaction
 *
 * Return: 0 or -ENOMEM.
 */
int dx_intent_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	const struct dx_defer_type *type = dx_defer_type_of(it->type);

	rc->nintents++;
	if (!type || !stays_undone(rc, it->type, intent_id(it)))
		return 0;
	return to_ail(rc->mp, type, it, lsn);
}

/**
 * dx_intent_done_replay - one that waits is done after all: there was another of its id
 * @rc: the recovery
 * @it: the done item
 * @lsn: of its transaction
 *
 * Return: 0.
 */
int dx_intent_done_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	const struct dx_defer_type *type = dx_defer_type_of(it->type - 1);

	if (type && stays_undone(rc, it->type - 1, intent_id(it)))
		out_of_ail(rc->mp, type, intent_id(it));
	return 0;
}

/**
 * dx_intents_left - after the first pass: how many intents does the log leave to be finished?
 * @rc: the recovery
 * @foreign: out, may be NULL: item type of one that nobody can finish here; 0: there is none
 */
unsigned int dx_intents_left(struct dx_recovery *rc, u16 *foreign)
{
	struct rb_node *node;
	unsigned int n = 0;

	if (foreign)
		*foreign = 0;
	for (node = rb_first(&rc->intents); node; node = rb_next(node)) {
		struct dx_rintent *in = rb_entry(node, struct dx_rintent, node);

		n += in->count;
		if (foreign && !*foreign && in->foreign)
			*foreign = in->type;
	}
	return n;
}

/**
 * dx_intents_forget - free what the passes collected of intents
 * @rc: the recovery
 */
void dx_intents_forget(struct dx_recovery *rc)
{
	struct dx_rintent *in, *n;

	rbtree_postorder_for_each_entry_safe(in, n, &rc->intents, node)
		kfree(in);
	rc->intents = RB_ROOT;
}

/* ---- what recovery has found ---- */

/**
 * dx_intent_recovered - the first intent that the log left undone
 * @mp: the mount, in recovery
 *
 * Return: NULL: there is none.
 */
struct dx_intent *dx_intent_recovered(struct dx_mount *mp)
{
	struct dx_log_item *lip = mp->ail ? dx_ail_find(mp, match_recovered, NULL) : NULL;

	return lip ? to_intent(lip) : NULL;
}

static bool match_first(struct dx_log_item *lip, void *arg)
{
	*(bool *)arg = lip->li_ops == &intent_ops;
	return true;
}

/**
 * dx_intent_holds_tail - is the tail of the log where an intent is that is not done?
 * @mp: the mount, in recovery, the log forced: of one whose end is in it the AIL knows
 */
bool dx_intent_holds_tail(struct dx_mount *mp)
{
	bool holds = false;

	dx_ail_find(mp, match_first, &holds);
	return holds;
}

/**
 * dx_intent_works - what an intent from the log says
 * @in: recovered
 * @typep: of what kind
 * @works: out: added at the end
 *
 * Return: 0, or -EFSCORRUPTED with those that came before.
 */
int dx_intent_works(struct dx_intent *in, const struct dx_defer_type **typep, struct list_head *works)
{
	const char *from = (const char *)(in->region + 1);
	u32 i, n = in->type->uncounted ? 1 : in->region->nextents;

	*typep = in->type;
	if (in->type->parse_regions) {
		struct dx_defer_work *w = NULL;
		int error = in->type->parse_regions(in->item.li_mp, in->region, in->more, in->nmore, &w);

		if (error)
			return error;
		w->type = in->type;
		list_add_tail(&w->list, works);
		return 0;
	}
	if (in->bytes < sizeof(*in->region) || n > (in->bytes - sizeof(*in->region)) / in->type->work_bytes)
		return dx_corrupt(in->item.li_mp, in->type->name, 0, "%u extents in %u bytes", n, in->bytes);
	for (i = 0; i < n; i++, from += in->type->work_bytes) {
		struct dx_defer_work *w = NULL;
		int error = in->type->parse(in->item.li_mp, from, &w);

		if (error)
			return error;
		w->type = in->type;
		list_add_tail(&w->list, works);
	}
	return 0;
}

/**
 * dx_intent_claim - from now on a recovered intent is the caller's
 * @in: its count passes to the caller, who gives it to dx_intent_done()
 */
void dx_intent_claim(struct dx_intent *in)
{
	clear_bit(DX_LI_F_RECOVERED, &in->item.li_flags);
}

/**
 * dx_intents_cancel - drop recovered intents that nobody ran
 * @mp: the mount; it fails or is shut down: the tail in the log does not move any more
 */
void dx_intents_cancel(struct dx_mount *mp)
{
	struct dx_intent *in;

	while ((in = dx_intent_recovered(mp)))
		dx_intent_release(in);
}
