/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: delays. */
#ifndef HOST_LINUX_DELAY_H
#define HOST_LINUX_DELAY_H

#include <linux/types.h>
void msleep(unsigned int ms);
static inline unsigned long msleep_interruptible(unsigned int ms) { msleep(ms); return 0; }
void usleep_range(unsigned long min, unsigned long max);
void host_udelay(unsigned long us);
#define udelay(us)	host_udelay(us)
#define mdelay(ms)	host_udelay((ms) * 1000UL)
#define ndelay(ns)	host_udelay(1)
#define ssleep(s)	msleep((s) * 1000)
#define fsleep(us)	usleep_range(us, us)

#endif /* HOST_LINUX_DELAY_H */
