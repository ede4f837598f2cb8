// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of a file's map as deferred work (BUI): an extent is taken out of it, or put into a hole.
 *
 * Who copies on write or clones does not need it: he puts one extent in place of another in one transaction (cow.c, reflink.c), so
 * there is no moment at which it is a hole.  Where two maps change (exchange.c) each change is in a transaction of its own,
 * which has room for it and takes blocks from one AG, and the ILOCKs are held to the end.  Other kernels clone so, too, and
 * exchange the extents of two files where there is an rmapbt.  Blocks neither come nor go with it: their reference counts have
 * intents of their own.  Reverse mappings follow from the change, as deferred work that is done before what waits.
 *
 * In recovery the inodes stay in memory until all intents are finished.  Of one that is unlinked nothing may be freed before
 * (DX_I_RECOVERY): its extents may be in motion; and then it is freed in the order of its unlinked list.
 *
 * Source: "File Block Mapping Intent".
 */
#include "dx_cow.h"
#include "dx_bmap_int.h"

struct map_work {
	struct dx_defer_work	work;		/* first */
	dx_ino_t		ino;
	struct dx_inode		*ip;		/* joined and locked by who has added this; NULL: recovery has found it */
	u32			type;		/* DX_BUI_* */
	int			whichfork;
	struct dx_irec		rec;
};

/* An inode that is held until all is finished. */
struct dx_held_inode {
	struct dx_held_inode	*next;
	struct dx_inode		*ip;
	bool			unshare;	/* it shares no block any more */
};

static void map_format(const struct dx_defer_work *work, void *to)
{
	const struct map_work *m = container_of(work, struct map_work, work);
	struct dx_map_extent *e = to;

	e->me_owner = m->ino;
	e->me_startblock = m->rec.startblock;
	e->me_startoff = m->rec.startoff;
	e->me_len = m->rec.blockcount;
	e->me_flags = m->type | (m->whichfork == DX_ATTR_FORK ? DX_BUI_ATTR_FORK : 0) |
		      (m->rec.state == DX_EXT_UNWRITTEN ? DX_BUI_UNWRITTEN : 0);
}

static int map_parse(struct dx_mount *mp, const void *from, struct dx_defer_work **workp)
{
	const struct dx_map_extent *e = from;
	struct map_work *m;

	/* the rest has been looked at when it was found: recover_check.c */
	if (!dx_verify_fsbext(mp, e->me_startblock, e->me_len) || !dx_verify_ino(mp, e->me_owner)) {
		dx_err(mp, "corrupt BUI in the log: inode 0x%llx, extent 0x%llx, length %u", (unsigned long long)e->me_owner,
		       (unsigned long long)e->me_startblock, e->me_len);
		return -EFSCORRUPTED;
	}
	m = kzalloc(sizeof(*m), GFP_NOFS | __GFP_NOFAIL);
	m->ino = e->me_owner;
	m->type = DX_BUI_TYPE(e->me_flags);
	m->whichfork = e->me_flags & DX_BUI_ATTR_FORK ? DX_ATTR_FORK : DX_DATA_FORK;
	m->rec = (struct dx_irec) {
		.startoff = e->me_startoff, .startblock = e->me_startblock, .blockcount = e->me_len,
		.state = e->me_flags & DX_BUI_UNWRITTEN ? DX_EXT_UNWRITTEN : DX_EXT_NORM,
	};
	*workp = &m->work;
	return 0;
}

/**
 * dx_recovery_hold - an inode that an intent is about, held for the rest of recovery
 * @mp: the mount, in recovery
 * @what: the intent, for the message
 * @ino: its number
 * @ipp: out; the reference is not the caller's
 *
 * Return: 0, -EFSCORRUPTED (there is none), -EIO, -ENOMEM.
 */
int dx_recovery_hold(struct dx_mount *mp, const char *what, dx_ino_t ino, struct dx_inode **ipp)
{
	struct dx_held_inode *h;
	int error = dx_iget(mp, NULL, ino, 0, ipp);

	if (error)
		return error == -ENOENT ? dx_corrupt(mp, what, 0, "inode 0x%llx is free", (unsigned long long)ino) : error;
	if (test_and_set_bit(DX_I_RECOVERY, &(*ipp)->i_flags)) {
		dx_idrop(*ipp);		/* not the last reference */
		return 0;
	}
	h = kzalloc(sizeof(*h), GFP_NOFS | __GFP_NOFAIL);
	h->ip = *ipp;
	h->next = mp->held_inodes;
	mp->held_inodes = h;
	return 0;
}

static int mismatch(struct dx_inode *ip, const struct map_work *m, const char *what)
{
	return dx_corrupt(ip->mp, "BUI", ip->imap.daddr, "inode 0x%llx, [%llu, %llu, %llu] of its %s fork: %s",
			  (unsigned long long)ip->ino, (unsigned long long)m->rec.startoff,
			  (unsigned long long)m->rec.startblock, (unsigned long long)m->rec.blockcount,
			  m->whichfork == DX_ATTR_FORK ? "attr" : "data", what);
}

static int map(struct dx_bmap_edit *e, struct map_work *m)
{
	struct dx_iext_cur icur;
	struct dx_irec got, mid = m->rec;

	if (dx_iext_lookup(&e->f->ext, mid.startoff, &icur, &got) && got.startoff < dx_irec_end(&mid))
		return mismatch(e->ip, m, "mapped already");
	e->ip->d.nblocks += mid.blockcount;
	return dx_bmap_remap(e, NULL, &mid, m->rec.startoff, m->rec.blockcount);
}

/* The last extent in the range goes; -EAGAIN: there are more. */
static int unmap(struct dx_bmap_edit *e, struct map_work *m)
{
	dx_fileoff_t end = dx_irec_end(&m->rec), start;
	struct dx_iext_cur icur;
	struct dx_irec got;
	int error;

	if (!dx_iext_lookup_before(&e->f->ext, &end, &icur, &got) || end != dx_irec_end(&m->rec))
		return mismatch(e->ip, m, "not mapped");
	start = max(got.startoff, m->rec.startoff);
	if (got.startblock + (start - got.startoff) != m->rec.startblock + (start - m->rec.startoff) ||
	    e->ip->d.nblocks < end - start)
		return mismatch(e->ip, m, "other blocks are mapped");
	error = dx_bmap_remap(e, &got, NULL, start, end - start);
	if (error)
		return error;
	e->ip->d.nblocks -= end - start;
	m->rec.blockcount -= end - start;
	return m->rec.blockcount ? -EAGAIN : 0;
}

static int map_finish(struct dx_trans *tp, struct dx_defer_work *work)
{
	struct map_work *m = container_of(work, struct map_work, work);
	struct dx_bmap_edit e;
	struct dx_inode *ip;
	struct dx_fork *f;
	int error, left;

	ip = m->ip;
	if (!ip) {
		error = dx_recovery_hold(tp->t_mp, "BUI", m->ino, &ip);
		if (error)
			return error;
		dx_ilock(ip, DX_ILOCK_EXCL);
		dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	}
	f = dx_ifork(ip, m->whichfork);
	if (!f || (f->format != DX_DINODE_FMT_EXTENTS && f->format != DX_DINODE_FMT_BTREE) ||
	    (m->whichfork == DX_DATA_FORK && !S_ISREG(ip->d.mode) && !S_ISDIR(ip->d.mode) && !S_ISLNK(ip->d.mode)))
		return mismatch(ip, m, "there is no such fork");
	error = dx_iread_extents(tp, ip, m->whichfork);
	if (error)
		return error;
	/* what the btree can need, as far as it is there: who began it has seen to that, and may have used some of it */
	if (!m->ip)
		dx_trans_top_up(tp, tp->t_mp->bm_maxlevels[m->whichfork]);
	dx_bmap_edit_begin(&e, tp, ip, m->whichfork);
	error = m->type == DX_BUI_MAP ? map(&e, m) : unmap(&e, m);
	left = error == -EAGAIN ? error : 0;
	error = dx_bmap_edit_end(&e, left ? 0 : error);
	return error ? error : left;
}

/* What the log knows as BUI and BUD. */
const struct dx_defer_type dx_bmap_type = {
	.name		= "BUI",
	.li_type	= DX_LI_BUI,
	.resv		= DX_RESV_WRITE,
	.most		= 1,
	.a_go		= 1,
	.work_bytes	= sizeof(struct dx_map_extent),
	.format		= map_format,
	.parse		= map_parse,
	.finish		= map_finish,
};

/**
 * dx_defer_bmap - put an extent into the map of a file, or take it out, when this transaction is committed
 * @tp: transaction with a permanent reservation
 * @ip: joined to be kept, ILOCK exclusive, extents of the data fork in memory
 * @type: DX_BUI_MAP or DX_BUI_UNMAP
 * @rec: of the data fork, real
 *
 * The caller has made sure that it will not fail: dx_bmap_may_grow(), and blocks in the transaction for the btree.
 */
void dx_defer_bmap(struct dx_trans *tp, struct dx_inode *ip, u32 type, const struct dx_irec *rec)
{
	struct map_work *m = kzalloc(sizeof(*m), GFP_NOFS | __GFP_NOFAIL);

	m->ino = ip->ino;
	/* recovery locks nothing between transactions */
	m->ip = tp->t_flags & DX_TRANS_RECOVERY ? NULL : ip;
	m->type = type;
	m->whichfork = DX_DATA_FORK;
	m->rec = *rec;
	dx_defer_add(tp, &dx_bmap_type, &m->work);
}

/**
 * dx_bmap_unshare_held - when recovery has finished all intents, an inode shares no block any more
 * @ip: from dx_recovery_hold()
 *
 * Not before: what is still to be done to its owners in the rmapbt goes by the flag.
 */
void dx_bmap_unshare_held(struct dx_inode *ip)
{
	struct dx_held_inode *h;

	for (h = ip->mp->held_inodes; h; h = h->next)
		if (h->ip == ip)
			h->unshare = true;
}

/**
 * dx_bmap_recovered - let go of the inodes whose maps recovery has changed
 * @mp: the mount; no intent will be finished any more
 * @done: all have been
 */
void dx_bmap_recovered(struct dx_mount *mp, bool done)
{
	struct dx_held_inode *h;

	while ((h = mp->held_inodes)) {
		mp->held_inodes = h->next;
		if (done && h->unshare && dx_reflink_clear_flag(h->ip))
			dx_warn(mp, "inode 0x%llx keeps a flag that it needs no more", (unsigned long long)h->ip->ino);
		/* of an unlinked one it is cleared when its turn comes: iunlink_recover.c */
		if (h->ip->d.nlink)
			clear_bit(DX_I_RECOVERY, &h->ip->i_flags);
		dx_idrop(h->ip);
		kfree(h);
	}
}
