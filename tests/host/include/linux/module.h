/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: module macros do nothing. */
#ifndef HOST_LINUX_MODULE_H
#define HOST_LINUX_MODULE_H

#include <linux/types.h>
#include <linux/compiler.h>
struct module;

#endif /* HOST_LINUX_MODULE_H */
