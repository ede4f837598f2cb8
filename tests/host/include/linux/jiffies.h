/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: the simulated clock in ticks. */
#ifndef HOST_LINUX_JIFFIES_H
#define HOST_LINUX_JIFFIES_H

#include <linux/types.h>
#include <linux/time64.h>
#define HZ		250
#define INITIAL_JIFFIES	((unsigned long)(unsigned int)(-300 * HZ))
extern unsigned long volatile jiffies;
#define time_after(a, b)	((long)((b) - (a)) < 0)
#define time_before(a, b)	time_after(b, a)
static inline unsigned long msecs_to_jiffies(unsigned int m) { return ((u64)m * HZ + 999) / 1000; }

#endif /* HOST_LINUX_JIFFIES_H */
