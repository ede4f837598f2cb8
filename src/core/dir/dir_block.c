// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories of a single block: entries from the front, their leaf entries
 * in hash order against the tail at the end ("Block Directories").
 *
 * Invariant: the leaf array grows downwards into the free region that touches
 * it; there is no other way to make room for a leaf entry, except over a stale one.
 *
 * Lock context: ILOCK of the directory; block in the transaction.
 */
#include "dx_dir_int.h"
#include "dx_dir.h"

static int block_read(struct dx_da_args *a, struct dx_buf **bpp)
{
	return dx_da_read(a, 0, DX_DAK_BLOCK, bpp);
}

static void log_tail(struct dx_da_args *a, struct dx_buf *bp)
{
	dx_da_log(a, bp, dx_dir_block_tail(a->mp, bp->b_addr), sizeof(struct dx_dir2_block_tail));
}

/* Reads the block and finds the name in it, or -ENOENT. */
static int block_find(struct dx_da_args *a, struct dx_dir_hit *hit)
{
	struct dx_dir2_leaf_entry *le;
	u32 count;
	int error;

	*hit = (struct dx_dir_hit){ .single = true };
	error = block_read(a, &hit->dbp);
	if (error)
		return error;
	le = dx_dir_block_ents(a->mp, hit->dbp->b_addr);
	count = be32_to_cpu(dx_dir_block_tail(a->mp, hit->dbp->b_addr)->count);
	hit->idx = dx_da_hash_find(le, count, a->hashval);
	return dx_dir_hit_find(a, le, count, hit);
}

static int block_lookup(struct dx_da_args *a)
{
	struct dx_dir_hit hit;
	int error = block_find(a, &hit);

	return error ? error : dx_dir_hit_tell(a, &hit);
}

static int block_replace(struct dx_da_args *a)
{
	struct dx_dir_hit hit;
	int error = block_find(a, &hit);

	return error ? error : dx_dir_hit_replace(a, &hit);
}

/* Drop all stale leaf entries; the space goes to the data area. */
static int block_compact(struct dx_da_args *a, struct dx_buf *bp)
{
	void *blk = bp->b_addr;
	struct dx_dir2_block_tail *tail = dx_dir_block_tail(a->mp, blk);
	struct dx_dir2_leaf_entry *le = dx_dir_block_ents(a->mp, blk);
	u32 count = be32_to_cpu(tail->count), stale = be32_to_cpu(tail->stale), live;

	live = dx_dir_ents_compact(le, count);
	if (live != count - stale)
		return dx_da_corrupt(a, bp, "count of stale entries");
	memmove(&le[stale], le, live * sizeof(*le));
	tail->count = cpu_to_be32(live);
	tail->stale = 0;
	dx_da_log(a, bp, &le[stale], live * sizeof(*le));
	log_tail(a, bp);
	return dx_dir_data_free(a, bp, (char *)le - (char *)blk, stale * sizeof(*le));
}

/*
 * Where do an entry of @need bytes and one more leaf entry go?  *region is
 * the free region for the entry.  Nothing stale: the leaf entry takes the
 * end of the region before the array.
 */
static bool block_room(struct dx_da_args *a, struct dx_buf *bp, u32 need, bool has_stale, u32 *region)
{
	struct dx_dir3_data_hdr *h = bp->b_addr;
	u32 tail_len, tail_off = dx_dir_tail_region(a->mp, bp, &tail_len);
	int i;

	for (i = 0; i < DX_DIR2_DATA_FD_COUNT; i++) {
		u32 off = be16_to_cpu(h->bestfree[i].offset), len = be16_to_cpu(h->bestfree[i].length);

		if (len < need)
			break;
		*region = off;
		if (has_stale)
			return true;
		if (tail_len && off == tail_off) {
			if (len >= need + sizeof(struct dx_dir2_leaf_entry))
				return true;
		} else if (tail_len >= sizeof(struct dx_dir2_leaf_entry)) {
			return true;
		}
	}
	return false;
}

static int block_add(struct dx_da_args *a)
{
	u32 need = dx_dir_entsize(a->namelen), region, off, count, stale, pos, lo, hi, tail_len, tail_off;
	struct dx_dir2_block_tail *tail;
	struct dx_dir2_leaf_entry *le;
	struct dx_buf *bp;
	bool fits;
	int error;

	error = block_read(a, &bp);
	if (error)
		return error;
	tail = dx_dir_block_tail(a->mp, bp->b_addr);
	stale = be32_to_cpu(tail->stale);
	fits = block_room(a, bp, need, stale, &region);
	if (!fits && stale) {
		/* would all stale entries together with the space before them do? */
		tail_off = dx_dir_tail_region(a->mp, bp, &tail_len);
		fits = tail_len + stale * sizeof(*le) >= need + sizeof(*le);
		if (fits && !a->justcheck) {
			error = block_compact(a, bp);
			if (error)
				return error;
			stale = 0;
			if (!block_room(a, bp, need, false, &region))
				return dx_da_corrupt(a, bp, "free space is not where it should be");
		}
	}
	if (a->justcheck)
		return fits ? 0 : -ENOSPC;
	if (!fits) {
		error = dx_dir_block_to_leaf(a, bp);
		return error ? error : dx_dir_leaf_form.add(a);
	}

	le = dx_dir_block_ents(a->mp, bp->b_addr);
	count = be32_to_cpu(tail->count);
	pos = dx_da_hash_find(le, count, a->hashval);
	if (stale) {
		pos = dx_dir_ents_fill_stale(le, count, pos, &lo, &hi);
		if (pos == count)
			return dx_da_corrupt(a, bp, "count of stale entries");
		tail->stale = cpu_to_be32(stale - 1);
	} else {
		tail_off = dx_dir_tail_region(a->mp, bp, &tail_len);
		tail->count = cpu_to_be32(count + 1);	/* first: it tells where the data ends */
		error = dx_dir_data_use(a, bp, tail_off, tail_off + tail_len - sizeof(*le), sizeof(*le));
		if (error)
			return error;
		memmove(le - 1, le, pos * sizeof(*le));
		le--;
		lo = 0;
		hi = pos;
	}
	log_tail(a, bp);
	error = dx_dir_data_add(a, bp, region, &off);
	if (error)
		return error;
	le[pos].hashval = cpu_to_be32(a->hashval);
	le[pos].address = cpu_to_be32(dx_dir_off_to_dataptr(a->mp, 0, off));
	dx_da_log(a, bp, &le[lo], (hi - lo + 1) * sizeof(*le));
	return 0;
}

static int block_remove(struct dx_da_args *a)
{
	struct dx_dir2_block_tail *tail;
	struct dx_dir2_leaf_entry *le;
	struct dx_dir_hit hit;
	int error = block_find(a, &hit);

	if (!error)
		error = dx_dir_hit_remove(a, &hit);
	if (error)
		return error;
	tail = dx_dir_block_tail(a->mp, hit.dbp->b_addr);
	le = dx_dir_block_ents(a->mp, hit.dbp->b_addr);
	le[hit.idx].address = cpu_to_be32(DX_DIR2_NULL_DATAPTR);
	tail->stale = cpu_to_be32(be32_to_cpu(tail->stale) + 1);
	dx_da_log(a, hit.dbp, &le[hit.idx], sizeof(*le));
	log_tail(a, hit.dbp);
	return dx_dir_block_to_sf(a, hit.dbp);
}

const struct dx_dir_form_ops dx_dir_block_form = {
	.lookup = block_lookup, .add = block_add, .remove = block_remove, .replace = block_replace,
};

/**
 * dx_dir_block_to_leaf - move the leaf entries of a single block to a block of their own
 * @a: operation
 * @bp: the single block; becomes data block 0
 */
int dx_dir_block_to_leaf(struct dx_da_args *a, struct dx_buf *bp)
{
	struct dx_mount *mp = a->mp;
	void *blk = bp->b_addr;
	struct dx_dir2_block_tail *tail = dx_dir_block_tail(mp, blk);
	struct dx_dir2_leaf_entry *le = dx_dir_block_ents(mp, blk);
	u32 count = be32_to_cpu(tail->count), start = (char *)le - (char *)blk;
	struct dx_dir3_blk_hdr *h = blk;
	struct dx_dir3_leaf *leaf;
	struct dx_buf *lbp;
	dx_dablk_t lblk;
	u32 best_count;
	__be16 *bests;
	int error;

	error = dx_da_grow_leaf(a, &lblk, &lbp);
	if (error)
		return error;
	if (lblk != dx_dir_leafblk(mp))
		return dx_da_corrupt(a, bp, "leaf block in a single-block directory");
	dx_da_init_blkinfo(a, lbp, DX_DIR3_LEAF1_MAGIC);
	dx_da_set_type(a, lbp, DX_BLFT_DIR_LEAF1, &dx_dir3_leaf1_buf_ops);
	leaf = lbp->b_addr;
	leaf->count = cpu_to_be16(count);
	leaf->stale = cpu_to_be16(be32_to_cpu(tail->stale));
	memcpy(leaf->ents, le, count * sizeof(*le));

	h->magic = cpu_to_be32(DX_DIR3_DATA_MAGIC);
	dx_da_set_type(a, bp, DX_BLFT_DIR_DATA, &dx_dir3_data_buf_ops);
	dx_da_log(a, bp, h, sizeof(*h));
	error = dx_dir_data_free(a, bp, start, mp->dirblksize - start);
	if (error)
		return error;

	((struct dx_dir2_leaf_tail *)((char *)leaf + mp->dirblksize) - 1)->bestcount = cpu_to_be32(1);
	bests = dx_dir_leaf_bests(mp, leaf, &best_count);
	bests[0] = cpu_to_be16(dx_dir_data_best(bp));
	dx_da_log_all(a, lbp);
	return 0;
}
