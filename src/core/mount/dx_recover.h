/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of log recovery share: recover.c (records: find, read, check),
 * recover_pass.c (transactions out of records), recover_check.c (what an item may look like),
 * recover_item.c, recover_dquot.c (what each means).  mount.c opens the log with it.
 */
#ifndef DX_RECOVER_H
#define DX_RECOVER_H

#include "dx_log.h"
#include "dx_open.h"
#include <linux/rbtree.h>

/* ---- opening the log: log_open.c ---- */
int dx_log_mount(struct dx_mount *mp);		/* find head and tail, recover (phase 1), start */
int dx_log_begin_writing(struct dx_mount *mp);	/* clean log, before the first transaction that is ours */
int dx_log_process_unlinked(struct dx_mount *mp);	/* free inodes that nobody can reach */
int dx_log_mount_finish(struct dx_mount *mp);	/* finish intents and unlinked inodes; after icache and root are up */
int dx_recover_find(struct dx_mount *mp, struct dx_log_head *h);	/* head and tail; verifies; does not write */
int dx_recover_replay(struct dx_mount *mp, struct dx_log_head *h);	/* both passes; intents kept for finish */
int dx_recover_finish(struct dx_mount *mp);		/* intents, then unlinked lists */
void dx_recover_cancel(struct dx_mount *mp);

int dx_iunlink_process_all(struct dx_mount *mp);		/* recovery: free every inode on every bucket */

/* ---- reading the log: recover.c ---- */

struct dx_log_reader {
	struct dx_mount	*mp;
	u32		size_bb;	/* of the log */
	u32		win_start, win_bb;	/* what buf holds */
	char		*buf;
};
int dx_log_reader_init(struct dx_log_reader *r, struct dx_mount *mp);
void dx_log_reader_done(struct dx_log_reader *r);

/* A record in memory. */
struct dx_record {
	u32		block;		/* of its header, bb */
	u32		cycle;
	dx_lsn_t	lsn, tail_lsn;
	u32		hdr_bb, body_bb;
	u32		size_bytes;	/* h_size: of the writer's record buffers */
	u32		len_bytes;	/* of the body */
	u32		nops;
	__le32		crc;
	char		*buf;		/* headers, then body; room for the largest record */
};
int dx_record_alloc(struct dx_record *rec);
void dx_record_free(struct dx_record *rec);
int dx_record_header(struct dx_log_reader *r, u32 block, struct dx_record *rec, const char **why);
int dx_record_read(struct dx_log_reader *r, struct dx_record *rec);	/* header known: body, raw */
bool dx_record_crc_ok(const struct dx_record *rec);
void dx_record_unpack(struct dx_record *rec);	/* put back what the cycle numbers replaced */
static inline u32 dx_record_bb(const struct dx_record *rec) { return rec->hdr_bb + rec->body_bb; }
static inline char *dx_record_body(struct dx_record *rec) { return rec->buf + ((size_t)rec->hdr_bb << DX_BBSHIFT); }

/* ---- replaying: recover_pass.c, recover_item.c ---- */

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
#define DX_RECOVER_HASH		64
enum dx_rpass {
	DX_PASS_SCAN = 1,	/* collect cancels and intents, find what we cannot do; first */
	DX_PASS_LOOK,		/* replay into copies of some blocks; as often as needed */
	DX_PASS_REPLAY,		/* last, and the only one that writes */
};
struct dx_recovery {
	struct dx_mount		*mp;
	const struct dx_log_head *head;
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
	u32			nitems;		/* replayed */
};

/* One kind of log item. */
struct dx_ritem_ops {
	u16		type;
	u8		order;		/* within a transaction: see recover_item.c */
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
const struct dx_ritem_ops *dx_ritem_ops(u16 type);
unsigned int dx_ritem_order(const struct dx_ritem_ops *ops, const struct dx_ritem *it);
int dx_recover_flush(struct dx_recovery *rc, bool all);	/* stamp and write rc->bufs */
int dx_recover_check_intents(struct dx_recovery *rc);	/* after the first pass */
unsigned int dx_recover_count_intents(struct dx_recovery *rc);
void dx_recover_rewind(struct dx_recovery *rc);
void dx_recover_free_tables(struct dx_recovery *rc);
int dx_recover_pass(struct dx_recovery *rc, enum dx_rpass pass);	/* from tail to head */

bool dx_recover_cancelled(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb);

/* ---- quota: recover_dquot.c ---- */

int dx_quotaoff_pass1(struct dx_recovery *rc, struct dx_ritem *it);
bool dx_dquot_buf_is_off(const struct dx_recovery *rc, const struct dx_buf_log_format *f);
int dx_dquot_pass2(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);

/* ---- looking ahead: recover_look.c ---- */

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
int dx_ritem_look(struct dx_recovery *rc, const struct dx_ritem *it, dx_lsn_t lsn);

/* ---- what the log is going to leave decides whether it may be replayed: gate.c ---- */

int dx_gate_superblock(struct dx_recovery *rc);
int dx_gate_leftovers(struct dx_recovery *rc);

/* ---- what an item may look like: recover_check.c ---- */

u32 dx_ritem_max_regions(u16 type);
void dx_ritem_note_growth(struct dx_recovery *rc, const struct dx_ritem *it);
int dx_ritem_check(struct dx_recovery *rc, struct dx_ritem *it, const char *name);

#endif /* DX_RECOVER_H */
