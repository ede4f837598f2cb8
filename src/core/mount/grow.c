// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume grows, shrinks, or gets another label, while it is in use.
 *
 * Its size on disk changes with one transaction, so a crash leaves it with the old size or with the new one.  The steps of growing:
 *
 *  1. The AGs that come are written, and are durable, before anything names them.
 *  2. The transaction: the last AG that there was gets as long as it can be, and the superblock has the new size.
 *     When it is committed, these two headers and the superblock stay locked.
 *  3. The headers, then the superblock go to their places on disk.  So a log that has anything in the new blocks is
 *     found on a volume that has them: kernels that take the size for the replay from the superblock as it is there, as all before
 *     6.13, would not recover it otherwise.  Nor may the superblock be first: AG headers in the log that are from before would be
 *     too short for it.
 *  4. In memory: the AGs are there, the counters have their free blocks, and the headers are unlocked.
 *  5. The copies of the superblock (sb_copies.c), which the next mount sees to if it does not come to that.
 *
 * Until step 4 everybody sees the old size, and nobody is given a new block.  What depends on the size is read
 * where it is needed (dx_geom.h), or set in step 4.
 *
 * Shrinking takes blocks from the end of the last AG, as stock XFS does; no AG goes as a whole.  They must be free.  It has the
 * same steps but for the first: the transaction allocates the blocks, which are then in nobody's hands and behind the end.  What
 * has been there may be in the log still, freed further on; replay knows that such blocks were once inside (recover_check.c).
 *
 * Lock order: grow_mutex, then a transaction; AGI, AGF, superblock (L1).
 */
#include "dx_open.h"
#include "dx_alloc.h"

struct growth {
	struct dx_mount	*mp;
	u64		dblocks;	/* wanted */
	dx_agno_t	agcount;
	s32		by;		/* fsblocks that the last AG of now gets longer; negative: shorter */
	struct dx_ags	*ags;		/* with those that come */
	struct dx_perag	*last;		/* of now */
	struct dx_buf	*agi, *agf;	/* its headers if its length changes; locked from commit to step 4 */
};

/* ---- what is asked for ---- */

/* Is the last sector of the volume there? */
static int check_device(struct dx_mount *mp, u64 dblocks)
{
	u64 have = dx_plat_size_bb(mp->bdev);
	struct dx_io io = {
		.op = DX_IO_READ, .flags = DX_IOF_META | DX_IOF_SYNC, .bdev = mp->bdev, .len_bytes = mp->sb.sectsize,
	};
	int error;

	if (dblocks > dx_bb_to_fsbt(mp, have)) {
		dx_warn(mp, "cannot grow to %llu blocks: the device has room for %llu", (unsigned long long)dblocks,
			(unsigned long long)dx_bb_to_fsbt(mp, have));
		return -EIO;
	}
	io.daddr_bb = dx_fsb_to_bb(mp, dblocks) - (1u << mp->sectbb_log);
	io.data = kmalloc(io.len_bytes, GFP_KERNEL);
	if (!io.data)
		return -ENOMEM;
	error = dx_plat_io_wait(&io);
	kfree(io.data);
	if (error)
		dx_warn(mp, "cannot grow to %llu blocks: the last of them cannot be read: error %d",
			(unsigned long long)dblocks, error);
	return error;
}

/* Which AGs there will be.  A rest that makes no AG is left unused. */
static int plan(struct growth *g, u64 dblocks)
{
	struct dx_mount *mp = g->mp;
	u32 agblocks = mp->sb.agblocks, rest;
	u64 agcount;
	int error;

	if (dblocks > dx_dblocks(mp)) {
		error = check_device(mp, dblocks);
		if (error)
			return error;
	}
	agcount = div_u64_rem(dblocks, agblocks, &rest);
	if (rest >= DX_MIN_AG_BLOCKS)
		agcount++;
	else
		dblocks -= rest;
	if (agcount < dx_agcount(mp) || (dblocks < dx_dblocks(mp) && agcount == 1)) {
		dx_warn(mp, "cannot shrink to %llu blocks: an AG cannot be removed as a whole, nor a volume of one AG shrink; the last one begins at %llu and needs %u",
			(unsigned long long)dblocks, (unsigned long long)(dx_agcount(mp) - 1) * agblocks, DX_MIN_AG_BLOCKS);
		return -EINVAL;
	}
	if (agcount >= DX_NULLAGNO || dx_ino_bits(mp, agcount) > DX_MAX_INO_BITS) {
		dx_warn(mp, "cannot grow to %llu AGs: inode numbers would be too long", (unsigned long long)agcount);
		return -EFBIG;
	}
	g->dblocks = dblocks;
	g->agcount = agcount;
	g->last = dx_perag(mp, dx_agcount(mp) - 1);
	g->by = (s32)min_t(u64, dblocks - (u64)g->last->agno * agblocks, agblocks) - (s32)g->last->length;
	return 0;
}

/* ---- the steps ---- */

static int write_new_ags(struct growth *g)
{
	struct dx_mount *mp = g->mp;
	dx_agno_t agno = dx_agcount(mp);
	struct dx_dsb *sb;
	void *buf;
	int error = -ENOMEM;

	g->ags = dx_ags_more(mp, g->agcount, g->dblocks);
	if (!g->ags || agno == g->agcount)
		return g->ags ? 0 : -ENOMEM;
	sb = kmalloc(mp->sb.sectsize, GFP_KERNEL);
	buf = kvmalloc(dx_fsb_to_b(mp, dx_ag_new_blocks(mp)), GFP_KERNEL);
	if (!sb || !buf)
		goto out;
	/* of the old size, as all the others until step 5: the last one must not be right before them */
	dx_sb_copy(mp, sb);
	for (; agno < g->agcount; agno++) {
		error = dx_ag_write_new(mp, g->ags->ag[agno], sb, buf);
		if (error) {
			dx_warn(mp, "cannot write AG %u: error %d: the volume does not grow", agno, error);
			goto out;
		}
	}
	error = dx_plat_flush(mp->bdev);
out:
	kvfree(buf);
	kfree(sb);
	return error;
}

static int change_size(struct growth *g)
{
	struct dx_mount *mp = g->mp;
	struct dx_dsb *d = mp->sb_bp->b_addr;
	u32 less = g->by < 0 ? -g->by : 0;
	struct dx_trans *tp;
	int error;

	error = dx_trans_alloc(mp, DX_RESV_GROWDATA, less, DX_TRANS_SYNC, &tp);
	if (error == -ENOSPC)
		dx_warn(mp, "cannot shrink to %llu blocks: fewer are free", (unsigned long long)g->dblocks);
	if (error)
		return error;
	if (less)
		error = dx_ag_shorten(tp, g->last, less, &g->agi, &g->agf);
	else if (g->by)
		error = dx_ag_lengthen(tp, g->last, g->by, &g->agi, &g->agf);
	if (error > 0) {
		/* a free list may have been filled, which is right */
		g->agi = g->agf = NULL;
		dx_warn(mp, "cannot shrink to %llu blocks: there is something behind that", (unsigned long long)g->dblocks);
		return dx_trans_commit(tp) ?: -ENOSPC;
	}
	if (!error)
		error = dx_log_sb(tp);
	if (error) {
		g->agi = g->agf = NULL;
		dx_trans_cancel(tp);
		return error;
	}
	/* in memory it is step 4 */
	d->sb_dblocks = cpu_to_be64(g->dblocks);
	d->sb_agcount = cpu_to_be32(g->agcount);
	if (g->by) {
		dx_trans_keep_buf(tp, g->agi);
		dx_trans_keep_buf(tp, g->agf);
	}
	dx_trans_keep_buf(tp, mp->sb_bp);
	error = dx_trans_commit(tp);
	if (error)
		dx_buf_leave(mp->sb_bp);
	return error;
}

/* The superblock is locked, and is not afterwards.  What fails here is tried again until it succeeds: the log has it. */
static int put_in_place(struct growth *g)
{
	struct dx_mount *mp = g->mp;
	int error = 0;

	if (g->by) {
		error = dx_buf_bwrite(g->agi);
		if (!error)
			error = dx_buf_bwrite(g->agf);
		if (!error)
			error = dx_plat_flush(mp->bdev);
	}
	if (!error)
		error = dx_buf_bwrite(mp->sb_bp);
	if (!error)
		error = dx_plat_flush(mp->bdev);
	return error;
}

static void show(struct growth *g)
{
	struct dx_mount *mp = g->mp;
	dx_agno_t agno;
	u64 blocks = 0;

	for (agno = dx_agcount(mp); agno < g->agcount; agno++)
		blocks += dx_ag_new_perag(g->ags->ag[agno]);
	if (g->by > 0)
		blocks += g->by - dx_agresv_lengthened(g->last, g->by);
	else if (g->by)
		dx_agresv_shortened(g->last);
	mutex_lock(&mp->sb_mutex);
	WRITE_ONCE(mp->sb.dblocks, g->dblocks);
	mp->sb.agcount = g->agcount;
	dx_ags_publish(mp, g->ags);
	g->ags = NULL;
	dx_set_maxicount(mp);
	mutex_unlock(&mp->sb_mutex);
	dx_set_inode_ags(mp);
	dx_counters_grown(mp, blocks, dx_alloc_set_aside(mp));
	dx_buf_leave(mp->sb_bp);
}

/* What was freed just now of the blocks that go may be free for good in a moment. */
static int let_go(struct growth *g)
{
	struct dx_mount *mp = g->mp;
	u32 less = -g->by;

	if (dx_busy_wait(mp, g->last->agno, g->last->length - less, less))
		return 0;
	if (dx_is_shutdown(mp))
		return -EIO;
	if (dx_plat_killed())
		return -EINTR;
	dx_warn(mp, "cannot shrink to %llu blocks: what is behind that is in use again and again", (unsigned long long)g->dblocks);
	return -ENOSPC;
}

static int grow(struct dx_mount *mp, u64 dblocks)
{
	struct growth g = { .mp = mp };
	unsigned int nofs;
	int error;

	error = plan(&g, dblocks);
	if (error || g.dblocks == dx_dblocks(mp))
		return error;
	error = write_new_ags(&g);
	if (!error && g.by < 0)
		error = let_go(&g);
	/* headers are locked beyond the end of the transaction: reclaim must not come back for them */
	nofs = memalloc_nofs_save();
	if (!error)
		error = change_size(&g);
	if (!error) {
		error = put_in_place(&g);
		show(&g);
	}
	if (g.agf)
		dx_buf_leave(g.agf);
	if (g.agi)
		dx_buf_leave(g.agi);
	memalloc_nofs_restore(nofs);
	dx_ags_drop(g.ags);
	return error;
}

static int set_imax_pct(struct dx_mount *mp, u32 imax_pct)
{
	struct dx_trans *tp;
	int error;

	if (imax_pct > 100)
		return -EINVAL;
	error = dx_trans_alloc(mp, DX_RESV_SB, 0, DX_TRANS_SYNC, &tp);
	if (error)
		return error;
	dx_sb_join(tp);
	mutex_lock(&mp->sb_mutex);
	mp->sb.imax_pct = imax_pct;
	dx_set_maxicount(mp);
	mutex_unlock(&mp->sb_mutex);
	error = dx_log_sb(tp);
	if (error)
		dx_trans_cancel(tp);
	else
		error = dx_trans_commit(tp);
	dx_set_inode_ags(mp);
	return error;
}

/**
 * dx_grow_data - make the data section larger, or the last AG shorter
 * @mp: the mount, in use
 * @dblocks: fsblocks that it shall have; a rest that is too short for an AG is not used
 * @imax_pct: percent of it that inodes may take, 0: all
 *
 * First the one, then the other, as far as they change; durable at return.
 *
 * Return: 0; -EWOULDBLOCK while it grows or gets a label already, -EINVAL (smaller by an AG, more than 100 percent), -ENOSPC (the
 * blocks that would go are in use, or set aside), -EIO (the device ends before; or an error of it, which may have come when the
 * volume had grown already), -EINTR (killed), -EFBIG, -EROFS, -ENOMEM.
 */
int dx_grow_data(struct dx_mount *mp, u64 dblocks, u32 imax_pct)
{
	int error = 0;

	if (!mutex_trylock(&mp->grow_mutex))
		return -EWOULDBLOCK;
	if (dx_is_readonly(mp))
		error = -EROFS;
	else if (imax_pct != mp->sb.imax_pct)
		error = set_imax_pct(mp, imax_pct);
	if (!error && dblocks != dx_dblocks(mp))
		error = grow(mp, dblocks);
	if (!error)
		error = dx_sb_copies_write(mp);
	mutex_unlock(&mp->grow_mutex);
	return error;
}

/* ---- the label ---- */

/**
 * dx_set_label - give the volume another label
 * @mp: the mount, in use
 * @label: filled up with zeroes
 *
 * It is in its place on disk at return, for those who look there without us, and in all copies.
 *
 * Return: 0, -EROFS, -EIO, -ENOMEM.
 */
int dx_set_label(struct dx_mount *mp, const char label[12])
{
	struct dx_trans *tp;
	int error;

	mutex_lock(&mp->grow_mutex);
	error = dx_trans_alloc(mp, DX_RESV_SB, 0, DX_TRANS_SYNC, &tp);
	if (error)
		goto out;
	dx_sb_join(tp);
	mutex_lock(&mp->sb_mutex);
	memcpy(mp->sb.fname, label, sizeof(mp->sb.fname));
	mutex_unlock(&mp->sb_mutex);
	error = dx_log_sb(tp);
	if (error) {
		dx_trans_cancel(tp);
		goto out;
	}
	dx_trans_keep_buf(tp, mp->sb_bp);
	error = dx_trans_commit(tp);
	if (!error)
		error = dx_buf_bwrite(mp->sb_bp);
	dx_buf_leave(mp->sb_bp);
	if (!error)
		error = dx_plat_flush(mp->bdev);
	if (!error)
		error = dx_sb_copies_write(mp);
out:
	mutex_unlock(&mp->grow_mutex);
	return error;
}

/**
 * dx_get_label - the label of the volume
 * @mp: the mount
 * @label: filled up with zeroes
 */
void dx_get_label(struct dx_mount *mp, char label[12])
{
	mutex_lock(&mp->sb_mutex);
	memcpy(label, mp->sb.fname, sizeof(mp->sb.fname));
	mutex_unlock(&mp->sb_mutex);
}
