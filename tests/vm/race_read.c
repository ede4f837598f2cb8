// SPDX-License-Identifier: GPL-2.0-only
/*
 * race, the writer that reads: direct AIO reads of a file, while the racer takes blocks out of it and at once gives them to another
 * file, the thief's, which writes into them. The volume is full but for some hundred blocks, so that what is freed is what is found. A read
 * that is still in flight then must not show what the thief wrote: whoever frees a block waits for those who read it.
 *
 * Each read has a buffer of its own, and all are judged when the race is over and every operation known: a byte is the file's own,
 * unless an operation that removes it had ended before the read was sent; or zero, if one had begun before the read came back. A
 * read is short only by what had been cut off.
 */
#include "race.h"

#define SPARE		(64 * BS)	/* what operations may need of a volume that is full */
#define PER_LANE	((READ_BLOCKS + 20) * BS)	/* a lane's two files; when the thief would have more, its file begins again */

static const char thief_says[] = "another file's  ";	/* sixteen bytes */

bool reading(void)
{
	return o.writer == READING || o.writer == MAPPED_READING;
}

bool racer_fits_reads(void)
{
	switch (o.racer) {
	case PUNCH: case HOLES: case ZERO: case ZEROES: case UNRESVSP: case ZERO_IOC: case NONE:
		return true;
	case TRUNCATE_DOWN:	/* takes away the pages behind the end of who has them mapped, private ones, too */
		return o.writer == READING;
	default:
		return false;
	}
}

/* Takes what is free, but for a little. What the filesystem keeps for a rainy day it shall give, too, if it can be asked. */
void reads_fill_volume(void)
{
	struct dx_resblks none = { 0 };
	uint64_t leave = SPARE + o.lanes * PER_LANE, chunk = 1ull << 40, off = 0;
	char path[300];
	struct statvfs st;
	int fd;

	snprintf(path, sizeof(path), "%s/ballast", o.dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		complain(NULL, ERROR, "%s: %s", path, strerror(errno));
		return;
	}
	ioctl(fd, DX_IOC_SET_RESBLKS, &none);
	while (chunk >= BS && !fstatvfs(fd, &st) && (uint64_t)st.f_bfree * st.f_frsize > leave) {
		uint64_t more = (uint64_t)st.f_bfree * st.f_frsize - leave;

		if (more > chunk)
			more = chunk;
		if (fallocate(fd, 0, off, more)) {
			chunk = more / 2;
			continue;
		}
		off += more;
	}
	close(fd);
}

void thief_begin(struct lane *l)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/thief%u", o.dir, l->nr);
	l->thief = open_direct(path, O_RDWR | O_CREAT | O_TRUNC);
	l->thief_end = 0;
}

/*
 * As much as @op has just freed, if so much is there. What is freed may be given away only when the log has it (XFS), or sooner: it is
 * made to have it.
 */
void thief_takes(struct lane *l, const struct op *op)
{
	static _Thread_local char buf[16 * BS] __attribute__((aligned(4096)));
	uint64_t len = (op->len + BS - 1) / BS * BS;
	struct statvfs st;
	struct stat own;
	unsigned int i;

	if (!buf[0])
		for (i = 0; i < sizeof(buf); i += 16)
			memcpy(buf + i, thief_says, 16);
	if (len > sizeof(buf))
		len = sizeof(buf);
	if (fsync(l->r->fd))
		complain(l->r, ERROR, "fsync: %s", strerror(errno));
	if (o.writer == MAPPED_READING)		/* to be read in again */
		posix_fadvise(l->r->fd, 0, 0, POSIX_FADV_DONTNEED);
	if (fstatvfs(l->thief, &st) || (uint64_t)st.f_bfree * st.f_frsize < len + SPARE / 2)
		return;
	/* An operation upon what was a hole before freed nothing; to take as much for it would leave nothing for another lane's next race. */
	if (fstat(l->r->fd, &own) || own.st_blocks * 512ull + l->thief_end + len > PER_LANE ||
	    pwrite(l->thief, buf, len, l->thief_end) != (ssize_t)len) {
		l->thief_end = 0;
		if (ftruncate(l->thief, 0))
			complain(l->r, ERROR, "ftruncate: %s", strerror(errno));
		return;
	}
	l->thief_end += len;
}

void thief_end(struct lane *l)
{
	/* the next race needs it */
	if (l->thief < 0 || ftruncate(l->thief, 0))
		complain(l->r, ERROR, "the other file: %s", strerror(errno));
	if (l->thief >= 0)
		close(l->thief);
}

static int submit(struct lane *l, struct io *io, struct seen *s)
{
	struct iocb *p = &io->cb;
	int n;

	s->sent = tick();
	if (o.uring) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

		io->v = (struct iovec){ s->buf, s->len };
		io_uring_prep_readv(sqe, l->r->fd, &io->v, 1, s->off);
		io_uring_sqe_set_data(sqe, io);
		n = io_uring_submit(&l->ring);
	} else {
		io_prep_pread(p, l->r->fd, s->buf, s->len, s->off);
		p->data = io;
		n = io_submit(l->aio, 1, &p);
	}
	return n == 1 ? 0 : n < 0 ? -n : EIO;
}

/*
 * In place of the memory, pages of the file itself, private: so the kernel, in the middle of a read, has to read a page of it in, and
 * what it then reads stays with us.
 */
static void map_bufs(struct lane *l)
{
	struct race *r = l->r;
	size_t step = (size_t)l->io_blocks * BS;
	unsigned int i;
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);

	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (i = 0; i < l->ios; i++)
		if (mmap(r->seen_bufs + i * step, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
			 (off_t)rnd(&l->rng, r->npfx - l->io_blocks + 1) * BS) == MAP_FAILED)
			complain(r, ERROR, "mmap: %s", strerror(errno));
	close(fd);
}

/* As the writer, but it reads. What is in flight is in @ios, each with the number of what it will have seen. */
void reader_run(struct lane *l, struct io *ios)
{
	struct race *r = l->r;
	unsigned int sent = 0, fly = 0;
	struct io *done[64];
	long res[64];

	r->seen = calloc(l->ios, sizeof(*r->seen));
	r->seen_len = (size_t)l->ios * l->io_blocks * BS;
	r->seen_bufs = mmap(NULL, r->seen_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->seen_bufs == MAP_FAILED)
		exit(2);
	if (o.writer == MAPPED_READING)
		map_bufs(l);
	while (sent < l->ios || fly) {
		int n, k;

		while (sent < l->ios && fly < o.depth) {
			struct seen *s = &r->seen[sent];
			struct io *io = ios;
			unsigned int nb = 1 + rnd(&l->rng, l->io_blocks);
			int err;

			while (io->busy)
				io++;
			s->buf = r->seen_bufs + (size_t)sent * l->io_blocks * BS;
			s->off = (uint64_t)rnd(&l->rng, r->npfx - nb + 1) * BS;
			s->len = nb * BS;
			if (o.writer == READING)
				memset(s->buf, 0x5a, s->len);
			io->first = sent++;
			io->busy = true;
			io->t0 = now();
			atomic_fetch_add(&l->inflight, 1);
			err = submit(l, io, s);
			if (err) {
				complain(r, ERROR, "submit of a read of %u bytes at %" PRIu64 ": %s", s->len, s->off, strerror(err));
				s->res = -1;
				io->busy = false;
				atomic_fetch_sub(&l->inflight, 1);
				continue;
			}
			fly++;
		}
		n = eng_reap(l, done, res, 64);
		if (n < 0) {
			complain(r, ERROR, "reaping: %s", strerror(-n));
			break;
		}
		for (k = 0; k < n; k++) {
			struct io *io = done[k];
			struct seen *s = &r->seen[io->first];

			s->back = tick();
			s->res = res[k];
			fly--;
			atomic_fetch_sub(&l->inflight, 1);
			lat_add(&lat_io, io->t0);
			io->busy = false;
			if (res[k] < 0)
				complain(r, ERROR, "read of %u bytes at %" PRIu64 ": %s", s->len, s->off, strerror((int)-res[k]));
			else
				atomic_fetch_add(&acked_bytes, (uint64_t)res[k]);
		}
		atomic_fetch_add(&nios_done, n);
	}
	r->nseen = sent;
}

void reads_free(struct race *r)
{
	if (r->seen_len)
		munmap(r->seen_bufs, r->seen_len);
	free(r->seen);
}

static bool judge_read(const struct race *r, const struct seen *s)
{
	static _Thread_local unsigned char want[BS];
	static _Thread_local bool own[BS], none[BS];
	uint64_t end = r->pfx_size, pos;
	unsigned int k, i;

	if (s->res < 0)
		return true;		/* said before */
	for (k = 0; k < r->nops; k++)
		if (r->ops[k].cuts && r->ops[k].t0 < s->back && r->ops[k].off < end)
			end = r->ops[k].off;
	if (s->res < (long)s->len && s->off + (uint64_t)s->res < end) {
		complain(r, LOST, "a read of %u bytes at %" PRIu64 " has %ld: the file has them until %" PRIu64, s->len, s->off, s->res, end);
		return false;
	}
	for (pos = s->off; pos < s->off + (uint64_t)s->res; pos += BS) {
		const unsigned char *got = (unsigned char *)s->buf + (pos - s->off);
		unsigned int n = s->off + (uint64_t)s->res - pos < BS ? (unsigned int)(s->off + (uint64_t)s->res - pos) : BS;
		const struct header *h = (const struct header *)got;

		fill_block(want, r, (unsigned int)(pos / BS));
		if (!memcmp(got, want, n) && !r->nops)
			continue;
		memset(own, 1, sizeof(own));
		memset(none, 0, sizeof(none));
		for (k = 0; k < r->nops; k++) {
			const struct op *op = &r->ops[k];

			if (!op->removes || op->t0 >= s->back)
				continue;
			for (i = op->off > pos ? (op->off - pos < n ? (unsigned int)(op->off - pos) : n) : 0; i < n && pos + i < op->off + op->len; i++) {
				none[i] = true;
				if (op->t1 < s->sent && !op->err)
					own[i] = false;
			}
		}
		for (i = 0; i < n; i++) {
			if ((own[i] && got[i] == want[i]) || (none[i] && !got[i]))
				continue;
			if (!memcmp(got + i / 16 * 16, thief_says, 16))
				complain(r, CORRUPT, "a read at %" PRIu64 " shows what is in another file, from %" PRIu64 " on", s->off, pos + i);
			else if (h->magic == MAGIC && h->race != (r->uid ^ o.seed << 32))
				complain(r, CORRUPT, "a read at %" PRIu64 " shows block %u of race %" PRIu64 " at %" PRIu64, s->off, h->id,
					 h->race & 0xffffffff, pos);
			else if (!got[i] && own[i])
				complain(r, LOST, "a read at %" PRIu64 " has zeroes from %" PRIu64 " on, that nothing has removed", s->off, pos + i);
			else
				complain(r, CORRUPT, "a read at %" PRIu64 " shows at %" PRIu64 " what %s", s->off, pos + i,
					 got[i] == want[i] ? "should have been removed" : "nobody wrote there");
			return false;
		}
	}
	return true;
}

bool judge_reads(const struct race *r)
{
	unsigned int k;
	bool ok = true;

	for (k = 0; k < r->nseen; k++)
		ok &= judge_read(r, &r->seen[k]);
	return ok;
}
