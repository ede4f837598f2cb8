// SPDX-License-Identifier: GPL-2.0-only
/*
 * The quota files: a record of fixed size for each id, as many in a block as fit, at the place that the id tells.
 *
 * A block comes with the first of its ids, and all of its records with it; its buffer is logged then, and not any more: what
 * changes afterwards are records, each with an item, an LSN and a checksum of its own (dquot_item.c).
 *
 * The last block has room for more records than there are ids; those are as if the ids began anew, and nobody looks at them.
 *
 * The files are metadata: no directory names them, their size stays 0, and nobody is charged for them.
 *
 * Lock context: the ILOCK of a quota file is taken here, perhaps under that of the inode that is to be charged.
 *
 * Source: "Quota Inodes", "Timers" of the superblock's bigtime.
 */
#include "dx_quota_int.h"
#include "dx_inode_item.h"

/* ---- times ---- */

#define BIGTIME_SHIFT	2
#define BIGTIME_SLACK	((1u << BIGTIME_SHIFT) - 1)

/**
 * dx_dq_clamp_expiry - the nearest time at which a grace can end
 * @mp: the mount
 * @when: seconds of the epoch; 0 stays: none runs
 */
s64 dx_dq_clamp_expiry(struct dx_mount *mp, s64 when)
{
	s64 last = dx_has_bigtime(mp) ? (s64)U32_MAX << BIGTIME_SHIFT : U32_MAX;

	return when ? clamp_t(s64, when, 1, last) : 0;
}

/* rounded up: rather a little more time than less */
static __be32 timer_to_disk(const struct dx_dquot *dq, s64 t)
{
	if (dq->bigtime)
		return cpu_to_be32(min_t(u64, (t + BIGTIME_SLACK) >> BIGTIME_SHIFT, U32_MAX));
	return cpu_to_be32(min_t(u64, t, U32_MAX));
}

static s64 timer_from_disk(bool bigtime, __be32 t)
{
	return bigtime ? (s64)be32_to_cpu(t) << BIGTIME_SHIFT : be32_to_cpu(t);
}

/* ---- records ---- */

/* What is wrong with a record?  NULL: nothing. */
static const char *bad_record(struct dx_mount *mp, const struct dx_dqblk *q, enum dx_qtype t, u32 id)
{
	const struct dx_disk_dquot *d = &q->dd_diskdq;

	if (d->d_magic != cpu_to_be16(DX_DQUOT_MAGIC))
		return "d_magic";
	if (d->d_version != DX_DQUOT_VERSION)
		return "d_version";
	if ((d->d_flags & DX_DQ_TYPES) != dx_qkinds[t].d_type || d->d_flags & ~(DX_DQ_TYPES | DX_DQ_BIGTIME) ||
	    (d->d_flags & DX_DQ_BIGTIME && (!dx_has_bigtime(mp) || !d->d_id)))
		return "d_flags";
	if (be32_to_cpu(d->d_id) != id)
		return "d_id";
	if (!dx_meta_uuid_ok(mp, &q->dd_uuid))
		return "dd_uuid";
	if (!dx_verify_cksum(q, sizeof(*q), DX_DQUOT_CRC_OFF))
		return "dd_crc";
	return NULL;
}

static void init_record(struct dx_mount *mp, struct dx_dqblk *q, enum dx_qtype t, u32 id)
{
	memset(q, 0, sizeof(*q));
	q->dd_diskdq.d_magic = cpu_to_be16(DX_DQUOT_MAGIC);
	q->dd_diskdq.d_version = DX_DQUOT_VERSION;
	q->dd_diskdq.d_flags = dx_qkinds[t].d_type | (id && dx_has_bigtime(mp) ? DX_DQ_BIGTIME : 0);
	q->dd_diskdq.d_id = cpu_to_be32(id);
	q->dd_uuid = mp->sb.meta_uuid;
	dx_update_cksum(q, sizeof(*q), DX_DQUOT_CRC_OFF);
}

/**
 * dx_dq_to_disk - the form of a record on disk and in the log
 * @dq: record, ->commit held
 * @d: where to
 */
void dx_dq_to_disk(struct dx_dquot *dq, struct dx_disk_dquot *d)
{
	spin_lock(&dq->lock);
	*d = (struct dx_disk_dquot) {
		.d_magic = cpu_to_be16(DX_DQUOT_MAGIC), .d_version = DX_DQUOT_VERSION,
		.d_flags = dx_qkinds[dq->type].d_type | (dq->bigtime ? DX_DQ_BIGTIME : 0), .d_id = cpu_to_be32(dq->id),
		.d_blk_hardlimit = cpu_to_be64(dq->blk.hard), .d_blk_softlimit = cpu_to_be64(dq->blk.soft),
		.d_ino_hardlimit = cpu_to_be64(dq->ino.hard), .d_ino_softlimit = cpu_to_be64(dq->ino.soft),
		.d_bcount = cpu_to_be64(dq->blk.count), .d_icount = cpu_to_be64(dq->ino.count),
		.d_itimer = timer_to_disk(dq, dq->ino.timer), .d_btimer = timer_to_disk(dq, dq->blk.timer),
		.d_iwarns = cpu_to_be16(dq->ino.warns), .d_bwarns = cpu_to_be16(dq->blk.warns),
		.d_rtb_hardlimit = cpu_to_be64(dq->rtb.hard), .d_rtb_softlimit = cpu_to_be64(dq->rtb.soft),
		.d_rtbcount = cpu_to_be64(dq->rtb.count), .d_rtbtimer = timer_to_disk(dq, dq->rtb.timer),
		.d_rtbwarns = cpu_to_be16(dq->rtb.warns),
	};
	spin_unlock(&dq->lock);
}

static void from_disk(struct dx_dquot *dq, const struct dx_disk_dquot *d)
{
	bool big = d->d_flags & DX_DQ_BIGTIME;

	dq->blk = (struct dx_dqres) {
		.count = be64_to_cpu(d->d_bcount), .held = be64_to_cpu(d->d_bcount), .soft = be64_to_cpu(d->d_blk_softlimit),
		.hard = be64_to_cpu(d->d_blk_hardlimit), .timer = timer_from_disk(big, d->d_btimer),
		.warns = be16_to_cpu(d->d_bwarns),
	};
	dq->ino = (struct dx_dqres) {
		.count = be64_to_cpu(d->d_icount), .held = be64_to_cpu(d->d_icount), .soft = be64_to_cpu(d->d_ino_softlimit),
		.hard = be64_to_cpu(d->d_ino_hardlimit), .timer = timer_from_disk(big, d->d_itimer),
		.warns = be16_to_cpu(d->d_iwarns),
	};
	dq->rtb = (struct dx_dqres) {
		.count = be64_to_cpu(d->d_rtbcount), .held = be64_to_cpu(d->d_rtbcount), .soft = be64_to_cpu(d->d_rtb_softlimit),
		.hard = be64_to_cpu(d->d_rtb_hardlimit), .timer = timer_from_disk(big, d->d_rtbtimer),
		.warns = be16_to_cpu(d->d_rtbwarns),
	};
	/* whoever writes it gives it the new form, where the volume has that */
	dq->bigtime = dq->id && dx_has_bigtime(dq->mp);
}

/* ---- blocks ---- */

static int check_block(struct dx_buf *bp, enum dx_qtype t)
{
	struct dx_mount *mp = bp->b_mp;
	const struct dx_dqblk *q = bp->b_addr;
	u32 i, n = dx_dq_per_block(mp), first = be32_to_cpu(q->dd_diskdq.d_id);

	if (first % n)
		return dx_buf_bad(bp, "d_id");
	for (i = 0; i < n; i++) {
		const char *bad = bad_record(mp, &q[i], t, first + i);

		if (bad)
			return dx_buf_bad(bp, bad);
	}
	return 0;
}

static int check_user(struct dx_buf *bp) { return check_block(bp, DX_QUSER); }
static int check_group(struct dx_buf *bp) { return check_block(bp, DX_QGROUP); }
static int check_proj(struct dx_buf *bp) { return check_block(bp, DX_QPROJ); }

static const struct dx_buf_ops block_ops[DX_QTYPES] = {
	[DX_QUSER] = { .name = "user quota block", .verify_read = check_user, .verify_write = check_user },
	[DX_QGROUP] = { .name = "group quota block", .verify_read = check_group, .verify_write = check_group },
	[DX_QPROJ] = { .name = "project quota block", .verify_read = check_proj, .verify_write = check_proj },
};

const struct dx_qkind dx_qkinds[DX_QTYPES] = {
	[DX_QUSER] = { "user", DX_UQUOTA_ACCT, DX_UQUOTA_ENFD, DX_UQUOTA_CHKD, DX_DQ_USER, DX_BLFT_UDQUOT,
		       offsetof(struct dx_sb, uquotino), &block_ops[DX_QUSER] },
	[DX_QGROUP] = { "group", DX_GQUOTA_ACCT, DX_GQUOTA_ENFD, DX_GQUOTA_CHKD, DX_DQ_GROUP, DX_BLFT_GDQUOT,
			offsetof(struct dx_sb, gquotino), &block_ops[DX_QGROUP] },
	[DX_QPROJ] = { "project", DX_PQUOTA_ACCT, DX_PQUOTA_ENFD, DX_PQUOTA_CHKD, DX_DQ_PROJ, DX_BLFT_PDQUOT,
		       offsetof(struct dx_sb, pquotino), &block_ops[DX_QPROJ] },
};

static u32 block_bb(struct dx_mount *mp)
{
	return 1u << mp->blkbb_log;
}

static dx_fileoff_t block_of(struct dx_mount *mp, u32 id)
{
	return id / dx_dq_per_block(mp);
}

/* Where is a block of the file?  ILOCK held, extents in memory.  -ENOENT: nowhere. */
static int find_block(struct dx_inode *qip, dx_fileoff_t off, dx_daddr_t *daddr)
{
	struct dx_irec rec;
	int n = 1, error = dx_bmap_query(qip, off, 1, &rec, &n, 0);

	if (error)
		return error;
	if (!dx_irec_is_real(&rec) || rec.state != DX_EXT_NORM)
		return -ENOENT;
	*daddr = dx_fsb_to_daddr(qip->mp, rec.startblock);
	return 0;
}

/* As dx_ilock_data_map_shared(), and the extents are in memory. */
static int lock_map(struct dx_inode *qip, int *mode)
{
	int error = 0;

	*mode = qip->df.extents_read ? DX_ILOCK_SHARED : DX_ILOCK_EXCL;
	dx_ilock_inner(qip, *mode);
	if (*mode == DX_ILOCK_EXCL)
		error = dx_iread_extents(NULL, qip, DX_DATA_FORK);
	return error;
}

/*
 * A record ahead of the log, as xfs_repair -L leaves them, which does not look at their LSNs: recovery would take it for newer than
 * what is logged of it.  Buffer locked.  A mount that does not write does not mend: it might write later.
 */
static int mend_lsn(struct dx_dquot *dq, struct dx_buf *bp)
{
	struct dx_dqblk *q = dx_buf_off(bp, dq->boffset);
	__be64 was = q->dd_lsn;
	int error;

	if (!dx_log_lsn_ahead(dq->mp, be64_to_cpu(was)))
		return 0;
	if (dx_is_readonly(dq->mp))
		return dx_log_check_lsn(dq->mp, "quota record", dq->id, be64_to_cpu(was));
	q->dd_lsn = 0;
	dx_update_cksum(q, sizeof(*q), DX_DQUOT_CRC_OFF);
	error = dx_buf_bwrite(bp);
	if (error) {
		q->dd_lsn = was;
		dx_update_cksum(q, sizeof(*q), DX_DQUOT_CRC_OFF);
	}
	return error;
}

/**
 * dx_dq_read - fill in a record from its place
 * @dq: new, nobody else knows it
 *
 * Return: 0; -ENOENT (the file has no such block), -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_dq_read(struct dx_dquot *dq)
{
	struct dx_mount *mp = dq->mp;
	struct dx_inode *qip = mp->quotas->file[dq->type];
	const struct dx_dqblk *q;
	struct dx_buf *bp;
	int mode, error;

	error = lock_map(qip, &mode);
	if (!error)
		error = find_block(qip, block_of(mp, dq->id), &dq->daddr);
	dx_iunlock(qip, mode);
	if (error)
		return error;
	dq->boffset = dq->id % dx_dq_per_block(mp) * sizeof(*q);
	error = dx_buf_read(mp, dq->daddr, block_bb(mp), DX_GET_NOFAIL, dx_qkinds[dq->type].ops, &bp);
	if (error)
		return error;
	q = dx_buf_off(bp, dq->boffset);
	/* the block may be another's: both files would have it */
	if (bad_record(mp, q, dq->type, dq->id))
		error = dx_corrupt(mp, "quota file", dq->daddr, "no record of %s 0x%x", dx_qkinds[dq->type].name, dq->id);
	if (!error)
		error = mend_lsn(dq, bp);
	if (!error)
		from_disk(dq, &q->dd_diskdq);
	dx_buf_leave(bp);
	return error;
}

/**
 * dx_dq_make_block - have the block of an id in the quota file
 * @mp: the mount
 * @t: kind
 * @id: one of its ids
 *
 * In a transaction of its own, unless it is there by now.  No locks held.
 *
 * Return: 0, -ENOSPC, -EFBIG, -EROFS, -EIO, -EFSCORRUPTED.
 */
int dx_dq_make_block(struct dx_mount *mp, enum dx_qtype t, u32 id)
{
	struct dx_inode *qip = mp->quotas->file[t];
	dx_fileoff_t off = block_of(mp, id);
	u32 i, per = dx_dq_per_block(mp), first = off * per;
	struct dx_trans *tp;
	struct dx_irec rec;
	struct dx_buf *bp;
	dx_daddr_t daddr;
	int error, n = 1;

	/* who needs a record cannot do without */
	error = dx_trans_alloc(mp, DX_RESV_QUOTA_BLOCK, mp->bm_maxlevels[DX_DATA_FORK] + 1, 0, &tp);
	if (error)
		return error;
	dx_ilock_inner(qip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, qip, 0);
	error = dx_iread_extents(tp, qip, DX_DATA_FORK);
	if (!error)
		error = find_block(qip, off, &daddr);
	if (error != -ENOENT) {		/* somebody was faster */
		dx_trans_cancel(tp);
		dx_iunlock(qip, DX_ILOCK_EXCL);
		return error;
	}
	error = dx_bmap_assign(tp, qip, off, 1, DX_BMAPI_METADATA, 0, &rec, &n);
	if (!error && !n)
		error = dx_trans_commit(tp) ?: -ENOSPC;		/* a free list may have been filled */
	else if (error)
		dx_trans_cancel(tp);
	if (error)
		goto out;
	error = dx_trans_get_buf(mp, tp, dx_fsb_to_daddr(mp, rec.startblock), block_bb(mp), DX_GET_NEW, &bp);
	if (error) {
		dx_trans_cancel(tp);
		goto out;
	}
	memset(bp->b_addr, 0, dx_buf_len(bp));
	for (i = 0; i < per; i++)
		init_record(mp, (struct dx_dqblk *)bp->b_addr + i, t, first + i);
	bp->b_ops = dx_qkinds[t].ops;
	dx_trans_buf_type(tp, bp, dx_qkinds[t].blft);
	dx_trans_log_buf(tp, bp, 0, dx_buf_len(bp) - 1);
	error = dx_trans_commit(tp);
out:
	dx_iunlock(qip, DX_ILOCK_EXCL);
	return error;
}

/**
 * dx_dq_next_block - the next id, from one on, whose block the file has
 * @mp: the mount
 * @t: kind
 * @id: in: where to begin; out: it, or the first one of the next block that there is
 *
 * Return: 0; -ENOENT: there is none; -EIO, -EFSCORRUPTED, -ENOMEM.
 */
int dx_dq_next_block(struct dx_mount *mp, enum dx_qtype t, u32 *id)
{
	struct dx_inode *qip = mp->quotas->file[t];
	dx_fileoff_t off = block_of(mp, *id);
	struct dx_iext_cur icur;
	struct dx_irec rec;
	int mode, error = lock_map(qip, &mode);

	if (!error && !dx_iext_lookup(&qip->df.ext, off, &icur, &rec))
		error = -ENOENT;
	dx_iunlock(qip, mode);
	if (error || rec.startoff <= off)
		return error;
	if (rec.startoff > block_of(mp, U32_MAX))
		return -ENOENT;
	*id = rec.startoff * dx_dq_per_block(mp);
	return 0;
}

static int mend_block(struct dx_mount *mp, enum dx_qtype t, dx_fileoff_t off, u32 *mended)
{
	u32 i, per = dx_dq_per_block(mp), first = off * per, bad = 0;
	struct dx_inode *qip = mp->quotas->file[t];
	struct dx_trans *tp;
	struct dx_buf *bp;
	dx_daddr_t daddr;
	int mode, error;

	error = lock_map(qip, &mode);
	if (!error)
		error = find_block(qip, off, &daddr);
	dx_iunlock(qip, mode);
	if (error)
		return error == -ENOENT ? 0 : error;
	error = dx_trans_alloc(mp, DX_RESV_QUOTA_BLOCK, 0, 0, &tp);
	if (error)
		return error;
	error = dx_trans_read_buf(mp, tp, daddr, block_bb(mp), DX_READ_NOVERIFY, NULL, &bp);
	if (error)
		goto out;
	for (i = 0; i < per; i++) {
		struct dx_dqblk *q = (struct dx_dqblk *)bp->b_addr + i;

		if (!bad_record(mp, q, t, first + i))
			continue;
		init_record(mp, q, t, first + i);
		bad++;
	}
	bp->b_ops = dx_qkinds[t].ops;
	if (bad) {
		dx_trans_buf_type(tp, bp, dx_qkinds[t].blft);
		dx_trans_log_buf(tp, bp, 0, dx_buf_len(bp) - 1);
	}
	*mended += bad;
out:
	return dx_trans_end(tp, error);
}

/**
 * dx_dq_mend - records of a quota file that are none become empty ones
 * @mp: the mount; no record of this kind is in memory
 * @t: kind
 *
 * With a line in the log: their limits are lost.
 *
 * Return: 0, -EIO, -EFSCORRUPTED, -ENOMEM.
 */
int dx_dq_mend(struct dx_mount *mp, enum dx_qtype t)
{
	u32 per = dx_dq_per_block(mp), mended = 0, id = 0;
	int error;

	for (;;) {
		error = dx_dq_next_block(mp, t, &id);
		if (!error)
			error = mend_block(mp, t, block_of(mp, id), &mended);
		if (error || id / per == block_of(mp, U32_MAX))
			break;
		id = (id / per + 1) * per;
	}
	if (mended)
		dx_warn(mp, "%u records of the %s quota file were damaged, and are empty now: limits have to be set again",
			mended, dx_qkinds[t].name);
	return error == -ENOENT ? 0 : error;
}

/* ---- files ---- */

/**
 * dx_dq_open_file - the inode of a quota file
 * @mp: the mount
 * @t: kind
 * @ipp: out, referenced
 *
 * Return: 0; -ENOENT: there is none; -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_dq_open_file(struct dx_mount *mp, enum dx_qtype t, struct dx_inode **ipp)
{
	dx_ino_t ino = *dx_kind_ino(mp, t);
	struct dx_inode *ip;
	enum dx_qtype o;
	int error;

	*ipp = NULL;
	if (!ino || ino == DX_NULLINO)
		return -ENOENT;
	for (o = 0; o < DX_QTYPES; o++)
		if (o != t && *dx_kind_ino(mp, o) == ino)
			return dx_corrupt(mp, "superblock", 0, "%s and %s quota have one file", dx_qkinds[t].name,
					  dx_qkinds[o].name);
	if (ino == mp->sb.rootino || ino == mp->sb.rbmino || ino == mp->sb.rsumino)
		return dx_corrupt(mp, "superblock", 0, "bad inode of %s quota", dx_qkinds[t].name);
	error = dx_iget(mp, NULL, ino, DX_IGET_UNTRUSTED, &ip);
	if (error == -ENOENT || error == -EINVAL)
		return dx_corrupt(mp, "superblock", 0, "there is no inode 0x%llx of %s quota", (unsigned long long)ino,
				  dx_qkinds[t].name);
	if (error)
		return error;
	if (!S_ISREG(ip->d.mode) || !ip->d.nlink || dx_inode_shares(ip) ||
	    (ip->df.format != DX_DINODE_FMT_EXTENTS && ip->df.format != DX_DINODE_FMT_BTREE)) {
		error = dx_corrupt(mp, "inode", ip->imap.daddr, "0x%llx is no file of %s quota", (unsigned long long)ino,
				   dx_qkinds[t].name);
		dx_idrop(ip);
		return error;
	}
	*ipp = ip;
	return 0;
}

/**
 * dx_dq_make_file - make a quota file, and tell the superblock
 * @mp: the mount, before any quota is on
 * @t: kind
 *
 * Return: 0, -ENOSPC, -EIO, -EROFS.
 */
int dx_dq_make_file(struct dx_mount *mp, enum dx_qtype t)
{
	const struct dx_create_args args = { .mode = S_IFREG };
	struct dx_inode *ip = NULL;
	struct dx_trans *tp;
	dx_ino_t ino;
	int error;

	error = dx_trans_alloc(mp, DX_RESV_CREATE, dx_dialloc_space(mp), 0, &tp);
	if (error)
		return error;
	error = dx_new_ino(&tp, mp->sb.rootino, S_IFREG, NULL, &ino);
	if (!error && ino == DX_NULLINO)
		error = -ENOSPC;
	if (!error)
		error = dx_iget(mp, tp, ino, DX_IGET_CREATE, &ip);
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	dx_ilock_child(ip);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	dx_inode_init_new(tp, NULL, ip, &args, 1);
	dx_sb_join(tp);
	mutex_lock(&mp->sb_mutex);
	if (!(mp->sb.versionnum & DX_SB_VERSION_QUOTABIT)) {
		mp->sb.versionnum |= DX_SB_VERSION_QUOTABIT;
		mp->sb.uquotino = mp->sb.gquotino = mp->sb.pquotino = DX_NULLINO;
	}
	*dx_kind_ino(mp, t) = ino;
	mutex_unlock(&mp->sb_mutex);
	error = dx_log_sb(tp);
	error = dx_trans_end(tp, error);
	dx_idrop(ip);
	return error;
}

#define FREE_A_GO	16

/**
 * dx_dq_free_file - a quota file loses its blocks
 * @mp: the mount
 * @t: kind that is off; no record of it is in memory
 *
 * From the end, in bounded transactions; the empty file stays.  Nothing of a block may be replayed when it has another owner: it is
 * cancelled in the log.
 *
 * Return: 0, -EIO, -EFSCORRUPTED, -EROFS.
 */
int dx_dq_free_file(struct dx_mount *mp, enum dx_qtype t)
{
	struct dx_inode *ip;
	int error = dx_dq_open_file(mp, t, &ip);
	bool more = true;

	if (error)
		return error == -ENOENT ? 0 : error;
	while (!error && more) {
		struct dx_iext_cur cur;
		struct dx_trans *tp;
		struct dx_irec rec;
		dx_filblks_t n, i;

		error = dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, DX_TRANS_RESERVE, &tp);
		if (error)
			break;
		dx_ilock_inner(ip, DX_ILOCK_EXCL);
		dx_trans_ijoin(tp, ip, 0);
		error = dx_iread_extents(tp, ip, DX_DATA_FORK);
		more = !error && dx_iext_last(&ip->df.ext, &cur, &rec);
		if (more && !dx_irec_is_real(&rec))
			error = -EFSCORRUPTED;
		if (more && !error) {
			n = min_t(u64, rec.blockcount, FREE_A_GO);
			for (i = 0; i < n && !error; i++) {
				struct dx_buf *bp;

				error = dx_trans_get_buf(mp, tp, dx_fsb_to_daddr(mp, rec.startblock + rec.blockcount - n + i),
							 block_bb(mp), 0, &bp);
				if (!error)
					dx_trans_kill_buf(tp, bp);
			}
			if (!error)
				error = dx_bmap_unmap(tp, ip, dx_irec_end(&rec) - n, &n, 0, 1);
		}
		error = dx_trans_end(tp, error);
		dx_iunlock(ip, DX_ILOCK_EXCL);
	}
	dx_idrop(ip);
	return error;
}
