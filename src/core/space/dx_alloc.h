/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Space and inode allocation: AG headers, bnobt and cntbt, AGFL, busy extents, inobt and finobt.  AG headers are locked AGI before
 * AGF, AGs in ascending order within one transaction (invariant L1).
 */
#ifndef DX_ALLOC_H
#define DX_ALLOC_H

#include "dx_mount.h"
#include "dx_buf.h"
#include "dx_log.h"
#include "dx_btree.h"

extern const struct dx_buf_ops dx_agf_buf_ops, dx_agi_buf_ops, dx_agfl_buf_ops, dx_bnobt_buf_ops, dx_cntbt_buf_ops,
	dx_inobt_buf_ops, dx_finobt_buf_ops, dx_bmbt_buf_ops, dx_inode_buf_ops, dx_refcountbt_buf_ops, dx_rmapbt_buf_ops;

/* ---- AG headers: ag.c ---- */
int dx_agf_read(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, u32 flags, struct dx_buf **bpp);
int dx_agi_read(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, struct dx_buf **bpp);
int dx_agfl_read(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, struct dx_buf **bpp);
/* fields changed; perag copies are the caller's */
void dx_agf_log(struct dx_trans *tp, struct dx_buf *bp, size_t off, size_t len);
void dx_agi_log(struct dx_trans *tp, struct dx_buf *bp, size_t off, size_t len);
int dx_ag_init_all(struct dx_mount *mp, u64 *icount, u64 *ifree, u64 *fdblocks);	/* read every AGF and AGI, sum counters */

/* ---- cursors: alloc_btree.c, rmap_btree.c, refcount_btree.c, ialloc_btree.c, bmap_btree.c ---- */
struct dx_btree_cur *dx_bnobt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno,
				     enum dx_btnum btnum);
struct dx_btree_cur *dx_inobt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno,
				     enum dx_btnum btnum);
struct dx_btree_cur *dx_rmapbt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno);
struct dx_btree_cur *dx_refcountbt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno);
struct dx_btree_cur *dx_bmbt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_inode *ip, int whichfork);

/* ---- owners of blocks: rmap.c, rmap_defer.c ---- */
/* As in a record of the rmapbt: an inode or DX_RMAP_OWN_*; flags, and in a fork the offset.  ->owner 0: nobody, or not told here */
struct dx_owner { u64 owner, offset; };
extern const struct dx_owner dx_own_ag, dx_own_inobt, dx_own_inodes, dx_own_refc, dx_own_cow;
/* do its blocks follow each other in a fork, too? */
static inline bool dx_rmap_has_offset(u64 owner, u64 offset)
{
	return !DX_RMAP_OWN_SPECIAL(owner) && !(offset & DX_RMAP_BMBT);
}
int dx_rmap_add(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
		const struct dx_owner *own);
int dx_rmap_remove(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
		   const struct dx_owner *own);
int dx_rmap_add_shared(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
		       const struct dx_owner *own);
int dx_rmap_remove_shared(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
			  const struct dx_owner *own);
int dx_rmap_is_owner(struct dx_mount *mp, dx_fsbno_t fsbno, dx_extlen_t len, const struct dx_owner *own, bool *is);
void dx_defer_rmap(struct dx_trans *tp, u32 type, dx_fsbno_t fsbno, dx_extlen_t len, const struct dx_owner *own);
extern const struct dx_defer_type dx_rmap_type;

/* ---- who shares blocks: refcount.c, refcount_defer.c ---- */
int dx_refcount_change(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, u32 type, dx_agbno_t bno, dx_extlen_t *lenp);
void dx_defer_refcount(struct dx_trans *tp, u32 type, dx_fsbno_t fsbno, dx_extlen_t len);
extern const struct dx_defer_type dx_refcount_type;
int dx_refcount_free_leftovers(struct dx_mount *mp);	/* refcount_leftovers.c */
int dx_refcount_find_shared(struct dx_mount *mp, dx_fsbno_t fsbno, dx_extlen_t len, dx_extlen_t *before, dx_extlen_t *shared);
struct dx_refcount_asker;
struct dx_refcount_asker *dx_refcount_ask_begin(struct dx_mount *mp);
int dx_refcount_ask(struct dx_refcount_asker *a, dx_fsbno_t fsbno, dx_extlen_t len, dx_extlen_t *before, dx_extlen_t *shared);
void dx_refcount_ask_end(struct dx_refcount_asker *a);

/* ---- extent allocator: alloc.c ---- */
enum dx_alloc_type { DX_ALLOC_ANY_AG, DX_ALLOC_LOWEST_AG, DX_ALLOC_THIS_AG, DX_ALLOC_START_AG, DX_ALLOC_NEAR, DX_ALLOC_EXACT };
struct dx_alloc_arg {
	struct dx_trans	*tp;
	struct dx_mount	*mp;
	dx_fsbno_t	fsbno;		/* in: target; out: result or DX_NULLFSBNO */
	dx_extlen_t	minlen, maxlen, mod, prod;	/* len % prod == mod when possible */
	dx_extlen_t	alignment, minalignslop;
	bool		chance;		/* ask where there may be no such place, too: mostly the transaction stays clean then */
	dx_extlen_t	minleft;	/* blocks that must remain in the AG afterwards */
	dx_extlen_t	total;		/* blocks this transaction will need altogether in that AG */
	dx_extlen_t	len;		/* out */
	enum dx_alloc_type type;
	bool		userdata;	/* data: must not reuse busy extents */
	bool		spare_inodes;	/* file data: not from an AG that is kept for inodes, but beside what the file has there */
	bool		wasdel;		/* the space was reserved by delayed allocation */
	dx_agbno_t	min_agbno;	/* the extent must lie in [min_agbno, max_agbno) of the AG; 0 = no bound */
	dx_agbno_t	max_agbno;
	bool		no_wait;	/* fail rather than wait until something is not busy any more */
	enum dx_agresv_kind resv;	/* a tree with blocks set aside for it */
	struct dx_owner	owner;		/* of what is taken; file data: nobody, dx_defer_rmap() tells */
	bool		must;		/* for a dirty transaction, ->minlen 1: whatever is left will do */
	bool		contended;	/* out: an AG could not be asked, its AGF was locked (L1) */
	bool		refilled;	/* out: the AGF that was asked for is dirty, whatever came of it */
	bool		resv_agfl;	/* internal */
	bool		saw_busy;	/* internal: there would be space but for busy extents */
	unsigned int	busy_gen;	/* internal */
};
/* 0 with fsbno == NULLFSBNO: no space that fits.  AGF stays locked in tp. */
int dx_alloc_extents(struct dx_alloc_arg *args);
/* Free an extent now (AG btrees; inserts a busy extent). Used by the EFI finisher. */
int dx_free_extent(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len);
/* Free it when the transaction is committed: extfree.c */
int dx_defer_free(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len, bool skip_discard);
int dx_defer_free_of(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len, bool skip_discard, const struct dx_owner *own);
extern const struct dx_defer_type dx_extfree_type;
int dx_free_extent_of(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len, enum dx_agresv_kind kind,
		      const struct dx_owner *own);
int dx_alloc_refresh_agfl(struct dx_alloc_arg *args, dx_agno_t agno, struct dx_buf **agbpp, u32 flags);
int dx_agfl_take(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t *bnop, bool btreeblk);
int dx_agfl_give(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, bool btreeblk);
/* ---- what may be taken: ag_space.c, agresv.c ---- */
/* A tree that blocks are set aside for. */
struct dx_agresv_tree {
	const char	*name;
	const char	*need;	/* what may need them */
	bool	(*present)(struct dx_mount *mp);
	u32	(*most)(struct dx_mount *mp, struct dx_perag *pag);	/* blocks that the tree can ever have there; but if it is */
	bool	unbounded;	/* where blocks are shared it may have any number: of these there shall always be a few */
	/* blocks that it has; AGI locked, AGF not */
	int	(*used)(struct dx_mount *mp, struct dx_perag *pag, struct dx_buf *agibp, u32 *blocks);
};
extern const struct dx_agresv_tree dx_rmapbt_resv, dx_finobt_resv, dx_refcountbt_resv;
u64 dx_agresv_usable(struct dx_mount *mp, struct dx_perag *pag);
u64 dx_agresv_sparsest(const u32 mnr[2], u64 recs);
s64 dx_ag_avail(struct dx_mount *mp, struct dx_perag *pag, enum dx_agresv_kind kind);
int dx_agresv_setup(struct dx_mount *mp);
void dx_agresv_release(struct dx_mount *mp);
u32 dx_agresv_lengthened(struct dx_perag *pag, u32 blocks);
void dx_agresv_shortened(struct dx_perag *pag);
u32 dx_agresv_held(const struct dx_perag *pag, enum dx_agresv_kind kind);
bool dx_agresv_may_split(struct dx_mount *mp, dx_fsbno_t fsbno);
bool dx_agresv_can_split(struct dx_mount *mp, dx_fsbno_t fsbno);
u32 dx_agresv_short(const struct dx_perag *pag, enum dx_agresv_kind kind, u32 need);
void dx_agresv_take(struct dx_trans *tp, struct dx_perag *pag, enum dx_agresv_kind kind, dx_extlen_t len);
void dx_agresv_give(struct dx_trans *tp, struct dx_perag *pag, enum dx_agresv_kind kind, dx_extlen_t len);
void dx_agresv_in_free_space(struct dx_perag *pag, enum dx_agresv_kind kind, int delta);
u32 dx_agfl_need(struct dx_mount *mp, struct dx_perag *pag);
u64 dx_alloc_set_aside(struct dx_mount *mp);
u32 dx_ag_max_usable(struct dx_mount *mp);
dx_extlen_t dx_alloc_longest_free(struct dx_mount *mp, struct dx_perag *pag);
/* FITRIM: discard free extents of at least minlen in [start, end] (fsblocks, linear daddr order) */
int dx_trim_free(struct dx_mount *mp, u64 start_bb, u64 end_bb, u64 minlen_bb, u64 *discarded_bytes);
int dx_alloc_any_free(struct dx_mount *mp, dx_fsbno_t fsbno, dx_extlen_t len, bool *free);
/* walk the free space of an AG, AGF locked (tests); dx_space_query() lets go of it */
int dx_alloc_query_all(struct dx_mount *mp, dx_agno_t agno, int (*fn)(dx_agbno_t bno, dx_extlen_t len, void *data), void *data);

/* ---- what blocks are used for: fsmap.c ---- */
struct dx_space_rec { dx_agbno_t bno; dx_extlen_t len; u64 owner, offset; };	/* as in the rmapbt; DX_RMAP_OWN_NULL: free */
int dx_space_query(struct dx_mount *mp, dx_agno_t agno, bool by_owner, const union dx_btree_key *low,
		   const union dx_btree_key *high, int (*fn)(const struct dx_space_rec *rec, void *data), void *data);
void dx_bad_block(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb);	/* says whose it is: bad_block.c */

/* ---- AGs of a volume that grows: ag_grow.c ---- */
u32 dx_ag_new_blocks(struct dx_mount *mp);
int dx_ag_write_new(struct dx_mount *mp, const struct dx_perag *pag, const struct dx_dsb *sb, void *buf);
u32 dx_ag_new_perag(struct dx_perag *pag);
int dx_ag_lengthen(struct dx_trans *tp, struct dx_perag *pag, u32 by, struct dx_buf **agibp, struct dx_buf **agfbp);
int dx_ag_shorten(struct dx_trans *tp, struct dx_perag *pag, u32 by, struct dx_buf **agibp, struct dx_buf **agfbp);

/* ---- busy extents: busy.c ---- */
struct dx_busy_extent {
	struct rb_node		rb;		/* perag->busy_tree */
	struct list_head	list;		/* tp->t_busy, then the checkpoint's */
	dx_agno_t		agno;
	dx_agbno_t		bno;
	dx_extlen_t		len;
	u32			flags;
#define DX_BUSY_DISCARDED	1	/* the device is at it */
#define DX_BUSY_SKIP_DISCARD	2
	struct dx_busy_extent	*part;		/* rest behind a hole that a reuse made; same fate */
};
void dx_busy_insert(struct dx_trans *tp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len, bool skip_discard);
bool dx_busy_overlaps(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len);
/* longest non-busy part of [bno, bno+len); returns whether anything was busy */
bool dx_busy_trim(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t *bno, dx_extlen_t *len, u32 flags, unsigned int *gen);
/* metadata may reuse: take out of the tree */
void dx_busy_reuse(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len, bool userdata);
void dx_busy_flush(struct dx_mount *mp, unsigned int gen);	/* force the log and wait for progress */
bool dx_busy_wait(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len);	/* false: gave up */
void dx_busy_clear(struct dx_mount *mp, struct list_head *list, bool durable);	/* checkpoint durable; discards when mounted so */
void dx_busy_wait_all(struct dx_mount *mp);		/* those of now, when nobody frees any more */

/* ---- inodes: ialloc.c ---- */
/*
 * Pick an AG and a free inode for @mode near @parent; *ino is DX_NULLINO for -ENOSPC.  May roll *tpp when a chunk must
 * be made, and logs @dp, whom the caller has locked, with that. AGI stays locked in tp.
 */
int dx_new_ino(struct dx_trans **tpp, dx_ino_t parent, umode_t mode, struct dx_inode *dp, dx_ino_t *ino);
struct dx_icluster_free { bool deleted; dx_ino_t first_ino; u64 alloc_mask; };	/* chunk went away */
int dx_difree_prepare(struct dx_trans *tp, struct dx_buf *agibp, dx_ino_t ino);	/* -ENOSPC while @tp is clean, not later */
int dx_free_ino(struct dx_trans *tp, dx_ino_t ino, struct dx_icluster_free *cluster);
/*
 * Where is the inode on disk?  *daddr/len_bb of its cluster buffer, *boffset in bytes. @untrusted: look it up in the
 * inobt (-EINVAL/-ENOENT when free).
 */
struct dx_imap { dx_daddr_t daddr; u32 len_bb; u32 boffset; };
int dx_imap(struct dx_mount *mp, struct dx_trans *tp, dx_ino_t ino, bool untrusted, struct dx_imap *imap);
int dx_imap_untrusted(struct dx_mount *mp, struct dx_trans *tp, dx_ino_t ino, struct dx_imap *imap, struct dx_buf **agibpp);
/* = dx_agi_read + perag copy */
int dx_ialloc_read_agi(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, struct dx_buf **bpp);
/* write fresh inode clusters [agbno, +length fsblocks): initialised, CRC'd buffers; tp == NULL (recovery of ICREATE): onto @list */
int dx_ialloc_inode_init(struct dx_mount *mp, struct dx_trans *tp, struct list_head *list, u32 icount, dx_agno_t agno,
			 dx_agbno_t agbno, u32 length, u32 gen);
/* icreate_item.c (log side) */
void dx_icreate_log(struct dx_trans *tp, dx_agno_t agno, dx_agbno_t agbno, u32 count, u32 isize, u32 length, u32 gen);
u64 dx_inobt_alloc_mask(u16 holemask);	/* bit i: inode i of the chunk exists on disk */

#endif /* DX_ALLOC_H */
