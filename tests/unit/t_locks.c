// SPDX-License-Identifier: GPL-2.0-only
/*
 * What operations share with everybody else on the volume: how often each takes a lock that there is once for a mount.
 * On a machine with many processors these are what bounds it; README.md, "On many processors".  Locks of AGs, inodes and
 * buffers do not count, those of the 16 shards of the buffer cache do, as one.
 *
 *	t_locks		prints the table, and fails where an operation takes more than it did
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_bmap.h"
#include "dx_log.h"

#define N	1000

static const struct { const char *lock, *what; } locks[] = {
	{ "&s->lock", "log space" },		/* log_space.c */
	{ "&l->ctx_lock", "CIL, shared" },
	{ "&l->cil_lock", "CIL" },
	{ "&ail->lock", "AIL" },
	{ "&ic->lock", "inode cache" },
	{ "&c->shard[i].lock", "buffers/16" },
	{ "&mp->resv_lock", "reserve pool" },
};
#define NLOCKS	ARRAY_SIZE(locks)

static dx_ino_t ino[N];
static struct dx_inode *file;

static struct dx_name name_of(int i, char *buf)
{
	struct dx_name n = { .name = (u8 *)buf, .ftype = DX_DIR3_FT_REG_FILE };

	n.len = sprintf(buf, "file%d", i);
	return n;
}

static int make(struct dx_mount *mp, int i)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_inode *ip;
	char buf[24];
	struct dx_name n = name_of(i, buf);
	int error = dx_create(mp->rootip, &n, &a, &ip);

	if (error)
		return error;
	ino[i] = ip->ino;
	dx_idrop(ip);
	return 0;
}

static int look(struct dx_mount *mp, int i)
{
	struct dx_inode *ip;
	char buf[24];
	struct dx_name n = name_of(i, buf);
	dx_ino_t got;
	int error = dx_lookup(mp->rootip, &n, &got, NULL);

	if (!error)
		error = dx_iget(mp, NULL, got, 0, &ip);
	if (!error)
		dx_idrop(ip);
	return error;
}

static int times(struct dx_mount *mp, int i)
{
	struct dx_setattr sa = { .valid = DX_ATTR_ATIME, .atime.tv_sec = 1000 + i };

	(void)mp;
	return dx_setattr_nosize(file, &sa, false);
}

/* A direct write behind the end: an unwritten extent, and at the end of the I/O conversion and size in one transaction. */
static int append(struct dx_mount *mp, int i)
{
	u64 bs = mp->sb.blocksize;
	struct dx_mapped got;
	int error = dx_iomap_alloc(file, i, 1, false, false, &got);

	return error ? error : dx_iomap_write_unwritten(file, i * bs, bs, (i + 1) * bs);
}

static int take(struct dx_mount *mp, int i)
{
	struct dx_inode *ip;
	char buf[24];
	struct dx_name n = name_of(i, buf);
	int error = dx_iget(mp, NULL, ino[i], 0, &ip);

	if (error)
		return error;
	error = dx_remove(mp->rootip, &n, ip);
	dx_idrop(ip);
	if (i == N - 1)
		dx_icache_flush_inactive(mp);
	return error;
}

/* Most that an operation may take of each lock, in the order of locks[]: what it took when it was measured, and a little. */
static const struct {
	const char *name;
	int (*fn)(struct dx_mount *mp, int i);
	double most[NLOCKS];
} ops[] = {
	{ "create a file", make,		{ 3.2, 1.1, 1.1, 0.1, 4.1, 17, 0.1 } },
	{ "look it up, cached", look,		{ 0, 0, 0, 0, 2.1, 6.1, 0 } },
	{ "change its times", times,		{ 3.1, 1.1, 1.1, 0.1, 0.1, 0.1, 0 } },
	{ "append to it, direct", append,	{ 6.1, 2.1, 2.1, 0.1, 0.1, 9, 0.1 } },
	{ "remove a file", take,		{ 6.3, 2.2, 2.2, 0.1, 4.1, 25, 0.1 } },
};

static int run(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	int i, o, k;

	(void)arg;
	if (!CHECK(mp))
		return 0;
	printf("# %-24s", "per operation");
	for (k = 0; k < NLOCKS; k++)
		printf(" %12s", locks[k].what);
	printf("\n");
	CHECK_EQ(dx_log_force(mp, true), 0);
	for (o = 0; o < ARRAY_SIZE(ops); o++) {
		host_lock_count(true);
		for (i = 0; i < N; i++)
			if (!CHECK_EQ(ops[o].fn(mp, i), 0))
				return 0;
		host_lock_count(false);
		printf("# %-24s", ops[o].name);
		for (k = 0; k < NLOCKS; k++)
			printf(" %12.2f", (double)host_lock_taken(locks[k].lock) / N);
		printf("\n");
		for (k = 0; k < NLOCKS; k++)
			if (!CHECK((double)host_lock_taken(locks[k].lock) / N <= ops[o].most[k]))
				printf("  %s: %s\n", ops[o].name, locks[k].what);
		if (ops[o].fn == make)
			CHECK_EQ(dx_iget(mp, NULL, ino[0], 0, &file), 0);
		if (ops[o].fn == append)
			dx_idrop(file);
	}
	/* All of them have the names above: a lock of another name would be taken 0 times. */
	host_lock_count(true);
	CHECK_EQ(make(mp, 0), 0);
	o = uv_umount(mp);
	for (k = 0; k < NLOCKS; k++)
		if (!CHECK(host_lock_taken(locks[k].lock)))
			printf("  %s\n", locks[k].lock);
	host_lock_count(false);
	return o;
}

int main(void)
{
	uv_setup("t_locks");
	if (uv_make(&uv_profiles[0]))
		return 1;
	host_test("locks that all operations of a mount share", 1, run, NULL);
	host_kill_world();
	host_test_begin("xfs_repair -n after it");
	CHECK(uv_repair_clean("l"));
	host_test_end();
	uv_teardown();
	return host_test_exit();
}
