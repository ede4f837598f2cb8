/* SPDX-License-Identifier: GPL-2.0-only */
/* What util_model.c, util_ops.c and util_verify.c share. */
#ifndef UTIL_MODEL_INT_H
#define UTIL_MODEL_INT_H

#include "dx_dir.h"
#include "dx_bmap.h"

enum {
	OP_CREATE, OP_MKDIR, OP_SYMLINK, OP_LINK, OP_UNLINK, OP_RMDIR, OP_RENAME, OP_EXCHANGE, OP_TMPFILE, OP_RELEASE,
	OP_WRITE, OP_TRUNC, OP_ALLOC, OP_PUNCH, OP_COLLAPSE, OP_INSERT, OP_SETX, OP_RMX, OP_SETATTR, OP_FSYNC,
	OP_FORCE, OP_PUSH, OP_PRESSURE, OP_PAUSE, OP_MAX
};
struct op {
	int kind;
	u32 dir, name, id;		/* the entry concerned and what it names */
	u32 dir2, name2, id2;		/* rename; id2 = 0: none (0 is the top, never a target) */
	u32 blk, n;
	u64 size;
	umode_t mode;
	u32 len, seed, xname;
	u32 wid;			/* rename: whiteout left behind, or 0 */
	u8 nsp;
	bool flag;
};

int um_name(int i, char *buf);		/* name i of a file, at most 255 bytes and a NUL; returns its length */
int um_xname(int i, char *buf);		/* name i of an attribute, likewise */
void um_fill(u8 *p, u32 len, u32 seed);	/* bytes that follow from the seed */
void um_target(char *p, u32 len, u32 seed);	/* letters that follow from the seed, and a NUL */
int um_do_op(struct um_user *u, const struct op *o);

static inline u32 rnd(struct um_user *u, u32 n) { return n ? uv_rand(&u->rnd) % n : 0; }

#endif /* UTIL_MODEL_INT_H */
