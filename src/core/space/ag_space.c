// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of an AG, and of the volume, may be taken.
 *
 * Not all that is free is to be given away.  An AG keeps what its free list must be refilled
 * with, and what is set aside for its trees (agresv.c).  The volume keeps
 * dx_alloc_set_aside() more, so that whoever has reserved blocks of the volume also
 * finds them: summed over all AGs there is always as much to take as transactions have
 * reserved, and beyond that, on the average of an AG, one more split of an extent map.  Hence some AG has
 * room for a block together with that split.
 *
 * The perag copies are read without the AGF's lock to pick an AG, and again
 * under it to be sure.
 */
#include "dx_alloc_int.h"

/* Of a tree that becomes @levels high: all below its new root split, and in what refills the list once more below the old one. */
static u32 for_tree(u32 levels)
{
	return max(levels, 2 * levels - 2);
}

/**
 * dx_agfl_need - blocks that the free list of an AG must hold before a change
 * @mp: mount
 * @pag: AG, its copies valid
 *
 * In each of the free space trees, and in that of owners, every level may split, and a new root come on top; in the tree by size
 * two records may come into leaves that are full.
 */
u32 dx_agfl_need(struct dx_mount *mp, struct dx_perag *pag)
{
	u32 blocks = 0;
	int t;

	for (t = DX_BTNUM_BNO; t <= DX_BTNUM_CNT; t++)
		blocks += for_tree(min_t(u32, mp->alloc_maxlevels, READ_ONCE(pag->levels[t]) + 1));
	if (mp->rmap_maxlevels)
		blocks += for_tree(min_t(u32, mp->rmap_maxlevels, READ_ONCE(pag->levels[DX_BTNUM_RMAP]) + 1));
	return blocks;
}

/**
 * dx_alloc_set_aside - fsblocks of the volume that no reservation may take
 * @mp: mount, geometry known
 *
 * For each AG the longest free list, and one extent map that splits up to its root.  Stock XFS counts with eight
 * blocks an AG whatever its size: df shows one or, where AGs are large, up to nine more an AG there; with rmapbt also up to twice
 * as many more as that tree can have levels.
 */
u64 dx_alloc_set_aside(struct dx_mount *mp)
{
	u32 freelist = 2 * for_tree(mp->alloc_maxlevels), split = max_t(u32, 4, mp->bm_maxlevels[0]);

	if (mp->rmap_maxlevels)
		freelist += for_tree(mp->rmap_maxlevels);
	return (u64)dx_agcount(mp) * (freelist + split);
}

/**
 * dx_ag_max_usable - the longest extent that can ever be allocated
 * @mp: mount
 *
 * A whole AG that holds nothing but its headers, the roots of its trees and a full free list.
 */
u32 dx_ag_max_usable(struct dx_mount *mp)
{
	u32 headers = dx_b_to_fsb(mp, (DX_AGFL_SECT + 1) * mp->sb.sectsize);
	u32 roots = 3 + !!dx_has_finobt(mp) + !!dx_has_rmapbt(mp) + !!dx_has_reflink(mp);
	u32 fixed = headers + roots + 2 * mp->alloc_maxlevels + mp->rmap_maxlevels;

	return fixed < mp->sb.agblocks ? mp->sb.agblocks - fixed : 0;
}

/**
 * dx_ag_avail - blocks of an AG that may be taken now
 * @mp: mount
 * @pag: AG, its copies valid
 * @kind: tree that asks: it may take what is set aside for it
 *
 * Negative when the AG lacks blocks for its own needs.
 */
s64 dx_ag_avail(struct dx_mount *mp, struct dx_perag *pag, enum dx_agresv_kind kind)
{
	s64 need = dx_agfl_need(mp, pag);

	return READ_ONCE(pag->freeblks) - (need - min_t(s64, need, READ_ONCE(pag->flcount))) -
	       dx_agresv_held(pag, kind);
}

/**
 * dx_alloc_longest_free - longest extent that can be taken from an AG now
 * @mp: mount
 * @pag: AG, its copies valid
 *
 * What the free list lacks may have to come out of the same extent.
 */
dx_extlen_t dx_alloc_longest_free(struct dx_mount *mp, struct dx_perag *pag)
{
	u32 need = dx_agfl_need(mp, pag), have = READ_ONCE(pag->flcount);
	s64 longest = READ_ONCE(pag->longest);

	if (have < need)
		longest -= need - have;
	return max_t(s64, 0, min(longest, dx_ag_avail(mp, pag, DX_AGRESV_NONE)));
}

/**
 * dx_ag_can_serve - might a request be satisfied from an AG, as far as totals tell?
 * @args: request
 * @pag: AG, its copies valid
 * @last: take also what is set aside for others and what the request would leave behind
 * @most: out, when true: no more than so many blocks may be taken
 */
bool dx_ag_can_serve(const struct dx_alloc_arg *args, struct dx_perag *pag, bool last, dx_extlen_t *most)
{
	struct dx_mount *mp = args->mp;
	u32 need = dx_agfl_need(mp, pag), have = READ_ONCE(pag->flcount);
	u64 len = (u64)args->minlen + max_t(u32, args->alignment, 1) - 1 + args->minalignslop;
	s64 avail = dx_ag_avail(mp, pag, args->resv), longest = READ_ONCE(pag->longest);

	if (last)
		avail += dx_agresv_held(pag, args->resv);
	else
		avail -= args->minleft;
	if (avail < max_t(s64, args->minlen, last ? 0 : args->total))
		return false;
	/*
	 * An extent that is not aligned may still have a part that is; but to go ahead on a
	 * chance could leave the transaction dirty (free list refilled) with nothing to show for it.  A single
	 * block is no chance: refilled from others, the list leaves as many as @avail says.  Who says that it is worth
	 * one gets it where the list is complete.
	 */
	if (have < need)
		longest -= need - have;
	else if (args->chance)
		len = args->minlen;
	if (longest < (s64)len && len > 1)
		return false;
	*most = min_t(s64, avail, args->maxlen);
	return true;
}
