/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: pseudo-random numbers. */
#ifndef HOST_LINUX_PRANDOM_H
#define HOST_LINUX_PRANDOM_H

#include <linux/random.h>
static inline u32 prandom_u32(void) { return get_random_u32(); }
static inline u32 prandom_u32_max(u32 n) { return ((u64)get_random_u32() * n) >> 32; }
#define prandom_bytes get_random_bytes
struct rnd_state { u64 s; };
static inline void prandom_seed_state(struct rnd_state *s, u64 seed) { s->s = seed * 2 + 1; }
static inline u32 prandom_u32_state(struct rnd_state *s)
{
	s->s ^= s->s << 13;
	s->s ^= s->s >> 7;
	s->s ^= s->s << 17;
	return s->s >> 32;
}

#endif /* HOST_LINUX_PRANDOM_H */
