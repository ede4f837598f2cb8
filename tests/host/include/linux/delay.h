/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: delays. */
#ifndef HOST_LINUX_DELAY_H
#define HOST_LINUX_DELAY_H

#include <linux/types.h>
void msleep(unsigned int ms);
void usleep_range(unsigned long min, unsigned long max);
void host_udelay(unsigned long us);

#endif /* HOST_LINUX_DELAY_H */
