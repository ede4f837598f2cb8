/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to module.h. */
#ifndef HOST_LINUX_EXPORT_H
#define HOST_LINUX_EXPORT_H

#include <linux/module.h>

#endif /* HOST_LINUX_EXPORT_H */
