// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on whole ranges of a file, each with its own transactions: what reads and writes, fallocate and
 * truncate need from the map.
 *
 * Bytes in, blocks inside.  Callers hold what the VFS side promises (a lockout of a kind that suffices for everything that
 * removes, moves or allocates for good: L3); ILOCK is taken here.  Outside the range of a caller who has only that,
 * the map changes between two transactions.  Long operations are chains of transactions; after each the
 * inode is valid on disk, and what was done stays done if a later one fails.
 */
#include "dx_cow.h"
#include "dx_bmap_int.h"

/* blocks that a transaction which changes the map in @n places may need for the btree */
static u32 map_blocks(struct dx_inode *ip, u32 n)
{
	return ip->mp->bm_maxlevels[DX_DATA_FORK] * n;
}

/* ILOCK taken, inode joined; @unlock: DX_ILOCK_EXCL: it goes with the first roll or commit, 0: it survives them */
static int space_trans_unlock(struct dx_inode *ip, enum dx_resv resv, u32 blocks, u32 flags, int unlock,
			      struct dx_trans **tpp)
{
	int error = dx_quota_attach(ip);

	if (!error)
		error = dx_trans_alloc(ip->mp, resv, blocks, flags, tpp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(*tpp, ip, unlock);
	return 0;
}

static int space_trans(struct dx_inode *ip, enum dx_resv resv, u32 blocks, u32 flags, struct dx_trans **tpp)
{
	return space_trans_unlock(ip, resv, blocks, flags, 0, tpp);
}

/* the other end: commit or cancel, ILOCK dropped */
static int space_end(struct dx_inode *ip, struct dx_trans *tp, int error)
{
	if (error)
		dx_trans_cancel(tp);
	else
		error = dx_trans_commit(tp);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

/* One extent more has room in the inode. */
static bool fits_inline(struct dx_inode *ip)
{
	return ip->df.format == DX_DINODE_FMT_EXTENTS && ip->df.nextents < dx_fork_inline_max(ip, DX_DATA_FORK);
}

/* So many blocks, and what the btree can need for them, are within the quota of the owners; or all is given up again. */
static int may_own(struct dx_inode *ip, u32 len, struct dx_trans *tp)
{
	int error = dx_quota_reserve(ip, len + (fits_inline(ip) ? 0 : map_blocks(ip, 1)));

	return error ? space_end(ip, tp, error) : 0;
}

/*
 * The same for a transaction that puts one new extent of @len blocks into the data fork.  The btree can need a
 * block a level for it; near the end of the volume we look whether there is one at all: a fork
 * that has room in the inode needs nothing.
 */
static int alloc_trans(struct dx_inode *ip, u32 len, struct dx_trans **tpp)
{
	int error = space_trans(ip, DX_RESV_WRITE, len + map_blocks(ip, 1), 0, tpp);

	if (!error)
		return may_own(ip, len, *tpp);
	if (error != -ENOSPC)
		return error;
	error = space_trans(ip, DX_RESV_WRITE, len, 0, tpp);
	if (error)
		return error;
	if (fits_inline(ip))
		return may_own(ip, len, *tpp);
	return space_end(ip, *tpp, -ENOSPC);
}

/* ---- I/O ------------------------------------------------------------------------------ */

/**
 * dx_bmap_look - what maps one place of a file.
 * @ip: inode, ILOCK held, shared at least; extents read in, or the ILOCK exclusive
 * @off: start, fsblocks
 * @len: blocks of interest
 * @flags: DX_BMAPI_*
 * @got: result: the extent or hole at @off, cut to the range unless @flags says ENTIRE
 *
 * Returns 0, -EIO, -EFSCORRUPTED.
 */
int dx_bmap_look(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, u32 flags, struct dx_mapped *got)
{
	int n = 1;
	int error = dx_bmap_query(ip, off, len, &got->rec, &n, flags);

	got->seq = dx_map_seq(ip);
	if (!error && WARN_ON_ONCE(n != 1))
		error = -EIO;
	return error;
}

/**
 * dx_iomap_alloc - allocate for a write or preallocation.
 * @ip: inode, ILOCK not held
 * @off: start, fsblocks
 * @len: length, fsblocks
 * @zero_not_unwritten: blocks are zeroed on the device and mapped written, unwritten ones too
 * @nowait: -EAGAIN rather than sleep for log space or ILOCK
 * @got: result: the mapping at @off, whoever made it, perhaps shorter or longer than the range, as it is when the
 *	ILOCK is dropped
 *
 * Returns 0, -ENOSPC, -EDQUOT, -EAGAIN, -EIO, -EFSCORRUPTED.
 */
int dx_iomap_alloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, bool zero_not_unwritten, bool nowait,
		   struct dx_mapped *got)
{
	u32 flags = zero_not_unwritten ? DX_BMAPI_ZERO | DX_BMAPI_CONVERT : DX_BMAPI_PREALLOC;
	dx_fileoff_t aoff = off;
	dx_filblks_t alen;
	struct dx_trans *tp;
	int error, n = 1;

	len = min_t(u64, len, DX_BMBT_MAX_BLOCKCOUNT);
	alen = len;
	if (!zero_not_unwritten)
		dx_bmap_extsz_align(ip, dx_get_extsz_hint(ip), 0, DX_BMBT_MAX_STARTOFF + 1, &aoff, &alen);
	if (nowait) {
		if (dx_has_quota(ip->mp) && !READ_ONCE(ip->quota))
			return -EAGAIN;
		error = dx_trans_alloc(ip->mp, DX_RESV_WRITE, alen + map_blocks(ip, 1), DX_TRANS_NOWAIT, &tp);
		if (error)
			return error;
		if (!dx_ilock_try(ip, DX_ILOCK_EXCL)) {
			dx_trans_cancel(tp);
			return -EAGAIN;
		}
		dx_trans_ijoin(tp, ip, 0);
		if (!ip->df.extents_read)
			return space_end(ip, tp, -EAGAIN);
		error = may_own(ip, alen, tp);
		if (error)
			return error;
	} else {
		error = alloc_trans(ip, alen, &tp);
		if ((error == -ENOSPC || error == -EDQUOT) && alen > len)
			error = alloc_trans(ip, len, &tp);
		if (error)
			return error;
	}
	error = dx_bmap_assign(tp, ip, off, len, flags | DX_BMAPI_ENTIRE, 0, &got->rec, &n);
	got->seq = dx_map_seq(ip);
	error = space_end(ip, tp, error);
	return !error && !n ? -ENOSPC : error;
}

/**
 * dx_stripe_past_eof - what space past the end of a file is rounded up to
 * @mp: the mount
 * @isize: size of the file, bytes
 *
 * The stripe unit, with swalloc the stripe; 0 for a file that is shorter than that, and where there are no stripes.
 *
 * Return: fsblocks.
 */
u32 dx_stripe_past_eof(struct dx_mount *mp, u64 isize)
{
	u32 align = mp->sunit;

	if (align && mp->opts.swalloc)
		align = mp->swidth;
	return align && isize >= dx_fsb_to_b(mp, align) ? align : 0;
}

/**
 * dx_stripe_round - length of an allocation for a write that extends a file, rounded up to the stripe
 * @ip: inode, ILOCK not held
 * @isize: size of the file, bytes
 * @off: start of the allocation, fsblocks
 * @len: its length
 *
 * An extent size hint is kept, too.  No further than to where something is mapped already, nor than a file can reach.  What lies
 * behind the end afterwards is preallocation.
 *
 * Return: @len or more, fsblocks.
 */
dx_filblks_t dx_stripe_round(struct dx_inode *ip, u64 isize, dx_fileoff_t off, dx_filblks_t len)
{
	u32 align = dx_stripe_past_eof(ip->mp, isize), extsz;
	dx_fileoff_t last, end = off + len;
	int mode, error;

	if (!align)
		return len;
	extsz = dx_get_extsz_hint(ip);
	if (extsz > 1)
		align = roundup(align, extsz);
	end = max(end, min_t(u64, DIV_ROUND_UP_ULL(end, align) * align, dx_file_end(ip->mp)));
	mode = dx_ilock_data_map_shared(ip);
	error = dx_bmap_last_offset(ip, DX_DATA_FORK, &last);
	dx_iunlock(ip, mode);
	return error || last > end ? len : end - off;
}

/* is there anything unwritten in [off, end)? */
static int find_unwritten(struct dx_inode *ip, dx_fileoff_t *off, dx_fileoff_t end, bool *found)
{
	int mode = dx_ilock_data_map_shared(ip), error;
	struct dx_iext_cur icur;
	struct dx_irec got;
	bool more;

	*found = false;
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (error)
		goto out;
	for (more = dx_iext_lookup(&ip->df.ext, *off, &icur, &got); more && got.startoff < end;
	     more = dx_iext_next(&ip->df.ext, &icur, &got)) {
		if (dx_irec_is_real(&got) && got.state == DX_EXT_UNWRITTEN) {
			*off = max(*off, got.startoff);
			*found = true;
			break;
		}
	}
out:
	dx_iunlock(ip, mode);
	return error;
}

/**
 * dx_grow_disk_size - the size on disk becomes this if it is smaller
 * @tp: transaction
 * @ip: joined, ILOCK exclusive
 * @new_disk_size: bytes
 */
void dx_grow_disk_size(struct dx_trans *tp, struct dx_inode *ip, u64 new_disk_size)
{
	if (new_disk_size <= ip->d.size)
		return;
	dx_set_disk_size(ip, new_disk_size);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
}

/**
 * dx_iomap_write_unwritten - data is on the disk: make it count (I/O completion).
 * @ip: inode, ILOCK not held; may run without IOLOCK
 * @off_bytes: where the data was written
 * @count_bytes: how much
 * @new_disk_size: the size on disk becomes this if it is smaller; 0 = leave it
 *
 * Unwritten extents in the range become written, one per transaction; the size is logged with the last,
 * so a crash shows either the old end or data.  Blocks that are a hole by now are passed over.
 */
int dx_iomap_write_unwritten(struct dx_inode *ip, u64 off_bytes, u64 count_bytes, u64 new_disk_size)
{
	struct dx_mount *mp = ip->mp;
	dx_fileoff_t off = dx_b_to_fsbt(mp, off_bytes), end = dx_b_to_fsb(mp, off_bytes + count_bytes);
	bool found, last;

	while (off < end) {
		struct dx_iext_cur icur;
		struct dx_irec m, got;
		struct dx_trans *tp;
		int error, n = 1;
		bool more;

		error = find_unwritten(ip, &off, end, &found);
		if (error)
			return error;
		if (!found)
			break;
		error = space_trans(ip, DX_RESV_WRITE, map_blocks(ip, 2), DX_TRANS_RESERVE, &tp);
		if (error == -ENOSPC)	/* and most conversions need no block */
			error = space_trans(ip, DX_RESV_WRITE, 0, DX_TRANS_RESERVE, &tp);
		if (error)
			return error;
		/* the map may have changed meanwhile: dx_bmap_assign() looks again */
		error = dx_bmap_assign(tp, ip, off, end - off, DX_BMAPI_CONVERT, 0, &m, &n);
		if (!error) {
			off = dx_irec_end(&m);
			last = true;
			for (more = dx_iext_lookup(&ip->df.ext, off, &icur, &got);
			     more && last && got.startoff < end;
			     more = dx_iext_next(&ip->df.ext, &icur, &got))
				last = got.state != DX_EXT_UNWRITTEN;
			if (last) {
				dx_grow_disk_size(tp, ip, new_disk_size);
				new_disk_size = 0;
				off = end;
			}
		}
		error = space_end(ip, tp, error);
		if (error)
			return error;
	}
	return dx_iomap_setsize(ip, new_disk_size);
}

/**
 * dx_iomap_setsize - log a larger size on disk.
 * @ip: inode, ILOCK not held
 * @new_disk_size: bytes; nothing happens unless it is larger than d.size
 */
int dx_iomap_setsize(struct dx_inode *ip, u64 new_disk_size)
{
	struct dx_trans *tp;
	int error;

	if (new_disk_size <= dx_disk_size(ip))
		return 0;
	error = space_trans(ip, DX_RESV_FSYNC_TS, 0, 0, &tp);
	if (error)
		return error;
	dx_grow_disk_size(tp, ip, new_disk_size);
	return space_end(ip, tp, 0);
}

/* ---- fallocate ---------------------------------------------------------------------------- */

/* first part of [off, end) that has no real blocks; *len = 0: none */
static int find_unallocated(struct dx_inode *ip, dx_fileoff_t *off, dx_fileoff_t end, dx_filblks_t *len)
{
	int mode = dx_ilock_data_map_shared(ip), error;
	dx_fileoff_t at = *off, stop = end;
	struct dx_iext_cur icur;
	struct dx_irec got;
	bool more;

	*len = 0;
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (error)
		goto out;
	for (more = dx_iext_lookup(&ip->df.ext, at, &icur, &got); more; more = dx_iext_next(&ip->df.ext, &icur, &got)) {
		if (dx_irec_is_delay(&got))
			continue;
		if (got.startoff > at) {
			stop = min(end, got.startoff);
			break;
		}
		at = dx_irec_end(&got);
		if (at >= end)
			goto out;
	}
	*off = at;
	*len = stop - at;
out:
	dx_iunlock(ip, mode);
	return error;
}

/**
 * dx_alloc_file_space - preallocate: unwritten extents where the range has no blocks.
 * @ip: inode, ILOCK not held, given up after each extent; additive lockout held
 * @off_bytes: start; widened to whole blocks
 * @len_bytes: length
 *
 * Marks the inode as preallocated (blocks past the end are kept).  -ENOSPC leaves what was allocated before in
 * place, as fallocate(2) allows.
 */
int dx_alloc_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes)
{
	struct dx_mount *mp = ip->mp;
	dx_fileoff_t off = dx_b_to_fsbt(mp, off_bytes), end = dx_b_to_fsb(mp, off_bytes + len_bytes);
	u32 extsz = dx_get_extsz_hint(ip);
	int error = 0;

	if (dx_is_shutdown(mp))
		return -EIO;
	if (!len_bytes)
		return -EINVAL;
	while (off < end) {
		dx_filblks_t len, alen;
		dx_fileoff_t aoff;
		struct dx_trans *tp;
		struct dx_irec m;
		int n = 1;

		error = find_unallocated(ip, &off, end, &len);
		if (error)
			return error;
		if (!len)
			break;
		len = min_t(u64, len, DX_BMBT_MAX_BLOCKCOUNT);
		aoff = off;
		alen = len;
		dx_bmap_extsz_align(ip, extsz, 0, DX_BMBT_MAX_STARTOFF + 1, &aoff, &alen);
		error = alloc_trans(ip, alen, &tp);
		if ((error == -ENOSPC || error == -EDQUOT) && alen > len)
			error = alloc_trans(ip, len, &tp);
		if (error)
			return error;
		error = dx_bmap_assign(tp, ip, off, min_t(u64, end - off, DX_BMBT_MAX_BLOCKCOUNT),
				       DX_BMAPI_PREALLOC, 0, &m, &n);
		if (!error && n) {
			off = dx_irec_end(&m);
			ip->d.flags |= DX_DIFLAG_PREALLOC;
			dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
		}
		error = space_end(ip, tp, error);
		if (!error && !n)
			error = -ENOSPC;
		if (error)
			return error;
	}
	if (!(ip->d.flags & DX_DIFLAG_PREALLOC)) {
		struct dx_trans *tp;

		error = space_trans(ip, DX_RESV_ICHANGE, 0, 0, &tp);
		if (error)
			return error;
		ip->d.flags |= DX_DIFLAG_PREALLOC;
		dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
		error = space_end(ip, tp, 0);
	}
	return error;
}

/**
 * dx_free_file_space - unmap the whole blocks inside a range.
 * @ip: inode, ILOCK not held, lockout held (ranged for whole pages and blocks), page cache of the range flushed and gone
 * @off_bytes: start
 * @len_bytes: length
 *
 * Partial blocks at the edges are the caller's to zero.  The ILOCK is given up when blocks are unmapped and logged as to be
 * freed: the freeing itself is the AG's business, and direct I/O elsewhere in the file need not wait for it.
 * -ENOSPC only when an extent must be cut and not even the block reserve pool has a block for the btree.
 */
int dx_free_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes)
{
	struct dx_mount *mp = ip->mp;
	dx_fileoff_t off = dx_b_to_fsb(mp, off_bytes), end = dx_b_to_fsbt(mp, off_bytes + len_bytes);
	dx_filblks_t left = end > off ? end - off : 0;
	struct dx_trans *tp;
	int error = 0;

	if (left)
		error = dx_cow_cancel(ip, dx_fsb_to_b(mp, off), dx_fsb_to_b(mp, left), true);
	while (left && !error) {
		error = space_trans_unlock(ip, DX_RESV_WRITE, map_blocks(ip, 1), 0, DX_ILOCK_EXCL, &tp);
		if (error == -ENOSPC)	/* freeing should work on a full volume */
			error = space_trans_unlock(ip, DX_RESV_WRITE, map_blocks(ip, 1), DX_TRANS_RESERVE, DX_ILOCK_EXCL, &tp);
		if (error == -ENOSPC)	/* and needs no block unless it cuts */
			error = space_trans_unlock(ip, DX_RESV_WRITE, 0, DX_TRANS_RESERVE, DX_ILOCK_EXCL, &tp);
		if (error)
			return error;
		error = dx_trans_end(tp, dx_bmap_unmap(tp, ip, off, &left, 0, 2));
	}
	return error;
}

/**
 * dx_collapse_file_space - move everything behind a range down over it.
 * @ip: inode, ILOCK not held, lockout held, page cache gone
 * @off_bytes: start of the range, a multiple of the block size; the range is a hole already
 * @len_bytes: its length, likewise
 *
 * The size is the caller's.  -EINVAL when the range is not a hole.
 */
int dx_collapse_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes)
{
	dx_fileoff_t next = dx_b_to_fsb(ip->mp, off_bytes + len_bytes), shift = dx_b_to_fsb(ip->mp, len_bytes);
	struct dx_trans *tp;
	bool done = false;
	int error;

	/* where they are they have nothing to do with what comes there */
	error = dx_cow_cancel(ip, off_bytes, U64_MAX, true);
	if (!error)
		error = space_trans(ip, DX_RESV_WRITE, 0, DX_TRANS_RESERVE, &tp);
	if (error)
		return error;
	for (;;) {
		error = dx_bmap_collapse_extents(tp, ip, &next, shift, &done);
		if (error || done)
			break;
		error = dx_defer_finish(&tp);	/* rolls, too */
		if (error)
			break;
	}
	return space_end(ip, tp, error);
}

/**
 * dx_insert_file_space - make a hole by moving everything from a point up.
 * @ip: inode, ILOCK not held, lockout held, page cache gone from the point on
 * @off_bytes: the point, a multiple of the block size
 * @len_bytes: distance, likewise
 * @moved: set when something has moved: it is then not as it was, even after an error; may be NULL
 *
 * The size is the caller's (larger before, so that a crash between loses nothing).  -EINVAL when extents
 * would go past what a file can map; -ENOSPC, with nothing moved, when an extent must be cut at the point and not even the
 * block reserve pool has a block for the btree.
 */
int dx_insert_file_space(struct dx_inode *ip, u64 off_bytes, u64 len_bytes, bool *moved)
{
	dx_fileoff_t stop = dx_b_to_fsb(ip->mp, off_bytes), shift = dx_b_to_fsb(ip->mp, len_bytes);
	dx_fileoff_t next = DX_NULLFILEOFF;
	struct dx_trans *tp;
	bool done = false;
	int error;

	error = dx_bmap_can_insert(ip, stop, shift);
	if (!error)
		error = dx_cow_cancel(ip, off_bytes, U64_MAX, true);
	if (error)
		return error;
	error = space_trans(ip, DX_RESV_WRITE, map_blocks(ip, 1), 0, &tp);
	if (error == -ENOSPC)
		error = space_trans(ip, DX_RESV_WRITE, map_blocks(ip, 1), DX_TRANS_RESERVE, &tp);
	if (error == -ENOSPC)	/* and needs no block unless it cuts */
		error = space_trans(ip, DX_RESV_WRITE, 0, DX_TRANS_RESERVE, &tp);
	if (error)
		return error;
	error = dx_bmap_split_extent(tp, ip, stop);
	while (!error && !done) {
		error = dx_defer_finish(&tp);
		if (!error)
			error = dx_bmap_insert_extents(tp, ip, &next, shift, &done, stop);
		if (!error && moved)
			*moved = true;
	}
	return space_end(ip, tp, error);
}

/* ---- truncate -------------------------------------------------------------------------------- */

/**
 * dx_setsize_trans - change the size on disk.
 * @ip: inode, ILOCK not held, lockout held; the VFS size is changed and the page cache cut already
 * @new_size: bytes
 * @shrink: free everything behind it
 * @times: set mtime and ctime
 *
 * The size is logged before anything is freed: a crash in the middle leaves blocks past the end, never
 * a size that shows what is gone.
 */
int dx_setsize_trans(struct dx_inode *ip, u64 new_size, bool shrink, bool times)
{
	struct dx_trans *tp;
	int error = 0;

	if (shrink)
		error = dx_cow_cancel(ip, round_up(new_size, ip->mp->sb.blocksize), U64_MAX, true);
	if (!error)
		error = space_trans(ip, DX_RESV_ITRUNCATE, 0, DX_TRANS_RESERVE | (dx_is_wsync(ip->mp) ? DX_TRANS_SYNC : 0), &tp);
	if (error)
		return error;
	dx_set_disk_size(ip, new_size);
	if (times)
		dx_trans_set_time(tp, ip, DX_ICHGTIME_MOD | DX_ICHGTIME_CHG);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	if (shrink) {
		/* commit the size on its own: its transaction must not wait behind the frees */
		error = dx_trans_roll_inode(&tp, ip);
		if (!error)
			error = dx_free_extents_from(&tp, ip, DX_DATA_FORK, new_size);
	}
	return space_end(ip, tp, error);
}
