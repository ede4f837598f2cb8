/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of the space allocator only.
 */
#ifndef DX_ALLOC_INT_H
#define DX_ALLOC_INT_H

#include "dx_alloc.h"

/* dx_alloc_refresh_agfl() flags */
#define DX_FIX_TRYLOCK	(1u << 0)	/* do not sleep for the AGF */
#define DX_FIX_FREEING	(1u << 1)	/* no space wanted: for dx_free_extent() */
#define DX_FIX_LAST	(1u << 2)	/* nothing is kept back: for dx_alloc_arg.must */

bool dx_ag_can_serve(const struct dx_alloc_arg *args, struct dx_perag *pag, bool last, dx_extlen_t *most);

/* trees whose root is in the AGF, whose blocks are the AGFL's: alloc_btree.c */
u64 dx_agftree_owner(struct dx_btree_cur *cur);
u64 dx_agftree_get_root(struct dx_btree_cur *cur);
void dx_agftree_set_root(struct dx_btree_cur *cur, u64 ptr, int level_delta);
int dx_agftree_alloc_block(struct dx_btree_cur *cur, u64 near, u64 *ptr);
int dx_agftree_free_block(struct dx_btree_cur *cur, struct dx_buf *bp);

/* lock an AGF for a change of its trees that takes no space, its free list made ready */
int dx_alloc_begin_change(struct dx_trans *tp, dx_agno_t agno, struct dx_buf **agbpp);
/* put [bno, bno+len) into both trees, without fdblocks and busy tracking */
int dx_alloc_free_ag_extent(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len);
/* take 1..maxlen blocks for the AGFL; *len = 0: none left */
int dx_alloc_for_agfl(struct dx_trans *tp, struct dx_buf *agbp, dx_agno_t agno, dx_extlen_t maxlen,
		      dx_agbno_t *bno, dx_extlen_t *len);

/* a busy extent on a private list, not to be allocated until dx_busy_clear(list) */
void dx_busy_insert_list(struct dx_mount *mp, struct list_head *list, dx_agno_t agno, dx_agbno_t bno,
			 dx_extlen_t len, u32 flags);
u64 dx_busy_discard(struct dx_mount *mp, struct list_head *list, bool yield);
u32 dx_busy_piece(struct dx_mount *mp);

#endif /* DX_ALLOC_INT_H */
