// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a crash leaves of copies on write: blocks that were taken to be the copy of shared ones, and that no file has got.
 *
 * Which they are is on disk (the staged records of the refcountbt), and nobody has any when a volume is mounted: so they are
 * all freed then, before the first user comes.
 *
 * A record can be wrong.  To free what is free already, or what somebody has, would be worse than to leave it: such a record
 * stays, for xfs_repair.  Nothing has been changed when that is found, so the volume can be used.
 *
 * Locks: none held.
 */
#include "dx_alloc_int.h"
#include "dx_log_format.h"

/* The first staged run from @*bno on; *len = 0: there is none. */
static int next_staged(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t *bno, dx_extlen_t *len)
{
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agbp;
	int stat, error;

	*len = 0;
	error = dx_agf_read(mp, NULL, agno, 0, &agbp);
	if (error)
		return error;
	cur = dx_refcountbt_cursor(mp, NULL, agbp, agno);
	cur->rec.refc.startblock = *bno | DX_REFC_COWFLAG;
	error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	if (!error && stat)
		error = dx_btree_get_rec(cur, &rec, &stat);
	if (!error && stat) {
		*bno = rec.refc.startblock & ~DX_REFC_COWFLAG;
		*len = rec.refc.blockcount;
	}
	dx_btree_del_cursor(cur, error);
	dx_buf_leave(agbp);
	return error;
}

/* Is it nobody's, and not free? */
static int check(struct dx_mount *mp, dx_fsbno_t fsbno, dx_extlen_t len, const char **why)
{
	dx_extlen_t before, shared;
	bool free, own;
	int error;

	*why = NULL;
	error = dx_alloc_any_free(mp, fsbno, len, &free);
	if (!error && free)
		*why = "free";
	if (!error && !*why) {
		error = dx_refcount_find_shared(mp, fsbno, len, &before, &shared);
		if (!error && shared)
			*why = "shared";
	}
	if (!error && !*why && dx_has_rmapbt(mp)) {
		error = dx_rmap_is_owner(mp, fsbno, len, &dx_own_cow, &own);
		if (!error && !own)
			*why = "somebody's";
	}
	return error;
}

static int free_staged(struct dx_mount *mp, dx_fsbno_t fsbno, dx_extlen_t len)
{
	struct dx_trans *tp;
	int error = dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, DX_TRANS_RESERVE, &tp);

	if (error)
		return error;
	dx_defer_refcount(tp, DX_CUI_FREE_COW, fsbno, len);
	return dx_trans_end(tp, dx_defer_free(tp, fsbno, len, false));
}

/**
 * dx_refcount_free_leftovers - free what was staged for copies on write that will not come
 * @mp: a mount that nobody uses yet, and that may write
 *
 * Return: 0, or -errno: what could not be read, or -EIO after a shutdown.
 */
int dx_refcount_free_leftovers(struct dx_mount *mp)
{
	u64 freed = 0;
	dx_agno_t agno;

	if (!dx_has_reflink(mp))
		return 0;
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		dx_agbno_t bno = 0;
		dx_extlen_t len;

		for (;; bno += len) {
			dx_fsbno_t fsbno;
			const char *why;
			int error = next_staged(mp, agno, &bno, &len);

			if (error)
				return error;
			if (!len)
				break;
			fsbno = dx_agb_to_fsb(mp, agno, bno);
			error = check(mp, fsbno, len, &why);
			if (!error && why) {
				dx_warn(mp, "AG %u block %u length %u: set aside for a copy on write, and %s: it stays, run xfs_repair",
					agno, bno, len, why);
				continue;
			}
			if (!error)
				error = free_staged(mp, fsbno, len);
			if (error)
				return error;
			freed += len;
		}
	}
	if (freed)
		dx_info(mp, "freed %llu blocks that were set aside for copies on write", (unsigned long long)freed);
	return 0;
}
