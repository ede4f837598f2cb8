// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->update_time() is told the time and a set of S_*
 * 1: ... the set alone (6.6)
 * 2: ... a kind, and IOCB_NOWAIT (7.0)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
static int probe_f(struct inode *inode, struct timespec64 *now, int flags) { return 0; }
const struct inode_operations probe_ops = { .update_time = probe_f };

#elif FORM == 1
static int probe_f(struct inode *inode, int flags) { return 0; }
const struct inode_operations probe_ops = { .update_time = probe_f };

#elif FORM == 2
static int probe_f(struct inode *inode, enum fs_update_time type, unsigned int flags) { return 0; }
const struct inode_operations probe_ops = { .update_time = probe_f };

#endif
