// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two files that give each other all that they map (XFS_IOC_SWAPEXT), on each kind of volume that does it in its own way: with exchange,
 * with rmapbt, with neither.  Forks of all forms in inodes with and without attributes; delayed extents, copies on write, blocks
 * that others share, preallocation behind the end; a crash at each write, a power cut behind each transaction, a failure of each read
 * and write: with exchange or without rmapbt all is as it was, or all as it shall be; with rmapbt each block is.
 * And what a log of the stock filesystem asks for (owners that change), of btrees that are not there any more.
 *
 *	t_swapext SEED VOLUME	another one; only volumes with this word in their names
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

enum how { EXCHANGE, RUNS, FORKS };

static const struct volume {
	struct uv_profile p;
	enum how how;
} volumes[] = {
	{ { "neither", "--unsupported -b size=1024 -d agcount=2 -l size=14m -m rmapbt=0,reflink=0", 80 }, FORKS },
	{ { "reflink", "--unsupported -b size=1024 -d agcount=2 -l size=14m -m rmapbt=0,reflink=1 -i nrext64=1", 80 }, FORKS },
	{ { "rmapbt", "--unsupported -b size=1024 -d agcount=2 -l size=18m -m rmapbt=1,reflink=1", 100 }, RUNS },
	{ { "exchange", "--unsupported -b size=1024 -d agcount=2 -l size=18m -m rmapbt=1,reflink=1", 100 }, EXCHANGE },
};
static const struct volume *vol;
static struct host_dev_snap *snap;

static bool repair_clean(const char *tag)
{
	bool ok;

	if (vol->how == EXCHANGE)
		uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, false);
	ok = uv_repair_clean(tag);
	if (vol->how == EXCHANGE)
		uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, true);
	return ok;
}

static struct dx_mount *begin(void)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);

	if (CHECK(mp))
		uf_bs = mp->sb.blocksize;
	return mp;
}

/* ---- what a file maps ---- */

#define MOST	2400u
struct map { u32 n; u64 size, nblocks; u8 format; bool shares; struct dx_irec r[MOST]; };

static void take(struct dx_inode *ip, struct map *m)
{
	struct dx_iext_cur icur;
	struct dx_irec r;
	bool more;

	memset(m, 0, sizeof(*m));
	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_iread_extents(NULL, ip, DX_DATA_FORK));
	for (more = dx_iext_first(&ip->df.ext, &icur, &r); more; more = dx_iext_next(&ip->df.ext, &icur, &r))
		if (dx_irec_is_real(&r) && CHECK(m->n < MOST))
			m->r[m->n++] = r;
	m->size = ip->d.size;
	m->nblocks = ip->d.nblocks;
	m->format = ip->df.format;
	m->shares = dx_inode_shares(ip);
	CHECK_EQ(m->n, ip->df.nextents);
	dx_iunlock(ip, DX_ILOCK_EXCL);
}

/* Block and state at @off; 0: a hole. */
static u64 at(const struct map *m, u64 off)
{
	u32 i;

	for (i = 0; i < m->n && m->r[i].startoff <= off; i++)
		if (off < dx_irec_end(&m->r[i]))
			return (m->r[i].startblock + off - m->r[i].startoff) * 2 + m->r[i].state;
	return 0;
}

static bool same_map(const struct map *a, const struct map *b)
{
	return a->n == b->n && a->size == b->size && !memcmp(a->r, b->r, a->n * sizeof(a->r[0]));
}

static struct map was[2], is[2];

static bool is_as_it_was(void) { return same_map(&is[0], &was[0]) && same_map(&is[1], &was[1]); }
static bool is_swapped(void) { return same_map(&is[0], &was[1]) && same_map(&is[1], &was[0]); }

/* Behind the ends nothing moves but with the forks. */
static bool each_block_is_whole(void)
{
	u64 off, end = was[0].size / uf_bs;

	for (off = 0; off < 2 * end; off++) {
		u64 a = at(&is[0], off), b = at(&is[1], off), a0 = at(&was[0], off), b0 = at(&was[1], off);

		if (!(a == a0 && b == b0) && !(off < end && a == b0 && b == a0))
			return false;
	}
	return true;
}

static bool each_block_is_swapped(void)
{
	u64 off, end = was[0].size / uf_bs;

	for (off = 0; off < 2 * end; off++) {
		bool there = off < end;

		if (at(&is[0], off) != at(&was[there], off) || at(&is[1], off) != at(&was[!there], off))
			return false;
	}
	return true;
}

static int swap_them(struct uf_file *a, struct uf_file *b)
{
	u64 t;
	u32 i;
	int error = uf_flush(a) ?: uf_flush(b) ?: dx_swapext(a->ip, b->ip, a->ip->d.size);

	for (i = 0; !error && i < UF_SPAN; i++) {
		t = a->disk[i];
		a->disk[i] = b->disk[i];
		b->disk[i] = t;
	}
	return error;
}

static void size_to(struct uf_file *f, u32 blocks)
{
	f->size = blocks;
	CHECK(!dx_iomap_setsize(f->ip, (u64)blocks * uf_bs));
}

/* ---- forms of forks ---- */

/* @n extents of a block, from the beginning on; each second one is written. */
static void pieces(struct uf_file *f, u32 n, u32 size)
{
	u32 i;

	for (i = 0; i < n; i++) {
		if (i % 2)
			CHECK(!uf_direct(f, 2 * i, 1, false));
		else
			CHECK(!dx_alloc_file_space(f->ip, (u64)2 * i * uf_bs, uf_bs));
	}
	size_to(f, size);
}

/* Inline, and btrees of a leaf and of two; attributes in neither, in one, in both. */
static int forms(void *arg)
{
	static const u32 extents[] = { 0, 1, 9, 24, 70 };
	u32 i, k, attr, done = 0, refused = 0;
	struct dx_mount *mp = begin();
	struct uf_file *a = &uf_files[0], *b = &uf_files[1];

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	for (i = 0; i < ARRAY_SIZE(extents); i++) {
		for (k = 0; k < ARRAY_SIZE(extents); k++) {
			for (attr = 0; attr < 4 && !host_checks_failed; attr++) {
				u64 sum;
				int error;

				CHECK(!uf_drop_name(mp, 0, a->ip) && !uf_drop_name(mp, 1, b->ip));
				memset(a, 0, sizeof(*a));
				memset(b, 0, sizeof(*b));
				a->ip = uf_make(mp, 0);
				b->ip = uf_make(mp, 1);
				pieces(a, extents[i], 150);
				pieces(b, extents[k], 150);
				if (attr & 1)
					CHECK(!dx_add_attr_fork(a->ip, 40, false));
				if (attr & 2)
					CHECK(!dx_add_attr_fork(b->ip, 40, false));
				take(a->ip, &was[0]);
				take(b->ip, &was[1]);
				sum = was[0].nblocks + was[1].nblocks;
				error = swap_them(a, b);
				take(a->ip, &is[0]);
				take(b->ip, &is[1]);
				CHECK(error ? is_as_it_was() : is_swapped());
				CHECK(error == 0 || error == -EINVAL);
				if (extents[i] < extents[k])
					CHECK_EQ(error, -EINVAL);
				else if (vol->how != FORKS || !attr || attr == 3 || extents[i] == extents[k])
					CHECK_EQ(error, extents[i] == extents[k] && vol->how == FORKS && attr % 3 &&
						 extents[i] == 24 ? error : 0);
				done += !error;
				refused += !!error;
				if (vol->how == FORKS)
					CHECK_EQ(is[0].nblocks + is[1].nblocks, sum);
				uf_check(mp);
				if (host_checks_failed)
					printf("  %u and %u extents, attributes %u: %d\n", extents[i], extents[k], attr, error);
			}
		}
	}
	printf("# %u swapped, %u refused\n", done, refused);
	uf_walk(mp);
	uf_close();
	dx_icache_flush_inactive(mp);
	return uv_umount(mp);
}

/* At the edge of what fits into the inode a map goes into a btree and back with each run. */
static int edge(void *arg)
{
	struct dx_mount *mp = begin();
	struct uf_file *a = &uf_files[0], *b = &uf_files[1];
	u32 most, i, k;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	most = dx_fork_inline_max(a->ip, DX_DATA_FORK);
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 8 && !host_checks_failed; k++) {
			CHECK(!uf_drop_name(mp, 0, a->ip) && !uf_drop_name(mp, 1, b->ip));
			memset(a, 0, sizeof(*a));
			memset(b, 0, sizeof(*b));
			a->ip = uf_make(mp, 0);
			b->ip = uf_make(mp, 1);
			pieces(a, most + i, 150);
			pieces(b, most + i - k, 150);
			take(a->ip, &was[0]);
			take(b->ip, &was[1]);
			CHECK_EQ(swap_them(a, b), 0);
			if (!CHECK(!dx_is_shutdown(mp))) {
				printf("  %u and %u extents, %u fit\n", most + i, most + i - k, most);
				return -EIO;
			}
			take(a->ip, &is[0]);
			take(b->ip, &is[1]);
			CHECK(is_swapped());
			uf_check(mp);
		}
	}
	uf_walk(mp);
	uf_close();
	dx_icache_flush_inactive(mp);
	return uv_umount(mp);
}

/* ---- what a file may have besides ---- */

static int besides(void *arg)
{
	struct uf_file *a = &uf_files[0], *b = &uf_files[1], *twin = &uf_files[2];
	struct dx_mount *mp = begin();
	struct dx_mapped m;
	struct timespec64 mtime, ctime;
	u32 seq[2], i;
	u64 before;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	pieces(a, 40, 100);
	pieces(b, 4, 100);
	/* space behind the end, in one by the same extent */
	CHECK(!dx_alloc_file_space(a->ip, 98 * uf_bs, 10 * uf_bs));
	CHECK(!dx_alloc_file_space(b->ip, 120 * uf_bs, 4 * uf_bs));
	dx_inode_set_eofblocks(a->ip);
	if (dx_has_reflink(mp)) {
		CHECK(!uf_clone(a, 10, twin, 10, 60));
		/* a copy that is staged and not written, and one that is delayed */
		CHECK(!uf_write_pages(a, 11, 3));
		CHECK(!uf_flush(a));
		dx_ilock(a->ip, DX_ILOCK_EXCL);
		CHECK(!dx_cow_reserve(a->ip, 21, 2, &m));
		dx_iunlock(a->ip, DX_ILOCK_EXCL);
		CHECK(dx_cow_blocks(a->ip));
	}
	/* delayed extents that nobody has written to */
	dx_ilock(b->ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_reserve_delalloc(b->ip, 130, 20, 0, &m.rec));
	CHECK(!dx_bmap_reserve_delalloc(b->ip, 60, 2, 0, &m.rec));
	dx_iunlock(b->ip, DX_ILOCK_EXCL);
	take(a->ip, &was[0]);
	take(b->ip, &was[1]);
	mtime = a->ip->d.mtime;
	ctime = a->ip->d.ctime;
	for (i = 0; i < 2; i++)
		seq[i] = uf_files[i].ip->df.ext.gen;
	before = mp->held[DX_HELD_PREALLOC].counter;
	CHECK(!swap_them(a, b));
	take(a->ip, &is[0]);
	take(b->ip, &is[1]);
	CHECK(vol->how == FORKS ? is_swapped() : each_block_is_swapped());
	/* and what was seen of a map before is not taken for what it is now */
	for (i = 0; i < 2; i++) {
		CHECK(uf_files[i].ip->df.ext.gen > seq[i]);
		CHECK(!dx_cow_blocks(uf_files[i].ip));
	}
	CHECK(vol->how != FORKS || !(a->ip->delayed_blks | b->ip->delayed_blks));
	/* what lies behind the end keeps the flag */
	CHECK(vol->how != FORKS || !dx_inode_shares(a->ip));
	CHECK_EQ(dx_inode_shares(b->ip), dx_has_reflink(mp));
	CHECK(vol->how != FORKS || test_bit(DX_I_EOFBLOCKS, &b->ip->i_flags));
	CHECK(mp->held[DX_HELD_PREALLOC].counter >= before);
	CHECK(!memcmp(&mtime, &a->ip->d.mtime, sizeof(mtime)) && !memcmp(&ctime, &a->ip->d.ctime, sizeof(ctime)));
	uf_check(mp);
	uf_walk(mp);
	/* and back, in the memory of the log that has the first */
	CHECK(!swap_them(b, a));
	take(a->ip, &is[0]);
	take(b->ip, &is[1]);
	CHECK(vol->how == FORKS ? is_as_it_was() : each_block_is_whole());
	CHECK(!uf_direct(a, 30, 40, false));
	uf_check(mp);
	uf_walk(mp);
	CHECK_EQ(dx_swapext(a->ip, a->ip, a->ip->d.size), -EINVAL);
	uf_close();
	return uv_umount(mp);
}

/* ---- crashes and failures ---- */

static u32 big;			/* extents of the first file */
static u32 steps_left;
static unsigned long fail_nth;
static unsigned int fail_kind;

static void cut(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if ((strcmp(what, "trans_roll") && strcmp(what, "trans_commit")) || !c || !steps_left || --steps_left)
		return;
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
}

static int prepare(void *arg)
{
	struct dx_mount *mp = begin();
	struct dx_mapped m;
	u32 i;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_open(mp);
	for (i = 0; i < big; i++)
		CHECK(!dx_iomap_alloc(uf_files[0].ip, 2 * i, 1, false, false, &m));
	for (i = 0; i < big * 3 / 4; i++)
		CHECK(!dx_iomap_alloc(uf_files[1].ip, 8 * i / 3, 1, false, false, &m));
	size_to(&uf_files[0], 2 * big);
	size_to(&uf_files[1], 2 * big);
	uf_close();
	return uv_umount(mp);
}

static int swap_op(void *arg)
{
	struct dx_mount *mp = begin();
	int error;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_get(mp);
	take(uf_files[0].ip, &was[0]);
	take(uf_files[1].ip, &was[1]);
	/* no block of a btree in memory, nor the extents */
	uf_close();
	CHECK(!uv_umount(mp));
	mp = begin();
	if (!mp)
		return -EIO;
	uf_get(mp);
	mp->trace = cut;
	if (fail_nth)
		host_dev_fail(uv_dev, fail_kind, fail_nth, false, -EIO);
	error = dx_swapext(uf_files[0].ip, uf_files[1].ip, uf_files[0].ip->d.size);
	if (!error)
		error = dx_log_force(mp, true);
	host_dev_fail_none(uv_dev);
	mp->trace = NULL;
	CHECK(!error || fail_nth);
	uf_close();
	error = uv_umount(mp);
	return fail_nth ? 0 : error;
}

static int recover(void *arg)
{
	struct dx_mount *mp = begin();

	if (!mp)
		return -EIO;
	uf_get(mp);
	take(uf_files[0].ip, &is[0]);
	take(uf_files[1].ip, &is[1]);
	if (vol->how == RUNS)
		CHECK(each_block_is_whole());
	else
		CHECK(is_swapped() || (!arg && is_as_it_was()));
	uf_walk(mp);
	uf_close();
	return uv_umount(mp);
}

static void judge(u32 n, bool often, const char *done)
{
	int ret;

	/* recovery is cut, too */
	if (n % 3 == 0) {
		host_init(n);
		host_dev_crash_at(uv_dev, n / 3 % 16, n % 2);
		ret = host_run(recover, (void *)done);
		host_dev_crash_at(uv_dev, 0, 0);
		host_kill_world();
		if (ret == HOST_CRASHED)
			host_dev_crash(uv_dev, n % HOST_CRASH_MODES, n);
	}
	host_init(n);
	CHECK_EQ(host_run(recover, (void *)done), 0);
	CHECK_EQ(host_warn_count, 0);
	host_kill_world();
	if (often || n % 12 == 1)
		CHECK(repair_clean("crash"));
}

static void crash_everywhere(const char *name, bool by_steps, u32 want)
{
	char title[120];
	u32 n;
	int ret;

	snprintf(title, sizeof(title), "%s, %u extents (%s)", name, big, vol->p.name);
	host_test_begin(title);
	for (n = 1; n < 4000 && !host_checks_failed; n++) {
		host_dev_snap_restore(uv_dev, snap);
		steps_left = by_steps ? n : 0;
		host_init(n);
		if (!by_steps)
			host_dev_crash_at(uv_dev, n, n % 2);
		ret = host_run(swap_op, NULL);
		host_dev_crash_at(uv_dev, 0, 0);
		host_kill_world();
		if (!ret)
			break;
		if (!CHECK_EQ(ret, HOST_CRASHED))
			break;
		host_dev_crash(uv_dev, by_steps ? HOST_LOSE_ALL : n / 2 % HOST_CRASH_MODES, n);
		/* with a transaction on the disk that has begun it all is to be done */
		judge(n, false, by_steps ? "done" : NULL);
		if (host_checks_failed)
			printf("  at %u\n", n);
		/* of long chains a part */
		if (n > 60)
			n += 6;
	}
	steps_left = 0;
	CHECK(n > want);
	printf("# %u points\n", n - 1);
	host_test_end();
}

static void fail_everywhere(void)
{
	char title[120];
	u32 n, kind;
	int ret;

	snprintf(title, sizeof(title), "each read and each write fails, %u extents (%s)", big, vol->p.name);
	host_test_begin(title);
	for (kind = 0; kind < 2; kind++) {
		fail_kind = kind ? HOST_FAIL_WRITE : HOST_FAIL_READ;
		for (n = 1; n < 30 && !host_checks_failed; n++) {
			host_dev_snap_restore(uv_dev, snap);
			fail_nth = n;
			host_init(n);
			ret = host_run(swap_op, NULL);
			host_kill_world();
			fail_nth = 0;
			CHECK_EQ(ret, 0);
			judge(3 * n + 1, n % 8 == 1, NULL);
			if (host_checks_failed)
				printf("  %s %u\n", kind ? "write" : "read", n);
		}
	}
	host_test_end();
}

/* ---- a log that asks for owners of blocks that are something else by now ---- */

static u64 tree_daddr[100];
static u32 ntree;

static int note_block(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	if (CHECK(ntree < ARRAY_SIZE(tree_daddr)))
		tree_daddr[ntree++] = bp->b_daddr;
	return 0;
}

static void note_tree(struct dx_inode *ip)
{
	struct dx_btree_cur *cur;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK_EQ(ip->df.format, DX_DINODE_FMT_BTREE);
	cur = dx_bmbt_cursor(ip->mp, NULL, ip, DX_DATA_FORK);
	CHECK(!dx_btree_visit_blocks(cur, note_block, NULL));
	dx_btree_del_cursor(cur, 0);
	dx_iunlock(ip, DX_ILOCK_EXCL);
}

/* As stock logs it: the flag, and it stays with the inode until that is written back. */
static void ask(struct dx_mount *mp, struct dx_inode *ip)
{
	struct dx_trans *tp;

	CHECK(!dx_trans_alloc(mp, DX_RESV_ICHANGE, 0, 0, &tp));
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE | DX_ILOG_DBROOT | DX_ILOG_DOWNER);
	CHECK(!dx_trans_commit(tp));
	CHECK(!dx_log_force(mp, true));
}

/* Some of the blocks, freed, are those of the trees of free space by now. */
static void forget_those_had(struct dx_mount *mp)
{
	struct dx_buf *bp;
	u32 i, n = 0;

	for (i = 0; i < ntree; i++) {
		if (!dx_buf_read(mp, tree_daddr[i], 1u << mp->blkbb_log, DX_GET_INCORE | DX_READ_NOVERIFY, NULL, &bp))
			dx_buf_leave(bp);
		else
			tree_daddr[n++] = tree_daddr[i];
	}
	CHECK(n > ntree / 2);
	ntree = n;
}

/* What the blocks of the temporary file's btree become when it is gone. */
enum reuse { DATA, ZEROES, ANOTHERS, NOTHING_YET };
static const char *const reuse_names[] = { "data", "zeroes", "another file's btree", "free" };

static int ask_for_gone(void *arg)
{
	enum reuse what = *(enum reuse *)arg;
	struct dx_mount *mp = begin();
	struct uf_file *tmp = &uf_files[1];
	struct dx_log_stats log;
	u8 block[1024];
	u32 i, k;

	if (!mp)
		return -EIO;
	uf_get(mp);
	take(uf_files[0].ip, &was[0]);
	ntree = 0;
	note_tree(tmp->ip);
	ask(mp, tmp->ip);
	CHECK(!dx_setsize_trans(tmp->ip, 0, true, false));
	CHECK(!dx_log_force(mp, true));
	dx_log_get_stats(mp, &log);
	forget_those_had(mp);
	for (i = 0; i < ntree; i++) {
		struct dx_btree_lblock *h = (void *)block;

		host_dev_peek(uv_dev, tree_daddr[i] << DX_BBSHIFT, block, sizeof(block));
		if (what == ANOTHERS) {
			/* written back with what the log has behind that */
			h->bb_owner = cpu_to_be64(uf_files[2].ip->ino);
			h->bb_lsn = cpu_to_be64(log.head_cycle << 32 | (log.head_block - 1));
			dx_update_cksum(block, sizeof(block), DX_BTREE_LBLOCK_CRC_OFF);
		}
		for (k = 0; what != ANOTHERS && what != NOTHING_YET && k < sizeof(block); k++)
			block[k] = what == DATA ? 0x5a + k * i : 0;
		host_dev_poke(uv_dev, tree_daddr[i] << DX_BBSHIFT, block, sizeof(block));
	}
	host_stop_world();
	return 0;
}

static int find_gone(void *arg)
{
	enum reuse what = *(enum reuse *)arg;
	struct dx_mount *mp = begin();
	u8 block[1024];
	u32 i, k;

	if (!mp)
		return -EIO;
	uf_get(mp);
	take(uf_files[0].ip, &is[0]);
	CHECK(same_map(&is[0], &was[0]));
	CHECK_EQ(uf_files[1].ip->d.size, 0);
	CHECK_EQ(uf_files[1].ip->d.nblocks, 0);
	for (i = 0; i < ntree; i++) {
		const struct dx_btree_lblock *h = (void *)block;

		host_dev_peek(uv_dev, tree_daddr[i] << DX_BBSHIFT, block, sizeof(block));
		if (what == ANOTHERS)
			CHECK_EQ(be64_to_cpu(h->bb_owner), uf_files[2].ip->ino);
		for (k = 0; what < ANOTHERS && k < sizeof(block); k++)
			CHECK(block[k] == (what == DATA ? (u8)(0x5a + k * i) : 0));
	}
	uf_close();
	return uv_umount(mp);
}

static void gone(void)
{
	char title[120];
	enum reuse what;

	for (what = DATA; what <= NOTHING_YET; what++) {
		snprintf(title, sizeof(title), "a log asks for the owner of blocks that are %s by now (%s)", reuse_names[what], vol->p.name);
		host_test_begin(title);
		host_dev_snap_restore(uv_dev, snap);
		host_init(1);
		CHECK_EQ(host_run(ask_for_gone, &what), HOST_CRASHED);
		host_kill_world();
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
		host_init(2);
		CHECK_EQ(host_run(find_gone, &what), 0);
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		CHECK(repair_clean("gone"));
		host_test_end();
	}
}

/* As stock swaps: the blocks are not logged, and not written yet; one that was torn on the way; one freed and had anew. */
static int ask_for_all(void *arg)
{
	struct dx_mount *mp = begin();
	struct uf_file *f = &uf_files[1];
	u8 block[1024];
	u32 i;

	(void)arg;
	if (!mp)
		return -EIO;
	uf_get(mp);
	take(f->ip, &was[1]);
	ntree = 0;
	note_tree(f->ip);
	ask(mp, f->ip);
	for (i = 0; i < ntree; i++) {
		struct dx_btree_lblock *h = (void *)block;

		host_dev_peek(uv_dev, tree_daddr[i] << DX_BBSHIFT, block, sizeof(block));
		h->bb_owner = cpu_to_be64(uf_files[3].ip->ino);
		if (i != 1)
			dx_update_cksum(block, sizeof(block), DX_BTREE_LBLOCK_CRC_OFF);
		host_dev_poke(uv_dev, tree_daddr[i] << DX_BBSHIFT, block, sizeof(block));
	}
	host_stop_world();
	return 0;
}

static int find_all(void *arg)
{
	struct dx_mount *mp = begin();

	(void)arg;
	if (!mp)
		return -EIO;
	uf_get(mp);
	take(uf_files[1].ip, &is[1]);
	CHECK(same_map(&is[1], &was[1]));
	uf_close();
	return uv_umount(mp);
}

static void all_of_them(void)
{
	char title[120];
	u32 n;
	int ret;

	snprintf(title, sizeof(title), "a log asks for the owner of blocks that it does not have (%s)", vol->p.name);
	host_test_begin(title);
	for (n = 0; n < 30 && !host_checks_failed; n++) {
		host_dev_snap_restore(uv_dev, snap);
		host_init(1);
		CHECK_EQ(host_run(ask_for_all, NULL), HOST_CRASHED);
		host_kill_world();
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
		/* in parts */
		host_init(n);
		host_dev_crash_at(uv_dev, n, n % 2);
		ret = host_run(find_all, NULL);
		host_dev_crash_at(uv_dev, 0, 0);
		host_kill_world();
		if (ret == HOST_CRASHED) {
			host_dev_crash(uv_dev, n % HOST_CRASH_MODES, n);
			host_init(2);
			ret = host_run(find_all, NULL);
			host_kill_world();
		}
		CHECK_EQ(ret, 0);
		CHECK_EQ(host_warn_count, 0);
		if (n % 8 == 0)
			CHECK(repair_clean("all"));
	}
	host_test_end();
}

/* ---- */

static void run(const char *what, int (*fn)(void *arg), u64 s)
{
	char name[160];

	snprintf(name, sizeof(name), "%s (%s)", what, vol->p.name);
	uf_seed = s;
	if (uv_make(&vol->p))
		return;
	if (vol->how == EXCHANGE)
		uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, true);
	if (!host_test(name, s, fn, NULL))
		return;
	host_test_begin("... and xfs_repair is content");
	CHECK(repair_clean("swapext"));
	host_test_end();
}

int main(int argc, char **argv)
{
	static const u32 sizes[] = { 8, 60, 2200 };
	u64 s = argc > 1 ? atoll(argv[1]) : 1;
	u32 i, k;

	uv_setup("t_swapext");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		vol = &volumes[i];
		if (argc > 2 && !strstr(vol->p.name, argv[2]))
			continue;
		run("forks of all forms", forms, s);
		run("forks at the edge of the inode", edge, s);
		run("what a file may have besides", besides, s);
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			/* steps by the thousand, which t_exchange goes through */
			if (vol->how != FORKS && sizes[k] > 100)
				continue;
			big = sizes[k];
			run("files to swap", prepare, s);
			snap = host_dev_snap_take(uv_dev);
			crash_everywhere("a crash at each write", false, 4);
			crash_everywhere("a power cut at each step", true, vol->how == FORKS ? big > 100 ? 3 : 1 : 8);
			fail_everywhere();
			if (vol->how == FORKS && big > 100) {
				gone();
				all_of_them();
			}
			host_dev_snap_free(snap);
		}
	}
	uv_teardown();
	return host_test_exit();
}
