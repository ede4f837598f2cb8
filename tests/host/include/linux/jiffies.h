/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: the simulated clock in ticks. */
#ifndef HOST_LINUX_JIFFIES_H
#define HOST_LINUX_JIFFIES_H

#include <linux/types.h>
#include <linux/time64.h>
#define HZ		250
#define MAX_JIFFY_OFFSET ((LONG_MAX >> 1) - 1)
#define INITIAL_JIFFIES	((unsigned long)(unsigned int)(-300 * HZ))
extern unsigned long volatile jiffies;
#define jiffies_64	((u64)jiffies)
static inline u64 get_jiffies_64(void) { return jiffies; }
#define time_after(a, b)	((long)((b) - (a)) < 0)
#define time_before(a, b)	time_after(b, a)
#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define time_before_eq(a, b)	time_after_eq(b, a)
#define time_in_range(a, b, c)	(time_after_eq(a, b) && time_before_eq(a, c))
#define time_is_before_jiffies(a) time_after(jiffies, a)
#define time_is_after_jiffies(a) time_before(jiffies, a)
#define time_is_before_eq_jiffies(a) time_after_eq(jiffies, a)
#define time_is_after_eq_jiffies(a) time_before_eq(jiffies, a)
static inline unsigned long msecs_to_jiffies(unsigned int m) { return ((u64)m * HZ + 999) / 1000; }
static inline unsigned int jiffies_to_msecs(unsigned long j) { return j * (1000 / HZ); }
static inline unsigned long usecs_to_jiffies(unsigned int u) { return ((u64)u * HZ + 999999) / 1000000; }
static inline unsigned int jiffies_to_usecs(unsigned long j) { return j * (1000000 / HZ); }
static inline u64 jiffies_to_nsecs(unsigned long j) { return (u64)j * (1000000000 / HZ); }
static inline unsigned long nsecs_to_jiffies(u64 n) { return n / (1000000000 / HZ); }
#define round_jiffies(j)		(j)
#define round_jiffies_relative(j)	(j)
#define round_jiffies_up(j)		(j)

#endif /* HOST_LINUX_JIFFIES_H */
