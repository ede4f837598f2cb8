/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: byte-string hash (not the kernel's function: only its interface). */
#ifndef HOST_LINUX_JHASH_H
#define HOST_LINUX_JHASH_H

#include <linux/types.h>
#define JHASH_INITVAL 0xdeadbeef
u32 jhash(const void *key, u32 length, u32 initval);
u32 jhash2(const u32 *k, u32 length, u32 initval);
static inline u32 jhash_2words(u32 a, u32 b, u32 i) { u32 k[2] = { a, b }; return jhash2(k, 2, i); }
static inline u32 jhash_3words(u32 a, u32 b, u32 c, u32 i) { u32 k[3] = { a, b, c }; return jhash2(k, 3, i); }
static inline u32 jhash_1word(u32 a, u32 i) { return jhash2(&a, 1, i); }

#endif /* HOST_LINUX_JHASH_H */
