// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names: lookup, create, link, unlink, rename, symlinks, reading directories.
 *
 * The VFS holds the i_rwsem of the directories (and of the victim); the
 * core's transactions do the rest.  A new inode stays I_NEW until its ACLs
 * and security label are stored.
 */
#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/posix_acl.h>
#include <linux/security.h>
#include <linux/xattr.h>
#include "dx_vfs.h"

static int make_name(struct dx_name *n, const struct dentry *dentry, umode_t mode)
{
	if (dentry->d_name.len >= DX_MAXNAMELEN)
		return -ENAMETOOLONG;
	n->name = dentry->d_name.name;
	n->len = dentry->d_name.len;
	n->ftype = dx_mode_to_ftype(mode);
	return 0;
}

static struct dentry *vn_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct inode *inode = NULL;
	struct dx_name name;
	dx_ino_t ino;
	int error;

	if (dx_is_shutdown(DX_M(dir->i_sb)))
		return ERR_PTR(-EIO);
	error = make_name(&name, dentry, 0);
	if (error)
		return ERR_PTR(error);
	error = dx_lookup(DX_I(dir), &name, &ino, NULL);
	if (!error) {
		inode = dx_vget_named(dir->i_sb, ino);
		/* A name that leads to a free inode is damage, not absence. */
		if (inode == ERR_PTR(-ENOENT)) {
			dx_err_ratelimited(DX_M(dir->i_sb), "directory 0x%llx has an entry for the free inode 0x%llx",
					   DX_I(dir)->ino, ino);
			inode = ERR_PTR(-EFSCORRUPTED);
		}
	} else if (error != -ENOENT) {
		inode = ERR_PTR(error);
	}
	return d_splice_alias(inode, dentry);
}

static int store_security(struct inode *inode, const struct xattr *xattrs, void *fs_info)
{
	const struct xattr *x;
	int error = 0;

	for (x = xattrs; x->name; x++) {
		error = dx_xattr_set_raw(inode, x->name, DX_ATTR_SECURE, x->value, x->value_len, 0);
		if (error)
			break;
	}
	return error;
}

/* Ids, mode and project of a new inode, as inode_init_owner() has them. */
static void new_owner(dx_idmap_t idmap, struct inode *dir, umode_t *mode, struct dx_create_args *a)
{
	struct dx_inode *dp = DX_I(dir);

	a->uid = dx_new_uid(idmap, dir);
	if (dir->i_mode & S_ISGID || dp->mp->opts.grpid) {
		a->gid = i_gid_read(dir);
		if (dir->i_mode & S_ISGID) {
			if (S_ISDIR(*mode))
				*mode |= S_ISGID;
			else
				*mode = dx_strip_sgid(idmap, dir, *mode);
		}
	} else {
		a->gid = dx_new_gid(idmap, dir);
	}
	a->projid = dp->d.flags & DX_DIFLAG_PROJINHERIT ? dp->d.projid : 0;
	a->mode = *mode;
}

/* Make a file, directory, device or (with @dentry NULL) an unnamed file. */
static struct inode *make_inode(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, umode_t mode,
				dev_t dev, const char *target)
{
	struct posix_acl *dflt = NULL, *acl = NULL;
	struct dx_create_args a = { };
	struct dx_nospace ns = { };
	struct dx_inode *ip;
	struct dx_name name;
	struct inode *inode;
	int error = 0;

	if (dx_is_shutdown(DX_M(dir->i_sb)))
		return ERR_PTR(-EIO);
	if (S_ISCHR(mode) || S_ISBLK(mode)) {
		if (MAJOR(dev) > 0x1ff || MINOR(dev) > 0x3ffff)
			return ERR_PTR(-EINVAL);
		a.rdev = MAJOR(dev) << 18 | MINOR(dev);
	}
	if (!S_ISLNK(mode)) {
		error = posix_acl_create(dir, &mode, &dflt, &acl);
		if (error)
			return ERR_PTR(error);
	}
	new_owner(idmap, dir, &mode, &a);
	a.init_xattrs = dflt || acl;

	if (dentry)
		error = make_name(&name, dentry, mode);
	if (error) {
		inode = ERR_PTR(error);
		goto out;
	}
	do {
		if (!dentry)
			error = dx_create_tmpfile(DX_I(dir), &a, &ip);
		else if (target)
			error = dx_symlink(DX_I(dir), &name, target, &a, &ip);
		else
			error = dx_create(DX_I(dir), &name, &a, &ip);
	} while (dx_nospace_again(dir->i_sb, error, &ns));
	if (error) {
		inode = ERR_PTR(error);
		goto out;
	}
	inode = dx_vnode_attach_new(dir->i_sb, ip);
	if (IS_ERR(inode))
		goto out;
	dx_vnode_sync(dir);

	error = security_inode_init_security(inode, dir, dentry ? &dentry->d_name : NULL, store_security, NULL);
	if (error == -EOPNOTSUPP)
		error = 0;
	if (!error && dflt) {
		error = dx_acl_store(inode, dflt, ACL_TYPE_DEFAULT);
		if (!error)
			set_cached_acl(inode, ACL_TYPE_DEFAULT, dflt);
	}
	if (!error && acl) {
		error = dx_acl_store(inode, acl, ACL_TYPE_ACCESS);
		if (!error)
			set_cached_acl(inode, ACL_TYPE_ACCESS, acl);
	}
	if (error) {
		/* Without its ACL the file would be open to more than it should. */
		if (dentry) {
			int err2 = dx_remove(DX_I(dir), &name, DX_I(inode));

			if (err2)
				dx_err(DX_M(dir->i_sb), "cannot undo the creation of inode 0x%llx: error %d",
				       DX_I(inode)->ino, err2);
			dx_vnode_sync(dir);
			dx_vnode_sync(inode);
		}
		dx_vnode_new_done(inode, NULL);
		iput(inode);
		inode = ERR_PTR(error);
	}
out:
	posix_acl_release(dflt);
	posix_acl_release(acl);
	return inode;
}

static int vn_mknod(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev)
{
	struct inode *inode = make_inode(idmap, dir, dentry, mode, dev, NULL);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	dx_vnode_new_done(inode, dentry);
	return 0;
}

static int vn_create(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, umode_t mode)
{
	return vn_mknod(idmap, dir, dentry, mode, 0);
}

static int vn_mkdir(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, umode_t mode)
{
	return vn_mknod(idmap, dir, dentry, mode | S_IFDIR, 0);
}

static int vn_symlink(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, const char *target)
{
	struct inode *inode;

	if (strlen(target) >= DX_SYMLINK_MAXLEN)
		return -ENAMETOOLONG;
	inode = make_inode(idmap, dir, dentry, S_IFLNK | 0777, 0, target);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	dx_vnode_new_done(inode, dentry);
	return 0;
}

static struct inode *vn_tmpfile(dx_idmap_t idmap, struct inode *dir, umode_t mode)
{
	struct inode *inode = make_inode(idmap, dir, NULL, mode, 0, NULL);

	/* d_tmpfile() drops a link; on disk there is none already. */
	if (!IS_ERR(inode))
		set_nlink(inode, 1);
	return inode;
}

static int vn_link(struct dentry *old, struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(old);
	struct dx_nospace ns = { };
	struct dx_name name;
	int error;

	if (dx_is_shutdown(DX_M(dir->i_sb)))
		return -EIO;
	error = make_name(&name, dentry, inode->i_mode);
	if (error)
		return error;
	do
		error = dx_link(DX_I(dir), DX_I(inode), &name);
	while (dx_nospace_again(dir->i_sb, error, &ns));
	if (error)
		return error;
	dx_vnode_sync(dir);
	dx_vnode_sync(inode);
	ihold(inode);
	d_instantiate(dentry, inode);
	return 0;
}

static int vn_unlink(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);
	struct dx_name name;
	int error;

	if (dx_is_shutdown(DX_M(dir->i_sb)))
		return -EIO;
	error = make_name(&name, dentry, inode->i_mode);
	if (!error)
		error = dx_remove(DX_I(dir), &name, DX_I(inode));
	if (error)
		return error;
	dx_vnode_sync(dir);
	dx_vnode_sync(inode);
	return 0;
}

/*
 * What overlayfs takes for a name that is not there.  It needs no VFS inode: the first lookup of
 * the old name makes one.
 */
static int make_whiteout(dx_idmap_t idmap, struct inode *dir, struct dx_inode **wipp)
{
	struct dx_create_args a = { };
	umode_t mode = S_IFCHR | WHITEOUT_MODE;
	struct dx_nospace ns = { };
	int error;

	new_owner(idmap, dir, &mode, &a);
	do
		error = dx_create_tmpfile(DX_I(dir), &a, wipp);
	while (dx_nospace_again(dir->i_sb, error, &ns));
	return error;
}

static int vn_rename(dx_idmap_t idmap, struct inode *odir, struct dentry *odentry,
		     struct inode *ndir, struct dentry *ndentry, unsigned int flags)
{
	struct inode *inode = d_inode(odentry), *target = d_inode(ndentry);
	struct dx_inode *wip = NULL;
	struct dx_nospace ns = { };
	struct dx_name oname, nname;
	u32 f = 0;
	int error;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (dx_is_shutdown(DX_M(odir->i_sb)))
		return -EIO;
	if (flags & RENAME_NOREPLACE)
		f |= DX_RENAME_NOREPLACE;
	if (flags & RENAME_EXCHANGE)
		f |= DX_RENAME_EXCHANGE;
	if (flags & RENAME_WHITEOUT) {
		f |= DX_RENAME_WHITEOUT;
		error = make_whiteout(idmap, odir, &wip);
		if (error)
			return error;
	}
	/* Each name carries the type of the inode that it will lead to. */
	error = make_name(&oname, odentry, flags & RENAME_EXCHANGE ? target->i_mode : inode->i_mode);
	if (!error)
		error = make_name(&nname, ndentry, inode->i_mode);
	if (!error) {
		do
			error = dx_rename(DX_I(odir), &oname, DX_I(inode), DX_I(ndir), &nname,
					  target ? DX_I(target) : NULL, wip, f);
		while (dx_nospace_again(odir->i_sb, error, &ns));
	}
	if (wip)
		dx_idrop(wip);
	if (error)
		return error;
	dx_vnode_sync(odir);
	dx_vnode_sync(ndir);
	dx_vnode_sync_moved(inode);
	if (target && (flags & RENAME_EXCHANGE))
		dx_vnode_sync_moved(target);
	else if (target)
		dx_vnode_sync(target);
	return 0;
}

static const char *vn_get_link(struct dentry *dentry, struct inode *inode, struct delayed_call *done)
{
	char *buf;
	int len;

	if (!dentry)
		return ERR_PTR(-ECHILD);
	if (dx_is_shutdown(DX_M(inode->i_sb)))
		return ERR_PTR(-EIO);
	buf = kmalloc(DX_SYMLINK_MAXLEN + 1, GFP_KERNEL);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	len = dx_readlink(DX_I(inode), buf);
	if (len < 0) {
		kfree(buf);
		return ERR_PTR(len);
	}
	set_delayed_call(done, kfree_link, buf);
	return buf;
}

static bool emit(void *ctx, const u8 *name, int len, u64 pos, dx_ino_t ino, u8 ftype)
{
	static const u8 dtypes[DX_DIR3_FT_MAX] = {
		DT_UNKNOWN, DT_REG, DT_DIR, DT_CHR, DT_BLK, DT_FIFO, DT_SOCK, DT_LNK, DT_WHT,
	};
	struct dir_context *dc = ctx;

	dc->pos = pos & 0x7fffffff;
	return dir_emit(dc, name, len, ino, ftype < DX_DIR3_FT_MAX ? dtypes[ftype] : DT_UNKNOWN);
}

static int vn_readdir(struct file *file, struct dir_context *dc)
{
	struct inode *inode = file_inode(file);
	u64 pos = dc->pos;
	int error;

	if (dx_is_shutdown(DX_M(inode->i_sb)))
		return -EIO;
	error = dx_dir_readdir(DX_I(inode), &pos, emit, dc);
	dc->pos = pos & 0x7fffffff;
	return error;
}

const struct file_operations dx_dir_fops = {
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= vn_readdir,
	.unlocked_ioctl	= dx_file_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= dx_file_compat_ioctl,
#endif
	.fsync		= dx_fsync,
	.setlease	= generic_setlease,
};

DX_OP_CREATE(vn_create);
DX_OP_SYMLINK(vn_symlink);
DX_OP_MKDIR(vn_mkdir);
DX_OP_MKNOD(vn_mknod);
DX_OP_RENAME(vn_rename);
DX_OP_TMPFILE(vn_tmpfile, dx_vnode_new_done);
DX_OP_GETATTR(dx_vn_getattr);
DX_OP_SETATTR(dx_vn_setattr);
DX_OP_UPDATE_TIME(dx_vn_update_time);
DX_OP_GET_ACL(dx_get_acl);
DX_OP_SET_ACL(dx_set_acl);
DX_OP_FILEATTR_SET(dx_fileattr_set);

const struct inode_operations dx_dir_iops = {
	.lookup		= vn_lookup,
	.create		= vn_create_op,
	.link		= vn_link,
	.unlink		= vn_unlink,
	.symlink	= vn_symlink_op,
	.mkdir		= vn_mkdir_op,
	.rmdir		= vn_unlink,
	.mknod		= vn_mknod_op,
	.rename		= vn_rename_op,
	.tmpfile	= vn_tmpfile_op,
	.getattr	= dx_vn_getattr_op,
	.setattr	= dx_vn_setattr_op,
	.update_time	= dx_vn_update_time_op,
	.listxattr	= dx_listxattr,
	DX_ACL_OPS(dx_get_acl, dx_set_acl),
	DX_FILEATTR_OPS(dx_fileattr_get, dx_fileattr_set)
};

const struct inode_operations dx_symlink_iops = {
	.get_link	= vn_get_link,
	.getattr	= dx_vn_getattr_op,
	.setattr	= dx_vn_setattr_op,
	.update_time	= dx_vn_update_time_op,
	.listxattr	= dx_listxattr,
	DX_FILEATTR_SPECIAL_OPS(dx_fileattr_get, dx_fileattr_set)
};

const struct inode_operations dx_special_iops = {
	.getattr	= dx_vn_getattr_op,
	.setattr	= dx_vn_setattr_op,
	.update_time	= dx_vn_update_time_op,
	.listxattr	= dx_listxattr,
	DX_ACL_OPS(dx_get_acl, dx_set_acl),
	DX_FILEATTR_SPECIAL_OPS(dx_fileattr_get, dx_fileattr_set)
};
