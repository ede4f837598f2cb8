/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to asm/unaligned.h. */
#ifndef HOST_LINUX_UNALIGNED_H
#define HOST_LINUX_UNALIGNED_H

#include <asm/unaligned.h>

#endif /* HOST_LINUX_UNALIGNED_H */
