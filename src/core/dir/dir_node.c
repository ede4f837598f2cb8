// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories with several leaf blocks under the hash tree, and free index
 * blocks that hold the best free length of each data block ("Node Directories").
 *
 * Invariants: free index block i covers data blocks [i * max, (i + 1) * max);
 * nvalid ends at the last data block that exists, nused counts those that exist; an
 * index block without any is freed.
 *
 * Lock context: ILOCK of the directory; blocks in the transaction.
 */
#include "dx_dir_int.h"
#include "dx_dir.h"

/* A name found, and the path to its leaf. */
struct found {
	struct dx_da_path path;
	struct dx_dir_hit hit;
};

static inline struct dx_dir3_leaf *leaf_at(struct dx_da_path *p)
{
	return p->lv[p->depth - 1].bp->b_addr;
}

static int node_find(struct dx_da_args *a, struct found *f)
{
	struct dx_dir3_leaf *leaf;
	u32 count;
	int error;

	f->hit = (struct dx_dir_hit){ 0 };
	error = dx_da_lookup(a, &f->path, a->hashval);
	if (error)
		return error;
	leaf = leaf_at(&f->path);
	f->hit.idx = dx_da_hash_find(leaf->ents, be16_to_cpu(leaf->count), a->hashval);
	for (;;) {
		leaf = leaf_at(&f->path);
		count = be16_to_cpu(leaf->count);
		error = dx_dir_hit_find(a, leaf->ents, count, &f->hit);
		if (error != -ENOENT || f->hit.idx < count)
			return error;
		/* the same hash may go on in the next leaf */
		error = dx_da_path_shift(a, &f->path, f->path.depth - 1, true);
		if (error)
			return error;
		f->hit.idx = 0;
	}
}

static int node_lookup(struct dx_da_args *a)
{
	struct found f;
	int error = node_find(a, &f);

	return error ? error : dx_dir_hit_tell(a, &f.hit);
}

static int node_replace(struct dx_da_args *a)
{
	struct found f;
	int error = node_find(a, &f);

	return error ? error : dx_dir_hit_replace(a, &f.hit);
}

/* ---- free index ---- */

static dx_dablk_t free_blk(struct dx_mount *mp, u32 fdb)
{
	return dx_dir_freeblk(mp) + fdb * mp->dirblkfsbs;
}

/* Free index block number @fdb; *fbpp = NULL when there is none. */
static int free_read(struct dx_da_args *a, u32 fdb, struct dx_buf **fbpp)
{
	struct dx_dir3_free *fr;
	int error;

	error = dx_da_read_hole(a, free_blk(a->mp, fdb), DX_DAK_FREE, fbpp);
	if (error || !*fbpp)
		return error;
	fr = (*fbpp)->b_addr;
	if (be32_to_cpu(fr->firstdb) != fdb * dx_dir_free_max(a->mp))
		return dx_da_corrupt(a, *fbpp, "free index block covers the wrong data blocks");
	return 0;
}

static void free_log(struct dx_da_args *a, struct dx_buf *fbp, u32 idx)
{
	struct dx_dir3_free *fr = fbp->b_addr;

	dx_da_log(a, fbp, fr, sizeof(*fr));
	dx_da_log(a, fbp, &fr->bests[idx], sizeof(fr->bests[0]));
}

/* One past the last free index block. */
static int free_count(struct dx_da_args *a, u32 *n)
{
	dx_fileoff_t last;
	int error = dx_bmap_last_offset(a->dp, DX_DATA_FORK, &last);

	if (error)
		return error;
	*n = 0;
	if (last > dx_dir_freeblk(a->mp)) {
		/* no more than it takes to cover the whole data space */
		u32 max = dx_dir_da_to_db(a->mp, dx_dir_leafblk(a->mp)) / dx_dir_free_max(a->mp) + 1;
		u64 blocks = last - dx_dir_freeblk(a->mp);

		if (blocks > (u64)max * a->mp->dirblkfsbs)
			return dx_da_corrupt(a, NULL, "free index is larger than the data space");
		*n = DIV_ROUND_UP((u32)blocks, a->mp->dirblkfsbs);
	}
	return 0;
}

/* A data block with a free region of @need bytes: *fbpp, *db; *fbpp = NULL when none has. */
static int find_room(struct dx_da_args *a, u32 need, struct dx_buf **fbpp, u32 *db)
{
	u32 n, fdb, i;
	int error;

	*fbpp = NULL;
	error = free_count(a, &n);
	for (fdb = 0; !error && fdb < n; fdb++) {
		struct dx_dir3_free *fr;
		struct dx_buf *fbp;
		u32 nvalid;

		error = free_read(a, fdb, &fbp);
		if (error || !fbp)
			continue;
		fr = fbp->b_addr;
		nvalid = be32_to_cpu(fr->nvalid);
		for (i = 0; i < nvalid; i++) {
			u32 best = be16_to_cpu(fr->bests[i]);

			if (best != DX_DIR2_NULL_DATAOFF && best >= need) {
				*fbpp = fbp;
				*db = be32_to_cpu(fr->firstdb) + i;
				return 0;
			}
		}
		dx_trans_let_go(a->tp, fbp);
	}
	return error;
}

/* One more data block, entered into the free index. */
static int add_data_block(struct dx_da_args *a, struct dx_buf **fbpp, struct dx_buf **dbpp, u32 *db)
{
	struct dx_mount *mp = a->mp;
	struct dx_dir3_free *fr;
	dx_dablk_t bno;
	u32 fdb, idx;
	int error;

	error = dx_dir_grow_data(a, db);
	if (error)
		return error;
	error = dx_dir_data_init(a, *db, dbpp);
	if (error)
		return error;
	fdb = *db / dx_dir_free_max(mp);
	idx = *db % dx_dir_free_max(mp);
	error = free_read(a, fdb, fbpp);
	if (error)
		return error;
	if (!*fbpp) {
		error = dx_da_grow(a, dx_dir_freeblk(mp), U32_MAX, &bno);
		if (error)
			return error;
		/* the lowest hole among the data blocks is under the lowest hole among the index blocks */
		if (bno != free_blk(mp, fdb))
			return dx_da_corrupt(a, NULL, "free index does not match the data blocks");
		error = dx_da_get(a, bno, fbpp);
		if (error)
			return error;
		dx_da_init_blkhdr(a, *fbpp, DX_DIR3_FREE_MAGIC);
		dx_da_set_type(a, *fbpp, DX_BLFT_DIR_FREE, &dx_dir3_free_buf_ops);
		fr = (*fbpp)->b_addr;
		fr->firstdb = cpu_to_be32(fdb * dx_dir_free_max(mp));
		dx_da_log_all(a, *fbpp);
	}
	fr = (*fbpp)->b_addr;
	if (idx < be32_to_cpu(fr->nvalid)) {
		if (fr->bests[idx] != cpu_to_be16(DX_DIR2_NULL_DATAOFF))
			return dx_da_corrupt(a, *fbpp, "new data block is in the index already");
	} else {
		u32 i = be32_to_cpu(fr->nvalid);

		for (; i < idx; i++)
			fr->bests[i] = cpu_to_be16(DX_DIR2_NULL_DATAOFF);
		dx_da_log(a, *fbpp, &fr->bests[be32_to_cpu(fr->nvalid)],
			  (idx - be32_to_cpu(fr->nvalid)) * sizeof(fr->bests[0]));
		fr->nvalid = cpu_to_be32(idx + 1);
	}
	fr->nused = cpu_to_be32(be32_to_cpu(fr->nused) + 1);
	fr->bests[idx] = cpu_to_be16(dx_dir_data_best(*dbpp));
	free_log(a, *fbpp, idx);
	return 0;
}

/* Data block @db now has @best free; @gone: it is freed. */
static int free_update(struct dx_da_args *a, u32 db, u16 best, bool gone)
{
	u32 fdb = db / dx_dir_free_max(a->mp), idx = db % dx_dir_free_max(a->mp), n;
	struct dx_dir3_free *fr;
	struct dx_buf *fbp;
	int error;

	error = free_read(a, fdb, &fbp);
	if (error)
		return error;
	if (!fbp)
		return dx_da_corrupt(a, NULL, "data block without a free index block");
	fr = fbp->b_addr;
	n = be32_to_cpu(fr->nvalid);
	if (idx >= n || fr->bests[idx] == cpu_to_be16(DX_DIR2_NULL_DATAOFF))
		return dx_da_corrupt(a, fbp, "data block is not in the free index");
	if (!gone) {
		if (fr->bests[idx] == cpu_to_be16(best))
			return 0;
		fr->bests[idx] = cpu_to_be16(best);
		free_log(a, fbp, idx);
		return 0;
	}
	fr->bests[idx] = cpu_to_be16(DX_DIR2_NULL_DATAOFF);
	fr->nused = cpu_to_be32(be32_to_cpu(fr->nused) - 1);
	while (n && fr->bests[n - 1] == cpu_to_be16(DX_DIR2_NULL_DATAOFF))
		n--;
	fr->nvalid = cpu_to_be32(n);
	free_log(a, fbp, idx);
	if (!n) {
		error = dx_da_unmap(a, free_blk(a->mp, fdb), fbp);
		if (error && error != -ENOSPC)
			return error;
		/* else an empty index block stays: harmless */
	}
	return 0;
}

/* ---- add ---- */

/*
 * Where to cut a leaf in two: in the middle, but between different hashes if
 * there are any.  xfs_repair wants each leaf to end in another hash.
 */
static u32 split_point(const struct dx_dir2_leaf_entry *ents, u32 count)
{
	u32 mid = count / 2, d;

	for (d = 0; d < mid; d++) {
		if (ents[mid - d].hashval != ents[mid - d - 1].hashval)
			return mid - d;
		if (mid + d < count && ents[mid + d].hashval != ents[mid + d - 1].hashval)
			return mid + d;
	}
	return mid;
}

/* A full leaf without stale entries: half of it moves to a new right sibling, then insert. */
static int leafn_split(struct dx_da_args *a, struct dx_da_path *path, u32 hash, u32 ptr)
{
	struct dx_da_lvl *lv = &path->lv[path->depth - 1];
	struct dx_dir3_leaf *left = lv->bp->b_addr, *right;
	u32 count = be16_to_cpu(left->count), mid = split_point(left->ents, count), pos;
	bool to_right;
	struct dx_buf *rbp;
	dx_dablk_t rblk;
	int error;

	error = dx_da_grow_leaf(a, &rblk, &rbp);
	if (error)
		return error;
	dx_da_init_blkinfo(a, rbp, DX_DIR3_LEAFN_MAGIC);
	dx_da_set_type(a, rbp, DX_BLFT_DIR_LEAFN, &dx_dir3_leafn_buf_ops);
	right = rbp->b_addr;
	pos = dx_da_hash_find(left->ents, count, hash);
	/* the first of the right half may share the hash */
	to_right = pos > mid || (pos == mid && be32_to_cpu(left->ents[mid].hashval) == hash);
	memcpy(right->ents, &left->ents[mid], (count - mid) * sizeof(left->ents[0]));
	memset(&left->ents[mid], 0, (count - mid) * sizeof(left->ents[0]));
	right->count = cpu_to_be16(count - mid);
	left->count = cpu_to_be16(mid);
	dx_da_log_all(a, lv->bp);
	dx_da_log_all(a, rbp);
	error = dx_dir_leaf_insert(a, to_right ? rbp : lv->bp, hash, ptr);
	if (!error)
		error = dx_da_link_after(a, lv, rblk, rbp);
	if (!error)
		error = dx_da_add_sibling(a, path, rblk, rbp);
	return error;
}

static int node_add(struct dx_da_args *a)
{
	u32 need = dx_dir_entsize(a->namelen), db, off, ptr;
	struct dx_da_path path;
	struct dx_dir3_leaf *leaf;
	struct dx_buf *fbp, *dbp;
	bool full;
	int error;

	error = dx_da_lookup(a, &path, a->hashval);
	if (error)
		return error;
	leaf = leaf_at(&path);
	full = be16_to_cpu(leaf->count) - be16_to_cpu(leaf->stale) >= dx_dir_leaf_max(a->mp);
	error = find_room(a, need, &fbp, &db);
	if (error)
		return error;
	if (a->justcheck)
		return full || !fbp ? -ENOSPC : 0;
	if (!fbp) {
		error = add_data_block(a, &fbp, &dbp, &db);
		if (error)
			return error;
	} else {
		error = dx_da_read(a, dx_dir_db_to_da(a->mp, db), DX_DAK_DATA, &dbp);
		if (error)
			return error;
		if (dx_dir_data_best(dbp) < need)
			return dx_da_corrupt(a, dbp, "free index promises more than the block has");
	}
	error = dx_dir_data_add(a, dbp, be16_to_cpu(((struct dx_dir3_data_hdr *)dbp->b_addr)->bestfree[0].offset), &off);
	if (!error)
		error = free_update(a, db, dx_dir_data_best(dbp), false);
	if (error)
		return error;
	ptr = dx_dir_off_to_dataptr(a->mp, db, off);
	if (full)
		return leafn_split(a, &path, a->hashval, ptr);
	error = dx_dir_leaf_insert(a, path.lv[path.depth - 1].bp, a->hashval, ptr);
	if (!error)
		dx_da_fix_hash(a, &path, path.depth - 1);
	return error;
}

/* ---- remove ---- */

/*
 * The tree is a single leaf again: if bests[] fit into it, it becomes a
 * leaf-form directory.  Does nothing, and returns 0, when they do not.
 */
static int node_to_leaf(struct dx_da_args *a)
{
	struct dx_mount *mp = a->mp;
	u32 nfree, fdb, live, nvalid, used;
	struct dx_buf *lbp, *fbp;
	struct dx_dir3_leaf *leaf;
	struct dx_dir3_free *fr;
	dx_fileoff_t end = dx_dir_freeblk(mp);
	struct dx_iext_cur cur;
	struct dx_irec rec;
	__be16 *bests;
	int error;

	if (!dx_iext_lookup_before(&a->dp->df.ext, &end, &cur, &rec) || end != dx_dir_leafblk(mp) + mp->dirblkfsbs)
		return 0;
	error = dx_da_read(a, dx_dir_leafblk(mp), DX_DAK_NODE | DX_DAK_LEAFN, &lbp);
	if (error || dx_da_kind(lbp) != DX_DAK_LEAFN)
		return error;
	error = free_count(a, &nfree);
	if (error)
		return error;
	/* index blocks that are empty, but could not be freed for want of space */
	for (fdb = nfree - 1; nfree && fdb; fdb--) {
		error = free_read(a, fdb, &fbp);
		if (error)
			return error;
		if (!fbp)
			continue;
		fr = fbp->b_addr;
		if (fr->nused)
			return 0;
		error = dx_da_unmap(a, free_blk(mp, fdb), fbp);
		if (error)
			return error == -ENOSPC ? 0 : error;
	}
	error = free_read(a, 0, &fbp);
	if (error || !fbp)
		return error ? error : dx_da_corrupt(a, lbp, "no free index block");
	fr = fbp->b_addr;
	leaf = lbp->b_addr;
	nvalid = be32_to_cpu(fr->nvalid);
	live = be16_to_cpu(leaf->count) - be16_to_cpu(leaf->stale);
	used = sizeof(*leaf) + live * sizeof(leaf->ents[0]) + nvalid * sizeof(*bests) + sizeof(struct dx_dir2_leaf_tail);
	if (used > mp->dirblksize)
		return 0;

	error = dx_da_unmap(a, free_blk(mp, 0), fbp);
	if (error)
		return error == -ENOSPC ? 0 : error;
	/* freed, but still in memory while the transaction has it */
	dx_dir_leafn_compact(lbp);
	leaf->info.magic = cpu_to_be16(DX_DIR3_LEAF1_MAGIC);
	dx_da_set_type(a, lbp, DX_BLFT_DIR_LEAF1, &dx_dir3_leaf1_buf_ops);
	((struct dx_dir2_leaf_tail *)((char *)leaf + mp->dirblksize) - 1)->bestcount = cpu_to_be32(nvalid);
	bests = dx_dir_leaf_bests(mp, leaf, &used);
	memcpy(bests, fr->bests, nvalid * sizeof(*bests));
	dx_da_log_all(a, lbp);
	return dx_dir_leaf_to_block(a, lbp);
}

static int node_remove_name(struct dx_da_args *a)
{
	struct found f;
	bool gone = false;
	int error = node_find(a, &f);

	if (!error)
		error = dx_dir_hit_remove(a, &f.hit);
	if (error)
		return error;
	dx_dir_leaf_mark_stale(a, f.path.lv[f.path.depth - 1].bp, f.hit.idx);
	if (f.hit.db && dx_dir_data_is_empty(a->mp, f.hit.dbp)) {
		error = dx_dir_shrink_data(a, f.hit.db, f.hit.dbp);
		if (error && error != -ENOSPC)
			return error;
		gone = !error;
	}
	error = free_update(a, f.hit.db, gone ? 0 : dx_dir_data_best(f.hit.dbp), gone);
	if (error)
		return error;
	if (f.path.depth > 1) {
		error = dx_da_join(a, &f.path);
		if (error)
			return error;
	}
	return node_to_leaf(a);
}

const struct dx_dir_form_ops dx_dir_node_form = {
	.lookup = node_lookup, .add = node_add, .remove = node_remove_name, .replace = node_replace,
};
