// SPDX-License-Identifier: GPL-2.0-only
/*
 * Directories in every form, against a plain set of names: they grow from the inode to a
 * tree and shrink back, with names of all lengths and names that share one hash;
 * after each phase a remount agrees and xfs_repair finds nothing.  Directories that
 * mkfs.xfs filled from a prototype are read back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "da_help.h"
#include "dx_dir_int.h"
#include "dx_dir.h"

/* ---- names ---- */

#define MAXNAMES	16384
#define NCOLLIDE	1200
#define NFEW		200

static bool present[MAXNAMES];
static int npresent;
static bool seen[MAXNAMES];

/*
 * Name number @i: its length and bytes follow from the number, and the number
 * can be read back from it.  The first NCOLLIDE share a hash: bit 0 of a byte and bit 7
 * of the next fall on one bit of the hash, so flipping both changes nothing.  NFEW of them
 * fit into one leaf everywhere: xfs_repair 6.1 does not accept two leaves that end in the same hash.
 */
static int make_name(int i, u8 *buf)
{
	u64 st = i * 7919 + 3;
	int len, j;

	if (i < NCOLLIDE) {
		memset(buf, 'H', 32);
		for (j = 0; j < 16; j++) {
			if (i >> j & 1) {
				buf[2 * j] ^= 1;
				buf[2 * j + 1] ^= 0x80;
			}
		}
		return 32;
	}
	len = da_rand(&st) % 10 ? 6 + da_rand(&st) % 30 : 6 + da_rand(&st) % 250;
	sprintf((char *)buf, "%06d", i);
	for (j = 6; j < len; j++) {
		buf[j] = da_rand(&st);
		if (!buf[j] || buf[j] == '/')
			buf[j] = 'x';
	}
	return len;
}

static int name_number(const u8 *name, int len)
{
	u8 buf[256];
	int i = 0, j;

	if (len == 32 && (name[0] == 'H' || name[0] == ('H' ^ 1))) {
		for (j = 0; j < 16; j++)
			i |= (name[2 * j] == ('H' ^ 1)) << j;
	} else {
		for (j = 0; j < 6 && j < len; j++)
			i = i * 10 + name[j] - '0';
	}
	if (i < 0 || i >= MAXNAMES || make_name(i, buf) != len || memcmp(buf, name, len))
		return -1;
	return i;
}

/* ---- checks ---- */

static struct dx_inode *root, *dir, *target;
static int dots;

static bool collect(void *ctx, const u8 *name, int len, u64 pos, dx_ino_t ino, u8 ftype)
{
	int i;

	if (ctx && --*(int *)ctx < 0)
		return false;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))) {
		dots++;
		CHECK_EQ(ftype, DX_DIR3_FT_DIR);
		CHECK_EQ(ino, len == 1 ? dir->ino : root->ino);
		return true;
	}
	i = name_number(name, len);
	if (!CHECK(i >= 0))
		return true;
	CHECK(!seen[i]);
	CHECK_EQ(ino, target->ino);
	CHECK_EQ(ftype, DX_DIR3_FT_REG_FILE);
	CHECK(pos <= 0x7fffffff);
	seen[i] = true;
	return true;
}

/* The directory is the model, name for name. */
static void check_all(void)
{
	u64 pos = 0;
	int i, bad = 0;

	memset(seen, 0, sizeof(seen));
	dots = 0;
	CHECK(!dx_dir_readdir(dir, &pos, collect, NULL));
	CHECK_EQ(dots, 2);
	for (i = 0; i < MAXNAMES; i++) {
		struct dx_name n;
		dx_ino_t ino;
		u8 buf[256];
		int error;

		bad += seen[i] != present[i];
		if (i > 3000 && i % 5 && !present[i])
			continue;
		n.len = make_name(i, buf);
		n.name = buf;
		error = dx_lookup(dir, &n, &ino, NULL);
		if (present[i] ? error || ino != target->ino : error != -ENOENT)
			bad++;
	}
	CHECK_EQ(bad, 0);
}

static int op(int i, bool add)
{
	struct dx_name n = { .ftype = DX_DIR3_FT_REG_FILE };
	u8 buf[256];
	int error;

	n.len = make_name(i, buf);
	n.name = buf;
	error = add ? dx_link(dir, target, &n) : dx_remove(dir, &n, target);
	if (error) {
		printf("# %s %d: %d\n", add ? "add" : "remove", i, error);
		return error;
	}
	npresent += add ? 1 : -1;
	present[i] = add;
	return 0;
}

static int form_now(void)
{
	enum dx_dir_form form = -1;

	CHECK(!dx_dir_form(NULL, dir, &form));
	return form;
}

/* ---- phases ---- */

struct phase {
	int from, to;		/* names to draw from */
	int goal;		/* entries to end with */
	int churn;		/* operations at random after that */
	bool no_repair;
	bool may_fail;		/* I/O errors are expected: stop at the first */
	u64 seed;
	u32 forms;		/* out: forms seen */
};

static bool enter(struct dx_mount **mpp)
{
	struct dx_mount *mp = da_mount(false);

	*mpp = mp;
	if (!CHECK(mp))
		return false;
	root = mp->rootip;
	return CHECK(!da_lookup(root, "d", 1, &dir)) && CHECK(!da_lookup(root, "t", 1, &target));
}

static int leave(struct dx_mount *mp)
{
	dx_idrop(dir);
	dx_idrop(target);
	return uv_umount(mp);
}

static int run_phase(void *arg)
{
	struct phase *p = arg;
	struct dx_mount *mp;
	u64 st = p->seed;
	int span = p->to - p->from, n, churned = 0, steps = 0;

	if (!enter(&mp))
		return -EIO;
	check_all();
	while (npresent != p->goal || churned < p->churn) {
		bool add = npresent < p->goal;
		int i = p->from + da_rand(&st) % span;

		if (npresent == p->goal) {
			churned++;
			add = !present[i];
		}
		for (n = 0; n < span && present[i] == add; n++)
			i = p->from + (i + 1 - p->from) % span;
		if (n == span)
			break;
		if (!CHECK(!op(i, add)))
			break;
		p->forms |= 1u << form_now();
		if (++steps % 997 == 0 && p->goal < 2000)
			check_all();
		if (host_checks_failed)
			break;
	}
	check_all();
	return leave(mp);
}

/* A reader that comes back for a few entries at a time, while others come and go. */
static int run_reader(void *arg)
{
	static bool always[MAXNAMES];
	struct phase *p = arg;
	struct dx_mount *mp;
	u64 st = p->seed, pos = 0, last;
	int i, missing = 0, rounds = 0, span = p->to - p->from;

	if (!enter(&mp))
		return -EIO;
	memset(seen, 0, sizeof(seen));
	memcpy(always, present, sizeof(always));
	dots = 0;
	do {
		int room = 1 + da_rand(&st) % 40;
		u64 before = pos;

		last = pos;
		/* names that come back elsewhere may be met twice: allowed */
		for (i = 0; i < MAXNAMES; i++)
			if (!always[i])
				seen[i] = false;
		CHECK(!dx_dir_readdir(dir, &pos, collect, &room));
		CHECK(pos >= before);
		for (i = 0; i < 3; i++) {
			int k = p->from + da_rand(&st) % span;

			if (k % 4)
				continue;
			CHECK(!op(k, !present[k]));
			always[k] = false;
		}
	} while (pos != last && ++rounds < 100000 && !host_checks_failed);
	for (i = 0; i < MAXNAMES; i++)
		missing += always[i] && !seen[i];
	CHECK_EQ(missing, 0);
	check_all();
	return leave(mp);
}

static int prepare(void *arg)
{
	struct dx_mount *mp = da_mount(false);

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK(!da_create(mp->rootip, "d", S_IFDIR | 0755, &dir));
	CHECK(!da_create(mp->rootip, "t", S_IFREG | 0644, &target));
	return leave(mp);
}

static const struct geometry { const char *name, *mkfs; int small, mid, large; } geometries[] = {
	{ "4K directory blocks",	"-b size=4096 -n size=4096", 60, 300, 9000 },
	{ "1K blocks, 4K directory blocks", "-b size=1024 -n size=4096", 60, 300, 9000 },
	{ "2K blocks, 8K directory blocks", "-b size=2048 -n size=8192 -m bigtime=0", 120, 600, 6000 },
	{ "16K directory blocks, 2K inodes", "-b size=4096 -n size=16384 -i size=2048", 200, 1000, 8000 },
	{ "1K blocks, 64K directory blocks", "-b size=1024 -n size=65536", 800, 3000, 15000 },
};

static int phase(struct phase *p)
{
	int error;

	host_init(0);
	error = host_run(run_phase, p);
	CHECK_EQ(error, 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK(p->no_repair || da_repair_clean());
	return error || host_checks_failed;
}

static void geometry(const struct geometry *g, u64 seed)
{
	struct phase grow[] = {
		{ .from = NCOLLIDE, .to = MAXNAMES, .goal = 3, .churn = 200 },
		{ .from = NCOLLIDE, .to = MAXNAMES, .goal = g->small, .churn = 500 },
		{ .from = NCOLLIDE - NFEW, .to = MAXNAMES, .goal = g->mid, .churn = 1000 },
		{ .from = NCOLLIDE - NFEW, .to = MAXNAMES, .goal = g->large, .churn = 3000 },
	}, shrink[] = {
		{ .from = NCOLLIDE - NFEW, .to = MAXNAMES, .goal = g->large / 3, .churn = 1000 },
		{ .from = NCOLLIDE - NFEW, .to = MAXNAMES, .goal = g->small, .churn = 0 },
		{ .from = NCOLLIDE - NFEW, .to = MAXNAMES, .goal = 0, .churn = 0 },
		{ .from = 0, .to = NFEW, .goal = NFEW, .churn = 300 },
		{ .from = 0, .to = NCOLLIDE, .goal = NCOLLIDE, .churn = 300, .no_repair = true },
		{ .from = 0, .to = NCOLLIDE, .goal = 0, .churn = 0 },
	};
	u32 forms = 0;
	int i, error;

	host_test_begin(g->name);
	memset(present, 0, sizeof(present));
	npresent = 0;
	host_init(0);
	if (!CHECK(!da_make(g->mkfs, 300)))
		goto out;
	error = host_run(prepare, NULL);
	if (!CHECK_EQ(error, 0) || !CHECK(da_repair_clean()))
		goto out;
	for (i = 0; i < (int)ARRAY_SIZE(grow); i++) {
		grow[i].seed = seed + i;
		if (phase(&grow[i])) {
			printf("# grow phase %d\n", i);
			goto out;
		}
		forms |= grow[i].forms;
		if (i == 2 || i == 1) {
			struct phase r = { .from = NCOLLIDE, .to = MAXNAMES, .seed = seed + 50 };

			host_init(0);
			CHECK_EQ(host_run(run_reader, &r), 0);
			CHECK(da_repair_clean());
		}
	}
	CHECK_EQ(forms, 15);
	for (i = 0; i < (int)ARRAY_SIZE(shrink); i++) {
		shrink[i].seed = seed + 100 + i;
		if (phase(&shrink[i])) {
			printf("# shrink phase %d\n", i);
			goto out;
		}
		if (i == 2)
			CHECK(shrink[i].forms & 1u << DX_DIR_SF);
	}
	host_init(0);
out:
	host_test_end();
}

/* ---- a full volume ---- */

/* Takes all free space, down to the last block. */
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

static int run_full(void *arg)
{
	struct phase *p = arg;
	struct dx_mount *mp;
	u64 st = p->seed;
	int span = p->to - p->from, refused = 0, failed = 0;

	if (!enter(&mp))
		return -EIO;
	CHECK(!eat_space(mp));
	/* what fits may come, what does not is refused and changes nothing; what is there can always go */
	while (npresent && !host_checks_failed) {
		int i = p->from + da_rand(&st) % span, n;

		if (refused < 20 || da_rand(&st) % 5 == 0) {
			struct dx_name nm = { .ftype = DX_DIR3_FT_REG_FILE };
			u8 buf[256];

			if (present[i])
				continue;
			nm.len = make_name(i, buf);
			nm.name = buf;
			n = dx_link(dir, target, &nm);
			if (n == -ENOSPC) {
				refused++;
			} else if (CHECK(!n)) {
				present[i] = true;
				npresent++;
			}
			continue;
		}
		for (n = 0; n < span && !present[i]; n++)
			i = p->from + (i + 1 - p->from) % span;
		if (n == span)
			break;
		failed += op(i, false) != 0;
		CHECK(!failed);
		p->forms |= 1u << form_now();
	}
	CHECK(refused > 0);
	check_all();
	return leave(mp);
}

static void full(const char *name, const char *mkfs, int goal, u64 seed)
{
	struct phase grow = { .from = NCOLLIDE - NFEW, .to = MAXNAMES, .goal = goal, .churn = goal, .seed = seed };
	struct phase p = { .from = NCOLLIDE - NFEW, .to = MAXNAMES, .seed = seed + 1 };

	host_test_begin(name);
	memset(present, 0, sizeof(present));
	npresent = 0;
	host_init(0);
	if (CHECK(!da_make(mkfs, 300)) && CHECK(!host_run(prepare, NULL)) && !phase(&grow)) {
		host_init(0);
		CHECK_EQ(host_run(run_full, &p), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK(da_repair_clean());
	}
	host_test_end();
}

/* ---- crashes ---- */

#define MAXOPS	3000
static struct { int i; bool add; } ops[MAXOPS];
static int nops, synced;
static bool base[MAXNAMES];

/* Adds or removes names until the disk stops. */
static int run_until_crash(void *arg)
{
	struct phase *p = arg;
	struct dx_mount *mp;
	u64 st = p->seed;
	int span = p->to - p->from;

	if (p->may_fail) {
		mp = da_mount(false);
		if (!mp)
			return 0;
		root = mp->rootip;
		if (da_lookup(root, "d", 1, &dir))
			return uv_umount(mp);
		if (da_lookup(root, "t", 1, &target)) {
			dx_idrop(dir);
			return uv_umount(mp);
		}
	} else if (!enter(&mp)) {
		return -EIO;
	}
	while (nops < MAXOPS - 1) {
		int i = p->from + da_rand(&st) % span;
		int error;
		bool add = npresent < p->goal ? da_rand(&st) % 10 < 7 : da_rand(&st) % 10 < 3;

		if (!npresent)
			add = true;
		while (present[i] == add)
			i = p->from + (i + 1 - p->from) % span;
		ops[nops].i = i;
		ops[nops].add = add;
		error = op(i, add);
		if (error) {
			CHECK(p->may_fail);
			break;
		}
		nops++;
		if (da_rand(&st) % 50 == 0) {
			error = dx_log_force(mp, true);
			if (error) {
				CHECK(p->may_fail);
				break;
			}
			synced = nops;
		}
	}
	return leave(mp);
}

/* What recovery left is what there was after one of the operations, and after all that were forced out. */
static int check_recovered(void *arg)
{
	struct dx_mount *mp;
	int i, k, diff = 0, found = -1;
	u64 pos = 0;

	(void)arg;
	if (!enter(&mp))
		return -EIO;
	memset(seen, 0, sizeof(seen));
	dots = 0;
	CHECK(!dx_dir_readdir(dir, &pos, collect, NULL));
	for (i = 0; i < MAXNAMES; i++)
		diff += seen[i] != base[i];
	for (k = 0; k <= nops + 1; k++) {
		if (!diff && k >= synced)
			found = k;
		if (k <= nops && k < MAXOPS && base[ops[k].i] != ops[k].add) {
			diff += seen[ops[k].i] == base[ops[k].i] ? 1 : -1;
			base[ops[k].i] = ops[k].add;
		}
	}
	CHECK(found >= 0);
	npresent = 0;
	for (i = 0; i < MAXNAMES; i++) {
		present[i] = seen[i];
		npresent += seen[i];
	}
	check_all();
	return leave(mp);
}

static void crashes(const char *name, const char *mkfs, int mid, int runs, bool fail_io, u64 seed)
{
	struct phase p = { .from = NCOLLIDE - NFEW, .to = NCOLLIDE + 4000 };
	u64 st = seed;
	int r, error;

	host_test_begin(name);
	memset(present, 0, sizeof(present));
	npresent = 0;
	host_init(0);
	if (!CHECK(!da_make(mkfs, 300)) || !CHECK(!host_run(prepare, NULL)))
		goto out;
	p.may_fail = fail_io;
	if (fail_io)
		host_set_printk(0);
	for (r = 0; r < runs && !host_checks_failed; r++) {
		p.seed = da_rand(&st);
		/* swing through the forms */
		p.goal = r % 4 == 0 ? 5 : r % 4 == 1 ? mid : r % 4 == 2 ? 4 * mid : mid / 4;
		nops = synced = 0;
		memcpy(base, present, sizeof(base));
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

/* ---- what mkfs.xfs wrote ---- */

static const int proto_counts[] = { 0, 2, 30, 90, 400, 5000 };
#define PROTO_LINKS	12	/* short enough for an inode of 512 bytes: mkfs.xfs 6.1 writes no header for longer ones */

static void proto_target(int i, char *buf)
{
	int len = 1 + i * 25, j;

	for (j = 0; j < len; j++)
		buf[j] = 'a' + (i + j) % 26;
	buf[len] = '\0';
}

static void write_proto(const char *path)
{
	FILE *f = fopen(path, "w");
	char buf[1100];
	int d, i;

	fprintf(f, "/\n0 0\nd--755 0 0\n");
	for (d = 0; d < (int)ARRAY_SIZE(proto_counts); d++) {
		fprintf(f, "dir%d d--755 0 0\n", d);
		for (i = 0; i < proto_counts[d]; i++)
			fprintf(f, "entry-number-%d ---644 %d %d /dev/null\n", i, d, i);
		fprintf(f, "$\n");
	}
	for (i = 0; i < PROTO_LINKS; i++) {
		proto_target(i, buf);
		fprintf(f, "link%d l--777 0 0 %s\n", i, buf);
	}
	fprintf(f, "$\n");
	fclose(f);
}

struct proto_ctx { int n, sum, dots; };

static bool proto_collect(void *ctx, const u8 *name, int len, u64 pos, dx_ino_t ino, u8 ftype)
{
	struct proto_ctx *c = ctx;
	char buf[300];
	int i;

	(void)pos;
	(void)ino;
	if (name[0] == '.') {
		c->dots++;
		return true;
	}
	memcpy(buf, name, len);
	buf[len] = '\0';
	if (CHECK(sscanf(buf, "entry-number-%d", &i) == 1)) {
		c->n++;
		c->sum += i;
	}
	CHECK_EQ(ftype, DX_DIR3_FT_REG_FILE);
	return true;
}

static int read_proto(void *arg)
{
	struct dx_mount *mp = da_mount(true);
	char buf[1100], want[1100];
	struct dx_inode *dp, *ip;
	int d, i;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	for (d = 0; d < (int)ARRAY_SIZE(proto_counts); d++) {
		struct proto_ctx c = { 0 };
		int n = proto_counts[d];
		u64 pos = 0;

		snprintf(buf, sizeof(buf), "dir%d", d);
		if (!CHECK(!da_lookup(mp->rootip, buf, strlen(buf), &dp)))
			continue;
		CHECK(!dx_dir_readdir(dp, &pos, proto_collect, &c));
		CHECK_EQ(c.n, n);
		CHECK_EQ(c.sum, n * (n - 1) / 2);
		CHECK_EQ(c.dots, 2);
		for (i = 0; i < n; i++) {
			snprintf(buf, sizeof(buf), "entry-number-%d", i);
			if (!CHECK(!da_lookup(dp, buf, strlen(buf), &ip)))
				break;
			CHECK_EQ(ip->d.gid, i);
			dx_idrop(ip);
		}
		CHECK_EQ(da_lookup(dp, "not there", 9, &ip), -ENOENT);
		dx_idrop(dp);
	}
	for (i = 0; i < PROTO_LINKS; i++) {
		snprintf(buf, sizeof(buf), "link%d", i);
		if (!CHECK(!da_lookup(mp->rootip, buf, strlen(buf), &ip)))
			continue;
		proto_target(i, want);
		CHECK_EQ(dx_readlink(ip, buf), strlen(want));
		CHECK(!strcmp(buf, want));
		dx_idrop(ip);
	}
	return uv_umount(mp);
}

static const char * const proto_mkfs[] = { "", "-b size=1024", "-n size=65536", "-b size=2048 -i size=1024" };

static void protos(void)
{
	char path[300], opts[600];
	int i;

	snprintf(path, sizeof(path), "%s/proto", da_dir);
	write_proto(path);
	for (i = 0; i < (int)ARRAY_SIZE(proto_mkfs); i++) {
		snprintf(opts, sizeof(opts), "%s -p %s", proto_mkfs[i], path);
		host_test_begin(proto_mkfs[i][0] ? proto_mkfs[i] : "mkfs prototype, defaults");
		host_init(0);
		if (CHECK(!da_make(opts, 300)))
			CHECK_EQ(host_run(read_proto, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		host_test_end();
	}
}

int main(int argc, char **argv)
{
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	int i;

	da_setup();
	for (i = 0; i < (int)ARRAY_SIZE(geometries); i++)
		if (argc < 2 || atoi(argv[1]) == i)
			geometry(&geometries[i], seed);
	if (argc < 2 || atoi(argv[1]) == 20)
		full("full volume, 4K blocks", "", 5000, seed);
	if (argc < 2 || atoi(argv[1]) == 21)
		full("full volume, 1K blocks", "-b size=1024", 5000, seed);
	if (argc < 2 || atoi(argv[1]) == 10)
		crashes("crashes, 4K blocks", "", 300, 40, false, seed);
	if (argc < 2 || atoi(argv[1]) == 11)
		crashes("crashes, 1K blocks", "-b size=1024", 200, 40, false, seed);
	if (argc < 2 || atoi(argv[1]) == 12)
		crashes("I/O errors", "", 300, 60, true, seed);
	if (argc < 2 || atoi(argv[1]) < 0)
		protos();
	da_teardown();
	return host_test_exit();
}
