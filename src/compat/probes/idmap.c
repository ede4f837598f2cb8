// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: no id-mapped mounts
 * 1: inode operations are given a user namespace (5.12)
 * 2: inode operations are given a struct mnt_idmap (6.3)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
static int probe_f(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev) { return 0; }
const struct inode_operations probe_ops = { .mknod = probe_f };

#elif FORM == 1
static int probe_f(struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev) { return 0; }
const struct inode_operations probe_ops = { .mknod = probe_f };

#elif FORM == 2
static int probe_f(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev) { return 0; }
const struct inode_operations probe_ops = { .mknod = probe_f };

#endif
