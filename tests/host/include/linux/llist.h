/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: singly linked lists with a shared head. */
#ifndef HOST_LINUX_LLIST_H
#define HOST_LINUX_LLIST_H

#include <linux/types.h>
#include <linux/container_of.h>
#include <linux/atomic.h>
struct llist_head { struct llist_node *first; };
struct llist_node { struct llist_node *next; };
#define LLIST_HEAD_INIT(n)	{ NULL }
#define LLIST_HEAD(n)		struct llist_head n = LLIST_HEAD_INIT(n)
static inline void init_llist_head(struct llist_head *l) { l->first = NULL; }
#define llist_entry(p, t, m)	container_of(p, t, m)
static inline bool llist_empty(const struct llist_head *h) { return !READ_ONCE(h->first); }
static inline bool llist_add_batch(struct llist_node *f, struct llist_node *l, struct llist_head *h)
{
	bool was_empty = !h->first;

	l->next = h->first;
	h->first = f;
	return was_empty;
}
static inline bool llist_add(struct llist_node *n, struct llist_head *h) { return llist_add_batch(n, n, h); }
static inline struct llist_node *llist_del_all(struct llist_head *h)
{
	struct llist_node *n = h->first;

	h->first = NULL;
	return n;
}
static inline struct llist_node *llist_del_first(struct llist_head *h)
{
	struct llist_node *n = h->first;

	if (n)
		h->first = n->next;
	return n;
}
static inline struct llist_node *llist_next(struct llist_node *n) { return n->next; }
struct llist_node *llist_reverse_order(struct llist_node *head);
#define llist_for_each(p, n)	for ((p) = (n); p; (p) = (p)->next)
#define llist_for_each_safe(p, t, n) for ((p) = (n); (p) && ((t) = (p)->next, true); (p) = (t))
#define __host_ll_ok(p, m)	((uintptr_t)(p) + offsetof(typeof(*(p)), m) != 0)
#define llist_for_each_entry(p, n, m) \
	for ((p) = llist_entry((n), typeof(*(p)), m); __host_ll_ok(p, m); \
	     (p) = llist_entry((p)->m.next, typeof(*(p)), m))
#define llist_for_each_entry_safe(p, t, n, m) \
	for ((p) = llist_entry((n), typeof(*(p)), m); \
	     __host_ll_ok(p, m) && ((t) = llist_entry((p)->m.next, typeof(*(p)), m), true); (p) = (t))

#endif /* HOST_LINUX_LLIST_H */
