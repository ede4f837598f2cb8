// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quota, asked and pressed.
 *
 * qload ctl [-o] DIR          asks quotactl(2) for everything, right and wrong, as root and as others, and prints the answers;
 *                             what stock XFS prints on the same kernel is right.  -o: an old kernel, whose stock ends accounting
 *                             and counts warnings
 * qload ro DIR                what a mount says that is read-only, or has no quota
 * qload limit TYPE ID BYTES INODES DIR    hard limits; TYPE is u, g or p
 * qload press TYPE ID HOW [-w WRITERS] [-c CHUNK] DIR
 *                             writers at once, each with a file of its own, until all are refused.  Usage is looked at all
 *                             the time: it must never be above the hard limit; in the end less must be left of it than one
 *                             write and what a tree of extents may need for it (4 blocks a writer); and what was
 *                             acknowledged is there.
 *                             HOW: buffered, direct, aio (direct, 8 in flight), mmap, falloc, create (inodes), mixed (all by turns)
 * qload chown SECONDS SEED DIR    gives what is there to users, groups and projects 0 to 4, at random, as long
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libaio.h>
#include <linux/dqblk_xfs.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __NR_quotactl_fd
#define __NR_quotactl_fd 443
#endif
#ifndef PRJQUOTA
#define PRJQUOTA 2
#endif
#define MAXWRITERS 16

static char device[300];
static int dirfd_, by_fd;		/* by_fd: quotactl_fd(2) is there */
static const char kinds[] = "ugp";

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

/* The device of what is mounted there: by number, in the list of mounts. */
static void find_device(const char *dir)
{
	char line[2000], source[300];
	struct stat st;
	unsigned int maj, min;
	FILE *f = fopen("/proc/self/mountinfo", "r");

	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	if (dirfd_ < 0 || fstat(dirfd_, &st) || !f)
		die(dir);
	while (fgets(line, sizeof(line), f)) {
		char *sep = strstr(line, " - ");

		if (sep && sscanf(line, "%*d %*d %u:%u", &maj, &min) == 2 && makedev(maj, min) == st.st_dev &&
		    sscanf(sep, " - %*s %299s", source) == 1)
			strcpy(device, source);
	}
	fclose(f);
	by_fd = syscall(__NR_quotactl_fd, dirfd_, QCMD(Q_XQUOTASYNC, 0), 0, NULL) != -1 || errno != ENOSYS;
}

/* Both ways must say the same. */
static int ctl(unsigned int cmd, int type, unsigned int id, void *arg, size_t size)
{
	char one[512], two[512];
	int r1, r2, e1;

	memcpy(one, arg, size);
	memcpy(two, arg, size);
	errno = 0;
	r1 = quotactl(QCMD(cmd, type), device, id, one);
	e1 = errno;
	/* what changes something is done once */
	if (by_fd && (cmd == Q_XGETQUOTA || cmd == Q_XGETNEXTQUOTA || cmd == Q_XGETQSTATV || cmd == Q_GETQUOTA)) {
		errno = 0;
		r2 = syscall(__NR_quotactl_fd, dirfd_, QCMD(cmd, type), id, two);
		if (r1 != r2 || (r1 && e1 != errno) || (!r1 && memcmp(one, two, size)))
			printf("(quotactl_fd differs: %d %s, %d %s) ", r1, strerror(e1), r2, strerror(errno));
	}
	memcpy(arg, one, size);
	errno = e1;
	return r1;
}

static const char *answer(int r)
{
	return r < 0 ? strerrorname_np(errno) : "0";
}

/* ---- ctl ---- */

/* A timer that runs: how long about, for nobody asks in the same second. */
static const char *timer(int64_t t)
{
	static char s[4][40];
	static int i;
	int64_t left = t - time(NULL);

	i = (i + 1) % 4;
	if (!t || t < 1000000000)
		sprintf(s[i], "%lld", (long long)t);
	else
		sprintf(s[i], "in %lldh", (long long)(left + 1800) / 3600);
	return s[i];
}

static void tell(const struct fs_disk_quota *q)
{
	printf(" id %u flags %d blocks %llu/%llu/%llu inodes %llu/%llu/%llu rt %llu/%llu/%llu timers %s %s %s warns %u %u\n",
	       q->d_id, q->d_flags, (long long)q->d_bcount, (long long)q->d_blk_softlimit, (long long)q->d_blk_hardlimit,
	       (long long)q->d_icount, (long long)q->d_ino_softlimit, (long long)q->d_ino_hardlimit,
	       (long long)q->d_rtbcount, (long long)q->d_rtb_softlimit, (long long)q->d_rtb_hardlimit,
	       timer(q->d_btimer | (int64_t)q->d_btimer_hi << 32), timer(q->d_itimer | (int64_t)q->d_itimer_hi << 32),
	       timer(q->d_rtbtimer | (int64_t)q->d_rtbtimer_hi << 32), q->d_bwarns, q->d_iwarns);
}

static void get(unsigned int cmd, int type, unsigned int id)
{
	struct fs_disk_quota q = { };
	int r = ctl(cmd, type, id, &q, sizeof(q));

	printf("%s %d %u: %s", cmd == Q_XGETQUOTA ? "get" : "next", type, id, answer(r));
	if (r)
		printf("\n");
	else
		tell(&q);
}

static void all(int type)
{
	struct fs_disk_quota q = { };
	unsigned int id = 0;
	int r;

	while (!(r = ctl(Q_XGETNEXTQUOTA, type, id, &q, sizeof(q)))) {
		tell(&q);
		id = q.d_id + 1;
		if (!id)
			break;
	}
	printf("all %d: %s\n", type, answer(r));
}

static void set(int type, unsigned int id, const char *what, struct fs_disk_quota q)
{
	q.d_version = FS_DQUOT_VERSION;
	q.d_flags = type == USRQUOTA ? FS_USER_QUOTA : type == GRPQUOTA ? FS_GROUP_QUOTA : FS_PROJ_QUOTA;
	q.d_id = id;
	printf("set %d %u %s: %s\n", type, id, what, answer(ctl(Q_XSETQLIM, type, id, &q, sizeof(q))));
	get(Q_XGETQUOTA, type, id);
}
#define SET(type, id, ...) set(type, id, #__VA_ARGS__, (struct fs_disk_quota){ __VA_ARGS__ })

/* of a kernel whose stock XFS ends accounting when quota goes off, and has a limit of warnings, which nothing there applies */
static bool old;

static void state(void)
{
	static const signed char versions[] = { FS_QSTATV_VERSION1, 0, 9 };
	unsigned int i;

	for (i = 0; i < sizeof(versions); i++) {
		struct fs_quota_statv v = { .qs_version = versions[i] };
		int r = ctl(Q_XGETQSTATV, 0, 0, &v, sizeof(v));

		printf("state: %s", answer(r));
		if (!r)
			printf(" flags %x files%s%s%s extents %u %u %u timers %d %d %d warns %u %u %u", v.qs_flags,
			       v.qs_uquota.qfs_ino ? " u" : "", v.qs_gquota.qfs_ino ? " g" : "", v.qs_pquota.qfs_ino ? " p" : "",
			       v.qs_uquota.qfs_nextents, v.qs_gquota.qfs_nextents, v.qs_pquota.qfs_nextents,
			       v.qs_btimelimit, v.qs_itimelimit, v.qs_rtbtimelimit,
			       old ? 0 : v.qs_bwarnlimit, old ? 0 : v.qs_iwarnlimit, old ? 0 : v.qs_rtbwarnlimit);
		printf("\n");
	}
}

static void onoff(const char *name, unsigned int cmd, unsigned int flags)
{
	printf("%s %x: %s\n", name, flags, answer(ctl(cmd, 0, 0, &flags, sizeof(flags))));
	state();
}

static void generic(int type)
{
	union { struct dqblk b; struct dqinfo i; unsigned int fmt; char c[400]; } u;
	int r;

	memset(&u, 0, sizeof(u));
	r = ctl(Q_GETQUOTA, type, 1001, &u, sizeof(u));
	printf("Q_GETQUOTA %d: %s %llu %llu %llu %llu %llu %llu\n", type, answer(r), (long long)u.b.dqb_bhardlimit,
	       (long long)u.b.dqb_bsoftlimit, (long long)u.b.dqb_curspace, (long long)u.b.dqb_ihardlimit,
	       (long long)u.b.dqb_isoftlimit, (long long)u.b.dqb_curinodes);
	u.b.dqb_bhardlimit = 5001;
	u.b.dqb_valid = QIF_BLIMITS;
	printf("Q_SETQUOTA %d: %s\n", type, answer(ctl(Q_SETQUOTA, type, 1001, &u, sizeof(u))));
	get(Q_XGETQUOTA, type, 1001);
	u.b.dqb_valid = QIF_USAGE;
	printf("Q_SETQUOTA %d, usage: %s\n", type, answer(ctl(Q_SETQUOTA, type, 1001, &u, sizeof(u))));
	memset(&u, 0, sizeof(u));
	r = ctl(Q_GETINFO, type, 0, &u, sizeof(u));
	printf("Q_GETINFO %d: %s %llu %llu %x\n", type, answer(r), (long long)u.i.dqi_bgrace, (long long)u.i.dqi_igrace, u.i.dqi_flags);
	u.i = (struct dqinfo){ .dqi_bgrace = 86400, .dqi_valid = IIF_BGRACE };
	printf("Q_SETINFO %d: %s\n", type, answer(ctl(Q_SETINFO, type, 0, &u, sizeof(u))));
	u.i.dqi_valid = IIF_FLAGS;
	printf("Q_SETINFO %d, flags: %s\n", type, answer(ctl(Q_SETINFO, type, 0, &u, sizeof(u))));
	r = ctl(Q_GETFMT, type, 0, &u, sizeof(u));
	printf("Q_GETFMT %d: %s %x\n", type, answer(r), r ? 0 : u.fmt);
	printf("Q_SYNC %d: %s\n", type, answer(ctl(Q_SYNC, type, 0, &u, sizeof(u))));
	printf("Q_XQUOTASYNC %d: %s\n", type, answer(ctl(Q_XQUOTASYNC, type, 0, &u, sizeof(u))));
	state();
}

static void as_user(void)
{
	unsigned int flags = FS_QUOTA_UDQ_ENFD;
	int type;

	fflush(stdout);
	if (fork()) {
		wait(NULL);
		return;
	}
	if (setgid(2000) || setuid(1001))
		die("setuid");
	printf("as user 1001\n");
	state();
	for (type = 0; type < 3; type++) {
		get(Q_XGETQUOTA, type, 1001);
		get(Q_XGETQUOTA, type, 2000);
		get(Q_XGETQUOTA, type, 0);
		get(Q_XGETNEXTQUOTA, type, 0);
	}
	SET(0, 1001, .d_fieldmask = FS_DQ_BHARD, .d_blk_hardlimit = 100000);
	printf("off: %s\n", answer(ctl(Q_XQUOTAOFF, 0, 0, &flags, sizeof(flags))));
	printf("rm: %s\n", answer(ctl(Q_XQUOTARM, 0, 0, &flags, sizeof(flags))));
	fflush(stdout);
	_exit(0);
}

static void run_ctl(void)
{
	const unsigned int enforce = FS_QUOTA_UDQ_ENFD | FS_QUOTA_GDQ_ENFD | FS_QUOTA_PDQ_ENFD;
	unsigned int flags;
	char none[1] = "";
	int type;

	state();
	for (type = 0; type < 4; type++) {
		get(Q_XGETQUOTA, type, 0);
		get(Q_XGETQUOTA, type, 1001);
		get(Q_XGETQUOTA, type, 4000000000u);
		get(Q_XGETNEXTQUOTA, type, 4000000000u);
		get(Q_XGETNEXTQUOTA, type, ~0u);
		if (type < 3)
			all(type);
	}
	for (type = 0; type < 3; type++) {
		SET(type, 1001, .d_fieldmask = 0, .d_blk_hardlimit = 8000);
		SET(type, 1001, .d_fieldmask = FS_DQ_BHARD | FS_DQ_BSOFT, .d_blk_hardlimit = 80001, .d_blk_softlimit = 79999);
		SET(type, 1001, .d_fieldmask = FS_DQ_BSOFT, .d_blk_softlimit = 90000);
		SET(type, 1001, .d_fieldmask = FS_DQ_BHARD, .d_blk_hardlimit = 800);
		SET(type, 1001, .d_fieldmask = FS_DQ_BHARD | FS_DQ_BSOFT, .d_blk_hardlimit = 0, .d_blk_softlimit = 16);
		SET(type, 1001, .d_fieldmask = FS_DQ_IHARD | FS_DQ_ISOFT, .d_ino_hardlimit = 100, .d_ino_softlimit = 1);
		SET(type, 1001, .d_fieldmask = FS_DQ_IHARD | FS_DQ_BSOFT, .d_ino_hardlimit = 0, .d_blk_softlimit = 0);
		SET(type, 1001, .d_fieldmask = FS_DQ_RTBHARD | FS_DQ_RTBSOFT, .d_rtb_hardlimit = 160, .d_rtb_softlimit = 80);
		SET(type, 1001, .d_fieldmask = FS_DQ_BCOUNT, .d_bcount = 5);
		SET(type, 1001, .d_fieldmask = FS_DQ_ICOUNT | FS_DQ_BHARD, .d_icount = 5, .d_blk_hardlimit = 160000);
		SET(type, 0, .d_fieldmask = FS_DQ_BTIMER | FS_DQ_ITIMER, .d_btimer = 3600, .d_itimer = 7200);
		SET(type, 0, .d_fieldmask = FS_DQ_RTBTIMER, .d_rtbtimer = 100);
		if (old) {
			SET(type, 0, .d_fieldmask = FS_DQ_BWARNS | FS_DQ_IWARNS, .d_bwarns = 3, .d_iwarns = 4);
			SET(type, 1001, .d_fieldmask = FS_DQ_BWARNS, .d_bwarns = 2);
		}
		/* over its soft limit: the time begins */
		SET(type, 1001, .d_fieldmask = FS_DQ_BSOFT | FS_DQ_ISOFT, .d_blk_softlimit = 8, .d_ino_softlimit = 1);
		if (!old)
			SET(type, 1001, .d_fieldmask = FS_DQ_BTIMER, .d_btimer = time(NULL) + 86400 * 3);
		SET(type, 1001, .d_fieldmask = FS_DQ_BSOFT, .d_blk_softlimit = 0);
		SET(type, 1001, .d_fieldmask = FS_DQ_BSOFT | FS_DQ_ISOFT | FS_DQ_BHARD, .d_blk_softlimit = 0);
		/* a record that is not there yet, in a block that is, and in one that is not */
		SET(type, 3, .d_fieldmask = FS_DQ_BHARD, .d_blk_hardlimit = 8000);
		SET(type, 1000003, .d_fieldmask = FS_DQ_IHARD, .d_ino_hardlimit = 8000);
		SET(type, ~0u - 1, .d_fieldmask = FS_DQ_IHARD, .d_ino_hardlimit = 8);
		all(type);
		generic(type);
	}
	SET(3, 1001, .d_fieldmask = FS_DQ_BHARD, .d_blk_hardlimit = 8000);
	as_user();
	state();
	onoff("on", Q_XQUOTAON, 0);
	onoff("on", Q_XQUOTAON, enforce);
	onoff("on", Q_XQUOTAON, FS_QUOTA_UDQ_ACCT);
	onoff("on", Q_XQUOTAON, 0x1000);
	onoff("off", Q_XQUOTAOFF, 0);
	onoff("off", Q_XQUOTAOFF, FS_QUOTA_GDQ_ENFD);
	get(Q_XGETQUOTA, 1, 1001);
	onoff("off", Q_XQUOTAOFF, FS_QUOTA_GDQ_ENFD);
	onoff("off", Q_XQUOTAOFF, FS_QUOTA_GDQ_ENFD | FS_QUOTA_PDQ_ENFD);
	onoff("on", Q_XQUOTAON, FS_QUOTA_GDQ_ENFD);
	onoff("on", Q_XQUOTAON, FS_QUOTA_GDQ_ENFD | FS_QUOTA_PDQ_ENFD);
	for (type = 0; type < 3; type++) {
		printf("Q_QUOTAOFF %d: %s\n", type, answer(ctl(Q_QUOTAOFF, type, 0, none, 1)));
		state();
		printf("Q_QUOTAON %d: %s\n", type, answer(ctl(Q_QUOTAON, type, 0, none, 1)));
		state();
	}
	if (!old)
		onoff("off", Q_XQUOTAOFF, FS_QUOTA_UDQ_ACCT);
	flags = FS_USER_QUOTA;
	printf("rm: %s\n", answer(ctl(Q_XQUOTARM, 0, 0, &flags, sizeof(flags))));
}

static void run_ro(void)
{
	static const unsigned int flags[] = { FS_USER_QUOTA | FS_GROUP_QUOTA | FS_PROJ_QUOTA, 0, 64 };
	unsigned int type, i;

	state();
	for (type = 0; type < 3; type++) {
		get(Q_XGETQUOTA, type, 0);
		get(Q_XGETNEXTQUOTA, type, 0);
		SET(type, 1001, .d_fieldmask = FS_DQ_BHARD, .d_blk_hardlimit = 100000);
		generic(type);
	}
	onoff("on", Q_XQUOTAON, FS_QUOTA_UDQ_ENFD);
	onoff("off", Q_XQUOTAOFF, FS_QUOTA_UDQ_ENFD);
	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		unsigned int f = flags[i];

		printf("rm %x: %s\n", f, answer(ctl(Q_XQUOTARM, 0, 0, &f, sizeof(f))));
	}
}

/* ---- press ---- */

enum how { BUFFERED, DIRECT, AIO, MMAP, FALLOC, CREATE, MIXED };
static const char *const how_name[] = { "buffered", "direct", "aio", "mmap", "falloc", "create", "mixed", NULL };

static struct shared {
	volatile int stop;
	struct { long long acked; int err, how; } w[MAXWRITERS];
} *sh;
static size_t chunk = 64 << 10;
static char *buf;
static sigjmp_buf no_page;

static void bus(int sig)
{
	siglongjmp(no_page, 1);
}

static int press_pwrite(int fd, long long *acked)
{
	ssize_t n;

	for (;;) {
		n = pwrite(fd, buf, chunk, *acked);
		if (n < 0)
			return errno;
		*acked += n;
		/* a part: the next says why */
		if (n % 512)
			return -1;
	}
}

static int press_aio(int fd, long long *acked)
{
	enum { DEPTH = 8 };
	io_context_t ctx = NULL;
	struct iocb cb[DEPTH], *cbp[DEPTH];
	struct io_event ev[DEPTH];
	int i, n, err = 0;

	if (io_setup(DEPTH, &ctx))
		return -1;
	while (!err) {
		for (i = 0; i < DEPTH; i++) {
			io_prep_pwrite(&cb[i], fd, buf, chunk, *acked + (long long)i * chunk);
			cbp[i] = &cb[i];
		}
		n = io_submit(ctx, DEPTH, cbp);
		if (n < 0)
			err = -n;
		for (i = 0; i < n; i++) {
			if (io_getevents(ctx, 1, 1, ev, NULL) != 1)
				return -1;
			if ((long)ev[0].res < 0)
				err = -(long)ev[0].res;
			else if (ev[0].res != chunk)
				err = err ?: ENOSPC;	/* which one, a single write will say */
		}
		if (!err)
			*acked += (long long)DEPTH * chunk;
	}
	io_destroy(ctx);
	/* what is acknowledged without a gap is what the file begins with; then one by one */
	return press_pwrite(fd, acked);
}

static int press_mmap(int fd, long long *acked)
{
	char *p;

	for (;;) {
		if (ftruncate(fd, *acked + chunk))
			return errno;
		p = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, *acked);
		if (p == MAP_FAILED)
			return -1;
		if (sigsetjmp(no_page, 1)) {
			munmap(p, chunk);
			if (ftruncate(fd, *acked))
				return -1;
			return ENOSPC;		/* a signal does not say which */
		}
		memcpy(p, buf, chunk);
		munmap(p, chunk);
		*acked += chunk;
	}
}

static int press_falloc(int fd, long long *acked)
{
	while (!fallocate(fd, FALLOC_FL_KEEP_SIZE, *acked, chunk))
		*acked += chunk;
	return errno;
}

static int press_create(const char *dir, int me, long long *acked)
{
	char name[600];
	int fd;

	for (;; ++*acked) {
		snprintf(name, sizeof(name), "%s/c%d-%lld", dir, me, *acked);
		if (*acked % 5 == 4 ? mkdir(name, 0700) : *acked % 5 == 3 ? symlink("nowhere", name) :
		    (fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600)) < 0 || close(fd))
			return errno;
	}
}

static void writer(const char *dir, int me, enum how how, int uid, int gid)
{
	long long *acked = &sh->w[me].acked;
	char name[600];
	int fd, err;

	if (how == MIXED)
		how = me % MIXED;
	if (how == CREATE && sh->w[me].how == MIXED)
		how = BUFFERED;
	sh->w[me].how = how;
	if (setgroups(0, NULL) || (gid >= 0 && setregid(gid, gid)) || (uid >= 0 && setreuid(uid, uid)))
		_exit(9);
	signal(SIGBUS, bus);
	memset(buf, 'a' + me, chunk);
	snprintf(name, sizeof(name), "%s/w%d", dir, me);
	if (how == CREATE) {
		err = press_create(dir, me, acked);
	} else {
		fd = open(name, O_CREAT | O_RDWR | (how == DIRECT || how == AIO ? O_DIRECT : 0), 0600);
		err = fd < 0 ? errno : how == AIO ? press_aio(fd, acked) : how == MMAP ? press_mmap(fd, acked) :
			how == FALLOC ? press_falloc(fd, acked) : press_pwrite(fd, acked);
	}
	sh->w[me].err = err;
	_exit(0);
}

static bool file_is(const char *dir, int me)
{
	static char got[1 << 20];
	long long at = 0, n = sh->w[me].acked;
	char name[600];
	struct stat st;
	int fd, i;

	snprintf(name, sizeof(name), "%s/w%d", dir, me);
	fd = open(name, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		return !n;
	if (sh->w[me].how == FALLOC) {
		close(fd);
		return st.st_blocks * 512 >= n;
	}
	while (at < n) {
		int r = read(fd, got, n - at < (long long)sizeof(got) ? n - at : (long long)sizeof(got));

		if (r <= 0)
			return false;
		for (i = 0; i < r; i++)
			if (got[i] != 'a' + me)
				return false;
		at += r;
	}
	close(fd);
	return true;
}

static int press(int type, unsigned int id, enum how how, int writers, const char *dir)
{
	int want = type == PRJQUOTA ? ENOSPC : EDQUOT, i, bad = 0, status;
	int uid = type == USRQUOTA ? (int)id : -1, gid = type == GRPQUOTA ? (int)id : -1;
	unsigned long long top = 0, itop = 0, samples = 0, left, unit, most;
	struct fs_disk_quota q = { };
	struct statfs fs;
	pid_t pid[MAXWRITERS];

	if (ctl(Q_XGETQUOTA, type, id, &q, sizeof(q)) || fstatfs(dirfd_, &fs))
		die("quota of the id");
	unit = fs.f_bsize / 512;
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	buf = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED || buf == MAP_FAILED)
		die("mmap");
	fflush(stdout);
	for (i = 0; i < writers; i++) {
		sh->w[i].how = how;
		pid[i] = fork();
		if (!pid[i])
			writer(dir, i, how, uid, gid);
	}
	for (i = 0; i < writers; samples++) {
		pid_t p = waitpid(-1, &status, WNOHANG);

		if (p > 0) {
			i++;
			if (status) {
				printf("a writer ended with status %x\n", status);
				bad = 1;
			}
		}
		if (quotactl(QCMD(Q_XGETQUOTA, type), device, id, (void *)&q))
			die("quota of the id");
		if (q.d_bcount > top)
			top = q.d_bcount;
		if (q.d_icount > itop)
			itop = q.d_icount;
		if (!p)
			usleep(500);
	}
	printf("%s %c %u: %d writers, usage at most %llu of %llu, inodes %llu of %llu, in %llu looks\n", how_name[how],
	       kinds[type], id, writers, top, (long long)q.d_blk_hardlimit, itop, (long long)q.d_ino_hardlimit, samples);
	if ((q.d_blk_hardlimit && top > q.d_blk_hardlimit) || (q.d_ino_hardlimit && itop > q.d_ino_hardlimit)) {
		printf("usage was above its limit\n");
		bad = 1;
	}
	for (i = 0; i < writers; i++) {
		printf("writer %d (%s): %lld, then %s\n", i, how_name[sh->w[i].how], sh->w[i].acked, strerrorname_np(sh->w[i].err) ?: "?");
		if (sh->w[i].err != want && sh->w[i].how != MMAP) {
			printf("that should have been %s\n", strerrorname_np(want));
			bad = 1;
		}
	}
	if (how == CREATE) {
		if (q.d_icount != q.d_ino_hardlimit) {
			printf("inodes: %llu are used of %llu\n", (long long)q.d_icount, (long long)q.d_ino_hardlimit);
			bad = 1;
		}
		return bad;
	}
	left = q.d_blk_hardlimit - q.d_bcount;
	most = chunk / 512 + 4 * unit * writers;
	printf("left: %llu, a write and its tree: %llu\n", left, most);
	if (left >= most) {
		printf("that is more than a write needs\n");
		bad = 1;
	}
	sync();
	for (i = 0; i < writers; i++) {
		if (file_is(dir, i))
			continue;
		printf("what writer %d wrote is not there\n", i);
		bad = 1;
	}
	if (quotactl(QCMD(Q_XGETQUOTA, type), device, id, (void *)&q) || q.d_bcount > q.d_blk_hardlimit) {
		printf("usage is above its limit after a sync: %llu of %llu\n", (long long)q.d_bcount, (long long)q.d_blk_hardlimit);
		bad = 1;
	}
	return bad;
}

/* ---- chown ---- */

static uint64_t seed = 1;

static unsigned int rnd(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static void give(int fd, const char *name)
{
	struct fsxattr x;
	int f;

	if (rnd(2)) {
		if (fchownat(fd, name, rnd(5), rnd(5), AT_SYMLINK_NOFOLLOW) && errno != ENOENT && errno != EDQUOT && errno != ENOSPC)
			die("chown");
		return;
	}
	f = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (f < 0)
		return;
	if (!ioctl(f, FS_IOC_FSGETXATTR, &x)) {
		x.fsx_projid = rnd(5);
		if (ioctl(f, FS_IOC_FSSETXATTR, &x) && errno != EDQUOT && errno != ENOSPC && errno != EINVAL && errno != EPERM)
			die("FSSETXATTR");
	}
	close(f);
}

static void walk(int fd, time_t until)
{
	DIR *d = fdopendir(fd);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)) && time(NULL) < until) {
		int sub;

		if (e->d_name[0] == '.')
			continue;
		give(fd, e->d_name);
		sub = e->d_type == DT_DIR ? openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;
		if (sub >= 0)
			walk(sub, until);
	}
	closedir(d);
}

/* ---- */

static int kind(const char *s)
{
	const char *p = strchr(kinds, *s);

	if (!*s || !p || s[1])
		exit(2);
	return p - kinds;
}

int main(int argc, char **argv)
{
	const char *dir = argv[argc - 1];
	int i, writers = 4;

	if (argc < 3)
		return 2;
	find_device(dir);
	if (!strcmp(argv[1], "ctl")) {
		old = !strcmp(argv[2], "-o");
		run_ctl();
	} else if (!strcmp(argv[1], "ro")) {
		run_ro();
	} else if (!strcmp(argv[1], "limit") && argc == 7) {
		struct fs_disk_quota q = {
			.d_version = FS_DQUOT_VERSION, .d_fieldmask = FS_DQ_BHARD | FS_DQ_IHARD,
			.d_blk_hardlimit = atoll(argv[4]) / 512, .d_ino_hardlimit = atoll(argv[5]),
		};

		if (ctl(Q_XSETQLIM, kind(argv[2]), atol(argv[3]), &q, sizeof(q)))
			die("limit");
	} else if (!strcmp(argv[1], "press") && argc >= 6) {
		for (i = 5; i < argc - 2; i += 2) {
			if (!strcmp(argv[i], "-w"))
				writers = atoi(argv[i + 1]);
			else if (!strcmp(argv[i], "-c"))
				chunk = atol(argv[i + 1]);
		}
		for (i = 0; how_name[i] && strcmp(how_name[i], argv[4]); i++)
			;
		if (!how_name[i] || writers < 1 || writers > MAXWRITERS)
			return 2;
		return press(kind(argv[2]), atol(argv[3]), i, writers, dir);
	} else if (!strcmp(argv[1], "chown") && argc == 5) {
		time_t until = time(NULL) + atoi(argv[2]);

		seed = atol(argv[3]) * 2 + 1;
		while (time(NULL) < until)
			walk(openat(dirfd_, ".", O_RDONLY | O_DIRECTORY), until);
	} else {
		return 2;
	}
	return 0;
}
