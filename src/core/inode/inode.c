// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on one inode: beginning, attributes, and the freeing of its number.
 *
 * Lock context: no transaction and no ILOCK on entry unless said otherwise.
 */
#include "dx_inode_item.h"
#include "dx_fork.h"
#include "dx_alloc.h"

/*
 * ---- a new inode ----
 */

/* Flags that only steer the inode they are on are inherited from the directory; see chattr in xfs_io(8). */
#define INHERIT_ALWAYS	(DX_DIFLAG_SYNC | DX_DIFLAG_NOATIME | DX_DIFLAG_NODUMP | DX_DIFLAG_NODEFRAG | DX_DIFLAG_FILESTREAM)

static void inherit_flags(struct dx_inode *dp, struct dx_inode *ip)
{
	const struct dx_icore *p;
	struct dx_icore *d = &ip->d;

	if (!dp || (!S_ISDIR(d->mode) && !S_ISREG(d->mode)))
		return;
	p = &dp->d;
	d->flags |= p->flags & INHERIT_ALWAYS;
	if (S_ISDIR(d->mode))
		d->flags |= p->flags & (DX_DIFLAG_PROJINHERIT | DX_DIFLAG_EXTSZINHERIT);
	else if (p->flags & DX_DIFLAG_EXTSZINHERIT)
		d->flags |= DX_DIFLAG_EXTSIZE;
	if (p->flags & DX_DIFLAG_EXTSZINHERIT)
		d->extsize = p->extsize;
	d->flags2 |= p->flags2 & DX_DIFLAG2_DAX;
	/* a bad one, which earlier versions of ours let pass, ends here */
	if ((p->flags2 & DX_DIFLAG2_COWEXTSIZE) && dx_cowextsize_ok(ip->mp, p->cowextsize)) {
		d->flags2 |= DX_DIFLAG2_COWEXTSIZE;
		d->cowextsize = p->cowextsize;
	}
}

/* Where the attribute fork of an inode that will get attributes at once begins: room for a bmbt root of six before it. */
static u32 default_forkoff(struct dx_inode *ip)
{
	u32 bytes;

	if (ip->df.format == DX_DINODE_FMT_DEV)
		return 1;
	bytes = sizeof(struct dx_bmdr_block) + 12 * 2 * sizeof(__be64);
	if (bytes > dx_inode_litino(ip->mp) / 2)
		bytes = dx_inode_litino(ip->mp) / 2;
	return bytes >> 3;
}

/**
 * dx_inode_init_new - make a real inode of a number just allocated
 * @tp: the transaction that allocated it
 * @dp: its directory, ILOCK held; NULL: it has none and inherits nothing
 * @ip: from dx_iget(DX_IGET_CREATE); ILOCK held exclusively and joined
 * @a: owner, mode, device; the project is what it gets, whatever @dp hands down
 * @nlink: links it begins with
 *
 * The fork is empty (a device number for devices, sockets and pipes).
 */
void dx_inode_init_new(struct dx_trans *tp, struct dx_inode *dp, struct dx_inode *ip, const struct dx_create_args *a,
		       u32 nlink)
{
	struct dx_mount *mp = ip->mp;
	struct dx_icore *d = &ip->d;
	u32 fields = DX_ILOG_CORE;

	d->mode = a->mode;
	d->uid = a->uid;
	d->gid = a->gid;
	d->nlink = nlink;
	d->projid = a->projid;
	d->changecount = 1;
	d->flags = 0;
	d->flags2 = 0;
	if (dx_has_bigtime(mp))
		d->flags2 |= DX_DIFLAG2_BIGTIME;
	if (dx_has_nrext64(mp))
		d->flags2 |= DX_DIFLAG2_NREXT64;
	d->gen = get_random_u32();
	dx_trans_set_time(tp, ip, DX_ICHGTIME_MOD | DX_ICHGTIME_CHG | DX_ICHGTIME_ACC | DX_ICHGTIME_CREATE);
	d->ctime = d->crtime;
	d->mtime = d->crtime;
	d->atime = d->crtime;

	ip->df.extents_read = true;
	ip->df.nextents = 0;
	switch (a->mode & S_IFMT) {
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		ip->df.format = DX_DINODE_FMT_DEV;
		d->rdev = a->rdev;
		fields |= DX_ILOG_DEV;
		break;
	default:
		ip->df.format = DX_DINODE_FMT_EXTENTS;
		inherit_flags(dp, ip);
		break;
	}
	/* its names will be attributes of it, where there are parent pointers */
	if ((dp && dx_has_parent(mp)) || (a->init_xattrs && (mp->sb.versionnum & DX_SB_VERSION_ATTRBIT)))
		dx_fork_make_attr(ip, default_forkoff(ip));
	dx_trans_log_inode(tp, ip, fields);
}

/**
 * dx_link_add - one more link
 * @tp: transaction
 * @ip: joined, ILOCK held exclusively
 */
void dx_link_add(struct dx_trans *tp, struct dx_inode *ip)
{
	dx_trans_set_time(tp, ip, DX_ICHGTIME_CHG);
	ip->d.nlink++;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
}

/**
 * dx_link_may_drop - has an inode as many links as it is to lose or keep?
 * @ip: ILOCK held
 * @n: links
 *
 * To be asked before anything is dirty: the count of a damaged volume may be less than its names.
 *
 * Return: 0 or -EFSCORRUPTED.
 */
int dx_link_may_drop(struct dx_inode *ip, u32 n)
{
	if (ip->d.nlink >= n)
		return 0;
	return dx_corrupt(ip->mp, "inode", ip->imap.daddr, "0x%llx loses a link that it does not have",
			  (unsigned long long)ip->ino);
}

/**
 * dx_link_drop - one link less; the last one puts the inode onto its unlinked list
 * @tp: transaction; takes the AGI then, so before any AGF (L1)
 * @ip: joined, ILOCK held exclusively
 *
 * Return: 0 or -errno.
 */
int dx_link_drop(struct dx_trans *tp, struct dx_inode *ip)
{
	int error = dx_link_may_drop(ip, 1);

	if (error)
		return error;
	dx_trans_set_time(tp, ip, DX_ICHGTIME_CHG);
	ip->d.nlink--;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	return ip->d.nlink ? 0 : dx_unlinked_add(tp, ip);
}

/*
 * ---- attributes ----
 */

/* The records of those it will belong to. */
static int new_owner(struct dx_inode *ip, const struct dx_setattr *sa, struct dx_payer *o)
{
	u32 kinds = (sa->valid & DX_ATTR_UID ? DX_PAYER_USER : 0) | (sa->valid & DX_ATTR_GID ? DX_PAYER_GROUP : 0) |
		    (sa->valid & DX_ATTR_PROJID ? DX_PAYER_PROJ : 0);
	int error = dx_quota_attach(ip);

	return error ? error : dx_payer_get(ip->mp, o, kinds, sa->uid, sa->gid, sa->projid);
}

/**
 * dx_setattr_nosize - change owner, mode, project or times in one transaction
 * @ip: inode
 * @sa: what to set; whether the caller may is the VFS's business, as is clearing setuid bits
 * @sync: durable on return
 *
 * Return: 0, -EDQUOT, -ENOSPC (limits of a new owner), -EIO, -EROFS.
 */
int dx_setattr_nosize(struct dx_inode *ip, const struct dx_setattr *sa, bool sync)
{
	const u32 times = DX_ATTR_ATIME | DX_ATTR_MTIME | DX_ATTR_CTIME;
	struct dx_mount *mp = ip->mp;
	bool lazy = sa->valid == DX_ATTR_ATIME;
	struct dx_payer owner = { };
	struct dx_trans *tp;
	int error = 0;

	if (sa->valid & (DX_ATTR_UID | DX_ATTR_GID | DX_ATTR_PROJID))
		error = new_owner(ip, sa, &owner);
	if (!error)
		error = dx_trans_alloc(mp, sa->valid & ~times ? DX_RESV_ICHANGE : DX_RESV_FSYNC_TS, 0,
				       sync || dx_is_wsync(mp) ? DX_TRANS_SYNC : 0, &tp);
	if (error)
		goto out;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	error = dx_quota_chown(ip, &owner, sa->quota_force);
	if (error) {
		dx_trans_cancel(tp);
		goto out;
	}
	if (sa->valid & DX_ATTR_MODE)
		ip->d.mode = (ip->d.mode & S_IFMT) | (sa->mode & ~S_IFMT);
	if (sa->valid & DX_ATTR_UID)
		ip->d.uid = sa->uid;
	if (sa->valid & DX_ATTR_GID)
		ip->d.gid = sa->gid;
	if (sa->valid & DX_ATTR_PROJID)
		ip->d.projid = sa->projid;
	if (sa->valid & DX_ATTR_ATIME)
		ip->d.atime = sa->atime;
	if (sa->valid & DX_ATTR_MTIME)
		ip->d.mtime = sa->mtime;
	if (sa->valid & DX_ATTR_CTIME)
		ip->d.ctime = sa->ctime;
	dx_trans_log_inode(tp, ip, lazy ? DX_ILOG_TIMESTAMP : DX_ILOG_CORE);
	error = dx_trans_commit(tp);
out:
	dx_payer_put(&owner);
	return error;
}

/*
 * ---- the end ----
 */

/*
 * All inodes of the chunk are free.  Those in memory must neither be written to the blocks,
 * which soon hold something else, nor enter the AIL again.
 */
static void mark_stale(struct dx_inode *ip, void *data)
{
	struct dx_buf *bp = data;
	struct dx_inode_item *iip;

	spin_lock(&ip->i_lock);
	iip = ip->item;
	set_bit(DX_I_STALE, &ip->i_flags);
	if (iip && !iip->item.li_buf &&
	    (iip->fields || atomic_read(&ip->i_pin) || test_bit(DX_LI_F_IN_AIL, &iip->item.li_flags)))
		dx_iflush_attach_stale(bp, ip);
	spin_unlock(&ip->i_lock);
}

static int stale_clusters(struct dx_trans *tp, const struct dx_icluster_free *cl)
{
	struct dx_mount *mp = tp->t_mp;
	u32 per_cluster = min_t(u32, mp->icluster_inos, DX_INODES_PER_CHUNK);
	u32 i, j;
	int error;

	for (i = 0; i < DX_INODES_PER_CHUNK; i += per_cluster) {
		dx_ino_t ino = cl->first_ino + i;
		struct dx_imap imap;
		struct dx_buf *bp;

		if (!(cl->alloc_mask & (1ULL << i)))
			continue;	/* a part of a sparse chunk that has no blocks */
		imap.daddr = dx_agb_to_daddr(mp, dx_ino_to_agno(mp, ino),
					     dx_agino_to_agbno(mp, dx_ino_to_agino(mp, ino)));
		/* waits for a write of the cluster that is under way */
		error = dx_trans_get_buf(mp, tp, imap.daddr, mp->icluster_bb, 0, &bp);
		if (error)
			return error;
		if (!bp->b_ops)
			bp->b_ops = &dx_inode_buf_ops;
		for (j = 0; j < per_cluster; j++)
			dx_icache_peek(mp, ino + j, mark_stale, bp);
		dx_trans_kill_inode_buf(tp, bp);
		dx_trans_kill_buf(tp, bp);
	}
	return 0;
}

/**
 * dx_inode_become_file - a dying inode is an empty regular file from now on
 * @ip: ILOCK held exclusively, nobody else can reach it; the caller logs the core
 *
 * Between the transaction that takes its blocks and the one that frees the number an empty symbolic link or directory is
 * nothing that every kernel's recovery would read.
 */
void dx_inode_become_file(struct dx_inode *ip)
{
	ip->d.mode = (ip->d.mode & ~S_IFMT) | S_IFREG;
	ip->d.size = 0;
	/* what only a directory may have */
	if (ip->d.flags & DX_DIFLAG_EXTSZINHERIT)
		ip->d.extsize = 0;
	ip->d.flags &= ~(DX_DIFLAG_EXTSZINHERIT | DX_DIFLAG_RTINHERIT | DX_DIFLAG_PROJINHERIT | DX_DIFLAG_NOSYMLINKS);
}

/**
 * dx_ifree - free the number of an unlinked inode
 * @tp: DX_RESV_IFREE
 * @ip: joined, ILOCK held exclusively; no blocks, no attribute fork, nlink 0, on its unlinked list
 *
 * Return: 0 or -errno; -ENOSPC with @tp clean when the AG cannot take the number back: it is as full as can be.
 */
int dx_ifree(struct dx_trans *tp, struct dx_inode *ip)
{
	struct dx_mount *mp = ip->mp;
	struct dx_icluster_free cl = { };
	struct dx_buf *agibp;
	int error;

	if (ip->d.nlink || ip->df.nextents || (ip->af && ip->af->nextents) || ip->d.nblocks)
		return dx_corrupt(mp, "inode", ip->imap.daddr,
				  "0x%llx is freed with nlink %u, nextents %llu, nblocks %llu",
				  (unsigned long long)ip->ino, ip->d.nlink, (unsigned long long)ip->df.nextents,
				  (unsigned long long)ip->d.nblocks);

	error = dx_agi_read(mp, tp, dx_ino_to_agno(mp, ip->ino), &agibp);
	if (error)
		return error;
	error = dx_difree_prepare(tp, agibp, ip->ino);
	if (error)
		return error;
	error = dx_unlinked_remove(tp, agibp, ip);
	if (error)
		return error;
	error = dx_free_ino(tp, ip->ino, &cl);
	if (error)
		return error;

	dx_fork_free(&ip->df);
	if (ip->af) {
		dx_fork_free(ip->af);
		kfree(ip->af);
		ip->af = NULL;
	}
	ip->df.format = DX_DINODE_FMT_EXTENTS;
	ip->df.extents_read = true;
	ip->df.nextents = 0;
	ip->d.mode = 0;
	ip->d.size = 0;
	ip->d.flags = 0;
	ip->d.flags2 &= DX_DIFLAG2_BIGTIME | DX_DIFLAG2_NREXT64;
	ip->d.extsize = 0;
	ip->d.cowextsize = 0;
	ip->d.forkoff = 0;
	ip->d.dmevmask = 0;
	ip->d.dmstate = 0;
	/* a file handle to the old file must not open a new one with the same number */
	ip->d.gen++;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);

	return cl.deleted ? stale_clusters(tp, &cl) : 0;
}

/**
 * dx_inode_seen - somebody looks at its times, and will ask whether it has changed since
 * @ip: inode, ILOCK held, before they are read
 *
 * From now on what changes its contents sets DX_I_CHANGED; it is cleared here if that was before times moved: then these tell it to
 * who looked earlier.
 */
void dx_inode_seen(struct dx_inode *ip)
{
	u64 stamp = (u64)ip->d.ctime.tv_sec << 30 | ip->d.ctime.tv_nsec;

	spin_lock(&ip->i_lock);
	if (ip->i_seen != stamp)
		clear_bit(DX_I_CHANGED, &ip->i_flags);
	ip->i_seen = stamp;
	set_bit(DX_I_SEEN, &ip->i_flags);
	spin_unlock(&ip->i_lock);
	smp_mb();	/* marked, then what is dirty is looked for; who stores makes it dirty, and then looks: vn_page_mkwrite() */
}
