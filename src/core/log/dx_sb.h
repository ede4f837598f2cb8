/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The superblock and the counters that are summed up in it.  Part of dx_log.h.
 *
 * In memory the counters are exact and change with each transaction; on disk, with lazy counters, they are right
 * after a clean unmount only, and counted anew otherwise.
 */
#ifndef DX_SB_H
#define DX_SB_H

#include "dx_mount.h"

struct dx_trans;

/* ---- space counters (fsblocks) ---- */
int dx_mod_fdblocks(struct dx_mount *mp, s64 delta, bool use_reserve);	/* -ENOSPC when it would go below the set-aside */
void dx_mod_icount(struct dx_mount *mp, s64 delta);
void dx_mod_ifree(struct dx_mount *mp, s64 delta);
int dx_reserve_set(struct dx_mount *mp, u64 blocks);	/* size of the reserve pool */
struct dx_statfs { u64 blocks, bfree, bavail, files, ffree; };
void dx_mount_statfs(struct dx_mount *mp, struct dx_statfs *st);
int dx_log_sb(struct dx_trans *tp);		/* put the in-core counters and fields into the superblock, logged */
void dx_sb_join(struct dx_trans *tp);		/* before mp->sb is changed, to be logged in this transaction */
int dx_sync_sb(struct dx_mount *mp, bool wait);	/* transaction of its own */
int dx_counters_init(struct dx_mount *mp);
void dx_counters_destroy(struct dx_mount *mp);
void dx_counters_set(struct dx_mount *mp, u64 icount, u64 ifree, u64 fdblocks);
void dx_counters_grown(struct dx_mount *mp, u64 blocks, u64 set_aside);
void dx_reserve_default(struct dx_mount *mp);	/* min(5 %, 8192 blocks) */

/* ---- superblock: sb.c ---- */
struct dx_dsb;
extern const struct dx_buf_ops dx_sb_buf_ops;
void dx_sb_from_disk(struct dx_sb *to, const struct dx_dsb *from);
void dx_sb_to_disk(struct dx_dsb *to, const struct dx_sb *from);
int dx_sb_read_first(struct dx_mount *mp);	/* uncached read of the primary into mp->sb, verified */
int dx_sb_attach(struct dx_mount *mp);		/* cached, verified mp->sb_bp */
int dx_sb_reread(struct dx_mount *mp);		/* after recovery */
int dx_sb_gate(struct dx_mount *mp);		/* features: refuse or restrict, one line each */
u32 dx_sb_ro_unsupported(struct dx_mount *mp);	/* ro_compat bits that we cannot write */

/* ---- its copies: sb_copies.c ---- */
void dx_sb_copy(struct dx_mount *mp, struct dx_dsb *to);
int dx_sb_copies_write(struct dx_mount *mp);
void dx_sb_copies_check(struct dx_mount *mp);

#endif /* DX_SB_H */
