// SPDX-License-Identifier: GPL-2.0-only
/*
 * Racers that share the file's blocks with a twin, which nobody writes to: whatever is in flight to the file, what the twin has
 * does not change, and all that was acknowledged before the clone began is in it.
 *
 * The racer itself overwrites the blocks in front of the writer, directly, through the page cache, through a mapping: those are
 * shared.  What they must be is in r->shadow.
 *
 * The one that exchanges has a twin of holes, and moves ranges from one file to the other and back while the writer writes to one of
 * them: a block that was acknowledged before is in one of the two, at its place.  At the end all that is in the twin
 * comes back, and the file is judged as any other.
 *
 * The one that swaps does what xfs_fsr does: it looks at the times of the file, copies it to the twin in one piece, and has the two
 * swapped if the times are the same.  A write that was in flight when it looked, and is acknowledged before they are
 * swapped, is not in the copy.  The file is judged as if nothing had happened.
 */
#include "race.h"

struct twin {
	int fd;
	bool there;		/* it has been cloned to */
	uint64_t size, sum;
	char path[264];
	char *buf;		/* READ_CHUNK, aligned */
};

bool racer_shares(void)
{
	return o.racer == CLONE || o.racer == DEDUPE || o.racer == UNSHARE || o.racer == EXCHANGE || o.racer == SWAPEXT;
}

static uint64_t sum_of(uint64_t sum, const char *p, size_t n)
{
	uint64_t w;
	size_t i;

	for (i = 0; i + sizeof(w) <= n; i += sizeof(w)) {
		memcpy(&w, p + i, sizeof(w));
		sum = (sum ^ w) * 0x9e3779b97f4a7c15ull;
		sum ^= sum >> 29;
	}
	for (; i < n; i++)
		sum = (sum ^ (unsigned char)p[i]) * 0x100000001b3ull;
	return sum;
}

/* Size and sum of what the twin has; false: it cannot be read.  @fresh: from the disk. */
static bool look(struct twin *t, bool fresh, uint64_t *size, uint64_t *sum)
{
	ssize_t n;

	if (fresh)
		posix_fadvise(t->fd, 0, 0, POSIX_FADV_DONTNEED);
	*sum = *size = 0;
	while ((n = pread(t->fd, t->buf, READ_CHUNK, *size)) > 0) {
		*sum = sum_of(*sum, t->buf, n);
		*size += n;
	}
	return !n;
}

static void check_twin(struct race *r, struct twin *t, bool fresh, const char *when)
{
	uint64_t size, sum;

	if (!t->there)
		return;
	if (!look(t, fresh, &size, &sum))
		complain(r, ERROR, "the twin %s: %s", when, strerror(errno));
	else if (size != t->size || sum != t->sum)
		complain(r, CORRUPT, "the twin has changed %s%s: size %" PRIu64 ", was %" PRIu64, when, fresh ? " (on disk)" : "", size, t->size);
}

/* What was acknowledged before the clone began must be in it. */
static void check_acked(struct lane *l, struct twin *t, uint64_t t0)
{
	struct race *r = l->r;
	char want[BS], got[BS];
	unsigned int i;

	if (o.writer == O_APPENDING || o.writer == MIXED)
		return;		/* nobody knows which block is where; or somebody writes over them */
	for (i = r->npfx; i < r->nb; i++) {
		if (!r->b[i].acked || r->b[i].acked >= t0)
			continue;
		fill_block(want, r, i);
		if (pread(t->fd, got, BS, r->b[i].off) != BS || memcmp(want, got, BS)) {
			complain(r, LOST, "block %u at %" PRIu64 " was acknowledged before the clone began, and is not in it", i, r->b[i].off);
			return;
		}
	}
}

static int clone_to(struct lane *l, struct twin *t, int fd)
{
	uint64_t t0;

	if (ftruncate(t->fd, 0))
		return errno;
	t->there = false;
	t0 = tick();
	if (ioctl(t->fd, FICLONE, fd))
		return errno;
	if (!look(t, false, &t->size, &t->sum))
		return errno;
	t->there = true;
	check_acked(l, t, t0);
	return 0;
}

/* Blocks in front of the writer, which the twin has, too. */
static int overwrite(struct lane *l, int fd, char **map)
{
	unsigned int *s = &l->racer_rng;
	struct race *r = l->r;
	uint64_t page = rnd(s, PFX_BLOCKS) * (uint64_t)BS;
	unsigned int n = 1 + rnd(s, 3), a = 0, len, i;
	unsigned char *p = r->shadow + page;

	if (page + n * BS > r->pfx_size)
		n = 1;
	len = n * BS;
	if (rnd(s, 2)) {
		for (i = 0; i < len; i++)
			l->share->buf[i] = (char)(i * 7 + rnd(s, 255));
		memcpy(p, l->share->buf, len);
		return pwrite(o.writer == O_APPENDING ? fd : r->fd, l->share->buf, len, page) == len ? 0 : errno ? errno : EIO;
	}
	a = rnd(s, BS);
	len = 1 + rnd(s, BS - a);
	memset(p + a, 1 + rnd(s, 255), len);
	if (rnd(s, 2))
		return pwrite(fd, p + a, len, page + a) == len ? 0 : errno ? errno : EIO;
	if (!*map) {
		*map = mmap(NULL, 64u << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (*map == MAP_FAILED) {
			*map = NULL;
			return errno;
		}
	}
	memcpy(*map + page + a, p + a, len);
	return rnd(s, 6) ? 0 : msync(*map, r->pfx_size, MS_SYNC) ? errno : 0;
}

static int dedupe(struct twin *t, int fd, uint64_t off, uint64_t len)
{
	struct { struct file_dedupe_range r; struct file_dedupe_range_info i; } d;

	memset(&d, 0, sizeof(d));
	d.r.src_offset = d.i.dest_offset = off;
	d.r.src_length = len;
	d.r.dest_count = 1;
	d.i.dest_fd = t->fd;
	if (ioctl(fd, FIDEDUPERANGE, &d.r))
		return errno;
	return d.i.status < 0 ? -d.i.status : 0;
}

/* ---- exchange ---- */

#define TWIN_SIZE	(64ull << 20)	/* beyond all that a writer gets to */

static int exchange(int fd1, int fd2, uint64_t off, uint64_t len, uint64_t flags)
{
	struct dx_exchange_args a = { .file1_fd = fd1, .file1_offset = off, .file2_offset = off, .length = len, .flags = flags };

	return ioctl(fd2, DX_IOC_EXCHANGE_RANGE, &a) ? errno : 0;
}

static bool has(int fd, uint64_t off, const char *want)
{
	char got[BS];

	return pread(fd, got, BS, off) == BS && !memcmp(want, got, BS);
}

/* What was acknowledged before @t0 is in one of them. */
static void check_moved(struct lane *l, int fd, int twin, uint64_t t0)
{
	struct race *r = l->r;
	char want[BS];
	unsigned int i;

	for (i = r->npfx; i < r->nb; i++) {
		if (!r->b[i].acked || r->b[i].acked >= t0)
			continue;
		fill_block(want, r, i);
		if (!has(fd, r->b[i].off, want) && !has(twin, r->b[i].off, want)) {
			complain(r, LOST, "block %u at %" PRIu64 " was acknowledged before the exchange began, and is in neither file", i,
				 r->b[i].off);
			return;
		}
	}
}

static int exchange_fire(struct lane *l, int fd, uint64_t *off, uint64_t *len)
{
	unsigned int *s = &l->racer_rng;
	uint64_t t0 = tick(), size, flags = 0;
	int twin = l->share->fd, err, a = fd, b = twin;
	struct stat st;

	if (rnd(s, 6) == 0) {
		/* to the ends, and the sizes with them, and back: what comes in between lies behind the end in the twin, and is there */
		*len = TWIN_SIZE;
		err = exchange(a, b, 0, 0, DX_EXCHANGE_TO_EOF);
		if (err)
			return err;
		if (rnd(s, 2))
			usleep(rnd(s, 3000));
		err = exchange(a, b, 0, 0, DX_EXCHANGE_TO_EOF);
	} else {
		if (fstat(fd, &st))
			return errno;
		size = st.st_size / BS;
		if (!size)
			return 0;
		*off = rnd(s, size) * (uint64_t)BS;
		*len = (1 + rnd(s, rnd(s, 2) ? 4 : 64)) * (uint64_t)BS;
		if (*off + *len > size * BS)
			*len = size * BS - *off;
		if (rnd(s, 2)) {
			a = twin;
			b = fd;
		}
		if (rnd(s, 3) == 0)
			flags = DX_EXCHANGE_FILE1_WRITTEN;
		err = exchange(a, b, *off, *len, flags);
	}
	if (!err)
		check_moved(l, fd, twin, t0);
	return err;
}

/* ---- swap ---- */

static int swap_fire(struct lane *l, int fd)
{
	struct twin *t = l->share;
	int from = rnd(&l->racer_rng, 2) ? l->r->fd : fd, err;
	struct dx_swapext x = { .sx_fdtarget = fd, .sx_fdtmp = t->fd };
	struct dx_bstat *b = &x.sx_stat;
	uint64_t at = 0;
	struct stat st;
	__s32 found;
	__u64 ino;
	struct dx_bulkreq req = { .lastip = &ino, .icount = 1, .ubuffer = b, .ocount = &found };
	ssize_t n;

	if (fstat(fd, &st))
		return errno;
	ino = st.st_ino;
	if (ioctl(fd, DX_IOC_FSBULKSTAT_SINGLE, &req))
		return errno;
	if (!b->bs_size)
		return 0;
	if (ftruncate(t->fd, 0) || fallocate(t->fd, 0, 0, b->bs_size))
		return errno;
	while (at < (uint64_t)b->bs_size) {
		n = pread(from, t->buf, READ_CHUNK, at);
		if (n > (int64_t)(b->bs_size - at))
			n = b->bs_size - at;
		if (n <= 0 || pwrite(t->fd, t->buf, n, at) != n)
			return n ? errno : EIO;
		at += n;
	}
	x.sx_length = b->bs_size;
	err = ioctl(fd, DX_IOC_SWAPEXT, &x) ? errno : 0;
	/* it has changed; it has grown; it was in one piece */
	return err == EBUSY || err == EFAULT || err == EINVAL ? 0 : err;
}

/* All that the twin has comes back. */
static void bring_back(struct lane *l)
{
	int twin = l->share->fd, err = 0;
	off_t off, end = 0;
	struct stat st;

	/* while sizes were exchanged the file may have been written to behind its end */
	if (ftruncate(twin, TWIN_SIZE) || fstat(l->r->fd, &st)) {
		complain(l->r, ERROR, "%s: %s", l->share->path, strerror(errno));
		return;
	}
	fsync(twin);
	while ((off = lseek(twin, end, SEEK_DATA)) >= 0)
		end = lseek(twin, off, SEEK_HOLE);
	end = (end + BS - 1) / BS * BS;
	if (end > st.st_size && ftruncate(l->r->fd, end))
		err = errno;
	if (!err && end)
		err = exchange(twin, l->r->fd, 0, end, DX_EXCHANGE_FILE1_WRITTEN);
	if (err)
		complain(l->r, err == EOPNOTSUPP || err == ENOTTY ? NA : ERROR, "exchange at the end: %s", strerror(err));
}

/* One operation of a racer that shares.  0 or errno; where it was. */
int share_fire(struct lane *l, int fd, char **map, uint64_t *off, uint64_t *len)
{
	unsigned int *s = &l->racer_rng;
	struct twin *t = l->share;
	uint64_t below;
	int err = 0;

	*off = *len = 0;
	if (o.racer == EXCHANGE)
		return exchange_fire(l, fd, off, len);
	if (o.racer == SWAPEXT)
		return swap_fire(l, fd);
	check_twin(l->r, t, rnd(s, 4) == 0, "since the last operation");
	if (!t->there || (o.racer == CLONE ? rnd(s, 2) : rnd(s, 6) == 0)) {
		err = clone_to(l, t, fd);
	} else if (rnd(s, 2)) {
		*len = l->r->pfx_size;
		err = overwrite(l, fd, map);
	} else {
		below = t->size / BS;
		*off = rnd(s, below) * (uint64_t)BS;
		*len = (1 + rnd(s, 16)) * (uint64_t)BS;
		if (*off + *len > below * BS)
			*len = below * BS - *off;
		if (o.racer == DEDUPE)
			err = dedupe(t, fd, *off, *len);
		else if (o.racer == UNSHARE)
			err = fallocate(fd, FALLOC_FL_UNSHARE_RANGE, *off, *len) ? errno : 0;
	}
	check_twin(l->r, t, false, "after the operation");
	return err;
}

/* A race begins and ends; between, only the racer uses it. */
void share_begin(struct lane *l)
{
	struct twin *t = calloc(1, sizeof(*t));

	l->share = t;
	snprintf(t->path, sizeof(t->path), "%s.twin", l->r->path);
	t->fd = open(t->path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	if (t->fd < 0 || posix_memalign((void **)&t->buf, BS, READ_CHUNK))
		complain(l->r, ERROR, "%s: %s", t->path, strerror(errno));
	if (o.racer == EXCHANGE && ftruncate(t->fd, TWIN_SIZE))
		complain(l->r, ERROR, "%s: %s", t->path, strerror(errno));
}

void share_end(struct lane *l)
{
	struct twin *t = l->share;

	if (o.racer == EXCHANGE)
		bring_back(l);
	check_twin(l->r, t, false, "at the end");
	fsync(t->fd);
	check_twin(l->r, t, true, "at the end");
	close(t->fd);
	unlink(t->path);
	free(t->buf);
	free(t);
	l->share = NULL;
}
