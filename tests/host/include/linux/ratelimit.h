/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: no limits: each message counts in a test. */
#ifndef HOST_LINUX_RATELIMIT_H
#define HOST_LINUX_RATELIMIT_H

#include <linux/types.h>
#include <linux/printk.h>
#include <linux/jiffies.h>
struct ratelimit_state { int interval, burst, printed, missed; unsigned long flags; };
#define DEFINE_RATELIMIT_STATE(n, i, b)	struct ratelimit_state n = { .interval = (i), .burst = (b) }
static inline int __ratelimit(struct ratelimit_state *rs) { rs->printed++; return 1; }

#endif /* HOST_LINUX_RATELIMIT_H */
