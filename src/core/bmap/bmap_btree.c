// SPDX-License-Identifier: GPL-2.0-only
/*
 * The btree of a fork's extents on disk (bmbt): what btree.c must be told about it,
 * and the two changes of form, inline extents to btree and back.
 *
 * The root lives in the inode and is always allocated for all the room of the fork
 * (root->maxrecs == dx_bmbt_root_maxrecs(fork size)), so it never has to be grown
 * while the tree changes.  Blocks of the tree count in the inode's nblocks.
 * ILOCK exclusive to change, as for everything about forks.
 * Source: "Data Extents", B+tree Extent List; "B+trees", long format.
 */
#include "dx_bmap.h"
#include "dx_btree.h"
#include "dx_bmap_int.h"
#include "dx_replay.h"

static struct dx_fork *cur_fork(struct dx_btree_cur *cur)
{
	return dx_ifork(cur->ip, cur->whichfork);
}

static u32 bmbt_maxrecs(struct dx_btree_cur *cur, int level)
{
	if (level == cur->nlevels - 1)
		return dx_bmbt_root_maxrecs(dx_inode_fork_size(cur->ip, cur->whichfork));
	return cur->mp->bmap_dmxr[level != 0];
}

static u32 bmbt_minrecs(struct dx_btree_cur *cur, int level)
{
	return level == cur->nlevels - 1 ? 1 : cur->mp->bmap_dmnr[level != 0];
}

static u64 bmbt_owner(struct dx_btree_cur *cur)
{
	return cur->ip->ino;
}

static struct dx_bmbt_root *bmbt_iroot(struct dx_btree_cur *cur)
{
	return cur_fork(cur)->data;
}

static struct dx_bmbt_root *bmbt_realloc_root(struct dx_btree_cur *cur, u32 recs)
{
	dx_bmbt_root_resize(cur_fork(cur), recs);
	return cur_fork(cur)->data;
}

static void bmbt_log_root(struct dx_btree_cur *cur)
{
	dx_trans_log_inode(cur->tp, cur->ip, DX_ILOG_CORE |
			   (cur->whichfork == DX_DATA_FORK ? DX_ILOG_DBROOT : DX_ILOG_ABROOT));
}

/* Whose the blocks of the tree itself are. */
static struct dx_owner bmbt_own(const struct dx_inode *ip, int whichfork)
{
	return (struct dx_owner) { ip->ino, DX_RMAP_BMBT | (whichfork == DX_ATTR_FORK ? DX_RMAP_ATTRFORK : 0) };
}

/**
 * dx_bmap_alloc_meta_block - allocate one block for the extent map itself.
 * @tp: transaction, with the block reserved in it
 * @ip: inode that will own it; ILOCK exclusive, joined; nblocks is raised and the core logged
 * @whichfork: whose map it is
 * @near: block to be near, or DX_BT_NULLPTR
 * @minleft: blocks that the AG must keep for what this transaction still has to allocate
 * @fsbno: result; DX_NULLFSBNO = no space
 *
 * Returns 0 or -errno.
 */
int dx_bmap_alloc_meta_block(struct dx_trans *tp, struct dx_inode *ip, int whichfork, dx_fsbno_t near, u32 minleft,
			     dx_fsbno_t *fsbno)
{
	struct dx_mount *mp = ip->mp;
	dx_fsbno_t home = dx_agb_to_fsb(mp, dx_ino_to_agno(mp, ip->ino),
					dx_agino_to_agbno(mp, dx_ino_to_agino(mp, ip->ino)));
	/* near, anywhere, and when it must be, whatever there is */
	static const enum dx_alloc_type types[] = { DX_ALLOC_NEAR, DX_ALLOC_START_AG, DX_ALLOC_START_AG };
	int error, try;

	*fsbno = DX_NULLFSBNO;
	if (!tp->t_blk_res)
		return 0;
	for (try = 0; try < ARRAY_SIZE(types); try++) {
		bool must = try == ARRAY_SIZE(types) - 1;
		struct dx_alloc_arg args = {
			.tp = tp, .mp = mp, .minlen = 1, .maxlen = 1, .prod = 1, .alignment = 1,
			.fsbno = near == DX_BT_NULLPTR ? home : near, .type = types[try],
			.minleft = must ? 0 : minleft, .must = must, .no_wait = !must,
			.owner = bmbt_own(ip, whichfork),
		};

		/* nothing is changed yet: then -ENOSPC is an answer */
		if (must && !(tp->t_flags & DX_TRANS_DIRTY))
			break;
		error = dx_alloc_extents(&args);
		if (error)
			return error;
		if (args.fsbno != DX_NULLFSBNO) {
			*fsbno = args.fsbno;
			ip->d.nblocks++;
			dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
			return 0;
		}
	}
	return 0;
}

static int bmbt_alloc_block(struct dx_btree_cur *cur, u64 near, u64 *ptr)
{
	dx_fsbno_t fsbno;
	u32 minleft = 0;
	int error;

	/* the first block of an insert that may split every level: keep room for the rest */
	if (cur->tp->t_highest_agno == DX_NULLAGNO)
		minleft = cur->nlevels;
	error = dx_bmap_alloc_meta_block(cur->tp, cur->ip, cur->whichfork, near, minleft, &fsbno);
	*ptr = fsbno == DX_NULLFSBNO ? DX_BT_NULLPTR : fsbno;
	if (!error && fsbno != DX_NULLFSBNO)
		cur->allocated++;
	return error;
}

static int bmbt_free_block(struct dx_btree_cur *cur, struct dx_buf *bp)
{
	struct dx_mount *mp = cur->mp;
	u64 block = bp->b_daddr >> mp->blkbb_log;
	dx_fsbno_t fsbno = dx_agb_to_fsb(mp, div_u64(block, mp->sb.agblocks),
					 block - (u64)mp->sb.agblocks * div_u64(block, mp->sb.agblocks));
	struct dx_owner own;

	cur->ip->d.nblocks--;
	dx_trans_log_inode(cur->tp, cur->ip, DX_ILOG_CORE);
	own = bmbt_own(cur->ip, cur->whichfork);
	return dx_defer_free_of(cur->tp, fsbno, 1, true, &own);
}

static void bmbt_rec_from_disk(const void *disk, union dx_btree_rec *rec)
{
	struct dx_irec i;

	dx_bmbt_disk_get(disk, &i);
	rec->bmbt.startoff = i.startoff;
	rec->bmbt.startblock = i.startblock;
	rec->bmbt.blockcount = i.blockcount;
	rec->bmbt.unwritten = i.state == DX_EXT_UNWRITTEN;
}

static void bmbt_rec_to_disk(void *disk, const union dx_btree_rec *rec)
{
	struct dx_irec i = {
		.startoff = rec->bmbt.startoff,
		.startblock = rec->bmbt.startblock,
		.blockcount = rec->bmbt.blockcount,
		.state = rec->bmbt.unwritten ? DX_EXT_UNWRITTEN : DX_EXT_NORM,
	};

	dx_bmbt_disk_set(disk, &i);
}

static void bmbt_key_from_disk(const void *disk, union dx_btree_key *key)
{
	key->bmbt.startoff = get_unaligned_be64(disk);
}

static void bmbt_key_to_disk(void *disk, const union dx_btree_key *key)
{
	put_unaligned_be64(key->bmbt.startoff, disk);
}

static void bmbt_key_from_rec(const union dx_btree_rec *rec, union dx_btree_key *key)
{
	key->bmbt.startoff = rec->bmbt.startoff;
}

static int bmbt_key_cmp(const union dx_btree_key *a, const union dx_btree_key *b)
{
	if (a->bmbt.startoff < b->bmbt.startoff)
		return -1;
	return a->bmbt.startoff > b->bmbt.startoff;
}

static const char *bmbt_check_rec(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	if (!rec->bmbt.blockcount || rec->bmbt.blockcount > DX_BMBT_MAX_BLOCKCOUNT)
		return "blockcount";
	if (rec->bmbt.startoff + rec->bmbt.blockcount - 1 > DX_BMBT_MAX_STARTOFF)
		return "startoff";
	if (!dx_verify_fsbext(cur->mp, rec->bmbt.startblock, rec->bmbt.blockcount))
		return "startblock";
	if (rec->bmbt.unwritten && cur->whichfork == DX_ATTR_FORK)
		return "extentflag";
	return NULL;
}

static int bmbt_verify(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;

	return dx_btree_block_verify(bp, DX_BMAP_CRC_MAGIC, true,
				     max(mp->bm_maxlevels[0], mp->bm_maxlevels[1]), mp->bmap_dmxr);
}

static int bmbt_verify_read(struct dx_buf *bp)
{
	int error = dx_btree_block_verify_crc(bp, true);

	return error ? error : bmbt_verify(bp);
}

static int bmbt_verify_write(struct dx_buf *bp)
{
	int error = bmbt_verify(bp);

	if (!error)
		dx_btree_block_stamp(bp, true);
	return error;
}

static u64 bmbt_block_owner(const struct dx_buf *bp)
{
	return be64_to_cpu(((const struct dx_btree_lblock *)bp->b_addr)->bb_owner);
}

const struct dx_buf_ops dx_bmbt_buf_ops = {
	.name = "bmbt",
	.owner = bmbt_block_owner,
	.magic32 = DX_BMAP_CRC_MAGIC,
	.verify_read = bmbt_verify_read,
	.verify_write = bmbt_verify_write,
};

static const struct dx_btree_ops bmbt_ops = {
	.name = "bmbt",
	.magic = DX_BMAP_CRC_MAGIC,
	.flags = DX_BT_LONG_PTRS | DX_BT_ROOT_IN_INODE,
	.rec_len = sizeof(struct dx_bmbt_rec),
	.key_len = sizeof(__be64),
	.buf_ops = &dx_bmbt_buf_ops,
	.maxrecs = bmbt_maxrecs,
	.minrecs = bmbt_minrecs,
	.owner = bmbt_owner,
	.iroot = bmbt_iroot,
	.realloc_root = bmbt_realloc_root,
	.log_root = bmbt_log_root,
	.alloc_block = bmbt_alloc_block,
	.free_block = bmbt_free_block,
	.rec_from_disk = bmbt_rec_from_disk,
	.rec_to_disk = bmbt_rec_to_disk,
	.key_from_disk = bmbt_key_from_disk,
	.key_to_disk = bmbt_key_to_disk,
	.key_from_rec = bmbt_key_from_rec,
	.key_cmp = bmbt_key_cmp,
	.check_rec = bmbt_check_rec,
};

/**
 * dx_bmbt_cursor - a cursor over the extent btree of a fork.
 * @mp: mount
 * @tp: transaction, or NULL to read only
 * @ip: inode; ILOCK held, the fork is in btree form
 * @whichfork: DX_DATA_FORK or DX_ATTR_FORK
 *
 * Adjusts the root's capacity first when the fork's room has changed.  Cannot fail.
 */
struct dx_btree_cur *dx_bmbt_cursor(struct dx_mount *mp, struct dx_trans *tp, struct dx_inode *ip,
				    int whichfork)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_bmbt_root *root = f->data;
	u32 room = dx_bmbt_root_maxrecs(dx_inode_fork_size(ip, whichfork));
	struct dx_btree_cur *cur;

	if (root->maxrecs != room && root->numrecs <= room)
		dx_bmbt_root_resize(f, room);
	root = f->data;
	cur = dx_btree_new_cursor(mp, tp, DX_BTNUM_BMAP, &bmbt_ops, root->level + 1);
	cur->ip = ip;
	cur->whichfork = whichfork;
	return cur;
}

/* ---- changes of form ---------------------------------------------------------- */

/* a new block of the tree: allocated, got, formatted; joined to tp */
static int bmbt_new_block(struct dx_trans *tp, struct dx_inode *ip, int whichfork, dx_fsbno_t near, int level, u32 numrecs,
			  dx_fsbno_t *fsbno, struct dx_buf **bpp)
{
	struct dx_mount *mp = ip->mp;
	int error = dx_bmap_alloc_meta_block(tp, ip, whichfork, near, 0, fsbno);

	if (error)
		return error;
	if (*fsbno == DX_NULLFSBNO)
		return -ENOSPC;
	error = dx_trans_get_buf(mp, tp, dx_fsb_to_daddr(mp, *fsbno), dx_fsb_to_bb(mp, 1), DX_GET_NEW, bpp);
	if (error)
		return error;
	dx_btree_block_init(mp, *bpp, &bmbt_ops, level, numrecs, ip->ino);
	return 0;
}

/**
 * dx_bmap_extents_to_btree - move the extents of a fork from the inode to a btree.
 * @tp: transaction; one block must be reserved in it
 * @ip: inode, ILOCK exclusive, joined
 * @whichfork: the fork, in extents form, more extents than fit inline
 *
 * Logs the new block, the root and the core.  Returns 0, -ENOSPC or another error; the
 * form is unchanged then.  Source: "Data Extents", B+tree Extent List.
 */
int dx_bmap_extents_to_btree(struct dx_trans *tp, struct dx_inode *ip, int whichfork)
{
	struct dx_mount *mp = ip->mp;
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_bmbt_root *root;
	struct dx_iext_cur icur;
	struct dx_bmbt_rec *r;
	struct dx_irec rec;
	struct dx_buf *bp;
	dx_fsbno_t fsbno;
	bool more;
	u32 n = 0;
	int error;

	if (WARN_ON_ONCE(!f->nextents || f->nextents > mp->bmap_dmxr[0]))
		return -EFSCORRUPTED;
	error = bmbt_new_block(tp, ip, whichfork, DX_BT_NULLPTR, 0, f->nextents, &fsbno, &bp);
	if (error)
		return error;
	root = dx_bmbt_root_alloc(dx_bmbt_root_maxrecs(dx_inode_fork_size(ip, whichfork)));
	root->level = 1;
	root->numrecs = 1;
	root->kp[root->maxrecs] = cpu_to_be64(fsbno);

	r = dx_buf_off(bp, DX_BTREE_LBLOCK_LEN);
	for (more = dx_iext_first(&f->ext, &icur, &rec); more; more = dx_iext_next(&f->ext, &icur, &rec)) {
		if (dx_irec_is_delay(&rec))
			continue;
		if (WARN_ON_ONCE(n == f->nextents))
			break;
		if (!n)
			root->kp[0] = cpu_to_be64(rec.startoff);
		dx_bmbt_disk_set(&r[n++], &rec);
	}
	if (WARN_ON_ONCE(n != f->nextents)) {
		kfree(root);
		return -EFSCORRUPTED;
	}
	dx_trans_log_buf(tp, bp, 0, DX_BTREE_LBLOCK_LEN + n * sizeof(*r) - 1);
	kfree(f->data);
	f->data = root;
	f->bytes = sizeof(*root) + root->maxrecs * 16;
	f->format = DX_DINODE_FMT_BTREE;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE |
			   (whichfork == DX_DATA_FORK ? DX_ILOG_DBROOT : DX_ILOG_ABROOT));
	return 0;
}

/**
 * dx_bmap_btree_to_extents - bring the extents of a fork back into the inode if they fit.
 * @tp: transaction
 * @ip: inode, ILOCK exclusive, joined; no cursor of the tree may hold buffers
 * @whichfork: the fork
 *
 * Does nothing when the fork is not in btree form or has too many extents.  The last block of the
 * tree is freed through a deferred free.
 */
int dx_bmap_btree_to_extents(struct dx_trans *tp, struct dx_inode *ip, int whichfork)
{
	struct dx_mount *mp = ip->mp;
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_bmbt_root *root = f->data;
	struct dx_buf_map map = { .len_bb = dx_fsb_to_bb(mp, 1) };
	struct dx_owner own = bmbt_own(ip, whichfork);
	struct dx_btree_lblock *h;
	struct dx_buf *bp;
	dx_fsbno_t fsbno;
	int error;

	if (f->format != DX_DINODE_FMT_BTREE || f->nextents > dx_fork_inline_max(ip, whichfork) ||
	    root->level != 1 || root->numrecs != 1)
		return 0;
	fsbno = be64_to_cpu(root->kp[root->maxrecs]);
	if (!dx_verify_fsbno(mp, fsbno))
		return dx_corrupt(mp, "bmbt root", ip->imap.daddr, "inode 0x%llx ptr 0x%llx",
				  (unsigned long long)ip->ino, (unsigned long long)fsbno);
	map.daddr = dx_fsb_to_daddr(mp, fsbno);
	error = dx_trans_read_owned(mp, tp, &map, 1, &dx_bmbt_buf_ops, ip->ino, &bp);
	if (error)
		return error;
	h = bp->b_addr;
	if (be64_to_cpu(h->bb_owner) != ip->ino || h->bb_level) {
		error = dx_buf_bad(bp, h->bb_level ? "level" : "owner");
		dx_trans_let_go(tp, bp);
		return error;
	}
	error = dx_defer_free_of(tp, fsbno, 1, true, &own);
	if (error)
		return error;
	ip->d.nblocks--;
	dx_trans_kill_buf(tp, bp);
	kfree(f->data);
	f->data = NULL;
	f->bytes = 0;
	f->format = DX_DINODE_FMT_EXTENTS;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE |
			   (whichfork == DX_DATA_FORK ? DX_ILOG_DEXT : DX_ILOG_AEXT));
	return 0;
}

/**
 * dx_bmap_push_root - put a level between the root in the inode and its children.
 * @tp: transaction with a block reserved
 * @ip: inode, ILOCK exclusive, joined
 * @whichfork: fork in btree form
 *
 * Leaves one key in the root: for a fork that is about to lose room.
 */
int dx_bmap_push_root(struct dx_trans *tp, struct dx_inode *ip, int whichfork)
{
	struct dx_mount *mp = ip->mp;
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_bmbt_root *root = f->data;
	dx_fsbno_t first = be64_to_cpu(root->kp[root->maxrecs]), fsbno;
	struct dx_buf *bp;
	__be64 *k;
	int error;

	if (root->level + 1 >= mp->bm_maxlevels[whichfork] || root->numrecs > mp->bmap_dmxr[1])
		return -EFSCORRUPTED;
	error = bmbt_new_block(tp, ip, whichfork, first, root->level, root->numrecs, &fsbno, &bp);
	if (error)
		return error;
	k = dx_buf_off(bp, DX_BTREE_LBLOCK_LEN);
	memcpy(k, root->kp, root->numrecs * sizeof(*k));
	memcpy(k + mp->bmap_dmxr[1], root->kp + root->maxrecs, root->numrecs * sizeof(*k));
	dx_trans_log_buf(tp, bp, 0, DX_BTREE_LBLOCK_LEN + (mp->bmap_dmxr[1] + root->numrecs) * sizeof(*k) - 1);
	root->level++;
	root->numrecs = 1;
	root->kp[root->maxrecs] = cpu_to_be64(fsbno);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE |
			   (whichfork == DX_DATA_FORK ? DX_ILOG_DBROOT : DX_ILOG_ABROOT));
	return 0;
}

/* ---- replay ---- */

/* Blocks of a fork whose owner changes: visited from the root on. */
struct owner_walk {
	struct dx_recovery	*rc;
	dx_ino_t		ino;		/* whose they are from now on */
	dx_ino_t		from;		/* whose they were: that of the first one to change says so; 0: none yet */
	dx_lsn_t		lsn;		/* of the transaction that has changed them */
	u64			budget;		/* blocks that there can be */
};

/*
 * Is this block what the log means?  The pointers to it are of another time than what the block holds: the log goes on, and in
 * what is behind, the block may have been freed and be a file's data by now, or another inode's; or it is to become one of
 * this tree only there.  So only a block that shows that it is of this tree is changed, and what is below it looked for; the others
 * are not damage.  If one is after all, whoever reads the file will find that.
 */
static bool is_of_tree(struct owner_walk *w, struct dx_buf *bp, u16 level, bool *change)
{
	const struct dx_btree_lblock *b = bp->b_addr;
	u64 owner = be64_to_cpu(b->bb_owner);
	u16 n = be16_to_cpu(b->bb_numrecs);

	*change = false;
	if (b->bb_magic != cpu_to_be32(DX_BMAP_CRC_MAGIC) || be16_to_cpu(b->bb_level) != level || !n ||
	    n > w->rc->mp->bmap_dmxr[level != 0] || be64_to_cpu(b->bb_blkno) != bp->b_maps[0].daddr ||
	    !dx_meta_uuid_ok(w->rc->mp, &b->bb_uuid))
		return false;
	if (owner == w->ino)
		return true;
	if (dx_replay_is_newer(bp, w->lsn) || (w->from && owner != w->from))
		return false;
	*change = true;
	return true;
}

/* No buffer is locked while the ones below it are visited, wherever the pointers may lead. */
static int change_owner(struct owner_walk *w, dx_fsbno_t fsb, u16 level)
{
	struct dx_mount *mp = w->rc->mp;
	struct dx_btree_lblock *b;
	__be64 *ptrs = NULL;
	struct dx_buf *bp;
	u16 i, n = 0;
	int error;
	bool change;

	if (!dx_verify_fsbno(mp, fsb) || !w->budget)
		return 0;
	w->budget--;
	error = dx_buf_read(mp, dx_fsb_to_daddr(mp, fsb), 1u << mp->blkbb_log, DX_READ_NOVERIFY, NULL, &bp);
	if (error)
		return error;
	if (is_of_tree(w, bp, level, &change)) {
		b = bp->b_addr;
		if (level) {
			n = be16_to_cpu(b->bb_numrecs);
			ptrs = kmemdup(dx_buf_off(bp, DX_BTREE_LBLOCK_LEN + mp->bmap_dmxr[1] * sizeof(__be64)),
				       n * sizeof(__be64), GFP_KERNEL);
			error = ptrs ? 0 : -ENOMEM;
		}
		/* freed further on: it may be data by now that looks like it */
		if (!error && change && !dx_replay_cancelled(w->rc, bp->b_maps[0].daddr, bp->b_len_bb)) {
			w->from = be64_to_cpu(b->bb_owner);
			b->bb_owner = cpu_to_be64(w->ino);
			bp->b_ops = &dx_bmbt_buf_ops;
			dx_replay_changed(w->rc, bp, w->lsn);
		}
	}
	dx_buf_leave(bp);
	for (i = 0; !error && i < n; i++)
		error = change_owner(w, be64_to_cpu(ptrs[i]), level - 1);
	kfree(ptrs);
	return error;
}

/**
 * dx_bmbt_change_owner - replay of a swap: the blocks of a fork's btree are this inode's now
 * @rc: the recovery
 * @dip: the inode, as it is on disk: replayed, or newer
 * @fork: the root, in it
 * @room: bytes of the fork
 * @lsn: of the transaction that says so
 *
 * Return: 0, -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_bmbt_change_owner(struct dx_recovery *rc, const struct dx_dinode *dip, const char *fork, u32 room, dx_lsn_t lsn)
{
	const struct dx_bmdr_block *root = (const void *)fork;
	u16 level = be16_to_cpu(root->bb_level), n = be16_to_cpu(root->bb_numrecs), i;
	struct owner_walk w = {
		.rc = rc, .ino = be64_to_cpu(dip->di_ino), .lsn = lsn,
		/* each block holds an extent at least, and is one of the inode's own */
		.budget = min_t(u64, be64_to_cpu(dip->di_nblocks), dx_dblocks(rc->mp)),
	};
	u32 max = dx_bmbt_root_maxrecs(room);
	int error;

	if (!level || level >= DX_BTREE_MAXLEVELS || n > max)
		return dx_replay_bad(rc, "bmbt root", be64_to_cpu(dip->di_ino));
	for (i = 0; i < n; i++) {
		size_t off = sizeof(*root) + (max + i) * sizeof(__be64);

		error = change_owner(&w, get_unaligned_be64(fork + off), level - 1);
		if (error)
			return error;
	}
	return 0;
}
