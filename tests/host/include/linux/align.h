/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: up to the next multiple of a power of two. */
#ifndef HOST_LINUX_ALIGN_H
#define HOST_LINUX_ALIGN_H

/* What is missing to the multiple is the low bits of the negative. */
#define ALIGN(x, to)		((x) + (-(x) & ((typeof(x))(to) - 1)))
#define PTR_ALIGN(p, to)	((typeof(p))ALIGN((unsigned long)(p), to))

#endif /* HOST_LINUX_ALIGN_H */
