// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extents are freed as deferred work: the transaction that unmaps them logs an intent (EFI), another one frees them and
 * logs that this is done (EFD).  How that works is in intent.c and defer.c.
 *
 * AGs are locked in ascending order (L1), so extents are freed in the order of their addresses.
 *
 * Source: "Intent to Free an Extent", "Completion of Intent to Free an Extent".
 */
#include "dx_alloc.h"

struct free_work {
	struct dx_defer_work	work;		/* first */
	dx_fsbno_t		fsbno;
	dx_extlen_t		len;
	bool			skip_discard;
	struct dx_owner		own;		/* not logged */
};

static int by_fsbno(void *priv, const struct list_head *a, const struct list_head *b)
{
	return list_entry(a, struct free_work, work.list)->fsbno > list_entry(b, struct free_work, work.list)->fsbno;
}

static void free_format(const struct dx_defer_work *work, void *to)
{
	const struct free_work *f = container_of(work, struct free_work, work);
	struct dx_log_extent *ext = to;

	ext->ext_start = f->fsbno;
	ext->ext_len = f->len;
}

static int free_parse(struct dx_mount *mp, const void *from, struct dx_defer_work **workp)
{
	const struct dx_log_extent *ext = from;
	struct free_work *f;

	if (!dx_verify_fsbext(mp, ext->ext_start, ext->ext_len)) {
		dx_err(mp, "corrupt EFI in the log: extent 0x%llx, length %u", (unsigned long long)ext->ext_start, ext->ext_len);
		return -EFSCORRUPTED;
	}
	f = kzalloc(sizeof(*f), GFP_NOFS | __GFP_NOFAIL);
	f->fsbno = ext->ext_start;
	f->len = ext->ext_len;
	f->own.owner = DX_RMAP_OWN_UNKNOWN;
	*workp = &f->work;
	return 0;
}

static int free_finish(struct dx_trans *tp, struct dx_defer_work *work)
{
	struct free_work *f = container_of(work, struct free_work, work);
	struct list_head *last = tp->t_busy.prev;
	int error = dx_free_extent_of(tp, f->fsbno, f->len, DX_AGRESV_NONE, &f->own);

	if (error)
		return error;
	/* what this free added */
	for (last = last->next; f->skip_discard && last != &tp->t_busy; last = last->next)
		list_entry(last, struct dx_busy_extent, list)->flags |= DX_BUSY_SKIP_DISCARD;
	return 0;
}

/* What the log knows as EFI and EFD. */
const struct dx_defer_type dx_extfree_type = {
	.name		= "EFI",
	.li_type	= DX_LI_EFI,
	.done_repeats	= true,
	.resv		= DX_RESV_EFI_FINISH,
	.most		= 16,		/* as many as other writers put into one */
	.a_go		= DX_FREES_A_GO,
	.work_bytes	= sizeof(struct dx_log_extent),
	.order		= by_fsbno,
	.format		= free_format,
	.parse		= free_parse,
	.finish		= free_finish,
};

/**
 * dx_defer_free_of - free an extent when this transaction is committed
 * @tp: transaction with a permanent reservation
 * @fsbno: first block
 * @len: fsblocks
 * @skip_discard: the blocks will be reused soon (metadata)
 * @own: whose it is, as the rmapbt has it
 *
 * Return: 0 or -EFSCORRUPTED for an extent that cannot be.
 */
int dx_defer_free_of(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len, bool skip_discard, const struct dx_owner *own)
{
	struct free_work *f;

	if (!dx_verify_fsbext(tp->t_mp, fsbno, len)) {
		dx_err(tp->t_mp, "refusing to free extent 0x%llx, length %u", (unsigned long long)fsbno, len);
		return -EFSCORRUPTED;
	}
	f = kzalloc(sizeof(*f), GFP_NOFS | __GFP_NOFAIL);
	f->fsbno = fsbno;
	f->len = len;
	f->skip_discard = skip_discard;
	f->own = *own;
	dx_defer_add(tp, &dx_extfree_type, &f->work);
	return 0;
}

/**
 * dx_defer_free - the same for an extent of a file, for which dx_defer_rmap() has been called
 * @tp: transaction with a permanent reservation
 * @fsbno: first block
 * @len: fsblocks
 * @skip_discard: the blocks will be reused soon (metadata)
 */
int dx_defer_free(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len, bool skip_discard)
{
	static const struct dx_owner nobody;

	return dx_defer_free_of(tp, fsbno, len, skip_discard, &nobody);
}
