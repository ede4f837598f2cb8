// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hash tree of directories and attributes ("Variable Length Record
 * B+trees"): node blocks above leaves, keyed by the last hash of each child.
 *
 * Invariants kept here: the root stays at its fixed fork offset; each node
 * entry holds the last hash of its child; blocks of one level form a doubly linked list
 * in hash order; a root node has at least two children.  Hashes may repeat,
 * also across leaves: a lookup lands on the leftmost leaf that can hold the
 * hash and the caller shifts right.
 *
 * A damaged tree cannot loop us: levels fall by one with each step down, and a step along a level must agree with
 * the list that links its blocks.  Each block there has one predecessor, so such a walk meets
 * no block twice before it is back where it began, which is noticed.
 *
 * Lock context: as da_block.c.
 */
#include "dx_da.h"

static inline struct dx_da3_intnode *node_of(struct dx_buf *bp)
{
	return bp->b_addr;
}

static inline u32 node_count(struct dx_buf *bp)
{
	return be16_to_cpu(node_of(bp)->count);
}

/**
 * dx_da_hashname - hash of a name in directories and attributes
 * @name: bytes
 * @len: number of them
 *
 * "Variable Length Record B+trees": each byte is folded into the hash after a
 * rotation by 7; taking four at a time, as the specification words it, is the same.
 */
u32 dx_da_hashname(const u8 *name, int len)
{
	u32 h = 0;

	while (len-- > 0)
		h = ((h << 7) | (h >> 25)) ^ *name++;
	return h;
}

/**
 * dx_da_hash_find - first entry whose hash is not below @hash
 * @ents: entries of a node, a directory leaf (stale ones keep their hash) or an attribute leaf: all have eight
 *	bytes and begin with the hash; in hash order
 * @count: entries
 * @hash: hash
 *
 * Returns @count when all are below.
 */
u32 dx_da_hash_find(const void *ents, u32 count, u32 hash)
{
	u32 below = 0, n = count;	/* that many are below; n behind them are not known yet */

	BUILD_BUG_ON(sizeof(struct dx_da_node_entry) != 8);
	BUILD_BUG_ON(sizeof(struct dx_dir2_leaf_entry) != 8);
	BUILD_BUG_ON(sizeof(struct dx_attr_leaf_entry) != 8);
	while (n) {
		u32 half = n / 2;

		if (get_unaligned_be32((const char *)ents + 8 * (below + half)) < hash) {
			below += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return below;
}

/* Last hash in a block of the tree; stale directory entries keep theirs. @live: entries in use. */
static u32 last_hash(struct dx_buf *bp, u32 *live)
{
	struct dx_dir3_leaf *leaf = bp->b_addr;
	struct dx_attr3_leaf_hdr *ah = bp->b_addr;
	u32 n;

	switch (dx_da_kind(bp)) {
	case DX_DAK_NODE:
		*live = n = node_count(bp);
		return n ? be32_to_cpu(node_of(bp)->btree[n - 1].hashval) : 0;
	case DX_DAK_LEAFN:
		n = be16_to_cpu(leaf->count);
		*live = n - be16_to_cpu(leaf->stale);
		return n ? be32_to_cpu(leaf->ents[n - 1].hashval) : 0;
	case DX_DAK_ATTR:
		*live = n = be16_to_cpu(ah->count);
		return n ? be32_to_cpu(dx_attr_leaf_ents(bp)[n - 1].hashval) : 0;
	}
	*live = 0;
	return 0;
}

static int tree_kinds(const struct dx_da_args *a)
{
	return DX_DAK_NODE | (a->whichfork == DX_ATTR_FORK ? DX_DAK_ATTR : DX_DAK_LEAFN);
}

enum descend { TO_HASH, TO_FIRST, TO_LAST };

/* First entry whose hash is not below @hash; the last one when there is none. */
static int node_pick(struct dx_buf *bp, enum descend how, u32 hash)
{
	u32 last = node_count(bp) - 1;

	if (how == TO_FIRST)
		return 0;
	return how == TO_LAST ? last : dx_da_hash_find(node_of(bp)->btree, last, hash);
}

/*
 * Fill path->lv[i..] from block @blkno down to the leaf, or to level slot
 * @stop.  Node levels must fall by one with each step, which also bounds
 * the walk in a damaged tree.  @want: level that the first block must have, -1 = any (root).
 */
static int descend(struct dx_da_args *a, struct dx_da_path *path, int i, dx_dablk_t blkno, int want,
		   enum descend how, u32 hash, int stop)
{
	for (;; i++) {
		struct dx_da3_intnode *node;
		struct dx_buf *bp;
		int level, error;

		if (i >= DX_DA_NODE_MAXDEPTH)
			return dx_da_corrupt(a, NULL, "tree is too deep");
		error = dx_da_read(a, blkno, tree_kinds(a), &bp);
		if (error)
			return error;
		path->lv[i].bp = bp;
		path->lv[i].blkno = blkno;
		if (how == TO_HASH)
			path->lv[i].start = blkno;
		path->lv[i].index = 0;
		path->depth = i + 1;
		node = node_of(bp);
		level = dx_da_kind(bp) == DX_DAK_NODE ? be16_to_cpu(node->level) : 0;
		if (want >= 0 && level != want)
			return dx_da_corrupt(a, bp, "node level does not match its parent's");
		if (!level)
			return 0;
		if (!node_count(bp))
			return dx_da_corrupt(a, bp, "node without entries");
		path->lv[i].index = node_pick(bp, how, hash);
		if (i == stop)
			return 0;
		want = level - 1;
		blkno = be32_to_cpu(node->btree[path->lv[i].index].before);
		if (blkno == dx_da_root(a))
			return dx_da_corrupt(a, bp, "node points to the root");
	}
}

/**
 * dx_da_lookup - walk from the root to the leftmost leaf that can hold a hash
 * @a: operation
 * @path: filled in
 * @hash: what to look for
 */
int dx_da_lookup(struct dx_da_args *a, struct dx_da_path *path, u32 hash)
{
	return descend(a, path, 0, dx_da_root(a), -1, TO_HASH, hash, DX_DA_NODE_MAXDEPTH);
}

/* A step along a level went from a block to another: do both know of each other, and is it a step onwards? */
static int check_step(struct dx_da_args *a, const struct dx_da_lvl *from, const struct dx_da_lvl *to, bool forward)
{
	const struct dx_da3_blkinfo *f = from->bp->b_addr, *t = to->bp->b_addr;

	if (to->blkno == to->start || to->blkno == from->blkno)
		return dx_da_corrupt(a, to->bp, "blocks of a level form a ring");
	if (to->bp == from->bp)
		return dx_da_corrupt(a, to->bp, "block is mapped twice");
	if (be32_to_cpu(forward ? f->forw : f->back) != to->blkno ||
	    be32_to_cpu(forward ? t->back : t->forw) != from->blkno)
		return dx_da_corrupt(a, to->bp, "siblings disagree with the nodes above");
	return 0;
}

/**
 * dx_da_path_shift - move a path to the next or previous block of a level
 * @a: operation
 * @path: path; unchanged on -ENOENT
 * @level: slot in path->lv to move (depth - 1 for the leaf); slots below it become invalid
 * @forward: direction
 *
 * Returns -ENOENT at either end.
 */
int dx_da_path_shift(struct dx_da_args *a, struct dx_da_path *path, int level, bool forward)
{
	int depth = path->depth, i, index = 0, error;
	struct dx_da_lvl from = path->lv[level];
	struct dx_da3_intnode *node;
	struct dx_buf *bp;
	dx_dablk_t blkno;

	for (i = level - 1; i >= 0; i--) {
		index = path->lv[i].index + (forward ? 1 : -1);
		if (index >= 0 && index < (int)node_count(path->lv[i].bp))
			break;
	}
	if (i < 0)
		return -ENOENT;
	bp = path->lv[i].bp;
	node = node_of(bp);
	path->lv[i].index = index;
	blkno = be32_to_cpu(node->btree[index].before);
	if (blkno == dx_da_root(a))
		return dx_da_corrupt(a, bp, "node points to the root");
	error = descend(a, path, i + 1, blkno, be16_to_cpu(node->level) - 1,
			forward ? TO_FIRST : TO_LAST, 0, level);
	if (!error && path->depth != level + 1)
		error = dx_da_corrupt(a, bp, "leaves at different depths");
	if (!error)
		error = check_step(a, &from, &path->lv[level], forward);
	path->depth = depth;
	return error;
}

/**
 * dx_da_path_to_block - path to a known block
 * @a: operation
 * @path: filled in down to the block
 * @hash: last hash of the block
 * @node_level: its level in the tree, 0 = leaf
 * @bno: its fork offset
 *
 * Repeated hashes can put several blocks under one hash: shifts right until the offset matches.
 */
int dx_da_path_to_block(struct dx_da_args *a, struct dx_da_path *path, u32 hash, int node_level, dx_dablk_t bno)
{
	int error = dx_da_lookup(a, path, hash);
	int slot = path->depth - 1 - node_level;

	while (!error && slot >= 0 && path->lv[slot].blkno != bno)
		error = dx_da_path_shift(a, path, slot, true);
	if (!error && slot >= 0) {
		path->depth = slot + 1;
		return 0;
	}
	if (!error || error == -ENOENT)
		error = dx_da_corrupt(a, NULL, "block is not in the tree");
	return error;
}

/**
 * dx_da_fix_hash - carry a new last hash up the path
 * @a: operation
 * @path: path
 * @level: slot whose block changed; it must not be empty
 */
void dx_da_fix_hash(struct dx_da_args *a, struct dx_da_path *path, int level)
{
	u32 live, hash = last_hash(path->lv[level].bp, &live);

	while (--level >= 0) {
		struct dx_buf *bp = path->lv[level].bp;
		int idx = path->lv[level].index;
		struct dx_da_node_entry *e = &node_of(bp)->btree[idx];

		if (be32_to_cpu(e->hashval) == hash)
			return;
		e->hashval = cpu_to_be32(hash);
		dx_da_log(a, bp, e, sizeof(*e));
		if (idx != (int)node_count(bp) - 1)
			return;
	}
}

/**
 * dx_da_grow_leaf - allocate and get a block for the tree
 * @a: operation
 * @bno: out: fork offset
 * @bpp: out: zeroed buffer
 */
int dx_da_grow_leaf(struct dx_da_args *a, dx_dablk_t *bno, struct dx_buf **bpp)
{
	bool attr = a->whichfork == DX_ATTR_FORK;
	int error;

	error = dx_da_grow(a, attr ? 0 : dx_dir_leafblk(a->mp), attr ? U32_MAX : dx_dir_freeblk(a->mp), bno);
	if (error)
		return error;
	return dx_da_get(a, *bno, bpp);
}

/* Neighbour @bno of a block at @self: its link that must say @expect becomes @to. */
static int set_link(struct dx_da_args *a, dx_dablk_t bno, bool forw, dx_dablk_t expect, dx_dablk_t to)
{
	struct dx_da3_blkinfo *info;
	struct dx_buf *bp;
	__be32 *link;
	int error;

	if (!bno)
		return 0;
	error = dx_da_read(a, bno, tree_kinds(a), &bp);
	if (error)
		return error;
	info = bp->b_addr;
	link = forw ? &info->forw : &info->back;
	if (be32_to_cpu(*link) != expect)
		return dx_da_corrupt(a, bp, "siblings do not point to each other");
	*link = cpu_to_be32(to);
	dx_da_log(a, bp, info, sizeof(*info));
	return 0;
}

/**
 * dx_da_link_after - put a new block behind another one in the list of its level
 * @a: operation
 * @left: the block before
 * @newblk: fork offset of the new one
 * @newbp: its buffer, header initialised
 */
int dx_da_link_after(struct dx_da_args *a, struct dx_da_lvl *left, dx_dablk_t newblk, struct dx_buf *newbp)
{
	struct dx_da3_blkinfo *l = left->bp->b_addr, *n = newbp->b_addr;
	int error;

	error = set_link(a, be32_to_cpu(l->forw), false, left->blkno, newblk);
	if (error)
		return error;
	n->forw = l->forw;
	n->back = cpu_to_be32(left->blkno);
	l->forw = cpu_to_be32(newblk);
	dx_da_log(a, newbp, n, sizeof(*n));
	dx_da_log(a, left->bp, l, sizeof(*l));
	return 0;
}

/* Take a block out of the list of its level. */
static int unlink_block(struct dx_da_args *a, struct dx_da_lvl *lv)
{
	struct dx_da3_blkinfo *info = lv->bp->b_addr;
	dx_dablk_t forw = be32_to_cpu(info->forw), back = be32_to_cpu(info->back);
	int error;

	error = set_link(a, back, true, lv->blkno, forw);
	if (!error)
		error = set_link(a, forw, false, lv->blkno, back);
	return error;
}

static void node_init(struct dx_da_args *a, struct dx_buf *bp, int level)
{
	dx_da_init_blkinfo(a, bp, DX_DA3_NODE_MAGIC);
	node_of(bp)->count = 0;
	node_of(bp)->level = cpu_to_be16(level);
	node_of(bp)->pad32 = 0;
	dx_da_set_type(a, bp, DX_BLFT_DA_NODE, &dx_da3_node_buf_ops);
}

static void node_insert(struct dx_da_args *a, struct dx_buf *bp, u32 pos, u32 hash, dx_dablk_t child)
{
	struct dx_da3_intnode *node = node_of(bp);
	u32 n = node_count(bp);

	memmove(&node->btree[pos + 1], &node->btree[pos], (n - pos) * sizeof(node->btree[0]));
	node->btree[pos].hashval = cpu_to_be32(hash);
	node->btree[pos].before = cpu_to_be32(child);
	node->count = cpu_to_be16(n + 1);
	dx_da_log(a, bp, node, sizeof(*node));
	dx_da_log(a, bp, &node->btree[pos], (n + 1 - pos) * sizeof(node->btree[0]));
}

static void node_remove(struct dx_da_args *a, struct dx_buf *bp, u32 pos)
{
	struct dx_da3_intnode *node = node_of(bp);
	u32 n = node_count(bp);

	memmove(&node->btree[pos], &node->btree[pos + 1], (n - pos - 1) * sizeof(node->btree[0]));
	memset(&node->btree[n - 1], 0, sizeof(node->btree[0]));
	node->count = cpu_to_be16(n - 1);
	dx_da_log(a, bp, node, sizeof(*node));
	dx_da_log(a, bp, &node->btree[pos], (n - pos) * sizeof(node->btree[0]));
}

/* Copy a block of the tree, whatever its kind, over another one; the header keeps the own address. */
static void copy_block(struct dx_da_args *a, struct dx_buf *to, struct dx_buf *from)
{
	struct dx_da3_blkinfo *info = to->b_addr;

	memcpy(to->b_addr, from->b_addr, dx_buf_len(to));
	info->blkno = cpu_to_be64(to->b_daddr);
	info->lsn = 0;
	switch (dx_da_kind(from)) {
	case DX_DAK_NODE:
		dx_da_set_type(a, to, DX_BLFT_DA_NODE, &dx_da3_node_buf_ops);
		break;
	case DX_DAK_LEAFN:
		dx_da_set_type(a, to, DX_BLFT_DIR_LEAFN, &dx_dir3_leafn_buf_ops);
		break;
	default:
		dx_da_set_type(a, to, DX_BLFT_ATTR_LEAF, &dx_attr3_leaf_buf_ops);
		break;
	}
	dx_da_log_all(a, to);
}

/* The root (now the left one of two) moves to a new block; a node with both takes its place. */
static int split_root(struct dx_da_args *a, struct dx_da_lvl *root, dx_dablk_t rightblk, struct dx_buf *rightbp)
{
	int level = dx_da_kind(root->bp) == DX_DAK_NODE ? be16_to_cpu(node_of(root->bp)->level) : 0;
	struct dx_da3_blkinfo *right = rightbp->b_addr;
	struct dx_buf *leftbp;
	dx_dablk_t leftblk;
	u32 live, lhash, rhash;
	int error;

	if (level + 1 >= DX_DA_NODE_MAXDEPTH)
		return -ENOSPC;
	error = dx_da_grow_leaf(a, &leftblk, &leftbp);
	if (error)
		return error;
	copy_block(a, leftbp, root->bp);
	right->back = cpu_to_be32(leftblk);
	dx_da_log(a, rightbp, right, sizeof(*right));

	lhash = last_hash(leftbp, &live);
	rhash = last_hash(rightbp, &live);
	memset(root->bp->b_addr, 0, dx_buf_len(root->bp));
	node_init(a, root->bp, level + 1);
	node_insert(a, root->bp, 0, lhash, leftblk);
	node_insert(a, root->bp, 1, rhash, rightblk);
	dx_da_log_all(a, root->bp);
	return 0;
}

/**
 * dx_da_add_sibling - enter a block that a split made into the tree
 * @a: operation
 * @path: path to the block that was split; invalid afterwards
 * @newblk: fork offset of the new block: it follows the one in @path, linked already
 * @newbp: its buffer
 *
 * Splits nodes upwards as needed; the root last.  Both blocks hold their final contents.
 */
int dx_da_add_sibling(struct dx_da_args *a, struct dx_da_path *path, dx_dablk_t newblk, struct dx_buf *newbp)
{
	u32 max = dx_da_node_max(a), live;
	int i, error;

	for (i = path->depth - 1; i > 0; i--) {
		struct dx_da_lvl *up = &path->lv[i - 1];
		struct dx_da3_intnode *left = node_of(up->bp), *right;
		u32 n = node_count(up->bp), pos = up->index + 1, mid = n / 2, rhash = last_hash(newbp, &live);
		struct dx_da_node_entry *own = &left->btree[up->index];
		struct dx_buf *rbp;
		dx_dablk_t rblk;

		own->hashval = cpu_to_be32(last_hash(path->lv[i].bp, &live));
		dx_da_log(a, up->bp, own, sizeof(*own));
		if (n < max) {
			node_insert(a, up->bp, pos, rhash, newblk);
			dx_da_fix_hash(a, path, i - 1);
			return 0;
		}
		error = dx_da_grow_leaf(a, &rblk, &rbp);
		if (error)
			return error;
		node_init(a, rbp, be16_to_cpu(left->level));
		right = node_of(rbp);
		memcpy(right->btree, &left->btree[mid], (n - mid) * sizeof(left->btree[0]));
		memset(&left->btree[mid], 0, (n - mid) * sizeof(left->btree[0]));
		right->count = cpu_to_be16(n - mid);
		left->count = cpu_to_be16(mid);
		if (pos <= mid)
			node_insert(a, up->bp, pos, rhash, newblk);
		else
			node_insert(a, rbp, pos - mid, rhash, newblk);
		error = dx_da_link_after(a, up, rblk, rbp);
		if (error)
			return error;
		dx_da_log_all(a, up->bp);
		dx_da_log_all(a, rbp);
		newblk = rblk;
		newbp = rbp;
	}
	return split_root(a, &path->lv[0], newblk, newbp);
}

/* ---- joins ---- */

/* bytes that the live contents of a block take, without its header */
static u32 fill_bytes(struct dx_da_args *a, struct dx_buf *bp)
{
	return dx_da_kind(bp) == DX_DAK_NODE ? node_count(bp) * sizeof(struct dx_da_node_entry) : a->leaf->used(bp);
}

static void merge_right(struct dx_da_args *a, struct dx_buf *left, struct dx_buf *right)
{
	struct dx_da3_intnode *l = node_of(left), *r = node_of(right);
	u32 ln, rn;

	if (dx_da_kind(left) != DX_DAK_NODE) {
		a->leaf->merge(a, left, right);
		return;
	}
	ln = node_count(left);
	rn = node_count(right);
	memcpy(&l->btree[ln], r->btree, rn * sizeof(r->btree[0]));
	l->count = cpu_to_be16(ln + rn);
	dx_da_log_all(a, left);
}

struct drops {
	int n;
	struct dx_da_lvl d[DX_DA_NODE_MAXDEPTH * 2];
};

/*
 * No space to unmap a block from the middle of an extent: move the contents
 * of the last block of the tree into it and unmap that one instead.
 * Directories only: the end of an attribute fork may be a value.
 */
static int swap_last(struct dx_da_args *a, struct dx_da_lvl *dead, struct dx_da_lvl *last)
{
	struct dx_da3_blkinfo *info;
	struct dx_da_path path;
	struct dx_iext_cur cur;
	struct dx_irec rec;
	dx_fileoff_t end = dx_dir_freeblk(a->mp);
	struct dx_da_node_entry *e;
	u32 live, hash;
	int level, error;

	if (!dx_iext_lookup_before(&a->dp->df.ext, &end, &cur, &rec))
		return dx_da_corrupt(a, NULL, "no last block");
	last->blkno = rec.startoff + rec.blockcount - dx_da_fsbs(a);
	if (last->blkno <= dead->blkno || last->blkno <= dx_dir_leafblk(a->mp))
		return -ENOSPC;
	error = dx_da_read(a, last->blkno, tree_kinds(a), &last->bp);
	if (error)
		return error;
	if (last->bp == dead->bp)
		return dx_da_corrupt(a, last->bp, "block is mapped twice");
	hash = last_hash(last->bp, &live);
	level = dx_da_kind(last->bp) == DX_DAK_NODE ? be16_to_cpu(node_of(last->bp)->level) : 0;
	error = dx_da_path_to_block(a, &path, hash, level, last->blkno);
	if (error)
		return error;
	if (path.depth < 2)
		return dx_da_corrupt(a, last->bp, "last block is the root");
	copy_block(a, dead->bp, last->bp);
	info = dead->bp->b_addr;
	error = set_link(a, be32_to_cpu(info->forw), false, last->blkno, dead->blkno);
	if (!error)
		error = set_link(a, be32_to_cpu(info->back), true, last->blkno, dead->blkno);
	if (error)
		return error;
	e = &node_of(path.lv[path.depth - 2].bp)->btree[path.lv[path.depth - 2].index];
	e->before = cpu_to_be32(dead->blkno);
	dx_da_log(a, path.lv[path.depth - 2].bp, e, sizeof(*e));
	return 0;
}

/*
 * Free the blocks that joins emptied: the highest first, so that the last
 * block of the tree that swap_last() looks for is never one of these.
 */
static int free_drops(struct dx_da_args *a, struct drops *dr)
{
	int error;

	while (dr->n) {
		struct dx_da_lvl top, last;
		int i, hi = 0;

		for (i = 1; i < dr->n; i++)
			if (dr->d[i].blkno > dr->d[hi].blkno)
				hi = i;
		top = dr->d[hi];
		dr->d[hi] = dr->d[--dr->n];
		error = dx_da_unmap(a, top.blkno, top.bp);
		while (error == -ENOSPC && a->whichfork == DX_DATA_FORK) {
			error = swap_last(a, &top, &last);
			if (error)
				return error;
			top = last;
			error = dx_da_unmap(a, top.blkno, top.bp);
		}
		if (error)
			return error;
	}
	return 0;
}

/* A root node with one child makes room for it. */
static int collapse_root(struct dx_da_args *a, struct dx_buf *root, struct drops *dr)
{
	while (dx_da_kind(root) == DX_DAK_NODE && node_count(root) == 1) {
		dx_dablk_t child = be32_to_cpu(node_of(root)->btree[0].before);
		struct dx_da3_blkinfo *info;
		struct dx_buf *bp;
		int error;

		if (child == dx_da_root(a))
			return dx_da_corrupt(a, root, "node points to the root");
		error = dx_da_read(a, child, tree_kinds(a), &bp);
		if (error)
			return error;
		info = bp->b_addr;
		if (bp == root)
			return dx_da_corrupt(a, bp, "block is mapped twice");
		if (info->forw || info->back)
			return dx_da_corrupt(a, bp, "only child has siblings");
		if (dr->n == ARRAY_SIZE(dr->d))
			return dx_da_corrupt(a, bp, "tree is too deep");
		copy_block(a, root, bp);
		dr->d[dr->n].bp = bp;
		dr->d[dr->n++].blkno = child;
	}
	return 0;
}

/**
 * dx_da_join - after a removal: merge blocks that have become too empty
 * @a: operation
 * @path: path to the leaf that lost an entry; invalid afterwards
 *
 * A block at most half full is merged with a sibling if both together leave a
 * quarter free (so that the next insert does not split them again), and upwards
 * from there; the root gives way to an only child.  The caller has fixed the
 * hashes above the leaf.
 */
int dx_da_join(struct dx_da_args *a, struct dx_da_path *path)
{
	u32 cap = dx_da_blksize(a) - sizeof(struct dx_da3_intnode);
	struct dx_buf *root = path->lv[0].bp;
	struct drops dr = { 0 };
	int i, error;

	if (a->whichfork == DX_ATTR_FORK && path->depth > 1)
		cap = dx_da_blksize(a) - DX_ATTR_LEAF_HDR;
	for (i = path->depth - 1; i > 0; i--) {
		struct dx_da_path other = *path;
		struct dx_buf *bp = path->lv[i].bp;
		struct dx_da3_blkinfo *info = bp->b_addr;
		u32 live, used = fill_bytes(a, bp);
		bool merged = false;
		int dir;

		last_hash(bp, &live);
		if (!live) {
			if (!info->forw && !info->back)
				break;
		} else {
			if (used > cap / 2)
				break;
			for (dir = 1; dir >= 0 && !merged; dir--) {
				struct dx_da_path *left, *right;

				other = *path;
				other.lv[i].start = path->lv[i].blkno;
				error = dx_da_path_shift(a, &other, i, dir);
				if (error == -ENOENT)
					continue;
				if (error)
					return error;
				if (used + fill_bytes(a, other.lv[i].bp) > cap - cap / 4)
					continue;
				left = dir ? path : &other;
				right = dir ? &other : path;
				merge_right(a, left->lv[i].bp, right->lv[i].bp);
				dx_da_fix_hash(a, left, i);
				if (dir)
					*path = other;
				merged = true;
			}
			if (!merged)
				break;
		}
		/* path names the block that goes */
		error = unlink_block(a, &path->lv[i]);
		if (error)
			return error;
		if (dr.n == ARRAY_SIZE(dr.d))
			return dx_da_corrupt(a, bp, "tree is too deep");
		dr.d[dr.n++] = path->lv[i];
		node_remove(a, path->lv[i - 1].bp, path->lv[i - 1].index);
		if (node_count(path->lv[i - 1].bp))
			dx_da_fix_hash(a, path, i - 1);
		cap = dx_da_blksize(a) - sizeof(struct dx_da3_intnode);
	}
	error = collapse_root(a, root, &dr);
	return error ? error : free_drops(a, &dr);
}
