// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/fs/dioxfs/<dev>/: counters, log/, and in debug builds errortag/.
 *
 * One value a file, in decimal; drain_histogram has one line for each power of
 * two of microseconds.
 */
#include <linux/kobject.h>
#include <linux/sysfs.h>
#include "dx_vfs.h"
#include "dx_log.h"

static struct kset *dioxfs_kset;

/**
 * dx_count_drain - account one wait for direct I/O
 * @inode: whose writes were waited for
 * @ns: how long
 */
void dx_count_drain(struct inode *inode, u64 ns)
{
	struct dx_super *ds = dx_super(inode->i_sb);
	unsigned int i = min_t(unsigned int, fls64(div_u64(ns, 1000)), DX_HIST_BUCKETS - 1);

	atomic64_inc(&ds->counters[DX_C_DRAINS]);
	atomic64_add(ns, &ds->counters[DX_C_DRAIN_NS]);
	atomic64_inc(&ds->drain_hist[i]);
}

struct dx_attr {
	struct attribute attr;
	ssize_t	(*show)(struct dx_super *ds, const struct dx_attr *a, char *buf);
	ssize_t	(*store)(struct dx_super *ds, const struct dx_attr *a, const char *buf, size_t len);
	int	arg;
};

static ssize_t counter_show(struct dx_super *ds, const struct dx_attr *a, char *buf)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&ds->counters[a->arg]));
}

static ssize_t hist_show(struct dx_super *ds, const struct dx_attr *a, char *buf)
{
	int i, n = 0;

	for (i = 0; i < DX_HIST_BUCKETS; i++)
		n += sysfs_emit_at(buf, n, "<%lu us: %lld\n", 1UL << i, atomic64_read(&ds->drain_hist[i]));
	return n;
}

#define COUNTER(_name, _c) \
	static struct dx_attr attr_##_name = { .attr = { .name = #_name, .mode = 0444 }, .show = counter_show, .arg = _c }
COUNTER(lockouts, DX_C_LOCKOUTS);
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
static struct dx_attr attr_drain_histogram = {
	.attr = { .name = "drain_histogram", .mode = 0444 }, .show = hist_show,
};

static struct attribute *counter_attrs[] = {
	&attr_lockouts.attr, &attr_drains.attr, &attr_drain_ns.attr, &attr_layout_breaks.attr,
	&attr_dio_writes.attr, &attr_dio_write_completions.attr, &attr_dio_size_updates.attr,
	&attr_dio_conversions.attr, &attr_fallocates.attr, &attr_space_ioctls.attr, &attr_setsizes.attr,
	&attr_lockout_violations.attr, &attr_drain_histogram.attr, NULL
};
ATTRIBUTE_GROUPS(counter);

enum { LOG_HEAD, LOG_TAIL, LOG_SIZE, LOG_USED, LOG_FORCES, LOG_CHECKPOINTS, LOG_BYTES };

static ssize_t log_show(struct dx_super *ds, const struct dx_attr *a, char *buf)
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
ATTRIBUTE_GROUPS(log);

#ifdef DX_DEBUG
static ssize_t tag_show(struct dx_super *ds, const struct dx_attr *a, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(ds->errortag[a->arg]));
}

static ssize_t tag_store(struct dx_super *ds, const struct dx_attr *a, const char *buf, size_t len)
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
static struct attribute *tag_attrs[] = {
	&attr_tag_drain_before_size.attr, &attr_tag_delay_dio_completion.attr, NULL
};
ATTRIBUTE_GROUPS(tag);
#endif

static struct dx_super *super_of(struct kobject *kobj)
{
	/* The children's parent is the mount's own directory. */
	if (kobj->parent && kobj->parent != &dioxfs_kset->kobj)
		kobj = kobj->parent;
	return container_of(kobj, struct dx_super, kobj);
}

static ssize_t attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct dx_attr *a = container_of(attr, struct dx_attr, attr);

	return a->show ? a->show(super_of(kobj), a, buf) : -EIO;
}

static ssize_t attr_store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t len)
{
	struct dx_attr *a = container_of(attr, struct dx_attr, attr);

	return a->store ? a->store(super_of(kobj), a, buf, len) : -EIO;
}

static const struct sysfs_ops attr_ops = { .show = attr_show, .store = attr_store };

static void mount_release(struct kobject *kobj)
{
	complete(&container_of(kobj, struct dx_super, kobj)->kobj_done);
}

/* The children live inside the mount's structure too: each completes once, and each is waited for. */
static void log_release(struct kobject *kobj)
{
	complete(&container_of(kobj, struct dx_super, kobj_log)->kobj_done);
}

static struct kobj_type mount_ktype = {
	.release = mount_release, .sysfs_ops = &attr_ops, .default_groups = counter_groups,
};
static struct kobj_type log_ktype = {
	.release = log_release, .sysfs_ops = &attr_ops, .default_groups = log_groups,
};
#ifdef DX_DEBUG
static void tag_release(struct kobject *kobj)
{
	complete(&container_of(kobj, struct dx_super, kobj_tag)->kobj_done);
}

static struct kobj_type tag_ktype = {
	.release = tag_release, .sysfs_ops = &attr_ops, .default_groups = tag_groups,
};
#endif

/* Drop the last reference and wait for the release: the memory is the mount's. */
static void put_and_wait(struct dx_super *ds, struct kobject *kobj)
{
	kobject_put(kobj);
	wait_for_completion(&ds->kobj_done);
}

/**
 * dx_sysfs_add - make the mount's directory
 * @ds: mounted
 *
 * Return: 0, or an error with nothing left behind.
 */
int dx_sysfs_add(struct dx_super *ds)
{
	int error;

	init_completion(&ds->kobj_done);
	ds->kobj.kset = dioxfs_kset;
	error = kobject_init_and_add(&ds->kobj, &mount_ktype, NULL, "%s", ds->sb->s_id);
	if (error)
		goto out_put;
	error = kobject_init_and_add(&ds->kobj_log, &log_ktype, &ds->kobj, "log");
	if (error)
		goto out_log;
#ifdef DX_DEBUG
	error = kobject_init_and_add(&ds->kobj_tag, &tag_ktype, &ds->kobj, "errortag");
	if (error)
		goto out_tag;
#endif
	ds->sysfs_on = true;
	return 0;

#ifdef DX_DEBUG
out_tag:
	put_and_wait(ds, &ds->kobj_tag);
	kobject_del(&ds->kobj_log);
#endif
out_log:
	put_and_wait(ds, &ds->kobj_log);
	kobject_del(&ds->kobj);
out_put:
	put_and_wait(ds, &ds->kobj);
	return error;
}

/** dx_sysfs_del - remove it; waits until no reader is inside */
void dx_sysfs_del(struct dx_super *ds)
{
	if (!ds->sysfs_on)
		return;
	ds->sysfs_on = false;
#ifdef DX_DEBUG
	kobject_del(&ds->kobj_tag);
	put_and_wait(ds, &ds->kobj_tag);
#endif
	kobject_del(&ds->kobj_log);
	put_and_wait(ds, &ds->kobj_log);
	kobject_del(&ds->kobj);
	put_and_wait(ds, &ds->kobj);
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
