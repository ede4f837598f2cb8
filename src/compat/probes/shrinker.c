// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: register_shrinker(s)
 * 1: register_shrinker(s, name...) (6.0)
 * 2: shrinker_alloc(flags, name...) (6.7)
 */
#include <linux/shrinker.h>
#include "probe.h"

#if FORM == 0
int (*probe)(struct shrinker *) = register_shrinker;

#elif FORM == 1
int (*probe)(struct shrinker *, const char *, ...) = register_shrinker;

#elif FORM == 2
struct shrinker *probe(void)
{
	struct shrinker *s = shrinker_alloc(0, "%s", "x");

	shrinker_register(s);
	return s->private_data;
}

#endif
