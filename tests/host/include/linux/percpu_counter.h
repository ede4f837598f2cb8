/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: approximate counters: the read value lags by less than a batch, as on one CPU. */
#ifndef HOST_LINUX_PERCPU_COUNTER_H
#define HOST_LINUX_PERCPU_COUNTER_H

#include <linux/types.h>
#include <linux/percpu.h>
#include <linux/errno.h>
#include <linux/spinlock.h>
struct percpu_counter { s64 count; s64 host_local; bool host_live; };
extern int percpu_counter_batch;
int host_pcc_init(struct percpu_counter *c, s64 amount, gfp_t gfp, const char *file, int line);
#define percpu_counter_init(c, a, g)	host_pcc_init(c, a, g, __FILE__, __LINE__)
void percpu_counter_destroy(struct percpu_counter *c);
void percpu_counter_add_batch(struct percpu_counter *c, s64 amount, s32 batch);
int __percpu_counter_compare(struct percpu_counter *c, s64 rhs, s32 batch);
static inline void percpu_counter_set(struct percpu_counter *c, s64 v) { c->count = v; c->host_local = 0; }
static inline void percpu_counter_sync(struct percpu_counter *c) { c->count += c->host_local; c->host_local = 0; }
static inline s64 percpu_counter_read(struct percpu_counter *c) { return c->count; }
static inline s64 percpu_counter_read_positive(struct percpu_counter *c) { return c->count > 0 ? c->count : 0; }
static inline s64 percpu_counter_sum(struct percpu_counter *c) { return c->count + c->host_local; }
static inline s64 percpu_counter_sum_positive(struct percpu_counter *c)
{
	s64 v = percpu_counter_sum(c);

	return v > 0 ? v : 0;
}
static inline void percpu_counter_add(struct percpu_counter *c, s64 n) { percpu_counter_add_batch(c, n, percpu_counter_batch); }

#endif /* HOST_LINUX_PERCPU_COUNTER_H */
