/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: spinlock and rwlock layout. */
#ifndef HOST_LINUX_SPINLOCK_TYPES_H
#define HOST_LINUX_SPINLOCK_TYPES_H

#include <linux/types.h>
#include <linux/lockdep.h>
typedef struct spinlock {
	struct lockdep_map dep_map;
	struct task_struct *host_owner;
	bool host_seen_irq;	/* taken in interrupt context */
	bool host_seen_open;	/* taken with interrupts on */
} spinlock_t;
typedef struct spinlock raw_spinlock_t;
typedef struct {
	struct lockdep_map dep_map;
	struct task_struct *host_owner;
	int host_readers;
} rwlock_t;
#define DEFINE_SPINLOCK(n)	spinlock_t n = { .dep_map = { .name = #n } }

#endif /* HOST_LINUX_SPINLOCK_TYPES_H */
