// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: what the VFS does on advice is out of reach
 * 1: generic_fadvise() (5.3)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(generic_fadvise);

#elif FORM == 1
int probe(struct file *file) { return generic_fadvise(file, 0, 0, 0); }

#endif
