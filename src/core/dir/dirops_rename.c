// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rename: move a name, replace what it names, exchange two, or leave a whiteout behind.
 *
 * One transaction over up to five inodes, locked in order of their numbers.  The order of
 * changes follows L1: link counts first (a target whose last link goes enters
 * an unlinked list: AGI), then directory entries (AGF).
 *
 * Directory link counts: each subdirectory's '..' is a link to its parent, each
 * directory's '.' one to itself.
 */
#include "dx_dirops.h"
#include "dx_dir.h"

struct rename {
	struct dx_trans		*tp;
	struct dx_inode		*sdp, *sip, *tdp, *tip, *wip;	/* tip and wip may be NULL */
	const struct dx_name	*sname, *tname;
	u32			blocks, enter_blocks;		/* in all; those for the new name */
	bool			new_parent;
	bool			is_dir;				/* sip is one */
	bool			exchange;
};

static void touch_dir(struct dx_trans *tp, struct dx_inode *dp)
{
	dx_trans_set_time(tp, dp, DX_ICHGTIME_MOD | DX_ICHGTIME_CHG);
	dx_trans_log_inode(tp, dp, DX_ILOG_CORE);
}

static void touch(struct dx_trans *tp, struct dx_inode *ip)
{
	dx_trans_set_time(tp, ip, DX_ICHGTIME_CHG);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
}

/* Let @ip, a directory that moves from @from to @to, know its new parent. */
static int reparent(struct rename *r, struct dx_inode *ip, struct dx_inode *to)
{
	return dx_dir_replace(r->tp, ip, &dx_name_dotdot, to->ino, r->blocks);
}

/* ---- parent pointers ---- */

static struct dx_parent_change source_change(const struct rename *r)
{
	return (struct dx_parent_change) { DX_PARENT_NAME(r->sdp, r->sname), DX_PARENT_NAME(r->tdp, r->tname) };
}

static struct dx_parent_change target_change(const struct rename *r)
{
	struct dx_parent_change c = { .old = DX_PARENT_NAME(r->tdp, r->tname) };

	if (r->exchange)
		c.new = (struct dx_parent_name)DX_PARENT_NAME(r->sdp, r->sname);
	return c;
}

static int check_parents(const struct rename *r)
{
	struct dx_parent_change s = source_change(r), t = target_change(r);
	int error = dx_ns_parent_check(r->sip, &s, r->blocks);

	return error || !r->tip ? error : dx_ns_parent_check(r->tip, &t, r->blocks);
}

static int update_parents(const struct rename *r)
{
	struct dx_parent_change s = source_change(r), t = target_change(r);
	struct dx_parent_change w = { .new = DX_PARENT_NAME(r->sdp, r->sname) };
	int error = dx_ns_parent_update(r->tp, r->sip, &s);

	if (!error && r->tip)
		error = dx_ns_parent_update(r->tp, r->tip, &t);
	if (!error && r->wip)
		error = dx_ns_parent_update(r->tp, r->wip, &w);
	return error;
}

static void unlock_children(const struct rename *r)
{
	dx_ns_unlock_child(r->sip);
	if (r->tip)
		dx_ns_unlock_child(r->tip);
	if (r->wip)
		dx_ns_unlock_child(r->wip);
}

/*
 * May @name in @dp become another's, while nothing is dirty?  Where that takes blocks for the sake of a wider number, they must be
 * reserved, and the owners may have them.
 */
static int may_become(struct rename *r, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino)
{
	int error = dx_dir_replace_has_room(dp, name, ino);

	return error == -ENOSPC && r->blocks ? dx_quota_reserve(dp, dp->mp->dirblkfsbs) : error;
}

static int may_reparent(struct rename *r, struct dx_inode *dir, struct dx_inode *to)
{
	return r->new_parent && S_ISDIR(dir->d.mode) ? may_become(r, dir, &dx_name_dotdot, to->ino) : 0;
}

static int exchange(struct rename *r)
{
	bool s_dir = S_ISDIR(r->sip->d.mode), t_dir = S_ISDIR(r->tip->d.mode);
	struct dx_trans *tp = r->tp;
	struct dx_name name;
	int error;

	error = may_become(r, r->sdp, r->sname, r->tip->ino) ?: may_become(r, r->tdp, r->tname, r->sip->ino) ?:
		may_reparent(r, r->sip, r->tdp) ?: may_reparent(r, r->tip, r->sdp);
	if (error)
		return error;
	if (r->new_parent && s_dir != t_dir) {
		struct dx_inode *gains = s_dir ? r->tdp : r->sdp;
		struct dx_inode *loses = s_dir ? r->sdp : r->tdp;

		if (gains->d.nlink >= DX_MAXLINK)
			return -EMLINK;
		error = dx_link_may_drop(loses, DX_LINKS_OF_PARENT);
		if (error)
			return error;
		dx_link_add(tp, gains);
		error = dx_link_drop(tp, loses);
		if (error)
			return error;
	}
	name = *r->sname;
	name.ftype = dx_mode_to_ftype(r->tip->d.mode);
	error = dx_dir_replace(tp, r->sdp, &name, r->tip->ino, r->blocks);
	if (error)
		return error;
	name = *r->tname;
	name.ftype = dx_mode_to_ftype(r->sip->d.mode);
	error = dx_dir_replace(tp, r->tdp, &name, r->sip->ino, r->blocks);
	if (error)
		return error;
	if (r->new_parent) {
		error = s_dir ? reparent(r, r->sip, r->tdp) : 0;
		if (!error && t_dir)
			error = reparent(r, r->tip, r->sdp);
		if (error)
			return error;
	}
	touch(tp, r->sip);
	touch(tp, r->tip);
	touch_dir(tp, r->sdp);
	if (r->new_parent)
		touch_dir(tp, r->tdp);
	return 0;
}

/* What can be refused while nothing is dirty. */
static int check_move(struct rename *r)
{
	bool empty;
	int error;

	error = may_reparent(r, r->sip, r->tdp);
	if (!error && r->wip)
		error = may_become(r, r->sdp, r->sname, r->wip->ino);
	if (!error && r->tip)
		error = may_become(r, r->tdp, r->tname, r->sip->ino) ?: dx_link_may_drop(r->tip, r->is_dir ? 2 : 1);
	if (!error && r->is_dir && (r->new_parent || r->tip))
		error = dx_link_may_drop(r->sdp, DX_LINKS_OF_PARENT);
	if (error)
		return error;
	if (!r->tip) {
		if (r->new_parent && r->is_dir && r->tdp->d.nlink >= DX_MAXLINK)
			return -EMLINK;
		return r->blocks ? dx_ns_may_enter(r->tp, r->tdp, r->tname, r->sip->ino, r->enter_blocks) :
				   dx_dir_has_room(r->tp, r->tdp, r->tname, r->sip->ino);
	}
	if (!S_ISDIR(r->tip->d.mode))
		return 0;
	if (r->tip->d.nlink > 2)
		return -EEXIST;
	error = dx_dir_isempty(r->tip, &empty);
	return error ? error : empty ? 0 : -EEXIST;
}

/* The whiteout gets its name: it leaves the unlinked list that it was made on. */
static int link_whiteout(struct rename *r)
{
	int error = dx_unlinked_remove(r->tp, NULL, r->wip);

	if (!error)
		dx_link_add(r->tp, r->wip);
	return error;
}

static int unlink_target(struct rename *r)
{
	int error = dx_link_drop(r->tp, r->tip);

	/* a directory's '.'; VFS has checked that both are directories or neither */
	if (!error && S_ISDIR(r->tip->d.mode))
		error = dx_link_drop(r->tp, r->tip);
	return error;
}

static int move_links(struct rename *r)
{
	/* both may take an AGI, and those are taken in ascending order (L1) */
	bool whiteout_first = r->wip && r->tip && r->wip->ino < r->tip->ino;
	int error = 0;

	if (whiteout_first)
		error = link_whiteout(r);
	if (!error && r->tip)
		error = unlink_target(r);
	else if (!error && r->new_parent && r->is_dir)
		dx_link_add(r->tp, r->tdp);
	if (!error && r->wip && !whiteout_first)
		error = link_whiteout(r);
	/*
	 * The old parent loses sip's '..' to the new one; there, a directory that was replaced
	 * makes up for the gain.  In one directory it is the replaced one's '..' that goes.
	 */
	if (!error && r->is_dir && (r->new_parent || r->tip))
		error = dx_link_drop(r->tp, r->sdp);
	return error;
}

static int move_entries(struct rename *r)
{
	struct dx_name name = *r->tname;
	int error;

	name.ftype = dx_mode_to_ftype(r->sip->d.mode);
	if (r->tip)
		error = dx_dir_replace(r->tp, r->tdp, &name, r->sip->ino, r->blocks);
	else
		error = dx_dir_enter_name(r->tp, r->tdp, &name, r->sip->ino, r->blocks);
	if (!error && r->new_parent && r->is_dir)
		error = reparent(r, r->sip, r->tdp);
	if (error)
		return error;
	if (!r->wip)
		return dx_dir_erase_name(r->tp, r->sdp, r->sname, r->sip->ino, r->blocks);
	name = *r->sname;
	name.ftype = dx_mode_to_ftype(r->wip->d.mode);
	return dx_dir_replace(r->tp, r->sdp, &name, r->wip->ino, r->blocks);
}

static int move(struct rename *r)
{
	int error;

	error = check_move(r);
	if (error)
		return error;
	error = move_links(r);
	if (error)
		return error;
	touch(r->tp, r->sip);
	touch_dir(r->tp, r->sdp);
	if (r->new_parent)
		touch_dir(r->tp, r->tdp);
	return move_entries(r);
}

/**
 * dx_rename - rename
 * @sdp: directory of the old name
 * @sname: old name
 * @sip: what it names
 * @tdp: directory of the new name, may be @sdp
 * @tname: new name
 * @tip: what it names, or NULL
 * @wip: with DX_RENAME_WHITEOUT, what @sname names from then on: from dx_create_tmpfile(), and seen by
 *	nobody else; NULL without. After an error it still has no name.
 * @flags: DX_RENAME_*
 *
 * The VFS has checked that no directory moves below itself and that a directory replaces a
 * directory only.
 *
 * Return: 0, -EEXIST (target directory not empty, NOREPLACE), -EXDEV (project), -EMLINK, -ENOSPC, -EDQUOT, -EFBIG,
 * -EINVAL, -EROFS, -EIO.
 */
int dx_rename(struct dx_inode *sdp, const struct dx_name *sname, struct dx_inode *sip,
	      struct dx_inode *tdp, const struct dx_name *tname, struct dx_inode *tip,
	      struct dx_inode *wip, u32 flags)
{
	struct dx_mount *mp = sdp->mp;
	struct rename r = {
		.sdp = sdp, .sip = sip, .tdp = tdp, .tip = tip, .wip = wip, .sname = sname, .tname = tname,
		.new_parent = sdp != tdp, .is_dir = S_ISDIR(sip->d.mode), .exchange = flags & DX_RENAME_EXCHANGE,
	};
	struct dx_inode *ips[5] = { sdp, tdp, sip, tip, wip };
	u32 parent_blocks, tflags;
	int i, error;

	if (flags & ~(DX_RENAME_NOREPLACE | DX_RENAME_EXCHANGE | DX_RENAME_WHITEOUT))
		return -EINVAL;
	if (!(flags & DX_RENAME_WHITEOUT) != !wip || (wip && (flags & DX_RENAME_EXCHANGE)))
		return -EINVAL;
	if ((flags & DX_RENAME_NOREPLACE) && ((flags & DX_RENAME_EXCHANGE) || tip))
		return tip ? -EEXIST : -EINVAL;
	if ((flags & DX_RENAME_EXCHANGE) && !tip)
		return -ENOENT;
	if (tname->len <= 0 || tname->len >= DX_MAXNAMELEN)
		return -ENAMETOOLONG;

	error = dx_ns_prepare(sip);
	if (!error && r.exchange)
		error = dx_ns_prepare(tip);
	if (error)
		return error;
	if (tip && !r.exchange)
		dx_icache_throttle(tip);
	error = dx_ns_attach(sdp, sip) ?: dx_ns_attach(tdp, tip ?: sip);
	if (error)
		return error;
	r.enter_blocks = dx_dir_enter_space(mp, tname->len);
	r.blocks = dx_dir_remove_space(mp) + r.enter_blocks;
	parent_blocks = dx_ns_parent_blocks(mp, tip ? 2 : 1);
	tflags = dx_ns_trans_flags(sdp) | dx_ns_trans_flags(tdp);
	error = dx_trans_alloc(mp, DX_RESV_RENAME, r.blocks + parent_blocks, tflags, &r.tp);
	if (error == -ENOSPC && !wip) {
		/* the directories may have room without new blocks, and the inodes, too */
		r.blocks = 0;
		error = dx_trans_alloc(mp, DX_RESV_RENAME, 0, tflags, &r.tp);
	}
	if (error)
		return error;

	dx_ilock_many(ips, ARRAY_SIZE(ips));
	for (i = 0; i < ARRAY_SIZE(ips) && ips[i]; i++) {
		if (i && ips[i] == ips[i - 1])
			continue;
		if (ips[i] == sip || ips[i] == tip || ips[i] == wip)
			dx_ns_join_child(r.tp, ips[i]);
		else
			dx_trans_ijoin(r.tp, ips[i], DX_ILOCK_EXCL);
	}

	error = -ENOENT;
	if (!tdp->d.nlink)
		goto out_cancel;
	/* no hard links and no moves out of a tree that accounts its space together */
	error = -EXDEV;
	if (dx_ns_foreign(tdp, sip) || (r.exchange && sdp != tdp && dx_ns_foreign(sdp, tip)))
		goto out_cancel;

	error = check_parents(&r);
	if (error)
		goto out_cancel;

	error = r.exchange ? exchange(&r) : move(&r);
	if (!error)
		error = update_parents(&r);
	if (error)
		goto out_cancel;
	error = dx_trans_commit(r.tp);
	unlock_children(&r);
	return error;

out_cancel:
	dx_trans_cancel(r.tp);
	unlock_children(&r);
	return error;
}
