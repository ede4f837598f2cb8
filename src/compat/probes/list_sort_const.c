// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: what list_sort() compares is not const
 * 1: ... is const (5.13, and backported)
 */
#include <linux/list.h>
#include <linux/list_sort.h>
#include "probe.h"

#if FORM == 0
void probe(int (*probe_f)(void *, struct list_head *, struct list_head *)) { list_sort(NULL, NULL, probe_f); }

#elif FORM == 1
void probe(int (*probe_f)(void *, const struct list_head *, const struct list_head *)) { list_sort(NULL, NULL, probe_f); }

#endif
