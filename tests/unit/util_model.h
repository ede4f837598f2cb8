/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A plain model of a file tree, random operations on it and on a mounted
 * volume, and the comparison of both.
 *
 * Several users work at once, each in a directory of its own; of each the
 * model keeps the state after every operation.  After a crash the tree of a
 * user must be one of these: at least as late as the last one that was forced, and at
 * most the one that the operation under way leads to.  The content of blocks
 * is exact, too, except of those that were overwritten in place since
 * the last fsync of their file: they hold something that was written to this file.
 */
#ifndef UTIL_MODEL_H
#define UTIL_MODEL_H

#include "util_vol.h"

#define UM_USERS	4
#define UM_IDS		4096		/* inodes that one user ever makes */
#define UM_NAMES	220
#define UM_XNAMES	24
#define UM_BLOCKS	400		/* file blocks at most */

struct um_ent { u16 id, name; };
struct um_xattr { u16 name; u8 nsp; u32 len, seed, crc; };
struct um_inode {			/* shared by the states between which it does not change */
	int ref;
	u16 id, parent;			/* parent: of directories */
	umode_t mode;
	u32 nlink, uid;
	u64 size;
	u32 nents, nx, nblk;
	struct um_ent *ents;
	struct um_xattr *x;
	u32 *tag;			/* of each block; 0 = zeroes */
	u32 tgt_len, tgt_seed;
	u32 last_op, last_dop;		/* operation that changed it; its data or size */
};
struct um_state { u32 n; struct um_inode *ino[]; };

struct um_user {
	int id;
	struct dx_mount *mp;
	u64 rnd;
	struct um_state **st;		/* st[k]: after k operations */
	u32 cap, done, forced;
	bool busy;			/* st[done + 1] is under way */
	u16 *moved;			/* moved[k]: the operation to st[k] moves contents of this file about, in many transactions
					 * of which a crash may leave any number; 0: none */
	u32 next_id, seq;
	dx_ino_t fsino[UM_IDS];
	struct dx_inode *held[UM_IDS];	/* open although unlinked */
	u8 *weak[UM_IDS];		/* blocks overwritten in place since the last fsync; [UM_BLOCKS]: all; [UM_BLOCKS + 1]: they moved */
	u32 fsynced[UM_IDS];		/* operations done when the file was last synced */
	int error;			/* that ended it */
	u32 nops;
	const char *what;		/* the last operation */
};
extern struct um_user um_users[UM_USERS];
extern int um_nusers;
extern bool um_calm;			/* no memory pressure, pushes or pauses among the operations */
extern bool um_small;			/* short names and attributes: a light load */
extern bool um_full;			/* -ENOSPC is part of the game */
extern int um_trace;
extern u64 um_count[32];		/* operations done, by kind */
const char *um_opname(int op);

void um_reset(int nusers);		/* empty trees */
int um_attach(struct dx_mount *mp, bool create);	/* find (or make) the users' directories, learn inode numbers */
void um_rebase(u64 seed);		/* forget history: the present state is the first one */
void um_save(void);			/* keep the present as ... */
void um_load(u64 seed);			/* ... where runs begin */
int um_run(struct dx_mount *mp, u32 nops, int nfibers);	/* operations of every user, each a fiber when nfibers > 1 */
void um_drop_held(void);
/* Read the whole volume and compare.  exact: with the last states; else any that a crash may leave. */
int um_verify(struct dx_mount *mp, bool exact);
int um_walk(struct dx_mount *mp, unsigned long *nodes);	/* read everything, believe nothing: -errno of the first error */

#endif /* UTIL_MODEL_H */
