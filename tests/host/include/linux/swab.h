/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to asm/byteorder.h. */
#ifndef HOST_LINUX_SWAB_H
#define HOST_LINUX_SWAB_H

#include <asm/byteorder.h>

#endif /* HOST_LINUX_SWAB_H */
