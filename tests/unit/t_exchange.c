// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exchanging ranges of files: random operations with a model that knows what every block must show, on files that share blocks
 * and on volumes that know of none; every pair of what a range can be, down to the blocks themselves; a power cut behind each step
 * and a failure of each read and write: all of it is as it was, or all as it shall be.  No room, too many extents: nothing is
 * changed.  Maps that go into a btree and back into the inode by turns, btrees with full leaves that are cut, with not a block to
 * spare.  Ranges behind the size on disk.  What other kernels' logs promise, and what we refuse of it.
 * The counts and owners of all blocks are compared with the maps of all inodes, and xfs_repair -n is content.
 *
 *	t_exchange SEED OPS		other random operations, or more
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_files.h"
#include "dx_alloc.h"
#include "dx_bmap_int.h"
#include "dx_cow.h"
#include "dx_exchange.h"
#include "dx_log_int.h"

static u32 ops_wanted;
static struct host_dev_snap *snap;

/* ---- the operation, and the model with it ---- */

enum { PLAIN, WRITTEN, SIZES, DRY };

/* Is there a written extent? */
static bool is_written(struct dx_inode *ip, u32 b)
{
	struct dx_mapped m;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_look(ip, b, 1, 0, &m));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return dx_irec_is_real(&m.rec) && m.rec.state == DX_EXT_NORM;
}

static int reach(struct uf_file *f, u32 end)
{
	if (f->size >= end)
		return 0;
	f->size = end;
	return dx_iomap_setsize(f->ip, (u64)end * uf_bs);
}

static int exchange(struct uf_file *a, u32 aoff, struct uf_file *b, u32 boff, u32 len, int how)
{
	struct dx_exchange x = {
		.ip1 = a->ip, .ip2 = b->ip, .off1_bytes = (u64)aoff * uf_bs, .off2_bytes = (u64)boff * uf_bs,
		.len_bytes = (u64)len * uf_bs, .written = how == WRITTEN, .dry = how == DRY, .set_sizes = how == SIZES,
		.size1_bytes = b->size * uf_bs, .size2_bytes = a->size * uf_bs,
		/* only where the sizes are exchanged may a range reach over an end: as if that in memory had been larger than on disk */
		.reach1_bytes = (u64)(aoff + len) * uf_bs, .reach2_bytes = (u64)(boff + len) * uf_bs,
	};
	bool take[UF_SPAN];
	int error = uf_flush(a) ?: uf_flush(b);
	u64 t;
	u32 i;

	if (error)
		return error;
	for (i = 0; i < len; i++)
		take[i] = how != DRY && (how != WRITTEN || is_written(a->ip, aoff + i));
	error = dx_exchange_range(&x);
	if (error)
		return error;
	for (i = 0; i < len; i++) {
		if (!take[i])
			continue;
		t = a->disk[aoff + i];
		a->disk[aoff + i] = b->disk[boff + i];
		b->disk[boff + i] = t;
	}
	if (how == SIZES) {
		t = a->size;
		a->size = b->size;
		b->size = t;
	} else if (how != DRY) {
		a->size = max_t(u64, a->size, aoff + len);
		b->size = max_t(u64, b->size, boff + len);
	}
	CHECK_EQ(a->ip->d.size, a->size * uf_bs);
	CHECK_EQ(b->ip->d.size, b->size * uf_bs);
	return 0;
}

static bool repair_clean(const char *tag)
{
	bool ok;

	uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, false);
	ok = uv_repair_clean(tag);
	uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, true);
	return ok;
}

static int fresh(const struct uv_profile *p)
{
	int error = uv_make(p);

	if (!error)
		uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, true);
	return error;
}

static struct dx_mount *begin(void)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);

	if (CHECK(mp))
		uf_bs = mp->sb.blocksize;
	return mp;
}

/* ---- random operations ---- */

static int random_ops(void *arg)
{
	u32 i, op, len, off, other, exchanges = 0, within = 0;
	struct dx_mount *mp = begin();
	int error, how;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	for (i = 0; i < ops_wanted && !host_checks_failed; i++) {
		static const u8 often[] = { 0, 0, 1, 1, 3, 3, 3, 4, 5, 5, 6, 7, 8, 9, 9, 12, 13, 14, 15 };
		struct uf_file *f = &uf_files[uf_rnd(UF_FILES)], *g = &uf_files[uf_rnd(UF_FILES)];

		len = 1 + uf_rnd(uf_rnd(3) ? 8 : 60);
		off = uf_rnd(UF_SPAN - len + 1);
		other = uf_rnd(UF_SPAN - len + 1);
		how = uf_rnd(4);
		op = often[uf_rnd(ARRAY_SIZE(often))];
		if (uf_rnd(2)) {
			op = 100;
			if (how == SIZES) {
				off = other = 0;
				len = UF_SPAN;
			}
			if (f == g && off < other + len && other < off + len) {
				CHECK_EQ(exchange(f, off, g, other, len, PLAIN), -EINVAL);
				continue;
			}
			exchanges++;
			within += f == g;
			error = exchange(f, off, g, other, len, how);
		} else {
			if (((op == 5 || op == 6 || op == 15) && !dx_has_reflink(mp)) || ((op == 8 || op == 14) && uf_rnd(3)))
				continue;
			error = uf_op(mp, op, f, off, len);
		}
		CHECK(!error);
		uf_check(mp);
		if (i % 8 == 0)
			uf_walk(mp);
		if (i % 40 == 0)
			CHECK(!dx_log_force(mp, true));
		if (host_checks_failed)
			printf("  operation %u: %s, files %d and %d, blocks %u and %u, length %u, %d: %d\n", i,
			       op == 100 ? "exchange" : uf_op_names[op], (int)(f - uf_files), (int)(g - uf_files), off, other, len, how,
			       error);
	}
	CHECK(exchanges > ops_wanted / 4 && within);
	for (i = 0; i < UF_FILES; i++)
		CHECK(!uf_flush(&uf_files[i]));
	uf_check(mp);
	uf_close();
	dx_icache_flush_inactive(mp);
	uf_walk(mp);
	return uv_umount(mp);
}

/* ---- every pair of what a run can be ---- */

enum kind { HOLE, UNWRITTEN, DATA, SHARED, KINDS };
#define RUN	3u			/* blocks */

/* Runs of each kind beside each other, so that each meets each: [kind of the first][kind of the second]. */
static void lay_out(struct dx_mount *mp, struct uf_file *f, struct uf_file *twin, bool first)
{
	u32 i, at;

	for (i = 0; i < KINDS * KINDS; i++) {
		enum kind k = first ? i / KINDS : i % KINDS;

		at = 2 * i * RUN;
		if (k == SHARED && !dx_has_reflink(mp))
			k = DATA;
		if (k == UNWRITTEN)
			CHECK(!dx_alloc_file_space(f->ip, (u64)at * uf_bs, RUN * uf_bs));
		if (k == DATA || k == SHARED)
			CHECK(!uf_direct(f, at, RUN, false));
		if (k == SHARED)
			CHECK(!uf_clone(f, at, twin, at, RUN));
	}
}

static void map_of(struct dx_inode *ip, u32 b, struct dx_irec *r)
{
	struct dx_mapped m;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_look(ip, b, 1, 0, &m));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	dx_irec_trim(&m.rec, b, b + 1);
	*r = m.rec;
}

static bool same_block(const struct dx_irec *a, const struct dx_irec *b)
{
	return a->startblock == b->startblock && (!dx_irec_is_real(a) || a->state == b->state);
}

/* Not only what the blocks show: the blocks themselves, and their state. */
static int pairs(void *arg)
{
	u32 end = 2 * KINDS * KINDS * RUN, b, how;
	static struct dx_irec a[UF_SPAN], c[UF_SPAN];
	struct dx_mount *mp = begin();
	struct dx_irec r;
	u64 nblocks;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	lay_out(mp, &uf_files[0], &uf_files[2], true);
	lay_out(mp, &uf_files[1], &uf_files[3], false);
	for (how = PLAIN; how <= DRY; how++) {
		nblocks = uf_files[0].ip->d.nblocks + uf_files[1].ip->d.nblocks;
		for (b = 0; b < end; b++) {
			map_of(uf_files[0].ip, b, &a[b]);
			map_of(uf_files[1].ip, b, &c[b]);
		}
		CHECK(!exchange(&uf_files[0], 0, &uf_files[1], 0, end, how));
		for (b = 0; b < end; b++) {
			bool moves = how == WRITTEN ? dx_irec_is_real(&a[b]) && a[b].state == DX_EXT_NORM : how != DRY;

			map_of(uf_files[0].ip, b, &r);
			CHECK(same_block(&r, moves ? &c[b] : &a[b]));
			map_of(uf_files[1].ip, b, &r);
			CHECK(same_block(&r, moves ? &a[b] : &c[b]));
		}
		CHECK_EQ(uf_files[0].ip->d.nblocks + uf_files[1].ip->d.nblocks, nblocks);
		uf_check(mp);
		uf_walk(mp);
	}
	CHECK_EQ(dx_inode_shares(uf_files[0].ip), dx_has_reflink(mp));
	CHECK_EQ(dx_inode_shares(uf_files[1].ip), dx_has_reflink(mp));
	/* all of the one that shares goes to one that does not: the flag goes with it */
	if (dx_has_reflink(mp)) {
		CHECK(!dx_inode_shares(uf_files[4].ip));
		CHECK(!uf_direct(&uf_files[4], 3, 9, false));
		CHECK(!exchange(&uf_files[4], 0, &uf_files[0], 0, UF_SPAN, SIZES));
		CHECK(dx_inode_shares(uf_files[4].ip));
		CHECK(!dx_inode_shares(uf_files[0].ip));
		/* and not where a part stays */
		CHECK(!exchange(&uf_files[4], 0, &uf_files[0], 0, 20, PLAIN));
		CHECK(dx_inode_shares(uf_files[4].ip) && dx_inode_shares(uf_files[0].ip));
		uf_check(mp);
		uf_walk(mp);
	}
	uf_close();
	return uv_umount(mp);
}

/* ---- a power cut behind each step, a failure of each request ---- */

static u64 was[UF_FILES][UF_SPAN], will[UF_FILES][UF_SPAN];
static u64 size_was[UF_FILES], size_will[UF_FILES];
static u32 steps_left;
static unsigned long fail_nth;
static unsigned int fail_kind;

/* What is in the checkpoint becomes durable, and nothing after it. */
static void cut(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if ((strcmp(what, "trans_roll") && strcmp(what, "trans_commit")) || !c || !steps_left || --steps_left)
		return;
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
}

/* Two files in many pieces, of which two more have some. */
static int prepare(void *arg)
{
	struct dx_mount *mp = begin();
	u32 b;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	for (b = 0; b < UF_SPAN; b += 10)
		CHECK(!uf_direct(&uf_files[0], b, 7, false));
	for (b = 0; b < UF_SPAN; b += 7)
		CHECK(!uf_direct(&uf_files[1], b, 4, false));
	CHECK(!uf_direct(&uf_files[2], 0, 40, false));
	CHECK(!uf_direct(&uf_files[3], 0, 20, false));
	CHECK(!dx_alloc_file_space(uf_files[0].ip, 0, 30 * uf_bs));
	if (dx_has_reflink(mp)) {
		CHECK(!uf_clone(&uf_files[0], 40, &uf_files[3], 0, 40));
		CHECK(!uf_clone(&uf_files[0], 100, &uf_files[1], 110, 20));
	}
	uf_check(mp);
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

static u64 avail(struct dx_mount *mp)
{
	struct dx_statfs st;

	dx_mount_statfs(mp, &st);
	return st.bavail;
}

/* As much as there is room for in the inodes, and one extent more, on a volume that has no more than that takes. */
static int prepare_full(void *arg)
{
	struct dx_mount *mp = begin();
	struct dx_inode *ip;
	struct dx_mapped m;
	u64 off = 1000, left, error = 0;
	u32 b;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	dx_reserve_set(mp, 0);
	ip = uf_files[4].ip;
	for (b = 0; b <= dx_fork_inline_max(uf_files[2].ip, DX_DATA_FORK); b++) {
		CHECK(!uf_direct(&uf_files[2], 2 * b, 1, false));
		CHECK(!uf_direct(&uf_files[3], 2 * b, 1, false));
	}
	CHECK(!reach(&uf_files[2], 60) && !reach(&uf_files[3], 60));
	for (left = 1000; left; left = error ? left / 2 : left) {
		error = avail(mp) < left + 2 ? -ENOSPC : dx_iomap_alloc(ip, off, left, false, false, &m);
		if (!error)
			off = dx_irec_end(&m.rec);
	}
	printf("# %llu blocks are left\n", (unsigned long long)avail(mp));
	CHECK(avail(mp) < 5);
	uf_check(mp);
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

static int cut_full(void)
{
	dx_reserve_set(uf_files[2].ip->mp, 0);
	return exchange(&uf_files[2], 0, &uf_files[3], 0, 60, PLAIN);
}

static int cut_plain(void) { return exchange(&uf_files[0], 0, &uf_files[1], 0, 60, PLAIN); }
static int cut_written(void) { return exchange(&uf_files[0], 4, &uf_files[1], 11, 50, WRITTEN); }
static int cut_sizes(void) { return exchange(&uf_files[2], 0, &uf_files[0], 0, UF_SPAN, SIZES); }
static int cut_within(void) { return exchange(&uf_files[0], 0, &uf_files[0], 83, 70, PLAIN); }
static int cut_inline(void) { return exchange(&uf_files[2], 0, &uf_files[3], 2, 12, PLAIN); }

static const struct cut_op { const char *name; int (*fn)(void); u32 steps; } cut_ops[] = {
	{ "an exchange", cut_plain, 40 },
	{ "an exchange of what is written", cut_written, 20 },
	{ "an exchange to the ends", cut_sizes, 60 },
	{ "an exchange within a file", cut_within, 40 },
	{ "an exchange of a few", cut_inline, 3 },
};

static const struct cut_op cut_full_op = { "an exchange on a full volume", cut_full, 40 };

static void remember(u64 (*blocks)[UF_SPAN], u64 *sizes)
{
	int i;

	for (i = 0; i < UF_FILES; i++) {
		memcpy(blocks[i], uf_files[i].disk, sizeof(blocks[i]));
		sizes[i] = uf_files[i].size;
	}
}

static int cut_op(void *arg)
{
	const struct cut_op *op = arg;
	struct dx_mount *mp = begin();
	int error;

	if (!mp)
		return -EIO;
	uf_get(mp);
	remember(was, size_was);
	mp->trace = cut;
	if (fail_nth)
		host_dev_fail(uv_dev, fail_kind, fail_nth, false, -EIO);
	error = op->fn();
	host_dev_fail_none(uv_dev);
	mp->trace = NULL;
	CHECK(!error || fail_nth);
	if (!fail_nth)
		remember(will, size_will);
	uf_close();
	error = uv_umount(mp);
	return fail_nth ? 0 : error;
}

static bool all_are(u64 (*blocks)[UF_SPAN], const u64 *sizes)
{
	int i;

	for (i = 0; i < UF_FILES; i++)
		if (memcmp(blocks[i], uf_files[i].disk, sizeof(blocks[i])) || sizes[i] != uf_files[i].size)
			return false;
	return true;
}

static int recover(void *arg)
{
	struct dx_mount *mp = begin();

	if (!mp)
		return -EIO;
	uf_get(mp);
	/* what has begun is done */
	if (arg)
		CHECK(all_are(will, size_will));
	else
		CHECK(all_are(was, size_was) || all_are(will, size_will));
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

/* Done without: so it is known what it should be. */
static void undisturbed(const struct cut_op *op)
{
	host_dev_snap_restore(uv_dev, snap);
	steps_left = 0;
	fail_nth = 0;
	uf_seed = 1;
	host_init(1);
	CHECK_EQ(host_run(cut_op, (void *)op), 0);
	host_kill_world();
	CHECK(repair_clean("whole"));
}

static void cut_everywhere(const struct cut_op *op)
{
	char name[100];
	u32 n;
	int ret;

	snprintf(name, sizeof(name), "a power cut at each step of %s", op->name);
	host_test_begin(name);
	undisturbed(op);
	for (n = 1; n < 1000 && !host_checks_failed; n++) {
		host_dev_snap_restore(uv_dev, snap);
		steps_left = n;
		host_init(n);
		ret = host_run(cut_op, (void *)op);
		host_kill_world();
		if (!ret)
			break;
		if (!CHECK_EQ(ret, HOST_CRASHED))
			break;
		host_dev_crash(uv_dev, n % 2 ? HOST_LOSE_ALL : n % HOST_CRASH_MODES, n);
		/* recovery is cut, too */
		if (n % 4 == 0) {
			host_init(n);
			host_dev_crash_at(uv_dev, n / 4 % 12, n % 2);
			ret = host_run(recover, NULL);
			host_dev_crash_at(uv_dev, 0, 0);
			host_kill_world();
			if (ret == HOST_CRASHED)
				host_dev_crash(uv_dev, HOST_LOSE_ALL, n);
		}
		host_init(n);
		CHECK_EQ(host_run(recover, "done"), 0);
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		if (n % 16 == 1)
			CHECK(repair_clean("cut"));
		if (host_checks_failed)
			printf("  at step %u\n", n);
	}
	CHECK(n > op->steps);
	printf("# %u steps\n", n - 1);
	host_test_end();
}

static void fail_everywhere(const struct cut_op *op)
{
	char name[100];
	u32 n, kind;
	int ret;

	snprintf(name, sizeof(name), "each read and each write of %s fails", op->name);
	host_test_begin(name);
	undisturbed(op);
	for (kind = 0; kind < 2; kind++) {
		fail_kind = kind ? HOST_FAIL_WRITE : HOST_FAIL_READ;
		for (n = 1; n < 25 && !host_checks_failed; n++) {
			host_dev_snap_restore(uv_dev, snap);
			fail_nth = n;
			host_init(n);
			ret = host_run(cut_op, (void *)op);
			host_kill_world();
			CHECK_EQ(ret, 0);
			host_init(n);
			CHECK_EQ(host_run(recover, NULL), 0);
			CHECK_EQ(host_warn_count, 0);
			host_kill_world();
			if (n % 8 == 1)
				CHECK(repair_clean("fault"));
			if (host_checks_failed)
				printf("  %s %u\n", kind ? "write" : "read", n);
		}
	}
	fail_nth = 0;
	host_test_end();
}

/* ---- there is no room ---- */

/* With not a block more than it asks for. */
static int do_with_fewest(const struct dx_exchange *x, u64 *n)
{
	struct dx_mount *mp = x->ip1->mp;
	struct dx_exchange dry = *x;
	u64 all = avail(mp), taken;
	int error = -ENOSPC;

	dry.dry = true;
	for (*n = 0; error == -ENOSPC && *n <= all && !host_checks_failed; ++*n) {
		taken = all - *n;
		CHECK(!dx_mod_fdblocks(mp, -(s64)taken, false));
		error = dx_exchange_range(&dry);
		CHECK_EQ(dx_exchange_range(x), error);
		CHECK(!dx_is_shutdown(mp));
		dx_mod_fdblocks(mp, taken, false);
	}
	--*n;
	return error;
}

/* How many that are. */
static u64 fewest(struct dx_mount *mp, struct uf_file *a, struct uf_file *b, u32 boff, u32 len)
{
	struct dx_exchange x = {
		.ip1 = a->ip, .ip2 = b->ip, .off2_bytes = boff * uf_bs, .len_bytes = len * uf_bs,
	};
	u64 n, t;
	u32 i;

	CHECK(!reach(a, len) && !reach(b, boff + len));
	CHECK(!do_with_fewest(&x, &n));
	for (i = 0; i < len; i++) {
		t = a->disk[i];
		a->disk[i] = b->disk[boff + i];
		b->disk[boff + i] = t;
	}
	uf_check(mp);
	return n;
}

static int no_room(void *arg)
{
	struct dx_mount *mp = begin();
	struct uf_file *one = &uf_files[0], *many = &uf_files[1];
	u64 n, at_edge, within;
	u32 b, edge;
	int error;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	dx_reserve_set(mp, 0);
	/* a file of one extent gets the pieces of another */
	CHECK(!uf_direct(one, 0, 150, false));
	for (b = 0; b < 150; b += 2)
		CHECK(!uf_direct(many, b, 1, false));
	/* and one extent more than the inode has room for in both */
	edge = dx_fork_inline_max(one->ip, DX_DATA_FORK) + 1;
	for (b = 0; b < edge; b++) {
		CHECK(!uf_direct(&uf_files[2], 2 * b, 1, false));
		CHECK(!uf_direct(&uf_files[3], 2 * b, 1, false));
	}
	CHECK(!dx_log_force(mp, true));
	n = fewest(mp, one, many, 0, 150);
	CHECK(n > 0);
	at_edge = fewest(mp, &uf_files[2], &uf_files[3], 0, 2 * edge);
	within = fewest(mp, &uf_files[2], &uf_files[2], edge + 1, edge);
	printf("# %llu blocks, %llu at the edge, %llu within a file\n", (unsigned long long)n, (unsigned long long)at_edge,
	       (unsigned long long)within);
	/* too many extents for a counter */
	mp->opts.few_extents = many->ip->df.nextents + one->ip->df.nextents - 10;
	error = exchange(one, 0, many, 0, 150, PLAIN);
	CHECK_EQ(error, dx_has_nrext64(mp) ? 0 : -EFBIG);
	mp->opts.few_extents = 0;
	CHECK(!dx_is_shutdown(mp));
	uf_check(mp);
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

/* ---- maps that grow and shrink by turns ---- */

/* @n extents of a block, @gap blocks between them, from @at on. */
static void row(struct dx_inode *ip, u32 at, u32 n, u32 gap)
{
	struct dx_mapped m;

	for (; n && !host_checks_failed; n--, at += gap + 1)
		CHECK(!dx_iomap_alloc(ip, at, 1, false, false, &m));
}

static u64 sum_of(struct dx_inode *ip, u64 off, u64 len)
{
	struct dx_irec r;
	u64 sum = 0;

	for (; len; len--, off++) {
		map_of(ip, off, &r);
		/* where which block is, in numbers that add up */
		if (dx_irec_is_real(&r))
			sum += (len + 1) * 0x9e3779b97f4a7c15ull * (r.startblock * 2 + r.state + 1);
	}
	return sum;
}

static u64 most_wanted;

/* All of it, with no block to spare, or the test has failed. */
static bool goes_well(const struct dx_exchange *x)
{
	struct dx_mount *mp = x->ip1->mp;
	u64 off1 = x->off1_bytes / uf_bs, off2 = x->off2_bytes / uf_bs, len = x->len_bytes / uf_bs, fd = avail(mp), sum1, sum2;
	u64 nblocks = x->ip1->d.nblocks + x->ip2->d.nblocks, n;

	sum1 = sum_of(x->ip1, off1, len);
	sum2 = sum_of(x->ip2, off2, len);
	CHECK(!do_with_fewest(x, &n));
	if (!CHECK(!dx_is_shutdown(mp)))
		return false;
	most_wanted = max(most_wanted, n);
	CHECK_EQ(sum_of(x->ip1, off1, len), sum2);
	CHECK_EQ(sum_of(x->ip2, off2, len), sum1);
	/* what the chain has kept and not used is back */
	if (!dx_has_rmapbt(mp) && !dx_has_reflink(mp) && x->ip1 != x->ip2)
		CHECK_EQ(avail(mp), fd + nblocks - x->ip1->d.nblocks - x->ip2->d.nblocks);
	return !host_checks_failed;
}

/* Two new files, or one twice; some have less room for extents, as an attribute fork takes it. */
static void make_two(struct dx_mount *mp, struct dx_inode *ip[2], bool one, bool with_attrs)
{
	ip[0] = uf_make(mp, 0);
	ip[1] = one ? ip[0] : uf_make(mp, 1);
	if (with_attrs)
		CHECK(!dx_add_attr_fork(ip[0], 100, false));
}

static void drop_two(struct dx_mount *mp, struct dx_inode *ip[2])
{
	if (ip[1] != ip[0])
		uf_drop_name(mp, 1, ip[1]);
	uf_drop_name(mp, 0, ip[0]);
}

/* Out of the inode and back into it with each run. */
static int at_the_edge(void *arg)
{
	struct dx_mount *mp = begin();
	u32 attrs, one, by_runs, a, b, part;

	(void)arg;
	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	for (attrs = 0; attrs < 2; attrs++)
	for (one = 0; one < 2; one++)
	for (by_runs = 0; by_runs < 2; by_runs++)
	for (a = 0; a < 3; a++)
	for (b = 0; b < 3; b++)
	for (part = 1; part <= 4 && !host_checks_failed; part += 3) {
		struct dx_exchange x = { .by_runs = by_runs };
		struct dx_inode *ip[2];
		u32 most, n;

		make_two(mp, ip, one, attrs);
		most = dx_fork_inline_max(ip[0], DX_DATA_FORK);
		/* one file has both rows */
		row(ip[0], 0, (one ? most / 2 : most) + a, 1);
		row(ip[1], one ? 4 * most : 0, (one ? most / 2 : most) + b, 1);
		x.ip1 = ip[0];
		x.ip2 = ip[1];
		n = most * part / 4 + 1;
		x.len_bytes = 2 * n * uf_bs;
		x.off2_bytes = one ? 4 * most * uf_bs : 0;
		if (!goes_well(&x))
			printf("  attributes %u, one file %u, by runs %u, %u and %u beyond %u, %u of them\n", attrs, one, by_runs, a, b,
			       most, n);
		if (!dx_is_shutdown(mp))
			drop_two(mp, ip);
	}
	uf_walk(mp);
	return uv_umount(mp);
}

/* All leaves are as full as they can be, for extents came in ascending order; some in each of them become more. */
static int full_leaves(void *arg)
{
	struct dx_mount *mp = begin();
	u32 n = 1400, one, written, i, k, part;
	struct dx_mapped m;

	(void)arg;
	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	for (one = 0; one < 2; one++)
	for (written = 0; written < 2; written++)
	for (part = 4; part < 60 && !host_checks_failed; part *= 4) {
		struct dx_exchange x = { .written = written };
		u32 at2 = one ? 32 * n : 0;
		struct dx_inode *ip[2];
		u64 had, wanted;

		make_two(mp, ip, one, false);
		for (i = 0; i < n; i++)
			CHECK(!dx_iomap_alloc(ip[0], 16 * i, i % part ? 1 : 9, !(i % part), false, &m));
		/* side by side, and cannot be one */
		for (i = 0; i < n; i += part)
			for (k = 0; k < 9; k++)
				CHECK(!dx_iomap_alloc(ip[1], at2 + 16 * i + k, 1, k & 1, false, &m));
		had = ip[0]->d.nblocks;
		x.ip1 = ip[0];
		x.ip2 = ip[1];
		x.off2_bytes = at2 * uf_bs;
		x.len_bytes = 16ull * n * uf_bs;
		CHECK(!do_with_fewest(&x, &wanted));
		if (!one && written)
			CHECK(ip[0]->d.nblocks > had + 3);
		if (host_checks_failed)
			printf("  one file %u, written %u, each %u: %llu blocks\n", one, written, part, wanted);
		if (!dx_is_shutdown(mp))
			drop_two(mp, ip);
	}
	uf_walk(mp);
	return uv_umount(mp);
}

/* Any two files, or places of one, with any extents. */
static int random_maps(void *arg)
{
	struct dx_mount *mp = begin();
	u32 i, k, b, len;

	(void)arg;
	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	most_wanted = 0;
	for (i = 0; i < 40 && !host_checks_failed; i++) {
		u32 span = 30 + uf_rnd(uf_rnd(4) ? 120 : 700), long_ones = uf_rnd(3), one = !uf_rnd(3), off1, off2;
		struct dx_exchange x = { .by_runs = !uf_rnd(3) };
		struct dx_inode *ip[2];
		struct dx_mapped m;

		make_two(mp, ip, one, !uf_rnd(3));
		for (k = 0; k < 2; k++) {
			for (b = 0; b < span; b += len + uf_rnd(2)) {
				len = long_ones && !uf_rnd(4) ? 1 + uf_rnd(12) : 1;
				if (uf_rnd(3))
					CHECK(!dx_iomap_alloc(ip[k], b + (one && k ? span + 20 : 0), len, !uf_rnd(4), false, &m));
			}
		}
		off1 = uf_rnd(2) ? 0 : uf_rnd(10);
		off2 = (one ? span + 20 : 0) + (uf_rnd(2) ? 0 : uf_rnd(10));
		x.ip1 = ip[0];
		x.ip2 = ip[1];
		x.off1_bytes = off1 * uf_bs;
		x.off2_bytes = off2 * uf_bs;
		x.len_bytes = (1 + uf_rnd(span)) * uf_bs;
		/* and back again: then what was a row by itself is in pieces among others */
		for (k = 0; k < 3 && goes_well(&x); k++)
			if (uf_rnd(2))
				x.len_bytes = (1 + uf_rnd(span)) * uf_bs;
		if (host_checks_failed)
			printf("  pair %u: one file %u, span %u, blocks %u and %u, length %u\n", i, one, span, off1, off2,
			       (u32)(x.len_bytes / uf_bs));
		if (!dx_is_shutdown(mp))
			drop_two(mp, ip);
	}
	printf("# %llu blocks at most\n", (unsigned long long)most_wanted);
	uf_walk(mp);
	return uv_umount(mp);
}

/* Bounds of offsets. */
static int bounds(void *arg)
{
	struct dx_mount *mp = begin();
	struct dx_exchange x = { .len_bytes = 1 };

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	x.ip1 = uf_files[0].ip;
	x.ip2 = uf_files[1].ip;
	x.off1_bytes = 1;
	CHECK_EQ(dx_exchange_range(&x), -EINVAL);
	x.off1_bytes = 0;
	x.off2_bytes = uf_bs / 2;
	CHECK_EQ(dx_exchange_range(&x), -EINVAL);
	x.len_bytes = 2 * uf_bs;
	x.off2_bytes = (dx_file_end(mp) - 1) * uf_bs;
	CHECK_EQ(dx_exchange_range(&x), -EFBIG);
	x.off2_bytes = 0;
	CHECK_EQ(dx_exchange_range(&x), 0);
	x.len_bytes = 0;
	CHECK_EQ(dx_exchange_range(&x), 0);
	uf_close();
	return uv_umount(mp);
}

/* ---- behind the size on disk ---- */

/*
 * A file whose pages are dirty, so its size on disk is behind that in memory, gets blocks whose data is durable.  Before them it
 * has what nobody has written yet: delayed extents, unwritten ones, holes.
 */
static int behind(void *arg)
{
	struct dx_mount *mp = begin();
	struct uf_file *f = &uf_files[0], *g = &uf_files[1];
	struct dx_exchange x = { };

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	CHECK(!uf_direct(g, 0, 20, false));
	CHECK(!dx_alloc_file_space(f->ip, 5 * uf_bs, 3 * uf_bs));
	CHECK(!uf_write_pages(f, 2, 2));
	CHECK(!uf_write_pages(f, 20, 1));
	CHECK(!dx_log_force(mp, true));
	x = (struct dx_exchange) {
		.ip1 = f->ip, .ip2 = g->ip, .off1_bytes = 10 * uf_bs, .off2_bytes = 10 * uf_bs, .len_bytes = 4 * uf_bs,
		.reach1_bytes = 14 * uf_bs, .reach2_bytes = 14 * uf_bs,
	};
	CHECK_EQ(f->ip->d.size, 0);
	CHECK(!dx_exchange_range(&x));
	CHECK(!dx_log_force(mp, true));
	memcpy(will[0], g->disk, sizeof(will[0]));
	host_stop_world();
	return 0;
}

static int nothing_is_lost(void *arg)
{
	struct dx_mount *mp = begin();
	u32 b;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_get(mp);
	CHECK_EQ(uf_files[0].size, 14);
	CHECK_EQ(uf_files[1].size, 20);
	for (b = 0; b < 20; b++) {
		bool moved = b >= 10 && b < 14;

		CHECK_EQ(uf_files[0].disk[b], moved ? will[0][b] : 0);
		CHECK_EQ(uf_files[1].disk[b], moved ? 0 : will[0][b]);
	}
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

static void behind_the_size(const struct uv_profile *p)
{
	host_test_begin("what comes to behind the size on disk is there after a crash");
	uf_seed = 1;
	if (CHECK(!fresh(p))) {
		host_init(1);
		CHECK_EQ(host_run(behind, NULL), HOST_CRASHED);
		host_kill_world();
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
		host_init(1);
		CHECK_EQ(host_run(nothing_is_lost, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		CHECK(repair_clean("behind"));
	}
	host_test_end();
}

/* ---- what it costs ---- */

static u32 steps;

static void count_steps(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	steps += !strcmp(what, "trans_roll") || !strcmp(what, "trans_commit");
}

static u32 cost_of(struct dx_mount *mp, struct dx_inode *a, struct dx_inode *b, u32 n)
{
	struct dx_exchange x = { .ip1 = a, .ip2 = b, .len_bytes = (u64)2 * n * uf_bs };

	steps = 0;
	mp->trace = count_steps;
	CHECK(!dx_exchange_range(&x));
	mp->trace = NULL;
	return steps;
}

static int cost(void *arg)
{
	struct dx_mount *mp = begin();
	u32 n = 300, i, few, many;
	struct dx_mapped m;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	for (i = 0; i < 10 * n; i++)
		CHECK(!dx_iomap_alloc(uf_files[0].ip, 2 * i, 1, false, false, &m));
	few = cost_of(mp, uf_files[0].ip, uf_files[1].ip, n);
	CHECK_EQ(uf_files[1].ip->df.nextents, n);
	many = cost_of(mp, uf_files[0].ip, uf_files[1].ip, 10 * n);
	CHECK_EQ(uf_files[1].ip->df.nextents, 9 * n);
	printf("# %u steps for %u runs, %u for %u\n", few, n, many, 10 * n);
	CHECK(many <= few * 13);
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

/* ---- what the logs of others promise ---- */

static u64 promised_flags;
static u32 wrong_gen;

static int promise(void *arg)
{
	struct dx_mount *mp = begin();
	struct dx_xmi_body x = { };
	struct dx_defer_work *w;
	struct dx_trans *tp;
	LIST_HEAD(works);

	(void)arg;
	if (!mp)
		return -EIO;
	uf_get(mp);
	remember(was, size_was);
	x.xmi_inode1 = uf_files[0].ip->ino;
	x.xmi_inode2 = uf_files[1].ip->ino;
	x.xmi_igen1 = uf_files[0].ip->d.gen + wrong_gen;
	x.xmi_igen2 = uf_files[1].ip->d.gen;
	x.xmi_startoff1 = x.xmi_startoff2 = 5;
	x.xmi_blockcount = 100;
	x.xmi_flags = promised_flags;
	if (promised_flags & DX_XMI_SET_SIZES) {
		x.xmi_isize1 = 77 * uf_bs;
		x.xmi_isize2 = 99 * uf_bs + 5;
	}
	CHECK(!dx_exchange_type.parse(mp, &x, &w));
	list_add_tail(&w->list, &works);
	CHECK(!dx_trans_alloc(mp, DX_RESV_EXCHANGE, 0, 0, &tp));
	dx_intent_log(tp, &dx_exchange_type, &works, 1);
	kfree(w);
	CHECK(!dx_trans_commit(tp));
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
	return 0;
}

static int promised(void *arg)
{
	struct dx_mount *mp = begin();
	u32 b;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_get(mp);
	for (b = 0; b < UF_SPAN; b++) {
		bool in = b >= 5 && b < 105;

		CHECK_EQ(uf_files[0].disk[b], was[in ? 1 : 0][b]);
		CHECK_EQ(uf_files[1].disk[b], was[in ? 0 : 1][b]);
	}
	if (promised_flags & DX_XMI_SET_SIZES) {
		CHECK_EQ(uf_files[0].ip->d.size, 77 * uf_bs);
		CHECK_EQ(uf_files[1].ip->d.size, 99 * uf_bs + 5);
	}
	if (promised_flags & DX_XMI_CLEAR_INO1_REFLINK)
		CHECK(!dx_inode_shares(uf_files[0].ip));
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

/* Both are as they were, and nothing was written. */
static int refused(void *arg)
{
	struct host_dev_counts c, d;
	int error;

	(void)arg;
	host_dev_counts(uv_dev, &c);
	if (!CHECK(!uf_mount(&error)))
		return -EIO;
	host_dev_counts(uv_dev, &d);
	if (promised_flags & DX_XMI_ATTR_FORK)
		CHECK_EQ(d.writes, c.writes);
	return error;
}

static void others(bool reflink)
{
	static const struct { const char *name; u64 flags; u32 wrong_gen; int error; const char *says; } logs[] = {
		{ "plain", 0 },
		{ "with sizes", DX_XMI_SET_SIZES },
		{ "of shared blocks that go", DX_XMI_CLEAR_INO1_REFLINK },
		{ "of attribute forks", DX_XMI_ATTR_FORK, .error = -EINVAL, .says = "unfinished range exchange" },
		{ "of another inode of that number", 0, 1, -EFSCORRUPTED, "another generation" },
		{ "with unknown flags", 1u << 20, .error = -EFSCORRUPTED, .says = "xmi_flags" },
	};
	char name[100];
	u32 i, k;
	int ret;

	for (i = 0; i < ARRAY_SIZE(logs); i++) {
		struct host_dev_snap *cut;

		/* there the first file shares blocks for good */
		if (reflink && logs[i].flags == DX_XMI_CLEAR_INO1_REFLINK)
			continue;
		snprintf(name, sizeof(name), "an exchange that a log promises, %s", logs[i].name);
		host_test_begin(name);
		promised_flags = logs[i].flags;
		wrong_gen = logs[i].wrong_gen;
		host_dev_snap_restore(uv_dev, snap);
		host_init(1);
		CHECK_EQ(host_run(promise, NULL), HOST_CRASHED);
		host_kill_world();
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
		if (logs[i].error) {
			host_init(1);
			host_log_clear();
			CHECK_EQ(host_run(refused, NULL), logs[i].error);
			CHECK(host_log_has(logs[i].says));
			host_kill_world();
			host_test_end();
			continue;
		}
		cut = host_dev_snap_take(uv_dev);
		for (k = 0; k < 24 && !host_checks_failed; k++) {
			host_dev_snap_restore(uv_dev, cut);
			host_init(k);
			host_dev_crash_at(uv_dev, k, k % 2);
			ret = host_run(promised, NULL);
			host_dev_crash_at(uv_dev, 0, 0);
			host_kill_world();
			if (ret == HOST_CRASHED) {
				host_dev_crash(uv_dev, HOST_LOSE_ALL, k);
				host_init(k);
				ret = host_run(promised, NULL);
				host_kill_world();
			}
			CHECK_EQ(ret, 0);
			CHECK_EQ(host_warn_count, 0);
			if (k % 8 == 0)
				CHECK(repair_clean("promised"));
		}
		host_dev_snap_free(cut);
		host_test_end();
	}
}

/* ---- */

static const struct uv_profile volumes[] = {
	{ "1 KiB blocks, rmapbt, reflink", "--unsupported -b size=1024 -d agcount=2 -l size=14m -m rmapbt=1,reflink=1", 80 },
	{ "1 KiB blocks, neither", "--unsupported -b size=1024 -d agcount=3 -l size=10m -m rmapbt=0,reflink=0", 80 },
	{ "rmapbt, large extent counters", "--unsupported -d agcount=2 -l size=18m -m rmapbt=1,reflink=0 -i nrext64=1", 120 },
};

static void run(const char *what, const struct uv_profile *p, int (*fn)(void *arg), u64 s)
{
	char name[160];

	snprintf(name, sizeof(name), "%s (%s)", what, p->name);
	uf_seed = s;
	if (fresh(p) || !host_test(name, s, fn, NULL))
		return;
	host_test_begin("... and xfs_repair is content");
	CHECK(repair_clean("exchange"));
	host_test_end();
}

int main(int argc, char **argv)
{
	u64 s = argc > 1 ? atoll(argv[1]) : 1;
	u32 i, k;

	ops_wanted = argc > 2 ? atoi(argv[2]) : 300;
	uv_setup("t_exchange");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		const struct uv_profile *p = &volumes[i];

		run("every pair of what a run can be", p, pairs, s);
		run("random operations", p, random_ops, s + i);
		run("there is no room", p, no_room, s);
		run("maps at the edge of what fits into the inode", p, at_the_edge, s);
		run("leaves that are full", p, full_leaves, s);
		for (k = 0; k < 3; k++)
			run("random maps", p, random_maps, 100 * s + k);
		run("bounds", p, bounds, s);
		behind_the_size(p);
		run("the cost is that of the runs", p, cost, s);
		run("files to exchange", p, prepare, s);
		snap = host_dev_snap_take(uv_dev);
		for (k = 0; k < ARRAY_SIZE(cut_ops); k++)
			cut_everywhere(&cut_ops[k]);
		fail_everywhere(&cut_ops[0]);
		others(!i);
		host_dev_snap_free(snap);
		run("a full volume", p, prepare_full, s);
		snap = host_dev_snap_take(uv_dev);
		cut_everywhere(&cut_full_op);
		host_dev_snap_free(snap);
	}
	uv_teardown();
	return host_test_exit();
}
