// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many extents a fork may have.  Without large counters on the volume every operation that would go beyond says so
 * and has changed nothing; with them, an inode from before gets them with the extent that needs them, not earlier.
 * Small limits stand for the format's, but for the attribute fork of one file, which has 32767 extents and more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_bmap.h"
#include "dx_log.h"

#define FEW	40
#define OPTS	"--unsupported -b size=1024 -d agcount=2 -l size=10m -m reflink=0 "

static const struct uv_profile small_counters = { "1 KiB blocks", OPTS, 120 };

static struct dx_inode *f;
static dx_ino_t f_ino;
static u32 bs;
static u8 value[65536];

static struct dx_mount *mount_few(u32 few)
{
	struct dx_mount_opts o = { .few_extents = few };
	struct dx_mount *mp = uv_mount_dev(uv_dev, &o, NULL);

	if (mp)
		bs = mp->sb.blocksize;
	return mp;
}

static struct dx_inode *make_file(struct dx_mount *mp, const char *name)
{
	struct dx_name n = { .name = (const u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_inode *ip;

	if (!CHECK(!dx_create(mp->rootip, &n, &a, &ip)))
		return NULL;
	ip->d.flags |= DX_DIFLAG_PREALLOC;	/* what lies behind the end stays */
	return ip;
}

static bool large(struct dx_inode *ip) { return ip->d.flags2 & DX_DIFLAG2_NREXT64; }

/* The volume as it is gets the feature, as a user would do it. */
static bool upgrade(void)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/upgrade", uv_dir);
	if (host_dev_save(uv_dev, path) || host_sh("xfs_admin -O nrext64=1 %s >%s/admin 2>&1 || { cat %s/admin; false; }", path, uv_dir, uv_dir))
		return false;
	host_dev_close(uv_dev);
	uv_dev = host_dev_open(path);
	return uv_dev;
}

static int alloc_one(struct dx_inode *ip, u64 at, u64 len)
{
	struct dx_mapped got;

	return dx_iomap_alloc(ip, at, len, false, false, &got);
}

static struct dx_irec look(struct dx_inode *ip, u64 at)
{
	struct dx_mapped got = { };

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_look(ip, at, 1, DX_BMAPI_ENTIRE, &got));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return got.rec;
}

/* Single blocks with holes between, up to @n extents; one of 9 blocks that are not written is at 10000. */
static void fill_to(struct dx_inode *ip, u64 n)
{
	u64 at;

	if (!ip->df.nextents)
		CHECK(!alloc_one(ip, 10000, 9));
	for (at = 0; ip->df.nextents < n && at < 1000; at += 2)
		CHECK(!alloc_one(ip, at, 1));
	CHECK_EQ(ip->df.nextents, n);
}

/* What adds an extent, or two, each by itself.  @want: what it says at the limit, @more: extents that it adds otherwise. */
static int op_alloc(struct dx_inode *ip) { return alloc_one(ip, 20000, 1); }
static int op_falloc(struct dx_inode *ip) { return dx_alloc_file_space(ip, 20000 * bs, bs); }
static int op_punch(struct dx_inode *ip) { return dx_free_file_space(ip, 10003 * bs, bs); }
static int op_insert(struct dx_inode *ip) { return dx_insert_file_space(ip, 10005 * bs, 7 * bs, NULL); }
static int op_convert(struct dx_inode *ip) { return dx_iomap_write_unwritten(ip, 10002 * bs, 2 * bs, 0); }

static int op_zero(struct dx_inode *ip)
{
	struct dx_mapped got;

	return dx_iomap_alloc(ip, 20000, 1, true, false, &got);
}

static int op_writeback(struct dx_inode *ip)
{
	struct dx_mapped got;
	struct dx_irec r;
	int error;

	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_bmap_reserve_delalloc(ip, 20000, 2, 0, &r);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	if (error)
		return error;
	error = dx_bmap_convert_delalloc(ip, 20000, &got);
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_bmap_punch_delalloc(ip, 20000, 2);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

static const struct { const char *name; int (*fn)(struct dx_inode *ip); unsigned int more; } ops[] = {
	{ "a direct write into a hole", op_alloc, 1 },
	{ "a write of zeroes into a hole", op_zero, 1 },
	{ "preallocation", op_falloc, 1 },
	{ "writeback of a delayed extent", op_writeback, 1 },
	{ "a punch in the middle of an extent", op_punch, 1 },
	{ "an insertion in the middle of an extent", op_insert, 1 },
	{ "conversion in the middle of an extent", op_convert, 2 },
};

#define ROOMS	3
static dx_ino_t op_ino[ARRAY_SIZE(ops)][ROOMS], insert_ino, attr_ino;

static struct dx_inode *open_ino(struct dx_mount *mp, dx_ino_t ino)
{
	struct dx_inode *ip = NULL;

	CHECK(!dx_iget(mp, NULL, ino, 0, &ip));
	return ip;
}

/* A file for each, with no room, too little room, and just enough. */
static int make_files(void *arg)
{
	struct dx_mount *mp = mount_few(0);
	unsigned int i, room;
	char name[20];

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		for (room = 0; room <= ops[i].more; room++) {
			sprintf(name, "%u-%u", i, room);
			f = make_file(mp, name);
			op_ino[i][room] = f->ino;
			fill_to(f, FEW - room);
			dx_idrop(f);
		}
	}
	f = make_file(mp, "insert");
	insert_ino = f->ino;
	fill_to(f, FEW);
	dx_idrop(f);
	f = make_file(mp, "attrs");
	attr_ino = f->ino;
	dx_idrop(f);
	CHECK(!uv_umount(mp));
	return 0;
}

static bool is_hole(struct dx_inode *ip, u64 at)
{
	struct dx_irec r = look(ip, at);

	return dx_irec_is_hole(&r);
}

static void op_at_limit(struct dx_mount *mp, unsigned int i, unsigned int room)
{
	struct dx_irec before, after;
	u64 nblocks, n;
	int error;

	f = open_ino(mp, op_ino[i][room]);
	if (!f)
		return;
	nblocks = f->d.nblocks;
	n = f->df.nextents;
	CHECK_EQ(n, FEW - room);
	CHECK(!large(f));
	before = look(f, 10000);
	error = ops[i].fn(f);
	if (!CHECK_EQ(error, room < ops[i].more && !dx_has_nrext64(mp) ? -EFBIG : 0))
		printf("# %s, room for %u\n", ops[i].name, room);
	if (error) {
		after = look(f, 10000);
		CHECK(!memcmp(&before, &after, sizeof(before)));
		CHECK_EQ(f->d.nblocks, nblocks);
		CHECK_EQ(f->df.nextents, n);
		CHECK(is_hole(f, 20000));
		/* what needs no extent goes on */
		CHECK(!dx_free_file_space(f, 10000 * bs, 9 * bs));
		CHECK(!alloc_one(f, 10000, 3));
	} else {
		CHECK_EQ(f->df.nextents, n + ops[i].more);
	}
	CHECK_EQ(large(f), f->df.nextents > FEW);
	CHECK(!dx_is_shutdown(mp));
	dx_idrop(f);
}

/* The check that VFS makes before it changes the size for an insertion. */
static void insert_is_foretold(struct dx_mount *mp)
{
	f = open_ino(mp, insert_ino);
	CHECK_EQ(dx_bmap_can_insert(f, 10005, 7), dx_has_nrext64(mp) ? 0 : -EFBIG);
	CHECK_EQ(dx_bmap_can_insert(f, 10000, 7), 0);
	CHECK_EQ(dx_bmap_can_insert(f, 10009, 7), 0);
	dx_idrop(f);
}

static int set(struct dx_inode *ip, u32 i, bool remove, u32 len)
{
	char name[20];
	struct dx_attr_arg a = { .ip = ip, .name = (u8 *)name, .value = remove ? NULL : value, .valuelen = len };

	a.namelen = sprintf(name, "a%u", i);
	memset(value, 1 + i % 255, len);
	return dx_attr_set_op(&a);
}

static bool all_there(struct dx_inode *ip, u32 n, u32 len)
{
	static u8 got[sizeof(value)];
	u32 i;

	for (i = 0; i < n; i++) {
		char name[20];
		struct dx_attr_arg a = { .ip = ip, .name = (u8 *)name, .value = got, .valuelen = sizeof(got) };

		a.namelen = sprintf(name, "a%u", i);
		if (!CHECK(!dx_attr_get(&a)) || !CHECK_EQ(a.valuelen, len) || !CHECK(got[0] == 1 + i % 255 && got[len - 1] == got[0]))
			return false;
	}
	return true;
}

/* Every other block goes, so what comes next is in single blocks. */
static struct dx_inode *crumbs(struct dx_mount *mp, u32 n)
{
	struct dx_inode *ip = make_file(mp, "crumbs");
	u32 few = mp->opts.few_extents, i;
	struct dx_mapped got;
	u64 at, free;

	mp->opts.few_extents = 0;

	if (!ip || !CHECK(!dx_alloc_file_space(ip, 0, (u64)n * 2 * bs)))
		return ip;
	free = percpu_counter_sum(&mp->fdblocks) - mp->alloc_set_aside - atomic64_read(&mp->allocbt_blks);
	/* nothing else is free then, but for what one btree may need */
	for (at = 2 * n; free > 1000 && !dx_iomap_alloc(ip, at, min_t(u64, free - 500, 100000), false, false, &got); at += got.rec.blockcount) {
		free = percpu_counter_sum(&mp->fdblocks) - mp->alloc_set_aside - atomic64_read(&mp->allocbt_blks);
	}
	for (i = 0; i < n; i++)
		if (!CHECK(!dx_free_file_space(ip, (i * 2 + 1) * bs, bs)))
			break;
	CHECK(!dx_log_force(mp, true));
	mp->opts.few_extents = few;
	return ip;
}

static int attrs_at_limit(struct dx_mount *mp)
{
	struct dx_inode *c = crumbs(mp, 3000);
	u32 i, n;
	int error = 0;

	f = open_ino(mp, attr_ino);
	for (n = 0; n < 60 && !error && !host_checks_failed; n++)
		error = set(f, n, false, 3000);
	if (dx_has_nrext64(mp)) {
		CHECK_EQ(error, 0);
		CHECK(f->af->nextents > FEW);
		CHECK(large(f));
	} else {
		n--;
		CHECK_EQ(error, -EFBIG);
		CHECK(f->af->nextents <= FEW && f->af->nextents > FEW / 2);
		CHECK(!large(f));
		CHECK_EQ(set(f, n, false, 3000), -EFBIG);
	}
	CHECK(!dx_is_shutdown(mp));
	all_there(f, n, 3000);
	for (i = n; i-- > n / 2;)
		CHECK(!set(f, i, true, 0));
	all_there(f, i + 1, 3000);
	dx_idrop(f);
	dx_idrop(c);
	return 0;
}

static int at_limit(void *arg)
{
	struct dx_mount *mp = mount_few(FEW);
	unsigned int i, room;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		for (room = 0; room <= ops[i].more && !host_checks_failed; room++)
			op_at_limit(mp, i, room);
	insert_is_foretold(mp);
	attrs_at_limit(mp);
	CHECK(!uv_umount(mp));
	return 0;
}

/* ---- an inode from before, on a volume that has got large counters ---- */

static int make_old(void *arg)
{
	struct dx_mount *mp = mount_few(0);

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	f = make_file(mp, "old");
	fill_to(f, FEW);
	f_ino = f->ino;
	dx_idrop(f);
	CHECK(!uv_umount(mp));
	return 0;
}

static int grow_old(void *arg)
{
	struct dx_mount *mp = mount_few(FEW);
	struct dx_inode *fresh, *hog;
	struct dx_mapped got;
	u64 at, len;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!dx_iget(mp, NULL, f_ino, 0, &f)))
		return -EIO;
	fresh = make_file(mp, "fresh");
	CHECK(large(fresh));
	CHECK(!large(f));
	/* one less, one more: that is what it could have before */
	CHECK(!dx_free_file_space(f, 0, bs));
	CHECK(!alloc_one(f, 0, 1));
	CHECK(!large(f));

	/* what fails does not change the form */
	hog = make_file(mp, "hog");
	for (at = 0, len = 1 << 17; len; len /= 2)
		while (!dx_iomap_alloc(hog, at, len, false, false, &got))
			at = dx_irec_end(&got.rec);
	CHECK_EQ(alloc_one(f, 20000, 1), -ENOSPC);
	CHECK_EQ(f->df.nextents, FEW);
	CHECK(!large(f));
	CHECK(!dx_setsize_trans(hog, 0, true, false));

	CHECK(!dx_log_force(mp, true));
	CHECK(!alloc_one(f, 20000, 1));
	CHECK_EQ(f->df.nextents, FEW + 1);
	CHECK(large(f));
	/* once large, always large */
	CHECK(!dx_free_file_space(f, 20000 * bs, bs));
	CHECK(!dx_free_file_space(f, 0, bs));
	CHECK(large(f));
	CHECK(!alloc_one(f, 20000, 1));
	CHECK(!alloc_one(f, 0, 1));
	CHECK(!dx_log_force(mp, true));
	return *(bool *)arg ? HOST_CRASHED : (dx_idrop(f), dx_idrop(fresh), dx_idrop(hog), uv_umount(mp));
}

static int see_old(void *arg)
{
	struct dx_mount *mp = mount_few(0);

	(void)arg;
	if (!CHECK(mp) || !CHECK(!dx_iget(mp, NULL, f_ino, 0, &f)))
		return -EIO;
	CHECK(large(f));
	CHECK_EQ(f->df.nextents, FEW + 1);
	CHECK(!is_hole(f, 20000));
	dx_idrop(f);
	CHECK(!uv_umount(mp));
	return 0;
}

static void old_inode(bool crash)
{
	char what[100];

	snprintf(what, sizeof(what), "extents: an inode from before gets large counters%s", crash ? ", and a crash keeps them" : "");
	if (!CHECK(!uv_make(&small_counters)))
		return;
	host_test("extents: an inode with small counters", 1, make_old, NULL);
	host_test_begin("extents: xfs_admin gives the volume large ones");
	CHECK(upgrade());
	host_test_end();
	host_test_begin(what);
	host_init(1);
	CHECK_EQ(host_run(grow_old, &crash), crash ? HOST_CRASHED : 0);
	host_kill_world();
	if (crash)
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	host_test_end();
	host_test("extents: and they are there at the next mount", 1, see_old, NULL);
	host_test_begin("extents: xfs_repair is content");
	CHECK(uv_repair_clean("old"));
	host_test_end();
}

/* ---- the limit of the format: attributes, for the real 32767 of a data fork would be 2^31 - 1 ---- */

#define REAL	65536		/* bytes of a value: 66 blocks, each an extent */
static u32 real_n;

static int fill_real(void *arg)
{
	struct dx_mount *mp = mount_few(0);
	struct dx_inode *c;
	int error = 0;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	c = crumbs(mp, 43000);
	f = make_file(mp, "real");
	f_ino = f->ino;
	for (real_n = 0; !error && real_n < 600; real_n++)
		error = set(f, real_n, false, REAL);
	real_n--;
	CHECK_EQ(error, -EFBIG);
	printf("# %u attributes, %llu extents\n", real_n, f->af->nextents);
	CHECK(f->af->nextents <= DX_MAX_AEXTNUM && f->af->nextents > DX_MAX_AEXTNUM - 2 * 80);
	CHECK(!large(f));
	CHECK(!dx_is_shutdown(mp));
	dx_idrop(f);
	dx_idrop(c);
	CHECK(!uv_umount(mp));
	return 0;
}

static int pass_real(void *arg)
{
	struct dx_mount *mp = mount_few(0);
	u32 i;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!dx_iget(mp, NULL, f_ino, 0, &f)))
		return -EIO;
	CHECK(!large(f));
	for (i = 0; i < 5; i++)
		CHECK(!set(f, real_n++, false, REAL));
	CHECK(large(f));
	CHECK(f->af->nextents > DX_MAX_AEXTNUM);
	printf("# %u attributes, %llu extents\n", real_n, f->af->nextents);
	dx_idrop(f);
	CHECK(!uv_umount(mp));
	mp = mount_few(0);
	if (!CHECK(mp) || !CHECK(!dx_iget(mp, NULL, f_ino, 0, &f)))
		return -EIO;
	all_there(f, real_n, REAL);
	CHECK_EQ(dx_bmap_count_leaves(f, DX_ATTR_FORK), f->af->nextents);
	dx_idrop(f);
	CHECK(!uv_umount(mp));
	return 0;
}

static void format_limit(void)
{
	static const struct uv_profile p = { "1 KiB blocks", OPTS, 144 };

	if (!CHECK(!uv_make(&p)))
		return;
	host_test("extents: an attribute fork ends at 32767", 1, fill_real, NULL);
	host_test_begin("extents: xfs_repair is content, and xfs_admin upgrades the volume");
	CHECK(uv_repair_clean("real"));
	CHECK(upgrade());
	host_test_end();
	host_test("extents: and then goes beyond", 1, pass_real, NULL);
	host_test_begin("extents: xfs_repair is content");
	CHECK(uv_repair_clean("real"));
	host_test_end();
}

/* Every operation at the limit, with a volume that has only small counters, or one that had. */
static void limits(bool upgraded)
{
	if (!CHECK(!uv_make(&small_counters)))
		return;
	host_test("extents: files with as many as they may have, or a few less", 1, make_files, NULL);
	if (upgraded) {
		host_test_begin("extents: xfs_admin gives the volume large counters");
		CHECK(upgrade());
		host_test_end();
	}
	host_test(upgraded ? "extents: what would be too many makes the counters large" :
		  "extents: what would be too many says so, and nothing has changed", 1, at_limit, NULL);
	host_test_begin("extents: xfs_repair is content");
	CHECK(uv_repair_clean("limit"));
	host_test_end();
}

int main(void)
{
	uv_setup("t_extents");
	limits(false);
	limits(true);
	old_inode(false);
	old_inode(true);
	format_limit();
	uv_teardown();
	return host_test_exit();
}
