/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Btrees: the one cursor, and what a kind of tree must tell the code behind it.
 *
 * Blocks have short pointers (AG-relative, root in an AG header) or long
 * ones (fsbno).  The tree of a fork (bmbt) has its root in the inode: a struct
 * dx_bmbt_root in dx_fork.data, always at level >= 1, without siblings.
 *
 * Positions (dx_btree_level.ptr) count from 0; -1 is before the first and
 * numrecs is behind the last.  cur->lev[0] is the leaf; cur->lev[nlevels - 1]
 * the root, whose bp is NULL when the root is in the inode.
 *
 * Cursor position after each call:
 *   lookup     on the record found; LE without one: before the first; GE: behind the last;
 *              EQ without one: undefined
 *   update     unchanged
 *   insert     on the new record (needs no lookup before: it searches for cur->rec
 *              itself; -EFSCORRUPTED when the key is there already)
 *   delete     undefined: look up again
 */
#ifndef DX_BTREE_H
#define DX_BTREE_H

#include "dx_log.h"

/* bmbt root in memory: host of a btree block with long pointers: header, keys at the front, pointers sized to the fork */
struct dx_bmbt_root { u16 level, numrecs, maxrecs, pad; /* then maxrecs * (__be64 key), maxrecs * (__be64 ptr) */ __be64 kp[]; };

/* ---- the cursor: btree.c ---- */
union dx_btree_key {
	struct { u32 startblock, blockcount; } alloc;	/* host order */
	struct { u32 startino; } inobt;
	struct { u64 startoff; } bmbt;
	struct { u32 startblock; } refc;		/* with DX_REFC_COWFLAG */
	struct { u32 startblock; u64 owner, offset; } rmap;	/* offset with its flags, without DX_RMAP_UNWRITTEN */
};
union dx_btree_rec {
	struct { u32 startblock, blockcount; } alloc;
	struct { u32 startino; u16 holemask; u8 count, freecount; u64 free; } inobt;
	struct { u64 startoff, startblock, blockcount; bool unwritten; } bmbt;
	struct { u32 startblock, blockcount, refcount; } refc;	/* start with DX_REFC_COWFLAG, as on disk */
	struct { u32 startblock, blockcount; u64 owner, offset; } rmap;	/* offset with its flags, as on disk */
};
#define DX_BTREE_MAXLEVELS	12
struct dx_btree_ops;

struct dx_btree_level { struct dx_buf *bp; int ptr; u8 ra; };
struct dx_btree_cur {
	struct dx_trans		*tp;
	struct dx_mount		*mp;
	const struct dx_btree_ops *ops;
	enum dx_btnum		btnum;
	u8			nlevels;
	union dx_btree_rec	rec;		/* what lookup looks for, insert inserts */
	struct dx_btree_level	lev[DX_BTREE_MAXLEVELS];
	/* AG btrees */
	dx_agno_t		agno;
	struct dx_buf		*agbp;		/* AGF or AGI */
	/* bmbt */
	struct dx_inode		*ip;
	int			whichfork;
	int			allocated;	/* blocks allocated by bmbt growth, added to nblocks by the ops */
	bool			in_root_only;
};
int dx_btree_cache_init(void);
void dx_btree_cache_exit(void);
void dx_btree_del_cursor(struct dx_btree_cur *cur, int error);

enum dx_btree_lookup { DX_LOOKUP_EQ, DX_LOOKUP_LE, DX_LOOKUP_GE };
/* All: 0 or -errno; *stat = 1 found/done, 0 not. */
int dx_btree_lookup(struct dx_btree_cur *cur, enum dx_btree_lookup dir, int *stat);	/* for cur->rec */
int dx_btree_get_rec(struct dx_btree_cur *cur, union dx_btree_rec *rec, int *stat);	/* checked by the ops */
int dx_btree_increment(struct dx_btree_cur *cur, int level, int *stat);
int dx_btree_decrement(struct dx_btree_cur *cur, int level, int *stat);
int dx_btree_update(struct dx_btree_cur *cur, const union dx_btree_rec *rec);
int dx_btree_insert(struct dx_btree_cur *cur, int *stat);				/* cur->rec */
int dx_btree_delete(struct dx_btree_cur *cur, int *stat);
/* calls fn for each record that covers any of [low, high], in the order of their keys; overlapping records only */
int dx_btree_query_overlap(struct dx_btree_cur *cur, const union dx_btree_key *low, const union dx_btree_key *high,
			   int (*fn)(struct dx_btree_cur *cur, const union dx_btree_rec *rec, void *data), void *data);
/* most that inserting n times at cur->rec can allocate */
int dx_btree_insert_blocks(struct dx_btree_cur *cur, int n, u32 *blocks);
/* calls fn for each block of the tree, top down, left to right (free a whole bmbt, count) */
int dx_btree_visit_blocks(struct dx_btree_cur *cur,
			  int (*fn)(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data), void *data);

#define DX_BT_LONG_PTRS		(1u << 0)	/* struct dx_btree_lblock, 8-byte pointers; else sblock, 4 */
#define DX_BT_ROOT_IN_INODE	(1u << 1)
/*
 * Records are ranges that may overlap (of a shared block there are many): an entry of a node has the highest key below it,
 * too, behind the lowest, so that whoever looks for all that covers a place need not read everything before it.
 */
#define DX_BT_OVERLAPPING	(1u << 2)

#define DX_BT_NULLPTR		((u64)-1)	/* no block; on disk all ones in either width */

struct dx_btree_ops {
	const char	*name;		/* for messages */
	u32		magic;
	u32		flags;		/* DX_BT_* */
	u8		rec_len;	/* on disk, bytes */
	u8		key_len;
	const struct dx_buf_ops *buf_ops;

	/*
	 * Records that a block at @level may / must hold.  For the level of the root
	 * in the inode: what the fork has room for (dx_bmbt_root_maxrecs()), and 1.
	 */
	u32	(*maxrecs)(struct dx_btree_cur *cur, int level);
	u32	(*minrecs)(struct dx_btree_cur *cur, int level);
	u64	(*owner)(struct dx_btree_cur *cur);	/* bb_owner: agno or inode number */

	/*
	 * Root in an AG header.  set_root() stores and logs the header fields and the perag copy;
	 * @level_delta (+1, 0, -1) is added to the header's level.  cur->nlevels is the
	 * generic code's business.
	 */
	u64	(*get_root)(struct dx_btree_cur *cur);
	void	(*set_root)(struct dx_btree_cur *cur, u64 ptr, int level_delta);

	/*
	 * Root in the inode.  iroot() returns the root; ->maxrecs there is its
	 * capacity: ->kp[0 .. maxrecs) are keys, ->kp[maxrecs .. 2 * maxrecs) pointers.
	 * realloc_root() changes the capacity to at least @recs (<= ops->maxrecs() of
	 * that level, >= numrecs), keeps the contents (the pointers move!), cannot
	 * fail; it is only called when numrecs must grow beyond ->maxrecs, so never when roots
	 * are always allocated for the whole fork.  The generic code changes
	 * ->level, ->numrecs, keys and pointers itself, then calls log_root(), which marks
	 * DX_ILOG_DBROOT or ABROOT.
	 */
	struct dx_bmbt_root *(*iroot)(struct dx_btree_cur *cur);
	struct dx_bmbt_root *(*realloc_root)(struct dx_btree_cur *cur, u32 recs);
	void	(*log_root)(struct dx_btree_cur *cur);

	/*
	 * Get one block, near the block @near (agbno or fsbno; never DX_BT_NULLPTR for an
	 * AG btree; for a bmbt DX_BT_NULLPTR = no sibling known).  *ptr = DX_BT_NULLPTR:
	 * no space.  The block's buffer is got and initialised by the generic code.
	 * The bmbt's also does nblocks++, cur->allocated++ and logs the inode core.
	 */
	int	(*alloc_block)(struct dx_btree_cur *cur, u64 near, u64 *ptr);
	/*
	 * Give back the block of @bp, which the cursor has no more use for; the
	 * generic code calls dx_trans_kill_buf() on it afterwards.  The bmbt's: dx_defer_free(),
	 * nblocks--, log the inode core.
	 */
	int	(*free_block)(struct dx_btree_cur *cur, struct dx_buf *bp);

	/* conversions between disk and host forms; disk ones may be unaligned to 8 bytes */
	void	(*rec_from_disk)(const void *disk, union dx_btree_rec *rec);
	void	(*rec_to_disk)(void *disk, const union dx_btree_rec *rec);
	void	(*key_from_disk)(const void *disk, union dx_btree_key *key);
	void	(*key_to_disk)(void *disk, const union dx_btree_key *key);
	void	(*key_from_rec)(const union dx_btree_rec *rec, union dx_btree_key *key);
	/* overlapping records only: the key of the last place that it covers; not below its own */
	void	(*high_key_from_rec)(const union dx_btree_rec *rec, union dx_btree_key *key);
	/* < 0, 0, > 0 in the order of the tree */
	int	(*key_cmp)(const union dx_btree_key *a, const union dx_btree_key *b);
	/* NULL when plausible, else the name of the bad field; run on each record got or stored */
	const char *(*check_rec)(struct dx_btree_cur *cur, const union dx_btree_rec *rec);
	/* optional: the last record of the rightmost leaf is now @last (NULL: the tree is empty) */
	void	(*lastrec)(struct dx_btree_cur *cur, const union dx_btree_rec *last);
};

/* for the cursor constructors: zeroed except for the arguments; cannot fail */
struct dx_btree_cur *dx_btree_new_cursor(struct dx_mount *mp, struct dx_trans *tp, enum dx_btnum btnum,
					 const struct dx_btree_ops *ops, int nlevels);

/* Blocks on a level that holds @n records, or pointers to so many blocks below: @fan in a leaf, in a node. */
static inline u64 dx_btree_width(const u32 fan[2], u32 level, u64 n)
{
	return DIV_ROUND_UP_ULL(n, fan[level > 0]);
}

/* for buffer verifiers of btree blocks: checks of everything that the block alone tells, order of records excepted */
int dx_btree_block_verify(struct dx_buf *bp, u32 magic, bool long_ptrs, unsigned int maxlevels, const u32 mxr[2]);
int dx_btree_block_verify_crc(struct dx_buf *bp, bool long_ptrs);
void dx_btree_block_stamp(struct dx_buf *bp, bool long_ptrs);	/* LSN and CRC before a write */
/* format an empty block in bp->b_addr; nothing is logged; also sets bp->b_ops and b_type */
void dx_btree_block_init(struct dx_mount *mp, struct dx_buf *bp, const struct dx_btree_ops *ops,
			 int level, u32 numrecs, u64 owner);
/* bytes of header of blocks of this kind; record and node layout behind it */
static inline u32 dx_btree_hdr_len(const struct dx_btree_ops *ops)
{
	return ops->flags & DX_BT_LONG_PTRS ? DX_BTREE_LBLOCK_LEN : DX_BTREE_SBLOCK_LEN;
}

#endif /* DX_BTREE_H */
