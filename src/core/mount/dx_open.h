/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The top of the core: a volume is opened and closed, made read-write or read-only, and judged by what is on it.
 *
 * Rooms are opened from the ground up and closed from the top down (mount.c).  Each that asks something of a higher one
 * has been handed a table for it before the first of them opens.
 *
 * Context: mount, remount, unmount, freeze; the caller keeps these apart from each other.
 */
#ifndef DX_OPEN_H
#define DX_OPEN_H

#include "dx_mount.h"
#include "dx_log.h"

/* ---- life ---- */
int dx_mount_change_sb(struct dx_mount *mp, const struct dx_sb *new);	/* before replay: the log has a newer one */
int dx_mount_open(struct dx_mount *mp);		/* read sb, gate features, geometry, caches, log, recovery, root inode */
int dx_mount_close(struct dx_mount *mp);	/* quiesce, clean log, free everything; the dx_mount itself is the caller's */
int dx_mount_quiesce(struct dx_mount *mp);	/* freeze, remount ro: all clean on disk, log covered */
int dx_mount_remount_rw(struct dx_mount *mp);
int dx_mount_remount_ro(struct dx_mount *mp);
int dx_sync_fs(struct dx_mount *mp);		/* log force */

void dx_set_inode_ags(struct dx_mount *mp);	/* opts.inode32 is set or changed */
void dx_set_maxicount(struct dx_mount *mp);
unsigned int dx_ino_bits(struct dx_mount *mp, dx_agno_t agcount);
#define DX_MAX_INO_BITS	56

/* ---- what changes while it is in use: grow.c ---- */
int dx_grow_data(struct dx_mount *mp, u64 dblocks, u32 imax_pct);
int dx_set_label(struct dx_mount *mp, const char label[12]);
void dx_get_label(struct dx_mount *mp, char label[12]);

/* ---- what is on the volume: gate.c ---- */
int dx_gate_open(struct dx_mount *mp);		/* after replay, before our first transaction */
int dx_gate_remounted(struct dx_mount *mp);	/* it has: before anything is changed */

#endif /* DX_OPEN_H */
