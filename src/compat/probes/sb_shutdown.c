// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: nobody tells a filesystem that its device is gone
 * 1: super_operations have shutdown() for that (6.5)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct super_operations, shutdown);

#elif FORM == 1
void probe_f(struct super_block *sb);
const struct super_operations probe_ops = { .shutdown = probe_f };

#endif
