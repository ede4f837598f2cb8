/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files around in-core inodes share among themselves: the inode's
 * log item, the life of a cached inode, flushing.  Other parts of the core
 * use dx_inode.h.
 */
#ifndef DX_INODE_ITEM_H
#define DX_INODE_ITEM_H

#include "dx_inode.h"

/*
 * The log item of an inode.
 *
 * ->fields is what differs from the last copy handed to the cluster buffer;
 * ->last_fields is what that copy carried while its write is under way.  A
 * transaction that dirties the inode meanwhile logs both: when it moves the item forward
 * in the AIL, the copy under way no longer protects the tail.
 *
 * ->cluster is a reference on the buffer that the inode goes to, from the first change until all is written (or NULL: there
 * was no memory for it).  Were it read only when it is needed, the pusher would have to wait for each one, and to find memory
 * when there is none because all of it is dirty.
 *
 * ->fields changes under the ILOCK (exclusive) and ip->i_lock; the flush fields under
 * ip->i_lock; ->lock_mode and ->tr_fields belong to the transaction that joined the item.
 */
struct dx_inode_item {
	struct dx_log_item	item;
	struct dx_inode		*ip;
	struct dx_buf		*cluster;	/* kept, so that writing back needs no memory; i_lock */
	u32			fields;		/* DX_ILOG_*, not flushed */
	u32			last_fields;	/* being flushed */
	u32			tr_fields;	/* logged by the current transaction */
	int			lock_mode;	/* DX_ILOCK_* that release drops, 0 = keep */
	dx_lsn_t		flush_lsn;	/* li_lsn when the copy was made */
	u64			commit_seq;	/* checkpoint with the last change */
	u64			datasync_seq;	/* checkpoint with the last change that fdatasync must see */
	struct dx_retry		retry;		/* reads of the cluster by the pusher; the pusher's own */
};

static inline struct dx_inode_item *dx_to_inode_item(struct dx_log_item *lip)
{
	return container_of(lip, struct dx_inode_item, item);
}

/* inode_item.c */
struct dx_inode_item *dx_inode_item_get(struct dx_inode *ip);	/* makes it at the first use; cannot fail */
int dx_inode_item_cache_init(void);
void dx_inode_item_cache_exit(void);
void dx_inode_item_free(struct dx_inode *ip);			/* of an inode that nobody can reach */

/* inode_flush.c */
void dx_iflush_buf_done(struct dx_log_item *lip, struct dx_buf *bp);
void dx_iflush_attach_stale(struct dx_buf *bp, struct dx_inode *ip);	/* ip->i_lock held, buffer locked */

void dx_inode_keep_cluster(struct dx_inode *ip);		/* inode_item.c */
struct dx_buf *dx_inode_take_cluster(struct dx_inode_item *iip);	/* ip->i_lock held; for the caller to put after it */

/* icache.c */
bool dx_icache_peek(struct dx_mount *mp, dx_ino_t ino, void (*fn)(struct dx_inode *ip, void *data), void *data);
void dx_icache_throttle(struct dx_inode *ip);			/* wait while too many inodes wait for inactivation before it */
bool dx_inode_busy_locked(struct dx_inode *ip);			/* ip->i_lock held: the journal still refers to it */

/* inode.c */
void dx_inode_init_new(struct dx_trans *tp, struct dx_inode *dp, struct dx_inode *ip, const struct dx_create_args *a,
		       u32 nlink);
void dx_link_add(struct dx_trans *tp, struct dx_inode *ip);
int dx_link_may_drop(struct dx_inode *ip, u32 n);
int dx_link_drop(struct dx_trans *tp, struct dx_inode *ip);

/*
 * A walk along a list that may come back on itself: each place is compared with one that it has passed,
 * which moves up at each power of two of the steps (Brent's way), so that a ring is known after
 * at most three times its length, whatever leads into it.
 */
struct dx_ring_watch {
	dx_agino_t	passed;
	u32		steps, next_mark;
};

static inline bool dx_ring_closed(struct dx_ring_watch *w, dx_agino_t at)
{
	if (w->steps && at == w->passed)
		return true;
	if (w->steps++ == w->next_mark) {
		w->passed = at;
		w->next_mark = w->next_mark ? w->next_mark * 2 : 1;
	}
	return false;
}

#endif /* DX_INODE_ITEM_H */
