// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: an attribute prints with scnprintf()
 * 1: sysfs_emit() (5.10, and backported)
 */
#include <linux/sysfs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(sysfs_emit);

#elif FORM == 1
int probe(char *buf) { return sysfs_emit(buf, "%d", 0) + sysfs_emit_at(buf, 0, "%d", 0); }

#endif
