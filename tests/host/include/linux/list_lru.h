/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: one-list LRU. */
#ifndef HOST_LINUX_LIST_LRU_H
#define HOST_LINUX_LIST_LRU_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/shrinker.h>
enum lru_status { LRU_REMOVED, LRU_REMOVED_RETRY, LRU_ROTATE, LRU_SKIP, LRU_RETRY };
struct list_lru_one { struct list_head list; long nr_items; };
struct list_lru { struct list_lru_one one; spinlock_t lock; };
typedef enum lru_status (*list_lru_walk_cb)(struct list_head *item, struct list_lru_one *list,
					    spinlock_t *lock, void *cb_arg);
int list_lru_init(struct list_lru *lru);
void list_lru_destroy(struct list_lru *lru);
bool list_lru_add(struct list_lru *lru, struct list_head *item);
bool list_lru_del(struct list_lru *lru, struct list_head *item);
void list_lru_isolate(struct list_lru_one *l, struct list_head *item);
void list_lru_isolate_move(struct list_lru_one *l, struct list_head *item, struct list_head *head);
unsigned long list_lru_walk(struct list_lru *lru, list_lru_walk_cb cb, void *arg, unsigned long nr);

#endif /* HOST_LINUX_LIST_LRU_H */
