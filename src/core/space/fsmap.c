// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the blocks of an AG are used for, in order: from its reverse mapping btree, or from its free space btree, which knows
 * only what is free.
 *
 * Who asks may take long over an answer (it goes to a program's memory), and an AG may have millions: records are collected
 * a batch at a time under the AGF, and handed on when that is free again.  So a change in between shows partly.  What is
 * handed on is in order all the same, no record twice, and no free block twice.
 *
 * Locks: takes the AGF; the caller holds none, and ->fn gets none.
 */
#include "dx_alloc_int.h"

#define BATCH	128

struct batch {
	bool			again;		/* not the first one: @from is the last record, or the free block behind it */
	union dx_btree_key	from, to;
	unsigned int		n;
	struct dx_space_rec	rec[BATCH];
};

static int collect_owner(struct dx_btree_cur *cur, const union dx_btree_rec *rec, void *data)
{
	struct batch *b = data;
	union dx_btree_key key;

	cur->ops->key_from_rec(rec, &key);
	/* a record that reaches into the range may begin before one that was seen already */
	if (b->again && cur->ops->key_cmp(&key, &b->from) <= 0)
		return 0;
	b->rec[b->n++] = (struct dx_space_rec) {
		.bno = rec->rmap.startblock, .len = rec->rmap.blockcount, .owner = rec->rmap.owner, .offset = rec->rmap.offset,
	};
	if (b->n < BATCH)
		return 0;
	b->from = key;
	return 1;
}

static int collect_owners(struct dx_mount *mp, struct dx_buf *agbp, dx_agno_t agno, struct batch *b)
{
	struct dx_btree_cur *cur = dx_rmapbt_cursor(mp, NULL, agbp, agno);
	union dx_btree_key from = b->from;
	int error = dx_btree_query_overlap(cur, &from, &b->to, collect_owner, b);

	dx_btree_del_cursor(cur, error < 0 ? error : 0);
	return error < 0 ? error : 0;
}

static int collect_free(struct dx_mount *mp, struct dx_buf *agbp, dx_agno_t agno, struct batch *b)
{
	struct dx_btree_cur *cur = dx_bnobt_cursor(mp, NULL, agbp, agno, DX_BTNUM_BNO);
	union dx_btree_rec rec;
	int stat, error;

	cur->rec.alloc.startblock = b->from.rmap.startblock;
	cur->rec.alloc.blockcount = 0;
	/* an extent that begins before the range may reach into it */
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	if (!error && !stat)
		error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	while (!error && stat) {
		dx_agbno_t bno, end;

		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat || rec.alloc.startblock > b->to.rmap.startblock)
			break;
		bno = rec.alloc.startblock;
		end = bno + rec.alloc.blockcount;
		if (end > b->from.rmap.startblock) {
			/* the beginning may have been seen, and what was freed since is now one with it */
			if (b->again)
				bno = max(bno, b->from.rmap.startblock);
			b->rec[b->n++] = (struct dx_space_rec) { .bno = bno, .len = end - bno, .owner = DX_RMAP_OWN_NULL };
			if (b->n == BATCH) {
				b->from.rmap.startblock = end;
				break;
			}
		}
		error = dx_btree_increment(cur, 0, &stat);
	}
	dx_btree_del_cursor(cur, error);
	return error;
}

/**
 * dx_space_query - call a function for all that covers any place of a range of an AG
 * @mp: mount
 * @agno: AG
 * @by_owner: ask the rmapbt, which the volume has, for what is in use; otherwise the bnobt for what is free
 * @low: first place (block, owner, offset with flags); of the bnobt only the block counts
 * @high: last place, likewise
 * @fn: called for each record, in order, no lock held; what is free has the owner DX_RMAP_OWN_NULL; not 0 ends the walk
 * @data: for @fn
 *
 * A record that begins before @low is among them.  The AGFL's blocks are in use.
 *
 * Return: 0, what @fn returned, or -errno.
 */
int dx_space_query(struct dx_mount *mp, dx_agno_t agno, bool by_owner, const union dx_btree_key *low,
		   const union dx_btree_key *high, int (*fn)(const struct dx_space_rec *rec, void *data), void *data)
{
	struct batch *b = kmalloc(sizeof(*b), GFP_KERNEL);
	unsigned int i;
	int error;

	if (!b)
		return -ENOMEM;
	b->from = *low;
	b->to = *high;
	b->again = false;
	do {
		struct dx_buf *agbp;

		b->n = 0;
		error = dx_agf_read(mp, NULL, agno, 0, &agbp);
		if (error)
			break;
		error = by_owner ? collect_owners(mp, agbp, agno, b) : collect_free(mp, agbp, agno, b);
		dx_buf_leave(agbp);
		b->again = true;
		for (i = 0; i < b->n && !error; i++)
			error = fn(&b->rec[i], data);
		cond_resched();
	} while (!error && b->n == BATCH);
	kfree(b);
	return error;
}
