/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: forwards to time64.h. */
#ifndef HOST_LINUX_TIME_H
#define HOST_LINUX_TIME_H

#include <linux/time64.h>
#include <linux/jiffies.h>

#endif /* HOST_LINUX_TIME_H */
