/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: singly linked lists with a shared head. */
#ifndef HOST_LINUX_LLIST_H
#define HOST_LINUX_LLIST_H

#include <linux/types.h>
#include <linux/container_of.h>
#include <linux/atomic.h>
struct llist_head { struct llist_node *first; };
struct llist_node { struct llist_node *next; };
struct llist_node *llist_reverse_order(struct llist_node *head);

#endif /* HOST_LINUX_LLIST_H */
