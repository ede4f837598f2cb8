/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MMAPLOCK (L1): keeps page faults from instantiating pages of a file.
 *
 * From 5.15 on it is the mapping's invalidate_lock, which the page cache takes
 * shared itself when it reads or a fault maps. Before that it is a lock
 * of ours (dx_mmaplock_t in the vnode), which our fault handlers take; readahead that no
 * fault asked for holds the IOLOCK instead, see compat_file.h.
 */
#ifndef COMPAT_LOCK_H
#define COMPAT_LOCK_H

#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/rwsem.h>
#include "dx_have.h"
#if HAVE_LINUX_FILELOCK
#include <linux/filelock.h>
#endif

#if HAVE_INVALIDATE_LOCK
typedef struct { } dx_mmaplock_t;
#define DX_MMAPLOCK(inode)		(&(inode)->i_mapping->invalidate_lock)
#define dx_mmaplock_init(lock)		do { } while (0)
#else
typedef struct rw_semaphore dx_mmaplock_t;
#define DX_MMAPLOCK(inode)		(&dx_vnode(inode)->mmaplock)
#define dx_mmaplock_init(lock)		init_rwsem(lock)
#endif

#define dx_mmaplock_excl(inode)		down_write(DX_MMAPLOCK(inode))
#define dx_mmaplock_excl_second(inode)	down_write_nested(DX_MMAPLOCK(inode), SINGLE_DEPTH_NESTING)
#define dx_mmapunlock_excl(inode)	up_write(DX_MMAPLOCK(inode))
#define dx_mmaplock_shared(inode)	down_read(DX_MMAPLOCK(inode))
#define dx_mmapunlock_shared(inode)	up_read(DX_MMAPLOCK(inode))

/*
 * Can readahead on somebody's advice put pages into a file during a lockout? Kernels before 5.3 give a
 * filesystem no way to let it in by a lock and then do it. There a space operation drops the pages of its range
 * once more when the extents have changed: such a page may have been read from blocks that are not the file's any more.
 */
#define DX_LATE_READAHEAD	(!HAVE_INVALIDATE_LOCK && !HAVE_GENERIC_FADVISE)

/* Does the page cache itself keep reads out while the MMAPLOCK is held?  Without that a ranged lockout must be a full one. */
#define DX_CAN_RANGE		HAVE_INVALIDATE_LOCK

/* One half of the check; what the vnode records is the other. */
#define dx_mmaplock_held_excl(inode)	rwsem_is_locked(DX_MMAPLOCK(inode))

#endif /* COMPAT_LOCK_H */
