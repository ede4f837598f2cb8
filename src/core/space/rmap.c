// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owners of blocks: every block of an AG that is not free space has one in the AG's reverse mapping btree.
 *
 * A run of blocks that belong to the same thing (in a file: that also follow each other there, in the same state) is one record,
 * however it came about: what is added merges with its neighbours, and what is removed is cut out.
 *
 * Whoever takes blocks for the AG's own structures, for inodes or for the map of a file names the owner with the allocation and
 * with the free, and the record changes in the same transaction.  What a file maps changes by deferred work
 * (rmap_defer.c).  A free that recovery finds in the log does not say whose the blocks were: then whatever record there is
 * goes, which is none when a deferred update was first.
 *
 * Blocks that files share have a record for each of them, which overlap in any way.  To the records of one file the above applies
 * all the same; only which are its own must be looked for among those of others.  Whoever has ever shared any
 * blocks says so, and gets the slower search (dx_rmap_add_shared(), dx_rmap_remove_shared()).
 *
 * Blocks of the free list belong to the AG as those of its trees do, so taking one from there for a tree changes nothing here.
 *
 * Locks: the AGF, its free list ready (dx_alloc_begin_change()): a change may split the tree once, up to the root.
 */
#include "dx_alloc_int.h"

const struct dx_owner dx_own_ag = { DX_RMAP_OWN_AG }, dx_own_inobt = { DX_RMAP_OWN_INOBT }, dx_own_inodes = { DX_RMAP_OWN_INODES },
	dx_own_refc = { DX_RMAP_OWN_REFC }, dx_own_cow = { DX_RMAP_OWN_COW };

/* Would @b, behind @a, be one record with it? */
static bool joins(const union dx_btree_rec *a, const union dx_btree_rec *b)
{
	u64 next = a->rmap.offset;

	if (dx_rmap_has_offset(a->rmap.owner, a->rmap.offset))
		next += a->rmap.blockcount;
	return a->rmap.startblock + a->rmap.blockcount == b->rmap.startblock && a->rmap.owner == b->rmap.owner &&
	       next == b->rmap.offset && (next & DX_RMAP_FLAGS) == (a->rmap.offset & DX_RMAP_FLAGS);
}

static u64 end_of(const union dx_btree_rec *r)
{
	return (u64)r->rmap.startblock + r->rmap.blockcount;
}

static int clash(struct dx_btree_cur *cur, const char *what, const union dx_btree_rec *want, const union dx_btree_rec *rec)
{
	return dx_corrupt(cur->mp, "rmapbt", cur->agbp->b_daddr,
			  "AG %u block %u length %u owner 0x%llx offset 0x%llx %s: record of block %u length %u owner 0x%llx offset 0x%llx",
			  cur->agno, want->rmap.startblock, want->rmap.blockcount, (unsigned long long)want->rmap.owner,
			  (unsigned long long)want->rmap.offset, what, rec->rmap.startblock, rec->rmap.blockcount,
			  (unsigned long long)rec->rmap.owner, (unsigned long long)rec->rmap.offset);
}

/* The last record that begins at @bno or before; *stat = 0: there is none, which cannot be, as the headers have one. */
static int at_or_before(struct dx_btree_cur *cur, dx_agbno_t bno, union dx_btree_rec *rec, int *stat)
{
	int error;

	cur->rec = (union dx_btree_rec) { .rmap = { .startblock = bno, .owner = ~0ULL, .offset = ~0ULL } };
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, stat);
	if (!error && *stat)
		error = dx_btree_get_rec(cur, rec, stat);
	return error;
}

static int behind(struct dx_btree_cur *cur, union dx_btree_rec *rec, int *stat)
{
	int error = dx_btree_increment(cur, 0, stat);

	if (!error && *stat)
		error = dx_btree_get_rec(cur, rec, stat);
	return error;
}

static int find(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	int stat, error;

	cur->rec = *rec;
	error = dx_btree_lookup(cur, DX_LOOKUP_EQ, &stat);
	if (!error && !stat)
		error = clash(cur, "gone", rec, rec);
	return error;
}

static int add(struct dx_btree_cur *cur, const union dx_btree_rec *want)
{
	union dx_btree_rec left, right, new = *want;
	bool merge_left = false, merge_right = false;
	int stat, error;

	error = at_or_before(cur, want->rmap.startblock, &left, &stat);
	if (error)
		return error;
	if (stat) {
		if (end_of(&left) > want->rmap.startblock)
			return clash(cur, "is in use", want, &left);
		merge_left = joins(&left, want);
	}
	error = behind(cur, &right, &stat);
	if (error)
		return error;
	if (stat) {
		if (end_of(want) > right.rmap.startblock)
			return clash(cur, "is in use", want, &right);
		merge_right = joins(want, &right);
	}
	if (merge_left) {
		new = left;
		new.rmap.blockcount += want->rmap.blockcount;
	}
	if (merge_right)
		new.rmap.blockcount += right.rmap.blockcount;
	/* the cursor is on the right one */
	if (merge_left && merge_right) {
		error = dx_btree_delete(cur, &stat);
		if (!error)
			error = find(cur, &left);
	} else if (merge_left) {
		error = find(cur, &left);
	} else if (!merge_right) {
		cur->rec = new;
		return dx_btree_insert(cur, &stat);
	}
	return error ? error : dx_btree_update(cur, &new);
}

/* The record that has it all; *found = false: of an owner that nobody knows there is none. */
static int covering(struct dx_btree_cur *cur, const union dx_btree_rec *want, union dx_btree_rec *rec, bool *found)
{
	bool unknown = want->rmap.owner == DX_RMAP_OWN_UNKNOWN;
	union dx_btree_rec next;
	int stat, error;
	u64 off;

	*found = false;
	error = at_or_before(cur, want->rmap.startblock, rec, &stat);
	if (error)
		return error;
	if (!stat)
		return clash(cur, "is to be freed", want, want);
	if (unknown && end_of(rec) <= want->rmap.startblock) {
		error = behind(cur, &next, &stat);
		if (error || !stat || next.rmap.startblock >= end_of(want))
			return error;
		return clash(cur, "is to be freed", want, &next);
	}
	if (end_of(rec) < end_of(want))
		return clash(cur, "is to be freed", want, rec);
	off = rec->rmap.offset;
	if (dx_rmap_has_offset(rec->rmap.owner, off))
		off += want->rmap.startblock - rec->rmap.startblock;
	if (unknown) {
		if (rec->rmap.owner == DX_RMAP_OWN_FS || rec->rmap.owner == DX_RMAP_OWN_LOG)
			return clash(cur, "is to be freed", want, rec);
	} else if (rec->rmap.owner != want->rmap.owner || off != want->rmap.offset) {
		return clash(cur, "is to be freed", want, rec);
	}
	*found = true;
	return 0;
}

static int cut(struct dx_btree_cur *cur, const union dx_btree_rec *want)
{
	union dx_btree_rec rec, right;
	u32 head, tail;
	bool found;
	int stat, error;

	error = covering(cur, want, &rec, &found);
	if (error || !found)
		return error;
	head = want->rmap.startblock - rec.rmap.startblock;
	tail = end_of(&rec) - end_of(want);
	right = rec;
	right.rmap.startblock = end_of(want);
	right.rmap.blockcount = tail;
	if (dx_rmap_has_offset(rec.rmap.owner, rec.rmap.offset))
		right.rmap.offset += head + want->rmap.blockcount;
	if (!head && !tail)
		return dx_btree_delete(cur, &stat);
	if (!head)
		return dx_btree_update(cur, &right);
	rec.rmap.blockcount = head;
	error = dx_btree_update(cur, &rec);
	if (error || !tail)
		return error;
	cur->rec = right;
	return dx_btree_insert(cur, &stat);
}

/* ---- among the records of others ---- */

/* A record of the same owner, fork and state that has the block @bno where @want would have it. */
struct search {
	union dx_btree_rec	want, found;
	dx_agbno_t		bno;
};

static bool is_it(const struct search *s, const union dx_btree_rec *rec)
{
	return rec->rmap.startblock <= s->bno && end_of(rec) > s->bno && rec->rmap.owner == s->want.rmap.owner &&
	       rec->rmap.offset - rec->rmap.startblock == s->want.rmap.offset - s->want.rmap.startblock;
}

static int look_at(struct dx_btree_cur *cur, const union dx_btree_rec *rec, void *data)
{
	struct search *s = data;

	if (!is_it(s, rec))
		return 0;
	s->found = *rec;
	return 1;
}

/*
 * Which record of the owner of @want has the block @bno?  Mostly it is the last one before where it would begin there; else
 * it is one of all those that have the block.
 */
static int search(struct dx_btree_cur *cur, const union dx_btree_rec *want, dx_agbno_t bno, struct search *s, bool *found)
{
	union dx_btree_key low = { .rmap = { .startblock = bno } };
	union dx_btree_key high = { .rmap = { .startblock = bno, .owner = ~0ULL, .offset = ~0ULL } };
	int stat, error;

	*s = (struct search) { .want = *want, .bno = bno };
	*found = false;
	cur->rec = *want;
	cur->rec.rmap.startblock = bno;
	cur->rec.rmap.offset += bno - want->rmap.startblock;	/* may be negative */
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	if (!error && stat)
		error = dx_btree_get_rec(cur, &s->found, &stat);
	if (error)
		return error;
	if (stat && is_it(s, &s->found)) {
		*found = true;
		return 0;
	}
	error = dx_btree_query_overlap(cur, &low, &high, look_at, s);
	if (error < 0)
		return error;
	*found = error;
	return 0;
}

static int erase(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	int stat, error = find(cur, rec);

	return error ? error : dx_btree_delete(cur, &stat);
}

static int put(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	int stat;

	cur->rec = *rec;
	return dx_btree_insert(cur, &stat);
}

static int add_shared(struct dx_btree_cur *cur, const union dx_btree_rec *want)
{
	bool merge_left = false, merge_right = false;
	union dx_btree_rec new = *want, left, right = { };
	struct search s;
	int stat, error;

	error = search(cur, want, want->rmap.startblock, &s, &merge_left);
	if (!error && merge_left)
		error = clash(cur, "is in use", want, &s.found);
	if (!error && want->rmap.startblock)
		error = search(cur, want, want->rmap.startblock - 1, &s, &merge_left);
	if (error)
		return error;
	left = s.found;
	/* its key is known */
	cur->rec.rmap.startblock = end_of(want);
	cur->rec.rmap.owner = want->rmap.owner;
	cur->rec.rmap.offset = want->rmap.offset + want->rmap.blockcount;
	error = dx_btree_lookup(cur, DX_LOOKUP_EQ, &stat);
	if (!error && stat)
		error = dx_btree_get_rec(cur, &right, &stat);
	if (error)
		return error;
	merge_right = stat && joins(want, &right);
	if (merge_right) {
		new.rmap.blockcount += right.rmap.blockcount;
		error = dx_btree_delete(cur, &stat);
		if (error)
			return error;
	}
	if (!merge_left)
		return put(cur, &new);
	left.rmap.blockcount += new.rmap.blockcount;
	error = find(cur, &left);
	return error ? error : dx_btree_update(cur, &left);
}

static int cut_shared(struct dx_btree_cur *cur, const union dx_btree_rec *want)
{
	union dx_btree_rec rec, right;
	struct search s;
	bool found;
	u32 head;
	int error;

	error = search(cur, want, want->rmap.startblock, &s, &found);
	if (!error && (!found || end_of(&s.found) < end_of(want)))
		error = clash(cur, "is to be freed", want, found ? &s.found : want);
	if (error)
		return error;
	rec = s.found;
	head = want->rmap.startblock - rec.rmap.startblock;
	right = *want;
	right.rmap.startblock = end_of(want);
	right.rmap.offset += want->rmap.blockcount;
	right.rmap.blockcount = end_of(&rec) - end_of(want);
	if (head) {
		rec.rmap.blockcount = head;
		error = find(cur, &rec);
		if (!error)
			error = dx_btree_update(cur, &rec);
	} else {
		error = erase(cur, &rec);
	}
	/* its place among those that begin at the same block may be another one */
	return error || !right.rmap.blockcount ? error : put(cur, &right);
}

/* ---- */

static int change(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
		  const struct dx_owner *own, int (*fn)(struct dx_btree_cur *cur, const union dx_btree_rec *want))
{
	union dx_btree_rec want = {
		.rmap = { .startblock = bno, .blockcount = len, .owner = own->owner, .offset = own->offset },
	};
	struct dx_btree_cur *cur;
	int error;

	if (!own->owner || !dx_has_rmapbt(tp->t_mp))
		return 0;
	cur = dx_rmapbt_cursor(tp->t_mp, tp, agbp, agno);
	error = fn(cur, &want);
	dx_btree_del_cursor(cur, error);
	return error;
}

/**
 * dx_rmap_add - blocks have got an owner
 * @tp: transaction
 * @agbp: locked AGF, AGFL ready
 * @agno: AG
 * @bno: first block
 * @len: blocks
 * @own: whose they are; nobody's (->owner 0): nothing happens
 *
 * Return: 0; -EFSCORRUPTED when they belong to somebody, or another -errno.
 */
int dx_rmap_add(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
		const struct dx_owner *own)
{
	return change(tp, agbp, agno, bno, len, own, add);
}

/**
 * dx_rmap_remove - blocks have lost their owner
 * @tp: transaction
 * @agbp: locked AGF, AGFL ready
 * @agno: AG
 * @bno: first block
 * @len: blocks
 * @own: whose they were, exactly; DX_RMAP_OWN_UNKNOWN: somebody's or nobody's
 *
 * Return: 0; -EFSCORRUPTED when they belong to somebody else, or another -errno.
 */
int dx_rmap_remove(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
		   const struct dx_owner *own)
{
	return change(tp, agbp, agno, bno, len, own, cut);
}

/**
 * dx_rmap_add_shared - the same for a file that may share blocks: others may have them, too
 * @tp: transaction
 * @agbp: locked AGF, AGFL ready
 * @agno: AG
 * @bno: first block
 * @len: blocks
 * @own: a file, and where there
 */
int dx_rmap_add_shared(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
		       const struct dx_owner *own)
{
	return change(tp, agbp, agno, bno, len, own, add_shared);
}

/**
 * dx_rmap_remove_shared - and when it has them no more
 * @tp: transaction
 * @agbp: locked AGF, AGFL ready
 * @agno: AG
 * @bno: first block
 * @len: blocks
 * @own: whose they were, exactly
 */
int dx_rmap_remove_shared(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len,
			  const struct dx_owner *own)
{
	return change(tp, agbp, agno, bno, len, own, cut_shared);
}

/**
 * dx_rmap_is_owner - are blocks all one owner's, by one record?
 * @mp: mount with rmapbt
 * @fsbno: first block; the extent is inside one AG
 * @len: fsblocks
 * @own: who is asked about; not a file
 * @is: the answer
 *
 * Takes the AGF.
 *
 * Return: 0 or -errno.
 */
int dx_rmap_is_owner(struct dx_mount *mp, dx_fsbno_t fsbno, dx_extlen_t len, const struct dx_owner *own, bool *is)
{
	dx_agbno_t bno = dx_fsb_to_agbno(mp, fsbno);
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agbp;
	int stat, error;

	*is = false;
	error = dx_agf_read(mp, NULL, dx_fsb_to_agno(mp, fsbno), 0, &agbp);
	if (error)
		return error;
	cur = dx_rmapbt_cursor(mp, NULL, agbp, dx_fsb_to_agno(mp, fsbno));
	error = at_or_before(cur, bno, &rec, &stat);
	if (!error && stat)
		*is = rec.rmap.owner == own->owner && rec.rmap.offset == own->offset && end_of(&rec) >= (u64)bno + len;
	dx_btree_del_cursor(cur, error);
	dx_buf_leave(agbp);
	return error;
}
