/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: bitmaps. */
#ifndef HOST_LINUX_BITMAP_H
#define HOST_LINUX_BITMAP_H

#include <linux/bitops.h>
#include <linux/string.h>
#include <linux/kernel.h>
unsigned long *bitmap_alloc(unsigned int n, gfp_t gfp);
unsigned long *bitmap_zalloc(unsigned int n, gfp_t gfp);
void bitmap_free(const unsigned long *b);
void bitmap_set(unsigned long *m, unsigned int start, unsigned int n);
void bitmap_clear(unsigned long *m, unsigned int start, unsigned int n);
unsigned long bitmap_find_next_zero_area(unsigned long *m, unsigned long size, unsigned long start,
					 unsigned int nr, unsigned long align_mask);
static inline void bitmap_zero(unsigned long *d, unsigned int n) { memset(d, 0, BITS_TO_LONGS(n) * 8); }
static inline bool bitmap_empty(const unsigned long *s, unsigned int n) { return find_first_bit(s, n) >= n; }

#endif /* HOST_LINUX_BITMAP_H */
