/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extended attributes, and the end of an inode, which has them to free.  What is declared here starts its own
 * transactions and takes the ILOCK itself, if it does not say otherwise.
 */
#ifndef DX_ATTR_H
#define DX_ATTR_H

#include "dx_inode.h"

/* ---- attributes: attr.c and attr_{sf,leaf,remote}.c ---- */
struct dx_attr_arg {
	struct dx_inode *ip;
	const u8	*name;
	int		namelen;
	u8		nsp;		/* DX_ATTR_ROOT, DX_ATTR_SECURE or 0 */
	void		*value;		/* get: buffer or NULL to ask for the length */
	int		valuelen;	/* in: room or length; get: out length */
	bool		create, replace;	/* XATTR_CREATE, XATTR_REPLACE */
};
int dx_attr_get(struct dx_attr_arg *a);			/* takes ILOCK shared; -ENOATTR, -ERANGE */
int dx_attr_get_whole(struct dx_attr_arg *a);		/* allocates value; any length */
int dx_attr_get_locked(struct dx_attr_arg *a);
int dx_attr_set_op(struct dx_attr_arg *a);		/* value NULL = remove; own transactions; -EEXIST, -ENOATTR, -ENOSPC */
/* where a listing goes on: hash of the next one, and how many of that hash have been seen; zeroed: at the first one */
struct dx_attr_cursor { u32 hash, done; };
int dx_attr_list(struct dx_inode *ip, struct dx_attr_cursor *cur,
		 int (*fn)(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen), void *ctx);	/* attr_list.c */
int dx_attr_free_all(struct dx_inode *ip);		/* free the whole attr fork of a dying inode; own transactions */
/* the contents of a local attribute fork, before they are believed: attr_sf.c */
int dx_attr_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);

/* ---- inactive.c ---- */
int dx_inactivate(struct dx_inode *ip);			/* nlink 0: truncate, free attrs and the inode; else trim EOF blocks */

#endif /* DX_ATTR_H */
