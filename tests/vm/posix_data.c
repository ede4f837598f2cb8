// SPDX-License-Identifier: GPL-2.0-only
/* posix: sections about data, extended attributes, ACLs, and what is left. */
#include "posix.h"

/* ------------------------------------------------------------ data */

void s_fallocate(void)
{
	static const struct { int mode; const char *name; } modes[] = {
		{ 0, "allocate" }, { FALLOC_FL_KEEP_SIZE, "keep" }, { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch" },
		{ FALLOC_FL_ZERO_RANGE, "zero" }, { FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero-keep" },
		{ FALLOC_FL_COLLAPSE_RANGE, "collapse" }, { FALLOC_FL_INSERT_RANGE, "insert" },
		{ FALLOC_FL_PUNCH_HOLE, "punch without keep" }, { FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, "collapse-keep" },
		{ FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE, "collapse and insert" },
		{ FALLOC_FL_NO_HIDE_STALE, "stale" }, { 0x100, "unknown" } };
	static const struct { long long off, len; } ranges[] = {
		{ 0, 4096 }, { 0, 0 }, { 0, -1 }, { -1, 4096 }, { 4096, 8192 }, { 100, 4096 }, { 4096, 100 }, { 5000, 10000 }, { 16384, 4096 },
		{ 20480, 4096 }, { 0, 20000 }, { 0, 20480 }, { 0, 1 << 20 }, { 1 << 20, 4096 }, { 12288, 1 << 20 }, { LLONG_MAX, 1 },
		{ LLONG_MAX - 4095, 4096 }, { 0x7ffffffffffff000ll, 4096 }, { 0x7fffffffffffe000ll, 4096 }, { 4096, LLONG_MAX }, { 0, LLONG_MAX },
		{ 4096, 0x7fffffffffffe000ll } };

	for (size_t m = 0; m < sizeof(modes) / sizeof(*modes); m++)
		for (size_t r = 0; r < sizeof(ranges) / sizeof(*ranges); r++) {
			char what[100];
			int fd = mk("f", 0644, 20000);

			fsync(fd);
			/* asking for everything is up to the free space: not here */
			if ((modes[m].mode & ~FALLOC_FL_KEEP_SIZE) == 0 && ranges[r].len > 1ll << 40)
				continue;
			if ((modes[m].mode & FALLOC_FL_ZERO_RANGE) && ranges[r].len > 1ll << 40)
				continue;
			sprintf(what, "fallocate %s %lld %lld", modes[m].name, ranges[r].off, ranges[r].len);
			errno = 0;
			if (!say(what, fallocate(fd, modes[m].mode, ranges[r].off, ranges[r].len))) {
				struct stat st;

				fstat(fd, &st);
				if (st.st_size < 1 << 22) {
					map(fd, !(modes[m].mode & FALLOC_FL_KEEP_SIZE) ? 0 : 1);
					sum(fd);
				} else {
					printf("  size %lld\n", (long long)st.st_size);
				}
			}
			close(fd);
			unlink("f");
		}
	int ro = open("f", O_CREAT | O_RDONLY, 0644), p[2];

	E(fallocate(ro, 0, 0, 4096));
	E(fallocate(open(".", O_RDONLY), 0, 0, 4096));
	if (pipe(p))
		return;
	E(fallocate(p[1], 0, 0, 4096));
	E(mknod("fifo", S_IFIFO | 0644, 0));
	E(fallocate(open("fifo", O_RDWR), 0, 0, 4096));
	E(posix_fallocate(open("f", O_RDWR), 0, 12345));
	show("f");
}

void s_offsets(void)
{
	static const long long off[] = { -1, 0, 1, 511, 512, 4095, 4096, 0x7fffffff, 0x80000000ll, 1ll << 40, (1ll << 43) - 1, 1ll << 43, 1ll << 44,
		(1ll << 44) - 4096, 0x7fffffffffffefffll, 0x7ffffffffffff000ll, LLONG_MAX - 1, LLONG_MAX };
	int fd = FD(open("f", O_CREAT | O_RDWR, 0644)), d = FD(open("f", O_RDWR | O_DIRECT));
	char what[100];

	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++) {
#define AT(x) do { sprintf(what, "%s at %llx", #x, off[i]); errno = 0; say(what, (long)(x)); } while (0)
		AT(pwrite(fd, "abcdefgh", 8, off[i]));
		AT(pwrite(fd, "", 0, off[i]));
		AT(pread(fd, zbuf, 8, off[i]));
		AT(pwrite(d, zbuf, 4096, off[i]));
		AT(pread(d, zbuf, 4096, off[i]));
		AT(lseek(fd, off[i], SEEK_SET));
		AT(ftruncate(fd, off[i]));
		struct stat st;

		fstat(fd, &st);
		printf("  size %llx\n", (long long)st.st_size);
		if (ftruncate(fd, 0))
			return;
	}
	E(pwrite(d, zbuf + 1, 4096, 0));
	E(pwrite(d, zbuf, 100, 0));
	E(pwrite(d, zbuf, 512, 0));
	E(pwrite(d, zbuf, 512, 512));
	E(pwrite(d, zbuf, 1024, 3584));
	E(pwrite(d, zbuf, 4096, 100));
	E(pread(d, zbuf + 1, 512, 0));
	E(pread(d, zbuf, 100, 0));
	E(pread(d, zbuf, 65536, 0));
	E(pwrite(d, nowhere, 4096, 0));
	E(pwrite(fd, nowhere, 4096, 0));
	E(pread(fd, nowhere, 4096, 0));
	struct stat st;

	fstat(fd, &st);
	printf("  size %llx\n", (long long)st.st_size);
	E(pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_DSYNC));
	E(pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_APPEND));
	/* it may not wait for a change of the times either, which falls due with every tick of the clock */
	for (int i = 0; i < 1000 && pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_NOWAIT) != 100; i++)
		if (errno != EAGAIN || i == 999 || pwrite(fd, zbuf, 100, 0) != 100) {
			perror("RWF_NOWAIT");
			break;
		}
	E(pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_HIPRI));
	E(pwritev2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, 0x1000));
	E(preadv2(fd, &(struct iovec){ zbuf, 100 }, 1, 0, RWF_NOWAIT));
	E(lseek(fd, 0, SEEK_END));
	E(lseek(fd, 0, 99));
	E(lseek(fd, -1, SEEK_DATA));
	E(lseek(fd, 1 << 30, SEEK_DATA));
	E(lseek(fd, 1 << 30, SEEK_HOLE));
	E(ftruncate(fd, 0));
	E(lseek(fd, 0, SEEK_DATA));
	E(lseek(fd, 0, SEEK_HOLE));
	FD(open("noread", O_CREAT | O_WRONLY, 0644));
	E(read(open("noread", O_WRONLY), zbuf, 1));
	E(write(open("noread", O_RDONLY), zbuf, 1));
	E(syncfs(fd));
	E(fdatasync(fd));
	E(sync_file_range(fd, 0, 0, 7));
	E(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	E(readahead(fd, 0, 4096));
}

void s_sparse(void)
{
	int fd = FD(open("f", O_CREAT | O_RDWR, 0644)), d;
	off_t pos, hole;

	for (int i = 0; i < 20; i++)
		if (pwrite(fd, "0123456789", 10, i * 100000 + i) != 10)
			return;
	E(fsync(fd));
	map(fd, 2);
	E(ftruncate(fd, 3000000));
	for (pos = 0; (pos = lseek(fd, pos, SEEK_DATA)) >= 0; pos = hole) {
		hole = lseek(fd, pos, SEEK_HOLE);
		printf("  data %lld %lld\n", (long long)pos, (long long)hole);
	}
	sum(fd);
	d = open("f", O_RDWR | O_DIRECT);
	memset(zbuf, 'd', 65536);
	E(pwrite(d, zbuf, 65536, 65536));
	E(pwrite(d, zbuf, 512, 1 << 20));
	E(pwrite(d, zbuf, 4096, (1 << 20) + 512));
	E(pwrite(d, zbuf, 8192, 3 << 20));
	map(fd, 2);
	sum(fd);
	E(fallocate(fd, 0, 0, 4 << 20));
	map(fd, 2);
	memset(zbuf, 'e', 65536);
	E(pwrite(d, zbuf, 512, 512 * 3));
	E(pwrite(d, zbuf, 12288, 200704));
	E(pwrite(fd, zbuf, 100, 300000));
	map(fd, 2);
	sum(fd);
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 1 << 20);

	for (int i = 0; i < 1 << 20; i += 50000)
		p[i] = i;
	E(msync(p, 1 << 20, MS_SYNC));
	map(fd, 2);
	sum(fd);
}

void s_xattr(void)
{
	static char big[70000], list_[70000];
	int fd = mk("f", 0644, 1);

	memset(big, 'b', sizeof(big));
	E(fsetxattr(fd, "user.a", "1", 1, XATTR_REPLACE));
	E(fsetxattr(fd, "user.a", "1", 1, XATTR_CREATE));
	E(fsetxattr(fd, "user.a", "2", 1, XATTR_CREATE));
	E(fsetxattr(fd, "user.a", "33", 2, XATTR_REPLACE));
	E(fgetxattr(fd, "user.a", zbuf, 1));
	E(fgetxattr(fd, "user.a", zbuf, 100));
	E(fgetxattr(fd, "user.a", NULL, 0));
	E(fgetxattr(fd, "user.b", NULL, 0));
	E(fgetxattr(fd, "user.", NULL, 0));
	E(fsetxattr(fd, "user.", "x", 1, 0));
	E(fsetxattr(fd, "bogus.a", "x", 1, 0));
	E(fsetxattr(fd, "", "x", 1, 0));
	E(fsetxattr(fd, "trusted.t", "x", 1, 0));
	E(fsetxattr(fd, "security.foo", "x", 1, 0));
	E(fsetxattr(fd, "system.foo", "x", 1, 0));
	E(fsetxattr(fd, "user.big", big, 65536, 0));
	E(fsetxattr(fd, "user.big", big, 65537, 0));
	E(fgetxattr(fd, "user.big", zbuf, 65536));
	E(fgetxattr(fd, "user.big", zbuf, 65535));
	E(fsetxattr(fd, "user.empty", "", 0, 0));
	E(fgetxattr(fd, "user.empty", zbuf, 10));
	E(flistxattr(fd, NULL, 0));
	E(flistxattr(fd, list_, 3));
	E(flistxattr(fd, list_, sizeof(list_)));
	big[255] = 0;
	memcpy(big, "user.", 5);
	E(fsetxattr(fd, big, "x", 1, 0));
	big[255] = 'b';
	big[256] = 0;
	E(fsetxattr(fd, big, "x", 1, 0));
	E(fremovexattr(fd, "user.big"));
	E(fremovexattr(fd, "user.big"));
	E(flistxattr(fd, NULL, 0));
	for (int i = 0; i < 300; i++) {
		char name[40];

		sprintf(name, "user.many-%d", i);
		if (fsetxattr(fd, name, big + 300, i % 7 * 100, 0))
			perror(name);
	}
	E(flistxattr(fd, NULL, 0));
	for (int i = 0; i < 300; i++) {
		char name[40];

		sprintf(name, "user.many-%d", i);
		if (fgetxattr(fd, name, zbuf, 1000) != i % 7 * 100 || fremovexattr(fd, name))
			perror(name);
	}
	E(flistxattr(fd, NULL, 0));
	E(symlink("f", "s"));
	E(lsetxattr("s", "user.a", "x", 1, 0));
	E(lsetxattr("s", "trusted.a", "x", 1, 0));
	E(mknod("fifo", S_IFIFO | 0644, 0));
	E(setxattr("fifo", "user.a", "x", 1, 0));
	E(setxattr(".", "user.a", "x", 1, 0));
}

static void acl_set(const char *name, const char *kind, int uperm, int mask, int other, int extra)
{
	struct { uint16_t tag, perm; uint32_t id; } e[] = {
		{ 1, uperm, -1 }, { 2, 7, 1001 }, { 4, 5, -1 }, { 8, 6, 2001 }, { 16, mask, -1 }, { 32, other, -1 }, { extra, 7, 1 } };
	char x[4 + sizeof(e)] = { 2 }, what[60];

	memcpy(x + 4, e, sizeof(e));
	sprintf(what, "%s %s %d", name, kind, extra);
	errno = 0;
	say(what, setxattr(name, kind, x, 4 + (extra ? 7 : 6) * 8, 0));
}

static void use_acl(void)
{
	FD(open("f", O_RDONLY));
	FD(open("f", O_RDWR));
	FD(open("d/new", O_CREAT | O_RDWR, 0666));
	acl_set("f", "system.posix_acl_access", 7, 7, 7, 0);
	E(removexattr("f", "system.posix_acl_access"));
}

void s_acl(void)
{
	close(mk("f", 0600, 1));
	mkdir("d", 0755);
	acl_set("f", "system.posix_acl_access", 6, 4, 0, 0);
	show("f");
	as(1001, 1001, 0, use_acl);
	as(1002, 1002, 2001, use_acl);
	as(1002, 1002, 0, use_acl);
	acl_set("f", "system.posix_acl_access", 6, 7, 4, 0);
	show("f");
	as(1001, 1001, 0, use_acl);
	E(chmod("f", 0640));
	E(getxattr("f", "system.posix_acl_access", zbuf, 1000));
	as(1001, 1001, 0, use_acl);
	acl_set("f", "system.posix_acl_default", 7, 7, 7, 0);
	acl_set("f", "system.posix_acl_access", 7, 7, 7, 99);
	acl_set("d", "system.posix_acl_access", 7, 7, 5, 0);
	acl_set("d", "system.posix_acl_default", 6, 7, 4, 0);
	as(1001, 1001, 0, use_acl);
	umask(0);
	FD(open("d/file", O_CREAT | O_RDWR, 0666));
	FD(open("d/file2", O_CREAT | O_RDWR, 0600));
	E(mkdir("d/dir", 0777));
	E(symlink("x", "d/link"));
	E(mknod("d/fifo", S_IFIFO | 0666, 0));
	for (const char *const *p = (const char *const[]){ "d", "d/new", "d/file", "d/file2", "d/dir", "d/fifo", NULL }; *p; p++) {
		show(*p);
		E(getxattr(*p, "system.posix_acl_access", zbuf, 1000));
		E(getxattr(*p, "system.posix_acl_default", zbuf, 1000));
		E(listxattr(*p, zbuf, 1000));
	}
	umask(022);
	E(removexattr("f", "system.posix_acl_access"));
	E(getxattr("f", "system.posix_acl_access", zbuf, 1000));
	E(removexattr("d", "system.posix_acl_default"));
	E(removexattr("d", "system.posix_acl_default"));
	E(setxattr("f", "system.posix_acl_access", "xx", 2, 0));
	E(setxattr("f", "system.posix_acl_access", "\2\0\0\0", 4, 0));
	/* the most that fits, and one more */
	struct { uint16_t tag, perm; uint32_t id; } e[6000];
	char *x = calloc(1, 4 + sizeof(e));

	for (int n = 24; n < 6000; n += n < 30 ? 1 : 5400) {
		x[0] = 2;
		e[0].tag = 1, e[0].perm = 7, e[0].id = -1;
		for (int i = 1; i < n - 3; i++)
			e[i].tag = 2, e[i].perm = 5, e[i].id = 1000 + i;
		e[n - 3].tag = 4, e[n - 3].perm = 5, e[n - 3].id = -1;
		e[n - 2].tag = 16, e[n - 2].perm = 5, e[n - 2].id = -1;
		e[n - 1].tag = 32, e[n - 1].perm = 5, e[n - 1].id = -1;
		memcpy(x + 4, e, n * 8);
		printf("  %d entries\n", n);
		E(setxattr("f", "system.posix_acl_access", x, 4 + n * 8, 0));
		E(getxattr("f", "system.posix_acl_access", zbuf, 65536));
	}
}

void s_tmpfile(void)
{
	char link_[64];
	struct stat st;
	int fd = FD(open(".", O_TMPFILE | O_RDWR, 0640)), fd2;

	fstat(fd, &st);
	printf("  nlink %ld mode %o\n", (long)st.st_nlink, st.st_mode);
	E(write(fd, zbuf, 100000));
	sprintf(link_, "/proc/self/fd/%d", fd);
	E(linkat(AT_FDCWD, link_, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	E(linkat(AT_FDCWD, link_, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	show("linked");
	fd2 = FD(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640));
	sprintf(link_, "/proc/self/fd/%d", fd2);
	E(linkat(AT_FDCWD, link_, AT_FDCWD, "refused", AT_SYMLINK_FOLLOW));
	FD(open(".", O_TMPFILE | O_RDONLY, 0640));
	FD(open("linked", O_TMPFILE | O_RDWR, 0640));
	/* a file that has lost its last name lives on until it is closed, and cannot come back */
	fd = mk("u", 0644, 5000);
	E(unlink("u"));
	E(pwrite(fd, zbuf, 10000, 3000));
	sprintf(link_, "/proc/self/fd/%d", fd);
	E(linkat(AT_FDCWD, link_, AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
	fstat(fd, &st);
	printf("  nlink %ld size %lld\n", (long)st.st_nlink, (long long)st.st_size);
	sum(fd);
	E(fchmod(fd, 0600));
	E(ftruncate(fd, 1));
	E(fsetxattr(fd, "user.a", "x", 1, 0));
	list(".");
}

void s_mmap(void)
{
	int fd = mk("f", 0644, 10000), ro = open("f", O_RDONLY);
	char *p = E(mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) ?
		mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : NULL;
	pid_t c;
	int st;

	E(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED);
	E(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 100) == MAP_FAILED);
	p[9999] = 'Z';
	p[10000] = 'Y';		/* beyond the end, in its page: not in the file */
	E(msync(p, 12288, MS_SYNC));
	sum(fd);
	E(ftruncate(fd, 12000));
	printf("  %d %d\n", p[9999], p[10000]);
	sum(fd);
	fflush(stdout);
	c = fork();
	if (!c) {
		p[12288 + 1] = 1;
		_exit(0);
	}
	waitpid(c, &st, 0);
	printf("  beyond the last page: signal %d\n", WTERMSIG(st));
	fflush(stdout);
	E(ftruncate(fd, 100));
	c = fork();
	if (!c)
		_exit(p[5000]);
	waitpid(c, &st, 0);
	printf("  after truncate: signal %d\n", WTERMSIG(st));
	E(pwrite(fd, "abc", 3, 50));
	printf("  %c%c%c %d\n", p[50], p[51], p[52], p[100]);
	E(ftruncate(fd, 16384));
	printf("  %d %d\n", p[8000], p[16383]);
	E(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	printf("  %d\n", p[50]);
	p[60] = 7;
	E(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 4096));
	printf("  %d %d\n", p[60], p[4096 + 60]);
	E(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
	printf("  %d\n", p[60]);
	int d = open("f", O_RDWR | O_DIRECT);

	memset(zbuf, 'D', 4096);
	E(pwrite(d, zbuf, 4096, 4096));
	printf("  %c\n", p[4096]);
	p[4100] = 'M';
	E(pread(d, zbuf, 4096, 4096));
	printf("  %c\n", zbuf[4]);
	sum(fd);
}

void s_misc(void)
{
	struct statfs sf;
	int fd = mk("f", 0644, 1), v;

	E(statfs(".", &sf));
	printf("  magic %lx bsize %ld namelen %ld frsize %ld\n", (long)sf.f_type, (long)sf.f_bsize, (long)sf.f_namelen, (long)sf.f_frsize);
	E(flock(fd, LOCK_EX | LOCK_NB));
	E(fcntl(fd, F_SETLEASE, F_WRLCK));
	E(fcntl(fd, F_GETLEASE));
	E(fcntl(fd, F_SETLEASE, F_UNLCK));
	E(pathconf("f", _PC_LINK_MAX) > 0);
	E(pathconf("f", _PC_NAME_MAX));
	E(ioctl(fd, FIONREAD, &v));
	E(ioctl(fd, FIGETBSZ, &v));
	printf("  %d\n", v);
	E(ioctl(fd, 0xdead, &v));
	E(ioctl(fd, _IOC(_IOC_READ, 'X', 250, 8), &v));
	E(copy_file_range(fd, NULL, open("g", O_CREAT | O_RDWR, 0644), NULL, 1, 0));
	E(splice(fd, NULL, open("g", O_RDWR), NULL, 10, 0));
	E(ioctl(fd, FIBMAP, &v));
	E(fsync(open(".", O_RDONLY)));
	E(fdatasync(open(".", O_RDONLY)));
	FD(open("excl", O_CREAT | O_RDWR | O_SYNC | O_DIRECT, 0644));
	FD(open("pathy", O_PATH));
	E(name_to_handle_at(AT_FDCWD, "f", &(struct file_handle){ .handle_bytes = 0 }, &v, 0));
	/* a handle finds its file again */
	struct { struct file_handle h; char b[128]; } fh = { .h.handle_bytes = 128 };
	int mnt = open(".", O_RDONLY);

	E(name_to_handle_at(AT_FDCWD, "f", &fh.h, &v, 0));
	printf("  handle %u bytes type %d\n", fh.h.handle_bytes, fh.h.handle_type);
	FD(open_by_handle_at(mnt, &fh.h, O_RDONLY));
	E(unlink("f"));
	close(fd);
	FD(open_by_handle_at(mnt, &fh.h, O_RDONLY));
	memset(fh.h.f_handle, 0xff, 8);
	FD(open_by_handle_at(mnt, &fh.h, O_RDONLY));
	memset(fh.h.f_handle, 0, 8);
	FD(open_by_handle_at(mnt, &fh.h, O_RDONLY));
}
