// SPDX-License-Identifier: GPL-2.0-only
/*
 * XFS_IOC_GETPARENTS: which names a file has, and in which directories; of an open file, or of one that a handle names.  And what
 * xfs_io and libhandle ask before: the handle of a volume, of a path, of an open file.
 *
 * Source: ioctl_xfs_getparents(2), and what the stock filesystem answers (tests/vm/suite/parent.sh).
 */
#include <linux/file.h>
#include <linux/namei.h>
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

/* Handles name the volume by parts of its UUID. */
static void fsid(struct dx_mount *mp, u32 id[2])
{
	const u8 *b = (const u8 *)&mp->sb.uuid;

	id[0] = get_unaligned_be16(b + 8) << 16 | get_unaligned_be16(b + 4);
	id[1] = get_unaligned_be32(b);
}

static void handle_of(struct dx_handle *h, struct dx_mount *mp, u64 ino, u32 gen)
{
	memset(h, 0, sizeof(*h));
	fsid(mp, h->ha_fsid);
	h->ha_fid_len = DX_FID_LEN;
	h->ha_fid_gen = gen;
	h->ha_fid_ino = ino;
}

static int add(void *ctx, dx_ino_t ino, u32 gen, const u8 *name, u32 namelen)
{
	u32 len = round_up(sizeof(struct dx_getparents_rec) + namelen + 1, 8);
	struct answer *a = ctx;

	if (len > a->size - a->used)
		return 1;
	a->last = (void *)(a->buf + a->used);
	handle_of(&a->last->gpr_parent, a->mp, ino, gen);
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

/* The inode that a handle names; which volume it says is not looked at, as stock does not. */
static struct inode *by_handle(struct super_block *sb, const struct dx_handle *h)
{
	struct inode *inode;

	if (h->ha_fid_len != DX_FID_LEN)
		return ERR_PTR(-EINVAL);
	if (!h->ha_fid_ino || !dx_verify_ino(DX_M(sb), h->ha_fid_ino))
		return ERR_PTR(-ESTALE);
	inode = dx_vget(sb, h->ha_fid_ino, DX_IGET_UNTRUSTED);
	if (IS_ERR(inode)) {
		/* A number from outside that leads nowhere is stale, not damage. */
		if (inode == ERR_PTR(-EINVAL) || inode == ERR_PTR(-ENOENT) || inode == ERR_PTR(-EFSCORRUPTED))
			return ERR_PTR(-ESTALE);
		return inode;
	}
	if (inode->i_generation != h->ha_fid_gen) {
		iput(inode);
		return ERR_PTR(-ESTALE);
	}
	return inode;
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
		inode = by_handle(sb, &g.gph_handle);
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

/* @inode may be of any filesystem; @ours is on a volume of ours. */
static int tell_handle(const struct dx_handlereq *req, struct inode *inode, struct super_block *ours, bool volume)
{
	struct dx_handle h;
	u32 len = volume ? sizeof(h.ha_fsid) : sizeof(h);

	if (inode->i_sb->s_op != ours->s_op)
		return -EINVAL;
	if (!S_ISREG(inode->i_mode) && !S_ISDIR(inode->i_mode) && !S_ISLNK(inode->i_mode))
		return -EBADF;
	handle_of(&h, DX_M(inode->i_sb), DX_I(inode)->ino, inode->i_generation);
	return copy_to_user((void __user *)req->ohandle, &h, len) ||
	       copy_to_user((void __user *)req->ohandlen, &len, sizeof(len)) ? -EFAULT : 0;
}

/**
 * dx_ioc_handle - XFS_IOC_PATH_TO_FSHANDLE, XFS_IOC_PATH_TO_HANDLE, XFS_IOC_FD_TO_HANDLE
 * @file: on a volume of ours
 * @cmd: which
 * @arg: struct dx_handlereq
 *
 * Return: 0; -EFAULT, -EBADF (no such descriptor; neither file, directory nor link), -EINVAL (not ours), and what a path can be.
 */
long dx_ioc_handle(struct file *file, unsigned int cmd, void __user *arg)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct dx_handlereq req;
	struct file *f;
	struct path path;
	int error;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (cmd == DX_IOC_FD_TO_HANDLE) {
		f = fget(req.fd);
		if (!f)
			return -EBADF;
		error = tell_handle(&req, file_inode(f), sb, false);
		fput(f);
		return error;
	}
	error = user_path_at(AT_FDCWD, (const char __user *)req.path, 0, &path);
	if (error)
		return error;
	error = tell_handle(&req, d_inode(path.dentry), sb, cmd == DX_IOC_PATH_TO_FSHANDLE);
	path_put(&path);
	return error;
}
