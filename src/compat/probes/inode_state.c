// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: the state of an inode is a member
 * 1: ... is read by functions (6.19)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
unsigned int probe(struct inode *inode) { return inode->i_state & I_NEW; }

#elif FORM == 1
unsigned int probe(struct inode *inode) { return inode_state_read_once(inode) & I_NEW; }

#endif
