/* SPDX-License-Identifier: GPL-2.0-only */
/* Quota for the VFS: quotactl.c, which see; super.c and setattr.c ask it. */
#ifndef QUOTACTL_H
#define QUOTACTL_H

#include "dx_vfs.h"

struct kstatfs;
struct seq_file;

void dx_quota_option(const char *name, u16 *quota);
void dx_quota_show_options(struct seq_file *m, struct dx_mount *mp);
void dx_quota_bound_statfs(struct dx_inode *ip, struct kstatfs *st);
void dx_quotactl_init(struct super_block *sb);
int dx_quotactl_register(struct dx_super *ds);
void dx_quotactl_unregister(struct dx_super *ds);

#endif /* QUOTACTL_H */
