// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: nothing checks new inode flags for a filesystem, or the VFS does it on its own (5.13)
 * 1: vfs_ioc_setflags_prepare(), vfs_ioc_fssetxattr_check() (5.3)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(vfs_ioc_fssetxattr_check);

#elif FORM == 1
int probe(struct inode *inode, const struct fsxattr *from, struct fsxattr *to)
{
	return vfs_ioc_setflags_prepare(inode, 0, 0) + vfs_ioc_fssetxattr_check(inode, from, to);
}

#endif
