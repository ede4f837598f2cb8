/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: compiler attributes and single accesses. */
#ifndef HOST_LINUX_COMPILER_H
#define HOST_LINUX_COMPILER_H

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ __volatile__("" ::: "memory")

#define __bitwise
#define __bitwise__
#define __force
#define __user
#define __kernel
#define __iomem
#define __rcu
#define __percpu
#define __private
#define __safe
#define __nocast
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __acquire(x)		((void)0)
#define __release(x)		((void)0)
#define __cond_lock(x, c)	(c)
#define __chk_user_ptr(x)	((void)0)

#define __init
#define __exit
#define __initdata
#define __initconst
#define __exitdata
#define __read_mostly
#define __ro_after_init
#define __refdata
#define __ref
#define asmlinkage
#define __visible
#define __designated_init
#define __latent_entropy
#define __randomize_layout
#define randomized_struct_fields_start
#define randomized_struct_fields_end

#ifndef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#endif
#define noinline		__attribute__((__noinline__))
#define noinline_for_stack	noinline
#define notrace
#define __packed		__attribute__((__packed__))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
#define __always_unused		__attribute__((__unused__))
#define __used			__attribute__((__used__))
#define __cold			__attribute__((__cold__))
#define __pure			__attribute__((__pure__))
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
#define __alias(s)		__attribute__((__alias__(#s)))
#define __assume_aligned(a, ...) __attribute__((__assume_aligned__(a, ## __VA_ARGS__)))
#define __alloc_size(x, ...)
#define __no_sanitize_address	__attribute__((__no_sanitize_address__))
#define __cacheline_aligned
#define __cacheline_aligned_in_smp
#define ____cacheline_aligned
#define ____cacheline_aligned_in_smp
#define L1_CACHE_BYTES		64
#define SMP_CACHE_BYTES		64
#ifndef fallthrough
#define fallthrough		__attribute__((__fallthrough__))
#endif

#define __same_type(a, b)	__builtin_types_compatible_p(typeof(a), typeof(b))
#define __is_constexpr(x) \
	(sizeof(int) == sizeof(*(8 ? ((void *)((long)(x) * 0l)) : (int *)8)))

#ifndef offsetof
#define offsetof(t, m)		__builtin_offsetof(t, m)
#endif
#define sizeof_field(t, m)	sizeof(((t *)0)->m)
#define offsetofend(t, m)	(offsetof(t, m) + sizeof_field(t, m))
#define typeof_member(t, m)	typeof(((t *)0)->m)

#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)	do { *(volatile typeof(x) *)&(x) = (v); } while (0)
#define data_race(expr)		(expr)

#define __HOST_CAT(a, b)	a##b
#define __PASTE(a, b)		__HOST_CAT(a, b)
#ifndef __UNIQUE_ID
#define __UNIQUE_ID(p)		__PASTE(__PASTE(__unique_, p), __COUNTER__)
#endif
#define __stringify_1(x...)	#x
#define __stringify(x...)	__stringify_1(x)

#define __struct_group(TAG, NAME, ATTRS, MEMBERS...) \
	union { struct { MEMBERS } ATTRS; struct TAG { MEMBERS } ATTRS NAME; }
#define struct_group(NAME, MEMBERS...)	__struct_group(/* none */, NAME, /* none */, MEMBERS)

/* IS_ENABLED(CONFIG_X): 1 when CONFIG_X is defined to 1. */
#define __HOST_ARG_1		0,
#define __host_second(a, b, ...) b
#define __host_defd2(junk)	__host_second(junk 1, 0)
#define __host_defd1(v)		__host_defd2(__HOST_ARG_##v)
#define __host_defd(x)		__host_defd1(x)
#define IS_ENABLED(x)		__host_defd(x)
#define IS_BUILTIN(x)		__host_defd(x)
#define IS_MODULE(x)		0
#define IS_REACHABLE(x)		__host_defd(x)
#define CONFIG_64BIT		1

#endif /* HOST_LINUX_COMPILER_H */
