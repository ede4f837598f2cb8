// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LSN in a metadata block: where it stands, and whether it can be true.
 *
 * A v5 block carries the LSN of the last checkpoint that it holds.  Recovery takes a block whose LSN is not
 * older than an item's for one that has the item already.  That rests on one thing: no block is ahead of the log.  One that
 * is was written with another log (this one was zeroed, or comes from a copy), and recovery would skip what is
 * newer.  So it is refused, as stock XFS does: xfs_repair gives the log a cycle behind every LSN that it finds.
 *
 * What is in free space has no meaning, and may look like anything: a file had it, which may have been an image of this very
 * volume.  So a block also has to be where it says it is.  That is no proof, since who writes the file may know where it lies:
 * see replay.c.
 *
 * Inodes have LSNs of their own, which recovery compares (inode_item.c).  No locks; the buffer is the caller's.
 *
 * Source: "Metadata Integrity", "Log Recovery".
 */
#include "dx_buf.h"
#include "dx_log_format.h"

/* Known by the magic at offset 0 (32 bits), or at 8 (16 bits, directory and attribute tree blocks). */
static const struct dx_lsn_place places[] = {
#define FIELDS(type, lsn_, uuid_, crc_) \
	.lsn_off = offsetof(type, lsn_), .uuid_off = offsetof(type, uuid_), .crc_off = offsetof(type, crc_)
#define BLOCK(magic_, blft_, type, p) \
	{ .magic = magic_, .blft = blft_, .blkno_off = offsetof(type, p##blkno), FIELDS(type, p##lsn, p##uuid, p##crc) }
#define SHORT(magic) BLOCK(magic, DX_BLFT_BTREE, struct dx_btree_sblock, bb_)
#define PLAIN(magic_, blft_, type, da_) \
	{ .magic = magic_, .da = da_, .blft = blft_, .blkno_off = offsetof(type, blkno), FIELDS(type, lsn, uuid, crc) }
#define DIR(magic, blft) PLAIN(magic, blft, struct dx_dir3_blk_hdr, false)
#define DA(magic, blft) PLAIN(magic, blft, struct dx_da3_blkinfo, true)
#define HEADER(magic_, blft_, sect_, type, p) \
	{ .magic = magic_, .blft = blft_, .sect = sect_, FIELDS(type, p##lsn, p##uuid, p##crc) }
	SHORT(DX_ABTB_CRC_MAGIC), SHORT(DX_ABTC_CRC_MAGIC), SHORT(DX_IBT_CRC_MAGIC), SHORT(DX_FIBT_CRC_MAGIC),
	SHORT(DX_RMAP_CRC_MAGIC), SHORT(DX_REFC_CRC_MAGIC),
	BLOCK(DX_BMAP_CRC_MAGIC, DX_BLFT_BTREE, struct dx_btree_lblock, bb_),
	BLOCK(DX_SYMLINK_MAGIC, DX_BLFT_SYMLINK, struct dx_dsymlink_hdr, sl_),
	HEADER(DX_SB_MAGIC, DX_BLFT_SB, 0, struct dx_dsb, sb_),
	HEADER(DX_AGF_MAGIC, DX_BLFT_AGF, DX_AGF_SECT, struct dx_agf, agf_),
	HEADER(DX_AGI_MAGIC, DX_BLFT_AGI, DX_AGI_SECT, struct dx_agi, agi_),
	HEADER(DX_AGFL_MAGIC, DX_BLFT_AGFL, DX_AGFL_SECT, struct dx_agfl, agfl_),
	DIR(DX_DIR3_BLOCK_MAGIC, DX_BLFT_DIR_BLOCK), DIR(DX_DIR3_DATA_MAGIC, DX_BLFT_DIR_DATA),
	DIR(DX_DIR3_FREE_MAGIC, DX_BLFT_DIR_FREE),
	DA(DX_DA3_NODE_MAGIC, DX_BLFT_DA_NODE), DA(DX_ATTR3_LEAF_MAGIC, DX_BLFT_ATTR_LEAF),
	DA(DX_DIR3_LEAF1_MAGIC, DX_BLFT_DIR_LEAF1), DA(DX_DIR3_LEAFN_MAGIC, DX_BLFT_DIR_LEAFN),
};

/**
 * dx_lsn_place_of - where blocks of a kind keep their LSN
 * @block: the first 32 bytes of one, at least
 *
 * Return: NULL when they have none, or it is no block of metadata.
 */
const struct dx_lsn_place *dx_lsn_place_of(const void *block)
{
	u32 magic = get_unaligned_be32(block);
	u16 magic16 = get_unaligned_be16((const char *)block + offsetof(struct dx_da3_blkinfo, magic));
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].magic == (places[i].da ? magic16 : magic))
			return &places[i];
	return NULL;
}

/**
 * dx_blft_has_lsn - do blocks of a type carry an LSN?
 * @blft: DX_BLFT_*
 */
bool dx_blft_has_lsn(u8 blft)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].blft == blft)
			return true;
	return false;
}

/* Is a block where it says, or where the only ones of its kind are? */
static bool at_home(struct dx_buf *bp, const struct dx_lsn_place *p)
{
	struct dx_mount *mp = bp->b_mp;
	dx_daddr_t daddr = bp->b_maps[0].daddr;
	u64 off;

	if (p->blkno_off)
		return get_unaligned_be64(dx_buf_off(bp, p->blkno_off)) == daddr;
	div64_u64_rem(daddr, dx_fsb_to_bb(mp, mp->sb.agblocks), &off);
	return off == (u64)p->sect << mp->sectbb_log;
}

/**
 * dx_buf_lsn_place - where a block keeps its LSN, uuid and checksum
 * @bp: locked buffer with contents, verified or not
 *
 * Return: NULL when it has none, is not this volume's, or another block of it (so whatever it holds is older).
 */
const struct dx_lsn_place *dx_buf_lsn_place(struct dx_buf *bp)
{
	const struct dx_lsn_place *p = dx_lsn_place_of(bp->b_addr);
	struct dx_mount *mp = bp->b_mp;

	if (!p)
		return NULL;
	/* the superblock has the volume's public uuid, everything else the one of metadata */
	if (memcmp(dx_buf_off(bp, p->uuid_off), p->magic == DX_SB_MAGIC ? &mp->sb.uuid : &mp->sb.meta_uuid, sizeof(uuid_t)))
		return NULL;
	return at_home(bp, p) ? p : NULL;
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
