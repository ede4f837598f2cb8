// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unlinked lists: inodes that no directory names but somebody still uses.
 *
 * Each AGI has 64 buckets (agino modulo 64), each the head of a list linked through
 * di_next_unlinked of the disk inodes, so that recovery finds and frees
 * them after a crash.  The AGI's buffer lock protects all lists of its AG.
 *
 * di_next_unlinked lives in the cluster buffers: it is changed there, logged as that
 * field alone, and inode writeback never stores it.  ip->d.next_unlinked mirrors it for inodes in
 * memory; ip->prev_unlinked is a hint (checked before use) that spares the walk
 * from the head when an inode in the middle leaves.
 *
 * Lock order: ILOCK, AGI, cluster buffers.  Source: "Unlinked Pointer".
 */
#include "dx_inode_item.h"
#include "dx_alloc.h"
#include "dx_replay.h"

struct set_ptr { u32 v; };

static void set_next(struct dx_inode *ip, void *data)
{
	ip->d.next_unlinked = ((struct set_ptr *)data)->v;
}

static void set_prev(struct dx_inode *ip, void *data)
{
	ip->prev_unlinked = ((struct set_ptr *)data)->v;
}

/* In-core back pointer of @agino, when it is in core.  AGI locked. */
static void note_prev(struct dx_mount *mp, dx_agno_t agno, dx_agino_t agino, dx_agino_t prev)
{
	struct set_ptr sp = { prev };

	if (agino != DX_NULLAGINO)
		dx_icache_peek(mp, dx_agino_to_ino(mp, agno, agino), set_prev, &sp);
}

/* The locked cluster buffer of an inode, and the inode in it. */
static int read_dinode(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, dx_agino_t agino,
		       struct dx_buf **bpp, struct dx_dinode **dipp, u32 *boffset)
{
	struct dx_imap imap;
	int error;

	if (!dx_agino_ok(mp, agno, agino))
		return dx_corrupt(mp, "AGI", dx_fsb_daddr_of_agsect(mp, agno, DX_AGI_SECT),
				  "unlinked list names inode 0x%x of AG %u", agino, agno);
	error = dx_imap(mp, tp, dx_agino_to_ino(mp, agno, agino), false, &imap);
	if (error)
		return error;
	error = dx_trans_read_buf(mp, tp, imap.daddr, imap.len_bb, 0, &dx_inode_buf_ops, bpp);
	if (error)
		return error;
	*dipp = dx_buf_off(*bpp, imap.boffset);
	*boffset = imap.boffset;
	return 0;
}

/* Store @next in a disk inode and log that; the old value must be @old. */
static int set_dinode_next(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, dx_agino_t agino,
			   dx_agino_t old, dx_agino_t next)
{
	struct set_ptr sp = { next };
	struct dx_dinode *dip;
	struct dx_buf *bp;
	u32 off, boffset;
	int error;

	error = read_dinode(mp, tp, agno, agino, &bp, &dip, &boffset);
	if (error)
		return error;
	if (be32_to_cpu(dip->di_next_unlinked) != old) {
		error = dx_corrupt(mp, "inode", bp->b_daddr, "next_unlinked of 0x%x is 0x%x, not 0x%x",
				   agino, be32_to_cpu(dip->di_next_unlinked), old);
		dx_trans_let_go(tp, bp);
		return error;
	}
	if (old == next) {
		dx_trans_let_go(tp, bp);
		return 0;
	}
	dip->di_next_unlinked = cpu_to_be32(next);
	dx_dinode_stamp_crc(mp, dip);
	off = boffset + offsetof(struct dx_dinode, di_next_unlinked);
	dx_trans_inode_buf(tp, bp);
	dx_trans_log_buf(tp, bp, off, off + sizeof(dip->di_next_unlinked) - 1);
	dx_icache_peek(mp, dx_agino_to_ino(mp, agno, agino), set_next, &sp);
	return 0;
}

/**
 * dx_iunlink_set_bucket - change the head of an unlinked list
 * @tp: transaction
 * @agibp: AGI, locked in it
 * @bucket: which
 * @agino: new head, or DX_NULLAGINO
 */
void dx_iunlink_set_bucket(struct dx_trans *tp, struct dx_buf *agibp, int bucket, dx_agino_t agino)
{
	struct dx_agi *agi = agibp->b_addr;

	agi->agi_unlinked[bucket] = cpu_to_be32(agino);
	dx_agi_log(tp, agibp, offsetof(struct dx_agi, agi_unlinked[0]) + bucket * sizeof(__be32), sizeof(__be32));
}

static int read_head(struct dx_mount *mp, struct dx_buf *agibp, dx_agno_t agno, int bucket, dx_agino_t *head)
{
	struct dx_agi *agi = agibp->b_addr;

	*head = be32_to_cpu(agi->agi_unlinked[bucket]);
	if (*head != DX_NULLAGINO && !dx_agino_ok(mp, agno, *head))
		return dx_corrupt(mp, "AGI", agibp->b_daddr, "unlinked[%d] is 0x%x", bucket, *head);
	return 0;
}

/**
 * dx_unlinked_add - put an inode onto its AG's unlinked list
 * @tp: transaction; the AGI is locked into it and stays so
 * @ip: joined, ILOCK held exclusively, nlink has just become 0
 *
 * Return: 0 or -errno; the transaction is dirty after most errors.
 */
int dx_unlinked_add(struct dx_trans *tp, struct dx_inode *ip)
{
	struct dx_mount *mp = ip->mp;
	dx_agno_t agno = dx_ino_to_agno(mp, ip->ino);
	dx_agino_t agino = dx_ino_to_agino(mp, ip->ino), head;
	int bucket = agino % DX_AGI_UNLINKED_BUCKETS;
	struct dx_buf *agibp;
	int error;

	error = dx_agi_read(mp, tp, agno, &agibp);
	if (error)
		return error;
	error = read_head(mp, agibp, agno, bucket, &head);
	if (error)
		return error;
	if (head == agino)
		return dx_corrupt(mp, "AGI", agibp->b_daddr, "unlinked[%d] is 0x%x already", bucket, agino);

	error = set_dinode_next(mp, tp, agno, agino, DX_NULLAGINO, head);
	if (error)
		return error;
	note_prev(mp, agno, head, agino);
	ip->prev_unlinked = 0;
	dx_iunlink_set_bucket(tp, agibp, bucket, agino);
	return 0;
}

static int next_of(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, dx_agino_t agino, dx_agino_t *next)
{
	struct dx_dinode *dip;
	struct dx_buf *bp;
	u32 boffset;
	int error;

	error = read_dinode(mp, tp, agno, agino, &bp, &dip, &boffset);
	if (error)
		return error;
	*next = be32_to_cpu(dip->di_next_unlinked);
	dx_trans_let_go(tp, bp);
	return 0;
}

/* The inode before @agino on the list that begins with @head; both differ. */
static int find_prev(struct dx_mount *mp, struct dx_trans *tp, dx_agno_t agno, dx_agino_t head, dx_agino_t agino,
		     dx_agino_t hint, dx_agino_t *prev)
{
	struct dx_ring_watch watch = { 0 };
	dx_agino_t cur, next;
	int error;

	if (hint && dx_agino_ok(mp, agno, hint)) {
		error = next_of(mp, tp, agno, hint, &next);
		if (error)
			return error;
		if (next == agino) {
			*prev = hint;
			return 0;
		}
	}
	for (cur = head; cur != DX_NULLAGINO && !dx_ring_closed(&watch, cur); cur = next) {
		error = next_of(mp, tp, agno, cur, &next);
		if (error)
			return error;
		if (next == agino) {
			*prev = cur;
			return 0;
		}
	}
	return dx_corrupt(mp, "AGI", dx_fsb_daddr_of_agsect(mp, agno, DX_AGI_SECT),
			  "inode 0x%x of AG %u is not on its unlinked list", agino, agno);
}

/**
 * dx_unlinked_remove - take an inode off its AG's unlinked list
 * @tp: transaction
 * @agibp: its AGI, locked in @tp, or NULL to have it read here
 * @ip: joined, ILOCK held exclusively
 *
 * Return: 0, -EFSCORRUPTED (not on the list, list broken), -EIO.
 */
int dx_unlinked_remove(struct dx_trans *tp, struct dx_buf *agibp, struct dx_inode *ip)
{
	struct dx_mount *mp = ip->mp;
	dx_agno_t agno = dx_ino_to_agno(mp, ip->ino);
	dx_agino_t agino = dx_ino_to_agino(mp, ip->ino), head, next, prev = 0;
	int bucket = agino % DX_AGI_UNLINKED_BUCKETS;
	int error;

	if (!agibp) {
		error = dx_agi_read(mp, tp, agno, &agibp);
		if (error)
			return error;
	}
	error = read_head(mp, agibp, agno, bucket, &head);
	if (error)
		return error;
	if (head == DX_NULLAGINO)
		return dx_corrupt(mp, "AGI", agibp->b_daddr, "unlinked[%d] is empty, inode 0x%x should be on it",
				  bucket, agino);
	if (head != agino) {
		error = find_prev(mp, tp, agno, head, agino, ip->prev_unlinked, &prev);
		if (error)
			return error;
	}
	error = next_of(mp, tp, agno, agino, &next);
	if (error)
		return error;
	if (next != DX_NULLAGINO && (next == agino || !dx_agino_ok(mp, agno, next)))
		return dx_corrupt(mp, "inode", ip->imap.daddr, "next_unlinked of 0x%x is 0x%x", agino, next);

	error = set_dinode_next(mp, tp, agno, agino, next, DX_NULLAGINO);
	if (error)
		return error;
	if (head == agino) {
		dx_iunlink_set_bucket(tp, agibp, bucket, next);
	} else {
		error = set_dinode_next(mp, tp, agno, prev, agino, next);
		if (error)
			return error;
	}
	note_prev(mp, agno, next, prev);
	ip->prev_unlinked = 0;
	return 0;
}

/**
 * dx_unlinked_next - what is behind an inode that cannot be read
 * @mp: mount, nobody changes the list
 * @agno: AG
 * @agino: the inode
 * @next: out: the next one on its list, or DX_NULLAGINO
 *
 * Whatever else is wrong with it: the checksum says that this was written so, and the rest that it is this inode, unlinked.
 *
 * Return: 0; -EFSCORRUPTED: it cannot be trusted; -EIO, -ENOMEM.
 */
int dx_unlinked_next(struct dx_mount *mp, dx_agno_t agno, dx_agino_t agino, dx_agino_t *next)
{
	struct dx_dinode *dip;
	struct dx_buf *bp;
	u32 boffset;
	int error;

	error = read_dinode(mp, NULL, agno, agino, &bp, &dip, &boffset);
	if (error)
		return error;
	if (!dx_verify_cksum(dip, mp->sb.inodesize, DX_DINODE_CRC_OFF) || !dx_meta_uuid_ok(mp, &dip->di_uuid) ||
	    be64_to_cpu(dip->di_ino) != dx_agino_to_ino(mp, agno, agino) || dip->di_nlink)
		error = -EFSCORRUPTED;
	*next = be32_to_cpu(dip->di_next_unlinked);
	dx_buf_leave(bp);
	return error;
}

/* ---- replay ---- */

/**
 * dx_iunlink_replay - of a logged piece of a cluster only the unlinked pointers: the inodes have items of their own
 * @rc: the recovery
 * @bp: the cluster, locked
 * @off: bytes
 * @src: what was logged
 * @len: bytes
 *
 * Return: 0 or -EFSCORRUPTED.
 */
int dx_iunlink_replay(struct dx_recovery *rc, struct dx_buf *bp, u32 off, const char *src, u32 len)
{
	struct dx_mount *mp = rc->mp;
	u32 isize = mp->sb.inodesize, i;

	for (i = rounddown(off, isize); i < off + len && i + isize <= dx_buf_len(bp); i += isize) {
		u32 at = i + offsetof(struct dx_dinode, di_next_unlinked);
		struct dx_dinode *dip = dx_buf_off(bp, i);
		__be32 next;

		if (at < off || at + sizeof(next) > off + len)
			continue;
		memcpy(&next, src + (at - off), sizeof(next));
		if (!next)
			return dx_replay_bad(rc, "di_next_unlinked", bp->b_maps[0].daddr);
		dip->di_next_unlinked = next;
		dx_dinode_stamp_crc(mp, dip);
	}
	return 0;
}
