/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the VFS layer share: the VFS inode, the mount's VFS
 * half, and the functions that cross files.
 */
#ifndef DX_VFS_H
#define DX_VFS_H

#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/kobject.h>
#include <linux/pagemap.h>
#include <linux/iversion.h>
#include "dx_compat.h"
#include "dx_mount.h"
#include "dx_open.h"
#include "dx_inode.h"
#include "dx_bmap.h"
#include "dx_dir.h"
#include "dx_attr.h"
#include "lockout.h"

#define DX_SUPER_MAGIC	0x58465342	/* what statfs reports: XFS's */

/* drain time histogram: bucket i counts drains shorter than 2^i microseconds */
#define DX_HIST_BUCKETS	24

enum dx_counter {
	DX_C_LOCKOUTS, DX_C_ADDITIVE, DX_C_RANGED,
	DX_C_RANGE_WAITS, DX_C_RANGE_WAIT_NS, DX_C_DIO_RANGE_WAITS, DX_C_DRAINS, DX_C_DRAIN_NS, DX_C_LAYOUT_BREAKS,
	DX_C_DIO_WRITES, DX_C_DIO_WRITE_COMPLETIONS, DX_C_DIO_SIZE_UPDATES, DX_C_DIO_CONVERSIONS,
	DX_C_FALLOCATE, DX_C_SPACE_IOCTL, DX_C_SETSIZE, DX_C_LOCKOUT_VIOLATIONS, DX_C_GIVE_BACKS,
	DX_C_GIVE_BACK_WRITES,
	DX_C_NR
};

enum dx_errortag {
	DX_TAG_DRAIN_BEFORE_SIZE,	/* look at the size before the drain: the old, broken order */
	DX_TAG_DELAY_DIO_COMPLETION,	/* milliseconds to sleep in DIO completion */
	DX_TAG_MMAPLOCK_BEFORE_RANGE,	/* a ranged operation takes the MMAPLOCK, and then waits for its range */
	DX_TAG_RANGE_AFTER_MAP,		/* direct I/O does not wait for its range before it looks at the extents */
	DX_TAG_RANGE_LEFT_EARLY,	/* a direct write leaves its range before its blocks and its end count */
	DX_TAG_READS_UNTRACKED,		/* direct reads enter no range */
	DX_TAG_SIZE_UNDER_SHARED,	/* an extending allocation sets the size that it saw under the IOLOCK shared */
	DX_TAG_BUFFERED_UNDRAINED,	/* a buffered write does not wait for direct I/O in flight */
	DX_TAG_COPIES_UNASKED,		/* a direct write does not ask whether blocks are shared */
	DX_TAG_CHANGES_UNSEEN,		/* who swaps a copy in looks at times alone */
	DX_TAG_NR
};

/* Directories in sysfs, parents first; the log's goes before the others. */
enum dx_sysdir_id {
	DX_SYS_MOUNT, DX_SYS_ERROR, DX_SYS_METADATA,
	DX_SYS_ERROR_CLASS, DX_SYS_ERROR_CLASS_LAST = DX_SYS_ERROR_CLASS + DX_ERR_NR - 1,
#ifdef DX_DEBUG
	DX_SYS_ERRORTAG,
#endif
	DX_SYS_LOG,
	DX_SYS_NR
};

struct dx_super;
struct dx_sysdir {
	struct kobject		kobj;
	struct dx_super		*ds;
	struct completion	released;
};

/* Rounds of giving back space that is only held, of each kind by themselves: blockgc.c. */
enum dx_give {				/* in the order in which they are tried */
	DX_GIVE_INACTIVE	= DX_HELD_INACTIVE,	/* of the volume */
	DX_GIVE_PREALLOC	= DX_HELD_PREALLOC,
	DX_GIVE_INDLEN		= DX_HELD_INDLEN,
	DX_GIVE_OWNERS,			/* all of that, of those who have met their limits of quota */
	DX_GIVE_NR,
};
struct dx_giveback_kind {
	struct work_struct	work;
	u64			begun, done;	/* rounds; they differ while one runs */
	s64			seen, seen_all;	/* mp->held of this kind, and of all, when the last one began */
	unsigned long		ended;		/* jiffies */
	bool			partial;	/* it passed over what was in use */
};
struct dx_giveback {
	struct workqueue_struct	*wq;
	wait_queue_head_t	wait;
	spinlock_t		lock;		/* what follows */
	struct dx_giveback_kind	kind[DX_GIVE_NR];
	unsigned int		lifetime_s;	/* of preallocation in files that are in use */
	bool			closing;
	struct delayed_work	trim;		/* every so often; the rest is its own */
	s64			trim_seen;	/* mp->held[DX_HELD_PREALLOC] */
	bool			trim_partial;
};
#define DX_PREALLOC_LIFETIME_S	300		/* as stock's fs.xfs.speculative_prealloc_lifetime */
#define DX_PREALLOC_LIFETIME_MAX_S	86400

/* The VFS half of a mount. */
struct dx_super {
	struct dx_mount		mp;
	struct super_block	*sb;
	struct inode		clock;		/* no file: what current_time() is asked with, it looks at ->i_sb alone */
	struct list_head	mounted;	/* in the list of uuids in use */
	struct workqueue_struct	*ioend_wq;	/* buffered write completions that need a transaction */
	struct dx_giveback	giveback;
	struct dx_shrinker	buf_shrinker, quota_shrinker;
	struct dx_sysdir	sysdir[DX_SYS_NR];
	int			nr_sysdirs;	/* that are there */
	atomic64_t		counters[DX_C_NR];
	atomic64_t		drain_hist[DX_HIST_BUCKETS];
	unsigned int		errortag[DX_TAG_NR];
};

/* The VFS inode.  ->ip is its core inode, referenced from iget to evict. */
struct dx_vnode {
	dx_ino_t		ino;		/* i_ino has but 32 bits on some machines */
	struct dx_inode		*ip;
	spinlock_t		size_lock;	/* i_size against completions that hold no IOLOCK */
	spinlock_t		beyond_lock;
	struct list_head	beyond;		/* direct writes in flight that reach past the end: beyond.c */
	bool			append_joins;	/* nothing written lies behind the end: an append may go behind others */
	spinlock_t		held_lock;
	struct list_head	held;		/* lockouts of all kinds, as long as they last */
	struct dx_ranges	*ranges;	/* who is in which range; NULL: no ranged operation yet */
	spinlock_t		ioend_lock;
	struct list_head	ioend_list;	/* finished writeback, waiting for its transaction */
	struct work_struct	ioend_work;
	loff_t			alone_from;	/* where a write of parts of blocks begins that is alone; else -1 */
	unsigned int		fault_nospace;	/* faults that found no space, for which the fault itself knows no error */
	dx_mmaplock_t		mmaplock;	/* where the mapping has none */
	dx_pinned_t		pinned;		/* the page that a buffered write covers in part: compat_iomap.h */
	struct inode		vfs;
};

static inline struct dx_vnode *dx_vnode(const struct inode *inode)
{
	return container_of(inode, struct dx_vnode, vfs);
}
static inline struct dx_inode *DX_I(const struct inode *inode) { return dx_vnode(inode)->ip; }
static inline struct dx_super *dx_super(const struct super_block *sb) { return sb->s_fs_info; }
static inline struct dx_mount *DX_M(const struct super_block *sb) { return &dx_super(sb)->mp; }
/* Is what is done to the file by this call to be durable when it returns? */
static inline bool dx_file_syncs(struct file *file)
{
	return file->f_flags & O_DSYNC || IS_SYNC(file_inode(file)) || dx_is_wsync(DX_M(file_inode(file)->i_sb));
}
static inline void dx_count(struct inode *inode, enum dx_counter c) { atomic64_inc(&dx_super(inode->i_sb)->counters[c]); }

#ifdef DX_DEBUG
static inline unsigned int dx_errortag(struct inode *inode, enum dx_errortag tag)
{
	return READ_ONCE(dx_super(inode->i_sb)->errortag[tag]);
}
#else
static inline unsigned int dx_errortag(struct inode *inode, enum dx_errortag tag) { return 0; }
#endif

/* super.c */
extern const struct super_operations dx_super_ops;
/* inode.c */
struct inode *dx_vget(struct super_block *sb, dx_ino_t ino);
struct inode *dx_vget_named(struct super_block *sb, dx_ino_t ino);
int dx_may_write(struct inode *inode);
struct inode *dx_vget_outside(struct super_block *sb, u64 ino, u32 gen);
struct inode *dx_vnode_attach_new(struct super_block *sb, struct dx_inode *ip);	/* takes over the caller's reference */
void dx_vnode_new_done(struct inode *inode, struct dentry *dentry);
void dx_vnode_sync(struct inode *inode);		/* core -> VFS: nlink, times, mode, ids */
void dx_vnode_sync_moved(struct inode *inode);
void dx_vnode_set_iflags(struct inode *inode);
u32 dx_xflags(const struct dx_icore *d, bool has_attr);
u16 dx_xflags_to_diflags(u32 xflags);
int dx_vnode_cache_init(void);
void dx_vnode_cache_exit(void);
struct inode *dx_alloc_inode(struct super_block *sb);
void dx_free_inode(struct inode *inode);
void dx_evict_inode(struct inode *inode);
/* setsize.c */
int dx_write_below(struct inode *inode, loff_t end);			/* lockout held */
int dx_setattr_size(struct inode *inode, loff_t newsize, bool times);	/* likewise */
int dx_set_moved_end(struct inode *inode, loff_t newsize);		/* likewise */
/* setattr.c */
int dx_vn_setattr(dx_idmap_t idmap, struct dentry *dentry, struct iattr *attr);
int dx_vn_getattr(dx_idmap_t idmap, const struct path *path, struct kstat *stat, u32 mask, unsigned int flags);
int dx_vn_update_time(struct inode *inode, struct timespec64 *now, unsigned int flags);	/* DX_UPD_* */
/* namei.c */
extern const struct inode_operations dx_dir_iops, dx_symlink_iops, dx_special_iops, dx_file_iops;
extern const struct file_operations dx_dir_fops;
/* file.c, dio.c */
extern const struct file_operations dx_file_fops;
ssize_t dx_file_dio_read(struct kiocb *iocb, struct iov_iter *to);
ssize_t dx_file_dio_write(struct kiocb *iocb, struct iov_iter *from);
int dx_fsync(struct file *file, loff_t start, loff_t end, int datasync);
/* write_checks.c */
ssize_t dx_file_write_checks(struct kiocb *iocb, struct iov_iter *from, enum dx_iolock *mode,
			     int (*admit)(struct kiocb *iocb, struct iov_iter *from, enum dx_iolock mode));
/* beyond.c */
int dx_beyond_enter(struct kiocb *iocb, size_t count);
int dx_beyond_append(struct kiocb *iocb, struct iov_iter *from);
void dx_beyond_leave(struct kiocb *iocb);
/* iomap.c */
extern const struct iomap_ops dx_read_iomap_ops, dx_buffered_write_iomap_ops, dx_direct_write_iomap_ops,
	dx_seek_iomap_ops, dx_xattr_iomap_ops;
void dx_mapped_to_iomap(struct dx_inode *ip, struct iomap *iomap, const struct dx_mapped *m, u16 iomap_flags);
int dx_zero_range(struct inode *inode, loff_t pos, loff_t len, bool *did_zero);
int dx_truncate_page(struct inode *inode, loff_t pos, bool *did_zero);
/* aops.c */
extern const struct address_space_operations dx_aops;
void dx_ioend_work(struct work_struct *work);
/* fallocate.c */
int dx_flush_unmap(struct inode *inode, loff_t offset, loff_t len);
long dx_file_fallocate(struct file *file, int mode, loff_t offset, loff_t len);
enum dx_space_op { DX_SP_ALLOC, DX_SP_FREE, DX_SP_ZERO, DX_SP_COLLAPSE, DX_SP_INSERT, DX_SP_RESIZE, DX_SP_UNSHARE,
		   DX_SP_WRITE_ZEROES, DX_SP_REMAP, DX_SP_EXCHANGE };
int dx_space_ioctl(struct file *file, enum dx_space_op op, s16 whence, loff_t start, loff_t len);
int dx_free_range(struct inode *inode, loff_t offset, loff_t len);	/* lockout held, ranged at least */
/* reflink.c */
loff_t dx_remap_file_range(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, loff_t len, unsigned int flags);
/* exchange.c */
long dx_ioc_exchange_range(struct file *file, void __user *arg);
long dx_ioc_start_commit(struct file *file, void __user *arg);
long dx_ioc_commit_range(struct file *file, void __user *arg);
/* seen.c */
int dx_check_seen(struct inode *inode);
/* Contents change, or have changed: any context. */
static inline void dx_note_change(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);

	if (unlikely(test_bit(DX_I_SEEN, &ip->i_flags)) && !test_bit(DX_I_CHANGED, &ip->i_flags))
		set_bit(DX_I_CHANGED, &ip->i_flags);
}
/*
 * Waits for the direct I/O in flight, or asks whether there is any.  What it has published, the size first, is seen by who reads
 * after that: a count that is found zero orders nothing by itself (its last user's decrement is a full barrier).
 */
static inline void dx_dio_drain(struct inode *inode)
{
	inode_dio_wait(inode);
	smp_acquire__after_ctrl_dep();
}

static inline bool dx_dio_none(struct inode *inode)
{
	if (atomic_read(&inode->i_dio_count))
		return false;
	smp_acquire__after_ctrl_dep();
	return true;
}
/* swapext.c */
long dx_ioc_swapext(struct file *file, void __user *arg);
long dx_ioc_swapext32(struct file *file, unsigned int cmd, void __user *arg);
/* ioctl.c, ioctl_compat.c */
long dx_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long dx_file_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
/* grow.c */
long dx_ioc_growfs(struct file *file, unsigned int cmd, void __user *arg);
long dx_ioc_getlabel(struct file *file, void __user *arg);
long dx_ioc_setlabel(struct file *file, void __user *arg);
/* fsmap.c */
long dx_ioc_getfsmap(struct file *file, void __user *arg);
/* handle.c */
struct dx_handle;
void dx_handle_fill(struct dx_handle *h, struct dx_mount *mp, u64 ino, u32 gen);
struct inode *dx_handle_inode(struct super_block *sb, const struct dx_handle *h);
long dx_ioc_handle(struct file *file, unsigned int cmd, void __user *arg);
/* bulk.c */
long dx_ioc_bulk(struct file *file, unsigned int cmd, void __user *arg);
long dx_ioc_bulk32(struct file *file, unsigned int cmd, void __user *arg);
long dx_ioc_getparents(struct file *file, unsigned int cmd, void __user *arg);	/* parents.c */
int dx_fileattr_get(struct dentry *dentry, struct dx_fileattr *fa);
int dx_fileattr_set(dx_idmap_t idmap, struct dentry *dentry, struct dx_fileattr *fa);
/* xattr.c, acl.c */
extern dx_xattr_handler_t dx_xattr_handlers[];
ssize_t dx_listxattr(struct dentry *dentry, char *buf, size_t size);
struct dx_acl_attr {
	int		type;		/* ACL_TYPE_* */
	const char	*name;		/* on disk, in the root namespace */
	const char	*shown;		/* with its prefix */
};
extern const struct dx_acl_attr dx_acl_attrs[2];	/* access, default */
struct posix_acl *dx_get_acl(struct inode *inode, int type, bool rcu);
int dx_set_acl(dx_idmap_t idmap, struct inode *inode, struct posix_acl *acl, int type);
int dx_acl_store(struct inode *inode, struct posix_acl *acl, int type);	/* no checks, no mode change */
void dx_xattr_set_behind(struct inode *inode, const char *name, u8 nsp);
int dx_xattr_set_raw(struct inode *inode, const char *name, u8 nsp, const void *value, size_t size, int flags);
/* blockgc.c */
void dx_blockgc(struct super_block *sb);
void dx_blockgc_wait(struct super_block *sb);
bool dx_trim_iolocked(struct inode *inode);
struct dx_nospace { u64 round; unsigned long until; u32 done; int kind; bool begun, asked, last; };
/* do { } while, around what may be -ENOSPC */
bool dx_nospace_again(struct super_block *sb, ssize_t ret, struct dx_nospace *ns);
int dx_giveback_init(struct dx_super *ds);
void dx_giveback_lifetime(struct dx_super *ds, unsigned int seconds);
void dx_giveback_exit(struct dx_super *ds);
/* export.c */
extern const struct export_operations dx_export_ops;
#define DX_FILEID_64	0x80		/* added to FILEID_INO32_GEN and _PARENT */
/* sysfs.c */
int dx_sysfs_init(void);
void dx_sysfs_exit(void);
int dx_sysfs_add(struct dx_super *ds);
void dx_sysfs_del_log(struct dx_super *ds);
void dx_sysfs_del(struct dx_super *ds);
/* plat.c */
struct dx_bdev *dx_plat_bdev_get(struct block_device *bdev);
void dx_plat_bdev_put(struct dx_bdev *bdev);

#endif /* DX_VFS_H */
