/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Quota: who uses how much, and may.  Users, groups and projects, each kind with a quota file of records by id.
 *
 * An inode in memory knows what its owners' records have been charged for it.  What it uses, the blocks of all its forks and
 * their trees and itself, is compared with that when a transaction commits that has logged it (quota_charge.c): the difference
 * goes to the records in the same transaction.  So no operation can forget to account, and usage on disk is that of the inodes
 * on disk after every crash.  Delayed extents and copies on write are charged in memory only, under the ILOCK.  Limits are a
 * question that operations ask before they change anything: dx_quota_reserve() in the inode's room, which see.
 *
 * Locks: a record's ->commit is the innermost of all sleeping locks, and held from its change to the end of the commit;
 * by order of kind and id where several are.  Counts and limits in memory are under its ->lock, a spinlock.
 *
 * What follows is for the VFS.  Nothing may be locked; all sleep.  Space is in fsblocks, times in seconds of the epoch.
 */
#ifndef DX_QUOTA_H
#define DX_QUOTA_H

#include "dx_inode.h"

/* Of one id.  "used" is with what is reserved: delayed extents and their btree, copies on write, what is being allocated. */
struct dx_quota_use {
	u64	used, soft, hard;	/* limits: 0 for none */
	s64	timer;			/* soft limit exceeded: until then it may; 0: it is not.  Of id 0: the grace, seconds */
	u16	warns;			/* the administrator's number; we do not count */
};
struct dx_quota_rec {
	u32			id;
	struct dx_quota_use	blk, ino, rtb;
};

/* What dx_quota_set() sets: bit of each field */
#define DX_QSET_SOFT	(1u << 0)
#define DX_QSET_HARD	(1u << 1)
#define DX_QSET_TIMER	(1u << 2)
#define DX_QSET_WARNS	(1u << 3)
struct dx_quota_change {
	u32			blk_set, ino_set, rtb_set;	/* DX_QSET_* of each */
	struct dx_quota_use	blk, ino, rtb;			/* "used" is not looked at */
};

struct dx_quota_kind_state {
	bool		acct, enfd;
	dx_ino_t	ino;			/* of the quota file; DX_NULLINO: there is none */
	u64		blocks, nextents;	/* of it; 0 when it is not in use */
	s64		blk_grace, ino_grace, rtb_grace;	/* seconds */
	u16		blk_warns, ino_warns, rtb_warns;
};
struct dx_quota_state {
	u16				qflags;		/* DX_?QUOTA_ACCT, _ENFD, _CHKD in force */
	u32				incore;		/* records in memory */
	struct dx_quota_kind_state	kind[DX_QTYPES];
};

/* -ESRCH: the kind is not accounted; -ENOENT: no such record (or, of _next, no further one); -EIO, -EFSCORRUPTED */
int dx_quota_get(struct dx_mount *mp, enum dx_qtype type, u32 id, struct dx_quota_rec *rec);
/* the first record from @id on that has usage or a limit */
int dx_quota_next(struct dx_mount *mp, enum dx_qtype type, u32 id, struct dx_quota_rec *rec);
/* makes the record; a soft limit above the hard one leaves that pair as it was, with a line in the log.  -ESRCH, -EROFS, -ENOSPC */
int dx_quota_set(struct dx_mount *mp, enum dx_qtype type, u32 id, const struct dx_quota_change *chg);
void dx_quota_state(struct dx_mount *mp, struct dx_quota_state *st);
/*
 * Enforcement (DX_?QUOTA_ENFD in @flags) begins or ends, durably; accounting begins and ends with a mount, and is passed
 * over with a line in the log.  _on: -EINVAL when a kind of @flags is not accounted, -EEXIST when nothing would change; _off:
 * -EEXIST when none is on.
 */
int dx_quota_on(struct dx_mount *mp, u16 flags);
int dx_quota_off(struct dx_mount *mp, u16 flags);
/* the files of kinds that are not accounted lose their blocks; @kinds: 1 << enum dx_qtype.  -EINVAL: one is accounted */
int dx_quota_remove(struct dx_mount *mp, unsigned int kinds);
/* the project of a directory (or file) that hands its project down, if its usage is accounted and enforced: true */
bool dx_quota_statfs(struct dx_inode *ip, struct dx_quota_rec *rec);

/*
 * Before somebody is told that he is at his limit, what is only held for him can be given back.  Whoever was refused asks
 * _was_refused() if it was by a limit (a project's says -ENOSPC), once for each refusal; true for the calling task only.
 * Whoever gives back takes the list of those that wait for it, which are few: with too many, everybody's files are meant.  An owner
 * for whom nothing is held or given back since he was refused is not listed again within a second.
 */
#define DX_QWANTS_MAX	16
struct dx_quota_wants {
	u32	n;
	bool	everybody;
	u64	key[DX_QWANTS_MAX];	/* kind and id */
};
bool dx_quota_was_refused(struct dx_mount *mp);
bool dx_quota_wanted(struct dx_mount *mp);		/* is anybody in the list? */
void dx_quota_take_wants(struct dx_mount *mp, struct dx_quota_wants *w);
bool dx_quota_wants(const struct dx_quota_wants *w, const struct dx_inode *ip);	/* one of its owners is meant; no lock */

/* Records that nobody uses stay until memory is short: for a shrinker. */
unsigned long dx_quota_count(struct dx_mount *mp);
unsigned long dx_quota_scan(struct dx_mount *mp, unsigned long nr);

/*
 * Elsewhere, for the VFS:
 *   mp->opts.quota	(dx_mount.h) DX_?QUOTA_ACCT and _ENFD that the mount options ask for, before dx_mount_open()
 *   mp->qflags		what is in force; fixed but for enforcement; 0 on a mount that accounts nothing
 *   mp->quota_warn	callback, may be NULL: a limit was met (enum dx_quota_warning); any context that may not sleep
 *   dx_iquota.h	dx_payer_get(), dx_quota_chown(), dx_payer_put(): where the VFS itself changes uid, gid or projid
 *   struct dx_setattr	.quota_force: the caller may exceed the new owner's limits (CAP_FOWNER)
 * Operations return -EDQUOT for users and groups, -ENOSPC for projects, having changed nothing.
 */

/* ---- opening and closing, for the mount ---- */
int dx_quota_open_early(struct dx_mount *mp);	/* log replayed, no transaction has run */
void dx_quota_open(struct dx_mount *mp);	/* recovered; again when it becomes read-write */
void dx_quota_close_files(struct dx_mount *mp);	/* nothing is charged any more */
void dx_quota_close(struct dx_mount *mp);	/* inodes are gone from memory */

/* ---- for those who make inodes: an owner from dx_payer_get() ---- */
int dx_payer_reserve(struct dx_payer *o, u64 blocks);
void dx_payer_give(struct dx_inode *ip, struct dx_payer *o);

/* ---- for the log, before it copies what a transaction has changed ---- */
void dx_quota_charge(struct dx_trans *tp);

#endif /* DX_QUOTA_H */
