/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: no limits: each message counts in a test. */
#ifndef HOST_LINUX_RATELIMIT_H
#define HOST_LINUX_RATELIMIT_H

#include <linux/types.h>
#include <linux/printk.h>
#include <linux/jiffies.h>
struct ratelimit_state { int interval, burst, printed, missed; unsigned long flags; };
#define DEFAULT_RATELIMIT_INTERVAL	(5 * HZ)
#define DEFAULT_RATELIMIT_BURST		10
#define RATELIMIT_MSG_ON_RELEASE	1
#define DEFINE_RATELIMIT_STATE(n, i, b)	struct ratelimit_state n = { .interval = (i), .burst = (b) }
#define RATELIMIT_STATE_INIT(n, i, b)	{ .interval = (i), .burst = (b) }
static inline void ratelimit_state_init(struct ratelimit_state *rs, int i, int b)
{
	*rs = (struct ratelimit_state) { .interval = i, .burst = b };
}
static inline void ratelimit_default_init(struct ratelimit_state *rs)
{
	ratelimit_state_init(rs, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
}
#define ratelimit_set_flags(rs, f) ((rs)->flags = (f))
static inline int __ratelimit(struct ratelimit_state *rs) { rs->printed++; return 1; }
#define printk_ratelimit()	1

#endif /* HOST_LINUX_RATELIMIT_H */
