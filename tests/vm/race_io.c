// SPDX-License-Identifier: GPL-2.0-only
/*
 * race, the contestants: the racer, the writer, and one race between them. Each lane has a thread for
 * either; what they share is under the lane's lock or atomic. The rules are in race.c.
 */
#include "race.h"

/* ------------------------------------------------------------ the racer */

static void check_size(struct lane *l, const char *after)
{
	/* Order matters: first what has been acknowledged, then what the file says. */
	uint64_t end = atomic_load(&l->acked_end);
	struct stat st;

	if (o.racer == COLLAPSE || o.racer == TRUNCATE_DOWN || fstat(l->r->fd, &st))
		return;
	/* sizes were exchanged and came back: what was written in between is the twin's until the end */
	if (o.racer == EXCHANGE)
		return;
	if ((uint64_t)st.st_size < end)
		complain(l->r, LOST, "after %s: size is %" PRIu64 ", acknowledged data end at %" PRIu64, after,
			 (uint64_t)st.st_size, end);
}

uint64_t stat_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_size;
}

/* Direct I/O at the end of the file needs that to be at a block's. */
static uint64_t whole_blocks(uint64_t end)
{
	return o.writer == O_APPENDING ? (end + BS - 1) / BS * BS : end;
}

static void raise_to(_Atomic uint64_t *v, uint64_t to)
{
	uint64_t was = atomic_load(v);

	while (was < to && !atomic_compare_exchange_weak(v, &was, to))
		;
}

/*
 * What has been acknowledged ends at @end, or, where the position of a write is the kernel's business, makes the file
 * longer by @bytes. Insert may have moved it up and the size with it; both are at least this. Rows that take
 * away don't look at it.
 */
static void acknowledge(struct lane *l, uint64_t end, uint64_t bytes)
{
	if (o.writer == O_APPENDING)
		atomic_fetch_add(&l->acked_end, bytes);
	else
		raise_to(&l->acked_end, end);
	atomic_fetch_add(&acked_bytes, bytes);
}

static void pick_below(unsigned int *s, uint64_t size, uint64_t *off, uint64_t *len)
{
	*off = rnd(s, size);
	*len = 1 + rnd(s, 3 * BS);
	if (rnd(s, 3) == 0) {
		*off -= *off % BS;
		*len = BS * (1 + rnd(s, 2));
	}
}

/* An end inside what is in flight: where a stale size does the harm. */
static uint64_t pick_end(struct lane *l, unsigned int *s, uint64_t size)
{
	uint64_t end = atomic_load(&l->assigned_end);
	unsigned int how = rnd(s, 10);

	if (how < 7 && end > size + 1)
		end = size + 1 + rnd(s, end - size - 1);
	else if (how < 9)
		end = size + 1 + rnd(s, 2 * BS);
	else
		end = (end > size ? end : size) + 1 + rnd(s, 4 * BS);
	return whole_blocks(end);
}

/*
 * A buffered write: into a part of a block, in flight if there is one (and beyond the end if that is); at the end; across it.
 * Two of the three make the file longer, which @inside forbids.
 */
static void pick_patch(struct lane *l, unsigned int *s, uint64_t size, bool inside, struct op *op)
{
	uint64_t start = l->r->start, lo = atomic_load(&l->acked_end), hi = atomic_load(&l->assigned_end);
	unsigned int how = inside ? 0 : rnd(s, 10), in;

	if (how < 5) {
		if (lo >= hi || rnd(s, 4) == 0)
			lo = start;
		in = 1 + rnd(s, BS - 2);
		op->off = (hi > lo ? lo + rnd(s, hi - lo) : lo) / BS * BS + in;
		op->len = 1 + rnd(s, BS - in);
	} else {
		op->off = size < start ? start : size;
		if (how < 8 && size > start) {
			op->off -= 1 + rnd(s, BS);
			if (op->off < start)
				op->off = start;
			op->len = size - op->off;
		}
		op->len += 1 + rnd(s, 2 * BS);
	}
	op->writes = true;
}

static int write_patch(const struct race *r, const struct op *op, int fd)
{
	char buf[4 * BS];
	ssize_t n;
	uint64_t i;

	for (i = 0; i < op->len; i++)
		buf[i] = (char)patch_byte(r, op->t0, op->off + i);
	n = pwrite(fd, buf, op->len, op->off);
	return n == (ssize_t)op->len ? 0 : n < 0 ? errno : EIO;
}

/* Blocks for one write of @n, under the lane's lock. Returns the first. */
static unsigned int new_blocks(struct race *r, uint64_t off, unsigned int n)
{
	unsigned int first = r->nb, i;

	for (i = 0; i < n; i++) {
		r->b[r->nb].off = off + (uint64_t)i * BS;
		r->b[r->nb].rec = first;
		r->b[r->nb].sent = tick();
		r->b[r->nb].acked = 0;
		r->nb++;
	}
	return first;
}

static uint64_t tag_of(const struct race *r)
{
	return r->start + (uint64_t)(r->nb - r->npfx) * BS;
}

/* One or two whole blocks at the end, wherever that is, through the page cache. */
static int append_buffered(struct lane *l, int fd, unsigned int n)
{
	struct race *r = l->r;
	char buf[2 * BS];
	unsigned int first, i;
	ssize_t done;

	pthread_mutex_lock(&l->lock);
	first = new_blocks(r, tag_of(r), n);
	pthread_mutex_unlock(&l->lock);
	for (i = 0; i < n; i++)
		fill_block(buf + i * BS, r, first + i);
	done = write(fd, buf, n * BS);
	if (done != (ssize_t)(n * BS))
		return done < 0 ? errno : EIO;
	for (i = 0; i < n; i++)
		r->b[first + i].acked = tick();
	acknowledge(l, 0, n * BS);
	return 0;
}

static int space_ioctl(int fd, unsigned long cmd, int whence, int64_t start, int64_t len)
{
	struct dx_flock64 f = { .l_whence = (int16_t)whence, .l_start = start, .l_len = len };

	return ioctl(fd, cmd, &f) ? errno : 0;
}

/*
 * From here to epoch_end() the writer stays below the size returned, which is
 * above everything so far: whenever it takes effect, it only adds.
 */
static uint64_t epoch_begin(struct lane *l, unsigned int *s)
{
	uint64_t t, size;

	pthread_mutex_lock(&l->lock);
	l->epoch = true;
	l->epoch_used = 0;
	if (o.writer == O_APPENDING) {
		t = atomic_load(&l->flying);	/* in this order: nothing is missed */
		t += stat_size(l->r->fd) + l->span;
	} else {
		t = l->next_off + l->span;
		size = stat_size(l->r->fd);
		if (t < size)
			t = size;
		if (o.writer == MIXED)
			t += 2 * BS;	/* a buffered write that began before */
	}
	t += 1 + rnd(s, 2 * BS);
	pthread_mutex_unlock(&l->lock);
	return whole_blocks(t);
}

static void epoch_end(struct lane *l, unsigned int *s, uint64_t t, bool jump)
{
	pthread_mutex_lock(&l->lock);
	l->epoch = false;
	if (jump && rnd(s, 4) && l->next_off < t)
		l->next_off = (t + BS - 1) / BS * BS;
	pthread_mutex_unlock(&l->lock);
}

/* How large the filesystem of @fd is, or @most. */
static unsigned int volume_bytes(int fd, unsigned int most)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) || !st.f_blocks || (uint64_t)st.f_blocks * st.f_frsize > most)
		return most;
	return (uint64_t)st.f_blocks * st.f_frsize;
}

/* One operation. False: the filesystem does not have it. */
static bool fire(struct lane *l, int fd, char **map)
{
	bool tagged = o.writer == O_APPENDING;	/* nobody knows which block is where: what removes keeps to the prefix */
	struct race *r = l->r;
	struct op *op = &r->ops[r->nops];
	unsigned int *s = &l->racer_rng;
	uint64_t size = stat_size(fd), off = 0, len = 0, end, grown = 0;
	uint64_t below = tagged ? r->start : size;
	struct fstrim_range trim = { 0 };
	int err = 0, whence;
	double t0;

	memset(op, 0, sizeof(*op));
	switch (o.racer) {
	case ALLOCATE:
	case ZERO:
		if (o.racer == ZERO && (tagged || rnd(s, 2))) {
			pick_below(s, below, &off, &len);
		} else {
			end = pick_end(l, s, size);
			len = o.racer == ZERO || rnd(s, 2) ? 1 + rnd(s, BS + 1) : rnd(s, 2) ? end : 1;
			if (len > end)
				len = end;
			off = end - len;
		}
		grown = off + len;
		op->removes = o.racer == ZERO;
		break;
	case KEEPSIZE:
	case RESVSP:
		off = rnd(s, atomic_load(&l->assigned_end) + 16 * BS);
		len = 1 + rnd(s, 32 * BS);
		break;
	case PUNCH:
	case UNRESVSP:
	case ZERO_IOC:
		pick_below(s, below, &off, &len);
		if (rnd(s, 5) == 0)		/* across the end */
			len = 2 * BS + rnd(s, 4 * BS);
		op->removes = true;
		break;
	case HOLES:
	case ZEROES:
		/* Whole blocks, the size stays, under what is in flight as often as not: no reason to stop who is elsewhere. */
		end = tagged ? below : atomic_load(&l->assigned_end) + 8 * BS;
		off = end > 64 * BS ? (end - 64 * BS) / BS * BS : 0;
		off += rnd(s, (end - off) / BS) * BS;
		len = (1 + rnd(s, 8)) * BS;
		op->removes = true;
		break;
	case BUFFERED:
		if (tagged) {
			len = (1 + rnd(s, 2)) * BS;
			break;
		}
		pick_patch(l, s, size, false, op);
		off = op->off;
		len = op->len;
		grown = off + len;
		break;
	case TRUNCATE_DOWN:
		/* Only this makes the file shorter, so the size is at least what was read. */
		off = 1 + rnd(s, rnd(s, 3) || size <= r->start ? 16 * BS : size - r->start);
		off = size > r->start + off ? size - off : r->start;
		if (reading())
			off = rnd(s, size);
		if (tagged)
			off -= off % BS;
		len = 1ull << 40;
		op->removes = op->cuts = true;
		break;
	case FSTRIM:
		trim.start = rnd(s, volume_bytes(fd, 1u << 30));	/* behind the end it is EINVAL */
		/* The self-test is for the judge, and the filesystem is somebody's. */
		trim.len = o.self_test ? 1u << 20 : (64ull << 20) + rnd(s, 1u << 30);
		break;
	case COLLAPSE:
		len = r->shift_len;
		off = len * rnd(s, MAX_SHIFTS + 1 - r->nops);
		op->shift = -(int64_t)len;
		break;
	case INSERT:
		len = r->shift_len;
		off = rnd(s, 4) ? (uint64_t)rnd(s, r->start / BS) * BS : r->start - BS;
		op->shift = len;
		break;
	default:
		break;
	}
	if (tagged && op->removes && !op->cuts && len > below - off)
		len = below - off;
	op->off = off;
	op->len = len;
	if (atomic_load(&l->inflight))
		atomic_fetch_add(&nops_hit, 1);
	op->t0 = tick();
	t0 = now();

	switch (o.racer) {
	case ALLOCATE:
		err = fallocate(fd, 0, off, len) ? errno : 0;
		break;
	case KEEPSIZE:
		err = fallocate(fd, FALLOC_FL_KEEP_SIZE, off, len) ? errno : 0;
		break;
	case ZERO:
		err = fallocate(fd, FALLOC_FL_ZERO_RANGE, off, len) ? errno : 0;
		break;
	case PUNCH:
	case HOLES:
		err = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len) ? errno : 0;
		break;
	case ZEROES:
		err = fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, off, len) ? errno : 0;
		break;
	case COLLAPSE:
		err = fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, off, len) ? errno : 0;
		break;
	case INSERT:
		err = fallocate(fd, FALLOC_FL_INSERT_RANGE, off, len) ? errno : 0;
		break;
	case RESVSP:
		err = space_ioctl(fd, DX_IOC_RESVSP64, 0, off, len);
		break;
	case UNRESVSP:
		err = space_ioctl(fd, DX_IOC_UNRESVSP64, 0, off, len);
		break;
	case ZERO_IOC:
		err = space_ioctl(fd, DX_IOC_ZERO_RANGE, 0, off, len);
		break;
	case TRUNCATE:
		grown = epoch_begin(l, s);
		err = ftruncate(fd, grown) ? errno : 0;
		epoch_end(l, s, grown, !err);
		break;
	case ALLOCSP:
	case FREESP:
		whence = rnd(s, 3);
		if (whence == 2) {
			/* Relative to the end, whatever that is by then: always grows. */
			err = space_ioctl(fd, o.racer == ALLOCSP ? DX_IOC_ALLOCSP64 : DX_IOC_FREESP64, 2,
					  whole_blocks(1 + rnd(s, 4 * BS)), 0);
			if (!err) {
				r->exact = false;
				size = stat_size(fd);
				if (size > r->size_floor)
					r->size_floor = size;
			}
			break;
		}
		grown = epoch_begin(l, s);
		end = grown;
		if (whence == 1)
			end -= lseek(fd, grown / 2, SEEK_SET);
		err = space_ioctl(fd, o.racer == ALLOCSP ? DX_IOC_ALLOCSP64 : DX_IOC_FREESP64, whence, end, 0);
		epoch_end(l, s, grown, !err);
		break;
	case BUFFERED:
		err = tagged ? append_buffered(l, fd, len / BS) : write_patch(r, op, fd);
		break;
	case TRUNCATE_DOWN:
		err = ftruncate(fd, off) ? errno : 0;
		break;
	case FSTRIM:
		err = ioctl(fd, FITRIM, &trim) ? errno : 0;
		break;
	case CLONE:
	case DEDUPE:
	case UNSHARE:
	case EXCHANGE:
	case SWAPEXT:
		err = share_fire(l, fd, map, &off, &len);
		break;
	case STALE_TRUNCATE:
		end = pick_end(l, s, size);
		usleep(rnd(s, 2000));
		err = end > size && ftruncate(fd, end) ? errno : 0;
		break;
	case MMAP: {
		uint64_t page = rnd(s, PFX_BLOCKS) * (uint64_t)BS;
		unsigned int a = rnd(s, BS), n = 1 + rnd(s, BS - a), i, v = 1 + rnd(s, 254);

		if (!*map) {
			*map = mmap(NULL, 64u << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			if (*map == MAP_FAILED) {
				*map = NULL;
				err = errno;
				break;
			}
		}
		for (i = a; i < a + n; i++)
			((volatile char *)*map)[page + i] = (char)(v + i);
		for (i = a; i < a + n; i++)
			r->shadow[page + i] = (char)(v + i);
		/* A fault for reading among the writer's blocks, always below the size. */
		if (size > r->start && size < 64u << 20)
			(void)((volatile char *)*map)[r->start + rnd(s, size - r->start)];
		if (rnd(s, 6) == 0)
			err = msync(*map, r->pfx_size, rnd(s, 2) ? MS_SYNC : MS_ASYNC) ? errno : 0;
		break;
	}
	default:
		usleep(500);
		break;
	}
	op->t1 = tick();
	op->err = err;
	lat_add(&lat_op, t0);
	if (err == EOPNOTSUPP || err == ENOTTY || err == ENOSYS || (err == EPERM && o.racer == FSTRIM)) {
		atomic_fetch_add(&op_na, 1);
		return false;
	}
	r->nops++;
	if (err) {
		complain(r, ERROR, "%s at %" PRIu64 " length %" PRIu64 ": %s", racer_name[o.racer], off, len, strerror(err));
		r->exact = false;
		return true;
	}
	atomic_fetch_add(&op_ok, 1);
	if (grown > r->size_floor)
		r->size_floor = grown;
	if (op->writes)
		acknowledge(l, grown, len);
	if (op->shift) {
		pthread_mutex_lock(&l->lock);
		l->jump += op->shift;
		pthread_mutex_unlock(&l->lock);
	}
	check_size(l, racer_name[o.racer]);
	if (reading() && op->removes)
		thief_takes(l, op);
	return true;
}

void *racer_main(void *arg)
{
	struct lane *l = arg;
	char *map;

	for (;;) {
		unsigned int max_ops, pause_us;
		int fd;

		pthread_barrier_wait(&l->bar);
		if (atomic_load(&l->quit))
			return NULL;
		map = NULL;
		max_ops = racer_shifts() ? MAX_SHIFTS : o.racer == TRUNCATE_DOWN ? MAX_CUTS : MAX_OPS;
		pause_us = !strcmp(o.device, "delay") || !strcmp(o.device, "slowread") ? 12000 : o.no_direct ? 100 : 1500;
		fd = open(l->r->path, O_RDWR | O_CLOEXEC |
				      (o.racer == BUFFERED && o.writer == O_APPENDING ? O_APPEND : 0));
		while (!atomic_load(&l->done) && l->r->nops < max_ops) {
			/* Fire when there is something in flight to hit. */
			unsigned int spin = 0;

			while (!atomic_load(&l->inflight) && !atomic_load(&l->done)) {
				if (++spin < 50)
					sched_yield();
				else
					usleep(20);
			}
			if (rnd(&l->racer_rng, 3))
				usleep(rnd(&l->racer_rng, pause_us));
			if (!fire(l, fd, &map))
				break;
			if (racer_shifts() || o.racer == TRUNCATE_DOWN)
				usleep(rnd(&l->racer_rng, pause_us * 2));
		}
		atomic_fetch_add(&nops_done, l->r->nops);
		if (map)
			munmap(map, 64u << 20);
		close(fd);
		pthread_barrier_wait(&l->bar);
	}
}

/* ------------------------------------------------------------ the writer */

static int eng_submit(struct lane *l, struct io *io)
{
	if (o.uring) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);
		int n;

		io->v = (struct iovec){ io->buf, io->n * BS };
		io_uring_prep_writev(sqe, l->r->fd, &io->v, 1, io->off);
		io_uring_sqe_set_data(sqe, io);
		n = io_uring_submit(&l->ring);
		return n == 1 ? 0 : n < 0 ? -n : EIO;
	} else {
		struct iocb *p = &io->cb;
		int n;

		io_prep_pwrite(p, l->r->fd, io->buf, io->n * BS, io->off);
		p->data = io;
		n = io_submit(l->aio, 1, &p);
		return n == 1 ? 0 : n < 0 ? -n : EIO;
	}
}

/* Waits for at least one completion. */
int eng_reap(struct lane *l, struct io **done, long *res, int max)
{
	if (o.uring) {
		struct io_uring_cqe *cqe;
		int n = 0, err = io_uring_wait_cqe(&l->ring, &cqe);

		if (err == -EINTR)
			return 0;
		while (!err && n < max) {
			done[n] = io_uring_cqe_get_data(cqe);
			res[n++] = cqe->res;
			io_uring_cqe_seen(&l->ring, cqe);
			err = io_uring_peek_cqe(&l->ring, &cqe);
		}
		return n;
	} else {
		struct io_event ev[64];
		int i, n = io_getevents(l->aio, 1, max < 64 ? max : 64, ev, NULL);

		for (i = 0; i < n; i++) {
			done[i] = ev[i].data;
			res[i] = (long)ev[i].res;
		}
		return n == -EINTR ? 0 : n;
	}
}

/* Next place to write to, under the lane's lock. False: must wait for the racer. */
static bool assign(struct lane *l, struct io *io, unsigned int *group, unsigned int *ngroup, uint64_t *gbase)
{
	struct race *r = l->r;
	unsigned int i, n;
	uint64_t need, end;

	n = o.writer == RANDOM ? l->io_blocks : 1 + rnd(&l->rng, l->io_blocks);
	need = o.writer == RANDOM ? (*ngroup ? 0 : (uint64_t)GROUP * l->io_blocks * BS) : (uint64_t)n * BS;
	if (l->epoch && l->epoch_used + need > l->span)
		return false;
	if (o.writer == RANDOM) {
		if (!*ngroup) {
			*gbase = l->next_off;
			l->next_off += need;
			for (i = 0; i < GROUP; i++)
				group[i] = i;
			for (i = GROUP - 1; i; i--) {
				unsigned int j = rnd(&l->rng, i + 1), t = group[i];

				group[i] = group[j];
				group[j] = t;
			}
			*ngroup = GROUP;
		}
		io->off = *gbase + (uint64_t)group[--*ngroup] * l->io_blocks * BS;
	} else {
		io->off = l->next_off;
		l->next_off += need;
	}
	io->off += l->jump;		/* multiples of the shift length: the residue stays */
	l->epoch_used += need;
	io->n = n;
	atomic_fetch_add(&l->flying, (uint64_t)n * BS);
	if (o.writer == O_APPENDING) {
		io->off = tag_of(r);	/* the kernel does not look at it */
		end = atomic_load(&l->flying);
		end += stat_size(r->fd);
	} else {
		end = io->off + (uint64_t)n * BS;
	}
	io->first = new_blocks(r, io->off, n);
	raise_to(&l->assigned_end, end);
	return true;
}

/* A mixed writer's buffered write, while its direct ones are in flight. */
static void patch(struct lane *l)
{
	struct race *r = l->r;
	struct op *op = &r->pats[r->npats];
	uint64_t size = stat_size(r->fd);
	double t0 = now();
	bool epoch;

	memset(op, 0, sizeof(*op));
	pthread_mutex_lock(&l->lock);
	epoch = l->epoch;
	pthread_mutex_unlock(&l->lock);
	pick_patch(l, &l->rng, size, epoch, op);
	op->t0 = tick();
	op->err = write_patch(r, op, r->bfd);
	op->t1 = tick();
	lat_add(&lat_io, t0);
	r->npats++;
	atomic_fetch_add(&nios_done, 1);
	if (op->err) {
		complain(r, ERROR, "buffered write of %" PRIu64 " bytes at %" PRIu64 ": %s", op->len, op->off, strerror(op->err));
		return;
	}
	acknowledge(l, op->off + op->len, op->len);
	check_size(l, "buffered write");
}

static void writer_run(struct lane *l, struct io *ios)
{
	struct race *r = l->r;
	unsigned int sent = 0, fly = 0, i, group[GROUP], ngroup = 0;
	uint64_t gbase = 0;
	struct io *done[64];
	long res[64];

	while (sent < l->ios || fly) {
		bool stalled = false;
		int n, k;

		while (sent < l->ios && fly < o.depth && !stalled) {
			struct io *io = ios;
			int err;

			while (io->busy)
				io++;
			pthread_mutex_lock(&l->lock);
			stalled = !assign(l, io, group, &ngroup, &gbase);
			pthread_mutex_unlock(&l->lock);
			if (stalled)
				break;
			for (i = 0; i < io->n; i++)
				fill_block(io->buf + i * BS, r, io->first + i);
			io->busy = true;
			io->t0 = now();
			atomic_fetch_add(&l->inflight, 1);
			err = eng_submit(l, io);
			sent++;
			if (err) {
				complain(r, ERROR, "submit of %u bytes at %" PRIu64 ": %s", io->n * BS, io->off, strerror(err));
				io->busy = false;
				atomic_fetch_sub(&l->inflight, 1);
				atomic_fetch_sub(&l->flying, (uint64_t)io->n * BS);
				continue;
			}
			fly++;
			if (o.writer == MIXED && r->npats < MAX_PATCHES && rnd(&l->rng, 3) == 0)
				patch(l);
		}
		if (!fly) {
			if (stalled)
				usleep(100);
			continue;
		}
		n = eng_reap(l, done, res, 64);
		if (n < 0) {
			complain(r, ERROR, "reaping: %s", strerror(-n));
			break;
		}
		for (k = 0; k < n; k++) {
			struct io *io = done[k];
			uint64_t end = io->off + (uint64_t)io->n * BS;

			fly--;
			atomic_fetch_sub(&l->inflight, 1);
			if (res[k] == (long)io->n * BS) {
				uint64_t t = tick();

				for (i = 0; i < io->n; i++)
					r->b[io->first + i].acked = t;
				acknowledge(l, end, io->n * BS);
			} else {
				complain(r, ERROR, "write of %u bytes at %" PRIu64 ": %s", io->n * BS, io->off,
					 res[k] < 0 ? strerror(-res[k]) : "short");
			}
			atomic_fetch_sub(&l->flying, (uint64_t)io->n * BS);
			lat_add(&lat_io, io->t0);
			io->busy = false;
		}
		atomic_fetch_add(&nios_done, n);
		check_size(l, "acknowledgement");
	}
}

/* ------------------------------------------------------------ one race */

static bool write_prefix(struct race *r, unsigned int *rng)
{
	static _Thread_local char buf[BS] __attribute__((aligned(4096)));
	bool direct = rnd(rng, 2);
	int fd = direct ? open_direct(r->path, O_RDWR) : open(r->path, O_RDWR | O_CLOEXEC);
	unsigned int i;
	bool ok = fd >= 0;

	for (i = 0; ok && i < r->npfx; i++) {
		fill_block(buf, r, i);
		if (r->shadow)
			memcpy(r->shadow + r->b[i].off, buf, BS);
		ok = pwrite(fd, buf, BS, r->b[i].off) == BS;
		r->b[i].acked = 1;
	}
	if (ok && rnd(rng, 4) == 0)
		ok = !fsync(fd);
	if (!ok)
		complain(r, ERROR, "writing the prefix: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static void lay_out_prefix(struct race *r, struct lane *l)
{
	uint64_t data = (uint64_t)(l->ios + GROUP) * l->io_blocks * BS;
	unsigned int c, i;

	if (racer_shifts()) {
		/* Chunks of L; the prefix's residues lie behind all of the writer's. */
		unsigned int chunks = o.racer == COLLAPSE ? MAX_SHIFTS + 2 : 2;

		r->shift_len = data + 2 * BS;
		r->start = chunks * r->shift_len;
		for (c = 0; c < chunks; c++)
			for (i = 0; i < 2; i++) {
				r->b[r->nb].off = c * r->shift_len + data + i * BS;
				r->b[r->nb++].sent = 1;
			}
	} else {
		unsigned int n = reading() ? READ_BLOCKS : PFX_BLOCKS;

		r->start = n * BS;
		for (i = 0; i < n; i++) {
			if (i % 4 == 2 && !r->shadow && !reading())
				continue;	/* a hole to punch */
			r->b[r->nb].off = (uint64_t)i * BS;
			r->b[r->nb++].sent = 1;
		}
	}
	r->npfx = r->nb;
	r->pfx_size = r->start;
}

void free_race(struct race *r)
{
	free(r->b);
	free(r->shadow);
	reads_free(r);
	free(r);
}

struct race *run_race(struct lane *l, struct io *ios)
{
	struct race *r = calloc(1, sizeof(*r));
	bool keep = !reading() && atomic_load(&kept_files) < KEEP_FILES && atomic_load(&kept_bytes) < KEEP_BYTES;
	int flags = O_RDWR | O_CREAT;

	r->uid = atomic_fetch_add(&uids, 1);
	r->b = calloc(READ_BLOCKS + PFX_BLOCKS + 16 + 2 * MAX_OPS + (l->ios + GROUP) * l->io_blocks, sizeof(*r->b));
	if (o.racer == MMAP || racer_shares())
		r->shadow = calloc(PFX_BLOCKS, BS);
	r->exact = true;
	if (keep) {
		snprintf(r->path, sizeof(r->path), "%s/r%" PRIu64, o.dir, r->uid);
		flags |= O_EXCL;
	} else {
		/* The same file again, truncated; now and then a new one. */
		if (rnd(&l->rng, 4) == 0) {
			snprintf(r->path, sizeof(r->path), "%s/l%u-%u", o.dir, l->nr, l->reuse);
			unlink(r->path);
			l->reuse++;
		}
		snprintf(r->path, sizeof(r->path), "%s/l%u-%u", o.dir, l->nr, l->reuse);
		flags |= O_TRUNC;
	}
	r->bfd = -1;
	r->fd = open_direct(r->path, flags | (o.writer == O_APPENDING ? O_APPEND : 0));
	if (r->fd < 0) {
		complain(r, ERROR, "open %s: %s", r->path, strerror(errno));
		free_race(r);
		return NULL;
	}
	lay_out_prefix(r, l);
	if (!write_prefix(r, &l->rng)) {
		close(r->fd);
		free_race(r);
		return NULL;
	}
	if (o.writer == MIXED)
		r->bfd = open(r->path, O_WRONLY | O_CLOEXEC);
	l->r = r;
	l->next_off = r->start;
	l->jump = 0;
	l->epoch = false;
	atomic_store(&l->assigned_end, r->start);
	atomic_store(&l->acked_end, r->start);
	atomic_store(&l->inflight, 0);
	atomic_store(&l->flying, 0);
	atomic_store(&l->done, false);

	if (racer_shares())
		share_begin(l);
	if (reading())
		thief_begin(l);
	pthread_barrier_wait(&l->bar);
	if (reading())
		reader_run(l, ios);
	else
		writer_run(l, ios);
	atomic_store(&l->done, true);
	pthread_barrier_wait(&l->bar);
	if (racer_shares())
		share_end(l);
	if (reading())
		thief_end(l);
	close(r->fd);
	r->fd = -1;
	if (r->bfd >= 0)
		close(r->bfd);
	r->kept = keep;
	return r;
}

void lane_init(struct lane *l, unsigned int nr)
{
	l->nr = nr;
	l->rng = (unsigned int)(o.seed * 7919 + nr * 104729 + 17);
	l->racer_rng = l->rng * 31 + 5;
	pthread_mutex_init(&l->lock, NULL);
	pthread_barrier_init(&l->bar, NULL, 2);
	l->io_blocks = o.writer == RANDOM || o.depth >= 32 ? 2 : 4;
	l->ios = o.writer == RANDOM ? 4 * GROUP : o.depth == 1 ? 12 : o.depth < 32 ? 4 * o.depth : 5 * o.depth / 2;
	l->span = o.writer == RANDOM ? 2ull * GROUP * l->io_blocks * BS : (uint64_t)(o.depth + 1) * l->io_blocks * BS;
	if (posix_memalign((void **)&l->bufs, 4096, (size_t)o.depth * l->io_blocks * BS) ||
	    posix_memalign((void **)&l->rbuf, 4096, READ_CHUNK))
		exit(2);
}

void *lane_main(void *arg)
{
	struct lane *l = arg;
	struct io *ios = calloc(o.depth, sizeof(*ios));
	unsigned int i;
	int err;

	for (i = 0; i < o.depth; i++)
		ios[i].buf = l->bufs + (size_t)i * l->io_blocks * BS;
	err = o.uring ? -io_uring_queue_init(o.depth, &l->ring, 0) : -io_setup(o.depth, &l->aio);
	if (err) {
		complain(NULL, ERROR, "setting up the queue: %s", strerror(err));
		return NULL;
	}
	pthread_create(&l->racer_thread, NULL, racer_main, l);
	while (!atomic_load(&stop) && now() - t_start < o.seconds) {
		struct race *r;

		if (atomic_fetch_add(&races_done, 1) >= o.races) {
			atomic_fetch_sub(&races_done, 1);
			break;
		}
		r = run_race(l, ios);
		if (!r) {
			atomic_store(&stop, true);
			break;
		}
		if (atomic_load(&op_na) && !atomic_load(&op_ok))
			atomic_store(&stop, true);
		if (!judge_both(r, l->rbuf, "after the race"))
			atomic_fetch_add(&races_bad, 1);
		else if (r->kept) {
			unsigned int n = atomic_fetch_add(&kept_files, 1);

			if (n < KEEP_FILES) {
				atomic_fetch_add(&kept_bytes, (uint64_t)r->nb * BS);
				kept[n] = r;
				continue;
			}
			atomic_fetch_sub(&kept_files, 1);
		}
		if (r->kept)
			unlink(r->path);
		free_race(r);
	}
	atomic_store(&l->quit, true);
	pthread_barrier_wait(&l->bar);
	pthread_join(l->racer_thread, NULL);
	if (o.uring)
		io_uring_queue_exit(&l->ring);
	else
		io_destroy(l->aio);
	free(ios);
	return NULL;
}
