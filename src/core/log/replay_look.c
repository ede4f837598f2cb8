// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log recovery, looking ahead: some blocks as replay is going to leave them.
 *
 * What a volume is after recovery may forbid to recover it (gate.c), and then not a byte may have been written.  So
 * the blocks that tell are copied into memory, and the first pass over the log replays into these copies alone, by the very
 * rules by which the last pass replays into the blocks.  Only their LSN stays the one on disk, to which it is all the same: LSNs
 * do not fall along the log.
 *
 * Memory: the copies; nothing grows with the log.  Single-threaded, at mount; the
 * copies are not in the buffer cache and are locked by us from first to last.
 */
#include "dx_replay.h"
#include <linux/hash.h>

static struct list_head *bucket(struct dx_recovery *rc, dx_daddr_t daddr)
{
	return &rc->looks[hash_64(daddr, ilog2(DX_RECOVER_HASH))];
}

/**
 * dx_look_find - the copy of a block
 * @rc: the recovery
 * @daddr: address
 * @len_bb: length
 *
 * Return: NULL when it is not looked at.
 */
struct dx_rlook *dx_look_find(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb)
{
	struct dx_rlook *look;

	list_for_each_entry(look, bucket(rc, daddr), list)
		if (look->bp->b_maps[0].daddr == daddr && look->bp->b_len_bb == len_bb)
			return look;
	return NULL;
}

/**
 * dx_look_add - have the next passes follow a block
 * @rc: the recovery, between passes
 * @daddr: address, inside the volume
 * @len_bb: length
 * @ops: what it must be in the end
 *
 * Return: 0, -EIO, -ENOMEM.
 */
int dx_look_add(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb, const struct dx_buf_ops *ops)
{
	struct dx_rlook *look = kzalloc(sizeof(*look), GFP_KERNEL);
	int error;

	if (!look)
		return -ENOMEM;
	error = dx_buf_read_uncached(rc->mp, daddr, len_bb, NULL, &look->bp);
	if (error) {
		kfree(look);
		return error;
	}
	look->ops = ops;
	list_add(&look->list, bucket(rc, daddr));
	return 0;
}

/**
 * dx_look_get - a block as the log leaves it, verified
 * @rc: the recovery, after a pass that began with the block looked at
 * @daddr: address
 * @len_bb: length
 * @bpp: the copy; it stays ours
 *
 * Return: 0, or -EFSCORRUPTED after a message.
 */
int dx_look_get(struct dx_recovery *rc, dx_daddr_t daddr, u32 len_bb, struct dx_buf **bpp)
{
	struct dx_rlook *look = dx_look_find(rc, daddr, len_bb);
	int error;

	if (WARN_ON_ONCE(!look))
		return -EFSCORRUPTED;
	*bpp = look->bp;
	/* replayed into: what a write would check; else what a read would */
	if (look->bp->b_ops) {
		if (look->bp->b_ops == look->ops)
			return look->ops->verify_write(look->bp);
		return dx_corrupt(rc->mp, look->ops->name, daddr, "the log makes it a %s", look->bp->b_ops->name);
	}
	look->bp->b_ops = look->ops;
	error = look->ops->verify_read(look->bp);
	if (!error)
		error = dx_buf_check_lsn(look->bp);
	look->bp->b_ops = NULL;
	return error;
}

/**
 * dx_look_free_all - forget the copies
 * @rc: the recovery
 */
void dx_look_free_all(struct dx_recovery *rc)
{
	struct dx_rlook *look, *n;
	int i;

	for (i = 0; i < DX_RECOVER_HASH; i++) {
		list_for_each_entry_safe(look, n, &rc->looks[i], list) {
			list_del(&look->list);
			dx_buf_leave(look->bp);
			kfree(look);
		}
	}
}
