// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changing the size of a file: truncate, and the last step of every space
 * operation that moves the end.  One function (L7), under a lockout (L3).
 */
#include "dx_vfs.h"
#include "trace.h"

/**
 * dx_write_below - the size on disk is about to grow
 * @inode: regular file in a lockout
 * @end: to where, bytes
 *
 * Data between the size on disk and the new one is written first, and so are the zeros in the block in which the file
 * ended: the log must not carry a size whose data is not there.
 *
 * Return: 0, or why it could not be written.
 */
int dx_write_below(struct inode *inode, loff_t end)
{
	u64 disk_size = dx_disk_size(DX_I(inode));

	return end > disk_size ? filemap_write_and_wait_range(inode->i_mapping, disk_size, end - 1) : 0;
}

/* @zero: the block of the nearer end, from there on; else that stays as it is. */
static int set_size(struct inode *inode, loff_t newsize, bool times, bool zero)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_vnode *vn = dx_vnode(inode);
	bool did_zero = false;
	loff_t oldsize;
	int error;

	error = dx_assert_locked_out(inode, DX_LK_FULL, 0, 1);
	if (error)
		return error;
	oldsize = i_size_read(inode);	/* after the drain (L4) */
	trace_dx_setsize(inode, newsize, newsize - oldsize, 0);
	dx_note_change(inode);
	dx_count(inode, DX_C_SETSIZE);
	error = inode_newsize_ok(inode, newsize);
	if (error)
		return error;
	if (newsize > inode->i_sb->s_maxbytes)
		return -EFBIG;	/* larger now, and larger than the page cache: vn_open() */

	if (!zero) {
		error = 0;
	} else if (newsize > oldsize) {
		error = dx_zero_range(inode, oldsize, newsize - oldsize, &did_zero);
	} else {
		/*
		 * Delayed blocks that reach over the new end would be lost
		 * with their pages; iomap zeroes through the cache, so what is
		 * left inside the last block stays dirty.
		 */
		error = dx_truncate_page(inode, newsize, &did_zero);
	}
	if (error)
		return error;

	if (oldsize != dx_disk_size(ip) || did_zero)
		error = dx_write_below(inode, newsize);
	if (error)
		return error;

	spin_lock(&vn->size_lock);
	i_size_write(inode, newsize);
	spin_unlock(&vn->size_lock);
	if (newsize > oldsize)
		pagecache_isize_extended(inode, oldsize, newsize);
	truncate_pagecache(inode, newsize);

	error = dx_setsize_trans(ip, newsize, newsize <= oldsize, times || newsize != oldsize);
	if (DX_LATE_READAHEAD)
		truncate_pagecache(inode, newsize);
	if (newsize < oldsize)
		set_bit(DX_I_TRUNCATED, &ip->i_flags);
	dx_vnode_sync(inode);
	return error;
}

/**
 * dx_setattr_size - set the end of a file
 * @inode: regular file in a lockout
 * @newsize: bytes
 * @times: set mtime and ctime even if the size stays
 *
 * Growing zeroes from the old end to the end of its block; shrinking
 * zeroes from the new one, drops the pages behind it, logs the new size, and then frees the
 * blocks in transactions of their own, so that a crash in between leaves
 * blocks past the end and never stale data inside it.
 *
 * Return: 0 or negative errno; the pages past a smaller size are gone
 * even when freeing blocks failed.
 */
int dx_setattr_size(struct inode *inode, loff_t newsize, bool times)
{
	return set_size(inode, newsize, times, true);
}

/**
 * dx_set_moved_end - the end of a file has moved down together with its block, or goes back to where it was
 * @inode: regular file in a lockout
 * @newsize: bytes, no more than the size is
 *
 * What that block has behind the end it had before, too: nothing is zeroed, so nothing is read or copied, and neither a full
 * volume nor a signal stops it half way.
 *
 * Return: 0, or negative errno of the log.
 */
int dx_set_moved_end(struct inode *inode, loff_t newsize)
{
	return set_size(inode, newsize, false, false);
}
