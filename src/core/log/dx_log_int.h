/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the journal share among themselves: trans.c, cil.c,
 * log.c, log_write.c, log_space.c, ail.c, defer.c, intent.c.  Everybody else uses dx_log.h.
 *
 * Lock order: item locks (buffers, ILOCK), then ctx_lock, then cil_lock or
 * ail->lock, then space.lock.  The spinlocks are leaves and process context only.
 * write_mutex: taken with no item lock held, outside ctx_lock.
 */
#ifndef DX_LOG_INT_H
#define DX_LOG_INT_H

#include "dx_log.h"

/* ---- log space: log_space.c ---- */

/* Log space of one transaction: @unit bytes for each roll that is paid for. */
struct dx_ticket {
	struct list_head	queue;		/* waiting; space.lock */
	struct completion	granted;
	u32			unit;		/* bytes, overhead included */
	u16			cnt;		/* units still held, the current one included */
	u64			held;		/* bytes; space.lock */
	u64			want;		/* bytes waited for */
	int			error;
};

struct dx_log_space {
	spinlock_t		lock;		/* all of it, and the tickets that wait */
	u64			head_pos, tail_pos;	/* bb written since cycle 0; see pos_of_lsn() */
	u64			size_bytes;
	u64			held;		/* tickets and checkpoints not yet written, bytes */
	u64			pub;		/* bytes of an empty checkpoint; always kept free */
	u64			headroom;	/* bytes that only rolling transactions may use */
	struct list_head	rolling, fresh;	/* waiters, FIFO; rolling first */
	bool			dead;		/* aborted: nobody waits any more */
};

/* ---- checkpoints: cil.c ---- */

struct dx_cil_ctx {
	u64			seq;
	struct list_head	items;		/* li_cil, in order of the last commit; cil_lock */
	struct list_head	vecs;		/* lv_list: what is written, after the switch */
	struct list_head	busy;		/* extents freed in it; cil_lock */
	u64			payload;	/* bytes of regions and their op headers; cil_lock */
	u32			nregions;	/* cil_lock */
	u64			held;		/* log space kept for writing it; cil_lock, then the writer's */
	dx_lsn_t		start_lsn, commit_lsn;
};

/* ---- records: log_write.c ---- */

struct dx_log_rec {
	char			*buf;		/* headers, then body: rec_bytes */
	u32			used;		/* of the body */
	u32			nops;
	atomic_t		inflight;
	struct dx_log		*log;
	struct dx_io		io[2];		/* two when it wraps at the end of the log */
};

struct dx_log {
	struct dx_mount		*mp;
	/* geometry: constant */
	dx_daddr_t		daddr;		/* of block 0 */
	u32			size_bb;
	u32			unit_bytes;	/* records are padded to this */
	u32			rec_bytes, hdr_bytes, cap_bytes;	/* record at most; its headers; its body */
	unsigned long		state;
#define DX_LOG_INERT	0	/* norecovery: there is a log, but we do not use it */
#define DX_LOG_ABORTED	1	/* shut down: nothing is written any more */
#define DX_LOG_FINISHED	2	/* recovery, if any, is complete: may be marked clean */
#define DX_LOG_DIRTY	3	/* records have been written behind the last unmount record */
#define DX_LOG_COVERED	4	/* the last record is an empty checkpoint or an unmount record */
#define DX_LOG_WANT_COVER 5	/* the writer shall write an empty checkpoint when all is idle */
#define DX_LOG_IOERR	6	/* a record write failed */

	/* writing: write_mutex */
	struct mutex		write_mutex;
	u32			cycle, block;	/* of the next record; written under space.lock, too */
	atomic64_t		head_lsn;	/* the same, for those without the lock; 0 = not known yet */
	u32			prev_block;
	u32			tid;
	struct dx_log_rec	*ring;
	u32			nring, next;
	u32			unflushed;	/* bytes of records that a power cut may lose */
	dx_lsn_t		stable_tail;	/* tail in the last durable record */
	wait_queue_head_t	io_wait;

	/* in-memory checkpoint */
	struct rw_semaphore	ctx_lock;	/* read: insert; write: switch */
	spinlock_t		cil_lock;
	struct dx_cil_ctx	*ctx;		/* current; pointer under ctx_lock and cil_lock */
	u64			cur_seq;	/* ctx->seq; cil_lock */
	u64			push_seq;	/* push up to here; cil_lock */
	u64			done_seq;	/* completed, one way or the other; cil_lock */
	u64			ok_seq;		/* durable; cil_lock */
	u64			push_bytes;	/* background push at this many, constant */
	struct work_struct	push_work;
	wait_queue_head_t	force_wait;	/* done_seq moved, or aborted */
	wait_queue_head_t	throttle_wait;	/* a switch has happened */
	bool			own_wq;

	/* tail */
	dx_lsn_t		last_commit_lsn;	/* ail lock: tail when the AIL is empty */
	struct dx_log_space	space;

	struct workqueue_struct	*timer_wq;
	struct delayed_work	timer;
	u64			timer_seq;	/* commits seen at the last tick */

	atomic64_t		st_forces, st_checkpoints, st_bytes;
};

static inline dx_lsn_t dx_lsn_make(u32 cycle, u32 block)
{
	return (u64)cycle << 32 | block;
}

static inline bool dx_log_aborted(struct dx_log *l)
{
	return test_bit(DX_LOG_ABORTED, &l->state);
}

/* log_space.c */
void dx_space_init(struct dx_log *l);
u64 dx_space_ckpt_need(struct dx_log *l, u64 payload);	/* bytes in the log, worst case */
u64 dx_space_max_ticket(struct dx_log *l);		/* largest reservation that can ever be granted */
int dx_ticket_get(struct dx_log *l, u32 logres_bytes, u32 count, u32 flags, struct dx_ticket **tkp);
int dx_ticket_regrant(struct dx_log *l, struct dx_ticket *tk);
void dx_ticket_spend_unit(struct dx_log *l, struct dx_ticket *tk);
void dx_ticket_put(struct dx_log *l, struct dx_ticket *tk);
void dx_space_move_to_ctx(struct dx_log *l, struct dx_ticket *tk, struct dx_cil_ctx *ctx);	/* cil_lock held */
void dx_space_head_moved(struct dx_log *l, u32 bb, struct dx_cil_ctx *ctx);
void dx_space_ctx_done(struct dx_log *l, struct dx_cil_ctx *ctx);
void dx_space_tail_moved(struct dx_log *l, dx_lsn_t tail);
void dx_space_set(struct dx_log *l, dx_lsn_t head, dx_lsn_t tail);
void dx_space_abort(struct dx_log *l);
bool dx_space_has_waiters(struct dx_log *l);
dx_lsn_t dx_space_push_target(struct dx_log *l);
s64 dx_space_free_bytes(struct dx_log *l);
u64 dx_space_used_bytes(struct dx_log *l);
u64 dx_lsn_distance(struct dx_log *l, dx_lsn_t from, dx_lsn_t to);	/* bytes */

/* log_write.c */
int dx_log_rings_init(struct dx_log *l);
void dx_log_rings_destroy(struct dx_log *l);
int dx_ckpt_write(struct dx_log *l, struct dx_cil_ctx *ctx);
int dx_log_write_empty(struct dx_log *l, bool own_tail);
int dx_log_write_unmount(struct dx_log *l);
int dx_log_clear_stale(struct dx_log *l);

/* cil.c */
int dx_cil_init(struct dx_log *l);
void dx_cil_destroy(struct dx_log *l);
int dx_cil_commit(struct dx_trans *tp, bool regrant);
void dx_cil_push_work(struct work_struct *work);
bool dx_cil_empty(struct dx_log *l);
void dx_cil_push_async(struct dx_log *l);

/* ail.c */
struct dx_log_item *dx_ail_find(struct dx_mount *mp, bool (*match)(struct dx_log_item *lip, void *arg), void *arg);
void dx_ail_set_last_commit(struct dx_log *l, dx_lsn_t lsn);
void dx_ail_kick(struct dx_mount *mp);
void dx_ail_stop(struct dx_mount *mp);
bool dx_ail_is_empty(struct dx_mount *mp);

/* trans.c */
int dx_trans_commit_one(struct dx_trans *tp, bool regrant);	/* no deferred work left */
void dx_trans_release_items(struct dx_trans *tp, bool abort);

/* defer.c */
void dx_defer_cancel(struct dx_trans *tp);

/* buf_item.c */
bool dx_buf_item_is_held(struct dx_log_item *lip);	/* bhold in the current transaction */
void dx_buf_item_relog(struct dx_trans *tp, struct dx_buf *bp);	/* dirty again without new changes */

/* intent.c */
#define DX_EMPTY_CKPT_BYTES	(4 * (u32)sizeof(struct dx_op_header) + (u32)sizeof(struct dx_trans_header) + \
				 (u32)sizeof(struct dx_efi_log_format) + (u32)sizeof(struct dx_log_extent))
struct dx_intent;
u64 dx_intent_new_id(void);
struct dx_intent *dx_intent_log(struct dx_trans *tp, const struct dx_defer_type *type, struct list_head *works, u32 n);
struct dx_intent *dx_intent_relog(struct dx_trans *tp, struct dx_intent *old);
void dx_intent_done(struct dx_trans *tp, struct dx_intent *in);
void dx_intent_release(struct dx_intent *in);
bool dx_intent_is_old(struct dx_intent *in);
u32 dx_intent_relog_bytes(const struct dx_intent *in);
struct dx_intent *dx_intent_recovered(struct dx_mount *mp);
int dx_intent_works(struct dx_intent *in, const struct dx_defer_type **typep, struct list_head *works);
void dx_intent_claim(struct dx_intent *in);
bool dx_intent_holds_tail(struct dx_mount *mp);

#endif /* DX_LOG_INT_H */
