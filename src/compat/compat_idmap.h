/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Id-mapped mounts: a mapping of ids comes with most inode operations. It is
 * a struct mnt_idmap from 6.3 on, a user namespace from 5.12, and before
 * that there is none: then it is NULL here and nothing looks at it.
 */
#ifndef COMPAT_IDMAP_H
#define COMPAT_IDMAP_H

#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/cred.h>
#include <linux/user_namespace.h>
#include "dx_have.h"

#if HAVE_IDMAP >= 2
#include <linux/mnt_idmapping.h>
typedef struct mnt_idmap *dx_idmap_t;
#else
typedef struct user_namespace *dx_idmap_t;
#endif

#if HAVE_IDMAP >= 1
/* "idmap, " in the parameters of an operation, where the kernel gives one */
#define DX_IDMAP_PARAM		dx_idmap_t idmap,
#define DX_IDMAP_GIVEN		idmap
#define DX_IDMAP_ARG(idmap)	idmap,
#define DX_FS_ALLOW_IDMAP	FS_ALLOW_IDMAP
#else
#define DX_IDMAP_PARAM
#define DX_IDMAP_GIVEN		NULL
#define DX_IDMAP_ARG(idmap)
#define DX_FS_ALLOW_IDMAP	0
#endif

/* Ids of who makes something in @dir, as the volume has them. */
#if HAVE_MAPPED_FSUID >= 2
#define dx_mapped_fsuid(idmap, ns)	mapped_fsuid(idmap, ns)
#define dx_mapped_fsgid(idmap, ns)	mapped_fsgid(idmap, ns)
#elif HAVE_MAPPED_FSUID == 1
#define dx_mapped_fsuid(idmap, ns)	mapped_fsuid(idmap)
#define dx_mapped_fsgid(idmap, ns)	mapped_fsgid(idmap)
#else
#define dx_mapped_fsuid(idmap, ns)	current_fsuid()
#define dx_mapped_fsgid(idmap, ns)	current_fsgid()
#endif

static inline uid_t dx_new_uid(dx_idmap_t idmap, const struct inode *dir)
{
	return from_kuid(dir->i_sb->s_user_ns, dx_mapped_fsuid(idmap, dir->i_sb->s_user_ns));
}

static inline gid_t dx_new_gid(dx_idmap_t idmap, const struct inode *dir)
{
	return from_kgid(dir->i_sb->s_user_ns, dx_mapped_fsgid(idmap, dir->i_sb->s_user_ns));
}

/* Does a new file in a setgid directory keep its own setgid bit? */
static inline umode_t dx_strip_sgid(dx_idmap_t idmap, struct inode *dir, umode_t mode)
{
#if HAVE_MODE_STRIP_SGID >= 2
	return mode_strip_sgid(idmap, dir, mode);
#else
#if HAVE_IDMAP
	kgid_t gid = i_gid_into_mnt(idmap, dir);
#else
	kgid_t gid = dir->i_gid;
#endif

	if ((mode & (S_ISGID | 0010)) == (S_ISGID | 0010) && !in_group_p(gid) &&
	    !capable_wrt_inode_uidgid(DX_IDMAP_ARG(idmap) dir, CAP_FSETID))
		mode &= ~S_ISGID;
	return mode;
#endif
}

static inline int dx_setattr_prepare(dx_idmap_t idmap, struct dentry *dentry, struct iattr *attr)
{
	return setattr_prepare(DX_IDMAP_ARG(idmap) dentry, attr);
}

static inline void dx_setattr_copy(dx_idmap_t idmap, struct inode *inode, const struct iattr *attr)
{
	setattr_copy(DX_IDMAP_ARG(idmap) inode, attr);
}

static inline bool dx_capable_wrt_inode(dx_idmap_t idmap, struct inode *inode, int cap)
{
	return capable_wrt_inode_uidgid(DX_IDMAP_ARG(idmap) inode, cap);
}

static inline void dx_fillattr(dx_idmap_t idmap, u32 mask, struct inode *inode, struct kstat *stat)
{
#if HAVE_FILLATTR >= 2
	generic_fillattr(idmap, mask, inode, stat);
#elif !HAVE_IDMAP
	u32 told = stat->result_mask;

	/* Up to 5.8 it says that the atime is not known where it does not move; stock XFS tells it. */
	generic_fillattr(inode, stat);
	stat->result_mask = told;
#else
	generic_fillattr(DX_IDMAP_ARG(idmap) inode, stat);
#endif
}

static inline int dx_posix_acl_update_mode(dx_idmap_t idmap, struct inode *inode, umode_t *mode, struct posix_acl **acl)
{
	return posix_acl_update_mode(DX_IDMAP_ARG(idmap) inode, mode, acl);
}

/* The mode has changed: so must the ACL. */
static inline int dx_posix_acl_chmod(dx_idmap_t idmap, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);

#if HAVE_GET_ACL >= 2
	return posix_acl_chmod(idmap, dentry, inode->i_mode);
#else
	return posix_acl_chmod(DX_IDMAP_ARG(idmap) inode, inode->i_mode);
#endif
}

#endif /* COMPAT_IDMAP_H */
