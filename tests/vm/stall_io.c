// SPDX-License-Identifier: GPL-2.0-only
/*
 * stall, one slice: direct writers at a fixed depth, and beside them, if the phase has it, the space thread.
 *
 * Writes are submitted one at a time. The time of a write is from just before its submission, which may block, to when its writer
 * has it back; that of an operation is the call. Operations have a timetable. One that takes longer than its slot makes the next
 * come at the slot after that: those left out are counted, and not made up for.
 */
#include "stall.h"

#define BEHIND	(64ull << 10)		/* that much behind the writers punch stays */

static uint64_t draw(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s * 2685821657736338717ull;
}

/* ------------------------------------------------------------ the writers */

bool writer_init(struct writer *w)
{
	char *bufs;
	int err;

	w->ios = calloc(o.depth, sizeof(*w->ios));
	if (!w->ios || posix_memalign((void **)&bufs, 4096, o.depth * o.bs)) {
		failed(ENOMEM, "memory for a writer");
		return false;
	}
	for (uint64_t i = 0; i < o.depth * o.bs; i++)
		bufs[i] = (char)('a' + (i / 7 + i / 4096 + w->nr) % 26);
	for (unsigned int i = 0; i < o.depth; i++)
		w->ios[i].buf = bufs + i * o.bs;
	for (int p = 0; p < NR_PHASES; p++)
		w->rng[p] = (o.seed + 1) * 0x9e3779b97f4a7c15ull ^ (w->nr + 1) * 0xbf58476d1ce4e5b9ull;
	err = o.uring ? -io_uring_queue_init(o.depth, &w->ring, 0) : -io_setup((int)o.depth, &w->aio);
	if (err)
		failed(o.uring && (err == ENOSYS || err == EPERM) ? EOPNOTSUPP : err,
		       o.uring ? "this kernel has no io_uring, or does not let us use it" : "io_setup of %u", o.depth);
	return !err;
}

static void take_place(struct writer *w, struct io *io)
{
	struct file *f = w->s->f;

	if (!o.append) {
		io->off = MIB + draw(&w->rng[w->s->phase]) % (o.size / o.bs) * o.bs;
		io->busy = true;
		return;
	}
	pthread_mutex_lock(&f->lock);
	io->off = f->head;
	f->head += o.bs;
	io->busy = true;
	pthread_mutex_unlock(&f->lock);
}

static void give_back(struct writer *w, struct io *io)
{
	if (o.append)
		pthread_mutex_lock(&w->s->f->lock);
	io->busy = false;
	if (o.append)
		pthread_mutex_unlock(&w->s->f->lock);
}

static int submit(struct writer *w, struct io *io)
{
	int n;

	if (o.uring) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);

		io->v = (struct iovec){ io->buf, o.bs };
		io_uring_prep_writev(sqe, w->s->f->fd, &io->v, 1, io->off);
		io_uring_sqe_set_data(sqe, io);
		io->t0 = now_ns();
		n = io_uring_submit(&w->ring);
	} else {
		struct iocb *cb = &io->cb;

		io_prep_pwrite(cb, w->s->f->fd, io->buf, o.bs, (long long)io->off);
		cb->data = io;
		io->t0 = now_ns();
		n = io_submit(w->aio, 1, &cb);
	}
	return n == 1 ? 0 : n < 0 ? -n : EIO;
}

/* Waits for one completion and takes what else is there. */
static int reap(struct writer *w, struct io **done, long *res, int max)
{
	struct io_event ev[64];
	struct io_uring_cqe *cqe;
	int i, n = 0, err;

	if (!o.uring) {
		n = io_getevents(w->aio, 1, max < 64 ? max : 64, ev, NULL);
		for (i = 0; i < n; i++) {
			done[i] = ev[i].data;
			res[i] = (long)ev[i].res;
		}
		return n == -EINTR ? 0 : n;
	}
	err = io_uring_wait_cqe(&w->ring, &cqe);
	if (err)
		return err == -EINTR ? 0 : err;
	while (!err && n < max) {
		done[n] = io_uring_cqe_get_data(cqe);
		res[n++] = cqe->res;
		io_uring_cqe_seen(&w->ring, cqe);
		err = io_uring_peek_cqe(&w->ring, &cqe);
	}
	return n;
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	struct io *idle[MAX_DEPTH], *done[64];
	unsigned int nidle = 0;
	long res[64];

	for (unsigned int i = 0; i < o.depth; i++)
		idle[nidle++] = &w->ios[i];
	pthread_barrier_wait(&w->s->go);
	for (;;) {
		uint64_t t;
		int n;

		while (nidle && !atomic_load(&stop) && now_ns() < w->s->deadline) {
			struct io *io = idle[nidle - 1];
			int err;

			take_place(w, io);
			err = submit(w, io);
			if (err) {
				failed(err, "submitting a write of %" PRIu64 " at %" PRIu64, o.bs, io->off);
				give_back(w, io);
				break;
			}
			nidle--;
		}
		if (nidle == o.depth)
			return NULL;
		n = reap(w, done, res, 64);
		if (n < 0) {
			failed(-n, "waiting for writes");
			return NULL;
		}
		t = now_ns();
		for (int i = 0; i < n; i++) {
			if (res[i] != (long)o.bs)
				failed(res[i] < 0 ? (int)-res[i] : EIO, "a write of %" PRIu64 " at %" PRIu64 "%s", o.bs,
				       done[i]->off, res[i] < 0 ? "" : " is short");
			hist_add(&w->h, t - done[i]->t0);
			w->done += t <= w->s->deadline;
			give_back(w, done[i]);
			idle[nidle++] = done[i];
		}
	}
}

/* ------------------------------------------------------------ the space thread */

static int fill(int fd, uint64_t from, uint64_t to)
{
	static char *buf;	/* between slices, by one thread */

	if (!buf) {
		if (posix_memalign((void **)&buf, 4096, MIB))
			return ENOMEM;
		memset(buf, 'z', MIB);
	}
	for (; from < to; from += MIB) {
		ssize_t n = pwrite(fd, buf, to - from < MIB ? to - from : MIB, (off_t)from);

		if (n != (ssize_t)(to - from < MIB ? to - from : MIB))
			return n < 0 ? errno : EIO;
	}
	return 0;
}

void file_reset(struct file *f)
{
	if (f->moved) {
		if (ftruncate(f->sfd, (off_t)f->eof))
			failed(errno, "truncate of %s to %" PRIu64, f->path, f->eof);
		f->moved = false;
	}
	f->head = f->eof;
	if (f->at[PUNCH] + f->used_up[PUNCH] && !o.append && fallocate(f->sfd, 0, (off_t)f->start[PUNCH], (off_t)f->room[PUNCH]))
		failed(errno, "room for punch: fallocate of %" PRIu64 " at %" PRIu64, f->room[PUNCH], f->start[PUNCH]);
	if (f->at[ZERO] + f->used_up[ZERO]) {
		int err = fill(f->fd, f->start[ZERO], f->start[ZERO] + (f->used_up[ZERO] ? f->room[ZERO] : f->at[ZERO]));

		if (err)
			failed(err, "writing what was zeroed");
	}
	memset(f->at, 0, sizeof(f->at));
	memset(f->used_up, 0, sizeof(f->used_up));
	if (fsync(f->sfd))
		failed(errno, "fsync of %s", f->path);
}

/* Where the oldest of the appending writes in flight is, or else the next one. */
static uint64_t oldest(struct file *f)
{
	uint64_t low;

	pthread_mutex_lock(&f->lock);
	low = f->head;
	for (unsigned int t = 0; t < o.threads; t++) {
		for (unsigned int i = 0; i < o.depth; i++) {
			const struct io *io = &writers[t].ios[i];

			if (io->busy && io->off < low)
				low = io->off;
		}
	}
	pthread_mutex_unlock(&f->lock);
	return low;
}

/* False: there is nothing to do it to. */
static bool make_room(struct file *f, enum op op, struct result *r)
{
	uint64_t low;

	if (op == PUNCH && o.append) {
		low = oldest(f);
		return low >= BEHIND && f->start[op] + f->at[op] + o.len[op] <= low - BEHIND;
	}
	if (f->at[op] + o.len[op] <= f->room[op])
		return true;
	r->refills++;
	f->at[op] = 0;
	f->used_up[op] = true;
	switch (op) {
	case PUNCH:
		if (fallocate(f->sfd, 0, (off_t)f->start[op], (off_t)f->room[op]))
			failed(errno, "room for punch: fallocate of %" PRIu64 " at %" PRIu64, f->room[op], f->start[op]);
		break;
	case ZERO:	/* once more, what is zero already */
		break;
	default:
		if (o.append)
			failed(ENOSPC, "%s has allocated %" PRIu64 " MiB in one slice and needs more room: a lower --rate, a smaller --%s-len, a shorter --slice",
			       op_name[op], f->room[op] >> 20, op_name[op]);
		else if (ftruncate(f->sfd, (off_t)f->eof))
			failed(errno, "truncate of %s to %" PRIu64, f->path, f->eof);
		break;
	}
	return true;
}

void space_op(struct file *f, enum op op, struct result *r)
{
	static const int mode[NR_OPS] = {
		[AHEAD] = FALLOC_FL_KEEP_SIZE,
		[PUNCH] = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		[ZERO] = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};
	uint64_t off, t;

	if (!make_room(f, op, r)) {
		r->late++;
		if (o.rate <= 0)
			usleep(100);
		return;
	}
	off = f->start[op] + f->at[op];
	if (op == AHEAD || op == EXTEND)
		f->moved = true;
	t = now_ns();
	if (fallocate(f->sfd, mode[op], (off_t)off, (off_t)o.len[op]))
		failed(errno, "%s: fallocate of %" PRIu64 " at %" PRIu64, op_name[op], o.len[op], off);
	hist_add(&r->op[op], now_ns() - t);
	f->at[op] += o.len[op];
}

static void *space_main(void *arg)
{
	struct slice *s = arg;
	uint64_t slot = o.rate > 0 ? (uint64_t)(NSEC / o.rate) : 0, next, t;
	struct file *f = s->space;

	pthread_barrier_wait(&s->go);
	next = now_ns() + slot;
	while (!atomic_load(&stop)) {
		if (slot) {
			uint64_t wake = next < s->deadline ? next : s->deadline;
			struct timespec ts = { .tv_sec = (time_t)(wake / NSEC), .tv_nsec = (long)(wake % NSEC) };

			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		}
		if (now_ns() >= s->deadline)
			break;
		do
			f->last = (f->last + 1) % NR_OPS;
		while (!o.op[f->last]);
		space_op(f, f->last, s->r);
		t = now_ns();
		if (slot) {
			next += slot;
			if (next < t) {
				s->r->late += (t - next) / slot + 1;
				next += ((t - next) / slot + 1) * slot;
			}
		}
	}
	return NULL;
}

/* ------------------------------------------------------------ both */

static void start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int err = pthread_create(thread, NULL, fn, arg);

	if (err) {
		fprintf(stderr, "stall: a thread: %s\n", strerror(err));
		exit(1);
	}
}

void run_slice(enum phase phase, struct file *f, struct file *space, struct result *r)
{
	struct slice s = { .phase = phase, .f = f, .space = space, .r = r };
	uint64_t before = r->writes;
	pthread_t thread;

	f->moved |= o.append;
	pthread_barrier_init(&s.go, NULL, o.threads + 1 + !!space);
	for (unsigned int i = 0; i < o.threads; i++) {
		struct writer *w = &writers[i];

		w->s = &s;
		w->done = 0;
		memset(&w->h, 0, sizeof(w->h));
		start(&w->thread, writer_main, w);
	}
	if (space)
		start(&thread, space_main, &s);
	s.deadline = now_ns() + (uint64_t)(o.slice * NSEC);
	pthread_barrier_wait(&s.go);
	for (unsigned int i = 0; i < o.threads; i++) {
		pthread_join(writers[i].thread, NULL);
		r->writes += writers[i].done;
		hist_merge(&r->h, &writers[i].h);
	}
	if (space)
		pthread_join(thread, NULL);
	pthread_barrier_destroy(&s.go);
	r->seconds += o.slice;
	if (r->turns < MAX_TURNS)
		r->each[r->turns++] = (double)(r->writes - before) / o.slice;
}
