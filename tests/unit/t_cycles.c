// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pointers that lead back to where they come from, in every structure that has pointers, and blocks that two
 * structures claim: a node that is its own child, two that are each other's, siblings in a ring, one child
 * many times, a list of unlinked inodes that closes, an index beyond all bounds, the root of one tree in the header of another.  All
 * checksums are right.  Each operation must end, with "Structure needs cleaning" where it meets the
 * knot, after a bounded number of reads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include "util_model.h"
#include "util_meta.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_da.h"
#include "dx_dir.h"
#include "dx_inode_item.h"

#define MAX_READS	600	/* the whole volume has fewer blocks of metadata */
#define BS		1024u

static struct host_dev_snap *snap;
static u64 ag_bytes;		/* both AGs have as many */
static dx_ino_t large, fragments, others;
static u32 agblklog, inopblog, leafblk, dirblk, dirfsbs;
static u8 blk[8192];

/* ---- poking ---- */

static u64 at_agbno(u32 agbno) { return (u64)agbno * BS; }	/* of AG 0 */
static u64 at_fsb(u64 fsb) { return (fsb >> agblklog) * ag_bytes + (fsb & ((1u << agblklog) - 1)) * BS; }
static u64 at_ino(u64 ino) { return at_fsb(ino >> inopblog) + (ino & ((1u << inopblog) - 1)) * 512; }

static u8 *load(u64 off, u32 len)
{
	host_dev_peek(uv_dev, off, blk, len);
	return blk;
}

static void store(int type, u64 off, u32 len)
{
	meta_fix_crc(type, blk, len);
	host_dev_poke(uv_dev, off, blk, len);
}

static void poke(int type, u64 off, u32 len, u32 at, u32 width, u64 v)
{
	meta_put(load(off, len), at, width, v);
	store(type, off, len);
}

static u32 ag_field(int type, u32 at) { return meta_get(load(type == T_AGF ? 512 : 1024, 512), at, 4); }
static void set_ag_field(int type, u32 at, u32 v) { poke(type, type == T_AGF ? 512 : 1024, 512, at, 4, v); }

static const struct tree { int type, hdr; u32 root, level, key; } trees[] = {
	{ T_BNO, T_AGF, offsetof(struct dx_agf, agf_roots[0]), offsetof(struct dx_agf, agf_levels[0]), 8 },
	{ T_CNT, T_AGF, offsetof(struct dx_agf, agf_roots[1]), offsetof(struct dx_agf, agf_levels[1]), 8 },
	{ T_INO, T_AGI, offsetof(struct dx_agi, agi_root), offsetof(struct dx_agi, agi_level), 4 },
	{ T_FINO, T_AGI, offsetof(struct dx_agi, agi_free_root), offsetof(struct dx_agi, agi_free_level), 4 },
};

/* Block @agbno becomes a node of the kind of the leaf @like, its @n entries all leading to @child. */
static void make_node(const struct tree *t, u32 like, u32 agbno, u32 level, u32 n, u32 child)
{
	u32 i, max = (BS - 56) / (t->key + 4);
	u8 key[8];

	load(at_agbno(like), BS);
	memcpy(key, blk + 56, t->key);
	meta_put(blk, 4, 2, level);
	meta_put(blk, 6, 2, n);
	meta_put(blk, 8, 8, ~0ULL);
	meta_put(blk, 16, 8, agbno * (BS / 512));
	for (i = 0; i < n; i++) {
		memcpy(blk + 56 + i * t->key, key, t->key);
		meta_put(blk, 56 + i * t->key, 4, n > 1 ? 0x7f000000 + i : get_unaligned_be32(key));
		meta_put(blk, 56 + max * t->key + i * 4, 4, child);
	}
	store(t->type, at_agbno(agbno), BS);
}

static u32 spare_agbno(u32 i) { return ag_bytes / BS - 2 - i; }	/* free, at the end of AG 0 */

static void self_child(int arg)
{
	const struct tree *t = &trees[arg];
	u32 r = ag_field(t->hdr, t->root);

	make_node(t, r, r, 1, 1, r);
	set_ag_field(t->hdr, t->level, 2);
}

/* root -> spare -> root */
static void two_cycle(int arg)
{
	const struct tree *t = &trees[arg];
	u32 r = ag_field(t->hdr, t->root);

	make_node(t, r, spare_agbno(0), 1, 1, r);
	make_node(t, r, r, 2, 1, spare_agbno(0));
	set_ag_field(t->hdr, t->level, 3);
}

/* Each entry of each node leads to the one block of the next level, the leaf at the end. */
static void fan(int arg)
{
	const struct tree *t = &trees[arg];
	u32 r = ag_field(t->hdr, t->root), levels = ag_field(t->hdr, t->level);

	make_node(t, r, spare_agbno(0), levels, 40, r);
	set_ag_field(t->hdr, t->root, spare_agbno(0));
	set_ag_field(t->hdr, t->level, levels + 1);
}

static void cross_root(int arg)
{
	const struct tree *t = &trees[arg & 3], *o = &trees[arg >> 2];

	set_ag_field(t->hdr, t->root, ag_field(o->hdr, o->root));
}

/* Every block of the AGFL that is in use is the root of a tree. */
static void agfl_root(int arg)
{
	u32 r = ag_field(trees[arg].hdr, trees[arg].root), i;

	load(1536, 512);
	for (i = 0; i < 100; i++)
		meta_put(blk, sizeof(struct dx_agfl) + i * 4, 4, r);
	store(T_AGFL, 1536, 512);
}

/* Free space that begins at the root of a tree. */
static void free_root(int arg)
{
	u32 r = ag_field(trees[arg].hdr, trees[arg].root), i;

	for (i = 0; i < 2; i++) {
		u64 at = at_agbno(ag_field(T_AGF, trees[i].root));
		u32 n = meta_get(load(at, BS), 6, 2);

		/* the last one by length is the first choice of whoever wants much */
		meta_put(blk, 56 + (n - 1) * 8, 4, r);
		store(i ? T_CNT : T_BNO, at, BS);
	}
}

/* ---- forks ---- */

static u32 bmbt_ptrs(dx_ino_t ino, u64 *ptr, u32 max)
{
	u32 room, n, i;

	load(at_ino(ino), 512);
	room = blk[82] ? blk[82] * 8 : 512 - 176;
	CHECK_EQ(blk[5], 3);
	n = min(meta_get(blk, 178, 2), (u64)max);
	for (i = 0; i < n; i++)
		ptr[i] = meta_get(blk, 180 + (room - 4) / 16 * 8 + i * 8, 8);
	return n;
}

/* Two empty leaves of an extent map are each other's neighbour. */
static void bmbt_ring(int arg)
{
	u64 ptr[8], b, c;

	if (!CHECK(bmbt_ptrs(fragments, ptr, 8) >= 3))
		return;
	b = ptr[1];
	c = ptr[2];
	load(at_fsb(b), BS);
	meta_put(blk, 6, 2, 0);
	store(T_BMBT, at_fsb(b), BS);
	load(at_fsb(c), BS);
	meta_put(blk, 6, 2, 0);
	meta_put(blk, 16, 8, b);
	store(T_BMBT, at_fsb(c), BS);
}

/* The first leaf of an inode's map becomes a node whose one child is @child; 0: itself.  Where it is. */
static u64 bmbt_leaf_to_node(dx_ino_t ino, u64 child)
{
	u64 ptr[8];

	if (!CHECK(bmbt_ptrs(ino, ptr, 8) >= 1))
		return 0;
	load(at_ino(ino), 512);
	meta_put(blk, 176, 2, 2);
	meta_put(blk, 178, 2, 1);
	store(T_DINODE, at_ino(ino), 512);
	load(at_fsb(ptr[0]), BS);
	meta_put(blk, 4, 2, 1);
	meta_put(blk, 6, 2, 1);
	meta_put(blk, 8, 8, ~0ULL);
	meta_put(blk, 16, 8, ~0ULL);
	meta_put(blk, 72, 8, 0);
	meta_put(blk, 72 + (BS - 72) / 16 * 8, 8, child ? child : ptr[0]);
	store(T_BMBT, at_fsb(ptr[0]), BS);
	return ptr[0];
}

static void bmbt_self(int arg)
{
	bmbt_leaf_to_node(fragments, 0);
}

/* Each of two maps leads to a node of the other: who walks one holds what the other's walk comes to. */
static u64 crossing;

static void bmbt_crossed(int arg)
{
	u64 ptr[8];

	if (!CHECK(bmbt_ptrs(others, ptr, 8) >= 1))
		return;
	crossing = ptr[0];
	bmbt_leaf_to_node(others, bmbt_leaf_to_node(fragments, ptr[0]));
}

/* Where the blocks of the two hash trees are on the device; numbered from the root on.  Learned before the damage. */
static u64 da_at[2][64];

/* Entries of the root lead to two leaves by turns, which are each other's neighbours; all names have one hash. */
static void da_ring(int attr)
{
	u64 node = da_at[attr][0];
	u32 len = attr ? BS : dirblk, leaf[2], i, n, k;
	u32 hash = dx_da_hashname((const u8 *)"zz", 2);

	load(node, len);
	n = meta_get(blk, 56, 2);
	if (!CHECK(n >= 2))
		return;
	leaf[0] = meta_get(blk, 64 + 4, 4);
	leaf[1] = meta_get(blk, 64 + 12, 4);
	n = 40;
	meta_put(blk, 56, 2, n);
	for (i = 0; i < n; i++) {
		meta_put(blk, 64 + i * 8, 4, hash);
		meta_put(blk, 68 + i * 8, 4, leaf[i & 1]);
	}
	store(T_NODE, node, len);
	for (k = 0; k < 2; k++) {
		u64 at = da_at[attr][attr ? leaf[k] : (leaf[k] - leafblk) / dirfsbs];

		load(at, len);
		meta_put(blk, 0, 4, leaf[!k]);
		meta_put(blk, 4, 4, leaf[!k]);
		n = meta_get(blk, 56, 2);
		for (i = 0; i < n; i++)
			meta_put(blk, attr ? 80 + i * 8 : 64 + i * 8, 4, hash);
		if (!attr) {
			for (i = 0; i < n; i++)
				meta_put(blk, 68 + i * 8, 4, 0);	/* stale */
			meta_put(blk, 58, 2, n);
		}
		store(attr ? T_ATTR : T_LEAFN, at, len);
	}
}

/* A node whose child is a node whose child it is: levels 1 and 1. */
static void da_cycle(int attr)
{
	u64 node = da_at[attr][0];
	u32 len = attr ? BS : dirblk, leaf;
	u64 at;

	load(node, len);
	leaf = meta_get(blk, 68, 4);
	at = da_at[attr][attr ? leaf : (leaf - leafblk) / dirfsbs];
	meta_put(blk, 58, 2, 2);
	store(T_NODE, node, len);
	load(node, len);
	meta_put(blk, 58, 2, 1);
	meta_put(blk, 8, 2, 0x3ebe);
	meta_put(blk, 16, 8, at / 512);
	meta_put(blk, 56, 2, 1);
	meta_put(blk, 64, 4, ~0u);
	meta_put(blk, 68, 4, leaf);
	store(T_NODE, at, len);
}

/* The last piece of the free index moves out to where no directory ends. */
static void far_index(int arg)
{
	u32 n, i;
	u64 hi;

	load(at_ino(large), 512);
	if (!CHECK_EQ(blk[5], 2))
		return;
	n = meta_get(blk, 24, 8) ?: meta_get(blk, 76, 4);	/* large counters are elsewhere */
	i = 176 + (n - 1) * 16;
	hi = meta_get(blk, i, 8);
	/* startoff is bits 9 to 62 of the high word */
	meta_put(blk, i, 8, (hi & 0x1ff) | (1ULL << 33) << 9);
	store(T_DINODE, at_ino(large), 512);
}

/* ---- unlinked lists ---- */

static dx_ino_t victims[2];

static void unlinked_ring(int self)
{
	u32 a = (u32)victims[0], b = self ? a : (u32)victims[1], i;

	for (i = 0; i < 2; i++) {
		load(at_ino(victims[i]), 512);
		meta_put(blk, 16, 4, 0);			/* nlink */
		meta_put(blk, 96, 4, i ? a : b);
		store(T_DINODE, at_ino(victims[i]), 512);
	}
	set_ag_field(T_AGI, offsetof(struct dx_agi, agi_unlinked) + 4 * (a % 64), a);
}

/* ---- operations: each is done to the mounted volume and may fail ---- */

static int op_iget(struct dx_mount *mp)
{
	struct dx_inode *ip;
	int error = dx_iget(mp, NULL, victims[0], DX_IGET_UNTRUSTED, &ip);

	if (!error)
		dx_idrop(ip);
	return error;
}

static int op_create(struct dx_mount *mp)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_inode *ip;
	char name[16];
	int i, error = 0;

	for (i = 0; i < 70 && !error; i++) {
		struct dx_name n = { .name = (u8 *)name, .ftype = DX_DIR3_FT_REG_FILE };

		n.len = sprintf(name, "n%d", i);
		error = dx_create(mp->rootip, &n, &a, &ip);
		if (!error)
			dx_idrop(ip);
	}
	return error;
}

static int op_alloc(struct dx_mount *mp)
{
	struct dx_inode *ip;
	struct dx_mapped got;
	int i, error = dx_iget(mp, NULL, victims[0], 0, &ip);

	if (error)
		return error;
	for (i = 0; i < 150 && !error; i++)
		error = dx_iomap_alloc(ip, i * 3, i % 2 ? 1 : 2, false, false, &got);
	if (!error)
		error = dx_free_file_space(ip, 0, 300 * BS);
	dx_idrop(ip);
	return error;
}

static int op_trim(struct dx_mount *mp)
{
	u64 trimmed;

	return dx_trim_free(mp, 0, U64_MAX, 0, &trimmed);
}

static int with(struct dx_mount *mp, dx_ino_t ino, int (*fn)(struct dx_inode *ip))
{
	struct dx_inode *ip;
	int error = dx_iget(mp, NULL, ino, 0, &ip);

	if (error)
		return error;
	error = fn(ip);
	dx_idrop(ip);
	return error;
}

static int no_attr(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	return 0;
}

static int list_attrs(struct dx_inode *ip) { return dx_attr_list(ip, NULL, no_attr, NULL); }
static int get_attr(struct dx_inode *ip)
{
	struct dx_attr_arg xa = { .ip = ip, .name = (u8 *)"zz", .namelen = 2 };
	int error = dx_attr_get(&xa);

	return error == -ENODATA ? 0 : error;
}
static int look_up(struct dx_inode *ip)
{
	struct dx_name n = { .name = (u8 *)"zz", .len = 2 };
	dx_ino_t ino;
	int error = dx_lookup(ip, &n, &ino, NULL);

	return error == -ENOENT ? 0 : error;
}
static int add_name(struct dx_inode *ip)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_name n = { .name = (u8 *)"zz", .len = 2, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *child;
	int error = dx_create(ip, &n, &a, &child);

	if (!error)
		dx_idrop(child);
	return error;
}
static int read_map(struct dx_inode *ip)
{
	struct dx_irec rec;
	int nmap = 1, error;

	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (!error)
		error = dx_bmap_query(ip, 0, 10, &rec, &nmap, 0);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}

static int op_list(struct dx_mount *mp) { return with(mp, fragments, list_attrs); }
static int op_attr(struct dx_mount *mp) { return with(mp, fragments, get_attr); }
static int op_lookup(struct dx_mount *mp) { return with(mp, large, look_up); }
static int op_add(struct dx_mount *mp) { return with(mp, large, add_name); }
static int op_map(struct dx_mount *mp) { return with(mp, fragments, read_map); }

/* One walk has got as far as to its node and goes no further before the other has ended, who must not wait for it. */
static int walk_fiber(void *mp) { return op_map(mp); }
static int op_crossed(struct dx_mount *mp)
{
	struct dx_buf_map map = { dx_fsb_to_daddr(mp, crossing), BS / 512 };
	struct dx_buf *bp;
	int error;

	CHECK_EQ(dx_trans_read_owned(mp, NULL, &map, 1, &dx_bmbt_buf_ops, others, &bp), 0);
	error = host_join(host_spawn(walk_fiber, mp, "walk"));
	dx_buf_leave(bp);
	return error;
}
static int op_none(struct dx_mount *mp) { return 0; }

/* Everything, after the block has been believed as what it is. */
static int op_all(struct dx_mount *mp)
{
	int error, first = 0, i;
	static int (* const ops[])(struct dx_mount *mp) = { op_trim, op_alloc, op_iget, op_create, op_alloc, op_iget };

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		error = ops[i](mp);
		if (!first)
			first = error;
	}
	return first;
}

enum { MUST_FAIL, MAY_PASS };
static const struct knot {
	const char	*name;
	void		(*tie)(int arg);
	int		arg;
	int		(*op)(struct dx_mount *mp);
	int		outcome;
	const char	*says;
} knots[] = {
	{ "bnobt node that is its own child, trim", self_child, 0, op_trim, MUST_FAIL, "loop" },
	{ "bnobt node that is its own child, allocation", self_child, 0, op_alloc, MUST_FAIL, "bnobt" },
	{ "cntbt node that is its own child, allocation", self_child, 1, op_alloc, MAY_PASS, "cntbt" },
	{ "inobt node that is its own child, look-up", self_child, 2, op_iget, MUST_FAIL, "loop" },
	{ "inobt node that is its own child, creation", self_child, 2, op_create, MUST_FAIL, "inobt" },
	{ "finobt node that is its own child, creation", self_child, 3, op_create, MUST_FAIL, "finobt" },
	{ "bnobt nodes that are each other's child", two_cycle, 0, op_trim, MUST_FAIL, "loop" },
	{ "inobt nodes that are each other's child", two_cycle, 2, op_iget, MUST_FAIL, "loop" },
	{ "bnobt node with one child forty times", fan, 0, op_trim, MUST_FAIL, "order of keys" },
	{ "inobt node with one child forty times", fan, 2, op_all, MAY_PASS, NULL },
	{ "bnobt root in place of the inobt's", cross_root, 2 | 0 << 2, op_all, MUST_FAIL, "bnobt block" },
	{ "bnobt root in place of the finobt's", cross_root, 3 | 0 << 2, op_all, MUST_FAIL, "bnobt block" },
	{ "bnobt root in place of the cntbt's", cross_root, 1 | 0 << 2, op_all, MUST_FAIL, "cntbt block" },
	{ "cntbt root in place of the bnobt's", cross_root, 0 | 1 << 2, op_all, MUST_FAIL, "bnobt block" },
	{ "inobt root in place of the bnobt's", cross_root, 0 | 2 << 2, op_all, MUST_FAIL, "bnobt block" },
	{ "inobt root in place of the finobt's", cross_root, 3 | 2 << 2, op_all, MUST_FAIL, "inobt block" },
	{ "finobt root in place of the inobt's", cross_root, 2 | 3 << 2, op_all, MUST_FAIL, "inobt block" },
	{ "free list with the root of the bnobt", agfl_root, 0, op_all, MAY_PASS, NULL },
	{ "free list with the root of the cntbt", agfl_root, 1, op_all, MAY_PASS, NULL },
	{ "free list with the root of the inobt", agfl_root, 2, op_all, MAY_PASS, NULL },
	{ "free space over the root of the bnobt", free_root, 0, op_all, MAY_PASS, NULL },
	{ "free space over the root of the inobt", free_root, 2, op_all, MAY_PASS, NULL },
	{ "extent map whose leaves form a ring", bmbt_ring, 0, op_map, MUST_FAIL, "bb_leftsib" },
	{ "extent map node that is its own child", bmbt_self, 0, op_map, MUST_FAIL, "bmbt" },
	{ "extent maps that lead to each other's nodes", bmbt_crossed, 0, op_crossed, MUST_FAIL, "in use by inode" },
	{ "directory whose leaves form a ring", da_ring, 0, op_lookup, MUST_FAIL, "ring" },
	{ "attributes whose leaves form a ring, list", da_ring, 1, op_list, MUST_FAIL, "ring" },
	{ "attributes whose leaves form a ring, look-up", da_ring, 1, op_attr, MUST_FAIL, "ring" },
	{ "directory node that is its own child", da_cycle, 0, op_lookup, MUST_FAIL, "level" },
	{ "attribute node that is its own child", da_cycle, 1, op_list, MUST_FAIL, "level" },
	{ "free index of a directory beyond all bounds", far_index, 0, op_add, MUST_FAIL, "free index" },
	{ "unlinked inode that is its own next", unlinked_ring, 1, op_none, MAY_PASS, "unlinked list" },
	{ "two unlinked inodes that are each other's next", unlinked_ring, 0, op_none, MAY_PASS, "unlinked list" },
};

/* ---- */

static int knot_fiber(void *arg)
{
	const struct knot *k = arg;
	struct host_dev_counts before, after;
	struct dx_mount *mp;
	int error;

	host_dev_counts(uv_dev, &before);
	mp = uv_mount(&error);
	if (mp) {
		error = k->op(mp);
		if (k->outcome == MUST_FAIL)
			CHECK(error == -EUCLEAN || error == -EIO);
		else
			CHECK(!error || error == -EUCLEAN || error == -EIO || error == -ENOSPC);
		uv_umount(mp);
	} else {
		CHECK_EQ(error, -EUCLEAN);
	}
	if (k->says)
		CHECK(host_log_has(k->says));
	host_dev_counts(uv_dev, &after);
	if (!CHECK(after.reads - before.reads < MAX_READS))
		printf("  %llu reads\n", (unsigned long long)(after.reads - before.reads));
	return 0;
}

static int fill_fiber(void *arg)
{
	struct dx_create_args a = { .mode = S_IFDIR | 0755 }, fa = { .mode = S_IFREG | 0644 };
	struct dx_name n = { .name = (u8 *)"large", .len = 5, .ftype = DX_DIR3_FT_DIR };
	struct dx_inode *dp, *ip;
	struct dx_mapped got;
	char buf[200];
	int error, i, k;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	for (i = 0; i < 2; i++) {
		n = (struct dx_name){ .name = (u8 *)buf, .ftype = DX_DIR3_FT_REG_FILE };
		n.len = sprintf(buf, "victim%d", i);
		CHECK(!dx_create(mp->rootip, &n, &fa, &ip));
		victims[i] = ip->ino;
		dx_idrop(ip);
		/* 63 between them: both belong on one list */
		for (k = 0; !i && k < 63; k++) {
			n.len = sprintf(buf, "between%d", k);
			CHECK(!dx_create(mp->rootip, &n, &fa, &ip));
			dx_idrop(ip);
		}
	}
	n = (struct dx_name){ .name = (u8 *)"fragments", .len = 9, .ftype = DX_DIR3_FT_REG_FILE };
	CHECK(!dx_create(mp->rootip, &n, &fa, &ip));
	for (i = 0; i < 250; i++)
		CHECK(!dx_iomap_alloc(ip, i * 2, 1, false, false, &got));
	n = (struct dx_name){ .name = (u8 *)"large", .len = 5, .ftype = DX_DIR3_FT_DIR };
	CHECK(!dx_create(mp->rootip, &n, &a, &dp));
	for (i = 0; i < 1100; i++) {
		n = (struct dx_name){ .name = (u8 *)buf, .ftype = DX_DIR3_FT_REG_FILE };
		n.len = sprintf(buf, "entry-%d", i);
		CHECK(!dx_link(dp, ip, &n));
	}
	for (i = 0; i < 40; i++) {
		struct dx_attr_arg xa = { .ip = ip, .name = (u8 *)buf, .value = buf, .valuelen = 60 };

		xa.namelen = sprintf(buf, "attribute-number-%d", i);
		CHECK(!dx_attr_set_op(&xa));
	}
	fragments = ip->ino;
	large = dp->ino;
	dx_idrop(ip);
	n = (struct dx_name){ .name = (u8 *)"others", .len = 6, .ftype = DX_DIR3_FT_REG_FILE };
	CHECK(!dx_create(mp->rootip, &n, &fa, &ip));
	for (i = 0; i < 250; i++)
		CHECK(!dx_iomap_alloc(ip, i * 2, 1, false, false, &got));
	others = ip->ino;
	dx_idrop(ip);
	dx_idrop(dp);
	return uv_umount(mp);
}

static int learn_fiber(void *arg)
{
	int error, i, nmap;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *dp, *ip;
	struct dx_irec rec;

	if (!CHECK(mp))
		return error;
	meta_find(mp);
	ag_bytes = (u64)mp->sb.agblocks * BS;
	agblklog = mp->sb.agblklog;
	inopblog = mp->sb.inopblog;
	leafblk = dx_dir_leafblk(mp);
	dirblk = mp->dirblksize;
	dirfsbs = mp->dirblkfsbs;
	CHECK(!dx_iget(mp, NULL, large, 0, &dp));
	CHECK(!dx_iget(mp, NULL, fragments, 0, &ip));
	CHECK_EQ(victims[0] % 64, victims[1] % 64);
	for (i = 0; i < 64; i++) {
		nmap = 1;
		dx_ilock(dp, DX_ILOCK_EXCL);
		CHECK(!dx_iread_extents(NULL, dp, DX_DATA_FORK));
		if (!dx_bmap_query(dp, leafblk + i * dirfsbs, 1, &rec, &nmap, 0) && dx_irec_is_real(&rec))
			da_at[0][i] = dx_fsb_to_daddr(mp, rec.startblock) * 512;
		dx_iunlock(dp, DX_ILOCK_EXCL);
		nmap = 1;
		dx_ilock(ip, DX_ILOCK_EXCL);
		CHECK(!dx_iread_extents(NULL, ip, DX_ATTR_FORK));
		if (!dx_bmap_query(ip, i, 1, &rec, &nmap, DX_BMAPI_ATTRFORK) && dx_irec_is_real(&rec))
			da_at[1][i] = dx_fsb_to_daddr(mp, rec.startblock) * 512;
		dx_iunlock(ip, DX_ILOCK_EXCL);
	}
	dx_idrop(ip);
	dx_idrop(dp);
	return uv_umount(mp);
}

static int try_knot(const struct knot *k)
{
	host_dev_snap_restore(uv_dev, snap);
	k->tie(k->arg);
	host_init(1);
	host_set_printk(1);
	host_cpu_limit(200);
	CHECK_EQ(host_run(knot_fiber, (void *)k), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(false), 0);
	if (host_checks_failed || getenv("CYCLES_SAY"))
		printf("%s", host_log());
	fflush(stdout);
	return host_checks_failed != 0;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	unsigned int i;
	int status;
	pid_t pid;

	uv_setup("t_cycles");
	host_test_begin("a volume with every structure");
	if (CHECK(!uv_make(&uv_profiles[2]))) {
		host_init(0);
		CHECK_EQ(host_run(fill_fiber, NULL), 0);
		host_kill_world();
		CHECK(uv_repair_clean("check"));
		host_init(0);
		CHECK_EQ(host_run(learn_fiber, NULL), 0);
		host_kill_world();
		snap = host_dev_snap_take(uv_dev);
	}
	if (!host_test_end())
		return 1;
	for (i = 0; i < ARRAY_SIZE(knots); i++) {
		const struct knot *k = &knots[i];

		if (only && !strstr(k->name, only))
			continue;
		host_test_begin(k->name);
		fflush(stdout);
		/* each in a process of its own: whoever hangs or crashes does not take the rest along */
		pid = fork();
		if (!pid)
			_exit(try_knot(k));
		waitpid(pid, &status, 0);
		CHECK_EQ(status, 0);
		host_test_end();
	}
	host_dev_snap_free(snap);
	uv_teardown();
	return host_test_exit();
}
