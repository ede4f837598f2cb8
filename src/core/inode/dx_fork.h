/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forks of an inode: their extents in memory, and their forms on disk and in the log.  ILOCK
 * held by the caller throughout (shared to read, exclusive to change).  Offsets and lengths in fsblocks.
 */
#ifndef DX_FORK_H
#define DX_FORK_H

#include "dx_inode.h"

/* ---- in-core extent tree: iext.c ---- */
/* position; invalid after changes made through another cursor */
struct dx_iext_cur { void *leaf; int pos; u32 gen; void *path[8]; u8 idx[8]; u64 base; };
void dx_iext_init(struct dx_iext_tree *t);
void dx_iext_destroy(struct dx_iext_tree *t);
u64 dx_iext_count(const struct dx_iext_tree *t);
size_t dx_iext_bytes(const struct dx_iext_tree *t);			/* memory used, for statistics */
/* first extent that ends after @off (contains it or lies behind); false = none */
bool dx_iext_lookup(struct dx_iext_tree *t, dx_fileoff_t off, struct dx_iext_cur *cur, struct dx_irec *rec);
/* last extent that starts before @end; *end is set to min(end, its end) */
bool dx_iext_lookup_before(struct dx_iext_tree *t, dx_fileoff_t *end, struct dx_iext_cur *cur, struct dx_irec *rec);
bool dx_iext_first(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec);
bool dx_iext_last(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec);
bool dx_iext_next(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec);
bool dx_iext_prev(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec);
bool dx_iext_get(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec);
/* in order of startoff; cur is left on it; cannot fail (__GFP_NOFAIL) */
void dx_iext_insert(struct dx_iext_tree *t, struct dx_iext_cur *cur, const struct dx_irec *rec);
void dx_iext_remove(struct dx_iext_tree *t, struct dx_iext_cur *cur);		/* cur is left on the next one */
void dx_iext_update(struct dx_iext_tree *t, struct dx_iext_cur *cur, const struct dx_irec *rec);
/* all extents starting at or after from: O(log n) */
void dx_iext_shift(struct dx_iext_tree *t, dx_fileoff_t from, s64 delta);

/* ---- forks: fork.c ---- */
int dx_fork_from_disk(struct dx_inode *ip, const struct dx_dinode *dip, int whichfork);	/* local, extents, btree root */
/* for flush and for the log: returns bytes written */
u32 dx_fork_to_disk(struct dx_inode *ip, int whichfork, void *dst, u32 room);
u32 dx_fork_ext_to_disk(struct dx_inode *ip, int whichfork, struct dx_bmbt_rec *dst);	/* inline extents form, returns bytes */
/*
 * In the log a btree root is not in the inode's form: it is a whole long-pointer block (72-byte
 * header, numrecs keys, numrecs pointers; all big-endian).  Sizes in bytes, multiples of 8.
 */
u32 dx_fork_broot_log_bytes(struct dx_inode *ip, int whichfork);
u32 dx_fork_broot_to_log(struct dx_inode *ip, int whichfork, void *dst);
int dx_broot_log_to_disk(const void *src, u32 len, void *dst, u32 room);	/* recovery: into an inode fork of @room bytes */
void dx_fork_free(struct dx_fork *f);
int dx_fork_local_resize(struct dx_inode *ip, int whichfork, int byte_diff);	/* grows/shrinks local data, may move it */
void dx_fork_make_attr(struct dx_inode *ip, u32 forkoff_units);		/* inside a transaction of the caller (create) */
struct dx_cow_fork *dx_fork_make_cow(struct dx_inode *ip);		/* the CoW fork; made when there is none, without extents */
/* move the boundary; resizes btree roots; caller logs the core */
void dx_fork_set_forkoff(struct dx_inode *ip, u32 forkoff_units);
void dx_bmbt_disk_get(const struct dx_bmbt_rec *r, struct dx_irec *rec);
void dx_bmbt_disk_set(struct dx_bmbt_rec *r, const struct dx_irec *rec);
int dx_irec_verify(struct dx_inode *ip, int whichfork, const struct dx_irec *rec);
u32 dx_bmbt_root_maxrecs(u32 fork_bytes);
u32 dx_fork_inline_max(struct dx_inode *ip, int whichfork);			/* inline extents that fit */

/* a btree's root in the inode: bytes with @n entries; it has room for at least so many */
#define DX_BMDR_HDR		((u32)sizeof(struct dx_bmdr_block))
#define DX_BMDR_BYTES(n)	(DX_BMDR_HDR + (n) * 16u)
#define DX_MIN_DATA_ROOT	3
#define DX_MIN_ATTR_ROOT	2
u32 dx_fork_default_forkoff(struct dx_mount *mp);
int dx_fork_corrupt(struct dx_inode *ip, int whichfork, const char *field);
struct dx_bmbt_root *dx_bmbt_root_alloc(u32 maxrecs);
void dx_bmbt_root_resize(struct dx_fork *f, u32 maxrecs);
void dx_fork_local_to_empty(struct dx_inode *ip, int whichfork);	/* local -> extents without any */
int dx_fork_empty_to_local(struct dx_inode *ip, int whichfork, const void *data, u32 bytes);
int dx_fork_local_replace(struct dx_inode *ip, int whichfork, const void *data, u32 bytes);
static inline dx_fileoff_t dx_irec_end(const struct dx_irec *r) { return r->startoff + r->blockcount; }

#endif /* DX_FORK_H */
