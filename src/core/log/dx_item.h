/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log items: what the journal knows of a thing whose changes it records.  Part of dx_log.h.
 *
 * Each kind is a table, struct dx_item_ops; its functions are called in this order in the life of a change:
 * ->precommit, ->size, ->format, ->pin, ->release at commit; ->committed and ->unpin when the checkpoint is durable;
 * ->push until it is written back.
 */
#ifndef DX_ITEM_H
#define DX_ITEM_H

#include "dx_buf.h"

struct dx_trans;

/* ---- log items ---- */
struct dx_log_item;

/* One formatted copy of an item: a chain of regions, each becomes one op in the log. */
struct dx_log_iovec {
	void	*addr;
	u32	len_bytes;		/* multiple of 4 */
	u32	type;			/* for debugging only */
};
struct dx_log_vec {
	struct list_head	lv_list;	/* in the checkpoint */
	struct dx_log_item	*lv_item;
	u32			lv_niovecs;
	u32			lv_bytes;	/* sum of len_bytes */
	u32			lv_cap;		/* bytes behind this structure, for both arrays */
	u32			lv_size;	/* room in lv_buf */
	u32			lv_maxvecs;	/* room in lv_iovecs */
	char			*lv_buf;
	struct dx_log_iovec	*lv_iovecs;
};
/* Formatting cursor: ->format() calls dx_lv_add() / dx_lv_reserve() per region. */
struct dx_lv_cursor { struct dx_log_vec *lv; u32 i; u32 used; bool overflow; };
void *dx_lv_reserve(struct dx_lv_cursor *c, u32 len_bytes, u32 type);	/* 8-byte aligned room for a region in the lv */
void dx_lv_add(struct dx_lv_cursor *c, const void *src, u32 len_bytes, u32 type);	/* copy, zero-padded to 4 bytes */
void dx_lv_trim(struct dx_lv_cursor *c, u32 len_bytes);			/* shorten the last region; 0 drops it */

struct dx_item_ops {
	const char *name;
	/* number of regions and upper bound of bytes; 0 regions = nothing to log (ordered) */
	void	(*size)(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes);
	void	(*format)(struct dx_log_item *lip, struct dx_lv_cursor *c);
	void	(*pin)(struct dx_log_item *lip);
	/*
	 * Checkpoint done: the pin taken at commit goes away.  @abort: it will never be on disk; the
	 * item is in the AIL all the same, for the pusher to take it apart.  May free the item.
	 */
	void	(*unpin)(struct dx_log_item *lip, bool abort);
	/* after format at commit (or at cancel with @abort): give up the transaction's lock/reference */
	void	(*release)(struct dx_log_item *lip, bool abort);
	/* durable at @lsn: returns the LSN to use in the AIL, or DX_NULLLSN when the item is finished with (freed) */
	dx_lsn_t (*committed)(struct dx_log_item *lip, dx_lsn_t lsn);
	/*
	 * Called under no AIL lock from the pusher: start writeback, queueing buffers on @list.  The item may leave
	 * the AIL meanwhile; its memory stays until then because whoever frees it calls dx_ail_wait_push().
	 */
	unsigned int (*push)(struct dx_log_item *lip, struct list_head *list);
	/* at commit, before formatting, item order: last chance to change what is logged. May be NULL */
	int	(*precommit)(struct dx_trans *tp, struct dx_log_item *lip);
	/*
	 * The write of the buffer that the item hangs on (li_bio) is over: b_error tells; or the buffer is stale: its blocks
	 * were freed.  Buffer locked; may take the item off, not others.  NULL for items that never do.
	 */
	void	(*buf_done)(struct dx_log_item *lip, struct dx_buf *bp);
	/*
	 * Does the item stay with its user across a roll?  Then what the others are called with, else NULL.  ->relog marks it
	 * dirty once more, so that it moves away from the tail; ->rejoin makes it part of the next transaction.
	 */
	void	*(*kept)(struct dx_log_item *lip);
	void	(*relog)(struct dx_trans *tp, void *kept);
	void	(*rejoin)(struct dx_trans *tp, void *kept);
};
enum { DX_PUSH_OK, DX_PUSH_PINNED, DX_PUSH_LOCKED, DX_PUSH_FLUSHING, DX_PUSH_RETRY };	/* _RETRY: failed, its time has not come */

#define DX_LI_F_IN_AIL	0		/* bits of li_flags */
#define DX_LI_F_DIRTY	1		/* dirty in its transaction */
#define DX_LI_F_ABORTED	2
#define DX_LI_F_FAILED	3		/* writeback failed; retry */
#define DX_LI_F_RECOVERED 5		/* an intent found in the log; nobody works on it yet */
struct dx_log_item {
	struct list_head	li_ail;		/* AIL lock */
	struct list_head	li_trans;	/* in the transaction */
	struct list_head	li_cil;		/* in the current CIL context */
	struct list_head	li_bio;		/* on bp->b_inodes while flushed into a buffer */
	dx_lsn_t		li_lsn;		/* AIL lock */
	struct dx_mount		*li_mp;
	unsigned long		li_flags;
	u16			li_type;	/* DX_LI_* of the format */
	struct dx_buf		*li_buf;	/* inode items: cluster buffer they are attached to */
	const struct dx_item_ops *li_ops;
	struct dx_log_vec	*li_lv;		/* formatted copy in the current checkpoint */
	u64			li_seq;		/* CIL sequence of the last commit */
	/* The commit under way; item lock. */
	struct dx_log_vec	*li_fresh;	/* room for the copy; NULL: li_lv has room enough */
	u32			li_cap;		/* li_lv->lv_cap, while li_seq is the current checkpoint */
	u32			li_nvecs, li_nbytes;	/* what ->size() said */
	u64			li_order;	/* precommit runs in this order */
};
void dx_log_item_init(struct dx_mount *mp, struct dx_log_item *lip, u16 type, const struct dx_item_ops *ops);

#endif /* DX_ITEM_H */
