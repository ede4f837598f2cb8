// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unlinked lists at mount: freeing the inodes that a crash left on them, or an end that failed.
 *
 * Freeing an inode is a chain of transactions, and an error in the middle of one shuts the filesystem down.  A damaged
 * inode would so keep the whole volume from being mounted, at every mount again.  So each inode is looked at first,
 * without a transaction: whether all of it can be read, and whether what it wants to free is in use.
 * One that does not pass, or cannot be read at all but for its place on the list, stays there, and the others leave one by one:
 * DX_I_KEEP, which it has from when it was read, is not taken from it.  One with links may have a name, and stays, too: older
 * kernels put a nameless file there with a link on disk, and take that back in memory.  What is
 * damaged elsewhere (free space trees) that look cannot see: then the shutdown is taken back by mounting once more, without freeing
 * anything (dx_mount_open()).
 *
 * One inode at a time, the next when the worker is done with it: what two of them claim, the second one does not free.
 *
 * Context: mount, or remount before there are writers.  Source: "Unlinked Pointer".
 */
#include "dx_inode_item.h"
#include "dx_bmap.h"
#include "dx_alloc.h"
#include "dx_attr.h"
#include "dx_recover.h"

/* ---- can it be freed? ---- */

/* Every block that a fork maps is in use, or -EFSCORRUPTED. */
static int check_fork(struct dx_inode *ip, int whichfork)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_mount *mp = ip->mp;
	struct dx_iext_cur cur;
	struct dx_irec rec;
	bool more, free;
	int error;

	if (!f || (f->format != DX_DINODE_FMT_EXTENTS && f->format != DX_DINODE_FMT_BTREE))
		return 0;
	error = dx_iread_extents(NULL, ip, whichfork);
	if (error)
		return error;
	for (more = dx_iext_first(&f->ext, &cur, &rec); more; more = dx_iext_next(&f->ext, &cur, &rec)) {
		if (!dx_irec_is_real(&rec))
			continue;
		error = dx_alloc_any_free(mp, rec.startblock, rec.blockcount, &free);
		if (error)
			return error;
		if (free)
			return dx_corrupt(mp, "inode", ip->imap.daddr, "0x%llx maps free blocks at 0x%llx",
					  (unsigned long long)ip->ino, (unsigned long long)rec.startblock);
		cond_resched();
	}
	return 0;
}

static int see_attr(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	return 0;
}

static int check_freeable(struct dx_inode *ip)
{
	struct dx_imap imap;
	int error;

	/* does the inobt know it as allocated? */
	error = dx_imap(ip->mp, NULL, ip->ino, true, &imap);
	if (error == -EINVAL || error == -ENOENT)
		error = dx_corrupt(ip->mp, "inode", ip->imap.daddr, "0x%llx is on an unlinked list and free in the inobt",
				   (unsigned long long)ip->ino);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	error = check_fork(ip, DX_DATA_FORK);
	if (!error)
		error = check_fork(ip, DX_ATTR_FORK);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	if (!error && ip->af)
		error = dx_attr_list(ip, NULL, see_attr, NULL);
	return error;
}

/* ---- lists ---- */

/* A list that cannot be walked: forget it.  Its inodes are lost until xfs_repair finds them. */
static void clear_bucket(struct dx_mount *mp, dx_agno_t agno, int bucket)
{
	struct dx_trans *tp;
	struct dx_buf *agibp;
	int error;

	dx_warn(mp, "unlinked list %d of AG %u is broken; its inodes stay allocated, run xfs_repair", bucket, agno);
	error = dx_trans_alloc(mp, DX_RESV_CLEARAGI, 0, 0, &tp);
	if (error)
		return;
	error = dx_agi_read(mp, tp, agno, &agibp);
	if (error) {
		dx_trans_cancel(tp);
		return;
	}
	dx_iunlink_set_bucket(tp, agibp, bucket, DX_NULLAGINO);
	dx_trans_commit(tp);
}

static void must_stay(struct dx_mount *mp, dx_ino_t ino, int error)
{
	dx_warn(mp, "unlinked inode 0x%llx cannot be freed: error %d; it stays, run xfs_repair", (unsigned long long)ino, error);
}

/* -EFSCORRUPTED: the list is broken.  An inode that must stay breaks it not, as long as it says what is behind it. */
static int process_bucket(struct dx_mount *mp, dx_agno_t agno, int bucket, dx_agino_t agino, u32 *steps)
{
	struct dx_ring_watch watch = { 0 };
	dx_agino_t prev = 0;
	struct dx_inode *ip;
	int error;

	while (agino != DX_NULLAGINO) {
		dx_agino_t cur = agino;

		if (dx_is_shutdown(mp))
			return -EIO;
		if (!*steps || dx_ring_closed(&watch, cur) || !dx_agino_ok(mp, agno, cur))
			return -EFSCORRUPTED;
		--*steps;
		error = dx_iget(mp, NULL, dx_agino_to_ino(mp, agno, cur), 0, &ip);
		if (error == -EFSCORRUPTED && !dx_unlinked_next(mp, agno, cur, &agino)) {
			must_stay(mp, dx_agino_to_ino(mp, agno, cur), error);
			prev = cur;
			continue;
		}
		if (error)
			return error;
		if (ip->d.nlink) {
			dx_warn(mp, "inode 0x%llx is on an unlinked list and has links (as O_TMPFILE leaves it on kernels before 5.1): it stays, run xfs_repair",
				(unsigned long long)ip->ino);
			prev = cur;
			agino = ip->d.next_unlinked;
			dx_idrop(ip);
			continue;
		}
		/* read before the reference goes: then the worker takes it off the list */
		agino = ip->d.next_unlinked;
		ip->prev_unlinked = prev;
		clear_bit(DX_I_RECOVERY, &ip->i_flags);
		error = check_freeable(ip);
		if (error) {
			must_stay(mp, ip->ino, error);
			set_bit(DX_I_KEEP, &ip->i_flags);
			prev = cur;
		} else {
			clear_bit(DX_I_KEEP, &ip->i_flags);
		}
		dx_idrop(ip);
		dx_icache_flush_inactive(mp);
		cond_resched();
	}
	return 0;
}

static int process_ag(struct dx_mount *mp, dx_agno_t agno)
{
	u32 heads[DX_AGI_UNLINKED_BUCKETS], steps;
	struct dx_buf *agibp;
	struct dx_agi *agi;
	int bucket, error;

	error = dx_agi_read(mp, NULL, agno, &agibp);
	if (error)
		return error;
	agi = agibp->b_addr;
	for (bucket = 0; bucket < DX_AGI_UNLINKED_BUCKETS; bucket++)
		heads[bucket] = be32_to_cpu(agi->agi_unlinked[bucket]);
	steps = be32_to_cpu(agi->agi_count);
	dx_buf_leave(agibp);

	for (bucket = 0; bucket < DX_AGI_UNLINKED_BUCKETS; bucket++) {
		if (heads[bucket] == DX_NULLAGINO)
			continue;
		error = process_bucket(mp, agno, bucket, heads[bucket], &steps);
		if (dx_is_shutdown(mp))
			return -EIO;
		/* a list that only could not be read now is there for the next mount */
		if (error == -EFSCORRUPTED)
			clear_bucket(mp, agno, bucket);
		else if (error)
			dx_warn(mp, "unlinked list %d of AG %u: error %d; the next mount frees its inodes", bucket, agno,
				error);
	}
	return 0;
}

/**
 * dx_iunlink_process_all - free every inode that a crash, or an end that failed, left on an unlinked list
 * @mp: mount, log clean or replayed, DX_OP_RECOVERING set, intents finished
 *
 * What cannot be freed stays, with a warning; a broken list is cut off; the others are not held up.
 *
 * Return: 0; -EIO after a shutdown, with DX_OP_UNLINKED_FAILED set.
 */
int dx_iunlink_process_all(struct dx_mount *mp)
{
	dx_agno_t agno;
	int error;

	if (test_bit(DX_OP_KEEP_UNLINKED, &mp->opstate)) {
		dx_warn(mp, "unlinked files are left on their lists: run xfs_repair");
		return 0;
	}
	for (agno = 0; agno < dx_agcount(mp) && !dx_is_shutdown(mp); agno++) {
		error = process_ag(mp, agno);
		if (error && !dx_is_shutdown(mp))
			dx_warn(mp, "unlinked files of AG %u are not freed: error %d; run xfs_repair", agno, error);
	}
	if (!dx_is_shutdown(mp))
		return 0;
	set_bit(DX_OP_UNLINKED_FAILED, &mp->opstate);
	return -EIO;
}
