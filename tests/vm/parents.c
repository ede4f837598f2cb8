// SPDX-License-Identifier: GPL-2.0-only
/*
 * parents: what XFS_IOC_GETPARENTS and XFS_IOC_GETPARENTS_BY_HANDLE answer.
 *
 *	parents FILE [SIZE]	by descriptor, with a buffer of SIZE bytes (4096)
 *	parents -h FILE [SIZE]	and then by the handle of each parent found, up to the root
 *	parents -e FILE		what is refused, and how
 *	parents -l FILE DIR N C	makes N links, whose names are C repeated, and a number
 *	parents -x A B		exchanges two names;  -w A B: renames, and leaves a whiteout
 *
 * Prints each call: its flags, its records, and how much of the buffer was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "dx_ioctl.h"

static char *buf;
static int dirfd_of = -1;		/* handles are asked for through a directory */
static struct dx_handle first;		/* of the first parent */

static int one(int fd, struct dx_getparents_by_handle *h, unsigned int size)
{
	struct dx_getparents *gp = &h->gph_request;
	unsigned int off, end = size;
	int rc, n = 0;

	memset(buf, 0xaa, size);
	gp->gp_bufsize = size;
	gp->gp_buffer = (uintptr_t)buf;
	rc = h->gph_handle.ha_fid_ino ? ioctl(dirfd_of < 0 ? fd : dirfd_of, DX_IOC_GETPARENTS_BY_HANDLE, h) : ioctl(fd, DX_IOC_GETPARENTS, gp);
	if (rc) {
		printf("error: %s\n", strerror(errno));
		return -1;
	}
	while (end && (unsigned char)buf[end - 1] == 0xaa)
		end--;
	printf("flags %x, bufsize %u, %u bytes written\n", gp->gp_oflags, gp->gp_bufsize, end);
	for (off = 0; end && off + sizeof(struct dx_getparents_rec) <= size;) {
		struct dx_getparents_rec *r = (void *)(buf + off);

		if (!n++)
			first = r->gpr_parent;
		printf("  at %u, length %u, reserved %u: fsid %08x %08x len %u pad %u ino %llu gen %u \"%s\"\n", off, r->gpr_reclen,
		       r->gpr_reserved, r->gpr_parent.ha_fsid[0], r->gpr_parent.ha_fsid[1], r->gpr_parent.ha_fid_len,
		       r->gpr_parent.ha_fid_pad, (unsigned long long)r->gpr_parent.ha_fid_ino, r->gpr_parent.ha_fid_gen, r->gpr_name);
		if (r->gpr_reclen < sizeof(*r))
			break;
		off += r->gpr_reclen;
	}
	return gp->gp_oflags;
}

static int all(int fd, const struct dx_handle *h, unsigned int size)
{
	struct dx_getparents_by_handle g = { };
	int flags, calls = 0;

	if (h)
		g.gph_handle = *h;
	do
		flags = one(fd, &g, size);
	while (flags >= 0 && !(flags & DX_GETPARENTS_OFLAG_DONE) && ++calls < 5000);
	return flags;
}

static void errors(int fd)
{
	static const struct { const char *name; int at, width; unsigned long long v; } bad[] = {
		{ "nothing wrong", 0, 0, 0 },
		{ "input flags", 16, 2, 1 }, { "output flags", 18, 2, 0xffff }, { "reserved", 24, 8, 1 }, { "no buffer", 32, 8, 0 },
		{ "bufsize 0", 20, 4, 0 }, { "bufsize 31", 20, 4, 31 }, { "bufsize 32", 20, 4, 32 }, { "bufsize 33", 20, 4, 33 },
		{ "bufsize 39", 20, 4, 39 }, { "bufsize 40", 20, 4, 40 }, { "bufsize 41", 20, 4, 41 },
		{ "bufsize 65536", 20, 4, 65536 }, { "bufsize 65544", 20, 4, 65544 }, { "bufsize 1 MiB", 20, 4, 1 << 20 },
		{ "bufsize 2 GiB", 20, 4, 1ULL << 31 },
		{ "a cursor without its beginning", 0, 4, 7 },
	};
	static const struct { const char *name; int at, width; unsigned long long v; } badh[] = {
		{ "nothing wrong, by handle, through the file", 0, 0, 0 }, { "nothing wrong, by handle", 0, 0, 0 }, { "fsid", 0, 4, 1 }, { "fid_len", 8, 2, 13 }, { "fid_len of a short one", 8, 2, 10 },
		{ "fid_pad", 10, 2, 1 }, { "generation", 12, 4, 4711 }, { "ino 0", 16, 8, 0 }, { "ino of nobody", 16, 8, 0x7fff00000000ULL },
		{ "ino of a free one", 16, 8, 190 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dx_getparents gp = { .gp_bufsize = 4096, .gp_buffer = (uintptr_t)buf };
		int rc;

		memset(buf, 0, 1 << 20);
		memcpy((char *)&gp + bad[i].at, &bad[i].v, bad[i].width);
		rc = ioctl(fd, DX_IOC_GETPARENTS, &gp);
		printf("%s: %s", bad[i].name, rc ? strerror(errno) : "ok");
		if (!rc)
			printf(", flags %x, bufsize %u, first %u bytes", gp.gp_oflags, gp.gp_bufsize,
			       ((struct dx_getparents_rec *)buf)->gpr_reclen);
		printf("\n");
	}
	all(fd, NULL, 4096);
	for (i = 0; first.ha_fid_ino && i < sizeof(badh) / sizeof(*badh); i++) {
		struct dx_getparents_by_handle g = { .gph_handle = first };
		int rc;

		g.gph_request.gp_bufsize = 4096;
		g.gph_request.gp_buffer = (uintptr_t)buf;
		memcpy((char *)&g.gph_handle + badh[i].at, &badh[i].v, badh[i].width);
		rc = ioctl(i ? dirfd_of : fd, DX_IOC_GETPARENTS_BY_HANDLE, &g);
		printf("%s: %s\n", badh[i].name, rc ? strerror(errno) : "ok");
	}
}

static int links(const char *file, const char *dir, int n, char c)
{
	char path[4400];
	int i, len = strlen(dir);

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/", dir);
		memset(path + len + 1, c, i % 180);
		sprintf(path + len + 1 + i % 180, "%d", i);
		if (link(file, path)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int opt, up = 0, err = 0, how = 0, fd;
	unsigned int size;

	while ((opt = getopt(argc, argv, "hexwl")) > 0) {
		how |= opt == 'x' ? 2 : opt == 'w' ? 4 : opt == 'l' ? 64 : 0;	/* RENAME_EXCHANGE, RENAME_WHITEOUT */
		up |= opt == 'h';
		err |= opt == 'e';
	}
	if (optind + !!how >= argc)
		return 2;
	if (how == 64)
		return optind + 3 >= argc ? 2 : links(argv[optind], argv[optind + 1], atoi(argv[optind + 2]), argv[optind + 3][0]);
	if (how) {
		if (!syscall(SYS_renameat2, AT_FDCWD, argv[optind], AT_FDCWD, argv[optind + 1], how))
			return 0;
		perror("renameat2");
		return 1;
	}
	size = optind + 1 < argc ? atoi(argv[optind + 1]) : 4096;
	buf = malloc(1 << 20 > size ? 1 << 20 : size);
	fd = open(argv[optind], O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0) {
		perror(argv[optind]);
		return 2;
	}
	dirfd_of = open(".", O_RDONLY | O_DIRECTORY);
	if (err) {
		errors(fd);
		return 0;
	}
	opt = all(fd, NULL, size);
	for (int i = 0; up && opt >= 0 && !(opt & DX_GETPARENTS_OFLAG_ROOT) && first.ha_fid_ino && i < 100; i++) {
		struct dx_handle h = first;

		opt = all(fd, &h, size);
	}
	return opt < 0;
}
