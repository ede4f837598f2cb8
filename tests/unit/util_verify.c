// SPDX-License-Identifier: GPL-2.0-only
/* Reading a volume back and comparing it with the model: see util_model.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include "util_model.h"
#include "util_model_int.h"
#include "dx_walk.h"

#define TAG_TORN	0xffffffffu	/* parts of several writes to this file */
#define TAG_FOREIGN	0xfffffffeu

struct f_ent { char *name; u32 node; };
struct f_x { char *name; u8 nsp; u32 len, crc; };
struct f_node {
	dx_ino_t ino;
	umode_t mode;
	u32 nlink, uid;
	u64 size;
	u32 nents, nx, nblk;
	struct f_ent *ents;
	struct f_x *x;
	u32 *tag;
	char *target;
	dx_ino_t dotdot;
};
struct f_tree {
	struct dx_mount *mp;
	struct f_node *nodes;
	u32 n, cap;
	u32 *hash;			/* ino -> node + 1 */
	u32 hcap;
	int error;
	bool patterned;			/* contents are the model's: look at them */
};

static u32 node_of(struct f_tree *t, dx_ino_t ino, bool *fresh)
{
	u32 h, i;

	if (t->n * 2 >= t->hcap) {
		t->hcap = t->hcap ? t->hcap * 2 : 1024;
		free(t->hash);
		t->hash = calloc(t->hcap, sizeof(*t->hash));
		for (i = 0; i < t->n; i++) {
			h = t->nodes[i].ino * 2654435761u % t->hcap;
			while (t->hash[h])
				h = (h + 1) % t->hcap;
			t->hash[h] = i + 1;
		}
	}
	h = ino * 2654435761u % t->hcap;
	while (t->hash[h]) {
		if (t->nodes[t->hash[h] - 1].ino == ino) {
			*fresh = false;
			return t->hash[h] - 1;
		}
		h = (h + 1) % t->hcap;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->nodes = realloc(t->nodes, t->cap * sizeof(*t->nodes));
	}
	memset(&t->nodes[t->n], 0, sizeof(t->nodes[0]));
	t->nodes[t->n].ino = ino;
	t->hash[h] = t->n + 1;
	*fresh = true;
	return t->n++;
}

static void tree_free(struct f_tree *t)
{
	u32 i, k;

	for (i = 0; i < t->n; i++) {
		struct f_node *f = &t->nodes[i];

		for (k = 0; k < f->nents; k++)
			free(f->ents[k].name);
		for (k = 0; k < f->nx; k++)
			free(f->x[k].name);
		free(f->ents);
		free(f->x);
		free(f->tag);
		free(f->target);
	}
	free(t->nodes);
	free(t->hash);
	memset(t, 0, sizeof(*t));
}

/* ---- reading ---- */

static void remember(struct f_tree *t, int error)
{
	if (error && !t->error)
		t->error = error;
}

struct dirctx { struct f_tree *t; u32 node; char **names; dx_ino_t *inos; u32 n; };

static bool dir_emit(void *ctx, const u8 *name, int len, u64 pos, dx_ino_t ino, u8 ftype)
{
	struct dirctx *c = ctx;

	(void)pos;
	(void)ftype;
	if (len == 1 && name[0] == '.')
		return true;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		c->t->nodes[c->node].dotdot = ino;
		return true;
	}
	c->names = realloc(c->names, (c->n + 1) * sizeof(*c->names));
	c->inos = realloc(c->inos, (c->n + 1) * sizeof(*c->inos));
	c->names[c->n] = malloc(len + 1);
	memcpy(c->names[c->n], name, len);
	c->names[c->n][len] = 0;
	c->inos[c->n++] = ino;
	return c->n < 2000000;
}

struct xctx { struct f_x *x; u32 n; };

static int x_emit(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen)
{
	struct xctx *c = ctx;

	c->x = realloc(c->x, (c->n + 1) * sizeof(*c->x));
	c->x[c->n] = (struct f_x){ .name = malloc(namelen + 1), .nsp = flags & (DX_ATTR_ROOT | DX_ATTR_SECURE), .len = valuelen };
	memcpy(c->x[c->n].name, name, namelen);
	c->x[c->n].name[namelen] = 0;
	c->n++;
	return 0;
}

static void read_xattrs(struct f_tree *t, struct dx_inode *ip, struct xctx *c)
{
	u32 i;

	remember(t, dx_attr_list(ip, NULL, x_emit, c));
	for (i = 0; i < c->n; i++) {
		struct dx_attr_arg a = {
			.ip = ip, .name = (u8 *)c->x[i].name, .namelen = strlen(c->x[i].name), .nsp = c->x[i].nsp,
			.value = calloc(1, 65537), .valuelen = 65536,
		};
		int error = dx_attr_get(&a);

		remember(t, error);
		if (!error) {
			c->x[i].crc = crc32c(~0u, a.value, a.valuelen);
			c->x[i].len = a.valuelen;
		}
		free(a.value);
	}
}

static u32 tag_of(const u8 *b, u32 bs)
{
	const u32 *w = (const u32 *)b;
	u32 first = w[0], s;

	if (!memcmp(b, b + 4, bs - 4))
		return first;
	for (s = 0; s < bs; s += 512) {
		u32 v = *(const u32 *)(b + s);

		if (memcmp(b + s, b + s + 4, 508) || (v && first && v >> 16 != first >> 16))
			return TAG_FOREIGN;
		if (!first)
			first = v;
	}
	return TAG_TORN;
}

/* Content as a read would show it: written blocks only; zeroes elsewhere. */
static void read_data(struct f_tree *t, struct dx_inode *ip, struct f_node *f)
{
	struct dx_mount *mp = t->mp;
	u32 bs = mp->sb.blocksize;
	dx_fileoff_t off = 0, end;
	struct dx_irec map[16];
	u8 *buf = malloc(bs);
	u64 loops = 0;

	end = dx_b_to_fsb(mp, ip->d.size);
	if (t->patterned) {
		f->nblk = min_t(u64, end, 1 << 20);
		f->tag = calloc(f->nblk + 1, sizeof(*f->tag));
	}
	/* all of the map, past the end, too */
	if (end < 1 << 20)
		end = 1 << 20;
	while (off < end && loops++ < 200000) {
		int n = ARRAY_SIZE(map), mode = dx_ilock_data_map_shared(ip), error, i;

		error = dx_bmap_query(ip, off, end - off, map, &n, 0);
		dx_iunlock(ip, mode);
		remember(t, error);
		if (error || !n)
			break;
		for (i = 0; i < n; i++) {
			u64 b;

			if (map[i].startoff < off || !map[i].blockcount) {
				CHECK(map[i].startoff >= off && map[i].blockcount);
				remember(t, -ERANGE);
				goto out;
			}
			off = map[i].startoff + map[i].blockcount;
			if (!t->patterned || !dx_irec_is_real(&map[i]) || map[i].state == DX_EXT_UNWRITTEN)
				continue;
			for (b = 0; b < map[i].blockcount && map[i].startoff + b < f->nblk; b++) {
				host_dev_peek(mp->bdev, dx_fsb_to_daddr(mp, map[i].startblock + b) * 512, buf, bs);
				f->tag[map[i].startoff + b] = tag_of(buf, bs);
			}
		}
	}
out:
	free(buf);
}

/* Read one inode; directories list their children, which are read later: no recursion. */
static void read_node(struct f_tree *t, u32 node)
{
	struct dirctx d = { .t = t, .node = node };
	struct xctx x = { };
	struct dx_inode *ip;
	struct f_node *f;
	int error;
	u32 i;

	error = dx_iget(t->mp, NULL, t->nodes[node].ino, DX_IGET_UNTRUSTED, &ip);
	if (error) {
		remember(t, error);
		return;
	}
	f = &t->nodes[node];
	f->mode = ip->d.mode;
	f->nlink = ip->d.nlink;
	f->uid = ip->d.uid;
	f->size = ip->d.size;
	read_xattrs(t, ip, &x);
	f->x = x.x;
	f->nx = x.n;
	switch (f->mode & S_IFMT) {
	case S_IFREG:
		read_data(t, ip, f);
		break;
	case S_IFLNK:
		f->target = calloc(1, DX_SYMLINK_MAXLEN + 1);
		error = dx_readlink(ip, f->target);
		if (error < 0)
			remember(t, error);
		break;
	case S_IFDIR: {
		u64 pos = 0, last;
		int rounds = 0;
		u32 before;

		do {
			last = pos;
			before = d.n;
			error = dx_dir_readdir(ip, &pos, dir_emit, &d);
			remember(t, error);
		} while (!error && (pos != last || d.n != before) && rounds++ < 100000);
		CHECK(rounds < 100000);
		f->ents = calloc(d.n + 1, sizeof(*f->ents));
		f->nents = d.n;
		for (i = 0; i < d.n; i++) {
			bool fresh;
			u32 child = node_of(t, d.inos[i], &fresh);

			/* the array may have moved */
			t->nodes[node].ents[i] = (struct f_ent){ .name = d.names[i], .node = child };
		}
		free(d.names);
		free(d.inos);
		break;
	}
	}
	dx_idrop(ip);
}

static void read_tree(struct f_tree *t, struct dx_mount *mp, bool patterned)
{
	bool fresh;
	u32 i;

	memset(t, 0, sizeof(*t));
	t->mp = mp;
	t->patterned = patterned;
	node_of(t, mp->sb.rootino, &fresh);
	for (i = 0; i < t->n && i < 1000000; i++)
		read_node(t, i);
}

/* ---- comparing ---- */

static char why[400];

static bool differ(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	host_vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return false;
}

static int by_f_name(const void *a, const void *b)
{
	return strcmp(((const struct f_ent *)a)->name, ((const struct f_ent *)b)->name);
}

struct cmp {
	const struct f_tree *t;
	const struct um_user *u;
	const struct um_state *s, *next;	/* next: the operation under way leads there */
	u32 *node_of_id;			/* + 1 */
	bool loose;				/* after a crash */
	u16 moved[2];				/* files that operations before and after @s may have left half moved; 0: none */
};

/*
 * A block that was overwritten in place: what it held when the file was last synced, or anything written
 * since.  Without a sync, anything that was ever written to the file.
 */
static bool weak_ok(const struct um_user *u, u32 id, u32 blk, u32 got)
{
	u32 k, first = 0, synced = u->fsynced[id];
	bool changed = false;

	if (!synced || u->weak[id][UM_BLOCKS] || u->weak[id][UM_BLOCKS + 1])
		return got != 0;
	for (k = synced; k <= u->done + u->busy; k++) {
		const struct um_inode *m = id < u->st[k]->n ? u->st[k]->ino[id] : NULL;
		u32 tag = m && blk < m->nblk ? m->tag[blk] : 0;

		if (tag == got)
			return true;
		if (k == synced)
			first = tag;
		changed |= tag != first;
	}
	return got == TAG_TORN && changed;
}

static bool data_ok(const struct cmp *c, const struct um_inode *m, const struct f_node *f)
{
	const struct um_inode *nx = c->next && m->id < c->next->n ? c->next->ino[m->id] : NULL;
	const u8 *weak = c->u->weak[m->id];
	u32 i;

	for (i = 0; i < m->nblk; i++) {
		u32 got = i < f->nblk ? f->tag[i] : 0;

		bool is_weak = c->loose && weak && (weak[i] || weak[UM_BLOCKS]);

		if (got == m->tag[i] && !is_weak)
			continue;
		if (got == TAG_FOREIGN || (got != TAG_TORN && got && (got >> 28 != c->u->id || (got >> 16 & 0xfff) != m->id)))
			return differ("id %u block %u: content 0x%x of another file", m->id, i, got);
		if (c->loose) {
			if (is_weak && weak_ok(c->u, m->id, i, got))
				continue;
			if ((m->id == c->moved[0] || m->id == c->moved[1]) && got != TAG_TORN)
				continue;
			if (is_weak && c->u->fsynced[m->id] && !weak[UM_BLOCKS] && !weak[UM_BLOCKS + 1])
				return differ("id %u (inode %llu) block %u: content 0x%x is not what was synced", m->id, f->ino, i, got);
			if (got == m->tag[i])
				continue;
			if (nx && i < nx->nblk && nx->tag[i] == got)
				continue;
		}
		return differ("id %u (inode %llu) block %u: content 0x%x, should be 0x%x", m->id, f->ino, i, got, m->tag[i]);
	}
	return true;
}

static bool xattrs_ok(const struct um_inode *m, const struct f_node *f)
{
	char name[256];
	u32 i, k;

	if (m->nx != f->nx)
		return differ("id %u (inode %llu): %u xattrs, should be %u", m->id, f->ino, f->nx, m->nx);
	for (i = 0; i < m->nx; i++) {
		um_xname(m->x[i].name, name);
		for (k = 0; k < f->nx; k++)
			if (!strcmp(f->x[k].name, name) && f->x[k].nsp == m->x[i].nsp)
				break;
		if (k == f->nx)
			return differ("id %u: no xattr %s", m->id, name);
		if (f->x[k].len != m->x[i].len || f->x[k].crc != m->x[i].crc)
			return differ("id %u (inode %llu): xattr %.20s has another value, length %u, should be %u", m->id, f->ino, name,
				      f->x[k].len, m->x[i].len);
	}
	return true;
}

static bool inode_ok(struct cmp *c, u32 id, u32 node)
{
	const struct um_inode *m = c->s->ino[id];
	const struct f_node *f = &c->t->nodes[node];
	char buf[1100];
	u32 i;

	if (c->node_of_id[id])
		return c->node_of_id[id] == node + 1 || differ("id %u is two inodes", id);
	c->node_of_id[id] = node + 1;
	if (f->mode != m->mode)
		return differ("id %u (inode %llu): mode 0%o, should be 0%o", id, f->ino, f->mode, m->mode);
	if (f->nlink != m->nlink)
		return differ("id %u (inode %llu): nlink %u, should be %u", id, f->ino, f->nlink, m->nlink);
	if (id && f->uid != m->uid)
		return differ("id %u (inode %llu): uid %u, should be %u", id, f->ino, f->uid, m->uid);
	if (!xattrs_ok(m, f))
		return false;
	if (S_ISREG(m->mode)) {
		if (f->size != m->size)
			return differ("id %u (inode %llu): size %llu, should be %llu", id, f->ino, f->size, m->size);
		return data_ok(c, m, f);
	}
	if (S_ISLNK(m->mode)) {
		um_target(buf, m->tgt_len, m->tgt_seed);
		if (!f->target || strcmp(buf, f->target))
			return differ("id %u (inode %llu): wrong target", id, f->ino);
		return true;
	}
	if (!S_ISDIR(m->mode))
		return true;
	if (f->nents != m->nents)
		return differ("id %u (inode %llu): %u entries, should be %u", id, f->ino, f->nents, m->nents);
	for (i = 0; i < m->nents; i++) {
		struct f_ent key = { .name = buf }, *e;

		um_name(m->ents[i].name, buf);
		e = bsearch(&key, f->ents, f->nents, sizeof(*f->ents), by_f_name);
		if (!e)
			return differ("id %u (inode %llu): no entry %.20s", id, f->ino, buf);
		if (!inode_ok(c, m->ents[i].id, e->node))
			return false;
		if (S_ISDIR(c->s->ino[m->ents[i].id]->mode) && c->t->nodes[e->node].dotdot != f->ino)
			return differ("id %u: wrong ..", m->ents[i].id);
	}
	return true;
}

static bool state_ok(struct cmp *c, u32 node)
{
	bool ok;

	c->node_of_id = calloc(c->s->n + 1, sizeof(u32));
	ok = inode_ok(c, 0, node);
	free(c->node_of_id);
	return ok;
}

static bool user_ok(struct f_tree *t, struct um_user *u, u32 node, bool exact)
{
	u32 first = exact ? u->done : u->forced, last = u->done, k;
	char what[3][400];

	if (!exact && u->busy)
		last++;
	for (k = last + 1; k-- > first; ) {
		struct cmp c = { .t = t, .u = u, .s = u->st[k], .loose = !exact };

		if (!exact && k < u->done + u->busy)
			c.next = u->st[k + 1];
		/* of a file that is moved about nothing is certain until all of that is durable */
		if (!exact && k > first)
			c.moved[0] = u->moved[k];
		if (c.next)
			c.moved[1] = u->moved[k + 1];
		if (state_ok(&c, node))
			return true;
		if (um_trace)
			printf("  user %d against %u: %s\n", u->id, k, why);
		if (k == first)
			strcpy(what[0], why);
		if (k == u->done)
			strcpy(what[1], why);
		if (k == last)
			strcpy(what[2], why);
	}
	printf("  user %d is in none of the states %u (forced) to %u:\n", u->id, first, last);
	printf("    against %u: %s\n    against %u: %s\n    against %u: %s\n", first, what[0], u->done, what[1], last, what[2]);
	return false;
}

static int count_fn(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	++*(u32 *)data;
	return 0;
}

/**
 * um_verify - compare a mounted volume with the model
 * @mp: mount
 * @exact: with the present state of each user; else with any that a crash may have left
 *
 * Return: 0, or -EUCLEAN after saying what differs.
 */
int um_verify(struct dx_mount *mp, bool exact)
{
	struct f_tree t;
	u32 i, k, inodes = 0, known;
	int error = 0;

	dx_icache_flush_inactive(mp);
	read_tree(&t, mp, true);
	if (t.error) {
		printf("  reading the volume: error %d\n", t.error);
		error = -EUCLEAN;
		goto out;
	}
	for (i = 0; i < t.n; i++)
		if (t.nodes[i].nents)
			qsort(t.nodes[i].ents, t.nodes[i].nents, sizeof(struct f_ent), by_f_name);
	for (i = 0; i < um_nusers; i++) {
		char name[16];

		sprintf(name, "u%d", i);
		for (k = 0; k < t.nodes[0].nents; k++)
			if (!strcmp(t.nodes[0].ents[k].name, name))
				break;
		if (k == t.nodes[0].nents) {
			printf("  no directory %s\n", name);
			error = -EUCLEAN;
			continue;
		}
		if (!user_ok(&t, &um_users[i], t.nodes[0].ents[k].node, exact))
			error = -EUCLEAN;
	}
	if (dx_inobt_walk(mp, 0, count_fn, &inodes)) {
		printf("  walking the inode btrees failed\n");
		error = -EUCLEAN;
	}
	/* two more belong to the realtime device, and the quota files are nobody's */
	known = t.n + 2;
	if (mp->sb.versionnum & DX_SB_VERSION_QUOTABIT)
		known += (mp->sb.uquotino + 1 > 1) + (mp->sb.gquotino + 1 > 1) + (mp->sb.pquotino + 1 > 1);
	if (inodes != known) {
		printf("  %u inodes are allocated, %u reachable\n", inodes, known);
		error = -EUCLEAN;
	}
	if (uv_check_parents(mp))
		error = -EUCLEAN;
	if (uv_check_rmaps(mp))
		error = -EUCLEAN;
out:
	tree_free(&t);
	return error;
}

/**
 * um_walk - read everything there is
 * @mp: mount
 * @nodes: inodes met, may be NULL
 *
 * Return: the first error, or 0.
 */
int um_walk(struct dx_mount *mp, unsigned long *nodes)
{
	struct f_tree t;
	int error;

	read_tree(&t, mp, false);
	if (nodes)
		*nodes = t.n;
	error = t.error;
	tree_free(&t);
	return error;
}
