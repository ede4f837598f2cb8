// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache of metadata buffers: finding, locking, keeping and giving back.
 * Reading and writing is buf_io.c.
 *
 * Invariants:
 *  - At most one buffer that is not stale exists for an address.  A stale one (its
 *    blocks were freed, its item may still be in the log) may share the address with a
 *    new one of another length until its last reference goes.
 *  - The hash table holds one reference on each cached buffer.  A buffer
 *    on an idle list has only that one, is unlocked, clean and unpinned: log items and
 *    delayed write lists hold references of their own.
 *  - A reference can always be taken under the shard lock, never
 *    resurrected from zero.
 *
 * Lock order: buffer lock, then shard lock.  Buffer locks among themselves follow L1
 * (AG headers in ascending AG order, then other metadata).
 */
#include "dx_buf_cache.h"

#define MEMORY_WAIT_MS	2
#define DESTROY_BATCH	(1UL << 20)	/* bytes that are freed without a pause */

/* ---- hash table ---- */

struct buf_key {
	dx_daddr_t	daddr;		/* what is hashed: must come first */
	u32		len_bb;
};

static int buf_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct buf_key *key = arg->key;
	const struct dx_buf *bp = obj;

	if (bp->b_daddr != key->daddr)
		return 1;
	/* of another length: a stale one may be shadowed, a live one is found and refused */
	return bp->b_len_bb != key->len_bb && (READ_ONCE(bp->b_flags) & DX_BF_STALE);
}

static const struct rhashtable_params buf_ht_params = {
	.min_size		= 64,
	.key_len		= sizeof(dx_daddr_t),
	.key_offset		= offsetof(struct dx_buf, b_daddr),
	.head_offset		= offsetof(struct dx_buf, b_rhash),
	.automatic_shrinking	= true,
	.obj_cmpfn		= buf_cmp,
};

static struct dx_buf_shard *shard_of(struct dx_buf_cache *c, dx_daddr_t daddr)
{
	return &c->shard[(daddr >> DX_BUF_SHARD_SHIFT) % DX_BUF_SHARDS];
}

/* What giving this buffer back gains. */
static unsigned long footprint(const struct dx_buf *bp)
{
	return ((unsigned long)bp->b_len_bb << DX_BBSHIFT) + sizeof(*bp);
}

/* ---- memory ---- */

static void buf_free(struct dx_buf *bp)
{
	WARN_ON_ONCE(atomic_read(&bp->b_pin));
	WARN_ON_ONCE(!list_empty(&bp->b_delwri));
	kvfree(bp->b_addr);
	if (bp->b_maps != &bp->b_map1)
		kfree(bp->b_maps);
	if (bp->b_ios != &bp->b_io1)
		kfree(bp->b_ios);
	/* a lookup in another shard may be walking over it: a chain of the table has buffers of all shards */
	if (bp->b_cached)
		kfree_rcu(bp, b_rcu);
	else
		kfree(bp);
}

/*
 * A locked buffer with two references (cache and caller) or, uncached, one.  Memory
 * below a page is kmalloc'ed in powers of two, which are naturally aligned, so that no
 * sector straddles a page; larger buffers may come from vmalloc.
 */
static struct dx_buf *buf_try_alloc(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps)
{
	unsigned int nofs = memalloc_nofs_save();
	struct dx_buf *bp;
	size_t bytes;
	int i;

	bp = kzalloc(sizeof(*bp), GFP_KERNEL);
	if (!bp)
		goto out;
	bp->b_mp = mp;
	bp->b_maps = &bp->b_map1;
	bp->b_ios = &bp->b_io1;
	sema_init(&bp->b_sema, 0);
	refcount_set(&bp->b_ref, 1);
	atomic_set(&bp->b_pin, 0);
	init_waitqueue_head(&bp->b_pin_wait);
	INIT_LIST_HEAD(&bp->b_lru);
	INIT_LIST_HEAD(&bp->b_delwri);
	INIT_LIST_HEAD(&bp->b_inodes);
	init_completion(&bp->b_iowait);
	INIT_WORK(&bp->b_iowork, dx_buf_io_work);

	if (nmaps > 1) {
		bp->b_maps = kcalloc(nmaps, sizeof(*bp->b_maps), GFP_KERNEL);
		bp->b_ios = kcalloc(nmaps, sizeof(*bp->b_ios), GFP_KERNEL);
		if (!bp->b_maps || !bp->b_ios)
			goto fail;
	}
	bp->b_nmaps = nmaps;
	for (i = 0; i < nmaps; i++) {
		bp->b_maps[i] = map[i];
		bp->b_len_bb += map[i].len_bb;
	}
	bp->b_daddr = map[0].daddr;

	/* zeroed: whatever a caller does not fill must not carry old memory to the disk */
	bytes = dx_buf_len(bp);
	if (bytes < PAGE_SIZE)
		bp->b_addr = kzalloc(roundup_pow_of_two(bytes), GFP_KERNEL);
	else
		bp->b_addr = kvzalloc(bytes, GFP_KERNEL);
	if (bp->b_addr)
		goto out;
fail:
	buf_free(bp);
	bp = NULL;
out:
	memalloc_nofs_restore(nofs);
	return bp;
}

/* With DX_GET_NOFAIL it may take long: the pieces can be too large for what __GFP_NOFAIL promises. */
static struct dx_buf *buf_alloc(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags)
{
	struct dx_buf *bp;

	while (!(bp = buf_try_alloc(mp, map, nmaps)) && (flags & DX_GET_NOFAIL))
		msleep(MEMORY_WAIT_MS);
	return bp;
}

/* ---- finding ---- */

static bool maps_ok(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps)
{
	u64 end = dx_fsb_to_bb(mp, dx_dblocks(mp));
	int i;

	for (i = 0; i < nmaps; i++) {
		if (map[i].len_bb && map[i].daddr < end && map[i].len_bb <= end - map[i].daddr)
			continue;
		dx_err_ratelimited(mp, "block address 0x%llx, length %u: outside of the volume",
				   (unsigned long long)map[i].daddr, map[i].len_bb);
		return false;
	}
	return nmaps > 0;
}

/* Referenced, not locked unless it is new: *@is_new tells. */
static int find_or_add(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags,
		       struct dx_buf **bpp, bool *is_new)
{
	struct dx_buf_cache *c = mp->bufs;
	struct dx_buf_shard *s = shard_of(c, map[0].daddr);
	struct buf_key key = { .daddr = map[0].daddr };
	struct dx_buf *bp, *fresh = NULL;
	int error, i;

	for (i = 0; i < nmaps; i++)
		key.len_bb += map[i].len_bb;
again:
	spin_lock(&s->lock);
	bp = rhashtable_lookup_fast(&c->ht, &key, buf_ht_params);
	if (bp && bp->b_len_bb != key.len_bb && !list_empty(&bp->b_lru)) {
		/*
		 * Nobody uses it, and it is clean: what recovery read as a part of a scattered block, or a
		 * block that was freed and came back as part of something else.
		 */
		rhashtable_remove_fast(&c->ht, &bp->b_rhash, buf_ht_params);
		list_del_init(&bp->b_lru);
		s->idle_bytes -= footprint(bp);
		spin_unlock(&s->lock);
		buf_free(bp);
		goto again;
	}
	if (bp && bp->b_len_bb != key.len_bb) {
		spin_unlock(&s->lock);
		dx_err_ratelimited(mp, "corrupt block pointer: %u sectors wanted at daddr 0x%llx, where a block of %u is in use",
				   key.len_bb, (unsigned long long)key.daddr, bp->b_len_bb);
		error = -EFSCORRUPTED;
		goto out_free;
	}
	if (bp) {
		refcount_inc(&bp->b_ref);
		if (!list_empty(&bp->b_lru)) {
			list_del_init(&bp->b_lru);
			s->idle_bytes -= footprint(bp);
		}
		if (bp->b_lru_ref < 3)
			bp->b_lru_ref++;
		spin_unlock(&s->lock);
		*bpp = bp;
		*is_new = false;
		error = 0;
		goto out_free;
	}
	if (flags & DX_GET_INCORE) {
		spin_unlock(&s->lock);
		return -ENOENT;
	}
	if (!fresh) {
		spin_unlock(&s->lock);
		fresh = buf_alloc(mp, map, nmaps, flags);
		if (!fresh)
			return -ENOMEM;
		goto again;
	}
	error = rhashtable_insert_fast(&c->ht, &fresh->b_rhash, buf_ht_params);
	if (!error) {
		fresh->b_cached = true;
		refcount_inc(&fresh->b_ref);	/* the table's */
	}
	spin_unlock(&s->lock);
	if (error == -ENOMEM || error == -EBUSY) {
		/* the table could not grow on the spot; it has asked a worker to */
		msleep(MEMORY_WAIT_MS);
		goto again;
	}
	if (error)
		goto out_free;
	*bpp = fresh;
	*is_new = true;
	return 0;

out_free:
	if (fresh)
		buf_free(fresh);
	return error;
}

/* Does a buffer that was verified as @have satisfy somebody who wants @want? */
static bool ops_fit(const struct dx_buf_ops *have, const struct dx_buf_ops *want)
{
	const struct dx_buf_ops *const *also;

	if (!want || have == want)
		return true;
	for (also = want->also; also && *also; also++)
		if (have == *also)
			return true;
	return false;
}

static int in_use_as(struct dx_buf *bp, const char *wanted)
{
	const struct dx_buf_ops *ops = READ_ONCE(bp->b_ops);

	dx_err_ratelimited(bp->b_mp, "corrupt block pointer: %s wanted at daddr 0x%llx, which is in use as %s", wanted,
			   (unsigned long long)bp->b_maps[0].daddr, ops ? ops->name : "metadata");
	return -EFSCORRUPTED;
}

/* What somebody takes a buffer for: a kind (NULL: any), and the inode that it must belong to. */
struct want {
	const struct dx_buf_ops	*ops;
	bool			owned;
	u64			owner;
};

/*
 * Before sleeping for the lock of a buffer that somebody else has: is it what the caller may have at
 * all?  The other one may be waiting for what this caller holds, if crafted pointers cross: between
 * kinds, or between inodes, each of which has the ILOCK of its own only.
 * Unlocked, so only what does not change while a buffer is live and locked is looked at.  What belongs
 * to the caller's inode is worth the wait: whoever has it and has no right to it finds that out before
 * he waits for anything.
 */
static int locked_check(struct dx_buf *bp, const struct want *want, u32 flags)
{
	unsigned int state = READ_ONCE(bp->b_flags);
	const struct dx_buf_ops *have = READ_ONCE(bp->b_ops);

	if (state & DX_BF_STALE)
		return 0;
	if ((flags & DX_GET_NEW) && READ_ONCE(bp->b_tp))
		return in_use_as(bp, "new block");
	if (!(state & DX_BF_DONE) || !have)
		return 0;
	if (!ops_fit(have, want->ops))
		return in_use_as(bp, want->ops->name);
	if (want->owned && have->owner && have->owner(bp) != want->owner) {
		dx_err_ratelimited(bp->b_mp, "corrupt block pointer: %s of inode 0x%llx wanted at daddr 0x%llx, which is in use by inode 0x%llx",
				   have->name, (unsigned long long)want->owner, (unsigned long long)bp->b_maps[0].daddr,
				   (unsigned long long)have->owner(bp));
		return -EFSCORRUPTED;
	}
	return 0;
}

/* dx_buf_get_map() for somebody who wants @want. */
static int get_map(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags,
		   const struct want *want, struct dx_buf **bpp)
{
	struct dx_buf *bp;
	bool is_new;
	int error;

	*bpp = NULL;
	if (!maps_ok(mp, map, nmaps))
		return -EFSCORRUPTED;
	error = find_or_add(mp, map, nmaps, flags, &bp, &is_new);
	if (error)
		return error;
	if (!is_new) {
		if (!dx_buf_trylock(bp)) {
			if (flags & DX_READ_TRYLOCK) {
				dx_buf_put(bp);
				return -EAGAIN;
			}
			error = locked_check(bp, want, flags);
			if (error) {
				dx_buf_put(bp);
				return error;
			}
			dx_buf_lock(bp);
		}
		/* freed and now allocated again at the same length: what it held means nothing */
		if (bp->b_flags & DX_BF_STALE) {
			bp->b_flags &= ~(DX_BF_STALE | DX_BF_DONE | DX_BF_WRITE_FAIL);
			bp->b_ops = NULL;
			bp->b_type = 0;
			dx_retry_succeeded(&bp->b_retry);
			memset(bp->b_addr, 0, dx_buf_len(bp));
		} else if ((flags & DX_GET_NEW) && (bp->b_item || !list_empty(&bp->b_inodes))) {
			error = in_use_as(bp, "new block");
			dx_buf_leave(bp);
			return error;
		}
	}
	*bpp = bp;
	return 0;
}

/**
 * dx_buf_get_map - find or make the buffer of a piece of the volume
 * @mp: the mount
 * @map: segments, in the order in which they lie in memory
 * @nmaps: how many
 * @flags: DX_READ_TRYLOCK, DX_GET_INCORE, DX_GET_NOFAIL, DX_GET_NEW
 * @bpp: the buffer, locked, with a reference
 *
 * Contents are valid only if DX_BF_DONE is set; a caller that did not read overwrites
 * all of it (a new buffer is zeroed).  May sleep for memory and for the lock.
 *
 * Return: 0, -EAGAIN (trylock), -ENOENT (not cached), -ENOMEM, -EFSCORRUPTED for
 * an address outside the volume, cached with another length, or new but in use.
 */
int dx_buf_get_map(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags, struct dx_buf **bpp)
{
	return get_map(mp, map, nmaps, flags, &(struct want){ NULL }, bpp);
}

/**
 * dx_buf_expect - make sure that a cached buffer is what a reader takes it for
 * @bp: locked, DX_BF_DONE
 * @ops: as what the caller will use it; NULL: it looks for itself
 *
 * What was verified as one kind says nothing about another: counts and offsets would be believed that
 * nobody has checked.  A clean buffer is verified anew as @ops: recovery leaves buffers that were not verified,
 * and a clean one equals the disk.  One with changes is somebody's, whom a crafted pointer crosses.
 *
 * Return: 0 or -EFSCORRUPTED, the buffer unchanged.
 */
int dx_buf_expect(struct dx_buf *bp, const struct dx_buf_ops *ops)
{
	const struct dx_buf_ops *have = bp->b_ops;
	int error;

	if (bp->b_flags & DX_BF_STALE)
		return in_use_as(bp, ops ? ops->name : "a block");
	if (!ops || (have && ops_fit(have, ops)))
		return 0;
	if (have && (bp->b_tp || bp->b_item || !list_empty(&bp->b_inodes) || (bp->b_flags & DX_BF_DELWRI) ||
		     dx_buf_is_pinned(bp)))
		return in_use_as(bp, ops->name);
	bp->b_ops = ops;
	error = ops->verify_read ? ops->verify_read(bp) : 0;
	if (error)
		bp->b_ops = have;
	return error;
}

/* dx_buf_read_map() for somebody who wants @want. */
static int read_map(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags,
		    const struct want *want, struct dx_buf **bpp)
{
	struct dx_buf *bp;
	int error;

	error = get_map(mp, map, nmaps, flags, want, &bp);
	if (error)
		return error;

	if (bp->b_flags & DX_BF_DONE) {
		error = dx_buf_expect(bp, want->ops);
		if (error)
			goto fail;
		*bpp = bp;
		return 0;
	}

	bp->b_ops = want->ops;
	error = dx_buf_read_io(bp, false);
	if (error)
		goto fail;
	*bpp = bp;
	return 0;

fail:
	dx_buf_leave(bp);
	*bpp = NULL;
	return error;
}

/**
 * dx_buf_read_map - find a buffer, read and verify it if need be
 * @mp: the mount
 * @map: segments
 * @nmaps: how many
 * @flags: DX_READ_TRYLOCK, DX_READ_NOVERIFY, DX_GET_INCORE, DX_GET_NOFAIL
 * @ops: verifiers; may be NULL with DX_READ_NOVERIFY
 * @bpp: the buffer, locked, with a reference
 *
 * Return: as dx_buf_get_map(), and -EIO or the device's error.  After an error nothing is held
 * and the contents are not kept.
 */
int dx_buf_read_map(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags,
		    const struct dx_buf_ops *ops, struct dx_buf **bpp)
{
	return read_map(mp, map, nmaps, flags, &(struct want){ .ops = flags & DX_READ_NOVERIFY ? NULL : ops }, bpp);
}

/**
 * dx_buf_read_owned - dx_buf_read_map() of a block that belongs to an inode
 * @mp: the mount
 * @map: segments
 * @nmaps: how many
 * @flags: DX_READ_TRYLOCK, DX_GET_INCORE, DX_GET_NOFAIL
 * @ops: verifiers, with ->owner
 * @owner: inode number
 * @bpp: the buffer, locked, with a reference
 *
 * Does not wait for a block that another inode has in use: its holder may be waiting for a block of this one.  The
 * caller compares the owner in what it gets, as with dx_buf_read_map(), before it asks for another lock.
 *
 * Return: as dx_buf_read_map(); -EFSCORRUPTED, too, for a block in use by another inode.
 */
int dx_buf_read_owned(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags,
		      const struct dx_buf_ops *ops, u64 owner, struct dx_buf **bpp)
{
	return read_map(mp, map, nmaps, flags, &(struct want){ ops, true, owner }, bpp);
}

/**
 * dx_buf_readahead - start reading what will be needed soon
 * @mp: the mount
 * @map: segments
 * @nmaps: how many
 * @ops: verifiers
 *
 * A hint: does nothing when the buffer is cached, locked, or memory is short.
 */
void dx_buf_readahead(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, const struct dx_buf_ops *ops)
{
	struct dx_buf *bp;

	if (dx_buf_get_map(mp, map, nmaps, DX_READ_TRYLOCK, &bp))
		return;
	if (bp->b_flags & DX_BF_DONE) {
		dx_buf_leave(bp);
		return;
	}
	bp->b_ops = ops;
	dx_buf_read_io(bp, true);	/* completion unlocks and puts */
}

/**
 * dx_buf_keep - a reference on a buffer that will be needed
 * @mp: the mount
 * @daddr: address
 * @len_bb: length
 * @ops: verifiers, for a read
 *
 * One that is not cached starts being read.  Waits neither for that nor for the lock, which may be anybody's; so
 * the contents may not be valid yet, or not at all when the read fails: dx_buf_read() sees to that.
 *
 * Return: the buffer, not locked; NULL when memory is short.
 */
struct dx_buf *dx_buf_keep(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb, const struct dx_buf_ops *ops)
{
	struct dx_buf_map map = { daddr, len_bb };
	struct dx_buf *bp;
	bool is_new;

	if (!maps_ok(mp, &map, 1) || find_or_add(mp, &map, 1, 0, &bp, &is_new))
		return NULL;
	if (is_new) {
		bp->b_ops = ops;
		dx_buf_hold(bp);	/* for the completion */
		dx_buf_read_io(bp, true);
	}
	return bp;
}

/**
 * dx_buf_get_uncached - a buffer that no lookup finds
 * @mp: the mount
 * @len_bb: length
 *
 * For blocks that are read or written once.  Set b_maps[0].daddr before I/O.
 *
 * Return: the buffer, locked, one reference; NULL without memory.
 */
struct dx_buf *dx_buf_get_uncached(struct dx_mount *mp, u32 len_bb)
{
	struct dx_buf_map map = { .daddr = (dx_daddr_t)-1, .len_bb = len_bb };
	struct dx_buf *bp = buf_alloc(mp, &map, 1, 0);

	if (bp)
		bp->b_flags = DX_BF_UNCACHED;
	return bp;
}

/**
 * dx_buf_read_uncached - read and verify a piece of the device past the cache
 * @mp: the mount; its geometry need not be known yet
 * @daddr: address
 * @len_bb: length
 * @ops: verifiers or NULL
 * @bpp: the buffer, locked, one reference
 *
 * Return: 0, -ENOMEM, -EIO (also beyond the end of the device), -EFSCORRUPTED.
 */
int dx_buf_read_uncached(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb, const struct dx_buf_ops *ops,
			 struct dx_buf **bpp)
{
	u64 end = dx_plat_size_bb(mp->bdev);
	struct dx_buf *bp;
	int error;

	*bpp = NULL;
	if (daddr >= end || len_bb > end - daddr)
		return -EIO;
	bp = dx_buf_get_uncached(mp, len_bb);
	if (!bp)
		return -ENOMEM;
	bp->b_maps[0].daddr = daddr;
	bp->b_ops = ops;
	error = dx_buf_read_io(bp, false);
	if (error) {
		dx_buf_leave(bp);
		return error;
	}
	*bpp = bp;
	return 0;
}

/* ---- references and locks ---- */

/**
 * dx_buf_hold - take one more reference
 * @bp: a buffer on which the caller has one already
 */
void dx_buf_hold(struct dx_buf *bp)
{
	refcount_inc(&bp->b_ref);
}

/**
 * dx_buf_put - drop a reference
 * @bp: the buffer; whether it is locked does not matter, unless this is the last one
 *
 * After the last user a buffer waits on the idle list, unless it is stale or was never filled.
 */
void dx_buf_put(struct dx_buf *bp)
{
	struct dx_buf_cache *c = bp->b_mp->bufs;
	struct dx_buf_shard *s;
	bool gone = false;

	if (!bp->b_cached) {
		if (refcount_dec_and_test(&bp->b_ref))
			buf_free(bp);
		return;
	}
	s = shard_of(c, bp->b_daddr);
	spin_lock(&s->lock);
	refcount_dec(&bp->b_ref);
	if (refcount_read(&bp->b_ref) == 1) {
		if ((bp->b_flags & DX_BF_STALE) || !(bp->b_flags & DX_BF_DONE)) {
			rhashtable_remove_fast(&c->ht, &bp->b_rhash, buf_ht_params);
			gone = true;
		} else if (list_empty(&bp->b_lru)) {
			list_add_tail(&bp->b_lru, &s->idle);
			s->idle_bytes += footprint(bp);
		}
	}
	spin_unlock(&s->lock);
	if (gone)
		buf_free(bp);
}

/**
 * dx_buf_lock - lock a buffer
 * @bp: referenced buffer
 *
 * A stale buffer that is still pinned stays locked by its dead transaction until the
 * checkpoint is in the log: nobody else would start that, so we do.
 */
void dx_buf_lock(struct dx_buf *bp)
{
	if (atomic_read(&bp->b_pin) && (READ_ONCE(bp->b_flags) & DX_BF_STALE) && bp->b_mp->log)
		bp->b_mp->buf_above->unpin(bp->b_mp, false);
	down(&bp->b_sema);
}

/**
 * dx_buf_trylock - lock a buffer if that is possible at once
 * @bp: referenced buffer
 */
bool dx_buf_trylock(struct dx_buf *bp)
{
	return down_trylock(&bp->b_sema) == 0;
}

/**
 * dx_buf_unlock - unlock a buffer
 * @bp: the buffer; any context, not only the one that locked
 */
void dx_buf_unlock(struct dx_buf *bp)
{
	up(&bp->b_sema);
}

/**
 * dx_buf_leave - unlock and drop a reference
 * @bp: the buffer
 */
void dx_buf_leave(struct dx_buf *bp)
{
	dx_buf_unlock(bp);
	dx_buf_put(bp);
}

/**
 * dx_buf_stale - the blocks were freed: never write this buffer again
 * @bp: locked buffer
 *
 * On a delayed write list it stays listed; the submitter drops it.
 */
void dx_buf_stale(struct dx_buf *bp)
{
	WRITE_ONCE(bp->b_flags, (bp->b_flags | DX_BF_STALE) & ~(DX_BF_DELWRI | DX_BF_WRITE_FAIL));
	bp->b_lru_ref = 0;
}

/**
 * dx_buf_is_pinned - is a change of this buffer not in the log on disk yet?
 * @bp: the buffer
 */
bool dx_buf_is_pinned(struct dx_buf *bp)
{
	return atomic_read(&bp->b_pin) > 0;
}

/**
 * dx_buf_wait_unpinned - sleep until all changes are in the log on disk
 * @bp: locked buffer (so that no new pin comes); force the log before
 */
void dx_buf_wait_unpinned(struct dx_buf *bp)
{
	wait_event(bp->b_pin_wait, !dx_buf_is_pinned(bp));
}

/**
 * dx_buf_zero - clear a part of the contents
 * @bp: locked buffer
 * @off: byte offset
 * @len: bytes
 */
void dx_buf_zero(struct dx_buf *bp, size_t off, size_t len)
{
	if (WARN_ON_ONCE(off > dx_buf_len(bp) || len > dx_buf_len(bp) - off))
		return;
	memset(dx_buf_off(bp, off), 0, len);
}

/* ---- giving back ---- */

/**
 * dx_buf_cache_count - what memory reclaim could get
 * @mp: the mount
 *
 * Return: pages in idle buffers, rounded down.  No lock is taken: it is an estimate.
 */
unsigned long dx_buf_cache_count(struct dx_mount *mp)
{
	struct dx_buf_cache *c = mp->bufs;
	unsigned long bytes = 0;
	int i;

	if (!c)
		return 0;
	for (i = 0; i < DX_BUF_SHARDS; i++)
		bytes += READ_ONCE(c->shard[i].idle_bytes);
	return bytes >> PAGE_SHIFT;
}

/* Move up to @budget bytes of idle buffers out of the cache, oldest first; @all: used or not. */
static unsigned long shard_scan(struct dx_buf_cache *c, struct dx_buf_shard *s, unsigned long budget, bool all)
{
	unsigned long freed = 0;
	struct dx_buf *bp, *n;
	LIST_HEAD(dispose);

	spin_lock(&s->lock);
	list_for_each_entry_safe(bp, n, &s->idle, b_lru) {
		if (freed >= budget)
			break;
		if (!all && bp->b_lru_ref) {
			/* used again while it was here: another round */
			bp->b_lru_ref--;
			freed += footprint(bp) >> 3;	/* so that a scan ends */
			list_move_tail(&bp->b_lru, &s->idle);
			continue;
		}
		rhashtable_remove_fast(&c->ht, &bp->b_rhash, buf_ht_params);
		s->idle_bytes -= footprint(bp);
		freed += footprint(bp);
		list_move(&bp->b_lru, &dispose);
	}
	spin_unlock(&s->lock);

	freed = 0;
	list_for_each_entry_safe(bp, n, &dispose, b_lru) {
		list_del_init(&bp->b_lru);
		freed += footprint(bp);
		buf_free(bp);
	}
	return freed;
}

/**
 * dx_buf_cache_scan - give idle buffers back
 * @mp: the mount
 * @nr: pages wanted
 *
 * May be called from memory reclaim: takes only shard locks and frees.
 *
 * Return: pages freed.
 */
unsigned long dx_buf_cache_scan(struct dx_mount *mp, unsigned long nr)
{
	struct dx_buf_cache *c = mp->bufs;
	unsigned long freed = 0, want = nr << PAGE_SHIFT;
	unsigned int first, i;

	if (!c)
		return 0;
	first = c->scan_next++;
	for (i = 0; i < DX_BUF_SHARDS && freed < want; i++)
		freed += shard_scan(c, &c->shard[(first + i) % DX_BUF_SHARDS], want - freed, false);
	return freed >> PAGE_SHIFT;
}

/**
 * dx_buf_cache_init - make the buffer cache of a mount
 * @mp: the mount
 *
 * Return: 0 or -ENOMEM.
 */
int dx_buf_cache_init(struct dx_mount *mp)
{
	struct dx_buf_cache *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int error, i;

	if (!c)
		return -ENOMEM;
	for (i = 0; i < DX_BUF_SHARDS; i++) {
		spin_lock_init(&c->shard[i].lock);
		INIT_LIST_HEAD(&c->shard[i].idle);
	}
	atomic_set(&c->async_io, 0);
	init_waitqueue_head(&c->async_wait);
	error = rhashtable_init(&c->ht, &buf_ht_params);
	if (error) {
		kfree(c);
		return error;
	}
	mp->bufs = c;
	return 0;
}

/* A buffer that somebody still references at the end is a leak: say so, do not free it under him. */
static void leaked(void *ptr, void *arg)
{
	struct dx_buf *bp = ptr;

	dx_err(arg, "buffer at daddr 0x%llx still has %u references", (unsigned long long)bp->b_daddr,
	       refcount_read(&bp->b_ref) - 1);
	WARN_ON_ONCE(1);
}

/**
 * dx_buf_cache_destroy - free all buffers
 * @mp: the mount; no I/O in flight, no references left
 */
void dx_buf_cache_destroy(struct dx_mount *mp)
{
	struct dx_buf_cache *c = mp->bufs;
	int i;

	if (!c)
		return;
	dx_buf_wait_all_io(mp);
	flush_workqueue(mp->buf_wq);	/* the last one to end may still be telling us so */
	for (i = 0; i < DX_BUF_SHARDS; i++)
		while (shard_scan(c, &c->shard[i], DESTROY_BATCH, true))
			cond_resched();
	rhashtable_free_and_destroy(&c->ht, leaked, mp);
	mp->bufs = NULL;
	kfree(c);
}
