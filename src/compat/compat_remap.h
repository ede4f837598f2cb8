/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sharing blocks between files: FICLONE, FICLONERANGE, FIDEDUPERANGE, and copy_file_range() where the VFS tries that first.
 */
#ifndef COMPAT_REMAP_H
#define COMPAT_REMAP_H

#include <linux/fs.h>
#include <linux/iomap.h>
#include "compat_file.h"

/*
 * DX_REMAP_OPS(fn), at file scope: loff_t fn(in, pos_in, out, pos_out, len, flags), which shares up to @len bytes (0: to the
 * end of the file) and says how many; what is neither a dedupe nor may be shortened is whole, or fails. DX_REMAP_MEMBERS(fn)
 * are the entries of file_operations.
 *
 * dx_remap_prep(in, pos_in, out, pos_out, &len, flags): what the VFS checks of it with both files locked out; writes their
 * pages, and compares them for a dedupe. A clone's privileges are stripped and its times moved.  0 or an error; nothing to
 * do: len is 0.
 *
 * dx_remap_tail(out, pos_out, &len, flags): a last block that @len covers in part is the target's last one, too, or bytes behind
 * @len would go with it: a dedupe, and who takes less, leaves it out, a clone is refused. 0, or -EINVAL.
 *
 * dx_remap_may_write(file, pos, len): what the VFS asks before either, for who is not called by it: may this range of an open
 * file be written?  As far as the kernel lets a module ask.  No lock is held, nor write access to the mount.
 */
static inline int dx_remap_may_write(struct file *file, loff_t pos, loff_t len)
{
#if HAVE_REMAP_VERIFY == 2
	return remap_verify_area(file, pos, len, true);
#elif HAVE_REMAP_VERIFY == 1
	/* a size_t, which must not look negative; nobody asks about more than that the file is written */
	return rw_verify_area(WRITE, file, &pos, min_t(u64, len, MAX_RW_COUNT));
#else
	return 0;
#endif
}

#if !HAVE_REMAP_RANGE
#define REMAP_FILE_DEDUP	(1 << 0)
#define REMAP_FILE_CAN_SHORTEN	(1 << 1)
#define REMAP_FILE_ADVISORY	REMAP_FILE_CAN_SHORTEN
#endif

static inline int dx_remap_tail(struct inode *out, loff_t pos_out, loff_t *len, unsigned int flags)
{
	unsigned int part = *len & (i_blocksize(out) - 1);

	if (!part || pos_out + *len >= i_size_read(out))
		return 0;
	if (!(flags & (REMAP_FILE_DEDUP | REMAP_FILE_CAN_SHORTEN)))
		return -EINVAL;
	*len -= part;
	return 0;
}

#if HAVE_REMAP_RANGE
#define DX_REMAP_OPS(fn)
#define DX_REMAP_MEMBERS(fn)	.remap_file_range = fn,

static inline int dx_remap_prep(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, loff_t *len, unsigned int flags)
{
	return generic_remap_file_range_prep(in, pos_in, out, pos_out, len, flags);
}
#else
#define DX_REMAP_OPS(fn) \
static int fn##_clone(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, u64 len) \
{ \
	loff_t ret = fn(in, pos_in, out, pos_out, len, 0); \
\
	return ret < 0 ? ret : len && ret != len ? -EINVAL : 0; \
} \
static int fn##_dedupe(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, u64 len) \
{ \
	loff_t ret = fn(in, pos_in, out, pos_out, len, REMAP_FILE_DEDUP); \
\
	/* all of it, or all whole blocks: what is left out then is the same, too */ \
	return ret < 0 ? ret : ret < round_down(len, i_blocksize(file_inode(out))) ? -EINVAL : 0; \
}
#define DX_REMAP_MEMBERS(fn)	.clone_file_range = fn##_clone, .dedupe_file_range = fn##_dedupe,

static inline int dx_remap_prep(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, loff_t *len, unsigned int flags)
{
	u64 n = *len;
	int ret = vfs_clone_file_prep_inodes(file_inode(in), pos_in, file_inode(out), pos_out, &n, flags & REMAP_FILE_DEDUP);

	*len = n;
	if (ret <= 0) {
		*len = 0;
		return ret;
	}
	/* later kernels look themselves, and before anything is changed */
	ret = dx_remap_tail(file_inode(out), pos_out, len, flags);
	return ret || (flags & REMAP_FILE_DEDUP) ? ret : dx_file_modified(out);
}
#endif

/* Write a range anew where its blocks are shared: dirty its pages, whose mapping says so. */
static inline int dx_iomap_unshare(struct inode *inode, loff_t pos, loff_t len, const struct iomap_ops *ops)
{
#if HAVE_IOMAP_UNSHARE >= 2
	return iomap_file_unshare(inode, pos, len, ops, &dx_iomap_valid_ops);
#elif HAVE_IOMAP_UNSHARE == 1
	return iomap_file_unshare(inode, pos, len, ops);
#else
	return iomap_file_dirty(inode, pos, len, ops);
#endif
}

#endif /* COMPAT_REMAP_H */
