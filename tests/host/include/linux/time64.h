/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: 64-bit times. */
#ifndef HOST_LINUX_TIME64_H
#define HOST_LINUX_TIME64_H

#include <linux/types.h>
#include <linux/math64.h>
struct timespec64 { time64_t tv_sec; long tv_nsec; };
#define MSEC_PER_SEC	1000L
#define USEC_PER_MSEC	1000L
#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L
#define USEC_PER_SEC	1000000L
#define NSEC_PER_SEC	1000000000L
#define TIME64_MAX	((s64)~((u64)1 << 63))
#define TIME64_MIN	(-TIME64_MAX - 1)
static inline int timespec64_equal(const struct timespec64 *a, const struct timespec64 *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}
static inline int timespec64_compare(const struct timespec64 *a, const struct timespec64 *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}
static inline s64 timespec64_to_ns(const struct timespec64 *t) { return t->tv_sec * NSEC_PER_SEC + t->tv_nsec; }
static inline struct timespec64 ns_to_timespec64(s64 ns)
{
	struct timespec64 t = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	if (t.tv_nsec < 0) {
		t.tv_nsec += NSEC_PER_SEC;
		t.tv_sec--;
	}
	return t;
}
static inline struct timespec64 timespec64_sub(struct timespec64 a, struct timespec64 b)
{
	return ns_to_timespec64(timespec64_to_ns(&a) - timespec64_to_ns(&b));
}
static inline struct timespec64 timespec64_add(struct timespec64 a, struct timespec64 b)
{
	return ns_to_timespec64(timespec64_to_ns(&a) + timespec64_to_ns(&b));
}
static inline bool timespec64_valid(const struct timespec64 *t)
{
	return t->tv_sec >= 0 && (unsigned long)t->tv_nsec < NSEC_PER_SEC;
}

#endif /* HOST_LINUX_TIME64_H */
