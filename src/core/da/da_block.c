// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks of directories and attribute forks: map, read, allocate, free.
 *
 * Invariants: whatever dx_da_read() returns has passed its verifier, is of a
 * kind that the caller asked for, and belongs to this inode; so the callers
 * may walk it without further bounds checks.  A block that leaves the fork is
 * invalidated in the same transaction (a cancel record in the log), so that
 * recovery never writes old contents over a new user of the space.
 *
 * Lock context: ILOCK of the inode, exclusive for everything that grows or
 * shrinks; inside a transaction.
 */
#include "dx_da.h"

/**
 * dx_da_kind - which of the block kinds a verified buffer holds
 * @bp: buffer
 *
 * Returns one DX_DAK_* bit, 0 for none of them.  Blocks with the 16-bit magic
 * have a sibling pointer where the others have their magic; no fork offset
 * is as large as those magics, so the order of the tests does not matter.
 */
int dx_da_kind(const struct dx_buf *bp)
{
	const struct dx_dir3_blk_hdr *h = bp->b_addr;
	const struct dx_da3_blkinfo *info = bp->b_addr;

	switch (be32_to_cpu(h->magic)) {
	case DX_DIR3_BLOCK_MAGIC:
		return DX_DAK_BLOCK;
	case DX_DIR3_DATA_MAGIC:
		return DX_DAK_DATA;
	case DX_DIR3_FREE_MAGIC:
		return DX_DAK_FREE;
	}
	switch (be16_to_cpu(info->magic)) {
	case DX_DA3_NODE_MAGIC:
		return DX_DAK_NODE;
	case DX_DIR3_LEAFN_MAGIC:
		return DX_DAK_LEAFN;
	case DX_DIR3_LEAF1_MAGIC:
		return DX_DAK_LEAF1;
	case DX_ATTR3_LEAF_MAGIC:
		return DX_DAK_ATTR;
	}
	return 0;
}

/**
 * dx_da_owner - inode number in the header of a da block
 * @bp: buffer of a known kind
 */
dx_ino_t dx_da_owner(const struct dx_buf *bp)
{
	if (dx_da_kind(bp) & (DX_DAK_BLOCK | DX_DAK_DATA | DX_DAK_FREE))
		return be64_to_cpu(((const struct dx_dir3_blk_hdr *)bp->b_addr)->owner);
	return be64_to_cpu(((const struct dx_da3_blkinfo *)bp->b_addr)->owner);
}

/**
 * dx_da_corrupt - report a contradiction between da blocks
 * @a: operation
 * @bp: block in question, or NULL
 * @what: short description
 *
 * Returns -EFSCORRUPTED.
 */
int dx_da_corrupt(struct dx_da_args *a, struct dx_buf *bp, const char *what)
{
	return dx_corrupt(a->mp, a->whichfork == DX_ATTR_FORK ? "attribute fork" : "directory",
			  bp ? bp->b_daddr : 0, "inode %llu: %s", (unsigned long long)a->dp->ino, what);
}

#define DA_MAPS_INLINE	4

/*
 * Where on disk is the da block @bno?  Physically adjacent pieces are
 * merged, so that one block always has one set of segments whatever the
 * extent records look like.  *maps is @inline_maps or allocated.
 * Returns -ENOENT for a hole, also for a partial one.
 */
static int da_map(struct dx_da_args *a, dx_dablk_t bno, struct dx_buf_map *inline_maps,
		  struct dx_buf_map **maps, int *nmaps)
{
	u32 flags = a->whichfork == DX_ATTR_FORK ? DX_BMAPI_ATTRFORK : 0;
	u32 fsbs = dx_da_fsbs(a), done = 0;
	struct dx_buf_map *m = inline_maps;
	struct dx_irec rec;
	int n = 0, room = DA_MAPS_INLINE, one, error;

	*maps = m;
	while (done < fsbs) {
		dx_daddr_t daddr;
		u32 bb;

		one = 1;
		error = dx_bmap_query(a->dp, (dx_fileoff_t)bno + done, fsbs - done, &rec, &one, flags);
		if (error)
			goto fail;
		error = -ENOENT;
		if (one < 1 || !dx_irec_is_real(&rec) || !rec.blockcount || rec.blockcount > fsbs - done)
			goto fail;
		daddr = dx_fsb_to_daddr(a->mp, rec.startblock);
		bb = dx_fsb_to_bb(a->mp, rec.blockcount);
		done += rec.blockcount;
		if (n && m[n - 1].daddr + m[n - 1].len_bb == daddr) {
			m[n - 1].len_bb += bb;
			continue;
		}
		if (n == room) {
			struct dx_buf_map *big = kmalloc_array(fsbs, sizeof(*big), GFP_NOFS | __GFP_NOFAIL);

			memcpy(big, m, n * sizeof(*m));
			m = *maps = big;
			room = fsbs;
		}
		m[n].daddr = daddr;
		m[n].len_bb = bb;
		n++;
	}
	*nmaps = n;
	return 0;
fail:
	if (m != inline_maps)
		kfree(m);
	*maps = inline_maps;
	return error;
}

static const struct dx_buf_ops *ops_for(int kinds)
{
	if (kinds & DX_DAK_DATA)
		return &dx_dir3_data_buf_ops;	/* switches to the single block's by magic */
	if (kinds & DX_DAK_BLOCK)
		return &dx_dir3_block_buf_ops;
	if (kinds & DX_DAK_FREE)
		return &dx_dir3_free_buf_ops;
	if (kinds & DX_DAK_LEAF1)
		return &dx_dir3_leaf1_buf_ops;
	if (kinds & DX_DAK_NODE)
		return &dx_da3_node_buf_ops;	/* switches to the leaf's by magic */
	if (kinds & DX_DAK_LEAFN)
		return &dx_dir3_leafn_buf_ops;
	return &dx_attr3_leaf_buf_ops;
}

static enum dx_blft blft_of(int kind)
{
	switch (kind) {
	case DX_DAK_BLOCK:
		return DX_BLFT_DIR_BLOCK;
	case DX_DAK_DATA:
		return DX_BLFT_DIR_DATA;
	case DX_DAK_FREE:
		return DX_BLFT_DIR_FREE;
	case DX_DAK_LEAF1:
		return DX_BLFT_DIR_LEAF1;
	case DX_DAK_LEAFN:
		return DX_BLFT_DIR_LEAFN;
	case DX_DAK_NODE:
		return DX_BLFT_DA_NODE;
	case DX_DAK_ATTR:
		return DX_BLFT_ATTR_LEAF;
	}
	return DX_BLFT_UNKNOWN;
}

/**
 * dx_da_read_hole - read a da block that may not be there
 * @a: operation
 * @bno: fork offset of the block, fsblocks
 * @kinds: DX_DAK_* bits that are acceptable
 * @bpp: buffer, locked and in a->tp; NULL for a hole
 *
 * Returns 0, -EFSCORRUPTED (verifier, kind, owner) or an I/O error.
 */
int dx_da_read_hole(struct dx_da_args *a, dx_dablk_t bno, int kinds, struct dx_buf **bpp)
{
	struct dx_buf_map inline_maps[DA_MAPS_INLINE], *maps;
	struct dx_buf *bp;
	int nmaps, error;

	*bpp = NULL;
	error = da_map(a, bno, inline_maps, &maps, &nmaps);
	if (error == -ENOENT)
		return 0;
	if (error)
		return error;
	error = dx_trans_read_owned(a->mp, a->tp, maps, nmaps, ops_for(kinds), a->dp->ino, &bp);
	if (maps != inline_maps)
		kfree(maps);
	if (error)
		return error;
	if (!(dx_da_kind(bp) & kinds))
		error = dx_da_corrupt(a, bp, "block of an unexpected kind");
	else if (dx_da_owner(bp) != a->dp->ino)
		error = dx_da_corrupt(a, bp, "block belongs to another inode");
	if (error) {
		dx_trans_let_go(a->tp, bp);
		return error;
	}
	/* a block that came from disk must be logged as what it is, or recovery does not renew its checksum */
	bp->b_type = blft_of(dx_da_kind(bp));
	*bpp = bp;
	return 0;
}

/**
 * dx_da_read - read a da block that must be there
 * @a: operation
 * @bno: fork offset of the block, fsblocks
 * @kinds: DX_DAK_* bits that are acceptable
 * @bpp: buffer, locked and in a->tp
 *
 * As dx_da_read_hole(), and a hole is -EFSCORRUPTED.
 */
int dx_da_read(struct dx_da_args *a, dx_dablk_t bno, int kinds, struct dx_buf **bpp)
{
	int error = dx_da_read_hole(a, bno, kinds, bpp);

	if (!error && !*bpp)
		error = dx_da_corrupt(a, NULL, "block of the tree is a hole");
	return error;
}

/**
 * dx_da_readahead - start to read a da block
 * @a: operation
 * @bno: fork offset; a hole is ignored
 * @kinds: what it will be, as for dx_da_read()
 */
void dx_da_readahead(struct dx_da_args *a, dx_dablk_t bno, int kinds)
{
	struct dx_buf_map inline_maps[DA_MAPS_INLINE], *maps;
	int nmaps;

	if (da_map(a, bno, inline_maps, &maps, &nmaps))
		return;
	dx_buf_readahead(a->mp, maps, nmaps, ops_for(kinds));
	if (maps != inline_maps)
		kfree(maps);
}

/**
 * dx_da_get - buffer of a da block that is about to be formatted
 * @a: operation
 * @bno: fork offset, already mapped
 * @bpp: buffer, zeroed, in a->tp
 */
int dx_da_get(struct dx_da_args *a, dx_dablk_t bno, struct dx_buf **bpp)
{
	struct dx_buf_map inline_maps[DA_MAPS_INLINE], *maps;
	int nmaps, error;

	error = da_map(a, bno, inline_maps, &maps, &nmaps);
	if (error)
		return error == -ENOENT ? dx_da_corrupt(a, NULL, "new block is not mapped") : error;
	error = dx_trans_get_buf_map(a->mp, a->tp, maps, nmaps, DX_GET_NEW, bpp);
	if (maps != inline_maps)
		kfree(maps);
	if (error)
		return error;
	memset((*bpp)->b_addr, 0, dx_buf_len(*bpp));
	return 0;
}

/**
 * dx_da_grow - map one more da block
 * @a: operation; a->total is what the caller reserved
 * @lowspace: first fork offset that may be used
 * @highspace: first one that may not
 * @bno: out: offset of the new block, the lowest free one
 *
 * One extent when there is one, else pieces.  Returns 0, -ENOSPC, -EFBIG
 * (space exhausted) or an error of the allocator.
 */
int dx_da_grow(struct dx_da_args *a, dx_dablk_t lowspace, dx_dablk_t highspace, dx_dablk_t *bno)
{
	u32 flags = DX_BMAPI_METADATA | (a->whichfork == DX_ATTR_FORK ? DX_BMAPI_ATTRFORK : 0);
	u32 fsbs = dx_da_fsbs(a), done = 0;
	dx_fileoff_t off = lowspace;
	struct dx_irec rec;
	int nmap, error;

	error = dx_bmap_first_unused(a->dp, a->whichfork, fsbs, &off);
	if (error)
		return error;
	if (off + fsbs > highspace)
		return -EFBIG;

	nmap = 1;
	error = dx_bmap_assign(a->tp, a->dp, off, fsbs, flags | DX_BMAPI_CONTIG, a->total, &rec, &nmap);
	if (error && error != -ENOSPC)
		return error;
	if (!error && nmap == 1 && rec.startoff == off)
		done = rec.blockcount;
	else if (fsbs == 1)
		return -ENOSPC;
	while (done < fsbs) {
		nmap = 1;
		error = dx_bmap_assign(a->tp, a->dp, off + done, fsbs - done, flags, a->total, &rec, &nmap);
		if (error)
			return error;
		if (nmap < 1 || !rec.blockcount)
			return -ENOSPC;
		done += rec.blockcount;
	}
	*bno = off;
	return 0;
}

/**
 * dx_da_unmap - give a da block back
 * @a: operation
 * @bno: its fork offset
 * @bp: its buffer, in a->tp
 *
 * Returns -ENOSPC, with nothing changed, when the extent map would have to
 * grow and no blocks are reserved for that; the caller decides what then.
 */
int dx_da_unmap(struct dx_da_args *a, dx_dablk_t bno, struct dx_buf *bp)
{
	u32 flags = DX_BMAPI_METADATA | (a->whichfork == DX_ATTR_FORK ? DX_BMAPI_ATTRFORK : 0);
	dx_filblks_t left = dx_da_fsbs(a);
	bool first = true;
	int error;

	while (left) {
		dx_filblks_t was = left;

		error = dx_bmap_unmap(a->tp, a->dp, bno, &left, flags, dx_da_fsbs(a));
		if (error)
			return error == -ENOSPC && !first ?
				dx_da_corrupt(a, bp, "no space to free the rest of a block") : error;
		if (left == was)
			return dx_da_corrupt(a, bp, "block to free is not mapped");
		first = false;
	}
	dx_trans_kill_buf(a->tp, bp);
	return 0;
}

/**
 * dx_da_set_type - what a buffer holds from now on
 * @a: operation
 * @bp: buffer
 * @blft: type for the log
 * @ops: verifier
 */
void dx_da_set_type(struct dx_da_args *a, struct dx_buf *bp, enum dx_blft blft, const struct dx_buf_ops *ops)
{
	bp->b_ops = ops;
	dx_trans_buf_type(a->tp, bp, blft);
}

/**
 * dx_da_init_blkinfo - header of a node or leaf block
 * @a: operation
 * @bp: buffer; the sibling pointers are cleared
 * @magic: DX_DA3_NODE_MAGIC etc.
 */
void dx_da_init_blkinfo(struct dx_da_args *a, struct dx_buf *bp, u16 magic)
{
	struct dx_da3_blkinfo *h = bp->b_addr;

	memset(h, 0, sizeof(*h));
	h->magic = cpu_to_be16(magic);
	h->blkno = cpu_to_be64(bp->b_daddr);
	h->owner = cpu_to_be64(a->dp->ino);
	h->uuid = a->mp->sb.meta_uuid;
}

/**
 * dx_da_init_blkhdr - header of a data, block-form or free index block
 * @a: operation
 * @bp: buffer
 * @magic: DX_DIR3_DATA_MAGIC etc.
 */
void dx_da_init_blkhdr(struct dx_da_args *a, struct dx_buf *bp, u32 magic)
{
	struct dx_dir3_blk_hdr *h = bp->b_addr;

	memset(h, 0, sizeof(*h));
	h->magic = cpu_to_be32(magic);
	h->blkno = cpu_to_be64(bp->b_daddr);
	h->owner = cpu_to_be64(a->dp->ino);
	h->uuid = a->mp->sb.meta_uuid;
}

/**
 * dx_da_log - log part of a da block
 * @a: operation
 * @bp: buffer
 * @first: start, a pointer into the buffer
 * @len: bytes, 0 = nothing
 */
void dx_da_log(struct dx_da_args *a, struct dx_buf *bp, const void *first, size_t len)
{
	size_t off = (const char *)first - (const char *)bp->b_addr;

	if (len)
		dx_trans_log_buf(a->tp, bp, off, off + len - 1);
}

/**
 * dx_da_log_all - log a whole da block
 * @a: operation
 * @bp: buffer
 */
void dx_da_log_all(struct dx_da_args *a, struct dx_buf *bp)
{
	dx_trans_log_buf(a->tp, bp, 0, dx_buf_len(bp) - 1);
}

/**
 * dx_da_enter_blocks - blocks that entering one name can allocate, fsblocks
 * @mp: mount
 * @whichfork: DX_DATA_FORK: directory, with a data and a free index block
 *
 * Each level of the tree may split, and the root once more.
 */
u32 dx_da_enter_blocks(struct dx_mount *mp, int whichfork)
{
	if (whichfork == DX_ATTR_FORK)
		return DX_DA_NODE_MAXDEPTH;
	return (DX_DA_NODE_MAXDEPTH + 2) * mp->dirblkfsbs;
}

/**
 * dx_da_bmap_blocks - bmbt blocks that mapping (or unmapping) @blocks may need
 * @mp: mount
 * @blocks: blocks, each an extent of its own at worst
 * @whichfork: fork
 */
u32 dx_da_bmap_blocks(struct dx_mount *mp, u32 blocks, int whichfork)
{
	u32 per_split = mp->bmap_dmxr[0] - mp->bmap_dmnr[0];
	u32 levels = mp->bm_maxlevels[whichfork];

	if (!per_split)
		per_split = 1;
	return (blocks + per_split - 1) / per_split * (levels ? levels - 1 : 0);
}

/**
 * dx_da_attr_blocks - blocks that an attribute can allocate whose value is in the leaf, fsblocks
 * @mp: mount
 *
 * A tree that splits twice, and the first leaf: so does one that has just been made of what was in the inode, two levels high.
 */
u32 dx_da_attr_blocks(struct dx_mount *mp)
{
	u32 tree = 2 * dx_da_enter_blocks(mp, DX_ATTR_FORK) + 1;

	return tree + dx_da_bmap_blocks(mp, tree, DX_ATTR_FORK);
}
