// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk [-n] DIR: prints all that user space can see of a tree, one line per
 * thing, in the order of the names: two mounts of one volume must print the same.
 *
 * -n leaves out what differs between two volumes with the same contents:
 * inode numbers, times, generations, blocks, the map of allocated ranges.
 *
 * The map is taken before the contents are read: pages in the cache turn
 * unwritten ranges into data.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int brief;
static char path[1 << 16];
static char iobuf[1 << 20] __attribute__((aligned(4096)));
static unsigned long entries, errors;

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t w;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 29;
	}
	for (; len; len--, p++)
		h = (h ^ *p) * 0x100000001b3ull;
	return h;
}

static void fail(const char *what)
{
	printf("%s: %s: %s\n", path, what, strerror(errno));
	errors++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void xattrs(const char *name)
{
	static char list[1 << 16], val[1 << 16];
	char *names[8192];
	ssize_t len = llistxattr(name, list, sizeof(list)), vlen;
	int n = 0;

	if (len < 0 && errno == EOPNOTSUPP)
		return;
	if (len < 0) {
		fail("llistxattr");
		return;
	}
	for (char *p = list; p < list + len && n < 8192; p += strlen(p) + 1)
		names[n++] = p;
	qsort(names, n, sizeof(*names), by_name);
	for (int i = 0; i < n; i++) {
		vlen = lgetxattr(name, names[i], val, sizeof(val));
		if (vlen < 0) {
			fail(names[i]);
			continue;
		}
		printf("%s: xattr %s %zd %016llx\n", path, names[i], vlen, (unsigned long long)mix(1, val, vlen));
	}
}

static void contents(const char *name, const struct stat *st)
{
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
	uint64_t h = 1;
	off_t pos = 0, data, hole, total = 0;
	ssize_t n;

	if (fd < 0) {
		fail("open");
		return;
	}
	while (pos < st->st_size) {
		data = lseek(fd, pos, SEEK_DATA);
		if (data < 0) {
			if (errno != ENXIO)
				fail("SEEK_DATA");
			break;
		}
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole <= data) {
			fail("SEEK_HOLE");
			break;
		}
		if (!brief)
			printf("%s: data %llu %llu\n", path, (unsigned long long)data, (unsigned long long)hole);
		pos = hole;
	}
	/* Holes of terabytes are skipped, small ones are read. */
	for (pos = 0; pos < st->st_size; ) {
		data = st->st_size > 1 << 28 ? lseek(fd, pos, SEEK_DATA) : pos;
		if (data < 0)
			break;
		if (data > pos)
			pos = data & ~4095ll;
		n = pread(fd, iobuf, sizeof(iobuf), pos);
		if (n < 0) {
			fail("read");
			break;
		}
		if (!n)
			break;
		if (st->st_size > 1 << 28) {
			/* whole blocks of zeroes may be data or not: they don't count */
			for (ssize_t i = 0; i < n; i += 4096) {
				ssize_t l = n - i < 4096 ? n - i : 4096, j = i;

				while (j < i + l && !iobuf[j])
					j++;
				if (j < i + l) {
					off_t at = pos + i;

					h = mix(mix(h, &at, 8), iobuf + i, l);
				}
			}
		} else {
			h = mix(h, iobuf, n);
		}
		total += n;
		pos += n;
	}
	if (st->st_size <= 1 << 28 && total != st->st_size) {
		printf("%s: read %llu bytes of %llu\n", path, (unsigned long long)total, (unsigned long long)st->st_size);
		errors++;
	}
	printf("%s: contents %016llx\n", path, (unsigned long long)h);
	close(fd);
}

static void attributes(const char *name, int dir)
{
	struct fsxattr fx;
	int gen = 0, fd = open(name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK);

	if (fd < 0)
		return;
	if (ioctl(fd, FS_IOC_FSGETXATTR, &fx))
		fail("FSGETXATTR");
	else if (brief)
		printf("%s: flags %x extsize %u project %u\n", path, fx.fsx_xflags & ~FS_XFLAG_HASATTR,
		       fx.fsx_extsize, fx.fsx_projid);
	else
		printf("%s: flags %x extsize %u project %u extents %u cowextsize %u\n", path, fx.fsx_xflags, fx.fsx_extsize,
		       /* for a directory in its inode the stock kernel counts something that is no extent */
		       fx.fsx_projid, dir ? 0 : fx.fsx_nextents, fx.fsx_cowextsize);
	if (!brief && !ioctl(fd, FS_IOC_GETVERSION, &gen))
		printf("%s: generation %x\n", path, gen);
	close(fd);
}

static void times(const char *name)
{
	struct statx x;

	if (statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_ALL, &x)) {
		fail("statx");
		return;
	}
#define T(f) (long long)x.stx_##f.tv_sec, x.stx_##f.tv_nsec
	/* The birth time is masked in by the kernel only if the filesystem has it. */
	printf("%s: a %lld.%09u m %lld.%09u c %lld.%09u b %lld.%09u mask %x attrs %llx\n", path, T(atime), T(mtime), T(ctime), T(btime),
	       x.stx_mask & 0xfff, (unsigned long long)(x.stx_attributes & 0x7f));
}

static void walk(int dirfd, const char *name, int type)
{
	size_t plen = strlen(path), n = 0, cap = 64;
	static const char *const what[16] = { [1] = "fifo", [2] = "chr", [4] = "dir", [6] = "blk", [8] = "reg", [10] = "lnk", [12] = "sock" };
	char target[5000], **names;
	struct stat st;
	struct dirent *de;
	DIR *d;

	entries++;
	if (fchdir(dirfd) || lstat(name, &st)) {
		fail("lstat");
		return;
	}
	if (type >= 0 && type != (int)(st.st_mode >> 12) && type != DT_UNKNOWN) {
		printf("%s: readdir says type %d, stat says %o\n", path, type, st.st_mode);
		errors++;
	}
	printf("%s: %s %04o %u:%u nlink %lu", path, what[st.st_mode >> 12 & 15], st.st_mode & 07777, st.st_uid, st.st_gid, (unsigned long)st.st_nlink);
	if (!S_ISDIR(st.st_mode) || !brief)
		printf(" size %lld", (long long)st.st_size);
	if (!brief)
		printf(" ino %llu blocks %lld", (unsigned long long)st.st_ino, (long long)st.st_blocks);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf(" rdev %u,%u", major(st.st_rdev), minor(st.st_rdev));
	putchar('\n');
	if (!brief)
		times(name);
	xattrs(name);
	if (S_ISLNK(st.st_mode)) {
		ssize_t l = readlink(name, target, sizeof(target) - 1);

		if (l < 0)
			fail("readlink");
		else
			printf("%s: -> %.*s\n", path, (int)l, target);
	}
	if (S_ISREG(st.st_mode))
		contents(name, &st);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		attributes(name, S_ISDIR(st.st_mode));
	if (!S_ISDIR(st.st_mode))
		return;

	int fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		fail("opendir");
		return;
	}
	names = malloc(cap * sizeof(*names));
	errno = 0;
	while ((de = readdir(d))) {
		char *s;

		if (!brief && (!strcmp(de->d_name, ".") || (!strcmp(de->d_name, "..") && plen > 1)))
			printf("%s/%s: ino %llu\n", path, de->d_name, (unsigned long long)de->d_ino);
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (n == cap)
			names = realloc(names, (cap *= 2) * sizeof(*names));
		s = malloc(strlen(de->d_name) + 2);
		strcpy(s, de->d_name);
		s[strlen(s) + 1] = de->d_type;
		names[n++] = s;
		errno = 0;
	}
	if (errno)
		fail("readdir");
	qsort(names, n, sizeof(*names), by_name);
	printf("%s: %zu names\n", path, n);
	for (size_t i = 0; i < n; i++) {
		if (i && !strcmp(names[i], names[i - 1])) {
			printf("%s: %s is there twice\n", path, names[i]);
			errors++;
		}
		if (plen + strlen(names[i]) + 2 < sizeof(path)) {
			path[plen] = '/';
			strcpy(path + plen + 1, names[i]);
			walk(dirfd < 0 ? fd : fd, names[i], names[i][strlen(names[i]) + 1]);
			path[plen] = 0;
		}
	}
	while (n)
		free(names[--n]);
	free(names);
	closedir(d);
}

int main(int argc, char **argv)
{
	static char out[1 << 16];
	int fd;

	setvbuf(stdout, out, _IOFBF, sizeof(out));
	if (argc > 2 && !strcmp(argv[1], "-n")) {
		brief = 1;
		argv++, argc--;
	}
	if (argc < 2 || (fd = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0) {
		perror("walk: directory");
		return 2;
	}
	strcpy(path, ".");
	walk(fd, ".", -1);
	printf("%lu entries, %lu errors\n", entries, errors);
	return errors ? 1 : 0;
}
