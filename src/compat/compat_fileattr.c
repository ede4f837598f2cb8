// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inode flags by ioctl, for kernels before 5.13 that have no operation for
 * them: what the VFS does around ->fileattr_get() and ->fileattr_set() since.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/uaccess.h>
#include "compat_fileattr.h"

#if !HAVE_FILEATTR
static const struct { u32 xflag, flag; } both[] = {
	{ FS_XFLAG_SYNC,	FS_SYNC_FL },
	{ FS_XFLAG_IMMUTABLE,	FS_IMMUTABLE_FL },
	{ FS_XFLAG_APPEND,	FS_APPEND_FL },
	{ FS_XFLAG_NODUMP,	FS_NODUMP_FL },
	{ FS_XFLAG_NOATIME,	FS_NOATIME_FL },
	{ FS_XFLAG_DAX,		FS_DAX_FL },
	{ FS_XFLAG_PROJINHERIT,	FS_PROJINHERIT_FL },
};

/**
 * fileattr_fill_xflags - set both notations from FS_XFLAG_*
 * @fa: filled in; the rest becomes zero
 * @xflags: FS_XFLAG_*
 */
void fileattr_fill_xflags(struct dx_fileattr *fa, u32 xflags)
{
	int i;

	memset(fa, 0, sizeof(*fa));
	fa->fsx_valid = true;
	fa->fsx_xflags = xflags;
	for (i = 0; i < ARRAY_SIZE(both); i++)
		if (xflags & both[i].xflag)
			fa->flags |= both[i].flag;
}

static struct fsxattr to_fsxattr(const struct dx_fileattr *fa)
{
	return (struct fsxattr) {
		.fsx_xflags = fa->fsx_xflags, .fsx_extsize = fa->fsx_extsize, .fsx_nextents = fa->fsx_nextents,
		.fsx_projid = fa->fsx_projid, .fsx_cowextsize = fa->fsx_cowextsize,
	};
}

/**
 * copy_fsxattr_to_user - answer FS_IOC_FSGETXATTR
 * @fa: flags
 * @ufa: where to
 */
int copy_fsxattr_to_user(const struct dx_fileattr *fa, struct fsxattr __user *ufa)
{
	struct fsxattr x = to_fsxattr(fa);

	return copy_to_user(ufa, &x, sizeof(x)) ? -EFAULT : 0;
}

/* What is asked for in one notation does not take away what only the other can say. */
static void from_flags(struct dx_fileattr *fa, const struct dx_fileattr *old, u32 flags)
{
	u32 keep = old->fsx_xflags;
	int i;

	*fa = *old;
	for (i = 0; i < ARRAY_SIZE(both); i++) {
		keep &= ~both[i].xflag;
		if (flags & both[i].flag)
			keep |= both[i].xflag;
	}
	fa->flags = flags;
	fa->fsx_xflags = keep;
	fa->flags_valid = true;
	fa->fsx_valid = false;
}

/*
 * May @inode's owner change its flags so? Sizes of hints that are 0 take their flags away in @new.
 * Source: ioctl_iflags(2), ioctl_xfs_fsgetxattr(2).
 */
static int check_change(struct inode *inode, const struct dx_fileattr *old, u32 flags, const struct fsxattr *oldx,
			struct fsxattr *new)
{
#if HAVE_IOC_FLAGS_CHECK
	int error = vfs_ioc_setflags_prepare(inode, old->flags, flags);

	return error ? error : vfs_ioc_fssetxattr_check(inode, oldx, new);
#else
	bool reg = S_ISREG(inode->i_mode), dir = S_ISDIR(inode->i_mode);
	u32 x = new->fsx_xflags;

	if (((old->flags ^ flags) & (FS_IMMUTABLE_FL | FS_APPEND_FL)) && !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	/* Project quota bounds what a container may use: who is inside cannot choose another project. */
	if (current_user_ns() != &init_user_ns &&
	    (oldx->fsx_projid != new->fsx_projid || ((oldx->fsx_xflags ^ x) & FS_XFLAG_PROJINHERIT)))
		return -EINVAL;
	if (((x & FS_XFLAG_EXTSIZE) && !reg) || ((x & FS_XFLAG_EXTSZINHERIT) && !dir) ||
	    ((x & (FS_XFLAG_COWEXTSIZE | FS_XFLAG_DAX)) && !reg && !dir))
		return -EINVAL;
	if (!new->fsx_extsize)
		new->fsx_xflags &= ~(FS_XFLAG_EXTSIZE | FS_XFLAG_EXTSZINHERIT);
	if (!new->fsx_cowextsize)
		new->fsx_xflags &= ~FS_XFLAG_COWEXTSIZE;
	return 0;
#endif
}

static long set_attr(struct file *file, unsigned int cmd, void __user *arg, dx_fileattr_get_t get, dx_fileattr_set_t set)
{
	struct dentry *dentry = file_dentry(file);
	struct inode *inode = d_inode(dentry);
	struct dx_fileattr old, fa;
	struct fsxattr x, oldx;
	u32 flags = 0;
	int error;

	if (cmd == FS_IOC_FSSETXATTR ? copy_from_user(&x, arg, sizeof(x)) : get_user(flags, (u32 __user *)arg))
		return -EFAULT;
	error = mnt_want_write_file(file);
	if (error)
		return error;
	inode_lock(inode);
	error = -EPERM;
	if (!inode_owner_or_capable(inode))
		goto out;
	error = get(dentry, &old);
	if (error)
		goto out;
	oldx = to_fsxattr(&old);
	if (cmd == FS_IOC_FSSETXATTR) {
		fileattr_fill_xflags(&fa, x.fsx_xflags);
		flags = fa.flags;
	} else {
		from_flags(&fa, &old, flags);
		x = to_fsxattr(&fa);
	}
	error = check_change(inode, &old, flags, &oldx, &x);
	/* The check takes the flags from hints of size 0; a size without its flag is none. */
	fa.fsx_xflags = x.fsx_xflags;
	fa.fsx_extsize = x.fsx_extsize;
	fa.fsx_projid = x.fsx_projid;
	fa.fsx_cowextsize = x.fsx_xflags & FS_XFLAG_COWEXTSIZE ? x.fsx_cowextsize : 0;
	if (!error)
		error = set(NULL, dentry, &fa);
out:
	inode_unlock(inode);
	mnt_drop_write_file(file);
	return error;
}

/**
 * dx_fileattr_ioctl - inode flags by ioctl
 * @file: open file
 * @cmd: any ioctl
 * @arg: its argument
 * @get: the operation that newer kernels have
 * @set: the other; i_rwsem is held for it
 *
 * Return: 0, negative errno, -ENOTTY for what is not about inode flags.
 */
long dx_fileattr_ioctl(struct file *file, unsigned int cmd, void __user *arg, dx_fileattr_get_t get, dx_fileattr_set_t set)
{
	struct dx_fileattr fa;
	int error;

	switch (cmd) {
	case FS_IOC_GETFLAGS:
#ifdef CONFIG_COMPAT
	case FS_IOC32_GETFLAGS:
#endif
		error = get(file_dentry(file), &fa);
		return error ? error : put_user(fa.flags, (u32 __user *)arg);
	case FS_IOC_FSGETXATTR:
		error = get(file_dentry(file), &fa);
		return error ? error : copy_fsxattr_to_user(&fa, arg);
#ifdef CONFIG_COMPAT
	case FS_IOC32_SETFLAGS:
#endif
	case FS_IOC_SETFLAGS:
	case FS_IOC_FSSETXATTR:
		return set_attr(file, cmd, arg, get, set);
	}
	return -ENOTTY;
}
#endif
