// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fibers and their scheduler, the simulated clock, timers, RCU callbacks.
 *
 * The scheduler lives on the program's own stack ("main").  A fiber switches
 * to main when it blocks, yields or ends; main picks who runs next.  Interrupt
 * events (I/O completions, timers) run on main's stack under an interrupt
 * context of their own, so that anything in them that sleeps is caught.
 *
 * Time stands still while something can run, apart from a microsecond for each
 * switch in seeded runs, which lets periodic work cut in at varied points.  When nothing
 * can run it jumps to the next timer; without a timer that is a deadlock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <execinfo.h>
#include "host_int.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define ASAN 1
#else
#define ASAN 0
#endif

#define STACK_BYTES	(256 * 1024)
#define GUARD_BYTES	4096
#define MAX_SWITCHES	400000000ULL
#define HANG_NS		(4ULL * 3600 * NSEC_PER_SEC)

static struct host_fiber main_fiber, irq_fiber;
struct task_struct *host_current_task = &main_fiber.task;
LIST_HEAD(host_fibers);
u64 host_seed;
bool host_in_sched;
bool host_soft_irq;	/* the interrupt is a timer or RCU: spin_lock_bh() territory */
unsigned long volatile jiffies = INITIAL_JIFFIES;

static u64 now_ns, switches, rnd_sched, rnd_test;
static unsigned int preempt_one_in;
static int next_pid;
static bool stopped;
static bool snap_done;
#if ASAN
static const void *main_bottom;
static size_t main_size;
#endif

/* What can run: fibers, and interrupt events. */
struct runent {
	struct host_fiber *f;
	void (*fn)(void *arg);
	void *arg;
};
static struct runent *rq;
static size_t rq_n, rq_cap;

static u64 rnd(u64 *s)
{
	u64 z = (*s += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

u64 host_sched_random(void) { return rnd(&rnd_sched); }
u64 host_random(void) { return rnd(&rnd_test); }
u64 host_now_ns(void) { return now_ns; }
u64 host_switches(void) { return switches; }
bool host_stopped(void) { return stopped; }
void host_set_preempt(unsigned int one_in) { preempt_one_in = one_in; }

static void rq_add(struct runent e)
{
	if (rq_n == rq_cap) {
		rq_cap = rq_cap ? rq_cap * 2 : 64;
		rq = realloc(rq, rq_cap * sizeof(*rq));
	}
	rq[rq_n++] = e;
}

static struct runent rq_take(void)
{
	size_t i = host_seed ? host_sched_random() % rq_n : 0;
	struct runent e = rq[i];

	if (host_seed)
		rq[i] = rq[--rq_n];
	else
		memmove(&rq[0], &rq[1], --rq_n * sizeof(*rq));
	return e;
}

void host_post_irq(void (*fn)(void *arg), void *arg)
{
	rq_add((struct runent) { .fn = fn, .arg = arg });
}

/* ---- switching ---- */

#if defined(__x86_64__)
void host_switch(void **save, void *to);
__asm__(
	".text\n.globl host_switch\n.type host_switch,@function\nhost_switch:\n"
	"	pushq %rbp\n	pushq %rbx\n	pushq %r12\n	pushq %r13\n	pushq %r14\n	pushq %r15\n"
	"	movq %rsp, (%rdi)\n	movq %rsi, %rsp\n"
	"	popq %r15\n	popq %r14\n	popq %r13\n	popq %r12\n	popq %rbx\n	popq %rbp\n"
	"	ret\n.size host_switch,.-host_switch\n");

static void ctx_make(struct host_fiber *f, void (*entry)(void))
{
	void **sp = (void **)(f->stack + STACK_BYTES);

	*--sp = NULL;
	*--sp = (void *)entry;
	sp -= 6;
	memset(sp, 0, 6 * sizeof(*sp));
	f->ctx = sp;
}
#else
#include <ucontext.h>
static void host_switch(void **save, void *to)
{
	ucontext_t self;

	*save = &self;
	swapcontext(&self, to);
}

static void ctx_make(struct host_fiber *f, void (*entry)(void))
{
	ucontext_t *uc = calloc(1, sizeof(*uc));

	getcontext(uc);
	uc->uc_stack.ss_sp = f->stack;
	uc->uc_stack.ss_size = STACK_BYTES;
	makecontext(uc, entry, 0);
	f->ctx = uc;
}
#endif

/* The fiber leaves the processor; returns when main resumes it. */
static void to_main(struct host_fiber *f, bool dying)
{
#if ASAN
	__sanitizer_start_switch_fiber(dying ? NULL : &f->fake_stack, main_bottom, main_size);
#endif
	host_switch(&f->ctx, main_fiber.ctx);
#if ASAN
	__sanitizer_finish_switch_fiber(f->fake_stack, &main_bottom, &main_size);
#endif
}

static void to_fiber(struct host_fiber *f)
{
	f->st = F_RUNNING;
	host_current_task = &f->task;
#if ASAN
	__sanitizer_start_switch_fiber(&main_fiber.fake_stack, f->stack, STACK_BYTES);
#endif
	host_switch(&main_fiber.ctx, f->ctx);
#if ASAN
	__sanitizer_finish_switch_fiber(main_fiber.fake_stack, NULL, NULL);
#endif
	host_current_task = &main_fiber.task;
}

static void fiber_end_checks(struct host_fiber *f)
{
	WARN(f->nheld, "fiber %s ends with %d locks held (the last from %s:%d)", f->task.comm, f->nheld,
	     f->nheld ? f->held[f->nheld - 1].file : "", f->nheld ? f->held[f->nheld - 1].line : 0);
	WARN(f->preempt || f->irqoff, "fiber %s ends with preemption or interrupts off", f->task.comm);
	WARN(f->task.flags & (PF_MEMALLOC | PF_MEMALLOC_NOFS | PF_MEMALLOC_NOIO),
	     "fiber %s ends inside an allocation scope", f->task.comm);
}

static void fiber_entry(void)
{
	struct host_fiber *f;

#if ASAN
	__sanitizer_finish_switch_fiber(NULL, &main_bottom, &main_size);
#endif
	f = host_self();
	f->ret = f->fn(f->arg);
	fiber_end_checks(f);
	f->st = F_DEAD;
	wake_up_all(host_var_queue(f));
	to_main(f, true);
	abort();
}

/* Stacks and fibers are reused: thousands of worlds in one program. */
static char *stack_pool[256];
static int stack_pool_n;

static char *stack_get(void)
{
	char *p;

	if (stack_pool_n)
		return stack_pool[--stack_pool_n];
	p = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		perror("mmap stack");
		abort();
	}
	mprotect(p, GUARD_BYTES, PROT_NONE);
	return p + GUARD_BYTES;
}

static void stack_put(char *p)
{
#if ASAN
	size_t i, step = 8 * 4096;	/* a page of shadow memory: not written if it need not be */

	for (i = 0; i < STACK_BYTES; i += step)
		if (__asan_region_is_poisoned(p + i, step))
			__asan_unpoison_memory_region(p + i, step);
#endif
	if (stack_pool_n < (int)ARRAY_SIZE(stack_pool))
		stack_pool[stack_pool_n++] = p;
	else
		munmap(p - GUARD_BYTES, STACK_BYTES + GUARD_BYTES);
}

static void fiber_init(struct host_fiber *f, const char *name)
{
	memset(f, 0, sizeof(*f));
	f->task.pid = f->task.tgid = next_pid++;
	f->task.host = f;
	host_snprintf(f->task.comm, sizeof(f->task.comm), "%s", name);
	INIT_LIST_HEAD(&f->wnode);
	INIT_LIST_HEAD(&f->all);
}

/* A new fiber, blocked: host_make_ready() starts it. */
struct host_fiber *host_fiber_new(int (*fn)(void *), void *arg, const char *name)
{
	struct host_fiber *f = malloc(sizeof(*f));

	fiber_init(f, name);
	f->real = true;
	f->fn = fn;
	f->arg = arg;
	f->stack = stack_get();
	f->st = F_BLOCKED;
	f->what = "start";
	ctx_make(f, fiber_entry);
	list_add_tail(&f->all, &host_fibers);
	return f;
}

void host_fiber_free(struct host_fiber *f)
{
	list_del(&f->all);
	stack_put(f->stack);
	free(f);
}

void host_make_ready(struct host_fiber *f)
{
	if (f->st != F_BLOCKED)
		return;
	f->st = F_READY;
	rq_add((struct runent) { .f = f });
}

static void must_be_fiber(const char *what, const char *file, int line)
{
	struct host_fiber *f = host_self();

	if (f->real)
		return;
	host_say("%s at %s:%d would block %s\n", what, file ? file : "?", line,
		 f == &irq_fiber ? "in interrupt context" : "outside of a fiber (use host_run)");
	host_dump_fibers();
	host_print_stack();
	abort();
}

static void leave(struct host_fiber *f)
{
	to_main(f, false);
	while (f->dump) {
		f->dump = false;
		host_print_stack();
		to_main(f, false);
	}
}

/* Block until host_make_ready(); the rest is for the report of a deadlock. */
void host_block(const char *what, const void *obj, struct task_struct *owner, const char *file, int line)
{
	struct host_fiber *f = host_self();

	must_be_fiber(what, file, line);
	f->what = what;
	f->obj = obj;
	f->owner = owner;
	f->file = file;
	f->line = line;
	f->st = F_BLOCKED;
	leave(f);
	f->what = NULL;
}

void host_yield(void)
{
	struct host_fiber *f = host_self();

	if (!f->real)
		return;
	f->st = F_READY;
	rq_add((struct runent) { .f = f });
	leave(f);
}

void yield(void) { host_yield(); }

void host_preempt_point(void)
{
	struct host_fiber *f = host_self();

	if (!host_seed || !preempt_one_in || !f->real || f->preempt || f->irqoff || f->st != F_RUNNING)
		return;
	if (host_sched_random() % preempt_one_in == 0)
		host_yield();
}

/* ---- reports ---- */

void host_print_stack(void)
{
#if ASAN
	fflush(stdout);
	__sanitizer_print_stack_trace();
#else
	void *a[32];
	int n = backtrace(a, 32);

	fflush(stdout);
	backtrace_symbols_fd(a, n, 2);
#endif
}

void dump_stack(void) { host_print_stack(); }

static void dump_one(struct host_fiber *f)
{
	static const char *const st[] = { "ready", "running", "BLOCKED", "dead" };
	int i;

	host_say("fiber %d %s: %s", f->task.pid, f->task.comm, st[f->st]);
	if (f->st == F_BLOCKED)
		host_say(" on %s %p at %s:%d", f->what ? f->what : "?", f->obj, f->file ? f->file : "?", f->line);
	if (f->st == F_BLOCKED && f->owner)
		host_say(", owned by fiber %d %s", f->owner->pid, f->owner->comm);
	host_say("\n");
	for (i = 0; i < f->nheld; i++)
		host_say("    holds %s (%s) %p from %s:%d\n", f->held[i].map->name ? f->held[i].map->name : "lock",
			 f->held[i].how == HOST_HELD_READ ? "read" : "write", f->held[i].map,
			 f->held[i].file, f->held[i].line);
}

void host_dump_fibers(void)
{
	struct host_fiber *f;

	list_for_each_entry(f, &host_fibers, all)
		dump_one(f);
}

/* Main only, before abort(). */
static void __noreturn die_with_fibers(const char *why)
{
	struct host_fiber *f;

	host_say("\n%s (seed %llu, %llu switches, simulated time %llu ms)\n", why, host_seed, switches,
		 now_ns / NSEC_PER_MSEC);
	list_for_each_entry(f, &host_fibers, all) {
		dump_one(f);
		if (f->st == F_BLOCKED && f->what && strcmp(f->what, "start")) {
			f->dump = true;
			to_fiber(f);
		}
	}
	abort();
}

/* ---- the loop ---- */

/* Remember what waits, for the report; schedule() itself knows nothing. */
static const char *note_what, *note_file;
static int note_line;

void host_wait_note(const char *what, const char *file, int line)
{
	note_what = what;
	note_file = file;
	note_line = line;
}

void host_clock_set(u64 ns)
{
	now_ns = ns;
	jiffies = INITIAL_JIFFIES + ns / (NSEC_PER_SEC / HZ);
}

static void run_irq(void (*fn)(void *), void *arg)
{
	host_current_task = &irq_fiber.task;
	irq_fiber.in_irq = true;
	fn(arg);
	WARN(irq_fiber.nheld, "interrupt ends with %d locks held", irq_fiber.nheld);
	WARN(irq_fiber.preempt || irq_fiber.irqoff, "interrupt ends with preemption or interrupts off");
	irq_fiber.nheld = irq_fiber.preempt = irq_fiber.irqoff = 0;
	host_current_task = &main_fiber.task;
}

static void timers_irq(void *unused) { host_timers_run(); }
static void rcu_irq(void *unused) { host_rcu_run(); }

/* Until root ends and nothing is runnable; without root: until nothing is runnable. */
static int loop(struct host_fiber *root, u64 until_ns)
{
	u64 hang = now_ns + HANG_NS;

	host_in_sched = true;
	for (;;) {
		struct runent e;

		if (stopped)
			break;
		if (root && root->st == F_DEAD)
			root = NULL;
		host_soft_irq = true;
		if (host_timers_next() <= now_ns)
			run_irq(timers_irq, NULL);
		run_irq(rcu_irq, NULL);
		host_soft_irq = false;
		if (!rq_n) {
			u64 next = host_timers_next();

			if (!root && next > until_ns)
				break;
			if (next == U64_MAX)
				die_with_fibers("DEADLOCK: nothing can run and no timer is pending");
			if (root && next > hang)
				die_with_fibers("HANG: the test makes no end, only timers run");
			host_clock_set(next);
			continue;
		}
		if (++switches > MAX_SWITCHES)
			die_with_fibers("LIVELOCK: too many switches");
		if (host_seed)
			host_clock_set(now_ns + 1000);
		e = rq_take();
		if (e.fn) {
			run_irq(e.fn, e.arg);
			continue;
		}
		to_fiber(e.f);
		if (e.f->st == F_DEAD && e.f->detached)
			host_fiber_free(e.f);
	}
	host_in_sched = false;
	return stopped ? HOST_CRASHED : 0;
}

int host_run(int (*fn)(void *arg), void *arg)
{
	struct host_fiber *f;
	int ret;

	if (host_in_sched || host_self() != &main_fiber) {
		host_say("host_run() inside a fiber\n");
		abort();
	}
	if (stopped)
		return HOST_CRASHED;
	f = host_fiber_new(fn, arg, "main");
	host_make_ready(f);
	ret = loop(f, now_ns);
	if (ret)
		return ret;
	ret = f->ret;
	host_fiber_free(f);
	return ret;
}

void host_drain(void) { loop(NULL, now_ns); }

void host_advance_ms(u64 ms)
{
	u64 to = now_ns + ms * NSEC_PER_MSEC;

	loop(NULL, to);
	if (!stopped && now_ns < to)
		host_clock_set(to);
}

struct host_fiber *host_spawn(int (*fn)(void *arg), void *arg, const char *name)
{
	struct host_fiber *f = host_fiber_new(fn, arg, name ? name : "fiber");

	host_make_ready(f);
	return f;
}

int host_join(struct host_fiber *f)
{
	int ret;

	wait_event(*host_var_queue(f), f->st == F_DEAD);
	ret = f->ret;
	host_fiber_free(f);
	return ret;
}

void host_stop_world(void)
{
	stopped = true;
	if (host_self()->real)
		to_main(host_self(), false);
}

/* ---- worlds ---- */

void host_kill_world(void)
{
	struct host_fiber *f, *n;

	list_for_each_entry_safe(f, n, &host_fibers, all)
		host_fiber_free(f);
	rq_n = 0;
	stopped = false;
	host_current_task = &main_fiber.task;
	next_pid = 0;
	fiber_init(&main_fiber, "boot");
	fiber_init(&irq_fiber, "irq");
	next_pid = 100;
	host_timers_reset();
	host_rcu_reset();
	host_sync_reset();
	host_wq_reset();
	host_mem_reset();
	host_lib_reset();
	host_statics_restore();
}

void host_init(u64 seed)
{
	if (!snap_done)
		host_statics_save();
	snap_done = true;
	host_kill_world();
	host_seed = seed;
	rnd_sched = seed * 0x2545F4914F6CDD1DULL + 1;
	rnd_test = seed * 0x9E6C63D0876A9A99ULL + 7;
	host_random_seed(seed);
	preempt_one_in = 16;
	switches = 0;
	host_clock_set(0);
	host_warn_count = 0;
	host_print_reset();
}

/* ---- what the kernel calls scheduling ---- */

void host_might_sleep(const char *file, int line)
{
	struct host_fiber *f = host_self();

	WARN(f->in_irq || f->preempt || f->irqoff,
	     "sleeping function called in atomic context at %s:%d (irq %d, preempt %d, irqs off %d)",
	     file, line, f->in_irq, f->preempt, f->irqoff);
}

void schedule(void)
{
	struct host_fiber *f = host_self();
	const char *what = note_what, *file = note_file;
	int line = note_line;

	note_what = NULL;
	WARN(f->in_irq || f->preempt || f->irqoff, "scheduling while atomic");
	if (f->task.__state == TASK_RUNNING) {
		host_yield();
		return;
	}
	f->in_schedule = true;
	host_block(what ? what : "schedule()", NULL, NULL, what ? file : NULL, what ? line : 0);
	f->in_schedule = false;
}

int wake_up_state(struct task_struct *t, unsigned int state)
{
	struct host_fiber *f = container_of(t, struct host_fiber, task);

	if (f->st == F_DEAD || !(t->__state & state))
		return 0;
	t->__state = TASK_RUNNING;
	if (f->st == F_BLOCKED && f->in_schedule)
		host_make_ready(f);
	return 1;
}

int wake_up_process(struct task_struct *t) { return wake_up_state(t, TASK_NORMAL); }

static void sleep_timer(struct timer_list *t)
{
	wake_up_process(&container_of(t, struct host_fiber, timer)->task);
}

long schedule_timeout(long t)
{
	struct host_fiber *f = host_self();
	unsigned long end = jiffies + t;
	long left;

	if (t == MAX_SCHEDULE_TIMEOUT) {
		schedule();
		return t;
	}
	if (t < 0) {
		WARN(1, "schedule_timeout: wrong timeout %ld", t);
		__set_current_state(TASK_RUNNING);
		return 0;
	}
	timer_setup(&f->timer, sleep_timer, 0);
	mod_timer(&f->timer, end);
	schedule();
	del_timer(&f->timer);
	left = (long)(end - jiffies);
	return left < 0 ? 0 : left;
}

long schedule_timeout_uninterruptible(long t)
{
	__set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(t);
}

void msleep(unsigned int ms)
{
	long t = msecs_to_jiffies(ms) + 1;

	might_sleep();
	while (t)
		t = schedule_timeout_uninterruptible(t);
}

void usleep_range(unsigned long min, unsigned long max)
{
	struct host_fiber *f = host_self();

	might_sleep();
	timer_setup(&f->timer, sleep_timer, 0);
	host_timer_add_ns(&f->timer, now_ns + min * NSEC_PER_USEC);
	__set_current_state(TASK_UNINTERRUPTIBLE);
	host_wait_note("usleep_range()", __FILE__, __LINE__);
	schedule();
}

void host_udelay(unsigned long us) { host_clock_set(now_ns + us * NSEC_PER_USEC); }

int host_cond_resched(void)
{
	host_might_sleep(__FILE__, __LINE__);
	if (host_seed && preempt_one_in && host_sched_random() % 4 == 0) {
		host_yield();
		return 1;
	}
	return 0;
}

int host_cond_resched_lock(void *lock) { return 0; }

/* ---- contexts ---- */

void preempt_disable(void) { host_self()->preempt++; }
void preempt_enable(void)
{
	struct host_fiber *f = host_self();

	if (WARN(f->preempt <= 0, "preempt_enable without disable"))
		return;
	if (!--f->preempt)
		host_preempt_point();
}
int preempt_count(void) { return host_self()->preempt + (host_self()->in_irq ? 0x10000 : 0); }
bool in_interrupt(void) { return host_self()->in_irq; }
bool in_atomic(void) { return preempt_count() != 0; }
bool irqs_disabled(void) { return host_self()->irqoff || host_self()->in_irq; }
/* Off and on do not nest, as on the real machine; only the saved forms do. */
void local_irq_disable(void) { host_self()->irqoff = 1; }
void local_irq_enable(void) { host_self()->irqoff = 0; host_preempt_point(); }
unsigned long host_irq_save(void)
{
	unsigned long was = host_self()->irqoff;

	host_self()->irqoff = 1;
	return was;
}
void host_irq_restore(unsigned long flags)
{
	host_self()->irqoff = flags;
	host_preempt_point();
}
void local_bh_disable(void) { preempt_disable(); }
void local_bh_enable(void) { preempt_enable(); }

/* ---- timers ---- */

static LIST_HEAD(timers);
static u64 timer_seq;

void host_timers_reset(void) { INIT_LIST_HEAD(&timers); }

u64 host_timers_next(void)
{
	return list_empty(&timers) ? U64_MAX : list_first_entry(&timers, struct timer_list, host_node)->host_when_ns;
}

void host_timer_setup(struct timer_list *t, void (*f)(struct timer_list *), unsigned int flags)
{
	*t = (struct timer_list) { .function = f, .flags = flags };
}

void host_timer_add_ns(struct timer_list *t, u64 when_ns)
{
	struct timer_list *p;

	if (t->host_pending)
		list_del(&t->host_node);
	t->host_when_ns = when_ns;
	t->host_seq = timer_seq++;
	t->host_pending = true;
	list_for_each_entry_reverse(p, &timers, host_node)
		if (p->host_when_ns <= when_ns)
			break;
	list_add(&t->host_node, &p->host_node);
}

int mod_timer(struct timer_list *t, unsigned long expires)
{
	int was = t->host_pending;
	long ahead = (long)(expires - INITIAL_JIFFIES);

	t->expires = expires;
	host_timer_add_ns(t, ahead < 0 ? 0 : (u64)ahead * (NSEC_PER_SEC / HZ));
	return was;
}

void add_timer(struct timer_list *t) { mod_timer(t, t->expires); }

int del_timer(struct timer_list *t)
{
	if (!t->host_pending)
		return 0;
	list_del(&t->host_node);
	t->host_pending = false;
	return 1;
}

bool host_timers_run(void)
{
	bool any = false;

	while (host_timers_next() <= now_ns) {
		struct timer_list *t = list_first_entry(&timers, struct timer_list, host_node);

		del_timer(t);
		any = true;
		t->function(t);
	}
	return any;
}

u64 ktime_get_ns(void) { return now_ns + NSEC_PER_SEC; }
u64 local_clock(void) { return now_ns; }

/* Wall clock: starts on 2023-11-14 and runs with the simulation. */
void ktime_get_real_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(1700000000LL * NSEC_PER_SEC + now_ns);
}

/* ---- RCU: called from main between fibers, when nobody reads ---- */

struct rcu_ent {
	struct rcu_head *head;
	rcu_callback_t fn;
	void *free;
};
static struct rcu_ent *rcu_q;
static size_t rcu_n, rcu_cap;

static void rcu_add(struct rcu_ent e)
{
	if (rcu_n == rcu_cap) {
		rcu_cap = rcu_cap ? rcu_cap * 2 : 64;
		rcu_q = realloc(rcu_q, rcu_cap * sizeof(*rcu_q));
	}
	rcu_q[rcu_n++] = e;
}

void host_rcu_reset(void) { rcu_n = 0; }
void call_rcu(struct rcu_head *head, rcu_callback_t func) { rcu_add((struct rcu_ent) { .head = head, .fn = func }); }
void host_free_rcu(struct rcu_head *head, void *p) { rcu_add((struct rcu_ent) { .free = p }); }

bool host_rcu_run(void)
{
	struct host_fiber *f;
	size_t i;

	if (!rcu_n)
		return false;
	list_for_each_entry(f, &host_fibers, all)
		if (f->preempt)
			return false;
	for (i = 0; i < rcu_n; i++) {
		struct rcu_ent e = rcu_q[i];

		if (e.free)
			kvfree(e.free);
		else
			e.fn(e.head);
	}
	rcu_n = 0;
	return true;
}

void synchronize_rcu(void)
{
	might_sleep();
	host_yield();
}

void rcu_barrier(void)
{
	might_sleep();
	if (!host_self()->real) {
		host_rcu_run();
		return;
	}
	while (rcu_n)
		host_yield();
}

/* ---- kernel threads ---- */

struct kthread_arg { int (*fn)(void *); void *data; };

static int kthread_main(void *p)
{
	struct kthread_arg a = *(struct kthread_arg *)p;

	free(p);
	__set_current_state(TASK_RUNNING);
	return a.fn(a.data);
}

struct task_struct *kthread_create(int (*fn)(void *), void *data, const char *fmt, ...);
struct task_struct *kthread_create(int (*fn)(void *), void *data, const char *fmt, ...)
{
	struct kthread_arg *a = malloc(sizeof(*a));
	struct host_fiber *f;
	char name[TASK_COMM_LEN];
	va_list ap;

	va_start(ap, fmt);
	host_vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	a->fn = fn;
	a->data = data;
	f = host_fiber_new(kthread_main, a, name);
	f->task.flags |= PF_KTHREAD;
	f->task.__state = TASK_UNINTERRUPTIBLE;
	f->in_schedule = true;
	return &f->task;
}

bool kthread_should_stop(void);
bool kthread_should_stop(void) { return host_self()->should_stop; }

int kthread_stop(struct task_struct *t);
int kthread_stop(struct task_struct *t)
{
	struct host_fiber *f = container_of(t, struct host_fiber, task);

	f->should_stop = true;
	wake_up_process(t);
	return host_join(f);
}

/* ---- the core's statics ---- */

extern char __start_dx_data[] __weak, __stop_dx_data[] __weak;
extern char __start_dx_bss[] __weak, __stop_dx_bss[] __weak;
static char *saved_data, *saved_bss;

/* Red zones between globals make memcpy() a false alarm. */
static void raw_copy(void *d, const void *s, size_t n)
{
#if defined(__x86_64__)
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
#else
	volatile char *dd = d;
	const volatile char *ss = s;

	while (n--)
		*dd++ = *ss++;
#endif
}

/* As memcmp() would, which is a false alarm as well. */
__attribute__((no_sanitize("address", "undefined"))) static bool raw_same(const char *a, const char *b, size_t n)
{
	size_t i;

	for (i = 0; i + sizeof(u64) <= n; i += sizeof(u64))
		if (*(const u64 *)(a + i) != *(const u64 *)(b + i))
			return false;
	for (; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

void host_statics_save(void)
{
	size_t nd = __stop_dx_data - __start_dx_data, nb = __stop_dx_bss - __start_dx_bss;

	saved_data = malloc(nd + 1);
	saved_bss = malloc(nb + 1);
	raw_copy(saved_data, __start_dx_data, nd);
	raw_copy(saved_bss, __start_dx_bss, nb);
}

/* What is the same stays untouched: in a fresh copy of the process each page written is a page fault. */
static void raw_restore(char *d, const char *s, size_t n)
{
	size_t i, m;

	for (i = 0; i < n; i += m) {
		m = min_t(size_t, n - i, 1024);
		if (!raw_same(d + i, s + i, m))
			raw_copy(d + i, s + i, m);
	}
}

void host_statics_restore(void)
{
	raw_restore(__start_dx_data, saved_data, __stop_dx_data - __start_dx_data);
	raw_restore(__start_dx_bss, saved_bss, __stop_dx_bss - __start_dx_bss);
}
