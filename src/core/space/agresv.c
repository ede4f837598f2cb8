// SPDX-License-Identifier: GPL-2.0-only
/*
 * AG reservations: blocks that a tree inside an AG may need to grow are set aside in that AG.
 *
 * Some trees grow when something is given back: the finobt gets a record when an inode is freed.
 * Their blocks must come from their own AG, which may be full, and at a moment when there is
 * no way back.  So each AG sets aside, for every kind of such a tree, what it can still grow by:
 * the most that it can ever have there, less what it has.
 *
 * The rmapbt is made of blocks that count as free (alloc_btree.c), and gets them through the free list, which takes any: what is
 * set aside for it is never given to others, so the list can be filled again.
 *
 * The refcountbt grows when a part of what is shared is freed, or copied.
 *
 * Blocks that are shared have a record in the rmapbt for each of their owners, and each cut in one's extent is one record more:
 * nothing bounds them.  So when what was set aside at first is used up, more is, out of free space of the AG (top_up()); and where
 * there is none who would cut what is shared is told so before he changes anything (dx_agresv_may_split()), a copy on write when
 * it is begun, for when it comes in it has been promised.
 *
 * No particular blocks are set aside, only a number of them (->reserved).  They are free on disk, but
 * the counter that users take from (mp->fdblocks) does not have them, and the
 * allocator does not give an AG's last ones to others (dx_ag_avail()).  The tree's own
 * allocations take from the number, and the blocks that it frees go back to it.
 *
 * An AG may be too full when the volume is mounted: whoever filled it did not set anything aside.  Then it
 * sets aside what there is, and what is freed in it goes there first.  Meanwhile its trees may find
 * nothing, so who would make them grow asks before he changes anything (dx_difree_prepare()).
 *
 * A further tree joins with a table (struct dx_agresv_tree) that the mount hands down, and with its kind in struct dx_alloc_arg and
 * dx_free_extent_of() where its blocks come and go.
 *
 * Locks: the numbers of an AG change under its AGF.
 */
#include "dx_alloc_int.h"

/**
 * dx_agresv_usable - blocks of an AG that may come to hold anything
 * @mp: the mount
 * @pag: the AG
 *
 * The log never goes away.
 */
u64 dx_agresv_usable(struct dx_mount *mp, struct dx_perag *pag)
{
	u64 blocks = pag->length;

	if (dx_fsb_to_agno(mp, mp->sb.logstart) == pag->agno)
		blocks -= min_t(u64, blocks, mp->sb.logblocks);
	return blocks;
}

/**
 * dx_agresv_sparsest - blocks of a tree when none holds more than it must
 * @mnr: fewest records of a leaf, fewest entries of a node
 * @recs: records
 */
u64 dx_agresv_sparsest(const u32 mnr[2], u64 recs)
{
	u64 level = DIV_ROUND_UP_ULL(recs, mnr[0]), sum = level;

	while (level > 1) {
		level = DIV_ROUND_UP_ULL(level, mnr[1]);
		sum += level;
	}
	return sum;
}

/* ---- numbers ---- */

/* What a tree of this kind may still grow by, and has not set aside. */
static u32 lacks(const struct dx_agresv *r)
{
	u32 want = r->most > r->used ? r->most - r->used : 0;

	return want > r->reserved ? want - r->reserved : 0;
}

static void set_aside(struct dx_perag *pag, enum dx_agresv_kind kind, u32 blocks)
{
	pag->resv[kind].reserved += blocks;
	WRITE_ONCE(pag->resv_held, pag->resv_held + blocks);
	atomic64_add(blocks, &pag->mp->agresv_blks);
}

static void use_up(struct dx_perag *pag, enum dx_agresv_kind kind, u32 blocks)
{
	pag->resv[kind].reserved -= blocks;
	WRITE_ONCE(pag->resv_held, pag->resv_held - blocks);
	atomic64_sub(blocks, &pag->mp->agresv_blks);
}

/**
 * dx_agresv_held - free blocks of an AG that are not for this kind
 * @pag: AG
 * @kind: who asks; DX_AGRESV_NONE: everybody else
 *
 * Context: AGF locked, or a guess.
 */
u32 dx_agresv_held(const struct dx_perag *pag, enum dx_agresv_kind kind)
{
	u32 held = READ_ONCE(pag->resv_held);

	return kind == DX_AGRESV_NONE ? held : held - min(held, READ_ONCE(pag->resv[kind].reserved));
}

/**
 * dx_agresv_short - blocks that a tree may need beyond what is set aside for it
 * @pag: AG
 * @kind: of the tree
 * @need: fsblocks
 */
u32 dx_agresv_short(const struct dx_perag *pag, enum dx_agresv_kind kind, u32 need)
{
	u32 have = READ_ONCE(pag->resv[kind].reserved);

	return need > have ? need - have : 0;
}

/**
 * dx_agresv_take - a tree has allocated blocks: account for them
 * @tp: transaction, AGF locked in it
 * @pag: AG
 * @kind: of the tree, not DX_AGRESV_NONE
 * @len: fsblocks
 *
 * What is not set aside comes out of the transaction's reservation, or else out of the counter.
 */
void dx_agresv_take(struct dx_trans *tp, struct dx_perag *pag, enum dx_agresv_kind kind, dx_extlen_t len)
{
	struct dx_agresv *r = &pag->resv[kind];
	u32 n = min(len, r->reserved);

	r->used += len;
	use_up(pag, kind, n);
	len -= n;
	n = min(len, tp->t_blk_res);
	dx_trans_mod_fdblocks(tp, -(s64)n, true);
	tp->t_fdblocks_delta -= len - n;
}

/**
 * dx_agresv_give - blocks were freed in an AG: what lacks there takes them, the counter gets the rest
 * @tp: transaction, AGF locked in it
 * @pag: AG
 * @kind: of the tree that they belonged to, or DX_AGRESV_NONE
 * @len: fsblocks
 *
 * A chain that may need again what a file gives back (DX_TRANS_KEEP_FREED) has it, whatever lacks.
 */
void dx_agresv_give(struct dx_trans *tp, struct dx_perag *pag, enum dx_agresv_kind kind, dx_extlen_t len)
{
	bool keep = kind == DX_AGRESV_NONE && (tp->t_flags & DX_TRANS_KEEP_FREED);
	int k;

	if (kind != DX_AGRESV_NONE)
		pag->resv[kind].used -= min(len, pag->resv[kind].used);
	for (k = DX_AGRESV_NONE + 1; k < DX_AGRESV_MAX && !keep; k++) {
		u32 n = min(len, lacks(&pag->resv[k]));

		if (n)
			set_aside(pag, k, n);
		len -= n;
	}
	dx_trans_mod_fdblocks(tp, len, false);
}

/*
 * What a tree that nothing bounds shall have left for cuts that are under way, and those of copies on write to come: how many of
 * these there will be nobody knows, and most extents that are staged for copies are wider than what is written.  Small AGs have
 * less to set aside.
 */
static u32 to_keep(struct dx_mount *mp, const struct dx_perag *pag)
{
	u32 cut = READ_ONCE(pag->levels[DX_BTNUM_RMAP]) + 1, most = READ_ONCE(pag->resv[DX_AGRESV_RMAPBT].most);

	return max(2 * cut, min(4 * cut + min_t(u32, 64, pag->length / 64), most / 2));
}

/* Free blocks that whoever is in the middle of a change counts on to be left. */
#define LEFT_TO_OTHERS	128

/* Set aside more for a tree that has outgrown what was. */
static void top_up(struct dx_perag *pag, enum dx_agresv_kind kind)
{
	struct dx_agresv *r = &pag->resv[kind];
	struct dx_mount *mp = pag->mp;
	u32 want;
	s64 n;

	if (!mp->agresv_trees[kind]->unbounded || !dx_has_reflink(mp))
		return;
	want = to_keep(mp, pag);
	if (r->reserved >= want)
		return;
	n = min_t(s64, 2 * want - r->reserved, dx_ag_avail(mp, pag, DX_AGRESV_NONE) - LEFT_TO_OTHERS);
	if (n <= 0 || dx_mod_fdblocks(mp, -n, false))
		return;
	set_aside(pag, kind, n);
	r->most = max(r->most, r->used + r->reserved);
}

/**
 * dx_agresv_may_split - may an extent of shared blocks be cut?
 * @mp: mount
 * @fsbno: one of its blocks
 *
 * To be asked before anything is changed, and for a copy on write before it is promised.  Without a lock: there is room for those
 * that ask at the same time.
 */
bool dx_agresv_may_split(struct dx_mount *mp, dx_fsbno_t fsbno)
{
	struct dx_perag *pag;

	if (!dx_has_rmapbt(mp) || !dx_has_reflink(mp))
		return true;
	pag = dx_perag(mp, dx_fsb_to_agno(mp, fsbno));
	return !pag->agf_init || dx_ag_avail(mp, pag, DX_AGRESV_RMAPBT) >= to_keep(mp, pag);
}

/**
 * dx_agresv_can_split - the same for what has been promised
 * @mp: mount
 * @fsbno: block of the extent
 *
 * False: somebody who could not be refused has had the last blocks of the AG.
 */
bool dx_agresv_can_split(struct dx_mount *mp, dx_fsbno_t fsbno)
{
	struct dx_perag *pag = dx_perag(mp, dx_fsb_to_agno(mp, fsbno));

	return !mp->rmap_maxlevels || !pag->agf_init || dx_ag_avail(mp, pag, DX_AGRESV_RMAPBT) >= 2 * mp->rmap_maxlevels;
}

/**
 * dx_agresv_in_free_space - a tree that counts as free space has got a block, or lost one
 * @pag: AG, AGF locked
 * @kind: of the tree
 * @delta: 1 or -1
 *
 * Its blocks are in the counter, and kept from users there (mp->allocbt_blks), so what is set aside is so in exchange for
 * nothing but the counter.
 */
void dx_agresv_in_free_space(struct dx_perag *pag, enum dx_agresv_kind kind, int delta)
{
	struct dx_agresv *r = &pag->resv[kind];

	if (delta > 0) {
		r->used++;
		if (r->reserved) {
			use_up(pag, kind, 1);
			percpu_counter_add(&pag->mp->fdblocks, 1);
		}
		top_up(pag, kind);
	} else {
		r->used -= min_t(u32, r->used, 1);
		if (!lacks(r))
			return;
		percpu_counter_add(&pag->mp->fdblocks, -1);
		set_aside(pag, kind, 1);
	}
}

/**
 * dx_agresv_lengthened - an AG is new, or has got longer: its trees may come to need more
 * @pag: AG, its AGF locked or the AG not known to others yet; of a new one ->used is set
 * @blocks: free blocks that it has got, not in the counter yet: these are set aside, as far as they go
 *
 * Return: how many of them were.
 */
u32 dx_agresv_lengthened(struct dx_perag *pag, u32 blocks)
{
	struct dx_mount *mp = pag->mp;
	s64 room = min_t(s64, blocks, dx_ag_avail(mp, pag, DX_AGRESV_NONE));
	u32 sum = 0, n;
	int k;

	for (k = DX_AGRESV_NONE + 1; k < DX_AGRESV_MAX; k++) {
		struct dx_agresv *r = &pag->resv[k];

		/* a tree whose blocks could not be counted has nothing set aside: see below */
		if (!mp->agresv_trees[k]->present(mp) || !r->used)
			continue;
		r->most = mp->agresv_trees[k]->most(mp, pag);
		n = clamp_t(s64, room - sum, 0, lacks(r));
		set_aside(pag, k, n);
		sum += n;
	}
	return sum;
}

/**
 * dx_agresv_shortened - an AG has got shorter: its trees need less
 * @pag: AG, its AGF locked
 *
 * What they need no more goes back to the counter.
 */
void dx_agresv_shortened(struct dx_perag *pag)
{
	struct dx_mount *mp = pag->mp;
	int k;

	for (k = DX_AGRESV_NONE + 1; k < DX_AGRESV_MAX; k++) {
		struct dx_agresv *r = &pag->resv[k];
		u32 want;

		if (!mp->agresv_trees[k]->present(mp) || !r->used)
			continue;
		r->most = mp->agresv_trees[k]->most(mp, pag);
		want = r->most > r->used ? r->most - r->used : 0;
		if (r->reserved <= want)
			continue;
		percpu_counter_add(&mp->fdblocks, r->reserved - want);
		use_up(pag, k, r->reserved - want);
	}
}

/* ---- mount ---- */

/* One AG; lack[] counts what could not be set aside. */
static int setup_ag(struct dx_mount *mp, struct dx_perag *pag, u64 lack[DX_AGRESV_MAX])
{
	struct dx_buf *agibp, *agfbp;
	int error, k;
	s64 room;

	error = dx_agi_read(mp, NULL, pag->agno, &agibp);
	if (error)
		return error;
	for (k = DX_AGRESV_NONE + 1; k < DX_AGRESV_MAX; k++) {
		struct dx_agresv *r = &pag->resv[k];

		*r = (struct dx_agresv) { };
		if (!mp->agresv_trees[k]->present(mp))
			continue;
		error = mp->agresv_trees[k]->used(mp, pag, agibp, &r->used);
		if (error) {
			dx_warn(mp, "AG %u: error %d counting the blocks of the %s; none are set aside for it",
				pag->agno, error, mp->agresv_trees[k]->name);
			r->used = 0;
			continue;
		}
		r->most = mp->agresv_trees[k]->most(mp, pag);
	}
	error = dx_agf_read(mp, NULL, pag->agno, 0, &agfbp);
	if (error)
		goto out;
	pag->resv_held = 0;
	room = dx_ag_avail(mp, pag, DX_AGRESV_NONE);
	for (k = DX_AGRESV_NONE + 1; k < DX_AGRESV_MAX; k++) {
		u32 n = clamp_t(s64, room, 0, lacks(&pag->resv[k]));

		set_aside(pag, k, n);
		percpu_counter_add(&mp->fdblocks, -(s64)n);
		room -= n;
		lack[k] += lacks(&pag->resv[k]);
	}
	dx_buf_leave(agfbp);
out:
	dx_buf_leave(agibp);
	return error;
}

/**
 * dx_agresv_setup - set aside what the trees of each AG may need
 * @mp: a mount that is about to write; the counters are set, nothing else runs
 *
 * Takes no more than there is, so it never fails for want of space.
 *
 * Return: 0 or -errno: nothing is set aside then.
 */
int dx_agresv_setup(struct dx_mount *mp)
{
	u64 lack[DX_AGRESV_MAX] = { };
	dx_agno_t agno;
	int error, k;

	atomic64_set(&mp->agresv_blks, 0);
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		error = setup_ag(mp, dx_perag(mp, agno), lack);
		if (error) {
			dx_agresv_release(mp);
			return error;
		}
	}
	for (k = 0; k < DX_AGRESV_MAX; k++)
		if (lack[k])
			dx_info(mp, "too full to set aside %llu blocks that %s may need: what is freed goes there first",
				(unsigned long long)lack[k], mp->agresv_trees[k]->need);
	return 0;
}

/**
 * dx_agresv_release - give back what is set aside
 * @mp: a mount that has stopped writing
 */
void dx_agresv_release(struct dx_mount *mp)
{
	dx_agno_t agno;

	for (agno = 0; agno < dx_agcount(mp); agno++) {
		struct dx_perag *pag = dx_perag(mp, agno);

		memset(pag->resv, 0, sizeof(pag->resv));
		pag->resv_held = 0;
	}
	percpu_counter_add(&mp->fdblocks, atomic64_xchg(&mp->agresv_blks, 0));
}
