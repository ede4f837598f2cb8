/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: bit operations. */
#ifndef HOST_LINUX_BITOPS_H
#define HOST_LINUX_BITOPS_H

#include <linux/types.h>
#include <linux/bits.h>
#include <strings.h>

static inline void __set_bit(long nr, volatile unsigned long *a) { a[BIT_WORD(nr)] |= BIT_MASK(nr); }
static inline void __clear_bit(long nr, volatile unsigned long *a) { a[BIT_WORD(nr)] &= ~BIT_MASK(nr); }
static inline void __change_bit(long nr, volatile unsigned long *a) { a[BIT_WORD(nr)] ^= BIT_MASK(nr); }
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
static inline bool __test_and_change_bit(long nr, volatile unsigned long *a)
{
	bool old = test_bit(nr, a);

	__change_bit(nr, a);
	return old;
}
/* One fiber runs at a time and is switched at known points only: plain is atomic. */
#define set_bit			__set_bit
#define clear_bit		__clear_bit
#define change_bit		__change_bit
#define test_and_set_bit	__test_and_set_bit
#define test_and_clear_bit	__test_and_clear_bit
#define test_and_change_bit	__test_and_change_bit
#define test_and_set_bit_lock	__test_and_set_bit
#define clear_bit_unlock	__clear_bit
#define __clear_bit_unlock	__clear_bit
#define test_bit_acquire	test_bit
#define __assign_bit(nr, a, v)	((v) ? __set_bit(nr, a) : __clear_bit(nr, a))
#define assign_bit		__assign_bit

static inline int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
static inline int fls64(u64 x) { return x ? 64 - __builtin_clzll(x) : 0; }
static inline unsigned int fls_long(unsigned long l) { return fls64(l); }
static inline unsigned long __ffs(unsigned long x) { return __builtin_ctzl(x); }
static inline unsigned long __fls(unsigned long x) { return 63 - __builtin_clzl(x); }
static inline unsigned int __ffs64(u64 x) { return __builtin_ctzll(x); }
#define ffz(x)			__ffs(~(x))
#define hweight8(w)		((unsigned int)__builtin_popcount((u8)(w)))
#define hweight16(w)		((unsigned int)__builtin_popcount((u16)(w)))
#define hweight32(w)		((unsigned int)__builtin_popcount((u32)(w)))
#define hweight64(w)		((unsigned long)__builtin_popcountll((u64)(w)))
#define hweight_long(w)		((unsigned long)__builtin_popcountl(w))
static inline int get_count_order(unsigned int c) { return c ? fls(c - 1) : -1; }
static inline int get_count_order_long(unsigned long c) { return c ? (int)fls_long(c - 1) : -1; }
static inline u64 rol64(u64 w, unsigned int s) { return (w << (s & 63)) | (w >> ((-s) & 63)); }
static inline u64 ror64(u64 w, unsigned int s) { return (w >> (s & 63)) | (w << ((-s) & 63)); }
static inline u32 rol32(u32 w, unsigned int s) { return (w << (s & 31)) | (w >> ((-s) & 31)); }
static inline u32 ror32(u32 w, unsigned int s) { return (w >> (s & 31)) | (w << ((-s) & 31)); }
static inline s32 sign_extend32(u32 v, int i) { u8 s = 31 - i; return (s32)(v << s) >> s; }
static inline s64 sign_extend64(u64 v, int i) { u8 s = 63 - i; return (s64)(v << s) >> s; }
#define set_mask_bits(p, m, b) ({ typeof(*(p)) __o = *(p); *(p) = (__o & ~(m)) | (b); __o; })

unsigned long find_next_bit(const unsigned long *a, unsigned long size, unsigned long off);
unsigned long find_next_zero_bit(const unsigned long *a, unsigned long size, unsigned long off);
unsigned long find_last_bit(const unsigned long *a, unsigned long size);
#define find_first_bit(a, s)		find_next_bit(a, s, 0)
#define find_first_zero_bit(a, s)	find_next_zero_bit(a, s, 0)
#define for_each_set_bit(b, a, s) \
	for ((b) = find_next_bit((a), (s), 0); (b) < (s); (b) = find_next_bit((a), (s), (b) + 1))
#define for_each_set_bit_from(b, a, s) \
	for ((b) = find_next_bit((a), (s), (b)); (b) < (s); (b) = find_next_bit((a), (s), (b) + 1))
#define for_each_clear_bit(b, a, s) \
	for ((b) = find_next_zero_bit((a), (s), 0); (b) < (s); (b) = find_next_zero_bit((a), (s), (b) + 1))

#endif /* HOST_LINUX_BITOPS_H */
