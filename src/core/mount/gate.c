// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is on the volume decides what may be done to it.
 *
 * The superblock's feature bits say what could be there (dx_sb_gate()); this looks at what is: a size that the
 * log has changed, checked quota usage.  Three times:
 *
 *  - before the log is replayed (dx_gate_superblock()): while a refusal still leaves the device as it was;
 *  - after replay, before the first transaction of our own (dx_gate_open());
 *  - when a read-only mount has become read-write (dx_gate_remounted()).
 *
 * A kind of quota that this mount does not account, or has to count first, is not what was checked after our first change.  The log
 * says so before that change, or a crash would leave figures that are wrong and pass for checked.
 *
 * Context: mount and remount; nothing else runs.
 */
#include "dx_recover.h"
#include "dx_alloc.h"

/* ---- before the replay ---- */

/**
 * dx_gate_superblock - take over the superblock that the log leaves
 * @rc: the recovery; the first pass has followed the superblock
 *
 * A log that holds a growth of the volume has transactions in the new AGs behind it: they must be there before these
 * are replayed.
 *
 * Return: 0; -EINVAL, -EIO (refused); -EFSCORRUPTED, -ENOMEM.
 */
int dx_gate_superblock(struct dx_recovery *rc)
{
	struct dx_mount *mp = rc->mp;
	struct dx_buf *bp;
	struct dx_sb new;
	int error;

	error = dx_look_get(rc, 0, 1u << mp->sectbb_log, &bp);
	if (error)
		return error;
	dx_sb_from_disk(&new, bp->b_addr);
	return dx_mount_change_sb(mp, &new);
}

/* ---- after it ---- */

/*
 * Usage of quota that was checked is not any more, for the mount is about to be changed for the first time.  Only the
 * flags that say "checked" go: what is accounted and enforced is the administrator's, and a kernel that does account
 * counts anew because of the missing ones.  0 when the log on disk says so.
 */
static int quota_unchecked(struct dx_mount *mp)
{
	if (!(mp->sb.qflags & DX_SB_QFLAG_CHKD & ~mp->qflags))
		return 0;
	if (mp->opts.quota)
		return dx_sync_sb(mp, true);
	dx_info(mp, "quota is not accounted here: a kernel that does will count usage anew");
	return dx_sync_sb(mp, true);
}

/**
 * dx_gate_open - what may this mount do?
 * @mp: log replayed, counters set; no transaction has run, intents and unlinked inodes wait
 *
 * Return: 0 or -errno.
 */
int dx_gate_open(struct dx_mount *mp)
{
	int error;

	if (test_bit(DX_OP_RECOVERING, &mp->opstate))
		return quota_unchecked(mp);
	/* nothing to finish: dx_gate_remounted() comes when that changes */
	if (dx_is_readonly(mp))
		return 0;
	error = dx_log_begin_writing(mp);
	return error ? error : quota_unchecked(mp);
}

/**
 * dx_gate_remounted - the first thing that a mount does when it has become read-write
 * @mp: the mount, writable for the core, not for users yet
 *
 * Return: 0, -EIO or -ENOMEM.
 */
int dx_gate_remounted(struct dx_mount *mp)
{
	int error = dx_log_begin_writing(mp);

	return error ? error : quota_unchecked(mp);
}
