// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stat knows, of many inodes: bulkstat; and which numbers are in use: inumbers.
 *
 * The inobt says which inodes there are; each is then got as a number from outside is, which asks the inobt again, so one that was
 * freed in between is passed over, and one that was made anew under its number is told as that.  No AGI is locked then.  What was
 * read for this alone leaves memory at once.
 */
#include "dx_walk.h"
#include "dx_alloc.h"

/**
 * dx_is_internal_ino - is it one of the filesystem's own files?
 * @mp: mount
 * @ino: any number
 *
 * They are in the inobt, and nobody's files: no number from outside may lead to one.
 */
bool dx_is_internal_ino(struct dx_mount *mp, dx_ino_t ino)
{
	const struct dx_sb *sb = &mp->sb;

	return ino == sb->rbmino || ino == sb->rsumino ||
	       ino == sb->uquotino || ino == sb->gquotino || ino == sb->pquotino;
}

/**
 * dx_istat - what stat knows of an inode
 * @mp: mount
 * @ino: any number
 * @st: out, as it was at one time; of the size and times what is on disk or logged
 *
 * ILOCK not held: taken shared.  Return: 0; -EINVAL: no inode, or an internal one; -ENOENT: a free one; -EFSCORRUPTED, -EIO,
 * -ENOMEM.
 */
int dx_istat(struct dx_mount *mp, dx_ino_t ino, struct dx_istat *st)
{
	struct dx_inode *ip;
	int error;

	if (dx_is_internal_ino(mp, ino))
		return -EINVAL;
	error = dx_iget_shared(mp, ino, DX_IGET_UNTRUSTED | DX_IGET_DONTCACHE, NULL, &ip);
	if (error)
		return error;
	dx_inode_seen(ip);
	memset(st, 0, sizeof(*st));
	st->ino = ino;
	st->d = ip->d;
	st->format = ip->df.format;
	st->extents = ip->df.nextents;
	if (ip->af) {
		st->has_attr = true;
		st->attr_extents = ip->af->nextents;
	}
	if (st->format == DX_DINODE_FMT_EXTENTS || st->format == DX_DINODE_FMT_BTREE)
		st->blocks = ip->d.nblocks + ip->delayed_blks;
	dx_iunlock(ip, DX_ILOCK_SHARED);
	dx_idrop(ip);
	return 0;
}

struct bulk_ctx {
	struct dx_bulk	*b;
	int		(*inode)(void *ctx, const struct dx_istat *st);
	int		(*chunk)(void *ctx, const struct dx_ichunk *c);
	void		*ctx;
};

static int tell_inodes(struct dx_walk *w, const struct dx_ichunk *c)
{
	struct bulk_ctx *bc = w->data;
	u64 used = c->used;

	for (; used; used &= used - 1) {
		dx_ino_t ino = c->first + __ffs64(used);
		struct dx_istat st;
		int ret = dx_istat(w->mp, ino, &st);

		if (!ret)
			ret = bc->inode(bc->ctx, &st);
		else if (ret == -ENOENT || ret == -EINVAL)
			ret = 0;
		if (ret < 0)
			return ret;
		bc->b->next = ino + 1;
		if (ret)
			return ret;
	}
	return 0;
}

static int tell_chunk(struct dx_walk *w, const struct dx_ichunk *c)
{
	struct bulk_ctx *bc = w->data;
	int ret = bc->chunk(bc->ctx, c);

	if (ret >= 0)
		bc->b->next = c->first + DX_INODES_PER_CHUNK;
	return ret;
}

/**
 * dx_bulk_inodes - tell of each inode what stat knows
 * @b: ->next: the first number of interest, whatever it is; moved on.  ->flags: DX_WALK_ONE_AG.  ->most: inodes that will be
 *	told before @fn stops
 * @fn: called without locks; > 0: that was the last one; < 0: it was not told
 * @ctx: for @fn
 *
 * Return: >= 0: what @fn returned at last, 0 if there are no more; -errno: ->next is behind the last one that was told.
 */
int dx_bulk_inodes(struct dx_bulk *b, int (*fn)(void *ctx, const struct dx_istat *st), void *ctx)
{
	struct bulk_ctx bc = { .b = b, .inode = fn, .ctx = ctx };
	struct dx_walk w = {
		.mp = b->mp, .start = b->next, .flags = (b->flags & DX_WALK_ONE_AG) | DX_WALK_TRIM | DX_WALK_READAHEAD,
		.want = b->most, .fn = tell_inodes, .data = &bc,
	};

	return dx_ichunk_walk(&w);
}

/**
 * dx_bulk_chunks - tell of each chunk of inodes which of them are allocated
 * @b: as of dx_bulk_inodes(); the first chunk is the one that ->next is in, and told as a whole
 * @fn: called without locks; > 0: that was the last one; < 0: it was not told
 * @ctx: for @fn
 *
 * Return: as dx_bulk_inodes().
 */
int dx_bulk_chunks(struct dx_bulk *b, int (*fn)(void *ctx, const struct dx_ichunk *c), void *ctx)
{
	struct bulk_ctx bc = { .b = b, .chunk = fn, .ctx = ctx };
	struct dx_walk w = {
		.mp = b->mp, .start = b->next, .flags = b->flags & DX_WALK_ONE_AG, .fn = tell_chunk, .data = &bc,
	};

	return dx_ichunk_walk(&w);
}
