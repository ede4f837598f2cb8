// SPDX-License-Identifier: GPL-2.0-only
/*
 * posix --list; posix --map FILE; posix SECTION: makes system calls in the current directory,
 * the borders of every argument included, and prints each call with its result
 * or errno and the state that follows. It judges nothing: what stock XFS
 * prints on the same kernel is right, and the suite compares.
 */
#include "posix.h"

char zbuf[1 << 20] __attribute__((aligned(4096)));
char *volatile nowhere;
long result;

long say(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, r);
	fflush(stdout);
	return result = r;
}

char *n255(char c)
{
	static char name[256];

	memset(name, c, 255);
	name[255] = 0;
	return name;
}

char *n256(void)
{
	static char name[257];

	memset(name, 'z', 256);
	return name;
}

void show(const char *name)
{
	char target[1200];
	struct stat st;
	ssize_t l;

	if (lstat(name, &st)) {
		printf("  %.40s: %s\n", name, strerrorname_np(errno));
		return;
	}
	printf("  %.40s: mode %o nlink %ld uid %d gid %d", name, st.st_mode, (long)st.st_nlink, st.st_uid, st.st_gid);
	if (!S_ISDIR(st.st_mode))
		printf(" size %lld", (long long)st.st_size);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf(" rdev %u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (S_ISLNK(st.st_mode) && (l = readlink(name, target, sizeof(target))) >= 0)
		printf(" -> %.*s", (int)l > 60 ? 60 : (int)l, target);
	printf("\n");
	fflush(stdout);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void list(const char *dir)
{
	char *names[4096];
	struct dirent *de;
	DIR *d = opendir(dir);
	int n = 0;

	if (!d) {
		printf("  %s: %s\n", dir, strerrorname_np(errno));
		return;
	}
	while ((de = readdir(d)) && n < 4096)
		names[n++] = strdup(de->d_name);
	closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	printf("  %s:", dir);
	for (int i = 0; i < n; i++)
		printf(" %.20s", names[i]);
	printf("\n");
}

/*
 * Allocated ranges up to the end of the file (all == 1: beyond it too; all == 2: written
 * ones only, where preallocation on speculation is nobody's business), wherever they are.
 */
void map(int fd, int all)
{
	struct {
		struct fiemap h;
		struct fiemap_extent e[512];
	} f;
	uint64_t from = 0, to = 0, start = 0;
	unsigned int kind = -1;
	struct stat st;

	fsync(fd);
	fstat(fd, &st);
	printf("  size %lld map", (long long)st.st_size);
	for (;;) {
		memset(&f.h, 0, sizeof(f.h));
		f.h.fm_start = start;
		f.h.fm_length = (all == 1 ? ~0ull : (uint64_t)st.st_size) - start;
		f.h.fm_extent_count = 512;
		if (!f.h.fm_length || ioctl(fd, FS_IOC_FIEMAP, &f) || !f.h.fm_mapped_extents)
			break;
		for (unsigned int i = 0; i < f.h.fm_mapped_extents; i++) {
			uint64_t s = f.e[i].fe_logical, e = s + f.e[i].fe_length;
			unsigned int k = f.e[i].fe_flags & FIEMAP_EXTENT_UNWRITTEN;

			if (all != 1 && e > (uint64_t)((st.st_size + 4095) & ~4095ll))
				e = (st.st_size + 4095) & ~4095ll;
			if (all == 2 && k)
				continue;
			if (s == to && k == kind) {
				to = e;
				continue;
			}
			if (to > from)
				printf(" %llu+%llu%s", (unsigned long long)from, (unsigned long long)(to - from), kind ? "u" : "");
			from = s, to = e, kind = k;
		}
		start = f.e[f.h.fm_mapped_extents - 1].fe_logical + f.e[f.h.fm_mapped_extents - 1].fe_length;
		if (f.e[f.h.fm_mapped_extents - 1].fe_flags & FIEMAP_EXTENT_LAST)
			break;
	}
	if (to > from)
		printf(" %llu+%llu%s", (unsigned long long)from, (unsigned long long)(to - from), kind ? "u" : "");
	printf("\n");
	fflush(stdout);
}

void sum(int fd)
{
	uint64_t h = 1;
	off_t pos = 0;
	ssize_t n;

	while ((n = pread(fd, zbuf, sizeof(zbuf), pos)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			h = (h ^ (unsigned char)zbuf[i]) * 0x100000001b3ull;
		pos += n;
	}
	printf("  %lld bytes %016llx\n", (long long)pos, (unsigned long long)h);
}

/* Runs fn as another user, in a child. */
void as(int uid, int gid, int extra, void (*fn)(void))
{
	pid_t p;
	int st;

	printf(" as uid %d gid %d groups %d\n", uid, gid, extra);
	fflush(stdout);
	p = fork();
	if (!p) {
		gid_t g = extra;

		if (setgroups(extra ? 1 : 0, &g) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			_exit(3);
		fn();
		fflush(stdout);
		_exit(0);
	}
	waitpid(p, &st, 0);
	printf(" end %d\n", st);
}

int mk(const char *name, mode_t mode, size_t len)
{
	int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0666);

	fchmod(fd, mode);
	for (size_t i = 0; i < len && i < sizeof(zbuf); i++)
		zbuf[i] = i * 31 + (i >> 9) * 7 + 1;
	if (len && pwrite(fd, zbuf, len, 0) < 0)
		perror(name);
	return fd;
}

/* ------------------------------------------------------------ names */

static void s_create(void)
{
	FD(open("a", O_CREAT | O_EXCL | O_RDWR, 0644));
	FD(open("a", O_CREAT | O_EXCL | O_RDWR, 0644));
	FD(open("a", O_RDONLY | O_DIRECTORY));
	FD(open("missing", O_RDONLY));
	FD(open("a/b", O_CREAT | O_RDWR, 0644));
	FD(open("", O_CREAT | O_RDWR, 0644));
	FD(open("missing/b", O_CREAT | O_RDWR, 0644));
	FD(open(n255('x'), O_CREAT | O_RDWR, 0644));
	FD(open(n256(), O_CREAT | O_RDWR, 0644));
	E(mkdir(n256(), 0755));
	E(mkdir(n255('d'), 0755));
	E(mkdir(n255('d'), 0755));
	E(symlink("x", n256()));
	E(unlink(n256()));
	E(access(n256(), F_OK));
	E(mkdir("d", 0777));
	E(mkdir("d", 0777));
	E(mkdir("d/..", 0777));
	E(mkdir("d/.", 0777));
	E(mkdir("e/", 0777));
	FD(open("d", O_RDWR));
	FD(open("d", O_CREAT | O_RDONLY, 0644));
	FD(open("\xff\xfe\x80", O_CREAT | O_RDWR, 0644));
	FD(open("a\nb", O_CREAT | O_RDWR, 0644));
	E(mknod("fifo", S_IFIFO | 0644, 0));
	E(mknod("chr", S_IFCHR | 0644, makedev(1, 3)));
	E(mknod("chr", S_IFCHR | 0644, makedev(1, 3)));
	E(mknod("blk", S_IFBLK | 0644, makedev(4095, 0xfffff)));
	E(mknod("sock", S_IFSOCK | 0644, 0));
	E(mknod("reg", S_IFREG | 0644, 0));
	E(mknod("dir", S_IFDIR | 0644, 0));
	E(mknod("odd", 0130000 | 0644, 0));
	for (const char *const *p = (const char *const[]){ "a", "d", "fifo", "chr", "blk", "sock", "reg", "e", NULL }; *p; p++)
		show(*p);
	umask(027);
	FD(open("masked", O_CREAT | O_RDWR, 07777));
	show("masked");
	E(mkdir("masked-d", 07777));
	show("masked-d");
	umask(022);
	list(".");
}

static void s_link(void)
{
	close(mk("a", 0644, 10));
	mkdir("d", 0755);
	E(link("a", "b"));
	E(link("a", "b"));
	E(link("a", "d/c"));
	E(link("d", "e"));
	E(link("missing", "f"));
	E(link("a", n256()));
	E(link("a", n255('l')));
	E(link("a", "missing/x"));
	E(symlink("a", "s"));
	E(linkat(AT_FDCWD, "s", AT_FDCWD, "hard-s", 0));
	E(linkat(AT_FDCWD, "s", AT_FDCWD, "hard-a", AT_SYMLINK_FOLLOW));
	show("a");
	show("s");
	show("hard-s");
	E(unlink("a"));
	show("b");
	E(unlink("b"));
	E(unlink("d"));
	E(rmdir("d"));
	E(rmdir("d/."));
	E(rmdir("s"));
	E(unlink("d/c"));
	E(unlink("d/c"));
	E(rmdir("d"));
	E(rmdir("d"));
	list(".");
}

static void s_symlink(void)
{
	static char t[4097];

	memset(t, 't', 4096);
	E(symlink("", "empty"));
	for (int len = 1020; len <= 1026; len++) {
		char name[20];

		t[len] = 0;
		sprintf(name, "s%d", len);
		E(symlink(t, name));
		show(name);
		t[len] = 't';
	}
	t[4095] = 0;
	E(symlink(t, "huge"));
	E(symlink("loop", "loop"));
	FD(open("loop", O_RDONLY));
	FD(open("loop", O_RDONLY | O_NOFOLLOW));
	FD(open("loop", O_PATH | O_NOFOLLOW));
	E(symlink("x", "loop"));
	E(readlink("loop", t, 2));
	E(readlink("missing", t, 10));
	E(readlink(".", t, 10));
	E(chown("s1020", 1, 1));
	E(lchown("s1020", 7, 8));
	show("s1020");
	E(unlink("s1020"));
	E(unlink("s1023"));
	list(".");
}

static void s_rename(void)
{
	static const struct { const char *from, *to; } t[] = {
		{ "f1", "f2" }, { "f3", "d1" }, { "d1", "f4" }, { "d1", "d2" }, { "d2", "full" }, { "d2", "d2/sub" },
		{ "full", "d3" }, { "d3/x", "d3" }, { "d3", "d3/x" }, { "missing", "f4" }, { "f4", "missing/f4" }, { "f4", "f4" },
		{ ".", "dot" }, { "d3/..", "dot" }, { "f4", "d3/." }, { "l1", "l2" }, { "s1", "s2" }, { "dev", "f4" }, { "d3", "up/d3" },
		{ "up/d3", "d3" }, { "f5", "up/f5" }, { "up/f5", "up/" }, { "f6/", "f7" }, { "d4/", "d5/" }, { "f6", "d5/f6/" },
	};
	static const unsigned int flags[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_NOREPLACE | RENAME_EXCHANGE, 0x80, RENAME_WHITEOUT | RENAME_EXCHANGE, RENAME_WHITEOUT,
		RENAME_WHITEOUT | RENAME_NOREPLACE };
	char dir[20];

	for (size_t f = 0; f < sizeof(flags) / sizeof(*flags); f++) {
		sprintf(dir, "r%x", flags[f]);
		mkdir(dir, 0755);
		if (chdir(dir))
			return;
		for (int i = 1; i < 8; i++)
			close(mk((char[]){ 'f', '0' + i, 0 }, 0600 + i, i));
		for (int i = 1; i < 5; i++)
			mkdir((char[]){ 'd', '0' + i, 0 }, 0700 + i);
		mkdir("up", 0755);
		mkdir("full", 0755);
		mkdir("d3/x", 0755);
		close(mk("full/y", 0644, 1));
		close(mk("l1", 0644, 1));
		if (link("l1", "l2") || symlink("a", "s1") || symlink("b", "s2") || mknod("dev", S_IFCHR | 0600, makedev(1, 3)))
			return;
		for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
			char what[100];

			sprintf(what, "rename %s %s %x", t[i].from, t[i].to, flags[f]);
			errno = 0;
			say(what, renameat2(AT_FDCWD, t[i].from, AT_FDCWD, t[i].to, flags[f]));
		}
		E(rename("f7", n256()));
		E(rename("f7", n255('r')));
		list(".");
		for (const char *const *p = (const char *const[]){ ".", "..", "up", "full", "d1", "d2", "d3", "d5", "f1", "f2", "f4", "l1", "l2", "s1", "s2", "dev", NULL }; *p; p++)
			show(*p);
		if (chdir(".."))
			return;
	}
}

static void s_dirs(void)
{
	char name[64];
	struct dirent *de;
	long pos[2000];
	DIR *d;
	int n = 0, same = 0;

	E(mkdir("d", 0755));
	for (int i = 0; i < 1500; i++) {
		sprintf(name, "d/entry-%0*d", 1 + i % 40, i);
		if (mknod(name, S_IFREG | 0644, 0))
			perror(name);
	}
	d = opendir("d");
	while ((pos[n] = telldir(d), de = readdir(d)) && n < 1999)
		n++;
	printf("  %d entries\n", n);
	for (int i = 0; i < n; i += 37) {
		char want[256];

		seekdir(d, pos[i]);
		de = readdir(d);
		strcpy(want, de ? de->d_name : "");
		seekdir(d, pos[i]);
		de = readdir(d);
		same += de && !strcmp(de->d_name, want);
	}
	printf("  %d of %d positions hold\n", same, (n + 36) / 37);
	/* what is removed while reading is gone, what stays is seen once */
	rewinddir(d);
	n = 0;
	while ((de = readdir(d)) && de->d_name[0] == '.')
		;
	for (int i = 0; i < 1500; i += 2) {
		sprintf(name, "d/entry-%0*d", 1 + i % 40, i);
		unlink(name);
	}
	rewinddir(d);
	while ((de = readdir(d)))
		n++;
	printf("  %d entries left\n", n);
	E(lseek(dirfd(d), -1, SEEK_SET));
	E(lseek(dirfd(d), LLONG_MAX, SEEK_SET));
	E(readdir(d) != NULL);
	closedir(d);
	E(rmdir("d"));
	E(read(open("d", O_RDONLY), zbuf, 10));
	E(ftruncate(open("d", O_RDONLY), 0));
	E(truncate("d", 0));
	for (int i = 1; i < 1500; i += 2) {
		sprintf(name, "d/entry-%0*d", 1 + i % 40, i);
		unlink(name);
	}
	/* a directory that somebody has open goes, and is empty then */
	int fd = open("d", O_RDONLY | O_DIRECTORY);

	E(rmdir("d"));
	E(openat(fd, "x", O_CREAT | O_RDWR, 0644));
	E(mkdirat(fd, "x", 0755));
	E(renameat(AT_FDCWD, ".", fd, "x"));
	struct stat st;

	fstat(fd, &st);
	printf("  nlink %ld\n", (long)st.st_nlink);
	close(fd);
	mkdir("n", 0755);
	for (int i = 0; i < 20; i++) {
		sprintf(name, "n/%d", i);
		mkdir(name, 0755);
	}
	show("n");
	rmdir("n/3");
	show("n");
}

static const struct { const char *name; void (*fn)(void); } sections[] = {
	{ "create", s_create }, { "link", s_link }, { "symlink", s_symlink }, { "rename", s_rename }, { "dirs", s_dirs },
	{ "setattr", s_setattr }, { "times", s_times }, { "perms", s_perms }, { "sgid", s_sgid }, { "suid", s_suid }, { "flags", s_flags },
	{ "fallocate", s_fallocate }, { "offsets", s_offsets }, { "sparse", s_sparse }, { "xattr", s_xattr }, { "acl", s_acl },
	{ "tmpfile", s_tmpfile }, { "mmap", s_mmap }, { "misc", s_misc },
};

int main(int argc, char **argv)
{
	umask(022);
	if (argc == 3 && !strcmp(argv[1], "--map")) {
		map(open(argv[2], O_RDWR), 1);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(sections) / sizeof(*sections); i++) {
		if (!strcmp(argv[1], "--list"))
			puts(sections[i].name);
		else if (!strcmp(argv[1], sections[i].name)) {
			if (mkdir(argv[1], 0755) || chdir(argv[1])) {
				perror(argv[1]);
				return 2;
			}
			chmod(".", 0755);
			sections[i].fn();
			return 0;
		}
	}
	return argc > 1 && !strcmp(argv[1], "--list") ? 0 : 2;
}
