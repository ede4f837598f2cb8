/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: resizable hash tables. */
#ifndef HOST_LINUX_RHASHTABLE_H
#define HOST_LINUX_RHASHTABLE_H

#include <linux/types.h>
#include <linux/err.h>
#include <linux/jhash.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

struct rhashtable;
struct rhash_head { struct rhash_head *next; };
struct rhashtable_compare_arg { struct rhashtable *ht; const void *key; };
typedef u32 (*rht_hashfn_t)(const void *data, u32 len, u32 seed);
typedef u32 (*rht_obj_hashfn_t)(const void *data, u32 len, u32 seed);
typedef int (*rht_obj_cmpfn_t)(struct rhashtable_compare_arg *arg, const void *obj);
struct rhashtable_params {
	u16 nelem_hint;
	u16 key_len;
	u16 key_offset;
	u16 head_offset;
	unsigned int max_size;
	u16 min_size;
	bool automatic_shrinking;
	rht_hashfn_t hashfn;
	rht_obj_hashfn_t obj_hashfn;
	rht_obj_cmpfn_t obj_cmpfn;
};
struct rhashtable {
	struct rhash_head **host_tbl;
	unsigned int host_size;
	unsigned int key_len;
	unsigned int max_elems;
	struct rhashtable_params p;
	struct mutex mutex;
	spinlock_t lock;
	atomic_t nelems;
	u32 host_seed;
};
struct rhashtable_iter {
	struct rhashtable *ht;
	void **host_objs;
	unsigned int host_n;
	unsigned int host_pos;
};
int rhashtable_init(struct rhashtable *ht, const struct rhashtable_params *p);
void rhashtable_destroy(struct rhashtable *ht);
void rhashtable_free_and_destroy(struct rhashtable *ht, void (*free_fn)(void *ptr, void *arg), void *arg);
void *rhashtable_lookup_fast(struct rhashtable *ht, const void *key, const struct rhashtable_params p);
int rhashtable_insert_fast(struct rhashtable *ht, struct rhash_head *obj, const struct rhashtable_params p);
int rhashtable_lookup_insert_fast(struct rhashtable *ht, struct rhash_head *obj, const struct rhashtable_params p);
void *rhashtable_lookup_get_insert_fast(struct rhashtable *ht, struct rhash_head *obj,
					const struct rhashtable_params p);
int rhashtable_lookup_insert_key(struct rhashtable *ht, const void *key, struct rhash_head *obj,
				 const struct rhashtable_params p);
void *rhashtable_lookup_get_insert_key(struct rhashtable *ht, const void *key, struct rhash_head *obj,
				       const struct rhashtable_params p);
int rhashtable_remove_fast(struct rhashtable *ht, struct rhash_head *obj, const struct rhashtable_params p);
int rhashtable_replace_fast(struct rhashtable *ht, struct rhash_head *o, struct rhash_head *n,
			    const struct rhashtable_params p);
void rhashtable_walk_enter(struct rhashtable *ht, struct rhashtable_iter *iter);
void rhashtable_walk_exit(struct rhashtable_iter *iter);
int rhashtable_walk_start_check(struct rhashtable_iter *iter);
static inline void rhashtable_walk_start(struct rhashtable_iter *iter) { (void)rhashtable_walk_start_check(iter); }
void *rhashtable_walk_next(struct rhashtable_iter *iter);
void *rhashtable_walk_peek(struct rhashtable_iter *iter);
void rhashtable_walk_stop(struct rhashtable_iter *iter);

#endif /* HOST_LINUX_RHASHTABLE_H */
