// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap_file_dirty(inode, pos, len, ops)
 * 1: iomap_file_unshare(inode, pos, len, ops) (5.5)
 * 2: iomap_file_unshare(inode, pos, len, ops, write_ops) (6.17)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_file_unshare);

#elif FORM == 1
int probe(struct inode *inode) { return iomap_file_unshare(inode, 0, 1, NULL); }

#elif FORM == 2
int probe(struct inode *inode) { return iomap_file_unshare(inode, 0, 1, NULL, NULL); }

#endif
