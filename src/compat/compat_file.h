/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations of open files: splice, polling, what may be done without
 * blocking, mmap's faults.
 */
#ifndef COMPAT_FILE_H
#define COMPAT_FILE_H

#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/iomap.h>
#include <linux/mm.h>
#include <linux/splice.h>
#include <linux/fadvise.h>
#include "compat_lock.h"

static inline int dx_file_modified(struct file *file)
{
#if HAVE_FILE_MODIFIED
	return file_modified(file);
#else
	int error = file_remove_privs(file);

	return error || (file->f_mode & FMODE_NOCMTIME) ? error : file_update_time(file);
#endif
}

/* Strip privileges and move the times before a write; no blocking for IOCB_NOWAIT where the kernel can tell. */
static inline int dx_kiocb_modified(struct kiocb *iocb)
{
#if HAVE_KIOCB_MODIFIED
	return kiocb_modified(iocb);
#else
	return dx_file_modified(iocb->ki_filp);
#endif
}

/* The volume is seen through a mount that maps ids. */
static inline bool dx_file_is_idmapped(struct file *file)
{
#if HAVE_IDMAP >= 2
	return is_idmapped_mnt(file->f_path.mnt);
#elif HAVE_IDMAP == 1
	return file_mnt_user_ns(file) != file_inode(file)->i_sb->s_user_ns;
#else
	return false;
#endif
}

/* A 32-bit program with 64-bit registers, whose structures, pointers apart, are those of a 64-bit one. */
static inline bool dx_in_x32(void)
{
#ifdef CONFIG_X86_X32_ABI
	return in_x32_syscall();
#else
	return false;
#endif
}

/* Buffered writes that must not block: from 6.0 on. */
#ifdef FMODE_BUF_WASYNC
#define DX_CAN_BUFFERED_NOWAIT	true
#elif defined(FOP_BUFFER_WASYNC)
#define DX_CAN_BUFFERED_NOWAIT	true
#else
#define DX_CAN_BUFFERED_NOWAIT	false
#endif

/* In ->open: which I/O may be asked not to block. */
static inline void dx_file_set_nowait(struct file *file)
{
	file->f_mode |= FMODE_NOWAIT;
#ifdef FMODE_BUF_WASYNC
	file->f_mode |= FMODE_BUF_RASYNC | FMODE_BUF_WASYNC;
#elif defined(FMODE_BUF_RASYNC)
	file->f_mode |= FMODE_BUF_RASYNC;
#endif
#ifdef FMODE_DIO_PARALLEL_WRITE
	file->f_mode |= FMODE_DIO_PARALLEL_WRITE;	/* io_uring need not send direct writes one by one */
#endif
}
#ifdef FOP_BUFFER_RASYNC
#define DX_FOP_FLAGS	.fop_flags = FOP_BUFFER_RASYNC | FOP_BUFFER_WASYNC | FOP_DIO_PARALLEL_WRITE,
#else
#define DX_FOP_FLAGS
#endif

/* io_uring wants it before it lets a polled I/O in; ours complete by interrupt (vfs/dio.c): nothing to poll. */
#if HAVE_IOPOLL == 2
static inline int dx_iopoll(struct kiocb *iocb, struct io_comp_batch *iob, unsigned int flags) { return 0; }
#elif HAVE_IOPOLL == 1
static inline int dx_iopoll(struct kiocb *iocb, bool spin) { return 0; }
#endif
#if HAVE_IOPOLL
#define DX_FOP_IOPOLL	.iopoll = dx_iopoll,
#else
#define DX_FOP_IOPOLL
#endif

/*
 * DX_SPLICE_READ(name, may), at file scope: ->splice_read. The older kind goes
 * through ->read_iter, which takes the IOLOCK; the newer does not. int may(inode) says whether reading is allowed at all.
 */
#if HAVE_SPLICE_READ
#define DX_SPLICE_READ(name, may) \
static ssize_t name(struct file *in, loff_t *pos, struct pipe_inode_info *pipe, size_t len, unsigned int flags) \
{ \
	struct inode *inode = file_inode(in); \
	ssize_t ret = may(inode); \
\
	if (ret) \
		return ret; \
	inode_lock_shared(inode); \
	ret = filemap_splice_read(in, pos, pipe, len, flags); \
	inode_unlock_shared(inode); \
	return ret; \
}
#else
#define DX_SPLICE_READ(name, may) \
static ssize_t name(struct file *in, loff_t *pos, struct pipe_inode_info *pipe, size_t len, unsigned int flags) \
{ \
	return generic_file_splice_read(in, pos, pipe, len, flags); \
}
#endif

/*
 * DX_FAULT_OPS(name): defines what a fault on a mapping needs; DX_FAULT_MEMBERS(name)
 * are the entries of vm_operations_struct, DX_FADVISE_MEMBER(name) one of
 * file_operations. Where the page cache takes the MMAPLOCK itself there is nothing
 * to add; before, our faults take it, and readahead on advice, which
 * instantiates pages too, is kept out of lockouts by the IOLOCK.
 */
#if HAVE_INVALIDATE_LOCK
#define DX_FAULT_OPS(name)
#define DX_FAULT_MEMBERS(name)	.fault = filemap_fault, .map_pages = filemap_map_pages
#define DX_FADVISE_MEMBER(name)
#else
#if HAVE_GENERIC_FADVISE
#define DX_FADVISE_OP(name) \
static int name##_fadvise(struct file *file, loff_t start, loff_t end, int advice) \
{ \
	struct inode *inode = file_inode(file); \
	int ret; \
\
	if (advice != POSIX_FADV_WILLNEED) \
		return generic_fadvise(file, start, end, advice); \
	inode_lock_shared(inode); \
	ret = generic_fadvise(file, start, end, advice); \
	inode_unlock_shared(inode); \
	return ret; \
}
#define DX_FADVISE_MEMBER(name)	.fadvise = name##_fadvise,
#else
#define DX_FADVISE_OP(name)
#define DX_FADVISE_MEMBER(name)	/* DX_LATE_READAHEAD */
#endif
#if HAVE_MAP_PAGES
#define DX_MAP_PAGES(name) \
static vm_fault_t name##_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end) \
{ \
	struct inode *inode = file_inode(vmf->vma->vm_file); \
	vm_fault_t ret; \
\
	dx_mmaplock_shared(inode); \
	ret = filemap_map_pages(vmf, start, end); \
	dx_mmapunlock_shared(inode); \
	return ret; \
}
#else
#define DX_MAP_PAGES(name) \
static void name##_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end) \
{ \
	struct inode *inode = file_inode(vmf->vma->vm_file); \
\
	dx_mmaplock_shared(inode); \
	filemap_map_pages(vmf, start, end); \
	dx_mmapunlock_shared(inode); \
}
#endif
#define DX_FAULT_OPS(name) \
static vm_fault_t name##_fault(struct vm_fault *vmf) \
{ \
	struct inode *inode = file_inode(vmf->vma->vm_file); \
	vm_fault_t ret; \
\
	dx_mmaplock_shared(inode); \
	ret = filemap_fault(vmf); \
	dx_mmapunlock_shared(inode); \
	return ret; \
} \
DX_MAP_PAGES(name) \
DX_FADVISE_OP(name)
#define DX_FAULT_MEMBERS(name)	.fault = name##_fault, .map_pages = name##_map_pages
#endif

#endif /* COMPAT_FILE_H */
