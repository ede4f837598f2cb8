// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two forks of an inode: their three forms (local data, inline extents, root of an
 * extent btree) between disk, log and memory, and the boundary between them.
 *
 * Invariants: an extents-form fork never has more extents than fit inline once a
 * transaction ends; a btree-form one never fewer (xfs_repair and the kernel
 * both reject that); nextents counts real extents only, as on disk; the root of a
 * btree always has the capacity that its fork has room for.
 * ILOCK: shared to read, exclusive to read a btree in or change.
 * Source: "On-disk Inode" (Data Fork, Attribute Fork), "Data Extents".
 */
#include "dx_fork.h"
#include "dx_btree.h"
#include "dx_walk.h"

/* ---- extent records ------------------------------------------------------------- */

/**
 * dx_bmbt_disk_get - unpack a record as it is on disk.
 * @r: the record, any alignment
 * @rec: result
 *
 * Source: "Data Extents": 1 bit unwritten, 54 startoff, 52 startblock, 21 blockcount.
 */
void dx_bmbt_disk_get(const struct dx_bmbt_rec *r, struct dx_irec *rec)
{
	u64 hi = get_unaligned_be64(&r->l0), lo = get_unaligned_be64(&r->l1);

	rec->state = hi >> 63 ? DX_EXT_UNWRITTEN : DX_EXT_NORM;
	rec->startoff = hi >> 9 & DX_BMBT_MAX_STARTOFF;
	rec->startblock = (hi & 0x1ff) << 43 | lo >> 21;
	rec->blockcount = lo & DX_BMBT_MAX_BLOCKCOUNT;
	rec->indlen = 0;
}

/**
 * dx_bmbt_disk_set - pack a record for the disk.
 * @r: destination, any alignment
 * @rec: a real extent
 */
void dx_bmbt_disk_set(struct dx_bmbt_rec *r, const struct dx_irec *rec)
{
	u64 hi = (u64)(rec->state == DX_EXT_UNWRITTEN) << 63 | rec->startoff << 9 |
		 (rec->startblock >> 43 & 0x1ff);
	u64 lo = rec->startblock << 21 | (rec->blockcount & DX_BMBT_MAX_BLOCKCOUNT);

	put_unaligned_be64(hi, &r->l0);
	put_unaligned_be64(lo, &r->l1);
}

/**
 * dx_irec_verify - is a real extent plausible?
 * @ip: inode
 * @whichfork: fork it is in
 * @rec: the extent
 *
 * Returns 0 or -EFSCORRUPTED with a message that names the field.
 */
int dx_irec_verify(struct dx_inode *ip, int whichfork, const struct dx_irec *rec)
{
	const char *bad = NULL;

	if (!rec->blockcount || rec->blockcount > DX_BMBT_MAX_BLOCKCOUNT)
		bad = "blockcount";
	else if (dx_irec_end(rec) - 1 > DX_BMBT_MAX_STARTOFF)
		bad = "startoff";
	else if (!dx_verify_fsbext(ip->mp, rec->startblock, rec->blockcount))
		bad = "startblock";
	else if (rec->state != DX_EXT_NORM && whichfork == DX_ATTR_FORK)
		bad = "extentflag";
	if (!bad)
		return 0;
	return dx_corrupt(ip->mp, "extent", ip->imap.daddr,
			  "inode 0x%llx %s fork: %s of [%llu, %llu, %llu]", (unsigned long long)ip->ino,
			  whichfork == DX_ATTR_FORK ? "attr" : "data", bad,
			  (unsigned long long)rec->startoff, (unsigned long long)rec->startblock,
			  (unsigned long long)rec->blockcount);
}

/**
 * dx_bmbt_root_maxrecs - entries that a btree root in a fork can hold.
 * @fork_bytes: room of the fork
 */
u32 dx_bmbt_root_maxrecs(u32 fork_bytes)
{
	return fork_bytes < DX_BMDR_HDR ? 0 : (fork_bytes - DX_BMDR_HDR) / 16;
}

/**
 * dx_fork_inline_max - extents that fit inline.
 * @ip: inode
 * @whichfork: fork
 */
u32 dx_fork_inline_max(struct dx_inode *ip, int whichfork)
{
	return dx_inode_fork_size(ip, whichfork) / sizeof(struct dx_bmbt_rec);
}

/* ---- the root of a btree in memory ---- */

/**
 * dx_bmbt_root_alloc - an empty root.
 * @maxrecs: capacity
 */
struct dx_bmbt_root *dx_bmbt_root_alloc(u32 maxrecs)
{
	struct dx_bmbt_root *root = kzalloc(sizeof(*root) + maxrecs * 16, GFP_NOFS | __GFP_NOFAIL);

	root->maxrecs = maxrecs;
	return root;
}

/**
 * dx_bmbt_root_resize - change the capacity of a fork's root.
 * @f: fork in btree form
 * @maxrecs: new capacity, not below numrecs
 */
void dx_bmbt_root_resize(struct dx_fork *f, u32 maxrecs)
{
	struct dx_bmbt_root *old = f->data, *root;

	if (WARN_ON_ONCE(maxrecs < old->numrecs))
		return;
	root = dx_bmbt_root_alloc(maxrecs);
	root->level = old->level;
	root->numrecs = old->numrecs;
	memcpy(root->kp, old->kp, old->numrecs * sizeof(__be64));
	memcpy(root->kp + maxrecs, old->kp + old->maxrecs, old->numrecs * sizeof(__be64));
	f->data = root;
	f->bytes = sizeof(*root) + maxrecs * 16;
	kfree(old);
}

/* ---- from disk -------------------------------------------------------------------- */

/**
 * dx_fork_corrupt - say what is wrong with a fork
 * @ip: inode
 * @whichfork: fork
 * @field: what
 *
 * Returns -EFSCORRUPTED.
 */
int dx_fork_corrupt(struct dx_inode *ip, int whichfork, const char *field)
{
	return dx_corrupt(ip->mp, "inode", ip->imap.daddr, "inode 0x%llx %s fork: %s",
			  (unsigned long long)ip->ino, whichfork == DX_ATTR_FORK ? "attr" : "data", field);
}

static int local_from_disk(struct dx_inode *ip, struct dx_fork *f, int whichfork, const u8 *src, u32 room)
{
	const struct dx_inode_above *above = ip->mp->inode_above;
	u64 bytes = ip->d.size;
	int error = 0;

	if (whichfork == DX_ATTR_FORK)
		bytes = room < sizeof(struct dx_attr_sf_hdr) ? 0 :
			be16_to_cpu(((const struct dx_attr_sf_hdr *)src)->totsize);
	if (bytes > room || (whichfork == DX_ATTR_FORK && bytes < sizeof(struct dx_attr_sf_hdr)))
		return dx_fork_corrupt(ip, whichfork, "local size");
	if (whichfork == DX_ATTR_FORK)
		error = above->check_attrs(ip->mp, ip->ino, src, bytes);
	else if (S_ISDIR(ip->d.mode))
		error = above->check_dir(ip->mp, ip->ino, src, bytes);
	else if (S_ISLNK(ip->d.mode))
		error = above->check_symlink(ip->mp, ip->ino, src, bytes);
	if (error)
		return error;
	f->data = kmalloc(round_up(bytes + 1, 8), GFP_NOFS | __GFP_NOFAIL);
	memcpy(f->data, src, bytes);
	((u8 *)f->data)[bytes] = 0;
	f->bytes = bytes;
	f->extents_read = true;
	return 0;
}

/**
 * dx_inode_look_past_eof - notice preallocation past EOF in an inode whose extents have just been read
 * @ip: inode; ILOCK held exclusively, or not visible yet
 *
 * Speculative preallocation goes when its file is closed, or leaves memory; a crash leaves it behind, and with nothing to say so.
 * What was asked for (XFS_DIFLAG_PREALLOC) stays: who trims looks at that.  The filesystem's own files have no end to speak of: all
 * of a quota file is past it.
 */
void dx_inode_look_past_eof(struct dx_inode *ip)
{
	struct dx_iext_cur icur;
	struct dx_irec last;

	if (S_ISREG(ip->d.mode) && dx_iext_last(&ip->df.ext, &icur, &last) &&
	    dx_irec_end(&last) > dx_b_to_fsb(ip->mp, ip->d.size) && !dx_is_internal_ino(ip->mp, ip->ino))
		dx_inode_set_eofblocks(ip);
}

static int extents_from_disk(struct dx_inode *ip, struct dx_fork *f, int whichfork, const u8 *src, u32 room)
{
	const struct dx_bmbt_rec *r = (const void *)src;
	struct dx_iext_cur icur;
	struct dx_irec rec;
	u64 i, end = 0;
	int error;

	if (f->nextents > room / sizeof(*r))
		return dx_fork_corrupt(ip, whichfork, "nextents");
	for (i = 0; i < f->nextents; i++) {
		dx_bmbt_disk_get(&r[i], &rec);
		error = dx_irec_verify(ip, whichfork, &rec);
		if (!error && rec.startoff < end)
			error = dx_fork_corrupt(ip, whichfork, "order of extents");
		if (error)
			return error;
		end = dx_irec_end(&rec);
		dx_iext_insert(&f->ext, &icur, &rec);
	}
	f->extents_read = true;
	if (whichfork == DX_DATA_FORK)
		dx_inode_look_past_eof(ip);
	return 0;
}

static int btree_from_disk(struct dx_inode *ip, struct dx_fork *f, int whichfork, const u8 *src, u32 room)
{
	const struct dx_bmdr_block *h = (const void *)src;
	u32 maxrecs = dx_bmbt_root_maxrecs(room), level, n;
	struct dx_bmbt_root *root;

	if (!maxrecs)
		return dx_fork_corrupt(ip, whichfork, "forkoff");
	level = be16_to_cpu(h->bb_level);
	n = be16_to_cpu(h->bb_numrecs);
	if (!level || level >= ip->mp->bm_maxlevels[whichfork] || level >= DX_BTREE_MAXLEVELS)
		return dx_fork_corrupt(ip, whichfork, "bmbt root level");
	if (!n || n > maxrecs)
		return dx_fork_corrupt(ip, whichfork, "bmbt root numrecs");
	if (f->nextents <= room / sizeof(struct dx_bmbt_rec))
		return dx_fork_corrupt(ip, whichfork, "nextents");
	root = dx_bmbt_root_alloc(maxrecs);
	root->level = level;
	root->numrecs = n;
	memcpy(root->kp, src + DX_BMDR_HDR, n * sizeof(__be64));
	memcpy(root->kp + maxrecs, src + DX_BMDR_HDR + maxrecs * sizeof(__be64), n * sizeof(__be64));
	f->data = root;
	f->bytes = sizeof(*root) + maxrecs * 16;
	f->extents_read = false;
	return 0;
}

/**
 * dx_fork_from_disk - fill a fork from an inode on disk.
 * @ip: inode; ip->d, forkoff and size included, is filled in already
 * @dip: the disk inode, checked by dx_dinode_verify()
 * @whichfork: the fork; an attribute fork is allocated here
 *
 * Returns 0 or -EFSCORRUPTED; a half-filled fork is for dx_fork_free().
 */
int dx_fork_from_disk(struct dx_inode *ip, const struct dx_dinode *dip, int whichfork)
{
	const u8 *src = (const u8 *)dip + DX_DINODE_SIZE;
	u32 room = dx_inode_fork_size(ip, whichfork);
	struct dx_fork *f;

	if (DX_DINODE_SIZE + (u32)(ip->d.forkoff << 3) > ip->mp->sb.inodesize)
		return dx_fork_corrupt(ip, whichfork, "forkoff");
	if (whichfork == DX_ATTR_FORK) {
		if (!ip->af)
			ip->af = kzalloc(sizeof(*ip->af), GFP_NOFS | __GFP_NOFAIL);
		f = ip->af;
		src += ip->d.forkoff << 3;
		f->format = dip->di_aformat;
	} else {
		f = &ip->df;
		f->format = dip->di_format;
	}
	f->nextents = dx_dinode_nextents(dip, whichfork);
	f->bytes = 0;
	f->data = NULL;
	f->extents_read = true;
	dx_iext_init(&f->ext);

	switch (f->format) {
	case DX_DINODE_FMT_DEV:
		if (whichfork == DX_DATA_FORK && !f->nextents)
			return 0;
		return dx_fork_corrupt(ip, whichfork, "format");
	case DX_DINODE_FMT_LOCAL:
		if (f->nextents)
			return dx_fork_corrupt(ip, whichfork, "nextents");
		return local_from_disk(ip, f, whichfork, src, room);
	case DX_DINODE_FMT_EXTENTS:
		return extents_from_disk(ip, f, whichfork, src, room);
	case DX_DINODE_FMT_BTREE:
		return btree_from_disk(ip, f, whichfork, src, room);
	default:
		return dx_fork_corrupt(ip, whichfork, "format");
	}
}

/* ---- to disk and log ---------------------------------------------------------------- */

/**
 * dx_fork_ext_to_disk - the inline extents of a fork, packed.
 * @ip: inode, ILOCK held
 * @whichfork: fork in extents form
 * @dst: room for nextents records
 *
 * Delayed extents are left out.  Returns bytes.
 */
u32 dx_fork_ext_to_disk(struct dx_inode *ip, int whichfork, struct dx_bmbt_rec *dst)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_iext_cur icur;
	struct dx_irec rec;
	bool more;
	u32 n = 0;

	for (more = dx_iext_first(&f->ext, &icur, &rec); more; more = dx_iext_next(&f->ext, &icur, &rec)) {
		if (dx_irec_is_delay(&rec))
			continue;
		if (WARN_ON_ONCE(n == f->nextents))
			break;
		dx_bmbt_disk_set(&dst[n++], &rec);
	}
	WARN_ON_ONCE(n != f->nextents);
	return n * sizeof(*dst);
}

/**
 * dx_fork_to_disk - a fork in the form that the inode on disk has.
 * @ip: inode, ILOCK held
 * @whichfork: fork
 * @dst: the fork's place in the disk inode
 * @room: its size, bytes
 *
 * Returns the bytes written; 0 after a warning when it does not fit.  For device inodes the
 * device number.
 */
u32 dx_fork_to_disk(struct dx_inode *ip, int whichfork, void *dst, u32 room)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	struct dx_bmbt_root *root;
	struct dx_bmdr_block *h;
	u32 maxrecs;

	switch (f->format) {
	case DX_DINODE_FMT_DEV:
		put_unaligned_be32(ip->d.rdev, dst);
		return 4;
	case DX_DINODE_FMT_LOCAL:
		if (WARN_ON_ONCE(f->bytes > room) || !f->bytes)
			return 0;
		memcpy(dst, f->data, f->bytes);
		return f->bytes;
	case DX_DINODE_FMT_EXTENTS:
		if (WARN_ON_ONCE(f->nextents * sizeof(struct dx_bmbt_rec) > room))
			return 0;
		return dx_fork_ext_to_disk(ip, whichfork, dst);
	case DX_DINODE_FMT_BTREE:
		root = f->data;
		h = dst;
		maxrecs = dx_bmbt_root_maxrecs(room);
		if (WARN_ON_ONCE(root->numrecs > maxrecs))
			return 0;
		h->bb_level = cpu_to_be16(root->level);
		h->bb_numrecs = cpu_to_be16(root->numrecs);
		memcpy((u8 *)dst + DX_BMDR_HDR, root->kp, root->numrecs * sizeof(__be64));
		memcpy((u8 *)dst + DX_BMDR_HDR + maxrecs * sizeof(__be64), root->kp + root->maxrecs,
		       root->numrecs * sizeof(__be64));
		return DX_BMDR_BYTES(maxrecs);
	default:
		return 0;
	}
}

/**
 * dx_fork_broot_log_bytes - size of a btree root as the log carries it.
 * @ip: inode
 * @whichfork: fork in btree form
 */
u32 dx_fork_broot_log_bytes(struct dx_inode *ip, int whichfork)
{
	struct dx_bmbt_root *root = dx_ifork(ip, whichfork)->data;

	return DX_BTREE_LBLOCK_LEN + root->numrecs * 16;
}

/**
 * dx_fork_broot_to_log - a btree root as the log carries it.
 * @ip: inode
 * @whichfork: fork in btree form
 * @dst: room for dx_fork_broot_log_bytes()
 *
 * A block with long pointers: header without siblings and address, numrecs keys, numrecs pointers.
 * Source: "Journaling Log", inode items; readers take it apart by its length.
 */
u32 dx_fork_broot_to_log(struct dx_inode *ip, int whichfork, void *dst)
{
	struct dx_bmbt_root *root = dx_ifork(ip, whichfork)->data;
	u32 kbytes = root->numrecs * sizeof(__be64);
	struct dx_btree_lblock *h = dst;

	memset(h, 0, DX_BTREE_LBLOCK_LEN);
	h->bb_magic = cpu_to_be32(DX_BMAP_CRC_MAGIC);
	h->bb_level = cpu_to_be16(root->level);
	h->bb_numrecs = cpu_to_be16(root->numrecs);
	h->bb_leftsib = cpu_to_be64(DX_NULLFSBNO);
	h->bb_rightsib = cpu_to_be64(DX_NULLFSBNO);
	h->bb_blkno = cpu_to_be64(-1ULL);
	h->bb_uuid = ip->mp->sb.meta_uuid;
	h->bb_owner = cpu_to_be64(ip->ino);
	memcpy((u8 *)dst + DX_BTREE_LBLOCK_LEN, root->kp, kbytes);
	memcpy((u8 *)dst + DX_BTREE_LBLOCK_LEN + kbytes, root->kp + root->maxrecs, kbytes);
	return DX_BTREE_LBLOCK_LEN + 2 * kbytes;
}

/**
 * dx_broot_log_to_disk - a logged btree root into an inode on disk.
 * @src: region from the log
 * @len: its length, bytes
 * @dst: the fork in the disk inode
 * @room: size of the fork, bytes
 *
 * The capacity of the logged form follows from its length.  Returns 0 or -EFSCORRUPTED.
 */
int dx_broot_log_to_disk(const void *src, u32 len, void *dst, u32 room)
{
	const struct dx_btree_lblock *h = src;
	struct dx_bmdr_block *d = dst;
	u32 lmax, dmax = dx_bmbt_root_maxrecs(room), n;

	if (len < DX_BTREE_LBLOCK_LEN + 16 || be32_to_cpu(h->bb_magic) != DX_BMAP_CRC_MAGIC)
		return -EFSCORRUPTED;
	lmax = (len - DX_BTREE_LBLOCK_LEN) / 16;
	n = be16_to_cpu(h->bb_numrecs);
	if (!n || n > lmax || n > dmax || !h->bb_level)
		return -EFSCORRUPTED;
	d->bb_level = h->bb_level;
	d->bb_numrecs = h->bb_numrecs;
	memcpy((u8 *)dst + DX_BMDR_HDR, (const u8 *)src + DX_BTREE_LBLOCK_LEN, n * sizeof(__be64));
	memcpy((u8 *)dst + DX_BMDR_HDR + dmax * sizeof(__be64),
	       (const u8 *)src + DX_BTREE_LBLOCK_LEN + lmax * sizeof(__be64), n * sizeof(__be64));
	return 0;
}

/* ---- life ---------------------------------------------------------------------------- */

/**
 * dx_fork_free - free what a fork holds; the fork itself is the caller's.
 * @f: fork
 */
void dx_fork_free(struct dx_fork *f)
{
	dx_iext_destroy(&f->ext);
	kfree(f->data);
	f->data = NULL;
	f->bytes = 0;
}

/**
 * dx_fork_local_resize - grow or shrink local data.
 * @ip: inode, ILOCK exclusive
 * @whichfork: fork in local form
 * @byte_diff: change of size; new bytes are zero
 *
 * The data may move.  Returns 0, or -EFSCORRUPTED when it would not fit the fork.
 */
int dx_fork_local_resize(struct dx_inode *ip, int whichfork, int byte_diff)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	s64 bytes = (s64)f->bytes + byte_diff;
	u8 *p;

	if (WARN_ON_ONCE(bytes < 0 || bytes > dx_inode_litino(ip->mp)))
		return -EFSCORRUPTED;
	p = kzalloc(round_up(bytes + 1, 8), GFP_NOFS | __GFP_NOFAIL);
	if (f->data)
		memcpy(p, f->data, min_t(u64, bytes, f->bytes));
	kfree(f->data);
	f->data = p;
	f->bytes = bytes;
	return 0;
}

/**
 * dx_fork_local_to_empty - a fork whose data moves out: extents form, without any
 * @ip: inode, ILOCK exclusive
 * @whichfork: fork
 *
 * The caller has copied the local data and logs the core.
 */
void dx_fork_local_to_empty(struct dx_inode *ip, int whichfork)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);

	kfree(f->data);
	f->data = NULL;
	f->bytes = 0;
	f->format = DX_DINODE_FMT_EXTENTS;
	f->nextents = 0;
	dx_iext_init(&f->ext);
	f->extents_read = true;
}

/**
 * dx_fork_local_replace - new contents for a local fork
 * @ip: inode, ILOCK exclusive
 * @whichfork: fork
 * @data: contents (not in the fork itself)
 * @bytes: length
 *
 * The caller logs core and data.  Returns 0 or -ENOMEM (nothing changed).
 */
int dx_fork_local_replace(struct dx_inode *ip, int whichfork, const void *data, u32 bytes)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);
	int error;

	if (bytes != f->bytes) {
		error = dx_fork_local_resize(ip, whichfork, (int)bytes - (int)f->bytes);
		if (error)
			return error;
	}
	memcpy(f->data, data, bytes);
	return 0;
}

/**
 * dx_fork_empty_to_local - the reverse: everything is unmapped, data moves in
 * @ip: inode, ILOCK exclusive
 * @whichfork: fork, extents form with no extents
 * @data: contents
 * @bytes: length
 */
int dx_fork_empty_to_local(struct dx_inode *ip, int whichfork, const void *data, u32 bytes)
{
	struct dx_fork *f = dx_ifork(ip, whichfork);

	if (WARN_ON_ONCE(f->nextents))
		return -EFSCORRUPTED;
	dx_iext_destroy(&f->ext);
	dx_iext_init(&f->ext);
	f->format = DX_DINODE_FMT_LOCAL;
	return dx_fork_local_replace(ip, whichfork, data, bytes);
}

/* ---- the boundary between the forks ---------------------------------------------------- */

/**
 * dx_fork_default_forkoff - where a fresh attribute fork begins when nothing asks for another place
 * @mp: the mount
 *
 * Returns bytes from the beginning of the literal area.
 */
u32 dx_fork_default_forkoff(struct dx_mount *mp)
{
	if (mp->sb.inodesize == 256)
		return round_down(dx_inode_litino(mp) - DX_BMDR_BYTES(DX_MIN_ATTR_ROOT), 8);
	return round_down(DX_BMDR_BYTES(6 * DX_MIN_ATTR_ROOT), 8);
}

/**
 * dx_fork_set_forkoff - move the boundary between the forks.
 * @ip: inode, ILOCK exclusive, in a transaction
 * @forkoff_units: new offset of the attribute fork, 8-byte units; 0 = all room for data
 *
 * What the forks hold must fit their new room.  The caller logs the core and, for forks in btree form,
 * their roots (their pointers move on disk).
 */
void dx_fork_set_forkoff(struct dx_inode *ip, u32 forkoff_units)
{
	int w;

	ip->d.forkoff = forkoff_units;
	for (w = DX_DATA_FORK; w <= DX_ATTR_FORK; w++) {
		struct dx_fork *f = dx_ifork(ip, w);

		if (f && f->format == DX_DINODE_FMT_BTREE)
			dx_bmbt_root_resize(f, dx_bmbt_root_maxrecs(dx_inode_fork_size(ip, w)));
	}
}

/**
 * dx_fork_make_attr - give a fresh inode an empty attribute fork.
 * @ip: inode being created, in the caller's transaction, which logs the core
 * @forkoff_units: offset in 8-byte units; 0 = the default place (1 for device inodes)
 *
 * The data fork must leave the room.
 */
void dx_fork_make_attr(struct dx_inode *ip, u32 forkoff_units)
{
	if (WARN_ON_ONCE(ip->af))
		return;
	if (ip->df.format == DX_DINODE_FMT_DEV)
		forkoff_units = 1;
	else if (!forkoff_units)
		forkoff_units = dx_fork_default_forkoff(ip->mp) >> 3;
	dx_fork_set_forkoff(ip, forkoff_units);
	ip->af = kzalloc(sizeof(*ip->af), GFP_NOFS | __GFP_NOFAIL);
	ip->af->format = DX_DINODE_FMT_EXTENTS;
	ip->af->extents_read = true;
	dx_iext_init(&ip->af->ext);
}

/**
 * dx_fork_make_cow - the CoW fork of an inode
 * @ip: inode, ILOCK exclusive
 *
 * Made at the first call, and kept until the inode leaves memory: its sequence never goes back (dx_map_seq()).  It is in no inode
 * on disk and in no log.
 */
struct dx_cow_fork *dx_fork_make_cow(struct dx_inode *ip)
{
	struct dx_cow_fork *c = ip->cf;

	if (c)
		return c;
	c = kzalloc(sizeof(*c), GFP_NOFS | __GFP_NOFAIL);
	c->f.format = DX_DINODE_FMT_EXTENTS;
	c->f.extents_read = true;
	dx_iext_init(&c->f.ext);
	smp_store_release(&ip->cf, c);	/* for who looks without the ILOCK */
	return c;
}
