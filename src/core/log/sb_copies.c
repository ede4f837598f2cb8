// SPDX-License-Identifier: GPL-2.0-only
/*
 * The copies of the superblock, one at the beginning of each AG but the first, for the day when the primary one is lost.
 *
 * xfs_repair compares size and label in them with the primary's, so they follow when these change, after the change is durable.
 * They are not logged.  What a crash leaves is found at the next mount: the copy in the last AG, a new one's as well, is made
 * right when all others are durable, so it alone tells whether the others are as they should be.
 *
 * They are never in the buffer cache.
 *
 * Source: "Superblocks"; that mkfs.xfs leaves sb_inprogress set in them, and counters that are nobody's.
 */
#include "dx_mount.h"
#include "dx_log.h"

/**
 * dx_sb_copy - the primary superblock, as a copy of it has it
 * @mp: the mount
 * @to: a sector
 *
 * Context: sleeps; the primary is not locked by the caller.
 */
void dx_sb_copy(struct dx_mount *mp, struct dx_dsb *to)
{
	dx_buf_lock(mp->sb_bp);
	memcpy(to, mp->sb_bp->b_addr, mp->sb.sectsize);
	dx_buf_unlock(mp->sb_bp);
	/* the log does not know it */
	to->sb_lsn = 0;
	dx_update_cksum(to, mp->sb.sectsize, DX_SB_CRC_OFF);
}

static int copy_rw(struct dx_mount *mp, enum dx_io_op op, dx_agno_t agno, struct dx_dsb *sector)
{
	struct dx_io io = {
		.op = op, .flags = DX_IOF_META | DX_IOF_SYNC, .bdev = mp->bdev,
		.daddr_bb = dx_fsb_daddr_of_agsect(mp, agno, DX_SB_SECT), .len_bytes = mp->sb.sectsize, .data = sector,
	};
	int error = dx_is_shutdown(mp) ? -EIO : dx_plat_io_wait(&io);

	if (error && !dx_is_shutdown(mp))
		dx_err(mp, "cannot %s the superblock copy in AG %u: error %d", op == DX_IO_READ ? "read" : "write", agno, error);
	return error;
}

/**
 * dx_sb_copies_write - have all copies say what the primary superblock says
 * @mp: the mount; the primary is durable, in the log at least
 *
 * One that cannot be written does not keep the others from it.
 *
 * Context: grow_mutex, or mount.
 * Return: 0, or the first error: -EIO, -ENOMEM; the next mount looks.
 */
int dx_sb_copies_write(struct dx_mount *mp)
{
	struct dx_dsb *sector = kmalloc(mp->sb.sectsize, GFP_KERNEL);
	dx_agno_t last = dx_agcount(mp) - 1, agno;
	int error = 0, e;

	if (!sector)
		return -ENOMEM;
	dx_sb_copy(mp, sector);
	for (agno = 1; agno <= last; agno++) {
		/* see above */
		if (agno == last) {
			e = error ? error : dx_plat_flush(mp->bdev);
			if (e) {
				error = e;
				break;
			}
		}
		e = copy_rw(mp, DX_IO_WRITE, agno, sector);
		if (!error)
			error = e;
	}
	if (!error && last)
		error = dx_plat_flush(mp->bdev);
	kfree(sector);
	return error;
}

/**
 * dx_sb_copies_check - write the copies if a crash has left them behind
 * @mp: a mount that may write, before its first transaction
 *
 * A last copy that is damaged is left to xfs_repair.  A copy that cannot be read or written now is not what a mount should
 * fail for.
 */
void dx_sb_copies_check(struct dx_mount *mp)
{
	struct dx_dsb *sector = kmalloc(mp->sb.sectsize, GFP_KERNEL);
	const struct dx_sb *s = &mp->sb;
	dx_agno_t last = dx_agcount(mp) - 1;
	struct dx_sb copy;

	if (!sector || !last || copy_rw(mp, DX_IO_READ, last, sector))
		goto out;
	if (sector->sb_magicnum != cpu_to_be32(DX_SB_MAGIC) || !dx_verify_cksum(sector, s->sectsize, DX_SB_CRC_OFF))
		goto out;
	dx_sb_from_disk(&copy, sector);
	if (memcmp(&copy.uuid, &s->uuid, sizeof(copy.uuid)) || copy.agblocks != s->agblocks || copy.blocksize != s->blocksize)
		goto out;
	if (copy.dblocks == s->dblocks && copy.agcount == s->agcount && copy.imax_pct == s->imax_pct &&
	    !memcmp(copy.fname, s->fname, sizeof(copy.fname)))
		goto out;
	dx_info(mp, "a change of size or label was interrupted: writing the copies of the superblock anew");
	dx_sb_copies_write(mp);
out:
	kfree(sector);
}
