// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that fails for a while: metadata is written when it is well again, nobody notices but those who wait
 * for log space; limits, where an administrator set some; and unmounts, which end.
 *
 *	t_retry [substring of a test's name]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_model.h"
#include "dx_dir.h"
#include "dx_log.h"
#include "dx_alloc.h"

#define FILES	300

static int make(struct dx_mount *mp, int i)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600, .uid = i };
	struct dx_name n = { .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip;
	char name[24];
	int error;

	n.len = sprintf(name, "file-%06d", i);
	n.name = (u8 *)name;
	error = dx_create(mp->rootip, &n, &a, &ip);
	if (!error)
		dx_idrop(ip);
	return error;
}

static int make_many(struct dx_mount *mp, int from, int to)
{
	int error = 0;

	while (!error && from < to)
		error = make(mp, from++);
	return error;
}

static int find(struct dx_mount *mp, int i, struct dx_inode **ipp)
{
	struct dx_name n = { };
	char name[24];
	dx_ino_t ino;
	int error;

	n.len = sprintf(name, "file-%06d", i);
	n.name = (u8 *)name;
	error = dx_lookup(mp->rootip, &n, &ino, NULL);
	if (!error)
		error = dx_iget(mp, NULL, ino, 0, ipp);
	if (!error)
		CHECK_EQ((*ipp)->d.uid, i);
	return error;
}

/* The device takes nothing but the log. */
static void fall_ill(struct dx_mount *mp, unsigned int what, int error)
{
	host_dev_fail_outside(uv_dev, what, dx_log_daddr(mp), dx_log_size_bb(mp), error);
}

static int healer(void *arg)
{
	msleep((unsigned long)arg);
	host_dev_fail_none(uv_dev);
	return 0;
}

static struct host_fiber *heal_in(unsigned long ms) { return host_spawn(healer, (void *)ms, "healer"); }

static u64 failures(void)
{
	struct host_dev_counts c;

	host_dev_counts(uv_dev, &c);
	return c.failed;
}

/* Mounted again, all files up to @n are there. */
static void check_files(int n)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *ip;
	int i;

	if (!CHECK(mp))
		return;
	for (i = 0; i < n && CHECK_EQ(find(mp, i, &ip), 0); i++)
		dx_idrop(ip);
	CHECK_EQ(uv_umount(mp), 0);
}

/* Everything that is to be written back arrives after the device is well, after a bearable number of tries. */
static int writes(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct host_fiber *f;
	u64 start;

	(void)arg;
	if (!CHECK(mp))
		return 0;
	CHECK_EQ(make_many(mp, 0, FILES), 0);
	CHECK_EQ(dx_log_force(mp, true), 0);
	fall_ill(mp, HOST_FAIL_WRITE, -EIO);
	start = host_now_ns();
	f = heal_in(60000);
	dx_ail_drain(mp);
	CHECK(!dx_is_shutdown(mp));
	CHECK(host_now_ns() - start >= 60 * NSEC_PER_SEC);
	CHECK(host_now_ns() - start < 63 * NSEC_PER_SEC);
	CHECK(failures() > 60 && failures() < 60 * 100);
	printf("# %llu failed writes in a minute\n", (unsigned long long)failures());
	host_join(f);
	CHECK_EQ(make_many(mp, FILES, FILES + 10), 0);
	CHECK_EQ(uv_umount(mp), 0);
	check_files(FILES + 10);
	return 0;
}

static struct { struct dx_mount *mp; bool stop; int n, until; } filler;

/*
 * Fills the log with one inode cluster, logged as a whole again and again; what holds the tail is what the
 * creation of the files has changed.
 */
static int filler_fiber(void *arg)
{
	struct dx_mount *mp = filler.mp;
	dx_daddr_t daddr = mp->rootip->imap.daddr;
	u32 len_bb = mp->rootip->imap.len_bb;
	struct dx_trans *tp;
	struct dx_buf *bp;
	int error = 0;

	(void)arg;
	for (; !error && !READ_ONCE(filler.stop) && filler.n < READ_ONCE(filler.until); filler.n++) {
		error = dx_trans_alloc(mp, DX_RESV_CREATE, 0, 0, &tp);
		if (error)
			break;
		error = dx_trans_read_buf(mp, tp, daddr, len_bb, 0, &dx_inode_buf_ops, &bp);
		if (!error) {
			dx_trans_inode_buf(tp, bp);
			dx_trans_log_buf(tp, bp, 0, dx_buf_len(bp) - 1);
		}
		error = error ?: dx_trans_commit(tp);
		error = error ?: dx_log_force(mp, true);
	}
	return error;
}

/* A mount whose log is full, with somebody who waits for space in it. */
static struct host_fiber *fill_log(void)
{
	struct host_fiber *f;
	struct dx_log_stats st;
	int before;

	filler.mp = uv_mount(NULL);
	filler.n = 0;
	filler.until = INT_MAX;
	filler.stop = false;
	CHECK(filler.mp);
	CHECK_EQ(make_many(filler.mp, 0, FILES), 0);
	fall_ill(filler.mp, HOST_FAIL_WRITE, -EIO);
	f = host_spawn(filler_fiber, NULL, "filler");
	do {
		before = filler.n;
		msleep(2000);
	} while (filler.n != before);
	dx_log_get_stats(filler.mp, &st);
	printf("# %d changes fill the log, %llu of %llu bytes\n", before, (unsigned long long)st.used_bytes,
	       (unsigned long long)st.size_bytes);
	CHECK(before > 100);
	CHECK(st.used_bytes > st.size_bytes / 2);
	CHECK(!dx_is_shutdown(filler.mp));
	return f;
}

/* Whoever changes something meanwhile waits when the log is full, and goes on afterwards. */
static int full_log(void *arg)
{
	struct host_fiber *f = fill_log();
	int before = filler.n;

	(void)arg;
	/* not for a time: as fast as that device is, it would be many thousands */
	WRITE_ONCE(filler.until, before + 300);
	host_dev_fail_none(uv_dev);
	CHECK_EQ(host_join(f), 0);
	CHECK_EQ(filler.n, before + 300);
	CHECK_EQ(uv_umount(filler.mp), 0);
	check_files(FILES);
	return 0;
}

/* What the pusher is to write into cannot be read, neither when the inodes were changed nor later. */
static int reads(void *arg)
{
	struct dx_setattr sa = { .valid = DX_ATTR_ATIME, .atime.tv_sec = 5 };
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *ip[FILES];
	struct host_fiber *f;
	int i;

	(void)arg;
	if (!CHECK(mp))
		return 0;
	CHECK_EQ(make_many(mp, 0, FILES), 0);
	CHECK_EQ(uv_umount(mp), 0);
	mp = uv_mount(NULL);
	if (!CHECK(mp))
		return 0;
	for (i = 0; i < FILES; i++)
		CHECK_EQ(find(mp, i, &ip[i]), 0);
	for (i = 0; i < 4; i++)
		dx_buf_cache_scan(mp, 1 << 20);
	fall_ill(mp, HOST_FAIL_READ | HOST_FAIL_WRITE, -EIO);
	for (i = 0; i < FILES; i++) {
		CHECK_EQ(dx_setattr_nosize(ip[i], &sa, false), 0);
		dx_idrop(ip[i]);
	}
	CHECK_EQ(dx_log_force(mp, true), 0);
	f = heal_in(20000);
	dx_ail_drain(mp);
	CHECK(!dx_is_shutdown(mp));
	CHECK(failures() > 20);
	host_join(f);
	CHECK_EQ(uv_umount(mp), 0);
	check_files(FILES);
	return 0;
}

/* Limits: how many times, how long, and for which error. */
static const struct limit {
	const char *name;
	int error;
	enum dx_err_class class;
	int max, timeout_s;
	u64 after_ms, before_ms;		/* gives up in between; before_ms 0: does not */
} limits[] = {
	{ "no retries", -EIO, DX_ERR_EIO, 0, DX_RETRY_FOREVER, 0, 500 },
	{ "six retries", -EIO, DX_ERR_EIO, 6, DX_RETRY_FOREVER, 600, 5000 },
	{ "seven seconds", -EIO, DX_ERR_EIO, DX_RETRY_FOREVER, 7, 7000, 9500 },
	{ "seven seconds, but two retries", -EIO, DX_ERR_EIO, 2, 7, 20, 1500 },
	{ "ENODEV", -ENODEV, DX_ERR_ENODEV, 0, DX_RETRY_FOREVER, 0, 500 },
	{ "a limit for another error", -ENOSPC, DX_ERR_EIO, 0, 0, 0, 0 },
	{ "a limit for all others", -EILSEQ, DX_ERR_DEFAULT, 3, DX_RETRY_FOREVER, 50, 2000 },
};

static int one_limit(void *arg)
{
	const struct limit *l = arg;
	struct dx_mount *mp = uv_mount(NULL);
	struct host_fiber *f;
	u64 ms;

	if (!CHECK(mp))
		return 0;
	CHECK_EQ(mp->retry.class[DX_ERR_ENODEV].max_retries, 0);
	CHECK_EQ(mp->retry.class[DX_ERR_EIO].max_retries, DX_RETRY_FOREVER);
	mp->retry.class[l->class].max_retries = l->max;
	mp->retry.class[l->class].timeout_s = l->timeout_s;
	CHECK_EQ(make_many(mp, 0, FILES), 0);
	CHECK_EQ(dx_log_force(mp, true), 0);
	fall_ill(mp, HOST_FAIL_WRITE, l->error);
	f = heal_in(20000);
	ms = host_now_ns() / NSEC_PER_MSEC;
	dx_ail_drain(mp);
	ms = host_now_ns() / NSEC_PER_MSEC - ms;
	printf("# %llu ms\n", (unsigned long long)ms);
	CHECK_EQ(dx_is_shutdown(mp), l->before_ms != 0);
	if (l->before_ms)
		CHECK(ms >= l->after_ms && ms <= l->before_ms);
	host_join(f);
	CHECK_EQ(uv_umount(mp), l->before_ms ? -EIO : 0);
	check_files(FILES);
	return 0;
}

/* An unmount does not wait for a broken device, unless asked to; what was forced is in the log. */
static int unmount(void *arg)
{
	bool fail = arg;
	struct dx_mount *mp = uv_mount(NULL);
	struct host_fiber *f;
	u64 ms;

	if (!CHECK(mp))
		return 0;
	CHECK(mp->retry.fail_at_unmount);
	mp->retry.fail_at_unmount = fail;
	CHECK_EQ(make_many(mp, 0, FILES), 0);
	fall_ill(mp, HOST_FAIL_WRITE, -EIO);
	f = heal_in(30000);
	ms = host_now_ns() / NSEC_PER_MSEC;
	CHECK_EQ(uv_umount(mp), fail ? -EIO : 0);
	ms = host_now_ns() / NSEC_PER_MSEC - ms;
	CHECK(fail ? ms < 2000 : ms >= 29000);
	host_join(f);
	check_files(FILES);
	return 0;
}

/* One that comes while others wait for space in a full log. */
static int unmount_full(void *arg)
{
	struct host_fiber *f = fill_log();
	u64 ms = host_now_ns() / NSEC_PER_MSEC;

	(void)arg;
	dx_retry_leaving(filler.mp);
	WRITE_ONCE(filler.stop, true);
	CHECK_EQ(host_join(f), -EIO);
	ms = host_now_ns() / NSEC_PER_MSEC - ms;
	CHECK(ms >= 8000 && ms < 15000);
	CHECK_EQ(uv_umount(filler.mp), -EIO);
	host_dev_fail_none(uv_dev);
	check_files(FILES);
	return 0;
}

static struct host_dev_snap *snap;

static void run(const char *only, const char *name, int (*fn)(void *), void *arg, bool repair)
{
	if (only && !strstr(name, only))
		return;
	host_dev_snap_restore(uv_dev, snap);
	host_dev_fail_none(uv_dev);
	host_test(name, 5, fn, arg);
	host_dev_fail_none(uv_dev);
	host_kill_world();
	if (!repair)
		return;
	host_test_begin("xfs_repair -n after it");
	CHECK(uv_repair_clean("r"));
	host_test_end();
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	char name[100];
	int i;

	uv_setup("t_retry");
	if (uv_make(&uv_profiles[1]))
		return 1;
	snap = host_dev_snap_take(uv_dev);
	host_set_printk(1);
	run(only, "writes that fail for a minute all arrive", writes, NULL, true);
	run(only, "a log that is full for a while", full_log, NULL, true);
	run(only, "reads of inode clusters that fail for a while", reads, NULL, true);
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		snprintf(name, sizeof(name), "a limit: %s", limits[i].name);
		run(only, name, one_limit, (void *)&limits[i], limits[i].error == -ENODEV);
	}
	run(only, "an unmount gives up", unmount, (void *)true, true);
	run(only, "an unmount waits when told to", unmount, NULL, false);
	run(only, "an unmount beside a full log gives up", unmount_full, NULL, true);
	host_dev_snap_free(snap);
	uv_teardown();
	return host_test_exit();
}
