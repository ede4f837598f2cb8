/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to module.h. */
#ifndef HOST_LINUX_MODULEPARAM_H
#define HOST_LINUX_MODULEPARAM_H

#include <linux/module.h>

#endif /* HOST_LINUX_MODULEPARAM_H */
