/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: division of 64-bit numbers, which 32-bit kernels have functions for.  Types as there: a wrong one warns here, too. */
#ifndef HOST_LINUX_MATH64_H
#define HOST_LINUX_MATH64_H

#include <linux/types.h>
#include <linux/math.h>

static inline u64 div_u64(u64 n, u32 by) { return n / by; }
static inline u64 div64_u64(u64 n, u64 by) { return n / by; }
static inline u64 div_u64_rem(u64 n, u32 by, u32 *rest)
{
	*rest = n % by;
	return n / by;
}
static inline u64 div64_u64_rem(u64 n, u64 by, u64 *rest)
{
	*rest = n % by;
	return n / by;
}
/* n becomes n / by; the value is the rest.  32-bit kernels take a u64 variable and nothing else: so does this. */
#define do_div(n, by)	({ u64 *__n = &(n); u32 __rest; *__n = div_u64_rem(*__n, by, &__rest); __rest; })

#endif /* HOST_LINUX_MATH64_H */
