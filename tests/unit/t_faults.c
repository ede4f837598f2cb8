// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fail each read, write, flush and allocation of a mount, a random load and an
 * unmount in turn, once or from there on: an error or a shutdown (of I/O alone, not of allocations), no
 * warning, nothing leaked; and when the device is back, recovery, nothing lost
 * that was forced, and a volume that xfs_repair finds no fault with.  The same for a
 * mount that recovers; and logs with damaged records.
 *
 * Each fault has a process of its own, with a time limit.
 *
 *	t_faults [volume [scenario [kind [n]]]]
 *	FAULTS_SEED=n; FAULTS_MAX=n of each kind; FAULTS_REPAIR=one-in-n; FAULTS_JOBS=n
 *	FAULTS_SECONDS=n	aim at so long: a kind that has had its share goes on with every eighth of what is left
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <time.h>
#include "util_model.h"
#include "dx_dir.h"
#include "dx_alloc.h"
#include "dx_walk.h"

enum { F_READ, F_READ_ON, F_WRITE, F_WRITE_ON, F_FLUSH, F_FLUSH_ON, F_ALLOC, F_ALLOC_ON, F_MAX };
static const char * const kinds[] = {
	"a read", "all reads from one on", "a write", "all writes from one on", "a flush", "all flushes from one on",
	"an allocation", "all allocations for a while",
};
static struct totals { u64 faults, failed, hit, shutdowns, mount_errors, refused, recovered; } *all;

static struct host_dev_snap *snap;
static u64 max_per_kind = 150;
static int repair_one_in = 4, jobs = 2, seconds, nfibers, which_volume;
static u32 load_ops = 50;
static u64 counts[F_MAX];
static bool recovering;			/* the scenario: the volume is dirty */

struct fault { int kind; u64 n; };

static void arm(const struct fault *f)
{
	static const unsigned int what[] = { HOST_FAIL_READ, HOST_FAIL_WRITE, HOST_FAIL_FLUSH };

	if (!f)
		return;
	if (f->kind < F_ALLOC)
		host_dev_fail(uv_dev, what[f->kind / 2], f->n, f->kind & 1, -EIO);
	else if (f->kind == F_ALLOC)
		host_fail_alloc_nth(f->n);
	else
		host_fail_alloc_from(f->n);
}

static void disarm(void)
{
	host_dev_fail_none(uv_dev);
	host_fail_alloc_nth(0);
	host_fail_alloc_from(0);
}

/* Memory comes back: what must not fail waits for it. */
static int heal_fiber(void *arg)
{
	(void)arg;
	msleep(3000);
	host_fail_alloc_from(0);
	return 0;
}

static int load_fiber(void *arg)
{
	const struct fault *f = arg;
	struct dx_mount *mp;
	bool shut;
	int error, i;

	if (f && f->kind == F_ALLOC_ON)
		host_spawn(heal_fiber, NULL, "healer");
	arm(f);
	mp = uv_mount(&error);
	if (!mp) {
		CHECK(error < 0);
		__sync_fetch_and_add(&all->mount_errors, 1);
		return f ? 0 : error;
	}
	error = um_attach(mp, false);
	if (!recovering) {
		if (nfibers > 1)
			host_set_preempt(40);
		if (!error)
			error = um_run(mp, load_ops, nfibers);
		um_drop_held();
	} else if (!error) {
		error = um_walk(mp, NULL);
	}
	shut = dx_is_shutdown(mp);
	error |= uv_umount(mp);
	if (!f)
		CHECK_EQ(error, 0);
	if (shut)
		__sync_fetch_and_add(&all->shutdowns, 1);
	/* memory is what is waited for once a transaction cannot be given up */
	if (f && f->kind >= F_ALLOC)
		CHECK(!shut);
	/* whatever failed, what was done is on the disk if it says so */
	if (!shut && !error && !recovering)
		for (i = 0; i < um_nusers; i++)
			um_users[i].forced = um_users[i].done;
	return 0;
}

static int recover_fiber(void *arg)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (u8 *)"after", .len = 5, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip;
	int error;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (!CHECK(mp)) {
		printf("  mount: %d\n", error);
		return error;
	}
	CHECK(!um_verify(mp, false));
	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	CHECK(!dx_remove(mp->rootip, &n, ip));
	dx_idrop(ip);
	CHECK(!uv_umount(mp));
	return 0;
}

/* In a process of its own. */
static int one_fault(const struct fault *f, u64 seed)
{
	struct host_dev_counts c;
	char tag[40];
	int ret;

	snprintf(tag, sizeof(tag), "p%d", getpid());
	host_cpu_limit(60);
	host_checks_failed = 0;
	host_set_printk(1);
	host_dev_snap_restore(uv_dev, snap);
	if (!recovering)
		um_load(seed);
	host_init(seed);
	ret = host_run(load_fiber, (void *)f);
	CHECK_EQ(ret, 0);
	host_dev_counts(uv_dev, &c);
	if (c.failed || host_alloc_failed())
		__sync_fetch_and_add(&all->hit, 1);
	disarm();
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(false), 0);
	if (host_live_allocs(false))
		host_live_allocs(true);
	if (host_checks_failed)
		printf("%s", host_log());
	host_kill_world();
	/* the power may be cut as well when the cache could not be flushed */
	host_dev_crash(uv_dev, f->n & 1 ? HOST_KEEP_ALL : f->kind >= F_WRITE && f->kind <= F_FLUSH_ON ? HOST_LOSE_ALL : HOST_KEEP_RANDOM,
		       seed + f->n);
	host_init(seed + 1);
	host_warn_count = 0;
	ret = host_run(recover_fiber, NULL);
	CHECK_EQ(ret, 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(false), 0);
	host_kill_world();
	if (host_checks_failed || f->n % repair_one_in == 0) {
		CHECK(uv_repair_clean(tag));
		uv_forget(tag);
	}
	fflush(stdout);
	return host_checks_failed ? 1 : 0;
}

/* The copies of the process that are under way, a fault each. */
static struct { pid_t pid; u64 n; } running[16];
static int nrunning;

static void collect(int kind, int down_to)
{
	int status, i;
	pid_t pid;

	while (nrunning > down_to) {
		pid = wait(&status);
		for (i = 0; i < nrunning && running[i].pid != pid; i++)
			;
		/* who else? */
		if (!CHECK(i < nrunning)) {
			nrunning = 0;
			break;
		}
		all->faults++;
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			all->failed++;
			printf("# again: t_faults %d %d %d %llu   (%s, status 0x%x)\n", which_volume, recovering, kind,
			       (unsigned long long)running[i].n, kinds[kind], status);
		}
		running[i] = running[--nrunning];
	}
}

static const struct volume { int profile, users; } volumes[] = { { 0, 1 }, { 8, 2 }, { 3, 1 }, { 11, 2 } };

/* Shares of the time: one for each kind of fault in two scenarios, DAMAGE_SHARES for the damaged logs of a volume. */
#define DAMAGE_SHARES	6

static time_t share(int n)
{
	return time(NULL) + seconds * n / (int)(ARRAY_SIZE(volumes) * (2 * F_MAX + DAMAGE_SHARES));
}

static void all_faults(const char *name, u64 seed, int only_kind, u64 only_n)
{
	int kind;
	char title[160];

	for (kind = 0; kind < F_MAX; kind++) {
		u64 n, step = counts[kind] / max_per_kind + 1, begin = all->faults;
		time_t share_ends = share(1);
		bool late = false;

		if (only_kind >= 0 && kind != only_kind)
			continue;
		snprintf(title, sizeof(title), "%s fails: %s", kinds[kind], name);
		host_test_begin(title);
		all->failed = 0;
		/* the first ones each, then evenly */
		for (n = 1; n <= counts[kind] && all->failed < 4; n += n < max_per_kind / 3 && !late ? 1 : step) {
			struct fault f = { kind, only_n ? only_n : n };
			pid_t pid;

			if (seconds && !late && time(NULL) >= share_ends) {
				late = true;
				step = step * 8;
			}
			collect(kind, jobs - 1);
			fflush(stdout);
			pid = fork();
			if (!pid)
				_exit(one_fault(&f, seed));
			if (!CHECK(pid > 0))
				break;
			running[nrunning].pid = pid;
			running[nrunning++].n = f.n;
			if (only_n)
				break;
		}
		collect(kind, 0);
		CHECK_EQ(all->failed, 0);
		printf("# %llu of %llu\n", (unsigned long long)(all->faults - begin), (unsigned long long)counts[kind]);
		host_test_end();
	}
}

/* How many of each are there to fail? */
static bool count_all(u64 seed)
{
	struct host_dev_counts c;
	int ret;

	host_dev_snap_restore(uv_dev, snap);
	host_init(seed);
	ret = host_run(load_fiber, NULL);
	host_dev_counts(uv_dev, &c);
	counts[F_READ] = counts[F_READ_ON] = c.reads;
	counts[F_WRITE] = counts[F_WRITE_ON] = c.writes;
	counts[F_FLUSH] = counts[F_FLUSH_ON] = c.flushes;
	counts[F_ALLOC] = counts[F_ALLOC_ON] = host_alloc_count();
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	printf("# %llu reads, %llu writes, %llu flushes, %llu allocations\n", (unsigned long long)counts[F_READ],
	       (unsigned long long)counts[F_WRITE], (unsigned long long)counts[F_FLUSH], (unsigned long long)counts[F_ALLOC]);
	return CHECK_EQ(ret, 0) && CHECK_EQ(host_warn_count, 0) && !host_checks_failed;
}

/* ---- damaged logs ---- */

struct damage { u64 off; int how; bool last; int error; };

static int damaged_fiber(void *arg)
{
	struct damage *d = arg;
	struct dx_mount *mp = uv_mount(&d->error);

	if (!mp)
		return 0;
	/*
	 * A bad record among the last ones, which could all have been under way when the power went, looks like
	 * one of those: it and what follows are gone, whoever was told that they are safe.
	 */
	CHECK(!(d->last ? um_walk(mp, NULL) : um_verify(mp, false)));
	CHECK(!uv_umount(mp));
	return 0;
}

static int one_damage(struct damage *d, const char *what)
{
	struct host_dev_counts before, after;
	int error = 0, ret, i;
	char tag[40];
	u8 sec[512];

	snprintf(tag, sizeof(tag), "p%d", getpid());
	host_cpu_limit(60);
	host_checks_failed = 0;
	host_set_printk(1);
	host_dev_snap_restore(uv_dev, snap);
	host_dev_peek(uv_dev, d->off, sec, sizeof(sec));
	switch (d->how) {
	case 0:
		sec[40 + d->off / 512 % 400] ^= 0x10;
		break;
	case 1:
		memset(sec, 0, sizeof(sec));
		break;
	case 2:
		memset(sec, 0xff, sizeof(sec));
		break;
	case 3:
		sec[12 + d->off / 512 % 60] ^= 0x81;
		break;
	case 4:
		for (i = 0; i < 512; i++)
			sec[i] = i * 37 + d->off;
		break;
	}
	host_dev_poke(uv_dev, d->off, sec, sizeof(sec));
	host_dev_counts(uv_dev, &before);
	host_init(3);
	ret = host_run(damaged_fiber, d);
	error = d->error;
	CHECK_EQ(ret, 0);
	CHECK_EQ(host_warn_count, 0);
	host_dev_counts(uv_dev, &after);
	if (error) {
		CHECK(error == -EFSCORRUPTED);
		CHECK_EQ(after.writes - before.writes, 0);
		CHECK(strstr(host_log(), "log"));
		CHECK_EQ(host_live_allocs(true), 0);
		__sync_fetch_and_add(&all->refused, 1);
		if (getenv("FAULTS_SAY"))
			printf("# %s: %s", what, host_log());
	} else {
		__sync_fetch_and_add(&all->recovered, 1);
		CHECK(uv_repair_clean(tag));
		uv_forget(tag);
	}
	if (host_checks_failed)
		printf("%s", host_log());
	host_kill_world();
	return host_checks_failed ? 1 : 0;
}

#define UNDER_WAY_BB	(8 * 262144 / 512)	/* buffers that a log may write at once, of the largest size */

static void damaged_logs(const char *name, u64 only)
{
	static const char * const hows[] = { "a bit flipped", "zeroed", "ones", "header flipped", "garbage" };
	u64 log_off, log_bb, b, tail = 0, head = 0, body = 0, nblk = 0;
	u64 *where = calloc(1 << 16, sizeof(u64));
	struct { u8 magic[4]; __be32 cycle, version, len; __be64 lsn, tail_lsn; } h;
	u8 sb[512];
	char title[160];
	int how, i, nrec = 0;
	u64 agblklog, fsb, agblocks, bs, recs[4096];
	time_t share_ends = share(DAMAGE_SHARES);

	host_dev_snap_restore(uv_dev, snap);
	host_dev_peek(uv_dev, 0, sb, sizeof(sb));
	bs = get_unaligned_be32(sb + 4);
	fsb = get_unaligned_be64(sb + 48);
	agblocks = get_unaligned_be32(sb + 84);
	agblklog = sb[124];
	log_off = ((fsb >> agblklog) * agblocks + (fsb & ((1ULL << agblklog) - 1))) * bs;
	log_bb = (u64)get_unaligned_be32(sb + 96) * bs / 512;
	/* live records: from the tail of the last one */
	for (b = 0; b < log_bb; b++) {
		host_dev_peek(uv_dev, log_off + b * 512, &h, sizeof(h));
		if (memcmp(h.magic, "\xfe\xed\xba\xbe", 4) || nrec == 4096)
			continue;
		recs[nrec++] = b;
		if (be64_to_cpu(h.lsn) >= head) {
			head = be64_to_cpu(h.lsn);
			tail = be64_to_cpu(h.tail_lsn);
		}
	}
	for (i = 0; i < nrec; i++) {
		host_dev_peek(uv_dev, log_off + recs[i] * 512, &h, sizeof(h));
		if (be64_to_cpu(h.lsn) < tail)
			continue;
		for (body = 0; body <= be32_to_cpu(h.len) / 512 && nblk < 65535; body++)
			where[nblk++] = (recs[i] + body) % log_bb;
	}
	snprintf(title, sizeof(title), "damage in %llu blocks of the log: %s", (unsigned long long)nblk, name);
	host_test_begin(title);
	all->failed = all->refused = all->recovered = 0;
	for (b = 0; b < nblk && all->failed < 4; b += b > 4 && b + 8 < nblk ? (nblk / 50 + 1) * (seconds && time(NULL) >= share_ends ? 8 : 1) : 1) {
		for (how = 0; how < 5; how++) {
			struct damage d = { log_off + where[b] * 512, how, nblk - b <= UNDER_WAY_BB + 64 };
			char what[80];
			int status;
			pid_t pid;

			if (only && only != b * 10 + how + 1)
				continue;
			snprintf(what, sizeof(what), "block %llu of the log %s", (unsigned long long)where[b], hows[how]);
			fflush(stdout);
			pid = fork();
			if (!pid) {
				status = one_damage(&d, what);
				fflush(stdout);
				_exit(status);
			}
			waitpid(pid, &status, 0);
			if (status) {
				all->failed++;
				printf("# again: t_faults %d 2 0 %llu  (%s, record at %llu to %llu, last at %llu; status 0x%x)\n", which_volume,
				       (unsigned long long)(b * 10 + how + 1), what, (unsigned long long)(tail & 0xffffffff),
				       (unsigned long long)(head & 0xffffffff), (unsigned long long)(head & 0xffffffff), status);
			}
		}
	}
	CHECK_EQ(all->failed, 0);
	printf("# %llu refused, %llu recovered\n", (unsigned long long)all->refused, (unsigned long long)all->recovered);
	host_test_end();
	free(where);
}

/* ---- */

static int fill_fiber(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (!CHECK(mp))
		return error;
	CHECK(!um_attach(mp, true));
	CHECK_EQ(um_run(mp, 120, 1), 0);
	um_drop_held();
	CHECK(!um_verify(mp, true));
	CHECK(!uv_umount(mp));
	return 0;
}

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

/* Work that ends without an unmount. */
static int long_log_fiber(void *arg)
{
	int error, i;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (!CHECK(mp))
		return error;
	CHECK(!um_attach(mp, true));
	CHECK_EQ(um_run(mp, 400 / um_nusers, 1), 0);
	um_drop_held();
	dx_icache_flush_inactive(mp);
	for (i = 0; i < 2000; i++) {
		struct dx_log_stats st;

		dx_log_get_stats(mp, &st);
		if (st.used_bytes > 3 << 20)
			break;
		CHECK_EQ(dx_inobt_walk(mp, 0, touch_fn, NULL), 0);
		CHECK(!dx_log_force(mp, true));
	}
	CHECK(!dx_log_force(mp, true));
	for (i = 0; i < um_nusers; i++)
		um_users[i].forced = um_users[i].done;
	return 0;
}

static bool take(void)
{
	if (snap)
		host_dev_snap_free(snap);
	snap = host_dev_snap_take(uv_dev);
	return true;
}

int main(int argc, char **argv)
{
	int only = argc > 1 ? atoi(argv[1]) : -1, only_scenario = argc > 2 ? atoi(argv[2]) : -1;
	int only_kind = argc > 3 ? atoi(argv[3]) : -1, v, ret;
	u64 only_n = argc > 4 ? strtoull(argv[4], NULL, 0) : 0, seed = 42;
	char name[120];

#if defined(__SANITIZE_ADDRESS__)
	max_per_kind = 60;
	repair_one_in = 10;
#endif
	if (getenv("FAULTS_MAX"))
		max_per_kind = atoi(getenv("FAULTS_MAX"));
	if (getenv("FAULTS_REPAIR"))
		repair_one_in = atoi(getenv("FAULTS_REPAIR"));
	if (getenv("FAULTS_SECONDS"))
		seconds = atoi(getenv("FAULTS_SECONDS"));
	if (getenv("FAULTS_JOBS"))
		jobs = clamp(atoi(getenv("FAULTS_JOBS")), 1, (int)ARRAY_SIZE(running));
	if (getenv("FAULTS_SEED"))
		seed = strtoull(getenv("FAULTS_SEED"), NULL, 0);
	um_trace = getenv("UM_TRACE") != NULL;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uv_setup("t_faults");
	for (v = 0; v < ARRAY_SIZE(volumes); v++) {
		const struct uv_profile *p = &uv_profiles[volumes[v].profile];

		if (only >= 0 && v != only)
			continue;
		which_volume = v;
		nfibers = volumes[v].users;
		host_test_begin("a volume to harm");
		if (!CHECK(!uv_make(p)))
			return 1;
		um_reset(volumes[v].users);
		um_rebase(seed + v);
		host_init(seed);
		recovering = false;
		CHECK_EQ(host_run(fill_fiber, NULL), 0);
		host_kill_world();
		um_save();
		take();
		host_test_end();

		um_load(seed);
		host_test_begin("a run without faults");
		count_all(seed);
		host_test_end();
		if (only_scenario <= 0) {
			snprintf(name, sizeof(name), "mount, work, unmount (%s)", p->name);
			all_faults(name, seed, only_kind, only_n);
		}
		if (only_scenario == 0)
			continue;

		/* a dirty volume */
		host_dev_snap_restore(uv_dev, snap);
		um_load(seed);
		host_init(seed);
		host_dev_crash_at(uv_dev, counts[F_WRITE] * 2 / 3, HOST_CRASH_COMPLETE);
		ret = host_run(load_fiber, NULL);
		host_dev_crash_at(uv_dev, 0, HOST_CRASH_SUBMIT);
		host_kill_world();
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
		take();
		recovering = true;
		host_test_begin("a recovery without faults");
		CHECK_EQ(ret, HOST_CRASHED);
		count_all(seed);
		host_test_end();
		if (only_scenario < 0 || only_scenario == 1) {
			snprintf(name, sizeof(name), "recovery (%s)", p->name);
			all_faults(name, seed, only_kind, only_n);
		}
		if (only_scenario == 1)
			continue;

		/* one with a long log */
		uv_make(p);
		um_reset(volumes[v].users);
		um_rebase(seed + v);
		um_calm = true;
		host_init(seed);
		host_test_begin("a long log");
		CHECK_EQ(host_run(long_log_fiber, NULL), 0);
		host_kill_world();
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
		take();
		host_test_end();
		um_calm = false;
		damaged_logs(p->name, only_n);
	}
	printf("# %llu faults, %llu of them met; %llu mounts failed, %llu shutdowns\n", (unsigned long long)all->faults,
	       (unsigned long long)all->hit, (unsigned long long)all->mount_errors, (unsigned long long)all->shutdowns);
	uv_teardown();
	return host_test_exit();
}
