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
#define __RWSEM_INITIALIZER(n)	{ .dep_map = { .name = #n }, .host_waiters = LIST_HEAD_INIT((n).host_waiters) }
#define DECLARE_RWSEM(n)	struct rw_semaphore n = __RWSEM_INITIALIZER(n)
void host_rwsem_init(struct rw_semaphore *s, const char *name);
#define init_rwsem(s)			host_rwsem_init(s, #s)
#define __init_rwsem(s, n, k)		host_rwsem_init(s, n)
void host_down(struct rw_semaphore *s, bool write, int subclass, const char *file, int line);
int host_down_try(struct rw_semaphore *s, bool write, const char *file, int line);
void host_up(struct rw_semaphore *s, bool write, bool owner, const char *file, int line);
void host_downgrade(struct rw_semaphore *s, const char *file, int line);
#define down_read(s)			host_down(s, false, 0, __FILE__, __LINE__)
#define down_read_nested(s, n)		host_down(s, false, n, __FILE__, __LINE__)
#define down_read_non_owner(s)		down_read(s)
#define down_read_killable(s)		({ down_read(s); 0; })
#define down_read_interruptible(s)	({ down_read(s); 0; })
#define down_read_trylock(s)		host_down_try(s, false, __FILE__, __LINE__)
#define down_write(s)			host_down(s, true, 0, __FILE__, __LINE__)
#define down_write_nested(s, n)		host_down(s, true, n, __FILE__, __LINE__)
#define down_write_nest_lock(s, n)	down_write(s)
#define down_write_killable(s)		({ down_write(s); 0; })
#define down_write_killable_nested(s, n) ({ down_write(s); 0; })
#define down_write_trylock(s)		host_down_try(s, true, __FILE__, __LINE__)
#define up_read(s)			host_up(s, false, true, __FILE__, __LINE__)
#define up_read_non_owner(s)		host_up(s, false, false, __FILE__, __LINE__)
#define up_write(s)			host_up(s, true, true, __FILE__, __LINE__)
#define downgrade_write(s)		host_downgrade(s, __FILE__, __LINE__)
static inline int rwsem_is_locked(struct rw_semaphore *s) { return s->host_owner || s->host_readers; }
static inline int rwsem_is_contended(struct rw_semaphore *s) { return !list_empty(&s->host_waiters); }

#endif /* HOST_LINUX_RWSEM_H */
