/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel API that the portable core is allowed to use.
 *
 * In the module these are the kernel's own headers.  In the host build
 * (tests/host) the include path puts shims of the same names first, so that
 * this list is also the list of what the shims must provide.  Nothing here
 * may bring in an inode, a page, a folio or a bio: the core has no VFS.
 */
#ifndef DX_KERN_H
#define DX_KERN_H

#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/err.h>
#include <linux/bug.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/rhashtable.h>
#include <linux/list_sort.h>
#include <linux/sort.h>
#include <linux/slab.h>
#include <linux/mm.h>		/* kvmalloc and friends */
#include <linux/sched/mm.h>	/* memalloc_nofs_save */
#include <linux/stat.h>
#include <linux/string.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>
#include <linux/atomic.h>
#include <linux/refcount.h>
#include <linux/completion.h>
#include <linux/wait.h>
#include "compat_core.h"	/* workqueues, unaligned access */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/delay.h>
#include <linux/percpu_counter.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/random.h>
#include <linux/uuid.h>
#include <linux/crc32c.h>
#include <linux/ratelimit.h>
#include <linux/lockdep.h>
#include <linux/sched.h>	/* cond_resched, current */
#include <linux/cpumask.h>	/* num_possible_cpus */
#include <linux/build_bug.h>
#include <asm/byteorder.h>

#ifndef EFSCORRUPTED
#define EFSCORRUPTED	EUCLEAN		/* damaged: in structure or in checksum, which only the log line tells apart */
#endif
#ifndef ENOATTR
#define ENOATTR		ENODATA		/* attribute not found */
#endif

#endif /* DX_KERN_H */
