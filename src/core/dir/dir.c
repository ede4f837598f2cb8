// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories: what the namespace operations call.  Finds out which form
 * a directory has and hands over to that form; each form converts to its
 * neighbour when it outgrows itself or shrinks enough.
 *
 * Lock context: ILOCK of the directory, exclusive inside a transaction to
 * change, shared to look up.
 */
#include "dx_dir_int.h"
#include "dx_dir.h"

static const struct dx_dir_form_ops *const forms[] = {
	[DX_DIR_SF] = &dx_dir_sf_form,
	[DX_DIR_BLOCK] = &dx_dir_block_form,
	[DX_DIR_LEAF] = &dx_dir_leaf_form,
	[DX_DIR_NODE] = &dx_dir_node_form,
};

/**
 * dx_dir_form - which form has this directory?
 * @tp: transaction (to read the extents with), may be NULL
 * @dp: directory
 * @form: out
 *
 * Told by the inode's format and by where the last extent ends: behind
 * block 0, behind the first leaf block, or further out.
 */
int dx_dir_form(struct dx_trans *tp, struct dx_inode *dp, enum dx_dir_form *form)
{
	struct dx_mount *mp = dp->mp;
	dx_fileoff_t last;
	int error;

	if ((dp->d.mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	if (dp->df.format == DX_DINODE_FMT_LOCAL) {
		*form = DX_DIR_SF;
		return 0;
	}
	if (!dp->df.extents_read) {
		error = dx_iread_extents(tp, dp, DX_DATA_FORK);
		if (error)
			return error;
	}
	error = dx_bmap_last_offset(dp, DX_DATA_FORK, &last);
	if (error)
		return error;
	if (last == mp->dirblkfsbs) {
		*form = DX_DIR_BLOCK;
		if (dp->d.size != mp->dirblksize)
			return dx_corrupt(mp, "directory", 0, "inode %llu: size %llu with a single block",
					  (unsigned long long)dp->ino, (unsigned long long)dp->d.size);
	} else if (last == dx_dir_leafblk(mp) + mp->dirblkfsbs) {
		*form = DX_DIR_LEAF;
	} else if (last > dx_dir_leafblk(mp)) {
		*form = DX_DIR_NODE;
	} else {
		return dx_corrupt(mp, "directory", 0, "inode %llu: no leaf block", (unsigned long long)dp->ino);
	}
	return 0;
}

static int args_init(struct dx_da_args *a, struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name,
		     dx_ino_t ino, dx_extlen_t total)
{
	if (name->len <= 0 || name->len >= DX_MAXNAMELEN)
		return -ENAMETOOLONG;
	if (dx_is_shutdown(dp->mp))
		return -EIO;
	memset(a, 0, sizeof(*a));
	a->tp = tp;
	a->dp = dp;
	a->mp = dp->mp;
	a->whichfork = DX_DATA_FORK;
	a->leaf = &dx_dir_leaf_ops;
	a->name = name->name;
	a->namelen = name->len;
	a->hashval = dx_da_hashname(name->name, name->len);
	a->ftype = name->ftype;
	a->ino = ino;
	a->total = total;
	return 0;
}

/**
 * dx_dir_init - contents of a new directory
 * @tp: transaction; @dp is joined
 * @dp: directory, ILOCK exclusive
 * @parent: inode number of its parent (its own for the root)
 */
int dx_dir_init(struct dx_trans *tp, struct dx_inode *dp, dx_ino_t parent)
{
	struct dx_da_args a = { .leaf = &dx_dir_leaf_ops, .tp = tp, .dp = dp, .mp = dp->mp, .whichfork = DX_DATA_FORK };

	if (!dx_verify_ino(dp->mp, parent))
		return -EFSCORRUPTED;
	return dx_dir_sf_create(&a, parent);
}

/**
 * dx_dir_lookup - find a name
 * @tp: transaction or NULL
 * @dp: directory, ILOCK shared (exclusive when its extents are not in memory)
 * @name: name; "." and ".." work
 * @ino: out: inode number
 * @ci_name: unused: names are compared byte by byte
 *
 * Returns -ENOENT when there is no such name.
 */
int dx_dir_lookup(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t *ino,
		  struct dx_name *ci_name)
{
	struct dx_trans *own = NULL;
	enum dx_dir_form form;
	struct dx_da_args a;
	int error;

	error = args_init(&a, tp, dp, name, 0, 0);
	if (!error)
		error = dx_dir_form(tp, dp, &form);
	if (error)
		return error;
	if (!tp && form != DX_DIR_SF) {
		error = dx_trans_alloc_empty(dp->mp, &own);
		if (error)
			return error;
		a.tp = own;
	}
	error = forms[form]->lookup(&a);
	if (own)
		dx_trans_cancel(own);
	if (error)
		return error;
	if (!dx_verify_ino(dp->mp, a.ino))
		return dx_da_corrupt(&a, NULL, "entry with an impossible inode number");
	*ino = a.ino;
	return 0;
}

/**
 * dx_dir_enter_name - enter a name that is not there yet
 * @tp: transaction; @dp is joined
 * @dp: directory, ILOCK exclusive
 * @name: name and ftype
 * @ino: what it refers to
 * @total: blocks reserved for the transaction; 0 only after dx_dir_has_room()
 */
int dx_dir_enter_name(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total)
{
	enum dx_dir_form form;
	struct dx_da_args a;
	int error;

	if (!dx_verify_ino(dp->mp, ino))
		return -EFSCORRUPTED;
	error = args_init(&a, tp, dp, name, ino, total);
	if (!error)
		error = dx_dir_form(tp, dp, &form);
	return error ? error : forms[form]->add(&a);
}

/**
 * dx_dir_has_room - would entering a name need blocks?
 * @tp: transaction or NULL
 * @dp: directory, ILOCK exclusive
 * @name: name
 * @ino: what it is to refer to, or the largest that it can be
 *
 * Returns 0 when it fits as it is, -ENOSPC when not.  Changes nothing.
 */
int dx_dir_has_room(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino)
{
	struct dx_trans *own = NULL;
	enum dx_dir_form form;
	struct dx_da_args a;
	int error;

	error = args_init(&a, tp, dp, name, ino, 0);
	if (!error)
		error = dx_dir_form(tp, dp, &form);
	if (error)
		return error;
	if (!tp && form != DX_DIR_SF) {
		error = dx_trans_alloc_empty(dp->mp, &own);
		if (error)
			return error;
		a.tp = own;
	}
	a.justcheck = true;
	error = forms[form]->add(&a);
	if (own)
		dx_trans_cancel(own);
	return error;
}

/**
 * dx_dir_erase_name - remove a name
 * @tp: transaction; @dp is joined
 * @dp: directory, ILOCK exclusive
 * @name: name
 * @ino: what it must refer to, 0 = anything
 * @total: blocks reserved for the transaction; with 0 empty blocks may have to stay
 */
int dx_dir_erase_name(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total)
{
	enum dx_dir_form form;
	struct dx_da_args a;
	int error;

	error = args_init(&a, tp, dp, name, ino, total);
	if (!error)
		error = dx_dir_form(tp, dp, &form);
	return error ? error : forms[form]->remove(&a);
}

/**
 * dx_dir_replace - make an existing name refer to another inode
 * @tp: transaction; @dp is joined
 * @dp: directory, ILOCK exclusive
 * @name: name (also "..") and the new ftype
 * @ino: new inode number
 * @total: blocks reserved for the transaction
 */
int dx_dir_replace(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total)
{
	enum dx_dir_form form;
	struct dx_da_args a;
	int error;

	if (!dx_verify_ino(dp->mp, ino))
		return -EFSCORRUPTED;
	error = args_init(&a, tp, dp, name, ino, total);
	if (!error)
		error = dx_dir_form(tp, dp, &form);
	return error ? error : forms[form]->replace(&a);
}

/**
 * dx_dir_replace_has_room - would it need blocks to make a name refer to another inode?
 * @dp: directory, ILOCK exclusive
 * @name: name (also "..")
 * @ino: what it is to refer to
 *
 * Only in short form, whose entries all become wider with the first number of more than 32 bits.
 *
 * Return: 0, -ENOSPC when it would; -ENOENT, -EFSCORRUPTED.  Changes nothing.
 */
int dx_dir_replace_has_room(struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino)
{
	struct dx_da_args a;
	int error;

	if (dp->df.format != DX_DINODE_FMT_LOCAL || ino <= U32_MAX)
		return 0;
	error = args_init(&a, NULL, dp, name, ino, 0);
	if (error)
		return error;
	a.justcheck = true;
	return forms[DX_DIR_SF]->replace(&a);
}

/**
 * dx_dir_isempty - nothing but "." and ".."?
 * @dp: directory, ILOCK held
 * @empty: out
 *
 * An empty directory always is in short form; one that could not be
 * converted back for want of space counts as not empty.
 */
int dx_dir_isempty(struct dx_inode *dp, bool *empty)
{
	const struct dx_dir2_sf_hdr *h = dp->df.data;

	*empty = false;
	if (dp->df.format != DX_DINODE_FMT_LOCAL)
		return 0;
	if (!h || dp->df.bytes < sizeof(*h) + 4)
		return -EFSCORRUPTED;
	*empty = !h->count;
	return 0;
}

/**
 * dx_mode_to_ftype - file type in a directory entry
 * @mode: mode of the inode
 */
u8 dx_mode_to_ftype(umode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return DX_DIR3_FT_REG_FILE;
	case S_IFDIR:
		return DX_DIR3_FT_DIR;
	case S_IFCHR:
		return DX_DIR3_FT_CHRDEV;
	case S_IFBLK:
		return DX_DIR3_FT_BLKDEV;
	case S_IFIFO:
		return DX_DIR3_FT_FIFO;
	case S_IFSOCK:
		return DX_DIR3_FT_SOCK;
	case S_IFLNK:
		return DX_DIR3_FT_SYMLINK;
	}
	return DX_DIR3_FT_UNKNOWN;
}

/**
 * dx_dir_enter_space - blocks to reserve for entering a name, fsblocks
 * @mp: mount
 * @namelen: length of the name; the answer is the same for all
 */
u32 dx_dir_enter_space(struct dx_mount *mp, int namelen)
{
	u32 blocks = dx_da_enter_blocks(mp, DX_DATA_FORK);

	return blocks + dx_da_bmap_blocks(mp, blocks, DX_DATA_FORK);
}

/**
 * dx_dir_remove_space - blocks to reserve for removing a name, fsblocks
 * @mp: mount
 *
 * Freeing a block out of an extent can split it: only the extent map may grow.
 */
u32 dx_dir_remove_space(struct dx_mount *mp)
{
	return dx_da_bmap_blocks(mp, dx_da_enter_blocks(mp, DX_DATA_FORK), DX_DATA_FORK);
}
