// SPDX-License-Identifier: GPL-2.0-only
/*
 * iopoll FILE: polled I/O in flight, and a lockout by the one who would have to poll for it
 *
 * With IORING_SETUP_IOPOLL an I/O completes when its submitter polls. Writes and reads are submitted, and before anybody polls the
 * same thread calls fallocate, which waits until they have completed (L2). FILE is on a device that has queues to poll.
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

int main(int argc, char **argv)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	void *p;
	int fd, i, ret;

	if (argc != 2 || posix_memalign(&p, BS, 16 * BS))
		return 2;
	memset(p, 'x', 16 * BS);
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0644);
	if (fd < 0 || pwrite(fd, p, 16 * BS, 0) != 16 * BS || fsync(fd))
		die(argv[1], errno);
	ret = io_uring_queue_init(2 * N, &ring, IORING_SETUP_IOPOLL);
	if (ret)
		die("io_uring_queue_init", -ret);
	for (i = 0; i < N; i++) {
		io_uring_prep_write(io_uring_get_sqe(&ring), fd, p, BS, i * BS);
		io_uring_prep_read(io_uring_get_sqe(&ring), fd, (char *)p + (8 + i) * BS, BS, (8 + i) * BS);
	}
	ret = io_uring_submit(&ring);
	if (ret != 2 * N)
		die("io_uring_submit", ret < 0 ? -ret : EIO);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 14 * BS, BS))
		die("fallocate", errno);
	for (i = 0; i < 2 * N; i++) {
		ret = io_uring_wait_cqe(&ring, &cqe);
		if (ret)
			die("io_uring_wait_cqe", -ret);
		if (cqe->res != BS)
			die("a polled I/O", cqe->res < 0 ? -cqe->res : EIO);
		io_uring_cqe_seen(&ring, cqe);
	}
	puts("all completed");
	return 0;
}
