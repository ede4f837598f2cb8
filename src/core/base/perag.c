// SPDX-License-Identifier: GPL-2.0-only
/*
 * The allocation groups of a mount: made when it is opened, and more of them when the volume grows.
 *
 * Readers take no lock (dx_perag()): the table that they find names AGs that stay where they are.
 */
#include "dx_mount.h"

/**
 * dx_ag_set_length - what follows from the length of an AG
 * @pag: the AG, in use only if it gets longer; then the caller has its AGI and its AGF, whose verifiers compare
 * @length: fsblocks
 */
void dx_ag_set_length(struct dx_perag *pag, dx_agbno_t length)
{
	struct dx_mount *mp = pag->mp;
	struct dx_sb *s = &mp->sb;
	u32 first_free = (((DX_AGFL_SECT + 1) * s->sectsize - 1) >> s->blocklog) + 1;
	u32 align = dx_has_sparse(mp) ? s->spino_align : mp->ialloc_align;

	WRITE_ONCE(pag->length, length);
	/* chunks (sparse ones: their clusters) are aligned: none begins before or ends behind */
	pag->min_agino = dx_agb_to_agino(mp, roundup(first_free, align));
	WRITE_ONCE(pag->max_agino, dx_agb_to_agino(mp, rounddown(length, align)) - 1);
}

/**
 * dx_ags_more - make the AGs that a larger volume has more, nobody sees them yet
 * @mp: the mount, its fixed geometry known
 * @agcount: no fewer than there are
 * @dblocks: fsblocks of the whole; says how long the last AG is, if it is a new one
 *
 * Context: one at a time (mount, growing), up to dx_ags_publish() or dx_ags_drop().
 * Return: the table of all, NULL without memory.
 */
struct dx_ags *dx_ags_more(struct dx_mount *mp, dx_agno_t agcount, u64 dblocks)
{
	struct dx_ags *old = mp->ags, *ags;
	dx_agno_t have = old ? old->count : 0, agno;
	u32 agblocks = mp->sb.agblocks;

	ags = kvzalloc(struct_size(ags, ag, agcount), GFP_KERNEL);
	if (!ags)
		return NULL;
	ags->older = old;
	ags->count = agcount;
	for (agno = 0; agno < have; agno++)
		ags->ag[agno] = old->ag[agno];
	for (; agno < agcount; agno++) {
		struct dx_perag *pag = kzalloc(sizeof(*pag), GFP_KERNEL);

		if (!pag) {
			dx_ags_drop(ags);
			return NULL;
		}
		ags->ag[agno] = pag;
		pag->mp = mp;
		pag->agno = agno;
		spin_lock_init(&pag->busy_lock);
		pag->busy_tree = RB_ROOT;
		pag->ialloc_left = pag->ialloc_right = DX_NULLAGINO;
		atomic_set(&pag->fstrms, 0);
		dx_ag_set_length(pag, agno == agcount - 1 ? dblocks - (u64)agno * agblocks : agblocks);
	}
	return ags;
}

/**
 * dx_ags_publish - these are the AGs from now on
 * @mp: the mount
 * @ags: from dx_ags_more()
 *
 * Afterwards dx_agcount() says how many there are, and dx_perag() finds each; AGs that were there are where they were.
 */
void dx_ags_publish(struct dx_mount *mp, struct dx_ags *ags)
{
	/* pairs with the address dependency of its readers: they find what is in it */
	smp_store_release(&mp->ags, ags);
}

/**
 * dx_ags_drop - or they are not
 * @ags: from dx_ags_more(), not published, or NULL
 */
void dx_ags_drop(struct dx_ags *ags)
{
	dx_agno_t agno;

	if (!ags)
		return;
	for (agno = ags->older ? ags->older->count : 0; agno < ags->count; agno++)
		kfree(ags->ag[agno]);
	kvfree(ags);
}

/**
 * dx_ags_grow - the volume has so many AGs
 * @mp: the mount, its fixed geometry known; nothing uses its AGs yet
 * @agcount: no fewer than there are
 * @dblocks: fsblocks of the whole; says how long the last AG is
 *
 * Context: mount.
 * Return: 0 or -ENOMEM, nothing changed.
 */
int dx_ags_grow(struct dx_mount *mp, dx_agno_t agcount, u64 dblocks)
{
	u32 agblocks = mp->sb.agblocks;
	struct dx_ags *ags = dx_ags_more(mp, agcount, dblocks);
	dx_agno_t last;

	if (!ags)
		return -ENOMEM;
	/* the last one that there was may have got longer */
	last = ags->older ? ags->older->count - 1 : agcount - 1;
	dx_ag_set_length(ags->ag[last], min_t(u64, dblocks - (u64)last * agblocks, agblocks));
	dx_ags_publish(mp, ags);
	return 0;
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
