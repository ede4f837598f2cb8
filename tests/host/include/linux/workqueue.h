/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: work queues: every item runs on a fiber of its queue. */
#ifndef HOST_LINUX_WORKQUEUE_H
#define HOST_LINUX_WORKQUEUE_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/timer.h>
#include <linux/lockdep.h>

struct workqueue_struct;
struct work_struct;
struct host_witem;
typedef void (*work_func_t)(struct work_struct *w);
struct work_struct {
	work_func_t func;
	struct host_witem *host_item;		/* while pending */
	struct workqueue_struct *host_wq;	/* last queued on */
	struct lockdep_map host_map;		/* held while it runs */
};
struct delayed_work {
	struct work_struct work;
	struct timer_list timer;
	struct workqueue_struct *wq;
};
struct rcu_work { struct work_struct work; struct workqueue_struct *wq; };

void delayed_work_timer_fn(struct timer_list *t);
#define INIT_WORK(w, f)			do { *(w) = (struct work_struct) { .func = (f), .host_map = { .name = "work " #f } }; } while (0)
#define INIT_DELAYED_WORK(d, f) do { \
	INIT_WORK(&(d)->work, f); (d)->wq = NULL; timer_setup(&(d)->timer, delayed_work_timer_fn, 0); } while (0)
#define to_delayed_work(w)		container_of(w, struct delayed_work, work)

enum {
	WQ_UNBOUND = 1 << 1, WQ_FREEZABLE = 1 << 2, WQ_MEM_RECLAIM = 1 << 3, WQ_HIGHPRI = 1 << 4,
	WQ_CPU_INTENSIVE = 1 << 5, WQ_SYSFS = 1 << 6, WQ_POWER_EFFICIENT = 1 << 7,
	__WQ_ORDERED = 1 << 17,
	WQ_MAX_ACTIVE = 512, WQ_DFL_ACTIVE = 256, WORK_CPU_UNBOUND = 1,
};
struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...) __printf(1, 4);
#define alloc_ordered_workqueue(fmt, fl, args...) \
	alloc_workqueue(fmt, WQ_UNBOUND | __WQ_ORDERED | (fl), 1, ##args)
void destroy_workqueue(struct workqueue_struct *wq);
bool queue_work(struct workqueue_struct *wq, struct work_struct *w);
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *d, unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *d, unsigned long delay);
void flush_workqueue(struct workqueue_struct *wq);
void drain_workqueue(struct workqueue_struct *wq);
bool flush_work(struct work_struct *w);
bool flush_delayed_work(struct delayed_work *d);
bool cancel_work(struct work_struct *w);
bool cancel_work_sync(struct work_struct *w);
bool cancel_delayed_work(struct delayed_work *d);
bool cancel_delayed_work_sync(struct delayed_work *d);
struct work_struct *current_work(void);
static inline bool work_pending(struct work_struct *w) { return w->host_item != NULL; }
static inline bool delayed_work_pending(struct delayed_work *d) { return timer_pending(&d->timer) || work_pending(&d->work); }
bool work_busy(struct work_struct *w);
extern struct workqueue_struct *system_wq, *system_highpri_wq, *system_long_wq, *system_unbound_wq,
	*system_freezable_wq, *system_power_efficient_wq;
static inline bool schedule_work(struct work_struct *w) { return queue_work(system_wq, w); }

#endif /* HOST_LINUX_WORKQUEUE_H */
