// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that share blocks: cloning, and the flag that says that a file may.
 *
 * A clone goes from run to run of what maps the two ranges: one transaction gives the blocks of the source an owner more, puts
 * them into the map of the destination and takes an owner from what was there, the counts and reverse mappings following
 * as deferred work.  So a crash leaves each run as it was or as it shall be, and never a hole.  The cost is that of the runs:
 * nothing is looked at twice.
 *
 * Lock context: a full lockout of both files, no ILOCK.  Both ILOCKs are held to the end of each chain: the source must not lose
 * the blocks before they have been counted.
 */
#include "dx_cow.h"
#include "dx_bmap_int.h"

/* @set and @clear: DX_DIFLAG2_*; @cowextsize: blocks, 0 leaves it. */
static int change_flags(struct dx_inode *ip, u64 set, u64 clear, u32 cowextsize)
{
	struct dx_trans *tp;
	int error;

	error = dx_quota_attach(ip);
	if (!error)
		error = dx_trans_alloc(ip->mp, DX_RESV_ICHANGE, 0, 0, &tp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	ip->d.flags2 = (ip->d.flags2 & ~clear) | set;
	if (cowextsize)
		ip->d.cowextsize = cowextsize;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	return dx_trans_commit(tp);
}

int dx_reflink_set_flag(struct dx_inode *ip)
{
	return dx_inode_shares(ip) ? 0 : change_flags(ip, DX_DIFLAG2_REFLINK, 0, 0);
}

int dx_reflink_clear_flag(struct dx_inode *ip)
{
	return dx_inode_shares(ip) ? change_flags(ip, 0, DX_DIFLAG2_REFLINK, 0) : 0;
}

int dx_reflink_try_clear(struct dx_inode *ip)
{
	dx_filblks_t n = 0;
	dx_fileoff_t at;
	int error;

	if (!dx_inode_shares(ip))
		return 0;
	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (!error)
		error = dx_bmap_last_offset(ip, DX_DATA_FORK, &at);
	if (!error)
		error = dx_reflink_find_shared(ip, 0, at, &at, &n);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	if (error || n)
		return error;
	error = dx_cow_cancel_all(ip);
	return error ? error : change_flags(ip, 0, DX_DIFLAG2_REFLINK, 0);
}

int dx_reflink_inherit(struct dx_inode *src, struct dx_inode *dst)
{
	if (!(src->d.flags2 & DX_DIFLAG2_COWEXTSIZE) || dst->d.flags2 & DX_DIFLAG2_COWEXTSIZE ||
	    !dx_cowextsize_ok(src->mp, src->d.cowextsize))
		return 0;
	return change_flags(dst, DX_DIFLAG2_COWEXTSIZE, 0, src->d.cowextsize);
}

/* ---- clone ------------------------------------------------------------------------------- */

/*
 * Does the AG have blocks for one owner more of its blocks?  Owners are not bounded by blocks, as other things that its trees
 * have records of; who shares blocks asks before, for others must find room there for what they cannot do without.
 */
static bool ag_may_share(struct dx_mount *mp, dx_fsbno_t fsbno)
{
	static const enum dx_agresv_kind kinds[] = { DX_AGRESV_RMAPBT, DX_AGRESV_REFCOUNTBT };
	struct dx_perag *pag = dx_perag(mp, dx_fsb_to_agno(mp, fsbno));
	unsigned int i;

	if (!dx_has_rmapbt(mp))
		return true;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		u32 most = READ_ONCE(pag->resv[kinds[i]].most);

		if (dx_ag_avail(mp, pag, kinds[i]) < max_t(s64, most / 10, DX_BTREE_MAXLEVELS))
			return false;
	}
	return dx_agresv_may_split(mp, fsbno);
}

struct clone {
	struct dx_inode	*src, *dst;
	dx_fileoff_t	soff, doff;
	dx_filblks_t	left;
};

/* The next runs of which something is to be done: @s shall map what @d maps, part of @dwhole.  False: there are none. */
static bool next_runs(struct clone *c, struct dx_irec *s, struct dx_irec *d, struct dx_irec *dwhole)
{
	struct dx_irec swhole;

	while (c->left) {
		dx_bmap_run(c->src, c->soff, c->left, s, &swhole);
		dx_bmap_run(c->dst, c->doff, s->blockcount, d, dwhole);
		if (dx_irec_is_delay(d)) {
			dx_bmap_punch_delalloc(c->dst, d->startoff, d->blockcount);
			continue;
		}
		s->blockcount = d->blockcount;
		/* delayed: nobody has written there, for that has gone to the disk */
		if (!dx_irec_is_real(s) || s->state != DX_EXT_NORM)
			s->startblock = DX_HOLESTARTBLOCK;
		if (s->startblock != d->startblock)
			return true;
		c->soff += d->blockcount;
		c->doff += d->blockcount;
		c->left -= d->blockcount;
	}
	return false;
}

static int exchange(struct dx_trans *tp, struct clone *c, const struct dx_irec *s, const struct dx_irec *d,
		    const struct dx_irec *dwhole)
{
	bool get = dx_irec_is_real(s), lose = dx_irec_is_real(d);
	struct dx_irec mid = *s;
	struct dx_bmap_edit e;
	int error;

	if (get && !ag_may_share(tp->t_mp, s->startblock))
		return -ENOSPC;
	if (lose && !dx_bmap_may_cut(c->dst, dwhole, d->startoff, dx_irec_end(d)))
		return -ENOSPC;
	/* shared or not, each owner pays for all */
	error = get && !lose ? dx_quota_reserve(c->dst, d->blockcount) : 0;
	if (error)
		return error;
	mid.startoff = d->startoff;
	dx_bmap_edit_begin(&e, tp, c->dst, DX_DATA_FORK);
	error = dx_bmap_check_growth(&e, d->startoff, lose ? 1 + get : 1);
	if (!error && !lose)
		error = dx_delalloc_expect(NULL, c->dst, d->blockcount, dx_fork_inline_max(c->dst, DX_DATA_FORK));
	if (!error) {
		/* first, for it may be the same blocks that go */
		if (get)
			dx_defer_refcount(tp, DX_CUI_INCREASE, s->startblock, s->blockcount);
		error = dx_bmap_remap(&e, lose ? dwhole : NULL, get ? &mid : NULL, d->startoff, d->blockcount);
	}
	if (!error && lose)
		error = dx_bmap_lose_blocks(tp, c->dst, DX_DATA_FORK, d->startblock, d->blockcount);
	if (!error && get)
		c->dst->d.nblocks += d->blockcount;
	if (!error && lose)
		c->dst->d.nblocks -= d->blockcount;
	return dx_bmap_edit_end(&e, error);
}

static int clone_step(struct clone *c)
{
	struct dx_mount *mp = c->dst->mp;
	struct dx_irec s, d, dwhole;
	dx_filblks_t moved = 0;
	struct dx_trans *tp;
	int error;

	error = dx_quota_attach(c->dst) ?: dx_quota_attach(c->src);
	if (error)
		return error;
	error = dx_trans_alloc(mp, DX_RESV_WRITE, 2 * mp->bm_maxlevels[DX_DATA_FORK], 0, &tp);
	if (error)
		return error;
	dx_ilock_two(c->src, c->dst);
	dx_trans_ijoin(tp, c->dst, 0);
	if (c->src != c->dst)
		dx_trans_ijoin(tp, c->src, 0);
	error = dx_iread_extents(tp, c->src, DX_DATA_FORK);
	if (!error)
		error = dx_iread_extents(tp, c->dst, DX_DATA_FORK);
	if (!error && next_runs(c, &s, &d, &dwhole)) {
		error = exchange(tp, c, &s, &d, &dwhole);
		moved = d.blockcount;
	}
	error = dx_trans_end(tp, error);
	if (!error) {		/* what was not committed nobody is told of */
		c->soff += moved;
		c->doff += moved;
		c->left -= moved;
	}
	dx_iunlock(c->dst, DX_ILOCK_EXCL);
	if (c->src != c->dst)
		dx_iunlock(c->src, DX_ILOCK_EXCL);
	return error;
}

int dx_reflink_remap(struct dx_inode *src, u64 soff_bytes, struct dx_inode *dst, u64 doff_bytes, u64 len_bytes, u64 *done)
{
	struct dx_mount *mp = dst->mp;
	struct clone c = {
		.src = src, .dst = dst, .soff = dx_b_to_fsbt(mp, soff_bytes), .doff = dx_b_to_fsbt(mp, doff_bytes),
		.left = dx_b_to_fsb(mp, len_bytes),
	};
	dx_filblks_t all = c.left;
	int error;

	*done = 0;
	if ((soff_bytes | doff_bytes) & mp->blockmask || src->mp != mp || !dx_has_reflink(mp) ||
	    (src == dst && c.soff < c.doff + all && c.doff < c.soff + all))
		return -EINVAL;
	if (max(c.soff, c.doff) + all > dx_file_end(mp))
		return -EFBIG;
	if (!all)
		return 0;
	error = dx_reflink_set_flag(src);
	if (!error)
		error = dx_reflink_set_flag(dst);
	if (!error)
		error = dx_cow_cancel(dst, doff_bytes, len_bytes, true);
	while (!error && c.left) {
		error = dx_plat_killed() ? -EINTR : clone_step(&c);	/* a million steps may be left */
		*done = min(len_bytes, dx_fsb_to_b(mp, all - c.left));
	}
	return error;
}
