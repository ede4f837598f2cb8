/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inode flags (FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR and their setters): an
 * operation of the inode from 5.13 on; before, ioctls, which
 * compat_fileattr.c answers with the same operations.
 */
#ifndef COMPAT_FILEATTR_H
#define COMPAT_FILEATTR_H

#include <linux/fs.h>
#include "compat_idmap.h"

#ifndef FS_DAX_FL
#define FS_DAX_FL	0x02000000
#endif

#if HAVE_FILEATTR
#include <linux/fileattr.h>
#if HAVE_FILEATTR >= 2
#define dx_fileattr	file_kattr
#else
#define dx_fileattr	fileattr
#endif

/* int get(dentry, fa), int set(idmap, dentry, fa); DX_FILEATTR_OPS(get, set) are the table's entries. */
#define DX_OP_FILEATTR_SET(fn) \
static int fn##_op(DX_IDMAP_PARAM struct dentry *dentry, struct dx_fileattr *fa) \
{ \
	return fn(DX_IDMAP_GIVEN, dentry, fa); \
}
#define DX_FILEATTR_OPS(get, set)	.fileattr_get = get, .fileattr_set = set##_op,
/*
 * For what cannot be opened for an ioctl, symbolic links, devices, FIFOs and
 * sockets: file_getattr(2) and file_setattr(2), which xfs_quota uses. Where
 * they are not, an operation would only answer the ioctls of devices.
 */
#if HAVE_FILEATTR >= 2
#define DX_FILEATTR_SPECIAL_OPS(get, set)	DX_FILEATTR_OPS(get, set)
#else
#define DX_FILEATTR_SPECIAL_OPS(get, set)
#endif

#define dx_fileattr_ioctl(file, cmd, arg, get, set)	(-ENOTTY)

/* Is an extent size hint without its flag an error? Before, it was checked, and forgotten. */
#define DX_EXTSIZE_NEEDS_FLAG	true

#else /* ioctls */

/* What both kinds of ioctl are about: the flags in both notations. */
struct dx_fileattr {
	u32	flags;			/* FS_*_FL */
	u32	fsx_xflags;		/* FS_XFLAG_* */
	u32	fsx_extsize, fsx_nextents, fsx_projid, fsx_cowextsize;
	bool	flags_valid, fsx_valid;	/* which of the two was asked for */
};

void fileattr_fill_xflags(struct dx_fileattr *fa, u32 xflags);
int copy_fsxattr_to_user(const struct dx_fileattr *fa, struct fsxattr __user *ufa);
typedef int (*dx_fileattr_get_t)(struct dentry *dentry, struct dx_fileattr *fa);
typedef int (*dx_fileattr_set_t)(dx_idmap_t idmap, struct dentry *dentry, struct dx_fileattr *fa);
long dx_fileattr_ioctl(struct file *file, unsigned int cmd, void __user *arg, dx_fileattr_get_t get, dx_fileattr_set_t set);

#define DX_OP_FILEATTR_SET(fn)
#define DX_FILEATTR_OPS(get, set)
#define DX_FILEATTR_SPECIAL_OPS(get, set)
#define DX_EXTSIZE_NEEDS_FLAG	false
#endif

#endif /* COMPAT_FILEATTR_H */
