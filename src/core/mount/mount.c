// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a mounted volume: open, quiesce, remount, close.
 *
 * dx_mount_open() first decides whether this volume may be mounted at all, from the superblock
 * alone: up to there nothing has been written, nor will it be if the answer is no.  Then the parts are built, each on those
 * before it, the log is replayed, the root inode is read, what is on the volume decides what may be done to it (gate.c), and
 * what the log left is finished.  Whatever fails unwinds in reverse order.
 *
 * No locks are held across any of these functions; the caller keeps them from running
 * concurrently with each other and open/close from running with anything else.
 *
 * Sources: "Superblocks" for what the geometry is derived from, "Inode Numbers", "Sparse Inodes", "Directories".
 */
#include "dx_mount.h"
#include "dx_buf.h"
#include "dx_alloc.h"
#include "dx_btree.h"
#include "dx_inode.h"
#include "dx_bmap.h"
#include "dx_cow.h"
#include "dx_exchange.h"
#include "dx_dir.h"
#include "dx_parent.h"
#include "dx_quota.h"
#include "dx_recover.h"

#define CLUSTER_BASE_BYTES	8192	/* inode cluster of 256-byte inodes */
#define CLUSTER_BASE_INODE	256
#define DA_JOIN_PCT		37	/* directory and attribute blocks below this try to merge */
#define MIN_BMBT_PTRS_DATA	3	/* a bmbt root in the inode has room for at least so many */
#define MIN_BMBT_PTRS_ATTR	2

/* ---- geometry ---- */

/*
 * Levels that a btree of @recs records can have: when each block holds only the @min it must, of a leaf and of a node.  A
 * root in the inode, of @root_recs pointers, stands above what is more than one block; 1: the root is a block.
 */
static u8 most_levels(const u32 min[2], u64 recs, u32 root_recs)
{
	u64 width = recs;
	u8 levels = 0;

	do {
		width = dx_btree_width(min, levels++, width);
	} while (width > root_recs && levels < DX_BTREE_MAXLEVELS);
	return min_t(u8, levels + (width > 1), DX_BTREE_MAXLEVELS);
}

/* Levels of a tree that has so many blocks and may have any number of records: who shares a block adds one. */
static u8 levels_in(const u32 min[2], u64 blocks)
{
	u64 width = 2, sum = 1;
	u8 levels = 1;

	for (; sum + width <= blocks && levels < DX_BTREE_MAXLEVELS; levels++) {
		sum += width;
		width *= min[1];
	}
	return levels;
}

static void set_btree_geometry(struct dx_mount *mp)
{
	u32 srt = mp->sb.blocksize - DX_BTREE_SBLOCK_LEN;
	u32 lng = mp->sb.blocksize - DX_BTREE_LBLOCK_LEN;
	int i;

	mp->alloc_mxr[0] = srt / sizeof(struct dx_alloc_rec);
	mp->alloc_mxr[1] = srt / (sizeof(struct dx_alloc_rec) + sizeof(__be32));
	mp->bmap_dmxr[0] = lng / sizeof(struct dx_bmbt_rec);
	mp->bmap_dmxr[1] = lng / (sizeof(__be64) + sizeof(__be64));
	mp->inobt_mxr[0] = srt / sizeof(struct dx_inobt_rec);
	mp->inobt_mxr[1] = srt / (sizeof(__be32) + sizeof(__be32));
	mp->rmap_mxr[0] = srt / sizeof(struct dx_rmap_rec);
	mp->rmap_mxr[1] = srt / (2 * sizeof(struct dx_rmap_key) + sizeof(__be32));
	mp->refc_mxr[0] = srt / sizeof(struct dx_refcount_rec);
	mp->refc_mxr[1] = srt / (sizeof(__be32) + sizeof(__be32));
	for (i = 0; i < 2; i++) {
		mp->alloc_mnr[i] = mp->alloc_mxr[i] / 2;
		mp->bmap_dmnr[i] = mp->bmap_dmxr[i] / 2;
		mp->inobt_mnr[i] = mp->inobt_mxr[i] / 2;
		mp->rmap_mnr[i] = mp->rmap_mxr[i] / 2;
		mp->refc_mnr[i] = mp->refc_mxr[i] / 2;
	}
	/* at worst every other block is free; at worst every chunk that fits exists */
	mp->alloc_maxlevels = most_levels(mp->alloc_mnr, ((u64)mp->sb.agblocks + 1) / 2, 1);
	mp->inobt_maxlevels = most_levels(mp->inobt_mnr, (1ULL << mp->agino_log) / DX_INODES_PER_CHUNK, 1);
	if (!dx_has_rmapbt(mp))
		mp->rmap_maxlevels = 0;
	else if (dx_has_reflink(mp))
		mp->rmap_maxlevels = levels_in(mp->rmap_mnr, mp->sb.agblocks);
	else
		mp->rmap_maxlevels = most_levels(mp->rmap_mnr, mp->sb.agblocks, 1);
	mp->refc_maxlevels = dx_has_reflink(mp) ? most_levels(mp->refc_mnr, mp->sb.agblocks, 1) : 0;
	mp->bm_maxlevels[DX_DATA_FORK] = most_levels(mp->bmap_dmnr, dx_most_extents(dx_has_nrext64(mp), DX_DATA_FORK),
						     MIN_BMBT_PTRS_DATA);
	mp->bm_maxlevels[DX_ATTR_FORK] = most_levels(mp->bmap_dmnr, dx_most_extents(dx_has_nrext64(mp), DX_ATTR_FORK),
						     MIN_BMBT_PTRS_ATTR);
}

static void set_dir_geometry(struct dx_mount *mp)
{
	u8 log = mp->sb.blocklog;

	mp->dirblkfsbs = 1u << mp->sb.dirblklog;
	mp->dirblksize = 1u << (log + mp->sb.dirblklog);
	mp->dir_leafblk = DX_DIR2_LEAF_OFFSET >> log;
	mp->dir_freeblk = DX_DIR2_FREE_OFFSET >> log;
	mp->dir_magicpct = mp->dirblksize * DA_JOIN_PCT / 100;
	mp->attr_magicpct = mp->sb.blocksize * DA_JOIN_PCT / 100;
	mp->dir_node_ents = (mp->dirblksize - sizeof(struct dx_da3_intnode)) / sizeof(struct dx_da_node_entry);
	mp->attr_node_ents = (mp->sb.blocksize - sizeof(struct dx_da3_intnode)) / sizeof(struct dx_da_node_entry);
	mp->dir_leaf_max_ents = (mp->dirblksize - sizeof(struct dx_dir3_leaf)) / sizeof(struct dx_dir2_leaf_entry);
	mp->dir_free_max_bests = (mp->dirblksize - sizeof(struct dx_dir3_free)) / sizeof(__be16);
}

/**
 * dx_set_maxicount - how many inodes there may be
 * @mp: the mount; sb.dblocks and sb.imax_pct may have changed
 */
void dx_set_maxicount(struct dx_mount *mp)
{
	const struct dx_sb *s = &mp->sb;
	u64 blocks = div_u64(s->dblocks, 100) * s->imax_pct + div_u64(s->dblocks % 100 * s->imax_pct, 100);

	WRITE_ONCE(mp->maxicount, s->imax_pct ? div_u64(blocks, mp->ialloc_blks) * mp->ialloc_blks << s->inopblog : 0);
}

/**
 * dx_ino_bits - bits of an inode number
 * @mp: the mount, agino_log known
 * @agcount: with so many AGs
 */
unsigned int dx_ino_bits(struct dx_mount *mp, dx_agno_t agcount)
{
	return order_base_2((u64)agcount) + mp->agino_log;
}

static int set_inode_geometry(struct dx_mount *mp)
{
	struct dx_sb *s = &mp->sb;
	bool align = s->versionnum & DX_SB_VERSION_ALIGNBIT;
	u32 cluster = CLUSTER_BASE_BYTES, scaled = CLUSTER_BASE_BYTES * (s->inodesize / CLUSTER_BASE_INODE);

	/* v5 scales the cluster with the inode size where chunks are aligned well enough */
	if (s->inoalignmt >= scaled >> s->blocklog)
		cluster = scaled;
	mp->icluster_blks = max_t(u32, cluster >> s->blocklog, 1);
	mp->icluster_bb = mp->icluster_blks << mp->blkbb_log;
	mp->icluster_inos = mp->icluster_blks << s->inopblog;

	mp->ialloc_inos = max_t(u32, DX_INODES_PER_CHUNK, s->inopblock);
	mp->ialloc_blks = mp->ialloc_inos >> s->inopblog;
	mp->ialloc_min_blks = dx_has_sparse(mp) ? s->spino_align : mp->ialloc_blks;
	mp->ialloc_align = align && s->inoalignmt >= mp->icluster_blks ? s->inoalignmt : 1;
	if (dx_has_sparse(mp) && s->spino_align != cluster >> s->blocklog) {
		dx_err(mp, "corrupt superblock: spino_align %u is not the inode cluster size %u", s->spino_align,
		       cluster >> s->blocklog);
		return -EFSCORRUPTED;
	}

	dx_set_maxicount(mp);
	return 0;
}

static int set_geometry(struct dx_mount *mp)
{
	struct dx_sb *s = &mp->sb;

	mp->blockmask = s->blocksize - 1;
	mp->blkbb_log = s->blocklog - DX_BBSHIFT;
	mp->sectbb_log = s->sectlog - DX_BBSHIFT;
	mp->agino_log = s->inopblog + s->agblklog;
	if (mp->agino_log > 32 || dx_ino_bits(mp, s->agcount) > DX_MAX_INO_BITS) {
		dx_err(mp, "corrupt superblock: inode numbers of %u bits", dx_ino_bits(mp, s->agcount));
		return -EFSCORRUPTED;
	}
	mp->agfl_size = (s->sectsize - sizeof(struct dx_agfl)) / sizeof(__be32);
	mp->s_maxbytes = S64_MAX;
	set_btree_geometry(mp);
	set_dir_geometry(mp);
	return set_inode_geometry(mp);
}

/* ---- AGs ---- */

/**
 * dx_set_inode_ags - which AGs get inodes, and which of these get file data only when nothing else is left
 * @mp: the mount; opts.inode32, the size or sb.imax_pct may have changed
 *
 * With inode32 new inodes go to the AGs whose inode numbers all fit 32 bits.  On a volume that has others, too, data would
 * take these few for itself and leave no room for inodes: so as many as imax_pct lets inodes fill are kept for
 * them.  Who is allocating meanwhile goes by either.
 */
void dx_set_inode_ags(struct dx_mount *mp)
{
	struct dx_sb *s = &mp->sb;
	u8 bits = mp->opts.inode32_bits ?: 32;
	dx_agno_t agno, agcount, low, keep = 0;

	/* a remount and a growth at once: the second one sees what both have changed */
	mutex_lock(&mp->sb_mutex);
	agcount = low = dx_agcount(mp);
	if (mp->opts.inode32)
		low = min_t(u64, low, max_t(u64, 1ULL << bits >> mp->agino_log, 1));
	if (low < agcount) {
		keep = low;
		if (s->imax_pct)
			keep = min_t(u64, low, DIV_ROUND_UP_ULL(div_u64(dx_dblocks(mp), 100) * s->imax_pct, s->agblocks));
	}
	WRITE_ONCE(mp->inode_agcount, low);
	for (agno = 0; agno < agcount; agno++) {
		WRITE_ONCE(dx_perag(mp, agno)->inodes_ok, agno < low);
		WRITE_ONCE(dx_perag(mp, agno)->inodes_first, agno < keep);
	}
	mutex_unlock(&mp->sb_mutex);
}

/* Takes the place of those of a smaller volume, if nobody has looked into these yet. */
static int perags_init(struct dx_mount *mp)
{
	int error = dx_ags_grow(mp, mp->sb.agcount, mp->sb.dblocks);

	if (error)
		return error;
	init_waitqueue_head(&mp->busy_wait);
	atomic_set(&mp->agfrotor, 0);
	atomic_set(&mp->agirotor, 0);
	dx_set_inode_ags(mp);
	return 0;
}

/* What the log may change of a superblock; everything else would make it that of another volume. */
static const char *other_volume(const struct dx_sb *a, const struct dx_sb *b)
{
	const struct dx_check fixed[] = {
		{ "blocksize", a->blocksize != b->blocksize },
		{ "sectsize", a->sectsize != b->sectsize },
		{ "inodesize", a->inodesize != b->inodesize },
		{ "agblocks", a->agblocks != b->agblocks },
		{ "dirblklog", a->dirblklog != b->dirblklog },
		{ "logstart", a->logstart != b->logstart },
		{ "logblocks", a->logblocks != b->logblocks },
		{ "logsunit", a->logsunit != b->logsunit },
		{ "rootino", a->rootino != b->rootino },
		{ "inoalignmt", a->inoalignmt != b->inoalignmt },
		{ "spino_align", a->spino_align != b->spino_align },
		{ "uuid", memcmp(&a->uuid, &b->uuid, sizeof(a->uuid)) },
		{ "meta_uuid", memcmp(&a->meta_uuid, &b->meta_uuid, sizeof(a->meta_uuid)) },
		{ "agcount", b->agcount < a->agcount },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fixed); i++)
		if (fixed[i].bad)
			return fixed[i].field;
	return NULL;
}

/**
 * dx_mount_change_sb - go on with the superblock that the log is going to leave
 * @mp: the mount, before the log is replayed: no AG header has been read into the cache
 * @new: verified superblock
 *
 * Grown volumes get their new AGs here, so that they are known when they are replayed.  Features are judged again.
 *
 * Return: 0; -EINVAL, -EIO (refused); -EFSCORRUPTED, -ENOMEM.
 */
int dx_mount_change_sb(struct dx_mount *mp, const struct dx_sb *new)
{
	const char *field = other_volume(&mp->sb, new);
	bool grown = new->dblocks != mp->sb.dblocks || new->agcount != mp->sb.agcount;
	int error;

	if (field) {
		dx_err(mp, "corrupt log: it changes %s of the superblock: run xfs_repair", field);
		return -EFSCORRUPTED;
	}
	if (grown)
		dx_info(mp, "the log changes the size of the volume from %llu to %llu blocks",
			(unsigned long long)mp->sb.dblocks, (unsigned long long)new->dblocks);
	mp->sb = *new;
	error = dx_sb_gate(mp);
	if (error)
		return error;
	error = set_geometry(mp);
	if (!error && grown)
		error = perags_init(mp);
	if (error)
		return error;
	dx_resv_init(mp);
	mp->alloc_set_aside = dx_alloc_set_aside(mp);
	return 0;
}

/* ---- work queues ---- */

static void wqs_destroy(struct dx_mount *mp)
{
	struct workqueue_struct **wq[] = { &mp->discard_wq, &mp->inact_wq, &mp->log_wq, &mp->buf_wq };
	int i;

	for (i = 0; i < ARRAY_SIZE(wq); i++) {
		if (*wq[i])
			destroy_workqueue(*wq[i]);
		*wq[i] = NULL;
	}
}

static int wqs_init(struct dx_mount *mp)
{
	mp->buf_wq = alloc_workqueue("dioxfs-buf/%s", WQ_MEM_RECLAIM | WQ_FREEZABLE | WQ_PERCPU, 0, mp->name);
	mp->log_wq = alloc_workqueue("dioxfs-log/%s", WQ_MEM_RECLAIM | WQ_FREEZABLE | WQ_PERCPU | WQ_HIGHPRI, 0, mp->name);
	/* on any processor: whoever unlinks may be waiting for them */
	mp->inact_wq = alloc_workqueue("dioxfs-inact/%s", WQ_MEM_RECLAIM | WQ_FREEZABLE | WQ_UNBOUND, 0, mp->name);
	mp->discard_wq = alloc_workqueue("dioxfs-discard/%s", WQ_MEM_RECLAIM | WQ_FREEZABLE | WQ_PERCPU, 0, mp->name);
	if (mp->buf_wq && mp->log_wq && mp->inact_wq && mp->discard_wq)
		return 0;
	wqs_destroy(mp);
	return -ENOMEM;
}

/* ---- open ---- */

/* Options and device against each other; sets the read-only bits. */
static int check_access(struct dx_mount *mp)
{
	if (mp->opts.ro)
		set_bit(DX_OP_RDONLY, &mp->opstate);
	if (mp->opts.norecovery) {
		if (!mp->opts.ro) {
			dx_err(mp, "norecovery needs a read-only mount: add -o ro");
			return -EINVAL;
		}
		set_bit(DX_OP_NORECOVERY, &mp->opstate);
	}
	if (dx_plat_readonly(mp->bdev)) {
		if (!mp->opts.ro) {
			dx_err(mp, "the device is read-only: mount with -o ro");
			return -EROFS;
		}
		set_bit(DX_OP_RO_DEVICE, &mp->opstate);
	}
	return 0;
}

static bool counters_plausible(struct dx_mount *mp)
{
	const struct dx_sb *s = &mp->sb;

	return s->fdblocks <= s->dblocks && s->ifree <= s->icount && s->icount >> s->inopblog <= s->dblocks;
}

/*
 * Summary counters: the superblock's after a clean unmount, else summed up
 * from the AG headers.  A log left dirty by norecovery counts as dirty.
 */
static int set_counters(struct dx_mount *mp)
{
	u64 icount = mp->sb.icount, ifree = mp->sb.ifree, fdblocks = mp->sb.fdblocks;
	int error;

	/* a writer needs every AG's part in allocbt_blks: exact sums come with it */
	if (test_bit(DX_OP_WAS_DIRTY, &mp->opstate) || test_bit(DX_OP_NORECOVERY, &mp->opstate) ||
	    !dx_is_readonly(mp) || !counters_plausible(mp)) {
		error = dx_ag_init_all(mp, &icount, &ifree, &fdblocks);
		if (error)
			return error;
		if (ifree > icount || fdblocks > mp->sb.dblocks) {
			dx_err(mp, "the AG headers add up to more than the volume has: run xfs_repair");
			return -EFSCORRUPTED;
		}
		if (icount != mp->sb.icount || ifree != mp->sb.ifree || fdblocks != mp->sb.fdblocks)
			set_bit(DX_OP_SB_DIRTY, &mp->opstate);
	}
	dx_counters_set(mp, icount, ifree, fdblocks);
	return 0;
}

static int get_root(struct dx_mount *mp)
{
	int error;

	if (!dx_verify_ino(mp, mp->sb.rootino)) {
		dx_err(mp, "corrupt superblock: bad rootino");
		return -EFSCORRUPTED;
	}
	error = dx_iget(mp, NULL, mp->sb.rootino, DX_IGET_LEFT_OVER, &mp->rootip);
	if (error == -ENOENT)
		error = dx_corrupt(mp, "superblock", 0, "root inode %llu is free",
				   (unsigned long long)mp->sb.rootino);
	if (error) {
		dx_err(mp, "cannot read the root directory: error %d", error);
		return error;
	}
	if ((mp->rootip->d.mode & S_IFMT) != S_IFDIR) {
		dx_err(mp, "root inode %llu is not a directory: run xfs_repair", (unsigned long long)mp->sb.rootino);
		dx_idrop(mp->rootip);
		mp->rootip = NULL;
		return -EFSCORRUPTED;
	}
	return 0;
}

/* The log has been mounted but the mount fails: stop it where it stands, nothing more is written. */
static void abandon_log(struct dx_mount *mp)
{
	dx_recover_cancel(mp);
	if (!test_and_set_bit(DX_OP_SHUTDOWN, &mp->opstate))
		dx_log_abort(mp);
	dx_log_unmount(mp);
	dx_buf_wait_all_io(mp);
	flush_workqueue(mp->discard_wq);	/* bad blocks that are being looked up */
}

/* Once through; *claimed: the VFS's half has been asked before. */
static int open_once(struct dx_mount *mp, bool *claimed)
{
	char uuid[40];
	int error;

	mutex_init(&mp->sb_mutex);
	mutex_init(&mp->grow_mutex);
	dx_retry_init(mp);
	error = check_access(mp);
	if (error)
		return error;
	error = dx_sb_read_first(mp);
	if (error)
		return error;
	error = dx_sb_gate(mp);
	if (error)
		return error;
	error = set_geometry(mp);
	if (!error)
		error = dx_stripe_check(mp);
	if (error)
		return error;
	error = mp->claim && !*claimed ? mp->claim(mp) : 0;
	if (error)
		return error;
	*claimed = true;
	dx_uuid_str(uuid, &mp->sb.uuid);
	dx_info(mp, "Mounting V5 Filesystem %s", uuid);

	error = wqs_init(mp);
	if (error)
		return error;
	error = dx_buf_cache_init(mp);
	if (error)
		goto fail_wqs;
	error = perags_init(mp);
	if (error)
		goto fail_bufs;
	error = dx_sb_attach(mp);
	if (error)
		goto fail_perags;
	dx_resv_init(mp);
	error = dx_counters_init(mp);
	if (error)
		goto fail_sb;
	mp->alloc_set_aside = dx_alloc_set_aside(mp);
	error = dx_icache_init(mp);
	if (error)
		goto fail_counters;
	error = dx_ail_init(mp);
	if (error)
		goto fail_icache;
	error = dx_log_mount(mp);
	if (error)
		goto fail_ail;

	error = dx_sb_reread(mp);
	if (error)
		goto fail_log;
	dx_stripe_adopt(mp);
	error = set_counters(mp);
	if (error)
		goto fail_log;
	error = get_root(mp);
	if (error)
		goto fail_log;
	error = dx_quota_open_early(mp);
	if (!error)
		error = dx_gate_open(mp);
	if (error)
		goto fail_root;
	/* before recovery frees inodes: on a read-only mount, too, until that is done */
	if (!dx_is_readonly(mp) || test_bit(DX_OP_RECOVERING, &mp->opstate)) {
		dx_sb_copies_check(mp);
		error = dx_agresv_setup(mp);
		if (error)
			goto fail_root;
	}
	error = dx_log_mount_finish(mp);
	if (error)
		goto fail_root;
	if (!dx_is_readonly(mp)) {
		error = dx_stripe_write(mp);
		if (error)
			goto fail_root;
		dx_reserve_default(mp);
	} else {
		dx_agresv_release(mp);
	}
	if (test_bit(DX_OP_NORECOVERY, &mp->opstate))
		dx_info(mp, "Mounted without recovery: what the log holds is missing");
	else if (!test_bit(DX_OP_WAS_DIRTY, &mp->opstate))
		dx_info(mp, "Ending clean mount");
	dx_quota_open(mp);
	if (mp->sb.qflags && !mp->qflags)
		dx_info(mp, "quota is neither accounted nor enforced");
	if (!dx_is_readonly(mp))
		set_bit(DX_OP_WAS_RW, &mp->opstate);
	return 0;

fail_root:
	dx_quota_close_files(mp);
	dx_idrop(mp->rootip);
	mp->rootip = NULL;
	dx_icache_flush_inactive(mp);
fail_log:
	abandon_log(mp);
fail_ail:
	dx_buf_wait_all_io(mp);
	flush_workqueue(mp->discard_wq);
fail_icache:
	dx_icache_destroy(mp);
	dx_quota_close(mp);
	dx_ail_destroy(mp);
fail_counters:
	dx_counters_destroy(mp);
fail_sb:
	dx_buf_put(mp->sb_bp);
	mp->sb_bp = NULL;
fail_perags:
	dx_ags_free(mp);
fail_bufs:
	dx_buf_cache_destroy(mp);
fail_wqs:
	wqs_destroy(mp);
	return error;
}

/* What lower rooms ask of higher ones. */
static const struct dx_buf_above buf_above = {
	.written = dx_buf_item_iodone,
	.failed = dx_bad_block,
	.lsn = dx_buf_item_lsn,
	.unpin = dx_log_force,
	.check_lsn = dx_log_check_lsn,
};

static const struct dx_log_above log_above = {
	.freed = dx_busy_clear,
	.settle = dx_busy_wait_all,
	.charge = dx_quota_charge,
};

static const struct dx_agresv_tree *const agresv_trees[DX_AGRESV_MAX] = {
	[DX_AGRESV_RMAPBT] = &dx_rmapbt_resv,
	[DX_AGRESV_FINOBT] = &dx_finobt_resv,
	[DX_AGRESV_REFCOUNTBT] = &dx_refcountbt_resv,
};

static const struct dx_inode_above inode_above = {
	.inactivate = dx_inactivate,
	.drop = dx_delalloc_drop,
	.check_dir = dx_dir_sf_verify,
	.check_symlink = dx_symlink_sf_verify,
	.check_attrs = dx_attr_sf_verify,
	.change_owner = dx_bmbt_change_owner,
};

static const struct dx_dir_above dir_above = {
	.parent_check = dx_parent_check,
	.parent_update = dx_parent_update,
	.add_attr_fork = dx_add_attr_fork,
};

/**
 * dx_mount_open - bring a volume up
 * @mp: zeroed but for bdev, vfs, opts and the callbacks
 *
 * A volume that is refused for what its superblock says has not been written to.  Messages say why.
 *
 * When freeing unlinked inodes shuts the mount down, all is taken down, which is what a crash would have left, and built up
 * again without freeing any: they can wait, the volume need not.
 *
 * Return: 0, or -errno with nothing left behind: -EINVAL (not ours, unsupported), -EROFS,
 * -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_mount_open(struct dx_mount *mp)
{
	bool claimed = false;
	int error;

	mp->stop_log = dx_log_abort;
	mp->buf_above = &buf_above;
	mp->log_above = &log_above;
	dx_defer_register(&dx_extfree_type);
	dx_defer_register(&dx_rmap_type);
	dx_defer_register(&dx_refcount_type);
	dx_defer_register(&dx_bmap_type);
	dx_defer_register(&dx_attr_type);
	dx_defer_register(&dx_exchange_type);
	mp->agresv_trees = agresv_trees;
	mp->inode_above = &inode_above;
	mp->dir_above = &dir_above;
	if (!mp->name[0])
		strscpy(mp->name, dx_plat_name(mp->bdev), sizeof(mp->name));
	error = open_once(mp, &claimed);
	if (!error || !test_bit(DX_OP_UNLINKED_FAILED, &mp->opstate))
		return error;
	dx_warn(mp, "unlinked files could not be freed: mounting once more, without");
	mp->opstate = 0;
	set_bit(DX_OP_KEEP_UNLINKED, &mp->opstate);
	return open_once(mp, &claimed);
}

/* ---- quiesce, remount, close ---- */

/*
 * Everything in its place on disk.  With @unmount_record the log says so, too: only
 * when no unlinked file is in use, since nobody would look for it at the next mount.
 * While frozen, inodes that wait to be freed cannot be and are left on their lists.
 */
static int quiesce(struct dx_mount *mp, bool unmount_record)
{
	int error;

	error = dx_log_force(mp, true);
	dx_ail_drain(mp);
	/* the tail has passed the attributes that another kernel logged, and we log none but parent pointers */
	if (!error)
		mp->sb.features_log_incompat &= ~DX_SB_FEAT_INCOMPAT_LOG_XATTRS;
	if (!error)
		error = dx_sync_sb(mp, true);
	dx_ail_drain(mp);
	dx_buf_wait_all_io(mp);
	if (!error && !dx_is_shutdown(mp))
		error = dx_log_quiesce(mp, unmount_record);
	if (!error && dx_is_shutdown(mp))
		error = -EIO;
	return error;
}

/**
 * dx_mount_quiesce - write everything, leave the log covered (freeze)
 * @mp: a mount into which no new transaction starts
 *
 * Return: 0, -EIO.
 */
int dx_mount_quiesce(struct dx_mount *mp)
{
	if (dx_is_readonly(mp))
		return 0;
	return quiesce(mp, false);
}

/**
 * dx_mount_remount_ro - stop writing, leave a clean log
 * @mp: a mount without writers, unless it is an emergency: they fail with -EROFS then
 *
 * Return: 0, or -EIO and still read-write.
 */
int dx_mount_remount_ro(struct dx_mount *mp)
{
	int error = 0;

	if (test_bit(DX_OP_RDONLY, &mp->opstate))
		return 0;
	if (!dx_is_readonly(mp)) {
		/* a walk that lets go of an inode, later, must not have a transaction begun for it */
		set_bit(DX_OP_GOING_RO, &mp->opstate);
		dx_icache_flush_inactive(mp);
		/* in an emergency there may be writers, who would log faster than we write back */
		set_bit(DX_OP_LAST_TRANS, &mp->opstate);
		error = quiesce(mp, true);
		if (error)
			goto out;
		mp->log_above->settle(mp);	/* discards are writes */
	}
	dx_reserve_set(mp, 0);
	dx_agresv_release(mp);
	set_bit(DX_OP_RDONLY, &mp->opstate);
out:
	clear_bit(DX_OP_LAST_TRANS, &mp->opstate);
	clear_bit(DX_OP_GOING_RO, &mp->opstate);
	return error;
}

/**
 * dx_mount_remount_rw - start writing
 * @mp: a read-only mount
 *
 * Return: 0, -EROFS (device), -EINVAL (features, norecovery), -EIO.
 */
int dx_mount_remount_rw(struct dx_mount *mp)
{
	int error;

	if (!test_bit(DX_OP_RDONLY, &mp->opstate) && !test_bit(DX_OP_RO_FEATURE, &mp->opstate))
		return 0;
	if (dx_is_shutdown(mp))
		return -EIO;
	if (dx_plat_readonly(mp->bdev)) {
		dx_err(mp, "the device is read-only");
		return -EROFS;
	}
	if (test_bit(DX_OP_NORECOVERY, &mp->opstate)) {
		dx_err(mp, "mounted with norecovery: unmount, and mount without it");
		return -EINVAL;
	}
	if (dx_sb_ro_unsupported(mp)) {
		dx_err(mp, "unsupported read-only compatible features 0x%x: stays read-only", dx_sb_ro_unsupported(mp));
		return -EINVAL;
	}
	clear_bit(DX_OP_RO_DEVICE, &mp->opstate);
	clear_bit(DX_OP_RDONLY, &mp->opstate);
	error = dx_gate_remounted(mp);
	if (!error)
		error = dx_agresv_setup(mp);
	if (!error)
		error = dx_log_process_unlinked(mp);
	if (!error)
		error = dx_stripe_write(mp);
	if (error) {
		dx_agresv_release(mp);
		set_bit(DX_OP_RDONLY, &mp->opstate);
		return error;
	}
	set_bit(DX_OP_WAS_RW, &mp->opstate);
	dx_quota_open(mp);
	dx_reserve_default(mp);
	/* what could not be given back while it was read-only */
	dx_icache_blockgc(mp);
	return 0;
}

/**
 * dx_sync_fs - make everything committed so far durable, and all data that is written
 * @mp: the mount
 *
 * Return: 0 or -EIO.
 */
int dx_sync_fs(struct dx_mount *mp)
{
	if (dx_is_readonly(mp))
		return 0;
	return dx_log_force_data(mp, (u64)-1);
}

/**
 * dx_mount_close - take a volume down
 * @mp: an opened mount that nobody uses; all inode references but the root's are gone
 *
 * Leaves a clean log, unless the filesystem is shut down.  The dx_mount itself is the caller's.
 *
 * Return: 0, or -EIO when not everything reached the disk (the log has it).
 */
int dx_mount_close(struct dx_mount *mp)
{
	bool rw = !dx_is_readonly(mp);
	char uuid[40];
	int error = 0;

	dx_uuid_str(uuid, &mp->sb.uuid);
	dx_info(mp, "Unmounting Filesystem %s", uuid);
	dx_icache_flush_inactive(mp);
	dx_quota_close_files(mp);
	dx_idrop(mp->rootip);
	mp->rootip = NULL;

	if (rw) {
		error = dx_log_force(mp, true);
		/* from here on a failed write is not retried for ever */
		set_bit(DX_OP_UNMOUNTING, &mp->opstate);
		dx_ail_drain(mp);
		if (!error)
			error = dx_sync_sb(mp, true);
	}
	set_bit(DX_OP_UNMOUNTING, &mp->opstate);
	dx_ail_drain(mp);
	dx_log_unmount(mp);
	dx_buf_wait_all_io(mp);
	/* discards, of which nobody is told after a shutdown, and bad blocks that are being looked up: they use the AGs */
	flush_workqueue(mp->discard_wq);
	if (dx_is_shutdown(mp))
		error = -EIO;

	/* a shut down mount drops its items late: the buffers' completions are over now */
	dx_icache_destroy(mp);
	dx_quota_close(mp);
	dx_ail_destroy(mp);
	dx_counters_destroy(mp);
	dx_buf_put(mp->sb_bp);
	mp->sb_bp = NULL;
	dx_buf_cache_destroy(mp);
	dx_ags_free(mp);
	wqs_destroy(mp);
	return error;
}
