/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copy on write, and files that share blocks.
 *
 * What is to be written where the data fork has shared blocks goes to the CoW fork (ip->cf, in memory only).  There an
 * extent is
 *
 *	delayed		space is set aside, and what the bmbt of the data fork may need later
 *	unwritten	blocks are allocated and staged: the refcountbt of their AG knows them, so a crash loses none
 *	written		the same, and data is on its way to them, or there
 *
 * When the data is there dx_cow_end() puts exactly those blocks into the data fork, in place of what was there: so what
 * a crash shows is the old data or the new, and nobody else's blocks change.  An extent of the CoW fork may reach
 * over holes, for it is widened to the hint (cowextsize); whoever writes to a place looks there first, and
 * writes there if it has the place. It is not made over what the data fork has for this file alone, nor is that put under it by who
 * has looked before (iomap.c): direct I/O may be in flight there, whose blocks the copy, when it comes in, would free.
 *
 *	buffered write	dx_cow_look(); a hole: the data fork and dx_cow_trim_shared(); if shared: dx_cow_reserve()
 *	writeback	dx_cow_look(); if delayed: dx_cow_convert_delalloc(); before submission: dx_cow_submit() of its range
 *	direct write	dx_cow_alloc(), for all that dx_inode_shares() or has a CoW fork; a hole: as in any other file
 *	completion	dx_cow_end(); then dx_iomap_write_unwritten() for what else was written, or dx_iomap_setsize()
 *	... an error	nothing: another write to the same blocks may be in flight, so they must not be freed. The copy stays until
 *			it is written to again, or a lockout drops it; dx_cow_end() is only ever asked for what was written
 *
 * A mapping of the data fork that is written to ends where the CoW fork has something at the latest: there the hole ends that
 * dx_cow_look() and dx_cow_alloc() answer.
 *
 * Readers look at the data fork alone; not so who asks where there is data (dx_cow_look_for_data()): what was written over a hole
 * is in the page cache, and the data fork has nothing of it until its writeback has completed.
 *
 * Offsets and lengths in fsblocks where not named _bytes.  Who takes the ILOCK himself says so; the others want it held.
 * ->seq of what is answered is dx_map_seq(), of both forks.
 */
#ifndef DX_COW_H
#define DX_COW_H

#include "dx_bmap.h"

/* ---- looking: cow.c.  ILOCK held, shared at least; extents of the data fork read in, or the ILOCK exclusive ---- */

/* Blocks to widen to: of the inode, or a default; at least 1. */
u32 dx_cow_extsize(struct dx_inode *ip);
/* The CoW fork's extent at @off, or its hole, cut to the range.  0, -EIO (shut down). */
int dx_cow_look(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *got);
/*
 * For who looks for data: what the data fork has at @off, cut to the range; *@copy: a hole of it with a copy over it, as far as
 * both go.  There what was written is still only in the page cache, or nothing was, for copies are widened over holes.
 * 0, -EIO, -EFSCORRUPTED.
 */
int dx_cow_look_for_data(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *got, bool *copy);
/*
 * Cut a mapping of the data fork, at its end, to what is shared as a whole, or not at all.  A hole, delayed or unwritten extent is
 * not.  Reads the AGF and the refcountbt: may sleep for an AGF, so no buffer of an AG header may be held.  0, -EIO, -EFSCORRUPTED.
 */
int dx_cow_trim_shared(struct dx_inode *ip, struct dx_irec *rec, bool *shared);
/*
 * The first run of shared blocks in [off, off + len): *soff, *slen; *slen = 0: none.  For unsharing, fiemap.  Errors as above.
 */
int dx_reflink_find_shared(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, dx_fileoff_t *soff, dx_filblks_t *slen);

/* ---- making copies: cow.c ---- */

/*
 * Buffered write, fault: a delayed extent of the CoW fork over [off, off + len), widened to the hint where that costs no
 * -ENOSPC.  It ends at the next one at the latest; one that is at @off already is the answer.  ILOCK exclusive.  No transaction.
 * 0; -ENOSPC: nothing is changed; -EIO, -EFSCORRUPTED.
 */
int dx_cow_reserve(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *got);
/*
 * Writeback: the delayed extent of the CoW fork at @off gets blocks, as a whole if there is such a piece, and is staged.  Takes
 * the ILOCK, in transactions of its own until @off is covered.  The answer is the CoW fork's extent at @off, whoever made it, or a
 * hole when somebody has cancelled it.  Takes its space from what was set aside: not -ENOSPC.
 */
int dx_cow_convert_delalloc(struct dx_inode *ip, dx_fileoff_t off, struct dx_mapped *got);
/*
 * Direct write to [off, off + len): the answer is the written extent of the CoW fork to write to, for as much of the
 * range as it has from @off on; it has been marked written for just that.  A hole: there is nothing shared at @off, so
 * look at the data fork; its length says for how much of the range that holds.  Takes the ILOCK, in transactions of its own.
 * What was marked and is then not written stays so, and is harmless: see above.
 * 0; -ENOSPC: nothing is changed; -EIO, -EFSCORRUPTED.
 */
int dx_cow_alloc(struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, struct dx_mapped *got);
/* Writeback, before I/O is submitted: its blocks in the CoW fork are written from now on.  Takes the ILOCK.  Cannot fail. */
void dx_cow_submit(struct dx_inode *ip, u64 off_bytes, u64 count_bytes);
/*
 * Completion: the data of the range is on the disk.  What the CoW fork has as written there comes into the data fork: one
 * extent in a chain of transactions, and the ILOCK, which is taken here, is given up between them.  The on-disk size is the
 * caller's, afterwards.  Blocks that a full volume lacks were set aside when the copy was reserved.
 * 0; an error leaves what has not come into the data fork in the CoW fork, still as written: try again or cancel.
 */
int dx_cow_end(struct dx_inode *ip, u64 off_bytes, u64 count_bytes);
/*
 * Drop what the CoW fork has of each block that the range touches: delayed extents, and with @real staged ones, whose blocks
 * are freed.  @count_bytes may be U64_MAX: to the end.  Takes the ILOCK.  With @real no I/O may be in flight to the range (L3),
 * unless it is that of the caller, and failed.
 * 0, -EIO, or -ENOSPC for the log's sake; what is left is in the CoW fork.
 */
int dx_cow_cancel(struct dx_inode *ip, u64 off_bytes, u64 count_bytes, bool real);
/* All of it: nobody writes to the file, or nobody can reach it. */
int dx_cow_cancel_all(struct dx_inode *ip);

/* ---- sharing: reflink.c.  A full lockout of all inodes, page cache of both ranges written and, of @dst, gone ---- */

/*
 * Clone: the blocks of @src from @soff_bytes on appear in @dst from @doff_bytes on, in place of what was there.  Offsets are
 * multiples of the block size; of @len_bytes the last block may be a part, at the end of both files.  Holes, delayed and
 * unwritten extents of @src become holes.  @src may be @dst, the ranges apart.  The flags of both are set; the size of
 * @dst is the caller's, afterwards.  What the CoW fork of @dst has in the range is dropped.  Takes both ILOCKs.
 * *done: bytes that are done, also after an error.  0, -ENOSPC (also: an AG has no more blocks for its trees), -EFBIG, -EIO,
 * -EFSCORRUPTED.
 */
int dx_reflink_remap(struct dx_inode *src, u64 soff_bytes, struct dx_inode *dst, u64 doff_bytes, u64 len_bytes, u64 *done);
/* The inode may share blocks from now on.  Own transaction; nothing when the flag is set. */
int dx_reflink_set_flag(struct dx_inode *ip);
/* The whole of @src became @dst: then it has its hint (cowextsize), too, if it has none of its own.  Own transaction. */
int dx_reflink_inherit(struct dx_inode *src, struct dx_inode *dst);
/* It shares none: own transaction. */
int dx_reflink_clear_flag(struct dx_inode *ip);
/* If no block of its data fork is shared any more the flag goes; what is left in the CoW fork does, too. */
int dx_reflink_try_clear(struct dx_inode *ip);

/* ---- deferred changes of a map: bmap_defer.c ---- */
extern const struct dx_defer_type dx_bmap_type;		/* BUI and BUD */
int dx_recovery_hold(struct dx_mount *mp, const char *what, dx_ino_t ino, struct dx_inode **ipp);
/* intents are finished, or given up: lets go of inodes */
void dx_bmap_recovered(struct dx_mount *mp, bool done);

#endif /* DX_COW_H */
