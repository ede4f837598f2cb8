// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volumes with one thing wrong in them.  In each run one block of metadata, of each
 * type in turn, gets a bit flipped, a field changed, another block's
 * contents, a wrong uuid, owner or address, with its checksum put right or
 * not; or a pointer of any kind (root, child, sibling, extent, list of unlinked inodes, owner) leads to a block of
 * any kind instead, or back to where it is, all checksums right.  The volume is mounted, read as a whole, written to and unmounted: errors are
 * welcome, the right ones and with a message that says what is wrong; a crash, a warning, a leak, or
 * an endless loop is not.
 *
 *	t_mutate [volume [seed [count]]]	MUTATE_SAY=1 shows what each one leads to; MUTATE_LINKS=1: only pointers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <time.h>
#include "util_model.h"
#include "util_meta.h"
#include "dx_dir.h"
#include "dx_bmap.h"
#include "dx_alloc.h"

static struct host_dev_snap *snap;
static struct totals { u64 done, failed, mount_errors, walk_errors, fine, kinds[T_MAX], links[T_MAX][T_MAX]; } *all;
static u64 dev_bytes;
static char what[256];

/* ---- damage ---- */

/* A place that a pointer may be made to lead to: of any kind, in the same AG more often than not. */
static const struct meta_target *some_place(u64 *r, u64 near, u32 *type)
{
	const struct meta_target *t = NULL;
	u32 tries;

	for (tries = 0; tries < 6; tries++) {
		do {
			*type = uv_rand(r) % T_MAX;
		} while (!nmeta_targets[*type]);
		t = &meta_targets[*type][uv_rand(r) % nmeta_targets[*type]];
		if (meta_name(P_OWNER32, t->off) == meta_name(P_OWNER32, near))
			break;
	}
	return t;
}

/* Pointers that lead elsewhere: one, or two that lead to each other's block, or one that exchanges with another. */
static void cross_link(u64 *r)
{
	static const char * const ways[] = { "leads to", "leads back from", "leads to itself beside", "is that of" };
	const struct meta_target *to = NULL, *t;
	u32 type, totype, nl, way;
	struct meta_link l[40], *p;
	u8 *b, *c;

	for (;;) {
		do {
			type = uv_rand(r) % T_MAX;
		} while (!nmeta_targets[type]);
		t = &meta_targets[type][uv_rand(r) % nmeta_targets[type]];
		b = malloc(t->len);
		host_dev_peek(uv_dev, t->off, b, t->len);
		nl = meta_links(type, b, t->len, l, ARRAY_SIZE(l), r);
		if (nl)
			break;
		free(b);
	}
	p = &l[uv_rand(r) % nl];
	to = some_place(r, t->off, &totype);
	way = uv_rand(r) % 8;
	way = way < 4 ? 0 : way < 6 ? 3 : way - 5;
	c = malloc(to->len);
	host_dev_peek(uv_dev, to->off, c, to->len);
	if (way == 2) {
		meta_link_set(b, p, meta_name(p->space, t->off));
	} else if (way == 3) {
		struct meta_link m[40];
		u32 nm = meta_links(totype, c, to->len, m, ARRAY_SIZE(m), r), i = nm ? uv_rand(r) % nm : 0, k;

		for (k = 0; k < nm && m[i].space != p->space; k++)
			i = (i + 1) % nm;
		meta_link_set(b, p, nm && m[i].space == p->space ? meta_link_get(c, &m[i]) : meta_name(p->space, to->off));
	} else {
		meta_link_set(b, p, meta_name(p->space, to->off));
	}
	if (way == 1 && to != t) {
		struct meta_link m[40];
		u32 nm = meta_links(totype, c, to->len, m, ARRAY_SIZE(m), r);

		if (nm) {
			struct meta_link *q = &m[uv_rand(r) % nm];

			meta_link_set(c, q, meta_name(q->space, t->off));
			meta_fix_crc(totype, c, to->len);
			host_dev_poke(uv_dev, to->off, c, to->len);
		}
	}
	meta_fix_crc(type, b, t->len);
	host_dev_poke(uv_dev, t->off, b, t->len);
	snprintf(what, sizeof(what), "pointer at %u of %s at byte %llu %s %s at byte %llu", p->at, meta_types[type].name,
		 (unsigned long long)t->off, ways[way], meta_types[totype].name, (unsigned long long)to->off);
	__sync_fetch_and_add(&all->kinds[type], 1);
	__sync_fetch_and_add(&all->links[type][totype], 1);
	free(b);
	free(c);
}

/* One mutation, a function of the seed. */
static void mutate(u64 seed)
{
	u64 r = seed * 77777 + 5, v, old;
	static const char * const values[] = { "0", "all ones", "random", "one more", "one less", "the top bit", "a small one" };
	u32 type, at, width, room, n, i;
	struct meta_target *t, *other;
	bool fix;
	u8 *b, *c;

	if (uv_rand(&r) % 3 == 0 || getenv("MUTATE_LINKS")) {
		cross_link(&r);
		return;
	}
	do {
		type = uv_rand(&r) % T_MAX;
	} while (!nmeta_targets[type]);
	t = &meta_targets[type][uv_rand(&r) % nmeta_targets[type]];
	b = malloc(t->len);
	host_dev_peek(uv_dev, t->off, b, t->len);
	fix = uv_rand(&r) % 5;
	/* headers matter most */
	room = uv_rand(&r) % 3 ? min(t->len, type == T_DINODE ? 200u : type <= T_AGI ? 344u : 96u) : t->len;
	n = snprintf(what, sizeof(what), "%s at byte %llu: ", meta_types[type].name, (unsigned long long)t->off);
	switch (uv_rand(&r) % 16) {
	case 0:
		at = meta_types[type].uuid + uv_rand(&r) % 16;
		b[at] ^= 0x40;
		snprintf(what + n, sizeof(what) - n, "uuid");
		break;
	case 1:
		if (meta_types[type].owner)
			meta_put(b, meta_types[type].owner + 4 * (type > T_REFC), 4, uv_rand(&r) % 300);
		snprintf(what + n, sizeof(what) - n, "owner");
		break;
	case 2:
		if (meta_types[type].blkno)
			meta_put(b, meta_types[type].blkno + 4, 4, uv_rand(&r) % 100000);
		snprintf(what + n, sizeof(what) - n, "address");
		break;
	case 3:
		other = &meta_targets[type][uv_rand(&r) % nmeta_targets[type]];
		host_dev_peek(uv_dev, other->off, b, t->len);
		snprintf(what + n, sizeof(what) - n, "contents of another one, at byte %llu", (unsigned long long)other->off);
		break;
	case 4:
		memset(b, 0, t->len);
		snprintf(what + n, sizeof(what) - n, "zeroes");
		break;
	case 5:
		c = b + uv_rand(&r) % t->len;
		for (i = 0; i < 64 && c + i < b + t->len; i++)
			c[i] = uv_rand(&r);
		snprintf(what + n, sizeof(what) - n, "64 random bytes at %u", (u32)(c - b));
		break;
	case 6:
	case 7:
	case 8:
		at = uv_rand(&r) % room;
		i = uv_rand(&r) % 8;
		b[at] ^= 1 << i;
		snprintf(what + n, sizeof(what) - n, "bit %u of byte %u", i, at);
		break;
	default:
		width = 1 << uv_rand(&r) % 4;
		at = uv_rand(&r) % (room / width) * width;
		old = meta_get(b, at, width);
		i = uv_rand(&r) % ARRAY_SIZE(values);
		v = i == 0 ? 0 : i == 1 ? ~0ULL : i == 2 ? uv_rand(&r) : i == 3 ? old + 1 : i == 4 ? old - 1 :
		    i == 5 ? old ^ 1ULL << (width * 8 - 1) : uv_rand(&r) % 64;
		meta_put(b, at, width, v);
		snprintf(what + n, sizeof(what) - n, "%u bytes at %u become %s", width, at, values[i]);
	}
	if (fix)
		meta_fix_crc(type, b, t->len);
	n = strlen(what);
	snprintf(what + n, sizeof(what) - n, fix ? ", checksum right" : ", checksum left");
	host_dev_poke(uv_dev, t->off, b, t->len);
	__sync_fetch_and_add(&all->kinds[type], 1);
	free(b);
}

/* ---- use ---- */

struct some { dx_ino_t ino[24]; char name[24][256]; int n; u32 skip; };

static bool some_emit(void *ctx, const u8 *name, int len, u64 pos, dx_ino_t ino, u8 ftype)
{
	struct some *s = ctx;

	(void)pos;
	(void)ftype;
	if (name[0] == '.')
		return true;
	if (s->n == ARRAY_SIZE(s->ino))
		return false;
	memcpy(s->name[s->n], name, len);
	s->name[s->n][len] = 0;
	s->ino[s->n++] = ino;
	return true;
}

static void touch_one(struct dx_mount *mp, struct dx_inode *ip, struct dx_inode *dp, const char *name, int i)
{
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	char value[600] = "value";
	struct dx_attr_arg xa = { .ip = ip, .name = (u8 *)"harm", .namelen = 4, .value = value, .valuelen = i * 20 + 1 };
	struct dx_inode *child;
	struct dx_mapped got;

	/* what the VFS would not let happen */
	if (S_ISREG(ip->d.mode)) {
		if (i % 3 == 0) {
			if (!dx_iomap_alloc(ip, i, 20, false, false, &got))
				dx_iomap_write_unwritten(ip, (u64)i * mp->sb.blocksize, mp->sb.blocksize, 0);
		}
		if (i % 4 == 1)
			dx_setsize_trans(ip, mp->sb.blocksize, mp->sb.blocksize < ip->d.size, true);
		if (i % 4 == 2)
			dx_free_file_space(ip, mp->sb.blocksize, 3 * mp->sb.blocksize);
	}
	if (S_ISREG(ip->d.mode) || S_ISDIR(ip->d.mode)) {
		dx_attr_set_op(&xa);
		if (i % 2) {
			xa.value = NULL;
			dx_attr_set_op(&xa);
		}
	}
	if (S_ISDIR(ip->d.mode)) {
		n.name = (u8 *)"made-here-by-the-test";
		n.len = 21;
		if (!dx_create(ip, &n, &a, &child))
			dx_idrop(child);
	} else if (i % 2) {
		dx_remove(dp, &n, ip);
	}
}

static void modify_dir(struct dx_mount *mp, dx_ino_t dir, int depth)
{
	struct some *s = calloc(1, sizeof(*s));
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_inode *dp, *ip;
	u64 pos = 0;
	int i;

	if (dx_iget(mp, NULL, dir, DX_IGET_UNTRUSTED, &dp))
		goto out;
	if (!S_ISDIR(dp->d.mode))
		goto rele;
	dx_dir_readdir(dp, &pos, some_emit, s);
	for (i = 0; i < 12; i++) {
		char name[40];
		struct dx_name n = { .name = (u8 *)name, .ftype = DX_DIR3_FT_REG_FILE };

		n.len = sprintf(name, "new-file-of-the-test-%d", i);
		if (dx_create(dp, &n, &a, &ip))
			break;
		dx_idrop(ip);
	}
	for (i = 0; i < s->n; i++) {
		struct dx_name n = { .name = (u8 *)s->name[i], .len = strlen(s->name[i]) };
		dx_ino_t ino;

		if (dx_lookup(dp, &n, &ino, NULL) || dx_iget(mp, NULL, ino, 0, &ip))
			continue;
		if (ip != dp && ip->ino != mp->sb.rootino) {
			if (S_ISDIR(ip->d.mode) && depth)
				modify_dir(mp, ino, depth - 1);
			touch_one(mp, ip, dp, s->name[i], i);
		}
		dx_idrop(ip);
	}
rele:
	dx_idrop(dp);
out:
	free(s);
}

static int use_fiber(void *arg)
{
	struct dx_statfs st;
	struct dx_mount *mp;
	unsigned long nodes = 0;
	int error;
	bool log_said;

	(void)arg;
	mp = uv_mount(&error);
	if (!mp) {
		all->mount_errors++;
		CHECK(error == -EUCLEAN || error == -EINVAL || error == -EIO || error == -EFBIG ||
		      error == -EOPNOTSUPP || error == -EPROTONOSUPPORT || error == -ENOSYS || error == -EROFS);
		CHECK(host_log_has("dioxfs"));
		return 0;
	}
	error = um_walk(mp, &nodes);
	log_said = host_log_has("corrupt") || host_log_has("bad ") || host_log_has("checksum") ||
		   host_log_has("ahead of the log");
	if (error) {
		all->walk_errors++;
		if (!CHECK(error == -EUCLEAN || error == -EIO || error == -ENOENT || error == -EINVAL ||
			   error == -ENODATA))
			printf("  walk: %d\n", error);
		if (error == -EUCLEAN)
			CHECK(log_said);
	} else {
		all->fine++;
	}
	dx_mount_statfs(mp, &st);
	modify_dir(mp, mp->sb.rootino, 2);
	dx_sync_fs(mp);
	uv_umount(mp);
	return 0;
}

static void one(u64 seed)
{
	int ret;

	host_cpu_limit(40);
	host_checks_failed = 0;
	host_dev_snap_restore(uv_dev, snap);
	mutate(seed);
	host_init(seed);
	host_set_printk(1);
	host_warn_count = 0;
	ret = host_run(use_fiber, NULL);
	CHECK_EQ(ret, 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(false), 0);
	if (host_checks_failed || getenv("MUTATE_SAY"))
		printf("# %llu: %s\n%s", (unsigned long long)seed, what, host_log());
	if (host_live_allocs(false))
		host_live_allocs(true);
	host_kill_world();
	host_cpu_limit(0);
	all->done++;
	if (host_checks_failed)
		all->failed++;
}

static int ls_fiber(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (!CHECK(mp))
		return error;
	meta_find(mp);
	CHECK(!um_walk(mp, NULL));
	return uv_umount(mp);
}

/* Something of every form, beside what the model makes. */
static int fill_fiber(void *arg)
{
	struct dx_create_args a = { .mode = S_IFDIR | 0755 }, fa = { .mode = S_IFREG | 0644 };
	int error, i, names = *(int *)arg;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_name n = { .name = (u8 *)"large", .len = 5, .ftype = DX_DIR3_FT_DIR };
	struct dx_inode *dp, *ip;
	struct dx_mapped got;
	char buf[200];

	if (!CHECK(mp))
		return error;
	CHECK(!um_attach(mp, true));
	CHECK_EQ(um_run(mp, 250, 1), 0);
	um_drop_held();
	CHECK(!dx_create(mp->rootip, &n, &a, &dp));
	n = (struct dx_name){ .name = (u8 *)"fragments", .len = 9, .ftype = DX_DIR3_FT_REG_FILE };
	CHECK(!dx_create(mp->rootip, &n, &fa, &ip));
	for (i = 0; i < 700; i++)
		CHECK(!dx_iomap_alloc(ip, i * 2, 1, false, false, &got));
	CHECK(!dx_iomap_write_unwritten(ip, 0, (u64)500 * mp->sb.blocksize, (u64)400 * mp->sb.blocksize));
	for (i = 0; i < names; i++) {
		n = (struct dx_name){ .name = (u8 *)buf, .ftype = DX_DIR3_FT_REG_FILE };
		n.len = sprintf(buf, "entry-%d-with-a-name-that-takes-some-room-in-the-block", i);
		CHECK(!dx_link(dp, ip, &n));
	}
	for (i = 0; i < 90; i++) {
		struct dx_attr_arg xa = { .ip = ip, .name = (u8 *)buf, .value = buf, .valuelen = 100 };

		xa.namelen = sprintf(buf, "attribute-number-%d-with-a-long-name-as-well", i);
		CHECK(!dx_attr_set_op(&xa));
	}
	dx_idrop(ip);
	dx_idrop(dp);
	return uv_umount(mp);
}

static const struct { int profile, names; } volumes[] = { { 0, 600 }, { 8, 500 }, { 3, 2500 }, { 4, 300 } };

static int volume_nr;

static void died(u64 seed, int status)
{
	host_dev_snap_restore(uv_dev, snap);
	mutate(seed);
	printf("# again: t_mutate %d %llu 1   (%s; status 0x%x)\n", volume_nr, (unsigned long long)seed, what, status);
}

static void volume(int v, u64 seed, u64 count)
{
	const struct uv_profile *p = &uv_profiles[volumes[v].profile];
	int names = volumes[v].names, i;
	char title[160];

	volume_nr = v;
	snprintf(title, sizeof(title), "%llu mutations (%s)", (unsigned long long)count, p->name);
	host_test_begin(title);
	if (!CHECK(!uv_make(p)))
		return;
	um_reset(1);
	um_rebase(v + 1);
	host_init(0);
	CHECK_EQ(host_run(fill_fiber, &names), 0);
	host_kill_world();
	CHECK(uv_repair_clean("check"));
	host_init(0);
	CHECK_EQ(host_run(ls_fiber, NULL), 0);
	host_kill_world();
	snap = host_dev_snap_take(uv_dev);
	dev_bytes = (u64)p->mib << 20;
	printf("# targets:");
	for (i = 0; i < T_MAX; i++)
		printf(" %s %u", meta_types[i].name, nmeta_targets[i]);
	printf("\n");
	all->done = all->failed = all->mount_errors = all->walk_errors = all->fine = 0;
	host_each_seed(seed, seed + count, 0, &all->failed, one, died);
	CHECK_EQ(all->failed, 0);
	printf("# %llu mutations: %llu mounts failed, %llu walks; %llu were of no consequence\n", (unsigned long long)all->done,
	       (unsigned long long)all->mount_errors, (unsigned long long)all->walk_errors, (unsigned long long)all->fine);
	host_dev_snap_free(snap);
	host_test_end();
}

int main(int argc, char **argv)
{
	int only = argc > 1 ? atoi(argv[1]) : -1, v;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1, count = argc > 3 ? strtoull(argv[3], NULL, 0) : 800;
	u64 links = 0, pairs = 0;
	time_t t0 = time(NULL);

	um_trace = getenv("UM_TRACE") != NULL;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uv_setup("t_mutate");
	for (v = 0; v < ARRAY_SIZE(volumes); v++)
		if (only < 0 || only == v)
			volume(v, seed, count);
	printf("# by type:");
	for (v = 0; v < T_MAX; v++)
		printf(" %s %llu", meta_types[v].name, (unsigned long long)all->kinds[v]);
	for (v = 0; v < T_MAX * T_MAX; v++) {
		links += all->links[v / T_MAX][v % T_MAX];
		pairs += all->links[v / T_MAX][v % T_MAX] != 0;
	}
	printf("; %llu pointers crossed, %llu pairs of kinds", (unsigned long long)links, (unsigned long long)pairs);
	printf("; %ld s\n", (long)(time(NULL) - t0));
	uv_teardown();
	return host_test_exit();
}
