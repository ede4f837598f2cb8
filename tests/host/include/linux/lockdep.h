/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: lock assertions, checked against what the current fiber holds. */
#ifndef HOST_LINUX_LOCKDEP_H
#define HOST_LINUX_LOCKDEP_H

#include <linux/types.h>
#include <linux/bug.h>
struct task_struct;
struct lock_class_key { char dummy; };
struct lockdep_map { const char *name; int subclass; };
enum { HOST_HELD_ANY, HOST_HELD_WRITE, HOST_HELD_READ };
bool host_lock_is_held(const struct lockdep_map *map, int how);
#define lockdep_is_held(l)		host_lock_is_held(&(l)->dep_map, HOST_HELD_ANY)
#define lockdep_is_held_type(l, r)	host_lock_is_held(&(l)->dep_map, \
	(r) == 0 ? HOST_HELD_WRITE : (r) == 1 ? HOST_HELD_READ : HOST_HELD_ANY)
#define lockdep_assert(c)		((void)WARN_ON(!(c)))
#define lockdep_assert_held(l)		lockdep_assert(lockdep_is_held(l))
#define lockdep_assert_held_write(l)	lockdep_assert(lockdep_is_held_type(l, 0))
#define lockdep_assert_held_read(l)	lockdep_assert(lockdep_is_held_type(l, 1))

#endif /* HOST_LINUX_LOCKDEP_H */
