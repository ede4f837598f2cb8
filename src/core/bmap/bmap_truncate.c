// SPDX-License-Identifier: GPL-2.0-only
/*
 * Giving back the blocks past a size.
 *
 * Lock context: no transaction and no ILOCK on entry unless said otherwise.
 */
#include "dx_cow.h"
#include "dx_bmap_int.h"

/**
 * dx_free_extents_from - unmap and free every block past a size
 * @tpp: transaction that @ip is joined to without unlock; rolled, the last one is the caller's to commit
 * @ip: ILOCK held exclusively, throughout
 * @whichfork: DX_DATA_FORK or DX_ATTR_FORK
 * @new_size: bytes; the block that contains its last byte stays
 *
 * Each transaction takes the last extents that are left, so whatever a crash leaves is a fork that ends earlier, never one with
 * a new hole in it.  d.size is the caller's: set and logged before, so that a crash between two rolls
 * leaves blocks past EOF rather than a size past the blocks.
 *
 * Return: 0 or -errno; the transaction in *tpp is valid in either case.
 */
int dx_free_extents_from(struct dx_trans **tpp, struct dx_inode *ip, int whichfork, u64 new_size)
{
	const u32 flags = whichfork == DX_ATTR_FORK ? DX_BMAPI_ATTRFORK : 0;
	const dx_fileoff_t keep = dx_b_to_fsb(ip->mp, new_size);

	for (;;) {
		dx_filblks_t tail;
		dx_fileoff_t end;
		int error;

		error = dx_bmap_last_offset(ip, whichfork, &end);
		if (error || end <= keep)
			return error;
		tail = end - keep;
		error = dx_bmap_unmap(*tpp, ip, keep, &tail, flags, DX_UNMAP_PER_TRANS);
		if (!error)
			error = dx_defer_finish(tpp);
		if (error)
			return error;
	}
}

/**
 * dx_cut_data_fork - cut the data fork of a file, in transactions of its own
 * @ip: inode, ILOCK not held
 * @size: bytes
 * @dying: nobody needs the rest, so d.size goes first
 *
 * Nothing is dirty before the extents have been read: if that fails nothing has happened.
 *
 * Return: 0 or -errno.
 */
int dx_cut_data_fork(struct dx_inode *ip, u64 size, bool dying)
{
	struct dx_trans *tp;
	int error;

	error = dx_quota_attach(ip);
	if (!error)
		error = dx_trans_alloc(ip->mp, DX_RESV_ITRUNCATE, 0, 0, &tp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, 0);
	error = dx_iread_extents(tp, ip, DX_DATA_FORK);
	if (error)
		goto out;
	if (dying) {
		/* no kernel before 6.9 reads an empty directory: it keeps its size to the end, unless another kernel took that */
		if (S_ISREG(ip->d.mode) || !ip->d.size)
			dx_inode_become_file(ip);
		dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	}
	error = dx_free_extents_from(&tp, ip, DX_DATA_FORK, size);
out:
	/* after an error what earlier transactions unmapped stays unmapped; a dirty one shuts us down */
	error = dx_trans_end(tp, error);
	if (!error && !dying)
		clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

/**
 * dx_free_eofblocks_from - give back preallocation past the end of a file
 * @ip: regular file; the caller holds the lockout (L3), or nobody can reach the file
 * @isize: the size that I/O uses, in bytes; at least d.size
 *
 * Most files have none: that is found out without a transaction.
 *
 * Return: 0 or -errno; -ENOSPC is possible for the log's sake only and harmless.
 */
int dx_free_eofblocks_from(struct dx_inode *ip, u64 isize)
{
	dx_fileoff_t end = 0;
	bool any;
	int error;

	if (!S_ISREG(ip->d.mode) || dx_is_readonly(ip->mp))
		return 0;
	error = dx_cow_cancel(ip, round_up(max(isize, dx_disk_size(ip)), ip->mp->sb.blocksize), U64_MAX, true);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	isize = max(isize, ip->d.size);
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (!error)
		error = dx_bmap_last_offset(ip, DX_DATA_FORK, &end);
	any = end > dx_b_to_fsb(ip->mp, isize);
	if (!error && !any)
		clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error || !any ? error : dx_cut_data_fork(ip, isize, false);
}

/**
 * dx_free_eofblocks - give back preallocation past d.size
 * @ip: regular file that nobody has open: its in-core size is d.size
 *
 * Return: 0 or -errno.
 */
int dx_free_eofblocks(struct dx_inode *ip)
{
	return dx_free_eofblocks_from(ip, ip->d.size);
}
