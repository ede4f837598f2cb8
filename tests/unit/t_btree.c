// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one btree algorithm over a tree of ranges that overlap, which no structure of ours has: blocks of an AG, root here.
 * Records are inserted, changed and deleted at random, with few to a block; after each step every node must say of
 * each child what is true, and a question for all ranges that cover a place must get the answer that a plain array gives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_btree.h"
#include "dx_alloc.h"

#define MAGIC		0x54455354u	/* TEST */
#define SPACE		4000u		/* places that ranges may begin at */
#define POOL		600

struct range { u32 len; };		/* by its start; 0: none */

static struct range model[SPACE];
static u32 nranges;
static u64 pool[POOL];			/* blocks that nobody else has */
static u32 npool;
static u64 root;
static int levels;
static u32 per_block;			/* records or entries: few, so that the tree is high */

/* ---- the tree ---- */

static u32 t_maxrecs(struct dx_btree_cur *cur, int level) { return per_block; }
static u32 t_minrecs(struct dx_btree_cur *cur, int level) { return per_block / 2; }
static u64 t_owner(struct dx_btree_cur *cur) { return 0; }
static u64 t_get_root(struct dx_btree_cur *cur) { return root; }
static void t_set_root(struct dx_btree_cur *cur, u64 ptr, int delta) { root = ptr; levels += delta; }

static int t_alloc(struct dx_btree_cur *cur, u64 near, u64 *ptr)
{
	*ptr = npool ? pool[--npool] : DX_BT_NULLPTR;
	return 0;
}

static int t_free(struct dx_btree_cur *cur, struct dx_buf *bp)
{
	pool[npool++] = (bp->b_daddr >> cur->mp->blkbb_log) % cur->mp->sb.agblocks;
	return 0;
}

/* On disk: start, length, both be64. */
static void t_rec_from_disk(const void *disk, union dx_btree_rec *rec)
{
	rec->bmbt.startoff = get_unaligned_be64(disk);
	rec->bmbt.blockcount = get_unaligned_be64((const char *)disk + 8);
}
static void t_rec_to_disk(void *disk, const union dx_btree_rec *rec)
{
	put_unaligned_be64(rec->bmbt.startoff, disk);
	put_unaligned_be64(rec->bmbt.blockcount, (char *)disk + 8);
}
static void t_key_from_disk(const void *disk, union dx_btree_key *key) { key->bmbt.startoff = get_unaligned_be64(disk); }
static void t_key_to_disk(void *disk, const union dx_btree_key *key) { put_unaligned_be64(key->bmbt.startoff, disk); }
static void t_key_from_rec(const union dx_btree_rec *rec, union dx_btree_key *key) { key->bmbt.startoff = rec->bmbt.startoff; }
static void t_high_key(const union dx_btree_rec *rec, union dx_btree_key *key)
{
	key->bmbt.startoff = rec->bmbt.startoff + rec->bmbt.blockcount - 1;
}
static int t_key_cmp(const union dx_btree_key *a, const union dx_btree_key *b)
{
	return a->bmbt.startoff < b->bmbt.startoff ? -1 : a->bmbt.startoff > b->bmbt.startoff;
}
static const char *t_check(struct dx_btree_cur *cur, const union dx_btree_rec *rec)
{
	return rec->bmbt.startoff >= SPACE ? "start" : rec->bmbt.blockcount ? NULL : "length";
}

static int t_verify_read(struct dx_buf *bp)
{
	static const u32 mxr[2] = { 64, 64 };
	int error = dx_btree_block_verify_crc(bp, false);

	return error ? error : dx_btree_block_verify(bp, MAGIC, false, DX_BTREE_MAXLEVELS, mxr);
}
static int t_verify_write(struct dx_buf *bp)
{
	dx_btree_block_stamp(bp, false);
	return 0;
}

static const struct dx_buf_ops t_buf_ops = {
	.name = "block of a test", .magic32 = MAGIC, .verify_read = t_verify_read, .verify_write = t_verify_write,
};
static const struct dx_btree_ops t_ops = {
	.name = "tree of a test", .magic = MAGIC, .flags = DX_BT_OVERLAPPING, .rec_len = 16, .key_len = 8, .buf_ops = &t_buf_ops,
	.maxrecs = t_maxrecs, .minrecs = t_minrecs, .owner = t_owner, .get_root = t_get_root, .set_root = t_set_root,
	.alloc_block = t_alloc, .free_block = t_free, .rec_from_disk = t_rec_from_disk, .rec_to_disk = t_rec_to_disk,
	.key_from_disk = t_key_from_disk, .key_to_disk = t_key_to_disk, .key_from_rec = t_key_from_rec,
	.high_key_from_rec = t_high_key, .key_cmp = t_key_cmp, .check_rec = t_check,
};

static struct dx_btree_cur *t_cursor(struct dx_mount *mp, struct dx_trans *tp)
{
	return dx_btree_new_cursor(mp, tp, DX_BTNUM_BNO, &t_ops, levels);
}

/* ---- what must be true ---- */

/* Each block below @agbno, by hand; out: the lowest and the highest place. */
static bool walk(struct dx_mount *mp, struct dx_trans *tp, u64 agbno, int level, u64 *low, u64 *high, u32 *nrecs, u32 *nblocks)
{
	struct dx_buf *bp;
	struct dx_btree_sblock *b;
	u32 n, i, slots = (mp->sb.blocksize - DX_BTREE_SBLOCK_LEN) / 20;
	char *base, *ptrs;
	bool ok = true;

	if (!CHECK(!dx_trans_read_buf(mp, tp, dx_agb_to_daddr(mp, 0, agbno), 1u << mp->blkbb_log, 0, &t_buf_ops, &bp)))
		return false;
	b = bp->b_addr;
	n = be16_to_cpu(b->bb_numrecs);
	base = (char *)b + DX_BTREE_SBLOCK_LEN;
	ptrs = base + slots * 16;
	++*nblocks;
	ok &= CHECK_EQ(be16_to_cpu(b->bb_level), level);
	ok &= CHECK(n <= per_block && (n >= per_block / 2 || level == levels - 1));
	*low = ~0ULL;
	*high = 0;
	for (i = 0; ok && i < n; i++) {
		u64 l = get_unaligned_be64(base + i * 16), h = get_unaligned_be64(base + i * 16 + 8), cl, ch;

		if (level == 0) {
			h = l + h - 1;
			ok &= CHECK(l < SPACE && model[l].len == h - l + 1);
			++*nrecs;
		} else {
			ok &= walk(mp, tp, get_unaligned_be32(ptrs + i * 4), level - 1, &cl, &ch, nrecs, nblocks);
			ok &= CHECK_EQ(cl, l) && CHECK_EQ(ch, h);
		}
		ok &= CHECK(!i || l > *low || level == 0);
		*low = min(*low, l);
		*high = max(*high, h);
	}
	dx_trans_let_go(tp, bp);
	return ok;
}

static u64 got_sum, got_n, got_last;

static int note(struct dx_btree_cur *cur, const union dx_btree_rec *rec, void *data)
{
	CHECK(!got_n || rec->bmbt.startoff > got_last);
	got_last = rec->bmbt.startoff;
	got_n++;
	got_sum += rec->bmbt.startoff * 31 + rec->bmbt.blockcount;
	return data && got_n == *(u64 *)data ? 1 : 0;
}

static bool ask(struct dx_mount *mp, struct dx_trans *tp, u64 low, u64 high)
{
	union dx_btree_key l = { .bmbt = { low } }, h = { .bmbt = { high } };
	struct dx_btree_cur *cur = t_cursor(mp, tp);
	u64 sum = 0, n = 0, half;
	bool ok;
	u32 i;

	for (i = 0; i < SPACE && i <= high; i++) {
		if (model[i].len && i + model[i].len - 1 >= low) {
			sum += i * 31ull + model[i].len;
			n++;
		}
	}
	got_sum = got_n = 0;
	ok = CHECK_EQ(dx_btree_query_overlap(cur, &l, &h, note, NULL), 0) && CHECK_EQ(got_n, n) && CHECK_EQ(got_sum, sum);
	half = n / 2;
	if (ok && half) {
		got_n = 0;
		ok = CHECK_EQ(dx_btree_query_overlap(cur, &l, &h, note, &half), 1) && CHECK_EQ(got_n, half);
	}
	dx_btree_del_cursor(cur, 0);
	return ok;
}

/* ---- random steps ---- */

static u32 some_len(u64 *r)
{
	return uv_rand(r) % 4 ? 1 + uv_rand(r) % 8 : 1 + uv_rand(r) % (uv_rand(r) % 2 ? 100 : SPACE);
}

static bool step(struct dx_mount *mp, struct dx_trans *tp, u64 *r, u32 aim)
{
	struct dx_btree_cur *cur = t_cursor(mp, tp);
	u32 at = uv_rand(r) % SPACE, len = some_len(r);
	int stat = 0, error = 0;

	if (nranges < aim && !model[at].len) {
		cur->rec.bmbt.startoff = at;
		cur->rec.bmbt.blockcount = len;
		error = dx_btree_insert(cur, &stat);
		CHECK(stat == 1);
		model[at].len = len;
		nranges++;
	} else {
		while (nranges && !model[at].len)
			at = (at + 1) % SPACE;
		if (!nranges)
			goto out;
		cur->rec.bmbt.startoff = at;
		error = dx_btree_lookup(cur, DX_LOOKUP_EQ, &stat);
		CHECK(!error && stat == 1);
		if (nranges > aim || uv_rand(r) % 2) {
			error = dx_btree_delete(cur, &stat);
			CHECK(stat == 1);
			model[at].len = 0;
			nranges--;
		} else {
			cur->rec.bmbt.blockcount = len;
			error = dx_btree_update(cur, &cur->rec);
			model[at].len = len;
		}
	}
out:
	dx_btree_del_cursor(cur, error);
	return CHECK_EQ(error, 0);
}

static int grow_and_shrink(void *arg)
{
	u64 r = *(u64 *)arg, low, high;
	struct dx_trans *tp;
	struct dx_buf *bp;
	u32 i, round, nblocks = 0, most = 0;
	int error, highest = 0;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	for (npool = 0; npool < POOL; npool++) {
		struct dx_alloc_arg a = { .mp = mp, .type = DX_ALLOC_NEAR, .minlen = 1, .maxlen = 1, .prod = 1, .alignment = 1,
					  .fsbno = dx_agb_to_fsb(mp, 0, 100 + npool) };

		CHECK(!dx_trans_alloc(mp, DX_RESV_WRITE, 1, 0, &tp));
		a.tp = tp;
		CHECK(!dx_alloc_extents(&a) && a.fsbno != DX_NULLFSBNO);
		pool[npool] = dx_fsb_to_agbno(mp, a.fsbno);
		CHECK(!dx_trans_commit(tp));
	}
	root = pool[--npool];
	levels = 1;
	CHECK(!dx_trans_alloc(mp, DX_RESV_WRITE, 0, 0, &tp));
	CHECK(!dx_trans_get_buf(mp, tp, dx_agb_to_daddr(mp, 0, root), 1u << mp->blkbb_log, DX_GET_NEW, &bp));
	dx_btree_block_init(mp, bp, &t_ops, 0, 0, 0);
	dx_trans_log_buf(tp, bp, 0, mp->sb.blocksize - 1);
	CHECK(!dx_trans_commit(tp));

	for (round = 0; round < 12 && !host_checks_failed; round++) {
		u32 aim = round % 3 == 2 ? uv_rand(&r) % 4 : 100 + uv_rand(&r) % 400;

		for (i = 0; i < 500 && !host_checks_failed; i++) {
			u32 nrecs = 0;

			nblocks = 0;
			CHECK(!dx_trans_alloc(mp, DX_RESV_WRITE, 0, 0, &tp));
			if (!step(mp, tp, &r, aim) || (i % 8 == 0 && !(walk(mp, tp, root, levels - 1, &low, &high, &nrecs, &nblocks) &&
								      CHECK_EQ(nrecs, nranges) && CHECK_EQ(nblocks, POOL - npool)))) {
				printf("  seed %llu round %u step %u\n", (unsigned long long)*(u64 *)arg, round, i);
			}
			if (i % 4 == 0) {
				low = uv_rand(&r) % SPACE;
				ask(mp, tp, low, low + (uv_rand(&r) % 3 ? 0 : uv_rand(&r) % 300));
			}
			CHECK(!dx_trans_commit(tp));
			highest = max(highest, levels);
			most = max(most, nranges);
		}
	}
	printf("# up to %u ranges, %d levels\n", most, highest);
	CHECK(highest >= (per_block < 6 ? 5 : 3));
	/* the blocks are nobody's: this volume is not looked at again */
	dx_force_shutdown(mp, DX_SHUT_FORCE_UMOUNT, "end of the test");
	uv_umount(mp);
	return 0;
}

/* ---- crafted: the walk must end ---- */

/* Entries of a node that all lead to one child, or say too little or too much of it. */
static int crafted(void *arg)
{
	u32 what = *(u32 *)arg, slots, i;
	u64 all = ~0ULL >> 1;
	struct dx_trans *tp;
	struct dx_buf *bp, *leaf;
	int error;
	struct dx_mount *mp = uv_mount(&error);
	union dx_btree_key l = { .bmbt = { 0 } }, h = { .bmbt = { all } };
	struct dx_btree_cur *cur;
	char *base;

	if (!CHECK(mp))
		return error;
	slots = (mp->sb.blocksize - DX_BTREE_SBLOCK_LEN) / 20;
	CHECK(!dx_trans_alloc(mp, DX_RESV_WRITE, 0, 0, &tp));
	CHECK(!dx_trans_get_buf(mp, tp, dx_agb_to_daddr(mp, 0, 3000), 1u << mp->blkbb_log, 0, &bp));
	CHECK(!dx_trans_get_buf(mp, tp, dx_agb_to_daddr(mp, 0, 3001), 1u << mp->blkbb_log, 0, &leaf));
	dx_btree_block_init(mp, bp, &t_ops, 1, 4, 0);
	dx_btree_block_init(mp, leaf, &t_ops, 0, 1, 0);
	bp->b_flags |= DX_BF_DONE;
	leaf->b_flags |= DX_BF_DONE;
	base = (char *)leaf->b_addr + DX_BTREE_SBLOCK_LEN;
	put_unaligned_be64(10, base);
	put_unaligned_be64(5, base + 8);
	base = (char *)bp->b_addr + DX_BTREE_SBLOCK_LEN;
	for (i = 0; i < 4; i++) {
		put_unaligned_be64(what == 0 ? 10 : 10 + i, base + i * 16);	/* the same again; or not its first key */
		put_unaligned_be64(14, base + i * 16 + 8);
		put_unaligned_be32(3001, base + slots * 16 + i * 4);
	}
	root = 3000;
	levels = 2;
	cur = t_cursor(mp, tp);
	got_n = 0;
	CHECK_EQ(dx_btree_query_overlap(cur, &l, &h, note, NULL), -EFSCORRUPTED);
	CHECK(got_n <= 1);
	dx_btree_del_cursor(cur, -EFSCORRUPTED);
	dx_trans_cancel(tp);
	return uv_umount(mp);
}

int main(void)
{
	static const struct uv_profile volume = { "1 KiB blocks", "--unsupported -b size=1024 -d agcount=1 -m reflink=0", 64 };
	static const u32 widths[] = { 4, 5, 7, 12 };
	char name[100];
	u64 seed;
	u32 i;

	uv_setup("t_btree");
	if (uv_make(&volume))
		return 1;
	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		per_block = widths[i];
		seed = i + 1;
		memset(model, 0, sizeof(model));
		nranges = 0;
		host_dev_reset(uv_dev);
		snprintf(name, sizeof(name), "ranges that overlap, %u to a block", per_block);
		host_test(name, 0, grow_and_shrink, &seed);
	}
	for (i = 0; i < 2; i++) {
		host_dev_reset(uv_dev);
		host_test(i ? "a node that does not say what is below it" : "a node with one child four times", 0, crafted, &i);
	}
	uv_teardown();
	return host_test_exit();
}
