/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: interrupt state of the current fiber. */
#ifndef HOST_LINUX_IRQFLAGS_H
#define HOST_LINUX_IRQFLAGS_H

#include <linux/preempt.h>
void local_irq_disable(void);
void local_irq_enable(void);
unsigned long host_irq_save(void);
void host_irq_restore(unsigned long flags);
bool irqs_disabled(void);
#define local_irq_save(f)	do { (f) = host_irq_save(); } while (0)
#define local_irq_restore(f)	host_irq_restore(f)
void local_bh_disable(void);
void local_bh_enable(void);

#endif /* HOST_LINUX_IRQFLAGS_H */
