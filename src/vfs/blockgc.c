// SPDX-License-Identifier: GPL-2.0-only
/*
 * Getting speculative preallocation back when space runs short.
 *
 * It moves space, so each file is trimmed in a lockout of its own (L3); files
 * that are busy are left alone.
 */
#include "dx_vfs.h"

static void trim_one(struct inode *inode)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_lockout lk;

	if (!inode_trylock(inode))
		return;
	if (!atomic_read(&inode->i_dio_count) && !dx_lockout_begin_iolocked(&lk, inode, DX_LK_SETSIZE)) {
		if (!dx_free_eofblocks_from(ip, i_size_read(inode)))
			clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
		dx_lockout_end(&lk);
	}
	inode_unlock(inode);
}

/**
 * dx_blockgc - trim preallocation past the end of every idle file
 * @sb: mounted; no inode lock of it held by the caller
 *
 * Finishes queued inactivations first, for they free more.  Sleeps.
 */
void dx_blockgc(struct super_block *sb)
{
	struct inode *inode, *old = NULL;

	dx_icache_flush_inactive(DX_M(sb));
	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		struct dx_inode *ip = DX_I(inode);

		if (!ip || !S_ISREG(inode->i_mode) || !test_bit(DX_I_EOFBLOCKS, &ip->i_flags) ||
		    (ip->d.flags & (DX_DIFLAG_PREALLOC | DX_DIFLAG_APPEND)))
			continue;
		if (dx_inode_state(inode, I_NEW) || !igrab(inode))
			continue;	/* not there yet, or going */
		spin_unlock(&sb->s_inode_list_lock);

		/* The previous one is put only now: it kept our place in the list. */
		iput(old);
		old = inode;
		trim_one(inode);
		cond_resched();
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
	iput(old);
}
