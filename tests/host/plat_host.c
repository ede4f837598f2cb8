// SPDX-License-Identifier: GPL-2.0-only
/*
 * The platform interface over a simulated disk with a volatile write cache.
 *
 * Two views of the contents, each an overlay of 4 KiB pages over those of the
 * image: "seen" is what a read returns, "durable" is what is
 * certain to survive a crash.  Between the two lies the list of completed
 * writes that no flush has covered yet, in order of completion.  A flush makes
 * durable what had completed when it was submitted; a FUA write is durable on
 * completion; a preflush write does both.  At a crash the caller picks what of
 * the cache, and of the writes in flight, survived.
 *
 * A request is carried out when it completes, which is an interrupt event that
 * the scheduler picks at random among everything that can run.  The data of a
 * write are taken at submit and compared at completion: a buffer that changes
 * under I/O is a bug that real hardware turns into a bad checksum.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "host_int.h"

#define PG	4096ULL

/*
 * ---- pages of 4 KiB, shared by overlays until one of them writes ----
 *
 * A test that forks for each of its cases spends its time on page faults.  Copying a view touches no page,
 * only the counts, which lie together.
 */

#define SLAB		(2UL << 20)
#define SLAB_PAGES	(SLAB / PG - 2)

struct slab {
	u8 *next_free[SLAB_PAGES];
	unsigned int generation;
	u32 refs[SLAB_PAGES] __aligned(PG);
	u8 page[SLAB_PAGES][PG] __aligned(PG);
};

static u8 *free_pages;
static unsigned int generation;

static struct slab *slab_of(const u8 *page) { return (struct slab *)((uintptr_t)page & ~(SLAB - 1)); }
static size_t slot_of(const u8 *page) { return ((uintptr_t)page & (SLAB - 1)) / PG - 2; }

static void slab_new(void)
{
	u8 *m = mmap(NULL, 2 * SLAB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct slab *s = slab_of(m + SLAB - 1);
	size_t i;

	BUILD_BUG_ON(sizeof(*s) != SLAB);
	if (m == MAP_FAILED) {
		perror("mmap");
		abort();
	}
	if ((u8 *)s > m)
		munmap(m, (u8 *)s - m);
	munmap(s + 1, m + 2 * SLAB - (u8 *)(s + 1));
	madvise(s, SLAB, MADV_HUGEPAGE);
	s->generation = generation;
	for (i = SLAB_PAGES; i-- > 0; free_pages = s->page[i])
		s->next_free[i] = free_pages;
}

static u8 *pg_new(void)
{
	u8 *p;

	if (!free_pages)
		slab_new();
	p = free_pages;
	free_pages = slab_of(p)->next_free[slot_of(p)];
	slab_of(p)->refs[slot_of(p)] = 1;
	return p;
}

/* In a copy of the process the pages from before are for reading; it takes fresh ones, a huge page at a time. */
static bool pg_inherited(const u8 *p) { return slab_of(p)->generation != generation; }

static void in_child(void)
{
	generation++;
	free_pages = NULL;
}

__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(NULL, NULL, in_child); }

static u8 *pg_get(u8 *p)
{
	if (!pg_inherited(p))
		slab_of(p)->refs[slot_of(p)]++;
	return p;
}

static bool pg_shared(const u8 *p) { return pg_inherited(p) || slab_of(p)->refs[slot_of(p)] > 1; }

static void pg_put(u8 *p)
{
	if (pg_inherited(p) || --slab_of(p)->refs[slot_of(p)])
		return;
	slab_of(p)->next_free[slot_of(p)] = free_pages;
	free_pages = p;
}

/* ---- overlays: page index -> 4 KiB, open addressing ---- */

struct overlay {
	u64 *key;		/* index + 1; 0 = free */
	u8 **page;
	size_t n, cap;
};

static size_t ov_slot(const struct overlay *o, u64 idx)
{
	size_t i = ((idx + 1) * 0x9E3779B97F4A7C15ULL >> 20) & (o->cap - 1);

	while (o->key[i] && o->key[i] != idx + 1)
		i = (i + 1) & (o->cap - 1);
	return i;
}

static u8 *ov_find(const struct overlay *o, u64 idx)
{
	return o->cap ? o->page[ov_slot(o, idx)] : NULL;
}

/* Takes over the caller's count of @page. */
static void ov_put(struct overlay *o, u64 idx, u8 *page)
{
	size_t i;

	if ((o->n + 1) * 2 > o->cap) {
		struct overlay b = { .cap = o->cap ? o->cap * 2 : 1024, .n = o->n };

		b.key = calloc(b.cap, sizeof(*b.key));
		b.page = calloc(b.cap, sizeof(*b.page));
		for (i = 0; i < o->cap; i++)
			if (o->key[i]) {
				size_t s = ov_slot(&b, o->key[i] - 1);

				b.key[s] = o->key[i];
				b.page[s] = o->page[i];
			}
		free(o->key);
		free(o->page);
		*o = b;
	}
	i = ov_slot(o, idx);
	if (o->key[i])
		pg_put(o->page[i]);
	else
		o->n++;
	o->key[i] = idx + 1;
	o->page[i] = page;
}

static void ov_clear(struct overlay *o)
{
	size_t i;

	for (i = 0; i < o->cap; i++)
		if (o->key[i])
			pg_put(o->page[i]);
	free(o->key);
	free(o->page);
	memset(o, 0, sizeof(*o));
}

static void ov_copy(struct overlay *d, const struct overlay *s)
{
	size_t i;

	ov_clear(d);
	if (!s->cap)
		return;
	*d = *s;
	d->key = malloc(d->cap * sizeof(*d->key));
	d->page = malloc(d->cap * sizeof(*d->page));
	memcpy(d->key, s->key, d->cap * sizeof(*d->key));
	memcpy(d->page, s->page, d->cap * sizeof(*d->page));
	for (i = 0; i < d->cap; i++)
		if (d->key[i])
			pg_get(d->page[i]);
}

/* ---- the device ---- */

struct wreq {			/* a request in flight or a completed write in the cache */
	struct list_head node;
	struct dx_bdev *dev;
	struct dx_io *io;
	enum dx_io_op op;
	unsigned int flags;
	u64 off;
	size_t len;
	u8 **page;		/* what is written, in pages as the device has them */
	u64 mark;		/* cache entries up to this were complete at submit */
	u64 seq;		/* as cache entry */
	u8 *gone;		/* per sector: newer data is durable already */
	int fail;
	struct timer_list slow;
};

struct dx_bdev {
	char name[32];
	u64 size;
	struct overlay base;	/* the image as it was opened; what is not there is zero */
	unsigned int lbs;
	bool ro, can_discard;
	unsigned int discard_ms;
	struct overlay seen, durable;
	struct list_head cache, inflight;
	u64 cache_seq;
	struct host_dev_counts c;
	void (*hook)(void *arg, const struct dx_io *io, int error);
	void *hook_arg;
	void (*submit_hook)(void *arg, const struct dx_io *io);
	void *submit_hook_arg;
	unsigned int fail_what;
	u64 fail_left;
	bool fail_after;
	int fail_error;
	unsigned int range_what;
	u64 range_off, range_len;
	int range_error;
	bool range_outside;
	u64 slow_off, slow_len;
	unsigned int slow_ms, read_ms;
	u64 crash_left;
	enum host_crash_when crash_when;
	struct list_head all;
};

static LIST_HEAD(devices);

static void view_read(struct dx_bdev *d, const struct overlay *o, u64 off, u8 *buf, size_t len)
{
	while (len) {
		size_t in = off % PG, n = min_t(size_t, len, PG - in);
		const u8 *p = ov_find(o, off / PG) ?: ov_find(&d->base, off / PG);

		if (p)
			memcpy(buf, p + in, n);
		else
			memset(buf, 0, n);
		buf += n;
		off += n;
		len -= n;
	}
}

static void view_write(struct dx_bdev *d, struct overlay *o, u64 off, const u8 *buf, size_t len)
{
	while (len) {
		size_t in = off % PG, n = min_t(size_t, len, PG - in);
		u8 *p = ov_find(o, off / PG);

		if (!p || pg_shared(p)) {
			const u8 *old = p ?: ov_find(&d->base, off / PG);

			p = pg_new();
			if (n < PG && old)
				memcpy(p, old, PG);
			else if (n < PG)
				memset(p, 0, PG);
			ov_put(o, off / PG, p);
		}
		memcpy(p + in, buf, n);
		buf += n;
		off += n;
		len -= n;
	}
}

static size_t wreq_pages(const struct wreq *w) { return (w->off % PG + w->len + PG - 1) / PG; }

/* The bytes at @pos of what is written, @n of them up to the end of that page. */
static u8 *wreq_at(const struct wreq *w, size_t pos, size_t *n)
{
	u64 at = w->off % PG + pos;

	*n = min_t(size_t, w->len - pos, PG - at % PG);
	return w->page[at / PG] + at % PG;
}

static void wreq_fill(struct wreq *w, const u8 *data, u8 byte)
{
	size_t pos, n, i;
	u8 *p;

	w->page = malloc(wreq_pages(w) * sizeof(*w->page));
	for (i = 0; i < wreq_pages(w); i++)
		w->page[i] = pg_new();
	for (pos = 0; pos < w->len; pos += n) {
		p = wreq_at(w, pos, &n);
		if (data)
			memcpy(p, data + pos, n);
		else
			memset(p, byte, n);
	}
}

static bool wreq_same(const struct wreq *w, const u8 *data)
{
	size_t pos, n;

	for (pos = 0; pos < w->len; pos += n) {
		const u8 *p = wreq_at(w, pos, &n);

		if (memcmp(p, data + pos, n))
			return false;
	}
	return true;
}

/* Bytes @from up to @to of what is written; whole pages are shared, not copied. */
static void wreq_write(struct dx_bdev *d, struct overlay *o, const struct wreq *w, size_t from, size_t to)
{
	size_t n;

	for (; from < to; from += n) {
		u8 *p = wreq_at(w, from, &n);

		n = min_t(size_t, n, to - from);
		if (n == PG)
			ov_put(o, (w->off + from) / PG, pg_get(p));
		else
			view_write(d, o, w->off + from, p, n);
	}
}

static void wreq_free(struct wreq *w)
{
	size_t i;

	for (i = 0; w->page && i < wreq_pages(w); i++)
		pg_put(w->page[i]);
	free(w->page);
	free(w->gone);
	free(w);
}

static void list_drop(struct list_head *l)
{
	struct wreq *w, *n;

	list_for_each_entry_safe(w, n, l, node) {
		list_del(&w->node);
		wreq_free(w);
	}
}

/* Sector by sector, so that what newer durable data replaced stays replaced. */
static void make_durable(struct dx_bdev *d, struct wreq *w, size_t from, size_t to)
{
	size_t s;

	if (!w->gone) {
		wreq_write(d, &d->durable, w, from, to);
		return;
	}
	for (s = from / 512; s < to / 512; s++)
		if (!w->gone[s])
			wreq_write(d, &d->durable, w, s * 512, (s + 1) * 512);
}

static void flush_to(struct dx_bdev *d, u64 mark)
{
	struct wreq *w, *n;

	list_for_each_entry_safe(w, n, &d->cache, node) {
		if (w->seq > mark)
			break;
		make_durable(d, w, 0, w->len);
		list_del(&w->node);
		wreq_free(w);
	}
}

/* Older cached writes must not come back over what is durable now. */
static void supersede(struct dx_bdev *d, u64 off, size_t len)
{
	struct wreq *w;

	list_for_each_entry(w, &d->cache, node) {
		u64 a = max(w->off, off), b = min(w->off + w->len, off + len);

		if (a >= b)
			continue;
		if (!w->gone)
			w->gone = calloc(1, w->len / 512);
		memset(w->gone + (a - w->off) / 512, 1, (b - a) / 512);
	}
}

static void io_complete(void *arg)
{
	struct wreq *w = arg;
	struct dx_bdev *d = w->dev;
	struct dx_io *io = w->io;
	bool keep = false;
	int error = w->fail;

	list_del(&w->node);
	if (!error && w->op == DX_IO_READ) {
		view_read(d, &d->seen, w->off, io->data, w->len);
	} else if (!error && w->op == DX_IO_FLUSH) {
		flush_to(d, w->mark);
	} else if (!error) {
		WARN(!wreq_same(w, io->data), "data at daddr %llu changed while written", io->daddr_bb);
		if (w->flags & DX_IOF_PREFLUSH)
			flush_to(d, w->mark);
		wreq_write(d, &d->seen, w, 0, w->len);
		if (w->flags & DX_IOF_FUA) {
			supersede(d, w->off, w->len);
			make_durable(d, w, 0, w->len);
		} else {
			w->seq = ++d->cache_seq;
			list_add_tail(&w->node, &d->cache);
			keep = true;
		}
	}
	if (error)
		d->c.failed++;
	if (d->hook)
		d->hook(d->hook_arg, io, error);
	if (host_stopped()) {
		if (!keep)
			wreq_free(w);
		return;
	}
	if (w->op != DX_IO_READ && d->crash_left && d->crash_when == HOST_CRASH_COMPLETE && !--d->crash_left) {
		host_stop_world();
		if (!keep)
			wreq_free(w);
		return;
	}
	if (!keep)
		wreq_free(w);
	io->error = error;
	io->done(io, error);
}

static void io_complete_slow(struct timer_list *t)
{
	host_post_irq(io_complete, from_timer((struct wreq *)NULL, t, slow));
}

/* ms, 0: at once */
static unsigned int slowness(struct dx_bdev *d, const struct dx_io *io)
{
	if (io->op == DX_IO_READ)
		return d->read_ms;
	return io->op == DX_IO_WRITE && io->daddr_bb >= d->slow_off && io->daddr_bb - d->slow_off < d->slow_len ?
	       d->slow_ms : 0;
}

static int injected(struct dx_bdev *d, const struct dx_io *io)
{
	unsigned int kind = io->op == DX_IO_READ ? HOST_FAIL_READ :
			    io->op == DX_IO_WRITE ? HOST_FAIL_WRITE : HOST_FAIL_FLUSH;

	bool in = io->daddr_bb < d->range_off + d->range_len && io->daddr_bb + io->len_bytes / 512 > d->range_off;

	if ((d->range_what & kind) && (kind == HOST_FAIL_FLUSH || in != d->range_outside))
		return d->range_error;
	if (!(d->fail_what & kind))
		return 0;
	if (d->fail_left > 1) {
		d->fail_left--;
		return 0;
	}
	if (!d->fail_left)
		return 0;
	if (!d->fail_after)
		d->fail_left = 0;
	return d->fail_error;
}

/**
 * dx_plat_submit - start one I/O on the simulated device
 * @io: the request; the caller keeps it and its data until ->done
 *
 * May be preempted, hence may sleep.  Misuse (alignment, range, a write to a
 * read-only device) warns and fails the I/O.
 */
void dx_plat_submit(struct dx_io *io)
{
	struct dx_bdev *d = io->bdev;
	struct wreq *w;
	u64 off = io->daddr_bb * 512;
	unsigned int ms;

	might_sleep();
	w = calloc(1, sizeof(*w));
	w->dev = d;
	w->io = io;
	w->op = io->op;
	w->flags = io->flags;
	w->off = off;
	w->len = io->op == DX_IO_FLUSH ? 0 : io->len_bytes;
	w->mark = d->cache_seq;
	if (WARN(!io->done, "I/O without ->done"))
		abort();
	if (io->op != DX_IO_FLUSH &&
	    WARN(!w->len || w->len % d->lbs || off % d->lbs || off >= d->size || w->len > d->size - off,
		 "%s of %zu bytes at daddr %llu: bad range or alignment", io->op == DX_IO_READ ? "read" : "write",
		 w->len, io->daddr_bb))
		w->fail = -EIO;
	if (WARN(io->op == DX_IO_WRITE && d->ro, "write to a read-only device"))
		w->fail = -EROFS;
	if (WARN(io->op == DX_IO_READ && (io->flags & (DX_IOF_FUA | DX_IOF_PREFLUSH)), "read with write flags"))
		w->fail = -EINVAL;
	if (!w->fail)
		w->fail = injected(d, io);
	switch (io->op) {
	case DX_IO_READ:
		d->c.reads++;
		d->c.read_bytes += w->len;
		break;
	case DX_IO_WRITE:
		d->c.writes++;
		d->c.write_bytes += w->len;
		d->c.fua += !!(io->flags & DX_IOF_FUA);
		d->c.preflush += !!(io->flags & DX_IOF_PREFLUSH);
		wreq_fill(w, io->data, 0);
		break;
	case DX_IO_FLUSH:
		d->c.flushes++;
		break;
	}
	list_add_tail(&w->node, &d->inflight);
	if (d->submit_hook)
		d->submit_hook(d->submit_hook_arg, io);
	if (io->op != DX_IO_READ && d->crash_left && d->crash_when == HOST_CRASH_SUBMIT && !--d->crash_left)
		host_stop_world();
	ms = slowness(d, io);
	if (ms) {
		timer_setup(&w->slow, io_complete_slow, 0);
		mod_timer(&w->slow, jiffies + msecs_to_jiffies(ms));
	} else {
		host_post_irq(io_complete, w);
	}
	host_preempt_point();
}

static void wake_waiter(struct dx_io *io, int error) { complete(io->owner); }

/**
 * dx_plat_io_wait - submit one I/O and wait for it
 * @io: the request; ->done and ->owner are overwritten
 *
 * Return: its error.
 */
int dx_plat_io_wait(struct dx_io *io)
{
	DECLARE_COMPLETION_ONSTACK(done);

	io->done = wake_waiter;
	io->owner = &done;
	dx_plat_submit(io);
	wait_for_completion(&done);
	return io->error;
}

/**
 * dx_plat_flush - make all completed writes durable
 * @bdev: the device
 *
 * Return: 0 or the device's error.
 */
int dx_plat_flush(struct dx_bdev *bdev)
{
	struct dx_io io = { .op = DX_IO_FLUSH, .bdev = bdev, .flags = DX_IOF_SYNC };

	return dx_plat_io_wait(&io);
}

/**
 * dx_plat_discard - drop the contents of a range
 * @bdev: the device
 * @daddr_bb: start
 * @len_bb: length
 *
 * The first megabytes of the range read as garbage afterwards: nothing may
 * rest on discarded blocks being zero or being old.
 *
 * Return: 0, -EOPNOTSUPP without discard, -EINVAL for a bad range.
 */
int dx_plat_discard(struct dx_bdev *bdev, u64 daddr_bb, u64 len_bb)
{
	u64 off = daddr_bb * 512, len = len_bb * 512;

	might_sleep();
	if (!bdev->can_discard)
		return -EOPNOTSUPP;
	if (WARN(off >= bdev->size || len > bdev->size - off || off % bdev->lbs || len % bdev->lbs,
		 "discard of a bad range: daddr %llu, length %llu", daddr_bb, len_bb))
		return -EINVAL;
	bdev->c.discards++;
	if (bdev->discard_ms)
		msleep(max_t(u64, len * bdev->discard_ms >> 20, 1));
	len = min_t(u64, len, 8 << 20);
	if (len) {
		struct wreq *w = calloc(1, sizeof(*w));

		w->dev = bdev;
		w->op = DX_IO_WRITE;
		w->off = off;
		w->len = len;
		wreq_fill(w, NULL, 0xd5);
		wreq_write(bdev, &bdev->seen, w, 0, len);
		w->seq = ++bdev->cache_seq;
		list_add_tail(&w->node, &bdev->cache);
	}
	if (host_self()->real)
		host_yield();
	return 0;
}

bool dx_plat_can_discard(struct dx_bdev *bdev) { return bdev->can_discard; }
bool host_killed;
bool dx_plat_killed(void) { return host_killed; }
bool host_frozen;
int dx_plat_interrupted(void) { return host_killed ? -EINTR : host_frozen ? -ERESTARTSYS : 0; }
u64 dx_plat_size_bb(struct dx_bdev *bdev) { return bdev->size / 512; }
unsigned int dx_plat_lbs_bytes(struct dx_bdev *bdev) { return bdev->lbs; }
bool dx_plat_readonly(struct dx_bdev *bdev) { return bdev->ro; }
const char *dx_plat_name(struct dx_bdev *bdev) { return bdev->name; }
void dx_plat_now(struct dx_mount *mp, struct timespec64 *ts) { ktime_get_coarse_real_ts64(ts); }

/* ---- for tests ---- */

static struct dx_bdev *dev_new(u64 size)
{
	static int n;
	struct dx_bdev *d = calloc(1, sizeof(*d));

	snprintf(d->name, sizeof(d->name), "host%d", n++);
	d->size = size;
	d->lbs = 512;
	d->can_discard = true;
	INIT_LIST_HEAD(&d->cache);
	INIT_LIST_HEAD(&d->inflight);
	list_add_tail(&d->all, &devices);
	return d;
}

struct dx_bdev *host_dev_mem(u64 bytes) { return dev_new(bytes); }

static bool all_zero(const u8 *p, size_t n) { return !p[0] && !memcmp(p, p + 1, n - 1); }

/* Read, not mapped: to read a hole through a mapping of tmpfs fills it. */
static int base_load(struct dx_bdev *d, int fd)
{
	off_t a = 0, b;
	u8 buf[PG];

	for (; (a = lseek(fd, a, SEEK_DATA)) >= 0; a = b) {
		b = lseek(fd, a, SEEK_HOLE);
		for (a &= ~(off_t)(PG - 1); a < b; a += PG) {
			ssize_t n = pread(fd, buf, PG, a);

			if (n <= 0)
				return n ? -errno : -EIO;
			memset(buf + n, 0, PG - n);
			if (!all_zero(buf, PG))
				ov_put(&d->base, a / PG, memcpy(pg_new(), buf, PG));
		}
	}
	return errno == ENXIO ? 0 : -errno;
}

struct dx_bdev *host_dev_open(const char *image)
{
	struct dx_bdev *d = NULL;
	struct stat st;
	int fd = open(image, O_RDONLY);

	if (fd >= 0 && !fstat(fd, &st)) {
		d = dev_new(st.st_size);
		if (base_load(d, fd)) {
			host_dev_close(d);
			d = NULL;
		}
	}
	if (!d)
		perror(image);
	if (fd >= 0)
		close(fd);
	return d;
}

void host_dev_fail_none(struct dx_bdev *d)
{
	d->fail_what = d->range_what = 0;
	d->fail_left = 0;
}

void host_dev_reset(struct dx_bdev *d)
{
	WARN(!list_empty(&d->inflight) && host_in_sched, "device reset with I/O in flight");
	list_drop(&d->inflight);
	list_drop(&d->cache);
	ov_clear(&d->seen);
	ov_clear(&d->durable);
	memset(&d->c, 0, sizeof(d->c));
	host_dev_fail_none(d);
	d->crash_left = 0;
	d->cache_seq = 0;
	d->slow_ms = d->read_ms = d->discard_ms = 0;
}

void host_dev_close(struct dx_bdev *d)
{
	host_dev_reset(d);
	list_del(&d->all);
	ov_clear(&d->base);
	free(d);
}

void host_dev_set_lbs(struct dx_bdev *d, unsigned int bytes) { d->lbs = bytes; }
void host_dev_resize(struct dx_bdev *d, u64 bytes) { d->size = bytes; }
void host_dev_set_readonly(struct dx_bdev *d, bool ro) { d->ro = ro; }
void host_dev_set_discard(struct dx_bdev *d, bool can) { d->can_discard = can; }
void host_dev_set_discard_speed(struct dx_bdev *d, unsigned int ms_per_mib) { d->discard_ms = ms_per_mib; }

void host_dev_counts(struct dx_bdev *d, struct host_dev_counts *c)
{
	struct wreq *w;

	*c = d->c;
	list_for_each_entry(w, &d->cache, node)
		c->unflushed++;
	list_for_each_entry(w, &d->inflight, node)
		c->inflight++;
}

void host_dev_set_hook(struct dx_bdev *d, void (*hook)(void *, const struct dx_io *, int), void *arg)
{
	d->hook = hook;
	d->hook_arg = arg;
}

void host_dev_set_slow(struct dx_bdev *d, u64 daddr_bb, u64 len_bb, unsigned int ms)
{
	d->slow_off = daddr_bb;
	d->slow_len = len_bb;
	d->slow_ms = ms;
}

void host_dev_set_read_time(struct dx_bdev *d, unsigned int ms) { d->read_ms = ms; }

void host_dev_set_submit_hook(struct dx_bdev *d, void (*hook)(void *, const struct dx_io *), void *arg)
{
	d->submit_hook = hook;
	d->submit_hook_arg = arg;
}

void host_dev_peek(struct dx_bdev *d, u64 off, void *buf, size_t len) { view_read(d, &d->seen, off, buf, len); }

void host_dev_poke(struct dx_bdev *d, u64 off, const void *buf, size_t len)
{
	u64 a = off / 512 * 512, b = (off + len + 511) / 512 * 512;
	u8 *t = malloc(b - a);

	view_read(d, &d->seen, a, t, b - a);
	memcpy(t + (off - a), buf, len);
	view_write(d, &d->seen, a, t, b - a);
	supersede(d, a, b - a);
	view_write(d, &d->durable, a, t, b - a);
	free(t);
}

void host_dev_fail(struct dx_bdev *d, unsigned int what, u64 nth, bool all_after, int error)
{
	d->fail_what = what;
	d->fail_left = nth;
	d->fail_after = all_after;
	d->fail_error = error;
}

void host_dev_fail_range(struct dx_bdev *d, unsigned int what, u64 daddr_bb, u64 len_bb, int error)
{
	d->range_what = what;
	d->range_off = daddr_bb;
	d->range_len = len_bb;
	d->range_error = error;
	d->range_outside = false;
}

void host_dev_fail_outside(struct dx_bdev *d, unsigned int what, u64 daddr_bb, u64 len_bb, int error)
{
	host_dev_fail_range(d, what, daddr_bb, len_bb, error);
	d->range_outside = true;
}

void host_dev_crash_at(struct dx_bdev *d, u64 nth, enum host_crash_when when)
{
	d->crash_left = nth;
	d->crash_when = when;
}

static u64 next_rnd(u64 *s)
{
	u64 z = (*s += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

/* What of one write survives; returns nothing, changes durable. */
static void survive(struct dx_bdev *d, struct wreq *w, enum host_crash_mode mode, u64 *rnd, bool last)
{
	size_t secs = w->len / d->lbs, s;

	switch (mode) {
	case HOST_KEEP_PREFIX:
		/* The last one of the prefix arrived in part. */
		make_durable(d, w, 0, last ? next_rnd(rnd) % (secs + 1) * d->lbs : w->len);
		break;
	case HOST_KEEP_RANDOM:
		if (next_rnd(rnd) & 1)
			make_durable(d, w, 0, w->len);
		break;
	case HOST_KEEP_TORN:
		for (s = 0; s < secs; s++)
			if (next_rnd(rnd) & 1)
				make_durable(d, w, s * d->lbs, (s + 1) * d->lbs);
		break;
	default:
		make_durable(d, w, 0, w->len);
	}
}

void host_dev_crash(struct dx_bdev *d, enum host_crash_mode mode, u64 seed)
{
	u64 rnd = seed * 0xD1342543DE82EF95ULL + 99, total = 0, upto, i = 0;
	struct wreq *w, *n;

	if (mode == HOST_LOSE_ALL)
		goto out;
	/*
	 * A preflush write or flush in flight may or may not have done its flush; if
	 * anything of its own data is to survive, it has.  Decide that first.
	 */
	list_for_each_entry_safe(w, n, &d->inflight, node) {
		bool flushed = (w->op == DX_IO_FLUSH || (w->op == DX_IO_WRITE && (w->flags & DX_IOF_PREFLUSH))) &&
			       !w->fail && (mode == HOST_KEEP_ALL || (next_rnd(&rnd) & 1));

		if (flushed)
			flush_to(d, w->mark);
		if (w->op != DX_IO_WRITE || w->fail || ((w->flags & DX_IOF_PREFLUSH) && !flushed)) {
			list_del(&w->node);
			wreq_free(w);
		}
	}
	list_splice_tail_init(&d->inflight, &d->cache);
	list_for_each_entry(w, &d->cache, node)
		total++;
	upto = mode == HOST_KEEP_PREFIX ? next_rnd(&rnd) % (total + 1) : total;
	list_for_each_entry(w, &d->cache, node) {
		if (i++ == upto)
			break;
		survive(d, w, mode, &rnd, i == upto);
	}
out:
	list_drop(&d->inflight);
	list_drop(&d->cache);
	ov_copy(&d->seen, &d->durable);
	host_dev_fail_none(d);
	d->crash_left = 0;
}

/* ---- snapshots and export ---- */

struct host_dev_snap { struct overlay o; };

struct host_dev_snap *host_dev_snap_take(struct dx_bdev *d)
{
	struct host_dev_snap *s = calloc(1, sizeof(*s));

	ov_copy(&s->o, &d->seen);
	return s;
}

void host_dev_snap_restore(struct dx_bdev *d, struct host_dev_snap *s)
{
	host_dev_reset(d);
	ov_copy(&d->seen, &s->o);
	ov_copy(&d->durable, &s->o);
}

void host_dev_snap_free(struct host_dev_snap *s)
{
	ov_clear(&s->o);
	free(s);
}

/* What the last save to a path left there, so that the next writes only what differs. */
static struct saved {
	char path[512];
	dev_t dev;
	ino_t ino;
	struct timespec mtime;	/* a tool that changes the file makes us start over */
	struct overlay o;
	struct saved *next;
} *saves;

static int write_page(int fd, const struct dx_bdev *d, u64 idx, const u8 *page)
{
	size_t n = min_t(u64, PG, d->size - idx * PG);

	return pwrite(fd, page, n, idx * PG) == (ssize_t)n ? 0 : -EIO;
}

int host_dev_save(struct dx_bdev *d, const char *path)
{
	static const u8 zero[PG];
	struct overlay now = { 0 };
	struct saved *sv;
	struct stat st;
	size_t i;
	int fd, e = 0;

	for (sv = saves; sv; sv = sv->next)
		if (!strcmp(sv->path, path))
			break;
	fd = open(path, O_RDWR | O_CREAT, 0644);
	if (fd < 0 || fstat(fd, &st)) {
		e = -errno;
		perror(path);
		return e;
	}
	if (!sv) {
		sv = calloc(1, sizeof(*sv));
		snprintf(sv->path, sizeof(sv->path), "%s", path);
		sv->next = saves;
		saves = sv;
	}
	if (memcmp(&sv->mtime, &st.st_mtim, sizeof(sv->mtime)) || sv->ino != st.st_ino || sv->dev != st.st_dev ||
	    (u64)st.st_size != d->size) {
		if (ftruncate(fd, 0) || ftruncate(fd, d->size))
			e = -errno;
		ov_clear(&sv->o);
		sv->ino = st.st_ino;
		sv->dev = st.st_dev;
	}
	ov_copy(&now, &d->base);
	for (i = 0; i < d->seen.cap; i++)
		if (d->seen.key[i])
			ov_put(&now, d->seen.key[i] - 1, pg_get(d->seen.page[i]));
	for (i = 0; i < sv->o.cap && !e; i++)
		if (sv->o.key[i] && !ov_find(&now, sv->o.key[i] - 1))
			e = write_page(fd, d, sv->o.key[i] - 1, zero);
	for (i = 0; i < now.cap && !e; i++) {
		const u8 *old = now.key[i] ? ov_find(&sv->o, now.key[i] - 1) : NULL;

		if (now.key[i] && (!old || (old != now.page[i] && memcmp(old, now.page[i], PG))))
			e = write_page(fd, d, now.key[i] - 1, now.page[i]);
	}
	if (fstat(fd, &st) && !e)
		e = -errno;
	sv->mtime = st.st_mtim;
	if (close(fd) && !e)
		e = -errno;
	ov_clear(&sv->o);
	sv->o = now;
	if (e)
		sv->ino = 0;
	return e;
}
