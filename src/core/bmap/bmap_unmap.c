// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking blocks out of a fork.
 *
 * Works from the end of the range downwards, so that a truncate never leaves blocks
 * behind a hole that recovery does not know of.  Real blocks are freed through deferred frees (an intent in the
 * log), or, where a file may share them, lose an owner likewise; delayed ones go straight back to the free space counter.
 * ILOCK exclusive, inode joined.
 */
#include "dx_bmap_int.h"

/**
 * dx_bmap_lose_blocks - a fork does not map blocks any more: who does?
 * @tp: transaction, @ip joined
 * @ip: inode
 * @whichfork: data or attr fork
 * @fsbno: first block
 * @len: fsblocks, within one AG
 *
 * Deferred: they are freed, or, where a file may share them, lose an owner.  0 or -EFSCORRUPTED.
 */
int dx_bmap_lose_blocks(struct dx_trans *tp, struct dx_inode *ip, int whichfork, dx_fsbno_t fsbno, dx_filblks_t len)
{
	if (whichfork != DX_DATA_FORK || !dx_inode_shares(ip))
		return dx_defer_free(tp, fsbno, len, false);
	dx_defer_refcount(tp, DX_CUI_DECREASE, fsbno, len);
	return 0;
}

/**
 * dx_bmap_may_cut - may a part be taken out of an extent of the data fork?
 * @ip: inode, ILOCK exclusive
 * @r: the extent
 * @from: the part, fsblocks
 * @to: its end
 *
 * In its middle that makes one record more of blocks that may be shared, and so stay where they are: their AG must have room
 * for it.  To be asked while nothing is changed.
 */
bool dx_bmap_may_cut(struct dx_inode *ip, const struct dx_irec *r, dx_fileoff_t from, dx_fileoff_t to)
{
	if (!dx_inode_shares(ip) || !dx_irec_is_real(r) || r->state != DX_EXT_NORM)
		return true;
	return r->startoff >= from || dx_irec_end(r) <= to || dx_agresv_may_split(ip->mp, r->startblock);
}

static int unmap_one(struct dx_bmap_edit *e, const struct dx_irec *got, dx_fileoff_t off, dx_filblks_t len)
{
	struct dx_inode *ip = e->ip;
	u64 back;
	int error;

	error = dx_bmap_remap(e, got, NULL, off, len);
	if (error)
		return error;
	if (dx_irec_is_delay(got)) {
		back = len + got->indlen;
		/* the unmapped blocks' own reservation may help to pay for two rests */
		back -= dx_delalloc_resettle(ip, got->startoff, dx_irec_end(got), back);
		dx_delalloc_count(ip, -(s64)len, -(s64)back);
		return dx_mod_fdblocks(ip->mp, back, false);
	}
	ip->d.nblocks -= len;
	return dx_bmap_lose_blocks(e->tp, ip, e->whichfork, got->startblock + (off - got->startoff), len);
}

/**
 * dx_bmap_unmap - unmap the end of a range.
 * @tp: transaction, @ip joined; blocks reserved if an extent may have to be split
 * @ip: inode, ILOCK exclusive
 * @off: start of the range, fsblocks
 * @rlen: in: its length; out: what is still to be done, from @off; 0 = done
 * @flags: DX_BMAPI_ATTRFORK
 * @nexts: most real extents to unmap in this transaction
 *
 * Frees are deferred: finish them (or commit) before the next call.  -ENOSPC, with nothing changed, when cutting an
 * extent in two would need a btree block and none is reserved, or its AG has no room for a record more of blocks that stay shared.
 */
int dx_bmap_unmap(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t *rlen, u32 flags,
		  u32 nexts)
{
	int w = flags & DX_BMAPI_ATTRFORK ? DX_ATTR_FORK : DX_DATA_FORK, error;
	struct dx_fork *f = dx_ifork(ip, w);
	dx_fileoff_t end = off + *rlen;
	struct dx_bmap_edit e;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	if (!f || (f->format != DX_DINODE_FMT_EXTENTS && f->format != DX_DINODE_FMT_BTREE)) {
		WARN_ON_ONCE(f && f->format != DX_DINODE_FMT_LOCAL);
		return -EFSCORRUPTED;
	}
	error = dx_iread_extents(tp, ip, w);
	if (error)
		return error;
	dx_bmap_edit_begin(&e, tp, ip, w);
	while (end > off && nexts) {
		struct dx_iext_cur icur;
		dx_fileoff_t start;
		struct dx_irec got;

		if (!dx_iext_lookup_before(&f->ext, &end, &icur, &got) || end <= off) {
			end = off;
			break;
		}
		start = max(off, got.startoff);
		/* in its middle: it is the only one */
		if (w == DX_DATA_FORK && !dx_bmap_may_cut(ip, &got, start, end))
			error = -ENOSPC;
		else
			error = unmap_one(&e, &got, start, end - start);
		if (error)
			break;
		end = start;
		if (dx_irec_is_real(&got))
			nexts--;
	}
	error = dx_bmap_edit_end(&e, error);
	if (!error)
		*rlen = end - off;
	return error;
}
