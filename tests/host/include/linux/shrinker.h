/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: memory pressure on demand: host_shrink_all(). */
#ifndef HOST_LINUX_SHRINKER_H
#define HOST_LINUX_SHRINKER_H

#include <linux/types.h>
#include <linux/list.h>
#define SHRINK_EMPTY	(~0UL - 1)
struct shrink_control {
	gfp_t gfp_mask;
	int nid;
	unsigned long nr_to_scan;
	unsigned long nr_scanned;
};
struct shrinker {
	unsigned long (*count_objects)(struct shrinker *, struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *, struct shrink_control *sc);
	long batch;
	int seeks;
	unsigned int flags;
	struct list_head list;
};
int register_shrinker(struct shrinker *s, const char *fmt, ...) __printf(2, 3);
void unregister_shrinker(struct shrinker *s);

#endif /* HOST_LINUX_SHRINKER_H */
