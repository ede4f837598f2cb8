/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: bit operations. */
#ifndef HOST_LINUX_BITOPS_H
#define HOST_LINUX_BITOPS_H

#include <linux/types.h>
#include <linux/bits.h>
#include <strings.h>

static inline void __set_bit(long nr, volatile unsigned long *a) { a[BIT_WORD(nr)] |= BIT_MASK(nr); }
static inline void __clear_bit(long nr, volatile unsigned long *a) { a[BIT_WORD(nr)] &= ~BIT_MASK(nr); }
static inline bool test_bit(long nr, const volatile unsigned long *a)
{
	return (a[BIT_WORD(nr)] >> (nr % BITS_PER_LONG)) & 1;
}
static inline bool __test_and_set_bit(long nr, volatile unsigned long *a)
{
	bool old = test_bit(nr, a);

	__set_bit(nr, a);
	return old;
}
static inline bool __test_and_clear_bit(long nr, volatile unsigned long *a)
{
	bool old = test_bit(nr, a);

	__clear_bit(nr, a);
	return old;
}
/* One fiber runs at a time and is switched at known points only: plain is atomic. */
#define set_bit			__set_bit
#define clear_bit		__clear_bit
#define test_and_set_bit	__test_and_set_bit
#define test_and_clear_bit	__test_and_clear_bit
#define clear_bit_unlock	__clear_bit

static inline int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static inline int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
static inline unsigned int fls_long(unsigned long l) { return fls64(l); }
static inline unsigned int __ffs64(u64 x) { return __builtin_ctzll(x); }
#define hweight8(w)		((unsigned int)__builtin_popcount((u8)(w)))
#define hweight32(w)		((unsigned int)__builtin_popcount((u32)(w)))
#define hweight64(w)		((unsigned long)__builtin_popcountll((u64)(w)))

unsigned long find_next_bit(const unsigned long *a, unsigned long size, unsigned long off);
unsigned long find_next_zero_bit(const unsigned long *a, unsigned long size, unsigned long off);
unsigned long find_last_bit(const unsigned long *a, unsigned long size);
#define find_first_bit(a, s)		find_next_bit(a, s, 0)

#endif /* HOST_LINUX_BITOPS_H */
