/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: integer hashes. */
#ifndef HOST_LINUX_HASH_H
#define HOST_LINUX_HASH_H

#include <linux/types.h>
#define GOLDEN_RATIO_64 0x61C8864680B583EBull
static inline u32 hash_64(u64 v, unsigned int bits) { return (v * GOLDEN_RATIO_64) >> (64 - bits); }

#endif /* HOST_LINUX_HASH_H */
