// SPDX-License-Identifier: GPL-2.0-only
/*
 * Room for attributes in the inode: where the boundary between the forks goes, and what the data fork
 * does when it loses room.
 *
 * Source: "On-disk Inode" (Attribute Fork).
 */
#include "dx_bmap.h"
#include "dx_attr_int.h"
#include "dx_dir.h"

/* what the data fork takes now, bytes; @later: and will take, if its delayed blocks count on that */
static u32 data_fork_used(struct dx_inode *ip, bool later)
{
	u64 n = ip->df.nextents;

	switch (ip->df.format) {
	case DX_DINODE_FMT_DEV:
		return 4;
	case DX_DINODE_FMT_LOCAL:
		return ip->df.bytes;
	case DX_DINODE_FMT_EXTENTS:
		if (later)
			n = max_t(u64, n, dx_delalloc_inline_need(ip));
		return n * sizeof(struct dx_bmbt_rec);
	case DX_DINODE_FMT_BTREE:
		return DX_BMDR_BYTES(((struct dx_bmbt_root *)ip->df.data)->numrecs);
	}
	return 0;
}

/**
 * dx_attr_short_fits - where the boundary must be for attributes of a size.
 * @ip: inode, ILOCK held
 * @bytes: attribute fork in short form, header included
 *
 * Returns the offset of the attribute fork in 8-byte units, 0 = no boundary will do.  The data fork
 * keeps what it uses, and a btree root of minimal size always stays possible on both sides.
 */
u32 dx_attr_short_fits(struct dx_inode *ip, u32 bytes)
{
	struct dx_mount *mp = ip->mp;
	u32 litino = dx_inode_litino(mp), want, lo, hi, used;

	if (bytes > litino)
		return 0;
	want = (litino - bytes) >> 3;
	if (ip->df.format == DX_DINODE_FMT_DEV)
		return want >= 1 ? 1 : 0;
	if (ip->d.forkoff && bytes <= dx_inode_afork_size(ip))
		return ip->d.forkoff;

	used = data_fork_used(ip, true);
	if (ip->df.format == DX_DINODE_FMT_BTREE && ip->d.forkoff)
		return want >= ip->d.forkoff ? ip->d.forkoff : 0;	/* the root stays where it is */
	if (ip->df.format == DX_DINODE_FMT_EXTENTS && !ip->d.forkoff && used > dx_fork_default_forkoff(mp))
		used = DX_BMDR_BYTES(DX_MIN_DATA_ROOT);	/* the first attribute makes it a btree, now or later */
	lo = round_up(max(used, DX_BMDR_BYTES(DX_MIN_DATA_ROOT)), 8) >> 3;
	hi = (litino - DX_BMDR_BYTES(DX_MIN_ATTR_ROOT)) >> 3;
	if (want >= hi)
		return hi >= lo ? hi : 0;
	return want >= lo ? want : 0;
}

/* The data fork of @ip loses room: bring it into a form that fits into @units. */
static int data_fork_squeeze(struct dx_trans *tp, struct dx_inode *ip, u32 units)
{
	struct dx_da_args a = { .tp = tp, .dp = ip, .mp = ip->mp, .whichfork = DX_DATA_FORK };
	u32 room = units << 3, len;
	char *target;
	int error;

	if (ip->df.format == DX_DINODE_FMT_EXTENTS) {
		error = dx_delalloc_expect(NULL, ip, 0, room / sizeof(struct dx_bmbt_rec));
		if (error)
			return error;
	}
	if (data_fork_used(ip, false) <= room) {
		dx_fork_set_forkoff(ip, units);
		if (ip->df.format == DX_DINODE_FMT_BTREE)
			dx_trans_log_inode(tp, ip, DX_ILOG_DBROOT);
		return 0;
	}
	switch (ip->df.format) {
	case DX_DINODE_FMT_BTREE:
		error = dx_bmap_push_root(tp, ip, DX_DATA_FORK);
		if (!error)
			dx_fork_set_forkoff(ip, units);
		return error;
	case DX_DINODE_FMT_EXTENTS:
		error = dx_bmap_extents_to_btree(tp, ip, DX_DATA_FORK);
		if (!error)
			dx_fork_set_forkoff(ip, units);
		return error;
	case DX_DINODE_FMT_LOCAL:
		if (S_ISDIR(ip->d.mode)) {
			error = dx_dir_sf_to_block(&a);
			if (!error)
				dx_fork_set_forkoff(ip, units);
			return error;
		}
		if (!S_ISLNK(ip->d.mode))
			return -EFSCORRUPTED;
		len = ip->df.bytes;
		target = kmemdup(ip->df.data, len + 1, GFP_NOFS | __GFP_NOFAIL);
		dx_fork_local_to_empty(ip, DX_DATA_FORK);
		dx_fork_set_forkoff(ip, units);
		error = dx_symlink_remote_write(tp, ip, target, len, tp->t_blk_res);
		kfree(target);
		return error;
	}
	return -EFSCORRUPTED;
}

/**
 * dx_add_attr_fork - give an inode an attribute fork.
 * @ip: inode; takes ILOCK exclusive itself
 * @size_hint: bytes of short-form attributes to make room for
 * @rsvd: may use the block reserve pool
 *
 * Own transaction.  0 also when the inode has one.  -ENOSPC when the data fork must change its form and there
 * is no space.
 */
int dx_add_attr_fork(struct dx_inode *ip, u32 size_hint, bool rsvd)
{
	struct dx_mount *mp = ip->mp;
	u32 blocks = mp->bm_maxlevels[0] + 1, units;
	struct dx_trans *tp;
	int error;

	if (S_ISDIR(ip->d.mode))
		blocks += mp->dirblkfsbs;
	if (S_ISLNK(ip->d.mode))
		blocks += 2;
	error = dx_quota_attach(ip);
	if (error)
		return error;
	error = dx_trans_alloc(mp, DX_RESV_ADDAFORK, blocks, rsvd ? DX_TRANS_RESERVE : 0, &tp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	if (ip->af) {
		dx_trans_cancel(tp);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		return 0;
	}
	dx_trans_ijoin(tp, ip, 0);
	/* no extents are read: where the boundary goes, a root knows, and extents in the inode are in memory */
	units = dx_attr_short_fits(ip, size_hint);
	if (!units) {
		units = dx_fork_default_forkoff(mp) >> 3;
		/* rather a small attribute fork than local data moved out */
		if (ip->df.format == DX_DINODE_FMT_LOCAL && data_fork_used(ip, false) > units << 3 &&
		    round_up(data_fork_used(ip, false), 8) + DX_BMDR_BYTES(DX_MIN_ATTR_ROOT) <= dx_inode_litino(mp))
			units = round_up(data_fork_used(ip, false), 8) >> 3;
	}
	/* what is moved out takes a block of a directory, of a symlink's target, or of the btree */
	if (!rsvd && data_fork_used(ip, false) > units << 3)
		error = dx_quota_reserve(ip, S_ISDIR(ip->d.mode) && ip->df.format == DX_DINODE_FMT_LOCAL ? mp->dirblkfsbs : 1);
	if (!error)
		error = data_fork_squeeze(tp, ip, units);
	if (error)
		goto out;
	dx_fork_make_attr(ip, units);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);

	/* the superblock says whether the volume has any attributes at all */
	if (!(mp->sb.versionnum & DX_SB_VERSION_ATTRBIT)) {
		mp->sb.versionnum |= DX_SB_VERSION_ATTRBIT;
		error = dx_log_sb(tp);
		if (error)
			goto out;
	}
out:
	error = dx_trans_end(tp, error);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}
