// SPDX-License-Identifier: GPL-2.0-only
/*
 * Growing and shrinking: by every amount that makes a difference, on volumes of many kinds, beside random operations, with the power cut at each
 * write, with each allocation, read and write failing; what is new is used to the last block.  And the label.
 *
 *	t_grow [words of the tests' names [words of the volumes' [seed]]]
 *	GROW_EVENT=n GROW_MODE=n	of the crashes only this one
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include "util_model.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_log.h"

#define DEV_MIB	560
#define OLD	"-m reflink=0,bigtime=0,inobtcount=0,finobt=0 -i sparse=0 "

/* The last AG is short, if the size is no multiple of the AGs'. */
static const struct volume { struct uv_profile p; u32 ino_bits; } volumes[] = {
	{ { "no finobt, no sparse inodes", "--unsupported " OLD "-d agsize=32m,size=80m -l size=10m", DEV_MIB } },
	{ { "6.1 defaults, log in the last AG", "--unsupported -d agsize=32m,size=80m -l size=10m,agnum=2", DEV_MIB } },
	{ { "rmapbt, large extent counters, 1 KiB blocks", "--unsupported -b size=1024 -m rmapbt=1 -i nrext64=1 -d agsize=32m,size=85m -l size=14m",
	    DEV_MIB } },
	{ { "rmapbt, 4 KiB sectors", "--unsupported -s size=4096 -m rmapbt=1 -d agsize=32m,size=64m -l size=14m", DEV_MIB, 4096 } },
	{ { "2 KiB blocks, inode32", "--unsupported -b size=2048 -d agsize=16m,size=90m -l size=10m", DEV_MIB }, 1 },
	{ { "a stripe, no limit of inodes", "--unsupported -i maxpct=0 -d agsize=32m,size=81m,su=64k,sw=2 -l size=10m", DEV_MIB } },
};

static const struct volume *vol;
static struct host_dev_snap *snap;
static u64 seed = 7;
static u32 bs, agblocks, agcount;
static u64 dblocks;		/* of the volume as it was made */

/* ---- how far ---- */

static u64 one_more(void) { return dblocks + 1; }
static u64 half_of_it(void) { return dblocks + ((u64)agcount * agblocks - dblocks) / 2; }
static u64 to_its_end(void) { return (u64)agcount * agblocks; }
static u64 rest_too_short(void) { return (u64)agcount * agblocks + 63; }
static u64 shortest_ag(void) { return (u64)agcount * agblocks + 64; }
static u64 one_ag(void) { return (u64)(agcount + 1) * agblocks; }
static u64 two_ags_and_a_rest(void) { return (u64)(agcount + 2) * agblocks + 10; }
static u64 one_less(void) { return dblocks - 1; }
static u64 hundred_less(void) { return dblocks - 100; }
static u64 many(void) { return (u64)(agcount + 8) * agblocks + agblocks / 3; }

static const struct amount { const char *name; u64 (*fn)(void); bool inside; } amounts[] = {
	{ "a block more", one_more, true },
	{ "inside the last AG", half_of_it, true },
	{ "to its end", to_its_end, true },
	{ "a rest that is too short for an AG", rest_too_short },
	{ "the shortest AG", shortest_ag },
	{ "one AG", one_ag },
	{ "two AGs and such a rest", two_ags_and_a_rest },
	{ "many AGs", many },
	{ "a block less", one_less },
	{ "a hundred less", hundred_less },
};

/* What becomes of it. */
static u64 rounded(u64 want) { return want % agblocks < 64 && want > dblocks && want / agblocks >= agcount ? want / agblocks * agblocks : want; }

static const struct dx_mount_opts *opts(void)
{
	static struct dx_mount_opts o;

	o = (struct dx_mount_opts) { .inode32 = vol->ino_bits };
	return &o;
}

static struct dx_mount *mount_it(void)
{
	struct dx_mount *mp = uv_mount_dev(uv_dev, opts(), NULL);

	if (mp && vol->ino_bits) {
		/* as if the third AG were the first that has longer ones */
		mp->opts.inode32_bits = mp->agino_log + vol->ino_bits;
		dx_set_inode_ags(mp);
	}
	return mp;
}

/* ---- what must agree ---- */

/* The headers, the copies of them in memory, the counters; nothing runs. */
static void check_sums(struct dx_mount *mp)
{
	s64 free = 0, held = 0, trees = 0;
	dx_agno_t agno;
	int k;

	CHECK_EQ(dx_agcount(mp), mp->sb.agcount);
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		struct dx_perag *pag = dx_perag(mp, agno);
		struct dx_buf *agi, *agf;
		const struct dx_agf *f;
		u32 sum = 0;

		if (!CHECK(!dx_agi_read(mp, NULL, agno, &agi)))
			return;
		CHECK_EQ(be32_to_cpu(((struct dx_agi *)agi->b_addr)->agi_length), pag->length);
		CHECK_EQ(be32_to_cpu(((struct dx_agi *)agi->b_addr)->agi_count), pag->count);
		dx_buf_leave(agi);
		if (!CHECK(!dx_agf_read(mp, NULL, agno, 0, &agf)))
			return;
		f = agf->b_addr;
		CHECK_EQ(be32_to_cpu(f->agf_length), pag->length);
		CHECK_EQ(be32_to_cpu(f->agf_freeblks), pag->freeblks);
		CHECK_EQ(be32_to_cpu(f->agf_longest), pag->longest);
		CHECK_EQ(be32_to_cpu(f->agf_flcount), pag->flcount);
		CHECK_EQ(be32_to_cpu(f->agf_btreeblks), pag->btreeblks);
		CHECK_EQ(be32_to_cpu(f->agf_levels[0]), pag->levels[DX_BTNUM_BNO]);
		dx_buf_leave(agf);
		for (k = 0; k < DX_AGRESV_MAX; k++)
			sum += pag->resv[k].reserved;
		CHECK_EQ(pag->resv_held, sum);
		free += (u64)pag->freeblks + pag->flcount + pag->btreeblks;
		held += sum;
		trees += pag->btreeblks;
	}
	CHECK_EQ(held, atomic64_read(&mp->agresv_blks));
	CHECK_EQ(trees, atomic64_read(&mp->allocbt_blks));
	CHECK_EQ(free, percpu_counter_sum(&mp->fdblocks) + (s64)mp->resblks_avail + held + atomic64_read(&mp->delalloc_resv));
	CHECK(!uv_check_rmaps(mp));
	CHECK(!uv_check_refcounts(mp));
}

/* Copies of the superblock say what the primary says. */
static void check_copies(void)
{
	static u8 first[4096], copy[4096];
	struct dx_dsb *a = (void *)first, *b = (void *)copy;
	u32 sect, agno;

	host_dev_peek(uv_dev, 0, first, sizeof(first));
	sect = be16_to_cpu(a->sb_sectsize);
	for (agno = 1; agno < be32_to_cpu(a->sb_agcount); agno++) {
		host_dev_peek(uv_dev, (u64)agno * agblocks * bs, copy, sect);
		if (!CHECK(dx_verify_cksum(copy, sect, DX_SB_CRC_OFF)) || !CHECK(a->sb_dblocks == b->sb_dblocks) ||
		    !CHECK(a->sb_agcount == b->sb_agcount) || !CHECK(a->sb_imax_pct == b->sb_imax_pct) ||
		    !CHECK(!memcmp(a->sb_fname, b->sb_fname, sizeof(a->sb_fname)))) {
			printf("#   of AG %u\n", agno);
			return;
		}
	}
}

/* All that a mount derives from the size: to compare with that of the next mount. */
struct derived {
	u64 blocks, files, free, set_aside, maxicount, trees, held;
	u32 inode_ags;
	struct { u32 length, min, max; struct dx_agresv resv[DX_AGRESV_MAX]; bool ok, first; } ag[40];
};

static struct derived derived_of(struct dx_mount *mp)
{
	struct derived d = {
		.set_aside = mp->alloc_set_aside, .maxicount = mp->maxicount, .trees = atomic64_read(&mp->allocbt_blks),
		.held = atomic64_read(&mp->agresv_blks), .inode_ags = mp->inode_agcount,
	};
	struct dx_statfs st;
	dx_agno_t agno;

	dx_mount_statfs(mp, &st);
	d.blocks = st.blocks;
	d.files = mp->maxicount ? 0 : st.files + (mp->resblks_avail << mp->sb.inopblog);
	d.free = st.bfree + mp->resblks_avail;
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		struct dx_perag *pag = dx_perag(mp, agno);

		d.ag[agno].length = pag->length;
		d.ag[agno].min = pag->min_agino;
		d.ag[agno].max = pag->max_agino;
		d.ag[agno].ok = pag->inodes_ok;
		d.ag[agno].first = pag->inodes_first;
		memcpy(d.ag[agno].resv, pag->resv, sizeof(pag->resv));
	}
	return d;
}

static void same_derived(const struct derived *a, const struct derived *b)
{
	u32 i, k;

	CHECK_EQ(a->blocks, b->blocks);
	CHECK_EQ(a->files, b->files);
	CHECK_EQ(a->free, b->free);
	CHECK_EQ(a->set_aside, b->set_aside);
	CHECK_EQ(a->maxicount, b->maxicount);
	CHECK_EQ(a->trees, b->trees);
	CHECK_EQ(a->held, b->held);
	CHECK_EQ(a->inode_ags, b->inode_ags);
	for (i = 0; i < ARRAY_SIZE(a->ag); i++) {
		for (k = 0; k < DX_AGRESV_MAX; k++) {
			CHECK_EQ(a->ag[i].resv[k].most, b->ag[i].resv[k].most);
			CHECK_EQ(a->ag[i].resv[k].used, b->ag[i].resv[k].used);
			CHECK_EQ(a->ag[i].resv[k].reserved, b->ag[i].resv[k].reserved);
		}
		if (!CHECK(!memcmp(&a->ag[i], &b->ag[i], sizeof(a->ag[i]))))
			printf("#   AG %u\n", i);
	}
}

/* ---- by every amount ---- */

static struct dx_inode *make(struct dx_inode *dir, umode_t mode, const char *what, int i)
{
	struct dx_create_args a = { .mode = mode };
	char name[40];
	struct dx_name n = { .name = (const u8 *)name, .ftype = S_ISDIR(mode) ? DX_DIR3_FT_DIR : DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip;

	n.len = sprintf(name, "%s%d", what, i);
	return CHECK(!dx_create(dir, &n, &a, &ip)) ? ip : NULL;
}

static u64 bfree(struct dx_mount *mp)
{
	struct dx_statfs st;

	dx_mount_statfs(mp, &st);
	return st.bfree;
}

/* A file takes all there is, and gives it back. */
static void fill(struct dx_mount *mp)
{
	struct dx_inode *ip = make(mp->rootip, S_IFREG | 0644, "all", 0);
	struct dx_name n = { .name = (const u8 *)"all0", .len = 4, .ftype = DX_DIR3_FT_REG_FILE };
	u64 free, off = 0, want, mapped = 0;
	struct dx_mapped got;
	bool seen[40] = { };
	dx_agno_t agno;
	int error;

	if (!ip)
		return;
	free = bfree(mp);
	for (want = 1 << 20; want;) {
		error = dx_iomap_alloc(ip, off, min_t(u64, want, 1 << 16), false, false, &got);
		if (error == -ENOSPC) {
			want /= 2;
			continue;
		}
		if (!CHECK_EQ(error, 0))
			break;
		off += got.rec.blockcount - (off - got.rec.startoff);
		seen[dx_fsb_to_agno(mp, got.rec.startblock)] = true;
		mapped++;
	}
	CHECK(bfree(mp) <= 1);
	for (agno = 0; agno < dx_agcount(mp); agno++)
		/* the shortest AG is for its trees and its inodes */
		if (dx_perag(mp, agno)->length > 200 && !CHECK(seen[agno]))
			printf("#   nothing was allocated in AG %u of %u\n", agno, dx_agcount(mp));
	check_sums(mp);
	CHECK(!dx_remove(mp->rootip, &n, ip));
	dx_idrop(ip);
	dx_icache_flush_inactive(mp);
	dx_log_force(mp, true);
	/* its chunk of inodes may stay, as may what the directory took */
	if (!CHECK(bfree(mp) + 80 >= free))
		printf("#   %llu blocks were free, %llu are\n", (unsigned long long)free, (unsigned long long)bfree(mp));
}

static const struct amount *amount;

static int by_amount(void *arg)
{
	u64 want = amount->fn(), got = rounded(want);
	struct derived d[2];
	struct dx_statfs st, st2;
	struct dx_mount *mp;
	bool new_inode = false;
	int i;

	(void)arg;
	mp = mount_it();
	if (!mp)
		return -EIO;
	/* not all AGs are as they were made */
	for (i = 0; i < 3; i++) {
		struct dx_inode *ip = make(mp->rootip, S_IFREG | 0644, "before", i);
		struct dx_mapped m;

		CHECK(!dx_iomap_alloc(ip, 0, 40 + i, false, false, &m));
		dx_idrop(ip);
	}
	dx_mount_statfs(mp, &st);
	CHECK_EQ(dx_grow_data(mp, want, mp->sb.imax_pct), 0);
	CHECK_EQ(dx_dblocks(mp), got);
	CHECK_EQ(dx_agcount(mp), DIV_ROUND_UP(got, agblocks));
	dx_mount_statfs(mp, &st2);
	CHECK_EQ(st2.blocks - st.blocks, got - dblocks);
	if (got > dblocks + 200)
		CHECK(st2.bfree > st.bfree);
	check_sums(mp);
	check_copies();
	/* inodes come to what is new, where they may */
	for (i = 0; i < 2 * dx_agcount(mp); i++) {
		struct dx_inode *ip = make(mp->rootip, S_IFDIR | 0755, "dir", i), *f;

		if (!ip)
			break;
		new_inode |= dx_ino_to_agno(mp, ip->ino) >= agcount;
		f = make(ip, S_IFREG | 0644, "file", i);
		if (f)
			dx_idrop(f);
		dx_idrop(ip);
	}
	if (got - (u64)agcount * agblocks != 64)
		CHECK_EQ(new_inode, got > (u64)agcount * agblocks && !vol->ino_bits);
	fill(mp);
	/* and again the same size: nothing happens */
	CHECK_EQ(dx_grow_data(mp, want, mp->sb.imax_pct), 0);
	CHECK_EQ(dx_dblocks(mp), got);
	check_sums(mp);
	CHECK(!uv_umount(mp));
	mp = mount_it();
	if (!CHECK(mp))
		return -EIO;
	d[0] = derived_of(mp);
	check_sums(mp);
	CHECK(!uv_umount(mp));

	/* grown at once after the mount, it is as if it were mounted so */
	host_dev_snap_restore(uv_dev, snap);
	mp = mount_it();
	if (!CHECK(mp))
		return -EIO;
	CHECK_EQ(dx_grow_data(mp, want, mp->sb.imax_pct), 0);
	d[0] = derived_of(mp);
	CHECK(!uv_umount(mp));
	CHECK(uv_repair_clean("grow"));
	mp = mount_it();
	if (!CHECK(mp))
		return -EIO;
	d[1] = derived_of(mp);
	same_derived(&d[0], &d[1]);
	CHECK(!uv_umount(mp));
	return 0;
}

/* ---- beside random operations ---- */

static u64 targets[3], reached;

static int grow_fiber(void *arg)
{
	struct dx_mount *mp = arg;
	int i, k, error = 0;

	reached = dblocks;

	for (i = 0; i < ARRAY_SIZE(targets) && !error; i++) {
		for (k = 0; k < 200; k++)
			host_yield();
		error = dx_grow_data(mp, targets[i], i == 1 ? 31 : 17);
		if (!error)
			reached = targets[i];
		else if (error == -ENOSPC && targets[i] < dblocks)
			error = 0;
		CHECK_EQ(error, 0);
		CHECK_EQ(dx_set_label(mp, i & 1 ? "beside\0\0\0\0\0" : "twelve bytes"), 0);
	}
	return error;
}

static int run_beside(void)
{
	struct dx_mount *mp = mount_it();
	struct host_fiber *f;

	if (!mp)
		return -EIO;
	um_reset(3);
	um_rebase(seed);
	CHECK(!um_attach(mp, true));
	host_set_preempt(40);
	f = host_spawn(grow_fiber, mp, "grow");
	CHECK_EQ(um_run(mp, 250, 3), 0);
	CHECK_EQ(host_join(f), 0);
	host_set_preempt(0);
	um_drop_held();
	dx_icache_flush_inactive(mp);
	CHECK(!um_verify(mp, true));
	check_sums(mp);
	CHECK(reached != dblocks);
	CHECK_EQ(dx_dblocks(mp), reached);
	CHECK(!uv_umount(mp));
	check_copies();
	mp = mount_it();
	if (!CHECK(mp))
		return -EIO;
	CHECK(!um_verify(mp, true));
	CHECK_EQ(mp->sb.imax_pct, 17);
	CHECK(!memcmp(mp->sb.fname, "twelve bytes", 12));
	CHECK(!uv_umount(mp));
	CHECK(uv_repair_clean("grow"));
	return 0;
}

static int beside(void *arg)
{
	(void)arg;
	targets[0] = dblocks + 1;
	targets[1] = to_its_end() + 100;
	targets[2] = to_its_end() + 3 * agblocks;
	return run_beside();
}

static int beside_shrinking(void *arg)
{
	(void)arg;
	targets[0] = dblocks - 1;
	targets[1] = dblocks - 40;
	targets[2] = dblocks - 300;
	return run_beside();
}

/* ---- the power is cut ---- */

static struct totals { u64 points, failed, repairs, old, new, twice; } *all;
static u32 event, only_event;
static int only_mode = -1;
static bool armed, in_child;
static enum host_crash_mode mode;
static u64 to;

static int load_fiber(void *arg)
{
	struct dx_mount *mp = mount_it();

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK(!um_attach(mp, false));
	CHECK_EQ(um_run(mp, 12, 1), 0);
	armed = true;
	CHECK_EQ(dx_grow_data(mp, to, 33), 0);
	/* what comes now is in what is new, too */
	CHECK_EQ(um_run(mp, 25, 1), 0);
	CHECK(!dx_log_force(mp, true));
	CHECK_EQ(dx_set_label(mp, "crash\0\0\0\0\0\0"), 0);
	armed = false;
	um_drop_held();
	CHECK(!uv_umount(mp));
	return 0;
}

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
	all->points++;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		all->failed++;
		printf("# again: GROW_EVENT=%u GROW_MODE=%d t_grow 'power' '%s'\n", event, m, vol->p.name);
		fflush(stdout);
	}
}

static void at_event(void)
{
	if (!armed || all->failed >= 4)
		return;
	event++;
	if (only_event && event != only_event)
		return;
	if (only_mode >= 0) {
		crash_here(only_mode);
		return;
	}
	crash_here(HOST_LOSE_ALL);
	if (!in_child)
		crash_here(HOST_KEEP_ALL);
	if (!in_child)
		crash_here(HOST_KEEP_PREFIX + event % 3);
}

static void on_submit(void *arg, const struct dx_io *io)
{
	(void)arg;
	if (io->op != DX_IO_READ)
		at_event();
}

static void on_complete(void *arg, const struct dx_io *io, int error)
{
	(void)arg;
	(void)error;
	if (io->op != DX_IO_READ)
		at_event();
}

static int mount_only(void *arg)
{
	struct dx_mount *mp = mount_it();

	(void)arg;
	return mp ? uv_umount(mp) : -EIO;
}

static int recover_fiber(void *arg)
{
	struct dx_mount *mp = mount_it();

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK(dx_dblocks(mp) == dblocks || dx_dblocks(mp) == to);
	CHECK_EQ(dx_agcount(mp), DIV_ROUND_UP(dx_dblocks(mp), agblocks));
	__sync_fetch_and_add(dx_dblocks(mp) == to ? &all->new : &all->old, 1);
	check_sums(mp);
	check_copies();
	CHECK(!um_verify(mp, false));
	/* it grows now, if it has not */
	if (event % 4 == 0) {
		int error = dx_grow_data(mp, to, 20);

		CHECK(!error || (error == -ENOSPC && to < dblocks));
	}
	CHECK(!uv_umount(mp));
	return 0;
}

static int aftermath(void)
{
	u64 s = seed * 7919 + event * 31 + mode;
	char tag[40];
	int ret;

	snprintf(tag, sizeof(tag), "p%d", getpid());
	host_checks_failed = 0;
	host_dev_set_hook(uv_dev, NULL, NULL);
	host_dev_set_submit_hook(uv_dev, NULL, NULL);
	host_kill_world();
	host_warn_count = 0;
	host_dev_crash(uv_dev, mode, s);
	if (event % 5 == 1) {
		host_init(s);
		host_dev_crash_at(uv_dev, 1 + uv_rand(&s) % 30, uv_rand(&s) & 1 ? HOST_CRASH_SUBMIT : HOST_CRASH_COMPLETE);
		ret = host_run(mount_only, NULL);
		host_dev_crash_at(uv_dev, 0, HOST_CRASH_SUBMIT);
		host_kill_world();
		CHECK(ret == HOST_CRASHED || !ret);
		host_dev_crash(uv_dev, uv_rand(&s) % HOST_CRASH_MODES, s);
		all->twice++;
	}
	host_init(s);
	ret = host_run(recover_fiber, NULL);
	CHECK_EQ(ret, 0);
	CHECK_EQ(host_warn_count, 0);
	host_kill_world();
	if (host_checks_failed || only_event || event % 3 == 0) {
		all->repairs++;
		CHECK(uv_repair_clean(tag));
	}
	uv_forget(tag);
	return host_checks_failed ? 1 : 0;
}

static int prepare_fiber(void *arg)
{
	struct dx_mount *mp = mount_it();

	(void)arg;
	if (!mp)
		return -EIO;
	CHECK(!um_attach(mp, true));
	CHECK_EQ(um_run(mp, 60, 1), 0);
	um_drop_held();
	CHECK(!uv_umount(mp));
	return 0;
}

static void cut_at(const char *how, u64 target)
{
	struct host_dev_snap *begin;
	u64 points = all->points;
	char name[160];
	int ret;

	snprintf(name, sizeof(name), "the power is cut, %s (%s)", how, vol->p.name);
	host_test_begin(name);
	host_dev_snap_restore(uv_dev, snap);
	um_small = true;
	um_reset(1);
	um_rebase(seed);
	host_init(seed);
	CHECK(!host_run(prepare_fiber, NULL));
	host_kill_world();
	um_save();
	begin = host_dev_snap_take(uv_dev);
	to = target;
	host_dev_snap_restore(uv_dev, begin);
	um_load(seed);
	host_init(seed);
	event = 0;
	all->failed = all->old = all->new = 0;
	host_dev_set_hook(uv_dev, on_complete, NULL);
	host_dev_set_submit_hook(uv_dev, on_submit, NULL);
	ret = host_run(load_fiber, NULL);
	if (in_child) {
		ret = aftermath();
		fflush(stdout);
		_exit(ret);
	}
	host_dev_set_hook(uv_dev, NULL, NULL);
	host_dev_set_submit_hook(uv_dev, NULL, NULL);
	host_kill_world();
	CHECK_EQ(ret, 0);
	CHECK_EQ(all->failed, 0);
	CHECK(only_event || (all->old > 5 && all->new > 5));
	printf("# %llu crashes at %u events: %llu volumes of the old size, %llu of the new one\n",
	       (unsigned long long)(all->points - points), event, (unsigned long long)all->old, (unsigned long long)all->new);
	host_dev_snap_free(begin);
	um_small = false;
	host_test_end();
}

static void power(void) { cut_at("growing", to_its_end() + agblocks + 70); }
static void power_shrinking(void) { cut_at("shrinking", dblocks - 70); }

/* ---- what fails ---- */

static u32 what, nth;		/* 0: allocations, else HOST_FAIL_* */
static bool fired;

static int fault_fiber(void *arg)
{
	struct dx_mount *mp = mount_it();
	int error;

	(void)arg;
	if (!mp)
		return -EIO;
	CHECK(!dx_log_force(mp, true));
	dx_ail_drain(mp);
	if (what)
		host_dev_fail(uv_dev, what, nth, false, -EIO);
	else
		host_fail_alloc_nth(nth);
	error = dx_grow_data(mp, to, mp->sb.imax_pct);
	if (what) {
		struct host_dev_counts c;

		host_dev_counts(uv_dev, &c);
		fired = c.failed;
		host_dev_fail_none(uv_dev);
	} else {
		fired = host_alloc_failed();
		host_fail_alloc_nth(0);
	}
	if (!fired)
		CHECK_EQ(error, 0);
	CHECK(!error || error == -EIO || error == -ENOMEM);
	if (!dx_is_shutdown(mp)) {
		CHECK(dx_dblocks(mp) == dblocks || dx_dblocks(mp) == to);
		check_sums(mp);
		/* it was worth another try */
		CHECK_EQ(dx_grow_data(mp, to, mp->sb.imax_pct), 0);
		CHECK_EQ(dx_dblocks(mp), to);
		check_sums(mp);
		CHECK(!uv_umount(mp));
	} else {
		uv_umount(mp);
	}
	mp = mount_it();
	if (!CHECK(mp))
		return -EIO;
	CHECK(dx_dblocks(mp) == dblocks || dx_dblocks(mp) == to);
	check_sums(mp);
	CHECK(!uv_umount(mp));
	check_copies();
	return 0;
}

static void fail_at(const char *how, u64 target)
{
	static const u32 kinds[] = { 0, HOST_FAIL_READ, HOST_FAIL_WRITE, HOST_FAIL_FLUSH };
	char name[160];
	u32 i, runs = 0;

	snprintf(name, sizeof(name), "whatever fails, %s (%s)", how, vol->p.name);
	host_test_begin(name);
	to = target;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		what = kinds[i];
		fired = true;
		for (nth = 1; fired && nth < 200; nth++) {
			host_dev_snap_restore(uv_dev, snap);
			host_init(0);
			fired = false;
			if (!CHECK_EQ(host_run(fault_fiber, NULL), 0) || host_checks_failed) {
				printf("#   kind %u, number %u\n", what, nth);
				host_kill_world();
				goto out;
			}
			host_kill_world();
			runs++;
			if (nth % 4 == 0)
				CHECK(uv_repair_clean("grow"));
		}
	}
out:
	printf("# %u faults\n", runs);
	host_warn_count = 0;
	host_test_end();
}

static void faults(void) { fail_at("growing", to_its_end() + 2 * agblocks); }
static void faults_shrinking(void) { fail_at("shrinking", dblocks - 50); }

/* ---- what is in use stays, and what was behind the end in the log is let be ---- */

static int in_use(void *arg)
{
	struct dx_name n = { .name = (const u8 *)"all0", .len = 4, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_mount *mp = mount_it();
	struct dx_mapped got;
	struct dx_inode *ip;
	u64 off = 0, want;
	int error;

	(void)arg;
	if (!mp)
		return -EIO;
	ip = make(mp->rootip, S_IFREG | 0644, "all", 0);
	for (want = 1 << 16; want;) {
		error = dx_iomap_alloc(ip, off, want, false, false, &got);
		if (error)
			want /= 2;
		else
			off = got.rec.startoff + got.rec.blockcount;
	}
	CHECK_EQ(dx_grow_data(mp, dblocks - 1, mp->sb.imax_pct), -ENOSPC);
	CHECK_EQ(dx_grow_data(mp, dblocks - 200, mp->sb.imax_pct), -ENOSPC);
	CHECK_EQ(dx_dblocks(mp), dblocks);
	check_sums(mp);
	/* freed just now, they may go at once */
	CHECK(!dx_remove(mp->rootip, &n, ip));
	dx_idrop(ip);
	dx_icache_flush_inactive(mp);
	CHECK_EQ(dx_grow_data(mp, dblocks - 200, mp->sb.imax_pct), 0);
	check_sums(mp);
	/* as short as can be, if nothing has come there: inodes, the log */
	error = dx_grow_data(mp, (u64)(agcount - 1) * agblocks + 64, mp->sb.imax_pct);
	CHECK(!error || error == -ENOSPC);
	check_sums(mp);
	CHECK_EQ(host_warn_count, 0);
	CHECK(!uv_umount(mp));
	CHECK(uv_repair_clean("grow"));
	return 0;
}

static int remembered(void *arg)
{
	struct dx_mount *mp = mount_it();
	struct dx_trans *tp;
	struct dx_buf *bp;
	int kill;

	(void)arg;
	if (!mp)
		return -EIO;
	/* a block of a tree comes and goes where nothing is allocated */
	for (kill = 0; kill < 2; kill++) {
		CHECK(!dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp));
		CHECK(!dx_trans_get_buf(mp, tp, dx_fsb_to_bb(mp, dblocks - 5), 1u << mp->blkbb_log, 0, &bp));
		if (kill) {
			dx_trans_kill_buf(tp, bp);
		} else {
			dx_trans_buf_type(tp, bp, DX_BLFT_BTREE);
			bp->b_ops = &dx_bnobt_buf_ops;
			memset(bp->b_addr, 0x5a, mp->sb.blocksize);
			dx_trans_log_buf(tp, bp, 0, mp->sb.blocksize - 1);
		}
		CHECK(!dx_trans_commit(tp));
		CHECK(!dx_log_force(mp, true));
	}
	CHECK_EQ(dx_grow_data(mp, dblocks - 9, mp->sb.imax_pct), 0);
	host_stop_world();
	return 0;
}

static void old_blocks(void)
{
	char name[160];

	snprintf(name, sizeof(name), "what the log remembers of blocks that are gone (%s)", vol->p.name);
	host_test_begin(name);
	host_init(1);
	host_run(remembered, NULL);
	host_kill_world();
	host_dev_crash(uv_dev, HOST_KEEP_ALL, 1);
	host_init(1);
	to = dblocks - 9;
	CHECK_EQ(host_run(mount_only, NULL), 0);
	host_kill_world();
	CHECK(uv_repair_clean("grow"));
	host_test_end();
}

/* ---- somebody always frees something, far from the end ---- */

static bool busy_stop, busy_returned;
static u64 busy_rounds;

static int busy_fiber(void *arg)
{
	struct dx_name n = { .name = (const u8 *)"busy0", .len = 5, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_mount *mp = arg;
	struct dx_mapped got;

	while (!busy_stop) {
		struct dx_create_args a = { .mode = S_IFREG | 0644 };
		struct dx_inode *ip;
		int error = dx_create(mp->rootip, &n, &a, &ip);

		if (error)
			return error;
		error = dx_iomap_alloc(ip, 0, 16, false, false, &got);
		if (!error)
			error = dx_remove(mp->rootip, &n, ip);
		dx_idrop(ip);
		if (error)
			return error;
		busy_rounds++;
		msleep(1);
	}
	return 0;
}

static int shrink_fiber(void *arg)
{
	int error = dx_grow_data(arg, dblocks - 8, 17);

	busy_returned = true;
	return error;
}

static int ro_fiber(void *arg)
{
	int error = dx_mount_remount_ro(arg);

	busy_returned = true;
	return error;
}

/* @fn, with somebody busy freeing beside it, ends within @sec seconds. */
static void beside_frees(struct dx_mount *mp, int (*fn)(void *arg), u32 sec, int busy_error)
{
	struct host_fiber *busy, *f;
	u64 start;

	busy_stop = busy_returned = false;
	busy_rounds = 0;
	busy = host_spawn(busy_fiber, mp, "busy");
	msleep(200);
	start = host_now_ns();
	f = host_spawn(fn, mp, "beside");
	while (!busy_returned && host_now_ns() - start < sec * NSEC_PER_SEC)
		msleep(100);
	if (!CHECK(busy_returned))
		host_dump_fibers();
	printf("# %llu files came and went in %llu ms\n", (unsigned long long)busy_rounds,
	       (unsigned long long)(host_now_ns() - start) / NSEC_PER_MSEC);
	busy_stop = true;
	CHECK_EQ(host_join(busy), busy_error);
	CHECK_EQ(host_join(f), 0);
}

static int beside_frees_shrink(void *arg)
{
	struct dx_mount *mp = mount_it();

	(void)arg;
	if (!mp)
		return -EIO;
	host_dev_set_slow(uv_dev, dx_fsb_to_daddr(mp, mp->sb.logstart), (u64)mp->sb.logblocks << mp->blkbb_log, 2);
	beside_frees(mp, shrink_fiber, 5, 0);
	host_dev_set_slow(uv_dev, 0, 0, 0);
	CHECK_EQ(dx_dblocks(mp), dblocks - 8);
	dx_icache_flush_inactive(mp);
	check_sums(mp);
	CHECK(!uv_umount(mp));
	CHECK(uv_repair_clean("grow"));
	return 0;
}

/* An emergency: nobody keeps the writers out. */
static int beside_frees_ro(void *arg)
{
	struct dx_mount *mp = mount_it();

	(void)arg;
	if (!mp)
		return -EIO;
	host_dev_set_slow(uv_dev, dx_fsb_to_daddr(mp, mp->sb.logstart), (u64)mp->sb.logblocks << mp->blkbb_log, 2);
	beside_frees(mp, ro_fiber, 5, -EROFS);
	host_dev_set_slow(uv_dev, 0, 0, 0);
	uv_umount(mp);
	return 0;
}

/* ---- what is refused, and what else there is ---- */

static int refused(void *arg)
{
	struct dx_mount_opts ro = { .ro = true };
	struct dx_mount *mp = mount_it();
	struct host_dev_counts c, c2;
	u32 pct;
	u64 most;

	(void)arg;
	if (!mp)
		return -EIO;
	pct = mp->sb.imax_pct;
	most = mp->maxicount;
	CHECK_EQ(dx_grow_data(mp, (u64)(agcount - 1) * agblocks + 63, pct), -EINVAL);
	CHECK(host_log_has("cannot be removed as a whole"));
	CHECK_EQ(dx_grow_data(mp, 64, pct), -EINVAL);
	CHECK_EQ(dx_grow_data(mp, 0, pct), -EINVAL);
	CHECK_EQ(dx_grow_data(mp, dblocks, 101), -EINVAL);
	CHECK_EQ(dx_grow_data(mp, ((u64)DEV_MIB << 20) / bs + 1, pct), -EIO);
	CHECK_EQ(dx_grow_data(mp, 1ULL << 52, pct), -EIO);
	CHECK_EQ(dx_grow_data(mp, U64_MAX, pct), -EIO);
	host_dev_fail_range(uv_dev, HOST_FAIL_READ, (to_its_end() * bs >> 9) - (mp->sb.sectsize >> 9), 1, -EIO);
	CHECK_EQ(dx_grow_data(mp, to_its_end() + (dblocks == to_its_end() ? agblocks : 0), pct), dblocks == to_its_end() ? 0 : -EIO);
	host_dev_fail_none(uv_dev);
	mutex_lock(&mp->grow_mutex);
	CHECK_EQ(dx_grow_data(mp, dblocks, pct), -EWOULDBLOCK);
	mutex_unlock(&mp->grow_mutex);
	if (dblocks != to_its_end())
		CHECK_EQ(dx_dblocks(mp), dblocks);

	/* imax_pct alone */
	CHECK_EQ(dx_grow_data(mp, dx_dblocks(mp), 50), 0);
	CHECK_EQ(mp->sb.imax_pct, 50);
	CHECK(mp->maxicount > most);
	CHECK_EQ(dx_grow_data(mp, dx_dblocks(mp), 0), 0);
	CHECK_EQ(mp->maxicount, 0);
	CHECK_EQ(dx_grow_data(mp, dx_dblocks(mp), 1), 0);
	CHECK(mp->maxicount && mp->maxicount << 1 < percpu_counter_sum(&mp->fdblocks) << mp->sb.inopblog);
	dx_ail_drain(mp);
	check_copies();
	CHECK(!uv_umount(mp));

	mp = uv_mount_dev(uv_dev, &ro, NULL);
	if (!CHECK(mp))
		return -EIO;
	CHECK_EQ(mp->sb.imax_pct, 1);
	host_dev_counts(uv_dev, &c);
	CHECK_EQ(dx_grow_data(mp, dx_dblocks(mp) + 2 * agblocks, 1), -EROFS);
	host_dev_counts(uv_dev, &c2);
	CHECK_EQ(c.writes, c2.writes);
	CHECK_EQ(dx_grow_data(mp, dx_dblocks(mp), 25), -EROFS);
	CHECK_EQ(dx_set_label(mp, "no\0\0\0\0\0\0\0\0\0"), -EROFS);
	CHECK(!uv_umount(mp));
	CHECK(uv_repair_clean("grow"));
	return 0;
}

static int label(void *arg)
{
	static u8 sector[4096];
	struct dx_dsb *d = (void *)sector;
	struct dx_mount *mp = mount_it();
	char is[12];

	(void)arg;
	if (!mp)
		return -EIO;
	CHECK_EQ(dx_set_label(mp, "twelve bytes"), 0);
	dx_get_label(mp, is);
	CHECK(!memcmp(is, "twelve bytes", 12));
	host_dev_peek(uv_dev, 0, sector, sizeof(sector));
	CHECK(!memcmp(d->sb_fname, "twelve bytes", 12));
	check_copies();
	CHECK_EQ(dx_set_label(mp, "short\0\0\0\0\0\0"), 0);
	host_dev_peek(uv_dev, 0, sector, sizeof(sector));
	CHECK(!memcmp(d->sb_fname, "short\0\0\0\0\0\0", 12));
	CHECK(!uv_umount(mp));
	check_copies();
	CHECK(uv_repair_clean("grow"));

	/* copies that somebody left behind are written at the next mount, damaged ones are not */
	host_dev_peek(uv_dev, (u64)(agcount - 1) * agblocks * bs, sector, sizeof(sector));
	d->sb_agcount = cpu_to_be32(agcount - 1);
	d->sb_dblocks = cpu_to_be64((u64)(agcount - 1) * agblocks);
	dx_update_cksum(d, be16_to_cpu(d->sb_sectsize), DX_SB_CRC_OFF);
	host_dev_poke(uv_dev, (u64)(agcount - 1) * agblocks * bs, sector, be16_to_cpu(d->sb_sectsize));
	mp = mount_it();
	if (!CHECK(mp))
		return -EIO;
	CHECK(host_log_has("writing the copies of the superblock anew"));
	check_copies();
	CHECK(!uv_umount(mp));
	CHECK(uv_repair_clean("grow"));
	sector[200] ^= 1;
	host_dev_poke(uv_dev, (u64)(agcount - 1) * agblocks * bs, sector, be16_to_cpu(d->sb_sectsize));
	host_log_clear();
	mp = mount_it();
	if (!CHECK(mp))
		return -EIO;
	CHECK(!host_log_has("copies"));
	CHECK(!uv_umount(mp));
	return 0;
}

/* ---- */

static int look(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);

	(void)arg;
	if (!mp)
		return -EIO;
	bs = mp->sb.blocksize;
	agblocks = mp->sb.agblocks;
	agcount = mp->sb.agcount;
	dblocks = mp->sb.dblocks;
	return uv_umount(mp);
}

/* Behind the volume the device is not empty. */
static void litter(void)
{
	static u8 junk[1 << 16];
	u64 at;

	memset(junk, 0xd5, sizeof(junk));
	host_dev_poke(uv_dev, dblocks * bs, junk, sizeof(junk));
	for (at = (u64)agcount * agblocks * bs; at + sizeof(junk) < (u64)DEV_MIB << 20; at += (u64)agblocks * bs)
		host_dev_poke(uv_dev, at, junk, sizeof(junk));
}

static const struct test { const char *name; int (*fn)(void *arg); void (*self)(void); } tests[] = {
	{ "refused, or imax_pct alone", refused },
	{ "the label", label },
	{ "beside random operations", beside },
	{ "beside random operations, shrinking", beside_shrinking },
	{ "what is in use stays", in_use },
	{ "beside endless frees: shrinking", beside_frees_shrink },
	{ "beside endless frees: read-only in an emergency", beside_frees_ro },
	{ "what the log remembers", NULL, old_blocks },
	{ "the power is cut, growing", NULL, power },
	{ "the power is cut, shrinking", NULL, power_shrinking },
	{ "whatever fails, growing", NULL, faults },
	{ "whatever fails, shrinking", NULL, faults_shrinking },
};

int main(int argc, char **argv)
{
	const char *which = argc > 1 ? argv[1] : "", *where = argc > 2 ? argv[2] : "";
	char name[200];
	u32 i, k;

	if (argc > 3)
		seed = strtoull(argv[3], NULL, 0);
	only_event = getenv("GROW_EVENT") ? atoi(getenv("GROW_EVENT")) : 0;
	only_mode = getenv("GROW_MODE") ? atoi(getenv("GROW_MODE")) : -1;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uv_setup("t_grow");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		vol = &volumes[i];
		if (!strstr(vol->p.name, where))
			continue;
		if (uv_make(&vol->p))
			return 1;
		host_init(0);
		if (host_run(look, NULL))
			return 1;
		host_kill_world();
		litter();
		snap = host_dev_snap_take(uv_dev);
		for (k = 0; k < ARRAY_SIZE(amounts); k++) {
			amount = &amounts[k];
			if (amount->inside && dblocks % agblocks == 0)
				continue;
			snprintf(name, sizeof(name), "by %s (%s)", amount->name, vol->p.name);
			if (!strstr(name, which))
				continue;
			host_dev_snap_restore(uv_dev, snap);
			host_dev_resize(uv_dev, max(amount->fn(), dblocks) * bs);
			host_test(name, seed, by_amount, NULL);
			host_dev_resize(uv_dev, (u64)DEV_MIB << 20);
		}
		for (k = 0; k < ARRAY_SIZE(tests); k++) {
			if (!strstr(tests[k].name, which))
				continue;
			snprintf(name, sizeof(name), "%s (%s)", tests[k].name, vol->p.name);
			host_dev_snap_restore(uv_dev, snap);
			if (tests[k].self)
				tests[k].self();
			else
				host_test(name, seed, tests[k].fn, NULL);
		}
		host_dev_snap_free(snap);
	}
	uv_teardown();
	return host_test_exit();
}
