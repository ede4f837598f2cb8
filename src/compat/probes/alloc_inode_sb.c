// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: inodes come from kmem_cache_alloc()
 * 1: ... from alloc_inode_sb(), which prepares them for list_lru (5.18)
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(alloc_inode_sb);
#ifdef alloc_inode_sb
#error "a macro"
#endif

#elif FORM == 1
void *probe(struct super_block *sb) { return alloc_inode_sb(sb, NULL, GFP_KERNEL); }

#endif
