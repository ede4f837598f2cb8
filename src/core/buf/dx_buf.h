/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Metadata buffers: one cached, locked, verified piece of the disk each.
 *
 * A buffer is found by (daddr of its first segment, total length).  A
 * directory block may be scattered: then it has several segments but one
 * contiguous memory.  A caller of get/read returns with one reference and
 * the lock (a semaphore: it may be released by another context, e.g. I/O
 * completion).  The verifier runs after each read from disk and before each write.
 */
#ifndef DX_BUF_H
#define DX_BUF_H

#include "dx_mount.h"

struct dx_buf_item;

struct dx_buf_ops {
	const char *name;
	u32	magic32;		/* 0 = ->verify checks it */
	/* return 0 or -EFSCORRUPTED; name the field with dx_buf_bad() */
	int	(*verify_read)(struct dx_buf *bp);
	int	(*verify_write)(struct dx_buf *bp);	/* checks, then sets lsn (from bp->b_lsn_item) and CRC */
	const struct dx_buf_ops *const *also;	/* what ->verify_read may find instead and switch to; NULL ends it */
	u64	(*owner)(const struct dx_buf *bp);	/* inode number in the header; NULL: not an inode's */
};

struct dx_buf_map {
	dx_daddr_t	daddr;
	u32		len_bb;
};

/* b_flags */
#define DX_BF_DONE	(1u << 0)	/* contents are valid */
#define DX_BF_STALE	(1u << 1)	/* freed on disk: never write, forget at last put */
#define DX_BF_DELWRI	(1u << 2)	/* on a delayed write list */
#define DX_BF_WRITE_FAIL (1u << 3)	/* an asynchronous write failed; retried */
#define DX_BF_ASYNC	(1u << 4)
#define DX_BF_INODES	(1u << 5)	/* inode cluster with attached inode items */
#define DX_BF_UNCACHED	(1u << 6)
#define DX_BF_LOGRECOVERY (1u << 7)
#define DX_BF_READING	(1u << 8)	/* asynchronous read (read-ahead) in flight */

struct dx_buf {
	struct rhash_head	b_rhash;
	dx_daddr_t		b_daddr;
	u32			b_len_bb;
	u16			b_nmaps;
	u16			b_type;		/* enum dx_blft */
	struct dx_buf_map	*b_maps;	/* == &b_map1 when one */
	struct dx_buf_map	b_map1;
	void			*b_addr;	/* contiguous memory, b_len_bb * 512 bytes */
	struct semaphore	b_sema;
	refcount_t		b_ref;
	atomic_t		b_pin;		/* committed in memory, not yet in the log on disk */
	wait_queue_head_t	b_pin_wait;
	unsigned int		b_flags;
	int			b_error;
	unsigned int		b_lru_ref;
	union {
		struct list_head b_lru;
		struct rcu_head	b_rcu;		/* after it has left the hash table */
	};
	struct list_head	b_delwri;
	struct dx_mount		*b_mp;
	const struct dx_buf_ops	*b_ops;
	struct dx_trans		*b_tp;		/* transaction that has it joined */
	struct dx_buf_item	*b_item;	/* log item; owned by the log side */
	struct list_head	b_inodes;	/* inode items flushed into this buffer (li_bio_list) */
	struct completion	b_iowait;
	atomic_t		b_io_remaining;
	struct work_struct	b_iowork;
	struct dx_io		*b_ios;		/* b_nmaps of them; == &b_io1 when one */
	struct dx_io		b_io1;
	bool			b_cached;	/* is, or was, in the hash table: shard lock */
	struct dx_retry		b_retry;	/* of writes; buffer lock */
};

#define DX_READ_TRYLOCK		(1u << 0)	/* -EAGAIN instead of sleeping for the lock */
#define DX_READ_NOVERIFY	(1u << 2)
#define DX_GET_INCORE		(1u << 3)	/* only if cached; else -ENOENT */
#define DX_GET_NOFAIL		(1u << 4)	/* waits for memory: never -ENOMEM */
#define DX_GET_NEW		(1u << 5)	/* just allocated, about to be formatted: nobody may be using it */

int dx_buf_cache_init(struct dx_mount *mp);
void dx_buf_cache_destroy(struct dx_mount *mp);
unsigned long dx_buf_cache_count(struct dx_mount *mp);			/* bytes that could be freed, in pages */
unsigned long dx_buf_cache_scan(struct dx_mount *mp, unsigned long nr);	/* free up to nr */

int dx_buf_get_map(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags, struct dx_buf **bpp);
int dx_buf_read_map(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags,
		    const struct dx_buf_ops *ops, struct dx_buf **bpp);
static inline int dx_buf_get(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb, u32 flags, struct dx_buf **bpp)
{
	struct dx_buf_map m = { daddr, len_bb };

	return dx_buf_get_map(mp, &m, 1, flags, bpp);
}
static inline int dx_buf_read(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb, u32 flags,
			      const struct dx_buf_ops *ops, struct dx_buf **bpp)
{
	struct dx_buf_map m = { daddr, len_bb };

	return dx_buf_read_map(mp, &m, 1, flags, ops, bpp);
}
int dx_buf_read_owned(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, u32 flags,
		      const struct dx_buf_ops *ops, u64 owner, struct dx_buf **bpp);
int dx_buf_expect(struct dx_buf *bp, const struct dx_buf_ops *ops);
void dx_buf_readahead(struct dx_mount *mp, const struct dx_buf_map *map, int nmaps, const struct dx_buf_ops *ops);
struct dx_buf *dx_buf_keep(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb, const struct dx_buf_ops *ops);
int dx_buf_read_uncached(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb, const struct dx_buf_ops *ops, struct dx_buf **bpp);
struct dx_buf *dx_buf_get_uncached(struct dx_mount *mp, u32 len_bb);

void dx_buf_hold(struct dx_buf *bp);		/* one more reference */
void dx_buf_put(struct dx_buf *bp);		/* drop a reference, lock untouched */
void dx_buf_lock(struct dx_buf *bp);		/* forces the log first if pinned and stale */
bool dx_buf_trylock(struct dx_buf *bp);
void dx_buf_unlock(struct dx_buf *bp);
void dx_buf_leave(struct dx_buf *bp);		/* unlock and put */
void dx_buf_stale(struct dx_buf *bp);		/* locked: never write it again */
bool dx_buf_is_pinned(struct dx_buf *bp);
void dx_buf_wait_unpinned(struct dx_buf *bp);
static inline void *dx_buf_off(struct dx_buf *bp, size_t off) { return (char *)bp->b_addr + off; }
static inline size_t dx_buf_len(struct dx_buf *bp) { return (size_t)bp->b_len_bb << DX_BBSHIFT; }
void dx_buf_zero(struct dx_buf *bp, size_t off, size_t len);

/* Locked buffer; synchronous write, error returned, lock and reference kept. */
int dx_buf_bwrite(struct dx_buf *bp);
/* Queue a locked buffer for write on a private list (takes a reference); false if it was already queued somewhere. */
bool dx_buf_write_later(struct dx_buf *bp, struct list_head *list);
int dx_buf_write_queued(struct list_head *list);	/* sort, write all, wait; pinned ones force the log first */
/* skips locked and pinned ones (stay listed); returns number skipped as pinned */
int dx_buf_start_queued(struct list_head *list);
void dx_buf_forget_queued(struct list_head *list);
void dx_buf_wait_all_io(struct dx_mount *mp);		/* drain asynchronous writes (unmount) */

/* What buffers ask of the log; the mount hands it down before the first is read. */
struct dx_buf_above {
	/*
	 * Once after every write, buffer still locked, before the waiter or the unlock: takes the buffer's item and
	 * those attached to it out of the AIL, or deals with the error.
	 */
	void	(*written)(struct dx_buf *bp);
	void	(*failed)(struct dx_mount *mp, dx_daddr_t daddr, u32 len_bb);	/* the device did; process context */
	dx_lsn_t (*lsn)(struct dx_buf *bp);	/* to stamp at a write: of the item in the AIL, else 0 */
	int	(*unpin)(struct dx_mount *mp, bool wait);	/* put what pins buffers into the log on disk */
	int	(*check_lsn)(struct dx_mount *mp, const char *what, u64 where, dx_lsn_t lsn);	/* not ahead of the log? */
};

/* where blocks of one kind keep what recovery needs to know: buf_lsn.c */
struct dx_lsn_place {
	u32	magic;
	bool	da;			/* 16 bits of magic, behind two siblings */
	u8	blft;			/* enum dx_blft, of the items that log them */
	u8	sect;			/* of an AG, where the kind is there only */
	u16	blkno_off;		/* where it says its own address; 0: is in that sector of an AG, and never free */
	u16	lsn_off, uuid_off, crc_off;
};
const struct dx_lsn_place *dx_lsn_place_of(const void *block);
bool dx_blft_has_lsn(u8 blft);
const struct dx_lsn_place *dx_buf_lsn_place(struct dx_buf *bp);
int dx_buf_check_lsn(struct dx_buf *bp);	/* not ahead of the log? */

/* verifier helpers: verify.c */
bool dx_verify_cksum(const void *p, size_t len, size_t crc_off);
void dx_update_cksum(void *p, size_t len, size_t crc_off);
bool dx_buf_verify_cksum(struct dx_buf *bp, size_t crc_off);
void dx_buf_update_cksum(struct dx_buf *bp, size_t crc_off);
void dx_buf_stamp(struct dx_buf *bp, size_t lsn_off, size_t crc_off);
bool dx_meta_uuid_ok(struct dx_mount *mp, const uuid_t *u);
/* report a bad field of @bp; returns -EFSCORRUPTED */
int dx_buf_bad(struct dx_buf *bp, const char *field);
int dx_buf_badcrc(struct dx_buf *bp);		/* returns -EFSCORRUPTED */
/* One line of a verifier's table: the first @bad one is reported by its name. */
struct dx_check { const char *field; bool bad; };
int dx_buf_checks(struct dx_buf *bp, const struct dx_check *c, unsigned int n);

#endif /* DX_BUF_H */
