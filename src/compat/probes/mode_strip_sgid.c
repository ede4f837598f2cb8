// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: what becomes of a new file's setgid bit is inode_init_owner()'s own affair
 * 1: mode_strip_sgid(dir, mode) (backports of the next one)
 * 2: mode_strip_sgid(idmap, dir, mode) (6.0, and backported)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(mode_strip_sgid);

#elif FORM == 1
umode_t probe(struct inode *dir) { return mode_strip_sgid(dir, 0); }

#elif FORM == 2
umode_t probe(struct inode *dir) { return mode_strip_sgid(NULL, dir, 0); }

#endif
