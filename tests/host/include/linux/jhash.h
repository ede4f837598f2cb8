/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: byte-string hash (not the kernel's function: only its interface). */
#ifndef HOST_LINUX_JHASH_H
#define HOST_LINUX_JHASH_H

#include <linux/types.h>
u32 jhash(const void *key, u32 length, u32 initval);
u32 jhash2(const u32 *k, u32 length, u32 initval);

#endif /* HOST_LINUX_JHASH_H */
