// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is on the volume decides what may be done to it.
 *
 * The superblock's feature bits say what could be there (dx_sb_gate()); this looks at what is: shared blocks, what the
 * log leaves unfinished, checked quota usage, a size that the log has changed.  Three times:
 *
 *  - before the log is replayed (dx_gate_superblock(), dx_gate_leftovers()): while a refusal still leaves the device as it was;
 *  - after replay, before the first transaction of our own (dx_gate_open());
 *  - when a read-only mount becomes read-write (dx_gate_remount()).
 *
 * Blocks that two files share we can read, not free: who frees one takes it from the other.  A mount of such a volume is
 * read-only and frees nothing, also not what recovery would: what the log began (frees, changes of owners), unlinked
 * inodes.  When the log is clean they can wait on disk.  When it is dirty, replaying it and then saying that it
 * is clean would lose the first kind, and xfs_repair and the next kernel would find the second: so the
 * mount is refused, and somebody else finishes them.
 *
 * Blocks that a kernel with reflink has set aside for copies on write, and left when it crashed, are no reason for that: they are
 * nobody's, and not free, so nothing that we do meets them.
 *
 * Quota is not accounted by us, so after our first change usage is not what was checked.  The log says so before that
 * change, or a crash would leave figures that are wrong and pass for checked.
 *
 * Context: mount and remount; nothing else runs.
 */
#include "dx_recover.h"
#include "dx_alloc.h"

/* ---- before the replay ---- */

/**
 * dx_gate_superblock - take over the superblock that the log leaves
 * @rc: the recovery; the first pass has followed the superblock
 *
 * A log that holds a growth of the volume has transactions in the new AGs behind it: they must be there before these
 * are replayed.
 *
 * Return: 0; -EINVAL, -EIO (refused); -EFSCORRUPTED, -ENOMEM.
 */
int dx_gate_superblock(struct dx_recovery *rc)
{
	struct dx_mount *mp = rc->mp;
	struct dx_buf *bp;
	struct dx_sb new;
	int error;

	error = dx_look_get(rc, 0, 1u << mp->sectbb_log, &bp);
	if (error)
		return error;
	dx_sb_from_disk(&new, bp->b_addr);
	return dx_mount_change_sb(mp, &new);
}

static dx_daddr_t header_daddr(struct dx_mount *mp, dx_agno_t agno, unsigned int sect)
{
	return dx_fsb_daddr_of_agsect(mp, agno, sect);
}

static int look_at_headers(struct dx_recovery *rc)
{
	struct dx_mount *mp = rc->mp;
	u32 len = 1u << mp->sectbb_log;
	dx_agno_t agno;
	int error = 0;

	for (agno = 0; agno < dx_agcount(mp) && !error; agno++) {
		error = dx_look_add(rc, header_daddr(mp, agno, DX_AGF_SECT), len, &dx_agf_buf_ops);
		if (!error)
			error = dx_look_add(rc, header_daddr(mp, agno, DX_AGI_SECT), len, &dx_agi_buf_ops);
	}
	return error ? error : dx_recover_pass(rc, DX_PASS_LOOK);
}

/* The root of an AG's refcount btree: where it is, when it is a leaf. */
static int refcount_root(struct dx_recovery *rc, dx_agno_t agno, u32 *level, dx_daddr_t *daddr)
{
	struct dx_mount *mp = rc->mp;
	const struct dx_agf *f;
	struct dx_buf *bp;
	int error;

	error = dx_look_get(rc, header_daddr(mp, agno, DX_AGF_SECT), 1u << mp->sectbb_log, &bp);
	if (error)
		return error;
	f = bp->b_addr;
	*level = be32_to_cpu(f->agf_refcntlevel);
	*daddr = dx_agb_to_daddr(mp, agno, be32_to_cpu(f->agf_refcntroot));
	return 0;
}

/* Will any block be shared when the log has been replayed? */
static int will_share(struct dx_recovery *rc, bool *shared)
{
	struct dx_mount *mp = rc->mp;
	u32 len = 1u << mp->blkbb_log, level;
	dx_daddr_t daddr;
	dx_agno_t agno;
	int error;

	*shared = false;
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		error = refcount_root(rc, agno, &level, &daddr);
		if (error)
			return error;
		if (level != 1) {
			*shared = true;
			return 0;
		}
		error = dx_look_add(rc, daddr, len, &dx_refcountbt_buf_ops);
		if (error)
			return error;
	}
	error = dx_recover_pass(rc, DX_PASS_LOOK);
	for (agno = 0; agno < dx_agcount(mp) && !error && !*shared; agno++) {
		struct dx_buf *bp;
		u64 staged = 0;

		error = refcount_root(rc, agno, &level, &daddr);
		if (!error)
			error = dx_look_get(rc, daddr, len, &bp);
		if (error)
			break;
		*shared = dx_refcount_leaf_shares(bp, &staged);
	}
	return error;
}

/* Lists of unlinked inodes that will not be empty. */
static int count_unlinked(struct dx_recovery *rc, unsigned int *lists)
{
	struct dx_mount *mp = rc->mp;
	dx_agno_t agno;
	int error, i;

	*lists = 0;
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		const struct dx_agi *agi;
		struct dx_buf *bp;

		error = dx_look_get(rc, header_daddr(mp, agno, DX_AGI_SECT), 1u << mp->sectbb_log, &bp);
		if (error)
			return error;
		agi = bp->b_addr;
		for (i = 0; i < DX_AGI_UNLINKED_BUCKETS; i++)
			*lists += agi->agi_unlinked[i] != cpu_to_be32(DX_NULLAGINO);
	}
	return 0;
}

/* The first kernel that can do all that such a volume wants. */
static const char *reflink_linux(struct dx_mount *mp)
{
	if (dx_has_nrext64(mp))
		return "5.19";
	return dx_has_inobtcnt(mp) || dx_has_bigtime(mp) ? "5.10" : "4.16";
}

/**
 * dx_gate_leftovers - does the log leave something that this mount may not finish?
 * @rc: the recovery, before the pass that writes; geometry is that which the log leaves
 *
 * Return: 0; -EINVAL, refused with a message; -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_gate_leftovers(struct dx_recovery *rc)
{
	struct dx_mount *mp = rc->mp;
	unsigned int intents, lists;
	bool shared = false;
	int error;

	if (!dx_has_reflink(mp) || mp->opts.share)
		return 0;
	error = look_at_headers(rc);
	if (!error)
		error = will_share(rc, &shared);
	if (error || !shared)
		return error;
	error = count_unlinked(rc, &lists);
	if (error)
		return error;
	intents = dx_intents_left(rc, NULL);
	if (!intents && !lists)
		return 0;
	dx_err(mp, "files share blocks (reflink), and the log leaves %u intents and %u lists of unlinked files to be finished, which this driver cannot do there: mount the volume once with the xfs of Linux %s or newer, or read-only with -o ro,norecovery",
	       intents, lists, reflink_linux(mp));
	return -EINVAL;
}

/* ---- after it ---- */

static int check_shared(struct dx_mount *mp)
{
	bool shared;
	u64 staged;
	int error;

	if (!dx_has_reflink(mp) || mp->opts.share)
		return 0;
	error = dx_refcount_look(mp, &shared, &staged);
	if (error)
		return error;
	if (!shared) {
		if (staged)
			dx_warn(mp, "%llu blocks are set aside for copies on write that another kernel has not finished: they stay unused until the xfs of Linux %s or newer mounts the volume",
				(unsigned long long)staged, reflink_linux(mp));
		return 0;
	}
	dx_warn(mp, "files share blocks (reflink), which cannot be written yet: mounted read-only; copy the files to a volume made with mkfs.xfs -m reflink=0 to write");
	set_bit(DX_OP_RO_FEATURE, &mp->opstate);
	return 0;
}

/*
 * Usage of quota that was checked is not any more, for the mount is about to be changed for the first time.  Only the
 * flags that say "checked" go: what is accounted and enforced is the administrator's, and a kernel that does account
 * counts anew because of the missing ones.  0 when the log on disk says so.
 */
static int quota_unchecked(struct dx_mount *mp)
{
	if (!(mp->sb.qflags & DX_SB_QFLAG_CHKD))
		return 0;
	dx_info(mp, "quota is not accounted here: a kernel that does will count usage anew");
	return dx_sync_sb(mp, true);
}

/**
 * dx_gate_open - what may this mount do?
 * @mp: log replayed, counters set; no transaction has run, intents and unlinked inodes wait
 *
 * Sets DX_OP_RO_FEATURE when blocks are shared.  The caller then finishes nothing.
 *
 * Return: 0 or -errno.
 */
int dx_gate_open(struct dx_mount *mp)
{
	bool recovering = test_bit(DX_OP_RECOVERING, &mp->opstate);
	int error;

	/* read-only and nothing to finish: dx_gate_remount() asks when that changes */
	if (dx_is_readonly(mp) && !recovering)
		return 0;
	error = check_shared(mp);
	if (error)
		return error;
	if (test_bit(DX_OP_RO_FEATURE, &mp->opstate)) {
		/* dx_gate_leftovers() has seen to it */
		if (recovering && dx_intents_pending(mp)) {
			dx_err(mp, "the log has left extents to be freed on a volume with shared blocks: this should have been refused");
			return -EFSCORRUPTED;
		}
		return 0;
	}
	error = recovering ? 0 : dx_log_begin_writing(mp);
	return error ? error : quota_unchecked(mp);
}

/**
 * dx_gate_remount - may a read-only mount become read-write?
 * @mp: a read-only mount that is allowed to by its feature bits
 *
 * Return: 0 with the mount still read-only, -EROFS, or another -errno.
 */
int dx_gate_remount(struct dx_mount *mp)
{
	int error = check_shared(mp);

	if (!error && test_bit(DX_OP_RO_FEATURE, &mp->opstate))
		error = -EROFS;
	return error;
}

/**
 * dx_gate_remounted - the first thing that a mount does when it has become read-write
 * @mp: the mount, writable for the core, not for users yet
 *
 * Return: 0, -EIO or -ENOMEM.
 */
int dx_gate_remounted(struct dx_mount *mp)
{
	int error = dx_log_begin_writing(mp);

	return error ? error : quota_unchecked(mp);
}
