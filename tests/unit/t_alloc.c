// SPDX-License-Identifier: GPL-2.0-only
/*
 * Space and inode allocation over volumes that mkfs.xfs made: random requests against
 * a map of who owns which block, to ENOSPC and back, by several fibers at once.
 * Whatever was allocated is freed at the end, so that xfs_repair must find nothing and the free
 * space must be what it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_inode.h"
#include "dx_walk.h"
#include "dx_dir.h"

static char workdir[256], image[300], saved[300];
static struct dx_bdev *dev;

static const struct profile { const char *name, *size, *mkfs; } profiles[] = {
	{ "4.19 features", "320M", "-m reflink=0,bigtime=0,inobtcount=0,finobt=1 -i sparse=1" },
	{ "6.1 defaults", "320M", "-m reflink=1,bigtime=1,inobtcount=1,finobt=1 -i sparse=1" },
	{ "1 KiB blocks, 8 AGs", "560M", "-b size=1024 -d agcount=8 -m reflink=0,inobtcount=1 -i sparse=1" },
	{ "1 KiB blocks, 2 AGs", "512M", "-b size=1024 -d agcount=2 -m reflink=0" },
	{ "4 KiB sectors", "320M", "-s size=4096 -m reflink=0" },
	{ "no finobt, no sparse inodes, 2 KiB inodes", "320M",
	  "-m reflink=0,bigtime=0,inobtcount=0,finobt=0 -i sparse=0,size=2048" },
};

/* ---- plumbing ---- */

static int make_volume(const struct profile *p)
{
	if (dev)
		host_dev_close(dev);
	dev = NULL;
	if (host_sh("rm -f %s %s; truncate -s %s %s && mkfs.xfs -q -f %s %s", image, saved, p->size, image, p->mkfs, image))
		return -EIO;
	dev = host_dev_open(image);
	return dev ? 0 : -EIO;
}

static bool repair_clean(void) { return host_repair_clean(dev, saved); }

static bool with_discard, with_ikeep;

static struct dx_mount *do_mount(void)
{
	struct dx_mount_opts o = { .discard = with_discard, .ikeep = with_ikeep };

	return uv_mount_dev(dev, &o, NULL);
}

/* ---- who owns which block ---- */

struct ext { u64 fsbno; u32 len; };

static struct model {
	struct dx_mount *mp;
	u8	*map;		/* by linear block: 0 free at the start, 1 not ours, 2 ours */
	struct ext *held;
	u32	nheld, room;
	u64	free0;		/* in the trees and free lists at the start */
} m;

static u64 linear(struct dx_mount *mp, u64 fsbno)
{
	return (u64)dx_fsb_to_agno(mp, fsbno) * mp->sb.agblocks + dx_fsb_to_agbno(mp, fsbno);
}

static u64 ag_sum(struct dx_mount *mp)
{
	u64 sum = 0;
	dx_agno_t agno;

	for (agno = 0; agno < mp->sb.agcount; agno++) {
		struct dx_buf *bp;
		struct dx_agf *agf;

		if (dx_agf_read(mp, NULL, agno, 0, &bp))
			return 0;
		agf = bp->b_addr;
		CHECK_EQ(dx_perag(mp, agno)->freeblks, be32_to_cpu(agf->agf_freeblks));
		CHECK_EQ(dx_perag(mp, agno)->longest, be32_to_cpu(agf->agf_longest));
		CHECK_EQ(dx_perag(mp, agno)->flcount, be32_to_cpu(agf->agf_flcount));
		CHECK_EQ(dx_perag(mp, agno)->btreeblks, be32_to_cpu(agf->agf_btreeblks));
		sum += be32_to_cpu(agf->agf_freeblks) + be32_to_cpu(agf->agf_flcount) + be32_to_cpu(agf->agf_btreeblks);
		dx_buf_leave(bp);
	}
	return sum;
}

struct walk { dx_agno_t agno; u64 blocks; u32 longest, last_end; };

static int mark_free(dx_agbno_t bno, dx_extlen_t len, void *data)
{
	struct walk *w = data;

	CHECK(w->blocks == 0 || bno > w->last_end);	/* else they should have merged */
	w->last_end = bno + len;
	w->blocks += len;
	w->longest = max(w->longest, len);
	if (m.map)
		memset(m.map + (u64)w->agno * m.mp->sb.agblocks + bno, 0, len);
	return 0;
}

static int check_free(dx_agbno_t bno, dx_extlen_t len, void *data)
{
	struct walk *w = data;
	u32 i;

	CHECK(w->blocks == 0 || bno > w->last_end);
	w->last_end = bno + len;
	w->blocks += len;
	w->longest = max(w->longest, len);
	for (i = 0; i < len; i++)
		if (m.map[(u64)w->agno * m.mp->sb.agblocks + bno + i] == 2)
			return -EUCLEAN;
	return 0;
}

/* The trees agree with the AGF and with what we hold. */
static void check_trees(struct dx_mount *mp)
{
	dx_agno_t agno;

	for (agno = 0; agno < mp->sb.agcount; agno++) {
		struct walk w = { .agno = agno };

		CHECK_EQ(dx_alloc_query_all(mp, agno, check_free, &w), 0);
		CHECK_EQ(w.blocks, dx_perag(mp, agno)->freeblks);
		CHECK_EQ(w.longest, dx_perag(mp, agno)->longest);
	}
}

static void model_init(struct dx_mount *mp)
{
	dx_agno_t agno;

	memset(&m, 0, sizeof(m));
	m.mp = mp;
	m.map = kvmalloc((u64)mp->sb.agcount * mp->sb.agblocks, GFP_KERNEL);
	memset(m.map, 1, (u64)mp->sb.agcount * mp->sb.agblocks);
	m.room = mp->sb.dblocks;
	m.held = kvmalloc(m.room * sizeof(*m.held), GFP_KERNEL);
	for (agno = 0; agno < mp->sb.agcount; agno++) {
		struct walk w = { .agno = agno };

		CHECK_EQ(dx_alloc_query_all(mp, agno, mark_free, &w), 0);
	}
	m.free0 = ag_sum(mp);
}

static void model_done(void)
{
	kvfree(m.map);
	kvfree(m.held);
	m.map = NULL;
	m.held = NULL;
}

static void hold(u64 fsbno, u32 len)
{
	u64 l = linear(m.mp, fsbno);
	u32 i;

	CHECK(dx_verify_fsbext(m.mp, fsbno, len));
	for (i = 0; i < len; i++) {
		/* free lists and tree blocks come and go, so "1" means only: not free at the start */
		CHECK(m.map[l + i] == 0);
		m.map[l + i] = 2;
	}
	m.held[m.nheld].fsbno = fsbno;
	m.held[m.nheld++].len = len;
}

static struct ext unhold(u32 i)
{
	struct ext e = m.held[i];

	memset(m.map + linear(m.mp, e.fsbno), 0, e.len);
	m.held[i] = m.held[--m.nheld];
	return e;
}

/* One allocation in a transaction of its own; -ENOSPC when reserving or finding fails. */
static int alloc_one(struct dx_mount *mp, struct dx_alloc_arg *a, bool must)
{
	struct dx_trans *tp;
	int error;

	error = dx_trans_alloc(mp, DX_RESV_WRITE, a->maxlen, 0, &tp);
	if (error)
		return error;
	a->tp = tp;
	a->mp = mp;
	error = dx_alloc_extents(a);
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	if (a->fsbno == DX_NULLFSBNO) {
		CHECK(!must);
		/* may be dirty by a filled AGFL: commit is the way out */
		error = dx_trans_commit(tp);
		return error ? error : -ENOSPC;
	}
	CHECK(a->len >= a->minlen && a->len <= a->maxlen);
	if (a->alignment > 1)
		CHECK_EQ(dx_fsb_to_agbno(mp, a->fsbno) % a->alignment, 0);
	hold(a->fsbno, a->len);
	return dx_trans_commit(tp);
}

static int free_one(struct dx_mount *mp, struct ext e)
{
	struct dx_trans *tp;
	int error;

	error = dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp);
	if (error)
		return error;
	error = dx_defer_free(tp, e.fsbno, e.len, false);
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	return dx_trans_commit(tp);
}

static u32 rnd(u32 n)
{
	return host_random() % n;
}

static int free_all(struct dx_mount *mp)
{
	int error = 0;

	while (m.nheld && !error)
		error = free_one(mp, unhold(rnd(m.nheld)));
	return error;
}

/* ---- tests ---- */

static void random_request(struct dx_mount *mp, struct dx_alloc_arg *a)
{
	static const enum dx_alloc_type types[] = {
		DX_ALLOC_ANY_AG, DX_ALLOC_THIS_AG, DX_ALLOC_START_AG, DX_ALLOC_NEAR, DX_ALLOC_EXACT
	};
	dx_agno_t agno = rnd(mp->sb.agcount);

	memset(a, 0, sizeof(*a));
	a->type = types[rnd(5)];
	a->fsbno = dx_agb_to_fsb(mp, agno, rnd(dx_perag(mp, agno)->length));
	a->maxlen = rnd(4) ? 1 + rnd(16) : 1 + rnd(1000);
	a->minlen = 1 + rnd(a->maxlen);
	a->prod = rnd(4) ? 1 : 1 + rnd(8);
	a->mod = a->prod > 1 ? rnd(a->prod) : 0;
	a->alignment = rnd(4) || a->type == DX_ALLOC_EXACT ? 1 : 1 << rnd(5);
	a->minleft = rnd(4);
	a->userdata = rnd(2);
	/* near something we have: appending is the common case */
	if (m.nheld && rnd(2)) {
		struct ext e = m.held[rnd(m.nheld)];

		if (dx_verify_fsbno(mp, e.fsbno + e.len))
			a->fsbno = e.fsbno + e.len;
	}
}

static int random_ops(struct dx_mount *mp, u32 ops)
{
	int error = 0;

	while (ops-- && !error) {
		if (m.nheld && rnd(100) < 45) {
			error = free_one(mp, unhold(rnd(m.nheld)));
		} else {
			struct dx_alloc_arg a;

			random_request(mp, &a);
			error = alloc_one(mp, &a, false);
			if (error == -ENOSPC)
				error = 0;
		}
	}
	return error;
}

static int finish(struct dx_mount *mp)
{
	int error = free_all(mp);

	CHECK_EQ(error, 0);
	CHECK_EQ(ag_sum(mp), m.free0);
	check_trees(mp);
	model_done();
	error = uv_umount(mp);
	return error;
}

static int t_random(void *arg)
{
	struct dx_mount *mp = do_mount();

	if (!mp)
		return -EIO;
	model_init(mp);
	CHECK_EQ(random_ops(mp, 4000), 0);
	CHECK(m.nheld > 100);
	check_trees(mp);
	return finish(mp);
}

static int fiber_ops(void *arg)
{
	return random_ops(arg, 1500);
}

static int t_concurrent(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct host_fiber *f[4];
	int i;

	if (!mp)
		return -EIO;
	model_init(mp);
	for (i = 0; i < 4; i++)
		f[i] = host_spawn(fiber_ops, mp, "ops");
	for (i = 0; i < 4; i++)
		CHECK_EQ(host_join(f[i]), 0);
	check_trees(mp);
	return finish(mp);
}

/* Take all that a reservation grants. */
static void fill(struct dx_mount *mp)
{
	struct dx_alloc_arg a;
	int error;
	u32 len;

	for (len = 4096; len; len /= 8) {
		do {
			memset(&a, 0, sizeof(a));
			a.type = DX_ALLOC_START_AG;
			a.fsbno = m.nheld ? m.held[m.nheld - 1].fsbno : dx_agb_to_fsb(mp, 0, 100);
			a.minlen = 1;
			a.maxlen = len;
			a.prod = a.alignment = 1;
			a.userdata = true;
			error = alloc_one(mp, &a, true);
		} while (!error);
		CHECK_EQ(error, -ENOSPC);
	}
}

/* Every block that a reservation grants can be found; ENOSPC comes with the last one. */
static int t_enospc(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_alloc_arg a;
	u32 i, n;
	int error;

	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	model_init(mp);
	fill(mp);
	check_trees(mp);
	CHECK(dx_mod_fdblocks(mp, -1, false) == -ENOSPC);
	/* holes of one block everywhere: deep trees, then all full again, block by block */
	n = m.nheld;
	for (i = 0; i < n; i++) {
		struct ext e = unhold(rnd(m.nheld)), h = { e.fsbno, 1 };

		if (e.len > 2) {
			hold(e.fsbno + 1, 1);
			if (e.len > 3)
				hold(e.fsbno + 3, e.len - 3);
			error = free_one(mp, h);
			h.fsbno = e.fsbno + 2;
			error = error ? error : free_one(mp, h);
		} else {
			error = free_one(mp, e);
		}
		if (error)
			break;
	}
	CHECK_EQ(error, 0);
	do {
		memset(&a, 0, sizeof(a));
		a.type = rnd(2) ? DX_ALLOC_START_AG : DX_ALLOC_ANY_AG;
		a.fsbno = m.held[rnd(m.nheld)].fsbno;
		a.minlen = a.maxlen = a.prod = a.alignment = 1;
		a.userdata = rnd(2);
		error = alloc_one(mp, &a, true);
	} while (!error);
	CHECK_EQ(error, -ENOSPC);
	check_trees(mp);
	return finish(mp);
}

/* On a full volume whatever is freed is wanted at once, by data that has to wait until it is durable. */
static int fiber_full(void *arg)
{
	struct dx_mount *mp = arg;
	struct dx_alloc_arg a;
	int i, error = 0;

	for (i = 0; i < 600 && !error; i++) {
		if (m.nheld && rnd(100) < 50) {
			error = free_one(mp, unhold(rnd(m.nheld)));
			continue;
		}
		memset(&a, 0, sizeof(a));
		a.type = rnd(2) ? DX_ALLOC_START_AG : DX_ALLOC_ANY_AG;
		a.fsbno = dx_agb_to_fsb(mp, rnd(mp->sb.agcount), rnd(1000));
		a.minlen = a.prod = a.alignment = 1;
		a.maxlen = 1 + rnd(40);
		a.userdata = rnd(4);
		error = alloc_one(mp, &a, true);
		if (error == -ENOSPC)
			error = 0;
	}
	return error;
}

static int t_concurrent_full(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct host_fiber *f[4];
	u32 i;

	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	model_init(mp);
	fill(mp);
	for (i = 0; i < 20; i++) {
		/* let go of a little, in small pieces, so that there is something to fight over */
		struct ext e = unhold(rnd(m.nheld)), h = e;

		if (e.len > 64) {
			hold(e.fsbno + 64, e.len - 64);
			h.len = 64;
		}
		CHECK_EQ(free_one(mp, h), 0);
	}
	for (i = 0; i < 4; i++)
		f[i] = host_spawn(fiber_full, mp, "full");
	for (i = 0; i < 4; i++)
		CHECK_EQ(host_join(f[i]), 0);
	check_trees(mp);
	return finish(mp);
}

/* Half of all blocks free, every other one: the trees at their largest. */
static int t_fragmented(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_alloc_arg a;
	u32 i, j;
	int error = 0;

	if (!mp)
		return -EIO;
	model_init(mp);
	for (i = 0; i < 30 && !error; i++) {
		memset(&a, 0, sizeof(a));
		a.type = DX_ALLOC_NEAR;
		a.fsbno = dx_agb_to_fsb(mp, 0, 0);
		a.minlen = a.maxlen = 700;
		a.prod = a.alignment = 1;
		error = alloc_one(mp, &a, false);
	}
	CHECK(i > 3);
	for (i = m.nheld; i-- > 0; ) {
		struct ext e = unhold(i), h = { .len = 1 };

		for (j = 0; j < e.len; j++)
			if (j & 1)
				hold(e.fsbno + j, 1);
		for (j = 0; j < e.len; j += 2) {
			h.fsbno = e.fsbno + j;
			CHECK_EQ(free_one(mp, h), 0);
		}
	}
	CHECK(dx_perag(mp, 0)->levels[DX_BTNUM_BNO] > 1);
	check_trees(mp);
	CHECK_EQ(random_ops(mp, 1500), 0);
	return finish(mp);
}

/* What was freed is not given to data before the free is durable. */
static int t_busy(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_alloc_arg a = { .type = DX_ALLOC_EXACT, .minlen = 10, .maxlen = 10, .prod = 1, .alignment = 1,
				  .userdata = true };
	dx_agno_t agno = 0;
	dx_agbno_t bno = 5000;
	u64 fsb;

	if (!mp)
		return -EIO;
	model_init(mp);
	fsb = a.fsbno = dx_agb_to_fsb(mp, agno, bno);
	CHECK_EQ(alloc_one(mp, &a, true), 0);
	CHECK_EQ(a.fsbno, fsb);
	CHECK_EQ(free_one(mp, unhold(0)), 0);
	CHECK(dx_busy_overlaps(mp, agno, bno + 3, 1));
	CHECK(!dx_busy_overlaps(mp, agno, bno + 10, 1));

	a.fsbno = fsb;
	CHECK_EQ(alloc_one(mp, &a, false), -ENOSPC);
	a.fsbno = fsb;
	a.type = DX_ALLOC_NEAR;
	CHECK_EQ(alloc_one(mp, &a, true), 0);
	CHECK(a.fsbno + a.len <= fsb || a.fsbno >= fsb + 10);
	CHECK_EQ(free_one(mp, unhold(0)), 0);

	CHECK_EQ(dx_log_force(mp, true), 0);
	dx_busy_wait_all(mp);
	CHECK(!dx_busy_overlaps(mp, agno, bno, 10));
	a.fsbno = fsb;
	a.type = DX_ALLOC_EXACT;
	CHECK_EQ(alloc_one(mp, &a, true), 0);
	return finish(mp);
}

/* Cutting the middle out of a busy extent leaves both ends busy. */
static int t_busy_cut(void *arg)
{
	struct dx_mount *mp = do_mount();
	dx_agbno_t bno;
	dx_extlen_t len;
	unsigned int gen;
	struct dx_trans *tp;

	if (!mp)
		return -EIO;
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp), 0);
	dx_busy_insert(tp, 0, 1000, 100, false);
	dx_busy_insert(tp, 0, 1200, 10, false);
	dx_busy_reuse(mp, 0, 1040, 20, false);
	CHECK(dx_busy_overlaps(mp, 0, 1000, 40));
	CHECK(!dx_busy_overlaps(mp, 0, 1040, 20));
	CHECK(dx_busy_overlaps(mp, 0, 1099, 1));
	bno = 990;
	len = 230;
	CHECK(dx_busy_trim(mp, 0, &bno, &len, 0, &gen));
	CHECK_EQ(bno, 1100);
	CHECK_EQ(len, 100);
	dx_busy_reuse(mp, 0, 990, 15, false);
	CHECK(!dx_busy_overlaps(mp, 0, 1000, 5));
	CHECK(dx_busy_overlaps(mp, 0, 1005, 1));
	dx_busy_insert(tp, 0, 1000, 300, false);	/* takes over all of them */
	CHECK(dx_busy_overlaps(mp, 0, 1150, 1));
	dx_trans_cancel(tp);
	CHECK(!dx_busy_overlaps(mp, 0, 0, 5000));
	return uv_umount(mp);
}

static int t_double_free(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_trans *tp;

	if (!mp)
		return -EIO;
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp), 0);
	CHECK_EQ(dx_free_extent(tp, dx_agb_to_fsb(mp, 0, dx_perag(mp, 0)->length - 20), 5), -EFSCORRUPTED);
	CHECK_EQ(dx_free_extent(tp, dx_agb_to_fsb(mp, 0, dx_perag(mp, 0)->length - 2), 5), -EFSCORRUPTED);
	CHECK_EQ(dx_free_extent(tp, dx_agb_to_fsb(mp, mp->sb.agcount, 20), 5), -EFSCORRUPTED);
	dx_trans_cancel(tp);
	uv_umount(mp);
	return 0;
}

static int t_trim(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct host_dev_counts c;
	u64 bytes, free = 0;
	dx_agno_t agno;

	if (!mp)
		return -EIO;
	model_init(mp);
	CHECK_EQ(random_ops(mp, 300), 0);
	CHECK_EQ(dx_trim_free(mp, 0, U64_MAX, 0, &bytes), 0);
	for (agno = 0; agno < mp->sb.agcount; agno++)
		free += dx_perag(mp, agno)->freeblks;
	CHECK_EQ(bytes >> mp->sb.blocklog, free);
	host_dev_counts(dev, &c);
	CHECK(c.discards > 0);
	CHECK_EQ(dx_trim_free(mp, 500000, 500000 + 8000, 0, &bytes), 0);
	CHECK(bytes <= 8001 * 512);
	for (agno = 0; agno < mp->sb.agcount; agno++)
		CHECK(RB_EMPTY_ROOT(&dx_perag(mp, agno)->busy_tree));
	return finish(mp);
}

/* Mounted with discard: everything freed is discarded once durable, and usable again after that. */
static int t_discard(void *arg)
{
	struct host_dev_counts c;
	struct dx_mount *mp;
	dx_agno_t agno;
	int i;

	with_discard = true;
	mp = do_mount();
	with_discard = false;
	if (!mp)
		return -EIO;
	model_init(mp);
	for (i = 0; i < 20; i++) {	/* what becomes durable at a time is discarded in few pieces */
		CHECK_EQ(random_ops(mp, 100), 0);
		CHECK_EQ(dx_log_force(mp, true), 0);
	}
	CHECK_EQ(free_all(mp), 0);
	CHECK_EQ(dx_log_force(mp, true), 0);
	dx_busy_wait_all(mp);
	for (agno = 0; agno < mp->sb.agcount; agno++)
		CHECK(RB_EMPTY_ROOT(&dx_perag(mp, agno)->busy_tree));
	host_dev_counts(dev, &c);
	CHECK(c.discards > 100);
	return finish(mp);
}

/* Take all that can be had, but in @spare_agno (DX_NULLAGNO: nowhere is spared).  Returns blocks. */
static u64 fill_up(struct dx_mount *mp, dx_agno_t spare_agno)
{
	struct dx_alloc_arg a = { .minlen = 1, .prod = 1, .alignment = 1, .type = DX_ALLOC_THIS_AG, .userdata = true };
	dx_agno_t agno;
	u64 blocks = 0;

	for (agno = 0; agno < mp->sb.agcount; agno++) {
		if (agno == spare_agno)
			continue;
		for (a.maxlen = 8192; a.maxlen; ) {
			a.fsbno = dx_agb_to_fsb(mp, agno, 0);
			if (alloc_one(mp, &a, false))
				a.maxlen /= 2;
			else
				blocks += a.len;
		}
	}
	return blocks;
}

static int trim_fiber(void *arg)
{
	u64 bytes = 0;
	int error = dx_trim_free(arg, 0, U64_MAX, 0, &bytes);

	CHECK(bytes > 0);
	return error;
}

/* What is to be had at once, or after a moment: the time that one piece of a discard takes. */
static void alloc_in_time(struct dx_mount *mp, dx_extlen_t len, bool userdata, u64 *worst_ms)
{
	struct dx_alloc_arg a = { .minlen = 1, .maxlen = len, .prod = 1, .alignment = 1, .type = DX_ALLOC_ANY_AG,
				  .fsbno = DX_NULLFSBNO, .userdata = userdata };
	u64 start = host_now_ns();

	CHECK_EQ(alloc_one(mp, &a, true), 0);
	*worst_ms = max_t(u64, *worst_ms, (host_now_ns() - start) / NSEC_PER_MSEC);
}

/* FITRIM of an AG that is all that is left, on a slow device: nobody waits for long, nobody gets ENOSPC. */
static int t_slow_trim(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct host_fiber *f;
	u64 worst = 0, start;
	int i;

	if (!mp)
		return -EIO;
	model_init(mp);
	fill_up(mp, 1);
	CHECK_EQ(dx_log_force(mp, true), 0);
	host_dev_set_discard_speed(dev, 100);
	start = host_now_ns();
	f = host_spawn(trim_fiber, mp, "trim");
	for (i = 0; i < 150; i++) {
		msleep(37);
		alloc_in_time(mp, 32, i % 5, &worst);
	}
	CHECK_EQ(host_join(f), 0);
	printf("# trim: %llu ms, worst allocation beside it %llu ms\n",
	       (unsigned long long)(host_now_ns() - start) / NSEC_PER_MSEC, (unsigned long long)worst);
	CHECK((host_now_ns() - start) / NSEC_PER_MSEC > 5000);
	CHECK(worst < 1200);
	return finish(mp);
}

static u64 since_ms(u64 start) { return (host_now_ns() - start) / NSEC_PER_MSEC; }

/* A FITRIM that takes seconds is under way since @start. */
static struct host_fiber *slow_trim(struct dx_mount *mp, int (*fn)(void *arg), u64 *start)
{
	struct host_fiber *f;

	CHECK_EQ(dx_log_force(mp, true), 0);
	host_dev_set_discard_speed(dev, 100);
	f = host_spawn(fn, mp, "trim");
	msleep(50);
	*start = host_now_ns();
	return f;
}

/* Whoever remounts holds s_umount: he waits for a piece, and not for all of it. */
static int t_remount_beside_trim(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct host_fiber *f;
	u64 start;

	if (!mp)
		return -EIO;
	f = slow_trim(mp, trim_fiber, &start);
	CHECK(!dx_mount_remount_ro(mp));
	CHECK(since_ms(start) < 2000);
	CHECK_EQ(host_join(f), 0);
	CHECK(since_ms(start) > 4000);
	return uv_umount(mp);
}

static int killed_trim_fiber(void *arg)
{
	u64 bytes;

	return dx_trim_free(arg, 0, U64_MAX, 0, &bytes);
}

/* Whom somebody kills, or who is to be frozen, for the machine goes to sleep. */
static int interrupted_trim(bool *by, int want)
{
	struct dx_mount *mp = do_mount();
	struct host_fiber *f;
	u64 start;

	if (!mp)
		return -EIO;
	f = slow_trim(mp, killed_trim_fiber, &start);
	*by = true;
	CHECK_EQ(host_join(f), want);
	*by = false;
	CHECK(since_ms(start) < 2000);
	return uv_umount(mp);
}

static int t_killed_trim(void *arg) { return interrupted_trim(&host_killed, -EINTR); }
static int t_frozen_trim(void *arg) { return interrupted_trim(&host_frozen, -ERESTARTSYS); }

/* Everything was freed, and waits to be discarded by a slow device that is mounted with discard: it can be had. */
static int t_slow_discard(void *arg)
{
	u64 worst = 0, blocks, got = 0;
	struct dx_mount *mp;

	with_discard = true;
	mp = do_mount();
	with_discard = false;
	if (!mp)
		return -EIO;
	model_init(mp);
	blocks = fill_up(mp, DX_NULLAGNO);
	CHECK(blocks > mp->sb.dblocks / 2);
	CHECK_EQ(dx_log_force(mp, true), 0);
	host_dev_set_discard_speed(dev, 400);
	CHECK_EQ(free_all(mp), 0);
	for (; got + 2048 < blocks; got += 1024)
		alloc_in_time(mp, 1024, true, &worst);
	printf("# worst allocation beside the discards %llu ms\n", (unsigned long long)worst);
	CHECK(worst < 15000);
	host_dev_set_discard_speed(dev, 0);
	return finish(mp);
}

/* ---- inodes ---- */

static u64 *inos;
static u32 ninos;

static int cmp_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static int new_inode(struct dx_mount *mp, u64 parent, umode_t mode)
{
	struct dx_trans *tp;
	struct dx_imap imap;
	dx_ino_t ino;
	int error;

	error = dx_trans_alloc(mp, DX_RESV_CREATE, dx_dialloc_space(mp), 0, &tp);
	if (error)
		return error;
	error = dx_new_ino(&tp, parent, mode, NULL, &ino);
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	error = dx_trans_commit(tp);
	if (error)
		return error;
	if (ino == DX_NULLINO)
		return -ENOSPC;
	CHECK(dx_verify_ino(mp, ino));
	CHECK_EQ(dx_imap(mp, NULL, ino, true, &imap), 0);
	inos[ninos++] = ino;	/* from here on another fiber may free it */
	return 0;
}

static int drop_inode(struct dx_mount *mp, u64 ino)
{
	struct dx_icluster_free cl;
	struct dx_trans *tp;
	u32 i, step = min_t(u32, mp->icluster_inos, 64);
	int error;

	error = dx_trans_alloc(mp, DX_RESV_IFREE, dx_dialloc_space(mp), 0, &tp);
	if (error)
		return error;
	error = dx_free_ino(tp, ino, &cl);
	for (i = 0; !error && cl.deleted && i < 64; i += step) {
		struct dx_imap imap;
		struct dx_buf *bp;

		if (!(cl.alloc_mask >> i & 1))
			continue;
		error = dx_imap(mp, tp, cl.first_ino + i, false, &imap);
		if (!error)
			error = dx_trans_get_buf(mp, tp, imap.daddr, imap.len_bb, 0, &bp);
		if (error)
			break;
		bp->b_ops = &dx_inode_buf_ops;
		dx_trans_kill_inode_buf(tp, bp);
		dx_trans_kill_buf(tp, bp);
	}
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	return dx_trans_commit(tp);
}

static int walk_one(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	(*(u32 *)data)++;
	return 0;
}

static void check_inodes(struct dx_mount *mp, u32 others)
{
	u32 i, seen = 0;
	u64 count = 0, freecount = 0;
	dx_agno_t agno;

	qsort(inos, ninos, sizeof(*inos), cmp_u64);
	for (i = 1; i < ninos; i++)
		CHECK(inos[i - 1] != inos[i]);
	CHECK_EQ(dx_inobt_walk(mp, 0, walk_one, &seen), 0);
	CHECK_EQ(seen, ninos + others);
	for (agno = 0; agno < mp->sb.agcount; agno++) {
		count += dx_perag(mp, agno)->count;
		freecount += dx_perag(mp, agno)->freecount;
	}
	CHECK_EQ(count - freecount, ninos + others);
	CHECK_EQ(percpu_counter_sum(&mp->icount), count);
	CHECK_EQ(percpu_counter_sum(&mp->ifree), freecount);
}

static int inode_ops(struct dx_mount *mp, u32 ops, u32 pct_free)
{
	int error = 0;

	while (ops-- && !error) {
		if (ninos && rnd(100) < pct_free) {
			u32 i = rnd(ninos);
			u64 ino = inos[i];

			inos[i] = inos[--ninos];
			error = drop_inode(mp, ino);
		} else {
			error = new_inode(mp, ninos && rnd(4) ? inos[rnd(ninos)] : mp->sb.rootino,
					  rnd(8) ? S_IFREG : S_IFDIR);
			if (error == -ENOSPC)
				error = 0;
		}
	}
	return error;
}

static int drop_all(struct dx_mount *mp)
{
	int error = 0;

	while (ninos && !error) {
		u32 i = rnd(ninos);
		u64 ino = inos[i];

		inos[i] = inos[--ninos];
		error = drop_inode(mp, ino);
	}
	return error;
}

static int t_inodes(void *arg)
{
	struct dx_mount *mp = do_mount();
	u32 others = 0;
	int error;

	if (!mp)
		return -EIO;
	model_init(mp);
	inos = kvmalloc(100000 * sizeof(*inos), GFP_KERNEL);
	ninos = 0;
	CHECK_EQ(dx_inobt_walk(mp, 0, walk_one, &others), 0);
	CHECK_EQ(inode_ops(mp, 4000, 20), 0);
	check_inodes(mp, others);
	CHECK_EQ(inode_ops(mp, 3000, 60), 0);
	check_inodes(mp, others);
	CHECK_EQ(drop_all(mp), 0);
	check_inodes(mp, others);
	kvfree(inos);
	CHECK_EQ(ag_sum(mp), m.free0);
	error = finish(mp);
	return error;
}

/* Mounted with ikeep: chunks stay when their last inode goes, and are found again. */
static int t_ikeep(void *arg)
{
	struct dx_mount *mp;
	u32 others = 0;
	u64 count;

	with_ikeep = true;
	mp = do_mount();
	with_ikeep = false;
	if (!mp)
		return -EIO;
	inos = kvmalloc(10000 * sizeof(*inos), GFP_KERNEL);
	ninos = 0;
	CHECK_EQ(dx_inobt_walk(mp, 0, walk_one, &others), 0);
	CHECK_EQ(inode_ops(mp, 1000, 0), 0);
	count = percpu_counter_sum(&mp->icount);
	CHECK_EQ(drop_all(mp), 0);
	CHECK_EQ(percpu_counter_sum(&mp->icount), count);
	check_inodes(mp, others);
	CHECK_EQ(inode_ops(mp, 500, 0), 0);
	CHECK_EQ(percpu_counter_sum(&mp->icount), count);
	CHECK_EQ(drop_all(mp), 0);
	kvfree(inos);
	return uv_umount(mp);
}

static u32 count_sparse(struct dx_mount *mp)
{
	u32 n = 0;
	dx_agno_t agno;

	for (agno = 0; agno < mp->sb.agcount; agno++) {
		struct dx_btree_cur *cur;
		union dx_btree_rec rec;
		struct dx_buf *bp;
		int stat;

		if (dx_agi_read(mp, NULL, agno, &bp))
			return 0;
		cur = dx_inobt_cursor(mp, NULL, bp, agno, DX_BTNUM_INO);
		cur->rec.inobt.startino = 0;
		CHECK_EQ(dx_btree_lookup(cur, DX_LOOKUP_GE, &stat), 0);
		while (stat) {
			CHECK_EQ(dx_btree_get_rec(cur, &rec, &stat), 0);
			n += rec.inobt.count < 64;
			CHECK_EQ(dx_btree_increment(cur, 0, &stat), 0);
		}
		dx_btree_del_cursor(cur, 0);
		dx_buf_leave(bp);
	}
	return n;
}

/* No room for a whole chunk anywhere, but for parts of one. */
static int t_sparse(void *arg)
{
	struct dx_mount *mp = do_mount();
	u32 others = 0, i, j, n, part;
	u32 sparse;
	int error;

	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	dx_agresv_release(mp);		/* it would stay free in one piece */
	model_init(mp);
	inos = kvmalloc(400000 * sizeof(*inos), GFP_KERNEL);
	ninos = 0;
	part = mp->ialloc_min_blks;
	CHECK_EQ(dx_inobt_walk(mp, 0, walk_one, &others), 0);
	fill(mp);
	/* an aligned hole of one part in every second chunk-sized piece of every 3rd extent */
	n = m.nheld;
	for (i = 0; i < n; i += 3) {
		struct ext e = unhold(i);
		u32 from = 0;

		for (j = 0; j + part <= e.len; j++) {
			dx_agbno_t bno = dx_fsb_to_agbno(mp, e.fsbno + j);

			if (bno % (2 * mp->ialloc_blks) == (rnd(2) ? part : 0)) {
				struct ext h = { e.fsbno + j, part };

				if (j > from)
					hold(e.fsbno + from, j - from);
				CHECK_EQ(free_one(mp, h), 0);
				from = j + part;
				j = from - 1;
			}
		}
		if (from < e.len)
			hold(e.fsbno + from, e.len - from);
		/* keep position i filled: unhold moved the last one here */
	}
	/*
	 * Stop well before the reservation fails: a chunk's worth is asked for, while a part
	 * is taken, so the volume is never quite full.
	 */
	error = inode_ops(mp, 3000, 10);
	CHECK_EQ(error, 0);
	sparse = count_sparse(mp);
	printf("# %u inodes, %u sparse chunks\n", ninos, sparse);
	if (dx_has_sparse(mp))
		CHECK(sparse && ninos > 200);
	check_inodes(mp, others);
	CHECK_EQ(drop_all(mp), 0);
	check_inodes(mp, others);
	kvfree(inos);
	return finish(mp);
}

static int fiber_inodes(void *arg)
{
	return inode_ops(arg, 800, 40);
}

static int t_inodes_concurrent(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct host_fiber *f[4];
	u32 others = 0;
	int i;

	if (!mp)
		return -EIO;
	model_init(mp);
	inos = kvmalloc(100000 * sizeof(*inos), GFP_KERNEL);
	ninos = 0;
	CHECK_EQ(dx_inobt_walk(mp, 0, walk_one, &others), 0);
	for (i = 0; i < 4; i++)
		f[i] = host_spawn(i & 1 ? fiber_inodes : fiber_ops, mp, "ops");
	for (i = 0; i < 4; i++)
		CHECK_EQ(host_join(f[i]), 0);
	check_inodes(mp, others);
	CHECK_EQ(drop_all(mp), 0);
	kvfree(inos);
	return finish(mp);
}

/* The nth read fails after the mount: an error comes out, nothing hangs or leaks; remounted, all is well. */
static int t_read_errors(void *arg)
{
	struct host_dev_counts c;
	struct dx_mount *mp;
	unsigned int n;
	u64 failed;
	int error;

	for (n = 1; n < 60; n++) {
		host_dev_reset(dev);
		mp = do_mount();
		if (!mp)
			return -EIO;
		/* a cold cache, so that there is something to read */
		dx_buf_cache_scan(mp, 10000);
		model_init(mp);
		dx_buf_cache_scan(mp, 10000);
		inos = kvmalloc(10000 * sizeof(*inos), GFP_KERNEL);
		ninos = 0;
		host_dev_fail(dev, HOST_FAIL_READ, n, false, -EIO);
		error = random_ops(mp, 100);
		if (!error)
			error = inode_ops(mp, 100, 30);
		host_dev_counts(dev, &c);
		failed = c.failed;
		host_dev_fail_none(dev);
		if (error)
			CHECK(failed && error == -EIO);
		model_done();
		kvfree(inos);
		uv_umount(mp);
		mp = do_mount();
		CHECK(mp);
		if (mp) {
			CHECK(ag_sum(mp) > 0);
			uv_umount(mp);
		}
		if (!failed)
			break;		/* there were fewer reads than that */
	}
	printf("# %u reads failed\n", n - 1);
	return 0;
}

static const struct test { const char *name; int (*fn)(void *); u64 seed; unsigned int preempt; bool no_repair; } tests[] = {
	{ "random extents against a map", t_random, 1 },
	{ "the trees at their largest", t_fragmented, 2 },
	{ "to ENOSPC and back", t_enospc, 3 },
	{ "extents by four fibers", t_concurrent, 4, 20 },
	{ "a full volume, four fibers", t_concurrent_full, 9, 20 },
	{ "busy extents are not reused", t_busy, 0 },
	{ "busy extents can be cut", t_busy_cut, 0 },
	{ "double free", t_double_free, 0, 0, true },
	{ "FITRIM", t_trim, 5 },
	{ "online discard", t_discard, 10 },
	{ "allocation beside a slow FITRIM", t_slow_trim, 13 },
	{ "a remount to read-only beside a slow FITRIM", t_remount_beside_trim, 0 },
	{ "a killed FITRIM", t_killed_trim, 16 },
	{ "FITRIM while the machine goes to sleep", t_frozen_trim, 16 },
	{ "allocation beside slow discards", t_slow_discard, 14 },
	{ "inodes come and go", t_inodes, 6 },
	{ "chunks are kept with ikeep", t_ikeep, 11 },
	{ "sparse chunks on a fragmented volume", t_sparse, 7 },
	{ "reads that fail", t_read_errors, 12, 0, true },
	{ "inodes and extents by four fibers", t_inodes_concurrent, 8, 20 },
};

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	const char *only = argc > 1 ? argv[1] : NULL;	/* substring of a test's name */
	const char *onlyp = argc > 2 ? argv[2] : NULL;	/* substring of a profile's */
	u64 more = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;	/* added to the seeds */
	int i, j;

	snprintf(workdir, sizeof(workdir), "%s/t_alloc.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(workdir))
		return 1;
	snprintf(image, sizeof(image), "%s/image", workdir);
	snprintf(saved, sizeof(saved), "%s/saved", workdir);
	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		if (onlyp && !strstr(profiles[i].name, onlyp))
			continue;
		for (j = 0; j < ARRAY_SIZE(tests); j++) {
			char name[200];

			if (only && !strstr(tests[j].name, only))
				continue;
			snprintf(name, sizeof(name), "%s: %s", profiles[i].name, tests[j].name);
			if (make_volume(&profiles[i])) {
				printf("not ok %s (mkfs)\n", name);
				host_tests_failed++;
				continue;
			}
			host_set_preempt(tests[j].preempt);
			if (host_test(name, tests[j].seed + more, tests[j].fn, NULL) && !tests[j].no_repair) {
				host_test_begin("xfs_repair -n after it");
				CHECK(repair_clean());
				host_test_end();
			}
			host_kill_world();
		}
	}
	if (dev)
		host_dev_close(dev);
	host_sh("rm -rf %s", workdir);
	return host_test_exit();
}
