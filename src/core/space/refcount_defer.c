// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of how many extents map a block reach the reference count btrees as deferred work: the transaction that changes a map
 * logs an intent (CUI), others change the trees of the AGs and log that this is done (CUD).
 *
 * A range of many runs with different counts is done in parts, each with an intent for the rest (refcount.c).  What a decrease
 * leaves without an owner is freed by what comes next (EFI), before works that wait.
 *
 * Blocks that are staged for a copy on write have an owner in the rmapbt, too, which changes with intents of its own (RUI): it
 * is named before they are staged and goes before they are not, as other kernels have it.  Files tell what they map themselves.
 *
 * Source: "Reference Count Updates Intent".
 */
#include "dx_alloc_int.h"
#include "dx_log_format.h"

struct refcount_work {
	struct dx_defer_work	work;		/* first */
	dx_fsbno_t		fsbno;
	dx_agno_t		agno;		/* that this is in */
	dx_extlen_t		len;
	u32			type;		/* DX_CUI_* */
};

/* Works on one AG stay in their order: a block may lose an owner and get one. */
static int by_ag(void *priv, const struct list_head *a, const struct list_head *b)
{
	return list_entry(a, struct refcount_work, work.list)->agno > list_entry(b, struct refcount_work, work.list)->agno;
}

static void refcount_format(const struct dx_defer_work *work, void *to)
{
	const struct refcount_work *r = container_of(work, struct refcount_work, work);
	struct dx_phys_extent *ext = to;

	ext->pe_startblock = r->fsbno;
	ext->pe_len = r->len;
	ext->pe_flags = r->type;
}

static int refcount_parse(struct dx_mount *mp, const void *from, struct dx_defer_work **workp)
{
	const struct dx_phys_extent *ext = from;
	struct refcount_work *r;

	/* the rest has been looked at when it was found: recover_check.c */
	if (!dx_verify_fsbext(mp, ext->pe_startblock, ext->pe_len)) {
		dx_err(mp, "corrupt CUI in the log: extent 0x%llx, length %u", (unsigned long long)ext->pe_startblock, ext->pe_len);
		return -EFSCORRUPTED;
	}
	r = kzalloc(sizeof(*r), GFP_NOFS | __GFP_NOFAIL);
	r->fsbno = ext->pe_startblock;
	r->agno = dx_fsb_to_agno(mp, r->fsbno);
	r->len = ext->pe_len;
	r->type = DX_CUI_TYPE(ext->pe_flags);
	*workp = &r->work;
	return 0;
}

static int refcount_finish(struct dx_trans *tp, struct dx_defer_work *work)
{
	struct refcount_work *r = container_of(work, struct refcount_work, work);
	dx_extlen_t done = r->len;
	struct dx_buf *agbp;
	int error;

	error = dx_alloc_begin_change(tp, r->agno, &agbp);
	if (!error)
		error = dx_refcount_change(tp, agbp, r->agno, r->type, dx_fsb_to_agbno(tp->t_mp, r->fsbno), &done);
	if (error)
		return error;
	r->fsbno += done;
	r->len -= done;
	return r->len ? -EAGAIN : 0;
}

/* What the log knows as CUI and CUD. */
const struct dx_defer_type dx_refcount_type = {
	.name		= "CUI",
	.li_type	= DX_LI_CUI,
	.resv		= DX_RESV_EFI_FINISH,
	.most		= 16,		/* as many as other writers put into one */
	.a_go		= DX_REFCOUNTS_A_GO,
	.work_bytes	= sizeof(struct dx_phys_extent),
	.order		= by_ag,
	.format		= refcount_format,
	.parse		= refcount_parse,
	.finish		= refcount_finish,
};

/**
 * dx_defer_refcount - blocks get an owner more, or one fewer, when this transaction is committed
 * @tp: transaction with a permanent reservation, on a volume with reflink
 * @type: DX_CUI_INCREASE: one more extent maps them.  _DECREASE: one fewer; what none maps any more is freed.
 *	_ALLOC_COW: just allocated, without an owner, they are staged for a copy on write.  _FREE_COW: they are not any more; the
 *	caller frees them or maps them
 * @fsbno: first block
 * @len: fsblocks, within one AG
 */
void dx_defer_refcount(struct dx_trans *tp, u32 type, dx_fsbno_t fsbno, dx_extlen_t len)
{
	struct refcount_work *r = kzalloc(sizeof(*r), GFP_NOFS | __GFP_NOFAIL);

	r->fsbno = fsbno;
	r->agno = dx_fsb_to_agno(tp->t_mp, fsbno);
	r->len = len;
	r->type = type;
	if (dx_has_rmapbt(tp->t_mp)) {
		if (type == DX_CUI_ALLOC_COW)
			dx_defer_rmap(tp, DX_RUI_ALLOC, fsbno, len, &dx_own_cow);
		else if (type == DX_CUI_FREE_COW)
			dx_defer_rmap(tp, DX_RUI_FREE, fsbno, len, &dx_own_cow);
	}
	dx_defer_add(tp, &dx_refcount_type, &r->work);
}
