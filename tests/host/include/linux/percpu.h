/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: per-CPU data of the one CPU. */
#ifndef HOST_LINUX_PERCPU_H
#define HOST_LINUX_PERCPU_H

#include <linux/slab.h>
#include <linux/preempt.h>

#endif /* HOST_LINUX_PERCPU_H */
