// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log recovery, quota: records of quota files come to their places, with the limits that they hold.
 *
 * They are replayed whether this mount accounts or not.  Where it does not, what follows recovery makes the usage in them wrong,
 * which is said before the first change (gate.c), and then who accounts counts anew.  Limits nobody can count anew.
 *
 * A quota file's block comes into being as a buffer item that holds all of its records; from then on each record has
 * items of its own, and an LSN and a checksum on disk.  The block has none: its buffer item is always
 * replayed, since the changes since then are in the log behind it.
 *
 * When accounting of a type has ended, records of before are not replayed: their blocks may have been freed, as data
 * are, without a cancellation.
 *
 * Single-threaded, at mount.  Source: "Update Quota File", "Disable Quota Log Item", "Quota Inodes".
 */
#include "dx_recover.h"
#include "dx_alloc.h"

/**
 * dx_quotaoff_pass1 - accounting of some types ends in this log
 * @rc: the recovery
 * @it: a quotaoff item
 *
 * Return: 0.
 */
int dx_quotaoff_pass1(struct dx_recovery *rc, struct dx_ritem *it)
{
	const struct dx_quotaoff_log_format *f = it->r[0].addr;

	if (f->qf_flags & DX_UQUOTA_ACCT)
		rc->quota_off |= DX_DQ_USER;
	if (f->qf_flags & DX_PQUOTA_ACCT)
		rc->quota_off |= DX_DQ_PROJ;
	if (f->qf_flags & DX_GQUOTA_ACCT)
		rc->quota_off |= DX_DQ_GROUP;
	return 0;
}

/* The LSN of a record on disk; 0 when it is torn, or no record of this volume. */
static dx_lsn_t lsn_on_disk(struct dx_mount *mp, const struct dx_dqblk *q)
{
	dx_lsn_t lsn = be64_to_cpu(q->dd_lsn);

	if (q->dd_diskdq.d_magic != cpu_to_be16(DX_DQUOT_MAGIC) || lsn == DX_NULLLSN ||
	    memcmp(&q->dd_uuid, &mp->sb.meta_uuid, sizeof(q->dd_uuid)) ||
	    !dx_verify_cksum(q, sizeof(*q), DX_DQUOT_CRC_OFF))
		return 0;
	return lsn;
}

/**
 * dx_dquot_pass2 - one record of a quota file to its place
 * @rc: the recovery
 * @it: a dquot item
 * @lsn: of its transaction
 *
 * Return: 0, -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_dquot_pass2(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_dquot_log_format *f = it->r[0].addr;
	const struct dx_disk_dquot *d = it->r[1].addr;
	u32 len_bb = 1u << mp->blkbb_log;	/* whatever unit qlf_len is in */
	dx_lsn_t on_disk;
	struct dx_dqblk *q;
	struct dx_buf *bp;
	int error;

	BUILD_BUG_ON(sizeof(*d) != 104 || sizeof(*q) != 136);
	if (d->d_flags & rc->quota_off || dx_replay_cancelled(rc, f->qlf_blkno, len_bb))
		return 0;
	error = dx_buf_read(mp, f->qlf_blkno, len_bb, DX_READ_NOVERIFY, NULL, &bp);
	if (error)
		return error;
	q = dx_buf_off(bp, f->qlf_boffset);
	on_disk = lsn_on_disk(mp, q);
	/* ahead of the log, as of an inode: dx_inode_replay() */
	if (on_disk < lsn || dx_log_lsn_ahead(mp, on_disk)) {
		q->dd_diskdq = *d;
		q->dd_lsn = cpu_to_be64(lsn);
		q->dd_uuid = mp->sb.meta_uuid;
		dx_update_cksum(q, sizeof(*q), DX_DQUOT_CRC_OFF);
		dx_buf_write_later(bp, &rc->bufs);
	}
	dx_buf_leave(bp);
	return 0;
}
