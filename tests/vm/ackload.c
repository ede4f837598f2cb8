// SPDX-License-Identifier: GPL-2.0-only
/*
 * ackload run [-t SECS] [-s SEED] [-w WORKERS] [-m MAXKB] [-c LINES] DIR     random load until it fails or time is up
 * ackload check JOURNAL DIR                           what was acknowledged is there
 *
 * "run" prints one line for what an fsync (or O_DSYNC) has acknowledged, at the moment of the acknowledgement:
 *
 *   F path size hash     the file was fsync'ed with these contents and is never touched again
 *   G path               the name is gone: unlinked, and its directory fsync'ed
 *   B path block seq     block of a ring file written with O_DSYNC, or by AIO followed by fdatasync
 *   N path target        a symlink or an empty directory (target "/"), made durable by fsync of its directory
 *
 * With -c it says "cut now" after so many lines, for whoever is to cut the power.
 *
 * The line carries a check sum, so that a line cut in the middle by a crash counts as not said.
 * Around this, files that nobody checks are created, written, renamed, truncated, given
 * attributes, fallocated and unlinked (also while open, also O_TMPFILE), so that every kind of
 * log item is in flight. A worker ends at the first EIO, EROFS or ESHUTDOWN; ENOSPC is no error.
 * Where blocks can be shared, files that are kept take blocks from one another, and files that nobody checks
 * take theirs and write to them: none of that may show in what was acknowledged.
 *
 * The ring file guards L6: direct AIO writes that extend, acknowledged, must be found.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BLK 4096
#define RINGBLKS 512

static uint64_t seed = 1;
static char buf[1 << 18] __attribute__((aligned(4096)));
static char wdir[20];
static int secs = 5, workers = 3, me, kept;	/* kept: files of this worker so far */
static long maxkb = 64;
static long cut_after, *said;	/* said: lines, of all workers */

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static uint32_t sum(uint32_t h, const char *p, size_t n)
{
	while (n--)
		h = (h ^ (unsigned char)*p++) * 16777619u;
	return h;
}

static void ack(const char *f, ...)
{
	char line[500];
	va_list ap;
	int n;

	va_start(ap, f);
	n = vsnprintf(line, 400, f, ap);
	va_end(ap);
	n += sprintf(line + n, " #%08x\n", sum(7, line, n));
	if (write(1, line, n) != n)
		_exit(1);
	/*
	 * A serial line says things later than it is told to.  An acknowledgement may get lost so; the word
	 * that a file is about to go may not, or its absence after a cut looks like a loss.
	 */
	if (f[1] == '?')
		tcdrain(1);
	if (cut_after && __atomic_add_fetch(said, 1, __ATOMIC_RELAXED) == cut_after && write(1, "cut now\n", 8) != 8)
		_exit(1);
}

static int over(int e)
{
	return e == EIO || e == EROFS || e == ESHUTDOWN || e == EUCLEAN || e == ENODEV;
}

/* Anything but success and a full disk ends the worker: 1 if the filesystem is gone. */
static void end(const char *what)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return;
	if (over(errno))
		_exit(0);
	fprintf(stderr, "ackload: %s: %s\n", what, strerror(errno));
	_exit(1);
}
#define DO(x) ({ long r_ = (long)(x); if (r_ < 0) end(#x); r_; })

static void fill(size_t n)
{
	uint64_t v = rnd();

	for (size_t i = 0; i < n; i += 8) {
		v = v * 6364136223846793005ull + 1442695040888963407ull;
		memcpy(buf + i, &v, 8);
	}
}

static int64_t hash_file(int fd, uint32_t *h)
{
	off_t pos = 0;
	ssize_t n;

	*h = 1;
	while ((n = pread(fd, buf, sizeof(buf), pos)) > 0) {
		*h = sum(*h, buf, n);
		pos += n;
	}
	return n < 0 ? -1 : pos;
}

static void sync_dir(const char *d)
{
	int fd = DO(open(d, O_RDONLY | O_DIRECTORY));
	struct stat st;

	if (fd < 0)
		return;
	DO(fsync(fd));
	/*
	 * The stock kernel's fsync of a directory says yes after a shutdown, when the change
	 * was thrown away and nothing is pinned any more. Whoever is not shut down now was not then.
	 */
	DO(fstat(fd, &st));
	close(fd);
}

/*
 * Part of a kept file, or all of it, in another one.  What cannot be shared is no error; after the end of the
 * source only a whole file takes its last block.
 */
static int share(int fd)
{
	struct file_clone_range r = { .src_offset = 0 };
	struct stat st;
	char a[100];
	int ret = 0;

	if (!kept)
		return 0;
	sprintf(a, "w%d/keep-%d", me, (int)(rnd() % kept));
	r.src_fd = open(a, O_RDONLY);
	if (r.src_fd < 0)
		return 0;
	if (rnd() % 2 && !fstat(r.src_fd, &st) && st.st_size > BLK) {
		r.src_offset = rnd() % (st.st_size / BLK) * BLK;
		r.src_length = rnd() % (st.st_size / BLK - r.src_offset / BLK + 1) * BLK;
		r.dest_offset = rnd() % (maxkb << 10) / BLK * BLK;
	}
	if (!ioctl(fd, FICLONERANGE, &r))
		ret = 1;
	else if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOTTY)
		end("share");
	close(r.src_fd);
	return ret;
}

/* A file made in many ways, fsync'ed, acknowledged, left alone. */
static void keep(int n)
{
	char a[100], b[100];
	int fd, tmpf = rnd() % 6 == 0, steps = 1 + rnd() % 5;
	struct stat st;
	uint32_t h;
	long size;

	sprintf(b, "w%d/keep-%d", me, n);
	sprintf(a, rnd() % 2 ? "w%d/keep-%d" : "w%d/new-%d", me, n);
	fd = tmpf ? DO(open(".", O_TMPFILE | O_RDWR, 0644)) : DO(open(a, O_CREAT | O_EXCL | O_RDWR, 0644));
	if (fd < 0)
		return;
	for (int i = 0; i < steps; i++) {
		size_t len = rnd() % (maxkb << 10) + 1;
		off_t at = rnd() % 3 ? rnd() % (maxkb << 10) : 0;

		switch (rnd() % 10) {
		case 0:
			DO(fallocate(fd, rnd() % 2 ? FALLOC_FL_KEEP_SIZE : 0, at, len));
			break;
		case 1:
			DO(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len));
			break;
		case 2:
			DO(ftruncate(fd, at));
			break;
		case 3:
			DO(fstat(fd, &st));
			if (st.st_size > 2 * BLK)
				DO(fallocate(fd, rnd() % 2 ? FALLOC_FL_COLLAPSE_RANGE : FALLOC_FL_INSERT_RANGE, BLK, BLK));
			break;
		case 4:
			DO(fallocate(fd, FALLOC_FL_ZERO_RANGE, at, len));
			break;
		case 5: case 6:
			share(fd);
			break;
		default:
			fill(len);
			DO(pwrite(fd, buf, len, at));
		}
		if (rnd() % 5 == 0)
			DO(fdatasync(fd));
	}
	if (rnd() % 3 == 0) {
		fill(4000);
		DO(fsetxattr(fd, "user.kept", buf, rnd() % 3 ? rnd() % 100 : rnd() % 4000, 0));
	}
	if (tmpf) {
		char link_[64];

		sprintf(link_, "/proc/self/fd/%d", fd);
		if (DO(linkat(AT_FDCWD, link_, AT_FDCWD, b, AT_SYMLINK_FOLLOW)) < 0) {
			close(fd);
			return;
		}
	} else if (strcmp(a, b) && DO(rename(a, b)) < 0) {
		close(fd);
		return;
	}
	size = hash_file(fd, &h);
	if (size < 0)
		end("read");
	/* only what fsync says goes to the journal */
	if (DO(rnd() % 2 ? fsync(fd) : fdatasync(fd)) == 0) {
		if (tmpf || strcmp(a, b))
			sync_dir(wdir);
		ack("F %s %ld %08x", b, size, h);
	}
	close(fd);
}

static void churn(void)
{
	char a[100], b[100];
	int i = rnd() % 40, j = rnd() % 40, fd;

	sprintf(a, "w%d/churn/%d", me, i);
	sprintf(b, "w%d/churn/%d", me, j);
	switch (rnd() % 14) {
	case 12: case 13: {
		int direct = rnd() % 2 ? O_DIRECT : 0;

		fd = open(a, O_CREAT | O_RDWR | O_NOFOLLOW | direct, 0600);
		if (fd < 0)
			break;
		for (int n = share(fd) ? 1 + rnd() % 6 : 0; n; n--) {
			size_t len = direct ? BLK * (1 + rnd() % 4) : 1 + rnd() % 20000;
			off_t at = rnd() % (maxkb << 10);

			fill(len + 8);
			if (rnd() % 8 == 0) {
				if (fallocate(fd, FALLOC_FL_KEEP_SIZE | (rnd() % 2 ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_UNSHARE_RANGE), at, len))
					end("churn punch");
			} else if (pwrite(fd, buf, len, direct ? at / BLK * BLK : at) < 0) {
				end("churn write");
			}
		}
		close(fd);
		break;
	}
	case 0: case 1: case 2:
		fd = open(a, O_CREAT | O_RDWR, 0600);
		if (fd < 0)
			break;
		fill(65536);
		if (pwrite(fd, buf, rnd() % 65536, rnd() % (maxkb << 10)) < 0)
			end("churn write");
		close(fd);
		break;
	case 3: if (rename(a, b) && errno != ENOENT && errno != EISDIR && errno != ENOTDIR && errno != ENOTEMPTY && errno != EEXIST) end("churn rename"); break;
	case 4: if (unlink(a) && errno != ENOENT && errno != EISDIR) end("churn unlink"); break;
	case 5: if (mkdir(a, 0700) && errno != EEXIST) end("churn mkdir"); break;
	case 6: if (rmdir(a) && errno != ENOENT && errno != ENOTDIR && errno != ENOTEMPTY) end("churn rmdir"); break;
	case 7: if (symlink(rnd() % 2 ? "short" : memset(memset(buf, 0, 1000), 'l', 900), a) && errno != EEXIST) end("churn symlink"); break;
	case 8:
		fill(5000);
		sprintf(b, "user.%d", (int)(rnd() % 30));
		if (rnd() % 3 ? lsetxattr(a, b, buf, rnd() % 3000, 0) : lremovexattr(a, b))
			if (errno != ENOENT && errno != ENODATA && errno != EPERM)
				end("churn xattr");
		break;
	case 9: if (truncate(a, rnd() % 100000) && errno != ENOENT && errno != EISDIR && errno != ENAMETOOLONG) end("churn truncate"); break;
	case 10: if (link(a, b) && errno != ENOENT && errno != EEXIST && errno != EPERM) end("churn link"); break;
	case 11:
		/* without a name, still open at the crash */
		fd = rnd() % 2 ? open(".", O_TMPFILE | O_RDWR, 0600) : open(a, O_CREAT | O_RDWR, 0600);
		if (fd >= 0) {
			static int open_[8], at;

			fill(30000);
			if (pwrite(fd, buf, rnd() % 30000, 0) < 0)
				end("churn tmp");
			unlink(a);
			if (open_[at % 8])
				close(open_[at % 8]);
			open_[at++ % 8] = fd;
		}
	}
}

/* Extending and overwriting direct writes, several in flight. */
static void ring(int fd, io_context_t ctx, uint32_t *seq, int *top)
{
	struct iocb cb[4], *p[4];
	struct io_event ev[4];
	int n = 1 + rnd() % 4, blk[4], got;

	for (int i = 0; i < n; i++) {
		int again;

		do {
			blk[i] = rnd() % 2 && *top + 4 < RINGBLKS ? *top + rnd() % 4 : (int)(rnd() % RINGBLKS);
			again = 0;
			for (int j = 0; j < i; j++)
				again |= blk[j] == blk[i];
		} while (again);
		++*seq;
		for (int k = 0; k < BLK; k += 8) {
			uint32_t v[2] = { blk[i], *seq };

			memcpy(buf + i * BLK + k, v, 8);
		}
		io_prep_pwrite(&cb[i], fd, buf + i * BLK, BLK, (off_t)blk[i] * BLK);
		p[i] = &cb[i];
	}
	got = io_submit(ctx, n, p);
	if (got < 0) {
		errno = -got;
		end("io_submit");
		return;
	}
	n = got;
	got = io_getevents(ctx, n, n, ev, NULL);
	for (int i = 0; i < got; i++)
		if ((long)ev[i].res < 0) {
			errno = -(long)ev[i].res;
			end("aio");
			return;
		} else if (ev[i].res != BLK) {
			return;
		}
	if (!(fcntl(fd, F_GETFL) & O_DSYNC) && DO(fdatasync(fd)))
		return;
	for (int i = 0; i < n; i++) {
		uint32_t v[2];

		memcpy(v, buf + (cb[i].u.c.buf ? (char *)cb[i].u.c.buf - buf : 0), 8);
		ack("B w%d/ring %d %u", me, blk[i], v[1]);
		if (blk[i] >= *top)
			*top = blk[i] + 1;
	}
}

static void work(void)
{
	struct timespec t0, t;
	io_context_t ctx = 0;
	uint32_t seq = 0;
	char a[200];
	int fd, top = 0, n = 0;

	seed = (seed + me * 7919) * 0x9e3779b97f4a7c15ull | 1;
	for (int i = 0; i < 8; i++)
		rnd();
	sprintf(wdir, "w%d", me);
	if (mkdir(wdir, 0755) && errno != EEXIST)
		end("mkdir");
	sprintf(a, "w%d/churn", me);
	if (mkdir(a, 0755) && errno != EEXIST)
		end("mkdir");
	sprintf(a, "w%d/ring", me);
	fd = DO(open(a, O_CREAT | O_TRUNC | O_RDWR | O_DIRECT | (me % 2 ? O_DSYNC : 0), 0644));
	io_setup(8, &ctx);
	sync_dir(".");
	sync_dir(wdir);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		if (t.tv_sec - t0.tv_sec + (t.tv_nsec - t0.tv_nsec) / 1e9 > secs)
			_exit(0);
		switch (rnd() % 8) {
		case 0: case 1:
			keep(n++);
			kept = n;
			break;
		case 2:
			if (fd >= 0)
				ring(fd, ctx, &seq, &top);
			break;
		case 3: {
			/* one of the kept goes again */
			char b[100];

			if (n < 4 || rnd() % 2)
				break;
			sprintf(b, "w%d/keep-%d", me, (int)(rnd() % n));
			ack("G? %s", b);	/* from now on it may be gone */
			if (!unlink(b)) {
				sync_dir(wdir);
				ack("G %s", b);
			} else if (errno != ENOENT) {
				end("unlink");
			}
			break;
		}
		case 4:
			if (rnd() % 4 == 0) {
				char b[100];

				sprintf(b, "w%d/%s-%d", me, "dir", n);
				if (rnd() % 2 ? mkdir(b, 0755) : symlink("where-it-points", b)) {
					if (errno != EEXIST)
						end("mkdir");
					break;
				}
				struct stat st;

				sync_dir(wdir);
				if (DO(lstat(b, &st)) < 0)
					break;
				ack("N %s %s", b, S_ISDIR(st.st_mode) ? "/" : "where-it-points");
			}
			break;
		default:
			for (int i = 0; i < 5; i++)
				churn();
		}
	}
}

static int run(int argc, char **argv)
{
	int c, bad = 0, st;

	while ((c = getopt(argc, argv, "t:s:w:m:c:")) != -1)
		switch (c) {
		case 't': secs = atoi(optarg); break;
		case 's': seed = strtoull(optarg, NULL, 0) + 1; break;
		case 'w': workers = atoi(optarg); break;
		case 'm': maxkb = atol(optarg); break;
		case 'c': cut_after = atol(optarg); break;
		default: return 2;
		}
	if (!argv[optind] || chdir(argv[optind])) {
		perror("ackload: directory");
		return 2;
	}
	said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (said == MAP_FAILED)
		return 2;
	for (me = 0; me < workers; me++)
		if (!fork())
			work();
	while (wait(&st) > 0)
		bad |= st != 0;
	return bad;
}

/* ------------------------------------------------------------ afterwards */

struct rec {
	char kind, path[120], rest[100];
	int maybe;
};

static int cmp_rec(const void *a, const void *b)
{
	return strcmp(((const struct rec *)a)->path, ((const struct rec *)b)->path);
}

static int check(const char *journal, const char *where)
{
	FILE *f = fopen(journal, "r");
	static uint32_t want[16][RINGBLKS];
	struct rec *r = NULL;
	size_t n = 0, cap = 0, bad = 0, files = 0, blocks = 0, gone = 0, others = 0;
	char line[600];

	if (!f || chdir(where)) {
		perror("ackload: check");
		return 2;
	}
	while (fgets(line, sizeof(line), f)) {
		char *p = strstr(line, " #"), *s = line;
		char kind[4], path[120], rest[100] = "";
		uint32_t h;
		int w, b;
		unsigned int q;

		/* other output may share the stream and the line */
		if (!p || sscanf(p + 2, "%8x", &h) != 1)
			continue;
		*p = 0;
		if (sum(7, s, p - s) != h)
			continue;
		if (sscanf(s, "B w%d/ring %d %u", &w, &b, &q) == 3) {
			if (w < 16 && b < RINGBLKS && q > want[w][b])
				want[w][b] = q;
			continue;
		}
		if (sscanf(s, "%3s %119s %99[^\n]", kind, path, rest) < 2)
			continue;
		if (n == cap)
			r = realloc(r, (cap = cap * 2 + 1024) * sizeof(*r));
		memset(&r[n], 0, sizeof(*r));
		r[n].kind = kind[0];
		r[n].maybe = kind[1] == '?';
		strcpy(r[n].path, path);
		strcpy(r[n++].rest, rest);
	}
	fclose(f);
	qsort(r, n, sizeof(*r), cmp_rec);
	for (size_t i = 0; i < n; ) {
		struct rec *made = NULL;
		int maybe = 0, sure = 0;
		struct stat st;
		size_t j = i;

		for (; j < n && !strcmp(r[j].path, r[i].path); j++)
			if (r[j].kind == 'G')
				*(r[j].maybe ? &maybe : &sure) = 1;
			else
				made = &r[j];
		errno = 0;
		int have = !lstat(r[i].path, &st);
		const char *why = NULL;

		if (!have && errno != ENOENT) {
			why = strerror(errno);
		} else if (sure) {
			gone++;
			if (have)
				why = "is back after its removal was made durable";
		} else if (!have) {
			if (!maybe && made)
				why = "is missing";
		} else if (made && made->kind == 'F') {
			long size;
			unsigned int h;
			uint32_t got;
			int fd = open(r[i].path, O_RDONLY);
			int64_t len = fd < 0 ? -1 : hash_file(fd, &got);

			files++;
			if (fd >= 0)
				close(fd);
			if (sscanf(made->rest, "%ld %x", &size, &h) != 2)
				why = "has a bad record";
			else if (len < 0)
				why = "cannot be read";
			else if (len != size)
				why = "has another size";
			else if (got != h)
				why = "has other contents";
			if (why)
				printf("  %s: %lld %08x, should be %s\n", r[i].path, (long long)len, got, made->rest);
		} else if (made) {
			char t[100];
			ssize_t l = readlink(r[i].path, t, 99);

			others++;
			if (!strcmp(made->rest, "/") ? !S_ISDIR(st.st_mode) : l != (ssize_t)strlen(made->rest) || memcmp(t, made->rest, l))
				why = "is something else";
		}
		if (why) {
			printf("%s %s\n", r[i].path, why);
			bad++;
		}
		i = j;
	}
	for (int w = 0; w < 16; w++) {
		char p[40];
		int fd;

		sprintf(p, "w%d/ring", w);
		fd = open(p, O_RDONLY);
		for (int b = 0; b < RINGBLKS; b++) {
			uint32_t v[2] = { 0, 0 };

			if (!want[w][b])
				continue;
			blocks++;
			if (fd < 0 || pread(fd, buf, BLK, (off_t)b * BLK) != BLK || (memcpy(v, buf, 8), v[0] != (uint32_t)b) || v[1] < want[w][b]) {
				printf("%s: block %d is (%u, %u), acknowledged was seq %u\n", p, b, v[0], v[1], want[w][b]);
				bad++;
			}
		}
		if (fd >= 0)
			close(fd);
	}
	printf("%zu files, %zu blocks, %zu removals, %zu others acknowledged; %zu wrong\n", files, blocks, gone, others, bad);
	return bad != 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "run"))
		return run(argc - 1, argv + 1);
	if (argc == 4 && !strcmp(argv[1], "check"))
		return check(argv[2], argv[3]);
	return 2;
}
