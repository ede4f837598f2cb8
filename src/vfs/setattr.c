// SPDX-License-Identifier: GPL-2.0-only
/*
 * What stat shows, and what chmod, chown, utimes and truncate change: the attributes of inodes of every kind.
 *
 * The VFS holds the IOLOCK of what it changes; a change of the size completes that to a lockout (L2) and is setsize.c's.
 */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include "dx_vfs.h"

/* What programs should read and write at once, bytes: with largeio the stripe, or what allocsize= says. */
static u32 io_size(struct inode *inode)
{
	struct dx_mount *mp = DX_M(inode->i_sb);
	const struct dx_mount_opts *o = &mp->opts;
	u64 size = 0;

	/* directories, too; a device node has its device's */
	if (o->largeio && !S_ISCHR(inode->i_mode) && !S_ISBLK(inode->i_mode)) {
		size = dx_fsb_to_b(mp, mp->swidth);
		if (!size && o->allocsize_log)
			size = 1ULL << o->allocsize_log;
	}
	if (size > 1u << 30)	/* a stripe of many gigabytes fits no variable of stat's callers */
		size = 0;
	return max_t(u32, size, max_t(u32, PAGE_SIZE, mp->sb.blocksize));
}

/**
 * dx_vn_getattr - inode_operations
 *
 * Blocks include what is only reserved; attributes and creation time are
 * statx's; the direct I/O alignment is the device's sector; a write is whole
 * or not at all (RWF_ATOMIC) if it is of one block, and the device can do that.
 */
int dx_vn_getattr(dx_idmap_t idmap, const struct path *path, struct kstat *stat, u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;

	if (dx_is_shutdown(mp))
		return -EIO;
	/* The change attribute (NFS) is the core's, which moves with every transaction that changes the inode. */
	dx_inode_set_max_iversion(inode, READ_ONCE(ip->d.changecount) << I_VERSION_QUERIED_SHIFT);
	dx_fillattr(idmap, mask, inode, stat);
	stat->ino = ip->ino;
	stat->blocks = dx_fsb_to_bb(mp, READ_ONCE(ip->d.nblocks) + READ_ONCE(ip->delayed_blks) +
					     dx_cow_blocks(ip));
	if (mask & STATX_BTIME) {
		stat->result_mask |= STATX_BTIME;
		stat->btime = ip->d.crtime;
	}
	if (ip->d.flags & DX_DIFLAG_IMMUTABLE)
		stat->attributes |= STATX_ATTR_IMMUTABLE;
	if (ip->d.flags & DX_DIFLAG_APPEND)
		stat->attributes |= STATX_ATTR_APPEND;
	if (ip->d.flags & DX_DIFLAG_NODUMP)
		stat->attributes |= STATX_ATTR_NODUMP;
	stat->attributes_mask |= STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
	switch (inode->i_mode & S_IFMT) {
	case S_IFBLK:
	case S_IFCHR:
		stat->blksize = PAGE_SIZE;
		stat->rdev = inode->i_rdev;
		break;
	case S_IFREG:
		dx_stat_dioalign(inode->i_sb->s_bdev, mask, stat);
		dx_stat_atomic(inode->i_sb->s_bdev, i_blocksize(inode), mask, stat);
		fallthrough;
	default:
		stat->blksize = io_size(inode);
		break;
	}
	return 0;
}

/* Everything but the size.  i_rwsem held exclusive. */
static int setattr_nosize(dx_idmap_t idmap, struct inode *inode, struct iattr *attr)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_setattr sa = { };
	struct dx_nospace ns = { };
	int error;

	/* Who may give files away to anybody may do so beyond limits, too. */
	sa.quota_force = attr->ia_valid & (ATTR_UID | ATTR_GID) && ns_capable_noaudit(&init_user_ns, CAP_FOWNER);

	/* Let the VFS apply ids and mode (setgid rules), then log what came out. */
	dx_setattr_copy(idmap, inode, attr);
	if (attr->ia_valid & ATTR_MODE) {
		sa.valid |= DX_ATTR_MODE;
		sa.mode = inode->i_mode;
	}
	if (attr->ia_valid & ATTR_UID) {
		sa.valid |= DX_ATTR_UID;
		sa.uid = i_uid_read(inode);
	}
	if (attr->ia_valid & ATTR_GID) {
		sa.valid |= DX_ATTR_GID;
		sa.gid = i_gid_read(inode);
	}
	if (attr->ia_valid & ATTR_ATIME) {
		sa.valid |= DX_ATTR_ATIME;
		sa.atime = dx_inode_atime(inode);
	}
	if (attr->ia_valid & ATTR_MTIME) {
		sa.valid |= DX_ATTR_MTIME;
		sa.mtime = dx_inode_mtime(inode);
	}
	if (attr->ia_valid & ATTR_CTIME) {
		sa.valid |= DX_ATTR_CTIME;
		sa.ctime = dx_inode_ctime(inode);
	}
	do
		error = dx_setattr_nosize(ip, &sa, dx_is_wsync(ip->mp));
	while (dx_nospace_again(inode->i_sb, error, &ns));
	dx_vnode_sync(inode);	/* on error: what is true again */
	return error;
}

/**
 * dx_vn_setattr - inode_operations: chmod, chown, utimes, truncate
 *
 * The VFS holds the IOLOCK; a size change completes that to a lockout (L2).
 */
int dx_vn_setattr(dx_idmap_t idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct dx_mount *mp = DX_M(inode->i_sb);
	struct dx_nospace ns = { };
	struct dx_lockout lk;
	unsigned int valid;
	int error;

	if (dx_is_shutdown(mp))
		return -EIO;
	if (dx_is_readonly(mp))
		return -EROFS;
	error = dx_setattr_prepare(idmap, dentry, attr);
	if (error)
		return error;

	if (attr->ia_valid & ATTR_SIZE) {
		if (!S_ISREG(inode->i_mode))
			return -EINVAL;
		error = dx_may_write(inode);
		if (error)
			return error;
		do {	/* the last block may be shared: to zero a part of it takes a copy */
			error = dx_lockout_begin_iolocked(&lk, inode, DX_LK_SETSIZE);
			if (error)
				return error;
			error = dx_setattr_size(inode, attr->ia_size, attr->ia_valid & (ATTR_MTIME | ATTR_CTIME));
			dx_lockout_end(&lk);
		} while (dx_nospace_again(inode->i_sb, error, &ns));
		if (error)
			return error;
		/* The size is done; what came with it (a setuid bit to strip, say) follows. */
		valid = attr->ia_valid;
		attr->ia_valid &= ~ATTR_SIZE;
		if (!(valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_MTIME_SET | ATTR_ATIME_SET))) {
			attr->ia_valid = valid;
			return 0;
		}
		error = setattr_nosize(idmap, inode, attr);
		attr->ia_valid = valid;
		return error;
	}
	error = setattr_nosize(idmap, inode, attr);
	if (!error && (attr->ia_valid & ATTR_MODE))
		error = dx_posix_acl_chmod(idmap, dentry);
	return error;
}

/**
 * dx_vn_update_time - inode_operations: times moved by reads and writes
 * @inode: any lock may be held but the ILOCK
 * @now: the time
 * @flags: DX_UPD_*
 *
 * One small transaction.  The change attribute moves with it only when somebody has asked for it since
 * it last did; that logs the whole core, and fdatasync then has something to wait for.  Return: 0 or
 * negative errno.
 */
int dx_vn_update_time(struct inode *inode, struct timespec64 *now, unsigned int flags)
{
	struct dx_inode *ip = DX_I(inode);
	bool asked_for = (flags & DX_UPD_VERSION) && inode_maybe_inc_iversion(inode, false);
	struct dx_trans *tp;
	int error = dx_trans_alloc(ip->mp, DX_RESV_FSYNC_TS, 0, 0, &tp);

	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	/* Under the ILOCK in both places: of two at once both keep the same. */
	if (flags & DX_UPD_ATIME) {
		ip->d.atime = *now;
		dx_inode_set_atime(inode, *now);
	}
	if (flags & DX_UPD_MTIME) {
		ip->d.mtime = *now;
		dx_inode_set_mtime(inode, *now);
	}
	if (flags & DX_UPD_CTIME) {
		ip->d.ctime = *now;
		dx_inode_set_ctime(inode, *now);
	}
	dx_trans_log_inode(tp, ip, DX_ILOG_TIMESTAMP | (asked_for ? DX_ILOG_CORE : 0));
	return dx_trans_commit(tp);
}
