// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->mkdir() returns an error number, and knows no mapping of ids
 * 1: ... is given a user namespace (5.12)
 * 2: ... is given a struct mnt_idmap (6.3)
 * 3: ... returns a dentry (6.15)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
static int probe_f(struct inode *dir, struct dentry *dentry, umode_t mode) { return 0; }
const struct inode_operations probe_ops = { .mkdir = probe_f };

#elif FORM == 1
static int probe_f(struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode) { return 0; }
const struct inode_operations probe_ops = { .mkdir = probe_f };

#elif FORM == 2
static int probe_f(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry, umode_t mode) { return 0; }
const struct inode_operations probe_ops = { .mkdir = probe_f };

#elif FORM == 3
static struct dentry *probe_f(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry, umode_t mode) { return NULL; }
const struct inode_operations probe_ops = { .mkdir = probe_f };

#endif
