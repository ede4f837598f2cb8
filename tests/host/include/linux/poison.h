/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: pointers that fault. */
#ifndef HOST_LINUX_POISON_H
#define HOST_LINUX_POISON_H

#define POISON_POINTER_DELTA	0xdead000000000000UL
#define LIST_POISON1		((void *)(0x100 + POISON_POINTER_DELTA))
#define LIST_POISON2		((void *)(0x122 + POISON_POINTER_DELTA))

#endif /* HOST_LINUX_POISON_H */
