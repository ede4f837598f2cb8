/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: rounding and small arithmetic. */
#ifndef HOST_LINUX_MATH_H
#define HOST_LINUX_MATH_H

#include <linux/types.h>
#include <linux/minmax.h>
#define __round_mask(x, y)	((typeof(x))((y) - 1))
#define round_up(x, y)		((((x) - 1) | __round_mask(x, y)) + 1)
#define round_down(x, y)	((x) & ~__round_mask(x, y))
#define roundup(x, y)		({ typeof(y) __y = (y); (((x) + (__y - 1)) / __y) * __y; })
#define rounddown(x, y)		({ typeof(x) __x = (x); __x - (__x % (y)); })
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_POW2(n, d)	((n) / (d) + !!((n) & ((d) - 1)))
#define DIV_ROUND_DOWN_ULL(ll, d) ((unsigned long long)(ll) / (d))
#define DIV_ROUND_UP_ULL(ll, d)	DIV_ROUND_DOWN_ULL((unsigned long long)(ll) + (d) - 1, (d))
#define DIV_ROUND_UP_SECTOR_T(ll, d) DIV_ROUND_UP_ULL(ll, d)
#define DIV_ROUND_CLOSEST(x, d)	({ typeof(x) __x = x; typeof(d) __d = d; \
	(((typeof(x))-1) > 0 || ((typeof(d))-1) > 0 || (((__x) > 0) == ((__d) > 0))) ? \
	(((__x) + ((__d) / 2)) / (__d)) : (((__x) - ((__d) / 2)) / (__d)); })
#define mult_frac(x, n, d)	({ typeof(x) __q = (x) / (d); typeof(x) __r = (x) % (d); \
	(__q * (n)) + ((__r * (n)) / (d)); })
#define abs(x) ({ typeof(x) __a = (x); __a < 0 ? -__a : __a; })
#define abs_diff(a, b) ({ typeof(a) __a = (a); typeof(b) __b = (b); __a > __b ? __a - __b : __b - __a; })
unsigned long int_sqrt(unsigned long x);
static inline u32 reciprocal_scale(u32 val, u32 ep_ro) { return (u32)(((u64)val * ep_ro) >> 32); }

#endif /* HOST_LINUX_MATH_H */
