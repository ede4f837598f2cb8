/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an inode, its forks and its extents are in memory; the first half of dx_inode.h, which includes it.
 */
#ifndef DX_INCORE_H
#define DX_INCORE_H

#include "dx_mount.h"

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
	struct dx_inode_quota	*quota;		/* dx_iquota.h; NULL until it is about to change */
	atomic_t		i_pin;
	wait_queue_head_t	i_pin_wait;
	u64			delayed_blks;	/* delalloc blocks of the data fork */
	u64			delayed_indlen;	/* and what they hold for its btree */
#if BITS_PER_LONG == 32
	seqcount_t		size_seq;	/* d.size; written under the ILOCK */
#endif
	dx_agino_t		prev_unlinked;	/* in-core back pointer on the unlinked list; 0 = none known */
	struct list_head	i_lru;		/* idle or waiting for inactivation */
	u64			i_seen;		/* its ctime when somebody looked last, packed; i_lock */
	u64			i_queued;	/* its number among those that were ever queued for inactivation */
};
enum {	/* i_flags bits */
	DX_I_NEW, DX_I_STALE, DX_I_FLUSHING, DX_I_NEED_INACTIVE, DX_I_INACTIVATING,
	DX_I_EOFBLOCKS,		/* speculative preallocation past EOF may exist */
	DX_I_TRUNCATED, DX_I_DIRTY_RELEASE,
	DX_I_RECOVERY,		/* recovery changes its map: not freed before all intents are finished */
	DX_I_RECLAIM,
	DX_I_PRESERVE_DM,
	DX_I_DONTCACHE,		/* only a walk has asked for it */
	DX_I_SEEN,		/* somebody has looked at its times: dx_inode_seen() */
	DX_I_CHANGED,		/* and its contents have changed since */
	DX_I_LSN_AHEAD,		/* the LSN that it has on disk may be ahead of the log: dx_inode_lsn_ahead() */
	DX_I_KEEP,		/* unlinked since before it was read: not freed unless recovery finds that it can be */
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

/* ---- forks ---- */
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
/* May a hint for copies on write (fsblocks) be on disk? */
static inline bool dx_cowextsize_ok(struct dx_mount *mp, u32 fsb)
{
	return fsb && fsb <= DX_BMBT_MAX_BLOCKCOUNT && fsb <= mp->sb.agblocks / 2;
}
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

#endif /* DX_INCORE_H */
