// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long metadata I/O that fails is tried again.
 *
 * What the log holds is safe, so a device that fails to take a metadata block for a while
 * costs nothing but log space: writeback tries for as long as the mount lives, and when the log
 * is full whoever wants to change something waits.  An administrator may set limits, by kind of
 * error, in sysfs (names and meaning are stock XFS's).  A device that is gone (ENODEV) is not waited for.
 *
 * An unmount gives up at the first failure once everything is in the log; before that, what the VFS
 * still writes back may be waiting for log space that only a working device can free, so it has some seconds.
 *
 * Failures of the log itself are not for here: they end the mount at once.
 */
#include "dx_mount.h"

#define BACKOFF_MIN		msecs_to_jiffies(20)
#define BACKOFF_SHIFT_MAX	6			/* twice as long each time, to 1.28 s */
#define LEAVING_PATIENCE	(10 * HZ)

static enum dx_err_class class_of(int error)
{
	switch (error) {
	case -EIO:	return DX_ERR_EIO;
	case -ENOSPC:	return DX_ERR_ENOSPC;
	case -ENODEV:	return DX_ERR_ENODEV;
	default:	return DX_ERR_DEFAULT;
	}
}

/**
 * dx_retry_init - the policy that a mount begins with
 * @mp: the mount
 */
void dx_retry_init(struct dx_mount *mp)
{
	int i;

	for (i = 0; i < DX_ERR_NR; i++) {
		mp->retry.class[i].max_retries = i == DX_ERR_ENODEV ? 0 : DX_RETRY_FOREVER;
		mp->retry.class[i].timeout_s = DX_RETRY_FOREVER;
	}
	mp->retry.fail_at_unmount = true;
}

/**
 * dx_retry_leaving - an unmount has begun
 * @mp: the mount; writeback and inactivation are still to come
 */
void dx_retry_leaving(struct dx_mount *mp)
{
	mp->retry.leaving_since = jiffies;
	smp_wmb();	/* whoever sees the flag sees since when */
	WRITE_ONCE(mp->retry.leaving, true);
}

/* Does the end of the mount cut retries short now? */
static bool no_time_left(struct dx_mount *mp)
{
	if (!READ_ONCE(mp->retry.fail_at_unmount))
		return false;
	if (test_bit(DX_OP_UNMOUNTING, &mp->opstate))
		return true;
	if (!READ_ONCE(mp->retry.leaving))
		return false;
	smp_rmb();	/* dx_retry_leaving() */
	return time_after(jiffies, mp->retry.leaving_since + LEAVING_PATIENCE);
}

/**
 * dx_retry_failed - metadata I/O has failed once more
 * @mp: the mount
 * @r: the failures of this block so far
 * @error: of the device
 *
 * Return: whether to give up, that is, to shut the filesystem down.
 */
bool dx_retry_failed(struct dx_mount *mp, struct dx_retry *r, int error)
{
	enum dx_err_class class = class_of(error);
	int max = READ_ONCE(mp->retry.class[class].max_retries), timeout_s = READ_ONCE(mp->retry.class[class].timeout_s);

	if (!r->failures || r->class != class) {
		r->failures = 0;
		r->class = class;
		r->first = jiffies;
	}
	r->next = jiffies + (BACKOFF_MIN << min_t(u32, r->failures, BACKOFF_SHIFT_MAX));
	if (r->failures < U32_MAX)
		r->failures++;
	if (no_time_left(mp))
		return true;
	if (max != DX_RETRY_FOREVER && r->failures > max)
		return true;
	return timeout_s != DX_RETRY_FOREVER && time_after(jiffies, r->first + (unsigned long)timeout_s * HZ);
}

/**
 * dx_retry_due - is it time to try again?
 * @mp: the mount
 * @r: the failures of a block, if any
 *
 * Always true of what has not failed, and when the next failure is the last one or trying only takes things apart.
 */
bool dx_retry_due(struct dx_mount *mp, const struct dx_retry *r)
{
	return !r->failures || !time_before(jiffies, r->next) || dx_is_shutdown(mp) || no_time_left(mp);
}
