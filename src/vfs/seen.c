// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has a file changed since somebody looked at its times?  Who puts a copy of a file in its place (xfs_fsr, by XFS_IOC_SWAPEXT or
 * XFS_IOC_COMMIT_RANGE) asks for its times first, copies, and has the times compared in the lockout.  They do not tell all:
 *
 *	- a direct write moves them when it is submitted.  One that was in flight when they were asked for arrives later, behind the
 *	  copy, and is acknowledged: the copy would hide it;
 *	- two writes within a tick of the clock have the same times.
 *
 * So bulkstat and XFS_IOC_START_COMMIT mark the inode (dx_inode_seen()), and what changes its contents marks a marked one,
 * before it begins, or when it is done if others can look meanwhile: dx_note_change().  Whoever comes to swap finds that in
 * the lockout, is refused, and the time of change moves, so that all who have looked before will be, too.  A look that finds
 * that times have moved since the last one takes the mark away, for who looked then is told by them.
 *
 * The mark is set, and ordered, before its setter reads times and data (dx_inode_seen()), and looked for after data has arrived, or
 * with the page locked that a store is about to change.
 */
#include "dx_vfs.h"

/**
 * dx_check_seen - in the lockout: has a change come that times do not tell?
 * @inode: locked out
 *
 * Return: 0; -EBUSY: yes, and times tell it now; or what moving them can be.
 */
int dx_check_seen(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);
	struct timespec64 now;
	int error;

	if (!test_bit(DX_I_CHANGED, &ip->i_flags) || dx_errortag(inode, DX_TAG_CHANGES_UNSEEN))
		return 0;
	dx_plat_now(ip->mp, &now);
	if (timespec64_compare(&now, &ip->d.ctime) <= 0)
		now = timespec64_add(ip->d.ctime, (struct timespec64){ .tv_nsec = 1 });
	error = dx_vn_update_time(inode, &now, DX_UPD_CTIME);
	if (error)
		return error;
	clear_bit(DX_I_CHANGED, &ip->i_flags);
	return -EBUSY;
}
