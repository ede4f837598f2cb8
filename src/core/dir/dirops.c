// SPDX-License-Identifier: GPL-2.0-only
/*
 * The namespace: lookup, create, symlink, link, remove.  (Rename has a file
 * of its own, dirops_rename.c.)
 *
 * Each change is one chain of transactions: directory entry, link counts and
 * inodes change together or not at all.  The VFS holds the directories' i_rwsem, so the
 * entries that it looked up are still what they were.
 *
 * With parent pointers each name is also an attribute of what it names.  That one's ILOCK is held until the chain has ended: its
 * pointer may be what the last transaction changes (parent.c).
 *
 * Order within a transaction (L1): ILOCKs (a directory before an inode just made; else by number),
 * then AGIs (inode allocation, unlinked lists), then what may take AGFs (directory blocks).  Errors that are to
 * be expected are found before anything is dirty: cancelling a dirty transaction
 * shuts the filesystem down.
 */
#include "dx_dirops.h"
#include "dx_dir.h"
#include "dx_da.h"
#include "dx_quota.h"

const struct dx_name dx_name_dotdot = { .name = (const u8 *)"..", .len = 2, .ftype = DX_DIR3_FT_DIR };

/**
 * dx_ns_trans_flags - transaction flags of a namespace operation
 * @dp: directory
 *
 * Durable at return is what the mount says, or the directory (chattr +S).
 */
u32 dx_ns_trans_flags(struct dx_inode *dp)
{
	struct dx_mount *mp = dp->mp;

	return dx_is_wsync(mp) || mp->opts.dirsync || dp->d.flags & DX_DIFLAG_SYNC ? DX_TRANS_SYNC : 0;
}

/* ---- parent pointers ---- */

/**
 * dx_ns_parent_blocks - blocks to reserve for parent pointers that come, fsblocks
 * @mp: mount
 * @n: how many
 */
u32 dx_ns_parent_blocks(struct dx_mount *mp, int n)
{
	return dx_has_parent(mp) ? n * dx_da_attr_blocks(mp) : 0;
}

/**
 * dx_ns_prepare - before the transaction in which an inode gets a name
 * @ip: the inode, ILOCK not held
 *
 * Where parent pointers came to a volume that had files an inode may have no attribute fork yet.
 *
 * Return: 0, -ENOSPC, -EIO.
 */
int dx_ns_prepare(struct dx_inode *ip)
{
	if (!dx_has_parent(ip->mp) || READ_ONCE(ip->af))
		return 0;
	return ip->mp->dir_above->add_attr_fork(ip, 0, false);
}

/**
 * dx_ns_parent_check - may the names of an inode change so?
 * @ip: the inode, ILOCK held exclusively; nothing is dirty
 * @c: the change
 * @blocks: dx_ns_parent_blocks() are reserved
 *
 * Return: 0, -ENOSPC, -EFBIG, -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_ns_parent_check(struct dx_inode *ip, const struct dx_parent_change *c, bool blocks)
{
	return dx_has_parent(ip->mp) ? ip->mp->dir_above->parent_check(ip, c, blocks) : 0;
}

/**
 * dx_ns_parent_update - the names of an inode change
 * @tp: transaction that changes the directories
 * @ip: the inode, from dx_ns_join_child()
 * @c: the change
 *
 * Return: 0 or -errno.
 */
int dx_ns_parent_update(struct dx_trans *tp, struct dx_inode *ip, const struct dx_parent_change *c)
{
	return dx_has_parent(ip->mp) ? ip->mp->dir_above->parent_update(tp, ip, c) : 0;
}

/**
 * dx_ns_join_child - what is named joins the transaction
 * @tp: transaction
 * @ip: the inode, ILOCK held exclusively; dx_ns_unlock_child() when @tp is committed or cancelled
 */
void dx_ns_join_child(struct dx_trans *tp, struct dx_inode *ip)
{
	dx_trans_ijoin(tp, ip, dx_has_parent(ip->mp) ? 0 : DX_ILOCK_EXCL);
}

/**
 * dx_ns_unlock_child - the chain of dx_ns_join_child() has ended
 * @ip: the inode
 */
void dx_ns_unlock_child(struct dx_inode *ip)
{
	if (dx_has_parent(ip->mp))
		dx_iunlock(ip, DX_ILOCK_EXCL);
}

/* ---- operations ---- */

static bool name_ok(const struct dx_name *name)
{
	return name->len > 0 && name->len < DX_MAXNAMELEN;
}

/**
 * dx_lookup - inode number of a name
 * @dp: directory
 * @name: name; ftype ignored
 * @ino: result
 * @ci_name: where to put the stored spelling on a case-insensitive volume, or NULL
 *
 * Return: 0, -ENOENT, -ENAMETOOLONG, -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_lookup(struct dx_inode *dp, const struct dx_name *name, dx_ino_t *ino, struct dx_name *ci_name)
{
	int mode, error;

	if (dx_is_shutdown(dp->mp))
		return -EIO;
	if (name->len >= DX_MAXNAMELEN)
		return -ENAMETOOLONG;
	mode = dx_ilock_data_map_shared(dp);
	error = dx_dir_lookup(NULL, dp, name, ino, ci_name);
	dx_iunlock(dp, mode);
	return error;
}

/* ---- quota ---- */

/*
 * Who owns what is about to be made in @dp, with @blocks of its own: may they?  *made: @a as it will be.  No locks; @o is to be
 * put.  Others may change what @dp hands down until it is locked: then the new inode begins with what it was.
 */
static int get_owner(struct dx_inode *dp, const struct dx_create_args *a, u64 blocks, struct dx_payer *o,
		     struct dx_create_args *made)
{
	int error = dx_quota_attach(dp);

	*made = *a;
	if (READ_ONCE(dp->d.flags) & DX_DIFLAG_PROJINHERIT)
		made->projid = READ_ONCE(dp->d.projid);
	*o = (struct dx_payer) { };
	if (!error)
		error = dx_payer_get(dp->mp, o, DX_PAYER_ALL, made->uid, made->gid, made->projid);
	if (!error)
		error = dx_payer_reserve(o, blocks);
	if (error)
		dx_payer_put(o);
	return error;
}

/**
 * dx_ns_attach - have the quota of two inodes at hand
 * @a: inode
 * @b: another
 *
 * Return: 0, -EIO.
 */
int dx_ns_attach(struct dx_inode *a, struct dx_inode *b)
{
	return dx_quota_attach(a) ?: dx_quota_attach(b);
}

/**
 * dx_ns_may_enter - may the owners of a directory have what one name more can take?
 * @tp: transaction or NULL; clean
 * @dp: directory, ILOCK exclusive
 * @name: the name
 * @ino: what it is to refer to, or the largest that it can be
 * @blocks: that are reserved of free space
 *
 * Near a limit not the worst case decides, but whether the name fits into the blocks that there are.
 *
 * Return: 0, -EDQUOT, -ENOSPC, -EIO, -EFSCORRUPTED.
 */
int dx_ns_may_enter(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, u32 blocks)
{
	int error = dx_quota_reserve(dp, blocks), room;

	if (error != -EDQUOT && error != -ENOSPC)
		return error;
	room = dx_dir_has_room(tp, dp, name, ino);
	return room == -ENOSPC ? error : room;
}

/**
 * dx_ns_foreign - is an inode to stay out of a directory, whose tree accounts its space together?
 * @dp: the directory, ILOCK held
 * @ip: the inode, ILOCK held
 *
 * What sets up such a tree passes over devices, pipes and sockets: those without a project are at home in each.
 */
bool dx_ns_foreign(const struct dx_inode *dp, const struct dx_inode *ip)
{
	bool special = !S_ISREG(ip->d.mode) && !S_ISDIR(ip->d.mode) && !S_ISLNK(ip->d.mode);

	return (dp->d.flags & DX_DIFLAG_PROJINHERIT) && dp->d.projid != ip->d.projid && (ip->d.projid || !special);
}

/*
 * A number and its in-core inode, locked, from dx_ns_join_child().  @dp is locked but not joined
 * yet, as making a chunk of inodes rolls the transaction.
 */
static int make_new_inode(struct dx_trans **tpp, struct dx_inode *dp, const struct dx_create_args *a, struct dx_payer *o,
			  u32 nlink, struct dx_inode **ipp)
{
	struct dx_inode *ip;
	dx_ino_t ino;
	int error;

	error = dx_new_ino(tpp, dp->ino, a->mode, dp, &ino);
	if (error)
		return error;
	if (ino == DX_NULLINO)
		return -ENOSPC;
	error = dx_iget(dp->mp, *tpp, ino, DX_IGET_CREATE, &ip);
	if (error)
		return error;
	dx_ilock_child(ip);
	dx_ns_join_child(*tpp, ip);
	dx_payer_give(ip, o);
	dx_inode_init_new(*tpp, dp, ip, a, nlink);
	*ipp = ip;
	return 0;
}

/* After an error: @ip from make_new_inode(), or NULL. */
static void drop_child(struct dx_inode *ip)
{
	if (!ip)
		return;
	dx_ns_unlock_child(ip);
	dx_idrop(ip);
}

/**
 * dx_create - make a file, directory, device, pipe or socket
 * @dp: directory
 * @name: new name, not in @dp yet; ftype set
 * @a: mode with type, owner
 * @ipp: result, referenced, unlocked
 *
 * Return: 0, -ENOSPC, -EDQUOT, -ENOENT (@dp was removed), -EMLINK, -ENAMETOOLONG, -EROFS, -EIO.
 */
int dx_create(struct dx_inode *dp, const struct dx_name *name, const struct dx_create_args *a, struct dx_inode **ipp)
{
	struct dx_mount *mp = dp->mp;
	const struct dx_parent_change parent = { .new = DX_PARENT_NAME(dp, name) };
	bool is_dir = S_ISDIR(a->mode);
	struct dx_create_args made;
	struct dx_inode *ip = NULL;
	struct dx_payer owner;
	struct dx_trans *tp;
	bool dp_joined = false;
	u32 blocks;
	int error;

	*ipp = NULL;
	if (!name_ok(name))
		return -ENAMETOOLONG;
	error = get_owner(dp, a, 0, &owner, &made);
	if (error)
		return error;
	blocks = dx_dialloc_space(mp) + dx_dir_enter_space(mp, name->len);
	error = dx_trans_alloc(mp, is_dir ? DX_RESV_MKDIR : DX_RESV_CREATE, blocks, dx_ns_trans_flags(dp), &tp);
	if (error)
		goto out_owner;

	dx_ilock(dp, DX_ILOCK_EXCL);
	error = -ENOENT;
	if (!dp->d.nlink)
		goto out_cancel;
	error = -EMLINK;
	if (is_dir && dp->d.nlink >= DX_MAXLINK)
		goto out_cancel;
	error = dx_ns_may_enter(NULL, dp, name, dx_largest_ino(mp), blocks - dx_dialloc_space(mp));
	if (error)
		goto out_cancel;
	error = make_new_inode(&tp, dp, &made, &owner, is_dir ? 2 : 1, &ip);
	if (error)
		goto out_cancel;
	dx_trans_ijoin(tp, dp, DX_ILOCK_EXCL);
	dp_joined = true;

	error = dx_dir_enter_name(tp, dp, name, ip->ino, blocks - dx_dialloc_space(mp));
	if (error)
		goto out_cancel;
	dx_trans_set_time(tp, dp, DX_ICHGTIME_MOD | DX_ICHGTIME_CHG);
	dx_trans_log_inode(tp, dp, DX_ILOG_CORE);
	if (is_dir) {
		error = dx_dir_init(tp, ip, dp->ino);
		if (error)
			goto out_cancel;
		dx_link_add(tp, dp);
	}
	/* a fresh fork in the inode has room for it */
	error = dx_ns_parent_update(tp, ip, &parent);
	if (error)
		goto out_cancel;
	error = dx_trans_commit(tp);
	if (error)
		goto out_rele;
	dx_ns_unlock_child(ip);
	dx_payer_put(&owner);
	*ipp = ip;
	return 0;

out_cancel:
	dx_trans_cancel(tp);
	if (!dp_joined)
		dx_iunlock(dp, DX_ILOCK_EXCL);
out_rele:
	drop_child(ip);
out_owner:
	dx_payer_put(&owner);
	return error;
}

/**
 * dx_create_tmpfile - make a file without a name
 * @dp: directory that it takes its inheritance and place from
 * @a: mode with type, owner
 * @ipp: result, referenced, unlocked; nlink 0, on its unlinked list; dx_link() may name it
 *
 * Return: 0, -ENOSPC, -EDQUOT, -EROFS, -EIO.
 */
int dx_create_tmpfile(struct dx_inode *dp, const struct dx_create_args *a, struct dx_inode **ipp)
{
	struct dx_mount *mp = dp->mp;
	struct dx_create_args made;
	struct dx_inode *ip = NULL;
	struct dx_payer owner;
	struct dx_trans *tp;
	int error;

	*ipp = NULL;
	error = get_owner(dp, a, 0, &owner, &made);
	if (error)
		return error;
	error = dx_trans_alloc(mp, DX_RESV_CREATE_TMPFILE, dx_dialloc_space(mp), dx_ns_trans_flags(dp), &tp);
	if (error)
		goto out_owner;
	/* its flags are read; exclusively, as it must be logged when the transaction rolls */
	dx_ilock(dp, DX_ILOCK_EXCL);
	error = make_new_inode(&tp, dp, &made, &owner, 0, &ip);
	dx_iunlock(dp, DX_ILOCK_EXCL);
	if (!error)
		error = dx_unlinked_add(tp, ip);
	if (error) {
		dx_trans_cancel(tp);
		goto out_rele;
	}
	error = dx_trans_commit(tp);
	if (error)
		goto out_rele;
	dx_ns_unlock_child(ip);
	dx_payer_put(&owner);
	*ipp = ip;
	return 0;

out_rele:
	drop_child(ip);
out_owner:
	dx_payer_put(&owner);
	return error;
}

/* Short targets live inside the inode. */
static int write_target(struct dx_trans *tp, struct dx_inode *ip, const char *target, int len, u32 blocks)
{
	int error;

	if (len > dx_inode_dfork_size(ip))
		return dx_symlink_remote_write(tp, ip, target, len, blocks);
	ip->df.format = DX_DINODE_FMT_LOCAL;
	error = dx_fork_local_resize(ip, DX_DATA_FORK, len);
	if (error)
		return error;
	memcpy(ip->df.data, target, len);
	ip->d.size = len;
	dx_trans_log_inode(tp, ip, DX_ILOG_DDATA | DX_ILOG_CORE);
	return 0;
}

/**
 * dx_symlink - make a symbolic link
 * @dp: directory
 * @name: new name, not in @dp yet; ftype set
 * @target: NUL-terminated
 * @a: mode S_IFLNK | 0777, owner
 * @ipp: result, referenced, unlocked
 *
 * Return: 0, -ENAMETOOLONG (name, or target past 1024 bytes less one), -EPERM (directory
 * forbids symlinks), -ENOSPC, -EDQUOT, -ENOENT, -EROFS, -EIO.
 */
int dx_symlink(struct dx_inode *dp, const struct dx_name *name, const char *target, const struct dx_create_args *a,
	       struct dx_inode **ipp)
{
	struct dx_mount *mp = dp->mp;
	const struct dx_parent_change parent = { .new = DX_PARENT_NAME(dp, name) };
	int len = strlen(target);
	struct dx_create_args made;
	struct dx_inode *ip = NULL;
	struct dx_payer owner;
	bool dp_joined = false;
	u32 blocks, tblocks = 0;
	struct dx_trans *tp;
	int error;

	*ipp = NULL;
	if (!name_ok(name) || len >= DX_SYMLINK_MAXLEN)
		return -ENAMETOOLONG;
	if (!len)
		return -ENOENT;
	/* an attribute fork made at once may leave less than the literal area */
	if (len > dx_inode_litino(mp) || a->init_xattrs || dx_has_parent(mp))
		tblocks = dx_symlink_blocks(mp, len);
	error = get_owner(dp, a, tblocks, &owner, &made);
	if (error)
		return error;
	blocks = dx_dialloc_space(mp) + dx_dir_enter_space(mp, name->len) + tblocks + dx_ns_parent_blocks(mp, 1);
	error = dx_trans_alloc(mp, DX_RESV_SYMLINK, blocks, dx_ns_trans_flags(dp), &tp);
	if (error)
		goto out_owner;

	dx_ilock(dp, DX_ILOCK_EXCL);
	error = -EPERM;
	if (dp->d.flags & DX_DIFLAG_NOSYMLINKS)
		goto out_cancel;
	error = -ENOENT;
	if (!dp->d.nlink)
		goto out_cancel;
	error = dx_ns_may_enter(NULL, dp, name, dx_largest_ino(mp), dx_dir_enter_space(mp, name->len));
	if (error)
		goto out_cancel;
	error = make_new_inode(&tp, dp, &made, &owner, 1, &ip);
	if (error)
		goto out_cancel;
	dx_trans_ijoin(tp, dp, DX_ILOCK_EXCL);
	dp_joined = true;

	error = write_target(tp, ip, target, len, tblocks);
	if (error)
		goto out_cancel;
	error = dx_dir_enter_name(tp, dp, name, ip->ino, dx_dir_enter_space(mp, name->len));
	if (error)
		goto out_cancel;
	dx_trans_set_time(tp, dp, DX_ICHGTIME_MOD | DX_ICHGTIME_CHG);
	dx_trans_log_inode(tp, dp, DX_ILOG_CORE);
	error = dx_ns_parent_update(tp, ip, &parent);
	if (error)
		goto out_cancel;
	error = dx_trans_commit(tp);
	if (error)
		goto out_rele;
	dx_ns_unlock_child(ip);
	dx_payer_put(&owner);
	*ipp = ip;
	return 0;

out_cancel:
	dx_trans_cancel(tp);
	if (!dp_joined)
		dx_iunlock(dp, DX_ILOCK_EXCL);
out_rele:
	drop_child(ip);
out_owner:
	dx_payer_put(&owner);
	return error;
}

/**
 * dx_link - one more name for an inode
 * @dp: directory
 * @sip: not a directory; nlink may be 0 (an O_TMPFILE one)
 * @name: new name, not in @dp yet; ftype set
 *
 * Return: 0, -EXDEV (project differs from what @dp passes on), -EMLINK,
 * -ENOSPC, -EDQUOT, -EFBIG (no more parent pointers), -ENAMETOOLONG, -EROFS, -EIO.
 */
int dx_link(struct dx_inode *dp, struct dx_inode *sip, const struct dx_name *name)
{
	struct dx_mount *mp = dp->mp;
	const struct dx_parent_change parent = { .new = DX_PARENT_NAME(dp, name) };
	u32 blocks, flags = dx_ns_trans_flags(dp);
	struct dx_trans *tp;
	int error;

	if (!name_ok(name))
		return -ENAMETOOLONG;
	error = dx_ns_prepare(sip);
	if (!error)
		error = dx_ns_attach(dp, sip);
	if (error)
		return error;
	blocks = dx_dir_enter_space(mp, name->len);
	error = dx_trans_alloc(mp, DX_RESV_LINK, blocks + dx_ns_parent_blocks(mp, 1), flags, &tp);
	if (error == -ENOSPC) {
		/* the directory may have room without a new block, and the inode, too */
		blocks = 0;
		error = dx_trans_alloc(mp, DX_RESV_LINK, 0, flags, &tp);
	}
	if (error)
		return error;

	dx_ilock_two(dp, sip);
	dx_trans_ijoin(tp, dp, DX_ILOCK_EXCL);
	dx_ns_join_child(tp, sip);

	error = -ENOENT;
	if (!dp->d.nlink)
		goto out_cancel;
	error = -EMLINK;
	if (sip->d.nlink >= DX_MAXLINK)
		goto out_cancel;
	error = -EXDEV;
	if (dx_ns_foreign(dp, sip))
		goto out_cancel;
	error = blocks ? dx_ns_may_enter(tp, dp, name, sip->ino, blocks) : dx_dir_has_room(tp, dp, name, sip->ino);
	if (error)
		goto out_cancel;
	error = dx_ns_parent_check(sip, &parent, blocks);
	if (error)
		goto out_cancel;

	if (!sip->d.nlink) {
		error = dx_unlinked_remove(tp, NULL, sip);
		if (error)
			goto out_cancel;
	}
	error = dx_dir_enter_name(tp, dp, name, sip->ino, blocks);
	if (error)
		goto out_cancel;
	dx_trans_set_time(tp, dp, DX_ICHGTIME_MOD | DX_ICHGTIME_CHG);
	dx_trans_log_inode(tp, dp, DX_ILOG_CORE);
	dx_link_add(tp, sip);
	error = dx_ns_parent_update(tp, sip, &parent);
	if (error)
		goto out_cancel;
	error = dx_trans_commit(tp);
	dx_ns_unlock_child(sip);
	return error;

out_cancel:
	dx_trans_cancel(tp);
	dx_ns_unlock_child(sip);
	return error;
}

/**
 * dx_remove_trans - transaction of something that frees more than it takes
 * @dp: directory
 * @type: kind
 * @blocks: in: worst case; out: 0 when there was not even the reserve, and the directory code
 *	has to do without allocating
 * @tpp: result
 *
 * Return: 0 or -errno, -ENOSPC never.
 */
int dx_remove_trans(struct dx_inode *dp, enum dx_resv type, u32 *blocks, struct dx_trans **tpp)
{
	struct dx_mount *mp = dp->mp;
	u32 flags = dx_ns_trans_flags(dp);
	int error;

	error = dx_trans_alloc(mp, type, *blocks, flags, tpp);
	if (error == -ENOSPC)
		error = dx_trans_alloc(mp, type, *blocks, flags | DX_TRANS_RESERVE, tpp);
	if (error == -ENOSPC) {
		*blocks = 0;
		error = dx_trans_alloc(mp, type, 0, flags | DX_TRANS_RESERVE, tpp);
	}
	return error;
}

/* A directory goes only when nothing is in it, neither a subdirectory (each is a link of it) nor a name. */
static int check_removable(struct dx_inode *dp, struct dx_inode *ip)
{
	bool empty = true;
	int error;

	if (!S_ISDIR(ip->d.mode))
		return dx_link_may_drop(ip, 1);
	error = dx_link_may_drop(ip, 2) ?: dx_link_may_drop(dp, DX_LINKS_OF_PARENT);
	if (!error && ip->d.nlink == 2)
		error = dx_dir_isempty(ip, &empty);
	if (error)
		return error;
	return ip->d.nlink == 2 && empty ? 0 : -ENOTEMPTY;
}

/* Every name that goes is one link less of what it named: a directory takes its '.' and '..' along. */
static int drop_links(struct dx_trans *tp, struct dx_inode *dp, struct dx_inode *ip)
{
	struct dx_inode *named[] = { ip, ip, dp };
	int i, n = S_ISDIR(ip->d.mode) ? ARRAY_SIZE(named) : 1, error = 0;

	for (i = 0; i < n && !error; i++)
		error = dx_link_drop(tp, named[i]);
	return error;
}

/**
 * dx_remove - remove a name: unlink, or rmdir when it is a directory's
 * @dp: directory
 * @name: its entry
 * @ip: inode that the entry names
 *
 * The links go before the name: the last one puts the inode on its AG's unlinked list, under the AGI, and
 * to change the directory may take an AGF (L1).
 *
 * Return: 0, -ENOTEMPTY, -EROFS, -EIO; never -ENOSPC for want of free blocks.
 */
int dx_remove(struct dx_inode *dp, const struct dx_name *name, struct dx_inode *ip)
{
	const struct dx_parent_change parent = { .old = DX_PARENT_NAME(dp, name) };
	struct dx_mount *mp = dp->mp;
	u32 dir_blocks = dx_dir_remove_space(mp), blocks = dir_blocks + dx_ns_parent_blocks(mp, 1);
	struct dx_trans *tp;
	int error;

	dx_icache_throttle(ip);
	error = dx_ns_attach(dp, ip);
	if (!error)
		error = dx_remove_trans(dp, DX_RESV_REMOVE, &blocks, &tp);
	if (error)
		return error;
	dx_ilock_two(dp, ip);
	dx_trans_ijoin(tp, dp, DX_ILOCK_EXCL);
	dx_ns_join_child(tp, ip);

	error = check_removable(dp, ip);
	if (!error)
		error = dx_ns_parent_check(ip, &parent, blocks);
	if (!error)
		error = drop_links(tp, dp, ip);
	if (!error)
		error = dx_dir_erase_name(tp, dp, name, ip->ino, blocks ? dir_blocks : 0);
	if (!error)
		error = dx_ns_parent_update(tp, ip, &parent);
	if (!error) {
		dx_trans_set_time(tp, dp, DX_ICHGTIME_MOD | DX_ICHGTIME_CHG);
		dx_trans_log_inode(tp, dp, DX_ILOG_CORE);
	}
	error = dx_trans_end(tp, error);
	dx_ns_unlock_child(ip);
	return error;
}
