// SPDX-License-Identifier: GPL-2.0-only
/*
 * When does a filesystem say that there is no space left, and how much is there then?
 *
 * nospace fill DIR KIND   does KIND until it fails for want of space; prints how often it went, and the KiB that are free
 *                         after a sync
 * nospace held DIR        brings about, before each operation, that all free space is only reserved (delayed
 *                         extents, each with its share of a btree) or not freed yet (just unlinked), and prints how each
 *                         operation went
 * nospace storm DIR N     N processes meet a full volume 200 times each; prints how often any of it went
 * nospace gone DIR MIB    writes a file, unlinks it, and prints the KiB that are missing after a sync, and at once
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *dir;
static char *buf;
static char target[1001];

static void die(const char *what)
{
	fprintf(stderr, "nospace: %s: %s\n", what, strerror(errno));
	exit(2);
}

static long free_kib(void)
{
	struct statvfs v;

	if (statvfs(dir, &v))
		die("statvfs");
	return v.f_bavail * (v.f_frsize / 1024);
}

static char *path(const char *name, int i)
{
	static char ring[4][512];
	static int at;
	char *p = ring[at++ % 4];

	snprintf(p, 512, "%s/%s%d", dir, name, i);
	return p;
}

/* all of it, or -1 */
static int put(const char *p, int flags, size_t len, off_t at)
{
	int fd = open(p, O_CREAT | O_WRONLY | flags, 0644), e = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = pwrite(fd, buf, len, at);
	if (n != (ssize_t)len)
		e = n < 0 ? errno : ENOSPC;
	if (close(fd) && !e)
		e = errno;
	errno = e;
	return e ? -1 : 0;
}

static sigjmp_buf bus;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(bus, 1);
}

/* one page more of a sparse file, by a store */
static int store(const char *p, size_t at, size_t len)
{
	static char *m;
	static size_t mapped;
	int fd;

	if (m && mapped < at + len)
		m = NULL;
	if (!m) {
		mapped = at + len + (64 << 20);
		fd = open(p, O_CREAT | O_RDWR, 0644);
		if (fd < 0 || ftruncate(fd, mapped))
			return -1;
		m = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (m == MAP_FAILED)
			die("mmap");
		close(fd);
	}
	signal(SIGBUS, on_bus);
	if (sigsetjmp(bus, 1)) {
		m = NULL;
		errno = ENOSPC;
		return -1;
	}
	for (size_t i = 0; i < len; i += 4096)
		m[at + i] = 1;
	return 0;
}

/* ---- fill ---- */

static int f_small(int i) { return put(path("s", i), 0, 4096, 0); }
static int f_medium(int i) { return put(path("m", i), 0, 12288, 0); }
static int f_100k(int i) { return put(path("k", i), 0, 100000, 0); }
static int f_append(int i) { return put(path("append", 0), 0, 65536, i * 65536ll); }
static int f_huge(int i) { return put(path("huge", 0), 0, 4 << 20, (off_t)i * (4 << 20)); }
static int f_direct(int i) { return put(path("direct", 0), O_DIRECT, 65536, i * 65536ll); }
static int f_store(int i) { return store(path("store", 0), i * 4096ll, 4096); }
static int f_mkdir(int i) { return mkdir(path("d", i), 0755); }
static int f_symlink(int i) { return symlink(target, path("l", i)); }

static int f_create(int i)
{
	int fd = open(path("c", i), O_CREAT | O_EXCL | O_WRONLY, 0644);

	return fd < 0 ? -1 : close(fd);
}

static int f_xattr(int i)
{
	if (!i && f_create(0))
		return -1;
	snprintf(target, 30, "user.%d", i);
	return setxattr(path("c", 0), target, buf, 20000, 0);
}

static int f_falloc(int i)
{
	int fd = open(path("falloc", 0), O_CREAT | O_WRONLY, 0644), ret;

	if (fd < 0)
		return -1;
	ret = fallocate(fd, 0, i * (1ll << 20), 1 << 20);
	close(fd);
	return ret;
}

/* all that statvfs shows but 512 KiB, in one go (fstests generic/103) */
static int f_falloc1(int i)
{
	int fd = open(path("falloc", i), O_CREAT | O_WRONLY, 0644), ret;

	if (i || fd < 0) {
		errno = ENOSPC;
		return -1;
	}
	ret = fallocate(fd, 0, 0, (free_kib() - 512) * 1024);
	close(fd);
	return ret;
}

static const struct kind { const char *name; int (*fn)(int i); } kinds[] = {
	{ "small", f_small }, { "medium", f_medium }, { "100k", f_100k }, { "append", f_append }, { "huge", f_huge },
	{ "direct", f_direct }, { "store", f_store }, { "mkdir", f_mkdir }, { "symlink", f_symlink },
	{ "create", f_create }, { "xattr", f_xattr }, { "falloc", f_falloc }, { "falloc1", f_falloc1 },
};

static int fill(const char *kind)
{
	for (unsigned int k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		int i = 0;

		if (strcmp(kinds[k].name, kind))
			continue;
		while (!kinds[k].fn(i))
			i++;
		if (errno != ENOSPC)
			die(kind);
		sync();
		printf("%d %ld\n", i, free_kib());
		return 0;
	}
	die("no such kind");
	return 2;
}

/* ---- held ---- */

/* every other block of a file, so that each delayed extent holds what a btree could take */
static void hold(void)
{
	int fd = open(path("held", 0), O_CREAT | O_WRONLY | O_TRUNC, 0644);
	off_t at = 0;

	if (fd < 0)
		die("held");
	while (free_kib() > 64) {
		for (int i = 0; i < 8; i++, at += 8192)
			if (pwrite(fd, buf, 4096, at) != 4096)
				break;
		if (at > 1 << 30)
			break;
	}
	close(fd);
}

static void unlinked(void)
{
	put(path("gone", 0), 0, 24 << 20, 0);
	sync();
	hold();
	if (unlink(path("gone", 0)))
		die("unlink");
}

static int h_untar(int i)
{
	for (int k = 0; k < 500; k++)
		if (put(path("untar", 1000 * i + k), 0, 4096, 0))
			return -1;
	return 0;
}
static int h_open(int i) { (void)i; return f_create(1); }
static int h_direct(int i) { return put(path("hd", i), O_DIRECT, 1 << 20, 0); }
static int h_buffered(int i) { return put(path("hb", i), 0, 1 << 20, 0); }
static int h_falloc(int i)
{
	int fd = open(path("hf", i), O_CREAT | O_WRONLY, 0644), ret;

	ret = fd < 0 ? -1 : fallocate(fd, 0, 0, 4 << 20);
	close(fd);
	return ret;
}
static int h_zero(int i)
{
	int fd = open(path("hf", i), O_CREAT | O_WRONLY, 0644), ret;

	ret = fd < 0 ? -1 : fallocate(fd, FALLOC_FL_ZERO_RANGE, 8 << 20, 1 << 20);
	close(fd);
	return ret;
}
static int h_xattr(int i) { (void)i; return setxattr(path("c", 1), "user.x", buf, 20000, 0); }
static int h_store(int i) { return store(path("hs", i), 0, 1 << 20); }
static int h_link(int i) { (void)i; return link(path("c", 1), path("a-name-that-is-new-", 1)); }
static int h_rename(int i) { (void)i; return rename(path("c", 1), path("d", 1 << 20)); }
static int h_tmpfile(int i)
{
	int fd = open(dir, O_TMPFILE | O_WRONLY, 0600);

	(void)i;
	return fd < 0 ? -1 : close(fd);
}

static int held(void)
{
	static const struct kind ops[] = {
		{ "open", h_open }, { "mkdir", f_mkdir }, { "symlink", f_symlink }, { "tmpfile", h_tmpfile },
		{ "link", h_link }, { "setxattr", h_xattr }, { "direct write", h_direct },
		{ "buffered write", h_buffered }, { "fallocate", h_falloc }, { "zero range", h_zero },
		{ "mmap store", h_store }, { "untar", h_untar }, { "rename", h_rename },
	};
	static void (*const states[])(void) = { hold, unlinked };
	int failed = 0;

	for (unsigned int s = 0; s < 2; s++) {
		for (unsigned int k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
			if (s && k < 5 && k)
				continue;	/* nothing that depends on the order; and time is dear */
			if (s && !k)
				unlink(path("c", 1));
			if (s && k == sizeof(ops) / sizeof(ops[0]) - 1)
				continue;
			states[s]();
			if (ops[k].fn(2 + s)) {
				printf("%s, space %s: %s, and after a sync ", ops[k].name, s ? "just unlinked" : "only reserved",
				       strerror(errno));
				sync();
				printf("%ld KiB are free\n", free_kib());
				failed = 1;
			}
		}
	}
	return failed;
}

/* ---- the rest ---- */

static int storm(int n)
{
	int went = 0, status;

	for (int k = 0; k < n; k++) {
		if (fork())
			continue;
		for (int i = 0; i < 200; i++) {
			char *p = path("storm", k * 1000 + i);

			went += !mkdir(p, 0755);
			went += !put(path("storm-file", k), 0, 1 << 20, 0);
		}
		_exit(went > 100 ? 100 : went);
	}
	while (wait(&status) > 0)
		went += WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	printf("%d\n", went);
	return 0;
}

static int gone(int mib)
{
	long before = free_kib(), at_once;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < mib; i++)
			if (put(path("gone", 0), 0, 1 << 20, (off_t)i << 20))
				die("write");
		sync();
		if (unlink(path("gone", 0)))
			die("unlink");
		if (!round)
			sync();
		at_once = before - free_kib();
		printf("%ld%c", at_once, round ? '\n' : ' ');
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	dir = argv[2];
	if (posix_memalign((void **)&buf, 4096, 32 << 20))
		die("memory");
	memset(buf, 'n', 32 << 20);
	memset(target, 't', 1000);
	if (argc > 3 && !strcmp(argv[1], "fill"))
		return fill(argv[3]);
	if (!strcmp(argv[1], "held"))
		return held();
	if (argc > 3 && !strcmp(argv[1], "storm"))
		return storm(atoi(argv[3]));
	if (argc > 3 && !strcmp(argv[1], "gone"))
		return gone(atoi(argv[3]));
	return 2;
}
