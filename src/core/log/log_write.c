// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records: from the regions of a checkpoint to blocks of the log.
 *
 * One writer at a time (write_mutex), one checkpoint at a time, each begins in
 * a record of its own.  So an LSN names one checkpoint, and checkpoints are
 * durable in order.
 *
 * What recovery, ours and everybody's, relies on:
 *  - Each 512-byte sector starts with the cycle number in which it was
 *    written (the words that were there are in the header), one more behind the
 *    physical end of the log.  The head is where the cycle number falls.
 *  - Records that a crash may lose or tear are among the last 2 MiB.  We keep
 *    the records that are in flight or in the device's volatile cache below that: see
 *    WINDOW_BYTES.
 *  - The commit operation is durable only after all of its checkpoint: it is
 *    in the last record, which is submitted when the others have completed, with a
 *    flush before (they become durable) and FUA.
 *  - A record that carries a tail becomes durable after the metadata that
 *    was written back before the tail moved there: the tail is read before that same flush, and
 *    not after a shutdown.
 *    Earlier records of the checkpoint carry the tail that is durable already.
 *  - Nothing from the durable tail on is overwritten: the tail is published first when
 *    that is necessary (log_space.c).
 *
 * Source: "Journaling Log", sections "Log Records", "Log Operations".
 */
#include "dx_log_int.h"

#define OPH		((u32)sizeof(struct dx_op_header))
#define WINDOW_BYTES	(768u * 1024)	/* twice this and a record is less than 2 MiB */
#define STALE_BB	((u32)(8 * DX_MAX_RECORD_BYTES) >> DX_BBSHIFT)
#define DEFAULT_BUFS	8

struct writer {
	struct dx_log		*l;
	struct dx_cil_ctx	*ctx;		/* who pays for the space, or NULL */
	struct dx_log_rec	*rec;		/* being filled */
	dx_lsn_t		tail;		/* what records before the last one carry */
	u32			tid;
};

static dx_lsn_t head_lsn(struct dx_log *l)
{
	return dx_lsn_make(l->cycle, l->block);
}

static u32 next_cycle(u32 cycle)
{
	cycle++;
	/* would be taken for a record header */
	return cycle == DX_LOG_HEADER_MAGIC ? cycle + 1 : cycle;
}

/* ---- I/O ---- */

/* Any context. */
static void rec_io_done(struct dx_io *io, int error)
{
	struct dx_log_rec *rec = io->owner;
	struct dx_log *l = rec->log;
	unsigned long flags;

	if (error)
		set_bit(DX_LOG_IOERR, &l->state);
	/* all of it under the lock: see log_io_sync() */
	spin_lock_irqsave(&l->io_wait.lock, flags);
	if (atomic_dec_and_test(&rec->inflight))
		wake_up_all_locked(&l->io_wait);
	spin_unlock_irqrestore(&l->io_wait.lock, flags);
}

/* Who has seen the counts drop to zero may free the log once the completion that did it is out of here. */
static void log_io_sync(struct dx_log *l)
{
	spin_lock_irq(&l->io_wait.lock);
	spin_unlock_irq(&l->io_wait.lock);
}

static bool all_done(struct dx_log *l)
{
	u32 i;

	for (i = 0; i < l->nring; i++) {
		if (atomic_read(&l->ring[i].inflight))
			return false;
	}
	return true;
}

static int wait_all(struct dx_log *l)
{
	wait_event(l->io_wait, all_done(l));
	log_io_sync(l);
	return test_bit(DX_LOG_IOERR, &l->state) ? -EIO : 0;
}

static void submit_part(struct dx_log_rec *rec, int part, u32 block, void *data, u32 bytes, unsigned int flags)
{
	struct dx_log *l = rec->log;
	struct dx_io *io = &rec->io[part];

	*io = (struct dx_io) {
		.op = DX_IO_WRITE,
		.flags = flags | DX_IOF_META | DX_IOF_SYNC,
		.bdev = l->mp->bdev,
		.daddr_bb = l->daddr + block,
		.len_bytes = bytes,
		.data = data,
		.done = rec_io_done,
		.owner = rec,
	};
	dx_plat_submit(io);
}

/* ---- one record ---- */

static __be32 *cycle_slot(struct dx_log_rec *rec, u32 i)
{
	const u32 per = DX_LOG_HEADER_CYCLE_SIZE / DX_BBSIZE;
	struct dx_rec_header *h = (void *)rec->buf;
	struct dx_rec_ext_header *x;

	if (i < per)
		return &h->h_cycle_data[i];
	x = (void *)(rec->buf + (i / per) * DX_BBSIZE);
	return &x->xh_cycle_data[i % per];
}

/* The checksum covers the headers without their padding, and the body as it is on disk. */
static __le32 record_crc(struct dx_log *l, struct dx_log_rec *rec, u32 body)
{
	u32 crc, i;

	crc = crc32c(~0U, rec->buf, sizeof(struct dx_rec_header));
	/* only as many extension headers as this body uses */
	for (i = 1; i < DIV_ROUND_UP(body, DX_LOG_HEADER_CYCLE_SIZE); i++)
		crc = crc32c(crc, rec->buf + i * DX_BBSIZE, sizeof(struct dx_rec_ext_header));
	crc = crc32c(crc, rec->buf + l->hdr_bytes, body);
	return cpu_to_le32(~crc);
}

/* What every header of this log has, whatever the record holds; the rest is zero. */
static void fill_header(struct dx_log *l, struct dx_rec_header *h, u32 cycle, u32 block, dx_lsn_t tail)
{
	*h = (struct dx_rec_header) {
		.h_magicno = cpu_to_be32(DX_LOG_HEADER_MAGIC),
		.h_cycle = cpu_to_be32(cycle),
		.h_version = cpu_to_be32(DX_LOG_VERSION_2),
		.h_lsn = cpu_to_be64(dx_lsn_make(cycle, block)),
		.h_tail_lsn = cpu_to_be64(tail),
#ifdef __LITTLE_ENDIAN
		.h_fmt = cpu_to_be32(DX_LOG_FMT_LINUX_LE),
#else
		.h_fmt = cpu_to_be32(DX_LOG_FMT_LINUX_BE),
#endif
		.h_fs_uuid = l->mp->sb.uuid,
	};
}

/*
 * Complete the record's headers for the place at the head of the log, advance the head, start the I/O.
 */
static void rec_submit(struct writer *w, dx_lsn_t tail, unsigned int flags)
{
	struct dx_log *l = w->l;
	struct dx_log_rec *rec = w->rec;
	struct dx_rec_header *h = (void *)rec->buf;
	u32 total = roundup(l->hdr_bytes + rec->used, l->unit_bytes);
	u32 body = total - l->hdr_bytes, bb = total >> DX_BBSHIFT, block = l->block;
	u32 i, split = bb;
	char *data = rec->buf + l->hdr_bytes;
	bool wraps;

	memset(data + rec->used, 0, body - rec->used);
	memset(rec->buf, 0, l->hdr_bytes);
	fill_header(l, h, l->cycle, block, tail);
	h->h_len = cpu_to_be32(body);
	h->h_prev_block = cpu_to_be32(l->prev_block);
	h->h_num_logops = cpu_to_be32(rec->nops);
	h->h_size = cpu_to_be32(l->rec_bytes);
	for (i = 1; i < l->hdr_bytes >> DX_BBSHIFT; i++)
		*(__be32 *)(rec->buf + i * DX_BBSIZE) = cpu_to_be32(l->cycle);
	for (i = 0; i < body >> DX_BBSHIFT; i++) {
		__be32 *word = (__be32 *)(data + i * DX_BBSIZE);

		*cycle_slot(rec, i) = *word;
		*word = cpu_to_be32(l->cycle);
	}
	/* what lies behind the end of the log belongs to its next turn */
	wraps = bb > l->size_bb - block;
	if (wraps) {
		split = l->size_bb - block;
		for (i = split; i < bb; i++) {
			__be32 *word = (__be32 *)(rec->buf + i * DX_BBSIZE);

			*word = cpu_to_be32(next_cycle(be32_to_cpu(*word)));
		}
	}
	h->h_crc = record_crc(l, rec, body);

	l->prev_block = block;
	dx_space_head_moved(l, bb, w->ctx);
	l->block += bb;
	if (l->block >= l->size_bb) {
		l->block -= l->size_bb;
		l->cycle = next_cycle(l->cycle);
	}
	atomic64_set(&l->head_lsn, head_lsn(l));
	set_bit(DX_LOG_DIRTY, &l->state);
	clear_bit(DX_LOG_COVERED, &l->state);
	atomic64_add(total, &l->st_bytes);

	w->rec = NULL;
	atomic_set(&rec->inflight, wraps ? 2 : 1);
	submit_part(rec, 0, block, rec->buf, split << DX_BBSHIFT, flags);
	if (wraps)
		submit_part(rec, 1, 0, rec->buf + (split << DX_BBSHIFT), (bb - split) << DX_BBSHIFT, flags);
}

static int rec_begin(struct writer *w)
{
	struct dx_log *l = w->l;
	struct dx_log_rec *rec = &l->ring[l->next];

	l->next = (l->next + 1) % l->nring;
	wait_event(l->io_wait, !atomic_read(&rec->inflight));
	if (dx_log_aborted(l) || test_bit(DX_LOG_IOERR, &l->state))
		return -EIO;
	rec->used = 0;
	rec->nops = 0;
	w->rec = rec;
	return 0;
}

/* The record is full and others will follow. */
static int rec_next(struct writer *w)
{
	struct dx_log *l = w->l;
	unsigned int flags = 0;
	int error;

	if (l->unflushed >= WINDOW_BYTES) {
		error = wait_all(l);
		if (error)
			return error;
		flags = DX_IOF_PREFLUSH | DX_IOF_FUA;
		l->unflushed = 0;
	}
	l->unflushed += l->rec_bytes;
	rec_submit(w, w->tail, flags);
	return rec_begin(w);
}

/*
 * The last record, with the commit operation: durable when this returns, and
 * everything before it.
 */
static int rec_last(struct writer *w, dx_lsn_t *tailp, dx_lsn_t *lsnp)
{
	struct dx_log *l = w->l;
	int error = wait_all(l);

	if (error)
		return error;
	if (!*tailp)
		*tailp = dx_log_tail_lsn(l->mp);
	/*
	 * After a shutdown items leave the AIL without having been written: a tail that was read since then, or
	 * an AIL that was found empty, says nothing about the disk.
	 */
	smp_rmb();
	if (dx_is_shutdown(l->mp))
		return -EIO;
	if (lsnp)
		*lsnp = head_lsn(l);
	rec_submit(w, *tailp, DX_IOF_PREFLUSH | DX_IOF_FUA);
	error = wait_all(l);
	if (error)
		return error;
	l->unflushed = 0;
	l->stable_tail = *tailp;
	return 0;
}

static struct dx_op_header *put_oph(struct writer *w, u32 len, u8 client, u8 flags)
{
	struct dx_log_rec *rec = w->rec;
	struct dx_op_header *oh = (void *)(rec->buf + w->l->hdr_bytes + rec->used);

	oh->oh_tid = cpu_to_be32(w->tid);
	oh->oh_len = cpu_to_be32(len);
	oh->oh_clientid = client;
	oh->oh_flags = flags;
	oh->oh_res2 = 0;
	rec->used += OPH;
	rec->nops++;
	return oh;
}

/* One operation; a region that does not fit is continued in the next record. */
static int put_op(struct writer *w, const void *data, u32 len, u8 flags)
{
	const char *src = data;
	bool cont = false;
	u32 room, n;
	u8 fl;
	int error;

	do {
		room = w->l->cap_bytes - w->rec->used;
		if (room < OPH + (len ? 4 : 0)) {
			error = rec_next(w);
			if (error)
				return error;
			continue;
		}
		n = min(len, room - OPH);
		fl = flags;
		if (cont)
			fl |= DX_OH_WAS_CONT_TRANS;
		if (n < len)
			fl |= DX_OH_CONTINUE_TRANS;
		else if (cont)
			fl |= DX_OH_END_TRANS;
		put_oph(w, n, DX_OH_CLIENT_TRANS, fl);
		if (n) {
			memcpy(w->rec->buf + w->l->hdr_bytes + w->rec->used, src, n);
			w->rec->used += n;
			src += n;
		}
		len -= n;
		cont = true;
		if (!len)
			return 0;
	} while (true);
}

static int put_start(struct writer *w, u32 nregions)
{
	struct dx_trans_header th = {
		.th_magic = DX_TRANS_HEADER_MAGIC,
		.th_type = DX_TRANS_CHECKPOINT,
		.th_num_items = nregions,
	};
	struct dx_log *l = w->l;
	int error;

	/* unique among checkpoints that recovery may see at a time */
	w->tid = ++l->tid ? l->tid : ++l->tid;
	th.th_tid = w->tid;
	error = put_op(w, NULL, 0, DX_OH_START_TRANS);
	return error ? error : put_op(w, &th, sizeof(th), 0);
}

/* ---- checkpoints ---- */

/*
 * Not quite empty, because xfs_logprint does not survive a transaction without items: it
 * holds an EFD that belongs to no EFI, which means nothing to any recovery.
 */
static int write_empty(struct dx_log *l, struct dx_cil_ctx *payer, bool own_tail)
{
	struct {
		struct dx_efi_log_format f;
		struct dx_log_extent ext;
	} nothing = { .f = { .efi_type = DX_LI_EFD, .efi_size = 1, .efi_nextents = 1, .efi_id = dx_intent_new_id() } };
	struct writer w = { .l = l, .ctx = payer };
	dx_lsn_t tail = own_tail ? head_lsn(l) : 0, lsn;
	int error = rec_begin(&w);

	if (!error)
		error = put_start(&w, 1);
	if (!error)
		error = put_op(&w, &nothing, sizeof(nothing), 0);
	if (!error)
		error = put_op(&w, NULL, 0, DX_OH_COMMIT_TRANS);
	if (!error)
		error = rec_last(&w, &tail, &lsn);
	if (!error)
		dx_ail_set_last_commit(l, lsn);
	return error;
}

/**
 * dx_log_write_empty - a checkpoint without contents, for the tail it carries
 * @l: the log; write_mutex held, all checkpoints before are complete
 * @own_tail: nothing in the log is needed: the tail is this record itself
 *
 * Return: 0 or -EIO.
 */
int dx_log_write_empty(struct dx_log *l, bool own_tail)
{
	int error = write_empty(l, NULL, own_tail);

	if (!error && own_tail)
		set_bit(DX_LOG_COVERED, &l->state);
	return error;
}

/**
 * dx_ckpt_write - write a checkpoint and wait until it is durable
 * @l: the log; write_mutex held
 * @ctx: the checkpoint, switched out; its LSNs are set
 *
 * Return: 0 or -EIO: then nothing of it counts.
 */
int dx_ckpt_write(struct dx_log *l, struct dx_cil_ctx *ctx)
{
	struct writer w = { .l = l, .ctx = ctx };
	dx_lsn_t tail = 0;
	struct dx_log_vec *lv;
	int error;
	u32 i;

	/* would it overwrite what recovery needs now?  Or leave no room to publish the tail after it? */
	if (dx_lsn_distance(l, l->stable_tail, head_lsn(l)) + ctx->held + l->space.pub > l->space.size_bytes) {
		error = write_empty(l, ctx, false);
		if (error)
			return error;
		/* cannot be: log_space.c.  Better no checkpoint than an overwritten tail. */
		if (WARN_ON_ONCE(dx_lsn_distance(l, l->stable_tail, head_lsn(l)) + ctx->held + l->space.pub >
				 l->space.size_bytes))
			return -EIO;
	}

	w.tail = l->stable_tail;
	error = rec_begin(&w);
	if (error)
		return error;
	ctx->start_lsn = head_lsn(l);
	error = put_start(&w, ctx->nregions);
	list_for_each_entry(lv, &ctx->vecs, lv_list) {
		for (i = 0; !error && i < lv->lv_niovecs; i++)
			error = put_op(&w, lv->lv_iovecs[i].addr, lv->lv_iovecs[i].len_bytes, 0);
		if (error)
			break;
	}
	if (!error)
		error = put_op(&w, NULL, 0, DX_OH_COMMIT_TRANS);
	if (!error)
		error = rec_last(&w, &tail, &ctx->commit_lsn);
	if (!error)
		atomic64_inc(&l->st_checkpoints);
	else
		wait_all(l);
	return error;
}

/**
 * dx_log_write_unmount - mark the log clean
 * @l: the log; write_mutex held, everything written back, no transaction
 *
 * A record of its own with nothing but the unmount operation, its tail is itself.
 *
 * Return: 0 or -EIO.
 */
int dx_log_write_unmount(struct dx_log *l)
{
	struct writer w = { .l = l, .tid = 0xb0c0d0d0 };
	struct dx_unmount_rec rec = { .magic = DX_UNMOUNT_TYPE };
	dx_lsn_t tail;
	int error = rec_begin(&w);

	if (error)
		return error;
	put_oph(&w, sizeof(rec), DX_OH_CLIENT_LOG, DX_OH_UNMOUNT_TRANS);
	memcpy(w.rec->buf + l->hdr_bytes + w.rec->used, &rec, sizeof(rec));
	w.rec->used += sizeof(rec);
	tail = head_lsn(l);
	error = rec_last(&w, &tail, NULL);
	if (error)
		return error;
	clear_bit(DX_LOG_DIRTY, &l->state);
	set_bit(DX_LOG_COVERED, &l->state);
	/* the next record follows a clean log: nothing before it is needed */
	l->stable_tail = head_lsn(l);
	dx_ail_set_last_commit(l, l->stable_tail);
	return 0;
}

/* ---- before the first record ---- */

/* How far behind the head nothing may be touched: all that is needed, and the last record, that of an unmount, too. */
static u32 keep_bb(struct dx_log *l)
{
	u32 needed = dx_lsn_distance(l, l->stable_tail, head_lsn(l)) >> DX_BBSHIFT, last = 0;

	if (l->prev_block < l->size_bb)
		last = l->block > l->prev_block ? l->block - l->prev_block : l->block + l->size_bb - l->prev_block;
	return max(needed, last);
}

static int stale_io(struct dx_log *l, int op, u32 block, void *data, u32 bb)
{
	struct dx_io io = {
		.op = op, .flags = DX_IOF_META | DX_IOF_SYNC, .bdev = l->mp->bdev,
		.daddr_bb = l->daddr + block, .len_bytes = bb << DX_BBSHIFT, .data = data,
	};

	return dx_plat_io_wait(&io);
}

/* Are these blocks all of one cycle?  What cannot be read is not. */
static bool all_of_cycle(struct dx_log *l, u32 block, char *buf, u32 bb, u32 cycle)
{
	u32 i;

	if (stale_io(l, DX_IO_READ, block, buf, bb))
		return false;
	for (i = 0; i < bb; i++)
		if (dx_log_block_cycle(buf + (i << DX_BBSHIFT)) != cycle)
			return false;
	return true;
}

/**
 * dx_log_clear_stale - make what lies ahead of the head look like the turn before
 * @l: the log; head, previous record and stable_tail set, nothing in flight, nobody writes
 *
 * Whoever looks for the head goes by the cycle numbers, and expects the one before from the head on for as far as records may
 * be in flight.  There may be others: parts of records that a crash has torn, which would look valid behind the next ones
 * that we write; and zeroes behind the record of a log that xfs_repair made, where others see no end and take the last
 * record, somebody's fsync, for torn.  Where there are, sectors get headers of empty records with the cycle before.  Where
 * all is as it should be, nothing is written.
 *
 * Return: 0, -ENOMEM or the device's error.
 */
int dx_log_clear_stale(struct dx_log *l)
{
	u32 sect_bb = max_t(u32, l->mp->sb.logsectsize >> DX_BBSHIFT, 1), chunk_bb = DX_MAX_RECORD_BYTES >> DX_BBSHIFT;
	u32 block = l->block, cycle = l->cycle - 1, todo = min(STALE_BB, l->size_bb - keep_bb(l));
	bool written = false;
	char *buf;
	int error = 0;

	/* whole sectors of the device; the log's size is a multiple, too */
	todo = rounddown(todo, sect_bb);
	buf = kvmalloc(DX_MAX_RECORD_BYTES, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	while (todo && !error) {
		u32 n = min3(todo, chunk_bb, l->size_bb - block), i;

		if (!all_of_cycle(l, block, buf, n, cycle)) {
			memset(buf, 0, n << DX_BBSHIFT);
			for (i = 0; i < n; i++)
				fill_header(l, (void *)(buf + (i << DX_BBSHIFT)), cycle, block + i, l->stable_tail);
			error = stale_io(l, DX_IO_WRITE, block, buf, n);
			written = true;
		}
		todo -= n;
		block += n;
		if (block == l->size_bb) {
			block = 0;
			cycle = l->cycle;
		}
	}
	kvfree(buf);
	return error || !written ? error : dx_plat_flush(l->mp->bdev);
}

/* ---- buffers ---- */

/**
 * dx_log_rings_init - make the record buffers
 * @l: the log, geometry set
 *
 * Return: 0 or -ENOMEM.
 */
int dx_log_rings_init(struct dx_log *l)
{
	u32 i;

	l->nring = l->mp->opts.logbufs ? clamp_t(u32, l->mp->opts.logbufs, 2, 8) : DEFAULT_BUFS;
	/* what is in flight counts for the window, too */
	l->nring = min_t(u32, l->nring, max_t(u32, 2, WINDOW_BYTES / l->rec_bytes));
	l->ring = kcalloc(l->nring, sizeof(*l->ring), GFP_KERNEL);
	if (!l->ring)
		return -ENOMEM;
	for (i = 0; i < l->nring; i++) {
		l->ring[i].log = l;
		l->ring[i].buf = kvmalloc(l->rec_bytes, GFP_KERNEL);
		if (!l->ring[i].buf) {
			dx_log_rings_destroy(l);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * dx_log_rings_destroy - free the record buffers
 * @l: the log; nothing in flight
 */
void dx_log_rings_destroy(struct dx_log *l)
{
	u32 i;

	if (!l->ring)
		return;
	for (i = 0; i < l->nring; i++)
		kvfree(l->ring[i].buf);
	kfree(l->ring);
	l->ring = NULL;
}
