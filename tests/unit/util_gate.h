/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UTIL_GATE_H
#define UTIL_GATE_H

#include "util_model.h"
#include "dx_dir.h"

extern void (*ug_trace)(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c);	/* of the next mounts */
struct dx_mount *ug_open_as(bool ro, bool norecovery, int *error);
u64 ug_writes_so_far(void);
struct dx_name ug_name_of(const char *s);
int ug_make_file(struct dx_mount *mp, const char *name, struct dx_inode **ipp);
int ug_find_file(struct dx_mount *mp, const char *name, struct dx_inode **ipp);
int ug_unlink_held(struct dx_mount *mp, const char *name);	/* it goes onto its unlinked list and stays there */
u32 ug_sect(void);		/* sector size of the volume, bytes */
extern u32 ug_shared_bno;	/* in AG 0: the block of file A, and of C where that shares it */
int ug_make_shared(bool c_shares);
void ug_power_cut(void);	/* spares only what was flushed; the log is */

#endif /* UTIL_GATE_H */
