// SPDX-License-Identifier: GPL-2.0-only
/*
 * The AG free list (AGFL): a ring of single blocks set apart for the free space btrees.
 *
 * Before the trees of an AG are changed, dx_alloc_fix_freelist() fills the
 * list to what the change can need at worst, so that the change itself never allocates.
 * Blocks on the list and blocks of the two trees (agf_btreeblks) count as
 * free in the superblock, so moving blocks between here, the trees and free
 * space never touches fdblocks.
 *
 * Locks: AGF buffer first, then the AGFL buffer.
 * Source: "AG Free List" in the format specification.
 */
#include "dx_btree.h"
#include "dx_alloc_int.h"

static u32 agfl_next(struct dx_mount *mp, u32 i)
{
	return i + 1 >= mp->agfl_size ? 0 : i + 1;
}

/* Do flfirst, fllast and flcount agree? */
static bool agfl_ring_ok(struct dx_mount *mp, const struct dx_agf *agf)
{
	u32 first = be32_to_cpu(agf->agf_flfirst), last = be32_to_cpu(agf->agf_fllast);
	u32 count = be32_to_cpu(agf->agf_flcount), active;

	if (first >= mp->agfl_size || last >= mp->agfl_size || count > mp->agfl_size)
		return false;
	if (!count)
		return true;
	active = last >= first ? last - first + 1 : mp->agfl_size - first + last + 1;
	return active == count;
}

static void log_ring(struct dx_trans *tp, struct dx_buf *agbp)
{
	struct dx_agf *agf = agbp->b_addr;

	dx_agf_log(tp, agbp, offsetof(struct dx_agf, agf_flfirst),
		   sizeof(agf->agf_flfirst) + sizeof(agf->agf_fllast) + sizeof(agf->agf_flcount));
}

static void add_btreeblks(struct dx_trans *tp, struct dx_buf *agbp, struct dx_perag *pag, int delta)
{
	struct dx_agf *agf = agbp->b_addr;

	be32_add_cpu(&agf->agf_btreeblks, delta);
	pag->btreeblks += delta;
	atomic64_add(delta, &tp->t_mp->allocbt_blks);
	dx_agf_log(tp, agbp, offsetof(struct dx_agf, agf_btreeblks), sizeof(agf->agf_btreeblks));
}

/**
 * dx_alloc_get_freelist - take a block off the AGFL
 * @tp: transaction
 * @agbp: locked AGF
 * @agno: AG
 * @bnop: out: the block, DX_NULLAGBNO when the list is empty
 * @btreeblk: it becomes a block of a free space btree
 *
 * Returns 0 or -errno.
 */
int dx_alloc_get_freelist(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t *bnop, bool btreeblk)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_agf *agf = agbp->b_addr;
	struct dx_perag *pag = &mp->perag[agno];
	struct dx_buf *flbp;
	u32 first = be32_to_cpu(agf->agf_flfirst);
	dx_agbno_t bno;
	int error;

	*bnop = DX_NULLAGBNO;
	if (!agf->agf_flcount)
		return 0;
	if (!agfl_ring_ok(mp, agf))
		return dx_corrupt(mp, "AGF", agbp->b_daddr, "agf_flcount");
	error = dx_agfl_read(mp, tp, agno, &flbp);
	if (error)
		return error;
	bno = be32_to_cpu(((struct dx_agfl *)flbp->b_addr)->agfl_bno[first]);
	if (!dx_verify_agbno(mp, agno, bno)) {
		error = dx_corrupt(mp, "AGFL", flbp->b_daddr, "agfl_bno[%u]", first);
		dx_trans_brelse(tp, flbp);
		return error;
	}
	dx_trans_brelse(tp, flbp);

	agf->agf_flfirst = cpu_to_be32(agfl_next(mp, first));
	be32_add_cpu(&agf->agf_flcount, -1);
	pag->flcount--;
	log_ring(tp, agbp);
	if (btreeblk)
		add_btreeblks(tp, agbp, pag, 1);
	*bnop = bno;
	return 0;
}

/**
 * dx_alloc_put_freelist - append a block to the AGFL
 * @tp: transaction
 * @agbp: locked AGF
 * @agno: AG
 * @bno: block, not in free space
 * @btreeblk: it was a block of a free space btree
 *
 * Returns 0 or -errno; a full list is corruption, as dx_alloc_fix_freelist() keeps it short.
 */
int dx_alloc_put_freelist(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, bool btreeblk)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_agf *agf = agbp->b_addr;
	struct dx_perag *pag = &mp->perag[agno];
	struct dx_agfl *agfl;
	struct dx_buf *flbp;
	u32 last;
	int error;

	if (!agfl_ring_ok(mp, agf) || be32_to_cpu(agf->agf_flcount) >= mp->agfl_size)
		return dx_corrupt(mp, "AGF", agbp->b_daddr, "agf_flcount");
	error = dx_agfl_read(mp, tp, agno, &flbp);
	if (error)
		return error;
	if (agf->agf_flcount)
		last = agfl_next(mp, be32_to_cpu(agf->agf_fllast));
	else
		last = be32_to_cpu(agf->agf_flfirst);	/* empty: the ring starts where the next get looks */
	agf->agf_fllast = cpu_to_be32(last);
	be32_add_cpu(&agf->agf_flcount, 1);
	pag->flcount++;
	log_ring(tp, agbp);
	if (btreeblk)
		add_btreeblks(tp, agbp, pag, -1);

	agfl = flbp->b_addr;
	agfl->agfl_bno[last] = cpu_to_be32(bno);
	flbp->b_type = DX_BLFT_AGFL;
	dx_trans_log_buf(tp, flbp, offsetof(struct dx_agfl, agfl_bno) + last * sizeof(__be32),
			 offsetof(struct dx_agfl, agfl_bno) + (last + 1) * sizeof(__be32) - 1);
	dx_trans_brelse(tp, flbp);
	return 0;
}

/**
 * dx_alloc_min_freelist - blocks that the AGFL of an AG must hold before a change
 * @mp: mount
 * @pag: AG, its copies valid
 *
 * A change can split each level of both trees and add a root.
 */
u32 dx_alloc_min_freelist(struct dx_mount *mp, struct dx_perag *pag)
{
	return min_t(u32, pag->levels[DX_BTNUM_BNO] + 1, mp->alloc_maxlevels) +
	       min_t(u32, pag->levels[DX_BTNUM_CNT] + 1, mp->alloc_maxlevels);
}

/**
 * dx_alloc_set_aside - fsblocks of the volume that no reservation may take
 * @mp: mount, geometry known
 *
 * Per AG: a full AGFL for trees of any height, and what one extent map btree
 * split may need in the AG where the data went.  So a reservation that succeeded finds its blocks.
 */
u64 dx_alloc_set_aside(struct dx_mount *mp)
{
	return (u64)mp->sb.agcount * (2 * mp->alloc_maxlevels + max_t(u32, mp->bm_maxlevels[0], 4));
}

/**
 * dx_alloc_ag_max_usable - the longest extent that can ever be allocated
 * @mp: mount
 *
 * A full-size AG without its headers, tree roots and AGFL.
 */
u32 dx_alloc_ag_max_usable(struct dx_mount *mp)
{
	u32 blocks = dx_b_to_fsb(mp, (DX_AGFL_SECT + 1) * mp->sb.sectsize);	/* AG headers */

	blocks += 2 + 1;						/* bnobt, cntbt and inobt roots */
	blocks += 2 * mp->alloc_maxlevels;				/* AGFL */
	if (dx_has_finobt(mp))
		blocks++;
	if (dx_has_rmapbt(mp))
		blocks++;
	if (dx_has_reflink(mp))
		blocks++;
	return mp->sb.agblocks > blocks ? mp->sb.agblocks - blocks : 0;
}

/**
 * dx_alloc_longest_free - longest extent that can be taken from an AG now
 * @mp: mount
 * @pag: AG
 *
 * The AGFL may have to be refilled from the same extent first.
 */
dx_extlen_t dx_alloc_longest_free(struct dx_mount *mp, struct dx_perag *pag)
{
	u32 need = dx_alloc_min_freelist(mp, pag), longest = READ_ONCE(pag->longest);
	u32 have = READ_ONCE(pag->flcount), delta = need > have ? need - have : 0;

	return longest > delta ? longest - delta : 0;
}

/*
 * Can @args be satisfied from this AG, as far as totals tell?  Clamps
 * args->maxlen to what is there when @clamp.
 */
static bool space_available(struct dx_alloc_arg *args, struct dx_perag *pag, bool clamp)
{
	struct dx_mount *mp = args->mp;
	u32 need = dx_alloc_min_freelist(mp, pag);
	u64 len = (u64)args->minlen + max_t(u32, args->alignment, 1) - 1 + args->minalignslop;
	s64 avail;

	/*
	 * An unaligned extent may still hold an aligned one; but going ahead on a chance
	 * could leave the transaction dirty (AGFL refilled) with nothing to show for it.
	 */
	if (dx_alloc_longest_free(mp, pag) < len)
		return false;
	avail = (s64)READ_ONCE(pag->freeblks) + min_t(u32, READ_ONCE(pag->flcount), need) - need - args->minleft;
	if (avail < (s64)max_t(u64, args->total, args->minlen))
		return false;
	if (clamp && avail < args->maxlen)
		args->maxlen = avail;
	return true;
}

/**
 * dx_alloc_fix_freelist - lock an AGF and make its AGFL ready for a change
 * @args: what is to be allocated; ->maxlen is clamped to what the AG has
 * @agno: AG
 * @agbpp: out: locked AGF in the transaction; NULL when the AG cannot serve
 *         (no space, or locked by somebody else with DX_FIX_TRYLOCK)
 * @flags: DX_FIX_*
 *
 * AGF lock order is the caller's concern (L1).  Returns 0 or -errno.
 */
int dx_alloc_fix_freelist(struct dx_alloc_arg *args, dx_agno_t agno, struct dx_buf **agbpp, u32 flags)
{
	struct dx_mount *mp = args->mp;
	struct dx_perag *pag = &mp->perag[agno];
	struct dx_buf *agbp = NULL;
	bool freeing = flags & DX_FIX_FREEING;
	u32 need;
	int error;

	*agbpp = NULL;
	if (pag->agf_init && !freeing && !space_available(args, pag, false))
		return 0;
	error = dx_agf_read(mp, args->tp, agno, flags & DX_FIX_TRYLOCK ? DX_READ_TRYLOCK : 0, &agbp);
	if (error)
		return error == -EAGAIN && (flags & DX_FIX_TRYLOCK) ? 0 : error;
	if (!agfl_ring_ok(mp, agbp->b_addr)) {
		error = dx_corrupt(mp, "AGF", agbp->b_daddr, "agf_flcount");
		goto out;
	}
	if (!freeing && !space_available(args, pag, true))
		goto out;

	/*
	 * Too long: the trees shrank.  One block at a time bounds what a single
	 * transaction logs; more only when the ring itself gets full.
	 */
	need = dx_alloc_min_freelist(mp, pag);
	while (pag->flcount > need) {
		dx_agbno_t bno;

		error = dx_alloc_get_freelist(args->tp, agbp, agno, &bno, false);
		if (error)
			goto out;
		error = dx_alloc_free_ag_extent(args->tp, agbp, agno, bno, 1);
		if (error)
			goto out;
		need = dx_alloc_min_freelist(mp, pag);
		if (pag->flcount < mp->agfl_size / 2)
			break;
	}

	/* Too short: refill, as far as there is space. */
	while (pag->flcount < (need = dx_alloc_min_freelist(mp, pag))) {
		dx_agbno_t bno;
		dx_extlen_t len;

		error = dx_alloc_for_agfl(args->tp, agbp, agno, need - pag->flcount, &bno, &len);
		if (error)
			goto out;
		if (!len)
			break;		/* only when freeing: then the trees cannot grow much */
		for (; len; len--, bno++) {
			error = dx_alloc_put_freelist(args->tp, agbp, agno, bno, false);
			if (error)
				goto out;
		}
	}
	if (pag->flcount < need && !freeing)
		goto out;
	*agbpp = agbp;
	return 0;
out:
	dx_trans_brelse(args->tp, agbp);
	return error;
}
