/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: RCU: readers cannot be switched away from, so a grace period ends at the next switch. */
#ifndef HOST_LINUX_RCUPDATE_H
#define HOST_LINUX_RCUPDATE_H

#include <linux/types.h>
#include <linux/preempt.h>
#include <linux/atomic.h>
#define rcu_read_lock()			preempt_disable()
#define rcu_read_unlock()		preempt_enable()
#define rcu_read_lock_held()		1
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_raw(p)		READ_ONCE(p)
#define rcu_dereference_check(p, c)	READ_ONCE(p)
#define rcu_dereference_protected(p, c)	(p)
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_assign_pointer(p, v)	WRITE_ONCE(p, v)
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)
#define RCU_INITIALIZER(v)		(v)
#define rcu_pointer_handoff(p)		(p)
#define unrcu_pointer(p)		(p)
void call_rcu(struct rcu_head *head, rcu_callback_t func);
void host_free_rcu(struct rcu_head *head, void *p);
void synchronize_rcu(void);
#define synchronize_rcu_expedited synchronize_rcu
void rcu_barrier(void);
#define kfree_rcu(p, m)			host_free_rcu(&(p)->m, p)
#define kvfree_rcu(p, m)		host_free_rcu(&(p)->m, p)
#define init_rcu_head(h)		do { } while (0)

#endif /* HOST_LINUX_RCUPDATE_H */
