// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regular files: read, write, mmap, fsync, open and release.
 *
 * IOLOCK (i_rwsem): shared by readers and direct writers, exclusive by
 * buffered writers, so that a read sees a buffered write whole or not at all.
 * Faults take the MMAPLOCK shared (L1).
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/mman.h>
#include <linux/splice.h>
#include <linux/uio.h>
#include "dx_vfs.h"
#include "dx_log.h"

/*
 * As much as there is space for.  IOLOCK exclusive, which a write that has begun keeps to its end, also where it waits for space:
 * nobody sees a part of it, and nobody comes between its parts, of which an append's would have to go behind his then.
 */
static ssize_t write_pages(struct kiocb *iocb, struct iov_iter *from, struct dx_nospace *ns)
{
	struct super_block *sb = file_inode(iocb->ki_filp)->i_sb;
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	ssize_t ret, done = 0;

	do {
		ret = dx_iomap_buffered_write(iocb, from, &dx_buffered_write_iomap_ops);
		if (ret > 0)
			done += ret;
		/* what is preallocated for this file nobody else can give back while we have it */
		else if (done && !nowait && (ret == -ENOSPC || ret == -EDQUOT))
			dx_trim_iolocked(file_inode(iocb->ki_filp));
		/* A part was written: why not more, only the rest can tell. */
	} while (done && iov_iter_count(from) && !nowait && (ret > 0 || dx_nospace_again(sb, ret, ns)));
	return done ?: ret;
}

static ssize_t buffered_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct dx_nospace ns = { };
	enum dx_iolock mode;
	ssize_t ret;

	if ((iocb->ki_flags & IOCB_NOWAIT) && !DX_CAN_BUFFERED_NOWAIT)
		return -EOPNOTSUPP;
	do {
		mode = DX_IOLOCK_EXCL;
		ret = dx_iolock_iocb(iocb, mode);
		if (ret)
			break;
		ret = dx_file_write_checks(iocb, from, &mode, NULL);
		if (!ret && iov_iter_count(from))
			ret = write_pages(iocb, from, &ns);
		dx_iounlock(inode, mode);
		/* To find out whether that is so takes waiting. */
		if ((iocb->ki_flags & IOCB_NOWAIT) && (ret == -ENOSPC || ret == -EDQUOT))
			ret = -EAGAIN;
		/* Nothing was written: others may go first, and what this file holds past its end can be given back. */
	} while (dx_nospace_again(inode->i_sb, ret, &ns));

	return ret > 0 ? generic_write_sync(iocb, ret) : ret;
}

/* A write that must not be torn: one block, and not through the page cache. */
static int check_atomic(struct kiocb *iocb, struct iov_iter *from)
{
	if (iov_iter_count(from) != i_blocksize(file_inode(iocb->ki_filp)))
		return -EINVAL;
	return dx_atomic_valid(iocb, from);
}

static ssize_t vn_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	/* once submitted, the iocb may be gone, and with it the file and its mount, of which nothing is looked at then */
	struct super_block *sb = file_inode(iocb->ki_filp)->i_sb;
	bool nowait = iocb->ki_flags & IOCB_NOWAIT, atomic = dx_iocb_atomic(iocb);
	struct iov_iter all = *from;
	struct dx_nospace ns = { };
	ssize_t ret;

	if (dx_is_shutdown(DX_M(sb)))
		return -EIO;
	if (!iov_iter_count(from))
		return 0;
	if (atomic) {
		ret = check_atomic(iocb, from);
		if (ret)
			return ret;
	}
	if (iocb->ki_flags & IOCB_DIRECT) {
		do {
			*from = all;	/* a part may have been written before it failed */
			ret = dx_file_dio_write(iocb, from);
		} while (!nowait && dx_nospace_again(sb, ret, &ns));
		/* -ENOTBLK: pages over the range would not go; go through them. */
		if (ret != -ENOTBLK)
			return ret;
		/* A kernel that cannot do that without waiting says so of the way: the caller, who knows of none, may wait. */
		if (atomic || (nowait && !DX_CAN_BUFFERED_NOWAIT))
			return -EAGAIN;
	}
	return buffered_write(iocb, from);
}

static int may_read(struct inode *inode)
{
	return dx_is_shutdown(DX_M(inode->i_sb)) ? -EIO : 0;
}

static ssize_t vn_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	ssize_t ret = may_read(inode);

	if (ret)
		return ret;
	if (iocb->ki_flags & IOCB_DIRECT)
		return dx_file_dio_read(iocb, to);
	ret = dx_iolock_iocb(iocb, DX_IOLOCK_SHARED);
	if (ret)
		return ret;
	ret = generic_file_read_iter(iocb, to);
	dx_iounlock(inode, DX_IOLOCK_SHARED);
	return ret;
}

/**
 * dx_fsync - make a file's data and what is needed to find it durable
 * @file: open file (regular or directory)
 * @start: first byte
 * @end: last byte
 * @datasync: leave out changes of times alone
 *
 * Data first, waited for (completion logs conversions and the size), then the log
 * up to the inode's last change.  When no log write flushed the device's
 * cache, we do.  Source: fsync(2).
 */
int dx_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file->f_mapping->host;
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;
	bool flushed = false;
	int error, err2;
	u64 seq;

	error = file_write_and_wait_range(file, start, end);
	if (error)
		return error;
	if (dx_is_shutdown(mp))
		return -EIO;
	seq = dx_inode_commit_seq(ip, datasync);
	if (seq)
		error = dx_log_force_seq(mp, seq, true, &flushed);
	if (!flushed) {
		err2 = dx_blkdev_flush(inode->i_sb->s_bdev);
		if (!error)
			error = err2;
	}
	/* A shutdown lets go of what was never written: not pinned does not mean durable then. */
	if (!error && dx_is_shutdown(mp))
		error = -EIO;
	if (!error && seq)
		dx_inode_synced(ip, seq);
	return error;
}

static vm_fault_t vn_page_mkwrite(struct vm_fault *vmf)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	struct dx_vnode *vn = dx_vnode(inode);
	struct dx_nospace ns = { };
	unsigned int before;
	vm_fault_t ret;

	sb_start_pagefault(inode->i_sb);
	file_update_time(vmf->vma->vm_file);
	dx_note_change(inode);
	do {
		before = READ_ONCE(vn->fault_nospace);
		dx_mmaplock_shared(inode);
		ret = dx_iomap_page_mkwrite(vmf, &dx_buffered_write_iomap_ops);
		/* again, page locked: who has looked at the times meanwhile must write it back, and the next store faults anew */
		if (ret & VM_FAULT_LOCKED) {
			smp_mb();	/* made dirty, then who has looked; he looks, and then for what is dirty: dx_inode_seen() */
			dx_note_change(inode);
		}
		dx_mmapunlock_shared(inode);
	} while ((ret & VM_FAULT_SIGBUS) && READ_ONCE(vn->fault_nospace) != before &&
		 dx_nospace_again(inode->i_sb, -ENOSPC, &ns));
	sb_end_pagefault(inode->i_sb);
	return ret;
}

DX_FAULT_OPS(vn);

static const struct vm_operations_struct file_vm_ops = {
	DX_FAULT_MEMBERS(vn),		/* they take the MMAPLOCK shared */
	.page_mkwrite	= vn_page_mkwrite,
};

static int vn_mmap(struct file *file, struct vm_area_struct *vma)
{
	file_accessed(file);
	vma->vm_ops = &file_vm_ops;
	return 0;
}

static int vn_open(struct inode *inode, struct file *file)
{
	struct dx_mount *mp = DX_M(inode->i_sb);
	int error;

	if (dx_is_shutdown(mp))
		return -EIO;
	error = file->f_mode & FMODE_WRITE ? dx_may_write(inode) : 0;
	if (error)
		return error;
	/* What lies behind the page cache's last page would be looked for, and dropped, among its first ones. */
	if (i_size_read(inode) > inode->i_sb->s_maxbytes) {
		dx_err_ratelimited(mp, "inode 0x%llx: a file of more than %lld bytes cannot be opened on a 32-bit kernel; use a 64-bit one",
				   DX_I(inode)->ino, inode->i_sb->s_maxbytes);
		return -EFBIG;
	}
	dx_file_set_nowait(file);
	if (dx_bdev_writes_whole(inode->i_sb->s_bdev, i_blocksize(inode)))
		dx_file_set_atomic(file);
	return generic_file_open(inode, file);
}

/*
 * Speculative preallocation past EOF has served.  Trimming it moves space, so it runs in a lockout, and only when
 * nobody is in the way.
 */
static void trim_prealloc(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_lockout lk;

	if (!inode->i_nlink || !dx_inode_spare_past_eof(ip) || mapping_mapped(inode->i_mapping))
		return;
	/*
	 * Closed once before with data still to be written: it is opened, appended to and closed again and again, and without its
	 * preallocation each time would leave a piece of its own.  It goes when it is not used for a while (blockgc.c).
	 */
	if (test_bit(DX_I_DIRTY_RELEASE, &ip->i_flags))
		return;
	if (atomic_read(&inode->i_writecount) > 1 || !inode_trylock(inode))
		return;
	if (dx_dio_none(inode) &&
	    !dx_lockout_begin_iolocked(&lk, inode, DX_LK_SETSIZE)) {
		/* asked again: whoever has opened it meanwhile may have asked for blocks there */
		if (dx_inode_spare_past_eof(ip) && atomic_read(&inode->i_writecount) <= 1 &&
		    !dx_free_eofblocks_from(ip, i_size_read(inode))) {
			clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
			if (ip->delayed_blks)
				set_bit(DX_I_DIRTY_RELEASE, &ip->i_flags);
		}
		dx_lockout_end(&lk);
	}
	inode_unlock(inode);
}

/*
 * Last close of a writer.  A close does not wait for the end of a freeze, least of all with the inode's locks: what
 * there is to trim is trimmed at the next close, or when the inode leaves memory.
 */
static int vn_release(struct inode *inode, struct file *file)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;

	if (dx_is_readonly(mp) || dx_is_shutdown(mp) || !(file->f_mode & FMODE_WRITE))
		return 0;
	if (!sb_start_write_trylock(inode->i_sb))
		return 0;
	/* Truncated and rewritten: do not leave the file empty for long after a crash. */
	if (test_and_clear_bit(DX_I_TRUNCATED, &ip->i_flags)) {
		clear_bit(DX_I_DIRTY_RELEASE, &ip->i_flags);
		if (ip->delayed_blks)
			filemap_flush(inode->i_mapping);
	}
	trim_prealloc(inode);
	sb_end_write(inode->i_sb);
	return 0;
}

static loff_t vn_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file->f_mapping->host;

	if (dx_is_shutdown(DX_M(inode->i_sb)))
		return -EIO;
	switch (whence) {
	case SEEK_HOLE:
		offset = iomap_seek_hole(inode, offset, &dx_seek_iomap_ops);
		break;
	case SEEK_DATA:
		offset = iomap_seek_data(inode, offset, &dx_seek_iomap_ops);
		break;
	default:
		return generic_file_llseek(file, offset, whence);
	}
	if (offset < 0)
		return offset;
	return vfs_setpos(file, offset, inode->i_sb->s_maxbytes);
}

/* Extents of the data, or of the attributes.  With the IOLOCK none move meanwhile; some may come and go. */
static int vn_fiemap(struct inode *inode, struct fiemap_extent_info *fieinfo, u64 start, u64 length)
{
	const struct iomap_ops *ops = &dx_read_iomap_ops;
	int error = 0;

	inode_lock_shared(inode);
	if (fieinfo->fi_flags & FIEMAP_FLAG_XATTR) {
		/* iomap refuses flags that it does not know. */
		fieinfo->fi_flags -= FIEMAP_FLAG_XATTR;
		ops = &dx_xattr_iomap_ops;
	} else if (dx_cow_blocks(DX_I(inode))) {
		/* What is dirty over a hole and goes to a copy, would be told as that hole: there is no delayed extent for it. */
		error = filemap_write_and_wait(inode->i_mapping);
	}
	if (!error)
		error = iomap_fiemap(inode, fieinfo, start, length, ops);
	inode_unlock_shared(inode);
	return error;
}

DX_SPLICE_READ(vn_splice_read, may_read);
DX_REMAP_OPS(dx_remap_file_range)

const struct file_operations dx_file_fops = {
	DX_FOP_FLAGS
	.llseek		= vn_llseek,
	.read_iter	= vn_read_iter,
	.write_iter	= vn_write_iter,
	.splice_read	= vn_splice_read,
	.splice_write	= iter_file_splice_write,
	DX_FOP_IOPOLL
	.unlocked_ioctl	= dx_file_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= dx_file_compat_ioctl,
#endif
	.mmap		= vn_mmap,
	.open		= vn_open,
	.release	= vn_release,
	.fsync		= dx_fsync,
	.get_unmapped_area = thp_get_unmapped_area,
	.fallocate	= dx_file_fallocate,
	DX_REMAP_MEMBERS(dx_remap_file_range)
	.setlease	= generic_setlease,	/* the default, until it was none */
	DX_FADVISE_MEMBER(vn)
};

DX_OP_GETATTR(dx_vn_getattr);
DX_OP_SETATTR(dx_vn_setattr);
DX_OP_UPDATE_TIME(dx_vn_update_time);
DX_OP_GET_ACL(dx_get_acl);
DX_OP_SET_ACL(dx_set_acl);
DX_OP_FILEATTR_SET(dx_fileattr_set);

const struct inode_operations dx_file_iops = {
	.getattr	= dx_vn_getattr_op,
	.setattr	= dx_vn_setattr_op,
	.update_time	= dx_vn_update_time_op,
	.listxattr	= dx_listxattr,
	DX_ACL_OPS(dx_get_acl, dx_set_acl),
	.fiemap		= vn_fiemap,
	DX_FILEATTR_OPS(dx_fileattr_get, dx_fileattr_set)
};
