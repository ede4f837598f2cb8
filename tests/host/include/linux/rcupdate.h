/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: RCU: readers cannot be switched away from, so a grace period ends at the next switch. */
#ifndef HOST_LINUX_RCUPDATE_H
#define HOST_LINUX_RCUPDATE_H

#include <linux/types.h>
#include <linux/preempt.h>
#include <linux/atomic.h>
void call_rcu(struct rcu_head *head, rcu_callback_t func);
void host_free_rcu(struct rcu_head *head, void *p);
#define kfree_rcu(p, field) host_free_rcu(&(p)->field, p)
void synchronize_rcu(void);
void rcu_barrier(void);

#endif /* HOST_LINUX_RCUPDATE_H */
