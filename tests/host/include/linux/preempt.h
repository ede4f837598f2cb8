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
#define in_irq()	in_interrupt()

#endif /* HOST_LINUX_PREEMPT_H */
