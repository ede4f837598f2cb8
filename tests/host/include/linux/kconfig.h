/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to compiler.h. */
#ifndef HOST_LINUX_KCONFIG_H
#define HOST_LINUX_KCONFIG_H

#include <linux/compiler.h>

#endif /* HOST_LINUX_KCONFIG_H */
