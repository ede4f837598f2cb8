// SPDX-License-Identifier: GPL-2.0-only
/*
 * Summary counters of the volume: free blocks, inodes, free inodes, and the reserve pool.
 *
 * The percpu counters are the truth while mounted.  mp->fdblocks does not contain the
 * reserve pool (resblks_avail), what transactions have reserved, nor what
 * delayed allocation holds.  It may be taken down to alloc_set_aside + allocbt_blks, which belong to the allocator
 * (free lists and btree splits) and to nobody else.
 *
 * The pool lets an operation that frees space proceed on a full volume: it may be drawn from by
 * callers that say so, and is refilled first when blocks come back.
 *
 * Any context that may sleep or not: the only lock is resv_lock, innermost.
 */
#include "dx_sb.h"

#define FDBLOCKS_BATCH		1024
#define FDBLOCKS_PLENTY		(32 * FDBLOCKS_BATCH)
#define RESERVE_MAX_BLOCKS	8192

/**
 * dx_counters_init - make the counters, all zero
 * @mp: the mount
 *
 * Return: 0 or -ENOMEM.
 */
int dx_counters_init(struct dx_mount *mp)
{
	struct percpu_counter *c[] = { &mp->icount, &mp->ifree, &mp->fdblocks };
	int i, error;

	spin_lock_init(&mp->resv_lock);
	atomic64_set(&mp->delalloc_resv, 0);
	for (i = 0; i < DX_HELD_NR; i++)
		atomic64_set(&mp->held[i], 0);
	mp->resblks = mp->resblks_avail = 0;
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		error = percpu_counter_init(c[i], 0, GFP_KERNEL);
		if (error) {
			while (i--)
				percpu_counter_destroy(c[i]);
			return error;
		}
	}
	return 0;
}

/**
 * dx_counters_destroy - free the counters
 * @mp: the mount
 */
void dx_counters_destroy(struct dx_mount *mp)
{
	WARN_ON_ONCE(atomic64_read(&mp->delalloc_resv) && !dx_is_shutdown(mp));
	percpu_counter_destroy(&mp->fdblocks);
	percpu_counter_destroy(&mp->ifree);
	percpu_counter_destroy(&mp->icount);
}

/**
 * dx_counters_set - start with what superblock or AG headers say
 * @mp: the mount, nothing running; the reserve pool is empty
 * @icount: inodes allocated
 * @ifree: of these, free
 * @fdblocks: free fsblocks
 */
void dx_counters_set(struct dx_mount *mp, u64 icount, u64 ifree, u64 fdblocks)
{
	percpu_counter_set(&mp->icount, icount);
	percpu_counter_set(&mp->ifree, ifree);
	percpu_counter_set(&mp->fdblocks, fdblocks);
}

/*
 * Counted as free, but not to be given away: the allocator's set-aside, and
 * what the free space btrees are made of.
 */
static s64 untouchable(struct dx_mount *mp)
{
	return READ_ONCE(mp->alloc_set_aside) + atomic64_read(&mp->allocbt_blks);
}

/* Blocks come back: the pool first. */
static void give_back(struct dx_mount *mp, u64 blocks)
{
	u64 missing;

	if (READ_ONCE(mp->resblks_avail) < READ_ONCE(mp->resblks)) {
		spin_lock(&mp->resv_lock);
		missing = mp->resblks > mp->resblks_avail ? mp->resblks - mp->resblks_avail : 0;
		missing = min(missing, blocks);
		mp->resblks_avail += missing;
		blocks -= missing;
		spin_unlock(&mp->resv_lock);
	}
	if (blocks)
		percpu_counter_add_batch(&mp->fdblocks, blocks, FDBLOCKS_BATCH);
}

/* One taker after the other: what is there goes to the first who fits, and nobody sees another's that is about to go back. */
static int take_exactly(struct dx_mount *mp, u64 blocks, bool use_reserve)
{
	int error = 0;

	spin_lock(&mp->resv_lock);
	if (percpu_counter_sum(&mp->fdblocks) - untouchable(mp) >= (s64)blocks)
		percpu_counter_add_batch(&mp->fdblocks, -(s64)blocks, 1);
	else if (use_reserve && mp->resblks_avail >= blocks)
		mp->resblks_avail -= blocks;
	else
		error = -ENOSPC;
	spin_unlock(&mp->resv_lock);
	return error;
}

/**
 * dx_mod_fdblocks - take or give back free blocks
 * @mp: the mount
 * @delta: fsblocks; negative takes
 * @use_reserve: may draw on the reserve pool when there is nothing else
 *
 * While there is plenty a few blocks are taken without a look at who else takes some.  Near the end, and for much
 * at once, takers wait for each other, and the percpu counter is summed exactly: ENOSPC comes with the last
 * block and not before, to nobody whose blocks were there.
 *
 * Return: 0, or -ENOSPC and nothing taken.
 */
int dx_mod_fdblocks(struct dx_mount *mp, s64 delta, bool use_reserve)
{
	if (delta >= 0) {
		if (delta)
			give_back(mp, delta);
		return 0;
	}
	if (-delta <= FDBLOCKS_BATCH &&
	    __percpu_counter_compare(&mp->fdblocks, untouchable(mp) + FDBLOCKS_PLENTY, FDBLOCKS_BATCH) > 0) {
		percpu_counter_add_batch(&mp->fdblocks, delta, FDBLOCKS_BATCH);
		if (__percpu_counter_compare(&mp->fdblocks, untouchable(mp), FDBLOCKS_BATCH) >= 0)
			return 0;
		/* so many others at this very moment: back with it */
		percpu_counter_add_batch(&mp->fdblocks, -delta, FDBLOCKS_BATCH);
	}
	return take_exactly(mp, -delta, use_reserve);
}

/**
 * dx_mod_icount - change the number of allocated inodes
 * @mp: the mount
 * @delta: by how many
 */
void dx_mod_icount(struct dx_mount *mp, s64 delta)
{
	percpu_counter_add(&mp->icount, delta);
}

/**
 * dx_mod_ifree - change the number of free inodes
 * @mp: the mount
 * @delta: by how many
 */
void dx_mod_ifree(struct dx_mount *mp, s64 delta)
{
	percpu_counter_add(&mp->ifree, delta);
}

/**
 * dx_reserve_set - set the size of the reserve pool
 * @mp: the mount
 * @blocks: wanted size, fsblocks
 *
 * When fewer blocks are free the pool takes what there is, and the rest as blocks come back.
 *
 * Return: 0.
 */
int dx_reserve_set(struct dx_mount *mp, u64 blocks)
{
	s64 free, take;
	u64 excess = 0;
	int tries = 8;

	/* "All there is", as -1: more could never be given back, and nothing freed would ever be seen again. */
	blocks = min(blocks, dx_dblocks(mp));
	spin_lock(&mp->resv_lock);
	if (mp->resblks_avail > blocks) {
		excess = mp->resblks_avail - blocks;
		mp->resblks_avail = blocks;
	}
	mp->resblks = blocks;
	take = blocks - mp->resblks_avail;
	spin_unlock(&mp->resv_lock);
	if (excess)
		percpu_counter_add(&mp->fdblocks, excess);

	while (take > 0 && tries--) {
		free = percpu_counter_sum(&mp->fdblocks) - untouchable(mp);
		if (free <= 0)
			break;
		take = min(take, free);
		/* somebody else may have been faster: look again */
		if (dx_mod_fdblocks(mp, -take, false))
			continue;
		spin_lock(&mp->resv_lock);
		mp->resblks_avail += take;
		excess = mp->resblks_avail > mp->resblks ? mp->resblks_avail - mp->resblks : 0;
		mp->resblks_avail -= excess;
		spin_unlock(&mp->resv_lock);
		if (excess)
			percpu_counter_add(&mp->fdblocks, excess);
		break;
	}
	return 0;
}

/**
 * dx_counters_grown - the volume has more blocks
 * @mp: the mount
 * @blocks: free ones that it has more, without what AGs have set aside
 * @set_aside: what the allocator keeps of all from now on: no more of it is new than @blocks
 *
 * Both at once: nobody is told that there is nothing because one came before the other, nor given what is kept.  A
 * reserve pool that could not be filled takes its part first; its size stays.
 */
void dx_counters_grown(struct dx_mount *mp, u64 blocks, u64 set_aside)
{
	u64 keep, pool;

	spin_lock(&mp->resv_lock);
	keep = min(set_aside - mp->alloc_set_aside, blocks);
	pool = min(mp->resblks > mp->resblks_avail ? mp->resblks - mp->resblks_avail : 0, blocks - keep);
	mp->resblks_avail += pool;
	percpu_counter_add_batch(&mp->fdblocks, blocks - pool, 1);
	WRITE_ONCE(mp->alloc_set_aside, set_aside);
	spin_unlock(&mp->resv_lock);
}

/**
 * dx_reserve_default - set the reserve pool to its usual size
 * @mp: the mount
 */
void dx_reserve_default(struct dx_mount *mp)
{
	dx_reserve_set(mp, min_t(u64, div_u64(dx_dblocks(mp), 20), RESERVE_MAX_BLOCKS));
}

/**
 * dx_mount_statfs - what statfs(2) reports
 * @mp: the mount
 * @st: result; blocks in fsblocks, without the log and what is set aside
 *
 * Inodes are made on demand: the free blocks count as inodes, too, up to imax_pct.
 */
void dx_mount_statfs(struct dx_mount *mp, struct dx_statfs *st)
{
	s64 icount = percpu_counter_sum_positive(&mp->icount);
	s64 ifree = percpu_counter_sum_positive(&mp->ifree);
	s64 free = percpu_counter_sum_positive(&mp->fdblocks) - untouchable(mp);
	u64 possible, most = READ_ONCE(mp->maxicount);

	st->blocks = dx_dblocks(mp) - mp->sb.logblocks;
	st->bfree = free > 0 ? free : 0;
	st->bavail = st->bfree;
	possible = icount + (st->bfree << mp->sb.inopblog);
	if (most)
		possible = min(possible, most);
	st->files = max_t(u64, possible, icount);
	st->ffree = st->files - (icount - min(ifree, icount));
}
