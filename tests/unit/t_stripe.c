// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stripes: where data and chunks of inodes begin, however free space is cut up; that no block is lost to it; and which stripe a
 * mount goes by, and the superblock has afterwards.
 *
 *	t_stripe [words in the name of a test [seed]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_model.h"
#include "dx_alloc.h"
#include "dx_bmap.h"

#define NFILES	300

/* 16, 32, 4, 128 and 256 blocks */
static const struct uv_profile profiles[] = {
	{ "su=64k,sw=4", "--unsupported -d su=64k,sw=4,agcount=4 -l size=10m", 320 },
	{ "su=32k,sw=3, 1 KiB blocks, rmapbt", "--unsupported -b size=1024 -d su=32k,sw=3,agcount=3 -l size=10m -m rmapbt=1", 200 },
	{ "su=16k,sw=2, no finobt, no sparse inodes",
	  "--unsupported -d su=16k,sw=2,agcount=2 -l size=14m -m rmapbt=1,reflink=0,finobt=0,inobtcount=0 -i sparse=0", 320 },
	{ "su=256k,sw=8, 2 KiB blocks", "--unsupported -b size=2048 -d su=256k,sw=8,agcount=2 -l size=20m -i size=1024", 300 },
	{ "su=1m,sw=2, log in AG 0", "--unsupported -d su=1m,sw=2,agcount=3 -l size=10m,agnum=0", 320 },
};

static u32 bs, unit, seen_aligned, seen_else;
static struct dx_inode *files[NFILES];

static u32 rnd(u32 lim) { return host_random() % lim; }

static u64 avail(struct dx_mount *mp)
{
	struct dx_statfs st;

	dx_mount_statfs(mp, &st);
	return st.bavail;
}

static struct dx_mount *mount_with(const struct dx_mount_opts *o)
{
	struct dx_mount *mp = uv_mount_dev(uv_dev, o, NULL);

	if (!CHECK(mp))
		return NULL;
	bs = mp->sb.blocksize;
	unit = mp->sb.unit;
	return mp;
}

static int leave(struct dx_mount *mp)
{
	CHECK_EQ(atomic64_read(&mp->delalloc_resv), 0);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* NULL: the volume is full, or it went wrong. */
static struct dx_inode *make(struct dx_inode *dir, umode_t mode, int i)
{
	struct dx_create_args a = { .mode = mode };
	char name[20];
	struct dx_name n = { .name = (const u8 *)name, .ftype = dx_mode_to_ftype(mode) };
	struct dx_inode *ip;
	int error;

	n.len = sprintf(name, "f%d", i);
	error = dx_create(dir, &n, &a, &ip);
	CHECK(!error || (error == -ENOSPC && avail(dir->mp) < 200));
	return error ? NULL : ip;
}

static void drop(struct dx_inode *ip)
{
	clear_bit(DX_I_EOFBLOCKS, &ip->i_flags);
	ip->d.flags |= DX_DIFLAG_PREALLOC;
	dx_idrop(ip);
}

static struct dx_irec extent_at(struct dx_inode *ip, dx_fileoff_t off)
{
	struct dx_mapped got;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_look(ip, off, 1, DX_BMAPI_ENTIRE, &got));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return got.rec;
}

static bool aligned(struct dx_mount *mp, const struct dx_irec *r)
{
	return dx_irec_is_real(r) && dx_fsb_to_agbno(mp, r->startblock) % unit == 0;
}

/* Nothing is busy any more. */
static void settle(struct dx_mount *mp)
{
	dx_icache_flush_inactive(mp);
	CHECK(!dx_log_force(mp, true));
	dx_busy_wait_all(mp);
}

/* ---- free space in pieces ---- */

static struct free_ag {
	u32	aligned;	/* longest free piece that begins at a multiple of the stripe unit */
	s64	avail;
	bool	listed;		/* the free list is complete: taking an extent is all that an allocation does */
} ags[8];

static int look_free(dx_agbno_t bno, dx_extlen_t len, void *data)
{
	struct free_ag *ag = data;
	u32 start = roundup(bno, unit);

	if (start < bno + len)
		ag->aligned = max(ag->aligned, bno + len - start);
	return 0;
}

static void look_all_free(struct dx_mount *mp)
{
	dx_agno_t agno;

	memset(ags, 0, sizeof(ags));
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		struct dx_perag *pag = dx_perag(mp, agno);

		CHECK(!dx_alloc_query_all(mp, agno, look_free, &ags[agno]));
		ags[agno].avail = dx_ag_avail(mp, pag, DX_AGRESV_NONE);
		ags[agno].listed = pag->flcount >= dx_agfl_need(mp, pag);
	}
}

/* Nearly all goes to a file, and then holes into that, of @most blocks at most. */
static struct dx_inode *cut_up(struct dx_mount *mp, u32 nholes, u32 most)
{
	struct dx_inode *big = make(mp->rootip, S_IFREG | 0644, -1);
	u64 at = 0, step;
	u32 i;

	if (!big)
		return NULL;
	for (step = avail(mp) / 2; step > 4 && avail(mp) > 300 && !host_checks_failed; step = min(step, avail(mp) / 2)) {
		if (dx_alloc_file_space(big, at * bs, step * bs))
			step /= 2;
		dx_ilock(big, DX_ILOCK_EXCL);
		CHECK(!dx_bmap_last_offset(big, DX_DATA_FORK, &at));
		dx_iunlock(big, DX_ILOCK_EXCL);
	}
	nholes = min_t(u64, nholes, at / (most + most / 2 + 1));
	for (i = 0; i < nholes; i++) {
		/* no two side by side */
		u64 room = at / nholes, len = 1 + rnd(min_t(u64, most, room - 1));

		CHECK(!dx_free_file_space(big, (i * room + rnd(room - len)) * bs, len * bs));
		if (i % 50 == 0)
			CHECK(!dx_log_force(mp, true));
	}
	settle(mp);
	return big;
}

/* Three ways to new blocks. */
static int take(struct dx_inode *ip, u32 how, dx_fileoff_t off, u32 len)
{
	struct dx_mapped got;
	struct dx_irec r;
	int error;

	if (how == 0)
		return dx_iomap_alloc(ip, off, len, false, false, &got);
	if (how == 1)
		return dx_alloc_file_space(ip, (u64)off * bs, (u64)len * bs);
	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_bmap_reserve_delalloc(ip, off, len, 0, &r);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	/* all of it, an extent at a time */
	for (; !error && len; len -= min_t(u64, len, dx_irec_end(&got.rec) - off), off = dx_irec_end(&got.rec))
		error = dx_bmap_convert_delalloc(ip, off, &got);
	return error;
}

static void check_start(struct dx_mount *mp, const struct dx_irec *r, u32 len)
{
	dx_agno_t agno = dx_fsb_to_agno(mp, r->startblock), a;
	bool whole = false;

	for (a = 0; a < dx_agcount(mp); a++)
		whole |= ags[a].aligned >= len && ags[a].avail >= len + 8 && ags[a].listed;
	if (aligned(mp, r)) {
		seen_aligned++;
		if (whole)
			CHECK(r->blockcount >= len);
		return;
	}
	seen_else++;
	if (len < unit)
		return;
	if (whole || (ags[agno].listed && ags[agno].aligned >= max_t(u32, unit, r->blockcount))) {
		printf("# %u blocks went to AG %u block %u, %llu of them; the AG had %u aligned ones, in one piece\n", len, agno,
		       dx_fsb_to_agbno(mp, r->startblock), r->blockcount, ags[agno].aligned);
		CHECK(!"aligned though there was a place");
	}
}

static u32 holes_most;

static int run_places(void *arg)
{
	static const struct dx_mount_opts none;
	struct dx_mount *mp = mount_with(&none);
	u32 i, len, fails = 0;
	struct dx_inode *big, *ip;

	(void)arg;
	if (!mp)
		return -EIO;
	CHECK_EQ(mp->sunit, unit);
	seen_aligned = seen_else = 0;
	big = cut_up(mp, 400, holes_most * unit);
	if (!big)
		return -EIO;
	for (i = 0; i < 240 && !host_checks_failed; i++) {
		switch (rnd(4)) {
		case 0: len = unit; break;
		case 1: len = unit + rnd(unit); break;
		case 2: len = 1 + rnd(9 * unit); break;
		default: len = unit * (1 + rnd(4)); break;
		}
		settle(mp);
		look_all_free(mp);
		ip = make(mp->rootip, S_IFREG | 0644, i);
		if (!ip)
			break;
		look_all_free(mp);	/* the inode may have taken some */
		if (take(ip, rnd(3), rnd(2) ? 0 : rnd(1000), len)) {
			fails++;
			CHECK(avail(mp) < len + 8);
		} else {
			struct dx_iext_cur cur;
			struct dx_irec r;

			if (CHECK(dx_iext_first(&ip->df.ext, &cur, &r)))
				check_start(mp, &r, len);
		}
		if (rnd(3))
			CHECK(!dx_free_file_space(ip, 0, 20000ull * bs));
		drop(ip);
	}
	printf("# holes of up to %u stripe units: %u begin at a stripe unit, %u elsewhere, %u found no space\n", holes_most, seen_aligned,
	       seen_else, fails);
	CHECK(seen_aligned > 10);
	drop(big);
	return leave(mp);
}

/* ---- files that grow ---- */

static int run_growth(void *arg)
{
	static const struct dx_mount_opts none;
	struct dx_mount *mp = mount_with(&none);
	struct dx_inode *a, *b;
	struct dx_iext_cur cur;
	struct dx_irec r;
	u64 at = 0, from;
	bool more;
	u32 i, n;

	(void)arg;
	if (!mp)
		return -EIO;
	/* alone, in whatever steps: one extent, from a stripe unit on */
	a = make(mp->rootip, S_IFREG | 0644, 1);
	for (i = 0; i < 40; i++, at += n) {
		n = i ? (i & 1 ? 1 + rnd(unit) : unit * (1 + rnd(2))) : unit;
		CHECK(!take(a, rnd(3), at, n));
	}
	r = extent_at(a, 0);
	CHECK(aligned(mp, &r));
	CHECK_EQ(dx_iext_count(&a->df.ext), 1);
	/* two by turns: each piece begins at a stripe unit, or where the file's last one ends */
	b = make(mp->rootip, S_IFREG | 0644, 2);
	from = at;
	for (i = 0; i < 40; i++, at += n) {
		n = unit + rnd(unit);
		CHECK(!take(a, rnd(3), at, n));
		CHECK(!take(b, rnd(3), at - from, n));
	}
	for (i = 0; i < 2; i++) {
		struct dx_inode *ip = i ? b : a;

		for (more = dx_iext_first(&ip->df.ext, &cur, &r); more; more = dx_iext_next(&ip->df.ext, &cur, &r))
			CHECK(aligned(mp, &r));
		CHECK(dx_iext_count(&ip->df.ext) > 1);
	}
	drop(a);
	drop(b);
	/* what is shorter than a stripe unit need not leave a gap; holes inside a file are filled as they were */
	a = make(mp->rootip, S_IFREG | 0644, 3);
	CHECK(!take(a, 0, 0, 4 * unit));
	CHECK(!dx_free_file_space(a, (u64)(unit + 1) * bs, (u64)(2 * unit) * bs));
	from = extent_at(a, 0).startblock;
	settle(mp);
	CHECK(!take(a, 0, unit + 2, unit));
	CHECK_EQ(extent_at(a, unit + 2).startblock, from + unit + 2);
	/* hints come first, and are aligned, too */
	b = make(mp->rootip, S_IFREG | 0644, 4);
	b->d.flags |= DX_DIFLAG_EXTSIZE;
	b->d.extsize = unit + unit / 2;
	CHECK(!take(b, 0, 3, unit));
	r = extent_at(b, 3);
	CHECK_EQ(r.startoff, 0);
	CHECK_EQ(r.blockcount % b->d.extsize, 0);
	CHECK(aligned(mp, &r));
	drop(a);
	drop(b);
	return leave(mp);
}

/* What a direct write past the end takes. */
static int run_rounding(void *arg)
{
	struct dx_mount_opts o = { };
	struct dx_mount *mp = mount_with(&o);
	struct dx_inode *a;
	u64 size;
	u32 width;

	(void)arg;
	if (!mp)
		return -EIO;
	size = (u64)unit * bs;
	width = mp->sb.width;
	CHECK_EQ(dx_stripe_past_eof(mp, size - 1), 0);
	CHECK_EQ(dx_stripe_past_eof(mp, size), unit);
	a = make(mp->rootip, S_IFREG | 0644, 5);
	CHECK_EQ(dx_stripe_round(a, 0, 0, 3), 3);
	CHECK(!take(a, 0, 0, unit));
	CHECK_EQ(dx_stripe_round(a, size, unit, 1), unit);
	CHECK_EQ(dx_stripe_round(a, size, unit + 1, unit), 2 * unit - 1);
	a->d.flags |= DX_DIFLAG_EXTSIZE;
	a->d.extsize = unit - 1;
	CHECK_EQ(dx_stripe_round(a, size, unit, 1), unit - 2);
	/* nor behind the last block that there can be, which completes nothing */
	CHECK(dx_file_end(mp) % (2 * (unit - 1)));
	CHECK_EQ(dx_stripe_round(a, size, dx_file_end(mp) - 1, 1), 1);
	a->d.flags &= ~DX_DIFLAG_EXTSIZE;
	a->d.extsize = 0;
	/* not into what lies behind */
	CHECK(!take(a, 1, 3 * unit, 1));
	CHECK_EQ(dx_stripe_round(a, size, unit, 1), 1);
	drop(a);
	leave(mp);

	o.swalloc = true;
	mp = mount_with(&o);
	if (!mp)
		return -EIO;
	CHECK_EQ(dx_stripe_past_eof(mp, size), width == unit ? unit : 0);
	CHECK_EQ(dx_stripe_past_eof(mp, size * (width / unit)), width);
	a = make(mp->rootip, S_IFREG | 0644, 6);
	CHECK(!take(a, 0, 0, width));
	CHECK_EQ(dx_fsb_to_agbno(mp, extent_at(a, 0).startblock) % width, 0);
	drop(a);
	leave(mp);

	o = (struct dx_mount_opts){ .noalign = true };
	mp = mount_with(&o);
	if (!mp)
		return -EIO;
	CHECK_EQ(mp->sunit, 0);
	CHECK_EQ(mp->swidth, 0);
	CHECK_EQ(mp->ialloc_stripe, 0);
	CHECK_EQ(dx_stripe_past_eof(mp, size), 0);
	return leave(mp);
}

/* ---- to the last block ---- */

static int run_full(void *arg)
{
	static const struct dx_mount_opts none;
	struct dx_mount *mp = mount_with(&none);
	struct dx_inode *big;
	u32 i, len, n = 0, skipped = 0, r;
	u64 ends[NFILES];
	int error;

	(void)arg;
	if (!mp)
		return -EIO;
	dx_reserve_set(mp, 0);
	for (i = 0; i < NFILES; i++) {
		files[i] = make(mp->rootip, S_IFREG | 0644, i);
		ends[i] = 0;
		if (!files[i])
			return -EIO;
	}
	big = cut_up(mp, 300, 3 * unit);
	if (!big)
		return -EIO;
	/* a few extents a file, which need no btree; how much is set aside, and for whom, is somebody else's test */
	for (len = 2 * unit + 1; len && !host_checks_failed; ) {
		struct dx_inode *ip;

		i = rnd(NFILES);
		ip = files[i];
		if (ip->df.nextents + 2 > dx_fork_inline_max(ip, DX_DATA_FORK) && ++skipped < 100000)
			continue;
		error = take(ip, rnd(2), ends[i], len);
		if (error == -ENOSPC) {
			dx_busy_wait_all(mp);
			CHECK(avail(mp) < len);
			len = min_t(u64, len - 1, avail(mp));
		} else {
			CHECK_EQ(error, 0);
			n++;
		}
		dx_ilock(ip, DX_ILOCK_EXCL);
		CHECK(!dx_bmap_last_offset(ip, DX_DATA_FORK, &ends[i]));
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (!avail(mp))
			break;
	}
	r = avail(mp);
	printf("# %u allocations; %u blocks are left\n", n, r);
	CHECK_EQ(r, 0);
	for (i = 0; i < NFILES; i++)
		drop(files[i]);
	drop(big);
	return leave(mp);
}

/* ---- inodes ---- */

static int run_inodes(void *arg)
{
	static const struct dx_mount_opts none;
	struct dx_mount *mp = mount_with(&none);
	struct dx_inode *dir[6];
	dx_agno_t agno;
	u32 i, on = 0, behind = 0;

	(void)arg;
	if (!mp)
		return -EIO;
	for (i = 0; i < ARRAY_SIZE(dir); i++)
		dir[i] = make(mp->rootip, S_IFDIR | 0755, i);
	for (i = 0; i < 3000 && !host_checks_failed; i++) {
		struct dx_inode *ip = make(dir[i % ARRAY_SIZE(dir)], S_IFREG | 0644, i);

		if (!ip)
			break;
		/* what is between them makes that they do not all follow each other */
		if (i % 7 == 0)
			CHECK(!take(ip, 0, 0, 1 + rnd(5)));
		drop(ip);
	}
	for (i = 0; i < ARRAY_SIZE(dir); i++)
		dx_idrop(dir[i]);
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		struct dx_btree_cur *cur;
		dx_agbno_t end = 0, bno;
		union dx_btree_rec rec;
		struct dx_buf *bp;
		int stat;

		CHECK(!dx_agi_read(mp, NULL, agno, &bp));
		cur = dx_inobt_cursor(mp, NULL, bp, agno, DX_BTNUM_INO);
		cur->rec.inobt.startino = 0;
		CHECK_EQ(dx_btree_lookup(cur, DX_LOOKUP_GE, &stat), 0);
		while (stat) {
			CHECK_EQ(dx_btree_get_rec(cur, &rec, &stat), 0);
			bno = dx_agino_to_agbno(mp, rec.inobt.startino);
			on += bno % unit == 0;
			behind += bno % unit && bno == end;
			CHECK_EQ(bno % mp->ialloc_align, 0);
			if (!CHECK(bno % unit == 0 || bno == end))
				printf("# AG %u: a chunk of inodes at block %u, the one before ends at %u\n", agno, bno, end);
			end = bno + mp->ialloc_blks;
			CHECK_EQ(dx_btree_increment(cur, 0, &stat), 0);
		}
		dx_btree_del_cursor(cur, 0);
		dx_buf_leave(bp);
	}
	CHECK_EQ(mp->ialloc_stripe, unit);
	printf("# %u chunks of inodes begin at a stripe unit, %u behind another one\n", on, behind);
	return leave(mp);
}

/* ---- options ---- */

static void on_disk(u32 *u, u32 *w)
{
	static u8 sector[4096];
	struct dx_dsb *d = (void *)sector;

	host_dev_peek(uv_dev, 0, sector, sizeof(sector));
	*u = be32_to_cpu(d->sb_unit);
	*w = be32_to_cpu(d->sb_width);
}

static struct dx_mount_opts opts;
static int opts_error;
static bool opts_rw;		/* remounted read-write */

static int run_mount(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount_dev(uv_dev, &opts, &error);

	(void)arg;
	CHECK_EQ(error, opts_error);
	if (!mp)
		return 0;
	CHECK_EQ(dx_fsb_to_bb(mp, mp->sunit), opts.sunit_bb);
	CHECK_EQ(dx_fsb_to_bb(mp, mp->swidth), opts.swidth_bb);
	if (opts_rw)
		CHECK(!dx_mount_remount_rw(mp));
	CHECK(!uv_umount(mp));
	return 0;
}

/* It is in the log when the mount is there, whatever comes then. */
static int run_crash(void *arg)
{
	static const struct dx_mount_opts none, new = { .sunit_bb = 64, .swidth_bb = 192 };
	struct dx_mount *mp = mount_with(&new);

	(void)arg;
	if (!mp)
		return -EIO;
	dx_force_shutdown(mp, DX_SHUT_FORCE_UMOUNT, __func__);
	uv_umount(mp);
	mp = mount_with(&none);
	if (!mp)
		return -EIO;
	CHECK_EQ(dx_fsb_to_bb(mp, mp->sunit), new.sunit_bb);
	CHECK_EQ(dx_fsb_to_bb(mp, mp->swidth), new.swidth_bb);
	return leave(mp);
}

static void refused(const char *name, const struct dx_mount_opts *o, const char *says)
{
	char text[120];

	opts = *o;
	opts_error = -EINVAL;
	snprintf(text, sizeof(text), "options: %s is refused", name);
	host_set_printk(2);
	host_test(text, 1, run_mount, NULL);
	host_set_printk(5);
	host_test_begin("options: ... and the log says why");
	CHECK(host_log_has(says));
	host_test_end();
}

static void options_of(const struct uv_profile *p)
{
	static const u32 units[] = { 2, 4, 8, 16, 24, 32, 64, 128, 256, 512, 1024, 2048, 4096 };
	u32 i, bb, u, w, u2, w2, fit = 0, unfit = 0;
	char name[120];

	if (uv_make(p))
		exit(2);
	opts_error = 0;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		static u8 sector[4096];
		struct dx_dsb *d = (void *)sector;
		bool told;

		host_dev_peek(uv_dev, 0, sector, sizeof(sector));
		bb = be32_to_cpu(d->sb_blocksize) / 512;
		opts = (struct dx_mount_opts){ .sunit_bb = units[i], .swidth_bb = 3 * units[i], .ro = i % 3 == 0 };
		opts_error = units[i] % bb || be32_to_cpu(d->sb_agblocks) % (units[i] / bb) ? -EINVAL : 0;
		opts_rw = false;
		on_disk(&u, &w);
		host_set_printk(opts_error ? 2 : 4);
		snprintf(name, sizeof(name), "options: sunit=%u%s (%s)", units[i], opts.ro ? ",ro" : "", p->name);
		host_test(name, i, run_mount, NULL);
		told = host_log_has("for this mount only");
		on_disk(&u2, &w2);
		if (opts.ro && !opts_error) {
			host_test_begin("options: a read-only mount leaves the superblock alone");
			CHECK(u == u2 && w == w2);
			host_test_end();
			opts_rw = true;
			host_test("options: ... until it is remounted", i, run_mount, NULL);
			on_disk(&u2, &w2);
		}
		host_set_printk(5);
		snprintf(name, sizeof(name), "options: ... then the superblock has %s, and xfs_repair is content",
			 opts_error || told ? "the old ones" : "them");
		host_test_begin(name);
		if (opts_error || told)
			CHECK(u == u2 && w == w2);
		else
			CHECK(u2 == units[i] / bb && w2 == 3 * units[i] / bb);
		CHECK(uv_repair_clean("options"));
		host_test_end();
		fit += !opts_error && !told;
		unfit += told;
	}
	printf("# %s: %u fit, %u do not\n", p->name, fit, unfit);
}

static void options(void)
{
	static const struct uv_profile plain = { "no stripe", "--unsupported -d agcount=2 -l size=10m", 200 };
	static const struct uv_profile more[] = {
		{ "log in AG 0, 512 MiB", "-d su=8k,sw=1,agcount=2 -l agnum=0", 512 },
		{ "2 KiB inodes", "--unsupported -d su=64k,sw=4,agcount=2 -l size=10m -i size=2048", 320 },
	};
	int i;

	if (uv_make(&plain))
		exit(2);
	refused("sunit= on a volume without a stripe", &(struct dx_mount_opts){ .sunit_bb = 64, .swidth_bb = 128 },
		"without a stripe unit");
	if (uv_make(&profiles[0]))
		exit(2);
	refused("sunit= of half a block", &(struct dx_mount_opts){ .sunit_bb = 4, .swidth_bb = 8 }, "whole blocks");
	refused("swidth= of half a block", &(struct dx_mount_opts){ .sunit_bb = 8, .swidth_bb = 20 }, "whole blocks");
	refused("sunit= that no AG is a multiple of", &(struct dx_mount_opts){ .sunit_bb = 24, .swidth_bb = 24 }, "must be a multiple");
	refused("sunit= larger than an AG", &(struct dx_mount_opts){ .sunit_bb = 1u << 31, .swidth_bb = 1u << 31 }, "must be a multiple");
	host_set_printk(2);
	host_test("options: a new stripe outlives a crash", 1, run_crash, NULL);
	host_set_printk(5);
	for (i = 0; i < ARRAY_SIZE(profiles); i++)
		options_of(&profiles[i]);
	for (i = 0; i < ARRAY_SIZE(more); i++)
		options_of(&more[i]);
}

/* ---- random operations ---- */

static int run_model(void *arg)
{
	u64 seed = *(u64 *)arg;
	int error;
	struct dx_mount_opts o = { .swalloc = seed & 1, .allocsize_log = seed & 2 ? 17 : 0 };
	struct dx_mount *mp = uv_mount_dev(uv_dev, &o, &error);

	if (!CHECK(mp))
		return error;
	CHECK(!um_attach(mp, true));
	host_set_preempt(30);
	CHECK(!um_run(mp, 400, um_nusers));
	um_drop_held();
	CHECK(!um_verify(mp, true));
	CHECK(!uv_umount(mp));
	return 0;
}

static void model(const struct uv_profile *p, u64 seed)
{
	char name[160];

	um_reset(3);
	um_rebase(seed);
	snprintf(name, sizeof(name), "model: random operations of 3 users (%s)", p->name);
	host_test(name, seed, run_model, &seed);
}

/* ---- */

static int run_holes1(void *arg) { holes_most = 1; return run_places(arg); }
static int run_holes3(void *arg) { holes_most = 3; return run_places(arg); }
static int run_holes12(void *arg) { holes_most = 12; return run_places(arg); }

static const struct { const char *name; int (*fn)(void *); } tests[] = {
	{ "places: new files begin at a stripe unit, where holes are short", run_holes1 },
	{ "places: ... where there are some", run_holes3 },
	{ "places: ... where there is room", run_holes12 },
	{ "growth: what grows stays in one piece, or goes on at a stripe unit", run_growth },
	{ "growth: lengths past the end are rounded", run_rounding },
	{ "full: every block can be had", run_full },
	{ "chunks of inodes begin at a stripe unit", run_inodes },
};

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 5;
	char name[200];
	int i, t;

	uv_setup("t_stripe");
	for (i = 0; i < ARRAY_SIZE(profiles); i++) {
		for (t = 0; t <= ARRAY_SIZE(tests); t++) {
			snprintf(name, sizeof(name), "%s (%s)", t < ARRAY_SIZE(tests) ? tests[t].name : "model", profiles[i].name);
			if (!strstr(name, only))
				continue;
			if (uv_make(&profiles[i]))
				return 2;
			if (t < ARRAY_SIZE(tests))
				host_test(name, seed + t, tests[t].fn, NULL);
			else
				model(&profiles[i], seed + i);
			host_test_begin("... and xfs_repair is content");
			CHECK(uv_repair_clean("stripe"));
			host_test_end();
		}
	}
	if (strstr("options", only))
		options();
	uv_teardown();
	return host_test_exit();
}
