/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels that the portable core meets: workqueues and
 * headers and names that moved.  The host build has its own file of this name.
 */
#ifndef COMPAT_CORE_H
#define COMPAT_CORE_H

#include <linux/workqueue.h>
#include <linux/list_sort.h>
#include <linux/lockdep.h>
#include "dx_have.h"

#if HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* Newer kernels want to be told that a queue's work runs where it was queued. */
#if !HAVE_WQ_PERCPU
#define WQ_PERCPU	0
#endif

/* 5.4 has it as a statement of the language does. */
#ifndef fallthrough
#define fallthrough	__attribute__((__fallthrough__))
#endif

#ifndef lockdep_assert_held_write
#define lockdep_assert_held_write(lock)	lockdep_assert_held_exclusive(lock)
#endif

/* The elements that list_sort() compares are const from 5.13 on; it has never changed them. */
static inline void dx_list_sort(void *priv, struct list_head *head,
				int (*cmp)(void *priv, const struct list_head *a, const struct list_head *b))
{
#if HAVE_LIST_SORT_CONST
	list_sort(priv, head, cmp);
#else
	list_sort(priv, head, (int (*)(void *, struct list_head *, struct list_head *))cmp);
#endif
}

#endif /* COMPAT_CORE_H */
