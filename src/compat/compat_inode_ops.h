/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inode operations. The filesystem has one form of each (the comment says
 * which); DX_OP_X(fn) at file scope defines fn_op, the same in the form
 * that this kernel calls, for the table.
 */
#ifndef COMPAT_INODE_OPS_H
#define COMPAT_INODE_OPS_H

#include <linux/fs.h>
#include <linux/dcache.h>
#include "compat_idmap.h"
#include "compat_times.h"

/* int create(idmap, dir, dentry, mode) */
#if HAVE_CREATE >= 3
#define DX_CREATE_EXCL
#else
#define DX_CREATE_EXCL	, bool excl
#endif
#define DX_OP_CREATE(fn) \
static int fn##_op(DX_IDMAP_PARAM struct inode *dir, struct dentry *dentry, umode_t mode DX_CREATE_EXCL) \
{ \
	return fn(DX_IDMAP_GIVEN, dir, dentry, mode); \
}

/* int mkdir(idmap, dir, dentry, mode): @dentry has the new inode afterwards */
#if HAVE_MKDIR >= 3
#define DX_OP_MKDIR(fn) \
static struct dentry *fn##_op(DX_IDMAP_PARAM struct inode *dir, struct dentry *dentry, umode_t mode) \
{ \
	return ERR_PTR(fn(DX_IDMAP_GIVEN, dir, dentry, mode)); \
}
#else
#define DX_OP_MKDIR(fn) \
static int fn##_op(DX_IDMAP_PARAM struct inode *dir, struct dentry *dentry, umode_t mode) \
{ \
	return fn(DX_IDMAP_GIVEN, dir, dentry, mode); \
}
#endif

/* int symlink(idmap, dir, dentry, target) */
#define DX_OP_SYMLINK(fn) \
static int fn##_op(DX_IDMAP_PARAM struct inode *dir, struct dentry *dentry, const char *target) \
{ \
	return fn(DX_IDMAP_GIVEN, dir, dentry, target); \
}

/* int mknod(idmap, dir, dentry, mode, dev) */
#define DX_OP_MKNOD(fn) \
static int fn##_op(DX_IDMAP_PARAM struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev) \
{ \
	return fn(DX_IDMAP_GIVEN, dir, dentry, mode, dev); \
}

/* int rename(idmap, olddir, olddentry, newdir, newdentry, flags) */
#define DX_OP_RENAME(fn) \
static int fn##_op(DX_IDMAP_PARAM struct inode *odir, struct dentry *odentry, struct inode *ndir, \
		   struct dentry *ndentry, unsigned int flags) \
{ \
	return fn(DX_IDMAP_GIVEN, odir, odentry, ndir, ndentry, flags); \
}

/*
 * struct inode *tmpfile(idmap, dir, mode): a new inode without a name, its
 * link count 1, because d_tmpfile() takes one away; done(inode) opens it to the world
 */
#if HAVE_TMPFILE >= 1
#define DX_OP_TMPFILE(fn, done) \
static int fn##_op(DX_IDMAP_PARAM struct inode *dir, struct file *file, umode_t mode) \
{ \
	struct inode *inode = fn(DX_IDMAP_GIVEN, dir, mode); \
\
	if (IS_ERR(inode)) \
		return finish_open_simple(file, PTR_ERR(inode)); \
	d_tmpfile(file, inode); \
	done(inode, NULL); \
	return finish_open_simple(file, 0); \
}
#else
#define DX_OP_TMPFILE(fn, done) \
static int fn##_op(DX_IDMAP_PARAM struct inode *dir, struct dentry *dentry, umode_t mode) \
{ \
	struct inode *inode = fn(DX_IDMAP_GIVEN, dir, mode); \
\
	if (IS_ERR(inode)) \
		return PTR_ERR(inode); \
	d_tmpfile(dentry, inode); \
	done(inode, NULL); \
	return 0; \
}
#endif

/* int getattr(idmap, path, stat, mask, flags) */
#define DX_OP_GETATTR(fn) \
static int fn##_op(DX_IDMAP_PARAM const struct path *path, struct kstat *stat, u32 mask, unsigned int flags) \
{ \
	return fn(DX_IDMAP_GIVEN, path, stat, mask, flags); \
}

/* int setattr(idmap, dentry, attr) */
#define DX_OP_SETATTR(fn) \
static int fn##_op(DX_IDMAP_PARAM struct dentry *dentry, struct iattr *attr) \
{ \
	return fn(DX_IDMAP_GIVEN, dentry, attr); \
}

/* int update_time(inode, now, flags): flags are DX_UPD_* */
#define DX_UPD_ATIME	1
#define DX_UPD_MTIME	2
#define DX_UPD_CTIME	4
#define DX_UPD_VERSION	8
#if HAVE_UPDATE_TIME >= 2
#define DX_OP_UPDATE_TIME(fn) \
static int fn##_op(struct inode *inode, enum fs_update_time type, unsigned int flags) \
{ \
	struct timespec64 now = current_time(inode); \
\
	/* It is a transaction, and may wait for log space. */ \
	if (flags & IOCB_NOWAIT) \
		return -EAGAIN; \
	return fn(inode, &now, type == FS_UPD_ATIME ? DX_UPD_ATIME : DX_UPD_CTIME | DX_UPD_MTIME | DX_UPD_VERSION); \
}
#else
static inline int dx_upd_flags(int flags)
{
	return (flags & S_ATIME ? DX_UPD_ATIME : 0) | (flags & S_MTIME ? DX_UPD_MTIME : 0) |
	       (flags & S_CTIME ? DX_UPD_CTIME : 0) | (flags & S_VERSION ? DX_UPD_VERSION : 0);
}
#if HAVE_UPDATE_TIME == 0
#define DX_OP_UPDATE_TIME(fn) \
static int fn##_op(struct inode *inode, struct timespec64 *now, int flags) \
{ \
	return fn(inode, now, dx_upd_flags(flags)); \
}
#else
#define DX_OP_UPDATE_TIME(fn) \
static int fn##_op(struct inode *inode, int flags) \
{ \
	struct timespec64 now = current_time(inode); \
\
	return fn(inode, &now, dx_upd_flags(flags)); \
}
#endif
#endif

/*
 * struct posix_acl *get_acl(inode, type, rcu), int set_acl(idmap, inode, acl, type);
 * DX_ACL_OPS(get, set) are the table's entries for both.
 */
#if HAVE_GET_ACL >= 2
#define DX_OP_GET_ACL(fn)
#define DX_OP_SET_ACL(fn) \
static int fn##_op(DX_IDMAP_PARAM struct dentry *dentry, struct posix_acl *acl, int type) \
{ \
	return fn(DX_IDMAP_GIVEN, d_inode(dentry), acl, type); \
}
#define DX_ACL_OPS(get, set)	.get_inode_acl = get, .set_acl = set##_op
#else
#if HAVE_GET_ACL >= 1
#define DX_OP_GET_ACL(fn)
#define DX_ACL_OPS(get, set)	.get_acl = get, .set_acl = set##_op
#else
#define DX_OP_GET_ACL(fn) \
static struct posix_acl *fn##_op(struct inode *inode, int type) \
{ \
	return fn(inode, type, false); \
}
#define DX_ACL_OPS(get, set)	.get_acl = get##_op, .set_acl = set##_op
#endif
#define DX_OP_SET_ACL(fn) \
static int fn##_op(DX_IDMAP_PARAM struct inode *inode, struct posix_acl *acl, int type) \
{ \
	return fn(DX_IDMAP_GIVEN, inode, acl, type); \
}
#endif

#endif /* COMPAT_INODE_OPS_H */
