/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to sched.h. */
#ifndef HOST_LINUX_SCHED_TASK_H
#define HOST_LINUX_SCHED_TASK_H

#include <linux/sched.h>

#endif /* HOST_LINUX_SCHED_TASK_H */
