/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: doubly linked lists. */
#ifndef HOST_LINUX_LIST_H
#define HOST_LINUX_LIST_H

#include <linux/types.h>
#include <linux/container_of.h>
#include <linux/poison.h>

#define LIST_HEAD_INIT(n)	{ &(n), &(n) }
#define LIST_HEAD(n)		struct list_head n = LIST_HEAD_INIT(n)
static inline void INIT_LIST_HEAD(struct list_head *l) { l->next = l; l->prev = l; }

void host_list_corrupt(const char *op, const void *entry);
static inline void __list_add(struct list_head *e, struct list_head *prev, struct list_head *next)
{
	if (unlikely(next->prev != prev || prev->next != next || e == prev || e == next))
		host_list_corrupt("add", e);
	next->prev = e;
	e->next = next;
	e->prev = prev;
	prev->next = e;
}
static inline void list_add(struct list_head *e, struct list_head *h) { __list_add(e, h, h->next); }
static inline void list_add_tail(struct list_head *e, struct list_head *h) { __list_add(e, h->prev, h); }
static inline void __list_del(struct list_head *prev, struct list_head *next) { next->prev = prev; prev->next = next; }
static inline void __list_del_entry(struct list_head *e)
{
	if (unlikely(e->next == LIST_POISON1 || e->prev == LIST_POISON2 ||
		     e->prev->next != e || e->next->prev != e))
		host_list_corrupt("del", e);
	__list_del(e->prev, e->next);
}
static inline void list_del(struct list_head *e)
{
	__list_del_entry(e);
	e->next = LIST_POISON1;
	e->prev = LIST_POISON2;
}
static inline void list_del_init(struct list_head *e) { __list_del_entry(e); INIT_LIST_HEAD(e); }
#define list_del_init_careful	list_del_init
static inline void list_replace(struct list_head *o, struct list_head *n)
{
	n->next = o->next;
	n->next->prev = n;
	n->prev = o->prev;
	n->prev->next = n;
}
static inline void list_replace_init(struct list_head *o, struct list_head *n) { list_replace(o, n); INIT_LIST_HEAD(o); }
static inline void list_move(struct list_head *e, struct list_head *h) { __list_del_entry(e); list_add(e, h); }
static inline void list_move_tail(struct list_head *e, struct list_head *h) { __list_del_entry(e); list_add_tail(e, h); }
static inline void list_bulk_move_tail(struct list_head *h, struct list_head *first, struct list_head *last)
{
	first->prev->next = last->next;
	last->next->prev = first->prev;
	h->prev->next = first;
	first->prev = h->prev;
	last->next = h;
	h->prev = last;
}
static inline int list_is_first(const struct list_head *l, const struct list_head *h) { return l->prev == h; }
static inline int list_is_last(const struct list_head *l, const struct list_head *h) { return l->next == h; }
static inline int list_is_head(const struct list_head *l, const struct list_head *h) { return l == h; }
static inline int list_empty(const struct list_head *h) { return READ_ONCE(h->next) == h; }
static inline int list_empty_careful(const struct list_head *h) { return h->next == h && h->prev == h; }
static inline int list_is_singular(const struct list_head *h) { return !list_empty(h) && h->next == h->prev; }
static inline void list_rotate_left(struct list_head *h) { if (!list_empty(h)) list_move_tail(h->next, h); }
static inline void list_rotate_to_front(struct list_head *l, struct list_head *h) { list_move_tail(h, l); }
static inline void __list_splice(const struct list_head *l, struct list_head *prev, struct list_head *next)
{
	struct list_head *first = l->next, *last = l->prev;

	first->prev = prev;
	prev->next = first;
	last->next = next;
	next->prev = last;
}
static inline void list_splice(const struct list_head *l, struct list_head *h)
{
	if (!list_empty(l))
		__list_splice(l, h, h->next);
}
static inline void list_splice_tail(struct list_head *l, struct list_head *h)
{
	if (!list_empty(l))
		__list_splice(l, h->prev, h);
}
static inline void list_splice_init(struct list_head *l, struct list_head *h)
{
	list_splice(l, h);
	INIT_LIST_HEAD(l);
}
static inline void list_splice_tail_init(struct list_head *l, struct list_head *h)
{
	list_splice_tail(l, h);
	INIT_LIST_HEAD(l);
}
static inline void list_cut_position(struct list_head *l, struct list_head *h, struct list_head *e)
{
	if (list_empty(h) || e == h) {
		INIT_LIST_HEAD(l);
		return;
	}
	l->next = h->next;
	l->next->prev = l;
	h->next = e->next;
	h->next->prev = h;
	l->prev = e;
	e->next = l;
}
static inline void list_cut_before(struct list_head *l, struct list_head *h, struct list_head *e)
{
	list_cut_position(l, h, e->prev);
}
static inline void list_swap(struct list_head *a, struct list_head *b)
{
	struct list_head *pos = b->prev;

	list_del(b);
	list_replace(a, b);
	if (pos == a)
		pos = b;
	list_add(a, pos);
}
static inline size_t list_count_nodes_host(struct list_head *h)
{
	struct list_head *p;
	size_t n = 0;

	for (p = h->next; p != h; p = p->next)
		n++;
	return n;
}
#define list_entry(p, t, m)		container_of(p, t, m)
#define list_first_entry(p, t, m)	list_entry((p)->next, t, m)
#define list_last_entry(p, t, m)	list_entry((p)->prev, t, m)
#define list_first_entry_or_null(p, t, m) ({ \
	struct list_head *__lh = (p), *__lp = READ_ONCE(__lh->next); \
	__lp != __lh ? list_entry(__lp, t, m) : NULL; })
#define list_next_entry(p, m)		list_entry((p)->m.next, typeof(*(p)), m)
#define list_prev_entry(p, m)		list_entry((p)->m.prev, typeof(*(p)), m)
#define list_next_entry_circular(p, h, m) \
	(list_is_last(&(p)->m, h) ? list_first_entry(h, typeof(*(p)), m) : list_next_entry(p, m))
#define list_entry_is_head(p, h, m)	(&(p)->m == (h))
#define list_for_each(p, h)		for (p = (h)->next; p != (h); p = p->next)
#define list_for_each_continue(p, h)	for (p = p->next; p != (h); p = p->next)
#define list_for_each_prev(p, h)	for (p = (h)->prev; p != (h); p = p->prev)
#define list_for_each_safe(p, n, h)	for (p = (h)->next, n = p->next; p != (h); p = n, n = p->next)
#define list_for_each_prev_safe(p, n, h) for (p = (h)->prev, n = p->prev; p != (h); p = n, n = p->prev)
#define list_for_each_entry(p, h, m) \
	for (p = list_first_entry(h, typeof(*p), m); !list_entry_is_head(p, h, m); p = list_next_entry(p, m))
#define list_for_each_entry_reverse(p, h, m) \
	for (p = list_last_entry(h, typeof(*p), m); !list_entry_is_head(p, h, m); p = list_prev_entry(p, m))
#define list_prepare_entry(p, h, m)	((p) ? : list_entry(h, typeof(*p), m))
#define list_for_each_entry_continue(p, h, m) \
	for (p = list_next_entry(p, m); !list_entry_is_head(p, h, m); p = list_next_entry(p, m))
#define list_for_each_entry_continue_reverse(p, h, m) \
	for (p = list_prev_entry(p, m); !list_entry_is_head(p, h, m); p = list_prev_entry(p, m))
#define list_for_each_entry_from(p, h, m) \
	for (; !list_entry_is_head(p, h, m); p = list_next_entry(p, m))
#define list_for_each_entry_from_reverse(p, h, m) \
	for (; !list_entry_is_head(p, h, m); p = list_prev_entry(p, m))
#define list_for_each_entry_safe(p, n, h, m) \
	for (p = list_first_entry(h, typeof(*p), m), n = list_next_entry(p, m); \
	     !list_entry_is_head(p, h, m); p = n, n = list_next_entry(n, m))
#define list_for_each_entry_safe_continue(p, n, h, m) \
	for (p = list_next_entry(p, m), n = list_next_entry(p, m); \
	     !list_entry_is_head(p, h, m); p = n, n = list_next_entry(n, m))
#define list_for_each_entry_safe_from(p, n, h, m) \
	for (n = list_next_entry(p, m); !list_entry_is_head(p, h, m); p = n, n = list_next_entry(n, m))
#define list_for_each_entry_safe_reverse(p, n, h, m) \
	for (p = list_last_entry(h, typeof(*p), m), n = list_prev_entry(p, m); \
	     !list_entry_is_head(p, h, m); p = n, n = list_prev_entry(n, m))
#define list_safe_reset_next(p, n, m)	n = list_next_entry(p, m)

#define HLIST_HEAD_INIT		{ .first = NULL }
#define HLIST_HEAD(n)		struct hlist_head n = { .first = NULL }
#define INIT_HLIST_HEAD(p)	((p)->first = NULL)
static inline void INIT_HLIST_NODE(struct hlist_node *h) { h->next = NULL; h->pprev = NULL; }
static inline int hlist_unhashed(const struct hlist_node *h) { return !h->pprev; }
static inline int hlist_empty(const struct hlist_head *h) { return !READ_ONCE(h->first); }
static inline void __hlist_del(struct hlist_node *n)
{
	*n->pprev = n->next;
	if (n->next)
		n->next->pprev = n->pprev;
}
static inline void hlist_del(struct hlist_node *n)
{
	__hlist_del(n);
	n->next = LIST_POISON1;
	n->pprev = LIST_POISON2;
}
static inline void hlist_del_init(struct hlist_node *n)
{
	if (!hlist_unhashed(n)) {
		__hlist_del(n);
		INIT_HLIST_NODE(n);
	}
}
static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	if (h->first)
		h->first->pprev = &n->next;
	h->first = n;
	n->pprev = &h->first;
}
static inline void hlist_add_before(struct hlist_node *n, struct hlist_node *next)
{
	n->pprev = next->pprev;
	n->next = next;
	next->pprev = &n->next;
	*n->pprev = n;
}
static inline void hlist_add_behind(struct hlist_node *n, struct hlist_node *prev)
{
	n->next = prev->next;
	prev->next = n;
	n->pprev = &prev->next;
	if (n->next)
		n->next->pprev = &n->next;
}
static inline void hlist_add_fake(struct hlist_node *n) { n->pprev = &n->next; }
static inline bool hlist_fake(struct hlist_node *h) { return h->pprev == &h->next; }
static inline void hlist_move_list(struct hlist_head *o, struct hlist_head *n)
{
	n->first = o->first;
	if (n->first)
		n->first->pprev = &n->first;
	o->first = NULL;
}
#define hlist_entry(p, t, m)		container_of(p, t, m)
#define hlist_entry_safe(p, t, m)	({ typeof(p) __hp = (p); __hp ? hlist_entry(__hp, t, m) : NULL; })
#define hlist_for_each(p, h)		for (p = (h)->first; p; p = p->next)
#define hlist_for_each_safe(p, n, h)	for (p = (h)->first; p && ({ n = p->next; 1; }); p = n)
#define hlist_for_each_entry(p, h, m) \
	for (p = hlist_entry_safe((h)->first, typeof(*(p)), m); p; \
	     p = hlist_entry_safe((p)->m.next, typeof(*(p)), m))
#define hlist_for_each_entry_continue(p, m) \
	for (p = hlist_entry_safe((p)->m.next, typeof(*(p)), m); p; \
	     p = hlist_entry_safe((p)->m.next, typeof(*(p)), m))
#define hlist_for_each_entry_safe(p, n, h, m) \
	for (p = hlist_entry_safe((h)->first, typeof(*p), m); p && ({ n = p->m.next; 1; }); \
	     p = hlist_entry_safe(n, typeof(*p), m))

#define list_add_rcu		list_add
#define list_add_tail_rcu	list_add_tail
#define list_del_rcu		__list_del_entry
#define list_for_each_entry_rcu(p, h, m, c...) list_for_each_entry(p, h, m)
#define hlist_add_head_rcu	hlist_add_head
#define hlist_del_rcu		__hlist_del
#define hlist_del_init_rcu	hlist_del_init
#define hlist_for_each_entry_rcu(p, h, m, c...) hlist_for_each_entry(p, h, m)

#endif /* HOST_LINUX_LIST_H */
