/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of the shims; nothing here is for tests. */
#ifndef HOST_INT_H
#define HOST_INT_H

#include "host.h"

#define HOST_MAX_HELD	64

struct host_held {
	const struct lockdep_map *map;
	int how;
	const char *file;
	int line;
	int class;			/* host_lockdep.c */
};

enum host_fstate { F_READY, F_RUNNING, F_BLOCKED, F_DEAD };

struct host_fiber {
	struct task_struct task;	/* first: current is a fiber */
	enum host_fstate st;
	void *ctx;			/* saved stack pointer, or a ucontext */
	char *stack;
	void *fake_stack;
	int (*fn)(void *arg);
	void *arg;
	int ret;
	bool detached;			/* nobody joins it */
	bool real;			/* has a stack: not the main or interrupt context */
	bool in_irq;
	bool in_schedule;		/* blocked in schedule(): wake_up_process() works */
	bool dump;
	bool should_stop;
	int preempt, irqoff;
	/* on a lock */
	struct list_head wnode;
	int wkind;
	bool granted;
	/* why it is blocked */
	const char *what, *file;
	const void *obj;
	int line;
	struct task_struct *owner;
	struct list_head all;
	struct timer_list timer;
	struct work_struct *work;	/* running */
	int nheld;
	struct host_held held[HOST_MAX_HELD];
};

extern bool host_in_sched, host_soft_irq;
extern u64 host_seed;
extern struct list_head host_fibers;

static inline struct host_fiber *host_self(void) { return container_of(current, struct host_fiber, task); }
struct host_fiber *host_fiber_new(int (*fn)(void *), void *arg, const char *name);
void host_fiber_free(struct host_fiber *f);
void host_make_ready(struct host_fiber *f);
void host_block(const char *what, const void *obj, struct task_struct *owner, const char *file, int line);
void host_preempt_point(void);
u64 host_sched_random(void);
void host_timers_reset(void);
bool host_timers_run(void);		/* those due; true if any ran */
u64 host_timers_next(void);		/* U64_MAX: none */
void host_clock_set(u64 ns);
bool host_rcu_run(void);
void host_rcu_reset(void);
void host_held_push(const struct lockdep_map *m, int subclass, int how, const char *file, int line);
int host_lock_class(const struct lockdep_map *m, int subclass);
void host_lock_order(const struct lockdep_map *m, int subclass, const char *file, int line);	/* before waiting for it */
void host_reclaim_order(const char *file, int line);	/* an allocation may enter the filesystem */
bool host_held_pop(const struct lockdep_map *m);
void host_check_freed(const void *p, size_t n);	/* a held lock in freed memory? */
void host_sync_reset(void);
void host_wq_reset(void);
void host_mem_reset(void);
void host_print_reset(void);
void host_lib_reset(void);
void host_statics_save(void);
void host_statics_restore(void);
void host_random_seed(u64 seed);
void host_print_stack(void);
void host_say(const char *fmt, ...) __printf(1, 2);

#endif /* HOST_INT_H */
