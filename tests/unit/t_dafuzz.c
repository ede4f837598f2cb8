// SPDX-License-Identifier: GPL-2.0-only
/*
 * Damaged directories, attributes and symbolic links with right checksums: whatever the
 * bytes say, every operation ends, touches no memory but its own, and says
 * nothing worse than EUCLEAN.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "da_help.h"
#include "dx_da.h"
#include "dx_dir.h"

struct target { u64 off; u32 len, crc_off; bool inode; };
#define MAXTARGETS	400
static struct target targets[MAXTARGETS];
static int ntargets;
static const struct { const char *name; int n; } dirs[] = { { "sf", 4 }, { "block", 30 }, { "leaf", 250 }, { "node", 900 } };
static const struct { const char *name; int n, len; } files[] = { { "asf", 4, 10 }, { "aleaf", 30, 40 }, { "anode", 60, 300 },
	{ "aremote", 6, 20000 } };
static u8 value[DX_XATTR_SIZE_MAX];

static void add_target(u64 off, u32 len, u32 crc_off, bool inode)
{
	struct target t = { off, len, crc_off, inode };

	if (ntargets < MAXTARGETS)
		targets[ntargets++] = t;
}

/* Every block that a fork maps, if it has a checksum that we know. */
static void add_fork(struct dx_inode *ip, int w)
{
	struct dx_fork *f = dx_ifork(ip, w);
	struct dx_mount *mp = ip->mp;
	struct dx_iext_cur cur;
	struct dx_irec rec;
	bool more;
	u32 i;

	if (!f || f->format == DX_DINODE_FMT_LOCAL)
		return;
	CHECK(!dx_iread_extents(NULL, ip, w));
	for (more = dx_iext_first(&f->ext, &cur, &rec); more; more = dx_iext_next(&f->ext, &cur, &rec)) {
		for (i = 0; i < rec.blockcount; i++) {
			u64 off = dx_fsb_to_daddr(mp, rec.startblock + i) << 9;
			u32 magic;

			host_dev_peek(da_dev, off, &magic, 4);
			magic = be32_to_cpu((__force __be32)magic);
			add_target(off, mp->sb.blocksize,
				   magic == DX_DIR3_BLOCK_MAGIC || magic == DX_DIR3_DATA_MAGIC || magic == DX_DIR3_FREE_MAGIC ?
				   4 : 12, false);
		}
	}
}

static void add_inode(struct dx_inode *ip)
{
	add_target(((u64)ip->imap.daddr << 9) + ip->imap.boffset, ip->mp->sb.inodesize, DX_DINODE_CRC_OFF, true);
	add_fork(ip, DX_DATA_FORK);
	add_fork(ip, DX_ATTR_FORK);
}

static const char long_link[] =
	"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	"/ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	"/ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

static int build(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct dx_create_args la = { .mode = S_IFLNK | 0777 };
	struct dx_name n = { .name = (const u8 *)"link", .len = 4, .ftype = DX_DIR3_FT_SYMLINK };
	struct dx_inode *ip, *dp, *t;
	char name[64];
	int d, i;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK(!da_create(mp->rootip, "t", S_IFREG | 0644, &t));
	for (d = 0; d < (int)ARRAY_SIZE(dirs); d++) {
		CHECK(!da_create(mp->rootip, dirs[d].name, S_IFDIR | 0755, &dp));
		for (i = 0; i < dirs[d].n; i++) {
			struct dx_name ln = { .name = (const u8 *)name, .len = sprintf(name, "name-%d", i), .ftype = 1 };

			CHECK(!dx_link(dp, t, &ln));
		}
		dx_idrop(dp);
	}
	for (d = 0; d < (int)ARRAY_SIZE(files); d++) {
		CHECK(!da_create(mp->rootip, files[d].name, S_IFREG | 0644, &ip));
		for (i = 0; i < files[d].n; i++) {
			struct dx_attr_arg a = { .ip = ip, .name = (const u8 *)name, .namelen = sprintf(name, "name-%d", i),
						 .value = value, .valuelen = files[d].len };

			CHECK(!dx_attr_set_op(&a));
		}
		dx_idrop(ip);
	}
	CHECK(!dx_symlink(mp->rootip, &n, long_link, &la, &ip));
	dx_idrop(ip);
	dx_idrop(t);
	return uv_umount(mp);
}

static int find_targets(void *arg)
{
	struct dx_mount *mp = da_mount(true);
	struct dx_inode *ip;
	int d;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	for (d = 0; d < (int)ARRAY_SIZE(dirs); d++)
		if (CHECK(!da_lookup(mp->rootip, dirs[d].name, strlen(dirs[d].name), &ip))) {
			add_inode(ip);
			dx_idrop(ip);
		}
	for (d = 0; d < (int)ARRAY_SIZE(files); d++)
		if (CHECK(!da_lookup(mp->rootip, files[d].name, strlen(files[d].name), &ip))) {
			add_inode(ip);
			dx_idrop(ip);
		}
	if (CHECK(!da_lookup(mp->rootip, "link", 4, &ip))) {
		add_inode(ip);
		dx_idrop(ip);
	}
	return uv_umount(mp);
}

static void mutate(u64 *st)
{
	struct target *t = &targets[da_rand(st) % ntargets];
	u8 buf[4096];
	int n = 1 + da_rand(st) % 3;

	host_dev_peek(da_dev, t->off, buf, t->len);
	while (n--) {
		/* headers, first entries and tails say most */
		u32 off = da_rand(st) % 3 ? da_rand(st) % t->len : da_rand(st) % 2 ? da_rand(st) % 128 : t->len - 1 - da_rand(st) % 32;
		u32 from;

		/* the core of an inode is the inode test's; here its forks */
		if (t->inode && off < DX_DINODE_SIZE && da_rand(st) % 4)
			off = DX_DINODE_SIZE + off % (t->len - DX_DINODE_SIZE);
		switch (da_rand(st) % 5) {
		case 0:
			buf[off] = da_rand(st);
			break;
		case 1:
			buf[off] ^= 1 << (da_rand(st) % 8);
			break;
		case 2:
			off &= ~1u;
			buf[off] = da_rand(st) % 2 ? 0xff : 0;
			buf[off + 1] = da_rand(st) % 2 ? 0xff : da_rand(st);
			break;
		case 3:
			off &= ~3u;
			memset(buf + off, da_rand(st) % 2 ? 0xff : 0, 4);
			break;
		default:
			from = da_rand(st) % (t->len / 8) * 8;
			memmove(buf + (off & ~7u), buf + from, 8);
			break;
		}
	}
	dx_update_cksum(buf, t->len, t->crc_off);
	host_dev_poke(da_dev, t->off, buf, t->len);
}

static bool emit(void *ctx, const u8 *name, int len, u64 pos, dx_ino_t ino, u8 ftype)
{
	(void)name; (void)len; (void)pos; (void)ino; (void)ftype;
	return --*(int *)ctx > 0;
}

static int list(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	(void)flags; (void)name; (void)namelen; (void)valuelen;
	return --*(int *)ctx <= 0;
}

static int use(void *arg)
{
	u64 *st = arg;
	struct dx_mount *mp = da_mount(false);
	struct dx_inode *ip, *t = NULL;
	char name[64], buf[1100];
	int d, i, left;

	if (!mp)
		return 0;
	da_lookup(mp->rootip, "t", 1, &t);
	for (d = 0; d < (int)ARRAY_SIZE(dirs); d++) {
		u64 pos = 0;

		if (da_lookup(mp->rootip, dirs[d].name, strlen(dirs[d].name), &ip))
			continue;
		left = 100000;
		dx_dir_readdir(ip, &pos, emit, &left);
		CHECK(left > 0);
		for (i = 0; i < 60; i++) {
			struct dx_name n = { .name = (const u8 *)name, .ftype = 1 };
			dx_ino_t ino;

			n.len = sprintf(name, "name-%d", (int)(da_rand(st) % (dirs[d].n + 20)));
			if (dx_lookup(ip, &n, &ino, NULL)) {
				if (t && i % 3 == 0)
					dx_link(ip, t, &n);
			} else if (t && ino == t->ino && i % 3 == 1) {
				dx_remove(ip, &n, t);
			}
		}
		dx_idrop(ip);
	}
	for (d = 0; d < (int)ARRAY_SIZE(files); d++) {
		if (da_lookup(mp->rootip, files[d].name, strlen(files[d].name), &ip))
			continue;
		left = 100000;
		dx_attr_list(ip, NULL, list, &left);
		CHECK(left > 0);
		for (i = 0; i < 40; i++) {
			struct dx_attr_arg a = { .ip = ip, .name = (const u8 *)name, .value = value };

			a.namelen = sprintf(name, "name-%d", (int)(da_rand(st) % (files[d].n + 5)));
			a.valuelen = i % 4 ? DX_XATTR_SIZE_MAX : da_rand(st) % 3000;
			if (i % 4 == 0)
				dx_attr_set_op(&a);
			else if (i % 4 == 1)
				dx_attr_get(&a);
			else if (i % 8 == 2) {
				a.value = NULL;
				dx_attr_set_op(&a);
			}
		}
		if (da_rand(st) % 4 == 0) {
			struct dx_name n = { .name = (const u8 *)files[d].name, .len = strlen(files[d].name) };

			dx_remove(mp->rootip, &n, ip);
		}
		dx_idrop(ip);
	}
	if (!da_lookup(mp->rootip, "link", 4, &ip)) {
		struct dx_name n = { .name = (const u8 *)"link", .len = 4 };

		if ((ip->d.mode & S_IFMT) == S_IFLNK)
			dx_readlink(ip, buf);
		dx_remove(mp->rootip, &n, ip);
		dx_idrop(ip);
	}
	if (t)
		dx_idrop(t);
	dx_icache_flush_inactive(mp);
	uv_umount(mp);
	return 0;
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 400, r, first = argc > 3 ? atoi(argv[3]) : 0;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct host_dev_snap *snap;

	da_setup();
	host_test_begin("damaged directories, attributes and links");
	host_init(0);
	if (CHECK(!da_make("", 300)) && CHECK(!host_run(build, NULL)) && CHECK(da_repair_clean())) {
		host_init(0);
		CHECK(!host_run(find_targets, NULL));
		host_kill_world();
		snap = host_dev_snap_take(da_dev);
		host_set_printk(0);
		for (r = first; r < runs && !host_checks_failed; r++) {
			u64 st = seed * 1000003 + r;

			host_dev_snap_restore(da_dev, snap);
			host_init(0);
			mutate(&st);
			CHECK_EQ(host_run(use, &st), 0);
			CHECK_EQ(host_warn_count, 0);
			if (host_checks_failed)
				fprintf(stderr, "# run %d of seed %llu\n", r, (unsigned long long)seed);
		}
		host_dev_snap_free(snap);
		printf("# %d blocks and inodes, %d mutations\n", ntargets, runs);
	}
	host_test_end();
	da_teardown();
	return host_test_exit();
}
