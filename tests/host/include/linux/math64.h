/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: 64-bit division. */
#ifndef HOST_LINUX_MATH64_H
#define HOST_LINUX_MATH64_H

#include <linux/types.h>
#include <linux/math.h>
static inline u64 div_u64_rem(u64 a, u32 b, u32 *r) { *r = a % b; return a / b; }
static inline s64 div_s64_rem(s64 a, s32 b, s32 *r) { *r = a % b; return a / b; }
static inline u64 div64_u64_rem(u64 a, u64 b, u64 *r) { *r = a % b; return a / b; }
static inline u64 div64_u64(u64 a, u64 b) { return a / b; }
static inline s64 div64_s64(s64 a, s64 b) { return a / b; }
static inline u64 div_u64(u64 a, u32 b) { return a / b; }
static inline s64 div_s64(s64 a, s32 b) { return a / b; }
#define div64_long(x, y)	div64_s64((x), (y))
#define div64_ul(x, y)		div64_u64((x), (y))
static inline u64 mul_u64_u32_shr(u64 a, u32 m, unsigned int s) { return (u64)(((unsigned __int128)a * m) >> s); }
static inline u64 mul_u64_u64_div_u64(u64 a, u64 m, u64 d) { return (u64)((unsigned __int128)a * m / d); }
/* n must be a u64 lvalue, as do_div() on 32-bit machines wants it */
#define do_div(n, base) ({ \
	u32 __base = (base); u32 __rem; \
	(void)(((typeof((n)) *)0) == ((u64 *)0)); \
	__rem = ((u64)(n)) % __base; (n) = ((u64)(n)) / __base; __rem; })
#define sector_div(n, b)	({ u32 __sr = (n) % (b); (n) /= (b); __sr; })
#define DIV64_U64_ROUND_UP(ll, d) ({ u64 __t = (d); div64_u64((ll) + __t - 1, __t); })
#define DIV_U64_ROUND_UP(ll, d)	({ u32 __t = (d); div_u64((ll) + __t - 1, __t); })
static inline u64 roundup_u64(u64 x, u32 y) { return DIV_U64_ROUND_UP(x, y) * y; }

#endif /* HOST_LINUX_MATH64_H */
