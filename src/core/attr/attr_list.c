// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes listed in parts: by the hashes of their names, so that a listing goes on where it was, whatever has come and gone in
 * between.
 *
 * Lock context: the ILOCK, shared, is taken here; a transaction without reservation holds the blocks.
 */
#include "dx_attr_int.h"

struct from {
	struct dx_attr_cursor	*cur;
	u32			seen;		/* of the hash that the cursor is at */
	int			(*fn)(void *ctx, const struct dx_attr_ref *ref);
	void			*ctx;
};

/* The value counts only in the hash of a parent pointer, and that of a sound one is beside its name. */
static u32 hash_of(const struct dx_attr_ref *ref)
{
	return dx_attr_hash(ref->flags, ref->name, ref->namelen, ref->value, ref->value ? ref->valuelen : 0);
}

static int pass_on(void *ctx, const struct dx_attr_ref *ref)
{
	struct from *f = ctx;
	u32 hash;
	int ret;

	if (ref->flags & DX_ATTR_INCOMPLETE)
		return 0;
	if (!f->cur)
		return f->fn(f->ctx, ref);
	hash = hash_of(ref);
	if (hash < f->cur->hash)
		return 0;
	if (hash > f->cur->hash) {
		f->cur->hash = hash;
		f->cur->done = 0;
		f->seen = 0;
	}
	if (f->seen++ < f->cur->done)
		return 0;
	ret = f->fn(f->ctx, ref);
	if (!ret)
		f->cur->done++;
	return ret;
}

/* The short form is in no order: what has the lowest hash of those that are left, and of these the first in the fork. */
struct lowest {
	u64			above;		/* hash << 32 | place, of the last one that was passed on */
	u64			best;
	struct dx_attr_ref	ref;
	u32			place;
};

static int lowest_one(void *ctx, const struct dx_attr_ref *ref)
{
	struct lowest *l = ctx;
	u64 key = (u64)hash_of(ref) << 32 | ++l->place;

	if (key > l->above && key < l->best) {
		l->best = key;
		l->ref = *ref;
	}
	return 0;
}

static int walk_sf(struct dx_inode *ip, struct from *f)
{
	struct lowest l = { };
	int error;

	for (;;) {
		l.best = U64_MAX;
		l.place = 0;
		error = dx_attr_sf_walk(ip, lowest_one, &l);
		if (error || l.best == U64_MAX)
			return error;
		l.above = l.best;
		error = pass_on(f, &l.ref);
		if (error)
			return error;
	}
}

/**
 * dx_attr_walk_from - call a function for each attribute of an inode, parent pointers too, by hash
 * @ip: ILOCK not held: taken shared
 * @cur: where to go on; zeroed: from the first one.  Stays good when attributes come and go.  NULL: all, as they lie in the fork
 * @fn: non-zero stops: that attribute is the next one next time.  Runs under the ILOCK and perhaps a buffer lock: it must not touch
 *	user memory
 * @ctx: for @fn
 *
 * Those whose setting was not finished are left out.
 *
 * Return: 0: there are no more; what @fn returned; -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_attr_walk_from(struct dx_inode *ip, struct dx_attr_cursor *cur,
		      int (*fn)(void *ctx, const struct dx_attr_ref *ref), void *ctx)
{
	struct dx_da_args a = { .leaf = &dx_attr_leaf_ops, .dp = ip, .mp = ip->mp, .whichfork = DX_ATTR_FORK };
	struct from f = { .cur = cur, .fn = fn, .ctx = ctx };
	int mode, error;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	error = dx_trans_alloc_empty(ip->mp, &a.tp);
	if (error)
		return error;
	mode = dx_ilock_attr_map_shared(ip);
	if (dx_attr_has_tree(ip)) {
		error = dx_iread_extents(a.tp, ip, DX_ATTR_FORK);
		if (!error)
			error = dx_attr_walk(&a, cur ? cur->hash : 0, pass_on, &f);
	} else if (ip->af && ip->af->format == DX_DINODE_FMT_LOCAL) {
		error = cur ? walk_sf(ip, &f) : dx_attr_sf_walk(ip, pass_on, &f);
	}
	dx_trans_cancel(a.tp);
	dx_iunlock(ip, mode);
	return error;
}

struct list_ctx {
	int (*fn)(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen);
	void *ctx;
};

static int list_one(void *ctx, const struct dx_attr_ref *ref)
{
	struct list_ctx *l = ctx;

	/* parent pointers are nobody's attributes */
	if (ref->flags & DX_ATTR_PARENT)
		return 0;
	return l->fn(l->ctx, ref->flags & DX_ATTR_NSP_ONDISK_MASK, ref->name, ref->namelen, ref->valuelen);
}

/**
 * dx_attr_list - call a function for each attribute
 * @ip: inode, ILOCK not held: taken shared
 * @cur: as of dx_attr_walk_from()
 * @fn: gets namespace, name and length of the value; > 0 stops: that is the next one next time
 * @ctx: for @fn
 *
 * @fn runs under the ILOCK and a buffer lock: it must not touch user memory.
 *
 * Return: 0: there are no more; what @fn returned; -errno.
 */
int dx_attr_list(struct dx_inode *ip, struct dx_attr_cursor *cur,
		 int (*fn)(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen), void *ctx)
{
	struct list_ctx l = { fn, ctx };

	return dx_attr_walk_from(ip, cur, list_one, &l);
}
