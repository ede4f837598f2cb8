// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets which space, and when: inodes and file data with inode32, takers of the last blocks who race each other, and
 * who waits for what was unlinked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_dir.h"
#include "dx_log.h"

#define DIRS	12
#define FILES	4		/* in each of them */

static u32 bs;

static u64 avail(struct dx_mount *mp)
{
	struct dx_statfs st;

	dx_mount_statfs(mp, &st);
	return st.bavail;
}

static struct dx_inode *make(struct dx_inode *dir, umode_t mode, const char *what, int i)
{
	struct dx_create_args a = { .mode = mode };
	char name[20];
	struct dx_name n = { .name = (const u8 *)name, .ftype = S_ISDIR(mode) ? DX_DIR3_FT_DIR : DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip;

	n.len = sprintf(name, "%s%d", what, i);
	return CHECK(!dx_create(dir, &n, &a, &ip)) ? ip : NULL;
}

/* ---- inode32 ---- */

static const struct uv_profile eight_ags = { "8 AGs", "--unsupported -d agcount=8 -l size=10m", 320 };

static struct where { u32 inodes, data; } ags[8];

static void note_data(struct dx_inode *ip, dx_fileoff_t off)
{
	struct dx_mapped got;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_look(ip, off, 1, 0, &got));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	if (CHECK(dx_irec_is_real(&got.rec)))
		ags[dx_fsb_to_agno(ip->mp, got.rec.startblock)].data++;
}

/* Directories with files in them, whose data is allocated now or delayed; what is where goes to ags[]. */
static void spread(struct dx_mount *mp, const char *what)
{
	struct dx_inode *dir, *ip;
	struct dx_mapped got;
	struct dx_irec rec;
	int d, i;

	memset(ags, 0, sizeof(ags));
	for (d = 0; d < DIRS; d++) {
		dir = make(mp->rootip, S_IFDIR | 0755, what, d);
		if (!dir)
			return;
		ags[dx_ino_to_agno(mp, dir->ino)].inodes++;
		for (i = 0; i < FILES; i++) {
			ip = make(dir, S_IFREG | 0644, "f", i);
			if (!ip)
				return;
			ags[dx_ino_to_agno(mp, ip->ino)].inodes++;
			if (i & 1) {
				CHECK(!dx_iomap_alloc(ip, 0, 3, false, false, &got));
			} else {
				dx_ilock(ip, DX_ILOCK_EXCL);
				CHECK(!dx_bmap_reserve_delalloc(ip, 0, 3, 0, &rec));
				dx_iunlock(ip, DX_ILOCK_EXCL);
				CHECK(!dx_bmap_convert_delalloc(ip, 0, &got));
			}
			note_data(ip, 0);
			/* what comes later goes behind it */
			CHECK(!dx_iomap_alloc(ip, 3, 5, false, false, &got));
			note_data(ip, 7);
			dx_idrop(ip);
		}
		dx_idrop(dir);
	}
}

/* AGs [0, @low) have inodes and no others, [@data, 8) have data and no others (@data < 0: data is with the inodes) */
static void check_spread(const char *what, int low, int data)
{
	int i;

	for (i = 0; i < 8; i++) {
		printf("# %s, AG %d: %u inodes, %u data\n", what, i, ags[i].inodes, ags[i].data);
		CHECK_EQ(!!ags[i].inodes, i < low);
		if (data >= 0)
			CHECK_EQ(!!ags[i].data, i >= data);
		else
			CHECK_EQ(!!ags[i].data, !!ags[i].inodes);
	}
}

static int run_inode32(void *arg)
{
	struct dx_mount_opts o = { .inode32 = true };
	struct dx_mount *mp = uv_mount_dev(uv_dev, &o, NULL);
	struct dx_inode *big;
	u64 was[2], step, at = 0;
	int i;

	(void)arg;
	if (!mp)
		return -EIO;
	bs = mp->sb.blocksize;
	spread(mp, "no-effect");
	check_spread("inode32 where all numbers have 32 bits", 8, -1);

	/* as if AG 2 were the first whose numbers have more */
	mp->opts.inode32_bits = mp->agino_log + 1;
	dx_set_inode_ags(mp);
	CHECK_EQ(mp->inode_agcount, 2);
	spread(mp, "low");
	check_spread("inode32", 2, 2);

	/* no more is kept for inodes than imax_pct lets them have */
	mp->sb.imax_pct = 5;
	dx_set_inode_ags(mp);
	spread(mp, "few");
	check_spread("inode32, imax_pct 5", 2, 1);
	mp->sb.imax_pct = 0;
	dx_set_inode_ags(mp);
	CHECK(dx_perag(mp, 0)->inodes_first && dx_perag(mp, 1)->inodes_first && !dx_perag(mp, 2)->inodes_first);

	/* data leaves them alone as long as there is a block elsewhere, and then has every one of theirs */
	dx_reserve_set(mp, 0);
	was[0] = dx_perag(mp, 0)->freeblks;
	was[1] = dx_perag(mp, 1)->freeblks;
	big = make(mp->rootip, S_IFREG | 0644, "big", 0);
	if (!big)
		return -EIO;
	for (step = 4000; step && !host_checks_failed; ) {
		u64 others = 0;

		for (i = 2; i < 8; i++)
			others += max_t(s64, 0, dx_ag_avail(mp, dx_perag(mp, i), DX_AGRESV_NONE));
		if (others > step + 64) {
			/* but for what the map of the file and its directory needed */
			CHECK(dx_perag(mp, 0)->freeblks + 8 >= was[0]);
			CHECK(dx_perag(mp, 1)->freeblks + 8 >= was[1]);
		}
		i = dx_alloc_file_space(big, at * bs, step * bs);
		CHECK(!i || i == -ENOSPC);
		if (i)
			step /= 2;
		else
			at += step;
		dx_ilock(big, DX_ILOCK_EXCL);
		CHECK(!dx_bmap_last_offset(big, DX_DATA_FORK, &at));
		dx_iunlock(big, DX_ILOCK_EXCL);
	}
	CHECK(dx_perag(mp, 0)->freeblks < was[0] / 2 && dx_perag(mp, 1)->freeblks < was[1] / 2);
	CHECK(avail(mp) < 10);
	CHECK(!dx_setsize_trans(big, 0, true, false));
	CHECK(!dx_log_force(mp, true));		/* nothing is busy */
	dx_idrop(big);

	mp->opts.inode32 = false;
	dx_set_inode_ags(mp);
	spread(mp, "off");
	check_spread("inode64", 8, -1);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* ---- the last blocks ---- */

static const struct uv_profile two_ags = { "2 AGs", "-d agcount=2", 320 };

#define TAKERS		8
#define ROUNDS		300

static struct dx_mount *rmp;
static u32 left, greedy, fair, failed;

/* More than there is, again and again. */
static int take_too_much(void *arg)
{
	u32 i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++)
		greedy += !dx_mod_fdblocks(rmp, -(s64)left - 1, false);
	return 0;
}

/* What is there for all of them. */
static int take_a_part(void *arg)
{
	u32 part = left / TAKERS, i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		if (dx_mod_fdblocks(rmp, -(s64)part, false)) {
			failed++;
			continue;
		}
		fair++;
		host_yield();
		dx_mod_fdblocks(rmp, part, false);
	}
	return 0;
}

static int run_race(void *arg)
{
	static const u32 amounts[] = { 8, 100, 3000, 20000, 50000 };
	struct host_fiber *f[TAKERS + 2];
	u64 taken;
	u32 k, i;

	(void)arg;
	rmp = uv_mount(NULL);
	if (!rmp)
		return -EIO;
	dx_reserve_set(rmp, 0);
	host_set_preempt(2);
	for (k = 0; k < ARRAY_SIZE(amounts); k++) {
		greedy = fair = failed = 0;
		left = amounts[k];
		taken = avail(rmp) - left;
		CHECK(!dx_mod_fdblocks(rmp, -(s64)taken, false));
		for (i = 0; i < TAKERS + 2; i++)
			f[i] = host_spawn(i < TAKERS ? take_a_part : take_too_much, NULL, "taker");
		for (i = 0; i < TAKERS + 2; i++)
			host_join(f[i]);
		printf("# %u blocks left: %u takes, %u refused\n", left, fair, failed);
		CHECK_EQ(greedy, 0);
		CHECK_EQ(failed, 0);
		CHECK_EQ(avail(rmp), left);
		dx_mod_fdblocks(rmp, taken, false);
	}
	host_set_preempt(0);
	CHECK(!uv_umount(rmp));
	return host_checks_failed ? -EIO : 0;
}

/* ---- a volume that was filled by who sets nothing aside ---- */

static const struct uv_profile reflink = { "reflink", "-d agcount=2 -m reflink=1,finobt=0,inobtcount=0", 320 };

/* For the refcount btree there is nothing left: what is freed goes there first. */
static int run_filled(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *big;
	u64 at = 0, step;
	dx_ino_t ino;
	int error;

	(void)arg;
	if (!mp)
		return -EIO;
	CHECK(dx_perag(mp, 0)->resv[DX_AGRESV_REFCOUNTBT].reserved > 200);
	CHECK_EQ(atomic64_read(&mp->agresv_blks), dx_perag(mp, 0)->resv_held + dx_perag(mp, 1)->resv_held);
	dx_agresv_release(mp);
	dx_reserve_set(mp, 0);
	bs = mp->sb.blocksize;
	big = make(mp->rootip, S_IFREG | 0644, "big", 0);
	if (!big)
		return -EIO;
	ino = big->ino;
	for (step = avail(mp); step && !host_checks_failed; step = min(step, avail(mp))) {
		error = dx_alloc_file_space(big, at * bs, step * bs);
		CHECK(!error || error == -ENOSPC);
		if (error)
			step /= 2;
		dx_ilock(big, DX_ILOCK_EXCL);
		CHECK(!dx_bmap_last_offset(big, DX_DATA_FORK, &at));
		dx_iunlock(big, DX_ILOCK_EXCL);
	}
	dx_idrop(big);
	CHECK(!uv_umount(mp));

	mp = uv_mount(NULL);
	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	CHECK(dx_perag(mp, 0)->resv[DX_AGRESV_REFCOUNTBT].reserved < 50);
	CHECK(!dx_iget(mp, NULL, ino, 0, &big));
	step = avail(mp);
	CHECK(dx_perag(mp, 0)->resv[DX_AGRESV_REFCOUNTBT].reserved + dx_perag(mp, 1)->resv[DX_AGRESV_REFCOUNTBT].reserved < 100);
	CHECK(!dx_setsize_trans(big, (at - 100) * bs, true, false));
	/* but for the free space trees, which may be short, too */
	CHECK(dx_perag(mp, 0)->resv[DX_AGRESV_REFCOUNTBT].reserved + dx_perag(mp, 1)->resv[DX_AGRESV_REFCOUNTBT].reserved >= 80);
	CHECK(avail(mp) <= step + 20);
	/* and then users have it */
	CHECK(!dx_setsize_trans(big, (at - 3000) * bs, true, false));
	CHECK(avail(mp) > step + 1500);
	dx_idrop(big);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* ---- what was unlinked ---- */

static u64 free_after_wait;

static int waiter(void *arg)
{
	CHECK(dx_icache_wait_inactive(arg, 10 * HZ));
	free_after_wait = avail(arg);
	return 0;
}

/* Somebody waits for a file to be freed, and another that came into the queue behind it is taken off again. */
static int run_wait(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *a, *b;
	struct dx_mapped got;
	struct dx_name n = { .name = (const u8 *)"a0", .len = 2, .ftype = DX_DIR3_FT_REG_FILE };
	struct host_fiber *f;
	dx_ino_t ino;
	u64 free;
	u32 i;

	(void)arg;
	if (!mp)
		return -EIO;
	a = make(mp->rootip, S_IFREG | 0644, "a", 0);
	b = make(mp->rootip, S_IFREG | 0644, "b", 0);
	if (!a || !b)
		return -EIO;
	free = avail(mp);
	for (i = 0; i < 300; i++)
		CHECK(!dx_iomap_alloc(a, 2 * i, 1, false, false, &got));
	CHECK(avail(mp) <= free - 300);
	CHECK(!dx_remove(mp->rootip, &n, a));
	ino = b->ino;
	host_set_preempt(2);
	dx_idrop(a);
	f = host_spawn(waiter, mp, "waiter");
	for (i = 0; i < 4; i++)		/* it waits, and the worker has begun */
		host_yield();
	CHECK(avail(mp) < free - 100);
	set_bit(DX_I_EOFBLOCKS, &b->i_flags);
	dx_idrop(b);
	CHECK(!dx_iget(mp, NULL, ino, 0, &b));
	host_join(f);
	host_set_preempt(0);
	CHECK_EQ(free_after_wait, free);
	dx_idrop(b);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* Whatever the pool is asked to hold: it has what was free, and gives all of it back. */
static int run_pool(void *arg)
{
	static const u64 wishes[] = { U64_MAX, 1ull << 63, (1ull << 63) - 1, 1ull << 32 };
	struct dx_mount *mp = uv_mount(NULL);
	s64 free;
	u32 i;

	(void)arg;
	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	free = avail(mp);
	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		CHECK_EQ(dx_reserve_set(mp, wishes[i]), 0);
		CHECK_EQ(avail(mp), 0);
		CHECK_EQ(mp->resblks_avail, free);
		CHECK(mp->resblks <= dx_dblocks(mp));
		CHECK_EQ(dx_reserve_set(mp, 0), 0);
		CHECK_EQ(avail(mp), free);
	}
	return uv_umount(mp);
}

/* ---- an insertion where nothing is left ---- */

static u64 blocks_of(struct dx_inode *ip)
{
	dx_fileoff_t end;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_last_offset(ip, DX_DATA_FORK, &end));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return end;
}

/* Only a cut in a map that is a full btree needs a block; and what fails says that nothing has moved. */
static int run_insert(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *plain, *comb, *big;
	u64 at = 0, step, was;
	bool moved = false;
	u32 i, failed = 0;
	int error;

	(void)arg;
	if (!mp)
		return -EIO;
	bs = mp->sb.blocksize;
	dx_reserve_set(mp, 0);
	plain = make(mp->rootip, S_IFREG | 0644, "plain", 0);
	comb = make(mp->rootip, S_IFREG | 0644, "comb", 0);
	big = make(mp->rootip, S_IFREG | 0644, "big", 0);
	if (!plain || !comb || !big)
		return -EIO;
	CHECK(!dx_alloc_file_space(plain, 0, 64 * bs));
	for (i = 0; i < 200; i++)
		CHECK(!dx_alloc_file_space(comb, 5 * i * bs, 4 * bs));
	for (step = avail(mp); step; ) {
		if (dx_alloc_file_space(big, at * bs, step * bs))
			step /= 2;
		at = blocks_of(big);
	}
	CHECK_EQ(avail(mp), 0);

	CHECK_EQ(dx_insert_file_space(plain, 8 * bs, 8 * bs, &moved), 0);
	CHECK(moved);
	CHECK_EQ(blocks_of(plain), 72);
	CHECK_EQ(dx_insert_file_space(comb, 500 * bs, 8 * bs, NULL), 0);	/* cuts nothing */
	CHECK_EQ(blocks_of(comb), 1007);
	for (i = 0; i < 200 && !failed; i++) {
		moved = false;
		was = blocks_of(comb);
		at = i < 100 ? 5 * i + i + 2 : 5 * i + 110;
		error = dx_insert_file_space(comb, at * bs, bs, &moved);
		CHECK(!error || error == -ENOSPC);
		CHECK_EQ(moved, !error);
		CHECK_EQ(blocks_of(comb), was + !error);
		failed += !!error;
	}
	CHECK(failed);
	dx_idrop(plain);
	dx_idrop(comb);
	dx_idrop(big);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

static const struct { const char *name; int (*fn)(void *); const struct uv_profile *p; } tests[] = {
	{ "inode32: inodes below the limit, data beyond it", run_inode32, &eight_ags },
	{ "the last blocks go to who fits", run_race, &two_ags },
	{ "what is freed where nothing could be set aside is set aside", run_filled, &reflink },
	{ "the pool is asked to hold more than there is", run_pool, &two_ags },
	{ "on a full volume an insertion needs a block only to cut", run_insert, &two_ags },
	{ "what was unlinked is there when it was waited for", run_wait, &two_ags },
};

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? atoll(argv[1]) : 3;
	char name[120];
	u32 i;

	uv_setup("t_space");
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (uv_make(tests[i].p))
			return 1;
		snprintf(name, sizeof(name), "space: %s, seed %llu", tests[i].name, seed);
		host_test(name, seed, tests[i].fn, NULL);
		host_test_begin("space: xfs_repair is content");
		CHECK(uv_repair_clean("check"));
		host_test_end();
	}
	uv_teardown();
	return host_test_exit();
}
