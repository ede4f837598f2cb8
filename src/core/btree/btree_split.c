// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making room in a btree.
 *
 * Works top-down along the cursor's path: before a block is split, its parent is
 * given room, so that a split is always local (the block, its new right sibling, one
 * entry in the parent, one sibling link).  Before that, a neighbour under the same parent
 * takes what it can, which fills blocks up when records are appended.
 *
 * Locks as in btree.c.
 */
#include "dx_btree_int.h"

/* Get and format a new block; its buffer is locked and joined. */
static int new_block(struct dx_btree_cur *cur, u64 near, int level, u32 numrecs, u64 *ptr, struct dx_buf **bpp)
{
	int error;

	*ptr = DX_BT_NULLPTR;
	error = cur->ops->alloc_block(cur, near, ptr);
	if (error)
		return error;
	if (*ptr == DX_BT_NULLPTR)
		return -ENOSPC;
	if (!ptr_ok(cur, *ptr))
		return bad_block(cur, *ptr, "allocated block");
	error = dx_trans_get_buf(cur->mp, cur->tp, ptr_daddr(cur, *ptr), 1u << cur->mp->blkbb_log, DX_GET_NEW, bpp);
	if (error)
		return error;
	dx_btree_block_init(cur->mp, *bpp, cur->ops, level, numrecs, cur->ops->owner(cur));
	log_range(cur, *bpp, (*bpp)->b_addr, dx_btree_hdr_len(cur->ops));
	return 0;
}

/* Put one entry into a node that has room. */
static void node_insert(struct dx_btree_cur *cur, struct view *v, int pos, const struct keys *k, u64 ptr)
{
	slots_move(cur, v, pos, pos + 1, v->nrecs - pos);
	store_keys(cur, v, pos, k);
	encode_ptr(cur, v->ptrs + pos * ptr_len(cur), ptr);
	set_nrecs(cur, v, v->nrecs + 1);
	log_slots(cur, v, pos, v->nrecs - 1);
}

/* A root in an AG header's tree is full: put a new one with one entry above it. */
static int grow_ag_root(struct dx_btree_cur *cur)
{
	int top = cur->nlevels;
	u64 old = cur->ops->get_root(cur), ptr;
	struct keys k;
	struct dx_buf *bp;
	struct view v, n;
	int error;

	if (top >= DX_BTREE_MAXLEVELS)
		return bad_block(cur, old, "too many levels");
	error = new_block(cur, old, top, 0, &ptr, &bp);
	if (error)
		return error;
	view(cur, top - 1, &v);
	keys_of(cur, &v, &k);
	view_bp(cur, bp, top, &n);
	node_insert(cur, &n, 0, &k, old);
	cur->lev[top].bp = bp;
	cur->lev[top].ptr = 0;
	cur->nlevels++;
	cur->ops->set_root(cur, ptr, 1);
	return 0;
}

/* A root in an inode is full: its contents move into a new block below it. */
static int push_inode_root(struct dx_btree_cur *cur)
{
	int level = cur->nlevels - 1;
	struct dx_buf *bp;
	struct view r, c;
	struct keys k;
	u64 ptr;
	int error;

	if (cur->nlevels >= DX_BTREE_MAXLEVELS)
		return dx_corrupt(cur->mp, cur->ops->name, 0, "too many levels, owner %llu",
				  (unsigned long long)cur->ops->owner(cur));
	view(cur, level, &r);
	error = new_block(cur, get_ptr(cur, &r, 0), level, r.nrecs, &ptr, &bp);
	if (error)
		return error;
	view(cur, level, &r);	/* the allocation may have touched the inode */
	view_bp(cur, bp, level, &c);
	slots_copy(cur, &c, 0, &r, 0, r.nrecs);
	log_slots(cur, &c, 0, r.nrecs - 1);
	keys_of(cur, &c, &k);

	cur->lev[level].bp = bp;		/* same ptr: same entry */
	cur->lev[level + 1].bp = NULL;
	cur->lev[level + 1].ptr = 0;
	cur->nlevels++;
	r.root->level++;
	r.root->numrecs = 1;
	store_keys(cur, &r, 0, &k);
	encode_ptr(cur, r.ptrs, ptr);
	cur->ops->log_root(cur);
	return 0;
}

/* Give entries from the front of a full block to its left neighbour under the same parent. */
static int shift_to_left(struct dx_btree_cur *cur, int level, bool *done)
{
	int *anchor = &cur->lev[level].ptr;
	int pp = cur->lev[level + 1].ptr, room, k, error;
	struct view v, l, p;
	struct dx_buf *bp;

	if (pp == 0 || *anchor <= 0)
		return 0;
	view(cur, level + 1, &p);
	error = dx_btree_read_ptr(cur, get_ptr(cur, &p, pp - 1), level, &bp);
	if (error)
		return error;
	view(cur, level, &v);
	view_bp(cur, bp, level, &l);
	room = (int)cur->ops->maxrecs(cur, level) - l.nrecs;
	k = min((room + 1) / 2, *anchor);
	if (k > 0) {
		slots_copy(cur, &l, l.nrecs, &v, 0, k);
		log_slots(cur, &l, l.nrecs, l.nrecs + k - 1);
		set_nrecs(cur, &l, l.nrecs + k);
		slots_move(cur, &v, k, 0, v.nrecs - k);
		set_nrecs(cur, &v, v.nrecs - k);
		log_slots(cur, &v, 0, v.nrecs - 1);
		renew_high_key(cur, &p, pp - 1, &l);
		renew_keys(cur, &p, pp, &v);
		*anchor -= k;
		*done = true;
	}
	dx_trans_let_go(cur->tp, bp);
	return 0;
}

/* Give entries from the end of a full block to its right neighbour under the same parent. */
static int shift_to_right(struct dx_btree_cur *cur, int level, bool *done)
{
	int anchor = cur->lev[level].ptr;
	int pp = cur->lev[level + 1].ptr, room, k, error;
	struct view v, r, p;
	struct dx_buf *bp;

	view(cur, level + 1, &p);
	view(cur, level, &v);
	if (pp + 1 >= p.nrecs || anchor + 1 >= v.nrecs)
		return 0;
	error = dx_btree_read_ptr(cur, get_ptr(cur, &p, pp + 1), level, &bp);
	if (error)
		return error;
	view_bp(cur, bp, level, &r);
	room = (int)cur->ops->maxrecs(cur, level) - r.nrecs;
	k = min((room + 1) / 2, v.nrecs - (anchor + 1));
	if (k > 0) {
		slots_move(cur, &r, 0, k, r.nrecs);
		slots_copy(cur, &r, 0, &v, v.nrecs - k, k);
		set_nrecs(cur, &r, r.nrecs + k);
		log_slots(cur, &r, 0, r.nrecs - 1);
		set_nrecs(cur, &v, v.nrecs - k);
		renew_high_key(cur, &p, pp, &v);
		renew_keys(cur, &p, pp + 1, &r);
		*done = true;
	}
	dx_trans_let_go(cur->tp, bp);
	return 0;
}

/* Split a full block whose parent has room.  The cursor follows its entry. */
static int split(struct dx_btree_cur *cur, int level)
{
	struct dx_buf *rbp, *nbp;
	struct view v, r, p;
	struct keys k;
	u64 self, ptr, right;
	int keep, error;

	view(cur, level + 1, &p);
	self = get_ptr(cur, &p, cur->lev[level + 1].ptr);
	error = new_block(cur, self, level, 0, &ptr, &rbp);
	if (error)
		return error;
	view(cur, level + 1, &p);
	view(cur, level, &v);
	view_bp(cur, rbp, level, &r);

	keep = (v.nrecs + 1) / 2;
	slots_copy(cur, &r, 0, &v, keep, v.nrecs - keep);
	set_nrecs(cur, &r, v.nrecs - keep);
	log_slots(cur, &r, 0, r.nrecs - 1);
	set_nrecs(cur, &v, keep);

	right = right_sib(cur, v.bp);
	set_sib(cur, rbp, false, self);
	set_sib(cur, rbp, true, right);
	set_sib(cur, v.bp, true, ptr);
	if (right != DX_BT_NULLPTR) {
		error = dx_btree_read_ptr(cur, right, level, &nbp);
		if (error) {
			dx_trans_let_go(cur->tp, rbp);
			return error;
		}
		set_sib(cur, nbp, false, ptr);
		dx_trans_let_go(cur->tp, nbp);
	}

	renew_high_key(cur, &p, cur->lev[level + 1].ptr, &v);
	keys_of(cur, &r, &k);
	node_insert(cur, &p, cur->lev[level + 1].ptr + 1, &k, ptr);

	if (cur->lev[level].ptr >= keep) {
		drop_level(cur, level);
		cur->lev[level].bp = rbp;
		cur->lev[level].ptr -= keep;
		cur->lev[level + 1].ptr++;
	} else {
		dx_trans_let_go(cur->tp, rbp);
	}
	return 0;
}

/**
 * dx_btree_make_room - see to it that a block can take one more entry
 * @cur: cursor; its path is kept, though its blocks and positions may change
 * @level: of the block on the path; the entry goes behind the cursor's
 *
 * Recursion is bounded by the height of the tree.  Returns 0, -ENOSPC or -errno.
 */
int dx_btree_make_room(struct dx_btree_cur *cur, int level)
{
	u32 maxrecs = cur->ops->maxrecs(cur, level);
	bool done = false;
	struct view v;
	int error;

	view(cur, level, &v);
	if (v.nrecs < (int)maxrecs) {
		if (v.root && v.nrecs >= v.root->maxrecs)
			cur->ops->realloc_root(cur, v.nrecs + 1);
		return 0;
	}
	if (v.root)
		return push_inode_root(cur);
	if (level == cur->nlevels - 1) {
		error = grow_ag_root(cur);
	} else {
		error = shift_to_left(cur, level, &done);
		if (!error && !done)
			error = shift_to_right(cur, level, &done);
		if (error || done)
			return error;
		error = dx_btree_make_room(cur, level + 1);
	}
	if (error)
		return error;
	return split(cur, level);
}

