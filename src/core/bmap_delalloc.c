// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delayed allocation: extents that exist in memory only, with their space set aside.
 *
 * A delayed extent has taken from the free space counter (fdblocks) its blocks and indlen more, for the
 * btree.  Making it real hands both over to the transaction's own reservation, which then pays for what is
 * allocated and gives back the rest at commit: so every block is counted in exactly one place at any time
 *
 *	fdblocks + delayed blocks + their indlen + reservations of transactions + used = dblocks
 *
 * and what reaches the disk at unmount is exact.  Writeback makes them real as unwritten extents:
 * a crash between allocation and I/O shows zeroes, never stale data.
 * ILOCK exclusive for everything here.
 */
#include "dx_bmap_int.h"

/**
 * dx_delalloc_count - blocks became delayed (> 0) or stopped to be (< 0).
 * @ip: inode, ILOCK exclusive
 * @blocks: change, without indlen
 * @resv: change of what delayed extents hold of the free space counter: with indlen
 */
void dx_delalloc_count(struct dx_inode *ip, s64 blocks, s64 resv)
{
	ip->delayed_blks += blocks;
	atomic64_add(resv, &ip->mp->delalloc_resv);
}

/**
 * dx_delalloc_resettle - give the rests of a delayed extent their share of its indlen.
 * @ip: inode, ILOCK exclusive
 * @start: where the extent was
 * @end: its end; delayed extents that begin in the range are its rests
 * @avail: blocks at hand
 *
 * Returns how many of @avail stay reserved.  If they are not enough, more is taken from the
 * counter; if that is empty too, less is reserved: the worst case is rare, and the block reserve pool stands behind it.
 */
u32 dx_delalloc_resettle(struct dx_inode *ip, dx_fileoff_t start, dx_fileoff_t end, u32 avail)
{
	struct dx_iext_tree *t = &ip->df.ext;
	struct dx_iext_cur icur;
	struct dx_irec got;
	u32 used = 0;
	bool more;

	for (more = dx_iext_lookup(t, start, &icur, &got); more && got.startoff < end;
	     more = dx_iext_next(t, &icur, &got)) {
		u32 want, take;

		if (!dx_irec_is_delay(&got) || got.startoff < start || dx_irec_end(&got) > end)
			continue;
		want = dx_bmap_worst_indlen(ip, got.blockcount);
		take = min(want, avail - used);
		used += take;
		if (take < want && !dx_mod_fdblocks(ip->mp, -(s64)(want - take), true)) {
			dx_delalloc_count(ip, 0, want - take);
			take = want;
		}
		got.indlen = take;
		dx_iext_update(t, &icur, &got);
	}
	return used;
}

/* set aside space for @len blocks and their btree; *indlen = the latter */
static int take_space(struct dx_inode *ip, dx_filblks_t len, u32 *indlen)
{
	*indlen = dx_bmap_worst_indlen(ip, len);
	return dx_mod_fdblocks(ip->mp, -(s64)(len + *indlen), false);
}

/**
 * dx_bmap_reserve_delalloc - make a hole (its part at @off) a delayed extent.
 * @ip: inode, ILOCK exclusive, data fork, extents read in by the caller or here
 * @off: start; must be in a hole, or nothing is changed
 * @len: blocks wanted
 * @prealloc: blocks wanted beyond, when they are to be had
 * @got: result: the extent that contains @off, merged with delayed neighbours
 *
 * The extent ends at the next one at the latest.  -ENOSPC when not even @len can be set aside.
 */
int dx_bmap_reserve_delalloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, dx_filblks_t prealloc,
			     struct dx_irec *got)
{
	dx_fileoff_t lo = 0, hi = DX_BMBT_MAX_STARTOFF + 1, start;
	struct dx_iext_cur icur;
	struct dx_irec r, mid;
	struct dx_bmap_edit e;
	dx_filblks_t n;
	u32 indlen, merged;
	int error, try;
	bool more;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	if (off > DX_BMBT_MAX_STARTOFF || !len)
		return -EFBIG;
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (error)
		return error;
	more = dx_iext_lookup(&ip->df.ext, off, &icur, &r);
	if (more && r.startoff <= off) {
		*got = r;
		return 0;
	}
	if (more)
		hi = r.startoff;
	if (dx_iext_prev(&ip->df.ext, &icur, &r))
		lo = dx_irec_end(&r);

	error = -ENOSPC;
	for (try = 0; try < 3 && error == -ENOSPC; try++) {
		start = off;
		/* with preallocation, without, and at last without the extent size hint */
		n = min_t(u64, min_t(u64, len, DX_BMBT_MAX_BLOCKCOUNT) + (try ? 0 : prealloc), hi - off);
		n = min_t(u64, n, DX_BMBT_MAX_BLOCKCOUNT);
		if (try < 2)
			dx_bmap_extsz_align(ip, dx_get_extsz_hint(ip), lo, hi, &start, &n);
		error = take_space(ip, n, &indlen);
	}
	if (error)
		return error;
	mid = (struct dx_irec){
		.startoff = start, .blockcount = n, .startblock = DX_DELAYSTARTBLOCK, .indlen = indlen,
	};
	dx_bmap_edit_begin(&e, NULL, ip, DX_DATA_FORK);
	error = dx_bmap_remap(&e, NULL, &mid, start, n);
	error = dx_bmap_edit_end(&e, error);
	if (error) {
		dx_mod_fdblocks(ip->mp, n + indlen, false);
		return error;
	}
	dx_delalloc_count(ip, n, n + indlen);
	/* one large extent needs less for the btree than its parts */
	merged = dx_bmap_worst_indlen(ip, mid.blockcount);
	if (mid.indlen > merged) {
		u32 extra = mid.indlen - merged;

		mid.indlen = merged;
		if (dx_iext_lookup(&ip->df.ext, mid.startoff, &icur, &r)) {
			dx_iext_update(&ip->df.ext, &icur, &mid);
			dx_delalloc_count(ip, 0, -(s64)extra);
			dx_mod_fdblocks(ip->mp, extra, false);
		}
	}
	if (prealloc && n > len)
		set_bit(DX_I_EOFBLOCKS, &ip->i_flags);
	*got = mid;
	return 0;
}

/**
 * dx_bmap_punch_delalloc - forget delayed extents in a range.
 * @ip: inode, ILOCK exclusive
 * @off: start, fsblocks
 * @len: length
 *
 * Real extents in the range are left alone.  Used when a write failed or writeback gives up.
 */
void dx_bmap_punch_delalloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len)
{
	dx_fileoff_t end = off + len;
	struct dx_iext_cur icur;
	struct dx_bmap_edit e;
	struct dx_irec got;

	if (!ip->df.extents_read || !ip->delayed_blks)
		return;
	dx_bmap_edit_begin(&e, NULL, ip, DX_DATA_FORK);
	while (end > off && dx_iext_lookup_before(&ip->df.ext, &end, &icur, &got) && end > off) {
		dx_fileoff_t start = max(off, got.startoff);
		dx_filblks_t n = end - start;
		u64 back;

		if (dx_irec_is_delay(&got)) {
			if (dx_bmap_remap(&e, &got, NULL, start, n))
				break;
			back = n + got.indlen;
			back -= dx_delalloc_resettle(ip, got.startoff, dx_irec_end(&got), back);
			dx_delalloc_count(ip, -(s64)n, -(s64)back);
			dx_mod_fdblocks(ip->mp, back, false);
		}
		end = start;
	}
	dx_bmap_edit_end(&e, 0);
}

/**
 * dx_delalloc_drop - give back what the delayed extents of an inode hold.
 * @ip: about to be freed, reachable by nobody; its map goes with it
 *
 * Most have lost them before, in a lockout or when they were inactivated.  Not so when that failed, or after a
 * remount to read-only, which inactivates nothing any more.
 */
void dx_delalloc_drop(struct dx_inode *ip)
{
	struct dx_iext_cur icur;
	struct dx_irec r;
	u64 back = 0;
	bool more;

	if (!ip->delayed_blks)
		return;
	for (more = dx_iext_first(&ip->df.ext, &icur, &r); more; more = dx_iext_next(&ip->df.ext, &icur, &r))
		if (dx_irec_is_delay(&r))
			back += r.blockcount + r.indlen;
	dx_delalloc_count(ip, -(s64)ip->delayed_blks, -(s64)back);
	dx_mod_fdblocks(ip->mp, back, false);
}

/**
 * dx_bmap_convert_delalloc - allocate for the delayed extent around an offset (writeback).
 * @ip: inode; takes ILOCK exclusive itself, no transaction
 * @off: offset, fsblocks
 * @got: result: what maps @off afterwards: a real extent (unwritten when allocated here), or a hole when somebody
 *	removed it meanwhile
 *
 * Allocates the extent from its start, as a whole if there is such a piece of free space, in as many
 * transactions as it takes until @off is covered.  Takes its space from what was set aside: not -ENOSPC.
 */
int dx_bmap_convert_delalloc(struct dx_inode *ip, dx_fileoff_t off, struct dx_mapped *got)
{
	struct dx_mount *mp = ip->mp;
	struct dx_iext_cur icur;
	struct dx_trans *tp;
	struct dx_irec map;
	int error, n;

	for (;;) {
		error = dx_trans_alloc(mp, DX_RESV_WRITE, 0, DX_TRANS_RESERVE, &tp);
		if (error)
			return error;
		dx_ilock(ip, DX_ILOCK_EXCL);
		dx_trans_ijoin(tp, ip, 0);
		error = dx_iread_extents(tp, ip, DX_DATA_FORK);
		if (error)
			break;
		if (!dx_iext_lookup(&ip->df.ext, off, &icur, &got->rec) || got->rec.startoff > off) {
			got->rec = (struct dx_irec){
				.startoff = off, .startblock = DX_HOLESTARTBLOCK, .blockcount = 1,
			};
			error = 1;
			break;
		}
		if (!dx_irec_is_delay(&got->rec)) {
			error = 1;
			break;
		}
		n = 1;
		error = dx_bmapi_write(tp, ip, off, 1,
				       DX_BMAPI_PREALLOC | DX_BMAPI_DELALLOC | DX_BMAPI_ENTIRE, 0, &map, &n);
		if (error)
			break;
		error = dx_trans_commit(tp);
		if (!error && WARN_ON_ONCE(!n))		/* what was set aside is not there */
			error = -ENOSPC;
		if (error || (map.startoff <= off && off < dx_irec_end(&map))) {
			got->rec = map;
			got->seq = dx_fork_seq(&ip->df);
			dx_iunlock(ip, DX_ILOCK_EXCL);
			return error;
		}
		dx_iunlock(ip, DX_ILOCK_EXCL);
	}
	dx_trans_cancel(tp);
	got->seq = dx_fork_seq(&ip->df);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error < 0 ? error : 0;
}
