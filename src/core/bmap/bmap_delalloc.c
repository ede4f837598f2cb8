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
 *
 * indlen is what the btree can need when writeback finds no two free blocks side by side, so that it never
 * meets -ENOSPC.  What that is depends on how many blocks the fork maps, delayed ones included, for it cannot have
 * more extents than blocks, whatever is cut or converted:
 *
 *	no more than extents fit into the inode		none: there will be no btree
 *	no more than records fit into one leaf		one: that leaf never splits
 *	else						the worst case of the extent's own blocks
 *
 * Most files are small: with the third rule for all, a file of one block would hold six.  Whatever makes the
 * fork map more blocks, or leaves it less room in the inode, calls dx_delalloc_expect() before.
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
	ip->delayed_indlen += resv - blocks;
	atomic64_add(resv, &ip->mp->delalloc_resv);
	if (resv > blocks)
		atomic64_inc(&ip->mp->held[DX_HELD_INDLEN]);
}

/*
 * Blocks that the data fork maps, delayed ones too; a fork that maps more than a leaf has records need not be
 * counted to the end.
 */
static u64 count_mapped(struct dx_inode *ip)
{
	u64 enough = ip->mp->bmap_dmxr[0], sum = 0;
	struct dx_iext_cur icur;
	struct dx_irec r;
	bool more;

	if (ip->delayed_blks > enough)
		return ip->delayed_blks;
	for (more = dx_iext_first(&ip->df.ext, &icur, &r); more && sum <= enough;
	     more = dx_iext_next(&ip->df.ext, &icur, &r))
		sum += r.blockcount;
	return sum;
}

/* indlen of a delayed extent of @len blocks where the fork maps @mapped blocks, and has room for @room extents in the inode */
static u32 indlen_of(struct dx_inode *ip, u64 mapped, u32 room, dx_filblks_t len)
{
	if (mapped <= room)
		return 0;
	if (mapped <= ip->mp->bmap_dmxr[0])
		return 1;
	return dx_bmap_tree_worst(ip, len);
}

/* Do all delayed extents need another indlen when @mapped becomes @then, and @room becomes @room_then? */
static bool rule_changes(struct dx_inode *ip, u64 mapped, u32 room, u64 then, u32 room_then)
{
	u32 leaf = ip->mp->bmap_dmxr[0];

	return ip->delayed_blks && ((mapped <= room && then > room_then) || (mapped <= leaf && then > leaf));
}

/* What the delayed extents lack if the fork is to map @mapped blocks; with @set, they have it now. */
static u64 lacking(struct dx_inode *ip, u64 mapped, u32 room, bool set)
{
	struct dx_iext_tree *t = &ip->df.ext;
	struct dx_iext_cur icur;
	struct dx_irec r;
	u64 sum = 0;
	bool more;

	for (more = dx_iext_first(t, &icur, &r); more; more = dx_iext_next(t, &icur, &r)) {
		u32 want = dx_irec_is_delay(&r) ? indlen_of(ip, mapped, room, r.blockcount) : 0;

		if (want <= r.indlen || !dx_irec_is_delay(&r))
			continue;
		sum += want - r.indlen;
		r.indlen = want;
		if (set)
			dx_iext_update(t, &icur, &r);
	}
	return sum;
}

/**
 * dx_delalloc_expect - let the delayed extents of a data fork hold what they need when it has changed.
 * @tp: NULL; or a transaction that must not fail for want of space: what the volume lacks is taken of what it has reserved, or of
 *	the reserve pool
 * @ip: inode, ILOCK exclusive, extents read
 * @more: blocks that it will map besides, other than by making delayed ones real
 * @room: extents that will fit into the inode
 *
 * Before the change and before the transaction is dirty.  Return: 0, or -ENOSPC and nothing taken.
 */
int dx_delalloc_expect(struct dx_trans *tp, struct dx_inode *ip, u64 more, u32 room)
{
	u64 mapped, need;

	if (!ip->delayed_blks)
		return 0;
	mapped = count_mapped(ip);
	if (!rule_changes(ip, mapped, dx_fork_inline_max(ip, DX_DATA_FORK), mapped + more, room))
		return 0;
	need = lacking(ip, mapped + more, room, false);
	if (dx_mod_fdblocks(ip->mp, -(s64)need, !!tp)) {
		if (!tp || tp->t_blk_res < need)
			return -ENOSPC;
		tp->t_blk_res -= need;
	}
	dx_delalloc_count(ip, 0, need);
	lacking(ip, mapped + more, room, true);
	return 0;
}

/**
 * dx_delalloc_inline_need - extents that the delayed blocks of an inode count on having room for in the inode.
 * @ip: inode, ILOCK held, data fork in extents form and in memory
 *
 * Those that have no indlen; 0 when they hold what a btree takes.
 */
u32 dx_delalloc_inline_need(struct dx_inode *ip)
{
	u64 mapped;

	if (!ip->delayed_blks)
		return 0;
	mapped = count_mapped(ip);
	return mapped <= dx_fork_inline_max(ip, DX_DATA_FORK) ? mapped : 0;
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
	u32 room = dx_fork_inline_max(ip, DX_DATA_FORK), used = 0;
	struct dx_iext_tree *t = &ip->df.ext;
	u64 mapped = count_mapped(ip);
	struct dx_iext_cur icur;
	struct dx_irec got;
	bool more;

	for (more = dx_iext_lookup(t, start, &icur, &got); more && got.startoff < end;
	     more = dx_iext_next(t, &icur, &got)) {
		u32 want, take;

		if (!dx_irec_is_delay(&got) || got.startoff < start || dx_irec_end(&got) > end)
			continue;
		want = indlen_of(ip, mapped, room, got.blockcount);
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

/*
 * Set aside space for @len blocks and their btree (*indlen), and what the other delayed extents then need more.  *limited: a quota
 * says no, not the volume.
 */
static int take_space(struct dx_inode *ip, u64 mapped, dx_filblks_t len, u32 *indlen, bool *limited)
{
	u32 room = dx_fork_inline_max(ip, DX_DATA_FORK);
	u64 others = 0, all;
	int error;

	*indlen = indlen_of(ip, mapped + len, room, len);
	if (rule_changes(ip, mapped, room, mapped + len, room))
		others = lacking(ip, mapped + len, room, false);
	/* the btree's part, too, or making them real could go beyond a limit */
	all = len + *indlen + others;
	error = len > 1 ? dx_quota_try(ip, all) : dx_quota_reserve(ip, all);
	*limited = error;
	if (error)
		return error;
	if (dx_mod_fdblocks(ip->mp, -(s64)(len + *indlen + others), false))
		return -ENOSPC;
	if (others) {
		dx_delalloc_count(ip, 0, others);
		lacking(ip, mapped + len, room, true);
	}
	return 0;
}

/**
 * dx_bmap_reserve_delalloc - make a hole (its part at @off) a delayed extent.
 * @ip: inode, ILOCK exclusive, data fork, extents read in by the caller or here
 * @off: start; must be in a hole, or nothing is changed
 * @len: blocks wanted
 * @prealloc: blocks wanted beyond, when they are to be had
 * @got: result: the extent that contains @off, merged with delayed neighbours
 *
 * The extent ends at the next one at the latest, or, being beyond a quota limit, before the end of @len.  -ENOSPC when not even
 * @len can be set aside; -EDQUOT, or -ENOSPC for a project, when the owners may not have a block more.
 */
int dx_bmap_reserve_delalloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, dx_filblks_t prealloc,
			     struct dx_irec *got)
{
	dx_fileoff_t lo = 0, hi = dx_file_end(ip->mp), start;
	struct dx_iext_cur icur;
	struct dx_irec r, mid;
	struct dx_bmap_edit e;
	dx_filblks_t n;
	u32 indlen, merged;
	int error, try;
	bool more, limited = false;
	u64 mapped;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	if (off >= hi || !len)
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
		hi = min(hi, r.startoff);
	if (dx_iext_prev(&ip->df.ext, &icur, &r))
		lo = dx_irec_end(&r);

	mapped = count_mapped(ip);
	error = -ENOSPC;
	for (try = 0; (try < 3 || limited) && (error == -ENOSPC || error == -EDQUOT); try++) {
		start = off;
		if (try < 3) {
			/* with preallocation, without, and at last without the extent size hint */
			n = min_t(u64, min_t(u64, len, DX_BMBT_MAX_BLOCKCOUNT) + (try ? 0 : prealloc), hi - off);
			n = min_t(u64, n, DX_BMBT_MAX_BLOCKCOUNT);
			if (try < 2)
				dx_bmap_extsz_align(ip, dx_get_extsz_hint(ip), lo, hi, &start, &n);
		} else if (n > 1) {
			n /= 2;		/* what there is below the limit, so that it can be reached */
		} else {
			break;
		}
		error = take_space(ip, mapped, n, &indlen, &limited);
		if (error)
			dx_quota_settle(ip);
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
	merged = indlen_of(ip, mapped + n, dx_fork_inline_max(ip, DX_DATA_FORK), mid.blockcount);
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
		dx_inode_set_eofblocks(ip);
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

	dx_cow_drop(ip);
	if (!ip->delayed_blks)
		return;
	for (more = dx_iext_first(&ip->df.ext, &icur, &r); more; more = dx_iext_next(&ip->df.ext, &icur, &r))
		if (dx_irec_is_delay(&r))
			back += r.blockcount + r.indlen;
	dx_delalloc_count(ip, -(s64)ip->delayed_blks, -(s64)back);
	dx_mod_fdblocks(ip->mp, back, false);
}

/*
 * Rests that a full volume left with less than they should have (dx_delalloc_resettle()) get it now, at the worst from the
 * block reserve pool, as far as it has any; what is not used goes back at commit.
 */
static void top_up(struct dx_trans *tp, struct dx_inode *ip, const struct dx_irec *got)
{
	u32 need = 0;

	if (ip->df.format == DX_DINODE_FMT_EXTENTS)
		need = ip->df.nextents >= dx_fork_inline_max(ip, DX_DATA_FORK);
	else if (count_mapped(ip) > ip->mp->bmap_dmxr[0])
		need = ip->mp->bm_maxlevels[DX_DATA_FORK];
	if (got->indlen < need)
		dx_trans_top_up(tp, need - got->indlen);
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
		error = dx_quota_attach(ip);
		if (!error)
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
		top_up(tp, ip, &got->rec);
		n = 1;
		error = dx_bmap_assign(tp, ip, off, 1,
				       DX_BMAPI_PREALLOC | DX_BMAPI_DELALLOC | DX_BMAPI_ENTIRE, 0, &map, &n);
		if (error)
			break;
		error = dx_trans_commit(tp);
		if (!error && WARN_ON_ONCE(!n))		/* what was set aside is not there */
			error = -ENOSPC;
		if (error || (map.startoff <= off && off < dx_irec_end(&map))) {
			got->rec = map;
			got->seq = dx_map_seq(ip);
			dx_iunlock(ip, DX_ILOCK_EXCL);
			return error;
		}
		dx_iunlock(ip, DX_ILOCK_EXCL);
	}
	dx_trans_cancel(tp);
	got->seq = dx_map_seq(ip);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error < 0 ? error : 0;
}
