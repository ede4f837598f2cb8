/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: read-write semaphores, first come first served. */
#ifndef HOST_LINUX_RWSEM_H
#define HOST_LINUX_RWSEM_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/lockdep.h>
struct rw_semaphore {
	struct lockdep_map dep_map;
	struct task_struct *host_owner;		/* the writer */
	int host_readers;
	struct list_head host_waiters;
};
void host_rwsem_init(struct rw_semaphore *s, const char *name);
#define init_rwsem(s)			host_rwsem_init(s, #s)
void host_down(struct rw_semaphore *s, bool write, int subclass, const char *file, int line);
int host_down_try(struct rw_semaphore *s, bool write, const char *file, int line);
void host_up(struct rw_semaphore *s, bool write, bool owner, const char *file, int line);
void host_downgrade(struct rw_semaphore *s, const char *file, int line);
#define down_read(s)			host_down(s, false, 0, __FILE__, __LINE__)
#define down_read_trylock(s)		host_down_try(s, false, __FILE__, __LINE__)
#define down_write(s)			host_down(s, true, 0, __FILE__, __LINE__)
#define down_write_nested(s, n)		host_down(s, true, n, __FILE__, __LINE__)
#define down_read_nested(s, n)		host_down(s, false, n, __FILE__, __LINE__)
#define down_write_trylock(s)		host_down_try(s, true, __FILE__, __LINE__)
#define up_read(s)			host_up(s, false, true, __FILE__, __LINE__)
#define up_write(s)			host_up(s, true, true, __FILE__, __LINE__)
#define downgrade_write(s)		host_downgrade(s, __FILE__, __LINE__)

#endif /* HOST_LINUX_RWSEM_H */
