// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values too large for a leaf block: in blocks of the attribute fork, each
 * with a header and checksum of its own ("Remote Extended Attribute Values").
 *
 * They are not logged.  What makes that safe: the blocks come from the
 * allocator as user data does, so they are free on disk, durably; the value
 * is written to them and waited for before the transaction that maps them and
 * enters the name commits.  A crash before that leaves free blocks with some bytes in them.
 *
 * Lock context: ILOCK of the inode, exclusive to change; inside a transaction.
 */
#include "dx_attr_int.h"
#include "dx_dir.h"

/* mappings that one transaction makes or removes: what its log reservation has room for */
#define RMT_EXTENTS_PER_TRANS	2

/* Runs of the blocks [blk, blk + left) that are contiguous on disk, first one. */
static int rmt_map(struct dx_da_args *a, dx_dablk_t blk, u32 left, struct dx_irec *rec)
{
	int nmap = 1;
	int error = dx_bmap_query(a->dp, blk, left, rec, &nmap, DX_BMAPI_ATTRFORK);

	if (error)
		return error;
	if (nmap != 1 || !dx_irec_is_real(rec) || !rec->blockcount || rec->blockcount > left)
		return dx_da_corrupt(a, NULL, "remote value is not mapped");
	return 0;
}

/* Is this block part of that value, at that offset? */
static bool rmt_hdr_ok(struct dx_da_args *a, const struct dx_attr3_rmt_hdr *h, u32 off, u32 bytes)
{
	return be32_to_cpu(h->rm_magic) == DX_ATTR3_RMT_MAGIC && be64_to_cpu(h->rm_owner) == a->dp->ino &&
	       be32_to_cpu(h->rm_offset) == off && be32_to_cpu(h->rm_bytes) == bytes;
}

/**
 * dx_attr_rmt_get - read a remote value
 * @a: operation
 * @blk: fork offset of the first block
 * @valuelen: bytes
 * @dst: room for them
 */
int dx_attr_rmt_get(struct dx_da_args *a, dx_dablk_t blk, u32 valuelen, u8 *dst)
{
	struct dx_mount *mp = a->mp;
	u32 payload = dx_attr_rmt_payload(mp), left = dx_attr_rmt_blocks(mp, valuelen), off = 0, i;

	while (left) {
		struct dx_buf_map map;
		struct dx_irec rec;
		struct dx_buf *bp;
		int error;

		error = rmt_map(a, blk, left, &rec);
		if (error)
			return error;
		map = (struct dx_buf_map){ dx_fsb_to_daddr(mp, rec.startblock), dx_fsb_to_bb(mp, rec.blockcount) };
		error = dx_trans_read_owned(mp, a->tp, &map, 1, &dx_attr3_rmt_buf_ops, a->dp->ino, &bp);
		if (error)
			return error;
		for (i = 0; i < rec.blockcount; i++) {
			struct dx_attr3_rmt_hdr *h = dx_buf_off(bp, dx_fsb_to_b(mp, i));
			u32 bytes = min(payload, valuelen - off);

			if (!rmt_hdr_ok(a, h, off, bytes))
				return dx_da_corrupt(a, bp, "remote value has the wrong header");
			memcpy(dst + off, h + 1, bytes);
			off += bytes;
		}
		dx_trans_let_go(a->tp, bp);
		blk += rec.blockcount;
		left -= rec.blockcount;
	}
	return 0;
}

/**
 * dx_attr_rmt_alloc - map blocks for a value
 * @a: operation; a->rmtblk is set; a->tp may be rolled when the space is badly fragmented
 * @blocks: how many
 *
 * Block 0 of the fork holds the root of the tree, also if it is not mapped yet.
 */
int dx_attr_rmt_alloc(struct dx_da_args *a, u32 blocks)
{
	dx_fileoff_t off = 1;
	u32 done = 0;
	int n = 0, error;

	error = dx_bmap_first_unused(a->dp, DX_ATTR_FORK, blocks, &off);
	if (error)
		return error;
	if (off + blocks > U32_MAX)
		return -EFBIG;
	while (done < blocks) {
		struct dx_irec rec;
		int nmap = 1;

		if (n++ == RMT_EXTENTS_PER_TRANS) {
			n = 1;
			error = dx_defer_finish(&a->tp);	/* rolls, too */
			if (error)
				return error;
		}
		error = dx_bmap_assign(a->tp, a->dp, off + done, blocks - done, DX_BMAPI_ATTRFORK, a->total, &rec, &nmap);
		if (error)
			return error;
		if (nmap < 1 || !rec.blockcount)
			return -ENOSPC;
		done += rec.blockcount;
	}
	a->rmtblk = off;
	return 0;
}

/**
 * dx_attr_rmt_write - write a value into its blocks, and wait
 * @a: operation: value, rmtblk
 */
int dx_attr_rmt_write(struct dx_da_args *a)
{
	struct dx_mount *mp = a->mp;
	u32 payload = dx_attr_rmt_payload(mp), left = dx_attr_rmt_blocks(mp, a->valuelen), off = 0, i;
	dx_dablk_t blk = a->rmtblk;

	while (left) {
		struct dx_irec rec;
		struct dx_buf *bp;
		int error;

		error = rmt_map(a, blk, left, &rec);
		if (error)
			return error;
		error = dx_buf_get(mp, dx_fsb_to_daddr(mp, rec.startblock), dx_fsb_to_bb(mp, rec.blockcount),
				   DX_GET_NEW | DX_GET_NOFAIL, &bp);
		if (error)
			return error;
		memset(bp->b_addr, 0, dx_buf_len(bp));
		for (i = 0; i < rec.blockcount; i++) {
			struct dx_attr3_rmt_hdr *h = dx_buf_off(bp, dx_fsb_to_b(mp, i));
			u32 bytes = min(payload, a->valuelen - off);

			h->rm_magic = cpu_to_be32(DX_ATTR3_RMT_MAGIC);
			h->rm_offset = cpu_to_be32(off);
			h->rm_bytes = cpu_to_be32(bytes);
			h->rm_uuid = mp->sb.meta_uuid;
			h->rm_owner = cpu_to_be64(a->dp->ino);
			h->rm_blkno = cpu_to_be64(bp->b_daddr + dx_fsb_to_bb(mp, i));
			h->rm_lsn = cpu_to_be64(DX_NULLLSN);
			memcpy(h + 1, a->value + off, bytes);
			off += bytes;
		}
		bp->b_ops = &dx_attr3_rmt_buf_ops;
		bp->b_type = DX_BLFT_ATTR_RMT;
		bp->b_flags |= DX_BF_DONE;
		error = dx_buf_bwrite(bp);
		if (error)
			dx_buf_stale(bp);
		dx_buf_leave(bp);
		if (error)
			return error;
		blk += rec.blockcount;
		left -= rec.blockcount;
	}
	return 0;
}

/**
 * dx_attr_rmt_stale - forget the cached blocks of a value that is about to go
 * @a: operation
 * @blk: fork offset of the first block
 * @valuelen: bytes
 *
 * Never logged, so the log needs no cancel record.  Holes are passed over: a
 * fork that is being torn down may have lost the blocks already.
 */
int dx_attr_rmt_stale(struct dx_da_args *a, dx_dablk_t blk, u32 valuelen)
{
	struct dx_mount *mp = a->mp;
	u32 left = dx_attr_rmt_blocks(mp, valuelen);

	while (left) {
		struct dx_irec rec;
		struct dx_buf *bp;
		int nmap = 1, error;

		error = dx_bmap_query(a->dp, blk, left, &rec, &nmap, DX_BMAPI_ATTRFORK);
		if (error)
			return error;
		if (nmap != 1 || !rec.blockcount || rec.blockcount > left)
			return dx_da_corrupt(a, NULL, "remote value is not mapped");
		if (dx_irec_is_real(&rec)) {
			error = dx_trans_get_buf(mp, a->tp, dx_fsb_to_daddr(mp, rec.startblock),
						 dx_fsb_to_bb(mp, rec.blockcount), DX_GET_INCORE, &bp);
			if (!error) {
				/* a damaged name may point to a block of the tree */
				bool ours = bp->b_ops == &dx_attr3_rmt_buf_ops;

				if (ours)
					dx_buf_stale(bp);
				dx_trans_let_go(a->tp, bp);
				if (!ours)
					return dx_da_corrupt(a, NULL, "remote value lies over another block");
			} else if (error != -ENOENT) {
				return error;
			}
		}
		blk += rec.blockcount;
		left -= rec.blockcount;
	}
	return 0;
}

/**
 * dx_attr_rmt_free - unmap a value that no name refers to any more
 * @a: operation; a->tp may be rolled when the value has many extents
 * @blk: fork offset of the first block
 * @valuelen: bytes
 */
int dx_attr_rmt_free(struct dx_da_args *a, dx_dablk_t blk, u32 valuelen)
{
	dx_filblks_t left = dx_attr_rmt_blocks(a->mp, valuelen);
	int error;

	if (!left || !blk)
		return 0;
	error = dx_attr_rmt_stale(a, blk, valuelen);
	while (!error && left) {
		error = dx_bmap_unmap(a->tp, a->dp, blk, &left, DX_BMAPI_ATTRFORK, RMT_EXTENTS_PER_TRANS);
		if (!error && left)
			error = dx_defer_finish(&a->tp);
	}
	return error;
}
