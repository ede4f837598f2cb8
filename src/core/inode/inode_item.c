// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log item of an inode: what a transaction says about it, what the
 * checkpoint copies, and how the AIL gets it written back.
 *
 * An inode is logged as a format header, the core, and those forks that
 * changed.  Each commit logs everything that the cluster buffer does not hold yet, so that
 * the newest copy in the log is enough and the item can move forward in the AIL.
 *
 * Lock context: join, log and format under the exclusive ILOCK; pin, unpin,
 * committed and push without it.  Source: "Inode Log Item".
 */
#include "dx_inode_item.h"
#include "dx_fork.h"
#include "dx_alloc.h"
#include "dx_replay.h"

/* What may appear in ilf_fields. */
#define ILOG_ONDISK	(DX_ILOG_CORE | DX_ILOG_DFORK | DX_ILOG_AFORK | DX_ILOG_DOWNER | DX_ILOG_AOWNER)

static struct kmem_cache *item_slab;

/**
 * dx_inode_item_cache_init - make the slab cache of inode items
 *
 * Return: 0 or -ENOMEM.  The inode cache serialises this and the exit.
 */
int dx_inode_item_cache_init(void)
{
	item_slab = kmem_cache_create("dioxfs_inode_item", sizeof(struct dx_inode_item), 0, SLAB_RECLAIM_ACCOUNT, NULL);
	return item_slab ? 0 : -ENOMEM;
}

/**
 * dx_inode_item_cache_exit - destroy the slab cache of inode items
 */
void dx_inode_item_cache_exit(void)
{
	kmem_cache_destroy(item_slab);
}

/**
 * dx_inode_item_free - free the log item of an inode that is going away
 * @ip: unreachable, its item neither in the checkpoint nor in the AIL
 */
void dx_inode_item_free(struct dx_inode *ip)
{
	if (!ip->item)
		return;
	dx_ail_wait_push(ip->mp, &ip->item->item);
	if (ip->item->cluster)
		dx_buf_put(ip->item->cluster);
	kmem_cache_free(item_slab, ip->item);
	ip->item = NULL;
}

/* ---- the cluster's buffer ---- */

/**
 * dx_inode_keep_cluster - have the cluster's buffer at hand for writing back
 * @ip: dirty
 *
 * Does not wait for I/O; when there is no memory it is left to the pusher to try again.
 */
void dx_inode_keep_cluster(struct dx_inode *ip)
{
	struct dx_buf *bp = dx_buf_keep(ip->mp, ip->imap.daddr, ip->imap.len_bb, &dx_inode_buf_ops);

	if (!bp)
		return;
	spin_lock(&ip->i_lock);
	if (!ip->item->cluster && ip->item->fields)	/* written meanwhile: nobody would let go of it */
		swap(ip->item->cluster, bp);
	spin_unlock(&ip->i_lock);
	if (bp)
		dx_buf_put(bp);
}

/**
 * dx_inode_take_cluster - let go of the cluster's buffer
 * @iip: item of an inode, whose i_lock is held
 *
 * Return: the buffer, for the caller to put without that lock, or NULL.
 */
struct dx_buf *dx_inode_take_cluster(struct dx_inode_item *iip)
{
	struct dx_buf *bp = iip->cluster;

	iip->cluster = NULL;
	return bp;
}

/* ---- sizes and formats of the forks ---- */

/* A fork's data can be logged in one way only, which its format tells. */
static u32 fork_field(struct dx_inode *ip, int whichfork)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	bool data = whichfork == DX_DATA_FORK;

	if (!f)
		return 0;
	switch (f->format) {
	case DX_DINODE_FMT_LOCAL:
		return data ? DX_ILOG_DDATA : DX_ILOG_ADATA;
	case DX_DINODE_FMT_EXTENTS:
		return data ? DX_ILOG_DEXT : DX_ILOG_AEXT;
	case DX_DINODE_FMT_BTREE:
		return data ? DX_ILOG_DBROOT : DX_ILOG_ABROOT;
	case DX_DINODE_FMT_DEV:
		return data ? DX_ILOG_DEV : 0;
	default:
		return 0;
	}
}

/* Bytes of the fork's region in the log, 0 for no region. */
static u32 fork_log_bytes(struct dx_inode *ip, int whichfork)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);

	switch (f->format) {
	case DX_DINODE_FMT_LOCAL:
		return round_up(f->bytes, 4);
	case DX_DINODE_FMT_EXTENTS:
		return f->nextents * sizeof(struct dx_bmbt_rec);
	case DX_DINODE_FMT_BTREE:
		return dx_fork_broot_log_bytes(ip, whichfork);
	default:
		return 0;
	}
}

static void item_size(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes)
{
	struct dx_inode_item *iip = dx_to_inode_item(lip);
	struct dx_inode *ip = iip->ip;
	int w;

	*nvecs = 2;
	*nbytes = sizeof(struct dx_inode_log_format) + sizeof(struct dx_log_dinode);
	for (w = DX_DATA_FORK; w <= DX_ATTR_FORK; w++) {
		if (!(iip->fields & fork_field(ip, w)))
			continue;
		*nvecs += 1;
		/* rounding of the region's start and end */
		*nbytes += fork_log_bytes(ip, w) + 16;
	}
}

/* Adds the region of one fork; returns its ilf_fields bit, or 0 when there is nothing to log. */
static u32 format_fork(struct dx_inode_item *iip, struct dx_lv_cursor *c, int whichfork, u16 *bytes)
{
	struct dx_inode *ip = iip->ip;
	struct dx_fork *f = dx_ifork(ip, whichfork);
	u32 field = fork_field(ip, whichfork), len;
	void *p;

	*bytes = 0;
	if (!(iip->fields & field))
		return 0;
	if (field == DX_ILOG_DEV)
		return field;
	len = fork_log_bytes(ip, whichfork);
	if (!len)
		return 0;
	*bytes = len;
	switch (f->format) {
	case DX_DINODE_FMT_LOCAL:
		dx_lv_add(c, f->data, f->bytes, field);
		break;
	case DX_DINODE_FMT_EXTENTS:
		p = dx_lv_reserve(c, len, field);
		*bytes = dx_fork_ext_to_disk(ip, whichfork, p);
		if (WARN_ON_ONCE(*bytes > len))
			*bytes = len;
		dx_lv_trim(c, *bytes);
		break;
	default:
		p = dx_lv_reserve(c, len, field);
		dx_fork_broot_to_log(ip, whichfork, p);
		break;
	}
	return field;
}

static void item_format(struct dx_log_item *lip, struct dx_lv_cursor *c)
{
	struct dx_inode_item *iip = dx_to_inode_item(lip);
	struct dx_inode *ip = iip->ip;
	struct dx_inode_log_format *ilf;
	struct dx_log_dinode *ld;
	u32 fields = DX_ILOG_CORE | (iip->fields & (DX_ILOG_DOWNER | DX_ILOG_AOWNER));
	u16 dsize, asize;

	ilf = dx_lv_reserve(c, sizeof(*ilf), DX_ILOG_CORE);
	ld = dx_lv_reserve(c, sizeof(*ld), DX_ILOG_CORE);
	dx_inode_to_log(ip, ld, lip->li_lsn);
	fields |= format_fork(iip, c, DX_DATA_FORK, &dsize);
	fields |= format_fork(iip, c, DX_ATTR_FORK, &asize);

	memset(ilf, 0, sizeof(*ilf));
	ilf->ilf_type = DX_LI_INODE;
	ilf->ilf_size = 2 + !!dsize + !!asize;
	ilf->ilf_fields = fields & ILOG_ONDISK;
	ilf->ilf_asize = asize;
	ilf->ilf_dsize = dsize;
	ilf->ilf_ino = ip->ino;
	if (fields & DX_ILOG_DEV)
		ilf->ilf_u.ilfu_rdev = ip->d.rdev;
	ilf->ilf_blkno = ip->imap.daddr;
	ilf->ilf_len = ip->imap.len_bb;
	ilf->ilf_boffset = ip->imap.boffset;

	/* bits of a format that the fork no longer has would never be flushed */
	spin_lock(&ip->i_lock);
	iip->fields &= ~((DX_ILOG_DFORK & ~fork_field(ip, DX_DATA_FORK)) |
			 (DX_ILOG_AFORK & ~fork_field(ip, DX_ATTR_FORK)));
	spin_unlock(&ip->i_lock);
}

static void item_pin(struct dx_log_item *lip)
{
	struct dx_inode *ip = dx_to_inode_item(lip)->ip;

	spin_lock(&ip->i_lock);
	atomic_inc(&ip->i_pin);
	spin_unlock(&ip->i_lock);
}

/*
 * Under i_lock to the end: once the pin is gone the inode may be freed as
 * soon as the lock is.
 */
static void item_unpin(struct dx_log_item *lip, bool abort)
{
	struct dx_inode *ip = dx_to_inode_item(lip)->ip;

	spin_lock(&ip->i_lock);
	if (!WARN_ON_ONCE(atomic_read(&ip->i_pin) <= 0) && atomic_dec_and_test(&ip->i_pin))
		wake_up_all(&ip->i_pin_wait);
	spin_unlock(&ip->i_lock);
}

/* The transaction is done with the inode: remember which checkpoint fsync needs, unlock. */
static void item_release(struct dx_log_item *lip, bool abort)
{
	struct dx_inode_item *iip = dx_to_inode_item(lip);
	int mode = iip->lock_mode;
	u64 seq = lip->li_seq;

	if (test_and_clear_bit(DX_LI_F_DIRTY, &lip->li_flags) && !abort) {
		WRITE_ONCE(iip->commit_seq, seq);
		if (iip->tr_fields & ~(DX_ILOG_TIMESTAMP | DX_ILOG_IVERSION))
			WRITE_ONCE(iip->datasync_seq, seq);
	}
	iip->tr_fields = 0;
	iip->lock_mode = 0;
	if (mode)
		dx_iunlock(iip->ip, mode);
}

/*
 * The checkpoint is on disk.  An inode whose cluster was freed will never be written, and leaves the
 * AIL with the cluster's cancelled buffer, which it hangs on.  Until then it must hold the tail: the free may
 * be in a later checkpoint.  Once that buffer is through it must not enter the AIL again.
 */
static dx_lsn_t item_committed(struct dx_log_item *lip, dx_lsn_t lsn)
{
	struct dx_inode *ip = dx_to_inode_item(lip)->ip;
	bool over;

	spin_lock(&ip->i_lock);
	over = test_bit(DX_I_STALE, &ip->i_flags) && !lip->li_buf;
	spin_unlock(&ip->i_lock);
	if (over) {
		item_unpin(lip, false);
		return DX_NULLLSN;
	}
	return lsn;
}

static void requeue_failed(struct dx_buf *bp, struct list_head *list)
{
	struct dx_log_item *lip;

	list_for_each_entry(lip, &bp->b_inodes, li_bio)
		clear_bit(DX_LI_F_FAILED, &lip->li_flags);
	dx_buf_write_later(bp, list);
}

/*
 * Shut down: nothing is written any more, the item only has to leave the AIL.  One
 * whose write is under way leaves when that fails.
 */
static unsigned int push_shutdown(struct dx_inode *ip)
{
	struct dx_buf *bp = ip->item->item.li_buf;

	if (bp && !dx_buf_trylock(bp))
		return DX_PUSH_LOCKED;
	if (bp)
		dx_buf_hold(bp);
	dx_flush_give_up(ip);
	if (bp)
		dx_buf_leave(bp);
	return DX_PUSH_OK;
}

/*
 * The cluster cannot be read.  What is wrong on disk stays wrong: the inode can never be written back, so
 * the log can never move on.  A device may get well.
 */
static unsigned int read_failed(struct dx_inode *ip, int error)
{
	struct dx_mount *mp = ip->mp;

	dx_err_ratelimited(mp, "inode 0x%llx: reading its cluster for writeback failed with %d",
			   (unsigned long long)ip->ino, error);
	if (error == -EFSCORRUPTED)
		dx_force_shutdown(mp, DX_SHUT_CORRUPT_ONDISK, __func__);
	else if (dx_retry_failed(mp, &ip->item->retry, error))
		dx_force_shutdown(mp, DX_SHUT_META_IO, __func__);
	return DX_PUSH_RETRY;
}

/*
 * Write back: copy every clean-able inode of the cluster into its buffer and queue
 * that.  Never waits for a lock, nor for a read but one that failed before: the buffer has been kept, or is
 * started to be read now.
 */
static unsigned int item_push(struct dx_log_item *lip, struct list_head *list)
{
	struct dx_inode *ip = dx_to_inode_item(lip)->ip;
	struct dx_mount *mp = ip->mp;
	struct dx_buf *bp;
	int error;

	if (atomic_read(&ip->i_pin))
		return DX_PUSH_PINNED;
	if (test_bit(DX_I_STALE, &ip->i_flags)) {
		/* a transaction that was given up may have let go of the cancelled buffer while we were inserted */
		if (!dx_is_shutdown(mp) || READ_ONCE(lip->li_buf))
			return DX_PUSH_PINNED;
		dx_flush_give_up(ip);
		return DX_PUSH_OK;
	}
	if (test_bit(DX_I_FLUSHING, &ip->i_flags) && !test_bit(DX_LI_F_FAILED, &lip->li_flags))
		return DX_PUSH_FLUSHING;
	if (dx_is_shutdown(mp))
		return push_shutdown(ip);
	if (!dx_retry_due(mp, &ip->item->retry))
		return DX_PUSH_RETRY;

	error = dx_buf_read(mp, ip->imap.daddr, ip->imap.len_bb, DX_READ_TRYLOCK | DX_GET_INCORE, &dx_inode_buf_ops,
			    &bp);
	if (error == -ENOENT) {
		dx_inode_keep_cluster(ip);
		return DX_PUSH_LOCKED;
	}
	if (error == -EAGAIN || error == -ENOMEM)
		return DX_PUSH_LOCKED;
	if (error && dx_is_shutdown(mp))
		return DX_PUSH_LOCKED;
	if (error)
		return read_failed(ip, error);
	dx_retry_succeeded(&ip->item->retry);
	if (dx_buf_is_pinned(bp)) {
		dx_buf_leave(bp);
		return DX_PUSH_PINNED;
	}
	if (!dx_retry_due(mp, &bp->b_retry)) {
		dx_buf_leave(bp);
		return DX_PUSH_RETRY;
	}
	if (test_bit(DX_LI_F_FAILED, &lip->li_flags) && !list_empty(&bp->b_inodes)) {
		requeue_failed(bp, list);
		dx_buf_leave(bp);
		return DX_PUSH_OK;
	}
	error = dx_flush_cluster(bp);
	if (error <= 0) {
		dx_buf_leave(bp);
		return DX_PUSH_LOCKED;
	}
	dx_buf_write_later(bp, list);
	dx_buf_leave(bp);
	return DX_PUSH_OK;
}

static void *item_kept(struct dx_log_item *lip)
{
	return dx_to_inode_item(lip)->lock_mode ? NULL : dx_to_inode_item(lip)->ip;
}

static void item_relog(struct dx_trans *tp, void *kept)
{
	dx_trans_log_inode(tp, kept, DX_ILOG_CORE);
}

static void item_rejoin(struct dx_trans *tp, void *kept)
{
	dx_trans_ijoin(tp, kept, 0);
}

static const struct dx_item_ops inode_item_ops = {
	.name		= "inode",
	.size		= item_size,
	.format		= item_format,
	.pin		= item_pin,
	.unpin		= item_unpin,
	.release	= item_release,
	.committed	= item_committed,
	.push		= item_push,
	.buf_done	= dx_iflush_buf_done,
	.kept		= item_kept,
	.relog		= item_relog,
	.rejoin		= item_rejoin,
};

/**
 * dx_inode_item_get - the log item of an inode, made at the first use
 * @ip: ILOCK held exclusively
 *
 * Return: never NULL.
 */
struct dx_inode_item *dx_inode_item_get(struct dx_inode *ip)
{
	struct dx_inode_item *iip = ip->item;

	if (iip)
		return iip;
	iip = kmem_cache_zalloc(item_slab, GFP_NOFS | __GFP_NOFAIL);
	dx_log_item_init(ip->mp, &iip->item, DX_LI_INODE, &inode_item_ops);
	INIT_LIST_HEAD(&iip->item.li_bio);
	iip->ip = ip;
	spin_lock(&ip->i_lock);
	ip->item = iip;
	spin_unlock(&ip->i_lock);
	return iip;
}

/**
 * dx_item_inode - the inode of a log item
 * @lip: of type DX_LI_INODE
 */
struct dx_inode *dx_item_inode(struct dx_log_item *lip)
{
	return dx_to_inode_item(lip)->ip;
}

/* ---- an LSN ahead of the log ---- */

/**
 * dx_inode_lsn_ahead - is the LSN that an inode has on disk ahead of the log?
 * @mp: the mount
 * @ino: its number
 * @lsn: its di_lsn
 *
 * xfs_repair -L does not look at it when it makes a new log, so there are such inodes.  They are good, but recovery, ours and
 * that of stock, takes what is on disk for newer than what was logged since.  So it goes before anything is logged: mend_lsn().
 */
bool dx_inode_lsn_ahead(struct dx_mount *mp, dx_ino_t ino, dx_lsn_t lsn)
{
	if (!dx_log_lsn_ahead(mp, lsn))
		return false;
	if (!test_and_set_bit(DX_OP_INODES_AHEAD, &mp->opstate))
		dx_warn(mp, "inode 0x%llx has LSN %u:%u, ahead of the log, as xfs_repair -L leaves them: mended as they are changed",
			(unsigned long long)ino, (u32)(lsn >> 32), (u32)lsn);
	return true;
}

/* Locked.  It is on disk when this returns without an error, and so before any checkpoint that is written later. */
static int clear_lsn(struct dx_inode *ip, struct dx_buf *bp)
{
	struct dx_dinode *dip = dx_buf_off(bp, ip->imap.boffset);
	__be64 was = dip->di_lsn;
	int error;

	if (!dx_log_lsn_ahead(ip->mp, be64_to_cpu(was)))
		return 0;
	dip->di_lsn = 0;
	dx_dinode_stamp_crc(ip->mp, dip);
	error = dx_buf_bwrite(bp);
	if (error) {
		dip->di_lsn = was;
		dx_dinode_stamp_crc(ip->mp, dip);
	}
	return error;
}

/*
 * Before the first change of an inode is logged.  A dirty transaction, or one that goes on, holds what others wait for, with this
 * cluster locked perhaps, or has it itself, with changes that must not be written yet: then the next transaction tries again.  If
 * all fail, the inode is as it would be without this.
 */
static void mend_lsn(struct dx_trans *tp, struct dx_inode *ip)
{
	u32 flags = tp->t_flags & (DX_TRANS_DIRTY | DX_TRANS_ROLLED | DX_TRANS_NOWAIT) ? DX_READ_TRYLOCK : 0;
	struct dx_buf *bp;

	if (dx_trans_has_buf(tp, ip->imap.daddr, ip->imap.len_bb) ||
	    dx_buf_read(ip->mp, ip->imap.daddr, ip->imap.len_bb, flags, &dx_inode_buf_ops, &bp))
		return;
	if (!clear_lsn(ip, bp))
		clear_bit(DX_I_LSN_AHEAD, &ip->i_flags);
	dx_buf_leave(bp);
}

/**
 * dx_trans_ijoin - make an inode part of a transaction
 * @tp: transaction
 * @ip: ILOCK held exclusively
 * @unlock_mode: DX_ILOCK_EXCL: commit or cancel unlocks it; 0: it stays locked, and stays
 *	joined across the rolls of dx_defer_finish()
 */
void dx_trans_ijoin(struct dx_trans *tp, struct dx_inode *ip, int unlock_mode)
{
	struct dx_inode_item *iip = dx_inode_item_get(ip);

	lockdep_assert_held_write(&ip->ilock);
	WARN_ON_ONCE(iip->lock_mode);
	if (test_bit(DX_I_LSN_AHEAD, &ip->i_flags))
		mend_lsn(tp, ip);
	dx_quota_attach_locked(ip);
	iip->lock_mode = unlock_mode;
	dx_trans_add_item(tp, &iip->item);
}

/**
 * dx_trans_log_inode - mark parts of a joined inode dirty
 * @tp: transaction that @ip is joined to
 * @ip: ILOCK held exclusively
 * @fields: DX_ILOG_*
 *
 * The first change of the core in a transaction advances the change counter.
 * On a bigtime volume the inode's times go over to that form.
 */
void dx_trans_log_inode(struct dx_trans *tp, struct dx_inode *ip, u32 fields)
{
	struct dx_inode_item *iip = ip->item;
	bool keep;

	lockdep_assert_held_write(&ip->ilock);
	if (WARN_ON_ONCE(!iip))
		return;
	if (!(ip->d.flags2 & DX_DIFLAG2_BIGTIME) && dx_has_bigtime(ip->mp)) {
		ip->d.flags2 |= DX_DIFLAG2_BIGTIME;
		fields |= DX_ILOG_CORE;
	}
	if ((fields & DX_ILOG_CORE) && !(iip->tr_fields & DX_ILOG_CORE))
		ip->d.changecount++;
	iip->tr_fields |= fields;
	set_bit(DX_LI_F_DIRTY, &iip->item.li_flags);
	tp->t_flags |= DX_TRANS_DIRTY;

	spin_lock(&ip->i_lock);
	/* what is being written is not safe yet: see struct dx_inode_item */
	iip->fields |= fields | iip->last_fields;
	keep = !iip->cluster && !test_bit(DX_I_STALE, &ip->i_flags);
	spin_unlock(&ip->i_lock);
	if (keep)
		dx_inode_keep_cluster(ip);
}

/**
 * dx_inode_owns_all - all blocks of its btrees have been logged as this inode's
 * @ip: inode whose fork was another's (DX_ILOG_DOWNER), ILOCK held exclusively from then on
 *
 * What is logged of it from now on does not ask recovery to see to that: it would go along pointers that may be out of date.
 */
void dx_inode_owns_all(struct dx_inode *ip)
{
	spin_lock(&ip->i_lock);
	ip->item->fields &= ~(DX_ILOG_DOWNER | DX_ILOG_AOWNER);
	spin_unlock(&ip->i_lock);
}

/**
 * dx_trans_set_time - current time into an inode's timestamps
 * @tp: transaction
 * @ip: joined; the caller logs DX_ILOG_CORE
 * @which: DX_ICHGTIME_*
 */
void dx_trans_set_time(struct dx_trans *tp, struct dx_inode *ip, int which)
{
	struct timespec64 now;

	dx_plat_now(ip->mp, &now);
	if (which & DX_ICHGTIME_MOD)
		ip->d.mtime = now;
	if (which & DX_ICHGTIME_CHG)
		ip->d.ctime = now;
	if (which & DX_ICHGTIME_ACC)
		ip->d.atime = now;
	if (which & DX_ICHGTIME_CREATE)
		ip->d.crtime = now;
}

/**
 * dx_inode_commit_seq - which checkpoint must be on disk for fsync
 * @ip: inode; takes the ILOCK shared
 * @datasync: timestamps alone need not
 *
 * Return: a CIL sequence, 0 when everything is on disk already.
 */
u64 dx_inode_commit_seq(struct dx_inode *ip, bool datasync)
{
	u64 seq = 0;

	dx_ilock(ip, DX_ILOCK_SHARED);
	/* not pinned: each of its checkpoints is on disk */
	if (ip->item && atomic_read(&ip->i_pin))
		seq = datasync ? ip->item->datasync_seq : ip->item->commit_seq;
	dx_iunlock(ip, DX_ILOCK_SHARED);
	return seq;
}

/**
 * dx_inode_synced - the checkpoints up to @seq are on disk
 * @ip: inode; takes the ILOCK shared
 * @seq: what dx_inode_commit_seq() said before the log was forced
 *
 * An inode stays pinned by a later change of its times; what a data write
 * needs is durable all the same, and dx_inode_datasync_pending() says so from now on.
 */
void dx_inode_synced(struct dx_inode *ip, u64 seq)
{
	dx_ilock(ip, DX_ILOCK_SHARED);	/* commits change it under the exclusive lock */
	if (ip->item && ip->item->datasync_seq <= seq)
		WRITE_ONCE(ip->item->datasync_seq, 0);
	dx_iunlock(ip, DX_ILOCK_SHARED);
}

/**
 * dx_inode_datasync_pending - would fdatasync have to write the log for this inode?
 * @ip: inode; no lock: whoever asks has looked at the extents under the ILOCK before
 */
bool dx_inode_datasync_pending(struct dx_inode *ip)
{
	return atomic_read(&ip->i_pin) && ip->item && READ_ONCE(ip->item->datasync_seq);
}

/**
 * dx_inode_log_force - make the metadata of an inode durable, as fsync must
 * @ip: inode; no transaction held
 * @datasync: for fdatasync
 *
 * Data writes that completed before the call are durable after it, too.
 *
 * Return: 0 or -EIO.
 */
int dx_inode_log_force(struct dx_inode *ip, bool datasync)
{
	u64 seq = dx_inode_commit_seq(ip, datasync);
	int error = dx_log_force_data(ip->mp, seq);

	if (!error && seq)
		dx_inode_synced(ip, seq);
	return error;
}

/**
 * dx_trans_roll_inode - roll, keeping one inode joined and logged
 * @tpp: transaction; another one afterwards
 * @ip: joined with unlock mode 0, ILOCK held exclusively
 *
 * Return: 0 or -errno: cancel the transaction; @ip is joined to it.
 */
int dx_trans_roll_inode(struct dx_trans **tpp, struct dx_inode *ip)
{
	int error;

	dx_trans_log_inode(*tpp, ip, DX_ILOG_CORE);
	error = dx_trans_roll(tpp);
	dx_trans_ijoin(*tpp, ip, 0);
	return error;
}

/* ---- replay ---- */

/* One logged fork into its room in the inode. */
static int replay_fork(struct dx_recovery *rc, const struct dx_rregion *r, u32 fields, u32 inline_bits, u32 broot_bit,
		       char *dst, u32 room, u64 ino)
{
	if (fields & broot_bit) {
		int error = dx_broot_log_to_disk(r->addr, r->len, dst, room);

		return error ? dx_replay_bad(rc, "logged bmbt root", ino) : 0;
	}
	/* regions are padded to four bytes */
	if (fields & inline_bits)
		memcpy(dst, r->addr, min(r->len, room));
	return 0;
}

/* Core and forks; the owner change is the caller's. */
static int replay_inode(struct dx_recovery *rc, const struct dx_ritem *it, const struct dx_inode_log_format *f,
			struct dx_dinode *dip, dx_lsn_t lsn)
{
	u32 litino = rc->mp->sb.inodesize - DX_DINODE_SIZE, doff, aroom, droom, reg = 2;
	const struct dx_log_dinode *ld = it->r[1].addr;
	char *fork = (char *)dip + DX_DINODE_SIZE;
	int error;

	dx_log_dinode_to_disk(ld, dip);
	dip->di_lsn = cpu_to_be64(lsn);

	doff = (u32)ld->di_forkoff << 3;
	droom = doff ? doff : litino;
	aroom = doff ? litino - doff : 0;
	if (f->ilf_fields & DX_ILOG_DEV)
		put_unaligned_be32(f->ilf_u.ilfu_rdev, fork);
	if (f->ilf_fields & (DX_ILOG_DDATA | DX_ILOG_DEXT | DX_ILOG_DBROOT)) {
		error = replay_fork(rc, &it->r[reg++], f->ilf_fields, DX_ILOG_DDATA | DX_ILOG_DEXT, DX_ILOG_DBROOT,
				    fork, droom, f->ilf_ino);
		if (error)
			return error;
	}
	if (f->ilf_fields & DX_ILOG_AFORK) {
		error = replay_fork(rc, &it->r[reg++], f->ilf_fields, DX_ILOG_ADATA | DX_ILOG_AEXT, DX_ILOG_ABROOT,
				    fork + doff, aroom, f->ilf_ino);
		if (error)
			return error;
	}
	return 0;
}

static int owner_change(struct dx_recovery *rc, const struct dx_inode_log_format *f, const struct dx_dinode *dip,
			dx_lsn_t lsn)
{
	u32 litino = rc->mp->sb.inodesize - DX_DINODE_SIZE, doff = (u32)dip->di_forkoff << 3;
	const char *fork = (const char *)dip + DX_DINODE_SIZE;
	int error = 0;

	if (f->ilf_fields & DX_ILOG_DOWNER && dip->di_format == DX_DINODE_FMT_BTREE)
		error = rc->mp->inode_above->change_owner(rc, dip, fork, doff ? doff : litino, lsn);
	if (!error && f->ilf_fields & DX_ILOG_AOWNER && doff && dip->di_aformat == DX_DINODE_FMT_BTREE)
		error = rc->mp->inode_above->change_owner(rc, dip, fork + doff, litino - doff, lsn);
	return error;
}

/**
 * dx_inode_note - first pass: what an inode's item means to other blocks
 * @rc: the recovery
 * @it: inode item, of the right shape
 *
 * Return: 0.
 */
int dx_inode_note(struct dx_recovery *rc, struct dx_ritem *it)
{
	const struct dx_inode_log_format *f = it->r[0].addr;

	if (f->ilf_fields & (DX_ILOG_DOWNER | DX_ILOG_AOWNER))
		rc->owners_change = true;
	return 0;
}

/**
 * dx_inode_replay - an inode from the log to its place
 * @rc: the recovery
 * @it: inode item, of the right shape
 * @lsn: of its transaction
 *
 * Each inode has an LSN of its own, and is not replayed when it is newer.  One that is ahead of the log is older: the inode had it
 * before it was logged.
 *
 * Return: 0, -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_inode_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_inode_log_format *f = it->r[0].addr;
	struct dx_dinode *dip, *copy = NULL;
	struct dx_buf *bp;
	dx_lsn_t on_disk;
	int error = 0;

	if (dx_replay_cancelled(rc, f->ilf_blkno, f->ilf_len))
		return 0;

	error = dx_buf_read(mp, f->ilf_blkno, f->ilf_len, 0, &dx_inode_buf_ops, &bp);
	if (error)
		return error;
	dip = dx_buf_off(bp, f->ilf_boffset);
	on_disk = be64_to_cpu(dip->di_lsn);
	if (!on_disk || on_disk == DX_NULLLSN || on_disk <= lsn ||
	    !dx_verify_cksum(dip, mp->sb.inodesize, DX_DINODE_CRC_OFF) ||
	    dx_inode_lsn_ahead(mp, f->ilf_ino, on_disk))
		error = replay_inode(rc, it, f, dip, lsn);
	if (!error && f->ilf_fields & (DX_ILOG_DOWNER | DX_ILOG_AOWNER)) {
		copy = kmemdup(dip, mp->sb.inodesize, GFP_KERNEL);
		error = copy ? 0 : -ENOMEM;
	}
	if (!error) {
		dx_dinode_stamp_crc(mp, dip);
		bp->b_type = DX_BLFT_DINO;
		error = dx_replay_cluster(rc, bp);
	}
	dx_buf_leave(bp);
	/* behind the unlock: a pointer might lead to this very buffer */
	if (!error && copy)
		error = owner_change(rc, f, copy, lsn);
	kfree(copy);
	return error;
}
