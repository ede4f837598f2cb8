// SPDX-License-Identifier: GPL-2.0-only
/*
 * The in-core extent tree of one inode fork.
 *
 * A B+tree of packed 16-byte records, ordered by file offset.  Offsets are kept
 * relative: a record's to the base of its leaf, a child's base to the base of its
 * parent.  The root's base is 0.  Moving everything behind a point (collapse, insert) thus
 * touches one path of the tree and not every record.
 *
 * Invariants:
 *  - key[0] of every node is 0: the leftmost child has the base of its parent;
 *  - base(child i) <= startoff of every record below it < base(child i + 1);
 *  - no leaf and no node is empty; a tree of one leaf has a leaf just big enough.
 *
 * gen changes with every modification: it serves as the sequence number of the map.
 * Locking: the inode's ILOCK, shared to look, exclusive to change.  Memory is
 * allocated with __GFP_NOFAIL (a kilobyte at most), so changes cannot fail half way.
 */
#include "dx_fork.h"

#define NODE_BYTES	1024
#define HDR_BYTES	16
#define LEAF_MAX	((NODE_BYTES - HDR_BYTES) / 16)		/* 63 records */
#define NODE_MAX	((NODE_BYTES - HDR_BYTES) / 16)		/* 63 children */
#define LEAF_FIRST	3					/* a 64-byte leaf to begin with */
#define MAX_HEIGHT	8

/* hi: 54 bits offset, 10 bits startblock; lo: 42 bits startblock, 21 bits count, 1 bit state */
struct rec {
	u64	hi, lo;
};

struct leaf {
	u16		nr, cap;
	u32		pad;
	u64		pad2;
	struct rec	r[];
};

struct node {
	u16		nr, pad0;
	u32		pad1;
	u64		pad2;
	u64		key[NODE_MAX];
	void		*child[NODE_MAX];
};

/* a delayed extent: startblock bits above the low 20 all set, indlen in the low 20 */
#define INDLEN_BITS	20
#define SB_MASK		((1ULL << 52) - 1)
#define DELAY_MASK	(SB_MASK & ~((1ULL << INDLEN_BITS) - 1))

static inline u64 rec_off(const struct rec *r)
{
	return r->hi >> 10;
}

static void rec_pack(struct rec *r, u64 base, const struct dx_irec *i)
{
	u64 sb = i->startblock;

	if (dx_irec_is_delay(i))
		sb = DELAY_MASK | min_t(u32, i->indlen, (1u << INDLEN_BITS) - 1);
	r->hi = (i->startoff - base) << 10 | (sb >> 42 & 0x3ff);
	r->lo = sb << 22 | (i->blockcount & DX_BMBT_MAX_BLOCKCOUNT) << 1 |
		(i->state == DX_EXT_UNWRITTEN);
}

static void rec_unpack(const struct rec *r, u64 base, struct dx_irec *i)
{
	u64 sb = (r->hi & 0x3ff) << 42 | r->lo >> 22;

	i->startoff = base + rec_off(r);
	i->blockcount = r->lo >> 1 & DX_BMBT_MAX_BLOCKCOUNT;
	i->state = r->lo & 1 ? DX_EXT_UNWRITTEN : DX_EXT_NORM;
	i->indlen = 0;
	i->startblock = sb;
	if ((sb & DELAY_MASK) == DELAY_MASK) {
		i->startblock = DX_DELAYSTARTBLOCK;
		i->indlen = sb & ~DELAY_MASK;
	}
}

static inline u64 rec_len(const struct rec *r)
{
	return r->lo >> 1 & DX_BMBT_MAX_BLOCKCOUNT;
}

static struct leaf *leaf_alloc(unsigned int cap)
{
	struct leaf *l = kmalloc(HDR_BYTES + cap * sizeof(struct rec), GFP_NOFS | __GFP_NOFAIL);

	l->nr = 0;
	l->cap = cap;
	return l;
}

static struct node *node_alloc(void)
{
	struct node *n = kmalloc(sizeof(*n), GFP_NOFS | __GFP_NOFAIL);

	BUILD_BUG_ON(sizeof(*n) > NODE_BYTES);
	n->nr = 0;
	return n;
}

/* ---- positions ---------------------------------------------------------- */

/* last child whose key is <= rel */
static unsigned int node_search(const struct node *n, u64 rel)
{
	unsigned int lo = 0, hi = n->nr;

	while (hi - lo > 1) {
		unsigned int mid = (lo + hi) / 2;

		if (n->key[mid] <= rel)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* first record whose offset is > rel */
static unsigned int leaf_search(const struct leaf *l, u64 rel)
{
	unsigned int lo = 0, hi = l->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (rec_off(&l->r[mid]) <= rel)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Path to the leaf that covers @off; cur->pos is left to the caller. */
static struct leaf *descend(struct dx_iext_tree *t, u64 off, struct dx_iext_cur *cur)
{
	void *p = t->root;
	u32 l;

	cur->base = 0;
	for (l = 0; l + 1 < t->height; l++) {
		struct node *n = p;
		unsigned int i = node_search(n, off - cur->base);

		cur->path[l] = n;
		cur->idx[l] = i;
		cur->base += n->key[i];
		p = n->child[i];
	}
	cur->leaf = p;
	cur->gen = t->gen;
	return p;
}

/* Down the left (or right) edge from the child chosen at depth @l. */
static void descend_edge(struct dx_iext_tree *t, struct dx_iext_cur *cur, u32 l, bool right)
{
	for (;; l++) {
		struct node *n = cur->path[l];
		void *c = n->child[cur->idx[l]];

		cur->base += n->key[cur->idx[l]];
		if (l + 2 == t->height) {
			cur->leaf = c;
			return;
		}
		cur->path[l + 1] = c;
		cur->idx[l + 1] = right ? ((struct node *)c)->nr - 1 : 0;
	}
}

/* Neighbouring leaf; false (cursor unchanged) at the edge of the tree. */
static bool step_leaf(struct dx_iext_tree *t, struct dx_iext_cur *cur, bool right)
{
	u64 base = cur->base;
	int l;

	for (l = (int)t->height - 2; l >= 0; l--) {
		struct node *n = cur->path[l];

		base -= n->key[cur->idx[l]];
		if (right ? cur->idx[l] + 1 < n->nr : cur->idx[l] > 0) {
			cur->idx[l] += right ? 1 : -1;
			cur->base = base;
			descend_edge(t, cur, l, !right);
			return true;
		}
	}
	return false;
}

/* ---- init, statistics ----------------------------------------------------- */

/**
 * dx_iext_init - make an empty tree.
 * @t: the tree; its gen is kept, so that a fork that is read in again never repeats a sequence.
 */
void dx_iext_init(struct dx_iext_tree *t)
{
	t->root = NULL;
	t->nr = 0;
	t->height = 0;
}

static void free_subtree(void *p, u32 height)
{
	if (height > 1) {
		struct node *n = p;
		unsigned int i;

		for (i = 0; i < n->nr; i++)
			free_subtree(n->child[i], height - 1);
	}
	kfree(p);
}

/**
 * dx_iext_destroy - free every record; the tree is empty and usable afterwards.
 * @t: the tree
 */
void dx_iext_destroy(struct dx_iext_tree *t)
{
	if (t->root)
		free_subtree(t->root, t->height);
	dx_iext_init(t);
	t->gen++;
}

/**
 * dx_iext_count - number of records, real and delayed.
 * @t: the tree
 */
u64 dx_iext_count(const struct dx_iext_tree *t)
{
	return t->nr;
}

static size_t subtree_bytes(const void *p, u32 height)
{
	size_t sum = sizeof(struct node);
	unsigned int i;

	if (height == 1)
		return HDR_BYTES + ((const struct leaf *)p)->cap * sizeof(struct rec);
	for (i = 0; i < ((const struct node *)p)->nr; i++)
		sum += subtree_bytes(((const struct node *)p)->child[i], height - 1);
	return sum;
}

/**
 * dx_iext_bytes - memory that the tree takes, walking it.
 * @t: the tree
 */
size_t dx_iext_bytes(const struct dx_iext_tree *t)
{
	return t->root ? subtree_bytes(t->root, t->height) : 0;
}

/* ---- look ------------------------------------------------------------------ */

/**
 * dx_iext_get - read the record under a cursor.
 * @t: the tree
 * @cur: cursor
 * @rec: result
 *
 * Returns false when the cursor is on no record or older than the last change.
 */
bool dx_iext_get(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec)
{
	struct leaf *l = cur->leaf;

	if (!l || !t->root || WARN_ON_ONCE(cur->gen != t->gen) || cur->pos < 0 || cur->pos >= l->nr)
		return false;
	rec_unpack(&l->r[cur->pos], cur->base, rec);
	return true;
}

/**
 * dx_iext_next - step to the following extent.
 * @t: the tree
 * @cur: cursor, on an extent
 * @rec: result
 *
 * Returns false at the end (the cursor is then on nothing).
 */
bool dx_iext_next(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec)
{
	struct leaf *l = cur->leaf;

	if (!l || WARN_ON_ONCE(cur->gen != t->gen))
		return false;
	if (++cur->pos >= l->nr) {
		cur->pos = l->nr;
		if (!step_leaf(t, cur, true))
			return false;
		cur->pos = 0;
	}
	return dx_iext_get(t, cur, rec);
}

/**
 * dx_iext_prev - step to the extent before.
 * @t: the tree
 * @cur: cursor; may be on nothing behind the last extent
 * @rec: result
 *
 * Returns false at the beginning (the cursor is then on nothing).
 */
bool dx_iext_prev(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec)
{
	if (!cur->leaf || WARN_ON_ONCE(cur->gen != t->gen))
		return false;
	if (--cur->pos < 0) {
		cur->pos = -1;
		if (!step_leaf(t, cur, false))
			return false;
		cur->pos = ((struct leaf *)cur->leaf)->nr - 1;
	}
	return dx_iext_get(t, cur, rec);
}

/*
 * No record of the leaf begins at @off or before: the extent around it may be the last one of the leaf before.  By itself, for
 * kernels that zero what is on the stack would clear a second cursor in each lookup.
 */
static noinline bool lookup_at_edge(struct dx_iext_tree *t, dx_fileoff_t off, struct dx_iext_cur *cur, struct dx_irec *rec)
{
	struct dx_iext_cur before = *cur;

	before.pos = 0;
	if (dx_iext_prev(t, &before, rec) && rec->startoff + rec->blockcount > off) {
		*cur = before;
		return true;
	}
	cur->pos = 0;
	return dx_iext_get(t, cur, rec);
}

/**
 * dx_iext_lookup - first extent that ends after an offset.
 * @t: the tree
 * @off: offset, fsblocks
 * @cur: set to the extent; with no such extent, behind the last one (dx_iext_prev works)
 * @rec: result: contains @off or lies behind it
 *
 * Returns false when there is none.
 */
bool dx_iext_lookup(struct dx_iext_tree *t, dx_fileoff_t off, struct dx_iext_cur *cur,
		    struct dx_irec *rec)
{
	struct leaf *l;
	int pos;

	if (!t->root) {
		cur->leaf = NULL;
		cur->pos = 0;
		cur->gen = t->gen;
		return false;
	}
	l = descend(t, off, cur);
	pos = off < cur->base ? 0 : leaf_search(l, off - cur->base);
	cur->pos = pos - 1;
	if (pos > 0) {
		if (cur->base + rec_off(&l->r[pos - 1]) + rec_len(&l->r[pos - 1]) > off)
			return dx_iext_get(t, cur, rec);
		cur->pos = pos - 1;
		return dx_iext_next(t, cur, rec);
	}
	return lookup_at_edge(t, off, cur, rec);
}

/**
 * dx_iext_lookup_before - last extent that starts before an offset.
 * @t: the tree
 * @end: in: offset, fsblocks; out: the smaller of it and the end of the extent found
 * @cur: set to the extent
 * @rec: result
 *
 * Returns false when there is none.
 */
bool dx_iext_lookup_before(struct dx_iext_tree *t, dx_fileoff_t *end, struct dx_iext_cur *cur,
			   struct dx_irec *rec)
{
	struct leaf *l;

	cur->leaf = NULL;
	if (!t->root || !*end)
		return false;
	l = descend(t, *end - 1, cur);
	cur->pos = leaf_search(l, *end - 1 - cur->base);
	if (!dx_iext_prev(t, cur, rec))
		return false;
	*end = min(*end, rec->startoff + rec->blockcount);
	return true;
}

/**
 * dx_iext_first - the first extent.
 * @t: the tree
 * @cur: set to it
 * @rec: result
 *
 * Returns false when the tree is empty.
 */
bool dx_iext_first(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec)
{
	return dx_iext_lookup(t, 0, cur, rec);
}

/**
 * dx_iext_last - the last extent.
 * @t: the tree
 * @cur: set to it
 * @rec: result
 *
 * Returns false when the tree is empty.
 */
bool dx_iext_last(struct dx_iext_tree *t, struct dx_iext_cur *cur, struct dx_irec *rec)
{
	dx_fileoff_t end = DX_NULLFILEOFF;

	return dx_iext_lookup_before(t, &end, cur, rec);
}

/* ---- change ------------------------------------------------------------------ */

/* Raise the base of a subtree by @delta; what is in it keeps its absolute place. */
static void rebase(void *p, u32 height, s64 delta)
{
	unsigned int i;

	for (; height > 1; height--) {
		struct node *n = p;

		for (i = 1; i < n->nr; i++)
			n->key[i] -= delta;
		p = n->child[0];
	}
	for (i = 0; i < ((struct leaf *)p)->nr; i++)
		((struct leaf *)p)->r[i].hi -= (u64)delta << 10;
}

/* Move @k records from the end of @l (base @lb) to the front of @r (base @rb); returns @r's new base. */
static u64 leaf_move_right(struct leaf *l, u64 lb, struct leaf *r, u64 rb, unsigned int k)
{
	u64 nb = lb + rec_off(&l->r[l->nr - k]);
	unsigned int i;

	memmove(&r->r[k], &r->r[0], r->nr * sizeof(struct rec));
	for (i = k; i < r->nr + k; i++)
		r->r[i].hi += (rb - nb) << 10;
	memcpy(&r->r[0], &l->r[l->nr - k], k * sizeof(struct rec));
	for (i = 0; i < k; i++)
		r->r[i].hi -= (nb - lb) << 10;
	r->nr += k;
	l->nr -= k;
	return nb;
}

/* Move @k records from the front of @r to the end of @l; returns @r's new base (@r keeps at least one). */
static u64 leaf_move_left(struct leaf *l, u64 lb, struct leaf *r, u64 rb, unsigned int k)
{
	u64 step = k < r->nr ? rec_off(&r->r[k]) : 0;
	unsigned int i;

	memcpy(&l->r[l->nr], &r->r[0], k * sizeof(struct rec));
	for (i = l->nr; i < l->nr + k; i++)
		l->r[i].hi += (rb - lb) << 10;
	l->nr += k;
	r->nr -= k;
	memmove(&r->r[0], &r->r[k], r->nr * sizeof(struct rec));
	for (i = 0; i < r->nr; i++)
		r->r[i].hi -= step << 10;
	return rb + step;
}

/* absolute base of the node at depth @l of the path */
static u64 path_base(struct dx_iext_cur *cur, u32 l)
{
	u64 base = 0;
	u32 i;

	for (i = 0; i < l; i++)
		base += ((struct node *)cur->path[i])->key[cur->idx[i]];
	return base;
}

static bool path_is_rightmost(struct dx_iext_cur *cur, int l)
{
	for (; l >= 0; l--)
		if (cur->idx[l] + 1 != ((struct node *)cur->path[l])->nr)
			return false;
	return true;
}

static void node_put(struct node *n, unsigned int at, u64 key, void *child)
{
	memmove(&n->key[at + 1], &n->key[at], (n->nr - at) * sizeof(n->key[0]));
	memmove(&n->child[at + 1], &n->child[at], (n->nr - at) * sizeof(n->child[0]));
	n->key[at] = key;
	n->child[at] = child;
	n->nr++;
}

/* Hang @child (absolute base @abs) in behind position idx[l] of depth @l; splits upwards. */
static void node_insert(struct dx_iext_tree *t, struct dx_iext_cur *cur, int l, u64 abs, void *child)
{
	while (l >= 0) {
		struct node *n = cur->path[l], *r;
		u64 base = path_base(cur, l), rbase;
		unsigned int at = cur->idx[l] + 1, keep, i;

		if (n->nr < NODE_MAX) {
			node_put(n, at, abs - base, child);
			return;
		}
		r = node_alloc();
		/* appending at the right edge of the tree: leave full nodes behind */
		keep = at == n->nr && path_is_rightmost(cur, l - 1) ? n->nr : n->nr / 2;
		if (keep == n->nr) {
			rbase = abs;
			node_put(r, 0, 0, child);
		} else {
			u64 step = n->key[keep];

			rbase = base + step;
			r->nr = n->nr - keep;
			memcpy(r->key, &n->key[keep], r->nr * sizeof(r->key[0]));
			memcpy(r->child, &n->child[keep], r->nr * sizeof(r->child[0]));
			for (i = 0; i < r->nr; i++)
				r->key[i] -= step;
			n->nr = keep;
			if (at <= keep)
				node_put(n, at, abs - base, child);
			else
				node_put(r, at - keep, abs - rbase, child);
		}
		abs = rbase;
		child = r;
		l--;
	}
	{
		struct node *root = node_alloc();

		node_put(root, 0, 0, t->root);
		node_put(root, 1, abs, child);
		t->root = root;
		t->height++;
		WARN_ON_ONCE(t->height > MAX_HEIGHT);
	}
}

/*
 * The leaf under @cur is full: make room around cur->pos by growing it, passing records to
 * a neighbour under the same parent, or splitting.  The path is stale afterwards.
 */
static void make_room(struct dx_iext_tree *t, struct dx_iext_cur *cur)
{
	struct leaf *l = cur->leaf, *s;
	int pl = (int)t->height - 2;
	u64 nb;

	if (l->cap < LEAF_MAX) {
		unsigned int cap = min_t(unsigned int, l->cap * 2 + 1, LEAF_MAX);

		s = leaf_alloc(cap);
		memcpy(s->r, l->r, l->nr * sizeof(struct rec));
		s->nr = l->nr;
		kfree(l);
		t->root = s;
		return;
	}
	if (pl >= 0 && !(cur->pos == l->nr && path_is_rightmost(cur, pl))) {
		struct node *p = cur->path[pl];
		unsigned int i = cur->idx[pl];
		u64 pb = path_base(cur, pl);

		if (i + 1 < p->nr) {
			s = p->child[i + 1];
			if (s->nr <= LEAF_MAX - 8) {
				nb = leaf_move_right(l, cur->base, s, pb + p->key[i + 1],
						     (LEAF_MAX - s->nr) / 2);
				p->key[i + 1] = nb - pb;
				return;
			}
		}
		if (i > 0) {
			s = p->child[i - 1];
			if (s->nr <= LEAF_MAX - 8) {
				nb = leaf_move_left(s, pb + p->key[i - 1], l, cur->base,
						    (LEAF_MAX - s->nr) / 2);
				p->key[i] = nb - pb;
				return;
			}
		}
	}
	s = leaf_alloc(LEAF_MAX);
	nb = leaf_move_right(l, cur->base, s, 0, l->nr / 2);
	node_insert(t, cur, pl, nb, s);
}

/**
 * dx_iext_insert - add an extent.
 * @t: the tree
 * @cur: set to the new extent; need not be positioned before
 * @rec: the extent; must overlap none that is there
 *
 * Cannot fail.  Callers hold ILOCK exclusive.
 */
void dx_iext_insert(struct dx_iext_tree *t, struct dx_iext_cur *cur, const struct dx_irec *rec)
{
	struct leaf *l;

	t->gen++;
	if (!t->root) {
		t->root = leaf_alloc(LEAF_FIRST);
		t->height = 1;
	}
	l = descend(t, rec->startoff, cur);
	cur->pos = leaf_search(l, rec->startoff - cur->base);
	if (l->nr == LEAF_MAX && cur->pos == l->nr &&
	    path_is_rightmost(cur, (int)t->height - 2)) {
		/* append: a new leaf of its own leaves full ones behind */
		struct leaf *s = leaf_alloc(LEAF_MAX);

		rec_pack(&s->r[0], rec->startoff, rec);
		s->nr = 1;
		node_insert(t, cur, (int)t->height - 2, rec->startoff, s);
		t->nr++;
		descend(t, rec->startoff, cur);
		cur->pos = 0;
		return;
	}
	if (l->nr == l->cap) {
		make_room(t, cur);
		l = descend(t, rec->startoff, cur);
		cur->pos = leaf_search(l, rec->startoff - cur->base);
	}
	memmove(&l->r[cur->pos + 1], &l->r[cur->pos], (l->nr - cur->pos) * sizeof(struct rec));
	rec_pack(&l->r[cur->pos], cur->base, rec);
	l->nr++;
	t->nr++;
}

/* Take child idx[l] out of the node at depth @l, merging and shrinking upwards. */
static void node_remove(struct dx_iext_tree *t, struct dx_iext_cur *cur, int l, unsigned int at)
{
	for (;;) {
		struct node *n = cur->path[l], *p, *s;
		u32 below = t->height - l - 1;		/* height of the children */
		unsigned int i, k;

		n->nr--;
		memmove(&n->key[at], &n->key[at + 1], (n->nr - at) * sizeof(n->key[0]));
		memmove(&n->child[at], &n->child[at + 1], (n->nr - at) * sizeof(n->child[0]));
		if (at == 0 && n->nr) {
			rebase(n->child[0], below, -(s64)n->key[0]);
			n->key[0] = 0;
		}
		if (l == 0)
			break;
		p = cur->path[l - 1];
		i = cur->idx[l - 1];
		if (!n->nr) {
			kfree(n);
			at = i;
			l--;
			continue;
		}
		if (n->nr > NODE_MAX / 3)
			return;
		/* join with a neighbour under the same parent when the two fit well in one */
		if (i + 1 < p->nr && ((struct node *)p->child[i + 1])->nr + n->nr <= NODE_MAX * 3 / 4) {
			s = p->child[i + 1];
		} else if (i > 0 &&
			   ((struct node *)p->child[i - 1])->nr + n->nr <= NODE_MAX * 3 / 4) {
			s = n;
			n = p->child[--i];
		} else {
			return;
		}
		for (k = 0; k < s->nr; k++) {
			n->key[n->nr + k] = s->key[k] + (p->key[i + 1] - p->key[i]);
			n->child[n->nr + k] = s->child[k];
		}
		n->nr += s->nr;
		kfree(s);
		at = i + 1;
		l--;
	}
	while (t->height > 1 && ((struct node *)t->root)->nr == 1) {
		struct node *n = t->root;

		t->root = n->child[0];
		t->height--;
		kfree(n);
	}
}

/**
 * dx_iext_remove - remove the extent under the cursor.
 * @t: the tree
 * @cur: on the extent; left on the next one (or on nothing behind the last)
 */
void dx_iext_remove(struct dx_iext_tree *t, struct dx_iext_cur *cur)
{
	struct leaf *l = cur->leaf, *s;
	int pl = (int)t->height - 2;
	struct dx_irec next;
	struct node *p;
	unsigned int i;
	u64 off;

	if (!l || WARN_ON_ONCE(cur->gen != t->gen) || WARN_ON_ONCE(cur->pos < 0 || cur->pos >= l->nr))
		return;
	off = cur->base + rec_off(&l->r[cur->pos]);
	l->nr--;
	memmove(&l->r[cur->pos], &l->r[cur->pos + 1], (l->nr - cur->pos) * sizeof(struct rec));
	t->nr--;
	cur->gen = ++t->gen;

	if (!l->nr) {
		kfree(l);
		if (pl < 0) {
			dx_iext_init(t);
			cur->leaf = NULL;
			cur->pos = 0;
			return;
		}
		node_remove(t, cur, pl, cur->idx[pl]);
		goto reseat;
	}
	if (pl < 0) {
		if (l->cap > LEAF_FIRST && l->nr <= l->cap / 4) {
			s = leaf_alloc(l->cap / 2);
			memcpy(s->r, l->r, l->nr * sizeof(struct rec));
			s->nr = l->nr;
			kfree(l);
			t->root = s;
			cur->leaf = s;
		}
		return;
	}
	p = cur->path[pl];
	i = cur->idx[pl];
	if (l->nr <= LEAF_MAX / 3) {
		u64 pb = path_base(cur, pl);

		if (i + 1 < p->nr &&
		    ((struct leaf *)p->child[i + 1])->nr + l->nr <= LEAF_MAX * 3 / 4) {
			s = p->child[i + 1];
			leaf_move_left(l, pb + p->key[i], s, pb + p->key[i + 1], s->nr);
			kfree(s);
			node_remove(t, cur, pl, i + 1);
			goto reseat;
		}
		if (i > 0 && ((struct leaf *)p->child[i - 1])->nr + l->nr <= LEAF_MAX * 3 / 4) {
			s = p->child[i - 1];
			leaf_move_left(s, pb + p->key[i - 1], l, pb + p->key[i], l->nr);
			kfree(l);
			node_remove(t, cur, pl, i);
			goto reseat;
		}
	}
	if (cur->pos < l->nr)
		return;
reseat:
	dx_iext_lookup(t, off, cur, &next);
}

/**
 * dx_iext_update - replace the extent under the cursor.
 * @t: the tree
 * @cur: on the extent; stays on it
 * @rec: new contents; its place in the order must be the same
 */
void dx_iext_update(struct dx_iext_tree *t, struct dx_iext_cur *cur, const struct dx_irec *rec)
{
	struct leaf *l = cur->leaf;
	u64 old;

	if (!l || WARN_ON_ONCE(cur->gen != t->gen) || WARN_ON_ONCE(cur->pos < 0 || cur->pos >= l->nr))
		return;
	old = cur->base + rec_off(&l->r[cur->pos]);
	if (rec->startoff >= cur->base && (rec->startoff <= old || cur->pos + 1 < l->nr)) {
		rec_pack(&l->r[cur->pos], cur->base, rec);
		cur->gen = ++t->gen;
		return;
	}
	/* it may belong to another leaf now */
	dx_iext_remove(t, cur);
	dx_iext_insert(t, cur, rec);
}

/**
 * dx_iext_shift - move every extent that starts at or after a point.
 * @t: the tree
 * @from: offset, fsblocks
 * @delta: distance, fsblocks; a negative one must not run into the extent before
 *
 * O(fanout * height).  Cursors are invalid afterwards.
 */
void dx_iext_shift(struct dx_iext_tree *t, dx_fileoff_t from, s64 delta)
{
	struct dx_iext_cur cur;
	struct dx_irec rec, prev;
	struct leaf *l;
	unsigned int i;
	int lev, top;

	if (!dx_iext_lookup(t, from, &cur, &rec))
		return;
	if (rec.startoff < from && !dx_iext_next(t, &cur, &rec))
		return;
	if (delta < 0) {
		struct dx_iext_cur c = cur;
		u64 room = rec.startoff;

		if (dx_iext_prev(t, &c, &prev))
			room -= prev.startoff + prev.blockcount;
		if (WARN_ON_ONCE((u64)-delta > room))
			return;
	}
	t->gen++;
	top = -1;
	if (cur.pos == 0) {
		/*
		 * Whole subtrees move.  The topmost node in which the path bends right says
		 * which; its base must first be its first record's offset, or the moved base
		 * could fall among the records of the subtree before it.
		 */
		for (lev = (int)t->height - 2; lev >= 0; lev--) {
			struct node *n = cur.path[lev];
			u64 slack;

			i = cur.idx[lev];
			if (!i)
				continue;
			slack = rec.startoff - path_base(&cur, lev) - n->key[i];
			rebase(n->child[i], t->height - lev - 1, slack);
			n->key[i] += slack;
			for (; i < n->nr; i++)
				n->key[i] += delta;
			top = lev;
			break;
		}
	}
	if (top < 0) {
		l = cur.leaf;
		for (i = cur.pos; i < l->nr; i++)
			l->r[i].hi += (u64)delta << 10;
		top = (int)t->height - 1;
	}
	for (lev = top - 1; lev >= 0; lev--) {
		struct node *n = cur.path[lev];

		for (i = cur.idx[lev] + 1; i < n->nr; i++)
			n->key[i] += delta;
	}
}
