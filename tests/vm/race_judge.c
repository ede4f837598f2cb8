// SPDX-License-Identifier: GPL-2.0-only
/*
 * race, the judge: what every block holds, where it may be, and what the file says. The rules are in race.c.
 */
#include "race.h"

/* ------------------------------------------------------------ block contents */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

void fill_block(void *buf, const struct race *r, unsigned int id)
{
	struct header *h = buf;
	uint64_t *w = buf, f;
	unsigned int i;

	h->magic = MAGIC;
	h->race = r->uid ^ o.seed << 32;
	h->off = r->b[id].off;
	h->id = id;
	h->seq = (uint32_t)r->b[id].sent;
	f = h->fill = mix(h->race * 31 + mix(h->off * 7 + id) + h->seq);
	for (i = sizeof(*h) / 8; i < BS / 8; i++)
		w[i] = f += 0x9e3779b97f4a7c15ull;
	h->csum = mix(h->magic ^ mix(h->race ^ mix(h->off ^ mix((uint64_t)h->id << 32 | h->seq))) ^ f);
}

unsigned char patch_byte(const struct race *r, uint64_t t0, uint64_t off)
{
	return (unsigned char)(1 + mix(r->uid * 31 + mix(t0 * 7 + off)) % 255);
}

/* ------------------------------------------------------------ judging */

int open_direct(const char *path, int flags)
{
	return open(path, flags | (o.no_direct ? 0 : O_DIRECT) | O_CLOEXEC, 0644);
}

bool racer_shifts(void)
{
	return o.racer == COLLAPSE || o.racer == INSERT;
}

/* May block @id, in a race with shifts, be at @pos? */
static bool place_allowed(const struct race *r, unsigned int id, uint64_t pos)
{
	const struct blk *b = &r->b[id];
	int64_t shift = 0;
	int k;

	/* From the last operation back: those it has surely felt, then those it may have. */
	for (k = (int)r->nops - 1; k >= 0; k--) {
		const struct op *op = &r->ops[k];

		if (op->err)
			continue;
		if (b->sent > op->t1)		/* came after this one and all before */
			return pos == b->off + shift;
		if (b->acked > op->t0 && pos == b->off + shift)
			return true;		/* could have landed after it */
		shift += op->shift;
	}
	return pos == b->off + shift;
}

/* Final places of the prefix in a race with shifts; ~0 for a block that was collapsed. */
static void place_prefix(const struct race *r, uint64_t *pos, uint64_t *size)
{
	unsigned int i, k;

	*size = r->pfx_size;
	for (i = 0; i < r->npfx; i++)
		pos[i] = r->b[i].off;
	for (k = 0; k < r->nops; k++) {
		const struct op *op = &r->ops[k];

		if (op->err)
			continue;
		*size += op->shift;
		for (i = 0; i < r->npfx; i++) {
			if (pos[i] == ~0ull || pos[i] < op->off)
				continue;
			if (op->shift < 0 && pos[i] < op->off + op->len)
				pos[i] = ~0ull;
			else
				pos[i] += op->shift;
		}
	}
}

/* What claims bytes of one block-sized place, [lo, hi) in it, from clock t0 to t1. */
struct claim {
	uint64_t t0, t1;
	unsigned int lo, hi;
	const struct op *op;	/* NULL: the block of the writer */
};
#define NO_BLOCK	(~0u)
#define MAX_CLAIMS	(1 + MAX_OPS + MAX_PATCHES)

static unsigned int add_claims(struct claim *c, unsigned int n, const struct op *ops, unsigned int nops, uint64_t pos)
{
	unsigned int k;

	for (k = 0; k < nops; k++) {
		const struct op *op = &ops[k];

		if ((!op->removes && !op->writes) || op->off >= pos + BS || op->off + op->len <= pos)
			continue;
		c[n].t0 = op->t0;
		c[n].t1 = op->t1;
		c[n].lo = op->off > pos ? op->off - pos : 0;
		c[n].hi = op->off + op->len < pos + BS ? op->off + op->len - pos : BS;
		c[n++].op = op;
	}
	return n;
}

static unsigned char claimed_byte(const struct race *r, const struct claim *c, const unsigned char *block, uint64_t pos,
				  unsigned int i)
{
	return !c->op ? block[i] : c->op->writes ? patch_byte(r, c->op->t0, pos + i) : 0;
}

/*
 * The place at @pos, byte by byte, up to @limit. A byte may be what any write of it (or removal: zero) has put there,
 * except one that had ended before another began. @id: the writer's block of this place, or NO_BLOCK.
 */
static bool judge_place(const struct race *r, unsigned int id, uint64_t pos, const unsigned char *got, unsigned int limit,
			const char *how)
{
	static _Thread_local unsigned char want[BS];
	static _Thread_local uint64_t latest[BS];	/* start of the last that has surely been */
	static _Thread_local bool written[BS];		/* and whether that wrote (or removed) */
	static const unsigned char zero[BS];
	const struct blk *b = id == NO_BLOCK ? NULL : &r->b[id];
	const struct header *h = (const struct header *)got;
	struct claim c[MAX_CLAIMS];
	unsigned int n = 0, i, k, lost = 0, back = 0, removed = 0, stale = 0, first = 0;

	if (b && !b->acked)
		return true;		/* failed: reported elsewhere, contents undefined */
	if (b) {
		if (r->shadow && id < r->npfx)
			memcpy(want, r->shadow + pos, BS);
		else
			fill_block(want, r, id);
		c[n].t0 = b->sent;
		c[n].t1 = b->acked;
		c[n].lo = 0;
		c[n].hi = BS;
		c[n++].op = NULL;
	}
	n = add_claims(c, n, r->ops, r->nops, pos);
	n = add_claims(c, n, r->pats, r->npats, pos);
	if (n <= 1 && (n == 0 || b) && !memcmp(got, n ? want : zero, limit))
		return true;
	memset(latest, 0, sizeof(latest));
	memset(written, 0, sizeof(written));
	for (k = 0; k < n; k++)
		for (i = c[k].lo; i < c[k].hi; i++)
			if (c[k].t0 > latest[i] && !(c[k].op && c[k].op->err)) {
				latest[i] = c[k].t0;
				written[i] = !c[k].op || c[k].op->writes;
			}
	for (i = 0; i < limit; i++) {
		bool ok = !latest[i] && !got[i], old = false;

		for (k = 0; k < n && !ok; k++) {
			if (i < c[k].lo || i >= c[k].hi || claimed_byte(r, &c[k], want, pos, i) != got[i])
				continue;
			ok = c[k].t1 >= latest[i];
			old = true;
		}
		if (ok)
			continue;
		if (!lost++)
			first = i;
		if (!got[i] && written[i])
			;		/* lost, and nothing worse */
		else if (old && written[i])
			back++;
		else if (old)
			removed++;
		else
			stale++;
	}
	if (!lost)
		return true;
	if (!b && n == 0 && h->magic == MAGIC)
		complain(r, CORRUPT, "%s: at %" PRIu64 " there is block %u of race %" PRIu64 ", written to %" PRIu64, how, pos, h->id,
			 h->race & 0xffffffff, h->off);
	else if (removed || stale)
		complain(r, CORRUPT, "%s: %u bytes from %" PRIu64 " on %s (block %d)", how, lost, pos + first,
			 stale ? "are what nobody wrote there" : "should have been removed", (int)id);
	else
		complain(r, LOST, "%s: %u acknowledged bytes from %" PRIu64 " on %s (block %d)", how, lost, pos + first,
			 back ? "are older ones or zero" : "are zero", (int)id);
	return false;
}

/* The size may be from *@low to *@high, going by one thing that ended at @end, between the clocks @t0 and @t1, if it was not cut. */
static void bound_size(const struct race *r, uint64_t end, uint64_t t0, uint64_t t1, uint64_t *low, uint64_t *high)
{
	uint64_t lo = end, hi = end;
	unsigned int k;

	for (k = 0; k < r->nops; k++) {
		const struct op *op = &r->ops[k];

		if (!op->cuts)
			continue;
		if (t0 <= op->t1 && op->off < lo)
			lo = op->off;
		if (t1 < op->t0 && op->off < hi && !op->err)
			hi = op->off;
	}
	if (lo > *low)
		*low = lo;
	if (hi > *high)
		*high = hi;
}

static void size_bounds(const struct race *r, uint64_t *low, uint64_t *high)
{
	unsigned int i;

	*low = *high = r->size_floor;
	bound_size(r, r->pfx_size, 0, 0, low, high);
	for (i = r->npfx; i < r->nb; i++)
		if (r->b[i].acked)
			bound_size(r, r->b[i].off + BS, r->b[i].sent, r->b[i].acked, low, high);
	for (i = 0; i < r->npats; i++)
		if (!r->pats[i].err)
			bound_size(r, r->pats[i].off + r->pats[i].len, r->pats[i].t0, r->pats[i].t1, low, high);
	for (i = 0; i < r->nops; i++)
		if (r->ops[i].cuts && !r->ops[i].err)
			bound_size(r, r->ops[i].off, r->ops[i].t0, r->ops[i].t1, low, high);
}

/* From what lies where to where everything is: ~0 for what is nowhere. */
static bool find_all(struct race *r, uint64_t *pos, uint64_t nslots, const unsigned char *valid, const uint32_t *slot,
		     const char *how)
{
	bool ok = true;
	unsigned int i;
	uint64_t s;

	for (i = 0; i < r->nb; i++)
		pos[i] = ~0ull;
	for (s = 0; s < nslots; s++) {
		if (!valid[s])
			continue;
		i = slot[s];
		if (pos[i] != ~0ull) {
			complain(r, CORRUPT, "%s: block %u is at %" PRIu64 " and at %" PRIu64, how, i, pos[i], s * BS);
			ok = false;
		}
		pos[i] = s * BS;
	}
	return ok;
}

/* May the racer leave a hole behind the end? */
static bool racer_grows(void)
{
	return o.racer == ALLOCATE || o.racer == TRUNCATE || o.racer == ALLOCSP || o.racer == FREESP || o.racer == STALE_TRUNCATE;
}

/*
 * Was block @id, found at @pos (~0: nowhere), left so by what made the file shorter? Positions of blocks that are gone are not known,
 * so any that was sent before such an operation ended may have been beyond the new end.
 */
static bool cuts_allow(const struct race *r, unsigned int id, uint64_t pos, const char **why)
{
	const struct blk *b = &r->b[id];
	bool may_be_gone = false;
	uint64_t lowest = 0;	/* the end may have been here when it landed */
	unsigned int k;

	for (k = 0; k < r->nops; k++) {
		const struct op *op = &r->ops[k];

		if (!op->cuts)
			continue;
		if (b->sent <= op->t1)
			may_be_gone = true;
		if (op->err)
			continue;
		*why = "should have been removed";
		if (b->acked < op->t0 && pos != ~0ull && pos >= op->off)
			return false;
		if (b->sent > op->t1 || (b->acked >= op->t0 && op->off < lowest))
			lowest = op->off;
	}
	*why = "is below what was the end when it was sent";
	if (pos < lowest)
		return false;
	return pos != ~0ull || may_be_gone;
}

/* Writes whose place the kernel chose, at the end: each is there once, whole, over no other, with no hole that nobody made. */
static bool judge_appended(struct race *r, uint64_t nslots, const unsigned char *valid, const uint32_t *slot, uint64_t size,
			   const char *how)
{
	uint64_t *pos = malloc((r->nb + 1) * sizeof(*pos)), *ppos = malloc((r->npfx + 1) * sizeof(*ppos)), want, tail, s;
	bool ok = find_all(r, pos, nslots, valid, slot, how), cut = false;
	unsigned int i, missing = 0, first = 0, acked = 0;
	const char *why = "";

	place_prefix(r, ppos, &tail);
	for (i = 0; racer_shifts() && i < r->npfx; i++)
		if (pos[i] != ppos[i]) {
			complain(r, pos[i] == ~0ull ? LOST : CORRUPT, "%s: block %u, written to %" PRIu64 ", is at %" PRId64
				 " after %u shifts of %" PRIu64, how, i, r->b[i].off, (int64_t)pos[i], r->nops, r->shift_len);
			ok = false;
		}
	for (i = 0; i < r->nops; i++)
		cut |= r->ops[i].cuts;
	want = tail > r->size_floor ? tail : r->size_floor;
	for (i = r->npfx; i < r->nb; i++) {
		unsigned int rec = r->b[i].rec;

		if (!r->b[i].acked)
			continue;
		acked++;
		if (pos[i] != ~0ull && pos[i] + BS > want)
			want = pos[i] + BS;
		/* If the first is nowhere and nothing was cut, that is said below. */
		if (pos[i] != ~0ull && pos[i] != pos[rec] + (uint64_t)(i - rec) * BS && (cut || pos[rec] != ~0ull)) {
			complain(r, CORRUPT, "%s: block %u is at %" PRIu64 ", and the one that its write began with at %" PRId64, how,
				 i, pos[i], (int64_t)pos[rec]);
			ok = false;
		}
		if (cuts_allow(r, i, pos[i], &why))
			continue;
		if (pos[i] == ~0ull) {
			if (!missing++)
				first = i;
		} else {
			complain(r, CORRUPT, "%s: block %u at %" PRIu64 " %s", how, i, pos[i], why);
			ok = false;
		}
	}
	if (missing) {
		complain(r, LOST, "%s: %u of %u acknowledged blocks are nowhere; the first is %u, clock %" PRIu64 " to %" PRIu64
			 " (size %" PRIu64 ")", how, missing, acked, first, r->b[first].sent, r->b[first].acked, size);
		ok = false;
	}
	for (s = tail / BS; ok && !racer_grows() && s * BS < size; s++)
		if (!valid[s]) {
			complain(r, cut ? LOST : CORRUPT, "%s: nothing at %" PRIu64 ", where all is written to the end", how, s * BS);
			ok = false;
		}
	if (ok && (size < want || (r->exact && size != want))) {
		complain(r, size < want ? LOST : CORRUPT, "%s: size is %" PRIu64 ", should be %" PRIu64, how, size, want);
		ok = false;
	}
	free(ppos);
	free(pos);
	return ok;
}

static bool judge_shifted(struct race *r, uint64_t nslots, const unsigned char *valid, const uint32_t *slot,
			  uint64_t size, const char *how)
{
	uint64_t *pos = malloc((r->nb + 1) * sizeof(*pos)), want_size, *ppos = malloc((r->npfx + 1) * sizeof(*ppos));
	bool ok = find_all(r, pos, nslots, valid, slot, how);
	unsigned int i;

	place_prefix(r, ppos, &want_size);
	for (i = 0; i < r->nb; i++) {
		struct blk *b = &r->b[i];

		if (!b->acked)
			continue;
		if (pos[i] == ~0ull) {
			if (i < r->npfx && ppos[i] == ~0ull)
				continue;
			complain(r, LOST, "%s: block %u, written to %" PRIu64 ", is nowhere (size %" PRIu64 ")", how, i,
				 b->off, size);
			ok = false;
			continue;
		}
		if (i < r->npfx ? pos[i] != ppos[i] : !place_allowed(r, i, pos[i])) {
			complain(r, CORRUPT, "%s: block %u, written to %" PRIu64 ", is at %" PRIu64 " after %u shifts of %" PRIu64,
				 how, i, b->off, pos[i], r->nops, r->shift_len);
			ok = false;
		}
		if (pos[i] + BS > want_size)
			want_size = pos[i] + BS;
	}
	if (ok && size != want_size) {
		complain(r, size < want_size ? LOST : CORRUPT, "%s: size is %" PRIu64 ", should be %" PRIu64, how, size, want_size);
		ok = false;
	}
	free(ppos);
	free(pos);
	return ok;
}

/* Reads the whole file through @fd. False: something is wrong, and complained about. */
static bool judge(struct race *r, int fd, char *rbuf, const char *how)
{
	uint64_t size, off, nslots, low = 0, high = 0, s, found_from;
	unsigned char *valid = NULL;
	uint32_t *slot = NULL;
	static const unsigned char zero[BS];
	struct stat st;
	unsigned int i;
	/* Known by what they are, or by where they are: with o_append the prefix is, unless it is shifted. */
	bool ok = true, shifts = racer_shifts(), found = shifts || o.writer == O_APPENDING;

	if (fstat(fd, &st)) {
		complain(r, ERROR, "%s: fstat: %s", how, strerror(errno));
		return false;
	}
	size = st.st_size;
	found_from = shifts ? 0 : found ? r->pfx_size : ~0ull;
	if (!found) {
		size_bounds(r, &low, &high);
		if (size < low) {
			complain(r, LOST, "%s: size is %" PRIu64 ", acknowledged data end at %" PRIu64, how, size, low);
			ok = false;
		} else if (r->exact && size > high) {
			complain(r, CORRUPT, "%s: size is %" PRIu64 ", should be %" PRIu64, how, size, high);
			ok = false;
		}
	}

	nslots = (size > high ? size : high) / BS + 1;
	for (i = 0; i < r->nb; i++)
		if (!found && r->b[i].off / BS >= nslots)
			nslots = r->b[i].off / BS + 1;
	valid = calloc(nslots, 1);
	slot = malloc(nslots * sizeof(*slot));
	for (i = 0; i < r->nb; i++)
		if (!found || (!shifts && i < r->npfx)) {
			if (!r->b[i].sent || r->b[i].off / BS >= nslots)
				continue;
			valid[r->b[i].off / BS] = 1;
			slot[r->b[i].off / BS] = i;
		}

	for (off = 0; ok && off < size; off += READ_CHUNK) {
		size_t want = READ_CHUNK, have = 0;

		while (have < want && off + have < size) {
			ssize_t n = pread(fd, rbuf + have, want - have, off + have);

			if (n < 0) {
				complain(r, ERROR, "%s: read at %" PRIu64 ": %s", how, off + have, strerror(errno));
				ok = false;
				break;
			}
			if (n == 0) {
				complain(r, LOST, "%s: read at %" PRIu64 " ends below the size %" PRIu64, how, off + have, size);
				ok = false;
				break;
			}
			have += n;
		}
		if (!ok)
			break;
		memset(rbuf + have, 0, want - have);
		for (s = off / BS; ok && s * BS < off + want && s * BS < size; s++) {
			unsigned char *p = (unsigned char *)rbuf + (s * BS - off);
			struct header *h = (struct header *)p;
			unsigned char expect[BS];

			if (s * BS < found_from) {
				ok = judge_place(r, valid[s] ? slot[s] : NO_BLOCK, s * BS, p, size - s * BS < BS ? size - s * BS : BS, how);
				continue;
			}
			if (!h->magic && !memcmp(p, zero, BS))
				continue;
			if (h->magic == MAGIC && h->race == (r->uid ^ o.seed << 32) && h->id < r->nb) {
				unsigned int gone = 0, wrong = 0;

				fill_block(expect, r, h->id);
				if (!memcmp(expect, p, BS)) {
					valid[s] = 1;
					slot[s] = h->id;
					continue;
				}
				for (i = 0; i < BS; i++)
					if (p[i] != expect[i])
						(*(p[i] ? &wrong : &gone))++;
				if (!wrong) {
					complain(r, LOST, "%s: %u acknowledged bytes of block %u at %" PRIu64 " are zero", how, gone,
						 h->id, s * BS);
					ok = false;
					continue;
				}
			}
			if (h->magic == MAGIC)
				complain(r, CORRUPT, "%s: at %" PRIu64 " there is block %u of race %" PRIu64 ", written to %" PRIu64,
					 how, s * BS, h->id, h->race & 0xffffffff, h->off);
			else
				complain(r, CORRUPT, "%s: at %" PRIu64 " there are bytes that nobody wrote", how, s * BS);
			ok = false;
		}
	}
	/* What lies behind the size has not been read: the size complaint covers it. */
	if (ok && o.writer == O_APPENDING)
		ok = judge_appended(r, nslots, valid, slot, size, how);
	else if (ok && shifts)
		ok = judge_shifted(r, nslots, valid, slot, size, how);
	free(valid);
	free(slot);
	return ok;
}

bool judge_both(struct race *r, char *rbuf, const char *when)
{
	char how[64];
	int fd;
	bool ok;

	if (!judge_reads(r))
		return false;
	fd = open_direct(r->path, O_RDONLY);
	if (fd < 0) {
		complain(r, LOST, "%s: open %s: %s", when, r->path, strerror(errno));
		return false;
	}
	snprintf(how, sizeof(how), "%s, direct", when);
	ok = judge(r, fd, rbuf, how);
	close(fd);
	if (!ok)
		return false;
	fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		complain(r, ERROR, "%s: open: %s", when, strerror(errno));
		return false;
	}
	snprintf(how, sizeof(how), "%s, buffered", when);
	ok = judge(r, fd, rbuf, how);
	close(fd);
	return ok;
}
