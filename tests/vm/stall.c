// SPDX-License-Identifier: GPL-2.0-only
/*
 * stall: what a thread that allocates, punches or zeroes in a file costs the direct writers of that file.
 *
 * Writers (AIO or io_uring, O_DIRECT, at a fixed depth) run alone and disturbed, in turns of a second, so that whatever else goes on
 * meets both alike. Each phase draws the same places. Phases:
 *
 *   alone       on a file in which no space operation ever was (FILE.alone)
 *   tracked     alone as well, but on the file that the space thread works on between these turns: a filesystem may
 *               from then on treat it otherwise
 *   disturbed   on that file, beside the space thread
 *   beside      on FILE.alone, while the space thread works on the other file: what the operations cost in processor
 *               time and device, without what the file's own locks cost
 *
 * Operations: "ahead" preallocates far behind the end, which stays (KEEP_SIZE); "extend" the same, and moves the end; "punch"
 * punches blocks out that nobody uses: of appending writers what they have written, a little behind the oldest write in flight, of
 * overwriting ones blocks next to theirs; "zero" zeroes blocks inside the file that nobody uses; "all" is ahead, punch and zero in turn.
 * All are aligned. What an operation has used up is there again for the next turn, in time that does not count.
 */
#include "stall.h"
#include <getopt.h>

static const char usage[] =
"stall [options] FILE: what space operations cost the direct writers of a file (FILE and FILE.alone are made, and removed)\n"
"  --op LIST           ahead, extend, punch, zero; all (ahead,punch,zero), none (ahead)\n"
"  --rate N|max        so many operations a second in all, or back to back (500)\n"
"  --ahead-len SIZE, --extend-len SIZE (1m), --punch-len SIZE, --zero-len SIZE (64k)   of one operation\n"
"  --gap SIZE          from the end of the file to where ahead and extend begin (256m)\n"
"  --pattern P         overwrite: random writes to blocks that are written; append (overwrite)\n"
"  --engine E          libaio, io_uring (libaio)\n"
"  --bs SIZE (4k)  --depth N (16)  --threads N (1), each with that depth  --size SIZE (32m), what is overwritten\n"
"  --phases LIST       alone, tracked, disturbed, beside (alone,disturbed; and tracked if there is punch or zero)\n"
"  --seconds S (5)     for each phase, in turns of --slice S (1)\n"
"  --seed N (1)  --json  --keep (leave the files)\n"
"  --self-test         is the arithmetic of percentiles right?\n"
"Times are in ms, from before the submission to the completion; \"late\" are operations that were due while another one ran (or that had\n"
"nothing to be done to), \"refills\" how often the room for operations was used up within a turn.\n"
"Exit status: 0; 1 something failed, and it says what; 2 usage; 3 not to be had here (direct I/O, io_uring, an operation).\n";

struct options o = { .size = 32 * MIB, .bs = 4096, .gap = 256 * MIB, .seed = 1, .depth = 16, .threads = 1, .rate = 500, .seconds = 5,
		     .slice = 1, .len = { [AHEAD] = MIB, [EXTEND] = MIB, [PUNCH] = 64 << 10, [ZERO] = 64 << 10 } };
const char *const op_name[NR_OPS] = { "ahead", "extend", "punch", "zero" };
static const char *const phase_name[NR_PHASES] = { "alone", "tracked", "disturbed", "beside" };
static const unsigned int shown[] = { 500, 950, 990, 999, 1000 };
static const char *const shown_name[] = { "p50", "p95", "p99", "p99.9", "max" };
#define NR_SHOWN	(sizeof(shown) / sizeof(*shown))

struct writer *writers;
_Atomic bool stop;

static pthread_mutex_t msg_lock = PTHREAD_MUTEX_INITIALIZER;
static char msg[600];
static int status;
static struct file quiet, busy;		/* FILE.alone, FILE */
static struct result results[NR_PHASES];

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

void __attribute__((format(printf, 2, 3))) failed(int err, const char *fmt, ...)
{
	va_list ap;
	int n;

	pthread_mutex_lock(&msg_lock);
	if (!status) {
		va_start(ap, fmt);
		n = vsnprintf(msg, sizeof(msg), fmt, ap);
		va_end(ap);
		if (n < (int)sizeof(msg))
			snprintf(msg + n, sizeof(msg) - n, ": %s (errno %d)", strerror(err), err);
		status = err == EOPNOTSUPP || err == ENOSYS ? 3 : 1;
	}
	pthread_mutex_unlock(&msg_lock);
	atomic_store(&stop, true);
}

/* ------------------------------------------------------------ what is asked for */

static void __attribute__((format(printf, 1, 2), noreturn)) refuse(const char *fmt, ...)
{
	va_list ap;

	fputs("stall: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" (stall --help)\n", stderr);
	exit(2);
}

static uint64_t number(const char *what, const char *s, uint64_t min, uint64_t max, bool sized)
{
	const char *unit = "kmgt", *u;
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(s, &end, 10);
	u = sized && *end ? strchr(unit, *end | 0x20) : NULL;
	if (u && !end[1]) {
		unsigned int shift = 10 * (unsigned int)(u - unit + 1);

		if (v > UINT64_MAX >> shift)
			errno = ERANGE;
		v <<= shift;
		end++;
	}
	if (errno || end == s || *end || *s == '-' || v < min || v > max)
		refuse("--%s is a %s from %" PRIu64 " to %" PRIu64 ", not \"%s\"", what, sized ? "size" : "number", min, max, s);
	return v;
}

static double seconds(const char *what, const char *s, double min, double max)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !(v >= min && v <= max))
		refuse("--%s is a number from %g to %g, not \"%s\"", what, min, max, s);
	return v;
}

/* Words of @s into the flags of @names; "all" and the like are @more's. */
static void list(const char *what, char *s, const char *const *names, int n, bool *flags, bool (*more)(const char *word))
{
	memset(flags, 0, n * sizeof(*flags));
	for (char *w = strtok(s, ","); w; w = strtok(NULL, ",")) {
		int i = 0;

		while (i < n && strcmp(w, names[i]))
			i++;
		if (i < n)
			flags[i] = true;
		else if (!more || !more(w))
			refuse("--%s knows no \"%s\"", what, w);
	}
}

static bool more_ops(const char *word)
{
	if (!strcmp(word, "all"))
		o.op[AHEAD] = o.op[PUNCH] = o.op[ZERO] = true;
	return !strcmp(word, "all") || !strcmp(word, "none");
}

static int nops(void)
{
	int n = 0;

	for (int i = 0; i < NR_OPS; i++)
		n += o.op[i];
	return n;
}

static bool either(const char *what, const char *s, const char *no, const char *yes)
{
	if (strcmp(s, no) && strcmp(s, yes))
		refuse("--%s is %s or %s, not \"%s\"", what, no, yes, s);
	return !strcmp(s, yes);
}

static void parse(int argc, char **argv)
{
	enum { OP = 1, RATE, LEN, GAP = LEN + NR_OPS, PATTERN, ENGINE, BS, DEPTH, THREADS, SIZE, PHASES, SECONDS, SLICE, SEED, JSON,
	       KEEP, SELF, HELP };
	static const struct option opts[] = {
		{ "op", 1, NULL, OP }, { "rate", 1, NULL, RATE }, { "ahead-len", 1, NULL, LEN + AHEAD },
		{ "extend-len", 1, NULL, LEN + EXTEND }, { "punch-len", 1, NULL, LEN + PUNCH }, { "zero-len", 1, NULL, LEN + ZERO },
		{ "gap", 1, NULL, GAP }, { "pattern", 1, NULL, PATTERN }, { "engine", 1, NULL, ENGINE }, { "bs", 1, NULL, BS },
		{ "depth", 1, NULL, DEPTH }, { "threads", 1, NULL, THREADS }, { "size", 1, NULL, SIZE },
		{ "phases", 1, NULL, PHASES }, { "seconds", 1, NULL, SECONDS }, { "slice", 1, NULL, SLICE },
		{ "seed", 1, NULL, SEED }, { "json", 0, NULL, JSON }, { "keep", 0, NULL, KEEP }, { "self-test", 0, NULL, SELF },
		{ "help", 0, NULL, HELP }, { 0 }
	};
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	bool phases = false;
	int c, i;

	o.op[AHEAD] = true;
	while ((c = getopt_long(argc, argv, "h", opts, &i)) != -1) {
		switch (c) {
		case OP:
			list("op", optarg, op_name, NR_OPS, o.op, more_ops);
			break;
		case RATE:
			o.rate = strcmp(optarg, "max") ? seconds("rate", optarg, 0.01, 1e6) : 0;
			break;
		case LEN ... LEN + NR_OPS - 1:
			o.len[c - LEN] = number(opts[i].name, optarg, page, 1ull << 30, true);
			if (o.len[c - LEN] % page)
				refuse("--%s is a multiple of a page, %" PRIu64, opts[i].name, page);
			break;
		case GAP:
			o.gap = number("gap", optarg, 0, 1ull << 40, true);
			break;
		case PATTERN:
			o.append = either("pattern", optarg, "overwrite", "append");
			break;
		case ENGINE:
			o.uring = either("engine", optarg, "libaio", "io_uring");
			break;
		case BS:
			o.bs = number("bs", optarg, 512, 1ull << 24, true);
			break;
		case DEPTH:
			o.depth = (unsigned int)number("depth", optarg, 1, MAX_DEPTH, false);
			break;
		case THREADS:
			o.threads = (unsigned int)number("threads", optarg, 1, MAX_THREADS, false);
			break;
		case SIZE:
			o.size = number("size", optarg, MIB, 1ull << 40, true);
			break;
		case PHASES:
			list("phases", optarg, phase_name, NR_PHASES, o.phase, NULL);
			phases = true;
			break;
		case SECONDS:
			o.seconds = seconds("seconds", optarg, 0.05, 86400);
			break;
		case SLICE:
			o.slice = seconds("slice", optarg, 0.05, 3600);
			break;
		case SEED:
			o.seed = number("seed", optarg, 0, UINT64_MAX, false);
			break;
		case JSON:
			o.json = true;
			break;
		case KEEP:
			o.keep = true;
			break;
		case SELF:
			exit(hist_self_test());
		case 'h':
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			refuse("a wrong option");
		}
	}
	if (argc - optind != 1)
		refuse("it wants one file");
	o.path = argv[optind];
	if (strlen(o.path) + 10 > sizeof(quiet.path))
		refuse("that name is too long");
	if (o.seconds / o.slice > MAX_TURNS)
		refuse("that makes more than %d turns", MAX_TURNS);
	if (o.bs % 512 || o.size < o.bs)
		refuse("--bs is a multiple of 512, and not above --size");
	if (o.op[AHEAD] && o.op[EXTEND])
		refuse("ahead and extend do not go together");
	if (!phases) {
		o.phase[ALONE] = true;
		o.phase[DISTURBED] = nops();
		o.phase[TRACKED] = o.op[PUNCH] || o.op[ZERO];
	}
	if (!nops() && (o.phase[DISTURBED] || o.phase[BESIDE]))
		refuse("--op none has nothing to disturb with");
	if (o.append && o.op[PUNCH] && o.phase[BESIDE])
		refuse("punch behind appending writers needs them in its own file: no phase \"beside\"");
}

/* ------------------------------------------------------------ the files */

static uint64_t up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* Enough for a turn, if the volume has it. */
static uint64_t room_for(enum op op, uint64_t most)
{
	double n = (o.rate > 0 ? o.rate : 10000) * o.slice / nops() * 1.1 + 2;
	uint64_t len = up((uint64_t)(n * (double)o.len[op]), MIB), least = up(o.len[op], MIB);

	most -= most % MIB;
	return len < most ? len : most > least ? most : least;
}

static bool lay_out(struct file *f, const char *suffix)
{
	struct statvfs sv;
	uint64_t avail, end;
	off_t done;

	snprintf(f->path, sizeof(f->path), "%s%s", o.path, suffix);
	pthread_mutex_init(&f->lock, NULL);
	f->sfd = open(f->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (f->sfd < 0) {
		failed(errno, "open %s", f->path);
		return false;
	}
	f->fd = open(f->path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (f->fd < 0) {
		failed(errno == EINVAL ? EOPNOTSUPP : errno, "open %s for direct I/O", f->path);
		return false;
	}
	if (fstatvfs(f->sfd, &sv)) {
		failed(errno, "statvfs of %s", f->path);
		return false;
	}
	avail = (uint64_t)sv.f_bavail * sv.f_frsize;
	end = MIB + (o.append ? 0 : up(o.size, MIB));
	if (o.op[PUNCH] && !o.append) {
		f->start[PUNCH] = end;
		f->room[PUNCH] = room_for(PUNCH, avail / 8);
		end += f->room[PUNCH];
		if (fallocate(f->sfd, 0, (off_t)f->start[PUNCH], (off_t)f->room[PUNCH])) {
			failed(errno, "room for punch: fallocate of %" PRIu64 " at %" PRIu64, f->room[PUNCH], f->start[PUNCH]);
			return false;
		}
	}
	if (o.op[ZERO]) {
		f->start[ZERO] = end;
		f->room[ZERO] = room_for(ZERO, avail / 8 < 64 * MIB ? avail / 8 : 64 * MIB);
		end += f->room[ZERO];
	}
	/* Written, all but the room for punch, which is there to be taken away. */
	for (done = 0; done < (off_t)end && !atomic_load(&stop); done += MIB) {
		static char buf[MIB] __attribute__((aligned(4096)));

		if (o.op[PUNCH] && !o.append && (uint64_t)done >= f->start[PUNCH] && (uint64_t)done < f->start[PUNCH] + f->room[PUNCH])
			continue;
		memset(buf, 'x', sizeof(buf));
		if (pwrite(f->fd, buf, MIB, done) != (ssize_t)MIB)
			failed(errno, "the first contents of %s", f->path);
	}
	f->eof = end;
	if (o.append)
		f->start[PUNCH] = end;
	f->start[AHEAD] = f->start[EXTEND] = up(end + o.gap, MIB);
	f->room[AHEAD] = f->room[EXTEND] = avail / 2;
	return !atomic_load(&stop);
}

/* Real blocks go: none of the writers', nor of what the operations are done to. */
static void first_punch(struct file *f)
{
	if (fallocate(f->sfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 64 << 10))
		failed(errno, "punch: fallocate of %d at 0", 64 << 10);
}

/* ------------------------------------------------------------ the report */

static void table_row(const char *name, double rate, const struct hist *h, const char *more)
{
	printf("%-11s %9.0f/s", name, rate);
	for (size_t i = 0; i < NR_SHOWN; i++)
		printf(" %9.3f", (double)hist_percentile(h, shown[i]) / 1e6);
	puts(more);
}

static void merge_ops(struct hist *all, const struct result *r)
{
	memset(all, 0, sizeof(*all));
	for (int i = 0; i < NR_OPS; i++)
		hist_merge(all, &r->op[i]);
}

static double iops(enum phase p)
{
	return results[p].seconds > 0 ? (double)results[p].writes / results[p].seconds : 0;
}

static double p99_ratio(enum phase p, enum phase to)
{
	uint64_t below = hist_percentile(&results[to].h, 990);

	return below ? (double)hist_percentile(&results[p].h, 990) / (double)below : 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Turn by turn, and of that the median: what else goes on is the same for neighbours, and a bad second is one of many. */
static double rate_ratio(enum phase p, enum phase to)
{
	static double q[MAX_TURNS];
	unsigned int n = 0;

	for (unsigned int i = 0; i < results[p].turns && i < results[to].turns; i++)
		if (results[to].each[i] > 0)
			q[n++] = results[p].each[i] / results[to].each[i];
	qsort(q, n, sizeof(*q), by_value);
	return n ? (q[(n - 1) / 2] + q[n / 2]) / 2 : 0;
}

static void print_ratio(enum phase p, enum phase to)
{
	if (o.phase[p] && o.phase[to])
		printf("%s/%s: %.3f of the writes a second, p99 x %.2f\n", phase_name[p], phase_name[to], rate_ratio(p, to), p99_ratio(p, to));
}

static void print_table(void)
{
	static struct hist all;
	char more[100];

	printf("%s: %s, %s of %" PRIu64 " bytes, depth %u, %u thread%s", o.path, o.uring ? "io_uring" : "libaio",
	       o.append ? "appends" : "random overwrites", o.bs, o.depth, o.threads, o.threads > 1 ? "s" : "");
	for (int i = 0, n = 0; i < NR_OPS; i++)
		if (o.op[i])
			printf("%s %s of %" PRIu64 " KiB%s", n++ ? "," : ";", op_name[i], o.len[i] >> 10,
			       i == PUNCH ? o.append ? " behind the writers" : " of blocks beside theirs" : "");
	if (o.rate > 0)
		printf(", %g/s\n", o.rate);
	else
		printf(", back to back\n");
	printf("%-22s  ", "writes");
	for (size_t i = 0; i < NR_SHOWN; i++)
		printf("%*s", i ? 10 : 9, shown_name[i]);
	puts(" ms");
	for (int p = 0; p < NR_PHASES; p++)
		if (o.phase[p])
			table_row(phase_name[p], iops(p), &results[p].h, "");
	for (int p = DISTURBED; p < NR_PHASES; p++) {
		if (!o.phase[p])
			continue;
		printf("operations, %s\n", phase_name[p]);
		for (int i = 0; i < NR_OPS; i++)
			if (o.op[i])
				table_row(op_name[i], (double)results[p].op[i].n / results[p].seconds, &results[p].op[i], "");
		merge_ops(&all, &results[p]);
		snprintf(more, sizeof(more), "  %" PRIu64 " done, %" PRIu64 " late, %" PRIu64 " refills", all.n, results[p].late,
			 results[p].refills);
		table_row("in all", (double)all.n / results[p].seconds, &all, more);
	}
	for (enum phase p = TRACKED; p < NR_PHASES; p++)
		print_ratio(p, ALONE);
	print_ratio(DISTURBED, TRACKED);
}

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20)
			printf("\\u%04x", (unsigned char)*s);
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void json_hist(const char *name, const struct hist *h, double secs)
{
	printf("\"%s\":{\"n\":%" PRIu64 ",", name, h->n);
	if (secs > 0)
		printf("\"per_s\":%.2f,", (double)h->n / secs);
	printf("\"ms\":{");
	for (size_t i = 0; i < NR_SHOWN; i++)
		printf("%s\"%s\":%.4f", i ? "," : "", shown_name[i], (double)hist_percentile(h, shown[i]) / 1e6);
	printf("}}");
}

static void print_json(void)
{
	static struct hist all;
	int n = 0;

	printf("{\"file\":");
	json_string(o.path);
	printf(",\"engine\":\"%s\",\"pattern\":\"%s\",\"bs\":%" PRIu64 ",\"depth\":%u,\"threads\":%u,\"size\":%" PRIu64 ",\"rate\":%g,"
	       "\"seconds\":%g,\"slice\":%g,\"seed\":%" PRIu64 ",\"len\":{", o.uring ? "io_uring" : "libaio",
	       o.append ? "append" : "overwrite", o.bs, o.depth, o.threads, o.size, o.rate, o.seconds, o.slice, o.seed);
	for (int i = 0; i < NR_OPS; i++)
		if (o.op[i])
			printf("%s\"%s\":%" PRIu64, n++ ? "," : "", op_name[i], o.len[i]);
	printf("}");
	if (status) {
		printf(",\"error\":");
		json_string(msg);
		puts("}");
		return;
	}
	printf(",\"phases\":{");
	n = 0;
	for (int p = 0; p < NR_PHASES; p++) {
		const struct result *r = &results[p];

		if (!o.phase[p])
			continue;
		printf("%s\"%s\":{\"iops\":%.2f,\"each\":[", n++ ? "," : "", phase_name[p], iops(p));
		for (unsigned int i = 0; i < r->turns; i++)
			printf("%s%.1f", i ? "," : "", r->each[i]);
		printf("],");
		json_hist("writes", &r->h, 0);
		if (p >= DISTURBED) {
			merge_ops(&all, r);
			printf(",");
			json_hist("ops", &all, r->seconds);
			for (int i = 0; i < NR_OPS; i++) {
				if (!o.op[i])
					continue;
				printf(",");
				json_hist(op_name[i], &r->op[i], r->seconds);
			}
			printf(",\"late\":%" PRIu64 ",\"refills\":%" PRIu64, r->late, r->refills);
		}
		printf("}");
	}
	puts("}}");
}

/* ------------------------------------------------------------ the turns */

static void turn(enum phase p, struct result *r)
{
	struct file *f = p == ALONE || p == BESIDE ? &quiet : &busy;

	file_reset(f);
	if (p == BESIDE)
		file_reset(&busy);
	if (!atomic_load(&stop))
		run_slice(p, f, p >= DISTURBED ? &busy : NULL, r);
}

static void all_turns(void)
{
	static struct result warm;
	unsigned int rounds = (unsigned int)(o.seconds / o.slice + 0.5);
	double slice = o.slice;

	/* Caches, first blocks: of the first turn only. */
	o.slice = slice < 0.2 ? slice : 0.2;
	for (int p = 0; p < NR_PHASES; p++)
		if (o.phase[p])
			turn(p, &warm);
	o.slice = slice;
	for (unsigned int i = 0; i < (rounds ? rounds : 1) && !atomic_load(&stop); i++) {
		for (unsigned int k = 0; k < NR_PHASES && !atomic_load(&stop); k++) {
			enum phase p = (i + k) % NR_PHASES;	/* nobody is always the first */

			if (o.phase[p])
				turn(p, &results[p]);
		}
	}
}

static bool ready(void)
{
	if ((o.phase[ALONE] || o.phase[BESIDE]) && !lay_out(&quiet, ".alone"))
		return false;
	if ((o.phase[TRACKED] || o.phase[DISTURBED] || o.phase[BESIDE]) && !lay_out(&busy, ""))
		return false;
	if (busy.sfd > 0 && (o.phase[TRACKED] || o.op[PUNCH] || o.op[ZERO]))
		first_punch(&busy);
	writers = calloc(o.threads, sizeof(*writers));
	if (!writers) {
		failed(ENOMEM, "memory for writers");
		return false;
	}
	for (unsigned int i = 0; i < o.threads; i++) {
		writers[i].nr = i;
		if (!writer_init(&writers[i]))
			return false;
	}
	return true;
}

static void remove_file(const struct file *f)
{
	if (f->sfd > 0 && !o.keep)
		unlink(f->path);
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	if (ready())
		all_turns();
	remove_file(&quiet);
	remove_file(&busy);
	if (o.json)
		print_json();
	else if (!status)
		print_table();
	if (status)
		fprintf(stderr, "stall: %s\n", msg);
	return status;
}
