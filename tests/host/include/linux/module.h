/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: module macros do nothing. */
#ifndef HOST_LINUX_MODULE_H
#define HOST_LINUX_MODULE_H

#include <linux/types.h>
#include <linux/compiler.h>
struct module;
#define THIS_MODULE		((struct module *)0)
#define MODULE_LICENSE(x)	extern int host_unused
#define MODULE_AUTHOR(x)	extern int host_unused
#define MODULE_DESCRIPTION(x)	extern int host_unused
#define MODULE_ALIAS_FS(x)	extern int host_unused
#define MODULE_SOFTDEP(x)	extern int host_unused
#define MODULE_VERSION(x)	extern int host_unused
#define MODULE_PARM_DESC(a, b)	extern int host_unused
#define module_param(n, t, p)	extern int host_unused
#define module_param_named(n, v, t, p) extern int host_unused
#define module_init(f)		extern int host_unused
#define module_exit(f)		extern int host_unused
#define EXPORT_SYMBOL(s)	extern int host_unused
#define EXPORT_SYMBOL_GPL(s)	extern int host_unused

#endif /* HOST_LINUX_MODULE_H */
