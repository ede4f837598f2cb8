// SPDX-License-Identifier: GPL-2.0-only
/*
 * fsmap [-n RECORDS] [-u] [-3] [-g] [-e | -c] DIR: what FS_IOC_GETFSMAP says, in words that two kernels can be compared by.
 *
 *	(nothing)	the whole map, RECORDS in a call (1024), each call from where the last one ended; after it where it ends
 *	-e		single calls: keys and headers of all kinds, at places that come from the map of the volume
 *	-c		how many records a call would return, twice: as the kernel counts, and as it returns them
 *	-u		as nobody, without any capability
 *	-3		as a 32-bit program calls, by interrupt 0x80
 *	-g		nothing about a gap at the end of an answer: for kernels before Linux 6.12, which end that at the wrong
 *			place
 *
 * The number of the device is printed as "dev".  Exit status 1: a call of the walk failed, or the kernel counts otherwise; 3: -3 on a
 * kernel without.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/fsmap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static int fd;
static bool i386, no_end;
static unsigned int dev, bs;
static struct fsmap_head *head;
static unsigned int room;		/* records that *head has room for */
static struct fsmap *map;
static unsigned int map_n;
static uint64_t gap_owner = FMR_OWN_FREE;	/* of what no record tells of */

/* main() fills the device in: of another one it would be all that the keys say. */
static struct fsmap lowest, highest = { .fmr_flags = UINT_MAX, .fmr_physical = -1ULL, .fmr_owner = -1ULL, .fmr_offset = -1ULL };

static void need(unsigned int n)
{
	if (n < room)
		return;
	if (head)
		munmap(head, fsmap_sizeof(room));
	room = n + 1;
	head = mmap(NULL, fsmap_sizeof(room), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (head == MAP_FAILED)
		exit(2);
}

/* 0 or errno */
static int call(void *arg)
{
	long r;

	if (!i386)
		return ioctl(fd, FS_IOC_GETFSMAP, arg) ? errno : 0;
	/* __NR_ioctl of i386 is 54 */
	asm volatile("int $0x80" : "=a" (r) : "a" (54L), "b" ((long)fd), "c" ((long)FS_IOC_GETFSMAP), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return -(int)r;
}

/* One call; 0 or errno. */
static int ask(const struct fsmap *low, const struct fsmap *high, unsigned int count)
{
	need(count);
	memset(head, 0, fsmap_sizeof(room));
	memset(head->fmh_recs, 0xa5, room * sizeof(struct fsmap));
	head->fmh_keys[0] = *low;
	head->fmh_keys[1] = *high;
	head->fmh_count = count;
	return call(head);
}

/* With -g: how many are left without the gap at the end. */
static unsigned int without_end(const struct fsmap *r, unsigned int n)
{
	if (no_end && n && (r[n - 1].fmr_flags & ~FMR_OF_LAST) == FMR_OF_SPECIAL_OWNER && r[n - 1].fmr_owner == gap_owner)
		n--;
	return n;
}

static void show(const struct fsmap *r)
{
	static const char names[] = "uamsSL";
	char flags[sizeof(names)] = "------";
	int i;

	for (i = 0; i < 6; i++)
		if (r->fmr_flags & 1U << i && !(no_end && 1U << i == FMR_OF_LAST))
			flags[i] = names[i];
	printf("%s%s %12llu %12llu", r->fmr_flags & ~0x3fU ? "flags?" : "", flags, (unsigned long long)r->fmr_physical,
	       (unsigned long long)r->fmr_length);
	if (r->fmr_flags & FMR_OF_SPECIAL_OWNER)
		printf(" special %u:%u", FMR_OWNER_TYPE(r->fmr_owner), FMR_OWNER_CODE(r->fmr_owner));
	else
		printf(" inode %llu", (unsigned long long)r->fmr_owner);
	printf(" offset %llu", (unsigned long long)r->fmr_offset);
	if (r->fmr_device != dev)
		printf(" device %u", r->fmr_device);
	if (r->fmr_reserved[0] || r->fmr_reserved[1] || r->fmr_reserved[2])
		printf(" reserved");
	printf("\n");
}

/* The whole volume into map[]; exit on an error. */
static int walk(unsigned int count)
{
	struct fsmap low = lowest;
	unsigned int i, cap = 0;

	map_n = 0;
	for (;;) {
		int error = ask(&low, &highest, count);

		if (error) {
			if (error != ENOSYS)
				printf("walk: %s\n", strerror(error));
			return error;
		}
		if (head->fmh_oflags != FMH_OF_DEV_T)
			printf("oflags %u\n", head->fmh_oflags);
		if (!head->fmh_entries)
			return 0;
		if (map_n + head->fmh_entries > cap) {
			cap = (map_n + head->fmh_entries) * 2;
			map = realloc(map, cap * sizeof(*map));
			if (!map)
				exit(2);
		}
		for (i = 0; i < head->fmh_entries; i++) {
			map[map_n++] = head->fmh_recs[i];
			if (head->fmh_recs[i].fmr_owner == FMR_OWN_UNKNOWN && head->fmh_recs[i].fmr_flags & FMR_OF_SPECIAL_OWNER)
				gap_owner = FMR_OWN_UNKNOWN;
		}
		if (map[map_n - 1].fmr_flags & FMR_OF_LAST)
			return 0;
		low = map[map_n - 1];
	}
}

/* ---- single calls ---- */

static void tell(const char *what, const struct fsmap *low, const struct fsmap *high, unsigned int count)
{
	struct fsmap untouched;
	unsigned int i, n;
	int error = ask(low, high, count);

	memset(&untouched, 0xa5, sizeof(untouched));
	printf("%s [", what);
	printf("%llu %llx %llu +%llu %x, ", (unsigned long long)low->fmr_physical, (unsigned long long)low->fmr_owner,
	       (unsigned long long)low->fmr_offset, (unsigned long long)low->fmr_length, low->fmr_flags);
	printf("%llu %llx %llu %x]", (unsigned long long)high->fmr_physical, (unsigned long long)high->fmr_owner,
	       (unsigned long long)high->fmr_offset, high->fmr_flags);
	if (error) {
		printf(" %s\n", strerror(error));
		return;
	}
	n = head->fmh_entries;
	if (!no_end)
		printf(" %u of %u", n, count);
	printf("%s\n", head->fmh_oflags == FMH_OF_DEV_T ? "" : " oflags?");
	if (count && memcmp(&head->fmh_recs[n], &untouched, sizeof(untouched)))
		printf("what is behind the last record was written to\n");
	n = count ? without_end(head->fmh_recs, n) : 0;
	for (i = 0; i < n; i++)
		show(&head->fmh_recs[i]);
}

static void errors(const char *dir)
{
	struct fsmap low, high;
	void *edge, *none;
	int real = fd, error;

#define BAD(what, change) do { \
		low = lowest; \
		high = highest; \
		change; \
		tell(what, &low, &high, 2); \
	} while (0)
	BAD("anything", );
	BAD("low key's reserved field", low.fmr_reserved[2] = 1);
	BAD("high key's reserved field", high.fmr_reserved[0] = 1);
	BAD("low key of no device of ours", low.fmr_device = 1);
	BAD("high key of no device of ours", high.fmr_device = 1);
	BAD("low key of the first device", low.fmr_device = 0);
	BAD("low key of the first device, and far into it", low.fmr_device = 0; low.fmr_physical = 1 << 20);
	BAD("high key of the last device, not far into it", high.fmr_device = UINT_MAX; high.fmr_physical = 4096);
	BAD("high key of device 0", high.fmr_device = 0);
	BAD("low key of the last device", low.fmr_device = UINT_MAX);
	BAD("low key above the high one", low.fmr_physical = 1 << 20; high.fmr_physical = 1 << 19);
	BAD("high key of zeroes", memset(&high, 0, sizeof(high)));
	BAD("high key of zeroes, same device", high = lowest);
	BAD("owners in the wrong order", low.fmr_owner = 200; high.fmr_physical = 0; high.fmr_owner = 100);
	BAD("offsets in the wrong order", low.fmr_offset = 8192; high.fmr_physical = 0; high.fmr_owner = 0; high.fmr_offset = 4096);
	BAD("special owner that is none", low.fmr_flags = FMR_OF_SPECIAL_OWNER; low.fmr_owner = FMR_OWNER('X', 77));
	BAD("special owner of inodes", low.fmr_flags = FMR_OF_SPECIAL_OWNER; low.fmr_owner = FMR_OWNER('X', 5));
	BAD("special high owner that is none", high.fmr_flags = FMR_OF_SPECIAL_OWNER; high.fmr_owner = FMR_OWNER('X', 77));
	BAD("special high owner, the largest", high.fmr_flags = FMR_OF_SPECIAL_OWNER; high.fmr_owner = -1ULL);
	BAD("special low owner with an offset", low.fmr_flags = FMR_OF_SPECIAL_OWNER; low.fmr_owner = FMR_OWNER('X', 5);
	    low.fmr_offset = 4096);
	BAD("map block with an offset", low.fmr_flags = FMR_OF_EXTENT_MAP; low.fmr_owner = 128; low.fmr_offset = 4096);
	BAD("high key with a length", high.fmr_length = 4096);
	BAD("high key with the largest length", high.fmr_length = -1ULL);
	BAD("unknown flags", low.fmr_flags = 1 << 20);
	BAD("low key far beyond the device", low.fmr_physical = 1ULL << 50);
	BAD("low key at the top", low.fmr_physical = -1ULL);
	BAD("low key at the top with a length", low.fmr_physical = -1ULL; low.fmr_length = -1ULL);
	BAD("high key inside the first sector", high.fmr_physical = 100);
	BAD("both inside the first sector", low.fmr_physical = 1; high.fmr_physical = 100);
	BAD("a key that is not a multiple of sectors", low.fmr_physical = 12345; high.fmr_physical = 777777);

	ask(&lowest, &highest, 1);
	head->fmh_iflags = 1;
	printf("iflags: %s\n", strerror(call(head)));
	ask(&lowest, &highest, 1);
	head->fmh_reserved[5] = 1;
	printf("reserved: %s\n", strerror(call(head)));
	printf("null: %s\n", strerror(call(NULL)));
	/* a header at the end of what is mapped, then one with room for one record */
	edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	none = (char *)edge + 4096;
	munmap(none, 4096);
	ask(&lowest, &highest, 1);
	head->fmh_keys[1].fmr_physical = 1 << 20;
	head->fmh_count = 2;
	head->fmh_entries = 77;
	head->fmh_oflags = 0;
	memcpy((char *)none - sizeof(*head), head, sizeof(*head));
	error = call((char *)none - sizeof(*head));
	printf("no room for records: %s, entries %u\n", strerror(error), ((struct fsmap_head *)((char *)none - sizeof(*head)))->fmh_entries);
	memcpy((char *)none - fsmap_sizeof(1), head, sizeof(*head));
	error = call((char *)none - fsmap_sizeof(1));
	printf("room for one: %s\n", strerror(error));
	head->fmh_count = UINT_MAX;
	memcpy((char *)none - fsmap_sizeof(1), head, sizeof(*head));
	error = call((char *)none - fsmap_sizeof(1));
	printf("so many that nobody has: %s\n", strerror(error));
	memcpy((char *)none - 64, head, 64);
	printf("half a header: %s\n", strerror(call((char *)none - 64)));

	fd = open(dir, O_PATH);
	ask(&lowest, &highest, 1);
	printf("O_PATH: %s\n", strerror(ask(&lowest, &highest, 1)));
	close(fd);
	fd = real;
}

/* Around one record. */
static void around(const struct fsmap *r)
{
	static const char *const name[] = { "its start", "byte 1", "last byte of a sector", "sector 1", "last sector of a block",
					    "block 1", "the last byte", "its end" };
	const uint64_t at[] = { 0, 1, 511, 512, bs - 512, bs, r->fmr_length - 1, r->fmr_length };
	struct fsmap low, high;
	unsigned int i, j;
	char what[100];

	printf("-- ");
	show(r);
	for (i = 0; i < 8; i++) {
		low = lowest;
		high = highest;
		low.fmr_physical = r->fmr_physical + at[i];
		snprintf(what, sizeof(what), "from %s", name[i]);
		tell(what, &low, &high, 2);
		low.fmr_physical = r->fmr_physical > 8 * bs ? r->fmr_physical - 8 * bs : 0;
		high.fmr_physical = r->fmr_physical + at[i];
		snprintf(what, sizeof(what), "to %s", name[i]);
		tell(what, &low, &high, 40);
		for (j = i; j < 8; j += 3) {
			low.fmr_physical = r->fmr_physical + at[i];
			high.fmr_physical = r->fmr_physical + at[j];
			snprintf(what, sizeof(what), "from %s to %s", name[i], name[j]);
			tell(what, &low, &high, 3);
			tell("counted", &low, &high, 0);
		}
	}
	high = highest;
	low = *r;
	tell("behind it", &low, &high, 2);
	low.fmr_length = bs;
	tell("behind a block of it", &low, &high, 2);
	low.fmr_length = 0;
	tell("from it", &low, &high, 2);
	low.fmr_length = r->fmr_length - 512;
	tell("behind a part of it that ends in a block", &low, &high, 2);
	low = *r;
	low.fmr_device = 0;
	tell("behind it, device 0", &low, &high, 1);
	low = lowest;
	low.fmr_physical = r->fmr_physical;
	low.fmr_owner = 1ULL << 40;
	tell("from it, owners above those of inodes", &low, &high, 1);
	high = *r;
	high.fmr_length = 0;
	tell("exactly it", r->fmr_length ? &high : &lowest, &high, 2);
	low.fmr_owner = 0;
	tell("from its place to it", &low, &high, 2);
	low = lowest;
	low.fmr_physical = r->fmr_physical > 2 * bs ? r->fmr_physical - 2 * bs : 0;
	tell("two blocks before to it", &low, &high, 4);
	high.fmr_owner = 0;
	high.fmr_offset = 0;
	high.fmr_flags = 0;
	tell("two blocks before to its place, owner 0", &low, &high, 4);
}

static void edges(const char *dir)
{
	static const struct { unsigned int flags, owner_code; } kinds[] = {
		{ 0, 0 }, { FMR_OF_PREALLOC, 0 }, { FMR_OF_ATTR_FORK, 0 }, { FMR_OF_EXTENT_MAP, 0 }, { FMR_OF_SPECIAL_OWNER, 1 },
		{ FMR_OF_SPECIAL_OWNER, 2 }, { FMR_OF_SPECIAL_OWNER, 3 }, { FMR_OF_SPECIAL_OWNER, 4 }, { FMR_OF_SPECIAL_OWNER, 5 },
	};
	struct fsmap *mine;
	unsigned int n, i, k;

	if (walk(1024))
		return;
	n = without_end(map, map_n);
	mine = malloc(n * sizeof(*mine));
	memcpy(mine, map, n * sizeof(*mine));
	errors(dir);
	/* of each kind the third and the longest, then the first and the last of all */
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		unsigned int seen = 0, longest = n;

		for (i = 0; i < n; i++) {
			const struct fsmap *r = &mine[i];

			if ((r->fmr_flags & ~FMR_OF_LAST) != kinds[k].flags ||
			    (kinds[k].owner_code && FMR_OWNER_CODE(r->fmr_owner) != kinds[k].owner_code))
				continue;
			if (longest == n || r->fmr_length > mine[longest].fmr_length)
				longest = i;
			if (++seen == 3)
				around(r);
		}
		if (longest < n)
			around(&mine[longest]);
	}
	around(&mine[0]);
	around(&mine[n - 1]);
}

int main(int argc, char **argv)
{
	unsigned int count = 1024, i;
	bool single = false, counting = false, nobody = false;
	struct statfs sfs;
	struct stat st;
	int c;

	while ((c = getopt(argc, argv, "n:uecg3")) != -1) {
		switch (c) {
		case 'n':
			count = strtoul(optarg, NULL, 0);
			break;
		case 'u':
			nobody = true;
			break;
		case '3':
			i386 = true;
			break;
		case 'g':
			no_end = true;
			break;
		case 'e':
			single = true;
			break;
		case 'c':
			counting = true;
			break;
		default:
			return 2;
		}
	}
	if (optind != argc - 1 || !count)
		return 2;
	fd = open(argv[optind], O_RDONLY);
	if (fd < 0 || fstat(fd, &st) || fstatfs(fd, &sfs)) {
		perror(argv[optind]);
		return 2;
	}
	/* as the kernel gives it to user space */
	dev = (minor(st.st_dev) & 0xff) | major(st.st_dev) << 8 | (minor(st.st_dev) & ~0xffU) << 12;
	lowest.fmr_device = highest.fmr_device = dev;
	bs = sfs.f_bsize;
	if (nobody && (setgroups(0, NULL) || setgid(65534) || setuid(65534))) {
		perror("setuid");
		return 2;
	}
	need(count);
	if (single) {
		edges(argv[optind]);
		return 0;
	}
	c = walk(count);
	if (c == ENOSYS) {
		printf("no 32-bit programs here\n");
		return 3;
	}
	if (c)
		return 1;
	if (counting) {
		c = ask(&lowest, &highest, 0);
		printf("counted %d %u, returned %u\n", c, head->fmh_entries, map_n);
		return c || head->fmh_entries != map_n;
	}
	for (i = 0; i < without_end(map, map_n); i++)
		show(&map[i]);
	printf("to %llu\n", (unsigned long long)(no_end ? 0 : map[map_n - 1].fmr_physical + map[map_n - 1].fmr_length));
	return 0;
}
