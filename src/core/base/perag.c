// SPDX-License-Identifier: GPL-2.0-only
/*
 * The allocation groups of a mount: made when it is opened, and more of them when the volume grows.
 *
 * Readers take no lock (dx_perag()): the table that they find names AGs that stay where they are.
 */
#include "dx_mount.h"

/* What follows from the length of an AG. */
static void set_length(struct dx_mount *mp, struct dx_perag *pag, dx_agbno_t length)
{
	struct dx_sb *s = &mp->sb;
	u32 first_free = (((DX_AGFL_SECT + 1) * s->sectsize - 1) >> s->blocklog) + 1;
	u32 align = dx_has_sparse(mp) ? s->spino_align : mp->ialloc_align;

	WRITE_ONCE(pag->length, length);
	/* chunks (sparse ones: their clusters) are aligned: none begins before or ends behind */
	pag->min_agino = dx_agb_to_agino(mp, roundup(first_free, align));
	WRITE_ONCE(pag->max_agino, dx_agb_to_agino(mp, rounddown(length, align)) - 1);
}

/**
 * dx_ags_grow - the volume has, or is going to have, so many AGs
 * @mp: the mount, its fixed geometry known
 * @agcount: no fewer than there are
 * @dblocks: fsblocks of the whole; says how long the last AG is
 *
 * The first call makes them all.  Afterwards dx_agcount() says @agcount, and dx_perag() finds each; AGs that were there are
 * where they were.
 *
 * Context: one at a time (mount, growing); readers go on.
 * Return: 0 or -ENOMEM, nothing changed.
 */
int dx_ags_grow(struct dx_mount *mp, dx_agno_t agcount, u64 dblocks)
{
	struct dx_ags *old = mp->ags, *ags;
	dx_agno_t have = old ? old->count : 0, agno;
	u32 agblocks = mp->sb.agblocks;

	ags = kvzalloc(struct_size(ags, ag, agcount), GFP_KERNEL);
	if (!ags)
		return -ENOMEM;
	ags->count = agcount;
	for (agno = 0; agno < agcount; agno++) {
		struct dx_perag *pag = agno < have ? old->ag[agno] : kzalloc(sizeof(*pag), GFP_KERNEL);

		if (!pag)
			goto fail;
		ags->ag[agno] = pag;
		if (agno < have)
			continue;
		pag->mp = mp;
		pag->agno = agno;
		spin_lock_init(&pag->busy_lock);
		pag->busy_tree = RB_ROOT;
		pag->ialloc_left = pag->ialloc_right = DX_NULLAGINO;
		atomic_set(&pag->fstrms, 0);
	}
	/* the last one that there was may have got longer */
	for (agno = have ? have - 1 : 0; agno < agcount; agno++)
		set_length(mp, ags->ag[agno], agno == agcount - 1 ? dblocks - (u64)agno * agblocks : agblocks);
	ags->older = old;
	/* pairs with the address dependency of its readers: they find what is in it */
	smp_store_release(&mp->ags, ags);
	return 0;

fail:
	while (agno-- > have)
		kfree(ags->ag[agno]);
	kvfree(ags);
	return -ENOMEM;
}

/**
 * dx_ags_free - forget all AGs
 * @mp: the mount; nobody uses it any more
 */
void dx_ags_free(struct dx_mount *mp)
{
	struct dx_ags *ags = mp->ags, *older;
	dx_agno_t agno;

	for (agno = 0; ags && agno < ags->count; agno++)
		kfree(ags->ag[agno]);
	mp->ags = NULL;
	for (; ags; ags = older) {
		older = ags->older;
		kvfree(ags);
	}
}
