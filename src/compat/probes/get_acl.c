// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->get_acl(inode, type)
 * 1: ->get_acl(inode, type, rcu) (5.15)
 * 2: ->get_inode_acl(inode, type, rcu), and ACLs have operations of dentries instead of attribute handlers (6.2)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
static struct posix_acl *probe_f(struct inode *inode, int type) { return NULL; }
const struct inode_operations probe_ops = { .get_acl = probe_f };

#elif FORM == 1
static struct posix_acl *probe_f(struct inode *inode, int type, bool rcu) { return NULL; }
const struct inode_operations probe_ops = { .get_acl = probe_f };

#elif FORM == 2
static struct posix_acl *probe_f(struct inode *inode, int type, bool rcu) { return NULL; }
const struct inode_operations probe_ops = { .get_inode_acl = probe_f };

#endif
