// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reverse mapping btree of an AG (rmapbt): what each block in use is used for.  Its records are runs of blocks with one
 * owner: a file, with the offset there, or a part of the AG itself; rmap.c changes them.
 *
 * Files may share blocks, so runs may overlap, and the tree keeps the highest key below each entry, too; on volumes that we
 * write none do.  Its blocks come from the AGFL and go back there, as those of the free space btrees do, and count as
 * free in the superblock with them.  Unlike those it can grow when space is given back, so the AG has blocks set aside for
 * it (agresv.c).
 *
 * Locks: as in alloc_btree.c: the AGF.
 * Source: "Reverse-Mapping B+tree".
 */
#include "dx_alloc_int.h"

static u32 rmap_maxrecs(struct dx_btree_cur *cur, int level)
{
	return cur->mp->rmap_mxr[level > 0];
}

static u32 rmap_minrecs(struct dx_btree_cur *cur, int level)
{
	return cur->mp->rmap_mnr[level > 0];
}

/* agf_rmapblocks counts the root, too. */
static void count_block(struct dx_btree_cur *cur, int delta)
{
	struct dx_agf *agf = cur->agbp->b_addr;

	be32_add_cpu(&agf->agf_rmapblocks, delta);
	dx_agf_log(cur->tp, cur->agbp, offsetof(struct dx_agf, agf_rmapblocks), sizeof(agf->agf_rmapblocks));
	dx_agresv_in_free_space(dx_perag(cur->mp, cur->agno), DX_AGRESV_RMAPBT, delta);
}

static int rmap_alloc_block(struct dx_btree_cur *cur, u64 near, u64 *ptr)
{
	int error = dx_agftree_alloc_block(cur, near, ptr);

	if (!error)
		count_block(cur, 1);
	return error;
}

static int rmap_free_block(struct dx_btree_cur *cur, struct dx_buf *bp)
{
	int error = dx_agftree_free_block(cur, bp);

	if (!error)
		count_block(cur, -1);
	return error;
}

static void rmap_rec_from_disk(const void *disk, union dx_btree_rec *rec)
{
	const struct dx_rmap_rec *r = disk;

	rec->rmap.startblock = be32_to_cpu(r->rm_startblock);
	rec->rmap.blockcount = be32_to_cpu(r->rm_blockcount);
	rec->rmap.owner = be64_to_cpu(r->rm_owner);
	rec->rmap.offset = be64_to_cpu(r->rm_offset);
}

static void rmap_rec_to_disk(void *disk, const union dx_btree_rec *rec)
{
	struct dx_rmap_rec *r = disk;

	r->rm_startblock = cpu_to_be32(rec->rmap.startblock);
	r->rm_blockcount = cpu_to_be32(rec->rmap.blockcount);
	r->rm_owner = cpu_to_be64(rec->rmap.owner);
	r->rm_offset = cpu_to_be64(rec->rmap.offset);
}

/* Keys of some writers have the flag of unwritten extents; it is no part of the order. */
static void rmap_key_from_disk(const void *disk, union dx_btree_key *key)
{
	const struct dx_rmap_key *k = disk;

	key->rmap.startblock = be32_to_cpu(k->rm_startblock);
	key->rmap.owner = be64_to_cpu(k->rm_owner);
	key->rmap.offset = be64_to_cpu(k->rm_offset) & ~DX_RMAP_UNWRITTEN;
}

static void rmap_key_to_disk(void *disk, const union dx_btree_key *key)
{
	struct dx_rmap_key *k = disk;

	k->rm_startblock = cpu_to_be32(key->rmap.startblock);
	k->rm_owner = cpu_to_be64(key->rmap.owner);
	k->rm_offset = cpu_to_be64(key->rmap.offset);
}

static void rmap_key_from_rec(const union dx_btree_rec *rec, union dx_btree_key *key)
{
	key->rmap.startblock = rec->rmap.startblock;
	key->rmap.owner = rec->rmap.owner;
	key->rmap.offset = rec->rmap.offset & ~DX_RMAP_UNWRITTEN;
}

static void rmap_high_key_from_rec(const union dx_btree_rec *rec, union dx_btree_key *key)
{
	rmap_key_from_rec(rec, key);
	key->rmap.startblock += rec->rmap.blockcount - 1;
	if (dx_rmap_has_offset(rec->rmap.owner, rec->rmap.offset))
		key->rmap.offset += rec->rmap.blockcount - 1;
}

static int rmap_key_cmp(const union dx_btree_key *a, const union dx_btree_key *b)
{
	if (a->rmap.startblock != b->rmap.startblock)
		return a->rmap.startblock < b->rmap.startblock ? -1 : 1;
	if (a->rmap.owner != b->rmap.owner)
		return a->rmap.owner < b->rmap.owner ? -1 : 1;
	return a->rmap.offset < b->rmap.offset ? -1 : a->rmap.offset > b->rmap.offset;
}

static const char *rmap_check_rec(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	u32 start = rec->rmap.startblock, count = rec->rmap.blockcount, length = dx_perag(cur->mp, cur->agno)->length;
	u64 owner = rec->rmap.owner, flags = rec->rmap.offset & DX_RMAP_FLAGS, off = DX_RMAP_OFF(rec->rmap.offset);

	if (start >= length || (!dx_verify_agbno(cur->mp, cur->agno, start) && (start || owner != DX_RMAP_OWN_FS)))
		return "rm_startblock";
	if (!count || count > length - start)
		return "rm_blockcount";
	if ((flags | off) != rec->rmap.offset)
		return "rm_offset";
	if (DX_RMAP_OWN_SPECIAL(owner)) {
		if (owner > DX_RMAP_OWN_FS || owner < DX_RMAP_OWN_COW || (owner == DX_RMAP_OWN_FS && start))
			return "rm_owner";
		if (owner <= DX_RMAP_OWN_REFC && !dx_has_reflink(cur->mp))
			return "rm_owner";
		/* copies on write are set aside as they are in a file: not written */
		if (off || flags & ~(owner == DX_RMAP_OWN_COW ? DX_RMAP_UNWRITTEN : 0))
			return "rm_offset";
		return NULL;
	}
	if (!dx_verify_ino(cur->mp, owner))
		return "rm_owner";
	if (flags & DX_RMAP_BMBT)
		return off || flags & DX_RMAP_UNWRITTEN ? "rm_offset" : NULL;
	if (off + count - 1 > DX_RMAP_OFF(~0ULL) || (flags & DX_RMAP_UNWRITTEN && flags & DX_RMAP_ATTRFORK))
		return "rm_offset";
	return NULL;
}

static int rmapbt_verify(struct dx_buf *bp)
{
	return dx_btree_block_verify(bp, DX_RMAP_CRC_MAGIC, false, bp->b_mp->rmap_maxlevels, bp->b_mp->rmap_mxr);
}

static int rmapbt_verify_read(struct dx_buf *bp)
{
	int error = dx_btree_block_verify_crc(bp, false);

	return error ? error : rmapbt_verify(bp);
}

static int rmapbt_verify_write(struct dx_buf *bp)
{
	int error = rmapbt_verify(bp);

	if (!error)
		dx_btree_block_stamp(bp, false);
	return error;
}

const struct dx_buf_ops dx_rmapbt_buf_ops = {
	.name = "rmapbt block",
	.magic32 = DX_RMAP_CRC_MAGIC,
	.verify_read = rmapbt_verify_read,
	.verify_write = rmapbt_verify_write,
};

static const struct dx_btree_ops rmapbt_ops = {
	.name = "rmapbt",
	.magic = DX_RMAP_CRC_MAGIC,
	.flags = DX_BT_OVERLAPPING,
	.rec_len = sizeof(struct dx_rmap_rec),
	.key_len = sizeof(struct dx_rmap_key),
	.buf_ops = &dx_rmapbt_buf_ops,
	.maxrecs = rmap_maxrecs,
	.minrecs = rmap_minrecs,
	.owner = dx_agftree_owner,
	.get_root = dx_agftree_get_root,
	.set_root = dx_agftree_set_root,
	.alloc_block = rmap_alloc_block,
	.free_block = rmap_free_block,
	.rec_from_disk = rmap_rec_from_disk,
	.rec_to_disk = rmap_rec_to_disk,
	.key_from_disk = rmap_key_from_disk,
	.key_to_disk = rmap_key_to_disk,
	.key_from_rec = rmap_key_from_rec,
	.high_key_from_rec = rmap_high_key_from_rec,
	.key_cmp = rmap_key_cmp,
	.check_rec = rmap_check_rec,
};

/**
 * dx_rmapbt_cursor - cursor over a reverse mapping btree
 * @mp: mount with rmapbt
 * @tp: transaction, or NULL to read
 * @agbp: locked AGF buffer of the AG; must outlive the cursor
 * @agno: AG
 */
struct dx_btree_cur *dx_rmapbt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno)
{
	const struct dx_agf *agf = agbp->b_addr;
	struct dx_btree_cur *cur;

	cur = dx_btree_new_cursor(mp, tp, DX_BTNUM_RMAP, &rmapbt_ops, be32_to_cpu(agf->agf_levels[DX_BTNUM_RMAP]));
	cur->agno = agno;
	cur->agbp = agbp;
	return cur;
}

/* ---- blocks set aside for it ---- */

static bool rmapbt_present(struct dx_mount *mp)
{
	return dx_has_rmapbt(mp);
}

/* At worst every block has a record of its own.  And where sharing is possible blocks can have many: a part of the AG. */
static u32 rmapbt_most(struct dx_mount *mp, struct dx_perag *pag)
{
	u64 blocks = dx_agresv_usable(mp, pag);

	return max(div_u64(blocks, 100), dx_agresv_sparsest(mp->rmap_mnr, blocks));
}

static int rmapbt_used(struct dx_mount *mp, struct dx_perag *pag, struct dx_buf *agibp, u32 *blocks)
{
	struct dx_buf *agfbp;
	int error = dx_agf_read(mp, NULL, pag->agno, 0, &agfbp);

	(void)agibp;
	if (error)
		return error;
	*blocks = be32_to_cpu(((struct dx_agf *)agfbp->b_addr)->agf_rmapblocks);
	dx_buf_leave(agfbp);
	return 0;
}

const struct dx_agresv_tree dx_rmapbt_resv = {
	.name = "rmapbt", .need = "reverse mappings", .present = rmapbt_present, .most = rmapbt_most, .used = rmapbt_used,
	.unbounded = true,
};
