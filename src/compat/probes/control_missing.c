// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: what does not exist can be said not to exist (this must be the answer)
 * 1: what does not exist compiles
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(dx_no_such_function);
NO_MEMBER(struct inode, dx_no_such_member);

#elif FORM == 1
int probe(struct inode *inode) { return dx_no_such_function(inode) + inode->dx_no_such_member; }

#endif
