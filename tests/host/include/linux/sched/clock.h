/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: the scheduler clock. */
#ifndef HOST_LINUX_SCHED_CLOCK_H
#define HOST_LINUX_SCHED_CLOCK_H

#include <linux/ktime.h>
u64 local_clock(void);

#endif /* HOST_LINUX_SCHED_CLOCK_H */
