// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks, wait queues, completions, and who holds what.
 *
 * Sleeping locks hand over to the first waiter; the fairness is that of the
 * kernel's slow paths, and the scheduler adds the variety.  A spinlock that is
 * found taken is a bug at once: with one processor and no preemption under
 * spinlocks, its holder slept, or it is the caller.
 */
#include <stdio.h>
#include <stdlib.h>
#include "host_int.h"

/* ---- what a fiber holds ---- */

void host_held_push(const struct lockdep_map *m, int subclass, int how, const char *file, int line)
{
	struct host_fiber *f = host_self();

	if (f->nheld >= HOST_MAX_HELD) {
		WARN_ONCE(1, "fiber %s holds more than %d locks", f->task.comm, HOST_MAX_HELD);
		return;
	}
	f->held[f->nheld++] = (struct host_held) { m, how, file, line, host_lock_class(m, subclass) };
}

bool host_held_pop(const struct lockdep_map *m)
{
	struct host_fiber *f = host_self();
	int i;

	for (i = f->nheld - 1; i >= 0; i--) {
		if (f->held[i].map != m)
			continue;
		memmove(&f->held[i], &f->held[i + 1], (f->nheld - i - 1) * sizeof(f->held[0]));
		f->nheld--;
		return true;
	}
	return false;
}

/* Taken by another fiber: take it off that one's list. */
static void strike(const struct lockdep_map *m)
{
	struct host_fiber *f;
	int i;

	list_for_each_entry(f, &host_fibers, all)
		for (i = 0; i < f->nheld; i++)
			if (f->held[i].map == m) {
				memmove(&f->held[i], &f->held[i + 1], (f->nheld - i - 1) * sizeof(f->held[0]));
				f->nheld--;
				return;
			}
}

bool host_lock_is_held(const struct lockdep_map *m, int how)
{
	struct host_fiber *f = host_self();
	int i;

	for (i = 0; i < f->nheld; i++)
		if (f->held[i].map == m && (how == HOST_HELD_ANY || f->held[i].how == how))
			return true;
	return false;
}

void host_check_freed(const void *p, size_t n)
{
	struct host_fiber *f;
	int i;

	list_for_each_entry(f, &host_fibers, all)
		for (i = 0; i < f->nheld; i++) {
			const char *m = (const char *)f->held[i].map;

			WARN(m >= (const char *)p && m < (const char *)p + n,
			     "memory freed with a lock in it that fiber %s holds (from %s:%d)",
			     f->task.comm, f->held[i].file, f->held[i].line);
		}
}

static void __noreturn lock_bug(const char *what, const struct lockdep_map *m, struct task_struct *owner,
				const char *file, int line)
{
	host_say("\nLOCK BUG: %s: lock %s %p at %s:%d, fiber %d %s, owner %s\n", what,
		 m->name ? m->name : "?", m, file, line, current->pid, current->comm, owner ? owner->comm : "none");
	host_print_stack();
	host_dump_fibers();
	abort();
}

/* ---- counting ---- */

static struct { const char *name; u64 n; } taken[64];
static bool counting;

void host_lock_count(bool on)
{
	counting = on;
	if (on)
		memset(taken, 0, sizeof(taken));
}

u64 host_lock_taken(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(taken) && taken[i].name; i++)
		if (!strcmp(taken[i].name, name))
			return taken[i].n;
	return 0;
}

static void count(const struct lockdep_map *m)
{
	int i;

	if (!counting || !m->name)
		return;
	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		if (!taken[i].name)
			taken[i].name = m->name;
		if (taken[i].name == m->name || !strcmp(taken[i].name, m->name)) {
			taken[i].n++;
			return;
		}
	}
}

/* ---- spinlocks ---- */

void host_spin_init(spinlock_t *l, const char *name)
{
	*l = (spinlock_t) { .dep_map = { .name = name } };
}

static void spin_got(spinlock_t *l, const char *file, int line)
{
	struct host_fiber *f = host_self();
	bool was = l->host_seen_irq && l->host_seen_open;

	l->host_owner = current;
	if (f->in_irq && !host_soft_irq)
		l->host_seen_irq = true;
	else if (!f->in_irq && !f->irqoff && f->real)
		l->host_seen_open = true;
	WARN(!was && l->host_seen_irq && l->host_seen_open,
	     "spinlock %s (%s:%d) is taken in interrupts and also with interrupts on", l->dep_map.name, file, line);
	f->preempt++;
	host_held_push(&l->dep_map, 0, HOST_HELD_WRITE, file, line);
}

void host_spin_lock(spinlock_t *l, const char *file, int line)
{
	host_preempt_point();
	if (l->host_owner)
		lock_bug(l->host_owner == current ? "spinlock recursion" : "spinlock holder sleeps",
			 &l->dep_map, l->host_owner, file, line);
	host_lock_order(&l->dep_map, 0, file, line);
	count(&l->dep_map);
	spin_got(l, file, line);
}

int host_spin_trylock(spinlock_t *l, const char *file, int line)
{
	if (l->host_owner)
		return 0;
	spin_got(l, file, line);
	return 1;
}

void host_spin_unlock(spinlock_t *l, const char *file, int line)
{
	if (l->host_owner != current)
		lock_bug("spinlock unlock by a non-owner", &l->dep_map, l->host_owner, file, line);
	l->host_owner = NULL;
	host_held_pop(&l->dep_map);
	/* Last: l may be gone when this returns. */
	preempt_enable();
}

void host_write_lock(rwlock_t *l, const char *file, int line)
{
	host_preempt_point();
	if (l->host_owner || l->host_readers)
		lock_bug("rwlock taken while held", &l->dep_map, l->host_owner, file, line);
	l->host_owner = current;
	preempt_disable();
	host_held_push(&l->dep_map, 0, HOST_HELD_WRITE, file, line);
}

void host_write_unlock(rwlock_t *l, const char *file, int line)
{
	if (l->host_owner != current)
		lock_bug("write_unlock by a non-owner", &l->dep_map, l->host_owner, file, line);
	l->host_owner = NULL;
	host_held_pop(&l->dep_map);
	preempt_enable();
}

void host_read_lock(rwlock_t *l, const char *file, int line)
{
	host_preempt_point();
	if (l->host_owner)
		lock_bug("rwlock taken while held", &l->dep_map, l->host_owner, file, line);
	l->host_readers++;
	preempt_disable();
	host_held_push(&l->dep_map, 0, HOST_HELD_READ, file, line);
}

void host_read_unlock(rwlock_t *l, const char *file, int line)
{
	if (!host_held_pop(&l->dep_map) || l->host_readers <= 0)
		lock_bug("read_unlock of a lock not held", &l->dep_map, l->host_owner, file, line);
	l->host_readers--;
	preempt_enable();
}

/* ---- waiting on a lock in order of arrival ---- */

static void wait_turn(struct list_head *q, int kind, const char *what, const void *obj,
		      struct task_struct *owner, const char *file, int line)
{
	struct host_fiber *f = host_self();

	f->granted = false;
	f->wkind = kind;
	list_add_tail(&f->wnode, q);
	while (!f->granted)
		host_block(what, obj, owner, file, line);
	__set_current_state(TASK_RUNNING);
}

static struct host_fiber *first_waiter(struct list_head *q)
{
	return list_empty(q) ? NULL : list_first_entry(q, struct host_fiber, wnode);
}

static void grant(struct host_fiber *f)
{
	list_del_init(&f->wnode);
	f->granted = true;
	host_make_ready(f);
}

static void enter_sleeping(const char *file, int line)
{
	host_might_sleep(file, line);
	host_preempt_point();
}

/* ---- mutex ---- */

void host_mutex_init(struct mutex *m, const char *name)
{
	m->dep_map = (struct lockdep_map) { .name = name };
	m->host_owner = NULL;
	INIT_LIST_HEAD(&m->host_waiters);
}

void host_mutex_lock(struct mutex *m, const char *file, int line)
{
	enter_sleeping(file, line);
	if (m->host_owner == current)
		lock_bug("mutex recursion", &m->dep_map, m->host_owner, file, line);
	host_lock_order(&m->dep_map, 0, file, line);
	if (!m->host_owner)
		m->host_owner = current;
	else
		wait_turn(&m->host_waiters, 0, "mutex", m, m->host_owner, file, line);
	host_held_push(&m->dep_map, 0, HOST_HELD_WRITE, file, line);
}

int host_mutex_trylock(struct mutex *m, const char *file, int line)
{
	WARN(host_self()->in_irq, "mutex_trylock in interrupt context");
	host_preempt_point();
	if (m->host_owner)
		return 0;
	m->host_owner = current;
	host_held_push(&m->dep_map, 0, HOST_HELD_WRITE, file, line);
	return 1;
}

void host_mutex_unlock(struct mutex *m, const char *file, int line)
{
	struct host_fiber *w;

	if (m->host_owner != current)
		lock_bug("mutex unlock by a non-owner", &m->dep_map, m->host_owner, file, line);
	WARN(host_self()->in_irq, "mutex_unlock in interrupt context");
	host_held_pop(&m->dep_map);
	w = first_waiter(&m->host_waiters);
	m->host_owner = w ? &w->task : NULL;
	if (w)
		grant(w);
	host_preempt_point();
}

/* ---- rwsem ---- */

void host_rwsem_init(struct rw_semaphore *s, const char *name)
{
	s->dep_map = (struct lockdep_map) { .name = name };
	s->host_owner = NULL;
	s->host_readers = 0;
	INIT_LIST_HEAD(&s->host_waiters);
}

static bool rwsem_take(struct rw_semaphore *s, bool write)
{
	if (s->host_owner || (write && s->host_readers))
		return false;
	if (write)
		s->host_owner = current;
	else
		s->host_readers++;
	return true;
}

void host_down(struct rw_semaphore *s, bool write, int subclass, const char *file, int line)
{
	enter_sleeping(file, line);
	if (s->host_owner == current)
		lock_bug("rwsem recursion", &s->dep_map, s->host_owner, file, line);
	/* Lockdep would object, because a writer between the two deadlocks. */
	if (host_lock_is_held(&s->dep_map, HOST_HELD_READ))
		lock_bug("rwsem taken again by a reader", &s->dep_map, NULL, file, line);
	host_lock_order(&s->dep_map, subclass, file, line);
	count(&s->dep_map);
	if (!list_empty(&s->host_waiters) || !rwsem_take(s, write))
		wait_turn(&s->host_waiters, write, write ? "rwsem for writing" : "rwsem for reading", s,
			  s->host_owner, file, line);
	host_held_push(&s->dep_map, subclass, write ? HOST_HELD_WRITE : HOST_HELD_READ, file, line);
}

int host_down_try(struct rw_semaphore *s, bool write, const char *file, int line)
{
	host_preempt_point();
	if (!rwsem_take(s, write))
		return 0;
	host_held_push(&s->dep_map, 0, write ? HOST_HELD_WRITE : HOST_HELD_READ, file, line);
	return 1;
}

static void rwsem_pass_on(struct rw_semaphore *s)
{
	struct host_fiber *w;

	while ((w = first_waiter(&s->host_waiters)) && !s->host_owner) {
		if (w->wkind) {
			if (s->host_readers)
				break;
			s->host_owner = &w->task;
		} else {
			s->host_readers++;
		}
		grant(w);
	}
}

void host_up(struct rw_semaphore *s, bool write, bool owner, const char *file, int line)
{
	bool held = host_held_pop(&s->dep_map);

	if (write) {
		if (!s->host_owner)
			lock_bug("up_write of a semaphore that nobody writes", &s->dep_map, NULL, file, line);
		if (s->host_owner != current)
			lock_bug("up_write by a non-owner", &s->dep_map, s->host_owner, file, line);
		s->host_owner = NULL;
	} else {
		if (s->host_readers <= 0)
			lock_bug("up_read of a semaphore that nobody reads", &s->dep_map, s->host_owner, file, line);
		if (owner && !held)
			lock_bug("up_read by a non-owner", &s->dep_map, NULL, file, line);
		if (!owner && !held)
			strike(&s->dep_map);
		s->host_readers--;
	}
	rwsem_pass_on(s);
	host_preempt_point();
}

void host_downgrade(struct rw_semaphore *s, const char *file, int line)
{
	if (s->host_owner != current)
		lock_bug("downgrade_write by a non-owner", &s->dep_map, s->host_owner, file, line);
	host_held_pop(&s->dep_map);
	s->host_owner = NULL;
	s->host_readers = 1;
	host_held_push(&s->dep_map, 0, HOST_HELD_READ, file, line);
	rwsem_pass_on(s);
}

/* ---- semaphore ---- */

/* Somebody has waited long enough: he goes on, and sees that nothing was granted to him. */
static void time_is_up(struct timer_list *t)
{
	struct host_fiber *f = container_of(t, struct host_fiber, timer);

	f->wkind = -ETIME;
	grant(f);
}

static void set_alarm(struct host_fiber *f, long ticks)
{
	timer_setup(&f->timer, time_is_up, 0);
	mod_timer(&f->timer, jiffies + ticks);
}

int host_sem_down(struct semaphore *s, long timeout, const char *file, int line)
{
	struct host_fiber *f = host_self();

	enter_sleeping(file, line);
	if (s->count > 0) {
		s->count--;
		return 0;
	}
	if (timeout == 0)
		return -ETIME;
	if (timeout > 0)
		set_alarm(f, timeout);
	wait_turn(&s->wait_list, 0, "semaphore", s, NULL, file, line);
	if (timeout > 0)
		del_timer(&f->timer);
	return f->wkind;
}

int down_trylock(struct semaphore *s)
{
	host_preempt_point();
	if (!s->count)
		return 1;
	s->count--;
	return 0;
}

void up(struct semaphore *s)
{
	struct host_fiber *w = first_waiter(&s->wait_list);

	if (w) {
		del_timer(&w->timer);
		grant(w);
	} else {
		s->count++;
	}
	host_preempt_point();
}

/* ---- wait queues: see wait.h ---- */

#define VAR_QUEUES 64
static struct wait_queue_head var_queues[VAR_QUEUES];

void host_sync_reset(void)
{
	int i;

	for (i = 0; i < VAR_QUEUES; i++)
		init_waitqueue_head(&var_queues[i]);
}

struct wait_queue_head *host_var_queue(const void *p)
{
	return &var_queues[((unsigned long)p * 0x61C8864680B583EBULL) >> 58];
}

static void wake_all(struct wait_queue_head *q)
{
	struct host_fiber *f;

	q->host_wakes++;
	while ((f = first_waiter(&q->host_waiters)))
		grant(f);
}

/* The queue's lock is only for the rules about locks: nothing interrupts this. */
void host_wake(struct wait_queue_head *q, bool locked)
{
	unsigned long flags;

	if (locked) {
		lockdep_assert_held(&q->lock);
		wake_all(q);
		return;
	}
	spin_lock_irqsave(&q->lock, flags);
	wake_all(q);
	spin_unlock_irqrestore(&q->lock, flags);
}

long host_wait(struct wait_queue_head *q, u64 seen, long ticks, const char *what, const char *file, int line)
{
	struct host_fiber *f = host_self();
	unsigned long end = jiffies + ticks;

	host_preempt_point();
	if (q->host_wakes != seen)
		return ticks;
	if (ticks == MAX_SCHEDULE_TIMEOUT) {
		wait_turn(&q->host_waiters, 0, what, q, NULL, file, line);
		return ticks;
	}
	set_alarm(f, ticks);
	wait_turn(&q->host_waiters, 0, what, q, NULL, file, line);
	del_timer(&f->timer);
	return max((long)(end - jiffies), 0L);
}

/* ---- completions ---- */

#define FOR_ALL	UINT_MAX

static void permit(struct completion *c, bool all)
{
	unsigned long flags;

	/* one critical section: who passes may free c at once */
	spin_lock_irqsave(&c->wait.lock, flags);
	if (all)
		c->host_permits = FOR_ALL;
	else if (c->host_permits != FOR_ALL)
		c->host_permits++;
	host_wake(&c->wait, true);
	spin_unlock_irqrestore(&c->wait.lock, flags);
}

void complete(struct completion *c) { permit(c, false); }
void complete_all(struct completion *c) { permit(c, true); }

static bool pass(struct completion *c)
{
	if (!c->host_permits)
		return false;
	if (c->host_permits != FOR_ALL)
		c->host_permits--;
	return true;
}

/* Left over ticks, at least 1 when done; 0 = timed out. */
long host_wait_completion(struct completion *c, long ticks)
{
	return host_wait_until(c->wait, pass(c), ticks, "wait_for_completion()");
}
