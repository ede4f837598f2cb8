/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Extent maps of inode forks: the in-core tree and its disk forms.  ILOCK
 * held by the caller throughout (shared to read, exclusive to read extents in or
 * change).  Offsets and lengths in fsblocks.
 */
#ifndef DX_BMAP_H
#define DX_BMAP_H

#include "dx_inode.h"
#include "dx_fork.h"
#include "dx_alloc.h"

/* ---- forks: bmap_read.c, attr_fork.c ---- */
int dx_iread_extents(struct dx_trans *tp, struct dx_inode *ip, int whichfork);	/* bmbt -> tree, ILOCK EXCL; no-op when read */
int dx_add_attr_fork(struct dx_inode *ip, u32 size_hint, bool rsvd);		/* own transaction; no-op when present */
/* forkoff in 8-byte units that makes room for `bytes` of attributes; 0 = cannot */
u32 dx_attr_short_fits(struct dx_inode *ip, u32 bytes);

/*
 * What the map said while the ILOCK was held, and its sequence at that same moment: who asks later whether
 * the answer still holds compares that with dx_map_seq().  Whatever answers for a caller without the ILOCK answers so.
 */
struct dx_mapped {
	struct dx_irec	rec;
	u64		seq;
};

/*
 * Changes with every modification of the data fork's extents, or of the copies on write that go before them.  Without the
 * ILOCK it is a guess that may be of before a change that runs.
 */
static inline u64 dx_map_seq(struct dx_inode *ip)
{
	struct dx_cow_fork *c = READ_ONCE(ip->cf);

	return (c ? (u64)READ_ONCE(c->f.ext.gen) << 32 : 0) | READ_ONCE(ip->df.ext.gen);
}

/* ---- bmap.c ---- */
#define DX_BMAPI_ENTIRE		(1u << 0)	/* whole extents, not trimmed to the range */
#define DX_BMAPI_ATTRFORK	(1u << 1)
#define DX_BMAPI_METADATA	(1u << 2)	/* directory/attr/symlink blocks */
#define DX_BMAPI_PREALLOC	(1u << 3)	/* allocate unwritten */
#define DX_BMAPI_CONVERT	(1u << 4)	/* written <-> unwritten as PREALLOC says */
#define DX_BMAPI_CONTIG		(1u << 5)	/* one extent only */
#define DX_BMAPI_ZERO		(1u << 6)	/* zero the blocks on disk before they are mapped */
#define DX_BMAPI_DELALLOC	(1u << 8)	/* converting delayed extents: space is already reserved */
#define DX_BMAPI_COWFORK	(1u << 9)	/* of dx_bmap_query() and dx_bmap_look() only */
int dx_bmap_query(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_irec *map, int *nmap, u32 flags);
int dx_bmap_assign(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, u32 flags,
		   dx_extlen_t total, struct dx_irec *map, int *nmap);
/*
 * Unmap at most nexts extents from the END of [off, off+*rlen) downwards; frees are deferred (dx_defer_free);
 * *rlen = what remains, 0 = done.
 */
int dx_bmap_unmap(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t *rlen, u32 flags, u32 nexts);
int dx_bmap_may_grow(struct dx_inode *ip, int whichfork, u32 n);	/* before the transaction is dirty: -EFBIG */
#define DX_UNMAP_PER_TRANS	2	/* extents: what the log reservation of a transaction that frees has room for */
/* One step of collapse / insert, one transaction: moves extents at a time, *next_fsb is the cursor. */
int dx_bmap_collapse_extents(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t *next_fsb, dx_fileoff_t shift, bool *done);
int dx_bmap_insert_extents(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t *next_fsb, dx_fileoff_t shift,
			   bool *done, dx_fileoff_t stop_fsb);
int dx_bmap_can_insert(struct dx_inode *ip, dx_fileoff_t off, dx_fileoff_t shift);
int dx_bmap_split_extent(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t split);
int dx_bmap_last_offset(struct dx_inode *ip, int whichfork, dx_fileoff_t *last);	/* first block past the last extent */
int dx_bmap_first_unused(struct dx_inode *ip, int whichfork, dx_extlen_t len, dx_fileoff_t *off);
/* delayed allocation: no transaction; takes fdblocks and indlen */
int dx_bmap_reserve_delalloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, dx_filblks_t prealloc, struct dx_irec *got);
void dx_bmap_punch_delalloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len);	/* ILOCK EXCL */
void dx_delalloc_drop(struct dx_inode *ip);	/* when it goes out of memory */
/* writeback: turn the delayed extent around off into a real (unwritten) one; own transaction, takes ILOCK */
int dx_bmap_convert_delalloc(struct dx_inode *ip, dx_fileoff_t off, struct dx_mapped *got);
/*
 * I/O completion: unwritten -> written over [off, off+count) bytes, then log the on-disk size up to new_size if
 * larger (0 = leave)
 */
int dx_iomap_write_unwritten(struct dx_inode *ip, u64 off_bytes, u64 count_bytes, u64 new_disk_size);
int dx_iomap_setsize(struct dx_inode *ip, u64 new_disk_size);		/* log d.size if it grows; own transaction */
/* direct/prealloc allocation for [off,len): own transaction, ILOCK not held; allocates unwritten; returns first mapping */
int dx_iomap_alloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, bool zero_not_unwritten, bool nowait,
		   struct dx_mapped *got);
/* whole-range operations in their own transactions, ILOCK not held, lockout asserted by the VFS caller */
int dx_alloc_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes);	/* unwritten preallocation over holes */
int dx_free_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes);	/* whole blocks inside the range only */
/* extents only; range already unmapped and flushed */
int dx_collapse_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes);
int dx_insert_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes, bool *moved);
/* truncate: d.size and extents past it; own transactions */
int dx_setsize_trans(struct dx_inode *ip, u64 new_size, bool shrink, bool times);
u64 dx_bmap_count_leaves(struct dx_inode *ip, int whichfork);		/* real extents */
u32 dx_get_extsz_hint(struct dx_inode *ip);
/* stripes: space past the end of a file is rounded up to so many fsblocks (0: not); see bmap_space.c */
u32 dx_stripe_past_eof(struct dx_mount *mp, u64 isize);
dx_filblks_t dx_stripe_round(struct dx_inode *ip, u64 isize, dx_fileoff_t off, dx_filblks_t len);
dx_extlen_t dx_bmap_tree_worst(struct dx_inode *ip, dx_filblks_t len);
int dx_bmap_look(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, u32 flags, struct dx_mapped *got);	/* ILOCK held */

/* ---- what lies behind the end goes: bmap_truncate.c ---- */
/* rolls; ip joined, keeps ILOCK */
int dx_free_extents_from(struct dx_trans **tpp, struct dx_inode *ip, int whichfork, u64 new_size);
int dx_cut_data_fork(struct dx_inode *ip, u64 size, bool dying);
/* trims past d.size in its own transactions: only where no larger in-core size exists */
int dx_free_eofblocks(struct dx_inode *ip);
int dx_free_eofblocks_from(struct dx_inode *ip, u64 isize);	/* same, past the caller's in-core size */

/* ---- a data fork that gets less room, or a root of another form: an attribute fork comes ---- */
int dx_bmap_extents_to_btree(struct dx_trans *tp, struct dx_inode *ip, int whichfork);
int dx_bmap_push_root(struct dx_trans *tp, struct dx_inode *ip, int whichfork);
/* before the data fork maps @more blocks, or has room for @room extents: -ENOSPC, with nothing changed */
int dx_delalloc_expect(struct dx_trans *tp, struct dx_inode *ip, u64 more, u32 room);
u32 dx_delalloc_inline_need(struct dx_inode *ip);	/* extents that must still fit into the inode */

/* ---- replay: bmap_btree.c ---- */
struct dx_recovery;
int dx_bmbt_change_owner(struct dx_recovery *rc, const struct dx_dinode *dip, const char *fork, u32 room,
			 dx_lsn_t lsn);

#endif /* DX_BMAP_H */
