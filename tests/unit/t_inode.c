// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inodes and the namespace over volumes that mkfs.xfs made: names come and go by the
 * thousand, everything is looked up again after a remount, and xfs_repair finds nothing.
 *
 * Environment: T_PROFILE=n one volume only; T_SEEDS, T_CRASHES how many runs; T_OPS steps of
 * each user; T_FAULT_STEP=n fail every nth allocation and I/O, 1 for all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_inode.h"
#include "dx_walk.h"
#include "dx_inode_item.h"
#include "dx_dir.h"
#include "dx_bmap.h"

static char workdir[256], image[300], saved[300];
static struct dx_bdev *dev;

static const struct profile { const char *name, *mkfs; } profiles[] = {
	{ "4.19 features",	"-m reflink=0,bigtime=0,inobtcount=0,crc=1,finobt=1 -i sparse=1" },
	{ "6.1 defaults",	"-m reflink=1,bigtime=1,inobtcount=1,finobt=1 -i sparse=1" },
	{ "1 KiB blocks",	"-b size=1024 -m reflink=0,bigtime=1,inobtcount=1 -i sparse=1" },
	{ "no finobt, no sparse inodes, 2 KiB inodes", "-m reflink=0,bigtime=0,inobtcount=0,finobt=0 -i sparse=0,size=2048" },
	{ "64 KiB directory blocks, large extent counters", "-n size=65536 -m reflink=0,bigtime=1,inobtcount=1 -i nrext64=1" },
};

/* ---- plumbing ---- */

static int make_volume(const struct profile *p)
{
	int error;

	if (dev)
		host_dev_close(dev);
	dev = NULL;
	error = host_sh("rm -f %s %s; truncate -s 320M %s && mkfs.xfs -q -f %s %s", saved, image, image, p->mkfs, image);
	if (error)
		return -EIO;
	dev = host_dev_open(image);
	return dev ? 0 : -EIO;
}

static bool repair_clean(void) { return host_repair_clean(dev, saved); }

static struct dx_mount *do_mount(void) { return uv_mount_dev(dev, NULL, NULL); }

static struct dx_name mkname(char *buf, const char *fmt, int i, u8 ftype)
{
	struct dx_name n = { .name = (const u8 *)buf, .ftype = ftype };

	n.len = sprintf(buf, fmt, i);
	return n;
}

static int make(struct dx_inode *dp, const char *fmt, int i, umode_t mode, struct dx_inode **ipp)
{
	struct dx_create_args a = { .mode = mode, .uid = 1000 + i, .gid = 7, .rdev = S_ISCHR(mode) ? 0x40003 : 0 };
	struct dx_inode *ip;
	char buf[300];
	struct dx_name n = mkname(buf, fmt, i, dx_mode_to_ftype(mode));
	int error;

	a.init_xattrs = i % 3 == 1;
	error = dx_create(dp, &n, &a, &ip);
	if (error)
		return error;
	if (ipp)
		*ipp = ip;
	else
		dx_idrop(ip);
	return 0;
}

static int get(struct dx_inode *dp, const char *fmt, int i, struct dx_inode **ipp)
{
	char buf[300];
	struct dx_name n = mkname(buf, fmt, i, 0);
	dx_ino_t ino;
	int error;

	error = dx_lookup(dp, &n, &ino, NULL);
	return error ? error : dx_iget(dp->mp, NULL, ino, 0, ipp);
}

static int zap(struct dx_inode *dp, const char *fmt, int i)
{
	char buf[300];
	struct dx_name n = mkname(buf, fmt, i, 0);
	struct dx_inode *ip;
	int error;

	error = get(dp, fmt, i, &ip);
	if (error)
		return error;
	error = dx_remove(dp, &n, ip);
	dx_idrop(ip);
	return error;
}

static int mv(struct dx_inode *sdp, const char *sfmt, int i, struct dx_inode *tdp, const char *tfmt, int j, u32 flags)
{
	struct dx_create_args wa = { .mode = S_IFCHR };
	struct dx_inode *sip, *tip = NULL, *wip = NULL;
	char sbuf[300], tbuf[300];
	struct dx_name s = mkname(sbuf, sfmt, i, 0), t = mkname(tbuf, tfmt, j, 0);
	int error;

	error = get(sdp, sfmt, i, &sip);
	if (error)
		return error;
	error = get(tdp, tfmt, j, &tip);
	if (error == -ENOENT)
		error = 0;
	if (!error && (flags & DX_RENAME_WHITEOUT))
		error = dx_create_tmpfile(sdp, &wa, &wip);
	if (!error)
		error = dx_rename(sdp, &s, sip, tdp, &t, tip, wip, flags);
	if (wip)
		dx_idrop(wip);
	dx_idrop(sip);
	if (tip)
		dx_idrop(tip);
	return error;
}

static int count_fn(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	(void)mp;
	(void)ino;
	++*(int *)data;
	return 0;
}

static int inodes_in_use(struct dx_mount *mp)
{
	int n = 0;

	CHECK(!dx_inobt_walk(mp, 0, count_fn, &n));
	return n;
}

/* ---- scenarios ---- */

#define NFILES	2500
#define SEED_LINKS	200

static const char * const long_target = "a/rather/long/target/that/does/not/fit/into/the/literal/area/of/an/inode/of/512/bytes/"
	"................................................................................................................"
	"................................................................................................................"
	"................................................................................................................"
	"................................................................................................................";

static int populate(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_create_args la = { .mode = S_IFLNK | 0777 };
	struct dx_inode *root, *d, *sub, *ip;
	struct dx_name n;
	char buf[300];
	int i;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	root = mp->rootip;
	CHECK(!make(root, "dir%d", 0, S_IFDIR | 0755, &d));
	CHECK(!make(root, "sub%d", 0, S_IFDIR | 0755, &sub));
	CHECK_EQ(root->d.nlink, 4 + 0);
	for (i = 0; i < NFILES; i++) {
		if (!CHECK(!make(d, "file-%d", i, S_IFREG | 0644, NULL)))
			break;
	}
	for (i = 0; i < 50; i++) {
		CHECK(!make(sub, "dir-%d", i, S_IFDIR | 0700, NULL));
		CHECK(!make(sub, "chr-%d", i, S_IFCHR | 0600, NULL));
		CHECK(!make(sub, "fifo-%d", i, S_IFIFO | 0600, NULL));
	}
	CHECK_EQ(sub->d.nlink, 52);
	for (i = 0; i < SEED_LINKS; i++) {
		CHECK(!get(d, "file-%d", i, &ip));
		n = mkname(buf, "link-%d", i, DX_DIR3_FT_REG_FILE);
		CHECK(!dx_link(sub, ip, &n));
		CHECK_EQ(ip->d.nlink, 2);
		dx_idrop(ip);
	}
	for (i = 0; i < 100; i++) {
		n = mkname(buf, "sym-%d", i, DX_DIR3_FT_SYMLINK);
		la.init_xattrs = i % 4 == 3;
		CHECK(!dx_symlink(sub, &n, i & 1 ? long_target : "short", &la, &ip));
		dx_idrop(ip);
	}
	dx_idrop(d);
	dx_idrop(sub);
	CHECK(!uv_umount(mp));
	return 0;
}

static int check_and_shuffle(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_inode *root, *d, *sub, *ip;
	char target[DX_SYMLINK_MAXLEN + 1];
	int i;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	root = mp->rootip;
	CHECK(!get(root, "dir%d", 0, &d));
	CHECK(!get(root, "sub%d", 0, &sub));
	for (i = 0; i < NFILES; i++) {
		if (!CHECK(!get(d, "file-%d", i, &ip)))
			break;
		CHECK_EQ(ip->d.mode, S_IFREG | 0644);
		CHECK_EQ(ip->d.uid, 1000 + i);
		CHECK_EQ(ip->d.nlink, i < SEED_LINKS ? 2 : 1);
		dx_idrop(ip);
	}
	for (i = 0; i < 100; i++) {
		CHECK(!get(sub, "sym-%d", i, &ip));
		CHECK_EQ(dx_readlink(ip, target), strlen(i & 1 ? long_target : "short"));
		CHECK(!strcmp(target, i & 1 ? long_target : "short"));
		dx_idrop(ip);
	}
	CHECK(!get(sub, "chr-%d", 7, &ip));
	CHECK_EQ(ip->d.rdev, 0x40003);
	dx_idrop(ip);

	/* plain, across directories, over files, directories over empty and full ones, exchange */
	CHECK(!mv(d, "file-%d", 300, d, "moved-%d", 300, 0));
	CHECK(!mv(d, "file-%d", 301, sub, "moved-%d", 301, 0));
	CHECK(!mv(d, "file-%d", 302, d, "file-%d", 303, 0));
	CHECK(!mv(d, "file-%d", 304, sub, "link-%d", 0, 0));
	CHECK(!mv(sub, "dir-%d", 0, d, "dir-%d", 0, 0));
	CHECK_EQ(sub->d.nlink, 51);
	CHECK_EQ(d->d.nlink, 3);
	CHECK(!mv(sub, "dir-%d", 1, sub, "dir-%d", 2, 0));
	CHECK_EQ(sub->d.nlink, 50);
	CHECK(!mv(sub, "dir-%d", 3, d, "dir-%d", 0, 0));
	CHECK_EQ(sub->d.nlink, 49);
	CHECK_EQ(d->d.nlink, 3);
	CHECK_EQ(mv(sub, "dir-%d", 4, root, "dir%d", 0, 0), -EEXIST);
	CHECK_EQ(mv(d, "file-%d", 305, d, "file-%d", 306, DX_RENAME_NOREPLACE), -EEXIST);
	CHECK(!mv(d, "file-%d", 305, sub, "dir-%d", 5, DX_RENAME_EXCHANGE));
	CHECK_EQ(sub->d.nlink, 48);
	CHECK_EQ(d->d.nlink, 4);
	CHECK(!mv(d, "file-%d", 305, root, "d%d", 5, 0));
	/* a whiteout takes the old name: in place of a file, of nothing, and of a directory */
	for (i = 307; i < 310; i++) {
		struct dx_inode *wip;

		if (i < 309)
			CHECK(!mv(d, "file-%d", i, d, i == 307 ? "file-%d" : "x%d", 320, DX_RENAME_WHITEOUT));
		else
			CHECK(!mv(d, "dir-%d", 0, root, "moved%d", 0, DX_RENAME_WHITEOUT));
		if (CHECK(!get(d, i < 309 ? "file-%d" : "dir-%d", i < 309 ? i : 0, &wip))) {
			CHECK(S_ISCHR(wip->d.mode) && !wip->d.rdev && wip->d.nlink == 1);
			dx_idrop(wip);
		}
		CHECK(!zap(d, i < 309 ? "file-%d" : "dir-%d", i < 309 ? i : 0));
		if (i == 308)
			CHECK(!zap(d, "x%d", 320));
		if (i == 309)
			CHECK(!mv(root, "moved%d", 0, d, "dir-%d", 0, 0));
	}
	CHECK_EQ(d->d.nlink, 3);
	CHECK_EQ(mv(d, "file-%d", 310, d, "file-%d", 311, DX_RENAME_WHITEOUT | DX_RENAME_EXCHANGE), -EINVAL);
	CHECK_EQ(zap(root, "sub%d", 0), -ENOTEMPTY);

	dx_idrop(d);
	dx_idrop(sub);
	CHECK(!uv_umount(mp));
	return 0;
}

static int remove_all(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_inode *root, *d, *sub;
	int i, before;
	struct dx_statfs st;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	root = mp->rootip;
	before = inodes_in_use(mp);
	CHECK(!get(root, "dir%d", 0, &d));
	CHECK(!get(root, "sub%d", 0, &sub));
	for (i = NFILES - 1; i >= 0; i--) {
		int error = zap(d, "file-%d", i);

		if (i == 305 || (i >= 300 && i <= 302) || i == 304 || i == 307 || i == 308)
			CHECK_EQ(error, -ENOENT);
		else
			CHECK_EQ(error, 0);
	}
	CHECK(!zap(d, "moved-%d", 300));
	CHECK(!zap(sub, "moved-%d", 301));
	CHECK(!zap(d, "dir-%d", 0));
	CHECK(!zap(root, "d%d", 5));
	for (i = 0; i < 50; i++) {
		int error = zap(sub, "dir-%d", i);

		CHECK_EQ(error, i == 0 || i == 1 || i == 3 ? -ENOENT : 0);
		CHECK(!zap(sub, "chr-%d", i));
		CHECK(!zap(sub, "fifo-%d", i));
	}
	for (i = 0; i < SEED_LINKS; i++)
		CHECK(!zap(sub, "link-%d", i));
	for (i = 0; i < 100; i++)
		CHECK(!zap(sub, "sym-%d", i));
	CHECK_EQ(d->d.nlink, 2);
	CHECK_EQ(sub->d.nlink, 2);
	dx_idrop(d);
	dx_idrop(sub);
	CHECK(!zap(root, "dir%d", 0));
	CHECK(!zap(root, "sub%d", 0));
	CHECK_EQ(root->d.nlink, 2);
	dx_icache_flush_inactive(mp);
	printf("# inodes in use: %d, then %d\n", before, inodes_in_use(mp));
	CHECK_EQ(inodes_in_use(mp), 3);		/* root and the two realtime ones */
	dx_mount_statfs(mp, &st);
	CHECK(!uv_umount(mp));
	return 0;
}

/* Numbers are used again and again, with the old inode still in core or not. */
static int churn(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_inode *d;
	int i, round;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK(!make(mp->rootip, "churn%d", 0, S_IFDIR | 0755, &d));
	for (round = 0; round < 6; round++) {
		for (i = 0; i < 400; i++)
			CHECK(!make(d, "f%d", i, S_IFREG | 0600, NULL));
		if (round & 1)
			CHECK(!dx_log_force(mp, true));
		if (round == 3)
			dx_icache_scan(mp, 100000);
		for (i = 0; i < 400; i++)
			CHECK(!zap(d, "f%d", i));
		if (round & 2)
			dx_icache_flush_inactive(mp);
	}
	dx_idrop(d);
	CHECK(!zap(mp->rootip, "churn%d", 0));
	CHECK(!uv_umount(mp));
	return 0;
}

#define NTMP	300

/* Unlinked and still in use when the power goes: half of them removed from the middle of their lists before. */
static int leave_unlinked(void *arg)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_mount *mp = do_mount();
	struct dx_inode *ips[NTMP];
	struct dx_name n;
	char buf[64];
	int i;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	for (i = 0; i < NTMP; i++)
		CHECK(!dx_create_tmpfile(mp->rootip, &a, &ips[i]));
	for (i = 0; i < NTMP; i += 2)
		dx_idrop(ips[i]);
	n = mkname(buf, "kept%d", 0, DX_DIR3_FT_REG_FILE);
	CHECK(!dx_link(mp->rootip, ips[1], &n));
	dx_icache_flush_inactive(mp);
	CHECK(!dx_log_force(mp, true));
	return 0;	/* the world ends here, the mount with it */
}

static int find_them_gone(void *arg)
{
	struct dx_mount *mp = do_mount();

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK_EQ(inodes_in_use(mp), 4);
	CHECK(!zap(mp->rootip, "kept%d", 0));
	CHECK(!uv_umount(mp));
	return 0;
}

/*
 * ---- several users at once ----
 *
 * Each fiber has a directory of its own and all have one in common.  A model says which
 * names there are and what they name; a mutex stands for the common
 * directory's i_rwsem.
 */
#define NUSERS	4
#define NNAMES	60
#define NHELD	8

struct m_inode { int links; umode_t mode; };
struct m_name { bool there, common; int inode; };
struct user {
	int id;
	struct dx_mount *mp;
	struct dx_inode *own, *common;
	struct mutex *common_mutex;
	int nops;
	struct m_name names[NNAMES];
	struct m_inode inodes[NNAMES];		/* index: name that made it; links 0 = free */
	struct dx_inode *held[NHELD];
};
static struct user users[NUSERS];
static int stress_ops = 400;		/* for each user; T_OPS */

static struct dx_inode *where(struct user *u, bool common)
{
	return common ? u->common : u->own;
}

static int pick_name(struct user *u, bool there)
{
	int start = host_random() % NNAMES, i;

	for (i = 0; i < NNAMES; i++) {
		int n = (start + i) % NNAMES;

		/* a name whose inode slot is still linked elsewhere cannot make a new one */
		if (u->names[n].there == there && (there || !u->inodes[n].links))
			return n;
	}
	return -1;
}

static char *fmt_of(struct user *u, char *buf)
{
	sprintf(buf, "u%d-%s", u->id, "a-name-that-is-long-enough-to-need-blocks-%d");
	return buf;
}

/* i_rwsem of the common directory, when @yes */
static void enter(struct user *u, bool yes)
{
	if (yes)
		mutex_lock(u->common_mutex);
}

static int leave(struct user *u, bool yes, int error)
{
	if (yes)
		mutex_unlock(u->common_mutex);
	return error;
}

static int op_create(struct user *u)
{
	static const umode_t modes[] = { S_IFREG | 0644, S_IFREG | 0600, S_IFDIR | 0755, S_IFCHR | 0600, S_IFLNK | 0777 };
	umode_t mode = modes[host_random() % ARRAY_SIZE(modes)];
	int n = pick_name(u, false), error;
	bool common = host_random() & 1;
	struct dx_create_args la = { .mode = mode, .init_xattrs = host_random() & 1 };
	struct dx_inode *ip = NULL;
	char fmt[80], buf[300];
	struct dx_name name;

	if (n < 0)
		return 0;
	enter(u, common);
	if (S_ISLNK(mode)) {
		name = mkname(buf, fmt_of(u, fmt), n, DX_DIR3_FT_SYMLINK);
		error = dx_symlink(where(u, common), &name, host_random() & 1 ? long_target : "x", &la, &ip);
		if (!error)
			dx_idrop(ip);
	} else {
		error = make(where(u, common), fmt_of(u, fmt), n, mode, NULL);
	}
	leave(u, common, 0);
	if (error)
		return error;
	u->names[n] = (struct m_name){ true, common, n };
	u->inodes[n] = (struct m_inode){ 1, mode };
	return 0;
}

static int op_remove(struct user *u)
{
	int n = pick_name(u, true), error;
	char fmt[80];

	if (n < 0)
		return 0;
	enter(u, u->names[n].common);
	error = leave(u, u->names[n].common, zap(where(u, u->names[n].common), fmt_of(u, fmt), n));
	if (error)
		return error;
	u->inodes[u->names[n].inode].links--;
	u->names[n].there = false;
	return 0;
}

static int op_link(struct user *u)
{
	int from = pick_name(u, true), to = pick_name(u, false), error;
	char fmt[80], buf[300];
	struct dx_inode *ip;
	struct dx_name name;
	bool common = host_random() & 1;

	if (from < 0 || to < 0 || S_ISDIR(u->inodes[u->names[from].inode].mode))
		return 0;
	error = get(where(u, u->names[from].common), fmt_of(u, fmt), from, &ip);
	if (error)
		return error;
	name = mkname(buf, fmt, to, dx_mode_to_ftype(ip->d.mode));
	enter(u, common);
	error = leave(u, common, dx_link(where(u, common), ip, &name));
	dx_idrop(ip);
	if (error)
		return error;
	u->names[to] = (struct m_name){ true, common, u->names[from].inode };
	u->inodes[u->names[to].inode].links++;
	return 0;
}

static int op_rename(struct user *u)
{
	int from = pick_name(u, true), to = pick_name(u, host_random() & 1), error;
	char fmt[80];
	struct m_name old;
	bool exchange, common, locked;

	if (from < 0 || to < 0 || from == to)
		return 0;
	common = u->names[to].there ? u->names[to].common : host_random() & 1;
	exchange = u->names[to].there && host_random() & 1;
	if (u->names[to].there && u->names[to].inode == u->names[from].inode)
		return 0;
	if (u->names[to].there && !exchange &&
	    S_ISDIR(u->inodes[u->names[to].inode].mode) != S_ISDIR(u->inodes[u->names[from].inode].mode))
		return 0;
	locked = common || u->names[from].common;
	enter(u, locked);
	error = leave(u, locked, mv(where(u, u->names[from].common), fmt_of(u, fmt), from, where(u, common), fmt, to,
				    exchange ? DX_RENAME_EXCHANGE : 0));
	if (error)
		return error;
	old = u->names[to];
	u->names[to] = (struct m_name){ true, common, u->names[from].inode };
	if (exchange) {
		u->names[from].inode = old.inode;
		return 0;
	}
	u->names[from].there = false;
	if (old.there)
		u->inodes[old.inode].links--;
	return 0;
}

static int op_tmpfile(struct user *u)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	int i = host_random() % NHELD;

	if (u->held[i]) {
		dx_idrop(u->held[i]);
		u->held[i] = NULL;
		return 0;
	}
	return dx_create_tmpfile(u->own, &a, &u->held[i]);
}

static int op_setattr(struct user *u)
{
	int n = pick_name(u, true), error;
	struct dx_setattr sa = { .valid = DX_ATTR_UID | DX_ATTR_MTIME, .uid = 5 };
	struct dx_inode *ip;
	char fmt[80];

	if (n < 0)
		return 0;
	error = get(where(u, u->names[n].common), fmt_of(u, fmt), n, &ip);
	if (error)
		return error;
	error = dx_setattr_nosize(ip, &sa, !(host_random() % 16));
	if (!error && !(host_random() % 16))
		error = dx_inode_log_force(ip, host_random() & 1);
	dx_idrop(ip);
	return error;
}

static int op_pressure(struct user *u)
{
	switch (host_random() % 4) {
	case 0:
		dx_icache_scan(u->mp, 50);
		break;
	case 1:
		dx_buf_cache_scan(u->mp, 20);
		break;
	case 2:
		return dx_log_force(u->mp, host_random() & 1);
	case 3:
		dx_ail_push(u->mp, dx_ail_min_lsn(u->mp));
		break;
	}
	return 0;
}

static int user_fiber(void *arg)
{
	static int (* const ops[])(struct user *) = {
		op_create, op_create, op_create, op_remove, op_remove, op_link, op_rename, op_rename, op_tmpfile,
		op_setattr, op_pressure,
	};
	struct user *u = arg;
	int i, error = 0;

	for (i = 0; i < u->nops && !error; i++) {
		int op = host_random() % ARRAY_SIZE(ops);

		error = ops[op](u);
		if (error)
			printf("  user %d, step %d, operation %d: %d\n", u->id, i, op, error);
	}
	for (i = 0; i < NHELD; i++)
		if (u->held[i])
			dx_idrop(u->held[i]);
	return error;
}

static int check_users(struct dx_mount *mp)
{
	char fmt[80];
	int i, n, want = 4 + NUSERS;

	for (i = 0; i < NUSERS; i++) {
		struct user *u = &users[i];

		CHECK(!get(mp->rootip, "own%d", i, &u->own));
		CHECK(!get(mp->rootip, "common%d", 0, &u->common));
		for (n = 0; n < NNAMES; n++) {
			const struct m_name *m = &u->names[n];
			struct dx_inode *ip;
			int error = get(where(u, m->common), fmt_of(u, fmt), n, &ip);

			want += u->inodes[n].links > 0;
			CHECK_EQ(error, m->there ? 0 : -ENOENT);
			if (error || !m->there)
				continue;
			CHECK_EQ(ip->d.mode & S_IFMT, u->inodes[m->inode].mode & S_IFMT);
			CHECK_EQ(ip->d.nlink, S_ISDIR(ip->d.mode) ? 2 : u->inodes[m->inode].links);
			dx_idrop(ip);
		}
		dx_idrop(u->own);
		dx_idrop(u->common);
	}
	dx_icache_flush_inactive(mp);
	CHECK_EQ(inodes_in_use(mp), want);
	return 0;
}

static int stress_fiber(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct host_fiber *f[NUSERS];
	struct mutex common_mutex;
	struct dx_inode *common;
	int i, error = 0;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	memset(users, 0, sizeof(users));
	host_set_preempt(20);
	CHECK(!make(mp->rootip, "common%d", 0, S_IFDIR | 0755, &common));
	mutex_init(&common_mutex);
	for (i = 0; i < NUSERS; i++) {
		struct user *u = &users[i];

		u->id = i;
		u->mp = mp;
		u->common = common;
		u->common_mutex = &common_mutex;
		u->nops = stress_ops;
		CHECK(!make(mp->rootip, "own%d", i, S_IFDIR | 0755, &u->own));
	}
	for (i = 0; i < NUSERS; i++)
		f[i] = host_spawn(user_fiber, &users[i], "user");
	for (i = 0; i < NUSERS; i++)
		error |= host_join(f[i]);
	for (i = 0; i < NUSERS; i++)
		dx_idrop(users[i].own);
	dx_idrop(common);
	if (CHECK_EQ(error, 0))
		check_users(mp);
	CHECK(!uv_umount(mp));
	return 0;
}

static int stress_again(void *arg)
{
	struct dx_mount *mp = do_mount();

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	check_users(mp);
	CHECK(!uv_umount(mp));
	return 0;
}

static int just_mount(void *arg)
{
	struct dx_mount *mp = do_mount();

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK(!uv_umount(mp));
	return 0;
}

/* ---- trees of a project ---- */

static int in_project(struct dx_inode *dp, const char *name, umode_t mode, u32 projid, struct dx_inode **ipp)
{
	struct dx_create_args a = { .mode = mode, .projid = projid };
	char buf[300];
	struct dx_name n = mkname(buf, name, 0, dx_mode_to_ftype(mode));

	return dx_create(dp, &n, &a, ipp);
}

static int make_project(struct dx_mount *mp, struct dx_inode **ipp)
{
	struct dx_trans *tp;
	int error = in_project(mp->rootip, "tree", S_IFDIR | 0755, 101, ipp) ?: dx_trans_alloc(mp, DX_RESV_ICHANGE, 0, 0, &tp);

	if (error)
		return error;
	dx_ilock(*ipp, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, *ipp, DX_ILOCK_EXCL);
	(*ipp)->d.flags |= DX_DIFLAG_PROJINHERIT;
	dx_trans_log_inode(tp, *ipp, DX_ILOG_CORE);
	return dx_trans_commit(tp);
}

/* As xfs_quota's "project -s" leaves it where it changes files and directories only: was there, and is without a project. */
static int plain_in_tree(struct dx_inode *tree, const char *name, umode_t mode, u32 projid, struct dx_inode **ipp)
{
	struct dx_setattr sa = { .valid = DX_ATTR_PROJID, .projid = projid };

	return in_project(tree, name, mode, 0, ipp) ?: dx_setattr_nosize(*ipp, &sa, false);
}

static int projects(void *arg)
{
	static const struct { umode_t mode; u32 projid; int error; } kinds[] = {
		{ S_IFIFO | 0600, 0 }, { S_IFSOCK | 0600, 0 }, { S_IFCHR | 0600, 0 }, { S_IFBLK | 0600, 0 },
		{ S_IFIFO | 0600, 102, -EXDEV }, { S_IFCHR, 102, -EXDEV },
		{ S_IFREG | 0600, 0, -EXDEV }, { S_IFREG | 0600, 101 },
	};
	struct dx_inode *tree, *in, *out, *outdir, *ip;
	char b1[300], b2[300];
	struct dx_mount *mp = do_mount();
	unsigned int i;

	(void)arg;
	if (!CHECK(mp) || !CHECK_EQ(make_project(mp, &tree), 0))
		return -EIO;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		u8 ft = dx_mode_to_ftype(kinds[i].mode);
		struct dx_name n = mkname(b1, "kind", 0, ft), more = mkname(b2, "more", 0, ft);
		int want = kinds[i].error;

		if (!CHECK_EQ(plain_in_tree(tree, "kind", kinds[i].mode, kinds[i].projid, &ip), 0))
			break;
		CHECK_EQ(dx_rename(tree, &n, ip, tree, &more, NULL, NULL, 0), want);
		if (!want)
			CHECK_EQ(dx_link(tree, ip, &n), 0);
		else
			CHECK_EQ(dx_link(tree, ip, &more), want);
		CHECK_EQ(dx_remove(tree, &n, ip), 0);
		if (!want)
			CHECK_EQ(dx_remove(tree, &more, ip), 0);
		dx_idrop(ip);
	}

	/* nothing foreign comes in, whichever of the two names was the first */
	CHECK_EQ(in_project(tree, "in", S_IFREG | 0600, 101, &in), 0);
	CHECK_EQ(in_project(mp->rootip, "out", S_IFREG | 0600, 0, &out), 0);
	CHECK_EQ(in_project(mp->rootip, "outdir", S_IFDIR | 0700, 0, &outdir), 0);
	for (i = 0; i < 2; i++) {
		struct dx_inode *foreign = i ? outdir : out;
		struct dx_name ni = mkname(b1, "in", 0, dx_mode_to_ftype(foreign->d.mode));
		struct dx_name no = mkname(b2, i ? "outdir" : "out", 0, DX_DIR3_FT_REG_FILE);

		CHECK_EQ(dx_rename(tree, &ni, in, mp->rootip, &no, foreign, NULL, DX_RENAME_EXCHANGE), -EXDEV);
		CHECK_EQ(dx_rename(mp->rootip, &no, foreign, tree, &ni, in, NULL, DX_RENAME_EXCHANGE), -EXDEV);
		CHECK_EQ(foreign->d.nlink, 1 + i);
	}
	dx_idrop(in);
	dx_idrop(out);
	dx_idrop(outdir);
	CHECK(!zap(tree, "in", 0) && !zap(mp->rootip, "out", 0) && !zap(mp->rootip, "outdir", 0));
	dx_idrop(tree);
	CHECK(!zap(mp->rootip, "tree", 0));
	CHECK(!uv_umount(mp));
	return 0;
}

/* ---- numbers from outside, of what is being made ---- */

#define GUESSED	16
static struct { dx_ino_t ino[GUESSED]; u32 gen[GUESSED]; int n; bool done; } guess;
static u32 guess_whole, guess_stale;

/* Its numbers come again and again. */
static int make_and_remove(void *arg)
{
	static const umode_t modes[] = { S_IFDIR | 0700, S_IFLNK | 0777, S_IFREG | 04755 };
	struct dx_create_args la = { .mode = S_IFLNK | 0777, .uid = 1000 };
	struct dx_mount *mp = arg;
	int i, k, error = 0;

	for (i = 0; i < 400 && !error; i++) {
		umode_t mode = modes[i % ARRAY_SIZE(modes)];
		struct dx_inode *ip;
		char buf[300];
		struct dx_name n = mkname(buf, "guessed%d", 0, dx_mode_to_ftype(mode));

		error = S_ISLNK(mode) ? dx_symlink(mp->rootip, &n, long_target, &la, &ip) :
					make(mp->rootip, "guessed%d", 0, mode, &ip);
		if (!CHECK_EQ(error, 0))
			break;
		for (k = 0; k < guess.n && guess.ino[k] != ip->ino; k++)
			;
		if (k < GUESSED) {
			guess.ino[k] = ip->ino;
			guess.gen[k] = ip->d.gen;
			guess.n = max(guess.n, k + 1);
		}
		error = dx_remove(mp->rootip, &n, ip);
		dx_idrop(ip);
		if (i % 4 == 3)
			dx_icache_flush_inactive(mp);
		if (i % 16 == 15)
			dx_icache_scan(mp, 100);
	}
	guess.done = true;
	return error;
}

static void check_whole(const struct dx_inode *ip)
{
	bool dir = S_ISDIR(ip->d.mode);

	CHECK_EQ(ip->d.uid, 1000);
	CHECK_EQ(ip->d.mode & 0700, 0700);
	CHECK(!ip->d.nlink || ip->d.nlink == 1u + dir);
	if (dir)
		CHECK(ip->d.size);
	if (S_ISLNK(ip->d.mode))
		CHECK_EQ(ip->d.size, strlen(long_target));
	guess_whole++;
}

static int look_at_guesses(void *arg)
{
	struct dx_mount *mp = arg;
	struct dx_inode *ip;

	while (!guess.done && !host_checks_failed) {
		int k = host_random() % GUESSED, error;
		u32 gen = guess.gen[k];

		if (k < guess.n) {
			bool any = host_random() & 1;

			error = dx_iget_shared(mp, guess.ino[k], DX_IGET_UNTRUSTED, any ? NULL : &gen, &ip);
			if (!error) {
				CHECK(any || ip->d.gen == gen);
				check_whole(ip);
				dx_iunlock(ip, DX_ILOCK_SHARED);
				dx_idrop(ip);
			} else if (error != -EINVAL) {
				CHECK_EQ(error, -ENOENT);
				guess_stale++;
			}
		}
		host_yield();
	}
	return 0;
}

static int guess_numbers(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct host_fiber *maker, *looker;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	memset(&guess, 0, sizeof(guess));
	guess_whole = guess_stale = 0;
	host_set_preempt(20);
	maker = host_spawn(make_and_remove, mp, "maker");
	looker = host_spawn(look_at_guesses, mp, "looker");
	CHECK_EQ(host_join(maker), 0);
	CHECK_EQ(host_join(looker), 0);
	CHECK(guess_whole > 20 && guess_stale > 20);
	CHECK(!uv_umount(mp));
	return 0;
}

static void stress(const struct profile *p, int seeds)
{
	int seed;

	for (seed = 1; seed <= seeds; seed++) {
		char name[128];

		host_dev_reset(dev);
		snprintf(name, sizeof(name), "%d users at once, seed %d (%s)", NUSERS, seed, p->name);
		host_test(name, seed, stress_fiber, NULL);
		snprintf(name, sizeof(name), "... all there after a remount, seed %d (%s)", seed, p->name);
		host_test(name, seed, stress_again, NULL);
		host_test_begin("... and xfs_repair finds nothing");
		CHECK(repair_clean());
		host_test_end();
	}
}

/* Cut the power somewhere in the middle of all that. */
static void stress_crash(const struct profile *p, int seeds)
{
	struct host_dev_counts c;
	int seed, bad = 0;
	u64 writes;

	host_dev_reset(dev);
	host_init(7);
	host_run(stress_fiber, NULL);
	host_kill_world();
	host_dev_counts(dev, &c);
	writes = c.writes;
	printf("# %llu writes\n", (unsigned long long)writes);

	host_test_begin("a crash anywhere among several users leaves a consistent volume");
	for (seed = 1; seed <= seeds && bad < 3; seed++) {
		int ret, before = host_checks_failed;

		host_dev_reset(dev);
		host_init(seed);
		host_dev_crash_at(dev, 1 + (seed * 2654435761u) % writes, seed & 1 ? HOST_CRASH_SUBMIT : HOST_CRASH_COMPLETE);
		ret = host_run(stress_fiber, NULL);
		host_kill_world();
		host_dev_crash_at(dev, 0, HOST_CRASH_SUBMIT);
		host_dev_crash(dev, seed % HOST_CRASH_MODES, seed);
		host_init(seed + 1);
		ret = host_run(just_mount, NULL);
		host_kill_world();
		CHECK(!ret);
		CHECK(repair_clean());
		if (host_checks_failed != before) {
			printf("  crash seed %d (%s)\n", seed, p->name);
			bad++;
		}
	}
	host_test_end();
}

/*
 * ---- the Nth allocation or I/O fails ----
 *
 * Whatever happens, nothing warns, hangs or leaks, and the volume can be recovered.
 */
static struct fault { const char *what; bool alloc, all_after; unsigned int io; unsigned long nth; } fault;
static bool fault_fired;

static int few_operations(void *arg)
{
	struct dx_mount *mp = kzalloc(sizeof(*mp), GFP_KERNEL);
	struct dx_create_args la = { .mode = S_IFLNK | 0777 }, ta = { .mode = S_IFREG | 0600 };
	struct dx_inode *d = NULL, *tmp = NULL, *ip;
	struct host_dev_counts before, after;
	struct dx_name n;
	char buf[64];
	int i;

	(void)arg;
	if (!mp)
		return 0;
	host_dev_counts(dev, &before);
	mp->bdev = dev;
	if (fault.alloc)
		host_fail_alloc_nth(fault.nth);
	else
		host_dev_fail(dev, fault.io, fault.nth, fault.all_after, -EIO);
	if (dx_mount_open(mp))
		goto out;
	make(mp->rootip, "d%d", 0, S_IFDIR | 0755, &d);
	if (d) {
		for (i = 0; i < 70; i++)
			make(d, "a-somewhat-longer-name-%d", i, S_IFREG | 0644, NULL);
		for (i = 0; i < 10; i++) {
			n = mkname(buf, "s%d", i, DX_DIR3_FT_SYMLINK);
			if (!dx_symlink(d, &n, long_target, &la, &ip))
				dx_idrop(ip);
		}
		dx_log_force(mp, true);
		dx_ail_push(mp, dx_ail_min_lsn(mp));
		if (!dx_create_tmpfile(d, &ta, &tmp))
			dx_idrop(tmp);
		for (i = 0; i < 70; i += 3)
			mv(d, "a-somewhat-longer-name-%d", i, d, "b-%d", i, 0);
		dx_icache_scan(mp, 1000);
		dx_buf_cache_scan(mp, 1000);
		for (i = 0; i < 70; i++)
			zap(d, "a-somewhat-longer-name-%d", i);
		for (i = 0; i < 10; i++)
			zap(d, "s%d", i);
		dx_idrop(d);
	}
	dx_mount_close(mp);
out:
	host_dev_counts(dev, &after);
	fault_fired = fault.alloc ? host_alloc_failed() : after.failed != before.failed;
	host_fail_alloc_nth(0);
	host_dev_fail_none(dev);
	kfree(mp);
	return 0;
}

static void faults(const struct profile *p, unsigned long step)
{
	static const struct fault kinds[] = {
		{ .what = "allocation", .alloc = true },
		{ .what = "read", .io = HOST_FAIL_READ },
		{ .what = "write", .io = HOST_FAIL_WRITE },
		{ .what = "write, and all after it,", .io = HOST_FAIL_WRITE, .all_after = true },
		{ .what = "flush", .io = HOST_FAIL_FLUSH },
	};
	unsigned int k;
	char name[128];
	int bad;

	host_set_printk(0);
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		snprintf(name, sizeof(name), "no %s is vital (%s)", kinds[k].what, p->name);
		host_test_begin(name);
		fault = kinds[k];
		bad = 0;
		for (fault.nth = 1; bad < 3; fault.nth += fault.nth < 20 ? 1 : step) {
			int before = host_checks_failed;

			host_dev_reset(dev);
			host_init(fault.nth);
			host_run(few_operations, NULL);
			CHECK_EQ(host_live_allocs(false), 0);
			CHECK_EQ(host_warn_count, 0);
			host_kill_world();
			if (!fault_fired && fault.nth > 1)
				break;
			host_init(1);
			CHECK(!host_run(just_mount, NULL));
			CHECK_EQ(host_warn_count, 0);
			host_kill_world();
			CHECK(repair_clean());
			if (host_checks_failed != before) {
				printf("  %s %lu (%s)\n", fault.what, fault.nth, p->name);
				bad++;
			}
			host_warn_count = 0;
		}
		printf("# %lu %ss\n", fault.nth, fault.alloc ? "allocation" : "I/O");
		host_test_end();
	}
	host_set_printk(5);
}

static bool alloc_failed;

static int mount_short_of_memory(void *arg)
{
	struct dx_mount *mp;

	host_fail_alloc_nth(*(unsigned long *)arg);
	mp = do_mount();
	if (mp)
		uv_umount(mp);
	alloc_failed = host_alloc_failed();
	host_fail_alloc_nth(0);
	return 0;
}

static int count_after_recovery(void *arg)
{
	struct dx_mount *mp = do_mount();

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK_EQ(inodes_in_use(mp), 4);
	return uv_umount(mp);
}

/* Whichever allocation fails in the mount that would free unlinked inodes: if not that mount, the next one frees them. */
static void unlinked_without_memory(const struct profile *p)
{
	struct host_dev_snap *snap = host_dev_snap_take(dev);
	unsigned long n;
	char name[128];

	snprintf(name, sizeof(name), "unlinked inodes outlast a mount that is short of memory (%s)", p->name);
	host_set_printk(0);
	host_test_begin(name);
	for (n = 1, alloc_failed = true; alloc_failed && !host_checks_failed; n++) {
		host_dev_snap_restore(dev, snap);
		host_init(n);
		host_run(mount_short_of_memory, &n);
		CHECK_EQ(host_live_allocs(false), 0);
		host_kill_world();
		host_init(n);
		host_run(count_after_recovery, NULL);
		host_kill_world();
		CHECK_EQ(host_warn_count, 0);
	}
	CHECK(n > 100);
	printf("# %lu allocations\n", n - 2);
	host_test_end();
	host_set_printk(5);
	host_dev_snap_restore(dev, snap);
	host_dev_snap_free(snap);
}

static void run(const char *what, const struct profile *p, u64 seed, int (*fn)(void *), bool check)
{
	char name[128];

	snprintf(name, sizeof(name), "%s (%s)", what, p->name);
	host_test(name, seed, fn, NULL);
	if (!check)
		return;
	host_test_begin(name);
	CHECK(repair_clean());
	host_test_end();
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	unsigned int i;

	snprintf(workdir, sizeof(workdir), "%s/t_inode.XXXXXX", tmp ? tmp : P_tmpdir);
	if (!mkdtemp(workdir))
		return 1;
	snprintf(image, sizeof(image), "%s/image", workdir);
	snprintf(saved, sizeof(saved), "%s/saved", workdir);
	if (getenv("T_OPS"))
		stress_ops = atoi(getenv("T_OPS"));
	printf("# bytes in core: inode %zu, item %zu\n", sizeof(struct dx_inode), sizeof(struct dx_inode_item));
	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		const struct profile *p = &profiles[i];

		if (getenv("T_PROFILE") && atoi(getenv("T_PROFILE")) != (int)i)
			continue;
		if (make_volume(p)) {
			printf("not ok mkfs.xfs %s\n", p->mkfs);
			return 1;
		}
		run("fill a volume with names", p, 0, populate, true);
		run("find and rename them after a remount", p, 1, check_and_shuffle, true);
		run("remove them all", p, 2, remove_all, true);
		run("use inode numbers again", p, 3, churn, true);
		run("who guesses a number finds an inode that is whole, or none", p, 6, guess_numbers, true);
		run("nothing foreign enters the tree of a project, and nothing of it is stuck", p, 7, projects, true);
		run("leave unlinked inodes behind", p, 4, leave_unlinked, false);
		host_dev_crash(dev, HOST_LOSE_ALL, 1);
		if (!i)
			unlinked_without_memory(p);
		run("free them in recovery", p, 5, find_them_gone, true);
		stress(p, getenv("T_SEEDS") ? atoi(getenv("T_SEEDS")) : 2);
		if (getenv("T_FAULT_STEP"))
			faults(p, atoi(getenv("T_FAULT_STEP")));
		else if (!i)
			faults(p, 41);
		stress_crash(p, getenv("T_CRASHES") ? atoi(getenv("T_CRASHES")) : 10);
	}
	host_sh("rm -rf %s", workdir);
	return host_test_exit();
}
