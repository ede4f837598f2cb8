// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes: user., trusted. and security. names, each a namespace
 * flag on disk.  POSIX ACLs are two attributes of the root namespace
 * (acl.c), shown under their system. names.
 */
#include <linux/fs.h>
#include <linux/posix_acl_xattr.h>
#include <linux/security.h>
#include <linux/xattr.h>
#include "dx_vfs.h"

#define SGI_ACL_FILE	"SGI_ACL_FILE"
#define SGI_ACL_DEFAULT	"SGI_ACL_DEFAULT"

/**
 * dx_xattr_set_raw - store or remove an attribute
 * @inode: not locked by ILOCK
 * @name: without the namespace prefix
 * @nsp: DX_ATTR_ROOT, DX_ATTR_SECURE or 0
 * @value: NULL removes
 * @size: bytes
 * @flags: XATTR_CREATE, XATTR_REPLACE
 *
 * Return: 0, -EEXIST, -ENODATA, -ENOSPC, ...
 */
int dx_xattr_set_raw(struct inode *inode, const char *name, u8 nsp, const void *value, size_t size, int flags)
{
	struct dx_attr_arg a = {
		.ip = DX_I(inode), .name = (const u8 *)name, .namelen = strlen(name), .nsp = nsp,
		.value = (void *)value, .valuelen = size,
		.create = flags & XATTR_CREATE, .replace = flags & XATTR_REPLACE,
	};
	int error;

	if (dx_is_shutdown(a.ip->mp))
		return -EIO;
	error = dx_attr_set_op(&a);
	if (!error) {
		inode->i_flags &= ~S_NOSEC;	/* security.capability may be there now */
		dx_inode_set_ctime(inode, a.ip->d.ctime);
	}
	return error;
}

static int handler_get(const struct xattr_handler *h, struct dentry *unused, struct inode *inode,
		       const char *name, void *value, size_t size)
{
	struct dx_attr_arg a = {
		.ip = DX_I(inode), .name = (const u8 *)name, .namelen = strlen(name), .nsp = h->flags,
		.value = size ? value : NULL, .valuelen = size,
	};
	int error;

	if (dx_is_shutdown(a.ip->mp))
		return -EIO;
	error = dx_attr_get(&a);
	return error ? error : a.valuelen;
}

static int handler_set(const struct xattr_handler *h, dx_idmap_t idmap, struct dentry *unused,
		       struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	int error = dx_xattr_set_raw(inode, name, h->flags, value, size, flags);

	/* The ACL attributes by their raw name: what is cached is old. */
	if (!error && h->flags == DX_ATTR_ROOT) {
		if (!strcmp(name, SGI_ACL_FILE))
			forget_cached_acl(inode, ACL_TYPE_ACCESS);
		else if (!strcmp(name, SGI_ACL_DEFAULT))
			forget_cached_acl(inode, ACL_TYPE_DEFAULT);
	}
	/* Removing what is not there is fine only when it is not asked to be there. */
	return error;
}

DX_OP_XATTR_SET(handler_set);

static const struct xattr_handler user_handler = {
	.prefix = XATTR_USER_PREFIX, .flags = 0, .get = handler_get, .set = handler_set_op,
};
static const struct xattr_handler trusted_handler = {
	.prefix = XATTR_TRUSTED_PREFIX, .flags = DX_ATTR_ROOT, .get = handler_get, .set = handler_set_op,
};
static const struct xattr_handler security_handler = {
	.prefix = XATTR_SECURITY_PREFIX, .flags = DX_ATTR_SECURE, .get = handler_get, .set = handler_set_op,
};

dx_xattr_handler_t dx_xattr_handlers[] = {
	&user_handler,
	&trusted_handler,
	&security_handler,
	DX_XATTR_ACL_HANDLERS
	NULL
};

struct list_ctx {
	char	*buf;
	size_t	size, used;
	bool	trusted;	/* may the caller see trusted names? */
	int	error;
};

static int put_name(struct list_ctx *c, const char *prefix, const u8 *name, int namelen)
{
	size_t plen = strlen(prefix), need = plen + namelen + 1;

	if (c->size) {
		if (c->used + need > c->size) {
			c->error = -ERANGE;
			return 1;
		}
		memcpy(c->buf + c->used, prefix, plen);
		memcpy(c->buf + c->used + plen, name, namelen);
		c->buf[c->used + plen + namelen] = 0;
	}
	c->used += need;
	return 0;
}

static int list_one(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	struct list_ctx *c = ctx;

	if (flags & DX_ATTR_PARENT)
		return 0;
	if (flags & DX_ATTR_ROOT) {
		int stop = 0;

		if (namelen == strlen(SGI_ACL_FILE) && !memcmp(name, SGI_ACL_FILE, namelen))
			stop = put_name(c, XATTR_NAME_POSIX_ACL_ACCESS, name, 0);
		else if (namelen == strlen(SGI_ACL_DEFAULT) && !memcmp(name, SGI_ACL_DEFAULT, namelen))
			stop = put_name(c, XATTR_NAME_POSIX_ACL_DEFAULT, name, 0);
		if (stop || !c->trusted)
			return stop;
		return put_name(c, XATTR_TRUSTED_PREFIX, name, namelen);
	}
	return put_name(c, flags & DX_ATTR_SECURE ? XATTR_SECURITY_PREFIX : XATTR_USER_PREFIX, name, namelen);
}

/**
 * dx_listxattr - inode_operations
 *
 * With size 0 tells how much room is needed.  Return: bytes, or -ERANGE.
 */
ssize_t dx_listxattr(struct dentry *dentry, char *buf, size_t size)
{
	struct inode *inode = d_inode(dentry);
	struct list_ctx c = { .buf = buf, .size = size, .trusted = capable(CAP_SYS_ADMIN) };
	int error;

	if (dx_is_shutdown(DX_M(inode->i_sb)))
		return -EIO;
	error = dx_attr_list(DX_I(inode), list_one, &c);
	if (c.error)
		return c.error;
	return error < 0 ? error : c.used;
}
