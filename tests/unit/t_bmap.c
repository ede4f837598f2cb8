// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extent map of files against a plain array, one cell per block: random preallocation, conversion, delayed
 * allocation, removal, collapse, insert and truncate; then a remount, the same map again, and an xfs_repair
 * that finds nothing.  The counters must come out exact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_inode.h"
#include "dx_dir.h"
#include "dx_bmap.h"
#include "dx_cow.h"
#include "dx_log.h"

static char workdir[256], image[300], saved[300];
static struct dx_bdev *dev;

static const struct profile { const char *name, *mkfs; unsigned int size_mb, bs; } profiles[] = {
	{ "4 KiB blocks", "-m reflink=0,bigtime=1,inobtcount=1", 320, 4096 },
	{ "1 KiB blocks, large extent counters", "-b size=1024 -m reflink=0,bigtime=0,inobtcount=0 -i nrext64=1", 320, 1024 },
	{ "2 KiB blocks, 6 AGs", "-b size=2048 -d agcount=6 -i size=512 -m reflink=1", 1200, 2048 },
	{ "4 KiB blocks, 2 KiB inodes", "-i size=2048 -m reflink=0", 320, 4096 },
};

/* ---- model ---- */
#define CELLS	16000
enum { HOLE, DELAY, WRITTEN, UNWRITTEN };
struct cell { u64 phys; u8 kind; };
static struct file {
	struct cell	c[CELLS];
	u64		size;			/* bytes, on disk */
	dx_ino_t	ino;
	struct dx_inode	*ip;
} files[2];
static u32 bs;
static unsigned long op_counts[16];

static u64 rnd(u64 lim)
{
	return host_random() % lim;
}

static int make_volume(const struct profile *p)
{
	if (dev)
		host_dev_close(dev);
	dev = NULL;
	if (host_sh("rm -f %s %s; truncate -s %uM %s && mkfs.xfs -q -f %s %s", image, saved, p->size_mb, image, p->mkfs,
		    image))
		return -EIO;
	dev = host_dev_open(image);
	bs = p->bs;
	return dev ? 0 : -EIO;
}

static bool repair_clean(void) { return host_repair_clean(dev, saved); }

static struct dx_mount *do_mount(void) { return uv_mount_dev(dev, NULL, NULL); }

/* Compare [from, to) with the map; with @learn, a block that is real in both may have any place. */
static bool compare(struct file *f, u32 from, u32 to, bool learn)
{
	struct dx_inode *ip = f->ip;
	u32 at = from;
	bool ok = true;

	dx_ilock(ip, DX_ILOCK_EXCL);
	while (at < to && ok) {
		struct dx_irec m[8];
		int n = 8, i;

		if (!CHECK(!dx_bmap_query(ip, at, to - at, m, &n, 0)) || !CHECK(n > 0)) {
			ok = false;
			break;
		}
		for (i = 0; i < n && ok; i++) {
			u64 k;

			if (m[i].startoff != at) {
				printf("# gap: %llu instead of %u\n", m[i].startoff, at);
				ok = false;
			}
			for (k = 0; k < m[i].blockcount && ok; k++, at++) {
				struct cell *c = &f->c[at];
				int kind = dx_irec_is_hole(&m[i]) ? HOLE : dx_irec_is_delay(&m[i]) ? DELAY :
					   m[i].state == DX_EXT_UNWRITTEN ? UNWRITTEN : WRITTEN;
				u64 phys = kind >= WRITTEN ? m[i].startblock + k : 0;

				if (learn) {
					if (c->kind == HOLE && kind != HOLE)
						c->kind = kind;
					if (c->kind == kind && !c->phys)
						c->phys = phys;
				}
				if (c->kind != kind || c->phys != phys) {
					printf("# block %u: model kind %d at %llu, map kind %d at %llu\n", at, c->kind,
					       c->phys, kind, phys);
					ok = false;
				}
			}
		}
	}
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return ok;
}

/* what the delayed extents of both files say that they hold */
static u64 delayed_resv(void)
{
	struct dx_iext_cur cur;
	struct dx_irec r;
	u64 sum = 0;
	bool more;
	int k;

	for (k = 0; k < 2; k++) {
		struct dx_iext_tree *t = &files[k].ip->df.ext;

		for (more = dx_iext_first(t, &cur, &r); more; more = dx_iext_next(t, &cur, &r))
			if (r.startblock == DX_DELAYSTARTBLOCK)
				sum += r.blockcount + r.indlen;
	}
	return sum;
}

/* every real block is mapped once; nblocks and nextents add up */
static bool audit(struct dx_mount *mp)
{
	u64 limit = mp->sb.agcount << mp->sb.agblklog, i, blocks, extents, delayed = 0, prev;
	u8 *seen = calloc(1, limit);
	bool ok = true;
	int k;

	for (k = 0; k < 2; k++) {
		struct file *f = &files[k];
		int prevkind = HOLE;
		u64 run = 0;

		blocks = extents = prev = 0;
		for (i = 0; i < CELLS; i++) {
			struct cell *c = &f->c[i];

			delayed += c->kind == DELAY;
			if (c->kind >= WRITTEN) {
				ok = ok && CHECK(c->phys < limit) && CHECK(!seen[c->phys]);
				if (!ok)
					break;
				seen[c->phys] = 1;
				blocks++;
				if (c->kind != prevkind || c->phys != prev + 1)
					extents++;
			}
			prevkind = c->kind;
			prev = c->phys;
			run++;
		}
		if (!ok)
			break;
		/* a boundary that insert cut may remain: the map can have more extents than the array shows */
		ok = CHECK(f->ip->df.nextents >= extents) && CHECK_EQ(dx_bmap_count_leaves(f->ip, 0), f->ip->df.nextents);
		ok = ok && CHECK(f->ip->d.nblocks >= blocks);
		if (f->ip->df.format == DX_DINODE_FMT_EXTENTS)
			ok = ok && CHECK_EQ(f->ip->d.nblocks, blocks);
	}
	CHECK_EQ(delayed, files[0].ip->delayed_blks + files[1].ip->delayed_blks);
	CHECK_EQ(delayed_resv(), atomic64_read(&mp->delalloc_resv));
	free(seen);
	return ok;
}

/* ---- operations ---- */

static u32 pick_len(void)
{
	return 1 + rnd(rnd(4) ? 8 : rnd(6) ? 60 : 2000);
}

static int op_alloc(struct file *f, u32 off, u32 len)
{
	u32 i;
	int error = dx_alloc_file_space(f->ip, (u64)off * bs, (u64)len * bs);

	if (error)
		return error;
	for (i = off; i < off + len; i++) {
		if (f->c[i].kind <= DELAY) {
			f->c[i].kind = UNWRITTEN;
			f->c[i].phys = 0;
		}
	}
	/* a delayed extent may have been allocated beyond the range */
	return compare(f, off, off + len, true) ? 0 : -EUCLEAN;
}

static int op_free(struct file *f, u32 off, u32 len)
{
	int error = dx_free_file_space(f->ip, (u64)off * bs, (u64)len * bs);

	if (!error)
		memset(&f->c[off], 0, len * sizeof(f->c[0]));
	return error;
}

static int op_written(struct file *f, u32 off, u32 len)
{
	u64 size = rnd(3) ? 0 : (u64)(off + len) * bs;
	int error = dx_iomap_write_unwritten(f->ip, (u64)off * bs, (u64)len * bs, size);
	u32 i;

	if (error)
		return error;
	for (i = off; i < off + len; i++)
		if (f->c[i].kind == UNWRITTEN)
			f->c[i].kind = WRITTEN;
	f->size = max(f->size, size);
	return f->size == f->ip->d.size ? 0 : -EUCLEAN;
}

static int op_unwrite(struct file *f, u32 off, u32 len)
{
	struct dx_trans *tp;
	struct dx_irec m;
	int error, n = 1;
	u32 i;

	if (f->c[off].kind <= DELAY)
		return 0;
	error = dx_trans_alloc(f->ip->mp, DX_RESV_WRITE, 10, 0, &tp);
	if (error)
		return error;
	dx_ilock(f->ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, f->ip, 0);
	error = dx_bmap_assign(tp, f->ip, off, len, DX_BMAPI_PREALLOC | DX_BMAPI_CONVERT, 0, &m, &n);
	if (error)
		dx_trans_cancel(tp);
	else
		error = dx_trans_commit(tp);
	dx_iunlock(f->ip, DX_ILOCK_EXCL);
	if (error)
		return error;
	if (m.startoff != off || !n)
		return -EUCLEAN;
	for (i = off; i < off + m.blockcount; i++)
		f->c[i].kind = UNWRITTEN;
	return 0;
}

static int op_collapse(struct file *f, u32 off, u32 len)
{
	int error = op_free(f, off, len);

	if (!error)
		error = dx_collapse_file_space(f->ip, (u64)off * bs, (u64)len * bs);
	if (error)
		return error;
	memmove(&f->c[off], &f->c[off + len], (CELLS - off - len) * sizeof(f->c[0]));
	memset(&f->c[CELLS - len], 0, len * sizeof(f->c[0]));
	return 0;
}

static int op_insert(struct file *f, u32 off, u32 len)
{
	int error;
	u32 i;

	for (i = CELLS - len; i < CELLS; i++)
		if (f->c[i].kind != HOLE)
			return 0;	/* would leave the array */
	error = dx_insert_file_space(f->ip, (u64)off * bs, (u64)len * bs, NULL);
	if (error)
		return error;
	memmove(&f->c[off + len], &f->c[off], (CELLS - off - len) * sizeof(f->c[0]));
	memset(&f->c[off], 0, len * sizeof(f->c[0]));
	return 0;
}

static int op_delay(struct file *f, u32 off, u32 len)
{
	u32 hole = 0, i, pre = rnd(3) ? 0 : rnd(20);
	struct dx_irec got;
	int error;

	if (f->c[off].kind != HOLE)
		return 0;
	for (i = off; i < CELLS && f->c[i].kind == HOLE && hole < len + pre; i++)
		hole++;
	dx_ilock(f->ip, DX_ILOCK_EXCL);
	error = dx_bmap_reserve_delalloc(f->ip, off, len, min(pre, CELLS - off - len), &got);
	dx_iunlock(f->ip, DX_ILOCK_EXCL);
	if (error == -ENOSPC)
		return 0;
	if (error)
		return error;
	if (!dx_irec_is_delay(&got) || got.startoff > off || got.startoff + got.blockcount <= off)
		return -EUCLEAN;
	for (i = off; i < off + hole && i < got.startoff + got.blockcount; i++)
		f->c[i].kind = DELAY;
	return 0;
}

static int op_convert(struct file *f, u32 off, u32 len)
{
	struct dx_mapped got;
	u32 lo = off, hi = off, i;
	int error;

	(void)len;
	error = dx_bmap_convert_delalloc(f->ip, off, &got);
	if (error)
		return error;
	/* what is returned without the ILOCK tells whether it still holds: until the next change, and not beyond */
	if (!CHECK_EQ(got.seq, dx_map_seq(f->ip)))
		return -EUCLEAN;
	if (f->c[off].kind != DELAY)
		return 0;
	/* what was allocated is somewhere in the delayed run around off, and covers it */
	while (lo > 0 && f->c[lo - 1].kind == DELAY)
		lo--;
	while (hi < CELLS && f->c[hi].kind == DELAY)
		hi++;
	if (!dx_irec_is_real(&got.rec) || got.rec.startoff > off || got.rec.startoff + got.rec.blockcount <= off)
		return -EUCLEAN;
	for (i = lo; i < hi; i++)
		f->c[i].kind = HOLE;
	return compare(f, lo, hi, true) && f->c[off].kind == UNWRITTEN ? 0 : -EUCLEAN;
}

static int op_punch_delay(struct file *f, u32 off, u32 len)
{
	u32 i;

	dx_ilock(f->ip, DX_ILOCK_EXCL);
	dx_bmap_punch_delalloc(f->ip, off, len);
	dx_iunlock(f->ip, DX_ILOCK_EXCL);
	for (i = off; i < off + len; i++)
		if (f->c[i].kind == DELAY)
			f->c[i].kind = HOLE;
	return 0;
}

static int op_truncate(struct file *f, u32 off, u32 len)
{
	bool shrink = rnd(4) == 0;
	u64 size = (u64)off * bs + rnd(bs);
	int error;
	u32 first;

	(void)len;
	if (shrink && off < CELLS / 2 && rnd(20))
		return 0;
	error = dx_setsize_trans(f->ip, size, shrink, rnd(2));
	if (error)
		return error;
	f->size = size;
	first = DIV_ROUND_UP(size, bs);
	if (shrink && first < CELLS)
		memset(&f->c[first], 0, (CELLS - first) * sizeof(f->c[0]));
	return 0;
}

static int op_iomap(struct file *f, u32 off, u32 len)
{
	struct dx_mapped got;
	u32 i, end = off;
	int error, kind = f->c[off].kind;

	error = dx_iomap_alloc(f->ip, off, len, false, rnd(2), &got);
	if (error == -EAGAIN)
		return 0;
	if (error)
		return error;
	if (!CHECK_EQ(got.seq, dx_map_seq(f->ip)))
		return -EUCLEAN;
	if (!dx_irec_is_real(&got.rec) || got.rec.startoff > off || got.rec.startoff + got.rec.blockcount <= off)
		return -EUCLEAN;
	if (kind > DELAY)
		return 0;
	/* allocated at most to the end of the hole, the delayed extent, or the range */
	while (end < off + len && f->c[end].kind == kind && end < got.rec.startoff + got.rec.blockcount)
		f->c[end++].kind = UNWRITTEN;
	for (i = off; i < end; i++)
		f->c[i].phys = 0;
	return compare(f, off, end, true) ? 0 : -EUCLEAN;
}

/* every other block: thousands of extents */
static int op_comb(struct file *f, u32 off, u32 len)
{
	int error = 0;
	u32 i;

	for (i = off; i < off + len && !error; i += 2) {
		error = f->c[i].kind == HOLE ? op_iomap(f, i, 1) : op_free(f, i, 1);
		if (!error && rnd(2))
			error = op_written(f, i, 1);
	}
	return error;
}

static const struct op { const char *name; int (*fn)(struct file *, u32, u32); unsigned int weight; } ops[] = {
	{ "alloc", op_alloc, 12 }, { "free", op_free, 12 }, { "written", op_written, 14 },
	{ "unwrite", op_unwrite, 8 }, { "collapse", op_collapse, 3 }, { "insert", op_insert, 3 },
	{ "delay", op_delay, 14 }, { "convert", op_convert, 12 }, { "punch delayed", op_punch_delay, 5 },
	{ "truncate", op_truncate, 1 }, { "iomap", op_iomap, 12 }, { "comb", op_comb, 4 },
};

static int one_op(void)
{
	unsigned int w = rnd(100), i;
	struct file *f = &files[rnd(4) == 0];
	u32 off = rnd(CELLS), len = min_t(u32, pick_len(), CELLS - off);
	int error;

	for (i = 0; i < ARRAY_SIZE(ops) - 1 && w >= ops[i].weight; i++)
		w -= ops[i].weight;
	error = ops[i].fn(f, off, len);
	op_counts[i]++;
	if (error == -ENOSPC)
		return 0;
	if (error)
		printf("# %s at %u, %u blocks: %d\n", ops[i].name, off, len, error);
	return error;
}

static int make_files(struct dx_mount *mp)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	int i, error;

	for (i = 0; i < 2; i++) {
		struct dx_name n = { .name = (const u8 *)(i ? "b" : "a"), .len = 1, .ftype = DX_DIR3_FT_REG_FILE };

		memset(&files[i], 0, sizeof(files[i]));
		error = dx_create(mp->rootip, &n, &a, &files[i].ip);
		if (error)
			return error;
		files[i].ino = files[i].ip->ino;
	}
	return 0;
}

static int open_files(struct dx_mount *mp)
{
	int i, error = 0;

	for (i = 0; i < 2 && !error; i++)
		error = dx_iget(mp, NULL, files[i].ino, 0, &files[i].ip);
	return error;
}

struct run { unsigned int ops; bool create; };

static int run_ops(void *arg)
{
	struct run *r = arg;
	struct dx_mount *mp = do_mount();
	struct dx_statfs before, after;
	unsigned int i;
	u64 held;
	int k;

	if (!CHECK(mp))
		return -EIO;
	if (r->create ? !CHECK(!make_files(mp)) : !CHECK(!open_files(mp)))
		return -EIO;
	for (k = 0; k < 2; k++) {
		CHECK_EQ(files[k].ip->d.size, files[k].size);
		if (!CHECK(compare(&files[k], 0, CELLS, false)))
			return -EUCLEAN;
	}
	for (i = 0; i < r->ops; i++) {
		if (!CHECK(!one_op()))
			break;
		if (i % 97 == 0 && (!CHECK(compare(&files[0], 0, CELLS, false)) ||
				    !CHECK(compare(&files[1], 0, CELLS, false)) || !audit(mp)))
			break;
	}
	/* delayed extents do not outlive the inode in memory; what they held comes back exactly */
	dx_mount_statfs(mp, &before);
	held = files[0].ip->delayed_blks + files[1].ip->delayed_blks;
	op_punch_delay(&files[0], 0, CELLS);
	op_punch_delay(&files[1], 0, CELLS);
	dx_mount_statfs(mp, &after);
	CHECK(after.bfree >= before.bfree + held);
	CHECK_EQ(atomic64_read(&mp->delalloc_resv), 0);
	for (k = 0; k < 2; k++) {
		CHECK(compare(&files[k], 0, CELLS, false));
		printf("# file %d: %llu extents, %llu blocks, format %d, %zu bytes of memory\n", k, files[k].ip->df.nextents,
		       files[k].ip->d.nblocks, files[k].ip->df.format, dx_iext_bytes(&files[k].ip->df.ext));
		/* not trimmed at the last close */
		files[k].ip->d.flags |= DX_DIFLAG_PREALLOC;
		clear_bit(DX_I_EOFBLOCKS, &files[k].ip->i_flags);
		dx_idrop(files[k].ip);
	}
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* every free block to @ip, first @step at a time */
static void take_all(struct dx_inode *ip, u64 step)
{
	u64 at = 0;

	while (step) {
		int error = dx_alloc_file_space(ip, at * bs, step * bs);

		if (error == -ENOSPC) {
			step /= 2;
			/* part of it may be there */
			dx_ilock(ip, DX_ILOCK_EXCL);
			CHECK(!dx_bmap_last_offset(ip, DX_DATA_FORK, &at));
			dx_iunlock(ip, DX_ILOCK_EXCL);
		} else if (!CHECK(!error)) {
			break;
		} else {
			at += step;
		}
	}
}

/* fill the volume to the last block, then give it all back */
static int run_full(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_statfs st, st2;
	struct dx_irec got;
	int error = 0, k;
	u64 step;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!make_files(mp)))
		return -EIO;
	dx_mount_statfs(mp, &st);
	/* every other block of the first part, so that free space is in crumbs */
	for (step = 0; step < 3000 && !error; step++)
		error = dx_alloc_file_space(files[0].ip, step * 2 * bs, bs);
	CHECK_EQ(error, 0);
	take_all(files[1].ip, st.bfree / 2);
	dx_mount_statfs(mp, &st2);
	printf("# full: %llu of %llu blocks free\n", st2.bavail, st.bavail);
	CHECK(st2.bavail < 100);
	dx_ilock(files[0].ip, DX_ILOCK_EXCL);
	error = dx_bmap_reserve_delalloc(files[0].ip, 1 << 20, 1000, 0, &got);
	dx_iunlock(files[0].ip, DX_ILOCK_EXCL);
	CHECK_EQ(error, -ENOSPC);
	/* cutting extents must work on a full volume */
	for (k = 0; k < 300; k++)
		CHECK(!dx_free_file_space(files[1].ip, (u64)(1 + k * 3) * bs, bs));
	for (k = 0; k < 300; k++)
		CHECK(!dx_iomap_write_unwritten(files[1].ip, (u64)(900 + k * 3) * bs, bs, 0));
	for (k = 0; k < 2; k++) {
		CHECK(!dx_setsize_trans(files[k].ip, 0, true, false));
		CHECK_EQ(files[k].ip->d.nblocks, 0);
	}
	dx_mount_statfs(mp, &st2);
	CHECK_EQ(st2.bfree, st.bfree);
	for (k = 0; k < 2; k++)
		dx_idrop(files[k].ip);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* what was set aside is there when it is needed, however full the volume is by then */
static int run_full_delayed(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_statfs st;
	struct dx_mapped got;
	struct dx_irec taken;
	u64 icount, ifree, fdblocks;
	int error = 0, k;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!make_files(mp)))
		return -EIO;
	dx_ilock(files[0].ip, DX_ILOCK_EXCL);
	for (k = 0; k < 2000 && !error; k++)
		error = dx_bmap_reserve_delalloc(files[0].ip, k * 3, 1, 0, &taken);
	if (!error)
		error = dx_bmap_reserve_delalloc(files[0].ip, 10000, 3000, 0, &taken);
	CHECK_EQ(error, 0);
	/* leave rests with less than they would like to have */
	for (k = 0; k < 1000; k += 2)
		dx_bmap_punch_delalloc(files[0].ip, 10000 + k, 1);
	CHECK_EQ(files[0].ip->delayed_blks, 4500);
	dx_iunlock(files[0].ip, DX_ILOCK_EXCL);
	/* delayed beyond EOF, they may outlive a remount: what they hold is free on disk */
	CHECK_EQ(delayed_resv(), atomic64_read(&mp->delalloc_resv));
	CHECK(!dx_mount_remount_ro(mp));
	CHECK(!dx_ag_init_all(mp, &icount, &ifree, &fdblocks));
	CHECK_EQ(mp->sb.fdblocks, fdblocks);
	CHECK(!dx_mount_remount_rw(mp));
	take_all(files[1].ip, 1 << 20);
	for (k = 0; k < 2000; k++) {
		if (!CHECK(!dx_bmap_convert_delalloc(files[0].ip, (1999 - k) * 3, &got)) ||
		    !CHECK(dx_irec_is_real(&got.rec)))
			break;
	}
	for (k = 1; k < 3000; k += 2)
		if (!CHECK(!dx_bmap_convert_delalloc(files[0].ip, 10000 + k, &got)))
			break;
	CHECK_EQ(files[0].ip->delayed_blks, 0);
	CHECK_EQ(atomic64_read(&mp->delalloc_resv), 0);
	dx_mount_statfs(mp, &st);
	printf("# full: %llu blocks free, %llu extents made of delayed ones\n", st.bavail, files[0].ip->df.nextents);
	for (k = 0; k < 2; k++)
		dx_idrop(files[k].ip);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

static void map_one(struct dx_inode *ip, u64 off, u64 len, struct dx_irec *got)
{
	int n = 1;

	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK(!dx_bmap_query(ip, off, len, got, &n, 0));
	dx_iunlock(ip, DX_ILOCK_EXCL);
}

/*
 * Targets of two blocks of 1 KiB on a full volume, where one block is free and the next is freed but still busy:
 * the second block is allocated by itself once the log is forced, is a neighbour of the first, and the two are
 * one extent.
 */
static int run_links_full(void *arg)
{
	enum { LINKS = 3, ROUNDS = 100, PATIENCE = 4000 };
	struct dx_mount *mp = do_mount();
	struct dx_create_args a = { .mode = S_IFLNK | 0777 };
	char target[DX_SYMLINK_MAXLEN], back[DX_SYMLINK_MAXLEN + 1], name[40];
	struct dx_name n = { .name = (const u8 *)name, .ftype = DX_DIR3_FT_SYMLINK };
	struct dx_inode *ips[LINKS], *ip, *root;
	unsigned int made = 0, merged = 0, len;
	struct dx_irec first, got;
	int error, round, k, j;
	bool busy;
	u64 at;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!make_files(mp)))
		return -EIO;
	root = mp->rootip;
	/* it takes luck: the first block must be the last that is free and not busy */
	for (round = 0; (round < ROUNDS || (merged < 2 && round < PATIENCE)) && !host_checks_failed; round++) {
		take_all(files[1].ip, 1 << 20);
		CHECK(!dx_log_force(mp, true));
		at = rnd(100000);
		map_one(files[1].ip, at, 2, &first);
		for (k = 0; k < 40; k++, at += 200 + rnd(100)) {
			CHECK(!dx_free_file_space(files[1].ip, at * bs, bs));
			if (!k)
				CHECK(!dx_log_force(mp, true));
			CHECK(!dx_free_file_space(files[1].ip, (at + 1) * bs, bs));
		}
		for (k = 0; k < LINKS; k++) {
			n.len = sprintf(name, "link%d", k);
			len = DX_SYMLINK_MAXLEN - 1 - k;
			for (j = 0; j < len; j++)
				target[j] = 'a' + (j + k) % 26;
			target[len] = 0;
			busy = first.blockcount == 2 && dx_irec_is_real(&first) &&
			       dx_busy_overlaps(mp, dx_fsb_to_agno(mp, first.startblock),
						dx_fsb_to_agbno(mp, first.startblock) + 1, 1);
			error = dx_symlink(root, &n, target, &a, &ip);
			if (error) {
				CHECK_EQ(error, -ENOSPC);
				break;
			}
			CHECK_EQ(dx_readlink(ip, back), len);
			CHECK(!strcmp(target, back));
			map_one(ip, 0, 2, &got);
			merged += busy && got.startblock == first.startblock && got.blockcount == 2;
			ips[k] = ip;
			made++;
		}
		while (k--) {
			n.len = sprintf(name, "link%d", k);
			CHECK(!dx_remove(root, &n, ips[k]));
			dx_idrop(ips[k]);
		}
	}
	printf("# %u links, %u of neighbours, %d rounds\n", made, merged, round);
	CHECK(merged);
	for (k = 0; k < 2; k++)
		dx_idrop(files[k].ip);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* extents of a file with an extent size hint begin and end at multiples of it */
static int run_extsize(void *arg)
{
	enum { HINT = 16 };
	struct dx_mount *mp = do_mount();
	struct dx_mapped got;
	struct dx_irec m[1];
	struct dx_inode *ip;
	u64 off;
	int k, n;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!make_files(mp)))
		return -EIO;
	ip = files[0].ip;
	ip->d.flags |= DX_DIFLAG_EXTSIZE;
	ip->d.extsize = HINT;
	for (k = 0; k < 400; k++) {
		off = rnd(40000);
		if (k % 3)
			CHECK(!dx_iomap_alloc(ip, off, 1 + rnd(40), false, false, &got));
		else
			CHECK(!dx_alloc_file_space(ip, off * bs, (1 + rnd(40)) * bs));
	}
	dx_ilock(ip, DX_ILOCK_EXCL);
	for (off = 0; off < 50000; off += m[0].blockcount) {
		n = 1;
		if (!CHECK(!dx_bmap_query(ip, off, 50000 - off, m, &n, 0)))
			break;
		if (!CHECK_EQ(off % HINT, 0))
			break;
	}
	dx_iunlock(ip, DX_ILOCK_EXCL);
	dx_idrop(files[0].ip);
	dx_idrop(files[1].ip);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* what is wanted near the last block that a file can have is widened up to it, and no further */
static int run_last_block(void *arg)
{
	/* no power of two: the end is not a multiple of it */
	enum { HINT = 24, AHEAD = 50 };
	struct dx_mount *mp = do_mount();
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	char name[40];
	struct dx_name n = { .name = (const u8 *)name, .ftype = DX_DIR3_FT_REG_FILE };
	dx_fileoff_t last, end, from;
	struct dx_inode *ip;
	struct dx_mapped got;
	int k, m;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	last = dx_file_end(mp) - 1;
	for (k = 0; k < 5; k++) {
		n.len = sprintf(name, "last%d", k);
		if (!CHECK(!dx_create(mp->rootip, &n, &a, &ip)))
			return -EIO;
		ip->d.flags |= DX_DIFLAG_PREALLOC;
		if (k < 4) {
			ip->d.flags |= DX_DIFLAG_EXTSIZE;
			ip->d.extsize = HINT;
		}
		from = k < 4 ? last - last % HINT : last;
		if (k == 0)
			CHECK(!dx_iomap_alloc(ip, last, 1, false, false, &got));
		else if (k == 1)
			CHECK(!dx_alloc_file_space(ip, last * bs, bs - 1));
		if (k >= 2) {
			dx_ilock(ip, DX_ILOCK_EXCL);
			CHECK(!dx_bmap_reserve_delalloc(ip, last, 1, k == 2 ? 0 : AHEAD, &got.rec));
			CHECK_EQ(dx_irec_end(&got.rec), last + 1);
			CHECK_EQ(dx_bmap_reserve_delalloc(ip, last + 1, 1, 0, &got.rec), -EFBIG);
			dx_iunlock(ip, DX_ILOCK_EXCL);
			CHECK(!dx_bmap_convert_delalloc(ip, last, &got));
		}
		dx_ilock(ip, DX_ILOCK_EXCL);
		CHECK(!dx_bmap_last_offset(ip, DX_DATA_FORK, &end));
		CHECK_EQ(end, last + 1);
		m = 1;
		CHECK(!dx_bmap_query(ip, from, last + 1 - from, &got.rec, &m, 0) && dx_irec_is_real(&got.rec));
		CHECK_EQ(got.rec.startoff, from);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (dx_has_reflink(mp) && k == 1)
			CHECK_EQ(dx_reflink_remap(ip, 0, ip, last * bs, 2 * bs, &(u64){ 0 }), -EFBIG);
		dx_idrop(ip);
	}
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* a first attribute meets a data fork of every form and filling */
static int run_attr_fork(void *arg)
{
	struct dx_mount *mp = do_mount();
	char buf[DX_SYMLINK_MAXLEN + 1], back[DX_SYMLINK_MAXLEN + 1], name[40];
	struct dx_name n = { .name = (const u8 *)name };
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_inode *ip, *root;
	struct dx_mapped got;
	int i, k;

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	root = mp->rootip;
	for (i = 0; i < 1600; i += i < 40 ? 1 : 97) {		/* i extents */
		n.len = sprintf(name, "file%d", i);
		n.ftype = DX_DIR3_FT_REG_FILE;
		if (!CHECK(!dx_create(root, &n, &a, &ip)))
			return -EIO;
		for (k = 0; k < i; k++)
			if (!CHECK(!dx_iomap_alloc(ip, k * 2, 1, false, false, &got)))
				return -EIO;
		CHECK(!dx_add_attr_fork(ip, i % 7 * 30, false));
		CHECK(ip->af && ip->d.forkoff);
		CHECK_EQ(ip->df.nextents, i);
		for (k = i; k < i + 3; k++)
			CHECK(!dx_iomap_alloc(ip, k * 2, 1, false, false, &got));
		for (k = 0; k < i + 3 && i % 2; k++)
			CHECK(!dx_free_file_space(ip, k * 2 * bs, bs));
		ip->d.flags |= DX_DIFLAG_PREALLOC;
		dx_idrop(ip);
	}
	a.mode = S_IFLNK | 0777;
	for (i = 1; i < 400; i += 9) {
		memset(buf, 'x', i);
		buf[i] = 0;
		n.len = sprintf(name, "link%d", i);
		n.ftype = DX_DIR3_FT_SYMLINK;
		if (!CHECK(!dx_symlink(root, &n, buf, &a, &ip)))
			return -EIO;
		CHECK(!dx_add_attr_fork(ip, 60, false));
		CHECK_EQ(dx_readlink(ip, back), i);
		CHECK(!strcmp(buf, back));
		dx_idrop(ip);
	}
	a.mode = S_IFDIR | 0755;
	for (i = 0; i < 30; i++) {
		struct dx_create_args fa = { .mode = S_IFREG | 0600 };
		struct dx_inode *dp;
		dx_ino_t ino;

		n.len = sprintf(name, "dir%d", i);
		n.ftype = DX_DIR3_FT_DIR;
		if (!CHECK(!dx_create(root, &n, &a, &dp)))
			return -EIO;
		n.ftype = DX_DIR3_FT_REG_FILE;
		for (k = 0; k < i; k++) {
			n.len = sprintf(name, "entry-%03d", k);
			CHECK(!dx_create(dp, &n, &fa, &ip));
			dx_idrop(ip);
		}
		CHECK(!dx_add_attr_fork(dp, 40, false));
		for (k = 0; k < i; k++) {
			n.len = sprintf(name, "entry-%03d", k);
			CHECK(!dx_lookup(dp, &n, &ino, NULL));
		}
		dx_idrop(dp);
	}
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* ---- damage ---- */

static struct { u64 inode_off, block_off; u32 inode_len, fork_off; } victim;

static int make_victim(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_bmbt_root *root;
	struct dx_inode *ip;
	struct dx_mapped got;
	int k;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!make_files(mp)))
		return -EIO;
	ip = files[0].ip;
	for (k = 0; k < 200; k++)
		CHECK(!dx_iomap_alloc(ip, k * 3, 1 + k % 2, false, false, &got));
	for (k = 0; k < 200; k += 3)
		CHECK(!dx_iomap_write_unwritten(ip, k * 3 * bs, bs, k * 3 * bs + bs));
	ip->d.flags |= DX_DIFLAG_PREALLOC;
	victim.inode_off = (ip->imap.daddr << DX_BBSHIFT) + ip->imap.boffset;
	victim.inode_len = mp->sb.inodesize;
	victim.fork_off = DX_DINODE_SIZE;
	if (CHECK_EQ(ip->df.format, DX_DINODE_FMT_BTREE)) {
		root = ip->df.data;
		victim.block_off = dx_fsb_to_daddr(mp, be64_to_cpu(root->kp[root->maxrecs])) << DX_BBSHIFT;
	}
	dx_idrop(files[0].ip);
	dx_idrop(files[1].ip);
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

/* a few bytes change, and the checksum says that all is well */
static void harm(u64 seed)
{
	u8 *buf = malloc(bs > victim.inode_len ? bs : victim.inode_len);
	bool inode = seed % 2;
	u32 len = inode ? victim.inode_len : bs, i, at;
	u64 off = inode ? victim.inode_off : victim.block_off;

	host_dev_peek(dev, off, buf, len);
	for (i = 0; i <= seed % 3; i++) {
		if (inode)	/* counters, format, or the root */
			at = rnd(3) ? victim.fork_off + rnd(40) : rnd(3) ? 64 + rnd(20) : 5 + rnd(60);
		else
			at = rnd(3) ? DX_BTREE_LBLOCK_LEN + rnd(200) : 4 + rnd(20);
		buf[at] ^= rnd(2) ? 1 << rnd(8) : rnd(256);
	}
	dx_update_cksum(buf, len, inode ? DX_DINODE_CRC_OFF : DX_BTREE_LBLOCK_CRC_OFF);
	host_dev_poke(dev, off, buf, len);
	free(buf);
}

static int use_victim(void *arg)
{
	struct dx_mount *mp;
	struct dx_inode *ip;
	struct dx_mapped got;
	int k;

	harm(*(unsigned int *)arg);
	mp = do_mount();
	if (!CHECK(mp))
		return -EIO;
	if (!dx_iget(mp, NULL, files[0].ino, 0, &ip)) {
		int n = 1;

		dx_ilock(ip, DX_ILOCK_EXCL);
		dx_bmap_query(ip, 0, 1000, &got.rec, &n, 0);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		for (k = 0; k < 20; k++) {
			dx_iomap_alloc(ip, rnd(700), 1 + rnd(9), false, false, &got);
			dx_free_file_space(ip, rnd(700) * bs, (1 + rnd(9)) * bs);
			dx_iomap_write_unwritten(ip, rnd(700) * bs, 5 * bs, 0);
			dx_insert_file_space(ip, rnd(700) * bs, bs, NULL);
		}
		dx_add_attr_fork(ip, 50, false);
		dx_setsize_trans(ip, 0, true, false);
		dx_idrop(ip);
	}
	uv_umount(mp);
	return 0;
}

/* damage that checksums do not show is refused, or does no harm to the kernel */
static void damage(const struct profile *p, unsigned int n, u64 seed)
{
	struct host_dev_snap *snap;
	unsigned int i, seen = 0;
	char name[120];

	if (make_volume(p))
		return;
	snprintf(name, sizeof(name), "bmap: a map to damage, %s", p->name);
	if (!host_test(name, seed, make_victim, NULL))
		return;
	snap = host_dev_snap_take(dev);
	snprintf(name, sizeof(name), "bmap: %u damaged maps, %s", n, p->name);
	host_test_begin(name);
	host_set_printk(2);
	for (i = 0; i < n && !host_checks_failed; i++) {
		host_dev_snap_restore(dev, snap);
		host_init(seed * 1000 + i + 1);
		CHECK_EQ(host_run(use_victim, &i), 0);
		if (!CHECK_EQ(host_warn_count, 0))
			printf("# damage %u: %s\n", i, host_log());
		seen += host_log_has("corrupt") || host_log_has("refusing");
		host_kill_world();
	}
	host_set_printk(5);
	CHECK(seen > n / 3);
	host_test_end();
	printf("# %u of %u damages noticed\n", seen, n);
	host_dev_snap_free(snap);
}

/* ---- power cuts ---- */

static int run_until_cut(void *arg)
{
	struct dx_mount *mp = do_mount();
	unsigned int i;

	if (!mp)
		return -EIO;
	if (open_files(mp))
		return -EIO;
	for (i = 0; i < 400; i++) {
		if (one_op())
			break;
		if (rnd(3) == 0)
			dx_log_force(mp, true);
		if (rnd(50) == 0)
			dx_ail_drain(mp);
	}
	(void)arg;
	return 0;
}

static int run_recover(void *arg)
{
	struct dx_mount *mp = do_mount();
	struct dx_irec m[64];
	int k, n;

	(void)arg;
	if (!CHECK(mp) || !CHECK(!open_files(mp)))
		return -EIO;
	for (k = 0; k < 2; k++) {
		n = 64;
		dx_ilock(files[k].ip, DX_ILOCK_EXCL);
		CHECK(!dx_bmap_query(files[k].ip, 0, CELLS, m, &n, 0));
		dx_iunlock(files[k].ip, DX_ILOCK_EXCL);
		dx_idrop(files[k].ip);
	}
	CHECK(!uv_umount(mp));
	return host_checks_failed ? -EIO : 0;
}

static int run_until_fault(void *arg)
{
	struct dx_mount *mp = do_mount();
	unsigned int i, which = *(unsigned int *)arg;
	int k;

	if (!mp)
		return -EIO;
	if (which % 3 == 0)
		host_dev_fail(dev, HOST_FAIL_WRITE, 1 + which / 3 * 2, which % 2, -EIO);
	else if (which % 3 == 1)
		host_dev_fail(dev, HOST_FAIL_READ, 1 + which / 3, which % 2, -EIO);
	else
		host_fail_alloc_nth(1 + which / 3 * 5);
	if (!open_files(mp)) {
		for (i = 0; i < 150 && !one_op(); i++)
			if (rnd(3) == 0)
				dx_log_force(mp, true);
		for (k = 0; k < 2; k++)
			dx_idrop(files[k].ip);
	}
	uv_umount(mp);
	return 0;
}

/* an I/O or an allocation fails: an error or a shutdown, and a volume that recovers */
static void faults(const struct profile *p, unsigned int n, u64 seed)
{
	struct host_dev_snap *snap;
	struct run fill = { 300, true };
	unsigned int i;
	char name[120];

	if (make_volume(p))
		return;
	snprintf(name, sizeof(name), "bmap: files to harm, %s", p->name);
	if (!host_test(name, seed, run_ops, &fill))
		return;
	snap = host_dev_snap_take(dev);
	snprintf(name, sizeof(name), "bmap: %u faults, %s", n, p->name);
	host_test_begin(name);
	host_set_printk(2);
	for (i = 0; i < n && !host_checks_failed; i++) {
		static struct file keep[2];

		memcpy(keep, files, sizeof(keep));
		host_dev_snap_restore(dev, snap);
		host_init(seed * 1000 + i + 1);
		host_run(run_until_fault, &i);
		CHECK_EQ(host_warn_count, 0);
		host_dev_fail_none(dev);
		host_fail_alloc_nth(0);
		host_kill_world();
		host_dev_crash(dev, HOST_KEEP_ALL, seed + i);
		host_init(seed + i);
		if (!CHECK_EQ(host_run(run_recover, NULL), 0) || !CHECK_EQ(host_warn_count, 0) || !CHECK(repair_clean()))
			printf("# fault %u\n", i);
		host_kill_world();
		memcpy(files, keep, sizeof(keep));
	}
	host_set_printk(5);
	host_test_end();
	host_dev_snap_free(snap);
}

/* the volume is whole after a cut at any write, whatever of the last writes survives */
static void cuts(const struct profile *p, unsigned int ncuts, u64 seed)
{
	struct host_dev_snap *snap;
	struct run fill = { 300, true };
	unsigned int i, cut = 0;
	char name[120];

	if (make_volume(p))
		return;
	snprintf(name, sizeof(name), "bmap: files to cut, %s", p->name);
	if (!host_test(name, seed, run_ops, &fill))
		return;
	snap = host_dev_snap_take(dev);
	snprintf(name, sizeof(name), "bmap: %u power cuts, %s", ncuts, p->name);
	host_test_begin(name);
	for (i = 0; i < ncuts && !host_checks_failed; i++) {
		static struct file keep[2];
		int ret;

		memcpy(keep, files, sizeof(keep));
		host_dev_snap_restore(dev, snap);
		host_init(seed * 1000 + i + 1);
		host_dev_crash_at(dev, 1 + i * 7 % 150, i % 2 ? HOST_CRASH_SUBMIT : HOST_CRASH_COMPLETE);
		ret = host_run(run_until_cut, NULL);
		cut += ret == HOST_CRASHED;
		host_dev_crash_at(dev, 0, HOST_CRASH_SUBMIT);
		host_kill_world();
		host_dev_crash(dev, i % HOST_CRASH_MODES, seed + i);
		host_init(seed + i);
		if (!CHECK_EQ(host_run(run_recover, NULL), 0) || !CHECK_EQ(host_warn_count, 0) || !CHECK(repair_clean()))
			printf("# cut %u (%d)\n", i, ret);
		host_kill_world();
		memcpy(files, keep, sizeof(keep));
	}
	CHECK(cut > ncuts / 2);
	host_test_end();
	printf("# %u of %u cut in the middle\n", cut, ncuts);
	host_dev_snap_free(snap);
}

static const struct scenario { const char *name; int (*fn)(void *); unsigned int bs; } scenarios[] = {	/* bs 0: any */
	{ "a full volume", run_full },
	{ "delayed extents on a full volume", run_full_delayed },
	{ "links on a full volume", run_links_full, 1024 },
	{ "extent size hints", run_extsize },
	{ "the last block of a file", run_last_block },
	{ "attribute forks", run_attr_fork },
};

int main(int argc, char **argv)
{
	unsigned int nops = argc > 1 ? atoi(argv[1]) : 2000, seed = argc > 2 ? atoi(argv[2]) : 7, p, i;
	unsigned int ncuts = argc > 4 ? atoi(argv[4]) : 12;
	char name[120];

	snprintf(workdir, sizeof(workdir), "%s/t_bmap.%d", getenv("TMPDIR") ?: "/var/tmp", getpid());
	snprintf(image, sizeof(image), "%s/img", workdir);
	snprintf(saved, sizeof(saved), "%s/saved", workdir);
	if (host_sh("mkdir -p %s", workdir))
		return 1;
	for (p = 0; p < ARRAY_SIZE(profiles); p++) {
		struct run first = { nops, true }, again = { nops / 4, false };

		if (argc > 3 && atoi(argv[3]) != p)
			continue;
		if (make_volume(&profiles[p])) {
			printf("not ok mkfs %s\n", profiles[p].name);
			return 1;
		}
		snprintf(name, sizeof(name), "bmap: random operations, %s", profiles[p].name);
		host_test(name, seed + p, run_ops, &first);
		snprintf(name, sizeof(name), "bmap: the same map after a remount, %s", profiles[p].name);
		host_test(name, seed + 100 + p, run_ops, &again);
		snprintf(name, sizeof(name), "bmap: xfs_repair is content, %s", profiles[p].name);
		host_test_begin(name);
		CHECK(repair_clean());
		host_test_end();
		if (p < 2)
			cuts(&profiles[p], ncuts, seed + p);
		if (p < 2)
			faults(&profiles[p], ncuts, seed + p);
		if (p < 2)
			damage(&profiles[p], ncuts * 5, seed + p);
		for (i = 0; i < ARRAY_SIZE(scenarios); i++) {
			if (scenarios[i].bs && scenarios[i].bs != bs)
				continue;
			if (make_volume(&profiles[p]))
				return 1;
			snprintf(name, sizeof(name), "bmap: %s, %s", scenarios[i].name, profiles[p].name);
			host_test(name, seed + p, scenarios[i].fn, NULL);
			snprintf(name, sizeof(name), "bmap: xfs_repair is content with %s, %s", scenarios[i].name,
				 profiles[p].name);
			host_test_begin(name);
			CHECK(repair_clean());
			host_test_end();
		}
	}
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		printf("# %s: %lu\n", ops[i].name, op_counts[i]);
	host_sh("rm -rf %s", workdir);
	return host_test_exit();
}
