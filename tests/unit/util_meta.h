/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The metadata on a volume, block by block, for tests that damage it: where each kind
 * lies, where its common fields are, and the pointers in it.
 */
#ifndef UTIL_META_H
#define UTIL_META_H

#include "host.h"
#include "dx_mount.h"

enum { T_SB, T_AGF, T_AGI, T_AGFL, T_BNO, T_CNT, T_INO, T_FINO, T_RMAP, T_REFC, T_BMBT, T_DIRB, T_DIRD, T_DIRF, T_LEAF1, T_LEAFN, T_NODE,
	T_ATTR, T_RMT, T_SYM, T_DINODE, T_MAX };
struct meta_type { const char *name; u16 crc, uuid, owner, blkno; };	/* byte offsets of fields */
extern const struct meta_type meta_types[T_MAX];

struct meta_target { u64 off; u32 len; };	/* bytes on the device */
extern struct meta_target *meta_targets[T_MAX];
extern u32 nmeta_targets[T_MAX];
void meta_find(struct dx_mount *mp);		/* what is on the device of a mounted volume */

void meta_put(u8 *b, u32 at, u32 width, u64 v);	/* big-endian fields */
u64 meta_get(const u8 *b, u32 at, u32 width);
void meta_fix_crc(int type, u8 *b, u32 len);

/* What a pointer counts in. */
enum meta_space { P_AGBNO, P_FSBNO, P_AGINO, P_DABLK, P_EXTENT, P_OWNER32, P_OWNER64 };
struct meta_link { u32 at; u8 space; };
/* The pointers in a block, root levels and all; at most @max of them, spread over the block. */
u32 meta_links(int type, const u8 *b, u32 len, struct meta_link *l, u32 max, u64 *rnd);
u64 meta_link_get(const u8 *b, const struct meta_link *l);
void meta_link_set(u8 *b, const struct meta_link *l, u64 v);
u64 meta_name(enum meta_space space, u64 off);	/* the block or inode at a byte of the device, as such a pointer has it */

#endif /* UTIL_META_H */
