/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: allocation scopes. */
#ifndef HOST_LINUX_SCHED_MM_H
#define HOST_LINUX_SCHED_MM_H

#include <linux/sched.h>
#include <linux/gfp.h>
static inline gfp_t current_gfp_context(gfp_t f)
{
	if (current->flags & PF_MEMALLOC_NOIO)
		f &= ~(__GFP_IO | __GFP_FS);
	else if (current->flags & PF_MEMALLOC_NOFS)
		f &= ~__GFP_FS;
	return f;
}
static inline unsigned int memalloc_nofs_save(void)
{
	unsigned int f = current->flags & PF_MEMALLOC_NOFS;

	current->flags |= PF_MEMALLOC_NOFS;
	return f;
}
static inline void memalloc_nofs_restore(unsigned int f) { current->flags = (current->flags & ~PF_MEMALLOC_NOFS) | f; }
static inline unsigned int memalloc_noio_save(void)
{
	unsigned int f = current->flags & PF_MEMALLOC_NOIO;

	current->flags |= PF_MEMALLOC_NOIO;
	return f;
}
static inline void memalloc_noio_restore(unsigned int f) { current->flags = (current->flags & ~PF_MEMALLOC_NOIO) | f; }
static inline unsigned int memalloc_noreclaim_save(void)
{
	unsigned int f = current->flags & PF_MEMALLOC;

	current->flags |= PF_MEMALLOC;
	return f;
}
static inline void memalloc_noreclaim_restore(unsigned int f) { current->flags = (current->flags & ~PF_MEMALLOC) | f; }
#define fs_reclaim_acquire(g)	do { } while (0)
#define fs_reclaim_release(g)	do { } while (0)

#endif /* HOST_LINUX_SCHED_MM_H */
