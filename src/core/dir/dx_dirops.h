/* SPDX-License-Identifier: GPL-2.0-only */
/* What dirops.c and dirops_rename.c share. */
#ifndef DX_DIROPS_H
#define DX_DIROPS_H

#include "dx_inode_item.h"

extern const struct dx_name dx_name_dotdot;
u32 dx_ns_trans_flags(struct dx_mount *mp);
int dx_remove_trans(struct dx_mount *mp, enum dx_resv type, u32 *blocks, struct dx_trans **tpp);

#endif /* DX_DIROPS_H */
