// SPDX-License-Identifier: GPL-2.0-only
/* posix: sections about the attributes of inodes and about who may do what. */
#include "posix.h"

/* ------------------------------------------------------------ attributes of inodes */

void s_setattr(void)
{
	int fd = mk("f", 0644, 5000), ro = open("f", O_RDONLY);

	E(chmod("f", 07777));
	show("f");
	E(chown("f", 1001, 1002));
	show("f");
	E(chmod("f", 06755));
	E(chown("f", -1, -1));
	show("f");
	E(chown("f", 0xfffffffe, 3));
	show("f");
	E(truncate("f", 100));
	show("f");
	E(truncate("f", -1));
	E(truncate("f", LLONG_MAX));
	E(truncate("f", 1ll << 43));
	E(truncate("f", 0));
	E(ftruncate(ro, 5));
	E(ftruncate(fd, 5));
	E(ftruncate(fd, LLONG_MAX - 4096));
	E(ftruncate(fd, 0x7fffffffffffefffll));
	E(truncate("missing", 0));
	E(truncate(".", 0));
	E(mknod("fifo", S_IFIFO | 0644, 0));
	E(truncate("fifo", 0));
	E(chmod("missing", 0));
	E(fchmodat(AT_FDCWD, "f", 0100, AT_SYMLINK_NOFOLLOW));
	mkdir("d", 0755);
	E(chmod("d", 07777));
	show("d");
	E(chown("d", 5, 6));
	show("d");
	/* what was cut off reads as zeroes when the file grows again */
	close(fd);
	fd = mk("g", 0644, 10000);
	E(ftruncate(fd, 5001));
	E(ftruncate(fd, 12288));
	sum(fd);
	map(fd, 0);
	E(pread(fd, zbuf, 100, 12280));
	E(pread(fd, zbuf, 100, 12288));
}

/* Times of files move in ticks: wait for two. */
static void tick(void)
{
	struct timespec a, b;

	for (int i = 0; i < 2; i++) {
		clock_gettime(CLOCK_REALTIME_COARSE, &a);
		do {
			usleep(2000);
			clock_gettime(CLOCK_REALTIME_COARSE, &b);
		} while (a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec);
	}
}

static void stamp(const char *name)
{
	struct statx x;

	if (!statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x))
		printf("  %s a %lld.%09u m %lld.%09u\n", name, (long long)x.stx_atime.tv_sec, x.stx_atime.tv_nsec,
		       (long long)x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec);
}

static void touch_other(void)
{
	E(utimensat(AT_FDCWD, "t", NULL, 0));
	E(utimensat(AT_FDCWD, "t", (struct timespec[2]){ { 1, 0 }, { 1, 0 } }, 0));
	E(utimensat(AT_FDCWD, "w", NULL, 0));
	E(utimensat(AT_FDCWD, "w", (struct timespec[2]){ { 1, 0 }, { 1, 0 } }, 0));
	E(utimensat(AT_FDCWD, "w", (struct timespec[2]){ { 0, UTIME_NOW }, { 0, UTIME_OMIT } }, 0));
	E(utimensat(AT_FDCWD, "w", (struct timespec[2]){ { 0, UTIME_OMIT }, { 0, UTIME_OMIT } }, 0));
}

/*
 * A file has times from the VFS and from the file system: of two that follow each other the second is not the earlier one, also
 * where a file system with finer timestamps (tmpfs from Linux 6.13 on) has given out later ones in between.
 */
static void never_back(void)
{
	int fd = mk("back", 0644, 100), other = memfd_create("finer", 0), back = 0;
	struct stat a, b;

	for (int i = 0; i < 300; i++) {
		fstat(other, &a);
		if (pwrite(other, "x", 1, 0) != 1 || pwrite(fd, "x", 1, 0) != 1 || fstat(fd, &a) ||
		    fsetxattr(fd, "user.back", &i, sizeof(i), 0) || fstat(fd, &b))
			back = -1000;
		back += b.st_ctim.tv_sec < a.st_ctim.tv_sec ||
			(b.st_ctim.tv_sec == a.st_ctim.tv_sec && b.st_ctim.tv_nsec < a.st_ctim.tv_nsec);
	}
	printf("times stepped back: %d\n", back);
	close(other);
	close(fd);
}

void s_times(void)
{
	static const long long when[] = { 0, -1, INT_MIN, (long long)INT_MIN - 1, INT_MAX, (long long)INT_MAX + 1, 4102444800ll, 4294967296ll,
					  16299260424ll, 16299260425ll, 1ll << 40, LLONG_MAX, LLONG_MIN };

	never_back();
	close(mk("t", 0644, 1));
	close(mk("w", 0666, 1));
	for (size_t i = 0; i < sizeof(when) / sizeof(*when); i++) {
		struct timespec ts[2] = { { when[i], 999999999 }, { when[i], 1 } };

		printf(" %lld\n", when[i]);
		E(utimensat(AT_FDCWD, "t", ts, 0));
		stamp("t");
	}
	E(utimensat(AT_FDCWD, "t", (struct timespec[2]){ { 1, 1000000000 }, { 1, 0 } }, 0));
	E(utimensat(AT_FDCWD, "t", (struct timespec[2]){ { 5, 5 }, { 0, UTIME_OMIT } }, 0));
	stamp("t");
	as(1001, 1001, 0, touch_other);

	/* which calls move which times */
	struct stat a, b;
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	int fd = mk("m", 0644, 5000), dfd;

	mkdir("d", 0755);
	close(mk("d/x", 0644, 0));
	dfd = open("d", O_RDONLY);
#define MOVES(f, x) do { futimens(f, old); fstat(f, &a); tick(); errno = 0; long r_ = (long)(x); fstat(f, &b); \
	printf("%s = %s moves%s%s%s\n", #x, r_ < 0 ? strerrorname_np(errno) : "ok", memcmp(&a.st_mtim, &b.st_mtim, 16) ? " mtime" : "", \
	       memcmp(&a.st_ctim, &b.st_ctim, 16) ? " ctime" : "", memcmp(&a.st_atim, &b.st_atim, 16) ? " atime" : ""); } while (0)
	MOVES(fd, pwrite(fd, "x", 1, 0));
	MOVES(fd, pwrite(fd, "", 0, 0));
	MOVES(fd, pread(fd, zbuf, 10, 0));
	MOVES(fd, pread(fd, zbuf, 10, 1 << 20));
	MOVES(fd, ftruncate(fd, 4000));
	MOVES(fd, ftruncate(fd, 4000));
	MOVES(fd, truncate("m", 4000));
	MOVES(fd, truncate("m", 6000));
	MOVES(fd, fchmod(fd, 0600));
	MOVES(fd, fchown(fd, 0, 0));
	MOVES(fd, fallocate(fd, 0, 0, 4096));
	MOVES(fd, fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 65536));
	MOVES(fd, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	MOVES(fd, fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
	MOVES(fd, link("m", "m2"));
	MOVES(fd, unlink("m2"));
	MOVES(fd, rename("m", "m3"));
	MOVES(fd, rename("m3", "m"));
	MOVES(fd, fsetxattr(fd, "user.x", "y", 1, 0));
	MOVES(fd, fremovexattr(fd, "user.x"));
	MOVES(fd, fsync(fd));
	MOVES(fd, open("m", O_TRUNC | O_WRONLY));
	MOVES(fd, open("m", O_TRUNC | O_WRONLY));
	MOVES(dfd, mknod("d/y", S_IFREG, 0));
	MOVES(dfd, unlink("d/y"));
	MOVES(dfd, rename("d/x", "d/z"));
	MOVES(dfd, rename("d/z", "x"));
	MOVES(dfd, rename("x", "d/x"));
	MOVES(dfd, mkdir("d/sub", 0755));
	MOVES(dfd, rmdir("d/sub"));
	MOVES(dfd, link("m", "d/m"));
	MOVES(dfd, chmod("d/m", 0600));
	MOVES(dfd, fchmod(dfd, 0700));
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	E(ftruncate(fd, 4096));
	MOVES(fd, (m[0] = 1, msync(m, 4096, MS_SYNC)));
	int noat = open("m", O_RDONLY | O_NOATIME);

	MOVES(fd, pread(noat, zbuf, 10, 0));
}

/* ------------------------------------------------------------ who may */

static void try_all(void)
{
	E(access("f", R_OK));
	E(access("f", W_OK));
	E(access("f", X_OK));
	FD(open("f", O_RDONLY));
	FD(open("f", O_RDWR));
	FD(open("f", O_RDONLY | O_NOATIME));
	E(truncate("f", 3));
	E(chmod("f", 0777));
	E(chown("f", 1001, -1));
	E(chown("f", -1, 2001));
	E(unlink("sticky/root"));
	E(unlink("sticky/u1"));
	E(rename("sticky/u2", "sticky/mine"));
	E(rename("open/f", "sticky/u2"));
	E(mkdir("open/d", 0755));
	E(mkdir("closed/d", 0755));
	E(unlink("closed/f"));
	FD(open("closed/f", O_RDONLY));
	E(access("dark/f", F_OK));
	E(link("f", "open/link"));
	E(setxattr("f", "user.a", "b", 1, 0));
	E(setxattr("f", "trusted.a", "b", 1, 0));
	E(setxattr("open", "user.a", "b", 1, 0));
	E(setxattr("sticky", "user.a", "b", 1, 0));
	E(getxattr("f", "trusted.t", zbuf, 10));
	E(getxattr("f", "user.u", zbuf, 10));
	E(listxattr("f", zbuf, 100));
	E(mknod("open/dev", S_IFCHR | 0666, makedev(1, 3)));
	E(mknod("open/fifo", S_IFIFO | 0666, 0));
	int fd = open("open/made", O_CREAT | O_RDWR, 06777);

	show("open/made");
	E(fallocate(fd, 0, 0, 4096));
	struct fsxattr fx = { 0 };

	E(ioctl(fd, FS_IOC_FSGETXATTR, &fx));
	fx.fsx_projid = 9;
	E(ioctl(fd, FS_IOC_FSSETXATTR, &fx));
	fx.fsx_projid = 0;
	fx.fsx_xflags = FS_XFLAG_IMMUTABLE;
	E(ioctl(fd, FS_IOC_FSSETXATTR, &fx));
	fx.fsx_xflags = FS_XFLAG_NODUMP;
	E(ioctl(fd, FS_IOC_FSSETXATTR, &fx));
	int fl = FS_APPEND_FL;

	E(ioctl(fd, FS_IOC_SETFLAGS, &fl));
	fl = FS_NOATIME_FL;
	E(ioctl(fd, FS_IOC_SETFLAGS, &fl));
	unsigned int down = 2;

	if (getuid()) {
		E(ioctl(fd, FIFREEZE, 0));
		E(ioctl(fd, _IOR('X', 125, unsigned int), &down));
	}
	uint64_t res[2] = { 100, 0 };

	E(ioctl(fd, _IOWR('X', 114, uint64_t[2]), res));
	E(ioctl(fd, _IOR('X', 115, uint64_t[2]), res));
	struct fstrim_range tr = { 0, ~0ull, 0 };

	E(ioctl(fd, FITRIM, &tr));
	E(ioctl(open("f", O_RDONLY), _IOW('X', 40, char[48]), zbuf));
	E(unlink("open/made"));
}

void s_perms(void)
{
	int fd = mk("f", 0640, 100);

	fchown(fd, 0, 1002);
	fsetxattr(fd, "user.u", "v", 1, 0);
	fsetxattr(fd, "trusted.t", "v", 1, 0);
	mkdir("sticky", 0777);
	chmod("sticky", 01777);
	mkdir("open", 0777);
	chmod("open", 0777);
	mkdir("closed", 0755);
	mkdir("dark", 0700);
	close(mk("closed/f", 0600, 1));
	close(mk("dark/f", 0600, 1));
	for (int i = 0; i < 3; i++) {
		close(mk("sticky/root", 0644, 1));
		close(mk("sticky/u1", 0644, 1));
		close(mk("sticky/u2", 0644, 1));
		close(mk("open/f", 0644, 1));
		if (chown("sticky/u1", 1001, 1001) || chown("sticky/u2", 1002, 1002))
			return;
		if (i == 0)
			as(1001, 1001, 0, try_all);
		if (i == 1)
			as(1002, 1002, 1002, try_all);
		if (i == 2)
			as(0, 0, 0, try_all);
		list("sticky");
		list("open");
		show("f");
		if (system("rm -rf sticky/mine open/*"))
			return;
	}
}

static void in_setgid(void)
{
	FD(open("sg/f", O_CREAT | O_RDWR, 02777));
	FD(open("sg/g", O_CREAT | O_RDWR, 06755));
	FD(open("sg/h", O_CREAT | O_RDWR, 02745));
	E(mkdir("sg/d", 0755));
	E(mkdir("sg/e", 02755));
	E(mknod("sg/p", S_IFIFO | 0666, 0));
	E(symlink("x", "sg/l"));
	E(chmod("sg/f", 02777));
	for (const char *const *p = (const char *const[]){ "sg/f", "sg/g", "sg/h", "sg/d", "sg/e", "sg/p", "sg/l", NULL }; *p; p++)
		show(*p);
}

void s_sgid(void)
{
	mkdir("sg", 0777);
	umask(0);
	E(chown("sg", 5, 2001));
	E(chmod("sg", 02777));
	as(0, 0, 0, in_setgid);
	E(system("rm -rf sg/*"));
	as(1001, 1001, 0, in_setgid);
	E(system("rm -rf sg/*"));
	as(1001, 1001, 2001, in_setgid);
	umask(022);
}

static int suid_fd;
static void do_write(void) { E(pwrite(suid_fd, "x", 1, 0)); }
static void do_direct(void) { int fd = open("s", O_RDWR | O_DIRECT); E(pwrite(fd, zbuf, 4096, 0)); }
static void do_alloc(void) { E(fallocate(suid_fd, 0, 0, 100000)); }
static void do_keep(void) { E(fallocate(suid_fd, FALLOC_FL_KEEP_SIZE, 0, 200000)); }
static void do_punch(void) { E(fallocate(suid_fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096)); }
static void do_zero(void) { E(fallocate(suid_fd, FALLOC_FL_ZERO_RANGE, 0, 4096)); }
static void do_collapse(void) { E(fallocate(suid_fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096)); }
static void do_insert(void) { E(fallocate(suid_fd, FALLOC_FL_INSERT_RANGE, 0, 4096)); }
static void do_trunc(void) { E(ftruncate(suid_fd, 77)); }
static void do_trunc_path(void) { E(truncate("s", 66)); }
static void do_chown(void) { E(fchown(suid_fd, -1, getgid())); }
static void do_resv(void)
{
	struct { short type, whence; long long start, len; int sysid; unsigned int pid; int pad[4]; } l = { 0, 0, 0, 65536, 0, 0, { 0 } };

	E(ioctl(suid_fd, _IOW('X', 42, char[48]), &l));
	E(ioctl(suid_fd, _IOW('X', 43, char[48]), &l));
}
static void do_mmap(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, suid_fd, 0);

	p[0] = 1;
	E(msync(p, 4096, MS_SYNC));
}

void s_suid(void)
{
	static void (*const what[])(void) = { do_write, do_direct, do_alloc, do_keep, do_punch, do_zero, do_collapse, do_insert,
		do_trunc, do_trunc_path, do_chown, do_resv, do_mmap };
	static const int modes[] = { 06777, 02767, 06755, 04755 };

	for (size_t i = 0; i < sizeof(what) / sizeof(*what); i++)
		for (int uid = 0; uid <= 1001; uid += 1001)
			for (size_t m = 0; m < 4; m++) {
				suid_fd = mk("s", 0644, 16384);
				fchown(suid_fd, 1001, 1001);
				fchmod(suid_fd, modes[m]);
				as(uid, uid, 0, what[i]);
				show("s");
				close(suid_fd);
			}
}

void s_flags(void)
{
	static const int flags[] = { FS_IMMUTABLE_FL, FS_APPEND_FL, FS_NOATIME_FL, FS_NODUMP_FL, FS_SYNC_FL, FS_COMPR_FL, FS_DIRSYNC_FL, FS_NOCOW_FL };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		int fl = flags[i], zero = 0, fd, ap, got = -1, dfd;
		struct fsxattr fx;

		printf(" flag %x\n", fl);
		fd = mk("f", 0644, 10000);
		mkdir("d", 0755);
		close(mk("d/old", 0644, 1));
		dfd = open("d", O_RDONLY);
		E(ioctl(fd, FS_IOC_SETFLAGS, &fl));
		E(ioctl(dfd, FS_IOC_SETFLAGS, &fl));
		E(ioctl(fd, FS_IOC_GETFLAGS, &got));
		printf("  %x\n", got);
		E(ioctl(fd, FS_IOC_FSGETXATTR, &fx));
		/* Whether there is an attribute fork yet is the filesystem's choice. */
		printf("  %x\n", fx.fsx_xflags & ~FS_XFLAG_HASATTR);
		E(pwrite(fd, "x", 1, 0));
		E(write(fd, "x", 1));
		FD(open("f", O_RDWR));
		ap = FD(open("f", O_WRONLY | O_APPEND));
		E(write(ap, "tail", 4));
		FD(open("f", O_WRONLY | O_TRUNC | O_APPEND));
		E(ftruncate(fd, 10));
		E(truncate("f", 20000));
		E(chmod("f", 0600));
		E(chown("f", 1, 1));
		E(utimensat(AT_FDCWD, "f", NULL, 0));
		E(utimensat(AT_FDCWD, "f", (struct timespec[2]){ { 1, 1 }, { 1, 1 } }, 0));
		E(link("f", "g"));
		E(rename("f", "h"));
		E(rename("h", "f"));
		E(unlink("f"));
		E(fallocate(fd, 0, 0, 1 << 16));
		E(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
		E(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
		E(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
		E(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 4096));
		E(fsetxattr(fd, "user.x", "y", 1, 0));
		E(mknod("d/new", S_IFREG | 0644, 0));
		E(mkdir("d/sub", 0755));
		E(unlink("d/old"));
		E(rename("d/old", "old"));
		E(rmdir("d"));
		ioctl(fd, FS_IOC_SETFLAGS, &zero);
		ioctl(dfd, FS_IOC_SETFLAGS, &zero);
		/* children of directories inherit some */
		close(fd);
		close(dfd);
		if (system("rm -rf f g h d old"))
			return;
	}
}
