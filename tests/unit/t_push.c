// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing back: inodes when memory is short, and what their clusters cost; what is left over by a pass of the pusher.
 *
 *	t_push [substring of a test's name]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_model.h"
#include "dx_dir.h"
#include "dx_log.h"
#include "dx_alloc.h"

#define DIRS	8
#define FILES	2000

static dx_ino_t inos[FILES];

static int make(struct dx_inode *dp, const char *what, int i, umode_t mode, struct dx_inode **ipp)
{
	struct dx_create_args a = { .mode = mode };
	struct dx_name n = { .ftype = dx_mode_to_ftype(mode) };
	char name[24];

	n.len = sprintf(name, "%s%d", what, i);
	n.name = (u8 *)name;
	return dx_create(dp, &n, &a, ipp);
}

static int fill(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *dp[DIRS], *ip;
	int i;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	for (i = 0; i < DIRS; i++)
		CHECK_EQ(make(mp->rootip, "d", i, S_IFDIR | 0700, &dp[i]), 0);
	for (i = 0; i < FILES && CHECK_EQ(make(dp[i % DIRS], "f", i, S_IFREG | 0600, &ip), 0); i++) {
		inos[i] = ip->ino;
		dx_idrop(ip);
	}
	for (i = 0; i < DIRS; i++)
		dx_idrop(dp[i]);
	return uv_umount(mp);
}

static int touch_all(struct dx_mount *mp, int sec)
{
	struct dx_setattr sa = { .valid = DX_ATTR_ATIME, .atime.tv_sec = sec };
	struct dx_inode *ip;
	int i, error = 0;

	for (i = 0; i < FILES && !error; i++) {
		error = dx_iget(mp, NULL, inos[i], 0, &ip);
		if (error)
			break;
		error = dx_setattr_nosize(ip, &sa, false);
		dx_idrop(ip);
	}
	return error;
}

static u64 reads(void)
{
	struct host_dev_counts c;

	host_dev_counts(uv_dev, &c);
	return c.reads;
}

static int heal(void *arg)
{
	msleep(10000);
	host_fail_alloc_from(0);
	return 0;
}

/* Inodes of which nothing but the log has heard, and no memory: that is what they are written back for. */
static int without_memory(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct host_fiber *f;
	u64 before, start;

	(void)arg;
	if (!CHECK(mp))
		return 0;
	CHECK_EQ(touch_all(mp, 5), 0);
	CHECK_EQ(dx_log_force(mp, true), 0);
	dx_buf_cache_scan(mp, 1 << 20);
	dx_buf_cache_scan(mp, 1 << 20);
	before = reads();
	host_fail_alloc_from(1);
	f = host_spawn(heal, NULL, "healer");
	start = host_now_ns();
	dx_ail_drain(mp);
	printf("# %llu reads, %llu ms\n", (unsigned long long)(reads() - before),
	       (unsigned long long)(host_now_ns() - start) / NSEC_PER_MSEC);
	CHECK(host_now_ns() - start < 9 * NSEC_PER_SEC);
	CHECK_EQ(reads() - before, 0);
	host_join(f);
	/* and nothing is kept afterwards */
	dx_buf_cache_scan(mp, 1 << 20);
	dx_buf_cache_scan(mp, 1 << 20);
	CHECK(dx_buf_cache_count(mp) < 64);
	return uv_umount(mp);
}

static bool written_back;

/* A pusher that waits for what nobody reads would wait for ever. */
static int give_up(void *arg)
{
	msleep(6000);
	if (!written_back) {
		CHECK(!"written back within 6 s");
		host_test_end();
		exit(host_test_exit());
	}
	return 0;
}

/*
 * Dirtied when there was no memory for their clusters: these are read when they are wanted, all at once.  One by one
 * would take a second for each five.
 */
static int cold(void *arg)
{
	struct dx_setattr sa = { .valid = DX_ATTR_ATIME, .atime.tv_sec = 7 };
	struct dx_mount *mp = uv_mount(NULL);
	static struct dx_inode *ip[FILES];
	struct host_fiber *f;
	u64 start;
	int i;

	(void)arg;
	if (!CHECK(mp))
		return 0;
	for (i = 0; i < FILES; i++)
		CHECK_EQ(dx_iget(mp, NULL, inos[i], 0, &ip[i]), 0);
	dx_buf_cache_scan(mp, 1 << 20);
	dx_buf_cache_scan(mp, 1 << 20);
	for (i = 0; i < FILES; i++) {
		host_fail_alloc_nth(2);		/* the ticket; then the buffer */
		CHECK_EQ(dx_setattr_nosize(ip[i], &sa, false), 0);
		host_fail_alloc_nth(0);
		dx_idrop(ip[i]);
	}
	CHECK_EQ(dx_log_force(mp, true), 0);
	host_dev_set_read_time(uv_dev, 200);
	written_back = false;
	f = host_spawn(give_up, NULL, "limit");
	start = host_now_ns();
	dx_ail_drain(mp);
	written_back = true;
	printf("# %llu ms\n", (unsigned long long)(host_now_ns() - start) / NSEC_PER_MSEC);
	CHECK(host_now_ns() - start < 5 * NSEC_PER_SEC);
	host_dev_set_read_time(uv_dev, 0);
	host_join(f);
	return uv_umount(mp);
}

/* An item that is written back by a buffer, which is locked just then. */
static struct { struct dx_log_item item; struct dx_mount *mp; struct dx_buf *bp; } odd;

static unsigned int push_odd(struct dx_log_item *lip, struct list_head *list)
{
	dx_buf_write_later(odd.bp, list);
	dx_ail_delete(odd.mp, lip);
	return DX_PUSH_OK;
}

static const struct dx_item_ops odd_ops = { .push = push_odd };

/* An item that somebody asks for. */
static struct dx_log_item wanted;
static u64 pushed_at;

static unsigned int push_wanted(struct dx_log_item *lip, struct list_head *list)
{
	pushed_at = host_now_ns();
	dx_ail_delete(odd.mp, lip);
	return DX_PUSH_OK;
}

static const struct dx_item_ops wanted_ops = { .push = push_wanted };

/* How long until the pusher comes for it? */
static u64 push_takes_ms(struct dx_mount *mp)
{
	u64 start = host_now_ns();

	INIT_LIST_HEAD(&wanted.li_ail);
	wanted.li_ops = &wanted_ops;
	dx_ail_insert(mp, &wanted, dx_log_tail_lsn(mp));
	pushed_at = 0;
	dx_ail_push(mp, dx_log_tail_lsn(mp));
	while (!pushed_at)
		msleep(1);
	return (pushed_at - start) / NSEC_PER_MSEC;
}

static u64 writes(void)
{
	struct host_dev_counts c;

	host_dev_counts(uv_dev, &c);
	return c.writes;
}

/* The AIL is empty, and nobody wants anything: the buffer is written all the same, and then there is rest. */
static int left_locked(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	u64 switches, before;
	int i;

	(void)arg;
	if (!CHECK(mp))
		return 0;
	CHECK_EQ(dx_log_force(mp, true), 0);
	dx_ail_drain(mp);
	CHECK_EQ(dx_agi_read(mp, NULL, 0, &odd.bp), 0);
	odd.mp = mp;
	INIT_LIST_HEAD(&odd.item.li_ail);
	odd.item.li_ops = &odd_ops;
	dx_ail_insert(mp, &odd.item, dx_log_tail_lsn(mp));
	dx_ail_drain(mp);
	before = writes();
	msleep(1000);
	/* who wants something does not wait for the next look at what is left over */
	for (i = 0; i < 5; i++) {
		msleep(333);
		CHECK(push_takes_ms(mp) < 20);
	}
	dx_buf_leave(odd.bp);
	CHECK_EQ(writes(), before);
	msleep(1000);
	CHECK_EQ(writes(), before + 1);
	switches = host_switches();
	msleep(5000);
	printf("# %llu switches in 5 s\n", (unsigned long long)(host_switches() - switches));
	CHECK(host_switches() - switches < 20);
	return uv_umount(mp);
}

/*
 * To make inodes rolls the transaction, which may have to wait for log space then.  The directory is locked all the while, so nobody
 * could write it back: what is at the tail must not be waiting for that.
 */
static int locked_directory(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_trans *tp;
	struct dx_inode *dp, *ip;
	struct dx_perag *pag;
	dx_ino_t ino;
	int i;

	(void)arg;
	if (!CHECK(mp))
		return 0;
	dp = mp->rootip;
	pag = dx_perag(mp, dx_ino_to_agno(mp, dp->ino));
	for (i = 0; i < FILES && (!i || pag->freecount) && CHECK_EQ(make(dp, "g", i, S_IFREG | 0600, &ip), 0); i++)
		dx_idrop(ip);
	CHECK_EQ(pag->freecount, 0);
	CHECK_EQ(dx_log_force(mp, true), 0);
	CHECK_EQ(atomic_read(&dp->i_pin), 0);
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_CREATE, dx_dialloc_space(mp), 0, &tp), 0);
	dx_ilock(dp, DX_ILOCK_EXCL);
	CHECK_EQ(dx_new_ino(&tp, dp->ino, S_IFREG, dp, &ino), 0);
	CHECK(ino != DX_NULLINO && pag->freecount);
	/* in the checkpoint that is coming */
	CHECK_EQ(atomic_read(&dp->i_pin), 1);
	dx_iunlock(dp, DX_ILOCK_EXCL);
	CHECK_EQ(dx_trans_commit(tp), 0);
	/* nobody made it an inode */
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_IFREE, 0, 0, &tp), 0);
	CHECK_EQ(dx_free_ino(tp, ino, &(struct dx_icluster_free){ }), 0);
	CHECK_EQ(dx_trans_commit(tp), 0);
	return uv_umount(mp);
}

static const struct { const char *name; int (*fn)(void *arg); } tests[] = {
	{ "dirty inodes are written back without a read, and without memory", without_memory },
	{ "inodes whose clusters are not in memory are written back", cold },
	{ "a buffer that was locked when it was to be written is written later", left_locked },
	{ "a locked directory is not left behind at the tail", locked_directory },
};

int main(int argc, char **argv)
{
	int i;

	uv_setup("t_push");
	if (uv_make(&uv_profiles[1]))
		return 1;
	host_test("files", 1, fill, NULL);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (argc > 1 && !strstr(tests[i].name, argv[1]))
			continue;
		host_test(tests[i].name, 3, tests[i].fn, NULL);
		host_kill_world();
	}
	host_test_begin("xfs_repair -n after it");
	CHECK(uv_repair_clean("p"));
	host_test_end();
	uv_teardown();
	return host_test_exit();
}
