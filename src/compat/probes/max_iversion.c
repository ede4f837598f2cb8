// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: the change counter is raised by hand
 * 1: inode_set_max_iversion_raw() (5.3)
 */
#include <linux/fs.h>
#include <linux/iversion.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(inode_set_max_iversion_raw);
void probe(struct inode *inode) { atomic64_t *probe_v = (atomic64_t *)&inode->i_version; atomic64_read(probe_v); }

#elif FORM == 1
void probe(struct inode *inode) { inode_set_max_iversion_raw(inode, 0); }

#endif
