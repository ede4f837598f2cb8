/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: completions. */
#ifndef HOST_LINUX_COMPLETION_H
#define HOST_LINUX_COMPLETION_H

#include <linux/wait.h>
struct completion {
	unsigned int done;
	struct wait_queue_head wait;
};
#define COMPLETION_INITIALIZER(w)	{ 0, __WAIT_QUEUE_HEAD_INITIALIZER((w).wait) }
#define COMPLETION_INITIALIZER_ONSTACK(w) COMPLETION_INITIALIZER(w)
#define DECLARE_COMPLETION(w)		struct completion w = COMPLETION_INITIALIZER(w)
#define DECLARE_COMPLETION_ONSTACK(w)	DECLARE_COMPLETION(w)
static inline void init_completion(struct completion *c)
{
	c->done = 0;
	init_waitqueue_head(&c->wait);
}
static inline void reinit_completion(struct completion *c) { c->done = 0; }
void complete(struct completion *c);
void complete_all(struct completion *c);
bool try_wait_for_completion(struct completion *c);
bool completion_done(struct completion *c);
long host_wait_completion(struct completion *c, long timeout, const char *file, int line);
#define wait_for_completion(c)		((void)host_wait_completion(c, MAX_SCHEDULE_TIMEOUT, __FILE__, __LINE__))
#define wait_for_completion_io(c)	wait_for_completion(c)
#define wait_for_completion_killable(c)	({ wait_for_completion(c); 0; })
#define wait_for_completion_interruptible(c) ({ wait_for_completion(c); 0; })
#define wait_for_completion_timeout(c, t) ((unsigned long)host_wait_completion(c, t, __FILE__, __LINE__))
#define wait_for_completion_io_timeout(c, t) wait_for_completion_timeout(c, t)

#endif /* HOST_LINUX_COMPLETION_H */
