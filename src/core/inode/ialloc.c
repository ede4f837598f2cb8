// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inode numbers: finding a free one, making chunks of them, freeing, locating on disk.
 *
 * Inodes come in chunks of 64, aligned; where there is no room for a whole one, volumes with sparse
 * inodes take a part (whole clusters), and other parts of the same chunk may
 * follow later.  Choice of AG: directories go round all AGs, everything else
 * stays in its parent's; within the AG the free inode nearest to the parent's number.
 *
 * A new chunk is a transaction of its own: dx_new_ino() rolls behind it, holding
 * the AGI, so that the inode's own transaction never carries both.
 * Fresh clusters are formatted in their buffers, which are ordered: they reach the disk
 * before the log's tail passes, while the log has only one small icreate item.
 *
 * Locks: one AGI at a time, before any AGF (L1).  agi_count, agi_freecount and the
 * perag copies change under it.
 * Source: "AG Inode Management", "Inode Allocation", "Sparse Inodes".
 */
#include "dx_inode.h"
#include "dx_alloc.h"

#define ALL_FREE	(~0ULL)
#define PLENTY		64	/* blocks that nobody takes from an AG between a look and a lock */

static void log_agi_counts(struct dx_trans *tp, struct dx_buf *agibp)
{
	struct dx_agi *agi = agibp->b_addr;

	dx_agi_log(tp, agibp, offsetof(struct dx_agi, agi_count), sizeof(agi->agi_count));
	dx_agi_log(tp, agibp, offsetof(struct dx_agi, agi_freecount),
		   sizeof(agi->agi_freecount) + sizeof(agi->agi_newino));
}

static void mod_agi(struct dx_trans *tp, struct dx_buf *agibp, dx_agno_t agno, int count, int freecount)
{
	struct dx_agi *agi = agibp->b_addr;
	struct dx_perag *pag = dx_perag(tp->t_mp, agno);

	be32_add_cpu(&agi->agi_count, count);
	be32_add_cpu(&agi->agi_freecount, freecount);
	pag->count += count;
	pag->freecount += freecount;
	log_agi_counts(tp, agibp);
	if (count)
		dx_trans_mod_icount(tp, count);
	if (freecount)
		dx_trans_mod_ifree(tp, freecount);
}

/**
 * dx_ialloc_read_agi - lock an AGI, perag copies valid
 * @mp: mount
 * @tp: transaction or NULL
 * @agno: AG
 * @bpp: out: locked buffer
 */
int dx_ialloc_read_agi(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, struct dx_buf **bpp)
{
	return dx_agi_read(mp, tp, agno, bpp);
}

/* ---- records ------------------------------------------------------------------ */

/* Position at the record of a chunk; it must exist when @must. */
static int find_chunk(struct dx_btree_cur *cur, dx_agino_t startino, bool must, union dx_btree_rec *rec, int *stat)
{
	int error;

	cur->rec.inobt.startino = startino;
	error = dx_btree_lookup(cur, DX_LOOKUP_EQ, stat);
	if (!error && *stat)
		error = dx_btree_get_rec(cur, rec, stat);
	if (!error && !*stat && must)
		error = dx_corrupt(cur->mp, cur->ops->name, cur->agbp->b_daddr, "no record for AG %u inode %u",
				   cur->agno, startino);
	return error;
}

/*
 * The record of the chunk that an inode lies in, and the inode's bit in its masks; 0: there is no
 * such chunk, or it has a hole there.
 */
static int chunk_of(struct dx_btree_cur *cur, dx_agino_t agino, union dx_btree_rec *rec, u64 *bit)
{
	int stat, error;

	*bit = 0;
	cur->rec.inobt.startino = agino;
	error = dx_btree_lookup(cur, DX_LOOKUP_LE, &stat);
	if (!error && stat)
		error = dx_btree_get_rec(cur, rec, &stat);
	if (!error && stat && agino - rec->inobt.startino < DX_INODES_PER_CHUNK)
		*bit = dx_inobt_alloc_mask(rec->inobt.holemask) & 1ULL << (agino - rec->inobt.startino);
	return error;
}

static bool same_rec(const union dx_btree_rec *a, const union dx_btree_rec *b)
{
	return a->inobt.startino == b->inobt.startino && a->inobt.holemask == b->inobt.holemask &&
	       a->inobt.count == b->inobt.count && a->inobt.freecount == b->inobt.freecount &&
	       a->inobt.free == b->inobt.free;
}

static int rec_mismatch(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	return dx_corrupt(cur->mp, "finobt", cur->agbp->b_daddr, "record of AG %u inode %u differs from the inobt's",
			  cur->agno, rec->inobt.startino);
}

/*
 * Bring the finobt in line: @old is what the inobt had (NULL: no record), @new what it
 * has now (NULL: deleted).
 */
static int sync_finobt(struct dx_trans *tp, struct dx_buf *agibp, dx_agno_t agno,
		       const union dx_btree_rec *old, const union dx_btree_rec *new)
{
	bool had = old && old->inobt.freecount, has = new && new->inobt.freecount;
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	int stat, error = 0;

	if (!dx_has_finobt(tp->t_mp) || (!had && !has))
		return 0;
	cur = dx_inobt_cursor(tp->t_mp, tp, agibp, agno, DX_BTNUM_FINO);
	if (had) {
		error = find_chunk(cur, old->inobt.startino, true, &rec, &stat);
		if (!error && !same_rec(&rec, old))
			error = rec_mismatch(cur, old);
		if (error)
			goto out;
		if (has)
			error = dx_btree_update(cur, new);
		else
			error = dx_btree_delete(cur, &stat);
	} else {
		cur->rec = *new;
		error = dx_btree_insert(cur, &stat);
	}
out:
	dx_btree_del_cursor(cur, error);
	return error;
}

/* ---- making chunks -------------------------------------------------------------- */

/* Make a buffer a cluster of free inodes, the first of which is @ino. */
static void format_cluster(struct dx_buf *bp, dx_ino_t ino, u32 gen)
{
	struct dx_mount *mp = bp->b_mp;
	struct dx_dinode blank = {
		.di_magic = cpu_to_be16(DX_DINODE_MAGIC),
		.di_version = 3,
		.di_gen = cpu_to_be32(gen),
		.di_next_unlinked = cpu_to_be32(DX_NULLAGINO),
	};
	size_t off;

	uuid_copy(&blank.di_uuid, &mp->sb.meta_uuid);
	dx_buf_zero(bp, 0, dx_buf_len(bp));
	for (off = 0; off < dx_buf_len(bp); off += mp->sb.inodesize, ino++) {
		struct dx_dinode *dip = dx_buf_off(bp, off);

		blank.di_ino = cpu_to_be64(ino);
		memcpy(dip, &blank, sizeof(blank));
		dx_dinode_stamp_crc(mp, dip);
	}
	bp->b_ops = &dx_inode_buf_ops;
	bp->b_flags |= DX_BF_DONE;
}

/**
 * dx_ialloc_inode_init - format the clusters of new inodes
 * @mp: mount
 * @tp: transaction: buffers become ordered in it; NULL: recovery
 * @list: recovery's delayed write list, when @tp is NULL
 * @icount: inodes
 * @agno: AG
 * @agbno: first block
 * @length: blocks; a multiple of the cluster, or one short chunk
 * @gen: generation of all of them
 *
 * Source: "Inode Core" for the fields that a free inode must have.
 */
int dx_ialloc_inode_init(struct dx_mount *mp, struct dx_trans *tp, struct list_head *list, u32 icount, dx_agno_t agno,
			 dx_agbno_t agbno, u32 length, u32 gen)
{
	u32 step = min(mp->icluster_blks, length);
	dx_agbno_t end = agbno + length;

	if (!length || length % step || icount != length << mp->sb.inopblog)
		return dx_corrupt(mp, "inode chunk", dx_agb_to_daddr(mp, agno, agbno), "length %u for %u inodes",
				  length, icount);
	for (; agbno < end; agbno += step) {
		struct dx_buf *bp;
		int error;

		error = dx_trans_get_buf(mp, tp, dx_agb_to_daddr(mp, agno, agbno), dx_fsb_to_bb(mp, step),
					 tp ? DX_GET_NEW : 0, &bp);
		if (error)
			return error;
		format_cluster(bp, dx_agino_to_ino(mp, agno, dx_agb_to_agino(mp, agbno)), gen);
		if (!tp) {
			dx_buf_write_later(bp, list);
			dx_buf_leave(bp);
			continue;
		}
		dx_trans_inode_alloc_buf(tp, bp);
		dx_trans_ordered_buf(tp, bp);
	}
	return 0;
}

/* Find blocks for a whole chunk.  args->fsbno is DX_NULLFSBNO when there are none. */
static int alloc_whole(struct dx_alloc_arg *args, struct dx_buf *agibp, dx_agno_t agno)
{
	struct dx_mount *mp = args->mp;
	struct dx_agi *agi = agibp->b_addr;
	dx_agino_t newino = be32_to_cpu(agi->agi_newino);
	int error;

	args->minlen = args->maxlen = mp->ialloc_blks;
	args->prod = 1;
	/* behind the last one: inodes made together lie together */
	if (newino != DX_NULLAGINO && newino <= dx_perag(mp, agno)->max_agino) {
		dx_agbno_t agbno = dx_agino_to_agbno(mp, newino) + mp->ialloc_blks;

		if (agbno % mp->ialloc_align == 0 && dx_verify_agbno(mp, agno, agbno)) {
			args->type = DX_ALLOC_EXACT;
			args->fsbno = dx_agb_to_fsb(mp, agno, agbno);
			args->alignment = 1;
			/* a failure must leave room for the search that follows */
			args->minalignslop = mp->ialloc_align - 1;
			error = dx_alloc_extents(args);
			if (error || args->fsbno != DX_NULLFSBNO)
				return error;
			args->minalignslop = 0;
		}
	}
	args->type = DX_ALLOC_NEAR;
	if (mp->ialloc_stripe) {
		args->fsbno = dx_agb_to_fsb(mp, agno, be32_to_cpu(agi->agi_root));
		args->alignment = mp->ialloc_stripe;
		args->chance = args->no_wait = true;
		error = dx_alloc_extents(args);
		args->chance = args->no_wait = false;
		if (error || args->fsbno != DX_NULLFSBNO)
			return error;
	}
	args->fsbno = dx_agb_to_fsb(mp, agno, be32_to_cpu(agi->agi_root));
	args->alignment = mp->ialloc_align;
	return dx_alloc_extents(args);
}

/* Find blocks for the smallest part of a chunk. */
static int alloc_part(struct dx_alloc_arg *args, struct dx_buf *agibp, dx_agno_t agno)
{
	struct dx_mount *mp = args->mp;
	struct dx_agi *agi = agibp->b_addr;

	args->minlen = args->maxlen = mp->ialloc_min_blks;
	args->prod = 1;
	args->type = DX_ALLOC_NEAR;
	args->fsbno = dx_agb_to_fsb(mp, agno, be32_to_cpu(agi->agi_root));
	args->alignment = mp->sb.spino_align;
	/* the whole chunk that it is a part of must lie within the AG, behind the headers */
	args->min_agbno = mp->sb.inoalignmt;
	args->max_agbno = rounddown(dx_perag(mp, agno)->length, mp->sb.inoalignmt);
	return dx_alloc_extents(args);
}

/* Put new inodes into the trees; they may complete a sparse chunk that exists. */
static int insert_chunk(struct dx_trans *tp, struct dx_buf *agibp, dx_agno_t agno, union dx_btree_rec *new)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_btree_cur *cur;
	union dx_btree_rec old;
	int stat, merge, error;

	cur = dx_inobt_cursor(mp, tp, agibp, agno, DX_BTNUM_INO);
	error = find_chunk(cur, new->inobt.startino, false, &old, &merge);
	if (error)
		goto out;
	if (merge) {
		/* a hole is where neither has inodes; holes count as free in ->free */
		if ((u16)~old.inobt.holemask & (u16)~new->inobt.holemask) {
			error = dx_corrupt(mp, "inobt", agibp->b_daddr, "chunk of AG %u inode %u is there already",
					   agno, new->inobt.startino);
			goto out;
		}
		new->inobt.holemask &= old.inobt.holemask;
		new->inobt.count += old.inobt.count;
		new->inobt.freecount += old.inobt.freecount;
		new->inobt.free &= old.inobt.free;
		error = dx_btree_update(cur, new);
	} else {
		cur->rec = *new;
		error = dx_btree_insert(cur, &stat);
	}
	if (!error)
		error = sync_finobt(tp, agibp, agno, merge ? &old : NULL, new);
out:
	dx_btree_del_cursor(cur, error);
	return error;
}

/* Would @n more inodes be too many for the volume? */
static bool over_imax(struct dx_mount *mp, u32 n)
{
	u64 most = READ_ONCE(mp->maxicount);

	return most && percpu_counter_read_positive(&mp->icount) + n > most;
}

/* Blocks that an inode btree can allocate for one record: each level splits, and a new root comes on top. */
static u32 tree_growth(struct dx_mount *mp, struct dx_perag *pag, enum dx_btnum btnum)
{
	return min_t(u32, mp->inobt_maxlevels, pag->levels[btnum] + 1);
}

/* The same for a new chunk, beyond what the AG has set aside. */
static u32 chunk_growth(struct dx_mount *mp, struct dx_perag *pag)
{
	u32 blocks = tree_growth(mp, pag, DX_BTNUM_INO);

	if (dx_has_finobt(mp))
		blocks += dx_agresv_short(pag, DX_AGRESV_FINOBT, tree_growth(mp, pag, DX_BTNUM_FINO));
	return blocks;
}

/* Make a chunk, or a part of one, in an AG.  *done = false: no space there. */
static int alloc_chunk(struct dx_trans *tp, struct dx_buf *agibp, dx_agno_t agno, bool *done)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_agi *agi = agibp->b_addr;
	struct dx_alloc_arg args = { .tp = tp, .mp = mp, .owner = dx_own_inodes };
	union dx_btree_rec rec = { };
	u16 there = 0xffff;
	dx_agbno_t agbno;
	u32 icount, gen, i;
	int error;

	*done = false;
	args.minleft = chunk_growth(mp, dx_perag(mp, agno));
	error = alloc_whole(&args, agibp, agno);
	if (error)
		return error;
	if (args.fsbno == DX_NULLFSBNO) {
		if (!dx_has_sparse(mp) || mp->ialloc_min_blks >= mp->ialloc_blks)
			return 0;
		error = alloc_part(&args, agibp, agno);
		if (error || args.fsbno == DX_NULLFSBNO)
			return error;
	}
	agbno = dx_fsb_to_agbno(mp, args.fsbno);
	icount = args.len << mp->sb.inopblog;
	gen = get_random_u32();
	error = dx_ialloc_inode_init(mp, tp, NULL, icount, agno, agbno, args.len, gen);
	if (error)
		return error;
	dx_icreate_log(tp, agno, agbno, icount, mp->sb.inodesize, args.len, gen);

	if (args.len < mp->ialloc_blks) {
		u32 off = agbno % mp->sb.inoalignmt;	/* of the part in its chunk */

		there = (1u << (icount / DX_INODES_PER_HOLEMASK_BIT)) - 1;
		there <<= (off << mp->sb.inopblog) / DX_INODES_PER_HOLEMASK_BIT;
		agbno -= off;
	}
	/* blocks larger than a chunk hold several; sparse parts are never that large */
	for (i = 0; i < icount; i += DX_INODES_PER_CHUNK) {
		rec.inobt.startino = dx_agb_to_agino(mp, agbno) + i;
		rec.inobt.holemask = (u16)~there;
		rec.inobt.count = rec.inobt.freecount = min_t(u32, icount, DX_INODES_PER_CHUNK);
		rec.inobt.free = ALL_FREE;
		error = insert_chunk(tp, agibp, agno, &rec);
		if (error)
			return error;
	}
	agi->agi_newino = cpu_to_be32(dx_agb_to_agino(mp, agbno));
	mod_agi(tp, agibp, agno, icount, icount);
	*done = true;
	return 0;
}

/* ---- taking an inode ------------------------------------------------------------ */

static u32 distance(const union dx_btree_rec *rec, dx_agino_t agino)
{
	if (agino < rec->inobt.startino)
		return rec->inobt.startino - agino;
	if (agino >= rec->inobt.startino + DX_INODES_PER_CHUNK)
		return agino - (rec->inobt.startino + DX_INODES_PER_CHUNK - 1);
	return 0;
}

/*
 * The chunk with a free inode nearest to @agino.  In the finobt the first step
 * to each side decides; without one the walk may be long.
 */
static int nearest_chunk(struct dx_trans *tp, struct dx_buf *agibp, dx_agno_t agno, enum dx_btnum btnum,
			 dx_agino_t agino, union dx_btree_rec *best, bool *found)
{
	struct dx_btree_cur *cur[2];
	union dx_btree_rec rec;
	bool alive[2] = { };
	int i, stat, error;

	*found = false;
	for (i = 0; i < 2; i++)
		cur[i] = dx_inobt_cursor(tp->t_mp, tp, agibp, agno, btnum);
	cur[0]->rec.inobt.startino = agino;
	error = dx_btree_lookup(cur[0], DX_LOOKUP_LE, &stat);
	if (error)
		goto out;
	alive[0] = stat;
	cur[1]->rec.inobt.startino = agino + 1;
	error = dx_btree_lookup(cur[1], DX_LOOKUP_GE, &stat);
	if (error)
		goto out;
	alive[1] = stat;
	while (alive[0] || alive[1]) {
		for (i = 0; i < 2; i++) {
			if (!alive[i])
				continue;
			error = dx_btree_get_rec(cur[i], &rec, &stat);
			if (error)
				goto out;
			if (!stat || (*found && distance(&rec, agino) >= distance(best, agino))) {
				alive[i] = false;
				continue;
			}
			if (rec.inobt.freecount) {
				*best = rec;
				*found = true;
				alive[i] = false;
				continue;
			}
			error = i ? dx_btree_increment(cur[i], 0, &stat) : dx_btree_decrement(cur[i], 0, &stat);
			if (error)
				goto out;
			alive[i] = stat;
		}
	}
out:
	dx_btree_del_cursor(cur[0], error);
	dx_btree_del_cursor(cur[1], error);
	return error;
}

/* Take an inode of an AG whose agi_freecount is not 0. */
static int take_inode(struct dx_trans *tp, struct dx_buf *agibp, dx_agno_t agno, dx_ino_t parent, dx_ino_t *ino)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_agi *agi = agibp->b_addr;
	enum dx_btnum btnum = dx_has_finobt(mp) ? DX_BTNUM_FINO : DX_BTNUM_INO;
	dx_agino_t near = be32_to_cpu(agi->agi_newino);
	union dx_btree_rec rec, old, new;
	struct dx_btree_cur *cur;
	bool found;
	int bit, stat, error;

	/* beside the parent, else in the chunk made last */
	if (dx_ino_to_agno(mp, parent) == agno)
		near = dx_ino_to_agino(mp, parent);
	else if (near == DX_NULLAGINO)
		near = 0;
	error = nearest_chunk(tp, agibp, agno, btnum, near, &rec, &found);
	if (error)
		return error;
	if (!found)
		return dx_corrupt(mp, "AGI", agibp->b_daddr, "agi_freecount is %u, but no inode is free",
				  be32_to_cpu(agi->agi_freecount));

	cur = dx_inobt_cursor(mp, tp, agibp, agno, DX_BTNUM_INO);
	error = find_chunk(cur, rec.inobt.startino, true, &old, &stat);
	if (!error && !same_rec(&old, &rec))
		error = rec_mismatch(cur, &rec);
	if (error)
		goto out;
	bit = __ffs64(old.inobt.free & dx_inobt_alloc_mask(old.inobt.holemask));
	new = old;
	new.inobt.free &= ~(1ULL << bit);
	new.inobt.freecount--;
	error = dx_btree_update(cur, &new);
	if (!error)
		error = sync_finobt(tp, agibp, agno, &old, &new);
	if (error)
		goto out;
	mod_agi(tp, agibp, agno, 0, -1);
	*ino = dx_agino_to_ino(mp, agno, old.inobt.startino + bit);
out:
	dx_btree_del_cursor(cur, error);
	return error;
}

/*
 * Commit the chunk just made (or an AGFL just filled) and go on with a clean
 * transaction; @agibp, when given, stays locked and is joined again, so
 * that the chunk cannot be emptied by others in between.  @dp, when given, is locked by the caller, and must not be
 * at the tail of the log while the roll waits for space there (log_space.c): it is logged, and stays locked.
 */
static int roll_with_agi(struct dx_trans **tpp, struct dx_buf *agibp, struct dx_inode *dp)
{
	int error;

	if (dp) {
		dx_trans_ijoin(*tpp, dp, 0);
		dx_trans_log_inode(*tpp, dp, DX_ILOG_CORE);
	}
	if (agibp)
		dx_trans_keep_buf(*tpp, agibp);
	error = dx_trans_roll(tpp);
	/* joined even after an error: cancelling the transaction then lets go of it */
	if (agibp)
		dx_trans_adopt(*tpp, agibp);
	return error;
}

/* Is it worth asking this AG for a chunk? */
static int ag_has_room(struct dx_trans *tp, dx_agno_t agno, umode_t mode, bool picky, bool *room)
{
	struct dx_mount *mp = tp->t_mp;
	struct dx_perag *pag = dx_perag(mp, agno);
	u32 need = picky ? mp->ialloc_blks + mp->ialloc_align - 1 : mp->ialloc_min_blks;
	u32 spare = S_ISDIR(mode) || S_ISREG(mode) || S_ISLNK(mode);
	u32 growth = pag->agi_init ? chunk_growth(mp, pag) : 1;

	*room = false;
	if (!pag->agf_init) {
		struct dx_buf *agbp;
		int error = dx_agf_read(mp, tp, agno, 0, &agbp);

		if (error)
			return error;
		dx_trans_let_go(tp, agbp);
	}
	*room = dx_alloc_longest_free(mp, pag) >= need &&
		dx_ag_avail(mp, pag, DX_AGRESV_NONE) >= need + growth + (picky ? spare : 0);
	return 0;
}

/* A chunk in an AG that has no free inode.  *done = false: none could or may be made, and its AGI is let go. */
static int grow_here(struct dx_trans **tpp, struct dx_buf *agibp, dx_agno_t agno, struct dx_inode *dp, bool may_grow,
		     bool *done)
{
	int error;

	*done = false;
	if (may_grow) {
		error = alloc_chunk(*tpp, agibp, agno, done);
		if (error)
			return error;
		if (*done)
			return roll_with_agi(tpp, agibp, dp);
	}
	dx_trans_let_go(*tpp, agibp);
	/* an AGFL may have been filled: let go of that AGF before the next AGI */
	return may_grow && ((*tpp)->t_flags & DX_TRANS_DIRTY) ? roll_with_agi(tpp, NULL, dp) : 0;
}

/**
 * dx_new_ino - allocate an inode number
 * @tpp: transaction with dx_dialloc_space() blocks; may be rolled (everything joined before is committed
 *	then, so join nothing that must stay before)
 * @parent: directory, or whatever to be near to
 * @mode: file type; directories are spread over the AGs
 * @dp: inode that the caller has locked exclusively, and not joined, or NULL; logged with each roll
 * @ino: out; DX_NULLINO when neither an inode is free nor a chunk can be made
 *
 * Takes and keeps the AGI of the inode's AG in the transaction.  Returns 0 or -errno.
 */
int dx_new_ino(struct dx_trans **tpp, dx_ino_t parent, umode_t mode, struct dx_inode *dp, dx_ino_t *ino)
{
	struct dx_mount *mp = (*tpp)->t_mp;
	dx_agno_t count = dx_agcount(mp), low = min(READ_ONCE(mp->inode_agcount), count), start, agno, i;
	bool may_grow = !over_imax(mp, mp->ialloc_inos);
	int pass, error;

	*ino = DX_NULLINO;
	if (S_ISDIR(mode))
		start = (u32)(atomic_inc_return(&mp->agirotor) - 1) % low;
	else
		start = dx_ino_to_agno(mp, parent) % low;

	/* first where it is comfortable, then wherever it is possible */
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < count; i++) {
			struct dx_buf *agibp;
			struct dx_perag *pag;
			bool done = true;

			agno = start + i < count ? start + i : start + i - count;
			pag = dx_perag(mp, agno);
			if (!pag->inodes_ok)
				continue;
			if (pag->agi_init && !READ_ONCE(pag->freecount)) {
				if (!may_grow)
					continue;
				error = ag_has_room(*tpp, agno, mode, pass == 0, &done);
				if (error)
					return error;
				if (!done)
					continue;
			}
			error = dx_ialloc_read_agi(mp, *tpp, agno, &agibp);
			if (error)
				return error;
			if (!pag->freecount) {
				error = grow_here(tpp, agibp, agno, dp, may_grow, &done);
				if (error)
					return error;
				if (!done)
					continue;
			}
			return take_inode(*tpp, agibp, agno, parent, ino);
		}
	}
	return 0;
}

/* ---- freeing --------------------------------------------------------------------- */

/* Queue the blocks of a chunk that is gone, one extent for each run without holes. */
static int free_chunk_blocks(struct dx_trans *tp, dx_agno_t agno, const union dx_btree_rec *rec)
{
	struct dx_mount *mp = tp->t_mp;
	u64 there = dx_inobt_alloc_mask(rec->inobt.holemask);
	int first = 0, end, error;

	while (first < DX_INODES_PER_CHUNK && there >> first) {
		dx_agbno_t bno, bend;

		first += __ffs64(there >> first);
		end = first;
		while (end < DX_INODES_PER_CHUNK && (there >> end & 1))
			end++;
		bno = dx_agino_to_agbno(mp, rec->inobt.startino + first);
		bend = dx_agino_to_agbno(mp, rec->inobt.startino + end - 1) + 1;
		error = dx_defer_free_of(tp, dx_agb_to_fsb(mp, agno, bno), bend - bno, false, &dx_own_inodes);
		if (error)
			return error;
		first = end;
	}
	return 0;
}

/**
 * dx_difree_prepare - will dx_free_ino() find the blocks that it needs?
 * @tp: transaction, nothing changed in it yet
 * @agibp: AGI of the inode's AG, locked in @tp
 * @ino: inode
 *
 * The first free inode of a chunk brings a record into the finobt, which may have to grow.  Where
 * its AG has nothing set aside for that (it was too full at mount) nor anything else left, the inode
 * cannot be freed now.
 *
 * Return: 0; -ENOSPC; -errno of the trees.  The AGF is locked in @tp when space was that short.
 */
int dx_difree_prepare(struct dx_trans *tp, struct dx_buf *agibp, dx_ino_t ino)
{
	struct dx_mount *mp = tp->t_mp;
	dx_agno_t agno = dx_ino_to_agno(mp, ino);
	struct dx_perag *pag = dx_perag(mp, agno);
	u32 most = tree_growth(mp, pag, DX_BTNUM_FINO), need;
	union dx_btree_rec rec;
	struct dx_btree_cur *cur;
	struct dx_buf *agfbp;
	u64 bit;
	int error;

	if (!dx_has_finobt(mp))
		return 0;
	/* nearly always, and then without looking */
	if (!dx_agresv_short(pag, DX_AGRESV_FINOBT, most) && dx_ag_avail(mp, pag, DX_AGRESV_FINOBT) > most + PLENTY)
		return 0;
	cur = dx_inobt_cursor(mp, tp, agibp, agno, DX_BTNUM_INO);
	error = chunk_of(cur, dx_ino_to_agino(mp, ino), &rec, &bit);
	dx_btree_del_cursor(cur, error);
	if (error || !bit || rec.inobt.freecount)
		return error;		/* dx_free_ino() says what is wrong, if anything */
	cur = dx_inobt_cursor(mp, tp, agibp, agno, DX_BTNUM_FINO);
	cur->rec = rec;
	error = dx_btree_insert_blocks(cur, 1, &need);
	dx_btree_del_cursor(cur, error);
	if (error || !need)
		return error;
	error = dx_agf_read(mp, tp, agno, 0, &agfbp);
	if (error)
		return error;
	/* those of the free list, too: see dx_alloc_arg.must */
	if (pag->freeblks + pag->flcount >= need)
		return 0;
	dx_trans_let_go(tp, agfbp);
	dx_err_ratelimited(mp, "AG %u is full: inode 0x%llx stays allocated and on the unlinked list; a mount that finds space there frees it",
			   agno, (unsigned long long)ino);
	return -ENOSPC;
}

/**
 * dx_free_ino - free an inode number
 * @tp: transaction
 * @ino: inode, allocated, off its unlinked list
 * @cluster: out: set when the whole chunk went away; the caller invalidates its buffers
 *
 * A chunk with no inode left gives its blocks back (deferred), unless mounted
 * with ikeep.  Returns 0 or -errno; -EFSCORRUPTED also for an inode that is free.
 */
int dx_free_ino(struct dx_trans *tp, dx_ino_t ino, struct dx_icluster_free *cluster)
{
	struct dx_mount *mp = tp->t_mp;
	dx_agno_t agno = dx_ino_to_agno(mp, ino);
	dx_agino_t agino = dx_ino_to_agino(mp, ino);
	union dx_btree_rec old, new;
	struct dx_btree_cur *cur;
	struct dx_buf *agibp;
	int stat, error;
	u64 bit;

	memset(cluster, 0, sizeof(*cluster));
	if (!dx_verify_ino(mp, ino))
		return dx_corrupt(mp, "inode to free", 0, "number 0x%llx", (unsigned long long)ino);
	error = dx_ialloc_read_agi(mp, tp, agno, &agibp);
	if (error)
		return error;
	cur = dx_inobt_cursor(mp, tp, agibp, agno, DX_BTNUM_INO);
	error = chunk_of(cur, agino, &old, &bit);
	if (error)
		goto out;
	if (!bit || (old.inobt.free & bit)) {
		error = dx_corrupt(mp, "inobt", agibp->b_daddr, "AG %u inode %u is freed but not allocated", agno, agino);
		goto out;
	}
	new = old;
	new.inobt.free |= bit;
	new.inobt.freecount++;

	if (!mp->opts.ikeep && new.inobt.freecount == new.inobt.count && mp->sb.inopblock <= DX_INODES_PER_CHUNK) {
		cluster->deleted = true;
		cluster->first_ino = dx_agino_to_ino(mp, agno, new.inobt.startino);
		cluster->alloc_mask = dx_inobt_alloc_mask(new.inobt.holemask);
		error = dx_btree_delete(cur, &stat);
		if (!error)
			error = sync_finobt(tp, agibp, agno, &old, NULL);
		if (!error)
			error = free_chunk_blocks(tp, agno, &new);
		if (!error)
			mod_agi(tp, agibp, agno, -(int)new.inobt.count, -(int)old.inobt.freecount);
	} else {
		error = dx_btree_update(cur, &new);
		if (!error)
			error = sync_finobt(tp, agibp, agno, &old, &new);
		if (!error)
			mod_agi(tp, agibp, agno, 0, 1);
	}
out:
	dx_btree_del_cursor(cur, error);
	return error;
}

/* ---- locating ---------------------------------------------------------------------- */

/* The chunk that @agino is in, from the inobt.  The AGI stays locked, unless that fails. */
static int imap_lookup(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, dx_agino_t agino, bool untrusted,
		       dx_agbno_t *chunk_agbno, struct dx_buf **agibpp)
{
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agibp;
	int error;
	u64 bit;

	error = dx_ialloc_read_agi(mp, tp, agno, &agibp);
	if (error)
		return error;
	cur = dx_inobt_cursor(mp, tp, agibp, agno, DX_BTNUM_INO);
	error = chunk_of(cur, agino, &rec, &bit);
	dx_btree_del_cursor(cur, error);
	if (!error && !bit)
		error = -EINVAL;
	if (!error && untrusted && (rec.inobt.free & bit))
		error = -ENOENT;
	if (error) {
		dx_trans_let_go(tp, agibp);
		return error;
	}
	*chunk_agbno = dx_agino_to_agbno(mp, rec.inobt.startino);
	*agibpp = agibp;
	return 0;
}

static int locate(struct dx_mount *mp, struct dx_trans *tp, dx_ino_t ino, bool untrusted, struct dx_imap *imap,
		  struct dx_buf **agibpp)
{
	dx_agno_t agno = dx_ino_to_agno(mp, ino);
	dx_agino_t agino = dx_ino_to_agino(mp, ino);
	dx_agbno_t agbno = dx_agino_to_agbno(mp, agino), chunk, cluster;
	int error;

	*agibpp = NULL;
	if (!dx_verify_ino(mp, ino))
		return -EINVAL;
	chunk = agbno;
	if (mp->ialloc_align > 1)
		chunk = rounddown(agbno, mp->ialloc_align);
	/* without alignment only the inobt tells where the chunk, and so the cluster, begins */
	if (untrusted || (mp->icluster_blks > 1 && mp->ialloc_align < mp->icluster_blks)) {
		dx_agbno_t found;

		error = imap_lookup(mp, tp, agno, agino, untrusted, &found, agibpp);
		if (error)
			return error;
		if (mp->ialloc_align < mp->icluster_blks)
			chunk = found;
	}
	cluster = chunk + (agbno - chunk) / mp->icluster_blks * mp->icluster_blks;
	imap->daddr = dx_agb_to_daddr(mp, agno, cluster);
	imap->len_bb = mp->icluster_bb;
	imap->boffset = ((agbno - cluster) << mp->sb.blocklog) + (dx_agino_to_offset(mp, agino) << mp->sb.inodelog);
	/* a damaged superblock must not lead the buffer beyond the volume */
	if (imap->daddr + imap->len_bb <= dx_fsb_to_bb(mp, dx_dblocks(mp)))
		return 0;
	if (*agibpp)
		dx_trans_let_go(tp, *agibpp);
	*agibpp = NULL;
	return -EINVAL;
}

/**
 * dx_imap - where an inode is on disk
 * @mp: mount
 * @tp: transaction or NULL
 * @ino: inode
 * @untrusted: the number comes from outside (file handle, bulkstat): the inobt must know it
 * @imap: out: cluster buffer, and the inode's offset in it
 *
 * Returns 0; -EINVAL for a number that no inode can have or no chunk contains; -ENOENT for a free one
 * (only checked when @untrusted); -errno of the inobt.
 */
int dx_imap(struct dx_mount *mp, struct dx_trans *tp, dx_ino_t ino, bool untrusted, struct dx_imap *imap)
{
	struct dx_buf *agibp;
	int error = locate(mp, tp, ino, untrusted, imap, &agibp);

	if (agibp)
		dx_trans_let_go(tp, agibp);
	return error;
}

/**
 * dx_imap_untrusted - dx_imap() of a number from outside, which stays true
 * @mp: mount
 * @tp: transaction or NULL
 * @ino: inode
 * @imap: out
 * @agibpp: out: the AGI, locked: until the caller lets go of it (dx_trans_let_go()) nobody frees the inode; NULL on error
 *
 * Returns as dx_imap().
 */
int dx_imap_untrusted(struct dx_mount *mp, struct dx_trans *tp, dx_ino_t ino, struct dx_imap *imap, struct dx_buf **agibpp)
{
	return locate(mp, tp, ino, true, imap, agibpp);
}

/**
 * dx_dialloc_space - blocks to reserve for allocating an inode, fsblocks
 * @mp: mount
 *
 * A chunk, and a split of each inode btree.
 */
u32 dx_dialloc_space(struct dx_mount *mp)
{
	u32 trees = dx_has_finobt(mp) ? 2 : 1;

	/* the split of a root takes two blocks, so a tree that grows to its full height takes one a level */
	return mp->ialloc_blks + trees * mp->inobt_maxlevels;
}
