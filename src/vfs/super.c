// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting: options, the super block, freeze, remount, statfs, the module.
 *
 * The core does the work (dx_mount_open() and friends); here it meets
 * the VFS.  Context: s_umount held by the VFS where its documentation says so.
 */
#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/statfs.h>
#include <linux/xattr.h>
#include <linux/exportfs.h>
#include "dx_vfs.h"
#include "quotactl.h"
#include "dx_log.h"
#include "dx_buf.h"
#include "trace.h"

enum opt {
	Opt_norecovery, Opt_wsync, Opt_discard, Opt_nodiscard, Opt_nouuid, Opt_inode32, Opt_inode64,
	Opt_ikeep, Opt_noikeep, Opt_filestreams, Opt_swalloc, Opt_largeio, Opt_nolargeio, Opt_noalign,
	Opt_grpid, Opt_nogrpid, Opt_allocsize, Opt_logbufs, Opt_logbsize, Opt_sunit, Opt_swidth,
	Opt_noattr2, Opt_nobarrier, Opt_max_atomic_write, Opt_no_news, Opt_noquota, Opt_quota, Opt_dax, Opt_refused,
	Opt_refused_val,
};

/* What stock XFS of any kernel from 4.14 on takes stands in somebody's fstab. */
static const struct fs_parameter_spec param_spec[] = {
	fsparam_flag("norecovery",	Opt_norecovery),
	fsparam_flag("wsync",		Opt_wsync),
	fsparam_flag("discard",		Opt_discard),
	fsparam_flag("nodiscard",	Opt_nodiscard),
	fsparam_flag("nouuid",		Opt_nouuid),
	fsparam_flag("inode32",		Opt_inode32),
	fsparam_flag("inode64",		Opt_inode64),
	fsparam_flag("ikeep",		Opt_ikeep),
	fsparam_flag("noikeep",		Opt_noikeep),
	fsparam_flag("filestreams",	Opt_filestreams),
	fsparam_flag("swalloc",		Opt_swalloc),
	fsparam_flag("largeio",		Opt_largeio),
	fsparam_flag("nolargeio",	Opt_nolargeio),
	fsparam_flag("noalign",		Opt_noalign),
	fsparam_flag("grpid",		Opt_grpid),
	fsparam_flag("bsdgroups",	Opt_grpid),
	fsparam_flag("nogrpid",		Opt_nogrpid),
	fsparam_flag("sysvgroups",	Opt_nogrpid),
	fsparam_string("allocsize",	Opt_allocsize),
	fsparam_string("biosize",	Opt_allocsize),
	fsparam_u32("logbufs",		Opt_logbufs),
	fsparam_string("logbsize",	Opt_logbsize),
	fsparam_u32("sunit",		Opt_sunit),
	fsparam_u32("swidth",		Opt_swidth),
	fsparam_string("max_atomic_write", Opt_max_atomic_write),
	fsparam_flag("attr2",		Opt_no_news),
	fsparam_flag("noattr2",		Opt_noattr2),
	fsparam_flag("barrier",		Opt_no_news),
	fsparam_flag("nobarrier",	Opt_nobarrier),
	fsparam_flag("lifetime",	Opt_no_news),
	fsparam_flag("nolifetime",	Opt_refused),
	fsparam_string("max_open_zones", Opt_refused_val),
	fsparam_flag("noquota",		Opt_noquota),
	fsparam_flag("quota",		Opt_quota),
	fsparam_flag("usrquota",	Opt_quota),
	fsparam_flag("uquota",		Opt_quota),
	fsparam_flag("grpquota",	Opt_quota),
	fsparam_flag("gquota",		Opt_quota),
	fsparam_flag("prjquota",	Opt_quota),
	fsparam_flag("pquota",		Opt_quota),
	fsparam_flag("uqnoenforce",	Opt_quota),
	fsparam_flag("gqnoenforce",	Opt_quota),
	fsparam_flag("qnoenforce",	Opt_quota),
	fsparam_flag("pqnoenforce",	Opt_quota),
	fsparam_flag("dax",		Opt_refused),
	fsparam_string("dax",		Opt_dax),
	fsparam_string("logdev",	Opt_refused_val),
	fsparam_string("rtdev",		Opt_refused_val),
	{}
};

/* Why the options are refused: to mount(8) where that asks for it, and to the kernel log in any case. */
#define refuse(fc, fmt, ...) ({ \
	if ((fc)->log.log) \
		pr_err("dioxfs: " fmt "\n", ##__VA_ARGS__); \
	invalf(fc, "dioxfs: " fmt, ##__VA_ARGS__); \
})

static int parse_size(struct fs_context *fc, const char *name, const char *s, u64 *bytes)
{
	char *end;

	*bytes = memparse(s, &end);
	if (end == s || *end)
		return refuse(fc, "%s=%s is not a size (a number, with k, m or g behind it)", name, s);
	return 0;
}

static int parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct dx_super *ds = fc->s_fs_info;
	struct dx_mount_opts *o = &ds->mp.opts;
	struct fs_parse_result res;
	u64 bytes;
	int opt, error;

	opt = fs_parse(fc, param_spec, param, &res);
	if (opt < 0)
		return opt;
	switch (opt) {
	case Opt_norecovery:	o->norecovery = true; break;
	case Opt_wsync:		o->wsync = true; break;
	case Opt_discard:	o->discard = true; break;
	case Opt_nodiscard:	o->discard = false; break;
	case Opt_nouuid:	o->nouuid = true; break;
	case Opt_inode32:	o->inode32 = true; break;
	case Opt_inode64:	o->inode32 = false; break;
	case Opt_ikeep:		o->ikeep = true; break;
	case Opt_noikeep:	o->ikeep = false; break;
	case Opt_filestreams:	o->filestreams = true; break;
	case Opt_swalloc:	o->swalloc = true; break;
	case Opt_largeio:	o->largeio = true; break;
	case Opt_nolargeio:	o->largeio = false; break;
	case Opt_noalign:	o->noalign = true; break;
	case Opt_grpid:		o->grpid = true; break;
	case Opt_nogrpid:	o->grpid = false; break;
	case Opt_noattr2:	o->noattr2 = true; break;
	case Opt_nobarrier:	o->nobarrier = true; break;
	case Opt_no_news:	break;
	case Opt_noquota:
	case Opt_quota:		dx_quota_option(param->key, &o->quota); break;
	case Opt_dax:
		/* "inode" leaves it to flags of the inodes, and those to what the device can: with us it cannot. */
		if (strcmp(param->string, "never") && strcmp(param->string, "inode"))
			return refuse(fc, "dax=%s: DAX is not supported; mount with dax=never or without it", param->string);
		break;
	case Opt_allocsize:
		error = parse_size(fc, param->key, param->string, &bytes);
		if (error)
			return error;
		/* Stock takes the largest power of two that divides it: what is mounted with 96k there is here, too. */
		bytes = bytes & -bytes;
		if (bytes < PAGE_SIZE || bytes > 1ULL << 30)
			return refuse(fc, "%s=%s: must be a power of two from 4k to 1g", param->key, param->string);
		o->allocsize_log = ilog2(bytes);
		break;
	case Opt_max_atomic_write:
		error = parse_size(fc, param->key, param->string, &bytes);
		if (error)
			return error;
		if (bytes && (bytes > 1ULL << 30 || !is_power_of_2(bytes)))
			return refuse(fc, "max_atomic_write=%s: must be a power of two up to 1g", param->string);
		o->max_atomic_write = bytes;
		break;
	case Opt_logbufs:
		if (res.uint_32 && (res.uint_32 < 2 || res.uint_32 > 8))	/* 0: as many as without it */
			return refuse(fc, "logbufs=%u: must be 2 to 8", res.uint_32);
		o->logbufs = res.uint_32;
		break;
	case Opt_logbsize:
		error = parse_size(fc, param->key, param->string, &bytes);
		if (error)
			return error;
		if (bytes && (bytes < 16384 || bytes > 262144 || !is_power_of_2(bytes)))
			return refuse(fc, "logbsize=%s: must be a power of two from 16k to 256k", param->string);
		o->logbsize = bytes;
		break;
	case Opt_sunit:		o->sunit_bb = res.uint_32; break;
	case Opt_swidth:	o->swidth_bb = res.uint_32; break;
	default:
		return refuse(fc, "mount option %s is not supported; mount without it", param->key);
	}
	return 0;
}

static int show_options(struct seq_file *m, struct dentry *root)
{
	struct dx_mount *mp = DX_M(root->d_sb);
	const struct dx_mount_opts *o = &mp->opts;

	seq_puts(m, ",attr2");
	seq_puts(m, o->inode32 ? ",inode32" : ",inode64");
	if (o->norecovery)
		seq_puts(m, ",norecovery");
	if (o->wsync)
		seq_puts(m, ",wsync");
	if (o->discard)
		seq_puts(m, ",discard");
	if (o->nouuid)
		seq_puts(m, ",nouuid");
	if (o->ikeep)
		seq_puts(m, ",ikeep");
	if (o->largeio)
		seq_puts(m, ",largeio");
	if (o->noalign)
		seq_puts(m, ",noalign");
	if (o->swalloc)
		seq_puts(m, ",swalloc");
	if (o->grpid)
		seq_puts(m, ",grpid");
	if (o->allocsize_log)
		seq_printf(m, ",allocsize=%uk", 1u << (o->allocsize_log - 10));
	if (o->logbufs)
		seq_printf(m, ",logbufs=%u", o->logbufs);
	if (o->logbsize)
		seq_printf(m, ",logbsize=%uk", o->logbsize >> 10);
	if (o->max_atomic_write)
		seq_printf(m, ",max_atomic_write=%lluk", o->max_atomic_write >> 10);
	if (mp->sunit)
		seq_printf(m, ",sunit=%llu,swidth=%llu", dx_fsb_to_bb(mp, mp->sunit), dx_fsb_to_bb(mp, mp->swidth));
	dx_quota_show_options(m, mp);
	return 0;
}

#define STATFS_PATIENCE	(2 * HZ)
#define SYNC_PATIENCE	(5 * HZ)

static int vn_statfs(struct dentry *dentry, struct kstatfs *st)
{
	struct dx_mount *mp = DX_M(dentry->d_sb);
	struct dx_statfs s;
	u64 id;

	/* What was unlinked just now counts as free; a file that takes long is not waited for, and not on a frozen volume. */
	if (dentry->d_sb->s_writers.frozen == SB_UNFROZEN)
		dx_icache_wait_inactive(mp, STATFS_PATIENCE);
	dx_mount_statfs(mp, &s);
	st->f_type = DX_SUPER_MAGIC;
	st->f_namelen = DX_MAXNAMELEN - 1;
	st->f_bsize = mp->sb.blocksize;
	st->f_blocks = s.blocks;
	st->f_bfree = s.bfree;
	st->f_bavail = s.bavail;
	st->f_files = s.files;
	st->f_ffree = s.ffree;
	dx_quota_bound_statfs(DX_I(d_inode(dentry)), st);
	id = huge_encode_dev(dentry->d_sb->s_dev);
	st->f_fsid = (__kernel_fsid_t) { .val = { (u32)id, (u32)(id >> 32) } };
	return 0;
}

static int vn_sync_fs(struct super_block *sb, int wait)
{
	/* The data is on its way already; what remains is the log. */
	if (!wait)
		return 0;
	/* The last call before a freeze: free what waits for it, for soon it cannot be. */
	if (sb->s_writers.frozen == SB_FREEZE_PAGEFAULT)
		dx_icache_flush_inactive(DX_M(sb));
	/*
	 * Else what waits now, so that what it held is free after the sync; s_umount keeps a freeze away.  It keeps others away,
	 * too, and nothing that must be durable depends on it: a file that takes long is not waited for.
	 */
	else if (sb->s_writers.frozen == SB_UNFROZEN)
		dx_icache_wait_inactive(DX_M(sb), SYNC_PATIENCE);
	return dx_sync_fs(DX_M(sb));
}

/* Everybody who could start a transaction is shut out by now. */
static int vn_freeze(struct super_block *sb)
{
	unsigned int nofs = memalloc_nofs_save();
	int error = dx_mount_quiesce(DX_M(sb));

	memalloc_nofs_restore(nofs);
	if (!error)
		set_bit(DX_OP_FROZEN, &DX_M(sb)->opstate);
	return error;
}

static int vn_unfreeze(struct super_block *sb)
{
	clear_bit(DX_OP_FROZEN, &DX_M(sb)->opstate);
	dx_icache_thaw(DX_M(sb));
	return 0;
}

/* The device is gone: no need to find that out by errors. */
static void __maybe_unused vn_device_gone(struct super_block *sb)	/* DX_SUPER_SHUTDOWN */
{
	dx_force_shutdown(DX_M(sb), DX_SHUT_DEVICE, __func__);
}

static long vn_nr_cached(struct super_block *sb, struct shrink_control *sc)
{
	if (!DX_M(sb)->icache)
		return 0;
	return dx_icache_count(DX_M(sb));
}

static long vn_free_cached(struct super_block *sb, struct shrink_control *sc)
{
	return dx_icache_scan(DX_M(sb), sc->nr_to_scan);
}

static unsigned long buf_shrink_count(struct shrinker *shrink, struct shrink_control *sc)
{
	struct dx_super *ds = container_of(dx_shrinker_of(shrink), struct dx_super, buf_shrinker);

	return dx_buf_cache_count(&ds->mp);
}

static unsigned long buf_shrink_scan(struct shrinker *shrink, struct shrink_control *sc)
{
	struct dx_super *ds = container_of(dx_shrinker_of(shrink), struct dx_super, buf_shrinker);

	return dx_buf_cache_scan(&ds->mp, sc->nr_to_scan);
}

/* Called by the core, any process context: fail what is waiting in the VFS. */
static void on_shutdown(struct dx_mount *mp)
{
	struct super_block *sb = mp->vfs;

	if (sb && sb->s_root)
		dx_notify_shutdown(sb);
}

static void freeze_enter(struct dx_mount *mp)
{
	sb_start_intwrite(mp->vfs);
}

static bool freeze_try(struct dx_mount *mp)
{
	return sb_start_intwrite_trylock(mp->vfs);
}

static void freeze_exit(struct dx_mount *mp)
{
	sb_end_intwrite(mp->vfs);
}

static void core_trace(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	trace_dx_core(((struct super_block *)mp->vfs)->s_dev, what, a, b, c);
}

/* ---- one mount per uuid ---- */

static LIST_HEAD(mounted);
static DEFINE_MUTEX(mounted_lock);

/*
 * A copy of a mounted volume is refused before recovery writes to it, when the superblock is known: of two
 * paths to one device each would destroy what the other does.
 */
static int claim_uuid(struct dx_mount *mp)
{
	struct dx_super *ds = container_of(mp, struct dx_super, mp), *other;
	int error = 0;

	if (mp->opts.nouuid)
		return 0;
	mutex_lock(&mounted_lock);
	list_for_each_entry(other, &mounted, mounted)
		if (uuid_equal(&other->mp.sb.uuid, &mp->sb.uuid))
			error = -EINVAL;
	if (!error)
		list_add(&ds->mounted, &mounted);
	mutex_unlock(&mounted_lock);
	if (error)
		dx_err(mp, "a volume with this uuid is mounted already; its copy mounts with -o nouuid");
	return error;
}

/* A size that stock XFS would not take for this volume is refused here, too, though it would have no effect. */
static int check_max_atomic(struct dx_mount *mp, u64 bytes)
{
	u64 most = (u64)mp->sb.agblocks << mp->sb.blocklog;

	if (!bytes || (bytes >= mp->sb.blocksize && bytes <= most))
		return 0;
	dx_err(mp, "max_atomic_write=%llu: must be from %u, a block, to %llu, an allocation group", bytes, mp->sb.blocksize,
	       most);
	return -EINVAL;
}

/* Called by the core when the superblock is known and nothing has been written. */
static int claim(struct dx_mount *mp)
{
	return check_max_atomic(mp, mp->opts.max_atomic_write) ?: claim_uuid(mp);
}

/* Options that stand in people's fstab lines and are taken, but do nothing here. */
static void say_without_effect(struct dx_mount *mp, unsigned int sb_flags)
{
	const struct dx_mount_opts *o = &mp->opts;
	const struct {
		bool		given;
		const char	*name, *why;
	} t[] = {
		{ o->filestreams, "filestreams", "no allocation group is kept for the files of a directory" },
		{ sb_flags & SB_LAZYTIME, "lazytime", "times are logged as they change" },
		{ o->nobarrier, "nobarrier", "a device that has a cache is asked to flush it" },
		{ o->noattr2, "noattr2", "v5 volumes always have attr2" },
		{ o->max_atomic_write > mp->sb.blocksize, "max_atomic_write", "writes of one block are whole, no larger ones" },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		if (t[i].given)
			dx_warn(mp, "mount option %s has no effect: %s", t[i].name, t[i].why);
}

static void release_uuid(struct dx_super *ds)
{
	mutex_lock(&mounted_lock);
	list_del_init(&ds->mounted);
	mutex_unlock(&mounted_lock);
}

static void put_super(struct super_block *sb)
{
	struct dx_super *ds = dx_super(sb);
	int error;

	dx_sysfs_del_log(ds);
	dx_shrinker_unregister(&ds->buf_shrinker);
	dx_quotactl_unregister(ds);
	dx_giveback_exit(ds);
	destroy_workqueue(ds->ioend_wq);
	error = dx_mount_close(&ds->mp);
	dx_sysfs_del(ds);
	if (error)
		pr_err("dioxfs (%s): unmounted with error %d\n", sb->s_id, error);
	dx_plat_bdev_put(ds->mp.bdev);
	release_uuid(ds);
	sb->s_fs_info = NULL;
	kfree(ds);
}

/* What the VFS has of its own (-o sync, dirsync) is beside wsync, which stays when these go. */
static void take_sync_flags(struct dx_mount *mp, unsigned long sb_flags)
{
	mp->opts.sync = sb_flags & SB_SYNCHRONOUS;
	mp->opts.dirsync = sb_flags & SB_DIRSYNC;
}

static int fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct dx_super *ds = sb->s_fs_info;
	struct dx_mount *mp = &ds->mp;
	char shrinker_name[48];
	struct inode *root;
	int error;

	fc->s_fs_info = NULL;
	ds->sb = sb;
	ds->clock.i_sb = sb;
	mp->vfs = sb;
	mp->shutdown_cb = on_shutdown;
	mp->freeze_enter = freeze_enter;
	mp->freeze_try = freeze_try;
	mp->freeze_exit = freeze_exit;
	mp->trace = core_trace;
	mp->claim = claim;
	INIT_LIST_HEAD(&ds->mounted);
	strscpy(mp->name, sb->s_id, sizeof(mp->name));
	mp->opts.ro = sb_rdonly(sb);
	take_sync_flags(mp, sb->s_flags);

	sb->s_flags |= SB_POSIXACL;
	sb->s_iflags |= SB_I_CGROUPWB;
	sb->s_flags |= SB_I_VERSION;
	sb->s_magic = DX_SUPER_MAGIC;
	sb->s_op = &dx_super_ops;
	sb->s_xattr = dx_xattr_handlers;
	sb->s_export_op = &dx_export_ops;
	dx_quotactl_init(sb);
	sb->s_time_gran = 1;

	error = -ENOMEM;
	mp->bdev = dx_plat_bdev_get(sb->s_bdev);
	if (!mp->bdev)
		goto out_free;
	/* One CPU-bound worker per inode that has completions; reclaim may wait for it. */
	ds->ioend_wq = alloc_workqueue("dioxfs-ioend/%s", WQ_MEM_RECLAIM | WQ_FREEZABLE | WQ_PERCPU, 0, sb->s_id);
	if (!ds->ioend_wq)
		goto out_bdev;
	if (dx_giveback_init(ds))
		goto out_wq;

	/* A sector size larger than the volume's blocks cannot work; the core says so. */
	error = -EINVAL;
	if (!sb_min_blocksize(sb, DX_BBSIZE)) {
		pr_err("dioxfs (%s): cannot use the device's sector size\n", sb->s_id);
		goto out_giveback;
	}
	error = dx_mount_open(mp);
	if (error)
		goto out_giveback;
	say_without_effect(mp, sb->s_flags);
	/* Times are logged as they change: the core's copy is never the older one. */
	sb->s_flags &= ~SB_LAZYTIME;
	if (!sb_set_blocksize(sb, mp->sb.blocksize)) {
		dx_err(mp, "block size %u is not supported on this device or machine", mp->sb.blocksize);
		error = -ENOSYS;
		goto out_close;
	}
	if (dx_is_readonly(mp))
		sb->s_flags |= SB_RDONLY;
	/* The page cache has fewer pages than a file can have where its index has 32 bits. */
	mp->s_maxbytes = min_t(u64, mp->s_maxbytes, MAX_LFS_FILESIZE);
	sb->s_maxbytes = mp->s_maxbytes;
	dx_super_set_uuid(sb, &mp->sb.uuid);
	/* With bigtime the last second is whole, and a multiple of four like the quota timers' unit. */
	if (dx_has_bigtime(mp))
		dx_super_set_times(sb, -DX_BIGTIME_EPOCH_OFFSET,
				   (s64)(U64_MAX / NSEC_PER_SEC & ~3ULL) - DX_BIGTIME_EPOCH_OFFSET);
	else
		dx_super_set_times(sb, S32_MIN, S32_MAX);

	snprintf(shrinker_name, sizeof(shrinker_name), "dioxfs-buf:%s", sb->s_id);
	error = dx_shrinker_register(&ds->buf_shrinker, shrinker_name, buf_shrink_count, buf_shrink_scan);
	if (!error)
		error = dx_quotactl_register(ds);
	if (error)
		goto out_shrinker;

	root = dx_vget_named(sb, mp->sb.rootino);
	if (IS_ERR(root)) {
		error = PTR_ERR(root);
		goto out_shrinker;
	}
	sb->s_root = d_make_root(root);
	error = -ENOMEM;
	if (!sb->s_root)
		goto out_shrinker;
	error = dx_sysfs_add(ds);
	if (error)
		dx_warn(mp, "no sysfs directory for this mount (error %d)", error);
	return 0;

out_shrinker:
	dx_quotactl_unregister(ds);
	dx_shrinker_unregister(&ds->buf_shrinker);
out_close:
	dx_mount_close(mp);
out_giveback:
	dx_giveback_exit(ds);
out_wq:
	destroy_workqueue(ds->ioend_wq);
out_bdev:
	dx_plat_bdev_put(mp->bdev);
	release_uuid(ds);
out_free:
	sb->s_fs_info = NULL;
	kfree(ds);
	return error;
}

/* What only all options together can be judged by; as stock XFS judges it. */
static int check_options(struct fs_context *fc)
{
	struct dx_mount_opts *o = &((struct dx_super *)fc->s_fs_info)->mp.opts;

	if (!o->sunit_bb != !o->swidth_bb)
		return refuse(fc, "sunit and swidth go together");
	if (o->sunit_bb && o->noalign)
		return refuse(fc, "sunit and swidth do not go with noalign");
	if (o->sunit_bb && o->swidth_bb % o->sunit_bb)
		return refuse(fc, "swidth=%u is not a multiple of sunit=%u", o->swidth_bb, o->sunit_bb);
	return 0;
}

static int get_tree(struct fs_context *fc)
{
	int error = check_options(fc);

	return error ? error : get_tree_bdev(fc, fill_super);
}

static int reconfigure(struct fs_context *fc)
{
	struct super_block *sb = fc->root->d_sb;
	struct dx_mount *mp = DX_M(sb);
	struct dx_super *new = fc->s_fs_info;
	bool ro = fc->sb_flags & SB_RDONLY;
	int error;

	error = check_options(fc);
	if (error)
		return error;
	if (new->mp.opts.norecovery && !ro && !mp->opts.norecovery)
		return refuse(fc, "norecovery goes with ro only");
	error = check_max_atomic(mp, new->mp.opts.max_atomic_write);
	if (error)
		return error;
	if (new->mp.opts.sunit_bb && (new->mp.opts.sunit_bb != dx_fsb_to_bb(mp, mp->sunit) ||
				      new->mp.opts.swidth_bb != dx_fsb_to_bb(mp, mp->swidth)))
		dx_warn(mp, "sunit and swidth stay as they are: a remount does not change them; unmount, and mount with them");
	if (new->mp.opts.quota != mp->opts.quota)
		dx_warn(mp, "quota stays as it is: a remount does not change it; unmount, and mount with the options that are wanted");
	if (fc->sb_flags & fc->sb_flags_mask & SB_LAZYTIME)
		dx_warn(mp, "mount option lazytime has no effect: times are logged as they change");
	fc->sb_flags &= ~SB_LAZYTIME;
	fc->sb_flags |= SB_I_VERSION;	/* older kernels let a remount change it, and mount(8) does not pass it */
	sync_filesystem(sb);
	if (ro && !sb_rdonly(sb)) {
		/*
		 * What files in memory have staged for copies would stay until the next mount: nobody frees it read-only. In an
		 * emergency there may be writers, and nobody is waited for.
		 */
		if (dx_context_is_forced(fc))
			dx_blockgc(sb);
		else
			dx_blockgc_wait(sb);
		error = dx_mount_remount_ro(mp);
		if (error)
			return error;
	} else if (!ro && sb_rdonly(sb)) {
		error = dx_mount_remount_rw(mp);
		if (error)
			return error;
	}
	mp->opts.max_atomic_write = new->mp.opts.max_atomic_write;
	mp->opts.discard = new->mp.opts.discard;
	mp->opts.inode32 = new->mp.opts.inode32;
	dx_set_inode_ags(mp);
	mp->opts.wsync = new->mp.opts.wsync;
	take_sync_flags(mp, (sb->s_flags & ~fc->sb_flags_mask) | (fc->sb_flags & fc->sb_flags_mask));
	return 0;
}

static void free_fc(struct fs_context *fc)
{
	kfree(fc->s_fs_info);	/* not ours any more once the super block has it */
}

static const struct fs_context_operations context_ops = {
	.parse_param	= parse_param,
	.get_tree	= get_tree,
	.reconfigure	= reconfigure,
	.free		= free_fc,
};

static int init_fs_context(struct fs_context *fc)
{
	struct dx_super *ds = kzalloc(sizeof(*ds), GFP_KERNEL);

	if (!ds)
		return -ENOMEM;
	/* A remount keeps what it does not name; what goes with what is judged of that alone. */
	if (fc->purpose == FS_CONTEXT_FOR_RECONFIGURE) {
		ds->mp.opts = DX_M(fc->root->d_sb)->opts;
		ds->mp.opts.sunit_bb = ds->mp.opts.swidth_bb = 0;
		ds->mp.opts.noalign = false;
	}
	fc->s_fs_info = ds;
	fc->ops = &context_ops;
	return 0;
}

DX_FS_CONTEXT(mounting, init_fs_context, param_spec);
DX_OP_FREE_INODE(dx_free_inode);

const struct super_operations dx_super_ops = {
	.alloc_inode		= dx_alloc_inode,
	DX_FREE_INODE(dx_free_inode)
	.evict_inode		= dx_evict_inode,
	.put_super		= put_super,
	.sync_fs		= vn_sync_fs,
	.freeze_fs		= vn_freeze,
	.unfreeze_fs		= vn_unfreeze,
	.statfs			= vn_statfs,
	.show_options		= show_options,
	.nr_cached_objects	= vn_nr_cached,
	.free_cached_objects	= vn_free_cached,
	DX_SUPER_SHUTDOWN(vn_device_gone)
	DX_SUPER_REMOUNT(mounting)
};

/* The last user has gone; what follows first is writeback, which may need log space. */
static void kill_sb(struct super_block *sb)
{
	if (sb->s_root)
		dx_retry_leaving(DX_M(sb));
	kill_block_super(sb);
	/* Later kernels open the device when the super block has it already: what fails then comes to nobody else. */
	kfree(sb->s_fs_info);
	sb->s_fs_info = NULL;
}

#define FS_TYPE(_name) {						\
	.owner			= THIS_MODULE,				\
	.name			= _name,				\
	DX_FS_TYPE_CONTEXT(mounting, init_fs_context, param_spec)	\
	.kill_sb		= kill_sb,				\
	.fs_flags		= FS_REQUIRES_DEV | DX_FS_ALLOW_IDMAP,	\
}

/* The second, the stock module's name, for those who ask for it: fstab lines and tools need no change. */
static struct file_system_type fs_types[] = { FS_TYPE("dioxfs"), FS_TYPE("xfs") };

static char *fstype = "dioxfs";
module_param(fstype, charp, 0444);
MODULE_PARM_DESC(fstype, "xfs: also mount what is mounted with -t xfs; the stock xfs must not be loaded (default: dioxfs)");

static unsigned int nr_types;	/* registered */

static void unregister_types(void)
{
	while (nr_types)
		unregister_filesystem(&fs_types[--nr_types]);
}

static int register_types(void)
{
	unsigned int want = strcmp(fstype, "xfs") ? 1 : 2;
	int error;

	if (want == 1 && strcmp(fstype, "dioxfs")) {
		pr_err("dioxfs: fstype=%s: must be dioxfs or xfs\n", fstype);
		return -EINVAL;
	}
	for (; nr_types < want; nr_types++) {
		error = register_filesystem(&fs_types[nr_types]);
		if (!error)
			continue;
		if (nr_types)
			pr_err("dioxfs: fstype=xfs: the name is taken, the stock xfs is loaded or built in: unmount what it has and rmmod xfs, or load dioxfs without fstype=xfs\n");
		unregister_types();
		return error;
	}
	return 0;
}

static int __init dioxfs_init(void)
{
	int error;

	error = dx_compat_init();
	if (error)
		return error;
	error = dx_vnode_cache_init();
	if (error)
		goto out_compat;
	error = dx_sysfs_init();
	if (error)
		goto out_vnodes;
	error = register_types();
	if (error)
		goto out_sysfs;
	pr_info("dioxfs: XFS v5 volumes, read-write%s%s\n", nr_types > 1 ? "; also as xfs" : "",
		IS_ENABLED(DX_DEBUG) ? "; debug build" : "");
	return 0;

out_sysfs:
	dx_sysfs_exit();
out_vnodes:
	dx_vnode_cache_exit();
out_compat:
	dx_compat_exit();
	return error;
}

static void __exit dioxfs_exit(void)
{
	unregister_types();
	dx_sysfs_exit();
	dx_vnode_cache_exit();
	dx_compat_exit();
}

module_init(dioxfs_init);
module_exit(dioxfs_exit);
MODULE_DESCRIPTION("XFS v5 volumes with direct AIO that survives fallocate");
MODULE_AUTHOR("The dioxfs developers");
MODULE_LICENSE("GPL");
MODULE_ALIAS_FS("dioxfs");
