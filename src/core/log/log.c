// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log of a mount: starting it (recovery included), forcing it, keeping it
 * covered when idle, leaving it clean, and what a shutdown does to it.
 *
 * Head and tail.  The head is where the next record goes.  The tail is the LSN of the oldest
 * item in the AIL; when the AIL is empty, the last commit record.
 *
 * Covering: an idle log ends with an empty checkpoint whose tail is itself, so
 * that recovery, ours or stock, has nothing to replay over what may have changed since
 * without the log's knowledge (a snapshot taken while frozen comes up at once).
 *
 * A clean log ends with an unmount record.  A mount that is read-only never
 * writes to the log, except that it completes a recovery with one.
 */
#include "dx_log_int.h"

#define TIMER_PERIOD	(30 * HZ)

/* ---- force ---- */

static bool seq_done(struct dx_log *l, u64 seq)
{
	bool done;

	spin_lock(&l->cil_lock);
	done = l->done_seq >= seq;
	spin_unlock(&l->cil_lock);
	return done;
}

/**
 * dx_log_force_seq - make a checkpoint durable, and all before it
 * @mp: the mount
 * @seq: CIL sequence, as a transaction got it at commit
 * @wait: for completion; else it is only started
 * @did_flush: may be NULL; set to whether the device's cache was flushed after this call began,
 *	so that data written before the call is durable, too
 *
 * Concurrent callers share a checkpoint.  No item may be locked whose unlock the writer could
 * need: it needs none.
 *
 * Return: 0, or -EIO when it is not durable and never will be.
 */
int dx_log_force_seq(struct dx_mount *mp, u64 seq, bool wait, bool *did_flush)
{
	struct dx_log *l = mp->log;
	bool kick = false, ok;

	if (did_flush)
		*did_flush = false;
	if (!l || test_bit(DX_LOG_INERT, &l->state))
		return 0;
	spin_lock(&l->cil_lock);
	seq = min(seq, l->cur_seq);
	if (seq == l->cur_seq) {
		if (list_empty(&l->ctx->items) && list_empty(&l->ctx->busy)) {
			seq--;
		} else {
			l->push_seq = seq;
			kick = true;
		}
	}
	spin_unlock(&l->cil_lock);
	if (kick)
		queue_work(mp->log_wq, &l->push_work);
	if (!wait)
		return 0;

	atomic64_inc(&l->st_forces);
	dx_trace(mp, "log_force", seq, kick, 0);
	wait_event(l->force_wait, seq_done(l, seq) || dx_log_aborted(l));
	dx_trace(mp, "log_forced", seq, READ_ONCE(l->ok_seq), 0);
	spin_lock(&l->cil_lock);
	ok = l->ok_seq >= seq;
	spin_unlock(&l->cil_lock);
	if (!ok)
		return -EIO;
	/* the switch happened after we came, so did the commit record's flush */
	if (did_flush)
		*did_flush = kick;
	return 0;
}

/**
 * dx_log_force - make everything committed so far durable
 * @mp: the mount
 * @wait: for completion
 *
 * Return: 0 or -EIO.
 */
int dx_log_force(struct dx_mount *mp, bool wait)
{
	return dx_log_force_seq(mp, (u64)-1, wait, NULL);
}

/**
 * dx_log_force_data - what fsync and sync promise: a checkpoint, all before it, and what was written in place
 * @mp: the mount
 * @seq: CIL sequence; 0: none, (u64)-1: everything committed so far
 *
 * When no log write was needed the device's cache is flushed, so in
 * either case data writes that completed before the call are durable after it.
 *
 * Return: 0 or -EIO.
 */
int dx_log_force_data(struct dx_mount *mp, u64 seq)
{
	bool flushed = false;
	int error = 0;

	if (dx_is_shutdown(mp))
		return -EIO;
	if (seq)
		error = dx_log_force_seq(mp, seq, true, &flushed);
	if (!error && !flushed)
		error = dx_plat_flush(mp->bdev);
	/* A shutdown lets go of what was never written: not pinned does not mean durable then. */
	if (!error && dx_is_shutdown(mp))
		error = -EIO;
	return error;
}

/**
 * dx_log_current_seq - sequence of the checkpoint that commits go to now
 * @mp: the mount
 */
u64 dx_log_current_seq(struct dx_mount *mp)
{
	return mp->log ? READ_ONCE(mp->log->cur_seq) : 0;
}

/**
 * dx_log_is_idle_dirty - does the log hold anything that recovery would replay?
 * @mp: the mount
 */
bool dx_log_is_idle_dirty(struct dx_mount *mp)
{
	struct dx_log *l = mp->log;

	if (!l || test_bit(DX_LOG_INERT, &l->state))
		return false;
	return !test_bit(DX_LOG_COVERED, &l->state) || !dx_cil_empty(l) || !dx_ail_is_empty(mp);
}

/* ---- shutdown ---- */

/**
 * dx_log_abort - the filesystem was shut down: nobody waits for the log any more
 * @mp: the mount, DX_OP_SHUTDOWN set
 *
 * Wakes and fails waiters for space and forces.  What is in memory is taken apart by the writer and by
 * the AIL's pusher.  Does not sleep.
 */
void dx_log_abort(struct dx_mount *mp)
{
	struct dx_log *l = mp->log;

	if (!l || test_bit(DX_LOG_INERT, &l->state))
		return;
	set_bit(DX_LOG_ABORTED, &l->state);
	smp_mb__after_atomic();		/* who queues himself after the wake-ups sees it */
	dx_space_abort(l);
	wake_up_all(&l->force_wait);
	wake_up_all(&l->throttle_wait);
	queue_work(mp->log_wq, &l->push_work);
	dx_ail_kick(mp);
}

/* ---- idle ---- */

static void log_timer(struct work_struct *work)
{
	struct dx_log *l = container_of(to_delayed_work(work), struct dx_log, timer);
	struct dx_mount *mp = l->mp;
	u64 seq = READ_ONCE(l->cur_seq);

	if (dx_is_shutdown(mp))
		return;
	if (dx_is_readonly(mp)) {
		;
	} else if (!dx_cil_empty(l)) {
		dx_cil_push_async(l);
	} else if (seq != l->timer_seq) {
		;	/* not idle for a whole period yet */
	} else if (!dx_ail_is_empty(mp)) {
		dx_ail_push(mp, dx_lsn_make(READ_ONCE(l->cycle), READ_ONCE(l->block)));
	} else if (!test_bit(DX_LOG_COVERED, &l->state)) {
		set_bit(DX_LOG_WANT_COVER, &l->state);
		queue_work(mp->log_wq, &l->push_work);
	}
	l->timer_seq = seq;
	queue_delayed_work(l->timer_wq, &l->timer, TIMER_PERIOD);
}

/* ---- quiesce ---- */

/**
 * dx_log_quiesce - everything in its place on disk, and the log says so
 * @mp: a mount into which no new transaction starts
 * @write_unmount_record: leave a clean log; else it is covered
 *
 * Transactions may follow afterwards.
 *
 * Return: 0 or -EIO.
 */
int dx_log_quiesce(struct dx_mount *mp, bool write_unmount_record)
{
	struct dx_log *l = mp->log;
	int error;

	if (!l || test_bit(DX_LOG_INERT, &l->state))
		return 0;
	do {
		error = dx_log_force(mp, true);
		if (error)
			return error;
		dx_ail_drain(mp);
		if (dx_is_shutdown(mp))
			return -EIO;
	} while (!dx_cil_empty(l));
	dx_buf_wait_all_io(mp);

	mutex_lock(&l->write_mutex);
	error = 0;
	if (WARN_ON_ONCE(!dx_ail_is_empty(mp) || !dx_cil_empty(l)))
		error = -EBUSY;
	else if (write_unmount_record && test_bit(DX_LOG_DIRTY, &l->state))
		error = dx_log_write_unmount(l);
	else if (!write_unmount_record && !test_bit(DX_LOG_COVERED, &l->state))
		error = dx_log_write_empty(l, true);
	mutex_unlock(&l->write_mutex);
	if (error == -EIO)
		dx_force_shutdown(mp, DX_SHUT_LOG_IO, __func__);
	return error;
}

/**
 * dx_log_lsn_ahead - is an LSN of a time that the log has not come to?
 * @mp: the mount
 * @lsn: found in metadata
 *
 * Any context.
 */
bool dx_log_lsn_ahead(struct dx_mount *mp, dx_lsn_t lsn)
{
	struct dx_log *l = mp->log;
	u64 head;

	if (!l || test_bit(DX_LOG_INERT, &l->state) || !lsn || lsn == DX_NULLLSN)
		return false;
	head = atomic64_read(&l->head_lsn);
	return head && lsn > head;
}

/**
 * dx_log_check_lsn - may metadata carry this LSN?
 * @mp: the mount
 * @what: the structure, for the message
 * @where: its address or number
 * @lsn: LSN found in it
 *
 * Whatever is in its place is older than the head of the log.  Any context.
 *
 * Return: 0, or -EFSCORRUPTED after a message.
 */
int dx_log_check_lsn(struct dx_mount *mp, const char *what, u64 where, dx_lsn_t lsn)
{
	u64 head;

	if (!dx_log_lsn_ahead(mp, lsn))
		return 0;
	head = atomic64_read(&mp->log->head_lsn);
	dx_err_ratelimited(mp, "%s at 0x%llx has LSN %u:%u, ahead of the log, which ends at %u:%u: the log is not the one that it was written with (zeroed, or of another copy); unmount and run xfs_repair, or mount with -o ro,norecovery to read",
			   what, (unsigned long long)where, (u32)(lsn >> 32), (u32)lsn, (u32)(head >> 32), (u32)head);
	return -EFSCORRUPTED;
}

/* ---- mount ---- */

/*
 * Stock recovery takes the number of headers of each record, and the longest
 * record that it accepts, from h_size of the record at the tail.  So while records of before the crash are
 * needed ours are like them.
 */
static int set_geometry(struct dx_log *l, const struct dx_log_head *h)
{
	struct dx_mount *mp = l->mp;
	u32 want = h->clean ? mp->opts.logbsize : h->rec_bytes;

	if (!mp->sb.logstart || !mp->sb.logblocks) {
		dx_err(mp, "an external log is not supported");
		return -EINVAL;
	}
	l->daddr = dx_log_daddr(mp);
	l->size_bb = dx_log_size_bb(mp);
	l->unit_bytes = max_t(u32, DX_BBSIZE, mp->sb.logsectsize);
	if (mp->sb.logsunit > 1)
		l->unit_bytes = max(l->unit_bytes, mp->sb.logsunit);
	if (l->unit_bytes > DX_MAX_RECORD_BYTES || l->unit_bytes % DX_BBSIZE) {
		dx_err(mp, "log stripe unit of %u bytes is not supported", l->unit_bytes);
		return -EINVAL;
	}
	if (!want)
		want = DX_BIG_RECORD_BYTES;
	want = clamp_t(u32, want, max_t(u32, DX_MIN_RECORD_BYTES, l->unit_bytes), DX_MAX_RECORD_BYTES);
	l->rec_bytes = rounddown(want, l->unit_bytes);
	l->hdr_bytes = DIV_ROUND_UP(l->rec_bytes, DX_LOG_HEADER_CYCLE_SIZE) << DX_BBSHIFT;
	l->cap_bytes = l->rec_bytes - l->hdr_bytes;
	return 0;
}

static void log_free(struct dx_log *l)
{
	struct dx_mount *mp = l->mp;

	if (l->timer_wq)
		destroy_workqueue(l->timer_wq);
	dx_cil_destroy(l);
	dx_log_rings_destroy(l);
	if (l->own_wq) {
		destroy_workqueue(mp->log_wq);
		mp->log_wq = NULL;
	}
	mp->log = NULL;
	kfree(l);
}

static int check_size(struct dx_log *l)
{
	u64 most = 0;
	int i;

	for (i = 0; i < DX_RESV_MAX; i++)
		most = max(most, dx_space_ckpt_need(l, l->mp->resv[i].logres_bytes));
	if (l->size_bb >= dx_log_min_size_bb(l->mp) && most <= dx_space_max_ticket(l))
		return 0;
	dx_err(l->mp, "the log of %u KiB is too small: make the volume with a larger one (mkfs.xfs -l size=)",
	       l->size_bb / 2);
	return -EINVAL;
}

static struct dx_log *log_alloc(struct dx_mount *mp)
{
	struct dx_log *l = kzalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return NULL;
	l->mp = mp;
	mutex_init(&l->write_mutex);
	init_waitqueue_head(&l->io_wait);
	INIT_DELAYED_WORK(&l->timer, log_timer);
	INIT_WORK(&l->push_work, dx_cil_push_work);
	l->tid = get_random_u32();
	return l;
}

/**
 * dx_log_create - make the log of a mount, not started yet
 * @mp: the mount; with norecovery that is all there is to it
 *
 * Return: 0 or -ENOMEM.
 */
int dx_log_create(struct dx_mount *mp)
{
	struct dx_log *l;
	int error = dx_ail_init(mp);

	if (error)
		return error;
	l = log_alloc(mp);
	if (!l)
		return -ENOMEM;
	mp->log = l;
	if (test_bit(DX_OP_NORECOVERY, &mp->opstate))
		set_bit(DX_LOG_INERT, &l->state);
	return 0;
}

/**
 * dx_log_is_inert - is there no log, because the mount was told to do without?
 * @mp: the mount
 */
bool dx_log_is_inert(struct dx_mount *mp)
{
	return test_bit(DX_LOG_INERT, &mp->log->state);
}

/**
 * dx_log_start - have the log ready for records
 * @mp: the mount, log created
 * @h: where it begins and ends
 *
 * Return: 0, -EINVAL, -EFSCORRUPTED, -ENOMEM: dx_log_give_up() then.
 */
int dx_log_start(struct dx_mount *mp, const struct dx_log_head *h)
{
	struct dx_log *l = mp->log;
	dx_lsn_t head;
	int error;

	error = set_geometry(l, h);
	if (error)
		return error;
	dx_space_init(l);
	error = check_size(l);
	if (error)
		return error;
	error = dx_log_rings_init(l);
	if (error)
		return error;
	if (!mp->log_wq) {
		mp->log_wq = alloc_workqueue("dioxfs-log/%s", WQ_MEM_RECLAIM | WQ_FREEZABLE | WQ_PERCPU | WQ_HIGHPRI, 0, mp->name);
		l->own_wq = mp->log_wq;
	}
	l->timer_wq = alloc_workqueue("dioxfs-logt/%s", WQ_FREEZABLE | WQ_PERCPU, 1, mp->name);
	if (!mp->log_wq || !l->timer_wq)
		return -ENOMEM;
	error = dx_cil_init(l);
	if (error)
		return error;

	l->cycle = h->head_cycle;
	l->block = h->head_block;
	l->prev_block = h->prev_block;
	head = dx_lsn_make(l->cycle, l->block);
	atomic64_set(&l->head_lsn, head);
	error = dx_log_check_lsn(mp, "superblock", 0, mp->sb.lsn);
	if (error)
		return error;
	l->stable_tail = h->clean ? head : h->tail_lsn;
	l->last_commit_lsn = l->stable_tail;
	dx_space_set(l, head, l->stable_tail);
	if (h->clean)
		set_bit(DX_LOG_COVERED, &l->state);
	else
		set_bit(DX_LOG_DIRTY, &l->state);
	return 0;
}

/**
 * dx_log_replayed - what the log held is in place and durable, but for the intents in the AIL
 * @mp: the mount, log started
 *
 * Return: 0, -ENOMEM or the device's error.
 */
int dx_log_replayed(struct dx_mount *mp)
{
	struct dx_log *l = mp->log;
	int error = dx_log_clear_stale(l);

	if (!error)
		dx_ail_set_last_commit(l, dx_lsn_make(l->cycle, l->block));
	return error;
}

/**
 * dx_log_give_up - undo dx_log_create() and what came of dx_log_start(): the mount fails
 * @mp: the mount
 */
void dx_log_give_up(struct dx_mount *mp)
{
	struct dx_log *l = mp->log;

	dx_intents_cancel(mp);
	/* recovery's intents have kicked the pusher, who looks at the log */
	dx_ail_stop(mp);
	cancel_work_sync(&l->push_work);
	log_free(l);
}

/**
 * dx_log_finished - recovery has nothing left to do
 * @mp: the mount
 * @begins: normal operation does now; else what recovery did is still to be written
 */
void dx_log_finished(struct dx_mount *mp, bool begins)
{
	struct dx_log *l = mp->log;

	set_bit(DX_LOG_FINISHED, &l->state);
	if (begins)
		queue_delayed_work(l->timer_wq, &l->timer, TIMER_PERIOD);
}

/**
 * dx_log_begin_writing - the mount is about to write to a log that it has found, or left, clean
 * @mp: a mount that may write and has not, since; no transaction runs
 *
 * Others must find the end of what we write: see dx_log_clear_stale().  A log that had to be replayed has been seen to.
 *
 * Return: 0, -ENOMEM or the device's error.
 */
int dx_log_begin_writing(struct dx_mount *mp)
{
	struct dx_log *l = mp->log;
	int error;

	mutex_lock(&l->write_mutex);
	error = dx_log_clear_stale(l);
	mutex_unlock(&l->write_mutex);
	if (error)
		dx_err(mp, "cannot prepare the log for writing: error %d", error);
	return error;
}

/**
 * dx_log_unmount - end the log
 * @mp: the mount; no transaction runs
 *
 * Leaves it clean when that is true and allowed; after a shutdown takes apart
 * what is in memory.  The AIL stays for dx_ail_destroy(), stopped.
 */
void dx_log_unmount(struct dx_mount *mp)
{
	struct dx_log *l = mp->log;

	if (!l)
		return;
	if (test_bit(DX_LOG_INERT, &l->state)) {
		mp->log = NULL;
		kfree(l);
		return;
	}
	cancel_delayed_work_sync(&l->timer);
	if (test_bit(DX_LOG_FINISHED, &l->state) && !dx_is_shutdown(mp) && !dx_is_readonly(mp)) {
		if (!dx_log_quiesce(mp, true))
			mp->log_above->settle(mp);
	}
	if (dx_is_shutdown(mp)) {
		dx_log_abort(mp);
		flush_work(&l->push_work);
		dx_intents_cancel(mp);
		dx_ail_drain(mp);
	}
	dx_ail_stop(mp);
	dx_buf_wait_all_io(mp);
	cancel_work_sync(&l->push_work);
	log_free(l);
}

/**
 * dx_log_get_stats - numbers for sysfs
 * @mp: the mount
 * @st: filled; zeros without a log
 */
void dx_log_get_stats(struct dx_mount *mp, struct dx_log_stats *st)
{
	struct dx_log *l = mp->log;
	dx_lsn_t tail;

	memset(st, 0, sizeof(*st));
	if (!l || test_bit(DX_LOG_INERT, &l->state))
		return;
	tail = dx_log_tail_lsn(mp);
	st->forces = atomic64_read(&l->st_forces);
	st->checkpoints = atomic64_read(&l->st_checkpoints);
	st->bytes = atomic64_read(&l->st_bytes);
	st->head_cycle = READ_ONCE(l->cycle);
	st->head_block = READ_ONCE(l->block);
	st->tail_cycle = tail >> 32;
	st->tail_block = (u32)tail;
	st->size_bytes = l->space.size_bytes;
	st->used_bytes = dx_space_used_bytes(l);
}
