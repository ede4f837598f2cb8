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

const struct dx_acl_attr dx_acl_attrs[2] = {
	{ ACL_TYPE_ACCESS, "SGI_ACL_FILE", XATTR_NAME_POSIX_ACL_ACCESS },
	{ ACL_TYPE_DEFAULT, "SGI_ACL_DEFAULT", XATTR_NAME_POSIX_ACL_DEFAULT },
};

/* Which ACL is in an attribute of the root namespace?  NULL: it is none.  @name is not terminated. */
static const struct dx_acl_attr *find_acl_attr(const u8 *name, size_t len)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(dx_acl_attrs); i++)
		if (len == strlen(dx_acl_attrs[i].name) && !memcmp(name, dx_acl_attrs[i].name, len))
			return &dx_acl_attrs[i];
	return NULL;
}

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
	struct dx_nospace ns = { };
	int error;

	if (dx_is_shutdown(a.ip->mp))
		return -EIO;
	do
		error = dx_attr_set_op(&a);
	while (dx_nospace_again(inode->i_sb, error, &ns));
	if (!error) {
		inode->i_flags &= ~S_NOSEC;	/* security.capability may be there now */
		dx_ilock(a.ip, DX_ILOCK_SHARED);	/* times move without the i_rwsem: dx_vn_update_time() */
		dx_inode_set_ctime(inode, a.ip->d.ctime);
		dx_iunlock(a.ip, DX_ILOCK_SHARED);
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

/**
 * dx_xattr_set_behind - an attribute was changed under its own name: trusted.SGI_ACL_FILE is the ACL, and that may be cached
 * @inode: whose
 * @name: without the namespace prefix
 * @nsp: DX_ATTR_ROOT, DX_ATTR_SECURE or 0
 */
void dx_xattr_set_behind(struct inode *inode, const char *name, u8 nsp)
{
	const struct dx_acl_attr *acl = nsp == DX_ATTR_ROOT ? find_acl_attr((const u8 *)name, strlen(name)) : NULL;

	if (acl)
		forget_cached_acl(inode, acl->type);
}

static int handler_set(const struct xattr_handler *h, dx_idmap_t idmap, struct dentry *unused,
		       struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	int error = dx_xattr_set_raw(inode, name, h->flags, value, size, flags);

	if (!error)
		dx_xattr_set_behind(inode, name, h->flags);
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
		const struct dx_acl_attr *acl = find_acl_attr(name, namelen);

		/* An ACL goes by two names, and one of them is for all. */
		if (acl && put_name(c, acl->shown, name, 0))
			return 1;
		return c->trusted ? put_name(c, XATTR_TRUSTED_PREFIX, name, namelen) : 0;
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
	error = dx_attr_list(DX_I(inode), NULL, list_one, &c);
	if (c.error)
		return c.error;
	return error < 0 ? error : c.used;
}
