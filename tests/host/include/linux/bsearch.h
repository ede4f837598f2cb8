/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: binary search. */
#ifndef HOST_LINUX_BSEARCH_H
#define HOST_LINUX_BSEARCH_H

#include <linux/sort.h>
void *bsearch(const void *key, const void *base, size_t num, size_t size, cmp_func_t cmp);

#endif /* HOST_LINUX_BSEARCH_H */
