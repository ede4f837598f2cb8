/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: nothing freezes. */
#ifndef HOST_LINUX_FREEZER_H
#define HOST_LINUX_FREEZER_H

#define try_to_freeze() (false)
#define set_freezable() do { } while (0)
#define freezing(t) (false)

#endif /* HOST_LINUX_FREEZER_H */
