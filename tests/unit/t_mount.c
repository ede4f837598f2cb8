// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting: volumes of many geometries come up with the geometry that xfs_db sees and go
 * down clean, and whatever must be refused is refused with its error, one line that says
 * why, and not a byte written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_mount.h"
#include "dx_buf.h"
#include "dx_inode.h"
#include "dx_log.h"
#include "dx_alloc.h"
#include "dx_bmap.h"

static char workdir[256], image[300], saved[300];
static struct dx_bdev *dev;

/*
 * The features of xfsprogs' lts_4.19.conf.  The file itself cannot be used: the one that xfsprogs 6.1.0
 * installs has an option (nrext64 under [metadata]) that its mkfs.xfs refuses.
 */
#define LTS "-m reflink=0,bigtime=0,inobtcount=0 "

/* The smallest log that mkfs.xfs allows, which it tells who asks for less. */
#define SMALLEST_LOG(o) "--unsupported " o " -l size=$(mkfs.xfs --unsupported -N -f -l size=2m " o \
	" img 2>&1 | sed -n 's/.*minimum size is \\([0-9]*\\) blocks.*/\\1b/p' | grep . || echo 2m)"

/* ---- volumes that mount ---- */

static const struct volume { const char *name, *size, *mkfs; unsigned int lbs; } volumes[] = {
	{ "defaults", "300M", "", 512 },
	{ "4.19 profile", "300M", LTS, 512 },
	{ "1 KiB blocks", "300M", LTS "-b size=1024", 512 },
	{ "2 KiB blocks", "300M", LTS "-b size=2048", 512 },
	{ "4 KiB sectors", "300M", LTS "-s size=4096", 4096 },
	{ "4 KiB sectors on a device of 512", "300M", "-s size=4096", 512 },
	{ "1 KiB inodes", "300M", LTS "-i size=1024", 512 },
	{ "2 KiB inodes", "300M", "-i size=2048", 512 },
	{ "512-byte inodes in 1 KiB blocks", "300M", "-b size=1024 -i size=512", 512 },
	{ "two AGs", "300M", "-d agcount=2", 512 },
	{ "50 AGs", "4500M", "-d agcount=50", 512 },
	{ "a last AG of its own size", "700M", "-d agsize=160m", 512 },
	{ "stripe", "600M", "-d su=64k,sw=4 -l su=64k", 512 },
	{ "stripe of 256 KiB in the log", "600M", "-d su=256k,sw=2 -l su=256k", 512 },
	{ "16 KiB directory blocks", "300M", "-n size=16384", 512 },
	{ "64 KiB directory blocks, 1 KiB blocks", "300M", "-b size=1024 -n size=65536", 512 },
	{ "no finobt, no sparse inodes", "300M", "-m reflink=0,bigtime=0,inobtcount=0,finobt=0 -i sparse=0", 512 },
	{ "no imax_pct", "300M", "-i maxpct=0", 512 },
	{ "large extent counters, 4.19 profile, 2 KiB inodes", "300M", LTS "-i nrext64=1,size=2048", 512 },
	{ "the smallest log", "300M", SMALLEST_LOG(LTS), 512 },
	{ "the smallest log, large extent counters", "300M", SMALLEST_LOG("-i nrext64=1"), 512 },
	{ "the smallest log, large extent counters, 64 KiB directory blocks, 1 KiB blocks", "4G",
	  SMALLEST_LOG("-b size=1024 -n size=65536 " LTS "-i nrext64=1"), 512 },
};

static struct dx_mount *mounted;

static int make_volume(const char *size, const char *mkfs, unsigned int lbs)
{
	if (dev)
		host_dev_close(dev);
	dev = NULL;
	if (host_sh("cd %s && rm -f img saved && truncate -s %s img && mkfs.xfs -q -f %s img >mkfs.out 2>&1 || { cat mkfs.out >&2; false; }",
		    workdir, size, mkfs))
		return -EIO;
	dev = host_dev_open(image);
	if (!dev)
		return -EIO;
	host_dev_set_lbs(dev, lbs);
	return 0;
}

static int do_mount(bool ro, bool norecovery)
{
	struct dx_mount_opts o = { .ro = ro, .norecovery = norecovery };
	int error;

	mounted = uv_mount_dev(dev, &o, &error);
	return error;
}

static int do_umount(void)
{
	struct dx_mount *mp = mounted;

	mounted = NULL;
	return uv_umount(mp);
}

static bool repair_clean(void) { return host_repair_clean(dev, saved); }

/* What `xfs_db -c "TYPE" -c p' prints for a field. */
static bool db_value(const char *type, const char *field, unsigned long long *v)
{
	char cmd[700], line[128];
	FILE *f;
	bool ok;

	snprintf(cmd, sizeof(cmd), "xfs_db -r -f -c '%s' -c 'p %s' %s 2>/dev/null", type, field, image);
	f = popen(cmd, "r");
	ok = f && fgets(line, sizeof(line), f) && strchr(line, '=');
	if (ok)
		*v = strtoull(strchr(line, '=') + 1, NULL, 0);
	if (f)
		pclose(f);
	return ok;
}

/* Levels of a bmbt, as xfs_db reckons them; a root that is a block stands for the one in the inode. */
static void check_bmbt_levels(struct dx_mount *mp, int whichfork, u64 extents)
{
	char cmd[500], line[200] = "";
	FILE *f;

	snprintf(cmd, sizeof(cmd), "xfs_db -r -f -c 'btheight -w min -n %llu bmapbt' %s | sed -n 's/^\\([0-9]*\\) levels.*/\\1/p'",
		 (unsigned long long)extents, image);
	f = popen(cmd, "r");
	CHECK(f && fgets(line, sizeof(line), f) && atoi(line) == mp->bm_maxlevels[whichfork]);
	if (f)
		pclose(f);
}

static void check_geometry(struct dx_mount *mp)
{
	const struct dx_sb *s = &mp->sb;
	const struct { const char *field; unsigned long long v; } f[] = {
		{ "blocksize", s->blocksize }, { "dblocks", s->dblocks }, { "logstart", s->logstart },
		{ "rootino", s->rootino }, { "agblocks", s->agblocks }, { "agcount", s->agcount },
		{ "logblocks", s->logblocks }, { "versionnum", s->versionnum }, { "sectsize", s->sectsize },
		{ "inodesize", s->inodesize }, { "inopblock", s->inopblock }, { "agblklog", s->agblklog },
		{ "imax_pct", s->imax_pct }, { "icount", s->icount }, { "ifree", s->ifree },
		{ "fdblocks", s->fdblocks }, { "inoalignmt", s->inoalignmt }, { "unit", s->unit },
		{ "width", s->width }, { "dirblklog", s->dirblklog }, { "logsunit", s->logsunit },
		{ "features2", s->features2 }, { "features_ro_compat", s->features_ro_compat },
		{ "features_incompat", s->features_incompat }, { "spino_align", s->spino_align },
	};
	unsigned long long v = 0;
	dx_agno_t agno;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(f); i++) {
		if (!db_value("sb 0", f[i].field, &v) || v != f[i].v) {
			printf("# %s: %llu, xfs_db says %llu\n", f[i].field, f[i].v, v);
			host_check(false, f[i].field, __FILE__, __LINE__);
		}
	}
	check_bmbt_levels(mp, DX_DATA_FORK, dx_has_nrext64(mp) ? (1ULL << 48) - 1 : (1U << 31) - 1);
	check_bmbt_levels(mp, DX_ATTR_FORK, dx_has_nrext64(mp) ? (1ULL << 32) - 1 : (1U << 15) - 1);
	CHECK_EQ(!!(mp->rootip->d.flags2 & DX_DIFLAG2_NREXT64), !!dx_has_nrext64(mp));
	CHECK_EQ(mp->rootip->ino, s->rootino);
	for (agno = 0; agno < s->agcount; agno++) {
		char type[32];

		if (agno > 1 && agno + 2 < s->agcount)
			continue;
		snprintf(type, sizeof(type), "agf %u", agno);
		CHECK(db_value(type, "length", &v) && v == dx_perag(mp, agno)->length);
	}
	CHECK(dx_verify_ino(mp, s->rootino));
	CHECK(!dx_verify_ino(mp, 0));
	CHECK(!dx_verify_ino(mp, DX_NULLINO));
	CHECK(!dx_verify_ino(mp, (u64)s->agcount << mp->agino_log));
}

static int up_and_down(void *arg)
{
	u64 icount, ifree, fdblocks;
	struct dx_statfs st;
	int error;

	(void)arg;
	error = do_mount(false, false);
	if (error)
		return error;
	check_geometry(mounted);
	CHECK_EQ(dx_ag_init_all(mounted, &icount, &ifree, &fdblocks), 0);
	CHECK_EQ(icount, mounted->sb.icount);
	CHECK_EQ(ifree, mounted->sb.ifree);
	CHECK_EQ(fdblocks, mounted->sb.fdblocks);
	dx_mount_statfs(mounted, &st);
	CHECK(st.bfree <= st.blocks && st.bavail <= st.bfree && st.ffree <= st.files);
	CHECK(host_log_has("Ending clean mount"));
	error = do_umount();
	if (error)
		return error;
	CHECK_EQ(host_live_allocs(true), 0);
	CHECK(repair_clean());
	return 0;
}

static int read_only(void *arg)
{
	struct host_dev_counts c;
	int error;

	(void)arg;
	error = do_mount(true, false);
	if (error)
		return error;
	CHECK_EQ(dx_sync_fs(mounted), 0);
	CHECK_EQ(dx_mount_quiesce(mounted), 0);
	error = do_umount();
	host_dev_counts(dev, &c);
	CHECK_EQ(c.writes, 0);
	CHECK_EQ(c.discards, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	return error;
}

static int remount(void *arg)
{
	int error;

	(void)arg;
	error = do_mount(true, false);
	if (error)
		return error;
	CHECK_EQ(dx_mount_remount_rw(mounted), 0);
	CHECK(!dx_is_readonly(mounted));
	CHECK_EQ(dx_sync_sb(mounted, true), 0);
	CHECK_EQ(dx_mount_remount_ro(mounted), 0);
	CHECK(dx_is_readonly(mounted));
	/* clean as it is: a power cut now needs no recovery */
	CHECK(repair_clean());
	CHECK_EQ(dx_mount_remount_rw(mounted), 0);
	CHECK_EQ(dx_mount_quiesce(mounted), 0);
	error = do_umount();
	CHECK(repair_clean());
	CHECK_EQ(host_live_allocs(true), 0);
	return error;
}

/* ---- volumes that must be refused ---- */

static struct dx_dsb *get_sb(void)
{
	static u8 sector[4096];

	host_dev_peek(dev, 0, sector, sizeof(sector));
	return (void *)sector;
}

static void put_sb(struct dx_dsb *d)
{
	u32 sect = be16_to_cpu(d->sb_sectsize);

	if (sect > 4096 || sect < 512)
		sect = 512;
	dx_update_cksum(d, sect, DX_SB_CRC_OFF);
	host_dev_poke(dev, 0, d, sect);
}

static void bad_magic(void) { struct dx_dsb *d = get_sb(); d->sb_magicnum = cpu_to_be32(0x12345678); put_sb(d); }
static void zeroes(void) { static u8 z[4096]; host_dev_poke(dev, 0, z, sizeof(z)); }
static void bad_crc(void) { u8 b; host_dev_peek(dev, 108, &b, 1); b ^= 1; host_dev_poke(dev, 108, &b, 1); }
#define SETTER(name, field, val) static void name(void) { struct dx_dsb *d = get_sb(); d->field = val; put_sb(d); }
#define ORER(name, field, bits) static void name(void) { struct dx_dsb *d = get_sb(); d->field |= cpu_to_be32(bits); put_sb(d); }
ORER(unknown_incompat, sb_features_incompat, 1u << 27)
ORER(needsrepair, sb_features_incompat, DX_SB_FEAT_INCOMPAT_NEEDSREPAIR)
ORER(unknown_ro, sb_features_ro_compat, 1u << 27)
SETTER(inprogress, sb_inprogress, 1)
SETTER(external_log, sb_logstart, 0)
SETTER(realtime, sb_rblocks, cpu_to_be64(1000))
SETTER(blocksize, sb_blocksize, cpu_to_be32(4095))
SETTER(blocklog, sb_blocklog, 77)
SETTER(sectsize, sb_sectsize, cpu_to_be16(513))
SETTER(sectlog, sb_sectlog, 12)
SETTER(inopblog, sb_inopblog, 31)
SETTER(agblocks0, sb_agblocks, 0)
SETTER(agblocks, sb_agblocks, cpu_to_be32(0x7fffffff))
SETTER(agcount0, sb_agcount, 0)
SETTER(agcount, sb_agcount, cpu_to_be32(0xffffffff))
SETTER(dblocks, sb_dblocks, cpu_to_be64(U64_MAX))
SETTER(agblklog, sb_agblklog, 63)
SETTER(logblocks, sb_logblocks, cpu_to_be32(0xffffffff))
SETTER(logstart, sb_logstart, cpu_to_be64(U64_MAX))
SETTER(logsunit, sb_logsunit, cpu_to_be32(3))
SETTER(dirblklog, sb_dirblklog, 200)
SETTER(spino, sb_spino_align, cpu_to_be32(3))
SETTER(rootino, sb_rootino, cpu_to_be64(U64_MAX))
SETTER(unit, sb_unit, cpu_to_be32(16))
SETTER(versionnum, sb_versionnum, cpu_to_be16(5))
static void lbs4096(void) { host_dev_set_lbs(dev, 4096); }
static void readonly_dev(void) { host_dev_set_readonly(dev, true); }
static void unreadable(void) { host_dev_fail_range(dev, HOST_FAIL_READ, 0, 1, -EIO); }
static void no_root(void)
{
	u8 z[512] = { 0 };
	unsigned long long rootino = be64_to_cpu(get_sb()->sb_rootino);

	host_dev_poke(dev, rootino * 512, z, sizeof(z));
}

static const struct refusal {
	const char	*name, *mkfs;
	void		(*damage)(void);
	int		error;
	const char	*says;
	bool		ro_works;
} refusals[] = {
	{ "bad magic", "", bad_magic, -EINVAL, "not an XFS volume" },
	{ "all zero", "", zeroes, -EINVAL, "not an XFS volume" },
	{ "version 4", "-m crc=0", NULL, -EINVAL, "version 4 is not supported" },
	{ "wrong CRC", "", bad_crc, -EFSCORRUPTED, "checksum" },
	{ "unknown incompat feature", "", unknown_incompat, -EINVAL, "unknown incompatible features 0x8000000" },
	{ "needs repair", "", needsrepair, -EFSCORRUPTED, "xfs_repair" },
	{ "unknown ro_compat feature", "", unknown_ro, -EINVAL, "-o ro", true },
	{ "mkfs unfinished", "", inprogress, -EFSCORRUPTED, "has not finished" },
	{ "external log", "", external_log, -EINVAL, "external log" },
	{ "realtime", "", realtime, -EINVAL, "realtime" },
	{ "8 KiB blocks", "-b size=8192", NULL, -EINVAL, "block size" },
	{ "blocksize", "", blocksize, -EFSCORRUPTED, "bad blocksize" },
	{ "blocklog", "", blocklog, -EFSCORRUPTED, "bad blocklog" },
	{ "sectsize", "", sectsize, -EFSCORRUPTED, "bad sectsize" },
	{ "sectlog", "", sectlog, -EFSCORRUPTED, "bad sectsize" },
	{ "inopblog", "", inopblog, -EFSCORRUPTED, "bad inopblock" },
	{ "no agblocks", "", agblocks0, -EFSCORRUPTED, "agblocks" },
	{ "agblocks", "", agblocks, -EFSCORRUPTED, "bad" },
	{ "no agcount", "", agcount0, -EFSCORRUPTED, "agcount" },
	{ "agcount", "", agcount, -EFSCORRUPTED, "bad" },
	{ "dblocks", "", dblocks, -EFSCORRUPTED, "bad dblocks" },
	{ "agblklog", "", agblklog, -EFSCORRUPTED, "bad" },
	{ "logblocks", "", logblocks, -EFSCORRUPTED, "bad logblocks" },
	{ "logstart", "", logstart, -EFSCORRUPTED, "bad logstart" },
	{ "logsunit", "", logsunit, -EFSCORRUPTED, "bad logsunit" },
	{ "dirblklog", "", dirblklog, -EFSCORRUPTED, "bad dirblklog" },
	{ "spino_align", "", spino, -EFSCORRUPTED, "bad spino_align" },
	{ "rootino", "", rootino, -EFSCORRUPTED, "bad rootino" },
	{ "unit", "", unit, -EFSCORRUPTED, "bad unit" },
	{ "versionnum", "", versionnum, -EFSCORRUPTED, "bad versionnum" },
	{ "sectors larger than the volume's", "", lbs4096, -EINVAL, "-s size=4096" },
	{ "read-only device", "", readonly_dev, -EROFS, "-o ro", true },
	{ "unreadable superblock", "", unreadable, -EIO, "cannot read the superblock" },
	{ "root inode gone", "-b size=4096", no_root, -EFSCORRUPTED, "root" },
};

static int refused(void *arg)
{
	const struct refusal *r = arg;
	struct host_dev_counts c;
	int error;

	if (r->damage)
		r->damage();
	error = do_mount(false, false);
	if (!CHECK_EQ(error, r->error) && !error)
		return do_umount();
	if (!CHECK(host_log_has(r->says)))
		printf("# log: %s\n", host_log());
	CHECK_EQ(host_live_allocs(true), 0);
	if (r->ro_works) {
		error = do_mount(true, false);
		if (CHECK_EQ(error, 0))
			do_umount();
	}
	host_dev_counts(dev, &c);
	CHECK_EQ(c.writes, 0);
	CHECK_EQ(c.discards, 0);
	return 0;
}

static int truncated(void *arg)
{
	struct host_dev_counts c;

	(void)arg;
	CHECK_EQ(do_mount(false, false), -EIO);
	CHECK(host_log_has("truncated"));
	host_dev_counts(dev, &c);
	CHECK_EQ(c.writes, 0);
	return 0;
}

static int options(void *arg)
{
	(void)arg;
	CHECK_EQ(do_mount(false, true), -EINVAL);
	CHECK(host_log_has("norecovery"));
	CHECK_EQ(do_mount(true, true), 0);
	if (mounted) {
		CHECK_EQ(dx_mount_remount_rw(mounted), -EINVAL);
		do_umount();
	}
	return 0;
}

/* The nth allocation, read or write of mount and unmount fails, for every n. */
static unsigned long nth;
static bool fail_io;

static int failing(void *arg)
{
	int error;

	(void)arg;
	if (fail_io)
		host_dev_fail(dev, HOST_FAIL_READ, nth, false, -EIO);
	else
		host_fail_alloc_nth(nth);
	error = do_mount(false, false);
	if (!error) {
		host_fail_alloc_nth(0);
		host_dev_fail_none(dev);
		do_umount();
	}
	CHECK_EQ(host_live_allocs(true), 0);
	return 0;
}

static void every_failure(bool io)
{
	char name[64];
	bool fired = true;

	fail_io = io;
	snprintf(name, sizeof(name), "any %s may fail", io ? "read" : "allocation");
	host_test_begin(name);
	for (nth = 1; fired && nth < 2000; nth++) {
		struct host_dev_counts c;

		host_dev_reset(dev);
		host_init(0);
		host_run(failing, NULL);
		host_dev_counts(dev, &c);
		fired = io ? c.failed : host_alloc_failed();
		if (host_checks_failed) {
			printf("# the %luth\n", nth);
			break;
		}
	}
	host_kill_world();
	host_test_end();
}

/* ---- AGs that are added while others are in use ---- */

static bool growing;

/* Whatever dx_agcount() says is there, and where it was. */
static int ags_reader(void *arg)
{
	struct dx_mount *mp = arg;
	struct dx_perag *first = dx_perag(mp, 0);

	while (READ_ONCE(growing)) {
		dx_agno_t n = dx_agcount(mp), i;

		host_yield();
		for (i = 0; i < n; i++) {
			struct dx_perag *pag = dx_perag(mp, i);

			if (!CHECK(pag && pag->agno == i && pag->mp == mp && pag->length && pag->length <= 1000))
				return 1;
		}
		CHECK(dx_perag(mp, 0) == first);
	}
	return 0;
}

static int ags_grow(void *arg)
{
	struct dx_mount *mp = kzalloc(sizeof(*mp), GFP_KERNEL);
	struct host_fiber *f[3];
	struct dx_perag *last;
	u32 n;
	int i;

	mp->sb = (struct dx_sb){ .agblocks = 1000, .blocklog = 12, .sectsize = 512, .inopblog = 3 };
	mp->ialloc_align = 8;
	CHECK_EQ(dx_ags_grow(mp, 1, 700), 0);
	CHECK_EQ(dx_perag(mp, 0)->length, 700);
	growing = true;
	for (i = 0; i < 3; i++)
		f[i] = host_spawn(ags_reader, mp, "reader");
	for (n = 2; n < 60; n++) {
		last = dx_perag(mp, n - 2);
		host_fail_alloc_nth(1 + n % 2);		/* the table, or the new AG */
		CHECK_EQ(dx_ags_grow(mp, n, (n - 1) * 1000 + 500), -ENOMEM);
		CHECK(host_alloc_failed());
		CHECK_EQ(dx_agcount(mp), n - 1);
		host_yield();
		CHECK_EQ(dx_ags_grow(mp, n, (n - 1) * 1000 + 500), 0);
		CHECK_EQ(dx_agcount(mp), n);
		CHECK(dx_perag(mp, n - 2) == last);
		CHECK_EQ(last->length, 1000);
		CHECK_EQ(last->max_agino, 8 * 1000 - 1);
		CHECK_EQ(dx_perag(mp, n - 1)->length, 500);
	}
	growing = false;
	for (i = 0; i < 3; i++)
		CHECK_EQ(host_join(f[i]), 0);
	dx_ags_free(mp);
	kfree(mp);
	CHECK_EQ(host_live_allocs(true), 0);
	return 0;
}

int main(void)
{
	char name[128];
	size_t i;

	snprintf(workdir, sizeof(workdir), "%s/t_mount.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(workdir))
		return 1;
	snprintf(image, sizeof(image), "%s/img", workdir);
	snprintf(saved, sizeof(saved), "%s/saved", workdir);

	host_test("AGs are added while others use those that are there", 1, ags_grow, NULL);
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		const struct volume *v = &volumes[i];

		snprintf(name, sizeof(name), "mounts: %s", v->name);
		if (make_volume(v->size, v->mkfs, v->lbs)) {
			printf("not ok %s # mkfs.xfs failed\n", name);
			host_tests_failed++;
			continue;
		}
		host_test(name, i, up_and_down, NULL);
		if (i < 2) {
			host_dev_reset(dev);
			host_test("mounts read-only without a write", 1, read_only, NULL);
			host_dev_reset(dev);
			host_test("remounts", 1, remount, NULL);
			host_dev_reset(dev);
			host_test("mounts without recovery", 1, options, NULL);
			every_failure(false);
			every_failure(true);
		}
	}
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		snprintf(name, sizeof(name), "refuses: %s", refusals[i].name);
		if (make_volume("300M", refusals[i].mkfs, 512)) {
			printf("not ok %s # mkfs.xfs failed\n", name);
			host_tests_failed++;
			continue;
		}
		host_test(name, 0, refused, (void *)&refusals[i]);
	}
	if (!make_volume("300M", "", 512)) {
		host_dev_close(dev);
		host_sh("truncate -s 299M %s", image);
		dev = host_dev_open(image);
		host_test("refuses: truncated device", 0, truncated, NULL);
	}
	host_dev_close(dev);
	host_sh("rm -rf %s", workdir);
	return host_test_exit();
}
