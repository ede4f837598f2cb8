/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: mutexes with owner checks and hand-over in order of arrival. */
#ifndef HOST_LINUX_MUTEX_H
#define HOST_LINUX_MUTEX_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/atomic.h>
struct mutex {
	struct lockdep_map dep_map;
	struct task_struct *host_owner;
	struct list_head host_waiters;
};
#define __MUTEX_INITIALIZER(n)	{ .dep_map = { .name = #n }, .host_waiters = LIST_HEAD_INIT((n).host_waiters) }
#define DEFINE_MUTEX(n)		struct mutex n = __MUTEX_INITIALIZER(n)
void host_mutex_init(struct mutex *m, const char *name);
#define mutex_init(m)			host_mutex_init(m, #m)
void mutex_destroy(struct mutex *m);
void host_mutex_lock(struct mutex *m, const char *file, int line);
int host_mutex_trylock(struct mutex *m, const char *file, int line);
void host_mutex_unlock(struct mutex *m, const char *file, int line);
bool mutex_is_locked(struct mutex *m);
#define mutex_lock(m)			host_mutex_lock(m, __FILE__, __LINE__)
#define mutex_trylock(m)			host_mutex_trylock(m, __FILE__, __LINE__)
#define mutex_unlock(m)			host_mutex_unlock(m, __FILE__, __LINE__)
int atomic_dec_and_mutex_lock(atomic_t *cnt, struct mutex *lock);

#endif /* HOST_LINUX_MUTEX_H */
