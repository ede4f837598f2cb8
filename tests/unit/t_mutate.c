// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volumes with one thing wrong in them.  In each run one block of metadata, of each
 * type in turn, gets a bit flipped, a field changed, another block's
 * contents, a wrong uuid, owner or address, with its checksum put right or
 * not.  The volume is mounted, read as a whole, written to and unmounted: errors are
 * welcome, the right ones and with a message that says what is wrong; a crash, a warning, a leak, or
 * an endless loop is not.
 *
 *	t_mutate [volume [seed [count]]]	MUTATE_SAY=1 shows what each one leads to
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <time.h>
#include "util_model.h"
#include "dx_dir.h"
#include "dx_bmap.h"
#include "dx_alloc.h"

enum { T_SB, T_AGF, T_AGI, T_AGFL, T_BNO, T_CNT, T_INO, T_FINO, T_BMBT, T_DIRB, T_DIRD, T_DIRF, T_LEAF1, T_LEAFN, T_NODE,
	T_ATTR, T_RMT, T_SYM, T_DINODE, T_MAX };
static const struct type { const char *name; u16 crc, uuid, owner, blkno; } types[T_MAX] = {
	[T_SB]	= { "superblock", 224, 32 },
	[T_AGF]	= { "AGF", 216, 64 },
	[T_AGI]	= { "AGI", 312, 296 },
	[T_AGFL] = { "AGFL", 32, 8 },
	[T_BNO]	= { "bnobt", 52, 32, 48, 16 },
	[T_CNT]	= { "cntbt", 52, 32, 48, 16 },
	[T_INO]	= { "inobt", 52, 32, 48, 16 },
	[T_FINO] = { "finobt", 52, 32, 48, 16 },
	[T_BMBT] = { "bmbt", 64, 40, 56, 24 },
	[T_DIRB] = { "directory block", 4, 24, 40, 8 },
	[T_DIRD] = { "directory data", 4, 24, 40, 8 },
	[T_DIRF] = { "directory free", 4, 24, 40, 8 },
	[T_LEAF1] = { "directory leaf", 12, 32, 48, 16 },
	[T_LEAFN] = { "directory leafn", 12, 32, 48, 16 },
	[T_NODE] = { "hash node", 12, 32, 48, 16 },
	[T_ATTR] = { "attr leaf", 12, 32, 48, 16 },
	[T_RMT]	= { "remote value", 12, 16, 32, 40 },
	[T_SYM]	= { "symlink", 12, 16, 32, 40 },
	[T_DINODE] = { "inode", 100, 160, 152 },
};

struct target { u64 off; u32 len; };
static struct target *targets[T_MAX];
static u32 ntargets[T_MAX];
static struct host_dev_snap *snap;
static struct totals { u64 now, done, failed, mount_errors, walk_errors, fine, kinds[T_MAX]; } *all;
static u64 dev_bytes;
static char what[256];

/* ---- finding metadata ---- */

static void add_target(int type, u64 off, u32 len)
{
	targets[type] = realloc(targets[type], (ntargets[type] + 1) * sizeof(struct target));
	targets[type][ntargets[type]++] = (struct target){ off, len };
}

static int type_of(const u8 *b)
{
	static const struct { char magic[5]; u8 type; } m[] = {
		{ "AB3B", T_BNO }, { "AB3C", T_CNT }, { "IAB3", T_INO }, { "FIB3", T_FINO }, { "BMA3", T_BMBT },
		{ "XDB3", T_DIRB }, { "XDD3", T_DIRD }, { "XDF3", T_DIRF }, { "XARM", T_RMT }, { "XSLM", T_SYM },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(m); i++)
		if (!memcmp(b, m[i].magic, 4))
			return m[i].type;
	switch (get_unaligned_be16(b + 8)) {
	case 0x3df1: return T_LEAF1;
	case 0x3dff: return T_LEAFN;
	case 0x3ebe: return T_NODE;
	case 0x3bee: return T_ATTR;
	}
	return b[0] == 'I' && b[1] == 'N' ? T_DINODE : -1;
}

static void find_targets(struct dx_mount *mp)
{
	u32 bs = mp->sb.blocksize, isize = mp->sb.inodesize, t, i;
	u64 off, end = mp->sb.dblocks * bs, log = dx_log_daddr(mp) * 512, log_end = log + (u64)mp->sb.logblocks * bs;
	u8 *b = malloc(mp->dirblksize);
	dx_agno_t agno;

	for (t = 0; t < T_MAX; t++) {
		free(targets[t]);
		targets[t] = NULL;
		ntargets[t] = 0;
	}
	add_target(T_SB, 0, mp->sb.sectsize);
	for (agno = 0; agno < mp->sb.agcount; agno++) {
		u64 at = dx_agb_to_daddr(mp, agno, 0) * 512;

		add_target(T_AGF, at + mp->sb.sectsize, mp->sb.sectsize);
		add_target(T_AGI, at + 2 * mp->sb.sectsize, mp->sb.sectsize);
		add_target(T_AGFL, at + 3 * mp->sb.sectsize, mp->sb.sectsize);
	}
	for (off = 0; off < end; off += bs) {
		int type;

		if (off >= log && off < log_end)
			continue;
		host_dev_peek(mp->bdev, off, b, bs);
		type = type_of(b);
		if (type < 0)
			continue;
		if (type == T_DINODE) {
			for (i = 0; i + isize <= bs; i += isize)
				if (get_unaligned_be16(b + i + 2))	/* in use */
					add_target(T_DINODE, off + i, isize);
		} else {
			add_target(type, off, type >= T_DIRB && type <= T_LEAFN ? mp->dirblksize : bs);
		}
	}
	free(b);
}

/* ---- damage ---- */

static void put_field(u8 *b, u32 at, u32 width, u64 v)
{
	switch (width) {
	case 1: b[at] = v; break;
	case 2: put_unaligned_be16(v, b + at); break;
	case 4: put_unaligned_be32(v, b + at); break;
	case 8: put_unaligned_be64(v, b + at); break;
	}
}

static u64 get_field(const u8 *b, u32 at, u32 width)
{
	return width == 1 ? b[at] : width == 2 ? get_unaligned_be16(b + at) : width == 4 ? get_unaligned_be32(b + at) :
	       get_unaligned_be64(b + at);
}

static void fix_crc(int type, u8 *b, u32 len)
{
	u32 at = types[type].crc, crc;

	memset(b + at, 0, 4);
	crc = ~crc32c(~0u, b, len);
	put_unaligned_le32(crc, b + at);
}

/* One mutation, a function of the seed. */
static void mutate(u64 seed)
{
	u64 r = seed * 77777 + 5, v, old;
	static const char * const values[] = { "0", "all ones", "random", "one more", "one less", "the top bit", "a small one" };
	u32 type, at, width, room, n, i;
	struct target *t, *other;
	bool fix;
	u8 *b, *c;

	do {
		type = uv_rand(&r) % T_MAX;
	} while (!ntargets[type]);
	t = &targets[type][uv_rand(&r) % ntargets[type]];
	b = malloc(t->len);
	host_dev_peek(uv_dev, t->off, b, t->len);
	fix = uv_rand(&r) % 5;
	/* headers matter most */
	room = uv_rand(&r) % 3 ? min(t->len, type == T_DINODE ? 200u : type <= T_AGI ? 344u : 96u) : t->len;
	n = snprintf(what, sizeof(what), "%s at byte %llu: ", types[type].name, (unsigned long long)t->off);
	switch (uv_rand(&r) % 16) {
	case 0:
		at = types[type].uuid + uv_rand(&r) % 16;
		b[at] ^= 0x40;
		snprintf(what + n, sizeof(what) - n, "uuid");
		break;
	case 1:
		if (types[type].owner)
			put_field(b, types[type].owner + 4 * (type > T_FINO), 4, uv_rand(&r) % 300);
		snprintf(what + n, sizeof(what) - n, "owner");
		break;
	case 2:
		if (types[type].blkno)
			put_field(b, types[type].blkno + 4, 4, uv_rand(&r) % 100000);
		snprintf(what + n, sizeof(what) - n, "address");
		break;
	case 3:
		other = &targets[type][uv_rand(&r) % ntargets[type]];
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
		old = get_field(b, at, width);
		i = uv_rand(&r) % ARRAY_SIZE(values);
		v = i == 0 ? 0 : i == 1 ? ~0ULL : i == 2 ? uv_rand(&r) : i == 3 ? old + 1 : i == 4 ? old - 1 :
		    i == 5 ? old ^ 1ULL << (width * 8 - 1) : uv_rand(&r) % 64;
		put_field(b, at, width, v);
		snprintf(what + n, sizeof(what) - n, "%u bytes at %u become %s", width, at, values[i]);
	}
	if (fix)
		fix_crc(type, b, t->len);
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
			dx_irele(child);
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
		dx_irele(ip);
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
		dx_irele(ip);
	}
rele:
	dx_irele(dp);
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
	log_said = host_log_has("corrupt") || host_log_has("bad ") || host_log_has("checksum");
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

	all->now = seed;
	alarm(40);
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
	alarm(0);
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
	find_targets(mp);
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
	dx_irele(ip);
	dx_irele(dp);
	return uv_umount(mp);
}

static const struct { int profile, names; } volumes[] = { { 0, 600 }, { 2, 500 }, { 3, 2500 }, { 4, 300 } };

static void volume(int v, u64 seed, u64 count)
{
	const struct uv_profile *p = &uv_profiles[volumes[v].profile];
	int names = volumes[v].names, i, status;
	char title[160];
	u64 next = seed;
	pid_t pid;

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
		printf(" %s %u", types[i].name, ntargets[i]);
	printf("\n");
	all->done = all->failed = all->mount_errors = all->walk_errors = all->fine = 0;
	/* in batches: whoever crashes is reported, the rest goes on behind it */
	while (next < seed + count && all->failed < 6) {
		u64 end = min_t(u64, next + 200, seed + count);

		fflush(stdout);
		pid = fork();
		if (!pid) {
			for (; next < end; next++)
				one(next);
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			host_dev_snap_restore(uv_dev, snap);
			mutate(all->now);
			printf("# again: t_mutate %d %llu 1   (%s; status 0x%x)\n", v, (unsigned long long)all->now, what, status);
			all->failed++;
			next = all->now + 1;
		} else {
			next = end;
		}
	}
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
	time_t t0 = time(NULL);

	um_trace = getenv("UM_TRACE") != NULL;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uv_setup("t_mutate");
	for (v = 0; v < ARRAY_SIZE(volumes); v++)
		if (only < 0 || only == v)
			volume(v, seed, count);
	printf("# by type:");
	for (v = 0; v < T_MAX; v++)
		printf(" %s %llu", types[v].name, (unsigned long long)all->kinds[v]);
	printf("; %ld s\n", (long)(time(NULL) - t0));
	uv_teardown();
	return host_test_exit();
}
