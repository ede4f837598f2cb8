// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a symbol that exists is taken for absent
 * 1: it is not (this must be the answer)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iput);

#elif FORM == 1
int probe(struct inode *inode) { iput(inode); return inode->i_mode; }

#endif
