// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inode writeback: from in-core inodes into their cluster buffer, and what
 * happens when that buffer has been written, has failed, or was freed.
 *
 * DX_I_FLUSHING is set from before the copy until the buffer's write is
 * over; it keeps the inode in memory and a second copy away.  Only committed, unpinned state is
 * copied (write-ahead rule), with the LSN of its log item, which tells
 * recovery to leave newer disk contents alone.
 *
 * Lock order: cluster buffer, then ILOCK by trylock only (a transaction
 * takes them the other way round), then ip->i_lock, then the AIL's lock.
 */
#include "dx_inode_item.h"
#include "dx_fork.h"
#include "dx_alloc.h"

/* Would this inode pass verification when it is read again?  A core gone wrong must not reach the disk. */
static const char *core_bad(struct dx_inode *ip)
{
	const struct dx_icore *d = &ip->d;
	u64 anext = ip->af ? ip->af->nextents : 0;
	umode_t mode = d->mode;

	if (!mode)
		return NULL;
	if (S_ISREG(mode) && ip->df.format != DX_DINODE_FMT_EXTENTS && ip->df.format != DX_DINODE_FMT_BTREE)
		return "format";
	if (S_ISDIR(mode) && ip->df.format == DX_DINODE_FMT_DEV)
		return "format";
	if (ip->df.nextents > dx_most_extents(dx_has_large_counts(ip), DX_DATA_FORK))
		return "nextents";
	if (anext > dx_most_extents(dx_has_large_counts(ip), DX_ATTR_FORK))
		return "naextents";
	if (ip->df.format == DX_DINODE_FMT_EXTENTS && ip->df.nextents > dx_fork_inline_max(ip, DX_DATA_FORK))
		return "nextents";
	if (ip->df.format == DX_DINODE_FMT_LOCAL && ip->df.bytes > dx_inode_dfork_size(ip))
		return "local data";
	if (ip->af && ip->af->format == DX_DINODE_FMT_LOCAL && ip->af->bytes > dx_inode_afork_size(ip))
		return "local attributes";
	if (ip->df.nextents + anext > d->nblocks)
		return "nblocks";
	if (((u32)d->forkoff << 3) >= dx_inode_litino(ip->mp))
		return "forkoff";
	if (ip->af && !d->forkoff)
		return "forkoff";
	return NULL;
}

/* ILOCK held, FLUSHING set.  Copies what @fields says. */
static void copy_inode(struct dx_inode *ip, struct dx_dinode *dip, u32 fields, dx_lsn_t lsn)
{
	char *lit = (char *)dip + DX_DINODE_SIZE;
	u32 dsize = dx_inode_dfork_size(ip);

	dx_inode_to_disk(ip, dip, lsn);
	if (fields & DX_ILOG_DFORK) {
		if (ip->df.format == DX_DINODE_FMT_DEV)
			put_unaligned_be32(ip->d.rdev, lit);
		else
			dx_fork_to_disk(ip, DX_DATA_FORK, lit, dsize);
	}
	if ((fields & DX_ILOG_AFORK) && ip->af && ip->d.forkoff)
		dx_fork_to_disk(ip, DX_ATTR_FORK, lit + dsize, dx_inode_afork_size(ip));
	dx_dinode_stamp_crc(ip->mp, dip);
}

/*
 * Attached inodes hold one reference on the buffer together: a failed write must not lose
 * them with it.  Buffer locked.
 */
static void attach(struct dx_buf *bp, struct dx_log_item *lip)
{
	if (list_empty(&bp->b_inodes))
		dx_buf_hold(bp);
	bp->b_flags |= DX_BF_INODES;
	lip->li_buf = bp;
	list_add_tail(&lip->li_bio, &bp->b_inodes);
}

/* Returns the buffer when its reference is now the caller's to drop. */
static struct dx_buf *detach(struct dx_log_item *lip)
{
	struct dx_buf *bp = lip->li_buf;

	if (!bp)
		return NULL;
	lip->li_buf = NULL;
	list_del_init(&lip->li_bio);
	if (!list_empty(&bp->b_inodes))
		return NULL;
	bp->b_flags &= ~DX_BF_INODES;
	return bp;
}

struct pick {
	struct dx_buf	*bp;
	struct dx_inode	*ip;
};

/* May this one be flushed now?  Then take what the copy needs. */
static void pick_flushable(struct dx_inode *ip, void *data)
{
	struct pick *p = data;
	struct dx_inode_item *iip;

	spin_lock(&ip->i_lock);
	iip = ip->item;
	if (iip && iip->fields && !atomic_read(&ip->i_pin) &&
	    test_bit(DX_LI_F_IN_AIL, &iip->item.li_flags) &&
	    !test_bit(DX_I_FLUSHING, &ip->i_flags) && !test_bit(DX_I_STALE, &ip->i_flags) &&
	    !test_bit(DX_I_NEW, &ip->i_flags) && ip->imap.daddr == p->bp->b_daddr &&
	    dx_ilock_try(ip, DX_ILOCK_SHARED)) {
		/* pinning needs the ILOCK, but may have come just before we got it */
		if (atomic_read(&ip->i_pin)) {
			dx_iunlock(ip, DX_ILOCK_SHARED);
		} else {
			set_bit(DX_I_FLUSHING, &ip->i_flags);
			p->ip = ip;
		}
	}
	spin_unlock(&ip->i_lock);
}

/* 1 when copied */
static int flush_one(struct dx_buf *bp, struct dx_inode *ip)
{
	struct dx_inode_item *iip = ip->item;
	struct dx_dinode *dip = dx_buf_off(bp, ip->imap.boffset);
	const char *bad = core_bad(ip);
	u32 fields;

	if (!bad && dip->di_magic != cpu_to_be16(DX_DINODE_MAGIC))
		bad = "magic in the buffer";
	if (bad) {
		dx_err(ip->mp, "inode 0x%llx in memory is bad: %s (format %u, nextents %llu, nblocks %llu, forkoff %u)",
		       (unsigned long long)ip->ino, bad, ip->df.format, (unsigned long long)ip->df.nextents,
		       (unsigned long long)ip->d.nblocks, ip->d.forkoff);
		dx_iunlock(ip, DX_ILOCK_SHARED);
		spin_lock(&ip->i_lock);
		clear_bit(DX_I_FLUSHING, &ip->i_flags);
		spin_unlock(&ip->i_lock);
		dx_force_shutdown(bp->b_mp, DX_SHUT_CORRUPT_INCORE, __func__);
		return -EFSCORRUPTED;
	}

	spin_lock(&ip->i_lock);
	fields = iip->fields;
	iip->last_fields = fields;
	iip->fields = 0;
	iip->flush_lsn = iip->item.li_lsn;
	spin_unlock(&ip->i_lock);

	copy_inode(ip, dip, fields, iip->flush_lsn);

	spin_lock(&ip->i_lock);
	clear_bit(DX_LI_F_FAILED, &iip->item.li_flags);
	attach(bp, &iip->item);
	spin_unlock(&ip->i_lock);
	dx_iunlock(ip, DX_ILOCK_SHARED);
	return 1;
}

static dx_ino_t first_ino(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	u64 agbb = dx_fsb_to_bb(mp, mp->sb.agblocks);
	u64 rem;
	dx_agno_t agno = div64_u64_rem(bp->b_daddr, agbb, &rem);

	return dx_agino_to_ino(mp, agno, dx_agb_to_agino(mp, dx_bb_to_fsbt(mp, rem)));
}

/**
 * dx_flush_cluster - copy every flushable inode of a cluster into its buffer
 * @bp: locked, read, not pinned; the caller queues it for writing when the
 *	result is positive
 *
 * Return: number of inodes copied (0: none could be), or -EFSCORRUPTED after a shutdown.
 */
int dx_flush_cluster(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	u32 i, n = dx_buf_len(bp) >> mp->sb.inodelog;
	dx_ino_t ino = first_ino(bp);
	int flushed = 0, error;

	for (i = 0; i < n; i++) {
		struct pick p = { .bp = bp };

		dx_icache_peek(mp, ino + i, pick_flushable, &p);
		if (!p.ip)
			continue;
		error = flush_one(bp, p.ip);
		if (error < 0)
			return error;
		flushed++;
	}
	return flushed;
}

/**
 * dx_iflush_attach_stale - hang a dirty inode of a freed cluster onto the cluster's buffer
 * @bp: cluster buffer, locked, about to be cancelled
 * @ip: marked stale, ip->i_lock held, not attached yet
 *
 * When the cancelled buffer is done with, dx_inode_items_iodone() ends the
 * inode's item along with it.
 */
void dx_iflush_attach_stale(struct dx_buf *bp, struct dx_inode *ip)
{
	struct dx_inode_item *iip = ip->item;
	struct dx_buf *kept = dx_inode_take_cluster(iip);

	/* the caller has a reference of his own: this is not the last */
	if (kept)
		dx_buf_put(kept);
	set_bit(DX_I_FLUSHING, &ip->i_flags);
	iip->last_fields |= iip->fields;
	iip->fields = 0;
	iip->flush_lsn = iip->item.li_lsn;
	attach(bp, &iip->item);
}

/* The flush is over.  Nothing may touch the inode after the lock is dropped: it can be freed. */
static void end_flush_locked(struct dx_inode *ip)
{
	struct dx_inode_item *iip = ip->item;

	iip->last_fields = 0;
	iip->flush_lsn = 0;
	clear_bit(DX_LI_F_FAILED, &iip->item.li_flags);
	clear_bit(DX_I_FLUSHING, &ip->i_flags);
}

/**
 * dx_flush_give_up - give up all that is dirty of an inode
 * @ip: its cluster was freed, or the filesystem is shut down
 *
 * Leaves the AIL and the cluster buffer.  The buffer is locked by the caller, or
 * nobody can use it any more.
 */
void dx_flush_give_up(struct dx_inode *ip)
{
	struct dx_inode_item *iip = ip->item;
	struct dx_buf *bp, *kept;

	if (!iip)
		return;
	spin_lock(&ip->i_lock);
	bp = detach(&iip->item);
	kept = dx_inode_take_cluster(iip);
	iip->fields = 0;
	if (test_bit(DX_LI_F_IN_AIL, &iip->item.li_flags))
		dx_ail_delete(ip->mp, &iip->item);
	end_flush_locked(ip);
	spin_unlock(&ip->i_lock);
	if (bp)
		dx_buf_put(bp);
	if (kept)
		dx_buf_put(kept);
}

/* The copy is on disk: the item leaves the AIL unless it has been logged again since. */
static void flush_done(struct dx_inode *ip)
{
	struct dx_inode_item *iip = ip->item;
	struct dx_buf *bp, *kept = NULL;

	spin_lock(&ip->i_lock);
	bp = detach(&iip->item);
	if (!iip->fields)
		kept = dx_inode_take_cluster(iip);
	/*
	 * Pinned means logged again, in a checkpoint that moves the item when
	 * it completes.  Pinning takes i_lock, so neither can begin in between.
	 */
	if (!atomic_read(&ip->i_pin) && iip->item.li_lsn == iip->flush_lsn &&
	    test_bit(DX_LI_F_IN_AIL, &iip->item.li_flags))
		dx_ail_delete(ip->mp, &iip->item);
	end_flush_locked(ip);
	spin_unlock(&ip->i_lock);
	if (bp)
		dx_buf_put(bp);
	if (kept)
		dx_buf_put(kept);
}

/**
 * dx_iflush_buf_done - the write of an inode's cluster is over, or its blocks were freed
 * @lip: log item of the inode, attached to @bp
 * @bp: the cluster's buffer, locked; b_error and DX_BF_STALE tell
 *
 * After a failed write the item stays, for the pusher to try again.
 */
void dx_iflush_buf_done(struct dx_log_item *lip, struct dx_buf *bp)
{
	struct dx_inode *ip = dx_to_inode_item(lip)->ip;
	bool stale = bp->b_flags & DX_BF_STALE, failed = bp->b_error && !stale;

	if (failed && !dx_is_shutdown(bp->b_mp))
		set_bit(DX_LI_F_FAILED, &lip->li_flags);
	else if (stale || failed || test_bit(DX_I_STALE, &ip->i_flags))
		dx_flush_give_up(ip);
	else
		flush_done(ip);
}
