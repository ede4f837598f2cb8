/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: reference counts that refuse to wrap or to rise from zero. */
#ifndef HOST_LINUX_REFCOUNT_H
#define HOST_LINUX_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/spinlock_types.h>
typedef struct refcount_struct { atomic_t refs; } refcount_t;
#define REFCOUNT_INIT(n)	{ .refs = ATOMIC_INIT(n) }
struct mutex;
static inline void refcount_set(refcount_t *r, int n) { atomic_set(&r->refs, n); }
static inline unsigned int refcount_read(const refcount_t *r) { return atomic_read(&r->refs); }
static inline void refcount_add(int i, refcount_t *r)
{
	WARN(r->refs.counter <= 0, "refcount: addition on %d; use-after-free", r->refs.counter);
	r->refs.counter += i;
}
static inline void refcount_inc(refcount_t *r) { refcount_add(1, r); }
static inline __must_check bool refcount_add_not_zero(int i, refcount_t *r)
{
	if (!r->refs.counter)
		return false;
	refcount_add(i, r);
	return true;
}
static inline __must_check bool refcount_inc_not_zero(refcount_t *r) { return refcount_add_not_zero(1, r); }
static inline __must_check bool refcount_sub_and_test(int i, refcount_t *r)
{
	if (WARN(r->refs.counter < i, "refcount: underflow from %d", r->refs.counter))
		return false;
	r->refs.counter -= i;
	return r->refs.counter == 0;
}
static inline __must_check bool refcount_dec_and_test(refcount_t *r) { return refcount_sub_and_test(1, r); }
static inline void refcount_dec(refcount_t *r)
{
	WARN(r->refs.counter <= 1, "refcount: decrement hit 0; leaking memory");
	r->refs.counter--;
}
static inline __must_check bool refcount_dec_if_one(refcount_t *r)
{
	if (r->refs.counter != 1)
		return false;
	r->refs.counter = 0;
	return true;
}
static inline __must_check bool refcount_dec_not_one(refcount_t *r)
{
	if (r->refs.counter == 1)
		return false;
	refcount_dec(r);
	return true;
}
bool refcount_dec_and_mutex_lock(refcount_t *r, struct mutex *lock) __must_check;
bool refcount_dec_and_lock(refcount_t *r, spinlock_t *lock) __must_check;

#endif /* HOST_LINUX_REFCOUNT_H */
