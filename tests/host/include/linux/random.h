/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: random numbers from the seed of the run. */
#ifndef HOST_LINUX_RANDOM_H
#define HOST_LINUX_RANDOM_H

#include <linux/types.h>
u32 get_random_u32(void);
u64 get_random_u64(void);
void get_random_bytes(void *buf, size_t len);
#include <linux/prandom.h>

#endif /* HOST_LINUX_RANDOM_H */
