// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: each filesystem has the ioctls for inode flags
 * 1: ->fileattr_get(dentry, struct fileattr *) (5.13)
 * 2: ->fileattr_get(dentry, struct file_kattr *) (6.17)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct inode_operations, fileattr_get);

#elif FORM == 1
static int probe_f(struct dentry *dentry, struct fileattr *fa) { return 0; }
const struct inode_operations probe_ops = { .fileattr_get = probe_f };

#elif FORM == 2
static int probe_f(struct dentry *dentry, struct file_kattr *fa) { return 0; }
const struct inode_operations probe_ops = { .fileattr_get = probe_f };

#endif
