/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the sections of the posix program share: posix.c (printing, the sections about names),
 * posix_attr.c (attributes of inodes, who may), posix_data.c (data, xattrs, the rest).
 */
#ifndef POSIX_H
#define POSIX_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

extern char zbuf[1 << 20];	/* scratch, aligned for direct I/O */
extern char *volatile nowhere;	/* a bad address that no compiler sees through */
extern long result;		/* of the last call that was printed */

#define E(x) (errno = 0, say(#x, (long)(x)))
/* a descriptor: its number is nobody's business */
#define FD(x) ({ errno = 0; int fd_ = (x); say(#x, fd_ < 0 ? -1 : 0); fd_; })

/* Prints a call with its result, or errno if it is negative; returns it. */
long say(const char *what, long r);
/* Names of 255 and 256 bytes: the longest, and one too long. */
char *n255(char c);
char *n256(void);
/* A line about the inode that a name leads to; the names in a directory. */
void show(const char *name);
void list(const char *dir);
void map(int fd, int all);
/* Length and hash of what reads return. */
void sum(int fd);
void as(int uid, int gid, int extra, void (*fn)(void));
/* Makes a file of len bytes (at most sizeof(zbuf)) that are not zero; its descriptor. */
int mk(const char *name, mode_t mode, size_t len);

void s_setattr(void);
void s_times(void);
void s_perms(void);
void s_sgid(void);
void s_suid(void);
void s_flags(void);
void s_fallocate(void);
void s_offsets(void);
void s_sparse(void);
void s_xattr(void);
void s_acl(void);
void s_tmpfile(void);
void s_mmap(void);
void s_misc(void);

#endif
