// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: generic_fillattr(inode, stat)
 * 1: generic_fillattr(ns, inode, stat) (5.12)
 * 2: generic_fillattr(idmap, mask, inode, stat) (6.6)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
void probe(struct inode *inode, struct kstat *st) { generic_fillattr(inode, st); }

#elif FORM == 1
void probe(struct inode *inode, struct kstat *st) { generic_fillattr(NULL, inode, st); }

#elif FORM == 2
void probe(struct inode *inode, struct kstat *st) { generic_fillattr(NULL, STATX_BASIC_STATS, inode, st); }

#endif
