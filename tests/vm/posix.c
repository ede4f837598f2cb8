// SPDX-License-Identifier: GPL-2.0-only
/*
 * posix --list; posix --map FILE; posix SECTION: makes system calls in the current directory,
 * the borders of every argument included, and prints each call with its result
 * or errno and the state that follows. It judges nothing: what stock XFS
 * prints on the same kernel is right, and the suite compares.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static char zbuf[1 << 20] __attribute__((aligned(4096)));
static char *volatile nowhere;
static long result;

static long say(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, r);
	fflush(stdout);
	return result = r;
}
#define E(x) (errno = 0, say(#x, (long)(x)))
/* a descriptor: its number is nobody's business */
#define FD(x) ({ errno = 0; int fd_ = (x); say(#x, fd_ < 0 ? -1 : 0); fd_; })

static char *n255(char c)
{
	static char name[256];

	memset(name, c, 255);
	name[255] = 0;
	return name;
}

static char *n256(void)
{
	static char name[257];

	memset(name, 'z', 256);
	return name;
}

static void show(const char *name)
{
	char target[1200];
	struct stat st;
	ssize_t l;

	if (lstat(name, &st)) {
		printf("  %.40s: %s\n", name, strerrorname_np(errno));
		return;
	}
	printf("  %.40s: mode %o nlink %ld uid %d gid %d", name, st.st_mode, (long)st.st_nlink, st.st_uid, st.st_gid);
	if (!S_ISDIR(st.st_mode))
		printf(" size %lld", (long long)st.st_size);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf(" rdev %u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (S_ISLNK(st.st_mode) && (l = readlink(name, target, sizeof(target))) >= 0)
		printf(" -> %.*s", (int)l > 60 ? 60 : (int)l, target);
	printf("\n");
	fflush(stdout);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *dir)
{
	char *names[4096];
	struct dirent *de;
	DIR *d = opendir(dir);
	int n = 0;

	if (!d) {
		printf("  %s: %s\n", dir, strerrorname_np(errno));
		return;
	}
	while ((de = readdir(d)) && n < 4096)
		names[n++] = strdup(de->d_name);
	closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	printf("  %s:", dir);
	for (int i = 0; i < n; i++)
		printf(" %.20s", names[i]);
	printf("\n");
}

/*
 * Allocated ranges up to the end of the file (all == 1: beyond it too; all == 2: written
 * ones only, where preallocation on speculation is nobody's business), wherever they are.
 */
static void map(int fd, int all)
{
	struct {
		struct fiemap h;
		struct fiemap_extent e[512];
	} f;
	uint64_t from = 0, to = 0, start = 0;
	unsigned int kind = -1;
	struct stat st;

	fsync(fd);
	fstat(fd, &st);
	printf("  size %lld map", (long long)st.st_size);
	for (;;) {
		memset(&f.h, 0, sizeof(f.h));
		f.h.fm_start = start;
		f.h.fm_length = (all == 1 ? ~0ull : (uint64_t)st.st_size) - start;
		f.h.fm_extent_count = 512;
		if (!f.h.fm_length || ioctl(fd, FS_IOC_FIEMAP, &f) || !f.h.fm_mapped_extents)
			break;
		for (unsigned int i = 0; i < f.h.fm_mapped_extents; i++) {
			uint64_t s = f.e[i].fe_logical, e = s + f.e[i].fe_length;
			unsigned int k = f.e[i].fe_flags & FIEMAP_EXTENT_UNWRITTEN;

			if (all != 1 && e > (uint64_t)((st.st_size + 4095) & ~4095ll))
				e = (st.st_size + 4095) & ~4095ll;
			if (all == 2 && k)
				continue;
			if (s == to && k == kind) {
				to = e;
				continue;
			}
			if (to > from)
				printf(" %llu+%llu%s", (unsigned long long)from, (unsigned long long)(to - from), kind ? "u" : "");
			from = s, to = e, kind = k;
		}
		start = f.e[f.h.fm_mapped_extents - 1].fe_logical + f.e[f.h.fm_mapped_extents - 1].fe_length;
		if (f.e[f.h.fm_mapped_extents - 1].fe_flags & FIEMAP_EXTENT_LAST)
			break;
	}
	if (to > from)
		printf(" %llu+%llu%s", (unsigned long long)from, (unsigned long long)(to - from), kind ? "u" : "");
	printf("\n");
	fflush(stdout);
}

static void sum(int fd)
{
	uint64_t h = 1;
	off_t pos = 0;
	ssize_t n;

	while ((n = pread(fd, zbuf, sizeof(zbuf), pos)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			h = (h ^ (unsigned char)zbuf[i]) * 0x100000001b3ull;
		pos += n;
	}
	printf("  %lld bytes %016llx\n", (long long)pos, (unsigned long long)h);
}

/* Runs fn as another user, in a child. */
static void as(int uid, int gid, int extra, void (*fn)(void))
{
	pid_t p;
	int st;

	printf(" as uid %d gid %d groups %d\n", uid, gid, extra);
	fflush(stdout);
	p = fork();
	if (!p) {
		gid_t g = extra;

		if (setgroups(extra ? 1 : 0, &g) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			_exit(3);
		fn();
		fflush(stdout);
		_exit(0);
	}
	waitpid(p, &st, 0);
	printf(" end %d\n", st);
}

static int mk(const char *name, mode_t mode, size_t len)
{
	int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0666);

	fchmod(fd, mode);
	for (size_t i = 0; i < len && i < sizeof(zbuf); i++)
		zbuf[i] = i * 31 + (i >> 9) * 7 + 1;
	if (len && pwrite(fd, zbuf, len, 0) < 0)
		perror(name);
	return fd;
}

/* ------------------------------------------------------------ names */

static void s_create(void)
{
	FD(open("a", O_CREAT | O_EXCL | O_RDWR, 0644));
	FD(open("a", O_CREAT | O_EXCL | O_RDWR, 0644));
	FD(open("a", O_RDONLY | O_DIRECTORY));
	FD(open("missing", O_RDONLY));
	FD(open("a/b", O_CREAT | O_RDWR, 0644));
	FD(open("", O_CREAT | O_RDWR, 0644));
	FD(open("missing/b", O_CREAT | O_RDWR, 0644));
	FD(open(n255('x'), O_CREAT | O_RDWR, 0644));
	FD(open(n256(), O_CREAT | O_RDWR, 0644));
	E(mkdir(n256(), 0755));
	E(mkdir(n255('d'), 0755));
	E(mkdir(n255('d'), 0755));
	E(symlink("x", n256()));
	E(unlink(n256()));
	E(access(n256(), F_OK));
	E(mkdir("d", 0777));
	E(mkdir("d", 0777));
	E(mkdir("d/..", 0777));
	E(mkdir("d/.", 0777));
	E(mkdir("e/", 0777));
	FD(open("d", O_RDWR));
	FD(open("d", O_CREAT | O_RDONLY, 0644));
	FD(open("\xff\xfe\x80", O_CREAT | O_RDWR, 0644));
	FD(open("a\nb", O_CREAT | O_RDWR, 0644));
	E(mknod("fifo", S_IFIFO | 0644, 0));
	E(mknod("chr", S_IFCHR | 0644, makedev(1, 3)));
	E(mknod("chr", S_IFCHR | 0644, makedev(1, 3)));
	E(mknod("blk", S_IFBLK | 0644, makedev(4095, 0xfffff)));
	E(mknod("sock", S_IFSOCK | 0644, 0));
	E(mknod("reg", S_IFREG | 0644, 0));
	E(mknod("dir", S_IFDIR | 0644, 0));
	E(mknod("odd", 0130000 | 0644, 0));
	for (const char *const *p = (const char *const[]){ "a", "d", "fifo", "chr", "blk", "sock", "reg", "e", NULL }; *p; p++)
		show(*p);
	umask(027);
	FD(open("masked", O_CREAT | O_RDWR, 07777));
	show("masked");
	E(mkdir("masked-d", 07777));
	show("masked-d");
	umask(022);
	list(".");
}

static void s_link(void)
{
	close(mk("a", 0644, 10));
	mkdir("d", 0755);
	E(link("a", "b"));
	E(link("a", "b"));
	E(link("a", "d/c"));
	E(link("d", "e"));
	E(link("missing", "f"));
	E(link("a", n256()));
	E(link("a", n255('l')));
	E(link("a", "missing/x"));
	E(symlink("a", "s"));
	E(linkat(AT_FDCWD, "s", AT_FDCWD, "hard-s", 0));
	E(linkat(AT_FDCWD, "s", AT_FDCWD, "hard-a", AT_SYMLINK_FOLLOW));
	show("a");
	show("s");
	show("hard-s");
	E(unlink("a"));
	show("b");
	E(unlink("b"));
	E(unlink("d"));
	E(rmdir("d"));
	E(rmdir("d/."));
	E(rmdir("s"));
	E(unlink("d/c"));
	E(unlink("d/c"));
	E(rmdir("d"));
	E(rmdir("d"));
	list(".");
}

static void s_symlink(void)
{
	static char t[4097];

	memset(t, 't', 4096);
	E(symlink("", "empty"));
	for (int len = 1020; len <= 1026; len++) {
		char name[20];

		t[len] = 0;
		sprintf(name, "s%d", len);
		E(symlink(t, name));
		show(name);
		t[len] = 't';
	}
	t[4095] = 0;
	E(symlink(t, "huge"));
	E(symlink("loop", "loop"));
	FD(open("loop", O_RDONLY));
	FD(open("loop", O_RDONLY | O_NOFOLLOW));
	FD(open("loop", O_PATH | O_NOFOLLOW));
	E(symlink("x", "loop"));
	E(readlink("loop", t, 2));
	E(readlink("missing", t, 10));
	E(readlink(".", t, 10));
	E(chown("s1020", 1, 1));
	E(lchown("s1020", 7, 8));
	show("s1020");
	E(unlink("s1020"));
	E(unlink("s1023"));
	list(".");
}

static void s_rename(void)
{
	static const struct { const char *from, *to; } t[] = {
		{ "f1", "f2" }, { "f3", "d1" }, { "d1", "f4" }, { "d1", "d2" }, { "d2", "full" }, { "d2", "d2/sub" },
		{ "full", "d3" }, { "d3/x", "d3" }, { "d3", "d3/x" }, { "missing", "f4" }, { "f4", "missing/f4" }, { "f4", "f4" },
		{ ".", "dot" }, { "d3/..", "dot" }, { "f4", "d3/." }, { "l1", "l2" }, { "s1", "s2" }, { "dev", "f4" }, { "d3", "up/d3" },
		{ "up/d3", "d3" }, { "f5", "up/f5" }, { "up/f5", "up/" }, { "f6/", "f7" }, { "d4/", "d5/" }, { "f6", "d5/f6/" },
	};
	static const unsigned int flags[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_NOREPLACE | RENAME_EXCHANGE, 0x80, RENAME_WHITEOUT | RENAME_EXCHANGE, RENAME_WHITEOUT,
		RENAME_WHITEOUT | RENAME_NOREPLACE };
	char dir[20];

	for (size_t f = 0; f < sizeof(flags) / sizeof(*flags); f++) {
		sprintf(dir, "r%x", flags[f]);
		mkdir(dir, 0755);
		if (chdir(dir))
			return;
		for (int i = 1; i < 8; i++)
			close(mk((char[]){ 'f', '0' + i, 0 }, 0600 + i, i));
		for (int i = 1; i < 5; i++)
			mkdir((char[]){ 'd', '0' + i, 0 }, 0700 + i);
		mkdir("up", 0755);
		mkdir("full", 0755);
		mkdir("d3/x", 0755);
		close(mk("full/y", 0644, 1));
		close(mk("l1", 0644, 1));
		if (link("l1", "l2") || symlink("a", "s1") || symlink("b", "s2") || mknod("dev", S_IFCHR | 0600, makedev(1, 3)))
			return;
		for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
			char what[100];

			sprintf(what, "rename %s %s %x", t[i].from, t[i].to, flags[f]);
			errno = 0;
			say(what, renameat2(AT_FDCWD, t[i].from, AT_FDCWD, t[i].to, flags[f]));
		}
		E(rename("f7", n256()));
		E(rename("f7", n255('r')));
		list(".");
		for (const char *const *p = (const char *const[]){ ".", "..", "up", "full", "d1", "d2", "d3", "d5", "f1", "f2", "f4", "l1", "l2", "s1", "s2", "dev", NULL }; *p; p++)
			show(*p);
		if (chdir(".."))
			return;
	}
}

static void s_dirs(void)
{
	char name[64];
	struct dirent *de;
	long pos[2000];
	DIR *d;
	int n = 0, same = 0;

	E(mkdir("d", 0755));
	for (int i = 0; i < 1500; i++) {
		sprintf(name, "d/entry-%0*d", 1 + i % 40, i);
		if (mknod(name, S_IFREG | 0644, 0))
			perror(name);
	}
	d = opendir("d");
	while ((pos[n] = telldir(d), de = readdir(d)) && n < 1999)
		n++;
	printf("  %d entries\n", n);
	for (int i = 0; i < n; i += 37) {
		char want[256];

		seekdir(d, pos[i]);
		de = readdir(d);
		strcpy(want, de ? de->d_name : "");
		seekdir(d, pos[i]);
		de = readdir(d);
		same += de && !strcmp(de->d_name, want);
	}
	printf("  %d of %d positions hold\n", same, (n + 36) / 37);
	/* what is removed while reading is gone, what stays is seen once */
	rewinddir(d);
	n = 0;
	while ((de = readdir(d)) && de->d_name[0] == '.')
		;
	for (int i = 0; i < 1500; i += 2) {
		sprintf(name, "d/entry-%0*d", 1 + i % 40, i);
		unlink(name);
	}
	rewinddir(d);
	while ((de = readdir(d)))
		n++;
	printf("  %d entries left\n", n);
	E(lseek(dirfd(d), -1, SEEK_SET));
	E(lseek(dirfd(d), LLONG_MAX, SEEK_SET));
	E(readdir(d) != NULL);
	closedir(d);
	E(rmdir("d"));
	E(read(open("d", O_RDONLY), zbuf, 10));
	E(ftruncate(open("d", O_RDONLY), 0));
	E(truncate("d", 0));
	for (int i = 1; i < 1500; i += 2) {
		sprintf(name, "d/entry-%0*d", 1 + i % 40, i);
		unlink(name);
	}
	/* a directory that somebody has open goes, and is empty then */
	int fd = open("d", O_RDONLY | O_DIRECTORY);

	E(rmdir("d"));
	E(openat(fd, "x", O_CREAT | O_RDWR, 0644));
	E(mkdirat(fd, "x", 0755));
	E(renameat(AT_FDCWD, ".", fd, "x"));
	struct stat st;

	fstat(fd, &st);
	printf("  nlink %ld\n", (long)st.st_nlink);
	close(fd);
	mkdir("n", 0755);
	for (int i = 0; i < 20; i++) {
		sprintf(name, "n/%d", i);
		mkdir(name, 0755);
	}
	show("n");
	rmdir("n/3");
	show("n");
}

/* ------------------------------------------------------------ attributes of inodes */

static void s_setattr(void)
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

static void s_times(void)
{
	static const long long when[] = { 0, -1, INT_MIN, (long long)INT_MIN - 1, INT_MAX, (long long)INT_MAX + 1, 4102444800ll, 4294967296ll,
					  16299260424ll, 16299260425ll, 1ll << 40, LLONG_MAX, LLONG_MIN };

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

static void s_perms(void)
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

static void s_sgid(void)
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

static void s_suid(void)
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

static void s_flags(void)
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

/* ------------------------------------------------------------ data */

static void s_fallocate(void)
{
	static const struct { int mode; const char *name; } modes[] = {
		{ 0, "allocate" }, { FALLOC_FL_KEEP_SIZE, "keep" }, { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch" },
		{ FALLOC_FL_ZERO_RANGE, "zero" }, { FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero-keep" },
		{ FALLOC_FL_COLLAPSE_RANGE, "collapse" }, { FALLOC_FL_INSERT_RANGE, "insert" },
		{ FALLOC_FL_PUNCH_HOLE, "punch without keep" }, { FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, "collapse-keep" },
		{ FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE, "collapse and insert" },
		{ FALLOC_FL_NO_HIDE_STALE, "stale" }, { 0x100, "unknown" } };
	static const struct { long long off, len; } ranges[] = {
		{ 0, 4096 }, { 0, 0 }, { 0, -1 }, { -1, 4096 }, { 4096, 8192 }, { 100, 4096 }, { 4096, 100 }, { 5000, 10000 }, { 16384, 4096 },
		{ 20480, 4096 }, { 0, 20000 }, { 0, 20480 }, { 0, 1 << 20 }, { 1 << 20, 4096 }, { 12288, 1 << 20 }, { LLONG_MAX, 1 },
		{ LLONG_MAX - 4095, 4096 }, { 0x7ffffffffffff000ll, 4096 }, { 0x7fffffffffffe000ll, 4096 }, { 4096, LLONG_MAX }, { 0, LLONG_MAX },
		{ 4096, 0x7fffffffffffe000ll } };

	for (size_t m = 0; m < sizeof(modes) / sizeof(*modes); m++)
		for (size_t r = 0; r < sizeof(ranges) / sizeof(*ranges); r++) {
			char what[100];
			int fd = mk("f", 0644, 20000);

			fsync(fd);
			/* asking for everything is up to the free space: not here */
			if ((modes[m].mode & ~FALLOC_FL_KEEP_SIZE) == 0 && ranges[r].len > 1ll << 40)
				continue;
			if ((modes[m].mode & FALLOC_FL_ZERO_RANGE) && ranges[r].len > 1ll << 40)
				continue;
			sprintf(what, "fallocate %s %lld %lld", modes[m].name, ranges[r].off, ranges[r].len);
			errno = 0;
			if (!say(what, fallocate(fd, modes[m].mode, ranges[r].off, ranges[r].len))) {
				struct stat st;

				fstat(fd, &st);
				if (st.st_size < 1 << 22) {
					map(fd, !(modes[m].mode & FALLOC_FL_KEEP_SIZE) ? 0 : 1);
					sum(fd);
				} else {
					printf("  size %lld\n", (long long)st.st_size);
				}
			}
			close(fd);
			unlink("f");
		}
	int ro = open("f", O_CREAT | O_RDONLY, 0644), p[2];

	E(fallocate(ro, 0, 0, 4096));
	E(fallocate(open(".", O_RDONLY), 0, 0, 4096));
	if (pipe(p))
		return;
	E(fallocate(p[1], 0, 0, 4096));
	E(mknod("fifo", S_IFIFO | 0644, 0));
	E(fallocate(open("fifo", O_RDWR), 0, 0, 4096));
	E(posix_fallocate(open("f", O_RDWR), 0, 12345));
	show("f");
}

static void s_offsets(void)
{
	static const long long off[] = { -1, 0, 1, 511, 512, 4095, 4096, 0x7fffffff, 0x80000000ll, 1ll << 40, (1ll << 43) - 1, 1ll << 43, 1ll << 44,
		(1ll << 44) - 4096, 0x7fffffffffffefffll, 0x7ffffffffffff000ll, LLONG_MAX - 1, LLONG_MAX };
	int fd = FD(open("f", O_CREAT | O_RDWR, 0644)), d = FD(open("f", O_RDWR | O_DIRECT));
	char what[100];

	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++) {
#define AT(x) do { sprintf(what, "%s at %llx", #x, off[i]); errno = 0; say(what, (long)(x)); } while (0)
		AT(pwrite(fd, "abcdefgh", 8, off[i]));
		AT(pwrite(fd, "", 0, off[i]));
		AT(pread(fd, zbuf, 8, off[i]));
		AT(pwrite(d, zbuf, 4096, off[i]));
		AT(pread(d, zbuf, 4096, off[i]));
		AT(lseek(fd, off[i], SEEK_SET));
		AT(ftruncate(fd, off[i]));
		struct stat st;

		fstat(fd, &st);
		printf("  size %llx\n", (long long)st.st_size);
		if (ftruncate(fd, 0))
			return;
	}
	E(pwrite(d, zbuf + 1, 4096, 0));
	E(pwrite(d, zbuf, 100, 0));
	E(pwrite(d, zbuf, 512, 0));
	E(pwrite(d, zbuf, 512, 512));
	E(pwrite(d, zbuf, 1024, 3584));
	E(pwrite(d, zbuf, 4096, 100));
	E(pread(d, zbuf + 1, 512, 0));
	E(pread(d, zbuf, 100, 0));
	E(pread(d, zbuf, 65536, 0));
	E(pwrite(d, nowhere, 4096, 0));
	E(pwrite(fd, nowhere, 4096, 0));
	E(pread(fd, nowhere, 4096, 0));
	struct stat st;

	fstat(fd, &st);
	printf("  size %llx\n", (long long)st.st_size);
	E(pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_DSYNC));
	E(pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_APPEND));
	/* it may not wait for a change of the times either, which falls due with every tick of the clock */
	for (int i = 0; i < 1000 && pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_NOWAIT) != 100; i++)
		if (errno != EAGAIN || i == 999 || pwrite(fd, zbuf, 100, 0) != 100) {
			perror("RWF_NOWAIT");
			break;
		}
	E(pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_HIPRI));
	E(pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, 0x1000));
	E(preadv2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_NOWAIT));
	E(lseek(fd, 0, SEEK_END));
	E(lseek(fd, 0, 99));
	E(lseek(fd, -1, SEEK_DATA));
	E(lseek(fd, 1 << 30, SEEK_DATA));
	E(lseek(fd, 1 << 30, SEEK_HOLE));
	E(ftruncate(fd, 0));
	E(lseek(fd, 0, SEEK_DATA));
	E(lseek(fd, 0, SEEK_HOLE));
	FD(open("noread", O_CREAT | O_WRONLY, 0644));
	E(read(open("noread", O_WRONLY), zbuf, 1));
	E(write(open("noread", O_RDONLY), zbuf, 1));
	E(syncfs(fd));
	E(fdatasync(fd));
	E(sync_file_range(fd, 0, 0, 7));
	E(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	E(readahead(fd, 0, 4096));
}

static void s_sparse(void)
{
	int fd = FD(open("f", O_CREAT | O_RDWR, 0644)), d;
	off_t pos, hole;

	for (int i = 0; i < 20; i++)
		if (pwrite(fd, "0123456789", 10, i * 100000 + i) != 10)
			return;
	E(fsync(fd));
	map(fd, 2);
	E(ftruncate(fd, 3000000));
	for (pos = 0; (pos = lseek(fd, pos, SEEK_DATA)) >= 0; pos = hole) {
		hole = lseek(fd, pos, SEEK_HOLE);
		printf("  data %lld %lld\n", (long long)pos, (long long)hole);
	}
	sum(fd);
	d = open("f", O_RDWR | O_DIRECT);
	memset(zbuf, 'd', 65536);
	E(pwrite(d, zbuf, 65536, 65536));
	E(pwrite(d, zbuf, 512, 1 << 20));
	E(pwrite(d, zbuf, 4096, (1 << 20) + 512));
	E(pwrite(d, zbuf, 8192, 3 << 20));
	map(fd, 2);
	sum(fd);
	E(fallocate(fd, 0, 0, 4 << 20));
	map(fd, 2);
	memset(zbuf, 'e', 65536);
	E(pwrite(d, zbuf, 512, 512 * 3));
	E(pwrite(d, zbuf, 12288, 200704));
	E(pwrite(fd, zbuf, 100, 300000));
	map(fd, 2);
	sum(fd);
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 1 << 20);

	for (int i = 0; i < 1 << 20; i += 50000)
		p[i] = i;
	E(msync(p, 1 << 20, MS_SYNC));
	map(fd, 2);
	sum(fd);
}

static void s_xattr(void)
{
	static char big[70000], list_[70000];
	int fd = mk("f", 0644, 1);

	memset(big, 'b', sizeof(big));
	E(fsetxattr(fd, "user.a", "1", 1, XATTR_REPLACE));
	E(fsetxattr(fd, "user.a", "1", 1, XATTR_CREATE));
	E(fsetxattr(fd, "user.a", "2", 1, XATTR_CREATE));
	E(fsetxattr(fd, "user.a", "33", 2, XATTR_REPLACE));
	E(fgetxattr(fd, "user.a", zbuf, 1));
	E(fgetxattr(fd, "user.a", zbuf, 100));
	E(fgetxattr(fd, "user.a", NULL, 0));
	E(fgetxattr(fd, "user.b", NULL, 0));
	E(fgetxattr(fd, "user.", NULL, 0));
	E(fsetxattr(fd, "user.", "x", 1, 0));
	E(fsetxattr(fd, "bogus.a", "x", 1, 0));
	E(fsetxattr(fd, "", "x", 1, 0));
	E(fsetxattr(fd, "trusted.t", "x", 1, 0));
	E(fsetxattr(fd, "security.foo", "x", 1, 0));
	E(fsetxattr(fd, "system.foo", "x", 1, 0));
	E(fsetxattr(fd, "user.big", big, 65536, 0));
	E(fsetxattr(fd, "user.big", big, 65537, 0));
	E(fgetxattr(fd, "user.big", zbuf, 65536));
	E(fgetxattr(fd, "user.big", zbuf, 65535));
	E(fsetxattr(fd, "user.empty", "", 0, 0));
	E(fgetxattr(fd, "user.empty", zbuf, 10));
	E(flistxattr(fd, NULL, 0));
	E(flistxattr(fd, list_, 3));
	E(flistxattr(fd, list_, sizeof(list_)));
	big[255] = 0;
	memcpy(big, "user.", 5);
	E(fsetxattr(fd, big, "x", 1, 0));
	big[255] = 'b';
	big[256] = 0;
	E(fsetxattr(fd, big, "x", 1, 0));
	E(fremovexattr(fd, "user.big"));
	E(fremovexattr(fd, "user.big"));
	E(flistxattr(fd, NULL, 0));
	for (int i = 0; i < 300; i++) {
		char name[40];

		sprintf(name, "user.many-%d", i);
		if (fsetxattr(fd, name, big + 300, i % 7 * 100, 0))
			perror(name);
	}
	E(flistxattr(fd, NULL, 0));
	for (int i = 0; i < 300; i++) {
		char name[40];

		sprintf(name, "user.many-%d", i);
		if (fgetxattr(fd, name, zbuf, 1000) != i % 7 * 100 || fremovexattr(fd, name))
			perror(name);
	}
	E(flistxattr(fd, NULL, 0));
	E(symlink("f", "s"));
	E(lsetxattr("s", "user.a", "x", 1, 0));
	E(lsetxattr("s", "trusted.a", "x", 1, 0));
	E(mknod("fifo", S_IFIFO | 0644, 0));
	E(setxattr("fifo", "user.a", "x", 1, 0));
	E(setxattr(".", "user.a", "x", 1, 0));
}

static void acl_set(const char *name, const char *kind, int uperm, int mask, int other, int extra)
{
	struct { uint16_t tag, perm; uint32_t id; } e[] = {
		{ 1, uperm, -1 }, { 2, 7, 1001 }, { 4, 5, -1 }, { 8, 6, 2001 }, { 16, mask, -1 }, { 32, other, -1 }, { extra, 7, 1 } };
	char x[4 + sizeof(e)] = { 2 }, what[60];

	memcpy(x + 4, e, sizeof(e));
	sprintf(what, "%s %s %d", name, kind, extra);
	errno = 0;
	say(what, setxattr(name, kind, x, 4 + (extra ? 7 : 6) * 8, 0));
}

static void use_acl(void)
{
	FD(open("f", O_RDONLY));
	FD(open("f", O_RDWR));
	FD(open("d/new", O_CREAT | O_RDWR, 0666));
	acl_set("f", "system.posix_acl_access", 7, 7, 7, 0);
	E(removexattr("f", "system.posix_acl_access"));
}

static void s_acl(void)
{
	close(mk("f", 0600, 1));
	mkdir("d", 0755);
	acl_set("f", "system.posix_acl_access", 6, 4, 0, 0);
	show("f");
	as(1001, 1001, 0, use_acl);
	as(1002, 1002, 2001, use_acl);
	as(1002, 1002, 0, use_acl);
	acl_set("f", "system.posix_acl_access", 6, 7, 4, 0);
	show("f");
	as(1001, 1001, 0, use_acl);
	E(chmod("f", 0640));
	E(getxattr("f", "system.posix_acl_access", zbuf, 1000));
	as(1001, 1001, 0, use_acl);
	acl_set("f", "system.posix_acl_default", 7, 7, 7, 0);
	acl_set("f", "system.posix_acl_access", 7, 7, 7, 99);
	acl_set("d", "system.posix_acl_access", 7, 7, 5, 0);
	acl_set("d", "system.posix_acl_default", 6, 7, 4, 0);
	as(1001, 1001, 0, use_acl);
	umask(0);
	FD(open("d/file", O_CREAT | O_RDWR, 0666));
	FD(open("d/file2", O_CREAT | O_RDWR, 0600));
	E(mkdir("d/dir", 0777));
	E(symlink("x", "d/link"));
	E(mknod("d/fifo", S_IFIFO | 0666, 0));
	for (const char *const *p = (const char *const[]){ "d", "d/new", "d/file", "d/file2", "d/dir", "d/fifo", NULL }; *p; p++) {
		show(*p);
		E(getxattr(*p, "system.posix_acl_access", zbuf, 1000));
		E(getxattr(*p, "system.posix_acl_default", zbuf, 1000));
		E(listxattr(*p, zbuf, 1000));
	}
	umask(022);
	E(removexattr("f", "system.posix_acl_access"));
	E(getxattr("f", "system.posix_acl_access", zbuf, 1000));
	E(removexattr("d", "system.posix_acl_default"));
	E(removexattr("d", "system.posix_acl_default"));
	E(setxattr("f", "system.posix_acl_access", "xx", 2, 0));
	E(setxattr("f", "system.posix_acl_access", "\2\0\0\0", 4, 0));
	/* the most that fits, and one more */
	struct { uint16_t tag, perm; uint32_t id; } e[6000];
	char *x = calloc(1, 4 + sizeof(e));

	for (int n = 24; n < 6000; n += n < 30 ? 1 : 5400) {
		x[0] = 2;
		e[0].tag = 1, e[0].perm = 7, e[0].id = -1;
		for (int i = 1; i < n - 3; i++)
			e[i].tag = 2, e[i].perm = 5, e[i].id = 1000 + i;
		e[n - 3].tag = 4, e[n - 3].perm = 5, e[n - 3].id = -1;
		e[n - 2].tag = 16, e[n - 2].perm = 5, e[n - 2].id = -1;
		e[n - 1].tag = 32, e[n - 1].perm = 5, e[n - 1].id = -1;
		memcpy(x + 4, e, n * 8);
		printf("  %d entries\n", n);
		E(setxattr("f", "system.posix_acl_access", x, 4 + n * 8, 0));
		E(getxattr("f", "system.posix_acl_access", zbuf, 65536));
	}
}

static void s_tmpfile(void)
{
	char link_[64];
	struct stat st;
	int fd = FD(open(".", O_TMPFILE | O_RDWR, 0640)), fd2;

	fstat(fd, &st);
	printf("  nlink %ld mode %o\n", (long)st.st_nlink, st.st_mode);
	E(write(fd, zbuf, 100000));
	sprintf(link_, "/proc/self/fd/%d", fd);
	E(linkat(AT_FDCWD, link_, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	E(linkat(AT_FDCWD, link_, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	show("linked");
	fd2 = FD(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640));
	sprintf(link_, "/proc/self/fd/%d", fd2);
	E(linkat(AT_FDCWD, link_, AT_FDCWD, "refused", AT_SYMLINK_FOLLOW));
	FD(open(".", O_TMPFILE | O_RDONLY, 0640));
	FD(open("linked", O_TMPFILE | O_RDWR, 0640));
	/* a file that has lost its last name lives on until it is closed, and cannot come back */
	fd = mk("u", 0644, 5000);
	E(unlink("u"));
	E(pwrite(fd, zbuf, 10000, 3000));
	sprintf(link_, "/proc/self/fd/%d", fd);
	E(linkat(AT_FDCWD, link_, AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
	fstat(fd, &st);
	printf("  nlink %ld size %lld\n", (long)st.st_nlink, (long long)st.st_size);
	sum(fd);
	E(fchmod(fd, 0600));
	E(ftruncate(fd, 1));
	E(fsetxattr(fd, "user.a", "x", 1, 0));
	list(".");
}

static void s_mmap(void)
{
	int fd = mk("f", 0644, 10000), ro = open("f", O_RDONLY);
	char *p = E(mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) ?
		mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;
	pid_t c;
	int st;

	E(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED);
	E(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 100) == MAP_FAILED);
	p[9999] = 'Z';
	p[10000] = 'Y';		/* beyond the end, in its page: not in the file */
	E(msync(p, 12288, MS_SYNC));
	sum(fd);
	E(ftruncate(fd, 12000));
	printf("  %d %d\n", p[9999], p[10000]);
	sum(fd);
	fflush(stdout);
	c = fork();
	if (!c) {
		p[12288 + 1] = 1;
		_exit(0);
	}
	waitpid(c, &st, 0);
	printf("  beyond the last page: signal %d\n", WTERMSIG(st));
	fflush(stdout);
	E(ftruncate(fd, 100));
	c = fork();
	if (!c)
		_exit(p[5000]);
	waitpid(c, &st, 0);
	printf("  after truncate: signal %d\n", WTERMSIG(st));
	E(pwrite(fd, "abc", 3, 50));
	printf("  %c%c%c %d\n", p[50], p[51], p[52], p[100]);
	E(ftruncate(fd, 16384));
	printf("  %d %d\n", p[8000], p[16383]);
	E(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	printf("  %d\n", p[50]);
	p[60] = 7;
	E(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 4096));
	printf("  %d %d\n", p[60], p[4096 + 60]);
	E(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
	printf("  %d\n", p[60]);
	int d = open("f", O_RDWR | O_DIRECT);

	memset(zbuf, 'D', 4096);
	E(pwrite(d, zbuf, 4096, 4096));
	printf("  %c\n", p[4096]);
	p[4100] = 'M';
	E(pread(d, zbuf, 4096, 4096));
	printf("  %c\n", zbuf[4]);
	sum(fd);
}

static void s_misc(void)
{
	struct statfs sf;
	int fd = mk("f", 0644, 1), v;

	E(statfs(".", &sf));
	printf("  magic %lx bsize %ld namelen %ld frsize %ld\n", (long)sf.f_type, (long)sf.f_bsize, (long)sf.f_namelen, (long)sf.f_frsize);
	E(flock(fd, LOCK_EX | LOCK_NB));
	E(fcntl(fd, F_SETLEASE, F_WRLCK));
	E(fcntl(fd, F_GETLEASE));
	E(fcntl(fd, F_SETLEASE, F_UNLCK));
	E(pathconf("f", _PC_LINK_MAX) > 0);
	E(pathconf("f", _PC_NAME_MAX));
	E(ioctl(fd, FIONREAD, &v));
	E(ioctl(fd, FIGETBSZ, &v));
	printf("  %d\n", v);
	E(ioctl(fd, 0xdead, &v));
	E(ioctl(fd, _IOC(_IOC_READ, 'X', 250, 8), &v));
	E(copy_file_range(fd, NULL, open("g", O_CREAT | O_RDWR, 0644), NULL, 1, 0));
	E(splice(fd, NULL, open("g", O_RDWR), NULL, 10, 0));
	E(ioctl(fd, FIBMAP, &v));
	E(fsync(open(".", O_RDONLY)));
	E(fdatasync(open(".", O_RDONLY)));
	FD(open("excl", O_CREAT | O_RDWR | O_SYNC | O_DIRECT, 0644));
	FD(open("pathy", O_PATH));
	E(name_to_handle_at(AT_FDCWD, "f", &(struct file_handle){ .handle_bytes = 0 }, &v, 0));
	/* a handle finds its file again */
	struct { struct file_handle h; char b[128]; } fh = { .h.handle_bytes = 128 };
	int mnt = open(".", O_RDONLY);

	E(name_to_handle_at(AT_FDCWD, "f", &fh.h, &v, 0));
	printf("  handle %u bytes type %d\n", fh.h.handle_bytes, fh.h.handle_type);
	FD(open_by_handle_at(mnt, &fh.h, O_RDONLY));
	E(unlink("f"));
	close(fd);
	FD(open_by_handle_at(mnt, &fh.h, O_RDONLY));
	memset(fh.h.f_handle, 0xff, 8);
	FD(open_by_handle_at(mnt, &fh.h, O_RDONLY));
	memset(fh.h.f_handle, 0, 8);
	FD(open_by_handle_at(mnt, &fh.h, O_RDONLY));
}

static const struct { const char *name; void (*fn)(void); } sections[] = {
	{ "create", s_create }, { "link", s_link }, { "symlink", s_symlink }, { "rename", s_rename }, { "dirs", s_dirs },
	{ "setattr", s_setattr }, { "times", s_times }, { "perms", s_perms }, { "sgid", s_sgid }, { "suid", s_suid }, { "flags", s_flags },
	{ "fallocate", s_fallocate }, { "offsets", s_offsets }, { "sparse", s_sparse }, { "xattr", s_xattr }, { "acl", s_acl },
	{ "tmpfile", s_tmpfile }, { "mmap", s_mmap }, { "misc", s_misc },
};

int main(int argc, char **argv)
{
	umask(022);
	if (argc == 3 && !strcmp(argv[1], "--map")) {
		map(open(argv[2], O_RDWR), 1);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(sections) / sizeof(*sections); i++) {
		if (!strcmp(argv[1], "--list"))
			puts(sections[i].name);
		else if (!strcmp(argv[1], sections[i].name)) {
			if (mkdir(argv[1], 0755) || chdir(argv[1])) {
				perror(argv[1]);
				return 2;
			}
			chmod(".", 0755);
			sections[i].fn();
			return 0;
		}
	}
	return argc > 1 && !strcmp(argv[1], "--list") ? 0 : 2;
}
