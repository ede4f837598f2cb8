/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inodes: their cache, locks, disk form, transactions.  What one looks like in memory is in dx_incore.h.
 *
 * A dx_inode is found by number in the inode cache, is counted, and outlives the VFS
 * inode until its log item has left the checkpoint and the AIL (so that it
 * is never re-read from a stale cluster buffer).  ILOCK (ip->ilock) protects
 * the core, both forks and the log item (L1).  The in-core size that I/O
 * uses is the VFS inode's; ip->d.size is the size on disk (as logged).
 */
#ifndef DX_INODE_H
#define DX_INODE_H

#include "dx_incore.h"
#include "dx_iquota.h"
#include "dx_log.h"
#include "dx_btree.h"

struct dx_recovery;
struct dx_ritem;

/*
 * What inodes ask of those who are built on them; the mount hands it down before the first inode is read.
 */
struct dx_inode_above {
	int	(*inactivate)(struct dx_inode *ip);	/* see dx_inactivate() */
	void	(*drop)(struct dx_inode *ip);		/* goes out of memory: gives back what its delayed extents hold */
	/* is the local data of a fork what it should be?  0 or -EFSCORRUPTED, with a message; @bytes: its length */
	int	(*check_dir)(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);
	int	(*check_symlink)(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);
	int	(*check_attrs)(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);
	int	(*change_owner)(struct dx_recovery *rc, const struct dx_dinode *dip, const char *fork, u32 room,
				dx_lsn_t lsn);	/* replay */
};

/* Preallocation past EOF may be there from now on. */
static inline void dx_inode_set_eofblocks(struct dx_inode *ip)
{
	if (!test_and_set_bit(DX_I_EOFBLOCKS, &ip->i_flags))
		atomic64_inc(&ip->mp->held[DX_HELD_PREALLOC]);
}

/* Is there perhaps some, that nobody has asked for? */
static inline bool dx_inode_spare_past_eof(const struct dx_inode *ip)
{
	return test_bit(DX_I_EOFBLOCKS, &ip->i_flags) && !(ip->d.flags & (DX_DIFLAG_PREALLOC | DX_DIFLAG_APPEND));
}

/* The extents of a regular file are read: did a crash leave preallocation past EOF?  Nobody else would give it back. */
void dx_inode_look_past_eof(struct dx_inode *ip);

/* ---- cache: icache.c ---- */
int dx_icache_init(struct dx_mount *mp);
void dx_icache_destroy(struct dx_mount *mp);
#define DX_IGET_CREATE		(1u << 0)	/* freshly allocated: do not read from disk */
#define DX_IGET_UNTRUSTED	(1u << 1)	/* number comes from outside: check the inobt */
#define DX_IGET_INCORE		(1u << 2)	/* only if cached, else -ENODATA */
#define DX_IGET_DONTCACHE	(1u << 3)	/* not worth keeping */
#define DX_IGET_LEFT_OVER	(1u << 4)	/* unlinked ones that could not be freed, too: to count them */
int dx_iget(struct dx_mount *mp, struct dx_trans *tp, dx_ino_t ino, u32 flags, struct dx_inode **ipp);
int dx_iget_shared(struct dx_mount *mp, dx_ino_t ino, u32 flags, const u32 *gen, struct dx_inode **ipp);	/* locks */
void dx_ihold(struct dx_inode *ip);
/* last reference of an unlinked inode: inactivation is queued or run; may sleep and start transactions */
void dx_idrop(struct dx_inode *ip);
unsigned long dx_icache_count(struct dx_mount *mp);	/* reclaimable */
unsigned long dx_icache_scan(struct dx_mount *mp, unsigned long nr);
void dx_icache_thaw(struct dx_mount *mp);
void dx_icache_flush_inactive(struct dx_mount *mp);	/* run all queued inactivations (freeze, unmount) */
bool dx_icache_wait_inactive(struct dx_mount *mp, unsigned long ticks);	/* those queued by now; false: time is up */
void dx_icache_blockgc(struct dx_mount *mp);		/* queue idle inodes with preallocation past EOF (ENOSPC) */

/* ---- locks ---- */
#define DX_ILOCK_SHARED	1
#define DX_ILOCK_EXCL	2
void dx_ilock(struct dx_inode *ip, int mode);
bool dx_ilock_try(struct dx_inode *ip, int mode);
void dx_ilock_child(struct dx_inode *ip);				/* EXCL, a new inode under its directory's ILOCK */
void dx_ilock_inner(struct dx_inode *ip, int mode);			/* a quota file, under any other */
void dx_iunlock(struct dx_inode *ip, int mode);
void dx_ilock_two(struct dx_inode *a, struct dx_inode *b);		/* EXCL, by number */
void dx_ilock_many(struct dx_inode **ips, int n);			/* EXCL, sorted by number, NULLs and repeats skipped */
/* EXCL if extents must be read first; returns the mode taken */
int dx_ilock_data_map_shared(struct dx_inode *ip);
int dx_ilock_attr_map_shared(struct dx_inode *ip);

/* ---- disk form: inode_disk.c ---- */
int dx_inode_from_disk(struct dx_inode *ip, const struct dx_dinode *dip);	/* verifies everything first */
void dx_inode_to_disk(struct dx_inode *ip, struct dx_dinode *dip, dx_lsn_t lsn);	/* core only, with CRC left to the caller */
void dx_inode_to_log(struct dx_inode *ip, struct dx_log_dinode *ld, dx_lsn_t lsn);
void dx_log_dinode_to_disk(const struct dx_log_dinode *ld, struct dx_dinode *dip);	/* recovery */
u64 dx_dinode_nextents(const struct dx_dinode *dip, int whichfork);
int dx_dinode_verify(struct dx_mount *mp, dx_ino_t ino, const struct dx_dinode *dip, const char **field);
void dx_dinode_stamp_crc(struct dx_mount *mp, struct dx_dinode *dip);
void dx_time_to_disk(struct dx_mount *mp, u64 flags2, const struct timespec64 *ts, __be64 *out);
void dx_time_from_disk(struct dx_mount *mp, u64 flags2, __be64 in, struct timespec64 *ts);

/* ---- transactions on inodes: inode_item.c ---- */
/* ILOCK held EXCL; commit unlocks with unlock_mode (0 = keep) */
bool dx_inode_lsn_ahead(struct dx_mount *mp, dx_ino_t ino, dx_lsn_t lsn);
void dx_trans_ijoin(struct dx_trans *tp, struct dx_inode *ip, int unlock_mode);
/* DX_ILOG_*; bumps changecount with DX_ILOG_CORE once per transaction */
void dx_trans_log_inode(struct dx_trans *tp, struct dx_inode *ip, u32 fields);
int dx_trans_roll_inode(struct dx_trans **tpp, struct dx_inode *ip);	/* roll, relog and keep ip (ILOCK held throughout) */
#define DX_ICHGTIME_MOD	1
#define DX_ICHGTIME_CHG	2
#define DX_ICHGTIME_ACC 4
#define DX_ICHGTIME_CREATE 8
struct dx_inode *dx_item_inode(struct dx_log_item *lip);	/* of a DX_LI_INODE item */
void dx_trans_set_time(struct dx_trans *tp, struct dx_inode *ip, int which);	/* current time into d.*; caller logs */
void dx_inode_seen(struct dx_inode *ip);		/* inode.c: somebody will ask whether it has changed since */
void dx_inode_owns_all(struct dx_inode *ip);		/* DX_ILOG_DOWNER is needed no more */
int dx_flush_cluster(struct dx_buf *bp);		/* copy every flushable inode of the cluster into bp */
void dx_flush_give_up(struct dx_inode *ip);
bool dx_inode_datasync_pending(struct dx_inode *ip);	/* fdatasync would write the log */
void dx_inode_synced(struct dx_inode *ip, u64 seq);
u64 dx_inode_commit_seq(struct dx_inode *ip, bool datasync);	/* CIL sequence that fsync must force, 0 = nothing */
int dx_inode_log_force(struct dx_inode *ip, bool datasync);	/* fsync's metadata half */

u32 dx_dialloc_space(struct dx_mount *mp);		/* ialloc.c: blocks for a new one's number */

/* ---- unlinked lists: iunlink.c ---- */
int dx_unlinked_add(struct dx_trans *tp, struct dx_inode *ip);
int dx_unlinked_remove(struct dx_trans *tp, struct dx_buf *agibp, struct dx_inode *ip);
int dx_unlinked_next(struct dx_mount *mp, dx_agno_t agno, dx_agino_t agino, dx_agino_t *next);
void dx_iunlink_set_bucket(struct dx_trans *tp, struct dx_buf *agibp, int bucket, dx_agino_t agino);
static inline bool dx_agino_ok(struct dx_mount *mp, dx_agno_t agno, dx_agino_t agino)
{
	return dx_verify_ino(mp, dx_agino_to_ino(mp, agno, agino)) && !(agino >> mp->agino_log);
}

/* ---- operations on one inode: inode.c ---- */
struct dx_create_args {
	umode_t	mode;
	u32	uid, gid, projid;
	u32	rdev;
	bool	init_xattrs;	/* will get ACLs or security xattrs: make room */
};
int dx_ifree(struct dx_trans *tp, struct dx_inode *ip);
void dx_inode_become_file(struct dx_inode *ip);		/* between the two parts of its end */
struct dx_setattr { u32 valid; umode_t mode; u32 uid, gid, projid; struct timespec64 atime, mtime, ctime; bool quota_force; };
#define DX_ATTR_MODE 1
#define DX_ATTR_UID 2
#define DX_ATTR_GID 4
#define DX_ATTR_ATIME 8
#define DX_ATTR_MTIME 16
#define DX_ATTR_CTIME 32
#define DX_ATTR_PROJID 64
int dx_setattr_nosize(struct dx_inode *ip, const struct dx_setattr *sa, bool sync);

/* ---- replay: inode_item.c, icreate_item.c, iunlink.c ---- */
int dx_inode_note(struct dx_recovery *rc, struct dx_ritem *it);
int dx_inode_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);
int dx_icreate_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);
int dx_iunlink_replay(struct dx_recovery *rc, struct dx_buf *bp, u32 off, const char *src, u32 len);

#endif /* DX_INODE_H */
