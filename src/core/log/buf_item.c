// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log item of a buffer, and buffers in transactions.
 *
 * The item lives from the first join until the buffer is unlocked clean, or
 * has been written: it is freed by the last of: the transaction that did not dirty it, the
 * end of its write, the end of its cancellation.  It holds one reference on the buffer.
 *
 * ->refs counts the transaction that has it joined and the checkpoints
 * that it is in (each of which also holds a reference on the buffer).  The AIL does not count.
 *
 * The bitmap has a bit for each 128 bytes changed since the buffer was last
 * written.  It only grows: a newer checkpoint moves the item forward in the AIL, so
 * it must hold everything that the older one did.  The end of a write frees the item and the
 * bitmap with it; a buffer under I/O is locked and unpinned, so nothing can be added meanwhile.
 *
 * A freed buffer (binval) logs a cancel record, and nobody gets it before that is on
 * disk: the transaction's lock and reference pass to the item, and the last unpin
 * gives them back.  So the blocks' next owner cannot be overwritten by recovery replaying older records.
 *
 * Lock context: flags and bitmap under the buffer lock.  Source: "Buffer Log Item".
 */
#include "dx_log_int.h"
#include <linux/bitmap.h>

enum {
	BLI_STALE,		/* cancelled */
	BLI_HOLD,		/* commit leaves it locked */
	BLI_ORDERED,		/* in this transaction: written in order, contents not logged */
	BLI_INODE,		/* inode cluster: only unlinked pointers are logged */
	BLI_KEEP_LSN,		/* has contents that no later record repeats: never moves in the AIL */
	BLI_DIRTY,		/* logged at some time since it was last written */
};

struct dx_buf_item {
	struct dx_log_item	item;
	struct dx_buf		*bp;
	spinlock_t		lock;		/* drop of a count together with BLI_STALE; leaf */
	unsigned int		refs;		/* see above; ->lock */
	unsigned long		flags;		/* BLI_* bits */
	unsigned int		recur;		/* times the transaction got it again */
	unsigned int		nchunks;
	unsigned long		map[];
};

static struct dx_buf_item *to_bli(struct dx_log_item *lip)
{
	return container_of(lip, struct dx_buf_item, item);
}

static void bli_ref(struct dx_buf_item *bli)
{
	spin_lock(&bli->lock);
	bli->refs++;
	spin_unlock(&bli->lock);
}

/*
 * Drop a count.  Returns whether it was the last; *stale: whether the buffer is cancelled.
 * Together, because setting BLI_STALE needs a count and the lock: when the last count goes,
 * the answer does not change any more.
 */
static bool bli_unref(struct dx_buf_item *bli, bool *stale)
{
	bool last;

	spin_lock(&bli->lock);
	last = --bli->refs == 0;
	*stale = test_bit(BLI_STALE, &bli->flags);
	spin_unlock(&bli->lock);
	return last;
}

/* Buffer locked or unreachable, refs 0, not in the AIL. */
static void bli_free(struct dx_buf_item *bli)
{
	struct dx_buf *bp = bli->bp;

	dx_ail_wait_push(bp->b_mp, &bli->item);
	bp->b_item = NULL;
	kfree(bli);
	dx_buf_put(bp);
}

/* ---- format ---- */

static u32 seg_map_words(u32 len_bb)
{
	return DIV_ROUND_UP(len_bb << (DX_BBSHIFT - DX_BLF_SHIFT), 32);
}

static u32 seg_format_bytes(u32 len_bb)
{
	return offsetof(struct dx_buf_log_format, blf_data_map) + seg_map_words(len_bb) * 4;
}

/* Next run of dirty chunks in [*start, end); false when there is none. */
static bool next_run(struct dx_buf_item *bli, u32 from, u32 end, u32 *start, u32 *len)
{
	u32 stop;

	*start = find_next_bit(bli->map, end, from);
	if (*start >= end)
		return false;
	stop = find_next_zero_bit(bli->map, end, *start);
	*len = min(stop, end) - *start;
	return true;
}

/* Nothing to log but the order of its write? */
static bool ordered_only(struct dx_buf_item *bli)
{
	return test_bit(BLI_ORDERED, &bli->flags) && bitmap_empty(bli->map, bli->nchunks);
}

/*
 * A scattered block is logged, and recovered, as so many independent segments: nobody can compute
 * its checksum then.  So what is logged has the right one already.
 */
static void checksum_scattered(struct dx_buf_item *bli)
{
	struct dx_buf *bp = bli->bp;

	switch (bp->b_type) {
	case DX_BLFT_DIR_BLOCK:
	case DX_BLFT_DIR_DATA:
	case DX_BLFT_DIR_FREE:
		dx_buf_update_cksum(bp, DX_DIR3_CRC_OFF);
		break;
	case DX_BLFT_DIR_LEAF1:
	case DX_BLFT_DIR_LEAFN:
	case DX_BLFT_DA_NODE:
		dx_buf_update_cksum(bp, DX_DA3_CRC_OFF);
		break;
	default:
		return;
	}
	__set_bit(0, bli->map);
}

static void item_size(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes)
{
	struct dx_buf_item *bli = to_bli(lip);
	struct dx_buf *bp = bli->bp;
	u32 chunk = 0, end, start, len;
	int i;

	*nvecs = *nbytes = 0;
	if (ordered_only(bli) && !test_bit(BLI_STALE, &bli->flags))
		return;
	if (bp->b_nmaps > 1 && !test_bit(BLI_STALE, &bli->flags))
		checksum_scattered(bli);
	for (i = 0; i < bp->b_nmaps; i++) {
		bool any = false;

		end = chunk + (bp->b_maps[i].len_bb << (DX_BBSHIFT - DX_BLF_SHIFT));
		while (!test_bit(BLI_STALE, &bli->flags) && next_run(bli, chunk, end, &start, &len)) {
			any = true;
			*nvecs += 1;
			*nbytes += len << DX_BLF_SHIFT;
			chunk = start + len;
		}
		if (any || test_bit(BLI_STALE, &bli->flags)) {
			*nvecs += 1;
			*nbytes += seg_format_bytes(bp->b_maps[i].len_bb);
		}
		chunk = end;
	}
}

static void set_chunks(u32 *map, u32 start, u32 len)
{
	while (len) {
		u32 bit = start & 31, n = min(len, 32 - bit);

		map[start >> 5] |= ~0u >> (32 - n) << bit;
		start += n;
		len -= n;
	}
}

/* Blocks of quota files have a flag besides their type: when accounting ends they are not replayed. */
static u16 quota_flag(u16 type)
{
	switch (type) {
	case DX_BLFT_UDQUOT:
		return DX_BLF_UDQUOT_BUF;
	case DX_BLFT_GDQUOT:
		return DX_BLF_GDQUOT_BUF;
	case DX_BLFT_PDQUOT:
		return DX_BLF_PDQUOT_BUF;
	default:
		return 0;
	}
}

/* One segment: format region, then a region for each run of dirty chunks. */
static void format_seg(struct dx_buf_item *bli, struct dx_lv_cursor *c, const struct dx_buf_map *m, u32 first)
{
	struct dx_buf *bp = bli->bp;
	bool stale = test_bit(BLI_STALE, &bli->flags);
	u32 end = first + (m->len_bb << (DX_BBSHIFT - DX_BLF_SHIFT));
	struct dx_buf_log_format *blf;
	u32 chunk = first, start, len;

	if (!stale && !next_run(bli, first, end, &start, &len))
		return;
	blf = dx_lv_reserve(c, seg_format_bytes(m->len_bb), DX_LI_BUF);
	if (!blf)
		return;
	memset(blf, 0, seg_format_bytes(m->len_bb));
	blf->blf_type = DX_LI_BUF;
	blf->blf_size = 1;
	/* a segment alone is not what the type says */
	if (bp->b_nmaps == 1)
		blf->blf_flags = (bp->b_type << DX_BLFT_SHIFT) & DX_BLFT_MASK;
	blf->blf_len = m->len_bb;
	blf->blf_blkno = m->daddr;
	blf->blf_map_size = seg_map_words(m->len_bb);
	if (stale) {
		blf->blf_flags |= DX_BLF_CANCEL;
		return;
	}
	if (test_bit(BLI_INODE, &bli->flags))
		blf->blf_flags |= DX_BLF_INODE_BUF;
	blf->blf_flags |= quota_flag(bp->b_type);
	while (next_run(bli, chunk, end, &start, &len)) {
		set_chunks(blf->blf_data_map, start - first, len);
		dx_lv_add(c, dx_buf_off(bp, (size_t)start << DX_BLF_SHIFT), len << DX_BLF_SHIFT, DX_LI_BUF);
		blf->blf_size++;
		chunk = start + len;
	}
}

static void item_format(struct dx_log_item *lip, struct dx_lv_cursor *c)
{
	struct dx_buf_item *bli = to_bli(lip);
	struct dx_buf *bp = bli->bp;
	u32 chunk = 0;
	int i;

	for (i = 0; i < bp->b_nmaps; i++) {
		format_seg(bli, c, &bp->b_maps[i], chunk);
		chunk += bp->b_maps[i].len_bb << (DX_BBSHIFT - DX_BLF_SHIFT);
	}
}

/* ---- life ---- */

static void item_pin(struct dx_log_item *lip)
{
	struct dx_buf_item *bli = to_bli(lip);

	bli_ref(bli);
	atomic_inc(&bli->bp->b_pin);
	dx_buf_hold(bli->bp);
}

/* Those that hang on the buffer hear that its write is over. */
static void attached_done(struct dx_buf *bp)
{
	struct dx_log_item *lip, *next;

	list_for_each_entry_safe(lip, next, &bp->b_inodes, li_bio)
		lip->li_ops->buf_done(lip, bp);
}

/*
 * Writer's context.  Once b_pin has dropped the item can be freed by the end
 * of a write, so it is not touched after that.  The last one of a cancelled
 * buffer ends it: nobody else can have the lock, which the transaction left to us.
 */
static void item_unpin(struct dx_log_item *lip, bool abort)
{
	struct dx_buf_item *bli = to_bli(lip);
	struct dx_buf *bp = bli->bp;
	bool stale, last = bli_unref(bli, &stale);

	if (last && stale) {
		attached_done(bp);
		dx_ail_delete(bp->b_mp, lip);
		bli_free(bli);
	}
	if (atomic_dec_and_test(&bp->b_pin))
		wake_up_all(&bp->b_pin_wait);
	if (last && stale)
		dx_buf_leave(bp);
	dx_buf_put(bp);
}

/*
 * The changes of a given-up transaction are in the buffer's memory only.
 * The filesystem is shut down, so they cannot reach the disk; nobody shall
 * read them either.
 */
static void poison(struct dx_buf *bp)
{
	dx_buf_stale(bp);
	bp->b_flags &= ~DX_BF_DONE;
	bp->b_error = -EIO;
}

static void item_release(struct dx_log_item *lip, bool abort)
{
	struct dx_buf_item *bli = to_bli(lip);
	struct dx_buf *bp = bli->bp;
	bool hold = test_and_clear_bit(BLI_HOLD, &bli->flags);
	bool stale = test_bit(BLI_STALE, &bli->flags);

	clear_bit(BLI_ORDERED, &bli->flags);
	clear_bit(DX_LI_F_DIRTY, &lip->li_flags);
	bli->recur = 0;
	bp->b_tp = NULL;

	if (stale && !abort) {
		/*
		 * Lock and reference stay with the item.  Whoever waits for the lock
		 * already holds a reference; nobody would force the log for him.
		 */
		unsigned int known = 3 + atomic_read(&bp->b_pin) + !list_empty(&bp->b_delwri) +
				     !list_empty(&bp->b_inodes);

		bli_unref(bli, &stale);
		smp_mb();	/* marked stale, then who is here; he comes, and then looks for the mark: dx_buf_lock() */
		if (refcount_read(&bp->b_ref) > known)
			dx_log_force(bp->b_mp, false);
		return;
	}
	if (abort)
		poison(bp);
	if (bli_unref(bli, &stale)) {
		if (abort) {
			attached_done(bp);
			dx_ail_delete(bp->b_mp, lip);
			bli_free(bli);
		} else if (!test_bit(BLI_DIRTY, &bli->flags)) {
			bli_free(bli);
		}
	} else if (abort && stale) {
		/* an older checkpoint has it: its unpin ends it, and drops lock and reference */
		return;
	}
	if (!hold)
		dx_buf_leave(bp);
}

static dx_lsn_t item_committed(struct dx_log_item *lip, dx_lsn_t lsn)
{
	struct dx_buf_item *bli = to_bli(lip);

	/* pinned, so it does not leave the AIL meanwhile */
	if (test_bit(BLI_KEEP_LSN, &bli->flags) && test_bit(DX_LI_F_IN_AIL, &lip->li_flags))
		return lip->li_lsn;
	return lsn;
}

static unsigned int item_push(struct dx_log_item *lip, struct list_head *list)
{
	struct dx_buf_item *bli = to_bli(lip);
	struct dx_buf *bp = bli->bp;
	unsigned int rc;

	if (dx_buf_is_pinned(bp))
		return DX_PUSH_PINNED;
	if (!dx_buf_trylock(bp))
		return dx_buf_is_pinned(bp) ? DX_PUSH_PINNED : DX_PUSH_LOCKED;
	/* written, or changed again, before we had the lock? */
	if (bp->b_item != bli || !test_bit(DX_LI_F_IN_AIL, &lip->li_flags))
		rc = DX_PUSH_OK;
	else if (dx_buf_is_pinned(bp))
		rc = DX_PUSH_PINNED;
	else if (!dx_retry_due(bp->b_mp, &bp->b_retry))
		rc = DX_PUSH_RETRY;
	else
		rc = dx_buf_write_later(bp, list) ? DX_PUSH_OK : DX_PUSH_FLUSHING;
	dx_buf_unlock(bp);
	return rc;
}

static void *item_kept(struct dx_log_item *lip)
{
	return dx_buf_item_is_held(lip) ? to_bli(lip)->bp : NULL;
}

static void item_relog(struct dx_trans *tp, void *kept)
{
	dx_buf_item_relog(tp, kept);
}

static void item_rejoin(struct dx_trans *tp, void *kept)
{
	dx_trans_adopt(tp, kept);
	dx_trans_keep_buf(tp, kept);
}

static const struct dx_item_ops buf_item_ops = {
	.name		= "buffer",
	.size		= item_size,
	.format		= item_format,
	.pin		= item_pin,
	.unpin		= item_unpin,
	.release	= item_release,
	.committed	= item_committed,
	.push		= item_push,
	.kept		= item_kept,
	.relog		= item_relog,
	.rejoin		= item_rejoin,
};

/**
 * dx_buf_item_iodone - the write of a buffer is over
 * @bp: locked; b_error tells
 *
 * After a success the item leaves the AIL and is freed.  After a failure it
 * stays for the pusher to try again, unless the filesystem is shut down.
 */
void dx_buf_item_iodone(struct dx_buf *bp)
{
	struct dx_buf_item *bli = bp->b_item;
	bool failed = bp->b_error && !dx_is_shutdown(bp->b_mp);

	attached_done(bp);
	if (!bli)
		return;
	if (failed) {
		set_bit(DX_LI_F_FAILED, &bli->item.li_flags);
		return;
	}
	/* still counted: joined or in a checkpoint (only after a refused write) */
	if (READ_ONCE(bli->refs))
		return;
	dx_ail_delete(bp->b_mp, &bli->item);
	bli_free(bli);
}

/**
 * dx_buf_item_lsn - LSN to stamp into a metadata block when it is written
 * @bp: locked buffer
 *
 * Return: LSN of the newest checkpoint with changes of it; 0 when it has none
 * that is not yet on disk.
 */
dx_lsn_t dx_buf_item_lsn(struct dx_buf *bp)
{
	return bp->b_item ? READ_ONCE(bp->b_item->item.li_lsn) : 0;
}

/* ---- in transactions ---- */

static struct dx_buf_item *bli_get(struct dx_buf *bp)
{
	struct dx_buf_item *bli = bp->b_item;
	u32 n;

	if (bli)
		return bli;
	n = dx_buf_len(bp) >> DX_BLF_SHIFT;
	bli = kzalloc(struct_size(bli, map, BITS_TO_LONGS(n)), GFP_NOFS | __GFP_NOFAIL);
	dx_log_item_init(bp->b_mp, &bli->item, DX_LI_BUF, &buf_item_ops);
	spin_lock_init(&bli->lock);
	bli->bp = bp;
	bli->nchunks = n;
	dx_buf_hold(bp);
	bp->b_item = bli;
	return bli;
}

/**
 * dx_trans_adopt - make a locked buffer part of a transaction
 * @tp: transaction
 * @bp: locked, with a reference, in no transaction; commit unlocks and drops the reference
 */
void dx_trans_adopt(struct dx_trans *tp, struct dx_buf *bp)
{
	struct dx_buf_item *bli = bli_get(bp);

	WARN_ON_ONCE(bp->b_tp);
	bli_ref(bli);
	bli->recur = 0;
	bp->b_tp = tp;
	dx_trans_add_item(tp, &bli->item);
}

/* The buffer, if this transaction has it. */
static struct dx_buf *find_joined(struct dx_trans *tp, const struct dx_buf_map *map, int nmaps)
{
	struct dx_log_item *lip;
	u32 len = 0;
	int i;

	for (i = 0; i < nmaps; i++)
		len += map[i].len_bb;
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		struct dx_buf *bp;

		if (lip->li_type != DX_LI_BUF)
			continue;
		bp = to_bli(lip)->bp;
		if (bp->b_daddr == map[0].daddr && bp->b_len_bb == len && !(bp->b_flags & DX_BF_UNCACHED))
			return bp;
	}
	return NULL;
}

/**
 * dx_trans_has_buf - has this transaction joined a buffer?
 * @tp: transaction
 * @daddr: address
 * @len_bb: length
 */
bool dx_trans_has_buf(struct dx_trans *tp, dx_daddr_t daddr, u32 len_bb)
{
	struct dx_buf_map m = { daddr, len_bb };

	return find_joined(tp, &m, 1);
}

/*
 * The one way into a transaction.  A buffer is joined once; when the same transaction asks again it finds the buffer
 * there, and the request is counted for dx_trans_let_go() to take back.  Such a buffer holds what the transaction has
 * made of it: @reader needs that to be there, whoever fills it does not care.
 *
 * A transaction that writes waits for memory: when it is dirty it cannot be given up, and what comes after a roll, or
 * with deferred work, is part of something that has begun.
 */
static int buf_for_trans(struct dx_mount *mp, struct dx_trans *tp, const struct dx_buf_map *map, int nmaps, u32 flags,
			 bool reader, const struct dx_buf_ops *ops, const u64 *owner, struct dx_buf **bpp)
{
	struct dx_buf *bp = tp ? find_joined(tp, map, nmaps) : NULL;
	int error = 0;

	if (tp && tp->t_ticket)
		flags |= DX_GET_NOFAIL;
	if (!bp) {
		error = owner ? dx_buf_read_owned(mp, map, nmaps, flags, ops, *owner, &bp) :
			reader ? dx_buf_read_map(mp, map, nmaps, flags, ops, &bp) :
				 dx_buf_get_map(mp, map, nmaps, flags, &bp);
		if (!error && tp)
			dx_trans_adopt(tp, bp);
	} else if (reader && !(bp->b_flags & DX_BF_DONE)) {
		error = bp->b_error ? bp->b_error : -EIO;
	} else {
		if (reader && !(flags & DX_READ_NOVERIFY))
			error = dx_buf_expect(bp, ops);
		else if ((flags & DX_GET_NEW) && !(bp->b_flags & DX_BF_STALE))
			/* its own earlier block may be had anew once it is freed, and not before */
			error = dx_corrupt(mp, bp->b_ops ? bp->b_ops->name : "metadata", bp->b_daddr, "allocated while in use");
		if (!error)
			bp->b_item->recur++;
	}
	*bpp = error ? NULL : bp;
	return error;
}

/**
 * dx_trans_get_buf_map - get a buffer for a transaction that will fill it
 * @mp: the mount
 * @tp: transaction, or NULL for a plain dx_buf_get_map()
 * @map: segments
 * @nmaps: how many
 * @flags: DX_READ_TRYLOCK, DX_GET_INCORE, DX_GET_NEW
 * @bpp: the buffer, locked and joined; one that the transaction has already is
 *	returned again, and counted
 *
 * Return: as dx_buf_get_map().
 */
int dx_trans_get_buf_map(struct dx_mount *mp, struct dx_trans *tp, const struct dx_buf_map *map, int nmaps,
			 u32 flags, struct dx_buf **bpp)
{
	return buf_for_trans(mp, tp, map, nmaps, flags, false, NULL, NULL, bpp);
}

/**
 * dx_trans_read_buf_map - read a buffer for a transaction
 * @mp: the mount
 * @tp: transaction, or NULL for a plain dx_buf_read_map()
 * @map: segments
 * @nmaps: how many
 * @flags: DX_READ_TRYLOCK, DX_GET_INCORE, DX_READ_NOVERIFY
 * @ops: verifiers
 * @bpp: the buffer, locked and joined; as for dx_trans_get_buf_map()
 *
 * A dirty transaction that cannot go on shuts the filesystem down when its caller cancels it,
 * not here.
 *
 * Return: as dx_buf_read_map().
 */
int dx_trans_read_buf_map(struct dx_mount *mp, struct dx_trans *tp, const struct dx_buf_map *map, int nmaps,
			  u32 flags, const struct dx_buf_ops *ops, struct dx_buf **bpp)
{
	return buf_for_trans(mp, tp, map, nmaps, flags, true, ops, NULL, bpp);
}

/**
 * dx_trans_read_owned - dx_trans_read_buf_map() of a block that belongs to an inode
 * @mp: the mount
 * @tp: transaction, or NULL
 * @map: segments
 * @nmaps: how many
 * @ops: verifiers, with ->owner
 * @owner: number of the inode, whose ILOCK is held
 * @bpp: the buffer, locked and joined
 *
 * Return: as dx_buf_read_owned().
 */
int dx_trans_read_owned(struct dx_mount *mp, struct dx_trans *tp, const struct dx_buf_map *map, int nmaps,
			const struct dx_buf_ops *ops, u64 owner, struct dx_buf **bpp)
{
	return buf_for_trans(mp, tp, map, nmaps, 0, true, ops, &owner, bpp);
}

/**
 * dx_trans_get_buf - dx_trans_get_buf_map() for one segment
 * @mp: the mount
 * @tp: transaction or NULL
 * @daddr: address
 * @len_bb: length
 * @flags: see there
 * @bpp: the buffer
 *
 * Return: as dx_buf_get_map().
 */
int dx_trans_get_buf(struct dx_mount *mp, struct dx_trans *tp, dx_daddr_t daddr, u32 len_bb, u32 flags,
		     struct dx_buf **bpp)
{
	struct dx_buf_map m = { daddr, len_bb };

	return dx_trans_get_buf_map(mp, tp, &m, 1, flags, bpp);
}

/**
 * dx_trans_read_buf - dx_trans_read_buf_map() for one segment
 * @mp: the mount
 * @tp: transaction or NULL
 * @daddr: address
 * @len_bb: length
 * @flags: see there
 * @ops: verifiers
 * @bpp: the buffer
 *
 * Return: as dx_buf_read_map().
 */
int dx_trans_read_buf(struct dx_mount *mp, struct dx_trans *tp, dx_daddr_t daddr, u32 len_bb, u32 flags,
		      const struct dx_buf_ops *ops, struct dx_buf **bpp)
{
	struct dx_buf_map m = { daddr, len_bb };

	return dx_trans_read_buf_map(mp, tp, &m, 1, flags, ops, bpp);
}

/**
 * dx_trans_let_go - the caller does not need a buffer any longer
 * @tp: transaction, or NULL: unlock and drop the reference
 * @bp: buffer that @tp has
 *
 * A clean one leaves the transaction when it has been released as often as it was got; a dirty one
 * stays locked until the commit.
 */
void dx_trans_let_go(struct dx_trans *tp, struct dx_buf *bp)
{
	struct dx_buf_item *bli = bp->b_item;

	if (!tp) {
		dx_buf_leave(bp);
		return;
	}
	if (WARN_ON_ONCE(bp->b_tp != tp))
		return;
	if (bli->recur) {
		bli->recur--;
		return;
	}
	if (test_bit(DX_LI_F_DIRTY, &bli->item.li_flags) || test_bit(BLI_STALE, &bli->flags))
		return;
	dx_trans_del_item(&bli->item);
	clear_bit(BLI_HOLD, &bli->flags);
	item_release(&bli->item, false);
}

/**
 * dx_trans_keep_buf - commit shall leave a buffer locked, with the caller's reference
 * @tp: transaction
 * @bp: buffer that it has
 */
void dx_trans_keep_buf(struct dx_trans *tp, struct dx_buf *bp)
{
	if (!WARN_ON_ONCE(bp->b_tp != tp))
		set_bit(BLI_HOLD, &bp->b_item->flags);
}

static void mark_dirty(struct dx_trans *tp, struct dx_buf *bp)
{
	struct dx_buf_item *bli = bp->b_item;

	bp->b_flags |= DX_BF_DONE;
	set_bit(BLI_DIRTY, &bli->flags);
	set_bit(DX_LI_F_DIRTY, &bli->item.li_flags);
	tp->t_flags |= DX_TRANS_DIRTY;
}

/**
 * dx_trans_log_buf - bytes of a buffer have changed
 * @tp: transaction
 * @bp: buffer that it has
 * @first_byte: offset of the first
 * @last_byte: offset of the last, inclusive
 *
 * A buffer that this transaction invalidated before becomes a live one again.
 */
void dx_trans_log_buf(struct dx_trans *tp, struct dx_buf *bp, size_t first_byte, size_t last_byte)
{
	struct dx_buf_item *bli = bp->b_item;
	u32 from = first_byte >> DX_BLF_SHIFT, to = last_byte >> DX_BLF_SHIFT;

	if (WARN_ON_ONCE(bp->b_tp != tp || first_byte > last_byte || last_byte >= dx_buf_len(bp))) {
		dx_force_shutdown(tp->t_mp, DX_SHUT_CORRUPT_INCORE, __func__);
		return;
	}
	if (test_bit(BLI_STALE, &bli->flags)) {
		spin_lock(&bli->lock);
		clear_bit(BLI_STALE, &bli->flags);
		spin_unlock(&bli->lock);
		bp->b_flags &= ~DX_BF_STALE;
	}
	mark_dirty(tp, bp);
	bitmap_set(bli->map, from, to - from + 1);
}

/**
 * dx_trans_kill_buf - the blocks of a buffer are freed
 * @tp: transaction
 * @bp: buffer that it has; not to be used afterwards, unless as a new block
 *
 * Logs a cancel record: recovery will not replay older changes of these
 * blocks over whatever their next owner writes.
 */
void dx_trans_kill_buf(struct dx_trans *tp, struct dx_buf *bp)
{
	struct dx_buf_item *bli = bp->b_item;

	if (WARN_ON_ONCE(bp->b_tp != tp)) {
		dx_force_shutdown(tp->t_mp, DX_SHUT_CORRUPT_INCORE, __func__);
		return;
	}
	if (test_bit(BLI_STALE, &bli->flags))
		return;
	dx_buf_stale(bp);
	mark_dirty(tp, bp);
	spin_lock(&bli->lock);
	set_bit(BLI_STALE, &bli->flags);
	spin_unlock(&bli->lock);
	clear_bit(BLI_INODE, &bli->flags);
	clear_bit(BLI_ORDERED, &bli->flags);
	clear_bit(BLI_HOLD, &bli->flags);
	bitmap_zero(bli->map, bli->nchunks);
}

/**
 * dx_trans_ordered_buf - a buffer whose new contents another log item implies
 * @tp: transaction
 * @bp: buffer that it has, filled
 *
 * It is not logged, but written before the tail passes this transaction.
 * Changes of it that are logged already cannot be told apart from the new contents, so then
 * all of it is logged.
 */
void dx_trans_ordered_buf(struct dx_trans *tp, struct dx_buf *bp)
{
	struct dx_buf_item *bli = bp->b_item;

	if (WARN_ON_ONCE(bp->b_tp != tp)) {
		dx_force_shutdown(tp->t_mp, DX_SHUT_CORRUPT_INCORE, __func__);
		return;
	}
	if (!bitmap_empty(bli->map, bli->nchunks) || test_bit(BLI_STALE, &bli->flags)) {
		clear_bit(BLI_INODE, &bli->flags);
		dx_trans_log_buf(tp, bp, 0, dx_buf_len(bp) - 1);
		return;
	}
	mark_dirty(tp, bp);
	set_bit(BLI_ORDERED, &bli->flags);
	set_bit(BLI_KEEP_LSN, &bli->flags);
}

/**
 * dx_trans_buf_type - what a buffer holds, for recovery to verify it
 * @tp: transaction that has it
 * @bp: buffer
 * @type: DX_BLFT_*
 */
void dx_trans_buf_type(struct dx_trans *tp, struct dx_buf *bp, enum dx_blft type)
{
	bp->b_type = type;
}

/**
 * dx_trans_inode_alloc_buf - a buffer of newly made inodes
 * @tp: transaction
 * @bp: inode cluster buffer that it has
 */
void dx_trans_inode_alloc_buf(struct dx_trans *tp, struct dx_buf *bp)
{
	set_bit(BLI_KEEP_LSN, &bp->b_item->flags);
	bp->b_type = DX_BLFT_DINO;
}

/**
 * dx_trans_inode_buf - only unlinked-list pointers of an inode cluster are logged
 * @tp: transaction
 * @bp: inode cluster buffer that it has
 *
 * Everything else in it belongs to the inodes' own log items: recovery copies no more
 * than these pointers out of the logged chunks.
 */
void dx_trans_inode_buf(struct dx_trans *tp, struct dx_buf *bp)
{
	set_bit(BLI_INODE, &bp->b_item->flags);
	bp->b_type = DX_BLFT_DINO;
}

/**
 * dx_trans_kill_inode_buf - an inode cluster is freed, with dx_trans_kill_buf()
 * @tp: transaction
 * @bp: inode cluster buffer that it has
 *
 * The stale inodes attached to it end along with the buffer.
 */
void dx_trans_kill_inode_buf(struct dx_trans *tp, struct dx_buf *bp)
{
	bp->b_type = DX_BLFT_DINO;
}

/* ---- for rolls: defer.c ---- */

/**
 * dx_buf_item_is_held - is it to stay locked over the commit?
 * @lip: item of a buffer
 */
bool dx_buf_item_is_held(struct dx_log_item *lip)
{
	return test_bit(BLI_HOLD, &to_bli(lip)->flags);
}

/**
 * dx_buf_item_relog - log again what is not written back yet
 * @tp: transaction that has the buffer
 * @bp: the buffer
 *
 * Moves it away from the tail while a chain of transactions keeps it locked.
 */
void dx_buf_item_relog(struct dx_trans *tp, struct dx_buf *bp)
{
	struct dx_buf_item *bli = bp->b_item;

	if (test_bit(BLI_DIRTY, &bli->flags) && !bitmap_empty(bli->map, bli->nchunks))
		mark_dirty(tp, bp);
}
