/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to linux/atomic.h. */
#ifndef HOST_ASM_CMPXCHG_H
#define HOST_ASM_CMPXCHG_H

#include <linux/atomic.h>

#endif /* HOST_ASM_CMPXCHG_H */
