// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a member that exists is taken for absent
 * 1: it is not (this must be the answer)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct inode, i_mode);

#elif FORM == 1
int probe(struct inode *inode) { iput(inode); return inode->i_mode; }

#endif
