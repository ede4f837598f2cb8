/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to ratelimit.h. */
#ifndef HOST_LINUX_RATELIMIT_TYPES_H
#define HOST_LINUX_RATELIMIT_TYPES_H

#include <linux/ratelimit.h>

#endif /* HOST_LINUX_RATELIMIT_TYPES_H */
