// SPDX-License-Identifier: GPL-2.0-only
/*
 * AGs of a volume that grows: a new one is written, the last one gets longer; or shorter.
 *
 * A new AG begins with its headers, and behind them the roots of its trees, a block each, in the order in which mkfs.xfs
 * has them; the rest is one free extent.  All this is written at once, past the buffer cache and past the log: until the
 * superblock names the AG, nobody looks there, and what was there before is nobody's.
 *
 * The AG that was the last one has users, so its change is a transaction.
 *
 * Source: "AG Free Space Management", "AG Inode Management", "B+trees", "Reverse-Mapping B+tree", "Reference Count B+tree", and
 * what xfs_db shows of a volume that mkfs.xfs has made.
 */
#include "dx_alloc_int.h"

/* ---- a new one ---- */

/* What goes behind the headers. */
struct ag_root {
	u32		magic;
	const struct dx_owner *own;
	bool		(*there)(struct dx_mount *mp);
	size_t		agf_root, agf_level, agf_blocks;	/* offsets in the AGF, of fields that it has there; 0: none */
	size_t		agi_root, agi_level, agi_blocks;	/* in the AGI */
	u8		btnum;
	u8		resv;			/* enum dx_agresv_kind */
};

static bool always(struct dx_mount *mp) { return true; }
static bool has_finobt(struct dx_mount *mp) { return dx_has_finobt(mp); }
static bool has_rmapbt(struct dx_mount *mp) { return dx_has_rmapbt(mp); }
static bool has_reflink(struct dx_mount *mp) { return dx_has_reflink(mp); }

#define AGF(f)	offsetof(struct dx_agf, agf_##f)
#define AGI(f)	offsetof(struct dx_agi, agi_##f)
#define AGF_TREE(n)	.btnum = n, .agf_root = AGF(roots) + (n) * sizeof(__be32), .agf_level = AGF(levels) + (n) * sizeof(__be32)

static const struct ag_root roots[] = {
	{ DX_ABTB_CRC_MAGIC, &dx_own_ag, always, AGF_TREE(DX_BTNUM_BNO) },
	{ DX_ABTC_CRC_MAGIC, &dx_own_ag, always, AGF_TREE(DX_BTNUM_CNT) },
	{ DX_IBT_CRC_MAGIC, &dx_own_inobt, always, .btnum = DX_BTNUM_INO,
	  .agi_root = AGI(root), .agi_level = AGI(level), .agi_blocks = AGI(iblocks) },
	{ DX_FIBT_CRC_MAGIC, &dx_own_inobt, has_finobt, .btnum = DX_BTNUM_FINO, .resv = DX_AGRESV_FINOBT,
	  .agi_root = AGI(free_root), .agi_level = AGI(free_level), .agi_blocks = AGI(fblocks) },
	{ DX_RMAP_CRC_MAGIC, &dx_own_ag, has_rmapbt, AGF_TREE(DX_BTNUM_RMAP), .resv = DX_AGRESV_RMAPBT,
	  .agf_blocks = AGF(rmapblocks) },
	{ DX_REFC_CRC_MAGIC, &dx_own_refc, has_reflink, .btnum = DX_BTNUM_REFC, .resv = DX_AGRESV_REFCOUNTBT,
	  .agf_root = AGF(refcntroot), .agf_level = AGF(refcntlevel), .agf_blocks = AGF(refcntblocks) },
};

static u32 header_blocks(struct dx_mount *mp)
{
	return dx_b_to_fsb(mp, (DX_AGFL_SECT + 1) * mp->sb.sectsize);
}

/**
 * dx_ag_new_blocks - fsblocks at the beginning of an AG that hold its headers and roots
 * @mp: the mount
 */
u32 dx_ag_new_blocks(struct dx_mount *mp)
{
	u32 n = header_blocks(mp);
	int i;

	for (i = 0; i < ARRAY_SIZE(roots); i++)
		n += roots[i].there(mp);
	return n;
}

static void set_be32(void *structure, size_t off, u32 v)
{
	if (off)
		put_unaligned_be32(v, structure + off);
}

/* A record of the rmapbt: the next run of blocks, or more of the last one if it is the same owner's. */
static void add_rmap(struct dx_btree_sblock *b, dx_agbno_t bno, u32 len, u64 owner)
{
	u32 n = be16_to_cpu(b->bb_numrecs);
	struct dx_rmap_rec *r = (void *)b + DX_BTREE_SBLOCK_LEN;

	if (n && be64_to_cpu(r[n - 1].rm_owner) == owner) {
		be32_add_cpu(&r[n - 1].rm_blockcount, len);
		return;
	}
	r[n] = (struct dx_rmap_rec) {
		.rm_startblock = cpu_to_be32(bno), .rm_blockcount = cpu_to_be32(len), .rm_owner = cpu_to_be64(owner),
	};
	b->bb_numrecs = cpu_to_be16(n + 1);
}

static void fill_root(struct dx_mount *mp, const struct dx_perag *pag, const struct ag_root *root, dx_agbno_t bno,
		      struct dx_btree_sblock *b)
{
	u32 used = dx_ag_new_blocks(mp), at = header_blocks(mp);
	struct dx_alloc_rec *free = (void *)b + DX_BTREE_SBLOCK_LEN;
	int i;

	b->bb_magic = cpu_to_be32(root->magic);
	b->bb_leftsib = b->bb_rightsib = cpu_to_be32(DX_NULLAGBNO);
	b->bb_blkno = cpu_to_be64(dx_agb_to_daddr(mp, pag->agno, bno));
	uuid_copy(&b->bb_uuid, &mp->sb.meta_uuid);
	b->bb_owner = cpu_to_be32(pag->agno);
	if (root->btnum == DX_BTNUM_BNO || root->btnum == DX_BTNUM_CNT) {
		b->bb_numrecs = cpu_to_be16(1);
		*free = (struct dx_alloc_rec) { cpu_to_be32(used), cpu_to_be32(pag->length - used) };
	} else if (root->btnum == DX_BTNUM_RMAP) {
		add_rmap(b, 0, at, DX_RMAP_OWN_FS);
		for (i = 0; i < ARRAY_SIZE(roots); i++)
			if (roots[i].there(mp))
				add_rmap(b, at++, 1, roots[i].own->owner);
	}
	dx_update_cksum(b, mp->sb.blocksize, DX_BTREE_SBLOCK_CRC_OFF);
}

/* Headers without what the trees put there. */
static void fill_headers(struct dx_mount *mp, const struct dx_perag *pag, struct dx_agf *f, struct dx_agi *i, struct dx_agfl *l)
{
	u32 free = pag->length - dx_ag_new_blocks(mp), n;

	f->agf_magicnum = cpu_to_be32(DX_AGF_MAGIC);
	f->agf_versionnum = cpu_to_be32(DX_AGF_VERSION);
	f->agf_seqno = cpu_to_be32(pag->agno);
	f->agf_length = cpu_to_be32(pag->length);
	/* an empty ring of the AGFL */
	f->agf_flfirst = cpu_to_be32(1);
	f->agf_freeblks = f->agf_longest = cpu_to_be32(free);
	uuid_copy(&f->agf_uuid, &mp->sb.meta_uuid);

	i->agi_magicnum = cpu_to_be32(DX_AGI_MAGIC);
	i->agi_versionnum = cpu_to_be32(DX_AGI_VERSION);
	i->agi_seqno = cpu_to_be32(pag->agno);
	i->agi_length = cpu_to_be32(pag->length);
	i->agi_newino = i->agi_dirino = cpu_to_be32(DX_NULLAGINO);
	for (n = 0; n < DX_AGI_UNLINKED_BUCKETS; n++)
		i->agi_unlinked[n] = cpu_to_be32(DX_NULLAGINO);
	uuid_copy(&i->agi_uuid, &mp->sb.meta_uuid);

	l->agfl_magicnum = cpu_to_be32(DX_AGFL_MAGIC);
	l->agfl_seqno = cpu_to_be32(pag->agno);
	uuid_copy(&l->agfl_uuid, &mp->sb.meta_uuid);
	for (n = 0; n < mp->agfl_size; n++)
		l->agfl_bno[n] = cpu_to_be32(DX_NULLAGBNO);
}

/**
 * dx_ag_write_new - write the beginning of an AG that nobody knows yet
 * @mp: the mount
 * @pag: the AG, from dx_ags_more()
 * @sb: its copy of the superblock, a sector
 * @buf: dx_ag_new_blocks() fsblocks of memory, overwritten
 *
 * Not durable before a flush.
 *
 * Return: 0, -EIO.
 */
int dx_ag_write_new(struct dx_mount *mp, const struct dx_perag *pag, const struct dx_dsb *sb, void *buf)
{
	u32 sect = mp->sb.sectsize, at = header_blocks(mp);
	void *agf = buf + DX_AGF_SECT * sect, *agi = buf + DX_AGI_SECT * sect, *agfl = buf + DX_AGFL_SECT * sect;
	struct dx_io io = {
		.op = DX_IO_WRITE, .flags = DX_IOF_META | DX_IOF_SYNC, .bdev = mp->bdev,
		.daddr_bb = dx_agb_to_daddr(mp, pag->agno, 0),
		.len_bytes = dx_fsb_to_b(mp, dx_ag_new_blocks(mp)), .data = buf,
	};
	int i;

	memset(buf, 0, io.len_bytes);
	memcpy(buf, sb, sect);
	fill_headers(mp, pag, agf, agi, agfl);
	for (i = 0; i < ARRAY_SIZE(roots); i++) {
		const struct ag_root *r = &roots[i];

		if (!r->there(mp))
			continue;
		set_be32(agf, r->agf_root, at);
		set_be32(agf, r->agf_level, 1);
		set_be32(agf, r->agf_blocks, 1);
		set_be32(agi, r->agi_root, at);
		set_be32(agi, r->agi_level, 1);
		if (dx_has_inobtcnt(mp))
			set_be32(agi, r->agi_blocks, 1);
		fill_root(mp, pag, r, at, buf + dx_fsb_to_b(mp, at));
		at++;
	}
	dx_update_cksum(agf, sect, DX_AGF_CRC_OFF);
	dx_update_cksum(agi, sect, DX_AGI_CRC_OFF);
	dx_update_cksum(agfl, sect, DX_AGFL_CRC_OFF);
	return dx_is_shutdown(mp) ? -EIO : dx_plat_io_wait(&io);
}

/**
 * dx_ag_new_perag - what is known of an AG that dx_ag_write_new() has written
 * @pag: the AG, not published
 *
 * The copies of its header fields, and what is set aside for its trees.
 *
 * Return: what it adds to the counter of free blocks, fsblocks.
 */
u32 dx_ag_new_perag(struct dx_perag *pag)
{
	struct dx_mount *mp = pag->mp;
	int i;

	for (i = 0; i < ARRAY_SIZE(roots); i++) {
		if (!roots[i].there(mp))
			continue;
		pag->levels[roots[i].btnum] = 1;
		if (roots[i].resv)
			pag->resv[roots[i].resv].used = 1;
	}
	pag->freeblks = pag->longest = pag->length - dx_ag_new_blocks(mp);
	pag->agf_init = pag->agi_init = true;
	return pag->freeblks - dx_agresv_lengthened(pag, pag->freeblks);
}

/* ---- the last one ---- */

/**
 * dx_ag_lengthen - an AG gets longer
 * @tp: transaction of DX_RESV_GROWDATA, holds nothing yet
 * @pag: the AG, the last one
 * @by: fsblocks
 * @agibp: out: its AGI, in @tp
 * @agfbp: out: its AGF, likewise
 *
 * The new blocks are free in its trees, and in nobody's counter.  dx_agresv_lengthened() is still to be called, before the AGF
 * is let go.
 *
 * Return: 0 or -errno; @tp may be dirty then.
 */
int dx_ag_lengthen(struct dx_trans *tp, struct dx_perag *pag, u32 by, struct dx_buf **agibp, struct dx_buf **agfbp)
{
	struct dx_mount *mp = tp->t_mp;
	dx_agbno_t end = pag->length;
	struct dx_agf *agf;
	struct dx_agi *agi;
	int error;

	error = dx_agi_read(mp, tp, pag->agno, agibp);
	if (!error)
		error = dx_alloc_begin_change(tp, pag->agno, agfbp);
	if (error)
		return error;
	agi = (*agibp)->b_addr;
	agf = (*agfbp)->b_addr;
	if (be32_to_cpu(agi->agi_length) != end || be32_to_cpu(agf->agf_length) != end)
		return dx_corrupt(mp, "AGI", (*agibp)->b_daddr, "agi_length");
	dx_ag_set_length(pag, end + by);
	agi->agi_length = agf->agf_length = cpu_to_be32(end + by);
	dx_agi_log(tp, *agibp, offsetof(struct dx_agi, agi_length), sizeof(agi->agi_length));
	dx_agf_log(tp, *agfbp, offsetof(struct dx_agf, agf_length), sizeof(agf->agf_length));
	/* free space has no owner, and these blocks are not busy: nobody ever had them */
	return dx_alloc_free_ag_extent(tp, *agfbp, pag->agno, end, by);
}

/**
 * dx_ag_shorten - an AG gets shorter
 * @tp: transaction of DX_RESV_GROWDATA with @by blocks, holds nothing yet
 * @pag: the AG, the last one
 * @by: fsblocks, fewer than it has
 * @agibp: out: its AGI, in @tp
 * @agfbp: out: its AGF, likewise
 *
 * The blocks at its end are allocated, to nobody, and then behind its end.  dx_agresv_shortened() is still to be called, before the
 * AGF is let go.
 *
 * Return: 0; 1: they are not all free, or are set aside for a tree; the AG is as it was, and @tp can be committed.  Or -errno;
 * then it cannot, a tree may be half changed.
 */
int dx_ag_shorten(struct dx_trans *tp, struct dx_perag *pag, u32 by, struct dx_buf **agibp, struct dx_buf **agfbp)
{
	struct dx_mount *mp = tp->t_mp;
	dx_agbno_t end = pag->length - by;
	struct dx_alloc_arg args = {
		.tp = tp, .mp = mp, .fsbno = dx_agb_to_fsb(mp, pag->agno, end), .type = DX_ALLOC_EXACT, .userdata = true,
		.minlen = by, .maxlen = by, .prod = 1, .alignment = 1,
	};
	struct dx_agf *agf;
	struct dx_agi *agi;
	int error;

	error = dx_agi_read(mp, tp, pag->agno, agibp);
	if (!error)
		error = dx_alloc_extents(&args);
	if (!error && args.fsbno == DX_NULLFSBNO)
		return 1;
	if (!error)
		error = dx_agf_read(mp, tp, pag->agno, 0, agfbp);
	if (error)
		return error;
	agi = (*agibp)->b_addr;
	agf = (*agfbp)->b_addr;
	if (be32_to_cpu(agi->agi_length) != end + by || be32_to_cpu(agf->agf_length) != end + by)
		return dx_corrupt(mp, "AGI", (*agibp)->b_daddr, "agi_length");
	dx_ag_set_length(pag, end);
	agi->agi_length = agf->agf_length = cpu_to_be32(end);
	dx_agi_log(tp, *agibp, offsetof(struct dx_agi, agi_length), sizeof(agi->agi_length));
	dx_agf_log(tp, *agfbp, offsetof(struct dx_agf, agf_length), sizeof(agf->agf_length));
	return 0;
}
