// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copy on write: where the copies are, until they are what the file has.  dx_cow.h tells the story.
 *
 * Space.  A delayed extent of the CoW fork has taken its blocks from the free space counter.  The btree of the data fork has
 * nothing of it until it comes there, and then, when it is in the middle of an extent, has two records more for every piece that
 * is written by itself: so for each extent of the CoW fork, delayed or staged, the inode holds what a map of twice its
 * blocks can take at worst (struct dx_cow_fork ->want, ->resv; it is in mp->delalloc_resv).  The refcountbt and the rmapbt
 * have blocks set aside in their AG.
 * When a volume is full and an extent is cut, ->resv can lack what the parts want more; then the reserve pool helps.
 *
 * Crash safety.  Staged blocks are in the refcountbt as such with the transaction that allocates them.  One transaction puts them
 * into the data fork in place of what was there; that they are staged no longer, that what was there has an owner less,
 * and what the rmapbt says of both follows as deferred work.  First of it comes the end of the staging,
 * for a block has one owner in the rmapbt at a time.  So the file never has a hole there, not to a reader either: the
 * ILOCK is held to the end of the chain.
 *
 * Lock context: ILOCK; which functions take it themselves is said in dx_cow.h.
 */
#include "dx_cow.h"
#include "dx_bmap_int.h"

/* Blocks to widen to where nobody has given a hint. */
#define DEFAULT_EXTSIZE	32u
/* How often the refcountbt is asked for it on either side. */
#define MOST_LOOKS	32u

/* ---- what is held --------------------------------------------------------------------- */

/* So many blocks for the btree come to be held, or (< 0) not any more. */
static void count_resv(struct dx_inode *ip, s64 d)
{
	ip->cf->resv += d;
	atomic64_add(d, &ip->mp->delalloc_resv);
	if (d > 0)
		atomic64_inc(&ip->mp->held[DX_HELD_INDLEN]);
}

/* The extents have changed: hold what they want, as far as there is any; what they do not goes back. */
static void settle(struct dx_inode *ip)
{
	s64 d = ip->cf->want - ip->cf->resv;

	if (d && !dx_mod_fdblocks(ip->mp, -d, false))
		count_resv(ip, d);
}

/* What maps [off, off + len) in the CoW fork, in @old or in a hole, becomes @new, or nothing. */
static int edit(struct dx_inode *ip, const struct dx_irec *old, struct dx_irec *new, dx_fileoff_t off, dx_filblks_t len)
{
	struct dx_bmap_edit e;

	dx_bmap_edit_begin(&e, NULL, ip, DX_COW_FORK);
	return dx_bmap_edit_end(&e, dx_bmap_remap(&e, old, new, off, len));
}

/* The CoW fork's extent at @off, or the first behind it. */
static bool find(struct dx_inode *ip, dx_fileoff_t off, struct dx_irec *got)
{
	struct dx_iext_cur icur;

	return ip->cf && dx_iext_lookup(&ip->cf->f.ext, off, &icur, got);
}

static bool is_written(const struct dx_irec *r)
{
	return dx_irec_is_real(r) && r->state == DX_EXT_NORM;
}

/* ---- looking -------------------------------------------------------------------------- */

u32 dx_cow_extsize(struct dx_inode *ip)
{
	u32 hint = ip->d.flags2 & DX_DIFLAG2_COWEXTSIZE ? ip->d.cowextsize : 0;

	hint = max(hint, dx_get_extsz_hint(ip));
	return hint ?: DEFAULT_EXTSIZE;
}

int dx_cow_look(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *got)
{
	return dx_bmap_look(ip, off, len, DX_BMAPI_COWFORK, got);
}

int dx_cow_look_for_data(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *got, bool *copy)
{
	struct dx_mapped cow;
	int error;

	*copy = false;
	error = dx_bmap_look(ip, off, len, 0, got);
	if (error || !dx_irec_is_hole(&got->rec) || !ip->cf)
		return error;
	error = dx_cow_look(ip, off, got->rec.blockcount, &cow);
	if (error)
		return error;
	got->rec.blockcount = min(got->rec.blockcount, dx_irec_end(&cow.rec) - off);
	*copy = !dx_irec_is_hole(&cow.rec);
	return 0;
}

/* What is asked about @rec, by one who asks more than once if @a is there. */
static int trim_shared(struct dx_refcount_asker *a, struct dx_inode *ip, struct dx_irec *rec, bool *shared)
{
	dx_extlen_t before, n;
	int error;

	*shared = false;
	if (!dx_inode_shares(ip) || !dx_irec_is_real(rec) || rec->state != DX_EXT_NORM)
		return 0;
	error = a ? dx_refcount_ask(a, rec->startblock, rec->blockcount, &before, &n) :
		    dx_refcount_find_shared(ip->mp, rec->startblock, rec->blockcount, &before, &n);
	if (error || !n)
		return error;
	*shared = !before;
	rec->blockcount = before ?: n;
	return 0;
}

/* Is there room in the AG of shared blocks for what it is cut into when a copy of a part comes in? */
static int may_copy(struct dx_inode *ip, const struct dx_irec *rec)
{
	return dx_agresv_may_split(ip->mp, rec->startblock) ? 0 : -ENOSPC;
}

int dx_cow_trim_shared(struct dx_inode *ip, struct dx_irec *rec, bool *shared)
{
	return trim_shared(NULL, ip, rec, shared);
}

int dx_reflink_find_shared(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, dx_fileoff_t *soff, dx_filblks_t *slen)
{
	struct dx_refcount_asker *a;
	dx_fileoff_t end = off + len;
	int error;

	*slen = 0;
	/* not under an AGF */
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (error)
		return error;
	a = dx_refcount_ask_begin(ip->mp);
	while (off < end) {
		struct dx_irec rec;
		bool shared;
		int n = 1;

		error = dx_bmap_query(ip, off, end - off, &rec, &n, 0);
		if (!error)
			error = trim_shared(a, ip, &rec, &shared);
		if (error)
			break;
		if (shared) {
			*soff = off;
			*slen = rec.blockcount;
			break;
		}
		off = dx_irec_end(&rec);
	}
	dx_refcount_ask_end(a);
	return error;
}

/* ---- making copies --------------------------------------------------------------------- */

/*
 * Cut [*off, *off + *len), around [from, to) which is shared, to what is shared or a hole. Of the rest a direct I/O may be on its
 * way to where the data fork has it, under no more than the IOLOCK shared: a copy that came into its place would free the block
 * under it.
 */
static int cut_to_copied(struct dx_inode *ip, dx_fileoff_t from, dx_fileoff_t to, dx_fileoff_t *off, dx_filblks_t *len)
{
	struct dx_refcount_asker *a = dx_refcount_ask_begin(ip->mp);
	dx_fileoff_t pos = *off, end = *off + *len;
	unsigned int looks = 0;
	int error = 0;

	while (pos < end) {
		bool shared = false;
		struct dx_irec rec;
		int n = 1;

		if (pos >= from && pos < to) {
			pos = to;
			looks = 0;
			continue;
		}
		if (looks++ == MOST_LOOKS) {	/* scattered: it is not worth more */
			if (pos < from) {
				*off = pos = from;
				continue;
			}
			end = pos;
			break;
		}
		/* not over @from: what is shared there may not be any more, for its other owners do not take our ILOCK */
		error = dx_bmap_query(ip, pos, (pos < from ? from : end) - pos, &rec, &n, 0);
		if (!error)
			error = trim_shared(a, ip, &rec, &shared);
		if (error)
			break;
		shared = shared && !may_copy(ip, &rec);
		if (!shared && !dx_irec_is_hole(&rec) && pos >= to) {
			end = pos;
			break;
		}
		pos = dx_irec_end(&rec);
		if (!shared && !dx_irec_is_hole(&rec))
			*off = pos;
	}
	dx_refcount_ask_end(a);
	*len = end - *off;
	return error;
}

/*
 * Widen [*off, *off + *len), a hole of the CoW fork that ends at @hi, to the hint: neither over what the CoW fork has, nor behind
 * the last block of the data fork.
 */
static int to_hint(struct dx_inode *ip, dx_fileoff_t hi, dx_fileoff_t *off, dx_filblks_t *len)
{
	dx_fileoff_t lo = 0, last, end = *off;
	struct dx_iext_cur icur;
	struct dx_irec prev;
	int error;

	if (ip->cf && dx_iext_lookup_before(&ip->cf->f.ext, &end, &icur, &prev))
		lo = end;
	error = dx_bmap_last_offset(ip, DX_DATA_FORK, &last);
	if (!error)
		dx_bmap_extsz_align(ip, dx_cow_extsize(ip), lo, max(min(hi, last), *off + *len), off, len);
	return error;
}

/* The same with what is shared; nor over what only this file has. */
static int widen(struct dx_inode *ip, dx_fileoff_t hi, dx_fileoff_t *off, dx_filblks_t *len)
{
	dx_fileoff_t from = *off, to = *off + *len;
	int error = to_hint(ip, hi, off, len);

	if (!error && *len > to - from)
		error = cut_to_copied(ip, from, to, off, len);
	return error;
}

/* Could all that is copied come into the data fork?  Each block may cut an extent there. */
static int may_come_in(struct dx_inode *ip, dx_filblks_t more)
{
	return dx_bmap_may_grow(ip, DX_DATA_FORK, min_t(u64, 2 * (dx_cow_blocks(ip) + more), U32_MAX));
}

/* Space for copies of so many blocks, and what the btree can want for them, within the quota of the owners; @more than must be. */
static int take(struct dx_inode *ip, dx_filblks_t n, bool more, u32 *want)
{
	int error = more ? dx_quota_try(ip, n) : dx_quota_reserve(ip, n);

	if (error)
		return error;
	*want = dx_cow_want(ip, n);
	error = dx_mod_fdblocks(ip->mp, -(s64)(n + *want), false);
	if (error)
		dx_quota_settle(ip);
	return error;
}

int dx_cow_reserve(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *got)
{
	dx_fileoff_t hi = DX_BMBT_MAX_STARTOFF + 1, start = off;
	struct dx_irec mid;
	dx_filblks_t n;
	int error;
	u32 want;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	if (off > DX_BMBT_MAX_STARTOFF || !len)
		return -EFBIG;
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (error)
		return error;
	if (find(ip, off, &got->rec)) {
		if (got->rec.startoff <= off)
			goto out;
		hi = got->rec.startoff;
	}
	n = len = min_t(u64, min_t(u64, len, hi - off), DX_BMBT_MAX_BLOCKCOUNT);
	error = dx_bmap_look(ip, off, n, 0, got);
	if (!error && dx_irec_is_real(&got->rec))
		error = may_copy(ip, &got->rec);
	if (!error)
		error = widen(ip, hi, &start, &n);
	if (!error)
		error = may_come_in(ip, n);
	if (error)
		return error;
	error = take(ip, n, n > len, &want);
	if (error && n > len) {
		start = off;
		n = len;
		error = take(ip, n, false, &want);
	}
	if (error)
		return error;
	dx_fork_make_cow(ip);
	count_resv(ip, want);
	atomic64_add(n, &ip->mp->delalloc_resv);
	mid = (struct dx_irec) { .startoff = start, .blockcount = n, .startblock = DX_DELAYSTARTBLOCK };
	error = edit(ip, NULL, &mid, start, n);
	if (WARN_ON_ONCE(error))
		return error;
	settle(ip);
	got->rec = mid;
out:
	got->seq = dx_map_seq(ip);
	return 0;
}

/*
 * Blocks for what @old, or a hole, has of [off, off + len) become a staged extent, in a transaction that holds them in its
 * reservation; *len: how many it got.
 */
static int stage(struct dx_trans *tp, struct dx_inode *ip, const struct dx_irec *old, dx_fileoff_t off, dx_filblks_t *len)
{
	struct dx_irec mid = { .startoff = off, .state = DX_EXT_UNWRITTEN };
	dx_extlen_t n = *len;
	int error;

	*len = 0;
	error = dx_bmap_alloc_copy(tp, ip, off, n, &mid.startblock, &n);
	if (error || mid.startblock == DX_NULLFSBNO)
		return error;
	*len = mid.blockcount = n;
	dx_defer_refcount(tp, DX_CUI_ALLOC_COW, mid.startblock, n);
	atomic64_inc(&ip->mp->held[DX_HELD_PREALLOC]);
	return edit(ip, old, &mid, off, n);
}

int dx_cow_convert_delalloc(struct dx_inode *ip, dx_fileoff_t off, struct dx_mapped *got)
{
	struct dx_irec *r = &got->rec;
	struct dx_trans *tp;
	dx_filblks_t n;
	int error;

	for (;;) {
		error = dx_quota_attach(ip);
		if (!error)
			error = dx_trans_alloc(ip->mp, DX_RESV_WRITE, 0, DX_TRANS_RESERVE, &tp);
		if (error)
			return error;
		dx_ilock(ip, DX_ILOCK_EXCL);
		dx_trans_ijoin(tp, ip, 0);
		if (!find(ip, off, r) || r->startoff > off)
			*r = (struct dx_irec) { .startoff = off, .startblock = DX_HOLESTARTBLOCK, .blockcount = 1 };
		if (!dx_irec_is_delay(r)) {
			dx_trans_cancel(tp);
			break;
		}
		n = r->blockcount;
		tp->t_blk_res += n;
		error = stage(tp, ip, r, r->startoff, &n);
		/* what it did not get stays delayed */
		tp->t_blk_res -= r->blockcount - n;
		atomic64_sub(n, &ip->mp->delalloc_resv);
		error = dx_trans_end(tp, error);
		if (!error && WARN_ON_ONCE(!n))		/* what was set aside is not there */
			error = -ENOSPC;
		if (error)
			break;
		settle(ip);
		dx_iunlock(ip, DX_ILOCK_EXCL);
	}
	got->seq = dx_map_seq(ip);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

/* Staged blocks of [off, end) are written from now on. */
static void mark_written(struct dx_inode *ip, dx_fileoff_t off, dx_fileoff_t end)
{
	struct dx_irec got, mid;

	while (off < end && find(ip, off, &got) && got.startoff < end) {
		dx_fileoff_t from = max(off, got.startoff);

		off = dx_irec_end(&got);
		if (!dx_irec_is_real(&got) || got.state == DX_EXT_NORM)
			continue;
		mid = got;
		dx_irec_trim(&mid, from, end);
		mid.state = DX_EXT_NORM;
		if (WARN_ON_ONCE(edit(ip, &got, &mid, mid.startoff, mid.blockcount)))
			break;
		settle(ip);
	}
}

/*
 * What to stage for [off, off + *len), which was shared and a hole of the CoW fork before the ILOCK was given up: [*start, *start +
 * *n), widened unless @alone.  All of it is found out under the ILOCK that stages it, for a direct I/O that found it otherwise
 * since may be on its way there.  *n is 0 when there is nothing, or more than @most: the caller looks again.
 */
static int to_stage(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t *len, bool alone, dx_filblks_t most,
		    dx_fileoff_t *start, dx_filblks_t *n)
{
	dx_fileoff_t hi = DX_BMBT_MAX_STARTOFF + 1;
	struct dx_irec next;
	struct dx_mapped m;
	bool shared;
	int error;

	*n = 0;
	if (find(ip, off, &next)) {
		if (next.startoff <= off)
			return 0;
		hi = next.startoff;
	}
	error = dx_bmap_look(ip, off, min_t(u64, *len, hi - off), 0, &m);
	if (!error)
		error = dx_cow_trim_shared(ip, &m.rec, &shared);
	if (error || !shared)
		return error;
	error = may_copy(ip, &m.rec);
	if (error)
		return error;
	*start = off;
	*len = *n = m.rec.blockcount;
	if (!alone)
		error = widen(ip, hi, start, n);
	if (*n > most)
		*n = 0;
	return error;
}

/*
 * Stage blocks for [off, off + len), shared and a hole of the CoW fork when it was looked at, and for what it is widened to, at
 * most @most blocks, if they are to be had.  Somebody else may have been faster: the caller looks again.  1: it must not be
 * widened.
 */
static int stage_new(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, dx_filblks_t most)
{
	u32 want = dx_cow_want(ip, most), spare;
	bool alone = most == len;
	dx_fileoff_t start;
	struct dx_trans *tp;
	dx_filblks_t n;
	int error;

	error = dx_quota_attach(ip);
	if (!error)
		error = dx_trans_alloc(ip->mp, DX_RESV_WRITE, most + want, 0, &tp);
	if (error == -ENOSPC && !alone) {
		alone = true;
		most = len;
		want = dx_cow_want(ip, most);
		error = dx_trans_alloc(ip->mp, DX_RESV_WRITE, most + want, 0, &tp);
	}
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, 0);
	dx_fork_make_cow(ip);
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (!error)
		error = to_stage(ip, off, &len, alone, most, &start, &n);
	if (!error && n)
		error = may_come_in(ip, n);
	if (error || !n) {
		dx_trans_cancel(tp);
		goto out;
	}
	error = n > len ? dx_quota_try(ip, n) : dx_quota_reserve(ip, n);
	if (error) {
		dx_trans_cancel(tp);
		if (n > len && (error == -EDQUOT || error == -ENOSPC))
			error = 1;
		goto out;
	}
	/* what it holds, and what it was not widened to, goes back at the end */
	spare = want - dx_cow_want(ip, n);
	tp->t_blk_res -= want - spare;
	count_resv(ip, want - spare);
	error = stage(tp, ip, NULL, start, &n);
	if (!error && start < off && start + n <= off)
		error = 1;	/* a short answer to a widened request does not reach what it is for */
	settle(ip);
	if (error < 0)
		error = dx_trans_end(tp, error);
	else
		error = dx_trans_commit(tp) ?: !n ? -ENOSPC : error;
out:
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

int dx_cow_alloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *got)
{
	struct dx_irec *r = &got->rec;
	dx_fileoff_t start;
	dx_filblks_t n;
	bool shared, alone = false;
	int error;

	if (!len || off > DX_BMBT_MAX_STARTOFF)
		return -EINVAL;
	len = min_t(u64, len, DX_BMBT_MAX_BLOCKCOUNT);
	for (;;) {
		dx_ilock(ip, DX_ILOCK_EXCL);
		error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
		if (!error)
			error = dx_cow_look(ip, off, len, got);
		if (error)
			break;
		if (dx_irec_is_real(r)) {
			mark_written(ip, off, dx_irec_end(r));
			r->state = DX_EXT_NORM;
			break;
		}
		if (dx_irec_is_hole(r)) {
			dx_fileoff_t hi = DX_BMBT_MAX_STARTOFF + 1;
			struct dx_irec next;

			n = r->blockcount;
			error = dx_bmap_look(ip, off, n, 0, got);
			if (!error)
				error = dx_cow_trim_shared(ip, r, &shared);
			if (error || !shared) {
				r->startblock = DX_HOLESTARTBLOCK;
				break;
			}
			start = off;
			n = r->blockcount;
			if (find(ip, off, &next))
				hi = next.startoff;
			error = alone ? 0 : to_hint(ip, hi, &start, &n);
			if (error)
				break;
			dx_iunlock(ip, DX_ILOCK_EXCL);
			error = stage_new(ip, off, r->blockcount, n);
			alone = error == 1;
		} else {
			dx_iunlock(ip, DX_ILOCK_EXCL);
			error = dx_cow_convert_delalloc(ip, off, got);
		}
		if (error < 0)
			return error;
	}
	got->seq = dx_map_seq(ip);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

void dx_cow_submit(struct dx_inode *ip, u64 off_bytes, u64 count_bytes)
{
	if (!dx_cow_blocks(ip))
		return;
	dx_ilock(ip, DX_ILOCK_EXCL);
	mark_written(ip, dx_b_to_fsbt(ip->mp, off_bytes), dx_b_to_fsb(ip->mp, off_bytes + count_bytes));
	dx_iunlock(ip, DX_ILOCK_EXCL);
}

/* ---- completion ------------------------------------------------------------------------- */

/* Something written in [*off, end)?  *off moves there. */
static bool find_written(struct dx_inode *ip, dx_fileoff_t *off, dx_fileoff_t end, struct dx_irec *got)
{
	for (; *off < end && find(ip, *off, got) && got->startoff < end; *off = dx_irec_end(got)) {
		if (is_written(got)) {
			*off = max(*off, got->startoff);
			return true;
		}
	}
	return false;
}

/* The transaction may use what is held for the btree; what it lacks then comes from the reserve pool, as far as there is any. */
static u32 lend_resv(struct dx_trans *tp, struct dx_inode *ip)
{
	u32 most = 2 * ip->mp->bm_maxlevels[DX_DATA_FORK], n = min_t(u64, ip->cf->resv, most);

	count_resv(ip, -(s64)n);
	tp->t_blk_res += n;
	dx_trans_top_up(tp, most);
	return n;
}

static void return_resv(struct dx_trans *tp, struct dx_inode *ip, u32 lent)
{
	lent = min(lent, tp->t_blk_res);
	tp->t_blk_res -= lent;
	count_resv(ip, lent);
}

/* @del, a written part of @got in the CoW fork, comes into the data fork, where @old is, or (NULL) a hole. */
static int come_in(struct dx_trans *tp, struct dx_inode *ip, const struct dx_irec *got, const struct dx_irec *del,
		   const struct dx_irec *old)
{
	u32 lent = lend_resv(tp, ip);
	struct dx_irec mid = *del;
	struct dx_bmap_edit e;
	int error;

	dx_bmap_edit_begin(&e, tp, ip, DX_DATA_FORK);
	error = dx_bmap_check_growth(&e, del->startoff, old ? 2 : 1);
	/* promised when the copy was begun; but an AG can lose its last block to what cannot wait */
	if (!error && old && old->startoff < del->startoff && dx_irec_end(old) > dx_irec_end(del) &&
	    !dx_agresv_can_split(ip->mp, old->startblock))
		error = -ENOSPC;
	if (!error && !old)
		error = dx_delalloc_expect(tp, ip, del->blockcount, dx_fork_inline_max(ip, DX_DATA_FORK));
	if (!error) {
		dx_defer_refcount(tp, DX_CUI_FREE_COW, del->startblock, del->blockcount);
		error = dx_bmap_remap(&e, old, &mid, del->startoff, del->blockcount);
	}
	if (!error && old)
		error = dx_bmap_lose_blocks(tp, ip, DX_DATA_FORK, old->startblock + (del->startoff - old->startoff),
					    del->blockcount);
	else if (!error)
		ip->d.nblocks += del->blockcount;
	error = dx_bmap_edit_end(&e, error);
	return_resv(tp, ip, lent);
	if (!error)
		error = edit(ip, got, NULL, del->startoff, del->blockcount);
	settle(ip);
	return error;
}

/* One step; *off moves behind what has been done. */
static int end_step(struct dx_inode *ip, dx_fileoff_t *off, dx_fileoff_t end)
{
	struct dx_irec got, del, old;
	struct dx_iext_cur icur;
	struct dx_trans *tp;
	bool more;
	int error;

	error = dx_quota_attach(ip);
	if (!error)
		error = dx_trans_alloc(ip->mp, DX_RESV_WRITE, 0, DX_TRANS_RESERVE, &tp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, 0);
	error = dx_iread_extents(tp, ip, DX_DATA_FORK);
	if (error || !find_written(ip, off, end, &got)) {
		dx_trans_cancel(tp);
		goto out;
	}
	del = got;
	dx_irec_trim(&del, *off, end);
	more = dx_iext_lookup(&ip->df.ext, *off, &icur, &old);
	if (more && old.startoff <= *off) {
		dx_irec_trim(&del, *off, dx_irec_end(&old));
		if (dx_irec_is_delay(&old)) {
			dx_bmap_punch_delalloc(ip, *off, del.blockcount);
			more = false;
		}
	} else {
		if (more)
			dx_irec_trim(&del, *off, old.startoff);
		more = false;
	}
	error = dx_trans_end(tp, come_in(tp, ip, &got, &del, more ? &old : NULL));
	*off = dx_irec_end(&del);
out:
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

int dx_cow_end(struct dx_inode *ip, u64 off_bytes, u64 count_bytes)
{
	dx_fileoff_t off = dx_b_to_fsbt(ip->mp, off_bytes), end = dx_b_to_fsb(ip->mp, off_bytes + count_bytes);
	struct dx_irec got;
	int error = 0;
	bool any;

	while (!error && dx_cow_blocks(ip)) {
		dx_ilock(ip, DX_ILOCK_SHARED);
		any = find_written(ip, &off, end, &got);
		dx_iunlock(ip, DX_ILOCK_SHARED);
		if (!any)
			break;
		error = end_step(ip, &off, end);
	}
	return error;
}

/* ---- giving up --------------------------------------------------------------------------- */

/* Delayed extents in the range go; true: there are staged ones, too. */
static bool drop_delayed(struct dx_inode *ip, dx_fileoff_t off, dx_fileoff_t end)
{
	struct dx_irec part;
	bool staged = false;

	while (off < end && find(ip, off, &part) && part.startoff < end) {
		struct dx_irec old = part;

		dx_irec_trim(&part, max(off, part.startoff), end);
		off = dx_irec_end(&part);
		if (!dx_irec_is_delay(&old)) {
			staged = true;
			continue;
		}
		if (WARN_ON_ONCE(edit(ip, &old, NULL, part.startoff, part.blockcount)))
			break;
		dx_mod_fdblocks(ip->mp, part.blockcount, false);
		atomic64_sub(part.blockcount, &ip->mp->delalloc_resv);
		settle(ip);
	}
	return staged;
}

/* The blocks of the first staged extent of the range are freed. */
static int free_staged(struct dx_inode *ip, dx_fileoff_t off, dx_fileoff_t end)
{
	struct dx_irec got, del;
	struct dx_trans *tp;
	int error;

	error = dx_quota_attach(ip);
	if (!error)
		error = dx_trans_alloc(ip->mp, DX_RESV_ITRUNCATE, 0, DX_TRANS_RESERVE, &tp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	/* given up with the first part: nobody else can come to these blocks then */
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	while (find(ip, off, &got) && got.startoff < end && dx_irec_is_delay(&got))
		off = dx_irec_end(&got);
	if (!find(ip, off, &got) || got.startoff >= end)
		return dx_trans_end(tp, 0);
	del = got;
	dx_irec_trim(&del, max(off, got.startoff), end);
	dx_defer_refcount(tp, DX_CUI_FREE_COW, del.startblock, del.blockcount);
	error = dx_defer_free(tp, del.startblock, del.blockcount, false);
	if (!error)
		error = edit(ip, &got, NULL, del.startoff, del.blockcount);
	settle(ip);
	return dx_trans_end(tp, error);
}

int dx_cow_cancel(struct dx_inode *ip, u64 off_bytes, u64 count_bytes, bool real)
{
	dx_fileoff_t off = dx_b_to_fsbt(ip->mp, off_bytes), end = DX_BMBT_MAX_STARTOFF + 1;
	int error = 0;
	bool more;

	if (count_bytes <= U64_MAX - off_bytes - ip->mp->sb.blocksize)
		end = min_t(u64, end, dx_b_to_fsb(ip->mp, off_bytes + count_bytes));
	while (!error && off < end && dx_cow_blocks(ip)) {
		dx_ilock(ip, DX_ILOCK_EXCL);
		more = drop_delayed(ip, off, end);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (!more || !real)
			break;
		error = free_staged(ip, off, end);
	}
	return error;
}

int dx_cow_cancel_all(struct dx_inode *ip)
{
	return dx_cow_cancel(ip, 0, U64_MAX, true);
}

/**
 * dx_cow_drop - give back what the CoW fork of an inode holds of the counters
 * @ip: about to be freed, reachable by nobody
 *
 * What is staged was freed when the inode was inactivated; if that could not be, the next mount does it.
 */
void dx_cow_drop(struct dx_inode *ip)
{
	struct dx_iext_cur icur;
	struct dx_irec r;
	u64 back;
	bool more;

	if (!ip->cf)
		return;
	back = ip->cf->resv;
	for (more = dx_iext_first(&ip->cf->f.ext, &icur, &r); more; more = dx_iext_next(&ip->cf->f.ext, &icur, &r))
		if (dx_irec_is_delay(&r))
			back += r.blockcount;
	atomic64_sub(back, &ip->mp->delalloc_resv);
	dx_mod_fdblocks(ip->mp, back, false);
	ip->cf->resv = 0;
}
