/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parent pointers: what the volume knows of where an inode's names are.  Only on volumes that have them (dx_has_parent()).
 */
#ifndef DX_PARENT_H
#define DX_PARENT_H

#include "dx_attr.h"
#include "dx_dir.h"

extern const struct dx_defer_type dx_attr_type;
int dx_parent_check(struct dx_inode *ip, const struct dx_parent_change *c, bool blocks);
int dx_parent_update(struct dx_trans *tp, struct dx_inode *ip, const struct dx_parent_change *c);
int dx_parents(struct dx_inode *ip, struct dx_attr_cursor *cur,
	       int (*fn)(void *ctx, dx_ino_t ino, u32 gen, const u8 *name, u32 namelen), void *ctx);

#endif /* DX_PARENT_H */
