// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes in every form, against a plain table of names and
 * values: from a few in the inode to a tree with values outside it, and back to none;
 * after each phase a remount agrees and xfs_repair finds nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "da_help.h"
#include "dx_da.h"
#include "dx_dir.h"

#define MAXATTRS	1500

struct val { int len; u64 seed; };	/* len -1: absent */
static struct val model[3][MAXATTRS];
static const char * const files[3] = { "file", "dir", "a-link" };
static bool seen[MAXATTRS];
static u8 *vbuf, *gbuf;

static u8 nsp_of(int i)
{
	return i % 7 == 0 ? DX_ATTR_ROOT : i % 7 == 1 ? DX_ATTR_SECURE : 0;
}

/*
 * Eight names share a hash (see t_dir.c); their values are short, so that one leaf can hold
 * them all: xfs_repair 6.1 does not accept two leaves that end in the same hash.
 */
static bool collides(int i)
{
	return i < 80 && i % 10 == 3;
}

static int make_name(int i, u8 *buf)
{
	u64 st = i * 31 + 5;
	int len, j;

	if (collides(i)) {
		memset(buf, 'h', 20);
		for (j = 0; j < 10; j++) {
			if (i >> j & 1) {
				buf[2 * j] ^= 1;
				buf[2 * j + 1] ^= 0x80;
			}
		}
		return 20;
	}
	len = da_rand(&st) % 8 ? 5 + da_rand(&st) % 20 : 5 + da_rand(&st) % 250;
	sprintf((char *)buf, "%05d", i);
	for (j = 5; j < len; j++)
		buf[j] = 'a' + da_rand(&st) % 26;
	return len;
}

static int name_number(const u8 *name, int len)
{
	u8 buf[256];
	int i = 0, j;

	if (len == 20 && (name[0] == 'h' || name[0] == ('h' ^ 1))) {
		for (j = 0; j < 10; j++)
			i |= (name[2 * j] == ('h' ^ 1)) << j;
	} else {
		for (j = 0; j < 5 && j < len; j++)
			i = i * 10 + name[j] - '0';
	}
	if (i < 0 || i >= MAXATTRS || make_name(i, buf) != len || memcmp(buf, name, len))
		return -1;
	return i;
}

static void fill(u8 *buf, const struct val *v)
{
	u64 st = v->seed;
	int j;

	for (j = 0; j < v->len; j++)
		buf[j] = j & 7 ? buf[j - 1] + 1 : da_rand(&st);
}

static struct dx_attr_arg arg_of(struct dx_inode *ip, int i, u8 *name)
{
	struct dx_attr_arg a = { .ip = ip, .nsp = nsp_of(i), .name = name };

	a.namelen = make_name(i, name);
	return a;
}

static int set(struct dx_inode *ip, struct val *m, int i, int len, u64 seed)
{
	struct val v = { len, seed };
	u8 name[256];
	struct dx_attr_arg a = arg_of(ip, i, name);
	int error;

	fill(vbuf, &v);
	a.value = vbuf;
	a.valuelen = len;
	/* the wrong wish first: it must fail and change nothing */
	if (seed % 5 == 0) {
		a.create = m[i].len >= 0;
		a.replace = !a.create;
		CHECK_EQ(dx_attr_set_op(&a), a.create ? -EEXIST : -ENOATTR);
		a.create = !a.create;
		a.replace = !a.replace;
	}
	error = dx_attr_set_op(&a);
	if (error)
		printf("# set %d, %d bytes: %d\n", i, len, error);
	else
		m[i] = v;
	return error;
}

static int del(struct dx_inode *ip, struct val *m, int i)
{
	u8 name[256];
	struct dx_attr_arg a = arg_of(ip, i, name);
	int error = dx_attr_set_op(&a);

	if (m[i].len < 0)
		return error == -ENOATTR ? 0 : -EINVAL;
	if (error)
		printf("# remove %d: %d\n", i, error);
	else
		m[i].len = -1;
	return error;
}

static int list_fn(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	struct val *m = ctx;
	int i = name_number(name, namelen);

	if (!CHECK(i >= 0))
		return 0;
	CHECK(!seen[i]);
	CHECK_EQ(valuelen, m[i].len);
	CHECK_EQ(flags, nsp_of(i));
	seen[i] = true;
	return 0;
}

struct part { struct val *m; int left; };

static int part_fn(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	struct part *p = ctx;

	/* this one is told again */
	return p->left-- ? list_fn(p->m, flags, name, namelen, valuelen) : 1;
}

/* The whole list, a few at a time. */
static int list_parts(struct dx_inode *ip, struct val *m)
{
	struct dx_attr_cursor cur = { };
	struct part p = { .m = m };
	int ret, parts = 0;

	do {
		p.left = 1 + parts % 7;
		ret = dx_attr_list(ip, &cur, part_fn, &p);
	} while (ret == 1 && ++parts < MAXATTRS);
	return ret;
}

static void check_all(struct dx_inode *ip, struct val *m)
{
	int i, bad = 0;

	memset(seen, 0, sizeof(seen));
	CHECK_EQ(list_parts(ip, m), 0);
	for (i = 0; i < MAXATTRS; i++)
		bad += seen[i] != (m[i].len >= 0);
	memset(seen, 0, sizeof(seen));
	CHECK(!dx_attr_list(ip, NULL, list_fn, m));
	for (i = 0; i < MAXATTRS; i++) {
		u8 name[256];
		struct dx_attr_arg a = arg_of(ip, i, name);
		int error;

		bad += seen[i] != (m[i].len >= 0);
		error = dx_attr_get(&a);
		if (m[i].len < 0) {
			bad += error != -ENOATTR;
			continue;
		}
		bad += error || a.valuelen != m[i].len;
		a.value = gbuf;
		if (m[i].len) {
			a.valuelen = m[i].len - 1;
			bad += dx_attr_get(&a) != -ERANGE;
		}
		a.valuelen = DX_XATTR_SIZE_MAX;
		error = dx_attr_get(&a);
		fill(vbuf, &m[i]);
		bad += error || a.valuelen != m[i].len || memcmp(vbuf, gbuf, m[i].len);
	}
	CHECK_EQ(bad, 0);
}

struct phase { int span, ops, keep, big; u64 seed; bool may_fail; };

/* Values: mostly small; @big in 100 up to 64 KiB. */
static int pick_len(u64 *st, int big)
{
	int r = da_rand(st) % 100;

	if (r < big)
		return da_rand(st) % (DX_XATTR_SIZE_MAX + 1);
	if (r < big + 10)
		return da_rand(st) % 4000;
	return da_rand(st) % 60;
}

static int run_phase(void *arg)
{
	struct phase *p = arg;
	struct dx_mount *mp = da_mount(false);
	u64 st = p->seed;
	int f, n;

	if (!CHECK(mp))
		return -EIO;
	for (f = 0; f < 3; f++) {
		struct val *m = model[f];
		struct dx_inode *ip;

		if (!CHECK(!da_lookup(mp->rootip, files[f], strlen(files[f]), &ip)))
			break;
		check_all(ip, m);
		for (n = 0; n < p->ops && !host_checks_failed; n++) {
			int i = da_rand(&st) % p->span;

			if ((int)(da_rand(&st) % 100) < p->keep)
				CHECK(!set(ip, m, i, collides(i) ? i / 2 : pick_len(&st, p->big), da_rand(&st)));
			else
				CHECK(!del(ip, m, i));
			if (n % 499 == 0)
				check_all(ip, m);
		}
		if (!p->keep)
			for (n = 0; n < MAXATTRS; n++)
				CHECK(!del(ip, m, n));
		check_all(ip, m);
		if (!p->keep && ip->df.format != DX_DINODE_FMT_BTREE)
			CHECK(!ip->af);
		dx_idrop(ip);
	}
	return uv_umount(mp);
}

static int prepare(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct dx_create_args a = { .mode = S_IFLNK | 0777 };
	struct dx_name n = { .name = (const u8 *)files[2], .len = strlen(files[2]), .ftype = DX_DIR3_FT_SYMLINK };
	struct dx_inode *ip, *dp;
	char name[32];
	int i;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK(!da_create(mp->rootip, files[0], S_IFREG | 0644, &ip));
	dx_idrop(ip);
	CHECK(!da_create(mp->rootip, files[1], S_IFDIR | 0755, &dp));
	for (i = 0; i < 6; i++) {
		sprintf(name, "child-number-%d", i);
		CHECK(!da_create(dp, name, S_IFREG | 0644, &ip));
		dx_idrop(ip);
	}
	dx_idrop(dp);
	CHECK(!dx_symlink(mp->rootip, &n, "where/this/points/is/not/important/but/it/takes/some/bytes", &a, &ip));
	dx_idrop(ip);
	return uv_umount(mp);
}

static bool forcing;

/* Makes a checkpoint of whatever has been committed, again and again. */
static int force_log(void *arg)
{
	while (forcing) {
		dx_log_force(arg, true);
		host_yield();
	}
	return 0;
}

/* Unlinked with all its attributes. */
static int unlink_all(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct host_fiber *fiber;
	struct dx_inode *ip;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	forcing = true;
	fiber = host_spawn(force_log, mp, "force");
	if (CHECK(!da_lookup(mp->rootip, files[0], strlen(files[0]), &ip))) {
		struct dx_name n = { .name = (const u8 *)files[0], .len = strlen(files[0]) };

		CHECK(!dx_remove(mp->rootip, &n, ip));
		dx_idrop(ip);
	}
	dx_icache_flush_inactive(mp);
	forcing = false;
	host_join(fiber);
	return uv_umount(mp);
}

/* ---- a full volume ---- */

static int eat_space(struct dx_mount *mp)
{
	struct dx_inode *ip;
	u64 len = 64 << 20, off = 0;
	int error;

	error = da_create(mp->rootip, "eater", S_IFREG | 0644, &ip);
	if (error)
		return error;
	while (len >= mp->sb.blocksize) {
		error = dx_alloc_file_space(ip, off, len);
		if (error == -ENOSPC)
			len >>= 1;
		else if (error)
			break;
		off += len;
	}
	dx_idrop(ip);
	return error == -ENOSPC ? 0 : error;
}

/* What does not fit is refused and changes nothing; what is there can always be removed. */
static int run_full(void *arg)
{
	struct phase *p = arg;
	struct dx_mount *mp = da_mount(false);
	int f, i, n, refused = 0;
	u64 st = p->seed;

	if (!CHECK(mp) || !CHECK(!eat_space(mp)))
		return -EIO;
	for (f = 0; f < 3; f++) {
		struct val *m = model[f];
		struct dx_inode *ip;

		if (!CHECK(!da_lookup(mp->rootip, files[f], strlen(files[f]), &ip)))
			break;
		for (n = 0; n < 1200 && !host_checks_failed; n++) {
			struct val v = { 0, da_rand(&st) };
			u8 name[256];
			struct dx_attr_arg a;
			int error;

			i = da_rand(&st) % p->span;
			if (n > 200 && da_rand(&st) % 2) {
				CHECK(!del(ip, m, i));
				continue;
			}
			v.len = collides(i) ? i / 2 : pick_len(&st, p->big);
			a = arg_of(ip, i, name);
			fill(vbuf, &v);
			a.value = vbuf;
			a.valuelen = v.len;
			error = dx_attr_set_op(&a);
			if (error == -ENOSPC)
				refused++;
			else if (CHECK_EQ(error, 0))
				m[i] = v;
		}
		check_all(ip, m);
		for (n = 0; n < p->span; n++)
			CHECK(!del(ip, m, n));
		check_all(ip, m);
		dx_idrop(ip);
	}
	CHECK(refused > 0);
	return uv_umount(mp);
}

static void full(const char *name, const char *mkfs, u64 seed)
{
	struct phase grow = { .span = MAXATTRS, .ops = 800, .keep = 80, .big = 5, .seed = seed };
	struct phase p = { .span = MAXATTRS, .big = 10, .seed = seed + 1 };
	int f, i;

	host_test_begin(name);
	for (f = 0; f < 3; f++)
		for (i = 0; i < MAXATTRS; i++)
			model[f][i].len = -1;
	host_init(0);
	if (CHECK(!da_make(mkfs, 300)) && CHECK(!host_run(prepare, NULL))) {
		host_init(0);
		CHECK(!host_run(run_phase, &grow));
		CHECK(da_repair_clean());
		host_init(0);
		CHECK_EQ(host_run(run_full, &p), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
	}
	host_test_end();
}

/* ---- crashes ---- */

#define CRASH_ATTRS	40
#define MAXOPS		400
static struct { int i; struct val v; } ops[MAXOPS];
static int nops, synced;
static struct val base[CRASH_ATTRS];

static int run_until_crash(void *arg)
{
	struct phase *p = arg;
	struct dx_mount *mp = da_mount(false);
	u64 st = p->seed;
	struct dx_inode *ip;

	if (p->may_fail && !mp)
		return 0;
	if (!CHECK(mp))
		return -EIO;
	if (da_lookup(mp->rootip, files[0], strlen(files[0]), &ip)) {
		CHECK(p->may_fail);
		return uv_umount(mp);
	}
	while (nops < MAXOPS - 1 && !host_checks_failed) {
		int i = da_rand(&st) % CRASH_ATTRS, error;
		struct val v = { -1, 0 };

		if ((int)(da_rand(&st) % 100) < p->keep) {
			v.len = collides(i) ? i / 2 : pick_len(&st, p->big);
			v.seed = da_rand(&st) | 1;
		}
		ops[nops].i = i;
		ops[nops].v = v;
		error = v.len >= 0 ? set(ip, model[0], i, v.len, v.seed) : del(ip, model[0], i);
		if (error && p->may_fail)
			break;
		CHECK_EQ(error, 0);
		nops++;
		if (da_rand(&st) % 10 == 0) {
			error = dx_log_force(mp, true);
			if (error && p->may_fail)
				break;
			CHECK_EQ(error, 0);
			synced = nops;
		}
	}
	dx_idrop(ip);
	return uv_umount(mp);
}

static bool val_is(struct dx_inode *ip, int i, const struct val *v)
{
	u8 name[256];
	struct dx_attr_arg a = arg_of(ip, i, name);
	int error;

	a.value = gbuf;
	a.valuelen = DX_XATTR_SIZE_MAX;
	error = dx_attr_get(&a);
	if (v->len < 0)
		return error == -ENOATTR;
	fill(vbuf, v);
	return !error && a.valuelen == v->len && !memcmp(gbuf, vbuf, v->len);
}

/* Each operation happened whole or not at all, in order, and none that was forced out is missing. */
static int check_recovered(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct dx_inode *ip;
	int i, k, found = -1;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!da_lookup(mp->rootip, files[0], strlen(files[0]), &ip)))
		return -EIO;
	for (k = 0; k <= nops + 1 && found < 0; k++) {
		if (k >= synced) {
			for (i = 0; i < CRASH_ATTRS; i++)
				if (!val_is(ip, i, &base[i]))
					break;
			if (i == CRASH_ATTRS)
				found = k;
		}
		if (found < 0 && k < MAXOPS)
			base[ops[k].i] = ops[k].v;
	}
	if (CHECK(found >= 0)) {
		memcpy(model[0], base, sizeof(base));
		check_all(ip, model[0]);
	}
	dx_idrop(ip);
	return uv_umount(mp);
}

static void crashes(const char *name, const char *mkfs, int runs, bool fail_io, u64 seed)
{
	u64 st = seed;
	int f, i, r, error;

	host_test_begin(name);
	for (f = 0; f < 3; f++)
		for (i = 0; i < MAXATTRS; i++)
			model[f][i].len = -1;
	host_init(0);
	if (!CHECK(!da_make(mkfs, 300)) || !CHECK(!host_run(prepare, NULL)))
		goto out;
	if (fail_io)
		host_set_printk(0);
	for (r = 0; r < runs && !host_checks_failed; r++) {
		struct phase p = { .keep = r % 3 == 2 ? 5 : 60, .big = r % 2 ? 10 : 0, .seed = da_rand(&st),
				   .may_fail = fail_io };

		nops = synced = 0;
		memcpy(base, model[0], sizeof(base));
		host_init(0);
		if (fail_io)
			host_dev_fail(da_dev, HOST_FAIL_ANY, 1 + da_rand(&st) % 150, da_rand(&st) % 2, -EIO);
		else
			host_dev_crash_at(da_dev, 1 + da_rand(&st) % 120,
					  da_rand(&st) % 2 ? HOST_CRASH_SUBMIT : HOST_CRASH_COMPLETE);
		error = host_run(run_until_crash, &p);
		if (error == HOST_CRASHED)
			host_dev_crash(da_dev, da_rand(&st) % HOST_CRASH_MODES, da_rand(&st));
		else if (!fail_io)
			CHECK_EQ(error, 0);
		host_dev_crash_at(da_dev, 0, HOST_CRASH_SUBMIT);
		host_dev_fail_none(da_dev);
		host_init(0);
		CHECK_EQ(host_run(check_recovered, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
		if (host_checks_failed)
			printf("# crash run %d of seed %llu\n", r, (unsigned long long)seed);
	}
	host_set_printk(5);
out:
	host_test_end();
}

static int mount_umount(void *arg)
{
	struct dx_mount *mp = da_mount(false);

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	dx_icache_flush_inactive(mp);
	return uv_umount(mp);
}

/* An inode dies with all its attributes, and the power fails in the middle: recovery finishes it. */
static void dying(const char *name, const char *mkfs, u64 seed)
{
	struct phase grow = { .span = MAXATTRS, .ops = 700, .keep = 90, .big = 4, .seed = seed };
	struct host_dev_snap *snap;
	int f, i, n, error;
	u64 st = seed;

	host_test_begin(name);
	for (f = 0; f < 3; f++)
		for (i = 0; i < MAXATTRS; i++)
			model[f][i].len = -1;
	host_init(0);
	if (CHECK(!da_make(mkfs, 300)) && CHECK(!host_run(prepare, NULL))) {
		host_init(0);
		CHECK(!host_run(run_phase, &grow));
		host_kill_world();
		snap = host_dev_snap_take(da_dev);
		error = HOST_CRASHED;
		for (n = 1; error == HOST_CRASHED && !host_checks_failed; n += 1 + n / 20) {
			host_dev_snap_restore(da_dev, snap);
			host_init(seed * 100 + n);	/* any interleaving with the forces */
			host_dev_crash_at(da_dev, n, HOST_CRASH_COMPLETE);
			error = host_run(unlink_all, NULL);
			if (error != HOST_CRASHED)
				break;
			host_dev_crash(da_dev, n % HOST_CRASH_MODES, da_rand(&st));
			host_dev_crash_at(da_dev, 0, HOST_CRASH_SUBMIT);
			host_init(0);
			CHECK_EQ(host_run(mount_umount, NULL), 0);
			CHECK_EQ(host_warn_count, 0);
			CHECK(da_repair_clean());
			if (host_checks_failed)
				printf("# crash at write %d\n", n);
		}
		CHECK(n > 5);
		printf("# %d writes\n", n);
		host_dev_snap_free(snap);
	}
	host_test_end();
}

/* The blocks of a value cannot be written: the caller hears so, and that is all; its blocks are free again. */
static int run_unwritable(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct val *m = model[0], big = { 20000, 7 };
	struct dx_attr_arg a;
	struct dx_inode *ip;
	s64 before;
	u8 name[256];
	int i;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!da_lookup(mp->rootip, files[0], strlen(files[0]), &ip)))
		return -EIO;
	for (i = 0; i < 12; i++)
		CHECK(!set(ip, m, i, 200, i));
	before = percpu_counter_sum(&mp->fdblocks);
	host_dev_fail_outside(da_dev, HOST_FAIL_WRITE, dx_log_daddr(mp), dx_log_size_bb(mp), -EIO);
	a = arg_of(ip, 50, name);
	fill(vbuf, &big);
	a.value = vbuf;
	a.valuelen = big.len;
	CHECK_EQ(dx_attr_set_op(&a), -EIO);
	CHECK(!dx_is_shutdown(mp));
	host_dev_fail_none(da_dev);
	CHECK_EQ(percpu_counter_sum(&mp->fdblocks), before);
	check_all(ip, m);
	CHECK(!set(ip, m, 50, big.len, 8));
	check_all(ip, m);
	dx_idrop(ip);
	return uv_umount(mp);
}

static void unwritable(const char *name)
{
	int f, i;

	host_test_begin(name);
	for (f = 0; f < 3; f++)
		for (i = 0; i < MAXATTRS; i++)
			model[f][i].len = -1;
	host_init(0);
	if (CHECK(!da_make("-b size=1024", 300)) && CHECK(!host_run(prepare, NULL))) {
		host_init(0);
		CHECK_EQ(host_run(run_unwritable, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
	}
	host_test_end();
}

/* ---- short names: what the inode held takes more than a block outside it ---- */

#define SHORT_MOST	255	/* what an inode counts to */
#define SHORT_MORE	40	/* and more, when they are in blocks */
static const u32 forms_of[] = { S_IFREG | 0644, S_IFIFO | 0644 };

/* How a file of this test is filled: all but the last one by number. */
struct shorts { u32 kind, len, order, value; };

static bool next_shorts(struct shorts *s)
{
	u32 *d[] = { &s->kind, &s->len, &s->order, &s->value };
	static const u32 from[] = { 0, 1, 0, 0 }, to[] = { 2, 4, 3, 3 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(d); i++) {
		if (++*d[i] < to[i])
			return true;
		*d[i] = from[i];
	}
	return false;
}

/* Names of one byte in three namespaces: as many hashes thrice. */
static struct dx_attr_arg short_arg(struct dx_inode *ip, const struct shorts *s, u32 n, u8 *name)
{
	u32 i = n >= SHORT_MOST ? n : s->order == 0 ? n : s->order == 1 ? SHORT_MOST - 1 - n : n * 101 % SHORT_MOST;
	static const u8 nsp[] = { 0, DX_ATTR_ROOT, DX_ATTR_SECURE };
	struct dx_attr_arg a = { .ip = ip, .name = name, .namelen = s->len, .value = vbuf };

	if (s->len == 1) {
		a.nsp = nsp[i % 3];
		name[0] = 1 + i / 3;
	} else {
		name[0] = 'A' + i / 16;
		name[1] = 'a' + i % 16;
		name[2] = 'x';
	}
	return a;
}

/* The one that comes when the inode is full: nothing, as large as a leaf takes, larger. */
static struct dx_attr_arg last_arg(struct dx_inode *ip, const struct shorts *s)
{
	const u32 bytes[] = { 0, ip->mp->sb.blocksize / 4 * 3 - 12, 9000 };

	return (struct dx_attr_arg) { .ip = ip, .name = (u8 *)"last", .namelen = 4, .nsp = DX_ATTR_ROOT, .value = vbuf,
				      .valuelen = bytes[s->value] };
}

static int count_fn(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	++*(u32 *)ctx;
	return 0;
}

static void check_shorts(struct dx_inode *ip, const struct shorts *s, u32 n)
{
	struct dx_attr_arg a = last_arg(ip, s);
	u32 listed = 0, i;
	u8 name[4];

	a.value = gbuf;
	CHECK(!dx_attr_get(&a) && !memcmp(gbuf, vbuf, a.valuelen));
	for (i = 0; i < n; i++) {
		a = short_arg(ip, s, i, name);
		CHECK(!dx_attr_get(&a));
		CHECK_EQ(a.valuelen, 0);
	}
	CHECK(!dx_attr_list(ip, NULL, count_fn, &listed));
	CHECK_EQ(listed, n + 1);
}

/* Fills the inode, and then some; returns how many. */
static u32 fill_shorts(struct dx_inode *ip, const struct shorts *s)
{
	struct dx_attr_arg a;
	u32 n, i, bytes = 0;
	u8 name[4];

	for (n = 0; n < SHORT_MOST && !host_checks_failed; n++) {
		bytes = ip->af ? ip->af->bytes : sizeof(struct dx_attr_sf_hdr);
		if (!dx_attr_short_fits(ip, bytes + sizeof(struct dx_attr_sf_entry) + s->len))
			break;
		a = short_arg(ip, s, n, name);
		CHECK(!dx_attr_set_op(&a));
	}
	CHECK(n > 30 && ip->af->format == DX_DINODE_FMT_LOCAL);
	/* another one of these would do, where the count is what is full */
	a = last_arg(ip, s);
	if (!CHECK(!dx_attr_set_op(&a)))
		printf("  kind %u, names of %u bytes, order %u, value %d: %u attributes\n", s->kind, s->len, s->order, a.valuelen, n);
	if (n == SHORT_MOST || a.valuelen)
		CHECK(ip->af->format != DX_DINODE_FMT_LOCAL);
	for (i = 0; i < SHORT_MORE; i++, n++) {
		a = short_arg(ip, s, n, name);
		CHECK(!dx_attr_set_op(&a));
	}
	return n;
}

static u32 shorts_set[54];

static int run_shorts(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct shorts s = { .len = 1 };
	bool again = *(bool *)arg;
	u64 most = 0;
	u32 f = 0, n;

	if (!CHECK(mp))
		return -EIO;
	memset(vbuf, 'v', DX_XATTR_SIZE_MAX);
	do {
		struct dx_inode *ip;
		char file[16];
		u8 name[4];
		int len = sprintf(file, "file%u", f);

		if (!again) {
			if (!CHECK(!da_create(mp->rootip, file, forms_of[s.kind], &ip)))
				break;
			shorts_set[f] = fill_shorts(ip, &s);
			if (!s.value)
				most = max(most, ip->d.nblocks);
		} else if (!CHECK(!da_lookup(mp->rootip, file, len, &ip))) {
			break;
		}
		check_shorts(ip, &s, shorts_set[f]);
		/* into the inode again, and the fork goes with the last one */
		for (n = 0; again && n <= shorts_set[f]; n++) {
			struct dx_attr_arg a = n ? short_arg(ip, &s, n - 1, name) : last_arg(ip, &s);

			a.value = NULL;
			CHECK(!dx_attr_set_op(&a));
		}
		CHECK(!again || !ip->af);
		dx_idrop(ip);
		f++;
	} while (next_shorts(&s) && !host_checks_failed && !dx_is_shutdown(mp));
	CHECK(!dx_is_shutdown(mp));
	CHECK_EQ(f, ARRAY_SIZE(shorts_set));
	if (!again)
		printf("# up to %llu blocks\n", (unsigned long long)most);
	return uv_umount(mp);
}

static void shorts(u32 blocksize, u32 inodesize)
{
	char name[100], mkfs[100];
	int again;

	snprintf(name, sizeof(name), "short names, %u byte blocks, %u byte inodes", blocksize, inodesize);
	snprintf(mkfs, sizeof(mkfs), "-b size=%u -i size=%u", blocksize, inodesize);
	host_test_begin(name);
	CHECK(!da_make(mkfs, 300));
	for (again = 0; again < 2 && !host_checks_failed; again++) {
		bool last = again;

		host_init(0);
		CHECK_EQ(host_run(run_shorts, &last), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
	}
	host_test_end();
}

/* ---- an attribute that another kernel has not finished ---- */

/* Where its name says that its value is: nowhere, where the tree is, where another value is. */
static const char *const unfinished_at[] = { "a hole", "a leaf", "another value" };
static const char *const unfinished_names[] = { "unfinished", "finished" };

static int prepare_unfinished(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct dx_inode *ip;
	int i;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!da_create(mp->rootip, files[0], S_IFREG | 0644, &ip)))
		return -EIO;
	for (i = 0; i < 2; i++) {
		struct dx_attr_arg a = { .ip = ip, .name = (u8 *)unfinished_names[i], .namelen = strlen(unfinished_names[i]),
					 .value = vbuf, .valuelen = 3000 };

		CHECK(!dx_attr_set_op(&a));
	}
	for (i = 0; i < 300; i++)
		CHECK(!set(ip, model[0], 100 + i, 20, i));
	dx_idrop(ip);
	return uv_umount(mp);
}

/* The name's place in its leaf. */
static struct dx_attr_leaf_name_remote *find_unfinished(struct dx_da_args *a, int i, struct dx_da_lvl *leaf,
							struct dx_attr_leaf_entry **ent)
{
	u32 hash = dx_da_hashname((u8 *)unfinished_names[i], strlen(unfinished_names[i]));
	struct dx_da_path path;

	CHECK(!dx_da_lookup(a, &path, hash));
	*leaf = path.lv[path.depth - 1];
	*ent = &dx_attr_leaf_ents(leaf->bp)[dx_da_hash_find(dx_attr_leaf_ents(leaf->bp),
				be16_to_cpu(((struct dx_attr3_leaf_hdr *)leaf->bp->b_addr)->count), hash)];
	CHECK(be32_to_cpu((*ent)->hashval) == hash && !((*ent)->flags & DX_ATTR_LOCAL) && path.depth > 1);
	return (void *)((char *)leaf->bp->b_addr + be16_to_cpu((*ent)->nameidx));
}

/* What a crash of another kernel leaves, after whatever has come since. */
static int make_unfinished(void *arg)
{
	struct dx_da_args a = { .whichfork = DX_ATTR_FORK };
	struct dx_attr_leaf_name_remote *n[2];
	struct dx_attr_leaf_entry *ent[2];
	struct dx_da_lvl leaf[2];
	int at = *(int *)arg, i;
	struct dx_inode *ip;

	a.mp = da_mount(false);
	if (!CHECK(a.mp) || !CHECK(!da_lookup(a.mp->rootip, files[0], strlen(files[0]), &ip)))
		return -EIO;
	CHECK(!dx_trans_alloc(a.mp, DX_RESV_ATTRSET, 0, 0, &a.tp));
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(a.tp, ip, 0);
	CHECK(!dx_iread_extents(a.tp, ip, DX_ATTR_FORK));
	a.dp = ip;
	for (i = 0; i < 2; i++)
		n[i] = find_unfinished(&a, i, &leaf[i], &ent[i]);
	ent[0]->flags |= DX_ATTR_INCOMPLETE;
	n[0]->valueblk = at == 0 ? cpu_to_be32(5000) : at == 1 ? cpu_to_be32(leaf[0].blkno) : n[1]->valueblk;
	dx_da_log_all(&a, leaf[0].bp);
	CHECK(!dx_trans_commit(a.tp));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	dx_idrop(ip);
	return uv_umount(a.mp);
}

static int end_unfinished(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct dx_name n = { .name = (u8 *)files[0], .len = strlen(files[0]) };
	struct dx_imap imap;
	struct dx_inode *ip;
	u32 listed = 0, i;
	dx_ino_t ino;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!da_lookup(mp->rootip, files[0], strlen(files[0]), &ip)))
		return -EIO;
	ino = ip->ino;
	/* what is cached of it goes, too */
	for (i = 0; i < 2; i++) {
		struct dx_attr_arg a = { .ip = ip, .name = (u8 *)unfinished_names[i], .namelen = strlen(unfinished_names[i]),
					 .value = gbuf, .valuelen = 3000 };

		CHECK_EQ(dx_attr_get(&a), i ? 0 : -ENOATTR);
	}
	CHECK(!dx_attr_list(ip, NULL, count_fn, &listed));
	CHECK_EQ(listed, 301);
	CHECK(!dx_remove(mp->rootip, &n, ip));
	dx_idrop(ip);
	dx_icache_flush_inactive(mp);
	CHECK(dx_imap(mp, NULL, ino, true, &imap));
	CHECK(!dx_is_shutdown(mp));
	return uv_umount(mp);
}

static void unfinished(int at)
{
	char name[100];
	int i;

	snprintf(name, sizeof(name), "an inode ends with an unfinished attribute, whose value is where %s is", unfinished_at[at]);
	host_test_begin(name);
	for (i = 0; i < MAXATTRS; i++)
		model[0][i].len = -1;
	host_init(0);
	if (CHECK(!da_make("-b size=1024", 300)) && CHECK(!host_run(prepare_unfinished, NULL))) {
		host_init(0);
		CHECK_EQ(host_run(make_unfinished, &at), 0);
		host_init(0);
		CHECK_EQ(host_run(end_unfinished, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
	}
	host_test_end();
}

/* ---- a value that changes while it is read ---- */

static struct { struct dx_inode *ip; bool done; } changing;
static const char changing_name[] = "changing";

static int keep_changing(void *arg)
{
	static const int lens[] = { 1, 40, 3000, 20, 200, DX_XATTR_SIZE_MAX, 0, 500 };
	int i, error = 0;

	(void)arg;
	for (i = 0; i < 200 && !error; i++) {
		struct dx_attr_arg a = {
			.ip = changing.ip, .name = (const u8 *)changing_name, .namelen = strlen(changing_name),
			.nsp = DX_ATTR_ROOT, .value = vbuf, .valuelen = lens[i % ARRAY_SIZE(lens)],
		};

		memset(vbuf, a.valuelen & 0xff, a.valuelen);
		error = dx_attr_set_op(&a);
		host_yield();
	}
	changing.done = true;
	return error;
}

static int keep_reading(void *arg)
{
	u32 *reads = arg;

	while (!changing.done && !host_checks_failed) {
		struct dx_attr_arg a = {
			.ip = changing.ip, .name = (const u8 *)changing_name, .namelen = strlen(changing_name),
			.nsp = DX_ATTR_ROOT,
		};
		int i, bad = 0, error = dx_attr_get_whole(&a);

		if (error != -ENOATTR && CHECK_EQ(error, 0)) {
			for (i = 0; i < a.valuelen; i++)
				bad += ((u8 *)a.value)[i] != (a.valuelen & 0xff);
			CHECK_EQ(bad, 0);
			++*reads;
		}
		kvfree(a.value);
		host_yield();
	}
	return 0;
}

static int run_changing(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct host_fiber *reader, *writer;
	u32 reads = 0;

	(void)arg;
	if (!mp || !CHECK(!da_create(mp->rootip, "f", S_IFREG | 0600, &changing.ip)))
		return -EIO;
	changing.done = false;
	host_set_preempt(4);
	writer = host_spawn(keep_changing, NULL, "writer");
	reader = host_spawn(keep_reading, &reads, "reader");
	CHECK_EQ(host_join(writer), 0);
	CHECK_EQ(host_join(reader), 0);
	CHECK(reads > 100);
	dx_idrop(changing.ip);
	return uv_umount(mp);
}

static void changing_value(const char *name, u64 seed)
{
	host_test_begin(name);
	host_init(seed);
	if (CHECK(!da_make("", 300))) {
		host_init(seed);
		CHECK_EQ(host_run(run_changing, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
	}
	host_test_end();
}

static const struct geometry { const char *name, *mkfs; } geometries[] = {
	{ "defaults",			"" },
	{ "1 KiB blocks",		"-b size=1024" },
	{ "2 KiB blocks, 1 KiB inodes", "-b size=2048 -i size=1024 -m bigtime=0" },
};

static void geometry(const struct geometry *g, u64 seed)
{
	struct phase phases[] = {
		{ .span = 6, .ops = 300, .keep = 50, .big = 0 },
		{ .span = 100, .ops = 400, .keep = 60, .big = 2 },
		{ .span = MAXATTRS, .ops = 1500, .keep = 80, .big = 3 },
		{ .span = MAXATTRS, .ops = 1500, .keep = 30, .big = 1 },
		{ .span = 1, .ops = 0, .keep = 0 },
		{ .span = MAXATTRS, .ops = 1000, .keep = 90, .big = 5 },
	};
	int f, i, error;

	host_test_begin(g->name);
	for (f = 0; f < 3; f++)
		for (i = 0; i < MAXATTRS; i++)
			model[f][i].len = -1;
	host_init(0);
	if (!CHECK(!da_make(g->mkfs, 400)))
		goto out;
	error = host_run(prepare, NULL);
	if (!CHECK_EQ(error, 0) || !CHECK(da_repair_clean()))
		goto out;
	for (i = 0; i < (int)ARRAY_SIZE(phases) && !host_checks_failed; i++) {
		phases[i].seed = seed * 1000 + i;
		host_init(0);
		CHECK_EQ(host_run(run_phase, &phases[i]), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
		if (host_checks_failed)
			printf("# phase %d\n", i);
	}
	if (!host_checks_failed) {
		host_init(0);
		CHECK_EQ(host_run(unlink_all, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
	}
out:
	host_test_end();
}

int main(int argc, char **argv)
{
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	int i, isize;

	vbuf = malloc(DX_XATTR_SIZE_MAX + 1);
	gbuf = malloc(DX_XATTR_SIZE_MAX + 1);
	da_setup();
	for (i = 0; i < (int)ARRAY_SIZE(geometries); i++)
		if (argc < 2 || atoi(argv[1]) == i)
			geometry(&geometries[i], seed);
	if (argc < 2 || atoi(argv[1]) == 30)
		dying("death of an inode with attributes", "-b size=1024", seed);
	if (argc < 2 || atoi(argv[1]) == 50)
		for (i = 1024; i <= 4096; i *= 2)
			for (isize = 512; isize <= i / 2; isize *= 2)
				shorts(i, isize);
	for (i = 0; i < (int)ARRAY_SIZE(unfinished_at); i++)
		if (argc < 2 || atoi(argv[1]) == 60 + i)
			unfinished(i);
	if (argc < 2 || atoi(argv[1]) == 40)
		unwritable("a value that cannot be written");
	if (argc < 2 || atoi(argv[1]) == 50)
		changing_value("a value whose length changes while it is read", seed);
	if (argc < 2 || atoi(argv[1]) == 20)
		full("full volume, 4K blocks", "", seed);
	if (argc < 2 || atoi(argv[1]) == 21)
		full("full volume, 1K blocks", "-b size=1024", seed);
	if (argc < 2 || atoi(argv[1]) == 10)
		crashes("crashes, 4K blocks", "", 40, false, seed);
	if (argc < 2 || atoi(argv[1]) == 11)
		crashes("crashes, 1K blocks", "-b size=1024", 40, false, seed);
	if (argc < 2 || atoi(argv[1]) == 12)
		crashes("I/O errors", "", 60, true, seed);
	da_teardown();
	free(vbuf);
	free(gbuf);
	return host_test_exit();
}
