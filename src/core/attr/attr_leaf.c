// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attribute leaf blocks: hash entries from the front, names and values from
 * the end ("Leaf Attributes").
 *
 * Invariants: usedbytes is the sum of all name structures, firstused the lowest of them; the
 * freemap that we write has one run, the space between the entries and
 * firstused, and holes tells whether there is more.  Removal leaves holes;
 * an insertion that needs them compacts the block.
 *
 * Lock context: ILOCK of the inode exclusive; block in the transaction.
 */
#include "dx_attr_int.h"
#include "dx_dir.h"

/**
 * dx_attr_hash - under which hash an attribute is found in a tree
 * @nsp: its namespace
 * @name: its name
 * @namelen: bytes of it
 * @value: its value; only that of a parent pointer counts
 * @valuelen: bytes of it
 *
 * Files of one name in many directories, links of one file, would all collide: the directory's number is mixed in.
 */
u32 dx_attr_hash(u8 nsp, const u8 *name, u32 namelen, const void *value, u32 valuelen)
{
	const struct dx_parent_rec *rec = value;
	u32 hash = dx_da_hashname(name, namelen);
	u64 ino;

	if (!(nsp & DX_ATTR_PARENT) || valuelen != sizeof(*rec))
		return hash;
	ino = get_unaligned_be64(&rec->p_ino);
	return hash ^ (u32)(ino >> 32) ^ (u32)ino;
}

/**
 * dx_attr_is - is it the attribute that is looked for?
 * @a: name, namespace; of a parent pointer also the value, for each link of this name has one
 * @ref: the attribute
 */
bool dx_attr_is(const struct dx_da_args *a, const struct dx_attr_ref *ref)
{
	if (ref->namelen != a->namelen || (ref->flags & DX_ATTR_NSP_ONDISK_MASK) != a->nsp ||
	    memcmp(ref->name, a->name, a->namelen))
		return false;
	return !(a->nsp & DX_ATTR_PARENT) ||
	       (ref->value && ref->valuelen == a->valuelen && !memcmp(ref->value, a->value, a->valuelen));
}

static inline struct dx_attr3_leaf_hdr *hdr_of(struct dx_buf *bp)
{
	return bp->b_addr;
}

static u32 name_size(struct dx_buf *bp, const struct dx_attr_leaf_entry *e)
{
	void *p = dx_buf_off(bp, be16_to_cpu(e->nameidx));

	if (e->flags & DX_ATTR_LOCAL) {
		struct dx_attr_leaf_name_local *n = p;

		return dx_attr_local_size(n->namelen, be16_to_cpu(n->valuelen));
	}
	return dx_attr_remote_size(((struct dx_attr_leaf_name_remote *)p)->namelen);
}

/* Bytes that the operation's attribute takes among the names. */
static u32 new_size(const struct dx_da_args *a)
{
	return a->rmtblk ? dx_attr_remote_size(a->namelen) : dx_attr_local_size(a->namelen, a->valuelen);
}

/**
 * dx_attr_leaf_ref - one attribute of a leaf
 * @bp: verified leaf
 * @idx: index of the entry
 * @ref: out: points into the block
 */
int dx_attr_leaf_ref(struct dx_buf *bp, u32 idx, struct dx_attr_ref *ref)
{
	struct dx_attr_leaf_entry *e = &dx_attr_leaf_ents(bp)[idx];
	void *p = dx_buf_off(bp, be16_to_cpu(e->nameidx));

	ref->flags = e->flags;
	if (e->flags & DX_ATTR_LOCAL) {
		struct dx_attr_leaf_name_local *n = p;

		ref->name = n->nameval;
		ref->namelen = n->namelen;
		ref->value = n->nameval + n->namelen;
		ref->valuelen = be16_to_cpu(n->valuelen);
		ref->rmtblk = 0;
	} else {
		struct dx_attr_leaf_name_remote *n = p;

		ref->name = n->name;
		ref->namelen = n->namelen;
		ref->value = NULL;
		ref->valuelen = be32_to_cpu(n->valuelen);
		ref->rmtblk = be32_to_cpu(n->valueblk);
	}
	return 0;
}

/**
 * dx_attr_leaf_find - first entry whose hash is not below @hash
 * @bp: leaf
 * @hash: hash
 */
u32 dx_attr_leaf_find(struct dx_buf *bp, u32 hash)
{
	return dx_da_hash_find(dx_attr_leaf_ents(bp), be16_to_cpu(hdr_of(bp)->count), hash);
}

/* Bytes that entries and names take. */
static u32 leaf_used(struct dx_buf *bp)
{
	return be16_to_cpu(hdr_of(bp)->count) * sizeof(struct dx_attr_leaf_entry) + be16_to_cpu(hdr_of(bp)->usedbytes);
}

static u32 ents_end(struct dx_buf *bp)
{
	return DX_ATTR_LEAF_HDR + be16_to_cpu(hdr_of(bp)->count) * sizeof(struct dx_attr_leaf_entry);
}

/* Freemap and holes from the other header fields. */
static void settle(struct dx_buf *bp)
{
	struct dx_attr3_leaf_hdr *h = hdr_of(bp);
	u32 base = ents_end(bp), first = be16_to_cpu(h->firstused);

	memset(h->freemap, 0, sizeof(h->freemap));
	h->freemap[0].base = cpu_to_be16(base);
	h->freemap[0].size = cpu_to_be16(first - base);
	h->holes = first + be16_to_cpu(h->usedbytes) != dx_buf_len(bp);
}

/**
 * dx_attr_leaf_init - format an empty leaf
 * @a: operation
 * @bp: buffer
 *
 * Not logged: the caller fills it first.
 */
void dx_attr_leaf_init(struct dx_da_args *a, struct dx_buf *bp)
{
	struct dx_attr3_leaf_hdr *h = hdr_of(bp);

	memset(h, 0, dx_buf_len(bp));
	dx_da_init_blkinfo(a, bp, DX_ATTR3_LEAF_MAGIC);
	h->firstused = cpu_to_be16(dx_buf_len(bp));
	settle(bp);
	dx_da_set_type(a, bp, DX_BLFT_ATTR_LEAF, &dx_attr3_leaf_buf_ops);
}

/* Entry at @pos with @size bytes of name: returns where the name goes.  There is room between entries and names. */
static void *put(struct dx_buf *bp, u32 pos, u32 hash, u8 flags, u32 size)
{
	struct dx_attr3_leaf_hdr *h = hdr_of(bp);
	struct dx_attr_leaf_entry *e = dx_attr_leaf_ents(bp);
	u32 count = be16_to_cpu(h->count), at = be16_to_cpu(h->firstused) - size;

	memmove(&e[pos + 1], &e[pos], (count - pos) * sizeof(*e));
	e[pos].hashval = cpu_to_be32(hash);
	e[pos].nameidx = cpu_to_be16(at);
	e[pos].flags = flags;
	e[pos].pad2 = 0;
	h->count = cpu_to_be16(count + 1);
	h->usedbytes = cpu_to_be16(be16_to_cpu(h->usedbytes) + size);
	h->firstused = cpu_to_be16(at);
	settle(bp);
	memset(dx_buf_off(bp, at), 0, size);
	return dx_buf_off(bp, at);
}

static void put_new(struct dx_da_args *a, struct dx_buf *bp, u32 pos)
{
	u8 flags = a->nsp | (a->rmtblk ? 0 : DX_ATTR_LOCAL);
	void *p = put(bp, pos, a->hashval, flags, new_size(a));

	if (a->rmtblk) {
		struct dx_attr_leaf_name_remote *n = p;

		n->valueblk = cpu_to_be32(a->rmtblk);
		n->valuelen = cpu_to_be32(a->valuelen);
		n->namelen = a->namelen;
		memcpy(n->name, a->name, a->namelen);
	} else {
		struct dx_attr_leaf_name_local *n = p;

		n->valuelen = cpu_to_be16(a->valuelen);
		n->namelen = a->namelen;
		memcpy(n->nameval, a->name, a->namelen);
		memcpy(n->nameval + a->namelen, a->value, a->valuelen);
	}
}

/* Append entry @idx of @from (a copy of a leaf) to @to. */
static void put_copy(struct dx_buf *to, const char *from, u32 idx)
{
	const struct dx_attr_leaf_entry *e = (const struct dx_attr_leaf_entry *)(from + DX_ATTR_LEAF_HDR) + idx;
	const char *name = from + be16_to_cpu(e->nameidx);
	u32 size;

	if (e->flags & DX_ATTR_LOCAL) {
		const struct dx_attr_leaf_name_local *n = (const void *)name;

		size = dx_attr_local_size(n->namelen, be16_to_cpu(n->valuelen));
	} else {
		size = dx_attr_remote_size(((const struct dx_attr_leaf_name_remote *)name)->namelen);
	}
	memcpy(put(to, be16_to_cpu(hdr_of(to)->count), be32_to_cpu(e->hashval), e->flags, size), name, size);
}

/* Empty a leaf but keep its header's links. */
static void reset(struct dx_buf *bp)
{
	struct dx_attr3_leaf_hdr *h = hdr_of(bp);

	h->count = 0;
	h->usedbytes = 0;
	h->firstused = cpu_to_be16(dx_buf_len(bp));
	memset((char *)h + DX_ATTR_LEAF_HDR, 0, dx_buf_len(bp) - DX_ATTR_LEAF_HDR);
	settle(bp);
}

static char *copy_of(struct dx_buf *bp)
{
	return kmemdup(bp->b_addr, dx_buf_len(bp), GFP_NOFS | __GFP_NOFAIL);
}

static void compact(struct dx_da_args *a, struct dx_buf *bp)
{
	u32 count = be16_to_cpu(hdr_of(bp)->count), i;
	char *copy = copy_of(bp);

	reset(bp);
	for (i = 0; i < count; i++)
		put_copy(bp, copy, i);
	kfree(copy);
	dx_da_log_all(a, bp);
}

/* Put the operation's attribute at @pos into a leaf.  -ENOSPC, with nothing changed, when it is full. */
static int leaf_add(struct dx_da_args *a, struct dx_buf *bp, u32 pos)
{
	struct dx_attr3_leaf_hdr *h = hdr_of(bp);
	u32 need = sizeof(struct dx_attr_leaf_entry) + new_size(a), at;

	if (DX_ATTR_LEAF_HDR + leaf_used(bp) + need > dx_buf_len(bp))
		return -ENOSPC;
	if (ents_end(bp) + need > be16_to_cpu(h->firstused))
		compact(a, bp);
	put_new(a, bp, pos);
	at = be16_to_cpu(h->firstused);
	dx_da_log(a, bp, h, DX_ATTR_LEAF_HDR);
	dx_da_log(a, bp, &dx_attr_leaf_ents(bp)[pos],
		  (be16_to_cpu(h->count) - pos) * sizeof(struct dx_attr_leaf_entry));
	dx_da_log(a, bp, dx_buf_off(bp, at), new_size(a));
	return 0;
}

/**
 * dx_attr_leaf_del - remove an entry from a leaf
 * @a: operation
 * @bp: leaf
 * @idx: index of the entry
 *
 * A remote value is not touched.
 */
void dx_attr_leaf_del(struct dx_da_args *a, struct dx_buf *bp, u32 idx)
{
	struct dx_attr3_leaf_hdr *h = hdr_of(bp);
	struct dx_attr_leaf_entry *e = dx_attr_leaf_ents(bp);
	u32 count = be16_to_cpu(h->count), size = name_size(bp, &e[idx]), at = be16_to_cpu(e[idx].nameidx), first, i;

	memset(dx_buf_off(bp, at), 0, size);
	dx_da_log(a, bp, dx_buf_off(bp, at), size);
	memmove(&e[idx], &e[idx + 1], (count - idx - 1) * sizeof(*e));
	memset(&e[count - 1], 0, sizeof(*e));
	dx_da_log(a, bp, &e[idx], (count - idx) * sizeof(*e));
	count--;
	first = be16_to_cpu(h->firstused);
	if (at == first) {
		first = dx_buf_len(bp);
		for (i = 0; i < count; i++)
			first = min_t(u32, first, be16_to_cpu(e[i].nameidx));
	}
	h->count = cpu_to_be16(count);
	h->usedbytes = cpu_to_be16(be16_to_cpu(h->usedbytes) - size);
	h->firstused = cpu_to_be16(first);
	settle(bp);
	dx_da_log(a, bp, h, DX_ATTR_LEAF_HDR);
}

static void leaf_merge(struct dx_da_args *a, struct dx_buf *left, struct dx_buf *right)
{
	u32 n = be16_to_cpu(hdr_of(right)->count), i;

	compact(a, left);
	for (i = 0; i < n; i++)
		put_copy(left, right->b_addr, i);
	dx_da_log_all(a, left);
}

const struct dx_da_leaf_ops dx_attr_leaf_ops = { .used = leaf_used, .merge = leaf_merge };

/* Fill a reset leaf with entries [from, to) of the old leaf with the new one at @pos among them. */
static void fill(struct dx_da_args *a, struct dx_buf *bp, const char *old, u32 pos, u32 from, u32 to)
{
	u32 i;

	for (i = from; i < to; i++) {
		if (i == pos)
			put_new(a, bp, be16_to_cpu(hdr_of(bp)->count));
		else
			put_copy(bp, old, i > pos ? i - 1 : i);
	}
	dx_da_log_all(a, bp);
}

/* Hash of entry @i of a leaf with the new entry at @pos among them. */
static u32 hash_with_new(struct dx_da_args *a, struct dx_buf *bp, u32 pos, u32 i)
{
	return i == pos ? a->hashval : be32_to_cpu(dx_attr_leaf_ents(bp)[i > pos ? i - 1 : i].hashval);
}

/*
 * Put the operation's attribute at @pos into a leaf that is full: two leaves as even as can be; three when a large value fits with
 * neither side.  Equal hashes stay together where they can: xfs_repair wants each leaf to end in another hash.
 */
static int leaf_split(struct dx_da_args *a, struct dx_da_path *path, u32 pos)
{
	struct dx_da_lvl *lv = &path->lv[path->depth - 1], cur;
	struct dx_buf *bp = lv->bp, *nbp[2];
	u32 n = be16_to_cpu(hdr_of(bp)->count) + 1, cap = dx_buf_len(bp) - DX_ATTR_LEAF_HDR, total, left, i, cut[2], best;
	dx_dablk_t nblk[2];
	int parts = 1, k, error = 0;
	char *old = copy_of(bp);

	total = leaf_used(bp) + sizeof(struct dx_attr_leaf_entry) + new_size(a);
	left = 0;
	best = U32_MAX;
	for (i = 0; i + 1 < n; i++) {
		u32 size = i == pos ? new_size(a) : name_size(bp, &dx_attr_leaf_ents(bp)[i > pos ? i - 1 : i]);
		u32 diff;

		left += sizeof(struct dx_attr_leaf_entry) + size;
		diff = left > total - left ? left - (total - left) : total - left - left;
		if (hash_with_new(a, bp, pos, i) == hash_with_new(a, bp, pos, i + 1))
			diff += cap;
		if (left <= cap && total - left <= cap && diff < best) {
			best = diff;
			cut[0] = i + 1;
		}
	}
	if (best == U32_MAX) {
		parts = 2;
		cut[0] = pos;
		cut[1] = pos + 1;
		if (!pos || pos == n - 1) {
			error = dx_da_corrupt(a, bp, "attribute does not fit into a leaf of its own");
			goto out;
		}
	}
	for (k = 0; k < parts; k++) {
		error = dx_da_grow_leaf(a, &nblk[k], &nbp[k]);
		if (error)
			goto out;
		dx_attr_leaf_init(a, nbp[k]);
	}
	reset(bp);
	fill(a, bp, old, pos, 0, cut[0]);
	for (k = 0; k < parts; k++)
		fill(a, nbp[k], old, pos, cut[k], k + 1 < parts ? cut[k + 1] : n);
	cur = *lv;
	error = dx_da_link_after(a, &cur, nblk[0], nbp[0]);
	if (!error)
		error = dx_da_add_sibling(a, path, nblk[0], nbp[0]);
	if (!error && parts == 2) {
		struct dx_attr_leaf_entry *e = dx_attr_leaf_ents(nbp[0]);

		/* the root may have moved: find the middle one again */
		cur.bp = nbp[0];
		cur.blkno = nblk[0];
		error = dx_da_path_to_block(a, path, be32_to_cpu(e[be16_to_cpu(hdr_of(nbp[0])->count) - 1].hashval),
					    0, nblk[0]);
		if (!error)
			error = dx_da_link_after(a, &cur, nblk[1], nbp[1]);
		if (!error)
			error = dx_da_add_sibling(a, path, nblk[1], nbp[1]);
	}
out:
	kfree(old);
	return error;
}

/**
 * dx_attr_leaf_enter - put the operation's attribute into the leaf that it belongs to
 * @a: name, namespace, value (or rmtblk)
 * @path: path to the leaf; invalid afterwards
 *
 * A leaf that is full is split, and what is above it as needed.
 */
int dx_attr_leaf_enter(struct dx_da_args *a, struct dx_da_path *path)
{
	struct dx_buf *bp = path->lv[path->depth - 1].bp;
	u32 pos = dx_attr_leaf_find(bp, a->hashval);

	if (leaf_add(a, bp, pos))
		return leaf_split(a, path, pos);
	dx_da_fix_hash(a, path, path->depth - 1);
	return 0;
}
