/* SPDX-License-Identifier: GPL-2.0-only */
/* What unit programs share that mount volumes: making, mounting and checking them. */
#ifndef UTIL_VOL_H
#define UTIL_VOL_H

#include "host.h"
#include "dx_inode.h"
#include "dx_attr.h"
#include "dx_dir.h"
#include "dx_open.h"

/*
 * In a fiber: a mount of any device, NULL when it is refused.  With @error the reason goes there, else to the
 * output.  uv_umount() is the other end; both deal with the memory of the dx_mount.
 */
struct dx_mount *uv_mount_dev(struct dx_bdev *dev, const struct dx_mount_opts *opts, int *error);
int uv_umount(struct dx_mount *mp);

/* ---- one volume at a time, of many geometries ---- */

struct uv_profile { const char *name, *mkfs; unsigned int mib; unsigned int lbs; bool parent; };
extern const struct uv_profile uv_profiles[];
extern const int uv_nprofiles;
extern struct dx_bdev *uv_dev;
extern char uv_dir[256];
extern char uv_image[300];
extern unsigned int uv_logbsize;
extern u16 uv_quota;			/* DX_?QUOTA_* that uv_mount() and uf_mount() ask for */
extern bool uv_has_parent;		/* the volume that uv_make() has made has parent pointers */
void uv_setup(const char *prog);
void uv_teardown(void);
int uv_make(const struct uv_profile *p);
bool uv_repair_clean(const char *tag);	/* of the device as it is; tag names the scratch file */
bool uv_logprint_ok(const char *tag);
void uv_judge(int (*judge)(void *arg), const char *tag);	/* in a new world: it, no warning, nothing leaked; then xfs_repair */
void uv_forget(const char *tag);	/* removes the files of both */
/*
 * A feature of xfsprogs that are newer than the ones here: its bit in the superblock.  On a clean volume; off again for
 * xfs_repair.
 */
void uv_incompat(u32 bit, bool on);
struct dx_mount *uv_mount(int *error);
struct dx_mount *uv_mount_ro(int *error);
u64 uv_rand(u64 *s);

/*
 * A volume that has no file yet has parent pointers from now on: for where mkfs.xfs is older than they are.  The programs of such an
 * xfsprogs do not know them: uv_repair_clean() and uv_logprint_ok() ask newer ones if UV_NEWER says how ("$UV_NEWER xfs_repair -n
 * PATH", say), and else leave it to uv_check_parents().
 */
int uv_add_parent(const char *image);
/*
 * On a volume with parent pointers: each name has one, with the right hash, and each is of a name.  Nothing else runs.  0, or -errno
 * after saying what differs.
 */
int uv_check_parents(struct dx_mount *mp);

/*
 * On a volume with rmapbt: its records against headers, trees, free lists, chunks of inodes and the maps of all inodes, and the
 * keys of its nodes against what is below them.  Nothing else runs.  0, or -errno after saying what differs.
 */
int uv_check_rmaps(struct dx_mount *mp);
void uv_settle(struct dx_mount *mp);

/*
 * On a volume with reflink: its reference counts against the maps of all inodes, what is staged for copies on write against
 * those and against free space; whoever shares a block says so.  Nothing else runs.  0, or -errno after saying what differs.
 */
int uv_check_refcounts(struct dx_mount *mp);

/*
 * Where quota is accounted: usage in memory against what all inodes use, with what they have delayed; and the records of nobody
 * else.  Nothing else runs.  0, or -errno after saying what differs.
 */
int uv_check_quota(struct dx_mount *mp);

#endif /* UTIL_VOL_H */
