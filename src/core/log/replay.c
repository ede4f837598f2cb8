// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replaying buffer items, and what replay of the others rests on: which buffers are cancelled, which blocks on disk are newer.
 *
 * A v5 block carries the LSN of the last checkpoint that it holds: an item that is not newer is not
 * replayed over it.  Buffers get the LSN of their transactions when they are written
 * (dx_replay_flush()), inodes when they are replayed, since each has its own.
 *
 * A block whose write was torn by the crash has parts of several ages, and says nothing with
 * its LSN.  Whatever it lost is still in the log, because the tail waits for
 * writes to complete: so everything is replayed over it.  In between it may look like nothing on
 * earth: it is written, and verified, at the end only.
 *
 * Nor does a block with a newer LSN say anything where it need not have been written yet: what is there may be what a file
 * had before the block was allocated, made to look like it.  Such a block is dealt with like a torn one.  That is right whatever it
 * is, and costs the memory: everything that changed in it from the item on is in the log behind the item.  Which ones need not:
 * a block that was made, and has not been written since, has no LSN in memory, and each item of it logs all that it was
 * made with, since what is logged is forgotten only with a write.  So an item with a header without an LSN, or a whole block,
 * does not ask the disk.  (Blocks that mkfs.xfs and xfs_repair have written have no LSN either.)  Any other item is for a block
 * that was there: so it is this one, and an LSN ahead of the log refuses the mount.
 *
 * Order within a transaction: buffers (and fresh inode clusters) before inodes, which live in them; the
 * unlinked pointers of inode clusters after the inodes, whose cores do
 * not carry them; cancellations last, since they end the protection of what was freed.
 *
 * Source: "Log Items" and the sections that it names; "Metadata Integrity".
 */
#include "dx_replay.h"

/**
 * dx_replay_bad - an item says what cannot be
 * @rc: the recovery
 * @what: the field
 * @where: its value, or where it points to
 *
 * Return: -EFSCORRUPTED.
 */
int dx_replay_bad(struct dx_recovery *rc, const char *what, u64 where)
{
	dx_err(rc->mp, "corrupt log item: bad %s (0x%llx): run xfs_repair", what, (unsigned long long)where);
	return -EFSCORRUPTED;
}

/* ---- cancelled buffers ---- */

/* Freed buffers, ordered by address and length: a log can hold very many, and be made to. */
struct dx_rcancel {
	struct rb_node	node;
	dx_daddr_t	daddr;
	u32		len_bb;
	u32		count;		/* cancellations in the log */
	u32		ahead;		/* of these, still to come in this pass */
};

/* Where (daddr, len_bb) is, or would be: *parent as rb_link_node() wants it. */
static struct rb_node **cancel_slot(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb, struct rb_node **parent)
{
	struct rb_node **p = &rc->cancels.rb_node;

	*parent = NULL;
	while (*p) {
		struct dx_rcancel *c = rb_entry(*p, struct dx_rcancel, node);

		if (c->daddr == daddr && c->len_bb == len_bb)
			break;
		*parent = *p;
		p = daddr < c->daddr || (daddr == c->daddr && len_bb < c->len_bb) ? &(*p)->rb_left : &(*p)->rb_right;
	}
	return p;
}

static struct dx_rcancel *find_cancel(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb)
{
	struct rb_node *parent, **p = cancel_slot(rc, daddr, len_bb, &parent);

	return *p ? rb_entry(*p, struct dx_rcancel, node) : NULL;
}

static int add_cancel(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb)
{
	struct rb_node *parent, **p = cancel_slot(rc, daddr, len_bb, &parent);
	struct dx_rcancel *c;

	if (*p) {
		rb_entry(*p, struct dx_rcancel, node)->count++;
		return 0;
	}
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	c->daddr = daddr;
	c->len_bb = len_bb;
	c->count = 1;
	rb_link_node(&c->node, parent, p);
	rb_insert_color(&c->node, &rc->cancels);
	return 0;
}

/**
 * dx_replay_cancelled - is a block freed further on in the log, so that what comes here must not come back?
 * @rc: the recovery
 * @daddr: address
 * @len_bb: length
 */
bool dx_replay_cancelled(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb)
{
	const struct dx_rcancel *c = find_cancel(rc, daddr, len_bb);

	return c && c->ahead;
}

static void pass_cancel(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb)
{
	struct dx_rcancel *c = find_cancel(rc, daddr, len_bb);

	if (c && c->ahead)
		c->ahead--;
}

/**
 * dx_replay_rewind - all cancellations are ahead again
 * @rc: the recovery, before a pass behind the first
 */
void dx_replay_rewind(struct dx_recovery *rc)
{
	struct rb_node *n;

	for (n = rb_first(&rc->cancels); n; n = rb_next(n)) {
		struct dx_rcancel *c = rb_entry(n, struct dx_rcancel, node);

		c->ahead = c->count;
	}
}

/* ---- is the block on disk newer? ---- */

#define BF_TORN	DX_BF_LOGRECOVERY

/*
 * Does the block on disk hold the transaction of @lsn already?  Not if its checksum is
 * wrong: then a write of several sectors was torn, and the LSN may be newer than
 * the rest.
 */
static bool block_is_newer(struct dx_buf *bp, dx_lsn_t lsn)
{
	const struct dx_lsn_place *p = dx_buf_lsn_place(bp);
	dx_lsn_t on_disk;

	if (!p || (bp->b_flags & BF_TORN))
		return false;
	/* after the first replay the checksum is out of date until the write */
	if (!bp->b_ops && !dx_buf_verify_cksum(bp, p->crc_off)) {
		bp->b_flags |= BF_TORN;
		return false;
	}
	on_disk = get_unaligned_be64(dx_buf_off(bp, p->lsn_off));
	return on_disk && on_disk != DX_NULLLSN && on_disk >= lsn;
}

static bool map_bit(const struct dx_buf_log_format *f, u32 bit)
{
	return f->blf_data_map[bit / 32] & (1u << (bit % 32));
}

static bool logs_all(const struct dx_ritem *it, const struct dx_buf_log_format *f)
{
	u64 bytes = 0;
	u32 reg;

	for (reg = 1; reg < it->cnt; reg++)
		bytes += it->r[reg].len;
	return bytes == (u64)f->blf_len << DX_BBSHIFT;
}

/* Is it certain that what the disk has is the block that an item means? */
static bool was_written(struct dx_recovery *rc, const struct dx_ritem *it, const struct dx_buf_log_format *f, struct dx_buf *bp)
{
	const struct dx_lsn_place *p = dx_buf_lsn_place(bp);
	const char *image = it->r[1].addr;

	/* a part of a scattered block; or it was of another kind at the time, if it was this one */
	if (p->blft != (f->blf_flags & DX_BLFT_MASK) >> DX_BLFT_SHIFT)
		return false;
	if (!p->blkno_off)
		return true;
	/*
	 * Stock changes the owner of a block without logging the block: the inode's item says so, and is believed only as far
	 * as trees of mixed ages lead.
	 */
	if (p->magic == DX_BMAP_CRC_MAGIC && rc->owners_change)
		return true;
	if (logs_all(it, f))
		return false;
	/* headers of blocks are inside the first chunk */
	return !map_bit(f, 0) || (dx_lsn_place_of(image) == p && get_unaligned_be64(image + p->lsn_off));
}

/* Is an item in its block on disk already?  Also -EFSCORRUPTED: the log is not the one that the block was written with. */
static int has_item(struct dx_recovery *rc, const struct dx_ritem *it, const struct dx_buf_log_format *f, struct dx_buf *bp,
		    dx_lsn_t lsn, bool *newer)
{
	u16 blft = (f->blf_flags & DX_BLFT_MASK) >> DX_BLFT_SHIFT;

	/* what has no LSN of its own is not judged by that of whatever was there before */
	*newer = (blft == DX_BLFT_UNKNOWN || dx_blft_has_lsn(blft)) && block_is_newer(bp, lsn);
	if (!*newer || bp->b_ops)
		return 0;
	if (was_written(rc, it, f, bp))
		return dx_buf_check_lsn(bp);
	bp->b_flags |= BF_TORN;
	*newer = false;
	return 0;
}

static void stamp(struct dx_buf *bp, dx_lsn_t lsn)
{
	const struct dx_lsn_place *p = dx_buf_lsn_place(bp);

	if (p && bp->b_ops)
		put_unaligned_be64(lsn, dx_buf_off(bp, p->lsn_off));
}

/**
 * dx_replay_is_newer - what a block holds is of a later time than a transaction, or of another
 * @bp: locked buffer of a block that carries an LSN
 * @lsn: of the transaction
 *
 * For what other items than the block's own say of it.  Of the same LSN it may be from before, for several transactions have that.
 */
bool dx_replay_is_newer(struct dx_buf *bp, dx_lsn_t lsn)
{
	return block_is_newer(bp, lsn + 1);
}

/**
 * dx_replay_changed - queue a block that an item has changed which is not its own
 * @rc: the recovery
 * @bp: locked, with its b_ops
 * @lsn: of the transaction
 */
void dx_replay_changed(struct dx_recovery *rc, struct dx_buf *bp, dx_lsn_t lsn)
{
	if (bp->b_flags & BF_TORN)
		stamp(bp, lsn);
	dx_buf_write_later(bp, &rc->bufs);
}

/* ---- what a replayed block is ---- */

/* Is this a new block of a quota file of a type whose accounting ends in this log?  Its blocks may be data by now. */
static bool is_off(const struct dx_recovery *rc, const struct dx_buf_log_format *f)
{
	return (f->blf_flags & DX_BLF_UDQUOT_BUF && rc->quota_off & DX_DQ_USER) ||
	       (f->blf_flags & DX_BLF_PDQUOT_BUF && rc->quota_off & DX_DQ_PROJ) ||
	       (f->blf_flags & DX_BLF_GDQUOT_BUF && rc->quota_off & DX_DQ_GROUP);
}

static int set_ops(struct dx_recovery *rc, struct dx_buf *bp, unsigned int type)
{
	u32 magic = get_unaligned_be32(bp->b_addr);
	const struct dx_replay_block *k;
	bool known = false;

	bp->b_type = type;
	for (k = rc->above->blocks; k->ops; k++) {
		if (k->type != type)
			continue;
		known = true;
		if (k->magic && k->magic != magic)
			continue;
		bp->b_ops = k->ops;
		return 0;
	}
	/* of no known type: a part of a scattered block, of which nothing can be said alone; torn: as others were at other times */
	bp->b_ops = NULL;
	if (known && !(bp->b_flags & BF_TORN))
		return dx_replay_bad(rc, "magic of a replayed block", bp->b_maps[0].daddr);
	return 0;
}

/* Is a block, into which all of the log has been replayed, what its last item says? */
static int check_torn(struct dx_recovery *rc, const struct dx_buf *bp)
{
	const struct dx_replay_block *k;

	if (bp->b_ops)
		return 0;
	for (k = rc->above->blocks; k->ops; k++)
		if (k->type == bp->b_type)
			return dx_replay_bad(rc, "magic of a replayed block", bp->b_maps[0].daddr);
	return 0;
}

/* ---- buffers ---- */

/**
 * dx_buf_note - first pass: a buffer that is cancelled must not come back
 * @rc: the recovery
 * @it: buffer item
 *
 * Return: 0 or -ENOMEM.
 */
int dx_buf_note(struct dx_recovery *rc, struct dx_ritem *it)
{
	const struct dx_buf_log_format *f = it->r[0].addr;

	if (!(f->blf_flags & DX_BLF_CANCEL))
		return 0;
	return add_cancel(rc, f->blf_blkno, f->blf_len);
}

/* Calls @fn for each region with the logged contents: dx_ritem_check() has seen that they are what the bitmap says. */
static int each_run(struct dx_recovery *rc, const struct dx_ritem *it, const struct dx_buf_log_format *f,
		    struct dx_buf *bp, int (*fn)(struct dx_recovery *rc, struct dx_buf *bp, u32 off,
						 const char *src, u32 len))
{
	u32 bit = 0, reg;

	for (reg = 1; reg < it->cnt; reg++) {
		int error;

		while (!map_bit(f, bit))
			bit++;
		error = fn(rc, bp, bit << DX_BLF_SHIFT, it->r[reg].addr, it->r[reg].len);
		if (error)
			return error;
		bit += it->r[reg].len >> DX_BLF_SHIFT;
	}
	return 0;
}

static int copy_run(struct dx_recovery *rc, struct dx_buf *bp, u32 off, const char *src, u32 len)
{
	memcpy(dx_buf_off(bp, off), src, len);
	return 0;
}

/* What a buffer item that is not an inode cluster's does to its block.  Leaves a block that is newer alone, and then b_ops, too. */
static int replay_block(struct dx_recovery *rc, const struct dx_ritem *it, const struct dx_buf_log_format *f,
			struct dx_buf *bp, dx_lsn_t lsn, bool *changed)
{
	bool newer;
	int error;

	*changed = false;
	error = has_item(rc, it, f, bp, lsn, &newer);
	if (error || newer)
		return error;
	error = each_run(rc, it, f, bp, copy_run);
	if (!error)
		error = set_ops(rc, bp, (f->blf_flags & DX_BLFT_MASK) >> DX_BLFT_SHIFT);
	*changed = !error;
	return error;
}

/**
 * dx_replay_cluster - queue a replayed inode cluster, or write it
 * @rc: the recovery
 * @bp: locked; stays the caller's
 *
 * Return: 0 or the error of the write.
 */
int dx_replay_cluster(struct dx_recovery *rc, struct dx_buf *bp)
{
	int error;

	if (bp->b_len_bb == rc->mp->icluster_bb) {
		dx_buf_write_later(bp, &rc->bufs);
		return 0;
	}
	/* of another cluster size than ours: must not stay in the cache beside overlapping ones */
	error = dx_buf_bwrite(bp);
	dx_buf_stale(bp);
	return error;
}

/**
 * dx_buf_replay - what a buffer item says goes into its block
 * @rc: the recovery
 * @it: buffer item, of the right shape
 * @lsn: of its transaction
 *
 * The block is queued on rc->bufs, to be written when the transactions of this LSN are through.
 *
 * Return: 0, -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_buf_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_buf_log_format *f = it->r[0].addr;
	struct dx_buf *bp;
	bool changed = true;
	int error;

	if (f->blf_flags & DX_BLF_CANCEL) {
		pass_cancel(rc, f->blf_blkno, f->blf_len);
		return 0;
	}
	if (dx_replay_cancelled(rc, f->blf_blkno, f->blf_len) || is_off(rc, f))
		return 0;
	error = dx_buf_read(mp, f->blf_blkno, f->blf_len, DX_READ_NOVERIFY, NULL, &bp);
	if (error)
		return error;
	if (f->blf_flags & DX_BLF_INODE_BUF) {
		error = each_run(rc, it, f, bp, rc->above->unlinked);
		if (!error)
			bp->b_ops = rc->above->cluster;
	} else {
		error = replay_block(rc, it, f, bp, lsn, &changed);
	}
	if (error || !changed)
		goto out;
	if (bp->b_flags & BF_TORN)
		stamp(bp, lsn);
	if (bp->b_ops == rc->above->cluster)
		error = dx_replay_cluster(rc, bp);
	else
		dx_buf_write_later(bp, &rc->bufs);
out:
	dx_buf_leave(bp);
	return error;
}

/**
 * dx_buf_look - replay a buffer item into a block that is looked at, if it is for one
 * @rc: the recovery, in a pass that writes nothing
 * @it: a buffer item
 * @lsn: of its transaction
 *
 * Does to the copy what the last pass will do to the block.
 *
 * Return: 0 or -EFSCORRUPTED.
 */
int dx_buf_look(struct dx_recovery *rc, const struct dx_ritem *it, dx_lsn_t lsn)
{
	const struct dx_buf_log_format *f = it->r[0].addr;
	struct dx_rlook *look;
	bool changed;

	if (f->blf_flags & DX_BLF_CANCEL) {
		pass_cancel(rc, f->blf_blkno, f->blf_len);
		return 0;
	}
	look = dx_look_find(rc, f->blf_blkno, f->blf_len);
	if (!look || f->blf_flags & DX_BLF_INODE_BUF || is_off(rc, f) ||
	    dx_replay_cancelled(rc, f->blf_blkno, f->blf_len))
		return 0;
	return replay_block(rc, it, f, look->bp, lsn, &changed);
}

/**
 * dx_replay_flush - write the buffers that were replayed into
 * @rc: the recovery
 * @all: torn ones, too: both passes are over
 *
 * Stamps them with rc->bufs_lsn first: all but the torn ones are of transactions of that LSN.
 *
 * Return: 0 or the first error; -EFSCORRUPTED when a torn one is not what the log makes of it.
 */
int dx_replay_flush(struct dx_recovery *rc, bool all)
{
	struct dx_buf *bp, *n;
	int error;

	list_for_each_entry_safe(bp, n, &rc->bufs, b_delwri) {
		if (bp->b_flags & BF_TORN)
			list_move(&bp->b_delwri, &rc->torn);
		else
			stamp(bp, rc->bufs_lsn);
	}
	if (all) {
		list_for_each_entry(bp, &rc->torn, b_delwri) {
			error = check_torn(rc, bp);
			if (error)
				return error;
			bp->b_flags &= ~BF_TORN;
		}
		list_splice_init(&rc->torn, &rc->bufs);
	}
	return dx_buf_write_queued(&rc->bufs);
}

/**
 * dx_replay_free_tables - free what the passes collected
 * @rc: the recovery
 */
void dx_replay_free_tables(struct dx_recovery *rc)
{
	struct dx_rcancel *c, *nc;

	dx_intents_forget(rc);
	rbtree_postorder_for_each_entry_safe(c, nc, &rc->cancels, node)
		kfree(c);
	rc->cancels = RB_ROOT;
}
