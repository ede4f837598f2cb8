// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeping a btree compact after a deletion.
 *
 * Works bottom-up along the cursor's path: a block that falls below its minimum joins
 * with, or borrows from, a neighbour under the same parent.  Looking only at those is enough to
 * keep all blocks but the root (and an only child of a root in an inode) at least
 * half full, and spares us a second cursor.
 *
 * Two join only when they cannot both be half full: one that has just been split is not joined again by the next
 * deletion, and the free list of an AG not asked for blocks and given them back in turns.
 *
 * Locks as in btree.c.
 */
#include "dx_btree_int.h"

static int free_block(struct dx_btree_cur *cur, struct dx_buf *bp)
{
	int error = cur->ops->free_block(cur, bp);

	if (error)
		return error;
	dx_trans_kill_buf(cur->tp, bp);
	return 0;
}

/* The AG tree's root has one entry left: its child becomes the root. */
static int drop_ag_root(struct dx_btree_cur *cur)
{
	int top = cur->nlevels - 1;
	struct dx_buf *bp = cur->lev[top].bp;
	struct view v;
	int error;

	view(cur, top, &v);
	cur->ops->set_root(cur, get_ptr(cur, &v, 0), -1);
	cur->nlevels--;
	cur->lev[top].bp = NULL;
	error = free_block(cur, bp);
	dx_trans_let_go(cur->tp, bp);
	return error;
}

/* The only child of the root in an inode fits into it: pull it up. */
static int pull_inode_root(struct dx_btree_cur *cur)
{
	int top = cur->nlevels - 1, error;
	struct dx_buf *bp;
	struct view r, c;

	view(cur, top, &r);
	if (top < 2 || r.nrecs != 1)
		return 0;
	view(cur, top - 1, &c);
	if (c.nrecs > (int)cur->ops->maxrecs(cur, top))
		return 0;
	if (c.nrecs > r.root->maxrecs) {
		cur->ops->realloc_root(cur, c.nrecs);
		view(cur, top, &r);
	}
	r.level = top - 1;
	slots_copy(cur, &r, 0, &c, 0, c.nrecs);
	r.root->numrecs = c.nrecs;
	r.root->level--;
	bp = c.bp;
	cur->lev[top - 1].bp = NULL;
	cur->nlevels--;
	cur->ops->log_root(cur);
	error = free_block(cur, bp);
	dx_trans_let_go(cur->tp, bp);
	return error;
}

/*
 * Move everything of the block right of entry @lp of the parent (at level + 1) into
 * the block of that entry, and forget the right one.  @lbp and @rbp are those blocks.
 */
static int join(struct dx_btree_cur *cur, int level, int lp, struct dx_buf *lbp, struct dx_buf *rbp)
{
	struct dx_buf *nbp;
	struct view l, r, p;
	u64 right;
	int error;

	view_bp(cur, lbp, level, &l);
	view_bp(cur, rbp, level, &r);
	slots_copy(cur, &l, l.nrecs, &r, 0, r.nrecs);
	log_slots(cur, &l, l.nrecs, l.nrecs + r.nrecs - 1);
	set_nrecs(cur, &l, l.nrecs + r.nrecs);

	right = right_sib(cur, rbp);
	set_sib(cur, lbp, true, right);
	view(cur, level + 1, &p);
	if (right != DX_BT_NULLPTR) {
		error = dx_btree_read_ptr(cur, right, level, &nbp);
		if (error)
			return error;
		set_sib(cur, nbp, false, get_ptr(cur, &p, lp));
		dx_trans_let_go(cur->tp, nbp);
	}
	renew_high_key(cur, &p, lp, &l);
	slots_move(cur, &p, lp + 2, lp + 1, p.nrecs - (lp + 2));
	set_nrecs(cur, &p, p.nrecs - 1);
	log_slots(cur, &p, lp + 1, p.nrecs - 1);
	return free_block(cur, rbp);
}

/* Even out two neighbours; the cursor is left to the caller. */
static void balance(struct dx_btree_cur *cur, int level, int lp, struct dx_buf *lbp, struct dx_buf *rbp)
{
	struct view l, r, p;
	int want, k;

	view_bp(cur, lbp, level, &l);
	view_bp(cur, rbp, level, &r);
	want = (l.nrecs + r.nrecs) / 2;		/* of the left one */
	if (l.nrecs < want) {
		k = want - l.nrecs;
		slots_copy(cur, &l, l.nrecs, &r, 0, k);
		log_slots(cur, &l, l.nrecs, l.nrecs + k - 1);
		set_nrecs(cur, &l, l.nrecs + k);
		slots_move(cur, &r, k, 0, r.nrecs - k);
		set_nrecs(cur, &r, r.nrecs - k);
	} else {
		k = l.nrecs - want;
		slots_move(cur, &r, 0, k, r.nrecs);
		slots_copy(cur, &r, 0, &l, l.nrecs - k, k);
		set_nrecs(cur, &r, r.nrecs + k);
		set_nrecs(cur, &l, l.nrecs - k);
	}
	log_slots(cur, &r, 0, r.nrecs - 1);
	view(cur, level + 1, &p);
	renew_high_key(cur, &p, lp, &l);
	renew_keys(cur, &p, lp + 1, &r);
}

/* Cure one block on the path that may be too empty; *up: its parent lost an entry. */
static int cure_underflow(struct dx_btree_cur *cur, int level, bool *up)
{
	int pp = cur->lev[level + 1].ptr, min = cur->ops->minrecs(cur, level), most, error = 0;
	struct dx_buf *lbp = NULL, *rbp = NULL, *sib;
	struct view v, p, l, r;
	bool join_left, join_right;

	*up = false;
	view(cur, level, &v);
	if (v.nrecs >= min)
		return 0;
	view(cur, level + 1, &p);
	most = min_t(int, cur->ops->maxrecs(cur, level), 2 * min - 1);
	if (pp > 0) {
		error = dx_btree_read_ptr(cur, get_ptr(cur, &p, pp - 1), level, &lbp);
		if (error)
			return error;
		view_bp(cur, lbp, level, &l);
	}
	if (pp + 1 < p.nrecs) {
		error = dx_btree_read_ptr(cur, get_ptr(cur, &p, pp + 1), level, &rbp);
		if (error)
			goto out;
		view_bp(cur, rbp, level, &r);
	}
	if (!lbp && !rbp) {
		*up = true;		/* an only child: the root above may want it */
		return 0;
	}
	join_left = lbp && l.nrecs + v.nrecs <= most;
	join_right = rbp && r.nrecs + v.nrecs <= most;
	if (join_left) {
		int old = l.nrecs;

		error = join(cur, level, pp - 1, lbp, v.bp);
		if (error)
			goto out;
		drop_level(cur, level);
		cur->lev[level].bp = lbp;
		cur->lev[level].ptr += old;
		cur->lev[level + 1].ptr--;
		lbp = NULL;
		*up = true;
	} else if (join_right) {
		error = join(cur, level, pp, v.bp, rbp);
		if (error)
			goto out;
		*up = true;
	} else {
		/* both full enough: borrow from the fuller one */
		bool left = lbp && (!rbp || l.nrecs >= r.nrecs);

		sib = left ? lbp : rbp;
		if (left)
			balance(cur, level, pp - 1, sib, v.bp);
		else
			balance(cur, level, pp, v.bp, sib);
	}
out:
	if (lbp)
		dx_trans_let_go(cur->tp, lbp);
	if (rbp)
		dx_trans_let_go(cur->tp, rbp);
	return error;
}

/**
 * dx_btree_rebalance - repair the tree above a leaf that lost a record
 * @cur: cursor on that leaf; its position in it is undefined afterwards
 *
 * Returns 0 or -errno.
 */
int dx_btree_rebalance(struct dx_btree_cur *cur)
{
	int level, error;
	struct view v;
	bool up;

	for (level = 0; level < cur->nlevels - 1; level++) {
		error = cure_underflow(cur, level, &up);
		if (error || !up)
			return error;
	}
	if (level == 0)
		return 0;
	view(cur, level, &v);
	if (v.root)
		return pull_inode_root(cur);
	return v.nrecs == 1 ? drop_ag_root(cur) : 0;
}
