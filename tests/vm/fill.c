// SPDX-License-Identifier: GPL-2.0-only
/*
 * fill DIR [SCALE]: a tree that has every form the format knows: directories
 * short, block, leaf and node, with holes from removed names; files inline,
 * in a btree of thousands of extents, sparse, unwritten; symlinks inline and
 * remote; attributes short, leaf, node and remote; ACLs; device nodes; all modes of
 * ids, times, flags. SCALE is the number of small files (10000).
 *
 * The tree depends on nothing but SCALE: filled twice, it is the same twice
 * (walk -n).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static uint64_t state = 88172645463325252ull;
static char buf[1 << 20];

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static char *fmt(const char *f, ...)
{
	static char ring[1024][512];	/* a name lives for a thousand more */
	static int at;
	char *s = ring[at++ % 1024];
	va_list ap;

	va_start(ap, f);
	vsnprintf(s, 512, f, ap);
	va_end(ap);
	return s;
}

static long must(long r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "fill: %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return r;
}
#define M(x) must((long)(x), #x)

static void scribble(size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = rnd();

		memcpy(buf + i, &v, 8);
	}
}

static int newfile(const char *name)
{
	return M(open(name, O_CREAT | O_EXCL | O_RDWR, 0644));
}

static void put(const char *name, size_t len)
{
	int fd = newfile(name);

	scribble(len + 8);
	M(write(fd, buf, len));
	close(fd);
}

static void enter(const char *name)
{
	M(mkdir(name, 0755));
	M(chdir(name));
}

/* Names of many lengths; every third goes again, so that free space has holes. */
static void names(const char *dir, int n, int thin)
{
	enter(dir);
	for (int i = 0; i < n; i++)
		M(mknod(fmt("%0*d", 4 + (i * 7) % 60, i), S_IFREG | 0600, 0));
	for (int i = 0; thin && i < n; i += 3)
		M(unlink(fmt("%0*d", 4 + (i * 7) % 60, i)));
	for (int i = 0; thin && i < n; i += 9)
		M(symlink("x", fmt("late-%d", i)));
	M(chdir(".."));
}

static void dirs(void)
{
	enter("dirs");
	names("empty", 0, 0);
	names("short", 3, 0);
	names("block", 40, 0);
	names("leaf", 250, 0);
	names("leaf-thin", 300, 1);
	names("node", 2500, 0);
	names("node-thin", 2500, 1);
	enter("long-names");
	for (int i = 0; i < 200; i++) {
		memset(buf, 'a' + i % 26, 255);
		sprintf(buf, "%d", i);
		buf[strlen(buf)] = '-';
		buf[255] = 0;
		M(mknod(buf, S_IFREG | 0644, 0));
	}
	M(mknod("\xff\xfe\x01 \n\t*", S_IFREG | 0644, 0));
	M(chdir(".."));
	enter("deep");
	for (int i = 0; i < 150; i++)
		enter(fmt("level-%d", i));
	put("bottom", 100);
	for (int i = 0; i < 150; i++)
		M(chdir(".."));
	M(chdir("../.."));
}

static void files(void)
{
	int fd;

	enter("files");
	for (int i = 0; i < 20; i++)
		put(fmt("size-%d", i), (1 << i) - i % 3);
	/* every other block, backwards in places: thousands of extents */
	fd = newfile("fragmented");
	scribble(4096);
	for (int i = 0; i < 3000; i++) {
		int at = i % 2 ? i : (i ^ 64);

		memcpy(buf, &at, 4);
		M(pwrite(fd, buf, 4096, at * 8192ll));
	}
	close(fd);
	/* two that grow in turns, synced: fragmented on disk too */
	int a = newfile("interleaved-a"), b = newfile("interleaved-b");

	for (int i = 0; i < 60; i++) {
		M(pwrite(a, buf, 4096, i * 4096));
		M(fdatasync(a));
		M(pwrite(b, buf, 4096, i * 4096));
		M(fdatasync(b));
	}
	close(a);
	close(b);
	fd = newfile("sparse");
	for (int i = 12; i < 43; i += 3)
		M(pwrite(fd, buf, 777, (1ll << i) + i));
	M(ftruncate(fd, 1ll << 44));
	close(fd);
	fd = newfile("hole-only");
	M(ftruncate(fd, 123456));
	close(fd);
	fd = newfile("unwritten");
	M(fallocate(fd, 0, 0, 1 << 20));
	for (int i = 0; i < 16; i++)
		M(pwrite(fd, buf, 5000, i * 65536 + 3000));
	M(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 300000, 100000));
	M(fallocate(fd, FALLOC_FL_ZERO_RANGE, 500000, 100001));
	close(fd);
	fd = newfile("beyond-eof");
	M(write(fd, buf, 10000));
	M(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20));
	close(fd);
	fd = newfile("shifted");
	for (int i = 0; i < 32; i++) {
		scribble(8192);
		M(pwrite(fd, buf, 8192, i * 8192));
	}
	M(fsync(fd));
	M(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 16384, 32768));
	M(fallocate(fd, FALLOC_FL_INSERT_RANGE, 65536, 16384));
	close(fd);
	put("linked-1", 10);
	for (int i = 2; i < 30; i++)
		M(link("linked-1", fmt("linked-%d", i)));
	put("opened-up", 300000);
	M(truncate("opened-up", 1234));
	put("padded", 1234);
	M(truncate("padded", 300000));
	M(chdir(".."));
}

static void symlinks(void)
{
	static const int len[] = { 1, 30, 100, 300, 335, 336, 337, 400, 1000, 1023 };

	enter("symlinks");
	for (size_t i = 0; i < sizeof(len) / sizeof(*len); i++) {
		memset(buf, '/', len[i]);
		for (int j = 0; j < len[i]; j++)
			buf[j] = j % 50 == 49 ? '/' : 'a' + j % 26;
		buf[len[i]] = 0;
		M(symlink(buf, fmt("target-%d", len[i])));
	}
	M(lsetxattr("target-30", "trusted.on-a-symlink", "yes", 3, 0));
	M(lsetxattr("target-300", "trusted.on-a-symlink", buf, 200, 0));
	M(chdir(".."));
}

static void acl(const char *name, const char *kind)
{
	struct { uint16_t tag, perm; uint32_t id; } e[] = {
		{ 1, 6, -1 }, { 2, 7, 1001 }, { 2, 4, 1002 }, { 4, 5, -1 }, { 8, 6, 2001 }, { 16, 7, -1 }, { 32, 1, -1 } };
	char x[4 + sizeof(e)] = { 2 };

	memcpy(x + 4, e, sizeof(e));
	M(setxattr(name, kind, x, sizeof(x), 0));
}

static void xattrs(void)
{
	static const struct { const char *name; int n, len; } t[] = {
		{ "one", 1, 10 }, { "short", 4, 20 }, { "no-value", 3, 0 }, { "leaf", 20, 80 }, { "full-leaf", 40, 60 },
		{ "node", 400, 90 }, { "remote", 3, 5000 }, { "remote-max", 2, 65536 }, { "edge", 6, 3000 },
		{ "both", 100, 4000 } };

	enter("xattrs");
	scribble(1 << 17);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		for (int dir = 0; dir < 2; dir++) {
			char *f = fmt("%s%s", t[i].name, dir ? "-dir" : "");

			if (dir)
				M(mkdir(f, 0755));
			else
				put(f, 100);
			for (int j = 0; j < t[i].n; j++)
				M(setxattr(f, fmt("%s.%s-%d", j % 7 == 3 ? "trusted" : "user", t[i].name, j), buf + j * 8,
					   t[i].len, XATTR_CREATE));
			for (int j = 1; j < t[i].n && t[i].n > 10; j += 5)
				M(removexattr(f, fmt("%s.%s-%d", j % 7 == 3 ? "trusted" : "user", t[i].name, j)));
			if (t[i].n > 10)
				M(setxattr(f, fmt("user.%s-0", t[i].name), "replaced", 8, XATTR_REPLACE));
		}
	memset(buf, 'n', 255);
	memcpy(buf, "user.", 5);
	buf[255] = 0;
	put("long-name", 1);
	memset(buf, 'n', 255);
	memcpy(buf, "user.", 5);
	buf[255] = 0;
	M(setxattr("long-name", buf, "v", 1, 0));
	put("gone", 1);
	M(setxattr("gone", "user.a", "v", 1, 0));
	M(removexattr("gone", "user.a"));
	M(chdir(".."));
}

static void meta(void)
{
	struct timespec ts[2];
	struct fsxattr fx;
	int fd;

	enter("meta");
	M(mknod("chr", S_IFCHR | 0600, makedev(5, 1)));
	M(mknod("chr-big", S_IFCHR | 0666, makedev(511, 0x3ffff)));
	M(mknod("blk", S_IFBLK | 0640, makedev(8, 17)));
	M(mknod("fifo", S_IFIFO | 0644, 0));
	M(mknod("sock", S_IFSOCK | 0755, 0));
	for (int i = 0; i < 16; i++) {
		char *f = fmt("mode-%o", i << 8 | (i * 5 & 0377));

		put(f, 10);
		M(chown(f, i * 1000, i * 70000));
		M(chmod(f, (i << 8 | (i * 5 & 0377)) & 07777));
	}
	put("max-id", 1);
	M(chown("max-id", 0xfffffffe, 0xfffffffe));
	for (int i = 0; i < 12; i++) {
		static const long long when[] = { -2147483648ll, -1, 0, 1, 946684800, 2147483647, 1234567890, 1700000000,
						  2000000000, 5, 77, 99 };

		put(fmt("time-%d", i), 1);
		ts[0] = (struct timespec){ when[i], i * 11111111 };
		ts[1] = (struct timespec){ when[11 - i], 999999999 - i };
		M(utimensat(AT_FDCWD, fmt("time-%d", i), ts, 0));
	}
	put("acl", 10);
	acl("acl", "system.posix_acl_access");
	M(mkdir("acl-dir", 0755));
	acl("acl-dir", "system.posix_acl_access");
	acl("acl-dir", "system.posix_acl_default");
	put("acl-dir/inherits", 10);
	M(mkdir("acl-dir/inherits-dir", 0777));
	M(mkdir("setgid", 02775));
	M(chown("setgid", 5, 6));
	M(chmod("setgid", 02775));
	put("setgid/inherits", 1);
	M(mkdir("setgid/inherits-dir", 0755));
	fd = newfile("project");
	M(ioctl(fd, FS_IOC_FSGETXATTR, &fx));
	fx.fsx_projid = 0x12345678;
	fx.fsx_extsize = 65536;
	fx.fsx_xflags |= FS_XFLAG_EXTSIZE | FS_XFLAG_NODUMP | FS_XFLAG_NODEFRAG;
	M(ioctl(fd, FS_IOC_FSSETXATTR, &fx));
	M(write(fd, buf, 5000));
	close(fd);
	M(mkdir("project-dir", 0755));
	fd = M(open("project-dir", O_RDONLY));
	M(ioctl(fd, FS_IOC_FSGETXATTR, &fx));
	fx.fsx_projid = 77;
	fx.fsx_extsize = 32768;
	fx.fsx_xflags |= FS_XFLAG_PROJINHERIT | FS_XFLAG_EXTSZINHERIT;
	M(ioctl(fd, FS_IOC_FSSETXATTR, &fx));
	close(fd);
	put("project-dir/inherits", 1);
	M(mkdir("project-dir/inherits-dir", 0755));
	M(chdir(".."));
}

static void many(int n)
{
	enter("many");
	for (int d = 0; d * 200 < n; d++) {
		enter(fmt("%d", d));
		for (int i = 0; i < 200 && d * 200 + i < n; i++) {
			int fd = newfile(fmt("f%d", i));
			uint64_t v = rnd();

			memcpy(buf + 4096, &v, 8);
			M(write(fd, buf + 4096 - v % 600, v % 600 + 8));
			close(fd);
		}
		for (int i = 0; i < 200 && d * 200 + i < n; i += 11)
			M(unlink(fmt("f%d", i)));
		for (int i = 1; i < 199 && d * 200 + i < n; i += 13)
			if (i % 11)
				M(rename(fmt("f%d", i), fmt("../moved-%d-%d", d, i)));
		M(chdir(".."));
	}
	M(chdir(".."));
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	umask(0);
	M(chdir(argv[1]));
	dirs();
	files();
	symlinks();
	xattrs();
	meta();
	many(argc > 2 ? atoi(argv[2]) : 10000);
	return 0;
}
