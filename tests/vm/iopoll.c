// SPDX-License-Identifier: GPL-2.0-only
/*
 * iopoll FILE: polled I/O in flight, and space operations by the one who would have to poll for it; a chain of them
 *
 * With IORING_SETUP_IOPOLL an I/O completes when its submitter polls. Writes and reads are submitted, and before anybody polls the
 * same thread calls fallocate, which waits until they have completed: all of them (L2), or, in a file that keeps book of ranges,
 * those in its range; or waits for none, when it only adds blocks. FILE is on a device that has queues to poll.
 *
 * Then, by a ring without polling: write, make a hole, read, linked, with fixed buffers, each of which must see what the one before did.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BS	4096
#define N	4

static void die(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(error));
	exit(1);
}

static void *memory(void)
{
	void *p;

	if (posix_memalign(&p, BS, 16 * BS))
		die("memory", ENOMEM);
	return memset(p, 'x', 16 * BS);
}

static void wait_for(struct io_uring *ring, int n, int len)
{
	struct io_uring_cqe *cqe;

	for (int i = 0; i < n; i++) {
		int ret = io_uring_wait_cqe(ring, &cqe);

		if (ret)
			die("io_uring_wait_cqe", -ret);
		if (cqe->res != len && cqe->res)	/* fallocate says 0 */
			die("an I/O", cqe->res < 0 ? -cqe->res : EIO);
		io_uring_cqe_seen(ring, cqe);
	}
}

static void polled(int fd, char *p, int mode, int block, const char *what)
{
	struct io_uring ring;
	int i, ret = io_uring_queue_init(2 * N, &ring, IORING_SETUP_IOPOLL);

	if (ret)
		die("io_uring_queue_init", -ret);
	for (i = 0; i < N; i++) {
		io_uring_prep_write(io_uring_get_sqe(&ring), fd, p, BS, i * BS);
		io_uring_prep_read(io_uring_get_sqe(&ring), fd, p + (8 + i) * BS, BS, (8 + i) * BS);
	}
	ret = io_uring_submit(&ring);
	if (ret != 2 * N)
		die("io_uring_submit", ret < 0 ? -ret : EIO);
	if (fallocate(fd, mode, block * BS, BS))
		die(what, errno);
	wait_for(&ring, 2 * N, BS);
	io_uring_queue_exit(&ring);
	printf("%s: all completed\n", what);
}

static void linked(int fd, char *p)
{
	struct iovec v = { p, 16 * BS };
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	int ret = io_uring_queue_init(8, &ring, 0);

	if (!ret)
		ret = io_uring_register_buffers(&ring, &v, 1);
	if (ret)
		die("io_uring_queue_init, register_buffers", -ret);
	memset(p, 'L', 4 * BS);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_write_fixed(sqe, fd, p, 4 * BS, 0, 0);
	sqe->flags |= IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BS, 2 * BS);
	sqe->flags |= IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_read_fixed(sqe, fd, p + 8 * BS, 4 * BS, 0, 0);
	ret = io_uring_submit(&ring);
	if (ret != 3)
		die("io_uring_submit", ret < 0 ? -ret : EIO);
	wait_for(&ring, 3, 4 * BS);
	for (int i = 0; i < 4 * BS; i++) {
		if (p[8 * BS + i] != (i < BS || i >= 3 * BS ? 'L' : 0)) {
			fprintf(stderr, "linked: byte %d is %d\n", i, p[8 * BS + i]);
			exit(1);
		}
	}
	io_uring_queue_exit(&ring);
	puts("a chain: each saw what the one before did");
}

int main(int argc, char **argv)
{
	void *p = memory();
	int fd;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);
	if (fd < 0 || pwrite(fd, p, 16 * BS, 0) != 16 * BS || fsync(fd))
		die(argv[1], errno);
	polled(fd, p, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 14, "a hole, the first");
	polled(fd, p, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 13, "a hole beside the I/O");
	polled(fd, p, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, "a hole under the I/O");
	polled(fd, p, FALLOC_FL_ZERO_RANGE, 9, "zeroes under the I/O");
	polled(fd, p, FALLOC_FL_KEEP_SIZE, 14, "blocks inside");
	polled(fd, p, 0, 16, "blocks behind the end");
	linked(fd, p);
	return 0;
}
