// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is durable when a call returns: something is prepared and flushed, then done, then promised, and the power goes. After
 * recovery it must be there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_files.h"
#include "dx_log.h"

static const struct promise {
	const char	*name;
	int		(*act)(struct dx_mount *mp);	/* what is done, and what promises that it is durable */
} *now;

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

static const struct promise promises[] = {
	{ "written in place, sync",		overwrite_sync },
	{ "written in place, fsync",		overwrite_fsync },
	{ "written in place, fdatasync",	overwrite_fdatasync },
	{ "written behind the end, sync",	extend_sync },
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
	CHECK_EQ(uf_files[0].size, was->size);
	CHECK(!memcmp(uf_files[0].disk, was->disk, sizeof(was->disk)));
	uf_close();
	return uv_umount(mp);
}

static void keep(const struct uv_profile *vol)
{
	struct uf_file was;

	if (!CHECK(!uv_make(vol)))
		return;
	uf_seed = 1;
	host_test_begin(now->name);
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
	for (now = promises; now < promises + ARRAY_SIZE(promises); now++)
		keep(&vol);
	if (!uv_make(&vol))
		host_test("a sync that cannot promise it, says so", 1, told, NULL);
	uv_teardown();
	return host_test_exit();
}
