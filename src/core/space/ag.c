// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocation group headers: AGF (free space), AGI (inodes), AGFL (free list).
 *
 * Each is one sector with its own buffer, verified in full on the way in and out: what they
 * count bounds every loop over an AG.  The perag fields copied from AGF and AGI are set when a header is first read
 * and from then on kept by whoever changes the header, under its buffer lock.
 *
 * Lock order (L1): AGI before AGF before AGFL, AGs ascending within one transaction.
 *
 * Source: "AG Free Space Management", "AG Inode Management", "Reference Count B+tree".
 */
#include "dx_mount.h"
#include "dx_alloc.h"
#include "dx_log.h"

/* The AG that an address lies in, and whether it is where header @sect should be. */
static bool header_agno(struct dx_buf *bp, unsigned int sect, dx_agno_t *agno)
{
	struct dx_mount *mp = bp->b_mp;
	u64 daddr = bp->b_maps[0].daddr;
	u64 ag_bb = dx_fsb_to_bb(mp, mp->sb.agblocks);

	*agno = div64_u64(daddr, ag_bb);
	return *agno < dx_agcount(mp) && daddr == dx_fsb_daddr_of_agsect(mp, *agno, sect);
}

/*
 * What the length of an AG must be, given the one that its header has.  While the log is replayed, states of before a
 * change of the volume's size pass through the buffers; dx_ag_init_all() then sees the last one.
 */
static u32 right_length(struct dx_mount *mp, dx_agno_t agno, u32 found)
{
	if (test_bit(DX_OP_REPLAYING, &mp->opstate) && found && found <= mp->sb.agblocks)
		return found;
	return dx_perag(mp, agno)->length;
}

static bool bad_root(struct dx_mount *mp, dx_agno_t agno, __be32 root, __be32 level, u32 maxlevels)
{
	u32 l = be32_to_cpu(level);

	return !l || l > maxlevels || !dx_verify_agbno(mp, agno, be32_to_cpu(root));
}

/* ---- AGF ---- */

static int agf_check(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	const struct dx_agf *f = bp->b_addr;
	dx_agno_t agno;
	bool placed = header_agno(bp, DX_AGF_SECT, &agno);
	u32 length = placed ? right_length(mp, agno, be32_to_cpu(f->agf_length)) : 0;
	u32 free = be32_to_cpu(f->agf_freeblks);
	const struct dx_check checks[] = {
		{ "magicnum", f->agf_magicnum != cpu_to_be32(DX_AGF_MAGIC) },
		{ "versionnum", f->agf_versionnum != cpu_to_be32(DX_AGF_VERSION) },
		{ "uuid", !dx_meta_uuid_ok(mp, &f->agf_uuid) },
		{ "seqno", !placed || be32_to_cpu(f->agf_seqno) != agno },
		{ "length", be32_to_cpu(f->agf_length) != length },
		{ "bnoroot", placed && bad_root(mp, agno, f->agf_roots[0], f->agf_levels[0], mp->alloc_maxlevels) },
		{ "cntroot", placed && bad_root(mp, agno, f->agf_roots[1], f->agf_levels[1], mp->alloc_maxlevels) },
		{ "rmaproot", placed && dx_has_rmapbt(mp) &&
			      bad_root(mp, agno, f->agf_roots[2], f->agf_levels[2], mp->rmap_maxlevels) },
		{ "refcntroot", placed && dx_has_reflink(mp) &&
				bad_root(mp, agno, f->agf_refcntroot, f->agf_refcntlevel, mp->refc_maxlevels) },
		{ "flfirst", be32_to_cpu(f->agf_flfirst) >= mp->agfl_size },
		{ "fllast", be32_to_cpu(f->agf_fllast) >= mp->agfl_size },
		{ "flcount", be32_to_cpu(f->agf_flcount) > mp->agfl_size },
		{ "freeblks", free > length },
		{ "longest", be32_to_cpu(f->agf_longest) > free },
		{ "btreeblks", be32_to_cpu(f->agf_btreeblks) > length },
		{ "rmapblocks", dx_has_rmapbt(mp) && be32_to_cpu(f->agf_rmapblocks) > length },
		{ "refcntblocks", dx_has_reflink(mp) && be32_to_cpu(f->agf_refcntblocks) > length },
	};

	return dx_buf_checks(bp, checks, ARRAY_SIZE(checks));
}

/* ---- AGI ---- */

static int agi_check(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	const struct dx_agi *i = bp->b_addr;
	dx_agno_t agno;
	bool placed = header_agno(bp, DX_AGI_SECT, &agno);
	u32 length = placed ? right_length(mp, agno, be32_to_cpu(i->agi_length)) : 0;
	u32 count = be32_to_cpu(i->agi_count);
	const struct dx_check checks[] = {
		{ "magicnum", i->agi_magicnum != cpu_to_be32(DX_AGI_MAGIC) },
		{ "versionnum", i->agi_versionnum != cpu_to_be32(DX_AGI_VERSION) },
		{ "uuid", !dx_meta_uuid_ok(mp, &i->agi_uuid) },
		{ "seqno", !placed || be32_to_cpu(i->agi_seqno) != agno },
		{ "length", be32_to_cpu(i->agi_length) != length },
		{ "root", placed && bad_root(mp, agno, i->agi_root, i->agi_level, mp->inobt_maxlevels) },
		{ "free_root", placed && dx_has_finobt(mp) &&
			       bad_root(mp, agno, i->agi_free_root, i->agi_free_level, mp->inobt_maxlevels) },
		{ "count", count > (u64)length << mp->sb.inopblog },
		{ "freecount", be32_to_cpu(i->agi_freecount) > count },
	};
	int error, n;

	error = dx_buf_checks(bp, checks, ARRAY_SIZE(checks));
	if (error)
		return error;
	for (n = 0; n < DX_AGI_UNLINKED_BUCKETS; n++) {
		dx_agino_t agino = be32_to_cpu(i->agi_unlinked[n]);

		if (agino == DX_NULLAGINO)
			continue;
		if (agino < dx_perag(mp, agno)->min_agino || agino > dx_perag(mp, agno)->max_agino ||
		    agino % DX_AGI_UNLINKED_BUCKETS != n)
			return dx_buf_bad(bp, "unlinked");
	}
	return 0;
}

/* ---- AGFL ---- */

static int agfl_check(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	const struct dx_agfl *l = bp->b_addr;
	dx_agno_t agno;
	bool placed = header_agno(bp, DX_AGFL_SECT, &agno);
	const struct dx_check checks[] = {
		{ "magicnum", l->agfl_magicnum != cpu_to_be32(DX_AGFL_MAGIC) },
		{ "uuid", !dx_meta_uuid_ok(mp, &l->agfl_uuid) },
		{ "seqno", !placed || be32_to_cpu(l->agfl_seqno) != agno },
	};
	u32 n;
	int error;

	error = dx_buf_checks(bp, checks, ARRAY_SIZE(checks));
	if (error)
		return error;
	/*
	 * Which entries are in use only the AGF knows; the others keep what they had, also when the last AG has become shorter
	 * (those in use are checked by that when they are taken).
	 */
	for (n = 0; n < mp->agfl_size; n++) {
		dx_agbno_t bno = be32_to_cpu(l->agfl_bno[n]);

		if (bno != DX_NULLAGBNO && bno >= mp->sb.agblocks)
			return dx_buf_bad(bp, "bno");
	}
	return 0;
}

/* ---- the three pairs of verifiers ---- */

#define HEADER_OPS(what, title, magic, crc_off, lsn_off)				\
static int what##_verify_read(struct dx_buf *bp)					\
{											\
	if (!dx_buf_verify_cksum(bp, crc_off))						\
		return dx_buf_badcrc(bp);						\
	return what##_check(bp);							\
}											\
static int what##_verify_write(struct dx_buf *bp)					\
{											\
	int error = what##_check(bp);							\
											\
	if (!error)									\
		dx_buf_stamp(bp, lsn_off, crc_off);					\
	return error;									\
}											\
const struct dx_buf_ops dx_##what##_buf_ops = {						\
	.name = title, .magic32 = magic,						\
	.verify_read = what##_verify_read, .verify_write = what##_verify_write,		\
}

HEADER_OPS(agf, "AGF", DX_AGF_MAGIC, DX_AGF_CRC_OFF, offsetof(struct dx_agf, agf_lsn));
HEADER_OPS(agi, "AGI", DX_AGI_MAGIC, DX_AGI_CRC_OFF, offsetof(struct dx_agi, agi_lsn));
HEADER_OPS(agfl, "AGFL", DX_AGFL_MAGIC, DX_AGFL_CRC_OFF, offsetof(struct dx_agfl, agfl_lsn));

/* ---- reading ---- */

static int read_header(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, unsigned int sect, u32 flags,
		       const struct dx_buf_ops *ops, enum dx_blft type, struct dx_buf **bpp)
{
	int error;

	*bpp = NULL;
	if (agno >= dx_agcount(mp))
		return -EFSCORRUPTED;
	error = dx_trans_read_buf(mp, tp, dx_fsb_daddr_of_agsect(mp, agno, sect), 1u << mp->sectbb_log, flags,
				  ops, bpp);
	if (error)
		return error;
	(*bpp)->b_type = type;
	(*bpp)->b_lru_ref = 3;
	return 0;
}

/**
 * dx_agf_read - lock an AGF
 * @mp: the mount
 * @tp: transaction that gets it, or NULL
 * @agno: AG
 * @flags: DX_READ_TRYLOCK
 * @bpp: the locked buffer
 *
 * Sets the perag copies when this is the first time.
 *
 * Return: 0, -EAGAIN (trylock), -EIO, -EFSCORRUPTED, -ENOMEM.
 */
int dx_agf_read(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, u32 flags, struct dx_buf **bpp)
{
	struct dx_perag *pag;
	const struct dx_agf *f;
	int error;

	error = read_header(mp, tp, agno, DX_AGF_SECT, flags, &dx_agf_buf_ops, DX_BLFT_AGF, bpp);
	if (error)
		return error;
	pag = dx_perag(mp, agno);
	if (!pag->agf_init) {
		f = (*bpp)->b_addr;
		pag->freeblks = be32_to_cpu(f->agf_freeblks);
		pag->longest = be32_to_cpu(f->agf_longest);
		pag->flcount = be32_to_cpu(f->agf_flcount);
		pag->btreeblks = be32_to_cpu(f->agf_btreeblks);
		pag->levels[DX_BTNUM_BNO] = be32_to_cpu(f->agf_levels[0]);
		pag->levels[DX_BTNUM_CNT] = be32_to_cpu(f->agf_levels[1]);
		pag->levels[DX_BTNUM_RMAP] = be32_to_cpu(f->agf_levels[2]);
		pag->levels[DX_BTNUM_REFC] = be32_to_cpu(f->agf_refcntlevel);
		atomic64_add(pag->btreeblks, &mp->allocbt_blks);
		pag->agf_init = true;
	}
	return 0;
}

/**
 * dx_agi_read - lock an AGI
 * @mp: the mount
 * @tp: transaction that gets it, or NULL
 * @agno: AG
 * @bpp: the locked buffer
 *
 * Sets the perag copies when this is the first time.
 *
 * Return: 0 or -errno as dx_agf_read().
 */
int dx_agi_read(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, struct dx_buf **bpp)
{
	struct dx_perag *pag;
	const struct dx_agi *i;
	int error;

	error = read_header(mp, tp, agno, DX_AGI_SECT, 0, &dx_agi_buf_ops, DX_BLFT_AGI, bpp);
	if (error)
		return error;
	pag = dx_perag(mp, agno);
	if (!pag->agi_init) {
		i = (*bpp)->b_addr;
		pag->count = be32_to_cpu(i->agi_count);
		pag->freecount = be32_to_cpu(i->agi_freecount);
		pag->levels[DX_BTNUM_INO] = be32_to_cpu(i->agi_level);
		pag->levels[DX_BTNUM_FINO] = be32_to_cpu(i->agi_free_level);
		pag->agi_init = true;
	}
	return 0;
}

/**
 * dx_agfl_read - lock an AGFL
 * @mp: the mount
 * @tp: transaction that gets it, or NULL
 * @agno: AG, whose AGF the caller holds
 * @bpp: the locked buffer
 *
 * Return: 0 or -errno as dx_agf_read().
 */
int dx_agfl_read(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, struct dx_buf **bpp)
{
	return read_header(mp, tp, agno, DX_AGFL_SECT, 0, &dx_agfl_buf_ops, DX_BLFT_AGFL, bpp);
}

/* ---- logging ---- */

/**
 * dx_agf_log - log a field of an AGF
 * @tp: transaction that holds it
 * @bp: the AGF
 * @off: byte offset of what changed
 * @len: its bytes
 *
 * The perag copies are the caller's to keep.
 */
void dx_agf_log(struct dx_trans *tp, struct dx_buf *bp, size_t off, size_t len)
{
	dx_trans_buf_type(tp, bp, DX_BLFT_AGF);
	dx_trans_log_buf(tp, bp, off, off + len - 1);
}

/**
 * dx_agi_log - log a field of an AGI
 * @tp: transaction that holds it
 * @bp: the AGI
 * @off: byte offset of what changed
 * @len: its bytes
 *
 * The perag copies are the caller's to keep.
 */
void dx_agi_log(struct dx_trans *tp, struct dx_buf *bp, size_t off, size_t len)
{
	dx_trans_buf_type(tp, bp, DX_BLFT_AGI);
	dx_trans_log_buf(tp, bp, off, off + len - 1);
}

/* ---- the whole volume ---- */

/* A header that was verified when it was replayed may be of before a change of size: see right_length(). */
static int check_length(struct dx_buf *bp, const struct dx_perag *pag, __be32 found)
{
	return be32_to_cpu(found) == pag->length ? 0 : dx_buf_bad(bp, "length");
}

/**
 * dx_ag_init_all - read every AGF and AGI and sum up
 * @mp: the mount
 * @icount: inodes allocated
 * @ifree: of these, free
 * @fdblocks: free blocks: in the free space btrees, on the free lists, and used by these btrees beyond their roots
 *
 * The sums are what the superblock's counters are defined to be.  Also rebuilds the perag copies.
 * Nothing may change the headers meanwhile (mount).
 *
 * Return: 0 or the first error.
 */
int dx_ag_init_all(struct dx_mount *mp, u64 *icount, u64 *ifree, u64 *fdblocks)
{
	dx_agno_t agno;
	int error;

	*icount = *ifree = *fdblocks = 0;
	atomic64_set(&mp->allocbt_blks, 0);
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		struct dx_perag *pag = dx_perag(mp, agno);
		struct dx_buf *bp;

		pag->agf_init = pag->agi_init = false;
		error = dx_agi_read(mp, NULL, agno, &bp);
		if (error)
			return error;
		error = check_length(bp, pag, ((struct dx_agi *)bp->b_addr)->agi_length);
		dx_buf_leave(bp);
		if (error)
			return error;
		error = dx_agf_read(mp, NULL, agno, 0, &bp);
		if (error)
			return error;
		error = check_length(bp, pag, ((struct dx_agf *)bp->b_addr)->agf_length);
		dx_buf_leave(bp);
		if (error)
			return error;
		*icount += pag->count;
		*ifree += pag->freecount;
		*fdblocks += (u64)pag->freeblks + pag->flcount + pag->btreeblks;
	}
	return 0;
}
