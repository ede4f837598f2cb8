/* SPDX-License-Identifier: GPL-2.0-only */
/* Super blocks: shrinkers, slabs of inodes, the uuid, reports to those who watch the filesystem. */
#ifndef COMPAT_SUPER_H
#define COMPAT_SUPER_H

#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include "dx_have.h"

/* ---- shrinker: embedded in its owner; callbacks find it with dx_shrinker_of() ---- */

struct dx_shrinker {
#if HAVE_SHRINKER == 2
	struct shrinker	*s;
#else
	struct shrinker	s;
	bool		on;
#endif
};

static inline struct dx_shrinker *dx_shrinker_of(struct shrinker *s)
{
#if HAVE_SHRINKER == 2
	return s->private_data;
#else
	return container_of(s, struct dx_shrinker, s);
#endif
}

static inline int dx_shrinker_register(struct dx_shrinker *ds, const char *name,
				       unsigned long (*count)(struct shrinker *s, struct shrink_control *sc),
				       unsigned long (*scan)(struct shrinker *s, struct shrink_control *sc))
{
#if HAVE_SHRINKER == 2
	ds->s = shrinker_alloc(0, "%s", name);
	if (!ds->s)
		return -ENOMEM;
	ds->s->count_objects = count;
	ds->s->scan_objects = scan;
	ds->s->private_data = ds;
	shrinker_register(ds->s);
	return 0;
#else
	int error;

	ds->s.count_objects = count;
	ds->s.scan_objects = scan;
	ds->s.seeks = DEFAULT_SEEKS;
#if HAVE_SHRINKER == 1
	error = register_shrinker(&ds->s, "%s", name);
#else
	error = register_shrinker(&ds->s);
#endif
	ds->on = !error;
	return error;
#endif
}

static inline void dx_shrinker_unregister(struct dx_shrinker *ds)
{
#if HAVE_SHRINKER == 2
	shrinker_free(ds->s);
	ds->s = NULL;
#else
	if (ds->on)
		unregister_shrinker(&ds->s);
	ds->on = false;
#endif
}

/* ---- slab of inodes ---- */

#ifdef SLAB_MEM_SPREAD
#define DX_SLAB_INODE	(SLAB_RECLAIM_ACCOUNT | SLAB_MEM_SPREAD | SLAB_ACCOUNT)
#else
#define DX_SLAB_INODE	(SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT)
#endif

static inline void *dx_inode_slab_alloc(struct super_block *sb, struct kmem_cache *cache)
{
#if HAVE_ALLOC_INODE_SB
	return alloc_inode_sb(sb, cache, GFP_KERNEL);
#else
	return kmem_cache_alloc(cache, GFP_KERNEL);
#endif
}

/* ---- the rest ---- */

static inline void dx_super_set_uuid(struct super_block *sb, const uuid_t *uuid)
{
#if HAVE_SUPER_SET_UUID
	super_set_uuid(sb, uuid->b, sizeof(*uuid));
#else
	uuid_copy(&sb->s_uuid, uuid);
#endif
}

/* Tell who watches @sb that it has shut down. */
void dx_notify_shutdown(struct super_block *sb);	/* compat_super.c */

#endif /* COMPAT_SUPER_H */
