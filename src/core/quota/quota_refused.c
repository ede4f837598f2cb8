// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has met a limit, for those who can give back what is only held for him.
 *
 * A container at its limit must not make everybody's data be written: so it is known whose limit it was.  A refusal leaves the
 * owner in a list that the next to give back takes, and the task in a table, for -ENOSPC does not tell a project's limit from a
 * full volume.  Two tasks may share a place in the table: the one before then takes its refusal for a full volume, which costs
 * time and nothing else.  It is the same with a mark that an operation has left which did not fail in the end: the next -ENOSPC
 * of the task is taken for a refusal once, and for what it is when it comes again.
 */
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include "dx_quota_int.h"

/* An owner who is refused again and again, with nothing changed, is worth a look so often. */
#define LOOK_AGAIN	HZ

static const void **place_of(struct dx_refused *r, const void *task)
{
	return &r->by[hash_64((uintptr_t)task, DX_REFUSED_BITS)];
}

/**
 * dx_dq_refused - a limit has refused something to the calling task
 * @dq: record whose limit it is; no spinlock held
 *
 * Does not sleep.
 */
void dx_dq_refused(struct dx_dquot *dq)
{
	struct dx_refused *r = &dq->mp->quotas->refused;
	struct dx_quota_wants *w = &r->wants;
	bool list;
	u32 i;

	WRITE_ONCE(*place_of(r, current), current);
	spin_lock(&dq->lock);
	list = dq->changed || time_after(jiffies, dq->asked + LOOK_AGAIN);
	if (list) {
		dq->changed = false;
		dq->asked = jiffies;
	}
	spin_unlock(&dq->lock);
	if (!list)
		return;
	spin_lock(&r->lock);
	for (i = 0; i < w->n && w->key[i] != dq->key; i++)
		;
	if (i == DX_QWANTS_MAX)
		w->everybody = true;
	else if (i == w->n)
		w->key[w->n++] = dq->key;
	spin_unlock(&r->lock);
}

/**
 * dx_quota_was_refused - has a limit refused something to the calling task?
 * @mp: the mount
 *
 * Since it last asked.
 */
bool dx_quota_was_refused(struct dx_mount *mp)
{
	const void **by;

	if (!mp->quotas)
		return false;
	by = place_of(&mp->quotas->refused, current);
	if (READ_ONCE(*by) != current)
		return false;
	WRITE_ONCE(*by, NULL);
	return true;
}

/**
 * dx_quota_wanted - does anybody who was refused wait for something to be given back?
 * @mp: the mount
 */
bool dx_quota_wanted(struct dx_mount *mp)
{
	return mp->quotas && READ_ONCE(mp->quotas->refused.wants.n);
}

/**
 * dx_quota_take_wants - for whom to give back
 * @mp: the mount
 * @w: set; the list is empty afterwards
 */
void dx_quota_take_wants(struct dx_mount *mp, struct dx_quota_wants *w)
{
	struct dx_refused *r = &mp->quotas->refused;

	spin_lock(&r->lock);
	*w = r->wants;
	memset(&r->wants, 0, sizeof(r->wants));
	spin_unlock(&r->lock);
}

/**
 * dx_quota_wants - does a file belong to one of them?
 * @w: the list
 * @ip: inode, in memory; read without a lock: who is about to get it may be passed over
 */
bool dx_quota_wants(const struct dx_quota_wants *w, const struct dx_inode *ip)
{
	u64 uid = dx_dq_key(DX_QUSER, ip->d.uid), gid = dx_dq_key(DX_QGROUP, ip->d.gid), proj = dx_dq_key(DX_QPROJ, ip->d.projid);
	u32 i;

	for (i = 0; i < w->n && !w->everybody; i++)
		if (w->key[i] == uid || w->key[i] == gid || w->key[i] == proj)
			return true;
	return w->everybody;
}
