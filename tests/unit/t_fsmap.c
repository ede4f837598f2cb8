// SPDX-License-Identifier: GPL-2.0-only
/*
 * What blocks are used for: answers about ranges of an AG, from the reverse mappings and from the free space, against a list of all
 * records that is made by walking the tree; and what is handed on while the trees change.
 *
 *	t_fsmap [SEED]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_log.h"

#define COMB	2500u		/* blocks of a file that no two of are one extent: several batches */
#define ASKED	600

static u64 seed;

struct list { struct dx_space_rec *r; u32 n, cap; };

static int keep(const struct dx_space_rec *rec, void *data)
{
	struct list *l = data;

	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 256;
		l->r = realloc(l->r, l->cap * sizeof(*l->r));
	}
	l->r[l->n++] = *rec;
	return 0;
}

static struct dx_inode *make(struct dx_mount *mp, const char *name, u32 n)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name nm = { .name = (u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip = NULL;
	struct dx_mapped got;
	u32 i;

	CHECK(!dx_create(mp->rootip, &nm, &a, &ip));
	for (i = 0; i < n && !host_checks_failed; i++)
		CHECK(!dx_iomap_alloc(ip, i * 2, 1 + (i % 7 == 0), false, false, &got));
	return ip;
}

/* All records of a tree, one after the other. */
static void walk_tree(struct dx_mount *mp, dx_agno_t agno, bool by_owner, struct list *l)
{
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agbp;
	int stat;

	if (!CHECK(!dx_agf_read(mp, NULL, agno, 0, &agbp)))
		return;
	cur = by_owner ? dx_rmapbt_cursor(mp, NULL, agbp, agno) : dx_bnobt_cursor(mp, NULL, agbp, agno, DX_BTNUM_BNO);
	memset(&cur->rec, 0, sizeof(cur->rec));
	CHECK(!dx_btree_lookup(cur, DX_LOOKUP_GE, &stat));
	while (stat && CHECK(!dx_btree_get_rec(cur, &rec, &stat)) && stat) {
		struct dx_space_rec r = { rec.alloc.startblock, rec.alloc.blockcount, DX_RMAP_OWN_NULL, 0 };

		if (by_owner)
			r = (struct dx_space_rec) { rec.rmap.startblock, rec.rmap.blockcount, rec.rmap.owner, rec.rmap.offset };
		keep(&r, l);
		if (!CHECK(!dx_btree_increment(cur, 0, &stat)))
			break;
	}
	dx_btree_del_cursor(cur, 0);
	dx_buf_leave(agbp);
}

static int by_key(u32 b1, u64 o1, u64 f1, u32 b2, u64 o2, u64 f2)
{
	if (b1 != b2)
		return b1 < b2 ? -1 : 1;
	if (o1 != o2)
		return o1 < o2 ? -1 : 1;
	return f1 < f2 ? -1 : f1 > f2;
}

/* Does a record cover any place between the keys? */
static bool is_asked(const struct dx_space_rec *r, bool by_owner, const union dx_btree_key *low, const union dx_btree_key *high)
{
	u64 off = r->offset & ~DX_RMAP_UNWRITTEN, last = off;

	if (!by_owner)
		return r->bno <= high->rmap.startblock && r->bno + r->len > low->rmap.startblock;
	if (!(r->owner >> 63) && !(off & DX_RMAP_BMBT))
		last += r->len - 1;
	return by_key(r->bno, r->owner, off, high->rmap.startblock, high->rmap.owner, high->rmap.offset) <= 0 &&
	       by_key(r->bno + r->len - 1, r->owner, last, low->rmap.startblock, low->rmap.owner, low->rmap.offset) >= 0;
}

/* A place at, before or behind a record, perhaps with its owner and offset. */
static union dx_btree_key some_key(const struct list *l, bool high)
{
	const struct dx_space_rec *r = &l->r[uv_rand(&seed) % l->n];
	union dx_btree_key k = { .rmap = { r->bno + uv_rand(&seed) % (r->len + 1), high ? U64_MAX : 0, high ? U64_MAX : 0 } };

	if (uv_rand(&seed) % 3 == 0) {
		k.rmap.owner = r->owner;
		if (uv_rand(&seed) % 2)
			k.rmap.offset = (r->offset & ~DX_RMAP_UNWRITTEN) + uv_rand(&seed) % 3;
	}
	if (uv_rand(&seed) % 16 == 0)
		k.rmap = (typeof(k.rmap)) { high ? U32_MAX : 0, high ? U64_MAX : 0, high ? U64_MAX : 0 };
	return k;
}

static int stop(const struct dx_space_rec *rec, void *data)
{
	u32 *left = data;

	return --*left ? 0 : 7;
}

static void ask(struct dx_mount *mp, dx_agno_t agno, bool by_owner)
{
	struct list all = { }, got = { };
	u32 i, j, n;

	walk_tree(mp, agno, by_owner, &all);
	printf("# AG %u, %s: %u records\n", agno, by_owner ? "owners" : "free", all.n);
	for (i = 0; i < ASKED && !host_checks_failed && CHECK(all.n); i++) {
		union dx_btree_key low = some_key(&all, false), high = some_key(&all, true);

		got.n = 0;
		CHECK_EQ(dx_space_query(mp, agno, by_owner, &low, &high, keep, &got), 0);
		for (j = n = 0; j < all.n; j++) {
			if (!is_asked(&all.r[j], by_owner, &low, &high))
				continue;
			if (!CHECK(n < got.n) || !CHECK(!memcmp(&all.r[j], &got.r[n], sizeof(got.r[n]))))
				break;
			n++;
		}
		CHECK_EQ(n, got.n);
		if (host_checks_failed)
			printf("  from block %u owner 0x%llx offset 0x%llx to %u 0x%llx 0x%llx: record %u of %u\n", low.rmap.startblock,
			       (unsigned long long)low.rmap.owner, (unsigned long long)low.rmap.offset, high.rmap.startblock,
			       (unsigned long long)high.rmap.owner, (unsigned long long)high.rmap.offset, n, got.n);
		if (!got.n)
			continue;
		n = 1 + uv_rand(&seed) % got.n;
		CHECK_EQ(dx_space_query(mp, agno, by_owner, &low, &high, stop, &n), 7);
		CHECK_EQ(n, 0);
	}
	free(all.r);
	free(got.r);
}

static int ranges(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *a, *b;
	dx_agno_t agno;
	u32 i;

	if (!CHECK(mp))
		return error;
	a = make(mp, "a", COMB);
	b = make(mp, "b", 300);
	CHECK(!dx_setsize_trans(a, (u64)COMB * 2 * mp->sb.blocksize, false, false));
	for (i = 0; i < 300; i++)
		CHECK(!dx_free_file_space(a, uv_rand(&seed) % (COMB * 2) * mp->sb.blocksize, (1 + i % 5) * mp->sb.blocksize));
	CHECK(!dx_iomap_write_unwritten(b, 0, (u64)150 * mp->sb.blocksize, 0));
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		ask(mp, agno, false);
		if (dx_has_rmapbt(mp))
			ask(mp, agno, true);
	}
	dx_idrop(a);
	dx_idrop(b);
	return uv_umount(mp);
}

/* ---- while it changes ---- */

struct watch {
	struct dx_mount		*mp;
	struct dx_inode		*changing;
	u64			quiet;		/* inode that nobody changes */
	bool			by_owner;
	struct dx_space_rec	last;
	u64			seen, quiet_blocks;
};

/* Takes the AGF, as all that runs meanwhile may. */
static int watch(const struct dx_space_rec *rec, void *data)
{
	struct watch *w = data;
	u32 bs = w->mp->sb.blocksize;
	struct dx_mapped got;

	if (w->seen++) {
		CHECK(rec->bno >= w->last.bno + (w->by_owner ? 0 : w->last.len));
		CHECK(by_key(w->last.bno, w->last.owner, w->last.offset & ~DX_RMAP_UNWRITTEN, rec->bno, rec->owner,
			     rec->offset & ~DX_RMAP_UNWRITTEN) < 0);
	}
	w->last = *rec;
	if (rec->owner == w->quiet)
		w->quiet_blocks += rec->len;
	if (uv_rand(&seed) % 8)
		return 0;
	if (uv_rand(&seed) % 2)
		CHECK(!dx_free_file_space(w->changing, uv_rand(&seed) % (COMB * 2) * bs, (1 + w->seen % 40) * bs));
	else
		CHECK(!dx_iomap_alloc(w->changing, uv_rand(&seed) % (COMB * 2), 1 + w->seen % 3, false, false, &got));
	return host_checks_failed ? -EIO : 0;
}

static int changes(void *arg)
{
	static const union dx_btree_key first, last = { .rmap = { U32_MAX, U64_MAX, U64_MAX } };
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct watch w = { .mp = mp };
	struct dx_inode *quiet;
	dx_agno_t agno;

	if (!CHECK(mp))
		return error;
	quiet = make(mp, "quiet", 500);
	w.changing = make(mp, "changing", COMB);
	CHECK(!dx_setsize_trans(w.changing, (u64)COMB * 2 * mp->sb.blocksize, false, false));
	w.quiet = quiet->ino;
	for (w.by_owner = dx_has_rmapbt(mp); ; w.by_owner = false) {
		w.quiet_blocks = 0;
		for (agno = 0; agno < dx_agcount(mp); agno++) {
			w.seen = 0;
			CHECK(!dx_space_query(mp, agno, w.by_owner, &first, &last, watch, &w));
			printf("# AG %u, %s: %llu records\n", agno, w.by_owner ? "owners" : "free", (unsigned long long)w.seen);
		}
		if (!w.by_owner)
			break;
		/* all of what was not touched, and none of it twice */
		CHECK_EQ(w.quiet_blocks, quiet->d.nblocks);
	}
	dx_idrop(quiet);
	dx_idrop(w.changing);
	return uv_umount(mp);
}

/* ---- bad blocks ---- */

struct wanted { u64 owner, flags; dx_agbno_t bno; };

static int first_of(const struct dx_space_rec *rec, void *data)
{
	struct wanted *w = data;

	if (w->bno || rec->owner != w->owner || (rec->offset & DX_RMAP_BMBT) != w->flags)
		return 0;
	w->bno = rec->bno;
	return 0;
}

/* Where the owner has its first block; 0: it has none. */
static dx_daddr_t block_of(struct dx_mount *mp, u64 owner, u64 flags)
{
	const union dx_btree_key low = { }, high = { .rmap = { .startblock = U32_MAX, .owner = U64_MAX, .offset = U64_MAX } };
	struct wanted w = { .owner = owner, .flags = flags };
	dx_agno_t agno;

	for (agno = 0; agno < mp->sb.agcount; agno++) {
		CHECK(!dx_space_query(mp, agno, true, &low, &high, first_of, &w));
		if (w.bno)
			return dx_agb_to_daddr(mp, agno, w.bno);
	}
	return 0;
}

static bool told(struct dx_mount *mp, dx_daddr_t daddr, const char *whose)
{
	char line[300];

	flush_workqueue(mp->discard_wq);
	snprintf(line, sizeof(line), "the block at daddr 0x%llx %s", (unsigned long long)daddr, whose);
	if (host_log_has(line))
		return true;
	printf("# wanted: %s\n# said: %s\n", line, host_log());
	return false;
}

/* Reading a block of a file's extent map, of a directory, of inodes fails: the message says whose it was. */
static int bad_blocks(void *arg)
{
	struct dx_mount_opts o = { };
	struct dx_mount *mp;
	struct dx_inode *ip;
	struct dx_mapped got;
	dx_daddr_t map, dir;
	char whose[200];
	bool rmap;
	dx_ino_t ino;
	int error, i;

	mp = uv_mount_dev(uv_dev, &o, &error);
	if (!mp)
		return error;
	rmap = dx_has_rmapbt(mp);
	ip = make(mp, "comb", COMB);
	ino = ip->ino;
	dx_idrop(ip);
	for (i = 0; i < 100; i++) {
		char name[40];

		sprintf(name, "a-name-that-takes-some-room-%d", i);
		dx_idrop(make(mp, name, 0));
	}
	CHECK(!uv_umount(mp));
	mp = uv_mount_dev(uv_dev, &o, &error);
	if (!mp)
		return error;
	map = rmap ? block_of(mp, ino, DX_RMAP_BMBT) : 8;
	dir = rmap ? block_of(mp, mp->sb.rootino, 0) : 8;
	CHECK(map && dir);

	host_log_clear();
	host_dev_fail_range(uv_dev, HOST_FAIL_READ, map, 1, -EIO);
	CHECK(!dx_iget(mp, NULL, ino, 0, &ip));
	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_bmap_look(ip, 0, 1, 0, &got);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	if (rmap) {
		CHECK_EQ(error, -EIO);
		sprintf(whose, "is part of the extent map of inode 0x%llx, data fork (find -inum %llu)", (unsigned long long)ino, (unsigned long long)ino);
		CHECK(told(mp, map, whose));
	}
	host_dev_fail_none(uv_dev);
	dx_idrop(ip);

	host_dev_fail_range(uv_dev, HOST_FAIL_READ, dir, 1, -EIO);
	if (rmap) {
		struct dx_name n = { .name = (u8 *)"a-name-that-takes-some-room-0", .len = 29 };

		CHECK_EQ(dx_dir_lookup(NULL, mp->rootip, &n, &ino, NULL), -EIO);
		sprintf(whose, "belongs to inode 0x%llx, data fork, block 0", (unsigned long long)mp->sb.rootino);
		CHECK(told(mp, dir, whose));
	} else {
		CHECK(!host_log_has("the block at"));
	}
	host_dev_fail_none(uv_dev);
	return uv_umount(mp);
}

static const struct uv_profile volumes[] = {
	{ "rmapbt, 1 KiB blocks", "--unsupported -b size=1024 -d agcount=2 -l size=10m -m rmapbt=1,reflink=0", 80 },
	{ "free space only", "--unsupported -d agcount=2 -l size=10m -m rmapbt=0,reflink=0", 100 },
};

int main(int argc, char **argv)
{
	char name[120];
	u32 i;

	uv_setup("t_fsmap");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 3;
		if (uv_make(&volumes[i]))
			return 1;
		snprintf(name, sizeof(name), "ranges, against all there is (%s)", volumes[i].name);
		host_test(name, seed, ranges, NULL);
		if (uv_make(&volumes[i]))
			return 1;
		snprintf(name, sizeof(name), "while it changes (%s)", volumes[i].name);
		host_test(name, seed, changes, NULL);
		snprintf(name, sizeof(name), "a bad block is told by its owner (%s)", volumes[i].name);
		host_test(name, seed, bad_blocks, NULL);
		host_test_begin("... and xfs_repair is content");
		CHECK(uv_repair_clean("fsmap"));
		host_test_end();
	}
	uv_teardown();
	return host_test_exit();
}
