/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replaying the log: what an item that was found in it means to the disk.  Each kind says so in the file that also logs it.  Who
 * finds the log's ends, reads it, takes transactions apart, checks each item's shape and calls these is above, in the room that
 * mounts.
 *
 * Context: mount, one thread; nothing else uses the volume.  No locks but those of the buffers.
 */
#ifndef DX_REPLAY_H
#define DX_REPLAY_H

#include "dx_log.h"
#include <linux/rbtree.h>

/* Longest region of any item: the contents of the largest buffer. */
#define DX_MAX_REGION_BYTES	(64 * 1024)
/* Most regions of any item: the format, and each chunk of the largest buffer by itself. */
#define DX_MAX_REGIONS		(1 + DX_MAX_REGION_BYTES / DX_BLF_CHUNK)

struct dx_rregion {
	void	*addr;
	u32	len;
	u32	room;			/* of the allocation: a region that comes in parts grows */
};
struct dx_ritem {
	struct list_head	list;
	u16			type;
	u16			total, cnt;	/* regions announced, regions seen */
	struct dx_rregion	*r;		/* [total] */
};

struct dx_rcancel;
struct dx_rintent;
struct dx_rlook;
struct dx_replay_above;
#define DX_RECOVER_HASH		64
enum dx_rpass {
	DX_PASS_SCAN = 1,	/* collect cancels and intents, find what we cannot do; first */
	DX_PASS_REPLAY,		/* last, and the only one that writes */
};
struct dx_recovery {
	struct dx_mount		*mp;
	const struct dx_log_head *head;
	const struct dx_replay_above *above;
	enum dx_rpass		pass;
	struct list_head	trans[DX_RECOVER_HASH];		/* begun, by tid */
	u32			ntrans;
	u64			held_bytes;	/* memory of what they hold */
	u64			dblocks;	/* size of the volume at the end of the log: as far as we have read */
	struct rb_root		cancels;	/* freed buffers, by address and length */
	struct rb_root		intents;	/* begun, not done: by type and id */
	u64			nintents;	/* intents met in this pass */
	u32			nsame;		/* intents of an id that was not done yet */
	struct list_head	looks[DX_RECOVER_HASH];		/* copies of blocks, by daddr */
	struct list_head	bufs;		/* replayed into, to be written */
	struct list_head	torn;		/* the same, but not before the end */
	dx_lsn_t		bufs_lsn;	/* of the transactions in bufs */
	u8			quota_off;	/* DX_DQ_*: accounting that ends in this log */
	bool			owners_change;	/* blocks of btrees become another inode's in this log (DX_ILOG_DOWNER) */
	u32			nitems;		/* replayed */
};

/* One kind of log item. */
struct dx_ritem_ops {
	u16		type;
	u8		order;		/* within a transaction: see replay.c */
	const char	*name;
	/* either may be NULL: nothing to do */
	int		(*pass1)(struct dx_recovery *rc, struct dx_ritem *it);
	int		(*pass2)(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);
};
#define DX_RORDER_BUFFER	0
#define DX_RORDER_ITEM		1
#define DX_RORDER_INODE_BUF	2
#define DX_RORDER_CANCEL	3
#define DX_RORDER_MAX		4

/* What replay asks of those above it. */
struct dx_replay_block { u8 type; u32 magic; const struct dx_buf_ops *ops; };	/* enum dx_blft; 0: any; how it is verified */
struct dx_replay_above {
	const struct dx_replay_block *blocks;		/* all kinds that are logged; a zero ->ops ends it */
	const struct dx_buf_ops	*cluster;		/* of inodes */
	/* a logged piece of a cluster, of which only the unlinked pointers count */
	int	(*unlinked)(struct dx_recovery *rc, struct dx_buf *bp, u32 off, const char *src, u32 len);
};

/* ---- buffers: replay.c ---- */
int dx_replay_bad(struct dx_recovery *rc, const char *what, u64 where);		/* says so; -EFSCORRUPTED */
int dx_buf_note(struct dx_recovery *rc, struct dx_ritem *it);
int dx_buf_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);
int dx_replay_cluster(struct dx_recovery *rc, struct dx_buf *bp);
bool dx_replay_is_newer(struct dx_buf *bp, dx_lsn_t lsn);
void dx_replay_changed(struct dx_recovery *rc, struct dx_buf *bp, dx_lsn_t lsn);
bool dx_replay_cancelled(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb);
void dx_replay_rewind(struct dx_recovery *rc);
int dx_replay_flush(struct dx_recovery *rc, bool all);		/* stamp and write rc->bufs */
void dx_replay_free_tables(struct dx_recovery *rc);

/* ---- intents and done items: intent.c ---- */
int dx_intent_note(struct dx_recovery *rc, struct dx_ritem *it);
int dx_intent_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);
int dx_intent_done_note(struct dx_recovery *rc, struct dx_ritem *it);
int dx_intent_done_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);
unsigned int dx_intents_left(struct dx_recovery *rc, u16 *foreign);
void dx_intents_forget(struct dx_recovery *rc);

/* ---- looking ahead: replay_look.c ---- */
/* A block as replay is going to leave it. */
struct dx_rlook {
	struct list_head	list;
	struct dx_buf		*bp;		/* not in the cache */
	const struct dx_buf_ops	*ops;
};
int dx_look_add(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb, const struct dx_buf_ops *ops);
struct dx_rlook *dx_look_find(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb);
int dx_look_get(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb, struct dx_buf **bpp);
void dx_look_free_all(struct dx_recovery *rc);
int dx_buf_look(struct dx_recovery *rc, const struct dx_ritem *it, dx_lsn_t lsn);

#endif /* DX_REPLAY_H */
