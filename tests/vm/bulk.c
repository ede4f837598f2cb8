// SPDX-License-Identifier: GPL-2.0-only
/*
 * bulk: BULKSTAT and INUMBERS of the volume that DIR is on, in all their forms; what stock XFS prints on the same volume is right.
 *
 *	bulk [-n BATCH] [-a AGNO] stat|numbers DIR	version 5
 *	bulk [-n BATCH] stat1|numbers1 DIR		the older forms
 *	bulk [-n BATCH] stat32|numbers32 DIR		... of a 32-bit program, called as those call them, by interrupt 0x80
 *	bulk inodes DIR					only the numbers
 *	bulk one INO DIR				one of them, by FSBULKSTAT_SINGLE
 *	bulk odd DIR					calls with bad arguments, from crafted positions
 *	bulk storm SECONDS DIR				walks while others change what is there: order, and no error
 *	bulk open INO GEN DIR				an inode of any number, by both kinds of handle; status 1 if that fails
 *	bulk handles DIR				opening, reading, attributes by handle; makes files in DIR
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include "geom.h"

struct bstat_i386 { DX_BSTAT_FIELDS(struct dx_bstime32, __u64, __s64); } __attribute__((packed, aligned(4)));
struct inogrp_i386 { __u64 xi_startino; __s32 xi_alloccount; __u64 xi_allocmask; } __attribute__((packed, aligned(4)));

static int fd, agno = -1;
static unsigned int batch = 50;

static void *low(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static long ioctl_i386(int f, unsigned int cmd, void *arg)
{
	long r;

	/* __NR_ioctl of i386 is 54 */
	asm volatile("int $0x80" : "=a" (r) : "a" (54L), "b" ((long)f), "c" ((long)cmd), "d" (arg) : "memory", "r8", "r9", "r10", "r11");
	r = (int)r;
	if (r < 0 && r > -4096) {
		errno = -r;
		return -1;
	}
	return r;
}

/* ---- whole walks ---- */

static void print_v5(const struct dx_bulkstat *b)
{
	unsigned int i;

	printf("%llu size %llu blocks %llu xflags %llx a %lld.%09u m %lld.%09u c %lld.%09u b %lld.%09u gen %u uid %u gid %u proj %u blksize %u rdev %x cowext %u ext %u nlink %u extents %u/%llu/%u v %u forkoff %u sick %x/%x mode %o",
	       b->bs_ino, b->bs_size, b->bs_blocks, b->bs_xflags, b->bs_atime, b->bs_atime_nsec, b->bs_mtime, b->bs_mtime_nsec,
	       b->bs_ctime, b->bs_ctime_nsec, b->bs_btime, b->bs_btime_nsec, b->bs_gen, b->bs_uid, b->bs_gid, b->bs_projectid,
	       b->bs_blksize, b->bs_rdev, b->bs_cowextsize_blks, b->bs_extsize_blks, b->bs_nlink, b->bs_extents, b->bs_extents64,
	       b->bs_aextents, b->bs_version, b->bs_forkoff, b->bs_sick, b->bs_checked, b->bs_mode);
	for (i = 0; i < sizeof(b->bs_pad) / sizeof(b->bs_pad[0]); i++)
		if (b->bs_pad[i] || b->bs_pad2)
			printf(" PAD");
	printf("\n");
}

#define PRINT_V1(b)												\
	printf("%llu mode %o nlink %u uid %u gid %u rdev %x blksize %d size %lld a %lld.%09d m %lld.%09d c %lld.%09d blocks %lld xflags %x ext %d extents %d gen %u proj %u/%u forkoff %u sick %x/%x pad %u%u cowext %u dm %x/%x aextents %u\n", \
	       (long long)(b)->bs_ino, (b)->bs_mode, (b)->bs_nlink, (b)->bs_uid, (b)->bs_gid, (b)->bs_rdev,	\
	       (b)->bs_blksize, (long long)(b)->bs_size, (long long)(b)->bs_atime.tv_sec, (b)->bs_atime.tv_nsec, \
	       (long long)(b)->bs_mtime.tv_sec, (b)->bs_mtime.tv_nsec, (long long)(b)->bs_ctime.tv_sec,	\
	       (b)->bs_ctime.tv_nsec, (long long)(b)->bs_blocks, (b)->bs_xflags, (b)->bs_extsize, (b)->bs_extents, \
	       (b)->bs_gen, (b)->bs_projid_lo, (b)->bs_projid_hi, (b)->bs_forkoff, (b)->bs_sick, (b)->bs_checked, \
	       (b)->bs_pad[0], (b)->bs_pad[1], (b)->bs_cowextsize, (b)->bs_dmevmask, (b)->bs_dmstate, (b)->bs_aextents)

#define PRINT_GRP(g) \
	printf("%llu %d %016llx\n", (unsigned long long)(g)->xi_startino, (g)->xi_alloccount, (unsigned long long)(g)->xi_allocmask)

static int walk_v5(int cmd, size_t size, int only_ino)
{
	struct dx_bulk_ireq *h = low(sizeof(*h) + batch * size);
	unsigned int i;

	if (agno >= 0) {
		h->flags = DX_BULK_IREQ_AGNO;
		h->agno = agno;
	}
	if (getenv("NREXT64"))
		h->flags |= DX_BULK_IREQ_NREXT64;
	for (;;) {
		h->icount = batch;
		memset(h + 1, 0xaa, batch * size);
		if (ioctl(fd, cmd, h)) {
			printf("error: %s\n", strerrorname_np(errno));
			return 1;
		}
		if (!h->ocount)
			break;
		for (i = 0; i < h->ocount; i++) {
			if (only_ino)
				printf("%llu\n", *(unsigned long long *)((char *)(h + 1) + i * size));
			else if (cmd == (int)DX_IOC_BULKSTAT)
				print_v5((struct dx_bulkstat *)(h + 1) + i);
			else
				PRINT_GRP((struct dx_inumbers *)(h + 1) + i);
		}
	}
	printf(only_ino ? "" : "next %llu\n", h->ino);
	return 0;
}

static int old(unsigned int nr, int narrow, void *lastip, int icount, void *buf, void *ocount)
{
	if (narrow) {
		struct dx_bulkreq32 *r = low(4096);
		int rc;

		r->lastip = (uintptr_t)lastip;
		r->icount = icount;
		r->ubuffer = (uintptr_t)buf;
		r->ocount = (uintptr_t)ocount;
		rc = ioctl_i386(fd, _IOWR('X', nr, struct dx_bulkreq32), r);
		munmap(r, 4096);
		return rc;
	} else {
		struct dx_bulkreq r = { lastip, icount, buf, ocount };

		return ioctl(fd, _IOWR('X', nr, struct dx_bulkreq), &r);
	}
}

static int walk_old(int nr, int narrow)
{
	char *buf = low(batch * 200);
	struct { __u64 last; __s32 n; } *io = low(4096);
	int i;

	for (;;) {
		memset(buf, 0xaa, batch * 200);
		if (old(nr, narrow, &io->last, batch, buf, &io->n)) {
			printf("error: %s\n", strerrorname_np(errno));
			return 1;
		}
		if (!io->n)
			break;
		for (i = 0; i < io->n; i++) {
			if (nr == 101 && narrow)
				PRINT_V1((struct bstat_i386 *)buf + i);
			else if (nr == 101)
				PRINT_V1((struct dx_bstat *)buf + i);
			else if (narrow)
				PRINT_GRP((struct inogrp_i386 *)buf + i);
			else
				PRINT_GRP((struct dx_inogrp *)buf + i);
		}
	}
	printf("last %llu\n", io->last);
	return 0;
}

/* ---- odd calls ---- */

static void odd_v5(const char *what, int cmd, struct dx_bulk_ireq h, unsigned int room)
{
	size_t size = cmd == (int)DX_IOC_BULKSTAT ? sizeof(struct dx_bulkstat) : sizeof(struct dx_inumbers), i, len = sizeof(h) + room * size;
	char *page = mmap(NULL, 65536 + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct dx_bulk_ireq *p = (void *)(page + 65536 - len);
	int rc;

	/* what is not there any more begins behind the last record that there is room for */
	mprotect(page + 65536, 4096, PROT_NONE);
	memset(page, 0xaa, 65536);
	*p = h;
	errno = 0;
	rc = ioctl(fd, cmd, p);
	printf("%s: %d %s", what, rc, rc ? strerrorname_np(errno) : "");
	printf(" ino %llu flags %x icount %u ocount %u agno %u", p->ino, p->flags, p->icount, p->ocount, p->agno);
	for (i = 0; i < room && i < 8 && !rc && i < p->ocount; i++)
		printf(" [%llu]", *(unsigned long long *)((char *)(p + 1) + i * size));
	printf("\n");
	munmap(page, 65536 + 4096);
}

static void odd_old(const char *what, int nr, int narrow, __u64 last, int icount, int parts)
{
	struct { __u64 last; __s32 n; } *io = low(4096);
	char *buf = low(65536);
	int rc;

	io->last = last;
	io->n = -7;
	memset(buf, 0xaa, 65536);
	errno = 0;
	rc = old(nr, narrow, parts & 1 ? &io->last : NULL, icount, parts & 2 ? buf : NULL, parts & 4 ? &io->n : NULL);
	printf("%d%s %s: %d %s last %lld ocount %d first %llx\n", nr, narrow ? " i386" : "", what, rc, rc ? strerrorname_np(errno) : "",
	       (long long)io->last, io->n, *(unsigned long long *)buf);
	munmap(io, 4096);
	munmap(buf, 65536);
}

static int odd(void)
{
	static const int cmds[] = { DX_IOC_BULKSTAT, DX_IOC_INUMBERS };
	static const int nrs[] = { 101, 102, 103 };
	struct dx_geom g;
	unsigned int c, i, log = 0;
	__u64 ags;
	char what[100];

	if (geometry(fd, &g))
		perror("FSGEOMETRY");
	/* bits of an inode number that are within an AG */
	while (1ull << log < g.agblocks)
		log++;
	for (c = 0; 1u << c < g.blocksize / g.inodesize; c++)
		log++;
	ags = g.agcount;
	for (c = 0; c < 2; c++) {
		const struct { const char *what; struct dx_bulk_ireq h; unsigned int room; } v5[] = {
			{ "nothing wanted", { .icount = 0 }, 1 },
			{ "one", { .icount = 1 }, 1 },
			{ "no room for any", { .icount = 1 }, 0 },
			{ "no room for the third", { .icount = 5 }, 2 },
			{ "unknown flag", { .icount = 1, .flags = 1u << 31 }, 1 },
			{ "unknown flags", { .icount = 1, .flags = 0x70 }, 1 },
			{ "reserved", { .icount = 1, .reserved[0] = 1 }, 1 },
			{ "reserved, the last", { .icount = 1, .reserved[4] = 1 }, 1 },
			{ "an AG without the flag", { .icount = 1, .agno = 1 }, 1 },
			{ "AG 1", { .icount = 3, .agno = 1, .flags = DX_BULK_IREQ_AGNO }, 3 },
			{ "AG 0 from 130", { .icount = 3, .agno = 0, .ino = 130, .flags = DX_BULK_IREQ_AGNO }, 3 },
			{ "beyond the last AG", { .icount = 1, .agno = ags, .flags = DX_BULK_IREQ_AGNO }, 1 },
			{ "AG 1 from an inode of AG 0", { .icount = 1, .agno = 1, .ino = 128, .flags = DX_BULK_IREQ_AGNO }, 1 },
			{ "AG 0 from an inode of AG 1", { .icount = 1, .agno = 0, .ino = (1ull << log) + 3, .flags = DX_BULK_IREQ_AGNO }, 1 },
			{ "AG 0 from beyond its end", { .icount = 1, .agno = 0, .ino = (1ull << log) - 1, .flags = DX_BULK_IREQ_AGNO }, 1 },
			{ "from 1", { .icount = 2, .ino = 1 }, 2 },
			{ "from the middle of a chunk", { .icount = 2, .ino = 135 }, 2 },
			{ "from the last of a chunk", { .icount = 2, .ino = 191 }, 2 },
			{ "from AG 1", { .icount = 2, .ino = 1ull << log }, 2 },
			{ "from the last AG's end", { .icount = 2, .ino = (ags << log) - 1 }, 2 },
			{ "from behind all", { .icount = 2, .ino = ags << log }, 2 },
			{ "from far behind", { .icount = 2, .ino = 1ull << 60 }, 2 },
			{ "from the last number", { .icount = 2, .ino = ~0ull }, 2 },
			{ "the root", { .icount = 1, .ino = 1, .flags = DX_BULK_IREQ_SPECIAL }, 1 },
			{ "the root, room for more", { .icount = 3, .ino = 1, .flags = DX_BULK_IREQ_SPECIAL }, 3 },
			{ "special 0", { .icount = 1, .ino = 0, .flags = DX_BULK_IREQ_SPECIAL }, 1 },
			{ "special 2", { .icount = 1, .ino = 2, .flags = DX_BULK_IREQ_SPECIAL }, 1 },
			{ "the root of AG 0", { .icount = 1, .ino = 1, .flags = DX_BULK_IREQ_SPECIAL | DX_BULK_IREQ_AGNO }, 1 },
			{ "the root of AG 1", { .icount = 1, .ino = 1, .agno = 1, .flags = DX_BULK_IREQ_SPECIAL | DX_BULK_IREQ_AGNO }, 1 },
		};

		for (i = 0; i < sizeof(v5) / sizeof(v5[0]); i++) {
			snprintf(what, sizeof(what), "%s %s", c ? "inumbers" : "bulkstat", v5[i].what);
			odd_v5(what, cmds[c], v5[i].h, v5[i].room);
		}
	}
	if (ioctl(fd, DX_IOC_BULKSTAT, NULL))
		printf("no header: %s\n", strerrorname_np(errno));
	for (c = 0; c < 6; c++) {
		int nr = nrs[c / 2], narrow = c % 2;

		odd_old("all", nr, narrow, 128, 1, 7);
		odd_old("no lastip", nr, narrow, 128, 1, 6);
		odd_old("no buffer", nr, narrow, 128, 1, 5);
		odd_old("no ocount", nr, narrow, 128, 1, 3);
		odd_old("icount 0", nr, narrow, 128, 0, 7);
		odd_old("icount -1", nr, narrow, 128, -1, 7);
		odd_old("from 0", nr, narrow, 0, 2, 7);
		odd_old("from 1", nr, narrow, 1, 2, 7);
		odd_old("from a bitmap", nr, narrow, 129, 2, 7);
		odd_old("from the other bitmap", nr, narrow, 130, 2, 7);
		odd_old("from the middle of a chunk", nr, narrow, 140, 2, 7);
		odd_old("from the end of a chunk", nr, narrow, 191, 2, 7);
		odd_old("from AG 1", nr, narrow, 1ull << log, 2, 7);
		odd_old("from the end of the last AG", nr, narrow, (ags << log) - 1, 2, 7);
		odd_old("from behind all", nr, narrow, ags << log, 2, 7);
		odd_old("from far behind", nr, narrow, 1ull << 60, 2, 7);
		odd_old("from the last number but one", nr, narrow, ~0ull - 1, 2, 7);
		odd_old("from the last number", nr, narrow, ~0ull, 2, 7);
	}
	return 0;
}

/* ---- others change what is there ---- */

static int storm(int seconds)
{
	struct dx_bulk_ireq *h = low(sizeof(*h) + batch * sizeof(struct dx_bulkstat));
	const struct dx_bulkstat *b = (void *)(h + 1);
	time_t end = time(NULL) + seconds;
	unsigned long walks = 0, seen = 0, bad = 0;
	unsigned int i;

	while (time(NULL) < end) {
		__u64 last = 0;

		memset(h, 0, sizeof(*h));
		do {
			h->icount = 1 + (seen + walks) % batch;
			if (ioctl(fd, DX_IOC_BULKSTAT, h)) {
				printf("error: %s behind inode %llu\n", strerrorname_np(errno), last);
				return 1;
			}
			for (i = 0; i < h->ocount; i++) {
				bad += b[i].bs_ino <= last || !b[i].bs_mode || b[i].bs_nlink > 1000;
				last = b[i].bs_ino;
			}
			seen += h->ocount;
		} while (h->ocount);
		walks++;
	}
	printf("%lu walks, %lu inodes, %lu wrong\n", walks, seen, bad);
	return bad || !walks;
}

/* ---- by handle ---- */

static struct dx_handle handle_of(const char *name)
{
	struct dx_handle h = { };
	__u32 len = sizeof(h);
	struct dx_handlereq r = { .path = (void *)name, .ohandle = &h, .ohandlen = &len };

	if (ioctl(fd, DX_IOC_PATH_TO_HANDLE, &r))
		perror(name);
	return h;
}

static void say(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, r);
}

static long open_by(struct dx_handle *h, unsigned int len, int flags)
{
	struct dx_handlereq r = { .ihandle = h, .ihandlen = len, .oflags = flags };

	return ioctl(fd, DX_IOC_OPEN_BY_HANDLE, &r);
}

static int open_number(__u64 ino, __u32 gen, const char *dir)
{
	struct dx_handle h = handle_of(dir);
	struct { struct file_handle h; unsigned char room[64]; } at = { .h.handle_bytes = sizeof(at.room) };
	int id, bad;

	h.ha_fid_ino = ino;
	h.ha_fid_gen = gen;
	bad = open_by(&h, sizeof(h), O_RDWR) < 0;
	printf("by ioctl: %s\n", bad ? strerrorname_np(errno) : "opened");
	if (name_to_handle_at(AT_FDCWD, dir, &at.h, &id, 0))
		perror(dir);
	memcpy(at.h.f_handle, &ino, sizeof(ino));
	memcpy(at.h.f_handle + sizeof(ino), &gen, sizeof(gen));
	id = open_by_handle_at(fd, &at.h, O_RDWR);
	printf("by handle: %s\n", id < 0 ? strerrorname_np(errno) : "opened");
	return bad || id < 0;
}

static void list(struct dx_handle *h, unsigned int flags, unsigned int size)
{
	struct dx_attrlist_handlereq r = { .hreq = { .ihandle = h, .ihandlen = sizeof(*h) }, .flags = flags, .buflen = size };
	struct dx_attrlist *a = low(65536);
	int i, calls = 0, total = 0;

	r.buffer = a;
	do {
		memset(a, 0xaa, 65536);
		if (ioctl(fd, DX_IOC_ATTRLIST_BY_HANDLE, &r)) {
			printf("list %x in %u: %s\n", flags, size, strerrorname_np(errno));
			return;
		}
		for (i = 0; i < a->al_count; i++) {
			struct dx_attrlist_ent *e = (void *)((char *)a + a->al_offset[i]);

			/* stock from 6.5 or so puts the last offset of a full buffer over the last length in it */
			printf("list %x: %s, %u bytes\n", flags, e->a_name, size < 4096 ? 0 : e->a_valuelen);
		}
		calls++;
		total += a->al_count;
	} while (a->al_more && calls < 10000);
	printf("list %x in %u: %d attributes%s\n", flags, size, total, calls > 1 ? ", in parts" : "");
}

static void multi(struct dx_handle *h, const char *what, int op, const char *name, const void *value, unsigned int len, unsigned int flags)
{
	static char got[70000];
	struct dx_attr_multiop o = {
		.am_opcode = op, .am_attrname = (void *)name, .am_attrvalue = op == DX_ATTR_OP_GET ? got : (void *)value, .am_length = len,
		.am_flags = flags,
	};
	struct dx_attrmulti_handlereq r = { .hreq = { .ihandle = h, .ihandlen = sizeof(*h) }, .opcount = 1, .ops = &o };
	int rc = ioctl(fd, DX_IOC_ATTRMULTI_BY_HANDLE, &r);

	printf("%s: %d %s, error %d length %u", what, rc, rc < 0 ? strerrorname_np(errno) : "", o.am_error, o.am_length);
	if (op == DX_ATTR_OP_GET && !rc && !o.am_error)
		printf(" \"%.20s\"", got);
	printf("\n");
}

static int handles(const char *dir)
{
	static char big[70000];
	struct dx_handle h, bad;
	struct dx_handlereq r;
	struct stat st, st2;
	char b[300] = "", name[300];
	__u32 room = 100;
	int f, i;

	if (chdir(dir))
		return 1;
	f = open("file", O_CREAT | O_RDWR, 0644);
	say("write", write(f, "contents", 8));
	close(f);
	if (symlink("where/it/leads", "link") || mkdir("dir", 0755) || mkdir("dir/sub", 0755) || mkfifo("fifo", 0644))
		perror("make");
	memset(big, 'v', sizeof(big));
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "user.%0*d", 1 + i % 100, i);
		setxattr("file", name, big, i % 7, 0);
	}
	setxattr("file", "user.large", big, 60000, 0);
	setxattr("file", "trusted.root", "of the root", 11, 0);
	setxattr("dir", "user.one", "1", 1, 0);
	stat("file", &st);

	h = handle_of("file");
	f = open_by(&h, sizeof(h), O_RDWR);
	say("open", f < 0 ? -1 : 0);
	say("read", read(f, b, sizeof(b)));
	printf("\"%s\"\n", b);
	usleep(20000);
	say("write", write(f, "other", 5));
	fsync(f);
	stat("file", &st2);
	printf("times %s\n", st.st_mtim.tv_nsec == st2.st_mtim.tv_nsec && st.st_atim.tv_nsec == st2.st_atim.tv_nsec ? "stay" : "move");
	printf("flags %x\n", fcntl(f, F_GETFL) & ~O_LARGEFILE);
	close(f);
	say("open, a length too short", open_by(&h, sizeof(h) - 1, O_RDONLY));
	say("open, a volume's", open_by(&h, 8, O_RDONLY));
	bad = h;
	bad.ha_fid_gen++;
	say("open, another generation", open_by(&bad, sizeof(bad), O_RDONLY));
	bad = h;
	bad.ha_fid_ino = 1ull << 60;
	say("open, no inode", open_by(&bad, sizeof(bad), O_RDONLY));
	bad.ha_fid_ino = 0;
	say("open, inode 0", open_by(&bad, sizeof(bad), O_RDONLY));
	bad = h;
	bad.ha_fid_len = 13;
	say("open, a bad length inside", open_by(&bad, sizeof(bad), O_RDONLY));
	bad = handle_of("dir/sub");
	f = open_by(&bad, sizeof(bad), O_RDONLY | O_DIRECTORY);
	say("open a directory", f < 0 ? -1 : 0);
	say("and go up", openat(f, "../../file", O_RDONLY) < 0 ? -1 : 0);
	printf("flags %x\n", fcntl(f, F_GETFL) & ~O_LARGEFILE);
	say("open a directory to write", open_by(&bad, sizeof(bad), O_RDWR));
	bad = handle_of("link");
	say("open a link", open_by(&bad, sizeof(bad), O_RDONLY));
	bad = handle_of("fifo");
	r = (struct dx_handlereq) { .ihandle = &bad, .ihandlen = sizeof(bad), .ohandle = b, .ohandlen = &room };
	bad = handle_of("link");
	memset(b, 0, sizeof(b));
	say("readlink", ioctl(fd, DX_IOC_READLINK_BY_HANDLE, &r));
	printf("\"%s\"\n", b);
	room = 5;
	memset(b, 0, sizeof(b));
	say("readlink, little room", ioctl(fd, DX_IOC_READLINK_BY_HANDLE, &r));
	printf("\"%s\"\n", b);
	bad = h;
	say("readlink of a file", ioctl(fd, DX_IOC_READLINK_BY_HANDLE, &r));
	f = open("file", O_RDONLY);
	say("through a file", ioctl(f, DX_IOC_READLINK_BY_HANDLE, &r));

	list(&h, 0, 65536);
	list(&h, 0, 400);
	list(&h, DX_IOC_ATTR_ROOT, 4096);
	list(&h, DX_IOC_ATTR_SECURE, 4096);
	list(&h, DX_IOC_ATTR_SECURE | DX_IOC_ATTR_ROOT, 4096);
	list(&h, 1, 4096);
	list(&h, 0, 7);
	list(&h, 0, 12);
	list(&h, 0, 65540);
	bad = handle_of("dir");
	list(&bad, 0, 4096);
	list(&bad, 0, 12);

	multi(&h, "get", DX_ATTR_OP_GET, "9", NULL, 100, 0);
	multi(&h, "get large", DX_ATTR_OP_GET, "large", NULL, 65536, 0);
	multi(&h, "get, too long", DX_ATTR_OP_GET, "large", NULL, 65537, 0);
	multi(&h, "get, little room", DX_ATTR_OP_GET, "large", NULL, 100, 0);
	multi(&h, "get what is not there", DX_ATTR_OP_GET, "nothing", NULL, 100, 0);
	multi(&h, "get of the root", DX_ATTR_OP_GET, "root", NULL, 100, DX_IOC_ATTR_ROOT);
	multi(&h, "get, two namespaces", DX_ATTR_OP_GET, "root", NULL, 100, DX_IOC_ATTR_ROOT | DX_IOC_ATTR_SECURE);
	multi(&h, "get, no name", DX_ATTR_OP_GET, "", NULL, 100, 0);
	memset(name, 'n', 299);
	name[299] = 0;
	multi(&h, "get, long name", DX_ATTR_OP_GET, name, NULL, 100, 0);
	multi(&h, "set", DX_ATTR_OP_SET, "new", "value", 5, 0);
	multi(&h, "get it", DX_ATTR_OP_GET, "new", NULL, 100, 0);
	multi(&h, "make it", DX_ATTR_OP_SET, "new", "again", 5, DX_IOC_ATTR_CREATE);
	multi(&h, "replace it", DX_ATTR_OP_SET, "new", "longer than it was", 18, DX_IOC_ATTR_REPLACE);
	multi(&h, "get it", DX_ATTR_OP_GET, "new", NULL, 100, 0);
	multi(&h, "replace another", DX_ATTR_OP_SET, "newer", "x", 1, DX_IOC_ATTR_REPLACE);
	multi(&h, "set nothing", DX_ATTR_OP_SET, "empty", "", 0, 0);
	multi(&h, "get nothing", DX_ATTR_OP_GET, "empty", NULL, 100, 0);
	multi(&h, "set, too long", DX_ATTR_OP_SET, "long", big, 65537, 0);
	multi(&h, "remove", DX_ATTR_OP_REMOVE, "new", NULL, 0, 0);
	multi(&h, "remove again", DX_ATTR_OP_REMOVE, "new", NULL, 0, 0);
	multi(&h, "another operation", 4, "new", NULL, 0, 0);
	say("no operations", ioctl(fd, DX_IOC_ATTRMULTI_BY_HANDLE, &(struct dx_attrmulti_handlereq) { .hreq = { .ihandle = &h, .ihandlen = sizeof(h) } }));
	return 0;
}

int main(int argc, char **argv)
{
	const char *what;
	int c;

	while ((c = getopt(argc, argv, "n:a:")) > 0) {
		if (c == 'n')
			batch = atoi(optarg);
		else if (c == 'a')
			agno = atoi(optarg);
		else
			return 2;
	}
	if (argc < optind + 2)
		return 2;
	what = argv[optind];
	fd = open(argv[argc - 1], O_RDONLY);
	if (fd < 0) {
		perror(argv[argc - 1]);
		return 2;
	}
	if (!strcmp(what, "stat"))
		return walk_v5(DX_IOC_BULKSTAT, sizeof(struct dx_bulkstat), 0);
	if (!strcmp(what, "inodes"))
		return walk_v5(DX_IOC_BULKSTAT, sizeof(struct dx_bulkstat), 1);
	if (!strcmp(what, "numbers"))
		return walk_v5(DX_IOC_INUMBERS, sizeof(struct dx_inumbers), 0);
	if (!strcmp(what, "stat1") || !strcmp(what, "stat32"))
		return walk_old(101, what[4] == '3');
	if (!strcmp(what, "numbers1") || !strcmp(what, "numbers32"))
		return walk_old(103, what[7] == '3');
	if (!strcmp(what, "one")) {
		struct dx_bstat b;
		__u64 ino = strtoull(argv[optind + 1], NULL, 0);

		if (old(102, 0, &ino, 1, &b, NULL)) {
			printf("error: %s\n", strerrorname_np(errno));
			return 1;
		}
		PRINT_V1(&b);
		return 0;
	}
	if (!strcmp(what, "odd"))
		return odd();
	if (!strcmp(what, "storm"))
		return storm(atoi(argv[optind + 1]));
	if (!strcmp(what, "open") && argc == optind + 4)
		return open_number(strtoull(argv[optind + 1], NULL, 0), strtoul(argv[optind + 2], NULL, 0), argv[argc - 1]);
	if (!strcmp(what, "handles"))
		return handles(argv[argc - 1]);
	return 2;
}
