/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: ktime_t. */
#ifndef HOST_LINUX_KTIME_H
#define HOST_LINUX_KTIME_H

#include <linux/time64.h>
#include <linux/jiffies.h>
typedef s64 ktime_t;
#include <linux/timekeeping.h>

#endif /* HOST_LINUX_KTIME_H */
