// SPDX-License-Identifier: GPL-2.0-only
/* Strings, bits, hashes, trees, tables, sorting, checksums, random numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include "host_int.h"
#include <linux/bitmap.h>
#include <linux/bsearch.h>
#include <linux/list_lru.h>
#include <linux/ctype.h>

/* ---- strings ---- */

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	for (; n; n--, b++)
		if (*b != (u8)c)
			return (void *)b;
	return NULL;
}

void *memscan(void *p, int c, size_t n)
{
	void *r = memchr(p, c, n);

	return r ? r : (char *)p + n;
}

ssize_t strscpy(char *dst, const char *src, size_t n)
{
	size_t i;

	if (!n)
		return -E2BIG;
	for (i = 0; i < n; i++) {
		dst[i] = src[i];
		if (!src[i])
			return i;
	}
	dst[n - 1] = 0;
	return -E2BIG;
}

ssize_t strscpy_pad(char *dst, const char *src, size_t n)
{
	ssize_t r = strscpy(dst, src, n);

	if (r >= 0)
		memset(dst + r, 0, n - r);
	return r;
}

size_t strlcpy(char *dst, const char *src, size_t n)
{
	strscpy(dst, src, n);
	return strlen(src);
}

char *skip_spaces(const char *s)
{
	while (isspace(*s))
		s++;
	return (char *)s;
}

char *strim(char *s)
{
	size_t n = strlen(s);

	while (n && isspace(s[n - 1]))
		s[--n] = 0;
	return skip_spaces(s);
}

char *strreplace(char *s, char o, char n)
{
	for (; *s; s++)
		if (*s == o)
			*s = n;
	return s;
}

bool sysfs_streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b || (!*a && *b == '\n' && !b[1]) || (*a == '\n' && !a[1] && !*b);
}

int match_string(const char *const *array, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n && array[i]; i++)
		if (!strcmp(array[i], s))
			return i;
	return -EINVAL;
}

size_t str_has_prefix(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) ? 0 : n;
}

void *kmemdup(const void *p, size_t n, gfp_t gfp)
{
	void *d = kmalloc(n, gfp);

	if (d)
		memcpy(d, p, n);
	return d;
}

void *kvmemdup(const void *p, size_t n, gfp_t gfp)
{
	void *d = kvmalloc(n, gfp);

	if (d)
		memcpy(d, p, n);
	return d;
}

char *kmemdup_nul(const char *s, size_t n, gfp_t gfp)
{
	char *d = kmalloc(n + 1, gfp);

	if (d) {
		memcpy(d, s, n);
		d[n] = 0;
	}
	return d;
}

char *kstrdup(const char *s, gfp_t gfp) { return s ? kmemdup_nul(s, strlen(s), gfp) : NULL; }
char *kstrndup(const char *s, size_t max, gfp_t gfp) { return s ? kmemdup_nul(s, strnlen(s, max), gfp) : NULL; }

static int strto(const char *s, unsigned int base, unsigned long long *res, bool *neg)
{
	char *end;

	*neg = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	if (!isxdigit(*s))
		return -EINVAL;
	errno = 0;
	*res = strtoull(s, &end, base);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end == '\n')
		end++;
	return *end ? -EINVAL : 0;
}

int kstrtoull(const char *s, unsigned int base, unsigned long long *res)
{
	unsigned long long v;
	bool neg;
	int e = strto(s, base, &v, &neg);

	if (e || neg)
		return e ? e : -EINVAL;
	*res = v;
	return 0;
}

int kstrtoll(const char *s, unsigned int base, long long *res)
{
	unsigned long long v;
	bool neg;
	int e = strto(s, base, &v, &neg);

	if (e)
		return e;
	if (v > (unsigned long long)LLONG_MAX + neg)
		return -ERANGE;
	*res = neg ? -v : v;
	return 0;
}

int kstrtouint(const char *s, unsigned int base, unsigned int *res)
{
	unsigned long long v;
	int e = kstrtoull(s, base, &v);

	if (e || v > UINT_MAX)
		return e ? e : -ERANGE;
	*res = v;
	return 0;
}

int kstrtoint(const char *s, unsigned int base, int *res)
{
	long long v;
	int e = kstrtoll(s, base, &v);

	if (e || v > INT_MAX || v < INT_MIN)
		return e ? e : -ERANGE;
	*res = v;
	return 0;
}

int kstrtobool(const char *s, bool *res)
{
	if (strchr("yYtT1", s[0]) && s[0])
		*res = true;
	else if (strchr("nNfF0", s[0]) && s[0])
		*res = false;
	else if ((s[0] == 'o' || s[0] == 'O') && s[1])
		*res = s[1] == 'n' || s[1] == 'N';
	else
		return -EINVAL;
	return 0;
}

unsigned long long simple_strtoull(const char *s, char **end, unsigned int base) { return strtoull(s, end, base); }
unsigned long simple_strtoul(const char *s, char **end, unsigned int base) { return strtoul(s, end, base); }

unsigned long long memparse(const char *s, char **end)
{
	char *e;
	unsigned long long v = strtoull(s, &e, 0);
	const char *u = "kmgtpe", *p = *e ? strchr(u, tolower(*e)) : NULL;

	if (p) {
		v <<= 10 * (p - u + 1);
		e++;
	}
	if (end)
		*end = e;
	return v;
}

/* ---- bits ---- */

static unsigned long find_from(const unsigned long *a, unsigned long size, unsigned long off, unsigned long inv)
{
	while (off < size) {
		unsigned long w = (a[off / 64] ^ inv) >> (off % 64);

		if (w)
			return min(off + __builtin_ctzl(w), size);
		off = (off / 64 + 1) * 64;
	}
	return size;
}

unsigned long find_next_bit(const unsigned long *a, unsigned long size, unsigned long off)
{
	return find_from(a, size, off, 0);
}

unsigned long find_next_zero_bit(const unsigned long *a, unsigned long size, unsigned long off)
{
	return find_from(a, size, off, ~0UL);
}

unsigned long find_last_bit(const unsigned long *a, unsigned long size)
{
	unsigned long i = size;

	while (i--)
		if (test_bit(i, a))
			return i;
	return size;
}

unsigned long *bitmap_alloc(unsigned int n, gfp_t gfp) { return kmalloc(BITS_TO_LONGS(n) * 8, gfp); }
unsigned long *bitmap_zalloc(unsigned int n, gfp_t gfp) { return kzalloc(BITS_TO_LONGS(n) * 8, gfp); }
void bitmap_free(const unsigned long *b) { kfree(b); }

void bitmap_set(unsigned long *m, unsigned int start, unsigned int n)
{
	while (n--)
		__set_bit(start++, m);
}

void bitmap_clear(unsigned long *m, unsigned int start, unsigned int n)
{
	while (n--)
		__clear_bit(start++, m);
}

unsigned long bitmap_find_next_zero_area(unsigned long *m, unsigned long size, unsigned long start,
					 unsigned int nr, unsigned long align_mask)
{
	for (;;) {
		unsigned long i = find_next_zero_bit(m, size, start), end;

		i = (i + align_mask) & ~align_mask;
		end = i + nr;
		if (end > size)
			return end;
		i = find_next_bit(m, end, i);
		if (i >= end)
			return end - nr;
		start = i + 1;
	}
}

/* ---- hashes, checksums, random numbers ---- */

u32 jhash(const void *key, u32 length, u32 initval)
{
	const u8 *p = key;
	u64 h = initval ^ 0xcbf29ce484222325ULL;

	while (length--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h ^ (h >> 32);
}

u32 jhash2(const u32 *k, u32 length, u32 initval) { return jhash(k, length * 4, initval); }

static u32 crc_table[8][256];

static void crc_init(void)
{
	u32 i, j, c;

	for (i = 0; i < 256; i++) {
		for (c = i, j = 0; j < 8; j++)
			c = (c >> 1) ^ (c & 1 ? 0x82F63B78 : 0);
		crc_table[0][i] = c;
	}
	for (i = 0; i < 256; i++)
		for (j = 1; j < 8; j++)
			crc_table[j][i] = (crc_table[j - 1][i] >> 8) ^ crc_table[0][crc_table[j - 1][i] & 255];
}

static u32 crc_soft(u32 crc, const u8 *p, size_t n)
{
	if (!crc_table[0][1])
		crc_init();
	for (; n >= 8; n -= 8, p += 8) {
		u64 v = get_unaligned_le64(p) ^ crc;

		crc = crc_table[7][v & 255] ^ crc_table[6][(v >> 8) & 255] ^ crc_table[5][(v >> 16) & 255] ^
		      crc_table[4][(v >> 24) & 255] ^ crc_table[3][(v >> 32) & 255] ^
		      crc_table[2][(v >> 40) & 255] ^ crc_table[1][(v >> 48) & 255] ^ crc_table[0][v >> 56];
	}
	while (n--)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *p++) & 255];
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2")))
static u32 crc_hard(u32 crc, const u8 *p, size_t n)
{
	u64 c = crc;

	for (; n >= 8; n -= 8, p += 8)
		c = __builtin_ia32_crc32di(c, get_unaligned_le64(p));
	while (n--)
		c = __builtin_ia32_crc32qi(c, *p++);
	return c;
}
#endif

u32 crc32c(u32 crc, const void *p, unsigned int len)
{
#if defined(__x86_64__)
	static int hard = -1;

	if (hard < 0)
		hard = __builtin_cpu_supports("sse4.2") != 0;
	if (hard)
		return crc_hard(crc, p, len);
#endif
	return crc_soft(crc, p, len);
}

/* For the self test: both ways must agree. */
u32 host_crc_soft(u32 crc, const void *p, size_t n);
u32 host_crc_soft(u32 crc, const void *p, size_t n) { return crc_soft(crc, p, n); }

static u64 rnd_state = 88172645463325252ULL;

void host_random_seed(u64 seed) { rnd_state = seed * 0x9E3779B97F4A7C15ULL + 88172645463325252ULL; }

u64 get_random_u64(void)
{
	u64 z = (rnd_state += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

u32 get_random_u32(void) { return get_random_u64() >> 32; }

void get_random_bytes(void *buf, size_t len)
{
	u8 *p = buf;

	while (len--)
		*p++ = get_random_u32();
}

const uuid_t uuid_null;

void generate_random_uuid(unsigned char u[UUID_SIZE])
{
	get_random_bytes(u, UUID_SIZE);
	u[6] = (u[6] & 0x0f) | 0x40;
	u[8] = (u[8] & 0x3f) | 0x80;
}

void uuid_gen(uuid_t *u) { generate_random_uuid(u->b); }

struct llist_node *llist_reverse_order(struct llist_node *head)
{
	struct llist_node *r = NULL;

	while (head) {
		struct llist_node *n = head->next;

		head->next = r;
		r = head;
		head = n;
	}
	return r;
}

/* ---- sorting ---- */

/* Stable merge sort of a list: by runs in bins of powers of two. */
static struct list_head *merge(void *priv, list_cmp_func_t cmp, struct list_head *a, struct list_head *b)
{
	struct list_head *head, **tail = &head;

	while (a && b) {
		struct list_head **w = cmp(priv, a, b) <= 0 ? &a : &b;

		*tail = *w;
		tail = &(*w)->next;
		*w = (*w)->next;
	}
	*tail = a ? a : b;
	return head;
}

void list_sort(void *priv, struct list_head *head, list_cmp_func_t cmp)
{
	struct list_head *bins[64] = { NULL }, *l, *n, *prev;
	int i, max = 0;

	if (list_empty(head))
		return;
	head->prev->next = NULL;
	for (l = head->next; l; l = n) {
		n = l->next;
		l->next = NULL;
		for (i = 0; bins[i]; i++) {
			l = merge(priv, cmp, bins[i], l);
			bins[i] = NULL;
		}
		bins[i] = l;
		max = max(max, i);
	}
	for (l = NULL, i = 0; i <= max; i++)
		if (bins[i])
			l = l ? merge(priv, cmp, bins[i], l) : bins[i];
	for (prev = head; l; prev = l, l = l->next) {
		prev->next = l;
		l->prev = prev;
	}
	prev->next = head;
	head->prev = prev;
}

static void swap_bytes(char *a, char *b, size_t size)
{
	while (size--) {
		char t = *a;

		*a++ = *b;
		*b++ = t;
	}
}

/* Heap sort: not stable, as the kernel's is not. */
void sort_r(void *base, size_t num, size_t size, cmp_r_func_t cmp, swap_r_func_t swp, const void *priv)
{
	char *b = base;
	size_t start = num / 2, end = num;

	while (end > 1) {
		size_t root;

		if (start) {
			start--;
		} else {
			end--;
			if (swp)
				swp(b, b + end * size, size, priv);
			else
				swap_bytes(b, b + end * size, size);
		}
		for (root = start; 2 * root + 1 < end;) {
			size_t kid = 2 * root + 1;

			if (kid + 1 < end && cmp(b + kid * size, b + (kid + 1) * size, priv) < 0)
				kid++;
			if (cmp(b + root * size, b + kid * size, priv) >= 0)
				break;
			if (swp)
				swp(b + root * size, b + kid * size, size, priv);
			else
				swap_bytes(b + root * size, b + kid * size, size);
			root = kid;
		}
	}
}

struct plain_sort { cmp_func_t cmp; swap_func_t swp; };

static int plain_cmp(const void *a, const void *b, const void *p) { return ((const struct plain_sort *)p)->cmp(a, b); }
static void plain_swap(void *a, void *b, int size, const void *p) { ((const struct plain_sort *)p)->swp(a, b, size); }

void sort(void *base, size_t num, size_t size, cmp_func_t cmp, swap_func_t swp)
{
	struct plain_sort p = { cmp, swp };

	sort_r(base, num, size, plain_cmp, swp ? plain_swap : NULL, &p);
}

/* ---- red-black trees ---- */

static bool red(const struct rb_node *n) { return n && n->host_red; }

static void put_child(struct rb_root *r, struct rb_node *parent, struct rb_node *old, struct rb_node *new)
{
	if (!parent)
		r->rb_node = new;
	else if (parent->rb_left == old)
		parent->rb_left = new;
	else
		parent->rb_right = new;
}

/* dir false: n goes down to the left, its right child comes up. */
static void rotate(struct rb_root *r, struct rb_node *n, bool right)
{
	struct rb_node *c = right ? n->rb_left : n->rb_right;
	struct rb_node *inner = right ? c->rb_right : c->rb_left;

	put_child(r, n->host_parent, n, c);
	c->host_parent = n->host_parent;
	n->host_parent = c;
	if (right) {
		c->rb_right = n;
		n->rb_left = inner;
	} else {
		c->rb_left = n;
		n->rb_right = inner;
	}
	if (inner)
		inner->host_parent = n;
}

void rb_insert_color(struct rb_node *n, struct rb_root *r)
{
	struct rb_node *p, *g, *u;

	n->host_red = true;
	while ((p = n->host_parent) && p->host_red) {
		bool left;

		g = p->host_parent;
		left = g->rb_left == p;
		u = left ? g->rb_right : g->rb_left;
		if (red(u)) {
			p->host_red = u->host_red = false;
			g->host_red = true;
			n = g;
			continue;
		}
		if (n == (left ? p->rb_right : p->rb_left)) {
			rotate(r, p, !left);
			n = p;
			p = n->host_parent;
		}
		p->host_red = false;
		g->host_red = true;
		rotate(r, g, left);
	}
	r->rb_node->host_red = false;
}

void rb_erase(struct rb_node *n, struct rb_root *r)
{
	struct rb_node *x, *p;
	bool was_red;

	if (n->rb_left && n->rb_right) {
		struct rb_node *s = n->rb_right;

		while (s->rb_left)
			s = s->rb_left;
		was_red = s->host_red;
		x = s->rb_right;
		p = s->host_parent;
		if (p == n) {
			p = s;
		} else {
			p->rb_left = x;
			if (x)
				x->host_parent = p;
			s->rb_right = n->rb_right;
			s->rb_right->host_parent = s;
		}
		s->rb_left = n->rb_left;
		s->rb_left->host_parent = s;
		s->host_parent = n->host_parent;
		s->host_red = n->host_red;
		put_child(r, n->host_parent, n, s);
	} else {
		was_red = n->host_red;
		x = n->rb_left ? n->rb_left : n->rb_right;
		p = n->host_parent;
		put_child(r, p, n, x);
		if (x)
			x->host_parent = p;
	}
	if (was_red)
		return;
	/* x is one black short */
	while (x != r->rb_node && !red(x)) {
		bool left = p->rb_left == x;
		struct rb_node *s = left ? p->rb_right : p->rb_left, *near, *far;

		if (red(s)) {
			s->host_red = false;
			p->host_red = true;
			rotate(r, p, !left);
			s = left ? p->rb_right : p->rb_left;
		}
		near = left ? s->rb_left : s->rb_right;
		far = left ? s->rb_right : s->rb_left;
		if (!red(near) && !red(far)) {
			s->host_red = true;
			x = p;
			p = x->host_parent;
			continue;
		}
		if (!red(far)) {
			near->host_red = false;
			s->host_red = true;
			rotate(r, s, left);
			s = near;
			far = left ? s->rb_right : s->rb_left;
		}
		s->host_red = p->host_red;
		p->host_red = false;
		far->host_red = false;
		rotate(r, p, !left);
		x = r->rb_node;
		break;
	}
	if (x)
		x->host_red = false;
}

struct rb_node *rb_first(const struct rb_root *r)
{
	struct rb_node *n = r->rb_node;

	while (n && n->rb_left)
		n = n->rb_left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *r)
{
	struct rb_node *n = r->rb_node;

	while (n && n->rb_right)
		n = n->rb_right;
	return n;
}

static struct rb_node *step(const struct rb_node *n, bool fwd)
{
	const struct rb_node *c = fwd ? n->rb_right : n->rb_left;

	if (RB_EMPTY_NODE(n))
		return NULL;
	if (c) {
		while (fwd ? c->rb_left : c->rb_right)
			c = fwd ? c->rb_left : c->rb_right;
		return (struct rb_node *)c;
	}
	for (c = n->host_parent; c && n == (fwd ? c->rb_right : c->rb_left); c = c->host_parent)
		n = c;
	return (struct rb_node *)c;
}

struct rb_node *rb_next(const struct rb_node *n) { return step(n, true); }
struct rb_node *rb_prev(const struct rb_node *n) { return step(n, false); }

struct rb_node *host_rb_children_first(const struct rb_root *root, const struct rb_node *after)
{
	const struct rb_node *n = root->rb_node;

	if (after) {
		n = after->host_parent;
		/* up, unless the other child comes first */
		if (!n || n->rb_right == after || !n->rb_right)
			return (struct rb_node *)n;
		n = n->rb_right;
	}
	while (n && (n->rb_left || n->rb_right))
		n = n->rb_left ? n->rb_left : n->rb_right;
	return (struct rb_node *)n;
}

/* ---- rhashtable: chains, doubled when full ---- */

static void *rht_obj(struct rhashtable *ht, struct rhash_head *h) { return (char *)h - ht->p.head_offset; }

static u32 rht_key_hash(struct rhashtable *ht, const void *key)
{
	return ht->p.hashfn ? ht->p.hashfn(key, ht->key_len, ht->host_seed) : jhash(key, ht->key_len, ht->host_seed);
}

static u32 rht_hash(struct rhashtable *ht, struct rhash_head *h)
{
	char *obj = rht_obj(ht, h);

	if (ht->p.obj_hashfn)
		return ht->p.obj_hashfn(obj, ht->p.key_len ? ht->p.key_len : ht->key_len, ht->host_seed);
	return rht_key_hash(ht, obj + ht->p.key_offset);
}

int rhashtable_init(struct rhashtable *ht, const struct rhashtable_params *p)
{
	if ((!p->key_len && !p->obj_hashfn) || (p->obj_hashfn && !p->obj_cmpfn))
		return -EINVAL;
	memset(ht, 0, sizeof(*ht));
	mutex_init(&ht->mutex);
	spin_lock_init(&ht->lock);
	ht->p = *p;
	ht->key_len = p->key_len;
	ht->max_elems = p->max_size ? p->max_size * 2 : 1U << 31;
	ht->host_size = roundup_pow_of_two(max3((unsigned int)p->min_size, p->nelem_hint * 4U / 3, 4U));
	ht->host_seed = get_random_u32();
	ht->host_tbl = kvcalloc(ht->host_size, sizeof(*ht->host_tbl), GFP_KERNEL);
	return ht->host_tbl ? 0 : -ENOMEM;
}

static void rht_grow(struct rhashtable *ht)
{
	unsigned int i, size = ht->host_size * 2;
	struct rhash_head **t;

	/* The kernel grows from a work item; a failure there is not an error. */
	t = host_alloc(size * sizeof(*t), __GFP_NOFAIL | __GFP_ZERO, HOST_KVMALLOC, __FILE__, __LINE__);
	for (i = 0; i < ht->host_size; i++) {
		struct rhash_head *h, *n;

		for (h = ht->host_tbl[i]; h; h = n) {
			u32 b = rht_hash(ht, h) & (size - 1);

			n = h->next;
			h->next = t[b];
			t[b] = h;
		}
	}
	kvfree(ht->host_tbl);
	ht->host_tbl = t;
	ht->host_size = size;
}

static struct rhash_head *rht_find(struct rhashtable *ht, const void *key)
{
	struct rhashtable_compare_arg arg = { ht, key };
	struct rhash_head *h;

	for (h = ht->host_tbl[rht_key_hash(ht, key) & (ht->host_size - 1)]; h; h = h->next) {
		char *obj = rht_obj(ht, h);

		if (ht->p.obj_cmpfn ? !ht->p.obj_cmpfn(&arg, obj) :
		    !memcmp(obj + ht->p.key_offset, key, ht->key_len))
			return h;
	}
	return NULL;
}

static int rht_add(struct rhashtable *ht, struct rhash_head *h)
{
	u32 b;

	if (atomic_read(&ht->nelems) >= ht->max_elems)
		return -E2BIG;
	if (atomic_read(&ht->nelems) >= ht->host_size * 3 / 4)
		rht_grow(ht);
	b = rht_hash(ht, h) & (ht->host_size - 1);
	h->next = ht->host_tbl[b];
	ht->host_tbl[b] = h;
	atomic_inc(&ht->nelems);
	return 0;
}

void *rhashtable_lookup_fast(struct rhashtable *ht, const void *key, const struct rhashtable_params p)
{
	struct rhash_head *h = rht_find(ht, key);

	return h ? rht_obj(ht, h) : NULL;
}

int rhashtable_insert_fast(struct rhashtable *ht, struct rhash_head *obj, const struct rhashtable_params p)
{
	return rht_add(ht, obj);
}

void *rhashtable_lookup_get_insert_key(struct rhashtable *ht, const void *key, struct rhash_head *obj,
				       const struct rhashtable_params p)
{
	struct rhash_head *h = rht_find(ht, key);
	int e;

	if (h)
		return rht_obj(ht, h);
	e = rht_add(ht, obj);
	return e ? ERR_PTR(e) : NULL;
}

void *rhashtable_lookup_get_insert_fast(struct rhashtable *ht, struct rhash_head *obj,
					const struct rhashtable_params p)
{
	return rhashtable_lookup_get_insert_key(ht, (char *)rht_obj(ht, obj) + ht->p.key_offset, obj, p);
}

int rhashtable_lookup_insert_key(struct rhashtable *ht, const void *key, struct rhash_head *obj,
				 const struct rhashtable_params p)
{
	void *r = rhashtable_lookup_get_insert_key(ht, key, obj, p);

	return IS_ERR(r) ? PTR_ERR(r) : r ? -EEXIST : 0;
}

int rhashtable_lookup_insert_fast(struct rhashtable *ht, struct rhash_head *obj, const struct rhashtable_params p)
{
	return rhashtable_lookup_insert_key(ht, (char *)rht_obj(ht, obj) + ht->p.key_offset, obj, p);
}

int rhashtable_remove_fast(struct rhashtable *ht, struct rhash_head *obj, const struct rhashtable_params p)
{
	struct rhash_head **l = &ht->host_tbl[rht_hash(ht, obj) & (ht->host_size - 1)];

	for (; *l; l = &(*l)->next)
		if (*l == obj) {
			*l = obj->next;
			atomic_dec(&ht->nelems);
			return 0;
		}
	return -ENOENT;
}

int rhashtable_replace_fast(struct rhashtable *ht, struct rhash_head *o, struct rhash_head *n,
			    const struct rhashtable_params p)
{
	struct rhash_head **l = &ht->host_tbl[rht_hash(ht, o) & (ht->host_size - 1)];

	if (rht_hash(ht, o) != rht_hash(ht, n))
		return -EINVAL;
	for (; *l; l = &(*l)->next)
		if (*l == o) {
			n->next = o->next;
			*l = n;
			return 0;
		}
	return -ENOENT;
}

void rhashtable_free_and_destroy(struct rhashtable *ht, void (*free_fn)(void *ptr, void *arg), void *arg)
{
	unsigned int i;

	might_sleep();
	for (i = 0; free_fn && i < ht->host_size; i++) {
		struct rhash_head *h, *n;

		for (h = ht->host_tbl[i]; h; h = n) {
			n = h->next;
			free_fn(rht_obj(ht, h), arg);
		}
	}
	kvfree(ht->host_tbl);
	ht->host_tbl = NULL;
}

void rhashtable_destroy(struct rhashtable *ht) { rhashtable_free_and_destroy(ht, NULL, NULL); }

/*
 * A walk sees the objects of when it began that are still there: those removed
 * since are skipped, those added are not seen, as a real walk may.
 */
void rhashtable_walk_enter(struct rhashtable *ht, struct rhashtable_iter *it)
{
	unsigned int i, n = atomic_read(&ht->nelems);

	it->ht = ht;
	it->host_n = it->host_pos = 0;
	it->host_objs = host_alloc((n + 1) * sizeof(void *), __GFP_NOFAIL, HOST_KVMALLOC, __FILE__, __LINE__);
	for (i = 0; i < ht->host_size; i++) {
		struct rhash_head *h;

		for (h = ht->host_tbl[i]; h; h = h->next)
			it->host_objs[it->host_n++] = h;
	}
}

void rhashtable_walk_exit(struct rhashtable_iter *it) { kvfree(it->host_objs); }
int rhashtable_walk_start_check(struct rhashtable_iter *it) { preempt_disable(); return 0; }
void rhashtable_walk_stop(struct rhashtable_iter *it) { preempt_enable(); }

void *rhashtable_walk_peek(struct rhashtable_iter *it)
{
	for (; it->host_pos < it->host_n; it->host_pos++) {
		struct rhash_head *want = it->host_objs[it->host_pos], *h;
		unsigned int i;

		/* Not by hash: the object may be freed. */
		for (i = 0; i < it->ht->host_size; i++)
			for (h = it->ht->host_tbl[i]; h; h = h->next)
				if (h == want)
					return rht_obj(it->ht, h);
	}
	return NULL;
}

void *rhashtable_walk_next(struct rhashtable_iter *it)
{
	void *r = rhashtable_walk_peek(it);

	if (r)
		it->host_pos++;
	return r;
}

/* ---- shrinkers, LRU ---- */

static LIST_HEAD(shrinkers);

int register_shrinker(struct shrinker *s, const char *fmt, ...)
{
	list_add_tail(&s->list, &shrinkers);
	return 0;
}

void unregister_shrinker(struct shrinker *s)
{
	if (s->list.next)
		list_del(&s->list);
	s->list.next = NULL;
}

void host_lib_reset(void) { INIT_LIST_HEAD(&shrinkers); }

void host_shrink_all(unsigned long nr)
{
	struct shrinker *s, *n;

	list_for_each_entry_safe(s, n, &shrinkers, list) {
		struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = nr, .nr_scanned = nr };
		unsigned long have = s->count_objects(s, &sc);

		if (have && have < SHRINK_EMPTY)
			s->scan_objects(s, &sc);
	}
}

int list_lru_init(struct list_lru *lru)
{
	INIT_LIST_HEAD(&lru->one.list);
	lru->one.nr_items = 0;
	spin_lock_init(&lru->lock);
	return 0;
}

void list_lru_destroy(struct list_lru *lru) { }

bool list_lru_add(struct list_lru *lru, struct list_head *item)
{
	bool add;

	spin_lock(&lru->lock);
	add = list_empty(item);
	if (add) {
		list_add_tail(item, &lru->one.list);
		lru->one.nr_items++;
	}
	spin_unlock(&lru->lock);
	return add;
}

bool list_lru_del(struct list_lru *lru, struct list_head *item)
{
	bool del;

	spin_lock(&lru->lock);
	del = !list_empty(item);
	if (del) {
		list_del_init(item);
		lru->one.nr_items--;
	}
	spin_unlock(&lru->lock);
	return del;
}

void list_lru_isolate(struct list_lru_one *l, struct list_head *item)
{
	list_del_init(item);
	l->nr_items--;
}

void list_lru_isolate_move(struct list_lru_one *l, struct list_head *item, struct list_head *head)
{
	list_move(item, head);
	l->nr_items--;
}

unsigned long list_lru_walk(struct list_lru *lru, list_lru_walk_cb cb, void *arg, unsigned long nr)
{
	struct list_head *item, *n;
	unsigned long isolated = 0;

	spin_lock(&lru->lock);
restart:
	list_for_each_safe(item, n, &lru->one.list) {
		if (!nr--)
			break;
		switch (cb(item, &lru->one, &lru->lock, arg)) {
		case LRU_REMOVED:
			isolated++;
			break;
		case LRU_REMOVED_RETRY:
			isolated++;
			goto restart;
		case LRU_ROTATE:
			list_move_tail(item, &lru->one.list);
			break;
		case LRU_SKIP:
			break;
		case LRU_RETRY:
			goto restart;
		}
	}
	spin_unlock(&lru->lock);
	return isolated;
}
