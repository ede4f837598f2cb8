/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: preemption and context. */
#ifndef HOST_LINUX_PREEMPT_H
#define HOST_LINUX_PREEMPT_H

#include <linux/types.h>
void preempt_disable(void);
void preempt_enable(void);
int preempt_count(void);
bool in_interrupt(void);
bool in_atomic(void);
#define in_hardirq()	in_interrupt()
#define in_irq()	in_interrupt()
#define in_softirq()	in_interrupt()
#define in_task()	(!in_interrupt())
#define preemptible()	(!in_atomic())

#endif /* HOST_LINUX_PREEMPT_H */
