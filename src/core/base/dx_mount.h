/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mounted volume: superblock, derived geometry, AGs, counters, state.
 * Geometry is immutable after dx_mount_open(), but for the size of the volume and what follows from it, which
 * only grows (grow.c, dx_geom.h); sb counters are in percpu counters; per-AG summaries are protected by that AG's header buffers.
 */
#ifndef DX_MOUNT_H
#define DX_MOUNT_H

#include "dx_kern.h"
#include "dx_plat.h"
#include "dx_format.h"
#include "dx_retry.h"

struct dx_mount;
struct dx_ags;
struct dx_buf;
struct dx_trans;
struct dx_inode;
struct dx_log;
struct dx_ail;
struct dx_buf_cache;
struct dx_icache;
struct dx_quotas;

/* Host-order superblock, names as xfs_db prints them. */
struct dx_sb {
	u32	blocksize;
	u64	dblocks, rblocks, rextents;
	uuid_t	uuid;
	dx_fsbno_t logstart;
	dx_ino_t rootino, rbmino, rsumino;
	u32	rextsize, agblocks, agcount, rbmblocks, logblocks;
	u16	versionnum, sectsize, inodesize, inopblock;
	char	fname[12];
	u8	blocklog, sectlog, inodelog, inopblog, agblklog, rextslog, inprogress, imax_pct;
	u64	icount, ifree, fdblocks, frextents;
	dx_ino_t uquotino, gquotino, pquotino;
	u16	qflags;
	u8	flags, shared_vn;
	u32	inoalignmt, unit, width;
	u8	dirblklog, logsectlog;
	u16	logsectsize;
	u32	logsunit, features2, bad_features2;
	u32	features_compat, features_ro_compat, features_incompat, features_log_incompat;
	u32	spino_align;
	u64	lsn;
	uuid_t	meta_uuid;		/* the uuid that metadata blocks carry */
};

/* Space that is held and not used: inodes to inactivate, preallocation past EOF, what delayed extents hold for the btree. */
enum dx_held { DX_HELD_INACTIVE, DX_HELD_PREALLOC, DX_HELD_INDLEN, DX_HELD_NR };

/* mp->opstate bits */
enum {
	DX_OP_RDONLY,			/* mounted read-only by request */
	DX_OP_RO_DEVICE,		/* device is read-only */
	DX_OP_RO_FEATURE,		/* feature bits allow read-only only */
	DX_OP_SHUTDOWN,			/* forced shutdown: no more writes, EIO */
	DX_OP_RECOVERING,		/* replaying: inactivation only finishes what the log says */
	DX_OP_REPLAYING,		/* states of the past pass through the buffers: AG headers may have another length */
	DX_OP_UNLINKED_FAILED,		/* freeing unlinked inodes at mount has shut us down */
	DX_OP_KEEP_UNLINKED,		/* so they are left alone this time */
	DX_OP_UNMOUNTING,
	DX_OP_WAS_RW,			/* has been read-write: files in memory may have blocks staged for copies */
	DX_OP_GOING_RO,			/* on its way to read-only: what is in the queue of inactivations is done, no more comes */
	DX_OP_LAST_TRANS,		/* and then no transaction but the superblock's */
	DX_OP_FROZEN,
	DX_OP_NORECOVERY,
	DX_OP_SB_DIRTY,			/* summary counters on disk are stale */
	DX_OP_SB_STRIPE,		/* unit and width on disk are not yet those of the mount options */
	DX_OP_BAD_BLOCK,		/* somebody looks whose a bad block is */
	DX_OP_INODES_AHEAD,		/* an inode has been met whose LSN is ahead of the log: there may be more */
	DX_OP_WAS_DIRTY,		/* log needed recovery at this mount */
};

/* mount options, set by the caller before dx_mount_open() */
struct dx_mount_opts {
	bool	ro;
	bool	norecovery;
	bool	wsync;			/* changes of names, attributes, sizes and space are durable when they return */
	bool	sync;			/* the VFS's: data, too, and so all that is wsync */
	bool	dirsync;		/* the VFS's: namespace operations */
	bool	discard;
	bool	nouuid;
	bool	inode32;		/* inode numbers of 32 bits only; data goes to the AGs beyond */
	u8	inode32_bits;		/* what that stands for in a test on a small volume; 0: 32 */
	u32	few_extents;		/* what the limit of small extent counters is in a test; 0: the format's */
	bool	ikeep;
	bool	filestreams;
	bool	swalloc;
	bool	largeio;
	bool	noalign;
	bool	grpid;
	bool	nobarrier, noattr2;	/* were given; without effect */
	unsigned int allocsize_log;	/* 0 = dynamic preallocation */
	unsigned int logbufs;		/* 0 = default 8 */
	unsigned int logbsize;		/* bytes, 0 = default */
	u64	max_atomic_write;	/* bytes; 0: not given */
	unsigned int sunit_bb, swidth_bb;	/* in place of the superblock's; 0: those */
	u16	quota;			/* DX_?QUOTA_ACCT, _ENFD asked for; 0: no quota */
};

/* Kinds of quota, and what is told of a limit (mp->quota_warn). */
enum dx_qtype { DX_QUSER, DX_QGROUP, DX_QPROJ, DX_QTYPES };
enum dx_quota_warning {
	DX_QWARN_BLK_HARD, DX_QWARN_BLK_SOFT_LONG, DX_QWARN_BLK_SOFT, DX_QWARN_INO_HARD, DX_QWARN_INO_SOFT_LONG, DX_QWARN_INO_SOFT,
};

/* log reservations: dx_resv.c */
enum dx_resv {
	DX_RESV_ITRUNCATE, DX_RESV_WRITE, DX_RESV_IFREE, DX_RESV_CREATE, DX_RESV_CREATE_TMPFILE,
	DX_RESV_LINK, DX_RESV_REMOVE, DX_RESV_RENAME, DX_RESV_SYMLINK, DX_RESV_MKDIR,
	DX_RESV_ICHANGE, DX_RESV_FSYNC_TS, DX_RESV_WRITEID, DX_RESV_ADDAFORK,
	DX_RESV_ATTRINVAL, DX_RESV_ATTRSET, DX_RESV_ATTRRM, DX_RESV_CLEARAGI, DX_RESV_SB,
	DX_RESV_GROWDATA, DX_RESV_EFI_FINISH, DX_RESV_EXCHANGE, DX_RESV_QUOTA_SET,
	DX_RESV_QUOTA_BLOCK, DX_RESV_MAX
};
struct dx_resv_ent {
	u32	logres_bytes;		/* one unit */
	u16	logcount;		/* units taken at once */
	bool	perm;			/* may roll */
};

/* Unlinked inodes are freed by at most so many at once (icache.c). */
#define DX_INACT_WORKERS	8

struct dx_mount {
	struct dx_bdev	*bdev;
	void		*vfs;		/* struct super_block, opaque here */
	char		name[32];	/* for messages */
	struct dx_mount_opts opts;
	unsigned long	opstate;

	struct dx_sb	sb;
	struct dx_buf	*sb_bp;		/* primary superblock, held */
	struct mutex	sb_mutex;
	struct mutex	grow_mutex;	/* who changes size or label: one at a time; outside of all other locks */

	/* geometry */
	u32	blockmask;		/* blocksize - 1 */
	u8	blkbb_log;		/* blocklog - 9 */
	u8	agino_log;		/* bits of an inode number within its AG */
	u32	sectbb_log;		/* sectlog - 9 */
	u32	dirblksize, dirblkfsbs;
	dx_dablk_t dir_leafblk, dir_freeblk;	/* fsblock offsets of leaf and free spaces */
	u32	dir_magicpct, attr_magicpct;	/* join thresholds, bytes */
	u32	dir_node_ents, attr_node_ents;	/* entries in a da node block of dir / attr */
	u32	dir_leaf_max_ents;	/* entries in a leaf(n) block */
	u32	dir_free_max_bests;
	u32	agfl_size;		/* entries */
	u32	alloc_mxr[2], alloc_mnr[2];	/* [0] leaf, [1] node */
	u32	bmap_dmxr[2], bmap_dmnr[2];
	u32	inobt_mxr[2], inobt_mnr[2];
	u32	rmap_mxr[2], rmap_mnr[2];
	u32	refc_mxr[2], refc_mnr[2];
	u8	alloc_maxlevels, inobt_maxlevels, bm_maxlevels[2];	/* [data, attr] */
	u8	rmap_maxlevels, refc_maxlevels;		/* 0: no such tree */
	u32	ialloc_inos, ialloc_blks, ialloc_min_blks;	/* a chunk; a sparse chunk */
	u32	ialloc_align;		/* fsblocks */
	u32	ialloc_stripe;		/* better so, where there is room: the stripe unit; 0: no more than that */
	u32	icluster_bb, icluster_blks, icluster_inos;	/* inode cluster buffer */
	u64	maxicount;		/* imax_pct limit, 0 = none; changes with the size: READ_ONCE() */
	u64	s_maxbytes;
	u32	sunit, swidth;		/* fsblocks; sunit 0: data is not aligned to anything.  stripe.c */

	struct dx_ags	*ags;		/* see dx_geom.h */
	dx_agno_t inode_agcount;	/* AGs 0 .. that may hold inodes: fewer with inode32 */
	atomic_t	agfrotor, agirotor;	/* where data that may go anywhere, and directories, go next */
	/* busy extents of all AGs: changes when one is clear; how many there are; who waits, and for what */
	atomic_t	busy_gen, busy_nr, busy_waiters;
	wait_queue_head_t busy_wait;

	struct percpu_counter icount, ifree, fdblocks;
	atomic64_t	delalloc_resv;	/* held by delayed extents, with their indlen */
	atomic64_t	held[DX_HELD_NR];	/* how often something came to be held that can be given back */
	spinlock_t	resv_lock;	/* reserve pool */
	u64	resblks, resblks_avail;
	u64	alloc_set_aside;	/* fsblocks never given to users: AGFL refills, bmbt */
	atomic64_t agresv_blks;		/* set aside in AGs: not in the counter fdblocks, but free on disk */
	/* in free space btrees (agf_btreeblks of all AGs): in fdblocks, yet not to be given either */
	atomic64_t allocbt_blks;

	struct dx_resv_ent resv[DX_RESV_MAX];
	struct dx_log	*log;
	struct dx_ail	*ail;
	struct dx_retry_conf retry;	/* of metadata I/O that fails */
	struct dx_buf_cache *bufs;
	struct dx_icache *icache;
	/* what a room asks of those above it; there before anything else */
	void	(*stop_log)(struct dx_mount *mp);	/* shutdown: wake and fail everybody */
	const struct dx_buf_above *buf_above;
	const struct dx_log_above *log_above;
	/* [DX_AGRESV_MAX], in this order when there is not enough for all */
	const struct dx_agresv_tree *const *agresv_trees;
	const struct dx_inode_above *inode_above;
	const struct dx_dir_above *dir_above;
	struct dx_inode	*rootip;
	struct dx_held_inode *held_inodes;	/* by recovery: bmap_defer.c */
	u16		qflags;			/* DX_?QUOTA_ACCT, _ENFD, _CHKD in force; 0: no quota */
	struct dx_quotas *quotas;		/* NULL: no quota is wanted */
	const struct dx_quota_above *quota_above;	/* there before qflags */

	struct workqueue_struct *buf_wq;	/* buffer I/O completion */
	struct workqueue_struct *log_wq;	/* checkpoints, log I/O completion */
	struct workqueue_struct *inact_wq;
	struct workqueue_struct *discard_wq;

	void	(*shutdown_cb)(struct dx_mount *mp);	/* tells the VFS side, may be NULL */
	void	(*quota_warn)(struct dx_mount *mp, enum dx_qtype type, u32 id, enum dx_quota_warning what);	/* as may this */
	/* The VFS's half; all NULL in the host build. */
	int	(*claim)(struct dx_mount *mp);		/* the superblock is known, nothing is written: may refuse */
	void	(*freeze_enter)(struct dx_mount *mp);	/* around every transaction: waits while frozen */
	bool	(*freeze_try)(struct dx_mount *mp);	/* the same, but rather fails than waits */
	void	(*freeze_exit)(struct dx_mount *mp);
	/* those who have entered for all of their transactions: the inactivation workers */
	struct task_struct *freeze_owner[DX_INACT_WORKERS];
	void	(*trace)(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c);
};

static inline bool dx_is_wsync(struct dx_mount *mp) { return mp->opts.wsync || mp->opts.sync; }
static inline bool dx_is_shutdown(struct dx_mount *mp) { return test_bit(DX_OP_SHUTDOWN, &mp->opstate); }
static inline bool dx_is_readonly(struct dx_mount *mp)
{
	return test_bit(DX_OP_RDONLY, &mp->opstate) || test_bit(DX_OP_RO_DEVICE, &mp->opstate) ||
	       test_bit(DX_OP_RO_FEATURE, &mp->opstate);
}
static inline bool dx_has_ro(struct dx_mount *mp, u32 bit) { return mp->sb.features_ro_compat & bit; }
static inline bool dx_has_incompat(struct dx_mount *mp, u32 bit) { return mp->sb.features_incompat & bit; }
#define dx_has_finobt(mp)	dx_has_ro(mp, DX_SB_FEAT_RO_COMPAT_FINOBT)
#define dx_has_reflink(mp)	dx_has_ro(mp, DX_SB_FEAT_RO_COMPAT_REFLINK)
#define dx_has_rmapbt(mp)	dx_has_ro(mp, DX_SB_FEAT_RO_COMPAT_RMAPBT)
#define dx_has_inobtcnt(mp)	dx_has_ro(mp, DX_SB_FEAT_RO_COMPAT_INOBTCNT)
#define dx_has_sparse(mp)	dx_has_incompat(mp, DX_SB_FEAT_INCOMPAT_SPINODES)
#define dx_has_bigtime(mp)	dx_has_incompat(mp, DX_SB_FEAT_INCOMPAT_BIGTIME)
#define dx_has_exchange(mp)	dx_has_incompat(mp, DX_SB_FEAT_INCOMPAT_EXCHRANGE)
#define dx_has_nrext64(mp)	dx_has_incompat(mp, DX_SB_FEAT_INCOMPAT_NREXT64)
#define dx_has_parent(mp)	dx_has_incompat(mp, DX_SB_FEAT_INCOMPAT_PARENT)

#include "dx_geom.h"

/* ---- messages (message.c); all prefixed "dioxfs (dev): " ---- */
__printf(2, 3) void dx_err(struct dx_mount *mp, const char *fmt, ...);
__printf(2, 3) void dx_warn(struct dx_mount *mp, const char *fmt, ...);
__printf(2, 3) void dx_info(struct dx_mount *mp, const char *fmt, ...);
__printf(2, 3) void dx_err_ratelimited(struct dx_mount *mp, const char *fmt, ...);

void dx_uuid_str(char *buf, const uuid_t *u);	/* buf: 37 bytes */
/* A step of the core for the VFS's tracepoints; what a, b and c are is said where it is called. */
static inline void dx_trace(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if (mp->trace)
		mp->trace(mp, what, a, b, c);
}

#define DX_SHUT_META_IO		0x1	/* metadata I/O error */
#define DX_SHUT_LOG_IO		0x2	/* log I/O error: nothing more can be logged */
#define DX_SHUT_FORCE_UMOUNT	0x4	/* asked for */
#define DX_SHUT_CORRUPT_INCORE	0x8
#define DX_SHUT_CORRUPT_ONDISK	0x10
#define DX_SHUT_DEVICE		0x20	/* removed */
void dx_force_shutdown(struct dx_mount *mp, unsigned int why, const char *func);
/* A corruption found in @what; logs one line naming block, structure and field, returns -EFSCORRUPTED. */
#define dx_corrupt(mp, what, daddr, fmt, ...) ({ \
	dx_err_ratelimited(mp, "corrupt %s at daddr 0x%llx: " fmt, what, (unsigned long long)(daddr), ##__VA_ARGS__); \
	-EFSCORRUPTED; })

#endif /* DX_MOUNT_H */
