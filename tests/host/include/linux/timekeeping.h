/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: reading the simulated clock. */
#ifndef HOST_LINUX_TIMEKEEPING_H
#define HOST_LINUX_TIMEKEEPING_H

#include <linux/ktime.h>
u64 ktime_get_ns(void);
void ktime_get_real_ts64(struct timespec64 *ts);
static inline void ktime_get_coarse_real_ts64(struct timespec64 *ts) { ktime_get_real_ts64(ts); }

#endif /* HOST_LINUX_TIMEKEEPING_H */
