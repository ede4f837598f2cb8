/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to percpu.h. */
#ifndef HOST_LINUX_SMP_H
#define HOST_LINUX_SMP_H

#include <linux/percpu.h>

#endif /* HOST_LINUX_SMP_H */
