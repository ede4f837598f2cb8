// SPDX-License-Identifier: GPL-2.0-only
/*
 * No block is left, for anybody or for one owner, and an operation comes that takes one only for a reason that is easily
 * forgotten: a number of an inode of more than 32 bits makes a directory in short form wider, the 256th attribute does not
 * fit into a count, an attribute fork pushes out what the data fork has.  Each is refused while nothing is dirty.
 * And free lists whose unused slots name blocks that a volume, which was larger once, no longer has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_attr.h"
#include "dx_bmap.h"
#include "dx_quota.h"

#define NR	12		/* directories that are nearly full */

static int make(struct dx_inode *dp, const char *name, umode_t mode, u32 uid, struct dx_inode **ipp)
{
	struct dx_create_args a = { .mode = mode, .uid = uid };
	struct dx_name n = { .name = (const u8 *)name, .len = strlen(name), .ftype = dx_mode_to_ftype(mode) };

	*ipp = NULL;
	return dx_create(dp, &n, &a, ipp);
}

/* All that is free goes into a file. */
static int fill_up(struct dx_mount *mp, bool pool)
{
	struct dx_inode *ip;
	struct dx_mapped got;
	dx_fileoff_t off = 0;
	u64 k = DX_BMBT_MAX_BLOCKCOUNT;
	int error = make(mp->rootip, "fill", S_IFREG | 0600, 0, &ip);

	if (!pool)
		dx_reserve_set(mp, 0);
	while (!error && k) {
		error = dx_iomap_alloc(ip, off, k, false, false, &got);
		if (error == -ENOSPC) {
			k /= 2;
			error = 0;
		} else if (!error) {
			off = dx_irec_end(&got.rec);
		}
	}
	dx_idrop(ip);
	return error ?: dx_log_force(mp, true);
}

/* ---- numbers of more than 32 bits ---- */

enum wide { LINK, RENAME, REPLACE, EXCHANGE, REPARENT, NR_WIDE };

static const char *const wide_name[] = { "link", "rename", "rename over another", "exchange", "a directory moves" };
static bool pool;
static struct dx_inode *narrow[NR], *target[NR], *wide[NR], *far;
static int nr_of[NR];		/* of narrow[], in its name */

static struct dx_name in_full = { .name = (const u8 *)"00-a-name-of-24-bytes-xx", .len = 24, .ftype = DX_DIR3_FT_REG_FILE };

/* Directories of narrow numbers with no room for wider ones; and in a directory with a wide one, what is to come to them. */
static int set_up(struct dx_mount *mp, enum wide op)
{
	int i, n = 0, error, names = op == LINK || op == RENAME ? 9 : 10;
	struct dx_inode *d, *f;
	char name[40];

	far = NULL;
	for (i = 0; i < 200 && (!far || n < NR); i++) {
		snprintf(name, sizeof(name), "dir%d", i);
		error = make(mp->rootip, name, S_IFDIR | 0755, 0, &d);
		if (error)
			return error;
		if (d->ino > U32_MAX && !far) {
			far = d;
		} else if (d->ino <= U32_MAX && n < NR) {
			nr_of[n] = i;
			narrow[n++] = d;
		} else {
			dx_idrop(d);
		}
	}
	if (!CHECK(far && n == NR))
		return -EINVAL;
	for (n = 0; n < NR; n++) {
		for (i = 0; i < names; i++) {
			snprintf(name, sizeof(name), "%02d-a-name-of-24-bytes-xx", i);
			error = make(narrow[n], name, S_IFREG | 0644, 0, &f);
			if (error)
				return error;
			if (i)
				dx_idrop(f);
			else
				target[n] = f;
		}
		snprintf(name, sizeof(name), "x%d", n);
		error = make(far, name, S_IFREG | 0644, 0, &wide[n]);
		if (error)
			return error;
	}
	return 0;
}

static int do_wide(struct dx_mount *mp, enum wide op, int n)
{
	char buf[40], what[40];
	struct dx_name s = { .name = (u8 *)buf, .ftype = DX_DIR3_FT_REG_FILE, .len = snprintf(buf, sizeof(buf), "x%d", n) };
	struct dx_name fresh = { .name = (const u8 *)"zz-a-name-of-24-bytes-xx", .len = 24, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_name dir = { .name = (u8 *)what, .ftype = DX_DIR3_FT_DIR, .len = snprintf(what, sizeof(what), "dir%d", nr_of[n]) };

	switch (op) {
	case LINK:
		return dx_link(narrow[n], wide[n], &fresh);
	case RENAME:
		return dx_rename(far, &s, wide[n], narrow[n], &fresh, NULL, NULL, 0);
	case REPLACE:
	case EXCHANGE:
		return dx_rename(far, &s, wide[n], narrow[n], &in_full, target[n], NULL, op == EXCHANGE ? DX_RENAME_EXCHANGE : 0);
	default:
		return dx_rename(mp->rootip, &dir, narrow[n], far, &dir, NULL, NULL, 0);
	}
}

static int wide_fiber(void *arg)
{
	enum wide op = (enum wide)(long)arg;
	struct dx_mount *mp = uv_mount(NULL);
	u32 refused = 0, done = 0;
	int n, error;

	if (!mp)
		return -EIO;
	if (!CHECK_EQ(set_up(mp, op), 0) || !CHECK_EQ(fill_up(mp, pool), 0))
		return -EIO;
	for (n = 0; n < NR; n++) {
		error = do_wide(mp, op, n);
		CHECK(!error || error == -ENOSPC);
		*(error ? &refused : &done) += 1;
		CHECK(!dx_is_shutdown(mp));
		CHECK(percpu_counter_sum(&mp->fdblocks) >= 0);
	}
	printf("# %u done, %u refused\n", done, refused);
	CHECK(refused > 0);
	for (n = 0; n < NR; n++) {
		dx_idrop(narrow[n]);
		dx_idrop(wide[n]);
		dx_idrop(target[n]);
	}
	dx_idrop(far);
	return uv_umount(mp);
}

/* ---- the 256th attribute ---- */

static int many_fiber(void *arg)
{
	struct dx_name again = { .name = (const u8 *)"g", .len = 1, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *ip;
	int i, error;
	u8 n[2];

	if (!mp)
		return -EIO;
	CHECK_EQ(make(mp->rootip, "f", S_IFREG | 0644, 0, &ip), 0);
	for (i = 0; i < 254; i++) {
		struct dx_attr_arg a = { .ip = ip, .name = n, .namelen = 2, .value = "" };

		n[0] = 'a' + i / 16;
		n[1] = 'a' + i % 16;
		CHECK_EQ(dx_attr_set_op(&a), 0);
	}
	CHECK_EQ(ip->af->format, DX_DINODE_FMT_LOCAL);
	CHECK_EQ(fill_up(mp, true), 0);
	error = dx_link(mp->rootip, ip, &again);
	CHECK(!error || error == -ENOSPC);
	CHECK(!dx_is_shutdown(mp));
	dx_idrop(ip);
	return uv_umount(mp);
}

/* ---- an attribute fork at a limit ---- */

static int limit_fiber(void *arg)
{
	struct dx_quota_change c = { .blk_set = DX_QSET_HARD };
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *d, *f;
	struct dx_quota_rec r;
	u32 refused = 0;
	char name[40];
	int i, k, error;

	if (!mp)
		return -EIO;
	c.blk.hard = 3 * mp->dirblkfsbs;
	CHECK_EQ(dx_quota_set(mp, DX_QUSER, 1000, &c), 0);
	for (k = 0; k < 8; k++) {
		struct dx_attr_arg a = { .name = (const u8 *)"x", .namelen = 1, .value = "v", .valuelen = 1 };

		snprintf(name, sizeof(name), "dir%d", k);
		CHECK_EQ(make(mp->rootip, name, S_IFDIR | 0755, 1000, &d), 0);
		for (i = 0; i < 10; i++) {
			snprintf(name, sizeof(name), "%02d-a-name-of-24-bytes-xx", i);
			CHECK_EQ(make(d, name, S_IFREG | 0644, 1000, &f), 0);
			dx_idrop(f);
		}
		a.ip = d;
		error = dx_attr_set_op(&a);
		CHECK(!error || error == -EDQUOT);
		refused += !!error;
		CHECK_EQ(dx_quota_get(mp, DX_QUSER, 1000, &r), 0);
		CHECK(r.blk.used <= c.blk.hard);
		dx_idrop(d);
	}
	CHECK(refused > 0 && refused < 8);
	return uv_umount(mp);
}

/* ---- what a free list had once ---- */

static int stale_fiber(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *ip;
	struct dx_mapped got;
	u32 b;

	if (!mp)
		return -EIO;
	CHECK_EQ(make(mp->rootip, "f", S_IFREG | 0644, 0, &ip), 0);
	for (b = 0; b < 20000 && !dx_iomap_alloc(ip, b, 1000, false, false, &got); b += 1000)
		;
	for (b = 0; b < 20000; b += 2)
		CHECK_EQ(dx_free_file_space(ip, (u64)b << mp->sb.blocklog, mp->sb.blocksize), 0);
	CHECK(!dx_is_shutdown(mp));
	dx_idrop(ip);
	return uv_umount(mp);
}

/* ---- a free list with nothing in it, and trees that are full ---- */

static int free_blocks(struct dx_mount *mp, dx_agbno_t bno, u32 len)
{
	struct dx_trans *tp;
	int error = dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp);

	return error ?: dx_trans_end(tp, dx_free_extent(tp, dx_agb_to_fsb(mp, 3, bno), len));
}

/*
 * Pieces of two blocks come free in ascending order, which fills both trees to the last record, and both split to their roots in one
 * change.  Among them one that is longer: what the list lacks is not to be cut out of it, or its rest would split a leaf again.
 */
static int packed_fiber(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_alloc_arg a = { .mp = mp, .minlen = 60000, .maxlen = 60000, .prod = 1, .alignment = 1, .type = DX_ALLOC_THIS_AG, .userdata = true };
	u32 n, hole_at = (u32)(long)arg, empty = 0, done;
	struct dx_perag *pag;
	struct dx_trans *tp;
	dx_agbno_t at, start;

	if (!mp)
		return -EIO;
	pag = dx_perag(mp, 3);
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_WRITE, 60010, 0, &tp), 0);
	a.tp = tp;
	a.fsbno = dx_agb_to_fsb(mp, 3, 0);
	CHECK_EQ(dx_alloc_extents(&a), 0);
	CHECK(a.fsbno != DX_NULLFSBNO);
	CHECK_EQ(dx_trans_commit(tp), 0);
	start = at = dx_fsb_to_agbno(mp, a.fsbno);
	for (n = 0; n < 9800 && !dx_is_shutdown(mp); n++) {
		u32 len = n == hole_at ? 8 : 2;

		if (!CHECK_EQ(free_blocks(mp, at, len), 0))
			break;
		empty += !pag->flcount;
		at += len + 1;
		if (n % 500 == 0)
			dx_log_force(mp, true);
	}
	/* and what lies between, so that all is as it was */
	CHECK_EQ(free_blocks(mp, at, start + 60000 - at), 0);
	for (done = n, n = 0, at = start; n < done; n++, at++) {
		at += n == hole_at ? 8 : 2;
		if (!CHECK_EQ(free_blocks(mp, at, 1), 0))
			break;
	}
	printf("# %u levels, the list was empty %u times\n", pag->levels[DX_BTNUM_CNT], empty);
	return uv_umount(mp);
}

static void run(const char *what, int (*fn)(void *arg), void *arg)
{
	if (host_test(what, 0, fn, arg)) {
		host_test_begin("... and xfs_repair is content");
		CHECK(uv_repair_clean("full"));
		host_test_end();
	}
	host_kill_world();
}

int main(void)
{
	static const struct uv_profile large[] = {
		{ "directory blocks of 4 KiB", "-d agcount=4 -l size=64m", 3 << 20 },
		{ "of 64 KiB", "-d agcount=4 -l size=64m -n size=64k", 3 << 20 },
		{ "of 64 KiB, nothing set aside", "-d agcount=4 -l size=64m -n size=64k -m reflink=0,finobt=0,inobtcount=0", 3 << 20 },
	};
	static const struct uv_profile many = { "large inodes", "--unsupported -i size=2048 -d agcount=2 -l size=10m", 320, .parent = true };
	static const struct uv_profile small = { "1 KiB", "--unsupported -b size=1024 -n size=65536 -d agcount=2 -l size=10m", 100 };
	static const struct uv_profile packed = { "packed", "-b size=1024 -d agcount=4 -m reflink=0,rmapbt=0", 420 };
	static const struct uv_profile shrunk = { "shrunk", "--unsupported -d agsize=64m -l size=10m", 100 };
	char name[200];
	long op;
	int i;

	uv_setup("t_full");
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		for (op = 0; op < NR_WIDE; op++) {
			if (uv_make(&large[i]))
				return 2;
			pool = !i;
			snprintf(name, sizeof(name), "%s on a full volume, wide numbers (%s)", wide_name[op], large[i].name);
			run(name, wide_fiber, (void *)op);
		}
	}
	if (uv_make(&many))
		return 2;
	run("one name more of a file with 255 attributes, on a full volume", many_fiber, NULL);
	if (uv_make(&small))
		return 2;
	uv_quota = DX_UQUOTA_ACCT | DX_UQUOTA_ENFD;
	run("attributes push a directory out, at a limit", limit_fiber, NULL);
	uv_quota = 0;
	for (i = 5000; i < 9100; i += 2000) {
		if (uv_make(&packed))
			return 2;
		run("the list of an AG with trees that are full", packed_fiber, (void *)(long)i);
	}
	if (uv_make(&shrunk) || host_sh("xfs_db -x -c 'agfl 1' -c 'write bno[30] 12000' %s >/dev/null", uv_image))
		return 2;
	host_dev_close(uv_dev);
	uv_dev = host_dev_open(uv_image);
	run("slots of a free list that name blocks of a larger volume", stale_fiber, NULL);
	uv_teardown();
	return host_test_exit();
}
