/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this room share: a record in memory, the cache of records, the quota files. */
#ifndef DX_QUOTA_INT_H
#define DX_QUOTA_INT_H

#include "dx_quota.h"
#include "dx_bmap.h"

/* Of one resource.  The record's ->lock. */
struct dx_dqres {
	u64	count;		/* as logged */
	u64	held;		/* with what is reserved: limits are about this */
	u64	soft, hard;
	s64	timer;		/* seconds of the epoch; of id 0 the grace, seconds */
	u16	warns;
};

struct dx_dquot {
	struct rhash_head	hash;
	u64			key;		/* dx_dq_key() */
	u32			id;
	enum dx_qtype		type;
	struct dx_mount		*mp;
	unsigned int		ref;		/* cache lock */
	struct list_head	lru;		/* when that is 0; cache lock */
	struct semaphore	commit;		/* from a change of what is logged to the end of its commit */
	spinlock_t		lock;		/* all below, but what the item says of itself */
	struct dx_dqres		blk, ino, rtb;
	u64			seen_blk, seen_ino;	/* by a quotacheck */
	dx_daddr_t		daddr;		/* of the block, and where in it; fixed */
	u32			boffset;
	bool			changed;	/* what is held for it, since it was refused something */
	unsigned long		asked;		/* for something back: jiffies */
	bool			bigtime;	/* form of its timers */
	bool			dirty;		/* differs from what was last copied to the buffer */
	bool			flushing;
	dx_lsn_t		flush_lsn;
	unsigned int		pin;
	struct dx_buf		*kept;		/* its block, while it is dirty, so that writing back needs no memory */
	struct dx_retry		retry;		/* of reads by the pusher; the pusher's own */
	struct dx_log_item	item;
};

/* Of a kind: what its record of id 0 says for those that have no limits of their own. */
struct dx_dqdefaults {
	struct { u64 soft, hard; s64 grace; } blk, ino, rtb;
};

/* Who has met a limit, and whose: quota_refused.c */
#define DX_REFUSED_BITS	6
struct dx_refused {
	spinlock_t		lock;		/* wants; the innermost */
	struct dx_quota_wants	wants;
	const void		*by[1 << DX_REFUSED_BITS];	/* tasks, by hash; the later one stays */
};

struct dx_quotas {
	struct dx_mount		*mp;
	struct rhashtable	table;
	spinlock_t		lock;		/* the table, references, lru */
	struct list_head	lru;
	unsigned long		lru_nr, nr;
	struct mutex		load;		/* one at a time comes into memory: no transaction begins under it */
	struct mutex		state;		/* mp->qflags and who changes it; files being removed */
	struct dx_inode		*file[DX_QTYPES];
	struct dx_dqdefaults	def[DX_QTYPES];	/* state mutex; read without */
	u16			lost;		/* _CHKD of kinds whose usage is not right any more */
	struct dx_refused	refused;
};

#define DX_GRACE_DEFAULT	(7 * 24 * 60 * 60)

/* By kind: bits of sb_qflags and d_flags, the type of a buffer in the log, the field of the superblock. */
struct dx_qkind {
	const char	*name;
	u16		acct, enfd, chkd;
	u8		d_type;
	u8		blft;
	u16		sb_ino;			/* offset in struct dx_sb */
	const struct dx_buf_ops *ops;
};
extern const struct dx_qkind dx_qkinds[DX_QTYPES];
#define DX_QUOTA_ACCT	(DX_UQUOTA_ACCT | DX_GQUOTA_ACCT | DX_PQUOTA_ACCT)
#define DX_QUOTA_ENFD	(DX_UQUOTA_ENFD | DX_GQUOTA_ENFD | DX_PQUOTA_ENFD)

static inline bool dx_kind_on(struct dx_mount *mp, enum dx_qtype t) { return READ_ONCE(mp->qflags) & dx_qkinds[t].acct; }
static inline dx_ino_t *dx_kind_ino(struct dx_mount *mp, enum dx_qtype t)
{
	return (dx_ino_t *)((char *)&mp->sb + dx_qkinds[t].sb_ino);
}

static inline bool dx_is_quota_file(struct dx_mount *mp, dx_ino_t ino)
{
	return ino == mp->sb.uquotino || ino == mp->sb.gquotino || ino == mp->sb.pquotino;
}

static inline u64 dx_dq_key(enum dx_qtype t, u32 id) { return (u64)t << 32 | id; }
static inline u32 dx_dq_per_block(struct dx_mount *mp) { return mp->sb.blocksize / sizeof(struct dx_dqblk); }

/* ---- the cache: dquot.c ---- */
#define DX_DQ_MAKE	(1u << 0)	/* a record where there is none; begins transactions */
int dx_dq_get(struct dx_mount *mp, enum dx_qtype t, u32 id, u32 flags, struct dx_dquot **dqp);
void dx_dq_hold(struct dx_dquot *dq);
void dx_dq_put(struct dx_dquot *dq);
int dx_dq_cache_init(struct dx_mount *mp);
void dx_dq_cache_destroy(struct dx_mount *mp);

/* ---- the files: dquot_disk.c ---- */
int dx_dq_read(struct dx_dquot *dq);			/* -ENOENT: the file has no such block */
int dx_dq_make_block(struct dx_mount *mp, enum dx_qtype t, u32 id);
int dx_dq_next_block(struct dx_mount *mp, enum dx_qtype t, u32 *id);	/* -ENOENT: no more */
void dx_dq_to_disk(struct dx_dquot *dq, struct dx_disk_dquot *d);
int dx_dq_mend(struct dx_mount *mp, enum dx_qtype t);
int dx_dq_free_file(struct dx_mount *mp, enum dx_qtype t);
int dx_dq_make_file(struct dx_mount *mp, enum dx_qtype t);
int dx_dq_open_file(struct dx_mount *mp, enum dx_qtype t, struct dx_inode **ipp);

/* ---- in the log: dquot_item.c ---- */
void dx_dq_item_init(struct dx_dquot *dq);
void dx_dq_join(struct dx_trans *tp, struct dx_dquot *dq);	/* ->commit held, taken over; dirty from now on */
bool dx_dq_busy(struct dx_dquot *dq);
void dx_dq_give_up(struct dx_dquot *dq);

/* ---- who pays: quota_charge.c ---- */
extern const struct dx_quota_above dx_quota_ops;
void dx_dq_set_defaults(struct dx_dquot *dq);		/* quota_ctl.c */
void dx_dq_adjust(struct dx_dquot *dq);			/* ->lock held: limits of id 0, timers */
s64 dx_dq_clamp_expiry(struct dx_mount *mp, s64 when);
void dx_quota_lost(struct dx_mount *mp, enum dx_qtype t, const char *why);
int dx_quota_sync_flags(struct dx_mount *mp);

/* ---- refusals: quota_refused.c ---- */
void dx_dq_refused(struct dx_dquot *dq);

/* ---- counting: quota_check.c ---- */
int dx_quota_check(struct dx_mount *mp, u16 want, bool *exact);

#endif /* DX_QUOTA_INT_H */
