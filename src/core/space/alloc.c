// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extent allocator: choosing free extents, taking them, giving them back.
 *
 * A request is tried in one AG at a time.  There, candidates are free extents
 * found in the bnobt around the target or in the cntbt by size; each is
 * cut down to what may be used (not busy, aligned, within bounds) and the longest
 * wins, the nearest among equals.  Both trees, the AGF, the perag copies and the
 * transaction's fdblocks change together.
 *
 * Busy extents (freed, but the free is not durable yet) are avoided.  When nothing else is
 * left, user data waits for a log force; metadata takes them, because a metadata
 * block reaches the disk only after the log that also holds the free.  What is being discarded nobody can have, and
 * waits for.  Waiting is done with no AGF locked, unless the transaction has changed one, and is never cut
 * short by an ENOSPC while somebody else's extents are busy.
 *
 * Locks: an AGF stays locked in the transaction once something was taken from
 * its AG.  A transaction that holds one blocks only for AGFs of higher AGs, and merely
 * tries the lower ones (L1), so two transactions cannot wait for each other.
 */
#include "dx_btree.h"
#include "dx_alloc_int.h"

#define NEAR_STEPS	48	/* extents looked at on each side of the target */
#define CNT_STEPS	24	/* long enough extents looked at in the cntbt */
#define CHANCE_STEPS	4096	/* extents looked at for one with an aligned part that is long enough */
#define BUSY_ROUNDS	8	/* waits of a transaction that others may be waiting for */
#define MUST_ROUNDS	24	/* waits of up to 64 ms for an AGF that may only be tried */

/* One request in one AG. */
struct agreq {
	struct dx_alloc_arg	*args;
	struct dx_mount		*mp;
	struct dx_trans		*tp;
	dx_agno_t		agno;
	struct dx_buf		*agbp;
	struct dx_perag		*pag;
	dx_agbno_t		target;		/* DX_NULLAGBNO: anywhere */
	enum { AVOID_BUSY, AVOID_DISCARDS, AVOID_NOTHING } avoid;
	bool			saw_busy;
	unsigned int		busy_gen;
	/* best so far; len 0 = none */
	dx_agbno_t		fbno, bno;
	dx_extlen_t		flen, len;
	u32			dist;
};

/* Largest length <= @len that the request may have, 0 if there is none. */
static dx_extlen_t fit_len(const struct dx_alloc_arg *args, dx_extlen_t len)
{
	dx_extlen_t k, cut;

	len = min(len, args->maxlen);
	if (len < args->minlen)
		return 0;
	if (args->prod <= 1 || len == args->mod)
		return len;
	k = len % args->prod;
	if (k == args->mod)
		return len;
	cut = k > args->mod ? k - args->mod : k + args->prod - args->mod;
	if (cut < len && len - cut >= args->minlen)
		return len - cut;
	return len;
}

static dx_agbno_t align_up(const struct dx_alloc_arg *args, dx_agbno_t bno)
{
	return args->alignment > 1 ? roundup(bno, args->alignment) : bno;
}

static dx_agbno_t align_down(const struct dx_alloc_arg *args, dx_agbno_t bno)
{
	return args->alignment > 1 ? rounddown(bno, args->alignment) : bno;
}

/* Cut [*bno, *bno + *len) down to what is not busy, as far as the request minds. */
static bool trim_busy(struct agreq *rq, dx_agbno_t *bno, dx_extlen_t *len)
{
	u32 flags = rq->avoid == AVOID_DISCARDS ? DX_BUSY_DISCARDED : 0;
	unsigned int gen;

	if (rq->avoid == AVOID_NOTHING || !dx_busy_trim(rq->mp, rq->agno, bno, len, flags, &gen))
		return false;
	if (!rq->saw_busy)
		rq->busy_gen = gen;	/* whatever comes free after the first look is worth a second one */
	rq->saw_busy = true;
	return true;
}

/* What of the free extent [*bno, *bno + *len) the request may use. */
static void usable_part(struct agreq *rq, dx_agbno_t *bno, dx_extlen_t *len)
{
	struct dx_alloc_arg *args = rq->args;
	dx_agbno_t start, end;

	trim_busy(rq, bno, len);
	start = *bno;
	end = *bno + *len;
	if (args->min_agbno)
		start = max(start, args->min_agbno);
	if (args->max_agbno)
		end = min(end, args->max_agbno);
	start = align_up(args, start);
	*bno = start;
	*len = end > start && start >= rq->pag->length ? 0 : end > start ? end - start : 0;
}

/* Where in the usable [bno, bno + ulen) an extent of @len goes. */
static dx_agbno_t place(struct agreq *rq, dx_agbno_t bno, dx_extlen_t ulen, dx_extlen_t len)
{
	struct dx_alloc_arg *args = rq->args;
	dx_agbno_t last = bno + ulen - len, p;	/* the last possible start */

	if (rq->target == DX_NULLAGBNO || rq->target <= bno)
		return bno;
	if (rq->target <= last) {
		p = align_up(args, rq->target);
		return p <= last ? p : align_down(args, last);
	}
	/*
	 * All of it lies left of the target.  Data that is still growing wants
	 * the room behind itself; a metadata block wants to be near.
	 */
	if (args->userdata)
		return bno;
	return align_down(args, last);
}

static void consider(struct agreq *rq, const union dx_btree_rec *rec)
{
	dx_agbno_t bno = rec->alloc.startblock;
	dx_extlen_t ulen = rec->alloc.blockcount, len;
	u32 dist;

	usable_part(rq, &bno, &ulen);
	len = fit_len(rq->args, ulen);
	if (!len)
		return;
	bno = place(rq, bno, ulen, len);
	if (rq->target == DX_NULLAGBNO)
		dist = 0;
	else if (bno >= rq->target)
		dist = bno - rq->target;
	else	/* who writes on goes up: down counts twice for data, or a file that meets something would fill gaps backwards */
		dist = min_t(u64, U32_MAX, (u64)(rq->target - bno) << !!rq->args->userdata);
	if (len < rq->len || (len == rq->len && dist >= rq->dist))
		return;
	rq->fbno = rec->alloc.startblock;
	rq->flen = rec->alloc.blockcount;
	rq->bno = bno;
	rq->len = len;
	rq->dist = dist;
}

static bool have_full(const struct agreq *rq)
{
	return rq->len && rq->len == fit_len(rq->args, rq->args->maxlen);
}

/* Exactly at the target. */
static int find_exact(struct agreq *rq)
{
	struct dx_alloc_arg *args = rq->args;
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	dx_agbno_t bno, end;
	dx_extlen_t len;
	int stat, error;

	cur = dx_bnobt_cursor(rq->mp, rq->tp, rq->agbp, rq->agno, DX_BTNUM_BNO);
	cur->rec.alloc.startblock = rq->target;
	cur->rec.alloc.blockcount = args->maxlen;
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	if (!error && stat)
		error = dx_btree_get_rec(cur, &rec, &stat);
	dx_btree_del_cursor(cur, error);
	if (error || !stat)
		return error;

	end = rec.alloc.startblock + rec.alloc.blockcount;
	if (end <= rq->target || (args->min_agbno && rq->target < args->min_agbno))
		return 0;
	bno = rq->target;
	if (args->max_agbno)
		end = min(end, args->max_agbno);
	if (end <= bno)
		return 0;
	len = min(end - bno, args->maxlen);
	if (trim_busy(rq, &bno, &len) && bno != rq->target)
		return 0;
	len = fit_len(args, len);
	if (!len)
		return 0;
	rq->fbno = rec.alloc.startblock;
	rq->flen = rec.alloc.blockcount;
	rq->bno = bno;
	rq->len = len;
	return 0;
}

/* By size: the smallest extent that is long enough, else the longest. */
static int find_size(struct agreq *rq)
{
	struct dx_alloc_arg *args = rq->args;
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	int stat, error, i;

	cur = dx_bnobt_cursor(rq->mp, rq->tp, rq->agbp, rq->agno, DX_BTNUM_CNT);
	cur->rec.alloc.startblock = 0;
	cur->rec.alloc.blockcount = args->maxlen + max_t(u32, args->alignment, 1) - 1;
	error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	while (!error && stat && !have_full(rq)) {
		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		consider(rq, &rec);
		if (!have_full(rq))
			error = dx_btree_increment(cur, 0, &stat);
	}
	if (error || have_full(rq))
		goto out;

	cur->rec.alloc.startblock = DX_NULLAGBNO;
	cur->rec.alloc.blockcount = (dx_extlen_t)-1;
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	for (i = 0; !error && stat && (!args->chance || i < CHANCE_STEPS); i++) {
		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		if (rec.alloc.blockcount < args->minlen || rec.alloc.blockcount <= rq->len)
			break;
		consider(rq, &rec);
		if (have_full(rq))
			break;
		error = dx_btree_decrement(cur, 0, &stat);
	}
out:
	dx_btree_del_cursor(cur, error);
	return error;
}

/* One step of a walk away from the target; *alive goes false at its end. */
static int near_step(struct agreq *rq, struct dx_btree_cur *cur, bool leftwards, bool *alive)
{
	union dx_btree_rec rec;
	int stat, error;
	u32 gap;

	error = dx_btree_get_rec(cur, &rec, &stat);
	if (error || !stat) {
		*alive = false;
		return error;
	}
	/* nothing further on can be nearer than a full-length one that we have */
	if (leftwards)
		gap = rq->target - min(rq->target, rec.alloc.startblock + rec.alloc.blockcount);
	else
		gap = rec.alloc.startblock - min(rq->target, rec.alloc.startblock);
	if (have_full(rq) && gap >= rq->dist) {
		*alive = false;
		return 0;
	}
	consider(rq, &rec);
	error = leftwards ? dx_btree_decrement(cur, 0, &stat) : dx_btree_increment(cur, 0, &stat);
	*alive = !error && stat;
	return error;
}

/* Extents of full length nearest to the target in the order of the cntbt. */
static int near_by_size(struct agreq *rq)
{
	struct dx_alloc_arg *args = rq->args;
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	int stat, error, i;

	cur = dx_bnobt_cursor(rq->mp, rq->tp, rq->agbp, rq->agno, DX_BTNUM_CNT);
	cur->rec.alloc.startblock = rq->target;
	cur->rec.alloc.blockcount = args->maxlen;
	error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	for (i = 0; !error && stat && i < CNT_STEPS; i++) {
		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		consider(rq, &rec);
		error = dx_btree_increment(cur, 0, &stat);
	}
	if (error)
		goto out;
	cur->rec.alloc.startblock = rq->target;
	cur->rec.alloc.blockcount = args->maxlen;
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	for (i = 0; !error && stat && i < CNT_STEPS; i++) {
		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat || rec.alloc.blockcount < args->maxlen)
			break;
		consider(rq, &rec);
		error = dx_btree_decrement(cur, 0, &stat);
	}
out:
	dx_btree_del_cursor(cur, error);
	return error;
}

/*
 * Near the target: walk the bnobt to both sides for a bounded number of extents,
 * then ask the cntbt for long enough ones, then take the longest.
 */
static int find_near(struct agreq *rq)
{
	struct dx_btree_cur *left, *right = NULL;
	bool lalive, ralive = false;
	int stat, error, i;

	left = dx_bnobt_cursor(rq->mp, rq->tp, rq->agbp, rq->agno, DX_BTNUM_BNO);
	left->rec.alloc.startblock = rq->target;
	left->rec.alloc.blockcount = 0;
	error = dx_btree_lookup(left, DX_LOOKUP_LE, &stat);
	lalive = !error && stat;
	if (!error) {
		right = dx_bnobt_cursor(rq->mp, rq->tp, rq->agbp, rq->agno, DX_BTNUM_BNO);
		right->rec.alloc.startblock = rq->target + 1;
		error = dx_btree_lookup(right, DX_LOOKUP_GE, &stat);
		ralive = !error && stat;
	}
	for (i = 0; !error && (lalive || ralive) && i < NEAR_STEPS; i++) {
		if (lalive)
			error = near_step(rq, left, true, &lalive);
		if (!error && ralive)
			error = near_step(rq, right, false, &ralive);
	}
	dx_btree_del_cursor(left, error);
	dx_btree_del_cursor(right, error);
	if (error || have_full(rq))
		return error;
	if (!lalive && !ralive && rq->len)
		return 0;		/* saw every extent there is */
	error = near_by_size(rq);
	if (error || have_full(rq))
		return error;
	return find_size(rq);
}

/* Take [bno, bno + len) out of the free extent [fbno, fbno + flen), in both trees. */
static int take_extent(struct agreq *rq)
{
	dx_agbno_t rbno = rq->bno + rq->len;
	dx_extlen_t llen = rq->bno - rq->fbno, rlen = rq->fbno + rq->flen - rbno;
	struct dx_btree_cur *cnt, *bno = NULL;
	union dx_btree_rec rec;
	int stat, error;

	cnt = dx_bnobt_cursor(rq->mp, rq->tp, rq->agbp, rq->agno, DX_BTNUM_CNT);
	cnt->rec.alloc.startblock = rq->fbno;
	cnt->rec.alloc.blockcount = rq->flen;
	error = dx_btree_lookup(cnt, DX_LOOKUP_EQ, &stat);
	if (!error && !stat)
		error = dx_corrupt(rq->mp, "cntbt", rq->agbp->b_daddr, "no record for AG %u block %u length %u",
				   rq->agno, rq->fbno, rq->flen);
	if (!error)
		error = dx_btree_delete(cnt, &stat);
	if (!error && llen) {
		cnt->rec.alloc.startblock = rq->fbno;
		cnt->rec.alloc.blockcount = llen;
		error = dx_btree_insert(cnt, &stat);
	}
	if (!error && rlen) {
		cnt->rec.alloc.startblock = rbno;
		cnt->rec.alloc.blockcount = rlen;
		error = dx_btree_insert(cnt, &stat);
	}
	if (error)
		goto out;

	bno = dx_bnobt_cursor(rq->mp, rq->tp, rq->agbp, rq->agno, DX_BTNUM_BNO);
	bno->rec.alloc.startblock = rq->fbno;
	bno->rec.alloc.blockcount = rq->flen;
	error = dx_btree_lookup(bno, DX_LOOKUP_EQ, &stat);
	if (!error && stat)
		error = dx_btree_get_rec(bno, &rec, &stat);
	if (!error && (!stat || rec.alloc.blockcount != rq->flen))
		error = dx_corrupt(rq->mp, "bnobt", rq->agbp->b_daddr, "no record for AG %u block %u length %u",
				   rq->agno, rq->fbno, rq->flen);
	if (error)
		goto out;
	if (!llen && !rlen) {
		error = dx_btree_delete(bno, &stat);
	} else {
		rec.alloc.startblock = llen ? rq->fbno : rbno;
		rec.alloc.blockcount = llen ? llen : rlen;
		error = dx_btree_update(bno, &rec);
		if (!error && llen && rlen) {
			bno->rec.alloc.startblock = rbno;
			bno->rec.alloc.blockcount = rlen;
			error = dx_btree_insert(bno, &stat);
		}
	}
out:
	dx_btree_del_cursor(cnt, error);
	dx_btree_del_cursor(bno, error);
	return error;
}

static int mod_freeblks(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, s64 delta)
{
	struct dx_agf *agf = agbp->b_addr;
	struct dx_perag *pag = dx_perag(tp->t_mp, agno);
	s64 n = (s64)be32_to_cpu(agf->agf_freeblks) + delta;

	if (n < 0 || n > be32_to_cpu(agf->agf_length))
		return dx_corrupt(tp->t_mp, "AGF", agbp->b_daddr, "agf_freeblks");
	agf->agf_freeblks = cpu_to_be32(n);
	pag->freeblks = n;
	dx_agf_log(tp, agbp, offsetof(struct dx_agf, agf_freeblks), sizeof(agf->agf_freeblks));
	return 0;
}

static void note_agf_held(struct dx_trans *tp, dx_agno_t agno)
{
	if (tp->t_highest_agno == DX_NULLAGNO || agno > tp->t_highest_agno)
		tp->t_highest_agno = agno;
}

/* Find and take, in an AG whose AGFL is ready.  rq->len == 0: nothing fits. */
static int search_and_take(struct agreq *rq, enum dx_alloc_type how)
{
	int error;

	for (;;) {
		rq->len = 0;
		rq->saw_busy = false;
		if (how == DX_ALLOC_EXACT)
			error = find_exact(rq);
		else if (how == DX_ALLOC_NEAR && rq->target != DX_NULLAGBNO)
			error = find_near(rq);
		else
			error = find_size(rq);
		if (error)
			return error;
		if (rq->len || !rq->saw_busy || how == DX_ALLOC_EXACT || rq->args->userdata)
			break;
		/* a block of the AGFL is waited for by the tree that takes it */
		if (rq->avoid == AVOID_DISCARDS && !rq->args->resv_agfl)
			break;
		rq->avoid++;
	}
	if (!rq->len)
		return 0;
	if (rq->bno < rq->fbno || rq->bno + rq->len > rq->fbno + rq->flen) {
		WARN_ON_ONCE(1);
		return -EFSCORRUPTED;
	}
	if (rq->avoid != AVOID_BUSY && !rq->args->resv_agfl)
		dx_busy_reuse(rq->mp, rq->agno, rq->bno, rq->len, rq->args->userdata);
	error = take_extent(rq);
	if (error)
		return error;
	return mod_freeblks(rq->tp, rq->agbp, rq->agno, -(s64)rq->len);
}

/*
 * The smallest free extent, or its beginning.  Whole, it leaves the trees without a split; of its rest, which is again the
 * smallest, the record comes into the leaf that it has just left.
 */
static int find_smallest(struct agreq *rq)
{
	struct dx_btree_cur *cur = dx_bnobt_cursor(rq->mp, rq->tp, rq->agbp, rq->agno, DX_BTNUM_CNT);
	union dx_btree_rec rec;
	int stat, error;

	cur->rec.alloc.startblock = 0;
	cur->rec.alloc.blockcount = 0;
	error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	if (!error && stat)
		error = dx_btree_get_rec(cur, &rec, &stat);
	dx_btree_del_cursor(cur, error);
	if (error || !stat)
		return error;
	rq->fbno = rq->bno = rec.alloc.startblock;
	rq->flen = rec.alloc.blockcount;
	rq->len = min(rq->flen, rq->args->maxlen);
	return 0;
}

/**
 * dx_alloc_for_agfl - take blocks out of free space for the AGFL
 * @tp: transaction
 * @agbp: locked AGF
 * @agno: AG
 * @maxlen: most that is wanted
 * @bno: out
 * @len: out; 0 = the AG has no free space left
 *
 * Busy ones will do (and stay busy): a block is made usable when a tree takes it.  For
 * dx_alloc_refresh_agfl() only. Both trees can have split up to their roots in one change and have left nothing in the list,
 * with leaves that are full: then what is taken must not split one again.
 */
int dx_alloc_for_agfl(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_extlen_t maxlen,
		      dx_agbno_t *bno, dx_extlen_t *len)
{
	struct dx_alloc_arg args = {
		.tp = tp, .mp = tp->t_mp, .minlen = 1, .maxlen = maxlen, .prod = 1, .alignment = 1,
		.resv_agfl = true,
	};
	struct agreq rq = {
		.args = &args, .mp = tp->t_mp, .tp = tp, .agno = agno, .agbp = agbp,
		.pag = dx_perag(tp->t_mp, agno), .target = DX_NULLAGBNO,
	};
	int error;

	if (rq.pag->flcount <= rq.pag->levels[DX_BTNUM_CNT]) {
		error = find_smallest(&rq);
		if (!error && rq.len)
			error = take_extent(&rq);
		if (!error && rq.len)
			error = mod_freeblks(tp, agbp, agno, -(s64)rq.len);
	} else {
		error = search_and_take(&rq, DX_ALLOC_THIS_AG);
	}
	*bno = rq.bno;
	*len = error ? 0 : rq.len;
	return error;
}

/*
 * A block of an AG that has no more than its free list should hold.  The trees have next to no records
 * then: taking one out splits nothing, so the list need not be ready, and in the end its blocks are
 * as good as any.  Whatever is freed in the AG refills it.
 */
static int take_last(struct agreq *rq, u32 flags)
{
	struct dx_alloc_arg *args = rq->args;
	int error;

	if (args->userdata)	/* may not have busy blocks, and those of the list may be */
		return 0;
	if (dx_has_rmapbt(rq->mp)) {
		/* the new owner's record may split its tree: the list gets what there is */
		error = dx_alloc_refresh_agfl(args, rq->agno, &rq->agbp, (flags & DX_FIX_TRYLOCK) | DX_FIX_FREEING);
		if (args->refilled)
			note_agf_held(args->tp, rq->agno);
	} else {
		error = dx_agf_read(rq->mp, rq->tp, rq->agno, flags & DX_FIX_TRYLOCK ? DX_READ_TRYLOCK : 0, &rq->agbp);
		if (error == -EAGAIN && (flags & DX_FIX_TRYLOCK)) {
			args->contended = true;
			return 0;
		}
	}
	if (error || !rq->agbp)
		return error;
	args->minlen = args->maxlen = 1;
	if (rq->pag->freeblks)
		return search_and_take(rq, DX_ALLOC_THIS_AG);
	error = dx_agfl_take(rq->tp, rq->agbp, rq->agno, &rq->bno, false);
	if (error || rq->bno == DX_NULLAGBNO)
		return error;
	dx_busy_reuse(rq->mp, rq->agno, rq->bno, 1, false);
	rq->len = 1;
	return dx_rmap_remove(rq->tp, rq->agbp, rq->agno, rq->bno, 1, &dx_own_ag);
}

/* Try one AG.  args->fsbno is set when it worked. */
static int alloc_in_ag(struct dx_alloc_arg *args, dx_agno_t agno, dx_agbno_t target, enum dx_alloc_type how, u32 flags)
{
	struct dx_alloc_arg ag_args = *args;	/* maxlen gets clamped to this AG */
	struct dx_perag *pag = dx_perag(args->mp, agno);
	struct agreq rq = {
		.args = &ag_args, .mp = args->mp, .tp = args->tp, .agno = agno, .pag = pag, .target = target,
	};
	bool last = flags & DX_FIX_LAST;
	int error;

	ag_args.type = how;
	if (args->tp->t_highest_agno != DX_NULLAGNO && agno < args->tp->t_highest_agno)
		flags |= DX_FIX_TRYLOCK;
	error = dx_alloc_refresh_agfl(&ag_args, agno, &rq.agbp, flags);
	args->contended |= ag_args.contended;
	if (error)
		return error;
	if (ag_args.refilled)
		note_agf_held(args->tp, agno);	/* dirty: stays locked to the commit */
	if (!rq.agbp && !last)
		return 0;
	error = rq.agbp ? search_and_take(&rq, how) : take_last(&rq, flags);
	args->contended |= ag_args.contended;
	if (error || !rq.len) {
		if (rq.saw_busy && !args->saw_busy) {
			args->saw_busy = true;
			args->busy_gen = rq.busy_gen;
		}
		if (rq.agbp)
			dx_trans_let_go(args->tp, rq.agbp);
		return error;
	}
	note_agf_held(args->tp, agno);
	error = dx_rmap_add(args->tp, rq.agbp, agno, rq.bno, rq.len, &args->owner);
	if (error)
		return error;
	if (args->resv == DX_AGRESV_NONE)
		dx_trans_mod_fdblocks(args->tp, -(s64)rq.len, !args->wasdel);
	else
		dx_agresv_take(args->tp, pag, args->resv, rq.len);
	args->fsbno = dx_agb_to_fsb(args->mp, agno, rq.bno);
	args->len = rq.len;
	return 0;
}

/* Every AG once, from @start, wrapping. */
static int alloc_any_ag(struct dx_alloc_arg *args, dx_agno_t start, dx_agbno_t target, u32 flags)
{
	struct dx_mount *mp = args->mp;
	dx_agno_t i, agno = start;
	int error;

	for (i = 0; i < dx_agcount(mp); i++) {
		error = 0;
		if (i == 0 && target != DX_NULLAGBNO)
			error = alloc_in_ag(args, agno, target, DX_ALLOC_NEAR, flags);
		else if (!args->spare_inodes || !READ_ONCE(dx_perag(mp, agno)->inodes_first))
			error = alloc_in_ag(args, agno, DX_NULLAGBNO, DX_ALLOC_THIS_AG, flags);
		if (error || args->fsbno != DX_NULLFSBNO)
			return error;
		if (++agno >= dx_agcount(mp))
			agno = 0;
	}
	return 0;
}

/*
 * There would be space, were it not busy: wait for that.  Returns whether it is worth trying again.
 *
 * The transaction may have busy extents of its own, which stay so until its commit, or an AGF, which the
 * owner of other ones may want: then it is not patient for ever.  With neither, everybody else gets done.
 */
static bool wait_for_busy(struct dx_alloc_arg *args, unsigned int *rounds)
{
	struct dx_mount *mp = args->mp;
	struct dx_trans *tp = args->tp;
	struct list_head *p;
	int own = 0;

	list_for_each(p, &tp->t_busy)
		own++;
	if (dx_is_shutdown(mp))
		return false;
	if (atomic_read(&mp->busy_gen) != args->busy_gen)
		return true;
	if (atomic_read(&mp->busy_nr) <= own)
		return false;
	if ((own || tp->t_highest_agno != DX_NULLAGNO) && (*rounds)++ >= BUSY_ROUNDS)
		return false;
	dx_busy_flush(mp, args->busy_gen);
	cond_resched();
	return true;
}

/* One search, as far as the type of the request goes. */
static int alloc_once(struct dx_alloc_arg *args, dx_agno_t agno, dx_agbno_t agbno, u32 flags)
{
	int error;

	switch (args->type) {
	case DX_ALLOC_EXACT:
	case DX_ALLOC_NEAR:
		return alloc_in_ag(args, agno, agbno, args->type, flags);
	case DX_ALLOC_THIS_AG:
		return alloc_in_ag(args, agno, DX_NULLAGBNO, DX_ALLOC_THIS_AG, flags);
	case DX_ALLOC_LOWEST_AG:
		return alloc_any_ag(args, 0, DX_NULLAGBNO, flags);
	case DX_ALLOC_ANY_AG:
		agbno = DX_NULLAGBNO;
		break;
	case DX_ALLOC_START_AG:
		break;
	}
	error = alloc_any_ag(args, agno, agbno, flags | DX_FIX_TRYLOCK);
	if (!error && args->fsbno == DX_NULLFSBNO)
		error = alloc_any_ag(args, agno, agbno, flags);
	return error;
}

/**
 * dx_alloc_extents - allocate an extent
 * @args: request and answer; see struct dx_alloc_arg
 *
 * EXACT: at args->fsbno or not at all.  NEAR: in that AG, as near as sensible.  THIS_AG: in
 * that AG, best fit.  START_AG: near fsbno, else any AG from there on.  ANY_AG:
 * any AG, best fit.  LOWEST_AG: the first from AG 0 on, so that the transaction may still wait for
 * every other that has something.  ->must: what others would be left with does not matter.
 * ->userdata must be set for all that is written without
 * the log (file data, remote attribute values).
 *
 * When all that fits is busy it waits, but for EXACT and ->no_wait: a caller that can do with something shorter or
 * farther away asks for that first.
 *
 * Returns 0 with args->fsbno and ->len set, or 0 with fsbno == DX_NULLFSBNO when no
 * space fits (the transaction may be dirty then: an AGFL was filled), or -errno.  The AGF
 * of the AG stays locked in the transaction.  Blocks are charged to
 * the transaction's reservation, or to delayed allocation's when ->wasdel.
 */
int dx_alloc_extents(struct dx_alloc_arg *args)
{
	struct dx_mount *mp = args->mp;
	dx_fsbno_t want = args->fsbno;
	dx_agno_t agno;
	dx_agbno_t agbno = DX_NULLAGBNO;
	u32 usable = dx_ag_max_usable(mp);
	bool may_wait = !args->no_wait && args->type != DX_ALLOC_EXACT;
	unsigned int rounds = 0;
	int error, try;

	args->fsbno = DX_NULLFSBNO;
	args->len = 0;
	if (!args->prod)
		args->prod = 1;
	if (args->maxlen > usable)
		args->maxlen = usable;
	if (!args->minlen || args->minlen > args->maxlen || args->mod >= max_t(u32, args->prod, 1))
		return 0;
	if (want == DX_NULLFSBNO) {
		if (args->type != DX_ALLOC_ANY_AG && args->type != DX_ALLOC_START_AG &&
		    args->type != DX_ALLOC_LOWEST_AG) {
			WARN_ON_ONCE(1);
			return -EINVAL;
		}
		agno = (u32)atomic_inc_return(&mp->agfrotor) % dx_agcount(mp);
	} else {
		agno = dx_fsb_to_agno(mp, want);
		agbno = dx_fsb_to_agbno(mp, want);
		if (agno >= dx_agcount(mp))
			return 0;
		if (args->type == DX_ALLOC_EXACT && agbno >= dx_perag(mp, agno)->length)
			return 0;
	}

	do {
		args->saw_busy = false;
		error = alloc_once(args, agno, agbno, 0);
		if (error || args->fsbno != DX_NULLFSBNO || !args->saw_busy)
			break;
	} while (may_wait && wait_for_busy(args, &rounds));
	/*
	 * A transaction that has no way back.  Who holds the AGFs that it may not wait for (L1)
	 * will be done with them, unless he waits for ours.
	 */
	for (try = 0; args->must && !error && args->fsbno == DX_NULLFSBNO && try < MUST_ROUNDS; try++) {
		if (try) {
			if (!args->contended || dx_is_shutdown(mp))
				break;
			msleep(min(1 << try, 64));
		}
		args->contended = false;
		error = alloc_once(args, agno, agbno, DX_FIX_LAST);
	}
	if (!error && args->fsbno == DX_NULLFSBNO && args->saw_busy && dx_is_shutdown(mp))
		return -EIO;
	return error;
}

/* ---- freeing --------------------------------------------------------------------- */

static int cnt_delete(struct dx_btree_cur *cnt, dx_agbno_t bno, dx_extlen_t len)
{
	int stat, error;

	cnt->rec.alloc.startblock = bno;
	cnt->rec.alloc.blockcount = len;
	error = dx_btree_lookup(cnt, DX_LOOKUP_EQ, &stat);
	if (!error && !stat)
		error = dx_corrupt(cnt->mp, "cntbt", cnt->agbp->b_daddr, "no record for AG %u block %u length %u",
				   cnt->agno, bno, len);
	return error ? error : dx_btree_delete(cnt, &stat);
}

/**
 * dx_alloc_free_ag_extent - put an extent into the free space trees of an AG
 * @tp: transaction
 * @agbp: locked AGF, AGFL ready
 * @agno: AG
 * @bno: first block
 * @len: blocks
 *
 * Merges with the neighbours.  An overlap with free space is a double free:
 * -EFSCORRUPTED.  Neither fdblocks nor the busy tree are touched.
 */
int dx_alloc_free_ag_extent(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_btree_cur *bcur, *cnt = NULL;
	union dx_btree_rec left, right, new;
	bool have_left = false, have_right = false, merge_left, merge_right;
	int stat, error;

	bcur = dx_bnobt_cursor(mp, tp, agbp, agno, DX_BTNUM_BNO);
	bcur->rec.alloc.startblock = bno;
	bcur->rec.alloc.blockcount = len;
	error = dx_btree_lookup(bcur, DX_LOOKUP_LE, &stat);
	if (error)
		goto out;
	if (stat) {
		error = dx_btree_get_rec(bcur, &left, &stat);
		if (error)
			goto out;
		have_left = stat;
	}
	error = dx_btree_increment(bcur, 0, &stat);
	if (error)
		goto out;
	if (stat) {
		error = dx_btree_get_rec(bcur, &right, &stat);
		if (error)
			goto out;
		have_right = stat;
	}
	if ((have_left && left.alloc.startblock + left.alloc.blockcount > bno) ||
	    (have_right && bno + len > right.alloc.startblock)) {
		error = dx_corrupt(mp, "bnobt", agbp->b_daddr, "AG %u block %u length %u freed twice", agno, bno, len);
		goto out;
	}
	merge_left = have_left && left.alloc.startblock + left.alloc.blockcount == bno;
	merge_right = have_right && bno + len == right.alloc.startblock;

	new.alloc.startblock = merge_left ? left.alloc.startblock : bno;
	new.alloc.blockcount = len + (merge_left ? left.alloc.blockcount : 0) +
			       (merge_right ? right.alloc.blockcount : 0);

	cnt = dx_bnobt_cursor(mp, tp, agbp, agno, DX_BTNUM_CNT);
	if (merge_left)
		error = cnt_delete(cnt, left.alloc.startblock, left.alloc.blockcount);
	if (!error && merge_right)
		error = cnt_delete(cnt, right.alloc.startblock, right.alloc.blockcount);
	if (!error) {
		cnt->rec = new;
		error = dx_btree_insert(cnt, &stat);
	}
	if (error)
		goto out;

	/* bcur is on the right neighbour */
	if (merge_left && merge_right) {
		error = dx_btree_delete(bcur, &stat);
		if (!error) {
			bcur->rec = left;
			error = dx_btree_lookup(bcur, DX_LOOKUP_EQ, &stat);
		}
		if (!error && !stat)
			error = -EFSCORRUPTED;
		if (!error)
			error = dx_btree_update(bcur, &new);
	} else if (merge_right) {
		error = dx_btree_update(bcur, &new);
	} else if (merge_left) {
		bcur->rec = left;
		error = dx_btree_lookup(bcur, DX_LOOKUP_EQ, &stat);
		if (!error && !stat)
			error = -EFSCORRUPTED;
		if (!error)
			error = dx_btree_update(bcur, &new);
	} else {
		bcur->rec = new;
		error = dx_btree_insert(bcur, &stat);
	}
	if (!error)
		error = mod_freeblks(tp, agbp, agno, len);
out:
	dx_btree_del_cursor(bcur, error);
	dx_btree_del_cursor(cnt, error);
	return error;
}

/**
 * dx_alloc_begin_change - lock an AGF, its free list as ready as it can be made
 * @tp: transaction
 * @agno: AG; above those that @tp has
 * @agbpp: out: locked AGF in the transaction
 *
 * Return: 0 or -errno.
 */
int dx_alloc_begin_change(struct dx_trans *tp, dx_agno_t agno, struct dx_buf **agbpp)
{
	struct dx_alloc_arg args = {
		.tp = tp, .mp = tp->t_mp, .minlen = 1, .maxlen = 1, .prod = 1, .alignment = 1,
	};
	int error = dx_alloc_refresh_agfl(&args, agno, agbpp, DX_FIX_FREEING);

	if (!error)
		note_agf_held(tp, agno);
	return error;
}

/**
 * dx_free_extent_of - free an extent now
 * @tp: transaction with room for the trees of one AG
 * @fsbno: first block
 * @len: blocks, within one AG
 * @kind: of the tree that it belonged to; DX_AGRESV_NONE: to none that has blocks set aside
 * @own: whose it was, as the rmapbt has it; nobody's: it has been told
 *
 * Blocks for the AGF: callers that free in several AGs in one transaction do so in
 * ascending order.  The extent is busy until the transaction is durable.
 * Credits fdblocks, or what the AG has to set aside.  Returns 0 or -errno.
 */
int dx_free_extent_of(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len, enum dx_agresv_kind kind,
		      const struct dx_owner *own)
{
	struct dx_mount *mp = tp->t_mp;
	dx_agno_t agno = dx_fsb_to_agno(mp, fsbno);
	dx_agbno_t agbno = dx_fsb_to_agbno(mp, fsbno);
	struct dx_buf *agbp;
	int error;

	if (!dx_verify_fsbext(mp, fsbno, len))
		return dx_corrupt(mp, "extent to free", agno < dx_agcount(mp) ? dx_fsb_to_daddr(mp, fsbno) : fsbno,
				  "AG %u block %u length %u", agno, agbno, len);
	error = dx_alloc_begin_change(tp, agno, &agbp);
	if (!error)
		error = dx_rmap_remove(tp, agbp, agno, agbno, len, own);
	if (!error)
		error = dx_alloc_free_ag_extent(tp, agbp, agno, agbno, len);
	if (error)
		return error;
	dx_agresv_give(tp, dx_perag(mp, agno), kind, len);
	dx_busy_insert(tp, agno, agbno, len, false);
	return 0;
}

/**
 * dx_free_extent - free an extent of a file, whose record in the rmapbt is gone, now
 * @tp: as dx_free_extent_of()
 * @fsbno: first block
 * @len: blocks, within one AG
 */
int dx_free_extent(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len)
{
	static const struct dx_owner nobody;

	return dx_free_extent_of(tp, fsbno, len, DX_AGRESV_NONE, &nobody);
}

static void look_end(struct dx_btree_cur *cur, struct dx_buf *agbp, int error)
{
	dx_btree_del_cursor(cur, error);
	dx_buf_leave(agbp);
}

/* The AGF, locked, and a cursor that looks from @bno in @dir. */
static int look_begin(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t bno, enum dx_btree_lookup dir, struct dx_buf **agbp,
		      struct dx_btree_cur **curp, int *stat)
{
	int error = dx_agf_read(mp, NULL, agno, 0, agbp);

	if (error)
		return error;
	*curp = dx_bnobt_cursor(mp, NULL, *agbp, agno, DX_BTNUM_BNO);
	(*curp)->rec.alloc.startblock = bno;
	(*curp)->rec.alloc.blockcount = 0;
	error = dx_btree_lookup(*curp, dir, stat);
	if (error)
		look_end(*curp, *agbp, error);
	return error;
}

/**
 * dx_alloc_query_all - call a function for each free extent of an AG, in block order
 * @mp: mount
 * @agno: AG
 * @fn: called with the AGF locked; an error stops
 * @data: for @fn
 *
 * The AGFL's blocks are not reported.  No lock held by the caller.
 */
int dx_alloc_query_all(struct dx_mount *mp, dx_agno_t agno, int (*fn)(dx_agbno_t bno, dx_extlen_t len, void *data),
		       void *data)
{
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agbp;
	int stat, error;

	error = look_begin(mp, agno, 0, DX_LOOKUP_GE, &agbp, &cur, &stat);
	if (error)
		return error;
	while (stat) {
		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		error = fn(rec.alloc.startblock, rec.alloc.blockcount, data);
		if (!error)
			error = dx_btree_increment(cur, 0, &stat);
		if (error)
			break;
	}
	look_end(cur, agbp, error);
	return error;
}

/**
 * dx_alloc_any_free - is any block of an extent free?
 * @mp: mount
 * @fsbno: first block; the extent is inside one AG
 * @len: fsblocks
 * @free: the answer
 *
 * Blocks of the AGFL count as in use.  Takes the AGF.
 *
 * Return: 0 or -errno.
 */
int dx_alloc_any_free(struct dx_mount *mp, dx_fsbno_t fsbno, dx_extlen_t len, bool *free)
{
	dx_agno_t agno = dx_fsb_to_agno(mp, fsbno);
	dx_agbno_t bno = dx_fsb_to_agbno(mp, fsbno);
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agbp;
	int stat, error;

	*free = false;
	/* the last free extent that begins before the end must end before the beginning */
	error = look_begin(mp, agno, bno + len - 1, DX_LOOKUP_LE, &agbp, &cur, &stat);
	if (error)
		return error;
	if (stat)
		error = dx_btree_get_rec(cur, &rec, &stat);
	if (!error && stat)
		*free = rec.alloc.startblock + rec.alloc.blockcount > bno;
	look_end(cur, agbp, error);
	return error;
}
