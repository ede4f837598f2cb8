/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the directory and attribute tests share: a volume made by mkfs.xfs in
 * the simulated disk, mounting it, and asking xfs_repair about it.
 */
#ifndef DA_HELP_H
#define DA_HELP_H

#include "util_vol.h"
#include "dx_dir.h"

extern struct dx_bdev *da_dev;
extern char da_dir[256];		/* scratch directory */

void da_setup(void);
void da_teardown(void);
int da_make(const char *mkfs_opts, unsigned int mib);
bool da_repair_clean(void);		/* from outside a world's fibers, device quiet */
struct dx_mount *da_mount(bool ro);
int da_create(struct dx_inode *dp, const char *name, umode_t mode, struct dx_inode **ipp);
int da_lookup(struct dx_inode *dp, const void *name, int len, struct dx_inode **ipp);
u64 da_rand(u64 *state);		/* a stream of the test's own */

#endif /* DA_HELP_H */
