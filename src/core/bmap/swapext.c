// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two files give each other all that they map: what XFS_IOC_SWAPEXT does for xfs_fsr, which has copied a fragmented file
 * into fewer extents.
 *
 * How depends on what the volume has, and so does what a crash in the middle leaves:
 *
 *	exchange	exchange.c: as a whole, or not at all
 *	rmapbt		the same, run by run, each a unit of its own (BUI): each block says whose it is there.  A crash leaves
 *			some runs exchanged and the others not; of the stock filesystem, too.  Where both files have the
 *			same contents, as xfs_fsr sees to, nobody can tell
 *	neither		here: the forks change places in one transaction, as a whole or not at all
 *
 * Forks that change places.  The blocks of their btrees say whose they are, and there may be more of them than a transaction has
 * room for.  Then the first one logs each inode with a flag that tells recovery to see to all blocks (DX_ILOG_DOWNER), and
 * the blocks follow in further ones; the last logs the inodes without that flag, which would lead a later recovery into
 * blocks that are somebody else's by then.  If they all fit, and they nearly always do, no flag is needed: what is logged is
 * what any change logs.
 *
 * All that may fail comes first: the btrees are read, and their blocks kept in memory, while the transaction is clean.
 *
 * Extents in one fork must fit into the other's inode in the form that they have: whoever asks makes room beforehand, as xfs_fsr
 * does with an attribute of the same size.  Behind the ends of the files everything moves, too, where forks change places;
 * the others leave it.
 *
 * Lock context: a full lockout of both files, no dirty page of them.  Takes both ILOCKs.
 *
 * Source: "Inode Log Item"; ioctl numbers of xfs_fs.h; what the stock filesystem answers (tests/vm/suite/fsr.sh).
 */
#include "dx_cow.h"
#include "dx_bmap_int.h"
#include "dx_exchange.h"

/* Buffers of the blocks of a btree, each with a reference: not locked. */
struct tree_blocks {
	struct tree_blocks	*next;
	u32			n;
	struct dx_buf		*bp[500];
};

/* A data fork on its way from one inode to the other. */
struct side {
	struct dx_inode		*from, *to;
	struct tree_blocks	*tree;
	u64			tree_blocks;
	u64			nblocks;	/* what it maps, and what its btree takes */
};

static u32 root_max(struct dx_inode *ip)
{
	return dx_bmbt_root_maxrecs(dx_inode_fork_size(ip, DX_DATA_FORK));
}

/* Could @f be the data fork of @ip, as it is? */
static bool fits(struct dx_inode *ip, const struct dx_fork *f)
{
	const struct dx_bmbt_root *root = f->data;

	if (f->format == DX_DINODE_FMT_EXTENTS)
		return f->nextents <= dx_fork_inline_max(ip, DX_DATA_FORK);
	return root->numrecs <= root_max(ip) && f->nextents > dx_fork_inline_max(ip, DX_DATA_FORK);
}

static bool has_extents(const struct dx_fork *f)
{
	return f->format == DX_DINODE_FMT_EXTENTS || f->format == DX_DINODE_FMT_BTREE;
}

static bool by_forks(struct dx_mount *mp)
{
	return !dx_has_exchange(mp) && !dx_has_rmapbt(mp);
}

/* ILOCKs held: is this something that can be done? */
static int check_forks(struct dx_inode *ip, struct dx_inode *tip)
{
	const char *why = NULL;

	if (!has_extents(&ip->df) || !has_extents(&tip->df))
		return -EINVAL;
	/* nobody's quota shall pay for what another one has allocated */
	if (dx_has_quota(ip->mp) && !dx_same_owners(ip, tip))
		why = "their owners are not the same, and quota is on";
	/* then why does anybody ask? */
	else if (ip->df.nextents < tip->df.nextents)
		why = "the temporary file has more extents";
	else if (by_forks(ip->mp) && !fits(ip, &tip->df))
		why = "the extents of the temporary file do not fit into the inode as they are";
	else if (by_forks(ip->mp) && !fits(tip, &ip->df))
		why = "its extents do not fit into the inode of the temporary file as they are";
	if (!why)
		return 0;
	dx_err_ratelimited(ip->mp, "inode 0x%llx: not swapped with 0x%llx: %s", (unsigned long long)ip->ino,
			   (unsigned long long)tip->ino, why);
	return -EINVAL;
}

/* ---- looking, while nothing is changed ---- */

static int keep_block(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	struct side *s = data;
	struct tree_blocks *b = s->tree;

	if (!b || b->n == ARRAY_SIZE(b->bp)) {
		b = kzalloc(sizeof(*b), GFP_NOFS);
		if (!b)
			return -ENOMEM;
		b->next = s->tree;
		s->tree = b;
	}
	dx_buf_hold(bp);
	b->bp[b->n++] = bp;
	s->tree_blocks++;
	s->nblocks++;
	return 0;
}

static int look(struct side *s)
{
	struct dx_inode *ip = s->from;
	struct dx_btree_cur *cur;
	struct dx_iext_cur icur;
	struct dx_irec r;
	bool more;
	int error;

	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (error)
		return error;
	/* delayed: nobody has written there, for that has gone to the disk */
	dx_bmap_punch_delalloc(ip, 0, DX_BMBT_MAX_STARTOFF + 1);
	if (WARN_ON_ONCE(ip->delayed_blks))
		return -EFSCORRUPTED;
	for (more = dx_iext_first(&ip->df.ext, &icur, &r); more; more = dx_iext_next(&ip->df.ext, &icur, &r))
		s->nblocks += r.blockcount;
	if (ip->df.format == DX_DINODE_FMT_BTREE) {
		cur = dx_bmbt_cursor(ip->mp, NULL, ip, DX_DATA_FORK);
		error = dx_btree_visit_blocks(cur, keep_block, s);
		dx_btree_del_cursor(cur, error);
	}
	if (!error && s->nblocks > ip->d.nblocks)
		error = dx_fork_corrupt(ip, DX_DATA_FORK, "nblocks");
	return error;
}

/* May the inode count so many extents?  *@large: with a larger counter. */
static int check_count(struct dx_inode *ip, u64 n, bool *large)
{
	*large = n > dx_most_extents(dx_has_large_counts(ip), DX_DATA_FORK);
	return *large && !dx_has_nrext64(ip->mp) ? -EFBIG : 0;
}

static void let_go(struct side *s)
{
	struct tree_blocks *b;

	while ((b = s->tree)) {
		s->tree = b->next;
		while (b->n)
			dx_buf_put(b->bp[--b->n]);
		kfree(b);
	}
}

/* ---- changing ---- */

/* One of the blocks, whose reference the transaction takes over, says whose it is. */
static bool next_block(struct dx_trans *tp, struct side *s)
{
	struct tree_blocks *b = s->tree;
	struct dx_btree_lblock *h;
	struct dx_buf *bp;

	while (b && !b->n) {
		s->tree = b->next;
		kfree(b);
		b = s->tree;
	}
	if (!b)
		return false;
	bp = b->bp[--b->n];
	dx_buf_lock(bp);
	dx_trans_adopt(tp, bp);
	h = bp->b_addr;
	h->bb_owner = cpu_to_be64(s->to->ino);
	bp->b_type = DX_BLFT_BTREE;
	dx_trans_log_buf(tp, bp, offsetof(struct dx_btree_lblock, bb_owner),
			 offsetof(struct dx_btree_lblock, bb_owner) + sizeof(h->bb_owner) - 1);
	return true;
}

static u32 form(struct dx_inode *ip)
{
	return DX_ILOG_CORE | (ip->df.format == DX_DINODE_FMT_BTREE ? DX_ILOG_DBROOT : DX_ILOG_DEXT);
}

static void settle(struct dx_inode *ip, u64 nblocks_was, u64 nblocks, u32 gen, u64 shares, bool large)
{
	if (ip->df.format == DX_DINODE_FMT_BTREE)
		dx_bmbt_root_resize(&ip->df, root_max(ip));
	/* a sequence that neither has ever had */
	ip->df.ext.gen = gen;
	ip->d.nblocks = ip->d.nblocks - nblocks_was + nblocks;
	ip->d.flags2 = (ip->d.flags2 & ~DX_DIFLAG2_REFLINK) | shares;
	if (large)
		ip->d.flags2 |= DX_DIFLAG2_NREXT64;
}

/* From here on nothing fails. */
static void swap_forks(struct side *s, bool large)
{
	struct dx_inode *ip = s->from, *tip = s->to;
	u64 shares = ip->d.flags2 & DX_DIFLAG2_REFLINK, tshares = tip->d.flags2 & DX_DIFLAG2_REFLINK;
	u32 gen = max(ip->df.ext.gen, tip->df.ext.gen) + 1;

	swap(ip->df, tip->df);
	settle(ip, s[0].nblocks, s[1].nblocks, gen, tshares, false);
	settle(tip, s[1].nblocks, s[0].nblocks, gen, shares, large);
	/* what was preallocated behind the end of one is behind that of the other */
	if (test_bit(DX_I_EOFBLOCKS, &ip->i_flags) || test_bit(DX_I_EOFBLOCKS, &tip->i_flags)) {
		dx_inode_set_eofblocks(ip);
		dx_inode_set_eofblocks(tip);
	}
}

static void join(struct dx_trans *tp, const struct side *s)
{
	dx_trans_ijoin(tp, s->from, 0);
	dx_trans_ijoin(tp, s->to, 0);
}

/* Forks have changed places: the blocks of their btrees, as many in each transaction as it has room for. */
static int change_owners(struct dx_trans **tpp, struct side *s)
{
	u32 room = 2 * s->from->mp->bm_maxlevels[DX_DATA_FORK], n;
	u64 left = s[0].tree_blocks + s[1].tree_blocks;
	int error, i;

	for (;;) {
		for (n = 0; n < room && left; n++, left--)
			if (!next_block(*tpp, &s[0]))
				next_block(*tpp, &s[1]);
		if (!left)
			break;
		for (i = 0; i < 2; i++)
			if (s[i].to->df.format == DX_DINODE_FMT_BTREE)
				dx_trans_log_inode(*tpp, s[i].to, DX_ILOG_CORE | DX_ILOG_DOWNER);
		error = dx_trans_roll(tpp);
		join(*tpp, s);
		if (error)
			return error;
		/* once more, so that the tail need not wait for them */
		for (i = 0; i < 2; i++)
			dx_trans_log_inode(*tpp, s[i].to, DX_ILOG_CORE);
	}
	for (i = 0; i < 2; i++)
		dx_inode_owns_all(s[i].to);
	return 0;
}

static int swap_by_forks(struct dx_inode *ip, struct dx_inode *tip, u64 size_bytes)
{
	struct side s[2] = { { .from = ip, .to = tip }, { .from = tip, .to = ip } };
	struct dx_trans *tp;
	bool large;
	int error;

	error = dx_quota_attach(ip) ?: dx_quota_attach(tip);
	if (!error)
		error = dx_trans_alloc(ip->mp, DX_RESV_EXCHANGE, 0, 0, &tp);
	if (error)
		return error;
	dx_ilock_two(ip, tip);
	join(tp, s);
	error = check_forks(ip, tip) ?: check_count(tip, ip->df.nextents, &large) ?: look(&s[0]) ?: look(&s[1]);
	if (!error) {
		swap_forks(s, large);
		dx_grow_disk_size(tp, ip, size_bytes);
		dx_grow_disk_size(tp, tip, size_bytes);
		dx_trans_log_inode(tp, ip, form(ip));
		dx_trans_log_inode(tp, tip, form(tip));
		error = change_owners(&tp, s);
	}
	error = dx_trans_end(tp, error);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	dx_iunlock(tip, DX_ILOCK_EXCL);
	let_go(&s[0]);
	let_go(&s[1]);
	return error;
}

/**
 * dx_swapext - two files give each other all that they map
 * @ip: regular file
 * @tip: another one of the same mount, of the same size, with no more extents
 * @size_bytes: of both
 *
 * Times stay, and so do sizes; on disk they become @size_bytes if that is more.  Copies on write that are staged for either are
 * dropped.  How far it is atomic: above.
 *
 * Return: 0; -EINVAL (more extents, extents that do not fit, other owners where quota is on: nothing is changed); -EFBIG (too
 * many extents for @tip); -ENOSPC; -EIO, -EFSCORRUPTED, -ENOMEM.  After an error nothing is changed, or the filesystem is
 * shut down.
 */
int dx_swapext(struct dx_inode *ip, struct dx_inode *tip, u64 size_bytes)
{
	struct dx_mount *mp = ip->mp;
	struct dx_exchange x = {
		.ip1 = tip, .ip2 = ip, .len_bytes = size_bytes, .reach1_bytes = size_bytes, .reach2_bytes = size_bytes,
		.still1 = true, .still2 = true, .by_runs = !dx_has_exchange(mp),
	};
	int error;

	if (ip == tip || mp != tip->mp)
		return -EINVAL;
	error = dx_cow_cancel(ip, 0, U64_MAX, true);
	if (!error)
		error = dx_cow_cancel(tip, 0, U64_MAX, true);
	if (error)
		return error;
	if (by_forks(mp))
		return swap_by_forks(ip, tip, size_bytes);
	dx_ilock_two(ip, tip);
	error = check_forks(ip, tip);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	dx_iunlock(tip, DX_ILOCK_EXCL);
	return error ? error : dx_exchange_range(&x);
}
