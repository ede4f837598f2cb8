// SPDX-License-Identifier: GPL-2.0-only
/*
 * FITRIM: discard free space on request.
 *
 * Free extents are picked a batch at a time under the AGF lock and made busy,
 * so that nobody gets them; then the AGF is let go while the device discards,
 * and allocation in that AG goes on elsewhere.  Extents that are busy already are
 * skipped where they are: their free may not be durable.
 */
#include "dx_btree.h"
#include "dx_alloc_int.h"

#define TRIM_BATCH	64

struct trim_range {
	dx_agbno_t	start, end;	/* [start, end) within the AG */
	dx_extlen_t	minlen;
};

/* Collect one batch from *pos on; *pos moves behind it. */
static int trim_gather(struct dx_mount *mp, dx_agno_t agno, const struct trim_range *r, dx_agbno_t *pos,
		       struct list_head *list, u64 *blocks)
{
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agbp;
	int stat, error, n = 0;

	error = dx_agf_read(mp, NULL, agno, 0, &agbp);
	if (error)
		return error;
	cur = dx_bnobt_cursor(mp, NULL, agbp, agno, DX_BTNUM_BNO);
	cur->rec.alloc.startblock = *pos;
	cur->rec.alloc.blockcount = 0;
	/* an extent that starts before the range may reach into it */
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	if (!error && !stat)
		error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	while (!error && stat) {
		dx_agbno_t bno, end;
		dx_extlen_t len;
		unsigned int gen;

		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		if (rec.alloc.startblock >= r->end)
			break;
		bno = max(rec.alloc.startblock, *pos);
		end = min(rec.alloc.startblock + rec.alloc.blockcount, r->end);
		if (bno < end && end - bno >= r->minlen) {
			len = end - bno;
			*pos = end;
			dx_busy_trim(mp, agno, &bno, &len, &gen);
			if (len >= r->minlen) {
				dx_busy_insert_list(mp, list, agno, bno, len, DX_BUSY_DISCARDED);
				*blocks += len;
				n++;
			}
			if (n >= TRIM_BATCH)
				break;
		}
		error = dx_btree_increment(cur, 0, &stat);
	}
	if (n < TRIM_BATCH)
		*pos = r->end;
	dx_btree_del_cursor(cur, error);
	dx_buf_relse(agbp);
	return error;
}

/**
 * dx_trim_free - discard free space
 * @mp: mount
 * @start_bb: first bb of the range
 * @end_bb: last bb of the range, inclusive
 * @minlen_bb: shortest extent worth a discard
 * @discarded_bytes: out
 *
 * No locks held.  Returns 0, -EOPNOTSUPP, -EINVAL, -EROFS, or an error of the trees.
 */
int dx_trim_free(struct dx_mount *mp, u64 start_bb, u64 end_bb, u64 minlen_bb, u64 *discarded_bytes)
{
	u64 first = dx_bb_to_fsb(mp, start_bb), last, minlen = max_t(u64, 1, dx_bb_to_fsb(mp, minlen_bb)), blocks = 0;
	dx_agno_t agno, agend;
	int error = 0;

	*discarded_bytes = 0;
	if (!dx_plat_can_discard(mp->bdev))
		return -EOPNOTSUPP;
	if (dx_is_readonly(mp))
		return -EROFS;
	if (start_bb >= dx_fsb_to_bb(mp, mp->sb.dblocks) || minlen > dx_alloc_ag_max_usable(mp))
		return -EINVAL;
	last = min(dx_bb_to_fsbt(mp, end_bb == U64_MAX ? end_bb : end_bb + 1), mp->sb.dblocks);	/* exclusive */
	if (last <= first)
		return 0;

	/* what was freed so far need not stay busy: it should be trimmed too */
	error = dx_log_force(mp, true);
	if (error)
		return error;
	agno = div_u64(first, mp->sb.agblocks);
	agend = div_u64(last - 1, mp->sb.agblocks);
	for (; !error && agno <= agend && agno < mp->sb.agcount; agno++) {
		u64 ag_first = (u64)agno * mp->sb.agblocks;
		struct trim_range r = {
			.start = first > ag_first ? first - ag_first : 0,
			.end = min_t(u64, last - ag_first, mp->perag[agno].length),
			.minlen = minlen,
		};
		dx_agbno_t pos = r.start;

		while (!error && pos < r.end) {
			LIST_HEAD(list);
			u64 got = 0;

			if (dx_is_shutdown(mp)) {
				error = -EIO;
				break;
			}
			error = trim_gather(mp, agno, &r, &pos, &list, &got);
			dx_busy_discard(mp, &list);
			dx_busy_clear(mp, &list, false);
			blocks += got;
			cond_resched();
		}
	}
	*discarded_bytes = dx_fsb_to_b(mp, blocks);
	return error;
}
