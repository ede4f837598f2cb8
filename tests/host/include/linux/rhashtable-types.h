/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to rhashtable.h. */
#ifndef HOST_LINUX_RHASHTABLE_TYPES_H
#define HOST_LINUX_RHASHTABLE_TYPES_H

#include <linux/rhashtable.h>

#endif /* HOST_LINUX_RHASHTABLE_TYPES_H */
