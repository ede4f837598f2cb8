/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What buf.c (finding and keeping) and buf_io.c (reading and writing) share;
 * nobody else includes this.
 */
#ifndef DX_BUF_CACHE_H
#define DX_BUF_CACHE_H

#include "dx_buf.h"

#define DX_BUF_SHARDS	16
#define DX_BUF_SHARD_SHIFT 3	/* daddr bits that neighbours share: 4 KiB */

/*
 * Lookups, the reference counts of cached buffers and the idle list of a
 * shard are under its lock.  It nests inside everything and is never held across a sleep.
 */
struct dx_buf_shard {
	spinlock_t		lock;		/* see above */
	struct list_head	idle;		/* only the cache holds a reference; oldest first */
	unsigned long		idle_bytes;
};

struct dx_buf_cache {
	struct rhashtable	ht;
	struct dx_buf_shard	shard[DX_BUF_SHARDS];
	unsigned int		scan_next;	/* shard where the next scan begins */
	atomic_t		async_io;	/* asynchronous reads and writes in flight */
	wait_queue_head_t	async_wait;
};

void dx_buf_io_work(struct work_struct *work);	/* completion of asynchronous I/O */
int dx_buf_read_io(struct dx_buf *bp, bool ahead);	/* submit; waits unless @ahead */

#endif /* DX_BUF_CACHE_H */
