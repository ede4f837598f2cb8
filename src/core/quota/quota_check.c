// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counting anew what everybody uses, when nobody knows.
 *
 * At mount, before anything is charged: accounting is new, or a mount without it has changed the volume.  All inodes are
 * walked, each record's usage is set to what they add up to, and only then, with all that in the log, the superblock says that
 * usage has been counted.  A crash before that leaves it to the next mount.
 *
 * Context: mount and remount; nobody else changes anything.
 */
#include "dx_quota_int.h"
#include "dx_walk.h"

struct check {
	u16	want;		/* _ACCT of the kinds that are counted */
	u64	inodes;
	bool	missed;		/* an inode could not be counted */
};

/* A record that an inode has been counted for keeps a reference until all is written. */
static int count_one(struct dx_mount *mp, enum dx_qtype t, u32 id, u64 blocks)
{
	struct dx_dquot *dq;
	int error = dx_dq_get(mp, t, id, DX_DQ_MAKE, &dq);
	bool first;

	if (error)
		return error;
	first = !dq->seen_ino;
	dq->seen_ino++;
	dq->seen_blk += blocks;
	if (!first)
		dx_dq_put(dq);
	return 0;
}

static int count_inode(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	struct check *c = data;
	struct dx_inode *ip;
	u32 id[DX_QTYPES];
	u64 blocks;
	int t, error;

	if (dx_is_quota_file(mp, ino))
		return 0;
	/* an unlinked one that could not be freed is charged to its owners until it is */
	error = dx_iget(mp, NULL, ino, DX_IGET_DONTCACHE | DX_IGET_LEFT_OVER, &ip);
	if (error == -ENOENT || error == -EFSCORRUPTED) {	/* nothing that is usable; xfs_repair will say what it is */
		c->missed = true;
		return 0;
	}
	if (error)
		return error;
	/* What a crash has left past its end goes when it leaves memory: before it is counted, or not before it is read again. */
	if (ip->d.nlink && dx_inode_spare_past_eof(ip) && dx_free_eofblocks(ip))
		clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
	dx_ilock(ip, DX_ILOCK_SHARED);
	id[DX_QUSER] = ip->d.uid;
	id[DX_QGROUP] = ip->d.gid;
	id[DX_QPROJ] = ip->d.projid;
	blocks = ip->d.nblocks;
	dx_iunlock(ip, DX_ILOCK_SHARED);
	dx_idrop(ip);
	c->inodes++;
	for (t = 0; t < DX_QTYPES && !error; t++)
		if (c->want & dx_qkinds[t].acct)
			error = count_one(mp, t, id[t], blocks);
	return error;
}

static void forget(struct dx_dquot *dq)
{
	dq->seen_blk = dq->seen_ino = 0;
}

/* After an error: what has been counted is nothing.  Callable twice for one record. */
static void release(struct dx_mount *mp)
{
	struct dx_quotas *qc = mp->quotas;
	struct dx_dquot *dq, *found;
	struct rhashtable_iter iter;

	do {
		found = NULL;
		rhashtable_walk_enter(&qc->table, &iter);
		rhashtable_walk_start(&iter);
		while (!found && (dq = rhashtable_walk_next(&iter)))
			if (!IS_ERR(dq) && dq->seen_ino)
				found = dq;
		rhashtable_walk_stop(&iter);
		rhashtable_walk_exit(&iter);
		if (found) {		/* it has a reference: that of the count */
			forget(found);
			dx_dq_put(found);
		}
	} while (found);
}

/* One record is what was counted; and has limits and timers to match. */
static int write_one(struct dx_dquot *dq)
{
	struct dx_mount *mp = dq->mp;
	struct dx_dqres blk, ino;
	struct dx_trans *tp;
	bool same;
	int error;

	spin_lock(&dq->lock);
	blk = dq->blk;
	ino = dq->ino;
	dq->blk.count = dq->blk.held = dq->seen_blk;
	dq->ino.count = dq->ino.held = dq->seen_ino;
	dx_dq_adjust(dq);
	same = !memcmp(&blk, &dq->blk, sizeof(blk)) && !memcmp(&ino, &dq->ino, sizeof(ino));
	spin_unlock(&dq->lock);
	if (same)
		return 0;
	error = dx_trans_alloc(mp, DX_RESV_QUOTA_SET, 0, 0, &tp);
	if (error)
		return error;
	down(&dq->commit);
	dx_dq_join(tp, dq);
	return dx_trans_commit(tp);
}

static int write_block(struct dx_mount *mp, enum dx_qtype t, u32 first)
{
	u32 i, n = dx_dq_per_block(mp);
	int error = 0;

	for (i = 0; i < n && first + i >= first && !error; i++) {
		struct dx_dquot *dq;
		bool seen;

		error = dx_dq_get(mp, t, first + i, 0, &dq);
		if (error)
			break;
		error = write_one(dq);
		seen = dq->seen_ino;
		if (seen && !error) {
			forget(dq);
			dx_dq_put(dq);
		}
		dx_dq_put(dq);
	}
	return error;
}

static int write_all(struct dx_mount *mp, enum dx_qtype t)
{
	u32 per = dx_dq_per_block(mp), id = 0;
	int error;

	for (;;) {
		error = dx_dq_next_block(mp, t, &id);
		id = id / per * per;
		if (!error)
			error = write_block(mp, t, id);
		if (error || id + per < id)
			break;
		id += per;
		/* nobody else needs them now */
		dx_quota_scan(mp, per);
		cond_resched();
	}
	return error == -ENOENT ? 0 : error;
}

/**
 * dx_quota_check - count usage anew
 * @mp: the mount; quota files open and mended, default limits known, nothing charged
 * @want: _ACCT of kinds
 * @exact: out: every inode has been counted
 *
 * What it has found is in the log on disk when it returns.
 *
 * Return: 0, -ENOSPC (for new records), -EIO, -EFSCORRUPTED.
 */
int dx_quota_check(struct dx_mount *mp, u16 want, bool *exact)
{
	struct check c = { .want = want };
	int t, error;

	dx_info(mp, "quota usage is being counted: please wait");
	error = dx_inobt_walk(mp, 0, count_inode, &c);
	for (t = 0; t < DX_QTYPES && !error; t++)
		if (want & dx_qkinds[t].acct)
			error = write_all(mp, t);
	release(mp);
	if (!error)
		error = dx_log_force(mp, true);
	if (!error && c.missed)
		dx_warn(mp, "some inodes are damaged, and not in the usage of anybody: run xfs_repair");
	if (!error)
		dx_info(mp, "quota usage of %llu inodes counted", (unsigned long long)c.inodes);
	*exact = !error && !c.missed;
	return error;
}
