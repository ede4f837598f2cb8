/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: errno values, with the kernel-internal ones. */
#ifndef HOST_LINUX_ERRNO_H
#define HOST_LINUX_ERRNO_H

#include_next <linux/errno.h>

#endif /* HOST_LINUX_ERRNO_H */
