/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the cases of the window program share: window.c (appends, buffered writes beside direct ones, RWF_NOWAIT),
 * window_kinds.c (operations that do not stop everybody).
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BS	4096
#define PUNCH_KEEP	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define MAXIO	32

struct io {
	char c;			/* each write has a byte of its own: 'A', 'B', ... */
	long len, res;
};

struct window_case {
	const char *name;
	void (*fn)(void);
};

extern const char *name;	/* the file */
extern io_context_t ctx;
extern struct iocb cb[MAXIO], *cbp[MAXIO];
extern struct io io[MAXIO];
extern int nio, bad;
extern const struct window_case kinds_cases[];

#define WRONG(...) (bad = 1, printf("%s: ", name), printf(__VA_ARGS__), puts(""))

void die(const char *what);
void *filled(char c, size_t len);
/* A new file of @size bytes 'o', on the device; open with @flags */
int file(int flags, long size);
/* A write to submit(), and to reap() */
void add(int fd, size_t len, long pos);
void submit(void);
/* How many have not completed. */
int in_flight(void);
void reap(void);
/* The whole file, as it is (how 0) or from the device (how 1). */
char *contents(int how, long *size);
void check_range(char c, long start, long end);
void want(int i, long res);
void want_all(void);
double now(void);

#endif /* WINDOW_H */
