/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: counting semaphores, first come first served; anyone may release. */
#ifndef HOST_LINUX_SEMAPHORE_H
#define HOST_LINUX_SEMAPHORE_H

#include <linux/types.h>
#include <linux/list.h>
struct semaphore {
	unsigned int count;
	struct list_head wait_list;
};
static inline void sema_init(struct semaphore *s, int v) { s->count = v; INIT_LIST_HEAD(&s->wait_list); }
int host_sem_down(struct semaphore *s, long timeout, const char *file, int line);
#define down(s)			((void)host_sem_down(s, -1, __FILE__, __LINE__))
#define down_timeout(s, t)	host_sem_down(s, t, __FILE__, __LINE__)
int down_trylock(struct semaphore *s);	/* 0 = taken, as in the kernel */
void up(struct semaphore *s);

#endif /* HOST_LINUX_SEMAPHORE_H */
