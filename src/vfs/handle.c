// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handles, by which xfsdump, xfs_fsr and xfs_io name files: what libhandle asks for.  Of a volume, of a path, of an open file;
 * and then a file is opened, a symbolic link read, attributes are listed, read and set by one.  All of the latter is the
 * administrator's, and asked through a directory of the volume.
 *
 * A handle comes from outside: its inode is one that the inobt knows, with the generation that the handle has, or it is stale.
 * Opened by handle a file does not show that it was read or written (its times stay).
 *
 * Source: open_by_handle(3), attr_list_by_handle(3), attr_multi_by_handle(3), and what the stock filesystem answers
 * (tests/vm/suite/walks.sh).
 */
#include <linux/cred.h>
#include <linux/exportfs.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/uaccess.h>
#include <linux/xattr.h>
#include "dx_vfs.h"
#include "dx_ioctl.h"

#define ATTRLIST_MAX	65536
#define MULTI_MAX	(16 * PAGE_SIZE)

/* Handles name the volume by parts of its UUID. */
static void fsid(struct dx_mount *mp, u32 id[2])
{
	const u8 *b = (const u8 *)&mp->sb.uuid;

	id[0] = get_unaligned_be16(b + 8) << 16 | get_unaligned_be16(b + 4);
	id[1] = get_unaligned_be32(b);
}

/**
 * dx_handle_fill - the handle of an inode
 * @h: out
 * @mp: mount
 * @ino: its number
 * @gen: its generation
 */
void dx_handle_fill(struct dx_handle *h, struct dx_mount *mp, u64 ino, u32 gen)
{
	memset(h, 0, sizeof(*h));
	fsid(mp, h->ha_fsid);
	h->ha_fid_len = DX_FID_LEN;
	h->ha_fid_gen = gen;
	h->ha_fid_ino = ino;
}

/**
 * dx_handle_inode - the inode that a handle names; which volume it says is not looked at, as stock does not
 * @sb: the volume
 * @h: from outside
 *
 * Return: referenced; ERR_PTR: -EINVAL (no handle), -ESTALE, -EIO, -ENOMEM.
 */
struct inode *dx_handle_inode(struct super_block *sb, const struct dx_handle *h)
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

/* ---- making them ---- */

/* @inode may be of any filesystem; @ours is on a volume of ours. */
static int tell_handle(const struct dx_handlereq *req, struct inode *inode, struct super_block *ours, bool volume)
{
	struct dx_handle h;
	u32 len = volume ? sizeof(h.ha_fsid) : sizeof(h);

	if (inode->i_sb->s_op != ours->s_op)
		return -EINVAL;
	if (!S_ISREG(inode->i_mode) && !S_ISDIR(inode->i_mode) && !S_ISLNK(inode->i_mode))
		return -EBADF;
	dx_handle_fill(&h, DX_M(inode->i_sb), DX_I(inode)->ino, inode->i_generation);
	return copy_to_user((void __user *)req->ohandle, &h, len) ||
	       copy_to_user((void __user *)req->ohandlen, &len, sizeof(len)) ? -EFAULT : 0;
}

static long ioc_make(struct file *file, unsigned int cmd, void __user *arg)
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

/* ---- using them ---- */

static int accept_any(void *ctx, struct dentry *dentry)
{
	return 1;
}

/* A dentry of the inode, that of a directory with its parents up to the root; asked through the directory @dir. */
static struct dentry *dentry_of(struct file *dir, const struct dx_handlereq *req)
{
	struct { u64 ino; u32 gen; } __attribute__((packed)) fid;
	struct dx_handle h;

	if (!S_ISDIR(file_inode(dir)->i_mode))
		return ERR_PTR(-ENOTDIR);
	if (req->ihandlen != sizeof(h))
		return ERR_PTR(-EINVAL);
	if (copy_from_user(&h, (const void __user *)req->ihandle, sizeof(h)))
		return ERR_PTR(-EFAULT);
	if (h.ha_fid_len != DX_FID_LEN)
		return ERR_PTR(-EINVAL);
	fid.ino = h.ha_fid_ino;
	fid.gen = h.ha_fid_gen;
	return exportfs_decode_fh(dir->f_path.mnt, (struct fid *)&fid, sizeof(fid) / 4, FILEID_INO32_GEN | DX_FILEID_64,
				  accept_any, NULL);
}

static int may_open(struct inode *inode, u32 oflags)
{
	bool write = OPEN_FMODE(oflags) & FMODE_WRITE;

	if (!S_ISREG(inode->i_mode) && !S_ISDIR(inode->i_mode))
		return -EPERM;
	if (write && IS_APPEND(inode) && (!(oflags & O_APPEND) || (oflags & O_TRUNC)))
		return -EPERM;
	if (write && IS_IMMUTABLE(inode))
		return -EPERM;
	return write && S_ISDIR(inode->i_mode) ? -EISDIR : 0;
}

static long ioc_open(struct file *dir, void __user *arg)
{
	struct dx_handlereq req;
	struct dentry *dentry;
	struct path path;
	struct file *f;
	int fd, error;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	dentry = dentry_of(dir, &req);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (force_o_largefile())
		req.oflags |= O_LARGEFILE;
	error = may_open(d_inode(dentry), req.oflags);
	if (error)
		goto out;
	fd = get_unused_fd_flags(0);
	if (fd < 0) {
		error = fd;
		goto out;
	}
	path.mnt = dir->f_path.mnt;
	path.dentry = dentry;
	f = dentry_open(&path, req.oflags, current_cred());
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		error = PTR_ERR(f);
		goto out;
	}
	if (S_ISREG(d_inode(dentry)->i_mode)) {
		f->f_flags |= O_NOATIME;
		f->f_mode |= FMODE_NOCMTIME;
	}
	fd_install(fd, f);
	error = fd;
out:
	dput(dentry);
	return error;
}

static long ioc_readlink(struct file *dir, void __user *arg)
{
	struct dx_handlereq req;
	struct dentry *dentry;
	u32 room;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	dentry = dentry_of(dir, &req);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (!d_is_symlink(dentry))
		ret = -EINVAL;
	else if (copy_from_user(&room, (const void __user *)req.ohandlen, sizeof(room)))
		ret = -EFAULT;
	else
		ret = vfs_readlink(dentry, (char __user *)req.ohandle, room);
	dput(dentry);
	return ret;
}

/* ---- attributes ---- */

/* The namespace that @flags asks for; false: there is none. */
static bool namespace_of(u32 flags, u8 *nsp)
{
	flags &= DX_IOC_ATTR_ROOT | DX_IOC_ATTR_SECURE;
	*nsp = flags == DX_IOC_ATTR_ROOT ? DX_ATTR_ROOT : flags == DX_IOC_ATTR_SECURE ? DX_ATTR_SECURE : 0;
	return flags != (DX_IOC_ATTR_ROOT | DX_IOC_ATTR_SECURE);
}

/* The table of offsets grows from the front, the entries from the end. */
struct attr_list { struct dx_attrlist *buf; u32 end; u8 nsp; };

static int list_one(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	u32 size = round_up(sizeof(struct dx_attrlist_ent) + namelen + 1, sizeof(u32));
	struct attr_list *l = ctx;
	struct dx_attrlist *a = l->buf;
	struct dx_attrlist_ent *e;

	if ((flags & (DX_ATTR_ROOT | DX_ATTR_SECURE)) != l->nsp)
		return 0;
	if (l->end < sizeof(*a) + (a->al_count + 1) * sizeof(a->al_offset[0]) + size) {
		a->al_more = 1;
		return 1;
	}
	l->end -= size;
	e = (void *)((char *)a + l->end);
	e->a_valuelen = valuelen;
	memcpy(e->a_name, name, namelen);	/* the buffer was zeroed */
	a->al_offset[a->al_count++] = l->end;
	return 0;
}

static long ioc_attrlist(struct file *dir, void __user *arg)
{
	struct dx_attrlist_handlereq __user *uarg = arg;
	struct dx_attr_cursor cur;
	struct dx_attrlist_handlereq req;
	struct attr_list l = { };
	struct dentry *dentry;
	u32 pos[4] = { };
	int error;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.buflen < sizeof(struct dx_attrlist) + sizeof(u32) || req.buflen > ATTRLIST_MAX)
		return -EINVAL;
	if ((req.flags & ~(DX_IOC_ATTR_ROOT | DX_IOC_ATTR_SECURE)) || !namespace_of(req.flags, &l.nsp))
		return -EINVAL;
	if (req.pos[2] || req.pos[3])
		return -EINVAL;
	dentry = dentry_of(dir, &req.hreq);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	error = -ENOMEM;
	l.buf = kvzalloc(req.buflen, GFP_KERNEL);
	if (!l.buf)
		goto out;
	l.end = round_down(req.buflen, sizeof(u32));
	cur.hash = req.pos[0];
	cur.done = req.pos[1];
	error = dx_attr_list(DX_I(d_inode(dentry)), &cur, list_one, &l);
	if (error < 0)
		goto out;
	pos[0] = cur.hash;
	pos[1] = cur.done;
	error = copy_to_user(uarg->pos, pos, sizeof(pos)) ||
		copy_to_user((void __user *)req.buffer, l.buf, req.buflen) ? -EFAULT : 0;
out:
	kvfree(l.buf);
	dput(dentry);
	return error;
}

static int attr_get(struct inode *inode, const char *name, u8 nsp, struct dx_attr_multiop *op)
{
	struct dx_attr_arg a = {
		.ip = DX_I(inode), .name = (const u8 *)name, .namelen = strlen(name), .nsp = nsp, .valuelen = op->am_length,
	};
	int error;

	if (op->am_length > XATTR_SIZE_MAX)
		return -EINVAL;
	a.value = kvzalloc(max_t(u32, op->am_length, 1), GFP_KERNEL);
	if (!a.value)
		return -ENOMEM;
	error = dx_attr_get(&a);
	if (!error && copy_to_user((void __user *)op->am_attrvalue, a.value, a.valuelen))
		error = -EFAULT;
	if (!error)
		op->am_length = a.valuelen;
	kvfree(a.value);
	return error;
}

/* op NULL: remove */
static int attr_set(struct file *dir, struct inode *inode, const char *name, u8 nsp, u32 flags, const struct dx_attr_multiop *op)
{
	int error, xflags = 0;
	void *value = NULL;

	if (IS_IMMUTABLE(inode) || IS_APPEND(inode))
		return -EPERM;
	if (op) {
		if (op->am_length > XATTR_SIZE_MAX)
			return -EINVAL;
		value = vmemdup_user((const void __user *)op->am_attrvalue, op->am_length);
		if (IS_ERR(value))
			return PTR_ERR(value);
		xflags = (flags & DX_IOC_ATTR_CREATE ? XATTR_CREATE : 0) | (flags & DX_IOC_ATTR_REPLACE ? XATTR_REPLACE : 0);
	}
	error = mnt_want_write_file(dir);
	if (!error) {
		inode_lock(inode);
		error = dx_xattr_set_raw(inode, name, nsp, value, op ? op->am_length : 0, xflags);
		if (!error)
			dx_xattr_set_behind(inode, name, nsp);
		inode_unlock(inode);
		mnt_drop_write_file(dir);
	}
	kvfree(value);
	return error;
}

static int attr_op(struct file *dir, struct inode *inode, struct dx_attr_multiop *op, const char *name)
{
	u8 nsp;

	if ((op->am_flags & ~(DX_IOC_ATTR_ROOT | DX_IOC_ATTR_SECURE | DX_IOC_ATTR_CREATE | DX_IOC_ATTR_REPLACE)) ||
	    !namespace_of(op->am_flags, &nsp))
		return -EINVAL;
	switch (op->am_opcode) {
	case DX_ATTR_OP_GET:
		return attr_get(inode, name, nsp, op);
	case DX_ATTR_OP_SET:
		return attr_set(dir, inode, name, nsp, op->am_flags, op);
	case DX_ATTR_OP_REMOVE:
		return attr_set(dir, inode, name, nsp, op->am_flags, NULL);
	}
	return -EINVAL;
}

static long ioc_attrmulti(struct file *dir, void __user *arg)
{
	struct dx_attrmulti_handlereq req;
	struct dx_attr_multiop *ops;
	struct dentry *dentry;
	char *name = NULL;
	size_t size;
	int error;
	long len;
	u32 i;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (!req.opcount || req.opcount > MULTI_MAX / sizeof(*ops))
		return -E2BIG;
	size = req.opcount * sizeof(*ops);
	dentry = dentry_of(dir, &req.hreq);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	ops = vmemdup_user((const void __user *)req.ops, size);
	if (IS_ERR(ops)) {
		dput(dentry);
		return PTR_ERR(ops);
	}
	error = -ENOMEM;
	name = kmalloc(XATTR_NAME_MAX + 1, GFP_KERNEL);
	if (!name)
		goto out;
	error = 0;
	/* each says for itself how it went */
	for (i = 0; i < req.opcount; i++) {
		len = strncpy_from_user(name, (const char __user *)ops[i].am_attrname, XATTR_NAME_MAX + 1);
		if (len < 0) {
			ops[i].am_error = len;
			break;
		}
		if (len > XATTR_NAME_MAX)
			ops[i].am_error = -EINVAL;
		else if (!len)
			ops[i].am_error = ops[i].am_opcode == DX_ATTR_OP_SET ? -EINVAL : -ENODATA;
		else
			ops[i].am_error = attr_op(dir, d_inode(dentry), &ops[i], name);
	}
	if (copy_to_user((void __user *)req.ops, ops, size))
		error = -EFAULT;
out:
	kfree(name);
	kvfree(ops);
	dput(dentry);
	return error;
}

/**
 * dx_ioc_handle - XFS_IOC_PATH_TO_FSHANDLE, PATH_TO_HANDLE, FD_TO_HANDLE; OPEN_, READLINK_, ATTRLIST_ and ATTRMULTI_BY_HANDLE
 * @file: on a volume of ours; for the latter ones a directory
 * @cmd: which
 * @arg: struct dx_handlereq, dx_attrlist_handlereq, dx_attrmulti_handlereq
 *
 * Return: 0, the descriptor of what was opened, or the length of the link; -EFAULT; making one: -EBADF (no such descriptor; neither
 * file, directory nor link), -EINVAL (not ours), and what a path can be; using one: -EPERM without CAP_SYS_ADMIN, and as open does,
 * -ENOTDIR (not through a directory), -EINVAL, -ESTALE, -E2BIG, -ENOMEM, and what opening, reading or listing can be.
 */
long dx_ioc_handle(struct file *file, unsigned int cmd, void __user *arg)
{
	if (cmd == DX_IOC_PATH_TO_FSHANDLE || cmd == DX_IOC_PATH_TO_HANDLE || cmd == DX_IOC_FD_TO_HANDLE)
		return ioc_make(file, cmd, arg);
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (cmd) {
	case DX_IOC_OPEN_BY_HANDLE:
		return ioc_open(file, arg);
	case DX_IOC_READLINK_BY_HANDLE:
		return ioc_readlink(file, arg);
	case DX_IOC_ATTRLIST_BY_HANDLE:
		return ioc_attrlist(file, arg);
	case DX_IOC_ATTRMULTI_BY_HANDLE:
		return ioc_attrmulti(file, arg);
	}
	return -ENOTTY;
}
