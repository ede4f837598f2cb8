/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: timers of the simulated clock. */
#ifndef HOST_LINUX_TIMER_H
#define HOST_LINUX_TIMER_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/jiffies.h>
struct timer_list {
	unsigned long expires;		/* jiffies */
	void (*function)(struct timer_list *t);
	u32 flags;
	u64 host_when_ns;
	u64 host_seq;
	struct list_head host_node;
	bool host_pending;
};
#define timer_setup(t, f, fl)	host_timer_setup(t, f, fl)
void host_timer_setup(struct timer_list *t, void (*f)(struct timer_list *), unsigned int flags);
void host_timer_add_ns(struct timer_list *t, u64 when_ns);
int mod_timer(struct timer_list *t, unsigned long expires);
void add_timer(struct timer_list *t);
int del_timer(struct timer_list *t);
static inline int timer_pending(const struct timer_list *t) { return t->host_pending; }
#define from_timer(v, t, f)	container_of(t, typeof(*v), f)

#endif /* HOST_LINUX_TIMER_H */
