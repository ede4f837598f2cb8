/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: fixed hash tables of hlists. */
#ifndef HOST_LINUX_HASHTABLE_H
#define HOST_LINUX_HASHTABLE_H

#include <linux/list.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/kernel.h>
#define DEFINE_HASHTABLE(n, b)	struct hlist_head n[1 << (b)]
#define DECLARE_HASHTABLE(n, b)	struct hlist_head n[1 << (b)]
#define HASH_SIZE(n)		(ARRAY_SIZE(n))
#define HASH_BITS(n)		ilog2(HASH_SIZE(n))
#define hash_min(v, b)		(sizeof(v) <= 4 ? hash_32(v, b) : hash_long(v, b))
#define hash_init(t)		do { size_t __i; for (__i = 0; __i < HASH_SIZE(t); __i++) INIT_HLIST_HEAD(&(t)[__i]); } while (0)
#define hash_add(t, n, k)	hlist_add_head(n, &t[hash_min(k, HASH_BITS(t))])
#define hash_del(n)		hlist_del_init(n)
#define hash_hashed(n)		(!hlist_unhashed(n))
#define hash_for_each(t, b, o, m) \
	for ((b) = 0, o = NULL; o == NULL && (b) < HASH_SIZE(t); (b)++) hlist_for_each_entry(o, &t[b], m)
#define hash_for_each_safe(t, b, tmp, o, m) \
	for ((b) = 0, o = NULL; o == NULL && (b) < HASH_SIZE(t); (b)++) hlist_for_each_entry_safe(o, tmp, &t[b], m)
#define hash_for_each_possible(t, o, m, k) hlist_for_each_entry(o, &t[hash_min(k, HASH_BITS(t))], m)
#define hash_for_each_possible_safe(t, o, tmp, m, k) \
	hlist_for_each_entry_safe(o, tmp, &t[hash_min(k, HASH_BITS(t))], m)

#endif /* HOST_LINUX_HASHTABLE_H */
