// SPDX-License-Identifier: GPL-2.0-only
/*
 * race, the helper of race-static.sh: what that script needs of devices and directories and cannot count on finding as programs on a
 * machine that it does not know. The first argument says what:
 *
 *   probe DIR          is there direct I/O, libaio, io_uring; which filesystem is it, and how much room: NAME=VALUE lines
 *   inspect DEV [any]  may DEV be overwritten? "ok DEV MIB"; or a sentence that says why not, and status 1. Only reads. What is in use
 *                      never may; what has something on it may with "any"
 *   attach FILE MIB    makes FILE, which must not exist, and a loop device of it: prints the device
 *   detach DEV         the end of that loop device
 *   hold DEV NAME      a device over DEV that holds writes for some time (dm-delay): prints it
 *   release NAME       the end of that
 *   blank DEV          zeros where others look for signatures
 *
 * A failure is a sentence on stderr and status 1.
 */
#include "race.h"
#include <linux/dm-ioctl.h>
#include <linux/loop.h>
#include <sys/statvfs.h>

#define MIB		(1ull << 20)
#define LOOK		MIB		/* so much at both ends must be blank */
#define LEAST_MIB	512		/* for newer mkfs.xfs, and the files of a row */
#define HOLD_PARTS	12

static int __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

/* ------------------------------------------------------------ probe */

/* "\040" and the like, as in /proc/self/mounts. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		unsigned int c;

		if (s[0] == '\\' && sscanf(s + 1, "%3o", &c) == 1) {
			*to++ = (char)c;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* What is mounted at the longest prefix of @path: the later one if there are two. */
static void mount_of(const char *path, char *type, char *dev)
{
	char line[4096], d[1024], at[2048], t[64];
	FILE *f = fopen("/proc/self/mounts", "re");
	size_t best = 0, n;

	strcpy(type, "unknown");
	strcpy(dev, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%1023s %2047s %63s", d, at, t) != 3)
			continue;
		unescape(at);
		n = strlen(at);
		if (n < best || strncmp(path, at, n) || (n > 1 && path[n] && path[n] != '/'))
			continue;
		best = n;
		strcpy(type, t);
		strcpy(dev, d);
	}
	if (f)
		fclose(f);
}

static const char *why_direct(const char *dir)
{
	char path[4200];
	void *buf = NULL;
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/probe-%d", dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		err = errno;
	else if (posix_memalign(&buf, 4096, BS) || pwrite(fd, memset(buf, 1, BS), BS, 0) != BS)
		err = errno ?: EIO;
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || err == EINVAL)	/* made, and then not opened */
		unlink(path);
	free(buf);
	return err ? strerror(err) : NULL;
}

static int probe(const char *dir)
{
	char real[4096], type[64], dev[1024];
	struct io_uring ring;
	io_context_t ctx = NULL;
	struct statvfs st;
	const char *why;
	int err;

	if (!realpath(dir, real) || statvfs(real, &st))
		return fail("%s: %s", dir, strerror(errno));
	mount_of(real, type, dev);
	printf("fs=%s\ndev=%s\nfree_mib=%llu\n", type, dev, (unsigned long long)st.f_bavail * st.f_frsize / MIB);
	why = why_direct(real);
	printf("direct=%s\n", why ?: "yes");
	err = io_setup(8, &ctx);
	printf("libaio=%s\n", err ? strerror(-err) : "yes");
	err = io_uring_queue_init(8, &ring, 0);
	printf("io_uring=%s\n", err ? strerror(-err) : "yes");
	return 0;
}

/* ------------------------------------------------------------ inspect */

static const struct signature {
	const char *what;
	uint64_t at;
	unsigned int n;
	const char *bytes;
} signatures[] = {
	{ "an XFS filesystem", 0, 4, "XFSB" },
	{ "an ext2, ext3 or ext4 filesystem", 1080, 2, "\x53\xef" },
	{ "a Btrfs filesystem", 65600, 8, "_BHRfS_M" },
	{ "a LUKS volume", 0, 6, "LUKS\xba\xbe" },
	{ "an LVM physical volume", 0, 8, "LABELONE" }, { "an LVM physical volume", 512, 8, "LABELONE" },
	{ "an LVM physical volume", 1024, 8, "LABELONE" }, { "an LVM physical volume", 1536, 8, "LABELONE" },
	{ "swap space", 4086, 10, "SWAPSPACE2" }, { "swap space", 65526, 10, "SWAPSPACE2" },
	{ "a GPT partition table", 512, 8, "EFI PART" }, { "a GPT partition table", 4096, 8, "EFI PART" },
	{ "an md RAID member", 0, 4, "\xfc\x4e\x2b\xa9" }, { "an md RAID member", 4096, 4, "\xfc\x4e\x2b\xa9" },
	{ "an NTFS filesystem", 3, 8, "NTFS    " }, { "an exFAT filesystem", 3, 8, "EXFAT   " },
	{ "a FAT filesystem", 54, 3, "FAT" }, { "a FAT filesystem", 82, 3, "FAT" },
	{ "an ISO 9660 filesystem", 32769, 5, "CD001" },
	{ "a SquashFS filesystem", 0, 4, "hsqs" }, { "an EROFS filesystem", 1024, 4, "\xe2\xe1\xf5\xe0" },
	{ "an F2FS filesystem", 1024, 4, "\x10\x20\xf5\xf2" }, { "a GFS2 filesystem", 65536, 4, "\x01\x16\x19\x70" },
	{ "a JFS filesystem", 32768, 4, "JFS1" }, { "a ReiserFS filesystem", 65588, 6, "ReIsEr" },
	{ "a partition table, or a boot sector", 510, 2, "\x55\xaa" },
};

/* The sentence for what is mounted from, swapped on, or stacked over the device; or for its partitions. */
static const char *who_uses(unsigned int maj, unsigned int min)
{
	static char say[2400];
	char line[4096], dev[32], at[2048], path[128];
	struct dirent *e;
	struct stat st;
	unsigned int a, b;
	FILE *f;
	DIR *d;

	f = fopen("/proc/self/mountinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*u %*u %u:%u %*s %2047s", &a, &b, at) == 3 && a == maj && b == min) {
			unescape(at);
			snprintf(say, sizeof(say), "is mounted at %s", at);
			fclose(f);
			return say;
		}
	}
	if (f)
		fclose(f);
	f = fopen("/proc/swaps", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%2047s", at) == 1 && !stat(at, &st) && S_ISBLK(st.st_mode) && major(st.st_rdev) == maj &&
		    minor(st.st_rdev) == min) {
			fclose(f);
			return "is in use as swap space";
		}
	}
	if (f)
		fclose(f);
	snprintf(dev, sizeof(dev), "%u:%u", maj, min);
	snprintf(path, sizeof(path), "/sys/dev/block/%s/holders", dev);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.') {
			snprintf(say, sizeof(say), "is in use: %s is made of it", e->d_name);
			closedir(d);
			return say;
		}
	if (d)
		closedir(d);
	snprintf(path, sizeof(path), "/sys/dev/block/%s", dev);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		char part[512];

		snprintf(part, sizeof(part), "%s/%.255s/partition", path, e->d_name);
		if (e->d_name[0] == '.' || access(part, F_OK))
			continue;
		snprintf(say, sizeof(say), "has partitions (%s)", e->d_name);
		closedir(d);
		return say;
	}
	if (d)
		closedir(d);
	return NULL;
}

/* What is there, in words; NULL if both ends are blank. */
static const char *what_is_on(int fd, uint64_t size, const char **err)
{
	unsigned char *buf = calloc(1, LOOK);
	const char *what = NULL;
	unsigned int i, k, end;

	*err = NULL;
	for (end = 0; end < 2 && !what && !*err; end++) {
		if (pread(fd, buf, LOOK, end ? size - LOOK : 0) != (ssize_t)LOOK) {
			*err = errno ? strerror(errno) : "it is shorter than it says";
			break;
		}
		for (i = 0; !end && i < sizeof(signatures) / sizeof(signatures[0]) && !what; i++)
			if (!memcmp(buf + signatures[i].at, signatures[i].bytes, signatures[i].n))
				what = signatures[i].what;
		for (k = 0; k < LOOK && !what; k++)
			if (buf[k])
				what = end ? "something at its end that is not blank" : "something that is not blank";
	}
	free(buf);
	return what;
}

static int inspect(const char *name, bool any)
{
	const char *what, *err = NULL;
	char dev[4096];
	struct stat st;
	uint64_t size;
	int fd, held;

	if (!realpath(name, dev) || stat(dev, &st))
		return fail("%s: %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fail("%s is a directory: --dir %s works in files of its own there, --loop %s makes a loop file there", name, name, name);
	if (!S_ISBLK(st.st_mode))
		return fail("%s is not a block device, and an existing file is never used: --loop NEWFILE makes one", name);
	if (strchr(dev, '\''))
		return fail("%s: a device with such a name is not used", dev);
	what = who_uses(major(st.st_rdev), minor(st.st_rdev));
	if (what)
		return fail("%s %s: not used, nothing was overwritten", name, what);
	/* Looking needs no right to write, and cannot wake udev up by closing what could have been written. */
	fd = open(dev, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY ? fail("%s is in use (mounted elsewhere, in a RAID, LVM, encryption or swap, or opened by a program): not used, "
					     "nothing was overwritten", name) :
					fail("%s: %s", name, strerror(errno));
	if (ioctl(fd, BLKROGET, &held) == 0 && held) {
		close(fd);
		return fail("%s is read-only", name);
	}
	if (ioctl(fd, BLKGETSIZE64, &size))
		size = 0;
	what = size >= 2 * LOOK ? what_is_on(fd, size, &err) : NULL;
	close(fd);
	if (err)
		return fail("%s: reading: %s", name, err);
	if (what && !any)
		return fail("%s has %s: not used, nothing was overwritten. If nothing on it is needed: --force, or blank its ends first", name, what);
	if (size < LEAST_MIB * MIB)
		return fail("%s is too small: %u MiB are needed", name, LEAST_MIB);
	printf("ok %s %llu\n", dev, (unsigned long long)(size / MIB));
	return 0;
}

static int blank(const char *dev)
{
	char *buf = calloc(1, LOOK);
	int fd = open(dev, O_WRONLY | O_EXCL | O_CLOEXEC);
	uint64_t size;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) || pwrite(fd, buf, LOOK, 0) != (ssize_t)LOOK ||
	    pwrite(fd, buf, LOOK, size - LOOK) != (ssize_t)LOOK || fsync(fd))
		return fail("%s: %s", dev, strerror(errno));
	close(fd);
	free(buf);
	return 0;
}

/* ------------------------------------------------------------ loop devices */

static int attach(const char *path, unsigned long long mib)
{
	struct loop_info64 info = { 0 };
	int file, ctl, nr, fd = -1, i;
	char dev[32];

	file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return errno == EEXIST ? fail("%s exists: not used, nothing was overwritten", path) : fail("%s: %s", path, strerror(errno));
	if (ftruncate(file, mib * MIB)) {
		fail("%s: a file of %llu MiB: %s", path, mib, strerror(errno));
		goto out;
	}
	ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (ctl < 0) {
		fail("there are no loop devices here (/dev/loop-control: %s): use a spare device, or --dir", strerror(errno));
		goto out;
	}
	/* Somebody else may take the one that was free. */
	for (i = 0; i < 20; i++) {
		nr = ioctl(ctl, LOOP_CTL_GET_FREE);
		if (nr < 0)
			break;
		snprintf(dev, sizeof(dev), "/dev/loop%d", nr);
		fd = open(dev, O_RDWR | O_CLOEXEC);
		if (fd < 0 || !ioctl(fd, LOOP_SET_FD, file))
			break;
		close(fd);
		fd = -1;
		if (errno != EBUSY)
			break;
	}
	if (fd < 0) {
		fail("no loop device can be had: %s", strerror(errno));
		goto out;
	}
	snprintf((char *)info.lo_file_name, sizeof(info.lo_file_name), "%s", path);
	if (ioctl(fd, LOOP_SET_STATUS64, &info)) {
		fail("%s: %s", dev, strerror(errno));
		ioctl(fd, LOOP_CLR_FD);
		goto out;
	}
	ioctl(fd, LOOP_SET_DIRECT_IO, 1ul);	/* where the file's filesystem can; the answer does not depend on it */
	close(fd);
	puts(dev);
	return 0;
out:
	unlink(path);
	return 1;
}

static int detach(const char *dev)
{
	int fd, i, err = 0;

	for (i = 0; i < 50; i++) {
		fd = open(dev, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return fail("%s: %s", dev, strerror(errno));
		err = ioctl(fd, LOOP_CLR_FD) ? errno : 0;
		close(fd);
		if (!err || err == ENXIO)
			return 0;
		usleep(100000);
	}
	return fail("%s: %s", dev, strerror(err));
}

/* ------------------------------------------------------------ dm-delay */

static int dm(int fd, unsigned long cmd, const char *name, struct dm_ioctl *d, size_t size)
{
	d->version[0] = DM_VERSION_MAJOR;
	d->data_size = (uint32_t)size;
	d->data_start = sizeof(*d);
	snprintf(d->name, sizeof(d->name), "%s", name);
	return ioctl(fd, cmd, d) ? errno : 0;
}

static int release(const char *name)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), err = fd < 0 ? errno : EBUSY, i;

	/* udev may look at it just now. */
	for (i = 0; fd >= 0 && err == EBUSY && i < 50; i++) {
		struct dm_ioctl d = { 0 };

		if (i)
			usleep(100000);
		err = dm(fd, DM_DEV_REMOVE, name, &d, sizeof(d));
	}
	if (fd >= 0)
		close(fd);
	return err && err != ENXIO ? fail("%s: %s", name, strerror(err)) : 0;
}

/*
 * Parts with different delays, so that what is sent first may be written last. Reads and flushes are not held where the kernel can tell
 * them (@classes 3); older kernels know reads and writes.
 */
static uint32_t hold_table(char *at, const char *dev, uint64_t sectors, unsigned int classes)
{
	static const unsigned int ms[] = { 10, 20, 30, 15 };
	uint64_t part = sectors / HOLD_PARTS / 2048 * 2048, off = 0;
	char *base = at;
	unsigned int i;

	for (i = 0; i < HOLD_PARTS; i++) {
		struct dm_target_spec *t = (struct dm_target_spec *)at;
		char *s = (char *)(t + 1);
		int n;

		memset(t, 0, sizeof(*t));
		t->sector_start = off;
		t->length = i == HOLD_PARTS - 1 ? sectors - off : part;
		strcpy(t->target_type, "delay");
		n = sprintf(s, "%s %" PRIu64 " 0 %s %" PRIu64 " %u", dev, off, dev, off, ms[i % 4]);
		if (classes == 3)
			n += sprintf(s + n, " %s %" PRIu64 " 0", dev, off);
		t->next = (uint32_t)((sizeof(*t) + n + 1 + 7) / 8 * 8);
		at += t->next;
		off += part;
	}
	return (uint32_t)(at - base);
}

static int hold(const char *dev, const char *name)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), under, err, i;
	struct dm_ioctl d = { 0 }, *load;
	unsigned int classes, maj, min;
	uint64_t size;
	char node[32];
	struct stat st;

	under = open(dev, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || under < 0 || stat(dev, &st) || ioctl(under, BLKGETSIZE64, &size))
		return fail("no device mapper: %s", strerror(errno));
	close(under);
	snprintf(node, sizeof(node), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	err = dm(fd, DM_DEV_CREATE, name, &d, sizeof(d));
	if (err)
		return fail("device mapper: %s", strerror(err));
	maj = (unsigned int)(d.dev >> 8 & 0xfff);
	min = (unsigned int)((d.dev & 0xff) | (d.dev >> 12 & 0xfff00));
	load = malloc(65536);
	for (classes = 3; classes >= 2; classes--) {
		memset(load, 0, sizeof(*load));
		load->target_count = HOLD_PARTS;
		err = dm(fd, DM_TABLE_LOAD, name, load, sizeof(*load) + hold_table((char *)(load + 1), node, size / 512, classes));
		if (!err)
			break;
	}
	free(load);
	memset(&d, 0, sizeof(d));
	if (!err)
		err = dm(fd, DM_DEV_SUSPEND, name, &d, sizeof(d));	/* without its flag: resume */
	close(fd);
	snprintf(node, sizeof(node), "/dev/dm-%u", min);
	for (i = 0; !err && i < 50; i++) {
		if (!stat(node, &st) && S_ISBLK(st.st_mode) && st.st_rdev == makedev(maj, min)) {
			puts(node);
			return 0;
		}
		usleep(20000);
	}
	release(name);
	return err ? fail("dm-delay: %s", strerror(err)) : fail("%s does not appear", node);
}

int race_tool(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "", *arg = argc > 2 ? argv[2] : NULL, *more = argc > 3 ? argv[3] : NULL;

	if (!strcmp(what, "probe"))
		return probe(arg);
	/* Ctrl-C reaches the script, too: what is begun here ends, so that the script knows what to undo. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (!strcmp(what, "inspect"))
		return inspect(arg, more && !strcmp(more, "any"));
	if (!strcmp(what, "attach") && more)
		return attach(arg, strtoull(more, NULL, 10));
	if (!strcmp(what, "detach"))
		return detach(arg);
	if (!strcmp(what, "hold") && more)
		return hold(arg, more);
	if (!strcmp(what, "release"))
		return release(arg);
	if (!strcmp(what, "blank"))
		return blank(arg);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	return -1;
}
