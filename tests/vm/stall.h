/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the stall program share: stall.c (what is asked for, the slices, the report), stall_io.c (the writers and the
 * space thread in one slice), stall_hist.c (times, and how many were how long).
 */
#ifndef STALL_H
#define STALL_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libaio.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define NSEC		1000000000ull
#define MIB		(1ull << 20)
#define SUB_BITS	6			/* a time is known to 1 in 64 */
#define OCTAVES		40			/* the longest is 2^40 ns, 18 minutes */
#define HIST_SLOTS	((OCTAVES - SUB_BITS + 1) << SUB_BITS)
#define MAX_DEPTH	1024
#define MAX_THREADS	64
#define MAX_TURNS	4096

enum op { AHEAD, EXTEND, PUNCH, ZERO, NR_OPS };
enum phase { ALONE, TRACKED, DISTURBED, BESIDE, NR_PHASES };

struct hist {			/* times in ns, by logarithm */
	uint64_t n, max, slot[HIST_SLOTS];
};

struct options {
	const char *path;
	bool uring, append, json, keep;
	bool op[NR_OPS], phase[NR_PHASES];
	uint64_t size, bs, len[NR_OPS], gap, seed;
	unsigned int depth, threads;
	double rate;		/* operations a second; 0: back to back */
	double seconds, slice;
};

struct io {
	struct iocb cb;
	struct iovec v;		/* io_uring of kernels before 5.6 writes from a vector only, and reads it late */
	char *buf;
	uint64_t off, t0;
	bool busy;
};

/*
 * The file that is written to. From its start: the writers' @size bytes; room for punch; room for zero; its end @eof. Appending
 * writers begin at @eof, and punch then takes what they have left behind. Each slice finds it as the one before did.
 */
struct file {
	char path[4096];
	int fd, sfd;			/* O_DIRECT for the writers; as anybody has it for the space operations */
	uint64_t eof, start[NR_OPS], room[NR_OPS];
	uint64_t at[NR_OPS];		/* how much of the room is used */
	bool used_up[NR_OPS];		/* once round */
	bool moved;			/* blocks or size behind @eof */
	enum op last;			/* operation: they go on in turn */
	pthread_mutex_t lock;		/* of an appender's @head, and then of every io's off and busy */
	uint64_t head;
};

struct writer {
	pthread_t thread;
	unsigned int nr;
	io_context_t aio;
	struct io_uring ring;
	struct io *ios;
	struct slice *s;
	struct hist h;
	uint64_t done;			/* within the slice */
	uint64_t rng[NR_PHASES];	/* each phase draws the same places */
};

struct result {			/* of a phase, all its slices */
	double seconds;
	uint64_t writes, late, refills;
	double each[MAX_TURNS];		/* writes a second in each turn */
	unsigned int turns;
	struct hist h, op[NR_OPS];
};

struct slice {
	enum phase phase;
	struct file *f, *space;		/* of the writers; of the space thread, if there is one */
	struct result *r;
	pthread_barrier_t go;
	uint64_t deadline;		/* what ends later is in the times, and not in the rate */
};

extern struct options o;
extern const char *const op_name[NR_OPS];
extern struct writer *writers;
extern _Atomic bool stop;

/* stall.c */
uint64_t now_ns(void);
void __attribute__((format(printf, 2, 3))) failed(int err, const char *fmt, ...);	/* the first one is reported; all stop */

/* stall_io.c */
bool writer_init(struct writer *w);		/* false: failed() knows why */
void file_reset(struct file *f);		/* for the next slice; time does not count */
void run_slice(enum phase phase, struct file *f, struct file *space, struct result *r);
void space_op(struct file *f, enum op op, struct result *r);	/* one, and its time */

/* stall_hist.c */
unsigned int hist_slot(uint64_t ns);
uint64_t hist_upper(unsigned int slot);		/* the longest time that belongs there */
void hist_add(struct hist *h, uint64_t ns);
void hist_merge(struct hist *to, const struct hist *from);
uint64_t hist_percentile(const struct hist *h, unsigned int permille);	/* nearest rank, by its slot's upper edge; 0 if empty */
int hist_self_test(void);			/* exit status */

#endif
