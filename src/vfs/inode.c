// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFS inodes: made from core inodes, given back to them, attributes.
 *
 * A VFS inode holds one reference of its core inode from iget to evict.
 * While it lives, the VFS's copies of mode, owners, link count, times and size
 * are what the system sees; the core's are what is logged.  Each operation
 * that changes the core copies the result here (dx_vnode_sync()).
 */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/security.h>
#include <linux/xattr.h>
#include "dx_vfs.h"
#include "trace.h"

static struct kmem_cache *vnode_cache;

static void vnode_init_once(void *p)
{
	struct dx_vnode *vn = p;

	inode_init_once(&vn->vfs);
}

/** dx_vnode_cache_init - slab of VFS inodes; module load */
int dx_vnode_cache_init(void)
{
	vnode_cache = kmem_cache_create("dioxfs_vnode", sizeof(struct dx_vnode), 0,
					DX_SLAB_INODE, vnode_init_once);
	return vnode_cache ? 0 : -ENOMEM;
}

/** dx_vnode_cache_exit - module unload; waits for RCU-delayed frees */
void dx_vnode_cache_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(vnode_cache);
}

/** dx_alloc_inode - super_operations; a VFS inode without a core inode yet */
struct inode *dx_alloc_inode(struct super_block *sb)
{
	struct dx_vnode *vn = dx_inode_slab_alloc(sb, vnode_cache);

	if (!vn)
		return NULL;
	vn->ip = NULL;
	vn->lockout_owner = NULL;
	vn->fault_nospace = 0;
	spin_lock_init(&vn->size_lock);
	spin_lock_init(&vn->beyond_lock);
	INIT_LIST_HEAD(&vn->beyond);
	spin_lock_init(&vn->ioend_lock);
	INIT_LIST_HEAD(&vn->ioend_list);
	INIT_WORK(&vn->ioend_work, dx_ioend_work);
	dx_mmaplock_init(&vn->mmaplock);
	return &vn->vfs;
}

/** dx_free_inode - super_operations; after RCU */
void dx_free_inode(struct inode *inode)
{
	kmem_cache_free(vnode_cache, dx_vnode(inode));
}

/**
 * dx_evict_inode - super_operations: the last user is gone
 *
 * The core inode lives on until its log item is written back; freeing an
 * unlinked one is queued there and not done here, for this may be memory
 * reclaim, which must not wait for log space.
 */
void dx_evict_inode(struct inode *inode)
{
	struct dx_vnode *vn = dx_vnode(inode);
	struct dx_inode *ip = vn->ip;

	truncate_inode_pages_final(&inode->i_data);
	flush_work(&vn->ioend_work);
	clear_inode(inode);
	if (!ip)
		return;
	vn->ip = NULL;
	WRITE_ONCE(ip->vfs, NULL);
	dx_irele(ip);
}

/**
 * dx_vnode_set_iflags - S_* flags from the core's di_flags
 * @inode: ILOCK or exclusive access
 */
void dx_vnode_set_iflags(struct inode *inode)
{
	u16 f = DX_I(inode)->d.flags;
	unsigned int s = 0;

	if (f & DX_DIFLAG_IMMUTABLE)
		s |= S_IMMUTABLE;
	if (f & DX_DIFLAG_APPEND)
		s |= S_APPEND;
	if (f & DX_DIFLAG_SYNC)
		s |= S_SYNC;
	if (f & DX_DIFLAG_NOATIME)
		s |= S_NOATIME;
	inode_set_flags(inode, s, S_IMMUTABLE | S_APPEND | S_SYNC | S_NOATIME);
}

/**
 * dx_vnode_sync - show the VFS what an operation changed
 * @inode: i_rwsem held exclusive, or just created
 */
void dx_vnode_sync(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);

	inode->i_mode = ip->d.mode;
	i_uid_write(inode, ip->d.uid);
	i_gid_write(inode, ip->d.gid);
	if (inode->i_nlink != ip->d.nlink)
		set_nlink(inode, ip->d.nlink);
	dx_inode_set_atime(inode, ip->d.atime);
	dx_inode_set_mtime(inode, ip->d.mtime);
	dx_inode_set_ctime(inode, ip->d.ctime);
	if (S_ISDIR(inode->i_mode))
		i_size_write(inode, ip->d.size);
}

static void setup_file(struct inode *inode)
{
	inode->i_op = &dx_file_iops;
	inode->i_fop = &dx_file_fops;
	inode->i_mapping->a_ops = &dx_aops;
	dx_mapping_allow_large(inode->i_mapping);
}

/* Devices, pipes and sockets are the VFS's; on disk is the number, 14 bits of major before 18 of minor. */
static void setup_special(struct inode *inode, u32 rdev)
{
	const unsigned int minor_bits = 18;
	dev_t dev = MKDEV(rdev >> minor_bits, rdev % (1u << minor_bits));

	inode->i_op = &dx_special_iops;
	init_special_inode(inode, inode->i_mode, dev);
}

/* Fill a fresh VFS inode from its core inode. */
static void setup_vnode(struct inode *inode, struct dx_inode *ip)
{
	struct dx_vnode *vn = dx_vnode(inode);

	vn->ip = ip;
	inode->i_generation = ip->d.gen;
	dx_vnode_sync(inode);
	i_size_write(inode, ip->d.size);
	inode_set_iversion_queried(inode, ip->d.changecount);
	dx_vnode_set_iflags(inode);
	/* The page cache is allocated in transactions' shadow: no recursion into us. */
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER_MOVABLE & ~__GFP_FS);

	if (S_ISREG(inode->i_mode)) {
		setup_file(inode);
	} else if (S_ISDIR(inode->i_mode)) {
		inode->i_op = &dx_dir_iops;
		inode->i_fop = &dx_dir_fops;
	} else if (S_ISLNK(inode->i_mode)) {
		inode->i_op = &dx_symlink_iops;
		inode_nohighmem(inode);
	} else {
		setup_special(inode, ip->d.rdev);
	}
	/* No attributes at all: no ACL and no capability to look for. */
	if (!ip->af) {
		inode_has_no_xattr(inode);
		cache_no_acl(inode);
	}
	smp_wmb();
	WRITE_ONCE(ip->vfs, inode);
}

static int vnode_is(struct inode *inode, void *ino)
{
	return dx_vnode(inode)->ino == *(dx_ino_t *)ino;
}

static int vnode_set_ino(struct inode *inode, void *ino)
{
	dx_vnode(inode)->ino = *(dx_ino_t *)ino;
	inode->i_ino = *(dx_ino_t *)ino;
	return 0;
}

/*
 * The VFS inode of a number, I_NEW and locked if it was not there; NULL without memory.
 * By all 64 bits, whatever i_ino has.
 */
static struct inode *vnode_of(struct super_block *sb, dx_ino_t ino)
{
	return iget5_locked(sb, lower_32_bits(ino) ^ upper_32_bits(ino), vnode_is, vnode_set_ino, &ino);
}

/**
 * dx_vget - the VFS inode of an inode number
 * @sb: super block
 * @ino: inode number
 * @iget_flags: DX_IGET_UNTRUSTED for a number from outside
 *
 * Return: referenced inode or ERR_PTR: -ENOENT when the inode is free,
 * -EFSCORRUPTED and friends when it is bad.
 */
struct inode *dx_vget(struct super_block *sb, dx_ino_t ino, u32 iget_flags)
{
	struct inode *inode;
	struct dx_inode *ip;
	int error;

	inode = vnode_of(sb, ino);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!dx_inode_state(inode, I_NEW))
		return inode;
	error = dx_iget(DX_M(sb), NULL, ino, iget_flags, &ip);
	if (error) {
		iget_failed(inode);
		return ERR_PTR(error);
	}
	setup_vnode(inode, ip);
	unlock_new_inode(inode);
	return inode;
}

/**
 * dx_vnode_attach_new - a VFS inode for a core inode that was just created
 * @sb: super block
 * @ip: referenced; the reference goes to the VFS inode, or is dropped on error
 *
 * Return: inode, as a rule still I_NEW and locked, so that nobody sees it before its
 * ACLs and labels are there; finish with dx_vnode_new_done().
 */
struct inode *dx_vnode_attach_new(struct super_block *sb, struct dx_inode *ip)
{
	struct inode *inode = vnode_of(sb, ip->ino);

	if (!inode) {
		dx_irele(ip);
		return ERR_PTR(-ENOMEM);
	}
	if (dx_inode_state(inode, I_NEW)) {
		setup_vnode(inode, ip);
	} else {
		/* Somebody guessed the number in a file handle and was faster; he holds the reference. */
		dx_irele(ip);
	}
	return inode;
}

/**
 * dx_vnode_new_done - open a new inode to the world
 * @inode: from dx_vnode_attach_new()
 * @dentry: gets the inode and its reference; NULL: neither
 */
void dx_vnode_new_done(struct inode *inode, struct dentry *dentry)
{
	if (!dx_inode_state(inode, I_NEW)) {
		if (dentry)
			d_instantiate(dentry, inode);
	} else if (dentry) {
		d_instantiate_new(dentry, inode);
	} else {
		unlock_new_inode(inode);
	}
}

/* What programs should read and write at once, bytes: with largeio the stripe, or what allocsize= says. */
static u32 io_size(struct inode *inode)
{
	struct dx_mount *mp = DX_M(inode->i_sb);
	const struct dx_mount_opts *o = &mp->opts;
	u64 size = 0;

	/* directories, too; a device node has its device's */
	if (o->largeio && !S_ISCHR(inode->i_mode) && !S_ISBLK(inode->i_mode)) {
		size = o->swidth_bb ? (u64)o->swidth_bb << DX_BBSHIFT : dx_fsb_to_b(mp, mp->sb.width);
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
 * statx's; the direct I/O alignment is the device's sector.
 */
int dx_vn_getattr(dx_idmap_t idmap, const struct path *path, struct kstat *stat, u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;

	if (dx_is_shutdown(mp))
		return -EIO;
	/* The change attribute (NFS) is the core's, which moves with every transaction that changes the inode. */
	inode_set_max_iversion_raw(inode, READ_ONCE(ip->d.changecount) << I_VERSION_QUERIED_SHIFT);
	dx_fillattr(idmap, mask, inode, stat);
	stat->ino = ip->ino;
	stat->blocks = dx_fsb_to_bb(mp, READ_ONCE(ip->d.nblocks) + READ_ONCE(ip->delayed_blks));
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
	int error;

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
	error = dx_setattr_nosize(ip, &sa, ip->mp->opts.wsync);
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
		error = dx_lockout_begin_iolocked(&lk, inode, DX_LK_SETSIZE);
		if (error)
			return error;
		error = dx_setattr_size(inode, attr->ia_size, attr->ia_valid & (ATTR_MTIME | ATTR_CTIME));
		dx_lockout_end(&lk);
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
