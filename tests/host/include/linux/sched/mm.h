/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: allocation scopes. */
#ifndef HOST_LINUX_SCHED_MM_H
#define HOST_LINUX_SCHED_MM_H

#include <linux/sched.h>
#include <linux/gfp.h>
static inline unsigned int memalloc_nofs_save(void)
{
	unsigned int f = current->flags & PF_MEMALLOC_NOFS;

	current->flags |= PF_MEMALLOC_NOFS;
	return f;
}
static inline void memalloc_nofs_restore(unsigned int f) { current->flags = (current->flags & ~PF_MEMALLOC_NOFS) | f; }

#endif /* HOST_LINUX_SCHED_MM_H */
