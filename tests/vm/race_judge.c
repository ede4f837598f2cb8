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

/* One block at its place, byte by byte against the operations that touched it. */
static bool judge_block(const struct race *r, unsigned int id, const unsigned char *got, const char *how)
{
	static _Thread_local unsigned char want[BS], must[BS], may[BS];
	const struct blk *b = &r->b[id];
	bool touched = false;
	unsigned int i, k, lost = 0, stale = 0, first = 0;

	if (!b->acked)
		return true;		/* failed: reported elsewhere, contents undefined */
	if (r->shadow && id < r->npfx)
		memcpy(want, r->shadow + b->off, BS);
	else
		fill_block(want, r, id);
	for (k = 0; k < r->nops; k++) {
		const struct op *op = &r->ops[k];
		uint64_t lo, hi;

		if (!op->removes || op->off >= b->off + BS || op->off + op->len <= b->off || b->sent > op->t1)
			continue;
		if (!touched) {
			memset(must, 0, BS);
			memset(may, 0, BS);
			touched = true;
		}
		lo = op->off > b->off ? op->off - b->off : 0;
		hi = op->off + op->len - b->off;
		if (hi > BS)
			hi = BS;
		memset((b->acked < op->t0 && !op->err ? must : may) + lo, 1, hi - lo);
	}
	if (!memcmp(got, want, BS) && !touched)
		return true;
	for (i = 0; i < BS; i++) {
		bool data_ok = !touched || !must[i], zero_ok = touched && (must[i] || may[i]);

		if ((data_ok && got[i] == want[i]) || (zero_ok && !got[i]))
			continue;
		if (!lost && !stale)
			first = i;
		if (data_ok && !got[i])
			lost++;
		else
			stale++;
	}
	if (!lost && !stale)
		return true;
	if (stale)
		complain(r, CORRUPT, "%s: block %u at %" PRIu64 ": %u bytes from %u on %s", how, id, b->off, lost + stale, first,
			 touched && must[first] ? "should have been removed" : "are not what was written");
	else
		complain(r, LOST, "%s: block %u at %" PRIu64 ": %u acknowledged bytes from %u on are zero", how, id, b->off,
			 lost, first);
	return false;
}

static bool judge_shifted(struct race *r, uint64_t nslots, unsigned char *slot_id_valid, uint32_t *slot_id,
			  uint64_t size, const char *how)
{
	uint64_t *pos = malloc((r->nb + 1) * sizeof(*pos)), want_size, s, *ppos = malloc((r->npfx + 1) * sizeof(*ppos));
	unsigned int i;
	bool ok = true;

	place_prefix(r, ppos, &want_size);
	for (i = 0; i < r->nb; i++)
		pos[i] = ~0ull;
	for (s = 0; s < nslots; s++) {
		if (!slot_id_valid[s])
			continue;
		i = slot_id[s];
		if (pos[i] != ~0ull) {
			complain(r, CORRUPT, "%s: block %u is at %" PRIu64 " and at %" PRIu64, how, i, pos[i], s * BS);
			ok = false;
		}
		pos[i] = s * BS;
	}
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
	uint64_t size, off, nslots, acked_end = r->pfx_size, s;
	unsigned char *valid = NULL;
	uint32_t *slot = NULL;
	static const unsigned char zero[BS];
	struct stat st;
	unsigned int i;
	bool ok = true, shifts = racer_shifts();

	if (fstat(fd, &st)) {
		complain(r, ERROR, "%s: fstat: %s", how, strerror(errno));
		return false;
	}
	size = st.st_size;
	for (i = 0; i < r->nb; i++)
		if (r->b[i].acked && r->b[i].off + BS > acked_end)
			acked_end = r->b[i].off + BS;

	if (!shifts) {
		uint64_t want = acked_end > r->size_floor ? acked_end : r->size_floor;

		if (size < acked_end) {
			complain(r, LOST, "%s: size is %" PRIu64 ", acknowledged data end at %" PRIu64, how, size, acked_end);
			ok = false;
		} else if (r->exact && size != want) {
			complain(r, size < want ? LOST : CORRUPT, "%s: size is %" PRIu64 ", should be %" PRIu64, how, size, want);
			ok = false;
		} else if (size < want) {
			complain(r, LOST, "%s: size is %" PRIu64 ", was at least %" PRIu64, how, size, want);
			ok = false;
		}
	}

	nslots = (size > acked_end && !shifts ? size : shifts ? size : acked_end) / BS + 1;
	valid = calloc(nslots, 1);
	slot = malloc(nslots * sizeof(*slot));
	if (!shifts)
		for (i = 0; i < r->nb; i++)
			if (r->b[i].sent) {
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

			if (!shifts && valid[s]) {
				ok = judge_block(r, slot[s], p, how);
				continue;
			}
			if (!h->magic && !memcmp(p, zero, BS))
				continue;
			if (shifts && h->magic == MAGIC && h->race == (r->uid ^ o.seed << 32) && h->id < r->nb) {
				fill_block(expect, r, h->id);
				if (!memcmp(expect, p, BS)) {
					valid[s] = 1;
					slot[s] = h->id;
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
	if (ok && shifts)
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
