// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data blocks of directories: entries, free regions, and the table of the
 * three largest free regions ("Block Directories", "Leaf Directories").
 *
 * Invariants: entries and free regions tile the block from the end of the
 * header to its data end; each ends in a 16-bit tag that holds its own start; no two
 * free regions touch; bestfree[] holds the three largest, in falling
 * order, unused slots zero.  In a block-form directory the data end is where the leaf
 * entries start.  A verified block satisfies all of it, which is why
 * nothing here checks bounds again.
 *
 * Also here: operations on sorted arrays of leaf entries, which leaf blocks and
 * block-form directories share.
 *
 * Lock context: ILOCK of the directory, block in the transaction.
 */
#include "dx_dir_int.h"
#include "dx_dir.h"

static inline struct dx_dir2_data_unused *unused_at(void *blk, u32 off)
{
	return (struct dx_dir2_data_unused *)((char *)blk + off);
}

static inline __be16 *tag_before(void *blk, u32 end)
{
	return (__be16 *)((char *)blk + end - sizeof(__be16));
}

/**
 * dx_dir_data_end - byte offset where entries end in a data or single block
 * @mp: mount
 * @blk: block
 */
u32 dx_dir_data_end(struct dx_mount *mp, void *blk)
{
	struct dx_dir3_blk_hdr *h = blk;

	if (be32_to_cpu(h->magic) == DX_DIR3_BLOCK_MAGIC)
		return (char *)dx_dir_block_ents(mp, blk) - (char *)blk;
	return mp->dirblksize;
}

/**
 * dx_dir_data_best - bytes of the largest free region
 * @bp: data or single block
 */
u16 dx_dir_data_best(struct dx_buf *bp)
{
	return be16_to_cpu(((struct dx_dir3_data_hdr *)bp->b_addr)->bestfree[0].length);
}

/* ---- the table of best free regions ---- */

static void best_add(struct dx_dir2_data_free *bf, u32 off, u32 len)
{
	int i, j;

	for (i = 0; i < DX_DIR2_DATA_FD_COUNT; i++)
		if (len > be16_to_cpu(bf[i].length))
			break;
	if (i == DX_DIR2_DATA_FD_COUNT)
		return;
	for (j = DX_DIR2_DATA_FD_COUNT - 1; j > i; j--)
		bf[j] = bf[j - 1];
	bf[i].offset = cpu_to_be16(off);
	bf[i].length = cpu_to_be16(len);
}

static void best_del(struct dx_dir2_data_free *bf, u32 off)
{
	int i;

	for (i = 0; i < DX_DIR2_DATA_FD_COUNT; i++)
		if (bf[i].length && be16_to_cpu(bf[i].offset) == off)
			break;
	if (i == DX_DIR2_DATA_FD_COUNT)
		return;
	for (; i < DX_DIR2_DATA_FD_COUNT - 1; i++)
		bf[i] = bf[i + 1];
	memset(&bf[i], 0, sizeof(bf[i]));
}

/* Build the table anew.  [skip, skip + skip_len) is taken, but not filled in yet. */
static void scan(struct dx_mount *mp, void *blk, u32 skip, u32 skip_len)
{
	struct dx_dir3_data_hdr *h = blk;
	u32 off = DX_DIR_DATA_HDR, end = dx_dir_data_end(mp, blk);

	memset(h->bestfree, 0, sizeof(h->bestfree));
	while (off < end) {
		struct dx_dir2_data_unused *u = unused_at(blk, off);

		if (off == skip && skip_len) {
			off += skip_len;
		} else if (be16_to_cpu(u->freetag) == DX_DIR2_DATA_FREE_TAG) {
			best_add(h->bestfree, off, be16_to_cpu(u->length));
			off += be16_to_cpu(u->length);
		} else {
			off += dx_dir_entsize(((struct dx_dir2_data_entry *)u)->namelen);
		}
	}
}

/**
 * dx_dir_data_scan - build the table of best free regions from the block
 * @mp: mount
 * @blk: data or single block with its entries in place
 */
void dx_dir_data_scan(struct dx_mount *mp, void *blk)
{
	scan(mp, blk, 0, 0);
}

/**
 * dx_dir_data_put_unused - format a free region
 * @blk: block
 * @off: start
 * @len: bytes, a multiple of 8
 *
 * Neither logs nor touches the table.
 */
void dx_dir_data_put_unused(void *blk, u32 off, u32 len)
{
	struct dx_dir2_data_unused *u = unused_at(blk, off);

	u->freetag = cpu_to_be16(DX_DIR2_DATA_FREE_TAG);
	u->length = cpu_to_be16(len);
	*tag_before(blk, off + len) = cpu_to_be16(off);
}

static void put_unused_logged(struct dx_da_args *a, struct dx_buf *bp, u32 off, u32 len)
{
	dx_dir_data_put_unused(bp->b_addr, off, len);
	dx_da_log(a, bp, unused_at(bp->b_addr, off), sizeof(struct dx_dir2_data_unused));
	dx_da_log(a, bp, tag_before(bp->b_addr, off + len), sizeof(__be16));
}

/*
 * Regions not in the table are no larger than its third entry was while it
 * was full (@floor).  If the third entry is below that now, one of them may belong in the table.
 */
static void best_settle(struct dx_da_args *a, struct dx_buf *bp, u32 floor, u32 skip, u32 skip_len)
{
	struct dx_dir3_data_hdr *h = bp->b_addr;

	if (be16_to_cpu(h->bestfree[DX_DIR2_DATA_FD_COUNT - 1].length) < floor)
		scan(a->mp, h, skip, skip_len);
	dx_da_log(a, bp, h, sizeof(*h));
}

/**
 * dx_dir_data_use - take bytes out of a free region
 * @a: operation
 * @bp: block
 * @region: offset of the free region
 * @off: first byte wanted, inside it
 * @len: bytes wanted
 *
 * What remains on either side stays free.  Logs header and remains; the
 * caller fills the bytes and logs them.
 */
int dx_dir_data_use(struct dx_da_args *a, struct dx_buf *bp, u32 region, u32 off, u32 len)
{
	struct dx_dir3_data_hdr *h = bp->b_addr;
	struct dx_dir2_data_unused *u = unused_at(h, region);
	u32 floor = be16_to_cpu(h->bestfree[DX_DIR2_DATA_FD_COUNT - 1].length);
	u32 size = be16_to_cpu(u->length);

	if (be16_to_cpu(u->freetag) != DX_DIR2_DATA_FREE_TAG || off < region || off + len > region + size)
		return dx_da_corrupt(a, bp, "free region is not what the table says");
	best_del(h->bestfree, region);
	if (off > region) {
		put_unused_logged(a, bp, region, off - region);
		best_add(h->bestfree, region, off - region);
	}
	if (off + len < region + size) {
		put_unused_logged(a, bp, off + len, region + size - off - len);
		best_add(h->bestfree, off + len, region + size - off - len);
	}
	best_settle(a, bp, floor, off, len);
	return 0;
}

/**
 * dx_dir_data_free - make bytes of a block free and merge with free neighbours
 * @a: operation
 * @bp: block; its data end already includes the range
 * @off: start of the range
 * @len: bytes
 */
int dx_dir_data_free(struct dx_da_args *a, struct dx_buf *bp, u32 off, u32 len)
{
	struct dx_dir3_data_hdr *h = bp->b_addr;
	u32 floor = be16_to_cpu(h->bestfree[DX_DIR2_DATA_FD_COUNT - 1].length);
	u32 end = dx_dir_data_end(a->mp, h), stop = off + len;

	if (off < DX_DIR_DATA_HDR || stop > end)
		return dx_da_corrupt(a, bp, "range to free is outside the block");
	if (off > DX_DIR_DATA_HDR) {
		u32 prev = be16_to_cpu(*tag_before(h, off));
		struct dx_dir2_data_unused *u = unused_at(h, prev);

		if (prev < DX_DIR_DATA_HDR || prev >= off)
			return dx_da_corrupt(a, bp, "bad tag");
		if (be16_to_cpu(u->freetag) == DX_DIR2_DATA_FREE_TAG) {
			if (prev + be16_to_cpu(u->length) != off)
				return dx_da_corrupt(a, bp, "bad length of a free region");
			best_del(h->bestfree, prev);
			off = prev;
		}
	}
	if (stop < end) {
		struct dx_dir2_data_unused *u = unused_at(h, stop);

		if (be16_to_cpu(u->freetag) == DX_DIR2_DATA_FREE_TAG) {
			best_del(h->bestfree, stop);
			stop += be16_to_cpu(u->length);
			if (stop > end)
				return dx_da_corrupt(a, bp, "bad length of a free region");
		}
	}
	put_unused_logged(a, bp, off, stop - off);
	best_add(h->bestfree, off, stop - off);
	best_settle(a, bp, floor, 0, 0);
	return 0;
}

/**
 * dx_dir_data_put_entry - format an entry
 * @blk: block
 * @off: where
 * @ino: inode number
 * @name: name
 * @namelen: its length
 * @ftype: DX_DIR3_FT_*
 */
void dx_dir_data_put_entry(void *blk, u32 off, dx_ino_t ino, const u8 *name, int namelen, u8 ftype)
{
	struct dx_dir2_data_entry *e = (struct dx_dir2_data_entry *)((char *)blk + off);
	u32 size = dx_dir_entsize(namelen);

	memset(e, 0, size);
	e->inumber = cpu_to_be64(ino);
	e->namelen = namelen;
	memcpy(e->name, name, namelen);
	*dx_dir_ent_ftype(e) = ftype;
	*tag_before(blk, off + size) = cpu_to_be16(off);
}

/**
 * dx_dir_data_add - put the operation's name at the front of a free region
 * @a: operation: name, ino, ftype
 * @bp: block
 * @region: free region, large enough
 * @off: out: offset of the entry
 */
int dx_dir_data_add(struct dx_da_args *a, struct dx_buf *bp, u32 region, u32 *off)
{
	u32 size = dx_dir_entsize(a->namelen);
	int error = dx_dir_data_use(a, bp, region, region, size);

	if (error)
		return error;
	dx_dir_data_put_entry(bp->b_addr, region, a->ino, a->name, a->namelen, a->ftype);
	dx_da_log(a, bp, (char *)bp->b_addr + region, size);
	*off = region;
	return 0;
}

/**
 * dx_dir_data_init - format a fresh data block
 * @a: operation
 * @db: number of the block in the data space, in directory blocks; mapped
 * @bpp: out: the buffer; one free region, logged
 */
int dx_dir_data_init(struct dx_da_args *a, u32 db, struct dx_buf **bpp)
{
	struct dx_dir3_data_hdr *h;
	int error;

	error = dx_da_get(a, dx_dir_db_to_da(a->mp, db), bpp);
	if (error)
		return error;
	dx_da_init_blkhdr(a, *bpp, DX_DIR3_DATA_MAGIC);
	dx_da_set_type(a, *bpp, DX_BLFT_DIR_DATA, &dx_dir3_data_buf_ops);
	h = (*bpp)->b_addr;
	dx_dir_data_put_unused(h, DX_DIR_DATA_HDR, a->mp->dirblksize - DX_DIR_DATA_HDR);
	best_add(h->bestfree, DX_DIR_DATA_HDR, a->mp->dirblksize - DX_DIR_DATA_HDR);
	dx_da_log(a, *bpp, h, sizeof(*h) + sizeof(struct dx_dir2_data_unused));
	dx_da_log(a, *bpp, tag_before(h, a->mp->dirblksize), sizeof(__be16));
	return 0;
}

/**
 * dx_dir_data_entry - the entry that a leaf entry points to
 * @a: operation
 * @bp: data or single block
 * @off: offset in it, from the leaf: not trusted
 * @ep: out: the entry
 */
int dx_dir_data_entry(struct dx_da_args *a, struct dx_buf *bp, u32 off, struct dx_dir2_data_entry **ep)
{
	u32 end = dx_dir_data_end(a->mp, bp->b_addr), size;
	struct dx_dir2_data_entry *e = (struct dx_dir2_data_entry *)((char *)bp->b_addr + off);

	if (off < DX_DIR_DATA_HDR || (off & 7) || off + dx_dir_entsize(1) > end)
		return dx_da_corrupt(a, bp, "leaf entry points outside the data");
	if (be16_to_cpu(((struct dx_dir2_data_unused *)e)->freetag) == DX_DIR2_DATA_FREE_TAG)
		return dx_da_corrupt(a, bp, "leaf entry points to free space");
	size = dx_dir_entsize(e->namelen);
	if (!e->namelen || off + size > end || be16_to_cpu(*tag_before(bp->b_addr, off + size)) != off)
		return dx_da_corrupt(a, bp, "leaf entry does not point to an entry");
	*ep = e;
	return 0;
}

/* Does an entry have the operation's name?  1, 0, or -EFSCORRUPTED.  @off: of the entry, from a leaf entry. */
static int match(struct dx_da_args *a, struct dx_buf *bp, u32 off, struct dx_dir2_data_entry **ep)
{
	int error = dx_dir_data_entry(a, bp, off, ep);

	if (error)
		return error;
	return (*ep)->namelen == a->namelen && !memcmp((*ep)->name, a->name, a->namelen);
}

/**
 * dx_dir_data_is_empty - does a data block hold nothing but one free region?
 * @mp: mount
 * @bp: data block
 */
bool dx_dir_data_is_empty(struct dx_mount *mp, struct dx_buf *bp)
{
	return dx_dir_data_best(bp) == mp->dirblksize - DX_DIR_DATA_HDR;
}

/**
 * dx_dir_tail_region - the free region that touches the data end
 * @mp: mount
 * @bp: data or single block
 * @len: out: its bytes, 0 when the last thing is an entry
 *
 * Returns its offset; the data end when there is none.
 */
u32 dx_dir_tail_region(struct dx_mount *mp, struct dx_buf *bp, u32 *len)
{
	u32 end = dx_dir_data_end(mp, bp->b_addr), start;

	*len = 0;
	if (end <= DX_DIR_DATA_HDR)
		return end;
	start = be16_to_cpu(*tag_before(bp->b_addr, end));
	if (start < DX_DIR_DATA_HDR || start >= end ||
	    be16_to_cpu(unused_at(bp->b_addr, start)->freetag) != DX_DIR2_DATA_FREE_TAG)
		return end;
	*len = end - start;
	return start;
}

/**
 * dx_dir_grow_data - map one more data block and extend the directory over it
 * @a: operation
 * @db: out: number of the block, the lowest free one
 */
int dx_dir_grow_data(struct dx_da_args *a, u32 *db)
{
	struct dx_mount *mp = a->mp;
	dx_dablk_t bno;
	u64 end;
	int error;

	error = dx_da_grow(a, 0, dx_dir_leafblk(mp), &bno);
	if (error)
		return error;
	*db = dx_dir_da_to_db(mp, bno);
	end = ((u64)*db + 1) * mp->dirblksize;
	if (end > a->dp->d.size) {
		a->dp->d.size = end;
		dx_trans_log_inode(a->tp, a->dp, DX_ILOG_CORE);
	}
	return 0;
}

/**
 * dx_dir_shrink_data - free a data block
 * @a: operation
 * @db: number of the block
 * @bp: its buffer
 *
 * The size of the directory falls to the end of the last data block that is
 * left.  -ENOSPC, with nothing changed, when that needs a block that is not reserved.
 */
int dx_dir_shrink_data(struct dx_da_args *a, u32 db, struct dx_buf *bp)
{
	struct dx_mount *mp = a->mp;
	dx_fileoff_t end = dx_dir_leafblk(mp);
	struct dx_iext_cur cur;
	struct dx_irec rec;
	u64 size;
	int error;

	error = dx_da_unmap(a, dx_dir_db_to_da(mp, db), bp);
	if (error)
		return error;
	size = 0;
	if (dx_iext_lookup_before(&a->dp->df.ext, &end, &cur, &rec))
		size = dx_fsb_to_b(mp, end);
	if (size < a->dp->d.size) {
		a->dp->d.size = size;
		dx_trans_log_inode(a->tp, a->dp, DX_ILOG_CORE);
	}
	return 0;
}

/* ---- names ---- */

/**
 * dx_dir_hit_find - find the operation's name from an array of leaf entries
 * @a: operation
 * @ents: array in hash order
 * @count: entries
 * @hit: in: ->idx, first entry that can have the hash; ->single, and then ->dbp; out: where the name is
 *
 * Returns -ENOENT when it is not here; if ->idx is @count then, the hash may go on in the next leaf.
 */
int dx_dir_hit_find(struct dx_da_args *a, const struct dx_dir2_leaf_entry *ents, u32 count, struct dx_dir_hit *hit)
{
	int error = -ENOENT;

	if (!hit->single)
		hit->dbp = NULL;
	for (; hit->idx < count && be32_to_cpu(ents[hit->idx].hashval) == a->hashval; hit->idx++) {
		u32 ptr = be32_to_cpu(ents[hit->idx].address), db = dx_dir_dataptr_db(a->mp, ptr);
		int same;

		if (ptr == DX_DIR2_NULL_DATAPTR)
			continue;
		if (hit->single) {
			if (db)
				return dx_da_corrupt(a, hit->dbp, "leaf entry points outside the block");
		} else if (!hit->dbp || db != hit->db) {
			if (hit->dbp)
				dx_trans_let_go(a->tp, hit->dbp);
			error = dx_da_read(a, dx_dir_db_to_da(a->mp, db), DX_DAK_DATA, &hit->dbp);
			if (error)
				return error;
			error = -ENOENT;
		}
		hit->db = db;
		same = match(a, hit->dbp, dx_dir_dataptr_off(a->mp, ptr), &hit->e);
		if (same < 0)
			return same;
		if (same)
			return 0;
	}
	if (hit->dbp && !hit->single)
		dx_trans_let_go(a->tp, hit->dbp);
	return error;
}

/**
 * dx_dir_hit_tell - what does the name that was found stand for?
 * @a: operation: ino and ftype are set
 * @hit: the name
 */
int dx_dir_hit_tell(struct dx_da_args *a, const struct dx_dir_hit *hit)
{
	a->ino = be64_to_cpu(hit->e->inumber);
	a->ftype = *dx_dir_ent_ftype(hit->e);
	return 0;
}

/**
 * dx_dir_hit_replace - the name that was found stands for another inode now
 * @a: operation: ino, ftype
 * @hit: the name
 */
int dx_dir_hit_replace(struct dx_da_args *a, const struct dx_dir_hit *hit)
{
	hit->e->inumber = cpu_to_be64(a->ino);
	*dx_dir_ent_ftype(hit->e) = a->ftype;
	dx_da_log(a, hit->dbp, hit->e, dx_dir_entsize(hit->e->namelen));
	return 0;
}

/**
 * dx_dir_hit_remove - free the entry of the name that was found; its leaf entry is the caller's
 * @a: operation; ino, if set, is what the name must stand for
 * @hit: the name
 */
int dx_dir_hit_remove(struct dx_da_args *a, const struct dx_dir_hit *hit)
{
	if (a->ino && be64_to_cpu(hit->e->inumber) != a->ino)
		return dx_da_corrupt(a, hit->dbp, "entry to remove names another inode");
	return dx_dir_data_free(a, hit->dbp, (char *)hit->e - (char *)hit->dbp->b_addr, dx_dir_entsize(hit->e->namelen));
}

/* ---- arrays of leaf entries ---- */

/**
 * dx_dir_ents_fill_stale - make room at a position by moving up to the nearest stale entry
 * @ents: array with at least one stale entry
 * @count: entries
 * @pos: where the new entry belongs: before the one that is there
 * @lo: out: first entry changed
 * @hi: out: last entry changed
 *
 * Returns the index to fill in; @count when there is no stale entry after all.
 */
u32 dx_dir_ents_fill_stale(struct dx_dir2_leaf_entry *ents, u32 count, u32 pos, u32 *lo, u32 *hi)
{
	u32 dist;

	for (dist = 0; dist <= count; dist++) {
		if (pos + dist < count && ents[pos + dist].address == cpu_to_be32(DX_DIR2_NULL_DATAPTR)) {
			memmove(&ents[pos + 1], &ents[pos], dist * sizeof(*ents));
			*lo = pos;
			*hi = pos + dist;
			return pos;
		}
		if (pos > dist && ents[pos - 1 - dist].address == cpu_to_be32(DX_DIR2_NULL_DATAPTR)) {
			memmove(&ents[pos - 1 - dist], &ents[pos - dist], dist * sizeof(*ents));
			*lo = pos - 1 - dist;
			*hi = pos - 1;
			return pos - 1;
		}
	}
	return count;
}

/**
 * dx_dir_ents_compact - drop the stale entries of an array
 * @ents: array
 * @count: entries
 *
 * Returns how many are left, at the front, in order.
 */
u32 dx_dir_ents_compact(struct dx_dir2_leaf_entry *ents, u32 count)
{
	u32 from, to = 0;

	for (from = 0; from < count; from++)
		if (ents[from].address != cpu_to_be32(DX_DIR2_NULL_DATAPTR))
			ents[to++] = ents[from];
	return to;
}
