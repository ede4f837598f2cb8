/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internals shared by directories and extended attributes: their blocks,
 * and the hash tree of nodes above their leaves.
 *
 * A "da block" is one directory block (dirblksize, possibly scattered over
 * several extents) in the data fork, or one fsblock in the attribute fork; it is
 * named by its fsblock offset in the fork (dx_dablk_t).  The root of the
 * tree never moves: fork offset 0 for attributes, the start of the leaf space for
 * directories.
 *
 * Everything here runs inside a transaction (a read-only one for lookups: dx_trans_alloc_empty()),
 * so that a damaged tree that names a block twice finds the buffer again
 * instead of waiting for itself.  Buffers stay in the transaction to its end.
 */
#ifndef DX_DA_H
#define DX_DA_H

#include "dx_bmap.h"

struct dx_da_args;

/* What the tree leaves to those whose leaves it carries: dir_leaf.c and attr_leaf.c have one each. */
struct dx_da_leaf_ops {
	u32	(*used)(struct dx_buf *bp);		/* bytes of its live contents, without the header */
	/* all of @right moves to the end of @left, where there is room; logs @left */
	void	(*merge)(struct dx_da_args *a, struct dx_buf *left, struct dx_buf *right);
};

struct dx_da_args {
	const struct dx_da_leaf_ops *leaf;
	struct dx_trans	*tp;
	struct dx_inode	*dp;
	struct dx_mount	*mp;
	int		whichfork;
	const u8	*name;
	int		namelen;
	u32		hashval;
	dx_extlen_t	total;		/* blocks reserved for this operation, 0 = none */
	bool		justcheck;	/* change nothing: -ENOSPC when blocks would be needed */
	/* directories */
	dx_ino_t	ino;		/* in: add, replace; out: lookup */
	u8		ftype;
	/* attributes */
	u8		nsp;		/* DX_ATTR_ROOT, DX_ATTR_SECURE or 0 */
	const u8	*value;
	u32		valuelen;
	bool		limited;	/* blocks for it must be within the quota of the owners */
	dx_dablk_t	rmtblk;		/* remote value: fork offset */
};

/* ---- block kinds, found by magic; usable as a mask of what a reader accepts ---- */
enum {
	DX_DAK_NODE	= 1 << 0,
	DX_DAK_LEAFN	= 1 << 1,
	DX_DAK_LEAF1	= 1 << 2,
	DX_DAK_ATTR	= 1 << 3,
	DX_DAK_BLOCK	= 1 << 4,
	DX_DAK_DATA	= 1 << 5,
	DX_DAK_FREE	= 1 << 6,
};

/* One step of a walk from the root; lv[depth - 1] is the leaf. */
struct dx_da_lvl {
	struct dx_buf	*bp;
	dx_dablk_t	blkno;
	dx_dablk_t	start;		/* where the walk along this level began */
	int		index;		/* nodes: the entry followed */
};
struct dx_da_path {
	int		depth;
	struct dx_da_lvl lv[DX_DA_NODE_MAXDEPTH];
};

static inline u32 dx_da_blksize(const struct dx_da_args *a)
{
	return a->whichfork == DX_ATTR_FORK ? a->mp->sb.blocksize : a->mp->dirblksize;
}
static inline u32 dx_da_fsbs(const struct dx_da_args *a)
{
	return a->whichfork == DX_ATTR_FORK ? 1 : a->mp->dirblkfsbs;
}
static inline dx_dablk_t dx_dir_leafblk(struct dx_mount *mp) { return DX_DIR2_LEAF_OFFSET >> mp->sb.blocklog; }
static inline dx_dablk_t dx_dir_freeblk(struct dx_mount *mp) { return DX_DIR2_FREE_OFFSET >> mp->sb.blocklog; }
static inline dx_dablk_t dx_da_root(const struct dx_da_args *a)
{
	return a->whichfork == DX_ATTR_FORK ? 0 : dx_dir_leafblk(a->mp);
}
static inline u32 dx_da_node_max(const struct dx_da_args *a)
{
	return (dx_da_blksize(a) - sizeof(struct dx_da3_intnode)) / sizeof(struct dx_da_node_entry);
}

/* ---- da_block.c ---- */
int dx_da_kind(const struct dx_buf *bp);
dx_ino_t dx_da_owner(const struct dx_buf *bp);
int dx_da_read(struct dx_da_args *a, dx_dablk_t bno, int kinds, struct dx_buf **bpp);
int dx_da_read_hole(struct dx_da_args *a, dx_dablk_t bno, int kinds, struct dx_buf **bpp);	/* *bpp = NULL for a hole */
void dx_da_readahead(struct dx_da_args *a, dx_dablk_t bno, int kinds);
int dx_da_get(struct dx_da_args *a, dx_dablk_t bno, struct dx_buf **bpp);
int dx_da_grow(struct dx_da_args *a, dx_dablk_t lowspace, dx_dablk_t highspace, dx_dablk_t *bno);
int dx_da_unmap(struct dx_da_args *a, dx_dablk_t bno, struct dx_buf *bp);
void dx_da_init_blkinfo(struct dx_da_args *a, struct dx_buf *bp, u16 magic);
void dx_da_init_blkhdr(struct dx_da_args *a, struct dx_buf *bp, u32 magic);
void dx_da_set_type(struct dx_da_args *a, struct dx_buf *bp, enum dx_blft blft, const struct dx_buf_ops *ops);
void dx_da_log(struct dx_da_args *a, struct dx_buf *bp, const void *first, size_t len);
void dx_da_log_all(struct dx_da_args *a, struct dx_buf *bp);
int dx_da_corrupt(struct dx_da_args *a, struct dx_buf *bp, const char *what);
u32 dx_da_enter_blocks(struct dx_mount *mp, int whichfork);
u32 dx_da_bmap_blocks(struct dx_mount *mp, u32 blocks, int whichfork);
u32 dx_da_attr_blocks(struct dx_mount *mp);

/* ---- verifiers: dir_verify.c, attr_verify.c ---- */
extern const struct dx_buf_ops dx_dir3_block_buf_ops, dx_dir3_data_buf_ops, dx_dir3_free_buf_ops, dx_dir3_leaf1_buf_ops,
	dx_dir3_leafn_buf_ops, dx_da3_node_buf_ops, dx_attr3_leaf_buf_ops, dx_attr3_rmt_buf_ops;

/* ---- da_btree.c ---- */
u32 dx_da_hashname(const u8 *name, int len);
u32 dx_da_hash_find(const void *ents, u32 count, u32 hash);
int dx_da_lookup(struct dx_da_args *a, struct dx_da_path *path, u32 hash);	/* leftmost leaf that can hold hash */
int dx_da_path_shift(struct dx_da_args *a, struct dx_da_path *path, int level, bool forward);	/* -ENOENT at the end */
void dx_da_fix_hash(struct dx_da_args *a, struct dx_da_path *path, int level);
int dx_da_grow_leaf(struct dx_da_args *a, dx_dablk_t *bno, struct dx_buf **bpp);
int dx_da_link_after(struct dx_da_args *a, struct dx_da_lvl *left, dx_dablk_t newblk, struct dx_buf *newbp);
int dx_da_add_sibling(struct dx_da_args *a, struct dx_da_path *path, dx_dablk_t newblk, struct dx_buf *newbp);
int dx_da_path_to_block(struct dx_da_args *a, struct dx_da_path *path, u32 hash, int node_level, dx_dablk_t bno);
int dx_da_join(struct dx_da_args *a, struct dx_da_path *path);

/* ---- layout of directory blocks, for their verifiers and the room above ---- */
#define DX_DIR_DATA_HDR		((u32)sizeof(struct dx_dir3_data_hdr))
#define DX_DIR_DOT_OFF		DX_DIR_DATA_HDR
#define DX_DIR_DOTDOT_OFF	(DX_DIR_DATA_HDR + 16)
#define DX_DIR_FIRST_OFF	(DX_DIR_DATA_HDR + 32)
/* bytes of an entry in a data block: inumber, namelen, name, ftype, tag; multiple of 8 */
static inline u32 dx_dir_entsize(int namelen) { return (8 + 1 + namelen + 1 + 2 + 7) & ~7u; }
static inline u8 *dx_dir_ent_ftype(struct dx_dir2_data_entry *e) { return &e->name[e->namelen]; }
static inline u32 dx_dir_off_to_dataptr(struct dx_mount *mp, u32 db, u32 off)
{
	return (u32)((((u64)db * mp->dirblksize) + off) >> 3);
}
static inline u32 dx_dir_dataptr_db(struct dx_mount *mp, u32 ptr) { return (u32)div_u64((u64)ptr << 3, mp->dirblksize); }
static inline u32 dx_dir_dataptr_off(struct dx_mount *mp, u32 ptr) { return (u32)(((u64)ptr << 3) & (mp->dirblksize - 1)); }
static inline dx_dablk_t dx_dir_db_to_da(struct dx_mount *mp, u32 db) { return db * mp->dirblkfsbs; }
static inline u32 dx_dir_da_to_db(struct dx_mount *mp, dx_dablk_t da) { return da / mp->dirblkfsbs; }
static inline u32 dx_dir_leaf_max(struct dx_mount *mp)
{
	return (mp->dirblksize - sizeof(struct dx_dir3_leaf)) / sizeof(struct dx_dir2_leaf_entry);
}
static inline u32 dx_dir_free_max(struct dx_mount *mp)
{
	return (mp->dirblksize - sizeof(struct dx_dir3_free)) / sizeof(__be16);
}
/* a single-block directory ends in its leaf entries and a tail */
static inline struct dx_dir2_block_tail *dx_dir_block_tail(struct dx_mount *mp, void *blk)
{
	return (struct dx_dir2_block_tail *)((char *)blk + mp->dirblksize) - 1;
}
static inline struct dx_dir2_leaf_entry *dx_dir_block_ents(struct dx_mount *mp, void *blk)
{
	struct dx_dir2_block_tail *t = dx_dir_block_tail(mp, blk);

	return (struct dx_dir2_leaf_entry *)t - be32_to_cpu(t->count);
}
/* a leaf1 block ends in the best free lengths of the data blocks and a tail; @count: out, how many */
static inline __be16 *dx_dir_leaf_bests(struct dx_mount *mp, void *blk, u32 *count)
{
	struct dx_dir2_leaf_tail *t = (struct dx_dir2_leaf_tail *)((char *)blk + mp->dirblksize) - 1;

	*count = be32_to_cpu(t->bestcount);
	return (__be16 *)t - *count;
}

/* ---- the same of attribute blocks ---- */
#define DX_ATTR_LEAF_HDR	((u32)sizeof(struct dx_attr3_leaf_hdr))
static inline struct dx_attr_leaf_entry *dx_attr_leaf_ents(struct dx_buf *bp)
{
	return (struct dx_attr_leaf_entry *)((char *)bp->b_addr + DX_ATTR_LEAF_HDR);
}
static inline u32 dx_attr_local_size(u32 namelen, u32 valuelen) { return (3 + namelen + valuelen + 3) & ~3u; }
/* the fixed part is 9 bytes, but the format counts 11: its C structure was padded to 12, with one byte of name */
static inline u32 dx_attr_remote_size(u32 namelen) { return (11 + namelen + 3) & ~3u; }
/* a value stays in the leaf up to three quarters of a block, entry header and name included */
static inline bool dx_attr_is_local(struct dx_mount *mp, u32 namelen, u32 valuelen)
{
	return dx_attr_local_size(namelen, valuelen) < mp->sb.blocksize / 4 * 3;
}
static inline u32 dx_attr_rmt_payload(struct dx_mount *mp) { return mp->sb.blocksize - sizeof(struct dx_attr3_rmt_hdr); }
static inline u32 dx_attr_rmt_blocks(struct dx_mount *mp, u32 valuelen)
{
	return (valuelen + dx_attr_rmt_payload(mp) - 1) / dx_attr_rmt_payload(mp);
}

#endif /* DX_DA_H */
