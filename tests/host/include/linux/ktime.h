/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: ktime_t. */
#ifndef HOST_LINUX_KTIME_H
#define HOST_LINUX_KTIME_H

#include <linux/time64.h>
#include <linux/jiffies.h>
typedef s64 ktime_t;
#define KTIME_MAX	((s64)~((u64)1 << 63))
#define ktime_add(a, b)		((a) + (b))
#define ktime_sub(a, b)		((a) - (b))
#define ktime_add_ns(k, n)	((k) + (n))
#define ktime_sub_ns(k, n)	((k) - (n))
static inline ktime_t ktime_set(s64 s, unsigned long ns) { return s * NSEC_PER_SEC + (s64)ns; }
static inline s64 ktime_to_ns(ktime_t k) { return k; }
static inline s64 ktime_to_us(ktime_t k) { return k / NSEC_PER_USEC; }
static inline s64 ktime_to_ms(ktime_t k) { return k / NSEC_PER_MSEC; }
static inline ktime_t ns_to_ktime(u64 n) { return n; }
static inline ktime_t us_to_ktime(u64 n) { return n * NSEC_PER_USEC; }
static inline ktime_t ms_to_ktime(u64 n) { return n * NSEC_PER_MSEC; }
static inline s64 ktime_us_delta(ktime_t a, ktime_t b) { return ktime_to_us(a - b); }
static inline s64 ktime_ms_delta(ktime_t a, ktime_t b) { return ktime_to_ms(a - b); }
static inline int ktime_compare(ktime_t a, ktime_t b) { return a < b ? -1 : a > b; }
static inline bool ktime_after(ktime_t a, ktime_t b) { return a > b; }
static inline bool ktime_before(ktime_t a, ktime_t b) { return a < b; }
static inline ktime_t ktime_add_us(ktime_t k, u64 us) { return k + us * NSEC_PER_USEC; }
static inline ktime_t ktime_add_ms(ktime_t k, u64 ms) { return k + ms * NSEC_PER_MSEC; }
#define ktime_to_timespec64(k)	ns_to_timespec64(k)
static inline ktime_t timespec64_to_ktime(struct timespec64 t) { return timespec64_to_ns(&t); }
#include <linux/timekeeping.h>

#endif /* HOST_LINUX_KTIME_H */
