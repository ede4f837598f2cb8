/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a unit program sees of the simulated kernel and of the simulated disk.
 *
 * One operating system thread.  Kernel threads, work items and tests are
 * fibers: exactly one runs, and it loses the processor only where kernel code
 * may sleep or be preempted (locks, waits, allocation of nothing).  With a
 * seed other than 0 the scheduler picks the next fiber, and the order of I/O
 * completions, at random from that seed, and preempts at lock operations; the same
 * seed gives the same run.  Seed 0 is first come, first served.
 *
 * A world is everything between host_init() and host_kill_world(): fibers,
 * timers, work queues, kmalloc memory, and the core's static data.  The device
 * is not part of it: it survives, as a disk survives a crash.
 *
 * Include the C library's headers before this one: the kernel's macros (abs,
 * min, current, snprintf) do not mix with prototypes that come later.
 */
#ifndef HOST_H
#define HOST_H

#include "dx_kern.h"
#include "dx_plat.h"

/* ---- the world ---- */

#define HOST_CRASHED	(-100000)	/* host_run(): a crash trigger stopped the world */

void host_init(u64 seed);		/* start a world (kills the one before) */
void host_kill_world(void);		/* forget every fiber, timer and allocation; restore the core's statics */
/* Run fn as a fiber until it returns, then everything that is still runnable. */
int host_run(int (*fn)(void *arg), void *arg);
struct host_fiber;
struct host_fiber *host_spawn(int (*fn)(void *arg), void *arg, const char *name);
int host_join(struct host_fiber *f);	/* frees f */
void host_yield(void);
void host_drain(void);			/* from outside fibers: run what is runnable */
void host_advance_ms(u64 ms);		/* from outside fibers: let time pass, run what comes due */
u64 host_now_ns(void);
u64 host_switches(void);
u64 host_random(void);			/* the test's own stream, from the seed */
bool host_stopped(void);		/* a crash trigger has fired */
void host_stop_world(void);		/* what the trigger calls; a fiber does not return from it */
void host_dump_fibers(void);
void host_set_preempt(unsigned int one_in);	/* preempt at one in so many lock operations; 0 = never */
void host_shrink_all(unsigned long nr);	/* memory pressure: call every shrinker */
/* Events in interrupt context, e.g. I/O completions. */
void host_post_irq(void (*fn)(void *arg), void *arg);

/* ---- warnings, log ---- */

extern unsigned long host_warn_count;	/* WARN*() hit since host_init(); reset it when expected */
void host_set_printk(int level);	/* show levels below this; default 5 (warnings and worse), env HOST_PRINTK */
void host_log_clear(void);
bool host_log_has(const char *substring);
const char *host_log(void);		/* all that printk said since host_log_clear()/host_init() */

/* ---- memory ---- */

void host_fail_alloc_nth(unsigned long n);	/* the nth allocation from now fails (not __GFP_NOFAIL); 0 = none */
void host_fail_alloc_from(unsigned long n);	/* ... and all after it */
bool host_alloc_failed(void);		/* has the knob fired */
unsigned long host_alloc_count(void);	/* allocations that could have failed, since host_init() */
size_t host_alloc_peak(void);		/* most bytes in use at a time since host_init() */
size_t host_alloc_largest(void);	/* the largest of them */
unsigned long host_live_allocs(bool print);	/* blocks not freed; print the first of them */

/* ---- the device ---- */

struct dx_bdev *host_dev_open(const char *image);	/* private copy-on-write view of an image file */
struct dx_bdev *host_dev_mem(u64 bytes);		/* all zero */
void host_dev_close(struct dx_bdev *dev);
void host_dev_reset(struct dx_bdev *dev);	/* back to the image; knobs and counts cleared */
void host_dev_set_lbs(struct dx_bdev *dev, unsigned int bytes);
void host_dev_resize(struct dx_bdev *dev, u64 bytes);	/* larger, or smaller; what is new reads as zero */
void host_dev_set_readonly(struct dx_bdev *dev, bool ro);
void host_dev_set_discard(struct dx_bdev *dev, bool can);	/* default: can */
void host_dev_set_discard_speed(struct dx_bdev *dev, unsigned int ms_per_mib);	/* until the reset; default: at once */

struct host_dev_counts {
	u64 reads, writes, flushes, fua, preflush, discards;
	u64 read_bytes, write_bytes;
	u64 unflushed;		/* completed writes that a crash may lose now */
	u64 inflight;
	u64 failed;		/* by a knob */
};
void host_dev_counts(struct dx_bdev *dev, struct host_dev_counts *c);
/* Called as each I/O completes, before ->done. */
void host_dev_set_hook(struct dx_bdev *dev, void (*hook)(void *arg, const struct dx_io *io, int error), void *arg);
/* Called as each I/O has been submitted.  Either hook may host_stop_world(): the crash is then before the rest of the event. */
void host_dev_set_submit_hook(struct dx_bdev *dev, void (*hook)(void *arg, const struct dx_io *io), void *arg);

/* Writes that begin in this range take so long; until the reset. */
void host_dev_set_slow(struct dx_bdev *dev, u64 daddr_bb, u64 len_bb, unsigned int ms);
/* Each read takes so long, beside the others; until the reset. */
void host_dev_set_read_time(struct dx_bdev *dev, unsigned int ms);

/* Contents as a reader sees them; poke is durable at once. */
void host_dev_peek(struct dx_bdev *dev, u64 off, void *buf, size_t len);
void host_dev_poke(struct dx_bdev *dev, u64 off, const void *buf, size_t len);
/* Write the image out (sparse) for xfs_repair and the like; repeated saves to one path write what differs. */
int host_dev_save(struct dx_bdev *dev, const char *path);
struct host_dev_snap;
struct host_dev_snap *host_dev_snap_take(struct dx_bdev *dev);	/* world quiet, all flushed */
void host_dev_snap_restore(struct dx_bdev *dev, struct host_dev_snap *s);
void host_dev_snap_free(struct host_dev_snap *s);

/* Failing I/O: from the nth matching I/O from now (1 = the next). */
#define HOST_FAIL_READ	1u
#define HOST_FAIL_WRITE	2u
#define HOST_FAIL_FLUSH	4u
#define HOST_FAIL_ANY	7u
void host_dev_fail(struct dx_bdev *dev, unsigned int what, u64 nth, bool all_after, int error);
void host_dev_fail_range(struct dx_bdev *dev, unsigned int what, u64 daddr_bb, u64 len_bb, int error);
void host_dev_fail_outside(struct dx_bdev *dev, unsigned int what, u64 daddr_bb, u64 len_bb, int error);	/* all that touches nothing there */
void host_dev_fail_none(struct dx_bdev *dev);

/* A crash: stop the world when the nth write (or flush) from now is submitted or has completed. */
enum host_crash_when { HOST_CRASH_SUBMIT, HOST_CRASH_COMPLETE };
void host_dev_crash_at(struct dx_bdev *dev, u64 nth, enum host_crash_when when);	/* nth 0 = never */
/*
 * Then decide what survived.  Durable: flushed writes and completed FUA
 * writes.  The rest, completed but unflushed and in flight, may:
 */
enum host_crash_mode {
	HOST_LOSE_ALL,		/* none of the rest survives */
	HOST_KEEP_ALL,		/* all of it does */
	HOST_KEEP_PREFIX,	/* the first of them, in order, the last of those torn */
	HOST_KEEP_RANDOM,	/* each write by a coin of its own */
	HOST_KEEP_TORN,		/* each sector by a coin of its own */
	HOST_CRASH_MODES,
};
void host_dev_crash(struct dx_bdev *dev, enum host_crash_mode mode, u64 seed);

/* How often locks (spinlocks, semaphores) were taken from "on" on, by what their initialiser calls them: "&ic->lock". */
void host_lock_count(bool on);
u64 host_lock_taken(const char *name);

/* ---- tests ---- */

extern bool host_killed;			/* what dx_plat_killed() says */
extern bool host_frozen;			/* and, of going to sleep, dx_plat_interrupted() */
#ifndef ERESTARTSYS
#define ERESTARTSYS 512				/* of the kernel, no program sees it */
#endif
extern int host_checks_failed;		/* since the last test ended */
extern int host_tests_failed;
bool host_check(bool ok, const char *what, const char *file, int line);
#define CHECK(c)	host_check(!!(c), #c, __FILE__, __LINE__)
bool host_check_eq(long long a, long long b, const char *what, const char *file, int line);
#define CHECK_EQ(a, b)	host_check_eq((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
/* A world of its own for fn; prints "ok NAME" or "not ok NAME"; fails on CHECK, non-zero return or WARN. */
bool host_test(const char *name, u64 seed, int (*fn)(void *), void *arg);
/* The same verdict for a test that makes its worlds itself. */
void host_test_begin(const char *name);
bool host_test_end(void);
/*
 * Run @one for each seed from @first on, to before @end or, when @until is not 0, up to that time.  Children do, so many at a
 * time: when one dies, @died hears of which seed, and the rest goes on behind it.  Stops early at six failures: @failed, in
 * memory that the children share, counts what they find, and the dead.
 */
void host_each_seed(u64 first, u64 end, time_t until, u64 *failed, void (*one)(u64 seed), void (*died)(u64 seed, int status));
int host_test_exit(void);		/* for main: the exit code */
/* Die after so many seconds of processor time from now, however many others want it too; 0: no limit. */
void host_cpu_limit(unsigned int seconds);
int host_sh(const char *fmt, ...) __printf(1, 2);	/* system(); returns the exit code */
/* Is xfs_repair -n content with what a read of the device would return?  @path: scratch file, which stays. */
bool host_repair_clean(struct dx_bdev *d, const char *path);

#endif /* HOST_H */
