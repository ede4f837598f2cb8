/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A log as transactions, items and regions: taken apart, built, and written anew with checksums that are right.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include "util_vol.h"
#include "dx_recover.h"

#define UL_CYCLE	100		/* of the logs that are written: ahead of all that is on the volume */
#define UL_MAX_LOG	(4u << 20)	/* bytes of records, if not told otherwise */

/* ---- memory: all of it goes at once ---- */

#define UL_ARENA_BYTES	(256u << 20)
extern size_t ul_arena_used;		/* set it back to forget what has been got since */
void *ul_get(size_t n);
void *ul_dup_of(const void *from, size_t n);
/* One more element behind a[0..n). */
#define UL_GROW(a, n)	((a) = memcpy(ul_get(((n) + 1) * sizeof(*(a))), (a) ? (void *)(a) : "", (n) * sizeof(*(a))))

/* ---- a log, taken apart ---- */

struct ul_region { u32 len; u8 *p; };		/* p belongs to the arena */
struct ul_item { u32 n; struct ul_region *r; };
struct ul_trans { u32 tid; bool commit; u8 head[sizeof(struct dx_trans_header)] __aligned(8); u32 n; struct ul_item *it; };
struct ul_log { u32 n; struct ul_trans *t; };

/* The volume whose log is written: where that is; the address of the last block, which is free. */
extern u64 ul_log_off, ul_log_bytes, ul_last_block;
extern u32 ul_block_bytes;
void ul_attach(struct dx_mount *mp);
int ul_read(struct dx_mount *mp, struct ul_log *l);	/* a dirty log, from tail to head */
u16 ul_type_of(const struct ul_item *it);

/* ---- and put together ---- */

struct ul_op { struct dx_op_header h; const u8 *p; u32 len; };	/* h.oh_len may lie */
struct ul_out {
	u32 cap;			/* of a record's body */
	u32 max;			/* bytes of records; 0: UL_MAX_LOG */
	bool as32;			/* as a 32-bit machine: places as if it were not */
	bool whole;			/* no region is split */
	u32 nops, nrec;
	struct ul_op *op;
	u8 *buf;
	u32 bytes;
	/* changes of a header: which record, which field */
	u32 bad_rec, bad_off, bad_width;
	u64 bad_value;
};

void ul_flatten(struct ul_out *o, const struct ul_log *l);	/* o->cap and its like are set */
void ul_put_op(struct ul_out *o, u32 tid, u8 flags, const void *p, u32 len);
void ul_write_records(struct ul_out *o);
void ul_poke_log(const struct ul_out *o);	/* over an empty one */
void ul_empty_log(void);	/* of the cycle before */
void ul_set_field(u8 *p, u32 width, u64 v, bool be);

/* ---- items of all types ---- */

struct ul_trans *ul_new_trans(struct ul_log *l, u32 tid);
struct ul_item *ul_new_item(struct ul_trans *t);
u8 *ul_new_region(struct ul_item *it, u32 len);	/* zeroes */
u8 *ul_intent(struct ul_trans *t, u16 type, u32 len, u64 id);	/* type, number of regions, then the id where intents have it */
u8 *ul_dquot(struct ul_trans *t, u32 id, u8 d_flags, dx_daddr_t block, u64 limit);	/* its format */

#endif /* UTIL_LOG_H */
