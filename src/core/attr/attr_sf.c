// SPDX-License-Identifier: GPL-2.0-only
/*
 * Short form attributes: all of them inside the inode ("Short Form
 * Attributes"), and the ways to and from blocks.
 *
 * Invariants: totsize is the length of the fork's local data; forkoff leaves
 * the attribute fork at least that much.  Names and values of up to 255 bytes.
 *
 * Lock context: ILOCK of the inode, exclusive inside a transaction to change.
 */
#include "dx_attr_int.h"
#include "dx_dir.h"

#define SF_MAX	255		/* the count has a byte */

/**
 * dx_attr_sf_verify - check short form attributes before they are believed
 * @mp: mount
 * @ino: the inode, for the message
 * @data: local data of the attribute fork
 * @bytes: its length: the room of the fork or totsize
 *
 * "Short Form Attributes".  Returns 0 or -EFSCORRUPTED.
 */
int dx_attr_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes)
{
	const struct dx_attr_sf_hdr *h = data;
	const u8 *p, *end;
	const char *bad = NULL;
	int i;

	if (bytes < sizeof(*h) || be16_to_cpu(h->totsize) < sizeof(*h) || be16_to_cpu(h->totsize) > bytes)
		return dx_corrupt(mp, "attribute fork", 0, "inode %llu: bad short form totsize", (unsigned long long)ino);
	p = (const u8 *)(h + 1);
	end = (const u8 *)data + be16_to_cpu(h->totsize);
	for (i = 0; i < h->count && !bad; i++) {
		const struct dx_attr_sf_entry *e = (const struct dx_attr_sf_entry *)p;

		if (p + sizeof(*e) > end || e->nameval + e->namelen + e->valuelen > end)
			bad = "entry length";
		else if (!e->namelen)
			bad = "namelen";
		else if (e->flags & ~DX_ATTR_NSP_ONDISK_MASK)
			bad = "flags";
		else if (hweight8(e->flags & DX_ATTR_NSP_ONDISK_MASK) > 1)
			bad = "namespace";
		else if ((e->flags & DX_ATTR_PARENT) && (!dx_has_parent(mp) || e->valuelen != sizeof(struct dx_parent_rec)))
			bad = "parent pointer";
		else
			p = e->nameval + e->namelen + e->valuelen;
	}
	if (!bad && p != end)
		bad = "totsize";
	if (bad)
		return dx_corrupt(mp, "attribute fork", 0, "inode %llu: bad short form %s", (unsigned long long)ino, bad);
	return 0;
}

static struct dx_attr_sf_hdr *sf_hdr(struct dx_inode *ip)
{
	return ip->af->data;
}

static inline u32 sf_entsize(u32 namelen, u32 valuelen)
{
	return sizeof(struct dx_attr_sf_entry) + namelen + valuelen;
}

/* Next entry, NULL at the end (or where a damaged one would leave the fork). */
static struct dx_attr_sf_entry *sf_next(struct dx_inode *ip, struct dx_attr_sf_entry *e, int *left)
{
	u8 *end = (u8 *)ip->af->data + ip->af->bytes;

	if (!e) {
		*left = sf_hdr(ip)->count;
		e = (struct dx_attr_sf_entry *)(sf_hdr(ip) + 1);
	} else {
		(*left)--;
		e = (struct dx_attr_sf_entry *)((u8 *)e + sf_entsize(e->namelen, e->valuelen));
	}
	if (*left <= 0 || (u8 *)(e + 1) > end || (u8 *)e + sf_entsize(e->namelen, e->valuelen) > end)
		return NULL;
	return e;
}

static void to_ref(const struct dx_attr_sf_entry *e, struct dx_attr_ref *ref)
{
	ref->flags = e->flags;
	ref->name = e->nameval;
	ref->namelen = e->namelen;
	ref->value = e->nameval + e->namelen;
	ref->valuelen = e->valuelen;
	ref->rmtblk = 0;
}

static struct dx_attr_sf_entry *sf_find(struct dx_inode *ip, const struct dx_da_args *a)
{
	struct dx_attr_sf_entry *e = NULL;
	struct dx_attr_ref ref;
	int left;

	if (ip->af->bytes < sizeof(struct dx_attr_sf_hdr))
		return NULL;
	while ((e = sf_next(ip, e, &left))) {
		to_ref(e, &ref);
		if (dx_attr_is(a, &ref))
			return e;
	}
	return NULL;
}

/**
 * dx_attr_sf_find - look an attribute up
 * @ip: inode with a local attribute fork
 * @a: name and namespace
 * @ref: out: points into the fork
 *
 * Returns 0 or -ENOATTR.
 */
int dx_attr_sf_find(struct dx_inode *ip, const struct dx_da_args *a, struct dx_attr_ref *ref)
{
	struct dx_attr_sf_entry *e = sf_find(ip, a);

	if (!e)
		return -ENOATTR;
	to_ref(e, ref);
	return 0;
}

/**
 * dx_attr_sf_walk - call a function for each attribute
 * @ip: inode with a local attribute fork
 * @fn: non-zero stops the walk
 * @ctx: for @fn
 */
int dx_attr_sf_walk(struct dx_inode *ip, int (*fn)(void *ctx, const struct dx_attr_ref *ref), void *ctx)
{
	struct dx_attr_sf_entry *e = NULL;
	struct dx_attr_ref ref;
	int left, error = 0;

	if (ip->af->bytes < sizeof(struct dx_attr_sf_hdr))
		return 0;
	while (!error && (e = sf_next(ip, e, &left))) {
		to_ref(e, &ref);
		error = fn(ctx, &ref);
	}
	return error;
}

/* Drop an entry from a copy of the fork's data; returns the new length. */
static u32 sf_cut(u8 *data, u32 bytes, u32 off)
{
	struct dx_attr_sf_hdr *h = (struct dx_attr_sf_hdr *)data;
	struct dx_attr_sf_entry *e = (struct dx_attr_sf_entry *)(data + off);
	u32 size = sf_entsize(e->namelen, e->valuelen);

	memmove(data + off, data + off + size, bytes - off - size);
	h->count--;
	return bytes - size;
}

static int sf_store(struct dx_da_args *a, u8 *data, u32 bytes, u32 forkoff)
{
	struct dx_inode *ip = a->dp;
	int error;

	((struct dx_attr_sf_hdr *)data)->totsize = cpu_to_be16(bytes);
	error = dx_fork_local_replace(ip, DX_ATTR_FORK, data, bytes);
	if (error)
		return error;
	if (forkoff)
		ip->d.forkoff = forkoff;
	dx_trans_log_inode(a->tp, ip, DX_ILOG_CORE | DX_ILOG_ADATA);
	return 0;
}

/* An attribute fork without extents becomes local, holding no attributes yet (in @buf). */
static u32 sf_begin(struct dx_inode *ip, u8 *buf)
{
	struct dx_fork *f = ip->af;

	if (f->format == DX_DINODE_FMT_LOCAL && f->bytes >= sizeof(struct dx_attr_sf_hdr)) {
		memcpy(buf, f->data, f->bytes);
		return f->bytes;
	}
	memset(buf, 0, sizeof(struct dx_attr_sf_hdr));
	return sizeof(struct dx_attr_sf_hdr);
}

/* The operation's attribute comes, @e goes, if there is one.  -ENOSPC, with nothing changed, when it does not fit. */
static int sf_put(struct dx_da_args *a, struct dx_attr_sf_entry *e)
{
	struct dx_inode *ip = a->dp;
	struct dx_fork *f = ip->af;
	struct dx_attr_sf_hdr *h;
	u32 old = 0, bytes, forkoff, room;
	u8 *buf;
	int error;

	if (a->valuelen > 255)
		return -ENOSPC;
	if (e)
		old = sf_entsize(e->namelen, e->valuelen);
	room = max_t(u32, f->format == DX_DINODE_FMT_LOCAL ? f->bytes : 0, sizeof(*h));
	bytes = room - old + sf_entsize(a->namelen, a->valuelen);
	forkoff = dx_attr_short_fits(ip, bytes);
	if (!forkoff)
		return -ENOSPC;
	buf = kmalloc(room + sf_entsize(a->namelen, a->valuelen), GFP_NOFS | __GFP_NOFAIL);
	bytes = sf_begin(ip, buf);
	h = (struct dx_attr_sf_hdr *)buf;
	if (e) {
		bytes = sf_cut(buf, bytes, (u8 *)e - (u8 *)f->data);
	} else if (h->count == SF_MAX) {
		kfree(buf);
		return -ENOSPC;
	}
	e = (struct dx_attr_sf_entry *)(buf + bytes);
	e->namelen = a->namelen;
	e->valuelen = a->valuelen;
	e->flags = a->nsp;
	memcpy(e->nameval, a->name, a->namelen);
	memcpy(e->nameval + a->namelen, a->value, a->valuelen);
	h->count++;
	bytes += sf_entsize(a->namelen, a->valuelen);
	if (f->format != DX_DINODE_FMT_LOCAL) {
		dx_iext_destroy(&f->ext);
		dx_iext_init(&f->ext);
		f->format = DX_DINODE_FMT_LOCAL;
	}
	error = sf_store(a, buf, bytes, forkoff);
	kfree(buf);
	return error;
}

/**
 * dx_attr_sf_is_full - are there as many attributes in the inode as can be counted?
 * @ip: inode with an attribute fork that is no tree, ILOCK held
 */
bool dx_attr_sf_is_full(struct dx_inode *ip)
{
	return ip->af->format == DX_DINODE_FMT_LOCAL && ((struct dx_attr_sf_hdr *)ip->af->data)->count == SF_MAX;
}

/**
 * dx_attr_sf_set - add or replace an attribute in the inode
 * @a: name, namespace, value; the attribute fork exists, local or without extents
 *
 * Returns -ENOSPC, with nothing changed, when it does not fit.
 */
int dx_attr_sf_set(struct dx_da_args *a)
{
	return sf_put(a, a->dp->af->format == DX_DINODE_FMT_LOCAL ? sf_find(a->dp, a) : NULL);
}

/**
 * dx_attr_sf_swap - one attribute in the inode goes, another comes
 * @a: that which comes: name, namespace, value
 * @old: that which goes; the attribute fork is local
 *
 * Returns -ENOATTR, or -ENOSPC when it does not fit; then nothing has changed.
 */
int dx_attr_sf_swap(struct dx_da_args *a, const struct dx_da_args *old)
{
	struct dx_attr_sf_entry *e = sf_find(a->dp, old);

	return e ? sf_put(a, e) : -ENOATTR;
}

/*
 * Must the fork stay, although it is empty?  A bmbt root is sized to the room
 * that it has.  With parent pointers every inode has the fork from its beginning.  And a symlink that went to
 * blocks because the attributes took its place would be one that fits into the inode and is not there, which no checker accepts.
 */
static bool fork_must_stay(struct dx_inode *ip)
{
	if (ip->df.format == DX_DINODE_FMT_BTREE || dx_has_parent(ip->mp))
		return true;
	return S_ISLNK(ip->d.mode) && ip->df.format == DX_DINODE_FMT_EXTENTS &&
	       ip->d.size <= dx_inode_litino(ip->mp);
}

/**
 * dx_attr_fork_drop - the inode has no attribute fork any more
 * @ip: inode, ILOCK exclusive; the fork maps nothing
 *
 * The caller logs the core.
 */
void dx_attr_fork_drop(struct dx_inode *ip)
{
	struct dx_fork *f = ip->af;

	ip->d.forkoff = 0;
	if (!f)
		return;
	ip->af = NULL;
	dx_fork_free(f);
	kfree(f);
}

/**
 * dx_attr_sf_remove - remove an attribute from the inode
 * @a: name, namespace
 *
 * With the last one the fork itself goes, and its room back to the data fork
 * (unless the data fork cannot use it, see fork_must_stay()).
 */
int dx_attr_sf_remove(struct dx_da_args *a)
{
	struct dx_inode *ip = a->dp;
	struct dx_attr_sf_entry *e = sf_find(ip, a);
	u32 bytes;
	u8 *buf;
	int error;

	if (!e)
		return -ENOATTR;
	if (sf_hdr(ip)->count == 1 && !fork_must_stay(ip)) {
		dx_attr_fork_drop(ip);
		dx_trans_log_inode(a->tp, ip, DX_ILOG_CORE);
		return 0;
	}
	buf = kmemdup(ip->af->data, ip->af->bytes, GFP_NOFS | __GFP_NOFAIL);
	bytes = sf_cut(buf, ip->af->bytes, (u8 *)e - (u8 *)ip->af->data);
	error = sf_store(a, buf, bytes, dx_attr_short_fits(ip, bytes));
	kfree(buf);
	return error;
}

/* Enter all attributes of a copy of the short form into the tree. */
static int sf_enter_all(const struct dx_da_args *a, const u8 *copy, u32 bytes)
{
	const u8 *p = copy + sizeof(struct dx_attr_sf_hdr), *end = copy + bytes;
	struct dx_da_args one = *a;
	struct dx_da_path path;
	int error = 0;

	while (!error && p < end) {
		const struct dx_attr_sf_entry *e = (const struct dx_attr_sf_entry *)p;

		one.name = e->nameval;
		one.namelen = e->namelen;
		one.nsp = e->flags & DX_ATTR_NSP_ONDISK_MASK;
		one.value = e->nameval + e->namelen;
		one.valuelen = e->valuelen;
		one.rmtblk = 0;
		one.hashval = dx_attr_hash(one.nsp, one.name, one.namelen, one.value, one.valuelen);
		error = dx_da_lookup(&one, &path, one.hashval);
		if (!error)
			error = dx_attr_leaf_enter(&one, &path);
		p += sf_entsize(e->namelen, e->valuelen);
	}
	return error;
}

/**
 * dx_attr_sf_to_tree - move all attributes out of the inode into blocks of the fork
 * @a: operation; the fork is local or without extents
 *
 * A leaf, mostly.  But a name of two bytes without a value takes five in the inode and sixteen in a leaf, so what an inode of half
 * a block holds may take 1.6 blocks: three leaves at worst, if all that comes after the first split goes to one side.
 */
int dx_attr_sf_to_tree(struct dx_da_args *a)
{
	struct dx_inode *ip = a->dp;
	u8 *copy = NULL;
	struct dx_buf *bp;
	u32 bytes = 0;
	dx_dablk_t bno;
	int error;

	if (ip->af->format == DX_DINODE_FMT_LOCAL) {
		bytes = ip->af->bytes;
		if (bytes)
			copy = kmemdup(ip->af->data, bytes, GFP_NOFS | __GFP_NOFAIL);
		dx_fork_local_to_empty(ip, DX_ATTR_FORK);
		dx_trans_log_inode(a->tp, ip, DX_ILOG_CORE);
	}
	error = dx_da_grow_leaf(a, &bno, &bp);
	if (error)
		goto out;
	if (bno) {
		error = dx_da_corrupt(a, NULL, "first attribute block is not block 0");
		goto out;
	}
	dx_attr_leaf_init(a, bp);
	dx_da_log_all(a, bp);
	if (bytes > sizeof(struct dx_attr_sf_hdr))
		error = sf_enter_all(a, copy, bytes);
out:
	kfree(copy);
	return error;
}

/**
 * dx_attr_leaf_to_sf - move the attributes of a single leaf back into the inode
 * @a: operation
 * @bp: the leaf: block 0, all that the fork maps
 *
 * Does nothing, and returns 0, when they do not fit.
 */
int dx_attr_leaf_to_sf(struct dx_da_args *a, struct dx_buf *bp)
{
	struct dx_inode *ip = a->dp;
	struct dx_attr3_leaf_hdr *lh = bp->b_addr;
	u32 count = be16_to_cpu(lh->count), bytes = sizeof(struct dx_attr_sf_hdr), i, forkoff;
	struct dx_attr_sf_hdr *h;
	struct dx_attr_ref ref;
	u8 *buf, *p;
	int error;

	if (count > 255)
		return 0;
	for (i = 0; i < count; i++) {
		error = dx_attr_leaf_ref(bp, i, &ref);
		if (error)
			return error;
		if (!ref.value || ref.valuelen > 255 || (ref.flags & DX_ATTR_INCOMPLETE))
			return 0;
		bytes += sf_entsize(ref.namelen, ref.valuelen);
	}
	forkoff = dx_attr_short_fits(ip, bytes);
	if (!forkoff)
		return 0;
	buf = kzalloc(bytes, GFP_NOFS | __GFP_NOFAIL);
	h = (struct dx_attr_sf_hdr *)buf;
	h->totsize = cpu_to_be16(bytes);
	h->count = count;
	p = (u8 *)(h + 1);
	for (i = 0; i < count; i++) {
		struct dx_attr_sf_entry *e = (struct dx_attr_sf_entry *)p;

		dx_attr_leaf_ref(bp, i, &ref);
		e->namelen = ref.namelen;
		e->valuelen = ref.valuelen;
		e->flags = ref.flags & DX_ATTR_NSP_ONDISK_MASK;
		memcpy(e->nameval, ref.name, ref.namelen);
		memcpy(e->nameval + ref.namelen, ref.value, ref.valuelen);
		p += sf_entsize(ref.namelen, ref.valuelen);
	}
	error = dx_da_unmap(a, 0, bp);
	if (error) {
		if (error == -ENOSPC)
			error = 0;
		goto out;
	}
	if (!count && !fork_must_stay(ip)) {
		dx_attr_fork_drop(ip);
		dx_trans_log_inode(a->tp, ip, DX_ILOG_CORE);
		goto out;
	}
	error = dx_fork_empty_to_local(ip, DX_ATTR_FORK, buf, bytes);
	if (!error) {
		ip->d.forkoff = forkoff;
		dx_trans_log_inode(a->tp, ip, DX_ILOG_CORE | DX_ILOG_ADATA);
	}
out:
	kfree(buf);
	return error;
}
