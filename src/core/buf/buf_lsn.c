// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LSN in a metadata block: where it stands, and whether it can be true.
 *
 * A v5 block carries the LSN of the last checkpoint that it holds.  Recovery takes a block whose LSN is not
 * older than an item's for one that has the item already.  That rests on one thing: no block is ahead of the log.  One that
 * is was written with another log (this one was zeroed, or comes from a copy), and recovery would skip what is
 * newer.  So it is refused, as stock XFS does: xfs_repair gives the log a cycle behind every LSN that it finds.
 *
 * Inodes have LSNs of their own, which recovery compares (recover_item.c).  No locks; the buffer is the caller's.
 *
 * Source: "Metadata Integrity", "Log Recovery".
 */
#include "dx_buf.h"

/* Known by the magic at offset 0 (32 bits), or at 8 (16 bits, directory and attribute tree blocks). */
static const struct dx_lsn_place places[] = {
#define PLACE(magic, type, lsn, uuid, crc) \
	{ magic, false, offsetof(type, lsn), offsetof(type, uuid), offsetof(type, crc) }
#define SHORT(magic) PLACE(magic, struct dx_btree_sblock, bb_lsn, bb_uuid, bb_crc)
#define DIR(magic) PLACE(magic, struct dx_dir3_blk_hdr, lsn, uuid, crc)
#define DA(magic) { magic, true, offsetof(struct dx_da3_blkinfo, lsn), offsetof(struct dx_da3_blkinfo, uuid), \
		    offsetof(struct dx_da3_blkinfo, crc) }
	SHORT(DX_ABTB_CRC_MAGIC), SHORT(DX_ABTC_CRC_MAGIC), SHORT(DX_IBT_CRC_MAGIC), SHORT(DX_FIBT_CRC_MAGIC),
	SHORT(DX_RMAP_CRC_MAGIC), SHORT(DX_REFC_CRC_MAGIC),
	PLACE(DX_BMAP_CRC_MAGIC, struct dx_btree_lblock, bb_lsn, bb_uuid, bb_crc),
	PLACE(DX_AGF_MAGIC, struct dx_agf, agf_lsn, agf_uuid, agf_crc),
	PLACE(DX_AGI_MAGIC, struct dx_agi, agi_lsn, agi_uuid, agi_crc),
	PLACE(DX_AGFL_MAGIC, struct dx_agfl, agfl_lsn, agfl_uuid, agfl_crc),
	PLACE(DX_SYMLINK_MAGIC, struct dx_dsymlink_hdr, sl_lsn, sl_uuid, sl_crc),
	PLACE(DX_SB_MAGIC, struct dx_dsb, sb_lsn, sb_uuid, sb_crc),
	DIR(DX_DIR3_BLOCK_MAGIC), DIR(DX_DIR3_DATA_MAGIC), DIR(DX_DIR3_FREE_MAGIC),
	DA(DX_DA3_NODE_MAGIC), DA(DX_ATTR3_LEAF_MAGIC), DA(DX_DIR3_LEAF1_MAGIC), DA(DX_DIR3_LEAFN_MAGIC),
};

/**
 * dx_buf_lsn_place - where a block keeps its LSN, uuid and checksum
 * @bp: locked buffer with contents, verified or not
 *
 * Return: NULL when it has none, or is not this volume's (so whatever it holds is older).
 */
const struct dx_lsn_place *dx_buf_lsn_place(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	u32 magic = get_unaligned_be32(bp->b_addr);
	u16 magic16 = get_unaligned_be16(dx_buf_off(bp, offsetof(struct dx_da3_blkinfo, magic)));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const struct dx_lsn_place *p = &places[i];
		const uuid_t *uuid = dx_buf_off(bp, p->uuid_off);

		if (p->magic != (p->da ? magic16 : magic))
			continue;
		/* the superblock has the volume's public uuid, everything else the one of metadata */
		if (memcmp(uuid, p->magic == DX_SB_MAGIC ? &mp->sb.uuid : &mp->sb.meta_uuid, sizeof(*uuid)))
			return NULL;
		return p;
	}
	return NULL;
}

/**
 * dx_buf_check_lsn - is a block from this log, or from before it?
 * @bp: locked buffer; its checksum is right
 *
 * For what was just read: one that is dirty in memory has the LSN of its last write.
 *
 * Return: 0, or -EFSCORRUPTED after a message.
 */
int dx_buf_check_lsn(struct dx_buf *bp)
{
	const struct dx_lsn_place *p = dx_buf_lsn_place(bp);

	if (!p)
		return 0;
	return bp->b_mp->buf_above->check_lsn(bp->b_mp, bp->b_ops && bp->b_ops->name ? bp->b_ops->name : "metadata block",
				bp->b_maps[0].daddr, get_unaligned_be64(dx_buf_off(bp, p->lsn_off)));
}
