/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: rounding.  Everything but DIV_ROUND_UP() and round_*() takes its arguments once. */
#ifndef HOST_LINUX_MATH_H
#define HOST_LINUX_MATH_H

#include <linux/types.h>
#include <linux/align.h>
#include <linux/minmax.h>

/* to a multiple of a power of two, in the type of x */
#define round_down(x, to)	((x) - ((x) & ((typeof(x))(to) - 1)))
#define round_up(x, to)		ALIGN(x, to)
/* to a multiple of anything */
#define rounddown(x, to)	({ typeof(x) __v = (x); __v - __v % (to); })
#define roundup(x, to)		({ typeof(to) __t = (to); typeof((x) + __t) __v = (x) + __t - 1; __v - __v % __t; })
#define DIV_ROUND_UP(n, by)	(((n) + (by) - 1) / (by))	/* constant where its arguments are */
#define DIV_ROUND_UP_ULL(n, by)	DIV_ROUND_UP((unsigned long long)(n), by)
#define abs(x)			({ typeof(x) __v = (x); __v >= 0 ? __v : -__v; })

#endif /* HOST_LINUX_MATH_H */
