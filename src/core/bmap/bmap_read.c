// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the extents of a fork in btree form into memory.
 *
 * Source: "Extent B+trees".
 */
#include "dx_bmap_int.h"

struct read_ctx {
	struct dx_fork	*f;
	u64		end;
};

static int read_leaf(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	struct read_ctx *rc = data;
	struct dx_iext_cur icur;
	const struct dx_bmbt_rec *r;
	struct dx_irec rec;
	u32 i, n;
	int error;

	if (level || !bp)
		return 0;
	n = be16_to_cpu(((struct dx_btree_lblock *)bp->b_addr)->bb_numrecs);
	r = dx_buf_off(bp, DX_BTREE_LBLOCK_LEN);
	if (dx_iext_count(&rc->f->ext) + n > rc->f->nextents)
		return dx_fork_corrupt(cur->ip, cur->whichfork, "more extents than nextents");
	for (i = 0; i < n; i++) {
		dx_bmbt_disk_get(&r[i], &rec);
		error = dx_irec_verify(cur->ip, cur->whichfork, &rec);
		if (error)
			return error;
		if (rec.startoff < rc->end)
			return dx_fork_corrupt(cur->ip, cur->whichfork, "order of extents");
		rc->end = dx_irec_end(&rec);
		dx_iext_insert(&rc->f->ext, &icur, &rec);
	}
	return 0;
}

/**
 * dx_iread_extents - read the extents of a btree-form fork into memory.
 * @tp: transaction or NULL
 * @ip: inode, ILOCK exclusive
 * @whichfork: fork
 *
 * No-op when they are there already.  Checks each extent, their order and their number.
 * Returns 0, -EFSCORRUPTED or an I/O error.
 */
int dx_iread_extents(struct dx_trans *tp, struct dx_inode *ip, int whichfork)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct read_ctx rc = { .f = f };
	struct dx_btree_cur *cur;
	int error;

	if (!f || f->extents_read)
		return 0;
	if (WARN_ON_ONCE(f->format != DX_DINODE_FMT_BTREE))
		return -EFSCORRUPTED;
	cur = dx_bmbt_cursor(ip->mp, tp, ip, whichfork);
	error = dx_btree_visit_blocks(cur, read_leaf, &rc);
	dx_btree_del_cursor(cur, error);
	if (!error && dx_iext_count(&f->ext) != f->nextents)
		error = dx_fork_corrupt(ip, whichfork, "fewer extents than nextents");
	if (error) {
		dx_iext_destroy(&f->ext);
		return error;
	}
	/* who asks before he takes the ILOCK (ilock.c), and finds it set, finds all extents */
	smp_store_release(&f->extents_read, true);
	if (whichfork == DX_DATA_FORK)
		dx_inode_look_past_eof(ip);
	return 0;
}
