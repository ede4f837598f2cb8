// SPDX-License-Identifier: GPL-2.0-only
/*
 * stall, the times: a histogram whose slots grow with the time, so that a minute and a microsecond are known equally well.
 *
 * Below 2^SUB_BITS ns each time has a slot of its own; above, each power of two has 2^SUB_BITS slots of equal width. So a time is
 * told too long by at most 1 in 2^SUB_BITS, and never too short.
 */
#include "stall.h"

unsigned int hist_slot(uint64_t ns)
{
	unsigned int octave;

	if (ns < 1u << SUB_BITS)
		return (unsigned int)ns;
	if (ns >= 1ull << OCTAVES)
		return HIST_SLOTS - 1;
	octave = 63 - (unsigned int)__builtin_clzll(ns) - SUB_BITS;
	return ((octave + 1) << SUB_BITS) + (unsigned int)(ns >> octave) - (1u << SUB_BITS);
}

uint64_t hist_upper(unsigned int slot)
{
	unsigned int octave = slot >> SUB_BITS;

	if (!octave)
		return slot;
	octave--;
	return (((uint64_t)(slot & ((1u << SUB_BITS) - 1)) + (1u << SUB_BITS) + 1) << octave) - 1;
}

void hist_add(struct hist *h, uint64_t ns)
{
	h->slot[hist_slot(ns)]++;
	h->n++;
	if (ns > h->max)
		h->max = ns;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	for (unsigned int i = 0; i < HIST_SLOTS; i++)
		to->slot[i] += from->slot[i];
	to->n += from->n;
	if (from->max > to->max)
		to->max = from->max;
}

uint64_t hist_percentile(const struct hist *h, unsigned int permille)
{
	uint64_t rank = (h->n * permille + 999) / 1000, seen = 0;

	if (!h->n)
		return 0;
	if (!rank)
		rank = 1;
	for (unsigned int i = 0; i < HIST_SLOTS; i++) {
		seen += h->slot[i];
		if (seen >= rank)
			return hist_upper(i) < h->max ? hist_upper(i) : h->max;
	}
	return h->max;
}

/* ------------------------------------------------------------ against the same by sorting */

#define SAMPLES	20000

static int bad;

static void __attribute__((format(printf, 2, 3))) check(bool ok, const char *fmt, ...)
{
	va_list ap;

	bad |= !ok;
	printf("%s ", ok ? "ok" : "not ok");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	puts("");
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void slots_meet(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < HIST_SLOTS; i++) {
		wrong += hist_slot(hist_upper(i)) != i;
		if (i + 1 < HIST_SLOTS)
			wrong += hist_slot(hist_upper(i) + 1) != i + 1;
	}
	check(!wrong, "slots: each begins where the one before ends (%u of %u do not)", wrong, HIST_SLOTS);
	check(hist_upper(HIST_SLOTS - 1) == (1ull << OCTAVES) - 1, "slots: the last one ends at 2^%d ns", OCTAVES);
	check(hist_slot(UINT64_MAX) == HIST_SLOTS - 1, "slots: what is longer is in the last one");
}

static void few_samples(void)
{
	static struct hist h;

	check(!hist_percentile(&h, 500), "percentiles: of nothing, 0");
	hist_add(&h, 12345678);
	check(hist_percentile(&h, 1) == 12345678 && hist_percentile(&h, 999) == 12345678, "percentiles: of one, that one");
	for (unsigned int i = 0; i < 999; i++)
		hist_add(&h, 10);
	check(hist_percentile(&h, 999) == 10 && hist_percentile(&h, 1000) == 12345678,
	      "percentiles: one long of a thousand is above p99.9, and the maximum");
	hist_add(&h, 12345678);
	check(hist_percentile(&h, 999) == 12345678, "percentiles: two of 1001 are not");
}

/* How the times are spread must not matter. */
static void many_samples(const char *what, int spread)
{
	static const unsigned int ask[] = { 1, 10, 250, 500, 950, 990, 999, 1000 };
	static uint64_t v[SAMPLES];
	static struct hist h, half[2];
	uint64_t x = 88172645463325252ull + (unsigned int)spread;
	unsigned int i;

	memset(&h, 0, sizeof(h));
	memset(half, 0, sizeof(half));
	for (i = 0; i < SAMPLES; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		v[i] = spread == 0 ? x % 5000000 : spread == 1 ? x >> (24 + x % 40) : 1000000 + x % 1000 + (i % 100 ? 0 : 500000000);
		hist_add(&half[i & 1], v[i]);
	}
	hist_merge(&h, &half[0]);
	hist_merge(&h, &half[1]);
	qsort(v, SAMPLES, sizeof(*v), by_size);
	for (i = 0; i < sizeof(ask) / sizeof(*ask); i++) {
		uint64_t want = v[(SAMPLES * ask[i] + 999) / 1000 - 1], got = hist_percentile(&h, ask[i]);

		check(got >= want && got <= want + (want >> SUB_BITS), "percentiles: %s, %.1f%%: %" PRIu64 " ns, by sorting %" PRIu64,
		      what, ask[i] / 10.0, got, want);
	}
	check(h.n == SAMPLES && h.max == v[SAMPLES - 1], "percentiles: %s, two histograms become one", what);
}

int hist_self_test(void)
{
	slots_meet();
	few_samples();
	many_samples("evenly spread", 0);
	many_samples("of all sizes", 1);
	many_samples("with a hundredth far off", 2);
	return bad;
}
