// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories with one leaf block: hash entries from the front, the best
 * free length of each data block against the tail ("Leaf Directories").
 *
 * Invariants: bests[i] is the largest free region of data block i, or
 * DX_DIR2_NULL_DATAOFF when there is no such block; the last of them is never a hole.
 *
 * Lock context: ILOCK of the directory; blocks in the transaction.
 */
#include "dx_dir_int.h"
#include "dx_dir.h"

static struct dx_dir2_leaf_tail *leaf_tail(struct dx_mount *mp, void *blk)
{
	return (struct dx_dir2_leaf_tail *)((char *)blk + mp->dirblksize) - 1;
}

static void log_hdr(struct dx_da_args *a, struct dx_buf *lbp)
{
	dx_da_log(a, lbp, lbp->b_addr, sizeof(struct dx_dir3_leaf));
}

static int leaf_read(struct dx_da_args *a, struct dx_buf **lbpp)
{
	return dx_da_read(a, dx_dir_leafblk(a->mp), DX_DAK_LEAF1, lbpp);
}

/* Reads the leaf and finds the name through it, or -ENOENT. */
static int leaf_find(struct dx_da_args *a, struct dx_buf **lbpp, struct dx_dir_hit *hit)
{
	struct dx_dir3_leaf *leaf;
	u32 count;
	int error;

	*hit = (struct dx_dir_hit){ 0 };
	error = leaf_read(a, lbpp);
	if (error)
		return error;
	leaf = (*lbpp)->b_addr;
	count = be16_to_cpu(leaf->count);
	hit->idx = dx_da_hash_find(leaf->ents, count, a->hashval);
	return dx_dir_hit_find(a, leaf->ents, count, hit);
}

static int leaf_lookup(struct dx_da_args *a)
{
	struct dx_dir_hit hit;
	struct dx_buf *lbp;
	int error = leaf_find(a, &lbp, &hit);

	return error ? error : dx_dir_hit_tell(a, &hit);
}

static int leaf_replace(struct dx_da_args *a)
{
	struct dx_dir_hit hit;
	struct dx_buf *lbp;
	int error = leaf_find(a, &lbp, &hit);

	return error ? error : dx_dir_hit_replace(a, &hit);
}

/* Set bests[db]; it must exist. */
static int set_best(struct dx_da_args *a, struct dx_buf *lbp, u32 db, u16 best)
{
	u32 n;
	__be16 *bests = dx_dir_leaf_bests(a->mp, lbp->b_addr, &n);

	if (db >= n)
		return dx_da_corrupt(a, lbp, "data block is not in bests[]");
	if (bests[db] != cpu_to_be16(best)) {
		bests[db] = cpu_to_be16(best);
		dx_da_log(a, lbp, &bests[db], sizeof(*bests));
	}
	return 0;
}

/* Make bests[] hold @n entries; new ones are holes.  Room is there. */
static void resize_bests(struct dx_da_args *a, struct dx_buf *lbp, u32 n)
{
	u32 old, i;
	__be16 *was = dx_dir_leaf_bests(a->mp, lbp->b_addr, &old);
	__be16 *now = (__be16 *)leaf_tail(a->mp, lbp->b_addr) - n;

	memmove(now, was, min(old, n) * sizeof(*now));
	for (i = old; i < n; i++)
		now[i] = cpu_to_be16(DX_DIR2_NULL_DATAOFF);
	leaf_tail(a->mp, lbp->b_addr)->bestcount = cpu_to_be32(n);
	dx_da_log(a, lbp, now, n * sizeof(*now) + sizeof(struct dx_dir2_leaf_tail));
}

static int leaf_add(struct dx_da_args *a)
{
	u32 need = dx_dir_entsize(a->namelen), max = a->mp->dirblksize, nbests, want, db, i, off, used;
	struct dx_buf *lbp, *dbp;
	struct dx_dir3_leaf *leaf;
	u32 count, stale;
	__be16 *bests;
	int error;

	error = leaf_read(a, &lbp);
	if (error)
		return error;
	leaf = lbp->b_addr;
	count = be16_to_cpu(leaf->count);
	stale = be16_to_cpu(leaf->stale);
	bests = dx_dir_leaf_bests(a->mp, leaf, &nbests);
	for (i = 0; i < nbests; i++)
		if (be16_to_cpu(bests[i]) != DX_DIR2_NULL_DATAOFF && be16_to_cpu(bests[i]) >= need)
			break;
	db = i;
	want = nbests;
	if (db == nbests) {
		/* a new data block: in the first hole, or behind the last */
		for (i = 0; i < nbests; i++)
			if (be16_to_cpu(bests[i]) == DX_DIR2_NULL_DATAOFF)
				break;
		if (i == nbests)
			want = nbests + 1;
	}
	used = sizeof(*leaf) + sizeof(struct dx_dir2_leaf_tail) + want * sizeof(*bests);
	if (used + (count - stale + 1) * sizeof(leaf->ents[0]) > max) {
		if (a->justcheck)
			return -ENOSPC;
		error = dx_dir_leaf_to_node(a, lbp);
		return error ? error : dx_dir_node_form.add(a);
	}
	if (a->justcheck)
		return db == nbests ? -ENOSPC : 0;
	if (used + (count + !stale) * sizeof(leaf->ents[0]) > max) {
		dx_dir_leafn_compact(lbp);
		dx_da_log_all(a, lbp);
	}
	if (db == nbests) {
		error = dx_dir_grow_data(a, &db);
		if (error)
			return error;
		if (db != i)
			return dx_da_corrupt(a, lbp, "holes of the data space and of bests[] differ");
		error = dx_dir_data_init(a, db, &dbp);
		if (error)
			return error;
		if (want > nbests)
			resize_bests(a, lbp, want);
	} else {
		error = dx_da_read(a, dx_dir_db_to_da(a->mp, db), DX_DAK_DATA, &dbp);
		if (error)
			return error;
		if (dx_dir_data_best(dbp) < need)
			return dx_da_corrupt(a, lbp, "bests[] promises more than the block has");
	}
	error = dx_dir_data_add(a, dbp, be16_to_cpu(((struct dx_dir3_data_hdr *)dbp->b_addr)->bestfree[0].offset), &off);
	if (!error)
		error = set_best(a, lbp, db, dx_dir_data_best(dbp));
	if (error)
		return error;

	return dx_dir_leaf_insert(a, lbp, a->hashval, dx_dir_off_to_dataptr(a->mp, db, off));
}

/**
 * dx_dir_leaf_insert - put an entry into a leaf
 * @a: operation
 * @lbp: leaf1 or leafn block with a stale entry, or with room for one more
 * @hash: of the name
 * @ptr: where the name is
 */
int dx_dir_leaf_insert(struct dx_da_args *a, struct dx_buf *lbp, u32 hash, u32 ptr)
{
	struct dx_dir3_leaf *leaf = lbp->b_addr;
	u32 count = be16_to_cpu(leaf->count), stale = be16_to_cpu(leaf->stale), lo, hi;
	u32 pos = dx_da_hash_find(leaf->ents, count, hash);

	if (stale) {
		pos = dx_dir_ents_fill_stale(leaf->ents, count, pos, &lo, &hi);
		if (pos == count)
			return dx_da_corrupt(a, lbp, "count of stale entries");
		leaf->stale = cpu_to_be16(stale - 1);
	} else {
		memmove(&leaf->ents[pos + 1], &leaf->ents[pos], (count - pos) * sizeof(leaf->ents[0]));
		leaf->count = cpu_to_be16(count + 1);
		lo = pos;
		hi = count;
	}
	leaf->ents[pos].hashval = cpu_to_be32(hash);
	leaf->ents[pos].address = cpu_to_be32(ptr);
	log_hdr(a, lbp);
	dx_da_log(a, lbp, &leaf->ents[lo], (hi - lo + 1) * sizeof(leaf->ents[0]));
	return 0;
}

/**
 * dx_dir_leaf_mark_stale - drop a leaf entry without moving the others
 * @a: operation
 * @lbp: leaf1 or leafn block
 * @idx: index of the entry; its hash stays
 */
void dx_dir_leaf_mark_stale(struct dx_da_args *a, struct dx_buf *lbp, u32 idx)
{
	struct dx_dir3_leaf *leaf = lbp->b_addr;

	leaf->ents[idx].address = cpu_to_be32(DX_DIR2_NULL_DATAPTR);
	leaf->stale = cpu_to_be16(be16_to_cpu(leaf->stale) + 1);
	log_hdr(a, lbp);
	dx_da_log(a, lbp, &leaf->ents[idx], sizeof(leaf->ents[0]));
}

static int leaf_remove(struct dx_da_args *a)
{
	struct dx_dir_hit hit;
	struct dx_buf *lbp;
	__be16 *bests;
	u32 n;
	int error = leaf_find(a, &lbp, &hit);

	if (!error)
		error = dx_dir_hit_remove(a, &hit);
	if (error)
		return error;
	dx_dir_leaf_mark_stale(a, lbp, hit.idx);
	error = set_best(a, lbp, hit.db, dx_dir_data_best(hit.dbp));
	if (error)
		return error;
	if (hit.db && dx_dir_data_is_empty(a->mp, hit.dbp)) {
		error = dx_dir_shrink_data(a, hit.db, hit.dbp);
		if (error && error != -ENOSPC)
			return error;
		if (!error) {
			error = set_best(a, lbp, hit.db, DX_DIR2_NULL_DATAOFF);
			if (error)
				return error;
			bests = dx_dir_leaf_bests(a->mp, lbp->b_addr, &n);
			while (n && be16_to_cpu(bests[n - 1]) == DX_DIR2_NULL_DATAOFF)
				n--;
			resize_bests(a, lbp, n);
		}
	}
	return dx_dir_leaf_to_block(a, lbp);
}

const struct dx_dir_form_ops dx_dir_leaf_form = {
	.lookup = leaf_lookup, .add = leaf_add, .remove = leaf_remove, .replace = leaf_replace,
};

/**
 * dx_dir_leaf_to_block - back to a single block when everything fits into one
 * @a: operation
 * @lbp: the leaf block
 *
 * Does nothing, and returns 0, when it does not.  Goes on to the short form.
 */
int dx_dir_leaf_to_block(struct dx_da_args *a, struct dx_buf *lbp)
{
	struct dx_mount *mp = a->mp;
	struct dx_dir3_leaf *leaf = lbp->b_addr;
	struct dx_dir2_block_tail *tail;
	struct dx_dir3_blk_hdr *h;
	u32 n, live, need, tail_len, tail_off;
	struct dx_buf *dbp;
	__be16 *bests;
	int error;

	/* empty data blocks at the end that could not be freed for want of space */
	for (;;) {
		bests = dx_dir_leaf_bests(mp, leaf, &n);
		if (n <= 1)
			break;
		if (be16_to_cpu(bests[n - 1]) != mp->dirblksize - DX_DIR_DATA_HDR)
			return 0;
		error = dx_da_read(a, dx_dir_db_to_da(mp, n - 1), DX_DAK_DATA, &dbp);
		if (error)
			return error;
		if (!dx_dir_data_is_empty(mp, dbp))
			return dx_da_corrupt(a, lbp, "bests[] promises more than the block has");
		error = dx_dir_shrink_data(a, n - 1, dbp);
		if (error)
			return error == -ENOSPC ? 0 : error;
		do
			n--;
		while (n && be16_to_cpu(bests[n - 1]) == DX_DIR2_NULL_DATAOFF);
		resize_bests(a, lbp, n);
	}
	live = be16_to_cpu(leaf->count) - be16_to_cpu(leaf->stale);
	need = live * sizeof(leaf->ents[0]) + sizeof(*tail);
	error = dx_da_read(a, 0, DX_DAK_DATA, &dbp);
	if (error)
		return error;
	tail_off = dx_dir_tail_region(mp, dbp, &tail_len);
	if (tail_len < need)
		return 0;

	error = dx_da_unmap(a, dx_dir_leafblk(mp), lbp);
	if (error)
		return error == -ENOSPC ? 0 : error;
	/* freed, but still in memory while the transaction has it */
	if (dx_dir_ents_compact(leaf->ents, be16_to_cpu(leaf->count)) != live)
		return dx_da_corrupt(a, lbp, "count of stale entries");
	/* magic and tail first: they tell where the data ends */
	h = dbp->b_addr;
	h->magic = cpu_to_be32(DX_DIR3_BLOCK_MAGIC);
	tail = dx_dir_block_tail(mp, h);
	tail->count = cpu_to_be32(live);
	tail->stale = 0;
	error = dx_dir_data_use(a, dbp, tail_off, mp->dirblksize - need, need);
	if (error)
		return error;
	memcpy(dx_dir_block_ents(mp, h), leaf->ents, live * sizeof(leaf->ents[0]));
	dx_da_set_type(a, dbp, DX_BLFT_DIR_BLOCK, &dx_dir3_block_buf_ops);
	dx_da_log(a, dbp, h, sizeof(*h));
	dx_da_log(a, dbp, dx_dir_block_ents(mp, h), need);
	return dx_dir_block_to_sf(a, dbp);
}

/**
 * dx_dir_leaf_to_node - move bests[] to a free index block of its own
 * @a: operation
 * @lbp: the leaf block; becomes a leafn block
 */
int dx_dir_leaf_to_node(struct dx_da_args *a, struct dx_buf *lbp)
{
	struct dx_mount *mp = a->mp;
	struct dx_dir3_leaf *leaf = lbp->b_addr;
	struct dx_dir3_free *fr;
	u32 n, i, used = 0;
	__be16 *bests = dx_dir_leaf_bests(mp, leaf, &n);
	struct dx_buf *fbp;
	dx_dablk_t fblk;
	int error;

	if (n > dx_dir_free_max(mp))
		return dx_da_corrupt(a, lbp, "too many bests[]");
	error = dx_da_grow(a, dx_dir_freeblk(mp), U32_MAX, &fblk);
	if (error)
		return error;
	if (fblk != dx_dir_freeblk(mp))
		return dx_da_corrupt(a, lbp, "free index block in a directory with one leaf");
	error = dx_da_get(a, fblk, &fbp);
	if (error)
		return error;
	dx_da_init_blkhdr(a, fbp, DX_DIR3_FREE_MAGIC);
	dx_da_set_type(a, fbp, DX_BLFT_DIR_FREE, &dx_dir3_free_buf_ops);
	fr = fbp->b_addr;
	fr->firstdb = 0;
	fr->nvalid = cpu_to_be32(n);
	for (i = 0; i < n; i++) {
		fr->bests[i] = bests[i];
		used += be16_to_cpu(bests[i]) != DX_DIR2_NULL_DATAOFF;
	}
	fr->nused = cpu_to_be32(used);
	dx_da_log_all(a, fbp);

	leaf->info.magic = cpu_to_be16(DX_DIR3_LEAFN_MAGIC);
	memset(bests, 0, n * sizeof(*bests) + sizeof(struct dx_dir2_leaf_tail));
	dx_da_set_type(a, lbp, DX_BLFT_DIR_LEAFN, &dx_dir3_leafn_buf_ops);
	log_hdr(a, lbp);
	dx_da_log(a, lbp, bests, n * sizeof(*bests) + sizeof(struct dx_dir2_leaf_tail));
	return 0;
}

/**
 * dx_dir_leafn_compact - drop the stale entries of a leaf block
 * @lbp: leaf1 or leafn block; the caller logs it
 */
void dx_dir_leafn_compact(struct dx_buf *lbp)
{
	struct dx_dir3_leaf *leaf = lbp->b_addr;
	u32 count = be16_to_cpu(leaf->count), live = dx_dir_ents_compact(leaf->ents, count);

	memset(&leaf->ents[live], 0, (count - live) * sizeof(leaf->ents[0]));
	leaf->count = cpu_to_be16(live);
	leaf->stale = 0;
}

static u32 leafn_used(struct dx_buf *bp)
{
	const struct dx_dir3_leaf *leaf = bp->b_addr;

	return (be16_to_cpu(leaf->count) - be16_to_cpu(leaf->stale)) * sizeof(leaf->ents[0]);
}

static void leafn_merge(struct dx_da_args *a, struct dx_buf *left, struct dx_buf *right)
{
	struct dx_dir3_leaf *l = left->b_addr, *r = right->b_addr;
	u32 n;

	dx_dir_leafn_compact(left);
	dx_dir_leafn_compact(right);
	n = be16_to_cpu(l->count);
	memcpy(&l->ents[n], r->ents, be16_to_cpu(r->count) * sizeof(r->ents[0]));
	l->count = cpu_to_be16(n + be16_to_cpu(r->count));
	dx_da_log_all(a, left);
}

const struct dx_da_leaf_ops dx_dir_leaf_ops = { .used = leafn_used, .merge = leafn_merge };
