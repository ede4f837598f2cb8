// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening the log: its ends are found, it starts, what it holds is replayed, and what that leaves is finished.
 *
 * The log itself (log.c) knows nothing of recovery, nor of what the items in it mean.
 *
 * Context: mount and remount; nothing else runs.
 */
#include "dx_recover.h"
#include "dx_alloc.h"
#include "dx_inode.h"

/* Recovery's first part.  The device and the features must allow writing. */
static int replay(struct dx_mount *mp, struct dx_log_head *h)
{
	int error;

	if (test_bit(DX_OP_RO_DEVICE, &mp->opstate)) {
		dx_err(mp, "the log needs recovery and the device is read-only: mount with -o ro,norecovery");
		return -EROFS;
	}
	if (test_bit(DX_OP_RO_FEATURE, &mp->opstate)) {
		dx_err(mp, "the log needs recovery, and features of this volume do not let us write: mount it with the kernel's XFS, or with -o ro,norecovery");
		return -EROFS;
	}
	dx_info(mp, "Starting recovery");
	set_bit(DX_OP_RECOVERING, &mp->opstate);
	set_bit(DX_OP_WAS_DIRTY, &mp->opstate);
	dx_trace(mp, "recover", h->head_block, h->tail_block, h->head_cycle);
	error = dx_recover_replay(mp, h);
	dx_trace(mp, "recovered", h->head_block, h->tail_block, -error);
	if (!error)
		error = dx_plat_flush(mp->bdev);
	if (!error)
		error = dx_log_replayed(mp);
	return error;
}

/**
 * dx_log_mount - start the log: find its ends, replay it if need be
 * @mp: the mount: buffers, AIL, reservations are up
 *
 * After it metadata may be read and transactions run, but intents and unlinked inodes
 * may remain to be finished by dx_log_mount_finish().  norecovery: there is no log.
 *
 * Return: 0, -EINVAL, -EROFS, -EFSCORRUPTED, -EIO, -ENOMEM; after an error there is no log.
 */
int dx_log_mount(struct dx_mount *mp)
{
	struct dx_log_head h = { };
	int error;

	error = dx_log_create(mp);
	if (error || dx_log_is_inert(mp))
		return error;
	error = dx_recover_find(mp, &h);
	if (!error)
		error = dx_log_start(mp, &h);
	if (!error && !h.clean)
		error = replay(mp, &h);
	if (error)
		dx_log_give_up(mp);
	return error;
}

/**
 * dx_log_process_unlinked - free what a clean log has left: inodes on unlinked lists; the first time, staged copies
 * @mp: a mount that has just become writable, clean log
 *
 * An inode whose end failed for want of memory stays unlinked across a clean unmount.  If it fails again there is
 * always the next mount.
 *
 * Return: 0, or -EIO after a shutdown.
 */
int dx_log_process_unlinked(struct dx_mount *mp)
{
	int error;

	set_bit(DX_OP_RECOVERING, &mp->opstate);
	error = dx_iunlink_process_all(mp);
	/* what a mount has staged itself, before it was read-only for a while, files in memory still write to */
	if (!error && !test_bit(DX_OP_WAS_RW, &mp->opstate))
		error = dx_refcount_free_leftovers(mp);
	clear_bit(DX_OP_RECOVERING, &mp->opstate);
	return error;
}

/**
 * dx_log_mount_finish - the part of recovery that needs inodes, then normal operation
 * @mp: the mount; inode cache and counters are up
 *
 * Return: 0 or -errno: the mount must be given up with DX_OP_SHUTDOWN set, so that the log stays as it is.
 */
int dx_log_mount_finish(struct dx_mount *mp)
{
	int error;

	if (dx_log_is_inert(mp))
		return 0;
	if (test_bit(DX_OP_RECOVERING, &mp->opstate)) {
		error = dx_recover_finish(mp);
		if (!error)
			error = dx_log_force(mp, true);
		if (error)
			return error;
		dx_log_finished(mp, false);
		if (dx_is_readonly(mp)) {
			/* a clean log vouches for the summary counters, too */
			dx_icache_flush_inactive(mp);
			error = dx_sync_sb(mp, true);
			if (!error)
				error = dx_log_quiesce(mp, true);
			if (error)
				return error;
			mp->log_above->settle(mp);	/* from here on nothing is written, nor discarded */
		}
		clear_bit(DX_OP_RECOVERING, &mp->opstate);
	} else if (!dx_is_readonly(mp)) {
		error = dx_log_process_unlinked(mp);
		if (error)
			return error;
	}
	dx_log_finished(mp, true);
	return 0;
}
