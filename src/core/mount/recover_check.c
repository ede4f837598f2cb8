// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log recovery, the bounds: what an item may look like before anybody acts on it.
 *
 * A record's checksum says that the log is what somebody wrote, not that he was sane.  So whatever in an item
 * becomes a length, an offset, an address or a count is checked here, once, when its transaction commits:
 * in the first pass, so that a refusal leaves the volume as it was, and again in the second, which reads the log anew.
 *
 *  - shapes[]: of each type how many regions it has, and how long each may be.
 *  - a table of fields for each type: what the field must match.  Lines of one table do not rest on each other; a
 *    second table may rest on the first.
 *
 * What a 32-bit machine wrote is brought into the common form in between, so replay knows only that one.
 *
 * The first thing wrong is reported by item, field and value.  Single-threaded, at mount, no locks, reads no disk.
 *
 * Source: "Log Items" and the sections that it names; lengths of both forms of the intents there.
 */
#include "dx_recover.h"
#include "dx_alloc.h"
#include "dx_inode.h"
#include "dx_bmap.h"

#define BLF_HEAD		offsetof(struct dx_buf_log_format, blf_data_map)
#define MAX_BUF_BB		(DX_MAX_REGION_BYTES >> DX_BBSHIFT)
/* A cancelled remote value of 64 KiB has a header in each block; nothing else is longer than a buffer. */
#define MAX_CANCEL_BB		(2 * MAX_BUF_BB)
#define MAP_BYTES(bb)		((u32)DIV_ROUND_UP((bb) * (DX_BBSIZE / DX_BLF_CHUNK), 32) * 4)
#define BLF_FLAGS		(DX_BLF_INODE_BUF | DX_BLF_CANCEL | DX_BLF_UDQUOT_BUF | DX_BLF_PDQUOT_BUF | \
				 DX_BLF_GDQUOT_BUF | DX_BLFT_MASK)
/* What may be set on disk; the two in-core bits have been seen there. */
#define ILF_FIELDS		(DX_ILOG_CORE | DX_ILOG_DFORK | DX_ILOG_UUID | DX_ILOG_AFORK | DX_ILOG_DOWNER | \
				 DX_ILOG_AOWNER | DX_ILOG_TIMESTAMP | DX_ILOG_IVERSION)
#define DFORK_REGION		(DX_ILOG_DDATA | DX_ILOG_DEXT | DX_ILOG_DBROOT)
/*
 * The most that anybody unmaps in one transaction are the blocks of a directory block, and those of its
 * leaves; what we can finish in one is bounded by its reservation: resv.c.
 */
#define MAX_INTENT_EXTENTS	256
#define INTENT_HEAD		((u32)sizeof(struct dx_intent_log_format))
#define INTENT_BYTES(ext)	(INTENT_HEAD + MAX_INTENT_EXTENTS * (u32)(ext))

struct rcheck {
	const char	*field;
	u64		value;
	bool		bad;
};

static int bad_field(struct dx_recovery *rc, const char *name, const char *field, u64 value)
{
	dx_err(rc->mp, "corrupt log: %s item: bad %s %llu (0x%llx): run xfs_repair", name, field,
	       (unsigned long long)value, (unsigned long long)value);
	return -EFSCORRUPTED;
}

static int run_checks(struct dx_recovery *rc, const char *name, const struct rcheck *c, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (c[i].bad)
			return bad_field(rc, name, c[i].field, c[i].value);
	return 0;
}
#define CHECKS(rc, name, c)	run_checks(rc, name, c, ARRAY_SIZE(c))

/* ---- places ---- */

/**
 * dx_ritem_note_growth - the volume may have grown in this log
 * @rc: the recovery
 * @it: an item, not checked; all of a transaction come here before the first goes to dx_ritem_check()
 *
 * Whoever grew it logged the superblock with or before whatever lies in the new part.  Where it has shrunk the log may have blocks
 * behind its end, freed further on: rc->dblocks begins with the whole of the last AG.
 */
void dx_ritem_note_growth(struct dx_recovery *rc, const struct dx_ritem *it)
{
	const struct dx_buf_log_format *f = it->r[0].addr;
	const struct dx_dsb *d;
	u64 dblocks;

	if (it->type != DX_LI_BUF || it->cnt < 2 || it->r[0].len < BLF_HEAD + 4 || it->r[1].len < DX_BLF_CHUNK ||
	    f->blf_blkno || (f->blf_flags & DX_BLFT_MASK) >> DX_BLFT_SHIFT != DX_BLFT_SB || !(f->blf_data_map[0] & 1))
		return;
	d = it->r[1].addr;
	dblocks = be64_to_cpu(d->sb_dblocks);
	if (d->sb_magicnum == cpu_to_be32(DX_SB_MAGIC) && dblocks > rc->dblocks &&
	    dblocks <= dx_bb_to_fsbt(rc->mp, dx_plat_size_bb(rc->mp->bdev)))
		rc->dblocks = dblocks;
}

/* Not metadata of this volume: beyond its end, or in the log. */
static bool bad_place(struct dx_recovery *rc, s64 daddr, u64 len_bb)
{
	u64 end = dx_fsb_to_bb(rc->mp, rc->dblocks), log = dx_log_daddr(rc->mp);

	if (daddr < 0 || daddr >= end || len_bb > end - daddr)
		return true;
	return daddr < log + dx_log_size_bb(rc->mp) && daddr + len_bb > log;
}

/* Blocks that cannot hold what AGs hold: in no AG, in its headers, in two of them, or in the log. */
static bool bad_blocks(struct dx_recovery *rc, u64 agno, u64 agbno, u64 len)
{
	const struct dx_sb *s = &rc->mp->sb;
	u64 headers = ((DX_AGFL_SECT + 1) * s->sectsize - 1) >> s->blocklog;

	return agno > U32_MAX || agbno <= headers || agbno >= s->agblocks || !len || len > s->agblocks - agbno ||
	       bad_place(rc, dx_agb_to_daddr(rc->mp, agno, agbno), dx_fsb_to_bb(rc->mp, len));
}

/* The headers of an AG, by type: each in its own sector. */
static bool is_ag_header(unsigned int blft, u32 *sect)
{
	static const struct { u8 blft, sect; } headers[] = {
		{ DX_BLFT_SB, 0 }, { DX_BLFT_AGF, DX_AGF_SECT }, { DX_BLFT_AGI, DX_AGI_SECT }, { DX_BLFT_AGFL, DX_AGFL_SECT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(headers); i++) {
		if (headers[i].blft == blft) {
			*sect = headers[i].sect;
			return true;
		}
	}
	return false;
}

static bool in_ag_headers(struct dx_mount *mp, u64 daddr)
{
	u64 off;

	div64_u64_rem(daddr, dx_fsb_to_bb(mp, mp->sb.agblocks), &off);
	return off < (DX_AGFL_SECT + 1) << mp->sectbb_log;
}

/* Does the buffer lie where one of its type can? */
static bool bad_buf_place(struct dx_recovery *rc, const struct dx_buf_log_format *f)
{
	struct dx_mount *mp = rc->mp;
	u32 blk_bb = 1u << mp->blkbb_log, sect;
	u64 off;		/* in its AG */
	unsigned int blft = (f->blf_flags & DX_BLFT_MASK) >> DX_BLFT_SHIFT;

	if (bad_place(rc, f->blf_blkno, f->blf_len))
		return true;
	div64_u64_rem(f->blf_blkno, dx_fsb_to_bb(mp, mp->sb.agblocks), &off);
	if (is_ag_header(blft, &sect))
		return off != (u64)sect << mp->sectbb_log || f->blf_len != 1u << mp->sectbb_log;
	/* what nobody named a type of is taken as it comes */
	if (blft == DX_BLFT_UNKNOWN && !(f->blf_flags & DX_BLF_INODE_BUF))
		return false;
	return off & (blk_bb - 1) || f->blf_len % blk_bb || in_ag_headers(mp, f->blf_blkno);
}

/* ---- buffers ---- */

static bool map_bit(const struct dx_buf_log_format *f, u32 bit)
{
	return f->blf_data_map[bit / 32] & (1u << (bit % 32));
}

/*
 * The regions must be what the bitmap announces: each run of bits is one region, or several when
 * the memory that was logged was not contiguous.
 */
static int check_map(struct dx_recovery *rc, const struct dx_ritem *it, const char *name)
{
	const struct dx_buf_log_format *f = it->r[0].addr;
	u32 chunks = (u32)f->blf_len << (DX_BBSHIFT - DX_BLF_SHIFT), bits = f->blf_map_size * 32, bit, reg = 1;
	u32 left = 0;		/* of the region that the last bit belongs to, in chunks */

	for (bit = 0; bit < bits; bit++) {
		if (!map_bit(f, bit)) {
			if (left)
				return bad_field(rc, name, "blf_data_map (ends inside a region) at chunk", bit);
			continue;
		}
		if (bit >= chunks)
			return bad_field(rc, name, "blf_data_map (beyond blf_len) at chunk", bit);
		if (!left) {
			if (reg == it->cnt)
				return bad_field(rc, name, "blf_size (fewer than blf_data_map wants)", it->cnt);
			left = it->r[reg++].len >> DX_BLF_SHIFT;
		}
		left--;
	}
	if (left)
		return bad_field(rc, name, "blf_data_map (ends inside a region) at chunk", bit);
	if (reg != it->cnt)
		return bad_field(rc, name, "blf_size (more than blf_data_map wants)", it->cnt);
	return 0;
}

static int buf_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	const struct dx_buf_log_format *f = it->r[0].addr;
	u16 flags = f->blf_flags, type = (flags & DX_BLFT_MASK) >> DX_BLFT_SHIFT;
	bool cancel = flags & DX_BLF_CANCEL;
	u64 map_bytes = (u64)f->blf_map_size * 4;
	const struct rcheck checks[] = {
		{ "blf_flags", flags, flags & ~BLF_FLAGS },
		{ "blf_flags (type)", type, type >= DX_BLFT_MAX },
		{ "blf_len", f->blf_len, !f->blf_len || f->blf_len > (cancel ? MAX_CANCEL_BB : MAX_BUF_BB) ||
					 f->blf_len % (1u << rc->mp->sectbb_log) },
		{ "blf_map_size", f->blf_map_size, map_bytes > MAP_BYTES(f->blf_len) ||
						   map_bytes > it->r[0].len - BLF_HEAD },
		{ "blf_blkno", f->blf_blkno, bad_buf_place(rc, f) },
		{ "blf_size", it->cnt, cancel ? it->cnt != 1 : it->cnt == 1 },
	};
	int error = CHECKS(rc, name, checks);

	return error || cancel ? error : check_map(rc, it, name);
}

/* ---- inodes ---- */

/* The form without padding becomes the one with it. */
static int inode_unpack(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	const struct dx_inode_log_format_32 *from = it->r[0].addr;
	struct dx_inode_log_format *to;

	if (it->r[0].len == sizeof(*to))
		return 0;
	if (it->r[0].len != sizeof(*from))
		return bad_field(rc, name, "format length", it->r[0].len);
	to = kvmalloc(sizeof(*to), GFP_KERNEL);
	if (!to)
		return -ENOMEM;
	*to = (struct dx_inode_log_format) {
		.ilf_type = from->ilf_type,
		.ilf_size = from->ilf_size,
		.ilf_fields = from->ilf_fields,
		.ilf_asize = from->ilf_asize,
		.ilf_dsize = from->ilf_dsize,
		.ilf_ino = from->ilf_ino,
		.ilf_blkno = from->ilf_blkno,
		.ilf_len = from->ilf_len,
		.ilf_boffset = from->ilf_boffset,
	};
	memcpy(&to->ilf_u, from->ilf_u, sizeof(to->ilf_u));
	kvfree(it->r[0].addr);
	it->r[0] = (struct dx_rregion) { .addr = to, .len = sizeof(*to), .room = sizeof(*to) };
	return 0;
}

/* Is the buffer that the item names the one of its inode's cluster, and the inode where it says? */
static bool bad_cluster(struct dx_recovery *rc, const struct dx_inode_log_format *f)
{
	struct dx_mount *mp = rc->mp;
	dx_agno_t agno = dx_ino_to_agno(mp, f->ilf_ino);
	dx_agino_t agino = dx_ino_to_agino(mp, f->ilf_ino);
	dx_agbno_t agbno = dx_agino_to_agbno(mp, agino);
	u64 at = (dx_agb_to_daddr(mp, agno, agbno) << DX_BBSHIFT) + (dx_agino_to_offset(mp, agino) << mp->sb.inodelog);

	if (bad_place(rc, f->ilf_blkno, f->ilf_len) || ((u64)f->ilf_blkno << DX_BBSHIFT) + f->ilf_boffset != at)
		return true;
	/* where chunks are aligned their clusters are; old kernels had others, of another size */
	return f->ilf_len == mp->icluster_bb && mp->ialloc_align >= mp->icluster_blks &&
	       f->ilf_blkno != dx_agb_to_daddr(mp, agno, rounddown(agbno, mp->icluster_blks));
}

/* What is logged of one fork, against what the core says of it. */
struct logged_fork {
	const char		*what;
	const struct dx_rregion	*r;		/* NULL: nothing */
	u32			bits, local, ext, broot;	/* of ilf_fields */
	u8			format;		/* di_format, di_aformat */
	u32			logged_bytes;	/* ilf_dsize, ilf_asize */
	u64			nextents;
	u32			room;		/* in the inode */
	u64			size;		/* of local data */
};

static int check_fork(struct dx_recovery *rc, const struct logged_fork *k, const char *name)
{
	const struct dx_btree_lblock *root;
	u32 len, lmax, n, level;
	bool data;

	if (!k->r)
		return 0;
	len = k->r->len;
	data = k->ext == DX_ILOG_DEXT;
	{
		const struct rcheck checks[] = {
			{ data ? "ilf_fields (for di_format)" : "ilf_fields (for di_aformat)", k->bits,
			  k->bits != (k->format == DX_DINODE_FMT_LOCAL ? k->local :
				      k->format == DX_DINODE_FMT_EXTENTS ? k->ext :
				      k->format == DX_DINODE_FMT_BTREE ? k->broot : 0) },
			{ data ? "ilf_dsize" : "ilf_asize", k->logged_bytes, round_up(k->logged_bytes, 4) != len },
			{ data ? "di_nextents (for ilf_dsize)" : "di_anextents (for ilf_asize)", k->nextents,
			  k->bits == k->ext && (len % sizeof(struct dx_bmbt_rec) ||
						len / sizeof(struct dx_bmbt_rec) != k->nextents) },
			{ data ? "data fork length" : "attribute fork length", len,
			  k->bits != k->broot && len > round_up(k->room, 4) },
			{ data ? "di_size (for ilf_dsize)" : "attribute totsize (for ilf_asize)", k->size,
			  k->bits == k->local && k->size > len },
			{ data ? "data bmbt root length" : "attribute bmbt root length", len,
			  k->bits == k->broot && len < DX_BTREE_LBLOCK_LEN + 16 },
		};
		int error = CHECKS(rc, name, checks);

		if (error || k->bits != k->broot)
			return error;
	}
	root = k->r->addr;
	lmax = (len - DX_BTREE_LBLOCK_LEN) / 16;
	n = be16_to_cpu(root->bb_numrecs);
	level = be16_to_cpu(root->bb_level);
	{
		const struct rcheck checks[] = {
			{ "bmbt root bb_magic", be32_to_cpu(root->bb_magic), root->bb_magic != cpu_to_be32(DX_BMAP_CRC_MAGIC) },
			{ "bmbt root bb_level", level, !level || level >= DX_BTREE_MAXLEVELS },
			{ "bmbt root bb_numrecs", n, !n || n > lmax || n > dx_bmbt_root_maxrecs(k->room) },
		};

		return CHECKS(rc, name, checks);
	}
}

static int inode_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_inode_log_format *f = it->r[0].addr;
	const struct dx_log_dinode *ld = it->r[1].addr;
	u32 litino = mp->sb.inodesize - DX_DINODE_SIZE, forkoff = (u32)ld->di_forkoff << 3, type = ld->di_mode & S_IFMT;
	u32 dbits = f->ilf_fields & DX_ILOG_DFORK, abits = f->ilf_fields & DX_ILOG_AFORK, reg = 2;
	bool big = ld->di_flags2 & DX_DIFLAG2_NREXT64;
	struct logged_fork data = {
		.local = DX_ILOG_DDATA, .ext = DX_ILOG_DEXT, .broot = DX_ILOG_DBROOT, .bits = dbits,
		.format = ld->di_format, .logged_bytes = f->ilf_dsize, .size = ld->di_size,
		.nextents = big ? ld->di_big_nextents : ld->di_nextents, .room = forkoff ? forkoff : litino,
	};
	struct logged_fork attr = {
		.local = DX_ILOG_ADATA, .ext = DX_ILOG_AEXT, .broot = DX_ILOG_ABROOT, .bits = abits,
		.format = ld->di_aformat, .logged_bytes = f->ilf_asize,
		.nextents = big ? ld->di_nextents : ld->di_anextents, .room = litino - min(forkoff, litino),
	};
	u32 want = 2 + !!(dbits & DFORK_REGION) + !!abits;
	const struct rcheck checks[] = {
		{ "ilf_fields", f->ilf_fields, f->ilf_fields & ~ILF_FIELDS || hweight32(dbits) > 1 || hweight32(abits) > 1 },
		{ "ilf_size", it->cnt, it->cnt != want },
		{ "ilf_ino", f->ilf_ino, bad_blocks(rc, f->ilf_ino >> mp->agino_log,
			dx_agino_to_agbno(mp, dx_ino_to_agino(mp, f->ilf_ino)), 1) },
		{ "ilf_len", f->ilf_len, f->ilf_len <= 0 || f->ilf_len > MAX_BUF_BB || f->ilf_len % (1u << mp->blkbb_log) },
		{ "ilf_boffset", f->ilf_boffset, f->ilf_boffset < 0 || f->ilf_boffset % mp->sb.inodesize ||
			(u64)f->ilf_boffset + mp->sb.inodesize > (u64)f->ilf_len << DX_BBSHIFT },
		{ "di_magic", ld->di_magic, ld->di_magic != DX_DINODE_MAGIC },
		{ "di_version", ld->di_version, ld->di_version != 3 },
		{ "di_ino", ld->di_ino, ld->di_ino != f->ilf_ino },
		{ "di_format", ld->di_format, type == S_IFREG && ld->di_format != DX_DINODE_FMT_EXTENTS &&
			ld->di_format != DX_DINODE_FMT_BTREE },
		{ "di_format", ld->di_format, type == S_IFDIR && ld->di_format != DX_DINODE_FMT_EXTENTS &&
			ld->di_format != DX_DINODE_FMT_BTREE && ld->di_format != DX_DINODE_FMT_LOCAL },
		{ "di_flags2 (large extent counters)", ld->di_flags2, big && !dx_has_nrext64(mp) },
		{ "di_nrext64_pad", ld->di_anextents, big && ld->di_anextents },
		{ "di_v3_pad", ld->di_big_nextents, !big && ld->di_big_nextents },
		{ "ilf_fields (for di_format)", dbits, dbits == DX_ILOG_DEV && ld->di_format != DX_DINODE_FMT_DEV },
		{ "di_nblocks", ld->di_nblocks, ld->di_nblocks > rc->dblocks &&
			!(ld->di_flags2 & DX_DIFLAG2_REFLINK) },
		{ "di_nextents", data.nextents, data.nextents > min(ld->di_nblocks, dx_most_extents(big, DX_DATA_FORK)) },
		{ "di_anextents", attr.nextents, attr.nextents > dx_most_extents(big, DX_ATTR_FORK) ||
			attr.nextents > ld->di_nblocks - min(data.nextents, ld->di_nblocks) },
		{ "di_forkoff", ld->di_forkoff, forkoff >= litino || (abits && !forkoff) },
	};
	int error = CHECKS(rc, name, checks);

	if (!error && bad_cluster(rc, f))
		error = bad_field(rc, name, "ilf_blkno (for ilf_ino, ilf_boffset)", f->ilf_blkno);
	if (error)
		return error;
	if (dbits & DFORK_REGION)
		data.r = &it->r[reg++];
	if (abits)
		attr.r = &it->r[reg];
	if (abits == DX_ILOG_ADATA)
		attr.size = get_unaligned_be16(attr.r->addr);
	error = check_fork(rc, &data, name);
	return error ? error : check_fork(rc, &attr, name);
}

static int icreate_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_icreate_log *c = it->r[0].addr;
	dx_agno_t agno = be32_to_cpu(c->icl_ag);
	dx_agbno_t agbno = be32_to_cpu(c->icl_agbno);
	u32 count = be32_to_cpu(c->icl_count), length = be32_to_cpu(c->icl_length), isize = be32_to_cpu(c->icl_isize);
	u32 align = dx_has_sparse(mp) ? max_t(u32, mp->sb.spino_align, 1) : mp->ialloc_align;
	const struct rcheck sizes[] = {
		{ "icl_isize", isize, isize != mp->sb.inodesize },
		{ "icl_length", length, !length || (length != mp->ialloc_blks && length != mp->ialloc_min_blks) ||
					length % mp->icluster_blks },
		{ "icl_count", count, (u64)length << mp->sb.inopblog != count },
		{ "icl_agbno (alignment)", agbno, agbno % align },
	};
	int error = CHECKS(rc, name, sizes);

	if (error)
		return error;
	return bad_blocks(rc, agno, agbno, length) ? bad_field(rc, name, "icl_agbno (of icl_ag)", agbno) : 0;
}

/* ---- quota ---- */

static int dquot_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_dquot_log_format *f = it->r[0].addr;
	const struct dx_disk_dquot *d = it->r[1].addr;
	u32 blk_bb = 1u << mp->blkbb_log, each = sizeof(struct dx_dqblk), per = mp->sb.blocksize / each;
	u32 type = d->d_flags & DX_DQ_TYPES;
	const struct rcheck checks[] = {
		/* one block: stock XFS counts blocks, the specification sectors */
		{ "qlf_len", f->qlf_len, f->qlf_len != 1 && f->qlf_len != blk_bb },
		{ "qlf_blkno", f->qlf_blkno, f->qlf_blkno & (blk_bb - 1) || bad_place(rc, f->qlf_blkno, blk_bb) ||
					     in_ag_headers(mp, f->qlf_blkno) },
		{ "qlf_boffset (for qlf_id)", f->qlf_boffset, f->qlf_boffset != f->qlf_id % per * each },
		{ "d_magic", be16_to_cpu(d->d_magic), d->d_magic != cpu_to_be16(DX_DQUOT_MAGIC) },
		{ "d_version", d->d_version, d->d_version != DX_DQUOT_VERSION },
		{ "d_flags", d->d_flags, hweight32(type) != 1 || d->d_flags & ~(DX_DQ_TYPES | DX_DQ_BIGTIME) },
		{ "d_id", be32_to_cpu(d->d_id), be32_to_cpu(d->d_id) != f->qlf_id },
	};

	return CHECKS(rc, name, checks);
}

/* ---- intents ---- */

/* Extents of twelve bytes become extents of sixteen. */
static int efi_unpack(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	const struct dx_efi_log_format *from = it->r[0].addr;
	u32 n = from->efi_nextents, len = it->r[0].len, i;
	const struct dx_log_extent_32 *ext = (const void *)from->efi_extents;
	struct dx_efi_log_format *to;
	struct dx_rregion r = { };

	if (n > MAX_INTENT_EXTENTS)
		return bad_field(rc, name, "efi_nextents", n);
	if (len == struct_size(from, efi_extents, n))
		return 0;
	if (len != sizeof(*from) + n * sizeof(*ext))
		return bad_field(rc, name, "length for efi_nextents", len);
	r.len = r.room = struct_size(to, efi_extents, n);
	r.addr = to = kvzalloc(r.len, GFP_KERNEL);
	if (!to)
		return -ENOMEM;
	memcpy(to, from, sizeof(*from));
	for (i = 0; i < n; i++) {
		to->efi_extents[i].ext_start = ext[i].ext_start;
		to->efi_extents[i].ext_len = ext[i].ext_len;
	}
	kvfree(it->r[0].addr);
	it->r[0] = r;
	return 0;
}

static int efi_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_efi_log_format *f = it->r[0].addr;
	u32 i;

	if (!f->efi_nextents)
		return bad_field(rc, name, "efi_nextents", 0);
	for (i = 0; i < f->efi_nextents; i++) {
		u64 start = f->efi_extents[i].ext_start;
		u32 len = f->efi_extents[i].ext_len;
		const struct rcheck checks[] = {
			{ "ext_len", len, !len || len > mp->sb.agblocks },
			{ "ext_start (with ext_len)", start,
			  bad_blocks(rc, start >> mp->sb.agblklog, dx_fsb_to_agbno(mp, start), len) },
		};
		int error = CHECKS(rc, name, checks);

		if (error)
			return error;
	}
	return 0;
}

static int rui_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_intent_log_format *f = it->r[0].addr;
	const struct dx_map_extent *e = (const void *)(f + 1);
	const struct rcheck head[] = {
		{ "rui_type (the volume has no rmapbt)", f->type, !dx_has_rmapbt(mp) },
		{ "number of extents", f->nextents, !f->nextents || f->nextents > MAX_INTENT_EXTENTS ||
			it->r[0].len != INTENT_HEAD + f->nextents * DX_RMAP_EXTENT_BYTES },
	};
	int error = CHECKS(rc, name, head);
	u32 i;

	for (i = 0; !error && i < f->nextents; i++, e++) {
		u32 type = DX_RUI_TYPE(e->me_flags), bits = e->me_flags & ~0xffu;
		bool special = DX_RMAP_OWN_SPECIAL(e->me_owner), bmbt = bits & DX_RUI_BMBT_BLOCK;
		const struct rcheck checks[] = {
			{ "me_flags (type)", type, type < DX_RUI_MAP || type > DX_RUI_FREE },
			{ "me_flags", bits, bits & ~(DX_RUI_ATTR_FORK | DX_RUI_BMBT_BLOCK | DX_RUI_UNWRITTEN) },
			{ "me_flags (of me_owner)", bits, special && bits & ~DX_RUI_UNWRITTEN },
			/* what is no file's changes as a whole */
			{ "me_owner", e->me_owner, special && (type < DX_RUI_ALLOC || e->me_owner > DX_RMAP_OWN_LOG ||
							       e->me_owner < DX_RMAP_OWN_COW) },
			{ "me_owner", e->me_owner, !special && bad_blocks(rc, e->me_owner >> mp->agino_log,
				dx_agino_to_agbno(mp, dx_ino_to_agino(mp, e->me_owner)), 1) },
			{ "me_len", e->me_len, !e->me_len || e->me_len > mp->sb.agblocks },
			{ "me_startblock (with me_len)", e->me_startblock, bad_blocks(rc, e->me_startblock >> mp->sb.agblklog,
				dx_fsb_to_agbno(mp, e->me_startblock), e->me_len) },
			{ "me_startoff", e->me_startoff, e->me_startoff > DX_RMAP_OFF(~0ULL) - e->me_len + 1 ||
							 ((special || bmbt) && e->me_startoff) },
		};

		error = CHECKS(rc, name, checks);
	}
	return error;
}

static int bui_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_intent_log_format *f = it->r[0].addr;
	const struct dx_map_extent *e = (const void *)(f + 1);
	const struct rcheck head[] = {
		{ "bui_type (the volume has no reflink, rmapbt or exchange)", f->type,
		  !dx_has_reflink(mp) && !dx_has_rmapbt(mp) && !dx_has_exchange(mp) },
		{ "number of extents", f->nextents, f->nextents != 1 || it->r[0].len != INTENT_HEAD + DX_RMAP_EXTENT_BYTES },
	};
	int error = CHECKS(rc, name, head);

	if (error)
		return error;
	{
		u32 type = DX_BUI_TYPE(e->me_flags), bits = e->me_flags & ~0xffu;
		const struct rcheck checks[] = {
			{ "me_flags (type)", type, type != DX_BUI_MAP && type != DX_BUI_UNMAP },
			{ "me_flags", bits, bits & ~(DX_BUI_ATTR_FORK | DX_BUI_UNWRITTEN) ||
				bits == (DX_BUI_ATTR_FORK | DX_BUI_UNWRITTEN) },
			{ "me_owner", e->me_owner, bad_blocks(rc, e->me_owner >> mp->agino_log,
				dx_agino_to_agbno(mp, dx_ino_to_agino(mp, e->me_owner)), 1) },
			{ "me_len", e->me_len, !e->me_len || e->me_len > min_t(u32, mp->sb.agblocks, DX_BMBT_MAX_BLOCKCOUNT) },
			{ "me_startblock (with me_len)", e->me_startblock, bad_blocks(rc, e->me_startblock >> mp->sb.agblklog,
				dx_fsb_to_agbno(mp, e->me_startblock), e->me_len) },
			{ "me_startoff", e->me_startoff, e->me_startoff > DX_BMBT_MAX_STARTOFF - e->me_len + 1 },
		};

		return CHECKS(rc, name, checks);
	}
}

static int cui_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_intent_log_format *f = it->r[0].addr;
	const struct dx_phys_extent *e = (const void *)(f + 1);
	const struct rcheck head[] = {
		{ "cui_type (the volume has no reflink)", f->type, !dx_has_reflink(mp) },
		{ "number of extents", f->nextents, !f->nextents || f->nextents > MAX_INTENT_EXTENTS ||
			it->r[0].len != INTENT_HEAD + f->nextents * DX_PHYS_EXTENT_BYTES },
	};
	int error = CHECKS(rc, name, head);
	u32 i;

	for (i = 0; !error && i < f->nextents; i++, e++) {
		u32 type = DX_CUI_TYPE(e->pe_flags);
		const struct rcheck checks[] = {
			{ "pe_flags (type)", type, type < DX_CUI_INCREASE || type > DX_CUI_FREE_COW },
			{ "pe_flags", e->pe_flags, e->pe_flags != type },
			{ "pe_len", e->pe_len, !e->pe_len || e->pe_len > mp->sb.agblocks },
			{ "pe_startblock (with pe_len)", e->pe_startblock, bad_blocks(rc, e->pe_startblock >> mp->sb.agblklog,
				dx_fsb_to_agbno(mp, e->pe_startblock), e->pe_len) },
		};

		error = CHECKS(rc, name, checks);
	}
	return error;
}

/* Where in the value of a parent pointer the name is said to be. */
static u64 parent_of(const struct dx_rregion *r)
{
	return get_unaligned_be64(r->addr);
}

static int attri_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_attri_log_format *f = it->r[0].addr;
	u32 op = f->alfi_op_flags, filter = f->alfi_attr_filter, nsp = filter & DX_ATTR_NSP_ONDISK_MASK;
	bool pptr = op >= DX_ATTRI_PPTR_SET, two = op == DX_ATTRI_PPTR_REPLACE;
	bool none = op == DX_ATTRI_REMOVE;
	u32 len = two ? f->alfi_old_name_len : f->alfi_name_len, newlen = two ? f->alfi_new_name_len : 0;
	const struct rcheck head[] = {
		{ "alfi_op_flags", op, op < DX_ATTRI_SET || op > DX_ATTRI_PPTR_REPLACE },
		{ "alfi_op_flags (the volume has no parent pointers)", op, pptr && !dx_has_parent(mp) },
		{ "alfi_attr_filter", filter, filter & ~(DX_ATTR_NSP_ONDISK_MASK | DX_ATTR_INCOMPLETE) || hweight32(nsp) > 1 },
		{ "alfi_attr_filter (for alfi_op_flags)", filter, pptr != (nsp == DX_ATTR_PARENT) },
		{ "alfi_ino", f->alfi_ino, bad_blocks(rc, f->alfi_ino >> mp->agino_log,
			dx_agino_to_agbno(mp, dx_ino_to_agino(mp, f->alfi_ino)), 1) },
		{ "alfi_name_len", len, !len || len >= DX_MAXNAMELEN },
		{ "alfi_new_name_len", newlen, two && (!newlen || newlen >= DX_MAXNAMELEN) },
		{ "alfi_value_len", f->alfi_value_len, f->alfi_value_len > DX_XATTR_SIZE_MAX || (none && f->alfi_value_len) ||
			(pptr && f->alfi_value_len != sizeof(struct dx_parent_rec)) },
		{ "alfi_size", it->cnt, it->cnt != 2 + two + (f->alfi_value_len ? 1 + two : 0) },
	};
	int error = CHECKS(rc, name, head);

	if (error)
		return error;
	{
		const struct dx_rregion *r = it->r, *value = &r[2 + two];
		bool has_value = f->alfi_value_len;
		const struct rcheck regions[] = {
			{ "length of the name", r[1].len, r[1].len != round_up(len, 4) },
			{ "length of the new name", r[2 * two].len, two && r[2].len != round_up(newlen, 4) },
			{ "length of the value", f->alfi_value_len, has_value && value[0].len != round_up(f->alfi_value_len, 4) },
			{ "length of the new value", f->alfi_value_len, two && value[1].len != round_up(f->alfi_value_len, 4) },
		};

		error = CHECKS(rc, name, regions);
		if (error)
			return error;
	}
	{
		const struct dx_rregion *r = it->r, *value = &r[2 + two];
		const struct rcheck contents[] = {
			{ "name", len, memchr(r[1].addr, 0, len) || (pptr && memchr(r[1].addr, '/', len)) },
			{ "new name", newlen, two && (memchr(r[2].addr, 0, newlen) || memchr(r[2].addr, '/', newlen)) },
			{ "p_ino", pptr ? parent_of(value) : 0, pptr && !dx_verify_ino(mp, parent_of(value)) },
			{ "p_ino (of the new value)", two ? parent_of(value + 1) : 0,
			  two && !dx_verify_ino(mp, parent_of(value + 1)) },
		};

		return CHECKS(rc, name, contents);
	}
}

static bool bad_ino(struct dx_recovery *rc, u64 ino)
{
	struct dx_mount *mp = rc->mp;

	return bad_blocks(rc, ino >> mp->agino_log, dx_agino_to_agbno(mp, dx_ino_to_agino(mp, ino)), 1);
}

/* Not a range of blocks of a file; an empty one is, where only what comes after the exchange is left to do. */
static bool bad_range(u64 off, u64 len)
{
	return off > DX_BMBT_MAX_STARTOFF || len > DX_BMBT_MAX_STARTOFF + 1 - off;
}

static int xmi_fields(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	const struct dx_intent_log_format *f = it->r[0].addr;
	const struct dx_xmi_body *x = (const void *)(f + 1);
	u64 flags = x->xmi_flags, most = rc->mp->s_maxbytes;
	bool sizes = flags & DX_XMI_SET_SIZES, rest = flags & (DX_XMI_CLEAR_INO1_REFLINK | DX_XMI_CLEAR_INO2_REFLINK);
	const struct rcheck checks[] = {
		{ "xmi_type (the volume has no exchange)", f->type, !dx_has_exchange(rc->mp) },
		{ "pad", f->nextents, f->nextents },
		{ "xmi_inode1", x->xmi_inode1, bad_ino(rc, x->xmi_inode1) },
		{ "xmi_inode2", x->xmi_inode2, bad_ino(rc, x->xmi_inode2) },
		{ "xmi_flags", flags, flags & ~(u64)DX_XMI_FLAGS },
		{ "xmi_flags (of an attr fork)", flags, (flags & DX_XMI_ATTR_FORK) && (flags & ~(u64)DX_XMI_ATTR_FORK) },
		{ "xmi_blockcount", x->xmi_blockcount, !x->xmi_blockcount && !rest && !sizes },
		{ "xmi_startoff1 (with xmi_blockcount)", x->xmi_startoff1, bad_range(x->xmi_startoff1, x->xmi_blockcount) },
		{ "xmi_startoff2 (with xmi_blockcount)", x->xmi_startoff2, bad_range(x->xmi_startoff2, x->xmi_blockcount) },
		{ "xmi_isize1", x->xmi_isize1, sizes && x->xmi_isize1 > most },
		{ "xmi_isize2", x->xmi_isize2, sizes && x->xmi_isize2 > most },
		{ "xmi_inode2 (the same)", x->xmi_inode2, x->xmi_inode1 == x->xmi_inode2 && rest },
		{ "xmi_igen2 (of the same)", x->xmi_igen2, x->xmi_inode1 == x->xmi_inode2 && x->xmi_igen1 != x->xmi_igen2 },
	};
	int error = CHECKS(rc, name, checks);

	if (!error && x->xmi_inode1 == x->xmi_inode2 && x->xmi_startoff1 < x->xmi_startoff2 + x->xmi_blockcount &&
	    x->xmi_startoff2 < x->xmi_startoff1 + x->xmi_blockcount)
		error = bad_field(rc, name, "xmi_startoff2 (overlaps)", x->xmi_startoff2);
	return error;
}

/* ---- shapes ---- */

struct shape {
	u16	type;
	u16	min_regions, max_regions;
	struct { u32 min, max, align; } first, second, more;	/* bytes */
	int	(*unpack)(struct dx_recovery *rc, struct dx_ritem *it, const char *name);
	int	(*fields)(struct dx_recovery *rc, struct dx_ritem *it, const char *name);
};
#define EXACTLY(bytes)	{ bytes, bytes, 1 }
#define FORK		{ 4, DX_MAX_REGION_BYTES, 4 }
#define CHUNKS		{ DX_BLF_CHUNK, DX_MAX_REGION_BYTES, DX_BLF_CHUNK }
#define VALUE		{ 1, DX_MAX_REGION_BYTES, 1 }
#define DONE		EXACTLY(INTENT_HEAD)

static const struct shape shapes[] = {
	{ DX_LI_BUF, 1, DX_MAX_REGIONS, { BLF_HEAD + 4, BLF_HEAD + MAP_BYTES(MAX_CANCEL_BB), 4 }, CHUNKS, CHUNKS,
	  .fields = buf_fields },
	{ DX_LI_INODE, 2, 4, { sizeof(struct dx_inode_log_format_32), sizeof(struct dx_inode_log_format), 4 },
	  EXACTLY(sizeof(struct dx_log_dinode)), FORK, .unpack = inode_unpack, .fields = inode_fields },
	{ DX_LI_ICREATE, 1, 1, EXACTLY(sizeof(struct dx_icreate_log)), .fields = icreate_fields },
	{ DX_LI_EFI, 1, 1, { INTENT_HEAD, INTENT_BYTES(sizeof(struct dx_log_extent)), 4 },
	  .unpack = efi_unpack, .fields = efi_fields },
	/* only its id counts */
	{ DX_LI_EFD, 1, 1, { INTENT_HEAD, INTENT_BYTES(sizeof(struct dx_log_extent)), 4 }, .unpack = efi_unpack },
	{ DX_LI_DQUOT, 2, 2, EXACTLY(sizeof(struct dx_dquot_log_format)), EXACTLY(sizeof(struct dx_disk_dquot)),
	  .fields = dquot_fields },
	{ DX_LI_QUOTAOFF, 1, 1, EXACTLY(sizeof(struct dx_quotaoff_log_format)) },
	{ DX_LI_RUI, 1, 1, { INTENT_HEAD, INTENT_BYTES(DX_RMAP_EXTENT_BYTES), 8 }, .fields = rui_fields },
	{ DX_LI_CUI, 1, 1, { INTENT_HEAD, INTENT_BYTES(DX_PHYS_EXTENT_BYTES), 8 }, .fields = cui_fields },
	{ DX_LI_BUI, 1, 1, { INTENT_HEAD, INTENT_BYTES(DX_RMAP_EXTENT_BYTES), 8 }, .fields = bui_fields },
	{ DX_LI_ATTRI, 2, 1 + DX_INTENT_MORE, EXACTLY(sizeof(struct dx_attri_log_format)), VALUE, VALUE, .fields = attri_fields },
	{ DX_LI_XMI, 1, 1, EXACTLY(DX_XMI_BYTES), .fields = xmi_fields },
	{ DX_LI_RUD, 1, 1, DONE }, { DX_LI_CUD, 1, 1, DONE }, { DX_LI_BUD, 1, 1, DONE },
	{ DX_LI_ATTRD, 1, 1, DONE }, { DX_LI_XMD, 1, 1, DONE },
};

static const struct shape *find_shape(u16 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

/**
 * dx_ritem_max_regions - how many regions an item can have
 * @type: DX_LI_*, or something that we do not know
 */
u32 dx_ritem_max_regions(u16 type)
{
	const struct shape *s = find_shape(type);

	return s ? s->max_regions : DX_MAX_REGIONS;
}

/**
 * dx_ritem_check - may an item be acted upon?
 * @rc: the recovery
 * @it: all of its regions that there are; what a 32-bit machine wrote is converted
 * @name: of its type, for the message
 *
 * Afterwards every length, offset, address and count in it is within its bounds, and the regions that the handlers
 * in recover_item.c look at are there.
 *
 * Return: 0, -EFSCORRUPTED after one message, -ENOMEM.
 */
int dx_ritem_check(struct dx_recovery *rc, struct dx_ritem *it, const char *name)
{
	const struct shape *s = find_shape(it->type);
	int error;
	u32 i;

	if (WARN_ON_ONCE(!s))
		return -EINVAL;
	if (it->cnt != it->total)
		return bad_field(rc, name, "number of regions (some are missing)", it->cnt);
	if (it->cnt < s->min_regions || it->cnt > s->max_regions)
		return bad_field(rc, name, "number of regions", it->cnt);
	for (i = 0; i < it->cnt; i++) {
		u32 len = it->r[i].len;
		u32 min = !i ? s->first.min : i == 1 ? s->second.min : s->more.min;
		u32 max = !i ? s->first.max : i == 1 ? s->second.max : s->more.max;
		u32 align = !i ? s->first.align : i == 1 ? s->second.align : s->more.align;

		if (len >= min && len <= max && len % align == 0)
			continue;
		dx_err(rc->mp, "corrupt log: %s item: bad length %u of region %u: run xfs_repair", name, len, i);
		return -EFSCORRUPTED;
	}
	error = s->unpack ? s->unpack(rc, it, name) : 0;
	if (!error && s->fields)
		error = s->fields(rc, it, name);
	return error;
}
