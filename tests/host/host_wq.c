// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work queues.  A queue starts worker fibers up to its limit while it has
 * items; a worker takes items in order until none is left and ends.  An item
 * that is queued again while it runs waits for that run, so that no item runs
 * twice at once.  The item may free its work_struct: after the call only our
 * own record of it is touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include "host_int.h"

struct host_witem {
	struct work_struct *work;
	work_func_t func;
	struct workqueue_struct *wq;
	struct list_head node;		/* on pending or running */
	struct work_struct **self;	/* clears work->host_item */
	struct host_fiber *runner;
	u64 seq;
	int refs;
	bool done;
};

struct workqueue_struct {
	char name[32];
	unsigned int flags;
	int max_active;
	int workers;
	int starting;
	struct list_head pending, running;
	struct list_head all;
	u64 seq;
};

static LIST_HEAD(all_wqs);
static struct workqueue_struct sys_wq[6];
struct workqueue_struct *system_wq = &sys_wq[0], *system_highpri_wq = &sys_wq[1], *system_long_wq = &sys_wq[2],
	*system_unbound_wq = &sys_wq[3], *system_freezable_wq = &sys_wq[4], *system_power_efficient_wq = &sys_wq[5];

static void wq_init(struct workqueue_struct *wq, unsigned int flags, int max)
{
	wq->flags = flags;
	wq->max_active = max > 0 ? min(max, (int)WQ_MAX_ACTIVE) : WQ_DFL_ACTIVE;
	INIT_LIST_HEAD(&wq->pending);
	INIT_LIST_HEAD(&wq->running);
	list_add_tail(&wq->all, &all_wqs);
}

void host_wq_reset(void)
{
	static const char *const names[] = { "events", "events_highpri", "events_long", "events_unbound",
					     "events_freezable", "events_power" };
	int i;

	INIT_LIST_HEAD(&all_wqs);
	for (i = 0; i < (int)ARRAY_SIZE(sys_wq); i++) {
		memset(&sys_wq[i], 0, sizeof(sys_wq[i]));
		host_snprintf(sys_wq[i].name, sizeof(sys_wq[i].name), "%s", names[i]);
		wq_init(&sys_wq[i], 0, 0);
	}
}

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
{
	struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);
	va_list ap;

	if (!wq)
		return NULL;
	va_start(ap, max_active);
	host_vsnprintf(wq->name, sizeof(wq->name), fmt, ap);
	va_end(ap);
	wq_init(wq, flags, max_active);
	return wq;
}

static void item_put(struct host_witem *it)
{
	if (!--it->refs)
		kfree(it);
}

static bool work_runs(struct workqueue_struct *wq, struct work_struct *w, work_func_t func)
{
	struct host_witem *it;

	list_for_each_entry(it, &wq->running, node)
		if (it->work == w && it->func == func)
			return true;
	return false;
}

static struct host_witem *next_item(struct workqueue_struct *wq)
{
	struct host_witem *it;

	list_for_each_entry(it, &wq->pending, node) {
		if (!work_runs(wq, it->work, it->func))
			return it;
		if (wq->flags & __WQ_ORDERED)
			return NULL;
	}
	return NULL;
}

static void item_finish(struct host_witem *it)
{
	list_del_init(&it->node);
	it->done = true;
	wake_up_all(host_var_queue(it->wq));
	item_put(it);
}

static int worker(void *arg)
{
	struct workqueue_struct *wq = arg;
	struct host_fiber *self = host_self();
	struct host_witem *it;

	wq->starting--;
	current->flags |= PF_WQ_WORKER;
	while ((it = next_item(wq))) {
		struct work_struct *w = it->work;
		struct lockdep_map map;
		int held;

		it->runner = self;
		list_move_tail(&it->node, &wq->running);
		w->host_item = NULL;
		self->work = w;
		map = w->host_map;	/* it may free itself */
		host_held_push(&map, 0, HOST_HELD_WRITE, wq->name, 0);
		it->func(w);
		host_held_pop(&map);
		self->work = NULL;
		held = self->nheld;
		WARN(held, "work %p of queue %s ends with %d locks held (the last from %s:%d)", (void *)it->func,
		     wq->name, held, self->held[held ? held - 1 : 0].file, self->held[held ? held - 1 : 0].line);
		WARN(self->preempt || self->irqoff, "work %p of queue %s leaks a preempt count", (void *)it->func, wq->name);
		self->nheld = self->preempt = self->irqoff = 0;
		item_finish(it);
	}
	wq->workers--;
	wake_up_all(host_var_queue(wq));
	return 0;
}

static void kick(struct workqueue_struct *wq)
{
	if (wq->workers < wq->max_active && !list_empty(&wq->pending) &&
	    wq->starting < (int)host_list_count(&wq->pending)) {
		struct host_fiber *f = host_fiber_new(worker, wq, wq->name);

		f->detached = true;
		wq->workers++;
		wq->starting++;
		host_make_ready(f);
	}
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *w)
{
	struct host_witem *it;

	if (w->host_item)
		return false;
	if (WARN(!w->func, "queue_work of a work without function"))
		return false;
	/* A work that runs on another queue stays there, as the kernel keeps it. */
	if (w->host_wq && w->host_wq != wq) {
		struct workqueue_struct *o;

		list_for_each_entry(o, &all_wqs, all)
			if (o == w->host_wq && work_runs(o, w, w->func))
				wq = o;
	}
	it = host_alloc(sizeof(*it), __GFP_NOFAIL | __GFP_ZERO, HOST_KMALLOC, __FILE__, __LINE__);
	it->work = w;
	it->func = w->func;
	it->wq = wq;
	it->seq = ++wq->seq;
	it->refs = 1;
	w->host_item = it;
	w->host_wq = wq;
	list_add_tail(&it->node, &wq->pending);
	kick(wq);
	return true;
}

void delayed_work_timer_fn(struct timer_list *t)
{
	struct delayed_work *d = container_of(t, struct delayed_work, timer);

	queue_work(d->wq, &d->work);
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *d, unsigned long delay)
{
	if (delayed_work_pending(d))
		return false;
	if (!delay)
		return queue_work(wq, &d->work);
	d->wq = wq;
	mod_timer(&d->timer, jiffies + delay);
	return true;
}

/* Take a pending item off its queue. */
static bool unqueue(struct work_struct *w)
{
	struct host_witem *it = w->host_item;

	if (!it)
		return false;
	w->host_item = NULL;
	item_finish(it);
	return true;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *d, unsigned long delay)
{
	bool was = del_timer(&d->timer) | unqueue(&d->work);

	queue_delayed_work(wq, d, delay);
	return was;
}

/* The item to wait for: pending, else running. */
static struct host_witem *find_item(struct work_struct *w)
{
	struct workqueue_struct *wq;
	struct host_witem *it;

	if (w->host_item)
		return w->host_item;
	list_for_each_entry(wq, &all_wqs, all)
		list_for_each_entry(it, &wq->running, node)
			if (it->work == w && it->func == w->func)
				return it;
	return NULL;
}

static void wait_item(struct host_witem *it)
{
	struct workqueue_struct *wq = it->wq;

	if (WARN(it->runner == host_self(), "a work item waits for itself"))
		return;
	it->refs++;
	wait_event(*host_var_queue(wq), it->done);
	item_put(it);
}

bool flush_work(struct work_struct *w)
{
	struct host_witem *it;

	might_sleep();
	host_lock_order(&w->host_map, 0, __FILE__, __LINE__);
	it = find_item(w);
	if (!it)
		return false;
	wait_item(it);
	return true;
}

bool flush_delayed_work(struct delayed_work *d)
{
	if (del_timer(&d->timer))
		queue_work(d->wq, &d->work);
	return flush_work(&d->work);
}

bool cancel_work(struct work_struct *w) { return unqueue(w); }

bool cancel_work_sync(struct work_struct *w)
{
	bool was = false;
	struct host_witem *it;

	might_sleep();
	host_lock_order(&w->host_map, 0, __FILE__, __LINE__);
	/* A run that queues itself again is cancelled again. */
	for (;;) {
		was |= unqueue(w);
		it = find_item(w);
		if (!it)
			return was;
		wait_item(it);
	}
}

bool cancel_delayed_work(struct delayed_work *d) { return del_timer(&d->timer) | unqueue(&d->work); }

bool cancel_delayed_work_sync(struct delayed_work *d)
{
	bool was = false;
	struct host_witem *it;

	might_sleep();
	host_lock_order(&d->work.host_map, 0, __FILE__, __LINE__);
	for (;;) {
		was |= cancel_delayed_work(d);
		it = find_item(&d->work);
		if (!it)
			return was;
		wait_item(it);
	}
}

bool work_busy(struct work_struct *w) { return find_item(w) != NULL; }
struct work_struct *current_work(void) { return host_self()->work; }

static bool drained_to(struct workqueue_struct *wq, u64 seq)
{
	struct host_witem *it;

	list_for_each_entry(it, &wq->pending, node)
		if (it->seq <= seq)
			return false;
	list_for_each_entry(it, &wq->running, node)
		if (it->seq <= seq)
			return false;
	return true;
}

void flush_workqueue(struct workqueue_struct *wq)
{
	u64 seq = wq->seq;

	might_sleep();
	wait_event(*host_var_queue(wq), drained_to(wq, seq));
}

void drain_workqueue(struct workqueue_struct *wq)
{
	might_sleep();
	while (!list_empty(&wq->pending) || !list_empty(&wq->running))
		flush_workqueue(wq);
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	drain_workqueue(wq);
	wait_event(*host_var_queue(wq), !wq->workers);
	list_del(&wq->all);
	kfree(wq);
}
