/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long metadata I/O that fails is tried again: retry.c.
 */
#ifndef DX_RETRY_H
#define DX_RETRY_H

#include "dx_kern.h"

struct dx_mount;

/* What may be configured apart from each other. */
enum dx_err_class { DX_ERR_DEFAULT, DX_ERR_EIO, DX_ERR_ENOSPC, DX_ERR_ENODEV, DX_ERR_NR };

#define DX_RETRY_FOREVER	(-1)
#define DX_RETRY_TIMEOUT_MAX_S	86400

/* The policy of a mount.  Plain words that change at any time: READ_ONCE. */
struct dx_retry_conf {
	struct {
		int	max_retries;	/* DX_RETRY_FOREVER, or so many after the first failure */
		int	timeout_s;	/* DX_RETRY_FOREVER, or seconds from the first failure on */
	} class[DX_ERR_NR];
	bool		fail_at_unmount;
	bool		leaving;	/* the unmount has begun, at leaving_since */
	unsigned long	leaving_since;
};

/* What failed how often: part of whatever is tried again, under its lock.  Zeroed: nothing has. */
struct dx_retry {
	u32		failures;	/* in a row, of one class */
	u32		class;
	unsigned long	first;		/* jiffies of the first */
	unsigned long	next;		/* not before these jiffies again */
};

void dx_retry_init(struct dx_mount *mp);
void dx_retry_leaving(struct dx_mount *mp);
bool dx_retry_failed(struct dx_mount *mp, struct dx_retry *r, int error);
bool dx_retry_due(struct dx_mount *mp, const struct dx_retry *r);
static inline void dx_retry_succeeded(struct dx_retry *r)
{
	r->failures = 0;
}

#endif /* DX_RETRY_H */
