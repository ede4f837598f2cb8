/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: merge sort of lists. */
#ifndef HOST_LINUX_LIST_SORT_H
#define HOST_LINUX_LIST_SORT_H

#include <linux/list.h>
typedef int __attribute__((nonnull(2, 3))) (*list_cmp_func_t)(void *, const struct list_head *,
							      const struct list_head *);
void list_sort(void *priv, struct list_head *head, list_cmp_func_t cmp);

#endif /* HOST_LINUX_LIST_SORT_H */
