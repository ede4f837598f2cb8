/* SPDX-License-Identifier: GPL-2.0-only */
/* What dirops.c and dirops_rename.c share. */
#ifndef DX_DIROPS_H
#define DX_DIROPS_H

#include "dx_inode_item.h"
#include "dx_dir.h"

extern const struct dx_name dx_name_dotdot;
u32 dx_ns_trans_flags(struct dx_inode *dp);
u32 dx_ns_parent_blocks(struct dx_mount *mp, int n);
int dx_ns_prepare(struct dx_inode *ip);
int dx_ns_attach(struct dx_inode *a, struct dx_inode *b);
#define DX_LINKS_OF_PARENT	3	/* of a directory, at least, that has another in it */
bool dx_ns_foreign(const struct dx_inode *dp, const struct dx_inode *ip);
int dx_ns_may_enter(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, u32 blocks);
int dx_ns_parent_check(struct dx_inode *ip, const struct dx_parent_change *c, bool blocks);
int dx_ns_parent_update(struct dx_trans *tp, struct dx_inode *ip, const struct dx_parent_change *c);
void dx_ns_join_child(struct dx_trans *tp, struct dx_inode *ip);
void dx_ns_unlock_child(struct dx_inode *ip);
#define DX_PARENT_NAME(d, n)	{ .dp = d, .name = (n)->name, .len = (n)->len }
int dx_remove_trans(struct dx_inode *dp, enum dx_resv type, u32 *blocks, struct dx_trans **tpp);

#endif /* DX_DIROPS_H */
