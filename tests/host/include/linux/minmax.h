/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: min, max, clamp, with the kernel's type checks. */
#ifndef HOST_LINUX_MINMAX_H
#define HOST_LINUX_MINMAX_H

#include <linux/types.h>
#define __host_typecheck(x, y)	(!!(sizeof((typeof(x) *)1 == (typeof(y) *)1)))
#define __host_cmp(x, y, op)	((x) op (y) ? (x) : (y))
#define __host_cmp_once(x, y, ux, uy, op) ({ \
	typeof(x) ux = (x); typeof(y) uy = (y); __host_cmp(ux, uy, op); })
#ifdef __cppcheck__	/* does not parse a statement in an expression everywhere */
#define __host_careful_cmp(x, y, op)	__host_cmp(x, y, op)
#else
#define __host_careful_cmp(x, y, op) \
	__builtin_choose_expr(__host_typecheck(x, y) && __is_constexpr(x) && __is_constexpr(y), \
		__host_cmp(x, y, op), \
		__host_cmp_once(x, y, __UNIQUE_ID(x_), __UNIQUE_ID(y_), op))
#endif
#define min(x, y)		__host_careful_cmp(x, y, <)
#define max(x, y)		__host_careful_cmp(x, y, >)
#define min3(x, y, z)		min((typeof(x))min(x, y), z)
#define max3(x, y, z)		max((typeof(x))max(x, y), z)
#define min_t(t, x, y)		__host_careful_cmp((t)(x), (t)(y), <)
#define max_t(t, x, y)		__host_careful_cmp((t)(x), (t)(y), >)
#define clamp(v, lo, hi)	min((typeof(v))max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define swap(a, b)		do { typeof(a) __t = (a); (a) = (b); (b) = __t; } while (0)

#endif /* HOST_LINUX_MINMAX_H */
