// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cut the power at every write of random loads, let any part of what no flush
 * covered survive, recover, and compare with the model.
 *
 * A load runs once; as each write or flush is submitted or has completed, a copy of the
 * process (fork) stops the world there, decides what of the unflushed
 * writes is on the disk, and mounts it again.  What was forced must be there exactly, later operations
 * all or nothing and in order (util_model.h).  A part of the copies has the power cut again during
 * recovery; a sample asks xfs_logprint before and xfs_repair -n after.
 *
 *	t_crash [kind [seed [event [mode]]]]		one of each, for a closer look
 *	CRASH_SEED=n CRASH_POINTS=n CRASH_OPS=n CRASH_REPAIR=one-in-n CRASH_JOBS=n UM_TRACE=1 CRASH_SAVE=image-before-recovery
 *	CRASH_SECONDS=n		aim at so long: a kind that has had its share crashes at every eighth event of the load
 *				it is in, and begins no other
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <time.h>
#include "util_model.h"
#include "dx_alloc.h"
#include "dx_walk.h"

static struct totals {
	u64 points, failed, repairs, logprints, twice, events, loads, profile_points;
} *all;

/* of the kinds with quota */
#define QUOTA	(DX_UQUOTA_ACCT | DX_GQUOTA_ACCT | DX_PQUOTA_ACCT | DX_UQUOTA_ENFD)

static const struct uv_profile *prof;
static u64 load_seed;
static u32 event, load_ops = 60, repair_one_in = 12;
static int nusers, nfibers;
static int only_mode = -1, kind_no;
static u32 only_event;
static bool armed, in_child;
static enum host_crash_mode mode;
static struct host_dev_snap *snap;
static u64 want_points = 12000;
static int jobs = 2, seconds;
static time_t share_ends;	/* of the kind at work; 0: no limit */

static bool late(void)
{
	return share_ends && time(NULL) >= share_ends;
}

static int env(const char *name, int dflt)
{
	return getenv(name) ? atoi(getenv(name)) : dflt;
}

/* ---- the load ---- */

static int load_fiber(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	u32 i;

	(void)arg;
	if (!CHECK(mp))
		return error;
	error = um_attach(mp, false);
	if (!CHECK(!error))
		return error;
	if (nfibers > 1)
		host_set_preempt(40);
	error = um_run(mp, load_ops, nfibers);
	CHECK_EQ(error, 0);
	um_drop_held();
	error = uv_umount(mp);
	CHECK_EQ(error, 0);
	for (i = 0; i < um_nusers; i++)
		um_users[i].forced = um_users[i].done;
	return 0;
}

/* One crash in one copy of the process: here. */
static void crash_here(enum host_crash_mode m)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		in_child = true;
		armed = false;
		mode = m;
		host_stop_world();
		return;
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("fork");
		exit(2);
	}
	__sync_fetch_and_add(&all->points, 1);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		__sync_fetch_and_add(&all->failed, 1);
		printf("# again: t_crash %d %llu %u %d\n", kind_no, (unsigned long long)load_seed, event, m);
		if (WIFSIGNALED(status))
			printf("  (signal %d)\n", WTERMSIG(status));
		fflush(stdout);
	}
}

static void at_event(bool submit)
{
	if (!armed || all->failed >= 5)
		return;
	event++;
	__sync_fetch_and_add(&all->events, 1);
	if (only_event) {
		if (event == only_event)
			crash_here(only_mode >= 0 ? only_mode : HOST_KEEP_ALL);
		return;
	}
	if (only_mode >= 0) {
		crash_here(only_mode);
		return;
	}
	if (late() && event % 8)
		return;
	/* the three that choose take turns; all or nothing at each */
	crash_here(HOST_KEEP_PREFIX + event % 3);
	if (in_child)
		return;
	if (!submit) {
		crash_here(HOST_LOSE_ALL);
		if (in_child)
			return;
	}
	if (event % 3 == 0)
		crash_here(HOST_KEEP_ALL);
}

static void say_io(const char *what, const struct dx_io *io)
{
	const u8 *p = io->data;

	if (!only_event || !um_trace || !armed)
		return;
	printf("  event %u: %s %s daddr %llu length %zu flags %x", event + 1, what, io->op == DX_IO_WRITE ? "write" : "flush",
	       (unsigned long long)io->daddr_bb, io->len_bytes, io->flags);
	if (io->op == DX_IO_WRITE)
		printf(" %02x%02x%02x%02x %02x%02x%02x%02x %02x%02x%02x%02x", p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11]);
	printf("\n");
}

static void on_submit(void *arg, const struct dx_io *io)
{
	(void)arg;
	if (io->op != DX_IO_READ)
		say_io("submit", io);
	if (io->op != DX_IO_READ)
		at_event(true);
}

static void on_complete(void *arg, const struct dx_io *io, int error)
{
	(void)arg;
	(void)error;
	if (io->op != DX_IO_READ)
		say_io("complete", io);
	if (io->op != DX_IO_READ)
		at_event(false);
}

/* ---- after the crash ---- */

static int mount_only(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (!mp)
		return error;
	return uv_umount(mp);
}

static int recover_fiber(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (u8 *)"after", .len = 5, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip;

	(void)arg;
	if (!CHECK(mp)) {
		printf("  mount: %d\n", error);
		return error;
	}
	CHECK(!um_verify(mp, false));
	/* what was counted before the crash is right after it */
	if (uv_quota) {
		CHECK_EQ(mp->qflags & QUOTA, QUOTA);
		CHECK(!host_log_has("is being counted"));
		CHECK(!uv_check_quota(mp));
	}
	/* it is a volume to work with */
	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	CHECK(!dx_remove(mp->rootip, &n, ip));
	dx_idrop(ip);
	CHECK(!uv_umount(mp));
	return 0;
}

/* In the copy: what is on the disk now?  Exit code. */
static int aftermath(void)
{
	u64 seed = load_seed * 7919 + event * 31 + mode;
	u32 which = event + mode * 5;
	char tag[40];
	int ret, k;

	snprintf(tag, sizeof(tag), "p%d", getpid());
	host_checks_failed = 0;
	host_dev_set_hook(uv_dev, NULL, NULL);
	host_dev_set_submit_hook(uv_dev, NULL, NULL);
	host_kill_world();
	host_warn_count = 0;
	host_dev_crash(uv_dev, mode, seed);
	if (getenv("CRASH_SAVE"))
		host_dev_save(uv_dev, getenv("CRASH_SAVE"));
	/* it does not check checksums, so what is torn confuses it */
	if (mode <= HOST_KEEP_ALL && which % repair_one_in == 1) {
		__sync_fetch_and_add(&all->logprints, 1);
		CHECK(uv_logprint_ok(tag));
	}
	for (k = 0; k < 3 && which % 7 == 3; k++) {
		host_init(seed + k);
		host_dev_crash_at(uv_dev, 1 + uv_rand(&seed) % 40, uv_rand(&seed) & 1 ? HOST_CRASH_SUBMIT : HOST_CRASH_COMPLETE);
		ret = host_run(mount_only, NULL);
		host_dev_crash_at(uv_dev, 0, HOST_CRASH_SUBMIT);
		host_kill_world();
		CHECK(ret == HOST_CRASHED || !ret);
		if (ret != HOST_CRASHED)
			break;
		host_dev_crash(uv_dev, uv_rand(&seed) % HOST_CRASH_MODES, seed);
		__sync_fetch_and_add(&all->twice, 1);
	}
	host_init(seed + 77);
	ret = host_run(recover_fiber, NULL);
	CHECK_EQ(ret, 0);
	CHECK_EQ(host_warn_count, 0);
	host_kill_world();
	if (host_checks_failed || which % repair_one_in == 0 || only_event) {
		__sync_fetch_and_add(&all->repairs, 1);
		CHECK(uv_repair_clean(tag));
	}
	uv_forget(tag);
	return host_checks_failed ? 1 : 0;
}

/* One load with all its crashes. */
static void one_load(u64 seed)
{
	int ret;

	load_seed = seed;
	event = 0;
	host_dev_snap_restore(uv_dev, snap);
	um_load(seed);
	host_init(seed);
	host_checks_failed = 0;
	host_dev_set_hook(uv_dev, on_complete, NULL);
	host_dev_set_submit_hook(uv_dev, on_submit, NULL);
	armed = true;
	ret = host_run(load_fiber, NULL);
	if (in_child) {
		ret = aftermath();
		fflush(stdout);
		_exit(ret);
	}
	armed = false;
	host_dev_set_hook(uv_dev, NULL, NULL);
	host_dev_set_submit_hook(uv_dev, NULL, NULL);
	host_kill_world();
	if (ret || host_checks_failed || host_warn_count) {
		printf("  load %llu ended with %d, %lu warnings\n", (unsigned long long)seed, ret, host_warn_count);
		__sync_fetch_and_add(&all->failed, 1);
	}
	host_warn_count = 0;
	__sync_fetch_and_add(&all->loads, 1);
}

/* ---- what the loads begin with ---- */

static int touch_fn(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	struct dx_setattr sa = { .valid = DX_ATTR_ATIME };
	struct dx_inode *ip;
	int error = dx_iget(mp, NULL, ino, 0, &ip);

	(void)data;
	if (error)
		return error;
	error = dx_setattr_nosize(ip, &sa, false);
	dx_idrop(ip);
	return error;
}

static int fill_fiber(void *arg)
{
	bool to_the_end = *(bool *)arg;
	struct dx_log_stats st;
	int error, k;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!um_attach(mp, true));
	CHECK_EQ(um_run(mp, 150, 1), 0);
	um_drop_held();
	dx_icache_flush_inactive(mp);
	/* to where the log wraps */
	for (k = 0; to_the_end && k < 4000; k++) {
		dx_log_get_stats(mp, &st);
		if (st.head_block * 512 + 220000 > st.size_bytes)
			break;
		CHECK_EQ(dx_inobt_walk(mp, 0, touch_fn, NULL), 0);
		CHECK(!dx_log_force(mp, true));
	}
	CHECK(!um_verify(mp, true));
	CHECK(!uv_umount(mp));
	return 0;
}

static bool prepare(const struct uv_profile *p, int users, bool at_wrap, u64 seed)
{
	int ret;

	prof = p;
	nusers = users;
	nfibers = users;
	if (uv_make(p))
		return false;
	um_reset(users);
	um_rebase(seed);
	host_init(seed);
	host_checks_failed = 0;
	ret = host_run(fill_fiber, &at_wrap);
	host_kill_world();
	if (ret || host_checks_failed || host_warn_count) {
		printf("  filling: %d\n", ret);
		return false;
	}
	um_save();
	if (snap)
		host_dev_snap_free(snap);
	snap = host_dev_snap_take(uv_dev);
	return true;
}

static const struct kind { int profile, users; bool at_wrap; unsigned int logbsize; int share; bool quota; } kinds[] = {
	{ 0, 1, false, 0, 2 },
	{ 1, 1, true, 0, 2 },
	{ 1, 3, false, 0, 3 },
	{ 2, 1, false, 0, 2 },
	{ 2, 3, true, 0, 2 },
	{ 3, 1, false, 0, 2 },
	{ 4, 3, false, 262144, 2 },
	{ 5, 2, true, 0, 2 },
	{ 6, 2, true, 0, 2 },
	{ 7, 1, false, 16384, 1 },
	{ 8, 1, false, 0, 2 },
	{ 8, 3, true, 0, 2 },
	{ 9, 3, false, 0, 1 },
	{ 10, 3, false, 0, 2 },
	{ 11, 1, true, 0, 2 },
	{ 0, 3, false, 0, 1, true },
	{ 8, 1, true, 0, 1, true },
	{ 10, 2, false, 0, 1, true },
};

static void crash_kind(const struct kind *k, u64 seed, bool once)
{
	u64 quota, start = all->points;
	char name[160];
	int i, total = 0, status;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		total += kinds[i].share;
	quota = want_points * k->share / total;
	share_ends = seconds ? time(NULL) + seconds * k->share / total : 0;
	uv_logbsize = k->logbsize;
	uv_quota = k->quota ? QUOTA : 0;
	kind_no = k - kinds;
	all->failed = 0;
	snprintf(name, sizeof(name), "crashes: %d user%s%s%s (%s)", k->users, k->users > 1 ? "s" : "",
		 k->at_wrap ? ", at the end of the log" : "", k->quota ? ", quota" : "", uv_profiles[k->profile].name);
	host_test_begin(name);
	if (!CHECK(prepare(&uv_profiles[k->profile], k->users, k->at_wrap, 5 + k->profile)))
		goto out;
	if (once) {
		one_load(seed);
	} else {
		fflush(stdout);
		for (i = 0; i < jobs; i++) {
			if (!fork()) {
				u64 s;

				for (s = seed + i; all->points - start < quota && all->failed < 5; s += jobs) {
					one_load(s);
					if (late())
						break;
				}
				fflush(stdout);
				_exit(0);
			}
		}
		for (i = 0; i < jobs; i++) {
			wait(&status);
			CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
		}
	}
	CHECK_EQ(all->failed, 0);
	printf("# %llu crash points\n", (unsigned long long)(all->points - start));
out:
	host_test_end();
}

int main(int argc, char **argv)
{
	int only = argc > 1 ? atoi(argv[1]) : -1, i;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : getenv("CRASH_SEED") ? strtoull(getenv("CRASH_SEED"), NULL, 0) : 1000;
	time_t t0 = time(NULL);

	only_event = argc > 3 ? atoi(argv[3]) : 0;
	only_mode = argc > 4 ? atoi(argv[4]) : -1;
	um_trace = getenv("UM_TRACE") != NULL;
#if defined(__SANITIZE_ADDRESS__)
	/* a load of each kind: the numbers are for the run without sanitizers */
	want_points = 300;
	jobs = 1;
#endif
	want_points = env("CRASH_POINTS", want_points);
	load_ops = env("CRASH_OPS", load_ops);
	repair_one_in = env("CRASH_REPAIR", repair_one_in);
	jobs = env("CRASH_JOBS", jobs);
	seconds = env("CRASH_SECONDS", 0);
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uv_setup("t_crash");
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (only >= 0 && only != i)
			continue;
		crash_kind(&kinds[i], argc > 2 ? seed : seed + 100000 * i, argc > 2);
	}
	printf("# %llu crash points at %llu events of %llu loads; %llu crashes during recovery; %llu logs printed; %llu volumes repaired; %ld s\n",
	       (unsigned long long)all->points, (unsigned long long)all->events, (unsigned long long)all->loads,
	       (unsigned long long)all->twice, (unsigned long long)all->logprints, (unsigned long long)all->repairs,
	       (long)(time(NULL) - t0));
	uv_teardown();
	return host_test_exit();
}
