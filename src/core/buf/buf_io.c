// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing metadata buffers.
 *
 * Invariants:
 *  - The read verifier runs before anybody sees the contents, the write
 *    verifier before they leave memory.
 *  - Write-ahead: a buffer whose change is not in the log on disk (pinned) is never
 *    submitted.  Pins come only with the buffer locked, so a check under
 *    the lock holds until the unlock.
 *  - The buffer stays locked from before submission until its item
 *    has been dealt with.  An asynchronous write owns the lock and one reference;
 *    dx_buf_io_work() gives both back.
 *  - After a shutdown writes end in -EIO without touching the device, yet
 *    their items are dealt with, so that unmount completes.
 *
 * Completion of an I/O may run in interrupt context and does nothing but
 * count and hand over: to the waiter, or to a worker of mp->buf_wq.
 */
#include "dx_buf_cache.h"

/* Any context. */
static void io_done(struct dx_io *io, int error)
{
	struct dx_buf *bp = io->owner;

	if (error)
		WRITE_ONCE(bp->b_error, error);
	if (!atomic_dec_and_test(&bp->b_io_remaining))
		return;
	if (bp->b_flags & (DX_BF_ASYNC | DX_BF_READING))
		queue_work(bp->b_mp->buf_wq, &bp->b_iowork);
	else
		complete(&bp->b_iowait);
}

static void submit(struct dx_buf *bp, enum dx_io_op op, unsigned int flags)
{
	char *data = bp->b_addr;
	int i, n = bp->b_nmaps;

	bp->b_error = 0;
	reinit_completion(&bp->b_iowait);
	/* one extra, so that completion cannot overtake the loop */
	atomic_set(&bp->b_io_remaining, n + 1);
	for (i = 0; i < n; i++) {
		struct dx_io *io = &bp->b_ios[i];

		*io = (struct dx_io) {
			.op = op,
			.flags = flags | DX_IOF_META,
			.bdev = bp->b_mp->bdev,
			.daddr_bb = bp->b_maps[i].daddr,
			.len_bytes = (size_t)bp->b_maps[i].len_bb << DX_BBSHIFT,
			.data = data,
			.done = io_done,
			.owner = bp,
		};
		data += io->len_bytes;
		dx_plat_submit(io);
	}
	/* drop the extra one: the last segment's dx_io is not used for more than its owner */
	io_done(&bp->b_ios[0], 0);
}

static void async_begin(struct dx_buf *bp)
{
	atomic_inc(&bp->b_mp->bufs->async_io);
}

static void async_end(struct dx_mount *mp)
{
	if (atomic_dec_and_test(&mp->bufs->async_io))
		wake_up_all(&mp->bufs->async_wait);
}

/* ---- reading ---- */

/* Task context, buffer locked, all segments are in. */
static int read_end(struct dx_buf *bp)
{
	int error = bp->b_error;

	if (error) {
		dx_err_ratelimited(bp->b_mp, "cannot read metadata at daddr 0x%llx, length %u: error %d",
				   (unsigned long long)bp->b_maps[0].daddr, bp->b_len_bb, error);
		bp->b_mp->buf_above->failed(bp->b_mp, bp->b_maps[0].daddr, bp->b_maps[0].len_bb);
	} else if (bp->b_ops && bp->b_ops->verify_read) {
		error = bp->b_ops->verify_read(bp);
		if (!error)
			error = dx_buf_check_lsn(bp);
	}
	if (error) {
		bp->b_ops = NULL;
		bp->b_error = error;
	} else {
		bp->b_flags |= DX_BF_DONE;
	}
	return error;
}

/**
 * dx_buf_read_io - read a buffer's contents
 * @bp: locked buffer, b_ops set, not DX_BF_DONE
 * @ahead: do not wait; lock and reference pass to the completion
 *
 * Private to the buffer cache.
 *
 * Return: 0 or the error of the device or of the verifier.
 */
int dx_buf_read_io(struct dx_buf *bp, bool ahead)
{
	if (dx_is_shutdown(bp->b_mp)) {
		bp->b_ops = NULL;
		if (ahead)
			dx_buf_leave(bp);
		return -EIO;
	}
	if (ahead) {
		bp->b_flags |= DX_BF_READING;
		async_begin(bp);
		submit(bp, DX_IO_READ, DX_IOF_RAHEAD);
		return 0;
	}
	submit(bp, DX_IO_READ, DX_IOF_SYNC);
	wait_for_completion(&bp->b_iowait);
	return read_end(bp);
}

/* ---- writing ---- */

/* May the contents go out?  If not, b_error says why. */
static bool write_allowed(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	int error;

	bp->b_error = 0;
	if (dx_is_shutdown(mp)) {
		bp->b_error = -EIO;
		return false;
	}
	if (WARN_ON_ONCE(dx_buf_is_pinned(bp))) {
		/* would break write-ahead: the disk keeps the old, consistent state instead */
		bp->b_error = -EIO;
		dx_force_shutdown(mp, DX_SHUT_CORRUPT_INCORE, __func__);
		return false;
	}
	if (!bp->b_ops || !bp->b_ops->verify_write)
		return true;
	error = bp->b_ops->verify_write(bp);
	if (!error)
		return true;
	dx_err(mp, "refusing to write a bad %s to daddr 0x%llx", bp->b_ops->name,
	       (unsigned long long)bp->b_maps[0].daddr);
	bp->b_error = error;
	dx_force_shutdown(mp, DX_SHUT_CORRUPT_INCORE, __func__);
	return false;
}

/*
 * Task context, buffer locked, the write has ended or was refused.  A failed
 * one leaves the items where they are (the log looks at b_error), so
 * that the AIL tries again, for as long as the mount's policy says.
 */
static void write_end(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;

	if (!bp->b_error) {
		bp->b_flags &= ~DX_BF_WRITE_FAIL;
		dx_retry_succeeded(&bp->b_retry);
	} else if (!dx_is_shutdown(mp)) {
		dx_err_ratelimited(mp, "cannot write metadata to daddr 0x%llx, length %u: error %d",
				   (unsigned long long)bp->b_maps[0].daddr, bp->b_len_bb, bp->b_error);
		mp->buf_above->failed(mp, bp->b_maps[0].daddr, bp->b_maps[0].len_bb);
		bp->b_flags |= DX_BF_WRITE_FAIL;
		if (dx_retry_failed(mp, &bp->b_retry, bp->b_error))
			dx_force_shutdown(mp, DX_SHUT_META_IO, __func__);
	}
	mp->buf_above->written(bp);
}

/**
 * dx_buf_io_work - completion of asynchronous I/O in a context that may sleep
 * @work: the buffer's b_iowork
 *
 * Private to the buffer cache.  Ends with the lock and the reference given back.
 */
void dx_buf_io_work(struct work_struct *work)
{
	struct dx_buf *bp = container_of(work, struct dx_buf, b_iowork);
	struct dx_mount *mp = bp->b_mp;

	if (bp->b_flags & DX_BF_READING) {
		bp->b_flags &= ~DX_BF_READING;
		read_end(bp);
	} else {
		bp->b_flags &= ~DX_BF_ASYNC;
		write_end(bp);
	}
	dx_buf_leave(bp);
	async_end(mp);
}

static void write_async(struct dx_buf *bp)
{
	bp->b_flags |= DX_BF_ASYNC;
	async_begin(bp);
	if (write_allowed(bp))
		submit(bp, DX_IO_WRITE, 0);
	else
		queue_work(bp->b_mp->buf_wq, &bp->b_iowork);
}

/* The buffer is locked and the log holds all of its changes when this returns. */
static void force_unpinned(struct dx_buf *bp)
{
	if (!dx_buf_is_pinned(bp))
		return;
	bp->b_mp->buf_above->unpin(bp->b_mp, true);
	dx_buf_wait_unpinned(bp);
}

/**
 * dx_buf_bwrite - write a buffer and wait
 * @bp: locked buffer; lock and reference stay the caller's
 *
 * A pinned buffer forces the log first.
 *
 * Return: 0, or the error of the device or the verifier, -EIO after a shutdown.
 */
int dx_buf_bwrite(struct dx_buf *bp)
{
	int error;

	bp->b_flags = (bp->b_flags & ~DX_BF_DELWRI) | DX_BF_DONE;
	force_unpinned(bp);
	if (write_allowed(bp)) {
		submit(bp, DX_IO_WRITE, DX_IOF_SYNC);
		wait_for_completion(&bp->b_iowait);
	}
	error = bp->b_error;
	write_end(bp);
	return error;
}

/* ---- delayed write lists ---- */

/**
 * dx_buf_write_later - put a buffer on a list of things to write
 * @bp: locked buffer
 * @list: the caller's private list
 *
 * The list takes a reference.  A buffer that is on some list already stays there.
 *
 * Return: false if the buffer was queued before this call.
 */
bool dx_buf_write_later(struct dx_buf *bp, struct list_head *list)
{
	if (bp->b_flags & DX_BF_DELWRI)
		return false;
	/*
	 * Somebody may have written or staled it while it was listed: then the
	 * flag is off but it is still on that list, whose owner will look at the flag again.
	 */
	bp->b_flags |= DX_BF_DELWRI | DX_BF_DONE;
	if (list_empty(&bp->b_delwri)) {
		dx_buf_hold(bp);
		list_add_tail(&bp->b_delwri, list);
	}
	return true;
}

static int cmp_daddr(void *priv, const struct list_head *a, const struct list_head *b)
{
	dx_daddr_t da = list_entry(a, struct dx_buf, b_delwri)->b_maps[0].daddr;
	dx_daddr_t db = list_entry(b, struct dx_buf, b_delwri)->b_maps[0].daddr;

	return da < db ? -1 : da > db;
}

/* Locked buffer from a list: still to be written?  If not it is dropped, its reference with it. */
static bool still_queued(struct dx_buf *bp)
{
	if (bp->b_flags & DX_BF_DELWRI)
		return true;
	list_del_init(&bp->b_delwri);
	dx_buf_leave(bp);
	return false;
}

/**
 * dx_buf_write_queued - write everything on a list and wait
 * @list: the caller's private list; empty afterwards
 *
 * Takes the lock of each buffer: the caller holds none of them.  Pinned
 * ones force the log once.
 *
 * Return: 0 or the first error.
 */
int dx_buf_write_queued(struct list_head *list)
{
	struct dx_buf *bp, *n;
	int error = 0;
	LIST_HEAD(wait);

	dx_list_sort(NULL, list, cmp_daddr);
	list_for_each_entry(bp, list, b_delwri) {
		if (dx_buf_is_pinned(bp)) {
			bp->b_mp->buf_above->unpin(bp->b_mp, true);
			break;
		}
	}
	list_for_each_entry_safe(bp, n, list, b_delwri) {
		dx_buf_lock(bp);
		if (!still_queued(bp))
			continue;
		force_unpinned(bp);
		bp->b_flags &= ~DX_BF_DELWRI;
		list_move_tail(&bp->b_delwri, &wait);
		if (write_allowed(bp))
			submit(bp, DX_IO_WRITE, DX_IOF_SYNC);
		else
			complete(&bp->b_iowait);
	}
	list_for_each_entry_safe(bp, n, &wait, b_delwri) {
		list_del_init(&bp->b_delwri);
		wait_for_completion(&bp->b_iowait);
		if (!error)
			error = bp->b_error;
		write_end(bp);
		dx_buf_leave(bp);
	}
	return error;
}

/**
 * dx_buf_start_queued - start writing what can be written now
 * @list: the caller's private list
 *
 * Locked and pinned buffers stay listed.  Errors are dealt with at completion.
 *
 * Return: number of buffers that stayed because they are pinned.
 */
int dx_buf_start_queued(struct list_head *list)
{
	struct dx_buf *bp, *n;
	int pinned = 0;

	dx_list_sort(NULL, list, cmp_daddr);
	list_for_each_entry_safe(bp, n, list, b_delwri) {
		if (dx_buf_is_pinned(bp)) {
			pinned++;
			continue;
		}
		if (!dx_buf_trylock(bp))
			continue;
		if (!still_queued(bp))
			continue;
		if (dx_buf_is_pinned(bp)) {
			pinned++;
			dx_buf_unlock(bp);
			continue;
		}
		bp->b_flags &= ~DX_BF_DELWRI;
		list_del_init(&bp->b_delwri);
		write_async(bp);
	}
	return pinned;
}

/**
 * dx_buf_forget_queued - forget a list without writing
 * @list: the caller's private list; empty afterwards
 */
void dx_buf_forget_queued(struct list_head *list)
{
	struct dx_buf *bp, *n;

	list_for_each_entry_safe(bp, n, list, b_delwri) {
		dx_buf_lock(bp);
		bp->b_flags &= ~DX_BF_DELWRI;
		list_del_init(&bp->b_delwri);
		dx_buf_leave(bp);
	}
}

/**
 * dx_buf_wait_all_io - sleep until no asynchronous I/O is in flight
 * @mp: the mount
 *
 * Nobody may start more meanwhile, or this ends at a time when there is none by chance.
 */
void dx_buf_wait_all_io(struct dx_mount *mp)
{
	if (mp->bufs)
		wait_event(mp->bufs->async_wait, !atomic_read(&mp->bufs->async_io));
}
