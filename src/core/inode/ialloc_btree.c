// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode btrees of an AG: inobt (every chunk of 64 inodes) and finobt (the chunks
 * that have a free inode).  A record of the finobt equals the inobt's for the same chunk;
 * ialloc.c changes them together.  Their blocks are ordinary allocations
 * near the root; volumes with inobtcount keep the number of blocks in the AGI.
 *
 * On volumes without sparse inodes the record has a 32-bit free count where
 * the hole mask, count and free count lie: count reads as 0 there, which a sparse
 * record never has, so reading tells them apart; writing asks the volume.
 *
 * Locks: the AGI buffer is locked for the life of a cursor; allocating a block locks the
 * AGF behind it (L1).
 * Source: "AG Inode Management", "Inode B+trees", "Sparse Inodes".
 */
#include "dx_alloc.h"

static u32 inobt_maxrecs(struct dx_btree_cur *cur, int level)
{
	return cur->mp->inobt_mxr[level > 0];
}

static u32 inobt_minrecs(struct dx_btree_cur *cur, int level)
{
	return cur->mp->inobt_mnr[level > 0];
}

static u64 inobt_owner(struct dx_btree_cur *cur)
{
	return cur->agno;
}

static u64 inobt_get_root(struct dx_btree_cur *cur)
{
	struct dx_agi *agi = cur->agbp->b_addr;

	return be32_to_cpu(cur->btnum == DX_BTNUM_FINO ? agi->agi_free_root : agi->agi_root);
}

static void inobt_set_root(struct dx_btree_cur *cur, u64 ptr, int level_delta)
{
	struct dx_agi *agi = cur->agbp->b_addr;
	struct dx_perag *pag = dx_perag(cur->mp, cur->agno);

	pag->levels[cur->btnum] += level_delta;
	if (cur->btnum == DX_BTNUM_FINO) {
		agi->agi_free_root = cpu_to_be32((u32)ptr);
		be32_add_cpu(&agi->agi_free_level, level_delta);
		dx_agi_log(cur->tp, cur->agbp, offsetof(struct dx_agi, agi_free_root),
			   sizeof(agi->agi_free_root) + sizeof(agi->agi_free_level));
	} else {
		agi->agi_root = cpu_to_be32((u32)ptr);
		be32_add_cpu(&agi->agi_level, level_delta);
		dx_agi_log(cur->tp, cur->agbp, offsetof(struct dx_agi, agi_root),
			   sizeof(agi->agi_root) + sizeof(agi->agi_level));
	}
}

/* agi_iblocks and agi_fblocks: blocks of the two trees, roots included. */
static void count_block(struct dx_btree_cur *cur, int delta)
{
	struct dx_agi *agi = cur->agbp->b_addr;

	if (!dx_has_inobtcnt(cur->mp))
		return;
	be32_add_cpu(cur->btnum == DX_BTNUM_FINO ? &agi->agi_fblocks : &agi->agi_iblocks, delta);
	dx_agi_log(cur->tp, cur->agbp, offsetof(struct dx_agi, agi_iblocks),
		   sizeof(agi->agi_iblocks) + sizeof(agi->agi_fblocks));
}

static int inobt_alloc_block(struct dx_btree_cur *cur, u64 near, u64 *ptr)
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
		.resv = cur->btnum == DX_BTNUM_FINO ? DX_AGRESV_FINOBT : DX_AGRESV_NONE,
		.must = true,
		.owner = dx_own_inobt,
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

static int inobt_free_block(struct dx_btree_cur *cur, struct dx_buf *bp)
{
	struct dx_mount *mp = cur->mp;
	u64 agbb = dx_fsb_to_bb(mp, mp->sb.agblocks);
	dx_agbno_t bno = dx_bb_to_fsbt(mp, bp->b_daddr - agbb * cur->agno);

	count_block(cur, -1);
	return dx_free_extent_of(cur->tp, dx_agb_to_fsb(mp, cur->agno, bno), 1,
				 cur->btnum == DX_BTNUM_FINO ? DX_AGRESV_FINOBT : DX_AGRESV_NONE, &dx_own_inobt);
}

static void inobt_rec_from_disk(const void *disk, union dx_btree_rec *rec)
{
	const struct dx_inobt_rec *r = disk;

	rec->inobt.startino = be32_to_cpu(r->ir_startino);
	rec->inobt.free = be64_to_cpu(r->ir_free);
	rec->inobt.freecount = r->ir_freecount;
	if (r->ir_count) {
		rec->inobt.holemask = be16_to_cpu(r->ir_holemask);
		rec->inobt.count = r->ir_count;
	} else {
		rec->inobt.holemask = 0;
		rec->inobt.count = DX_INODES_PER_CHUNK;
	}
}

static void sparse_rec_to_disk(void *disk, const union dx_btree_rec *rec)
{
	struct dx_inobt_rec *r = disk;

	r->ir_startino = cpu_to_be32(rec->inobt.startino);
	r->ir_holemask = cpu_to_be16(rec->inobt.holemask);
	r->ir_count = rec->inobt.count;
	r->ir_freecount = rec->inobt.freecount;
	r->ir_free = cpu_to_be64(rec->inobt.free);
}

static void full_rec_to_disk(void *disk, const union dx_btree_rec *rec)
{
	struct dx_inobt_rec *r = disk;

	r->ir_startino = cpu_to_be32(rec->inobt.startino);
	r->ir_holemask = 0;
	r->ir_count = 0;
	r->ir_freecount = rec->inobt.freecount;
	r->ir_free = cpu_to_be64(rec->inobt.free);
}

static void inobt_key_from_disk(const void *disk, union dx_btree_key *key)
{
	key->inobt.startino = get_unaligned_be32(disk);
}

static void inobt_key_to_disk(void *disk, const union dx_btree_key *key)
{
	put_unaligned_be32(key->inobt.startino, disk);
}

static void inobt_key_from_rec(const union dx_btree_rec *rec, union dx_btree_key *key)
{
	key->inobt.startino = rec->inobt.startino;
}

static int inobt_key_cmp(const union dx_btree_key *a, const union dx_btree_key *b)
{
	return a->inobt.startino < b->inobt.startino ? -1 : a->inobt.startino > b->inobt.startino;
}

static const char *inobt_check_rec(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	struct dx_perag *pag = dx_perag(cur->mp, cur->agno);
	u32 start = rec->inobt.startino;
	u64 there = dx_inobt_alloc_mask(rec->inobt.holemask);

	/* the holes of a sparse chunk may lie outside of the AG */
	if (!there || start + DX_INODES_PER_CHUNK < start || start + __ffs64(there) < pag->min_agino ||
	    start + fls64(there) - 1 > pag->max_agino)
		return "ir_startino";
	if (rec->inobt.count != hweight64(there) || !rec->inobt.count ||
	    (rec->inobt.holemask && !dx_has_sparse(cur->mp)))
		return "ir_count";
	if (rec->inobt.freecount != hweight64(rec->inobt.free & there))
		return "ir_freecount";
	if (cur->btnum == DX_BTNUM_FINO && !rec->inobt.freecount)
		return "ir_freecount";
	return NULL;
}

static int verify_read(struct dx_buf *bp, u32 magic)
{
	int error = dx_btree_block_verify_crc(bp, false);

	if (error)
		return error;
	return dx_btree_block_verify(bp, magic, false, bp->b_mp->inobt_maxlevels, bp->b_mp->inobt_mxr);
}

static int verify_write(struct dx_buf *bp, u32 magic)
{
	int error = dx_btree_block_verify(bp, magic, false, bp->b_mp->inobt_maxlevels, bp->b_mp->inobt_mxr);

	if (error)
		return error;
	dx_btree_block_stamp(bp, false);
	return 0;
}

static int inobt_verify_read(struct dx_buf *bp)
{
	return verify_read(bp, DX_IBT_CRC_MAGIC);
}

static int inobt_verify_write(struct dx_buf *bp)
{
	return verify_write(bp, DX_IBT_CRC_MAGIC);
}

static int finobt_verify_read(struct dx_buf *bp)
{
	return verify_read(bp, DX_FIBT_CRC_MAGIC);
}

static int finobt_verify_write(struct dx_buf *bp)
{
	return verify_write(bp, DX_FIBT_CRC_MAGIC);
}

const struct dx_buf_ops dx_inobt_buf_ops = {
	.name = "inobt block",
	.magic32 = DX_IBT_CRC_MAGIC,
	.verify_read = inobt_verify_read,
	.verify_write = inobt_verify_write,
};

const struct dx_buf_ops dx_finobt_buf_ops = {
	.name = "finobt block",
	.magic32 = DX_FIBT_CRC_MAGIC,
	.verify_read = finobt_verify_read,
	.verify_write = finobt_verify_write,
};

#define INO_TREE(title, mag, bops, to_disk) {			\
	.name = title,						\
	.magic = mag,						\
	.buf_ops = bops,					\
	.flags = 0,						\
	.rec_len = sizeof(struct dx_inobt_rec),			\
	.key_len = sizeof(__be32),				\
	.maxrecs = inobt_maxrecs,				\
	.minrecs = inobt_minrecs,				\
	.owner = inobt_owner,					\
	.get_root = inobt_get_root,				\
	.set_root = inobt_set_root,				\
	.alloc_block = inobt_alloc_block,			\
	.free_block = inobt_free_block,				\
	.rec_from_disk = inobt_rec_from_disk,			\
	.rec_to_disk = to_disk,					\
	.key_from_disk = inobt_key_from_disk,			\
	.key_to_disk = inobt_key_to_disk,			\
	.key_from_rec = inobt_key_from_rec,			\
	.key_cmp = inobt_key_cmp,				\
	.check_rec = inobt_check_rec,				\
}

/* [finobt][sparse] */
static const struct dx_btree_ops ino_ops[2][2] = {
	{
		INO_TREE("inobt", DX_IBT_CRC_MAGIC, &dx_inobt_buf_ops, full_rec_to_disk),
		INO_TREE("inobt", DX_IBT_CRC_MAGIC, &dx_inobt_buf_ops, sparse_rec_to_disk),
	}, {
		INO_TREE("finobt", DX_FIBT_CRC_MAGIC, &dx_finobt_buf_ops, full_rec_to_disk),
		INO_TREE("finobt", DX_FIBT_CRC_MAGIC, &dx_finobt_buf_ops, sparse_rec_to_disk),
	},
};

/**
 * dx_inobt_cursor - cursor over an inode btree
 * @mp: mount
 * @tp: transaction, or NULL to read
 * @agbp: locked AGI buffer of the AG; must outlive the cursor
 * @agno: AG
 * @btnum: DX_BTNUM_INO or DX_BTNUM_FINO
 */
struct dx_btree_cur *dx_inobt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf *agbp,
				     dx_agno_t agno, enum dx_btnum btnum)
{
	struct dx_agi *agi = agbp->b_addr;
	bool fino = btnum == DX_BTNUM_FINO;
	struct dx_btree_cur *cur;

	cur = dx_btree_new_cursor(mp, tp, btnum, &ino_ops[fino][!!dx_has_sparse(mp)],
				  be32_to_cpu(fino ? agi->agi_free_level : agi->agi_level));
	cur->agno = agno;
	cur->agbp = agbp;
	return cur;
}

/**
 * dx_inobt_alloc_mask - which inodes of a chunk exist on disk
 * @holemask: of its record: a bit for each four inodes that do not
 */
u64 dx_inobt_alloc_mask(u16 holemask)
{
	u64 mask = 0;
	int i;

	if (likely(!holemask))
		return ~0ULL;
	for (i = 0; i < DX_INODES_PER_CHUNK / DX_INODES_PER_HOLEMASK_BIT; i++)
		if (!(holemask & (1u << i)))
			mask |= ((1ULL << DX_INODES_PER_HOLEMASK_BIT) - 1) << (i * DX_INODES_PER_HOLEMASK_BIT);
	return mask;
}

/* ---- blocks set aside for the finobt ---- */

static bool finobt_present(struct dx_mount *mp)
{
	return dx_has_finobt(mp);
}

/* At worst the AG holds nothing but chunks, and each has a free inode. */
static u32 finobt_most(struct dx_mount *mp, struct dx_perag *pag)
{
	return dx_agresv_sparsest(mp->inobt_mnr, (dx_agresv_usable(mp, pag) << mp->sb.inopblog) / DX_INODES_PER_CHUNK);
}

/* The leaves are counted in their parents: one of them is seen, and ends it. */
static int count_children(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	const struct dx_btree_sblock *b = bp->b_addr;
	u32 *blocks = data;

	if (!level)
		return 1;
	*blocks += be16_to_cpu(b->bb_numrecs);
	return 0;
}

static int finobt_used(struct dx_mount *mp, struct dx_perag *pag, struct dx_buf *agibp, u32 *blocks)
{
	const struct dx_agi *agi = agibp->b_addr;
	struct dx_btree_cur *cur;
	int error = 0;

	*blocks = 1;
	if (dx_has_inobtcnt(mp)) {
		*blocks = be32_to_cpu(agi->agi_fblocks);
	} else if (be32_to_cpu(agi->agi_free_level) > 1) {
		cur = dx_inobt_cursor(mp, NULL, agibp, pag->agno, DX_BTNUM_FINO);
		error = dx_btree_visit_blocks(cur, count_children, blocks);
		dx_btree_del_cursor(cur, error < 0 ? error : 0);
	}
	return min(error, 0);
}

const struct dx_agresv_tree dx_finobt_resv = {
	.name = "finobt", .need = "freeing inodes", .present = finobt_present, .most = finobt_most, .used = finobt_used,
};
