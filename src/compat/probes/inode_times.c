// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: the times of an inode are members
 * 1: the ctime has functions (6.6)
 * 2: all have (6.7)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(inode_get_ctime);
void probe(struct inode *inode) { inode->i_ctime = inode->i_mtime; }

#elif FORM == 1
struct timespec64 probe(struct inode *inode) { inode_set_ctime_to_ts(inode, inode->i_mtime); return inode_get_ctime(inode); }

#elif FORM == 2
struct timespec64 probe(struct inode *inode) { inode_set_atime_to_ts(inode, inode_get_mtime(inode)); return inode_get_ctime(inode); }

#endif
