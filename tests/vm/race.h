/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the race program share: race.c (a row and its report), race_io.c (the writer and the
 * racer), race_share.c (racers that share blocks), race_read.c (the writer that reads), race_judge.c (what a block is, and who is guilty), race_self.c (that the judge can convict), race_tool.c
 * (what race-static.sh wants done to devices).
 */
#ifndef RACE_H
#define RACE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libaio.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "dx_ioctl.h"

#define BS		4096u
#define MAGIC		0x6478726163653031ull	/* "dxrace01" */
#define MAX_OPS		48
#define MAX_SHIFTS	3
#define MAX_CUTS	6	/* truncate-down: what comes after the last one is judged most strictly */
#define MAX_PATCHES	48	/* buffered writes of a mixed writer */
#define GROUP		16	/* I/Os that a random writer shuffles at a time */
#define PFX_BLOCKS	16	/* blocks in front of the writer */
#define READ_BLOCKS	64	/* the file of one that reads */
#define READ_CHUNK	(1u << 20)
#define KEEP_FILES	96	/* files kept for the look after the remount */
#define KEEP_BYTES	(256ull << 20)

enum racer { ALLOCATE, KEEPSIZE, ZERO, PUNCH, COLLAPSE, INSERT, TRUNCATE, RESVSP, UNRESVSP, ZERO_IOC, HOLES, ZEROES, ALLOCSP, FREESP,
	     MMAP, BUFFERED, TRUNCATE_DOWN, FSTRIM, CLONE, DEDUPE, UNSHARE, EXCHANGE, SWAPEXT, NONE, STALE_TRUNCATE, NR_RACERS };
enum writer { APPEND, RANDOM, O_APPENDING, MIXED, READING, MAPPED_READING, NR_WRITERS };
enum verdict { CLEAN, NA, ERROR, REPAIR, CORRUPT, LOST, HANG };

struct options {
	const char *fs, *dev, *dir, *mkfs, *check, *scratch, *device, *fault, *kver;
	bool uring, mkfs_skip, in_place, self_test, no_direct;
	enum racer racer;
	enum writer writer;
	unsigned int depth, races, lanes, limit;
	double seconds;
	uint64_t seed;
};

struct header {			/* first bytes of every block; the rest follows from them */
	uint64_t magic, race, off;
	uint32_t id, seq;
	uint64_t fill, csum;
};

struct blk {
	uint64_t off;		/* where it was written to; of o_append: its place in the order of sending, as a tag */
	uint64_t sent, acked;	/* clock; acked 0: never */
	uint32_t rec;		/* first block of the same write */
};

struct op {
	uint64_t t0, t1;	/* clock around it */
	uint64_t off, len;
	bool removes;		/* bytes of the range become zero */
	bool cuts;		/* and the size becomes off; the range has no end */
	bool writes;		/* the range becomes patch_byte() */
	int64_t shift;		/* collapse < 0 < insert */
	int err;
};

struct seen {		/* a read, of one that reads */
	char *buf;
	uint64_t off, sent, back;	/* bytes; clock */
	unsigned int len;
	long res;
};

struct race {
	uint64_t uid;
	char path[256];
	int fd;			/* O_DIRECT; O_APPEND too if the writer is */
	int bfd;		/* a mixed writer's, through the page cache */
	struct blk *b;
	unsigned int nb, npfx;	/* blocks in all; the first npfx are the prefix */
	struct op ops[MAX_OPS];
	unsigned int nops;
	struct op pats[MAX_PATCHES];	/* buffered writes by the writer itself */
	unsigned int npats;
	struct seen *seen;
	char *seen_bufs;
	size_t seen_len;
	unsigned int nseen;
	uint64_t start, shift_len, pfx_size;
	unsigned char *shadow;	/* mmap: what the prefix must be */
	uint64_t size_floor, size_exact;	/* set by operations */
	bool exact;
	bool kept;
};

struct lane {
	pthread_t thread, racer_thread;
	unsigned int nr, rng;
	unsigned int racer_rng;
	pthread_mutex_t lock;
	pthread_barrier_t bar;
	struct race *r;
	/* under lock */
	uint64_t next_off;
	bool epoch;
	uint64_t epoch_used;
	int64_t jump;
	/* read by the racer without the lock */
	_Atomic uint64_t assigned_end, acked_end;
	_Atomic uint64_t flying;	/* bytes sent and not acknowledged */
	_Atomic unsigned int inflight;
	_Atomic bool done, quit;
	unsigned int io_blocks, ios;
	uint64_t span;
	io_context_t aio;
	struct io_uring ring;
	char *bufs, *rbuf;
	struct twin *share;
	int thief;		/* the file that takes what a racer frees, and its size */
	uint64_t thief_end;
	unsigned int reuse;
};

struct io {
	struct iocb cb;
	struct iovec v;		/* kernels before 5.6 have no io_uring write without one, and read it late */
	char *buf;
	double t0;
	unsigned int first, n;	/* blocks */
	uint64_t off;
	bool busy;
};

struct lat {
	pthread_mutex_t lock;
	unsigned int n, cap;
	uint32_t *us, max;
};

extern const char *const racer_name[NR_RACERS], *const writer_name[NR_WRITERS], *const verdict_name[];
extern struct options o;
extern _Atomic uint64_t clk, uids;
extern _Atomic unsigned int races_done, races_bad, nops_done, nops_hit, nios_done, kept_files, op_na, op_ok;
extern _Atomic uint64_t acked_bytes, kept_bytes;
extern _Atomic int worst;
extern _Atomic bool stop;
extern double t_start;
extern pthread_mutex_t msg_lock;
extern char msgs[3][400];
extern int nmsgs;
extern struct race **kept;
extern struct lat lat_op, lat_io;

/* race.c */
double now(void);							/* seconds, monotonic */
uint64_t tick(void);							/* of the global clock */
unsigned int rnd(unsigned int *s, uint64_t n);				/* below @n, from the state @s */
void lat_add(struct lat *l, double t0);					/* what began at @t0 ends now */
void raise_verdict(enum verdict v);					/* the worst one counts */
void __attribute__((format(printf, 3, 4)))
complain(const struct race *r, enum verdict v, const char *fmt, ...);	/* the first three are reported */

/* race_judge.c */
void fill_block(void *buf, const struct race *r, unsigned int id);	/* BS bytes: what block @id holds */
int open_direct(const char *path, int flags);				/* a file descriptor, or -1 and errno */
unsigned char patch_byte(const struct race *r, uint64_t t0, uint64_t off);	/* never 0; of the buffered write begun at @t0 */
bool racer_shifts(void);						/* is the racer collapse or insert? */
bool judge_both(struct race *r, char *rbuf, const char *when);		/* direct and buffered; @rbuf: READ_CHUNK bytes, aligned */

/* race_io.c */
uint64_t stat_size(int fd);						/* 0 if it cannot be told */
void lane_init(struct lane *l, unsigned int nr);
void *lane_main(void *arg);						/* thread: races until the row ends */
void *racer_main(void *arg);						/* thread: the racer of a lane, until it quits */
struct race *run_race(struct lane *l, struct io *ios);			/* one race; NULL: it could not be set up */
void free_race(struct race *r);
int eng_reap(struct lane *l, struct io **done, long *res, int max);	/* waits for one; how many, or -errno */

/* race_share.c: racers that share blocks, or exchange them */
bool racer_shares(void);
void share_begin(struct lane *l);
int share_fire(struct lane *l, int fd, char **map, uint64_t *off, uint64_t *len);
void share_end(struct lane *l);

/* race_read.c: instead of writing, reads; and who gets the blocks that a racer frees */
bool reading(void);							/* is the writer one that reads? */
bool racer_fits_reads(void);
void reads_fill_volume(void);
void thief_begin(struct lane *l);
void thief_takes(struct lane *l, const struct op *op);
void thief_end(struct lane *l);
void reader_run(struct lane *l, struct io *ios);
void reads_free(struct race *r);
bool judge_reads(const struct race *r);					/* once, when the race is over */

/* race_self.c */
int self_test(void);							/* exit status */

/* race_tool.c */
int race_tool(int argc, char **argv);					/* exit status; -1: that is no helper's name */

#endif
