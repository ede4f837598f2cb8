// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic btree: one cursor, one algorithm, for every tree of the format.  Growing
 * is in btree_split.c, shrinking in btree_merge.c.
 *
 * Invariants: the key of a parent entry equals the first key of the child, and where records may overlap its
 * high key the highest in the child, which need not be the last;
 * cur->lev[l].ptr of a level above the leaf names the child that
 * cur->lev[l - 1].bp holds.
 *
 * A damaged tree can neither loop us nor lock us out: depth is bounded by cur->nlevels, each block's
 * level is checked against the level it was reached at, no block is on a cursor's path twice,
 * and keys rise with each step of a walk, so that no record is met twice however the pointers lie.
 *
 * Locks: the AG header buffer (AG btrees) or ILOCK (bmbt; exclusive to change)
 * is held by the caller for the life of the cursor.  Buffers belong to the transaction.
 *
 * Source of the layout: "B+trees" in the format specification.
 */
#include "dx_btree_int.h"

/**
 * dx_btree_read_ptr - read the block that a pointer names
 * @cur: cursor of its tree
 * @ptr: pointer
 * @level: that the block must have
 * @bpp: out: locked buffer, the transaction's
 *
 * Checks level and owner, which a block's own verifier cannot know.  A block that the cursor holds already
 * is refused before it is locked a second time.
 */
int dx_btree_read_ptr(struct dx_btree_cur *cur, u64 ptr, int level, struct dx_buf **bpp)
{
	struct dx_buf_map map = { .len_bb = 1u << cur->mp->blkbb_log };
	struct dx_mount *mp = cur->mp;
	struct dx_btree_sblock *b;
	struct dx_buf *bp;
	u64 owner;
	int error, i;

	*bpp = NULL;
	if (!ptr_ok(cur, ptr))
		return bad_block(cur, ptr, "block pointer");
	for (i = 0; i < DX_BTREE_MAXLEVELS; i++)
		if (cur->lev[i].bp && cur->lev[i].bp->b_daddr == ptr_daddr(cur, ptr))
			return bad_block(cur, ptr, "block pointer: loop");
	map.daddr = ptr_daddr(cur, ptr);
	error = long_ptrs(cur) ? dx_trans_read_owned(mp, cur->tp, &map, 1, cur->ops->buf_ops, cur->ops->owner(cur), &bp) :
				 dx_trans_read_buf_map(mp, cur->tp, &map, 1, 0, cur->ops->buf_ops, &bp);
	if (error)
		return error;
	b = bp->b_addr;
	owner = long_ptrs(cur) ? be64_to_cpu(((struct dx_btree_lblock *)bp->b_addr)->bb_owner) :
				 be32_to_cpu(b->bb_owner);
	if (be16_to_cpu(b->bb_level) != level)
		error = bad_block(cur, ptr, "bb_level");
	else if (owner != cur->ops->owner(cur))
		error = bad_block(cur, ptr, "bb_owner");
	else if (level > 0 && !b->bb_numrecs)
		error = bad_block(cur, ptr, "bb_numrecs");
	if (error) {
		dx_trans_let_go(cur->tp, bp);
		return error;
	}
	*bpp = bp;
	return 0;
}

/* Make the cursor hold the block of @ptr at @level. */
static int load(struct dx_btree_cur *cur, int level, u64 ptr)
{
	struct dx_buf *bp = cur->lev[level].bp;

	if (bp && ptr_ok(cur, ptr) && bp->b_daddr == ptr_daddr(cur, ptr) &&
	    be16_to_cpu(((struct dx_btree_sblock *)bp->b_addr)->bb_level) == level)
		return 0;
	drop_level(cur, level);
	return dx_btree_read_ptr(cur, ptr, level, &cur->lev[level].bp);
}

static void readahead_right(struct dx_btree_cur *cur, int level)
{
	struct dx_buf_map map = { .len_bb = 1u << cur->mp->blkbb_log };
	u64 right = right_sib(cur, cur->lev[level].bp);

	if (right == DX_BT_NULLPTR || !ptr_ok(cur, right))
		return;
	map.daddr = ptr_daddr(cur, right);
	dx_buf_readahead(cur->mp, &map, 1, cur->ops->buf_ops);
}

/* Does the cursor hold a block (or root) at each level? */
static bool positioned(const struct dx_btree_cur *cur)
{
	return cur->nlevels > 0 && cur->nlevels <= DX_BTREE_MAXLEVELS &&
	       (cur->lev[0].bp || is_iroot(cur, 0));
}

/* ---- life of a cursor ------------------------------------------------------ */

/* A few come and go with every extent; the next size of kmalloc() is nearly twice theirs, and all of it is zeroed. */
static struct kmem_cache *cursor_slab;

/**
 * dx_btree_cache_init - make the slab cache of cursors
 *
 * Return: 0 or -ENOMEM.  The caller serialises this and the exit, and calls it before the first cursor is made.
 */
int dx_btree_cache_init(void)
{
	cursor_slab = kmem_cache_create("dioxfs_btree_cur", sizeof(struct dx_btree_cur), 0, 0, NULL);
	return cursor_slab ? 0 : -ENOMEM;
}

/**
 * dx_btree_cache_exit - destroy the slab cache of cursors
 */
void dx_btree_cache_exit(void)
{
	kmem_cache_destroy(cursor_slab);
}

/**
 * dx_btree_new_cursor - make an unpositioned cursor
 * @mp: mount
 * @tp: transaction that will own the buffers, or NULL to read
 * @btnum: which tree
 * @ops: what the generic code must know of it
 * @nlevels: height as the root says; checked at the first lookup
 *
 * Cannot fail (it may wait for memory, without recursing into the filesystem).
 */
struct dx_btree_cur *dx_btree_new_cursor(struct dx_mount *mp, struct dx_trans *tp, enum dx_btnum btnum,
					 const struct dx_btree_ops *ops, int nlevels)
{
	struct dx_btree_cur *cur = kmem_cache_zalloc(cursor_slab, GFP_NOFS | __GFP_NOFAIL);

	cur->mp = mp;
	cur->tp = tp;
	cur->btnum = btnum;
	cur->ops = ops;
	cur->nlevels = nlevels < 0 || nlevels > DX_BTREE_MAXLEVELS ? 0 : nlevels;
	return cur;
}

/**
 * dx_btree_del_cursor - give up a cursor and its clean buffers
 * @cur: cursor, freed
 * @error: why (informational: dirty buffers stay with the transaction either way)
 */
void dx_btree_del_cursor(struct dx_btree_cur *cur, int error)
{
	int i;

	if (!cur)
		return;
	for (i = 0; i < DX_BTREE_MAXLEVELS; i++)
		drop_level(cur, i);
	kmem_cache_free(cursor_slab, cur);
}

/* ---- verification of blocks -------------------------------------------------- */

/**
 * dx_btree_block_verify - check what a btree block says of itself
 * @bp: buffer of one fsblock
 * @magic: of its tree
 * @long_ptrs: long form
 * @maxlevels: levels that such a tree can have
 * @mxr: maximum of records in a leaf, in a node
 *
 * Returns 0 or -EFSCORRUPTED after naming the field.  Source: "B+trees", the short and
 * long block headers.
 */
int dx_btree_block_verify(struct dx_buf *bp, u32 magic, bool long_ptrs, unsigned int maxlevels, const u32 mxr[2])
{
	struct dx_mount *mp = bp->b_mp;
	struct dx_btree_sblock *s = bp->b_addr;
	unsigned int level = be16_to_cpu(s->bb_level);
	unsigned int nrecs = be16_to_cpu(s->bb_numrecs);

	if (be32_to_cpu(s->bb_magic) != magic)
		return dx_buf_bad(bp, "bb_magic");
	if (level >= maxlevels)
		return dx_buf_bad(bp, "bb_level");
	if (nrecs > mxr[level > 0])
		return dx_buf_bad(bp, "bb_numrecs");

	if (long_ptrs) {
		struct dx_btree_lblock *b = bp->b_addr;
		u64 left = be64_to_cpu(b->bb_leftsib), right = be64_to_cpu(b->bb_rightsib);

		if (!dx_meta_uuid_ok(mp, &b->bb_uuid))
			return dx_buf_bad(bp, "bb_uuid");
		if (be64_to_cpu(b->bb_blkno) != bp->b_daddr)
			return dx_buf_bad(bp, "bb_blkno");
		if (!b->bb_owner)
			return dx_buf_bad(bp, "bb_owner");
		if (left != DX_BT_NULLPTR &&
		    (!dx_verify_fsbno(mp, left) || dx_fsb_to_daddr(mp, left) == bp->b_daddr))
			return dx_buf_bad(bp, "bb_leftsib");
		if (right != DX_BT_NULLPTR &&
		    (!dx_verify_fsbno(mp, right) || dx_fsb_to_daddr(mp, right) == bp->b_daddr))
			return dx_buf_bad(bp, "bb_rightsib");
	} else {
		u64 agbb = dx_fsb_to_bb(mp, mp->sb.agblocks);
		dx_agno_t agno = div64_u64(bp->b_daddr, agbb);
		u32 left = be32_to_cpu(s->bb_leftsib), right = be32_to_cpu(s->bb_rightsib);

		if (!dx_meta_uuid_ok(mp, &s->bb_uuid))
			return dx_buf_bad(bp, "bb_uuid");
		if (be64_to_cpu(s->bb_blkno) != bp->b_daddr)
			return dx_buf_bad(bp, "bb_blkno");
		if (be32_to_cpu(s->bb_owner) != agno)
			return dx_buf_bad(bp, "bb_owner");
		if (left != DX_NULLAGBNO &&
		    (!dx_verify_agbno(mp, agno, left) || dx_agb_to_daddr(mp, agno, left) == bp->b_daddr))
			return dx_buf_bad(bp, "bb_leftsib");
		if (right != DX_NULLAGBNO &&
		    (!dx_verify_agbno(mp, agno, right) || dx_agb_to_daddr(mp, agno, right) == bp->b_daddr))
			return dx_buf_bad(bp, "bb_rightsib");
	}
	return 0;
}

/**
 * dx_btree_block_verify_crc - check the CRC of a block just read
 * @bp: buffer
 * @long_ptrs: long form
 *
 * Returns 0 or -EFSCORRUPTED.
 */
int dx_btree_block_verify_crc(struct dx_buf *bp, bool long_ptrs)
{
	if (dx_buf_verify_cksum(bp, long_ptrs ? DX_BTREE_LBLOCK_CRC_OFF : DX_BTREE_SBLOCK_CRC_OFF))
		return 0;
	return dx_buf_badcrc(bp);
}

/**
 * dx_btree_block_stamp - put LSN and CRC into a block that is about to be written
 * @bp: buffer
 * @long_ptrs: long form
 */
void dx_btree_block_stamp(struct dx_buf *bp, bool long_ptrs)
{
	if (long_ptrs)
		dx_buf_stamp(bp, offsetof(struct dx_btree_lblock, bb_lsn), DX_BTREE_LBLOCK_CRC_OFF);
	else
		dx_buf_stamp(bp, offsetof(struct dx_btree_sblock, bb_lsn), DX_BTREE_SBLOCK_CRC_OFF);
}

/**
 * dx_btree_block_init - format an empty block
 * @mp: mount
 * @bp: buffer, locked
 * @ops: kind of tree
 * @level: 0 = leaf
 * @numrecs: records that the caller puts in
 * @owner: AG or inode number
 *
 * Nothing is logged: the caller knows how much of the block it fills.
 */
void dx_btree_block_init(struct dx_mount *mp, struct dx_buf *bp, const struct dx_btree_ops *ops,
			 int level, u32 numrecs, u64 owner)
{
	bp->b_ops = ops->buf_ops;
	bp->b_type = DX_BLFT_BTREE;
	memset(bp->b_addr, 0, dx_btree_hdr_len(ops));
	if (ops->flags & DX_BT_LONG_PTRS) {
		struct dx_btree_lblock *b = bp->b_addr;

		b->bb_magic = cpu_to_be32(ops->magic);
		b->bb_level = cpu_to_be16(level);
		b->bb_numrecs = cpu_to_be16(numrecs);
		b->bb_leftsib = cpu_to_be64(DX_BT_NULLPTR);
		b->bb_rightsib = cpu_to_be64(DX_BT_NULLPTR);
		b->bb_blkno = cpu_to_be64(bp->b_daddr);
		uuid_copy(&b->bb_uuid, &mp->sb.meta_uuid);
		b->bb_owner = cpu_to_be64(owner);
	} else {
		struct dx_btree_sblock *b = bp->b_addr;

		b->bb_magic = cpu_to_be32(ops->magic);
		b->bb_level = cpu_to_be16(level);
		b->bb_numrecs = cpu_to_be16(numrecs);
		b->bb_leftsib = cpu_to_be32(DX_NULLAGBNO);
		b->bb_rightsib = cpu_to_be32(DX_NULLAGBNO);
		b->bb_blkno = cpu_to_be64(bp->b_daddr);
		uuid_copy(&b->bb_uuid, &mp->sb.meta_uuid);
		b->bb_owner = cpu_to_be32((u32)owner);
	}
}

/* ---- finding ------------------------------------------------------------------ */

/* Index of the last entry <= @want, -1 when all are greater. */
static int search(struct dx_btree_cur *cur, const struct view *v, const union dx_btree_key *want, bool *exact)
{
	int lo = 0, hi = v->nrecs - 1;
	union dx_btree_key k;	/* out here: kernels that zero what is on the stack would do so at each step */

	*exact = false;
	while (lo <= hi) {
		int mid = lo + (hi - lo) / 2, c;

		slot_key(cur, v, mid, &k);
		c = cur->ops->key_cmp(&k, want);
		if (!c) {
			*exact = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid - 1;
	}
	return hi;
}

/* The key at the cursor must lie on the @dir side (> 0: behind, < 0: before) of @than. */
static int check_step(struct dx_btree_cur *cur, int level, const union dx_btree_key *than, int dir)
{
	union dx_btree_key key;
	struct view v;
	int c;

	view(cur, level, &v);
	slot_key(cur, &v, cur->lev[level].ptr, &key);
	c = cur->ops->key_cmp(&key, than);
	if (dir > 0 ? c > 0 : c < 0)
		return 0;
	return dx_corrupt(cur->mp, cur->ops->name, v.bp ? v.bp->b_daddr : 0, "order of keys, owner %llu",
			  (unsigned long long)cur->ops->owner(cur));
}

/**
 * dx_btree_lookup - position the cursor at the record for cur->rec
 * @cur: cursor
 * @dir: exact match, last one <=, or first one >=
 * @stat: out: 1 = found
 *
 * Returns 0 or -errno (-EFSCORRUPTED, -EIO).
 */
int dx_btree_lookup(struct dx_btree_cur *cur, enum dx_btree_lookup dir, int *stat)
{
	union dx_btree_key want;
	struct view v;
	u64 ptr = 0;
	bool exact = false;
	int level, pos = -1, error;

	*stat = 0;
	if (!cur->nlevels || ((cur->ops->flags & DX_BT_ROOT_IN_INODE) && cur->nlevels < 2))
		return dx_corrupt(cur->mp, cur->ops->name, 0, "height of the tree of owner %llu",
				  (unsigned long long)cur->ops->owner(cur));
	cur->ops->key_from_rec(&cur->rec, &want);
	if (!(cur->ops->flags & DX_BT_ROOT_IN_INODE))
		ptr = cur->ops->get_root(cur);

	for (level = cur->nlevels - 1; level >= 0; level--) {
		if (!is_iroot(cur, level)) {
			error = load(cur, level, ptr);
			if (error)
				return error;
		}
		view(cur, level, &v);
		if (level > 0 && v.nrecs <= 0)
			return bad_block(cur, ptr, "bb_numrecs");
		pos = search(cur, &v, &want, &exact);
		if (level > 0) {
			if (pos < 0)
				pos = 0;
			cur->lev[level].ptr = pos;
			ptr = get_ptr(cur, &v, pos);
		}
	}
	cur->lev[0].ptr = pos;
	switch (dir) {
	case DX_LOOKUP_EQ:
		*stat = exact;
		break;
	case DX_LOOKUP_LE:
		*stat = pos >= 0;
		break;
	case DX_LOOKUP_GE:
		if (exact) {
			*stat = 1;
			break;
		}
		error = dx_btree_increment(cur, 0, stat);
		/* callers go on from what they got: it must not lie before what they asked for */
		if (!error && *stat)
			error = check_step(cur, 0, &want, 1);
		return error;
	}
	return 0;
}

/**
 * dx_btree_increment - step to the next entry at a level
 * @cur: positioned cursor
 * @level: 0 for records
 * @stat: out: 0 = there is none; the cursor is then behind the last
 */
int dx_btree_increment(struct dx_btree_cur *cur, int level, int *stat)
{
	union dx_btree_key from;
	bool known = false;
	struct view v;
	int l, error;

	*stat = 0;
	if (!positioned(cur))
		return -EINVAL;
	view(cur, level, &v);
	if (cur->lev[level].ptr >= 0 && v.nrecs > 0) {
		slot_key(cur, &v, min(cur->lev[level].ptr, v.nrecs - 1), &from);
		known = true;
	}
	for (l = level; l < cur->nlevels; l++) {
		view(cur, l, &v);
		if (cur->lev[l].ptr + 1 < v.nrecs)
			break;
	}
	if (l == cur->nlevels) {
		view(cur, level, &v);
		cur->lev[level].ptr = v.nrecs;
		return 0;
	}
	cur->lev[l].ptr++;
	while (l > level) {
		u64 ptr;

		view(cur, l, &v);
		ptr = get_ptr(cur, &v, cur->lev[l].ptr);
		l--;
		error = load(cur, l, ptr);
		if (error)
			return error;
		view(cur, l, &v);
		if (v.nrecs <= 0)
			return bad_block(cur, ptr, "bb_numrecs");
		cur->lev[l].ptr = 0;
		if (l == 0)
			readahead_right(cur, 0);
	}
	if (known) {
		error = check_step(cur, level, &from, 1);
		if (error)
			return error;
	}
	*stat = 1;
	return 0;
}

/**
 * dx_btree_decrement - step to the previous entry at a level
 * @cur: positioned cursor
 * @level: 0 for records
 * @stat: out: 0 = there is none; the cursor is then before the first
 */
int dx_btree_decrement(struct dx_btree_cur *cur, int level, int *stat)
{
	union dx_btree_key from;
	bool known = false;
	struct view v;
	int l, error;

	*stat = 0;
	if (!positioned(cur))
		return -EINVAL;
	view(cur, level, &v);
	if (v.nrecs > 0 && cur->lev[level].ptr < v.nrecs) {
		slot_key(cur, &v, max(cur->lev[level].ptr, 0), &from);
		known = true;
	}
	for (l = level; l < cur->nlevels; l++)
		if (cur->lev[l].ptr > 0)
			break;
	if (l == cur->nlevels) {
		cur->lev[level].ptr = -1;
		return 0;
	}
	cur->lev[l].ptr--;
	while (l > level) {
		u64 ptr;

		view(cur, l, &v);
		ptr = get_ptr(cur, &v, cur->lev[l].ptr);
		l--;
		error = load(cur, l, ptr);
		if (error)
			return error;
		view(cur, l, &v);
		if (v.nrecs <= 0)
			return bad_block(cur, ptr, "bb_numrecs");
		cur->lev[l].ptr = v.nrecs - 1;
	}
	if (known) {
		error = check_step(cur, level, &from, -1);
		if (error)
			return error;
	}
	*stat = 1;
	return 0;
}

/**
 * dx_btree_get_rec - the record at the cursor
 * @cur: cursor
 * @rec: out, host form, checked by the tree's ops
 * @stat: out: 0 = the cursor is on no record
 */
int dx_btree_get_rec(struct dx_btree_cur *cur, union dx_btree_rec *rec, int *stat)
{
	const char *field;
	struct view v;

	*stat = 0;
	if (!positioned(cur))
		return 0;
	view(cur, 0, &v);
	if (cur->lev[0].ptr < 0 || cur->lev[0].ptr >= v.nrecs)
		return 0;
	cur->ops->rec_from_disk(v.base + cur->lev[0].ptr * cur->ops->rec_len, rec);
	field = cur->ops->check_rec(cur, rec);
	if (field)
		return dx_corrupt(cur->mp, cur->ops->name, v.bp ? v.bp->b_daddr : 0, "record %d: %s",
				  cur->lev[0].ptr, field);
	*stat = 1;
	return 0;
}

/* ---- changing records --------------------------------------------------------- */

/* Does a node say of what it has below entry @i what is true? */
static bool keys_are(struct dx_btree_cur *cur, const struct view *v, int i, const struct keys *k)
{
	union dx_btree_key low, high;

	slot_key(cur, v, i, &low);
	slot_high_key(cur, v, i, &high);
	return !cur->ops->key_cmp(&low, &k->low) && (!overlapping(cur) || !cur->ops->key_cmp(&high, &k->high));
}

static void tell_levels_above(struct dx_btree_cur *cur)
{
	struct view v;
	struct keys k;
	int level;

	view(cur, 0, &v);
	if (v.nrecs <= 0)
		return;
	for (level = 1; level < cur->nlevels; level++) {
		keys_of(cur, &v, &k);
		view(cur, level, &v);
		if (keys_are(cur, &v, cur->lev[level].ptr, &k))
			break;
		set_slot_keys(cur, &v, cur->lev[level].ptr, &k);
		if (cur->lev[level].ptr > 0 && !overlapping(cur))
			break;
	}
}

/* The record at @pos of the leaf has changed, come or gone: tell the levels above what they need to know. */
static inline void propagate_keys(struct dx_btree_cur *cur, int pos)
{
	/* a key that is not the first concerns nobody, unless it can be the highest */
	if (cur->nlevels > 1 && (pos == 0 || overlapping(cur)))
		tell_levels_above(cur);
}

/* Tell the ops when what lies at @pos of the leaf is the last record of the tree. */
static void note_lastrec(struct dx_btree_cur *cur, int pos)
{
	union dx_btree_rec rec;
	struct view v;

	if (!cur->ops->lastrec)
		return;
	view(cur, 0, &v);
	if (right_sib(cur, v.bp) != DX_BT_NULLPTR || pos < v.nrecs - 1)
		return;
	if (v.nrecs > 0) {
		cur->ops->rec_from_disk(v.base + (v.nrecs - 1) * cur->ops->rec_len, &rec);
		cur->ops->lastrec(cur, &rec);
	} else {
		cur->ops->lastrec(cur, NULL);
	}
}

/* Records of one leaf must ascend around @pos. */
static int check_order(struct dx_btree_cur *cur, const struct view *v, int pos)
{
	union dx_btree_key a, b;
	int i;

	for (i = max(pos - 1, 0); i <= pos && i + 1 < v->nrecs; i++) {
		slot_key(cur, v, i, &a);
		slot_key(cur, v, i + 1, &b);
		if (cur->ops->key_cmp(&a, &b) >= 0)
			return dx_corrupt(cur->mp, cur->ops->name, v->bp ? v->bp->b_daddr : 0,
					  "order of records %d and %d", i, i + 1);
	}
	return 0;
}

/**
 * dx_btree_update - replace the record at the cursor
 * @cur: cursor on a record
 * @rec: new contents; must sort into the same place
 *
 * Returns 0 or -EFSCORRUPTED.
 */
int dx_btree_update(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	const char *field;
	int pos = cur->lev[0].ptr, error;
	struct view v;

	if (!positioned(cur))
		return -EINVAL;
	view(cur, 0, &v);
	if (pos < 0 || pos >= v.nrecs)
		return dx_corrupt(cur->mp, cur->ops->name, 0, "update without a record");
	field = cur->ops->check_rec(cur, rec);
	if (field)
		return dx_corrupt(cur->mp, cur->ops->name, v.bp ? v.bp->b_daddr : 0, "new record: %s", field);
	cur->ops->rec_to_disk(v.base + pos * cur->ops->rec_len, rec);
	log_slots(cur, &v, pos, pos);
	error = check_order(cur, &v, pos);
	if (error)
		return error;
	propagate_keys(cur, pos);
	note_lastrec(cur, pos);
	return 0;
}

/**
 * dx_btree_insert - insert cur->rec
 * @cur: cursor; positioned on the new record afterwards
 * @stat: out: 1 = done
 *
 * Returns 0; -ENOSPC when a block was needed and the ops found none (callers
 * reserve so that it does not happen: the tree may be half changed);
 * -EFSCORRUPTED when the key is in the tree already.
 */
int dx_btree_insert(struct dx_btree_cur *cur, int *stat)
{
	union dx_btree_rec rec = cur->rec;
	const char *field;
	int pos, error;
	struct view v;

	*stat = 0;
	field = cur->ops->check_rec(cur, &rec);
	if (field)
		return dx_corrupt(cur->mp, cur->ops->name, 0, "record to insert: %s", field);
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, stat);
	if (error)
		return error;
	if (*stat) {
		union dx_btree_key old, new;

		view(cur, 0, &v);
		slot_key(cur, &v, cur->lev[0].ptr, &old);
		cur->ops->key_from_rec(&rec, &new);
		*stat = 0;
		if (!cur->ops->key_cmp(&old, &new))
			return dx_corrupt(cur->mp, cur->ops->name, v.bp->b_daddr, "record to insert exists");
	}
	error = dx_btree_make_room(cur, 0);
	if (error)
		return error;

	pos = cur->lev[0].ptr + 1;
	view(cur, 0, &v);
	slots_move(cur, &v, pos, pos + 1, v.nrecs - pos);
	cur->ops->rec_to_disk(v.base + pos * cur->ops->rec_len, &rec);
	set_nrecs(cur, &v, v.nrecs + 1);
	log_slots(cur, &v, pos, v.nrecs - 1);
	cur->lev[0].ptr = pos;
	error = check_order(cur, &v, pos);
	if (error)
		return error;
	propagate_keys(cur, pos);
	note_lastrec(cur, pos);
	*stat = 1;
	return 0;
}

/**
 * dx_btree_insert_blocks - most blocks that inserts at one place can make a tree allocate
 * @cur: cursor; looks for cur->rec (its key only) and is at the place afterwards
 * @n: records to insert, fewer than half of a leaf
 * @blocks: out
 *
 * A level passes an insert on to the next only if it splits, and splits once.  Returns 0 or -errno.
 */
int dx_btree_insert_blocks(struct dx_btree_cur *cur, int n, u32 *blocks)
{
	int error, stat, level;
	struct view v;

	*blocks = 0;
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	if (error)
		return error;
	for (level = 0; level < cur->nlevels; level++) {
		view(cur, level, &v);
		if (v.nrecs + (level ? 1 : n) <= (int)cur->ops->maxrecs(cur, level))
			return 0;
		++*blocks;
	}
	/* a root that is a block gets another one above it; one in an inode becomes a block, which is counted */
	if (!is_iroot(cur, cur->nlevels - 1))
		++*blocks;
	return 0;
}

/**
 * dx_btree_delete - delete the record at the cursor
 * @cur: cursor on a record; its position is undefined afterwards
 * @stat: out: 1 = done, 0 = there is no record at the cursor
 *
 * Blocks freed go back through the ops and are cancelled in the log.  Returns 0 or -errno.
 */
int dx_btree_delete(struct dx_btree_cur *cur, int *stat)
{
	int pos = cur->lev[0].ptr, error;
	struct view v;

	*stat = 0;
	if (!positioned(cur))
		return -EINVAL;
	view(cur, 0, &v);
	if (pos < 0 || pos >= v.nrecs)
		return 0;
	slots_move(cur, &v, pos + 1, pos, v.nrecs - pos - 1);
	set_nrecs(cur, &v, v.nrecs - 1);
	log_slots(cur, &v, pos, v.nrecs - 1);
	propagate_keys(cur, pos);
	note_lastrec(cur, pos);		/* a leaf never runs empty unless it is all there is */

	error = dx_btree_rebalance(cur);
	if (error)
		return error;
	cur->lev[0].ptr = -1;
	*stat = 1;
	return 0;
}

/* ---- ranges that overlap ---------------------------------------------------------- */

/* A child is what its parent's entry says, so the same block cannot come twice: keys rise along a level. */
static int check_child(struct dx_btree_cur *cur, int level, const union dx_btree_key *want)
{
	union dx_btree_key key;
	struct view v;

	view(cur, level, &v);
	if (v.nrecs > 0) {
		slot_key(cur, &v, 0, &key);
		if (!cur->ops->key_cmp(&key, want))
			return 0;
	}
	return dx_corrupt(cur->mp, cur->ops->name, v.bp ? v.bp->b_daddr : 0, "first key, owner %llu",
			  (unsigned long long)cur->ops->owner(cur));
}

/**
 * dx_btree_query_overlap - find all records that cover any place of a range
 * @cur: cursor over a tree with overlapping records; its position is undefined afterwards
 * @low: first place
 * @high: last place
 * @fn: called for each, in the order of their keys; an error or a positive number ends the walk
 * @data: for @fn
 *
 * Reads the blocks that have such a record, and of others only those whose highest key comes from one that begins behind the range.
 * @fn may not change the tree.
 *
 * Return: 0, what @fn returned, or -errno.
 */
int dx_btree_query_overlap(struct dx_btree_cur *cur, const union dx_btree_key *low, const union dx_btree_key *high,
			   int (*fn)(struct dx_btree_cur *cur, const union dx_btree_rec *rec, void *data), void *data)
{
	union dx_btree_key first, last, before;
	int level = cur->nlevels - 1, error;
	union dx_btree_rec rec;
	struct view v;

	if (level < 0 || WARN_ON_ONCE(!overlapping(cur)))
		return -EINVAL;
	if (!is_iroot(cur, level)) {
		error = load(cur, level, cur->ops->get_root(cur));
		if (error)
			return error;
	}
	cur->lev[level].ptr = -1;
	while (level < cur->nlevels) {
		int i = ++cur->lev[level].ptr;
		u64 ptr;

		view(cur, level, &v);
		if (i >= v.nrecs) {
			level++;
			continue;
		}
		slot_key(cur, &v, i, &first);
		if (i > 0) {
			slot_key(cur, &v, i - 1, &before);
			if (cur->ops->key_cmp(&before, &first) >= 0)
				return dx_corrupt(cur->mp, cur->ops->name, v.bp ? v.bp->b_daddr : 0, "order of keys, owner %llu",
						  (unsigned long long)cur->ops->owner(cur));
		}
		if (cur->ops->key_cmp(&first, high) > 0) {
			level++;	/* and all behind it */
			continue;
		}
		slot_high_key(cur, &v, i, &last);
		if (cur->ops->key_cmp(&last, low) < 0)
			continue;
		if (level == 0) {
			int stat;

			error = dx_btree_get_rec(cur, &rec, &stat);
			if (!error)
				error = fn(cur, &rec, data);
			if (error)
				return error;
			continue;
		}
		ptr = get_ptr(cur, &v, i);
		level--;
		error = load(cur, level, ptr);
		if (!error)
			error = check_child(cur, level, &first);
		if (error)
			return error;
		cur->lev[level].ptr = -1;
		cond_resched();
	}
	return 0;
}

/* ---- whole trees ------------------------------------------------------------------ */

/**
 * dx_btree_visit_blocks - call a function for each block of a tree
 * @cur: unpositioned cursor
 * @fn: called with the block locked; may invalidate it (freeing a tree top-down); an error stops
 * @data: for @fn
 *
 * Top level first, each level from left to right.  A root in an inode is not a
 * block and not visited.  Each block must point back to the one before it, the first to none: so
 * a chain of siblings cannot come back to where it was.
 */
int dx_btree_visit_blocks(struct dx_btree_cur *cur,
			  int (*fn)(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data), void *data)
{
	u64 first;
	int level = cur->nlevels - 1, error;
	struct view v;

	if (level < 0)
		return -EFSCORRUPTED;
	if (is_iroot(cur, level)) {
		view(cur, level, &v);
		if (level < 1 || v.nrecs <= 0)
			return -EFSCORRUPTED;
		first = get_ptr(cur, &v, 0);
		level--;
	} else {
		first = cur->ops->get_root(cur);
	}
	for (; level >= 0; level--) {
		u64 ptr = first, prev = DX_BT_NULLPTR;

		first = DX_BT_NULLPTR;
		while (ptr != DX_BT_NULLPTR) {
			struct dx_buf *bp;
			u64 back, next;

			error = dx_btree_read_ptr(cur, ptr, level, &bp);
			if (error)
				return error;
			get_sibs(cur, bp, &back, &next);
			if (back != prev) {
				dx_trans_let_go(cur->tp, bp);
				return bad_block(cur, ptr, "bb_leftsib");
			}
			if (level > 0 && first == DX_BT_NULLPTR) {
				view_bp(cur, bp, level, &v);
				first = get_ptr(cur, &v, 0);
			}
			error = fn(cur, level, bp, data);
			dx_trans_let_go(cur->tp, bp);
			if (error)
				return error;
			prev = ptr;
			ptr = next;
			cond_resched();
		}
	}
	return 0;
}
