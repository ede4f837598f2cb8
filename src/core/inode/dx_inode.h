/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In-core inodes, their forks and extents.
 *
 * A dx_inode is found by number in the inode cache, is counted, and outlives the VFS
 * inode until its log item has left the checkpoint and the AIL (so that it
 * is never re-read from a stale cluster buffer).  ILOCK (ip->ilock) protects
 * the core, both forks and the log item (L1).  The in-core size that I/O
 * uses is the VFS inode's; ip->d.size is the size on disk (as logged).
 */
#ifndef DX_INODE_H
#define DX_INODE_H

#include "dx_mount.h"
#include "dx_log.h"
#include "dx_btree.h"

struct dx_recovery;
struct dx_ritem;

#define DX_DATA_FORK	0
#define DX_ATTR_FORK	1
#define DX_COW_FORK	2	/* in memory only: dx_cow.h */

/* extents */
enum dx_ext_state { DX_EXT_NORM, DX_EXT_UNWRITTEN };
#define DX_HOLESTARTBLOCK	((dx_fsbno_t)-2)	/* in answers only */
#define DX_DELAYSTARTBLOCK	((dx_fsbno_t)-1)	/* delayed allocation; br_indlen blocks reserved for the bmbt */
struct dx_irec {
	dx_fileoff_t	startoff;
	dx_fsbno_t	startblock;
	dx_filblks_t	blockcount;
	u32		indlen;		/* delayed extents: worst-case bmbt blocks reserved */
	enum dx_ext_state state;
};
static inline bool dx_irec_is_delay(const struct dx_irec *r) { return r->startblock == DX_DELAYSTARTBLOCK; }
static inline bool dx_irec_is_hole(const struct dx_irec *r) { return r->startblock == DX_HOLESTARTBLOCK; }
static inline bool dx_irec_is_real(const struct dx_irec *r) { return r->startblock < DX_HOLESTARTBLOCK; }

struct dx_iext_tree { void *root; u64 nr; u32 height; u32 gen; };	/* iext.c: B+tree with relative keys, 16 bytes a record */

struct dx_fork {
	struct dx_iext_tree ext;	/* all extents, real and delayed, when extents_read */
	bool		extents_read;
	u8		format;		/* enum dx_dinode_fmt */
	u64		nextents;	/* on disk: real extents */
	u32		bytes;		/* local data or bmbt root bytes */
	void		*data;		/* local data (NUL behind it), or struct dx_bmbt_root */
};

/* In memory only: dx_cow.h */
struct dx_cow_fork {
	struct dx_fork	f;
	u64		blks;		/* of its extents, delayed and staged */
	u64		want;		/* what the bmbt can need when they come into the data fork */
	u64		resv;		/* blocks of the free space counter that are held for that */
};

struct dx_icore {			/* host-order inode core; names of di_* */
	u16	mode;
	u32	uid, gid, nlink, projid;
	struct timespec64 atime, mtime, ctime, crtime;
	u64	size;			/* on disk */
	u64	nblocks;		/* fsblocks, both forks and their btrees */
	u32	extsize;		/* fsblocks */
	u32	cowextsize;
	u8	forkoff;		/* 8-byte units; 0 = no attr fork */
	u16	flags;
	u64	flags2;
	u32	gen;
	u64	changecount;
	u32	next_unlinked;		/* agino or DX_NULLAGINO */
	u32	rdev;			/* device inodes: sysv-encoded as on disk */
	u16	dmstate; u32 dmevmask;
};

struct dx_inode_item;
struct dx_inode {
	struct rhash_head	i_hash;
	dx_ino_t		ino;
	struct dx_mount		*mp;
	refcount_t		i_ref;		/* users; cached while > 0 or the item is busy */
	unsigned long		i_flags;	/* DX_I_* bits */
	spinlock_t		i_lock;		/* i_flags transitions, item flush state */
	struct rw_semaphore	ilock;
	struct dx_imap_s { dx_daddr_t daddr; u16 len_bb; u16 boffset; } imap;
	struct dx_icore		d;
	struct dx_fork		df;
	struct dx_fork		*af;		/* NULL = no attr fork */
	struct dx_cow_fork	*cf;		/* copies on write: NULL until there is one, then it stays */
	struct dx_inode_item	*item;		/* allocated at the first join */
	atomic_t		i_pin;
	wait_queue_head_t	i_pin_wait;
	u64			delayed_blks;	/* delalloc blocks of the data fork */
#if BITS_PER_LONG == 32
	seqcount_t		size_seq;	/* d.size; written under the ILOCK */
#endif
	dx_agino_t		prev_unlinked;	/* in-core back pointer on the unlinked list; 0 = none known */
	struct list_head	i_lru;		/* idle or waiting for inactivation */
	u64			i_queued;	/* its number among those that were ever queued for inactivation */
};
enum {	/* i_flags bits */
	DX_I_NEW, DX_I_STALE, DX_I_FLUSHING, DX_I_NEED_INACTIVE, DX_I_INACTIVATING,
	DX_I_EOFBLOCKS,		/* speculative preallocation past EOF may exist */
	DX_I_TRUNCATED, DX_I_DIRTY_RELEASE,
	DX_I_RECOVERY,		/* recovery changes its map: not freed before all intents are finished */
	DX_I_RECLAIM,
	DX_I_PRESERVE_DM,
	DX_I_KEEP,		/* unlinked, and damaged so that it cannot be freed: not tried before the next mount */
};

/*
 * d.size of a file, for who does not hold the ILOCK, and for who changes it (ILOCK held).  A processor that
 * loads 64 bits in two halves may find the new upper and the old lower one, a size that never was:
 * then somebody's larger size would not be logged, for it seems to be there.
 */
static inline u64 dx_disk_size(struct dx_inode *ip)
{
#if BITS_PER_LONG == 32
	unsigned int seq;
	u64 size;

	do {
		seq = read_seqcount_begin(&ip->size_seq);
		size = ip->d.size;
	} while (read_seqcount_retry(&ip->size_seq, seq));
	return size;
#else
	return READ_ONCE(ip->d.size);
#endif
}

static inline void dx_set_disk_size(struct dx_inode *ip, u64 size)
{
#if BITS_PER_LONG == 32
	unsigned long flags;

	local_irq_save(flags);		/* completions look, and would wait for whom they interrupted */
	write_seqcount_begin(&ip->size_seq);
	ip->d.size = size;
	write_seqcount_end(&ip->size_seq);
	local_irq_restore(flags);
#else
	WRITE_ONCE(ip->d.size, size);
#endif
}

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
	int	(*change_owner)(struct dx_recovery *rc, const struct dx_dinode *dip, const char *fork, u32 room);	/* replay */
};

/* Preallocation past EOF may be there from now on. */
static inline void dx_inode_set_eofblocks(struct dx_inode *ip)
{
	if (!test_and_set_bit(DX_I_EOFBLOCKS, &ip->i_flags))
		atomic64_inc(&ip->mp->held[DX_HELD_PREALLOC]);
}

/* ---- cache: icache.c ---- */
int dx_icache_init(struct dx_mount *mp);
void dx_icache_destroy(struct dx_mount *mp);
#define DX_IGET_CREATE		(1u << 0)	/* freshly allocated: do not read from disk */
#define DX_IGET_UNTRUSTED	(1u << 1)	/* number comes from outside: check the inobt */
#define DX_IGET_INCORE		(1u << 2)	/* only if cached, else -ENODATA */
int dx_iget(struct dx_mount *mp, struct dx_trans *tp, dx_ino_t ino, u32 flags, struct dx_inode **ipp);
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
static inline u32 dx_inode_litino(struct dx_mount *mp) { return mp->sb.inodesize - DX_DINODE_SIZE; }
static inline u32 dx_inode_dfork_size(struct dx_inode *ip) { return ip->d.forkoff ? ip->d.forkoff << 3 : dx_inode_litino(ip->mp); }
static inline u32 dx_inode_afork_size(struct dx_inode *ip)
{
	return ip->d.forkoff ? dx_inode_litino(ip->mp) - (ip->d.forkoff << 3) : 0;
}

static inline u32 dx_inode_fork_size(struct dx_inode *ip, int w)
{
	return w == DX_DATA_FORK ? dx_inode_dfork_size(ip) : w == DX_ATTR_FORK ? dx_inode_afork_size(ip) : 0;
}
/* blocks of its CoW fork; without the ILOCK a guess */
static inline u64 dx_cow_blocks(struct dx_inode *ip)
{
	struct dx_cow_fork *c = READ_ONCE(ip->cf);

	return c ? READ_ONCE(c->blks) : 0;
}

/* may blocks of its data fork be other files' as well? */
static inline bool dx_inode_shares(struct dx_inode *ip) { return ip->d.flags2 & DX_DIFLAG2_REFLINK; }
static inline bool dx_has_large_counts(struct dx_inode *ip) { return ip->d.flags2 & DX_DIFLAG2_NREXT64; }
/* extents that a fork may have with counters of the large form, or the small one */
static inline u64 dx_most_extents(bool large, int w)
{
	if (w == DX_ATTR_FORK)
		return large ? DX_MAX_AEXTNUM_LARGE : DX_MAX_AEXTNUM;
	return large ? DX_MAX_EXTNUM_LARGE : DX_MAX_EXTNUM;
}
static inline struct dx_fork *dx_ifork(struct dx_inode *ip, int w)
{
	return w == DX_DATA_FORK ? &ip->df : w == DX_ATTR_FORK ? ip->af : ip->cf ? &ip->cf->f : NULL;
}

/* ---- transactions on inodes: inode_item.c ---- */
/* ILOCK held EXCL; commit unlocks with unlock_mode (0 = keep) */
void dx_trans_ijoin(struct dx_trans *tp, struct dx_inode *ip, int unlock_mode);
/* DX_ILOG_*; bumps changecount with DX_ILOG_CORE once per transaction */
void dx_trans_log_inode(struct dx_trans *tp, struct dx_inode *ip, u32 fields);
int dx_trans_roll_inode(struct dx_trans **tpp, struct dx_inode *ip);	/* roll, relog and keep ip (ILOCK held throughout) */
#define DX_ICHGTIME_MOD	1
#define DX_ICHGTIME_CHG	2
#define DX_ICHGTIME_ACC 4
#define DX_ICHGTIME_CREATE 8
void dx_trans_set_time(struct dx_trans *tp, struct dx_inode *ip, int which);	/* current time into d.*; caller logs */
int dx_flush_cluster(struct dx_buf *bp);		/* copy every flushable inode of the cluster into bp */
void dx_flush_give_up(struct dx_inode *ip);
bool dx_inode_is_clean(struct dx_inode *ip);
bool dx_inode_datasync_pending(struct dx_inode *ip);	/* fdatasync would write the log */
void dx_inode_synced(struct dx_inode *ip, u64 seq);
u64 dx_inode_commit_seq(struct dx_inode *ip, bool datasync);	/* CIL sequence that fsync must force, 0 = nothing */
int dx_inode_log_force(struct dx_inode *ip, bool datasync);	/* fsync's metadata half */

/* ---- unlinked lists: iunlink.c ---- */
int dx_unlinked_add(struct dx_trans *tp, struct dx_inode *ip);
int dx_unlinked_remove(struct dx_trans *tp, struct dx_buf *agibp, struct dx_inode *ip);
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
struct dx_setattr { u32 valid; umode_t mode; u32 uid, gid, projid; struct timespec64 atime, mtime, ctime; };
#define DX_ATTR_MODE 1
#define DX_ATTR_UID 2
#define DX_ATTR_GID 4
#define DX_ATTR_ATIME 8
#define DX_ATTR_MTIME 16
#define DX_ATTR_CTIME 32
#define DX_ATTR_PROJID 64
int dx_setattr_nosize(struct dx_inode *ip, const struct dx_setattr *sa, bool sync);

/* ---- replay: inode_item.c, icreate_item.c, iunlink.c ---- */
int dx_inode_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);
int dx_icreate_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn);
int dx_iunlink_replay(struct dx_recovery *rc, struct dx_buf *bp, u32 off, const char *src, u32 len);

#endif /* DX_INODE_H */
