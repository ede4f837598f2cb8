// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sharing blocks between files, or places of one: FICLONE, FICLONERANGE, FIDEDUPERANGE, and copy_file_range().
 *
 * Both files are locked out and drained (lockout.h), their pages written, and those of the target gone, before extents are
 * looked at; so no write that was acknowledged is missing from what is shared, and none that comes later goes to a shared block.
 *
 * Context: no lock held on entry.
 */
#include "dx_vfs.h"
#include "dx_cow.h"
#include "trace.h"

/* The target's pages go, and what lies between its end and the place becomes zeros on disk: the end is about to move over it. */
static int prepare_target(struct inode *dst, loff_t pos, loff_t len)
{
	loff_t isize = i_size_read(dst);
	int error;

	if (pos > isize) {
		error = dx_zero_range(dst, isize, pos - isize, NULL);
		if (error)
			return error;
		len += pos - isize;
		pos = isize;
	}
	return dx_flush_unmap(dst, pos, len);
}

/* The size on disk may be behind that in memory, which what is shared now must not be. */
static int move_end(struct inode *dst, loff_t end)
{
	struct dx_vnode *vn = dx_vnode(dst);

	if (end > i_size_read(dst)) {
		spin_lock(&vn->size_lock);
		i_size_write(dst, end);
		spin_unlock(&vn->size_lock);
	}
	return dx_iomap_setsize(DX_I(dst), end);
}

/* Both locked out. */
static loff_t share(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, loff_t len, unsigned int flags)
{
	struct inode *src = file_inode(in), *dst = file_inode(out);
	u64 done = 0;
	bool whole;
	int error;

	error = dx_assert_locked_out(src, DX_LK_FULL, 0, 1) ?: dx_assert_locked_out(dst, DX_LK_FULL, 0, 1);
	if (!error)
		error = dx_remap_prep(in, pos_in, out, pos_out, &len, flags);
	if (!error)
		error = dx_remap_tail(dst, pos_out, &len, flags);	/* whole blocks are shared: no kernel's business */
	if (error || !len)
		return error;
	whole = !pos_in && !pos_out && len == i_size_read(src) && len >= i_size_read(dst) && !(flags & REMAP_FILE_DEDUP);
	error = prepare_target(dst, pos_out, len);
	if (!error && !(flags & REMAP_FILE_DEDUP))
		error = dx_write_below(dst, pos_out);
	if (error)
		return error;
	trace_dx_fallocate_step(dst, pos_out, len, DX_SP_REMAP);
	error = dx_reflink_remap(DX_I(src), pos_in, DX_I(dst), pos_out, len, &done);
	if (DX_LATE_READAHEAD)
		truncate_pagecache_range(dst, round_down(pos_out, PAGE_SIZE), (pos_out + len - 1) | (PAGE_SIZE - 1));
	/* A dedupe ends inside the file. */
	if (done && !(flags & REMAP_FILE_DEDUP)) {
		int moved = move_end(dst, pos_out + done);

		if (!moved && whole && done == len)
			moved = dx_reflink_inherit(DX_I(src), DX_I(dst));
		if (moved)
			return moved;
	}
	dx_vnode_sync(dst);
	/* who asked for the whole takes a number for success, whatever it is */
	return done && (!error || flags & (REMAP_FILE_DEDUP | REMAP_FILE_CAN_SHORTEN)) ? done : error;
}

/**
 * dx_remap_file_range - make a range of a file share another's blocks
 * @in: opened for reading, of the same mount (the VFS has seen to that)
 * @pos_in: bytes, a multiple of blocks
 * @out: opened for writing, or it is a dedupe that the VFS allows
 * @pos_out: bytes, likewise
 * @len: bytes; 0: to the end of @in; may end within a block where both files do
 * @flags: REMAP_FILE_DEDUP: only if the bytes are the same; REMAP_FILE_CAN_SHORTEN
 *
 * A clone that fails may have shared a part, from the start on; where space was short it is asked for anew, with what there is now.
 *
 * Return: bytes shared, all of them unless REMAP_FILE_DEDUP or _CAN_SHORTEN is set, or -EOPNOTSUPP (volume without reflink),
 * -EINVAL, -ETXTBSY (swap file), -EBADE (dedupe of what differs), -ENOSPC, -EDQUOT, -EIO.
 * Source: Documentation/filesystems/vfs.rst, remap_file_range.
 */
loff_t dx_remap_file_range(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, loff_t len, unsigned int flags)
{
	struct inode *dst = file_inode(out);
	struct dx_mount *mp = DX_M(dst->i_sb);
	struct dx_nospace ns = { };
	struct dx_lockout lk[2];
	loff_t ret;

	if (flags & ~(REMAP_FILE_DEDUP | REMAP_FILE_ADVISORY))
		return -EINVAL;
	if (!dx_has_reflink(mp))
		return -EOPNOTSUPP;
	if (dx_is_shutdown(mp))
		return -EIO;
	do {
		ret = dx_lockout_begin_two(lk, file_inode(in), dst, DX_LK_REMAP);
		if (ret)
			return ret;
		trace_dx_fallocate(dst, pos_out, len, flags | DX_SP_REMAP << 16);
		ret = share(in, pos_in, out, pos_out, len, flags);
		if (!(flags & REMAP_FILE_DEDUP))
			dx_note_change(dst);
		dx_lockout_end_two(lk);
	} while (dx_nospace_again(dst->i_sb, ret, &ns));
	/* one of them that is synced is enough */
	if (ret > 0 && (dx_file_syncs(in) || dx_file_syncs(out))) {
		int error = dx_inode_log_force(DX_I(dst), false);

		if (error)
			return error;
	}
	return ret;
}
