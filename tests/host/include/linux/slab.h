/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: tracked allocation: each block is on one list, can be made to fail, and dies with the world. */
#ifndef HOST_LINUX_SLAB_H
#define HOST_LINUX_SLAB_H

#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/err.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#define SLAB_RECLAIM_ACCOUNT	0x20000u
#define KMALLOC_MAX_SIZE	(1UL << 22)
#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(x)	((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

void *host_alloc(size_t size, gfp_t gfp, int kind, const char *file, int line) __malloc;
enum { HOST_KMALLOC, HOST_KVMALLOC, HOST_VMALLOC };
#define kmalloc(s, g)		host_alloc(s, g, HOST_KMALLOC, __FILE__, __LINE__)
#define kzalloc(s, g)		kmalloc(s, (g) | __GFP_ZERO)
#define kmalloc_array(n, s, g)	kmalloc(array_size(n, s), g)
#define kcalloc(n, s, g)	kzalloc(array_size(n, s), g)
#define kvmalloc(s, g)		host_alloc(s, g, HOST_KVMALLOC, __FILE__, __LINE__)
#define kvzalloc(s, g)		kvmalloc(s, (g) | __GFP_ZERO)
#define kvmalloc_array(n, s, g)	kvmalloc(array_size(n, s), g)
#define kvcalloc(n, s, g)	kvzalloc(array_size(n, s), g)
void *krealloc(const void *p, size_t size, gfp_t gfp) __must_check;
void *kvrealloc(const void *p, size_t oldsize, size_t newsize, gfp_t gfp);
void kfree(const void *p);
void kvfree(const void *p);
void kfree_sensitive(const void *p);
size_t ksize(const void *p);

struct kmem_cache;
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     slab_flags_t flags, void (*ctor)(void *));
void kmem_cache_destroy(struct kmem_cache *c);
int kmem_cache_shrink(struct kmem_cache *c);
unsigned int kmem_cache_size(struct kmem_cache *c);
void *host_cache_alloc(struct kmem_cache *c, gfp_t gfp, const char *file, int line) __malloc;
#define kmem_cache_alloc(c, g)	host_cache_alloc(c, g, __FILE__, __LINE__)
#define kmem_cache_zalloc(c, g)	kmem_cache_alloc(c, (g) | __GFP_ZERO)
void kmem_cache_free(struct kmem_cache *c, void *p);

#endif /* HOST_LINUX_SLAB_H */
