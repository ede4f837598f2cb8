// SPDX-License-Identifier: GPL-2.0-only
/*
 * The in-core extent tree against a sorted array: random inserts, removals, updates,
 * lookups and shifts; a million extents; bytes per extent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "dx_bmap.h"

#define CHECK(c) do { if (!(c)) { printf("not ok iext: %s line %d\n", #c, __LINE__); exit(1); } } while (0)

static struct dx_irec *m;
static size_t n, room;
static u64 seed = 88172645463325252ULL;

static u64 rnd(u64 lim)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % lim;
}

static size_t m_after(u64 off)		/* first that ends after off */
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (m[mid].startoff + m[mid].blockcount <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void m_insert(size_t at, const struct dx_irec *r)
{
	if (n == room) {
		room = room ? room * 2 : 1024;
		m = realloc(m, room * sizeof(*m));
	}
	memmove(&m[at + 1], &m[at], (n - at) * sizeof(*m));
	m[at] = *r;
	n++;
}

static int same(const struct dx_irec *a, const struct dx_irec *b)
{
	return a->startoff == b->startoff && a->startblock == b->startblock &&
	       a->blockcount == b->blockcount && a->state == b->state &&
	       (!dx_irec_is_delay(a) || a->indlen == b->indlen);
}

static void compare(struct dx_iext_tree *t)
{
	struct dx_iext_cur c;
	struct dx_irec r;
	size_t i = 0;
	bool more;

	CHECK(dx_iext_count(t) == n);
	for (more = dx_iext_first(t, &c, &r); more; more = dx_iext_next(t, &c, &r), i++) {
		CHECK(i < n);
		CHECK(same(&r, &m[i]));
	}
	CHECK(i == n);
	for (more = dx_iext_last(t, &c, &r); more; more = dx_iext_prev(t, &c, &r)) {
		CHECK(i > 0);
		CHECK(same(&r, &m[--i]));
	}
	CHECK(i == 0);
}

static void random_rec(struct dx_irec *r, u64 off, u64 len)
{
	r->startoff = off;
	r->blockcount = len;
	r->state = rnd(2) ? DX_EXT_UNWRITTEN : DX_EXT_NORM;
	r->indlen = 0;
	r->startblock = rnd(1ULL << 51);
	if (!rnd(4)) {
		r->startblock = DX_DELAYSTARTBLOCK;
		r->indlen = rnd(1 << 20);
		r->state = DX_EXT_NORM;
	}
}

static void one_op(struct dx_iext_tree *t, unsigned int ins_pct, u64 space)
{
	unsigned int what = rnd(100);
	struct dx_iext_cur c;
	struct dx_irec r, g;
	u64 off = rnd(space);
	size_t at = m_after(off);
	u32 gen = t->gen;

	if (what < ins_pct) {
		u64 end = at < n ? m[at].startoff : off + 100;

		if (end <= off)
			return;
		random_rec(&r, off, 1 + rnd(min_t(u64, end - off, 30)));
		dx_iext_insert(t, &c, &r);
		m_insert(at, &r);
		CHECK(dx_iext_get(t, &c, &g) && same(&g, &r));
		CHECK(t->gen != gen);
	} else if (what < 90) {
		CHECK(dx_iext_lookup(t, off, &c, &g) == (at < n));
		if (at == n)
			return;
		CHECK(same(&g, &m[at]));
		dx_iext_remove(t, &c);
		memmove(&m[at], &m[at + 1], (n - at - 1) * sizeof(*m));
		n--;
		CHECK(dx_iext_get(t, &c, &g) == (at < n));
		CHECK(at == n || same(&g, &m[at]));
		CHECK(t->gen != gen);
	} else if (what < 94) {		/* update: grow, shrink, move within the gap */
		u64 lo, hi;

		CHECK(dx_iext_lookup(t, off, &c, &g) == (at < n));
		if (at == n)
			return;
		lo = at ? m[at - 1].startoff + m[at - 1].blockcount : 0;
		hi = at + 1 < n ? m[at + 1].startoff : m[at].startoff + 200;
		lo += rnd(hi - lo);
		random_rec(&r, lo, 1 + rnd(hi - lo));
		dx_iext_update(t, &c, &r);
		m[at] = r;
		CHECK(dx_iext_get(t, &c, &g) && same(&g, &r));
	} else if (what < 98) {		/* shift */
		size_t i = at;
		s64 delta;

		if (at < n && m[at].startoff < off)
			i++;
		if (i == n)
			return;
		if (rnd(2)) {
			delta = rnd(500);
		} else {
			u64 gap = m[i].startoff - (i ? m[i - 1].startoff + m[i - 1].blockcount : 0);

			delta = -(s64)rnd(gap + 1);
		}
		dx_iext_shift(t, off, delta);
		for (; i < n; i++)
			m[i].startoff += delta;
	} else {
		u64 end = off;
		size_t i = at;

		/* last that starts before off */
		while (i > 0 && (i == n || m[i].startoff >= off))
			i--;
		if (n && m[i].startoff < off) {
			CHECK(dx_iext_lookup_before(t, &end, &c, &g));
			CHECK(same(&g, &m[i]));
			CHECK(end == min(off, m[i].startoff + m[i].blockcount));
		} else {
			CHECK(!dx_iext_lookup_before(t, &end, &c, &g));
		}
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void random_ops(void)
{
	static const struct { unsigned int ops, ins; } phase[] = {
		{ 25000, 75 }, { 25000, 45 }, { 30000, 15 }, { 20000, 75 }, { 30000, 5 },
	};
	struct dx_iext_tree t = { 0 };
	unsigned int p, i;

	dx_iext_init(&t);
	for (p = 0; p < ARRAY_SIZE(phase); p++) {
		for (i = 0; i < phase[p].ops; i++) {
			one_op(&t, phase[p].ins, 1000000);
			if (i % (n < 100 ? 20 : 5000) == 0)
				compare(&t);
		}
		compare(&t);
		printf("# iext: phase %u: %zu extents, %.1f bytes each, height %u\n", p, n,
		       n ? (double)dx_iext_bytes(&t) / n : 0, t.height);
	}
	dx_iext_destroy(&t);
	CHECK(dx_iext_count(&t) == 0);
	n = 0;
	printf("ok iext random operations agree with a sorted array\n");
}

static void million(void)
{
	enum { N = 1000000 };
	struct dx_iext_tree t = { 0 };
	struct dx_iext_cur c;
	struct dx_irec r = { 0 };
	double t0 = now(), per;
	u64 i;

	dx_iext_init(&t);
	for (i = 0; i < N; i++) {
		r.startoff = i * 4;
		r.startblock = i * 7 + 1000;
		r.blockcount = 1 + i % 3;
		dx_iext_insert(&t, &c, &r);
	}
	per = (double)dx_iext_bytes(&t) / N;
	printf("# iext: %d in order: %.1f bytes each, height %u, %.2f us each\n", N, per, t.height,
	       (now() - t0) * 1e6 / N);
	CHECK(per <= 20);
	t0 = now();
	for (i = 0; i < 100000; i++)
		dx_iext_shift(&t, rnd(N * 4ULL), rnd(2) ? 1 + rnd(8) : 0);
	printf("# iext: shift of the tail: %.2f us each\n", (now() - t0) * 1e6 / 100000);
	t0 = now();
	for (i = 0; i < N; i++) {
		CHECK(dx_iext_lookup(&t, rnd(N * 4ULL), &c, &r));
	}
	printf("# iext: lookup: %.2f us each\n", (now() - t0) * 1e6 / N);
	for (i = 0; dx_iext_first(&t, &c, &r) && i < N / 2; i++)
		dx_iext_remove(&t, &c);
	CHECK(dx_iext_count(&t) == N / 2);
	for (; dx_iext_last(&t, &c, &r); i++)
		dx_iext_remove(&t, &c);
	CHECK(i == N && !dx_iext_bytes(&t));

	/* in random order, backwards, and a small file */
	for (i = 0; i < N; i++) {
		r.startoff = (i * 7368787ULL % N) * 4;
		r.startblock = i;
		r.blockcount = 3;
		dx_iext_insert(&t, &c, &r);
	}
	per = (double)dx_iext_bytes(&t) / N;
	printf("# iext: %d scattered: %.1f bytes each\n", N, per);
	CHECK(per <= 32);
	dx_iext_destroy(&t);
	for (i = 0; i < N; i++) {
		r.startoff = (N - i) * 4;
		dx_iext_insert(&t, &c, &r);
	}
	per = (double)dx_iext_bytes(&t) / N;
	printf("# iext: %d backwards: %.1f bytes each\n", N, per);
	CHECK(per <= 40);
	dx_iext_destroy(&t);
	dx_iext_insert(&t, &c, &r);
	CHECK(dx_iext_bytes(&t) <= 64);
	dx_iext_destroy(&t);
	printf("ok iext a million extents\n");
}

int main(void)
{
	random_ops();
	million();
	free(m);
	return 0;
}
