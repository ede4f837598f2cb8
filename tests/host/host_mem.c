// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel memory.  Each block carries a header on one list, so that the whole
 * world can be freed after a crash and leaks can be named.  This file is built
 * without address checks, because the headers are poisoned for everybody else.
 */
#include <stdio.h>
#include <stdlib.h>
#include "host_int.h"

#ifdef HOST_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)	__asan_poison_memory_region(p, n)
#define UNPOISON(p, n)	__asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)	do { } while (0)
#define UNPOISON(p, n)	do { } while (0)
#endif

#define MAGIC	0x6b6d616c6c6f6321ULL
enum { KIND_CACHE = 100 };

struct hdr {
	struct hdr *next, *prev;
	size_t size;
	struct kmem_cache *cache;
	const char *file;
	int line;
	int kind;
	u64 seq;
	u64 magic;
};

struct kmem_cache {
	char name[40];
	size_t size;
	void (*ctor)(void *);
	unsigned long live;
};

static struct hdr head = { .next = &head, .prev = &head };
static unsigned long live, count, fail_at;
static bool fail_after, failed;
static u64 seq;
static size_t live_bytes, peak_bytes, largest;

void host_fail_alloc_nth(unsigned long n)
{
	fail_at = n ? count + n : 0;
	fail_after = false;
	failed = false;
}

void host_fail_alloc_from(unsigned long n)
{
	host_fail_alloc_nth(n);
	fail_after = true;
}

bool host_alloc_failed(void) { return failed; }
unsigned long host_alloc_count(void) { return count; }
size_t host_alloc_peak(void) { return peak_bytes; }
size_t host_alloc_largest(void) { return largest; }

static bool should_fail(gfp_t gfp)
{
	if (gfp & __GFP_NOFAIL)
		return false;
	count++;
	if (!fail_at || (fail_after ? count < fail_at : count != fail_at))
		return false;
	failed = true;
	return true;
}

static void *block_new(size_t size, gfp_t gfp, int kind, struct kmem_cache *c, const char *file, int line)
{
	struct hdr *h;

	if (gfp & __GFP_DIRECT_RECLAIM)
		host_might_sleep(file, line);
	if ((gfp & __GFP_DIRECT_RECLAIM) && (gfp & __GFP_FS) && !(current->flags & PF_MEMALLOC_NOFS))
		host_reclaim_order(file, line);
	if (should_fail(gfp))
		return NULL;
	if (size > (1UL << 40))
		return NULL;
	h = malloc(sizeof(*h) + size);
	if (!h) {
		host_say("host: out of memory\n");
		abort();
	}
	h->size = size;
	h->kind = kind;
	h->cache = c;
	h->file = file;
	h->line = line;
	h->seq = ++seq;
	h->magic = MAGIC;
	h->next = &head;
	h->prev = head.prev;
	head.prev->next = h;
	head.prev = h;
	live++;
	live_bytes += size;
	peak_bytes = max(peak_bytes, live_bytes);
	largest = max(largest, size);
	if (gfp & __GFP_ZERO)
		memset(h + 1, 0, size);
	POISON(h, sizeof(*h));
	return h + 1;
}

static void block_del(struct hdr *h)
{
	h->next->prev = h->prev;
	h->prev->next = h->next;
	h->magic = 0;
	live--;
	live_bytes -= h->size;
	UNPOISON(h, sizeof(*h));
	free(h);
}

static struct hdr *block_of(const void *p, const char *what)
{
	struct hdr *h = (struct hdr *)p - 1;

	if (h->magic != MAGIC) {
		host_say("\n%s of %p: not an allocated block, or freed before\n", what, p);
		host_print_stack();
		/* Let the address checker tell who freed it. */
		free(h);
		abort();
	}
	return h;
}

void *host_alloc(size_t size, gfp_t gfp, int kind, const char *file, int line)
{
	if (!size)
		return kind == HOST_VMALLOC ? NULL : ZERO_SIZE_PTR;
	if (kind == HOST_KMALLOC && size > KMALLOC_MAX_SIZE) {
		WARN(!(gfp & __GFP_NOWARN), "kmalloc of %zu bytes at %s:%d", size, file, line);
		return NULL;
	}
	return block_new(size, gfp, kind, NULL, file, line);
}

static void give_back(const void *p, const char *what, bool kfree_only)
{
	struct hdr *h;

	if (ZERO_OR_NULL_PTR(p))
		return;
	h = block_of(p, what);
	WARN(h->kind == KIND_CACHE, "%s of an object of cache %s", what, h->kind == KIND_CACHE ? h->cache->name : "");
	WARN(kfree_only && (h->kind == HOST_KVMALLOC || h->kind == HOST_VMALLOC),
	     "kfree of kvmalloc or vmalloc memory from %s:%d", h->file, h->line);
	host_check_freed(p, h->size);
	block_del(h);
}

void kfree(const void *p) { give_back(p, "kfree", true); }
void kvfree(const void *p) { give_back(p, "kvfree", false); }
void vfree(const void *p) { give_back(p, "vfree", false); }
void kfree_sensitive(const void *p) { give_back(p, "kfree_sensitive", true); }
size_t ksize(const void *p) { return ZERO_OR_NULL_PTR(p) ? 0 : block_of(p, "ksize")->size; }

/* Always moves, so that pointers into the old block are found out. */
void *krealloc(const void *p, size_t size, gfp_t gfp)
{
	struct hdr *h;
	void *n;

	if (!size) {
		kfree(p);
		return ZERO_SIZE_PTR;
	}
	n = kmalloc(size, gfp);
	if (!n || ZERO_OR_NULL_PTR(p))
		return n;
	h = block_of(p, "krealloc");
	memcpy(n, p, min(h->size, size));
	kfree(p);
	return n;
}

void *kvrealloc(const void *p, size_t oldsize, size_t newsize, gfp_t gfp)
{
	void *n;

	if (oldsize >= newsize)
		return (void *)p;
	n = kvmalloc(newsize, gfp);
	if (!n)
		return NULL;
	memcpy(n, p, oldsize);
	kvfree(p);
	return n;
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     slab_flags_t flags, void (*ctor)(void *))
{
	struct kmem_cache *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	host_snprintf(c->name, sizeof(c->name), "%s", name);
	c->size = size;
	c->ctor = ctor;
	return c;
}

void kmem_cache_destroy(struct kmem_cache *c)
{
	struct hdr *h;
	int shown = 0;

	if (!c)
		return;
	if (WARN(c->live, "cache %s destroyed with %lu objects in use", c->name, c->live))
		for (h = head.next; h != &head && shown < 5; h = h->next)
			if (h->cache == c) {
				host_say("    object %p from %s:%d\n", h + 1, h->file, h->line);
				shown++;
			}
	kfree(c);
}

int kmem_cache_shrink(struct kmem_cache *c) { return 0; }
unsigned int kmem_cache_size(struct kmem_cache *c) { return c->size; }

void *host_cache_alloc(struct kmem_cache *c, gfp_t gfp, const char *file, int line)
{
	void *p = block_new(c->size, gfp, KIND_CACHE, c, file, line);

	if (!p)
		return NULL;
	c->live++;
	if (c->ctor)
		c->ctor(p);
	return p;
}

void kmem_cache_free(struct kmem_cache *c, void *p)
{
	struct hdr *h;

	if (!p)
		return;
	h = block_of(p, "kmem_cache_free");
	if (WARN(h->cache != c, "kmem_cache_free to cache %s of an object from %s:%d", c->name, h->file, h->line))
		return;
	c->live--;
	host_check_freed(p, h->size);
	block_del(h);
}

unsigned long host_live_allocs(bool print)
{
	struct hdr *h;
	int shown = 0;

	host_rcu_run();		/* what only waits for readers is not in use */
	if (print)
		for (h = head.next; h != &head && shown < 20; h = h->next, shown++)
			host_say("    live: %zu bytes from %s:%d (allocation %llu)%s%s\n", h->size, h->file, h->line,
				 h->seq, h->cache ? " cache " : "", h->cache ? h->cache->name : "");
	return live;
}

void host_mem_reset(void)
{
	while (head.next != &head)
		block_del(head.next);
	count = fail_at = 0;
	failed = fail_after = false;
	seq = 0;
	peak_bytes = largest = 0;
}

int percpu_counter_batch = 32;

/* As with real per-CPU memory: one allocation, which destroy gives back. */
int host_pcc_init(struct percpu_counter *c, s64 amount, gfp_t gfp, const char *file, int line)
{
	if (gfp & __GFP_DIRECT_RECLAIM)
		host_might_sleep(file, line);
	if (should_fail(gfp))
		return -ENOMEM;
	c->count = amount;
	c->host_local = 0;
	c->host_live = true;
	return 0;
}

void percpu_counter_destroy(struct percpu_counter *c) { c->host_live = false; }

void percpu_counter_add_batch(struct percpu_counter *c, s64 amount, s32 batch)
{
	WARN_ONCE(!c->host_live, "percpu_counter used before init or after destroy");
	host_preempt_point();	/* nobody sees the counter and changes it in one step */
	c->host_local += amount;
	if (c->host_local >= batch || c->host_local <= -batch)
		percpu_counter_sync(c);
}

int __percpu_counter_compare(struct percpu_counter *c, s64 rhs, s32 batch)
{
	s64 v = percpu_counter_read(c);

	/* One processor: the read value is off by less than one batch. */
	if (v - rhs > batch || rhs - v > batch)
		return v > rhs ? 1 : -1;
	v = percpu_counter_sum(c);
	return v > rhs ? 1 : v < rhs ? -1 : 0;
}
