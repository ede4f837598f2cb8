// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes: get, set, remove, list.
 *
 * A set is one transaction whatever it takes: the old name goes and the new one comes
 * together, and a large value is on disk before the commit (see
 * attr_remote.c).  So a crash leaves the old attribute or the new one, whole, and
 * the INCOMPLETE flag of the format is never needed; names that another
 * implementation left with it are not seen.  (Only a value in many fragments rolls the
 * transaction while it is mapped: a crash then leaves unused blocks
 * in the fork, which go with it.)
 *
 * Lock context: the functions that start transactions take the ILOCK themselves.
 */
#include "dx_attr_int.h"
#include "dx_dir.h"

static int args_init(struct dx_da_args *a, struct dx_trans *tp, const struct dx_attr_arg *aa)
{
	if (aa->namelen <= 0 || aa->namelen >= DX_MAXNAMELEN)
		return -ERANGE;
	if (dx_is_shutdown(aa->ip->mp))
		return -EIO;
	memset(a, 0, sizeof(*a));
	a->tp = tp;
	a->dp = aa->ip;
	a->mp = aa->ip->mp;
	a->whichfork = DX_ATTR_FORK;
	a->leaf = &dx_attr_leaf_ops;
	a->name = aa->name;
	a->namelen = aa->namelen;
	a->nsp = aa->nsp & (DX_ATTR_ROOT | DX_ATTR_SECURE);	/* parent pointers: parent.c */
	a->hashval = dx_da_hashname(aa->name, aa->namelen);
	return 0;
}

/**
 * dx_attr_has_tree - are attributes in blocks?  (else: no fork, short form, or a fork that is still empty)
 * @ip: inode, ILOCK held
 */
bool dx_attr_has_tree(struct dx_inode *ip)
{
	return ip->af && ip->af->format != DX_DINODE_FMT_LOCAL && ip->af->nextents;
}

/* Finds the name in the tree; points into the leaf.  -ENOATTR. */
static int tree_find(struct dx_da_args *a, struct dx_da_path *path, u32 *idx, struct dx_attr_ref *ref)
{
	struct dx_attr_leaf_entry *e;
	struct dx_buf *bp;
	u32 i;
	int error;

	error = dx_da_lookup(a, path, a->hashval);
	if (error)
		return error;
	bp = path->lv[path->depth - 1].bp;
	i = dx_attr_leaf_find(bp, a->hashval);
	for (;; i++) {
		if (i == be16_to_cpu(((struct dx_attr3_leaf_hdr *)bp->b_addr)->count)) {
			/* the same hash may go on in the next leaf */
			error = dx_da_path_shift(a, path, path->depth - 1, true);
			if (error)
				return error == -ENOENT ? -ENOATTR : error;
			bp = path->lv[path->depth - 1].bp;
			i = -1;
			continue;
		}
		e = &dx_attr_leaf_ents(bp)[i];
		if (be32_to_cpu(e->hashval) != a->hashval)
			return -ENOATTR;
		if (e->flags & DX_ATTR_INCOMPLETE)
			continue;
		dx_attr_leaf_ref(bp, i, ref);
		if (dx_attr_is(a, ref)) {
			*idx = i;
			return 0;
		}
	}
}

static int get_value(struct dx_da_args *a, struct dx_attr_arg *aa, const struct dx_attr_ref *ref)
{
	int room = aa->valuelen;

	aa->valuelen = ref->valuelen;
	if (!aa->value)
		return 0;
	if (room < (int)ref->valuelen)
		return -ERANGE;
	if (ref->value) {
		memcpy(aa->value, ref->value, ref->valuelen);
		return 0;
	}
	return dx_attr_rmt_get(a, ref->rmtblk, ref->valuelen, aa->value);
}

/**
 * dx_attr_get_locked - get the value or the length of an attribute
 * @aa: inode, name, nsp; value with room of valuelen, or NULL for the length only
 *
 * ILOCK held, shared will do if the extents of the attribute fork are in memory.
 * Returns -ENOATTR, -ERANGE (valuelen tells how much).
 */
int dx_attr_get_locked(struct dx_attr_arg *aa)
{
	struct dx_inode *ip = aa->ip;
	struct dx_da_path path;
	struct dx_attr_ref ref;
	struct dx_da_args a;
	u32 idx;
	int error;

	error = args_init(&a, NULL, aa);
	if (error)
		return error;
	if (!ip->af)
		return -ENOATTR;
	if (!dx_attr_has_tree(ip)) {
		if (ip->af->format != DX_DINODE_FMT_LOCAL)
			return -ENOATTR;
		error = dx_attr_sf_find(ip, &a, &ref);
		return error ? error : get_value(&a, aa, &ref);
	}
	error = dx_trans_alloc_empty(a.mp, &a.tp);
	if (error)
		return error;
	error = dx_iread_extents(a.tp, ip, DX_ATTR_FORK);
	if (!error)
		error = tree_find(&a, &path, &idx, &ref);
	if (!error)
		error = get_value(&a, aa, &ref);
	dx_trans_cancel(a.tp);
	return error;
}

/**
 * dx_attr_get - as dx_attr_get_locked(), takes the ILOCK
 * @aa: as there
 */
int dx_attr_get(struct dx_attr_arg *aa)
{
	int mode, error;

	mode = dx_ilock_attr_map_shared(aa->ip);
	error = dx_attr_get_locked(aa);
	dx_iunlock(aa->ip, mode);
	return error;
}

static int get_into(struct dx_attr_arg *aa, int room)
{
	int error;

	aa->value = kvmalloc(max(room, 1), GFP_KERNEL);
	if (!aa->value)
		return -ENOMEM;
	aa->valuelen = room;
	error = dx_attr_get(aa);
	if (error) {
		kvfree(aa->value);
		aa->value = NULL;
	}
	return error;
}

/**
 * dx_attr_get_whole - get the value of an attribute, however long it is
 * @aa: inode, name, nsp; out: value, the caller's to kvfree(), and valuelen
 *
 * The length that was asked for may be old when the value is read; then there is room for any.
 *
 * Return: 0; after an error there is no value: -ENOATTR, -ENOMEM, -EIO, -EFSCORRUPTED.
 */
int dx_attr_get_whole(struct dx_attr_arg *aa)
{
	int error;

	aa->value = NULL;
	error = dx_attr_get(aa);
	if (!error)
		error = get_into(aa, aa->valuelen);
	return error == -ERANGE ? get_into(aa, DX_XATTR_SIZE_MAX) : error;
}

/* The tree is one leaf, and all that the fork maps: back into the inode if it fits there. */
static int try_shortform(struct dx_da_args *a)
{
	struct dx_fork *f = a->dp->af;
	struct dx_iext_cur cur;
	struct dx_irec rec;
	struct dx_buf *bp;
	int error;

	if (f->nextents != 1 || !dx_iext_first(&f->ext, &cur, &rec) || rec.startoff || rec.blockcount != 1)
		return 0;
	error = dx_da_read(a, 0, DX_DAK_NODE | DX_DAK_ATTR, &bp);
	if (error || dx_da_kind(bp) != DX_DAK_ATTR)
		return error;
	return dx_attr_leaf_to_sf(a, bp);
}

/* Put the attribute into the tree; where one of that name is, it goes, and *old_* tell of its remote value. */
static int tree_set(struct dx_da_args *a, dx_dablk_t *old_blk, u32 *old_len)
{
	struct dx_attr_ref ref;
	struct dx_da_path path;
	struct dx_buf *bp;
	u32 idx;
	int error;

	*old_blk = 0;
	error = tree_find(a, &path, &idx, &ref);
	if (!error) {
		bp = path.lv[path.depth - 1].bp;
		*old_blk = ref.rmtblk;
		*old_len = ref.valuelen;
		dx_attr_leaf_del(a, bp, idx);
	} else if (error == -ENOATTR) {
		error = dx_da_lookup(a, &path, a->hashval);
	}
	return error ? error : dx_attr_leaf_enter(a, &path);
}

/* Everything behind the short form.  @exists: there is such a name already. */
static int set_in_tree(struct dx_da_args *a, bool exists)
{
	bool local = dx_attr_is_local(a->mp, a->namelen, a->valuelen);
	dx_dablk_t old_blk;
	u32 old_len = 0;
	int error = 0;

	if (!dx_attr_has_tree(a->dp))
		error = dx_attr_sf_to_tree(a);
	if (!error && !local) {
		error = dx_attr_rmt_alloc(a, dx_attr_rmt_blocks(a->mp, a->valuelen));
		if (error)
			return error;
		error = dx_attr_rmt_write(a);
		if (error) {
			int undo = dx_attr_rmt_free(a, a->rmtblk, a->valuelen);

			if (!undo)
				undo = try_shortform(a);
			/* a clean transaction, which may be cancelled: the blocks are freed, not only to be freed */
			if (!undo)
				undo = dx_defer_finish(&a->tp);
			return error;	/* if that failed: the transaction is dirty, and its cancel shuts down */
		}
	}
	if (!error)
		error = tree_set(a, &old_blk, &old_len);
	if (!error && old_blk)
		error = dx_attr_rmt_free(a, old_blk, old_len);
	if (!error && exists)
		error = try_shortform(a);
	return error;
}

/**
 * dx_attr_find - is there such an attribute?
 * @a: name, namespace, and of a parent pointer its value; a transaction to read in
 *
 * ILOCK held, the extents of the fork are in memory.
 *
 * Return: 0, -ENOATTR, -EFSCORRUPTED, -EIO.
 */
int dx_attr_find(struct dx_da_args *a)
{
	struct dx_da_path path;
	struct dx_attr_ref ref;
	u32 idx;

	if (dx_attr_has_tree(a->dp))
		return tree_find(a, &path, &idx, &ref);
	return a->dp->af && a->dp->af->format == DX_DINODE_FMT_LOCAL ? dx_attr_sf_find(a->dp, a, &ref) : -ENOATTR;
}

/* fsblocks that a set can allocate: in the tree, and for the value */
static u32 set_blocks(struct dx_mount *mp, u32 namelen, u32 valuelen)
{
	u32 value = 0;

	if (!dx_attr_is_local(mp, namelen, valuelen))
		value = dx_attr_rmt_blocks(mp, valuelen);
	return dx_da_attr_blocks(mp) + value + (value ? dx_da_bmap_blocks(mp, value, DX_ATTR_FORK) : 0);
}

/**
 * dx_attr_set_in - set an attribute in a transaction that there is
 * @a: name, namespace, value; the inode joined, its ILOCK held; it has an attribute fork, whose extents are in memory.
 *	Only a value in many fragments rolls the transaction
 * @create: -EEXIST when there is one
 * @replace: -ENOATTR when there is none
 *
 * Return: 0 or -errno.
 */
int dx_attr_set_in(struct dx_da_args *a, bool create, bool replace)
{
	int error = dx_attr_find(a);

	if (error && error != -ENOATTR)
		return error;
	if (!error && create)
		return -EEXIST;
	if (error && replace)
		return -ENOATTR;
	if (!dx_attr_has_tree(a->dp)) {
		int sf = dx_attr_sf_set(a);

		if (sf != -ENOSPC)
			return sf;
	}
	if (a->limited) {
		int quota = dx_quota_reserve(a->dp, set_blocks(a->mp, a->namelen, a->valuelen));

		if (quota)
			return quota;
	}
	return set_in_tree(a, !error);
}

/**
 * dx_attr_remove_in - remove an attribute in a transaction that there is
 * @a: name, namespace, and of a parent pointer its value; otherwise as for dx_attr_set_in()
 *
 * Without blocks to allocate, a leaf that has something left is not joined with others: that could cut an extent of the fork.
 *
 * Return: 0, -ENOATTR, -EFSCORRUPTED, -EIO; -ENOSPC.
 */
int dx_attr_remove_in(struct dx_da_args *a)
{
	struct dx_inode *ip = a->dp;
	struct dx_attr3_leaf_hdr *h;
	struct dx_attr_ref ref;
	struct dx_da_path path;
	u32 idx, valuelen;
	dx_dablk_t rmtblk;
	int error;

	if (!ip->af)
		return -ENOATTR;
	if (!dx_attr_has_tree(ip))
		return ip->af->format == DX_DINODE_FMT_LOCAL ? dx_attr_sf_remove(a) : -ENOATTR;
	error = tree_find(a, &path, &idx, &ref);
	if (error)
		return error;
	rmtblk = ref.rmtblk;
	valuelen = ref.valuelen;
	h = path.lv[path.depth - 1].bp->b_addr;
	dx_attr_leaf_del(a, path.lv[path.depth - 1].bp, idx);
	if (h->count)
		dx_da_fix_hash(a, &path, path.depth - 1);
	if (path.depth > 1 && (!h->count || a->tp->t_blk_res))
		error = dx_da_join(a, &path);
	if (!error && rmtblk)
		error = dx_attr_rmt_free(a, rmtblk, valuelen);
	return error ? error : try_shortform(a);
}

/**
 * dx_attr_may_grow - may the fork have the extents that this can add?
 * @a: operation: namelen, valuelen; ILOCK held
 * @set: or remove
 *
 * Each block that is allocated, and where blocks go from the middle of an extent, one: the value's, and a block a level
 * when leaves are joined.
 *
 * Return: 0, or -EFBIG.
 */
int dx_attr_may_grow(struct dx_da_args *a, bool set)
{
	u32 n = 1 + dx_da_enter_blocks(a->mp, DX_ATTR_FORK);

	if (!a->dp->af)
		return 0;
	if (set) {
		n += n;
		if (!dx_attr_is_local(a->mp, a->namelen, a->valuelen))
			n += dx_attr_rmt_blocks(a->mp, a->valuelen);
	}
	return dx_bmap_may_grow(a->dp, DX_ATTR_FORK, n);
}

/**
 * dx_attr_set_op - set or remove an attribute
 * @aa: inode (ILOCK not held), name, nsp, value and its length; value NULL: remove
 *
 * Own transaction.  Returns -EEXIST (create), -ENOATTR (replace, remove), -E2BIG, -EFBIG (too many extents), -ENOSPC,
 * -EROFS, -EIO.
 */
int dx_attr_set_op(struct dx_attr_arg *aa)
{
	struct dx_inode *ip = aa->ip;
	struct dx_mount *mp = ip->mp;
	bool rsvd = aa->nsp & DX_ATTR_ROOT, set = aa->value;
	u32 blocks, flags = rsvd ? DX_TRANS_RESERVE : 0;
	struct dx_da_args a;
	int error;

	if (dx_is_readonly(mp))
		return -EROFS;
	error = args_init(&a, NULL, aa);
	if (!error)
		error = dx_quota_attach(ip);
	if (error)
		return error;
	if (set) {
		a.limited = !rsvd;
		if (aa->valuelen < 0 || aa->valuelen > DX_XATTR_SIZE_MAX)
			return -E2BIG;
		a.value = aa->value;
		a.valuelen = aa->valuelen;
	}
	if (dx_is_wsync(mp))
		flags |= DX_TRANS_SYNC;
again:
	if (set && !ip->af) {
		u32 hint = sizeof(struct dx_attr_sf_hdr) + sizeof(struct dx_attr_sf_entry) + a.namelen + a.valuelen;

		error = dx_add_attr_fork(ip, hint, rsvd);
		if (error)
			return error;
	}
	blocks = set ? set_blocks(mp, a.namelen, a.valuelen) :
		       dx_da_bmap_blocks(mp, 2 * dx_da_enter_blocks(mp, DX_ATTR_FORK), DX_ATTR_FORK);
	error = dx_trans_alloc(mp, set ? DX_RESV_ATTRSET : DX_RESV_ATTRRM, blocks, flags, &a.tp);
	if (error == -ENOSPC && !set) {
		/* removal must work on a full volume; blocks only if extents of the fork must be cut */
		error = dx_trans_alloc(mp, DX_RESV_ATTRRM, blocks, flags | DX_TRANS_RESERVE, &a.tp);
	}
	if (error)
		return error;
	a.total = blocks;
	dx_ilock(ip, DX_ILOCK_EXCL);
	if (set && !ip->af) {
		/* the last attribute was removed meanwhile, and the fork with it */
		dx_trans_cancel(a.tp);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		goto again;
	}
	dx_trans_ijoin(a.tp, ip, 0);
	error = dx_attr_may_grow(&a, set);
	if (!error && ip->af)
		error = dx_iread_extents(a.tp, ip, DX_ATTR_FORK);
	if (!error)
		error = set ? dx_attr_set_in(&a, aa->create, aa->replace) : dx_attr_remove_in(&a);
	if (error) {
		dx_trans_cancel(a.tp);
	} else {
		dx_trans_set_time(a.tp, ip, DX_ICHGTIME_CHG);
		dx_trans_log_inode(a.tp, ip, DX_ILOG_CORE);
		error = dx_trans_commit(a.tp);
	}
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

/**
 * dx_attr_walk - call a function for each attribute of the tree, in the order of their hashes
 * @a: a transaction to read in; the extents are in memory
 * @hash: leave out those of the first leaf with a lower one
 * @fn: non-zero stops the walk
 * @ctx: for @fn
 *
 * Return: 0, what @fn returned, or -errno.
 */
int dx_attr_walk(struct dx_da_args *a, u32 hash, int (*fn)(void *ctx, const struct dx_attr_ref *ref), void *ctx)
{
	struct dx_da_path path;
	int error = dx_da_lookup(a, &path, hash);
	u32 from = error ? 0 : dx_attr_leaf_find(path.lv[path.depth - 1].bp, hash);

	while (!error) {
		struct dx_buf *bp = path.lv[path.depth - 1].bp;
		u32 n = be16_to_cpu(((struct dx_attr3_leaf_hdr *)bp->b_addr)->count), i;
		struct dx_attr_ref ref;

		for (i = from; i < n; i++) {
			dx_attr_leaf_ref(bp, i, &ref);
			error = fn(ctx, &ref);
			if (error)
				return error;
		}
		from = 0;
		error = dx_da_path_shift(a, &path, path.depth - 1, true);
		if (!error)
			dx_trans_let_go(a->tp, bp);
		cond_resched();
	}
	return error == -ENOENT ? 0 : error;
}

/* ---- the end of an inode ---- */

static int stale_one(void *ctx, const struct dx_attr_ref *ref)
{
	struct dx_da_args *a = ctx;

	/*
	 * One that another kernel has not finished names a value that nobody has read here; or that is gone, and what is there now
	 * has a name of its own, or is of the tree.
	 */
	if (!ref->rmtblk || (ref->flags & DX_ATTR_INCOMPLETE))
		return 0;
	return dx_attr_rmt_stale(a, ref->rmtblk, ref->valuelen);
}

/* blocks that one transaction cancels and unmaps */
#define INACTIVE_BLOCKS	8

/*
 * Free the last blocks of the fork.  Each is cancelled in the log in the
 * transaction that unmaps it, whatever it held.
 */
static int inactive_step(struct dx_da_args *a, const struct dx_irec *rec)
{
	u32 n = min_t(u64, rec->blockcount, INACTIVE_BLOCKS), i;
	dx_filblks_t left = n;
	dx_fileoff_t off = rec->startoff + rec->blockcount - n;
	int error;

	for (i = 0; i < n; i++) {
		struct dx_buf *bp;

		error = dx_trans_get_buf(a->mp, a->tp,
					 dx_fsb_to_daddr(a->mp, rec->startblock + (off - rec->startoff) + i),
					 dx_fsb_to_bb(a->mp, 1), 0, &bp);
		if (error)
			return error;
		dx_trans_kill_buf(a->tp, bp);
	}
	error = dx_bmap_unmap(a->tp, a->dp, off, &left, DX_BMAPI_ATTRFORK | DX_BMAPI_METADATA, 1);
	if (!error && left)
		error = dx_da_corrupt(a, NULL, "block to free is not mapped");
	return error;
}

/**
 * dx_attr_free_all - free the attribute fork of a dying inode
 * @ip: inode, ILOCK not held; nobody else can reach it
 *
 * Bounded transactions of its own.  Works from the end of the fork
 * downwards; the root is first made an empty leaf if there is more than one
 * transaction's worth, so that whoever recovers in the middle, we or another
 * implementation, finds a tree that names no block that is gone.
 */
int dx_attr_free_all(struct dx_inode *ip)
{
	struct dx_da_args a = { .leaf = &dx_attr_leaf_ops, .dp = ip, .mp = ip->mp, .whichfork = DX_ATTR_FORK };
	struct dx_iext_cur cur;
	struct dx_irec rec;
	struct dx_buf *bp;
	int error;

	if (!ip->af)
		return 0;
	error = dx_trans_alloc(ip->mp, DX_RESV_ATTRINVAL, 0, DX_TRANS_RESERVE, &a.tp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(a.tp, ip, 0);
	error = dx_iread_extents(a.tp, ip, DX_ATTR_FORK);
	if (!error && dx_attr_has_tree(ip)) {
		error = dx_attr_walk(&a, 0, stale_one, &a);
		if (!error && dx_iext_last(&ip->af->ext, &cur, &rec) &&
		    (ip->af->nextents > 1 || rec.startoff + rec.blockcount > INACTIVE_BLOCKS)) {
			error = dx_trans_roll_inode(&a.tp, ip);	/* lets go of the whole tree */
			if (!error)
				error = dx_da_read(&a, 0, DX_DAK_NODE | DX_DAK_ATTR, &bp);
			if (!error) {
				dx_attr_leaf_init(&a, bp);
				dx_da_log_all(&a, bp);
				error = dx_trans_roll_inode(&a.tp, ip);
			}
		}
		while (!error && dx_iext_last(&ip->af->ext, &cur, &rec)) {
			error = inactive_step(&a, &rec);
			if (!error)
				error = dx_defer_finish(&a.tp);
			if (!error)
				error = dx_trans_roll_inode(&a.tp, ip);
		}
	}
	if (error) {
		dx_trans_cancel(a.tp);
	} else {
		dx_attr_fork_drop(ip);
		dx_trans_log_inode(a.tp, ip, DX_ILOG_CORE);
		error = dx_trans_commit(a.tp);
	}
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}
