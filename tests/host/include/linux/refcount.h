/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: reference counts.  Every change says what it expects: a count that is 0 belongs to something freed. */
#ifndef HOST_LINUX_REFCOUNT_H
#define HOST_LINUX_REFCOUNT_H

#include <linux/types.h>
#include <linux/bug.h>

typedef struct refcount_struct {
	int	host_refs;
} refcount_t;

static inline void refcount_set(refcount_t *r, int n) { r->host_refs = n; }
static inline unsigned int refcount_read(const refcount_t *r) { return r->host_refs; }
static inline void refcount_inc(refcount_t *r)
{
	if (!WARN(r->host_refs < 1, "a reference taken to what has none (%d)", r->host_refs))
		r->host_refs++;
}
/* the last reference goes */
static inline __must_check bool refcount_dec_and_test(refcount_t *r)
{
	if (WARN(r->host_refs < 1, "a reference dropped of what has none (%d)", r->host_refs))
		return false;
	return --r->host_refs == 0;
}
/* one goes, but never the last: false then */
static inline __must_check bool refcount_dec_not_one(refcount_t *r)
{
	if (refcount_read(r) == 1)
		return false;
	return !refcount_dec_and_test(r);
}
static inline void refcount_dec(refcount_t *r)
{
	WARN(refcount_dec_and_test(r), "the last reference dropped by one who says that it is not");
}

#endif /* HOST_LINUX_REFCOUNT_H */
