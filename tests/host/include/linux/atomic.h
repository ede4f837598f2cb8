/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host shim: atomics.  Fibers switch at blocking points only, and nothing
 * interrupts them, so that plain arithmetic is atomic.
 */
#ifndef HOST_LINUX_ATOMIC_H
#define HOST_LINUX_ATOMIC_H

#include <linux/types.h>

#define smp_mb()		barrier()
#define smp_rmb()		barrier()
#define smp_wmb()		barrier()
#define smp_mb__after_atomic()	barrier()
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)
#define cmpxchg(p, o, n) ({ \
	typeof(*(p)) __co = (o), __cn = (n), __cc = *(p); \
	*(p) = __cc == __co ? __cn : __cc; __cc; })

static inline int atomic_read(const atomic_t *v) { return READ_ONCE(v->counter); }
static inline void atomic_set(atomic_t *v, int i) { WRITE_ONCE(v->counter, i); }
static inline void atomic_inc(atomic_t *v) { v->counter++; }
static inline void atomic_dec(atomic_t *v) { v->counter--; }
static inline int atomic_inc_return(atomic_t *v) { return ++v->counter; }
static inline bool atomic_dec_and_test(atomic_t *v) { return --v->counter == 0; }

static inline s64 atomic64_read(const atomic64_t *v) { return READ_ONCE(v->counter); }
static inline void atomic64_set(atomic64_t *v, s64 i) { WRITE_ONCE(v->counter, i); }
static inline void atomic64_add(s64 i, atomic64_t *v) { v->counter += i; }
static inline void atomic64_sub(s64 i, atomic64_t *v) { v->counter -= i; }
static inline void atomic64_inc(atomic64_t *v) { v->counter++; }
static inline s64 atomic64_inc_return(atomic64_t *v) { return ++v->counter; }
static inline s64 atomic64_xchg(atomic64_t *v, s64 n) { s64 o = v->counter; v->counter = n; return o; }
static inline s64 atomic64_cmpxchg(atomic64_t *v, s64 o, s64 n) { return cmpxchg(&v->counter, o, n); }


#endif /* HOST_LINUX_ATOMIC_H */
