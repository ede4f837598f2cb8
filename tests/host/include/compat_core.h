/* SPDX-License-Identifier: GPL-2.0-only */
/* What src/compat/compat_core.h is in the module: nothing differs here. */
#ifndef HOST_COMPAT_CORE_H
#define HOST_COMPAT_CORE_H

#include <linux/workqueue.h>
#include <asm/unaligned.h>

#define WQ_PERCPU	0
#define dx_list_sort	list_sort

#endif
