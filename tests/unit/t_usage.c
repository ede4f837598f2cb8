// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quota that we account: usage is what inodes use, after every operation and every crash; limits hold to the block.
 *
 * Judges: sums over all inodes (util_quota.c), and xfs_repair, which counts for itself where the superblock says that usage has been counted.
 *
 *	t_usage [words of the names of tests]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_files.h"
#include "util_model.h"
#include "dx_quota.h"
#include "dx_bmap.h"
#include "dx_cow.h"
#include "dx_exchange.h"

#define ACCT	(DX_UQUOTA_ACCT | DX_GQUOTA_ACCT | DX_PQUOTA_ACCT)
#define ENFD	(DX_UQUOTA_ENFD | DX_GQUOTA_ENFD | DX_PQUOTA_ENFD)
#define CHKD	(DX_UQUOTA_CHKD | DX_GQUOTA_CHKD | DX_PQUOTA_CHKD)
#define ALL	(ACCT | ENFD)

static const char *only;
static struct host_dev_snap *snap;
static u64 seed = 1;

static const struct uv_profile volumes[] = {
	{ "6.1 defaults", "--unsupported -d agcount=2 -l size=10m", 64 },
	{ "1 KiB blocks, rmapbt", "--unsupported -d agcount=2 -l size=14m -b size=1024 -m rmapbt=1", 80 },
	{ "4.19 features", "--unsupported -d agcount=2 -l size=10m -m reflink=0,bigtime=0,inobtcount=0", 64 },
};
static const struct uv_profile *vol;

/* A test on a fresh volume in a world of its own, and xfs_repair. */
static void test(const char *what, int (*fn)(void *), void *arg)
{
	char name[160];

	snprintf(name, sizeof(name), "%s: %s", vol->name, what);
	if (only && !strstr(name, only))
		return;
	host_test_begin(name);
	host_dev_snap_restore(uv_dev, snap);
	host_init(seed);
	uf_seed = seed;
	CHECK_EQ(host_run(fn, arg), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	CHECK(uv_repair_clean("usage"));
	host_test_end();
}

static struct dx_mount *mount_with(u16 quota)
{
	struct dx_mount *mp;
	int error;

	uv_quota = quota;
	mp = uv_mount(&error);
	CHECK_EQ(error, 0);
	return mp;
}

static u16 qflags_on_disk(void)
{
	struct dx_dsb d;

	host_dev_peek(uv_dev, 0, &d, sizeof(d));
	return be16_to_cpu(d.sb_qflags);
}

static int set(struct dx_mount *mp, enum dx_qtype t, u32 id, u64 bsoft, u64 bhard, u64 isoft, u64 ihard)
{
	struct dx_quota_change c = {
		.blk_set = DX_QSET_SOFT | DX_QSET_HARD, .ino_set = DX_QSET_SOFT | DX_QSET_HARD,
		.blk = { .soft = bsoft, .hard = bhard }, .ino = { .soft = isoft, .hard = ihard },
	};

	return dx_quota_set(mp, t, id, &c);
}

static struct dx_quota_rec get(struct dx_mount *mp, enum dx_qtype t, u32 id)
{
	struct dx_quota_rec r = { };

	CHECK_EQ(dx_quota_get(mp, t, id, &r), 0);
	return r;
}

static struct dx_inode *make(struct dx_mount *mp, struct dx_inode *dp, const char *name, umode_t mode, u32 uid, u32 gid, u32 projid,
			     int *error)
{
	struct dx_create_args a = { .mode = mode, .uid = uid, .gid = gid, .projid = projid };
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name), .ftype = S_ISDIR(mode) ? DX_DIR3_FT_DIR : DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip = NULL;
	int e = dx_create(dp, &n, &a, &ip);

	if (error)
		*error = e;
	else
		CHECK_EQ(e, 0);
	(void)mp;
	return ip;
}

static int drop_file(struct dx_mount *mp, const char *name, struct dx_inode *ip)
{
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	int error = dx_remove(mp->rootip, &n, ip);

	dx_idrop(ip);
	dx_icache_flush_inactive(mp);
	return error;
}

/* ---- on, and counted ---- */

static int turn_on(void *arg)
{
	struct dx_mount *mp = mount_with(0);
	struct dx_quota_rec r;
	struct dx_inode *ip;
	int i;

	(void)arg;
	/* something to count, from a mount that does not account */
	for (i = 0; i < 40; i++) {
		char name[16];

		sprintf(name, "f%d", i);
		ip = make(mp, mp->rootip, name, S_IFREG | 0600, i % 7 * 1000, i % 5, i % 3, NULL);
		CHECK_EQ(dx_alloc_file_space(ip, 0, (i + 1) * mp->sb.blocksize), 0);
		dx_idrop(ip);
	}
	CHECK_EQ(dx_quota_get(mp, DX_QUSER, 0, &r), -ESRCH);
	uv_umount(mp);
	CHECK_EQ(qflags_on_disk(), 0);

	mp = mount_with(ALL);
	CHECK_EQ(mp->qflags, ALL | CHKD);
	CHECK(host_log_has("is being counted"));
	CHECK_EQ(uv_check_quota(mp), 0);
	r = get(mp, DX_QUSER, 1000);
	CHECK_EQ(r.ino.used, 6);
	uv_umount(mp);
	CHECK_EQ(qflags_on_disk(), ALL | CHKD);

	/* not counted again */
	host_log_clear();
	mp = mount_with(ALL);
	CHECK(!host_log_has("is being counted"));
	CHECK_EQ(uv_check_quota(mp), 0);
	uv_umount(mp);
	CHECK_EQ(qflags_on_disk(), ALL | CHKD);

	/* one kind less: the others are still right */
	mp = mount_with(DX_UQUOTA_ACCT);
	CHECK(!host_log_has("is being counted"));
	CHECK_EQ(uv_check_quota(mp), 0);
	uv_umount(mp);
	CHECK_EQ(qflags_on_disk(), DX_UQUOTA_ACCT | DX_UQUOTA_CHKD);

	/* without: then nobody knows */
	mp = mount_with(0);
	ip = make(mp, mp->rootip, "more", S_IFREG | 0600, 77777, 77777, 77777, NULL);
	dx_idrop(ip);
	uv_umount(mp);
	CHECK(!(qflags_on_disk() & CHKD));
	mp = mount_with(ALL);
	CHECK(host_log_has("is being counted"));
	CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

static int read_only(void *arg)
{
	struct dx_mount_opts o = { .ro = true, .quota = ALL };
	struct dx_mount *mp;
	struct dx_quota_rec r;
	int error;

	(void)arg;
	/* not counted: nothing, until it is read-write */
	mp = uv_mount_dev(uv_dev, &o, &error);
	CHECK_EQ(error, 0);
	CHECK_EQ(mp->qflags, 0);
	CHECK_EQ(dx_quota_get(mp, DX_QUSER, 0, &r), -ESRCH);
	CHECK_EQ(dx_mount_remount_rw(mp), 0);
	CHECK_EQ(mp->qflags, ALL | CHKD);
	CHECK_EQ(uv_check_quota(mp), 0);
	CHECK_EQ(dx_mount_remount_ro(mp), 0);
	CHECK_EQ(dx_quota_get(mp, DX_QUSER, 0, &r), 0);
	CHECK_EQ(set(mp, DX_QUSER, 0, 1, 1, 1, 1), -EROFS);
	uv_umount(mp);
	/* counted: it can be read */
	mp = uv_mount_dev(uv_dev, &o, &error);
	CHECK_EQ(error, 0);
	CHECK_EQ(mp->qflags, ALL | CHKD);
	CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

/* ---- every operation ---- */

static void chown_some(struct dx_mount *mp, struct dx_inode *ip)
{
	struct dx_setattr sa = {
		.valid = uf_rnd(8) << 1 & (DX_ATTR_UID | DX_ATTR_GID), .uid = uf_rnd(5) * 100, .gid = uf_rnd(4), .projid = uf_rnd(90),
	};

	if (uf_rnd(2))
		sa.valid |= DX_ATTR_PROJID;
	(void)mp;
	if (sa.valid)
		CHECK_EQ(dx_setattr_nosize(ip, &sa, false), 0);
}

static void exchange_some(struct dx_mount *mp)
{
	struct uf_file *f = &uf_files[uf_rnd(UF_FILES)], *g = &uf_files[uf_rnd(UF_FILES)];
	struct dx_exchange x = { .ip1 = f->ip, .ip2 = g->ip, .len_bytes = (u64)UF_SPAN * uf_bs };
	u64 tmp[UF_SPAN], size;

	if (f == g || uf_flush(f) || uf_flush(g))
		return;
	x.set_sizes = true;
	x.size1_bytes = g->size * uf_bs;
	x.size2_bytes = f->size * uf_bs;
	if (dx_exchange_range(&x))
		return;
	memcpy(tmp, f->disk, sizeof(tmp));
	memcpy(f->disk, g->disk, sizeof(tmp));
	memcpy(g->disk, tmp, sizeof(tmp));
	size = f->size;
	f->size = g->size;
	g->size = size;
	(void)mp;
}

static int swapped;

/* All that two files map, where their owners are the same. */
static void swap_some(struct dx_mount *mp)
{
	struct uf_file *f = &uf_files[uf_rnd(UF_FILES)], *g = &uf_files[uf_rnd(UF_FILES)];
	struct dx_setattr sa = { .valid = DX_ATTR_UID | DX_ATTR_GID | DX_ATTR_PROJID, .uid = 3, .gid = 4, .projid = 5 };
	bool same = f->ip->d.uid == g->ip->d.uid && f->ip->d.gid == g->ip->d.gid && f->ip->d.projid == g->ip->d.projid;
	u64 tmp[UF_SPAN], size = (u64)UF_SPAN * uf_bs;
	int error;

	if (f == g || uf_flush(f) || uf_flush(g))
		return;
	f->size = g->size = UF_SPAN;
	if (dx_iomap_setsize(f->ip, size) || dx_iomap_setsize(g->ip, size))
		return;
	if (!same) {
		CHECK_EQ(dx_swapext(f->ip, g->ip, size), -EINVAL);
		CHECK_EQ(dx_setattr_nosize(f->ip, &sa, false), 0);
		CHECK_EQ(dx_setattr_nosize(g->ip, &sa, false), 0);
	}
	error = dx_swapext(f->ip, g->ip, size);
	if (error)		/* one of the two has more extents */
		error = dx_swapext(g->ip, f->ip, size);
	if (error)
		return;
	memcpy(tmp, f->disk, sizeof(tmp));
	memcpy(f->disk, g->disk, sizeof(tmp));
	memcpy(g->disk, tmp, sizeof(tmp));
	swapped++;
	(void)mp;
}

static int file_ops(void *arg)
{
	int error, i, n = 600;
	struct dx_mount *mp;

	(void)arg;
	uv_quota = ALL;
	mp = uf_mount(&error);
	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	swapped = 0;
	uf_open(mp);
	for (i = 0; i < n && !host_checks_failed; i++) {
		u32 op = uf_rnd(UF_OPS + 4), len = 1 + uf_rnd(40), off = uf_rnd(UF_SPAN - len);
		struct uf_file *f = &uf_files[uf_rnd(UF_FILES)];

		if (op == UF_OPS + 3)
			swap_some(mp);
		else if (op >= UF_OPS + 1)
			chown_some(mp, f->ip);
		else if (op == UF_OPS)
			exchange_some(mp);
		else if (dx_has_reflink(mp) || (op != 5 && op != 6))
			uf_op(mp, op, f, off, len);
		CHECK_EQ(uv_check_quota(mp), 0);
		if (host_checks_failed)
			printf("  operation %d, \"%s\"\n", i, op < UF_OPS ? uf_op_names[op] : op == UF_OPS ? "exchange" : op == UF_OPS + 3 ? "swap" : "chown");
		if (i % 150 == 149) {
			uf_close();
			CHECK_EQ(uv_umount(mp), 0);
			CHECK_EQ(qflags_on_disk(), ALL | CHKD);
			CHECK(uv_repair_clean("between"));
			host_log_clear();
			mp = uf_mount(&error);
			if (!CHECK(mp))
				return error;
			CHECK(!host_log_has("is being counted"));
			CHECK_EQ(uf_get(mp), 0);
			CHECK_EQ(uv_check_quota(mp), 0);
		}
	}
	uf_check(mp);
	CHECK(swapped > 0);
	uf_close();
	return uv_umount(mp);
}

/* Trees of directories, links, symbolic links, attributes, of several users at once. */
static int tree_ops(void *arg)
{
	struct dx_mount *mp;
	int i;

	(void)arg;
	mp = mount_with(ALL);
	um_reset(3);
	um_rebase(seed);
	CHECK_EQ(um_attach(mp, true), 0);
	host_set_preempt(40);
	for (i = 0; i < 6 && !host_checks_failed; i++) {
		CHECK_EQ(um_run(mp, 120, 3), 0);
		CHECK_EQ(uv_check_quota(mp), 0);
	}
	um_drop_held();
	CHECK_EQ(uv_check_quota(mp), 0);
	CHECK(!um_verify(mp, true));
	return uv_umount(mp);
}

/* ---- limits ---- */

static struct { int n; enum dx_qtype type; u32 id; enum dx_quota_warning last; } warned;

static void on_warn(struct dx_mount *mp, enum dx_qtype type, u32 id, enum dx_quota_warning what)
{
	(void)mp;
	warned.n++;
	warned.type = type;
	warned.id = id;
	warned.last = what;
}

struct writer { struct dx_mount *mp; struct dx_inode *ip; int how; u32 blocks, got; int error; };

/* Writes on until an error. */
static int writer(void *arg)
{
	struct writer *w = arg;
	u64 bs = w->mp->sb.blocksize;
	struct dx_mapped m;
	u32 at;

	for (at = 0; at < w->blocks && !w->error; ) {
		u32 n = min(w->blocks - at, 1 + (at * 7 + w->how) % 5);

		switch (w->how % 3) {
		case 0:			/* preallocation */
			w->error = dx_alloc_file_space(w->ip, at * bs, n * bs);
			break;
		case 1:			/* direct */
			w->error = dx_iomap_alloc(w->ip, at, n, false, false, &m);
			n = w->error ? 0 : min_t(u64, n, dx_irec_end(&m.rec) - at);
			break;
		default:		/* to the pages */
			dx_ilock(w->ip, DX_ILOCK_EXCL);
			w->error = dx_bmap_reserve_delalloc(w->ip, at, n, 16, &m.rec);
			dx_iunlock(w->ip, DX_ILOCK_EXCL);
			n = w->error ? 0 : min_t(u64, n, dx_irec_end(&m.rec) - at);
			if (!w->error && at % 3 == 0)
				w->error = dx_bmap_convert_delalloc(w->ip, at, &m);
		}
		/* the next ones are smaller, to the last block */
		if ((w->error == -EDQUOT || w->error == -ENOSPC) && n > 1 && w->how % 3 < 2) {
			w->error = 0;
			w->blocks = at + n - 1;
			continue;
		}
		if (!w->error)
			at += n;
		host_yield();
	}
	w->got = at;
	return 0;
}

#define WRITERS	6
static int limits(void *arg)
{
	enum dx_qtype t = *(enum dx_qtype *)arg;
	struct host_fiber *f[WRITERS];
	struct writer w[WRITERS] = { };
	struct dx_quota_rec r;
	struct dx_mount *mp;
	int i, stopped = 0, want = t == DX_QPROJ ? -ENOSPC : -EDQUOT;
	char name[16];

	mp = mount_with(ALL);
	mp->quota_warn = on_warn;
	warned.n = 0;
	CHECK_EQ(set(mp, t, 500, 0, 101, 0, 0), 0);
	for (i = 0; i < WRITERS; i++) {
		sprintf(name, "w%d", i);
		w[i] = (struct writer) { .mp = mp, .how = i, .blocks = 60 };
		w[i].ip = make(mp, mp->rootip, name, S_IFREG | 0600, t == DX_QUSER ? 500 : i, t == DX_QGROUP ? 500 : i,
			       t == DX_QPROJ ? 500 : i, NULL);
	}
	host_set_preempt(20);
	for (i = 0; i < WRITERS; i++)
		f[i] = host_spawn(writer, &w[i], "writer");
	for (i = 0; i < WRITERS; i++) {
		host_join(f[i]);
		if (w[i].error) {
			CHECK_EQ(w[i].error, want);
			stopped++;
		}
	}
	CHECK(stopped > 0);
	r = get(mp, t, 500);
	/* what is delayed holds blocks for its btree, too: not more than one of each file is left of the limit */
	CHECK(r.blk.used <= 101 && r.blk.used + WRITERS > 101);
	CHECK_EQ(r.ino.used, WRITERS);
	CHECK_EQ(uv_check_quota(mp), 0);
	CHECK(warned.n > 0);
	CHECK_EQ(warned.type, t);
	CHECK_EQ(warned.id, 500);
	CHECK_EQ(warned.last, DX_QWARN_BLK_HARD);
	/* what gives back is never refused, and then there is room again */
	CHECK_EQ(dx_free_file_space(w[0].ip, 0, 4 * mp->sb.blocksize), 0);
	for (i = 0; i < WRITERS; i++)
		dx_idrop(w[i].ip);
	dx_icache_blockgc(mp);
	CHECK_EQ(uv_check_quota(mp), 0);
	r = get(mp, t, 500);
	CHECK(r.blk.used < 101);
	return uv_umount(mp);
}

static int inode_limits(void *arg)
{
	struct dx_mount *mp = mount_with(ALL);
	struct dx_inode *ip[10];
	struct dx_quota_rec r;
	char name[16];
	int i, error;

	(void)arg;
	CHECK_EQ(set(mp, DX_QUSER, 7, 0, 0, 0, 5), 0);
	for (i = 0; i < 5; i++) {
		sprintf(name, "i%d", i);
		ip[i] = make(mp, mp->rootip, name, S_IFREG | 0600, 7, 0, 0, NULL);
	}
	CHECK(!make(mp, mp->rootip, "i5", S_IFREG | 0600, 7, 0, 0, &error));
	CHECK_EQ(error, -EDQUOT);
	CHECK(!make(mp, mp->rootip, "d5", S_IFDIR | 0700, 7, 0, 0, &error));
	CHECK_EQ(error, -EDQUOT);
	/* nobody else is held up */
	ip[5] = make(mp, mp->rootip, "i6", S_IFREG | 0600, 8, 0, 0, NULL);
	/* not with a gift either, unless root gives */
	CHECK_EQ(dx_setattr_nosize(ip[5], &(struct dx_setattr) { .valid = DX_ATTR_UID, .uid = 7 }, false), -EDQUOT);
	CHECK_EQ(ip[5]->d.uid, 8);
	CHECK_EQ(uv_check_quota(mp), 0);
	CHECK_EQ(dx_setattr_nosize(ip[5], &(struct dx_setattr) { .valid = DX_ATTR_UID, .uid = 7, .quota_force = true }, false), 0);
	r = get(mp, DX_QUSER, 7);
	CHECK_EQ(r.ino.used, 6);
	CHECK_EQ(uv_check_quota(mp), 0);
	/* an inode that is open without a name counts until it is gone */
	CHECK_EQ(drop_file(mp, "i0", ip[0]), 0);
	CHECK_EQ(drop_file(mp, "i6", ip[5]), 0);
	r = get(mp, DX_QUSER, 7);
	CHECK_EQ(r.ino.used, 4);
	ip[0] = make(mp, mp->rootip, "i7", S_IFREG | 0600, 7, 0, 0, NULL);
	for (i = 0; i < 5; i++)
		dx_idrop(ip[i]);
	CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

/* Soft limits, graces, and what id 0 says. */
static int soft_limits(void *arg)
{
	struct dx_mount *mp = mount_with(ALL);
	u64 bs = mp->sb.blocksize;
	struct dx_quota_change grace = { .blk_set = DX_QSET_TIMER, .blk = { .timer = 600 } };
	struct dx_quota_state st;
	struct dx_quota_rec r;
	struct dx_inode *ip;
	struct timespec64 now;

	(void)arg;
	mp->quota_warn = on_warn;
	warned.n = 0;
	/* for everybody who has none of his own */
	CHECK_EQ(set(mp, DX_QUSER, 0, 10, 20, 0, 0), 0);
	CHECK_EQ(dx_quota_set(mp, DX_QUSER, 0, &grace), 0);
	dx_quota_state(mp, &st);
	CHECK_EQ(st.kind[DX_QUSER].blk_grace, 600);
	CHECK_EQ(st.kind[DX_QUSER].ino_grace, 7 * 86400);
	CHECK(st.kind[DX_QUSER].acct && st.kind[DX_QUSER].enfd && st.kind[DX_QUSER].blocks > 0);
	/* a soft limit above the hard one */
	CHECK_EQ(set(mp, DX_QUSER, 30, 9, 8, 0, 0), 0);
	r = get(mp, DX_QUSER, 30);
	CHECK(r.blk.soft != 9 && r.blk.hard != 8);

	ip = make(mp, mp->rootip, "soft", S_IFREG | 0600, 3, 0, 0, NULL);
	CHECK_EQ(dx_alloc_file_space(ip, 0, 10 * bs), 0);
	r = get(mp, DX_QUSER, 3);
	CHECK_EQ(r.blk.soft, 10);
	CHECK_EQ(r.blk.hard, 20);
	CHECK_EQ(r.blk.timer, 0);
	CHECK_EQ(warned.n, 0);
	CHECK_EQ(dx_alloc_file_space(ip, 10 * bs, 2 * bs), 0);
	dx_plat_now(mp, &now);
	r = get(mp, DX_QUSER, 3);
	CHECK(r.blk.timer >= now.tv_sec + 590 && r.blk.timer <= now.tv_sec + 600);
	CHECK_EQ(warned.n, 1);
	CHECK_EQ(warned.last, DX_QWARN_BLK_SOFT);
	/* it survives */
	dx_idrop(ip);
	uv_umount(mp);
	mp = mount_with(ALL);
	mp->quota_warn = on_warn;
	CHECK(get(mp, DX_QUSER, 3).blk.timer - r.blk.timer < 4);
	CHECK_EQ(dx_lookup(mp->rootip, &(struct dx_name) { .name = (u8 *)"soft", .len = 4 }, &(dx_ino_t){ 0 }, NULL), 0);
	{
		dx_ino_t ino;

		dx_lookup(mp->rootip, &(struct dx_name) { .name = (u8 *)"soft", .len = 4 }, &ino, NULL);
		CHECK_EQ(dx_iget(mp, NULL, ino, 0, &ip), 0);
	}
	/* the grace is over */
	CHECK_EQ(dx_quota_set(mp, DX_QUSER, 3, &(struct dx_quota_change) { .blk_set = DX_QSET_TIMER, .blk.timer = now.tv_sec - 5 }), 0);
	CHECK_EQ(dx_alloc_file_space(ip, 12 * bs, bs), -EDQUOT);
	CHECK_EQ(warned.last, DX_QWARN_BLK_SOFT_LONG);
	/* down, and it is forgiven */
	CHECK_EQ(dx_free_file_space(ip, 0, 4 * bs), 0);
	CHECK_EQ(get(mp, DX_QUSER, 3).blk.timer, 0);
	CHECK_EQ(dx_alloc_file_space(ip, 12 * bs, 2 * bs), 0);
	/* root has no limits */
	CHECK_EQ(dx_setattr_nosize(ip, &(struct dx_setattr) { .valid = DX_ATTR_UID, .uid = 0 }, false), 0);
	CHECK_EQ(dx_alloc_file_space(ip, 0, 60 * bs), 0);
	/* nor anybody when they are not enforced */
	CHECK_EQ(dx_quota_off(mp, DX_UQUOTA_ENFD), 0);
	CHECK_EQ(dx_quota_off(mp, DX_UQUOTA_ENFD), -EEXIST);
	CHECK_EQ(dx_setattr_nosize(ip, &(struct dx_setattr) { .valid = DX_ATTR_UID, .uid = 3 }, false), 0);
	CHECK_EQ(dx_quota_on(mp, DX_UQUOTA_ENFD), 0);
	CHECK_EQ(dx_quota_on(mp, DX_UQUOTA_ENFD), -EEXIST);
	CHECK_EQ(dx_alloc_file_space(ip, 60 * bs, bs), -EDQUOT);
	CHECK_EQ(uv_check_quota(mp), 0);
	dx_idrop(ip);
	return uv_umount(mp);
}

/* ---- what is damaged ---- */

static u64 user_block;		/* byte address of the first block of the users' file */

static int find_file(void *arg)
{
	struct dx_mount *mp = mount_with(ALL);
	struct dx_inode *ip;
	struct dx_mapped m;

	(void)arg;
	dx_idrop(make(mp, mp->rootip, "x", S_IFREG | 0600, 5, 6, 7, NULL));
	CHECK_EQ(set(mp, DX_QUSER, 5, 0, 50, 0, 0), 0);
	CHECK_EQ(dx_iget(mp, NULL, mp->sb.uquotino, 0, &ip), 0);
	dx_ilock(ip, DX_ILOCK_EXCL);
	CHECK_EQ(dx_bmap_look(ip, 0, 1, 0, &m), 0);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	user_block = dx_fsb_to_b(mp, m.rec.startblock % mp->sb.agblocks);
	CHECK(m.rec.startblock < mp->sb.agblocks);
	dx_idrop(ip);
	return uv_umount(mp);
}

/* A record is damaged: files can be used and removed all the same, usage is counted anew, with empty limits. */
static int damaged_record(void *arg)
{
	struct dx_quota_rec r;
	struct dx_inode *ip;
	struct dx_mount *mp;
	dx_ino_t ino;
	u8 byte;

	(void)arg;
	CHECK_EQ(find_file(NULL), 0);
	host_dev_peek(uv_dev, user_block + 5 * sizeof(struct dx_dqblk) + 20, &byte, 1);
	byte ^= 0x40;
	host_dev_poke(uv_dev, user_block + 5 * sizeof(struct dx_dqblk) + 20, &byte, 1);
	mp = mount_with(ALL);
	/* the record of id 0 is in that block, too: so it is counted and mended at once */
	CHECK(host_log_has("were damaged, and are empty now"));
	CHECK_EQ(mp->qflags, ALL | CHKD);
	r = get(mp, DX_QUSER, 5);
	CHECK_EQ(r.ino.used, 1);
	CHECK_EQ(r.blk.hard, 0);
	CHECK_EQ(uv_check_quota(mp), 0);
	CHECK_EQ(dx_lookup(mp->rootip, &(struct dx_name) { .name = (u8 *)"x", .len = 1 }, &ino, NULL), 0);
	CHECK_EQ(dx_iget(mp, NULL, ino, 0, &ip), 0);
	CHECK_EQ(drop_file(mp, "x", ip), 0);
	return uv_umount(mp);
}

/* Damage that shows only later: in the block of another id. */
static int damaged_later(void *arg)
{
	struct dx_mount *mp = mount_with(ALL);
	u32 id = 10 * (mp->sb.blocksize / sizeof(struct dx_dqblk)) + 3;
	struct dx_inode *ip, *qip;
	struct dx_mapped m;
	dx_ino_t ino;
	u64 at;
	u8 byte;

	(void)arg;
	ip = make(mp, mp->rootip, "y", S_IFREG | 0600, id, 1, 1, NULL);
	CHECK_EQ(dx_alloc_file_space(ip, 0, 9 * mp->sb.blocksize), 0);
	dx_idrop(ip);
	CHECK_EQ(dx_iget(mp, NULL, mp->sb.uquotino, 0, &qip), 0);
	dx_ilock(qip, DX_ILOCK_EXCL);
	CHECK_EQ(dx_bmap_look(qip, 10, 1, 0, &m), 0);
	dx_iunlock(qip, DX_ILOCK_EXCL);
	CHECK(m.rec.startblock < mp->sb.agblocks);
	at = dx_fsb_to_b(mp, m.rec.startblock) + 40;
	dx_idrop(qip);
	uv_umount(mp);
	host_dev_peek(uv_dev, at, &byte, 1);
	byte ^= 1;
	host_dev_poke(uv_dev, at, &byte, 1);
	mp = mount_with(ALL);
	CHECK_EQ(mp->qflags, ALL | CHKD);
	CHECK_EQ(dx_lookup(mp->rootip, &(struct dx_name) { .name = (u8 *)"y", .len = 1 }, &ino, NULL), 0);
	CHECK_EQ(dx_iget(mp, NULL, ino, 0, &ip), 0);
	CHECK_EQ(dx_free_file_space(ip, 0, 2 * mp->sb.blocksize), 0);
	CHECK(host_log_has("usage is not exact from now on"));
	CHECK_EQ(mp->qflags & CHKD, CHKD & ~DX_UQUOTA_CHKD);
	/* at once, not only at the unmount */
	CHECK_EQ(mp->sb.qflags & CHKD, CHKD & ~DX_UQUOTA_CHKD);
	CHECK_EQ(drop_file(mp, "y", ip), 0);
	uv_umount(mp);
	CHECK_EQ(qflags_on_disk() & CHKD, CHKD & ~DX_UQUOTA_CHKD);
	mp = mount_with(ALL);
	CHECK(host_log_has("were damaged, and are empty now"));
	CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

static void poke_sb(size_t off, u64 val)
{
	static u8 buf[4096];
	u32 len;

	host_dev_peek(uv_dev, 0, buf, sizeof(buf));
	len = be16_to_cpu(((struct dx_dsb *)buf)->sb_sectsize);
	*(__be64 *)(buf + off) = cpu_to_be64(val);
	dx_update_cksum(buf, len, DX_SB_CRC_OFF);
	host_dev_poke(uv_dev, 0, buf, len);
}

/* The superblock names files that are none. */
static int damaged_file(void *arg)
{
	struct dx_mount *mp = mount_with(ALL);
	dx_ino_t u = mp->sb.uquotino, g = mp->sb.gquotino, root = mp->sb.rootino;
	const dx_ino_t bad[] = { g, root, 1ull << 40, 0x1fffff };
	int i;

	(void)arg;
	uv_umount(mp);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		poke_sb(offsetof(struct dx_dsb, sb_uquotino), bad[i]);
		host_log_clear();
		mp = mount_with(ALL);
		CHECK_EQ(mp->qflags, 0);
		CHECK(host_log_has("mounted without it"));
		dx_idrop(make(mp, mp->rootip, (char[]){ 'z', '0' + i, 0 }, S_IFREG | 0600, 5, 5, 5, NULL));
		uv_umount(mp);
	}
	poke_sb(offsetof(struct dx_dsb, sb_uquotino), u);
	mp = mount_with(ALL);
	CHECK_EQ(mp->qflags, ALL | CHKD);
	CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

/* Files are removed when their kind is off, and made use of again. */
static int removed(void *arg)
{
	struct dx_mount *mp = mount_with(ALL);
	struct dx_quota_rec r;
	u64 used;
	int i;

	(void)arg;
	for (i = 0; i < 60; i++)
		CHECK_EQ(set(mp, DX_QUSER, i * 1000, 0, 5, 0, 0), 0);
	for (i = 0; i < 60; i++) {
		CHECK_EQ(dx_quota_next(mp, DX_QUSER, i * 1000, &r), 0);
		CHECK_EQ(r.id, i * 1000);
	}
	CHECK_EQ(dx_quota_next(mp, DX_QUSER, r.id + 1, &r), -ENOENT);
	CHECK_EQ(dx_quota_get(mp, DX_QUSER, 999999, &r), -ENOENT);
	CHECK_EQ(set(mp, DX_QUSER, U32_MAX, 0, 5, 0, 0), 0);
	CHECK_EQ(dx_quota_next(mp, DX_QUSER, 1000000, &r), 0);
	CHECK_EQ(r.id, U32_MAX);
	CHECK_EQ(dx_quota_remove(mp, 1 << DX_QUSER), -EINVAL);
	uv_umount(mp);
	CHECK(uv_repair_clean("last"));
	mp = mount_with(DX_GQUOTA_ACCT);
	CHECK_EQ(dx_quota_remove(mp, 1 << DX_QGROUP), -EINVAL);
	used = percpu_counter_sum(&mp->fdblocks);
	CHECK_EQ(dx_quota_remove(mp, 1 << DX_QUSER | 1 << DX_QPROJ), 0);
	CHECK(percpu_counter_sum(&mp->fdblocks) >= used + 58);
	CHECK_EQ(uv_check_quota(mp), 0);
	uv_umount(mp);
	CHECK(uv_repair_clean("removed"));
	mp = mount_with(ALL);
	CHECK_EQ(mp->qflags, ALL | CHKD);
	CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

/* Records come and go in memory. */
static int shrunk(void *arg)
{
	struct dx_mount *mp = mount_with(ALL);
	char name[16];
	int i;

	(void)arg;
	for (i = 0; i < 80; i++) {
		sprintf(name, "s%d", i);
		dx_idrop(make(mp, mp->rootip, name, S_IFREG | 0600, i * 50, i, i, NULL));
		if (i % 7 == 0) {
			dx_log_force(mp, true);
			dx_ail_push(mp, DX_NULLLSN);
			dx_icache_scan(mp, 100);
			dx_quota_scan(mp, 100);
			host_yield();
		}
	}
	dx_log_force(mp, true);
	dx_ail_drain(mp);
	dx_icache_scan(mp, 1000);
	CHECK(dx_quota_count(mp) > 100);
	CHECK(dx_quota_scan(mp, 1000) > 100);
	CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

/* ---- crashes ---- */

static int files_made(void *arg)
{
	struct dx_mount *mp = mount_with(0);
	char name[16];
	int i;

	(void)arg;
	for (i = 0; i < 50; i++) {
		struct dx_inode *ip;

		sprintf(name, "c%d", i);
		ip = make(mp, mp->rootip, name, S_IFREG | 0600, i * 40, i % 5, i * 3, NULL);
		CHECK_EQ(dx_alloc_file_space(ip, 0, (i + 1) * mp->sb.blocksize), 0);
		dx_idrop(ip);
	}
	return uv_umount(mp);
}

/* What a crash is to happen in: the count; and work with forces between. */
static int work(void *arg)
{
	struct dx_mount *mp;
	int i, error;
	char name[16];

	(void)arg;
	uv_quota = ALL;
	mp = uv_mount(&error);
	if (!mp)
		return error;
	for (i = 0; i < 12; i++) {
		struct dx_inode *ip;
		dx_ino_t ino;

		sprintf(name, "c%d", i * 4);
		error = dx_lookup(mp->rootip, &(struct dx_name) { .name = (u8 *)name, .len = strlen(name) }, &ino, NULL) ?:
			dx_iget(mp, NULL, ino, 0, &ip);
		if (error)
			break;
		error = dx_setattr_nosize(ip, &(struct dx_setattr) { .valid = DX_ATTR_UID | DX_ATTR_PROJID, .uid = i, .projid = 9 }, false);
		if (!error)
			error = dx_free_file_space(ip, 0, 3 * mp->sb.blocksize);
		if (!error && i % 3)
			error = drop_file(mp, name, ip);
		else
			dx_idrop(ip);
		if (!error && i % 4 == 0)
			error = dx_log_force(mp, true);
		if (!error && i == 6)
			dx_ail_push(mp, DX_NULLLSN);
		if (error)
			break;
	}
	if (error)
		return error;
	return uv_umount(mp);
}

static int after_crash(void *arg)
{
	struct dx_mount *mp;
	int error;

	(void)arg;
	uv_quota = ALL;
	mp = uv_mount(&error);
	if (!CHECK(mp))
		return error;
	CHECK_EQ(mp->qflags, ALL | CHKD);
	CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

static void crashes(void)
{
	struct host_dev_snap *begin;
	u32 nth, points = 0, kept = 0;
	char name[160];
	int ret = HOST_CRASHED, mode;

	snprintf(name, sizeof(name), "%s: crashes while usage is counted, and after", vol->name);
	if (only && !strstr(name, only))
		return;
	host_test_begin(name);
	host_dev_snap_restore(uv_dev, snap);
	host_init(seed);
	CHECK_EQ(host_run(files_made, NULL), 0);
	host_kill_world();
	begin = host_dev_snap_take(uv_dev);
	for (nth = 1; ret == HOST_CRASHED && !host_checks_failed; nth++) {
		for (mode = nth % 2 ? HOST_LOSE_ALL : HOST_KEEP_PREFIX; mode < HOST_CRASH_MODES; mode += 2) {
			host_dev_snap_restore(uv_dev, begin);
			host_init(nth);
			host_dev_crash_at(uv_dev, nth, nth % 3 ? HOST_CRASH_COMPLETE : HOST_CRASH_SUBMIT);
			ret = host_run(work, NULL);
			host_dev_crash_at(uv_dev, 0, HOST_CRASH_COMPLETE);
			CHECK(ret == HOST_CRASHED || !ret);
			host_dev_crash(uv_dev, mode, nth);
			host_init(nth + 1000);
			CHECK_EQ(host_run(after_crash, NULL), 0);
			kept += !host_log_has("is being counted");
			CHECK_EQ(host_warn_count, 0);
			if (host_checks_failed || nth % 8 == 1)
				CHECK(uv_repair_clean("crash"));
			points++;
			if (host_checks_failed)
				printf("# write %u, mode %d\n", nth, mode);
			if (ret != HOST_CRASHED || host_checks_failed)
				break;
		}
	}
	/* where it was counted before the crash, recovery was enough */
	CHECK(kept > 10);
	printf("# %u crash points, usage kept in %u\n", points, kept);
	host_kill_world();
	host_dev_snap_free(begin);
	host_test_end();
}

int main(int argc, char **argv)
{
	static enum dx_qtype kinds[DX_QTYPES] = { DX_QUSER, DX_QGROUP, DX_QPROJ };
	size_t v;

	only = argc > 1 ? argv[1] : NULL;
	if (argc > 2)
		seed = atoi(argv[2]);
	uv_setup("t_usage");
	for (v = 0; v < ARRAY_SIZE(volumes); v++) {
		vol = &volumes[v];
		if (uv_make(vol))
			return 2;
		snap = host_dev_snap_take(uv_dev);
		test("turned on, off, and counted when it must be", turn_on, NULL);
		test("read-only mounts", read_only, NULL);
		test("every operation on files", file_ops, NULL);
		test("trees, of several users at once", tree_ops, NULL);
		test("limits of a user, to the block", limits, &kinds[0]);
		test("limits of a group, to the block", limits, &kinds[1]);
		test("limits of a project, to the block", limits, &kinds[2]);
		test("limits of inodes, and gifts", inode_limits, NULL);
		test("soft limits, graces, defaults", soft_limits, NULL);
		test("a damaged record", damaged_record, NULL);
		test("a damaged record that shows later", damaged_later, NULL);
		test("files that are none", damaged_file, NULL);
		test("files removed", removed, NULL);
		test("records come and go in memory", shrunk, NULL);
		crashes();
		host_dev_snap_free(snap);
	}
	uv_teardown();
	return host_test_exit();
}
