/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extent maps of inode forks: the in-core tree and its disk forms.  ILOCK
 * held by the caller throughout (shared to read, exclusive to read extents in or
 * change).  Offsets and lengths in fsblocks.
 */
#ifndef DX_BMAP_H
#define DX_BMAP_H

#include "dx_inode.h"
#include "dx_alloc.h"

/* ---- in-core extent tree: iext.c ---- */
struct dx_iext_cur { void *leaf; int pos; u32 gen; void *path[8]; u8 idx[8]; u64 base; };	/* position; invalid after changes made through another cursor */
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
void dx_iext_insert(struct dx_iext_tree *t, struct dx_iext_cur *cur, const struct dx_irec *rec);	/* in order of startoff; cur is left on it; cannot fail (__GFP_NOFAIL) */
void dx_iext_remove(struct dx_iext_tree *t, struct dx_iext_cur *cur);		/* cur is left on the next one */
void dx_iext_update(struct dx_iext_tree *t, struct dx_iext_cur *cur, const struct dx_irec *rec);
void dx_iext_shift(struct dx_iext_tree *t, dx_fileoff_t from, s64 delta);	/* all extents starting at or after from: O(log n) */

/* ---- forks: fork.c ---- */
int dx_iread_extents(struct dx_trans *tp, struct dx_inode *ip, int whichfork);	/* bmbt -> tree, ILOCK EXCL; no-op when read */
int dx_fork_from_disk(struct dx_inode *ip, const struct dx_dinode *dip, int whichfork);	/* local, extents, btree root */
u32 dx_fork_to_disk(struct dx_inode *ip, int whichfork, void *dst, u32 room);	/* for flush and for the log: returns bytes written */
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
int dx_add_attr_fork(struct dx_inode *ip, u32 size_hint, bool rsvd);		/* own transaction; no-op when present */
void dx_fork_make_attr(struct dx_inode *ip, u32 forkoff_units);		/* inside a transaction of the caller (create) */
void dx_fork_set_forkoff(struct dx_inode *ip, u32 forkoff_units);	/* move the boundary; resizes btree roots; caller logs the core */
u32 dx_attr_shortform_bytesfit(struct dx_inode *ip, u32 bytes);		/* forkoff in 8-byte units that makes room for `bytes` of attributes; 0 = cannot */
void dx_bmbt_disk_get(const struct dx_bmbt_rec *r, struct dx_irec *rec);
void dx_bmbt_disk_set(struct dx_bmbt_rec *r, const struct dx_irec *rec);
int dx_irec_verify(struct dx_inode *ip, int whichfork, const struct dx_irec *rec);
u32 dx_bmbt_root_maxrecs(u32 fork_bytes);
u32 dx_fork_inline_max(struct dx_inode *ip, int whichfork);			/* inline extents that fit */

/*
 * What the map said while the ILOCK was held, and its sequence at that same moment: who asks later whether
 * the answer still holds compares that with dx_fork_seq().  Whatever answers for a caller without the ILOCK answers so.
 */
struct dx_mapped {
	struct dx_irec	rec;
	u32		seq;
};

/* ---- bmap.c ---- */
#define DX_BMAPI_ENTIRE		(1u << 0)	/* whole extents, not trimmed to the range */
#define DX_BMAPI_ATTRFORK	(1u << 1)
#define DX_BMAPI_METADATA	(1u << 2)	/* directory/attr/symlink blocks */
#define DX_BMAPI_PREALLOC	(1u << 3)	/* allocate unwritten */
#define DX_BMAPI_CONVERT	(1u << 4)	/* written <-> unwritten as PREALLOC says */
#define DX_BMAPI_CONTIG		(1u << 5)	/* one extent only */
#define DX_BMAPI_ZERO		(1u << 6)	/* zero the blocks on disk before they are mapped */
#define DX_BMAPI_NODISCARD	(1u << 7)
#define DX_BMAPI_DELALLOC	(1u << 8)	/* converting delayed extents: space is already reserved */
int dx_bmapi_read(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_irec *map, int *nmap, u32 flags);
int dx_bmapi_write(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, u32 flags,
		   dx_extlen_t total, struct dx_irec *map, int *nmap);
/* Unmap at most nexts extents from the END of [off, off+*rlen) downwards; frees are deferred (dx_defer_free); *rlen = what remains, 0 = done. */
int dx_bunmapi(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t *rlen, u32 flags, u32 nexts);
#define DX_UNMAP_PER_TRANS	2	/* extents: what the log reservation of a transaction that frees has room for */
/* One step of collapse / insert, one transaction: moves extents at a time, *next_fsb is the cursor. */
int dx_bmap_collapse_extents(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t *next_fsb, dx_fileoff_t shift, bool *done);
int dx_bmap_insert_extents(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t *next_fsb, dx_fileoff_t shift, bool *done, dx_fileoff_t stop_fsb);
int dx_bmap_can_insert(struct dx_inode *ip, dx_fileoff_t off, dx_fileoff_t shift);
int dx_bmap_split_extent(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t split);
int dx_bmap_last_offset(struct dx_inode *ip, int whichfork, dx_fileoff_t *last);	/* first block past the last extent */
int dx_bmap_first_unused(struct dx_inode *ip, int whichfork, dx_extlen_t len, dx_fileoff_t *off);
int dx_bmap_eof(struct dx_inode *ip, dx_fileoff_t off, int whichfork, bool *eof);
/* delayed allocation: no transaction; takes fdblocks and indlen */
int dx_bmap_reserve_delalloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, dx_filblks_t prealloc, struct dx_irec *got);
void dx_bmap_punch_delalloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len);	/* ILOCK EXCL */
void dx_delalloc_drop(struct dx_inode *ip);	/* when it goes out of memory */
/* writeback: turn the delayed extent around off into a real (unwritten) one; own transaction, takes ILOCK */
int dx_bmap_convert_delalloc(struct dx_inode *ip, dx_fileoff_t off, struct dx_mapped *got);
/* I/O completion: unwritten -> written over [off, off+count) bytes, then log the on-disk size up to new_size if larger (0 = leave) */
int dx_iomap_write_unwritten(struct dx_inode *ip, u64 off_bytes, u64 count_bytes, u64 new_disk_size);
int dx_iomap_setsize(struct dx_inode *ip, u64 new_disk_size);		/* log d.size if it grows; own transaction */
/* direct/prealloc allocation for [off,len): own transaction, ILOCK not held; allocates unwritten; returns first mapping */
int dx_iomap_alloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, bool zero_not_unwritten, bool nowait, struct dx_mapped *got);
/* whole-range operations in their own transactions, ILOCK not held, lockout asserted by the VFS caller */
int dx_alloc_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes);	/* unwritten preallocation over holes */
int dx_free_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes);	/* whole blocks inside the range only */
int dx_collapse_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes);	/* extents only; range already unmapped and flushed */
int dx_insert_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes);
int dx_setsize_trans(struct dx_inode *ip, u64 new_size, bool shrink, bool times);	/* truncate: d.size and extents past it; own transactions */
u64 dx_bmap_count_leaves(struct dx_inode *ip, int whichfork);		/* real extents */
u32 dx_get_extsz_hint(struct dx_inode *ip);
dx_extlen_t dx_bmap_worst_indlen(struct dx_inode *ip, dx_filblks_t len);
/* data fork sequence: changes with every modification of the extent tree (writeback checks cached mappings with it) */
static inline u32 dx_fork_seq(struct dx_fork *f) { return READ_ONCE(f->ext.gen); }
int dx_bmap_look(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, u32 flags, struct dx_mapped *got);	/* ILOCK held */

#endif /* DX_BMAP_H */
