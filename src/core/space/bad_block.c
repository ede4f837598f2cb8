// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose is a block that cannot be read or written?  The device says an address, people want to know which file suffers; where
 * there are reverse mappings, they tell.
 *
 * Whoever finds a bad block holds locks, perhaps the AGF's: so a worker looks it up, when nobody waits for it, and says
 * what it finds.  One at a time; a device that fails at many places is not asked about each.  Before the mount has ended
 * nothing is looked up: recovery may have the trees half way.
 */
#include "dx_alloc_int.h"

struct bad_block {
	struct work_struct	wk;
	struct dx_mount		*mp;
	dx_daddr_t		daddr;
	dx_agno_t		agno;
	dx_agbno_t		bno, end;
};

static const struct { u64 owner; const char *what; } special[] = {
	{ DX_RMAP_OWN_FS, "the headers of its AG" },
	{ DX_RMAP_OWN_LOG, "the log" },
	{ DX_RMAP_OWN_AG, "the free space and reverse mapping btrees of its AG" },
	{ DX_RMAP_OWN_INOBT, "the inode btrees of its AG" },
	{ DX_RMAP_OWN_INODES, "inodes themselves" },
	{ DX_RMAP_OWN_REFC, "the reference count btree of its AG" },
	{ DX_RMAP_OWN_COW, "a copy on write that has not ended" },
};

static int tell(const struct dx_space_rec *rec, void *data)
{
	struct bad_block *b = data;
	unsigned long long daddr = b->daddr, owner = rec->owner;
	const char *fork = rec->offset & DX_RMAP_ATTRFORK ? "attribute" : "data";
	unsigned int i;

	if (rec->bno >= b->end || rec->bno + rec->len <= b->bno)
		return 0;
	if (!DX_RMAP_OWN_SPECIAL(rec->owner)) {
		if (rec->offset & DX_RMAP_BMBT)
			dx_err_ratelimited(b->mp, "the block at daddr 0x%llx is part of the extent map of inode 0x%llx, %s fork (find -inum %llu)",
					   daddr, owner, fork, owner);
		else
			dx_err_ratelimited(b->mp, "the block at daddr 0x%llx belongs to inode 0x%llx, %s fork, block %llu (find -inum %llu)",
					   daddr, owner, fork,
					   DX_RMAP_OFF(rec->offset) + (b->bno > rec->bno ? b->bno - rec->bno : 0), owner);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(special); i++)
		if (special[i].owner == rec->owner)
			dx_err_ratelimited(b->mp, "the block at daddr 0x%llx belongs to %s", daddr, special[i].what);
	return 0;
}

static void look_up(struct work_struct *wk)
{
	struct bad_block *b = container_of(wk, struct bad_block, wk);
	const union dx_btree_key low = { .rmap = { .startblock = b->bno } };
	const union dx_btree_key high = { .rmap = { .startblock = b->end - 1, .owner = U64_MAX, .offset = U64_MAX } };

	/* What cannot be read now has been said already. */
	dx_space_query(b->mp, b->agno, true, &low, &high, tell, b);
	clear_bit(DX_OP_BAD_BLOCK, &b->mp->opstate);
	kfree(b);
}

/**
 * dx_bad_block - I/O to a metadata block has failed: say whose it is
 * @mp: mount
 * @daddr: sectors of 512 bytes
 * @len_bb: likewise
 *
 * Says nothing where there is no rmapbt, and before the mount has ended.  Returns at once; any locks may be held, process context.
 */
void dx_bad_block(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb)
{
	u64 block = (u64)daddr >> mp->blkbb_log, last = ((u64)daddr + len_bb - 1) >> mp->blkbb_log;
	struct bad_block *b;

	if (!mp->rootip || !dx_has_rmapbt(mp) || dx_is_shutdown(mp) || block >= dx_dblocks(mp) ||
	    test_and_set_bit(DX_OP_BAD_BLOCK, &mp->opstate))
		return;
	b = kmalloc(sizeof(*b), GFP_NOFS);
	if (!b) {
		clear_bit(DX_OP_BAD_BLOCK, &mp->opstate);
		return;
	}
	b->mp = mp;
	b->daddr = daddr;
	b->agno = div_u64(block, mp->sb.agblocks);
	b->bno = block - (u64)b->agno * mp->sb.agblocks;
	b->end = b->bno + (last - block) + 1;
	INIT_WORK(&b->wk, look_up);
	queue_work(mp->discard_wq, &b->wk);
}
