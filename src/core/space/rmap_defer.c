// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of what files map reach the reverse mapping btrees as deferred work: the transaction that changes a map logs an
 * intent (RUI), others change the trees of the AGs and log that this is done (RUD).
 *
 * An extent that is unmapped loses its owner before it is freed, because that is the order in which the two works were
 * added.  AGs are locked in ascending order (L1); works on one AG stay in
 * order: moving an extent is unmap and map of the same blocks.
 *
 * What the data fork of a file maps that has ever shared blocks has types of its own: among the records of others its own must be
 * looked for.
 *
 * Source: "Reverse Mapping Updates Intent".
 */
#include "dx_alloc_int.h"

struct rmap_work {
	struct dx_defer_work	work;		/* first */
	dx_fsbno_t		fsbno;
	dx_agno_t		agno;		/* that this is in */
	dx_extlen_t		len;
	u32			type;		/* DX_RUI_* */
	struct dx_owner		own;		/* of a conversion: with the new state */
};

static int by_ag(void *priv, const struct list_head *a, const struct list_head *b)
{
	return list_entry(a, struct rmap_work, work.list)->agno > list_entry(b, struct rmap_work, work.list)->agno;
}

static const struct { u64 offset; u32 rui; } flags[] = {
	{ DX_RMAP_ATTRFORK, DX_RUI_ATTR_FORK }, { DX_RMAP_BMBT, DX_RUI_BMBT_BLOCK }, { DX_RMAP_UNWRITTEN, DX_RUI_UNWRITTEN },
};

static void rmap_format(const struct dx_defer_work *work, void *to)
{
	const struct rmap_work *r = container_of(work, struct rmap_work, work);
	struct dx_map_extent *ext = to;
	unsigned int i;

	ext->me_owner = r->own.owner;
	ext->me_startblock = r->fsbno;
	ext->me_startoff = DX_RMAP_OFF(r->own.offset);
	ext->me_len = r->len;
	ext->me_flags = r->type;
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (r->own.offset & flags[i].offset)
			ext->me_flags |= flags[i].rui;
}

static int rmap_parse(struct dx_mount *mp, const void *from, struct dx_defer_work **workp)
{
	const struct dx_map_extent *ext = from;
	struct rmap_work *r;
	unsigned int i;

	/* the rest has been looked at when it was found: recover_check.c */
	if (!dx_verify_fsbext(mp, ext->me_startblock, ext->me_len) ||
	    (!DX_RMAP_OWN_SPECIAL(ext->me_owner) && !dx_verify_ino(mp, ext->me_owner))) {
		dx_err(mp, "corrupt RUI in the log: owner 0x%llx, extent 0x%llx, length %u", (unsigned long long)ext->me_owner,
		       (unsigned long long)ext->me_startblock, ext->me_len);
		return -EFSCORRUPTED;
	}
	r = kzalloc(sizeof(*r), GFP_NOFS | __GFP_NOFAIL);
	r->fsbno = ext->me_startblock;
	r->agno = dx_fsb_to_agno(mp, r->fsbno);
	r->len = ext->me_len;
	r->type = DX_RUI_TYPE(ext->me_flags);
	r->own = (struct dx_owner) { ext->me_owner, ext->me_startoff };
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (ext->me_flags & flags[i].rui)
			r->own.offset |= flags[i].offset;
	*workp = &r->work;
	return 0;
}

static int rmap_finish(struct dx_trans *tp, struct dx_defer_work *work)
{
	const struct rmap_work *r = container_of(work, struct rmap_work, work);
	dx_agbno_t bno = dx_fsb_to_agbno(tp->t_mp, r->fsbno);
	struct dx_owner old = r->own;
	struct dx_buf *agbp;
	int error;

	error = dx_alloc_begin_change(tp, r->agno, &agbp);
	if (error)
		return error;
	switch (r->type) {
	case DX_RUI_UNMAP:
	case DX_RUI_FREE:
		return dx_rmap_remove(tp, agbp, r->agno, bno, r->len, &old);
	case DX_RUI_UNMAP_SHARED:
		return dx_rmap_remove_shared(tp, agbp, r->agno, bno, r->len, &old);
	case DX_RUI_CONVERT:
		old.offset ^= DX_RMAP_UNWRITTEN;
		error = dx_rmap_remove(tp, agbp, r->agno, bno, r->len, &old);
		break;
	case DX_RUI_CONVERT_SHARED:
		old.offset ^= DX_RMAP_UNWRITTEN;
		error = dx_rmap_remove_shared(tp, agbp, r->agno, bno, r->len, &old);
		if (error)
			return error;
		fallthrough;
	case DX_RUI_MAP_SHARED:
		return dx_rmap_add_shared(tp, agbp, r->agno, bno, r->len, &r->own);
	}
	return error ? error : dx_rmap_add(tp, agbp, r->agno, bno, r->len, &r->own);
}

/* What the log knows as RUI and RUD. */
const struct dx_defer_type dx_rmap_type = {
	.name		= "RUI",
	.li_type	= DX_LI_RUI,
	.resv		= DX_RESV_EFI_FINISH,
	.most		= 16,		/* as many as other writers put into one */
	.a_go		= DX_FREES_A_GO,
	.work_bytes	= sizeof(struct dx_map_extent),
	.order		= by_ag,
	.format		= rmap_format,
	.parse		= rmap_parse,
	.finish		= rmap_finish,
};

/**
 * dx_defer_rmap - change the owner of blocks when this transaction is committed
 * @tp: transaction with a permanent reservation, on a volume with rmapbt
 * @type: DX_RUI_MAP, _UNMAP or _CONVERT
 * @fsbno: first block
 * @len: fsblocks, within one AG
 * @own: whose they become or were; of a conversion with the state that they get
 */
void dx_defer_rmap(struct dx_trans *tp, u32 type, dx_fsbno_t fsbno, dx_extlen_t len, const struct dx_owner *own)
{
	struct rmap_work *r = kzalloc(sizeof(*r), GFP_NOFS | __GFP_NOFAIL);

	r->fsbno = fsbno;
	r->agno = dx_fsb_to_agno(tp->t_mp, fsbno);
	r->len = len;
	r->type = type;
	r->own = *own;
	dx_defer_add(tp, &dx_rmap_type, &r->work);
}
