// SPDX-License-Identifier: GPL-2.0-only
/*
 * XFS_IOC_SWAPEXT, as no tool asks for it.
 *
 *	swapx [-o OFFSET] [-l LENGTH] [-t FLAGS] [-m FLAGS] [-s] [-w] [-3] TARGET TMP
 *
 * FLAGS are how the file is opened: r, w, rw, a (rw, appending).  -s: the times of TARGET that are passed are a second old; -w: it is
 * written to before it is looked at and again after that; -3: as a 32-bit program asks, by interrupt 0x80.  TMP may be - for no descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "dx_ioctl.h"

struct bstat_i386 { DX_BSTAT_FIELDS(struct dx_bstime32, __u64, __s64); } __attribute__((packed, aligned(4)));
struct swapext_i386 { DX_SWAPEXT_FIELDS(struct bstat_i386, __s64); } __attribute__((packed, aligned(4)));

static int flags_of(const char *s)
{
	return !strcmp(s, "r") ? O_RDONLY : !strcmp(s, "w") ? O_WRONLY : !strcmp(s, "a") ? O_RDWR | O_APPEND : O_RDWR;
}

static int ioctl_i386(int fd, unsigned int cmd, void *arg)
{
#ifdef __x86_64__
	int ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(54), "b"(fd), "c"(cmd), "d"(arg) : "memory", "r8", "r9", "r10", "r11");
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	return ret;
#else
	errno = ENOSYS;
	return -1;
#endif
}

static int swap32(int fd, const struct dx_swapext *x)
{
	struct swapext_i386 *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	s->sx_fdtarget = x->sx_fdtarget;
	s->sx_fdtmp = x->sx_fdtmp;
	s->sx_offset = x->sx_offset;
	s->sx_length = x->sx_length;
	s->sx_stat.bs_mtime.tv_sec = x->sx_stat.bs_mtime.tv_sec;
	s->sx_stat.bs_mtime.tv_nsec = x->sx_stat.bs_mtime.tv_nsec;
	s->sx_stat.bs_ctime.tv_sec = x->sx_stat.bs_ctime.tv_sec;
	s->sx_stat.bs_ctime.tv_nsec = x->sx_stat.bs_ctime.tv_nsec;
	return ioctl_i386(fd, _IOWR('X', 109, struct swapext_i386), s);
}

int main(int argc, char **argv)
{
	int c, fd, tmp, target_flags = O_RDWR, tmp_flags = O_RDWR, ret;
	bool stale = false, touched = false, narrow = false, whole = true;
	struct dx_swapext x = { };
	struct stat st;
	__u64 ino;
	__s32 n;
	struct dx_bulkreq req = { .lastip = &ino, .icount = 1, .ubuffer = &x.sx_stat, .ocount = &n };

	while ((c = getopt(argc, argv, "o:l:t:m:sw3")) > 0) {
		switch (c) {
		case 'o':
			x.sx_offset = strtoll(optarg, NULL, 0);
			break;
		case 'l':
			x.sx_length = strtoll(optarg, NULL, 0);
			whole = false;
			break;
		case 't':
			target_flags = flags_of(optarg);
			break;
		case 'm':
			tmp_flags = flags_of(optarg);
			break;
		case 's':
			stale = true;
			break;
		case 'w':
			touched = true;
			break;
		case '3':
			narrow = true;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2)
		return 2;
	fd = open(argv[optind], target_flags);
	tmp = strcmp(argv[optind + 1], "-") ? open(argv[optind + 1], tmp_flags) : 99;
	if (fd < 0 || tmp < 0 || fstat(fd, &st)) {
		printf("open: %s\n", strerror(errno));
		return 1;
	}
	ino = st.st_ino;
	/* of the two writes, within a tick of the clock as often as not, times tell only the first */
	if (touched && pwrite(fd, "w", 1, 0) != 1)
		printf("write: %s\n", strerror(errno));
	if (ioctl(fd, DX_IOC_FSBULKSTAT_SINGLE, &req)) {
		printf("bulkstat: %s\n", strerror(errno));
		return 1;
	}
	x.sx_fdtarget = fd;
	x.sx_fdtmp = tmp;
	if (whole)
		x.sx_length = st.st_size;
	if (stale)
		x.sx_stat.bs_mtime.tv_sec--;
	if (touched && pwrite(fd, "x", 1, 0) != 1)
		printf("write: %s\n", strerror(errno));
	ret = narrow ? swap32(fd, &x) : ioctl(fd, DX_IOC_SWAPEXT, &x);
	if (ret) {
		printf("%s\n", strerror(errno));
		return 1;
	}
	return 0;
}
