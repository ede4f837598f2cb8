/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: BIT and GENMASK. */
#ifndef HOST_LINUX_BITS_H
#define HOST_LINUX_BITS_H

#include <linux/types.h>
#include <linux/build_bug.h>
#define BIT(n)			(1UL << (n))
#define BIT_MASK(n)		(1UL << ((n) % BITS_PER_LONG))
#define BIT_WORD(n)		((n) / BITS_PER_LONG)
#define GENMASK(h, l)		(((~0UL) - (1UL << (l)) + 1) & (~0UL >> (BITS_PER_LONG - 1 - (h))))

#endif /* HOST_LINUX_BITS_H */
