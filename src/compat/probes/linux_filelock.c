// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: leases are in linux/fs.h
 * 1: linux/filelock.h (6.3)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
#if __has_include(<linux/filelock.h>)
#error "both"
#endif
int probe(struct inode *inode) { return break_layout(inode, false); }

#elif FORM == 1
#if __has_include(<linux/filelock.h>)
#include <linux/filelock.h>
int probe(struct inode *inode) { return break_layout(inode, false); }
#else
#error "none"
#endif

#endif
