// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal over a volume that mkfs.xfs made.
 *
 * Most tests drive "groups": a few raw buffers in free space, changed together.  The transaction
 * with value v of a group writes v as the counter of each of its buffers, and into slot v % SLOTS of
 * each.  So what a buffer must hold after any number of transactions is known from the
 * counter alone, and a group that was not written atomically, in order, or in full shows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_inode.h"
#include "dx_inode_item.h"
#include "dx_alloc.h"
#include "dx_dir.h"
#include "dx_log_int.h"

#define GROUPS	24
#define BUFS	3
#define SLOTS	37
#define STRIDE	104		/* bytes between slots: runs and gaps of 128-byte chunks */

static char workdir[256], image[300], saved[300];
static struct dx_bdev *dev;

static const struct profile { const char *name, *mkfs; bool small; } profiles[] = {
	{ "64 MiB log",			"-m reflink=0" },
	{ "small log",			"-m reflink=0 -l size=10m", true },
	{ "4 KiB sectors",		"-m reflink=0 -s size=4096 -l size=12m", true },
	{ "32 KiB log stripe unit",	"-m reflink=0 -l sunit=64,size=16m", true },
	{ "256 KiB log stripe unit",	"-m reflink=0 -l sunit=512,size=24m", true },
};

struct group {
	u64	committed, durable;
	bool	busy;
};
static struct group groups[GROUPS];	/* what the test knows; survives the world */

/* How heavy the load is. */
#define BALLAST_BLOCKS	150		/* per group, logged in full, contents not checked */
static int ballast_max;			/* at most so many of them in a transaction */
static bool hold_tail;			/* now and then somebody sits on a buffer at the tail */

/* ---- plumbing ---- */

static int make_volume(const struct profile *p)
{
	if (dev)
		host_dev_close(dev);
	dev = NULL;
	memset(groups, 0, sizeof(groups));
	/* these variables let mkfs.xfs make logs below 64 MiB */
	if (host_sh("rm -f %s %s; truncate -s 320M %s && TEST_DIR=/ TEST_DEV=/ QA_CHECK_FS=/ mkfs.xfs -q -f %s %s",
		    saved, image, image, p->mkfs, image))
		return -EIO;
	dev = host_dev_open(image);
	return dev ? 0 : -EIO;
}

static struct dx_mount *do_mount_opts(bool ro, u32 logbsize)
{
	struct dx_mount_opts o = { .ro = ro, .logbsize = logbsize };

	return uv_mount_dev(dev, &o, NULL);
}

static struct dx_mount *do_mount(void)
{
	return do_mount_opts(false, 0);
}

static bool save(void)
{
	return host_dev_save(dev, saved) == 0;
}

/* xfs_logprint and xfs_repair on what is on the device now. */
static bool log_is_clean(void)
{
	if (!save())
		return false;
	if (host_sh("xfs_logprint -t %s >%s/logprint 2>&1; grep -q CLEAN %s/logprint", saved, workdir, workdir)) {
		host_sh("tail -5 %s/logprint >&2", workdir);
		return false;
	}
	return true;
}

static bool repair_clean(void) { return host_repair_clean(dev, saved); }

/* Does xfs_logprint read the whole log, from the tail to the head, without complaint? */
static bool logprint_ok(void)
{
	if (!save())
		return false;
	if (!host_sh("cp %s %s/l; xfs_logprint -t -i -b %s >%s/logprint 2>&1", saved, workdir, saved, workdir) &&
	    host_sh("grep -i -w -q -e 'bad' -e 'corrupt' -e 'illegal' -e 'unknown' -e 'error' %s/logprint", workdir))
		return true;
	host_sh("grep -i -w -e 'bad' -e 'corrupt' -e 'illegal' -e 'unknown' -e 'error' %s/logprint | head -20 >&2", workdir);
	return false;
}

/* ---- groups ---- */

static dx_daddr_t buf_daddr(struct dx_mount *mp, int g, int b)
{
	/* the end of the last AG is free */
	u64 blk = mp->sb.dblocks - 600 + (u64)(g * BUFS + b) * 4;

	return blk << mp->blkbb_log;
}

static int get_group_buf(struct dx_mount *mp, struct dx_trans *tp, int g, int b, struct dx_buf **bpp)
{
	dx_daddr_t d = buf_daddr(mp, g, b);
	u32 bb = 1u << mp->blkbb_log;
	struct dx_buf_map m[2] = { { d, bb }, { d + 2 * bb, bb } };

	/* one of them in two segments, as a directory block can be */
	return dx_trans_read_buf_map(mp, tp, m, b == 2 ? 2 : 1, DX_READ_NOVERIFY, NULL, bpp);
}

static u64 *slot(void *p, int i)
{
	return (u64 *)((char *)p + 64 + i * STRIDE);
}

static int log_group(struct dx_mount *mp, struct dx_trans *tp, int g, u64 v)
{
	struct dx_buf *bp;
	int b, error;

	for (b = 0; b < BUFS; b++) {
		size_t off;
		u64 *s;

		error = get_group_buf(mp, tp, g, b, &bp);
		if (error)
			return error;
		*(u64 *)bp->b_addr = v;
		dx_trans_log_buf(tp, bp, 0, 7);
		s = slot(bp->b_addr, v % SLOTS);
		*s = v;
		off = (char *)s - (char *)bp->b_addr;
		dx_trans_log_buf(tp, bp, off, off + 7);
		if (b == 2) {
			/* the second segment */
			off = (mp->sb.blocksize) + (v % 29) * 128;
			*(u64 *)dx_buf_off(bp, off) = v;
			dx_trans_log_buf(tp, bp, off, off + 7);
		}
	}
	return 0;
}

static int log_ballast(struct dx_mount *mp, struct dx_trans *tp, int g)
{
	int n = ballast_max ? host_random() % (ballast_max + 1) : 0;
	struct dx_buf *bp;
	int error;

	while (n--) {
		u64 blk = mp->sb.dblocks - 8000 + (u64)g * BALLAST_BLOCKS + host_random() % BALLAST_BLOCKS;

		error = dx_trans_get_buf(mp, tp, blk << mp->blkbb_log, 1u << mp->blkbb_log, 0, &bp);
		if (error)
			return error;
		memset(bp->b_addr, n, dx_buf_len(bp));
		dx_trans_log_buf(tp, bp, 0, dx_buf_len(bp) - 1);
	}
	return 0;
}

/* One transaction on a group that nobody else is using. */
static int change_group(struct dx_mount *mp, int g, enum dx_resv type, int rolls)
{
	struct dx_trans *tp;
	u64 v = groups[g].committed;
	int error, i;

	error = dx_trans_alloc(mp, type, 0, 0, &tp);
	if (error)
		return error;
	for (i = 0; i <= rolls; i++) {
		error = log_group(mp, tp, g, ++v);
		if (!error)
			error = log_ballast(mp, tp, g);
		if (error) {
			dx_trans_cancel(tp);
			return error;
		}
		/* may be in the log from here on */
		groups[g].committed = v;
		if (i < rolls) {
			error = dx_trans_roll(&tp);
			if (error) {
				dx_trans_cancel(tp);
				return error;
			}
		}
	}
	return dx_trans_commit(tp);
}

static void check_buf(struct dx_mount *mp, int g, int b, void *p, u64 c)
{
	bool ok = true;
	u64 v;
	int i;

	for (i = 0; i < SLOTS && ok; i++) {
		/* the largest v <= c with v % SLOTS == i; 0 when none */
		v = c >= i ? c - (c - i) % SLOTS : 0;
		if (*slot(p, i) != v) {
			printf("# group %d buffer %d slot %d: %llu, wanted %llu (counter %llu)\n", g, b, i,
			       *slot(p, i), v, c);
			ok = false;
		}
	}
	CHECK(ok);
	if (b == 2 && c)
		CHECK_EQ(*(u64 *)((char *)p + mp->sb.blocksize + (c % 29) * 128), c);
}

/* After a mount: every group whole, and not older than what was durable. */
static int check_groups(struct dx_mount *mp, bool exact)
{
	int g, b, error;

	for (g = 0; g < GROUPS; g++) {
		u64 c = 0;

		for (b = 0; b < BUFS; b++) {
			struct dx_buf *bp;

			error = get_group_buf(mp, NULL, g, b, &bp);
			if (error)
				return error;
			if (!b)
				c = *(u64 *)bp->b_addr;
			CHECK_EQ(*(u64 *)bp->b_addr, c);
			check_buf(mp, g, b, bp->b_addr, c);
			dx_buf_leave(bp);
		}
		if (c < groups[g].durable || c > groups[g].committed || (exact && c != groups[g].committed))
			printf("# group %d: %llu, durable %llu, committed %llu\n", g, c, groups[g].durable, groups[g].committed);
		CHECK(c >= groups[g].durable);
		CHECK(c <= groups[g].committed);
		if (exact)
			CHECK_EQ(c, groups[g].committed);
		/* from here on this is the truth */
		groups[g].committed = groups[g].durable = c;
	}
	return 0;
}

/* ---- load: several fibers ---- */

struct load {
	struct dx_mount *mp;
	int id, n, per;		/* fiber, transactions, groups of this fiber */
	int max_rolls;
	int force_in;		/* one in so many is followed by a force; 0 = never */
	int error;
};

static int worker(void *arg)
{
	struct load *ld = arg;
	struct dx_mount *mp = ld->mp;
	u64 seen[GROUPS];
	int i, g, error;

	for (i = 0; i < ld->n; i++) {
		g = ld->id * ld->per + host_random() % ld->per;
		error = change_group(mp, g, host_random() & 1 ? DX_RESV_RENAME : DX_RESV_SB + 0 == g ? DX_RESV_RENAME : DX_RESV_CREATE,
				     ld->max_rolls ? host_random() % (ld->max_rolls + 1) : 0);
		if (error) {
			ld->error = error;
			return 0;
		}
		if (ld->force_in && host_random() % ld->force_in == 0) {
			for (g = 0; g < GROUPS; g++)
				seen[g] = groups[g].busy ? 0 : groups[g].committed;
			/* only our own groups are surely not in the middle of a transaction */
			error = dx_log_force(mp, true);
			if (error) {
				ld->error = error;
				return 0;
			}
			for (g = ld->id * ld->per; g < (ld->id + 1) * ld->per; g++) {
				if (groups[g].durable < seen[g])
					groups[g].durable = seen[g];
			}
		}
	}
	return 0;
}

static bool load_over;

/* Locks a buffer long enough for the log to fill up behind it. */
static int holder(void *arg)
{
	struct dx_mount *mp = arg;
	struct dx_buf *bp;

	while (!load_over) {
		msleep(host_random() % 20);
		if (get_group_buf(mp, NULL, host_random() % GROUPS, 0, &bp))
			return 0;
		msleep(host_random() % 2000);
		dx_buf_leave(bp);
	}
	return 0;
}

static int run_load(struct dx_mount *mp, int fibers, int n, int max_rolls, int force_in)
{
	struct host_fiber *f[GROUPS], *h = NULL;
	struct load ld[GROUPS];
	int i, error = 0;

	load_over = false;
	if (hold_tail)
		h = host_spawn(holder, mp, "holder");
	for (i = 0; i < fibers; i++) {
		ld[i] = (struct load) { .mp = mp, .id = i, .n = n, .per = GROUPS / fibers,
					.max_rolls = max_rolls, .force_in = force_in };
		f[i] = host_spawn(worker, &ld[i], "load");
	}
	for (i = 0; i < fibers; i++) {
		host_join(f[i]);
		if (!error)
			error = ld[i].error;
	}
	load_over = true;
	if (h)
		host_join(h);
	return error;
}

/* ---- tests ---- */

static int t_clean(void *arg)
{
	struct dx_log_stats st;
	struct dx_mount *mp;
	int i;

	if (!CHECK(!make_volume(arg)))
		return 0;
	for (i = 0; i < 3; i++) {
		mp = do_mount();
		if (!CHECK(mp))
			return 0;
		CHECK(!test_bit(DX_OP_WAS_DIRTY, &mp->opstate));
		CHECK_EQ(check_groups(mp, true), 0);
		CHECK_EQ(run_load(mp, 3, 40, 0, 10), 0);
		CHECK_EQ(dx_log_force(mp, true), 0);
		dx_log_get_stats(mp, &st);
		CHECK(st.checkpoints > 0);
		CHECK_EQ(uv_umount(mp), 0);
		CHECK(log_is_clean());
		CHECK(repair_clean());
	}
	/* a read-only mount writes nothing */
	mp = do_mount_opts(true, 0);
	if (CHECK(mp)) {
		struct host_dev_counts c0, c1;

		host_dev_counts(dev, &c0);
		CHECK_EQ(check_groups(mp, true), 0);
		CHECK_EQ(uv_umount(mp), 0);
		host_dev_counts(dev, &c1);
		CHECK_EQ(c0.writes, c1.writes);
		CHECK(log_is_clean());
	}
	return 0;
}

/* Wraps the log several times; the record at the end of the log is split at random places. */
static int t_wrap(void *arg)
{
	const struct profile *p = arg;
	static const u32 sizes[] = { 0, 16384, 65536, 262144 };
	struct dx_log_stats st;
	struct dx_mount *mp;
	u64 last_cycle = 0;
	int i;

	if (!CHECK(!make_volume(p)))
		return 0;
	for (i = 0; i < 4; i++) {
		mp = do_mount_opts(false, sizes[i]);
		if (!CHECK(mp))
			return 0;
		CHECK_EQ(check_groups(mp, true), 0);
		CHECK_EQ(run_load(mp, 4, p->small ? 1500 : 400, 2, 5), 0);
		dx_log_get_stats(mp, &st);
		printf("# log at %llu,%llu tail %llu,%llu: %llu checkpoints, %llu KiB\n", st.head_cycle, st.head_block,
		       st.tail_cycle, st.tail_block, st.checkpoints, st.bytes >> 10);
		CHECK(st.head_cycle >= last_cycle);
		last_cycle = st.head_cycle;
		if (i == 1)
			CHECK(logprint_ok());
		CHECK_EQ(uv_umount(mp), 0);
		CHECK(log_is_clean());
	}
	if (p->small)
		CHECK(last_cycle > 2);
	CHECK(repair_clean());
	return 0;
}

/* Many transactions at a time, each rolling more often than it has paid for, in a log that holds few. */
static int t_exhaust(void *arg)
{
	struct dx_mount *mp;

	if (!CHECK(!make_volume(arg)))
		return 0;
	mp = do_mount();
	if (!CHECK(mp))
		return 0;
	/* make every transaction ask for a lot */
	mp->resv[DX_RESV_RENAME].logres_bytes = dx_space_max_ticket(mp->log) / 5;
	mp->resv[DX_RESV_CREATE].logres_bytes = dx_space_max_ticket(mp->log) / 3;
	CHECK_EQ(run_load(mp, 24, 40, 7, 0), 0);
	CHECK_EQ(uv_umount(mp), 0);
	CHECK(log_is_clean());
	mp = do_mount();
	if (CHECK(mp)) {
		CHECK_EQ(check_groups(mp, true), 0);
		CHECK_EQ(uv_umount(mp), 0);
	}
	return 0;
}

/* The tail stays behind while the log fills up, then jumps: it must be published before it is overwritten. */
static int t_full(void *arg)
{
	struct dx_mount *mp;
	int i;

	if (!CHECK(!make_volume(arg)))
		return 0;
	ballast_max = 30;
	hold_tail = true;
	for (i = 0; i < 2; i++) {
		mp = do_mount_opts(false, i ? 262144 : 0);
		if (!CHECK(mp))
			break;
		CHECK_EQ(check_groups(mp, true), 0);
		/* what normally makes this rare */
		mp->log->space.headroom = 0;
		mp->log->push_bytes = mp->log->space.size_bytes / 3;
		CHECK_EQ(run_load(mp, 12, 60, 3, 0), 0);
		CHECK(logprint_ok());
		CHECK_EQ(uv_umount(mp), 0);
		CHECK(log_is_clean());
	}
	ballast_max = 0;
	hold_tail = false;
	CHECK(repair_clean());
	return 0;
}

/* An idle log gets covered; a frozen one is, too. */
static int t_idle(void *arg)
{
	struct dx_mount *mp;

	if (!CHECK(!make_volume(arg)))
		return 0;
	mp = do_mount();
	if (!CHECK(mp))
		return 0;
	CHECK_EQ(run_load(mp, 2, 20, 0, 0), 0);
	CHECK(dx_log_is_idle_dirty(mp));
	msleep(200 * 1000);
	CHECK(!dx_log_is_idle_dirty(mp));
	CHECK(logprint_ok());
	CHECK_EQ(run_load(mp, 2, 20, 0, 0), 0);
	CHECK_EQ(dx_mount_quiesce(mp), 0);
	CHECK(!dx_log_is_idle_dirty(mp));
	CHECK_EQ(run_load(mp, 2, 20, 0, 0), 0);
	CHECK_EQ(dx_mount_remount_ro(mp), 0);
	CHECK(log_is_clean());
	CHECK_EQ(dx_mount_remount_rw(mp), 0);
	CHECK_EQ(run_load(mp, 2, 20, 0, 0), 0);
	CHECK_EQ(uv_umount(mp), 0);
	CHECK(log_is_clean());
	return 0;
}

/* Device errors from the nth write on: everybody gets -EIO, unmount frees all. */
static int t_fail(void *arg)
{
	const struct profile *p = arg;
	u64 nth;

	for (nth = 1; nth < 400; nth = nth * 2 + host_random() % 3) {
		struct dx_mount *mp;
		unsigned long live;
		int error;

		if (!CHECK(!make_volume(p)))
			return 0;
		live = host_live_allocs(false);
		mp = do_mount();
		if (!CHECK(mp))
			return 0;
		host_dev_fail(dev, HOST_FAIL_WRITE, nth, true, -EIO);
		error = run_load(mp, 4, 200, 3, 6);
		if (!error)
			error = dx_log_force(mp, true);
		if (error) {
			CHECK_EQ(error, -EIO);
			CHECK(dx_is_shutdown(mp));
			CHECK_EQ(change_group(mp, 0, DX_RESV_CREATE, 0), -EIO);
		}
		uv_umount(mp);
		CHECK_EQ(host_live_allocs(false), live);
		host_dev_fail_none(dev);
		mp = do_mount();
		if (!CHECK(mp))
			return 0;
		CHECK_EQ(check_groups(mp, false), 0);
		CHECK_EQ(uv_umount(mp), 0);
		CHECK(log_is_clean());
	}
	return 0;
}

/* A transaction given up when dirty: shutdown, and nothing of it on disk. */
static int t_cancel(void *arg)
{
	struct dx_mount *mp;
	struct dx_trans *tp;

	if (!CHECK(!make_volume(arg)))
		return 0;
	mp = do_mount();
	if (!CHECK(mp))
		return 0;
	CHECK_EQ(change_group(mp, 1, DX_RESV_CREATE, 3), 0);
	CHECK_EQ(dx_log_force(mp, true), 0);
	groups[1].durable = groups[1].committed;
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_CREATE, 0, 0, &tp), 0);
	CHECK_EQ(log_group(mp, tp, 2, 1), 0);
	CHECK_EQ(log_group(mp, tp, 1, 99), 0);
	dx_trans_cancel(tp);
	CHECK(dx_is_shutdown(mp));
	CHECK_EQ(dx_log_force(mp, true), 0);	/* nothing committed was lost */
	uv_umount(mp);
	mp = do_mount();
	if (!CHECK(mp))
		return 0;
	CHECK_EQ(check_groups(mp, true), 0);
	CHECK_EQ(uv_umount(mp), 0);
	return 0;
}

/* A clean transaction leaves no trace; getting a buffer again counts; hold keeps it. */
static int t_buffers(void *arg)
{
	struct dx_mount *mp;
	struct dx_trans *tp;
	struct dx_buf *bp, *again;
	struct dx_log_stats st;

	if (!CHECK(!make_volume(arg)))
		return 0;
	mp = do_mount();
	if (!CHECK(mp))
		return 0;
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_CREATE, 10, 0, &tp), 0);
	CHECK_EQ(get_group_buf(mp, tp, 0, 0, &bp), 0);
	CHECK_EQ(get_group_buf(mp, tp, 0, 0, &again), 0);
	CHECK(bp == again);
	dx_trans_let_go(tp, again);
	CHECK(!dx_buf_trylock(bp));
	dx_trans_let_go(tp, bp);
	CHECK(dx_buf_trylock(bp));
	CHECK(!bp->b_item);
	dx_buf_unlock(bp);
	CHECK_EQ(get_group_buf(mp, tp, 0, 1, &bp), 0);
	dx_trans_cancel(tp);
	CHECK(!dx_is_shutdown(mp));
	dx_log_get_stats(mp, &st);
	CHECK_EQ(st.checkpoints, 0);

	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_CREATE, 0, 0, &tp), 0);
	CHECK_EQ(get_group_buf(mp, tp, 0, 0, &bp), 0);
	dx_trans_keep_buf(tp, bp);
	*(u64 *)bp->b_addr = 0;
	dx_trans_log_buf(tp, bp, 0, 7);
	CHECK_EQ(dx_trans_commit(tp), 0);
	CHECK(!dx_buf_trylock(bp));
	CHECK(dx_buf_is_pinned(bp));
	CHECK_EQ(dx_log_force(mp, true), 0);
	CHECK(!dx_buf_is_pinned(bp));
	dx_buf_leave(bp);
	CHECK_EQ(uv_umount(mp), 0);
	CHECK(log_is_clean());
	return 0;
}

/*
 * A block that was metadata is freed and becomes data: after a crash recovery must not put
 * the old metadata back over it.
 */
static int t_binval_run(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_trans *tp;
	struct dx_buf *bp;
	char data[4096];
	u64 off;

	if (!CHECK(mp))
		return 0;
	CHECK_EQ(change_group(mp, 3, DX_RESV_CREATE, 0), 0);
	if ((long)arg & 1)
		CHECK_EQ(dx_log_force(mp, true), 0);
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_CREATE, 0, 0, &tp), 0);
	CHECK_EQ(get_group_buf(mp, tp, 3, 0, &bp), 0);
	dx_trans_kill_buf(tp, bp);
	CHECK_EQ(dx_trans_commit(tp), 0);
	if ((long)arg & 2) {
		/* whoever wants the block again makes the cancel record durable */
		CHECK_EQ(dx_buf_get(mp, buf_daddr(mp, 3, 0), 1u << mp->blkbb_log, 0, &bp), 0);
		CHECK(!bp->b_item);
		dx_buf_leave(bp);
	} else {
		CHECK_EQ(dx_log_force(mp, true), 0);
	}
	memset(data, 0xda, sizeof(data));
	off = buf_daddr(mp, 3, 0) << 9;
	host_dev_poke(dev, off, data, sizeof(data));
	/* no more from this world */
	host_stop_world();
	return 0;
}

static int t_binval_check(void *arg)
{
	struct dx_mount *mp = do_mount();
	char data[4096];
	u64 off;

	if (!CHECK(mp))
		return 0;
	CHECK(test_bit(DX_OP_WAS_DIRTY, &mp->opstate));
	off = buf_daddr(mp, 3, 0) << 9;
	host_dev_peek(dev, off, data, sizeof(data));
	CHECK_EQ((u8)data[0], 0xda);
	CHECK_EQ((u8)data[4095], 0xda);
	CHECK_EQ(uv_umount(mp), 0);
	return 0;
}

static int t_binval(void *arg)
{
	long how;

	host_test_begin("freed metadata is not replayed over data");
	for (how = 0; how < 4; how++) {
		host_init(how);
		if (!CHECK(!make_volume(&profiles[0])))
			break;
		CHECK_EQ(host_run(t_binval_run, (void *)how), HOST_CRASHED);
		host_dev_crash(dev, HOST_LOSE_ALL, how);
		host_init(how);
		CHECK_EQ(host_run(t_binval_check, NULL), 0);
		host_kill_world();
	}
	return host_test_end();
}

/*
 * A checkpoint with a change of an inode is on its way when the inode's whole chunk is freed.  Until
 * that is durable, too, the change holds the tail, as nobody has written it back.
 */
#define CHUNK_FILES	300

static void see_ail(struct dx_inode *ip, void *data)
{
	*(dx_lsn_t *)data = ip->item && test_bit(DX_LI_F_IN_AIL, &ip->item->item.li_flags) ? ip->item->item.li_lsn : 0;
}

static int t_stale_inode(void *arg)
{
	struct dx_create_args ca = { .mode = S_IFREG | 0600 };
	static struct dx_inode *ip[CHUNK_FILES];
	struct dx_setattr sa = { .valid = DX_ATTR_UID, .uid = 77 };
	dx_lsn_t lsn = 0, start;
	struct dx_mount *mp;
	struct dx_name n;
	dx_ino_t chunk = 0, victim;
	int i, first = -1, got = 0;
	char name[16];
	u64 seq;

	if (!CHECK(!make_volume(arg)) || !CHECK((mp = do_mount())))
		return 0;
	for (i = 0; i < CHUNK_FILES; i++) {
		n = (struct dx_name) { (const u8 *)name, sprintf(name, "f%d", i), DX_DIR3_FT_REG_FILE };
		if (!CHECK_EQ(dx_create(mp->rootip, &n, &ca, &ip[i]), 0))
			return 0;
	}
	/* a chunk that holds nothing else */
	for (i = 0; i < CHUNK_FILES && got < DX_INODES_PER_CHUNK; i++) {
		if (ip[i]->ino / DX_INODES_PER_CHUNK != chunk) {
			chunk = ip[i]->ino / DX_INODES_PER_CHUNK;
			first = i;
			got = 0;
		}
		got++;
	}
	CHECK_EQ(got, DX_INODES_PER_CHUNK);
	for (i = first; i < first + DX_INODES_PER_CHUNK; i++) {
		n = (struct dx_name) { (const u8 *)name, sprintf(name, "f%d", i) };
		CHECK_EQ(dx_remove(mp->rootip, &n, ip[i]), 0);
	}
	CHECK_EQ(dx_log_force(mp, true), 0);
	dx_ail_drain(mp);

	/* one checkpoint changes an inode; while it is written, the chunk goes */
	host_dev_set_slow(dev, dx_log_daddr(mp), dx_log_size_bb(mp), 2000);
	victim = ip[first + 5]->ino;
	CHECK_EQ(dx_setattr_nosize(ip[first + 5], &sa, false), 0);
	seq = dx_log_current_seq(mp);
	start = dx_lsn_make(mp->log->cycle, mp->log->block);
	CHECK_EQ(dx_log_force(mp, false), 0);
	msleep(100);
	for (i = first; i < first + DX_INODES_PER_CHUNK; i++)
		dx_idrop(ip[i]);
	dx_icache_flush_inactive(mp);
	CHECK_EQ(mp->log->done_seq, seq - 1);
	CHECK_EQ(dx_log_force_seq(mp, seq, true, NULL), 0);
	CHECK_EQ(mp->log->done_seq, seq);
	CHECK(dx_icache_peek(mp, victim, see_ail, &lsn));
	CHECK_EQ(lsn, start);
	CHECK_EQ(dx_log_tail_lsn(mp), start);

	CHECK_EQ(dx_log_force(mp, true), 0);
	dx_icache_peek(mp, victim, see_ail, &lsn);
	CHECK_EQ(lsn, 0);
	for (i = 0; i < CHUNK_FILES; i++)
		if (i < first || i >= first + DX_INODES_PER_CHUNK)
			dx_idrop(ip[i]);
	host_dev_set_slow(dev, 0, 0, 0);
	CHECK_EQ(uv_umount(mp), 0);
	CHECK(repair_clean());
	return 0;
}

/* ---- crashes ---- */

static int crash_run(void *arg)
{
	struct dx_mount *mp = do_mount();

	if (!mp)
		return -EIO;
	if (hold_tail) {
		mp->log->space.headroom = 0;
		mp->log->push_bytes = mp->log->space.size_bytes / 3;
	}
	return run_load(mp, 4, 100000, 3, 12);
}

static int verify_run(void *arg)
{
	struct dx_mount *mp = do_mount();

	if (!CHECK(mp))
		return -EIO;
	CHECK_EQ(check_groups(mp, false), 0);
	CHECK_EQ(uv_umount(mp), 0);
	return 0;
}

/* Power fails at a random write; what was forced is there, everything is whole; many times over. */
static bool t_crash(const struct profile *p, int rounds, bool heavy)
{
	char name[100];
	int i;

	snprintf(name, sizeof(name), "%s: %s", heavy ? "heavy crash" : "crash", p->name);
	host_test_begin(name);
	ballast_max = heavy ? 30 : 0;
	hold_tail = heavy;
	host_init(1);
	if (!CHECK(!make_volume(p)))
		return host_test_end();
	for (i = 0; i < rounds && !host_checks_failed; i++) {
		u64 seed = 1000 + i;
		int g;

		host_init(seed);
		for (g = 0; g < GROUPS; g++)
			groups[g].busy = false;
		host_dev_crash_at(dev, 1 + host_random() % (heavy ? 3000 : 700), i & 1 ? HOST_CRASH_SUBMIT : HOST_CRASH_COMPLETE);
		CHECK_EQ(host_run(crash_run, NULL), HOST_CRASHED);
		host_dev_crash(dev, i % HOST_CRASH_MODES, seed);
		if (i % 8 == 0)
			CHECK(logprint_ok());
		if (i % 5 == 4) {
			/* and again during recovery */
			host_init(seed + 1);
			host_dev_crash_at(dev, 1 + host_random() % 60, HOST_CRASH_COMPLETE);
			if (host_run(verify_run, NULL) == HOST_CRASHED)
				host_dev_crash(dev, (i / 5) % HOST_CRASH_MODES, seed);
		}
		host_init(seed + 2);
		host_dev_crash_at(dev, 0, HOST_CRASH_COMPLETE);
		CHECK_EQ(host_run(verify_run, NULL), 0);
		if (i % 8 == 7) {
			CHECK(log_is_clean());
			CHECK(repair_clean());
		}
		if (host_checks_failed)
			printf("# round %d\n", i);
	}
	ballast_max = 0;
	hold_tail = false;
	host_kill_world();
	return host_test_end();
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	int rounds = getenv("LOG_ROUNDS") ? atoi(getenv("LOG_ROUNDS")) : 24;
	char name[120];
	unsigned int i;
	static const struct { const char *name; int (*fn)(void *); bool all; } tests[] = {
		{ "clean", t_clean, true },
		{ "buffers in transactions", t_buffers },
		{ "dirty cancel", t_cancel },
		{ "wrap", t_wrap, true },
		{ "space exhaustion", t_exhaust, true },
		{ "full", t_full, true },
		{ "idle, freeze, remount", t_idle, true },
		{ "failing writes", t_fail },
		{ "a change of an inode whose chunk is freed holds the tail", t_stale_inode },
	};
	unsigned int t;

	snprintf(workdir, sizeof(workdir), "%s/t_log.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(workdir))
		return 1;
	snprintf(image, sizeof(image), "%s/image", workdir);
	snprintf(saved, sizeof(saved), "%s/saved", workdir);

	for (t = 0; t < ARRAY_SIZE(tests); t++) {
		for (i = 0; i < ARRAY_SIZE(profiles); i++) {
			if (!tests[t].all && i != 1)
				continue;
			snprintf(name, sizeof(name), "%s: %s", tests[t].name, profiles[i].name);
			if (only && !strstr(name, only))
				continue;
			host_test(name, 7 + i, tests[t].fn, (void *)&profiles[i]);
		}
	}
	if (!only || strstr("binval", only))
		t_binval(NULL);
	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		snprintf(name, sizeof(name), "crash: %s", profiles[i].name);
		if (!only || strstr(name, only))
			t_crash(&profiles[i], rounds, false);
		snprintf(name, sizeof(name), "heavy crash: %s", profiles[i].name);
		if (!only || strstr(name, only))
			t_crash(&profiles[i], rounds / 2, true);
	}
	if (!getenv("LOG_KEEP"))
		host_sh("rm -rf %s", workdir);
	return host_test_exit();
}
