/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: numeric limits of the kernel's types: the C library's, in those types. */
#ifndef HOST_LINUX_LIMITS_H
#define HOST_LINUX_LIMITS_H

#include_next <linux/limits.h>
#include <linux/types.h>
#include <limits.h>
#include <stdint.h>

#define U32_MAX		((u32)UINT32_MAX)
#define S32_MAX		((s32)INT32_MAX)
#define S32_MIN		((s32)INT32_MIN)
#define U64_MAX		((u64)UINT64_MAX)
#define S64_MAX		((s64)INT64_MAX)

#endif /* HOST_LINUX_LIMITS_H */
