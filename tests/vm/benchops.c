// SPDX-License-Identifier: GPL-2.0-only
/*
 * benchops: the parts of the benchmark that fio has no words for.
 *
 *   benchops files DIR N       create, stat and unlink N files; prints nanoseconds per file
 *   benchops tree DIR N T      T processes, each with directories of its own: make N files of 4 KiB in all, sync, remove them and
 *                              the directories, sync; nanoseconds of the clock per file
 *   benchops extents FILE N    grow a file to N separate extents, look up, punch; ns per operation
 *   benchops insert FILE N     insert a block behind the first one, close, write it, close: N times; ns per pair
 *   benchops share DIR N       a file of N separate extents: clone it, ten times; write to places of it, direct and
 *                              buffered; let another one find out that it has the same; unlink a clone: ns per extent or write
 *   benchops tight DIR MIB N   a writer and a preallocator side by side, each making and removing a file of MIB
 *                              N times, the preallocator PREALLOCS times as often; ns per file made, the failed ones too
 *                              (how many: on stderr)
 *
 * Prints lines "name nanoseconds".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double t0;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void begin(void)
{
	t0 = now();
}

static void end(const char *name, unsigned int n)
{
	printf("%s %.0f\n", name, (now() - t0) / n);
	fflush(stdout);
}

static void die(const char *what)
{
	fprintf(stderr, "benchops: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void files(const char *dir, unsigned int n)
{
	unsigned int i;
	char name[4096];
	struct stat st;
	int fd;

	begin();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/file-%06u", dir, i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd < 0)
			die(name);
		close(fd);
	}
	end("create", n);
	begin();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/file-%06u", dir, (i * 7919u) % n);
		if (stat(name, &st))
			die(name);
	}
	end("stat", n);
	begin();
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/file-%06u", dir, i);
		if (unlink(name))
			die(name);
	}
	end("unlink", n);
}

#define PER_DIR	100u

static void make_tree(const char *dir, unsigned int n)
{
	static char block[4096];
	char name[4096];
	unsigned int i;
	int fd;

	if (mkdir(dir, 0755))
		die(dir);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%u", dir, i / PER_DIR);
		if (i % PER_DIR == 0 && mkdir(name, 0755))
			die(name);
		snprintf(name, sizeof(name), "%s/%u/file-%06u", dir, i / PER_DIR, i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd < 0 || write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) || close(fd))
			die(name);
	}
}

static void remove_tree(const char *dir, unsigned int n)
{
	char name[4096];
	unsigned int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%u/file-%06u", dir, i / PER_DIR, i);
		if (unlink(name))
			die(name);
		snprintf(name, sizeof(name), "%s/%u", dir, i / PER_DIR);
		if ((i % PER_DIR == PER_DIR - 1 || i == n - 1) && rmdir(name))
			die(name);
	}
	if (rmdir(dir))
		die(dir);
}

/* All at once, and what they did is on disk. */
static void by_all(void (*fn)(const char *dir, unsigned int n), const char *dir, unsigned int n, unsigned int t)
{
	int fd = open(dir, O_RDONLY), status;
	char name[4096];
	unsigned int i;

	for (i = 0; i < t; i++) {
		if (fork())
			continue;
		snprintf(name, sizeof(name), "%s/%u", dir, i);
		fn(name, n / t);
		_exit(0);
	}
	while (wait(&status) > 0)
		if (status)
			exit(1);
	if (fd < 0 || syncfs(fd))
		die("syncfs");
	close(fd);
}

static void tree(const char *dir, unsigned int n, unsigned int t)
{
	char row[40];

	begin();
	by_all(make_tree, dir, n, t);
	snprintf(row, sizeof(row), "tree-make-%ut", t);
	end(row, n);
	begin();
	by_all(remove_tree, dir, n, t);
	snprintf(row, sizeof(row), "tree-remove-%ut", t);
	end(row, n);
}

static void extents(const char *file, unsigned int n)
{
	int fd = open(file, O_CREAT | O_TRUNC | O_RDWR, 0644);
	uint32_t x = 12345;
	unsigned int i;

	if (fd < 0 || ftruncate(fd, (off_t)n * 8192))
		die(file);
	/* Every second block: no two extents can merge. */
	begin();
	for (i = 0; i < n; i++)
		if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)i * 8192, 4096))
			die("fallocate");
	end("extent-add", n);
	begin();
	for (i = 0; i < 20000; i++) {
		x = x * 1664525 + 1013904223;
		if (lseek(fd, (off_t)(x % n) * 8192 + 4096, SEEK_HOLE) < 0)
			die("lseek");
	}
	end("extent-lookup", 20000);
	/* From the middle outwards in steps: no two neighbours in a row. */
	begin();
	for (i = 0; i < n / 2; i++)
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      (off_t)((i * 2 + (n / 2) % 2) % n) * 8192, 4096))
			die("punch");
	end("extent-punch", n / 2);
	begin();
	if (ftruncate(fd, 0))
		die("truncate");
	end("extent-truncate", n / 2);
	close(fd);
}

/* Each block that comes in pushes all others along; each close is of a file that has just been written to. */
static void insert(const char *file, unsigned int n)
{
	static char block[4096];
	unsigned int i;
	int fd = open(file, O_CREAT | O_TRUNC | O_RDWR, 0644);

	if (fd < 0 || pwrite(fd, block, 4096, 0) != 4096 || pwrite(fd, block, 4096, 4096) != 4096 || close(fd))
		die(file);
	begin();
	for (i = 0; i < n; i++) {
		fd = open(file, O_RDWR);
		if (fd < 0 || fallocate(fd, FALLOC_FL_INSERT_RANGE, 4096, 4096) || close(fd))
			die("insert");
		memset(block, (int)i, sizeof(block));
		fd = open(file, O_RDWR);
		if (fd < 0 || pwrite(fd, block, 4096, 4096) != 4096 || close(fd))
			die("write");
	}
	end("insert", n);
}

#define SHARED_WRITES	1000u

/*
 * The log and what it covers are written in the background, when there is much, by whichever row is running then: several rows'
 * worth.  A freeze waits for it, so what came before is not in the row that begins here.
 */
static void begin_settled(int fd)
{
	if (ioctl(fd, FIFREEZE, 0) || ioctl(fd, FITHAW, 0))
		die("freeze");
	begin();
}

/* In places all over the file, each time others. */
static void overwrite(int fd, unsigned int n, char *block, const char *name)
{
	unsigned int i, writes = n < SHARED_WRITES ? n : SHARED_WRITES;
	uint32_t x = n;

	begin_settled(fd);
	for (i = 0; i < writes; i++) {
		x = x * 1664525 + 1013904223;
		if (pwrite(fd, block, 4096, (off_t)(x % n) * 8192) != 4096)
			die(name);
	}
	if (fsync(fd))
		die("fsync");
	end(name, writes);
}

static int clone_of(const char *dir, const char *name, int from)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0644);
	if (fd < 0 || ioctl(fd, FICLONE, from))
		die(path);
	return fd;
}

static void share(const char *dir, unsigned int n)
{
	static char block[4096] __attribute__((aligned(4096)));
	struct { struct file_dedupe_range r; struct file_dedupe_range_info i; } d = { .r = { .dest_count = 1 } };
	char path[4096], name[20];
	int fd, copy, same, i;
	unsigned int k;

	snprintf(path, sizeof(path), "%s/share", dir);
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_DIRECT, 0644);
	if (fd < 0)
		die(path);
	snprintf(path, sizeof(path), "%s/same", dir);
	same = open(path, O_CREAT | O_TRUNC | O_RDWR | O_DIRECT, 0644);
	if (same < 0)
		die(path);
	for (k = 0; k < n; k++)
		if (pwrite(fd, block, 4096, (off_t)k * 8192) != 4096 || pwrite(same, block, 4096, (off_t)k * 8192) != 4096)
			die("write");
	if (fsync(fd) || fsync(same))
		die("fsync");

	begin();
	copy = clone_of(dir, "copy", fd);
	if (fsync(copy))
		die("fsync");
	end("clone", n);
	for (i = 1; i < 10; i++) {
		snprintf(name, sizeof(name), "copy%d", i);
		begin_settled(fd);
		close(clone_of(dir, name, fd));
	}
	end("clone-10th", n);
	overwrite(fd, n, block, "cow-direct");
	overwrite(copy, n, block, "cow-buffered");
	d.i.dest_fd = same;
	begin_settled(fd);
	for (k = 0; k < n; k += d.i.bytes_deduped / 8192) {
		d.r.src_offset = d.i.dest_offset = (uint64_t)k * 8192;
		d.r.src_length = (n - k < 128 ? n - k : 128) * 8192ull - (n - k <= 128 ? 4096 : 0);
		if (ioctl(fd, FIDEDUPERANGE, &d) || d.i.status)
			die("dedupe");
		d.i.bytes_deduped = (d.i.bytes_deduped + 8191) & ~8191ull;
	}
	end("dedupe", n);
	snprintf(path, sizeof(path), "%s/copy9", dir);
	begin_settled(fd);
	if (unlink(path))
		die(path);
	/* a freeze waits for what the filesystem puts off */
	if (ioctl(fd, FIFREEZE, 0) || ioctl(fd, FITHAW, 0))
		die("freeze");
	end("unlink-shared", n);
	close(copy);
	close(same);
	close(fd);
}

static int make_file(const char *name, unsigned int mib, int preallocate)
{
	static char piece[65536];
	int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644), err = 0;
	unsigned int i;

	if (fd < 0)
		return 1;
	if (preallocate)
		err = fallocate(fd, 0, 0, (off_t)mib << 20);
	for (i = 0; !preallocate && i < mib * 16 && !err; i++)
		err = write(fd, piece, sizeof(piece)) != sizeof(piece);
	close(fd);
	return err != 0;
}

/*
 * A preallocated file is made in a fraction of a millisecond, and where both share a processor, whoever has it keeps it for
 * several: so many times N, that these turns come out even.
 */
#define PREALLOCS	50u

static void tight(const char *dir, unsigned int mib, unsigned int n)
{
	unsigned int i, failed;
	char name[4096];
	int who;

	begin();
	for (who = 0; who < 2; who++) {
		if (fork())
			continue;
		snprintf(name, sizeof(name), "%s/tight-%d", dir, who);
		if (who)
			n *= PREALLOCS;
		begin();	/* not with the fork of the other */
		for (failed = i = 0; i < n; i++) {
			failed += make_file(name, mib, who);
			unlink(name);
		}
		end(who ? "tight-fallocate" : "tight-write", n);
		if (failed)
			fprintf(stderr, "%s: %u failed\n", who ? "fallocate" : "write", failed);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	end("tight", n);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "files"))
		files(argv[2], (unsigned int)atoi(argv[3]));
	else if (argc == 5 && !strcmp(argv[1], "tree"))
		tree(argv[2], (unsigned int)atoi(argv[3]), (unsigned int)atoi(argv[4]));
	else if (argc == 4 && !strcmp(argv[1], "extents"))
		extents(argv[2], (unsigned int)atoi(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "insert"))
		insert(argv[2], (unsigned int)atoi(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "share"))
		share(argv[2], (unsigned int)atoi(argv[3]));
	else if (argc == 5 && !strcmp(argv[1], "tight"))
		tight(argv[2], (unsigned int)atoi(argv[3]), (unsigned int)atoi(argv[4]));
	else
		return 2;
	return 0;
}
