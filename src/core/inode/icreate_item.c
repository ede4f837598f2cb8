// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log item that says "these blocks are now free inodes": recovery makes
 * the clusters anew from it, so that their buffers need not be logged (they are ordered).
 *
 * It lives from the transaction to the end of its checkpoint and never enters the AIL: the ordered
 * buffers hold the tail.
 *
 * Source: "Inode Creation Log Item".
 */
#include "dx_replay.h"
#include "dx_alloc.h"
#include "dx_inode.h"

struct dx_icreate_item {
	struct dx_log_item	item;
	struct dx_icreate_log	fmt;
};

static struct dx_icreate_item *to_icr(struct dx_log_item *lip)
{
	return container_of(lip, struct dx_icreate_item, item);
}

static void item_size(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes)
{
	*nvecs = 1;
	*nbytes = sizeof(struct dx_icreate_log);
}

static void item_format(struct dx_log_item *lip, struct dx_lv_cursor *c)
{
	dx_lv_add(c, &to_icr(lip)->fmt, sizeof(struct dx_icreate_log), DX_LI_ICREATE);
}

static void item_pin(struct dx_log_item *lip)
{
}

static void item_unpin(struct dx_log_item *lip, bool abort)
{
}

/* @abort: no checkpoint will end it. */
static void item_release(struct dx_log_item *lip, bool abort)
{
	clear_bit(DX_LI_F_DIRTY, &lip->li_flags);
	if (abort)
		kfree(to_icr(lip));
}

static dx_lsn_t item_committed(struct dx_log_item *lip, dx_lsn_t lsn)
{
	kfree(to_icr(lip));
	return DX_NULLLSN;
}

static const struct dx_item_ops icreate_item_ops = {
	.name		= "icreate",
	.size		= item_size,
	.format		= item_format,
	.pin		= item_pin,
	.unpin		= item_unpin,
	.release	= item_release,
	.committed	= item_committed,
};

/**
 * dx_icreate_log - log that an extent now holds new, free inodes
 * @tp: transaction that also has their buffers, ordered
 * @agno: AG
 * @agbno: first block in it
 * @count: inodes
 * @isize: bytes of one
 * @length: fsblocks
 * @gen: generation number of all of them
 */
void dx_icreate_log(struct dx_trans *tp, dx_agno_t agno, dx_agbno_t agbno, u32 count, u32 isize, u32 length, u32 gen)
{
	struct dx_icreate_item *icr = kzalloc(sizeof(*icr), GFP_NOFS | __GFP_NOFAIL);

	dx_log_item_init(tp->t_mp, &icr->item, DX_LI_ICREATE, &icreate_item_ops);
	icr->fmt.icl_type = DX_LI_ICREATE;
	icr->fmt.icl_size = 1;
	icr->fmt.icl_ag = cpu_to_be32(agno);
	icr->fmt.icl_agbno = cpu_to_be32(agbno);
	icr->fmt.icl_count = cpu_to_be32(count);
	icr->fmt.icl_isize = cpu_to_be32(isize);
	icr->fmt.icl_length = cpu_to_be32(length);
	icr->fmt.icl_gen = cpu_to_be32(gen);
	dx_trans_add_item(tp, &icr->item);
	set_bit(DX_LI_F_DIRTY, &icr->item.li_flags);
	tp->t_flags |= DX_TRANS_DIRTY;
}

/* ---- replay ---- */

/**
 * dx_icreate_replay - the clusters of a chunk that was made are made again, all inodes free
 * @rc: the recovery
 * @it: its item, of the right shape
 * @lsn: of its transaction
 *
 * Return: 0, -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_icreate_replay(struct dx_recovery *rc, struct dx_ritem *it, dx_lsn_t lsn)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_icreate_log *c = it->r[0].addr;
	dx_agno_t agno = be32_to_cpu(c->icl_ag);
	dx_agbno_t agbno = be32_to_cpu(c->icl_agbno), b;
	u32 count = be32_to_cpu(c->icl_count), length = be32_to_cpu(c->icl_length), cancelled = 0, bufs = 0;

	for (b = 0; b < length; b += mp->icluster_blks, bufs++)
		if (dx_replay_cancelled(rc, dx_agb_to_daddr(mp, agno, agbno + b), mp->icluster_bb))
			cancelled++;
	/* the whole chunk was freed again later */
	if (cancelled == bufs)
		return 0;
	if (cancelled)
		return dx_replay_bad(rc, "cancelled part of an inode chunk", agbno);
	return dx_ialloc_inode_init(mp, NULL, &rc->bufs, count, agno, agbno, length, be32_to_cpu(c->icl_gen));
}
