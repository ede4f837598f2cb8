// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parent pointers: names come, go and move while their pointers are inside the inode, in a leaf and in a tree; the walk over them; a
 * volume that is full; pointers that are missing; what a log promises of attributes (ATTRI), finished as recovery does, and what of it
 * cannot be.
 *
 *	t_parent [WORD]		only tests with it in their names
 *	UV_NEWER=CMD		runs xfs_repair of an xfsprogs that knows parent pointers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_attr_int.h"
#include "dx_parent.h"
#include "dx_bmap.h"
#include "dx_cow.h"
#include "dx_recover.h"

static struct dx_name name_of(const char *s, u8 ftype)
{
	return (struct dx_name) { .name = (const u8 *)s, .len = strlen(s), .ftype = ftype };
}

static int make(struct dx_inode *dp, const char *name, umode_t mode, struct dx_inode **ipp)
{
	struct dx_create_args a = { .mode = mode };
	struct dx_name n = name_of(name, dx_mode_to_ftype(mode));

	return dx_create(dp, &n, &a, ipp);
}

static int make_link(struct dx_inode *dp, struct dx_inode *ip, const char *name)
{
	struct dx_name n = name_of(name, dx_mode_to_ftype(ip->d.mode));

	return dx_link(dp, ip, &n);
}

static int remove_name(struct dx_inode *dp, const char *name, struct dx_inode *ip)
{
	struct dx_name n = name_of(name, 0);

	return dx_remove(dp, &n, ip);
}

static int move(struct dx_inode *sdp, const char *sname, struct dx_inode *sip, struct dx_inode *tdp, const char *tname,
		struct dx_inode *tip, struct dx_inode *wip, u32 flags)
{
	struct dx_name s = name_of(sname, dx_mode_to_ftype(sip->d.mode)), t = name_of(tname, dx_mode_to_ftype(sip->d.mode));

	return dx_rename(sdp, &s, sip, tdp, &t, tip, wip, flags);
}

/* ---- hashes, as "hash -p" of xfs_db tells them ---- */

static int hashes(void *arg)
{
	static const struct { u64 ino; const char *name; u32 hash; } known[] = {
		{ 131, "f", 0xe5 }, { 524416, "link5", 0xcd33b533 }, { 4294967427ull, "f", 0xe4 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		struct dx_parent_rec rec = { .p_ino = cpu_to_be64(known[i].ino) };

		CHECK_EQ(dx_attr_hash(DX_ATTR_PARENT, (const u8 *)known[i].name, strlen(known[i].name), &rec, 12), known[i].hash);
	}
	CHECK_EQ(dx_attr_hash(0, (const u8 *)"f", 1, "some value 1", 12), 0x66);
	return 0;
}

/* ---- every form ---- */

static const char *form(struct dx_inode *ip)
{
	return ip->af->format == DX_DINODE_FMT_LOCAL ? "local" : ip->af->nextents > 1 || dx_iext_count(&ip->af->ext) > 1 ||
	       ip->d.nblocks > 1 ? "tree" : "leaf";
}

#define LINKS	900
static u8 order[LINKS];

static void long_name(char *s, int i)
{
	int n = sprintf(s, "%d-", i);

	memset(s + n, 'a' + i % 26, i % 200);
	s[n + i % 200] = 0;
}

static int seen_n;
static int see(void *ctx, dx_ino_t ino, u32 gen, const u8 *name, u32 namelen)
{
	int *left = ctx, i = atoi((const char *)name);

	if (!(*left)--)
		return 1;
	CHECK(i >= 0 && i < LINKS && !order[i]);
	order[i] = 1;
	seen_n++;
	return 0;
}

static int no_attr(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	++*(int *)ctx;
	return 0;
}

static int forms(void *arg)
{
	struct dx_inode *d[3], *ip;
	struct dx_attr_cursor cur = { };
	u64 rnd = 7;
	bool leaf = false, tree = false;
	int error, i, j, left, calls = 0, attrs = 0;
	struct dx_mount *mp = uv_mount(&error);
	char name[300];

	if (!CHECK(mp))
		return error;
	CHECK(!make(mp->rootip, "a", S_IFDIR | 0755, &d[0]));
	CHECK(!make(d[0], "b", S_IFDIR | 0755, &d[1]));
	CHECK(!make(mp->rootip, "c", S_IFDIR | 0755, &d[2]));
	memset(name, 'n', 255);
	name[255] = 0;
	CHECK(!make(d[1], name, S_IFREG | 0644, &ip));
	CHECK(!strcmp(form(ip), "local"));
	CHECK(!move(d[1], name, ip, d[2], "0-", NULL, NULL, 0));
	for (i = 1; i < LINKS; i++) {
		long_name(name, i);
		if (!CHECK(!make_link(d[i % 3], ip, name)))
			break;
		leaf |= !strcmp(form(ip), "leaf");
		tree |= !strcmp(form(ip), "tree");
		if (i % 150 == 149)
			CHECK(!uv_check_parents(mp));
	}
	CHECK(leaf && tree);
	CHECK(!uv_check_parents(mp));
	/* a name that is there already is the VFS's business; the walk in steps finds each once */
	memset(order, 0, sizeof(order));
	seen_n = 0;
	do {
		left = 17;
		error = dx_parents(ip, &cur, see, &left);
	} while (error == 1 && ++calls < LINKS);
	CHECK_EQ(error, 0);
	CHECK_EQ(seen_n, LINKS);
	CHECK(!dx_attr_list(ip, NULL, no_attr, &attrs));
	CHECK_EQ(attrs, 0);
	/* moved about in the tree, then removed in any order */
	for (i = 1; i < LINKS; i += 5) {
		char to[320];

		long_name(name, i);
		sprintf(to, "m%s", name);
		CHECK(!move(d[i % 3], name, ip, d[(i + 1) % 3], to, NULL, NULL, 0));
		CHECK(!move(d[(i + 1) % 3], to, ip, d[i % 3], name, NULL, NULL, 0));
	}
	CHECK(!uv_check_parents(mp));
	memset(order, 0, sizeof(order));
	for (i = 1; i < LINKS; i++) {
		do
			j = 1 + uv_rand(&rnd) % (LINKS - 1);
		while (order[j]);
		order[j] = 1;
		long_name(name, j);
		if (!CHECK(!remove_name(d[j % 3], name, ip)))
			break;
		if (i % 300 == 299)
			CHECK(!uv_check_parents(mp));
	}
	CHECK(!strcmp(form(ip), "local"));
	CHECK(!uv_check_parents(mp));
	CHECK(!remove_name(d[2], "0-", ip));
	dx_idrop(ip);
	/* directories move */
	CHECK(!move(d[0], "b", d[1], mp->rootip, "bb", NULL, NULL, 0));
	CHECK(!move(mp->rootip, "bb", d[1], mp->rootip, "c", d[2], NULL, DX_RENAME_EXCHANGE));
	CHECK(!uv_check_parents(mp));
	CHECK(!move(mp->rootip, "bb", d[2], mp->rootip, "c", d[1], NULL, 0));
	CHECK(!uv_check_parents(mp));
	for (i = 0; i < 3; i++)
		dx_idrop(d[i]);
	return uv_umount(mp);
}

/* ---- what rename can do, with the pointers of each file inside or in blocks ---- */

static int fat(struct dx_inode *ip, int bytes)
{
	static u8 value[4096];
	struct dx_attr_arg a = { .ip = ip, .name = (const u8 *)"fat", .namelen = 3, .value = value, .valuelen = bytes };

	return dx_attr_set_op(&a);
}

static int renames(void *arg)
{
	struct dx_create_args wa = { .mode = S_IFCHR };
	struct dx_inode *d[2], *s, *t, *w;
	int error, i;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!make(mp->rootip, "d", S_IFDIR | 0755, &d[0]));
	CHECK(!make(mp->rootip, "e", S_IFDIR | 0755, &d[1]));
	for (i = 0; i < 16; i++) {
		struct dx_inode *td = d[i & 1];

		CHECK(!make(d[0], "s", S_IFREG | 0644, &s));
		CHECK(!make(td, "t", S_IFREG | 0644, &t));
		if (i & 2)
			CHECK(!fat(s, 900));
		if (i & 4)
			CHECK(!fat(t, 900));
		CHECK(!move(d[0], "s", s, td, "t", t, NULL, DX_RENAME_EXCHANGE));
		CHECK(!uv_check_parents(mp));
		CHECK(!move(d[0], "s", t, td, "t", s, NULL, DX_RENAME_EXCHANGE));
		w = NULL;
		if (i & 8)
			CHECK(!dx_create_tmpfile(d[0], &wa, &w));
		CHECK(!move(d[0], "s", s, td, "t", t, w, w ? DX_RENAME_WHITEOUT : 0));
		CHECK(!uv_check_parents(mp));
		if (w) {
			CHECK(!remove_name(d[0], "s", w));
			dx_idrop(w);
		}
		CHECK(!remove_name(td, "t", s));
		dx_idrop(s);
		dx_idrop(t);
		/* one without a name gets one */
		CHECK(!dx_create_tmpfile(d[0], &(struct dx_create_args){ .mode = S_IFREG | 0600 }, &s));
		if (i & 2)
			CHECK(!fat(s, 900));
		CHECK(!make_link(td, s, "linked"));
		CHECK(!uv_check_parents(mp));
		CHECK(!remove_name(td, "linked", s));
		dx_idrop(s);
	}
	dx_idrop(d[0]);
	dx_idrop(d[1]);
	CHECK(!uv_check_parents(mp));
	return uv_umount(mp);
}

/* ---- full ---- */

static int full(void *arg)
{
	struct dx_inode *dp, *ip[8], *hog;
	int error, i, n[8] = { }, refused = 0;
	struct dx_mount *mp = uv_mount(&error);
	dx_fileoff_t off = 0;
	char name[300];

	if (!CHECK(mp))
		return error;
	CHECK(!make(mp->rootip, "d", S_IFDIR | 0755, &dp));
	for (i = 0; i < 8; i++) {
		sprintf(name, "f%d", i);
		CHECK(!make(dp, name, S_IFREG | 0644, &ip[i]));
		CHECK(!fat(ip[i], 100 + 150 * i));
	}
	CHECK(!make(dp, "hog", S_IFREG | 0644, &hog));
	for (;;) {
		struct dx_irec rec;
		struct dx_trans *tp;
		int nmap = 1;
		u64 free = percpu_counter_sum_positive(&mp->fdblocks);
		u32 want = free > 4000 ? 2000 : free > 400 ? 100 : 1;

		error = dx_trans_alloc(mp, DX_RESV_WRITE, want + (free > 400 ? 8 : 4), 0, &tp);
		if (error)
			break;
		dx_ilock(hog, DX_ILOCK_EXCL);
		dx_trans_ijoin(tp, hog, DX_ILOCK_EXCL);
		error = dx_bmap_assign(tp, hog, off, want, 0, want, &rec, &nmap);
		if (error) {
			dx_trans_cancel(tp);
			break;
		}
		off += rec.blockcount;
		CHECK(!dx_trans_commit(tp));
	}
	CHECK_EQ(error, -ENOSPC);
	for (i = 0; refused < 60 && i < 4000; i++) {
		int k = i % 8;

		sprintf(name, "%d-%d-%0*d", k, n[k], 1 + i % 150, 0);
		error = make_link(dp, ip[k], name);
		CHECK(!error || error == -ENOSPC);
		refused += !!error;
		n[k] += !error;
		if (error && n[k]) {
			/* what cannot grow can move, or not */
			error = move(dp, "f0", ip[0], dp, "a name that is longer than it was", NULL, NULL, 0);
			CHECK(!error || error == -ENOSPC);
			if (!error)
				error = move(dp, "a name that is longer than it was", ip[0], dp, "f0", NULL, NULL, 0);
			CHECK(!error || error == -ENOSPC);
			if (error)
				break;
		}
	}
	CHECK(refused);
	CHECK(!dx_is_shutdown(mp));
	CHECK(!uv_check_parents(mp));
	/* and removal always works */
	for (i = 0; i < 8; i++) {
		struct dx_attr_cursor cur = { };

		for (;;) {
			struct { char name[256]; } got = { };
			int pick(void *ctx, dx_ino_t ino, u32 gen, const u8 *nm, u32 len) {
				memcpy(ctx, nm, len);
				return 1;
			}
			memset(&cur, 0, sizeof(cur));
			if (dx_parents(ip[i], &cur, pick, &got) != 1)
				break;
			if (!CHECK(!remove_name(dp, got.name, ip[i])))
				break;
		}
		CHECK_EQ(ip[i]->d.nlink, 0);
		dx_idrop(ip[i]);
	}
	CHECK(!dx_is_shutdown(mp));
	dx_idrop(hog);
	dx_idrop(dp);
	CHECK(!uv_check_parents(mp));
	return uv_umount(mp);
}

/* ---- what is missing is said, and nothing is lost with it ---- */

static int missing(void *arg)
{
	struct dx_inode *ip;
	struct dx_parent_change c = { };
	struct dx_trans *tp;
	int error;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!make(mp->rootip, "x", S_IFREG | 0644, &ip));
	c.old = (struct dx_parent_name) { mp->rootip, (const u8 *)"x", 1 };
	CHECK(!dx_trans_alloc(mp, DX_RESV_REMOVE, 0, 0, &tp));
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, 0);
	CHECK(!dx_parent_update(tp, ip, &c));
	CHECK(!dx_trans_commit(tp));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	host_set_printk(1);
	host_log_clear();
	CHECK_EQ(remove_name(mp->rootip, "x", ip), -EUCLEAN);
	CHECK(host_log_has("has no parent pointer to"));
	CHECK_EQ(move(mp->rootip, "x", ip, mp->rootip, "y", NULL, NULL, 0), -EUCLEAN);
	CHECK(uv_check_parents(mp));
	CHECK(!dx_is_shutdown(mp));
	/* the other way round */
	c.new = c.old;
	c.old.dp = NULL;
	CHECK(!dx_trans_alloc(mp, DX_RESV_LINK, 0, 0, &tp));
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, 0);
	CHECK(!dx_parent_update(tp, ip, &c));
	c.new = (struct dx_parent_name) { mp->rootip, (const u8 *)"z", 1 };
	CHECK(!dx_parent_update(tp, ip, &c));
	CHECK(!dx_trans_commit(tp));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	CHECK_EQ(make_link(mp->rootip, ip, "z"), -EUCLEAN);
	CHECK(host_log_has("has already a parent pointer to"));
	CHECK(!dx_is_shutdown(mp));
	c.old = c.new;
	c.new.dp = NULL;
	CHECK(!dx_trans_alloc(mp, DX_RESV_REMOVE, 0, 0, &tp));
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, 0);
	CHECK(!dx_parent_update(tp, ip, &c));
	CHECK(!dx_trans_commit(tp));
	dx_iunlock(ip, DX_ILOCK_EXCL);
	CHECK(!remove_name(mp->rootip, "x", ip));
	dx_idrop(ip);
	return uv_umount(mp);
}

/* ---- what a log promises ---- */

struct item { struct dx_ritem it; struct dx_rregion r[5]; struct dx_attri_log_format f; u8 b[4][400]; };

static void region(struct item *m, const void *p, u32 len)
{
	struct dx_rregion *r = &m->r[m->it.cnt];

	r->addr = m->b[m->it.cnt - 1];
	memset(r->addr, 0, sizeof(m->b[0]));
	memcpy(r->addr, p, len);
	r->len = r->room = round_up(len, 4);
	m->it.cnt++;
}

static void value_of(struct dx_parent_rec *rec, struct dx_inode *dp)
{
	rec->p_ino = cpu_to_be64(dp->ino);
	rec->p_gen = cpu_to_be32(dp->d.gen);
}

static void build(struct item *m, struct dx_inode *ip, u32 op, u8 nsp, const char *name, const char *newname, const void *value,
		  const void *newvalue, u32 valuelen)
{
	static u64 id = 0x4711;

	memset(m, 0, sizeof(*m));
	m->f = (struct dx_attri_log_format) {
		.alfi_type = DX_LI_ATTRI, .alfi_id = id++, .alfi_ino = ip->ino, .alfi_igen = op >= DX_ATTRI_PPTR_SET ? ip->d.gen : 0,
		.alfi_op_flags = op, .alfi_attr_filter = nsp, .alfi_value_len = valuelen,
	};
	m->it = (struct dx_ritem) { .type = DX_LI_ATTRI, .r = m->r, .cnt = 1 };
	m->r[0] = (struct dx_rregion) { &m->f, sizeof(m->f), sizeof(m->f) };
	region(m, name, strlen(name));
	if (newname)
		region(m, newname, strlen(newname));
	if (valuelen)
		region(m, value, valuelen);
	if (newname)
		region(m, newvalue, valuelen);
	if (newname) {
		m->f.alfi_old_name_len = strlen(name);
		m->f.alfi_new_name_len = strlen(newname);
	} else {
		m->f.alfi_name_len = strlen(name);
	}
	m->it.total = m->f.alfi_size = m->it.cnt;
}

/* As recovery would, of a log that ends there. */
static int finish(struct dx_mount *mp, struct item *m)
{
	struct dx_recovery rc = { .mp = mp, .dblocks = mp->sb.dblocks, .intents = RB_ROOT };
	int error = dx_ritem_check(&rc, &m->it, "ATTRI");

	if (!error)
		error = dx_intent_note(&rc, &m->it);
	rc.nintents = 0;
	if (!error)
		error = dx_intent_replay(&rc, &m->it, dx_log_tail_lsn(mp));
	dx_intents_forget(&rc);
	if (!error)
		error = dx_intents_finish(mp);
	dx_intents_cancel(mp);
	dx_bmap_recovered(mp, true);
	return error;
}

static bool attr_is(struct dx_inode *ip, const char *name, u8 nsp, const char *want)
{
	char got[300];
	struct dx_attr_arg a = { .ip = ip, .name = (const u8 *)name, .namelen = strlen(name), .nsp = nsp, .value = got, .valuelen = 300 };
	int error = dx_attr_get(&a);

	return want ? !error && a.valuelen == (int)strlen(want) && !memcmp(got, want, a.valuelen) : error == -ENODATA;
}

static bool points(struct dx_inode *ip, struct dx_inode *dp, const char *name)
{
	struct dx_parent_change c = { .old = { dp, (const u8 *)name, strlen(name) } };
	bool is;

	dx_ilock(ip, DX_ILOCK_EXCL);
	is = !dx_parent_check(ip, &c, true);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return is;
}

static int promised(void *arg)
{
	struct dx_parent_rec v1, v2;
	struct dx_inode *d, *ip;
	struct item m;
	int error, round;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!make(mp->rootip, "d", S_IFDIR | 0755, &d));
	host_set_printk(1);
	for (round = 0; round < 3; round++) {
		CHECK(!make(mp->rootip, "x", S_IFREG | 0644, &ip));
		if (round)
			CHECK(!fat(ip, round == 1 ? 600 : 2500));
		value_of(&v1, mp->rootip);
		value_of(&v2, d);
		/* ordinary ones: set, again, replace, remove, again */
		build(&m, ip, DX_ATTRI_SET, 0, "harm", NULL, "less", NULL, 4);
		CHECK(!finish(mp, &m));
		CHECK(attr_is(ip, "harm", 0, "less"));
		build(&m, ip, DX_ATTRI_SET, 0, "harm", NULL, "ful", NULL, 3);
		CHECK(!finish(mp, &m));
		CHECK(attr_is(ip, "harm", 0, "ful"));
		build(&m, ip, DX_ATTRI_REPLACE, DX_ATTR_ROOT, "harm", NULL, "onica", NULL, 5);
		CHECK(!finish(mp, &m));
		CHECK(attr_is(ip, "harm", DX_ATTR_ROOT, "onica") && attr_is(ip, "harm", 0, "ful"));
		build(&m, ip, DX_ATTRI_REMOVE, 0, "harm", NULL, NULL, NULL, 0);
		CHECK(!finish(mp, &m));
		CHECK(attr_is(ip, "harm", 0, NULL) && attr_is(ip, "harm", DX_ATTR_ROOT, "onica"));
		CHECK(!finish(mp, &m));
		build(&m, ip, DX_ATTRI_REMOVE, DX_ATTR_ROOT, "harm", NULL, NULL, NULL, 0);
		CHECK(!finish(mp, &m));
		/* pointers: one more, as before the name; another in its place; gone; each twice */
		build(&m, ip, DX_ATTRI_PPTR_SET, DX_ATTR_PARENT, "y", NULL, &v2, NULL, 12);
		CHECK(!finish(mp, &m));
		CHECK(points(ip, d, "y") && points(ip, mp->rootip, "x"));
		CHECK(!finish(mp, &m));
		build(&m, ip, DX_ATTRI_PPTR_REPLACE, DX_ATTR_PARENT, "y", "another name", &v2, &v1, 12);
		CHECK(!finish(mp, &m));
		CHECK(!points(ip, d, "y") && points(ip, mp->rootip, "another name"));
		CHECK(!finish(mp, &m));
		CHECK(points(ip, mp->rootip, "another name"));
		build(&m, ip, DX_ATTRI_PPTR_REMOVE, DX_ATTR_PARENT, "another name", NULL, &v1, NULL, 12);
		CHECK(!finish(mp, &m));
		CHECK(!points(ip, mp->rootip, "another name"));
		CHECK(!finish(mp, &m));
		CHECK(points(ip, mp->rootip, "x"));
		CHECK(!uv_check_parents(mp));
		if (round < 2) {
			CHECK(!remove_name(mp->rootip, "x", ip));
			dx_idrop(ip);
		}
	}
	/* in the log of another file that had the number */
	build(&m, ip, DX_ATTRI_PPTR_SET, DX_ATTR_PARENT, "y", NULL, &v2, NULL, 12);
	m.f.alfi_igen++;
	host_log_clear();
	CHECK_EQ(finish(mp, &m), -EUCLEAN);
	CHECK(host_log_has("has generation"));
	/* the transaction was given up: as a mount that fails */
	dx_idrop(ip);
	dx_idrop(d);
	uv_umount(mp);
	return 0;
}

static int bad_items(void *arg)
{
	static const struct { const char *says; u8 base; u8 region, off, width; u64 v; } bad[] = {
		{ "bad alfi_op_flags", 0, 0, offsetof(struct dx_attri_log_format, alfi_op_flags), 4, 0 },
		{ "bad alfi_op_flags", 0, 0, offsetof(struct dx_attri_log_format, alfi_op_flags), 4, 7 },
		{ "bad alfi_op_flags", 0, 0, offsetof(struct dx_attri_log_format, alfi_op_flags), 4, 0x104 },
		{ "bad alfi_attr_filter", 0, 0, offsetof(struct dx_attri_log_format, alfi_attr_filter), 4, 0x10 },
		{ "bad alfi_attr_filter", 0, 0, offsetof(struct dx_attri_log_format, alfi_attr_filter), 4, 0xa },
		{ "bad alfi_attr_filter (for alfi_op_flags)", 0, 0, offsetof(struct dx_attri_log_format, alfi_attr_filter), 4, 0 },
		{ "bad alfi_attr_filter (for alfi_op_flags)", 2, 0, offsetof(struct dx_attri_log_format, alfi_attr_filter), 4, 8 },
		{ "bad alfi_ino", 0, 0, offsetof(struct dx_attri_log_format, alfi_ino), 8, 1ull << 60 },
		{ "bad alfi_ino", 0, 0, offsetof(struct dx_attri_log_format, alfi_ino), 8, 0 },
		{ "bad alfi_name_len", 0, 0, offsetof(struct dx_attri_log_format, alfi_name_len), 4, 0 },
		{ "bad alfi_name_len", 0, 0, offsetof(struct dx_attri_log_format, alfi_name_len), 4, 256 },
		{ "bad length of the name", 0, 0, offsetof(struct dx_attri_log_format, alfi_name_len), 4, 100 },
		{ "bad alfi_name_len", 1, 0, offsetof(struct dx_attri_log_format, alfi_old_name_len), 2, 0 },
		{ "bad alfi_new_name_len", 1, 0, offsetof(struct dx_attri_log_format, alfi_new_name_len), 2, 0 },
		{ "bad alfi_new_name_len", 1, 0, offsetof(struct dx_attri_log_format, alfi_new_name_len), 2, 300 },
		{ "bad length of the new name", 1, 0, offsetof(struct dx_attri_log_format, alfi_new_name_len), 2, 100 },
		{ "bad alfi_value_len", 0, 0, offsetof(struct dx_attri_log_format, alfi_value_len), 4, 16 },
		{ "bad alfi_value_len", 0, 0, offsetof(struct dx_attri_log_format, alfi_value_len), 4, 0 },
		{ "bad alfi_value_len", 2, 0, offsetof(struct dx_attri_log_format, alfi_value_len), 4, 70000 },
		{ "bad alfi_size", 2, 0, offsetof(struct dx_attri_log_format, alfi_value_len), 4, 0 },
		{ "bad length of the value", 2, 0, offsetof(struct dx_attri_log_format, alfi_value_len), 4, 60 },
		{ "bad alfi_value_len", 3, 0, offsetof(struct dx_attri_log_format, alfi_value_len), 4, 4 },
		{ "bad name", 0, 1, 0, 1, '/' },
		{ "bad name", 2, 1, 1, 1, 0 },
		{ "bad new name", 1, 2, 0, 1, '/' },
		{ "bad p_ino", 0, 2, 0, 8, 1ull << 56 },
		{ "bad p_ino", 1, 3, 0, 8, 0 },
		{ "bad p_ino (of the new value)", 1, 4, 0, 8, ~0ull },
	};
	struct dx_parent_rec v1;
	struct item m;
	int error;
	u32 i, j;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_recovery rc = { .mp = mp };

	if (!CHECK(mp))
		return error;
	rc.dblocks = mp->sb.dblocks;
	value_of(&v1, mp->rootip);
	host_set_printk(1);
	for (i = 0; i < ARRAY_SIZE(bad) + 4; i++) {
		u8 base = i < ARRAY_SIZE(bad) ? bad[i].base : i - ARRAY_SIZE(bad);

		if (base == 0)
			build(&m, mp->rootip, DX_ATTRI_PPTR_SET, DX_ATTR_PARENT, "name", NULL, &v1, NULL, 12);
		else if (base == 1)
			build(&m, mp->rootip, DX_ATTRI_PPTR_REPLACE, DX_ATTR_PARENT, "name", "new", &v1, &v1, 12);
		else if (base == 2)
			build(&m, mp->rootip, DX_ATTRI_SET, DX_ATTR_ROOT, "name", NULL, "value", NULL, 5);
		else
			build(&m, mp->rootip, DX_ATTRI_REMOVE, 0, "name", NULL, NULL, NULL, 0);
		host_log_clear();
		if (i >= ARRAY_SIZE(bad)) {
			CHECK_EQ(dx_ritem_check(&rc, &m.it, "ATTRI"), 0);
			/* each region less: refused */
			for (j = m.it.cnt - 1; j > 0; j--) {
				m.it.cnt = m.it.total = j;
				CHECK_EQ(dx_ritem_check(&rc, &m.it, "ATTRI"), -EUCLEAN);
			}
			continue;
		}
		memcpy((u8 *)m.r[bad[i].region].addr + bad[i].off, &bad[i].v, bad[i].width);
		CHECK_EQ(dx_ritem_check(&rc, &m.it, "ATTRI"), -EUCLEAN);
		if (!CHECK(host_log_has(bad[i].says)))
			printf("  wanted: %s (line %u)\n%s", bad[i].says, i, host_log());
	}
	return uv_umount(mp);
}

/* ---- a power cut at each step of what takes several transactions ---- */

static u32 rolls_left;
static struct host_dev_snap *snap;

/* What the log has is durable at each roll, and at the last one it all ends. */
static void cut(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if (strcmp(what, "trans_roll") && strcmp(what, "trans_commit"))
		return;
	mp->trace = NULL;
	dx_log_force(mp, true);
	mp->trace = cut;
	if (!--rolls_left)
		host_stop_world();
}

static struct dx_inode *look(struct dx_mount *mp, const char *name)
{
	struct dx_name n = name_of(name, 0);
	struct dx_inode *ip = NULL;
	dx_ino_t ino;

	if (CHECK(!dx_lookup(mp->rootip, &n, &ino, NULL)))
		CHECK(!dx_iget(mp, NULL, ino, 0, &ip));
	return ip;
}

/* f: pointers in a leaf; t: in a tree; l: inside, with no room for another one */
static int prepare(void *arg)
{
	struct dx_inode *d, *ip;
	char name[300];
	int error, i;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!make(mp->rootip, "d", S_IFDIR | 0755, &d));
	CHECK(!make(mp->rootip, "f", S_IFREG | 0644, &ip));
	CHECK(!fat(ip, 600));
	dx_idrop(ip);
	CHECK(!make(mp->rootip, "g", S_IFREG | 0644, &ip));
	CHECK(!fat(ip, 600));
	dx_idrop(ip);
	CHECK(!make(mp->rootip, "t", S_IFREG | 0644, &ip));
	for (i = 0; i < 60; i++) {
		long_name(name, 100 + i);
		CHECK(!make_link(d, ip, name));
	}
	dx_idrop(ip);
	CHECK(!make(mp->rootip, "l", S_IFREG | 0644, &ip));
	for (i = 500; !strcmp(form(ip), "local"); i++) {
		long_name(name, i);
		CHECK(!make_link(d, ip, name));
	}
	CHECK(!remove_name(d, name, ip));
	CHECK(!strcmp(form(ip), "local"));
	dx_idrop(ip);
	dx_idrop(d);
	return uv_umount(mp);
}

static int op_link(struct dx_mount *mp)
{
	struct dx_inode *d = look(mp, "d"), *f = look(mp, "f"), *l = look(mp, "l");
	char name[300];
	int error = make_link(d, f, "another");

	long_name(name, 790);
	if (!error)
		error = make_link(d, l, name);
	if (!error)
		error = remove_name(d, name, l);
	if (!error)
		error = remove_name(mp->rootip, "f", f);
	dx_idrop(d); dx_idrop(f); dx_idrop(l);
	return error;
}

static int op_rename(struct dx_mount *mp)
{
	struct dx_inode *d = look(mp, "d"), *f = look(mp, "f"), *g = look(mp, "g"), *w;
	struct dx_create_args wa = { .mode = S_IFCHR };
	int error = move(mp->rootip, "f", f, mp->rootip, "g", g, NULL, DX_RENAME_EXCHANGE);

	if (!error)
		error = dx_create_tmpfile(d, &wa, &w);
	if (!error) {
		error = move(mp->rootip, "f", g, mp->rootip, "g", f, w, DX_RENAME_WHITEOUT);
		dx_idrop(w);
	}
	dx_idrop(d); dx_idrop(f); dx_idrop(g);
	return error;
}

static int op_tree(struct dx_mount *mp)
{
	struct dx_inode *d = look(mp, "d"), *t = look(mp, "t");
	char name[300];
	int error = 0, i;

	for (i = 0; !error && i < 5; i++) {
		long_name(name, 100 + i * 9);
		error = i & 1 ? move(d, name, t, mp->rootip, name, NULL, NULL, 0) : remove_name(d, name, t);
	}
	dx_idrop(d); dx_idrop(t);
	return error;
}

static const struct op { const char *name; int (*fn)(struct dx_mount *mp); u32 steps; } ops[] = {
	{ "links", op_link, 10 }, { "renames", op_rename, 10 }, { "names in a tree", op_tree, 12 },
};

static int cut_op(void *arg)
{
	const struct op *op = arg;
	int error;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	mp->trace = cut;
	CHECK(!op->fn(mp));
	mp->trace = NULL;
	return uv_umount(mp);
}

static int recover(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!uv_check_parents(mp));
	CHECK(!uv_check_rmaps(mp));
	return uv_umount(mp);
}

/* PARENT_SAVE=DIR: the volumes are left there, for another kernel to recover */
static void cut_everywhere(int prof, const struct op *op)
{
	char name[200], path[300];
	u32 n;
	int ret;

	snprintf(name, sizeof(name), "a power cut at each step of %s (%s)", op->name, uv_profiles[prof].name);
	host_test_begin(name);
	for (n = 1; n < 200 && !host_checks_failed; n++) {
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
		if (getenv("PARENT_SAVE")) {
			snprintf(path, sizeof(path), "%s/%d-%d-%u", getenv("PARENT_SAVE"), prof, (int)(op - ops), n);
			host_dev_save(uv_dev, path);
		}
		host_init(n);
		CHECK_EQ(host_run(recover, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		if (n % 5 == 2)
			CHECK(uv_repair_clean("cut"));
	}
	CHECK(n > op->steps);
	printf("# %u steps\n", n - 1);
	host_test_end();
}

/* ---- an inode full of short names, which take more than a block outside it ---- */

/* A file is filled, and then its pointers go to blocks: one comes, or one becomes longer. */
static int crowded(void *arg)
{
	static const umode_t modes[] = { S_IFREG | 0644, S_IFIFO | 0644 };
	int error, i, n;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	for (i = 0; i < 4 && !host_checks_failed; i++) {
		char file[8], other[40];
		struct dx_inode *ip;

		sprintf(file, "f%d", i);
		sprintf(other, "%c%s", 'g' + i, i % 2 ? "-whose-pointer-is-longer-than-before" : "");
		CHECK(!make(mp->rootip, file, modes[i / 2], &ip));
		for (n = 0; n < 254 && dx_attr_short_fits(ip, ip->af->bytes + sizeof(struct dx_attr_sf_entry) + 2); n++) {
			u8 name[2] = { 'A' + n / 16, 'a' + n % 16 };
			struct dx_attr_arg a = { .ip = ip, .name = name, .namelen = 2, .value = (u8 *)"" };

			CHECK(!dx_attr_set_op(&a));
		}
		CHECK(n > 30 && ip->af->format == DX_DINODE_FMT_LOCAL);
		error = i % 2 ? move(mp->rootip, file, ip, mp->rootip, other, NULL, NULL, 0) : make_link(mp->rootip, ip, other);
		if (!CHECK_EQ(error, 0))
			printf("  with %d attributes\n", n);
		if (n < 254)
			CHECK(ip->af->format != DX_DINODE_FMT_LOCAL);
		dx_idrop(ip);
	}
	CHECK(!dx_is_shutdown(mp));
	CHECK(!uv_check_parents(mp));
	return uv_umount(mp);
}

static void all_crowded(void)
{
	static const char *const sizes[] = { "-b size=1024 -i size=512", "-b size=2048 -i size=1024", "-i size=2048" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		char mkfs[120], name[120];
		struct uv_profile p = { sizes[i], mkfs, 200, .parent = true };

		snprintf(mkfs, sizeof(mkfs), "--unsupported -d agcount=2 -l size=14m %s", sizes[i]);
		snprintf(name, sizeof(name), "pointers of inodes that are full (%s)", sizes[i]);
		CHECK(!uv_make(&p));
		host_test(name, i, crowded, NULL);
		host_test_begin("... and xfs_repair is content");
		CHECK(uv_repair_clean("check"));
		host_test_end();
	}
}

static const struct { const char *name; int (*fn)(void *); bool broken; } tests[] = {
	{ "hashes", hashes, true },
	{ "names come, go and move in every form", forms },
	{ "rename in all its ways", renames },
	{ "a full volume", full },
	{ "pointers that are missing", missing },
	{ "what a log promises", promised, true },
	{ "what a log cannot promise", bad_items },
};

int main(int argc, char **argv)
{
	unsigned int i;
	int p;

	uv_setup("t_parent");
	if (argc < 2 || strstr("pointers of inodes that are full", argv[1]))
		all_crowded();
	for (p = 0; p < uv_nprofiles; p++) {
		if (!uv_profiles[p].parent)
			continue;
		for (i = 0; i < ARRAY_SIZE(tests); i++) {
			char name[160];

			if (argc > 1 && !strstr(tests[i].name, argv[1]))
				continue;
			snprintf(name, sizeof(name), "%s (%s)", tests[i].name, uv_profiles[p].name);
			if (uv_make(&uv_profiles[p])) {
				printf("not ok mkfs.xfs %s\n", uv_profiles[p].mkfs);
				return 1;
			}
			host_test(name, 3 + i, tests[i].fn, NULL);
			if (tests[i].broken)
				continue;
			host_test_begin("... and xfs_repair is content");
			CHECK(uv_repair_clean("check"));
			host_test_end();
		}
		if (argc > 1 && !strstr("a power cut", argv[1]))
			continue;
		host_init(1);
		CHECK(!uv_make(&uv_profiles[p]) && !host_run(prepare, NULL));
		host_kill_world();
		snap = host_dev_snap_take(uv_dev);
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			cut_everywhere(p, &ops[i]);
		host_dev_snap_free(snap);
	}
	uv_teardown();
	return host_test_exit();
}
