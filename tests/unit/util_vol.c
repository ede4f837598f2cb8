// SPDX-License-Identifier: GPL-2.0-only
/* Volumes of many geometries for the model, crash, fault and mutation tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"

#define SMALL	"--unsupported -d agcount=2 -l size=10m "
#define LTS	"-m reflink=0,bigtime=0,inobtcount=0,crc=1,finobt=1 -i sparse=1 "

const struct uv_profile uv_profiles[] = {
	{ "6.1 defaults", "-d agcount=2", 320 },
	{ "4.19 features, small log", SMALL LTS, 200 },
	{ "1 KiB blocks, large extent counters", SMALL "-b size=1024 -i nrext64=1", 120 },
	{ "64 KiB directory blocks, large extent counters", SMALL "-n size=65536 -i nrext64=1", 200 },
	{ "16 small AGs, 2 KiB blocks", "--unsupported -l size=8m -b size=2048 -d agcount=16", 270 },
	{ "4 KiB sectors", SMALL "-s size=4096", 200, 4096 },
	{ "log stripe unit of 32 KiB", SMALL "-l su=32k", 200 },
	{ "no finobt, no sparse, 2 KiB inodes", SMALL "-m reflink=0,finobt=0,inobtcount=0,bigtime=0 -i sparse=0,size=2048", 200 },
	{ "rmapbt, large extent counters, 1 KiB blocks", SMALL "-m rmapbt=1,reflink=0 -b size=1024 -i nrext64=1", 120 },
	{ "6.1 defaults and rmapbt", "--unsupported -d agcount=2 -l size=14m -m rmapbt=1", 200 },
	{ "rmapbt, parent pointers", "--unsupported -d agcount=2 -l size=14m -m rmapbt=1 -i nrext64=1", 200, .parent = true },
	{ "parent pointers, 1 KiB blocks", SMALL "-b size=1024 -m rmapbt=0", 120, .parent = true },
};
const int uv_nprofiles = ARRAY_SIZE(uv_profiles);

struct dx_bdev *uv_dev;
char uv_dir[256];
char uv_image[300];
unsigned int uv_logbsize;
u16 uv_quota;
bool uv_has_parent;

void uv_setup(const char *prog)
{
	const char *tmp = getenv("TMPDIR");

	/* any program with quota on: UV_QUOTA=0x2cb is all kinds, accounted and enforced */
	if (getenv("UV_QUOTA"))
		uv_quota = strtoul(getenv("UV_QUOTA"), NULL, 0);
	if (!tmp)
		tmp = access("/dev/shm", W_OK) ? P_tmpdir : "/dev/shm";
	snprintf(uv_dir, sizeof(uv_dir), "%s/%s.XXXXXX", tmp, prog);
	if (!mkdtemp(uv_dir)) {
		perror(uv_dir);
		exit(2);
	}
	snprintf(uv_image, sizeof(uv_image), "%s/image", uv_dir);
}

void uv_teardown(void)
{
	if (uv_dev)
		host_dev_close(uv_dev);
	uv_dev = NULL;
	host_sh("rm -rf %s", uv_dir);
}

int uv_add_parent(const char *image)
{
	struct dx_dsb *d = calloc(1, 4096);
	FILE *f = fopen(image, "r+");
	u32 agcount, i, sect;
	u64 step;
	int error = -EIO;

	if (!f || !d || fread(d, 4096, 1, f) != 1)
		goto out;
	agcount = be32_to_cpu(d->sb_agcount);
	step = (u64)be32_to_cpu(d->sb_agblocks) * be32_to_cpu(d->sb_blocksize);
	sect = be16_to_cpu(d->sb_sectsize);
	for (i = 0; i < agcount; i++) {
		if (fseek(f, i * step, SEEK_SET) || fread(d, sect, 1, f) != 1)
			goto out;
		d->sb_features_incompat |= cpu_to_be32(DX_SB_FEAT_INCOMPAT_PARENT);
		d->sb_versionnum |= cpu_to_be16(DX_SB_VERSION_ATTRBIT);
		dx_update_cksum(d, sect, DX_SB_CRC_OFF);
		if (fseek(f, i * step, SEEK_SET) || fwrite(d, sect, 1, f) != 1)
			goto out;
	}
	error = 0;
out:
	if (f && fclose(f))
		error = -EIO;
	free(d);
	return error;
}

static int make_volume(const struct uv_profile *p)
{
	if (uv_dev)
		host_dev_close(uv_dev);
	uv_dev = NULL;
	/* the zeroes of the log need not be stored, nor copied for each check */
	if (host_sh("rm -f %s; truncate -s %uM %s && mkfs.xfs -q -f -m uuid=5d1f3a52-6b0e-4c7d-9a44-0f2e8c6b7a10 %s %s >%s/mkfs 2>&1 || { cat %s/mkfs >&2; false; } && fallocate -d %s",
		    uv_image, p->mib, uv_image, p->mkfs, uv_image, uv_dir, uv_dir, uv_image))
		return -EIO;
	if (p->parent && uv_add_parent(uv_image))
		return -EIO;
	uv_has_parent = p->parent;
	uv_dev = host_dev_open(uv_image);
	if (!uv_dev)
		return -EIO;
	if (p->lbs)
		host_dev_set_lbs(uv_dev, p->lbs);
	return 0;
}

/* Whoever goes on without the volume has failed. */
int uv_make(const struct uv_profile *p)
{
	int error = make_volume(p);

	CHECK(!error);
	return error;
}

void uv_forget(const char *tag)
{
	static const char * const suffix[] = { "", ".repair", ".log", ".log.print" };
	char path[400];
	int i;

	for (i = 0; i < ARRAY_SIZE(suffix); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", uv_dir, tag, suffix[i]);
		unlink(path);
	}
}

/* What runs a program of xfsprogs on the volume at hand; NULL: there is none that knows it. */
static const char *xfsprogs(void)
{
	return uv_has_parent ? getenv("UV_NEWER") : "";
}

bool uv_repair_clean(const char *tag)
{
	const char *newer = xfsprogs();
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", uv_dir, tag);
	unlink(path);
	if (!newer)
		return true;
	if (!host_dev_save(uv_dev, path) && !host_sh("%s xfs_repair -n -P -o bhash=256 -f %s >%s.repair 2>&1", newer, path, path))
		return true;
	host_sh("grep -v -e '^Phase' -e '^ *- ' %s.repair | head -30 | cut -c1-200 >&2", path);
	if (getenv("UV_KEEP"))
		host_sh("cp --sparse=always %s %s", path, getenv("UV_KEEP"));
	return false;
}

void uv_judge(int (*judge)(void *arg), const char *tag)
{
	host_init(1);
	host_set_printk(2);
	CHECK_EQ(host_run(judge, NULL), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	CHECK(uv_repair_clean(tag));
}

bool uv_logprint_ok(const char *tag)
{
	const char *newer = xfsprogs();
	char path[400];
	bool ok;

	snprintf(path, sizeof(path), "%s/%s.log", uv_dir, tag);
	unlink(path);
	if (!newer)
		return true;
	if (host_dev_save(uv_dev, path))
		return false;
	ok = !host_sh("%s xfs_logprint %s >%s.print 2>&1 && ! grep -v 'data after zeroed blocks' %s.print | grep -q -e ERROR -e 'Bad log' -e 'Unknown'", newer, path, path, path);
	if (!ok)
		host_sh("grep -m5 -B3 -e ERROR -e 'Bad log' -e Unknown %s.print >&2; tail -3 %s.print >&2", path, path);
	return ok;
}

void uv_incompat(u32 bit, bool on)
{
	static u8 sector[4096];
	struct dx_dsb *d = (void *)sector;
	u32 bits;

	host_dev_peek(uv_dev, 0, sector, sizeof(sector));
	bits = be32_to_cpu(d->sb_features_incompat);
	d->sb_features_incompat = cpu_to_be32(on ? bits | bit : bits & ~bit);
	dx_update_cksum(d, be16_to_cpu(d->sb_sectsize), DX_SB_CRC_OFF);
	host_dev_poke(uv_dev, 0, sector, be16_to_cpu(d->sb_sectsize));
}

struct dx_mount *uv_mount_dev(struct dx_bdev *dev, const struct dx_mount_opts *opts, int *error)
{
	struct dx_mount *mp = kzalloc(sizeof(*mp), GFP_KERNEL | __GFP_NOFAIL);
	int e;

	mp->bdev = dev;
	if (opts)
		mp->opts = *opts;
	e = dx_mount_open(mp);
	if (error)
		*error = e;
	else if (e)
		printf("# mount: %d\n", e);
	if (e) {
		kfree(mp);
		return NULL;
	}
	return mp;
}

static struct dx_mount *mount_as(bool ro, int *error)
{
	struct dx_mount_opts o = { .ro = ro, .logbsize = uv_logbsize, .quota = uv_quota };
	int e;

	return uv_mount_dev(uv_dev, &o, error ? error : &e);
}

struct dx_mount *uv_mount(int *error) { return mount_as(false, error); }
struct dx_mount *uv_mount_ro(int *error) { return mount_as(true, error); }

int uv_umount(struct dx_mount *mp)
{
	int error = dx_mount_close(mp);

	kfree(mp);
	return error;
}

u64 uv_rand(u64 *s)
{
	u64 z = (*s += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}
