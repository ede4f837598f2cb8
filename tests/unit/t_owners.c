// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks with many owners: an image and its clones lie in an AG that is otherwise full, and every second block of each clone is
 * punched out, overwritten, or moved on.  Each of these makes one record more in the rmapbt of that AG and frees nothing there; the
 * owners of a block are bounded by nothing, so neither are the records.
 *
 * Nothing of that may shut the filesystem down: the answer is -ENOSPC, and then, too, the clones can be removed.  With a log
 * force between any two transactions, as somebody else's fsync does, and a power cut at the end the volume mounts again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_cow.h"
#include "dx_log_int.h"

#define CLONES	24
#define BLOCKS	6000u

static struct dx_inode *clones[CLONES];
static u32 bs;

static struct dx_inode *make(struct dx_mount *mp, const char *name)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (const u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip = NULL;

	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	return ip;
}

static int punch(struct dx_inode *ip, u32 b)
{
	return dx_free_file_space(ip, (u64)b * bs, bs);
}

static int overwrite(struct dx_inode *ip, u32 b)
{
	struct dx_mapped m;

	return dx_cow_alloc(ip, b, 1, &m) ?: dx_cow_end(ip, (u64)b * bs, bs);
}

/* Through the page cache: many copies are promised before the first comes in. */
static int overwrite_later(struct dx_inode *ip, u32 b)
{
	struct dx_mapped m;
	int error;
	u32 i;

	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_cow_reserve(ip, b, 1, &m);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	if (error || b % 400 != 399)
		return error;
	for (i = b - 398; !error && i <= b; i += 2)
		error = dx_cow_convert_delalloc(ip, i, &m);
	if (error)
		return error;
	dx_cow_submit(ip, (u64)(b - 398) * bs, 399ull * bs);
	return dx_cow_end(ip, (u64)(b - 398) * bs, 399ull * bs);
}

static int move_on(struct dx_inode *ip, u32 b)
{
	int error = dx_bmap_can_insert(ip, 2 * b, 1);

	return error ?: dx_insert_file_space(ip, 2ull * b * bs, bs, NULL);
}

static const struct way { const char *name; int (*fn)(struct dx_inode *ip, u32 b); } ways[] = {
	{ "punched", punch }, { "overwritten", overwrite }, { "overwritten through the page cache", overwrite_later },
	{ "moved on", move_on },
};

static void force(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if (!strcmp(what, "trans_roll") && c && dx_perag(mp, 0)->freeblks < 1200)
		dx_log_force(mp, true);
}

/* AG 0 gets full of one file; the other does not. */
static void fill_ag0(struct dx_mount *mp, struct dx_inode *ip)
{
	u64 at = 0;
	s64 n;

	while ((n = dx_ag_avail(mp, dx_perag(mp, 0), DX_AGRESV_NONE)) > 20) {
		n = min_t(s64, n - 10, 4096);
		if (!CHECK(!dx_alloc_file_space(ip, at * bs, n * bs)))
			break;
		at += n;
	}
}

static int no_end_of_owners(void *arg)
{
	const struct way *way = arg;
	int error = 0;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *image, *fill;
	u32 i, b;
	u64 done;

	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	image = make(mp, "image");
	fill = make(mp, "fill");
	CHECK(!dx_alloc_file_space(image, 0, (u64)BLOCKS * bs));
	CHECK(!dx_iomap_write_unwritten(image, 0, (u64)BLOCKS * bs, (u64)BLOCKS * bs));
	for (i = 0; i < CLONES; i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%u", i);
		clones[i] = make(mp, name);
		CHECK(!dx_reflink_remap(image, 0, clones[i], 0, (u64)BLOCKS * bs, &done));
		clones[i]->d.flags2 |= DX_DIFLAG2_COWEXTSIZE;
		clones[i]->d.cowextsize = 1;
	}
	fill_ag0(mp, fill);
	mp->trace = force;
	for (b = 1; !error && b + 1 < BLOCKS; b += 2)
		for (i = 0; !error && i < CLONES; i++)
			error = way->fn(clones[i], b);
	mp->trace = NULL;
	CHECK(error == -ENOSPC || (!error && way->fn == move_on));
	CHECK(!dx_is_shutdown(mp));
	printf("# up to block %u\n", b);
	for (i = 0; i < CLONES; i++)
		dx_idrop(clones[i]);
	dx_idrop(image);
	dx_idrop(fill);
	/* what is in the log is finished by the next mount */
	dx_log_force(mp, true);
	host_stop_world();
	return 0;
}

/* It mounts, and whoever removes gets the space. */
static int remove_them(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_statfs before, after;
	u32 i;

	if (!CHECK(mp))
		return error;
	dx_mount_statfs(mp, &before);
	for (i = 0; i < CLONES; i++) {
		char name[8];
		struct dx_name n = { .name = (const u8 *)name };
		struct dx_inode *ip;
		dx_ino_t ino;

		n.len = snprintf(name, sizeof(name), "c%u", i);
		if (!CHECK(!dx_lookup(mp->rootip, &n, &ino, NULL)) || !CHECK(!dx_iget(mp, NULL, ino, 0, &ip)))
			continue;
		CHECK(!dx_remove(mp->rootip, &n, ip));
		dx_idrop(ip);
	}
	dx_icache_flush_inactive(mp);
	dx_mount_statfs(mp, &after);
	CHECK(after.bfree > before.bfree);
	CHECK(!dx_is_shutdown(mp));
	return uv_umount(mp);
}

int main(int argc, char **argv)
{
	static const struct uv_profile volume = {
		"1 KiB blocks", "--unsupported -d agcount=6 -l size=10m,agnum=1 -m rmapbt=1,reflink=1 -b size=1024", 98
	};
	u32 i;

	uv_setup("t_owners");
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		char name[120];

		if (uv_make(&volume))
			return 1;
		snprintf(name, sizeof(name), "blocks of many owners are %s, until there is no room for records", ways[i].name);
		host_test_begin(name);
		host_init(i + 1);
		host_run(no_end_of_owners, (void *)&ways[i]);
		host_kill_world();
		host_test_end();
		if (!host_test("... and then the owners are removed", i + 1, remove_them, NULL))
			continue;
		host_test_begin("... and xfs_repair is content");
		CHECK(uv_repair_clean("owners"));
		host_test_end();
	}
	uv_teardown();
	return host_test_exit();
}
