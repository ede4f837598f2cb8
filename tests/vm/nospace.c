// SPDX-License-Identifier: GPL-2.0-only
/*
 * When does a filesystem say that there is no space left, and how much is there then?
 *
 * nospace fill DIR KIND   does KIND until it fails for want of space; prints how often it went, and the KiB that are free
 *                         after a sync
 * nospace held DIR        each operation in a state where next to nothing is free and most is only reserved, by delayed extents;
 *                         prints those that fail, and the KiB that were free after all
 * nospace gone DIR        the space of a file just removed is there for the next who asks, and what is dirty meanwhile stays
 *                         delayed; prints how many files were written back for it, and exits with 1 if any
 * nospace records DIR     two processes append to a file, of which one waits for space; exits with 1 if its record is in two pieces
 * nospace storm DIR N     N processes meet a full volume 200 times each; prints how often any of it went
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
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

#define HELD_FREE	96	/* KiB that are left then */
#define LITTLE		1024	/* KiB that any of the operations needs at most, and more than HELD_FREE */

/*
 * Every other block of a file, not written out: each holds what the file's btree could take for it at worst.  Inside the size,
 * where nothing is preallocated.
 */
static void hold(int fd, long kib)
{
	if (ftruncate(fd, 1 << 30))
		die("held");
	for (off_t at = 0; free_kib() > kib && at < 1 << 30; at += 8192)
		if (pwrite(fd, buf, 4096, at) != 4096)
			die("nothing is left where much should only be reserved");
}

static int many(int (*fn)(int i), int n)
{
	for (int i = 0; i < n; i++)
		if (fn(i))
			return -1;
	return 0;
}

static int f_attrs(int i)
{
	return f_create(i) || setxattr(path("c", i), "user.x", buf, 20000, 0) ? -1 : 0;
}

static int h_create(void) { return many(f_create, 300); }
static int h_mkdir(void) { return many(f_mkdir, 150); }
static int h_symlink(void) { return many(f_symlink, 100); }
static int h_xattr(void) { return many(f_attrs, 30); }
static int h_small(void) { return many(f_small, 100); }
static int h_direct(void) { return many(f_direct, LITTLE / 64); }
static int h_falloc(void) { return f_falloc(0); }
static int h_store(void) { return many(f_store, LITTLE / 4); }

static int held(void)
{
	static const struct { const char *name; int (*fn)(void); } ops[] = {
		{ "create", h_create }, { "mkdir", h_mkdir }, { "symlink", h_symlink }, { "setxattr", h_xattr },
		{ "small files", h_small }, { "direct write", h_direct }, { "fallocate", h_falloc }, { "mmap store", h_store },
	};
	int fd, failed = 0;
	char cmd[600];

	for (unsigned int k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
		fd = open(path("held", 0), O_CREAT | O_WRONLY, 0644);
		if (fd < 0)
			die("held");
		hold(fd, HELD_FREE);
		if (ops[k].fn()) {
			printf("%s: %s", ops[k].name, strerror(errno));
			sync();
			printf(", and after a sync %ld KiB are free\n", free_kib());
			failed = 1;
		}
		/* the next one begins with the same */
		close(fd);
		snprintf(cmd, sizeof(cmd), "rm -rf %s/held* %s/[cdlsfk]*[0-9]; sync", dir, dir);
		if (system(cmd))
			die(cmd);
	}
	return failed;
}

/* ---- gone ---- */

static int delayed(int fd)
{
	union { struct fiemap map; char room[sizeof(struct fiemap) + 64 * sizeof(struct fiemap_extent)]; } m;
	int n = 0;

	memset(&m, 0, sizeof(m));
	m.map.fm_length = ~0ull;
	m.map.fm_extent_count = 64;
	if (ioctl(fd, FS_IOC_FIEMAP, &m.map))
		die("fiemap");
	for (unsigned int i = 0; i < m.map.fm_mapped_extents; i++)
		n += !!(m.map.fm_extents[i].fe_flags & FIEMAP_EXTENT_DELALLOC);
	return n;
}

/* Two thirds of what is free, so that the next file finds its space in the last one only, which is being freed just then. */
static int gone(void)
{
	off_t most = free_kib() / 3 * 2048ll;
	int fd, dirty, written = 0;

	for (int i = 0; i < 12; i++) {
		dirty = open(path("dirty", i), O_CREAT | O_RDWR, 0644);
		/* so many that they hold more than their blocks; inside the size, where nothing is preallocated between them */
		if (dirty < 0 || ftruncate(dirty, 40 * 8192))
			die("dirty");
		for (int k = 0; k < 40; k++)
			if (pwrite(dirty, buf, 4096, k * 8192) != 4096)
				die("dirty");
		fd = open(path("gone", i), O_CREAT | O_RDWR, 0644);
		if (fd < 0)
			die("gone");
		/* at once: in a tick the other one is freed anyway */
		if ((i && unlink(path("gone", i - 1))) || fallocate(fd, 0, 0, most))
			die("gone");
		close(fd);
		written += delayed(dirty) != 40;
		close(dirty);
	}
	printf("%d\n", written);
	return written > 0;
}

/* ---- records ---- */

#define RECORD		3000000		/* bytes: it ends inside a block */
#define ROUNDS		4

/* Each word of a record says whose it is.  Who shares an open file would wait for its position. */
static ssize_t append_record(const char *p, uint64_t who, size_t len)
{
	int fd = open(p, O_WRONLY | O_APPEND);

	for (size_t i = 0; i < len / 8; i++)
		((uint64_t *)buf)[i] = who;
	return write(fd, buf, len);
}

/* Bytes of the first run of @id in the file, and of them all. */
static ssize_t first_run(int fd, uint64_t id, ssize_t *all)
{
	static uint64_t chunk[8192];
	ssize_t run = 0, n;
	bool ended = false;

	*all = 0;
	for (off_t at = 0; (n = pread(fd, chunk, sizeof(chunk), at)) > 0; at += n)
		for (ssize_t i = 0; i < n / 8; i++) {
			bool is = chunk[i] == id;

			ended = ended || (run && !is);
			*all += 8 * is;
			run += 8 * (is && !ended);
		}
	return run;
}

static void leave_free(const char *ballast, long kib)
{
	int fd = open(ballast, O_CREAT | O_WRONLY, 0644);

	if (fd < 0 || fallocate(fd, 0, 0, (free_kib() - kib) * 1024))
		die("ballast");
	close(fd);
}

/* The file has grown, and does not any more. */
static void wait_for_end(int fd)
{
	struct stat st = { };
	int same = 0;

	for (int i = 0; i < 6000 && same < 4; i++) {
		off_t was = st.st_size;

		usleep(10000);
		if (fstat(fd, &st))
			die("records");
		same = st.st_size && st.st_size == was ? same + 1 : 0;
	}
}

/*
 * Two megabytes are free, and some more only reserved: a record of three does not fit, and its writer waits until they are given
 * back.  There is space before that, for somebody has cut a file, and who appends then must come behind the whole record.
 */
static int records(void)
{
	int pipes[2], fd, hfd, cut, torn = 0;
	ssize_t n[3], all, run;

	for (int r = 0; r < ROUNDS; r++) {
		cut = open(path("records-cut", r), O_CREAT | O_WRONLY, 0644);
		if (cut < 0 || fallocate(cut, 0, 0, 16 << 20))
			die("ballast");
		leave_free(path("records-ballast", 0), 24 << 10);
		hfd = open(path("records-held", r), O_CREAT | O_WRONLY, 0644);
		if (hfd < 0)
			die("held");
		hold(hfd, 2 << 10);
		fd = open(path("records", r), O_CREAT | O_TRUNC | O_RDWR, 0644);
		if (fd < 0 || pipe(pipes))
			die("records");
		if (!fork()) {
			n[1] = append_record(path("records", r), 1, RECORD);
			_exit(write(pipes[1], &n[1], sizeof(n[1])) < 0);
		}
		wait_for_end(fd);
		if (ftruncate(cut, 0))
			die("cut");
		n[2] = append_record(path("records", r), 2, 4096);
		if (read(pipes[0], &n[1], sizeof(n[1])) != sizeof(n[1]) || wait(NULL) < 0)
			die("records");
		for (int who = 1; who <= 2; who++) {
			run = first_run(fd, who, &all);
			printf("record %d: %zd bytes were acknowledged, %zd are there, %zd in one piece\n", who, n[who], all, run);
			torn += run != n[who] || all != n[who];
		}
		close(pipes[0]);
		close(pipes[1]);
		close(fd);
		close(hfd);
		close(cut);
		unlink(path("records", r));
		unlink(path("records-held", r));
		unlink(path("records-cut", r));
		unlink(path("records-ballast", 0));
		sync();
	}
	return torn > 0;
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
	if (!strcmp(argv[1], "gone"))
		return gone();
	if (!strcmp(argv[1], "records"))
		return records();
	if (argc > 3 && !strcmp(argv[1], "storm"))
		return storm(atoi(argv[3]));
	return 2;
}
