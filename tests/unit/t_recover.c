// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recovery: a random load is cut at a write, what the device had not made durable is lost, torn or reordered, and
 * the volume is mounted again.  Then the names, sizes and attributes must be those after some
 * operation not before the last acknowledged log force, and xfs_repair must find nothing.
 * The cut may hit recovery itself, once more.
 *
 * The same when the filesystem is shut down at a write, and then unmounted: the device is well and keeps all, but
 * what was in memory is taken apart while checkpoints may be on their way to the log.
 *
 * And damaged logs: whatever is wrong in the log, mounting ends in an error, or in a volume that is right; never in
 * anything else.
 *
 * Images named as arguments (dirty volumes from elsewhere) are recovered, walked by xfs_repair, and not changed;
 * what became of the last one is left in the file SAVE.
 * Environment: POINTS crash points per profile, SEED, PROFILE (only this one); ONLY=PROFILE,SEED,WRITE,POINTSEED runs one point
 * (with LONG=1 of the longer load, with SHUT=1 a shutdown); SHUT=1 alone only shutdowns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_inode.h"
#include "dx_dir.h"
#include "dx_bmap.h"
#include "dx_alloc.h"

static char workdir[256], image[300], saved[300];
static struct dx_bdev *dev;

/* Logs as small as can be, so that a load goes round them. */
static const struct profile { const char *name, *mkfs; unsigned int logbsize; bool fragment; } profiles[] = {
	{ "4.19 features", "-m reflink=0,bigtime=0,inobtcount=0 -l size=4m" },
	{ "6.1 defaults", "-l size=10m" },
	{ "1 KiB blocks, large extent counters", "-b size=1024 -m reflink=0 -i nrext64=1 -l size=9m" },
	{ "4 KiB sectors", "-s size=4096 -m reflink=0 -l size=8m" },
	{ "stripe unit of 32 KiB in the log", "-m reflink=0 -l size=8m,su=32k" },
	{ "8 KiB directory blocks over 1 KiB blocks", "-b size=1024 -n size=8192 -m reflink=0 -l size=5m" },
	{ "directory blocks scattered over the volume", "-b size=1024 -n size=8192 -m reflink=0 -l size=5m", 0, true },
	{ "1 KiB inodes, no finobt, no sparse inodes", "-i size=1024,sparse=0 -m reflink=0,finobt=0,inobtcount=0 -l size=5m" },
	{ "records of 256 KiB", "-m reflink=0 -l size=10m", 256 * 1024 },
	{ "records of 16 KiB", "-m reflink=0 -l size=5m", 16 * 1024 },
};

/* ---- plumbing ---- */

static bool repair_clean(void) { return host_repair_clean(dev, saved); }

static struct dx_mount *do_mount(const struct profile *p, int *error)
{
	struct dx_mount_opts o = { .logbsize = p->logbsize };

	return uv_mount_dev(dev, &o, error);
}

/* Leave no more than three free blocks in a row: what has eight lies in several places. */
static int fragment(void *arg)
{
	const struct profile *p = arg;
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (const u8 *)"filler", .len = 6, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_mount *mp;
	struct dx_inode *ip;
	u64 off, step;
	char buf[32];
	int error, i;

	mp = do_mount(p, &error);
	if (!mp)
		return error;
	error = dx_create(mp->rootip, &n, &a, &ip);
	if (error)
		return error;
	/* inodes need chunks in one piece: enough of them now, kept by one file in each */
	for (i = 0; i < 320 && !error; i++) {
		struct dx_name x = { .name = (const u8 *)buf, .len = sprintf(buf, "spare%d", i), .ftype = DX_DIR3_FT_REG_FILE };
		struct dx_inode *spare;

		error = dx_create(mp->rootip, &x, &a, &spare);
		if (!error)
			dx_idrop(spare);
	}
	for (i = 0; i < 320 && !error; i++) {
		struct dx_name x = { .name = (const u8 *)buf, .len = sprintf(buf, "spare%d", i) };
		struct dx_inode *spare;
		dx_ino_t ino;

		if (i % 16 == 0)
			continue;
		error = dx_lookup(mp->rootip, &x, &ino, NULL);
		if (!error)
			error = dx_iget(mp, NULL, ino, 0, &spare);
		if (!error) {
			error = dx_remove(mp->rootip, &x, spare);
			dx_idrop(spare);
		}
	}
	dx_reserve_set(mp, 0);
	for (off = 0, step = 256; step; ) {
		if (dx_alloc_file_space(ip, off * mp->sb.blocksize, step * mp->sb.blocksize))
			step /= 2;
		else
			off += step;
	}
	for (; off > 5 && !error; off -= 5)
		error = dx_free_file_space(ip, (off - 5) * mp->sb.blocksize, 3 * mp->sb.blocksize);
	dx_idrop(ip);
	if (error)
		return error;
	return uv_umount(mp);
}

static int make_volume(const struct profile *p)
{
	if (dev)
		host_dev_close(dev);
	dev = NULL;
	if (host_sh("cd %s && rm -f img saved && truncate -s 96M img && mkfs.xfs --unsupported -q -f -d agcount=3 %s img >mkfs.out 2>&1 || { cat mkfs.out >&2; false; }",
		    workdir, p->mkfs))
		return -EIO;
	dev = host_dev_open(image);
	if (!dev)
		return -EIO;
	if (!p->fragment)
		return 0;
	host_init(1);
	if (!CHECK_EQ(host_run(fragment, (void *)p), 0) || !CHECK(repair_clean()))
		return -EIO;
	host_kill_world();
	host_dev_close(dev);
	if (host_sh("mv %s %s", saved, image))
		return -EIO;
	dev = host_dev_open(image);
	return dev ? 0 : -EIO;
}

/* ---- the model: what each name is, and how that changed ---- */

enum { NONE, FILE_, DIR_, LINK_ };
#define NNAMES	64
#define NDIRS	4			/* names 0..NDIRS-1 are directories that hold the rest */
#define MAXCHG	20000
struct state { int kind; u64 size; int xlen; };
struct change { int op, name; struct state to; };
static struct change chg[MAXCHG];
static int nchg, nops, synced;		/* synced: ops that are durable */
static struct state now[NNAMES];

static void note(int name, struct state to)
{
	if (nchg < MAXCHG)
		chg[nchg++] = (struct change) { nops, name, to };
	now[name] = to;
}

/*
 * An operation says what it is about to do, then does it: a crash may come between its becoming durable and
 * its return.  One that fails takes it back.
 */
static struct state before[NNAMES];
static int nchg_before;

static void op_begin(void)
{
	memcpy(before, now, sizeof(before));
	nchg_before = nchg;
}

static struct dx_mount *load_mp;
static bool was_shut(void) { return load_mp && dx_is_shutdown(load_mp); }

static int op_end(int error)
{
	if (!error) {
		nops++;
	} else if (!was_shut()) {	/* else it may have happened, in parts */
		memcpy(now, before, sizeof(now));
		nchg = nchg_before;
	}
	return error;
}

static int name_of(int i, char *buf)
{
	/* some long, so that directories grow */
	return sprintf(buf, i % 5 ? "n%d" : "a-rather-long-name-to-fill-the-directory-and-make-it-leave-the-inode-%d", i);
}

static struct dx_name dxname(int i, char *buf, u8 ftype)
{
	return (struct dx_name) { .name = (u8 *)buf, .len = name_of(i, buf), .ftype = ftype };
}

static int home_of(struct dx_mount *mp, int i, struct dx_inode **dpp)
{
	char buf[128];
	struct dx_name n;
	dx_ino_t ino;
	int error, d = i % (NDIRS + 1);

	if (i < NDIRS || d == NDIRS) {
		dx_ihold(mp->rootip);
		*dpp = mp->rootip;
		return 0;
	}
	n = dxname(d, buf, 0);
	error = dx_lookup(mp->rootip, &n, &ino, NULL);
	return error ? error : dx_iget(mp, NULL, ino, 0, dpp);
}

static int find(struct dx_mount *mp, struct dx_inode *dp, int i, struct dx_inode **ipp)
{
	char buf[128];
	struct dx_name n = dxname(i, buf, 0);
	dx_ino_t ino;
	int error = dx_lookup(dp, &n, &ino, NULL);

	return error ? error : dx_iget(mp, NULL, ino, 0, ipp);
}

static const char attr_value[3000];

static int set_attr(struct dx_inode *ip, int len)
{
	struct dx_attr_arg a = { .ip = ip, .name = (const u8 *)"user-attribute", .namelen = 14,
				 .value = len ? (void *)attr_value : NULL, .valuelen = len };

	return dx_attr_set_op(&a);
}

static int get_attr_len(struct dx_inode *ip)
{
	struct dx_attr_arg a = { .ip = ip, .name = (const u8 *)"user-attribute", .namelen = 14 };
	int error = dx_attr_get(&a);

	return error == -ENOATTR ? 0 : error < 0 ? error : a.valuelen;
}

/* ---- the load ---- */

#define LOAD_OPS	600
#define LONG_LOAD_OPS	(strstr(profile->mkfs, "nrext64=1") ? 18000 : 9000)	/* more than once round the log */
static const struct profile *profile;
static int load_ops, force_one_in = 10;
static u64 load_seed;
static u64 rng;

static u32 rnd(u32 n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(rng >> 33) % n;
}

static int make(struct dx_mount *mp, struct dx_inode *dp, int i)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644, .uid = 1, .gid = 2 };
	char buf[128], target[600];
	struct dx_inode *ip;
	struct dx_name n;
	struct state s = { FILE_ };
	int error;

	op_begin();
	if (i < NDIRS || rnd(6) == 0) {
		a.mode = S_IFDIR | 0755;
		s.kind = DIR_;
	} else if (rnd(6) == 0) {
		int len = rnd(2) ? 20 : 500;

		a.mode = S_IFLNK | 0777;

		memset(target, 'x', len);
		target[len] = 0;
		s = (struct state) { LINK_, len };
		n = dxname(i, buf, DX_DIR3_FT_SYMLINK);
		note(i, s);
		error = dx_symlink(dp, &n, target, &a, &ip);
		goto out;
	}
	n = dxname(i, buf, s.kind == DIR_ ? DX_DIR3_FT_DIR : DX_DIR3_FT_REG_FILE);
	note(i, s);
	error = dx_create(dp, &n, &a, &ip);
out:
	if (!error)
		dx_idrop(ip);
	return op_end(error);
}

static bool dir_in_use(int i)
{
	int j;

	if (i >= NDIRS)
		return false;
	for (j = NDIRS; j < NNAMES; j++)
		if (j % (NDIRS + 1) == i && now[j].kind)
			return true;
	return false;
}

static int zap(struct dx_mount *mp, struct dx_inode *dp, struct dx_inode *ip, int i)
{
	char buf[128];
	struct dx_name n = dxname(i, buf, 0);

	op_begin();
	note(i, (struct state) { NONE });
	return op_end(dx_remove(dp, &n, ip));
}

static int move(struct dx_mount *mp, struct dx_inode *dp, struct dx_inode *ip, int i)
{
	int j = NDIRS + rnd(NNAMES - NDIRS), error;
	struct dx_inode *tdp, *tip = NULL;
	char sbuf[128], tbuf[128];
	struct dx_name s, t;

	if (i < NDIRS || i == j || now[j].kind == DIR_ || (now[i].kind == DIR_ && now[j].kind))
		return 0;
	if (home_of(mp, j, &tdp))
		return 0;
	s = dxname(i, sbuf, 0);
	t = dxname(j, tbuf, 0);
	if (now[j].kind && find(mp, tdp, j, &tip)) {
		dx_idrop(tdp);
		return -EIO;
	}
	op_begin();
	note(j, now[i]);
	note(i, (struct state) { NONE });
	error = op_end(dx_rename(dp, &s, ip, tdp, &t, tip, NULL, 0));
	if (tip)
		dx_idrop(tip);
	dx_idrop(tdp);
	return error;
}

static int change_file(struct dx_mount *mp, struct dx_inode *ip, int i)
{
	u32 bs = mp->sb.blocksize;
	struct state s = now[i];
	u64 size;
	int error = 0, k;

	op_begin();
	switch (rnd(7)) {
	case 0:
		s.xlen = s.xlen ? 0 : rnd(3) ? 1 + rnd(60) : 2500;
		note(i, s);
		error = set_attr(ip, s.xlen);
		break;
	case 1:
	case 2:
		size = rnd(300) * bs;
		s.size = size;
		note(i, s);
		error = dx_setsize_trans(ip, size, size < ip->d.size, true);
		break;
	case 3:	/* many extents: a btree */
		for (k = 0; k < 40 && !error; k++)
			error = dx_alloc_file_space(ip, (u64)rnd(2000) * bs, bs);
		break;
	case 4:
		error = dx_free_file_space(ip, (u64)rnd(1000) * bs, (u64)(1 + rnd(300)) * bs);
		break;
	case 5:
		error = dx_iomap_write_unwritten(ip, (u64)rnd(1000) * bs, (u64)(1 + rnd(8)) * bs, 0);
		break;
	default:
		error = dx_alloc_file_space(ip, (u64)rnd(1000) * bs, (u64)(1 + rnd(200)) * bs);
	}
	return op_end(error);
}

static int one_op(struct dx_mount *mp, struct dx_inode **held)
{
	int i = rnd(NNAMES), h = rnd(8), error, op;
	struct dx_inode *dp, *ip;

	/* unlinked files that are in use */
	if (rnd(12) == 0) {
		struct dx_create_args a = { .mode = S_IFREG | 0600 };

		if (held[h]) {
			dx_idrop(held[h]);
			held[h] = NULL;
			return 0;
		}
		error = dx_create_tmpfile(mp->rootip, &a, &held[h]);
		if (!error)
			error = dx_alloc_file_space(held[h], 0, 10 * mp->sb.blocksize);
		return error == -ENOSPC ? 0 : error;
	}
	error = home_of(mp, i, &dp);
	if (error)
		return error == -ENOENT ? 0 : error;
	error = find(mp, dp, i, &ip);
	if (error == -ENOENT) {
		error = make(mp, dp, i);
		dx_idrop(dp);
		return error == -ENOSPC ? 0 : error;
	}
	if (!error) {
		op = rnd(10);
		if (op < 2 && !dir_in_use(i))
			error = zap(mp, dp, ip, i);
		else if (op < 4)
			error = move(mp, dp, ip, i);
		else if (now[i].kind == FILE_)
			error = change_file(mp, ip, i);
		dx_idrop(ip);
	}
	dx_idrop(dp);
	return error == -ENOSPC ? 0 : error;
}

static u64 turns;			/* cycle of the log when the load was over */

static int load(void *arg)
{
	struct dx_inode *held[8] = { };
	struct dx_log_stats st;
	struct dx_mount *mp;
	int error, n, i;

	(void)arg;
	nchg = nops = synced = 0;
	memset(now, 0, sizeof(now));
	rng = load_seed;
	mp = load_mp = do_mount(profile, &error);
	if (!mp)
		return error;
	for (n = 0; n < load_ops; n++) {
		error = one_op(mp, held);
		if (!error && rnd(force_one_in) == 0) {
			error = dx_log_force(mp, true);
			if (!error)
				synced = nops;
		}
		if (error) {
			if (was_shut())
				break;
			printf("# op %d: error %d\n", n, error);
			return error;
		}
		if (rnd(10 * force_one_in) == 0)
			dx_ail_drain(mp);
	}
	for (i = 0; i < 8; i++)
		if (held[i])
			dx_idrop(held[i]);
	dx_log_get_stats(mp, &st);
	turns = st.head_cycle;
	load_mp = NULL;
	uv_umount(mp);
	return error && n < load_ops ? error : 0;
}

/* ---- the verdict ---- */

static struct state seen[NNAMES];

static int look(struct dx_mount *mp, int i, struct state *s)
{
	struct dx_inode *dp, *ip;
	int error;

	*s = (struct state) { NONE };
	error = home_of(mp, i, &dp);
	if (error)
		return error == -ENOENT ? 0 : error;
	error = find(mp, dp, i, &ip);
	dx_idrop(dp);
	if (error)
		return error == -ENOENT ? 0 : error;
	s->kind = S_ISDIR(ip->d.mode) ? DIR_ : S_ISLNK(ip->d.mode) ? LINK_ : FILE_;
	s->size = s->kind == DIR_ ? 0 : ip->d.size;
	s->xlen = get_attr_len(ip);
	dx_idrop(ip);
	return s->xlen < 0 ? s->xlen : 0;
}

static bool same(const struct state *a, const struct state *b)
{
	return a->kind == b->kind && a->size == b->size && a->xlen == b->xlen;
}

/* Is what was seen the state after op k, for some k in [synced, nops] (or within its last)? */
static bool is_some_prefix(void)
{
	struct state at[NNAMES] = { };
	int c = 0, i, op;

	for (op = 0; ; op++) {
		if (op >= synced) {
			for (i = 0; i < NNAMES && same(&at[i], &seen[i]); i++)
				;
			if (i == NNAMES)
				return true;
		}
		if (op > nops)
			break;
		for (; c < nchg && chg[c].op == op; c++)
			at[chg[c].name] = chg[c].to;
	}
	printf("# %d operations, %d of them acknowledged\n", nops, synced);
	for (c = 0; c < nchg; c++)
		if (!same(&at[chg[c].name], &seen[chg[c].name]))
			printf("# op %d: name %d: kind %d size %llu attr %d\n", chg[c].op, chg[c].name, chg[c].to.kind,
			       (unsigned long long)chg[c].to.size, chg[c].to.xlen);
	for (i = 0; i < NNAMES; i++)
		if (!same(&at[i], &seen[i]))
			printf("# name %d: seen kind %d size %llu attr %d, at the end kind %d size %llu attr %d\n", i,
			       seen[i].kind, (unsigned long long)seen[i].size, seen[i].xlen,
			       at[i].kind, (unsigned long long)at[i].size, at[i].xlen);
	return false;
}

static int check_after(void *arg)
{
	struct dx_mount *mp;
	int error, i;

	(void)arg;
	mp = do_mount(profile, &error);
	if (!mp) {
		printf("# mount after the crash: %d\n%s", error, host_log());
		return error;
	}
	for (i = 0; i < NNAMES; i++) {
		error = look(mp, i, &seen[i]);
		if (error)
			printf("# name %d: error %d\n", i, error);
		CHECK_EQ(error, 0);
	}
	CHECK(is_some_prefix());
	return uv_umount(mp);
}

/* Mount and unmount, to be cut. */
static int mount_only(void *arg)
{
	struct dx_mount *mp;
	int error;

	(void)arg;
	mp = do_mount(profile, &error);
	return mp ? uv_umount(mp) : error;
}

static u64 writes_of_load(void)
{
	struct host_dev_counts c;

	host_dev_reset(dev);
	host_init(load_seed);
	if (host_run(load, NULL))
		return 0;
	host_dev_counts(dev, &c);
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	return c.writes;
}

/* One crash, maybe a second one in recovery, and the verdict. */
static bool crash_point(u64 nth, u64 seed, bool repair)
{
	enum host_crash_mode mode = seed % HOST_CRASH_MODES;
	int ret;

	host_dev_reset(dev);
	host_init(load_seed);
	host_dev_crash_at(dev, nth, seed & 8 ? HOST_CRASH_SUBMIT : HOST_CRASH_COMPLETE);
	ret = host_run(load, NULL);
	if (ret != HOST_CRASHED)
		return CHECK_EQ(ret, 0);
	host_dev_crash(dev, mode, seed);
	if (seed % 3 == 0) {
		host_init(seed);
		host_dev_crash_at(dev, 1 + seed / 7 % 60, HOST_CRASH_COMPLETE);
		ret = host_run(mount_only, NULL);
		if (ret != HOST_CRASHED && !CHECK_EQ(ret, 0))
			return false;
		host_dev_crash_at(dev, 0, HOST_CRASH_COMPLETE);
		if (ret == HOST_CRASHED)
			host_dev_crash(dev, mode, seed + 1);
	}
	host_init(seed);
	host_dev_crash_at(dev, 0, HOST_CRASH_COMPLETE);
	ret = host_run(check_after, NULL);
	if (!CHECK_EQ(ret, 0) || !CHECK_EQ(host_warn_count, 0) || !CHECK_EQ(host_live_allocs(true), 0))
		return false;
	if (repair && !CHECK(repair_clean()))
		return false;
	return !host_checks_failed;
}

/* ---- shutdowns ---- */

static u64 log_off, log_len;

static int learn_log(void *arg)
{
	struct dx_mount *mp;
	int error;

	(void)arg;
	mp = do_mount(profile, &error);
	if (!mp)
		return error;
	log_off = dx_log_daddr(mp) << 9;
	log_len = (u64)dx_log_size_bb(mp) << 9;
	return uv_umount(mp);
}

static u64 shut_at, shut_count, middle_records;	/* of the whole load */
static DECLARE_COMPLETION(shut_now);

/* A record that its checkpoint goes on behind. */
static bool is_middle_record(const struct dx_io *io)
{
	return io->op == DX_IO_WRITE && !(io->flags & DX_IOF_FUA) &&
	       io->daddr_bb >= log_off >> 9 && io->daddr_bb < (log_off + log_len) >> 9;
}

static void shut_at_end(void *arg, const struct dx_io *io, int error)
{
	(void)arg;
	(void)error;
	if (io->op == DX_IO_WRITE && ++shut_count == shut_at)
		complete(&shut_now);
}

static void shut_at_record(void *arg, const struct dx_io *io)
{
	(void)arg;
	if (is_middle_record(io) && ++shut_count == shut_at)
		complete(&shut_now);
}

static int shut_fiber(void *arg)
{
	(void)arg;
	wait_for_completion(&shut_now);
	if (load_mp)
		dx_force_shutdown(load_mp, DX_SHUT_FORCE_UMOUNT, __func__);
	return 0;
}

static int load_to_shut(void *arg)
{
	struct host_fiber *f = host_spawn(shut_fiber, NULL, "shutdown");
	int ret = load(arg);

	complete(&shut_now);	/* it may not have come to that */
	host_join(f);
	return ret;
}

/*
 * One shutdown, and the verdict.  The log is much slower than everything else, so that there is time to
 * take apart what is in memory before a checkpoint that is on its way gets there.
 */
static bool shutdown_point(u64 nth, u64 seed, bool repair)
{
	int ret;

	host_dev_reset(dev);
	host_init(load_seed);
	shut_at = seed & 1 || !middle_records ? nth : 1 + nth % middle_records;
	shut_count = 0;
	reinit_completion(&shut_now);
	host_dev_set_slow(dev, log_off >> 9, log_len >> 9, 1 + seed % 50);
	if (seed & 1 || !middle_records)
		host_dev_set_hook(dev, shut_at_end, NULL);
	else
		host_dev_set_submit_hook(dev, shut_at_record, NULL);
	ret = host_run(load_to_shut, NULL);
	host_dev_set_hook(dev, NULL, NULL);
	host_dev_set_submit_hook(dev, NULL, NULL);
	host_dev_set_slow(dev, 0, 0, 0);
	if (ret && !CHECK_EQ(ret, -EIO))
		return false;
	if (!CHECK_EQ(host_warn_count, 0) || !CHECK_EQ(host_live_allocs(true), 0))
		return false;
	host_init(seed);
	ret = host_run(check_after, NULL);
	if (!CHECK_EQ(ret, 0) || !CHECK_EQ(host_warn_count, 0) || !CHECK_EQ(host_live_allocs(true), 0))
		return false;
	if (repair && !CHECK(repair_clean()))
		return false;
	return !host_checks_failed;
}

static void crashes(const struct profile *p, int points, u64 seed, bool longer)
{
	char name[128];
	u64 writes, i;

	profile = p;
	snprintf(name, sizeof(name), "%d crashes%s: %s", points, longer ? ", round the log" : "", p->name);
	host_test_begin(name);
	load_ops = longer ? LONG_LOAD_OPS : LOAD_OPS;
	load_seed = seed;
	force_one_in = 10;
	writes = writes_of_load();
	if (longer)
		CHECK(turns > 1);
	if (CHECK(writes > 20)) {
		for (i = 0; i < points; i++) {
			u64 nth = 1 + (i * 2654435761ULL + seed) % writes;

			/* past the first turn, if that is what this is about */
			if (longer)
				nth = writes - nth / 3;

			if (!crash_point(nth, seed * 1000 + i, i % 4 == 0)) {
				printf("# of %llu writes: ONLY=%d,%llu,%llu,%llu%s\n", (unsigned long long)writes,
				       (int)(p - profiles), (unsigned long long)seed, (unsigned long long)nth,
				       (unsigned long long)(seed * 1000 + i), longer ? " LONG=1" : "");
				break;
			}
		}
	}
	host_kill_world();
	host_test_end();
}

#define SHUTDOWNS_PER_LOAD	3

/* Checkpoints of several records, and several of them in a row that nothing of has been written back. */
static u64 begin_shutdowns(u64 seed)
{
	u64 writes;

	host_dev_reset(dev);
	host_init(1);
	CHECK_EQ(host_run(learn_log, NULL), 0);
	load_ops = LOAD_OPS;
	load_seed = seed;
	force_one_in = 25;
	shut_at = shut_count = 0;
	host_dev_set_submit_hook(dev, shut_at_record, NULL);
	writes = writes_of_load();
	host_dev_set_submit_hook(dev, NULL, NULL);
	middle_records = shut_count;
	return writes;
}

static void shutdowns(const struct profile *p, int points, u64 seed)
{
	char name[128];
	u64 writes = 0, i;

	profile = p;
	snprintf(name, sizeof(name), "%d shutdowns: %s", points, p->name);
	host_test_begin(name);
	for (i = 0; i < points && !host_checks_failed; i++) {
		u64 lseed = seed + i / SHUTDOWNS_PER_LOAD, nth;

		if (i % SHUTDOWNS_PER_LOAD == 0) {
			writes = begin_shutdowns(lseed);
			if (!CHECK(writes > 20))
				break;
		}
		nth = 1 + (i * 2654435761ULL + seed) % writes;
		if (!shutdown_point(nth, seed * 1000 + i, i % 4 == 0))
			printf("# of %llu writes: SHUT=1 ONLY=%d,%llu,%llu,%llu\n", (unsigned long long)writes,
			       (int)(p - profiles), (unsigned long long)lseed, (unsigned long long)nth,
			       (unsigned long long)(seed * 1000 + i));
	}
	host_kill_world();
	host_test_end();
}

/* ---- damaged logs ---- */

static int mount_damaged(void *arg)
{
	struct dx_mount *mp;
	int error, i;

	(void)arg;
	mp = do_mount(profile, &error);
	if (!mp)
		return error;
	for (i = 0; i < NNAMES; i++)
		look(mp, i, &seen[i]);
	return uv_umount(mp) ? -EUCLEAN : 1;
}

static void damage(u64 seed)
{
	struct host_dev_counts c;
	u8 sector[512];
	int hits = 1 + seed % 5, n = 0, tries = 0;
	u64 used[64], at;
	int ret;

	rng = seed;
	/* sectors of the log that hold anything, in order; hits go to the first, the last or any */
	for (at = 0; at < log_len && n < 64; at += 512) {
		size_t k;

		host_dev_peek(dev, log_off + at, sector, 512);
		for (k = 0; k < 512 && !sector[k]; k++)
			;
		if (k < 512 && rnd(n < 32 ? 8 : 64) == 0)
			used[n++] = at;
	}
	while (n && hits-- && tries++ < 20) {
		u64 off = log_off + used[rnd(n)];

		host_dev_peek(dev, off, sector, 512);
		if (rnd(3))
			sector[rnd(512)] ^= 1 << rnd(8);
		else
			memset(sector, rnd(2) ? 0 : 0xff, 512);
		host_dev_poke(dev, off, sector, 512);
	}
	host_init(seed);
	host_dev_crash_at(dev, 0, HOST_CRASH_COMPLETE);
	ret = host_run(mount_damaged, NULL);
	host_dev_counts(dev, &c);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	if (ret < 0)
		CHECK(strlen(host_log()) > 0);
}

static void damaged_logs(const struct profile *p, int points, u64 seed)
{
	char name[128];
	u64 writes, i;

	profile = p;
	snprintf(name, sizeof(name), "%d damaged logs: %s", points, p->name);
	host_test_begin(name);
	host_dev_reset(dev);
	host_init(1);
	CHECK_EQ(host_run(learn_log, NULL), 0);
	load_ops = 200;
	load_seed = seed;
	force_one_in = 10;
	writes = writes_of_load();
	for (i = 0; i < points && !host_checks_failed; i++) {
		host_dev_reset(dev);
		host_init(load_seed);
		host_dev_crash_at(dev, writes / 2 + i % 40, HOST_CRASH_COMPLETE);
		if (host_run(load, NULL) != HOST_CRASHED)
			break;
		host_dev_crash(dev, HOST_KEEP_ALL, i);
		damage(seed * 1000 + i);
		if (host_checks_failed)
			printf("# point %llu\n", (unsigned long long)i);
	}
	host_kill_world();
	host_test_end();
}

/* Dirty volumes that somebody else wrote: recover, unmount, repair finds nothing; once more, clean. */
static void foreign(const char *path)
{
	int ret;

	profile = &profiles[0];
	host_test_begin(path);
	dev = host_dev_open(path);
	if (CHECK(dev)) {
		host_init(1);
		ret = host_run(mount_only, NULL);
		if (!CHECK_EQ(ret, 0))
			printf("# %s\n", host_log());
		else
			printf("# %s\n", host_log_has("Starting recovery") ? "recovered" : "was clean");
		CHECK_EQ(host_live_allocs(true), 0);
		host_kill_world();
		if (getenv("SAVE"))
			CHECK_EQ(host_dev_save(dev, getenv("SAVE")), 0);
		CHECK(ret || repair_clean());
		host_dev_close(dev);
		dev = NULL;
	}
	host_test_end();
}

int main(int argc, char **argv)
{
	int points = getenv("POINTS") ? atoi(getenv("POINTS")) : 60;
	u64 seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : 1;
	size_t i;

	snprintf(workdir, sizeof(workdir), "%s/t_recover.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(workdir))
		return 1;
	snprintf(image, sizeof(image), "%s/img", workdir);
	snprintf(saved, sizeof(saved), "%s/saved", workdir);
	for (i = 1; i < argc; i++)
		foreign(argv[i]);
	if (argc > 1) {
		host_sh("rm -rf %s", workdir);
		return host_test_exit();
	}
	if (getenv("ONLY")) {
		unsigned int which;
		unsigned long long nth, pseed;
		unsigned long long lseed;

		if (sscanf(getenv("ONLY"), "%u,%llu,%llu,%llu", &which, &lseed, &nth, &pseed) != 4 ||
		    which >= ARRAY_SIZE(profiles) || make_volume(&profiles[which]))
			return 1;
		profile = &profiles[which];
		load_ops = getenv("LONG") ? LONG_LOAD_OPS : LOAD_OPS;
		load_seed = lseed;
		host_test_begin(getenv("ONLY"));
		if (getenv("SHUT"))
			begin_shutdowns(lseed);
		(getenv("SHUT") ? shutdown_point : crash_point)(nth, pseed, true);
		host_kill_world();
		host_test_end();
		host_sh("rm -rf %s", workdir);
		return host_test_exit();
	}
	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		if (getenv("PROFILE") && atoi(getenv("PROFILE")) != i)
			continue;
		if (make_volume(&profiles[i])) {
			printf("not ok %s # mkfs.xfs failed\n", profiles[i].name);
			host_tests_failed++;
			continue;
		}
		if (getenv("SHUT")) {
			shutdowns(&profiles[i], points, seed + i);
			continue;
		}
		crashes(&profiles[i], points, seed + i, false);
		shutdowns(&profiles[i], points / 2, seed + i);
		if (i != 1)
			crashes(&profiles[i], points / 6 + 1, seed + i, true);
		if (i < 2)
			damaged_logs(&profiles[i], points, seed + i);
	}
	if (dev)
		host_dev_close(dev);
	host_sh("rm -rf %s", workdir);
	return host_test_exit();
}
