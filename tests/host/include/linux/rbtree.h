/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: red-black trees. */
#ifndef HOST_LINUX_RBTREE_H
#define HOST_LINUX_RBTREE_H

#include <linux/types.h>
#include <linux/container_of.h>
struct rb_node {
	struct rb_node *host_parent;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
	bool host_red;
};
struct rb_root { struct rb_node *rb_node; };
struct rb_root_cached { struct rb_root rb_root; struct rb_node *rb_leftmost; };
#define RB_ROOT			((struct rb_root) { NULL, })
#define RB_ROOT_CACHED		((struct rb_root_cached) { { NULL, }, NULL })
#define rb_parent(r)		((r)->host_parent)
#define rb_entry(p, t, m)	container_of(p, t, m)
#define rb_entry_safe(p, t, m)	({ typeof(p) __rp = (p); __rp ? rb_entry(__rp, t, m) : NULL; })
#define RB_EMPTY_ROOT(r)	(READ_ONCE((r)->rb_node) == NULL)
#define RB_EMPTY_NODE(n)	((n)->host_parent == (n))
#define RB_CLEAR_NODE(n)	((n)->host_parent = (n))
void rb_insert_color(struct rb_node *n, struct rb_root *r);
void rb_erase(struct rb_node *n, struct rb_root *r);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);
struct rb_node *rb_first(const struct rb_root *r);
struct rb_node *rb_last(const struct rb_root *r);
struct rb_node *rb_first_postorder(const struct rb_root *r);
struct rb_node *rb_next_postorder(const struct rb_node *n);
void rb_replace_node(struct rb_node *victim, struct rb_node *n, struct rb_root *r);
static inline void rb_link_node(struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
	n->host_parent = parent;
	n->rb_left = n->rb_right = NULL;
	n->host_red = true;
	*link = n;
}
#define rb_first_cached(r)	((r)->rb_leftmost)
static inline void rb_insert_color_cached(struct rb_node *n, struct rb_root_cached *r, bool leftmost)
{
	if (leftmost)
		r->rb_leftmost = n;
	rb_insert_color(n, &r->rb_root);
}
static inline struct rb_node *rb_erase_cached(struct rb_node *n, struct rb_root_cached *r)
{
	struct rb_node *lm = NULL;

	if (r->rb_leftmost == n)
		lm = r->rb_leftmost = rb_next(n);
	rb_erase(n, &r->rb_root);
	return lm;
}
static inline void rb_add(struct rb_node *n, struct rb_root *tree,
			  bool (*less)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = less(n, parent) ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(n, parent, link);
	rb_insert_color(n, tree);
}
static inline struct rb_node *rb_add_cached(struct rb_node *n, struct rb_root_cached *tree,
					    bool (*less)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &tree->rb_root.rb_node, *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (less(n, parent)) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			leftmost = false;
		}
	}
	rb_link_node(n, parent, link);
	rb_insert_color_cached(n, tree, leftmost);
	return leftmost ? n : NULL;
}
static inline struct rb_node *rb_find(const void *key, const struct rb_root *tree,
				      int (*cmp)(const void *key, const struct rb_node *))
{
	struct rb_node *n = tree->rb_node;

	while (n) {
		int c = cmp(key, n);

		if (!c)
			return n;
		n = c < 0 ? n->rb_left : n->rb_right;
	}
	return NULL;
}
static inline struct rb_node *rb_find_add(struct rb_node *n, struct rb_root *tree,
					  int (*cmp)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;

	while (*link) {
		int c;

		parent = *link;
		c = cmp(n, parent);
		if (!c)
			return parent;
		link = c < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(n, parent, link);
	rb_insert_color(n, tree);
	return NULL;
}
#define rbtree_postorder_for_each_entry_safe(p, n, root, field) \
	for (p = rb_entry_safe(rb_first_postorder(root), typeof(*p), field); \
	     p && ({ n = rb_entry_safe(rb_next_postorder(&p->field), typeof(*p), field); 1; }); p = n)

#endif /* HOST_LINUX_RBTREE_H */
