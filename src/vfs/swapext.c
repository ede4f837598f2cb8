// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two files give each other all that they map, if the one has not changed since its data was copied to the other:
 * XFS_IOC_SWAPEXT, by which xfs_fsr puts a copy in fewer extents in the place of a file (newer ones ask for
 * XFS_IOC_COMMIT_RANGE first: exchange.c).
 *
 * Both are locked out and drained (lockout.h), and their pages written and gone, before sizes, times and extents are looked
 * at.  A write to the file that arrived after its times were asked for is known by them, or by a mark (seen.c), and nothing
 * is swapped; one that comes after the lockout goes to what has come from the other file.  What the files are called, and
 * their attributes, times and sizes stay.
 *
 * What is swapped, and how far it is atomic: core/bmap/swapext.c.
 *
 * Context: no lock held on entry.  Source: xfs_fs.h, xfs_fsr(8), xfs_io(8), and what the stock filesystem answers
 * (tests/vm/suite/fsr.sh).
 */
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/mount.h>
#include "dx_vfs.h"
#include "dx_ioctl.h"
#include "dx_exchange.h"
#include "trace.h"

struct swap_request {
	struct file	*target, *tmp;
	u64		length;			/* bytes: all of both */
	struct timespec64 mtime, ctime;		/* of the target, when it was copied */
};

static int check_file(struct file *file)
{
	const fmode_t both = FMODE_READ | FMODE_WRITE;

	return (file->f_mode & both) != both || (file->f_flags & O_APPEND) ? -EBADF : 0;
}

/* What the caller may do, and with which files; no lock is needed. */
static int check_files(const struct swap_request *rq)
{
	struct inode *a = file_inode(rq->target), *b = file_inode(rq->tmp);

	if (rq->target->f_op != &dx_file_fops || rq->tmp->f_op != &dx_file_fops || a->i_sb != b->i_sb || a == b)
		return -EINVAL;
	return dx_is_shutdown(DX_M(a->i_sb)) ? -EIO : 0;
}

/* Both locked out, and their pages written: of stock sizes are -EFAULT, and not of one that does not ask for all. */
static int check_state(const struct swap_request *rq)
{
	struct inode *a = file_inode(rq->target), *b = file_inode(rq->tmp);
	struct dx_inode *ip = DX_I(a);
	bool fresh;

	if (IS_SWAPFILE(a) || IS_SWAPFILE(b))
		return -EINVAL;
	if (IS_IMMUTABLE(a) || IS_IMMUTABLE(b) || IS_APPEND(a) || IS_APPEND(b))
		return -EPERM;
	if (rq->length != i_size_read(a) || rq->length != i_size_read(b))
		return -EFAULT;
	dx_ilock(ip, DX_ILOCK_SHARED);
	fresh = timespec64_equal(&rq->mtime, &ip->d.mtime) && timespec64_equal(&rq->ctime, &ip->d.ctime);
	dx_iunlock(ip, DX_ILOCK_SHARED);
	return dx_check_seen(a) ?: fresh ? 0 : -EBUSY;
}

static int flush(struct inode *inode)
{
	loff_t size = i_size_read(inode);

	return size ? dx_flush_unmap(inode, 0, size) : 0;
}

static void drop_late(struct inode *inode)
{
	if (DX_LATE_READAHEAD)
		truncate_pagecache_range(inode, 0, -1);
}

static int swap_locked(const struct swap_request *rq)
{
	struct inode *a = file_inode(rq->target), *b = file_inode(rq->tmp);
	int error;

	error = dx_assert_locked_out(a, DX_LK_FULL, 0, 1) ?: dx_assert_locked_out(b, DX_LK_FULL, 0, 1);
	if (!error)
		error = flush(a) ?: flush(b);
	if (!error)
		error = check_state(rq);
	/* who may keep these when he writes changes no contents here: xfs_fsr would take them from each program that it moves */
	if (!error && !capable(CAP_FSETID))
		error = file_remove_privs(rq->target) ?: file_remove_privs(rq->tmp);
	if (error)
		return error;
	trace_dx_fallocate_step(a, 0, rq->length, DX_SP_EXCHANGE);
	trace_dx_fallocate_step(b, 0, rq->length, DX_SP_EXCHANGE);
	error = dx_swapext(DX_I(a), DX_I(b), rq->length);
	dx_vnode_sync(a);
	dx_vnode_sync(b);
	drop_late(a);
	drop_late(b);
	return error;
}

static int swap_files(const struct swap_request *rq)
{
	struct inode *a = file_inode(rq->target), *b = file_inode(rq->tmp);
	struct dx_nospace ns = { };
	struct dx_lockout lk[2];
	int error = check_files(rq);

	if (error)
		return error;
	do {
		error = dx_lockout_begin_two(lk, a, b, DX_LK_SWAPEXT);
		if (error)
			break;
		error = swap_locked(rq);
		dx_lockout_end_two(lk);
	} while (dx_nospace_again(a->i_sb, error, &ns));
	/* of both: they are changed together */
	if (!error && (dx_file_syncs(rq->target) || dx_file_syncs(rq->tmp)))
		error = dx_inode_log_force(DX_I(a), false) ?: dx_inode_log_force(DX_I(b), false);
	return error;
}

/* @stat: what bulkstat has said of the target, with times of any form. */
#define TIMES_OF(rq, stat) do {							\
	(rq)->mtime.tv_sec = (stat)->bs_mtime.tv_sec;				\
	(rq)->mtime.tv_nsec = (stat)->bs_mtime.tv_nsec;				\
	(rq)->ctime.tv_sec = (stat)->bs_ctime.tv_sec;				\
	(rq)->ctime.tv_nsec = (stat)->bs_ctime.tv_nsec;				\
} while (0)

static long run(struct file *file, s64 target, s64 tmp, s64 offset, s64 length, struct swap_request *rq)
{
	int error = mnt_want_write_file(file);

	if (error)
		return error;
	rq->length = length;
	rq->tmp = NULL;
	rq->target = fget((int)target);
	error = rq->target ? check_file(rq->target) : -EINVAL;
	if (!error) {
		rq->tmp = fget((int)tmp);
		error = rq->tmp ? check_file(rq->tmp) : -EINVAL;
	}
	if (!error && IS_SWAPFILE(file_inode(rq->target)))
		error = -EINVAL;
	if (!error)
		error = offset ? check_files(rq) ?: -EFAULT : swap_files(rq);
	if (rq->tmp)
		fput(rq->tmp);
	if (rq->target)
		fput(rq->target);
	mnt_drop_write_file(file);
	return error;
}

/**
 * dx_ioc_swapext - XFS_IOC_SWAPEXT
 * @file: on the volume
 * @arg: struct dx_swapext
 *
 * Return: 0; -EFAULT (also: not all of both files); -EROFS; -EINVAL (no such descriptor, no regular files of one volume, a swap
 * file, the same file, extents that cannot be swapped); -EBADF (not open for reading and writing, or for appending); -EPERM
 * (immutable, append-only); -EBUSY (the file has changed); -ENOSPC, -EFBIG, -EIO, -ENOMEM.
 */
long dx_ioc_swapext(struct file *file, void __user *arg)
{
	struct swap_request rq;
	struct dx_swapext u;

	if (copy_from_user(&u, arg, sizeof(u)))
		return -EFAULT;
	TIMES_OF(&rq, &u.sx_stat);
	return run(file, u.sx_fdtarget, u.sx_fdtmp, u.sx_offset, u.sx_length, &rq);
}

#ifdef CONFIG_COMPAT
struct bstat32 { DX_BSTAT_FIELDS(struct dx_bstime32, compat_u64, compat_s64); };
struct swapext32 { DX_SWAPEXT_FIELDS(struct bstat32, compat_s64); };
#define IOC_SWAPEXT32	_IOWR('X', 109, struct swapext32)

/**
 * dx_ioc_swapext32 - XFS_IOC_SWAPEXT of a 32-bit program
 * @file: on the volume
 * @cmd: which ioctl it is
 * @arg: what it has of struct dx_swapext
 *
 * Return: as dx_ioc_swapext(); -ENOIOCTLCMD: it is another one.
 */
long dx_ioc_swapext32(struct file *file, unsigned int cmd, void __user *arg)
{
	struct swap_request rq;
	struct swapext32 u;

	if (cmd != IOC_SWAPEXT32 || cmd == DX_IOC_SWAPEXT)
		return -ENOIOCTLCMD;
	if (dx_is_shutdown(DX_M(file_inode(file)->i_sb)))
		return -EIO;
	if (copy_from_user(&u, arg, sizeof(u)))
		return -EFAULT;
	TIMES_OF(&rq, &u.sx_stat);
	return run(file, u.sx_fdtarget, u.sx_fdtmp, u.sx_offset, u.sx_length, &rq);
}
#endif
