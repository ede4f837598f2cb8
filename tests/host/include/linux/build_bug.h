/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: compile-time checks. */
#ifndef HOST_LINUX_BUILD_BUG_H
#define HOST_LINUX_BUILD_BUG_H

#include <linux/compiler.h>
#define BUILD_BUG_ON_ZERO(e)	((int)(sizeof(struct { int:(-!!(e)); })))
#define BUILD_BUG_ON(c)		do { _Static_assert(!(c), "BUILD_BUG_ON failed: " #c); } while (0)
#define __host_sa(e, msg, ...)	_Static_assert(e, msg)
#undef static_assert
#define static_assert(e, ...)	__host_sa(e, ## __VA_ARGS__, #e)

#endif /* HOST_LINUX_BUILD_BUG_H */
