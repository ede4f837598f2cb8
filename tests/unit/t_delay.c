// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last blocks of a volume: what delayed extents hold is enough, however free space is
 * fragmented by then and however the map has changed since, and it is not more than it must be, so that small files and
 * fallocate can have every block.
 *
 * "Full" is: nothing free and no reserve pool.
 *
 * And a file in thousands of pieces, with as many gaps between its blocks on disk: what it takes goes upwards, and the free space
 * trees, which grow meanwhile, do not split and join in turns, for which each time a block of the free list is wanted that nobody may
 * use before its freeing is in the log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "host.h"
#include "dx_inode.h"
#include "dx_bmap.h"
#include "dx_log.h"
#include "dx_dir.h"
#include "util_model.h"

#define FILES		600
#define REACH		3000		/* offsets that the random part uses, fsblocks */

static const struct uv_profile profiles[] = {
	{ "4 KiB blocks", "-d agcount=2", 320 },
	{ "1 KiB blocks, large extent counters", "--unsupported -m reflink=0 -d agcount=3 -l size=10m -b size=1024 -i nrext64=1", 120 },
	{ "16 AGs", "--unsupported -d agcount=16 -l size=8m", 320 },
	{ "4 KiB blocks, 2 KiB inodes", "-d agcount=2 -i size=2048", 320 },
};

static struct dx_inode *files[FILES], *big, *big2;
static u32 bs, nfiles;

static u32 rnd(u32 lim) { return host_random() % lim; }

static u64 avail(struct dx_mount *mp)
{
	struct dx_statfs st;

	dx_mount_statfs(mp, &st);
	return st.bavail;
}

static struct dx_inode *make_file(struct dx_mount *mp, int i)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	char name[20];
	struct dx_name n = { .name = (const u8 *)name, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip;

	n.len = sprintf(name, "f%d", i);
	return CHECK(!dx_create(mp->rootip, &n, &a, &ip)) ? ip : NULL;
}

static struct dx_mount *begin(u32 n)
{
	struct dx_mount *mp = uv_mount(NULL);

	if (!CHECK(mp))
		return NULL;
	bs = mp->sb.blocksize;
	dx_reserve_set(mp, 0);
	for (nfiles = 0; nfiles < n; nfiles++) {
		files[nfiles] = make_file(mp, nfiles);
		if (!files[nfiles])
			return NULL;
	}
	big = make_file(mp, -1);
	big2 = make_file(mp, -2);
	return big && big2 ? mp : NULL;
}

static int end(struct dx_mount *mp)
{
	CHECK_EQ(atomic64_read(&mp->delalloc_resv), 0);
	while (nfiles--) {
		clear_bit(DX_I_EOFBLOCKS, &files[nfiles]->i_flags);
		files[nfiles]->d.flags |= DX_DIFLAG_PREALLOC;
		dx_idrop(files[nfiles]);
	}
	dx_idrop(big);
	dx_idrop(big2);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* Preallocate at the end of a file, as much at a time as goes, until only @keep blocks are free. */
static void take_all_but(struct dx_mount *mp, struct dx_inode *ip, u64 keep)
{
	u64 at, step;

	for (step = avail(mp); step && !host_checks_failed; step = min(step, avail(mp) - keep)) {
		int error;

		dx_ilock(ip, DX_ILOCK_EXCL);
		CHECK(!dx_bmap_last_offset(ip, DX_DATA_FORK, &at));
		dx_iunlock(ip, DX_ILOCK_EXCL);
		error = dx_alloc_file_space(ip, at * bs, min(step, avail(mp) - keep) * bs);
		if (error) {
			CHECK_EQ(error, -ENOSPC);
			step /= 2;
		}
		if (avail(mp) <= keep)
			break;
	}
}

/* Fill the volume, but for @crumbs blocks, each alone: no two free blocks are side by side. */
static void only_crumbs(struct dx_mount *mp, u32 crumbs)
{
	u32 i;

	take_all_but(mp, big, 200 + crumbs / 16);	/* these for the btree of so many extents */
	for (i = 0; i < crumbs; i++) {
		CHECK(!dx_free_file_space(big, (100 + 2 * i) * bs, bs));
		if (i % 50 == 0)
			CHECK(!dx_log_force(mp, true));		/* what is freed is not busy any more */
	}
	CHECK(!dx_log_force(mp, true));
	if (CHECK(avail(mp) >= crumbs))
		take_all_but(mp, big2, crumbs);
}

static int reserve(struct dx_inode *ip, u64 off, u32 len)
{
	struct dx_irec got;
	int error;

	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_bmap_reserve_delalloc(ip, off, len, 0, &got);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

/* Nobody else's space: all that is free goes to @taken. */
static void drain(struct dx_mount *mp, u64 *taken)
{
	u64 free = avail(mp);

	if (free && CHECK(!dx_mod_fdblocks(mp, -(s64)free, false)))
		*taken += free;
}

/*
 * Writeback of everything, in any order, with nothing free: what one extent does not use does not help the
 * next.  Returns the number of conversions.
 */
static u32 convert_all(struct dx_mount *mp)
{
	u64 taken = 0;

	u32 start = rnd(nfiles), i, done = 0;

	for (i = 0; i < nfiles && !host_checks_failed; i++) {
		struct dx_inode *ip = files[(start + i * 7) % nfiles];

		while (ip->delayed_blks && !host_checks_failed) {
			u64 skip = rnd(min_t(u64, ip->df.ext.nr, 20));
			struct dx_iext_cur cur;
			struct dx_mapped got;
			struct dx_irec r;
			bool more;

			for (more = dx_iext_first(&ip->df.ext, &cur, &r); more; more = dx_iext_next(&ip->df.ext, &cur, &r))
				if (dx_irec_is_delay(&r) && (!skip-- || ip->delayed_blks == r.blockcount))
					break;
			if (!more)
				continue;
			drain(mp, &taken);
			CHECK(!dx_bmap_convert_delalloc(ip, r.startoff + rnd(min_t(u64, r.blockcount, 3)), &got));
			CHECK(dx_irec_is_real(&got.rec));
			done++;
		}
	}
	dx_mod_fdblocks(mp, taken, false);
	return done;
}

/* ---- small files ---- */

/* Every block that is free can be data of a small file, and writing it out needs no other block. */
static int run_small(void *arg)
{
	struct dx_mount *mp = begin(FILES);
	u64 free, held = 0;
	u32 i, n;

	(void)arg;
	if (!mp)
		return -EIO;
	only_crumbs(mp, FILES * 3 / 2);
	free = avail(mp);
	for (i = 0; i < nfiles; i++) {
		n = 1 + i % 9;
		if (!reserve(files[i], rnd(2) * 5, n))
			held += n;
		else if (!reserve(files[i], 0, 1))
			held++;
	}
	printf("# %llu of %llu free blocks are delayed, %llu left\n", held, free, avail(mp));
	CHECK_EQ(held, free);
	CHECK_EQ(avail(mp), 0);
	CHECK_EQ(reserve(files[0], 1000, 1), -ENOSPC);
	CHECK(convert_all(mp) > free / 3);
	for (i = 0; i < nfiles; i++)
		CHECK(!dx_iomap_write_unwritten(files[i], 0, 20 * bs, 0));
	CHECK(avail(mp) < 40);		/* blocks of the free space btrees, which have become small */
	return end(mp);
}

/* ---- anything may happen before it is full ---- */

static void set_attr(struct dx_inode *ip)
{
	static u8 value[700];
	char name[12];
	struct dx_attr_arg a = {
		.ip = ip, .name = (u8 *)name, .value = rnd(3) ? value : NULL, .valuelen = rnd(8) ? rnd(50) : rnd(700),
	};
	int error;

	a.namelen = sprintf(name, "a%u", rnd(5));
	error = dx_attr_set_op(&a);
	CHECK(!error || error == -ENOSPC || (!a.value && error == -ENOATTR));
}

static void one_op(struct dx_inode *ip)
{
	/* most stay about as small as what fits into the inode, or into one leaf */
	u32 reach = ip->ino % 4 == 0 ? REACH : ip->ino % 4 == 1 ? 300 : 40;
	u32 off = rnd(reach), len = 1 + rnd(rnd(4) ? 4 : rnd(4) ? 30 : 150), op = rnd(100);
	struct dx_mapped got;
	int error = 0;

	if (op < 45)
		error = reserve(ip, off, len);
	else if (op < 55)
		error = dx_iomap_alloc(ip, off, len, false, rnd(2), &got);
	else if (op < 58)
		error = dx_alloc_file_space(ip, off * bs, len * bs);
	else if (op < 70)
		error = dx_bmap_convert_delalloc(ip, off, &got);
	else if (op < 82)
		error = dx_iomap_write_unwritten(ip, off * bs, len * bs, 0);
	else if (op < 86)
		error = dx_free_file_space(ip, off * bs, len * bs);
	else if (op < 90) {
		dx_ilock(ip, DX_ILOCK_EXCL);
		dx_bmap_punch_delalloc(ip, off, len);
		dx_iunlock(ip, DX_ILOCK_EXCL);
	} else if (op < 99) {
		/* from blocks that are not busy */
		CHECK(!dx_log_force(ip->mp, true));
		if (avail(ip->mp) > 500)
			set_attr(ip);
	} else {
		error = dx_setsize_trans(ip, off * bs, true, false);
	}
	CHECK(!error || error == -ENOSPC || error == -EAGAIN);
}

static u64 held_for_btrees(struct dx_mount *mp)
{
	u64 blocks = 0;
	u32 i;

	for (i = 0; i < nfiles; i++)
		blocks += files[i]->delayed_blks;
	return atomic64_read(&mp->delalloc_resv) - blocks;
}

/*
 * Files of all sizes change at random; then somebody takes all that is left.  Whatever is delayed must
 * become real with what it holds.
 */
static int run_random(void *arg)
{
	struct dx_mount *mp = begin(120);
	u32 round, i, done = 0;
	u64 indlen = 0;

	(void)arg;
	if (!mp)
		return -EIO;
	only_crumbs(mp, 14000);
	for (round = 0; round < 3 && !host_checks_failed; round++) {
		for (i = 0; i < 2500 && !host_checks_failed; i++)
			one_op(files[rnd(nfiles)]);
		CHECK(!dx_log_force(mp, true));
		indlen += held_for_btrees(mp);
		done += convert_all(mp);
		/* space for the next round */
		for (i = 0; i < nfiles; i += 1 + rnd(2))
			CHECK(!dx_setsize_trans(files[i], rnd(10) * bs, true, false));
		CHECK(!dx_log_force(mp, true));
	}
	printf("# %u conversions with nothing free, %llu blocks held for btrees\n", done, indlen);
	CHECK(done > 1000);
	return end(mp);
}

/* ---- fallocate and direct writes ---- */

/* All that statfs shows goes in one call, be it four gigabytes or one block; and with a btree, all but what it can need. */
static int run_falloc(void *arg)
{
	struct dx_mount *mp = begin(3);
	struct dx_mapped got;
	u64 free, trees;
	u32 i;

	(void)arg;
	if (!mp)
		return -EIO;
	free = avail(mp);
	CHECK(!dx_alloc_file_space(files[0], 0, free * bs));
	CHECK_EQ(avail(mp), 0);
	CHECK_EQ(dx_alloc_file_space(files[1], 0, bs), -ENOSPC);
	CHECK(!dx_setsize_trans(files[0], 0, true, false));
	CHECK(!dx_log_force(mp, true));
	CHECK_EQ(avail(mp), free);

	/* an extent size hint asks for more than there is: it is only a hint */
	files[1]->d.flags |= DX_DIFLAG_EXTSIZE;
	files[1]->d.extsize = 512;
	CHECK(!dx_alloc_file_space(files[0], 0, (free - 40) * bs));
	CHECK(!dx_iomap_alloc(files[1], 0, 30, false, false, &got));
	CHECK(!dx_alloc_file_space(files[1], 0, 40 * bs));
	CHECK_EQ(avail(mp), 0);
	CHECK(!dx_setsize_trans(files[0], 0, true, false));
	CHECK(!dx_setsize_trans(files[1], 0, true, false));
	CHECK(!dx_log_force(mp, true));

	for (i = 0; i < 400; i++)
		CHECK(!dx_iomap_alloc(files[2], i * 2, 1, false, false, &got));
	CHECK_EQ(files[2]->df.format, DX_DINODE_FMT_BTREE);
	free = avail(mp);
	trees = atomic64_read(&mp->allocbt_blks);	/* of them comes back what was for gaps that are filled */
	CHECK(!dx_alloc_file_space(files[2], 1000 * bs, (free - 2 * mp->bm_maxlevels[0]) * bs));
	CHECK(avail(mp) <= 2 * mp->bm_maxlevels[0] + trees - atomic64_read(&mp->allocbt_blks));
	CHECK(!dx_setsize_trans(files[2], 0, true, false));
	return end(mp);
}

static int run_pieces(void *arg)
{
	struct dx_mount *mp = begin(0);
	struct dx_log_stats before, after;
	u64 last = 0, back = 0;
	u32 i, n = 1600;

	(void)arg;
	if (!mp)
		return -EIO;
	for (i = 0; i < n; i++)
		CHECK(!reserve(big, i * 2, 1));
	dx_log_get_stats(mp, &before);
	for (i = 0; i < n; i++) {
		struct dx_mapped got;

		CHECK(!dx_bmap_convert_delalloc(big, i * 2, &got));
		back += got.rec.startblock < last;
		last = got.rec.startblock;
	}
	dx_log_get_stats(mp, &after);
	CHECK(back <= 2);
	CHECK(after.checkpoints - before.checkpoints <= 2);
	return end(mp);
}

static const struct { const char *name; int (*fn)(void *); } tests[] = {
	{ "a file in many pieces", run_pieces },
	{ "small files have every block", run_small },
	{ "delayed extents hold enough", run_random },
	{ "fallocate has all that is free", run_falloc },
};

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? atoll(argv[1]) : 5, runs = argc > 2 ? atoi(argv[2]) : 1, k;
	char name[120];
	u32 p, i;

	uv_setup("t_delay");
	for (p = argc > 3 ? atoi(argv[3]) : 0; p < ARRAY_SIZE(profiles); p++) {
		for (i = 0; i < ARRAY_SIZE(tests); i++) {
			for (k = 0; k < runs; k++) {
				if (uv_make(&profiles[p]))
					return 1;
				snprintf(name, sizeof(name), "delay: %s, %s, seed %llu", tests[i].name, profiles[p].name, seed + k);
				host_test(name, seed + k, tests[i].fn, NULL);
				host_test_begin("delay: xfs_repair is content");
				CHECK(uv_repair_clean("check"));
				host_test_end();
			}
		}
	}
	uv_teardown();
	return host_test_exit();
}
