// SPDX-License-Identifier: GPL-2.0-only
/*
 * fsx [options] FILE: random operations on a file, each checked against a
 * plain array in memory (L3, L4, L5, L7: whatever mixes, the bytes are those that
 * one thread of operations leaves behind).
 *
 *   -s SEED -n OPS -l MAXLEN (640K)
 *   -m MODEL   load the array from MODEL if it exists (and check the file against it
 *              first), save it there at the end: the caller remounts in between
 *   -b BLOCK   block size for collapse and insert (4096)
 *   -a ALIGN   alignment of direct I/O (512)
 *   -d         no direct I/O
 *   -k         no SEEK_HOLE and SEEK_DATA
 *   -u         no io_uring
 *   -t         share blocks: with a twin, FILE.twin, and within the file.  Nobody writes to the twin but by cloning to it, so
 *              it must keep what it had then, whatever is written to the file
 *
 * Buffered, direct, libaio and io_uring reads and writes, mapped reads and writes, truncate,
 * fallocate in all modes, the old space ioctls, fsync, O_DSYNC, dropping the cache, SEEK_HOLE/DATA
 * (a hole must read as zeroes). On a difference: the last operations, and where.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct flock64x {
	int16_t type, whence;
	int64_t start, len;
	int32_t sysid;
	uint32_t pid;
	int32_t pad[4];
};
#define X_ALLOCSP64	_IOW('X', 36, struct flock64x)
#define X_FREESP64	_IOW('X', 37, struct flock64x)
#define X_RESVSP64	_IOW('X', 42, struct flock64x)
#define X_UNRESVSP64	_IOW('X', 43, struct flock64x)
#define X_ZERO_RANGE	_IOW('X', 57, struct flock64x)

static uint64_t seed = 1;
static long nops = 1000, maxlen = 640 << 10, blk = 4096, align = 512, size;
static int fd, dfd, sfd, nodirect, have_aio, have_ring;
static char *model, *tmp, *file;
static char *twin_model;	/* NULL: no sharing */
static long twin_size;
static int tfd, noseek;
static char logline[64][120];
static long op;
static io_context_t aio;
static struct io_uring ring;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static void note(const char *f, ...)
{
	va_list ap;

	va_start(ap, f);
	vsnprintf(logline[op % 64], 120, f, ap);
	va_end(ap);
}

static void __attribute__((noreturn)) die(const char *f, ...)
{
	va_list ap;
	int e = errno;

	printf("fsx: operation %ld: ", op);
	va_start(ap, f);
	vprintf(f, ap);
	va_end(ap);
	printf(" (errno %s)\nlast operations:\n", strerrorname_np(e));
	for (long i = op > 24 ? op - 24 : 0; i <= op; i++)
		printf("%6ld %s\n", i, logline[i % 64]);
	exit(1);
}

static void compare(const char *got, long off, long len, const char *how)
{
	if (!memcmp(got, model + off, len))
		return;
	long a = 0, b = len - 1;

	while (got[a] == model[off + a])
		a++;
	while (got[b] == model[off + b])
		b--;
	die("%s at %lx+%lx differs from %lx to %lx (size %lx): file %02x%02x%02x%02x, should be %02x%02x%02x%02x", how, off, len, off + a,
	    off + b + 1, size, got[a] & 255, got[a + 1] & 255, got[a + 2] & 255, got[a + 3] & 255, model[off + a] & 255,
	    model[off + a + 1] & 255, model[off + a + 2] & 255, model[off + a + 3] & 255);
}

static void check_size(void)
{
	struct stat st;

	if (fstat(fd, &st))
		die("fstat");
	if (st.st_size != size)
		die("size is %llx, should be %lx", (long long)st.st_size, size);
}

static void fill(long off, long len)
{
	uint64_t r = rnd();

	for (long i = 0; i < len; i++)
		tmp[i] = (char)((r >> (i & 7) * 8) + i + (i >> 8) + 1) | 1;
	memcpy(model + off, tmp, len);
	if (off + len > size)
		size = off + len;
}

static long direct(int write, long off, long len, int how)
{
	int f = dfd;

	if (how == 1 && have_aio) {
		struct iocb cb, *p = &cb;
		struct io_event ev;

		if (write)
			io_prep_pwrite(&cb, f, tmp, len, off);
		else
			io_prep_pread(&cb, f, tmp, len, off);
		if (io_submit(aio, 1, &p) != 1 || io_getevents(aio, 1, 1, &ev, NULL) != 1)
			die("io_submit");
		if ((long)ev.res < 0)
			errno = -(long)ev.res;
		return ev.res;
	}
	if (how == 2 && have_ring) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		struct iovec v = { tmp, len };	/* what kernels before 5.6 have */
		struct io_uring_cqe *cqe;
		long r;

		if (write)
			io_uring_prep_writev(sqe, f, &v, 1, off);
		else
			io_uring_prep_readv(sqe, f, &v, 1, off);
		if (io_uring_submit(&ring) != 1 || io_uring_wait_cqe(&ring, &cqe))
			die("io_uring");
		r = cqe->res;
		io_uring_cqe_seen(&ring, cqe);
		if (r < 0)
			errno = -r;
		return r;
	}
	return write ? pwrite(f, tmp, len, off) : pread(f, tmp, len, off);
}

static const char *const ways[] = { "", "-aio", "-uring" };

static void do_write(long off, long len, int how)
{
	int f = how == 4 ? sfd : fd;

	note("write%s %lx+%lx size %lx", how == 4 ? "-dsync" : "", off, len, size);
	fill(off, len);
	if (pwrite(f, tmp, len, off) != len)
		die("write");
}

static void do_dwrite(long off, long len, int how)
{
	off -= off % align;
	len = (len + align - 1) / align * align;
	if (off + len > maxlen)
		len = (maxlen - off) / align * align;
	note("dwrite%s %lx+%lx size %lx", ways[how], off, len, size);
	if (!len)
		return;
	fill(off, len);
	long r = direct(1, off, len, how);

	if (r != len)
		die("direct write returned %ld", r);
}

static void do_read(long off, long len)
{
	note("read %lx+%lx size %lx", off, len, size);
	long want = off >= size ? 0 : off + len > size ? size - off : len, r = pread(fd, tmp, len, off);

	if (r != want)
		die("read returned %ld, should be %ld", r, want);
	compare(tmp, off, want, "read");
}

static void do_dread(long off, long len, int how)
{
	off -= off % align;
	len = (len + align - 1) / align * align;
	note("dread%s %lx+%lx size %lx", ways[how], off, len, size);
	long want = off >= size ? 0 : off + len > size ? size - off : len, r = direct(0, off, len, how);

	if (r != want)
		die("direct read returned %ld, should be %ld", r, want);
	compare(tmp, off, want, "direct read");
}

static void do_map(long off, long len, int write)
{
	if (off >= size) {
		note("map skipped");
		return;
	}
	if (off + len > size)
		len = size - off;
	note("map%s %lx+%lx size %lx", write ? "write" : "read", off, len, size);
	long base = off & ~4095l;
	char *p = mmap(NULL, off + len - base, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, base);

	if (p == MAP_FAILED)
		die("mmap");
	if (write) {
		fill(off, len);
		memcpy(p + off - base, tmp, len);
		if (rnd() % 3 == 0 && msync(p, off + len - base, MS_SYNC))
			die("msync");
	} else {
		compare(p + off - base, off, len, "mapped read");
		/* and the rest of the last page is empty */
		if (off + len == size)
			for (long i = size; i & 4095; i++)
				if (p[i - base])
					die("a byte behind the end of the file in its last page is %02x", p[i - base]);
	}
	munmap(p, off + len - base);
}

static void resize(long n)
{
	if (n < size)
		memset(model + n, 0, size - n);
	else
		memset(model + size, 0, n - size);
	size = n;
}

static void do_truncate(long n, int how)
{
	static const char *const name[] = { "ftruncate", "truncate", "ALLOCSP", "FREESP" };
	struct flock64x fl = { .start = n };
	int r;

	note("%s %lx size %lx", name[how], n, size);
	switch (how) {
	case 0: r = ftruncate(fd, n); break;
	case 1: r = truncate(file, n); break;
	default:
		fl.whence = rnd() % 3;
		if (fl.whence == 1) {
			long at = rnd() % maxlen;

			lseek(fd, at, SEEK_SET);
			fl.start = n - at;
		} else if (fl.whence == 2) {
			fl.start = n - size;
		}
		r = ioctl(fd, how == 2 ? X_ALLOCSP64 : X_FREESP64, &fl);
		/* gone from kernels since 5.17: then it is an unknown ioctl */
		if (r && errno == ENOTTY) {
			note("%s not there", name[how]);
			return;
		}
	}
	if (r)
		die("%s", name[how]);
	resize(n);
}

static void zero(long off, long len)
{
	if (off < size)
		memset(model + off, 0, off + len > size ? size - off : len);
}

static void do_falloc(int mode, const char *name, long off, long len)
{
	note("%s %lx+%lx size %lx", name, off, len, size);
	if (fallocate(fd, mode, off, len))
		die("%s", name);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		zero(off, len);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && off + len > size)
		resize(off + len);
}

static void do_space(unsigned int cmd, const char *name, long off, long len)
{
	struct flock64x fl = { .start = off, .len = len, .whence = rnd() % 3 };

	if (fl.whence == 1) {
		lseek(fd, off / 2, SEEK_SET);
		fl.start = off - off / 2;
	} else if (fl.whence == 2) {
		fl.start = off - size;
	}
	note("%s whence %d %lx+%lx size %lx", name, fl.whence, off, len, size);
	if (ioctl(fd, cmd, &fl))
		die("%s", name);
	if (cmd != X_RESVSP64)
		zero(off, len);
	/* ZERO_RANGE grows the file only through fallocate */
	if (cmd == X_ZERO_RANGE) {
		struct stat st;

		fstat(fd, &st);
		if (st.st_size != size && st.st_size != (off + len > size ? off + len : size))
			die("ZERO_RANGE made the size %llx", (long long)st.st_size);
		if (st.st_size > size)
			resize(st.st_size);
	}
}

static void do_shift(int insert, long off, long len)
{
	off = off / blk * blk;
	len = (len + blk - 1) / blk * blk;
	if (!insert) {
		if (off + len >= size) {
			note("collapse skipped");
			return;
		}
		note("collapse %lx+%lx size %lx", off, len, size);
		if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, off, len))
			die("collapse");
		memmove(model + off, model + off + len, size - off - len);
		memset(model + size - len, 0, len);
		size -= len;
	} else {
		if (off >= size || size + len > maxlen) {
			note("insert skipped");
			return;
		}
		note("insert %lx+%lx size %lx", off, len, size);
		if (fallocate(fd, FALLOC_FL_INSERT_RANGE, off, len))
			die("insert");
		memmove(model + off + len, model + off, size - off);
		memset(model + off, 0, len);
		size += len;
	}
}

static void seek_through(void)
{
	off_t pos = 0, data, hole;

	while (pos < size) {
		data = lseek(fd, pos, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			die("SEEK_DATA from %llx", (long long)pos);
		if (data < 0)
			data = size;
		for (long i = pos; i < data; i++)
			if (model[i])
				die("SEEK_DATA from %llx says %llx, but %lx has data", (long long)pos, (long long)data, i);
		if (data >= size)
			break;
		hole = lseek(fd, data, SEEK_HOLE);
		/*
		 * With blocks smaller than pages the kernel's look into the page cache, at the end
		 * of an unwritten extent, takes a cached block of the hole behind it for data.
		 */
		if (hole == data && blk < 4096 && data % blk == 0) {
			pos = data + blk;
			continue;
		}
		if (hole <= data || hole > size)
			die("SEEK_HOLE from %llx says %llx", (long long)data, (long long)hole);
		pos = hole;
	}
}

/* What FIEMAP tells, without its own sync: no byte of data lies outside of all extents. */
static void fiemap_through(void)
{
	static union { struct fiemap map; char room[sizeof(struct fiemap) + 512 * sizeof(struct fiemap_extent)]; } m;
	off_t pos = 0;

	memset(&m, 0, sizeof(m));
	m.map.fm_length = ~0ull;
	m.map.fm_extent_count = 512;
	if (ioctl(fd, FS_IOC_FIEMAP, &m.map))
		die("fiemap");
	for (unsigned int k = 0; k <= m.map.fm_mapped_extents && pos < size; k++) {
		const struct fiemap_extent *e = &m.map.fm_extents[k];
		off_t from = k < m.map.fm_mapped_extents ? (off_t)e->fe_logical : m.map.fm_mapped_extents < 512 ? size : pos;

		for (off_t i = pos; i < from && i < size; i++)
			if (model[i])
				die("FIEMAP tells of no extent at %llx, which has data", (long long)i);
		if (k < m.map.fm_mapped_extents)
			pos = e->fe_logical + e->fe_length;
	}
}

/* As it is, with what is dirty and set aside for copies, and when it is written. */
static void do_seek(void)
{
	note("seek size %lx", size);
	if (noseek)
		return;
	seek_through();
	fiemap_through();	/* may write it */
	if (fdatasync(fd))
		die("fdatasync");
	seek_through();
}

/* ---- shared blocks ---- */

static void check_twin(void)
{
	struct stat st;
	long r;

	if (fstat(tfd, &st))
		die("fstat");
	if (st.st_size != twin_size)
		die("the twin's size is %llx, should be %lx", (long long)st.st_size, twin_size);
	if (rnd() % 2)
		posix_fadvise(tfd, 0, 0, POSIX_FADV_DONTNEED);
	r = pread(tfd, tmp, maxlen, 0);
	if (r != twin_size)
		die("reading the twin returned %ld, should be %ld", r, twin_size);
	if (memcmp(tmp, twin_model, twin_size)) {
		long a = 0;

		while (tmp[a] == twin_model[a])
			a++;
		die("the twin has %02x at %lx, should have %02x", tmp[a] & 255, a, twin_model[a] & 255);
	}
}

/* The whole file becomes the twin, or the twin the file. */
static void do_clone_all(int back)
{
	note(back ? "clone from twin, size %lx" : "clone to twin, size %lx", back ? twin_size : size);
	if (back ? ftruncate(fd, 0) || ioctl(fd, FICLONE, tfd) : ftruncate(tfd, 0) || ioctl(tfd, FICLONE, fd))
		die("FICLONE");
	if (back) {
		resize(0);
		memcpy(model, twin_model, twin_size);
		size = twin_size;
	} else {
		memcpy(twin_model, model, size);
		twin_size = size;
	}
}

static long to_blk(long n) { return n / blk * blk; }

/* A range of the file (from @from on) appears at @to: in the file, or in the twin. */
static void do_clone_range(int twin, long from, long to, long len)
{
	char *m = twin ? twin_model : model;
	long *sz = twin ? &twin_size : &size;
	struct file_clone_range r = { .src_fd = fd };

	from = to_blk(from);
	to = to_blk(to);
	if (from >= size || (!twin && from == to)) {
		note("clone range skipped");
		return;
	}
	if (!twin && len > labs(from - to))
		len = labs(from - to);
	if (from + len > size)
		len = size - from;
	/* a part of a block only to the end of both */
	if (from + len < size || to + len < *sz)
		len = to_blk(len);
	if (to + len > maxlen)
		len = to_blk(maxlen - to);
	note("clone%s %lx+%lx to %lx, sizes %lx %lx", twin ? " to twin" : "", from, len, to, size, *sz);
	if (len <= 0)
		return;
	r.src_offset = from;
	r.src_length = len;
	r.dest_offset = to;
	if (ioctl(twin ? tfd : fd, FICLONERANGE, &r))
		die("FICLONERANGE");
	if (to > *sz)
		memset(m + *sz, 0, to - *sz);
	memmove(m + to, model + from, len);
	if (to + len > *sz)
		*sz = to + len;
}

/* What is the same in both becomes shared, what differs does not. */
static void do_dedupe(long off, long len)
{
	struct { struct file_dedupe_range r; struct file_dedupe_range_info i; } d = { };
	int same;

	off = to_blk(off);
	if (off + len > size)
		len = size - off;
	if (off + len > twin_size)
		len = twin_size - off;
	len = to_blk(len);
	note("dedupe %lx+%lx, sizes %lx %lx", off, len, size, twin_size);
	if (len <= 0)
		return;
	same = !memcmp(model + off, twin_model + off, len);
	d.r.src_offset = off;
	d.r.src_length = len;
	d.r.dest_count = 1;
	d.i.dest_fd = tfd;
	d.i.dest_offset = off;
	if (ioctl(fd, FIDEDUPERANGE, &d.r))
		die("FIDEDUPERANGE");
	if (same ? d.i.status || (long)d.i.bytes_deduped != len : d.i.status != FILE_DEDUPE_RANGE_DIFFERS)
		die("dedupe of what %s: status %d, %llu bytes", same ? "is the same" : "differs", d.i.status,
		    (unsigned long long)d.i.bytes_deduped);
}

static void do_copy(long from, long to, long len)
{
	off_t in = from, out = to;
	ssize_t r;

	if (from + len > size)
		len = size - from;
	note("copy_file_range %lx+%lx to twin %lx, sizes %lx %lx", from, len, to, size, twin_size);
	if (len <= 0)
		return;
	r = copy_file_range(fd, &in, tfd, &out, len, 0);
	if (r <= 0 || r > len)
		die("copy_file_range returned %ld", (long)r);
	if (to > twin_size)
		memset(twin_model + twin_size, 0, to - twin_size);
	memcpy(twin_model + to, model + from, r);
	if (to + r > twin_size)
		twin_size = to + r;
}

static void do_share(long off, long len)
{
	long other = rnd() % maxlen;

	switch (rnd() % 10) {
	case 0: case 1:	do_clone_all(0); break;
	case 2:		do_clone_all(1); break;
	case 3: case 4:	do_clone_range(1, off, rnd() % 2 ? off : other, len); break;
	case 5: case 6:	do_clone_range(0, off, other, len); break;
	case 7:		do_dedupe(off, len); break;
	case 8:		do_copy(off, other, len < maxlen - other ? len : maxlen - other); break;
	default:	do_falloc(FALLOC_FL_UNSHARE_RANGE, "unshare", off, len); break;
	}
	check_twin();
}

static void check_all(void)
{
	long r;

	check_size();
	r = pread(fd, tmp, maxlen, 0);
	if (r != size)
		die("reading everything returned %ld, should be %ld", r, size);
	compare(tmp, 0, size, "reading everything");
}

int main(int argc, char **argv)
{
	const char *save = NULL;
	int c, share = 0, noring = 0;

	while ((c = getopt(argc, argv, "s:n:l:m:b:a:dktu")) != -1)
		switch (c) {
		case 's': seed = strtoull(optarg, NULL, 0) * 0x9e3779b97f4a7c15ull + 1; break;
		case 'n': nops = atol(optarg); break;
		case 'l': maxlen = atol(optarg); break;
		case 'm': save = optarg; break;
		case 'b': blk = atol(optarg); break;
		case 'a': align = atol(optarg); break;
		case 'd': nodirect = 1; break;
		case 'k': noseek = 1; break;
		case 't': share = 1; break;
		case 'u': noring = 1; break;
		default: return 2;
		}
	file = argv[optind];
	if (!file)
		return 2;
	if (posix_memalign((void **)&model, 4096, maxlen + (1 << 20)) || posix_memalign((void **)&tmp, 4096, maxlen + (1 << 20)))
		return 2;
	memset(model, 0, maxlen + (1 << 20));
	fd = open(file, O_CREAT | O_RDWR, 0644);
	sfd = open(file, O_RDWR | O_DSYNC);
	dfd = nodirect ? -1 : open(file, O_RDWR | O_DIRECT);
	if (fd < 0 || sfd < 0 || (!nodirect && dfd < 0))
		die("open");
	if (share) {
		char name[4096];

		snprintf(name, sizeof(name), "%s.twin", file);
		tfd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);
		twin_model = calloc(1, maxlen + (1 << 20));
		if (tfd < 0 || !twin_model)
			die("%s", name);
	}
	have_aio = !io_setup(8, &aio);
	have_ring = !noring && !io_uring_queue_init(8, &ring, 0);
	if (!save || access(save, F_OK)) {
		if (ftruncate(fd, 0))
			die("ftruncate");
	} else {
		int m = open(save, O_RDONLY);

		if (m >= 0) {
			size = read(m, model, maxlen);
			close(m);
			note("contents left by the last run");
			check_all();
		}
	}
	for (op = 1; op <= nops; op++) {
		long off = rnd() % maxlen, len = rnd() % (rnd() % 4 ? 16384 : 131072) + 1;
		int k = rnd() % 100;

		if (rnd() % 3 == 0)
			off &= ~4095l;
		if (rnd() % 4 == 0)
			len = (len + 4095) & ~4095l;
		if (rnd() % 5 == 0)
			off = size < maxlen ? size : 0;		/* append */
		if (off + len > maxlen)
			len = maxlen - off;
		if (len <= 0)
			len = 1, off = 0;
		if (nodirect && k >= 30 && k < 54)
			k -= 30;
		if (share && rnd() % 8 == 0) do_share(off, len);
		else if (k < 14) do_write(off, len, 0);
		else if (k < 17) do_write(off, len > 8192 ? 8192 : len, 4);
		else if (k < 30) do_read(off, len);
		else if (k < 46) do_dwrite(off, len, rnd() % 3);
		else if (k < 54) do_dread(off, len, rnd() % 3);
		else if (k < 62) do_map(off, len, 1);
		else if (k < 66) do_map(off, len, 0);
		else if (k < 70) do_truncate(off, rnd() % 4);
		else if (k < 73) do_falloc(0, "allocate", off, len);
		else if (k < 75) do_falloc(FALLOC_FL_KEEP_SIZE, "keep", off, len);
		else if (k < 80) do_falloc(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch", off, len);
		else if (k < 83) do_falloc(FALLOC_FL_ZERO_RANGE, "zero", off, len);
		else if (k < 85) do_falloc(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero-keep", off, len);
		else if (k < 88) do_shift(0, off, len);
		else if (k < 91) do_shift(1, off, len);
		else if (k < 92) do_space(X_RESVSP64, "RESVSP", off, len);
		else if (k < 93) do_space(X_UNRESVSP64, "UNRESVSP", off, len);
		else if (k < 94) do_space(X_ZERO_RANGE, "ZERO_RANGE", off, len);
		else if (k < 95) do_seek();
		else if (k < 97) {
			note("fsync");
			if (rnd() % 2 ? fsync(fd) : fdatasync(fd))
				die("fsync");
		} else if (k < 99) {
			note("drop cache");
			if (fdatasync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
				die("fadvise");
		} else {
			note("check");
			check_all();
		}
		check_size();
	}
	op = nops;
	check_all();
	if (share)
		check_twin();
	do_seek();
	if (save) {
		int m = open(save, O_CREAT | O_TRUNC | O_WRONLY, 0644);

		if (write(m, model, size) != size)
			die("%s", save);
	}
	printf("%ld operations, size %lx\n", nops, size);
	return 0;
}
