/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of attributes share: the forms in which they are stored (in the inode, in leaves, a long value in blocks of
 * its own), each with its own find, set and remove.
 *
 * Locks: ILOCK of the inode; blocks belong to the transaction, but for those of long values, which are not logged.
 */
#ifndef DX_ATTR_INT_H
#define DX_ATTR_INT_H

#include "dx_da.h"
#include "dx_attr.h"

/* one attribute, wherever it is stored */
struct dx_attr_ref {
	u8		flags;
	const u8	*name;
	u8		namelen;
	const u8	*value;		/* NULL when remote */
	u32		valuelen;
	dx_dablk_t	rmtblk;
};
/* attr.c: of a chain of transactions that has the ILOCK and the extents; -ENOATTR, -EEXIST, -ENOSPC */
int dx_attr_find(struct dx_da_args *a);
int dx_attr_set_in(struct dx_da_args *a, bool create, bool replace);
int dx_attr_remove_in(struct dx_da_args *a);
int dx_attr_may_grow(struct dx_da_args *a, bool set);	/* -EFBIG: may not have the extents that this can add */
int dx_attr_walk(struct dx_da_args *a, u32 hash, int (*fn)(void *ctx, const struct dx_attr_ref *ref), void *ctx);
bool dx_attr_has_tree(struct dx_inode *ip);
/* attr_list.c */
int dx_attr_walk_from(struct dx_inode *ip, struct dx_attr_cursor *cur,
		      int (*fn)(void *ctx, const struct dx_attr_ref *ref), void *ctx);
/* attr_sf.c */
int dx_attr_sf_find(struct dx_inode *ip, const struct dx_da_args *a, struct dx_attr_ref *ref);
bool dx_attr_sf_is_full(struct dx_inode *ip);
int dx_attr_sf_set(struct dx_da_args *a);	/* -ENOSPC: does not fit, nothing changed */
int dx_attr_sf_swap(struct dx_da_args *a, const struct dx_da_args *old);
int dx_attr_sf_remove(struct dx_da_args *a);
int dx_attr_sf_to_tree(struct dx_da_args *a);
int dx_attr_sf_walk(struct dx_inode *ip, int (*fn)(void *ctx, const struct dx_attr_ref *ref), void *ctx);
int dx_attr_leaf_to_sf(struct dx_da_args *a, struct dx_buf *bp);
void dx_attr_fork_drop(struct dx_inode *ip);	/* no attribute fork any more; caller logs the core */
/* attr_leaf.c */
u32 dx_attr_hash(u8 nsp, const u8 *name, u32 namelen, const void *value, u32 valuelen);
bool dx_attr_is(const struct dx_da_args *a, const struct dx_attr_ref *ref);
int dx_attr_leaf_ref(struct dx_buf *bp, u32 idx, struct dx_attr_ref *ref);
void dx_attr_leaf_init(struct dx_da_args *a, struct dx_buf *bp);
void dx_attr_leaf_del(struct dx_da_args *a, struct dx_buf *bp, u32 idx);
u32 dx_attr_leaf_find(struct dx_buf *bp, u32 hash);
int dx_attr_leaf_enter(struct dx_da_args *a, struct dx_da_path *path);	/* splits a full one */
extern const struct dx_da_leaf_ops dx_attr_leaf_ops;
/* attr_remote.c */
int dx_attr_rmt_get(struct dx_da_args *a, dx_dablk_t blk, u32 valuelen, u8 *dst);
int dx_attr_rmt_alloc(struct dx_da_args *a, u32 blocks);	/* sets a->rmtblk; rolls a->tp */
int dx_attr_rmt_write(struct dx_da_args *a);			/* a->value into a->rmtblk, not logged */
int dx_attr_rmt_free(struct dx_da_args *a, dx_dablk_t blk, u32 valuelen);	/* may roll a->tp */
int dx_attr_rmt_stale(struct dx_da_args *a, dx_dablk_t blk, u32 valuelen);

#endif /* DX_ATTR_INT_H */
