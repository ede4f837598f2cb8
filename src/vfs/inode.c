// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFS inodes: made from core inodes, given back to them.
 *
 * A VFS inode holds one reference of its core inode from iget to evict.
 * While it lives, the VFS's copies of mode, owners, link count, times and size
 * are what the system sees; the core's are what is logged.  Each operation
 * that changes the core copies the result here (dx_vnode_sync()).
 */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include "dx_vfs.h"
#include "dx_walk.h"

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
	vn->ranges = NULL;
	vn->fault_nospace = 0;
	dx_pinned_init(&vn->pinned);
	vn->alone_from = -1;
	spin_lock_init(&vn->size_lock);
	spin_lock_init(&vn->held_lock);
	INIT_LIST_HEAD(&vn->held);
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
	kfree(dx_vnode(inode)->ranges);
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
	dx_idrop(ip);
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

static const struct { u32 xflag; u16 diflag; } xflag_map[] = {
	{ FS_XFLAG_PREALLOC,	DX_DIFLAG_PREALLOC },
	{ FS_XFLAG_IMMUTABLE,	DX_DIFLAG_IMMUTABLE },
	{ FS_XFLAG_APPEND,	DX_DIFLAG_APPEND },
	{ FS_XFLAG_SYNC,	DX_DIFLAG_SYNC },
	{ FS_XFLAG_NOATIME,	DX_DIFLAG_NOATIME },
	{ FS_XFLAG_NODUMP,	DX_DIFLAG_NODUMP },
	{ FS_XFLAG_RTINHERIT,	DX_DIFLAG_RTINHERIT },
	{ FS_XFLAG_PROJINHERIT,	DX_DIFLAG_PROJINHERIT },
	{ FS_XFLAG_NOSYMLINKS,	DX_DIFLAG_NOSYMLINKS },
	{ FS_XFLAG_EXTSIZE,	DX_DIFLAG_EXTSIZE },
	{ FS_XFLAG_EXTSZINHERIT, DX_DIFLAG_EXTSZINHERIT },
	{ FS_XFLAG_NODEFRAG,	DX_DIFLAG_NODEFRAG },
	{ FS_XFLAG_FILESTREAM,	DX_DIFLAG_FILESTREAM },
};

/**
 * dx_xflags - FS_XFLAG_* of an inode
 * @d: its core, or a copy
 * @has_attr: it has an attribute fork
 */
u32 dx_xflags(const struct dx_icore *d, bool has_attr)
{
	u32 x = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(xflag_map); i++)
		if (d->flags & xflag_map[i].diflag)
			x |= xflag_map[i].xflag;
	if (d->flags2 & DX_DIFLAG2_COWEXTSIZE)
		x |= FS_XFLAG_COWEXTSIZE;
	if (d->flags2 & DX_DIFLAG2_DAX)
		x |= FS_XFLAG_DAX;
	if (has_attr)
		x |= FS_XFLAG_HASATTR;
	return x;
}

/**
 * dx_xflags_to_diflags - DX_DIFLAG_* that stand for FS_XFLAG_*; those of di_flags2 are the caller's
 * @xflags: FS_XFLAG_*
 */
u16 dx_xflags_to_diflags(u32 xflags)
{
	u16 flags = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(xflag_map); i++)
		if (xflags & xflag_map[i].xflag)
			flags |= xflag_map[i].diflag;
	return flags;
}

/* ILOCK held. */
static void sync_locked(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);

	inode->i_mode = ip->d.mode;
	i_uid_write(inode, ip->d.uid);
	i_gid_write(inode, ip->d.gid);
	if (inode->i_nlink != ip->d.nlink)
		set_nlink(inode, ip->d.nlink);
	if (S_ISDIR(inode->i_mode))
		i_size_write(inode, ip->d.size);
	dx_inode_set_atime(inode, ip->d.atime);
	dx_inode_set_mtime(inode, ip->d.mtime);
	dx_inode_set_ctime(inode, ip->d.ctime);
}

/**
 * dx_vnode_sync - show the VFS what an operation changed
 * @inode: i_rwsem held exclusive, or just created; not its ILOCK, which is taken: the times move without the i_rwsem, too
 *	(dx_vn_update_time())
 */
void dx_vnode_sync(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);

	dx_ilock(ip, DX_ILOCK_SHARED);
	sync_locked(inode);
	dx_iunlock(ip, DX_ILOCK_SHARED);
}

/**
 * dx_vnode_sync_moved - show the VFS what a rename has changed of what was renamed
 * @inode: i_rwsem held exclusive, unless it is a directory: some kernels lock none that stays in its parent, and older ones none
 *
 * Of a directory that is the ctime, and the size, as the number of its parent may be a longer one now; the rest is its own
 * operations', which go on beside us and show their size under the ILOCK, too.
 */
void dx_vnode_sync_moved(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);

	if (!S_ISDIR(inode->i_mode)) {
		dx_vnode_sync(inode);
		return;
	}
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_inode_set_ctime(inode, ip->d.ctime);
	i_size_write(inode, ip->d.size);
	dx_iunlock(ip, DX_ILOCK_EXCL);
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

/* Fill a fresh VFS inode from its core inode, ILOCK held: a number that is guessed leads to inodes that are only half made. */
static void setup_vnode(struct inode *inode, struct dx_inode *ip)
{
	struct dx_vnode *vn = dx_vnode(inode);

	vn->ip = ip;
	inode->i_generation = ip->d.gen;
	sync_locked(inode);
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

/*
 * Its core inode, or an error and none.  One whose last link has gone, since it was looked for, must not come back; but under
 * DX_IGET_LEFT_OVER a name leads to it still: its count of links is damaged, its data need not be.
 */
static int read_vnode(struct inode *inode, dx_ino_t ino, u32 iget_flags, const u32 *gen)
{
	struct dx_mount *mp = DX_M(inode->i_sb);
	struct dx_inode *ip;
	int error = dx_iget_shared(mp, ino, iget_flags, gen, &ip);

	if (error)
		return error;
	if (!ip->d.nlink && !(iget_flags & DX_IGET_LEFT_OVER) && !test_bit(DX_OP_NORECOVERY, &mp->opstate))
		error = -ENOENT;
	else
		setup_vnode(inode, ip);
	dx_iunlock(ip, DX_ILOCK_SHARED);
	if (error)
		dx_idrop(ip);
	return error;
}

/* What is not as @gen says never becomes a VFS inode: its creator may be about to make one. */
static struct inode *vget(struct super_block *sb, dx_ino_t ino, u32 iget_flags, const u32 *gen)
{
	struct inode *inode = vnode_of(sb, ino);
	int error;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (dx_inode_state(inode, I_NEW)) {
		error = read_vnode(inode, ino, iget_flags, gen);
		if (error) {
			iget_failed(inode);
			return ERR_PTR(error);
		}
		unlock_new_inode(inode);
	} else if (gen && inode->i_generation != *gen) {
		iput(inode);
		return ERR_PTR(-ENOENT);
	}
	return inode;
}

/**
 * dx_vget - the VFS inode of an inode number
 * @sb: super block
 * @ino: inode number, from the volume
 *
 * Return: referenced inode or ERR_PTR: -ENOENT when the inode is free, or unlinked,
 * -EFSCORRUPTED and friends when it is bad.
 */
struct inode *dx_vget(struct super_block *sb, dx_ino_t ino)
{
	return vget(sb, ino, 0, NULL);
}

/**
 * dx_vget_named - the VFS inode that a directory entry names
 * @sb: super block
 * @ino: inode number, from an entry that cannot go: the i_rwsem of its directory is held
 *
 * One that has no links is damaged, but whoever has its name may read, and rescue, what it has; it is not freed. Nor is it
 * written to (dx_may_write()).
 *
 * Return: as dx_vget(), but -ENOENT only for a free inode.
 */
struct inode *dx_vget_named(struct super_block *sb, dx_ino_t ino)
{
	return vget(sb, ino, DX_IGET_LEFT_OVER, NULL);
}

/**
 * dx_may_write - may the contents of a file change?
 * @inode: regular file that is to be opened for writing, or truncated
 *
 * Not where a damaged volume names it and has no links for it: with its last user the VFS throws away what is not written yet.
 *
 * Return: 0 or -EFSCORRUPTED.
 */
int dx_may_write(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);

	if (likely(inode->i_nlink) || !test_bit(DX_I_KEEP, &ip->i_flags))
		return 0;
	return dx_corrupt(ip->mp, "inode", ip->imap.daddr, "0x%llx has a name and no links: it can be read only", ip->ino);
}

/**
 * dx_vget_outside - the inode that a handle names
 * @sb: the volume
 * @ino: number from outside
 * @gen: its generation
 *
 * Return: referenced; ERR_PTR: -ESTALE, for the filesystem's own files, too; -EIO, -ENOMEM.
 */
struct inode *dx_vget_outside(struct super_block *sb, u64 ino, u32 gen)
{
	struct inode *inode;

	if (!ino || !dx_verify_ino(DX_M(sb), ino) || dx_is_internal_ino(DX_M(sb), ino))
		return ERR_PTR(-ESTALE);
	inode = vget(sb, ino, DX_IGET_UNTRUSTED, &gen);
	/* A number from outside that leads nowhere is stale, not damage. */
	if (inode == ERR_PTR(-EINVAL) || inode == ERR_PTR(-ENOENT) || inode == ERR_PTR(-EFSCORRUPTED))
		return ERR_PTR(-ESTALE);
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
		dx_idrop(ip);
		return ERR_PTR(-ENOMEM);
	}
	if (dx_inode_state(inode, I_NEW)) {
		dx_ilock(ip, DX_ILOCK_SHARED);
		setup_vnode(inode, ip);
		dx_iunlock(ip, DX_ILOCK_SHARED);
	} else {
		/* Somebody guessed the number in a file handle and was faster; he holds the reference. */
		dx_idrop(ip);
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
