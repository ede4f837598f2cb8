/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: errors in pointers. */
#ifndef HOST_LINUX_ERR_H
#define HOST_LINUX_ERR_H

#include <linux/types.h>
#include <linux/errno.h>
#define MAX_ERRNO	4095
#define IS_ERR_VALUE(x)	unlikely((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
static inline void * __must_check ERR_PTR(long error) { return (void *)error; }
static inline long __must_check PTR_ERR(const void *p) { return (long)p; }
static inline bool __must_check IS_ERR(const void *p) { return IS_ERR_VALUE((unsigned long)p); }

#endif /* HOST_LINUX_ERR_H */
