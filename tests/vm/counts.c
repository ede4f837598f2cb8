// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much is there, by all who tell: what stock XFS prints on the same volume is right.
 *
 * counts DIR          statfs(2), FSCOUNTS, GET_RESBLKS, AG_GEOMETRY of each AG
 * counts --ioctls DIR the reserve pool and FSCOUNTS as they change it; leaves the pool as it was
 * counts --gone DIR N N times: blocks that statfs still lacks just after this process has unlinked a file of 100 MiB and
 *                     synced; the most of them
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>
#include "dx_ioctl.h"

typedef unsigned long long ull;

static void die(const char *what)
{
	fprintf(stderr, "counts: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct statfs stat_of(int fd)
{
	struct statfs s;

	if (fstatfs(fd, &s))
		die("fstatfs");
	return s;
}

static void print_counts(int fd)
{
	struct dx_counts c;

	if (ioctl(fd, DX_IOC_FSCOUNTS, &c))
		die("FSCOUNTS");
	printf("counts freedata %llu freertx %llu freeino %llu allocino %llu\n", (ull)c.freedata, (ull)c.freertx, (ull)c.freeino,
	       (ull)c.allocino);
}

static int all(int fd)
{
	struct statfs s = stat_of(fd);
	struct dx_ag_geometry g = { 0 };
	struct dx_resblks r;

	printf("statfs blocks %llu bfree %llu bavail %llu files %llu ffree %llu\n", (ull)s.f_blocks, (ull)s.f_bfree,
	       (ull)s.f_bavail, (ull)s.f_files, (ull)s.f_ffree);
	print_counts(fd);
	if (ioctl(fd, DX_IOC_GET_RESBLKS, &r))
		die("GET_RESBLKS");
	printf("pool %llu avail %llu\n", (ull)r.resblks, (ull)r.resblks_avail);
	for (; !ioctl(fd, DX_IOC_AG_GEOMETRY, &g); g.ag_number++)
		printf("AG %u length %u freeblks %u icount %u ifree %u\n", g.ag_number, g.ag_length, g.ag_freeblks, g.ag_icount, g.ag_ifree);
	return 0;
}

static int ioctls(int fd)
{
	static const ull want[] = { 0, 1, 1000, 20000, 3000, 1ull << 40, 100, 1ull << 63, ~0ull };
	struct dx_resblks old, r;

	if (ioctl(fd, DX_IOC_GET_RESBLKS, &old))
		die("GET_RESBLKS");
	for (unsigned int i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		r = (struct dx_resblks){ .resblks = want[i] };
		errno = 0;
		ioctl(fd, DX_IOC_SET_RESBLKS, &r);
		printf("set %llx: %s: pool %llu avail %llu\n", want[i], strerrorname_np(errno), (ull)r.resblks, (ull)r.resblks_avail);
		if (ioctl(fd, DX_IOC_GET_RESBLKS, &r))
			die("GET_RESBLKS");
		printf("get: pool %llu avail %llu\n", (ull)r.resblks, (ull)r.resblks_avail);
		printf("statfs bfree %llu\n", (ull)stat_of(fd).f_bfree);
		print_counts(fd);
	}
	r = (struct dx_resblks){ .resblks = old.resblks };
	ioctl(fd, DX_IOC_SET_RESBLKS, &r);
	return 0;
}

static int gone(int fd, int n)
{
	static char buf[1 << 20];
	long long most = 0;

	for (int i = 0; i < n; i++) {
		long long before = stat_of(fd).f_bfree, lost;
		int f = openat(fd, "gone", O_CREAT | O_WRONLY, 0644);

		if (f < 0)
			die("gone");
		for (int k = 0; k < 100; k++)
			if (write(f, buf, sizeof(buf)) != sizeof(buf))
				die("write");
		if (i & 1)
			fsync(f);
		if (i & 2)
			close(f);
		if (unlinkat(fd, "gone", 0))
			die("unlink");
		if (!(i & 2))
			close(f);
		if (i & 4)
			syncfs(fd);
		else
			sync();
		lost = before - (long long)stat_of(fd).f_bfree;
		if (getenv("COUNTS_DEBUG"))
			printf("round %d: %lld\n", i, lost);
		most = lost > most ? lost : most;
	}
	printf("%lld\n", most);
	return 0;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[argc > 2 ? 2 : 1], O_RDONLY) : -1;

	if (fd < 0)
		die("usage: counts [--ioctls | --gone] DIR [N]");
	if (argc == 2)
		return all(fd);
	if (!strcmp(argv[1], "--ioctls"))
		return ioctls(fd);
	return gone(fd, argc > 3 ? atoi(argv[3]) : 8);
}
