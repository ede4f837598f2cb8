// SPDX-License-Identifier: GPL-2.0-only
/*
 * race, the self-test: the judge can find someone guilty. Each case is a race that went well, on whatever filesystem this is run on,
 * and a damage done to its file by hand; the verdict must be the one that fits. Untouched files must be CLEAN.
 *
 * What is judged newly by byte or by tag (o_append, mixed, buffered, truncate-down) runs without O_DIRECT here: not every
 * filesystem is up to it, and this is about the judge.
 */
#include "race.h"

enum damage { NOTHING, ZERO_BLOCK, ZERO_BYTE, SHORTEN, LENGTHEN, SWAP, FLIP, STALE, DROP_LAST_SHIFT, UNPATCH, RESURRECT, COVER, TWICE, FOREIGN, NEVER_READ, SHORT_READ };

static const struct sabotage {
	const char *name;
	enum racer racer;
	enum verdict want;
	enum damage what;
	enum writer writer;	/* APPEND: or RANDOM, in turns */
} sabotages[] = {
	{ "untouched allocate", ALLOCATE, CLEAN, NOTHING, APPEND },
	{ "untouched zero", ZERO, CLEAN, NOTHING, APPEND },
	{ "untouched punch", PUNCH, CLEAN, NOTHING, APPEND },
	{ "untouched holes", HOLES, CLEAN, NOTHING, APPEND },
	{ "untouched zeroes", ZEROES, CLEAN, NOTHING, APPEND },
	{ "untouched collapse", COLLAPSE, CLEAN, NOTHING, APPEND },
	{ "untouched insert", INSERT, CLEAN, NOTHING, APPEND },
	{ "untouched truncate-up", TRUNCATE, CLEAN, NOTHING, APPEND },
	{ "untouched mmap", MMAP, CLEAN, NOTHING, APPEND },
	{ "untouched buffered", BUFFERED, CLEAN, NOTHING, APPEND },
	{ "untouched truncate-down", TRUNCATE_DOWN, CLEAN, NOTHING, APPEND },
	{ "untouched fstrim", FSTRIM, CLEAN, NOTHING, APPEND },
	{ "lost block", ALLOCATE, LOST, ZERO_BLOCK, APPEND },
	{ "lost byte", KEEPSIZE, LOST, ZERO_BYTE, APPEND },
	{ "lost byte with truncate-up", TRUNCATE, LOST, ZERO_BYTE, APPEND },
	{ "short file", ALLOCATE, LOST, SHORTEN, APPEND },
	{ "short file with truncate-up", TRUNCATE, LOST, SHORTEN, APPEND },
	{ "long file", KEEPSIZE, CORRUPT, LENGTHEN, APPEND },
	{ "swapped blocks", ALLOCATE, CORRUPT, SWAP, APPEND },
	{ "flipped bit", PUNCH, CORRUPT, FLIP, APPEND },
	{ "stale block beside the data", KEEPSIZE, CORRUPT, STALE, APPEND },
	{ "lost block after collapse", COLLAPSE, LOST, ZERO_BLOCK, APPEND },
	{ "short file after collapse", COLLAPSE, LOST, SHORTEN, APPEND },
	{ "swapped blocks after insert", INSERT, CORRUPT, SWAP, APPEND },
	{ "lost block after insert", INSERT, LOST, ZERO_BLOCK, APPEND },
	{ "long file after insert", INSERT, CORRUPT, LENGTHEN, APPEND },
	{ "shift that was not done", INSERT, CORRUPT, DROP_LAST_SHIFT, APPEND },
	{ "lost block beside buffered writes", BUFFERED, LOST, ZERO_BLOCK, APPEND },
	{ "lost buffered write", BUFFERED, LOST, UNPATCH, APPEND },
	{ "short file with buffered writes", BUFFERED, LOST, SHORTEN, APPEND },
	{ "long file with buffered writes", BUFFERED, CORRUPT, LENGTHEN, APPEND },
	{ "lost block after truncate-down", TRUNCATE_DOWN, LOST, ZERO_BLOCK, APPEND },
	{ "short file after truncate-down", TRUNCATE_DOWN, LOST, SHORTEN, APPEND },
	{ "long file after truncate-down", TRUNCATE_DOWN, CORRUPT, LENGTHEN, APPEND },
	{ "what truncate-down removed is back", TRUNCATE_DOWN, CORRUPT, RESURRECT, APPEND },
	{ "lost block with fstrim", FSTRIM, LOST, ZERO_BLOCK, APPEND },

	{ "untouched o_append", NONE, CLEAN, NOTHING, O_APPENDING },
	{ "untouched o_append with allocate", ALLOCATE, CLEAN, NOTHING, O_APPENDING },
	{ "untouched o_append with punch", PUNCH, CLEAN, NOTHING, O_APPENDING },
	{ "untouched o_append with collapse", COLLAPSE, CLEAN, NOTHING, O_APPENDING },
	{ "untouched o_append with insert", INSERT, CLEAN, NOTHING, O_APPENDING },
	{ "untouched o_append with truncate-up", TRUNCATE, CLEAN, NOTHING, O_APPENDING },
	{ "untouched o_append with mmap", MMAP, CLEAN, NOTHING, O_APPENDING },
	{ "untouched o_append with buffered", BUFFERED, CLEAN, NOTHING, O_APPENDING },
	{ "untouched o_append with truncate-down", TRUNCATE_DOWN, CLEAN, NOTHING, O_APPENDING },
	{ "lost block of o_append", NONE, LOST, ZERO_BLOCK, O_APPENDING },
	{ "lost byte of o_append", KEEPSIZE, LOST, ZERO_BYTE, O_APPENDING },
	{ "o_append over another", NONE, LOST, COVER, O_APPENDING },
	{ "o_append over another with allocate", ALLOCATE, LOST, COVER, O_APPENDING },
	{ "o_append over another with buffered", BUFFERED, LOST, COVER, O_APPENDING },
	{ "o_append over another with collapse", COLLAPSE, LOST, COVER, O_APPENDING },
	{ "o_append over another with truncate-down", TRUNCATE_DOWN, LOST, COVER, O_APPENDING },
	{ "o_append there twice", NONE, CORRUPT, TWICE, O_APPENDING },
	{ "flipped bit of o_append", NONE, CORRUPT, FLIP, O_APPENDING },
	{ "short file of o_append", ALLOCATE, LOST, SHORTEN, O_APPENDING },
	{ "short file of o_append with truncate-down", TRUNCATE_DOWN, LOST, SHORTEN, O_APPENDING },
	{ "long file of o_append", NONE, CORRUPT, LENGTHEN, O_APPENDING },
	{ "lost block of o_append with insert", INSERT, LOST, ZERO_BLOCK, O_APPENDING },
	{ "lost block of o_append with truncate-down", TRUNCATE_DOWN, LOST, ZERO_BLOCK, O_APPENDING },

	{ "untouched mixed", NONE, CLEAN, NOTHING, MIXED },
	{ "untouched mixed with zero", ZERO, CLEAN, NOTHING, MIXED },
	{ "untouched mixed with truncate-up", TRUNCATE, CLEAN, NOTHING, MIXED },
	{ "untouched mixed with buffered", BUFFERED, CLEAN, NOTHING, MIXED },
	{ "untouched mixed with truncate-down", TRUNCATE_DOWN, CLEAN, NOTHING, MIXED },
	{ "lost direct block of mixed", NONE, LOST, ZERO_BLOCK, MIXED },
	{ "lost buffered write of mixed", NONE, LOST, UNPATCH, MIXED },
	{ "short file of mixed", KEEPSIZE, LOST, SHORTEN, MIXED },
	{ "long file of mixed", NONE, CORRUPT, LENGTHEN, MIXED },
	{ "flipped bit of mixed", PUNCH, CORRUPT, FLIP, MIXED },

	{ "untouched reads", NONE, CLEAN, NOTHING, READING },
	{ "untouched reads with holes", HOLES, CLEAN, NOTHING, READING },
	{ "untouched reads with punch", PUNCH, CLEAN, NOTHING, READING },
	{ "untouched reads with truncate-down", TRUNCATE_DOWN, CLEAN, NOTHING, READING },
	{ "untouched reads into the file's own mapping", HOLES, CLEAN, NOTHING, MAPPED_READING },
	{ "a read of another file's bytes", HOLES, CORRUPT, FOREIGN, READING },
	{ "a read of another file's bytes where nothing was freed", NONE, CORRUPT, FOREIGN, READING },
	{ "a read of nothing", NONE, LOST, NEVER_READ, READING },
	{ "a short read", PUNCH, LOST, SHORT_READ, READING },
};

/* What was sent after the last operation that takes away had ended, nothing can excuse. */
static bool inexcusable(const struct race *r, unsigned int id)
{
	unsigned int k;

	for (k = 0; k < r->nops; k++)
		if (r->ops[k].cuts && r->b[id].sent <= r->ops[k].t1)
			return false;
	return true;
}

/* Where the last two whole blocks of the writer are that must be there. */
static bool find_blocks(struct race *r, int fd, uint64_t *a, uint64_t *b)
{
	uint64_t size = stat_size(fd), s;
	static char buf[BS], want[BS];
	int found = 0;

	for (s = size / BS; s-- > 0;) {
		struct header *h = (struct header *)buf;

		if (pread(fd, buf, BS, s * BS) != BS || h->magic != MAGIC || h->id < r->npfx || h->id >= r->nb)
			continue;
		fill_block(want, r, h->id);
		if (memcmp(buf, want, BS) || !inexcusable(r, h->id))
			continue;
		*(found++ ? b : a) = s * BS;
		if (found == 2)
			return true;
	}
	return false;
}

/* A buffered write that began after all that was sent to its place was acknowledged. */
static const struct op *find_patch(const struct race *r, const struct op *ops, unsigned int nops)
{
	unsigned int i, k;

	for (k = nops; k-- > 0;) {
		const struct op *op = &ops[k], *p;
		bool last = op->writes && !op->err;

		for (i = 0; last && i < r->nb; i++)
			if (r->b[i].off < op->off + op->len && r->b[i].off + BS > op->off && (!r->b[i].acked || r->b[i].acked >= op->t0))
				last = false;
		for (p = r->ops; last && p < r->ops + r->nops; p++)
			if (p != op && p->off < op->off + op->len && p->off + p->len > op->off && p->t1 >= op->t0)
				last = false;
		for (p = r->pats; last && p < r->pats + r->npats; p++)
			if (p != op && p->off < op->off + op->len && p->off + p->len > op->off && p->t1 >= op->t0)
				last = false;
		if (last)
			return op;
	}
	return NULL;
}

/* A block that was acknowledged before its end, or more, was cut off, and the file is longer again. */
static bool find_removed(const struct race *r, uint64_t size, unsigned int *id)
{
	unsigned int i, k;

	for (k = 0; k < r->nops; k++)
		for (i = r->npfx; i < r->nb; i++)
			if (r->ops[k].cuts && r->b[i].acked && r->b[i].acked < r->ops[k].t0 && r->b[i].off + BS > r->ops[k].off &&
			    r->b[i].off + BS <= size) {
				*id = i;
				return true;
			}
	return false;
}

/* Does the damage to @r if it can be done to this one. */
static bool sabotage(struct race *r, enum damage what)
{
	static char buf[BS], buf2[BS], zero[2 * BS];
	int fd = open(r->path, O_RDWR | O_CLOEXEC);
	uint64_t a = 0, b = 0, size = stat_size(fd);
	bool ok = what == NOTHING || r->nseen || find_blocks(r, fd, &a, &b);
	const struct op *op;
	unsigned int id;

	switch (what) {
	case ZERO_BLOCK:
		ok = ok && pwrite(fd, zero, BS, a) == BS;
		break;
	case ZERO_BYTE:		/* each byte of the fill may be zero by itself: eight are not */
		ok = ok && pwrite(fd, zero, 8, a + 2000) == 8;
		break;
	case SHORTEN:
		if (o.writer != APPEND || racer_shifts() || o.racer == TRUNCATE || o.racer == TRUNCATE_DOWN)
			size = a + BS;
		ok = ok && !ftruncate(fd, size - BS);
		break;
	case LENGTHEN:
		/* What was in flight when it was cut may be there or not: the exact end is not known. */
		ok = !ftruncate(fd, size + (o.racer == TRUNCATE_DOWN ? 8 << 20 : 1));
		break;
	case SWAP:
		ok = ok && pread(fd, buf, BS, a) == BS && pread(fd, buf2, BS, b) == BS && pwrite(fd, buf, BS, b) == BS &&
		     pwrite(fd, buf2, BS, a) == BS;
		break;
	case FLIP:
		ok = ok && pread(fd, buf, BS, a) == BS;
		buf[3000] ^= 4;
		ok = ok && pwrite(fd, buf, BS, a) == BS;
		break;
	case STALE:		/* into a hole of the prefix */
		ok = ok && pread(fd, buf, BS, a) == BS && pwrite(fd, buf, BS, 2 * BS) == BS;
		break;
	case COVER:		/* as if two writes had been sent to one end: the later one won */
		ok = ok && pread(fd, buf, BS, a) == BS && pwrite(fd, buf, BS, b) == BS && !ftruncate(fd, a);
		break;
	case TWICE:
		ok = ok && pread(fd, buf, BS, a) == BS && pwrite(fd, buf, BS, size) == BS;
		break;
	case UNPATCH:
		op = find_patch(r, r->ops, r->nops);
		op = op ?: find_patch(r, r->pats, r->npats);
		ok = op && pwrite(fd, zero, op->len, op->off) == (ssize_t)op->len;
		break;
	case RESURRECT:
		ok = find_removed(r, size, &id);
		if (ok)
			fill_block(buf, r, id);
		ok = ok && pwrite(fd, buf, BS, r->b[id].off) == BS;
		break;
	case FOREIGN:
		memcpy(r->seen[0].buf + 1024, "another file's  ", 16);
		break;
	case NEVER_READ:
		memset(r->seen[0].buf + 512, 0, 512);
		break;
	case SHORT_READ:
		r->seen[0].res = 512;
		break;
	case DROP_LAST_SHIFT:
		ok = r->nops > 0;
		if (ok)
			r->ops[r->nops - 1].shift = 0;
		break;
	default:
		break;
	}
	close(fd);
	return ok;
}

/* One case: races until there is one that the damage can be done to. */
static bool one_case(const struct sabotage *s, unsigned int i, unsigned int *passed)
{
	const char *engine = o.uring ? "io_uring" : "libaio";
	struct lane *l = calloc(1, sizeof(*l));
	struct io *ios;
	struct race *r = NULL;
	unsigned int k, tries;
	bool done = false, ok = true;

	worst = CLEAN;
	nmsgs = 0;
	lane_init(l, i);
	if (s->racer == TRUNCATE_DOWN)
		l->ios = 200;		/* for something to come after the cut */
	ios = calloc(o.depth, sizeof(*ios));
	for (k = 0; k < o.depth; k++)
		ios[k].buf = l->bufs + (size_t)k * l->io_blocks * BS;
	if (o.uring ? io_uring_queue_init(o.depth, &l->ring, 0) : io_setup(o.depth, &l->aio)) {
		printf("ok self-test %s: %s # SKIP no queue\n", engine, s->name);
		return true;
	}
	pthread_create(&l->racer_thread, NULL, racer_main, l);
	for (tries = 0; tries < 100 && !done; tries++) {
		if (r) {
			unlink(r->path);
			free_race(r);
		}
		r = run_race(l, ios);
		if (!r || (op_na && !op_ok))
			break;
		done = sabotage(r, s->what);
	}
	atomic_store(&l->quit, true);
	pthread_barrier_wait(&l->bar);
	pthread_join(l->racer_thread, NULL);
	if (r && op_na && !op_ok) {
		printf("ok self-test %s: %s # SKIP not supported here\n", engine, s->name);
	} else if (done && (judge_both(r, l->rbuf, "self-test"), worst == (int)s->want)) {
		printf("ok self-test %s: %s is %s\n", engine, s->name, verdict_name[s->want]);
		++*passed;
	} else {
		printf("not ok self-test %s: %s is %s, expected %s (%s)\n", engine, s->name, verdict_name[worst],
		       verdict_name[s->want], nmsgs ? msgs[0] : done ? "" : "no race that it could be done to");
		ok = false;
	}
	op_na = op_ok = 0;
	if (r) {
		unlink(r->path);
		free_race(r);
	}
	if (o.uring)
		io_uring_queue_exit(&l->ring);
	else
		io_destroy(l->aio);
	free(ios);
	return ok;
}

int self_test(void)
{
	bool have_direct = !o.no_direct;
	unsigned int i, e, failed = 0, passed = 0;

	for (e = 0; e < 2; e++)
		for (i = 0; i < sizeof(sabotages) / sizeof(*sabotages); i++) {
			const struct sabotage *s = &sabotages[i];

			o.uring = e;
			o.racer = s->racer;
			o.writer = s->writer == APPEND && i % 3 == 2 ? RANDOM : s->writer;
			o.depth = i % 3 == 0 || s->racer == TRUNCATE_DOWN ? 1 : 8;
			o.no_direct = !have_direct || s->writer != APPEND || s->racer == BUFFERED || s->racer == TRUNCATE_DOWN;
			failed += !one_case(s, i, &passed);
		}
	return failed || !passed ? 1 : 0;
}
