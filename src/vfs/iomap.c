// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings for iomap: what lies where in a file, and space for writes.
 *
 * Reads and reports look; buffered writes reserve (delayed allocation);
 * direct writes allocate unwritten extents and leave the conversion to
 * completion (dio.c).  Everything looks at extents under the ILOCK, and gives
 * the extent tree's sequence number with the mapping, so that a user of a
 * cached mapping can tell that it has gone stale.
 *
 * Where files share blocks a write goes to a copy (dx_cow.h).  A buffered one has it reserved, and is still told what the
 * data fork has, for a part of a page is read from there; writeback finds the copy.  A direct one is told where the copy is.
 * Both kinds of mapping say IOMAP_F_SHARED.
 *
 * Context: IOLOCK as the caller has it, ILOCK taken and dropped here.
 */
#include <linux/dax.h>
#include "dx_vfs.h"
#include "dx_cow.h"
#include "trace.h"

/* Preallocation past EOF doubles with the file up to this, unless allocsize= says otherwise. */
#define PREALLOC_MAX_BYTES	(64ULL << 20)
#define PREALLOC_MIN_BYTES	(64ULL << 10)

static bool mapping_valid(struct inode *inode, u64 cookie)
{
	return cookie == dx_map_seq(DX_I(inode));
}

DX_IOMAP_VALID(mapping_valid);

/**
 * dx_mapped_to_iomap - describe an extent to iomap
 * @ip: inode
 * @iomap: filled in, the cookie too
 * @m: extent, in fsblocks
 * @iomap_flags: IOMAP_F_* to set besides
 *
 * IOMAP_F_DIRTY tells direct O_DSYNC writes that an fsync must follow for
 * metadata.  Source: struct iomap in include/linux/iomap.h.
 */
void dx_mapped_to_iomap(struct dx_inode *ip, struct iomap *iomap, const struct dx_mapped *m, u16 iomap_flags)
{
	const struct dx_irec *rec = &m->rec;
	struct dx_mount *mp = ip->mp;
	struct super_block *sb = mp->vfs;

	if (dx_irec_is_hole(rec)) {
		iomap->addr = IOMAP_NULL_ADDR;
		iomap->type = IOMAP_HOLE;
	} else if (dx_irec_is_delay(rec)) {
		iomap->addr = IOMAP_NULL_ADDR;
		iomap->type = IOMAP_DELALLOC;
	} else {
		iomap->addr = dx_fsb_to_daddr(mp, rec->startblock) << DX_BBSHIFT;
		iomap->type = rec->state == DX_EXT_UNWRITTEN ? IOMAP_UNWRITTEN : IOMAP_MAPPED;
	}
	iomap->offset = dx_fsb_to_b(mp, rec->startoff);
	iomap->length = dx_fsb_to_b(mp, rec->blockcount);
	iomap->bdev = sb->s_bdev;
	iomap->flags = iomap_flags;
	if (dx_inode_datasync_pending(ip))
		iomap->flags |= IOMAP_F_DIRTY;
	dx_iomap_set_cookie(iomap, m->seq);
}

static int lock_for_map(struct dx_inode *ip, unsigned int flags, int *mode)
{
	if (!(flags & IOMAP_NOWAIT)) {
		*mode = dx_ilock_data_map_shared(ip);
		return 0;
	}
	*mode = DX_ILOCK_SHARED;
	if (!dx_ilock_try(ip, DX_ILOCK_SHARED))
		return -EAGAIN;
	if (ip->df.format == DX_DINODE_FMT_BTREE && !ip->df.extents_read) {
		dx_iunlock(ip, DX_ILOCK_SHARED);
		return -EAGAIN;
	}
	return 0;
}

/*
 * A direct I/O that must not block is submitted whole or not at all: once a
 * part is in flight, -EAGAIN for the rest would become the result of
 * the whole, and nobody would issue it again.
 */
static bool nowait_would_split(unsigned int flags, const struct dx_irec *rec, dx_fileoff_t off, dx_filblks_t count)
{
	return (flags & (IOMAP_NOWAIT | IOMAP_DIRECT)) == (IOMAP_NOWAIT | IOMAP_DIRECT) &&
	       rec->startoff + rec->blockcount < off + count;
}

/* Less may still fit: into the volume, or into the quota of who pays. */
static bool is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

static bool is_written(const struct dx_irec *rec)
{
	return dx_irec_is_real(rec) && rec->state == DX_EXT_NORM;
}

/* May a write to this file have to go to a copy?  IOLOCK held, or the page fault's MMAPLOCK: nothing becomes shared meanwhile. */
static bool makes_copies(struct dx_inode *ip)
{
	return dx_inode_shares(ip) || dx_cow_blocks(ip);
}

/*
 * @m is what the data fork has at @off, and somebody is going to write there through the page cache.  Where its blocks are shared,
 * room for a copy is set aside; then, or where there is one, *@iflags gets IOMAP_F_SHARED.  A hole with a copy over it becomes
 * a delayed extent, which reads as zeros, too.  @m is cut to what has one answer.  ILOCK exclusive.
 */
static int prepare_copy(struct dx_inode *ip, dx_fileoff_t off, struct dx_mapped *m, u16 *iflags)
{
	struct dx_irec *rec = &m->rec;
	struct dx_mapped cow;
	dx_filblks_t want;
	bool shared;
	int error;

	if (!makes_copies(ip))
		return 0;
	/* from @off on: what lies before has other answers */
	if (dx_irec_is_real(rec))
		rec->startblock += off - rec->startoff;
	rec->blockcount -= off - rec->startoff;
	rec->startoff = off;
	error = dx_cow_look(ip, off, rec->blockcount, &cow);
	if (error)
		return error;
	rec->blockcount = min(rec->blockcount, dx_irec_end(&cow.rec) - off);
	if (dx_irec_is_hole(&cow.rec)) {
		error = dx_cow_trim_shared(ip, rec, &shared);
		if (error || !shared)
			return error;
		/* Near the end of the volume a large write takes what there is. */
		want = min_t(u64, rec->blockcount, 1u << 15);
		do {
			error = dx_cow_reserve(ip, off, want, &cow);
			want /= 2;
		} while (is_full(error) && want);
		if (error)
			return error;
		rec->blockcount = min(rec->blockcount, dx_irec_end(&cow.rec) - off);
	}
	if (dx_irec_is_hole(rec))
		rec->startblock = DX_DELAYSTARTBLOCK;
	*iflags |= IOMAP_F_SHARED;
	m->seq = dx_map_seq(ip);
	return 0;
}

/* The same where the ILOCK is not held: @m was looked up for @off before, and is looked up again. */
static int look_and_copy(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *m, u16 *iflags)
{
	int error;

	if (!makes_copies(ip))
		return 0;
	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (!error)
		error = dx_bmap_look(ip, off, len, 0, m);
	if (!error && dx_irec_is_real(&m->rec))
		error = prepare_copy(ip, off, m, iflags);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

static void count_no_space(struct inode *inode, int error, unsigned int flags)
{
	if (is_full(error) && (flags & IOMAP_FAULT))
		WRITE_ONCE(dx_vnode(inode)->fault_nospace, dx_vnode(inode)->fault_nospace + 1);
}

/* The extent or hole at @off, by itself: takes and drops the ILOCK, waiting for it if @flags (IOMAP_*) let it. */
static int look_at(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, unsigned int flags, u32 bmapi_flags,
		   struct dx_mapped *m)
{
	int mode, error;

	error = lock_for_map(ip, flags, &mode);
	if (error)
		return error;
	error = dx_bmap_look(ip, off, len, bmapi_flags, m);
	dx_iunlock(ip, mode);
	return error;
}

static void fsb_range(struct dx_inode *ip, loff_t pos, loff_t len, dx_fileoff_t *off, dx_filblks_t *count)
{
	struct dx_mount *mp = ip->mp;
	u64 end = min_t(u64, (u64)pos + len, mp->s_maxbytes);

	*off = dx_b_to_fsbt(mp, pos);
	*count = max_t(u64, dx_b_to_fsb(mp, end), *off + 1) - *off;
}

/* For a report: the extent at @off, from there on, as far as it is shared or is not; IOMAP_F_SHARED tells. */
static int look_and_tell(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *m, u16 *iflags)
{
	int mode = dx_ilock_data_map_shared(ip), error;
	bool shared = false;

	error = dx_bmap_look(ip, off, len, 0, m);
	if (!error)
		error = dx_cow_trim_shared(ip, &m->rec, &shared);
	dx_iunlock(ip, mode);
	if (shared)
		*iflags |= IOMAP_F_SHARED;
	return error;
}

static int read_begin(struct inode *inode, loff_t pos, loff_t length, unsigned int flags,
		      struct iomap *iomap, struct iomap *srcmap)
{
	struct dx_inode *ip = DX_I(inode);
	loff_t size = i_size_read(inode);
	bool report = flags & IOMAP_REPORT, tell = report && dx_inode_shares(ip);
	struct dx_mapped m;
	dx_fileoff_t off;
	dx_filblks_t count;
	u16 iflags = 0;
	int error;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	/* A direct read asks for the whole of the caller's buffer; what lies behind the end it will not get. */
	if ((flags & IOMAP_DIRECT) && pos < size)
		length = min(length, size - pos);
	fsb_range(ip, pos, length, &off, &count);
	if (tell)
		error = look_and_tell(ip, off, count, &m, &iflags);
	else
		error = look_at(ip, off, count, flags, report ? DX_BMAPI_ENTIRE : 0, &m);
	if (error)
		return error;
	if (nowait_would_split(flags, &m.rec, off, count))
		return -EAGAIN;
	/*
	 * iomap fails a direct read that meets a delayed extent, for it takes that for dirty pages.  Those
	 * were written before the read began: what is delayed now has no page, as
	 * preallocation that the end of the file has passed, or one dirtied by a store beside us. The
	 * blocks read as zeros, as they do through the page cache.
	 */
	if ((flags & IOMAP_DIRECT) && dx_irec_is_delay(&m.rec))
		m.rec.startblock = DX_HOLESTARTBLOCK;
	dx_mapped_to_iomap(ip, iomap, &m, iflags);
	return 0;
}

DX_IOMAP_OPS(dx_read_iomap_ops, read_begin);

/*
 * SEEK_HOLE and SEEK_DATA: over unwritten extents iomap itself looks for pages; over a hole it does not. So a hole with a copy over
 * it is told as unwritten: what was written there, or was not, only the page cache knows.
 */
static int seek_begin(struct inode *inode, loff_t pos, loff_t length, unsigned int flags,
		      struct iomap *iomap, struct iomap *srcmap)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mapped m;
	dx_fileoff_t off;
	dx_filblks_t count;
	int mode, error;
	bool copy;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	fsb_range(ip, pos, length, &off, &count);
	mode = dx_ilock_data_map_shared(ip);
	error = dx_cow_look_for_data(ip, off, count, &m, &copy);
	dx_iunlock(ip, mode);
	if (error)
		return error;
	dx_mapped_to_iomap(ip, iomap, &m, 0);
	if (copy)
		iomap->type = IOMAP_UNWRITTEN;
	return 0;
}

DX_IOMAP_OPS(dx_seek_iomap_ops, seek_begin);

static int xattr_begin(struct inode *inode, loff_t pos, loff_t length, unsigned int flags,
		       struct iomap *iomap, struct iomap *srcmap)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mapped m;
	dx_fileoff_t off;
	dx_filblks_t count;
	int mode, error;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	fsb_range(ip, pos, length, &off, &count);
	mode = dx_ilock_attr_map_shared(ip);
	if (!ip->af || ip->af->format == DX_DINODE_FMT_LOCAL || !ip->af->nextents)
		error = -ENOENT;
	else
		error = dx_bmap_look(ip, off, count, DX_BMAPI_ENTIRE | DX_BMAPI_ATTRFORK, &m);
	dx_iunlock(ip, mode);
	if (error)
		return error;
	dx_mapped_to_iomap(ip, iomap, &m, 0);
	return 0;
}

DX_IOMAP_OPS(dx_xattr_iomap_ops, xattr_begin);

/*
 * How far past a write that extends the file to reserve, in blocks: as much
 * again as the file has, within bounds, so that a file which grows
 * in small steps gets few extents; less when space runs short.
 */
static dx_filblks_t prealloc_blocks(struct dx_inode *ip, struct inode *inode, dx_fileoff_t off, dx_filblks_t count)
{
	struct dx_mount *mp = ip->mp;
	u64 size = i_size_read(inode), bytes;
	dx_filblks_t blocks;
	s64 freesp;
	u32 stripe;

	/* One that ends in the block with the end of the file extends nothing. */
	if (dx_b_to_fsb(mp, size) >= off + count)
		return 0;
	if (mp->opts.allocsize_log) {
		bytes = 1ULL << mp->opts.allocsize_log;
	} else {
		if (size < PREALLOC_MIN_BYTES)
			return 0;
		/* No doubling for a sparse file: only where the last blocks are there. */
		bytes = clamp_t(u64, size, PREALLOC_MIN_BYTES, PREALLOC_MAX_BYTES);
		freesp = percpu_counter_read_positive(&mp->fdblocks);
		while (bytes > PREALLOC_MIN_BYTES && dx_b_to_fsb(mp, bytes) > freesp >> 5)
			bytes >>= 1;
		if (dx_b_to_fsb(mp, bytes) > freesp >> 5)
			return 0;
	}
	blocks = dx_b_to_fsbt(mp, bytes);
	stripe = dx_stripe_past_eof(mp, size);
	if (stripe)
		blocks = DIV_ROUND_UP_ULL(off + count + blocks, stripe) * stripe - off - count;
	if (off + count + blocks > dx_file_end(mp))
		return 0;
	return blocks;
}

/*
 * Allocate for a write to a hole at @off that @m has, by ourselves.  One that extends the file takes what completes a stripe.
 * Where the end is only steers that: the IOLOCK need not be held.
 */
static int alloc_hole(struct inode *inode, loff_t pos, loff_t length, dx_fileoff_t off, dx_filblks_t count,
		      struct dx_mapped *m)
{
	struct dx_inode *ip = DX_I(inode);
	loff_t size = i_size_read(inode);
	dx_filblks_t len = count;
	int error;

	if (ip->mp->sunit && pos + length > size)
		len = dx_stripe_round(ip, size, off, count);
	error = dx_iomap_alloc(ip, off, len, false, false, m);
	if (is_full(error) && len > count)
		error = dx_iomap_alloc(ip, off, count, false, false, m);
	if (!error && (len > count || dx_get_extsz_hint(ip)))
		dx_inode_set_eofblocks(ip);	/* the hint may reach over EOF */
	return error;
}

/*
 * Zeroing looks only; holes and unwritten blocks are zero already.  So are delayed blocks behind the
 * page with the end of the file, which are preallocation: they become unwritten blocks, and no zeros
 * are written, nor pages dirtied that kernels drop or warn of for lying behind the end.
 */
static int map_for_zeroing(struct inode *inode, dx_fileoff_t off, dx_filblks_t count, struct dx_mapped *m)
{
	struct dx_inode *ip = DX_I(inode);
	dx_fileoff_t eof = dx_b_to_fsb(ip->mp, round_up(i_size_read(inode), PAGE_SIZE));
	int error, tries = 0;

	do {
		error = look_at(ip, off, count, 0, 0, m);
		if (error || !dx_irec_is_delay(&m->rec))
			return error;
		if (off < eof) {
			m->rec.blockcount = min_t(u64, m->rec.blockcount, eof - m->rec.startoff);
			return 0;
		}
		error = dx_bmap_convert_delalloc(ip, off, m);
		/* -EAGAIN: it went away between the locks. */
	} while (error == -EAGAIN && tries++ < 8);
	return error;
}

/*
 * What a write through the page cache goes to.  What is shared is read from where it is, and written to where writeback finds the
 * copy; later kernels unshare only what has a place of its own to be read from.
 */
static void tell_write(struct dx_inode *ip, struct iomap *iomap, struct iomap *srcmap, struct dx_mapped *m, u16 iflags)
{
	dx_mapped_to_iomap(ip, iomap, m, iflags);
	if ((iflags & IOMAP_F_SHARED) && iomap->type == IOMAP_MAPPED)
		*srcmap = *iomap;
}

static int buffered_write_begin(struct inode *inode, loff_t pos, loff_t length, unsigned int flags,
				struct iomap *iomap, struct iomap *srcmap)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;
	struct dx_mapped m;
	dx_fileoff_t off;
	dx_filblks_t count, want;
	u16 iflags = 0;
	int error;

	if (dx_is_shutdown(mp))
		return -EIO;
	fsb_range(ip, pos, length, &off, &count);
	if ((flags & IOMAP_ZERO) && !(flags & IOMAP_NOWAIT)) {
		error = map_for_zeroing(inode, off, count, &m);
		if (!error && is_written(&m.rec))
			error = look_and_copy(ip, off, count, &m, &iflags);
		if (error)
			return error;
		tell_write(ip, iomap, srcmap, &m, iflags);
		return 0;
	}
	if ((flags & IOMAP_NOWAIT) && makes_copies(ip))
		return -EAGAIN;		/* what is shared is asked of an AG's btree */

	if (dx_get_extsz_hint(ip)) {
		/* A hint on extent sizes is kept by allocating right away. */
		error = look_at(ip, off, count, flags, 0, &m);
		if (error)
			return error;
		if (dx_irec_is_hole(&m.rec)) {
			if (flags & IOMAP_NOWAIT)
				return -EAGAIN;
			error = alloc_hole(inode, pos, length, off, min_t(u64, count, m.rec.blockcount), &m);
			count_no_space(inode, error, flags);
			if (error)
				return error;
			trace_dx_map_alloc(inode, pos, length, 1);
		} else if (dx_irec_is_real(&m.rec)) {
			error = look_and_copy(ip, off, count, &m, &iflags);
			count_no_space(inode, error, flags);
			if (error)
				return error;
		}
		tell_write(ip, iomap, srcmap, &m, iflags);
		return 0;
	}

	if (flags & IOMAP_NOWAIT) {
		if (!dx_ilock_try(ip, DX_ILOCK_EXCL))
			return -EAGAIN;
		if (ip->df.format == DX_DINODE_FMT_BTREE && !ip->df.extents_read) {
			dx_iunlock(ip, DX_ILOCK_EXCL);
			return -EAGAIN;
		}
	} else {
		dx_ilock(ip, DX_ILOCK_EXCL);
		error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
		if (error)
			goto out_unlock;
	}
	error = dx_bmap_look(ip, off, count, 0, &m);
	if (error)
		goto out_unlock;
	error = prepare_copy(ip, off, &m, &iflags);
	if (error) {
		count_no_space(inode, error, flags);
		goto out_unlock;
	}
	if (dx_irec_is_hole(&m.rec)) {
		dx_filblks_t prealloc = flags & IOMAP_FAULT ? 0 : prealloc_blocks(ip, inode, off, count);

		/* One reservation covers at most this much, so that a huge write does not hold the lock long. */
		want = min_t(u64, m.rec.blockcount, 1u << 15);
		error = dx_bmap_reserve_delalloc(ip, off, want, prealloc, &m.rec);
		/* Near the end of the volume a large write takes what there is, a block at last. */
		while (error == -ENOSPC && (prealloc || want > 1)) {
			if (!prealloc)
				want /= 2;
			prealloc = 0;
			error = dx_bmap_reserve_delalloc(ip, off, want, 0, &m.rec);
		}
		if (error) {
			count_no_space(inode, error, flags);
			goto out_unlock;
		}
		if (prealloc)
			dx_inode_set_eofblocks(ip);
		iflags |= IOMAP_F_NEW;
		trace_dx_map_alloc(inode, pos, length, 0);
	}
	m.seq = dx_map_seq(ip);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	tell_write(ip, iomap, srcmap, &m, iflags);
	return 0;

out_unlock:
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

static void punch_delalloc(struct inode *inode, loff_t pos, loff_t length)
{
	struct dx_inode *ip = DX_I(inode);
	dx_fileoff_t start = dx_b_to_fsb(ip->mp, pos), end = dx_b_to_fsb(ip->mp, (u64)pos + length);

	if (end > start) {
		dx_ilock(ip, DX_ILOCK_EXCL);
		dx_bmap_punch_delalloc(ip, start, end - start);
		dx_iunlock(ip, DX_ILOCK_EXCL);
	}
}

DX_IOMAP_PUNCH(punch_short_write, punch_delalloc);

/*
 * A short write leaves reserved blocks with no page over them; they would
 * never be written back, so the reservation goes back now.
 */
static int buffered_write_end(struct inode *inode, loff_t pos, loff_t length, ssize_t written,
			      unsigned int flags, struct iomap *iomap)
{
	struct dx_mount *mp = DX_M(inode->i_sb);
	int error;

	if (iomap->type != IOMAP_DELALLOC || !(iomap->flags & IOMAP_F_NEW))
		return 0;
	error = punch_short_write(inode, iomap, pos, length, written, flags);
	if (error && !dx_is_shutdown(mp))
		dx_err_ratelimited(mp, "inode 0x%llx: cannot give back reserved space after a short write", DX_I(inode)->ino);
	return error;
}

DX_WRITE_IOMAP_OPS(dx_buffered_write_iomap_ops, buffered_write_begin, buffered_write_end);

/*
 * What the data fork has at @off, if the CoW fork has nothing there: both under one ILOCK, for a copy is widened over a hole, which
 * somebody else may then fill.  *@count ends where there is a copy.  -EBUSY: there is one at @off now.
 */
static int look_beside_copies(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t *count, struct dx_mapped *m)
{
	int mode = dx_ilock_data_map_shared(ip), error;

	error = dx_cow_look(ip, off, *count, m);
	if (!error && !dx_irec_is_hole(&m->rec))
		error = -EBUSY;
	if (!error) {
		*count = min(*count, dx_irec_end(&m->rec) - off);
		error = dx_bmap_look(ip, off, *count, 0, m);
	}
	dx_iunlock(ip, mode);
	return error;
}

/*
 * Direct writes.  Holes get unwritten extents in a transaction here; the
 * conversion belongs to completion.  IOLOCK is held shared by the submitter (L6),
 * which keeps lockouts out from here to inode_dio_begin().
 */
static int direct_write_begin(struct inode *inode, loff_t pos, loff_t length, unsigned int flags,
			      struct iomap *iomap, struct iomap *srcmap)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;
	/* One block, which lies in one piece: the device takes it whole, or nothing of it. */
	u16 whole = flags & IOMAP_ATOMIC ? DX_IOMAP_F_ATOMIC : 0, iflags = whole;
	struct dx_nospace ns = { };
	struct dx_mapped m;
	dx_fileoff_t off;
	bool copies = makes_copies(ip) && !dx_errortag(inode, DX_TAG_COPIES_UNASKED);
	dx_filblks_t count;
	int error, tries = 0;
	loff_t isize;

	if (dx_is_shutdown(mp))
		return -EIO;
	fsb_range(ip, pos, length, &off, &count);
	/* Before the ILOCK: who has a size on its way into the log holds that, and dx_mapped_to_iomap() sees it afterwards. */
	isize = i_size_read(inode);
retry:
	if (copies) {
		/* dio.c lets only whole blocks come here */
		if (flags & IOMAP_NOWAIT)
			return -EAGAIN;
		error = dx_cow_alloc(ip, off, count, &m);
		if (dx_nospace_again(inode->i_sb, error, &ns))
			goto retry;
		if (error)
			return error;
		if (!dx_irec_is_hole(&m.rec)) {
			trace_dx_map_alloc(inode, pos, length, 3);
			dx_mapped_to_iomap(ip, iomap, &m, IOMAP_F_SHARED | whole);
			return 0;
		}
		count = min(count, m.rec.blockcount);
	}
	error = copies ? look_beside_copies(ip, off, &count, &m) : look_at(ip, off, count, flags, 0, &m);
	if (error == -EBUSY && ++tries < 64)
		goto retry;
	if (error)
		return error == -EBUSY ? -EIO : error;

	if (nowait_would_split(flags, &m.rec, off, count))
		return -EAGAIN;

	/* The size that completion will publish and log is metadata that O_DSYNC must cover. */
	if ((u64)pos + length > isize)
		iflags |= IOMAP_F_DIRTY;

	if (flags & IOMAP_OVERWRITE_ONLY) {
		/* An unaligned write must not zero or convert beside others. */
		if (!is_written(&m.rec) ||
		    m.rec.startoff + m.rec.blockcount < dx_b_to_fsb(mp, (u64)pos + length))
			return -EAGAIN;
	}
	/*
	 * Inside a block, and not where the write begins: the caller's memory ended within one, and is looked at once more. Here
	 * iomap (from 6.12 on) would zero the block up to this place, over what is in flight, and tell of a short write.
	 */
	if ((pos & (mp->sb.blocksize - 1)) && pos != READ_ONCE(dx_vnode(inode)->alone_from) && !is_written(&m.rec))
		return -EFAULT;
	if (!dx_irec_is_real(&m.rec)) {
		if (flags & IOMAP_NOWAIT)
			return -EAGAIN;
		/*
		 * A delayed extent means dirty pages that the caller flushed a
		 * moment ago and a fault dirtied again: real blocks for it are
		 * as good as for a hole.
		 */
		if (dx_irec_is_delay(&m.rec))
			error = dx_bmap_convert_delalloc(ip, off, &m);
		else
			error = alloc_hole(inode, pos, length, off, min_t(u64, count, m.rec.blockcount), &m);
		/*
		 * Somebody was faster between the locks: writeback converted the
		 * delayed extent, or a failed write gave it back.  Look again; to
		 * the caller -EAGAIN would mean NOWAIT.
		 */
		if (error == -EAGAIN || (!error && (!dx_irec_is_real(&m.rec) || m.rec.startoff > off ||
						    m.rec.startoff + m.rec.blockcount <= off))) {
			if (++tries < 64)
				goto retry;
			return -EIO;
		}
		/* Here and not above: an asynchronous write whose first part is in flight cannot be taken back. */
		if (dx_nospace_again(inode->i_sb, error, &ns))
			goto retry;
		if (error)
			return error;
		/* a copy may have come over the hole before it was filled */
		if (copies) {
			struct dx_mapped now;

			error = look_beside_copies(ip, off, &count, &now);
			if (error == -EBUSY && ++tries < 64)
				goto retry;
			if (error)
				return error == -EBUSY ? -EIO : error;
		}
		trace_dx_map_alloc(inode, pos, length, 2);
		/* Only what was asked for is new; a longer extent holds others' blocks. */
		iflags |= IOMAP_F_NEW;
	}
	/* What comes of an allocation may be longer: it ends where a copy begins, if it is to end there. */
	m.rec.blockcount = min(m.rec.blockcount, off + count - m.rec.startoff);
	dx_mapped_to_iomap(ip, iomap, &m, iflags);
	return 0;
}

DX_DIRECT_IOMAP_OPS(dx_direct_write_iomap_ops, direct_write_begin);

/*
 * iomap_zero_range() believes that an unwritten extent reads as zeros and
 * skips it; dirty pages over one say otherwise.  Write them first.
 */
static int flush_before_zero(struct inode *inode, loff_t pos, loff_t len)
{
	return filemap_write_and_wait_range(inode->i_mapping, pos, pos + len - 1);
}

/**
 * dx_zero_range - zero bytes of a file through the page cache
 * @inode: regular file, IOLOCK exclusive
 * @pos: first byte
 * @len: bytes
 * @did_zero: set when something was written; may be NULL
 *
 * Holes and unwritten extents are skipped.  Return: 0 or negative errno.
 * Source: iomap_zero_range().
 */
int dx_zero_range(struct inode *inode, loff_t pos, loff_t len, bool *did_zero)
{
	int error;

	if (len <= 0)
		return 0;
	error = flush_before_zero(inode, pos, len);
	if (error)
		return error;
	return dx_iomap_zero_range(inode, pos, len, did_zero, &dx_buffered_write_iomap_ops);
}

/**
 * dx_truncate_page - zero from @pos to the end of its block
 * @inode: regular file in a lockout
 * @pos: new end of file, bytes
 * @did_zero: set when something was written
 */
int dx_truncate_page(struct inode *inode, loff_t pos, bool *did_zero)
{
	unsigned int off = pos & (i_blocksize(inode) - 1);

	if (!off)
		return 0;
	return dx_zero_range(inode, pos, i_blocksize(inode) - off, did_zero);
}
