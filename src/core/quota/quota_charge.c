// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for what.
 *
 * On disk.  A transaction that commits is looked through for inodes that it has logged (dx_quota_charge()): what an inode
 * uses now, and who owns it, against what records have been charged for it.  The difference goes to the records, which join.
 * It is the inode's core that is logged and holds both the blocks and the owner, so usage is exact whatever has been
 * done to the inode, and by whom: an operation, a deferred work, recovery, the freeing of a file that nobody names.
 *
 * In memory.  "held" is what limits are about: blocks on disk, delayed ones with what their btree may take, copies on write, and
 * what dx_quota_reserve() sets aside for a running operation.  It is set right whenever the inode's exclusive ILOCK is given up
 * (settle()): then it is what the inode has got.  So two writers at a limit cannot both get the last block: each asks before,
 * and holds.
 *
 * Limits.  Beyond the hard one nothing is granted; beyond the soft one until the grace has passed, which begins when usage on disk
 * exceeds it.  The record of id 0 has no limits itself: its ones are those of everybody who has none of his own when
 * his usage changes, and its timers are the graces.  What gives back more than it takes is never asked.
 *
 * When the records of a kind cannot be read, being damaged, usage of that kind is not right from now on; the superblock says so
 * before anything changes (dx_quota_lost()), and the next mount counts anew.
 *
 * Locks: the ILOCK for what an inode knows; ->commit for what is logged of a record, by order of kind and id; ->lock, a spinlock.
 */
#include "dx_quota_int.h"

/* ---- when usage is not right any more ---- */

/**
 * dx_quota_sync_flags - the superblock says what is accounted, enforced and right
 * @mp: the mount; no lock held, no transaction
 *
 * Return: 0 when that is on disk; -EIO, -EROFS.
 */
int dx_quota_sync_flags(struct dx_mount *mp)
{
	mutex_lock(&mp->sb_mutex);
	mp->sb.qflags = mp->qflags;
	mutex_unlock(&mp->sb_mutex);
	return dx_sync_sb(mp, true);
}

/**
 * dx_quota_lost - usage of a kind is not known any more
 * @mp: the mount
 * @t: kind
 * @why: for the log
 *
 * Does not sleep; the superblock's turn comes with its next change, or at once by who can (attach()).
 */
void dx_quota_lost(struct dx_mount *mp, enum dx_qtype t, const char *why)
{
	struct dx_quotas *qc = mp->quotas;
	bool first;

	spin_lock(&qc->lock);
	first = !(qc->lost & dx_qkinds[t].chkd);
	qc->lost |= dx_qkinds[t].chkd;
	WRITE_ONCE(mp->qflags, mp->qflags & ~dx_qkinds[t].chkd);
	spin_unlock(&qc->lock);
	if (first)
		dx_err(mp, "%s quota: %s; usage is not exact from now on, the next mount with quota counts it anew",
		       dx_qkinds[t].name, why);
}

/* ---- limits ---- */

static u64 limit(u64 own, u64 dflt)
{
	return own ? own : dflt;
}

static s64 now(struct dx_mount *mp)
{
	struct timespec64 ts;

	dx_plat_now(mp, &ts);
	return ts.tv_sec;
}

static void adjust(struct dx_mount *mp, struct dx_dqres *r, u64 soft, u64 hard, s64 grace)
{
	bool over;

	if (!r->soft)
		r->soft = soft;
	if (!r->hard)
		r->hard = hard;
	over = (r->soft && r->count > r->soft) || (r->hard && r->count > r->hard);
	if (over && !r->timer)
		r->timer = dx_dq_clamp_expiry(mp, now(mp) + grace);
	else if (!over)
		r->timer = 0;
	if (!over)
		r->warns = 0;
}

/**
 * dx_dq_adjust - limits for who has none, and timers
 * @dq: record whose usage or limits on disk change; ->commit and ->lock held
 */
void dx_dq_adjust(struct dx_dquot *dq)
{
	const struct dx_dqdefaults *def = &dq->mp->quotas->def[dq->type];

	if (!dq->id)
		return;
	adjust(dq->mp, &dq->blk, def->blk.soft, def->blk.hard, def->blk.grace);
	adjust(dq->mp, &dq->ino, def->ino.soft, def->ino.hard, def->ino.grace);
	adjust(dq->mp, &dq->rtb, def->rtb.soft, def->rtb.hard, def->rtb.grace);
}

#define NO_WARNING	((enum dx_quota_warning)-1)

/*
 * So much more of a resource?  @first: the first of its warnings, in the order hard limit, grace over, soft limit.  @say: what to
 * tell.
 */
static bool may_have(struct dx_mount *mp, const struct dx_dqres *r, u64 n, u64 dsoft, u64 dhard, enum dx_quota_warning first,
		     enum dx_quota_warning *say)
{
	u64 soft = limit(r->soft, dsoft), hard = limit(r->hard, dhard), then = r->held + n;

	if (!n)
		return true;
	if (hard && then > hard) {
		*say = first;
		return false;
	}
	if (!soft || then <= soft)
		return true;
	if (r->timer && now(mp) > r->timer) {
		*say = first + 1;
		return false;
	}
	if (r->held <= soft)
		*say = first + 2;
	return true;
}

enum how { MAY, QUIETLY, FORCED };	/* if he may; the same, and a refusal is not told; whatever the limits are */

/* Hold so much more for a record's owner. */
static int hold(struct dx_dquot *dq, u64 blocks, u64 inodes, enum how how)
{
	struct dx_mount *mp = dq->mp;
	const struct dx_dqdefaults *def = &mp->quotas->def[dq->type];
	enum dx_quota_warning say = NO_WARNING;
	bool ok = true;

	spin_lock(&dq->lock);
	if (how != FORCED && dq->id && READ_ONCE(mp->qflags) & dx_qkinds[dq->type].enfd)
		ok = may_have(dq->mp, &dq->blk, blocks, def->blk.soft, def->blk.hard, DX_QWARN_BLK_HARD, &say) &&
		     may_have(dq->mp, &dq->ino, inodes, def->ino.soft, def->ino.hard, DX_QWARN_INO_HARD, &say);
	if (ok) {
		dq->blk.held += blocks;
		dq->ino.held += inodes;
		dq->changed = true;
	}
	spin_unlock(&dq->lock);
	if (!ok && how != QUIETLY)
		dx_dq_refused(dq);
	if (say != NO_WARNING && mp->quota_warn && (ok || how != QUIETLY))
		mp->quota_warn(mp, dq->type, dq->id, say);
	if (ok)
		return 0;
	return dq->type == DX_QPROJ ? -ENOSPC : -EDQUOT;
}

static void change_held(struct dx_dquot *dq, s64 blocks, s64 inodes)
{
	spin_lock(&dq->lock);
	dq->blk.held += blocks;
	dq->ino.held += inodes;
	dq->changed = true;
	spin_unlock(&dq->lock);
}

/* All of them, or none.  @dq: NULLs are skipped. */
static int hold_all(struct dx_dquot *const dq[DX_QTYPES], u64 blocks, u64 inodes, enum how how)
{
	int t, error = 0;

	for (t = 0; t < DX_QTYPES && !error; t++)
		if (dq[t])
			error = hold(dq[t], blocks, inodes, how);
	if (!error)
		return 0;
	for (t -= 2; t >= 0; t--)
		if (dq[t])
			change_held(dq[t], -(s64)blocks, -(s64)inodes);
	return error;
}

/* ---- an inode ---- */

/* What it uses, with what is delayed. */
static u64 in_use(struct dx_inode *ip)
{
	return ip->d.nblocks + ip->delayed_blks + ip->delayed_indlen + dx_cow_blocks(ip);
}

/* ILOCK exclusive.  What happens in memory must not be lost in the hands of somebody else. */
static void settle(struct dx_inode *ip)
{
	struct dx_inode_quota *q = ip->quota;
	u64 blocks = in_use(ip);
	bool inode = ip->d.mode;
	int t;

	for (t = 0; t < DX_QTYPES; t++) {
		/* who was to be the new owner is not: the transaction was given up */
		if (q->next[t]) {
			change_held(q->next[t], -(s64)q->held, -(s64)q->held_inode);
			dx_dq_put(q->next[t]);
			q->next[t] = NULL;
		}
		if (q->dq[t] && (blocks != q->held || inode != q->held_inode))
			change_held(q->dq[t], blocks - q->held, (s64)inode - q->held_inode);
	}
	q->held = blocks;
	q->held_inode = inode;
}

/* It leaves memory: what was delayed is nobody's any more. */
static void drop(struct dx_inode *ip)
{
	struct dx_inode_quota *q = ip->quota;
	int t;

	for (t = 0; t < DX_QTYPES; t++) {
		if (!q->dq[t])
			continue;
		change_held(q->dq[t], q->blocks - q->held, (s64)q->inode - q->held_inode);
		dx_dq_put(q->dq[t]);
	}
	ip->quota = NULL;
	kfree(q);
}

static u32 owner_of(const struct dx_inode *ip, enum dx_qtype t)
{
	return t == DX_QUSER ? ip->d.uid : t == DX_QGROUP ? ip->d.gid : ip->d.projid;
}

static bool damaged(int error)
{
	return error == -EFSCORRUPTED || error == -ENOENT;
}

/* The records of the present owners; a damaged one costs the kind its exactness.  @locked: ILOCK held, perhaps in a transaction. */
static int owners(struct dx_inode *ip, const u32 id[DX_QTYPES], struct dx_dquot *dq[DX_QTYPES], bool locked)
{
	struct dx_mount *mp = ip->mp;
	int t, error = 0;

	for (t = 0; t < DX_QTYPES; t++) {
		u16 lost = READ_ONCE(mp->quotas->lost) & dx_qkinds[t].chkd;

		dq[t] = NULL;
		if (error || !dx_kind_on(mp, t))
			continue;
		error = dx_dq_get(mp, t, id[t], 0, &dq[t]);
		if (!error || !(damaged(error) || locked))
			continue;
		dx_quota_lost(mp, t, "a record cannot be read");
		/* on disk before anything that is not accounted */
		error = locked || lost ? 0 : dx_quota_sync_flags(mp);
	}
	for (t = 0; t < DX_QTYPES && error; t++)
		if (dq[t])
			dx_dq_put(dq[t]);
	return error;
}

static bool is_charged(struct dx_inode *ip)
{
	return !dx_is_quota_file(ip->mp, ip->ino) && ip->d.mode;
}

static void give(struct dx_inode *ip, struct dx_dquot *const dq[DX_QTYPES])
{
	struct dx_inode_quota *q = kzalloc(sizeof(*q), GFP_NOFS | __GFP_NOFAIL);
	int t;

	q->blocks = ip->d.nblocks;
	q->held = ip->d.nblocks;
	q->inode = q->held_inode = true;
	for (t = 0; t < DX_QTYPES; t++)
		q->dq[t] = dq[t];
	WRITE_ONCE(ip->quota, q);
}

/* See dx_quota_attach(). */
static int attach(struct dx_inode *ip, bool locked)
{
	struct dx_dquot *dq[DX_QTYPES];
	u32 id[DX_QTYPES];
	int t, error;
	bool same;

	if (!is_charged(ip))
		return 0;
	do {
		/* who changes them has the ILOCK; and whom he finds without records he makes get some before */
		for (t = 0; t < DX_QTYPES; t++)
			id[t] = owner_of(ip, t);
		error = owners(ip, id, dq, locked);
		if (error)
			return error;
		if (!locked)
			dx_ilock(ip, DX_ILOCK_EXCL);
		same = !ip->quota && is_charged(ip);
		for (t = 0; t < DX_QTYPES; t++)
			same &= id[t] == owner_of(ip, t);
		if (same)
			give(ip, dq);
		else
			for (t = 0; t < DX_QTYPES; t++)
				if (dq[t])
					dx_dq_put(dq[t]);
		same |= ip->quota || !is_charged(ip);
		if (!locked)
			dx_iunlock(ip, DX_ILOCK_EXCL);
	} while (!same);
	return 0;
}

/* See dx_quota_reserve(), dx_quota_try(). */
static int reserve(struct dx_inode *ip, u64 blocks, bool quiet)
{
	int error;

	if (!ip->quota)
		attach(ip, true);
	if (!ip->quota)
		return 0;
	error = hold_all(ip->quota->dq, blocks, 0, quiet ? QUIETLY : MAY);
	if (!error)
		ip->quota->held += blocks;
	return error;
}

/* ---- owners-to-be ---- */

/* See dx_payer_get(). */
static int owner_get(struct dx_payer *o, u32 kinds)
{
	struct dx_mount *mp = o->mp;
	int t, error = 0;

	for (t = 0; t < DX_QTYPES && !error; t++) {
		if (!dx_kind_on(mp, t) || !(kinds & 1u << t))
			continue;
		error = dx_dq_get(mp, t, o->id[t], DX_DQ_MAKE, &o->dq[t]);
		if (error == -EFSCORRUPTED) {
			u16 lost = READ_ONCE(mp->quotas->lost) & dx_qkinds[t].chkd;

			dx_quota_lost(mp, t, "a record cannot be read");
			error = lost ? 0 : dx_quota_sync_flags(mp);
		}
	}
	if (error)
		dx_payer_put(o);
	return error;
}

/* See dx_payer_put(). */
static void owner_put(struct dx_payer *o)
{
	int t;

	for (t = 0; t < DX_QTYPES; t++) {
		if (!o->dq[t])
			continue;
		if (o->reserved)
			change_held(o->dq[t], -(s64)o->blocks, -1);
		dx_dq_put(o->dq[t]);
		o->dq[t] = NULL;
	}
	o->reserved = false;
}

/**
 * dx_payer_reserve - may they have one inode more?
 * @o: from dx_payer_get()
 * @blocks: that it will begin with, at most
 *
 * Held until dx_payer_give() or dx_payer_put().
 *
 * Return: 0, -EDQUOT, -ENOSPC.
 */
int dx_payer_reserve(struct dx_payer *o, u64 blocks)
{
	int error = hold_all(o->dq, blocks, 1, MAY);

	if (!error) {
		o->reserved = true;
		o->blocks = blocks;
	}
	return error;
}

/**
 * dx_payer_give - a new inode gets its owners
 * @ip: mode 0, ILOCK exclusive; dx_inode_init_new() is next
 * @o: reserved for
 */
void dx_payer_give(struct dx_inode *ip, struct dx_payer *o)
{
	struct dx_inode_quota *q;

	if (ip->quota)		/* of the inode that had this number before */
		drop(ip);
	if (!o->reserved || (!o->dq[DX_QUSER] && !o->dq[DX_QGROUP] && !o->dq[DX_QPROJ]))
		return;
	give(ip, o->dq);
	q = ip->quota;
	q->inode = false;
	q->blocks = 0;
	q->held = o->blocks;
	memset(o->dq, 0, sizeof(o->dq));
	o->reserved = false;
}

/* See dx_quota_chown(). */
static int change_owner(struct dx_inode *ip, struct dx_payer *o, bool force)
{
	struct dx_dquot *to[DX_QTYPES] = { };
	struct dx_inode_quota *q;
	int t, error;

	if (!ip->quota)
		attach(ip, true);
	q = ip->quota;
	if (!q)
		return 0;
	for (t = 0; t < DX_QTYPES; t++)
		if (o->dq[t] && o->dq[t] != q->dq[t])
			to[t] = o->dq[t];
	error = hold_all(to, q->held, q->held_inode, force ? FORCED : MAY);
	if (error)
		return error;
	for (t = 0; t < DX_QTYPES; t++) {
		if (!to[t])
			continue;
		dx_dq_hold(to[t]);
		q->next[t] = to[t];
	}
	return 0;
}

const struct dx_quota_above dx_quota_ops = {
	.attach = attach,
	.reserve = reserve,
	.settle = settle,
	.drop = drop,
	.owner_get = owner_get,
	.owner_put = owner_put,
	.chown = change_owner,
};

/* ---- commit ---- */

/* Inodes of a transaction times kinds, and new owners of one. */
#define MAX_DELTAS	24

struct delta { struct dx_dquot *dq; s64 blocks, inodes; };
struct deltas { struct delta d[MAX_DELTAS]; int n; };

static void add(struct deltas *all, struct dx_dquot *dq, s64 blocks, s64 inodes)
{
	int i;

	if (!dq || (!blocks && !inodes))
		return;
	for (i = all->n; i > 0 && all->d[i - 1].dq->key > dq->key; i--)
		;
	if (i > 0 && all->d[i - 1].dq == dq) {
		all->d[i - 1].blocks += blocks;
		all->d[i - 1].inodes += inodes;
		return;
	}
	if (WARN_ON_ONCE(all->n == MAX_DELTAS)) {
		dx_quota_lost(dq->mp, dq->type, "more owners than expected in one transaction");
		return;
	}
	memmove(&all->d[i + 1], &all->d[i], (all->n - i) * sizeof(all->d[0]));
	all->d[i] = (struct delta) { dq, blocks, inodes };
	all->n++;
}

/* From one owner to the next; the records of those before stay until the transaction has them no longer. */
static void new_owner(struct dx_inode_quota *q, enum dx_qtype t)
{
	if (q->dq[t]) {
		change_held(q->dq[t], -(s64)q->held, -(s64)q->held_inode);
		dx_dq_put(q->dq[t]);
	}
	q->dq[t] = q->next[t];
	q->next[t] = NULL;
}

static void gather(struct deltas *all, struct dx_inode *ip)
{
	struct dx_inode_quota *q = ip->quota;
	bool inode = ip->d.mode;
	int t;

	for (t = 0; t < DX_QTYPES; t++) {
		if (q->next[t]) {
			add(all, q->dq[t], -(s64)q->blocks, -(s64)q->inode);
			add(all, q->next[t], ip->d.nblocks, inode);
		} else {
			add(all, q->dq[t], ip->d.nblocks - q->blocks, (s64)inode - q->inode);
		}
	}
}

static void advance(struct dx_inode *ip)
{
	struct dx_inode_quota *q = ip->quota;
	int t;

	for (t = 0; t < DX_QTYPES; t++)
		if (q->next[t])
			new_owner(q, t);
	q->blocks = ip->d.nblocks;
	q->inode = ip->d.mode;
}

/* A count goes down by no more than it is: who finds that does not know how the rest went. */
static bool apply(u64 *count, s64 d)
{
	bool bad = d < 0 && *count < -d;

	*count = bad ? 0 : *count + d;
	return !bad;
}

static void charge(struct dx_trans *tp, const struct delta *d)
{
	struct dx_dquot *dq = d->dq;
	bool ok;

	down(&dq->commit);
	spin_lock(&dq->lock);
	ok = apply(&dq->blk.count, d->blocks);
	ok &= apply(&dq->ino.count, d->inodes);
	dx_dq_adjust(dq);
	spin_unlock(&dq->lock);
	if (!ok)
		dx_quota_lost(dq->mp, dq->type, "a record had less than was given back");
	dx_dq_join(tp, dq);
}

static struct dx_inode *charged_inode(struct dx_log_item *lip)
{
	struct dx_inode *ip;

	if (lip->li_type != DX_LI_INODE || !test_bit(DX_LI_F_DIRTY, &lip->li_flags))
		return NULL;
	ip = dx_item_inode(lip);
	return ip->quota ? ip : NULL;
}

/**
 * dx_quota_charge - charge the owners of what a transaction has changed
 * @tp: about to be committed; its items are locked
 *
 * Their records join it.
 */
void dx_quota_charge(struct dx_trans *tp)
{
	struct dx_log_item *lip;
	struct dx_inode *ip;
	struct deltas all;
	int i;

	all.n = 0;
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		ip = charged_inode(lip);
		if (ip)
			gather(&all, ip);
	}
	for (i = 0; i < all.n; i++)
		if (all.d[i].blocks || all.d[i].inodes)
			charge(tp, &all.d[i]);
	/* each record has a reference of the transaction now */
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		ip = charged_inode(lip);
		if (ip)
			advance(ip);
	}
}
