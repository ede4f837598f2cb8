// SPDX-License-Identifier: GPL-2.0-only
/*
 * growctl DIR              asks for growth and labels in ways that must be refused, and in a few that are not, and prints the
 *                          answers; what stock XFS prints on the same kernel is right
 * growctl DIR BLOCKS [PCT] makes it so large (+N: by so many blocks); PCT: percent of it for inodes
 * growctl -3 DIR ...       the same as a 32-bit program
 * growctl -r DIR           the answers of a read-only mount
 * growctl -2 DIR BLOCKS    two at once: prints how the two ended, sorted
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "geom.h"

static int fd, i386;

static const char *answer(long r)
{
	return r < 0 ? strerrorname_np(errno) : "0";
}
#define SAY(...) do { printf(__VA_ARGS__); fflush(stdout); } while (0)

static void *low(void)
{
	static void *page;

	if (!page)
		page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	return page;
}

/* As a 32-bit program calls it: by interrupt 0x80, whatever we are. */
static long ioctl_i386(unsigned int cmd, unsigned long arg)
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

static struct dx_geom geom(void)
{
	struct dx_geom g;

	if (geometry(fd, &g)) {
		perror("FSGEOMETRY");
		exit(2);
	}
	return g;
}

static long data(uint64_t blocks, uint32_t pct)
{
	struct dx_growfs_data in = { blocks, pct };
	struct dx_growfs_data_i386 *f = low();

	errno = 0;
	if (!i386)
		return ioctl(fd, DX_IOC_FSGROWFSDATA, &in);
	*f = (struct dx_growfs_data_i386) { blocks, pct };
	return ioctl_i386(DX_IOC_FSGROWFSDATA_I386, (unsigned long)f);
}

static long rt(uint64_t blocks)
{
	struct dx_growfs_rt in = { blocks, 1 };
	struct dx_growfs_rt_i386 *f = low();

	errno = 0;
	if (!i386)
		return ioctl(fd, DX_IOC_FSGROWFSRT, &in);
	*f = (struct dx_growfs_rt_i386) { blocks, 1 };
	return ioctl_i386(DX_IOC_FSGROWFSRT_I386, (unsigned long)f);
}

static long logsize(uint32_t blocks, int isint)
{
	struct dx_growfs_log in = { blocks, isint };

	errno = 0;
	return ioctl(fd, DX_IOC_FSGROWFSLOG, &in);
}

static long label(const char *s)
{
	char l[FSLABEL_MAX];

	memset(l, 'x', sizeof(l));
	strcpy(l, s);
	errno = 0;
	return ioctl(fd, FS_IOC_SETFSLABEL, l);
}

static void say_label(const char *what)
{
	char l[FSLABEL_MAX];
	long r;
	size_t i;

	memset(l, 'x', sizeof(l));
	errno = 0;
	r = ioctl(fd, FS_IOC_GETFSLABEL, l);
	SAY("label after %s: %s", what, answer(r));
	for (i = 0; i < 13; i++)
		SAY(" %02x", (unsigned char)l[i]);
	SAY("\n");
}

static void few(const char *who)
{
	struct dx_geom g = geom();

	SAY("%s, the size that it has: %s\n", who, answer(data(g.datablocks, g.imaxpct)));
	SAY("%s, a log: %s\n", who, answer(logsize(g.logblocks * 2, 1)));
	SAY("%s, a realtime section: %s\n", who, answer(rt(1000)));
	SAY("%s, a label: %s\n", who, answer(label("label")));
}

static void table(void)
{
	struct dx_geom g = geom();
	long r;

	i386 = 0;
	SAY("no memory: data %s\n", answer(ioctl(fd, DX_IOC_FSGROWFSDATA, (void *)8)));
	SAY("no memory: log %s\n", answer(ioctl(fd, DX_IOC_FSGROWFSLOG, (void *)8)));
	SAY("no memory: rt %s\n", answer(ioctl(fd, DX_IOC_FSGROWFSRT, (void *)8)));
	SAY("no memory: label %s\n", answer(ioctl(fd, FS_IOC_SETFSLABEL, (void *)8)));
	for (i386 = 0; i386 < 2; i386++) {
		SAY("the size that it has: %s\n", answer(data(g.datablocks, g.imaxpct)));
		SAY("beyond the device: %s\n", answer(data(1ull << 40, g.imaxpct)));
		/* so many bytes that 64 bits do not count them: stock from 6.9 on says EFBIG */
		r = data(1ull << 55, g.imaxpct);
		SAY("far beyond it: %s\n", r < 0 && (errno == EIO || errno == EFBIG) ? "EIO or EFBIG" : answer(r));
		SAY("101 percent: %s\n", answer(data(g.datablocks, 101)));
		SAY("200 percent and beyond: %s\n", answer(data(1ull << 40, 200)));
		SAY("a realtime section: %s\n", answer(rt(1000)));
		SAY("7 percent: %s\n", answer(data(g.datablocks, 7)));
		SAY("now %u\n", geom().imaxpct);
		SAY("and back: %s\n", answer(data(g.datablocks, g.imaxpct)));
	}
	i386 = 0;
	SAY("one AG: %s\n", answer(data(g.agblocks, g.imaxpct)));
	SAY("nothing: %s\n", answer(data(0, g.imaxpct)));
	SAY("log of 0: %s\n", answer(logsize(0, 1)));
	SAY("log of 100: %s\n", answer(logsize(100, 1)));
	SAY("log as it is: %s\n", answer(logsize(g.logblocks, 1)));
	SAY("external log: %s\n", answer(logsize(g.logblocks, 0)));
	SAY("larger log: %s\n", answer(logsize(g.logblocks * 2, 1)));
	say_label("nothing");
	SAY("label of 13: %s\n", answer(label("thirteen-byte")));
	SAY("label of 255: %s\n", answer(label("thirteen-byte-and-many-more")));
	say_label("these");
	SAY("label of 12: %s\n", answer(label("twelve-bytes")));
	say_label("that");
	SAY("label of 3: %s\n", answer(label("abc")));
	say_label("that");
	SAY("no label: %s\n", answer(label("")));
	say_label("that");
	if (seteuid(65534))
		perror("seteuid");
	few("nobody");
	say_label("nobody");
	if (seteuid(0))
		perror("seteuid");
}

static int two(uint64_t blocks)
{
	int status[2], i;
	pid_t pid[2];

	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(data(blocks, geom().imaxpct) ? errno : 0);
	}
	for (i = 0; i < 2; i++)
		waitpid(pid[i], &status[i], 0);
	for (i = 0; i < 2; i++) {
		errno = WEXITSTATUS(status[i]);
		SAY("%s\n", errno ? strerrorname_np(errno) : "0");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = "";
	struct dx_geom g;
	uint64_t blocks;
	long r;

	if (argc > 1 && argv[1][0] == '-') {
		mode = argv[1];
		argc--;
		argv++;
	}
	if (argc < 2)
		return 2;
	fd = open(argv[1], O_RDONLY);
	if (fd < 0) {
		perror(argv[1]);
		return 2;
	}
	i386 = !strcmp(mode, "-3");
	if (!strcmp(mode, "-r")) {
		few("read-only");
		return 0;
	}
	if (argc == 2) {
		table();
		return 0;
	}
	g = geom();
	blocks = argv[2][0] == '+' ? g.datablocks + strtoull(argv[2] + 1, NULL, 0) : strtoull(argv[2], NULL, 0);
	if (!strcmp(mode, "-2"))
		return two(blocks);
	r = data(blocks, argc > 3 ? atoi(argv[3]) : (int)g.imaxpct);
	if (r)
		SAY("%s\n", answer(r));
	g = geom();
	SAY("%llu blocks, %u AGs, %u percent\n", (unsigned long long)g.datablocks, g.agcount, g.imaxpct);
	return r ? 1 : 0;
}
