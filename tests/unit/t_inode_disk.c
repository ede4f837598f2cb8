// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode core's forms: times and extent counters survive the way to the disk, through the log and back; log and disk
 * forms agree with each other; and each field gone wrong is caught, by name.
 */
#include <stdio.h>
#include <string.h>
#include "host.h"
#include "dx_inode.h"

static void geometry(struct dx_mount *mp, bool bigtime)
{
	memset(mp, 0, sizeof(*mp));
	mp->sb.inodesize = 512;
	mp->sb.dblocks = 100000;
	mp->sb.features_incompat = DX_SB_FEAT_INCOMPAT_FTYPE | (bigtime ? DX_SB_FEAT_INCOMPAT_BIGTIME : 0);
	memset(&mp->sb.meta_uuid, 0x5a, sizeof(mp->sb.meta_uuid));
	mp->sb.uuid = mp->sb.meta_uuid;
}

static int times(void *arg)
{
	static const struct { s64 sec; long nsec; s64 legacy, big; } t[] = {
		{ 0, 0, 0, 0 },
		{ 1, 999999999, 1, 1 },
		{ -1, 5, -1, -1 },
		{ S32_MIN, 0, S32_MIN, S32_MIN },
		{ S32_MAX, 1, S32_MAX, S32_MAX },
		{ (s64)S32_MIN - 10, 0, S32_MIN, S32_MIN },
		{ 1LL << 32, 7, S32_MAX, 1LL << 32 },
		{ 16000000000LL, 7, S32_MAX, 16000000000LL },
	};
	struct dx_mount mp;
	struct timespec64 in, out;
	__be64 disk;
	int i, big;

	(void)arg;
	for (big = 0; big < 2; big++) {
		geometry(&mp, big);
		for (i = 0; i < (int)ARRAY_SIZE(t); i++) {
			in.tv_sec = t[i].sec;
			in.tv_nsec = t[i].nsec;
			dx_time_to_disk(&mp, big ? DX_DIFLAG2_BIGTIME : 0, &in, &disk);
			dx_time_from_disk(&mp, big ? DX_DIFLAG2_BIGTIME : 0, disk, &out);
			CHECK_EQ(out.tv_sec, big ? t[i].big : t[i].legacy);
			CHECK_EQ(out.tv_nsec, t[i].nsec);
		}
	}
	/* 1970 as the format spec has it */
	geometry(&mp, true);
	in.tv_sec = 0;
	in.tv_nsec = 0;
	dx_time_to_disk(&mp, DX_DIFLAG2_BIGTIME, &in, &disk);
	CHECK_EQ(be64_to_cpu(disk), 0x80000000ULL * 1000000000ULL);
	return 0;
}

static void fill(struct dx_inode *ip, struct dx_mount *mp, bool bigtime)
{
	memset(ip, 0, sizeof(*ip));
	ip->ino = 131;
	ip->mp = mp;
	ip->d.mode = S_IFREG | 0640;
	ip->d.uid = 0x11223344;
	ip->d.gid = 0x55667788;
	ip->d.nlink = 3;
	ip->d.projid = 0x12345678;
	ip->d.atime = (struct timespec64){ 1600000000, 1 };
	ip->d.mtime = (struct timespec64){ -5, 2 };
	ip->d.ctime = (struct timespec64){ 1600000002, 999999999 };
	ip->d.crtime = (struct timespec64){ 1500000000, 4 };
	ip->d.size = 0x123456789aULL;
	ip->d.nblocks = 77;
	ip->d.flags = DX_DIFLAG_NOATIME;
	ip->d.flags2 = bigtime ? DX_DIFLAG2_BIGTIME : 0;
	ip->d.gen = 0xdeadbeef;
	ip->d.changecount = 0x1122334455667788ULL;
	ip->df.format = DX_DINODE_FMT_EXTENTS;
	ip->df.nextents = 2;
}

static int log_is_disk(void *arg)
{
	/* extents of both forks; what a small counter can have, and what only a large one can */
	static const struct { u64 data, attr; bool large; } counts[] = {
		{ 2, 0, false }, { 0x7fffffff, 0x7fff, false }, { 2, 0, true }, { 0x7fffffff, 0x7fff, true },
		{ 0xfedcba987654ULL, 0xfedcba98, true }, { (1ULL << 48) - 1, 0xffffffff, true },
	};
	u8 a[512], b[512];
	struct dx_dinode *da = (void *)a, *db = (void *)b;
	struct dx_log_dinode ld;
	struct dx_mount mp;
	struct dx_inode ip;
	struct dx_fork af = { .format = DX_DINODE_FMT_BTREE };
	int big, i;

	(void)arg;
	for (big = 0; big < 2; big++) {
		for (i = 0; i < (int)ARRAY_SIZE(counts); i++) {
			geometry(&mp, big);
			fill(&ip, &mp, big);
			ip.df.nextents = counts[i].data;
			af.nextents = counts[i].attr;
			ip.af = &af;
			if (counts[i].large)
				ip.d.flags2 |= DX_DIFLAG2_NREXT64;
			memset(a, 0, sizeof(a));
			memset(b, 0, sizeof(b));
			da->di_next_unlinked = db->di_next_unlinked = cpu_to_be32(5);
			dx_inode_to_disk(&ip, da, 42);
			dx_inode_to_log(&ip, &ld, 42);
			dx_log_dinode_to_disk(&ld, db);
			CHECK(!memcmp(a, b, sizeof(a)));
			CHECK_EQ(be32_to_cpu(da->di_next_unlinked), 5);
			CHECK_EQ(dx_dinode_nextents(da, DX_DATA_FORK), counts[i].data);
			CHECK_EQ(dx_dinode_nextents(da, DX_ATTR_FORK), counts[i].attr);
		}
	}
	return 0;
}

static void good(struct dx_dinode *dip, struct dx_mount *mp)
{
	struct dx_inode ip;

	fill(&ip, mp, false);
	memset(dip, 0, 512);
	dip->di_next_unlinked = cpu_to_be32(DX_NULLAGINO);
	dx_inode_to_disk(&ip, dip, 1);
}

static void expect(struct dx_mount *mp, struct dx_dinode *dip, const char *field)
{
	const char *bad;
	int error;

	dx_dinode_stamp_crc(mp, dip);
	error = dx_dinode_verify(mp, 131, dip, &bad);
	if (!CHECK(field ? error == -EFSCORRUPTED && !strcmp(bad, field) : !error))
		printf("  wanted %s, got %d %s\n", field ? field : "no error", error, bad);
}

static int mutations(void *arg)
{
	u8 raw[512];
	struct dx_dinode *d = (void *)raw;
	struct dx_mount mp;
	const char *bad;

	(void)arg;
	geometry(&mp, false);
#define WRONG(field, change) do { good(d, &mp); change; expect(&mp, d, field); } while (0)
	WRONG(NULL, (void)0);
	WRONG("magic", d->di_magic = cpu_to_be16(0x4949));
	WRONG("version", d->di_version = 2);
	WRONG("ino", d->di_ino = cpu_to_be64(132));
	WRONG("uuid", d->di_uuid.b[3] ^= 1);
	WRONG("size", d->di_size = cpu_to_be64(1ULL << 63));
	WRONG("nlink", d->di_nlink = cpu_to_be32(~0u));
	WRONG("mode", d->di_mode = cpu_to_be16(0xf000));
	WRONG("format", d->di_format = DX_DINODE_FMT_LOCAL);
	WRONG("format", d->di_format = DX_DINODE_FMT_UUID);
	WRONG("nextents", d->di_nextents = cpu_to_be32(22));
	WRONG("nextents", d->di_format = DX_DINODE_FMT_BTREE);
	WRONG("nblocks", d->di_nblocks = cpu_to_be64(1));
	WRONG("nblocks", d->di_nblocks = cpu_to_be64(100001));
	WRONG("forkoff", d->di_forkoff = 42);
	WRONG("naextents", d->di_anextents = cpu_to_be16(1));
	WRONG("aformat", d->di_aformat = DX_DINODE_FMT_BTREE);
	WRONG("naextents", (d->di_forkoff = 24, d->di_anextents = cpu_to_be16(10)));
	WRONG("attr totsize", (d->di_forkoff = 24, d->di_aformat = DX_DINODE_FMT_LOCAL));
	WRONG("flags2.bigtime", d->di_flags2 = cpu_to_be64(DX_DIFLAG2_BIGTIME));
	WRONG("flags2.nrext64", d->di_flags2 = cpu_to_be64(DX_DIFLAG2_NREXT64));
	WRONG("flags2.reflink", d->di_flags2 = cpu_to_be64(DX_DIFLAG2_REFLINK));
	WRONG("flags.extszinherit", d->di_flags = cpu_to_be16(DX_DIFLAG_EXTSZINHERIT));
	WRONG("extsize", d->di_extsize = cpu_to_be32(1u << 21));
	WRONG("size", (d->di_mode = cpu_to_be16(S_IFDIR), d->di_size = 0));
	WRONG(NULL, (d->di_mode = cpu_to_be16(S_IFDIR), d->di_size = 0, d->di_nlink = 0));
	WRONG("size", (d->di_mode = cpu_to_be16(S_IFDIR), d->di_size = 0, d->di_nlink = 0, d->di_format = DX_DINODE_FMT_LOCAL));
	WRONG("size", (d->di_mode = cpu_to_be16(S_IFLNK), d->di_size = 0));
	WRONG(NULL, (d->di_mode = cpu_to_be16(S_IFLNK), d->di_size = 0, d->di_nlink = 0));
	WRONG("size", (d->di_mode = cpu_to_be16(S_IFLNK), d->di_size = cpu_to_be64(1025)));
	WRONG("format", d->di_mode = cpu_to_be16(S_IFIFO));
	WRONG("v3_pad", d->di_big_nextents = cpu_to_be64(2));
	WRONG("nextents", (d->di_format = DX_DINODE_FMT_BTREE, d->di_nextents = cpu_to_be32(0x80000000)));
	WRONG("naextents", (d->di_forkoff = 24, d->di_aformat = DX_DINODE_FMT_BTREE, d->di_anextents = cpu_to_be16(0x8000)));
	/* a free one: only its header counts */
	WRONG(NULL, (d->di_mode = 0, d->di_nextents = cpu_to_be32(1000)));
	WRONG("v3_pad", (d->di_mode = 0, d->di_big_nextents = cpu_to_be64(1)));
	WRONG("flags2.nrext64", (d->di_mode = 0, d->di_flags2 = cpu_to_be64(DX_DIFLAG2_NREXT64)));

	/* only one that shares can have more blocks than there are, and even that one has one for each extent */
	mp.sb.features_ro_compat |= DX_SB_FEAT_RO_COMPAT_REFLINK;
#define SHARES(n) (d->di_flags2 = cpu_to_be64(DX_DIFLAG2_REFLINK), d->di_nblocks = cpu_to_be64(n))
	WRONG("nblocks", d->di_nblocks = cpu_to_be64(100001));
	WRONG(NULL, SHARES(100001));
	WRONG("nblocks", SHARES(1));

	/* with large counters on the volume an inode may have them or not */
	mp.sb.features_incompat |= DX_SB_FEAT_INCOMPAT_NREXT64;
	WRONG(NULL, (void)0);
	WRONG("v3_pad", d->di_big_nextents = cpu_to_be64(2));
	WRONG("naextents", (d->di_forkoff = 24, d->di_aformat = DX_DINODE_FMT_BTREE, d->di_anextents = cpu_to_be16(0x8000)));
#define LARGE(data, attr) (d->di_flags2 = cpu_to_be64(DX_DIFLAG2_NREXT64), d->di_big_nextents = cpu_to_be64(data), \
			   d->di_nextents = cpu_to_be32(attr), d->di_anextents = 0)
	WRONG(NULL, LARGE(2, 0));
	WRONG("nrext64_pad", (LARGE(2, 0), d->di_anextents = cpu_to_be16(1)));
	WRONG("nrext64_pad", (LARGE(0, 0), d->di_mode = 0, d->di_anextents = cpu_to_be16(1)));
	WRONG("nextents", LARGE(22, 0));
	WRONG("nextents", (LARGE(1ULL << 48, 0), d->di_format = DX_DINODE_FMT_BTREE));
	WRONG("nblocks", LARGE(20, 0) ; d->di_nblocks = cpu_to_be64(19));
	WRONG("naextents", LARGE(2, 1));
	/* their sum must not wrap round to something small */
	WRONG("nextents", (LARGE(~0ULL, 2), d->di_format = DX_DINODE_FMT_BTREE, d->di_forkoff = 24));

	good(d, &mp);
	dx_dinode_stamp_crc(&mp, d);
	raw[400] ^= 1;
	CHECK_EQ(dx_dinode_verify(&mp, 131, d, &bad), -EFSCORRUPTED);
	return 0;
}

int main(void)
{
	host_test("timestamps keep their value, or the nearest the form has", 0, times, NULL);
	host_test("a core replayed from the log is the core written back", 0, log_is_disk, NULL);
	host_test("a wrong field is found and named", 0, mutations, NULL);
	return host_test_exit();
}
