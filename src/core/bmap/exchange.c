// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exchanging what two ranges of files map, as a whole or not at all.
 *
 * The first transaction logs that it will be done (XMI), and with it all that is not the map: sizes, times, that both may share
 * blocks now if one did.  Then, from run to run of what maps the two ranges: the step takes the extent of each out of its map and
 * puts it into the other's (four BUIs, each in a transaction of its own), and logs the rest as a new XMI.  So after a crash
 * recovery exchanges the rest, and nobody sees a half of it: both ILOCKs are held to the end.
 *
 * Nothing may fail on the way, for a transaction that is dirty cannot be given up.  What it takes is asked for before the first:
 * blocks for both btrees, room in the extent counters.  A map may grow and shrink on the way as often as it has extents, into a
 * btree and back into the inode each time: what that frees the chain keeps for itself (DX_TRANS_KEEP_FREED), so it needs no more
 * than what a btree can be larger by at any one time.
 *
 * By runs (swapext.c): the same steps, each promised by its BUIs alone, with no XMI to tie them together.  A crash leaves the runs
 * that are done.
 *
 * A run in which both are holes, or have the same blocks, stays as it is.  Blocks neither come nor go, so there is nothing
 * to account; the owner of each in the rmapbt follows from the change of the map.
 *
 * Recovery does what other kernels log, too: sizes at the last step, flags of shared blocks when all intents are done.  What
 * they do to attribute forks (online repair) is refused before anything is changed: the blocks of an attribute fork say whose
 * they are, and those of the one that is given up say another's.
 *
 * Lock context: a full lockout of both files, no ILOCK, no dirty page in the ranges.
 *
 * Source: xfs_log_format.h of xfslibs-dev, ioctl_xfs_exchange_range(2).
 */
#include "dx_cow.h"
#include "dx_bmap_int.h"
#include "dx_exchange.h"

struct exchange_work {
	struct dx_defer_work	work;		/* first */
	struct dx_xmi_body	x;		/* what is left */
	struct dx_inode		*ip1, *ip2;	/* joined and locked; NULL: recovery has found it */
	bool			waits;		/* for the other intents that recovery has found */
};

/* Runs of equal length that map the beginning of both ranges. */
struct runs {
	struct dx_irec	r1, r2;
};

static bool written(const struct dx_irec *r)
{
	return dx_irec_is_real(r) && r->state == DX_EXT_NORM;
}

static bool same_blocks(const struct dx_irec *a, const struct dx_irec *b)
{
	return dx_irec_is_real(a) ? a->startblock == b->startblock && a->state == b->state : !dx_irec_is_real(b);
}

static void advance(struct dx_xmi_body *x, dx_filblks_t len)
{
	x->xmi_startoff1 += len;
	x->xmi_startoff2 += len;
	x->xmi_blockcount -= len;
}

/* The next runs that are to be exchanged; false: there are none.  Both ILOCKs held, extents in memory. */
static bool next_runs(struct dx_inode *ip1, struct dx_inode *ip2, struct dx_xmi_body *x, struct runs *r)
{
	struct dx_irec whole;

	while (x->xmi_blockcount) {
		dx_bmap_run(ip1, x->xmi_startoff1, x->xmi_blockcount, &r->r1, &whole);
		dx_bmap_run(ip2, x->xmi_startoff2, r->r1.blockcount, &r->r2, &whole);
		r->r1.blockcount = r->r2.blockcount;
		if (!same_blocks(&r->r1, &r->r2) && (!(x->xmi_flags & DX_XMI_INO1_WRITTEN) || written(&r->r1)))
			return true;
		advance(x, r->r1.blockcount);
	}
	return false;
}

/* ---- a step -------------------------------------------------------------------------------- */

static void exchange_format(const struct dx_defer_work *work, void *to)
{
	memcpy(to, &container_of(work, struct exchange_work, work)->x, sizeof(struct dx_xmi_body));
}

static int exchange_parse(struct dx_mount *mp, const void *from, struct dx_defer_work **workp)
{
	struct exchange_work *m;
	struct dx_xmi_body x;

	memcpy(&x, from, sizeof(x));
	/* the rest has been looked at when it was found: recover_check.c */
	if (!dx_verify_ino(mp, x.xmi_inode1) || !dx_verify_ino(mp, x.xmi_inode2)) {
		dx_err(mp, "corrupt XMI in the log: inodes 0x%llx, 0x%llx", (unsigned long long)x.xmi_inode1,
		       (unsigned long long)x.xmi_inode2);
		return -EFSCORRUPTED;
	}
	m = kzalloc(sizeof(*m), GFP_NOFS | __GFP_NOFAIL);
	m->x = x;
	m->waits = true;
	*workp = &m->work;
	return 0;
}

static bool exchange_cannot(const void *from)
{
	struct dx_xmi_body x;

	memcpy(&x, from, sizeof(x));
	return x.xmi_flags & DX_XMI_ATTR_FORK;
}

/* One of the inodes that recovery has read: is it what the log means, and can its map be changed? */
static int check_found(struct dx_inode *ip, u32 gen)
{
	const char *what = NULL;

	if (ip->d.gen != gen)
		what = "another generation";
	else if (!S_ISREG(ip->d.mode) && !S_ISDIR(ip->d.mode) && !S_ISLNK(ip->d.mode))
		what = "has no data";
	else if (ip->df.format != DX_DINODE_FMT_EXTENTS && ip->df.format != DX_DINODE_FMT_BTREE)
		what = "has its data in the inode";
	return what ? dx_corrupt(ip->mp, "XMI", ip->imap.daddr, "inode 0x%llx: %s", (unsigned long long)ip->ino, what) : 0;
}

/* The inodes of what recovery has found, joined. */
static int join_found(struct dx_trans *tp, struct exchange_work *m, struct dx_inode **ip1, struct dx_inode **ip2)
{
	int error = dx_recovery_hold(tp->t_mp, "XMI", m->x.xmi_inode1, ip1);

	if (!error)
		error = dx_recovery_hold(tp->t_mp, "XMI", m->x.xmi_inode2, ip2);
	if (error)
		return error;
	dx_ilock_two(*ip1, *ip2);
	dx_trans_ijoin(tp, *ip1, DX_ILOCK_EXCL);
	if (*ip1 != *ip2)
		dx_trans_ijoin(tp, *ip2, DX_ILOCK_EXCL);
	error = check_found(*ip1, m->x.xmi_igen1) ?: check_found(*ip2, m->x.xmi_igen2);
	if (!error)
		error = dx_iread_extents(tp, *ip1, DX_DATA_FORK);
	if (!error)
		error = dx_iread_extents(tp, *ip2, DX_DATA_FORK);
	return error;
}

static void set_size(struct dx_trans *tp, struct dx_inode *ip, u64 size_bytes)
{
	dx_set_disk_size(ip, size_bytes);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
}

/* What others log besides, with the last step. */
static void end_found(struct dx_trans *tp, const struct dx_xmi_body *x, struct dx_inode *ip1, struct dx_inode *ip2)
{
	if (x->xmi_flags & DX_XMI_SET_SIZES) {
		set_size(tp, ip1, x->xmi_isize1);
		set_size(tp, ip2, x->xmi_isize2);
	}
	if (x->xmi_flags & DX_XMI_CLEAR_INO1_REFLINK)
		dx_bmap_unshare_held(ip1);
	if (x->xmi_flags & DX_XMI_CLEAR_INO2_REFLINK)
		dx_bmap_unshare_held(ip2);
}

static void exchange_runs(struct dx_trans *tp, struct dx_inode *ip1, struct dx_inode *ip2, const struct runs *r)
{
	struct dx_irec to1 = r->r2, to2 = r->r1;

	to1.startoff = r->r1.startoff;
	to2.startoff = r->r2.startoff;
	/* first both out, so that no block is in two maps */
	if (dx_irec_is_real(&r->r1))
		dx_defer_bmap(tp, ip1, DX_BUI_UNMAP, &r->r1);
	if (dx_irec_is_real(&r->r2))
		dx_defer_bmap(tp, ip2, DX_BUI_UNMAP, &r->r2);
	if (dx_irec_is_real(&to1))
		dx_defer_bmap(tp, ip1, DX_BUI_MAP, &to1);
	if (dx_irec_is_real(&to2))
		dx_defer_bmap(tp, ip2, DX_BUI_MAP, &to2);
}

static int exchange_finish(struct dx_trans *tp, struct dx_defer_work *work)
{
	struct exchange_work *m = container_of(work, struct exchange_work, work);
	struct dx_inode *ip1 = m->ip1, *ip2 = m->ip2;
	struct runs r;
	int error;

	if (m->waits) {
		/* what others have in motion is to arrive before, for they log that behind this */
		m->waits = false;
		return -EAGAIN;
	}
	error = ip1 ? 0 : join_found(tp, m, &ip1, &ip2);
	if (error)
		return error;
	if (next_runs(ip1, ip2, &m->x, &r)) {
		if (WARN_ON_ONCE(dx_irec_is_delay(&r.r1) || dx_irec_is_delay(&r.r2)))
			return -EFSCORRUPTED;
		exchange_runs(tp, ip1, ip2, &r);
		advance(&m->x, r.r1.blockcount);
		if (next_runs(ip1, ip2, &m->x, &r))
			return -EAGAIN;
	}
	if (!m->ip1)
		end_found(tp, &m->x, ip1, ip2);
	return 0;
}

/* What the log knows as XMI and XMD. */
const struct dx_defer_type dx_exchange_type = {
	.name		= "XMI",
	.li_type	= DX_LI_XMI,
	.uncounted	= true,
	.resv		= DX_RESV_EXCHANGE,
	.most		= 1,
	.a_go		= 1,
	.work_bytes	= sizeof(struct dx_xmi_body),
	.format		= exchange_format,
	.parse		= exchange_parse,
	.cannot		= exchange_cannot,
	.finish		= exchange_finish,
};

/* ---- the beginning ------------------------------------------------------------------------- */

/* What a range has. */
struct range_sum {
	u64	extents, blocks;
};

/* Delayed extents in the range go, if @drop: nobody has written there, for that has gone to the disk. */
static int sum_up(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, bool drop, struct range_sum *s)
{
	dx_fileoff_t end = off + len;
	struct dx_iext_cur icur;
	struct dx_irec r;
	bool more;
	int error;

	*s = (struct range_sum) { };
	if (ip->df.format != DX_DINODE_FMT_EXTENTS && ip->df.format != DX_DINODE_FMT_BTREE)
		return -EFSCORRUPTED;
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (error)
		return error;
	if (drop)
		dx_bmap_punch_delalloc(ip, off, len);
	for (more = dx_iext_lookup(&ip->df.ext, off, &icur, &r); more && r.startoff < end;
	     more = dx_iext_next(&ip->df.ext, &icur, &r)) {
		if (dx_irec_is_delay(&r))
			continue;
		dx_irec_trim(&r, off, end);
		s->extents++;
		s->blocks += r.blockcount;
	}
	return 0;
}

/* The most extents that a map gains on the way: those of the other range, and a cut on either side of both. */
static u32 gained(const struct range_sum *mine, const struct range_sum *others, bool same)
{
	return min_t(u64, others->extents + (same ? mine->extents + 4 : 0) + 4, U32_MAX / 4);
}

/*
 * Blocks that the btree of a map may have more at any time on the way, its ranges having @mine.  At the worst those that a range
 * has or touches are full at the beginning, and half full in the end, as all are at least.  Nor has a level more than it could have
 * as a whole.  Where all fits into one leaf there is one, and none if it fits into the inode.
 */
static u64 tree_blocks(struct dx_inode *ip, const struct range_sum *mine, u32 gained, u32 ranges)
{
	struct dx_mount *mp = ip->mp;
	u64 all = ip->df.nextents + gained, had = mine->extents, come = gained, sum = 0;
	u32 level;

	if (all <= dx_fork_inline_max(ip, DX_DATA_FORK))
		return 0;
	for (level = 0; level < mp->bm_maxlevels[DX_DATA_FORK] && all > 1; level++) {
		u32 most = mp->bmap_dmxr[level != 0], least = mp->bmap_dmnr[level != 0];

		all = all <= most ? 1 : div_u64(all, least);
		/* had * (1 / least - 1 / most) + come / least, and one that is cut at either end of a range */
		come = min(all, DIV_ROUND_UP_ULL(had * (most - least) + come * most, least * most) + 2 * ranges);
		had = DIV_ROUND_UP_ULL(had, least) + 2 * ranges;
		sum += come;
	}
	return sum;
}

static struct exchange_work *new_work(const struct dx_exchange *x)
{
	struct dx_mount *mp = x->ip1->mp;
	struct exchange_work *m = kzalloc(sizeof(*m), GFP_NOFS | __GFP_NOFAIL);

	m->ip1 = x->ip1;
	m->ip2 = x->ip2;
	m->x = (struct dx_xmi_body) {
		.xmi_inode1 = x->ip1->ino, .xmi_inode2 = x->ip2->ino, .xmi_igen1 = x->ip1->d.gen, .xmi_igen2 = x->ip2->d.gen,
		.xmi_startoff1 = dx_b_to_fsbt(mp, x->off1_bytes), .xmi_startoff2 = dx_b_to_fsbt(mp, x->off2_bytes),
		.xmi_blockcount = dx_b_to_fsb(mp, x->len_bytes), .xmi_flags = x->written ? DX_XMI_INO1_WRITTEN : 0,
	};
	return m;
}

/*
 * In both, with the first transaction: they have changed, and if one may share blocks both may.  What comes to where the size on
 * disk does not reach yet is data of somebody who may have been told that it is safe; before it there are holes, unwritten
 * extents, and what has been written.
 */
static void mark(struct dx_trans *tp, const struct dx_exchange *x)
{
	struct dx_inode *ip[2] = { x->ip1, x->ip2 };
	u64 shares = (x->ip1->d.flags2 | x->ip2->d.flags2) & DX_DIFLAG2_REFLINK;
	bool still[2] = { x->still1, x->still2 };
	int i;

	for (i = 0; i < 2; i++) {
		ip[i]->d.flags2 |= shares;
		if (!still[i])
			dx_trans_set_time(tp, ip[i], DX_ICHGTIME_MOD | DX_ICHGTIME_CHG);
		if (x->set_sizes) {
			dx_set_disk_size(ip[i], i ? x->size2_bytes : x->size1_bytes);
			/* what was preallocated behind the end of one is behind that of the other */
			dx_inode_set_eofblocks(ip[i]);
		} else {
			dx_grow_disk_size(tp, ip[i], i ? x->reach2_bytes : x->reach1_bytes);
		}
		dx_trans_log_inode(tp, ip[i], DX_ILOG_CORE);
	}
}

/* Who gets more blocks than he gives, may he?  What is not written may stay with either. */
static int may_own(const struct dx_exchange *x, const struct range_sum s[2])
{
	u64 lost1 = x->written ? 0 : s[0].blocks, lost2 = x->written ? 0 : s[1].blocks;
	int error = dx_same_owners(x->ip1, x->ip2) ? 0 : dx_quota_reserve(x->ip1, s[1].blocks > lost1 ? s[1].blocks - lost1 : 0);

	if (!error && !dx_same_owners(x->ip1, x->ip2))
		error = dx_quota_reserve(x->ip2, s[0].blocks > lost2 ? s[0].blocks - lost2 : 0);
	return error;
}

/* Blocks for both btrees, into the transaction. */
static int take_blocks(struct dx_trans *tp, const struct dx_exchange *x, const struct range_sum s[2])
{
	struct range_sum both = { .extents = s[0].extents + s[1].extents };
	u64 blocks;

	if (x->ip1 == x->ip2)
		blocks = tree_blocks(x->ip1, &both, gained(&s[0], &s[1], true), 2);
	else
		blocks = tree_blocks(x->ip1, &s[0], gained(&s[0], &s[1], false), 1) +
			 tree_blocks(x->ip2, &s[1], gained(&s[1], &s[0], false), 1);
	return blocks > U32_MAX ? -ENOSPC : dx_trans_reserve_blocks(tp, blocks, false);
}

/* What lies across an end of a range is cut there, and may be shared. */
static bool may_cut_at(struct dx_inode *ip, dx_fileoff_t at)
{
	struct dx_iext_cur icur;
	struct dx_irec r;

	return !dx_iext_lookup(&ip->df.ext, at, &icur, &r) || dx_bmap_may_cut(ip, &r, at, at);
}

static bool may_cut(const struct dx_exchange *x)
{
	struct dx_mount *mp = x->ip1->mp;
	dx_fileoff_t off1 = dx_b_to_fsbt(mp, x->off1_bytes), off2 = dx_b_to_fsbt(mp, x->off2_bytes);
	dx_filblks_t len = dx_b_to_fsb(mp, x->len_bytes);

	return may_cut_at(x->ip1, off1) && may_cut_at(x->ip1, off1 + len) &&
	       may_cut_at(x->ip2, off2) && may_cut_at(x->ip2, off2 + len);
}

/* Will it have what it takes?  ILOCKs held, transaction clean. */
static int may_begin(struct dx_trans *tp, const struct dx_exchange *x, const struct range_sum s[2])
{
	bool same = x->ip1 == x->ip2;
	int error = dx_bmap_may_grow(x->ip1, DX_DATA_FORK, gained(&s[0], &s[1], same));

	if (!error && !same)
		error = dx_bmap_may_grow(x->ip2, DX_DATA_FORK, gained(&s[1], &s[0], false));
	if (!error && !may_cut(x))
		error = -ENOSPC;
	if (!error)
		error = take_blocks(tp, x, s);
	if (!error && !same)
		error = may_own(x, s);
	if (error || x->dry || same)
		return error;
	/* delayed extents elsewhere in the files */
	error = dx_delalloc_expect(NULL, x->ip1, s[1].blocks, dx_fork_inline_max(x->ip1, DX_DATA_FORK));
	return error ?: dx_delalloc_expect(NULL, x->ip2, s[0].blocks, dx_fork_inline_max(x->ip2, DX_DATA_FORK));
}

static void lock_both(const struct dx_exchange *x)
{
	dx_ilock_two(x->ip1, x->ip2);
}

static void unlock_both(const struct dx_exchange *x)
{
	dx_iunlock(x->ip1, DX_ILOCK_EXCL);
	if (x->ip1 != x->ip2)
		dx_iunlock(x->ip2, DX_ILOCK_EXCL);
}

/* That all will be done, if there is anything. */
static void promise(struct dx_trans *tp, const struct dx_exchange *x)
{
	struct exchange_work *m = new_work(x);
	struct runs r;

	if (next_runs(x->ip1, x->ip2, &m->x, &r))
		dx_defer_add(tp, &dx_exchange_type, &m->work);
	else
		kfree(m);
}

/* The steps alone. */
static int exchange_by_runs(struct dx_trans **tpp, const struct dx_exchange *x, const struct dx_xmi_body *b)
{
	struct dx_xmi_body left = *b;
	struct runs r;
	int error = 0;

	while (!error && next_runs(x->ip1, x->ip2, &left, &r)) {
		exchange_runs(*tpp, x->ip1, x->ip2, &r);
		advance(&left, r.r1.blockcount);
		error = dx_defer_finish(tpp);
	}
	return error;
}

/* In one chain of transactions. */
static int run(const struct dx_exchange *x, const struct dx_xmi_body *b)
{
	bool same = x->ip1 == x->ip2;
	struct range_sum s[2];
	struct dx_trans *tp;
	int error;

	error = dx_quota_attach(x->ip1) ?: dx_quota_attach(x->ip2);
	if (!error)
		error = dx_trans_alloc(x->ip1->mp, DX_RESV_EXCHANGE, 0, DX_TRANS_KEEP_FREED, &tp);
	if (error)
		return error;
	lock_both(x);
	dx_trans_ijoin(tp, x->ip1, 0);
	if (!same)
		dx_trans_ijoin(tp, x->ip2, 0);
	error = sum_up(x->ip1, b->xmi_startoff1, b->xmi_blockcount, !x->dry, &s[0]);
	if (!error)
		error = sum_up(x->ip2, b->xmi_startoff2, b->xmi_blockcount, !x->dry, &s[1]);
	if (!error)
		error = may_begin(tp, x, s);
	if (!error && !x->dry) {
		mark(tp, x);
		if (x->by_runs)
			error = exchange_by_runs(&tp, x, b);
		else
			promise(tp, x);
	}
	error = dx_trans_end(tp, error);
	unlock_both(x);
	return error;
}

/* The inode whose blocks may be shared and have all gone to the other, which had none such: it needs the flag no longer. */
static struct dx_inode *shares_no_more(const struct dx_exchange *x, const struct dx_xmi_body *b)
{
	bool first = dx_inode_shares(x->ip1);
	struct dx_inode *ip = first ? x->ip1 : x->ip2;
	dx_fileoff_t off = first ? b->xmi_startoff1 : b->xmi_startoff2, end;
	bool all = false;

	if (first == dx_inode_shares(x->ip2) || x->written || off)
		return NULL;
	dx_ilock(ip, DX_ILOCK_EXCL);
	if (!dx_iread_extents(NULL, ip, DX_DATA_FORK) && !dx_bmap_last_offset(ip, DX_DATA_FORK, &end))
		all = end <= b->xmi_blockcount && !dx_cow_blocks(ip);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return all ? ip : NULL;
}

/**
 * dx_exchange_range - exchange what two ranges of files map
 * @x: what; both files of one mount, regular
 *
 * As a whole or not at all, also after a crash, unless it is to go by runs.  Times of both move, if they are not to be
 * still.  Copies on write that are staged for the ranges are dropped.
 * The size in memory is the caller's.  Takes both ILOCKs.
 *
 * Return: 0; -EINVAL (not at blocks, ranges overlap); -EFBIG (beyond what a file can be, or can have extents); -ENOSPC;
 * -EDQUOT; -EIO, -EFSCORRUPTED.  Nothing is changed after an error, unless the filesystem is shut down.
 */
int dx_exchange_range(const struct dx_exchange *x)
{
	struct dx_mount *mp = x->ip1->mp;
	struct dx_inode *unshared;
	struct dx_xmi_body b = {
		.xmi_startoff1 = dx_b_to_fsbt(mp, x->off1_bytes), .xmi_startoff2 = dx_b_to_fsbt(mp, x->off2_bytes),
		.xmi_blockcount = dx_b_to_fsb(mp, x->len_bytes),
	};
	int error = 0;

	if ((x->off1_bytes | x->off2_bytes) & mp->blockmask || x->ip2->mp != mp ||
	    (x->ip1 == x->ip2 && b.xmi_startoff1 < b.xmi_startoff2 + b.xmi_blockcount &&
	     b.xmi_startoff2 < b.xmi_startoff1 + b.xmi_blockcount))
		return -EINVAL;
	if (max(b.xmi_startoff1, b.xmi_startoff2) + b.xmi_blockcount > dx_file_end(mp))
		return -EFBIG;
	if (!x->dry) {
		error = dx_cow_cancel(x->ip1, x->off1_bytes, x->len_bytes, true);
		if (!error)
			error = dx_cow_cancel(x->ip2, x->off2_bytes, x->len_bytes, true);
	}
	if (error)
		return error;
	unshared = shares_no_more(x, &b);
	error = run(x, &b);
	/* a crash before this leaves a flag that does no harm */
	if (!error && !x->dry && unshared)
		error = dx_reflink_clear_flag(unshared);
	return error;
}
