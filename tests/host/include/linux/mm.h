/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: the little of memory management that the core may see. */
#ifndef HOST_LINUX_MM_H
#define HOST_LINUX_MM_H

#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/kernel.h>
#include <linux/shrinker.h>
#define PAGE_ALIGN(a)		ALIGN(a, PAGE_SIZE)
#define PAGE_ALIGNED(a)		IS_ALIGNED((unsigned long)(a), PAGE_SIZE)
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
static inline bool is_vmalloc_addr(const void *p) { return false; }
static inline unsigned long totalram_pages(void) { return 1UL << 18; }
static inline int get_order(unsigned long s) { return s <= PAGE_SIZE ? 0 : order_base_2((s + PAGE_SIZE - 1) >> PAGE_SHIFT); }

#endif /* HOST_LINUX_MM_H */
