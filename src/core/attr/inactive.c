// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of an inode.
 *
 * It has two parts.  Unlinking puts it onto an unlinked list (iunlink.c); when its last user is gone, dx_inactivate()
 * gives back its blocks and then its number, each in transactions of their own, so that a crash in between
 * leaves it on the list for recovery to continue with.
 *
 * Lock context: no transaction and no ILOCK.
 */
#include "dx_inode_item.h"
#include "dx_bmap.h"
#include "dx_cow.h"
#include "dx_alloc.h"
#include "dx_attr.h"
#include "dx_dir.h"

/*
 * Freeing the number may split finobt blocks.  Its AG has blocks set aside for that; when they do not suffice and
 * space is short we go without a reservation, as unlink always works.
 */
static int ifree_trans(struct dx_inode *ip, struct dx_trans **tpp)
{
	struct dx_mount *mp = ip->mp;
	struct dx_perag *pag = dx_perag(mp, dx_ino_to_agno(mp, ip->ino));
	u32 blocks = dx_has_finobt(mp) ? dx_agresv_short(pag, DX_AGRESV_FINOBT, mp->inobt_maxlevels) : 0;
	int error;

	error = dx_trans_alloc(mp, DX_RESV_IFREE, blocks, DX_TRANS_RESERVE, tpp);
	if (error == -ENOSPC)
		error = dx_trans_alloc(mp, DX_RESV_IFREE, 0, DX_TRANS_RESERVE, tpp);
	return error;
}

static int free_number(struct dx_inode *ip)
{
	struct dx_trans *tp;
	int error;

	error = ifree_trans(ip, &tp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	/*
	 * After an error the inode stays unlinked and unusable; a later mount tries again.  A transaction
	 * that is dirty by then shuts the filesystem down.
	 */
	return dx_trans_end(tp, dx_ifree(tp, ip));
}

/**
 * dx_inactivate - what the last user leaves to be done
 * @ip: nobody else can reach it
 *
 * An unlinked inode loses its blocks, its attributes and its number, and comes back
 * with d.mode == 0.  Any other one loses its preallocation past EOF, unless somebody asked for that.  Copies on write that
 * nobody has made use of go in any case.
 *
 * Return: 0 or -errno.
 */
int dx_inactivate(struct dx_inode *ip)
{
	int error;

	if (!ip->d.mode)
		return 0;
	error = dx_quota_attach(ip);
	if (!error)
		error = dx_cow_cancel_all(ip);
	if (error)
		return error;
	if (ip->d.nlink) {
		if (!ip->delayed_blks && (ip->d.flags & (DX_DIFLAG_PREALLOC | DX_DIFLAG_APPEND)))
			return 0;
		return dx_free_eofblocks(ip);
	}

	if (S_ISLNK(ip->d.mode)) {
		if (ip->df.format != DX_DINODE_FMT_LOCAL)
			error = dx_symlink_inactive_remote(ip);
	} else if (ip->df.format == DX_DINODE_FMT_EXTENTS || ip->df.format == DX_DINODE_FMT_BTREE) {
		if (S_ISDIR(ip->d.mode) || ip->d.size || ip->df.nextents || ip->delayed_blks)
			error = dx_cut_data_fork(ip, 0, true);
	}
	if (error)
		return error;
	if (ip->af) {
		error = dx_attr_free_all(ip);
		if (error)
			return error;
	}
	return free_number(ip);
}
