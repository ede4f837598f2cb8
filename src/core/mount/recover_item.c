// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log recovery, the items: what each means to the disk.
 *
 * A v5 block carries the LSN of the last checkpoint that it holds: an item that is not newer is not
 * replayed over it.  Buffers get the LSN of their transactions when they are written
 * (dx_recover_flush()), inodes when they are replayed, since each has its own.
 *
 * A block whose write was torn by the crash has parts of several ages, and says nothing with
 * its LSN.  Whatever it lost is still in the log, because the tail waits for
 * writes to complete: so everything is replayed over it.  In between it may look like nothing on
 * earth: it is written, and verified, at the end only.
 *
 * Order within a transaction: buffers (and fresh inode clusters) before inodes, which live in them; the
 * unlinked pointers of inode clusters after the inodes, whose cores do
 * not carry them; cancellations last, since they end the protection of what was freed.
 *
 * Source: "Log Items" and the sections that it names; "Metadata Integrity".
 */
#include "dx_recover.h"
#include "dx_alloc.h"
#include "dx_inode.h"
#include "dx_bmap.h"
#include "dx_da.h"
#include "dx_dir.h"

static int bad_item(struct dx_recovery *rc, const char *what, u64 where)
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
 * dx_recover_cancelled - is a block freed further on in the log, so that what comes here must not come back?
 * @rc: the recovery
 * @daddr: address
 * @len_bb: length
 */
bool dx_recover_cancelled(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb)
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
 * dx_recover_rewind - all cancellations are ahead again
 * @rc: the recovery, before a pass behind the first
 */
void dx_recover_rewind(struct dx_recovery *rc)
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
 * An LSN past the end of the log: the log is not the one that the block was written with (it was zeroed, or is that of
 * another copy).  To take the block for newer would drop what the log says of it, to take it for older would overwrite.
 */
static int check_ahead(struct dx_buf *bp)
{
	const struct dx_lsn_place *p = dx_buf_lsn_place(bp);

	/* the LSN of a torn block says nothing; nor has one that was replayed into a checksum yet */
	if (!p || bp->b_ops || (bp->b_flags & BF_TORN) || !dx_buf_verify_cksum(bp, p->crc_off))
		return 0;
	return dx_buf_check_lsn(bp);
}

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

/* ---- verifiers for replayed buffers ---- */

/* Reverse mapping blocks pass through: nobody looks into them, but their checksum must follow. */
static int rmapbt_verify_write(struct dx_buf *bp)
{
	dx_buf_update_cksum(bp, DX_BTREE_SBLOCK_CRC_OFF);
	return 0;
}

static const struct dx_buf_ops rmapbt_buf_ops = {
	.name = "rmap btree block", .magic32 = DX_RMAP_CRC_MAGIC, .verify_write = rmapbt_verify_write,
};

static const struct replay_ops {
	u8			type;	/* enum dx_blft */
	u32			magic;	/* 0: any */
	const struct dx_buf_ops	*ops;
} replay_ops[] = {
	{ DX_BLFT_BTREE, DX_ABTB_CRC_MAGIC, &dx_bnobt_buf_ops },
	{ DX_BLFT_BTREE, DX_ABTC_CRC_MAGIC, &dx_cntbt_buf_ops },
	{ DX_BLFT_BTREE, DX_IBT_CRC_MAGIC, &dx_inobt_buf_ops },
	{ DX_BLFT_BTREE, DX_FIBT_CRC_MAGIC, &dx_finobt_buf_ops },
	{ DX_BLFT_BTREE, DX_BMAP_CRC_MAGIC, &dx_bmbt_buf_ops },
	{ DX_BLFT_BTREE, DX_REFC_CRC_MAGIC, &dx_refcountbt_buf_ops },
	{ DX_BLFT_BTREE, DX_RMAP_CRC_MAGIC, &rmapbt_buf_ops },
	{ DX_BLFT_AGF, DX_AGF_MAGIC, &dx_agf_buf_ops },
	{ DX_BLFT_AGFL, DX_AGFL_MAGIC, &dx_agfl_buf_ops },
	{ DX_BLFT_AGI, DX_AGI_MAGIC, &dx_agi_buf_ops },
	{ DX_BLFT_DINO, 0, &dx_inode_buf_ops },
	{ DX_BLFT_SYMLINK, DX_SYMLINK_MAGIC, &dx_symlink_buf_ops },
	{ DX_BLFT_DIR_BLOCK, DX_DIR3_BLOCK_MAGIC, &dx_dir3_block_buf_ops },
	{ DX_BLFT_DIR_DATA, DX_DIR3_DATA_MAGIC, &dx_dir3_data_buf_ops },
	{ DX_BLFT_DIR_FREE, DX_DIR3_FREE_MAGIC, &dx_dir3_free_buf_ops },
	{ DX_BLFT_DIR_LEAF1, 0, &dx_dir3_leaf1_buf_ops },
	{ DX_BLFT_DIR_LEAFN, 0, &dx_dir3_leafn_buf_ops },
	{ DX_BLFT_DA_NODE, 0, &dx_da3_node_buf_ops },
	{ DX_BLFT_ATTR_LEAF, 0, &dx_attr3_leaf_buf_ops },
	{ DX_BLFT_ATTR_RMT, DX_ATTR3_RMT_MAGIC, &dx_attr3_rmt_buf_ops },
	{ DX_BLFT_SB, DX_SB_MAGIC, &dx_sb_buf_ops },
};

static int set_ops(struct dx_recovery *rc, struct dx_buf *bp, unsigned int type)
{
	u32 magic = get_unaligned_be32(bp->b_addr);
	unsigned int i;
	bool known = false;

	bp->b_type = type;
	for (i = 0; i < ARRAY_SIZE(replay_ops); i++) {
		if (replay_ops[i].type != type)
			continue;
		known = true;
		if (replay_ops[i].magic && replay_ops[i].magic != magic)
			continue;
		bp->b_ops = replay_ops[i].ops;
		return 0;
	}
	if (known)
		return bad_item(rc, "magic of a replayed block", bp->b_maps[0].daddr);
	/* a part of a scattered block: nothing can be said of it alone */
	bp->b_ops = NULL;
	return 0;
}

/* ---- buffers ---- */

static int buf_pass1(struct dx_recovery *rc, struct dx_ritem *it)
{
	const struct dx_buf_log_format *f = it->r[0].addr;

	if (!(f->blf_flags & DX_BLF_CANCEL))
		return 0;
	return add_cancel(rc, f->blf_blkno, f->blf_len);
}

static bool map_bit(const struct dx_buf_log_format *f, u32 bit)
{
	return f->blf_data_map[bit / 32] & (1u << (bit % 32));
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

/* Of an inode cluster only the unlinked pointers: the inodes have items of their own. */
static int copy_unlinked(struct dx_recovery *rc, struct dx_buf *bp, u32 off, const char *src, u32 len)
{
	struct dx_mount *mp = rc->mp;
	u32 isize = mp->sb.inodesize, i;

	for (i = rounddown(off, isize); i < off + len && i + isize <= dx_buf_len(bp); i += isize) {
		u32 at = i + offsetof(struct dx_dinode, di_next_unlinked);
		struct dx_dinode *dip = dx_buf_off(bp, i);
		__be32 next;

		if (at < off || at + sizeof(next) > off + len)
			continue;
		memcpy(&next, src + (at - off), sizeof(next));
		if (!next)
			return bad_item(rc, "di_next_unlinked", bp->b_maps[0].daddr);
		dip->di_next_unlinked = next;
		dx_dinode_calc_crc(mp, dip);
	}
	return 0;
}

static void stamp(struct dx_buf *bp, dx_lsn_t lsn)
{
	const struct dx_lsn_place *p = dx_buf_lsn_place(bp);

	if (p && bp->b_ops)
		put_unaligned_be64(lsn, dx_buf_off(bp, p->lsn_off));
}

/* What a buffer item that is not an inode cluster's does to its block.  Leaves a block that is newer alone, and then b_ops, too. */
static int replay_block(struct dx_recovery *rc, const struct dx_ritem *it, const struct dx_buf_log_format *f,
			struct dx_buf *bp, dx_lsn_t lsn, bool *changed)
{
	int error;

	*changed = false;
	error = check_ahead(bp);
	if (error || block_is_newer(bp, lsn))
		return error;
	error = each_run(rc, it, f, bp, copy_run);
	if (!error)
		error = set_ops(rc, bp, (f->blf_flags & DX_BLFT_MASK) >> DX_BLFT_SHIFT);
	*changed = !error;
	return error;
}

/* Queue a replayed inode cluster, or write it. */
static int write_cluster(struct dx_recovery *rc, struct dx_buf *bp)
{
	int error;

	if (bp->b_len_bb == rc->mp->icluster_bb) {
		dx_buf_delwri_queue(bp, &rc->bufs);
		return 0;
	}
	/* of another cluster size than ours: must not stay in the cache beside overlapping ones */
	error = dx_buf_bwrite(bp);
	dx_buf_stale(bp);
	return error;
}

static int buf_pass2(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
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
	if (dx_recover_cancelled(rc, f->blf_blkno, f->blf_len) || dx_dquot_buf_is_off(rc, f))
		return 0;
	error = dx_buf_read(mp, f->blf_blkno, f->blf_len, DX_READ_NOVERIFY, NULL, &bp);
	if (error)
		return error;
	if (f->blf_flags & DX_BLF_INODE_BUF) {
		error = each_run(rc, it, f, bp, copy_unlinked);
		if (!error)
			bp->b_ops = &dx_inode_buf_ops;
	} else {
		error = replay_block(rc, it, f, bp, lsn, &changed);
	}
	if (error || !changed)
		goto out;
	if (bp->b_flags & BF_TORN)
		stamp(bp, lsn);
	if (bp->b_ops == &dx_inode_buf_ops)
		error = write_cluster(rc, bp);
	else
		dx_buf_delwri_queue(bp, &rc->bufs);
out:
	dx_buf_relse(bp);
	return error;
}

/**
 * dx_ritem_look - replay a buffer item into a block that is looked at, if it is for one
 * @rc: the recovery, in a pass that writes nothing
 * @it: a buffer item
 * @lsn: of its transaction
 *
 * Does to the copy what the last pass will do to the block.
 *
 * Return: 0 or -EFSCORRUPTED.
 */
int dx_ritem_look(struct dx_recovery *rc, const struct dx_ritem *it, dx_lsn_t lsn)
{
	const struct dx_buf_log_format *f = it->r[0].addr;
	struct dx_rlook *look;
	bool changed;

	if (f->blf_flags & DX_BLF_CANCEL) {
		pass_cancel(rc, f->blf_blkno, f->blf_len);
		return 0;
	}
	look = dx_look_find(rc, f->blf_blkno, f->blf_len);
	if (!look || f->blf_flags & DX_BLF_INODE_BUF || dx_dquot_buf_is_off(rc, f) ||
	    dx_recover_cancelled(rc, f->blf_blkno, f->blf_len))
		return 0;
	return replay_block(rc, it, f, look->bp, lsn, &changed);
}

/**
 * dx_recover_flush - write the buffers that were replayed into
 * @rc: the recovery
 * @all: torn ones, too: both passes are over
 *
 * Stamps them with rc->bufs_lsn first: all but the torn ones are of transactions of that LSN.
 *
 * Return: 0 or the first error.
 */
int dx_recover_flush(struct dx_recovery *rc, bool all)
{
	struct dx_buf *bp, *n;

	list_for_each_entry_safe(bp, n, &rc->bufs, b_delwri) {
		if (bp->b_flags & BF_TORN)
			list_move(&bp->b_delwri, &rc->torn);
		else
			stamp(bp, rc->bufs_lsn);
	}
	if (all) {
		list_for_each_entry(bp, &rc->torn, b_delwri)
			bp->b_flags &= ~BF_TORN;
		list_splice_init(&rc->torn, &rc->bufs);
	}
	return dx_buf_delwri_submit(&rc->bufs);
}

/* ---- inodes ---- */

/*
 * The owner in every block of a fork's btree becomes this inode: the fork was swapped in from another one.  No buffer is
 * locked while the ones below it are visited, wherever the pointers may lead; *budget: blocks that there can be.
 */
static int change_owner(struct dx_recovery *rc, dx_fsbno_t fsb, u16 level, dx_ino_t ino, u64 *budget)
{
	struct dx_mount *mp = rc->mp;
	struct dx_btree_lblock *b;
	__be64 *ptrs = NULL;
	struct dx_buf *bp;
	u16 i, numrecs;
	int error;

	if (!dx_verify_fsbno(mp, fsb) || !*budget)
		return bad_item(rc, "bmbt pointer", fsb);
	--*budget;
	error = dx_buf_read(mp, dx_fsb_to_daddr(mp, fsb), 1u << mp->blkbb_log, DX_READ_NOVERIFY, NULL, &bp);
	if (error)
		return error;
	b = bp->b_addr;
	numrecs = be16_to_cpu(b->bb_numrecs);
	if (b->bb_magic != cpu_to_be32(DX_BMAP_CRC_MAGIC) || be16_to_cpu(b->bb_level) != level ||
	    numrecs > mp->bmap_dmxr[level != 0]) {
		error = bad_item(rc, "bmbt block", bp->b_maps[0].daddr);
	} else if (level) {
		ptrs = kmemdup(dx_buf_off(bp, DX_BTREE_LBLOCK_LEN + mp->bmap_dmxr[1] * sizeof(__be64)),
			       numrecs * sizeof(__be64), GFP_KERNEL);
		error = ptrs ? 0 : -ENOMEM;
	}
	if (!error && be64_to_cpu(b->bb_owner) != ino) {
		b->bb_owner = cpu_to_be64(ino);
		bp->b_ops = &dx_bmbt_buf_ops;
		dx_buf_delwri_queue(bp, &rc->bufs);
	}
	dx_buf_relse(bp);
	for (i = 0; !error && level && i < numrecs; i++)
		error = change_owner(rc, be64_to_cpu(ptrs[i]), level - 1, ino, budget);
	kfree(ptrs);
	return error;
}

static int change_fork_owner(struct dx_recovery *rc, const struct dx_dinode *dip, const char *fork, u32 room)
{
	const struct dx_bmdr_block *root = (const void *)fork;
	u16 level = be16_to_cpu(root->bb_level), n = be16_to_cpu(root->bb_numrecs), i;
	/* each block holds an extent at least, and is one of the inode's own */
	u64 budget = min_t(u64, be64_to_cpu(dip->di_nblocks), rc->mp->sb.dblocks);
	u32 max = dx_bmbt_root_maxrecs(room);
	int error;

	if (!level || level >= DX_BTREE_MAXLEVELS || n > max)
		return bad_item(rc, "bmbt root", be64_to_cpu(dip->di_ino));
	for (i = 0; i < n; i++) {
		size_t off = sizeof(*root) + (max + i) * sizeof(__be64);

		error = change_owner(rc, get_unaligned_be64(fork + off), level - 1, be64_to_cpu(dip->di_ino), &budget);
		if (error)
			return error;
	}
	return 0;
}

/* One logged fork into its room in the inode. */
static int replay_fork(struct dx_recovery *rc, const struct dx_rregion *r, u32 fields, u32 inline_bits, u32 broot_bit,
		       char *dst, u32 room, u64 ino)
{
	if (fields & broot_bit) {
		int error = dx_broot_log_to_disk(r->addr, r->len, dst, room);

		return error ? bad_item(rc, "logged bmbt root", ino) : 0;
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

static int owner_change(struct dx_recovery *rc, const struct dx_inode_log_format *f, const struct dx_dinode *dip)
{
	u32 litino = rc->mp->sb.inodesize - DX_DINODE_SIZE, doff = (u32)dip->di_forkoff << 3;
	const char *fork = (const char *)dip + DX_DINODE_SIZE;
	int error = 0;

	if (f->ilf_fields & DX_ILOG_DOWNER && dip->di_format == DX_DINODE_FMT_BTREE)
		error = change_fork_owner(rc, dip, fork, doff ? doff : litino);
	if (!error && f->ilf_fields & DX_ILOG_AOWNER && doff && dip->di_aformat == DX_DINODE_FMT_BTREE)
		error = change_fork_owner(rc, dip, fork + doff, litino - doff);
	return error;
}

static int inode_pass2(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_inode_log_format *f = it->r[0].addr;
	struct dx_dinode *dip, *copy = NULL;
	struct dx_buf *bp;
	dx_lsn_t on_disk;
	int error;

	if (dx_recover_cancelled(rc, f->ilf_blkno, f->ilf_len))
		return 0;

	error = dx_buf_read(mp, f->ilf_blkno, f->ilf_len, 0, &dx_inode_buf_ops, &bp);
	if (error)
		return error;
	dip = dx_buf_off(bp, f->ilf_boffset);
	on_disk = be64_to_cpu(dip->di_lsn);
	if (!on_disk || on_disk == DX_NULLLSN || on_disk <= lsn ||
	    !dx_verify_cksum(dip, mp->sb.inodesize, DX_DINODE_CRC_OFF))
		error = replay_inode(rc, it, f, dip, lsn);
	else
		error = dx_log_check_lsn(mp, "inode", f->ilf_ino, on_disk);
	if (!error && f->ilf_fields & (DX_ILOG_DOWNER | DX_ILOG_AOWNER)) {
		copy = kmemdup(dip, mp->sb.inodesize, GFP_KERNEL);
		error = copy ? 0 : -ENOMEM;
	}
	if (!error) {
		dx_dinode_calc_crc(mp, dip);
		bp->b_type = DX_BLFT_DINO;
		error = write_cluster(rc, bp);
	}
	dx_buf_relse(bp);
	/* behind the unlock: a pointer might lead to this very buffer */
	if (!error && copy)
		error = owner_change(rc, f, copy);
	kfree(copy);
	return error;
}

static int icreate_pass2(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_icreate_log *c = it->r[0].addr;
	dx_agno_t agno = be32_to_cpu(c->icl_ag);
	dx_agbno_t agbno = be32_to_cpu(c->icl_agbno), b;
	u32 count = be32_to_cpu(c->icl_count), length = be32_to_cpu(c->icl_length), cancelled = 0, bufs = 0;

	for (b = 0; b < length; b += mp->icluster_blks, bufs++)
		if (dx_recover_cancelled(rc, dx_agb_to_daddr(mp, agno, agbno + b), mp->icluster_bb))
			cancelled++;
	/* the whole chunk was freed again later */
	if (cancelled == bufs)
		return 0;
	if (cancelled)
		return bad_item(rc, "cancelled part of an inode chunk", agbno);
	return dx_ialloc_inode_init(mp, NULL, &rc->bufs, count, agno, agbno, length, be32_to_cpu(c->icl_gen));
}

/* ---- intents ---- */

/*
 * Intents that the first pass has met without their done items.  One that has been done needs
 * nothing: its changes are ordinary items.  Of those that have not, we can finish the kinds that are registered.
 */
struct dx_rintent {
	struct rb_node	node;		/* by type and id: a log can hold very many */
	u16		type;
	u64		id;
	u32		count;		/* begun more often than done: nearly always 1 */
	u64		first;		/* of these the first: which intent of the log it is */
};
/* Ids are addresses with some writers, so after a crash one may come again by chance. */
#define MAX_SAME_IDS	256

/* All intents and done items alike: type, size, 4 more bytes, id. */
static u64 intent_id(const struct dx_ritem *it)
{
	return get_unaligned((const u64 *)((const char *)it->r[0].addr + 8));
}

/* Where (type, id) is, or would be: *parent as rb_link_node() wants it. */
static struct rb_node **intent_slot(struct dx_recovery *rc, u16 type, u64 id, struct rb_node **parent)
{
	struct rb_node **p = &rc->intents.rb_node;

	*parent = NULL;
	while (*p) {
		struct dx_rintent *in = rb_entry(*p, struct dx_rintent, node);

		if (in->type == type && in->id == id)
			break;
		*parent = *p;
		p = type < in->type || (type == in->type && id < in->id) ? &(*p)->rb_left : &(*p)->rb_right;
	}
	return p;
}

static int note_intent(struct dx_recovery *rc, struct dx_ritem *it)
{
	u64 id = intent_id(it);
	struct rb_node *parent, **p = intent_slot(rc, it->type, id, &parent);
	struct dx_rintent *in;

	rc->nintents++;
	if (*p) {
		if (++rc->nsame > MAX_SAME_IDS)
			return bad_item(rc, "id of an intent that is begun again and again", id);
		rb_entry(*p, struct dx_rintent, node)->count++;
		return 0;
	}
	in = kzalloc(sizeof(*in), GFP_KERNEL);
	if (!in)
		return -ENOMEM;
	in->type = it->type;
	in->id = id;
	in->count = 1;
	in->first = rc->nintents;
	rb_link_node(&in->node, parent, p);
	rb_insert_color(&in->node, &rc->intents);
	return 0;
}

/* A done item's type is its intent's plus one. */
static int note_done(struct dx_recovery *rc, struct dx_ritem *it)
{
	struct rb_node *parent, **p = intent_slot(rc, it->type - 1, intent_id(it), &parent);
	struct dx_rintent *in = *p ? rb_entry(*p, struct dx_rintent, node) : NULL;

	if (in && !--in->count) {
		rb_erase(&in->node, &rc->intents);
		kfree(in);
	}
	return 0;
}

/* Has the first pass found no done item for this intent?  The pass that replays counts them as the first one did. */
static bool stays_undone(struct dx_recovery *rc, u16 type, u64 id)
{
	struct rb_node *parent, **p = intent_slot(rc, type, id, &parent);

	return *p && rc->nintents >= rb_entry(*p, struct dx_rintent, node)->first;
}

/* Those that the log has done itself need not wait in the AIL for it. */
static int intent_pass2(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	const struct dx_defer_type *type = dx_defer_type_of(it->type);

	rc->nintents++;
	if (!type || !stays_undone(rc, it->type, intent_id(it)))
		return 0;
	return dx_intent_recover(rc->mp, type, it->r[0].addr, it->r[0].len, lsn);
}

/* So there is only one to be found where an id has come again. */
static int done_pass2(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	const struct dx_defer_type *type = dx_defer_type_of(it->type - 1);

	if (type && stays_undone(rc, it->type - 1, intent_id(it)))
		dx_intent_recover_done(rc->mp, type, intent_id(it));
	return 0;
}

/**
 * dx_recover_check_intents - after the first pass: can we finish all that was begun?
 * @rc: the recovery
 *
 * Return: 0, or -EINVAL after a message that names the first kind that we cannot.
 */
int dx_recover_check_intents(struct dx_recovery *rc)
{
	struct rb_node *n;

	for (n = rb_first(&rc->intents); n; n = rb_next(n)) {
		struct dx_rintent *in = rb_entry(n, struct dx_rintent, node);

		if (dx_defer_type_of(in->type))
			continue;
		dx_err(rc->mp, "the log holds an unfinished %s, which this driver cannot finish: mount the volume once with the kernel's own xfs, or read-only with -o ro,norecovery",
		       dx_ritem_ops(in->type)->name);
		return -EINVAL;
	}
	return 0;
}

/**
 * dx_recover_count_intents - after the first pass: how many intents does the log leave to be finished?
 * @rc: the recovery
 */
unsigned int dx_recover_count_intents(struct dx_recovery *rc)
{
	struct rb_node *node;
	unsigned int n = 0;

	for (node = rb_first(&rc->intents); node; node = rb_next(node))
		n += rb_entry(node, struct dx_rintent, node)->count;
	return n;
}

/**
 * dx_recover_free_tables - free what the passes collected
 * @rc: the recovery
 */
void dx_recover_free_tables(struct dx_recovery *rc)
{
	struct dx_rintent *in, *ni;
	struct dx_rcancel *c, *nc;

	rbtree_postorder_for_each_entry_safe(in, ni, &rc->intents, node)
		kfree(in);
	rc->intents = RB_ROOT;
	rbtree_postorder_for_each_entry_safe(c, nc, &rc->cancels, node)
		kfree(c);
	rc->cancels = RB_ROOT;
}

/* ---- dispatch ---- */

static const struct dx_ritem_ops item_ops[] = {
	{ DX_LI_BUF, DX_RORDER_BUFFER, "buffer", buf_pass1, buf_pass2 },
	{ DX_LI_ICREATE, DX_RORDER_BUFFER, "inode chunk creation", NULL, icreate_pass2 },
	{ DX_LI_INODE, DX_RORDER_ITEM, "inode", NULL, inode_pass2 },
	{ DX_LI_EFI, DX_RORDER_ITEM, "extent free intent", note_intent, intent_pass2 },
	{ DX_LI_EFD, DX_RORDER_ITEM, "extent free done", note_done, done_pass2 },
	{ DX_LI_DQUOT, DX_RORDER_ITEM, "quota", NULL, dx_dquot_pass2 },
	{ DX_LI_QUOTAOFF, DX_RORDER_ITEM, "quota off", dx_quotaoff_pass1 },
	{ DX_LI_RUI, DX_RORDER_ITEM, "reverse mapping update (RUI)", note_intent, intent_pass2 },
	{ DX_LI_RUD, DX_RORDER_ITEM, "reverse mapping done (RUD)", note_done, done_pass2 },
	{ DX_LI_CUI, DX_RORDER_ITEM, "reference count update (CUI)", note_intent, intent_pass2 },
	{ DX_LI_CUD, DX_RORDER_ITEM, "reference count done (CUD)", note_done, done_pass2 },
	{ DX_LI_BUI, DX_RORDER_ITEM, "block mapping update (BUI)", note_intent, intent_pass2 },
	{ DX_LI_BUD, DX_RORDER_ITEM, "block mapping done (BUD)", note_done, done_pass2 },
	{ DX_LI_ATTRI, DX_RORDER_ITEM, "attribute update (ATTRI)", note_intent, intent_pass2 },
	{ DX_LI_ATTRD, DX_RORDER_ITEM, "attribute done (ATTRD)", note_done, done_pass2 },
	{ DX_LI_XMI, DX_RORDER_ITEM, "range exchange (XMI)", note_intent, intent_pass2 },
	{ DX_LI_XMD, DX_RORDER_ITEM, "range exchange done (XMD)", note_done, done_pass2 },
};

/**
 * dx_ritem_ops - what to do with an item
 * @type: DX_LI_*
 *
 * Return: NULL for a type that we do not know.
 */
const struct dx_ritem_ops *dx_ritem_ops(u16 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(item_ops); i++)
		if (item_ops[i].type == type)
			return &item_ops[i];
	return NULL;
}

/**
 * dx_ritem_order - when within its transaction an item is replayed
 * @ops: of its type
 * @it: the item
 */
unsigned int dx_ritem_order(const struct dx_ritem_ops *ops, const struct dx_ritem *it)
{
	const struct dx_buf_log_format *f = it->r[0].addr;

	if (it->type != DX_LI_BUF || it->r[0].len < offsetof(struct dx_buf_log_format, blf_data_map))
		return ops->order;
	if (f->blf_flags & DX_BLF_CANCEL)
		return DX_RORDER_CANCEL;
	if (f->blf_flags & DX_BLF_INODE_BUF)
		return DX_RORDER_INODE_BUF;
	return ops->order;
}
