/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: kref. */
#ifndef HOST_LINUX_KREF_H
#define HOST_LINUX_KREF_H

#include <linux/refcount.h>
struct kref { refcount_t refcount; };
static inline void kref_init(struct kref *k) { refcount_set(&k->refcount, 1); }
static inline unsigned int kref_read(const struct kref *k) { return refcount_read(&k->refcount); }
static inline void kref_get(struct kref *k) { refcount_inc(&k->refcount); }
static inline int kref_put(struct kref *k, void (*rel)(struct kref *k))
{
	if (refcount_dec_and_test(&k->refcount)) {
		rel(k);
		return 1;
	}
	return 0;
}
static inline int __must_check kref_get_unless_zero(struct kref *k) { return refcount_inc_not_zero(&k->refcount); }

#endif /* HOST_LINUX_KREF_H */
