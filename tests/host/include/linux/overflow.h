/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: sizes that saturate, so that an allocation of what overflowed fails. */
#ifndef HOST_LINUX_OVERFLOW_H
#define HOST_LINUX_OVERFLOW_H

#include <linux/types.h>
#include <linux/limits.h>

#define HOST_SATURATE(op, a, b)	({ size_t __r; __builtin_##op##_overflow((size_t)(a), (size_t)(b), &__r) ? SIZE_MAX : __r; })
#define array_size(n, size)	HOST_SATURATE(mul, n, size)
/* p is not looked at, only its type; @member is the array at its end */
#define struct_size(p, member, n) \
	HOST_SATURATE(add, sizeof(*(p)), array_size(n, sizeof(*(p)->member)))

#endif /* HOST_LINUX_OVERFLOW_H */
