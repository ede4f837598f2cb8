/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host shim: doubly linked lists.  Two steps make all of them: join() says that two elements are neighbours, and
 * host_list_insert()/host_list_take() do so for the ends of a chain, after looking that the list is what it should be.
 */
#ifndef HOST_LINUX_LIST_H
#define HOST_LINUX_LIST_H

#include <linux/types.h>
#include <linux/container_of.h>
#include <linux/poison.h>

void host_list_corrupt(const char *op, const void *entry);

static inline void host_list_join(struct list_head *left, struct list_head *right)
{
	left->next = right;
	right->prev = left;
}

/* first..last, linked to each other, come to stand between left and right */
static inline void host_list_insert(struct list_head *left, struct list_head *first, struct list_head *last,
				    struct list_head *right)
{
	if (unlikely(left->next != right || right->prev != left || first == left || first == right))
		host_list_corrupt("add", first);
	host_list_join(left, first);
	host_list_join(last, right);
}

/* e leaves its list; its own pointers stay */
static inline void host_list_take(struct list_head *e)
{
	struct list_head *left = e->prev, *right = e->next;

	if (unlikely(left == LIST_POISON2 || right == LIST_POISON1 || left->next != e || right->prev != e))
		host_list_corrupt("del", e);
	host_list_join(left, right);
}

/* ---- one element ---- */

#define LIST_HEAD_INIT(name)	{ .next = &(name), .prev = &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)
static inline void INIT_LIST_HEAD(struct list_head *h) { host_list_join(h, h); }
static inline int list_empty(const struct list_head *h) { return READ_ONCE(h->next) == h; }
static inline int list_empty_careful(const struct list_head *h) { return list_empty(h) && h->prev == h; }
static inline int list_is_last(const struct list_head *e, const struct list_head *h) { return h->prev == e; }
static inline void list_add(struct list_head *e, struct list_head *h) { host_list_insert(h, e, e, h->next); }
static inline void list_add_tail(struct list_head *e, struct list_head *h) { host_list_insert(h->prev, e, e, h); }
static inline void list_del_init(struct list_head *e)
{
	host_list_take(e);
	INIT_LIST_HEAD(e);
}
static inline void list_del(struct list_head *e)
{
	host_list_take(e);
	*e = (struct list_head) { .next = LIST_POISON1, .prev = LIST_POISON2 };
}
static inline void list_move(struct list_head *e, struct list_head *h)
{
	list_del_init(e);
	list_add(e, h);
}
static inline void list_move_tail(struct list_head *e, struct list_head *h)
{
	list_del_init(e);
	list_add_tail(e, h);
}

/* ---- all of a list, to one end of another; the source is empty afterwards, with _init or without ---- */

static inline void host_list_pour(struct list_head *from, struct list_head *left, struct list_head *right)
{
	struct list_head *first = from->next, *last = from->prev;

	if (first == from)
		return;
	INIT_LIST_HEAD(from);
	host_list_insert(left, first, last, right);
}
static inline void list_splice_init(struct list_head *from, struct list_head *h) { host_list_pour(from, h, h->next); }
static inline void list_splice_tail_init(struct list_head *from, struct list_head *h) { host_list_pour(from, h->prev, h); }

static inline size_t host_list_count(const struct list_head *h)
{
	const struct list_head *e = h;
	size_t n = 0;

	while ((e = e->next) != h)
		n++;
	return n;
}

/* ---- what the elements are part of ---- */

#define list_entry(e, type, member)		container_of(e, type, member)
#define list_first_entry(h, type, member)	list_entry((h)->next, type, member)
#define list_last_entry(h, type, member)	list_entry((h)->prev, type, member)
#define list_first_entry_or_null(h, type, member) \
	(list_empty(h) ? NULL : list_first_entry(h, type, member))
#define list_next_entry(p, member)		list_first_entry(&(p)->member, typeof(*(p)), member)
#define list_prev_entry(p, member)		list_last_entry(&(p)->member, typeof(*(p)), member)

/* Past the last element p is not an object: only the address of its member, which is the head's, may be used. */
#define list_for_each_entry(p, h, member) \
	for ((p) = list_first_entry(h, typeof(*(p)), member); &(p)->member != (h); (p) = list_next_entry(p, member))
#define list_for_each_entry_reverse(p, h, member) \
	for ((p) = list_last_entry(h, typeof(*(p)), member); &(p)->member != (h); (p) = list_prev_entry(p, member))
#define list_for_each(e, h)	for ((e) = (h)->next; (e) != (h); (e) = (e)->next)
/* the body may remove p */
#define list_for_each_entry_safe(p, following, h, member) \
	for ((p) = list_first_entry(h, typeof(*(p)), member); \
	     (following) = list_next_entry(p, member), &(p)->member != (h); (p) = (following))
#define list_for_each_safe(e, following, h) \
	for ((e) = (h)->next; (following) = (e)->next, (e) != (h); (e) = (following))

#endif /* HOST_LINUX_LIST_H */
