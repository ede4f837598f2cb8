// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a change of a map means to the reverse mapping btrees: exactly the blocks that came, went, or changed their state.
 *
 * A splice (bmap.c) says which extents were there and which there are instead; that some were cut or merged is no change there.
 * ILOCK exclusive, inode joined, until the deferred works are done or nobody else can reach the fork.
 */
#include "dx_bmap_int.h"

/* Does @r have the part of @of that begins at @off, at the same blocks?  Cuts *@end to where that changes. */
static bool has_same(const struct dx_irec *r, int n, const struct dx_irec *of, dx_fileoff_t off, dx_fileoff_t *end,
		     enum dx_ext_state *state)
{
	int i;

	for (i = 0; i < n; i++) {
		/* the distance between offset and block tells; it may be negative */
		if (r[i].startblock - r[i].startoff != of->startblock - of->startoff || dx_irec_end(&r[i]) <= off)
			continue;
		if (r[i].startoff > off) {
			*end = min(*end, r[i].startoff);
			continue;
		}
		*end = min(*end, dx_irec_end(&r[i]));
		*state = r[i].state;
		return true;
	}
	return false;
}

static void tell(struct dx_bmap_edit *e, u32 type, const struct dx_irec *r, dx_fileoff_t off, dx_fileoff_t end,
		 enum dx_ext_state state)
{
	struct dx_owner own = { e->ip->ino, off };

	if (e->whichfork == DX_ATTR_FORK)
		own.offset |= DX_RMAP_ATTRFORK;
	else if (e->whichfork == DX_DATA_FORK && dx_inode_shares(e->ip))
		type++;		/* its form for blocks that others may have, too */
	if (state == DX_EXT_UNWRITTEN)
		own.offset |= DX_RMAP_UNWRITTEN;
	dx_defer_rmap(e->tp, type, r->startblock + (off - r->startoff), end - off, &own);
}

/**
 * dx_bmap_tell_rmap - extents of a fork have become others
 * @e: edit, on a volume with rmapbt
 * @old: real extents that were
 * @nold: their number
 * @new: what they became
 * @nnew: their number
 *
 * First what goes, for the same blocks may come again at another place.
 */
void dx_bmap_tell_rmap(struct dx_bmap_edit *e, const struct dx_irec *old, int nold, const struct dx_irec *new, int nnew)
{
	enum dx_ext_state state;
	dx_fileoff_t off, end;
	int i;

	for (i = 0; i < nold; i++) {
		for (off = old[i].startoff; off < dx_irec_end(&old[i]); off = end) {
			end = dx_irec_end(&old[i]);
			if (!has_same(new, nnew, &old[i], off, &end, &state))
				tell(e, DX_RUI_UNMAP, &old[i], off, end, old[i].state);
			else if (state != old[i].state)
				tell(e, DX_RUI_CONVERT, &old[i], off, end, state);
		}
	}
	for (i = 0; i < nnew; i++) {
		for (off = new[i].startoff; off < dx_irec_end(&new[i]); off = end) {
			end = dx_irec_end(&new[i]);
			if (!has_same(old, nold, &new[i], off, &end, &state))
				tell(e, DX_RUI_MAP, &new[i], off, end, new[i].state);
		}
	}
}
