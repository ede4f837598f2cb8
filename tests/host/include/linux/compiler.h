/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: compiler attributes and single accesses. */
#ifndef HOST_LINUX_COMPILER_H
#define HOST_LINUX_COMPILER_H

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ __volatile__("" ::: "memory")

#define __force


#ifndef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#endif
#define noinline		__attribute__((__noinline__))
#define __packed		__attribute__((__packed__))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __must_check		__attribute__((__warn_unused_result__))
#define __weak			__attribute__((__weak__))
#define __malloc		__attribute__((__malloc__))
#ifndef __noreturn
#define __noreturn		__attribute__((__noreturn__))
#endif
#ifndef __attribute_const__
#define __attribute_const__	__attribute__((__const__))
#endif
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))
#define __scanf(a, b)		__attribute__((__format__(scanf, a, b)))
#define __section(s)		__attribute__((__section__(s)))
#ifndef fallthrough
#define fallthrough		__attribute__((__fallthrough__))
#endif

#define __same_type(a, b)	__builtin_types_compatible_p(typeof(a), typeof(b))
#define __is_constexpr(x) \
	(sizeof(int) == sizeof(*(8 ? ((void *)((long)(x) * 0l)) : (int *)8)))

#ifndef offsetof
#define offsetof(t, m)		__builtin_offsetof(t, m)
#endif

#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)	do { *(volatile typeof(x) *)&(x) = (v); } while (0)

#define __HOST_CAT(a, b)	a##b
#define __PASTE(a, b)		__HOST_CAT(a, b)
#ifndef __UNIQUE_ID
#define __UNIQUE_ID(p)		__PASTE(__PASTE(__unique_, p), __COUNTER__)
#endif


/* IS_ENABLED(CONFIG_X): 1 when CONFIG_X is defined to 1. */

#endif /* HOST_LINUX_COMPILER_H */
