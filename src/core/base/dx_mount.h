/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mounted volume: superblock, derived geometry, AGs, counters, state.
 * Geometry is immutable after dx_mount_open(); sb counters are in percpu
 * counters; per-AG summaries are protected by that AG's header buffers.
 */
#ifndef DX_MOUNT_H
#define DX_MOUNT_H

#include "dx_kern.h"
#include "dx_plat.h"
#include "dx_format.h"
#include "dx_retry.h"

struct dx_mount;
struct dx_buf;
struct dx_trans;
struct dx_inode;
struct dx_log;
struct dx_ail;
struct dx_buf_cache;
struct dx_icache;

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

/*
 * Trees that have blocks set aside in their AG: struct dx_agresv_tree for each.
 */
enum dx_agresv_kind { DX_AGRESV_NONE, DX_AGRESV_FINOBT, DX_AGRESV_REFCOUNTBT, DX_AGRESV_MAX };
struct dx_agresv { u32 most, used, reserved; };	/* fsblocks: can ever have, has, set aside for the difference */

/* One allocation group. */
struct dx_perag {
	struct dx_mount	*mp;
	dx_agno_t	agno;
	dx_agbno_t	length;		/* fsblocks in this AG */
	dx_agino_t	min_agino, max_agino;
	/* copies of AGF and AGI fields, valid once *_init; written under the header's buffer lock */
	bool		agf_init, agi_init;
	u8		levels[DX_BTNUM_MAX];	/* bnobt and cntbt */
	u32		freeblks, longest, flcount, btreeblks;
	u32		count, freecount;	/* inodes */
	struct dx_agresv resv[DX_AGRESV_MAX];	/* AGF */
	u32		resv_held;		/* sum of ->reserved */
	bool		inodes_ok;		/* may hold inodes (maxagi) */
	bool		inodes_first;		/* kept for them: file data goes elsewhere while it can (inode32) */
	/* busy extents: freed, not yet durably */
	spinlock_t	busy_lock;
	struct rb_root	busy_tree;
	/* placement hints of the inode allocator */
	dx_agino_t	ialloc_left, ialloc_right;
	atomic_t	fstrms;
};

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
	DX_OP_FROZEN,
	DX_OP_NORECOVERY,
	DX_OP_SB_DIRTY,			/* summary counters on disk are stale */
	DX_OP_WAS_DIRTY,		/* log needed recovery at this mount */
};

/* mount options, set by the caller before dx_mount_open() */
struct dx_mount_opts {
	bool	ro;
	bool	norecovery;
	bool	wsync;			/* namespace operations are synchronous */
	bool	discard;
	bool	nouuid;
	bool	inode32;		/* inode numbers of 32 bits only; data goes to the AGs beyond */
	u8	inode32_bits;		/* what that stands for in a test on a small volume; 0: 32 */
	bool	ikeep;
	bool	filestreams;
	bool	swalloc;
	bool	largeio;
	bool	noalign;
	bool	grpid;
	bool	lazytime_unused;
	unsigned int allocsize_log;	/* 0 = dynamic preallocation */
	unsigned int logbufs;		/* 0 = default 8 */
	unsigned int logbsize;		/* bytes, 0 = default */
	unsigned int sunit_bb, swidth_bb;
};

/* log reservations: dx_resv.c */
enum dx_resv {
	DX_RESV_ITRUNCATE, DX_RESV_WRITE, DX_RESV_IFREE, DX_RESV_CREATE, DX_RESV_CREATE_TMPFILE,
	DX_RESV_LINK, DX_RESV_REMOVE, DX_RESV_RENAME, DX_RESV_SYMLINK, DX_RESV_MKDIR,
	DX_RESV_ICHANGE, DX_RESV_FSYNC_TS, DX_RESV_WRITEID, DX_RESV_ADDAFORK,
	DX_RESV_ATTRINVAL, DX_RESV_ATTRSET, DX_RESV_ATTRRM, DX_RESV_CLEARAGI, DX_RESV_SB,
	DX_RESV_GROWDATA, DX_RESV_EFI_FINISH, DX_RESV_MAX
};
struct dx_resv_ent {
	u32	logres_bytes;		/* one unit */
	u16	logcount;		/* units taken at once */
	bool	perm;			/* may roll */
};

struct dx_mount {
	struct dx_bdev	*bdev;
	void		*vfs;		/* struct super_block, opaque here */
	char		name[32];	/* for messages */
	struct dx_mount_opts opts;
	unsigned long	opstate;

	struct dx_sb	sb;
	struct dx_buf	*sb_bp;		/* primary superblock, held */
	struct mutex	sb_mutex;

	/* geometry */
	u32	blockmask;		/* blocksize - 1 */
	u8	blkbb_log;		/* blocklog - 9 */
	u8	agno_log;		/* bits of an AG number */
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
	u8	alloc_maxlevels, inobt_maxlevels, bm_maxlevels[2];	/* [data, attr] */
	u32	ialloc_inos, ialloc_blks, ialloc_min_blks;	/* a chunk; a sparse chunk */
	u32	ialloc_align;		/* fsblocks */
	u32	icluster_bb, icluster_blks, icluster_inos;	/* inode cluster buffer */
	u64	maxicount;		/* imax_pct limit, 0 = none */
	u64	s_maxbytes;

	struct dx_perag	*perag;		/* [agcount] */
	dx_agno_t inode_agcount;	/* AGs 0 .. that may hold inodes: fewer with inode32 */
	atomic_t	agfrotor, agirotor;	/* where data that may go anywhere, and directories, go next */
	/* busy extents of all AGs: changes when one is clear; how many there are; who waits, and for what */
	atomic_t	busy_gen, busy_nr, busy_waiters;
	wait_queue_head_t busy_wait;

	struct percpu_counter icount, ifree, fdblocks;
	atomic64_t	delalloc_resv;	/* held by delayed extents, with their indlen */
	atomic64_t	eofmarks;	/* how often a file came to have preallocation past EOF */
	/* how often something came to be held that can be given back: indlen, preallocation, a file to free */
	atomic64_t	giveable;
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
	struct dx_inode	*rootip;

	struct workqueue_struct *buf_wq;	/* buffer I/O completion */
	struct workqueue_struct *log_wq;	/* checkpoints, log I/O completion */
	struct workqueue_struct *inact_wq;
	struct workqueue_struct *discard_wq;

	void	(*shutdown_cb)(struct dx_mount *mp);	/* tells the VFS side, may be NULL */
	/* The VFS's half; all NULL in the host build. */
	int	(*claim)(struct dx_mount *mp);		/* the superblock is known, nothing is written: may refuse */
	void	(*freeze_enter)(struct dx_mount *mp);	/* around every transaction: waits while frozen */
	bool	(*freeze_try)(struct dx_mount *mp);	/* the same, but rather fails than waits */
	void	(*freeze_exit)(struct dx_mount *mp);
	struct task_struct *freeze_owner;		/* has entered for all of its transactions: the inactivation worker */
	void	(*trace)(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c);
};

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
#define dx_has_nrext64(mp)	dx_has_incompat(mp, DX_SB_FEAT_INCOMPAT_NREXT64)
#define dx_has_ciname(mp)	((mp)->sb.versionnum & DX_SB_VERSION_BORGBIT)

/* ---- conversions ---- */
#define dx_fsb_to_agno(mp, fsb)		((dx_agno_t)((fsb) >> (mp)->sb.agblklog))
#define dx_fsb_to_agbno(mp, fsb)	((dx_agbno_t)((fsb) & ((1ULL << (mp)->sb.agblklog) - 1)))
#define dx_agb_to_fsb(mp, agno, agbno)	(((dx_fsbno_t)(agno) << (mp)->sb.agblklog) | (agbno))
#define dx_agb_to_daddr(mp, agno, agbno) \
	((dx_daddr_t)(((u64)(agno) * (mp)->sb.agblocks + (agbno)) << (mp)->blkbb_log))
#define dx_ag_daddr(mp, agno, bb)	(dx_agb_to_daddr(mp, agno, 0) + (bb))
#define dx_fsb_to_daddr(mp, fsb)	dx_agb_to_daddr(mp, dx_fsb_to_agno(mp, fsb), dx_fsb_to_agbno(mp, fsb))
#define dx_fsb_to_bb(mp, n)		((u64)(n) << (mp)->blkbb_log)
#define dx_bb_to_fsb(mp, bb)		(((u64)(bb) + (1u << (mp)->blkbb_log) - 1) >> (mp)->blkbb_log)
#define dx_bb_to_fsbt(mp, bb)		((u64)(bb) >> (mp)->blkbb_log)
#define dx_b_to_fsb(mp, b)		(((u64)(b) + (mp)->blockmask) >> (mp)->sb.blocklog)
#define dx_b_to_fsbt(mp, b)		((u64)(b) >> (mp)->sb.blocklog)
#define dx_fsb_to_b(mp, n)		((u64)(n) << (mp)->sb.blocklog)
#define dx_b_fsb_offset(mp, b)		((u32)((b) & (mp)->blockmask))
#define dx_ino_to_agno(mp, ino)		((dx_agno_t)((ino) >> (mp)->agino_log))
#define dx_ino_to_agino(mp, ino)	((dx_agino_t)((ino) & ((1ULL << (mp)->agino_log) - 1)))
#define dx_agino_to_ino(mp, agno, agino) (((dx_ino_t)(agno) << (mp)->agino_log) | (agino))
#define dx_agino_to_agbno(mp, agino)	((dx_agbno_t)((agino) >> (mp)->sb.inopblog))
#define dx_agino_to_offset(mp, agino)	((agino) & ((1u << (mp)->sb.inopblog) - 1))
#define dx_agb_to_agino(mp, agbno)	((dx_agino_t)(agbno) << (mp)->sb.inopblog)
static inline dx_daddr_t dx_fsb_daddr_of_agsect(struct dx_mount *mp, dx_agno_t agno, unsigned int sect)
{
	return dx_ag_daddr(mp, agno, (u64)sect << mp->sectbb_log);
}
static inline bool dx_verify_agbno(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t agbno)
{
	return agno < mp->sb.agcount && agbno < mp->perag[agno].length &&
	       agbno > (((DX_AGFL_SECT + 1) * mp->sb.sectsize - 1) >> mp->sb.blocklog);
}
static inline bool dx_verify_fsbno(struct dx_mount *mp, dx_fsbno_t fsb)
{
	return dx_fsb_to_agno(mp, fsb) < mp->sb.agcount &&
	       dx_verify_agbno(mp, dx_fsb_to_agno(mp, fsb), dx_fsb_to_agbno(mp, fsb));
}
static inline bool dx_verify_fsbext(struct dx_mount *mp, dx_fsbno_t fsb, u64 len)
{
	return len && dx_verify_fsbno(mp, fsb) && fsb + len - 1 >= fsb &&
	       dx_fsb_to_agno(mp, fsb) == dx_fsb_to_agno(mp, fsb + len - 1) &&
	       dx_verify_fsbno(mp, fsb + len - 1);
}
void dx_set_inode_ags(struct dx_mount *mp);	/* opts.inode32 is set or changed */
/* Can there be an inode of this number?  Says nothing about whether it is allocated. */
static inline bool dx_verify_ino(struct dx_mount *mp, dx_ino_t ino)
{
	u64 agno = ino >> mp->agino_log;
	dx_agino_t agino = dx_ino_to_agino(mp, ino);

	return agno < mp->sb.agcount && agino >= mp->perag[agno].min_agino && agino <= mp->perag[agno].max_agino;
}

/* ---- life ---- */
int dx_mount_change_sb(struct dx_mount *mp, const struct dx_sb *new);	/* before replay: the log has a newer one */
int dx_mount_open(struct dx_mount *mp);		/* read sb, gate features, geometry, caches, log, recovery, root inode */
int dx_mount_close(struct dx_mount *mp);	/* quiesce, clean log, free everything; the dx_mount itself is the caller's */
int dx_mount_quiesce(struct dx_mount *mp);	/* freeze, remount ro: all clean on disk, log covered */
int dx_mount_remount_rw(struct dx_mount *mp);
int dx_mount_remount_ro(struct dx_mount *mp);
int dx_sync_fs(struct dx_mount *mp);		/* log force */

/* ---- space counters (fsblocks) ---- */
int dx_mod_fdblocks(struct dx_mount *mp, s64 delta, bool use_reserve);	/* -ENOSPC when it would go below the set-aside */
void dx_mod_icount(struct dx_mount *mp, s64 delta);
void dx_mod_ifree(struct dx_mount *mp, s64 delta);
int dx_reserve_set(struct dx_mount *mp, u64 blocks);	/* size of the reserve pool */
struct dx_statfs { u64 blocks, bfree, bavail, files, ffree; };
void dx_mount_statfs(struct dx_mount *mp, struct dx_statfs *st);
int dx_log_sb(struct dx_trans *tp);		/* put the in-core counters and fields into the superblock, logged */
int dx_sync_sb(struct dx_mount *mp, bool wait);	/* transaction of its own */
int dx_counters_init(struct dx_mount *mp);
void dx_counters_destroy(struct dx_mount *mp);
void dx_counters_set(struct dx_mount *mp, u64 icount, u64 ifree, u64 fdblocks);
void dx_reserve_default(struct dx_mount *mp);	/* min(5 %, 8192 blocks) */

/* ---- superblock: sb.c ---- */
struct dx_dsb;
void dx_sb_from_disk(struct dx_sb *to, const struct dx_dsb *from);
void dx_sb_to_disk(struct dx_dsb *to, const struct dx_sb *from);
int dx_sb_read_first(struct dx_mount *mp);	/* uncached read of the primary into mp->sb, verified */
int dx_sb_attach(struct dx_mount *mp);		/* cached, verified mp->sb_bp */
int dx_sb_reread(struct dx_mount *mp);		/* after recovery */
int dx_sb_gate(struct dx_mount *mp);		/* features: refuse or restrict, one line each */
u32 dx_sb_ro_unsupported(struct dx_mount *mp);	/* ro_compat bits that we cannot write */

/* ---- what is on the volume: gate.c ---- */
int dx_gate_open(struct dx_mount *mp);		/* after replay, before our first transaction */
int dx_gate_remount(struct dx_mount *mp);	/* may it become read-write? */
int dx_gate_remounted(struct dx_mount *mp);	/* it has: before anything is changed */

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
void dx_force_shutdown(struct dx_mount *mp, unsigned int why, const char *func);
/* A corruption found in @what; logs one line naming block, structure and field, returns -EFSCORRUPTED. */
#define dx_corrupt(mp, what, daddr, fmt, ...) ({ \
	dx_err_ratelimited(mp, "corrupt %s at daddr 0x%llx: " fmt, what, (unsigned long long)(daddr), ##__VA_ARGS__); \
	-EFSCORRUPTED; })

#endif /* DX_MOUNT_H */
