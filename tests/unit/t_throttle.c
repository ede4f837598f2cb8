// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the cache of inodes does for long holds nobody up: while one large file is freed, others unlink and rename.
 *
 *	t_throttle [substring of a test's name]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_dirops.h"
#include "dx_log.h"

#define EXTENTS	20000	/* of the large file */
#define LOG_MS	200	/* that each write of the log takes */
#define SMALL	300	/* files; more than may wait before somebody is held up */
#define FAR	40

static const struct uv_profile volume = { "v", "--unsupported -d agsize=512m,size=2g -l size=10m,agnum=0", 2100 };
static bool small_gone;
static u64 worst_ms;	/* that one of them took */

static u64 ms(void) { return host_now_ns() / NSEC_PER_MSEC; }

static struct dx_name name_of(char *buf, const char *what, int i, u8 ftype)
{
	return (struct dx_name){ .name = (u8 *)buf, .len = sprintf(buf, "%s%d", what, i), .ftype = ftype };
}

static struct dx_inode *make(struct dx_inode *dp, const char *what, int i, umode_t mode)
{
	struct dx_create_args a = { .mode = mode };
	char buf[24];
	struct dx_name n = name_of(buf, what, i, dx_mode_to_ftype(mode));
	struct dx_inode *ip;

	return CHECK_EQ(dx_create(dp, &n, &a, &ip), 0) ? ip : NULL;
}

static int erase(struct dx_inode *dp, const char *what, int i)
{
	char buf[24];
	struct dx_name n = name_of(buf, what, i, DX_DIR3_FT_REG_FILE);
	struct dx_inode *ip;
	dx_ino_t ino;
	u64 start = ms();
	int error;

	error = dx_lookup(dp, &n, &ino, NULL);
	if (!error)
		error = dx_iget(dp->mp, NULL, ino, 0, &ip);
	if (error)
		return error;
	error = dx_remove(dp, &n, ip);
	dx_idrop(ip);
	worst_ms = max(worst_ms, ms() - start);
	return error;
}

static int erase_small(void *arg)
{
	struct dx_mount *mp = arg;
	int i, error = 0;

	for (i = 0; i < SMALL && !error; i++)
		error = erase(mp->rootip, "small", i);
	small_gone = true;
	return error;
}

static int beside_large(void *arg)
{
	struct dx_mount *mp = uv_mount_dev(uv_dev, &(struct dx_mount_opts){ }, NULL);
	struct dx_inode *large, *far = NULL, *ip;
	struct host_fiber *f;
	char from[24], to[24];
	struct dx_name a, b;
	int i, k, error = 0;
	u64 start;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	large = make(mp->rootip, "large", 0, S_IFREG | 0600);
	for (i = 0; i < EXTENTS && !error; i++)
		error = dx_alloc_file_space(large, (u64)i * 8192, 4096);
	CHECK_EQ(error, 0);
	/* a directory in another AG, whose inodes another worker frees */
	for (i = 0; !far || dx_ino_to_agno(mp, far->ino) == dx_ino_to_agno(mp, large->ino); i++) {
		if (far)
			dx_idrop(far);
		far = make(mp->rootip, "dir", i, S_IFDIR | 0700);
		if (!far)
			return -EIO;
	}
	for (i = 0; i < SMALL; i++)
		dx_idrop(make(mp->rootip, "small", i, S_IFREG | 0600));
	for (i = 0; i < FAR; i++)
		dx_idrop(make(far, "far", i, S_IFREG | 0600));
	ip = make(mp->rootip, "a", 0, S_IFREG | 0600);
	CHECK_EQ(dx_log_force(mp, true), 0);
	dx_ail_drain(mp);
	host_dev_set_slow(uv_dev, dx_fsb_to_daddr(mp, mp->sb.logstart), (u64)mp->sb.logblocks << mp->blkbb_log, LOG_MS);

	a = name_of(from, "large", 0, DX_DIR3_FT_REG_FILE);
	CHECK_EQ(dx_remove(mp->rootip, &a, large), 0);
	dx_idrop(large);
	msleep(20);
	small_gone = false;
	worst_ms = 0;
	f = host_spawn(erase_small, mp, "small");
	/* until it is held up, or is done */
	for (k = 0; k < 3 && !small_gone; k++)
		msleep(100);
	CHECK(!dx_icache_wait_inactive(mp, 1));

	/* nothing is replaced: nothing is unlinked */
	start = ms();
	for (i = 0; i < 40; i++) {
		a = name_of(from, "a", i, DX_DIR3_FT_REG_FILE);
		b = name_of(to, "a", i + 1, DX_DIR3_FT_REG_FILE);
		CHECK_EQ(dx_rename(mp->rootip, &a, ip, mp->rootip, &b, NULL, NULL, 0), 0);
	}
	printf("# 40 renames: %llu ms\n", (unsigned long long)(ms() - start));
	CHECK(ms() - start < 500);
	/* what another worker frees */
	start = ms();
	for (i = 0; i < FAR; i++)
		CHECK_EQ(erase(far, "far", i), 0);
	printf("# %u removals in another AG: %llu ms\n", FAR, (unsigned long long)(ms() - start));
	CHECK(ms() - start < 500);
	CHECK(!dx_icache_wait_inactive(mp, 1));
	/* and the same one: not for longer than it takes to see that this one takes long */
	for (k = 0; k < 60 && !small_gone; k++)
		msleep(1000);
	printf("# the slowest of %u removals in the same: %llu ms%s\n", SMALL, (unsigned long long)worst_ms, small_gone ? "" : " or more");
	CHECK(small_gone);
	CHECK(worst_ms > 900 && worst_ms < 1500);

	host_dev_set_slow(uv_dev, 0, 0, 0);
	CHECK_EQ(host_join(f), 0);
	dx_idrop(ip);
	dx_idrop(far);
	return uv_umount(mp);
}

static u64 turns;

static int take_turns(void *arg)
{
	while (!small_gone) {
		turns++;
		host_yield();
	}
	return 0;
}

/* To look at many inodes nobody is kept off the processor, nor from the cache. */
static int many_idle(void *arg)
{
	struct dx_mount *mp = uv_mount_dev(uv_dev, &(struct dx_mount_opts){ }, NULL);
	struct host_fiber *f;
	u64 before;
	int i;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	for (i = 0; i < 3000; i++)
		dx_idrop(make(mp->rootip, "idle", i, S_IFREG | 0600));
	CHECK(dx_icache_count(mp) >= 3000);
	small_gone = false;
	f = host_spawn(take_turns, mp, "turns");
	host_yield();
	host_set_preempt(1);
	before = turns;
	dx_icache_blockgc(mp);
	host_set_preempt(0);
	printf("# %llu turns\n", (unsigned long long)(turns - before));
	CHECK(turns - before >= 3000 / 256);
	CHECK(dx_icache_count(mp) >= 3000);
	small_gone = true;
	CHECK_EQ(host_join(f), 0);
	return uv_umount(mp);
}

static const struct { const char *name; int (*fn)(void *arg); } tests[] = {
	{ "beside the end of a large file", beside_large },
	{ "beside a look at many idle inodes", many_idle },
};

int main(int argc, char **argv)
{
	int i;

	uv_setup("t_throttle");
	if (uv_make(&volume))
		return 1;
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (argc > 1 && !strstr(tests[i].name, argv[1]))
			continue;
		host_test(tests[i].name, 1, tests[i].fn, NULL);
		host_kill_world();
	}
	host_test_begin("xfs_repair -n after it");
	CHECK(uv_repair_clean("t"));
	host_test_end();
	uv_teardown();
	return host_test_exit();
}
