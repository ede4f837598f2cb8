/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of log recovery share: recover.c (records: find, read, check),
 * recover_pass.c (transactions out of records), recover_check.c (what an item may look like),
 * recover_item.c (who replays it), recover_dquot.c.  What an item means is said where it is logged: dx_replay.h.
 */
#ifndef DX_RECOVER_H
#define DX_RECOVER_H

#include "dx_replay.h"
#include "dx_open.h"

/* ---- opening the log: log_open.c ---- */
int dx_log_mount(struct dx_mount *mp);		/* find head and tail, recover (phase 1), start */
int dx_log_process_unlinked(struct dx_mount *mp);	/* free inodes that nobody can reach */
int dx_log_mount_finish(struct dx_mount *mp);	/* finish intents and unlinked inodes; after icache and root are up */
int dx_recover_find(struct dx_mount *mp, struct dx_log_head *h);	/* head and tail; verifies; does not write */
int dx_recover_replay(struct dx_mount *mp, struct dx_log_head *h);	/* both passes; intents kept for finish */
int dx_recover_finish(struct dx_mount *mp);		/* intents, then unlinked lists */
void dx_recover_cancel(struct dx_mount *mp);

/* ---- which stripe to align to: stripe.c ---- */
int dx_stripe_check(struct dx_mount *mp);	/* the options, before anything is written */
void dx_stripe_adopt(struct dx_mount *mp);	/* after replay */
int dx_stripe_write(struct dx_mount *mp);	/* to the superblock, when the mount writes */

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
bool dx_record_is_native(const struct dx_record *rec);
bool dx_record_crc_ok(const struct dx_record *rec);
void dx_record_unpack(struct dx_record *rec);	/* put back what the cycle numbers replaced */
static inline u32 dx_record_bb(const struct dx_record *rec) { return rec->hdr_bb + rec->body_bb; }
static inline char *dx_record_body(struct dx_record *rec) { return rec->buf + ((size_t)rec->hdr_bb << DX_BBSHIFT); }

/* ---- replaying: recover_pass.c, recover_item.c ---- */
const struct dx_ritem_ops *dx_ritem_ops(u16 type);
unsigned int dx_ritem_order(const struct dx_ritem_ops *ops, const struct dx_ritem *it);
int dx_recover_check_intents(struct dx_recovery *rc);	/* after the first pass */
int dx_recover_pass(struct dx_recovery *rc, enum dx_rpass pass);	/* from tail to head */
extern const struct dx_replay_above dx_replay_above;

/* ---- quota: recover_dquot.c ---- */

int dx_quotaoff_pass1(struct dx_recovery *rc, struct dx_ritem *it);
int dx_dquot_pass2(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);

/* ---- what the log is going to leave decides whether it may be replayed: gate.c ---- */

int dx_gate_superblock(struct dx_recovery *rc);

/* ---- what an item may look like: recover_check.c ---- */

u32 dx_ritem_max_regions(u16 type);
void dx_ritem_note_growth(struct dx_recovery *rc, const struct dx_ritem *it);
int dx_ritem_check(struct dx_recovery *rc, struct dx_ritem *it, const char *name);

#endif /* DX_RECOVER_H */
