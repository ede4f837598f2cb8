// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference count btree of an AG (refcountbt): which blocks of files have more than one owner, and how many.  refcount.c
 * changes its records.
 *
 * Two kinds of records, in two domains that the highest bit of the start tells apart.  Shared: runs of blocks that two or more
 * extents of files map; what one maps has no record.  Staged: blocks taken to be the copy of shared ones, no file's as yet; their
 * count is 1.  Within a domain records do not overlap, and neighbours with the same count are one.
 *
 * Its blocks come from the AG, out of what is set aside for it (agresv.c): it can grow when a part of a shared run is
 * freed, so it must find a block in an AG that is full.
 *
 * Locks: the AGF, its free list ready (dx_alloc_begin_change()) to change.
 * Source: "Reference Count B+tree".
 */
#include "dx_alloc_int.h"

static u32 refcount_maxrecs(struct dx_btree_cur *cur, int level)
{
	return cur->mp->refc_mxr[level > 0];
}

static u32 refcount_minrecs(struct dx_btree_cur *cur, int level)
{
	return cur->mp->refc_mnr[level > 0];
}

static void log_agf(struct dx_btree_cur *cur)
{
	/* blocks, root and level follow each other */
	dx_agf_log(cur->tp, cur->agbp, offsetof(struct dx_agf, agf_refcntblocks), 3 * sizeof(__be32));
}

static u64 refcount_get_root(struct dx_btree_cur *cur)
{
	return be32_to_cpu(((struct dx_agf *)cur->agbp->b_addr)->agf_refcntroot);
}

static void refcount_set_root(struct dx_btree_cur *cur, u64 ptr, int level_delta)
{
	struct dx_agf *agf = cur->agbp->b_addr;

	agf->agf_refcntroot = cpu_to_be32((u32)ptr);
	be32_add_cpu(&agf->agf_refcntlevel, level_delta);
	dx_perag(cur->mp, cur->agno)->levels[DX_BTNUM_REFC] += level_delta;
	log_agf(cur);
}

/* The root counts, too. */
static void count_block(struct dx_btree_cur *cur, int delta)
{
	be32_add_cpu(&((struct dx_agf *)cur->agbp->b_addr)->agf_refcntblocks, delta);
	log_agf(cur);
}

static int refcount_alloc_block(struct dx_btree_cur *cur, u64 near, u64 *ptr)
{
	struct dx_alloc_arg args = {
		.tp = cur->tp,
		.mp = cur->mp,
		.fsbno = dx_agb_to_fsb(cur->mp, cur->agno, near),
		.type = DX_ALLOC_NEAR,
		.minlen = 1,
		.maxlen = 1,
		.prod = 1,
		.alignment = 1,
		.resv = DX_AGRESV_REFCOUNTBT,
		.must = true,
		.owner = dx_own_refc,
	};
	int error;

	*ptr = DX_BT_NULLPTR;
	error = dx_alloc_extents(&args);
	if (error || args.fsbno == DX_NULLFSBNO)
		return error;
	*ptr = dx_fsb_to_agbno(cur->mp, args.fsbno);
	count_block(cur, 1);
	return 0;
}

static int refcount_free_block(struct dx_btree_cur *cur, struct dx_buf *bp)
{
	struct dx_mount *mp = cur->mp;
	u64 agbb = dx_fsb_to_bb(mp, mp->sb.agblocks);
	dx_agbno_t bno = dx_bb_to_fsbt(mp, bp->b_daddr - agbb * cur->agno);

	count_block(cur, -1);
	return dx_free_extent_of(cur->tp, dx_agb_to_fsb(mp, cur->agno, bno), 1, DX_AGRESV_REFCOUNTBT, &dx_own_refc);
}

static void refcount_rec_from_disk(const void *disk, union dx_btree_rec *rec)
{
	const struct dx_refcount_rec *r = disk;

	rec->refc.startblock = be32_to_cpu(r->rc_startblock);
	rec->refc.blockcount = be32_to_cpu(r->rc_blockcount);
	rec->refc.refcount = be32_to_cpu(r->rc_refcount);
}

static void refcount_rec_to_disk(void *disk, const union dx_btree_rec *rec)
{
	struct dx_refcount_rec *r = disk;

	r->rc_startblock = cpu_to_be32(rec->refc.startblock);
	r->rc_blockcount = cpu_to_be32(rec->refc.blockcount);
	r->rc_refcount = cpu_to_be32(rec->refc.refcount);
}

static void refcount_key_from_disk(const void *disk, union dx_btree_key *key)
{
	key->refc.startblock = get_unaligned_be32(disk);
}

static void refcount_key_to_disk(void *disk, const union dx_btree_key *key)
{
	put_unaligned_be32(key->refc.startblock, disk);
}

static void refcount_key_from_rec(const union dx_btree_rec *rec, union dx_btree_key *key)
{
	key->refc.startblock = rec->refc.startblock;
}

static int refcount_key_cmp(const union dx_btree_key *a, const union dx_btree_key *b)
{
	return a->refc.startblock < b->refc.startblock ? -1 : a->refc.startblock > b->refc.startblock;
}

static const char *refcount_check_rec(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	u32 start = rec->refc.startblock & ~DX_REFC_COWFLAG, count = rec->refc.blockcount;

	if (!dx_verify_agbno(cur->mp, cur->agno, start))
		return "rc_startblock";
	if (!count || count > dx_perag(cur->mp, cur->agno)->length - start)
		return "rc_blockcount";
	if (rec->refc.startblock & DX_REFC_COWFLAG ? rec->refc.refcount != 1 : rec->refc.refcount < 2)
		return "rc_refcount";
	return NULL;
}

static int refcountbt_verify(struct dx_buf *bp)
{
	return dx_btree_block_verify(bp, DX_REFC_CRC_MAGIC, false, bp->b_mp->refc_maxlevels, bp->b_mp->refc_mxr);
}

static int refcountbt_verify_read(struct dx_buf *bp)
{
	int error = dx_btree_block_verify_crc(bp, false);

	return error ? error : refcountbt_verify(bp);
}

static int refcountbt_verify_write(struct dx_buf *bp)
{
	int error = refcountbt_verify(bp);

	if (!error)
		dx_btree_block_stamp(bp, false);
	return error;
}

const struct dx_buf_ops dx_refcountbt_buf_ops = {
	.name = "refcount btree block",
	.magic32 = DX_REFC_CRC_MAGIC,
	.verify_read = refcountbt_verify_read,
	.verify_write = refcountbt_verify_write,
};

static const struct dx_btree_ops refcountbt_ops = {
	.name = "refcountbt",
	.magic = DX_REFC_CRC_MAGIC,
	.rec_len = sizeof(struct dx_refcount_rec),
	.key_len = sizeof(__be32),
	.buf_ops = &dx_refcountbt_buf_ops,
	.maxrecs = refcount_maxrecs,
	.minrecs = refcount_minrecs,
	.owner = dx_agftree_owner,
	.get_root = refcount_get_root,
	.set_root = refcount_set_root,
	.alloc_block = refcount_alloc_block,
	.free_block = refcount_free_block,
	.rec_from_disk = refcount_rec_from_disk,
	.rec_to_disk = refcount_rec_to_disk,
	.key_from_disk = refcount_key_from_disk,
	.key_to_disk = refcount_key_to_disk,
	.key_from_rec = refcount_key_from_rec,
	.key_cmp = refcount_key_cmp,
	.check_rec = refcount_check_rec,
};

/**
 * dx_refcountbt_cursor - cursor over a reference count btree
 * @mp: mount with reflink
 * @tp: transaction, or NULL to read
 * @agbp: locked AGF buffer of the AG; must outlive the cursor
 * @agno: AG
 */
struct dx_btree_cur *dx_refcountbt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno)
{
	const struct dx_agf *agf = agbp->b_addr;
	struct dx_btree_cur *cur;

	cur = dx_btree_new_cursor(mp, tp, DX_BTNUM_REFC, &refcountbt_ops, be32_to_cpu(agf->agf_refcntlevel));
	cur->agno = agno;
	cur->agbp = agbp;
	return cur;
}

/* ---- blocks set aside for it ---- */

static bool refcountbt_present(struct dx_mount *mp)
{
	return dx_has_reflink(mp);
}

/* At worst every block has a record of its own. */
static u32 refcountbt_most(struct dx_mount *mp, struct dx_perag *pag)
{
	return dx_agresv_sparsest(mp->refc_mnr, dx_agresv_usable(mp, pag));
}

static int refcountbt_used(struct dx_mount *mp, struct dx_perag *pag, struct dx_buf *agibp, u32 *blocks)
{
	struct dx_buf *agfbp;
	int error = dx_agf_read(mp, NULL, pag->agno, 0, &agfbp);

	(void)agibp;
	if (error)
		return error;
	*blocks = be32_to_cpu(((struct dx_agf *)agfbp->b_addr)->agf_refcntblocks);
	dx_buf_leave(agfbp);
	return 0;
}

const struct dx_agresv_tree dx_refcountbt_resv = {
	.name = "refcountbt", .need = "reference counts", .present = refcountbt_present, .most = refcountbt_most,
	.used = refcountbt_used,
};
