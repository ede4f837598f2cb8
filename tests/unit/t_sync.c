// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is durable when a call returns: something is prepared and flushed, then done, then promised, and the power goes. After
 * recovery it must be there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_files.h"
#include "dx_bmap.h"
#include "dx_log.h"

static const struct promise {
	const char	*name;
	int		(*act)(struct dx_mount *mp);	/* what is done, and what promises that it is durable */
	bool		(*kept)(struct dx_mount *mp);	/* is it there?  NULL: see what the first file shows */
	bool		names;				/* it changes a directory */
} *now;

/* Who promises it, if not the call. */
static const struct promiser {
	const char	*name;
	void		(*set)(struct dx_mount *mp);
	bool		names_only, nobody;
} *by;

/* ---- data ---- */

static int overwrite(void)
{
	struct host_dev_counts c;
	int error = uf_direct(&uf_files[0], 0, 1, false);

	host_dev_counts(uv_dev, &c);
	CHECK(c.unflushed);		/* else nothing is asked here */
	return error;
}

static int overwrite_sync(struct dx_mount *mp) { return overwrite() ?: dx_sync_fs(mp); }
static int overwrite_fsync(struct dx_mount *mp) { return overwrite() ?: dx_inode_log_force(uf_files[0].ip, false); }
static int overwrite_fdatasync(struct dx_mount *mp) { return overwrite() ?: dx_inode_log_force(uf_files[0].ip, true); }
static int extend_sync(struct dx_mount *mp) { return uf_direct(&uf_files[0], 3, 20, false) ?: dx_sync_fs(mp); }

static const struct promise data[] = {
	{ "written in place, sync",		overwrite_sync },
	{ "written in place, fsync",		overwrite_fsync },
	{ "written in place, fdatasync",	overwrite_fdatasync },
	{ "written behind the end, sync",	extend_sync },
};

/* ---- what options promise ---- */

static const struct dx_create_args regular = { .mode = S_IFREG | 0600 }, lnk = { .mode = S_IFLNK | 0777 },
	dir = { .mode = S_IFDIR | 0700 };
#define NAME(s)	(&(struct dx_name){ .name = (const u8 *)(s), .len = sizeof(s) - 1, .ftype = DX_DIR3_FT_REG_FILE })

static bool there(struct dx_mount *mp, const struct dx_name *n)
{
	dx_ino_t ino;

	return !dx_dir_lookup(NULL, mp->rootip, n, &ino, NULL);
}

static int create(struct dx_mount *mp)
{
	struct dx_inode *ip = NULL;
	int error = dx_create(mp->rootip, NAME("new"), &regular, &ip);

	if (ip)
		dx_idrop(ip);
	return error;
}

static int make_dir(struct dx_mount *mp)
{
	struct dx_name n = { .name = (const u8 *)"new", .len = 3, .ftype = DX_DIR3_FT_DIR };
	struct dx_inode *ip = NULL;
	int error = dx_create(mp->rootip, &n, &dir, &ip);

	if (ip)
		dx_idrop(ip);
	return error;
}

static int make_symlink(struct dx_mount *mp)
{
	struct dx_name n = { .name = (const u8 *)"new", .len = 3, .ftype = DX_DIR3_FT_SYMLINK };
	struct dx_inode *ip = NULL;
	int error = dx_symlink(mp->rootip, &n, "target", &lnk, &ip);

	if (ip)
		dx_idrop(ip);
	return error;
}

static int make_link(struct dx_mount *mp) { return dx_link(mp->rootip, uf_files[0].ip, NAME("new")); }
static bool new_there(struct dx_mount *mp) { return there(mp, NAME("new")); }
static int unlink_it(struct dx_mount *mp) { return dx_remove(mp->rootip, NAME("f1"), uf_files[1].ip); }
static bool f1_gone(struct dx_mount *mp) { return !there(mp, NAME("f1")); }

static int rename_over(struct dx_mount *mp)
{
	return dx_rename(mp->rootip, NAME("f1"), uf_files[1].ip, mp->rootip, NAME("f2"), uf_files[2].ip, NULL, 0);
}

static int cut(struct dx_mount *mp) { return dx_setsize_trans(uf_files[0].ip, uf_bs, true, true); }
static int grow(struct dx_mount *mp) { return dx_setsize_trans(uf_files[0].ip, 100 * uf_bs, false, true); }
static bool is_cut(struct dx_mount *mp) { return uf_files[0].size == 1; }
static bool is_grown(struct dx_mount *mp) { return uf_files[0].size == 100; }

static int chmod_it(struct dx_mount *mp)
{
	return dx_setattr_nosize(uf_files[0].ip, &(struct dx_setattr){ .valid = DX_ATTR_MODE, .mode = S_IFREG | 0644 }, false);
}

static bool is_0644(struct dx_mount *mp) { return uf_files[0].ip->d.mode == (S_IFREG | 0644); }

static const struct promise changes[] = {
	{ "create",	create,		new_there,	true },
	{ "mkdir",	make_dir,	new_there,	true },
	{ "symlink",	make_symlink,	new_there,	true },
	{ "link",	make_link,	new_there,	true },
	{ "unlink",	unlink_it,	f1_gone,	true },
	{ "rename",	rename_over,	f1_gone,	true },
	{ "truncate",	cut,		is_cut },
	{ "truncate to more", grow,	is_grown },
	{ "chmod",	chmod_it,	is_0644 },
};

static void set_wsync(struct dx_mount *mp) { mp->opts.wsync = true; }
static void set_sync(struct dx_mount *mp) { mp->opts.sync = true; }
static void set_dirsync(struct dx_mount *mp) { mp->opts.dirsync = true; }
static void set_flag(struct dx_mount *mp) { mp->rootip->d.flags |= DX_DIFLAG_SYNC; }
static void set_nothing(struct dx_mount *mp) { }

static const struct promiser promisers[] = {
	{ "wsync",		set_wsync },
	{ "sync",		set_sync },
	{ "dirsync",		set_dirsync,	.names_only = true },
	{ "the directory's flag", set_flag,	.names_only = true },
	{ "nobody",		set_nothing,	.nobody = true },
};

/* ---- */

static int act(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);

	if (!CHECK(mp))
		return error;
	uf_bs = mp->sb.blocksize;
	uf_open(mp);
	CHECK(!uf_direct(&uf_files[0], 0, 4, false));
	/* twice: what the first force leaves to be logged, is */
	CHECK(!dx_sync_fs(mp) && !dx_sync_fs(mp));
	CHECK(!dx_inode_log_force(uf_files[0].ip, false));
	if (by)
		by->set(mp);
	CHECK(!now->act(mp));
	host_stop_world();
	return 0;
}

static int look(void *arg)
{
	struct uf_file *was = arg;
	int error;
	struct dx_mount *mp = uf_mount(&error);

	if (!CHECK(mp))
		return error;
	uf_get(mp);
	if (now->kept) {
		CHECK_EQ(now->kept(mp), !by->nobody && (now->names || !by->names_only));
	} else {
		CHECK_EQ(uf_files[0].size, was->size);
		CHECK(!memcmp(uf_files[0].disk, was->disk, sizeof(was->disk)));
	}
	uf_close();
	return uv_umount(mp);
}

static void keep(const struct uv_profile *vol)
{
	struct uf_file was;
	char name[100];

	if (!CHECK(!uv_make(vol)))
		return;
	uf_seed = 1;
	snprintf(name, sizeof(name), "%s%s%s", now->name, by ? ", promised by " : "", by ? by->name : "");
	host_test_begin(name);
	host_init(1);
	CHECK_EQ(host_run(act, NULL), HOST_CRASHED);
	host_kill_world();
	was = uf_files[0];
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	host_init(1);
	CHECK_EQ(host_run(look, &was), 0);
	host_kill_world();
	CHECK(uv_repair_clean("sync"));
	host_test_end();
}

/* A flush that fails, and a volume that is shut down: sync says so. */
static int told(void *arg)
{
	int error;
	struct dx_mount *mp = uf_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!dx_sync_fs(mp));
	host_dev_fail(uv_dev, HOST_FAIL_FLUSH, 1, true, -EIO);
	CHECK_EQ(dx_sync_fs(mp), -EIO);
	host_dev_fail_none(uv_dev);
	CHECK(!dx_sync_fs(mp));
	dx_force_shutdown(mp, DX_SHUT_FORCE_UMOUNT, __func__);
	CHECK_EQ(dx_sync_fs(mp), -EIO);
	uv_umount(mp);
	return 0;
}

int main(void)
{
	static const struct uv_profile vol = { "4 KiB blocks", "-m reflink=0,rmapbt=0 -d agcount=2 -l size=14m --unsupported", 80 };

	uv_setup("t_sync");
	for (now = data; now < data + ARRAY_SIZE(data); now++)
		keep(&vol);
	for (by = promisers; by < promisers + ARRAY_SIZE(promisers); by++)
		for (now = changes; now < changes + ARRAY_SIZE(changes); now++)
			keep(&vol);
	if (!uv_make(&vol))
		host_test("a sync that cannot promise it, says so", 1, told, NULL);
	uv_teardown();
	return host_test_exit();
}
