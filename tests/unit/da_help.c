// SPDX-License-Identifier: GPL-2.0-only
/* Volumes for the directory and attribute tests: see da_help.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "da_help.h"

struct dx_bdev *da_dev;
char da_dir[256];
static char image[300], saved[300];

void da_setup(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(da_dir, sizeof(da_dir), "%s/dxdaXXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(da_dir)) {
		perror("mkdtemp");
		exit(2);
	}
	snprintf(image, sizeof(image), "%s/image", da_dir);
	snprintf(saved, sizeof(saved), "%s/saved", da_dir);
}

void da_teardown(void)
{
	if (da_dev)
		host_dev_close(da_dev);
	da_dev = NULL;
	host_sh("rm -rf %s", da_dir);
}

int da_make(const char *mkfs_opts, unsigned int mib)
{
	if (da_dev)
		host_dev_close(da_dev);
	da_dev = NULL;
	if (host_sh("rm -f %s %s; truncate -s %uM %s && mkfs.xfs -q -f %s %s", image, saved, mib, image, mkfs_opts, image))
		return -EIO;
	da_dev = host_dev_open(image);
	return da_dev ? 0 : -EIO;
}

bool da_repair_clean(void)
{
	if (host_repair_clean(da_dev, saved))
		return true;
	if (getenv("DA_KEEP"))
		host_sh("cp %s %s", saved, getenv("DA_KEEP"));
	return false;
}

struct dx_mount *da_mount(bool ro)
{
	struct dx_mount_opts o = { .ro = ro };

	return uv_mount_dev(da_dev, &o, NULL);
}

int da_create(struct dx_inode *dp, const char *name, umode_t mode, struct dx_inode **ipp)
{
	struct dx_create_args a = { .mode = mode };
	struct dx_name n = { .name = (const u8 *)name, .len = strlen(name), .ftype = dx_mode_to_ftype(mode) };

	return dx_create(dp, &n, &a, ipp);
}

int da_lookup(struct dx_inode *dp, const void *name, int len, struct dx_inode **ipp)
{
	struct dx_name n = { .name = name, .len = len };
	dx_ino_t ino;
	int error = dx_lookup(dp, &n, &ino, NULL);

	return error ? error : dx_iget(dp->mp, NULL, ino, 0, ipp);
}

u64 da_rand(u64 *state)
{
	u64 z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}
