/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: compile-time checks. */
#ifndef HOST_LINUX_BUILD_BUG_H
#define HOST_LINUX_BUILD_BUG_H

#include <linux/compiler.h>
#define BUILD_BUG_ON_ZERO(e)	((int)(sizeof(struct { int:(-!!(e)); })))
#define BUILD_BUG_ON_MSG(c, msg) _Static_assert(!(c), msg)
#define BUILD_BUG_ON(c)		do { _Static_assert(!(c), "BUILD_BUG_ON failed: " #c); } while (0)
#define BUILD_BUG_ON_NOT_POWER_OF_2(n) BUILD_BUG_ON((n) == 0 || (((n) & ((n) - 1)) != 0))
#define BUILD_BUG()		BUILD_BUG_ON(1)
#define __host_sa(e, msg, ...)	_Static_assert(e, msg)
#undef static_assert
#define static_assert(e, ...)	__host_sa(e, ## __VA_ARGS__, #e)
#define compiletime_assert(c, msg) _Static_assert(c, msg)

#endif /* HOST_LINUX_BUILD_BUG_H */
