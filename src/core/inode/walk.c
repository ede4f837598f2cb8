// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chunks of inodes, one after the other, as the inobt has them.
 *
 * Under the AGI lock records are collected, and their clusters' reads started; then the lock goes, and what was collected is
 * told.  The lock is why a read cannot meet somebody else's data: a chunk that goes away takes its buffers first, and waits for
 * those that are being read.
 */
#include "dx_walk.h"
#include "dx_alloc.h"

#define WALK_BATCH	64

/* Start reading the clusters of a chunk that have inodes of interest; AGI locked. */
static void read_ahead(struct dx_mount *mp, dx_agno_t agno, dx_agino_t startino, u64 used)
{
	u32 step = min_t(u32, mp->icluster_inos, DX_INODES_PER_CHUNK), i;
	u64 mask = step < DX_INODES_PER_CHUNK ? (1ULL << step) - 1 : ~0ULL;

	for (i = 0; i < DX_INODES_PER_CHUNK; i += step) {
		struct dx_buf_map map = {
			.daddr = dx_agb_to_daddr(mp, agno, dx_agino_to_agbno(mp, startino + i)), .len_bb = mp->icluster_bb,
		};

		if (used & mask << i)
			dx_buf_readahead(mp, &map, 1, &dx_inode_buf_ops);
	}
}

/*
 * Collect chunks of an AG, from the one that @agino is in or the next, until @want inodes are found.  *more: there may be others
 * behind them.
 */
static int gather(struct dx_walk *w, dx_agno_t agno, dx_agino_t agino, u64 want, struct dx_ichunk *found, int *nr, bool *more)
{
	struct dx_mount *mp = w->mp;
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agibp;
	int stat, error;
	u64 seen = 0;

	*nr = 0;
	error = dx_ialloc_read_agi(mp, NULL, agno, &agibp);
	if (error)
		return error;
	cur = dx_inobt_cursor(mp, NULL, agibp, agno, DX_BTNUM_INO);
	cur->rec.inobt.startino = agino;
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	if (!error && !stat)
		error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	while (!error && stat && *nr < WALK_BATCH && (!want || seen < want)) {
		u64 used;

		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		used = dx_inobt_alloc_mask(rec.inobt.holemask) & ~rec.inobt.free;
		if (rec.inobt.startino + (DX_INODES_PER_CHUNK - 1) >= agino) {
			dx_ino_t first = dx_agino_to_ino(mp, agno, rec.inobt.startino);

			/* or a tree that goes round in circles would be walked for ever */
			if (*nr && first <= found[*nr - 1].first) {
				error = dx_corrupt(mp, "inobt", agibp->b_daddr, "AG %u: chunk %u comes after a later one",
						   agno, rec.inobt.startino);
				break;
			}
			if (rec.inobt.startino < agino && (w->flags & DX_WALK_TRIM))
				used &= ~((1ULL << (agino - rec.inobt.startino)) - 1);
			if (w->flags & DX_WALK_READAHEAD)
				read_ahead(mp, agno, rec.inobt.startino, used);
			found[*nr].first = first;
			found[*nr].used = used;
			++*nr;
			seen += hweight64(used);
		}
		error = dx_btree_increment(cur, 0, &stat);
	}
	*more = stat;
	dx_btree_del_cursor(cur, error);
	dx_buf_leave(agibp);
	return error;
}

/**
 * dx_ichunk_walk - tell each chunk of inodes, in the order of their numbers
 * @w: what is wanted.  ->start may be any number: of no inode, in the middle of a chunk, beyond the volume.  ->fn is called without
 *	locks
 *
 * A chunk is told once, as it was at some time of the walk, even if chunks come and go.
 *
 * Return: 0: there are no more; what ->fn returned; -ENOMEM, -EIO, -EFSCORRUPTED.
 */
int dx_ichunk_walk(struct dx_walk *w)
{
	struct dx_mount *mp = w->mp;
	u64 agno = w->start >> mp->agino_log, told = 0;
	dx_agino_t agino = dx_ino_to_agino(mp, w->start);
	struct dx_ichunk *found;
	int error = 0, n, i;
	bool more;

	found = kvmalloc_array(WALK_BATCH, sizeof(*found), GFP_KERNEL);
	if (!found)
		return -ENOMEM;
	for (; agno < dx_agcount(mp); agno++, agino = 0) {
		do {
			error = gather(w, agno, agino, w->want > told ? w->want - told : !!w->want, found, &n, &more);
			if (error)
				goto out;
			for (i = 0; i < n; i++) {
				error = w->fn(w, &found[i]);
				if (error)
					goto out;
				told += hweight64(found[i].used);
			}
			if (n)
				agino = dx_ino_to_agino(mp, found[n - 1].first) + DX_INODES_PER_CHUNK;
			cond_resched();
		} while (n && more);
		if (w->flags & DX_WALK_ONE_AG)
			break;
	}
out:
	kvfree(found);
	return error;
}

struct each { int (*fn)(struct dx_mount *mp, dx_ino_t ino, void *data); void *data; };

static int each_inode(struct dx_walk *w, const struct dx_ichunk *c)
{
	struct each *e = w->data;
	u64 used = c->used;
	int error = 0;

	for (; used && !error; used &= used - 1)
		error = e->fn(w->mp, c->first + __ffs64(used), e->data);
	return error;
}

/**
 * dx_inobt_walk - call a function for each allocated inode, in order of number
 * @mp: mount
 * @start: first number of interest
 * @fn: called without locks, so the inode may be gone by then; an error (any non-zero) stops and is returned
 * @data: for @fn
 */
int dx_inobt_walk(struct dx_mount *mp, dx_ino_t start, int (*fn)(struct dx_mount *mp, dx_ino_t ino, void *data),
		  void *data)
{
	struct each e = { fn, data };
	struct dx_walk w = { .mp = mp, .start = start, .flags = DX_WALK_TRIM, .fn = each_inode, .data = &e };

	return dx_ichunk_walk(&w);
}
