/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: RCU: readers cannot be switched away from, so a grace period ends at the next switch. */
#ifndef HOST_LINUX_RCUPDATE_H
#define HOST_LINUX_RCUPDATE_H

#include <linux/types.h>
#include <linux/preempt.h>
#include <linux/atomic.h>
void call_rcu(struct rcu_head *head, rcu_callback_t func);
void host_free_rcu(struct rcu_head *head, void *p);
void synchronize_rcu(void);
void rcu_barrier(void);
static inline void rcu_read_lock(void) { preempt_disable(); }
static inline void rcu_read_unlock(void) { preempt_enable(); }
#define __rcu
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_protected(p, c)	((void)(c), (p))
#define rcu_assign_pointer(p, v)	WRITE_ONCE(p, v)
#define RCU_INIT_POINTER(p, v)		((p) = (v))

#endif /* HOST_LINUX_RCUPDATE_H */
