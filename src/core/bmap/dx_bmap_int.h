/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the extent map (bmap*.c, fork.c) share among themselves. */
#ifndef DX_BMAP_INT_H
#define DX_BMAP_INT_H

#include "dx_bmap.h"
#include "dx_btree.h"

/* bmap_btree.c */
int dx_bmap_alloc_meta_block(struct dx_trans *tp, struct dx_inode *ip, int whichfork, dx_fsbno_t near, u32 minleft,
			     dx_fsbno_t *fsbno);
int dx_bmap_btree_to_extents(struct dx_trans *tp, struct dx_inode *ip, int whichfork);

/*
 * An edit: changes to one fork's map within one transaction (bmap.c).  Changes the in-core tree and the
 * disk form together; _end settles the form (inline or btree) and logs the inode.
 */
struct dx_bmap_edit {
	struct dx_trans		*tp;	/* NULL: delayed extents only */
	struct dx_inode		*ip;
	int			whichfork;
	struct dx_fork		*f;
	struct dx_btree_cur	*cur;	/* made at first need */
	bool			dirty;
};
void dx_bmap_edit_begin(struct dx_bmap_edit *e, struct dx_trans *tp, struct dx_inode *ip, int whichfork);
int dx_bmap_check_growth(struct dx_bmap_edit *e, dx_fileoff_t off, int grow);
int dx_bmap_edit_end(struct dx_bmap_edit *e, int error);
int dx_bmap_splice(struct dx_bmap_edit *e, const struct dx_irec *old, int nold,
		   const struct dx_irec *new, int nnew);
int dx_bmap_remap(struct dx_bmap_edit *e, const struct dx_irec *old, struct dx_irec *mid,
		  dx_fileoff_t off, dx_filblks_t len);
void dx_bmap_tell_rmap(struct dx_bmap_edit *e, const struct dx_irec *old, int nold, const struct dx_irec *new, int nnew);
bool dx_irec_mergeable(struct dx_mount *mp, const struct dx_irec *a, const struct dx_irec *b);
void dx_bmap_run(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_irec *r, struct dx_irec *whole);
void dx_irec_trim(struct dx_irec *r, dx_fileoff_t off, dx_fileoff_t end);	/* to its part in [off, end) */

/* bmap_delalloc.c: counters of delayed blocks */
void dx_delalloc_count(struct dx_inode *ip, s64 blocks, s64 resv);
/* settle the indlen of what is left of a delayed extent; returns blocks that stay reserved */
u32 dx_delalloc_resettle(struct dx_inode *ip, dx_fileoff_t start, dx_fileoff_t end, u32 avail);

/* cow.c */
void dx_cow_drop(struct dx_inode *ip);
/* what an extent of the CoW fork wants for the btree of the data fork: each of its blocks may cut an extent there */
static inline u32 dx_cow_want(struct dx_inode *ip, dx_filblks_t len) { return dx_bmap_tree_worst(ip, 2 * len); }

/* bmap_defer.c */
void dx_defer_bmap(struct dx_trans *tp, struct dx_inode *ip, u32 type, const struct dx_irec *rec);
void dx_bmap_unshare_held(struct dx_inode *ip);

/* bmap_unmap.c: the data or attr fork maps blocks no longer */
bool dx_bmap_may_cut(struct dx_inode *ip, const struct dx_irec *r, dx_fileoff_t from, dx_fileoff_t to);
int dx_bmap_lose_blocks(struct dx_trans *tp, struct dx_inode *ip, int whichfork, dx_fsbno_t fsbno, dx_filblks_t len);

/* bmap_space.c */
void dx_grow_disk_size(struct dx_trans *tp, struct dx_inode *ip, u64 new_disk_size);

/* bmap_write.c */
int dx_bmap_alloc_copy(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t off, dx_extlen_t len, dx_fsbno_t *fsbno,
		       dx_extlen_t *got);
void dx_bmap_extsz_align(struct dx_inode *ip, u32 extsz, dx_fileoff_t lo, dx_fileoff_t hi,
			 dx_fileoff_t *off, dx_filblks_t *len);

#endif /* DX_BMAP_INT_H */
