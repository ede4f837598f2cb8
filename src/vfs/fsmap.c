// SPDX-License-Identifier: GPL-2.0-only
/*
 * FS_IOC_GETFSMAP: what each part of the device is used for.
 *
 * A key is a device, a place there, and who has it.  The answer is the records between the two keys, in order of place, and
 * what no record covers in between: free space where the rmapbt is asked, and somebody's, nobody says whose, where the free space
 * is.  Without CAP_SYS_ADMIN nobody is told who has what.
 *
 * A low key with a length is the last record of an answer before; what comes next follows it.  Places are in sectors (bb)
 * here; what is less of them in a key is cut off.
 *
 * struct fsmap is the same for 32-bit programs.
 *
 * Locks: none; core takes the AGF, and lets it go before a record goes to the program's memory.
 */
#include <linux/capability.h>
#include <linux/fsmap.h>
#include <linux/kdev_t.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include "dx_vfs.h"
#include "dx_alloc.h"

#define WALK_FULL	1	/* the program has no room for another record */

struct fsmap_walk {
	struct dx_mount		*mp;
	struct fsmap_head	*head;
	struct fsmap __user	*recs;
	u32			dev;
	u32			last_flags;	/* of the last record that went out */
	bool			by_owner;
	dx_agno_t		agno;
	u64			next_bb;	/* up to here all is told, or not asked for */
	bool			behind_key;	/* in the first AG: what begins before @key was told before */
	union dx_btree_key	key;
};

/* ---- owners ---- */

static const struct { u64 own, fmr; } special[] = {
	{ DX_RMAP_OWN_NULL,	FMR_OWN_FREE },
	{ DX_RMAP_OWN_UNKNOWN,	FMR_OWN_UNKNOWN },
	{ DX_RMAP_OWN_FS,	FMR_OWNER('X', 1) },
	{ DX_RMAP_OWN_LOG,	FMR_OWNER('X', 2) },
	{ DX_RMAP_OWN_AG,	FMR_OWNER('X', 3) },
	{ DX_RMAP_OWN_INOBT,	FMR_OWNER('X', 4) },
	{ DX_RMAP_OWN_INODES,	FMR_OWNER('X', 5) },
	{ DX_RMAP_OWN_REFC,	FMR_OWNER('X', 6) },
	{ DX_RMAP_OWN_COW,	FMR_OWNER('X', 7) },
};

/* What a record of the map has as flags, and a key of the tree in its offset; PREALLOC is no part of a key. */
static const struct { u64 offset; u32 fmr; } marks[] = {
	{ DX_RMAP_ATTRFORK, FMR_OF_ATTR_FORK }, { DX_RMAP_BMBT, FMR_OF_EXTENT_MAP }, { DX_RMAP_UNWRITTEN, FMR_OF_PREALLOC },
};

static u64 owner_told(u64 own)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(special); i++)
		if (special[i].own == own)
			return special[i].fmr;
	return FMR_OWN_UNKNOWN;
}

static int owner_asked(const struct fsmap *key, u64 *own)
{
	int i;

	*own = key->fmr_owner;
	/* the ends of all owners need no name */
	if (!(key->fmr_flags & FMR_OF_SPECIAL_OWNER) || *own == 0 || *own == U64_MAX)
		return 0;
	for (i = 0; i < ARRAY_SIZE(special); i++) {
		if (special[i].fmr == *own) {
			*own = special[i].own;
			return 0;
		}
	}
	return -EINVAL;
}

/* Owner and offset of a key as the tree has them. */
static int key_asked(struct dx_mount *mp, const struct fsmap *f, union dx_btree_key *key)
{
	u64 offset = dx_b_to_fsbt(mp, f->fmr_offset);
	int i;

	for (i = 0; i < ARRAY_SIZE(marks); i++)
		if (f->fmr_flags & marks[i].fmr)
			offset |= marks[i].offset;
	key->rmap.offset = offset & ~DX_RMAP_UNWRITTEN;
	return owner_asked(f, &key->rmap.owner);
}

/* ---- records ---- */

static int tell(struct fsmap_walk *w, struct fsmap *f)
{
	struct fsmap_head *head = w->head;

	if (head->fmh_entries >= (head->fmh_count ?: U32_MAX))
		return WALK_FULL;
	if (!head->fmh_count) {
		head->fmh_entries++;
		return 0;
	}
	f->fmr_device = w->dev;
	f->fmr_physical <<= DX_BBSHIFT;
	f->fmr_length <<= DX_BBSHIFT;
	if (copy_to_user(&w->recs[head->fmh_entries], f, sizeof(*f)))
		return -EFAULT;
	head->fmh_entries++;
	w->last_flags = f->fmr_flags;
	return 0;
}

/* What no record has told of up to @to_bb. */
static int tell_gap(struct fsmap_walk *w, u64 to_bb)
{
	struct fsmap f = {
		.fmr_physical = w->next_bb,
		.fmr_length = to_bb - w->next_bb,
		.fmr_owner = w->by_owner ? FMR_OWN_FREE : FMR_OWN_UNKNOWN,
		.fmr_flags = FMR_OF_SPECIAL_OWNER,
	};

	return to_bb > w->next_bb ? tell(w, &f) : 0;
}

static bool was_told(const struct fsmap_walk *w, const struct dx_space_rec *rec)
{
	const union dx_btree_key *k = &w->key;

	if (!w->behind_key)
		return false;
	if (rec->bno != k->rmap.startblock)
		return rec->bno < k->rmap.startblock;
	if (rec->owner != k->rmap.owner)
		return rec->owner < k->rmap.owner;
	return (rec->offset & ~DX_RMAP_UNWRITTEN) < k->rmap.offset;
}

static int one_record(const struct dx_space_rec *rec, void *data)
{
	struct fsmap_walk *w = data;
	struct fsmap f = {
		.fmr_physical = dx_agb_to_daddr(w->mp, w->agno, rec->bno),
		.fmr_length = dx_fsb_to_bb(w->mp, rec->len),
		.fmr_owner = rec->owner,
	};
	u64 start = f.fmr_physical, end = start + f.fmr_length;
	dx_extlen_t before, shared;
	int error, i;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (was_told(w, rec))
		goto out;
	error = tell_gap(w, start);
	if (error)
		return error;
	if (DX_RMAP_OWN_SPECIAL(rec->owner)) {
		f.fmr_flags = FMR_OF_SPECIAL_OWNER;
		f.fmr_owner = owner_told(rec->owner);
	}
	f.fmr_offset = dx_fsb_to_b(w->mp, DX_RMAP_OFF(rec->offset));
	for (i = 0; i < ARRAY_SIZE(marks); i++)
		if (rec->offset & marks[i].offset)
			f.fmr_flags |= marks[i].fmr;
	/* file data: is another extent there, too, in any of its blocks? */
	if (!f.fmr_flags && dx_has_reflink(w->mp)) {
		error = dx_refcount_find_shared(w->mp, dx_agb_to_fsb(w->mp, w->agno, rec->bno), rec->len, &before, &shared);
		if (error)
			return error;
		if (shared)
			f.fmr_flags |= FMR_OF_SHARED;
	}
	error = tell(w, &f);
	if (error)
		return error;
out:
	w->next_bb = max(w->next_bb, end);
	return 0;
}

/* ---- the walk ---- */

static bool is_key_flagged(const struct fsmap *f)
{
	return f->fmr_flags & (FMR_OF_SPECIAL_OWNER | FMR_OF_EXTENT_MAP);
}

/* Is the low key below the high one, and neither of them nonsense?  Lengths and offsets count in sectors. */
static bool are_keys_ordered(const struct fsmap *low, const struct fsmap *high)
{
	if (is_key_flagged(low) && low->fmr_offset >> DX_BBSHIFT)
		return false;
	if (is_key_flagged(high) && high->fmr_flags != U32_MAX && high->fmr_offset >> DX_BBSHIFT)
		return false;
	if (high->fmr_length >> DX_BBSHIFT)
		return false;
	if (low->fmr_device != high->fmr_device)
		return low->fmr_device < high->fmr_device;
	if (low->fmr_physical >> DX_BBSHIFT != high->fmr_physical >> DX_BBSHIFT)
		return low->fmr_physical >> DX_BBSHIFT < high->fmr_physical >> DX_BBSHIFT;
	if (low->fmr_owner != high->fmr_owner)
		return low->fmr_owner < high->fmr_owner;
	return low->fmr_offset >> DX_BBSHIFT < high->fmr_offset >> DX_BBSHIFT;
}

/*
 * Can something else have the blocks that the low key is about, too?  Then what follows may be at the same place, with another
 * owner, or at another place of the same file.
 */
static bool can_be_shared(struct dx_mount *mp, const struct fsmap *f)
{
	return dx_has_reflink(mp) &&
	       !(f->fmr_flags & (FMR_OF_SPECIAL_OWNER | FMR_OF_EXTENT_MAP | FMR_OF_ATTR_FORK | FMR_OF_PREALLOC));
}

/* One device, which is all there are. */
static int walk_device(struct fsmap_walk *w, const struct fsmap *low, const struct fsmap *high)
{
	static const union dx_btree_key ag_first, ag_last = {
		.rmap = { .startblock = U32_MAX, .owner = U64_MAX, .offset = U64_MAX }
	};
	struct dx_mount *mp = w->mp;
	u64 end_bb = dx_fsb_to_bb(mp, dx_dblocks(mp)), start_bb = low->fmr_physical >> DX_BBSHIFT;
	u64 first, last, last_bb = min(high->fmr_physical >> DX_BBSHIFT, end_bb - 1);
	u64 behind = dx_bb_to_fsbt(mp, low->fmr_length >> DX_BBSHIFT);
	union dx_btree_key from, to;
	dx_agno_t agno, agend;
	int error;

	if (start_bb >= end_bb)
		return 0;
	error = key_asked(mp, low, &from);
	if (!error)
		error = key_asked(mp, high, &to);
	if (error)
		return error;
	first = dx_bb_to_fsbt(mp, start_bb);
	if (behind && can_be_shared(mp, low)) {
		from.rmap.offset += behind;
	} else if (behind) {
		from.rmap.owner = from.rmap.offset = 0;
		if (behind >= dx_dblocks(mp) - first)
			return 0;
		first += behind;
	}
	last = dx_bb_to_fsbt(mp, last_bb);
	agno = div_u64(first, mp->sb.agblocks);
	agend = div_u64(last, mp->sb.agblocks);
	from.rmap.startblock = first - (u64)agno * mp->sb.agblocks;
	to.rmap.startblock = last - (u64)agend * mp->sb.agblocks;
	w->behind_key = behind;
	w->key = from;
	for (w->agno = agno; w->agno <= agend; w->agno++) {
		error = dx_space_query(mp, w->agno, w->by_owner, w->agno == agno ? &from : &ag_first,
				       w->agno == agend ? &to : &ag_last, one_record, w);
		if (error)
			return error;
		w->behind_key = false;
	}
	return tell_gap(w, last_bb + 1);
}

static bool is_device_ours(const struct fsmap_walk *w, const struct fsmap *key)
{
	return !key->fmr_device || key->fmr_device == U32_MAX || key->fmr_device == w->dev;
}

static int walk(struct fsmap_walk *w)
{
	static const struct fsmap lowest, highest = {
		.fmr_flags = U32_MAX, .fmr_physical = U64_MAX, .fmr_owner = U64_MAX, .fmr_offset = U64_MAX
	};
	const struct fsmap *low = &w->head->fmh_keys[0], *high = &w->head->fmh_keys[1];

	if (!is_device_ours(w, low) || !is_device_ours(w, high) || !are_keys_ordered(low, high))
		return -EINVAL;
	/* a low key of a device before ours says nothing about ours, except that this much of it is known already */
	w->next_bb = (low->fmr_physical >> DX_BBSHIFT) + (low->fmr_length >> DX_BBSHIFT);
	if (low->fmr_device > w->dev || high->fmr_device < w->dev)
		return 0;
	return walk_device(w, low->fmr_device == w->dev ? low : &lowest, high->fmr_device == w->dev ? high : &highest);
}

/**
 * dx_ioc_getfsmap - FS_IOC_GETFSMAP
 * @file: any open file of the filesystem
 * @arg: struct fsmap_head with the records behind it
 *
 * Return: 0, -EINVAL for keys and headers that make no sense, -EFAULT, -EINTR, or an error of the trees: what was written
 * of the records does not count then.
 */
long dx_ioc_getfsmap(struct file *file, void __user *arg)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct fsmap_head head;
	struct fsmap_walk w = {
		.mp = DX_M(sb),
		.head = &head,
		.recs = (void __user *)((char __user *)arg + sizeof(head)),
		.dev = new_encode_dev(sb->s_bdev->bd_dev),
	};
	int error;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.fmh_iflags || memchr_inv(head.fmh_reserved, 0, sizeof(head.fmh_reserved)) ||
	    memchr_inv(head.fmh_keys[0].fmr_reserved, 0, sizeof(head.fmh_keys[0].fmr_reserved)) ||
	    memchr_inv(head.fmh_keys[1].fmr_reserved, 0, sizeof(head.fmh_keys[1].fmr_reserved)))
		return -EINVAL;
	/* it is no offence not to be allowed to know */
	w.by_owner = dx_has_rmapbt(w.mp) && ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
	head.fmh_entries = 0;
	head.fmh_oflags = FMH_OF_DEV_T;
	error = walk(&w);
	if (error < 0)
		return error;
	if (!error && head.fmh_count && head.fmh_entries) {
		w.last_flags |= FMR_OF_LAST;
		if (put_user(w.last_flags, &w.recs[head.fmh_entries - 1].fmr_flags))
			return -EFAULT;
	}
	return copy_to_user(arg, &head, sizeof(head)) ? -EFAULT : 0;
}
