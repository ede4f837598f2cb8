// SPDX-License-Identifier: GPL-2.0-only
/*
 * Space operations beside direct I/O in flight: those that add blocks stop nobody, those that free or zero whole pages and blocks
 * only who is in their range, and the others everybody (src/vfs/lockout.h).
 *
 * The environment says where the counters are (SYSFS; none: they are not looked at) and for how many milliseconds the device
 * holds a write (HOLD_W) and a read (HOLD_R).
 */
#include "window.h"

#define KEEP	FALLOC_FL_KEEP_SIZE
#define PUNCH	PUNCH_KEEP
#define ZERO	(FALLOC_FL_ZERO_RANGE | KEEP)

static double hold(const char *var)
{
	const char *s = getenv(var);

	return s ? atof(s) / 1e3 : 0;
}

static void nap(double s)
{
	struct timespec ts = { (time_t)s, (long)((s - (time_t)s) * 1e9) };

	nanosleep(&ts, NULL);
}

static long counter(const char *what)
{
	char path[256];
	long n = -1;
	FILE *f;

	if (!getenv("SYSFS"))
		return -1;
	snprintf(path, sizeof(path), "%s/%s", getenv("SYSFS"), what);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%ld", &n) != 1)
		die(path);
	fclose(f);
	return n;
}

static void counted(const char *what, long since, long times)
{
	if (since >= 0 && counter(what) - since != times)
		WRONG("%s went from %ld to %ld, not by %ld", what, since, counter(what), times);
}

static void space(int fd, int mode, long pos, long len)
{
	if (fallocate(fd, mode, pos, len))
		die("fallocate");
}

static void still(const char *what)
{
	if (!in_flight())
		WRONG("%s took until the write had completed", what);
}

/* Every block of [start, end) is full of zeros, or of one of @chars. */
static void only(const char *chars, long start, long end)
{
	for (int how = 0; how < 2; how++) {
		long size, i, k;
		char *p = contents(how, &size);

		for (i = start; i < end && i < size; i += BS) {
			for (k = 0; k < BS && p[i + k] == p[i]; k++)
				;
			if (k < BS || (p[i] && !strchr(chars, p[i]))) {
				WRONG("%sthe block at %ld has '%c' (%d) at its byte %ld: it can have zeros or '%s'",
				      how ? "on the device " : "", i, p[i + k % BS] > ' ' ? p[i + k % BS] : '?', p[i + k % BS],
				      k % BS, chars);
				break;
			}
		}
		free(p);
	}
}

struct job {
	pthread_t thread;
	int fd, mode;
	long pos, len;
	double took;
};

static void *run_job(void *arg)
{
	struct job *j = arg;
	double t = now();

	space(j->fd, j->mode, j->pos, j->len);
	j->took = now() - t;
	return NULL;
}

static void start(struct job *j, int fd, int mode, long pos, long len)
{
	*j = (struct job) { .fd = fd, .mode = mode, .pos = pos, .len = len };
	if (pthread_create(&j->thread, NULL, run_job, j))
		die("thread");
	nap(hold("HOLD_W") / 4);	/* it is in line now */
}

static void finish(struct job *j)
{
	pthread_join(j->thread, NULL);
}

/* All that is free on the volume is some 4 MiB that read 'S' on the device: who gets blocks without writing them shows it. */
static void stale(void)
{
	char path[256], *p = filled('S', 4 << 20);
	long step;
	int fd;

	unlink(name);
	snprintf(path, sizeof(path), "%s.stale", name);
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT, 0644);
	if (fd < 0 || pwrite(fd, p, 4 << 20, 0) != 4 << 20 || fsync(fd))
		die(path);
	close(fd);
	snprintf(path, sizeof(path), "%s.fill", name);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	if (fd < 0)
		die(path);
	for (step = 256 << 20; step >= 4 * BS; step /= 4) {
		struct stat st;

		while (!fstat(fd, &st) && !fallocate(fd, 0, st.st_size, step))
			;
	}
	close(fd);
	snprintf(path, sizeof(path), "%s.stale", name);
	if (unlink(path))
		die(path);
	sync();
	nap(0.5);	/* freed in the background */
	sync();
	free(p);
}

static void unfill(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s.fill", name);
	unlink(path);
}

/* ------------------------------------------------------------ operations that add */

static void additive(void)
{
	int fd = file(O_DIRECT, 16 * BS);
	long full, add_, blocks;
	struct stat st;

	if (ftruncate(fd, 64 * BS) || fsync(fd) || fstat(fd, &st))
		die("ftruncate");
	blocks = st.st_blocks;
	full = counter("lockouts");
	add_ = counter("additive");
	add(fd, BS, 0);
	submit();
	space(fd, KEEP, 1 << 20, 16 * BS);
	still("preallocation behind the end");
	space(fd, 0, 20 * BS, 8 * BS);
	still("allocation inside the file");
	counted("lockouts", full, 0);
	counted("additive", add_, 2);
	reap();
	want_all();
	check_range('A', 0, BS);
	if (fstat(fd, &st) || st.st_blocks < blocks + 24 * BS / 512 || st.st_size != 64 * BS)
		WRONG("%ld blocks of 512 bytes, %ld before; %ld bytes", (long)st.st_blocks, blocks, (long)st.st_size);
}

/* It ends behind the end of the file, as that is before a write in flight completes. */
static void extending(void)
{
	int fd = file(O_DIRECT, 16 * BS);
	struct stat st;

	add(fd, 16 * BS, 16 * BS);
	submit();
	space(fd, 0, 16 * BS, 4 * BS);
	reap();
	want_all();
	check_range('A', 16 * BS, 32 * BS);
	space(fd, 0, 16 * BS, 24 * BS);
	if (fstat(fd, &st) || st.st_size != 40 * BS)
		WRONG("it ends at %ld", (long)st.st_size);
	check_range('A', 16 * BS, 32 * BS);
}

/* ------------------------------------------------------------ operations that take a range */

/* A file that keeps book of who is in which range: the first operation has stopped everybody. */
static int booked(long size)
{
	int fd = file(O_DIRECT, size);
	long full = counter("lockouts"), ranged = counter("ranged");

	space(fd, PUNCH, size - 4 * BS, 2 * BS);
	counted("lockouts", full, 1);
	counted("ranged", ranged, 0);
	return fd;
}

static void ranged_beside(void)
{
	int fd = booked(64 * BS);
	long full = counter("lockouts"), ranged = counter("ranged");

	add(fd, BS, 32 * BS);
	submit();
	space(fd, PUNCH, 8 * BS, 4 * BS);
	still("a hole elsewhere");
	space(fd, ZERO, 16 * BS, 4 * BS);
	still("zeroes elsewhere");
	space(fd, FALLOC_FL_ZERO_RANGE, 20 * BS, 4 * BS);
	still("zeroes elsewhere, inside the size");
	counted("lockouts", full, 0);
	counted("ranged", ranged, 3);
	reap();
	want_all();
	check_range(0, 8 * BS, 12 * BS);
	check_range(0, 16 * BS, 24 * BS);
	check_range('o', 24 * BS, 32 * BS);
	check_range('A', 32 * BS, 33 * BS);
}

static void ranged_waits(void)
{
	int fd = booked(64 * BS);
	double t = now();

	add(fd, 4 * BS, 32 * BS);
	submit();
	space(fd, PUNCH, 30 * BS, 4 * BS);
	if (now() - t < hold("HOLD_W") * 0.8)
		WRONG("a hole under a write in flight took %.0f ms", 1e3 * (now() - t));
	reap();
	want_all();
	check_range('o', 29 * BS, 30 * BS);
	check_range(0, 30 * BS, 34 * BS);
	check_range('A', 34 * BS, 36 * BS);
}

/* What comes while an operation waits for its range goes behind it, and what may not wait says so and leaves nothing behind. */
static void first_come(void)
{
	int fd = booked(64 * BS);
	long waits = counter("dio_range_waits");
	struct iovec v = { filled('N', BS), BS };
	struct job j;
	double t;

	add(fd, 4 * BS, 32 * BS);
	submit();
	start(&j, fd, PUNCH, 32 * BS, 4 * BS);
	t = now();
	if (pwritev2(fd, &v, 1, 33 * BS, RWF_NOWAIT) != -1 || errno != EAGAIN)
		WRONG("a write that may not wait: %s", strerror(errno));
	if (preadv2(fd, &v, 1, 33 * BS, RWF_NOWAIT) != -1 || errno != EAGAIN)
		WRONG("a read that may not wait: %s", strerror(errno));
	if (now() - t > hold("HOLD_W") / 2)
		WRONG("what may not wait took %.0f ms", 1e3 * (now() - t));
	counted("dio_range_waits", waits, 0);
	still("waiting in line");
	add(fd, BS, 34 * BS);
	submit();
	counted("dio_range_waits", waits, 1);
	finish(&j);
	reap();
	want_all();
	check_range(0, 32 * BS, 34 * BS);
	check_range('B', 34 * BS, 35 * BS);
	check_range(0, 35 * BS, 36 * BS);
	space(fd, PUNCH, 0, 64 * BS);	/* nobody is left in it */
	check_range(0, 0, 64 * BS);
}

/* Blocks that a read in flight is to be read from are not given to another file. */
static void read_in_flight(void)
{
	char path[256], *p = filled('p', 256 * BS), *s = filled('F', 256 * BS);
	struct iocb c, *cp = &c;
	struct io_event ev;
	int fd, other;
	double t;

	stale();
	fd = booked(512 * BS);
	space(fd, PUNCH, 0, 256 * BS);
	if (pwrite(fd, filled('o', 256 * BS), 256 * BS, 0) != 256 * BS || fsync(fd))
		die("pwrite");
	snprintf(path, sizeof(path), "%s.other", name);
	other = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);
	if (other < 0)
		die(path);
	/* what else is free goes first */
	for (long at = 1 << 20; !fallocate(other, KEEP, at, 4 * BS); at += 4 * BS)
		;
	sync();	/* so that the one below has little to do while the read is held */
	t = now();
	io_prep_pread(&c, fd, p, 256 * BS, 0);
	if (io_submit(ctx, 1, &cp) != 1)
		die("io_submit");
	space(fd, PUNCH, 0, 256 * BS);
	if (now() - t < hold("HOLD_R") * 0.8)
		WRONG("a hole under a read in flight took %.0f ms", 1e3 * (now() - t));
	sync();
	for (long at = 0; at < 256 * BS; at += 64 * BS)
		if (pwrite(other, s, 64 * BS, at) != 64 * BS)
			break;
	if (io_getevents(ctx, 1, 1, &ev, NULL) != 1 || (long)ev.res != 256 * BS)
		die("io_getevents");
	for (long i = 0; i < 256 * BS; i++) {
		if (p[i] && p[i] != 'o') {
			WRONG("byte %ld of the read is '%c': another file's", i, p[i]);
			break;
		}
	}
	close(other);
	unlink(path);
	unfill();
}

/* The device has the data, and its blocks do not count yet: delay_dio_completion holds that back. */
static void completion_in_range(void)
{
	int fd;

	stale();
	fd = booked(16 * BS);
	space(fd, 0, 16 * BS, 32 * BS);
	add(fd, 16 * BS, 32 * BS);
	submit();
	nap(hold("HOLD_W") * 1.5);
	space(fd, ZERO, 32 * BS, 16 * BS);
	reap();
	want_all();
	only("A", 32 * BS, 48 * BS);
	unfill();
}

static void map_in_range(void)
{
	struct job j;
	int fd;

	stale();
	fd = booked(16 * BS);
	space(fd, 0, 16 * BS, 32 * BS);
	add(fd, 4 * BS, 32 * BS);
	submit();
	start(&j, fd, ZERO, 32 * BS, 16 * BS);
	add(fd, 16 * BS, 32 * BS);
	submit();
	reap();
	finish(&j);
	want_all();
	only("B", 32 * BS, 48 * BS);
	unfill();
}

/* ------------------------------------------------------------ recursion and fairness */

static volatile int stop;

static void *punch_on(void *arg)
{
	struct job *j = arg;

	while (!stop) {
		double t = now();

		space(j->fd, PUNCH, j->pos, j->len);
		if (now() - t > j->took)
			j->took = now() - t;
	}
	return NULL;
}

/* A direct write from a mapping of the same file, which is not in memory, while holes are made under it. */
static void buffer_is_mapping(void)
{
	static const long from[] = { 512 * BS, 0 };	/* of another part, and of the range itself */
	long violations = counter("lockout_violations");
	struct job j = { 0 };
	double t = now(), took = 0;
	int fd = booked(1024 * BS);

	for (int i = 0; i < 2; i++) {
		char *m;

		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		m = mmap(NULL, 64 * BS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, from[i]);
		if (m == MAP_FAILED || madvise(m, 64 * BS, MADV_RANDOM))
			die("mmap");
		j = (struct job) { .fd = fd, .pos = 0, .len = 64 * BS };
		stop = 0;
		if (pthread_create(&j.thread, NULL, punch_on, &j))
			die("thread");
		for (int k = 0; k < 3; k++) {
			ssize_t n;

			t = now();
			n = pwrite(fd, m, 64 * BS, 0);
			if (n != 64 * BS && !(n == -1 && errno == EFAULT))
				WRONG("a write from a mapping: %zd (%s)", n, n < 0 ? strerror(errno) : "");
			if (now() - t > took)
				took = now() - t;
		}
		stop = 1;
		pthread_join(j.thread, NULL);
		munmap(m, 64 * BS);
	}
	only("o", 0, 64 * BS);
	counted("lockout_violations", violations, 0);
	printf("the longest write took %.0f ms, the longest hole %.0f\n", 1e3 * took, 1e3 * j.took);
}

static void fair(void)
{
	int fd = booked(256 * BS), b = open(name, O_RDWR);
	struct job j[2] = { { .fd = fd, .pos = 0, .len = 16 * BS }, { .fd = fd, .pos = 8 * BS, .len = 16 * BS } };
	static const char *const what[] = { "chmod", "a buffered write", "truncate", "a direct write in the range", "fallocate" };
	double worst[5] = { 0 }, end = now() + 4;
	char *p = filled('f', BS);
	long rounds = 0;

	stop = 0;
	for (int i = 0; i < 2; i++)
		if (pthread_create(&j[i].thread, NULL, punch_on, &j[i]))
			die("thread");
	for (; now() < end; rounds++) {
		for (int i = 0; i < 5; i++) {
			double t = now();

			if (i == 0 ? fchmod(fd, 0600 + rounds % 2) : i == 1 ? pwrite(b, p, 100, 64 * BS) != 100 :
			    i == 2 ? ftruncate(fd, (256 + rounds % 8) * BS) : i == 3 ? pwrite(fd, p, BS, 8 * BS) != BS :
			    fallocate(fd, 0, (200 + rounds % 8) * BS, 64 * BS))
				die(what[i]);
			if (now() - t > worst[i])
				worst[i] = now() - t;
		}
	}
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(j[i].thread, NULL);
	printf("%ld rounds beside a stream of holes; the longest:", rounds);
	for (int i = 0; i < 5; i++)
		printf(" %s %.0f ms%s", what[i], 1e3 * worst[i], i < 4 ? "," : "\n");
	printf("... of the holes: %.0f ms\n", 1e3 * (j[0].took > j[1].took ? j[0].took : j[1].took));
	for (int i = 0; i < 5; i++)
		if (worst[i] > 3)
			WRONG("%s waited for %.1f s", what[i], worst[i]);
	if (rounds < 5)
		WRONG("only %ld rounds", rounds);
}

const struct window_case kinds_cases[] = {
#define CASE(x) { #x, x }
	CASE(additive), CASE(extending), CASE(ranged_beside), CASE(ranged_waits), CASE(first_come), CASE(completion_in_range),
	CASE(map_in_range), CASE(read_in_flight), CASE(buffer_is_mapping), CASE(fair),
	{ NULL }
};
