/* SPDX-License-Identifier: GPL-2.0-only */
/* Super blocks: shrinkers, slabs of inodes, the uuid, reports to those who watch the filesystem. */
#ifndef COMPAT_SUPER_H
#define COMPAT_SUPER_H

#include <linux/fs.h>
#include <linux/fsnotify.h>
#include <linux/kobject.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
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

/*
 * DX_OP_FREE_INODE(fn), at file scope, and DX_FREE_INODE(fn) in the table: void fn(inode) frees what readers under RCU may
 * still look at. Kernels before 5.2 leave the waiting to the filesystem.
 */
#if HAVE_FREE_INODE
#define DX_OP_FREE_INODE(fn)	struct dx_no_such
#define DX_FREE_INODE(fn)	.free_inode = fn,
#else
#define DX_OP_FREE_INODE(fn) \
static void fn##_rcu(struct rcu_head *head) \
{ \
	fn(container_of(head, struct inode, i_rcu)); \
} \
static void fn##_after_rcu(struct inode *inode) \
{ \
	call_rcu(&inode->i_rcu, fn##_rcu); \
}
#define DX_FREE_INODE(fn)	.destroy_inode = fn##_after_rcu,
#endif

/* ---- the rest ---- */

#if !HAVE_SYSFS_EMIT
/* @buf is the page that ->show() fills. */
#define sysfs_emit(buf, fmt, ...)		scnprintf(buf, PAGE_SIZE, fmt, ##__VA_ARGS__)
#define sysfs_emit_at(buf, at, fmt, ...)	scnprintf((buf) + (at), PAGE_SIZE - (at), fmt, ##__VA_ARGS__)
#endif

/*
 * DX_KOBJ_ATTRS(name), at file scope, after name_attrs[]; DX_KOBJ_DEFAULT(name) in a kobj_type. Attributes come in groups from
 * 5.2 on, and ours have one.
 */
#if HAVE_KOBJ_GROUPS
#define DX_KOBJ_ATTRS(name)	ATTRIBUTE_GROUPS(name)
#define DX_KOBJ_DEFAULT(name)	.default_groups = name##_groups
#else
#define DX_KOBJ_ATTRS(name)	struct dx_no_such
#define DX_KOBJ_DEFAULT(name)	.default_attrs = name##_attrs
#endif

/* The range of the times that can be stored, in seconds: since 5.4 the VFS keeps to it. Before, the core clamps alone. */
static inline void dx_super_set_times(struct super_block *sb, s64 min, s64 max)
{
#if HAVE_SB_TIME_RANGE
	sb->s_time_min = min;
	sb->s_time_max = max;
#endif
}

static inline void dx_super_set_uuid(struct super_block *sb, const uuid_t *uuid)
{
#if HAVE_SUPER_SET_UUID
	super_set_uuid(sb, uuid->b, sizeof(*uuid));
#else
	uuid_copy(&sb->s_uuid, uuid);
#endif
}

/* DX_SUPER_SHUTDOWN(fn) in super_operations: void fn(sb), the device is gone. Before 6.5 its errors have to tell. */
#if HAVE_SB_SHUTDOWN
#define DX_SUPER_SHUTDOWN(fn)	.shutdown = fn,
#else
#define DX_SUPER_SHUTDOWN(fn)
#endif

/* Tell who watches @sb that it has shut down. */
void dx_notify_shutdown(struct super_block *sb);	/* compat_super.c */

#endif /* COMPAT_SUPER_H */
