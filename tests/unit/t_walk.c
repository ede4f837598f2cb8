// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks over all inodes: each that the inobt has is told once, in order, whatever the batch and wherever a walk begins; with what
 * is in it; and while files come and go none is told that never was.
 *
 *	t_walk [SEED]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_walk.h"

#define MOST	8000u
#define UID0	1000u

static u64 seed;
static u32 rnd(u32 n) { return uv_rand(&seed) % n; }

/* Everything that was ever made, by the uid that it got. */
static struct file { dx_ino_t ino; u32 gen; bool gone, big; } made[MOST];
static u32 nmade;

struct list { dx_ino_t *ino; u32 n, cap; };

static void add(struct list *l, dx_ino_t ino)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 1024;
		l->ino = realloc(l->ino, l->cap * sizeof(*l->ino));
	}
	l->ino[l->n++] = ino;
}

static bool is_internal(struct dx_mount *mp, dx_ino_t ino) { return ino == mp->sb.rbmino || ino == mp->sb.rsumino; }

/* What the inobt has, by a cursor alone. */
static void all_inodes(struct dx_mount *mp, struct list *l, u32 *sparse)
{
	dx_agno_t agno;

	l->n = *sparse = 0;
	for (agno = 0; agno < mp->sb.agcount; agno++) {
		struct dx_btree_cur *cur;
		union dx_btree_rec rec;
		struct dx_buf *bp;
		int stat, i;

		if (!CHECK(!dx_agi_read(mp, NULL, agno, &bp)))
			return;
		cur = dx_inobt_cursor(mp, NULL, bp, agno, DX_BTNUM_INO);
		cur->rec.inobt.startino = 0;
		CHECK_EQ(dx_btree_lookup(cur, DX_LOOKUP_GE, &stat), 0);
		while (stat) {
			CHECK_EQ(dx_btree_get_rec(cur, &rec, &stat), 0);
			*sparse += rec.inobt.count < 64;
			for (i = 0; i < 64; i++) {
				dx_ino_t ino = dx_agino_to_ino(mp, agno, rec.inobt.startino + i);

				if (!(rec.inobt.free >> i & 1) && !is_internal(mp, ino))
					add(l, ino);
			}
			CHECK_EQ(dx_btree_increment(cur, 0, &stat), 0);
		}
		dx_btree_del_cursor(cur, 0);
		dx_buf_leave(bp);
	}
}

static struct dx_name name_of(char *buf, u32 serial)
{
	return (struct dx_name) { .name = (u8 *)buf, .len = sprintf(buf, "file-%u", serial), .ftype = DX_DIR3_FT_REG_FILE };
}

/* Each directory begins in an AG of its own, and its files with it. */
static struct dx_inode *dirs[4];

static void make_dirs(struct dx_mount *mp)
{
	struct dx_create_args a = { .mode = S_IFDIR | 0755 };
	char buf[30];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct dx_name n = name_of(buf, 10000 + i);

		n.ftype = DX_DIR3_FT_DIR;
		CHECK(!dx_create(mp->rootip, &n, &a, &dirs[i]));
	}
}

static void leave_dirs(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		dx_idrop(dirs[i]);
}

static int make(struct dx_mount *mp)
{
	struct dx_create_args a = { .mode = S_IFREG | 0640, .uid = UID0 + nmade, .gid = nmade % 7, .projid = nmade * 3 };
	u32 serial = nmade++;
	struct dx_inode *ip;
	struct dx_mapped got;
	struct dx_name n;
	char buf[30];
	int error;
	u32 i;

	if (!CHECK(serial < MOST))
		return -EINVAL;
	n = name_of(buf, serial);
	made[serial] = (struct file) { .gone = true };
	error = dx_create(dirs[serial % ARRAY_SIZE(dirs)], &n, &a, &ip);
	if (error)
		return error;
	made[serial] = (struct file) { .ino = ip->ino, .gen = ip->d.gen };
	if (serial % 50 == 7) {
		for (i = 0; i < 5; i++)
			dx_iomap_alloc(ip, i * 3, 1, false, false, &got);
		made[serial].big = true;
	}
	dx_idrop(ip);
	return 0;
}

static void drop(struct dx_mount *mp, u32 serial)
{
	struct dx_inode *ip;
	struct dx_name n;
	char buf[30];

	n = name_of(buf, serial);
	if (!CHECK(!dx_iget(mp, NULL, made[serial].ino, 0, &ip)))
		return;
	made[serial].gone = true;
	CHECK(!dx_remove(dirs[serial % ARRAY_SIZE(dirs)], &n, ip));
	dx_idrop(ip);
}

/* Nothing is free any more but pieces, each half a chunk, or less. */
static void leave_pieces(struct dx_mount *mp)
{
	static const u8 name[] = "full";
	struct dx_name n = { .name = name, .len = 4, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	u32 bs = mp->sb.blocksize, part = mp->ialloc_min_blks, pieces = 0;
	struct dx_inode *ip;
	struct dx_irec rec;
	u64 off = 0, end, len;
	int one, error;

	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	for (len = 8 << 20; len >= bs; ) {
		error = dx_alloc_file_space(ip, off * bs, len);
		CHECK(!error || error == -ENOSPC);
		CHECK(!dx_bmap_last_offset(ip, DX_DATA_FORK, &end));
		if (error || end == off)
			len /= 2;
		off = end;
	}
	for (off = 0; off < end; off += one ? rec.blockcount : 1) {
		u64 b = 0, k;

		one = 1;
		dx_ilock(ip, DX_ILOCK_EXCL);
		error = dx_bmap_query(ip, off, end - off, &rec, &one, 0);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (!CHECK(!error && one))
			break;
		if (!dx_irec_is_real(&rec))
			continue;
		for (k = 0; k + part <= rec.blockcount; k++) {
			u32 bno = dx_fsb_to_agbno(mp, rec.startblock + k);

			if (bno % (8 * mp->ialloc_blks) != (b & 1 ? part : 0))
				continue;
			b++;
			/* the first ones may find no block for the map that has to be split */
			error = dx_free_file_space(ip, (rec.startoff + k) * bs, part * bs);
			CHECK(!error || error == -ENOSPC);
			pieces += !error;
		}
	}
	dx_idrop(ip);
	CHECK(pieces > 50);
	printf("# %llu blocks taken, %u pieces\n", (unsigned long long)end, pieces);
}

struct seen { struct dx_mount *mp; struct list l; u32 left, wrong; bool content; };

static bool right(struct dx_mount *mp, const struct dx_istat *st)
{
	const struct file *f;

	if (st->d.uid < UID0 || st->d.uid >= UID0 + nmade)
		return st->d.uid == 0;
	f = &made[st->d.uid - UID0];
	return f->ino == st->ino && f->gen == st->d.gen && st->d.gid == (st->d.uid - UID0) % 7 &&
	       st->d.projid == (st->d.uid - UID0) * 3 && st->d.nlink == 1 && S_ISREG(st->d.mode) &&
	       (!f->big || (st->extents == 5 && st->blocks == 5)) && (f->big || (!st->extents && !st->blocks));
}

static int take(void *ctx, const struct dx_istat *st)
{
	struct seen *s = ctx;

	if (!CHECK(s->left))
		return -EINVAL;
	add(&s->l, st->ino);
	if (s->content && !right(s->mp, st) && !s->wrong++)
		printf("# inode %llu: uid %u gen %u extents %llu\n", (unsigned long long)st->ino, st->d.uid, st->d.gen,
		       (unsigned long long)st->extents);
	return !--s->left;
}

/* A whole walk in batches of @batch. */
static int walk(struct dx_mount *mp, dx_ino_t from, u32 flags, u32 batch, struct seen *s)
{
	struct dx_bulk b = { .mp = mp, .next = from, .flags = flags, .most = batch };
	u32 before;
	int ret;

	s->l.n = 0;
	do {
		before = s->l.n;
		s->left = batch;
		ret = dx_bulk_inodes(&b, take, s);
		if (ret < 0)
			return ret;
		if (ret && s->l.n)
			CHECK_EQ(b.next, s->l.ino[s->l.n - 1] + 1);
	} while (s->l.n > before);
	CHECK_EQ(ret, 0);
	return 0;
}

static void same(const struct list *got, const dx_ino_t *want, u32 n)
{
	CHECK_EQ(got->n, n);
	CHECK(got->n == n && !memcmp(got->ino, want, n * sizeof(*want)));
}

struct chunks { struct list l; u32 left; };

static int take_chunk(void *ctx, const struct dx_ichunk *c)
{
	struct chunks *s = ctx;
	int i;

	for (i = 0; i < 64; i++)
		if (c->used >> i & 1)
			add(&s->l, c->first + i);
	return !--s->left;
}

static void without_internal(struct dx_mount *mp, struct list *l)
{
	u32 i, n = 0;

	for (i = 0; i < l->n; i++)
		if (!is_internal(mp, l->ino[i]))
			l->ino[n++] = l->ino[i];
	l->n = n;
}

static dx_ino_t some_place(struct dx_mount *mp, const struct list *l)
{
	switch (rnd(6)) {
	case 0: return uv_rand(&seed);
	case 1: return uv_rand(&seed) >> rnd(64);
	case 2: return ((u64)mp->sb.agcount << mp->agino_log) - rnd(100);
	case 3: return ((u64)rnd(mp->sb.agcount + 1) << mp->agino_log) + rnd(3);
	default: return l->ino[rnd(l->n)] + rnd(130) - 65;
	}
}

static void walk_all(struct dx_mount *mp, bool content)
{
	static const u32 batches[] = { 1, 2, 7, 63, 64, 65, 500, 100000 };
	struct seen s = { .mp = mp, .content = content };
	struct chunks ch = { };
	struct list all = { };
	u32 i, from, sparse;
	dx_agno_t agno;

	all_inodes(mp, &all, &sparse);
	printf("# %u inodes, %u sparse chunks\n", all.n, sparse);
	for (i = 0; i < ARRAY_SIZE(batches); i++) {
		struct dx_bulk b = { .mp = mp };
		u32 before;

		CHECK_EQ(walk(mp, 0, 0, batches[i], &s), 0);
		same(&s.l, all.ino, all.n);
		ch.l.n = 0;
		do {
			before = ch.l.n;
			ch.left = batches[i];
			CHECK(dx_bulk_chunks(&b, take_chunk, &ch) >= 0);
		} while (ch.l.n > before);
		without_internal(mp, &ch.l);
		same(&ch.l, all.ino, all.n);
	}
	CHECK_EQ(s.wrong, 0);
	for (from = agno = 0; agno < mp->sb.agcount; agno++) {
		u32 to = from;

		while (to < all.n && dx_ino_to_agno(mp, all.ino[to]) == agno)
			to++;
		CHECK_EQ(walk(mp, dx_agino_to_ino(mp, agno, 0), DX_WALK_ONE_AG, 50, &s), 0);
		same(&s.l, all.ino + from, to - from);
		CHECK(to > from || all.n < 10);
		from = to;
	}
	for (i = 0; i < 300; i++) {
		dx_ino_t at = some_place(mp, &all);
		struct dx_istat st;
		int error;

		for (from = 0; from < all.n && all.ino[from] < at; )
			from++;
		CHECK_EQ(walk(mp, at, 0, 1 + rnd(2000), &s), 0);
		same(&s.l, all.ino + from, all.n - from);
		error = dx_istat(mp, at, &st);
		if (from < all.n && all.ino[from] == at)
			CHECK(!error && st.ino == at);
		else
			CHECK(error == -EINVAL || error == -ENOENT);
	}
	free(all.ino);
	free(s.l.ino);
	free(ch.l.ino);
}

/* The same by xfs_db: every name that there is. */
static void as_xfs_db(struct dx_mount *mp)
{
	struct seen s = { .mp = mp };
	dx_ino_t root = mp->sb.rootino;
	char path[400], cmd[900], line[300];
	unsigned long long ino, last = 0;
	u32 i = 0, wrong = 0;
	FILE *f;

	CHECK_EQ(walk(mp, 0, 0, 100, &s), 0);
	dx_log_force(mp, true);
	CHECK(!uv_umount(mp));
	snprintf(path, sizeof(path), "%s/walk", uv_dir);
	snprintf(cmd, sizeof(cmd), "xfs_db -r -f -c 'blockget -n' -c ncheck %s | sed -n 's/^ *\\([0-9][0-9]*\\) .*/\\1/p' | sort -nu", path);
	if (!CHECK(!host_dev_save(uv_dev, path)) || !CHECK(f = popen(cmd, "r")))
		return;
	while (fgets(line, sizeof(line), f)) {
		ino = strtoull(line, NULL, 10);
		if (ino == last)
			continue;
		last = ino;
		if (i < s.l.n && s.l.ino[i] == root && ino != root)
			i++;
		if (i < s.l.n && s.l.ino[i] == ino)
			i++;
		else
			wrong++;
	}
	pclose(f);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(i, s.l.n);
	free(s.l.ino);
}

static int whole(void *arg)
{
	struct dx_mount_opts o = { };
	struct dx_mount *mp;
	int error;
	u32 i;

	mp = uv_mount_dev(uv_dev, &o, &error);
	if (!mp)
		return error;
	nmade = 0;
	walk_all(mp, true);
	make_dirs(mp);
	for (i = 0; i < 900; i++)
		CHECK(!make(mp));
	walk_all(mp, true);
	for (i = 0; i < 900; i++)
		if (!made[i].gone && rnd(3) == 0)
			drop(mp, i);
	dx_icache_flush_inactive(mp);
	if (dx_has_sparse(mp)) {
		dx_reserve_set(mp, 0);
		dx_agresv_release(mp);		/* it would stay free in one piece */
		leave_pieces(mp);
		for (i = 0; i < 1500 && !make(mp); i++)
			;
		printf("# %u made in pieces\n", i);
	}
	walk_all(mp, false);
	leave_dirs();
	CHECK(!uv_umount(mp));

	/* what has been left past the ends of files goes now: a changed inode stays in memory for a while */
	mp = uv_mount_dev(uv_dev, &o, &error);
	if (!mp)
		return error;
	uv_settle(mp);
	CHECK(!uv_umount(mp));
	mp = uv_mount_dev(uv_dev, &o, &error);
	if (!mp)
		return error;
	{
		struct seen s = { .mp = mp };
		unsigned long before = dx_icache_count(mp);

		CHECK_EQ(walk(mp, 0, 0, 64, &s), 0);
		CHECK(s.l.n > 500);
		/* nobody wants them again */
		CHECK_EQ(dx_icache_count(mp), before);
		free(s.l.ino);
	}
	as_xfs_db(mp);
	return 0;
}

/* ---- while they come and go ---- */

static u32 running;

static int storm(void *arg)
{
	struct dx_mount *mp = arg;
	u32 own[40], n = 0, i, serial;
	int error;

	for (i = 0; i < 400; i++) {
		if (n && (n == ARRAY_SIZE(own) || rnd(2))) {
			u32 k = rnd(n);

			drop(mp, own[k]);
			own[k] = own[--n];
		} else {
			serial = nmade;
			error = make(mp);
			CHECK(!error);
			own[n++] = serial;
		}
		host_yield();
	}
	while (n)
		drop(mp, own[--n]);
	running--;
	return 0;
}

/* What is idle leaves memory as soon as it can, so that every look is at the disk. */
static int forget(void *arg)
{
	struct dx_mount *mp = arg;

	while (running) {
		dx_icache_flush_inactive(mp);
		dx_log_force(mp, true);
		dx_ail_push(mp, ~0ULL >> 1);
		msleep(1);
		dx_icache_scan(mp, 10000);
		host_yield();
	}
	return 0;
}

struct sight { dx_ino_t ino; u32 gen, uid, nlink; };
static struct sight *sights;
static u32 nsights, capsights, nstay;

struct walker { dx_ino_t last; u32 left, stayed; };

static int look(void *ctx, const struct dx_istat *st)
{
	struct walker *w = ctx;

	CHECK(st->ino > w->last);
	w->last = st->ino;
	if (nsights == capsights) {
		capsights = capsights ? capsights * 2 : 4096;
		sights = realloc(sights, capsights * sizeof(*sights));
	}
	sights[nsights++] = (struct sight) { st->ino, st->d.gen, st->d.uid, st->d.nlink };
	if (st->d.uid >= UID0 && st->d.uid < UID0 + nstay)
		w->stayed++;
	host_yield();
	return !--w->left;
}

static int walker(void *arg)
{
	struct dx_mount *mp = arg;
	u32 walks = 0;

	while (running || !walks) {
		struct dx_bulk b = { .mp = mp };
		struct walker w = { };
		int ret;

		do {
			b.most = w.left = 1 + rnd(100);
			ret = dx_bulk_inodes(&b, look, &w);
		} while (ret > 0);
		/* nothing is damaged, nothing fails */
		if (!CHECK_EQ(ret, 0))
			break;
		CHECK_EQ(w.stayed, nstay);
		walks++;
	}
	printf("# %u walks\n", walks);
	return 0;
}

static int changes(void *arg)
{
	struct dx_mount_opts o = { };
	struct host_fiber *f[6];
	struct dx_mount *mp;
	u32 i, wrong = 0;
	int error;

	mp = uv_mount_dev(uv_dev, &o, &error);
	if (!mp)
		return error;
	nmade = nsights = 0;
	make_dirs(mp);
	for (nstay = 0; nstay < 100; nstay++)
		CHECK(!make(mp));
	running = 3;
	for (i = 0; i < 6; i++)
		f[i] = host_spawn(i < 3 ? storm : i == 3 ? forget : walker, mp, "walk");
	for (i = 0; i < 6; i++)
		CHECK(!host_join(f[i]));
	for (i = 0; i < nsights; i++) {
		const struct sight *s = &sights[i];
		const struct file *m;

		if (!s->uid)
			continue;		/* the root */
		if (s->uid < UID0 || s->uid - UID0 >= nmade) {
			wrong++;
			continue;
		}
		m = &made[s->uid - UID0];
		wrong += m->ino != s->ino || m->gen != s->gen || s->nlink > 1;
	}
	printf("# %u sights of %u files\n", nsights, nmade);
	CHECK_EQ(wrong, 0);
	leave_dirs();
	return uv_umount(mp);
}

/* ---- damage ---- */

static int damage(void *arg)
{
	struct dx_mount_opts o = { };
	struct seen s = { }, part = { };
	struct dx_bulk b = { };
	struct dx_mount *mp;
	struct dx_imap im;
	int error;
	u32 at;
	u8 x;

	mp = uv_mount_dev(uv_dev, &o, &error);
	if (!mp)
		return error;
	s.mp = mp;
	CHECK_EQ(walk(mp, 0, 0, 64, &s), 0);
	at = s.l.n / 2;
	CHECK(!dx_imap(mp, NULL, s.l.ino[at], true, &im));
	CHECK(!uv_umount(mp));
	host_dev_peek(uv_dev, im.daddr * 512 + im.boffset + 0x97, &x, 1);
	x ^= 0x10;		/* of the creation time: the checksum does not match */
	host_dev_poke(uv_dev, im.daddr * 512 + im.boffset + 0x97, &x, 1);
	mp = uv_mount_dev(uv_dev, &o, &error);
	if (!mp)
		return error;
	b = (struct dx_bulk) { .mp = mp, .most = 100000 };
	part.left = b.most;
	CHECK_EQ(dx_bulk_inodes(&b, take, &part), -EFSCORRUPTED);
	CHECK_EQ(b.next, s.l.ino[at - 1] + 1);
	same(&part.l, s.l.ino, at);
	/* stays where it is; whoever steps over it gets the others */
	CHECK_EQ(dx_bulk_inodes(&b, take, &part), -EFSCORRUPTED);
	CHECK_EQ(b.next, s.l.ino[at - 1] + 1);
	b.next = s.l.ino[at] + 1;
	part.l.n = 0;
	CHECK_EQ(dx_bulk_inodes(&b, take, &part), 0);
	same(&part.l, s.l.ino + at + 1, s.l.n - at - 1);
	x ^= 0x10;
	CHECK(!uv_umount(mp));
	host_dev_poke(uv_dev, im.daddr * 512 + im.boffset + 0x97, &x, 1);
	free(s.l.ino);
	free(part.l.ino);
	return 0;
}

static const struct uv_profile volumes[] = {
	{ "6.1 defaults", "--unsupported -d agcount=3 -l size=8m", 120 },
	{ "1 KiB blocks", "--unsupported -b size=1024 -d agcount=2 -l size=8m -m reflink=0", 80 },
	{ "no sparse, 1 KiB inodes, 2 KiB blocks", "--unsupported -b size=2048 -d agcount=2 -l size=8m -m reflink=0,finobt=0,inobtcount=0,bigtime=0 -i sparse=0,size=1024", 80 },
};

int main(int argc, char **argv)
{
	char name[120];
	u32 i;

	uv_setup("t_walk");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 5;
		if (uv_make(&volumes[i]))
			return 1;
		snprintf(name, sizeof(name), "files come and go (%s)", volumes[i].name);
		host_test(name, seed, changes, NULL);
		if (uv_make(&volumes[i]))
			return 1;
		snprintf(name, sizeof(name), "all of them, once (%s)", volumes[i].name);
		host_test(name, seed, whole, NULL);
		snprintf(name, sizeof(name), "a damaged one (%s)", volumes[i].name);
		host_test(name, seed, damage, NULL);
		host_test_begin("... and xfs_repair is content");
		CHECK(uv_repair_clean("walk"));
		host_test_end();
	}
	free(sights);
	uv_teardown();
	return host_test_exit();
}
