// SPDX-License-Identifier: GPL-2.0-only
/*
 * File handles (NFS, open_by_handle_at): inode number and generation, with or
 * without the parent's.  Inode numbers have 64 bits, so the types are XFS's
 * own 64-bit ones.
 */
#include <linux/exportfs.h>
#include "dx_vfs.h"

struct fid64 {
	u64	ino;
	u32	gen;
	u64	parent_ino;
	u32	parent_gen;
} __attribute__((packed));

static int encode_fh(struct inode *inode, u32 *fh, int *max_len, struct inode *parent)
{
	struct fid64 *fid = (void *)fh;
	int words = parent ? 6 : 3;

	if (*max_len < words) {
		*max_len = words;
		return FILEID_INVALID;
	}
	*max_len = words;
	fid->ino = DX_I(inode)->ino;
	fid->gen = inode->i_generation;
	if (!parent)
		return FILEID_INO32_GEN | DX_FILEID_64;
	fid->parent_ino = DX_I(parent)->ino;
	fid->parent_gen = parent->i_generation;
	return FILEID_INO32_GEN_PARENT | DX_FILEID_64;
}

static struct dentry *fh_to_dentry(struct super_block *sb, struct fid *fh, int len, int type)
{
	const struct fid64 *fid = (void *)fh;

	if (len < 3 || (type != (FILEID_INO32_GEN | DX_FILEID_64) &&
			type != (FILEID_INO32_GEN_PARENT | DX_FILEID_64)))
		return NULL;
	return d_obtain_alias(dx_vget_outside(sb, fid->ino, fid->gen));
}

static struct dentry *fh_to_parent(struct super_block *sb, struct fid *fh, int len, int type)
{
	const struct fid64 *fid = (void *)fh;

	if (len < 6 || type != (FILEID_INO32_GEN_PARENT | DX_FILEID_64))
		return NULL;
	return d_obtain_alias(dx_vget_outside(sb, fid->parent_ino, fid->parent_gen));
}

static struct dentry *get_parent(struct dentry *child)
{
	static const struct dx_name dotdot = { .name = (const u8 *)"..", .len = 2, .ftype = DX_DIR3_FT_DIR };
	struct inode *inode = d_inode(child);
	dx_ino_t ino;
	int error = dx_lookup(DX_I(inode), &dotdot, &ino, NULL);

	if (error)
		return ERR_PTR(error);
	return d_obtain_alias(dx_vget(inode->i_sb, ino));
}

static int commit_metadata(struct inode *inode)
{
	return dx_inode_log_force(DX_I(inode), false);
}

const struct export_operations dx_export_ops = {
	.encode_fh		= encode_fh,
	.fh_to_dentry		= fh_to_dentry,
	.fh_to_parent		= fh_to_parent,
	.get_parent		= get_parent,
	.commit_metadata	= commit_metadata,
};
