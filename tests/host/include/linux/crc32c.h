/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: CRC-32C without inversion, as the kernel's. */
#ifndef HOST_LINUX_CRC32C_H
#define HOST_LINUX_CRC32C_H

#include <linux/types.h>
u32 crc32c(u32 crc, const void *p, unsigned int len);

#endif /* HOST_LINUX_CRC32C_H */
