/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: reading the simulated clock. */
#ifndef HOST_LINUX_TIMEKEEPING_H
#define HOST_LINUX_TIMEKEEPING_H

#include <linux/ktime.h>
u64 ktime_get_ns(void);
void ktime_get_real_ts64(struct timespec64 *ts);
static inline ktime_t ktime_get(void) { return ktime_get_ns(); }
static inline ktime_t ktime_get_boottime(void) { return ktime_get_ns(); }
static inline u64 ktime_get_mono_fast_ns(void) { return ktime_get_ns(); }
static inline time64_t ktime_get_seconds(void) { return ktime_get_ns() / NSEC_PER_SEC; }
static inline void ktime_get_ts64(struct timespec64 *ts) { *ts = ns_to_timespec64(ktime_get_ns()); }
static inline void ktime_get_coarse_real_ts64(struct timespec64 *ts) { ktime_get_real_ts64(ts); }
static inline time64_t ktime_get_real_seconds(void)
{
	struct timespec64 ts;

	ktime_get_real_ts64(&ts);
	return ts.tv_sec;
}
static inline ktime_t ktime_get_real(void)
{
	struct timespec64 ts;

	ktime_get_real_ts64(&ts);
	return timespec64_to_ns(&ts);
}
static inline u64 ktime_get_real_ns(void) { return ktime_get_real(); }

#endif /* HOST_LINUX_TIMEKEEPING_H */
