// SPDX-License-Identifier: GPL-2.0-only
/*
 * Space operations: fallocate and the legacy space ioctls, one set of
 * functions under one lockout (L7), of the weakest kind that will do (lockout.h).
 *
 * Each operation is a row of a table: what it asks of offset and length,
 * what it does to the blocks, and what becomes of the size.  The order is
 * always the same: lock out (which drains), resolve whence and look at
 * the size, check, strip privileges, do the blocks, move the end.  Nothing
 * is decided before the drain.
 *
 * What leaves the size alone needs no drain: adding blocks stops nobody, freeing and zeroing whole pages and blocks
 * only who is in their range.  Whether it does leave the size alone is asked under the IOLOCK: what lies inside the size
 * then, stays inside.  If it does not, a full lockout follows, and all is asked again.
 *
 * Context: no lock held on entry.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include "dx_vfs.h"
#include "dx_cow.h"
#include "trace.h"

/* What an operation works on. */
struct space_req {
	struct inode	*inode;
	enum dx_lockout_why why;
	loff_t		offset, len;	/* bytes */
	loff_t		size;		/* i_size: after the drain of a full lockout (L4), or only to see what lies inside it */
	loff_t		new_size;	/* 0 = the size stays */
	bool		keep_size;
	bool		moved_end;	/* the end has moved with its block: nothing behind it is to be zeroed */
	bool		begun;		/* half done, it cannot be done again from the start */
	bool		modified;	/* privileges are stripped, times moved */
};

/* Would a range that ends there leave the size alone?  IOLOCK held: it then stays so. */
static bool leaves_size(const struct space_req *r)
{
	return r->keep_size || r->offset + r->len <= i_size_read(r->inode);
}

static loff_t unit_mask(struct inode *inode)
{
	return max_t(loff_t, PAGE_SIZE, i_blocksize(inode)) - 1;
}

/* Whole pages and blocks: nothing at the edges needs to be zeroed, nor shares a page with what lies outside. */
static bool whole_units(struct inode *inode, loff_t offset, loff_t len)
{
	return !((offset | len) & unit_mask(inode));
}

/* Whole pages. Behind the largest offset there is none that could be named: the end is then said otherwise. */
static void drop_pages(struct inode *inode, loff_t first, loff_t last)
{
	if (last != LLONG_MAX) {
		truncate_pagecache_range(inode, first, last);
	} else {
		unmap_mapping_range(inode->i_mapping, first, 0, 0);
		truncate_inode_pages(inode->i_mapping, first);
	}
}

/**
 * dx_flush_unmap - the extents under a range are about to change
 * @inode: regular file, MMAPLOCK exclusive
 * @offset: bytes
 * @len: bytes, at least one
 *
 * Its pages, and those it shares with its neighbours, are
 * written and go.  Widened to whole pages and whole blocks, whichever is larger, none lies across an edge.
 * Return: 0, or why they could not be written.
 */
int dx_flush_unmap(struct inode *inode, loff_t offset, loff_t len)
{
	loff_t in_unit = unit_mask(inode);
	loff_t first = offset & ~in_unit, last = (offset + len - 1) | in_unit;
	int error = filemap_write_and_wait_range(inode->i_mapping, first, last);

	if (!error)
		drop_pages(inode, first, last);
	return error;
}

/* The extents under the range have changed: what readahead that no lock keeps out has read from the old ones, goes. */
static void drop_late(struct inode *inode, loff_t offset, loff_t len)
{
	if (DX_LATE_READAHEAD)
		drop_pages(inode, round_down(offset, PAGE_SIZE), (offset + len - 1) | (PAGE_SIZE - 1));
}

/**
 * dx_free_range - punch a hole
 * @inode: regular file in a lockout: a ranged one will do for whole pages and blocks
 * @offset: bytes
 * @len: bytes
 *
 * Whole blocks are freed; the parts of blocks at the edges are zeroed
 * through the page cache, and written at once when they touch the last page,
 * whose part behind the end may be mapped and must become zero too.
 * Return: 0 or negative errno.
 */
int dx_free_range(struct inode *inode, loff_t offset, loff_t len)
{
	struct dx_inode *ip = DX_I(inode);
	bool whole = whole_units(inode, offset, len);
	loff_t size;
	int error;

	error = dx_assert_locked_out(inode, whole ? DX_LK_RANGED : DX_LK_FULL, offset, len);
	if (error)
		return error;
	trace_dx_fallocate_step(inode, offset, len, DX_SP_FREE);
	if (len <= 0)
		return 0;
	error = dx_flush_unmap(inode, offset, len);
	if (error)
		return error;
	error = dx_free_file_space(ip, offset, len);
	drop_late(inode, offset, len);
	if (error || whole)
		return error;

	/* Behind the end of the file there is nothing to zero. */
	size = i_size_read(inode);
	if (offset >= size)
		return 0;
	len = min(len, size - offset);
	error = dx_zero_range(inode, offset, len, NULL);
	if (error)
		return error;
	if (offset + len >= size && offset_in_page(offset + len))
		error = filemap_write_and_wait_range(inode->i_mapping, round_down(offset + len, PAGE_SIZE), LLONG_MAX);
	return error;
}

static int want_size(struct space_req *r)
{
	if (r->keep_size || r->offset + r->len <= r->size)
		return 0;
	r->new_size = r->offset + r->len;
	return inode_newsize_ok(r->inode, r->new_size);
}

/* An additive lockout will do, if the size stays. */
static int op_alloc(struct space_req *r)
{
	int error = dx_assert_locked_out(r->inode, DX_LK_ADDITIVE, r->offset, r->len);

	if (!error)
		error = want_size(r);
	if (error)
		return error;
	return dx_alloc_file_space(DX_I(r->inode), r->offset, r->len);
}

static int op_free(struct space_req *r)
{
	return dx_free_range(r->inode, r->offset, r->len);
}

/*
 * Free what is inside and preallocate it anew: the blocks then read as zeros
 * and a later write finds its space.
 */
static int op_zero(struct space_req *r)
{
	unsigned int bs = i_blocksize(r->inode);
	loff_t start = round_down(r->offset, bs), end = round_up(r->offset + r->len, bs);
	int error = want_size(r);

	if (error)
		return error;
	error = dx_free_range(r->inode, r->offset, r->len);
	if (error)
		return error;
	return dx_alloc_file_space(DX_I(r->inode), start, end - start);
}

/* Bytes that a device zeroes in one transaction: the log waits for it that long. */
#define ZERO_AT_ONCE	(64 << 20)

/*
 * As op_zero(), but what is preallocated is then zeroed by the device and counts as written: a later write has nothing to convert.
 * At the edges that is so only for what was not written before; dx_free_range() has zeroed its part of what was.  The
 * size moves in between: what lies behind it is nothing that was written, when it does.
 */
static int op_write_zeroes(struct space_req *r)
{
	struct dx_inode *ip = DX_I(r->inode);
	dx_fileoff_t off = dx_b_to_fsbt(ip->mp, r->offset), end = dx_b_to_fsb(ip->mp, r->offset + r->len);
	struct dx_mapped m;
	int error = op_zero(r);

	if (!error && r->new_size) {
		r->begun = true;
		error = dx_setattr_size(r->inode, r->new_size, false);
		r->new_size = 0;
	}
	while (!error && off < end) {
		if (fatal_signal_pending(current))
			return -EINTR;
		error = dx_iomap_alloc(ip, off, min_t(u64, end - off, dx_b_to_fsbt(ip->mp, ZERO_AT_ONCE)), true, false, &m);
		if (!error)
			off = m.rec.startoff + m.rec.blockcount;
	}
	return error;
}

/*
 * Before extents move: nothing cached from here on, and no preallocation
 * behind the end that would move along.  The page in front is flushed too when
 * a block smaller than a page moves within it.
 */
static int prepare_shift(struct space_req *r)
{
	struct inode *inode = r->inode;
	struct dx_inode *ip = DX_I(inode);
	int error;

	if (dx_b_to_fsb(ip->mp, r->size) < DX_BMBT_MAX_STARTOFF) {
		error = dx_free_eofblocks_from(ip, i_size_read(inode));
		if (error)
			return error;
		clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
	}
	return dx_flush_unmap(inode, r->offset, LLONG_MAX - r->offset);
}

static int op_collapse(struct space_req *r)
{
	struct inode *inode = r->inode;
	unsigned int mask = i_blocksize(inode) - 1;
	int error;

	if ((r->offset | r->len) & mask)
		return -EINVAL;
	/* A range that reaches the end is a truncate, and must be asked for as one. */
	if (r->offset + r->len >= r->size)
		return -EINVAL;
	r->new_size = r->size - r->len;

	/* What is to go, goes last: what fails before leaves the file as it was. */
	error = prepare_shift(r);
	if (error)
		return error;
	error = dx_free_range(inode, r->offset, r->len);
	if (error)
		return error;
	/* From here on neither a full volume nor a signal may stop it: the end goes along, too. */
	r->moved_end = true;
	r->begun = true;
	trace_dx_fallocate_step(inode, r->offset, r->len, DX_SP_COLLAPSE);
	error = dx_collapse_file_space(DX_I(inode), r->offset, r->len);
	drop_late(inode, r->offset, LLONG_MAX - r->offset);
	return error;
}

static int op_insert(struct space_req *r)
{
	struct inode *inode = r->inode;
	struct dx_inode *ip = DX_I(inode);
	unsigned int mask = i_blocksize(inode) - 1;
	loff_t grown = r->size + r->len;
	int error;

	if ((r->offset | r->len) & mask)
		return -EINVAL;
	if (r->len > inode->i_sb->s_maxbytes - r->size)
		return -EFBIG;
	if (r->offset >= r->size)
		return -EINVAL;
	error = dx_bmap_can_insert(ip, dx_b_to_fsbt(ip->mp, r->offset), dx_b_to_fsbt(ip->mp, r->len));
	if (error)
		return error;
	/* First the size: a crash half way then leaves every block inside the file. */
	error = prepare_shift(r);
	if (error)
		return error;
	error = dx_setattr_size(inode, grown, false);
	/* Zeroing the old last block brought its page back. */
	if (!error)
		error = dx_flush_unmap(inode, r->offset, LLONG_MAX - r->offset);
	if (!error) {
		trace_dx_fallocate_step(inode, r->offset, r->len, DX_SP_INSERT);
		error = dx_insert_file_space(ip, r->offset, r->len, &r->begun);
		drop_late(inode, r->offset, LLONG_MAX - r->offset);
	}
	/* While nothing has moved, it is as if nothing had been tried. */
	if (error && !r->begun && i_size_read(inode) != r->size)
		dx_set_moved_end(inode, r->size);
	return error;
}

/* ALLOCSP and FREESP: the offset is the new size; growth gets blocks. */
static int op_resize(struct space_req *r)
{
	int error;

	if (r->offset > r->size) {
		error = inode_newsize_ok(r->inode, r->offset);
		if (error)
			return error;
		error = dx_alloc_file_space(DX_I(r->inode), r->size, r->offset - r->size);
		if (error)
			return error;
	}
	return dx_setattr_size(r->inode, r->offset, true);
}

/* Blocks that are shared are written anew, to blocks of the file's own. */
static int op_unshare(struct space_req *r)
{
	struct inode *inode = r->inode;
	loff_t end;
	int error;

	error = op_alloc(r);
	if (error || !dx_inode_shares(DX_I(inode)))
		return error;
	end = min(r->offset + r->len, r->size);
	if (r->offset >= end)
		return 0;
	error = dx_iomap_unshare(inode, r->offset, end - r->offset, &dx_buffered_write_iomap_ops);
	if (!error)
		error = filemap_write_and_wait_range(inode->i_mapping, r->offset, end - 1);
	return error ?: dx_reflink_try_clear(DX_I(inode));
}

static int (*const space_ops[])(struct space_req *r) = {
	[DX_SP_ALLOC]		= op_alloc,
	[DX_SP_FREE]		= op_free,
	[DX_SP_ZERO]		= op_zero,
	[DX_SP_COLLAPSE]	= op_collapse,
	[DX_SP_INSERT]		= op_insert,
	[DX_SP_RESIZE]		= op_resize,
	[DX_SP_UNSHARE]		= op_unshare,
	[DX_SP_WRITE_ZEROES]	= op_write_zeroes,
};

/* Inside a lockout of a kind that suffices: the blocks, and then the size. */
static int do_op(enum dx_space_op op, struct space_req *r)
{
	int error = space_ops[op](r);

	if (error)
		return error;
	/*
	 * With the drain done at lockout this can only grow the file, or shrink
	 * it where collapse says so.  The error tag skips that drain; doing it
	 * here, after the decision, is the broken order of old.
	 */
	if (dx_errortag(r->inode, DX_TAG_DRAIN_BEFORE_SIZE))
		inode_dio_wait(r->inode);
	if (r->moved_end)
		return dx_set_moved_end(r->inode, r->new_size);
	return r->new_size ? dx_setattr_size(r->inode, r->new_size, false) : 0;
}

/* Inside a full lockout: the whole operation. */
static int run_locked_out(struct file *file, enum dx_space_op op, struct space_req *r)
{
	struct inode *inode = r->inode;
	int error;

	error = dx_assert_locked_out(inode, DX_LK_FULL, r->offset, r->len);
	if (error)
		return error;
	if (!S_ISREG(inode->i_mode) || IS_SWAPFILE(inode))
		return S_ISREG(inode->i_mode) ? -ETXTBSY : -ENODEV;
	if (!r->modified || !IS_NOSEC(inode))
		error = dx_file_modified(file);	/* setuid bits go, times move */
	if (error)
		return error;
	r->modified = true;
	return do_op(op, r);
}

static int run_full(struct file *file, enum dx_space_op op, struct space_req *r)
{
	struct dx_lockout lk;
	int error = dx_lockout_begin(&lk, r->inode, r->why);

	if (error)
		return error;
	r->size = i_size_read(r->inode);
	error = run_locked_out(file, op, r);
	dx_lockout_end(&lk);
	return error;
}

/*
 * Blocks first, while everybody goes on; if the file grows, a short full lockout for the size. There the blocks are looked at
 * once more, for somebody may have taken some away in between.
 */
static int run_additive(struct file *file, enum dx_space_op op, struct space_req *r)
{
	struct inode *inode = r->inode;
	loff_t end = r->offset + r->len;
	struct dx_lockout lk;
	bool inside;
	int error;

	error = dx_lockout_begin_additive(&lk, file, r->why, r->offset, r->len);
	if (error)
		return error;
	r->modified = true;
	inside = leaves_size(r);
	/* Whether a larger size is allowed is for the full lockout to say, when it can be seen what the size is. */
	if (inside || (u64)end <= min_t(u64, rlimit(RLIMIT_FSIZE), inode->i_sb->s_maxbytes))
		error = dx_alloc_file_space(DX_I(inode), r->offset, r->len);
	dx_lockout_end(&lk);
	if (error || inside)
		return error;
	if (dx_errortag(inode, DX_TAG_SIZE_UNDER_SHARED))
		r->new_size = end;
	return run_full(file, op, r);
}

static int run_ranged(struct file *file, enum dx_space_op op, struct space_req *r)
{
	struct dx_lockout lk;
	bool suffices;
	int error;

	error = dx_lockout_begin_ranged(&lk, file, r->why, r->offset, r->len);
	if (error)
		return error;
	r->modified = true;
	r->size = i_size_read(r->inode);
	suffices = lk.kind == DX_LK_FULL || op == DX_SP_FREE || leaves_size(r);
	if (suffices)
		error = do_op(op, r);
	dx_lockout_end(&lk);
	return suffices ? error : run_full(file, op, r);
}

/* What the operation will flush when it holds its locks: the most of it before, so that it holds them short. */
static int flush_early(enum dx_space_op op, const struct space_req *r)
{
	struct address_space *mapping = r->inode->i_mapping;
	loff_t last = r->offset + r->len - 1;

	if (!mapping->nrpages || IS_SWAPFILE(r->inode) || op == DX_SP_ALLOC || op == DX_SP_RESIZE)
		return 0;
	return filemap_write_and_wait_range(mapping, r->offset, op == DX_SP_COLLAPSE || op == DX_SP_INSERT ? LLONG_MAX : last);
}

/* After the unlock: nobody else need wait for the log. */
static int make_durable(struct file *file)
{
	return dx_file_syncs(file) ? dx_inode_log_force(DX_I(file_inode(file)), false) : 0;
}

/* One try of an operation whose range is known.  No lock held. */
static int run(struct file *file, enum dx_space_op op, struct space_req *r)
{
	int error = flush_early(op, r);

	if (error)
		return error;
	r->new_size = 0;
	r->modified = false;
	if (op == DX_SP_ALLOC)
		return run_additive(file, op, r);
	if ((op == DX_SP_FREE || op == DX_SP_ZERO) && whole_units(r->inode, r->offset, r->len))
		return run_ranged(file, op, r);
	return run_full(file, op, r);
}

#define FALLOC_SUPPORTED (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | \
			  FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE | \
			  FALLOC_FL_WRITE_ZEROES)

/**
 * dx_file_fallocate - fallocate(2)
 * @file: opened for writing
 * @mode: FALLOC_FL_*; the VFS checked the combination
 * @offset: bytes, not negative
 * @len: bytes, positive
 *
 * Return: 0 or negative errno as the manual page has them.
 */
long dx_file_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file_inode(file);
	struct space_req r = {
		.inode = inode, .offset = offset, .len = len, .why = DX_LK_FALLOCATE,
		.keep_size = mode & FALLOC_FL_KEEP_SIZE,
	};
	struct dx_nospace ns = { };
	enum dx_space_op op;
	int error;

	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	if (mode & ~FALLOC_SUPPORTED)
		return -EOPNOTSUPP;
	if (dx_is_shutdown(DX_M(inode->i_sb)))
		return -EIO;

	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:				op = DX_SP_ALLOC; break;
	case FALLOC_FL_PUNCH_HOLE:	op = DX_SP_FREE; break;
	case FALLOC_FL_ZERO_RANGE:	op = DX_SP_ZERO; break;
	case FALLOC_FL_COLLAPSE_RANGE:	op = DX_SP_COLLAPSE; break;
	case FALLOC_FL_INSERT_RANGE:	op = DX_SP_INSERT; break;
	case FALLOC_FL_UNSHARE_RANGE:	op = DX_SP_UNSHARE; break;
	case FALLOC_FL_WRITE_ZEROES:
		if (!dx_bdev_zeroes_unmapped(inode->i_sb->s_bdev))
			return -EOPNOTSUPP;
		op = DX_SP_WRITE_ZEROES;
		break;
	default:
		return -EOPNOTSUPP;
	}

	do {
		dx_count(inode, DX_C_FALLOCATE);
		trace_dx_fallocate(inode, offset, len, mode);
		error = run(file, op, &r);
	} while (!r.begun && dx_nospace_again(inode->i_sb, error, &ns));
	return error ?: make_durable(file);
}

/* What @start is relative to becomes a place.  SEEK_END: r->size is the size, so a full lockout is held. */
static int resolve(struct file *file, enum dx_space_op op, s16 whence, loff_t start, struct space_req *r)
{
	loff_t max = r->inode->i_sb->s_maxbytes;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (check_add_overflow(start, file->f_pos, &start))
			return -EINVAL;
		break;
	case SEEK_END:
		if (check_add_overflow(start, r->size, &start))
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (start < 0 || start > max)
		return -EINVAL;
	if (op != DX_SP_RESIZE && (r->len <= 0 || r->len > max || start > max - r->len))
		return -EINVAL;
	r->offset = start;
	trace_dx_fallocate(r->inode, start, r->len, op << 16);
	return 0;
}

/* One try.  What is relative to the size, or sets it, is looked at inside the lockout. */
static int space_ioctl(struct file *file, enum dx_space_op op, s16 whence, loff_t start, loff_t len)
{
	struct inode *inode = file_inode(file);
	struct space_req r = { .inode = inode, .len = len, .keep_size = true, .why = DX_LK_IOCTL };
	struct dx_lockout lk;
	int error;

	dx_count(inode, DX_C_SPACE_IOCTL);
	if (whence != SEEK_END && op != DX_SP_RESIZE) {
		error = resolve(file, op, whence, start, &r);
		return error ?: run(file, op, &r);
	}
	error = dx_lockout_begin(&lk, inode, DX_LK_IOCTL);
	if (error)
		return error;
	r.size = i_size_read(inode);
	error = resolve(file, op, whence, start, &r);
	if (!error)
		error = run_locked_out(file, op, &r);
	dx_lockout_end(&lk);
	return error;
}

/**
 * dx_space_ioctl - the legacy space ioctls
 * @file: opened for writing, write access to the mount held
 * @op: what to do
 * @whence: 0, 1, 2: of @start
 * @start: bytes, relative as @whence says
 * @len: bytes; not used by DX_SP_RESIZE
 *
 * RESVSP and UNRESVSP and ZERO_RANGE keep the size; ALLOCSP and FREESP set
 * it.  What @start is relative to is looked at inside the lockout: resolved before it,
 * the end of the file would be the stale one.  Return: 0, -EINVAL for a range
 * that is none, or as the operation.
 */
int dx_space_ioctl(struct file *file, enum dx_space_op op, s16 whence, loff_t start, loff_t len)
{
	struct inode *inode = file_inode(file);
	struct dx_nospace ns = { };
	int error;

	if (inode->i_flags & (S_IMMUTABLE | S_APPEND))
		return -EPERM;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	if (dx_is_shutdown(DX_M(inode->i_sb)))
		return -EIO;
	do
		error = space_ioctl(file, op, whence, start, len);
	while (dx_nospace_again(inode->i_sb, error, &ns));
	return error ?: make_durable(file);
}
