// SPDX-License-Identifier: GPL-2.0-only
/*
 * has WHAT: status 0 if the kernel has it, 1 if not
 */
#include <errno.h>
#include <liburing.h>
#include <string.h>

static int has_io_uring(void)
{
	struct io_uring ring;

	if (io_uring_queue_init(2, &ring, 0))
		return 0;
	io_uring_queue_exit(&ring);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "io_uring"))
		return 2;
	return !has_io_uring();
}
