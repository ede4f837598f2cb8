// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode core in its three forms: on disk (big-endian), in the log
 * (machine order) and in memory; and the checks that stand between the first
 * and the last.
 *
 * Nothing of a disk inode is believed before dx_dinode_verify() has passed.
 * di_next_unlinked is different from all other fields: the cluster buffer
 * is its only authority (iunlink.c changes it there), so the conversions to
 * disk never store it.  Source: "On-disk Inode", "Inode Data Log Item",
 * "Timestamps".
 */
#include "dx_inode_item.h"
#include "dx_fork.h"
#include "dx_alloc.h"

/*
 * ---- timestamps ----
 *
 * Legacy: signed 32-bit seconds, then 32-bit nanoseconds.  Bigtime: one
 * unsigned 64-bit count of nanoseconds since the smallest legacy time.
 */
static bool ts_is_big(struct dx_mount *mp, u64 flags2)
{
	return dx_has_bigtime(mp) && (flags2 & DX_DIFLAG2_BIGTIME);
}

static u64 ts_to_big(const struct timespec64 *ts)
{
	s64 sec = clamp_t(s64, ts->tv_sec, S32_MIN, (s64)(U64_MAX / NSEC_PER_SEC) - DX_BIGTIME_EPOCH_OFFSET - 1);

	return (u64)(sec + DX_BIGTIME_EPOCH_OFFSET) * NSEC_PER_SEC + ts->tv_nsec;
}

static void ts_from_big(u64 v, struct timespec64 *ts)
{
	u32 nsec;
	u64 sec = div_u64_rem(v, NSEC_PER_SEC, &nsec);

	ts->tv_sec = (s64)sec - DX_BIGTIME_EPOCH_OFFSET;
	ts->tv_nsec = nsec;
}

/**
 * dx_time_to_disk - timestamp in the form that the inode uses on disk
 * @mp: mount
 * @flags2: di_flags2 of the inode, which chooses the form
 * @ts: time; clamped to what the form can hold
 * @out: di_atime and its like
 */
void dx_time_to_disk(struct dx_mount *mp, u64 flags2, const struct timespec64 *ts, __be64 *out)
{
	s64 sec;

	if (ts_is_big(mp, flags2)) {
		*out = cpu_to_be64(ts_to_big(ts));
		return;
	}
	sec = clamp_t(s64, ts->tv_sec, S32_MIN, S32_MAX);
	*out = cpu_to_be64(((u64)(u32)sec << 32) | (u32)ts->tv_nsec);
}

/**
 * dx_time_from_disk - timestamp out of the form that the inode uses on disk
 * @mp: mount
 * @flags2: di_flags2 of the inode
 * @in: di_atime and its like
 * @ts: result; nanoseconds always below a second, whatever the disk says
 */
void dx_time_from_disk(struct dx_mount *mp, u64 flags2, __be64 in, struct timespec64 *ts)
{
	u64 v = be64_to_cpu(in);

	if (ts_is_big(mp, flags2)) {
		ts_from_big(v, ts);
		return;
	}
	ts->tv_sec = (s32)(v >> 32);
	ts->tv_nsec = (u32)v % NSEC_PER_SEC;
}

/* The log keeps a legacy time as two machine-order halves, seconds first. */
static u64 ts_to_log(struct dx_mount *mp, u64 flags2, const struct timespec64 *ts)
{
	s32 half[2];
	u64 v;

	if (ts_is_big(mp, flags2))
		return ts_to_big(ts);
	half[0] = clamp_t(s64, ts->tv_sec, S32_MIN, S32_MAX);
	half[1] = ts->tv_nsec;
	memcpy(&v, half, sizeof(v));
	return v;
}

static __be64 ts_log_to_disk(u64 flags2, u64 v)
{
	u32 half[2];

	if (flags2 & DX_DIFLAG2_BIGTIME)
		return cpu_to_be64(v);
	memcpy(half, &v, sizeof(half));
	return cpu_to_be64(((u64)half[0] << 32) | half[1]);
}

/*
 * ---- extent counters ----
 *
 * Large counters keep the data fork's count in 64 bits and move the
 * attribute fork's into the 32-bit field.  Each inode says for itself which
 * form it has: a volume that was given the feature has both.
 */

/**
 * dx_dinode_nextents - extents of a fork, in whatever form the inode counts them
 * @dip: disk inode
 * @whichfork: fork
 */
u64 dx_dinode_nextents(const struct dx_dinode *dip, int whichfork)
{
	bool large = dip->di_flags2 & cpu_to_be64(DX_DIFLAG2_NREXT64);

	if (whichfork == DX_ATTR_FORK)
		return large ? be32_to_cpu(dip->di_nextents) : be16_to_cpu(dip->di_anextents);
	return large ? be64_to_cpu(dip->di_big_nextents) : be32_to_cpu(dip->di_nextents);
}

/* The form against the volume, what a form does not use, and its limits. */
static const char *verify_counters(struct dx_mount *mp, const struct dx_dinode *dip)
{
	bool large = dip->di_flags2 & cpu_to_be64(DX_DIFLAG2_NREXT64);

	if (large && !dx_has_nrext64(mp))
		return "flags2.nrext64";
	if (large && dip->di_anextents)
		return "nrext64_pad";
	if (!large && dip->di_big_nextents)
		return "v3_pad";
	if (dx_dinode_nextents(dip, DX_DATA_FORK) > dx_most_extents(large, DX_DATA_FORK))
		return "nextents";
	if (dx_dinode_nextents(dip, DX_ATTR_FORK) > dx_most_extents(large, DX_ATTR_FORK))
		return "naextents";
	return NULL;
}

/* Size of a btree root's records must fit, and it is never empty. */
static bool broot_ok(const struct dx_bmdr_block *r, u32 room)
{
	u32 level = be16_to_cpu(r->bb_level), n = be16_to_cpu(r->bb_numrecs);

	return level > 0 && level < DX_BTREE_MAXLEVELS && n > 0 && sizeof(*r) + n * 16 <= room;
}

static const char *verify_dfork(struct dx_mount *mp, const struct dx_dinode *dip, umode_t mode)
{
	u32 litino = dx_inode_litino(mp);
	u32 room = dip->di_forkoff ? (u32)dip->di_forkoff << 3 : litino;
	u64 size = be64_to_cpu(dip->di_size), n = dx_dinode_nextents(dip, DX_DATA_FORK);
	const void *fork = (const char *)dip + DX_DINODE_SIZE;

	switch (mode & S_IFMT) {
	case S_IFIFO:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFSOCK:
		if (dip->di_format != DX_DINODE_FMT_DEV)
			return "format";
		if (size)
			return "size";
		return n ? "nextents" : NULL;
	case S_IFREG:
		if (dip->di_format == DX_DINODE_FMT_LOCAL)
			return "format";
		break;
	case S_IFDIR:
	case S_IFLNK:
		break;
	case 0:		/* a free inode: nobody looks at its forks */
		return NULL;
	default:
		return "mode";
	}

	switch (dip->di_format) {
	case DX_DINODE_FMT_LOCAL:
		if (size > room)
			return "size";
		return n ? "nextents" : NULL;
	case DX_DINODE_FMT_EXTENTS:
		return n > room / sizeof(struct dx_bmbt_rec) ? "nextents" : NULL;
	case DX_DINODE_FMT_BTREE:
		if (n <= room / sizeof(struct dx_bmbt_rec))
			return "nextents";
		return broot_ok(fork, room) ? NULL : "bmbt root";
	default:
		return "format";
	}
}

static const char *verify_afork(struct dx_mount *mp, const struct dx_dinode *dip)
{
	u32 litino = dx_inode_litino(mp);
	u32 off = (u32)dip->di_forkoff << 3, room;
	u64 n = dx_dinode_nextents(dip, DX_ATTR_FORK);
	const void *fork = (const char *)dip + DX_DINODE_SIZE + off;

	if (!off) {
		/* 0 is what very old tools left behind */
		if (dip->di_aformat != DX_DINODE_FMT_EXTENTS && dip->di_aformat != DX_DINODE_FMT_DEV)
			return "aformat";
		return n ? "naextents" : NULL;
	}
	if (off >= litino)
		return "forkoff";
	room = litino - off;
	switch (dip->di_aformat) {
	case DX_DINODE_FMT_LOCAL: {
		const struct dx_attr_sf_hdr *sf = fork;

		if (n)
			return "naextents";
		if (room < sizeof(*sf) || be16_to_cpu(sf->totsize) > room || be16_to_cpu(sf->totsize) < sizeof(*sf))
			return "attr totsize";
		return NULL;
	}
	case DX_DINODE_FMT_EXTENTS:
		return n > room / sizeof(struct dx_bmbt_rec) ? "naextents" : NULL;
	case DX_DINODE_FMT_BTREE:
		if (n <= room / sizeof(struct dx_bmbt_rec))
			return "naextents";
		return broot_ok(fork, room) ? NULL : "attr bmbt root";
	default:
		return "aformat";
	}
}

static const char *verify_flags(struct dx_mount *mp, const struct dx_dinode *dip, umode_t mode)
{
	u16 flags = be16_to_cpu(dip->di_flags);
	u64 flags2 = be64_to_cpu(dip->di_flags2);

	if ((flags2 & DX_DIFLAG2_BIGTIME) && !dx_has_bigtime(mp))
		return "flags2.bigtime";
	if (!mode)
		return NULL;
	if ((flags & DX_DIFLAG_EXTSIZE) && !S_ISREG(mode))
		return "flags.extsize";
	if ((flags & DX_DIFLAG_EXTSZINHERIT) && !S_ISDIR(mode))
		return "flags.extszinherit";
	if (be32_to_cpu(dip->di_extsize) > DX_BMBT_MAX_BLOCKCOUNT)
		return "extsize";
	if (flags2 & DX_DIFLAG2_REFLINK) {
		if (!dx_has_reflink(mp))
			return "flags2.reflink";
		if (!S_ISREG(mode) || (flags & DX_DIFLAG_REALTIME))
			return "flags2.reflink";
	}
	if ((flags2 & DX_DIFLAG2_COWEXTSIZE) && !dx_has_reflink(mp))
		return "flags2.cowextsize";
	return NULL;
}

static const char *verify_core(struct dx_mount *mp, dx_ino_t ino, const struct dx_dinode *dip)
{
	umode_t mode = be16_to_cpu(dip->di_mode);
	u64 size = be64_to_cpu(dip->di_size);
	const char *bad;

	if (dip->di_version != 3)
		return "version";
	if (be64_to_cpu(dip->di_ino) != ino)
		return "ino";
	if (!dx_meta_uuid_ok(mp, &dip->di_uuid))
		return "uuid";
	if (size & (1ULL << 63))
		return "size";
	/* other writers may leave an unlinked link or directory empty when they take its blocks away; a local directory has none */
	if (!size && (S_ISDIR(mode) || S_ISLNK(mode)) &&
	    (dip->di_nlink || (S_ISDIR(mode) && dip->di_format == DX_DINODE_FMT_LOCAL)))
		return "size";
	if (S_ISLNK(mode) && size > DX_SYMLINK_MAXLEN)
		return "size";
	if (be32_to_cpu(dip->di_nlink) > DX_MAXLINK)
		return "nlink";
	bad = verify_flags(mp, dip, mode);
	if (!bad)
		bad = verify_counters(mp, dip);
	if (bad)
		return bad;
	bad = verify_dfork(mp, dip, mode);
	if (bad || !mode)
		return bad;
	bad = verify_afork(mp, dip);
	if (bad)
		return bad;
	/* one that shares maps a block as often as it likes: it may have more blocks than there are */
	if (!(dip->di_flags2 & cpu_to_be64(DX_DIFLAG2_REFLINK)) && be64_to_cpu(dip->di_nblocks) > dx_dblocks(mp))
		return "nblocks";
	if (dx_dinode_nextents(dip, DX_DATA_FORK) + dx_dinode_nextents(dip, DX_ATTR_FORK) > be64_to_cpu(dip->di_nblocks))
		return "nblocks";
	return NULL;
}

/**
 * dx_dinode_verify - is this disk inode sane?
 * @mp: mount
 * @ino: the number it was looked up by
 * @dip: sb_inodesize bytes
 * @field: set to the name of the first bad field
 *
 * Return: 0 or -EFSCORRUPTED.  A free inode (mode 0) passes when
 * its header does.  Source: "On-disk Inode".
 */
int dx_dinode_verify(struct dx_mount *mp, dx_ino_t ino, const struct dx_dinode *dip, const char **field)
{
	const char *bad;

	*field = "";
	if (dip->di_magic != cpu_to_be16(DX_DINODE_MAGIC)) {
		*field = "magic";
		return -EFSCORRUPTED;
	}
	if (!dx_verify_cksum(dip, mp->sb.inodesize, DX_DINODE_CRC_OFF)) {
		*field = "crc";
		return -EFSCORRUPTED;
	}
	bad = verify_core(mp, ino, dip);
	if (bad) {
		*field = bad;
		return -EFSCORRUPTED;
	}
	return 0;
}

/**
 * dx_dinode_stamp_crc - set di_crc over the whole inode, forks included
 * @mp: mount
 * @dip: sb_inodesize bytes
 */
void dx_dinode_stamp_crc(struct dx_mount *mp, struct dx_dinode *dip)
{
	dx_update_cksum(dip, mp->sb.inodesize, DX_DINODE_CRC_OFF);
}

/**
 * dx_inode_from_disk - fill an in-core inode
 * @ip: ip->ino and ip->mp set; not yet visible to others, or ILOCK held exclusively
 * @dip: inode inside its locked cluster buffer
 *
 * A free inode gives d.mode == 0 and empty forks.
 *
 * Return: 0, -EFSCORRUPTED (one line logged) or -ENOMEM.
 */
int dx_inode_from_disk(struct dx_inode *ip, const struct dx_dinode *dip)
{
	struct dx_mount *mp = ip->mp;
	struct dx_icore *d = &ip->d;
	const char *field;
	int error;

	error = dx_dinode_verify(mp, ip->ino, dip, &field);
	if (error) {
		dx_err_ratelimited(mp, "corrupt inode 0x%llx at daddr 0x%llx: %s",
				   (unsigned long long)ip->ino, (unsigned long long)ip->imap.daddr, field);
		return error;
	}

	d->mode = be16_to_cpu(dip->di_mode);
	d->gen = be32_to_cpu(dip->di_gen);
	d->changecount = be64_to_cpu(dip->di_changecount);
	d->next_unlinked = be32_to_cpu(dip->di_next_unlinked);
	d->flags2 = be64_to_cpu(dip->di_flags2);
	ip->df.format = DX_DINODE_FMT_EXTENTS;
	ip->df.extents_read = true;
	if (!d->mode)
		return 0;

	d->uid = be32_to_cpu(dip->di_uid);
	d->gid = be32_to_cpu(dip->di_gid);
	d->nlink = be32_to_cpu(dip->di_nlink);
	d->projid = be16_to_cpu(dip->di_projid_lo) | (u32)be16_to_cpu(dip->di_projid_hi) << 16;
	dx_time_from_disk(mp, d->flags2, dip->di_atime, &d->atime);
	dx_time_from_disk(mp, d->flags2, dip->di_mtime, &d->mtime);
	dx_time_from_disk(mp, d->flags2, dip->di_ctime, &d->ctime);
	dx_time_from_disk(mp, d->flags2, dip->di_crtime, &d->crtime);
	d->size = be64_to_cpu(dip->di_size);
	d->nblocks = be64_to_cpu(dip->di_nblocks);
	d->extsize = be32_to_cpu(dip->di_extsize);
	d->cowextsize = be32_to_cpu(dip->di_cowextsize);
	d->forkoff = dip->di_forkoff;
	d->flags = be16_to_cpu(dip->di_flags);
	d->dmevmask = be32_to_cpu(dip->di_dmevmask);
	d->dmstate = be16_to_cpu(dip->di_dmstate);
	if (dip->di_format == DX_DINODE_FMT_DEV)
		d->rdev = get_unaligned_be32((const char *)dip + DX_DINODE_SIZE);

	error = dx_fork_from_disk(ip, dip, DX_DATA_FORK);
	if (!error && d->forkoff)
		error = dx_fork_from_disk(ip, dip, DX_ATTR_FORK);
	return error;
}

/**
 * dx_inode_to_disk - put the in-core core into a disk inode
 * @ip: ILOCK held
 * @dip: destination; forks, di_next_unlinked and the CRC are left to the caller
 * @lsn: di_lsn: of the checkpoint that holds this state
 */
void dx_inode_to_disk(struct dx_inode *ip, struct dx_dinode *dip, dx_lsn_t lsn)
{
	struct dx_mount *mp = ip->mp;
	const struct dx_icore *d = &ip->d;
	u64 anext = ip->af ? ip->af->nextents : 0;

	dip->di_magic = cpu_to_be16(DX_DINODE_MAGIC);
	dip->di_mode = cpu_to_be16(d->mode);
	dip->di_version = 3;
	dip->di_format = ip->df.format;
	dip->di_onlink = 0;
	dip->di_uid = cpu_to_be32(d->uid);
	dip->di_gid = cpu_to_be32(d->gid);
	dip->di_nlink = cpu_to_be32(d->nlink);
	dip->di_projid_lo = cpu_to_be16(d->projid & 0xffff);
	dip->di_projid_hi = cpu_to_be16(d->projid >> 16);
	dx_time_to_disk(mp, d->flags2, &d->atime, &dip->di_atime);
	dx_time_to_disk(mp, d->flags2, &d->mtime, &dip->di_mtime);
	dx_time_to_disk(mp, d->flags2, &d->ctime, &dip->di_ctime);
	dip->di_size = cpu_to_be64(d->size);
	dip->di_nblocks = cpu_to_be64(d->nblocks);
	dip->di_extsize = cpu_to_be32(d->extsize);
	if (dx_has_large_counts(ip)) {
		dip->di_big_nextents = cpu_to_be64(ip->df.nextents);
		dip->di_nextents = cpu_to_be32(anext);
		dip->di_anextents = 0;
	} else {
		dip->di_big_nextents = 0;
		dip->di_nextents = cpu_to_be32(ip->df.nextents);
		dip->di_anextents = cpu_to_be16(anext);
	}
	dip->di_forkoff = d->forkoff;
	dip->di_aformat = ip->af ? ip->af->format : DX_DINODE_FMT_EXTENTS;
	dip->di_dmevmask = cpu_to_be32(d->dmevmask);
	dip->di_dmstate = cpu_to_be16(d->dmstate);
	dip->di_flags = cpu_to_be16(d->flags);
	dip->di_gen = cpu_to_be32(d->gen);
	dip->di_changecount = cpu_to_be64(d->changecount);
	dip->di_lsn = cpu_to_be64(lsn);
	dip->di_flags2 = cpu_to_be64(d->flags2);
	dip->di_cowextsize = cpu_to_be32(d->cowextsize);
	memset(dip->di_pad2, 0, sizeof(dip->di_pad2));
	dx_time_to_disk(mp, d->flags2, &d->crtime, &dip->di_crtime);
	dip->di_ino = cpu_to_be64(ip->ino);
	dip->di_uuid = mp->sb.meta_uuid;
}

/**
 * dx_inode_to_log - the core in the form of the log
 * @ip: ILOCK held
 * @ld: destination, 176 bytes, machine order
 * @lsn: di_lsn
 *
 * di_next_unlinked gets a constant: recovery takes it from the cluster
 * buffer's own log item.
 */
void dx_inode_to_log(struct dx_inode *ip, struct dx_log_dinode *ld, dx_lsn_t lsn)
{
	struct dx_mount *mp = ip->mp;
	const struct dx_icore *d = &ip->d;
	u64 anext = ip->af ? ip->af->nextents : 0;

	/*
	 * Kernels before 6.9 read no empty symbolic link or directory, not even an unlinked one:
	 * recovery there would cut the unlinked list off at it.
	 */
	WARN_ON_ONCE((S_ISLNK(d->mode) || S_ISDIR(d->mode)) && !d->size && ip->df.format != DX_DINODE_FMT_LOCAL);
	memset(ld, 0, sizeof(*ld));
	ld->di_magic = DX_DINODE_MAGIC;
	ld->di_mode = d->mode;
	ld->di_version = 3;
	ld->di_format = ip->df.format;
	ld->di_uid = d->uid;
	ld->di_gid = d->gid;
	ld->di_nlink = d->nlink;
	ld->di_projid_lo = d->projid & 0xffff;
	ld->di_projid_hi = d->projid >> 16;
	ld->di_atime = ts_to_log(mp, d->flags2, &d->atime);
	ld->di_mtime = ts_to_log(mp, d->flags2, &d->mtime);
	ld->di_ctime = ts_to_log(mp, d->flags2, &d->ctime);
	ld->di_size = d->size;
	ld->di_nblocks = d->nblocks;
	ld->di_extsize = d->extsize;
	if (dx_has_large_counts(ip)) {
		ld->di_big_nextents = ip->df.nextents;
		ld->di_nextents = anext;
	} else {
		ld->di_nextents = ip->df.nextents;
		ld->di_anextents = anext;
	}
	ld->di_forkoff = d->forkoff;
	ld->di_aformat = ip->af ? ip->af->format : DX_DINODE_FMT_EXTENTS;
	ld->di_dmevmask = d->dmevmask;
	ld->di_dmstate = d->dmstate;
	ld->di_flags = d->flags;
	ld->di_gen = d->gen;
	ld->di_next_unlinked = DX_NULLAGINO;
	ld->di_changecount = d->changecount;
	ld->di_lsn = lsn;
	ld->di_flags2 = d->flags2;
	ld->di_cowextsize = d->cowextsize;
	ld->di_crtime = ts_to_log(mp, d->flags2, &d->crtime);
	ld->di_ino = ip->ino;
	ld->di_uuid = mp->sb.meta_uuid;
}

/**
 * dx_log_dinode_to_disk - replay a logged core into a disk inode
 * @ld: from the log
 * @dip: destination; forks, di_next_unlinked and the CRC are not touched
 */
void dx_log_dinode_to_disk(const struct dx_log_dinode *ld, struct dx_dinode *dip)
{
	dip->di_magic = cpu_to_be16(ld->di_magic);
	dip->di_mode = cpu_to_be16(ld->di_mode);
	dip->di_version = ld->di_version;
	dip->di_format = ld->di_format;
	dip->di_onlink = 0;
	dip->di_uid = cpu_to_be32(ld->di_uid);
	dip->di_gid = cpu_to_be32(ld->di_gid);
	dip->di_nlink = cpu_to_be32(ld->di_nlink);
	dip->di_projid_lo = cpu_to_be16(ld->di_projid_lo);
	dip->di_projid_hi = cpu_to_be16(ld->di_projid_hi);
	dip->di_atime = ts_log_to_disk(ld->di_flags2, ld->di_atime);
	dip->di_mtime = ts_log_to_disk(ld->di_flags2, ld->di_mtime);
	dip->di_ctime = ts_log_to_disk(ld->di_flags2, ld->di_ctime);
	dip->di_size = cpu_to_be64(ld->di_size);
	dip->di_nblocks = cpu_to_be64(ld->di_nblocks);
	dip->di_extsize = cpu_to_be32(ld->di_extsize);
	dip->di_big_nextents = cpu_to_be64(ld->di_big_nextents);
	dip->di_nextents = cpu_to_be32(ld->di_nextents);
	dip->di_anextents = cpu_to_be16(ld->di_anextents);
	dip->di_forkoff = ld->di_forkoff;
	dip->di_aformat = ld->di_aformat;
	dip->di_dmevmask = cpu_to_be32(ld->di_dmevmask);
	dip->di_dmstate = cpu_to_be16(ld->di_dmstate);
	dip->di_flags = cpu_to_be16(ld->di_flags);
	dip->di_gen = cpu_to_be32(ld->di_gen);
	dip->di_changecount = cpu_to_be64(ld->di_changecount);
	dip->di_lsn = cpu_to_be64(ld->di_lsn);
	dip->di_flags2 = cpu_to_be64(ld->di_flags2);
	dip->di_cowextsize = cpu_to_be32(ld->di_cowextsize);
	memcpy(dip->di_pad2, ld->di_pad2, sizeof(dip->di_pad2));
	dip->di_crtime = ts_log_to_disk(ld->di_flags2, ld->di_crtime);
	dip->di_ino = cpu_to_be64(ld->di_ino);
	dip->di_uuid = ld->di_uuid;
}

/*
 * ---- the cluster buffer ----
 *
 * A cluster may hold inodes that were never used since mkfs or a chunk
 * allocation, so only what every initialised inode has is checked here; the
 * rest, CRC included, is checked for each inode when it is read.
 */
static int inode_buf_check(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	size_t off;

	for (off = 0; off + mp->sb.inodesize <= dx_buf_len(bp); off += mp->sb.inodesize) {
		struct dx_dinode *dip = dx_buf_off(bp, off);
		u32 next = be32_to_cpu(dip->di_next_unlinked);

		if (dip->di_magic != cpu_to_be16(DX_DINODE_MAGIC))
			return dx_buf_bad(bp, "inode.magic");
		if (dip->di_version != 3)
			return dx_buf_bad(bp, "inode.version");
		if (next != DX_NULLAGINO && (next == 0 || next >> mp->agino_log))
			return dx_buf_bad(bp, "inode.next_unlinked");
	}
	return 0;
}

const struct dx_buf_ops dx_inode_buf_ops = {
	.name		= "inode cluster",
	.verify_read	= inode_buf_check,
	.verify_write	= inode_buf_check,
};
