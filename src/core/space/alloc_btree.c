// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two free space btrees of an AG: bnobt (by block) and cntbt (by length,
 * then block).  Every free extent of the AG is in both; alloc.c changes them
 * together.  Their own blocks come from and go to the AGFL, so that changing them never needs
 * an allocation from themselves.
 *
 * Locks: the AGF buffer is locked for the life of a cursor; it protects
 * the trees, the AGFL and the perag copies.
 *
 * Source: "AG Free Space B+trees" in the format specification.
 */
#include "dx_alloc_int.h"

static u32 alloc_maxrecs(struct dx_btree_cur *cur, int level)
{
	return cur->mp->alloc_mxr[level > 0];
}

static u32 alloc_minrecs(struct dx_btree_cur *cur, int level)
{
	return cur->mp->alloc_mnr[level > 0];
}

/**
 * dx_agftree_owner - whose blocks are in a tree with its root in the AGF
 * @cur: cursor
 *
 * Return: the AG, which is what a block of it says in its header.
 */
u64 dx_agftree_owner(struct dx_btree_cur *cur)
{
	return cur->agno;
}

/**
 * dx_agftree_get_root - where the root is
 * @cur: cursor, the AGF locked
 */
u64 dx_agftree_get_root(struct dx_btree_cur *cur)
{
	struct dx_agf *agf = cur->agbp->b_addr;

	return be32_to_cpu(agf->agf_roots[cur->btnum]);
}

/**
 * dx_agftree_set_root - another root, and its level
 * @cur: cursor, the AGF in the transaction
 * @ptr: agbno of the root
 * @level_delta: levels more
 */
void dx_agftree_set_root(struct dx_btree_cur *cur, u64 ptr, int level_delta)
{
	struct dx_agf *agf = cur->agbp->b_addr;
	struct dx_perag *pag = dx_perag(cur->mp, cur->agno);

	agf->agf_roots[cur->btnum] = cpu_to_be32((u32)ptr);
	be32_add_cpu(&agf->agf_levels[cur->btnum], level_delta);
	pag->levels[cur->btnum] += level_delta;
	dx_agf_log(cur->tp, cur->agbp, offsetof(struct dx_agf, agf_roots),
		   sizeof(agf->agf_roots) + sizeof(agf->agf_levels));
}

/**
 * dx_agftree_alloc_block - a block for the tree, from the AGFL
 * @cur: cursor, the AGF in the transaction
 * @near: not looked at: the AGFL has no order
 * @ptr: result
 *
 * Return: 0 or an error; an empty AGFL is corruption, for it was filled for as many as may be wanted.
 */
int dx_agftree_alloc_block(struct dx_btree_cur *cur, u64 near, u64 *ptr)
{
	dx_agbno_t bno;
	int error;

	*ptr = DX_BT_NULLPTR;
	error = dx_agfl_take(cur->tp, cur->agbp, cur->agno, &bno, true);
	if (error)
		return error;
	if (bno == DX_NULLAGBNO)
		return dx_corrupt(cur->mp, cur->ops->name, cur->agbp->b_daddr, "agf_flcount: AGFL ran empty in AG %u",
				  cur->agno);
	dx_busy_reuse(cur->mp, cur->agno, bno, 1, false);
	*ptr = bno;
	return 0;
}

/**
 * dx_agftree_free_block - a block of the tree goes back to the AGFL
 * @cur: cursor, the AGF in the transaction
 * @bp: the block
 */
int dx_agftree_free_block(struct dx_btree_cur *cur, struct dx_buf *bp)
{
	u64 agbb = dx_fsb_to_bb(cur->mp, cur->mp->sb.agblocks);
	dx_agbno_t bno = dx_bb_to_fsbt(cur->mp, bp->b_daddr - agbb * cur->agno);
	int error;

	error = dx_agfl_give(cur->tp, cur->agbp, cur->agno, bno, true);
	if (error)
		return error;
	/* it was metadata a moment ago and may soon be again: a discard would be wasted */
	dx_busy_insert(cur->tp, cur->agno, bno, 1, true);
	return 0;
}

static void alloc_rec_from_disk(const void *disk, union dx_btree_rec *rec)
{
	const struct dx_alloc_rec *r = disk;

	rec->alloc.startblock = be32_to_cpu(r->ar_startblock);
	rec->alloc.blockcount = be32_to_cpu(r->ar_blockcount);
}

static void alloc_rec_to_disk(void *disk, const union dx_btree_rec *rec)
{
	struct dx_alloc_rec *r = disk;

	r->ar_startblock = cpu_to_be32(rec->alloc.startblock);
	r->ar_blockcount = cpu_to_be32(rec->alloc.blockcount);
}

static void alloc_key_from_disk(const void *disk, union dx_btree_key *key)
{
	const struct dx_alloc_rec *r = disk;	/* keys look like records */

	key->alloc.startblock = be32_to_cpu(r->ar_startblock);
	key->alloc.blockcount = be32_to_cpu(r->ar_blockcount);
}

static void alloc_key_to_disk(void *disk, const union dx_btree_key *key)
{
	struct dx_alloc_rec *r = disk;

	r->ar_startblock = cpu_to_be32(key->alloc.startblock);
	r->ar_blockcount = cpu_to_be32(key->alloc.blockcount);
}

static void alloc_key_from_rec(const union dx_btree_rec *rec, union dx_btree_key *key)
{
	key->alloc.startblock = rec->alloc.startblock;
	key->alloc.blockcount = rec->alloc.blockcount;
}

static int cmp_u32(u32 a, u32 b)
{
	return a < b ? -1 : a > b;
}

static int bnobt_key_cmp(const union dx_btree_key *a, const union dx_btree_key *b)
{
	return cmp_u32(a->alloc.startblock, b->alloc.startblock);
}

static int cntbt_key_cmp(const union dx_btree_key *a, const union dx_btree_key *b)
{
	int c = cmp_u32(a->alloc.blockcount, b->alloc.blockcount);

	return c ? c : cmp_u32(a->alloc.startblock, b->alloc.startblock);
}

static const char *alloc_check_rec(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	u32 start = rec->alloc.startblock, count = rec->alloc.blockcount;

	if (!dx_verify_agbno(cur->mp, cur->agno, start))
		return "ar_startblock";
	if (!count || start + count < start || !dx_verify_agbno(cur->mp, cur->agno, start + count - 1))
		return "ar_blockcount";
	return NULL;
}

/* agf_longest is the length of the last record of the cntbt. */
static void cntbt_lastrec(struct dx_btree_cur *cur, const union dx_btree_rec *last)
{
	struct dx_agf *agf = cur->agbp->b_addr;
	struct dx_perag *pag = dx_perag(cur->mp, cur->agno);
	u32 longest = last ? last->alloc.blockcount : 0;

	if (be32_to_cpu(agf->agf_longest) == longest)
		return;
	agf->agf_longest = cpu_to_be32(longest);
	pag->longest = longest;
	dx_agf_log(cur->tp, cur->agbp, offsetof(struct dx_agf, agf_longest), sizeof(agf->agf_longest));
}

static int verify_read(struct dx_buf *bp, u32 magic)
{
	int error = dx_btree_block_verify_crc(bp, false);

	if (error)
		return error;
	return dx_btree_block_verify(bp, magic, false, bp->b_mp->alloc_maxlevels, bp->b_mp->alloc_mxr);
}

static int verify_write(struct dx_buf *bp, u32 magic)
{
	int error = dx_btree_block_verify(bp, magic, false, bp->b_mp->alloc_maxlevels, bp->b_mp->alloc_mxr);

	if (error)
		return error;
	dx_btree_block_stamp(bp, false);
	return 0;
}

static int bnobt_verify_read(struct dx_buf *bp)
{
	return verify_read(bp, DX_ABTB_CRC_MAGIC);
}

static int bnobt_verify_write(struct dx_buf *bp)
{
	return verify_write(bp, DX_ABTB_CRC_MAGIC);
}

static int cntbt_verify_read(struct dx_buf *bp)
{
	return verify_read(bp, DX_ABTC_CRC_MAGIC);
}

static int cntbt_verify_write(struct dx_buf *bp)
{
	return verify_write(bp, DX_ABTC_CRC_MAGIC);
}

const struct dx_buf_ops dx_bnobt_buf_ops = {
	.name = "bnobt block",
	.magic32 = DX_ABTB_CRC_MAGIC,
	.verify_read = bnobt_verify_read,
	.verify_write = bnobt_verify_write,
};

const struct dx_buf_ops dx_cntbt_buf_ops = {
	.name = "cntbt block",
	.magic32 = DX_ABTC_CRC_MAGIC,
	.verify_read = cntbt_verify_read,
	.verify_write = cntbt_verify_write,
};

#define ALLOC_BTREE_OPS							\
	.flags = 0,							\
	.rec_len = sizeof(struct dx_alloc_rec),				\
	.key_len = sizeof(struct dx_alloc_rec),				\
	.maxrecs = alloc_maxrecs,					\
	.minrecs = alloc_minrecs,					\
	.owner = dx_agftree_owner,					\
	.get_root = dx_agftree_get_root,				\
	.set_root = dx_agftree_set_root,				\
	.alloc_block = dx_agftree_alloc_block,				\
	.free_block = dx_agftree_free_block,				\
	.rec_from_disk = alloc_rec_from_disk,				\
	.rec_to_disk = alloc_rec_to_disk,				\
	.key_from_disk = alloc_key_from_disk,				\
	.key_to_disk = alloc_key_to_disk,				\
	.key_from_rec = alloc_key_from_rec,				\
	.check_rec = alloc_check_rec

static const struct dx_btree_ops bnobt_ops = {
	.name = "bnobt",
	.magic = DX_ABTB_CRC_MAGIC,
	.buf_ops = &dx_bnobt_buf_ops,
	.key_cmp = bnobt_key_cmp,
	ALLOC_BTREE_OPS,
};

static const struct dx_btree_ops cntbt_ops = {
	.name = "cntbt",
	.magic = DX_ABTC_CRC_MAGIC,
	.buf_ops = &dx_cntbt_buf_ops,
	.key_cmp = cntbt_key_cmp,
	.lastrec = cntbt_lastrec,
	ALLOC_BTREE_OPS,
};

/**
 * dx_bnobt_cursor - cursor over a free space btree
 * @mp: mount
 * @tp: transaction, or NULL to read
 * @agbp: locked AGF buffer of the AG; must outlive the cursor
 * @agno: AG
 * @btnum: DX_BTNUM_BNO or DX_BTNUM_CNT
 */
struct dx_btree_cur *dx_bnobt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf *agbp,
				     dx_agno_t agno, enum dx_btnum btnum)
{
	struct dx_agf *agf = agbp->b_addr;
	const struct dx_btree_ops *ops = btnum == DX_BTNUM_CNT ? &cntbt_ops : &bnobt_ops;
	struct dx_btree_cur *cur;

	cur = dx_btree_new_cursor(mp, tp, btnum, ops, be32_to_cpu(agf->agf_levels[btnum]));
	cur->agno = agno;
	cur->agbp = agbp;
	return cur;
}
