// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extent map of a fork: looking things up, and the one engine that changes it.
 *
 * Every change is "these neighbouring extents become those": dx_bmap_splice() does it to
 * the tree in memory and to the disk form alike, whatever the case (fill a hole, cut, convert, merge).
 * dx_bmap_remap() works out which neighbours merge.  Delayed extents live in memory
 * only: they are left out of what goes to disk.
 *
 * Invariants: no two extents overlap; extents that could be one, are one (as far as 2^21 - 1 blocks
 * allow), except where a caller splits on purpose; nextents and nblocks count what is on disk.
 * A splice that might need blocks for the btree asks before it changes anything: -ENOSPC leaves all as it was.
 * ILOCK: shared to read (the extents being in memory), exclusive to change.
 */
#include "dx_bmap_int.h"

/* ---- small helpers ------------------------------------------------------------- */

/**
 * dx_irec_trim - cut an extent down to its part in a range.
 * @r: extent that overlaps [off, end)
 * @off: start, fsblocks
 * @end: end, fsblocks
 */
void dx_irec_trim(struct dx_irec *r, dx_fileoff_t off, dx_fileoff_t end)
{
	dx_fileoff_t rend = dx_irec_end(r);

	if (r->startoff < off) {
		if (dx_irec_is_real(r))
			r->startblock += off - r->startoff;
		r->startoff = off;
	}
	r->blockcount = min(rend, end) - r->startoff;
}

/**
 * dx_irec_mergeable - can two extents be one?
 * @mp: mount
 * @a: extent
 * @b: extent behind it
 */
bool dx_irec_mergeable(struct dx_mount *mp, const struct dx_irec *a, const struct dx_irec *b)
{
	if (dx_irec_end(a) != b->startoff || a->blockcount + b->blockcount > DX_BMBT_MAX_BLOCKCOUNT)
		return false;
	if (dx_irec_is_delay(a) || dx_irec_is_delay(b))
		return dx_irec_is_delay(a) && dx_irec_is_delay(b);
	return a->state == b->state && a->startblock + a->blockcount == b->startblock &&
	       dx_fsb_to_agno(mp, a->startblock) == dx_fsb_to_agno(mp, b->startblock);
}

/**
 * dx_bmap_run - what maps the beginning of a range of the data fork, or the hole that is there
 * @ip: inode, ILOCK held, extents in memory
 * @off: fsblocks
 * @len: fsblocks
 * @r: out: the extent from @off on, or the hole, as much of it as is in the range
 * @whole: out: all of the extent, if @r is one
 */
void dx_bmap_run(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_irec *r, struct dx_irec *whole)
{
	struct dx_iext_cur icur;

	if (dx_iext_lookup(&ip->df.ext, off, &icur, whole) && whole->startoff <= off) {
		*r = *whole;
		dx_irec_trim(r, off, off + len);
		return;
	}
	*r = (struct dx_irec) { .startoff = off, .startblock = DX_HOLESTARTBLOCK, .blockcount = len };
	if (dx_iext_lookup(&ip->df.ext, off, &icur, whole))
		r->blockcount = min(len, whole->startoff - off);
}

/**
 * dx_get_extsz_hint - extent size hint of a file, fsblocks; 0 = none.
 * @ip: inode
 */
u32 dx_get_extsz_hint(struct dx_inode *ip)
{
	return ip->d.flags & DX_DIFLAG_EXTSIZE ? ip->d.extsize : 0;
}

/**
 * dx_bmap_tree_worst - most btree blocks that mapping so many blocks can take.
 * @ip: inode
 * @len: fsblocks, each of which may become an extent of its own
 *
 * New blocks on each level that the tree can have, filled: one at least, for a split goes up to the root.
 */
dx_extlen_t dx_bmap_tree_worst(struct dx_inode *ip, dx_filblks_t len)
{
	struct dx_mount *mp = ip->mp;
	dx_extlen_t sum = 0;
	u32 level;

	for (level = 0; level < mp->bm_maxlevels[DX_DATA_FORK]; level++) {
		if (len > 1)
			len = dx_btree_width(mp->bmap_dmxr, level, len);
		sum += len;
	}
	return sum;
}

/* ---- reading ------------------------------------------------------------------------ */

static int fork_ready(struct dx_trans *tp, struct dx_inode *ip, int whichfork)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	if (f->format != DX_DINODE_FMT_EXTENTS && f->format != DX_DINODE_FMT_BTREE) {
		WARN_ON_ONCE(f->format != DX_DINODE_FMT_LOCAL);
		return -EFSCORRUPTED;
	}
	/* each lookup comes here: it need not pay for a call that finds nothing to do */
	return f->extents_read ? 0 : dx_iread_extents(tp, ip, whichfork);
}

/**
 * dx_bmap_query - mappings of a range.
 * @ip: inode; ILOCK shared, or exclusive while the extents are not in memory
 * @off: start, fsblocks
 * @len: length, fsblocks
 * @map: results: extents and holes (DX_HOLESTARTBLOCK), without gaps
 * @nmap: in: room; out: number filled in
 * @flags: DX_BMAPI_ENTIRE; DX_BMAPI_ATTRFORK or DX_BMAPI_COWFORK
 *
 * Returns 0, -EFSCORRUPTED, -EIO.
 */
int dx_bmap_query(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_irec *map, int *nmap,
		  u32 flags)
{
	int w = flags & DX_BMAPI_ATTRFORK ? DX_ATTR_FORK : flags & DX_BMAPI_COWFORK ? DX_COW_FORK : DX_DATA_FORK;
	struct dx_fork *f = dx_ifork(ip, w);
	dx_fileoff_t end = off + len;
	struct dx_iext_cur icur;
	struct dx_irec got;
	int n = 0, error;
	bool more;

	if (!f) {
		map[0] = (struct dx_irec){ .startoff = off, .startblock = DX_HOLESTARTBLOCK, .blockcount = len };
		*nmap = 1;
		return 0;
	}
	error = fork_ready(NULL, ip, w);
	if (error)
		return error;
	more = dx_iext_lookup(&f->ext, off, &icur, &got);
	while (off < end && n < *nmap) {
		struct dx_irec *m = &map[n++];

		if (!more || got.startoff > off) {
			dx_fileoff_t stop = more ? got.startoff : end;

			*m = (struct dx_irec){ .startoff = off, .startblock = DX_HOLESTARTBLOCK };
			m->blockcount = min(stop, end) - off;
		} else {
			*m = got;
			if (!(flags & DX_BMAPI_ENTIRE))
				dx_irec_trim(m, off, end);
			more = n < *nmap && dx_iext_next(&f->ext, &icur, &got);
		}
		off = dx_irec_end(m);
	}
	*nmap = n;
	return 0;
}

/**
 * dx_bmap_last_offset - first block behind the last extent.
 * @ip: inode, ILOCK held as for dx_bmap_query()
 * @whichfork: fork
 * @last: result; 0 for an empty or local fork
 */
int dx_bmap_last_offset(struct dx_inode *ip, int whichfork, dx_fileoff_t *last)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_iext_cur icur;
	struct dx_irec got;
	int error;

	*last = 0;
	if (!f || f->format == DX_DINODE_FMT_LOCAL)
		return 0;
	error = fork_ready(NULL, ip, whichfork);
	if (!error && dx_iext_last(&f->ext, &icur, &got))
		*last = dx_irec_end(&got);
	return error;
}

/**
 * dx_bmap_first_unused - first hole of a size.
 * @ip: inode, ILOCK held as for dx_bmap_query()
 * @whichfork: fork
 * @len: blocks that must be free from there on
 * @off: in: where to begin; out: result
 */
int dx_bmap_first_unused(struct dx_inode *ip, int whichfork, dx_extlen_t len, dx_fileoff_t *off)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	dx_fileoff_t at = *off;
	struct dx_iext_cur icur;
	struct dx_irec got;
	bool more;
	int error;

	if (f->format == DX_DINODE_FMT_LOCAL) {
		*off = 0;
		return 0;
	}
	error = fork_ready(NULL, ip, whichfork);
	if (error)
		return error;
	for (more = dx_iext_lookup(&f->ext, at, &icur, &got); more; more = dx_iext_next(&f->ext, &icur, &got)) {
		if (got.startoff >= at + len)
			break;
		at = max(at, dx_irec_end(&got));
	}
	*off = at;
	return 0;
}

/**
 * dx_bmap_count_leaves - number of real extents in memory.
 * @ip: inode, ILOCK held, extents read
 * @whichfork: fork
 */
u64 dx_bmap_count_leaves(struct dx_inode *ip, int whichfork)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_iext_cur icur;
	struct dx_irec got;
	bool more;
	u64 n = 0;

	if (!f)
		return 0;
	for (more = dx_iext_first(&f->ext, &icur, &got); more; more = dx_iext_next(&f->ext, &icur, &got))
		n += dx_irec_is_real(&got);
	return n;
}

/* ---- the disk form of a splice ------------------------------------------------------------ */

static void to_brec(union dx_btree_rec *b, const struct dx_irec *r)
{
	b->bmbt.startoff = r->startoff;
	b->bmbt.startblock = r->startblock;
	b->bmbt.blockcount = r->blockcount;
	b->bmbt.unwritten = r->state == DX_EXT_UNWRITTEN;
}

static struct dx_btree_cur *edit_cursor(struct dx_bmap_edit *e)
{
	if (!e->cur)
		e->cur = dx_bmbt_cursor(e->ip->mp, e->tp, e->ip, e->whichfork);
	return e->cur;
}

static int map_mismatch(struct dx_bmap_edit *e, const struct dx_irec *r)
{
	return dx_corrupt(e->ip->mp, "bmbt", e->ip->imap.daddr, "inode 0x%llx: no record [%llu, %llu, %llu]",
			  (unsigned long long)e->ip->ino, (unsigned long long)r->startoff,
			  (unsigned long long)r->startblock, (unsigned long long)r->blockcount);
}

/* put the cursor on the record that memory says is there, and check that it is */
static int bmbt_find(struct dx_bmap_edit *e, const struct dx_irec *r)
{
	struct dx_btree_cur *cur = edit_cursor(e);
	union dx_btree_rec b;
	int error, stat;

	to_brec(&cur->rec, r);
	error = dx_btree_lookup(cur, DX_LOOKUP_EQ, &stat);
	if (error)
		return error;
	if (!stat)
		return map_mismatch(e, r);
	error = dx_btree_get_rec(cur, &b, &stat);
	if (error)
		return error;
	if (!stat || b.bmbt.startoff != r->startoff || b.bmbt.startblock != r->startblock ||
	    b.bmbt.blockcount != r->blockcount || b.bmbt.unwritten != (r->state == DX_EXT_UNWRITTEN))
		return map_mismatch(e, r);
	return 0;
}

static int bmbt_splice(struct dx_bmap_edit *e, const struct dx_irec *old, int nold, const struct dx_irec *new,
		       int nnew)
{
	union dx_btree_rec b;
	int i, error, stat;

	for (i = nnew; i < nold; i++) {
		error = bmbt_find(e, &old[i]);
		if (!error)
			error = dx_btree_delete(e->cur, &stat);
		if (error)
			return error;
		if (!stat)
			return map_mismatch(e, &old[i]);
	}
	for (i = 0; i < min(nold, nnew); i++) {
		error = bmbt_find(e, &old[i]);
		if (error)
			return error;
		to_brec(&b, &new[i]);
		error = dx_btree_update(e->cur, &b);
		if (error)
			return error;
	}
	for (i = nold; i < nnew; i++) {
		to_brec(&edit_cursor(e)->rec, &new[i]);
		error = dx_btree_insert(e->cur, &stat);
		if (error)
			return error;
		if (!stat)
			return -ENOSPC;
	}
	return 0;
}

/* ---- how many there may be ---------------------------------------------------------------- */

/* Do so many extents need the large counters? */
static bool beyond_small(struct dx_inode *ip, int whichfork, u64 n)
{
	return n > (READ_ONCE(ip->mp->opts.few_extents) ?: dx_most_extents(false, whichfork));
}

/**
 * dx_bmap_may_grow - may a fork have so many more extents?
 * @ip: inode, ILOCK exclusive
 * @whichfork: fork
 * @n: extents that the transaction can add at worst
 *
 * To be asked while the transaction is clean, for the answer in the middle of one would shut the filesystem down.  An inode
 * that counts in the small form gets the large one when its volume has that, but not here: with the extent that
 * needs it (dx_bmap_splice()), so whoever fails in between has changed nothing.
 *
 * Return: 0 or -EFBIG.
 */
int dx_bmap_may_grow(struct dx_inode *ip, int whichfork, u32 n)
{
	bool large = dx_has_nrext64(ip->mp);
	u64 then = dx_ifork(ip, whichfork)->nextents + n;

	if (!large && beyond_small(ip, whichfork, then))
		return -EFBIG;
	return then > dx_most_extents(large, whichfork) ? -EFBIG : 0;
}

/**
 * dx_bmap_check_growth - before anything changes: will there be blocks for it, and may the fork have so many extents?
 * @e: the edit
 * @off: where, fsblocks
 * @grow: how many extents more
 *
 * A splice asks for itself; so does who must not find out when the transaction is dirty.  0, -ENOSPC, -EFBIG or an error.
 */
int dx_bmap_check_growth(struct dx_bmap_edit *e, dx_fileoff_t off, int grow)
{
	struct dx_mount *mp = e->ip->mp;
	u32 need = 0;
	int error;

	error = dx_bmap_may_grow(e->ip, e->whichfork, grow);
	if (error)
		return error;
	if (e->f->format == DX_DINODE_FMT_EXTENTS) {
		if (e->f->nextents + grow > dx_fork_inline_max(e->ip, e->whichfork))
			need = 1;
	} else if (e->tp->t_blk_res <= mp->bm_maxlevels[e->whichfork]) {
		/* only then is it worth counting */
		edit_cursor(e)->rec.bmbt.startoff = off;
		error = dx_btree_insert_blocks(e->cur, grow, &need);
		if (error)
			return error;
	}
	return need > e->tp->t_blk_res ? -ENOSPC : 0;
}

/* ---- the edit ------------------------------------------------------------------------------- */

/**
 * dx_bmap_edit_begin - start changing a fork's map.
 * @e: the edit, on the caller's stack
 * @tp: transaction with the inode joined; NULL when only delayed extents change
 * @ip: inode, ILOCK exclusive, extents read
 * @whichfork: fork
 */
void dx_bmap_edit_begin(struct dx_bmap_edit *e, struct dx_trans *tp, struct dx_inode *ip, int whichfork)
{
	*e = (struct dx_bmap_edit){ .tp = tp, .ip = ip, .whichfork = whichfork, .f = dx_ifork(ip, whichfork) };
}

/**
 * dx_bmap_edit_end - finish an edit.
 * @e: the edit
 * @error: how it went
 *
 * Drops the cursor; on success brings the extents back inline if they fit and logs the inode.
 * (Growing out of the inode happens in the splice itself.)  Returns @error or a new one.
 */
int dx_bmap_edit_end(struct dx_bmap_edit *e, int error)
{
	u32 fields = DX_ILOG_CORE;

	if (e->cur)
		dx_btree_del_cursor(e->cur, error);
	e->cur = NULL;
	if (error || !e->dirty)
		return error;
	error = dx_bmap_btree_to_extents(e->tp, e->ip, e->whichfork);
	if (error)
		return error;
	if (e->f->format == DX_DINODE_FMT_EXTENTS)
		fields |= e->whichfork == DX_DATA_FORK ? DX_ILOG_DEXT : DX_ILOG_AEXT;
	dx_trans_log_inode(e->tp, e->ip, fields);
	return 0;
}

/* same operation on the tree in memory */
static int iext_splice(struct dx_bmap_edit *e, const struct dx_irec *old, int nold, const struct dx_irec *new,
		       int nnew)
{
	struct dx_iext_cur icur;
	struct dx_irec got;
	int i;

	for (i = nnew; i < nold; i++) {
		if (!dx_iext_lookup(&e->f->ext, old[i].startoff, &icur, &got) ||
		    got.startoff != old[i].startoff)
			return -EFSCORRUPTED;
		dx_iext_remove(&e->f->ext, &icur);
	}
	for (i = 0; i < min(nold, nnew); i++) {
		if (!dx_iext_lookup(&e->f->ext, old[i].startoff, &icur, &got) ||
		    got.startoff != old[i].startoff)
			return -EFSCORRUPTED;
		dx_iext_update(&e->f->ext, &icur, &new[i]);
	}
	for (i = nold; i < nnew; i++)
		dx_iext_insert(&e->f->ext, &icur, &new[i]);
	return 0;
}

#define SPLICE_MAX	4

static int only_real(const struct dx_irec *in, int n, struct dx_irec *out)
{
	int i, k = 0;

	for (i = 0; i < n; i++)
		if (dx_irec_is_real(&in[i]))
			out[k++] = in[i];
	return k;
}

/* Of the CoW fork nothing is on disk. */
static int cow_splice(struct dx_bmap_edit *e, const struct dx_irec *old, int nold, const struct dx_irec *new, int nnew)
{
	struct dx_cow_fork *c = e->ip->cf;
	u64 blks = c->blks, want = c->want;
	int i;

	for (i = 0; i < nold; i++) {
		blks -= old[i].blockcount;
		want -= dx_cow_want(e->ip, old[i].blockcount);
	}
	for (i = 0; i < nnew; i++) {
		blks += new[i].blockcount;
		want += dx_cow_want(e->ip, new[i].blockcount);
	}
	WRITE_ONCE(c->blks, blks);
	c->want = want;
	return iext_splice(e, old, nold, new, nnew);
}

/**
 * dx_bmap_splice - neighbouring extents become others, in memory and on disk.
 * @e: edit
 * @old: the extents as they are, in order, exactly
 * @nold: their number, at most 4
 * @new: what they become, in order, inside the room of the old ones and the holes around
 * @nnew: their number, at most 4
 *
 * nblocks is the caller's to change.  -ENOSPC before anything is changed when the transaction has too few
 * blocks reserved for the btree to grow; -EFBIG when there are too many extents; -EFSCORRUPTED when the
 * btree does not say what memory says.
 */
int dx_bmap_splice(struct dx_bmap_edit *e, const struct dx_irec *old, int nold, const struct dx_irec *new,
		   int nnew)
{
	struct dx_irec ro[SPLICE_MAX], rn[SPLICE_MAX];
	int no, nn, error;

	if (WARN_ON_ONCE(nold > SPLICE_MAX || nnew > SPLICE_MAX))
		return -EINVAL;
	if (e->whichfork == DX_COW_FORK)
		return cow_splice(e, old, nold, new, nnew);
	no = only_real(old, nold, ro);
	nn = only_real(new, nnew, rn);
	if (no || nn) {
		if (WARN_ON_ONCE(!e->tp))
			return -EINVAL;
		if (nn > no) {
			error = dx_bmap_check_growth(e, rn[0].startoff, nn - no);
			if (error)
				return error;
		}
		e->dirty = true;
		if (nn > no && !dx_has_large_counts(e->ip) &&
		    beyond_small(e->ip, e->whichfork, e->f->nextents + nn - no))
			e->ip->d.flags2 |= DX_DIFLAG2_NREXT64;	/* logged when the edit ends */
		if (e->f->format == DX_DINODE_FMT_BTREE) {
			error = bmbt_splice(e, ro, no, rn, nn);
			if (error)
				return error;
		}
		e->f->nextents += nn - no;
		if (dx_has_rmapbt(e->ip->mp))
			dx_bmap_tell_rmap(e, ro, no, rn, nn);
	}
	error = iext_splice(e, old, nold, new, nnew);
	if (error) {
		WARN_ON_ONCE(1);
		return error;
	}
	if (e->dirty && e->f->format == DX_DINODE_FMT_EXTENTS &&
	    e->f->nextents > dx_fork_inline_max(e->ip, e->whichfork))
		error = dx_bmap_extents_to_btree(e->tp, e->ip, e->whichfork);
	return error;
}

/**
 * dx_bmap_remap - replace what maps a range.
 * @e: edit
 * @old: the one extent that contains the range; NULL = it is a hole
 * @mid: what shall map it; merged with its neighbours on return; NULL = nothing (unmap)
 * @off: the range
 * @len: its length
 *
 * What is left of @old on either side stays; a delayed one's rest gets no indlen here
 * (dx_delalloc_resettle()).  Errors as of dx_bmap_splice().
 */
int dx_bmap_remap(struct dx_bmap_edit *e, const struct dx_irec *old, struct dx_irec *mid, dx_fileoff_t off,
		  dx_filblks_t len)
{
	struct dx_irec o[SPLICE_MAX], n[SPLICE_MAX], left, right, got;
	bool has_l = false, has_r = false, more;
	dx_fileoff_t end = off + len;
	struct dx_iext_cur icur, c;
	int no = 0, nn = 0;

	if (old && old->startoff < off) {
		left = *old;
		dx_irec_trim(&left, old->startoff, off);
		left.indlen = 0;
		has_l = true;
	}
	if (old && dx_irec_end(old) > end) {
		right = *old;
		dx_irec_trim(&right, end, dx_irec_end(old));
		right.indlen = 0;
		has_r = true;
	}
	more = dx_iext_lookup(&e->f->ext, old ? old->startoff : off, &icur, &got);
	if (old && (!more || got.startoff != old->startoff))
		return -EFSCORRUPTED;
	if (mid && !has_l) {
		c = icur;
		if (dx_iext_prev(&e->f->ext, &c, &got) && dx_irec_mergeable(e->ip->mp, &got, mid)) {
			o[no++] = got;
			mid->blockcount += got.blockcount;
			mid->startoff = got.startoff;
			mid->startblock = got.startblock;
			mid->indlen += got.indlen;
		}
	}
	if (old)
		o[no++] = *old;
	if (mid && !has_r) {
		c = icur;
		more = old ? dx_iext_next(&e->f->ext, &c, &got) : dx_iext_get(&e->f->ext, &c, &got);
		if (more && dx_irec_mergeable(e->ip->mp, mid, &got)) {
			o[no++] = got;
			mid->blockcount += got.blockcount;
			mid->indlen += got.indlen;
		}
	}
	if (has_l)
		n[nn++] = left;
	if (mid)
		n[nn++] = *mid;
	if (has_r)
		n[nn++] = right;
	return dx_bmap_splice(e, o, no, n, nn);
}
