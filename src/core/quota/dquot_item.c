// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log item of a quota record: logged as a whole, and written back into its block.
 *
 * ->commit is held from the change of what is logged until the commit has copied it: so what a checkpoint has is what all
 * transactions in it have made of the record.  It is not held while the item waits in the checkpoint or the AIL.
 *
 * Writing back copies the record into the buffer of its block, with the LSN of the item, which tells recovery to leave newer
 * contents alone, and a checksum; only what is not pinned is copied (write-ahead rule).  ->flushing is set from before the
 * copy until the buffer's write is over.
 *
 * Lock order: the buffer, then ->commit by trylock only (a transaction that has it may wait for a buffer), then ->lock, then
 * the AIL's.
 *
 * Source: "Quota Update Log Item".
 */
#include "dx_quota_int.h"

static struct dx_dquot *to_dq(struct dx_log_item *lip)
{
	return container_of(lip, struct dx_dquot, item);
}

static void item_size(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes)
{
	*nvecs = 2;
	*nbytes = sizeof(struct dx_dquot_log_format) + sizeof(struct dx_disk_dquot) + 16;
}

static void item_format(struct dx_log_item *lip, struct dx_lv_cursor *c)
{
	struct dx_dquot *dq = to_dq(lip);
	struct dx_dquot_log_format *f = dx_lv_reserve(c, sizeof(*f), DX_LI_DQUOT);
	struct dx_disk_dquot *d = dx_lv_reserve(c, sizeof(*d), DX_LI_DQUOT);

	if (!f || !d)
		return;
	*f = (struct dx_dquot_log_format) {
		.qlf_type = DX_LI_DQUOT, .qlf_size = 2, .qlf_id = dq->id, .qlf_blkno = dq->daddr, .qlf_len = 1,
		.qlf_boffset = dq->boffset,
	};
	dx_dq_to_disk(dq, d);
}

static void item_pin(struct dx_log_item *lip)
{
	struct dx_dquot *dq = to_dq(lip);

	spin_lock(&dq->lock);
	dq->pin++;
	spin_unlock(&dq->lock);
}

/* Under ->lock to the end: once the pin is gone the record may be freed as soon as the lock is. */
static void item_unpin(struct dx_log_item *lip, bool abort)
{
	struct dx_dquot *dq = to_dq(lip);

	spin_lock(&dq->lock);
	if (!WARN_ON_ONCE(!dq->pin))
		dq->pin--;
	spin_unlock(&dq->lock);
}

static void item_release(struct dx_log_item *lip, bool abort)
{
	struct dx_dquot *dq = to_dq(lip);

	clear_bit(DX_LI_F_DIRTY, &lip->li_flags);
	up(&dq->commit);
	dx_dq_put(dq);
}

static dx_lsn_t item_committed(struct dx_log_item *lip, dx_lsn_t lsn)
{
	return lsn;
}

/* ---- writing back ---- */

/* Attached ones hold one reference on the buffer together, as inodes of a cluster do. */
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

/* The flush is over, or given up (@all: and all that is dirty with it).  The record may be gone afterwards. */
static void end_flush(struct dx_dquot *dq, bool all)
{
	struct dx_buf *bp, *kept = NULL;

	spin_lock(&dq->lock);
	bp = detach(&dq->item);
	if (all)
		dq->dirty = false;
	if (!dq->dirty)
		swap(kept, dq->kept);
	/* pinned: logged again, in a checkpoint that moves the item when it completes */
	if (test_bit(DX_LI_F_IN_AIL, &dq->item.li_flags) && (all || (!dq->pin && dq->item.li_lsn == dq->flush_lsn)))
		dx_ail_delete(dq->mp, &dq->item);
	dq->flush_lsn = 0;
	dq->flushing = false;
	clear_bit(DX_LI_F_FAILED, &dq->item.li_flags);
	spin_unlock(&dq->lock);
	if (bp)
		dx_buf_put(bp);
	if (kept)
		dx_buf_put(kept);
}

/**
 * dx_dq_give_up - nothing of a record is written any more
 * @dq: the filesystem is shut down; its buffer is locked, or nobody can use it any more
 */
void dx_dq_give_up(struct dx_dquot *dq)
{
	end_flush(dq, true);
}

static void buf_done(struct dx_log_item *lip, struct dx_buf *bp)
{
	bool stale = bp->b_flags & DX_BF_STALE, failed = bp->b_error && !stale;

	if (failed && !dx_is_shutdown(bp->b_mp))
		set_bit(DX_LI_F_FAILED, &lip->li_flags);
	else
		end_flush(to_dq(lip), stale || failed);
}

static void keep_buf(struct dx_dquot *dq)
{
	struct dx_buf *bp = dx_buf_keep(dq->mp, dq->daddr, 1u << dq->mp->blkbb_log, dx_qkinds[dq->type].ops);

	if (!bp)
		return;
	spin_lock(&dq->lock);
	if (!dq->kept && dq->dirty)
		swap(dq->kept, bp);
	spin_unlock(&dq->lock);
	if (bp)
		dx_buf_put(bp);
}

/* Shut down: the item only has to leave the AIL; one whose write is under way leaves when that fails. */
static unsigned int push_shutdown(struct dx_dquot *dq)
{
	struct dx_buf *bp = dq->item.li_buf;

	if (bp && !dx_buf_trylock(bp))
		return DX_PUSH_LOCKED;
	if (bp)
		dx_buf_hold(bp);
	dx_dq_give_up(dq);
	if (bp)
		dx_buf_leave(bp);
	return DX_PUSH_OK;
}

static unsigned int read_failed(struct dx_dquot *dq, int error)
{
	struct dx_mount *mp = dq->mp;

	dx_err_ratelimited(mp, "quota record 0x%x: reading its block for writeback failed with %d", dq->id, error);
	if (error == -EFSCORRUPTED)
		dx_force_shutdown(mp, DX_SHUT_CORRUPT_ONDISK, __func__);
	else if (dx_retry_failed(mp, &dq->retry, error))
		dx_force_shutdown(mp, DX_SHUT_META_IO, __func__);
	return DX_PUSH_RETRY;
}

/* Copied into the buffer, which is locked and not pinned?  No when it has just been logged, or somebody is at it. */
static bool flush(struct dx_dquot *dq, struct dx_buf *bp)
{
	struct dx_dqblk *q = dx_buf_off(bp, dq->boffset);
	struct dx_disk_dquot d;

	if (down_trylock(&dq->commit))
		return false;
	spin_lock(&dq->lock);
	if (dq->pin || dq->flushing || !test_bit(DX_LI_F_IN_AIL, &dq->item.li_flags)) {
		spin_unlock(&dq->lock);
		up(&dq->commit);
		return false;
	}
	dq->flushing = true;
	dq->dirty = false;
	dq->flush_lsn = dq->item.li_lsn;
	spin_unlock(&dq->lock);

	dx_dq_to_disk(dq, &d);
	q->dd_diskdq = d;
	q->dd_lsn = cpu_to_be64(dq->flush_lsn);
	q->dd_uuid = dq->mp->sb.meta_uuid;
	dx_update_cksum(q, sizeof(*q), DX_DQUOT_CRC_OFF);

	spin_lock(&dq->lock);
	clear_bit(DX_LI_F_FAILED, &dq->item.li_flags);
	attach(bp, &dq->item);
	spin_unlock(&dq->lock);
	up(&dq->commit);
	return true;
}

static void requeue_failed(struct dx_buf *bp, struct list_head *list)
{
	struct dx_log_item *lip;

	list_for_each_entry(lip, &bp->b_inodes, li_bio)
		clear_bit(DX_LI_F_FAILED, &lip->li_flags);
	dx_buf_write_later(bp, list);
}

/* Buffer locked. */
static unsigned int push_to(struct dx_dquot *dq, struct dx_buf *bp, struct list_head *list)
{
	if (dx_buf_is_pinned(bp))
		return DX_PUSH_PINNED;
	if (!dx_retry_due(dq->mp, &bp->b_retry))
		return DX_PUSH_RETRY;
	if (test_bit(DX_LI_F_FAILED, &dq->item.li_flags) && !list_empty(&bp->b_inodes)) {
		requeue_failed(bp, list);
		return DX_PUSH_OK;
	}
	if (!flush(dq, bp))
		return DX_PUSH_LOCKED;
	dx_buf_write_later(bp, list);
	return DX_PUSH_OK;
}

/* Never waits for a lock, nor for a read: the buffer has been kept, or is started to be read now. */
static unsigned int item_push(struct dx_log_item *lip, struct list_head *list)
{
	struct dx_dquot *dq = to_dq(lip);
	struct dx_mount *mp = dq->mp;
	struct dx_buf *bp;
	unsigned int rc;
	int error;

	if (READ_ONCE(dq->pin))
		return DX_PUSH_PINNED;
	if (READ_ONCE(dq->flushing) && !test_bit(DX_LI_F_FAILED, &lip->li_flags))
		return DX_PUSH_FLUSHING;
	if (dx_is_shutdown(mp))
		return push_shutdown(dq);
	if (!dx_retry_due(mp, &dq->retry))
		return DX_PUSH_RETRY;
	error = dx_buf_read(mp, dq->daddr, 1u << mp->blkbb_log, DX_READ_TRYLOCK | DX_GET_INCORE, dx_qkinds[dq->type].ops, &bp);
	if (error == -ENOENT) {
		keep_buf(dq);
		return DX_PUSH_LOCKED;
	}
	if (error == -EAGAIN || error == -ENOMEM || (error && dx_is_shutdown(mp)))
		return DX_PUSH_LOCKED;
	if (error)
		return read_failed(dq, error);
	dx_retry_succeeded(&dq->retry);
	rc = push_to(dq, bp, list);
	dx_buf_leave(bp);
	return rc;
}

static const struct dx_item_ops item_ops = {
	.name		= "quota",
	.size		= item_size,
	.format		= item_format,
	.pin		= item_pin,
	.unpin		= item_unpin,
	.release	= item_release,
	.committed	= item_committed,
	.push		= item_push,
	.buf_done	= buf_done,
};

/**
 * dx_dq_item_init - the item of a record
 * @dq: new
 */
void dx_dq_item_init(struct dx_dquot *dq)
{
	dx_log_item_init(dq->mp, &dq->item, DX_LI_DQUOT, &item_ops);
}

/**
 * dx_dq_join - a record has changed
 * @tp: transaction
 * @dq: record; ->commit held, which the end of @tp gives up
 *
 * @tp has a reference of its own.  Whatever is changed under ->commit before the commit is logged.
 */
void dx_dq_join(struct dx_trans *tp, struct dx_dquot *dq)
{
	bool keep;

	dx_dq_hold(dq);
	dx_trans_add_item(tp, &dq->item);
	set_bit(DX_LI_F_DIRTY, &dq->item.li_flags);
	tp->t_flags |= DX_TRANS_DIRTY;
	spin_lock(&dq->lock);
	dq->dirty = true;
	keep = !dq->kept;
	spin_unlock(&dq->lock);
	if (keep)
		keep_buf(dq);
}

/**
 * dx_dq_busy - does the journal, or a buffer, still refer to a record?
 * @dq: record
 */
bool dx_dq_busy(struct dx_dquot *dq)
{
	bool busy;

	spin_lock(&dq->lock);
	busy = dq->pin || dq->flushing || test_bit(DX_LI_F_IN_AIL, &dq->item.li_flags) ||
	       (dq->dirty && !dx_is_shutdown(dq->mp));
	spin_unlock(&dq->lock);
	return busy;
}
