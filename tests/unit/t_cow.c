// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copy on write, and files that share blocks: random operations on files that are clones of each other in parts, with a model that
 * knows what every block must show; each block that is written has a tag of its own, so a write that shows in a twin is
 * seen at once.  A power cut behind each step of what copies, clones and frees: every block shows what it did or what it should.
 * What was reserved for copies is enough where nothing is free.  Changes of maps that other kernels' logs promise.
 * The counts and owners of all blocks are compared with the maps of all inodes, and xfs_repair -n is content.
 *
 *	t_cow SEED OPS		other random operations, or more
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_files.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_cow.h"
#include "dx_quota.h"
#include "dx_walk.h"
#include "dx_log_int.h"

static u32 ops_wanted;
static struct host_dev_snap *snap;

/* ---- random operations ---- */

static int random_ops(void *arg)
{
	u32 done[UF_OPS] = { }, i, op;
	int error;
	struct dx_mount *mp = uf_mount(&error);

	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	uf_open(mp);
	for (i = 0; i < ops_wanted && !host_checks_failed; i++) {
		static const u8 often[] = { 0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
		struct uf_file *f = &uf_files[uf_rnd(UF_FILES)];
		u32 len = 1 + uf_rnd(uf_rnd(3) ? 8 : 60), off = uf_rnd(UF_SPAN - len + 1);

		op = often[uf_rnd(ARRAY_SIZE(often))];
		/* removing and cutting must not win */
		if ((op == 8 || op == 14) && uf_rnd(3))
			continue;
		error = uf_op(mp, op, f, off, len);
		CHECK(!error);
		done[op]++;
		uf_check(mp);
		if (i % 16 == 0)
			uf_walk(mp);
		if (i % 40 == 0)
			CHECK(!dx_log_force(mp, true));
		if (host_checks_failed)
			printf("  operation %u: %s, file %d, block %u, length %u: %d\n", i, uf_op_names[op], (int)(f - uf_files), off, len, error);
	}
	for (op = 0; op < UF_OPS; op++)
		CHECK(done[op] || host_checks_failed);
	for (i = 0; i < UF_FILES; i++)
		CHECK(!uf_flush(&uf_files[i]));
	uf_check(mp);
	uf_close();
	dx_icache_flush_inactive(mp);
	uf_walk(mp);
	return uv_umount(mp);
}

/* ---- a power cut behind each step ---- */

static u64 was[UF_FILES][UF_SPAN], will[UF_FILES][UF_SPAN];
static u32 steps_left;

/* What is in the checkpoint becomes durable, and nothing after it. */
static void cut(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if ((strcmp(what, "trans_roll") && strcmp(what, "trans_commit")) || !c || !steps_left || --steps_left)
		return;
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
}

/* Clones in pieces: file 1 is file 0, 2 has every other run of 0 elsewhere, 3 parts of 2, 4 is a quiet twin. */
static int prepare(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);
	u32 b;

	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	uf_open(mp);
	for (b = 0; b < UF_SPAN; b += 10)
		CHECK(!uf_direct(&uf_files[0], b, 9, false));
	CHECK(!dx_alloc_file_space(uf_files[0].ip, 0, 30 * uf_bs));
	CHECK(!uf_clone(&uf_files[0], 0, &uf_files[1], 0, UF_SPAN));
	CHECK(!uf_clone(&uf_files[0], 0, &uf_files[4], 0, UF_SPAN));
	for (b = 0; b + 20 < UF_SPAN; b += 20)
		CHECK(!uf_clone(&uf_files[0], b, &uf_files[2], b + 7, 11));
	CHECK(!uf_clone(&uf_files[2], 5, &uf_files[3], 0, 100));
	uf_check(mp);
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

static int op_buffered(void) { return uf_write_pages(&uf_files[1], 3, 40) ?: uf_flush(&uf_files[1]); }
static int op_direct(void) { return uf_direct(&uf_files[2], 20, 30, false); }
static int op_single(void) { return uf_direct(&uf_files[1], 64, 1, false); }
static int op_clone(void) { return uf_clone(&uf_files[0], 4, &uf_files[3], 30, 50); }
static int op_clone_within(void) { return uf_clone(&uf_files[2], 0, &uf_files[2], 80, 40); }
static int op_clone_holes(void) { return uf_clone(&uf_files[2], 0, &uf_files[1], 0, 60); }
static int op_punch(void) { return uf_punch(&uf_files[1], 5, 60); }
static int op_truncate(void) { return uf_truncate(&uf_files[2], 30); }
static int op_collapse(void) { return uf_op(uf_files[0].ip->mp, 10, &uf_files[1], 11, 20); }

static int op_staged(void)
{
	int error = uf_direct(&uf_files[1], 70, 2, false);

	return error ?: dx_cow_cancel_all(uf_files[1].ip);
}

static int op_unlink(void)
{
	int error = uf_drop_name(uf_files[3].ip->mp, 3, uf_files[3].ip);

	uf_files[3].ip = NULL;
	memset(uf_files[3].disk, 0, sizeof(uf_files[3].disk));
	return error;
}

static const struct cut_op { const char *name; int (*fn)(void); u32 steps, moves; } cut_ops[] = {
	{ "a buffered write", op_buffered, 8 },
	{ "a direct write", op_direct, 8 },
	{ "a write of one block", op_single, 3 },
	{ "freeing what is staged", op_staged, 5 },
	{ "a clone", op_clone, 10 },
	{ "a clone within a file", op_clone_within, 5 },
	{ "a clone of holes", op_clone_holes, 10 },
	{ "a punch", op_punch, 5 },
	{ "a truncate", op_truncate, 6 },
	{ "a collapse", op_collapse, 5, .moves = 1 },
	{ "an unlink", op_unlink, 6 },
};

static int cut_op(void *arg)
{
	const struct cut_op *op = arg;
	int error;
	struct dx_mount *mp = uf_mount(&error);
	u32 i;

	if (!CHECK(mp))
		return error;
	uf_get(mp);
	for (i = 0; i < UF_FILES; i++)
		memcpy(was[i], uf_files[i].disk, sizeof(was[i]));
	uf_last_tag = 1u << 20;
	mp->trace = cut;
	CHECK(!op->fn());
	mp->trace = NULL;
	for (i = 0; i < UF_FILES; i++) {
		memcpy(will[i], uf_files[i].disk, sizeof(will[i]));
		if (uf_files[i].ip)
			dx_idrop(uf_files[i].ip);
	}
	return uv_umount(mp);
}

static int recover(void *arg)
{
	const struct cut_op *op = arg;
	int error;
	struct dx_mount *mp = uf_mount(&error);
	u32 i, b;

	if (!CHECK(mp))
		return error;
	uf_get(mp);
	for (i = 0; i < UF_FILES; i++) {
		/* a file whose blocks are moving shows anything of it, and a hole that is not closed yet */
		for (b = 0; b < UF_SPAN && (!op->moves || i != op->moves); b++) {
			u64 tag = uf_files[i].disk[b];

			if (tag == was[i][b] || tag == will[i][b])
				continue;
			printf("  file %u block %u shows 0x%llx, neither 0x%llx nor 0x%llx\n", i, b, (unsigned long long)tag,
			       (unsigned long long)was[i][b], (unsigned long long)will[i][b]);
			CHECK(!"old or new");
			break;
		}
	}
	uf_walk(mp);
	for (i = 0; i < UF_FILES; i++)
		if (uf_files[i].ip)
			dx_idrop(uf_files[i].ip);
	return uv_umount(mp);
}

static void cut_everywhere(const struct cut_op *op)
{
	char name[100];
	u32 n;
	int ret;

	snprintf(name, sizeof(name), "a power cut at each step of %s", op->name);
	host_test_begin(name);
	/* what it should be is known when it was done without */
	host_dev_snap_restore(uv_dev, snap);
	steps_left = 0;
	uf_seed = 1;
	host_init(1);
	CHECK_EQ(host_run(cut_op, (void *)op), 0);
	host_kill_world();
	CHECK(uv_repair_clean("whole"));
	for (n = 1; n < 400 && !host_checks_failed; n++) {
		u64 then[UF_FILES][UF_SPAN];

		memcpy(then, will, sizeof(then));
		host_dev_snap_restore(uv_dev, snap);
		steps_left = n;
		uf_seed = 1;
		host_init(n);
		ret = host_run(cut_op, (void *)op);
		host_kill_world();
		if (!ret)
			break;
		memcpy(will, then, sizeof(will));
		if (!CHECK_EQ(ret, HOST_CRASHED))
			break;
		host_dev_crash(uv_dev, n % 2 ? HOST_LOSE_ALL : n % HOST_CRASH_MODES, n);
		host_init(n);
		CHECK_EQ(host_run(recover, (void *)op), 0);
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		if (n % 8 == 1)
			CHECK(uv_repair_clean("cut"));
		if (host_checks_failed)
			printf("  at step %u\n", n);
	}
	CHECK(n > op->steps);
	printf("# %u steps\n", n - 1);
	host_test_end();
}

/* ---- nothing is free ---- */

static u64 avail(struct dx_mount *mp)
{
	struct dx_statfs st;

	dx_mount_statfs(mp, &st);
	return st.bavail;
}

static int when_full(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);
	struct dx_inode *ip, *twin, *filler;
	u32 nblocks = 6000, i, k, n = 0, order[6000];
	struct dx_mapped m;
	u64 done, step, off = 0, taken;

	(void)arg;
	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	dx_reserve_set(mp, 0);
	ip = uf_make(mp, 0);
	twin = uf_make(mp, 1);
	filler = uf_make(mp, 2);
	CHECK(!dx_iomap_alloc(ip, 0, nblocks, false, false, &m));
	nblocks = dx_irec_end(&m.rec);
	CHECK(!dx_iomap_write_unwritten(ip, 0, (u64)nblocks * uf_bs, (u64)nblocks * uf_bs));
	CHECK(!dx_reflink_remap(ip, 0, twin, 0, (u64)nblocks * uf_bs, &done));
	ip->d.flags2 |= DX_DIFLAG2_COWEXTSIZE;
	ip->d.cowextsize = 1;
	for (step = 4 << 20; step >= uf_bs; ) {
		if (avail(mp) < 4000)
			break;
		error = dx_alloc_file_space(filler, off, step);
		if (!error)
			off += step;
		else
			step /= 2;
	}
	CHECK(!dx_log_force(mp, true));
	for (i = 0; i < nblocks; i += 5) {
		dx_ilock(ip, DX_ILOCK_EXCL);
		error = dx_cow_reserve(ip, i, 1 + i % 3, &m);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (error)
			break;
		order[n++] = i;
	}
	CHECK_EQ(error, -ENOSPC);
	CHECK(n > 200);
	printf("# %u copies reserved, %llu blocks held, %llu free\n", n, (unsigned long long)atomic64_read(&mp->delalloc_resv),
	       (unsigned long long)avail(mp));
	for (i = n - 1; i; i--) {
		u32 t = order[i];

		k = uf_rnd(i + 1);
		order[i] = order[k];
		order[k] = t;
	}
	for (i = 0; i < n && !host_checks_failed; i++) {
		taken = avail(mp);
		if (taken && dx_mod_fdblocks(mp, -(s64)taken, false))
			taken = 0;
		/* in as many pieces as there are */
		for (k = order[i]; k < order[i] + 1 + order[i] % 3; k++) {
			CHECK(!dx_cow_convert_delalloc(ip, k, &m));
			CHECK(dx_irec_is_real(&m.rec));
		}
		dx_cow_submit(ip, order[i] * uf_bs, (1 + order[i] % 3) * uf_bs);
		CHECK(!dx_cow_end(ip, order[i] * uf_bs, (1 + order[i] % 3) * uf_bs));
		dx_mod_fdblocks(mp, taken, false);
	}
	CHECK(!dx_is_shutdown(mp));
	CHECK(ip->df.nextents >= 2 * n - 1);
	CHECK_EQ(dx_cow_blocks(ip), 0);
	CHECK_EQ(atomic64_read(&mp->delalloc_resv), 0);
	uf_walk(mp);
	dx_idrop(ip);
	dx_idrop(twin);
	dx_idrop(filler);
	return uv_umount(mp);
}

/* ---- what a clone costs ---- */

static u32 steps;

static void count_steps(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	steps += !strcmp(what, "trans_roll") || !strcmp(what, "trans_commit");
}

static u32 clone_steps(struct dx_mount *mp, struct dx_inode *src, struct dx_inode *dst, u32 n)
{
	u64 done;

	steps = 0;
	mp->trace = count_steps;
	CHECK(!dx_reflink_remap(src, 0, dst, 0, (u64)2 * n * uf_bs, &done));
	mp->trace = NULL;
	CHECK_EQ(dst->df.nextents, n);
	return steps;
}

/* As many transactions for each run, whether there are few or many, in the file or of those who share it. */
static int clone_cost(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);
	struct dx_inode *few, *many, *copy[8];
	u32 n = 300, i, first, last = 0, large;
	struct dx_mapped m;

	(void)arg;
	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	few = uf_make(mp, 0);
	many = uf_make(mp, 1);
	for (i = 0; i < 10 * n; i++) {
		if (i < n)
			CHECK(!dx_iomap_alloc(few, 2 * i, 1, false, false, &m));
		CHECK(!dx_iomap_alloc(many, 2 * i, 1, false, false, &m));
	}
	CHECK(!dx_iomap_write_unwritten(few, 0, 2 * n * uf_bs, 2 * n * uf_bs));
	CHECK(!dx_iomap_write_unwritten(many, 0, 20 * n * uf_bs, 20 * n * uf_bs));
	for (i = 0; i < ARRAY_SIZE(copy); i++) {
		copy[i] = uf_make(mp, 2 + i);
		last = clone_steps(mp, few, copy[i], n);
		if (!i)
			first = last;
	}
	large = clone_steps(mp, many, copy[0], 10 * n);
	printf("# %u steps for %u runs, %u with %u sharers, %u for %u runs\n", first, n, last, i + 1, large, 10 * n);
	CHECK(last <= first * 13 / 10);
	CHECK(large <= first * 13);
	/* the same once more: there is nothing to do */
	CHECK(clone_steps(mp, many, copy[0], 10 * n) < 10);
	uf_walk(mp);
	for (i = 0; i < ARRAY_SIZE(copy); i++)
		dx_idrop(copy[i]);
	dx_idrop(few);
	dx_idrop(many);
	return uv_umount(mp);
}

/* ---- copies side by side ---- */

static void set_hint(struct dx_inode *ip, u32 blocks)
{
	ip->d.flags2 |= DX_DIFLAG2_COWEXTSIZE;
	ip->d.cowextsize = blocks;
}

/* A copy of block @b, delayed or with blocks, is [from, end). */
static void expect_copy(struct dx_inode *ip, u32 b, bool direct, u32 from, u32 end)
{
	struct dx_mapped m;

	if (direct) {
		CHECK(!dx_cow_alloc(ip, b, 1, &m));
	} else {
		dx_ilock(ip, DX_ILOCK_EXCL);
		CHECK(!dx_cow_reserve(ip, b, 1, &m));
		dx_iunlock(ip, DX_ILOCK_EXCL);
	}
	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_cow_look(ip, from, end - from, &m));
	if (direct) {		/* only the block itself is written; around it, what is staged */
		CHECK_EQ(m.rec.startoff, from);
		CHECK(dx_irec_is_real(&m.rec));
		CHECK(!dx_cow_look(ip, end - 1, 1, &m));
		CHECK(dx_irec_is_real(&m.rec));
	} else {
		CHECK_EQ(m.rec.startoff, from);
		CHECK_EQ(dx_irec_end(&m.rec), end);
		CHECK(dx_irec_is_delay(&m.rec));
	}
	dx_iunlock(ip, DX_ILOCK_EXCL);
}

/* What is widened to the hint reaches to the next copy on either side, and neither over it nor behind the file's last block. */
static int side_by_side(void *arg)
{
	int error, direct;
	struct dx_mount *mp = uf_mount(&error);
	struct dx_inode *ip, *twin;
	struct dx_mapped m;
	u64 done;

	(void)arg;
	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	for (direct = 0; direct < 2; direct++) {
		ip = uf_make(mp, 2 * direct);
		twin = uf_make(mp, 2 * direct + 1);
		CHECK(!dx_iomap_alloc(ip, 0, 110, false, false, &m));
		CHECK_EQ(dx_irec_end(&m.rec), 110);
		CHECK(!dx_iomap_write_unwritten(ip, 0, 110 * uf_bs, 110 * uf_bs));
		CHECK(!dx_reflink_remap(ip, 0, twin, 0, 110 * uf_bs, &done));
		set_hint(ip, 1);
		expect_copy(ip, 40, direct, 40, 41);
		expect_copy(ip, 50, direct, 50, 51);
		set_hint(ip, 32);
		expect_copy(ip, 45, direct, 41, 50);
		expect_copy(ip, 35, direct, 32, 40);
		expect_copy(ip, 60, direct, 51, 64);
		expect_copy(ip, 100, direct, 96, 110);
		CHECK_EQ(dx_cow_blocks(ip), 32 + 14);
		uf_walk(mp);
		CHECK(!dx_cow_cancel_all(ip));
		CHECK_EQ(dx_cow_blocks(ip), 0);
		dx_idrop(ip);
		dx_idrop(twin);
	}
	return uv_umount(mp);
}

/* ---- what the logs of others promise ---- */

static void promise(struct dx_mount *mp, struct dx_trans *tp, struct dx_inode *ip, u32 type, const struct dx_irec *r)
{
	struct dx_map_extent e = {
		.me_owner = ip->ino, .me_startblock = r->startblock, .me_startoff = r->startoff, .me_len = r->blockcount,
		.me_flags = type | (r->state == DX_EXT_UNWRITTEN ? DX_BUI_UNWRITTEN : 0),
	};
	struct dx_defer_work *w;
	LIST_HEAD(works);

	CHECK(!dx_bmap_type.parse(mp, &e, &w));
	list_add_tail(&w->list, &works);
	dx_intent_log(tp, &dx_bmap_type, &works, 1);
	kfree(w);
}

/* File 0 is to have its first extent at another place; the same in file 1, which is unlinked and open. */
static int promise_all(void *arg)
{
	int error, i;
	struct dx_mount *mp = uf_mount(&error);
	struct dx_trans *tp;

	(void)arg;
	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	for (i = 0; i < 2; i++) {
		struct dx_inode *ip = uf_make(mp, i);
		struct dx_name n = { .name = (u8 *)uf_name(i), .len = 2, .ftype = DX_DIR3_FT_REG_FILE };
		struct dx_mapped m;
		struct dx_irec r;

		CHECK(!dx_iomap_alloc(ip, 0, 8, false, false, &m));
		CHECK(!dx_iomap_write_unwritten(ip, 0, 4 * uf_bs, 60 * uf_bs));
		if (i)
			CHECK(!dx_remove(mp->rootip, &n, ip));
		r = m.rec;
		r.blockcount = 4;
		r.state = DX_EXT_NORM;
		CHECK(!dx_trans_alloc(mp, DX_RESV_WRITE, 0, 0, &tp));
		r.startoff++;
		r.startblock++;
		r.blockcount = 2;	/* a cut in the middle */
		promise(mp, tp, ip, DX_BUI_UNMAP, &r);
		r.startoff = 50;
		promise(mp, tp, ip, DX_BUI_MAP, &r);
		/* and one that goes in two parts, for it is two extents */
		r = m.rec;
		r.startoff = 3;
		r.startblock += 3;
		r.blockcount = 2;
		promise(mp, tp, ip, DX_BUI_UNMAP, &r);
		r.startoff = 20;
		r.state = DX_EXT_UNWRITTEN;
		promise(mp, tp, ip, DX_BUI_MAP, &r);
		CHECK(!dx_trans_commit(tp));
	}
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
	return 0;
}

static int promised(void *arg)
{
	int error, i;
	struct dx_mount *mp = uf_mount(&error);
	static const struct { u32 off, len, dist, state; } want[] = {
		{ 0, 1, 0, DX_EXT_NORM }, { 5, 3, 5, DX_EXT_UNWRITTEN }, { 20, 2, 3, DX_EXT_UNWRITTEN }, { 50, 2, 1, DX_EXT_NORM },
	};
	struct dx_inode *ip;
	struct dx_iext_cur icur;
	struct dx_irec r;
	dx_fsbno_t first;
	bool more;

	(void)arg;
	if (!CHECK(mp))
		return error;
	ip = uf_look(mp, 0);
	CHECK(!uf_look(mp, 1));
	CHECK_EQ(ip->df.nextents, ARRAY_SIZE(want));
	CHECK_EQ(ip->d.nblocks, 8);
	more = dx_iext_first(&ip->df.ext, &icur, &r);
	first = r.startblock;
	for (i = 0; i < ARRAY_SIZE(want) && CHECK(more); i++, more = dx_iext_next(&ip->df.ext, &icur, &r)) {
		CHECK_EQ(r.startoff, want[i].off);
		CHECK_EQ(r.blockcount, want[i].len);
		CHECK_EQ(r.startblock, first + want[i].dist);
		CHECK_EQ(r.state, want[i].state);
	}
	uf_walk(mp);
	dx_idrop(ip);
	return uv_umount(mp);
}

static void intents_of_others(const struct uv_profile *p)
{
	u32 k;

	host_test_begin("changes of maps that a log promises");
	CHECK(!uv_make(p));
	host_init(1);
	CHECK_EQ(host_run(promise_all, NULL), HOST_CRASHED);
	host_kill_world();
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	snap = host_dev_snap_take(uv_dev);
	/* recovery is cut, too */
	for (k = 0; k < 40 && !host_checks_failed; k++) {
		int ret;

		host_dev_snap_restore(uv_dev, snap);
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
		if (k % 10 == 0)
			CHECK(uv_repair_clean("promised"));
	}
	host_dev_snap_free(snap);
	host_test_end();
}

/* ---- */

/* ---- beside each other ---- */

static dx_fsbno_t block_at(struct dx_inode *ip, u32 b)
{
	struct dx_mapped m;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_look(ip, b, 1, 0, &m));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return dx_irec_is_real(&m.rec) ? m.rec.startblock : DX_NULLFSBNO;
}

/* What was marked as written and never was, beside it a hole, and behind: a direct write over all three has all its blocks. */
static void marked_and_not_written(struct uf_file *f, struct uf_file *twin)
{
	struct dx_mapped m;

	CHECK(!dx_alloc_file_space(f->ip, 0, 64 * uf_bs));
	CHECK(!uf_direct(f, 0, 40, false));
	CHECK(!uf_direct(f, 60, 4, false));
	CHECK(!uf_clone(f, 0, twin, 0, 64));
	CHECK(!uf_direct(f, 61, 1, false));
	CHECK(!dx_cow_alloc(f->ip, 32, 8, &m));		/* its caller's memory is not there */
	CHECK(!uf_punch(f, 34, 3));
	CHECK(!uf_direct(f, 32, 32, false));
}

/* Direct I/O is in flight to a block of this file alone: no write to what is beside it brings a copy that frees that. */
static void not_shared(struct uf_file *f, struct uf_file *twin)
{
	static const u32 own[] = { 50, 63, 64 };	/* in front, behind, unwritten */
	dx_fsbno_t was[ARRAY_SIZE(own)];
	u32 i;

	CHECK(!uf_direct(f, 0, 64, false));
	CHECK(!dx_alloc_file_space(f->ip, 64 * uf_bs, 16 * uf_bs));
	CHECK(!uf_clone(f, 60, twin, 60, 3));
	for (i = 0; i < ARRAY_SIZE(own); i++)
		was[i] = block_at(f->ip, own[i]);
	CHECK(!uf_direct(f, 61, 1, false));
	CHECK(!uf_write_pages(f, 62, 1));
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		CHECK(!uf_direct(f, own[i], 1, false));
		CHECK_EQ(block_at(f->ip, own[i]), was[i]);
	}
	CHECK(!uf_flush(f));
}

/* The last free block goes to others between a write through the page cache and its writeback. */
static void last_block_gone(struct dx_mount *mp, struct uf_file *f, struct uf_file *twin)
{
	s64 n, others = 0;

	CHECK(!uf_direct(f, 0, 1, false));
	CHECK(!uf_direct(f, 31, 1, false));
	CHECK(!uf_clone(f, 0, twin, 0, 64));
	CHECK(!uf_write_pages(f, 0, 1));	/* a copy, and over the hole behind it, too */
	CHECK(!uf_write_pages(f, 32, 8));
	CHECK(!uf_write_pages(f, 1, 19));
	for (n = 1 << 20; n; n /= 2)
		while (!dx_mod_fdblocks(mp, -n, false))
			others += n;
	CHECK(!uf_flush(f));
	dx_mod_fdblocks(mp, others, false);
}

/* Who asks where there is data, before all is written, is told of copies over holes, and of nothing else. */
static void look_for_data(struct uf_file *f, struct uf_file *twin)
{
	u32 b, copies = 0;

	CHECK(!uf_direct(f, 0, 1, false));
	CHECK(!uf_direct(f, 60, 1, false));
	CHECK(!uf_clone(f, 0, twin, 0, 64));
	CHECK(!uf_write_pages(f, 0, 1));	/* the copy is widened over the hole */
	CHECK(!uf_write_pages(f, 5, 1));	/* into that */
	CHECK(!uf_write_pages(f, 40, 1));	/* and behind it */
	for (b = 0; b < 64; b++) {
		struct dx_mapped m, at;
		bool copy, one;

		dx_ilock(f->ip, DX_ILOCK_EXCL);
		CHECK(!dx_cow_look_for_data(f->ip, b, 64 - b, &m, &copy));
		CHECK_EQ(m.rec.startoff, b);
		CHECK(copy || !f->dirty[b] || !dx_irec_is_hole(&m.rec));
		CHECK(!copy || dx_irec_is_hole(&m.rec));
		CHECK_EQ(m.seq, dx_map_seq(f->ip));
		for (; b + 1 < dx_irec_end(&m.rec); b++, copies += copy) {	/* the same for all of it */
			CHECK(!dx_cow_look_for_data(f->ip, b + 1, 1, &at, &one));
			CHECK(one == copy && dx_irec_is_hole(&at.rec) == dx_irec_is_hole(&m.rec));
		}
		copies += copy;
		dx_iunlock(f->ip, DX_ILOCK_EXCL);
	}
	CHECK_EQ(copies, dx_cow_blocks(f->ip) - 1);
	CHECK(!uf_flush(f));
}

static int beside(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);
	u32 i, b;

	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	uf_open(mp);
	for (i = 0; i < UF_FILES; i++) {
		uf_files[i].ip->d.flags2 &= ~DX_DIFLAG2_COWEXTSIZE;
		uf_files[i].ip->d.cowextsize = 0;
	}
	marked_and_not_written(&uf_files[0], &uf_files[1]);
	not_shared(&uf_files[2], &uf_files[1]);
	last_block_gone(mp, &uf_files[3], &uf_files[1]);
	look_for_data(&uf_files[4], &uf_files[1]);
	CHECK(!dx_log_force(mp, true));
	for (i = 0; i < UF_FILES; i++)
		for (b = 0; b < UF_SPAN; b++) {
			dx_fsbno_t at = block_at(uf_files[i].ip, b);
			u64 tag = 0;

			if (at != DX_NULLFSBNO && uf_files[i].disk[b]) {
				host_dev_peek(uv_dev, dx_fsb_to_daddr(mp, at) << DX_BBSHIFT, &tag, 8);
				if (!CHECK_EQ(tag, uf_files[i].disk[b]))
					printf("  block %u of file %u\n", b, i);
			}
		}
	uf_close();
	return uv_umount(mp);
}

/* ---- who is faster between two looks ---- */

static dx_fsbno_t in_flight;
static u32 faster_block;		/* what the faster one writes */
static bool twin_goes;			/* after the file's other owner has gone */
static bool armed;

static int look_beside_copies(struct dx_inode *ip, u32 b, struct dx_mapped *m)
{
	int error;

	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_cow_look(ip, b, 1, m);
	if (!error && !dx_irec_is_hole(&m->rec))
		error = -EBUSY;
	if (!error)
		error = dx_bmap_look(ip, b, 1, 0, m);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

/* What a direct write of one block does before it is on its way: in_flight is where to, if that is not a copy. */
static int begin_direct(struct dx_inode *ip, u32 b)
{
	struct dx_mapped m;
	int error, tries = 0;

	do {
		error = dx_cow_alloc(ip, b, 1, &m);
		if (error || !dx_irec_is_hole(&m.rec))
			return error;
		error = look_beside_copies(ip, b, &m);
		if (error || dx_irec_is_real(&m.rec))
			continue;
		error = dx_iomap_alloc(ip, b, 1, false, false, &m);
		if (!error) {
			struct dx_mapped now;

			error = look_beside_copies(ip, b, &now);
		}
	} while (error == -EBUSY && ++tries < 64);
	if (!error)
		in_flight = m.rec.startblock + (b - m.rec.startoff);
	return error;
}

static int the_faster(void *arg)
{
	return (twin_goes ? uf_truncate(&uf_files[1], 0) : 0) ?: begin_direct(uf_files[0].ip, faster_block);
}

/* The slower one is between its looks: it holds no lock, and begins its transaction. */
static void let_pass(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if (!armed || strcmp(what, "trans_alloc"))
		return;
	armed = false;
	CHECK(!host_join(host_spawn(the_faster, NULL, "faster")));
}

static int the_slower(void *arg)
{
	struct dx_mapped m;

	return dx_cow_alloc(uf_files[0].ip, 61, 1, &m);
}

static int twin_truncated(void *arg)
{
	return uf_truncate(&uf_files[1], 0);
}

static struct dx_mount *three_shared(int *error, u32 from, u32 to)
{
	struct dx_mount *mp = uf_mount(error);
	u32 i;

	if (!CHECK(mp))
		return NULL;
	uf_bs = mp->sb.blocksize;
	uf_open(mp);
	for (i = 0; i < UF_FILES; i++) {
		uf_files[i].ip->d.flags2 &= ~DX_DIFLAG2_COWEXTSIZE;
		uf_files[i].ip->d.cowextsize = 0;
	}
	CHECK(!uf_direct(&uf_files[0], from, to - from, false));
	CHECK(!uf_direct(&uf_files[0], 100, 1, false));
	CHECK(!uf_clone(&uf_files[0], 60, &uf_files[1], 60, 3));
	in_flight = DX_NULLFSBNO;
	return mp;
}

static int close_all(struct dx_mount *mp)
{
	CHECK(!dx_cow_cancel_all(uf_files[0].ip));
	uf_close();
	return uv_umount(mp);
}

/* Whoever was faster is in flight to its block: no copy comes over it, so the next write there does not free it. */
static int faster_in_flight(void *arg)
{
	int error;
	struct dx_mount *mp = three_shared(&error, 60, 63);
	bool free = false;

	if (!mp)
		return error;
	mp->trace = let_pass;
	armed = true;
	CHECK(!host_join(host_spawn(the_slower, NULL, "slower")));
	CHECK(!armed);
	mp->trace = NULL;
	CHECK(!uf_direct(&uf_files[0], faster_block, 1, false));
	if (in_flight != DX_NULLFSBNO)
		CHECK(!dx_alloc_any_free(mp, in_flight, 1, &free));
	CHECK(!free);
	return close_all(mp);
}

/* The other owner goes at any moment of a copy being widened: it never covers what has always been this file's alone. */
static int twin_goes_meanwhile(void *arg)
{
	int error;
	struct dx_mount *mp = three_shared(&error, 0, 101);
	struct host_fiber *twin, *slower;
	struct dx_mapped m;
	u32 k;

	if (!mp)
		return error;
	host_set_preempt(3);
	twin = host_spawn(twin_truncated, NULL, "twin");
	for (k = 0; k < uf_seed % 40; k++)
		host_yield();
	slower = host_spawn(the_slower, NULL, "slower");
	CHECK(!host_join(slower));
	CHECK(!host_join(twin));
	host_set_preempt(0);
	dx_ilock(uf_files[0].ip, DX_ILOCK_EXCL);
	CHECK(!dx_cow_look(uf_files[0].ip, 50, 1, &m));
	dx_iunlock(uf_files[0].ip, DX_ILOCK_EXCL);
	CHECK(dx_irec_is_hole(&m.rec));
	return close_all(mp);
}

/* Read-only for a while, and read-write again: what is staged for a file in memory stays its own. */
static int read_only_for_a_while(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);
	struct dx_mapped m;
	bool free;
	u32 i;

	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	uf_open(mp);
	CHECK(!uf_direct(&uf_files[0], 0, 64, false));
	CHECK(!uf_clone(&uf_files[0], 0, &uf_files[1], 0, 64));
	CHECK(!uf_direct(&uf_files[0], 5, 1, false));
	CHECK(dx_cow_blocks(uf_files[0].ip) > 0);
	CHECK(!dx_mount_remount_ro(mp));
	CHECK(!dx_mount_remount_rw(mp));
	dx_ilock(uf_files[0].ip, DX_ILOCK_EXCL);
	CHECK(!dx_cow_look(uf_files[0].ip, 7, 20, &m));
	dx_iunlock(uf_files[0].ip, DX_ILOCK_EXCL);
	if (dx_irec_is_real(&m.rec)) {
		CHECK(!dx_alloc_any_free(mp, m.rec.startblock, 1, &free));
		CHECK(!free);
	}
	CHECK(!dx_log_force(mp, true));
	for (i = 2; i < UF_FILES; i++)
		CHECK(!uf_direct(&uf_files[i], 0, 150, false));
	CHECK(!uf_direct(&uf_files[0], 6, 20, false));
	CHECK(!dx_is_shutdown(mp));
	uf_check(mp);
	uf_walk(mp);
	CHECK(!dx_cow_cancel_all(uf_files[0].ip));
	uf_close();
	return uv_umount(mp);
}

/* The file is closed, and there is little memory, while the volume is read-only: what was staged goes when it is read-write again. */
static int closed_while_read_only(void *arg)
{
	int error;
	struct dx_mount *mp = three_shared(&error, 60, 63);

	if (!mp)
		return error;
	CHECK(!uf_direct(&uf_files[0], 61, 1, false));
	CHECK(dx_cow_blocks(uf_files[0].ip) > 0);
	CHECK(!dx_mount_remount_ro(mp));
	uf_close();
	dx_icache_scan(mp, 1000);
	CHECK(!dx_mount_remount_rw(mp));
	return uv_umount(mp);
}

/* At a limit one block is one block, not what it is widened to; and who gets it is not told that he had too much. */
static int at_a_limit(void *arg)
{
	struct dx_quota_change c = { .blk_set = DX_QSET_HARD };
	struct dx_setattr sa = { .valid = DX_ATTR_UID, .uid = 1000 };
	struct dx_quota_rec rec;
	int error;
	struct dx_mount *mp = uf_mount(&error);
	struct uf_file *f = &uf_files[0];
	u32 i;

	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	uf_open(mp);
	CHECK(!dx_setattr_nosize(f->ip, &sa, false));
	CHECK(!uf_direct(f, 0, 64, false));
	CHECK(!uf_clone(f, 0, &uf_files[1], 0, 64));
	CHECK(!dx_quota_get(mp, DX_QUSER, 1000, &rec));
	c.blk.hard = rec.blk.used + 20;
	CHECK(!dx_quota_set(mp, DX_QUSER, 1000, &c));
	for (i = 0; i < 8; i++)
		CHECK(!(i % 2 ? uf_write_pages(f, 5 * i, 1) : uf_direct(f, 5 * i, 1, false)));
	CHECK(!uf_flush(f));
	CHECK(!dx_quota_get(mp, DX_QUSER, 1000, &rec));
	CHECK(rec.blk.used <= c.blk.hard);
	CHECK(!dx_cow_cancel_all(f->ip));
	uf_close();
	return uv_umount(mp);
}

/* ---- a file that has more blocks than the volume ---- */

#define FEW_BLOCKS	8192u	/* cloned onto its own tail, again and again */

static int clone_often(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);
	u64 len, done;
	struct dx_inode *ip;

	(void)arg;
	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	ip = uf_make(mp, 0);
	len = (u64)FEW_BLOCKS * uf_bs;
	CHECK(!dx_alloc_file_space(ip, 0, len));
	CHECK(!dx_iomap_write_unwritten(ip, 0, len, len));
	for (; ip->d.nblocks <= dx_dblocks(mp) && !host_checks_failed; len *= 2) {
		CHECK(!dx_reflink_remap(ip, 0, ip, len, len, &done));
		CHECK(!dx_iomap_setsize(ip, 2 * len));
	}
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
	return 0;
}

/* The first time what the log says is read, and what is on disk, the second time. */
static int cloned_often(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);
	bool last = *(bool *)arg;
	struct dx_quota_rec rec;
	struct dx_istat st;
	struct dx_inode *ip;

	if (!CHECK(mp))
		return error;
	ip = uf_look(mp, 0);
	if (CHECK(ip)) {
		CHECK(ip->d.nblocks > dx_dblocks(mp));
		CHECK(!dx_quota_get(mp, DX_QUSER, 0, &rec));
		CHECK(rec.blk.used > dx_dblocks(mp));
		CHECK(!dx_istat(mp, ip->ino, &st));
		CHECK_EQ(st.blocks, ip->d.nblocks);
		uf_walk(mp);
		if (last) {
			CHECK(!uf_drop_name(mp, 0, ip));
			uf_walk(mp);
		} else {
			dx_idrop(ip);
		}
		CHECK(!uv_check_quota(mp));
	}
	return uv_umount(mp);
}

static void many_times_one_block(const struct uv_profile *p)
{
	bool last;
	int i;

	host_test_begin("a file has more blocks than the volume");
	CHECK(!uv_make(p));
	uv_quota = DX_UQUOTA_ACCT;
	host_init(1);
	CHECK_EQ(host_run(clone_often, NULL), HOST_CRASHED);
	host_kill_world();
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	for (i = 0; i < 3 && !host_checks_failed; i++) {
		last = i == 2;
		host_init(1);
		CHECK_EQ(host_run(cloned_often, &last), 0);
		host_kill_world();
		CHECK_EQ(host_warn_count, 0);
		CHECK(uv_repair_clean("cow"));
	}
	uv_quota = 0;
	host_test_end();
}

static const struct uv_profile volumes[] = {
	{ "1 KiB blocks, rmapbt", "--unsupported -b size=1024 -d agcount=2 -l size=14m -m rmapbt=1,reflink=1", 80 },
	{ "1 KiB blocks", "--unsupported -b size=1024 -d agcount=3 -l size=14m -m rmapbt=0,reflink=1", 80 },
};

static void run(const char *what, const struct uv_profile *p, int (*fn)(void *arg), u64 s)
{
	char name[160];

	snprintf(name, sizeof(name), "%s (%s)", what, p->name);
	uf_seed = s;
	if (!host_test(name, s, fn, NULL))
		return;
	host_test_begin("... and xfs_repair is content");
	CHECK(uv_repair_clean("cow"));
	host_test_end();
}

static void races(const struct uv_profile *p, u64 s)
{
	u64 k;

	if (!CHECK(!uv_make(p)))
		return;
	snap = host_dev_snap_take(uv_dev);
	twin_goes = false;
	faster_block = 50;
	run("a hole is filled while a copy is widened over it", p, faster_in_flight, s);
	host_dev_snap_restore(uv_dev, snap);
	twin_goes = true;
	faster_block = 61;
	run("shared no more while it is copied", p, faster_in_flight, s);
	for (k = 0; k < 60 && !host_checks_failed; k++) {
		host_dev_snap_restore(uv_dev, snap);
		run("shared no more while a copy is widened", p, twin_goes_meanwhile, s + k);
	}
	host_dev_snap_free(snap);
}

int main(int argc, char **argv)
{
	u64 s = argc > 1 ? atoll(argv[1]) : 1;
	u32 i, k;

	ops_wanted = argc > 2 ? atoi(argv[2]) : 500;
	uv_setup("t_cow");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		if (uv_make(&volumes[i]))
			return 1;
		run("random operations", &volumes[i], random_ops, s + i);
		if (uv_make(&volumes[i]))
			return 1;
		run("nothing is free", &volumes[i], when_full, s);
		if (uv_make(&volumes[i]))
			return 1;
		run("the cost of a clone is that of its runs", &volumes[i], clone_cost, s);
		if (uv_make(&volumes[i]))
			return 1;
		run("copies side by side", &volumes[i], side_by_side, s);
		if (uv_make(&volumes[i]))
			return 1;
		run("copies beside what is in flight", &volumes[i], beside, s);
		if (uv_make(&volumes[i]))
			return 1;
		run("copies of a volume that is read-only for a while", &volumes[i], read_only_for_a_while, s);
		if (uv_make(&volumes[i]))
			return 1;
		run("copies of a file closed while the volume is read-only", &volumes[i], closed_while_read_only, s);
		if (uv_make(&volumes[i]))
			return 1;
		uv_quota = DX_UQUOTA_ACCT | DX_UQUOTA_ENFD;
		run("copies at a limit", &volumes[i], at_a_limit, s);
		uv_quota = 0;
		if (uv_make(&volumes[i]))
			return 1;
		run("clones to cut", &volumes[i], prepare, s);
		snap = host_dev_snap_take(uv_dev);
		for (k = 0; k < ARRAY_SIZE(cut_ops); k++)
			cut_everywhere(&cut_ops[k]);
		host_dev_snap_free(snap);
		intents_of_others(&volumes[i]);
		many_times_one_block(&volumes[i]);
		races(&volumes[i], s);
	}
	uv_teardown();
	return host_test_exit();
}
