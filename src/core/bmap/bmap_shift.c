// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moving extents along the file: collapse (to the left), insert (to the right), and the cut that
 * insert makes first.
 *
 * A step moves a few extents of a btree, or all of an inode with inline extents, in one transaction;
 * after each the map on disk is valid.  A left shift merges what comes together; it runs left to right, a
 * right shift right to left, so nothing ever overlaps.  ILOCK exclusive over all steps; lockout held by the VFS.
 */
#include "dx_bmap_int.h"

/*
 * Records of a btree moved per transaction: neighbours, in two leaves at most (a leaf has 29 records or more),
 * so the log reservation of one write has room.
 */
#define SHIFT_PER_TRANS	16

static int shift_begin(struct dx_bmap_edit *e, struct dx_trans *tp, struct dx_inode *ip)
{
	int error;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	if (ip->df.format != DX_DINODE_FMT_EXTENTS && ip->df.format != DX_DINODE_FMT_BTREE)
		return -EFSCORRUPTED;
	error = dx_iread_extents(tp, ip, DX_DATA_FORK);
	if (!error)
		dx_bmap_edit_begin(e, tp, ip, DX_DATA_FORK);
	return error;
}

/**
 * dx_bmap_collapse_extents - one step of moving all extents from a point to the left.
 * @tp: transaction, @ip joined
 * @ip: inode, ILOCK exclusive
 * @next_fsb: in: move extents from here on; out: where the next step begins
 * @shift: distance, fsblocks; the room to the left must be a hole
 * @done: set when there is nothing left to move
 *
 * -EINVAL when there is no room.  May defer frees of btree blocks.
 */
int dx_bmap_collapse_extents(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t *next_fsb,
			     dx_fileoff_t shift, bool *done)
{
	struct dx_iext_tree *t = &ip->df.ext;
	struct dx_iext_cur icur, c;
	struct dx_bmap_edit e;
	struct dx_irec got, prev, moved, o[2];
	unsigned int n;
	int error;

	*done = false;
	error = shift_begin(&e, tp, ip);
	if (error)
		return error;
	for (n = 0; n < SHIFT_PER_TRANS || ip->df.format == DX_DINODE_FMT_EXTENTS; n++) {
		bool merge;

		if (!dx_iext_lookup(t, *next_fsb, &icur, &got)) {
			*done = true;
			break;
		}
		if (got.startoff < *next_fsb) {		/* it begins before the point: the caller cut badly */
			error = -EINVAL;
			break;
		}
		moved = got;
		moved.startoff -= shift;
		c = icur;
		merge = dx_iext_prev(t, &c, &prev);
		if (got.startoff < shift || (merge && dx_irec_end(&prev) > moved.startoff)) {
			error = -EINVAL;
			break;
		}
		merge = merge && dx_irec_is_real(&prev) && dx_irec_mergeable(ip->mp, &prev, &moved);
		*next_fsb = dx_irec_end(&got);
		if (!merge) {
			error = dx_bmap_splice(&e, &got, 1, &moved, 1);
			if (error)
				break;
			continue;
		}
		o[0] = prev;
		o[1] = got;
		prev.blockcount += got.blockcount;
		error = dx_bmap_splice(&e, o, 2, &prev, 1);
		/* a deletion may have joined blocks on every level: enough for one transaction */
		if (error || ip->df.format == DX_DINODE_FMT_BTREE)
			break;
	}
	return dx_bmap_edit_end(&e, error);
}

/**
 * dx_bmap_insert_extents - one step of moving all extents from a point to the right.
 * @tp: transaction, @ip joined
 * @ip: inode, ILOCK exclusive
 * @next_fsb: in: DX_NULLFILEOFF to begin, else as the step before left it; out: where the next step ends
 * @shift: distance, fsblocks
 * @done: set when all from @stop_fsb on have moved
 * @stop_fsb: the point; no extent may lie across it (dx_bmap_split_extent())
 */
int dx_bmap_insert_extents(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t *next_fsb,
			   dx_fileoff_t shift, bool *done, dx_fileoff_t stop_fsb)
{
	struct dx_iext_tree *t = &ip->df.ext;
	struct dx_iext_cur icur, c;
	struct dx_bmap_edit e;
	struct dx_irec got, next, moved;
	unsigned int n;
	int error;

	*done = false;
	error = shift_begin(&e, tp, ip);
	if (error)
		return error;
	for (n = 0; n < SHIFT_PER_TRANS || ip->df.format == DX_DINODE_FMT_EXTENTS; n++) {
		dx_fileoff_t before = *next_fsb;

		if (!dx_iext_lookup_before(t, &before, &icur, &got) || dx_irec_end(&got) <= stop_fsb) {
			*done = true;
			break;
		}
		if (got.startoff < stop_fsb) {
			error = -EINVAL;
			break;
		}
		moved = got;
		moved.startoff += shift;
		c = icur;
		if (dx_irec_end(&moved) - 1 > DX_BMBT_MAX_STARTOFF ||
		    (dx_iext_next(t, &c, &next) && next.startoff < dx_irec_end(&moved))) {
			error = -EINVAL;
			break;
		}
		error = dx_bmap_splice(&e, &got, 1, &moved, 1);
		if (error)
			break;
		*next_fsb = got.startoff;
	}
	return dx_bmap_edit_end(&e, error);
}

/**
 * dx_bmap_can_insert - would a right shift stay within what a file can map?
 * @ip: inode; takes ILOCK itself
 * @off: first block that moves
 * @shift: distance, fsblocks
 *
 * And may the cut there make one extent more?  Returns 0; -EINVAL, -EFBIG, -ENOSPC when not; or an
 * error of reading the map.
 */
int dx_bmap_can_insert(struct dx_inode *ip, dx_fileoff_t off, dx_fileoff_t shift)
{
	struct dx_iext_cur icur;
	struct dx_irec got;
	int error;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (!error && dx_iext_last(&ip->df.ext, &icur, &got) && dx_irec_end(&got) > off &&
	    (shift > DX_BMBT_MAX_STARTOFF || dx_irec_end(&got) - 1 + shift > DX_BMBT_MAX_STARTOFF))
		error = -EINVAL;
	if (!error && dx_iext_lookup(&ip->df.ext, off, &icur, &got) && got.startoff < off) {
		error = dx_bmap_may_grow(ip, DX_DATA_FORK, 1);
		if (!error && !dx_bmap_may_cut(ip, &got, off, off))
			error = -ENOSPC;
	}
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

/**
 * dx_bmap_split_extent - make an extent boundary at a point.
 * @tp: transaction with blocks for the btree to grow; @ip joined
 * @ip: inode, ILOCK exclusive
 * @split: the point, fsblocks
 *
 * 0 also when there is a boundary or a hole already.
 */
int dx_bmap_split_extent(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t split)
{
	struct dx_bmap_edit e;
	struct dx_iext_cur icur;
	struct dx_irec got, n[2];
	int error;

	error = shift_begin(&e, tp, ip);
	if (error)
		return error;
	if (dx_iext_lookup(&ip->df.ext, split, &icur, &got) && got.startoff < split) {
		n[0] = got;
		n[1] = got;
		dx_irec_trim(&n[0], got.startoff, split);
		dx_irec_trim(&n[1], split, dx_irec_end(&got));
		/* a delayed one: the first part keeps what is reserved for the btree */
		n[1].indlen = 0;
		error = dx_bmap_splice(&e, &got, 1, n, 2);
	}
	return dx_bmap_edit_end(&e, error);
}
