// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctls DIR: calls the XFS ioctls with good and bad arguments and prints
 * the answers; like posix, what stock XFS prints on the same kernel is right.
 *
 * ioctls --resize DIR: ALLOCSP and FREESP, which newer stock kernels no longer have, in all their forms; exit status 1
 * and a line for each that leaves another size or content than it should.
 *
 * The forms of 32-bit programs are called as those call them, by interrupt 0x80: the kernel takes the compat path for it
 * whatever the program is.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "dx_ioctl.h"

static void say(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, r);
	fflush(stdout);
}
#define E(x) (errno = 0, say(#x, (long)(x)))

static int mk(const char *name, long len)
{
	static char b[65536];
	int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);

	memset(b, 'x', sizeof(b));
	for (long at = 0; at < len; at += sizeof(b))
		if (pwrite(fd, b, len - at < (long)sizeof(b) ? len - at : (long)sizeof(b), at) < 0)
			perror(name);
	fsync(fd);
	return fd;
}

static void *low(void)
{
	static void *page;

	if (!page)
		page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	return page;
}

static long ioctl_i386(int fd, unsigned int cmd, unsigned long arg)
{
	long r;

	/* __NR_ioctl of i386 is 54 */
	asm volatile("int $0x80" : "=a" (r) : "a" (54L), "b" ((long)fd), "c" ((long)cmd), "d" (arg) : "memory", "r8", "r9", "r10", "r11");
	r = (int)r;
	if (r < 0 && r > -4096) {
		errno = -r;
		return -1;
	}
	return r;
}

/* A space ioctl, natively or as a 32-bit program; @cmd is the native number. */
static long space_ioctl(int fd, unsigned int cmd, int whence, long long start, long long len, int i386)
{
	struct dx_flock64 fl = { .l_whence = whence, .l_start = start, .l_len = len };
	struct dx_flock64_i386 *f = low();

	if (!i386)
		return ioctl(fd, cmd, &fl);
	*f = (struct dx_flock64_i386) { .l_whence = whence, .l_start = start, .l_len = len };
	return ioctl_i386(fd, _IOW('X', _IOC_NR(cmd), struct dx_flock64_i386), (unsigned long)f);
}

/* L7: the old ioctls are the same operations; whence is resolved against position and size. */
static void space(void)
{
	static const struct { const char *name; unsigned int cmd; } cmds[] = {
		{ "RESVSP", DX_IOC_RESVSP }, { "RESVSP64", DX_IOC_RESVSP64 }, { "UNRESVSP", DX_IOC_UNRESVSP }, { "UNRESVSP64", DX_IOC_UNRESVSP64 },
		{ "ZERO_RANGE", DX_IOC_ZERO_RANGE } };
	static const struct { int whence; long long start, len; } args[] = {
		{ 0, 0, 65536 }, { 0, 100, 200 }, { 0, 8192, 8192 }, { 1, 0, 4096 }, { 1, -4096, 8192 }, { 1, -10000, 4096 }, { 2, 0, 4096 }, { 2, -4096, 8192 },
		{ 2, 100, 100000 }, { 2, -1000000, 4096 }, { 3, 0, 4096 }, { -1, 0, 4096 }, { 0, -1, 4096 }, { 0, 0, 0 }, { 0, 0, -1 }, { 0, 4096, -4096 },
		{ 0, LLONG_MAX, 1 }, { 0, 1ll << 62, 1ll << 62 }, { 2, LLONG_MAX - 100, 4096 } };

	for (size_t c = 0; c < 2 * sizeof(cmds) / sizeof(*cmds); c++)
		for (size_t a = 0; a < sizeof(args) / sizeof(*args); a++) {
			int i386 = c & 1;
			char what[100];
			struct stat st;
			int fd = mk("space", 30000);
			long sum = 0;
			char b[40000];
			ssize_t n;

			lseek(fd, 5000, SEEK_SET);
			sprintf(what, "%s%s %d %lld %lld", i386 ? "32-bit " : "", cmds[c / 2].name, args[a].whence, args[a].start, args[a].len);
			errno = 0;
			say(what, space_ioctl(fd, cmds[c / 2].cmd, args[a].whence, args[a].start, args[a].len, i386));
			fsync(fd);
			fstat(fd, &st);
			n = pread(fd, b, sizeof(b), 0);
			for (ssize_t i = 0; i < n; i++)
				sum += b[i] * (i + 1);
			printf("  size %lld sum %ld position %lld\n", (long long)st.st_size, sum, (long long)lseek(fd, 0, SEEK_CUR));
			close(fd);
			unlink("space");
		}
	int ro = open("ro", O_CREAT | O_RDONLY, 0644), ap = open("ro", O_WRONLY | O_APPEND), d = open(".", O_RDONLY);
	struct dx_flock64 fl = { .l_len = 4096 };

	E(ioctl(ro, DX_IOC_RESVSP64, &fl));
	E(ioctl(ap, DX_IOC_RESVSP64, &fl));
	E(ioctl(d, DX_IOC_RESVSP64, &fl));
	E(ioctl(ap, DX_IOC_RESVSP64, NULL));
	E(ioctl(ap, DX_IOC_RESVSP64, (void *)1));
	E(ioctl_i386(ap, _IOW('X', 42, struct dx_flock64_i386), 1));
	E(space_ioctl(ro, DX_IOC_RESVSP64, 0, 0, 4096, 1));
	E(space_ioctl(d, DX_IOC_RESVSP64, 0, 0, 4096, 1));
}

/* The size becomes start, whatever it was; what is cut off and grown again is zeros; growth has blocks. */
static int resize(void)
{
	static const struct { const char *name; unsigned int cmd; } cmds[] = {
		{ "ALLOCSP", DX_IOC_ALLOCSP }, { "ALLOCSP64", DX_IOC_ALLOCSP64 }, { "FREESP", DX_IOC_FREESP }, { "FREESP64", DX_IOC_FREESP64 } };
	enum { SIZE = 30000, POS = 5000 };
	static const struct { int whence; long long start, want; int error; } args[] = {
		{ 0, 65536, 65536, 0 }, { 0, 0, 0, 0 }, { 0, SIZE, SIZE, 0 }, { 0, 12345, 12345, 0 }, { 1, 0, POS, 0 }, { 1, 20000, POS + 20000, 0 }, { 1, -POS, 0, 0 },
		{ 1, -POS - 1, SIZE, EINVAL }, { 2, 0, SIZE, 0 }, { 2, 100000, SIZE + 100000, 0 }, { 2, -SIZE, 0, 0 }, { 2, -1, SIZE - 1, 0 }, { 2, -SIZE - 1, SIZE, EINVAL },
		{ 2, LLONG_MAX, SIZE, EINVAL }, { 3, 0, SIZE, EINVAL }, { -1, 0, SIZE, EINVAL }, { 0, -1, SIZE, EINVAL }, { 0, LLONG_MAX, SIZE, ENOSPC } };
	static char b[200000];
	int bad = 0;

	for (size_t c = 0; c < 2 * sizeof(cmds) / sizeof(*cmds); c++)
		for (size_t a = 0; a < sizeof(args) / sizeof(*args); a++) {
			int fd = mk("resize", SIZE), error, wrong;
			struct stat st;
			ssize_t n, i;
			long r;

			lseek(fd, POS, SEEK_SET);
			errno = 0;
			/* the length has no say */
			r = space_ioctl(fd, cmds[c / 2].cmd, args[a].whence, args[a].start, a % 3 ? 0 : 4096, c & 1);
			error = r ? errno : 0;
			fstat(fd, &st);
			n = pread(fd, b, sizeof(b), 0);
			for (i = 0; i < n && b[i] == (i < SIZE ? 'x' : 0); i++)
				;
			wrong = error != args[a].error || st.st_size != args[a].want || n != st.st_size || i != n ||
				st.st_blocks * 512 < st.st_size || lseek(fd, 0, SEEK_CUR) != POS;
			if (wrong)
				printf("%s%s whence %d start %lld: error %d size %lld blocks %lld, should be error %d size %lld; content wrong from %zd\n",
				       c & 1 ? "32-bit " : "", cmds[c / 2].name, args[a].whence, args[a].start, error, (long long)st.st_size,
				       (long long)st.st_blocks, args[a].error, args[a].want, i);
			bad |= wrong;
			close(fd);
			unlink("resize");
		}
	int ro = open("ro", O_CREAT | O_RDONLY, 0644);

	for (size_t c = 0; c < 2 * sizeof(cmds) / sizeof(*cmds); c++) {
		errno = 0;
		if (space_ioctl(ro, cmds[c / 2].cmd, 0, 4096, 0, c & 1) != -1 || errno != EBADF) {
			printf("%s of a file open for reading: %s\n", cmds[c / 2].name, strerrorname_np(errno));
			bad = 1;
		}
	}
	return bad;
}

static void bmap(void)
{
	struct { struct dx_getbmapx h; struct dx_getbmapx e[20]; } x;
	struct { struct dx_getbmap h; struct dx_getbmap e[20]; } o;
	static const struct { long long off, len; int count, flags; } args[] = {
		{ 0, -1, 21, 0 }, { 0, -1, 21, DX_BMV_IF_NO_HOLES }, { 0, -1, 3, 0 }, { 8, -1, 21, 0 }, { 0, 0, 21, 0 }, { 0, 16, 21, 0 }, 
		{ 0, -2, 21, 0 }, { 0, -1, 1, 0 }, { 0, -1, 0, 0 }, { 0, -1, -1, 0 }, { 0, -1, 21, DX_BMV_IF_ATTRFORK }, { 0, -1, 21, 0x1000 },
		{ 3, 5, 21, 0 }, { 1 << 20, -1, 21, 0 }, { 0, -1, 21, DX_BMV_IF_PREALLOC }, { 0, -1, 21, DX_BMV_IF_PREALLOC | DX_BMV_IF_DELALLOC }, { 0, LLONG_MAX, 21, 0 } };
	int fd = open("bmap", O_CREAT | O_TRUNC | O_RDWR | O_DIRECT, 0644);
	char *b;

	/* some kernels make the attribute fork with the file, others with the first attribute */
	E(fsetxattr(fd, "user.x", "1", 1, 0));

	if (posix_memalign((void **)&b, 4096, 65536))
		return;
	memset(b, 'b', 65536);
	E(pwrite(fd, b, 16384, 0));
	E(pwrite(fd, b, 8192, 65536));
	E(fallocate(fd, 0, 131072, 65536));
	E(pwrite(fd, b, 4096, 135168));
	E(ftruncate(fd, 300000));
	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++) {
		char what[100];

		memset(&x, 0, sizeof(x));
		x.h.bmv_offset = args[i].off, x.h.bmv_length = args[i].len, x.h.bmv_count = args[i].count, x.h.bmv_iflags = args[i].flags;
		sprintf(what, "GETBMAPX %lld %lld %d %x", args[i].off, args[i].len, args[i].count, args[i].flags);
		errno = 0;
		say(what, ioctl(fd, DX_IOC_GETBMAPX, &x));
		if (!errno) {
			printf("  next %lld length %lld entries %d\n", (long long)x.h.bmv_offset, (long long)x.h.bmv_length, x.h.bmv_entries);
			for (int k = 0; k < x.h.bmv_entries && k < 20; k++)
				printf("  %lld+%lld %s %x\n", (long long)x.e[k].bmv_offset, (long long)x.e[k].bmv_length,
				       x.e[k].bmv_block == -1 ? "hole" : x.e[k].bmv_block == -2 ? "delayed" : "blocks", x.e[k].bmv_oflags);
		}
	}
	memset(&o, 0, sizeof(o));
	o.h.bmv_length = -1, o.h.bmv_count = 21;
	E(ioctl(fd, DX_IOC_GETBMAP, &o));
	printf("  entries %d\n", o.h.bmv_entries);
	for (int k = 0; k < o.h.bmv_entries; k++)
		printf("  %lld+%lld %s\n", (long long)o.e[k].bmv_offset, (long long)o.e[k].bmv_length, o.e[k].bmv_block == -1 ? "hole" : "blocks");
	E(ioctl(fd, DX_IOC_GETBMAPX, NULL));
	E(ioctl(open(".", O_RDONLY), DX_IOC_GETBMAPX, &x));
}

static void fsx(const char *name, int fd)
{
	static const struct { unsigned int xflags, extsize, projid; } args[] = {
		{ 0, 0, 0 }, { FS_XFLAG_NODUMP, 0, 0 }, { FS_XFLAG_EXTSIZE, 65536, 0 }, { FS_XFLAG_EXTSIZE, 5000, 0 }, { FS_XFLAG_EXTSIZE, 0, 0 }, { 0, 65536, 0 },
		{ FS_XFLAG_EXTSIZE, 1u << 31, 0 }, { FS_XFLAG_EXTSZINHERIT, 65536, 0 }, { FS_XFLAG_PROJINHERIT, 0, 5 }, { 0, 0, 7 },
		{ FS_XFLAG_REALTIME, 0, 0 }, { FS_XFLAG_RTINHERIT, 0, 0 }, { FS_XFLAG_DAX, 0, 0 }, { FS_XFLAG_FILESTREAM, 0, 0 }, { FS_XFLAG_NOSYMLINKS, 0, 0 },
		{ FS_XFLAG_PREALLOC, 0, 0 }, { FS_XFLAG_COWEXTSIZE, 65536, 0 }, { 0x01000000, 0, 0 }, { FS_XFLAG_HASATTR, 0, 0 }, { 0, 0, 0xffffffff }, { 0, 0, 0 } };

	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++) {
		struct fsxattr fx = { .fsx_xflags = args[i].xflags, .fsx_extsize = args[i].extsize, .fsx_projid = args[i].projid };
		char what[100];

		/* copy-on-write and DAX are features of the volume and its mount */
		if (args[i].xflags & (FS_XFLAG_COWEXTSIZE | FS_XFLAG_DAX))
			continue;
		sprintf(what, "FSSETXATTR %s %x %u %u", name, args[i].xflags, args[i].extsize, args[i].projid);
		errno = 0;
		say(what, ioctl(fd, FS_IOC_FSSETXATTR, &fx));
		memset(&fx, 0, sizeof(fx));
		E(ioctl(fd, FS_IOC_FSGETXATTR, &fx));
		printf("  %x %u %u %u\n", fx.fsx_xflags & ~FS_XFLAG_HASATTR, fx.fsx_extsize, fx.fsx_projid, fx.fsx_nextents);
	}
}

static void others(void)
{
	int fd = mk("other", 5000), v = 0;
	struct dx_geom g;
	struct dx_counts c;
	struct dx_dioattr da;
	struct dx_ag_geometry ag = { 0 };
	struct dx_eofblocks eb = { .eof_version = 1 };
	struct fsxattr fx;

	memset(&g, 0, sizeof(g));
	E(ioctl(fd, DX_IOC_FSGEOMETRY, &g));
	printf("  %u %u %u %u %u %u %u %u %llu %llu %llu %llu %u %u v%d sect %u rts %u dir %u lsu %u flags %x sick %x %x\n", g.blocksize, g.rtextsize,
	       g.agblocks, g.agcount, g.logblocks, g.sectsize, g.inodesize, g.imaxpct, (unsigned long long)g.datablocks,
	       (unsigned long long)g.rtblocks, (unsigned long long)g.rtextents, (unsigned long long)g.logstart, g.sunit, g.swidth, g.version,
	       g.logsectsize, g.rtsectsize, g.dirblocksize, g.logsunit, g.flags, g.sick, 0);
	memset(&g, 0, sizeof(g));
	E(ioctl(fd, DX_IOC_FSGEOMETRY_V1, &g));
	printf("  %u %llu v%d flags %x\n", g.blocksize, (unsigned long long)g.datablocks, g.version, g.flags);
	memset(low(), 0, sizeof(g));
	E(ioctl_i386(fd, DX_IOC_FSGEOMETRY_V1_I386, (unsigned long)low()));
	memcpy(&g, low(), sizeof(g));
	printf("  %u %llu v%d flags %x dir %u\n", g.blocksize, (unsigned long long)g.datablocks, g.version, g.flags, g.dirblocksize);
	memset(&g, 0, sizeof(g));
	E(ioctl(fd, DX_IOC_FSGEOMETRY_V4, &g));
	printf("  %u %llu v%d flags %x\n", g.blocksize, (unsigned long long)g.datablocks, g.version, g.flags);
	E(ioctl(fd, DX_IOC_FSGEOMETRY, NULL));
	E(ioctl(fd, DX_IOC_FSCOUNTS, &c));
	printf("  %d %d\n", c.freedata > 1000, c.allocino >= 64);
	E(ioctl(fd, DX_IOC_DIOINFO, &da));
	printf("  %u %u %u\n", da.d_mem, da.d_miniosz, da.d_maxiosz);
	E(ioctl(open(".", O_RDONLY), DX_IOC_DIOINFO, &da));
	E(ioctl(fd, DX_IOC_FSGETXATTRA, &fx));
	printf("  %u\n", fx.fsx_nextents);
	E(ioctl(fd, DX_IOC_AG_GEOMETRY, &ag));
	printf("  %u\n", ag.ag_length);
	ag.ag_number = 100000;
	E(ioctl(fd, DX_IOC_AG_GEOMETRY, &ag));
	ag.ag_number = 0, ag.ag_flags = 1;
	E(ioctl(fd, DX_IOC_AG_GEOMETRY, &ag));
	E(ioctl(fd, DX_IOC_FREE_EOFBLOCKS, &eb));
	eb.eof_version = 9;
	E(ioctl(fd, DX_IOC_FREE_EOFBLOCKS, &eb));
	eb.eof_version = 1, eb.eof_flags = 0x1000;
	E(ioctl(fd, DX_IOC_FREE_EOFBLOCKS, &eb));
	E(ioctl(fd, FS_IOC_GETVERSION, &v));
	E(ioctl(fd, FS_IOC_SETVERSION, &v));
	v = 9;
	E(ioctl(fd, DX_IOC_GOINGDOWN, &v));
	E(ioctl(fd, DX_IOC_GOINGDOWN, NULL));
	E(ioctl(fd, FITHAW, 0));
	for (int n = 0; n < 256; n++) {
		/* Reads only: what neither knows must be unknown to both. */
		if (n == 63 || n == 62 || n == 32 || n == 99 || (n > 100 && n < 128) || n == 60 || n == 61 || n == 58 || n == 128 || n == 129 || n == 130 || n == 131 || n == 45 || n == 31)
			continue;
		errno = 0;
		if (ioctl(fd, _IOC(_IOC_READ, 'X', n, 12), &g) < 0 && errno != ENOTTY)
			printf("  %d %s\n", n, strerrorname_np(errno));
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--resize") && !chdir(argv[2]))
		return resize();
	if (argc != 2 || chdir(argv[1]) || mkdir("ioctls", 0755) || chdir("ioctls"))
		return 2;
	space();
	bmap();
	int fd = mk("fsx", 10000);

	fsx("file", fd);
	fsx("empty", mk("fsx2", 0));
	mkdir("d", 0755);
	fsx("dir", open("d", O_RDONLY));
	others();
	return 0;
}
