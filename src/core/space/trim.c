// SPDX-License-Identifier: GPL-2.0-only
/*
 * FITRIM: discard free space on request.
 *
 * Free extents are picked a batch at a time under the AGF lock and made busy,
 * so that nobody gets them; then the AGF is let go while the device discards,
 * and allocation in that AG goes on elsewhere.  A batch is short (an extent may be most of an AG, or of the
 * volume) so that there is an elsewhere.  Extents that are busy already are
 * skipped where they are: their free may not be durable.
 */
#include "dx_btree.h"
#include "dx_alloc_int.h"

#define TRIM_BATCH	64	/* extents; and dx_busy_piece() blocks */

struct trim_range {
	dx_agbno_t	start, end;	/* [start, end) within the AG */
	dx_extlen_t	minlen;
};

/* Collect one batch from *pos on; *pos moves behind it. */
static int trim_gather(struct dx_mount *mp, dx_agno_t agno, const struct trim_range *r, dx_agbno_t *pos,
		       struct list_head *list)
{
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agbp;
	u32 room = dx_busy_piece(mp);
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
		dx_extlen_t len, whole;
		unsigned int gen;

		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		if (rec.alloc.startblock >= r->end)
			break;
		bno = max(rec.alloc.startblock, *pos);
		end = min(rec.alloc.startblock + rec.alloc.blockcount, r->end);
		/* a batch may have ended within this extent: its length is that of all of it */
		whole = end - max(rec.alloc.startblock, r->start);
		if (bno < end && whole >= r->minlen) {
			len = end - bno;
			*pos = end;
			if (dx_busy_trim(mp, agno, &bno, &len, 0, &gen))
				whole = len;
			if (len && whole >= r->minlen) {
				if (len > room) {
					len = room;
					*pos = bno + len;
				}
				dx_busy_insert_list(mp, list, agno, bno, len, 0);
				room -= len;
				n++;
			}
			if (n >= TRIM_BATCH || !room)
				break;
		}
		error = dx_btree_increment(cur, 0, &stat);
	}
	if (n < TRIM_BATCH && room)
		*pos = r->end;
	dx_btree_del_cursor(cur, error);
	dx_buf_leave(agbp);
	return error;
}

/* Between two batches. A remount to read-only waits for all discards under s_umount: it goes first. */
static int may_go_on(struct dx_mount *mp)
{
	int error = 0;

	while (test_bit(DX_OP_GOING_RO, &mp->opstate) && !dx_is_shutdown(mp) && !error) {
		msleep(10);
		error = dx_plat_interrupted();
	}
	return dx_is_shutdown(mp) ? -EIO : error ?: dx_plat_interrupted();
}

/**
 * dx_trim_free - discard free space
 * @mp: mount
 * @start_bb: first bb of the range
 * @end_bb: last bb of the range, inclusive
 * @minlen_bb: shortest extent worth a discard
 * @discarded_bytes: out
 *
 * No locks held.  Returns 0, -EOPNOTSUPP, -EINVAL, -EROFS, -EINTR when the task is killed, -ERESTARTSYS when it is
 * to be frozen, or an error of the trees.
 */
int dx_trim_free(struct dx_mount *mp, u64 start_bb, u64 end_bb, u64 minlen_bb, u64 *discarded_bytes)
{
	u64 first = dx_bb_to_fsb(mp, start_bb), last, minlen = max_t(u64, 1, dx_bb_to_fsb(mp, minlen_bb)), blocks = 0;
	dx_agno_t agno, agend;
	int error = 0;

	*discarded_bytes = 0;
	if (!dx_plat_can_discard(mp->bdev))
		return -EOPNOTSUPP;
	/* read-only for its users does not keep a volume from being trimmed; a log that was not replayed does */
	if (test_bit(DX_OP_NORECOVERY, &mp->opstate) || test_bit(DX_OP_RO_DEVICE, &mp->opstate))
		return -EROFS;
	if (start_bb >= dx_fsb_to_bb(mp, dx_dblocks(mp)) || minlen > dx_ag_max_usable(mp))
		return -EINVAL;
	last = min(dx_bb_to_fsbt(mp, end_bb == U64_MAX ? end_bb : end_bb + 1), dx_dblocks(mp));	/* exclusive */
	if (last <= first)
		return 0;

	/* what was freed so far need not stay busy: it should be trimmed too */
	error = dx_log_force(mp, true);
	if (error)
		return error;
	agno = div_u64(first, mp->sb.agblocks);
	agend = div_u64(last - 1, mp->sb.agblocks);
	for (; !error && agno <= agend && agno < dx_agcount(mp); agno++) {
		u64 ag_first = (u64)agno * mp->sb.agblocks;
		struct trim_range r = {
			.start = first > ag_first ? first - ag_first : 0,
			.end = min_t(u64, last - ag_first, dx_perag(mp, agno)->length),
			.minlen = minlen,
		};
		dx_agbno_t pos = r.start;

		while (!error && pos < r.end) {
			LIST_HEAD(list);

			error = may_go_on(mp);
			if (error)
				break;
			error = trim_gather(mp, agno, &r, &pos, &list);
			blocks += dx_busy_discard(mp, &list, false);
			cond_resched();
		}
	}
	*discarded_bytes = dx_fsb_to_b(mp, blocks);
	return error;
}
