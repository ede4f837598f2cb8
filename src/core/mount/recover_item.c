// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log recovery, the items: who replays which, and how the blocks are verified that buffer items replay into.
 *
 * What each means is said in the file that also logs it.
 */
#include "dx_recover.h"
#include "dx_alloc.h"
#include "dx_inode.h"
#include "dx_bmap.h"
#include "dx_da.h"
#include "dx_dir.h"

/* ---- blocks ---- */

static const struct dx_replay_block blocks[] = {
	{ DX_BLFT_BTREE, DX_ABTB_CRC_MAGIC, &dx_bnobt_buf_ops },
	{ DX_BLFT_BTREE, DX_ABTC_CRC_MAGIC, &dx_cntbt_buf_ops },
	{ DX_BLFT_BTREE, DX_IBT_CRC_MAGIC, &dx_inobt_buf_ops },
	{ DX_BLFT_BTREE, DX_FIBT_CRC_MAGIC, &dx_finobt_buf_ops },
	{ DX_BLFT_BTREE, DX_BMAP_CRC_MAGIC, &dx_bmbt_buf_ops },
	{ DX_BLFT_BTREE, DX_REFC_CRC_MAGIC, &dx_refcountbt_buf_ops },
	{ DX_BLFT_BTREE, DX_RMAP_CRC_MAGIC, &dx_rmapbt_buf_ops },
	{ DX_BLFT_AGF, DX_AGF_MAGIC, &dx_agf_buf_ops },
	{ DX_BLFT_AGFL, DX_AGFL_MAGIC, &dx_agfl_buf_ops },
	{ DX_BLFT_AGI, DX_AGI_MAGIC, &dx_agi_buf_ops },
	{ DX_BLFT_DINO, 0, &dx_inode_buf_ops },
	{ DX_BLFT_SYMLINK, DX_SYMLINK_MAGIC, &dx_symlink_buf_ops },
	{ DX_BLFT_DIR_BLOCK, DX_DIR3_BLOCK_MAGIC, &dx_dir3_block_buf_ops },
	{ DX_BLFT_DIR_DATA, DX_DIR3_DATA_MAGIC, &dx_dir3_data_buf_ops },
	{ DX_BLFT_DIR_FREE, DX_DIR3_FREE_MAGIC, &dx_dir3_free_buf_ops },
	{ DX_BLFT_DIR_LEAF1, 0, &dx_dir3_leaf1_buf_ops },
	{ DX_BLFT_DIR_LEAFN, 0, &dx_dir3_leafn_buf_ops },
	{ DX_BLFT_DA_NODE, 0, &dx_da3_node_buf_ops },
	{ DX_BLFT_ATTR_LEAF, 0, &dx_attr3_leaf_buf_ops },
	{ DX_BLFT_ATTR_RMT, DX_ATTR3_RMT_MAGIC, &dx_attr3_rmt_buf_ops },
	{ DX_BLFT_SB, DX_SB_MAGIC, &dx_sb_buf_ops },
	{ }
};

const struct dx_replay_above dx_replay_above = {
	.blocks = blocks,
	.cluster = &dx_inode_buf_ops,
	.unlinked = dx_iunlink_replay,
};

/* ---- intents ---- */

/**
 * dx_recover_check_intents - after the first pass: can we finish all that was begun?
 * @rc: the recovery
 *
 * Return: 0, or -EINVAL after a message that names the first kind that we cannot.
 */
int dx_recover_check_intents(struct dx_recovery *rc)
{
	u16 foreign;

	dx_intents_left(rc, &foreign);
	if (!foreign)
		return 0;
	dx_err(rc->mp, "the log holds an unfinished %s, which this driver cannot finish: mount the volume once with the kernel's own xfs, or read-only with -o ro,norecovery",
	       dx_ritem_ops(foreign)->name);
	return -EINVAL;
}

/* ---- dispatch ---- */

static const struct dx_ritem_ops item_ops[] = {
	{ DX_LI_BUF, DX_RORDER_BUFFER, "buffer", dx_buf_note, dx_buf_replay },
	{ DX_LI_ICREATE, DX_RORDER_BUFFER, "inode chunk creation", NULL, dx_icreate_replay },
	{ DX_LI_INODE, DX_RORDER_ITEM, "inode", dx_inode_note, dx_inode_replay },
	{ DX_LI_EFI, DX_RORDER_ITEM, "extent free intent", dx_intent_note, dx_intent_replay },
	{ DX_LI_EFD, DX_RORDER_ITEM, "extent free done", dx_intent_done_note, dx_intent_done_replay },
	{ DX_LI_DQUOT, DX_RORDER_ITEM, "quota", NULL, dx_dquot_pass2 },
	{ DX_LI_QUOTAOFF, DX_RORDER_ITEM, "quota off", dx_quotaoff_pass1 },
	{ DX_LI_RUI, DX_RORDER_ITEM, "reverse mapping update (RUI)", dx_intent_note, dx_intent_replay },
	{ DX_LI_RUD, DX_RORDER_ITEM, "reverse mapping done (RUD)", dx_intent_done_note, dx_intent_done_replay },
	{ DX_LI_CUI, DX_RORDER_ITEM, "reference count update (CUI)", dx_intent_note, dx_intent_replay },
	{ DX_LI_CUD, DX_RORDER_ITEM, "reference count done (CUD)", dx_intent_done_note, dx_intent_done_replay },
	{ DX_LI_BUI, DX_RORDER_ITEM, "block mapping update (BUI)", dx_intent_note, dx_intent_replay },
	{ DX_LI_BUD, DX_RORDER_ITEM, "block mapping done (BUD)", dx_intent_done_note, dx_intent_done_replay },
	{ DX_LI_ATTRI, DX_RORDER_ITEM, "attribute update (ATTRI)", dx_intent_note, dx_intent_replay },
	{ DX_LI_ATTRD, DX_RORDER_ITEM, "attribute done (ATTRD)", dx_intent_done_note, dx_intent_done_replay },
	{ DX_LI_XMI, DX_RORDER_ITEM, "range exchange (XMI)", dx_intent_note, dx_intent_replay },
	{ DX_LI_XMD, DX_RORDER_ITEM, "range exchange done (XMD)", dx_intent_done_note, dx_intent_done_replay },
};

/**
 * dx_ritem_ops - what to do with an item
 * @type: DX_LI_*
 *
 * Return: NULL for a type that we do not know.
 */
const struct dx_ritem_ops *dx_ritem_ops(u16 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(item_ops); i++)
		if (item_ops[i].type == type)
			return &item_ops[i];
	return NULL;
}

/**
 * dx_ritem_order - when within its transaction an item is replayed
 * @ops: of its type
 * @it: the item
 */
unsigned int dx_ritem_order(const struct dx_ritem_ops *ops, const struct dx_ritem *it)
{
	const struct dx_buf_log_format *f = it->r[0].addr;

	if (it->type != DX_LI_BUF || it->r[0].len < offsetof(struct dx_buf_log_format, blf_data_map))
		return ops->order;
	if (f->blf_flags & DX_BLF_CANCEL)
		return DX_RORDER_CANCEL;
	if (f->blf_flags & DX_BLF_INODE_BUF)
		return DX_RORDER_INODE_BUF;
	return ops->order;
}
