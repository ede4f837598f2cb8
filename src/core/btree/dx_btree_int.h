/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access to btree blocks, shared by btree.c, btree_split.c and btree_merge.c only.
 */
#ifndef DX_BTREE_INT_H
#define DX_BTREE_INT_H

#include "dx_btree.h"

/* One block, or the root in an inode, opened for access. */
struct view {
	struct dx_buf		*bp;	/* NULL: root in the inode */
	struct dx_bmbt_root	*root;
	int			level;
	int			nrecs;
	char			*base;	/* first record or key */
	char			*ptrs;	/* first pointer; nodes only */
};

static inline bool long_ptrs(const struct dx_btree_cur *cur)
{
	return cur->ops->flags & DX_BT_LONG_PTRS;
}

static inline u32 ptr_len(const struct dx_btree_cur *cur)
{
	return long_ptrs(cur) ? sizeof(__be64) : sizeof(__be32);
}

static inline bool overlapping(const struct dx_btree_cur *cur)
{
	return cur->ops->flags & DX_BT_OVERLAPPING;
}

/* Bytes of an entry of a node beside its pointer: its key, or with overlapping records the lowest and the highest below it. */
static inline u32 keys_len(const struct dx_btree_cur *cur)
{
	return cur->ops->key_len << overlapping(cur);
}

/* Is @level the level of a root that lives in an inode? */
static inline bool is_iroot(const struct dx_btree_cur *cur, int level)
{
	return (cur->ops->flags & DX_BT_ROOT_IN_INODE) && level == cur->nlevels - 1;
}

static inline void view_bp(struct dx_btree_cur *cur, struct dx_buf *bp, int level, struct view *v)
{
	struct dx_btree_sblock *sb = bp->b_addr;	/* level and numrecs lie alike in both forms */

	v->bp = bp;
	v->root = NULL;
	v->level = level;
	v->nrecs = be16_to_cpu(sb->bb_numrecs);
	v->base = (char *)bp->b_addr + dx_btree_hdr_len(cur->ops);
	v->ptrs = NULL;
	if (level > 0) {
		/* a block is laid out for the maximum of its own size, root or not */
		u32 room = cur->mp->sb.blocksize - dx_btree_hdr_len(cur->ops);

		v->ptrs = v->base + (room / (keys_len(cur) + ptr_len(cur))) * keys_len(cur);
	}
}

static inline void view(struct dx_btree_cur *cur, int level, struct view *v)
{
	if (!is_iroot(cur, level)) {
		view_bp(cur, cur->lev[level].bp, level, v);
		return;
	}
	v->bp = NULL;
	v->root = cur->ops->iroot(cur);
	v->level = level;
	v->nrecs = v->root->numrecs;
	v->base = (char *)v->root->kp;
	v->ptrs = (char *)&v->root->kp[v->root->maxrecs];
}

static inline u64 decode_ptr(const struct dx_btree_cur *cur, const void *p)
{
	u32 s;

	if (long_ptrs(cur))
		return get_unaligned_be64(p);
	s = get_unaligned_be32(p);
	return s == DX_NULLAGBNO ? DX_BT_NULLPTR : s;
}

static inline void encode_ptr(const struct dx_btree_cur *cur, void *p, u64 ptr)
{
	if (long_ptrs(cur))
		put_unaligned_be64(ptr, p);
	else
		put_unaligned_be32((u32)ptr, p);
}

static inline u64 get_ptr(const struct dx_btree_cur *cur, const struct view *v, int i)
{
	return decode_ptr(cur, v->ptrs + i * ptr_len(cur));
}

static inline void get_sibs(const struct dx_btree_cur *cur, const struct dx_buf *bp, u64 *left, u64 *right)
{
	if (long_ptrs(cur)) {
		struct dx_btree_lblock *b = bp->b_addr;

		*left = be64_to_cpu(b->bb_leftsib);
		*right = be64_to_cpu(b->bb_rightsib);
	} else {
		struct dx_btree_sblock *b = bp->b_addr;

		*left = decode_ptr(cur, &b->bb_leftsib);
		*right = decode_ptr(cur, &b->bb_rightsib);
	}
}

static inline u64 right_sib(const struct dx_btree_cur *cur, const struct dx_buf *bp)
{
	u64 l, r;

	get_sibs(cur, bp, &l, &r);
	return r;
}

static inline dx_daddr_t ptr_daddr(const struct dx_btree_cur *cur, u64 ptr)
{
	if (long_ptrs(cur))
		return dx_fsb_to_daddr(cur->mp, ptr);
	return dx_agb_to_daddr(cur->mp, cur->agno, (dx_agbno_t)ptr);
}

static inline bool ptr_ok(const struct dx_btree_cur *cur, u64 ptr)
{
	if (long_ptrs(cur))
		return dx_verify_fsbno(cur->mp, ptr);
	return ptr < DX_NULLAGBNO && dx_verify_agbno(cur->mp, cur->agno, (dx_agbno_t)ptr);
}

static inline void log_range(struct dx_btree_cur *cur, struct dx_buf *bp, const void *first, size_t len)
{
	size_t off = (const char *)first - (const char *)bp->b_addr;

	if (!len)
		return;
	bp->b_type = DX_BLFT_BTREE;
	dx_trans_log_buf(cur->tp, bp, off, off + len - 1);
}

/* Log the entries [first, last] of a block; a root in an inode is logged as a whole. */
static inline void log_slots(struct dx_btree_cur *cur, const struct view *v, int first, int last)
{
	const struct dx_btree_ops *ops = cur->ops;

	if (last < first)
		return;
	if (v->root) {
		ops->log_root(cur);
	} else if (v->level == 0) {
		log_range(cur, v->bp, v->base + first * ops->rec_len, (last - first + 1) * ops->rec_len);
	} else {
		log_range(cur, v->bp, v->base + first * keys_len(cur), (last - first + 1) * keys_len(cur));
		log_range(cur, v->bp, v->ptrs + first * ptr_len(cur), (last - first + 1) * ptr_len(cur));
	}
}

static inline void set_nrecs(struct dx_btree_cur *cur, struct view *v, int n)
{
	v->nrecs = n;
	if (v->root) {
		v->root->numrecs = n;
		cur->ops->log_root(cur);
	} else {
		struct dx_btree_sblock *b = v->bp->b_addr;

		b->bb_numrecs = cpu_to_be16(n);
		log_range(cur, v->bp, &b->bb_numrecs, sizeof(b->bb_numrecs));
	}
}

static inline void set_sib(struct dx_btree_cur *cur, struct dx_buf *bp, bool right, u64 ptr)
{
	if (long_ptrs(cur)) {
		struct dx_btree_lblock *b = bp->b_addr;
		__be64 *p = right ? &b->bb_rightsib : &b->bb_leftsib;

		*p = cpu_to_be64(ptr);
		log_range(cur, bp, p, sizeof(*p));
	} else {
		struct dx_btree_sblock *b = bp->b_addr;
		__be32 *p = right ? &b->bb_rightsib : &b->bb_leftsib;

		*p = cpu_to_be32((u32)ptr);
		log_range(cur, bp, p, sizeof(*p));
	}
}

/* Move @n entries within a block from index @from to index @to. */
static inline void slots_move(struct dx_btree_cur *cur, struct view *v, int from, int to, int n)
{
	const struct dx_btree_ops *ops = cur->ops;

	if (n <= 0)
		return;
	if (v->level == 0) {
		memmove(v->base + to * ops->rec_len, v->base + from * ops->rec_len, n * ops->rec_len);
		return;
	}
	memmove(v->base + to * keys_len(cur), v->base + from * keys_len(cur), n * keys_len(cur));
	memmove(v->ptrs + to * ptr_len(cur), v->ptrs + from * ptr_len(cur), n * ptr_len(cur));
}

/* Copy @n entries between two blocks of one level. */
static inline void slots_copy(struct dx_btree_cur *cur, struct view *dst, int di, const struct view *src, int si, int n)
{
	const struct dx_btree_ops *ops = cur->ops;

	if (n <= 0)
		return;
	if (src->level == 0) {
		memcpy(dst->base + di * ops->rec_len, src->base + si * ops->rec_len, n * ops->rec_len);
		return;
	}
	memcpy(dst->base + di * keys_len(cur), src->base + si * keys_len(cur), n * keys_len(cur));
	memcpy(dst->ptrs + di * ptr_len(cur), src->ptrs + si * ptr_len(cur), n * ptr_len(cur));
}

static inline void slot_key(struct dx_btree_cur *cur, const struct view *v, int i, union dx_btree_key *key)
{
	if (v->level == 0) {
		union dx_btree_rec rec;

		cur->ops->rec_from_disk(v->base + i * cur->ops->rec_len, &rec);
		cur->ops->key_from_rec(&rec, key);
	} else {
		cur->ops->key_from_disk(v->base + i * keys_len(cur), key);
	}
}

/* The highest key of what entry @i covers; its only key, where records do not overlap. */
static inline void slot_high_key(struct dx_btree_cur *cur, const struct view *v, int i, union dx_btree_key *key)
{
	if (!overlapping(cur)) {
		slot_key(cur, v, i, key);
	} else if (v->level == 0) {
		union dx_btree_rec rec;

		cur->ops->rec_from_disk(v->base + i * cur->ops->rec_len, &rec);
		cur->ops->high_key_from_rec(&rec, key);
	} else {
		cur->ops->key_from_disk(v->base + i * keys_len(cur) + cur->ops->key_len, key);
	}
}

/* What a parent says of a block. */
struct keys { union dx_btree_key low, high; };

static inline void keys_of(struct dx_btree_cur *cur, const struct view *v, struct keys *k)
{
	union dx_btree_key high;
	int i;

	slot_key(cur, v, 0, &k->low);
	if (!overlapping(cur))
		return;
	slot_high_key(cur, v, 0, &k->high);
	for (i = 1; i < v->nrecs; i++) {
		slot_high_key(cur, v, i, &high);
		if (cur->ops->key_cmp(&high, &k->high) > 0)
			k->high = high;
	}
}

/* Without logging. */
static inline void store_keys(struct dx_btree_cur *cur, struct view *v, int i, const struct keys *k)
{
	char *p = v->base + i * keys_len(cur);

	cur->ops->key_to_disk(p, &k->low);
	if (overlapping(cur))
		cur->ops->key_to_disk(p + cur->ops->key_len, &k->high);
}

static inline void set_slot_keys(struct dx_btree_cur *cur, struct view *v, int i, const struct keys *k)
{
	store_keys(cur, v, i, k);
	if (v->root)
		cur->ops->log_root(cur);
	else
		log_range(cur, v->bp, v->base + i * keys_len(cur), keys_len(cur));
}

/* Entry @i of @parent is about @child, whose contents have changed. */
static inline void renew_keys(struct dx_btree_cur *cur, struct view *parent, int i, const struct view *child)
{
	struct keys k;

	keys_of(cur, child, &k);
	set_slot_keys(cur, parent, i, &k);
}

/* The same for a neighbour on the left, whose first key is as it was. */
static inline void renew_high_key(struct dx_btree_cur *cur, struct view *parent, int i, const struct view *child)
{
	if (overlapping(cur))
		renew_keys(cur, parent, i, child);
}

static inline int bad_block(struct dx_btree_cur *cur, u64 ptr, const char *field)
{
	return dx_corrupt(cur->mp, cur->ops->name, ptr_ok(cur, ptr) ? ptr_daddr(cur, ptr) : ptr,
			  "%s (owner %llu)", field, (unsigned long long)cur->ops->owner(cur));
}

static inline void drop_level(struct dx_btree_cur *cur, int level)
{
	struct dx_buf *bp = cur->lev[level].bp;

	cur->lev[level].bp = NULL;
	if (bp)
		dx_trans_let_go(cur->tp, bp);
}

/* btree.c */
int dx_btree_read_ptr(struct dx_btree_cur *cur, u64 ptr, int level, struct dx_buf **bpp);
/* btree_split.c */
int dx_btree_make_room(struct dx_btree_cur *cur, int level);
/* btree_merge.c */
int dx_btree_rebalance(struct dx_btree_cur *cur);

#endif /* DX_BTREE_INT_H */
