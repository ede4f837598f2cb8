/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: red-black trees (host_lib.c).  The colour has a field of its own; a node that is its own parent is in no tree. */
#ifndef HOST_LINUX_RBTREE_H
#define HOST_LINUX_RBTREE_H

#include <linux/types.h>
#include <linux/container_of.h>

struct rb_node {
	struct rb_node	*host_parent, *rb_left, *rb_right;
	bool		host_red;
};
struct rb_root {
	struct rb_node	*rb_node;
};

#define RB_ROOT			((struct rb_root) { .rb_node = NULL })
#define RB_EMPTY_ROOT(root)	(!READ_ONCE((root)->rb_node))
#define RB_EMPTY_NODE(node)	((node)->host_parent == (node))
#define rb_entry(node, type, member)	container_of(node, type, member)
#define rb_entry_safe(node, type, member) \
	({ struct rb_node *__n = (node); __n ? rb_entry(__n, type, member) : NULL; })

void rb_insert_color(struct rb_node *node, struct rb_root *root);	/* rb_link_node() came before */
void rb_erase(struct rb_node *node, struct rb_root *root);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

struct rb_node *host_rb_children_first(const struct rb_root *root, const struct rb_node *after);	/* NULL: the first */

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **slot)
{
	*node = (struct rb_node) { .host_parent = parent, .host_red = true };
	*slot = node;
}

/* Every node after its children: the body may free p, and nothing is rebalanced. */
#define rbtree_postorder_for_each_entry_safe(p, following, root, member) \
	for ((p) = rb_entry_safe(host_rb_children_first(root, NULL), typeof(*(p)), member); \
	     (p) && ((following) = rb_entry_safe(host_rb_children_first(root, &(p)->member), typeof(*(p)), member), true); \
	     (p) = (following))

#endif /* HOST_LINUX_RBTREE_H */
