/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: 64-bit times. */
#ifndef HOST_LINUX_TIME64_H
#define HOST_LINUX_TIME64_H

#include <linux/types.h>
#include <linux/math64.h>
struct timespec64 { time64_t tv_sec; long tv_nsec; };
#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC	1000000000L
static inline struct timespec64 ns_to_timespec64(s64 ns)
{
	struct timespec64 t = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	if (t.tv_nsec < 0) {
		t.tv_nsec += NSEC_PER_SEC;
		t.tv_sec--;
	}
	return t;
}

#endif /* HOST_LINUX_TIME64_H */
