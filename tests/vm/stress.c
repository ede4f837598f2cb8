// SPDX-License-Identifier: GPL-2.0-only
/*
 * stress: several processes do random operations of every kind in one directory
 * tree, for a time.  It judges nothing but errors that no operation may give
 * (EIO, EUCLEAN, EBADMSG, ENOTSUPP...); the kernel log and xfs_repair
 * afterwards are the judges.  Names and sizes come from small sets, so that
 * the processes meet each other on the same files all the time.
 *
 * stress [-p PROCS] [-t SECONDS] [-n OPS] [-s SEED] [-x OP,OP...] DIR
 *	-x: only these operations (names of the table below)
 * With an O_DIRECT-only or mmap-only set it is a load against one part.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define NAMES	40
#define DIRS	5
#define MAXOFF	(1 << 20)
#define BUFSZ	(128 << 10)

static unsigned long rnd_state;
static char *buf;
static int bad;
static const char *op_name;

static unsigned int rnd(unsigned int n)
{
	rnd_state = rnd_state * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned int)(rnd_state >> 33) % n;
}

/* Races make most errors legitimate; these never are. */
static void judge(long ret)
{
	if (ret >= 0)
		return;
	switch (errno) {
	case EIO: case EUCLEAN: case EBADMSG: case EFAULT: case EDEADLK: case ENOSYS: case ENOLCK: case EAGAIN:
		fprintf(stderr, "stress: %s: %s\n", op_name, strerror(errno));
		bad++;
	}
}

/*
 * A page that mmap dirties again under a direct write cannot be invalidated: the kernel
 * says so in its log (ten times a day at most), and to the next who syncs the file by EIO.
 */
static int page_was_stale(void)
{
	static const char said[] = "Page cache invalidation failure on direct I/O";
	static char log[1 << 21];
	static int yes;

	int len;

	if (!yes && (len = klogctl(3, log, sizeof(log))) > 0)
		yes = memmem(log, len, said, sizeof(said) - 1) != NULL;
	return yes;
}

static void judge_sync(long ret)
{
	if (ret < 0 && errno == EIO && page_was_stale())
		return;
	judge(ret);
}

static void any_dir(char *p)
{
	int depth = rnd(3);

	strcpy(p, ".");
	while (depth--)
		sprintf(p + strlen(p), "/d%u", rnd(DIRS));
}

static void any_name(char *p)
{
	any_dir(p);
	/* A long name now and then makes the directory leave its small forms. */
	if (rnd(4))
		sprintf(p + strlen(p), "/f%u", rnd(NAMES));
	else
		sprintf(p + strlen(p), "/a-rather-long-name-%0*u", 60 + rnd(3) * 50, rnd(NAMES));
}

static int open_any(int flags)
{
	char p[2000];

	any_name(p);
	return open(p, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
}

static off_t any_off(void) { return rnd(2) ? rnd(MAXOFF) : rnd(MAXOFF) & ~4095; }

static void op_create(void)
{
	int fd = open_any(O_RDWR | O_CREAT);

	judge(fd);
	if (fd >= 0)
		close(fd);
}

static void op_unlink(void) { char p[2000]; any_name(p); judge(unlink(p)); }
static void op_mkdir(void) { char p[2000]; any_dir(p); judge(mkdir(p, 0755)); }
static void op_rmdir(void) { char p[2000]; any_dir(p); judge(rmdir(p)); }
static void op_link(void) { char a[2000], b[2000]; any_name(a); any_name(b); judge(link(a, b)); }
static void op_mknod(void) { char p[2000]; any_name(p); judge(mknod(p, S_IFIFO | 0600, 0)); }
static void op_truncate(void)
{
	int fd = open_any(O_RDWR);

	if (fd >= 0) {
		judge(ftruncate(fd, rnd(3) ? any_off() : 0));
		close(fd);
	}
}

static void op_rename(void)
{
	static const unsigned int flags[] = { 0, 0, 0, 1 /* NOREPLACE */, 2 /* EXCHANGE */ };
	char a[2000], b[2000];

	if (rnd(5)) {
		any_name(a);
		any_name(b);
	} else {
		any_dir(a);
		any_dir(b);
	}
	judge(syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags[rnd(5)]));
}

static void op_symlink(void)
{
	char p[2000], target[1100];
	int n = rnd(4) ? 1 + rnd(60) : 1 + rnd(1000);

	memset(target, 'x', n);
	target[n] = 0;
	any_name(p);
	judge(symlink(target, p));
	any_name(p);
	judge(readlink(p, target, sizeof(target)));
}

static void do_io(int flags, int write, unsigned int align)
{
	int fd = open_any(flags | (write ? O_CREAT : 0));
	off_t off = any_off() & ~(off_t)(align - 1);
	size_t len = (1 + rnd(rnd(4) ? 16384 : BUFSZ)) & ~(size_t)(align - 1);

	if (fd < 0)
		return;
	if (write && (flags & O_DSYNC))
		judge_sync(pwrite(fd, buf, len, off));
	else
		judge(write ? pwrite(fd, buf, len, off) : pread(fd, buf, len, off));
	if (!rnd(16))
		judge_sync(rnd(2) ? fsync(fd) : fdatasync(fd));
	close(fd);
}

static void op_write(void) { do_io(O_RDWR, 1, 1); }
static void op_append(void) { do_io(O_RDWR | O_APPEND, 1, 1); }
static void op_dsync(void) { do_io(O_RDWR | O_DSYNC, 1, 1); }
static void op_dwrite(void) { do_io(O_RDWR | O_DIRECT, 1, 512 << 3 * rnd(2)); }
static void op_read(void) { do_io(O_RDWR, 0, 1); }
static void op_dread(void) { do_io(O_RDWR | O_DIRECT, 0, 4096); }

/* A page past the new end of a file that somebody truncates meanwhile: SIGBUS is the right answer. */
static void on_bus(int sig) { _exit(0); }

static void op_mmap(void)
{
	size_t len = 4096 * (1 + rnd(32));
	off_t off = any_off() & ~4095;
	int fd = open_any(O_RDWR);
	struct stat st;
	char *m;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > off) {
		m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off);
		if (m != MAP_FAILED) {
			pid_t pid = fork();

			if (!pid) {
				signal(SIGBUS, on_bus);
				memset(m, rnd(256), len < (size_t)(st.st_size - off) ? len : (size_t)(st.st_size - off));
				if (rnd(2))
					msync(m, len, MS_SYNC);
				_exit(0);
			}
			if (pid > 0)
				waitpid(pid, NULL, 0);
			munmap(m, len);
		}
	}
	close(fd);
}

static void op_fallocate(void)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE };
	int m = modes[rnd(7)], fd = open_any(O_RDWR);
	off_t off = any_off();
	off_t len = 1 + rnd(256 << 10);

	if (fd < 0)
		return;
	if (m & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) {
		off &= ~4095;
		len = (len + 4095) & ~4095;
	}
	judge(fallocate(fd, m, off, len));
	close(fd);
}

/* Two files share, or find out that they could; or one ceases to. */
static void op_clone(void)
{
	struct file_clone_range r = { .src_offset = any_off() & ~4095 };
	int fd = open_any(O_RDWR | O_CREAT);

	r.src_fd = rnd(8) ? open_any(O_RDONLY) : fd;
	if (fd >= 0 && r.src_fd >= 0) {
		r.src_length = rnd(3) ? (1 + rnd(64)) << 12 : 0;
		r.dest_offset = any_off() & ~4095;
		if (rnd(3) == 0)
			judge(ioctl(fd, FICLONE, r.src_fd));
		else
			judge(ioctl(fd, FICLONERANGE, &r));
	}
	if (r.src_fd >= 0 && r.src_fd != fd)
		close(r.src_fd);
	if (fd >= 0)
		close(fd);
}

static void op_dedupe(void)
{
	struct { struct file_dedupe_range r; struct file_dedupe_range_info i; } d = {
		.r = { .src_offset = any_off() & ~4095, .src_length = (1 + rnd(32)) << 12, .dest_count = 1 } };
	int fd = open_any(O_RDONLY);

	d.i.dest_fd = open_any(O_RDWR);
	d.i.dest_offset = any_off() & ~4095;
	if (fd >= 0 && d.i.dest_fd >= 0) {
		judge(ioctl(fd, FIDEDUPERANGE, &d));
		if (d.i.status < 0) {
			errno = -d.i.status;
			judge(-1);
		}
	}
	if (d.i.dest_fd >= 0)
		close(d.i.dest_fd);
	if (fd >= 0)
		close(fd);
}

static void op_copy(void)
{
	int from = open_any(O_RDONLY), to = open_any(O_RDWR | O_CREAT);
	loff_t a = any_off(), b = any_off();

	if (from >= 0 && to >= 0)
		judge(syscall(SYS_copy_file_range, from, &a, to, &b, 1 + rnd(200000), 0));
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
}

static void op_unshare(void)
{
	int fd = open_any(O_RDWR);

	if (fd < 0)
		return;
	judge(fallocate(fd, FALLOC_FL_UNSHARE_RANGE, any_off(), 1 + rnd(256 << 10)));
	close(fd);
}

static void op_xattr(void)
{
	static const char * const names[] = { "user.a", "user.bb", "user.a-much-longer-name-of-an-attribute", "trusted.t" };
	int fd = open_any(O_RDWR);
	size_t len = rnd(3) ? rnd(100) : rnd(20000);

	if (fd < 0)
		return;
	if (rnd(3))
		judge(fsetxattr(fd, names[rnd(4)], buf, len, 0));
	else
		judge(fremovexattr(fd, names[rnd(4)]) && errno != ENODATA ? -1 : 0);
	judge(flistxattr(fd, buf, BUFSZ));
	judge(fgetxattr(fd, names[rnd(4)], buf, BUFSZ) < 0 && errno != ENODATA ? -1 : 0);
	close(fd);
}

static void op_attr(void)
{
	char p[2000];
	struct timespec ts[2] = { { rnd(1 << 30), 0 }, { rnd(1 << 30), 5 } };

	any_name(p);
	judge(fchmodat(AT_FDCWD, p, 0600 | rnd(64), 0));
	judge(fchownat(AT_FDCWD, p, rnd(3), rnd(3), AT_SYMLINK_NOFOLLOW));
	judge(utimensat(AT_FDCWD, p, ts, AT_SYMLINK_NOFOLLOW));
}

static void op_readdir(void)
{
	char p[2000];
	struct dirent *de;
	struct stat st;
	DIR *d;

	any_dir(p);
	d = opendir(p);
	if (!d)
		return;
	while ((de = readdir(d)))
		if (!rnd(4))
			judge(fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW));
	closedir(d);
}

static void op_tmpfile(void)
{
	char p[2000], q[64];
	int fd;

	any_dir(p);
	fd = open(p, O_RDWR | O_TMPFILE, 0600);
	if (fd < 0)
		return;
	judge(pwrite(fd, buf, 1 + rnd(BUFSZ), any_off()));
	if (rnd(2)) {
		sprintf(q, "/proc/self/fd/%d", fd);
		any_name(p);
		judge(linkat(AT_FDCWD, q, AT_FDCWD, p, AT_SYMLINK_FOLLOW));
	}
	close(fd);
}

/* Unlinked while open, written to, then let go. */
static void op_orphan(void)
{
	char p[2000];
	int fd;

	any_name(p);
	fd = open(p, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (fd < 0)
		return;
	judge(unlink(p));
	judge(pwrite(fd, buf, 1 + rnd(16384), any_off()));
	judge(ftruncate(fd, any_off()));
	close(fd);
}

static void op_seek(void)
{
	int fd = open_any(O_RDONLY);

	if (fd >= 0) {
		struct { struct fiemap_head { uint64_t s, l; uint32_t f, m, c, r; } h; char x[16 * 56]; } fm = {
			.h = { 0, ~0ULL, 0, 0, 16, 0 } };

		judge(lseek(fd, rnd(MAXOFF), SEEK_HOLE));
		judge(lseek(fd, rnd(MAXOFF), SEEK_DATA));
		judge(ioctl(fd, _IOWR('f', 11, struct fiemap_head), &fm));
		close(fd);
	}
}

static void op_sync(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);

	if (rnd(4))
		judge_sync(fsync(fd));
	else
		judge_sync(syncfs(fd));
	close(fd);
}

static const struct op { const char *name; void (*fn)(void); int weight; } ops[] = {
	{ "create", op_create, 10 }, { "unlink", op_unlink, 8 }, { "mkdir", op_mkdir, 4 }, { "rmdir", op_rmdir, 2 },
	{ "link", op_link, 3 }, { "symlink", op_symlink, 3 }, { "mknod", op_mknod, 1 }, { "rename", op_rename, 8 },
	{ "write", op_write, 10 }, { "append", op_append, 6 }, { "dsync", op_dsync, 2 }, { "dwrite", op_dwrite, 8 },
	{ "read", op_read, 5 }, { "dread", op_dread, 3 }, { "mmap", op_mmap, 4 }, { "truncate", op_truncate, 5 },
	{ "fallocate", op_fallocate, 10 }, { "xattr", op_xattr, 5 }, { "attr", op_attr, 3 }, { "readdir", op_readdir, 2 },
	{ "clone", op_clone, 8 }, { "dedupe", op_dedupe, 3 }, { "copy", op_copy, 2 }, { "unshare", op_unshare, 2 },
	{ "tmpfile", op_tmpfile, 3 }, { "orphan", op_orphan, 3 }, { "seek", op_seek, 3 }, { "sync", op_sync, 1 },
};
#define NOPS (sizeof(ops) / sizeof(ops[0]))

static int wanted(const char *list, const char *name)
{
	char l[600], n[64];

	if (!list)
		return 1;
	snprintf(l, sizeof(l), ",%s,", list);
	snprintf(n, sizeof(n), ",%s,", name);
	return !!strstr(l, n);
}

static int worker(unsigned long seed, int secs, long nops, const char *list)
{
	const struct op *bag[200];
	unsigned int nbag = 0, i;
	time_t end = time(NULL) + secs;
	long n;

	for (i = 0; i < NOPS; i++)
		for (int w = 0; wanted(list, ops[i].name) && w < ops[i].weight; w++)
			bag[nbag++] = &ops[i];
	if (!nbag)
		return 2;
	rnd_state = seed * 7919 + 13;
	rnd(2);
	if (posix_memalign((void **)&buf, 4096, BUFSZ))
		return 2;
	memset(buf, (int)seed, BUFSZ);
	for (n = 0; nops ? n < nops : time(NULL) < end; n++) {
		const struct op *o = bag[rnd(nbag)];

		op_name = o->name;
		o->fn();
	}
	return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
	int procs = 4, secs = 10, c, i, rc = 0, st;
	long nops = 0;
	unsigned long seed = 1;
	const char *list = NULL;

	while ((c = getopt(argc, argv, "p:t:n:s:x:")) != -1) {
		switch (c) {
		case 'p': procs = atoi(optarg); break;
		case 't': secs = atoi(optarg); break;
		case 'n': nops = atol(optarg); break;
		case 's': seed = strtoul(optarg, NULL, 0); break;
		case 'x': list = optarg; break;
		default: return 2;
		}
	}
	if (optind + 1 != argc || chdir(argv[optind])) {
		fprintf(stderr, "usage: stress [-p PROCS] [-t SECONDS] [-n OPS] [-s SEED] [-x OP,OP...] DIR\n");
		return 2;
	}
	/* A FIFO without a reader: opening it must not stop us. */
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < procs; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(worker(seed * 1000 + i, secs, nops, list));
	}
	while (wait(&st) > 0)
		if (!WIFEXITED(st) || WEXITSTATUS(st))
			rc = 1;
	return rc;
}
