// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was in free blocks before they became metadata: a file had it, and whoever wrote that could make it look like anything.
 * It says nothing to recovery: what the log makes of the blocks is there after a power cut, all of it.
 *
 * All free blocks are forged before each load: blocks of each kind, of this volume by their uuid and checksum, which claim to be
 * elsewhere (an image of the volume, kept in a file on it) or where they are, newer than what the log holds or ahead
 * of it.  The load makes metadata of all kinds and loses power before any of it is written back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_attr.h"
#include "dx_bmap.h"
#include "dx_dir.h"
#include "dx_inode.h"
#include "dx_log_int.h"

#define FILES	300
#define ATTRS	60
#define EXTENTS	150
#define TARGET	900			/* bytes of a symbolic link */
#define UID	5000			/* whose record is in a block of its own */

static const struct uv_profile volumes[] = {
	{ "1 KiB blocks, rmapbt", "--unsupported -d agcount=2 -l size=10m -b size=1024 -m rmapbt=1", 64 },
	{ "directory blocks of 4 KiB", "--unsupported -d agcount=2 -l size=10m -b size=1024 -n size=4096 -m reflink=0", 64 },
};

/* ---- the load ---- */

static u32 bs;
static u64 nblocks, log_from, log_to, head;
static uuid_t meta_uuid;
static dx_ino_t dir_ino, file_ino, link_ino;

static struct dx_name file_name(char *room, int i)
{
	return (struct dx_name){ (const u8 *)room, sprintf(room, "a file of many, number %d", i), DX_DIR3_FT_REG_FILE };
}

static struct dx_attr_arg attr_arg(struct dx_inode *ip, char *name, int i, u8 *value)
{
	struct dx_attr_arg a = { .ip = ip, .name = (u8 *)name, .value = value, .valuelen = 90 };

	a.namelen = sprintf(name, "attribute %d", i);
	memset(value, i + 1, 90);
	return a;
}

static int prepare(void *arg)
{
	struct dx_create_args d = { .mode = S_IFDIR | 0755 }, f = { .mode = S_IFREG | 0644 };
	struct dx_name dn = { (const u8 *)"d", 1, DX_DIR3_FT_DIR }, fn = { (const u8 *)"f", 1, DX_DIR3_FT_REG_FILE };
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *ip;

	(void)arg;
	if (!mp)
		return -EIO;
	CHECK_EQ(dx_create(mp->rootip, &dn, &d, &ip), 0);
	dir_ino = ip->ino;
	dx_idrop(ip);
	CHECK_EQ(dx_create(mp->rootip, &fn, &f, &ip), 0);
	file_ino = ip->ino;
	dx_idrop(ip);
	bs = mp->sb.blocksize;
	nblocks = mp->sb.dblocks;
	meta_uuid = mp->sb.meta_uuid;
	log_from = dx_log_daddr(mp) << 9;
	log_to = log_from + ((u64)dx_log_size_bb(mp) << 9);
	return uv_umount(mp);
}

static void make_names(struct dx_mount *mp)
{
	struct dx_create_args f = { .mode = S_IFREG | 0644 }, l = { .mode = S_IFLNK | 0777 };
	struct dx_name ln = { (const u8 *)"l", 1, DX_DIR3_FT_SYMLINK };
	struct dx_inode *dp, *ip;
	char name[60], target[TARGET + 1] = "";
	int i;

	CHECK_EQ(dx_iget(mp, NULL, dir_ino, 0, &dp), 0);
	for (i = 0; i < FILES; i++) {
		struct dx_name n = file_name(name, i);

		CHECK_EQ(dx_create(dp, &n, &f, &ip), 0);
		dx_idrop(ip);
	}
	memset(target, 't', TARGET);
	CHECK_EQ(dx_symlink(dp, &ln, target, &l, &ip), 0);
	link_ino = ip->ino;
	dx_idrop(ip);
	dx_idrop(dp);
}

static void fill_file(struct dx_mount *mp)
{
	struct dx_setattr sa = { .valid = DX_ATTR_UID, .uid = UID };
	struct dx_inode *ip;
	char name[60];
	u8 value[100];
	int i;

	CHECK_EQ(dx_iget(mp, NULL, file_ino, 0, &ip), 0);
	for (i = 0; i < ATTRS; i++) {
		struct dx_attr_arg a = attr_arg(ip, name, i, value);

		CHECK_EQ(dx_attr_set_op(&a), 0);
	}
	for (i = 0; i < EXTENTS; i++)
		CHECK_EQ(dx_alloc_file_space(ip, (u64)2 * i * bs, bs), 0);
	CHECK_EQ(dx_setattr_nosize(ip, &sa, false), 0);
	dx_idrop(ip);
}

static int load(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);

	(void)arg;
	if (!mp)
		return -EIO;
	make_names(mp);
	fill_file(mp);
	CHECK_EQ(dx_log_force(mp, true), 0);
	head = atomic64_read(&mp->log->head_lsn);
	host_stop_world();
	return 0;
}

static void judge_names(struct dx_mount *mp)
{
	static char target[DX_SYMLINK_MAXLEN + 1];
	struct dx_inode *dp, *ip;
	int i, lost = 0;
	char name[60];
	dx_ino_t ino;

	CHECK_EQ(dx_iget(mp, NULL, dir_ino, 0, &dp), 0);
	for (i = 0; i < FILES; i++) {
		struct dx_name n = file_name(name, i);

		lost += !!dx_lookup(dp, &n, &ino, NULL);
	}
	CHECK_EQ(lost, 0);
	dx_idrop(dp);
	CHECK_EQ(dx_iget(mp, NULL, link_ino, 0, &ip), 0);
	CHECK_EQ(dx_readlink(ip, target), TARGET);
	dx_idrop(ip);
}

static void judge_file(struct dx_mount *mp)
{
	u8 value[100], got[100];
	struct dx_inode *ip;
	int i, lost = 0;
	char name[60];

	CHECK_EQ(dx_iget(mp, NULL, file_ino, 0, &ip), 0);
	for (i = 0; i < ATTRS; i++) {
		struct dx_attr_arg a = attr_arg(ip, name, i, value);

		a.value = got;
		lost += dx_attr_get(&a) || a.valuelen != 90 || memcmp(value, got, 90);
	}
	CHECK_EQ(lost, 0);
	CHECK_EQ(ip->df.nextents, EXTENTS);
	CHECK_EQ(ip->d.uid, UID);
	dx_idrop(ip);
}

static int judge(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (!CHECK_EQ(error, 0) || !mp)
		return error;
	judge_names(mp);
	judge_file(mp);
	if (uv_quota)
		CHECK_EQ(uv_check_quota(mp), 0);
	return uv_umount(mp);
}

/* ---- forgeries ---- */

enum { NOBODY, AN_AG, THE_DIR, THE_FILE, THE_LINK };
#define FIELDS(type, p)	offsetof(type, p##blkno), offsetof(type, p##lsn), offsetof(type, p##uuid), offsetof(type, p##owner), \
			offsetof(type, p##crc)
#define SHORT(m)	m, 0, FIELDS(struct dx_btree_sblock, bb_), 4, AN_AG
#define DIR(m)	m, 0, FIELDS(struct dx_dir3_blk_hdr, ), 8, THE_DIR
#define DA(m)	m, offsetof(struct dx_da3_blkinfo, magic), FIELDS(struct dx_da3_blkinfo, ), 8
static const struct forgery {
	const char *name;
	u32 magic;
	u16 magic_off, blkno_off, lsn_off, uuid_off, owner_off, crc_off, owner_bytes;
	int owner;
} forgeries[] = {
	{ "bnobt", SHORT(DX_ABTB_CRC_MAGIC) },
	{ "cntbt", SHORT(DX_ABTC_CRC_MAGIC) },
	{ "inobt", SHORT(DX_IBT_CRC_MAGIC) },
	{ "finobt", SHORT(DX_FIBT_CRC_MAGIC) },
	{ "rmapbt", SHORT(DX_RMAP_CRC_MAGIC) },
	{ "refcountbt", SHORT(DX_REFC_CRC_MAGIC) },
	{ "bmbt", DX_BMAP_CRC_MAGIC, 0, FIELDS(struct dx_btree_lblock, bb_), 8, THE_FILE },
	{ "symbolic link", DX_SYMLINK_MAGIC, 0, FIELDS(struct dx_dsymlink_hdr, sl_), 8, THE_LINK },
	{ "directory of one block", DIR(DX_DIR3_BLOCK_MAGIC) },
	{ "directory data", DIR(DX_DIR3_DATA_MAGIC) },
	{ "directory free index", DIR(DX_DIR3_FREE_MAGIC) },
	{ "directory leaf", DA(DX_DIR3_LEAF1_MAGIC), THE_DIR },
	{ "directory leaf below a node", DA(DX_DIR3_LEAFN_MAGIC), THE_DIR },
	{ "directory node", DA(DX_DA3_NODE_MAGIC), THE_DIR },
	{ "attribute leaf", DA(DX_ATTR3_LEAF_MAGIC), THE_FILE },
	/* kinds that have their place */
	{ "superblock", DX_SB_MAGIC, 0, 0, offsetof(struct dx_dsb, sb_lsn), offsetof(struct dx_dsb, sb_uuid), 0, DX_SB_CRC_OFF, 0,
	  NOBODY },
	{ "AGF", DX_AGF_MAGIC, 0, 0, offsetof(struct dx_agf, agf_lsn), offsetof(struct dx_agf, agf_uuid), 0, DX_AGF_CRC_OFF, 0,
	  NOBODY },
};

static void forge(const struct forgery *f, u64 at, bool home, u64 lsn)
{
	const u64 owners[] = { 0, at / bs / (nblocks / 2), dir_ino, file_ino, link_ino };
	static u8 b[4096];

	memset(b, 0, bs);
	if (f->magic_off)
		put_unaligned_be16(f->magic, b + f->magic_off);
	else
		put_unaligned_be32(f->magic, b);
	if (f->blkno_off)
		put_unaligned_be64((at >> 9) + (home ? 0 : 8), b + f->blkno_off);
	memcpy(b + f->uuid_off, &meta_uuid, sizeof(meta_uuid));
	if (f->owner_bytes == 4)
		put_unaligned_be32(owners[f->owner], b + f->owner_off);
	if (f->owner_bytes == 8)
		put_unaligned_be64(owners[f->owner], b + f->owner_off);
	put_unaligned_be64(lsn, b + f->lsn_off);
	dx_update_cksum(b, bs, f->crc_off);
	host_dev_poke(uv_dev, at, b, bs);
}

/* Blocks of zeroes are free. */
static void forge_all(const struct forgery *f, bool home, u64 lsn)
{
	static const u8 zeroes[4096];
	static u8 b[4096];
	u64 i;

	for (i = 16; i < nblocks; i++) {
		u64 at = i * bs;

		if (at >= log_from && at < log_to)
			continue;
		host_dev_peek(uv_dev, at, b, bs);
		if (!memcmp(b, zeroes, bs))
			forge(f, at, home, lsn);
	}
}

static const struct forge_way {
	const char *name;
	bool home;
	u32 cycles;			/* ahead */
} ways[] = {
	{ "of elsewhere, newer than the log", false, 0 },
	{ "in its place, newer than the log", true, 0 },
	{ "in its place, ahead of the log", true, 49 },
};

static void one(const char *volume, struct host_dev_snap *snap, const struct forgery *f, const struct forge_way *w)
{
	char name[200];

	snprintf(name, sizeof(name), "%s: %s, %s", volume, f->name, w->name);
	host_test_begin(name);
	host_dev_snap_restore(uv_dev, snap);
	forge_all(f, w->home, head + ((u64)w->cycles << 32));
	host_init(1);
	host_set_printk(2);
	CHECK_EQ(host_run(load, NULL), HOST_CRASHED);
	host_kill_world();
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	uv_judge(judge, "bygone");
	host_test_end();
}

int main(void)
{
	struct host_dev_snap *snap;
	size_t v, i, j;

	uv_setup("t_bygone");
	uv_quota = DX_UQUOTA_ACCT | DX_UQUOTA_ENFD;
	for (v = 0; v < ARRAY_SIZE(volumes); v++) {
		if (uv_make(&volumes[v]))
			return 2;
		host_init(1);
		if (host_run(prepare, NULL))
			return 2;
		host_kill_world();
		snap = host_dev_snap_take(uv_dev);
		/* once as it is, to know where the log will end */
		host_init(1);
		host_run(load, NULL);
		host_kill_world();
		for (i = 0; i < ARRAY_SIZE(forgeries); i++)
			for (j = 0; j < ARRAY_SIZE(ways); j++)
				if (v == 0 || (i + j) % 3 == 0)
					one(volumes[v].name, snap, &forgeries[i], &ways[j]);
		host_dev_snap_free(snap);
	}
	uv_teardown();
	return host_test_exit();
}
