// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reference counts: random changes of the counts of the blocks of an AG against a plain array, all records compared after each;
 * a tree of several levels that goes away again; questions for what is shared.  Then files that share blocks, changed at random:
 * the trees are compared with all that maps blocks; a power cut behind each step of what shares and frees; what a
 * crash leaves of copies on write; records that cannot be.
 *
 *	REFCOUNT_SAVE=DIR t_refcount	leaves volumes there whose log has updates to be finished, for another kernel to recover
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "util_meta.h"
#include "dx_alloc.h"
#include "dx_bmap_int.h"
#include "dx_log.h"

/* ---- counts against an array ---- */

#define SPAN	20000u
#define FREE	0u
#define STAGED	~0u

static u32 count[SPAN];		/* owners of each block from @base on */
static dx_agbno_t base;
static dx_agno_t ag;

static struct dx_trans *begin(struct dx_mount *mp)
{
	struct dx_trans *tp = NULL;

	CHECK(!dx_trans_alloc(mp, DX_RESV_WRITE, 0, 0, &tp));
	return tp;
}

static int take(struct dx_mount *mp, dx_agbno_t bno, u32 len, u32 type)
{
	struct dx_trans *tp = NULL;
	struct dx_alloc_arg a = {
		.mp = mp, .fsbno = dx_agb_to_fsb(mp, ag, bno), .type = DX_ALLOC_EXACT, .minlen = len, .maxlen = len, .prod = 1,
		.alignment = 1,
	};
	int error = dx_trans_alloc(mp, DX_RESV_WRITE, len, 0, &tp);

	if (error)
		return error;
	a.tp = tp;
	error = dx_alloc_extents(&a);
	if (!error && type && a.fsbno != DX_NULLFSBNO)
		dx_defer_refcount(tp, type, a.fsbno, len);
	/* the free list may have changed all the same */
	error = dx_trans_end(tp, error);
	return error || a.fsbno != DX_NULLFSBNO ? error : -ENOSPC;
}

static int change(struct dx_mount *mp, u32 type, dx_agbno_t bno, u32 len)
{
	struct dx_trans *tp = begin(mp);

	dx_defer_refcount(tp, type, dx_agb_to_fsb(mp, ag, bno), len);
	if (type == DX_CUI_FREE_COW)
		CHECK(!dx_defer_free(tp, dx_agb_to_fsb(mp, ag, bno), len, false));
	return dx_trans_commit(tp);
}

static u32 nblocks_seen;

static int see(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	u32 n = be16_to_cpu(((struct dx_btree_sblock *)bp->b_addr)->bb_numrecs);

	nblocks_seen++;
	if (cur->nlevels > 1)
		CHECK(n >= (level == cur->nlevels - 1 ? 2 : cur->mp->refc_mnr[level > 0]));
	return 0;
}

static bool next_run(bool cow, u32 *at, union dx_btree_rec *rec)
{
	u32 i = *at, from;

	while (i < SPAN && (cow ? count[i] != STAGED : count[i] == STAGED || count[i] < 2))
		i++;
	if (i == SPAN)
		return false;
	for (from = i; i < SPAN && count[i] == count[from]; i++)
		;
	*at = i;
	rec->refc.startblock = (base + from) | (cow ? DX_REFC_COWFLAG : 0);
	rec->refc.blockcount = i - from;
	rec->refc.refcount = cow ? 1 : count[from];
	return true;
}

/* Do the records say what the array says, no more, and in as few as can be? */
static bool same(struct dx_mount *mp)
{
	struct dx_btree_cur *cur;
	union dx_btree_rec rec, want = { };
	struct dx_buf *agf;
	bool cow = false, more;
	u32 at = 0;
	int stat, error;

	if (!CHECK(!dx_agf_read(mp, NULL, ag, 0, &agf)))
		return false;
	cur = dx_refcountbt_cursor(mp, NULL, agf, ag);
	nblocks_seen = 0;
	CHECK(!dx_btree_visit_blocks(cur, see, NULL));
	CHECK_EQ(nblocks_seen, be32_to_cpu(((struct dx_agf *)agf->b_addr)->agf_refcntblocks));
	CHECK_EQ(nblocks_seen, dx_perag(mp, ag)->resv[DX_AGRESV_REFCOUNTBT].used);
	dx_btree_del_cursor(cur, 0);

	cur = dx_refcountbt_cursor(mp, NULL, agf, ag);
	error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	for (;;) {
		more = next_run(cow, &at, &want);
		if (!more && !cow) {
			cow = true;
			at = 0;
			more = next_run(cow, &at, &want);
		}
		if (!error && stat)
			error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat || !more)
			break;
		if (rec.refc.startblock != want.refc.startblock || rec.refc.blockcount != want.refc.blockcount ||
		    rec.refc.refcount != want.refc.refcount)
			break;
		error = dx_btree_increment(cur, 0, &stat);
	}
	CHECK(!error);
	if (stat || more) {
		printf("  want%s block 0x%x length %u count %u, the tree has%s block 0x%x length %u count %u\n", more ? "" : " none, not",
		       want.refc.startblock, want.refc.blockcount, want.refc.refcount, stat ? "" : " none, not",
		       rec.refc.startblock, rec.refc.blockcount, rec.refc.refcount);
		CHECK(!"the same records");
	}
	dx_btree_del_cursor(cur, error);
	dx_buf_leave(agf);
	return !error && !stat && !more;
}

/* Ask for what is shared of this. */
static void ask_one(struct dx_mount *mp, struct dx_refcount_asker *a, u32 from, u32 len)
{
	dx_fsbno_t fsbno = dx_agb_to_fsb(mp, ag, base + from);
	dx_extlen_t before, shared;
	u32 b, n;

	for (b = 0; b < len && (count[from + b] == STAGED || count[from + b] < 2); b++)
		;
	for (n = 0; b + n < len && count[from + b + n] != STAGED && count[from + b + n] > 1; n++)
		;
	if (a)
		CHECK(!dx_refcount_ask(a, fsbno, len, &before, &shared));
	else
		CHECK(!dx_refcount_find_shared(mp, fsbno, len, &before, &shared));
	CHECK_EQ(before, b);
	CHECK_EQ(shared, n);
}

/* Ask once, anywhere; then in a row: mostly a bit further, sometimes back. */
static void ask(struct dx_mount *mp, u64 *s)
{
	u32 from = uv_rand(s) % SPAN, len = 1 + uv_rand(s) % min(SPAN - from, 300u), i, most = 1 + uv_rand(s) % 12;
	struct dx_refcount_asker *a;

	ask_one(mp, NULL, from, len);
	a = dx_refcount_ask_begin(mp);
	for (i = 0; i < 100; i++) {
		len = 1 + uv_rand(s) % min(SPAN - from, most);
		ask_one(mp, a, from, len);
		if (uv_rand(s) % 8)
			from += uv_rand(s) % (2 * most);
		else
			from -= min(from, (u32)(uv_rand(s) % 30));
		if (from >= SPAN)
			from = uv_rand(s) % SPAN;
	}
	dx_refcount_ask_end(a);
}

/* Where a run begins that @type can be done to, and how long it may be. */
static u32 pick(u32 type, u32 *len, u64 *s)
{
	u32 at = uv_rand(s) % SPAN, i, most = 1 + uv_rand(s) % (uv_rand(s) % 4 ? 9 : 700);

	for (i = at; i < SPAN && i - at < most; i++) {
		bool free = count[i] == FREE, staged = count[i] == STAGED;

		if (type == DX_CUI_ALLOC_COW || !type ? !free : type == DX_CUI_FREE_COW ? !staged : free || staged)
			break;
	}
	*len = i - at;
	return at;
}

static void step(struct dx_mount *mp, u64 *s)
{
	static const u32 types[] = { DX_CUI_INCREASE, DX_CUI_INCREASE, DX_CUI_DECREASE, DX_CUI_DECREASE, DX_CUI_ALLOC_COW,
				     DX_CUI_FREE_COW, 0, 0 };
	u32 type = types[uv_rand(s) % ARRAY_SIZE(types)], len, at = pick(type, &len, s), i;

	if (!len)
		return;
	if (!type || type == DX_CUI_ALLOC_COW) {
		int error = take(mp, base + at, len, type);

		/* the tree has some of what was freed */
		if (error == -ENOSPC)
			return;
		CHECK(!error);
	} else {
		CHECK(!change(mp, type, base + at, len));
	}
	for (i = at; i < at + len; i++) {
		if (type == DX_CUI_ALLOC_COW)
			count[i] = STAGED;
		else if (type == DX_CUI_FREE_COW)
			count[i] = FREE;
		else
			count[i] += type == DX_CUI_DECREASE ? -1 : 1;
	}
	ask(mp, s);
}

static void drop_all(struct dx_mount *mp)
{
	u32 i, n;

	for (i = 0; i < SPAN && !host_checks_failed; i += n) {
		for (n = 1; i + n < SPAN && count[i + n] == count[i]; n++)
			;
		for (; count[i]; count[i] = count[i] == STAGED ? 0 : count[i] - 1)
			CHECK(!change(mp, count[i] == STAGED ? DX_CUI_FREE_COW : DX_CUI_DECREASE, base + i, n));
	}
	memset(count, 0, sizeof(count));
}

static int random_counts(void *arg)
{
	u64 seed = *(u64 *)arg;
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_statfs before, after;
	u32 i;

	if (!CHECK(mp))
		return error;
	ag = 0;
	base = 4000;
	memset(count, 0, sizeof(count));
	dx_mount_statfs(mp, &before);
	CHECK(!take(mp, base, SPAN, 0));
	for (i = 0; i < SPAN; i++)
		count[i] = 1;
	/* every other block, so that the tree is high; then holes and bridges */
	for (i = 0; i < SPAN && !host_checks_failed; i += 2) {
		CHECK(!change(mp, DX_CUI_INCREASE, base + i, 1));
		count[i]++;
	}
	CHECK(same(mp));
	CHECK_EQ(dx_perag(mp, ag)->levels[DX_BTNUM_REFC], mp->sb.blocksize == 1024 ? 3 : 2);
	CHECK(!change(mp, DX_CUI_INCREASE, base + 100, 5000));
	for (i = 100; i < 5100; i++)
		count[i]++;
	CHECK(same(mp));
	CHECK(!change(mp, DX_CUI_DECREASE, base, 9000));
	for (i = 0; i < 9000; i++)
		count[i]--;
	CHECK(same(mp));
	for (i = 0; i < 1500 && !host_checks_failed; i++) {
		step(mp, &seed);
		CHECK(same(mp));
	}
	drop_all(mp);
	CHECK(same(mp));
	CHECK_EQ(dx_perag(mp, ag)->levels[DX_BTNUM_REFC], 1);
	CHECK_EQ(dx_perag(mp, ag)->resv[DX_AGRESV_REFCOUNTBT].used, 1);
	dx_mount_statfs(mp, &after);
	CHECK_EQ(before.bfree, after.bfree);
	return uv_umount(mp);
}

/* ---- nothing is free ---- */

static int grow_when_full(void *arg)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (u8 *)"big", .len = 3, .ftype = DX_DIR3_FT_REG_FILE };
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *ip;
	struct dx_statfs st;
	u64 off = 0, step;
	u32 i;

	if (!CHECK(mp))
		return error;
	ag = 0;
	base = 4000;
	memset(count, 0, sizeof(count));
	CHECK(!take(mp, base, 8000, 0));
	CHECK(!change(mp, DX_CUI_INCREASE, base, 8000));
	for (i = 0; i < 8000; i++)
		count[i] = 2;
	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	for (step = 8 << 20; step >= mp->sb.blocksize; ) {
		error = dx_alloc_file_space(ip, off, step);
		if (!error)
			off += step;
		else if (CHECK_EQ(error, -ENOSPC))
			step /= 2;
		else
			break;
	}
	dx_mount_statfs(mp, &st);
	CHECK(st.bfree < 100);
	/* from one record thousands */
	for (i = 0; i < 8000 && !host_checks_failed; i += 2) {
		CHECK(!change(mp, DX_CUI_DECREASE, base + i, 1));
		count[i]--;
	}
	CHECK(!dx_is_shutdown(mp));
	CHECK(same(mp));
	CHECK(dx_perag(mp, ag)->resv[DX_AGRESV_REFCOUNTBT].used > 40);
	dx_mount_statfs(mp, &st);
	CHECK(st.bfree < 100);
	drop_all(mp);
	CHECK(same(mp));
	CHECK_EQ(dx_perag(mp, ag)->resv[DX_AGRESV_REFCOUNTBT].used, 1);
	dx_idrop(ip);
	return uv_umount(mp);
}

/* ---- it cannot be said how many ---- */

static int countless(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_btree_cur *cur;
	struct dx_trans *tp;
	struct dx_buf *agf;
	int stat;

	if (!CHECK(mp))
		return error;
	ag = 0;
	base = 4000;
	memset(count, 0, sizeof(count));
	CHECK(!take(mp, base, 30, 0));
	CHECK(!change(mp, DX_CUI_INCREASE, base, 30));
	tp = begin(mp);
	CHECK(!dx_agf_read(mp, tp, ag, 0, &agf));
	cur = dx_refcountbt_cursor(mp, tp, agf, ag);
	cur->rec.refc.startblock = base;
	CHECK(!dx_btree_lookup(cur, DX_LOOKUP_EQ, &stat) && stat);
	cur->rec.refc.blockcount = 30;
	cur->rec.refc.refcount = ~0U - 1;
	CHECK(!dx_btree_update(cur, &cur->rec));
	dx_btree_del_cursor(cur, 0);
	CHECK(!dx_trans_commit(tp));
	CHECK(!change(mp, DX_CUI_INCREASE, base, 20));
	CHECK(!change(mp, DX_CUI_INCREASE, base, 20));
	CHECK(!change(mp, DX_CUI_DECREASE, base, 10));
	CHECK(!change(mp, DX_CUI_DECREASE, base + 20, 10));
	tp = begin(mp);
	CHECK(!dx_agf_read(mp, tp, ag, 0, &agf));
	cur = dx_refcountbt_cursor(mp, tp, agf, ag);
	CHECK(!dx_btree_lookup(cur, DX_LOOKUP_GE, &stat) && stat);
	CHECK(!dx_btree_get_rec(cur, &cur->rec, &stat) && stat);
	CHECK_EQ(cur->rec.refc.blockcount, 20);
	CHECK_EQ(cur->rec.refc.refcount, ~0U);
	CHECK(!dx_btree_increment(cur, 0, &stat) && stat);
	CHECK(!dx_btree_get_rec(cur, &cur->rec, &stat) && stat);
	CHECK_EQ(cur->rec.refc.refcount, ~0U - 2);
	dx_btree_del_cursor(cur, 0);
	dx_trans_cancel(tp);
	return uv_umount(mp);
}

/* ---- what cannot be ---- */

static const struct wrong { const char *name; u32 first, type, at, len; const char *says; } wrongs[] = {
	{ "staged twice", DX_CUI_ALLOC_COW, DX_CUI_ALLOC_COW, 5, 10, "staged twice" },
	{ "not staged any more, but never was", DX_CUI_ALLOC_COW, DX_CUI_FREE_COW, 15, 10, "not staged" },
	{ "staged, and shared", DX_CUI_INCREASE, DX_CUI_ALLOC_COW, 10, 5, "staged and shared" },
};

static int wrong(void *arg)
{
	const struct wrong *t = arg;
	int error;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	ag = 0;
	base = 4000;
	CHECK(!take(mp, base, 30, 0));
	CHECK(!change(mp, t->first, base, 20));
	error = change(mp, t->type, base + t->at, t->len);
	CHECK(error == -EFSCORRUPTED || error == -EIO);
	CHECK(dx_is_shutdown(mp));
	CHECK(host_log_has(t->says));
	uv_umount(mp);
	return 0;
}

/* ---- files that share ---- */


static struct dx_mount *mount(bool ro, int *error)
{
	struct dx_mount_opts opts = { .ro = ro };

	return uv_mount_dev(uv_dev, &opts, error);
}

static struct dx_inode *make(struct dx_mount *mp, const char *name)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip = NULL;

	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	return ip;
}

static struct dx_inode *look(struct dx_mount *mp, const char *name)
{
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name) };
	struct dx_inode *ip = NULL;
	dx_ino_t ino;

	if (CHECK(!dx_dir_lookup(NULL, mp->rootip, &n, &ino, NULL)))
		CHECK(!dx_iget(mp, NULL, ino, 0, &ip));
	return ip;
}

static int drop_name(struct dx_mount *mp, const char *name, struct dx_inode *ip)
{
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	int error = dx_remove(mp->rootip, &n, ip);

	dx_idrop(ip);
	dx_icache_flush_inactive(mp);
	return error;
}

/* In a transaction of its own: @r is in @dst, too, at @off, where there is nothing. */
static int map_too(struct dx_inode *dst, const struct dx_irec *r, dx_fileoff_t off)
{
	struct dx_mount *mp = dst->mp;
	struct dx_irec mid = *r;
	struct dx_bmap_edit e;
	struct dx_trans *tp;
	int error = dx_trans_alloc(mp, DX_RESV_WRITE, mp->bm_maxlevels[0], 0, &tp);

	if (error)
		return error;
	mid.startoff = off;
	dx_ilock(dst, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, dst, DX_ILOCK_EXCL);
	error = dx_iread_extents(tp, dst, DX_DATA_FORK);
	dst->d.flags2 |= DX_DIFLAG2_REFLINK;
	dst->d.nblocks += r->blockcount;
	dx_bmap_edit_begin(&e, tp, dst, DX_DATA_FORK);
	if (!error)
		error = dx_bmap_remap(&e, NULL, &mid, off, r->blockcount);
	error = dx_bmap_edit_end(&e, error);
	dx_trans_log_inode(tp, dst, DX_ILOG_CORE);
	dx_defer_refcount(tp, DX_CUI_INCREASE, r->startblock, r->blockcount);
	return dx_trans_end(tp, error);
}

static int set_shares(struct dx_inode *ip)
{
	struct dx_trans *tp;
	int error = dx_trans_alloc(ip->mp, DX_RESV_ICHANGE, 0, 0, &tp);

	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	ip->d.flags2 |= DX_DIFLAG2_REFLINK;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	return dx_trans_commit(tp);
}

static bool extent_at(struct dx_inode *ip, dx_fileoff_t off, struct dx_irec *r)
{
	struct dx_iext_cur icur;
	bool found;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_iread_extents(NULL, ip, DX_DATA_FORK));
	found = dx_iext_lookup(&ip->df.ext, off, &icur, r);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return found;
}

/* What a clone does: [off, off+len) of @src is at @doff of @dst, too. */
static int clone(struct dx_inode *src, dx_fileoff_t off, dx_filblks_t len, struct dx_inode *dst, dx_fileoff_t doff)
{
	u32 bs = src->mp->sb.blocksize;
	dx_fileoff_t at = off, end = off + len;
	struct dx_irec r;
	int error = set_shares(src);

	if (!error)
		error = dx_free_file_space(dst, doff * bs, len * bs);
	while (!error && at < end && extent_at(src, at, &r) && r.startoff < end) {
		dx_irec_trim(&r, max(at, r.startoff), min(end, dx_irec_end(&r)));
		at = dx_irec_end(&r);
		error = map_too(dst, &r, doff + r.startoff - off);
	}
	return error;
}

static bool all_agree(struct dx_mount *mp)
{
	return CHECK(!uv_check_refcounts(mp)) && CHECK(!uv_check_rmaps(mp));
}

#define NFILES	4
#define FSPAN	160u		/* blocks of each that are played with */

static int random_files(void *arg)
{
	u64 s = *(u64 *)arg;
	int error;
	struct dx_mount *mp = mount(false, &error);
	struct dx_inode *ip[NFILES];
	struct dx_mapped got;
	char name[2] = "0";
	u32 bs, i;

	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	for (i = 0; i < NFILES; i++) {
		name[0] = '0' + i;
		ip[i] = make(mp, name);
		CHECK(!dx_setsize_trans(ip[i], (u64)FSPAN * bs, false, false));
	}
	for (i = 0; i < 500 && !host_checks_failed; i++) {
		u32 a = uv_rand(&s) % NFILES, b = uv_rand(&s) % NFILES, off = uv_rand(&s) % FSPAN, doff = uv_rand(&s) % FSPAN;
		u32 len = 1 + uv_rand(&s) % min(FSPAN - off, 40u), dlen = min(len, FSPAN - doff), what = uv_rand(&s) % 16;

		if (what < 7 && a != b) {
			CHECK(!clone(ip[a], off, dlen, ip[b], doff));
		} else if (what < 10) {
			CHECK(!dx_free_file_space(ip[a], (u64)off * bs, (u64)len * bs));
		} else if (what < 12) {
			CHECK(!dx_iomap_alloc(ip[a], off, len, false, false, &got));
		} else if (what == 12) {
			CHECK(!dx_iomap_write_unwritten(ip[a], (u64)off * bs, (u64)len * bs, 0));
		} else if (what == 13) {
			CHECK(!dx_free_file_space(ip[a], (u64)off * bs, (u64)len * bs));
			CHECK_EQ(dx_collapse_file_space(ip[a], (u64)off * bs, (u64)len * bs), 0);
			CHECK(!dx_setsize_trans(ip[a], (u64)FSPAN * bs, false, false));
		} else if (what == 14) {
			CHECK(!dx_setsize_trans(ip[a], (u64)off * bs, true, false));
			CHECK(!dx_setsize_trans(ip[a], (u64)FSPAN * bs, false, false));
		} else if (uv_rand(&s) % 4 == 0) {
			name[0] = '0' + a;
			CHECK(!drop_name(mp, name, ip[a]));
			ip[a] = make(mp, name);
			CHECK(!dx_setsize_trans(ip[a], (u64)FSPAN * bs, false, false));
		}
		all_agree(mp);
	}
	for (i = 0; i < NFILES; i++)
		dx_idrop(ip[i]);
	return uv_umount(mp);
}

static int drop_files(void *arg)
{
	int error;
	struct dx_mount *mp = mount(false, &error);
	char name[2] = "0";
	dx_agno_t agno;
	u32 i;

	if (!CHECK(mp))
		return error;
	all_agree(mp);
	for (i = 0; i < NFILES && !host_checks_failed; i++) {
		name[0] = '0' + i;
		CHECK(!drop_name(mp, name, look(mp, name)));
		all_agree(mp);
	}
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		const struct dx_agresv *r = &dx_perag(mp, agno)->resv[DX_AGRESV_REFCOUNTBT];

		CHECK_EQ(r->used, 1);
		CHECK_EQ(r->reserved, r->most - 1);
	}
	return uv_umount(mp);
}

/* ---- a power cut behind each step ---- */

#define LONG	60u

static struct host_dev_snap *snap;
static u32 rolls_left;

/* A transaction of the chain is in the checkpoint: make that durable, and nothing after it. */
static void cut(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if (strcmp(what, "trans_roll") || !c || !rolls_left || --rolls_left)
		return;
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
}

/* A is one extent, B maps the same, C every other block of it: so the counts are 2 and 3, in runs of one block. */
static int victims(void *arg)
{
	int error;
	struct dx_mount *mp = mount(false, &error);
	struct dx_inode *a, *b, *c;
	struct dx_mapped got;
	u32 bs, i;

	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	a = make(mp, "a");
	b = make(mp, "b");
	c = make(mp, "c");
	CHECK(!dx_iomap_alloc(a, 0, LONG, false, false, &got));
	CHECK_EQ(got.rec.blockcount, LONG);
	CHECK(!dx_setsize_trans(a, LONG * bs, false, false));
	CHECK(!dx_setsize_trans(b, LONG * bs, false, false));
	CHECK(!dx_setsize_trans(c, LONG * bs, false, false));
	CHECK(!dx_iomap_write_unwritten(a, 0, LONG * bs, 0));
	CHECK(!clone(a, 0, LONG, b, 0));
	for (i = 0; i < LONG; i += 2)
		CHECK(!clone(a, i, 1, c, i));
	CHECK(!dx_iomap_alloc(c, LONG - 1, 1, false, false, &got));
	all_agree(mp);
	dx_idrop(a);
	dx_idrop(b);
	dx_idrop(c);
	return uv_umount(mp);
}

static int op_clone(struct dx_mount *mp)
{
	struct dx_inode *a = look(mp, "a"), *n = make(mp, "n");
	int error = clone(a, 0, LONG, n, 0);

	dx_idrop(a);
	dx_idrop(n);
	return error;
}

static int with(struct dx_mount *mp, const char *name, int (*fn)(struct dx_inode *ip, u32 bs))
{
	struct dx_inode *ip = look(mp, name);
	int error = fn(ip, mp->sb.blocksize);

	dx_idrop(ip);
	return error;
}

static int truncate_it(struct dx_inode *ip, u32 bs) { return dx_setsize_trans(ip, 1, true, false); }
static int punch_it(struct dx_inode *ip, u32 bs) { return dx_free_file_space(ip, 10 * bs, 20 * bs); }
static int write_it(struct dx_inode *ip, u32 bs) { return dx_iomap_write_unwritten(ip, (u64)(LONG - 1) * bs, bs, 0); }
static int collapse_it(struct dx_inode *ip, u32 bs)
{
	int error = dx_free_file_space(ip, 7 * bs, 9 * bs);

	return error ? error : dx_collapse_file_space(ip, 7 * bs, 9 * bs);
}

static int op_truncate(struct dx_mount *mp) { return with(mp, "a", truncate_it); }
static int op_punch(struct dx_mount *mp) { return with(mp, "b", punch_it); }
static int op_written(struct dx_mount *mp) { return with(mp, "c", write_it); }
static int op_collapse(struct dx_mount *mp) { return with(mp, "b", collapse_it); }
static int op_unlink(struct dx_mount *mp) { return drop_name(mp, "c", look(mp, "c")); }

static int op_unlink_all(struct dx_mount *mp)
{
	int error = drop_name(mp, "a", look(mp, "a"));

	if (!error)
		error = drop_name(mp, "b", look(mp, "b"));
	return error ? error : drop_name(mp, "c", look(mp, "c"));
}

static int op_stage(struct dx_mount *mp)
{
	u32 n;

	/* they are nobody's as long as the transaction is not committed: the next roll makes them so */
	ag = 0;
	for (n = 0; n < 3; n++)
		CHECK(!take(mp, 9000 + n * 40, 20, DX_CUI_ALLOC_COW));
	CHECK(!take(mp, 9020, 20, DX_CUI_ALLOC_COW));
	CHECK(!change(mp, DX_CUI_FREE_COW, 9010, 20));
	return change(mp, DX_CUI_FREE_COW, 9000, 10);
}

static const struct op { const char *name; int (*fn)(struct dx_mount *mp); u32 rolls; } ops[] = {
	{ "a clone", op_clone, 6 },
	{ "a truncate", op_truncate, 6 },
	{ "a punch", op_punch, 2 },
	{ "a conversion of the only block that is not shared", op_written, 0 },
	{ "a collapse", op_collapse, 1 },
	{ "an unlink", op_unlink, 20 },
	{ "the end of all three", op_unlink_all, 40 },
	{ "blocks staged for copies", op_stage, 6 },
};

static int cut_op(void *arg)
{
	const struct op *op = arg;
	int error;
	struct dx_mount *mp = mount(false, &error);

	if (!CHECK(mp))
		return error;
	mp->trace = cut;
	CHECK(!op->fn(mp));
	mp->trace = NULL;
	return uv_umount(mp);
}

static int recover(void *arg)
{
	bool *ro = arg;
	int error;
	struct dx_mount *mp = mount(*ro, &error);

	if (!CHECK(mp))
		return error;
	all_agree(mp);
	return uv_umount(mp);
}

static void cut_everywhere(const struct op *op)
{
	char name[100], path[300];
	u32 n;
	int ret;

	snprintf(name, sizeof(name), "a power cut at each step of %s", op->name);
	host_test_begin(name);
	host_set_printk(1);
	for (n = 1; n < 400 && !host_checks_failed; n++) {
		bool ro = n % 3 == 2;

		host_dev_snap_restore(uv_dev, snap);
		rolls_left = n;
		host_init(n);
		ret = host_run(cut_op, (void *)op);
		host_kill_world();
		if (!ret)
			break;
		if (!CHECK_EQ(ret, HOST_CRASHED))
			break;
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
		if (getenv("REFCOUNT_SAVE") && n <= 6) {
			snprintf(path, sizeof(path), "%s/%d-%u", getenv("REFCOUNT_SAVE"), (int)(op - ops), n);
			host_dev_save(uv_dev, path);
		}
		host_init(n);
		CHECK_EQ(host_run(recover, &ro), 0);
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		if (n <= 2 || n % 16 == 0)
			CHECK(uv_repair_clean("cut"));
	}
	CHECK(n > op->rolls);
	printf("# %u steps\n", n - 1);
	host_set_printk(5);
	host_test_end();
}

/* ---- records that cannot be ---- */

static const struct bad { const char *name; u32 from_end, off; u64 value; const char *says; } bads[] = {
	{ "no blocks", 1, offsetof(struct dx_refcount_rec, rc_blockcount), 0, "rc_blockcount" },
	{ "a run over the end of the AG", 1, offsetof(struct dx_refcount_rec, rc_blockcount), 0x7fffffff, "rc_blockcount" },
	{ "a start behind the AG", 1, offsetof(struct dx_refcount_rec, rc_startblock), 0x7ffffff0, "rc_startblock" },
	{ "a start in the headers", 60, offsetof(struct dx_refcount_rec, rc_startblock), 0, "rc_startblock" },
	{ "nobody has it", 1, offsetof(struct dx_refcount_rec, rc_refcount), 0, "rc_refcount" },
	{ "one has it", 30, offsetof(struct dx_refcount_rec, rc_refcount), 1, "rc_refcount" },
	{ "staged, and two have it", 1, offsetof(struct dx_refcount_rec, rc_startblock), 0x80001000, "rc_refcount" },
	{ "blocks of the next one, too", 31, offsetof(struct dx_refcount_rec, rc_blockcount), 2, "records overlap" },
	{ "a place in front of all others", 30, offsetof(struct dx_refcount_rec, rc_startblock), 0, "gone" },
};

static int meet_bad(void *arg)
{
	int error;
	struct dx_mount *mp = mount(false, &error);

	if (!mp)
		return CHECK_EQ(error, -EFSCORRUPTED) ? 0 : error;
	error = op_truncate(mp);
	CHECK(error == -EFSCORRUPTED || error == -EIO);
	uv_umount(mp);
	return 0;
}

static void bad_records(const struct bad *b)
{
	u8 *p = malloc(4096);
	u32 bs, root, n, at;
	char name[100];

	snprintf(name, sizeof(name), "a record says: %s", b->name);
	host_test_begin(name);
	host_dev_snap_restore(uv_dev, snap);
	host_dev_peek(uv_dev, 0, p, 512);
	bs = get_unaligned_be32(p + 4);
	host_dev_peek(uv_dev, 512, p, 512);
	root = get_unaligned_be32(p + offsetof(struct dx_agf, agf_refcntroot));
	CHECK_EQ(get_unaligned_be32(p + offsetof(struct dx_agf, agf_refcntlevel)), 1);
	host_dev_peek(uv_dev, (u64)root * bs, p, bs);
	n = get_unaligned_be16(p + 6);
	CHECK_EQ(n, LONG);
	at = DX_BTREE_SBLOCK_LEN + (n - b->from_end) * sizeof(struct dx_refcount_rec);
	meta_put(p, at + b->off, 4, b->value);
	meta_fix_crc(T_REFC, p, bs);
	host_dev_poke(uv_dev, (u64)root * bs, p, bs);
	host_init(0);
	host_set_printk(1);
	CHECK_EQ(host_run(meet_bad, NULL), 0);
	if (!CHECK(host_log_has("corrupt refcountbt") && host_log_has(b->says)))
		printf("%s", host_log());
	CHECK_EQ(host_warn_count, 0);
	host_kill_world();
	host_set_printk(5);
	host_test_end();
	free(p);
}

/* What is wrongly staged stays, and nothing else is changed. */
static const struct leftover { const char *name; u32 bno, len; bool shared, rmapbt; const char *says; } leftovers[] = {
	{ "free blocks", 30000, 3, .says = "and free: it stays" },
	{ "shared ones", .shared = true, .says = "and shared: it stays" },
	{ "a part of the AG", 4, 1, .rmapbt = true, .says = "and somebody's: it stays" },
};

static int meet_leftover(void *arg)
{
	int error;
	struct dx_mount *mp = mount(false, &error);
	struct dx_statfs st;

	if (!CHECK(mp))
		return error;
	dx_mount_statfs(mp, &st);
	CHECK_EQ(st.bfree, *(u64 *)arg);
	CHECK(!dx_is_shutdown(mp));
	return uv_umount(mp);
}

static int count_free(void *arg)
{
	int error;
	struct dx_mount *mp = mount(false, &error);
	struct dx_statfs st;

	if (!CHECK(mp))
		return error;
	dx_mount_statfs(mp, &st);
	*(u64 *)arg = st.bfree;
	return uv_umount(mp);
}

static void bad_leftover(const struct leftover *l)
{
	u8 *p = malloc(4096);
	u32 bs, root, n, bno = l->bno, len = l->len;
	char name[100];
	u64 free_blocks = 0;

	snprintf(name, sizeof(name), "staged for a copy, it says: %s", l->name);
	host_test_begin(name);
	host_dev_snap_restore(uv_dev, snap);
	host_init(0);
	CHECK_EQ(host_run(count_free, &free_blocks), 0);
	host_kill_world();
	host_dev_peek(uv_dev, 0, p, 512);
	bs = get_unaligned_be32(p + 4);
	host_dev_peek(uv_dev, 512, p, 512);
	root = get_unaligned_be32(p + offsetof(struct dx_agf, agf_refcntroot));
	host_dev_peek(uv_dev, (u64)root * bs, p, bs);
	n = get_unaligned_be16(p + 6);
	if (l->shared) {
		bno = get_unaligned_be32(p + DX_BTREE_SBLOCK_LEN);
		len = 1;
	}
	meta_put(p, DX_BTREE_SBLOCK_LEN + n * sizeof(struct dx_refcount_rec), 4, bno | DX_REFC_COWFLAG);
	meta_put(p, DX_BTREE_SBLOCK_LEN + n * sizeof(struct dx_refcount_rec) + 4, 4, len);
	meta_put(p, DX_BTREE_SBLOCK_LEN + n * sizeof(struct dx_refcount_rec) + 8, 4, 1);
	meta_put(p, 6, 2, n + 1);
	meta_fix_crc(T_REFC, p, bs);
	host_dev_poke(uv_dev, (u64)root * bs, p, bs);
	host_init(0);
	host_set_printk(1);
	CHECK_EQ(host_run(meet_leftover, &free_blocks), 0);
	if (!CHECK(host_log_has(l->says)))
		printf("%s", host_log());
	CHECK_EQ(host_warn_count, 0);
	host_kill_world();
	host_set_printk(5);
	host_dev_peek(uv_dev, (u64)root * bs, p, bs);
	CHECK_EQ(get_unaligned_be16(p + 6), n + 1);
	host_test_end();
	free(p);
}

static const struct uv_profile volumes[] = {
	{ "1 KiB blocks", "--unsupported -b size=1024 -d agcount=2 -l size=10m -m reflink=1", 80 },
	{ "1 KiB blocks, rmapbt", "--unsupported -b size=1024 -d agcount=2 -l size=14m -m rmapbt=1,reflink=1", 80 },
	{ "4 KiB blocks", "--unsupported -d agcount=2 -l size=10m -m reflink=1", 256 },
};

static void run(const char *what, const struct uv_profile *p, int (*fn)(void *arg), void *arg, bool clean)
{
	char name[160];

	snprintf(name, sizeof(name), "%s (%s)", what, p->name);
	if (!host_test(name, 0, fn, arg) || !clean)
		return;
	host_test_begin("... and xfs_repair is content");
	CHECK(uv_repair_clean("refcount"));
	host_test_end();
}

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	u32 i;

	uv_setup("t_refcount");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		if (uv_make(&volumes[i]))
			return 1;
		run("counts at random", &volumes[i], random_counts, &seed, true);
	}
	for (i = 0; i < 2; i++) {
		u32 k;

		if (uv_make(&volumes[i]))
			return 1;
		run("it grows where nothing is free", &volumes[i], grow_when_full, NULL, true);

		if (uv_make(&volumes[i]))
			return 1;
		run("files that share, at random", &volumes[i], random_files, &seed, true);
		run("... and their end", &volumes[i], drop_files, NULL, true);
		if (uv_make(&volumes[i]))
			return 1;
		run("files to cut", &volumes[i], victims, NULL, true);
		snap = host_dev_snap_take(uv_dev);
		for (k = 0; k < ARRAY_SIZE(ops); k++)
			cut_everywhere(&ops[k]);
		if (!i)
			for (k = 0; k < ARRAY_SIZE(bads); k++)
				bad_records(&bads[k]);
		for (k = 0; k < ARRAY_SIZE(leftovers); k++)
			if (i || !leftovers[k].rmapbt)
				bad_leftover(&leftovers[k]);
		host_dev_snap_free(snap);
	}
	if (uv_make(&volumes[0]))
		return 1;
	run("more than can be said", &volumes[0], countless, NULL, false);
	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		char name[100];

		snprintf(name, sizeof(name), "blocks are %s", wrongs[i].name);
		host_dev_reset(uv_dev);
		run(name, &volumes[0], wrong, (void *)&wrongs[i], false);
	}
	uv_teardown();
	return host_test_exit();
}
