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
#define lock_is_held(m)			host_lock_is_held(m, HOST_HELD_ANY)
#define lockdep_assert(c)		((void)WARN_ON(!(c)))
#define lockdep_assert_once(c)		((void)WARN_ON_ONCE(!(c)))
#define lockdep_assert_held(l)		lockdep_assert(lockdep_is_held(l))
#define lockdep_assert_held_once(l)	lockdep_assert_once(lockdep_is_held(l))
#define lockdep_assert_held_write(l)	lockdep_assert(lockdep_is_held_type(l, 0))
#define lockdep_assert_held_read(l)	lockdep_assert(lockdep_is_held_type(l, 1))
#define lockdep_assert_not_held(l)	lockdep_assert(!lockdep_is_held(l))
#define lockdep_assert_none_held_once()	do { } while (0)
#define lockdep_set_class(l, k)		do { (void)(l); (void)(k); } while (0)
#define lockdep_set_class_and_name(l, k, n) do { (void)(l); (void)(k); (l)->dep_map.name = (n); } while (0)
#define lockdep_set_class_and_subclass(l, k, s) do { (void)(l); (void)(k); (void)(s); } while (0)
#define lockdep_set_subclass(l, s)	do { (void)(l); (void)(s); } while (0)
#define lockdep_set_novalidate_class(l)	do { (void)(l); } while (0)
#define lockdep_register_key(k)		do { (void)(k); } while (0)
#define lockdep_unregister_key(k)	do { (void)(k); } while (0)
#define lockdep_off()			do { } while (0)
#define lockdep_on()			do { } while (0)
#define might_lock(l)			do { (void)(l); } while (0)
#define might_lock_read(l)		do { (void)(l); } while (0)
#define might_lock_nested(l, s)		do { (void)(l); } while (0)
#define lock_map_acquire(m)		do { (void)(m); } while (0)
#define lock_map_acquire_read(m)	do { (void)(m); } while (0)
#define lock_map_release(m)		do { (void)(m); } while (0)
#define SINGLE_DEPTH_NESTING		1

#endif /* HOST_LINUX_LOCKDEP_H */
