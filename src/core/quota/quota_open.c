// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quota is turned on with the mount, and stays so.
 *
 * Usage that has been counted is right as long as everything is charged, what recovery does included.  So where it has
 * been, by the mount before, quota is on from the first transaction of this one (dx_quota_open_early()); where not, when recovery
 * is over (dx_quota_open()): files are made, usage is counted.  On a read-only mount that must wait until it becomes read-write.
 *
 * If it cannot be, the volume is mounted without, with a line in the log that says why.
 *
 * Enforcement can be turned off and on meanwhile; accounting not.
 *
 * Context: mount and remount, but for the latter.
 */
#include "dx_quota_int.h"

static bool wanted(struct dx_mount *mp, enum dx_qtype t)
{
	return mp->opts.quota & dx_qkinds[t].acct;
}

static u16 all_checked(u16 acct)
{
	u16 chkd = 0;
	int t;

	for (t = 0; t < DX_QTYPES; t++)
		if (acct & dx_qkinds[t].acct)
			chkd |= dx_qkinds[t].chkd;
	return chkd;
}

static void close_files(struct dx_mount *mp)
{
	int t;

	for (t = 0; t < DX_QTYPES; t++) {
		if (mp->quotas->file[t])
			dx_idrop(mp->quotas->file[t]);
		mp->quotas->file[t] = NULL;
	}
}

static int open_files(struct dx_mount *mp, bool make)
{
	int t, error = 0;

	for (t = 0; t < DX_QTYPES && !error; t++) {
		if (!wanted(mp, t))
			continue;
		error = dx_dq_open_file(mp, t, &mp->quotas->file[t]);
		if (error == -ENOENT && make) {
			error = dx_dq_make_file(mp, t);
			if (!error)
				error = dx_dq_open_file(mp, t, &mp->quotas->file[t]);
		}
	}
	if (error)
		close_files(mp);
	return error;
}

/* What the record of id 0 says. */
static int get_defaults(struct dx_mount *mp, bool make)
{
	int t, error;

	for (t = 0; t < DX_QTYPES; t++) {
		struct dx_dqdefaults *def = &mp->quotas->def[t];
		struct dx_dquot *dq;

		if (!wanted(mp, t))
			continue;
		def->blk.grace = def->ino.grace = def->rtb.grace = DX_GRACE_DEFAULT;
		error = dx_dq_get(mp, t, 0, make ? DX_DQ_MAKE : 0, &dq);
		if (error == -ENOENT)
			continue;
		if (error)
			return error;
		dx_dq_set_defaults(dq);
		dx_dq_put(dq);
	}
	return 0;
}

/* For the log: which kinds, and whether limits hold. */
static void say_what(struct dx_mount *mp)
{
	int t;

	for (t = 0; t < DX_QTYPES; t++)
		if (mp->qflags & dx_qkinds[t].acct)
			dx_info(mp, "%s quota is accounted%s", dx_qkinds[t].name,
				mp->qflags & dx_qkinds[t].enfd ? " and enforced" : "");
}

static void give_up(struct dx_mount *mp, int error)
{
	close_files(mp);
	dx_err(mp, "quota cannot be turned on: error %d; mounted without it", error);
}

/**
 * dx_quota_open_early - quota is on from here, if usage has been counted
 * @mp: log replayed; no transaction has run
 *
 * Return: 0, -ENOMEM.
 */
int dx_quota_open_early(struct dx_mount *mp)
{
	u16 acct = mp->opts.quota & DX_QUOTA_ACCT, chkd = all_checked(acct);
	int error;

	mp->qflags = 0;
	if (!acct || test_bit(DX_OP_NORECOVERY, &mp->opstate))
		return 0;
	error = dx_dq_cache_init(mp);
	if (error)
		return error;
	mp->quota_above = &dx_quota_ops;
	if ((mp->sb.qflags & (acct | chkd)) != (acct | chkd))
		return 0;
	/* what is wrong with a file counting may mend */
	error = open_files(mp, false);
	if (!error)
		error = get_defaults(mp, false);
	if (error) {
		close_files(mp);
		return 0;
	}
	mp->qflags = (mp->opts.quota & (DX_QUOTA_ACCT | DX_QUOTA_ENFD)) | chkd;
	return 0;
}

static int count(struct dx_mount *mp)
{
	u16 acct = mp->opts.quota & DX_QUOTA_ACCT, flags = mp->opts.quota & (DX_QUOTA_ACCT | DX_QUOTA_ENFD);
	bool exact;
	int t, error = open_files(mp, true);

	for (t = 0; t < DX_QTYPES && !error; t++)
		if (wanted(mp, t))
			error = dx_dq_mend(mp, t);
	if (!error)
		error = get_defaults(mp, true);
	/* the worker may still be freeing what recovery has found */
	dx_icache_flush_inactive(mp);
	if (!error)
		error = dx_quota_check(mp, acct, &exact);
	if (error)
		return error;
	mp->quotas->lost = exact ? 0 : all_checked(acct);
	mp->qflags = flags | (exact ? all_checked(acct) : 0);
	return 0;
}

/**
 * dx_quota_open - quota is on from here, if options ask for it and this is a read-write mount
 * @mp: recovered; nobody uses it yet but for reading
 */
void dx_quota_open(struct dx_mount *mp)
{
	int error = 0;

	if (!mp->quotas)
		return;
	if (dx_is_readonly(mp)) {
		if (!mp->qflags)
			dx_info(mp, "quota usage has to be counted, for which the mount must be read-write: quota is off");
		else
			say_what(mp);
		return;
	}
	if (!mp->qflags)
		error = count(mp);
	if (!error && mp->sb.qflags != mp->qflags)
		error = dx_quota_sync_flags(mp);
	if (error) {
		mp->qflags = 0;
		give_up(mp, error);
		return;
	}
	say_what(mp);
}

/**
 * dx_quota_close_files - let go of the quota files
 * @mp: the mount; nothing is charged any more
 */
void dx_quota_close_files(struct dx_mount *mp)
{
	if (mp->quotas)
		close_files(mp);
}

/**
 * dx_quota_close - the end of quota
 * @mp: the mount; inodes are gone from memory, the log is gone or shut down
 */
void dx_quota_close(struct dx_mount *mp)
{
	dx_dq_cache_destroy(mp);
	mp->qflags = 0;
}

/* ---- enforcement ---- */

static int enforce(struct dx_mount *mp, u16 set, u16 clear)
{
	struct dx_quotas *qc = mp->quotas;

	spin_lock(&qc->lock);
	WRITE_ONCE(mp->qflags, (mp->qflags & ~clear) | set);
	spin_unlock(&qc->lock);
	return dx_quota_sync_flags(mp);
}

/**
 * dx_quota_on - limits hold from now on
 * @mp: the mount
 * @flags: _ENFD of kinds; _ACCT is passed over
 *
 * Return: 0; -EINVAL: a kind is not accounted; -EEXIST: they do already; -EROFS, -EIO.
 */
int dx_quota_on(struct dx_mount *mp, u16 flags)
{
	int t, error;

	if (dx_is_readonly(mp))
		return -EROFS;
	flags &= DX_QUOTA_ENFD;
	if (!flags || !dx_has_quota(mp))
		return -EINVAL;
	for (t = 0; t < DX_QTYPES; t++)
		if (flags & dx_qkinds[t].enfd && !dx_kind_on(mp, t))
			return -EINVAL;
	mutex_lock(&mp->quotas->state);
	error = (mp->qflags & flags) == flags ? -EEXIST : enforce(mp, flags, 0);
	mutex_unlock(&mp->quotas->state);
	return error;
}

/**
 * dx_quota_off - limits do not hold from now on
 * @mp: the mount
 * @flags: _ENFD of kinds; _ACCT is passed over with a line in the log
 *
 * Return: 0; -EEXIST: none of @flags is on; -EROFS, -EIO.
 */
int dx_quota_off(struct dx_mount *mp, u16 flags)
{
	int error = 0;

	if (dx_is_readonly(mp))
		return -EROFS;
	if (!(mp->qflags & flags & (DX_QUOTA_ACCT | DX_QUOTA_ENFD)))
		return -EEXIST;
	if (flags & DX_QUOTA_ACCT)
		dx_info(mp, "accounting of quota ends with the mount: mount without the option");
	mutex_lock(&mp->quotas->state);
	if (mp->qflags & flags & DX_QUOTA_ENFD)
		error = enforce(mp, 0, flags & DX_QUOTA_ENFD);
	mutex_unlock(&mp->quotas->state);
	return error;
}
