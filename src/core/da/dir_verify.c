// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verifiers of directory blocks and of the nodes of the hash tree.  They know the format alone, and
 * so are below the rest: whoever reads a block of the tree finds its verifier by its magic.
 *
 * They establish what the rest of the directory code takes for granted: that
 * a block can be walked from its own counts and lengths without leaving it.  What takes
 * more than one block to know (owner, parent's view, duplicate names) is checked by the callers
 * or by xfs_repair.
 *
 * Lock context: buffer locked.  Read: after the I/O; write: before it.
 */
#include "dx_da.h"

#define BAD(field)	dx_buf_bad(bp, field)

/* ---- data and single blocks ---- */

static const char *check_leaf_ents(const struct dx_dir2_leaf_entry *le, u32 count, u32 stale)
{
	u32 i, seen = 0, last = 0;

	for (i = 0; i < count; i++) {
		if (be32_to_cpu(le[i].hashval) < last)
			return "ents.hashval";
		last = be32_to_cpu(le[i].hashval);
		seen += le[i].address == cpu_to_be32(DX_DIR2_NULL_DATAPTR);
	}
	return seen == stale ? NULL : "stale";
}

static bool block_has_leaf(struct dx_mount *mp, const struct dx_dir2_leaf_entry *le, u32 count,
			   const struct dx_dir2_data_entry *e, u32 off)
{
	u32 hash = dx_da_hashname(e->name, e->namelen), ptr = dx_dir_off_to_dataptr(mp, 0, off), i;

	for (i = dx_da_hash_find(le, count, hash); i < count && be32_to_cpu(le[i].hashval) == hash; i++)
		if (be32_to_cpu(le[i].address) == ptr)
			return true;
	return false;
}

static int check_data(struct dx_buf *bp, bool single)
{
	struct dx_mount *mp = bp->b_mp;
	void *blk = bp->b_addr;
	struct dx_dir3_data_hdr *h = blk;
	u32 off = DX_DIR_DATA_HDR, end = mp->dirblksize, count = 0, live = 0, seen = 0, i;
	struct dx_dir2_leaf_entry *le = NULL;
	bool after_free = false;

	if (single) {
		struct dx_dir2_block_tail *t = dx_dir_block_tail(mp, blk);
		const char *bad;

		count = be32_to_cpu(t->count);
		if (count < 2 || count > (mp->dirblksize - DX_DIR_DATA_HDR - sizeof(*t)) / sizeof(*le))
			return BAD("btail.count");
		if (be32_to_cpu(t->stale) > count - 2)
			return BAD("btail.stale");
		le = dx_dir_block_ents(mp, blk);
		end = (char *)le - (char *)blk;
		bad = check_leaf_ents(le, count, be32_to_cpu(t->stale));
		if (bad)
			return BAD(bad);
		count -= be32_to_cpu(t->stale);
	}
	for (i = 0; i < DX_DIR2_DATA_FD_COUNT; i++) {
		u32 o = be16_to_cpu(h->bestfree[i].offset), l = be16_to_cpu(h->bestfree[i].length);

		if (!l ? o != 0 : (o < DX_DIR_DATA_HDR || (o & 7) || o + l > end))
			return BAD("bestfree");
		if (i && l > be16_to_cpu(h->bestfree[i - 1].length))
			return BAD("bestfree order");
		if (!l)
			seen |= 1u << i;
	}
	while (off < end) {
		struct dx_dir2_data_unused *u = (struct dx_dir2_data_unused *)((char *)blk + off);
		struct dx_dir2_data_entry *e = (struct dx_dir2_data_entry *)u;
		u32 len;

		if (off + 8 > end)
			return BAD("length");
		if (be16_to_cpu(u->freetag) == DX_DIR2_DATA_FREE_TAG) {
			len = be16_to_cpu(u->length);
			if (len < 8 || (len & 7) || off + len > end)
				return BAD("du.length");
			if (*(__be16 *)((char *)blk + off + len - 2) != cpu_to_be16(off))
				return BAD("du.tag");
			if (after_free)
				return BAD("du: two free regions that touch");
			for (i = 0; i < DX_DIR2_DATA_FD_COUNT; i++)
				if (h->bestfree[i].length && be16_to_cpu(h->bestfree[i].offset) == off)
					break;
			if (i < DX_DIR2_DATA_FD_COUNT) {
				if (be16_to_cpu(h->bestfree[i].length) != len)
					return BAD("bestfree.length");
				seen |= 1u << i;
			} else if (len > be16_to_cpu(h->bestfree[DX_DIR2_DATA_FD_COUNT - 1].length)) {
				return BAD("bestfree: a larger region is missing");
			}
			after_free = true;
			off += len;
			continue;
		}
		if (off + dx_dir_entsize(1) > end || !e->namelen)
			return BAD("du.namelen");
		len = dx_dir_entsize(e->namelen);
		if (off + len > end)
			return BAD("du.namelen");
		if (!dx_verify_ino(mp, be64_to_cpu(e->inumber)))
			return BAD("du.inumber");
		if (*dx_dir_ent_ftype(e) >= DX_DIR3_FT_MAX)
			return BAD("du.filetype");
		if (*(__be16 *)((char *)blk + off + len - 2) != cpu_to_be16(off))
			return BAD("du.tag");
		if (single && !block_has_leaf(mp, le, be32_to_cpu(dx_dir_block_tail(mp, blk)->count), e, off))
			return BAD("ents: an entry is missing");
		live++;
		after_free = false;
		off += len;
	}
	if (seen != (1u << DX_DIR2_DATA_FD_COUNT) - 1)
		return BAD("bestfree: no such region");
	if (single && live != count)
		return BAD("btail.count");
	return 0;
}

static int check_blkhdr(struct dx_buf *bp, u32 magic)
{
	struct dx_mount *mp = bp->b_mp;
	struct dx_dir3_blk_hdr *h = bp->b_addr;

	if (be32_to_cpu(h->magic) != magic)
		return BAD("magic");
	if (dx_buf_len(bp) != mp->dirblksize)
		return BAD("size");
	if (!dx_meta_uuid_ok(mp, &h->uuid))
		return BAD("uuid");
	if (be64_to_cpu(h->blkno) != bp->b_daddr)
		return BAD("bno");
	if (!h->owner)
		return BAD("owner");
	return 0;
}

static int check_block(struct dx_buf *bp)
{
	int error = check_blkhdr(bp, DX_DIR3_BLOCK_MAGIC);

	return error ? error : check_data(bp, true);
}

static int check_datablk(struct dx_buf *bp)
{
	int error = check_blkhdr(bp, DX_DIR3_DATA_MAGIC);

	return error ? error : check_data(bp, false);
}

static int check_free(struct dx_buf *bp)
{
	struct dx_dir3_free *fr = bp->b_addr;
	u32 max = dx_dir_free_max(bp->b_mp), n, i, used = 0;
	int error = check_blkhdr(bp, DX_DIR3_FREE_MAGIC);

	if (error)
		return error;
	n = be32_to_cpu(fr->nvalid);
	if (n > max)
		return BAD("nvalid");
	if (be32_to_cpu(fr->firstdb) % max || be32_to_cpu(fr->firstdb) >= dx_dir_leafblk(bp->b_mp))
		return BAD("firstdb");
	for (i = 0; i < n; i++)
		used += fr->bests[i] != cpu_to_be16(DX_DIR2_NULL_DATAOFF);
	if (used != be32_to_cpu(fr->nused))
		return BAD("nused");
	return 0;
}

/* ---- leaves and nodes ---- */

static int check_blkinfo(struct dx_buf *bp, u16 magic)
{
	struct dx_mount *mp = bp->b_mp;
	struct dx_da3_blkinfo *h = bp->b_addr;

	if (be16_to_cpu(h->magic) != magic)
		return BAD("magic");
	if (!dx_meta_uuid_ok(mp, &h->uuid))
		return BAD("uuid");
	if (be64_to_cpu(h->blkno) != bp->b_daddr)
		return BAD("bno");
	if (!h->owner)
		return BAD("owner");
	return 0;
}

static int check_leaf(struct dx_buf *bp, u16 magic)
{
	struct dx_mount *mp = bp->b_mp;
	struct dx_dir3_leaf *leaf = bp->b_addr;
	u32 count, stale, nbests;
	const char *bad;
	__be16 *bests;
	int error;

	error = check_blkinfo(bp, magic);
	if (error)
		return error;
	if (dx_buf_len(bp) != mp->dirblksize)
		return BAD("size");
	count = be16_to_cpu(leaf->count);
	stale = be16_to_cpu(leaf->stale);
	if (count > dx_dir_leaf_max(mp))
		return BAD("count");
	if (stale > count)
		return BAD("stale");
	if (magic == DX_DIR3_LEAF1_MAGIC) {
		u32 room = mp->dirblksize - sizeof(*leaf) - sizeof(struct dx_dir2_leaf_tail);

		bests = dx_dir_leaf_bests(mp, leaf, &nbests);
		if (nbests > room / sizeof(*bests) || (char *)bests < (char *)&leaf->ents[count])
			return BAD("ltail.bestcount");
	}
	bad = check_leaf_ents(leaf->ents, count, stale);
	return bad ? BAD(bad) : 0;
}

static int check_leaf1(struct dx_buf *bp)
{
	return check_leaf(bp, DX_DIR3_LEAF1_MAGIC);
}

static int check_leafn(struct dx_buf *bp)
{
	return check_leaf(bp, DX_DIR3_LEAFN_MAGIC);
}

static int check_node(struct dx_buf *bp)
{
	struct dx_da3_intnode *node = bp->b_addr;
	u32 len = dx_buf_len(bp), n, i, last = 0;
	int error = check_blkinfo(bp, DX_DA3_NODE_MAGIC);

	if (error)
		return error;
	/* attribute forks have nodes of one fsblock, directories of one directory block */
	if (len != bp->b_mp->dirblksize && len != bp->b_mp->sb.blocksize)
		return BAD("size");
	n = be16_to_cpu(node->count);
	if (!be16_to_cpu(node->level) || be16_to_cpu(node->level) >= DX_DA_NODE_MAXDEPTH)
		return BAD("level");
	if (!n || n > (len - sizeof(*node)) / sizeof(node->btree[0]))
		return BAD("count");
	for (i = 0; i < n; i++) {
		if (be32_to_cpu(node->btree[i].hashval) < last)
			return BAD("btree.hashval");
		last = be32_to_cpu(node->btree[i].hashval);
	}
	return 0;
}

/* ---- the table ---- */

static int read_hdr(struct dx_buf *bp, int (*check)(struct dx_buf *bp))
{
	int error;

	if (!dx_buf_verify_cksum(bp, DX_DIR3_CRC_OFF))
		return dx_buf_badcrc(bp);
	error = check(bp);
	return error;
}

static int write_hdr(struct dx_buf *bp, int (*check)(struct dx_buf *bp))
{
	int error = check(bp);

	if (!error)
		dx_buf_stamp(bp, offsetof(struct dx_dir3_blk_hdr, lsn), DX_DIR3_CRC_OFF);
	return error;
}

static int read_info(struct dx_buf *bp, int (*check)(struct dx_buf *bp))
{
	if (!dx_buf_verify_cksum(bp, DX_DA3_CRC_OFF))
		return dx_buf_badcrc(bp);
	return check(bp);
}

static int write_info(struct dx_buf *bp, int (*check)(struct dx_buf *bp))
{
	int error = check(bp);

	if (!error)
		dx_buf_stamp(bp, offsetof(struct dx_da3_blkinfo, lsn), DX_DA3_CRC_OFF);
	return error;
}

static int block_read_verify(struct dx_buf *bp) { return read_hdr(bp, check_block); }
static int block_write_verify(struct dx_buf *bp) { return write_hdr(bp, check_block); }
static int data_write_verify(struct dx_buf *bp) { return write_hdr(bp, check_datablk); }
static int free_read_verify(struct dx_buf *bp) { return read_hdr(bp, check_free); }
static int free_write_verify(struct dx_buf *bp) { return write_hdr(bp, check_free); }
static int leaf1_read_verify(struct dx_buf *bp) { return read_info(bp, check_leaf1); }
static int leaf1_write_verify(struct dx_buf *bp) { return write_info(bp, check_leaf1); }
static int leafn_read_verify(struct dx_buf *bp) { return read_info(bp, check_leafn); }
static int leafn_write_verify(struct dx_buf *bp) { return write_info(bp, check_leafn); }
static int node_write_verify(struct dx_buf *bp) { return write_info(bp, check_node); }

/* Readers of all data blocks meet block 0 of a single-block directory too. */
static int data_read_verify(struct dx_buf *bp)
{
	struct dx_dir3_blk_hdr *h = bp->b_addr;

	if (be32_to_cpu(h->magic) == DX_DIR3_BLOCK_MAGIC) {
		bp->b_ops = &dx_dir3_block_buf_ops;
		return bp->b_ops->verify_read(bp);
	}
	return read_hdr(bp, check_datablk);
}

/* The root, and any block below a node, may be a node or a leaf: the magic tells, and decides on the verifier. */
static int node_read_verify(struct dx_buf *bp)
{
	struct dx_da3_blkinfo *h = bp->b_addr;

	switch (be16_to_cpu(h->magic)) {
	case DX_DIR3_LEAFN_MAGIC:
		bp->b_ops = &dx_dir3_leafn_buf_ops;
		return bp->b_ops->verify_read(bp);
	case DX_ATTR3_LEAF_MAGIC:
		bp->b_ops = &dx_attr3_leaf_buf_ops;
		return bp->b_ops->verify_read(bp);
	}
	return read_info(bp, check_node);
}

static const struct dx_buf_ops *const data_also[] = { &dx_dir3_block_buf_ops, NULL };
static const struct dx_buf_ops *const node_also[] = { &dx_dir3_leafn_buf_ops, &dx_attr3_leaf_buf_ops, NULL };

const struct dx_buf_ops dx_dir3_block_buf_ops = {
	.name = "directory block", .verify_read = block_read_verify, .verify_write = block_write_verify, .owner = dx_da_owner,
};
const struct dx_buf_ops dx_dir3_data_buf_ops = {
	.name = "directory data block", .verify_read = data_read_verify, .verify_write = data_write_verify, .owner = dx_da_owner,
	.also = data_also,
};
const struct dx_buf_ops dx_dir3_free_buf_ops = {
	.name = "directory free index block", .verify_read = free_read_verify, .verify_write = free_write_verify,
	.owner = dx_da_owner,
};
const struct dx_buf_ops dx_dir3_leaf1_buf_ops = {
	.name = "directory leaf block", .verify_read = leaf1_read_verify, .verify_write = leaf1_write_verify, .owner = dx_da_owner,
};
const struct dx_buf_ops dx_dir3_leafn_buf_ops = {
	.name = "directory leaf block", .verify_read = leafn_read_verify, .verify_write = leafn_write_verify, .owner = dx_da_owner,
};
const struct dx_buf_ops dx_da3_node_buf_ops = {
	.name = "hash tree node", .verify_read = node_read_verify, .verify_write = node_write_verify, .owner = dx_da_owner,
	.also = node_also,
};
