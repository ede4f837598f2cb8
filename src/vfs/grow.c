// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls that change what the superblock says: growing, for xfs_growfs, and the label.
 *
 * The log does not grow, nor a realtime section that is not there: they are refused as stock XFS refuses them, which looks at
 * the arguments first.
 *
 * Context: any file of the filesystem; a frozen one is waited for.
 */
#include <linux/blkdev.h>
#include <linux/mount.h>
#include <linux/uaccess.h>
#include "dx_vfs.h"
#include "dx_ioctl.h"
#include "dx_log.h"

#define MIN_LOG_BLOCKS	512
#define MIN_LOG_BYTES	(10u << 20)

static int growfs_data(struct dx_mount *mp, const void *args)
{
	const struct dx_growfs_data *in = args;

	return dx_grow_data(mp, in->newblocks, in->imaxpct);
}

static int growfs_log(struct dx_mount *mp, const void *args)
{
	const struct dx_growfs_log *in = args;

	if (in->newblocks < MIN_LOG_BLOCKS || in->newblocks < dx_b_to_fsb(mp, MIN_LOG_BYTES))
		return -EINVAL;
	if (in->newblocks == mp->sb.logblocks && in->isint)
		return -EINVAL;
	dx_warn(mp, "the log cannot be moved or resized: make the volume with mkfs.xfs -l size=... anew");
	return -ENOSYS;
}

static int growfs_rt(struct dx_mount *mp, const void *args)
{
	(void)args;
	dx_warn(mp, "there is no realtime section to grow");
	return -EINVAL;
}

/* The shorter form of the 32-bit ones is a prefix of the other. */
static const struct {
	unsigned int	cmd;
	int		(*fn)(struct dx_mount *mp, const void *args);
} growfs[] = {
	{ DX_IOC_FSGROWFSDATA,		growfs_data },
	{ DX_IOC_FSGROWFSDATA_I386,	growfs_data },
	{ DX_IOC_FSGROWFSLOG,		growfs_log },
	{ DX_IOC_FSGROWFSRT,		growfs_rt },
	{ DX_IOC_FSGROWFSRT_I386,	growfs_rt },
};

/**
 * dx_ioc_growfs - XFS_IOC_FSGROWFSDATA, _FSGROWFSLOG, _FSGROWFSRT, and their 32-bit forms
 * @file: any open file of the filesystem
 * @cmd: which
 * @arg: its structure
 *
 * Return: 0, -EFAULT, -EROFS, -EPERM; dx_grow_data()'s; -EINVAL, -ENOSYS: not to be had.
 */
long dx_ioc_growfs(struct file *file, unsigned int cmd, void __user *arg)
{
	union { struct dx_growfs_data data; struct dx_growfs_log log; struct dx_growfs_rt rt; } in = { };
	int error, i;

	if (copy_from_user(&in, arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	error = mnt_want_write_file(file);
	if (error)
		return error;
	error = -ENOTTY;
	for (i = 0; i < ARRAY_SIZE(growfs); i++)
		if (growfs[i].cmd == cmd)
			error = capable(CAP_SYS_ADMIN) ? growfs[i].fn(DX_M(file_inode(file)->i_sb), &in) : -EPERM;
	mnt_drop_write_file(file);
	return error;
}

/**
 * dx_ioc_getlabel - FS_IOC_GETFSLABEL
 * @file: any open file of the filesystem
 * @arg: FSLABEL_MAX bytes
 *
 * Return: 0 or -EFAULT.
 */
long dx_ioc_getlabel(struct file *file, void __user *arg)
{
	struct dx_mount *mp = DX_M(file_inode(file)->i_sb);
	char label[FSLABEL_MAX] = { };

	dx_get_label(mp, label);
	return copy_to_user(arg, label, sizeof(label)) ? -EFAULT : 0;
}

/**
 * dx_ioc_setlabel - FS_IOC_SETFSLABEL
 * @file: any open file of the filesystem
 * @arg: a string of up to 12 bytes
 *
 * blkid and others who read the device see it at once: it is in its place, and what they have in the page cache of the
 * device is dropped.
 *
 * Return: 0, -EPERM, -EFAULT, -EINVAL (longer), -EROFS, or the error of writing it.
 */
long dx_ioc_setlabel(struct file *file, void __user *arg)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct dx_mount *mp = DX_M(sb);
	char label[sizeof(mp->sb.fname) + 1], padded[sizeof(mp->sb.fname)] = { };
	size_t len;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* a byte more, to see that it is longer */
	if (copy_from_user(label, arg, sizeof(label)))
		return -EFAULT;
	len = strnlen(label, sizeof(label));
	if (len > sizeof(padded))
		return -EINVAL;
	memcpy(padded, label, len);
	error = mnt_want_write_file(file);
	if (error)
		return error;
	error = dx_set_label(mp, padded);
	mnt_drop_write_file(file);
	invalidate_bdev(sb->s_bdev);
	return error;
}
