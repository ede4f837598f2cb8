/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to list.h. */
#ifndef HOST_LINUX_RCULIST_H
#define HOST_LINUX_RCULIST_H

#include <linux/list.h>

#endif /* HOST_LINUX_RCULIST_H */
