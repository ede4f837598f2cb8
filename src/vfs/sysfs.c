// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/fs/dioxfs/<dev>/: counters, speculative_prealloc_lifetime, log/, error/, and in debug builds errortag/.
 *
 * One value a file, in decimal; drain_histogram has one line for each power of
 * two of microseconds.  error/ has stock XFS's names and values: what is tried again, and for how long (retry.c).
 *
 * The directories are a table, parents first; each kobject lives in the mount's structure, so its removal
 * waits for the last reader.  log/ looks into the log and goes before that does; the others stay until the mount
 * is closed, for an unmount that waits for a device can be cut short in error/.
 */
#include <linux/kobject.h>
#include <linux/sysfs.h>
#include "dx_vfs.h"
#include "dx_log.h"

static struct kset *dioxfs_kset;

struct dx_attr {
	struct attribute attr;
	ssize_t	(*show)(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf);
	ssize_t	(*store)(struct dx_super *ds, int dir, const struct dx_attr *a, const char *buf, size_t len);
	int	arg;
};

static ssize_t counter_show(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&ds->counters[a->arg]));
}

static ssize_t hist_show(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf)
{
	int i, n = 0;

	for (i = 0; i < DX_HIST_BUCKETS; i++)
		n += sysfs_emit_at(buf, n, "<%lu us: %lld\n", 1UL << i, atomic64_read(&ds->drain_hist[i]));
	return n;
}

#define COUNTER(_name, _c) \
	static struct dx_attr attr_##_name = { .attr = { .name = #_name, .mode = 0444 }, .show = counter_show, .arg = _c }
COUNTER(lockouts, DX_C_LOCKOUTS);
COUNTER(additive, DX_C_ADDITIVE);
COUNTER(ranged, DX_C_RANGED);
COUNTER(range_waits, DX_C_RANGE_WAITS);
COUNTER(range_wait_ns, DX_C_RANGE_WAIT_NS);
COUNTER(dio_range_waits, DX_C_DIO_RANGE_WAITS);
COUNTER(drains, DX_C_DRAINS);
COUNTER(drain_ns, DX_C_DRAIN_NS);
COUNTER(layout_breaks, DX_C_LAYOUT_BREAKS);
COUNTER(dio_writes, DX_C_DIO_WRITES);
COUNTER(dio_write_completions, DX_C_DIO_WRITE_COMPLETIONS);
COUNTER(dio_size_updates, DX_C_DIO_SIZE_UPDATES);
COUNTER(dio_conversions, DX_C_DIO_CONVERSIONS);
COUNTER(fallocates, DX_C_FALLOCATE);
COUNTER(space_ioctls, DX_C_SPACE_IOCTL);
COUNTER(setsizes, DX_C_SETSIZE);
COUNTER(lockout_violations, DX_C_LOCKOUT_VIOLATIONS);
COUNTER(give_backs, DX_C_GIVE_BACKS);
COUNTER(give_back_writes, DX_C_GIVE_BACK_WRITES);
static struct dx_attr attr_drain_histogram = {
	.attr = { .name = "drain_histogram", .mode = 0444 }, .show = hist_show,
};

static ssize_t lifetime_show(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(ds->giveback.lifetime_s));
}

static ssize_t lifetime_store(struct dx_super *ds, int dir, const struct dx_attr *a, const char *buf, size_t len)
{
	unsigned int v;
	int error = kstrtouint(buf, 0, &v);

	if (error)
		return error;
	if (!v || v > DX_PREALLOC_LIFETIME_MAX_S)
		return -EINVAL;
	dx_giveback_lifetime(ds, v);
	return len;
}

/* of stock's name and unit, which has one for all mounts, a sysctl */
static struct dx_attr attr_prealloc_lifetime = {
	.attr = { .name = "speculative_prealloc_lifetime", .mode = 0644 }, .show = lifetime_show, .store = lifetime_store,
};

static struct attribute *counter_attrs[] = {
	&attr_lockouts.attr, &attr_additive.attr, &attr_ranged.attr,
	&attr_range_waits.attr, &attr_range_wait_ns.attr, &attr_dio_range_waits.attr,
	&attr_drains.attr, &attr_drain_ns.attr, &attr_layout_breaks.attr,
	&attr_dio_writes.attr, &attr_dio_write_completions.attr, &attr_dio_size_updates.attr,
	&attr_dio_conversions.attr, &attr_fallocates.attr, &attr_space_ioctls.attr, &attr_setsizes.attr,
	&attr_lockout_violations.attr, &attr_give_backs.attr, &attr_give_back_writes.attr,
	&attr_drain_histogram.attr, &attr_prealloc_lifetime.attr, NULL
};
DX_KOBJ_ATTRS(counter);

enum { LOG_HEAD, LOG_TAIL, LOG_SIZE, LOG_USED, LOG_FORCES, LOG_CHECKPOINTS, LOG_BYTES };

static ssize_t log_show(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf)
{
	struct dx_log_stats st = { };

	dx_log_get_stats(&ds->mp, &st);
	switch (a->arg) {
	case LOG_HEAD:		return sysfs_emit(buf, "%llu:%llu\n", st.head_cycle, st.head_block);
	case LOG_TAIL:		return sysfs_emit(buf, "%llu:%llu\n", st.tail_cycle, st.tail_block);
	case LOG_SIZE:		return sysfs_emit(buf, "%llu\n", st.size_bytes);
	case LOG_USED:		return sysfs_emit(buf, "%llu\n", st.used_bytes);
	case LOG_FORCES:	return sysfs_emit(buf, "%llu\n", st.forces);
	case LOG_CHECKPOINTS:	return sysfs_emit(buf, "%llu\n", st.checkpoints);
	default:		return sysfs_emit(buf, "%llu\n", st.bytes);
	}
}

#define LOGATTR(_name, _c) \
	static struct dx_attr attr_log_##_name = { .attr = { .name = #_name, .mode = 0444 }, .show = log_show, .arg = _c }
LOGATTR(head, LOG_HEAD);
LOGATTR(tail, LOG_TAIL);
LOGATTR(size_bytes, LOG_SIZE);
LOGATTR(used_bytes, LOG_USED);
LOGATTR(forces, LOG_FORCES);
LOGATTR(checkpoints, LOG_CHECKPOINTS);
LOGATTR(bytes_written, LOG_BYTES);

static struct attribute *log_attrs[] = {
	&attr_log_head.attr, &attr_log_tail.attr, &attr_log_size_bytes.attr, &attr_log_used_bytes.attr,
	&attr_log_forces.attr, &attr_log_checkpoints.attr, &attr_log_bytes_written.attr, NULL
};
DX_KOBJ_ATTRS(log);

/* ---- error/ ---- */

enum { RETRY_MAX, RETRY_TIMEOUT };

static int *retry_word(struct dx_super *ds, int dir, int which)
{
	int class = dir - DX_SYS_ERROR_CLASS;

	return which == RETRY_MAX ? &ds->mp.retry.class[class].max_retries : &ds->mp.retry.class[class].timeout_s;
}

static ssize_t retry_show(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(*retry_word(ds, dir, a->arg)));
}

static ssize_t retry_store(struct dx_super *ds, int dir, const struct dx_attr *a, const char *buf, size_t len)
{
	int v, error = kstrtoint(buf, 0, &v);

	if (error)
		return error;
	if (v < DX_RETRY_FOREVER || (a->arg == RETRY_TIMEOUT && v > DX_RETRY_TIMEOUT_MAX_S))
		return -EINVAL;
	WRITE_ONCE(*retry_word(ds, dir, a->arg), v);
	return len;
}

static struct dx_attr attr_max_retries = {
	.attr = { .name = "max_retries", .mode = 0644 }, .show = retry_show, .store = retry_store, .arg = RETRY_MAX,
};
static struct dx_attr attr_retry_timeout = {
	.attr = { .name = "retry_timeout_seconds", .mode = 0644 }, .show = retry_show, .store = retry_store,
	.arg = RETRY_TIMEOUT,
};

static struct attribute *retry_attrs[] = { &attr_max_retries.attr, &attr_retry_timeout.attr, NULL };
DX_KOBJ_ATTRS(retry);

static ssize_t fail_show(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(ds->mp.retry.fail_at_unmount));
}

static ssize_t fail_store(struct dx_super *ds, int dir, const struct dx_attr *a, const char *buf, size_t len)
{
	unsigned int v;
	int error = kstrtouint(buf, 0, &v);

	if (error)
		return error;
	if (v > 1)
		return -EINVAL;
	WRITE_ONCE(ds->mp.retry.fail_at_unmount, v);
	return len;
}

static struct dx_attr attr_fail_at_unmount = {
	.attr = { .name = "fail_at_unmount", .mode = 0644 }, .show = fail_show, .store = fail_store,
};

static struct attribute *error_attrs[] = { &attr_fail_at_unmount.attr, NULL };
DX_KOBJ_ATTRS(error);

static struct attribute *no_attrs[] = { NULL };
DX_KOBJ_ATTRS(no);

#ifdef DX_DEBUG
static ssize_t tag_show(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(ds->errortag[a->arg]));
}

static ssize_t tag_store(struct dx_super *ds, int dir, const struct dx_attr *a, const char *buf, size_t len)
{
	unsigned int v;
	int error = kstrtouint(buf, 0, &v);

	if (error)
		return error;
	WRITE_ONCE(ds->errortag[a->arg], v);
	if (v)
		dx_warn(&ds->mp, "error tag %s is on: data will be lost on purpose", a->attr.name);
	return len;
}

#define TAG(_name, _c) \
	static struct dx_attr attr_tag_##_name = { .attr = { .name = #_name, .mode = 0644 }, \
		.show = tag_show, .store = tag_store, .arg = _c }
TAG(drain_before_size, DX_TAG_DRAIN_BEFORE_SIZE);
TAG(delay_dio_completion, DX_TAG_DELAY_DIO_COMPLETION);
TAG(mmaplock_before_range, DX_TAG_MMAPLOCK_BEFORE_RANGE);
TAG(range_after_map, DX_TAG_RANGE_AFTER_MAP);
TAG(range_left_early, DX_TAG_RANGE_LEFT_EARLY);
TAG(reads_untracked, DX_TAG_READS_UNTRACKED);
TAG(size_under_shared, DX_TAG_SIZE_UNDER_SHARED);
TAG(buffered_undrained, DX_TAG_BUFFERED_UNDRAINED);
TAG(copies_unasked, DX_TAG_COPIES_UNASKED);
TAG(changes_unseen, DX_TAG_CHANGES_UNSEEN);

/* Not where an inode can be asked: what is the limit of small extent counters. */
static ssize_t few_show(struct dx_super *ds, int dir, const struct dx_attr *a, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(ds->mp.opts.few_extents));
}

static ssize_t few_store(struct dx_super *ds, int dir, const struct dx_attr *a, const char *buf, size_t len)
{
	unsigned int v;
	int error = kstrtouint(buf, 0, &v);

	if (error)
		return error;
	WRITE_ONCE(ds->mp.opts.few_extents, v);
	return len;
}

static struct dx_attr attr_few_extents = {
	.attr = { .name = "few_extents", .mode = 0644 }, .show = few_show, .store = few_store,
};

static struct attribute *tag_attrs[] = {
	&attr_tag_drain_before_size.attr, &attr_tag_delay_dio_completion.attr, &attr_tag_mmaplock_before_range.attr,
	&attr_tag_range_after_map.attr, &attr_tag_range_left_early.attr, &attr_tag_reads_untracked.attr,
	&attr_tag_size_under_shared.attr, &attr_tag_buffered_undrained.attr, &attr_tag_copies_unasked.attr,
	&attr_tag_changes_unseen.attr, &attr_few_extents.attr, NULL
};
DX_KOBJ_ATTRS(tag);
#endif

/* ---- directories ---- */

static struct dx_sysdir *to_sysdir(struct kobject *kobj)
{
	return container_of(kobj, struct dx_sysdir, kobj);
}

static ssize_t attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct dx_attr *a = container_of(attr, struct dx_attr, attr);
	struct dx_sysdir *d = to_sysdir(kobj);

	return a->show ? a->show(d->ds, d - d->ds->sysdir, a, buf) : -EIO;
}

static ssize_t attr_store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t len)
{
	struct dx_attr *a = container_of(attr, struct dx_attr, attr);
	struct dx_sysdir *d = to_sysdir(kobj);

	return a->store ? a->store(d->ds, d - d->ds->sysdir, a, buf, len) : -EIO;
}

static const struct sysfs_ops attr_ops = { .show = attr_show, .store = attr_store };

static void dir_release(struct kobject *kobj)
{
	complete(&to_sysdir(kobj)->released);
}

#define KTYPE(_attrs) { .release = dir_release, .sysfs_ops = &attr_ops, DX_KOBJ_DEFAULT(_attrs) }
static struct kobj_type counter_ktype = KTYPE(counter), log_ktype = KTYPE(log),
	error_ktype = KTYPE(error), metadata_ktype = KTYPE(no), retry_ktype = KTYPE(retry);
#ifdef DX_DEBUG
static struct kobj_type tag_ktype = KTYPE(tag);
#endif

static const struct {
	const char		*name;		/* NULL: the device's */
	int			parent;		/* in this table, -1: /sys/fs/dioxfs */
	struct kobj_type	*type;
} dirs[DX_SYS_NR] = {
	[DX_SYS_MOUNT]		= { NULL, -1, &counter_ktype },
	[DX_SYS_ERROR]		= { "error", DX_SYS_MOUNT, &error_ktype },
	[DX_SYS_METADATA]	= { "metadata", DX_SYS_ERROR, &metadata_ktype },
	[DX_SYS_ERROR_CLASS + DX_ERR_DEFAULT] = { "default", DX_SYS_METADATA, &retry_ktype },
	[DX_SYS_ERROR_CLASS + DX_ERR_EIO] = { "EIO", DX_SYS_METADATA, &retry_ktype },
	[DX_SYS_ERROR_CLASS + DX_ERR_ENOSPC] = { "ENOSPC", DX_SYS_METADATA, &retry_ktype },
	[DX_SYS_ERROR_CLASS + DX_ERR_ENODEV] = { "ENODEV", DX_SYS_METADATA, &retry_ktype },
#ifdef DX_DEBUG
	[DX_SYS_ERRORTAG]	= { "errortag", DX_SYS_MOUNT, &tag_ktype },
#endif
	[DX_SYS_LOG]		= { "log", DX_SYS_MOUNT, &log_ktype },
};

/* From the last one down to @first; waits until no reader is inside. */
static void remove_dirs(struct dx_super *ds, int first)
{
	for (; ds->nr_sysdirs > first; ds->nr_sysdirs--) {
		struct dx_sysdir *d = &ds->sysdir[ds->nr_sysdirs - 1];

		kobject_del(&d->kobj);
		kobject_put(&d->kobj);
		wait_for_completion(&d->released);
	}
}

/**
 * dx_sysfs_add - make the mount's directories
 * @ds: mounted
 *
 * Return: 0, or an error with nothing left behind.
 */
int dx_sysfs_add(struct dx_super *ds)
{
	int i, error;

	for (i = 0; i < DX_SYS_NR; i++) {
		struct dx_sysdir *d = &ds->sysdir[i];
		struct kobject *parent = dirs[i].parent < 0 ? NULL : &ds->sysdir[dirs[i].parent].kobj;

		d->ds = ds;
		init_completion(&d->released);
		if (!parent)
			d->kobj.kset = dioxfs_kset;
		error = kobject_init_and_add(&d->kobj, dirs[i].type, parent, "%s", dirs[i].name ?: ds->sb->s_id);
		if (error) {
			kobject_put(&d->kobj);
			wait_for_completion(&d->released);
			remove_dirs(ds, 0);
			return error;
		}
		ds->nr_sysdirs = i + 1;
	}
	return 0;
}

/** dx_sysfs_del_log - remove what looks into the log, which is about to go */
void dx_sysfs_del_log(struct dx_super *ds)
{
	BUILD_BUG_ON(DX_SYS_LOG + 1 != DX_SYS_NR);
	remove_dirs(ds, DX_SYS_LOG);
}

/** dx_sysfs_del - remove the rest */
void dx_sysfs_del(struct dx_super *ds)
{
	remove_dirs(ds, 0);
}

/** dx_sysfs_init - /sys/fs/dioxfs; module load */
int dx_sysfs_init(void)
{
	dioxfs_kset = kset_create_and_add("dioxfs", NULL, fs_kobj);
	return dioxfs_kset ? 0 : -ENOMEM;
}

/** dx_sysfs_exit - module unload */
void dx_sysfs_exit(void)
{
	kset_unregister(dioxfs_kset);
}
