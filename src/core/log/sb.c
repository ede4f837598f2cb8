// SPDX-License-Identifier: GPL-2.0-only
/*
 * The superblock: reading, checking, gating features, logging.
 *
 * Only the primary one (AG 0) is used (its copies: sb_copies.c).  mp->sb is its host-order copy, immutable after the mount
 * but for what dx_log_sb() writes: the summary counters and the quota
 * flags; and for what grow.c changes: size, imax_pct, label.  On disk the counters are lazy: right after a quiesce, stale
 * in between (the AG headers tell the truth after a crash).  mp->sb_bp is the cached buffer, referenced for
 * the life of the mount; its lock protects its contents.
 *
 * Source: "Superblocks"; what a volume must have to be taken, design section 3.
 */
#include "dx_mount.h"
#include "dx_log.h"

/* ---- conversion ---- */

/* width, name: on both sides the same name */
#define SB_FIELDS(F) \
	F(32, blocksize) F(64, dblocks) F(64, rblocks) F(64, rextents) F(64, logstart) \
	F(64, rootino) F(64, rbmino) F(64, rsumino) F(32, rextsize) F(32, agblocks) F(32, agcount) \
	F(32, rbmblocks) F(32, logblocks) F(16, versionnum) F(16, sectsize) F(16, inodesize) \
	F(16, inopblock) F(64, icount) F(64, ifree) F(64, fdblocks) F(64, frextents) \
	F(64, uquotino) F(64, gquotino) F(16, qflags) F(32, inoalignmt) F(32, unit) F(32, width) \
	F(16, logsectsize) F(32, logsunit) F(32, features2) F(32, bad_features2) \
	F(32, features_compat) F(32, features_ro_compat) F(32, features_incompat) \
	F(32, features_log_incompat) F(32, spino_align) F(64, pquotino) F(64, lsn)
#define SB_BYTES(B) \
	B(blocklog) B(sectlog) B(inodelog) B(inopblog) B(agblklog) B(rextslog) B(inprogress) \
	B(imax_pct) B(flags) B(shared_vn) B(dirblklog) B(logsectlog)

/**
 * dx_sb_from_disk - convert a superblock to host order
 * @to: result; meta_uuid is filled on every volume
 * @from: contents of the sector
 *
 * Checks nothing.
 */
void dx_sb_from_disk(struct dx_sb *to, const struct dx_dsb *from)
{
	memset(to, 0, sizeof(*to));
#define F(bits, name) to->name = be##bits##_to_cpu(from->sb_##name);
#define B(name) to->name = from->sb_##name;
	SB_FIELDS(F)
	SB_BYTES(B)
#undef F
#undef B
	to->uuid = from->sb_uuid;
	to->meta_uuid = (to->features_incompat & DX_SB_FEAT_INCOMPAT_META_UUID) ?
		from->sb_meta_uuid : from->sb_uuid;
	memcpy(to->fname, from->sb_fname, sizeof(to->fname));
}

/**
 * dx_sb_to_disk - put a superblock into disk order
 * @to: contents of a valid sector; magic, CRC and what we do not know stay as they are
 * @from: host-order superblock
 */
void dx_sb_to_disk(struct dx_dsb *to, const struct dx_sb *from)
{
#define F(bits, name) to->sb_##name = cpu_to_be##bits(from->name);
#define B(name) to->sb_##name = from->name;
	SB_FIELDS(F)
	SB_BYTES(B)
#undef F
#undef B
	to->sb_uuid = from->uuid;
	if (from->features_incompat & DX_SB_FEAT_INCOMPAT_META_UUID)
		to->sb_meta_uuid = from->meta_uuid;
	memcpy(to->sb_fname, from->fname, sizeof(from->fname));
}

/* ---- checks ---- */

#define MIN_BLOCKLOG	9
#define MAX_BLOCKLOG	16
#define MIN_SECTLOG	9
#define MAX_SECTLOG	15
#define MIN_INODELOG	9	/* v5 */
#define MAX_INODELOG	11
#define MAX_AG_BYTES	(1ULL << 40)
#define MIN_LOG_BLOCKS	512
#define MAX_LOG_BLOCKS	(1024 * 1024)
#define MAX_LOG_SUNIT	(256 * 1024)
#define MAX_DIRBLKLOG	16	/* of the bytes */

static bool log_matches(u8 log, u64 value)
{
	return log < 64 && value == 1ULL << log;
}

static bool log_in_range(u8 log, u8 min, u8 max)
{
	return log >= min && log <= max;
}

/*
 * Does this superblock agree with itself?  Everything that a shift, a division or an array size
 * later rests on is pinned down here.
 */
static int check_sb(struct dx_mount *mp, const struct dx_dsb *d)
{
	struct dx_sb s;
	bool stripe, geom_ok;
	unsigned int i;

	dx_sb_from_disk(&s, d);
	stripe = s.versionnum & DX_SB_VERSION_DALIGNBIT;
	/* those that the later lines shift by */
	geom_ok = log_in_range(s.blocklog, MIN_BLOCKLOG, MAX_BLOCKLOG) &&
		  log_in_range(s.inodelog, MIN_INODELOG, MAX_INODELOG) && s.inodelog <= s.blocklog &&
		  s.agblocks && s.agcount && s.agblklog < 32;
	if (geom_ok) {
		u64 before_last = (u64)(s.agcount - 1) * s.agblocks;
		u64 logag = s.logstart >> s.agblklog, logagb = s.logstart & ((1ULL << s.agblklog) - 1);
		const struct dx_check checks[] = {
			{ "blocksize", !log_matches(s.blocklog, s.blocksize) },
			{ "sectsize", !log_matches(s.sectlog, s.sectsize) ||
				      !log_in_range(s.sectlog, MIN_SECTLOG, MAX_SECTLOG) || s.sectsize > s.blocksize },
			{ "inodesize", !log_matches(s.inodelog, s.inodesize) },
			{ "inopblock", !log_matches(s.inopblog, s.inopblock) ||
				       s.inopblog != s.blocklog - s.inodelog },
			{ "agblocks", s.agblocks < DX_MIN_AG_BLOCKS || s.agblocks > MAX_AG_BYTES >> s.blocklog },
			{ "agblklog", order_base_2((u64)s.agblocks) != s.agblklog },
			{ "agcount", (u64)s.agcount << s.agblklog >= DX_NULLFSBNO >> s.inopblog >> 8 },
			{ "dblocks", s.dblocks > before_last + s.agblocks ||
				     s.dblocks < before_last + DX_MIN_AG_BLOCKS ||
				     s.dblocks > U64_MAX >> s.blocklog },
			{ "logblocks", s.logblocks > MAX_LOG_BLOCKS || s.logblocks < MIN_LOG_BLOCKS ||
				       (u64)s.logblocks << s.blocklog > S32_MAX },
			{ "logstart", s.logstart &&
				      (logag >= s.agcount || !logagb || logagb + s.logblocks > s.agblocks ||
				       logag * s.agblocks + logagb + s.logblocks > s.dblocks) },
			{ "logsunit", s.logsunit > MAX_LOG_SUNIT || (s.logsunit > 1 && s.logsunit % DX_BBSIZE) },
			{ "logsectsize", s.logsectlog &&
					 (!log_matches(s.logsectlog, s.logsectsize) ||
					  !log_in_range(s.logsectlog, MIN_SECTLOG, MAX_SECTLOG)) },
			{ "dirblklog", s.dirblklog + s.blocklog > MAX_DIRBLKLOG },
			{ "imax_pct", s.imax_pct > 100 },
			{ "rextsize", !s.rextsize || (u64)s.rextsize << s.blocklog > 1U << 30 },
			{ "shared_vn", s.shared_vn },
			{ "unit", !stripe && (s.unit || s.width) },
			{ "width", stripe && (!s.unit || s.width < s.unit || s.width % s.unit) },
			{ "inoalignmt", s.inoalignmt > s.agblocks || (s.inoalignmt & (s.inoalignmt - 1)) },
			{ "spino_align", (s.features_incompat & DX_SB_FEAT_INCOMPAT_SPINODES) &&
					 (!s.spino_align || s.spino_align > s.inoalignmt ||
					  s.inoalignmt % s.spino_align) },
			{ "rootino", !s.rootino || s.rootino == DX_NULLINO ||
				     s.rootino >> (s.agblklog + s.inopblog) >= s.agcount },
			{ "versionnum", !(s.versionnum & DX_SB_VERSION_DIRV2BIT) ||
					!(s.versionnum & DX_SB_VERSION_EXTFLGBIT) ||
					!(s.versionnum & DX_SB_VERSION_LOGV2BIT) ||
					!(s.versionnum & DX_SB_VERSION_MOREBITSBIT) },
			{ "features2", !(s.features2 & DX_SB_VERSION2_CRCBIT) ||
				       !(s.features2 & DX_SB_VERSION2_LAZYSBCOUNTBIT) },
		};

		for (i = 0; i < ARRAY_SIZE(checks); i++) {
			if (!checks[i].bad)
				continue;
			dx_err(mp, "corrupt superblock: bad %s", checks[i].field);
			return -EFSCORRUPTED;
		}
		return 0;
	}
	dx_err(mp, "corrupt superblock: bad %s", log_in_range(s.blocklog, MIN_BLOCKLOG, MAX_BLOCKLOG) ?
	       "inodelog, agblocks or agcount" : "blocklog");
	return -EFSCORRUPTED;
}

/* Counters may be wrong in a dirty volume, but nothing that we write may be nonsense. */
static int check_counters(struct dx_buf *bp)
{
	const struct dx_dsb *d = bp->b_addr;
	u64 icount = be64_to_cpu(d->sb_icount), ifree = be64_to_cpu(d->sb_ifree);
	const struct dx_check checks[] = {
		{ "ifree", ifree > icount },
		{ "icount", icount >> d->sb_inopblog > be64_to_cpu(d->sb_dblocks) },
		{ "fdblocks", be64_to_cpu(d->sb_fdblocks) > be64_to_cpu(d->sb_dblocks) },
	};

	return dx_buf_checks(bp, checks, ARRAY_SIZE(checks));
}

static int sb_verify_read(struct dx_buf *bp)
{
	const struct dx_dsb *d = bp->b_addr;

	if (d->sb_magicnum != cpu_to_be32(DX_SB_MAGIC))
		return dx_buf_bad(bp, "magicnum");
	if (!dx_buf_verify_cksum(bp, DX_SB_CRC_OFF))
		return dx_buf_badcrc(bp);
	return check_sb(bp->b_mp, d);
}

static int sb_verify_write(struct dx_buf *bp)
{
	struct dx_dsb *d = bp->b_addr;
	int error;

	if (d->sb_magicnum != cpu_to_be32(DX_SB_MAGIC))
		return dx_buf_bad(bp, "magicnum");
	error = check_sb(bp->b_mp, d);
	if (!error)
		error = check_counters(bp);
	if (!error)
		dx_buf_stamp(bp, offsetof(struct dx_dsb, sb_lsn), DX_SB_CRC_OFF);
	return error;
}

const struct dx_buf_ops dx_sb_buf_ops = {
	.name		= "superblock",
	.magic32	= DX_SB_MAGIC,
	.verify_read	= sb_verify_read,
	.verify_write	= sb_verify_write,
};

/* ---- first contact ---- */

/*
 * Is it XFS, which version, how large is a sector?  Says what is wrong in words for
 * somebody who has just given the wrong device.
 */
static int identify(struct dx_mount *mp, const struct dx_dsb *d, u32 *sect)
{
	u16 version = be16_to_cpu(d->sb_versionnum);
	u32 lbs = dx_plat_lbs_bytes(mp->bdev);

	if (d->sb_magicnum != cpu_to_be32(DX_SB_MAGIC)) {
		dx_err(mp, "not an XFS volume (superblock magic 0x%08x)", be32_to_cpu(d->sb_magicnum));
		return -EINVAL;
	}
	if ((version & DX_SB_VERSION_NUMBITS) != DX_SB_VERSION_5) {
		dx_err(mp, "XFS version %u is not supported, only version 5: make the volume with mkfs.xfs -m crc=1",
		       version & DX_SB_VERSION_NUMBITS);
		return -EINVAL;
	}
	*sect = be16_to_cpu(d->sb_sectsize);
	if (!is_power_of_2(*sect) || *sect < DX_BBSIZE || *sect > (1u << MAX_SECTLOG)) {
		dx_err(mp, "corrupt superblock: bad sectsize %u", *sect);
		return -EFSCORRUPTED;
	}
	if (*sect < lbs) {
		dx_err(mp, "the device has sectors of %u bytes, the volume of %u: make it with mkfs.xfs -s size=%u",
		       lbs, *sect, lbs);
		return -EINVAL;
	}
	return 0;
}

/**
 * dx_sb_read_first - read the primary superblock before anything is known
 * @mp: the mount: bdev and name are set; mp->sb is filled
 *
 * Reads past the cache.  Verified: magic, version, CRC, consistency.  Not checked yet: features (dx_sb_gate()).
 *
 * Return: 0, -EINVAL (not ours), -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_sb_read_first(struct dx_mount *mp)
{
	u32 len = max_t(u32, dx_plat_lbs_bytes(mp->bdev), DX_BBSIZE), sect;
	struct dx_buf *bp;
	int error;

	error = dx_buf_read_uncached(mp, 0, len >> DX_BBSHIFT, NULL, &bp);
	if (error)
		goto unreadable;
	error = identify(mp, bp->b_addr, &sect);
	dx_buf_leave(bp);
	if (error)
		return error;

	error = dx_buf_read_uncached(mp, 0, sect >> DX_BBSHIFT, NULL, &bp);
	if (error)
		goto unreadable;
	bp->b_ops = &dx_sb_buf_ops;
	error = sb_verify_read(bp);
	if (!error)
		dx_sb_from_disk(&mp->sb, bp->b_addr);
	dx_buf_leave(bp);
	return error;

unreadable:
	dx_err(mp, "cannot read the superblock: error %d", error);
	return error;
}

/**
 * dx_sb_attach - get the cached superblock buffer for the life of the mount
 * @mp: the mount, with its buffer cache; mp->sb_bp is set, unlocked
 *
 * Return: 0 or -errno.
 */
int dx_sb_attach(struct dx_mount *mp)
{
	struct dx_buf *bp;
	int error;

	error = dx_buf_read(mp, 0, 1u << mp->sectbb_log, 0, &dx_sb_buf_ops, &bp);
	if (error)
		return error;
	bp->b_type = DX_BLFT_SB;
	mp->sb_bp = bp;
	dx_buf_unlock(bp);
	return 0;
}

/**
 * dx_sb_reread - take the superblock over again after recovery
 * @mp: the mount
 *
 * Replay went into the same cached buffer.  Size and features are those that dx_gate_superblock() has seen
 * coming, and the geometry is right for them.
 *
 * Return: 0 or -EFSCORRUPTED.
 */
int dx_sb_reread(struct dx_mount *mp)
{
	struct dx_sb new;

	dx_buf_lock(mp->sb_bp);
	dx_sb_from_disk(&new, mp->sb_bp->b_addr);
	dx_buf_unlock(mp->sb_bp);
	if (new.dblocks != mp->sb.dblocks || new.agcount != mp->sb.agcount ||
	    new.features_incompat != mp->sb.features_incompat ||
	    new.features_ro_compat != mp->sb.features_ro_compat) {
		dx_err(mp, "the log has made another superblock than it was going to: run xfs_repair");
		return -EFSCORRUPTED;
	}
	mp->sb = new;
	return 0;
}

/* ---- features ---- */

struct feature {
	u32		bit;
	const char	*name;
	const char	*advice;
};

static const struct feature incompat_refused[] = {
	{ DX_SB_FEAT_INCOMPAT_METADIR, "metadata directories (metadir)", "make the volume with mkfs.xfs -m metadir=0" },
	{ DX_SB_FEAT_INCOMPAT_ZONED, "zoned realtime devices", "make the volume without a realtime device" },
	{ DX_SB_FEAT_INCOMPAT_ZONE_GAPS, "zoned realtime devices with gaps", "make the volume without a realtime device" },
};
#define INCOMPAT_SUPPORTED (DX_SB_FEAT_INCOMPAT_FTYPE | DX_SB_FEAT_INCOMPAT_SPINODES | \
			    DX_SB_FEAT_INCOMPAT_META_UUID | DX_SB_FEAT_INCOMPAT_BIGTIME | \
			    DX_SB_FEAT_INCOMPAT_NREXT64 | DX_SB_FEAT_INCOMPAT_PARENT | DX_SB_FEAT_INCOMPAT_EXCHRANGE)

#define RO_COMPAT_SUPPORTED (DX_SB_FEAT_RO_COMPAT_FINOBT | DX_SB_FEAT_RO_COMPAT_RMAPBT | \
			     DX_SB_FEAT_RO_COMPAT_REFLINK | DX_SB_FEAT_RO_COMPAT_INOBTCNT)

static void name_features(struct dx_mount *mp, const struct feature *f, unsigned int n, u32 bits, const char *kind,
			  const char *advice)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!(bits & f[i].bit))
			continue;
		bits &= ~f[i].bit;
		dx_err(mp, "%s not supported: %s", f[i].name, f[i].advice);
	}
	if (bits)
		dx_err(mp, "unknown %s features 0x%x: %s", kind, bits, advice);
}

/**
 * dx_sb_ro_unsupported - ro_compat bits that forbid us to write
 * @mp: the mount
 */
u32 dx_sb_ro_unsupported(struct dx_mount *mp)
{
	return mp->sb.features_ro_compat & ~RO_COMPAT_SUPPORTED;
}

/* Limits that are ours, not the format's: first true line refuses. */
static int check_limits(struct dx_mount *mp)
{
	const struct dx_sb *s = &mp->sb;
	const struct { bool bad; int error; const char *msg; } limits[] = {
		{ s->inprogress, -EFSCORRUPTED, "mkfs.xfs has not finished on this volume: make it again" },
		{ s->features_incompat & DX_SB_FEAT_INCOMPAT_NEEDSREPAIR, -EFSCORRUPTED,
		  "the volume needs repair: run xfs_repair" },
		{ !s->logstart, -EINVAL, "an external log is not supported: make the volume with mkfs.xfs -l internal" },
		{ s->rblocks || s->rextents, -EINVAL,
		  "a realtime device is not supported: make the volume without mkfs.xfs -r" },
		{ !(s->features_incompat & DX_SB_FEAT_INCOMPAT_FTYPE), -EINVAL,
		  "directories without file types are not supported: make the volume with mkfs.xfs -n ftype=1" },
		{ s->versionnum & DX_SB_VERSION_BORGBIT, -EINVAL,
		  "case-insensitive names are not supported: make the volume with mkfs.xfs -n version=2" },
		{ s->blocksize < 1024 || s->blocksize > 4096 || s->blocksize > PAGE_SIZE, -EINVAL,
		  "block size not supported: make the volume with mkfs.xfs -b size=4096 (or 1024, 2048)" },
		{ s->sectsize > 4096, -EINVAL, "sector size not supported: make the volume with mkfs.xfs -s size=4096 (or 512)" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		if (limits[i].bad) {
			dx_err(mp, "%s", limits[i].msg);
			return limits[i].error;
		}
	}
	return 0;
}

/**
 * dx_sb_gate - may this volume be mounted, and how?
 * @mp: the mount; mp->sb verified, opts and the read-only bits of opstate set
 *
 * Each refusal is one line that names the feature and what to do.  Writes nothing.
 *
 * Return: 0, -EINVAL (feature or limit), -EFSCORRUPTED (unfinished, needs
 * repair), -EIO (the device is shorter than the volume).
 */
int dx_sb_gate(struct dx_mount *mp)
{
	u32 incompat = mp->sb.features_incompat & ~(INCOMPAT_SUPPORTED | DX_SB_FEAT_INCOMPAT_NEEDSREPAIR);
	u32 ro_compat = dx_sb_ro_unsupported(mp);
	u64 dev_bb = dx_plat_size_bb(mp->bdev);
	u64 fs_bb = mp->sb.dblocks << (mp->sb.blocklog - DX_BBSHIFT);
	int error;

	error = check_limits(mp);
	if (error)
		return error;
	if (incompat) {
		name_features(mp, incompat_refused, ARRAY_SIZE(incompat_refused), incompat, "incompatible",
			      "use a newer driver");
		return -EINVAL;
	}
	if (ro_compat && !dx_is_readonly(mp)) {
		name_features(mp, NULL, 0, ro_compat, "read-only compatible", "mount with -o ro");
		return -EINVAL;
	}
	if (ro_compat)
		set_bit(DX_OP_RO_FEATURE, &mp->opstate);
	if (fs_bb > dev_bb) {
		dx_err(mp, "the device is truncated: the volume has %llu sectors, the device %llu",
		       (unsigned long long)fs_bb, (unsigned long long)dev_bb);
		return -EIO;
	}
	return 0;
}

/* ---- logging ---- */

/**
 * dx_sb_join - have the superblock in a transaction
 * @tp: transaction
 *
 * Locks mp->sb_bp until the commit.  From here on nobody else logs it: a field of mp->sb that is changed before dx_log_sb()
 * goes into the log with this transaction.
 */
void dx_sb_join(struct dx_trans *tp)
{
	struct dx_buf *bp = tp->t_mp->sb_bp;

	if (bp->b_tp == tp)
		return;
	dx_buf_lock(bp);
	dx_buf_hold(bp);
	dx_trans_adopt(tp, bp);
}

/**
 * dx_log_sb - log the superblock with the summary counters as they are now
 * @tp: transaction with a reservation of DX_RESV_SB
 *
 * Locks mp->sb_bp until the commit.  What delayed extents hold is free on disk: it may outlive a remount
 * (beyond EOF, where nothing is written back).  Blocks that running transactions have reserved are not
 * counted as free: exact only when nothing else runs.  Usage of quota that was checked is not any more, but of
 * those kinds that this mount accounts.
 *
 * Return: 0.
 */
int dx_log_sb(struct dx_trans *tp)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_buf *bp = mp->sb_bp;

	dx_sb_join(tp);
	mutex_lock(&mp->sb_mutex);
	mp->sb.icount = percpu_counter_sum_positive(&mp->icount);
	mp->sb.ifree = min_t(u64, percpu_counter_sum_positive(&mp->ifree), mp->sb.icount);
	spin_lock(&mp->resv_lock);
	/* the counter alone can be below 0: another part of the sum then has more */
	mp->sb.fdblocks = max_t(s64, 0, percpu_counter_sum(&mp->fdblocks) + (s64)mp->resblks_avail +
				atomic64_read(&mp->delalloc_resv) + atomic64_read(&mp->agresv_blks));
	spin_unlock(&mp->resv_lock);
	mp->sb.qflags &= ~DX_SB_QFLAG_CHKD | mp->qflags;
	clear_bit(DX_OP_SB_DIRTY, &mp->opstate);
	dx_sb_to_disk(bp->b_addr, &mp->sb);
	mutex_unlock(&mp->sb_mutex);
	dx_trans_buf_type(tp, bp, DX_BLFT_SB);
	dx_trans_log_buf(tp, bp, 0, sizeof(struct dx_dsb) - 1);
	return 0;
}

/**
 * dx_sync_sb - write the summary counters in a transaction of their own
 * @mp: the mount
 * @wait: return when it is in the log on disk
 *
 * Return: 0, -EIO, -EROFS.
 */
int dx_sync_sb(struct dx_mount *mp, bool wait)
{
	struct dx_trans *tp;
	int error;

	error = dx_trans_alloc(mp, DX_RESV_SB, 0, DX_TRANS_NO_WRITECOUNT | (wait ? DX_TRANS_SYNC : 0), &tp);
	if (error)
		return error;
	error = dx_log_sb(tp);
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	return dx_trans_commit(tp);
}
