/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of directories share: entries in data blocks, and the four forms that a directory grows through: in the
 * inode, one block, blocks with one leaf, blocks under a hash tree.  Each has the same four operations.
 *
 * Locks: ILOCK of the directory; blocks belong to the transaction.
 */
#ifndef DX_DIR_INT_H
#define DX_DIR_INT_H

#include "dx_da.h"
#include "dx_dir.h"

/* ---- dir_data.c ---- */
u32 dx_dir_data_end(struct dx_mount *mp, void *blk);
u16 dx_dir_data_best(struct dx_buf *bp);
void dx_dir_data_scan(struct dx_mount *mp, void *blk);
void dx_dir_data_put_unused(void *blk, u32 off, u32 len);
int dx_dir_data_use(struct dx_da_args *a, struct dx_buf *bp, u32 region, u32 off, u32 len);
int dx_dir_data_free(struct dx_da_args *a, struct dx_buf *bp, u32 off, u32 len);
void dx_dir_data_put_entry(void *blk, u32 off, dx_ino_t ino, const u8 *name, int namelen, u8 ftype);
int dx_dir_data_add(struct dx_da_args *a, struct dx_buf *bp, u32 region, u32 *off);	/* takes the front of a free region */
int dx_dir_data_init(struct dx_da_args *a, u32 db, struct dx_buf **bpp);	/* format a block just grown */
int dx_dir_data_entry(struct dx_da_args *a, struct dx_buf *bp, u32 off, struct dx_dir2_data_entry **ep);
bool dx_dir_data_is_empty(struct dx_mount *mp, struct dx_buf *bp);
u32 dx_dir_tail_region(struct dx_mount *mp, struct dx_buf *bp, u32 *len);
int dx_dir_shrink_data(struct dx_da_args *a, u32 db, struct dx_buf *bp);	/* -ENOSPC: stays, nothing changed */
int dx_dir_grow_data(struct dx_da_args *a, u32 *db);

/* arrays of leaf entries, in leaves and in single-block directories */
u32 dx_dir_ents_fill_stale(struct dx_dir2_leaf_entry *ents, u32 count, u32 pos, u32 *lo, u32 *hi);
u32 dx_dir_ents_compact(struct dx_dir2_leaf_entry *ents, u32 count);

/* A name found: its leaf entry, and its entry in a data block. */
struct dx_dir_hit {
	u32		idx;		/* in the array of leaf entries */
	u32		db;
	struct dx_buf	*dbp;
	struct dx_dir2_data_entry *e;
	bool		single;		/* dbp is all there is: a single-block directory */
};
int dx_dir_hit_find(struct dx_da_args *a, const struct dx_dir2_leaf_entry *ents, u32 count, struct dx_dir_hit *hit);
int dx_dir_hit_tell(struct dx_da_args *a, const struct dx_dir_hit *hit);
int dx_dir_hit_replace(struct dx_da_args *a, const struct dx_dir_hit *hit);
int dx_dir_hit_remove(struct dx_da_args *a, const struct dx_dir_hit *hit);

/* ---- forms ---- */
enum dx_dir_form { DX_DIR_SF, DX_DIR_BLOCK, DX_DIR_LEAF, DX_DIR_NODE };
int dx_dir_form(struct dx_trans *tp, struct dx_inode *dp, enum dx_dir_form *form);

struct dx_dir_form_ops {
	int (*lookup)(struct dx_da_args *a);
	int (*add)(struct dx_da_args *a);
	int (*remove)(struct dx_da_args *a);
	int (*replace)(struct dx_da_args *a);
};
extern const struct dx_dir_form_ops dx_dir_sf_form, dx_dir_block_form, dx_dir_leaf_form, dx_dir_node_form;

int dx_dir_sf_create(struct dx_da_args *a, dx_ino_t parent);
dx_ino_t dx_dir_sf_parent(const struct dx_dir2_sf_hdr *h);
/* decoded short form */
struct dx_sf_ent { const u8 *name; dx_ino_t ino; u16 off; u8 namelen; u8 ftype; };
int dx_dir_sf_decode(struct dx_mount *mp, const void *data, u32 bytes, dx_ino_t *parent, struct dx_sf_ent **ents, int *count);
int dx_dir_block_to_leaf(struct dx_da_args *a, struct dx_buf *bp);
int dx_dir_block_to_sf(struct dx_da_args *a, struct dx_buf *bp);	/* 0 also when it does not fit */
int dx_dir_leaf_to_block(struct dx_da_args *a, struct dx_buf *lbp);
int dx_dir_leaf_to_node(struct dx_da_args *a, struct dx_buf *lbp);
int dx_dir_leaf_insert(struct dx_da_args *a, struct dx_buf *lbp, u32 hash, u32 ptr);
void dx_dir_leaf_mark_stale(struct dx_da_args *a, struct dx_buf *lbp, u32 idx);
void dx_dir_leafn_compact(struct dx_buf *lbp);
extern const struct dx_da_leaf_ops dx_dir_leaf_ops;

#endif /* DX_DIR_INT_H */
