/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: vmalloc. */
#ifndef HOST_LINUX_VMALLOC_H
#define HOST_LINUX_VMALLOC_H

#include <linux/slab.h>
#define __vmalloc(s, g)		host_alloc(s, g, HOST_VMALLOC, __FILE__, __LINE__)
#define vmalloc(s)		__vmalloc(s, GFP_KERNEL)
void vfree(const void *p);

#endif /* HOST_LINUX_VMALLOC_H */
