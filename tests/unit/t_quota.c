// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quota in a log that somebody else has left: its records come to their places, with their limits, unless the place has
 * something newer, or accounting of their type has ended since.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_log.h"

#define EACH	sizeof(struct dx_dqblk)
#define ID	47
#define OLD	7u			/* limits */
#define NEW	11u

static struct host_dev_snap *snap;

/* ---- what is on disk ---- */

static void make_record(u8 *blk, u32 id, u8 type, u64 limit, u64 lsn)
{
	struct dx_dqblk *q = (void *)(blk + id % (ul_block_bytes / EACH) * EACH);
	struct dx_dsb d;

	host_dev_peek(uv_dev, 0, &d, sizeof(d));
	*q = (struct dx_dqblk) {
		.dd_diskdq = {
			.d_magic = cpu_to_be16(DX_DQUOT_MAGIC), .d_version = DX_DQUOT_VERSION, .d_flags = type,
			.d_id = cpu_to_be32(id), .d_blk_hardlimit = cpu_to_be64(limit),
		},
		.dd_lsn = cpu_to_be64(lsn), .dd_uuid = d.sb_uuid,
	};
	dx_update_cksum(q, EACH, DX_DQUOT_CRC_OFF);
}

/* A whole block, as it is made. */
static void make_block(u8 *blk, u8 type, u64 limit, u64 lsn)
{
	u32 per = ul_block_bytes / EACH, i;

	memset(blk, 0, ul_block_bytes);
	for (i = 0; i < per; i++)
		make_record(blk, ID / per * per + i, type, limit, lsn);
}

/* The limit of a record that is whole; 0 when it is not. */
static u64 limit_of(u32 id, u64 *lsn)
{
	struct dx_dqblk q;
	u32 at = id % (ul_block_bytes / EACH) * EACH;

	host_dev_peek(uv_dev, (ul_last_block << 9) + at, &q, sizeof(q));
	if (!dx_verify_cksum(&q, EACH, DX_DQUOT_CRC_OFF) || be32_to_cpu(q.dd_diskdq.d_id) != id)
		return 0;
	*lsn = be64_to_cpu(q.dd_lsn);
	return be64_to_cpu(q.dd_diskdq.d_blk_hardlimit);
}

/* ---- what is in the log ---- */

static void log_block(struct ul_log *l, u8 type)
{
	u16 flag = type == DX_DQ_USER ? DX_BLF_UDQUOT_BUF : type == DX_DQ_PROJ ? DX_BLF_PDQUOT_BUF : DX_BLF_GDQUOT_BUF;
	u32 words = DIV_ROUND_UP(ul_block_bytes / DX_BLF_CHUNK, 32);
	struct ul_trans *t = ul_new_trans(l, 0x100);
	struct ul_item *it = ul_new_item(t);
	struct dx_buf_log_format *f = (void *)ul_new_region(it, offsetof(struct dx_buf_log_format, blf_data_map) + words * 4);

	f->blf_type = DX_LI_BUF;
	f->blf_size = 2;
	f->blf_flags = flag | DX_BLFT_UDQUOT << DX_BLFT_SHIFT;
	f->blf_len = ul_block_bytes >> 9;
	f->blf_blkno = ul_last_block;
	f->blf_map_size = words;
	f->blf_data_map[0] = ul_block_bytes / DX_BLF_CHUNK == 32 ? ~0u : (1u << ul_block_bytes / DX_BLF_CHUNK) - 1;
	make_block(ul_new_region(it, ul_block_bytes), type, OLD, 0);
}

static void log_off(struct ul_log *l, u32 acct)
{
	u8 *p = ul_intent(ul_new_trans(l, 0x300), DX_LI_QUOTAOFF, sizeof(struct dx_quotaoff_log_format), 0);

	((struct dx_quotaoff_log_format *)p)->qf_flags = acct;
}

#define LSN(cycle)	((u64)(cycle) << 32)
static const struct quota_case {
	const char *name;
	u64 lsn;			/* on disk, of all records of the block; 0: the block is none */
	bool torn;			/* the record's second half is of another age */
	bool block;			/* the log makes the block */
	u8 type;
	u32 off;			/* accounting that ends */
	enum { REPLAYED, LEFT } want;
} cases[] = {
	{ "an older record", LSN(UL_CYCLE - 1), .type = DX_DQ_USER },
	{ "an older record, of a project, with another time format", LSN(UL_CYCLE - 1), .type = DX_DQ_PROJ | DX_DQ_BIGTIME },
	{ "a record that is torn", LSN(UL_CYCLE) + 1, .torn = true, .type = DX_DQ_GROUP },
	{ "a newer record", LSN(UL_CYCLE) + 1, .type = DX_DQ_USER, .want = LEFT },
	{ "a record ahead of the log", LSN(UL_CYCLE + 9), .type = DX_DQ_USER },
	{ "a block that the log makes", .block = true, .type = DX_DQ_USER },
	{ "a block that the log makes, over a newer one", LSN(UL_CYCLE) + 1, .block = true, .type = DX_DQ_GROUP },
	{ "user quota that ends", LSN(UL_CYCLE - 1), .type = DX_DQ_USER, .off = DX_UQUOTA_ACCT, .want = LEFT },
	{ "project quota that ends, a block made", LSN(UL_CYCLE - 1), .block = true, .type = DX_DQ_PROJ, .off = DX_PQUOTA_ACCT, .want = LEFT },
	{ "group quota that ends", LSN(UL_CYCLE - 1), .type = DX_DQ_GROUP, .off = DX_GQUOTA_ACCT, .want = LEFT },
	{ "user quota while the others end", LSN(UL_CYCLE - 1), .block = true, .type = DX_DQ_USER, .off = DX_PQUOTA_ACCT | DX_GQUOTA_ACCT },
};

static int learn(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);

	(void)arg;
	if (!mp)
		return -EIO;
	ul_attach(mp);
	return uv_umount(mp);
}

static int judge(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	return CHECK(mp) ? uv_umount(mp) : error;
}

static void quota_case(const struct quota_case *c, const char *volume)
{
	struct ul_out o = { .cap = 32256 };
	static u8 blk[65536], now[65536];
	struct ul_log l = { };
	char name[160];
	u64 lsn = 0;
	u32 next;

	snprintf(name, sizeof(name), "%s: %s", volume, c->name);
	host_test_begin(name);
	host_dev_snap_restore(uv_dev, snap);
	ul_arena_used = 0;
	memset(blk, 0x5a, ul_block_bytes);
	if (c->lsn)
		make_block(blk, c->type & DX_DQ_TYPES, OLD, c->lsn);
	if (c->torn)
		blk[ID % (ul_block_bytes / EACH) * EACH + 20]++;
	host_dev_poke(uv_dev, ul_last_block << 9, blk, ul_block_bytes);

	if (c->block)
		log_block(&l, c->type & DX_DQ_TYPES);
	ul_dquot(ul_new_trans(&l, 0x200), ID, c->type, ul_last_block, NEW);
	if (c->off)
		log_off(&l, c->off);
	ul_flatten(&o, &l);
	ul_write_records(&o);
	ul_poke_log(&o);

	host_init(1);
	host_set_printk(2);
	CHECK_EQ(host_run(judge, NULL), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	if (c->want == REPLAYED) {
		CHECK_EQ(limit_of(ID, &lsn), NEW);
		CHECK_EQ(lsn >> 32, UL_CYCLE);
		next = ID % (ul_block_bytes / EACH) ? ID - 1 : ID + 1;
		CHECK_EQ(limit_of(next, &lsn), OLD);
	} else {
		host_dev_peek(uv_dev, ul_last_block << 9, now, ul_block_bytes);
		CHECK(!memcmp(blk, now, ul_block_bytes));
	}
	CHECK(uv_repair_clean("quota"));
	host_test_end();
}

/* ---- records ahead of a log that xfs_repair -L has made: it does not look at them ---- */

static const char *const files[] = { "a", "b", "c" };

/* File @arg is of user ID; durable, and not in its place when power is lost. */
static int make_one(void *arg)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644, .uid = ID };
	struct dx_name n = { arg, 1, DX_DIR3_FT_REG_FILE };
	struct dx_mount *mp = uv_mount(NULL);
	struct dx_inode *ip;
	int error;

	if (!mp)
		return -EIO;
	CHECK_EQ(uv_check_quota(mp), 0);
	error = dx_create(mp->rootip, &n, &a, &ip);
	if (error)
		return error;
	dx_idrop(ip);
	if (arg != files[1])
		return uv_umount(mp);
	CHECK_EQ(dx_log_force(mp, true), 0);
	host_stop_world();
	return 0;
}

/* The LSN that the user's record has on disk, wherever that is; then it gets @lsn, if that is not 0. */
static u64 record_lsn(u64 lsn)
{
	static u8 blk[65536];
	struct dx_dqblk *q;
	struct dx_dsb d;
	u64 i, was = 0;

	host_dev_peek(uv_dev, 0, &d, sizeof(d));
	q = (void *)(blk + ID % (be32_to_cpu(d.sb_blocksize) / EACH) * EACH);
	for (i = 0; i < be64_to_cpu(d.sb_dblocks); i++) {
		host_dev_peek(uv_dev, i << d.sb_blocklog, blk, be32_to_cpu(d.sb_blocksize));
		if (q->dd_diskdq.d_magic != cpu_to_be16(DX_DQUOT_MAGIC) ||
		    be32_to_cpu(q->dd_diskdq.d_id) != ID || !dx_verify_cksum(q, EACH, DX_DQUOT_CRC_OFF))
			continue;
		was = be64_to_cpu(q->dd_lsn);
		if (!lsn)
			return was;
		q->dd_lsn = cpu_to_be64(lsn);
		dx_update_cksum(q, EACH, DX_DQUOT_CRC_OFF);
		host_dev_poke(uv_dev, i << d.sb_blocklog, blk, be32_to_cpu(d.sb_blocksize));
		return was;
	}
	CHECK(!"no record");
	return 0;
}

static void run_on(int (*fn)(void *arg), const void *arg, int want)
{
	host_init(1);
	host_set_printk(2);
	CHECK_EQ(host_run(fn, (void *)arg), want);
	host_kill_world();
}

static void record_ahead(void)
{
	static const struct uv_profile p = { "", "--unsupported -d agcount=2 -l size=10m -b size=4096", 64 };
	u64 lsn;

	host_test_begin("a record ahead of the log is mended before it is charged");
	if (uv_make(&p))
		exit(2);
	uv_quota = DX_UQUOTA_ACCT | DX_UQUOTA_ENFD;
	run_on(make_one, files[0], 0);
	lsn = record_lsn(0) + (7ULL << 32);
	record_lsn(lsn);
	run_on(make_one, files[1], HOST_CRASHED);
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	CHECK(record_lsn(0) < lsn);
	run_on(make_one, files[2], 0);
	CHECK(uv_repair_clean("quota"));
	uv_quota = 0;
	host_test_end();
}

int main(void)
{
	static const struct uv_profile volumes[] = {
		{ "4 KiB blocks", "--unsupported -d agcount=2 -l size=10m -m reflink=0", 64 },
		{ "1 KiB blocks", "--unsupported -d agcount=2 -l size=10m -b size=1024 -m reflink=0", 64 },
	};
	size_t i, v;

	uv_setup("t_quota");
	for (v = 0; v < ARRAY_SIZE(volumes); v++) {
		if (uv_make(&volumes[v]))
			return 2;
		host_init(1);
		if (host_run(learn, NULL))
			return 2;
		host_kill_world();
		ul_empty_log();
		snap = host_dev_snap_take(uv_dev);
		for (i = 0; i < ARRAY_SIZE(cases); i++)
			quota_case(&cases[i], volumes[v].name);
		host_dev_snap_free(snap);
	}
	record_ahead();
	uv_teardown();
	return host_test_exit();
}
