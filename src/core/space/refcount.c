// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many extents of files map a block: the count of a run of blocks goes up or down by one, and what has come to nothing is
 * freed.
 *
 * A change takes the records that the range meets, and the two that it only touches, writes down what they become, neighbours of
 * one count as one, and makes the tree so: a record that begins where one began is updated, the others go or come.  So
 * what a range does to the tree is seen at once, and the smallest number of changes is made.  A range that has many
 * runs of different counts is done in parts: MOST_RUNS in one transaction, which add fewer records than half a leaf has.
 *
 * Blocks of one owner have no record, and count as 1; blocks that are staged for a copy on write (records of their own, see
 * refcount_btree.c) belong to nobody.  Counts that have reached the most that can be said stay there: nobody knows any
 * more how many there are.
 *
 * Locks: the AGF, its free list ready (dx_alloc_begin_change()), to change; to ask it is read and locked here.
 */
#include "dx_alloc_int.h"
#include "dx_log_format.h"

#define MOST_RUNS	12
#define MOST_RECS	(MOST_RUNS + 4)		/* with what is left of two that are cut, and two neighbours */
#define MOST_COUNT	(~0U)			/* so many or more */

struct rec { u32 start, end, count; };		/* [start, end), without the flag */

/* What a range meets, and what that becomes. */
struct window {
	struct dx_btree_cur	*cur;
	u32			domain;		/* DX_REFC_COWFLAG or 0 */
	u32			nold, nnew;
	struct rec		old[MOST_RECS], new[MOST_RECS];
};

static bool has_record(const struct window *w, u32 count)
{
	return count > (w->domain ? 0 : 1);
}

static void to_btree_rec(const struct window *w, const struct rec *r, union dx_btree_rec *rec)
{
	rec->refc.startblock = r->start | w->domain;
	rec->refc.blockcount = r->end - r->start;
	rec->refc.refcount = r->count;
}

/* The record at the cursor, if it is of the domain; must not begin before @from. */
static int get(struct window *w, u32 from, struct rec *r, int *stat)
{
	union dx_btree_rec rec;
	int error = *stat ? dx_btree_get_rec(w->cur, &rec, stat) : 0;

	if (error || !*stat)
		return error;
	if ((rec.refc.startblock & DX_REFC_COWFLAG) != w->domain) {
		*stat = 0;
		return 0;
	}
	r->start = rec.refc.startblock & ~DX_REFC_COWFLAG;
	r->end = r->start + rec.refc.blockcount;
	r->count = rec.refc.refcount;
	if (r->start < from)
		return dx_corrupt(w->cur->mp, "refcountbt", w->cur->agbp->b_daddr, "AG %u block %u: records overlap", w->cur->agno,
				  r->start);
	return 0;
}

/* The first record that ends at @bno or behind it. */
static int first(struct window *w, u32 bno, struct rec *r, int *stat)
{
	u32 behind = 0;
	int error;

	w->cur->rec.refc.startblock = bno | w->domain;
	/* the one before @bno has the last word on where it ends */
	if (bno)
		w->cur->rec.refc.startblock--;
	error = dx_btree_lookup(w->cur, DX_LOOKUP_LE, stat);
	if (!error)
		error = get(w, 0, r, stat);
	if (error || (*stat && r->end >= bno))
		return error;
	if (*stat)
		behind = r->end;
	error = dx_btree_increment(w->cur, 0, stat);
	return error ? error : get(w, behind, r, stat);
}

static int next(struct window *w, struct rec *r, int *stat)
{
	int error = dx_btree_increment(w->cur, 0, stat);

	return error ? error : get(w, r->end, r, stat);
}

static void becomes(struct window *w, u32 start, u32 end, u32 count)
{
	struct rec *last = w->nnew ? &w->new[w->nnew - 1] : NULL;

	if (start == end || !has_record(w, count))
		return;
	if (last && last->end == start && last->count == count)
		last->end = end;
	else
		w->new[w->nnew++] = (struct rec){ start, end, count };
}

/* ---- one run ---- */

static int impossible(const struct window *w, const char *what, u32 start, u32 end, u32 count)
{
	return dx_corrupt(w->cur->mp, "refcountbt", w->cur->agbp->b_daddr, "AG %u block %u length %u count %u: %s", w->cur->agno,
			  start, end - start, count, what);
}

/* Blocks that all have one count get another one. */
static int change_run(struct window *w, u32 type, u32 start, u32 end, u32 count)
{
	struct dx_trans *tp = w->cur->tp;

	switch (type) {
	case DX_CUI_ALLOC_COW:
		if (count)
			return impossible(w, "staged twice", start, end, count);
		break;
	case DX_CUI_FREE_COW:
		if (!count)
			return impossible(w, "not staged", start, end, count);
		break;
	case DX_CUI_DECREASE:
		if (count > 1)
			break;
		return dx_defer_free(tp, dx_agb_to_fsb(tp->t_mp, w->cur->agno, start), end - start, false);
	}
	if (count != MOST_COUNT)
		count += type == DX_CUI_INCREASE || type == DX_CUI_ALLOC_COW ? 1 : -1;
	becomes(w, start, end, count);
	return 0;
}

/* What [bno, *endp) becomes; *endp: how far that is. */
static int fill(struct window *w, u32 type, u32 bno, u32 *endp)
{
	u32 none = w->domain ? 0 : 1, at = bno, end = *endp, runs = 0;
	struct rec r;
	int stat, error = first(w, bno, &r, &stat);

	if (error)
		return error;
	if (stat && r.start < bno) {
		becomes(w, r.start, min(r.end, bno), r.count);
		w->old[w->nold++] = r;
		if (r.end == bno)
			error = next(w, &r, &stat);
	}
	while (!error && at < end && runs < MOST_RUNS) {
		bool here = stat && r.start <= at;
		u32 to = here ? min(r.end, end) : stat ? min(r.start, end) : end;

		error = change_run(w, type, at, to, here ? r.count : none);
		if (error)
			return error;
		runs++;
		at = to;
		if (!here)
			continue;
		if (r.start >= bno)
			w->old[w->nold++] = r;
		becomes(w, at, r.end, r.count);
		error = next(w, &r, &stat);
	}
	if (error)
		return error;
	/* the neighbour behind */
	if (stat && r.start == at) {
		w->old[w->nold++] = r;
		becomes(w, r.start, r.end, r.count);
	}
	*endp = at;
	return 0;
}

/* ---- the tree becomes so ---- */

static int seek(struct window *w, const struct rec *r)
{
	int stat, error;

	to_btree_rec(w, r, &w->cur->rec);
	error = dx_btree_lookup(w->cur, DX_LOOKUP_EQ, &stat);
	if (!error && !stat)
		error = impossible(w, "gone", r->start, r->end, r->count);
	return error;
}

static const struct rec *begins_at(const struct rec *r, u32 n, u32 start)
{
	for (; n; n--, r++)
		if (r->start == start)
			return r;
	return NULL;
}

static int apply(struct window *w)
{
	union dx_btree_rec rec;
	int stat, error = 0;
	u32 i;

	for (i = 0; !error && i < w->nold; i++) {
		const struct rec *o = &w->old[i], *n = begins_at(w->new, w->nnew, o->start);

		if (n && n->end == o->end && n->count == o->count)
			continue;
		error = seek(w, o);
		if (error)
			break;
		if (n) {
			to_btree_rec(w, n, &rec);
			error = dx_btree_update(w->cur, &rec);
		} else {
			error = dx_btree_delete(w->cur, &stat);
		}
	}
	for (i = 0; !error && i < w->nnew; i++) {
		if (begins_at(w->old, w->nold, w->new[i].start))
			continue;
		to_btree_rec(w, &w->new[i], &w->cur->rec);
		error = dx_btree_insert(w->cur, &stat);
		/* what is set aside for the tree, and then whatever the AG had, is used up */
		if (!error && !stat)
			error = -ENOSPC;
	}
	return error;
}

/* ---- */

/* Where in the tree the last question ended. */
struct spot {
	struct rec	r;		/* at the cursor, if @stat */
	u32		behind;		/* from here to the end of @r nothing else is */
	int		stat;
	bool		known;
};

static int step(struct window *w, struct spot *s)
{
	s->behind = s->r.end;
	return next(w, &s->r, &s->stat);
}

/* The first record that ends behind @bno: often the one of the question before, or the next. */
static int go_to(struct window *w, struct spot *s, u32 bno)
{
	int steps, error = 0;

	if (s->known && s->behind <= bno) {
		s->known = false;
		for (steps = 0; !error && steps < 2 && s->stat && s->r.end <= bno; steps++)
			error = step(w, s);
		if (error)
			return error;
		s->known = !s->stat || s->r.end > bno;
		if (s->known)
			return 0;
	}
	s->known = false;
	error = first(w, bno, &s->r, &s->stat);
	s->behind = !error && s->stat ? min(s->r.start, bno) : bno;
	if (!error && s->stat && s->r.end == bno)
		error = step(w, s);
	s->known = !error;
	return error;
}

/* The first run of shared blocks in [bno, bno+len). */
static int find_shared(struct dx_btree_cur *cur, struct spot *s, u32 bno, u32 len, u32 *before, u32 *shared)
{
	struct window w = { .cur = cur };
	u32 end = bno + len, from;
	int error = go_to(&w, s, bno);

	*before = len;
	*shared = 0;
	if (error || !s->stat || s->r.start >= end)
		return error;
	from = max(s->r.start, bno);
	*before = from - bno;
	do {
		*shared = min(s->r.end, end) - from;
		if (s->r.end >= end)
			break;
		error = step(&w, s);
	} while (!error && s->stat && s->r.start == from + *shared);
	s->known = !error;
	return error;
}

/**
 * dx_refcount_change - count one more owner of blocks, or one fewer; or stage them for a copy on write, or not any more
 * @tp: transaction
 * @agbp: locked AGF, AGFL ready
 * @agno: AG
 * @type: DX_CUI_*
 * @bno: first block
 * @lenp: blocks; out: of these the first so many are done, at least one
 *
 * What nobody owns any more is freed when @tp is committed.
 *
 * Return: 0, -EFSCORRUPTED or another -errno; the transaction may be dirty then.
 */
int dx_refcount_change(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, u32 type, dx_agbno_t bno, dx_extlen_t *lenp)
{
	struct window *w = kzalloc(sizeof(*w), GFP_NOFS | __GFP_NOFAIL);
	u32 end = bno + *lenp, before, shared = 0;
	struct spot spot = { };
	int error = 0;

	w->cur = dx_refcountbt_cursor(tp->t_mp, tp, agbp, agno);
	if (type == DX_CUI_ALLOC_COW || type == DX_CUI_FREE_COW) {
		w->domain = DX_REFC_COWFLAG;
		/* what is nobody's cannot be two files' */
		error = find_shared(w->cur, &spot, bno, *lenp, &before, &shared);
		if (!error && shared)
			error = impossible(w, "staged and shared", bno, end, 1);
	}
	if (!error)
		error = fill(w, type, bno, &end);
	if (!error)
		error = apply(w);
	*lenp = end - bno;
	dx_btree_del_cursor(w->cur, error);
	kfree(w);
	return error;
}

/* Questions in one AG between which its AGF is not given up. */
#define MOST_QUESTIONS	64

/* One that asks in a row: it keeps the AGF, and where it is in the tree. */
struct dx_refcount_asker {
	struct dx_mount		*mp;
	struct dx_buf		*agbp;		/* locked; or NULL */
	struct dx_btree_cur	*cur;
	struct spot		spot;
	unsigned int		left;
};

static void pause_asking(struct dx_refcount_asker *a, int error)
{
	if (!a->agbp)
		return;
	dx_btree_del_cursor(a->cur, error);
	dx_trans_let_go(NULL, a->agbp);
	a->agbp = NULL;
}

/**
 * dx_refcount_ask_begin - get ready to ask which blocks are shared
 * @mp: mount
 *
 * Context: may sleep; the caller must not hold an AGF, nor take one before dx_refcount_ask_end().
 * Return: what dx_refcount_ask() wants.
 */
struct dx_refcount_asker *dx_refcount_ask_begin(struct dx_mount *mp)
{
	struct dx_refcount_asker *a = kzalloc(sizeof(*a), GFP_NOFS | __GFP_NOFAIL);

	a->mp = mp;
	return a;
}

/**
 * dx_refcount_ask - find the first shared blocks of an extent
 * @a: from dx_refcount_ask_begin(); questions that go up by little in one AG are cheap
 * @fsbno: first block; the extent is inside one AG
 * @len: fsblocks
 * @before: out: so many of them are not shared; then
 * @shared: out: so many are; 0: none is
 *
 * Locks: the AGF is kept locked until another AG is asked, MOST_QUESTIONS later, or dx_refcount_ask_end().
 * Return: 0 or -errno.
 */
int dx_refcount_ask(struct dx_refcount_asker *a, dx_fsbno_t fsbno, dx_extlen_t len, dx_extlen_t *before, dx_extlen_t *shared)
{
	struct dx_mount *mp = a->mp;
	dx_agno_t agno = dx_fsb_to_agno(mp, fsbno);
	int error;

	*before = len;
	*shared = 0;
	if (!dx_has_reflink(mp))
		return 0;
	if (!dx_verify_fsbext(mp, fsbno, len))
		return dx_corrupt(mp, "extent that may be shared", fsbno, "length %u", len);
	if (a->agbp && (a->cur->agno != agno || !a->left--))
		pause_asking(a, 0);
	if (!a->agbp) {
		error = dx_agf_read(mp, NULL, agno, 0, &a->agbp);
		if (error) {
			a->agbp = NULL;
			return error;
		}
		a->cur = dx_refcountbt_cursor(mp, NULL, a->agbp, agno);
		a->spot.known = false;
		a->left = MOST_QUESTIONS;
	}
	error = find_shared(a->cur, &a->spot, dx_fsb_to_agbno(mp, fsbno), len, before, shared);
	if (error)
		pause_asking(a, error);
	return error;
}

/**
 * dx_refcount_ask_end - nothing more to ask: the AGF is unlocked
 * @a: from dx_refcount_ask_begin(); gone afterwards
 */
void dx_refcount_ask_end(struct dx_refcount_asker *a)
{
	pause_asking(a, 0);
	kfree(a);
}

/**
 * dx_refcount_find_shared - find the first shared blocks of an extent, one question
 * @mp: mount
 * @fsbno: as for dx_refcount_ask()
 * @len: likewise
 * @before: likewise
 * @shared: likewise
 *
 * Return: 0 or -errno.
 */
int dx_refcount_find_shared(struct dx_mount *mp, dx_fsbno_t fsbno, dx_extlen_t len, dx_extlen_t *before, dx_extlen_t *shared)
{
	struct dx_refcount_asker a = { .mp = mp };
	int error = dx_refcount_ask(&a, fsbno, len, before, shared);

	pause_asking(&a, 0);
	return error;
}
