/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What inodes know of quota.  The room of quota is above; what the rooms below it ask of it is a table.  dx_quota.h tells the
 * story.
 *
 * Where quota is off each of these is the test of a flag.
 */
#ifndef DX_IQUOTA_H
#define DX_IQUOTA_H

#include "dx_incore.h"

struct dx_dquot;
struct dx_trans;

/*
 * Whom an inode is charged to, and for how much; ILOCK exclusive.  Made with the inode, or when it is first about to change;
 * it stays until the inode leaves memory.
 */
struct dx_inode_quota {
	struct dx_dquot	*dq[DX_QTYPES];		/* NULL: the kind is off, or its records are damaged */
	struct dx_dquot	*next[DX_QTYPES];	/* who will be charged from the next commit on; else NULL */
	u64		blocks, held;		/* on disk, as committed; in memory: with what is delayed, or being allocated */
	bool		inode, held_inode;	/* the same for itself */
};

/* Owners whose records are at hand, for a new inode or a new owner.  From dx_payer_get() to dx_payer_put(). */
struct dx_payer {
	struct dx_mount	*mp;
	u32		id[DX_QTYPES];
	struct dx_dquot	*dq[DX_QTYPES];
	u64		blocks;			/* reserved for an inode that is to be made, with itself ... */
	bool		reserved;		/* ... if this is so */
};
#define DX_PAYER_USER	(1u << DX_QUSER)
#define DX_PAYER_GROUP	(1u << DX_QGROUP)
#define DX_PAYER_PROJ	(1u << DX_QPROJ)
#define DX_PAYER_ALL	(DX_PAYER_USER | DX_PAYER_GROUP | DX_PAYER_PROJ)

struct dx_quota_above {
	int	(*attach)(struct dx_inode *ip, bool locked);
	int	(*reserve)(struct dx_inode *ip, u64 blocks, bool quiet);
	void	(*settle)(struct dx_inode *ip);
	void	(*drop)(struct dx_inode *ip);
	int	(*owner_get)(struct dx_payer *o, u32 kinds);
	void	(*owner_put)(struct dx_payer *o);
	int	(*chown)(struct dx_inode *ip, struct dx_payer *o, bool force);
};

static inline bool dx_has_quota(struct dx_mount *mp)
{
	return READ_ONCE(mp->qflags) & (DX_UQUOTA_ACCT | DX_GQUOTA_ACCT | DX_PQUOTA_ACCT);
}

/*
 * Have the records of an inode's owners at hand.  Before the transaction in which it may change, without locks: who has not
 * done so does it under the ILOCK (dx_trans_ijoin()), where others wait for a read.  0, -EIO, -ENOMEM.
 */
static inline int dx_quota_attach(struct dx_inode *ip)
{
	return dx_has_quota(ip->mp) && !READ_ONCE(ip->quota) ? ip->mp->quota_above->attach(ip, false) : 0;
}

static inline void dx_quota_attach_locked(struct dx_inode *ip)
{
	if (dx_has_quota(ip->mp) && !ip->quota)
		ip->mp->quota_above->attach(ip, true);
}

/*
 * May an inode have so many blocks more?  They are held until its ILOCK (exclusive) is given up; what it has got by
 * then stays.  Nothing may be dirty.  0, -EDQUOT, -ENOSPC (project); -EIO, -ENOMEM.
 */
static inline int dx_quota_reserve(struct dx_inode *ip, u64 blocks)
{
	return dx_has_quota(ip->mp) ? ip->mp->quota_above->reserve(ip, blocks, false) : 0;
}

/* The same for who asks for less when he may not: so nobody is told. */
static inline int dx_quota_try(struct dx_inode *ip, u64 blocks)
{
	return dx_has_quota(ip->mp) ? ip->mp->quota_above->reserve(ip, blocks, true) : 0;
}

/* Do two inodes, both ILOCKs held, have the same owners, so that blocks may go from one to the other? */
static inline bool dx_same_owners(const struct dx_inode *a, const struct dx_inode *b)
{
	return a->d.uid == b->d.uid && a->d.gid == b->d.gid && a->d.projid == b->d.projid;
}

/* What is held for an inode is what it uses: when its exclusive ILOCK is given up, or what was reserved is not needed. */
static inline void dx_quota_settle(struct dx_inode *ip)
{
	if (ip->quota)
		ip->mp->quota_above->settle(ip);
}

/*
 * The records of owners-to-be, made where there are none, of @kinds (DX_OWN_*).  No locks.
 * 0, -ENOSPC, -EIO, ...: nothing to put.
 */
static inline int dx_payer_get(struct dx_mount *mp, struct dx_payer *o, u32 kinds, u32 uid, u32 gid, u32 projid)
{
	*o = (struct dx_payer) { .mp = mp, .id = { [DX_QUSER] = uid, [DX_QGROUP] = gid, [DX_QPROJ] = projid } };
	return dx_has_quota(mp) ? mp->quota_above->owner_get(o, kinds) : 0;
}

/* Gives back what is reserved, if no inode has got it. */
static inline void dx_payer_put(struct dx_payer *o)
{
	if (o->dq[DX_QUSER] || o->dq[DX_QGROUP] || o->dq[DX_QPROJ])
		o->mp->quota_above->owner_put(o);
}

/*
 * An inode, joined to a clean transaction, is going to get the owners of @o; the caller sets the ids in its core next, and logs
 * it in this transaction.  @force: whatever their limits.  0, -EDQUOT, -ENOSPC.
 */
static inline int dx_quota_chown(struct dx_inode *ip, struct dx_payer *o, bool force)
{
	return dx_has_quota(ip->mp) ? ip->mp->quota_above->chown(ip, o, force) : 0;
}

#endif /* DX_IQUOTA_H */
