/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks over all inodes of a volume, in the order of their numbers, as the inobt has them: nothing that comes from outside is
 * believed but as a place to begin.  No lock is held while what a walk finds is told, so that may be old by then; an inode that has
 * been told has been there.
 */
#ifndef DX_WALK_H
#define DX_WALK_H

#include "dx_inode.h"

/* 64 numbers of one chunk; @used: those that are allocated, the lowest bit is @first */
struct dx_ichunk { dx_ino_t first; u64 used; };

/* ---- chunks: walk.c ---- */
#define DX_WALK_ONE_AG		(1u << 0)	/* no further than the AG in which it begins */
#define DX_WALK_READAHEAD	(1u << 1)	/* start reading the inodes */
#define DX_WALK_TRIM		(1u << 2)	/* ->used without those below the beginning */
struct dx_walk {
	struct dx_mount	*mp;
	dx_ino_t	start;
	u32		flags;
	u64		want;	/* inodes; chunks that are not needed for that many are not looked at ahead; 0: all */
	int		(*fn)(struct dx_walk *w, const struct dx_ichunk *c);	/* non-zero stops the walk */
	void		*data;	/* for ->fn */
};
int dx_ichunk_walk(struct dx_walk *w);
int dx_inobt_walk(struct dx_mount *mp, dx_ino_t start, int (*fn)(struct dx_mount *mp, dx_ino_t ino, void *data), void *data);

/* ---- what stat knows, of many: bulk.c ---- */
struct dx_istat {
	dx_ino_t	ino;
	struct dx_icore	d;
	u64		blocks;		/* fsblocks, delayed ones too; 0 if what is in it is in the inode itself */
	u64		extents;	/* of data, on disk */
	u32		attr_extents;
	u8		format;		/* enum dx_dinode_fmt */
	bool		has_attr;	/* an attribute fork, empty or not */
};
bool dx_is_internal_ino(struct dx_mount *mp, dx_ino_t ino);
int dx_istat(struct dx_mount *mp, dx_ino_t ino, struct dx_istat *st);
/* Where the next one begins, moved over what was told and what was found to be gone. */
struct dx_bulk { struct dx_mount *mp; dx_ino_t next; u32 flags; u64 most; };
int dx_bulk_inodes(struct dx_bulk *b, int (*fn)(void *ctx, const struct dx_istat *st), void *ctx);
int dx_bulk_chunks(struct dx_bulk *b, int (*fn)(void *ctx, const struct dx_ichunk *c), void *ctx);

#endif /* DX_WALK_H */
