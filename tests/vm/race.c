// SPDX-License-Identifier: GPL-2.0-only
/*
 * race: one row of the race matrix, with a verdict.
 *
 * A row is a filesystem on a device, a writer (direct AIO that extends a file, at
 * places of its own or with O_APPEND, or beside buffered writes of its own: "mixed")
 * and a racer (a space operation in a loop on the same file). A race is one
 * file: the writer sends its I/Os at a fixed depth while the racer fires; when
 * all I/O has completed, every block is judged, through O_DIRECT and through the
 * page cache. After all races the filesystem is unmounted, mounted, judged
 * once more, unmounted, and checked with the filesystem's own checker.
 *
 * What makes the verdict exact:
 *
 * - Every block carries who it is: the race, its number, the offset that it was
 *   written to, the order in which it was sent, and a checksum; the rest
 *   of the block follows from those. Each block is written at most once.
 *
 * - A global clock ticks at every submission (before it), every acknowledgement
 *   (after it), and around every operation. A removing operation must
 *   have removed what was acknowledged before it began, cannot have
 *   removed what was sent after it ended, and may have gone either way with what
 *   was in between; all bytes outside its range are judged strictly.
 *
 * - Collapse and insert move data. All shifts in a race have the same length L;
 *   each block has its own residue modulo L; so a block in flight may
 *   land before or after a shift, but no two blocks can ever claim one place.
 *   A block must be in one of the places that the clock allows, once.
 *
 * - Operations that set the size announce themselves: until such an operation
 *   has ended the writer stays below the size that it will set. So it is
 *   always a growing one, and no acknowledged byte may go.
 *
 * - What writes through the page cache (the racer "buffered", a mixed writer beside its direct writes) and what
 *   removes are judged by byte: it may be what any write or removal has put there that had not
 *   ended before another began. Truncate-down removes all behind the size that it sets.
 *
 * - With o_append the kernel chooses the place, and nobody is told. The number in a block is then only
 *   a tag: each acknowledged block must be there once, with the rest of its write, over no other, with no hole that no operation
 *   made. Removing operations keep to what is in front of the writer. Truncate-down may have removed what was
 *   sent before it ended; what was sent later is judged strictly.
 *
 * - One that reads sees its own bytes, or zeroes by the same clock, and never what got the blocks afterwards (race_read.c).
 *   "mapped" reads into memory that is mapped from the same file: a fault in the middle of each.
 *
 * - The size is judged after every operation and acknowledgement (it may not be
 *   below an acknowledged end, except with collapse and truncate-down) and exactly at the end.
 *
 * Verdicts: CLEAN; LOST (acknowledged bytes are missing or behind the size);
 * CORRUPT (bytes that nobody wrote, wrong place, size too large); REPAIR (the
 * checker complains); ERROR (an I/O or operation failed); HANG; n/a (the
 * filesystem does not have the operation).
 *
 * Prints one line "ROW {json}". Exit status: 0 CLEAN or n/a, 1 any other
 * verdict, 2 usage. With --in-place it makes no filesystem and mounts none: it races in files of its own below the directory,
 * which may be anywhere. --self-test proves that the judge can find someone guilty.
 */
#include "race.h"

const char *const racer_name[NR_RACERS] = {
	"allocate", "keep-size", "zero", "punch", "collapse", "insert", "truncate-up", "resvsp", "unresvsp",
	"zero-range-ioctl", "holes", "zeroes", "allocsp", "freesp", "mmap",
	"buffered", "truncate-down", "fstrim", "clone", "dedupe", "unshare", "exchange", "swapext", "none",
	"stale-truncate",	/* what a broken kernel did, done by hand: proves that a row can be LOST */
};
const char *const writer_name[NR_WRITERS] = { "append", "random", "o_append", "mixed", "read", "mapped" };
const char *const verdict_name[] = { "CLEAN", "n/a", "ERROR", "REPAIR", "CORRUPT", "LOST", "HANG" };

struct options o = { .fs = "xfs", .device = "plain", .depth = 8, .races = 50, .lanes = 2, .seconds = 10, .racer = ALLOCATE,
		     .scratch = "/tmp" };

_Atomic uint64_t clk = 2, uids = 1;
_Atomic unsigned int races_done, races_bad, nops_done, nops_hit, nios_done, kept_files, op_na, op_ok;
_Atomic uint64_t acked_bytes, kept_bytes;
_Atomic int worst;
_Atomic bool stop;
double t_start;
pthread_mutex_t msg_lock = PTHREAD_MUTEX_INITIALIZER;
char msgs[3][400];
int nmsgs;
struct race **kept;
struct lat lat_op = { .lock = PTHREAD_MUTEX_INITIALIZER }, lat_io = { .lock = PTHREAD_MUTEX_INITIALIZER };

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

uint64_t tick(void)
{
	return atomic_fetch_add(&clk, 1);
}

unsigned int rnd(unsigned int *s, uint64_t n)
{
	*s = *s * 1664525u + 1013904223u;
	return n ? (unsigned int)((((uint64_t)*s >> 4) * 2654435761u >> 7) % n) : 0;
}

void lat_add(struct lat *l, double t0)
{
	uint32_t us = (uint32_t)((now() - t0) * 1e6);

	pthread_mutex_lock(&l->lock);
	if (l->n == l->cap && l->cap < 1u << 20) {
		l->cap = l->cap ? l->cap * 2 : 4096;
		l->us = realloc(l->us, l->cap * sizeof(*l->us));
	}
	if (l->n < l->cap)
		l->us[l->n++] = us;
	if (us > l->max)
		l->max = us;
	pthread_mutex_unlock(&l->lock);
}

void raise_verdict(enum verdict v)
{
	int w = atomic_load(&worst);

	while (w < (int)v && !atomic_compare_exchange_weak(&worst, &w, v))
		;
}

void __attribute__((format(printf, 3, 4)))
complain(const struct race *r, enum verdict v, const char *fmt, ...)
{
	va_list ap;
	int n = 0;

	raise_verdict(v);
	pthread_mutex_lock(&msg_lock);
	if (nmsgs < 3) {
		if (r)
			n = snprintf(msgs[nmsgs], sizeof(msgs[0]), "race %" PRIu64 ": ", r->uid);
		va_start(ap, fmt);
		vsnprintf(msgs[nmsgs] + n, sizeof(msgs[0]) - n, fmt, ap);
		va_end(ap);
		nmsgs++;
	}
	pthread_mutex_unlock(&msg_lock);
}

/* ------------------------------------------------------------ one row */

static int sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	rc = system(cmd);
	return rc == -1 ? -1 : WIFEXITED(rc) ? WEXITSTATUS(rc) : 128 + WTERMSIG(rc);
}

/* Counters of the filesystem under test: name and value, in two snapshots. */
struct counter {
	char name[128], text[1024];
	int64_t before, after;
	bool number;
};
static struct counter counters[256];
static int ncounters;

static void snap_counters(const char *dir, const char *prefix, bool after)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[700], name[200], text[1024] = "", *end;
		struct stat st;
		int fd, i;
		ssize_t n;

		if (e->d_name[0] == '.' || !strcmp(e->d_name, "errortag"))
			continue;
		snprintf(path, sizeof(path), "%s/%.200s", dir, e->d_name);
		snprintf(name, sizeof(name), "%s%.120s", prefix, e->d_name);
		if (lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode)) {
			strncat(name, "/", sizeof(name) - strlen(name) - 1);
			if (strlen(prefix) < 60)
				snap_counters(path, name, after);
			continue;
		}
		fd = S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (n <= 0)
			continue;
		text[n] = 0;
		for (i = 0; i < ncounters && strncmp(counters[i].name, name, sizeof(counters[i].name) - 1); i++)
			;
		if (i == ncounters) {
			if (ncounters == 256)
				continue;
			ncounters++;
			snprintf(counters[i].name, sizeof(counters[i].name), "%.127s", name);
		}
		counters[i].number = true;
		*(after ? &counters[i].after : &counters[i].before) = strtoll(text, &end, 10);
		if (end == text || (*end && *end != '\n') || (*end == '\n' && end[1])) {
			counters[i].number = false;
			snprintf(counters[i].text, sizeof(counters[i].text), "%s", text);
		}
	}
	if (d)
		closedir(d);
}

/* What the filesystem says of itself that may never be. */
static void judge_counters(const char *dir)
{
	int i;

	for (i = 0; i < ncounters && strcmp(counters[i].name, "lockout_violations"); i++)
		;
	if (i == ncounters && o.dev)
		complain(NULL, ERROR, "no lockout_violations in %s", dir);
	if (i < ncounters && counters[i].after != counters[i].before)
		complain(NULL, HANG, "%" PRId64 " times somebody was not locked out, or would have waited for ever",
			 counters[i].after - counters[i].before);
}

/* The kernel's name of the device, which sysfs uses: dm-0 and not what device mapper's node is called. */
static const char *dev_name(void)
{
	static char real[4096];
	char path[64], *p = NULL;
	struct stat st;

	if (!o.dev)
		return "";
	if (!stat(o.dev, &st)) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
		p = realpath(path, real) ? strrchr(real, '/') : NULL;
	}
	return p ? p + 1 : o.dev;
}

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void json_str(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (*s == '\n')
			printf("\\n");
		else if ((unsigned char)*s < 32)
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void json_lat(const char *name, struct lat *l)
{
	if (l->n)
		qsort(l->us, l->n, sizeof(*l->us), cmp_u32);
	printf(",\"%s\":{\"n\":%u,\"p50\":%u,\"p99\":%u,\"max\":%u}", name, l->n, l->n ? l->us[l->n / 2] : 0,
	       l->n ? l->us[(uint64_t)l->n * 99 / 100] : 0, l->max);
}

/* Whom fstrim fails on a device that does not (a virtio disk of a kernel before 5.0) has not said that he has no fstrim. */
static bool device_discards(void)
{
	static const char *const queue[] = { "queue", "../queue" };	/* a partition has its disk's */
	unsigned long long max = 1;
	struct stat st;
	unsigned int i;
	char path[80];

	if (stat(o.dev ?: o.dir, &st))
		return true;
	for (i = 0; i < 2; i++) {
		dev_t dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
		FILE *f;

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/discard_max_bytes", major(dev), minor(dev), queue[i]);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%llu", &max) != 1)
			max = 1;
		fclose(f);
		break;
	}
	return max;
}

static void report(enum verdict v, double t_race, double t_verify)
{
	bool first = true;
	char wr[32];
	int i;

	snprintf(wr, sizeof(wr), "%s:%u", writer_name[o.writer], o.depth);
	printf("ROW {\"fs\":\"%s\",\"engine\":\"%s\",\"writer\":\"%s\",\"racer\":\"%s\",\"device\":\"%s\",\"fault\":\"%s\"",
	       o.fs, o.uring ? "io_uring" : "libaio", wr, racer_name[o.racer], o.device, o.fault ?: "");
	printf(",\"verdict\":\"%s\",\"races\":%u,\"bad_races\":%u,\"ops\":%u,\"ops_in_flight\":%u,\"writes\":%u,\"acked_bytes\":%" PRIu64,
	       verdict_name[v], atomic_load(&races_done), atomic_load(&races_bad), atomic_load(&nops_done), atomic_load(&nops_hit),
	       atomic_load(&nios_done), atomic_load(&acked_bytes));
	printf(",\"race_seconds\":%.2f,\"verify_seconds\":%.2f,\"remount_checked\":%u", t_race, t_verify,
	       atomic_load(&kept_files));
	json_lat("op_us", &lat_op);
	json_lat("write_us", &lat_io);
	printf(",\"device_discards\":%s", device_discards() ? "true" : "false");
	printf(",\"detail\":[");
	for (i = 0; i < nmsgs; i++) {
		if (i)
			putchar(',');
		json_str(msgs[i]);
	}
	printf("],\"counters\":{");
	for (i = 0; i < ncounters; i++) {
		struct counter *c = &counters[i];

		if (c->number && c->after == c->before)
			continue;
		if (!first)
			putchar(',');
		first = false;
		json_str(c->name);
		putchar(':');
		if (c->number)
			printf("%" PRId64, c->after - c->before);
		else
			json_str(c->text);
	}
	printf("}}\n");
	fflush(stdout);
}

static bool do_mount(void)
{
	if (!mount(o.dev, o.dir, o.fs, 0, NULL))
		return true;
	complain(NULL, ERROR, "mount -t %s %s: %s", o.fs, o.dev, strerror(errno));
	return false;
}

static bool do_umount(void)
{
	int i;

	for (i = 0; i < 50; i++) {
		if (!umount2(o.dir, 0))
			return true;
		if (errno != EBUSY)
			break;
		usleep(100000);
	}
	complain(NULL, ERROR, "umount %s: %s", o.dir, strerror(errno));
	return false;
}

/* Makes the filesystem, unless it is there. */
static bool make_fs(void)
{
	const char *mkfs = o.mkfs ?: !strcmp(o.fs, "ext4") ? "mkfs.ext4 -q -F" : "mkfs.xfs -q -f";
	int rc = o.mkfs_skip ? 0 : sh("%s '%s' >'%s/race-mkfs.log' 2>&1", mkfs, o.dev, o.scratch);

	if (rc) {
		char log[300], why[200] = "";
		FILE *f;

		snprintf(log, sizeof(log), "%s/race-mkfs.log", o.scratch);
		f = fopen(log, "re");
		if (f && fgets(why, sizeof(why), f))
			why[strcspn(why, "\n")] = 0;
		if (f)
			fclose(f);
		complain(NULL, ERROR, "%s failed (%d): %s", mkfs, rc, why);
	}
	return !rc;
}

static void check_fs(void)
{
	const char *check = o.check ?: !strcmp(o.fs, "ext4") ? "e2fsck -fn" : "xfs_repair -n";
	int rc;

	if (!strcmp(check, "none"))
		return;
	rc = sh("%s '%s' >'%s/race-check.log' 2>&1", check, o.dev, o.scratch);
	if (!rc)
		return;
	complain(NULL, REPAIR, "%s says %d", check, rc);
	sh("[ ! -d /out ] || cp '%s/race-check.log' /out/repair-%s-%s-%s.log; head -c 2000 '%s/race-check.log' >&2", o.scratch, o.fs,
	   racer_name[o.racer], o.device, o.scratch);
}

static void judge_kept(const char *when, char *rbuf)
{
	unsigned int i;

	for (i = 0; i < kept_files; i++)
		if (!judge_both(kept[i], rbuf, when))
			atomic_fetch_add(&races_bad, 1);
}

/* Instead of a remount, where the filesystem is somebody's: written out, and forgotten by the page cache. */
static void drop_kept(void)
{
	unsigned int i;

	for (i = 0; i < kept_files; i++) {
		int fd = open(kept[i]->path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;		/* the judge will say so */
		if (fsync(fd))
			complain(kept[i], ERROR, "fsync: %s", strerror(errno));
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
}

static enum verdict run_row(void)
{
	struct lane *lanes = calloc(o.lanes, sizeof(*lanes));
	char sysdir[300], *rbuf;
	double t_race = 0, t_verify;
	unsigned int i;
	bool mounted;

	if (!o.in_place && !make_fs()) {
		report(ERROR, 0, 0);
		return ERROR;
	}
	mounted = o.in_place || do_mount();
	if (!mounted)
		goto out;
	snprintf(sysdir, sizeof(sysdir), "/sys/fs/%s/%s", o.fs, dev_name());
	if (o.fault) {
		char path[600];
		FILE *f;

		snprintf(path, sizeof(path), "%s/errortag/%s", sysdir, o.fault);
		f = fopen(path, "w");
		if (!f || fputs("1\n", f) < 0 || fclose(f)) {
			complain(NULL, ERROR, "cannot set %s: %s", path, strerror(errno));
			do_umount();
			goto out;
		}
	}
	if (!strcmp(o.fs, "dioxfs"))
		snap_counters(sysdir, "", false);
	if (reading() && !o.in_place)
		reads_fill_volume();
	t_start = now();
	for (i = 0; i < o.lanes; i++) {
		lane_init(&lanes[i], i);
		pthread_create(&lanes[i].thread, NULL, lane_main, &lanes[i]);
	}
	for (i = 0; i < o.lanes; i++)
		pthread_join(lanes[i].thread, NULL);
	if (!strcmp(o.fs, "dioxfs")) {
		snap_counters(sysdir, "", true);
		judge_counters(sysdir);
	}
out:
	t_verify = now();
	t_race = mounted ? t_verify - t_start : 0;
	rbuf = lanes[0].rbuf;
	if (o.in_place && rbuf) {
		drop_kept();
		judge_kept("read again", rbuf);
	} else if (mounted && rbuf && do_umount() && do_mount()) {
		judge_kept("after the remount", rbuf);
		if (do_umount())
			check_fs();
	}
	if (atomic_load(&op_na) && !atomic_load(&op_ok) && atomic_load(&worst) == CLEAN)
		raise_verdict(NA);
	if (!races_done && worst == CLEAN)
		complain(NULL, ERROR, "no race was run");
	report(worst, t_race, now() - t_verify);
	return worst;
}

/* ------------------------------------------------------------ main */

static void usage(void)
{
	fprintf(stderr,
		"race --fs xfs|ext4|dioxfs --dev DEV --dir MNT --engine libaio|io_uring\n"
		"     --writer append|random|o_append|mixed|read|mapped[:DEPTH] --racer NAME [--device plain|delay|null]\n"
		"     [--races N] [--seconds S] [--lanes N] [--seed N] [--fault TAG] [--mkfs CMD] [--no-mkfs] [--limit S]\n"
		"     [--check CMD|none] [--scratch DIR] [--in-place]\n"
		"race --self-test --dir DIR\n"
		"Overwrites DEV; with --in-place it needs none, and only makes files in MNT.\n");
	exit(2);
}

int main(int argc, char **argv)
{
	int i, status;
	pid_t pid, parent = getpid();
	double t;

	status = race_tool(argc, argv);
	if (status >= 0)
		return status;
	o.seed = 1;
	for (i = 1; i < argc; i++) {
		const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(a, "--self-test")) {
			o.self_test = true;
			continue;
		}
		if (!strcmp(a, "--no-mkfs")) {
			o.mkfs_skip = true;
			continue;
		}
		if (!strcmp(a, "--in-place")) {
			o.in_place = true;
			continue;
		}
		if (!v)
			usage();
		i++;
		if (!strcmp(a, "--fs"))
			o.fs = v;
		else if (!strcmp(a, "--dev"))
			o.dev = v;
		else if (!strcmp(a, "--dir"))
			o.dir = v;
		else if (!strcmp(a, "--device"))
			o.device = v;
		else if (!strcmp(a, "--mkfs"))
			o.mkfs = v;
		else if (!strcmp(a, "--check"))
			o.check = v;
		else if (!strcmp(a, "--scratch"))
			o.scratch = v;
		else if (!strcmp(a, "--fault"))
			o.fault = *v ? v : NULL;
		else if (!strcmp(a, "--engine"))
			o.uring = !strcmp(v, "io_uring");
		else if (!strcmp(a, "--races"))
			o.races = (unsigned int)atoi(v);
		else if (!strcmp(a, "--lanes"))
			o.lanes = (unsigned int)atoi(v);
		else if (!strcmp(a, "--limit"))
			o.limit = (unsigned int)atoi(v);
		else if (!strcmp(a, "--seconds"))
			o.seconds = atof(v);
		else if (!strcmp(a, "--seed"))
			o.seed = (uint64_t)atoll(v) & 0xffffff;
		else if (!strcmp(a, "--writer")) {
			const char *c = strchrnul(v, ':');
			size_t n = (size_t)(c - v);
			int k;

			for (k = 0; k < NR_WRITERS && (strlen(writer_name[k]) != n || strncmp(v, writer_name[k], n)); k++)
				;
			if (k == NR_WRITERS)
				usage();
			o.writer = (enum writer)k;
			o.depth = *c ? (unsigned int)atoi(c + 1) : 16;
		} else if (!strcmp(a, "--racer")) {
			int k;

			for (k = 0; k < NR_RACERS && strcmp(v, racer_name[k]); k++)
				;
			if (k == NR_RACERS)
				usage();
			o.racer = (enum racer)k;
		} else {
			usage();
		}
	}
	if (!o.dir || !o.depth || o.depth > 64 || !o.lanes || (!o.self_test && !o.in_place && !o.dev))
		usage();
	if (o.dev && strchr(o.dev, '\''))		/* a shell will see it */
		usage();
	if (o.writer == MIXED && racer_shifts()) {
		fprintf(stderr, "race: nobody could tell where a mixed writer's buffered writes are after a shift\n");
		return 2;
	}
	if (reading() && !o.self_test && !racer_fits_reads()) {
		fprintf(stderr, "race: a racer that frees nothing, or moves what is read, has nothing to show to a reader\n");
		return 2;
	}
	kept = calloc(KEEP_FILES, sizeof(*kept));
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (o.self_test) {
		char p[300];
		int fd;

		/* Some places (an older tmpfs) have no O_DIRECT: the judge works without. */
		snprintf(p, sizeof(p), "%s/probe", o.dir);
		fd = open(p, O_RDWR | O_CREAT | O_DIRECT, 0600);
		o.no_direct = fd < 0;
		if (fd >= 0)
			close(fd);
		unlink(p);
		return self_test();
	}
	if (!o.limit)
		o.limit = (unsigned int)(o.seconds * 4 + 90);

	if (o.uring) {
		struct io_uring ring;
		int rc = io_uring_queue_init(2, &ring, 0);

		if (!rc)
			io_uring_queue_exit(&ring);
		if (rc == -ENOSYS || rc == -EPERM) {
			/* the row says which engine it was run with */
			o.uring = false;
			printf("this kernel has no io_uring%s: libaio instead\n", rc == -EPERM ? " for us" : "");
		}
	}

	/* The child does the work, and ends with its parent; the parent outlives a child that cannot be killed. */
	pid = fork();
	if (pid < 0)
		return 2;
	if (!pid) {
		enum verdict v;

		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
			_exit(2);
		v = run_row();
		fflush(stdout);
		_exit(v == CLEAN || v == NA ? 0 : 1);
	}
	for (t = now(); now() - t < o.limit; usleep(20000)) {
		if (waitpid(pid, &status, WNOHANG) != pid)
			continue;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		complain(NULL, ERROR, "the race program died by signal %d", WTERMSIG(status));
		report(ERROR, 0, 0);
		return 1;
	}
	sh("echo w >/proc/sysrq-trigger 2>/dev/null");
	complain(NULL, HANG, "no end after %u seconds (blocked tasks are in the kernel log)", o.limit);
	report(HANG, 0, 0);
	kill(pid, 9);
	return 3;
}
