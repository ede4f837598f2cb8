// SPDX-License-Identifier: GPL-2.0-only
/*
 * XFS_IOC_EXCHANGE_RANGE and XFS_IOC_COMMIT_RANGE, with arguments that xfs_io does not let through.
 *
 *	exch OP FILE1 OFF1 FILE2 OFF2 LEN [FLAGS [MODE1 [MODE2]]]
 *
 * OP: x exchange; c commit what has not changed; t commit what was touched in between; p exchange with padding that is not zero;
 * b with a descriptor that is none; s start a commit only; f print the times of file 2 that it gives.  FLAGS: letters: e to the end, s sync, n dry run, w written, or a number.
 * MODE: rw, r, w, a (append).  Says what became of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

struct args { int32_t fd1; uint32_t pad; uint64_t off1, off2, len, flags; };
struct commit { struct args x; uint64_t fresh[6]; };
#define EXCHANGE	_IOW('X', 129, struct args)
#define START		_IOR('X', 130, struct commit)
#define COMMIT		_IOW('X', 131, struct commit)

static int open_as(const char *path, const char *mode)
{
	int how = !strcmp(mode, "r") ? O_RDONLY : !strcmp(mode, "w") ? O_WRONLY : !strcmp(mode, "a") ? O_RDWR | O_APPEND : O_RDWR;
	int fd = open(path, how);

	if (fd < 0 && (errno == EISDIR || errno == ENXIO))
		fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

static uint64_t flags_of(const char *s)
{
	static const char letters[] = "esnw";
	uint64_t f = 0;

	if (*s >= '0' && *s <= '9')
		return strtoull(s, NULL, 0);
	for (; *s; s++)
		if (strchr(letters, *s))
			f |= 1ull << (strchr(letters, *s) - letters);
	return f;
}

int main(int argc, char **argv)
{
	struct commit c = { };
	int fd2, ret;
	char op;

	if (argc < 7)
		return 2;
	op = *argv[1];
	c.x.fd1 = op == 'b' ? 999 : open_as(argv[2], argc > 8 ? argv[8] : "rw");
	c.x.off1 = strtoull(argv[3], NULL, 0);
	fd2 = open_as(argv[4], argc > 9 ? argv[9] : "rw");
	c.x.off2 = strtoull(argv[5], NULL, 0);
	c.x.len = strtoull(argv[6], NULL, 0);
	c.x.flags = argc > 7 ? flags_of(argv[7]) : 0;
	c.x.pad = op == 'p';
	if (op == 'f') {
		ret = ioctl(fd2, START, &c);
		if (!ret)
			printf("%lld.%09u %lld.%09u\n", (long long)c.fresh[2], (unsigned int)c.fresh[4], (long long)c.fresh[3],
			       (unsigned int)(c.fresh[4] >> 32));
		return !!ret;
	}
	if (op == 'c' || op == 't' || op == 's') {
		struct commit fresh = { };

		ret = ioctl(fd2, START, &fresh);
		memcpy(c.fresh, fresh.fresh, sizeof(c.fresh));
		/* where times are coarse, a moment later */
		usleep(50000);
		if (!ret && op == 't' && (pwrite(fd2, "t", 1, 0) != 1))
			perror("pwrite");
		if (!ret && op != 's')
			ret = ioctl(fd2, COMMIT, &c);
	} else {
		ret = ioctl(fd2, EXCHANGE, &c.x);
	}
	puts(ret ? strerror(errno) : "done");
	return !!ret;
}
