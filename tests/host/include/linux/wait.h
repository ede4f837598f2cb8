/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: wait queues. */
#ifndef HOST_LINUX_WAIT_H
#define HOST_LINUX_WAIT_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/sched.h>
#include <linux/kernel.h>
#include <linux/errno.h>

typedef struct wait_queue_entry wait_queue_entry_t;
typedef int (*wait_queue_func_t)(struct wait_queue_entry *e, unsigned int mode, int flags, void *key);
int default_wake_function(struct wait_queue_entry *e, unsigned int mode, int flags, void *key);
int autoremove_wake_function(struct wait_queue_entry *e, unsigned int mode, int flags, void *key);
#define WQ_FLAG_EXCLUSIVE	0x01
#define WQ_FLAG_WOKEN		0x02
struct wait_queue_entry {
	unsigned int flags;
	void *private;
	wait_queue_func_t func;
	struct list_head entry;
};
struct wait_queue_head {
	spinlock_t lock;
	struct list_head head;
};
typedef struct wait_queue_head wait_queue_head_t;
#define __WAIT_QUEUE_HEAD_INITIALIZER(n) { .lock = { .dep_map = { .name = #n } }, .head = LIST_HEAD_INIT((n).head) }
#define DECLARE_WAIT_QUEUE_HEAD(n)	struct wait_queue_head n = __WAIT_QUEUE_HEAD_INITIALIZER(n)
#define DECLARE_WAIT_QUEUE_HEAD_ONSTACK(n) DECLARE_WAIT_QUEUE_HEAD(n)
#define init_waitqueue_head(q)		do { spin_lock_init(&(q)->lock); INIT_LIST_HEAD(&(q)->head); } while (0)
#define DECLARE_WAITQUEUE(n, tsk) \
	struct wait_queue_entry n = { .private = tsk, .func = default_wake_function, .entry = { NULL, NULL } }
#define DEFINE_WAIT_FUNC(n, f) \
	struct wait_queue_entry n = { .private = current, .func = f, .entry = LIST_HEAD_INIT((n).entry) }
#define DEFINE_WAIT(n)			DEFINE_WAIT_FUNC(n, autoremove_wake_function)
#define init_wait(w)			init_wait_entry(w, 0)
void init_wait_entry(struct wait_queue_entry *e, int flags);
static inline void init_waitqueue_entry(struct wait_queue_entry *e, struct task_struct *p)
{
	e->flags = 0;
	e->private = p;
	e->func = default_wake_function;
}
static inline void init_waitqueue_func_entry(struct wait_queue_entry *e, wait_queue_func_t f)
{
	e->flags = 0;
	e->private = NULL;
	e->func = f;
}
static inline int waitqueue_active(struct wait_queue_head *q) { return !list_empty(&q->head); }
static inline bool wq_has_sleeper(struct wait_queue_head *q) { return waitqueue_active(q); }
static inline bool wq_has_single_sleeper(struct wait_queue_head *q) { return list_is_singular(&q->head); }
void add_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *e);
void add_wait_queue_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e);
void remove_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *e);
static inline void __add_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *e) { list_add(&e->entry, &q->head); }
static inline void __add_wait_queue_entry_tail(struct wait_queue_head *q, struct wait_queue_entry *e)
{
	list_add_tail(&e->entry, &q->head);
}
static inline void __add_wait_queue_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e)
{
	e->flags |= WQ_FLAG_EXCLUSIVE;
	list_add(&e->entry, &q->head);
}
static inline void __add_wait_queue_entry_tail_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e)
{
	e->flags |= WQ_FLAG_EXCLUSIVE;
	list_add_tail(&e->entry, &q->head);
}
static inline void __remove_wait_queue(struct wait_queue_head *q, struct wait_queue_entry *e) { list_del(&e->entry); }
void prepare_to_wait(struct wait_queue_head *q, struct wait_queue_entry *e, int state);
bool prepare_to_wait_exclusive(struct wait_queue_head *q, struct wait_queue_entry *e, int state);
void finish_wait(struct wait_queue_head *q, struct wait_queue_entry *e);
int host_wake(struct wait_queue_head *q, unsigned int mode, int nr, void *key, bool locked);
#define TASK_NORMAL_HOST		TASK_NORMAL
#define wake_up(q)			((void)host_wake(q, TASK_NORMAL, 1, NULL, false))
#define wake_up_nr(q, n)		((void)host_wake(q, TASK_NORMAL, n, NULL, false))
#define wake_up_all(q)			((void)host_wake(q, TASK_NORMAL, 0, NULL, false))
#define wake_up_locked(q)		((void)host_wake(q, TASK_NORMAL, 1, NULL, true))
#define wake_up_all_locked(q)		((void)host_wake(q, TASK_NORMAL, 0, NULL, true))
#define wake_up_interruptible(q)	((void)host_wake(q, TASK_INTERRUPTIBLE, 1, NULL, false))
#define wake_up_interruptible_all(q)	((void)host_wake(q, TASK_INTERRUPTIBLE, 0, NULL, false))
#define wake_up_poll(q, m)		wake_up(q)
#define __wake_up(q, mode, nr, key)	((void)host_wake(q, mode, nr, key, false))

void host_wait_note(const char *what, const char *file, int line);
#define __host_wait(q, cond, state, excl, cmd) do {				\
	struct wait_queue_entry __we;						\
	init_wait_entry(&__we, (excl) ? WQ_FLAG_EXCLUSIVE : 0);			\
	for (;;) {								\
		if (excl)							\
			prepare_to_wait_exclusive(&(q), &__we, state);		\
		else								\
			prepare_to_wait(&(q), &__we, state);			\
		if (cond)							\
			break;							\
		host_wait_note("wait_event(" #q ", " #cond ")", __FILE__, __LINE__); \
		cmd;								\
	}									\
	finish_wait(&(q), &__we);						\
} while (0)
#define __host_wait_timeout(q, cond, state, t) ({				\
	long __left = (t);							\
	bool __ok = !!(cond);							\
	might_sleep();								\
	if (!__ok)								\
		__host_wait(q, ({ __ok = !!(cond); __ok || !__left; }), state, 0, \
			    __left = schedule_timeout(__left));			\
	__ok ? (__left ? __left : 1) : 0; })
#define wait_event(q, cond) do { might_sleep(); if (!(cond)) __host_wait(q, cond, TASK_UNINTERRUPTIBLE, 0, schedule()); } while (0)
#define io_wait_event(q, cond)			wait_event(q, cond)
#define wait_event_exclusive_cmd(q, cond, c1, c2) do { if (!(cond)) __host_wait(q, cond, TASK_UNINTERRUPTIBLE, 1, c1; schedule(); c2); } while (0)
#define wait_event_cmd(q, cond, c1, c2)	do { if (!(cond)) __host_wait(q, cond, TASK_UNINTERRUPTIBLE, 0, c1; schedule(); c2); } while (0)
#define wait_event_interruptible(q, cond)	({ wait_event(q, cond); 0; })
#define wait_event_killable(q, cond)		({ wait_event(q, cond); 0; })
#define wait_event_freezable(q, cond)		({ wait_event(q, cond); 0; })
#define wait_event_idle(q, cond)		wait_event(q, cond)
#define wait_event_killable_exclusive(q, cond)	({ might_sleep(); if (!(cond)) __host_wait(q, cond, TASK_UNINTERRUPTIBLE, 1, schedule()); 0; })
#define wait_event_timeout(q, cond, t)		__host_wait_timeout(q, cond, TASK_UNINTERRUPTIBLE, t)
#define wait_event_interruptible_timeout(q, cond, t) wait_event_timeout(q, cond, t)
#define wait_event_killable_timeout(q, cond, t)	wait_event_timeout(q, cond, t)
#define wait_event_idle_timeout(q, cond, t)	wait_event_timeout(q, cond, t)
#define wait_event_freezable_timeout(q, cond, t) wait_event_timeout(q, cond, t)
#define wait_event_lock_irq(q, cond, lock) do { if (!(cond)) \
	__host_wait(q, cond, TASK_UNINTERRUPTIBLE, 0, spin_unlock_irq(&(lock)); schedule(); spin_lock_irq(&(lock))); } while (0)

#include <linux/wait_bit.h>

#endif /* HOST_LINUX_WAIT_H */
