// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a filesystem waits for RCU itself before it frees an inode
 * 1: ->free_inode() (5.2)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct super_operations, free_inode);

#elif FORM == 1
static void probe_f(struct inode *inode) { }
const struct super_operations probe_ops = { .free_inode = probe_f };

#endif
