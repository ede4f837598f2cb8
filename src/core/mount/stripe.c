// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stripe unit and width: those of the superblock, or what the mount options say instead.
 *
 * What the options say is checked before anything is written, against what the superblock alone tells.  It is adopted when
 * the log has been replayed, and goes to the superblock with the first transaction of a mount that writes; of one that does
 * not, when that is remounted.  The superblock's are changed only if the root inode lies where mkfs.xfs would have put it with
 * the new ones: it is there that xfs_repair looks for it.  If it does not, they count for this mount alone, as with stock XFS.
 *
 * Context: mount and remount, which the caller keeps apart.
 * Sources: "Superblocks", "Inode Numbers"; xfs(5), mkfs.xfs(8).
 */
#include "dx_mount.h"
#include "dx_log.h"
#include "dx_recover.h"

/**
 * dx_stripe_check - may the volume have the stripe that the mount options ask for?
 * @mp: the mount, its geometry derived from the superblock
 *
 * Writes nothing.  Return: 0, or -EINVAL after saying why.
 */
int dx_stripe_check(struct dx_mount *mp)
{
	u32 unit = mp->opts.sunit_bb, width = mp->opts.swidth_bb, bb = 1u << mp->blkbb_log;

	if (!unit)
		return 0;
	if (!(mp->sb.versionnum & DX_SB_VERSION_DALIGNBIT)) {
		dx_err(mp, "sunit and swidth: the volume was made without a stripe unit; mount without them");
		return -EINVAL;
	}
	if (unit % bb || width % bb) {
		dx_err(mp, "sunit=%u,swidth=%u: must be whole blocks, of %u sectors of 512 bytes", unit, width, bb);
		return -EINVAL;
	}
	if (mp->sb.agblocks % (unit / bb)) {
		dx_err(mp, "sunit=%u: an allocation group, of %llu sectors, must be a multiple of it", unit,
		       dx_fsb_to_bb(mp, mp->sb.agblocks));
		return -EINVAL;
	}
	return 0;
}

/* Do chunks of inodes begin at multiples of a stripe unit?  As mkfs.xfs decides that for the first one. */
static bool aligns_inodes(struct dx_mount *mp, u32 unit)
{
	return unit && mp->ialloc_align > 1 && unit % mp->ialloc_align == 0;
}

/* Where the root inode's chunk begins in AG 0: behind all that mkfs.xfs puts there before it. */
static dx_agbno_t root_chunk(struct dx_mount *mp, u32 unit)
{
	const struct dx_sb *s = &mp->sb;
	dx_agbno_t bno = dx_b_to_fsb(mp, (DX_AGFL_SECT + 1) * s->sectsize);

	/* roots of the trees, and the free list of an AG whose trees are nothing but roots */
	bno += 3 + !!dx_has_finobt(mp) + !!dx_has_rmapbt(mp) + !!dx_has_reflink(mp);
	bno += 2 * min_t(u32, mp->alloc_maxlevels, 2) + min_t(u32, mp->rmap_maxlevels, 2);
	if (s->logstart && dx_fsb_to_agno(mp, s->logstart) == 0)
		bno += s->logblocks;
	if (aligns_inodes(mp, unit))
		bno = roundup(bno, unit);
	else if ((s->versionnum & DX_SB_VERSION_ALIGNBIT) && s->inoalignmt > 1)
		bno = roundup(bno, s->inoalignmt);
	return bno;
}

static void adopt_options(struct dx_mount *mp)
{
	mp->sunit = dx_bb_to_fsbt(mp, mp->opts.sunit_bb);
	mp->swidth = dx_bb_to_fsbt(mp, mp->opts.swidth_bb);
	if (mp->sunit == mp->sb.unit && mp->swidth == mp->sb.width)
		return;
	if (mp->sb.rootino != dx_agino_to_ino(mp, 0, dx_agb_to_agino(mp, root_chunk(mp, mp->sunit)))) {
		dx_warn(mp, "sunit=%u,swidth=%u are for this mount only: xfs_repair would not expect the root inode where it is; the superblock keeps sunit=%llu,swidth=%llu",
			mp->opts.sunit_bb, mp->opts.swidth_bb, dx_fsb_to_bb(mp, mp->sb.unit), dx_fsb_to_bb(mp, mp->sb.width));
		return;
	}
	mp->sb.unit = mp->sunit;
	mp->sb.width = mp->swidth;
	set_bit(DX_OP_SB_STRIPE, &mp->opstate);
}

/**
 * dx_stripe_adopt - decide by which stripe this mount allocates
 * @mp: the mount; its superblock is what the log has made of it, and nothing has been allocated yet
 *
 * mp->sunit is 0 where nothing is to be aligned.
 */
void dx_stripe_adopt(struct dx_mount *mp)
{
	mp->sunit = mp->swidth = 0;
	if (mp->opts.sunit_bb) {
		adopt_options(mp);
	} else if (!mp->opts.noalign && (mp->sb.versionnum & DX_SB_VERSION_DALIGNBIT)) {
		mp->sunit = mp->sb.unit;
		mp->swidth = mp->sb.width;
	}
	mp->ialloc_stripe = aligns_inodes(mp, mp->sunit) ? mp->sunit : 0;
}

/**
 * dx_stripe_write - write a stripe that came with the options to the superblock
 * @mp: the mount, which writes now
 *
 * Most have nothing to write.  Return: 0, or -EIO.
 */
int dx_stripe_write(struct dx_mount *mp)
{
	int error;

	if (!test_bit(DX_OP_SB_STRIPE, &mp->opstate))
		return 0;
	error = dx_sync_sb(mp, true);
	if (error)
		return error;
	clear_bit(DX_OP_SB_STRIPE, &mp->opstate);
	dx_info(mp, "the superblock has sunit=%u,swidth=%u now", mp->opts.sunit_bb, mp->opts.swidth_bb);
	return 0;
}
