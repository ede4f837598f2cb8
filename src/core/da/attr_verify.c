// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verifiers of attribute leaf blocks and remote values.
 *
 * They establish that names and values can be followed without leaving the
 * block ("Extended Attributes").  Lock context: buffer locked.
 */
#include "dx_da.h"

#define BAD(field)	dx_buf_bad(bp, field)

static int check_leaf(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	struct dx_attr3_leaf_hdr *h = bp->b_addr;
	struct dx_attr_leaf_entry *ents = dx_attr_leaf_ents(bp);
	u32 size = mp->sb.blocksize, count, first, used = 0, last = 0, i;

	if (be16_to_cpu(h->info.magic) != DX_ATTR3_LEAF_MAGIC)
		return BAD("magic");
	if (dx_buf_len(bp) != size)
		return BAD("size");
	if (!dx_meta_uuid_ok(mp, &h->info.uuid))
		return BAD("uuid");
	if (be64_to_cpu(h->info.blkno) != bp->b_daddr)
		return BAD("bno");
	if (!h->info.owner)
		return BAD("owner");
	count = be16_to_cpu(h->count);
	first = be16_to_cpu(h->firstused);
	if (count > (size - DX_ATTR_LEAF_HDR) / sizeof(*ents))
		return BAD("count");
	if (first > size || first < DX_ATTR_LEAF_HDR + count * sizeof(*ents))
		return BAD("firstused");
	for (i = 0; i < DX_ATTR_LEAF_MAPSIZE; i++) {
		u32 base = be16_to_cpu(h->freemap[i].base), len = be16_to_cpu(h->freemap[i].size);

		if (base > size || len > size || base + len > size || (base & 3) || (len & 3))
			return BAD("freemap");
	}
	for (i = 0; i < count; i++) {
		u32 idx = be16_to_cpu(ents[i].nameidx), bytes;
		char *p = (char *)bp->b_addr + idx;

		if (be32_to_cpu(ents[i].hashval) < last)
			return BAD("entries.hashval");
		last = be32_to_cpu(ents[i].hashval);
		if (idx < first || (idx & 3) || idx + dx_attr_local_size(1, 0) > size)
			return BAD("entries.nameidx");
		if (ents[i].flags & DX_ATTR_LOCAL) {
			struct dx_attr_leaf_name_local *n = (struct dx_attr_leaf_name_local *)p;

			bytes = dx_attr_local_size(n->namelen, be16_to_cpu(n->valuelen));
			if (!n->namelen || idx + bytes > size)
				return BAD("nvlist.namelen");
		} else {
			struct dx_attr_leaf_name_remote *n = (struct dx_attr_leaf_name_remote *)p;

			if (idx + dx_attr_remote_size(1) > size)
				return BAD("entries.nameidx");
			bytes = dx_attr_remote_size(n->namelen);
			if (!n->namelen || idx + bytes > size)
				return BAD("nvlist.namelen");
			if (!(ents[i].flags & DX_ATTR_INCOMPLETE) && !n->valueblk)
				return BAD("nvlist.valueblk");
			if (be32_to_cpu(n->valuelen) > DX_XATTR_SIZE_MAX)
				return BAD("nvlist.valuelen");
		}
		used += bytes;
	}
	if (used != be16_to_cpu(h->usedbytes) || used > size - first)
		return BAD("usedbytes");
	return 0;
}

static int leaf_read_verify(struct dx_buf *bp)
{
	if (!dx_buf_verify_cksum(bp, DX_DA3_CRC_OFF))
		return dx_buf_badcrc(bp);
	return check_leaf(bp);
}

static int leaf_write_verify(struct dx_buf *bp)
{
	int error = check_leaf(bp);

	if (!error)
		dx_buf_stamp(bp, offsetof(struct dx_da3_blkinfo, lsn), DX_DA3_CRC_OFF);
	return error;
}

const struct dx_buf_ops dx_attr3_leaf_buf_ops = {
	.name = "attribute leaf block", .verify_read = leaf_read_verify, .verify_write = leaf_write_verify, .owner = dx_da_owner,
};

/* One block of a remote value; a buffer holds as many as are contiguous on disk. */
static int check_rmt(struct dx_buf *bp, struct dx_attr3_rmt_hdr *h, u32 nr)
{
	struct dx_mount *mp = bp->b_mp;

	if (be32_to_cpu(h->rm_magic) != DX_ATTR3_RMT_MAGIC)
		return BAD("magic");
	if (!dx_meta_uuid_ok(mp, &h->rm_uuid))
		return BAD("uuid");
	if (be64_to_cpu(h->rm_blkno) != bp->b_daddr + dx_fsb_to_bb(mp, nr))
		return BAD("bno");
	if (!h->rm_bytes || be32_to_cpu(h->rm_bytes) > dx_attr_rmt_payload(mp))
		return BAD("bytes");
	if (be32_to_cpu(h->rm_offset) > DX_XATTR_SIZE_MAX ||
	    be32_to_cpu(h->rm_offset) + be32_to_cpu(h->rm_bytes) > DX_XATTR_SIZE_MAX)
		return BAD("offset");
	if (!h->rm_owner)
		return BAD("owner");
	return 0;
}

static int rmt_read_verify(struct dx_buf *bp)
{
	u32 size = bp->b_mp->sb.blocksize, n = dx_buf_len(bp) / size, i;
	int error;

	for (i = 0; i < n; i++) {
		if (!dx_verify_cksum(dx_buf_off(bp, i * size), size, DX_ATTR3_RMT_CRC_OFF))
			return dx_buf_badcrc(bp);
		error = check_rmt(bp, dx_buf_off(bp, i * size), i);
		if (error)
			return error;
	}
	return 0;
}

static int rmt_write_verify(struct dx_buf *bp)
{
	u32 size = bp->b_mp->sb.blocksize, n = dx_buf_len(bp) / size, i;
	int error;

	for (i = 0; i < n; i++) {
		struct dx_attr3_rmt_hdr *h = dx_buf_off(bp, i * size);

		error = check_rmt(bp, h, i);
		if (error)
			return error;
		h->rm_lsn = cpu_to_be64(DX_NULLLSN);	/* never logged */
		dx_update_cksum(h, size, DX_ATTR3_RMT_CRC_OFF);
	}
	return 0;
}

static u64 rmt_owner(const struct dx_buf *bp)
{
	return be64_to_cpu(((const struct dx_attr3_rmt_hdr *)bp->b_addr)->rm_owner);
}

const struct dx_buf_ops dx_attr3_rmt_buf_ops = {
	.name = "remote attribute value", .verify_read = rmt_read_verify, .verify_write = rmt_write_verify, .owner = rmt_owner,
};
