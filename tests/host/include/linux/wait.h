/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host shim: wait queues.  A queue counts its wake-ups.  Who waits reads the count, looks at the condition, and sleeps only if
 * the count is still the same: so a wake-up between the look and the sleep is not lost, and nobody needs a task state for it.
 * A wake-up wakes all who wait; each looks at its condition again.
 */
#ifndef HOST_LINUX_WAIT_H
#define HOST_LINUX_WAIT_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/sched.h>
#include <linux/kernel.h>
#include <linux/errno.h>

typedef struct wait_queue_head {
	spinlock_t		lock;		/* the core may take it, and wake with _locked */
	struct list_head	host_waiters;	/* fibers */
	u64			host_wakes;
} wait_queue_head_t;

#define HOST_WAIT_QUEUE(q) { \
	.lock = { .dep_map = { #q } }, \
	.host_waiters = LIST_HEAD_INIT((q).host_waiters) }
#define DECLARE_WAIT_QUEUE_HEAD(q)	struct wait_queue_head q = HOST_WAIT_QUEUE(q)
#define init_waitqueue_head(q)		do { spin_lock_init(&(q)->lock); INIT_LIST_HEAD(&(q)->host_waiters); } while (0)
/* Who is still looking at the condition is not in the list, and must be woken, too. */
static inline bool wq_has_sleeper(struct wait_queue_head *q) { return true; }

void host_wake(struct wait_queue_head *q, bool locked);
#define wake_up(q)		host_wake(q, false)
#define wake_up_all(q)		host_wake(q, false)
#define wake_up_all_locked(q)	host_wake(q, true)

/*
 * Sleep until the queue has been woken more often than @seen, or for @ticks (MAX_SCHEDULE_TIMEOUT: for ever).  Return: the
 * ticks that are left.
 */
long host_wait(struct wait_queue_head *q, u64 seen, long ticks, const char *what, const char *file, int line);

/* Ticks that were left when @cond became true, at least 1; 0 when time was up first. */
#define host_wait_until(q, cond, ticks, what) ({					\
	struct wait_queue_head *__q = &(q);						\
	long __left = (ticks);								\
	bool __true;									\
	might_sleep();									\
	for (;;) {									\
		u64 __seen = __q->host_wakes;						\
		__true = !!(cond);							\
		if (__true || !__left)							\
			break;								\
		__left = host_wait(__q, __seen, __left, what, __FILE__, __LINE__);	\
	}										\
	__true ? max(__left, 1L) : 0; })
#define wait_event_timeout(q, cond, ticks)	host_wait_until(q, cond, ticks, "wait_event(" #q ", " #cond ")")
#define wait_event(q, cond)			((void)wait_event_timeout(q, cond, MAX_SCHEDULE_TIMEOUT))

#include <linux/wait_bit.h>

#endif /* HOST_LINUX_WAIT_H */
