// SPDX-License-Identifier: GPL-2.0-only
/*
 * Full AGs: every AG is filled to the last block that a file can get, and then files are unlinked,
 * punched, truncated, made, and given attributes in it.
 *
 * Nothing of that may shut the filesystem down, and -ENOSPC is an answer only where statfs
 * says that next to nothing is left.  Then it is unmounted or loses power, must mount
 * again, read-write and read-only, and xfs_repair must be content.  What the AGs have set aside for
 * their trees, the counters and the AG headers must agree all along.
 *
 * Half of the volumes are filled with nothing set aside, as somebody else may have done it:
 * then the AGs have nothing for their trees when we mount.  An inode that cannot be
 * freed there stays unlinked, until there is space.
 *
 *	t_agfull [shape [seed]]
 *	AGFULL_ROUNDS=n		operations of each load, default 400
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "da_help.h"
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_btree.h"
#include "dx_bmap.h"

#define FILES		9000
#define CHUNK		64
#define GIVEN		10	/* of each chunk, to be unlinked first */
#define SMALL		"--unsupported -d agcount=2 -l size=10m "

static const struct shape {
	const char *name, *mkfs;
	u32 mib, nfiles;	/* enough chunks that a leaf of the finobt overflows */
	bool frag;		/* what is free at the end lies in single blocks */
} shapes[] = {
	{ "1 KiB blocks, sparse inodes, inobtcount", SMALL "-b size=1024 -m reflink=0,inobtcount=1,finobt=1 -i sparse=1", 96, 5200 },
	{ "1 KiB blocks, no inobtcount, fragmented", SMALL "-b size=1024 -m reflink=0,inobtcount=0,finobt=1 -i sparse=1", 96, 5200, true },
	{ "2 KiB blocks, no sparse inodes", SMALL "-b size=2048 -m reflink=0,inobtcount=0,bigtime=0,finobt=1 -i sparse=0", 96, 8400 },
	{ "1 KiB blocks, no finobt, fragmented", SMALL "-b size=1024 -m reflink=0,inobtcount=0,finobt=0 -i sparse=0", 96, 1500, true },
	{ "4 KiB blocks, fragmented", SMALL "-m reflink=0,inobtcount=1,finobt=1 -i sparse=1", 128, 1500, true },
	{ "1 KiB blocks, rmapbt, fragmented", SMALL "-b size=1024 -m reflink=0,rmapbt=1,inobtcount=1,finobt=1 -i sparse=1", 96, 1500, true },
};

static const struct shape *sh;
static bool lack;		/* filled with nothing set aside */
static bool crash;		/* the load ends with a power cut */
static u64 rnd;
static u32 rounds = 400;
static dx_ino_t inos[FILES], combs[2], fillino;
static u32 nspc, done;

static u32 pick(u32 n) { return da_rand(&rnd) % n; }

/* ---- what must agree ---- */

static int count_block(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	++*(u32 *)data;
	return 0;
}

/* With nothing running. */
static void check_counts(struct dx_mount *mp)
{
	s64 free = 0, held = 0;
	dx_agno_t agno;

	for (agno = 0; agno < mp->sb.agcount; agno++) {
		struct dx_perag *pag = dx_perag(mp, agno);
		const struct dx_agresv *r = &pag->resv[DX_AGRESV_FINOBT];
		struct dx_btree_cur *cur;
		struct dx_buf *bp;
		u32 used = 0;

		free += (u64)pag->freeblks + pag->flcount + pag->btreeblks;
		held += pag->resv_held;
		CHECK_EQ(pag->resv_held, r->reserved + pag->resv[DX_AGRESV_RMAPBT].reserved);
		if (!dx_has_finobt(mp) || !CHECK_EQ(dx_agi_read(mp, NULL, agno, &bp), 0))
			continue;
		cur = dx_inobt_cursor(mp, NULL, bp, agno, DX_BTNUM_FINO);
		CHECK_EQ(dx_btree_visit_blocks(cur, count_block, &used), 0);
		dx_btree_del_cursor(cur, 0);
		if (dx_has_inobtcnt(mp))
			CHECK_EQ(be32_to_cpu(((struct dx_agi *)bp->b_addr)->agi_fblocks), used);
		dx_buf_leave(bp);
		if (!r->most)	/* released */
			continue;
		CHECK_EQ(r->used, used);
		CHECK(r->reserved + r->used <= r->most);
	}
	CHECK_EQ(held, atomic64_read(&mp->agresv_blks));
	CHECK_EQ(free, percpu_counter_sum(&mp->fdblocks) + (s64)mp->resblks_avail + held + atomic64_read(&mp->delalloc_resv));
	CHECK(!uv_check_rmaps(mp));
}

static u64 bfree(struct dx_mount *mp)
{
	struct dx_statfs st;

	dx_mount_statfs(mp, &st);
	return st.bfree;
}

/* An operation may fail only for want of space, and only when there is less than it can need at worst. */
static bool fair(struct dx_mount *mp, const char *what, int error)
{
	/* a chunk and its trees, a name in a large directory, the map of each block of it */
	u64 worst = dx_dialloc_space(mp) + 2 * dx_dir_enter_space(mp, 255) + 80;

	done++;
	if (CHECK(!dx_is_shutdown(mp)) && !error)
		return true;
	if (error == -ENOSPC && bfree(mp) < worst) {
		nspc++;
		return true;
	}
	printf("# %s: %d with %llu blocks free\n", what, error, (unsigned long long)bfree(mp));
	return CHECK(false);
}

/* ---- filling ---- */

static struct dx_inode *get(struct dx_mount *mp, dx_ino_t ino)
{
	struct dx_inode *ip;

	return CHECK_EQ(dx_iget(mp, NULL, ino, 0, &ip), 0) ? ip : NULL;
}

/* All that is to be had, in pieces of @k blocks at first, at the end of @ip. */
static int eat(struct dx_inode *ip, u32 k)
{
	dx_fileoff_t off;
	struct dx_mapped got;
	int error;

	error = dx_bmap_last_offset(ip, DX_DATA_FORK, &off);
	while (!error && k) {
		error = dx_iomap_alloc(ip, off, k, false, false, &got);
		if (error == -ENOSPC) {
			k /= 2;
			error = 0;
		} else if (!error) {
			off = got.rec.startoff + got.rec.blockcount;
		}
	}
	return error;
}

/* AG 0 first, near whose inodes these go, to its very last block: each piece is a file's. */
static int eat_ag0(struct dx_mount *mp)
{
	struct dx_perag *pag = dx_perag(mp, 0);
	u32 k = 4096, i;
	int error = 0;

	for (i = 0; !error && k && i < sh->nfiles; i++) {
		u32 before = pag->freeblks;
		struct dx_inode *ip;
		struct dx_mapped got;

		/* those that one_of_each_chunk() unlinks have nothing to give */
		if (i % CHUNK == GIVEN || dx_ino_to_agno(mp, inos[i]))
			continue;
		while (k > 1 && k + 64 > before)
			k /= 2;
		ip = get(mp, inos[i]);
		error = dx_iomap_alloc(ip, 0, k, false, false, &got);
		dx_idrop(ip);
		if (pag->freeblks == before)
			k /= 2;
	}
	return error == -ENOSPC ? 0 : error;
}

static int make(struct dx_mount *mp, const char *name, dx_ino_t *ino)
{
	struct dx_inode *ip;
	int error = da_create(mp->rootip, name, S_IFREG | 0644, &ip);

	if (error)
		return error;
	*ino = ip->ino;
	dx_idrop(ip);
	return 0;
}

static int fill(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct dx_inode *ip;
	char name[32];
	u32 i;

	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	if (lack)
		dx_agresv_release(mp);
	for (i = 0; i < sh->nfiles; i++) {
		sprintf(name, "f%u", i);
		CHECK_EQ(make(mp, name, &inos[i]), 0);
	}
	for (i = 0; i < ARRAY_SIZE(combs); i++) {
		sprintf(name, "comb%u", i);
		CHECK_EQ(make(mp, name, &combs[i]), 0);
		ip = get(mp, combs[i]);
		CHECK_EQ(dx_alloc_file_space(ip, 0, 2000ULL << mp->sb.blocklog), 0);
		dx_idrop(ip);
	}
	CHECK_EQ(make(mp, "fill", &fillino), 0);
	CHECK_EQ(eat_ag0(mp), 0);
	ip = get(mp, fillino);
	CHECK_EQ(eat(ip, 4096), 0);
	if (sh->frag) {
		/* single blocks everywhere, then the long pieces again */
		for (i = 0; i < 1200; i++)
			CHECK_EQ(dx_free_file_space(ip, (u64)(i * 16 + 7) << mp->sb.blocklog, mp->sb.blocksize), 0);
		dx_log_force(mp, true);
		CHECK_EQ(eat(ip, 256), 0);
		CHECK_EQ(eat_ag0(mp), 0);
	}
	dx_idrop(ip);
	CHECK(bfree(mp) <= 8);
	check_counts(mp);
	return uv_umount(mp);
}

/* ---- the load ---- */

static int unlink_file(struct dx_mount *mp, u32 i)
{
	struct dx_inode *ip = get(mp, inos[i]);
	struct dx_name n = { };
	char name[32];
	int error;

	if (!ip)
		return -EIO;
	n.name = (u8 *)name;
	n.len = sprintf(name, "f%u", i);
	error = dx_remove(mp->rootip, &n, ip);
	dx_idrop(ip);
	if (!error)
		inos[i] = 0;
	return error;
}

static int set_attr(struct dx_mount *mp, dx_ino_t ino, u32 len)
{
	static char value[4000];
	struct dx_attr_arg a = { .value = value, .valuelen = len };
	struct dx_inode *ip = get(mp, ino);
	char name[16];
	int error;

	if (!ip)
		return -EIO;
	a.ip = ip;
	a.name = (u8 *)name;
	a.namelen = sprintf(name, "x%u", pick(4));
	error = dx_attr_set_op(&a);
	dx_idrop(ip);
	return error;
}

static int one_op(struct dx_mount *mp, const char **what)
{
	static const u32 attr_len[] = { 8, 200, 900, 3500 };
	u32 i = pick(sh->nfiles), op = pick(10);
	struct dx_create_args ca = { .mode = S_IFLNK | 0777 };
	char name[32];
	struct dx_name n = { .name = (u8 *)name, .ftype = DX_DIR3_FT_SYMLINK };
	static char target[1000];
	struct dx_inode *ip;
	struct dx_mapped got;
	int error;

	switch (op) {
	case 0 ... 2:
		*what = "unlink";
		return inos[i] ? unlink_file(mp, i) : 0;
	case 3:
	case 4:
		*what = "create";
		if (inos[i])
			return 0;
		sprintf(name, "f%u", i);
		error = make(mp, name, &inos[i]);
		return error;
	case 5:
		*what = "punch";
		ip = get(mp, combs[pick(2)]);
		error = dx_free_file_space(ip, (u64)pick(2000) << mp->sb.blocklog, (u64)mp->sb.blocksize * (1 + pick(3)));
		dx_idrop(ip);
		return error;
	case 6:
		*what = "truncate";
		ip = get(mp, combs[pick(2)]);
		error = dx_setsize_trans(ip, (u64)(1000 + pick(1000)) << mp->sb.blocklog, true, true);
		dx_idrop(ip);
		return error;
	case 7:
		*what = "attribute";
		return inos[i] ? set_attr(mp, inos[i], attr_len[pick(4)]) : 0;
	case 8:
		*what = "allocation";
		if (!inos[i])
			return 0;
		ip = get(mp, inos[i]);
		error = dx_iomap_alloc(ip, pick(64), 1 + pick(4), false, false, &got);
		dx_idrop(ip);
		return error;
	default:
		*what = "symlink";
		memset(target, 't', sizeof(target) - 1);
		n.len = sprintf(name, "l%u", done);
		error = dx_symlink(mp->rootip, &n, target, &ca, &ip);
		if (!error)
			dx_idrop(ip);
		return error;
	}
}

/* One inode of each chunk goes: all of these come into the finobt. */
static int one_of_each_chunk(struct dx_mount *mp)
{
	u32 i;

	for (i = GIVEN; i < sh->nfiles; i += CHUNK) {
		int error = inos[i] ? unlink_file(mp, i) : 0;

		if (!fair(mp, "unlink", error))
			return error;
		if (i % 5 == 0) {
			dx_log_force(mp, true);
			dx_icache_flush_inactive(mp);
		}
	}
	dx_icache_flush_inactive(mp);
	return CHECK(!dx_is_shutdown(mp)) ? 0 : -EIO;
}

static int load(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	const char *what = "";
	u32 i;
	int error;

	if (!mp)
		return -EIO;
	if (arg)
		dx_reserve_set(mp, 0);	/* without the pool */
	if (lack && dx_has_finobt(mp))
		CHECK(dx_perag(mp, 0)->resv[DX_AGRESV_FINOBT].reserved < dx_perag(mp, 0)->resv[DX_AGRESV_FINOBT].most - 1);
	error = one_of_each_chunk(mp);
	check_counts(mp);
	for (i = 0; !error && i < rounds; i++) {
		int err = one_op(mp, &what);

		if (!fair(mp, what, err))
			return err ?: -EIO;
		if (i % 16 == 0)
			dx_icache_flush_inactive(mp);
		if (i % 50 == 0)
			dx_log_force(mp, true);
	}
	dx_icache_flush_inactive(mp);
	check_counts(mp);
	if (crash)
		return dx_log_force(mp, true);
	return uv_umount(mp);
}

/* ---- afterwards ---- */

static int again(void *arg)
{
	bool ro = arg;
	struct dx_mount *mp = da_mount(ro);

	if (!mp)
		return -EIO;
	CHECK(!dx_is_shutdown(mp));
	if (!ro)
		check_counts(mp);
	return uv_umount(mp);
}

/* Space comes back: what could not be freed before can be now. */
static int empty_fill(void *arg)
{
	struct dx_mount *mp = da_mount(false);
	struct dx_inode *ip;

	if (!mp)
		return -EIO;
	ip = get(mp, fillino);
	CHECK_EQ(dx_setsize_trans(ip, 0, true, false), 0);
	dx_idrop(ip);
	check_counts(mp);
	CHECK_EQ(dx_perag(mp, 0)->resv[DX_AGRESV_FINOBT].most,
		 dx_perag(mp, 0)->resv[DX_AGRESV_FINOBT].reserved + dx_perag(mp, 0)->resv[DX_AGRESV_FINOBT].used);
	return uv_umount(mp);
}

/* ---- as full as can be ---- */

/* Take what is left in AG 0, its free list included: as a transaction that must have a block. */
static u32 drain(struct dx_mount *mp, dx_fsbno_t *got, u32 room)
{
	u32 n;

	for (n = 0; n < room; n++) {
		struct dx_alloc_arg a = {
			.mp = mp, .fsbno = dx_agb_to_fsb(mp, 0, 1), .type = DX_ALLOC_THIS_AG,
			.minlen = 1, .maxlen = 1, .prod = 1, .alignment = 1, .must = true,
		};

		CHECK_EQ(dx_trans_alloc(mp, DX_RESV_WRITE, 1, DX_TRANS_RESERVE, &a.tp), 0);
		CHECK_EQ(dx_alloc_extents(&a), 0);
		CHECK_EQ(dx_trans_commit(a.tp), 0);
		if (a.fsbno == DX_NULLFSBNO)
			break;
		got[n] = a.fsbno;
	}
	return n;
}

/*
 * Not even a block of the free list is left: the inodes stay, are told of, and go when they can.  So it is when
 * the AG has blocks set aside, which a transaction that must have some takes like all others.
 */
static int as_full_as_can_be(void *arg)
{
	bool set_aside = arg;
	struct dx_mount *mp = da_mount(false);
	u32 held;
	const u32 room = 100000;
	struct dx_trans *tp;
	dx_fsbno_t *got;
	s64 ifree;
	u32 n, i;

	if (!mp)
		return -EIO;
	if (!set_aside)
		dx_agresv_release(mp);
	got = kvmalloc_array(room, sizeof(*got), GFP_KERNEL);
	for (i = 0; i < sh->nfiles; i++) {
		char name[32];

		sprintf(name, "f%u", i);
		CHECK_EQ(make(mp, name, &inos[i]), 0);
	}
	dx_log_force(mp, true);
	dx_ail_drain(mp);
	held = dx_perag(mp, 0)->resv_held;
	CHECK_EQ(held != 0, set_aside);
	n = drain(mp, got, room);
	CHECK(n > 100 && n < room);
	CHECK_EQ(dx_perag(mp, 0)->resv_held, held);
	CHECK_EQ(dx_perag(mp, 0)->freeblks + dx_perag(mp, 0)->flcount, 0);

	ifree = percpu_counter_sum(&mp->ifree);
	host_log_clear();
	host_set_printk(2);
	CHECK_EQ(one_of_each_chunk(mp), 0);
	host_set_printk(5);
	CHECK(host_log_has("AG 0 is full: inode"));
	/* some of them were let go: those that the finobt had room for */
	CHECK(percpu_counter_sum(&mp->ifree) > ifree);
	check_counts(mp);

	for (i = 0; i < n; i++) {
		CHECK_EQ(dx_trans_alloc(mp, DX_RESV_WRITE, 0, DX_TRANS_RESERVE, &tp), 0);
		CHECK_EQ(dx_defer_free(tp, got[i], 1, false), 0);
		CHECK_EQ(dx_trans_commit(tp), 0);
	}
	kvfree(got);
	check_counts(mp);
	/* and its trees find theirs again */
	CHECK(!set_aside || dx_perag(mp, 0)->freeblks > held);
	return uv_umount(mp);
}

static bool stage(const char *what, int (*fn)(void *), void *arg, bool kept)
{
	char name[160];

	snprintf(name, sizeof(name), "%s%s%s: %s", sh->name, lack ? ", nothing set aside" : "", crash ? ", power cut" : "", what);
	if (!host_test(name, 0, fn, arg))
		return false;
	if (crash && fn == load)
		host_dev_crash(da_dev, HOST_LOSE_ALL, 1);
	if (!kept)
		return true;
	host_test_begin("xfs_repair -n is content");
	CHECK(da_repair_clean());
	return host_test_end();
}

static void run(u64 seed)
{
	rnd = seed;
	host_test_begin(sh->name);
	CHECK_EQ(da_make(sh->mkfs, sh->mib), 0);
	if (host_test_end() && stage("fill", fill, NULL, true) &&
	    stage("load", load, seed & 1 ? &rnd : NULL, false) &&
	    (!crash || stage("mount read-only", again, &rnd, false)) && stage("mount read-write", again, NULL, !lack) &&
	    stage("mount read-only", again, &rnd, !lack) && stage("make room", empty_fill, NULL, !lack))
		stage("mount with room", again, NULL, true);
}

int main(int argc, char **argv)
{
	u64 seed = argc > 2 ? atoi(argv[2]) : 5;
	int s, v;

	if (getenv("AGFULL_ROUNDS"))
		rounds = atoi(getenv("AGFULL_ROUNDS"));
	da_setup();
	for (s = 0; s < ARRAY_SIZE(shapes); s++) {
		if (argc > 1 && atoi(argv[1]) != s)
			continue;
		sh = &shapes[s];
		for (v = 0; v < 4; v++) {
			lack = v & 1;
			crash = v & 2;
			/* each shape with its two sides, a cut in every second of them */
			if (argc < 2 && (v >> 1) != ((s + v) & 1))
				continue;
			/* nobody fills such a volume without, as the tree grows with what is freed, too */
			if (lack && strstr(sh->mkfs, "rmapbt=1"))
				continue;
			run(seed + v);
		}
	}
	sh = &shapes[0];
	lack = crash = false;
	for (v = 0; v < 2; v++)
		if ((argc < 2 || atoi(argv[1]) == ARRAY_SIZE(shapes)) && !da_make(sh->mkfs, sh->mib) &&
		    stage(v ? "as full as can be, with blocks set aside" : "as full as can be", as_full_as_can_be,
			  v ? &rnd : NULL, false))
			stage("mount with room", again, NULL, true);
	da_teardown();
	printf("# %u operations, %u without space\n", done, nspc);
	return host_test_exit();
}
