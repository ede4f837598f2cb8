// SPDX-License-Identifier: GPL-2.0-only
/*
 * window CASE FILE: direct writes that a slow device holds in flight, and what is done meanwhile
 *
 * FILE is on a device that holds writes for some ten milliseconds: what a case does between submission and completion of a
 * direct AIO write happens while it is in flight, by design and not by luck. What was acknowledged must be there in the end (L6):
 * in the file as it is, and, with the page cache dropped, on the device. Prints what is wrong; exit status 1 then. "window --list", "window --list kinds".
 */
#include "window.h"
const char *name;
io_context_t ctx;
struct iocb cb[MAXIO], *cbp[MAXIO];
struct io io[MAXIO];
int nio, bad;
static int submitted, completed;

void die(const char *what)
{
	perror(what);
	exit(2);
}

void *filled(char c, size_t len)
{
	void *p;

	if (posix_memalign(&p, BS, len))
		die("memory");
	return memset(p, c, len);
}

int file(int flags, long size)
{
	int fd, dfd;

	unlink(name);	/* a new inode, too */
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || (size && pwrite(fd, filled('o', size), size, 0) != size) || fsync(fd))
		die("first contents");
	close(fd);
	dfd = open(name, O_RDWR | flags);
	if (dfd < 0)
		die(name);
	return dfd;
}

void add(int fd, size_t len, long pos)
{
	io[nio].c = 'A' + nio;
	io[nio].len = len;
	io_prep_pwrite(&cb[nio], fd, filled(io[nio].c, len), len, pos);
	cbp[nio] = &cb[nio];
	nio++;
}

void submit(void)
{
	int n = io_submit(ctx, nio - submitted, cbp + submitted);

	if (n != nio - submitted)
		die("io_submit");
	submitted = nio;
}

static void take_events(int least, struct timespec *timeout)
{
	struct io_event ev[MAXIO];
	int n = io_getevents(ctx, least, nio - completed, ev, timeout), i;

	if (n < least)
		die("io_getevents");
	for (i = 0; i < n; i++)
		io[ev[i].obj - cb].res = (long)ev[i].res;
	completed += n;
}

int in_flight(void)
{
	struct timespec now = { 0, 0 };

	if (completed < nio)
		take_events(0, &now);
	return nio - completed;
}

void reap(void)
{
	while (completed < nio)
		take_events(1, NULL);
}

char *contents(int how, long *size)
{
	int fd = open(name, O_RDONLY | (how ? O_DIRECT : 0));
	struct stat st;
	char *p;

	if (how && (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)))
		WRONG("fsync: %s", strerror(errno));
	if (fstat(fd, &st))
		die("fstat");
	*size = st.st_size;
	p = filled(0, (st.st_size | (BS - 1)) + 1);
	if (pread(fd, p, (st.st_size | (BS - 1)) + 1, 0) != st.st_size)
		WRONG("a read of all %ld bytes is short", *size);
	close(fd);
	return p;
}

void check_range(char c, long start, long end)
{
	long size, i;

	for (int how = 0; how < 2; how++) {
		char *p = contents(how, &size);

		if (size < end)
			WRONG("%s ends at %ld, written up to %ld", how ? "on the device it" : "it", size, end);
		for (i = start; i < end && i < size && p[i] == c; i++)
			;
		if (i < end && i < size)
			WRONG("%sbyte %ld is '%c' (%d), '%c' was written to %ld to %ld", how ? "on the device " : "", i,
			      p[i] > ' ' ? p[i] : '?', p[i], c, start, end);
		free(p);
	}
}

/* Each acknowledged append is there in one piece, once; the file holds them, what it had before, and zeros where one failed. */
static void check_appends(long had)
{
	long size, acked = had;

	for (int i = 0; i < nio; i++)
		acked += io[i].res > 0 ? io[i].res : 0;
	for (int how = 0; how < 2; how++) {
		char *p = contents(how, &size);

		if (size < acked)
			WRONG("%ld bytes were there or acknowledged, and it has %ld", acked, size);
		for (int i = 0; i < nio; i++) {
			long at = 0, n = 0, total = 0;

			for (long k = had; k < size; k++) {
				if (p[k] != io[i].c)
					continue;
				if (!total++)
					at = k;
				n += k == at + n;
			}
			if (io[i].res > 0 && (n != io[i].res || total != n))
				WRONG("append '%c' of %ld bytes was acknowledged with %ld; %ld in one piece and %ld in all are there",
				      io[i].c, io[i].len, io[i].res, n, total);
		}
		free(p);
	}
}

void want(int i, long res)
{
	if (io[i].res != res)
		WRONG("write '%c' of %ld bytes: %ld, not %ld", io[i].c, io[i].len, io[i].res, res);
}

void want_all(void)
{
	for (int i = 0; i < nio; i++)
		want(i, io[i].len);
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ------------------------------------------------------------ appends */

static void append_many(void)
{
	int fd = file(O_DIRECT | O_APPEND, 0);

	for (int i = 0; i < 16; i++)
		add(fd, BS * (1 + i % 3), 0);
	submit();
	reap();
	want_all();
	check_appends(0);
}

/* some fit blocks, some do not; the end of the file does not either */
static void append_parts(void)
{
	int fd = file(O_DIRECT | O_APPEND, 512);

	for (int i = 0; i < 12; i++)
		add(fd, i % 3 ? 512 * (1 + i) : BS, 0);
	submit();
	reap();
	want_all();
	check_appends(512);
}

static void append_beside_extending(void)
{
	int fd = file(O_DIRECT, BS), ap = open(name, O_RDWR | O_DIRECT | O_APPEND);

	add(fd, 2 * BS, BS);
	submit();
	add(ap, BS, 0);
	add(ap, 2 * BS, 0);
	submit();
	add(fd, BS, 64 * BS);	/* leaves a gap */
	submit();
	add(ap, BS, 0);
	submit();
	reap();
	want_all();
	check_appends(BS);
}

static void append_beside_buffered(void)
{
	int fd = file(O_DIRECT | O_APPEND, 0), b = open(name, O_RDWR | O_APPEND);

	add(fd, BS, 0);
	add(fd, BS, 0);
	submit();
	if (write(b, "buffered", 8) != 8)
		die("write");
	add(fd, 512, 0);	/* not at the end of a sector now: refused, or where it belongs */
	add(fd, BS, 0);
	submit();
	reap();
	want(0, BS);
	want(1, BS);
	check_appends(0);
	for (int how = 0; how < 2; how++) {
		long size;
		char *p = contents(how, &size);

		if (!memmem(p, size, "buffered", 8))
			WRONG("what was appended through the page cache is gone");
	}
}

static void append_one_fails(void)
{
	int fd = file(O_DIRECT | O_APPEND, BS);

	for (int i = 0; i < 8; i++) {
		add(fd, BS, 0);
		if (i % 3 == 1)
			cb[i].u.c.buf = (void *)8192;	/* nothing is there */
	}
	submit();
	reap();
	for (int i = 0; i < 8; i++)
		want(i, i % 3 == 1 ? -EFAULT : BS);
	check_appends(BS);
}

/* Memory of @len bytes 'c' from @at on, which may be inside a page; behind its last page there is none. */
static char *memory_that_ends(char c, size_t at, size_t len)
{
	size_t pages = (at + len + BS - 1) / BS * BS;
	char *p = mmap(NULL, pages + BS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + pages, BS))
		die("memory");
	memset(p, c, pages);
	return p + at;
}

/* The memory of a write ends inside a block: what is said to be written is what the file has. */
static void memory_ends(void)
{
	static const struct { long pos, size; } places[] = { { 0, 0 }, { BS, 2 * BS }, { 4 * BS, BS }, { 2 * BS, 16 * BS } };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		for (int unwritten = 0; unwritten < 2; unwritten++) {
			long pos = places[i].pos, size, k, n;
			int fd = file(O_DIRECT, places[i].size);
			char *p = memory_that_ends('M', 512, 2 * BS - 512);

			if (unwritten && fallocate(fd, 0, 0, 32 * BS))
				die("fallocate");
			n = pwrite(fd, p, 4 * BS, pos);
			if (n < 0 && errno != EFAULT)
				WRONG("the memory of a write ends: %s", strerror(errno));
			if (n > 2 * BS - 512)
				WRONG("%ld bytes are written of %d", n, 2 * BS - 512);
			for (int how = 0; n > 0 && how < 2; how++) {
				char *got = contents(how, &size);

				for (k = 0; k < n && got[pos + k] == 'M'; k++)
					;
				if (k < n)
					WRONG("%ld bytes at %ld were written, and at %ld there is %d", n, pos, k, got[pos + k]);
				free(got);
			}
			close(fd);
		}
	}
}

/*
 * Of a file that shares blocks a part is written whose memory is not there: so a copy is made ready, and nothing is written to it.
 * A later write over a hole in front of it and over it, and over a copy behind, is there as a whole.
 */
static void copy_never_written(void)
{
	char twin[300];
	int fd = file(O_DIRECT, 0), tfd;

	snprintf(twin, sizeof(twin), "%s.twin", name);
	tfd = open(twin, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fallocate(fd, 0, 0, 64 * BS) || pwrite(fd, filled('o', 40 * BS), 40 * BS, 0) != 40 * BS ||
	    pwrite(fd, filled('o', 4 * BS), 4 * BS, 60 * BS) != 4 * BS)
		die("first contents");
	if (tfd < 0 || ioctl(tfd, FICLONE, fd)) {
		if (errno == EOPNOTSUPP || errno == EXDEV || errno == EINVAL || errno == ENOTTY) {
			puts("# no block can be shared here: nothing was looked at");
			return;
		}
		die("clone");
	}
	if (pwrite(fd, filled('c', BS), BS, 61 * BS) != BS)
		die("write");
	if (pwrite(fd, (void *)8192, 12 * BS, 48 * BS) != -1 || errno != EFAULT)
		WRONG("a write from nowhere: %s", strerror(errno));
	/* what is allocated there comes to lie beside what is behind it */
	if (fallocate(fd, PUNCH_KEEP, 40 * BS, 8 * BS) || fsync(fd))
		die("punch");
	if (pwrite(fd, filled('N', 24 * BS), 24 * BS, 40 * BS) != 24 * BS)
		die("write");
	check_range('N', 40 * BS, 64 * BS);
	name = twin;
	check_range('o', 0, 40 * BS);
	check_range('o', 60 * BS, 64 * BS);
	unlink(twin);
}

static void append_to_limit(void)
{
	struct rlimit l = { 3 * BS + 1024, 3 * BS + 1024 };
	int fd = file(O_DIRECT | O_APPEND, 0);
	long size;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &l))
		die("setrlimit");
	for (int i = 0; i < 6; i++)
		add(fd, BS, 0);
	submit();
	reap();
	for (int i = 0; i < 6; i++)
		want(i, i < 3 ? BS : i == 3 ? 1024 : -EFBIG);
	check_appends(0);
	free(contents(0, &size));
	if (size != (long)l.rlim_cur)
		WRONG("it ends at %ld, the limit is %ld", size, (long)l.rlim_cur);
}

static void append_position(void)
{
	int fd = file(O_DIRECT | O_APPEND, BS);
	struct iovec v = { filled('Z', BS), BS };

	/* the offset that the caller gives is not where it goes, nor does its alignment matter */
	if (pwritev(fd, &v, 1, 100) != BS)
		WRONG("an append at an offset that is no sector's: %s", strerror(errno));
	check_range('Z', BS, 2 * BS);
	add(fd, BS, 3);
	submit();
	reap();
	want_all();
	check_appends(2 * BS);
}

/* ------------------------------------------------------------ buffered writes beside direct ones */

static void buffered(const void *p, size_t len, long pos)
{
	int fd = open(name, O_RDWR);

	if (pwrite(fd, p, len, pos) != (ssize_t)len)
		die("pwrite");
	close(fd);
}

static void buffered_across_end(void)
{
	int fd = file(O_DIRECT, BS);

	add(fd, 2 * BS, BS);
	submit();
	buffered(filled('b', 200), 200, BS - 100);
	reap();
	want_all();
	check_range('b', BS - 100, BS + 100);
	check_range('A', BS + 100, 3 * BS);
}

static void buffered_up_to_end(void)
{
	int fd = file(O_DIRECT, BS);

	add(fd, BS, BS);
	add(fd, BS, 2 * BS);
	submit();
	buffered(filled('b', BS + 1), BS + 1, 0);
	reap();
	want_all();
	check_range('A', BS + 1, 2 * BS);
	check_range('B', 2 * BS, 3 * BS);
}

static void buffered_inside_block(void)
{
	int fd = file(O_DIRECT, 0);

	if (fallocate(fd, 0, 0, 16 * BS) || fsync(fd))
		die("fallocate");
	for (int i = 0; i < 4; i++)
		add(fd, BS, (2 + 2 * i) * BS);
	submit();
	for (int i = 0; i < 4; i++)
		buffered(filled('b', 100), 100, (2 + 2 * i) * BS + (i % 2 ? 100 : 0));
	reap();
	want_all();
	for (int i = 0; i < 4; i++) {
		long at = (2 + 2 * i) * BS, b = at + (i % 2 ? 100 : 0);

		check_range('A' + i, at, b);
		check_range('b', b, b + 100);
		check_range('A' + i, b + 100, at + BS);
	}
}

/* whole pages, but neighbours of a direct write in a folio that was read while that was in flight */
static void buffered_in_folio(void)
{
	long size = 2 << 20, pages = size / BS;
	int fd = file(O_DIRECT, size), b = open(name, O_RDWR);
	char *p = filled(0, size);

	posix_fadvise(b, 0, 0, POSIX_FADV_DONTNEED);
	for (int i = 0; i < 16; i++)
		add(fd, BS, (pages / 16 * i + 9) * BS);
	submit();
	for (long at = 0; at < size; at += 65536)
		if (pread(b, p, 65536, at) != 65536)
			die("pread");
	for (int i = 0; i < 16; i++)
		buffered(filled('b', BS), BS, (pages / 16 * i + 8) * BS);
	reap();
	want_all();
	for (int i = 0; i < 16; i++) {
		check_range('b', (pages / 16 * i + 8) * BS, (pages / 16 * i + 9) * BS);
		check_range('A' + i, (pages / 16 * i + 9) * BS, (pages / 16 * i + 10) * BS);
	}
}

/* ------------------------------------------------------------ a buffered write whose memory comes late */

#define HELD "/dev/mapper/held"		/* a mapping of it is that memory: dmsetup can make a read of it wait */

struct late {
	int fd;
	char *memory;
	long n;
	volatile pid_t tid;
};

static void *write_late(void *arg)
{
	struct late *l = arg;

	l->tid = syscall(SYS_gettid);
	l->n = pwrite(l->fd, l->memory, 100, 100);
	return NULL;
}

static void dm(const char *command)
{
	char line[100];

	snprintf(line, sizeof(line), "dmsetup %s " HELD, command);
	if (system(line))
		die(line);
}

/* Until the thread sleeps where nothing but a fatal signal wakes it: for its memory. */
static void wait_for_sleep(volatile pid_t *tid)
{
	char path[64], line[512];

	for (double end = now() + 10; now() < end; usleep(1000)) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)*tid);
		f = *tid ? fopen(path, "r") : NULL;
		if (f && fgets(line, sizeof(line), f) && strstr(line, ") D ")) {
			fclose(f);
			return;
		}
		if (f)
			fclose(f);
	}
	WRONG("the write does not wait for its memory");
}

/*
 * What lies in a block beside a write is on the device, and leaves the cache, while the write has looked up its mapping, which
 * says that nothing was written there, and waits for its memory.
 */
static void buffered_memory_late(void)
{
	int held = open(HELD, O_RDONLY);
	char *memory = held < 0 ? MAP_FAILED : mmap(NULL, 2 * BS, PROT_READ, MAP_SHARED, held, 0);

	if (memory == MAP_FAILED || madvise(memory, 2 * BS, MADV_RANDOM))
		die(HELD);
	for (int unwritten = 0; unwritten < 2; unwritten++) {
		struct late l = { .fd = file(0, 0), .memory = memory + unwritten * BS };
		pthread_t thread;
		long size;
		char *p;

		if (unwritten && fallocate(l.fd, 0, 0, 4 * BS))
			die("fallocate");
		if (pwrite(l.fd, filled('a', 100), 100, 0) != 100)
			die("pwrite");
		posix_fadvise(held, 0, 0, POSIX_FADV_DONTNEED);
		dm("suspend --nolockfs");
		if (pthread_create(&thread, NULL, write_late, &l))
			die("thread");
		wait_for_sleep(&l.tid);
		if (fsync(l.fd) || posix_fadvise(l.fd, 0, 0, POSIX_FADV_DONTNEED))
			WRONG("fsync: %s", strerror(errno));
		dm("resume");
		pthread_join(thread, NULL);
		if (l.n != 100)
			WRONG("a write of 100 bytes: %ld", l.n);
		check_range('a', 0, 100);
		p = contents(0, &size);
		if (size < 200 || memcmp(p + 100, l.memory, 100))
			WRONG("what was written late is not there");
		free(p);
		close(l.fd);
	}
}

/* ------------------------------------------------------------ RWF_NOWAIT */

static void nowait_read_past_end(void)
{
	int fd = file(O_DIRECT, BS);
	struct iovec v = { filled(0, 4 * BS), 4 * BS };
	ssize_t n;

	for (int i = 0; i < 3; i++) {
		n = preadv2(fd, &v, 1, 0, RWF_NOWAIT);
		if (n != BS)
			WRONG("a read that may not wait, of 16 KiB of a file of 4: %zd (%s)", n, n < 0 ? strerror(errno) : "");
	}
	n = preadv2(fd, &v, 1, BS, RWF_NOWAIT);
	if (n)
		WRONG("... at its end: %zd", n);
	if (ftruncate(fd, BS + 100))
		die("ftruncate");
	n = preadv2(fd, &v, 1, BS, RWF_NOWAIT);
	if (n != 100)
		WRONG("... in a hole at its end: %zd (%s)", n, n < 0 ? strerror(errno) : "");
}

/* A write that may not wait either does not, or says EAGAIN, whatever is in flight. */
static void nowait_write(void)
{
	static const struct { const char *what; long pos, len; int setuid; } w[] = {
		{ "whole block, inside", 0, BS, 0 },
		{ "part of a block, inside", 512, 512, 0 },
		{ "part of a block, inside, privileges to look at", 512, 512, 1 },
		{ "part of a block, ends at the end", 16 * BS - 512, 512, 0 },
		{ "part of a block, beyond the end", 16 * BS, 512, 0 },
		{ "whole block behind a gap", 32 * BS, BS, 0 },
	};

	for (size_t i = 0; i < sizeof(w) / sizeof(*w); i++) {
		int fd = file(O_DIRECT, 16 * BS);
		struct iovec v = { filled('N', BS), w[i].len };
		double t0, t1, t2;
		ssize_t n;

		if (w[i].setuid && fchmod(fd, 04755))
			die("chmod");
		nio = 0;
		add(fd, BS, 8 * BS);
		if (io_submit(ctx, 1, cbp) != 1)
			die("io_submit");
		t0 = now();
		/* a sync write would wait for its own I/O: by AIO it shows whether it waits for others */
		struct iocb c, *cp = &c;

		io_prep_pwritev(&c, fd, &v, 1, w[i].pos);
		c.aio_rw_flags = RWF_NOWAIT;
		n = io_submit(ctx, 1, &cp);
		t1 = now();
		for (int k = 0; k < 2; k++) {
			struct io_event ev;

			if (io_getevents(ctx, 1, 1, &ev, NULL) != 1)
				die("io_getevents");
			if (ev.obj == &c)
				n = (long)ev.res;
		}
		t2 = now();
		if (t1 - t0 > (t2 - t0) / 2)
			WRONG("%s: submitting it took %.0f of %.0f ms", w[i].what, 1e3 * (t1 - t0), 1e3 * (t2 - t0));
		if (n != w[i].len && n != -EAGAIN)
			WRONG("%s: %zd", w[i].what, n);
		close(fd);
	}
}

/*
 * An append that may not wait often finds that it would have to, after it has been given a place: no other may stand behind that
 * by then, or a gap stays that nobody wrote. io_uring sends every append so first.
 */
static void append_nowait(void)
{
	int fd = file(O_DIRECT | O_APPEND, 0), stop = 0;
	volatile long *acked = mmap(NULL, BS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long size, gaps = 0, first = 0, total;
	char *x = filled('x', BS), *p;
	struct io_event ev[8];
	pid_t child;

	if (acked == MAP_FAILED)
		die("mmap");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		struct iovec v = { filled('N', BS), BS };

		while (!acked[1]) {
			ssize_t n = pwritev2(fd, &v, 1, 0, RWF_NOWAIT);

			if (n > 0)
				acked[0] += n;
			else if (n < 0 && errno != EAGAIN)
				die("an append that may not wait");
		}
		_exit(0);
	}
	total = 0;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 8; i++) {
			io_prep_pwrite(&cb[i], fd, x, BS, 0);
			cbp[i] = &cb[i];
		}
		if (io_submit(ctx, 8, cbp) != 8 || io_getevents(ctx, 8, 8, ev, NULL) != 8)
			die("aio");
		for (int i = 0; i < 8; i++)
			total += (long)ev[i].res > 0 ? (long)ev[i].res : 0;
	}
	acked[1] = 1;
	if (waitpid(child, &stop, 0) != child || stop)
		WRONG("the one that may not wait ended with status 0x%x", stop);
	total += acked[0];
	p = contents(0, &size);
	for (long i = 0; i < size; i += BS) {
		if (!p[i] && !gaps++)
			first = i;
	}
	if (gaps)
		WRONG("%ld gaps of a block that nobody wrote, the first at %ld", gaps, first);
	if (size != total)
		WRONG("%ld bytes were acknowledged, and it has %ld", total, size);
	free(p);
}

static const struct window_case cases[] = {
#define CASE(x) { #x, x }
	CASE(append_many), CASE(append_parts), CASE(append_beside_extending), CASE(append_beside_buffered), CASE(append_one_fails),
	CASE(append_to_limit), CASE(append_position), CASE(buffered_across_end), CASE(buffered_up_to_end), CASE(buffered_inside_block),
	CASE(buffered_in_folio), CASE(buffered_memory_late), CASE(memory_ends), CASE(copy_never_written), CASE(nowait_read_past_end),
	CASE(nowait_write), CASE(append_nowait),
	{ NULL }
};

int main(int argc, char **argv)
{
	const struct window_case *c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc >= 2 && !strcmp(argv[1], "--list")) {
		for (c = argc > 2 ? kinds_cases : cases; c->name; c++)
			puts(c->name);
		return 0;
	}
	for (int i = 0; argc == 3 && i < 2; i++) {
		for (c = i ? kinds_cases : cases; c->name; c++) {
			if (strcmp(c->name, argv[1]))
				continue;
			name = argv[2];
			if (io_setup(MAXIO * 2, &ctx))
				die("io_setup");
			c->fn();
			return bad;
		}
	}
	fprintf(stderr, "window --list [kinds] | window CASE FILE\n");
	return 2;
}
