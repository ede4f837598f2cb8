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
#include <linux/compat.h>
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
	if (h->ha_fid_len != DX_FID_LEN)
		return ERR_PTR(-EINVAL);
	return dx_vget_outside(sb, h->ha_fid_ino, h->ha_fid_gen);
}

/* ---- what a program asks, in its own form or that of a 32-bit one, whose pointers are short ---- */

#ifdef CONFIG_COMPAT
/* The structures are a program's, too, and do not say whose memory their pointers are to. */
static void *ptr32(u32 p)
{
	return (__force void *)compat_ptr(p);
}

static void widen(struct dx_handlereq *req, const struct dx_handlereq32 *r)
{
	*req = (struct dx_handlereq) {
		.fd = r->fd, .path = ptr32(r->path), .oflags = r->oflags, .ihandle = ptr32(r->ihandle),
		.ihandlen = r->ihandlen, .ohandle = ptr32(r->ohandle), .ohandlen = ptr32(r->ohandlen),
	};
}

static int get_req32(struct dx_handlereq *req, const void __user *arg)
{
	struct dx_handlereq32 r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	widen(req, &r);
	return 0;
}

static int get_attrlist32(struct dx_attrlist_handlereq *req, const void __user *arg)
{
	struct dx_attrlist_handlereq32 r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	widen(&req->hreq, &r.hreq);
	memcpy(req->pos, r.pos, sizeof(req->pos));
	req->flags = r.flags;
	req->buflen = r.buflen;
	req->buffer = ptr32(r.buffer);
	return 0;
}

static int get_attrmulti32(struct dx_attrmulti_handlereq *req, const void __user *arg)
{
	struct dx_attrmulti_handlereq32 r;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	widen(&req->hreq, &r.hreq);
	req->opcount = r.opcount;
	req->ops = ptr32(r.ops);
	return 0;
}

static void widen_op(struct dx_attr_multiop *op, const struct dx_attr_multiop32 *o)
{
	*op = (struct dx_attr_multiop) {
		.am_opcode = o->am_opcode, .am_error = o->am_error, .am_attrname = ptr32(o->am_attrname),
		.am_attrvalue = ptr32(o->am_attrvalue), .am_length = o->am_length, .am_flags = o->am_flags,
	};
}

#define OP_BYTES(narrow)	((narrow) ? sizeof(struct dx_attr_multiop32) : sizeof(struct dx_attr_multiop))
#else
static int get_req32(struct dx_handlereq *req, const void __user *arg) { return -ENOTTY; }
static int get_attrlist32(struct dx_attrlist_handlereq *req, const void __user *arg) { return -ENOTTY; }
static int get_attrmulti32(struct dx_attrmulti_handlereq *req, const void __user *arg) { return -ENOTTY; }
#define OP_BYTES(narrow)	sizeof(struct dx_attr_multiop)
#endif

static int get_req(struct dx_handlereq *req, const void __user *arg, bool narrow)
{
	if (narrow)
		return get_req32(req, arg);
	return copy_from_user(req, arg, sizeof(*req)) ? -EFAULT : 0;
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

static long ioc_make(struct file *file, unsigned int nr, void __user *arg, bool narrow)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct dx_handlereq req;
	struct file *f;
	struct path path;
	int error = get_req(&req, arg, narrow);

	if (error)
		return error;
	if (nr == _IOC_NR(DX_IOC_FD_TO_HANDLE)) {
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
	error = tell_handle(&req, d_inode(path.dentry), sb, nr == _IOC_NR(DX_IOC_PATH_TO_FSHANDLE));
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

static long ioc_open(struct file *dir, void __user *arg, bool narrow)
{
	struct dx_handlereq req;
	struct dentry *dentry;
	struct path path;
	struct file *f;
	int fd, error = get_req(&req, arg, narrow);

	if (error)
		return error;
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

static long ioc_readlink(struct file *dir, void __user *arg, bool narrow)
{
	struct dx_handlereq req;
	struct dentry *dentry;
	u32 room;
	int ret = get_req(&req, arg, narrow);

	if (ret)
		return ret;
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

static long ioc_attrlist(struct file *dir, void __user *arg, bool narrow)
{
	u32 __user *upos = narrow ? ((struct dx_attrlist_handlereq32 __user *)arg)->pos :
				    ((struct dx_attrlist_handlereq __user *)arg)->pos;
	struct dx_attr_cursor cur;
	struct dx_attrlist_handlereq req;
	struct attr_list l = { };
	struct dentry *dentry;
	u32 pos[4] = { };
	int error;

	error = narrow ? get_attrlist32(&req, arg) : copy_from_user(&req, arg, sizeof(req)) ? -EFAULT : 0;
	if (error)
		return error;
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
	error = copy_to_user(upos, pos, sizeof(pos)) ||
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

/* The operations that are asked for, in our form; they go back as they came, but with what has become of them. */
static struct dx_attr_multiop *get_ops(const struct dx_attrmulti_handlereq *req, bool narrow)
{
	struct dx_attr_multiop *ops;
#ifdef CONFIG_COMPAT
	struct dx_attr_multiop32 o;
	u32 i;
#endif

	if (!narrow)
		return vmemdup_user((const void __user *)req->ops, req->opcount * sizeof(*ops));
	ops = kvcalloc(req->opcount, sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return ERR_PTR(-ENOMEM);
#ifdef CONFIG_COMPAT
	for (i = 0; i < req->opcount; i++) {
		if (copy_from_user(&o, (const struct dx_attr_multiop32 __user *)req->ops + i, sizeof(o))) {
			kvfree(ops);
			return ERR_PTR(-EFAULT);
		}
		widen_op(&ops[i], &o);
	}
#endif
	return ops;
}

static int put_ops(const struct dx_attrmulti_handlereq *req, const struct dx_attr_multiop *ops, bool narrow)
{
#ifdef CONFIG_COMPAT
	struct dx_attr_multiop32 __user *to = (struct dx_attr_multiop32 __user *)req->ops;
	u32 i;

	for (i = 0; narrow && i < req->opcount; i++)
		if (put_user(ops[i].am_error, &to[i].am_error) || put_user(ops[i].am_length, &to[i].am_length))
			return -EFAULT;
	if (narrow)
		return 0;
#endif
	return copy_to_user((void __user *)req->ops, ops, req->opcount * sizeof(*ops)) ? -EFAULT : 0;
}

static long ioc_attrmulti(struct file *dir, void __user *arg, bool narrow)
{
	struct dx_attrmulti_handlereq req;
	struct dx_attr_multiop *ops;
	struct dentry *dentry;
	char *name = NULL;
	int error;
	long len;
	u32 i;

	error = narrow ? get_attrmulti32(&req, arg) : copy_from_user(&req, arg, sizeof(req)) ? -EFAULT : 0;
	if (error)
		return error;
	if (!req.opcount || req.opcount > MULTI_MAX / OP_BYTES(narrow))
		return -E2BIG;
	dentry = dentry_of(dir, &req.hreq);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	ops = get_ops(&req, narrow);
	if (IS_ERR(ops)) {
		dput(dentry);
		return PTR_ERR(ops);
	}
	error = -ENOMEM;
	name = kmalloc(XATTR_NAME_MAX + 1, GFP_KERNEL);
	if (!name)
		goto out;
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
	error = put_ops(&req, ops, narrow);
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
 * @arg: struct dx_handlereq, dx_attrlist_handlereq, dx_attrmulti_handlereq, or what a 32-bit program has of them
 *
 * Return: 0, the descriptor of what was opened, or the length of the link; -EFAULT; making one: -EBADF (no such descriptor; neither
 * file, directory nor link), -EINVAL (not ours), and what a path can be; using one: -EPERM without CAP_SYS_ADMIN, and as open does,
 * -ENOTDIR (not through a directory), -EINVAL, -ESTALE, -E2BIG, -ENOMEM, and what opening, reading or listing can be.
 */
long dx_ioc_handle(struct file *file, unsigned int cmd, void __user *arg)
{
	unsigned int nr = _IOC_NR(cmd);
	bool narrow = false;

#ifdef CONFIG_COMPAT
	narrow = cmd == DX_IOC_ATTRLIST_BY_HANDLE32 || cmd == DX_IOC_ATTRMULTI_BY_HANDLE32 ||
		 (nr <= _IOC_NR(DX_IOC_READLINK_BY_HANDLE) && _IOC_SIZE(cmd) == sizeof(struct dx_handlereq32));
#endif
	switch (nr) {
	case _IOC_NR(DX_IOC_PATH_TO_FSHANDLE):
	case _IOC_NR(DX_IOC_PATH_TO_HANDLE):
	case _IOC_NR(DX_IOC_FD_TO_HANDLE):
		return ioc_make(file, nr, arg, narrow);
	}
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (nr) {
	case _IOC_NR(DX_IOC_OPEN_BY_HANDLE):
		return ioc_open(file, arg, narrow);
	case _IOC_NR(DX_IOC_READLINK_BY_HANDLE):
		return ioc_readlink(file, arg, narrow);
	case _IOC_NR(DX_IOC_ATTRLIST_BY_HANDLE):
		return ioc_attrlist(file, arg, narrow);
	case _IOC_NR(DX_IOC_ATTRMULTI_BY_HANDLE):
		return ioc_attrmulti(file, arg, narrow);
	}
	return -ENOTTY;
}
