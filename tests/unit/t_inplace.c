// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks that become another kind where they are: the first block of a directory, between one that holds all of it and one of
 * several.  An entry that is replaced logs only itself, so an item from before the change may stand for the block without its
 * header.  Power is lost when the change is in the log only; when the block has been written, and no record says so yet; and in
 * the midst of that write, each sector of the block once.
 */
#include <stdio.h>
#include <string.h>
#include "util_vol.h"
#include "dx_dir.h"
#include "dx_dirops.h"
#include "dx_inode.h"
#include "dx_log.h"
#include "dx_log_int.h"

static const struct uv_profile volumes[] = {
	{ "defaults", "-d agcount=2", 320 },
	{ "directory blocks of 4 blocks", "--unsupported -d agcount=2 -l size=10m -b size=1024 -n size=4096", 64 },
};

static const struct change {
	const char *name;
	int before, from, to;		/* files at first; those that are made, or removed, then */
} changes[] = {
	{ "one block becomes several", 40, 40, 100 },
	{ "several become one block", 100, 30, 100 },
};

enum how { IN_LOG, WRITTEN, TORN };
#define SECTORS	8
#define REPLACED	20

static const struct change *change;
static enum how how;
static dx_ino_t dir_ino, new_ino;
static u8 before[64 << 20];		/* the device, before the change */

static struct dx_name file_name(char *room, int i)
{
	return (struct dx_name){ (const u8 *)room, sprintf(room, "a name that is rather long, of number %d", i),
				 DX_DIR3_FT_REG_FILE };
}

static void make(struct dx_inode *dp, int i)
{
	struct dx_create_args f = { .mode = S_IFREG | 0644 };
	struct dx_inode *ip;
	char room[80];
	struct dx_name n = file_name(room, i);

	CHECK_EQ(dx_create(dp, &n, &f, &ip), 0);
	dx_idrop(ip);
}

static struct dx_inode *find(struct dx_inode *dp, const struct dx_name *n)
{
	struct dx_inode *ip = NULL;
	dx_ino_t ino;

	CHECK_EQ(dx_lookup(dp, n, &ino, NULL), 0);
	CHECK_EQ(dx_iget(dp->mp, NULL, ino, 0, &ip), 0);
	return ip;
}

/* All that the log has is in its place.  Without @cover no record says so. */
static void write_back(struct dx_mount *mp, bool cover)
{
	int i;

	CHECK_EQ(dx_log_force(mp, true), 0);
	dx_ail_push(mp, ~0ULL >> 1);
	for (i = 0; i < 100 && dx_ail_min_lsn(mp); i++)
		msleep(10);
	CHECK_EQ(dx_ail_min_lsn(mp), 0);
	if (cover)
		msleep(2000);
	CHECK_EQ(dx_plat_flush(mp->bdev), 0);
}

static int load(void *arg)
{
	struct dx_name dn = { (const u8 *)"d", 1, DX_DIR3_FT_DIR }, tn = { (const u8 *)"t", 1, DX_DIR3_FT_REG_FILE }, n;
	struct dx_create_args d = { .mode = S_IFDIR | 0755 }, f = { .mode = S_IFREG | 0644 };
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *dp, *tip, *ip;
	char room[80];
	int i;

	(void)arg;
	if (!mp)
		return -EIO;
	CHECK_EQ(dx_create(mp->rootip, &dn, &d, &dp), 0);
	for (i = 0; i < change->before; i++)
		make(dp, i);
	CHECK_EQ(dx_create(mp->rootip, &tn, &f, &tip), 0);
	write_back(mp, true);
	host_dev_peek(uv_dev, 0, before, sizeof(before));
	dir_ino = dp->ino;
	new_ino = tip->ino;
	n = file_name(room, REPLACED);
	ip = find(dp, &n);
	CHECK_EQ(dx_rename(mp->rootip, &tn, tip, dp, &n, ip, NULL, 0), 0);
	CHECK_EQ(dx_log_force(mp, true), 0);
	for (i = change->from; i < change->to; i++) {
		if (i >= change->before) {
			make(dp, i);
			continue;
		}
		n = file_name(room, i);
		ip = find(dp, &n);
		CHECK_EQ(dx_remove(dp, &n, ip), 0);
	}
	CHECK_EQ(dx_log_force(mp, true), 0);
	if (how != IN_LOG)
		write_back(mp, false);
	host_stop_world();
	return 0;
}

static int judge(void *arg)
{
	struct dx_inode *dp;
	struct dx_mount *mp;
	int i, error, lost = 0;
	char room[80];
	dx_ino_t ino;

	(void)arg;
	mp = uv_mount(&error);
	if (!CHECK_EQ(error, 0) || !mp)
		return error;
	CHECK_EQ(dx_iget(mp, NULL, dir_ino, 0, &dp), 0);
	for (i = 0; i < 100; i++) {
		bool there = change->before < change->to ? i < change->to : i < change->from;
		struct dx_name n = file_name(room, i);

		error = dx_lookup(dp, &n, &ino, NULL);
		lost += error != (there ? 0 : -ENOENT) || (i == REPLACED && ino != new_ino);
	}
	CHECK_EQ(lost, 0);
	dx_idrop(dp);
	return uv_umount(mp);
}

/* A sector of the directory's blocks is as it was before their write. */
static int tear(int sector)
{
	static u8 b[4096];
	int torn = 0;
	u64 at;

	for (at = 0; at < sizeof(before); at += sizeof(b)) {
		const struct dx_dir3_blk_hdr *h = (const void *)b;

		host_dev_peek(uv_dev, at, b, sizeof(b));
		if ((h->magic != cpu_to_be32(DX_DIR3_BLOCK_MAGIC) && h->magic != cpu_to_be32(DX_DIR3_DATA_MAGIC)) ||
		    be64_to_cpu(h->owner) != dir_ino)
			continue;
		host_dev_poke(uv_dev, at + sector * 512, before + at + sector * 512, 512);
		torn++;
	}
	return torn;
}

static void one(const struct uv_profile *v, struct host_dev_snap *snap, int sector)
{
	static const char *const says[] = { "in the log", "written", "torn" };
	char name[200];

	snprintf(name, sizeof(name), "%s: %s: %s, %d", v->name, change->name, says[how], sector);
	host_test_begin(name);
	host_dev_snap_restore(uv_dev, snap);
	host_init(1);
	CHECK_EQ(host_run(load, NULL), HOST_CRASHED);
	host_kill_world();
	host_dev_crash(uv_dev, HOST_KEEP_ALL, 1);
	if (how == TORN)
		CHECK(tear(sector));
	uv_judge(judge, "inplace");
	host_test_end();
}

int main(void)
{
	struct host_dev_snap *snap;
	size_t v, c;
	int sector;

	uv_setup("t_inplace");
	for (v = 0; v < ARRAY_SIZE(volumes); v++) {
		if (uv_make(&volumes[v]))
			return 2;
		host_init(1);
		snap = host_dev_snap_take(uv_dev);
		host_kill_world();
		for (c = 0; c < ARRAY_SIZE(changes); c++) {
			change = &changes[c];
			for (how = IN_LOG; how <= TORN; how++)
				for (sector = 0; sector < (how == TORN ? SECTORS : 1); sector++)
					one(&volumes[v], snap, sector);
		}
		host_dev_snap_free(snap);
	}
	uv_teardown();
	return host_test_exit();
}
