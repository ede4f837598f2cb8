// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deferred work of several kinds in one chain: two that only this program knows, in the form of CUI and BUI, and
 * frees of extents.  A work of ours writes a digit behind those that are there, into the part of an AGFL that nobody uses, in any of
 * several parts, and may add another work.  So the digits tell in which order all was done, and that each part was done
 * once: also when the machine stops at any write, and recovery does the rest, and stops, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_log_int.h"
#include "dx_alloc.h"

#define NOTES	40		/* slot of the AGFL: how many digits, then they */
#define AGNO	1		/* frees are in AG 0 */

struct op { u32 digit, parts, adds, quiet; };
struct op_work { struct dx_defer_work work; struct op op; };

static const struct dx_defer_type kind_a, kind_b;
static bool forced;		/* the log is forced before each part: a crash can come between any two */
static u64 worst_used;		/* log space from tail to head while a quiet work was at it */
static unsigned int parts_done;
static dx_ino_t root;
static struct host_dev_snap *snap;

static void add(struct dx_trans *tp, const struct dx_defer_type *kind, u32 digit, u32 parts, u32 adds, u32 quiet)
{
	struct op_work *w = kzalloc(sizeof(*w), GFP_NOFS | __GFP_NOFAIL);

	w->op = (struct op){ digit, parts, adds, quiet };
	dx_defer_add(tp, kind, &w->work);
}

/* In the log all of it is in fields that a CUI or BUI can have. */
static u32 op_pack(const struct op *op)
{
	return 100 + op->digit + 10 * op->adds + 100 * op->quiet;
}

static void op_unpack(struct op *op, u64 v, u32 parts)
{
	*op = (struct op){ .digit = v % 10, .adds = v / 10 % 10, .quiet = v / 100 - 1, .parts = parts };
}

struct phys_extent { u64 start; u32 len, flags; };

static void cui_format(const struct dx_defer_work *work, void *to)
{
	const struct op *op = &container_of(work, struct op_work, work)->op;
	struct phys_extent *e = to;

	*e = (struct phys_extent){ op_pack(op), op->parts, 1 };
}

static int cui_parse(struct dx_mount *mp, const void *from, struct dx_defer_work **workp)
{
	struct op_work *w = kzalloc(sizeof(*w), GFP_NOFS | __GFP_NOFAIL);
	const struct phys_extent *e = from;

	op_unpack(&w->op, e->start, e->len);
	*workp = &w->work;
	return w->op.parts ? 0 : dx_corrupt(mp, "work of a test", 0, "no parts");
}

static void bui_format(const struct dx_defer_work *work, void *to)
{
	const struct op *op = &container_of(work, struct op_work, work)->op;
	struct dx_map_extent *e = to;

	*e = (struct dx_map_extent){ .me_owner = root, .me_startblock = 100, .me_startoff = op_pack(op), .me_len = op->parts,
				     .me_flags = DX_BUI_MAP };
}

static int bui_parse(struct dx_mount *mp, const void *from, struct dx_defer_work **workp)
{
	struct op_work *w = kzalloc(sizeof(*w), GFP_NOFS | __GFP_NOFAIL);
	const struct dx_map_extent *e = from;

	op_unpack(&w->op, e->me_startoff, e->me_len);
	*workp = &w->work;
	return w->op.parts ? 0 : dx_corrupt(mp, "work of a test", 0, "no parts");
}

static int op_finish(struct dx_trans *tp, struct dx_defer_work *work)
{
	struct op *op = &container_of(work, struct op_work, work)->op;
	struct dx_mount *mp = tp->t_mp;
	struct dx_log_stats st;
	struct dx_agfl *l;
	struct dx_buf *bp;
	u32 n;
	int error = forced ? dx_log_force(mp, true) : 0;

	if (!error)
		error = dx_agfl_read(mp, tp, AGNO, &bp);
	if (error)
		return error;
	l = bp->b_addr;
	n = be32_to_cpu(l->agfl_bno[NOTES]);
	n = n == DX_NULLAGBNO ? 0 : n;
	if (!op->quiet || op->parts == 1) {
		l->agfl_bno[NOTES + 1 + n] = cpu_to_be32(op->digit);
		l->agfl_bno[NOTES] = cpu_to_be32(n + 1);
	}
	dx_trans_log_buf(tp, bp, 0, mp->sb.sectsize - 1);
	dx_log_get_stats(mp, &st);
	if (op->quiet)
		worst_used = max(worst_used, st.used_bytes);
	parts_done++;
	if (--op->parts)
		return -EAGAIN;
	if (op->adds)
		add(tp, op->adds > 4 ? &kind_b : &kind_a, op->adds, 1, 0, 0);
	return 0;
}

static const struct dx_defer_type kind_a = {
	.name = "work of a test", .li_type = DX_LI_CUI, .resv = DX_RESV_EFI_FINISH, .most = 3, .a_go = 2,
	.work_bytes = DX_PHYS_EXTENT_BYTES, .format = cui_format, .parse = cui_parse, .finish = op_finish,
};
static const struct dx_defer_type kind_b = {
	.name = "other work of a test", .li_type = DX_LI_BUI, .resv = DX_RESV_EFI_FINISH, .most = 1, .a_go = 1,
	.work_bytes = DX_RMAP_EXTENT_BYTES, .format = bui_format, .parse = bui_parse, .finish = op_finish,
};

static struct dx_mount *note_root(struct dx_mount *mp)
{
	if (mp)
		root = mp->rootip->ino;
	return mp;
}

static struct dx_mount *mount(int *error)
{
	/* the world's end makes the core forget them */
	dx_defer_register(&kind_a);
	dx_defer_register(&kind_b);
	return note_root(uv_mount(error));
}

/* The digits that there are. */
static const char *notes(void)
{
	static char text[128];
	static u8 sect[512];
	u8 *p;
	u32 i, n;

	/* of the super block: sb_agblocks, sb_blocksize */
	host_dev_peek(uv_dev, 0, sect, sizeof(sect));
	host_dev_peek(uv_dev, (u64)get_unaligned_be32(sect + 84) * get_unaligned_be32(sect + 4) * AGNO + 3 * 512, sect, sizeof(sect));
	p = sect + offsetof(struct dx_agfl, agfl_bno) + NOTES * 4;
	n = get_unaligned_be32(p);
	n = n == DX_NULLAGBNO ? 0 : min(n, 100u);
	for (i = 0; i < n; i++)
		text[i] = '0' + get_unaligned_be32(p + 4 + i * 4) % 10;
	text[n] = 0;
	return text;
}

static bool notes_are(const char *want)
{
	bool ok = CHECK(!strcmp(notes(), want));

	if (!ok)
		printf("  %s, not %s\n", notes(), want);
	return ok;
}

/*
 * After a crash all of it, each once.  What recovery finds at the same time it begins in that order, and then goes on with
 * each; so those of one intent and of its rest keep their order, and others may come between.
 */
static bool notes_are_mixed(const char *const *threads)
{
	const char *got = notes(), *p;
	size_t len = 0;
	bool ok = true;

	for (; *threads; threads++) {
		const char *want = *threads;

		for (p = got; *p; p++)
			if (*p == *want)
				want++;
		ok &= !*want;
		len += want - *threads;
	}
	ok &= strlen(got) == len;
	if (!ok)
		printf("  %s\n", got);
	return CHECK(ok);
}

/* ---- what is done ---- */

#define NFREE	10
static dx_fsbno_t blocks[NFREE];
static u64 fdblocks;

/* Blocks that nobody has, no two of them neighbours. */
static int take_fiber(void *arg)
{
	struct dx_trans *tp;
	int error, i;
	struct dx_mount *mp = mount(&error);

	if (!CHECK(mp))
		return error;
	for (i = 0; i < NFREE; i++) {
		struct dx_alloc_arg a = { .mp = mp, .type = DX_ALLOC_NEAR, .minlen = 2, .maxlen = 2, .prod = 1, .alignment = 1,
					  .fsbno = dx_agb_to_fsb(mp, 0, 200 + 10 * i) };

		CHECK(!dx_trans_alloc(mp, DX_RESV_WRITE, 2, 0, &tp));
		a.tp = tp;
		CHECK(!dx_alloc_extents(&a));
		CHECK(a.fsbno != DX_NULLFSBNO);
		blocks[i] = a.fsbno;
		CHECK(!dx_trans_commit(tp));
	}
	fdblocks = percpu_counter_sum(&mp->fdblocks);
	return uv_umount(mp);
}

/*
 * Of the first intent of A the works 1 and 2 are done in a go, 3 in the next; all ten frees are one intent; B's 5 takes three
 * goes, and what 6 adds comes before the 7 behind it.
 */
#define ORDER	"1235556478"
static const char *const threads[] = { "123", "555", "64", "7", "8", NULL };

static int chain_fiber(void *arg)
{
	struct dx_trans *tp;
	int error, i;
	struct dx_mount *mp = mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp));
	add(tp, &kind_a, 1, 1, 0, 0);
	add(tp, &kind_a, 2, 1, 0, 0);
	add(tp, &kind_a, 3, 1, 0, 0);
	for (i = 0; i < NFREE; i++)
		CHECK(!dx_defer_free(tp, blocks[i], 2, false));
	add(tp, &kind_b, 5, 3, 0, 0);
	add(tp, &kind_b, 6, 1, 4, 0);
	add(tp, &kind_b, 7, 1, 0, 0);
	add(tp, &kind_a, 8, 1, 0, 0);
	error = dx_trans_commit(tp);
	CHECK_EQ(error, 0);
	CHECK_EQ(percpu_counter_sum(&mp->fdblocks), fdblocks + 2 * NFREE);
	return uv_umount(mp);
}

static int order(void)
{
	host_dev_snap_restore(uv_dev, snap);
	host_init(1);
	CHECK_EQ(host_run(chain_fiber, NULL), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	return notes_are(ORDER) && CHECK(uv_repair_clean("order"));
}

static int remount_fiber(void *arg)
{
	int error, *free_now = arg;
	struct dx_mount *mp = mount(&error);

	if (!mp)
		return error;
	*free_now = percpu_counter_sum(&mp->fdblocks) - fdblocks;
	return uv_umount(mp);
}

/* Stop at each write of what @load does; then, at some, at a write of recovery, too. */
static void crashes(int (*load)(void *arg), const char *const *want)
{
	unsigned int points = 0, twice = 0, none = 0, nth, when, k, again;
	int ret = HOST_CRASHED, freed = 0;
	u64 seed = 7;

	for (nth = 1; ret == HOST_CRASHED; nth++) {
		for (k = 0; k < 2 * HOST_CRASH_MODES && !host_checks_failed; k++) {
			enum host_crash_mode mode = k / 2;

			when = k % 2;
			host_dev_snap_restore(uv_dev, snap);
			host_init(nth);
			host_dev_crash_at(uv_dev, nth, when);
			ret = host_run(load, NULL);
			host_dev_crash_at(uv_dev, 0, when);
			host_kill_world();
			if (ret != HOST_CRASHED)
				break;
			points++;
			host_dev_crash(uv_dev, mode, nth);
			for (again = 1; (nth + k) % 3 == 0 && again < 4; again++) {
				host_init(nth + again);
				host_dev_crash_at(uv_dev, 1 + uv_rand(&seed) % 25, when);
				ret = host_run(remount_fiber, &freed);
				host_dev_crash_at(uv_dev, 0, when);
				host_kill_world();
				if (ret != HOST_CRASHED)
					break;
				twice++;
				host_dev_crash(uv_dev, uv_rand(&seed) % HOST_CRASH_MODES, nth + again);
			}
			ret = HOST_CRASHED;
			host_init(nth);
			if (!CHECK_EQ(host_run(remount_fiber, &freed), 0))
				printf("%s", host_log());
			CHECK_EQ(host_warn_count, 0);
			CHECK_EQ(host_live_allocs(true), 0);
			host_kill_world();
			if (!notes()[0]) {
				none++;
				CHECK_EQ(freed, 0);
				continue;
			}
			notes_are_mixed(want);
			CHECK_EQ(freed, 2 * NFREE);
			if (nth % 8 == 0 && !k)
				CHECK(uv_repair_clean("crash"));
			if (host_checks_failed)
				printf("  at write %u, %s, mode %d\n", nth, when ? "completed" : "submitted", mode);
		}
		if (host_checks_failed)
			break;
	}
	CHECK_EQ(ret, 0);
	CHECK(points > 100 && none > 2 && none < points / 2 && twice > 20);
	printf("# %u crash points, %u of them before the first was durable, %u crashes in recovery\n", points, none, twice);
}

/* Promised, and the machine stops: nobody has begun. */
static int promise_fiber(void *arg)
{
	struct dx_trans *tp;
	int error, i;
	struct dx_mount *mp = mount(&error);

	if (!CHECK(mp))
		return error;
	for (i = 0; i < 3; i++) {
		CHECK(!dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp));
		if (i == 0) {
			add(tp, &kind_a, 1, 1, 9, 0);
			add(tp, &kind_a, 2, 2, 0, 0);
			dx_intent_log(tp, &kind_a, &tp->t_defer, 2);
		} else if (i == 1) {
			int k;

			for (k = 0; k < NFREE; k++)
				CHECK(!dx_defer_free(tp, blocks[k], 2, false));
			dx_intent_log(tp, &dx_extfree_type, &tp->t_defer, NFREE);
		} else {
			add(tp, &kind_b, 3, 1, 0, 0);
			dx_intent_log(tp, &kind_b, &tp->t_defer, 1);
		}
		dx_defer_cancel(tp);
		CHECK(!dx_trans_commit(tp));
	}
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
	return 0;
}

/* Each of those that were found has a turn before anything that these add or leave; 9 comes before the rest of 2. */
#define FOUND	"12392"

static int capture(void)
{
	int freed = 0;

	host_dev_snap_restore(uv_dev, snap);
	host_init(1);
	CHECK_EQ(host_run(promise_fiber, NULL), HOST_CRASHED);
	host_kill_world();
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	host_init(1);
	CHECK_EQ(host_run(remount_fiber, &freed), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	CHECK_EQ(freed, 2 * NFREE);
	return notes_are(FOUND) && CHECK(uv_repair_clean("found"));
}

/* A work that takes as many goes as fill the log several times, and others that wait behind it. */
static int long_fiber(void *arg)
{
	struct dx_trans *tp;
	int error;
	struct dx_mount *mp = mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp));
	add(tp, &kind_a, 1, *(unsigned int *)arg, 0, 1);
	add(tp, &kind_b, 5, 1, 0, 0);
	CHECK(!dx_defer_free(tp, blocks[0], 2, false));
	add(tp, &kind_b, 6, 1, 0, 0);
	CHECK(!dx_trans_commit(tp));
	printf("# log of %llu KiB, at most %llu in use while %llu were written\n",
	       (unsigned long long)dx_log_size_bb(mp) / 2, (unsigned long long)worst_used >> 10,
	       (unsigned long long)atomic64_read(&mp->log->st_bytes) >> 10);
	CHECK(atomic64_read(&mp->log->st_bytes) > 2 * ((u64)dx_log_size_bb(mp) << DX_BBSHIFT));
	CHECK(worst_used < ((u64)dx_log_size_bb(mp) << DX_BBSHIFT) / 2);
	return uv_umount(mp);
}

static int long_chain(unsigned int parts)
{
	host_dev_snap_restore(uv_dev, snap);
	host_init(0);
	CHECK_EQ(host_run(long_fiber, &parts), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	return notes_are("156");
}

int main(void)
{
	static const struct uv_profile small = { "small log", "--unsupported -d agcount=2 -l size=1400b -m reflink=1", 64 };

	uv_setup("t_defer");
	host_test_begin("a volume with blocks to free");
	if (CHECK(!uv_make(&small))) {
		host_init(0);
		CHECK_EQ(host_run(take_fiber, NULL), 0);
		host_kill_world();
		snap = host_dev_snap_take(uv_dev);
	}
	if (!host_test_end())
		return 1;
	host_test_begin("kinds are done in their order, partly, and what they add first");
	order();
	host_test_end();
	forced = true;
	host_test_begin("a crash at each write of a chain");
	crashes(chain_fiber, threads);
	host_test_end();
	host_test_begin("intents that recovery finds have a turn before what they leave and add");
	capture();
	host_test_end();
	host_test_begin("a chain that is longer than the log");
	long_chain(7500);
	host_test_end();
	host_dev_snap_free(snap);
	uv_teardown();
	return host_test_exit();
}
