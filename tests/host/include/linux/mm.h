/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: the little of memory management that the core may see. */
#ifndef HOST_LINUX_MM_H
#define HOST_LINUX_MM_H

#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/kernel.h>
#include <linux/shrinker.h>

#endif /* HOST_LINUX_MM_H */
