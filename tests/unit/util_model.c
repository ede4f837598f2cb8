// SPDX-License-Identifier: GPL-2.0-only
/* The model and what may be done to it: see util_model.h.  util_ops.c does it, util_verify.c compares. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_model.h"
#include "util_model_int.h"

struct um_user um_users[UM_USERS];
int um_nusers, um_trace;
bool um_calm, um_small, um_full;
u64 um_count[32];

static struct um_state *saved_st[UM_USERS];
static dx_ino_t saved_ino[UM_USERS][UM_IDS];
static u32 saved_next[UM_USERS], saved_seq[UM_USERS];

/* ---- names and values: functions of small numbers ---- */

int um_name(int i, char *buf)
{
	static const u8 more[] = { 0, 3, 8, 14, 20, 40, 90, 200, 238 };
	int n = sprintf(buf, "n%d", i), pad = more[i * 7 % ARRAY_SIZE(more)];

	memset(buf + n, 'a' + i % 26, pad);
	buf[n + pad] = 0;
	return n + pad;
}

int um_xname(int i, char *buf)
{
	int n = sprintf(buf, "x%d", i), pad = i % 5 == 4 ? 180 : i % 3 * 9;

	memset(buf + n, 'A' + i, pad);
	buf[n + pad] = 0;
	return n + pad;
}

void um_fill(u8 *p, u32 len, u32 seed)
{
	u32 i, x = seed * 2654435761u + 12345;

	for (i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = x >> 24;
	}
}

void um_target(char *p, u32 len, u32 seed)
{
	u32 i;

	um_fill((u8 *)p, len, seed);
	for (i = 0; i < len; i++)
		p[i] = 'a' + (u8)p[i] % 26;
	p[len] = 0;
}

/* ---- states ---- */

static struct um_inode *inode_put(struct um_inode *m)
{
	if (m && !--m->ref) {
		free(m->ents);
		free(m->x);
		free(m->tag);
		free(m);
	}
	return NULL;
}

static void state_free(struct um_state *s)
{
	u32 i;

	for (i = 0; s && i < s->n; i++)
		inode_put(s->ino[i]);
	free(s);
}

static struct um_state *state_copy(const struct um_state *s, u32 room)
{
	struct um_state *d = calloc(1, sizeof(*d) + (s->n + room) * sizeof(d->ino[0]));
	u32 i;

	d->n = s->n + room;
	for (i = 0; i < s->n; i++) {
		d->ino[i] = s->ino[i];
		if (d->ino[i])
			d->ino[i]->ref++;
	}
	return d;
}

static void *dup(const void *p, size_t n)
{
	void *d;

	if (!n)
		return NULL;
	d = malloc(n);
	memcpy(d, p, n);
	return d;
}

/* a private copy of one inode in a state, to change it */
static struct um_inode *edit(struct um_state *s, u32 id)
{
	struct um_inode *m = s->ino[id], *d;

	if (m->ref == 1)
		return m;
	d = dup(m, sizeof(*m));
	d->ref = 1;
	d->ents = dup(m->ents, m->nents * sizeof(*m->ents));
	d->x = dup(m->x, m->nx * sizeof(*m->x));
	d->tag = dup(m->tag, m->nblk * sizeof(*m->tag));
	m->ref--;
	s->ino[id] = d;
	return d;
}

static struct um_inode *make(struct um_state *s, u32 id, umode_t mode)
{
	struct um_inode *m = calloc(1, sizeof(*m));

	m->ref = 1;
	m->id = id;
	m->mode = mode;
	m->nlink = S_ISDIR(mode) ? 2 : 1;
	s->ino[id] = m;
	return m;
}

static int find(const struct um_inode *d, u32 name)
{
	u32 i;

	for (i = 0; i < d->nents; i++)
		if (d->ents[i].name == name)
			return i;
	return -1;
}

static void add_ent(struct um_inode *d, u32 name, u32 id)
{
	d->ents = realloc(d->ents, (d->nents + 1) * sizeof(*d->ents));
	d->ents[d->nents++] = (struct um_ent){ .id = id, .name = name };
}

static void del_ent(struct um_inode *d, u32 name)
{
	d->ents[find(d, name)] = d->ents[d->nents - 1];
	d->nents--;
}

static void set_blocks(struct um_inode *m, u32 n)
{
	if (n > m->nblk) {
		m->tag = realloc(m->tag, n * sizeof(*m->tag));
		memset(m->tag + m->nblk, 0, (n - m->nblk) * sizeof(*m->tag));
	}
	m->nblk = n;
}

static u32 blocks_of(u64 size, u32 bs) { return (size + bs - 1) / bs; }

/* ---- operations ---- */

static const char * const op_names[] = {
	"create", "mkdir", "symlink", "link", "unlink", "rmdir", "rename", "exchange", "tmpfile", "release",
	"write", "truncate", "alloc", "punch", "collapse", "insert", "setxattr", "rmxattr", "setattr", "fsync",
	"force", "push", "pressure", "pause"
};
const char *um_opname(int op) { return op < OP_MAX ? op_names[op] : NULL; }
static const u8 weights[OP_MAX] = {
	12, 3, 4, 4, 9, 3, 8, 3, 2, 3,
	22, 5, 4, 5, 3, 3, 8, 4, 4, 7,
	4, 1, 2, 1
};

static u32 pick(struct um_user *u, const struct um_state *s, bool (*ok)(const struct um_inode *m))
{
	u32 i, start = rnd(u, s->n);

	for (i = 0; i < s->n; i++) {
		u32 id = (start + i) % s->n;

		if (s->ino[id] && ok(s->ino[id]))
			return id;
	}
	return UM_IDS;
}

static bool is_dir(const struct um_inode *m) { return S_ISDIR(m->mode); }
static bool is_linked_dir(const struct um_inode *m) { return S_ISDIR(m->mode) && m->nlink; }
static bool is_reg(const struct um_inode *m) { return S_ISREG(m->mode); }
static bool has_ents(const struct um_inode *m) { return S_ISDIR(m->mode) && m->nlink && m->nents; }
static bool is_leaf(const struct um_inode *m) { return !S_ISDIR(m->mode); }
static bool is_unlinked(const struct um_inode *m) { return !m->nlink; }
static bool has_x(const struct um_inode *m) { return m->nx > 0; }
static bool is_any(const struct um_inode *m) { return m->nlink > 0 || S_ISREG(m->mode); }

static bool below(const struct um_state *s, u32 id, u32 top)
{
	while (id && id != top)
		id = s->ino[id]->parent;
	return id == top;
}

static u32 free_name(struct um_user *u, const struct um_inode *d)
{
	u32 i, n, start = rnd(u, UM_NAMES), lim = um_small ? 60 : UM_NAMES;

	for (i = 0; i < lim; i++) {
		n = (start + i) % lim;
		if (find(d, n) < 0)
			return n;
	}
	return UM_NAMES;
}

static u32 count_kind(const struct um_state *s, bool dirs)
{
	u32 i, n = 0;

	for (i = 0; i < s->n; i++)
		n += s->ino[i] && is_dir(s->ino[i]) == dirs;
	return n;
}

/* Fill in a possible operation of this kind; false = there is none. */
static bool gen(struct um_user *u, const struct um_state *s, struct op *o)
{
	u32 bs = u->mp->sb.blocksize, nb, i;
	const struct um_inode *d, *m;

	switch (o->kind) {
	case OP_CREATE:
	case OP_MKDIR:
	case OP_SYMLINK:
	case OP_TMPFILE:
		if (count_kind(s, o->kind == OP_MKDIR) > (o->kind == OP_MKDIR ? 10 : 120) || u->next_id >= UM_IDS)
			return false;
		o->dir = pick(u, s, is_linked_dir);
		o->name = free_name(u, s->ino[o->dir]);
		if (o->name == UM_NAMES)
			return false;
		o->id = u->next_id;
		o->mode = o->kind == OP_MKDIR ? S_IFDIR | 0755 : o->kind == OP_SYMLINK ? S_IFLNK | 0777 :
			  rnd(u, 12) || o->kind == OP_TMPFILE ? S_IFREG | 0644 : S_IFCHR | 0600;
		o->len = rnd(u, 3) ? 1 + rnd(u, 60) : 1 + rnd(u, 1023);
		o->seed = rnd(u, 1 << 20);
		o->flag = !rnd(u, 3);
		return true;
	case OP_LINK:
		o->id = rnd(u, 3) ? pick(u, s, is_leaf) : pick(u, s, is_unlinked);
		if (o->id == UM_IDS || is_dir(s->ino[o->id]))
			return false;
		o->dir = pick(u, s, is_linked_dir);
		o->name = free_name(u, s->ino[o->dir]);
		return o->name != UM_NAMES;
	case OP_UNLINK:
	case OP_RMDIR:
		o->dir = pick(u, s, has_ents);
		if (o->dir == UM_IDS)
			return false;
		d = s->ino[o->dir];
		i = rnd(u, d->nents);
		o->name = d->ents[i].name;
		o->id = d->ents[i].id;
		o->flag = !rnd(u, 6);		/* it is open */
		if (is_dir(s->ino[o->id]) != (o->kind == OP_RMDIR))
			return false;
		return o->kind == OP_UNLINK || !s->ino[o->id]->nents;
	case OP_RENAME:
	case OP_EXCHANGE:
		o->dir = pick(u, s, has_ents);
		if (o->dir == UM_IDS)
			return false;
		d = s->ino[o->dir];
		i = rnd(u, d->nents);
		o->name = d->ents[i].name;
		o->id = d->ents[i].id;
		if (o->kind == OP_EXCHANGE || !rnd(u, 3)) {
			o->dir2 = pick(u, s, has_ents);
			d = s->ino[o->dir2];
			i = rnd(u, d->nents);
			o->name2 = d->ents[i].name;
			o->id2 = d->ents[i].id;
			if (o->id2 == o->id)
				return false;
			if (o->kind == OP_RENAME && (is_dir(s->ino[o->id]) != is_dir(s->ino[o->id2]) ||
						     s->ino[o->id2]->nents))
				return false;
			if (o->kind == OP_EXCHANGE && is_dir(s->ino[o->id2]) && below(s, o->dir, o->id2))
				return false;
		} else {
			o->dir2 = pick(u, s, is_linked_dir);
			o->name2 = free_name(u, s->ino[o->dir2]);
			if (o->name2 == UM_NAMES)
				return false;
		}
		if (o->kind == OP_RENAME && !rnd(u, 5) && u->next_id < UM_IDS)
			o->wid = u->next_id;
		return !is_dir(s->ino[o->id]) || !below(s, o->dir2, o->id);
	case OP_RELEASE:
		o->id = pick(u, s, is_unlinked);
		return o->id != UM_IDS && u->held[o->id];
	case OP_WRITE:
	case OP_TRUNC:
	case OP_ALLOC:
	case OP_PUNCH:
	case OP_COLLAPSE:
	case OP_INSERT:
		o->id = pick(u, s, is_reg);
		if (o->id == UM_IDS)
			return false;
		m = s->ino[o->id];
		nb = m->nblk;
		/* most files stay small, some fragment */
		i = o->id % 4 == 0 ? 200 : 30;
		o->blk = rnd(u, 3) ? rnd(u, i) : nb;
		o->n = rnd(u, 3) ? 1 + rnd(u, 3) : 1 + rnd(u, 24);
		o->flag = rnd(u, 3) == 0;
		if (o->kind == OP_WRITE) {
			if (o->blk + o->n > UM_BLOCKS)
				return false;
			o->size = (u64)(o->blk + o->n) * bs - (rnd(u, 2) ? rnd(u, bs) : 0);
			o->seed = ((u32)u->id << 28) | o->id << 16 | (++u->seq & 0xffff);
			return true;
		}
		if (o->kind == OP_TRUNC) {
			o->size = rnd(u, 4) ? rnd(u, m->size + bs) : rnd(u, i * bs);
			return true;
		}
		if (o->kind == OP_ALLOC)
			return o->blk + o->n <= UM_BLOCKS;
		if (!nb)
			return false;
		if (o->kind == OP_PUNCH) {
			o->blk = rnd(u, nb);
			return true;
		}
		o->blk = rnd(u, m->size / bs + 1);
		if (o->kind == OP_COLLAPSE) {
			if ((u64)(o->blk + o->n) * bs >= m->size)
				return false;
			o->size = m->size - (u64)o->n * bs;
			return true;
		}
		if ((u64)o->blk * bs >= m->size || nb + o->n > UM_BLOCKS)
			return false;
		o->size = m->size + (u64)o->n * bs;
		return true;
	case OP_SETX:
		o->id = pick(u, s, is_any);
		o->xname = rnd(u, rnd(u, 4) ? 5 : UM_XNAMES);
		o->nsp = o->xname % 3 == 0 ? DX_ATTR_ROOT : o->xname % 3 == 1 ? DX_ATTR_SECURE : 0;
		i = rnd(u, um_small ? 10 : 16);
		o->len = i < 10 ? rnd(u, 100) : i < 13 ? rnd(u, 1200) : i < 15 ? rnd(u, 6000) : rnd(u, 65537);
		o->seed = rnd(u, 1 << 20);
		return true;
	case OP_RMX:
		o->id = pick(u, s, has_x);
		if (o->id == UM_IDS)
			return false;
		m = s->ino[o->id];
		if (!m->nlink && !is_reg(m))
			return false;
		i = rnd(u, m->nx);
		o->xname = m->x[i].name;
		o->nsp = m->x[i].nsp;
		return true;
	case OP_SETATTR:
		o->id = pick(u, s, is_any);
		o->seed = 1 + rnd(u, 60000);
		return true;
	case OP_FSYNC:
		o->id = rnd(u, 4) ? pick(u, s, is_reg) : pick(u, s, is_any);
		o->flag = !rnd(u, 3);
		return o->id != UM_IDS;
	case OP_PUSH:
	case OP_PRESSURE:
	case OP_PAUSE:
		return !um_calm;
	default:
		return true;
	}
}

static void touched(struct um_state *s, u32 id, u32 op, bool data)
{
	struct um_inode *m = edit(s, id);

	m->last_op = op;
	if (data)
		m->last_dop = op;
}

static void drop_link(struct um_user *u, struct um_state *s, u32 id, bool dir, bool held)
{
	struct um_inode *m = edit(s, id);

	m->nlink -= dir ? 2 : 1;
	if (!m->nlink && !held)
		s->ino[id] = inode_put(m);
}

/* What the operation makes of a state. */
static struct um_state *apply(struct um_user *u, const struct um_state *old, const struct op *o, u32 bs)
{
	bool makes = o->kind <= OP_SYMLINK || o->kind == OP_TMPFILE;
	u32 fresh = makes ? o->id : o->wid;
	struct um_state *s = state_copy(old, fresh ? fresh + 1 - old->n : 0);
	u32 now = u->done + 1, i, nb;
	struct um_inode *m, *d;
	u8 *val;

	switch (o->kind) {
	case OP_CREATE:
	case OP_MKDIR:
	case OP_SYMLINK:
	case OP_TMPFILE:
		m = make(s, o->id, o->mode);
		m->last_op = m->last_dop = now;
		m->uid = o->seed % 1000;
		if (o->kind == OP_SYMLINK) {
			m->tgt_len = m->size = o->len;
			m->tgt_seed = o->seed;
		}
		if (o->kind == OP_TMPFILE) {
			m->nlink = 0;
			break;
		}
		d = edit(s, o->dir);
		d->last_op = now;
		add_ent(d, o->name, o->id);
		if (o->kind == OP_MKDIR) {
			d->nlink++;
			m->parent = o->dir;
		}
		break;
	case OP_LINK:
		add_ent(edit(s, o->dir), o->name, o->id);
		edit(s, o->id)->nlink++;
		touched(s, o->dir, now, false);
		touched(s, o->id, now, false);
		break;
	case OP_UNLINK:
	case OP_RMDIR:
		touched(s, o->dir, now, false);
		touched(s, o->id, now, false);
		del_ent(edit(s, o->dir), o->name);
		if (o->kind == OP_RMDIR)
			edit(s, o->dir)->nlink--;
		drop_link(u, s, o->id, o->kind == OP_RMDIR, u->held[o->id] || o->flag);
		break;
	case OP_RENAME:
	case OP_EXCHANGE:
		touched(s, o->dir, now, false);
		touched(s, o->dir2, now, false);
		touched(s, o->id, now, false);
		if (o->id2)
			touched(s, o->id2, now, false);
		if (o->kind == OP_EXCHANGE) {
			d = edit(s, o->dir);
			d->ents[find(d, o->name)].id = o->id2;
			d = edit(s, o->dir2);
			d->ents[find(d, o->name2)].id = o->id;
			if (is_dir(s->ino[o->id2])) {
				edit(s, o->dir2)->nlink--;
				edit(s, o->dir)->nlink++;
				edit(s, o->id2)->parent = o->dir;
			}
			if (is_dir(s->ino[o->id])) {
				edit(s, o->dir)->nlink--;
				edit(s, o->dir2)->nlink++;
				edit(s, o->id)->parent = o->dir2;
			}
			break;
		}
		if (o->id2) {
			bool dir = is_dir(s->ino[o->id2]);

			del_ent(edit(s, o->dir2), o->name2);
			if (dir)
				edit(s, o->dir2)->nlink--;
			drop_link(u, s, o->id2, dir, u->held[o->id2] != NULL);
		}
		del_ent(edit(s, o->dir), o->name);
		add_ent(edit(s, o->dir2), o->name2, o->id);
		if (is_dir(s->ino[o->id])) {
			edit(s, o->dir)->nlink--;
			edit(s, o->dir2)->nlink++;
			edit(s, o->id)->parent = o->dir2;
		}
		if (o->wid) {
			make(s, o->wid, S_IFCHR)->last_op = now;
			add_ent(edit(s, o->dir), o->name, o->wid);
		}
		break;
	case OP_RELEASE:
		s->ino[o->id] = inode_put(s->ino[o->id]);
		break;
	case OP_WRITE:
		m = edit(s, o->id);
		/* in place it leaves no trace in the log, and a sync of the file need not force what was before */
		for (i = o->blk; i < o->blk + o->n && i < m->nblk && m->tag[i]; i++)
			;
		if (i < o->blk + o->n || o->size > m->size)
			touched(s, o->id, now, true);
		if (o->size > m->size)
			m->size = o->size;
		set_blocks(m, blocks_of(m->size, bs));
		for (i = o->blk; i < o->blk + o->n; i++)
			m->tag[i] = o->seed;
		break;
	case OP_TRUNC:
		m = edit(s, o->id);
		touched(s, o->id, now, true);
		m->size = o->size;
		set_blocks(m, blocks_of(m->size, bs));
		break;
	case OP_ALLOC:
		break;
	case OP_PUNCH:
		m = edit(s, o->id);	/* perhaps of nothing */
		for (i = o->blk; i < o->blk + o->n && i < m->nblk; i++)
			m->tag[i] = 0;
		break;
	case OP_COLLAPSE:
		m = edit(s, o->id);
		touched(s, o->id, now, true);
		m->size = o->size;
		memmove(m->tag + o->blk, m->tag + o->blk + o->n, (m->nblk - o->blk - o->n) * sizeof(*m->tag));
		set_blocks(m, m->nblk - o->n);
		break;
	case OP_INSERT:
		m = edit(s, o->id);
		touched(s, o->id, now, true);
		m->size = o->size;
		nb = m->nblk;
		set_blocks(m, nb + o->n);
		memmove(m->tag + o->blk + o->n, m->tag + o->blk, (nb - o->blk) * sizeof(*m->tag));
		memset(m->tag + o->blk, 0, o->n * sizeof(*m->tag));
		break;
	case OP_SETX:
	case OP_RMX:
		m = edit(s, o->id);
		touched(s, o->id, now, false);
		for (i = 0; i < m->nx && m->x[i].name != o->xname; i++)
			;
		if (o->kind == OP_RMX) {
			m->x[i] = m->x[--m->nx];
			break;
		}
		if (i == m->nx)
			m->x = realloc(m->x, ++m->nx * sizeof(*m->x));
		m->x[i] = (struct um_xattr){ .name = o->xname, .nsp = o->nsp, .len = o->len, .seed = o->seed };
		val = malloc(o->len + 1);
		um_fill(val, o->len, o->seed);
		m->x[i].crc = crc32c(~0u, val, o->len);
		free(val);
		break;
	case OP_SETATTR:
		touched(s, o->id, now, false);
		edit(s, o->id)->uid = o->seed;
		break;
	}
	return s;
}

/* Blocks whose content a crash may leave old or new. */
static void weaken(struct um_user *u, const struct um_state *s, const struct op *o)
{
	const struct um_inode *m;
	u8 *w = u->weak[o->id];
	u32 i;

	if (o->kind != OP_WRITE && o->kind != OP_COLLAPSE && o->kind != OP_INSERT)
		return;
	m = s->ino[o->id];
	if (!w)
		w = u->weak[o->id] = calloc(1, UM_BLOCKS + 2);
	if (o->kind == OP_WRITE) {
		for (i = o->blk; i < o->blk + o->n && i < m->nblk; i++) {
			if (!m->tag[i])
				continue;
			w[i] = 1;
			w[UM_BLOCKS] |= w[UM_BLOCKS + 1];
		}
	} else {
		/* an older state knows the same blocks elsewhere */
		w[UM_BLOCKS + 1] = 1;
		w[UM_BLOCKS] |= !!memchr(w, 1, UM_BLOCKS);
	}
}

static bool one_op(struct um_user *u)
{
	const struct um_state *s = u->st[u->done];
	u32 total = 0, i, r;
	struct op o = { };
	int error, tries;

	for (i = 0; i < OP_MAX; i++)
		total += weights[i];
	for (tries = 0; tries < 50; tries++) {
		memset(&o, 0, sizeof(o));
		r = rnd(u, total);
		for (i = 0; r >= weights[i]; i++)
			r -= weights[i];
		o.kind = i;
		if (gen(u, s, &o))
			break;
	}
	if (tries == 50)
		return true;
	u->what = op_names[o.kind];
	if (um_trace)
		printf("  [%u] user %d op %u %s: dir %u name %u id %u; dir2 %u name2 %u id2 %u wid %u; blk %u+%u size %llu len %u x %u flag %d (inode %llu)\n",
		       u->forced, u->id, u->done + 1, u->what, o.dir, o.name, o.id, o.dir2, o.name2, o.id2, o.wid, o.blk, o.n,
		       (unsigned long long)o.size, o.len, o.xname, o.flag, (unsigned long long)u->fsino[o.id]);
	if (o.kind <= OP_SYMLINK || o.kind == OP_TMPFILE || o.wid)
		u->next_id++;
	if (o.kind < OP_FSYNC) {
		if (u->done + 2 > u->cap) {
			u->cap = u->cap * 2 + 16;
			u->st = realloc(u->st, u->cap * sizeof(*u->st));
			u->moved = realloc(u->moved, u->cap * sizeof(*u->moved));
		}
		u->st[u->done + 1] = apply(u, s, &o, u->mp->sb.blocksize);
		weaken(u, s, &o);
		u->moved[u->done + 1] = o.kind == OP_COLLAPSE || o.kind == OP_INSERT ? o.id : 0;
		u->busy = true;
	}
	error = um_do_op(u, &o);
	um_count[o.kind]++;
	if (error) {
		if (error != -ENOSPC || !um_full) {
			if (um_trace)
				printf("  user %d op %u %s: error %d\n", u->id, u->done + 1, u->what, error);
			u->error = error;
			return false;
		}
		if (u->busy) {
			/* an insertion that found no space has moved the size already */
			if (u->moved[u->done + 1]) {
				u->error = -ENOSPC;
				return false;
			}
			u->busy = false;
			state_free(u->st[u->done + 1]);
		}
		return true;
	}
	if (u->busy) {
		u->done++;
		u->busy = false;
		return true;
	}
	if (o.kind == OP_FSYNC && s->ino[o.id]) {
		u->forced = max(u->forced, o.flag ? s->ino[o.id]->last_dop : s->ino[o.id]->last_op);
		u->fsynced[o.id] = u->done;
	}
	return true;
}

static int user_fiber(void *arg)
{
	struct um_user *u = arg;
	u32 i;

	for (i = 0; i < u->nops; i++)
		if (!one_op(u))
			break;
	return u->error;
}

/**
 * um_run - let every user do operations
 * @mp: mount
 * @nops: for each
 * @nfibers: 1 = one user after the other; more = all at once
 *
 * Return: the error that ended one of them, or 0.
 */
int um_run(struct dx_mount *mp, u32 nops, int nfibers)
{
	struct host_fiber *f[UM_USERS];
	int i, error = 0;

	for (i = 0; i < um_nusers; i++) {
		um_users[i].mp = mp;
		um_users[i].nops = nops;
		um_users[i].error = 0;
	}
	for (i = 0; i < um_nusers && nfibers > 1; i++)
		f[i] = host_spawn(user_fiber, &um_users[i], "user");
	for (i = 0; i < um_nusers; i++) {
		int e = nfibers > 1 ? host_join(f[i]) : user_fiber(&um_users[i]);

		if (!error)
			error = e;
	}
	return error;
}

void um_drop_held(void)
{
	int i, id;

	for (i = 0; i < um_nusers; i++) {
		struct um_user *u = &um_users[i];

		for (id = 0; id < u->next_id; id++) {
			if (!u->held[id])
				continue;
			dx_idrop(u->held[id]);
			u->held[id] = NULL;
		}
	}
}

/* ---- life ---- */

/* Keep one state as the first; what is unlinked is gone with the mount. */
static void begin_at(struct um_user *u, struct um_state *s)
{
	u32 i;

	for (i = 0; i <= u->done + u->busy && u->st; i++)
		state_free(u->st[i]);
	free(u->st);
	free(u->moved);
	for (i = 0; i < UM_IDS; i++) {
		free(u->weak[i]);
		u->weak[i] = NULL;
		u->held[i] = NULL;
		u->fsynced[i] = 0;
	}
	for (i = 0; i < s->n; i++) {
		if (s->ino[i] && !s->ino[i]->nlink)
			s->ino[i] = inode_put(s->ino[i]);
		if (s->ino[i]) {
			edit(s, i)->last_op = 0;
			edit(s, i)->last_dop = 0;
		}
	}
	u->cap = 64;
	u->st = calloc(u->cap, sizeof(*u->st));
	u->moved = calloc(u->cap, sizeof(*u->moved));
	u->st[0] = s;
	u->done = u->forced = 0;
	u->busy = false;
	u->error = 0;
}

void um_reset(int nusers)
{
	int i;

	um_nusers = nusers;
	for (i = 0; i < nusers; i++) {
		struct um_user *u = &um_users[i];
		struct um_state *s = calloc(1, sizeof(*s) + sizeof(s->ino[0]));

		s->n = 1;
		make(s, 0, S_IFDIR | 0755);
		u->id = i;
		u->next_id = 1;
		u->seq = 0;
		memset(u->fsino, 0, sizeof(u->fsino));
		begin_at(u, s);
	}
}

void um_rebase(u64 seed)
{
	int i;

	for (i = 0; i < um_nusers; i++) {
		struct um_user *u = &um_users[i];

		begin_at(u, state_copy(u->st[u->done], 0));
		u->rnd = seed * 1000003 + i;
	}
}

void um_save(void)
{
	int i;

	for (i = 0; i < um_nusers; i++) {
		struct um_user *u = &um_users[i];

		state_free(saved_st[i]);
		saved_st[i] = state_copy(u->st[u->done], 0);
		memcpy(saved_ino[i], u->fsino, sizeof(u->fsino));
		saved_next[i] = u->next_id;
		saved_seq[i] = u->seq;
	}
}

void um_load(u64 seed)
{
	int i;

	for (i = 0; i < um_nusers; i++) {
		struct um_user *u = &um_users[i];

		begin_at(u, state_copy(saved_st[i], 0));
		memcpy(u->fsino, saved_ino[i], sizeof(u->fsino));
		u->next_id = saved_next[i];
		u->seq = saved_seq[i];
		u->rnd = seed * 1000003 + i;
	}
}

/**
 * um_attach - find or make the directories of the users
 * @mp: mount
 * @create: make them
 *
 * Return: 0 or -errno.
 */
int um_attach(struct dx_mount *mp, bool create)
{
	int i, error;

	for (i = 0; i < um_nusers; i++) {
		struct dx_create_args a = { .mode = S_IFDIR | 0755 };
		struct dx_inode *ip;
		char buf[16];
		struct dx_name n = { .name = (u8 *)buf, .len = sprintf(buf, "u%d", i), .ftype = DX_DIR3_FT_DIR };

		um_users[i].mp = mp;
		if (create) {
			error = dx_create(mp->rootip, &n, &a, &ip);
			if (error)
				return error;
			um_users[i].fsino[0] = ip->ino;
			dx_idrop(ip);
		} else {
			error = dx_lookup(mp->rootip, &n, &um_users[i].fsino[0], NULL);
			if (error)
				return error;
		}
	}
	return 0;
}
