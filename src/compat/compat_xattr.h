/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extended attribute handlers. POSIX ACLs have handlers of the VFS until 6.2;
 * since then the ACL operations alone serve them.
 */
#ifndef COMPAT_XATTR_H
#define COMPAT_XATTR_H

#include <linux/xattr.h>
#include <linux/posix_acl_xattr.h>
#include "compat_idmap.h"

#if HAVE_XATTR_HANDLERS
typedef const struct xattr_handler *const dx_xattr_handler_t;
#else
typedef const struct xattr_handler *dx_xattr_handler_t;
#endif

#if HAVE_GET_ACL >= 2
#define DX_XATTR_ACL_HANDLERS
#else
#define DX_XATTR_ACL_HANDLERS	&posix_acl_access_xattr_handler, &posix_acl_default_xattr_handler,
#endif

/* int set(handler, idmap, dentry, inode, name, value, size, flags) */
#define DX_OP_XATTR_SET(fn) \
static int fn##_op(const struct xattr_handler *h, DX_IDMAP_PARAM struct dentry *dentry, struct inode *inode, \
		   const char *name, const void *value, size_t size, int flags) \
{ \
	return fn(h, DX_IDMAP_GIVEN, dentry, inode, name, value, size, flags); \
}

#endif /* COMPAT_XATTR_H */
