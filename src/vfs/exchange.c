// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exchanging ranges of two files, or of one: XFS_IOC_EXCHANGE_RANGE; the same if the file has not changed since it was looked at:
 * XFS_IOC_START_COMMIT, XFS_IOC_COMMIT_RANGE.
 *
 * Both files are locked out and drained (lockout.h), and the pages of both ranges are written and gone, before sizes and extents
 * are looked at.  So a direct write that was acknowledged before is in what moves to the other file, and one that comes later
 * goes to what has come from there.
 *
 * Context: no lock held on entry.  Source: ioctl_xfs_exchange_range(2), ioctl_xfs_commit_range(2).
 */
#include <linux/fsnotify.h>
#include <linux/file.h>
#include <linux/mount.h>
#include "dx_vfs.h"
#include "dx_ioctl.h"
#include "dx_exchange.h"
#include "trace.h"

/*
 * What somebody has seen of a file: a change of it changes this.  It is opaque, but xfs_fsr of xfsprogs 6.13 takes the times from
 * it where XFS_IOC_SWAPEXT must do: so they are where stock XFS has them.
 */
struct freshness {
	u64	volume;
	u64	ino;
	s64	mtime, ctime;		/* seconds */
	u32	mtime_nsec, ctime_nsec;
	u32	gen, magic;
};
#define FRESHNESS_MAGIC		0x66726573

struct swap_request {
	struct file	*file1, *file2;
	loff_t		off1, off2, len;	/* bytes */
	u64		flags;			/* DX_EXCHANGE_* */
	const struct freshness *fresh;		/* of file 2; NULL: whatever it is */
};

/* ILOCK held. */
static void look_at(struct dx_inode *ip, struct freshness *f)
{
	memset(f, 0, sizeof(*f));
	f->ino = ip->ino;
	f->gen = ip->d.gen;
	f->mtime = ip->d.mtime.tv_sec;
	f->mtime_nsec = ip->d.mtime.tv_nsec;
	f->ctime = ip->d.ctime.tv_sec;
	f->ctime_nsec = ip->d.ctime.tv_nsec;
	f->magic = FRESHNESS_MAGIC;
	memcpy(&f->volume, &ip->mp->sb.uuid, sizeof(f->volume));
}

static int check_fresh(const struct swap_request *rq)
{
	struct dx_inode *ip = DX_I(file_inode(rq->file2));
	struct freshness now;

	if (!rq->fresh)
		return 0;
	dx_ilock(ip, DX_ILOCK_SHARED);
	look_at(ip, &now);
	dx_iunlock(ip, DX_ILOCK_SHARED);
	return dx_check_seen(file_inode(rq->file2)) ?: memcmp(&now, rq->fresh, sizeof(now)) ? -EBUSY : 0;
}

/* What the caller may do, and with which files; no lock is needed. */
static int check_files(const struct swap_request *rq)
{
	struct inode *a = file_inode(rq->file1), *b = file_inode(rq->file2);
	const fmode_t both = FMODE_READ | FMODE_WRITE;

	if (rq->file1->f_path.mnt != rq->file2->f_path.mnt)
		return -EXDEV;
	if (S_ISDIR(a->i_mode) || S_ISDIR(b->i_mode))
		return -EISDIR;
	if (!S_ISREG(a->i_mode) || !S_ISREG(b->i_mode))
		return -EINVAL;
	if ((rq->file1->f_mode & both) != both || (rq->file2->f_mode & both) != both ||
	    (rq->file1->f_flags | rq->file2->f_flags) & O_APPEND)
		return -EBADF;
	return 0;
}

static bool impossible(loff_t off, loff_t len)
{
	return off < 0 || len < 0 || off > LLONG_MAX - len;
}

/* Do the security modules, and who watches the files, let it be?  To the end: to where that is by now. */
static int check_allowed(const struct swap_request *rq)
{
	bool to_eof = rq->flags & DX_EXCHANGE_TO_EOF;
	loff_t len = rq->len;

	if (to_eof && rq->off1 >= 0 && rq->off2 >= 0)
		len = max3(i_size_read(file_inode(rq->file1)) - rq->off1, i_size_read(file_inode(rq->file2)) - rq->off2, (loff_t)0);
	/* to the end there is more to be said before: check_ranges() */
	if (impossible(rq->off1, len) || impossible(rq->off2, len))
		return to_eof ? 0 : -EINVAL;
	return dx_remap_may_write(rq->file1, rq->off1, len) ?: dx_remap_may_write(rq->file2, rq->off2, len);
}

/* What a file may grow to for its writer. */
static int check_limits(struct file *file, loff_t off, loff_t len)
{
	loff_t most = file->f_flags & O_LARGEFILE ? file_inode(file)->i_sb->s_maxbytes : MAX_NON_LFS;
	unsigned long limit = rlimit(RLIMIT_FSIZE);

	if (limit != RLIM_INFINITY && off >= limit) {
		send_sig(SIGXFSZ, current, 0);
		return -EFBIG;
	}
	if (off >= most)
		return -EFBIG;
	return len > most - off || (limit != RLIM_INFINITY && len > limit - off) ? -EINVAL : 0;
}

/* Both locked out: settles the length, from sizes that stay what they are. */
static int check_ranges(struct swap_request *rq)
{
	struct inode *a = file_inode(rq->file1), *b = file_inode(rq->file2);
	loff_t size1 = i_size_read(a), size2 = i_size_read(b), mask = i_blocksize(a) - 1, whole;
	int error;

	if (IS_IMMUTABLE(a) || IS_IMMUTABLE(b))
		return -EPERM;
	if (IS_SWAPFILE(a) || IS_SWAPFILE(b))
		return -ETXTBSY;
	if (rq->off1 > size1 || rq->off2 > size2)
		return -EINVAL;
	if (rq->flags & DX_EXCHANGE_TO_EOF) {
		if (rq->off1 < 0 || rq->off2 < 0)
			return -EINVAL;
		rq->len = max(size1 - rq->off1, size2 - rq->off2);
		if (impossible(rq->off1, rq->len) || impossible(rq->off2, rq->len))
			return -EINVAL;
	}
	if ((rq->off1 | rq->off2) & mask)
		return -EINVAL;
	if (!(rq->flags & DX_EXCHANGE_TO_EOF) && (rq->len > size1 - rq->off1 || rq->len > size2 - rq->off2))
		return -EINVAL;
	error = check_limits(rq->file2, rq->off2, rq->len) ?: check_limits(rq->file1, rq->off1, rq->len);
	if (error)
		return error;
	/* a part of a block only at the end of both: it may not come to lie before the end of the other */
	if (rq->len & mask && (rq->off1 + rq->len < size1 || rq->off2 + rq->len < size2))
		return -EINVAL;
	/* one file would have two ends; of stock, memory and disk then say different things */
	if (a == b && rq->len && rq->flags & DX_EXCHANGE_TO_EOF)
		return -EINVAL;
	whole = (rq->len + mask) & ~mask;
	return a == b && rq->off1 < rq->off2 + whole && rq->off2 < rq->off1 + whole ? -EINVAL : 0;
}

static void set_size(struct inode *inode, loff_t size)
{
	struct dx_vnode *vn = dx_vnode(inode);

	spin_lock(&vn->size_lock);
	i_size_write(inode, size);
	spin_unlock(&vn->size_lock);
}

/* Both locked out, and their pages gone. */
static int exchange_extents(struct swap_request *rq)
{
	struct inode *a = file_inode(rq->file1), *b = file_inode(rq->file2);
	loff_t size1 = i_size_read(a), size2 = i_size_read(b);
	struct dx_exchange x = {
		.ip1 = DX_I(a), .ip2 = DX_I(b), .off1_bytes = rq->off1, .off2_bytes = rq->off2, .len_bytes = rq->len,
		.written = rq->flags & DX_EXCHANGE_FILE1_WRITTEN, .dry = rq->flags & DX_EXCHANGE_DRY_RUN,
		.set_sizes = rq->flags & DX_EXCHANGE_TO_EOF,
		/* opened by handle, as by xfs_fsr: nobody shall see it */
		.still1 = rq->file1->f_mode & FMODE_NOCMTIME, .still2 = rq->file2->f_mode & FMODE_NOCMTIME,
		.size1_bytes = rq->off1 + (size2 - rq->off2), .size2_bytes = rq->off2 + (size1 - rq->off1),
		/* inside both, as the ranges are */
		.reach1_bytes = rq->off1 + rq->len, .reach2_bytes = rq->off2 + rq->len,
	};
	int error = dx_exchange_range(&x);

	if (error || x.dry)
		return error;
	if (x.set_sizes) {
		set_size(a, x.size1_bytes);
		set_size(b, x.size2_bytes);
	}
	dx_vnode_sync(a);
	dx_vnode_sync(b);
	return 0;
}

static void drop_late(struct inode *inode, loff_t off, loff_t len)
{
	if (DX_LATE_READAHEAD)
		truncate_pagecache_range(inode, round_down(off, PAGE_SIZE), (off + len - 1) | (PAGE_SIZE - 1));
}

static int exchange_locked(struct swap_request *rq)
{
	struct inode *a = file_inode(rq->file1), *b = file_inode(rq->file2);
	int error;

	error = dx_assert_locked_out(a, DX_LK_FULL, 0, 1) ?: dx_assert_locked_out(b, DX_LK_FULL, 0, 1);
	if (!error)
		error = check_ranges(rq);
	if (!error)
		error = check_fresh(rq);
	if (error)
		return error;
	/* times move all the same */
	if (!rq->len)
		return rq->flags & DX_EXCHANGE_DRY_RUN ? 0 : dx_file_modified(rq->file1) ?: dx_file_modified(rq->file2);
	if (dx_file_syncs(rq->file1) || dx_file_syncs(rq->file2))
		rq->flags |= DX_EXCHANGE_DSYNC;
	error = dx_write_below(a, rq->off1) ?: dx_write_below(b, rq->off2);
	if (!error)
		error = dx_flush_unmap(a, rq->off1, rq->len) ?: dx_flush_unmap(b, rq->off2, rq->len);
	if (!error && !(rq->flags & DX_EXCHANGE_DRY_RUN))
		error = file_remove_privs(rq->file1) ?: file_remove_privs(rq->file2);
	if (error)
		return error;
	trace_dx_fallocate_step(a, rq->off1, rq->len, DX_SP_EXCHANGE);
	trace_dx_fallocate_step(b, rq->off2, rq->len, DX_SP_EXCHANGE);
	error = exchange_extents(rq);
	if (!(rq->flags & DX_EXCHANGE_DRY_RUN) && !rq->fresh) {
		dx_note_change(a);
		dx_note_change(b);
	}
	drop_late(a, rq->off1, rq->len);
	drop_late(b, rq->off2, rq->len);
	return error;
}

static int make_durable(const struct swap_request *rq)
{
	return dx_inode_log_force(DX_I(file_inode(rq->file1)), false) ?: dx_inode_log_force(DX_I(file_inode(rq->file2)), false);
}

static int exchange(struct swap_request *rq)
{
	struct inode *a = file_inode(rq->file1), *b = file_inode(rq->file2);
	loff_t len = rq->len;
	struct dx_nospace ns = { };
	struct dx_lockout lk[2];
	int error = check_files(rq);

	if (!error)
		error = check_allowed(rq);
	if (error)
		return error;
	error = mnt_want_write_file(rq->file2);
	if (error)
		return error;
	if (!dx_has_exchange(DX_M(b->i_sb)))
		error = -EOPNOTSUPP;
	while (!error) {
		rq->len = len;
		error = dx_lockout_begin_two(lk, a, b, DX_LK_EXCHANGE);
		if (error)
			break;
		error = exchange_locked(rq);
		dx_lockout_end_two(lk);
		if (!dx_nospace_again(b->i_sb, error, &ns))
			break;
		error = 0;
	}
	if (!error && (rq->flags & (DX_EXCHANGE_DSYNC | DX_EXCHANGE_DRY_RUN)) == DX_EXCHANGE_DSYNC)
		error = make_durable(rq);
	mnt_drop_write_file(rq->file2);
	if (error)
		return error;
	fsnotify_modify(rq->file1);
	if (rq->file2 != rq->file1)
		fsnotify_modify(rq->file2);
	return 0;
}

static int run(struct file *file, const struct dx_exchange_args *args, const struct freshness *fresh)
{
	struct swap_request rq = {
		.file2 = file, .off1 = args->file1_offset, .off2 = args->file2_offset, .len = args->length, .flags = args->flags,
		.fresh = fresh,
	};
	int error;

	if (args->pad || args->flags & ~DX_EXCHANGE_FLAGS)
		return -EINVAL;
	rq.file1 = fget(args->file1_fd);
	if (!rq.file1)
		return -EBADF;
	error = exchange(&rq);
	fput(rq.file1);
	return error;
}

/**
 * dx_ioc_exchange_range - XFS_IOC_EXCHANGE_RANGE
 * @file: file 2
 * @arg: struct dx_exchange_args
 *
 * Return: 0, or -EFAULT, -EBADF, -EXDEV, -EISDIR, -EINVAL, -EROFS, -EOPNOTSUPP (volume without exchange), -EPERM (immutable),
 * -ETXTBSY (swap file), -EFBIG, -ENOSPC, -EIO.
 */
long dx_ioc_exchange_range(struct file *file, void __user *arg)
{
	struct dx_exchange_args args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	return run(file, &args, NULL);
}

/**
 * dx_ioc_start_commit - XFS_IOC_START_COMMIT: what the file is now
 * @file: file 2
 * @arg: struct dx_commit_args, of which the freshness is filled in
 *
 * Return: 0 or -EFAULT.
 */
long dx_ioc_start_commit(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct dx_commit_args __user *uarg = arg;
	struct freshness f;

	BUILD_BUG_ON(sizeof(f) != sizeof(uarg->file2_freshness));
	/* a write moves the times under the IOLOCK, or as a page fault does */
	inode_lock_shared(inode);
	dx_ilock(DX_I(inode), DX_ILOCK_SHARED);
	dx_inode_seen(DX_I(inode));
	look_at(DX_I(inode), &f);
	dx_iunlock(DX_I(inode), DX_ILOCK_SHARED);
	inode_unlock_shared(inode);
	/* the rest is the caller's already: xfs_fsr fills it in before */
	return copy_to_user(uarg->file2_freshness, &f, sizeof(f)) ? -EFAULT : 0;
}

/**
 * dx_ioc_commit_range - XFS_IOC_COMMIT_RANGE: exchange if file 2 is what it was
 * @file: file 2
 * @arg: struct dx_commit_args
 *
 * Return: as dx_ioc_exchange_range(); -EBUSY: file 2 has changed, or this is not what XFS_IOC_START_COMMIT said.
 */
long dx_ioc_commit_range(struct file *file, void __user *arg)
{
	struct dx_commit_args args;
	struct freshness f;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	memcpy(&f, args.file2_freshness, sizeof(f));
	if (f.magic != FRESHNESS_MAGIC)
		return -EBUSY;
	return run(file, &args.x, &f);
}
