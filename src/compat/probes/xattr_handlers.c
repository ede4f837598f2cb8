// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: sb->s_xattr is a table of pointers
 * 1: ... of constant pointers (6.7)
 */
#include <linux/fs.h>
#include <linux/xattr.h>
#include "probe.h"

#if FORM == 0
void probe(struct super_block *sb) { const struct xattr_handler **t = sb->s_xattr; (void)t; }

#elif FORM == 1
const struct xattr_handler *const probe_t[1];
void probe(struct super_block *sb) { sb->s_xattr = probe_t; }

#endif
