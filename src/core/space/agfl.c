// SPDX-License-Identifier: GPL-2.0-only
/*
 * The free list of an AG (AGFL): single blocks set apart for its free space btrees and its reverse mapping btree.
 *
 * Taking an extent changes these trees, which may need a block, which would be taking an
 * extent.  So their blocks come from this list, and dx_alloc_refresh_agfl() fills it beforehand to what
 * the change can need at worst.  Blocks on it and blocks of these trees (agf_btreeblks) count as free in
 * the superblock: what moves between here, the trees and free space never touches fdblocks.
 *
 * The list is a ring of slots in a sector of its own; the AGF says where it begins and how
 * long it is.  A block leaves at the front and enters at the end.
 *
 * Locks: AGF buffer, then AGFL buffer.
 * Source: "AG Free List" in the format specification.
 */
#include "dx_btree.h"
#include "dx_alloc_int.h"

struct ring {
	u32	first, count;		/* slots in use; wraps */
};

/* @i slots behind slot @first; @i at most the size of the ring */
static u32 slot(struct dx_mount *mp, u32 first, u32 i)
{
	return first + i < mp->agfl_size ? first + i : first + i - mp->agfl_size;
}

static int ring_load(struct dx_mount *mp, struct dx_buf *agbp, struct ring *r)
{
	const struct dx_agf *agf = agbp->b_addr;

	r->first = be32_to_cpu(agf->agf_flfirst);
	r->count = be32_to_cpu(agf->agf_flcount);
	/* where an empty list ended says nothing */
	if (r->first < mp->agfl_size && r->count <= mp->agfl_size &&
	    (!r->count || be32_to_cpu(agf->agf_fllast) == slot(mp, r->first, r->count - 1)))
		return 0;
	return dx_corrupt(mp, "AGF", agbp->b_daddr, "agf_flcount");
}

static void ring_store(struct dx_trans *tp, struct dx_buf *agbp, struct dx_perag *pag, const struct ring *r)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_agf *agf = agbp->b_addr;

	agf->agf_flfirst = cpu_to_be32(r->first);
	agf->agf_fllast = cpu_to_be32(slot(mp, r->first, r->count ? r->count - 1 : mp->agfl_size - 1));
	agf->agf_flcount = cpu_to_be32(r->count);
	pag->flcount = r->count;
	dx_agf_log(tp, agbp, offsetof(struct dx_agf, agf_flfirst), 3 * sizeof(__be32));
}

/* The trees have a block more (1) or less (-1). */
static void count_btreeblk(struct dx_trans *tp, struct dx_buf *agbp, struct dx_perag *pag, int delta)
{
	struct dx_agf *agf = agbp->b_addr;

	pag->btreeblks += delta;
	agf->agf_btreeblks = cpu_to_be32(pag->btreeblks);
	dx_agf_log(tp, agbp, offsetof(struct dx_agf, agf_btreeblks), sizeof(agf->agf_btreeblks));
	atomic64_add(delta, &tp->t_mp->allocbt_blks);
}

/**
 * dx_agfl_take - take a block off the free list
 * @tp: transaction
 * @agbp: locked AGF
 * @agno: AG
 * @bnop: out: the block, DX_NULLAGBNO when the list is empty
 * @btreeblk: it becomes a block of a tree
 *
 * Returns 0 or -errno.
 */
int dx_agfl_take(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t *bnop, bool btreeblk)
{
	struct dx_mount *mp = tp->t_mp;
	const struct dx_agfl *agfl;
	struct dx_buf *flbp;
	struct ring r;
	int error;

	*bnop = DX_NULLAGBNO;
	error = ring_load(mp, agbp, &r);
	if (error || !r.count)
		return error;
	error = dx_agfl_read(mp, tp, agno, &flbp);
	if (error)
		return error;
	agfl = flbp->b_addr;
	*bnop = be32_to_cpu(agfl->agfl_bno[r.first]);
	if (!dx_verify_agbno(mp, agno, *bnop))
		error = dx_corrupt(mp, "AGFL", flbp->b_daddr, "agfl_bno[%u]", r.first);
	dx_trans_let_go(tp, flbp);
	if (error)
		return error;

	r.first = slot(mp, r.first, 1);
	r.count--;
	ring_store(tp, agbp, dx_perag(mp, agno), &r);
	if (btreeblk)
		count_btreeblk(tp, agbp, dx_perag(mp, agno), 1);
	return 0;
}

/**
 * dx_agfl_give - append a block to the free list
 * @tp: transaction
 * @agbp: locked AGF
 * @agno: AG
 * @bno: block, not in free space
 * @btreeblk: it was a block of a tree
 *
 * Returns 0 or -errno; a full list is corruption, as dx_alloc_refresh_agfl() keeps it short.
 */
int dx_agfl_give(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, bool btreeblk)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_agfl *agfl;
	struct dx_buf *flbp;
	struct ring r;
	size_t off;
	u32 at;
	int error;

	error = ring_load(mp, agbp, &r);
	if (error)
		return error;
	if (r.count == mp->agfl_size)
		return dx_corrupt(mp, "AGF", agbp->b_daddr, "agf_flcount");
	error = dx_agfl_read(mp, tp, agno, &flbp);
	if (error)
		return error;
	at = slot(mp, r.first, r.count);
	agfl = flbp->b_addr;
	agfl->agfl_bno[at] = cpu_to_be32(bno);
	off = offsetof(struct dx_agfl, agfl_bno) + at * sizeof(__be32);
	dx_trans_buf_type(tp, flbp, DX_BLFT_AGFL);
	dx_trans_log_buf(tp, flbp, off, off + sizeof(__be32) - 1);
	dx_trans_let_go(tp, flbp);

	r.count++;
	ring_store(tp, agbp, dx_perag(mp, agno), &r);
	if (btreeblk)
		count_btreeblk(tp, agbp, dx_perag(mp, agno), -1);
	return 0;
}

/*
 * Blocks that the list need not hold go back to free space.  One is enough: a change that
 * shrinks the trees by more is rare, and what a transaction logs stays bounded.  Only a list that
 * could soon be full is cut down at once.
 */
static int shorten(struct dx_trans *tp, struct dx_buf *agbp, struct dx_perag *pag, bool *did)
{
	struct dx_mount *mp = tp->t_mp;

	while (pag->flcount > dx_agfl_need(mp, pag)) {
		dx_agbno_t bno;
		int error;

		*did = true;
		error = dx_agfl_take(tp, agbp, pag->agno, &bno, false);
		if (!error)
			error = dx_rmap_remove(tp, agbp, pag->agno, bno, 1, &dx_own_ag);
		if (!error)
			error = dx_alloc_free_ag_extent(tp, agbp, pag->agno, bno, 1);
		if (error)
			return error;
		if (pag->flcount < mp->agfl_size / 2)
			break;
	}
	return 0;
}

/* Blocks that the list lacks come from free space, as far as there is any. */
static int lengthen(struct dx_trans *tp, struct dx_buf *agbp, struct dx_perag *pag, bool *did)
{
	struct dx_mount *mp = tp->t_mp;
	dx_extlen_t len = 1;
	u32 need;

	/* taking them may change the height of the trees, and so the need */
	while (len && pag->flcount < (need = dx_agfl_need(mp, pag))) {
		dx_agbno_t bno;
		int error = dx_alloc_for_agfl(tp, agbp, pag->agno, need - pag->flcount, &bno, &len);
		dx_extlen_t i;

		*did |= error || len;
		for (i = 0; !error && i < len; i++)
			error = dx_agfl_give(tp, agbp, pag->agno, bno + i, false);
		/* now there are some, should this take any */
		if (!error && len)
			error = dx_rmap_add(tp, agbp, pag->agno, bno, len, &dx_own_ag);
		if (error)
			return error;
	}
	return 0;
}

/**
 * dx_alloc_refresh_agfl - lock an AGF and make its free list ready for a change
 * @args: what is to be allocated; ->maxlen is clamped to what the AG has, ->contended set when
 *	DX_FIX_TRYLOCK found it locked, ->refilled when the AGF has been changed and so stays locked
 * @agno: AG
 * @agbpp: out: locked AGF in the transaction; NULL when the AG cannot serve
 * @flags: DX_FIX_*
 *
 * When blocks are freed the list may stay short: they then come into trees that hardly have
 * any record, and nothing splits.  AGF lock order is the caller's concern (L1).  Returns 0 or -errno.
 */
int dx_alloc_refresh_agfl(struct dx_alloc_arg *args, dx_agno_t agno, struct dx_buf **agbpp, u32 flags)
{
	struct dx_mount *mp = args->mp;
	struct dx_perag *pag = dx_perag(mp, agno);
	bool freeing = flags & DX_FIX_FREEING, last = flags & DX_FIX_LAST;
	dx_extlen_t most = args->maxlen;
	struct dx_buf *agbp;
	struct ring r;
	int error;

	*agbpp = NULL;
	if (!freeing && pag->agf_init && !dx_ag_can_serve(args, pag, last, &most))
		return 0;
	error = dx_agf_read(mp, args->tp, agno, flags & DX_FIX_TRYLOCK ? DX_READ_TRYLOCK : 0, &agbp);
	if (error == -EAGAIN && (flags & DX_FIX_TRYLOCK)) {
		args->contended = true;
		return 0;
	}
	if (error)
		return error;
	error = ring_load(mp, agbp, &r);
	if (error || (!freeing && !dx_ag_can_serve(args, pag, last, &most)))
		goto no;
	args->maxlen = most;
	/* on a mere chance nothing is changed but what must be */
	error = args->chance && pag->flcount < mp->agfl_size / 2 ? 0 : shorten(args->tp, agbp, pag, &args->refilled);
	if (!error)
		error = lengthen(args->tp, agbp, pag, &args->refilled);
	if (error || (!freeing && pag->flcount < dx_agfl_need(mp, pag)))
		goto no;
	*agbpp = agbp;
	return 0;
no:
	dx_trans_let_go(args->tp, agbp);
	return error;
}
