// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log reservations: how many bytes each kind of transaction may log, at worst.
 *
 * Counted in buffers that it may dirty from end to end, and inodes.  A
 * buffer costs its size and its format region; the operation headers of its
 * runs of chunks are less than what the gaps between them save.  Record headers, padding and
 * the checkpoint's own operations are added by log_space.c.
 *
 * A permanent reservation is for one transaction of a chain; each must
 * also do for finishing an intent, which the end of any chain may have to.
 *
 * Geometry only: constant after mount.
 */
#include "dx_log_int.h"

/* A step of collapse or insert unmaps and maps all that an inode can have inline (bmap_shift.c); nothing else has more. */
#define RMAP_INTENTS	256

/* Of one transaction: the extents that it takes from a file, and those that it gives to one. */
#define REFCOUNT_INTENTS 64

/*
 * Parent pointers that a namespace operation defers: no more than three intents, each of two names and two values, and the done
 * item of one.
 */
#define PARENT_INTENTS	(3 * (40 + 2 * 256 + 2 * 12 + 5 * (u32)sizeof(struct dx_op_header)) + 16)
static const enum dx_resv names_change[] = {
	DX_RESV_CREATE, DX_RESV_MKDIR, DX_RESV_SYMLINK, DX_RESV_LINK, DX_RESV_REMOVE, DX_RESV_RENAME,
};

#define OVERHEAD	(DX_BLF_CHUNK + 2 * (u32)sizeof(struct dx_op_header))

static u32 blocks(struct dx_mount *mp, u32 n)
{
	return n * (mp->sb.blocksize + OVERHEAD);
}

static u32 sects(struct dx_mount *mp, u32 n)
{
	return n * (mp->sb.sectsize + OVERHEAD);
}

/* Format, core and two forks; a btree root can be a little larger in the log than on disk. */
static u32 inodes(struct dx_mount *mp, u32 n)
{
	return n * (mp->sb.inodesize + (u32)sizeof(struct dx_inode_log_format) +
		    5 * (u32)sizeof(struct dx_op_header) + 128);
}

/*
 * @n extents allocated or freed: AGF and AGFL, both trees split or joined up to the root; so is the rmapbt, which also changes
 * for what the free list gets, mostly nearby
 */
static u32 allocfree(struct dx_mount *mp, u32 n)
{
	u32 rmap = mp->rmap_maxlevels ? 3 * mp->rmap_maxlevels - 1 : 0;

	return sects(mp, 2 * n) + blocks(mp, n * (2 * (2 * mp->alloc_maxlevels - 1) + rmap));
}

/*
 * A change of reference counts: the records of a few runs, in leaves beside each other, split or joined up to the root, on each
 * level with two neighbours; and the blocks of the tree that come or go thereby.
 */
static u32 refcount(struct dx_mount *mp)
{
	return mp->refc_maxlevels ? blocks(mp, 4 * mp->refc_maxlevels) + allocfree(mp, 1) : 0;
}

/* one mapping inserted or removed in a bmbt that splits or joins up to the root */
static u32 bmap_resv(struct dx_mount *mp, int whichfork)
{
	return blocks(mp, 2 * mp->bm_maxlevels[whichfork]);
}

/* an entry in a directory: path, data block, free index, and the mapping of each new block */
static u32 dirop(struct dx_mount *mp)
{
	u32 dbs = DX_DA_NODE_MAXDEPTH + 2;

	return blocks(mp, dbs * mp->dirblkfsbs + dbs * (mp->bm_maxlevels[0] - 1) + 1);
}

/* an attribute: as a directory entry, but in the attribute fork and with blocks of one fsblock */
static u32 attrop(struct dx_mount *mp)
{
	u32 dbs = DX_DA_NODE_MAXDEPTH + 1;

	return blocks(mp, dbs + dbs * (mp->bm_maxlevels[1] - 1) + 1);
}

/* inobt and finobt changed up to their roots, AGI */
static u32 inobt(struct dx_mount *mp)
{
	return sects(mp, 1) + blocks(mp, 2 * 2 * mp->inobt_maxlevels);
}

/* Records of quota: of so many inodes the owners. */
static u32 owners(struct dx_mount *mp, u32 n)
{
	if (!mp->opts.quota)
		return 0;
	return 3 * n * ((u32)sizeof(struct dx_dquot_log_format) + (u32)sizeof(struct dx_disk_dquot) +
			3 * (u32)sizeof(struct dx_op_header));
}

static void set(struct dx_mount *mp, enum dx_resv type, u32 bytes, u16 count, bool perm)
{
	mp->resv[type] = (struct dx_resv_ent) { .logres_bytes = bytes, .logcount = count, .perm = perm };
}

/**
 * dx_resv_init - compute the reservations
 * @mp: the mount, geometry known
 */
void dx_resv_init(struct dx_mount *mp)
{
	u32 finish = max(allocfree(mp, DX_FREES_A_GO), DX_REFCOUNTS_A_GO * refcount(mp)) + inodes(mp, 1) + owners(mp, 3) + 4096;
	u32 sb = sects(mp, 1), ialloc, create;
	int i;

	ialloc = inobt(mp) + allocfree(mp, 1) + 64 + blocks(mp, 1);
	create = inodes(mp, 2) + sb + max(dirop(mp), allocfree(mp, 1)) + ialloc;

	set(mp, DX_RESV_EFI_FINISH, finish, 2, true);
	set(mp, DX_RESV_ITRUNCATE, inodes(mp, 1) + bmap_resv(mp, 0) + sb + 4096, 2, true);
	set(mp, DX_RESV_WRITE, inodes(mp, 1) + bmap_resv(mp, 0) + allocfree(mp, 2) + sb, 2, true);
	/* as above, for each of the changes that it is made of; the other inode is logged with it */
	set(mp, DX_RESV_EXCHANGE, mp->resv[DX_RESV_WRITE].logres_bytes + inodes(mp, 1) + 512, 2, true);
	set(mp, DX_RESV_IFREE, inodes(mp, 2) + inobt(mp) + allocfree(mp, 1) + blocks(mp, 2 + mp->ialloc_blks / 4) + sb,
	    2, true);
	set(mp, DX_RESV_CREATE, create, 2, true);
	set(mp, DX_RESV_CREATE_TMPFILE, inodes(mp, 2) + ialloc + blocks(mp, 1) + sb, 2, true);
	set(mp, DX_RESV_MKDIR, create + blocks(mp, mp->dirblkfsbs), 3, true);
	set(mp, DX_RESV_SYMLINK, create + blocks(mp, 3), 3, true);
	set(mp, DX_RESV_LINK, inodes(mp, 3) + dirop(mp) + sb, 2, true);
	set(mp, DX_RESV_REMOVE, inodes(mp, 3) + dirop(mp) + sb + sects(mp, 1), 2, true);
	/* five inodes, and two neighbours on unlinked lists: of the one replaced, and of a whiteout */
	set(mp, DX_RESV_RENAME, inodes(mp, 7) + 2 * dirop(mp) + sb + sects(mp, 3), 2, true);
	set(mp, DX_RESV_ADDAFORK, inodes(mp, 1) + attrop(mp) + bmap_resv(mp, 0) + allocfree(mp, 1) + sb, 2, true);
	set(mp, DX_RESV_ATTRSET, inodes(mp, 1) + attrop(mp) + bmap_resv(mp, 1) + allocfree(mp, 1) + sb, 3, true);
	set(mp, DX_RESV_ATTRRM, inodes(mp, 1) + attrop(mp) + bmap_resv(mp, 1) + sb, 3, true);
	set(mp, DX_RESV_ATTRINVAL, inodes(mp, 1) + bmap_resv(mp, 1) + sb + blocks(mp, 4), 2, true);
	set(mp, DX_RESV_GROWDATA, sects(mp, 16) + allocfree(mp, 1) + sb, 2, true);
	set(mp, DX_RESV_ICHANGE, inodes(mp, 1) + sb, 1, false);
	set(mp, DX_RESV_FSYNC_TS, inodes(mp, 1), 1, false);
	set(mp, DX_RESV_WRITEID, inodes(mp, 1), 1, false);
	set(mp, DX_RESV_CLEARAGI, sects(mp, 1), 1, false);
	set(mp, DX_RESV_SB, sb, 1, false);
	set(mp, DX_RESV_QUOTA_SET, owners(mp, 1) + 256, 1, false);
	set(mp, DX_RESV_QUOTA_BLOCK, mp->resv[DX_RESV_WRITE].logres_bytes + blocks(mp, 1), 2, true);
	/* those of two directories and a file; or the old and the new ones of one */
	for (i = 0; i < DX_RESV_MAX; i++)
		if (i != DX_RESV_SB && i != DX_RESV_CLEARAGI && i != DX_RESV_QUOTA_SET)
			mp->resv[i].logres_bytes += owners(mp, 3);

	/* a later transaction of the chain changes an attribute, with up to three inodes kept */
	for (i = 0; dx_has_parent(mp) && i < ARRAY_SIZE(names_change); i++) {
		struct dx_resv_ent *r = &mp->resv[names_change[i]];

		r->logres_bytes = max(r->logres_bytes, mp->resv[DX_RESV_ATTRSET].logres_bytes + inodes(mp, 2)) + PARENT_INTENTS;
		r->logcount++;
	}
	for (i = 0; i < DX_RESV_MAX; i++) {
		if (!mp->resv[i].perm)
			continue;
		/* intents for each extent that comes or goes, and one more transaction that does what they say */
		if (mp->rmap_maxlevels) {
			mp->resv[i].logres_bytes += RMAP_INTENTS * sizeof(struct dx_map_extent);
			mp->resv[i].logcount++;
		}
		if (mp->refc_maxlevels) {
			mp->resv[i].logres_bytes += REFCOUNT_INTENTS * sizeof(struct dx_phys_extent);
			mp->resv[i].logcount++;
		}
		mp->resv[i].logres_bytes = max(mp->resv[i].logres_bytes, finish);
	}
}

/**
 * dx_log_min_size_bb - the smallest log that we can work with
 * @mp: the mount, reservations computed
 *
 * Three of the largest transactions: one running, one in the checkpoint, one on its way to the disk.
 *
 * Return: bb.
 */
u32 dx_log_min_size_bb(struct dx_mount *mp)
{
	u32 max_bytes = 0;
	int i;

	for (i = 0; i < DX_RESV_MAX; i++)
		max_bytes = max(max_bytes, mp->resv[i].logres_bytes);
	return (3 * max_bytes + 2 * DX_MAX_RECORD_BYTES) >> DX_BBSHIFT;
}
