// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log recovery, the transactions: from records to committed lists of items.
 *
 * The records from tail to head are read at least twice.  The first pass learns which buffers were freed
 * later (what they held before must not come back over what the blocks hold now), and
 * whether there is anything that we cannot do.  Others may follow that replay into copies of some blocks, to see
 * what the log is going to leave (recover_look.c, gate.c).  The last pass replays.  Until it begins nothing is
 * written, so that a refusal leaves the volume as it was.
 *
 * A transaction is the operations of one tid between its start and its commit; records may interleave several, and one
 * operation may be split over records.  What has no commit did not happen.  What
 * has no start began before the tail and is on disk.
 *
 * Buffers are written whenever the LSN of the transactions changes: within one LSN a buffer on disk that is
 * as new as the transaction is taken to hold all of it.  (Blocks torn by the crash wait for the end.)
 *
 * Single-threaded, at mount; no locks but those of the buffers at hand.
 *
 * Source: "Journaling Log", "Log Operations".
 */
#include "dx_recover.h"
#include "dx_alloc.h"
#include "dx_inode.h"
#include "dx_cow.h"

/*
 * Checkpoints that may be open at a time: those that were on their way in a crash, and few crashes can leave theirs
 * between tail and head.
 */
#define MAX_OPEN_TRANS	1024
/* Memory for what they hold, of a log of the largest size: a checkpoint is an eighth of its log, or hardly more. */
#define MAX_HELD_BYTES	(1ULL << 30)

#define OH_FLAGS	(DX_OH_START_TRANS | DX_OH_COMMIT_TRANS | DX_OH_CONTINUE_TRANS | DX_OH_WAS_CONT_TRANS | \
			 DX_OH_END_TRANS | DX_OH_UNMOUNT_TRANS)

struct rtrans {
	struct list_head	list;
	u32			tid;
	dx_lsn_t		lsn;		/* of the record with the start */
	struct dx_trans_header	head;
	u32			head_len;	/* bytes of it seen */
	u64			held_bytes;	/* of rc->held_bytes */
	struct list_head	items;
};

static int bad_log(struct dx_recovery *rc, const char *what, u64 value)
{
	dx_err(rc->mp, "corrupt log: bad %s %llu (0x%llx): run xfs_repair", what, (unsigned long long)value,
	       (unsigned long long)value);
	return -EFSCORRUPTED;
}

/* ---- collecting ---- */

static void free_item(struct dx_ritem *it)
{
	u16 i;

	for (i = 0; i < it->cnt; i++)
		kvfree(it->r[i].addr);
	kvfree(it->r);
	kfree(it);
}

static void free_trans(struct dx_recovery *rc, struct rtrans *t)
{
	struct dx_ritem *it, *n;

	list_del(&t->list);
	list_for_each_entry_safe(it, n, &t->items, list) {
		list_del(&it->list);
		free_item(it);
	}
	rc->held_bytes -= t->held_bytes;
	rc->ntrans--;
	kfree(t);
}

/* Whole transactions are kept, until they commit: as much as the log can hold, and what keeping it costs. */
static int hold(struct dx_recovery *rc, struct rtrans *t, u64 bytes)
{
	u64 max = min_t(u64, 2 * ((u64)dx_log_size_bb(rc->mp) << DX_BBSHIFT), MAX_HELD_BYTES);

	if (rc->held_bytes + bytes > max) {
		dx_err(rc->mp, "corrupt log: transaction 0x%x without end: more than %llu bytes: run xfs_repair", t->tid,
		       (unsigned long long)max);
		return -EFSCORRUPTED;
	}
	rc->held_bytes += bytes;
	t->held_bytes += bytes;
	return 0;
}

static struct rtrans *find_trans(struct dx_recovery *rc, u32 tid)
{
	struct rtrans *t;

	list_for_each_entry(t, &rc->trans[tid % DX_RECOVER_HASH], list)
		if (t->tid == tid)
			return t;
	return NULL;
}

static int begin_trans(struct dx_recovery *rc, u32 tid, dx_lsn_t lsn)
{
	struct rtrans *t;

	if (rc->ntrans >= MAX_OPEN_TRANS) {
		dx_err(rc->mp, "corrupt log: %u transactions (the last is 0x%x) without end: run xfs_repair", rc->ntrans, tid);
		return -EFSCORRUPTED;
	}
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	rc->ntrans++;
	t->tid = tid;
	t->lsn = lsn;
	INIT_LIST_HEAD(&t->items);
	list_add(&t->list, &rc->trans[tid % DX_RECOVER_HASH]);
	return 0;
}

static int add_header(struct dx_recovery *rc, struct rtrans *t, const void *p, u32 len)
{
	if (len > sizeof(t->head) - t->head_len)
		return bad_log(rc, "transaction header length", (u64)t->head_len + len);
	memcpy((char *)&t->head + t->head_len, p, len);
	t->head_len += len;
	if (t->head_len >= sizeof(t->head.th_magic) && t->head.th_magic != DX_TRANS_HEADER_MAGIC)
		return bad_log(rc, "th_magic", t->head.th_magic);
	return 0;
}

static struct dx_ritem *last_item(struct rtrans *t)
{
	return list_empty(&t->items) ? NULL : list_last_entry(&t->items, struct dx_ritem, list);
}

/* The first region of an item begins with its type and the number of its regions. */
static int begin_item(struct dx_recovery *rc, struct rtrans *t, const void *p, u32 len, struct dx_ritem **itp)
{
	struct dx_ritem *it;
	u16 head[2];
	int error;

	if (len < sizeof(head))
		return bad_log(rc, "item length", len);
	memcpy(head, p, sizeof(head));
	if (!head[1] || head[1] > dx_ritem_max_regions(head[0])) {
		dx_err(rc->mp, "corrupt log: item of type 0x%04x: bad number of regions %u: run xfs_repair", head[0], head[1]);
		return -EFSCORRUPTED;
	}
	error = hold(rc, t, sizeof(*it) + head[1] * sizeof(*it->r));
	if (error)
		return error;
	it = kzalloc(sizeof(*it), GFP_KERNEL);
	if (!it)
		return -ENOMEM;
	it->type = head[0];
	it->total = head[1];
	it->r = kvcalloc(it->total, sizeof(*it->r), GFP_KERNEL);
	if (!it->r) {
		kfree(it);
		return -ENOMEM;
	}
	list_add_tail(&it->list, &t->items);
	*itp = it;
	return 0;
}

static int add_region(struct dx_recovery *rc, struct rtrans *t, const void *p, u32 len)
{
	struct dx_ritem *it = last_item(t);
	void *copy;
	int error;

	if (!len)
		return 0;
	if (t->head_len < sizeof(t->head))
		return add_header(rc, t, p, len);
	if (len > DX_MAX_REGION_BYTES)
		return bad_log(rc, "region length", len);
	if (!it || it->cnt == it->total) {
		error = begin_item(rc, t, p, len, &it);
		if (error)
			return error;
	}
	error = hold(rc, t, len);
	if (error)
		return error;
	/* kmalloc alignment is what the structures in it need */
	copy = kvmalloc(len, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, p, len);
	it->r[it->cnt++] = (struct dx_rregion) { .addr = copy, .len = len, .room = len };
	return 0;
}

/* The rest of an operation that did not fit the record before. */
static int continue_region(struct dx_recovery *rc, struct rtrans *t, const void *p, u32 len)
{
	struct dx_ritem *it = last_item(t);
	struct dx_rregion *r;
	int error;

	if (!len)
		return 0;
	if (t->head_len < sizeof(t->head))
		return add_header(rc, t, p, len);
	if (!it || !it->cnt)
		return bad_log(rc, "continuation of nothing, length", len);
	r = &it->r[it->cnt - 1];
	if (len > DX_MAX_REGION_BYTES - r->len)
		return bad_log(rc, "region length", (u64)r->len + len);
	if (r->len + len > r->room) {
		/* doubled, so that many small parts are not copied each time */
		u32 room = min_t(u32, max(r->len + len, 2 * r->room), DX_MAX_REGION_BYTES);
		char *grown;

		error = hold(rc, t, room - r->room);
		if (error)
			return error;
		grown = kvmalloc(room, GFP_KERNEL);
		if (!grown)
			return -ENOMEM;
		memcpy(grown, r->addr, r->len);
		kvfree(r->addr);
		r->addr = grown;
		r->room = room;
	}
	memcpy(r->addr + r->len, p, len);
	r->len += len;
	return 0;
}

/* ---- committing ---- */

static int do_item(struct dx_recovery *rc, const struct dx_ritem_ops *ops, struct dx_ritem *it, dx_lsn_t lsn)
{
	if (rc->pass != DX_PASS_REPLAY && it->type == DX_LI_BUF) {
		int error = dx_buf_look(rc, it, lsn);

		if (error)
			return error;
	}
	if (rc->pass == DX_PASS_SCAN)
		return ops->pass1 ? ops->pass1(rc, it) : 0;
	rc->nitems++;
	return ops->pass2 ? ops->pass2(rc, it, lsn) : 0;
}

static int commit_trans(struct dx_recovery *rc, struct rtrans *t)
{
	const struct dx_ritem_ops *ops;
	struct dx_ritem *it;
	unsigned int order;
	int error;

	if (t->head_len < sizeof(t->head) && !list_empty(&t->items))
		return bad_log(rc, "transaction header length", t->head_len);
	list_for_each_entry(it, &t->items, list)
		dx_ritem_note_growth(rc, it);
	list_for_each_entry(it, &t->items, list) {
		ops = dx_ritem_ops(it->type);
		if (!ops) {
			dx_err(rc->mp, "the log holds items of type 0x%04x, which this driver does not know: mount the volume once with one that does, or read-only with -o ro,norecovery",
			       it->type);
			return -EINVAL;
		}
		error = dx_ritem_check(rc, it, ops->name);
		if (error)
			return error;
	}
	if (rc->pass == DX_PASS_REPLAY && rc->bufs_lsn != t->lsn) {
		error = dx_replay_flush(rc, false);
		if (error)
			return error;
		rc->bufs_lsn = t->lsn;
	}
	for (order = 0; order < DX_RORDER_MAX; order++) {
		list_for_each_entry(it, &t->items, list) {
			ops = dx_ritem_ops(it->type);
			if (dx_ritem_order(ops, it) != order)
				continue;
			error = do_item(rc, ops, it, t->lsn);
			if (error)
				return error;
			cond_resched();
		}
	}
	return 0;
}

/* ---- operations and records ---- */

static int do_op(struct dx_recovery *rc, const struct dx_op_header *op, const void *p, u32 len, dx_lsn_t lsn)
{
	u32 tid = be32_to_cpu(op->oh_tid);
	struct rtrans *t = find_trans(rc, tid);
	int error;

	/* an unmount, remount or freeze in the past */
	if (op->oh_flags & DX_OH_UNMOUNT_TRANS) {
		if (t)
			free_trans(rc, t);
		return 0;
	}
	if (op->oh_flags & DX_OH_START_TRANS) {
		/* a number used again without a commit in between: the first one never got one */
		if (t)
			free_trans(rc, t);
		error = begin_trans(rc, tid, lsn);
		if (error || !len)
			return error;
		t = find_trans(rc, tid);
		return add_region(rc, t, p, len);
	}
	if (!t)
		return 0;
	if (op->oh_flags & DX_OH_COMMIT_TRANS) {
		error = commit_trans(rc, t);
		free_trans(rc, t);
		return error;
	}
	if (op->oh_flags & DX_OH_WAS_CONT_TRANS)
		return continue_region(rc, t, p, len);
	return add_region(rc, t, p, len);
}

static int do_record(struct dx_recovery *rc, struct dx_record *rec)
{
	const char *p = dx_record_body(rec), *end = p + rec->len_bytes;
	struct dx_op_header op;
	u32 n, len;
	int error;

	for (n = 0; n < rec->nops; n++) {
		if (end - p < (ptrdiff_t)sizeof(op))
			return bad_log(rc, "h_num_logops", rec->nops);
		memcpy(&op, p, sizeof(op));
		p += sizeof(op);
		len = be32_to_cpu(op.oh_len);
		if (len > (size_t)(end - p))
			return bad_log(rc, "oh_len", len);
		if (op.oh_clientid != DX_OH_CLIENT_TRANS && op.oh_clientid != DX_OH_CLIENT_LOG)
			return bad_log(rc, "oh_clientid", op.oh_clientid);
		if (op.oh_flags & ~OH_FLAGS)
			return bad_log(rc, "oh_flags", op.oh_flags);
		error = do_op(rc, &op, p, len, rec->lsn);
		if (error)
			return error;
		p += len;
	}
	return 0;
}

static void drop_open_trans(struct dx_recovery *rc)
{
	struct rtrans *t, *n;
	int i;

	for (i = 0; i < DX_RECOVER_HASH; i++)
		list_for_each_entry_safe(t, n, &rc->trans[i], list)
			free_trans(rc, t);
}

/**
 * dx_recover_pass - go over the log once, from tail to head
 * @rc: the recovery
 * @pass: what is done with each transaction
 *
 * Return: 0, -EINVAL (refused), -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_recover_pass(struct dx_recovery *rc, enum dx_rpass pass)
{
	const struct dx_log_head *h = rc->head;
	u32 block = h->tail_block, cycle = h->tail_cycle, left;
	struct dx_log_reader r;
	struct dx_record rec = { };
	const char *why;
	int error;

	rc->pass = pass;
	rc->nintents = 0;
	dx_replay_rewind(rc);
	error = dx_log_reader_init(&r, rc->mp);
	if (error)
		return error;
	left = h->head_block - h->tail_block + (h->head_cycle != h->tail_cycle ? r.size_bb : 0);
	error = dx_record_alloc(&rec);
	while (!error && left) {
		error = dx_record_header(&r, block, &rec, &why);
		if (!error && (rec.cycle != cycle || dx_record_bb(&rec) > left)) {
			why = rec.cycle != cycle ? "h_cycle" : "h_len";
			error = -EFSCORRUPTED;
		}
		if (error) {
			if (error == -EFSCORRUPTED)
				dx_err(rc->mp, "corrupt log record at block %u: bad %s: run xfs_repair", block, why);
			break;
		}
		error = dx_record_read(&r, &rec);
		if (error)
			break;
		if (!dx_record_crc_ok(&rec)) {
			dx_err(rc->mp, "corrupt log record at block %u: checksum does not match: run xfs_repair", block);
			error = -EFSCORRUPTED;
			break;
		}
		if (!dx_record_is_native(&rec)) {
			dx_err(rc->mp, "the log was written on a machine of the other byte order: recover it there");
			error = -EINVAL;
			break;
		}
		dx_record_unpack(&rec);
		error = do_record(rc, &rec);
		left -= dx_record_bb(&rec);
		block += dx_record_bb(&rec);
		if (block >= r.size_bb) {
			block -= r.size_bb;
			cycle++;
		}
	}
	drop_open_trans(rc);
	dx_record_free(&rec);
	dx_log_reader_done(&r);
	return error;
}

/* What forbids to replay, known before the log is read. */
static int may_replay(struct dx_mount *mp)
{
	u32 unknown = mp->sb.features_log_incompat & ~DX_SB_FEAT_INCOMPAT_LOG_XATTRS;

	if (test_bit(DX_OP_RO_DEVICE, &mp->opstate)) {
		dx_err(mp, "the log needs recovery but the device is read-only: mount with -o ro,norecovery");
		return -EROFS;
	}
	if (dx_sb_ro_unsupported(mp)) {
		dx_err(mp, "the log needs recovery but the volume has features that can only be read (0x%x): mount it once with the kernel's own xfs, or with -o ro,norecovery",
		       dx_sb_ro_unsupported(mp));
		return -EINVAL;
	}
	if (unknown) {
		dx_err(mp, "unknown incompatible log features 0x%x: mount the volume once with a driver that knows them",
		       unknown);
		return -EINVAL;
	}
	return 0;
}

/**
 * dx_recover_replay - bring what the log holds to its place on disk
 * @mp: the mount: buffer cache, perags and AIL exist
 * @h: from dx_recover_find(), not clean
 *
 * Afterwards all replayed buffers are on disk, and intents without their done items are in the AIL
 * for dx_recover_finish().  Nothing is written before the first pass has found the log good.
 * DX_OP_WAS_DIRTY and DX_OP_RECOVERING are the caller's.
 *
 * The geometry in @mp is that which the log leaves, if it holds a change of size.
 *
 * Return: 0; -EROFS, -EINVAL (refused, untouched); -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_recover_replay(struct dx_mount *mp, struct dx_log_head *h)
{
	struct dx_recovery *rc;
	int error, i;

	if (h->clean)
		return 0;
	error = may_replay(mp);
	if (error)
		return error;
	rc = kzalloc(sizeof(*rc), GFP_KERNEL);
	if (!rc)
		return -ENOMEM;
	rc->mp = mp;
	rc->head = h;
	rc->above = &dx_replay_above;
	/* the rest of the last AG may have been inside before the volume shrank */
	rc->dblocks = max(mp->sb.dblocks, min_t(u64, (u64)mp->sb.agcount * mp->sb.agblocks,
						dx_bb_to_fsbt(mp, dx_plat_size_bb(mp->bdev))));
	rc->cancels = rc->intents = RB_ROOT;
	for (i = 0; i < DX_RECOVER_HASH; i++) {
		INIT_LIST_HEAD(&rc->trans[i]);
		INIT_LIST_HEAD(&rc->looks[i]);
	}
	INIT_LIST_HEAD(&rc->bufs);
	INIT_LIST_HEAD(&rc->torn);

	/* the superblock is never freed: the first pass can follow it already */
	error = dx_look_add(rc, 0, 1u << mp->sectbb_log, &dx_sb_buf_ops);
	if (!error)
		error = dx_recover_pass(rc, DX_PASS_SCAN);
	if (!error)
		error = dx_recover_check_intents(rc);
	if (!error)
		error = dx_gate_superblock(rc);
	if (!error)
		error = may_replay(mp);
	dx_look_free_all(rc);
	/* to here nothing has been written */
	set_bit(DX_OP_REPLAYING, &mp->opstate);
	if (!error)
		error = dx_recover_pass(rc, DX_PASS_REPLAY);
	if (!error)
		error = dx_replay_flush(rc, true);
	clear_bit(DX_OP_REPLAYING, &mp->opstate);
	if (!error)
		error = dx_plat_flush(mp->bdev);
	if (error) {
		dx_buf_forget_queued(&rc->bufs);
		dx_buf_forget_queued(&rc->torn);
		dx_err(mp, "recovery failed: error %d", error);
	}
	dx_replay_free_tables(rc);
	kfree(rc);
	return error;
}

/**
 * dx_recover_finish - do what the log had promised
 * @mp: the mount, log running
 *
 * Extents that were to be freed are freed, then inodes that were unlinked but open, and what was staged for copies.
 * DX_OP_RECOVERING is set and stays set.
 *
 * Return: 0 or -errno; an unlinked inode that cannot be freed is reported but does not fail the mount.
 */
int dx_recover_finish(struct dx_mount *mp)
{
	int error;

	error = dx_intents_finish(mp);
	dx_bmap_recovered(mp, !error);
	if (error) {
		dx_err(mp, "cannot finish what the log began: error %d", error);
		return error;
	}
	/* their blocks must be free before inactivation wants any */
	error = dx_log_force(mp, true);
	if (error)
		return error;
	error = dx_iunlink_process_all(mp);
	if (!error)
		error = dx_refcount_free_leftovers(mp);
	if (error)
		return error;
	return dx_log_force(mp, true);
}

/**
 * dx_recover_cancel - give up between replay and finish
 * @mp: a mount that fails
 *
 * Intents stay in the AIL; they go when the log is aborted.
 */
void dx_recover_cancel(struct dx_mount *mp)
{
	clear_bit(DX_OP_RECOVERING, &mp->opstate);
}
