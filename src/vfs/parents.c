// SPDX-License-Identifier: GPL-2.0-only
/*
 * XFS_IOC_GETPARENTS: which names a file has, and in which directories; of an open file, or of one that a handle names.
 *
 * Source: ioctl_xfs_getparents(2), and what the stock filesystem answers (tests/vm/suite/parent.sh).
 */
#include <linux/uaccess.h>
#include "dx_vfs.h"
#include "dx_parent.h"
#include "dx_ioctl.h"

#define BUF_MAX		(64 * 1024)
#define BUF_MIN		round_up(sizeof(struct dx_getparents_rec) + 2, 8)	/* a name of one letter */
enum { CUR_HASH, CUR_DONE };	/* in gp_cursor[] */

struct answer {
	struct dx_mount			*mp;
	char				*buf;
	u32				size, used, count;
	struct dx_getparents_rec	*last;
};

static int add(void *ctx, dx_ino_t ino, u32 gen, const u8 *name, u32 namelen)
{
	u32 len = round_up(sizeof(struct dx_getparents_rec) + namelen + 1, 8);
	struct answer *a = ctx;

	if (len > a->size - a->used)
		return 1;
	a->last = (void *)(a->buf + a->used);
	dx_handle_fill(&a->last->gpr_parent, a->mp, ino, gen);
	a->last->gpr_reclen = len;
	memcpy(a->last->gpr_name, name, namelen);	/* the buffer was zeroed */
	a->used += len;
	a->count++;
	return 0;
}

static int answer(struct dx_inode *ip, struct dx_getparents *gp)
{
	struct answer a = { .mp = ip->mp, .size = round_down(gp->gp_bufsize, 8) };
	struct dx_attr_cursor cur = { .hash = gp->gp_cursor[CUR_HASH], .done = gp->gp_cursor[CUR_DONE] };
	int error;

	if (gp->gp_iflags || gp->gp_reserved || gp->gp_bufsize < BUF_MIN)
		return -EINVAL;
	if (gp->gp_bufsize > BUF_MAX)
		return -ENOMEM;
	a.buf = kvzalloc(a.size, GFP_KERNEL);
	if (!a.buf)
		return -ENOMEM;
	error = dx_parents(ip, &cur, add, &a);
	if (error < 0)
		goto out;
	if (error && !a.count) {
		error = -EMSGSIZE;
		goto out;
	}
	gp->gp_oflags = (error ? 0 : DX_GETPARENTS_OFLAG_DONE) |
			(ip->ino == ip->mp->sb.rootino ? DX_GETPARENTS_OFLAG_ROOT : 0);
	if (a.last)
		a.last->gpr_reclen = gp->gp_bufsize - ((char *)a.last - a.buf);
	gp->gp_cursor[CUR_HASH] = cur.hash;
	gp->gp_cursor[CUR_DONE] = cur.done;
	error = copy_to_user(u64_to_user_ptr(gp->gp_buffer), a.buf, a.used) ? -EFAULT : 0;
out:
	kvfree(a.buf);
	return error;
}

/**
 * dx_ioc_getparents - XFS_IOC_GETPARENTS, XFS_IOC_GETPARENTS_BY_HANDLE
 * @file: on the volume
 * @cmd: which
 * @arg: struct dx_getparents, struct dx_getparents_by_handle
 *
 * Return: 0; -EPERM without CAP_SYS_ADMIN, -EOPNOTSUPP on a volume without parent pointers, -EINVAL, -ENOMEM (also for a
 * buffer that is too large), -EMSGSIZE (not even one fits), -ENOTDIR (handles are asked for through a directory), -ESTALE,
 * -EFAULT, -EFSCORRUPTED, -EIO.
 */
long dx_ioc_getparents(struct file *file, unsigned int cmd, void __user *arg)
{
	struct super_block *sb = file_inode(file)->i_sb;
	bool handle = cmd == DX_IOC_GETPARENTS_BY_HANDLE;
	struct dx_getparents_by_handle g = { };
	void *whole = handle ? (void *)&g : &g.gph_request;
	size_t size = handle ? sizeof(g) : sizeof(g.gph_request);
	struct inode *inode = file_inode(file);
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!dx_has_parent(DX_M(sb)))
		return -EOPNOTSUPP;
	if (copy_from_user(whole, arg, size))
		return -EFAULT;
	if (handle) {
		if (!S_ISDIR(inode->i_mode))
			return -ENOTDIR;
		inode = dx_handle_inode(sb, &g.gph_handle);
		if (IS_ERR(inode))
			return PTR_ERR(inode);
	}
	error = answer(DX_I(inode), &g.gph_request);
	if (handle)
		iput(inode);
	if (error)
		return error;
	return copy_to_user(arg, whole, size) ? -EFAULT : 0;
}
