// SPDX-License-Identifier: GPL-2.0-only
/*
 * What quotactl(2) asks for: usage, limits, and what is on.
 *
 * Lock context: none on entry.
 */
#include "dx_quota_int.h"

static void tell(struct dx_quota_use *u, const struct dx_dqres *r)
{
	*u = (struct dx_quota_use) { .used = r->held, .soft = r->soft, .hard = r->hard, .timer = r->timer, .warns = r->warns };
}

static void tell_all(struct dx_dquot *dq, struct dx_quota_rec *rec)
{
	rec->id = dq->id;
	spin_lock(&dq->lock);
	tell(&rec->blk, &dq->blk);
	tell(&rec->ino, &dq->ino);
	tell(&rec->rtb, &dq->rtb);
	spin_unlock(&dq->lock);
}

static bool is_empty(const struct dx_quota_use *u)
{
	return !u->used && !u->soft && !u->hard;
}

/**
 * dx_quota_get - usage and limits of an id
 * @mp: the mount
 * @type: kind
 * @id: user, group or project
 * @rec: out
 *
 * Return: 0; -ESRCH (kind not accounted), -ENOENT (no record), -EIO, -EFSCORRUPTED.
 */
int dx_quota_get(struct dx_mount *mp, enum dx_qtype type, u32 id, struct dx_quota_rec *rec)
{
	struct dx_dquot *dq;
	int error;

	if (!dx_kind_on(mp, type))
		return -ESRCH;
	error = dx_dq_get(mp, type, id, 0, &dq);
	if (error)
		return error;
	tell_all(dq, rec);
	dx_dq_put(dq);
	return 0;
}

/**
 * dx_quota_next - the first record, from an id on, that has usage or a limit
 * @mp: the mount
 * @type: kind
 * @id: where to begin
 * @rec: out; says which it is
 *
 * Return: 0; -ENOENT: there is none; otherwise as dx_quota_get().
 */
int dx_quota_next(struct dx_mount *mp, enum dx_qtype type, u32 id, struct dx_quota_rec *rec)
{
	u32 per = dx_dq_per_block(mp);
	bool look = true;
	int error;

	if (!dx_kind_on(mp, type))
		return -ESRCH;
	for (;;) {
		error = look || id % per == 0 ? dx_dq_next_block(mp, type, &id) : 0;
		if (!error)
			error = dx_quota_get(mp, type, id, rec);
		if (error)
			return error;
		look = false;
		if (!is_empty(&rec->blk) || !is_empty(&rec->ino) || !is_empty(&rec->rtb))
			return 0;
		if (!++id)
			return -ENOENT;
		cond_resched();
	}
}

static void default_of(const struct dx_dqres *r, u64 *soft, u64 *hard, s64 *grace)
{
	*soft = r->soft;
	*hard = r->hard;
	*grace = r->timer ? r->timer : DX_GRACE_DEFAULT;
}

/**
 * dx_dq_set_defaults - what a record of id 0 says holds for its kind
 * @dq: the record
 */
void dx_dq_set_defaults(struct dx_dquot *dq)
{
	struct dx_dqdefaults *def = &dq->mp->quotas->def[dq->type];

	spin_lock(&dq->lock);
	default_of(&dq->blk, &def->blk.soft, &def->blk.hard, &def->blk.grace);
	default_of(&dq->ino, &def->ino.soft, &def->ino.hard, &def->ino.grace);
	default_of(&dq->rtb, &def->rtb.soft, &def->rtb.hard, &def->rtb.grace);
	spin_unlock(&dq->lock);
}

static void change(struct dx_dquot *dq, struct dx_dqres *r, u32 what, const struct dx_quota_use *to, const char *name)
{
	u64 hard = what & DX_QSET_HARD ? to->hard : r->hard, soft = what & DX_QSET_SOFT ? to->soft : r->soft;

	if (what & (DX_QSET_HARD | DX_QSET_SOFT)) {
		if (!hard || hard >= soft) {
			r->hard = hard;
			r->soft = soft;
		} else {
			dx_info(dq->mp, "%s quota of 0x%x: limits of %s are left: the soft one would be above the hard one",
				dx_qkinds[dq->type].name, dq->id, name);
		}
	}
	if (what & DX_QSET_WARNS)
		r->warns = to->warns;
	if (what & DX_QSET_TIMER)
		r->timer = dq->id ? dx_dq_clamp_expiry(dq->mp, to->timer) : clamp_t(s64, to->timer, 0, U32_MAX);
}

/**
 * dx_quota_set - change limits, timers, numbers of warnings
 * @mp: the mount
 * @type: kind
 * @id: user, group or project; 0: what holds for those without limits of their own, and graces
 * @chg: what
 *
 * Makes the record.  A soft limit above the hard one leaves that pair as it was, with a line in the log.
 *
 * Return: 0; -ESRCH (kind not accounted), -EROFS, -ENOSPC, -EIO, -EFSCORRUPTED.
 */
int dx_quota_set(struct dx_mount *mp, enum dx_qtype type, u32 id, const struct dx_quota_change *chg)
{
	struct dx_dquot *dq;
	struct dx_trans *tp;
	int error;

	if (!dx_kind_on(mp, type))
		return -ESRCH;
	if (dx_is_readonly(mp))
		return -EROFS;
	error = dx_dq_get(mp, type, id, DX_DQ_MAKE, &dq);
	if (error)
		return error;
	mutex_lock(&mp->quotas->state);
	error = dx_trans_alloc(mp, DX_RESV_QUOTA_SET, 0, 0, &tp);
	if (error)
		goto out;
	down(&dq->commit);
	spin_lock(&dq->lock);
	change(dq, &dq->blk, chg->blk_set, &chg->blk, "space");
	change(dq, &dq->ino, chg->ino_set, &chg->ino, "inodes");
	change(dq, &dq->rtb, chg->rtb_set, &chg->rtb, "realtime space");
	dx_dq_adjust(dq);
	spin_unlock(&dq->lock);
	dx_dq_join(tp, dq);
	error = dx_trans_commit(tp);
	if (!error && !id)
		dx_dq_set_defaults(dq);
out:
	mutex_unlock(&mp->quotas->state);
	dx_dq_put(dq);
	return error;
}

static void file_state(struct dx_mount *mp, enum dx_qtype t, struct dx_quota_kind_state *k)
{
	struct dx_inode *qip = mp->quotas ? mp->quotas->file[t] : NULL;
	struct dx_dqdefaults *def = mp->quotas ? &mp->quotas->def[t] : NULL;

	k->ino = *dx_kind_ino(mp, t) ?: DX_NULLINO;
	if (!qip)
		return;
	dx_ilock_inner(qip, DX_ILOCK_SHARED);
	k->blocks = qip->d.nblocks;
	k->nextents = qip->df.nextents;
	dx_iunlock(qip, DX_ILOCK_SHARED);
	k->blk_grace = def->blk.grace;
	k->ino_grace = def->ino.grace;
	k->rtb_grace = def->rtb.grace;
}

/**
 * dx_quota_state - what is on, and where it is
 * @mp: the mount
 * @st: out
 */
void dx_quota_state(struct dx_mount *mp, struct dx_quota_state *st)
{
	int t;

	*st = (struct dx_quota_state) { .qflags = mp->qflags, .incore = mp->quotas ? READ_ONCE(mp->quotas->nr) : 0 };
	for (t = 0; t < DX_QTYPES; t++) {
		struct dx_quota_kind_state *k = &st->kind[t];
		struct dx_quota_rec rec;

		k->acct = st->qflags & dx_qkinds[t].acct;
		k->enfd = st->qflags & dx_qkinds[t].enfd;
		file_state(mp, t, k);
		if (k->acct && !dx_quota_get(mp, t, 0, &rec)) {
			k->blk_warns = rec.blk.warns;
			k->ino_warns = rec.ino.warns;
			k->rtb_warns = rec.rtb.warns;
		}
	}
}

/**
 * dx_quota_remove - quota files of kinds that are not accounted lose their blocks, and limits with them
 * @mp: the mount
 * @kinds: 1 << enum dx_qtype
 *
 * Return: 0; -EINVAL: one of them is accounted, or there is none such; -EROFS, -EIO, -EFSCORRUPTED.
 */
int dx_quota_remove(struct dx_mount *mp, unsigned int kinds)
{
	int t, error = 0;

	if (!kinds || kinds >> DX_QTYPES)
		return -EINVAL;
	if (dx_is_readonly(mp))
		return -EROFS;
	mutex_lock(&mp->grow_mutex);
	for (t = 0; t < DX_QTYPES && !error; t++)
		if (kinds & 1u << t && (dx_kind_on(mp, t) || (mp->quotas && mp->quotas->file[t])))
			error = -EINVAL;
	for (t = 0; t < DX_QTYPES && !error; t++)
		if (kinds & 1u << t)
			error = dx_dq_free_file(mp, t);
	mutex_unlock(&mp->grow_mutex);
	return error;
}

/**
 * dx_quota_statfs - what a project may use, for statfs(2) in it
 * @ip: inode that hands its project down
 * @rec: out
 *
 * Return: true when its project is accounted and limits hold.
 */
bool dx_quota_statfs(struct dx_inode *ip, struct dx_quota_rec *rec)
{
	const u16 on = DX_PQUOTA_ACCT | DX_PQUOTA_ENFD;
	struct dx_mount *mp = ip->mp;
	u32 projid;
	bool inherits;

	if ((READ_ONCE(mp->qflags) & on) != on)
		return false;
	dx_ilock(ip, DX_ILOCK_SHARED);
	inherits = ip->d.flags & DX_DIFLAG_PROJINHERIT;
	projid = ip->d.projid;
	dx_iunlock(ip, DX_ILOCK_SHARED);
	return inherits && !dx_quota_get(mp, DX_QPROJ, projid, rec);
}
