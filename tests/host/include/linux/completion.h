/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: completions: a number of permits to pass, or the permit for everybody. */
#ifndef HOST_LINUX_COMPLETION_H
#define HOST_LINUX_COMPLETION_H

#include <linux/wait.h>

struct completion {
	unsigned int		host_permits;	/* UINT_MAX: complete_all() */
	struct wait_queue_head	wait;
};
#define DECLARE_COMPLETION(c)		struct completion c = { .wait = HOST_WAIT_QUEUE((c).wait) }
#define DECLARE_COMPLETION_ONSTACK(c)	DECLARE_COMPLETION(c)
static inline void reinit_completion(struct completion *c) { c->host_permits = 0; }
static inline void init_completion(struct completion *c)
{
	reinit_completion(c);
	init_waitqueue_head(&c->wait);
}
void complete(struct completion *c);
void complete_all(struct completion *c);
long host_wait_completion(struct completion *c, long ticks);
#define wait_for_completion(c)			((void)host_wait_completion(c, MAX_SCHEDULE_TIMEOUT))
#define wait_for_completion_timeout(c, ticks)	((unsigned long)host_wait_completion(c, ticks))

#endif /* HOST_LINUX_COMPLETION_H */
