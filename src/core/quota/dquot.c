// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache of quota records: one dx_dquot for each that somebody uses, and those that memory has room for.
 *
 * A record is freed only when nobody has a reference, and neither the checkpoint nor the AIL nor a buffer refers to it: so it is
 * never read again from a block that is older than the log.  Reading is done by one at a time, under ->load, which
 * makes this safe against records that come and go meanwhile: who has found nothing, reads, and adds, is alone.  No transaction
 * begins under that lock, for those who wait for it may be in one.
 *
 * Locks: ->load, the ILOCK of the quota file, the buffer; ->lock is innermost.
 */
#include "dx_quota_int.h"

static const struct rhashtable_params table_params = {
	.key_len = sizeof(u64),
	.key_offset = offsetof(struct dx_dquot, key),
	.head_offset = offsetof(struct dx_dquot, hash),
	.automatic_shrinking = true,
};

/* ->lock held */
static void hold_locked(struct dx_quotas *qc, struct dx_dquot *dq)
{
	if (!dq->ref++ && !list_empty(&dq->lru)) {
		list_del_init(&dq->lru);
		qc->lru_nr--;
	}
}

/**
 * dx_dq_hold - one more reference
 * @dq: record that the caller has one of
 */
void dx_dq_hold(struct dx_dquot *dq)
{
	struct dx_quotas *qc = dq->mp->quotas;

	spin_lock(&qc->lock);
	hold_locked(qc, dq);
	spin_unlock(&qc->lock);
}

/**
 * dx_dq_put - a reference less
 * @dq: record; may be gone when memory is short
 *
 * Any context that may take a spinlock.
 */
void dx_dq_put(struct dx_dquot *dq)
{
	struct dx_quotas *qc = dq->mp->quotas;

	spin_lock(&qc->lock);
	if (!WARN_ON_ONCE(!dq->ref) && !--dq->ref) {
		list_add_tail(&dq->lru, &qc->lru);
		qc->lru_nr++;
	}
	spin_unlock(&qc->lock);
}

static struct dx_dquot *lookup(struct dx_quotas *qc, u64 key)
{
	struct dx_dquot *dq;

	spin_lock(&qc->lock);
	dq = rhashtable_lookup_fast(&qc->table, &key, table_params);
	if (dq)
		hold_locked(qc, dq);
	spin_unlock(&qc->lock);
	return dq;
}

static void dq_free(struct dx_dquot *dq)
{
	dx_ail_wait_push(dq->mp, &dq->item);
	if (dq->kept)
		dx_buf_put(dq->kept);
	kfree(dq);
}

static int insert(struct dx_quotas *qc, struct dx_dquot *dq)
{
	int error;

	for (;;) {
		spin_lock(&qc->lock);
		error = rhashtable_lookup_insert_fast(&qc->table, &dq->hash, table_params);
		if (!error)
			qc->nr++;
		spin_unlock(&qc->lock);
		if (error != -EBUSY && error != -ENOMEM)
			return error;
		/* the table could not grow on the spot; it has asked a worker to */
		msleep(1);
	}
}

static int load(struct dx_mount *mp, enum dx_qtype t, u32 id, struct dx_dquot **dqp)
{
	struct dx_quotas *qc = mp->quotas;
	struct dx_dquot *dq;
	int error = 0;

	mutex_lock(&qc->load);
	*dqp = lookup(qc, dx_dq_key(t, id));
	if (*dqp)
		goto out;
	dq = kzalloc(sizeof(*dq), GFP_NOFS | __GFP_NOFAIL);
	dq->mp = mp;
	dq->type = t;
	dq->id = id;
	dq->key = dx_dq_key(t, id);
	dq->ref = 1;
	INIT_LIST_HEAD(&dq->lru);
	sema_init(&dq->commit, 1);
	spin_lock_init(&dq->lock);
	dq->changed = true;
	dx_dq_item_init(dq);
	error = dx_dq_read(dq);
	if (!error)
		error = insert(qc, dq);
	if (error)
		kfree(dq);
	else
		*dqp = dq;
out:
	mutex_unlock(&qc->load);
	return error;
}

/**
 * dx_dq_get - the record of an id
 * @mp: the mount, whose quota file of this kind is open
 * @t: kind
 * @id: user, group or project
 * @flags: DX_DQ_MAKE: no lock may be held and no transaction run.  Without it one may, but no AG header may be locked
 * @dqp: out, referenced
 *
 * Return: 0; -ENOENT (no such record; not with DX_DQ_MAKE), -ESRCH (the kind is off), -ENOSPC, -EROFS, -EFSCORRUPTED, -EIO.
 */
int dx_dq_get(struct dx_mount *mp, enum dx_qtype t, u32 id, u32 flags, struct dx_dquot **dqp)
{
	int error;

	*dqp = NULL;
	if (!mp->quotas || !mp->quotas->file[t])
		return -ESRCH;
	*dqp = lookup(mp->quotas, dx_dq_key(t, id));
	if (*dqp)
		return 0;
	error = load(mp, t, id, dqp);
	if (error != -ENOENT || !(flags & DX_DQ_MAKE))
		return error;
	error = dx_dq_make_block(mp, t, id);
	return error ? error : load(mp, t, id, dqp);
}

/**
 * dx_quota_count - records that nobody uses
 * @mp: the mount
 */
unsigned long dx_quota_count(struct dx_mount *mp)
{
	struct dx_quotas *qc = READ_ONCE(mp->quotas);

	return qc ? READ_ONCE(qc->lru_nr) : 0;
}

/**
 * dx_quota_scan - free records that nobody uses
 * @mp: the mount
 * @nr: how many to look at
 *
 * Waits for nothing.
 *
 * Return: records freed.
 */
unsigned long dx_quota_scan(struct dx_mount *mp, unsigned long nr)
{
	struct dx_quotas *qc = READ_ONCE(mp->quotas);
	struct dx_dquot *dq, *next;
	unsigned long freed = 0;
	LIST_HEAD(dispose);

	if (!qc)
		return 0;
	spin_lock(&qc->lock);
	for (nr = min(nr, qc->lru_nr); nr; nr--) {
		dq = list_first_entry(&qc->lru, struct dx_dquot, lru);
		if (dx_dq_busy(dq)) {
			list_move_tail(&dq->lru, &qc->lru);
			continue;
		}
		rhashtable_remove_fast(&qc->table, &dq->hash, table_params);
		list_move(&dq->lru, &dispose);
		qc->lru_nr--;
		qc->nr--;
		freed++;
	}
	spin_unlock(&qc->lock);
	list_for_each_entry_safe(dq, next, &dispose, lru)
		dq_free(dq);
	return freed;
}

/**
 * dx_dq_cache_init - give a mount a cache of quota records
 * @mp: the mount
 *
 * Return: 0 or -ENOMEM.
 */
int dx_dq_cache_init(struct dx_mount *mp)
{
	struct dx_quotas *qc = kzalloc(sizeof(*qc), GFP_KERNEL);
	int error;

	if (!qc)
		return -ENOMEM;
	error = rhashtable_init(&qc->table, &table_params);
	if (error) {
		kfree(qc);
		return error;
	}
	qc->mp = mp;
	spin_lock_init(&qc->lock);
	spin_lock_init(&qc->refused.lock);
	INIT_LIST_HEAD(&qc->lru);
	mutex_init(&qc->load);
	mutex_init(&qc->state);
	mp->quotas = qc;
	return 0;
}

static void destroy_one(void *ptr, void *arg)
{
	struct dx_dquot *dq = ptr;

	if (dq->ref)
		dx_err(dq->mp, "quota record 0x%x is still in use (%u) at the end of the mount", dq->id, dq->ref);
	dx_dq_give_up(dq);
	dq_free(dq);
}

/**
 * dx_dq_cache_destroy - free all records and the cache
 * @mp: the mount; inodes are gone, the log is gone or shut down, no buffer I/O is under way
 */
void dx_dq_cache_destroy(struct dx_mount *mp)
{
	struct dx_quotas *qc = mp->quotas;

	if (!qc)
		return;
	rhashtable_free_and_destroy(&qc->table, destroy_one, mp);
	mp->quotas = NULL;
	kfree(qc);
}
