/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal: log items, transactions, the checkpoint in memory (CIL), the
 * list of what must still be written back (AIL), the log on disk, recovery.
 *
 * A transaction reserves log space before it locks anything, joins locked buffers and
 * inodes, marks what it dirtied, and commits into the CIL: each item's dirty
 * regions are copied (formatted) there and the item is pinned.  A log force
 * writes the CIL out as one checkpoint; then items go to the AIL at the checkpoint's
 * start LSN and are unpinned.  Design section 4.
 */
#ifndef DX_LOG_H
#define DX_LOG_H

#include "dx_mount.h"
#include "dx_buf.h"
#include "dx_log_format.h"
#include "dx_sb.h"
#include "dx_item.h"

/* ---- transactions: trans.c ---- */
struct dx_ticket;			/* log space of one transaction */
struct dx_defer;
#define DX_TRANS_RESERVE	(1u << 0)	/* may use the block reserve pool */
#define DX_TRANS_SYNC		(1u << 1)	/* force the log at commit */
#define DX_TRANS_DIRTY		(1u << 2)
#define DX_TRANS_NOWAIT		(1u << 3)	/* -EAGAIN rather than wait for log space (NOWAIT I/O) */
#define DX_TRANS_SB_DIRTY	(1u << 4)
#define DX_TRANS_ROLLED		(1u << 5)	/* goes on from one that was dirty */
#define DX_TRANS_NO_WRITECOUNT	(1u << 6)
#define DX_TRANS_FREEZE_HELD	(1u << 8)	/* mp->freeze_enter() was called for it */
#define DX_TRANS_RECOVERY	(1u << 7)	/* log recovery finishing intents: no freeze, no shutdown recursion */
#define DX_TRANS_FOR_INTENT	(1u << 9)	/* for an intent that the log left: asks for no more log space than that needs */
#define DX_TRANS_KEEP_FREED	(1u << 10)	/* what it frees goes back to its reservation, up to the end of the chain */
struct dx_trans {
	struct dx_mount		*t_mp;
	struct dx_ticket	*t_ticket;
	u32			t_flags;
	enum dx_resv		t_type;
	struct list_head	t_items;
	u32			t_blk_res;	/* fsblocks reserved and not used yet */
	s64			t_blk_res_used;	/* less what came back (DX_TRANS_KEEP_FREED) */
	s64			t_icount_delta, t_ifree_delta, t_fdblocks_delta;	/* applied at commit */
	struct list_head	t_busy;		/* busy extents to hand to the checkpoint */
	struct list_head	t_defer;	/* deferred works, in order; see dx_defer_* */
	dx_agno_t		t_highest_agno;	/* lowest AG the allocator may still lock; DX_NULLAGNO = any */
	unsigned int		t_nofs;		/* saved allocation scope */
	u64			t_commit_seq;	/* CIL sequence after commit */
};

/*
 * Reserve log space and @blocks fsblocks of free space; no lock may be held
 * that a log push could need.  Sleeps.  -ENOSPC, -EIO (shut down), -EROFS,
 * -EINTR never.  Takes the freeze protection of transactions (dx_log has it).
 */
int dx_trans_alloc(struct dx_mount *mp, enum dx_resv type, u32 blocks, u32 flags, struct dx_trans **tpp);
int dx_trans_alloc_empty(struct dx_mount *mp, struct dx_trans **tpp);	/* read only: holds buffers, never dirty */
int dx_trans_reserve_blocks(struct dx_trans *tp, u32 blocks, bool rsvd);	/* more fsblocks for a running one */
void dx_trans_top_up(struct dx_trans *tp, u32 blocks);	/* so many, or all that there are */
int dx_trans_commit(struct dx_trans *tp);	/* finishes deferred work first; tp gone */
int dx_trans_end(struct dx_trans *tp, int error);	/* commits, or after an error cancels; tp gone */
void dx_trans_cancel(struct dx_trans *tp);	/* dirty: shuts the filesystem down; tp gone */
/* commit and continue; held items must be re-joined by the caller or were joined with hold */
int dx_trans_roll(struct dx_trans **tpp);
void dx_trans_add_item(struct dx_trans *tp, struct dx_log_item *lip);
void dx_trans_del_item(struct dx_log_item *lip);

/* sb counter changes of this transaction */
void dx_trans_mod_icount(struct dx_trans *tp, s64 d);
void dx_trans_mod_ifree(struct dx_trans *tp, s64 d);
/* Allocator took (d < 0) or freed (d > 0) blocks: taken ones come from the reservation (@resv) or delalloc's */
void dx_trans_mod_fdblocks(struct dx_trans *tp, s64 d, bool resv);

/* buffers in transactions: buf_item.c.  tp may be NULL: then plain buffer calls. */
int dx_trans_get_buf_map(struct dx_mount *mp, struct dx_trans *tp, const struct dx_buf_map *map, int nmaps,
			 u32 flags, struct dx_buf **bpp);
int dx_trans_read_buf_map(struct dx_mount *mp, struct dx_trans *tp, const struct dx_buf_map *map, int nmaps, u32 flags,
			  const struct dx_buf_ops *ops, struct dx_buf **bpp);
int dx_trans_read_owned(struct dx_mount *mp, struct dx_trans *tp, const struct dx_buf_map *map, int nmaps,
			const struct dx_buf_ops *ops, u64 owner, struct dx_buf **bpp);
int dx_trans_get_buf(struct dx_mount *mp, struct dx_trans *tp, dx_daddr_t daddr, u32 len_bb, u32 flags, struct dx_buf **bpp);
int dx_trans_read_buf(struct dx_mount *mp, struct dx_trans *tp, dx_daddr_t daddr, u32 len_bb, u32 flags,
		      const struct dx_buf_ops *ops, struct dx_buf **bpp);
/* Getting a buffer that this transaction already holds returns it again (recursion count). */
void dx_trans_let_go(struct dx_trans *tp, struct dx_buf *bp);	/* clean ones leave the transaction; dirty ones stay until commit */
bool dx_trans_has_buf(struct dx_trans *tp, dx_daddr_t daddr, u32 len_bb);
void dx_trans_adopt(struct dx_trans *tp, struct dx_buf *bp);	/* locked buffer becomes the transaction's */
void dx_trans_keep_buf(struct dx_trans *tp, struct dx_buf *bp);	/* commit leaves it locked and referenced to the caller */
void dx_trans_log_buf(struct dx_trans *tp, struct dx_buf *bp, size_t first_byte, size_t last_byte);	/* inclusive */
void dx_trans_kill_buf(struct dx_trans *tp, struct dx_buf *bp);	/* freed on disk: log a cancel record, never write */
/* written before the tail passes, contents not logged (icreate) */
void dx_trans_ordered_buf(struct dx_trans *tp, struct dx_buf *bp);
void dx_trans_inode_alloc_buf(struct dx_trans *tp, struct dx_buf *bp);	/* fresh inode cluster */
/* only di_next_unlinked of it is logged: DX_BLF_INODE_BUF */
void dx_trans_inode_buf(struct dx_trans *tp, struct dx_buf *bp);
void dx_trans_kill_inode_buf(struct dx_trans *tp, struct dx_buf *bp);	/* inode chunk freed: with binval */
/* also recorded by log_buf from bp->b_type */
void dx_trans_buf_type(struct dx_trans *tp, struct dx_buf *bp, enum dx_blft type);

/* deferred work: defer.c, intent.c.  Commit turns it into an intent, a roll, the work, and that it is done. */
struct dx_defer_type;
struct dx_defer_work {			/* a kind's own structure begins with it */
	struct list_head		list;
	const struct dx_defer_type	*type;
};
/* A further region of an intent; in the log it is a multiple of 4 bytes long. */
struct dx_intent_reg { const void *addr; u32 bytes; };
#define DX_INTENT_MORE	4
/* A kind of deferred work: what it logs, how it is done, how it is found again. */
struct dx_defer_type {
	const char *name;		/* of its intent */
	u16	li_type;		/* DX_LI_* of the intent; that of the done item is the next */
	bool	done_repeats;		/* the done item has what the intent has, not only its id */
	enum dx_resv resv;		/* of the transactions that finish what recovery finds */
	bool	uncounted;		/* there is one work in each intent, and the count is 0 */
	u32	most;			/* works of one intent */
	u32	a_go;			/* works that one transaction can do */
	u32	work_bytes;		/* of each in the intent */
	/* list_sort()'s, over works: in which order they must be done; NULL: as they were added */
	int	(*order)(void *priv, const struct list_head *a, const struct list_head *b);
	void	(*format)(const struct dx_defer_work *work, void *to);		/* into the intent */
	int	(*parse)(struct dx_mount *mp, const void *from, struct dx_defer_work **workp);	/* and back: -EFSCORRUPTED */
	/* of what the log has: is it something that finish() does not do?  NULL: it does all */
	bool	(*cannot)(const void *from);
	/*
	 * Of kinds whose intents have one work, and further regions: these, pointing into the work, and what stands where others
	 * have the number of works.  Returns how many.
	 */
	u32	(*regions)(const struct dx_defer_work *work, u32 *word, struct dx_intent_reg *more);
	/* and back, in place of ->parse; @head: the first region */
	int	(*parse_regions)(struct dx_mount *mp, const struct dx_intent_log_format *head, const struct dx_intent_reg *more,
				 u32 nmore, struct dx_defer_work **workp);
	/*
	 * Do one; may defer more, which is done before what waits.  -EAGAIN: a part of it is done, and the work says what is
	 * left; that is for the next transaction.
	 */
	int	(*finish)(struct dx_trans *tp, struct dx_defer_work *work);
};
#define DX_FREES_A_GO	4		/* extents that any permanent reservation can free: resv.c */
#define DX_REFCOUNTS_A_GO 2		/* changes of reference counts that it can do */
void dx_defer_register(const struct dx_defer_type *type);
const struct dx_defer_type *dx_defer_type_of(u16 li_type);
void dx_defer_add(struct dx_trans *tp, const struct dx_defer_type *type, struct dx_defer_work *work);
int dx_defer_finish(struct dx_trans **tpp);	/* finish all now; may roll: dirty joined-and-held items are relogged */
/* buffers/inodes to keep across the rolls of dx_defer_finish: */
/* inodes joined with lock_flags == 0 and buffers held with bhold stay locked and are re-joined by defer_finish itself. */
/* intents that recovery has found wait in the AIL */
int dx_intents_finish(struct dx_mount *mp);			/* run them all */
void dx_intents_cancel(struct dx_mount *mp);			/* drop them: the mount fails, the log still has them */

/* What the log asks of those above it; the mount hands it down before the log starts. */
struct dx_log_above {
	/* the blocks on @busy (struct dx_busy_extent) are free: by what is now durable, or, if not @durable, never; empties it */
	void	(*freed)(struct dx_mount *mp, struct list_head *busy, bool durable);
	void	(*settle)(struct dx_mount *mp);		/* wait until what that began has ended */
	void	(*charge)(struct dx_trans *tp);		/* quota: records that change with what @tp has changed join it */
};

/* ---- CIL and log force: cil.c, log.c ---- */
struct dx_log_head;
int dx_log_create(struct dx_mount *mp);
bool dx_log_is_inert(struct dx_mount *mp);
int dx_log_start(struct dx_mount *mp, const struct dx_log_head *h);
int dx_log_replayed(struct dx_mount *mp);
void dx_log_give_up(struct dx_mount *mp);
void dx_log_finished(struct dx_mount *mp, bool begins);
int dx_log_begin_writing(struct dx_mount *mp);	/* clean log, before the first transaction that is ours */
void dx_log_unmount(struct dx_mount *mp);	/* everything pushed, unmount record, free */
int dx_log_quiesce(struct dx_mount *mp, bool write_unmount_record);
int dx_log_force(struct dx_mount *mp, bool wait);		/* everything committed so far */
int dx_log_force_data(struct dx_mount *mp, u64 seq);		/* and the data that is written */
int dx_log_force_seq(struct dx_mount *mp, u64 seq, bool wait, bool *did_flush);	/* up to CIL sequence */
void dx_log_abort(struct dx_mount *mp);				/* shutdown: wake and fail everybody */
u64 dx_log_current_seq(struct dx_mount *mp);
bool dx_log_is_idle_dirty(struct dx_mount *mp);
struct dx_log_stats {
	u64	forces, checkpoints, bytes;
	u64	head_cycle, head_block, tail_cycle, tail_block;
	u64	size_bytes, used_bytes;
};

void dx_log_get_stats(struct dx_mount *mp, struct dx_log_stats *st);
/* buffers and the log: what the mount hands to buffers (struct dx_buf_above) */
void dx_buf_item_iodone(struct dx_buf *bp);
dx_lsn_t dx_buf_item_lsn(struct dx_buf *bp);
dx_lsn_t dx_log_tail_lsn(struct dx_mount *mp);
/* may metadata carry this LSN?  Any context. */
bool dx_log_lsn_ahead(struct dx_mount *mp, dx_lsn_t lsn);
int dx_log_check_lsn(struct dx_mount *mp, const char *what, u64 where, dx_lsn_t lsn);

/* ---- AIL: ail.c ---- */
int dx_ail_init(struct dx_mount *mp);
void dx_ail_destroy(struct dx_mount *mp);
void dx_ail_insert(struct dx_mount *mp, struct dx_log_item *lip, dx_lsn_t lsn);	/* insert or move forward */
void dx_ail_delete(struct dx_mount *mp, struct dx_log_item *lip);		/* and move the tail */
void dx_ail_push(struct dx_mount *mp, dx_lsn_t target);
void dx_ail_drain(struct dx_mount *mp);		/* until empty (or shut down) */
dx_lsn_t dx_ail_min_lsn(struct dx_mount *mp);		/* 0 = empty */
/* before freeing an item: the pusher is not at it; may sleep */
void dx_ail_wait_push(struct dx_mount *mp, struct dx_log_item *lip);

/* ---- reservations: resv.c ---- */
void dx_resv_init(struct dx_mount *mp);
u32 dx_log_min_size_bb(struct dx_mount *mp);

/* ---- the ends of the log, as recovery finds them ---- */
/*
 * head: where the next record goes, and the cycle it will carry.  tail_lsn: from where on recovery replays; == head
 * when clean.  last_sync_lsn: the last record in the log.  prev_block: its block, -1 when there is none.
 * rec_bytes: its h_size.
 */
struct dx_log_head {
	u32		head_cycle, head_block;
	u32		tail_cycle, tail_block;
	dx_lsn_t	tail_lsn, last_sync_lsn;
	bool		clean;
	u32		prev_block;
	u32		rec_bytes;
};

/* the cycle in which a 512-byte block of the log was written */
static inline u32 dx_log_block_cycle(const char *p)
{
	const struct dx_rec_header *h = (const void *)p;

	return h->h_magicno == cpu_to_be32(DX_LOG_HEADER_MAGIC) ? be32_to_cpu(h->h_cycle) : get_unaligned_be32(p);
}
/* geometry of the log device part of the volume */
#define dx_log_daddr(mp)	dx_fsb_to_daddr(mp, (mp)->sb.logstart)
#define dx_log_size_bb(mp)	((u32)dx_fsb_to_bb(mp, (mp)->sb.logblocks))

#endif /* DX_LOG_H */
