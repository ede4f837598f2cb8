/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to bitops.h. */
#ifndef HOST_LINUX_FIND_H
#define HOST_LINUX_FIND_H

#include <linux/bitops.h>

#endif /* HOST_LINUX_FIND_H */
