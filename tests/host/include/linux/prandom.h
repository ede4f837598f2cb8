/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: pseudo-random numbers. */
#ifndef HOST_LINUX_PRANDOM_H
#define HOST_LINUX_PRANDOM_H

#include <linux/random.h>
struct rnd_state { u64 s; };

#endif /* HOST_LINUX_PRANDOM_H */
