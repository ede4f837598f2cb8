// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where mounts end and begin: discards that a slow device is still at when the volume is made read-only, shut down and
 * unmounted; and logs full to where their writer had room for one transaction, with an intent at the tail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "util_log.h"
#include "dx_log_int.h"
#include "dx_alloc.h"
#include "dx_bmap.h"

/* ---- discards at the end ---- */

enum end { UMOUNT, REMOUNT_RO, SHUTDOWN, LOG_GONE };

static const char *const end_name[] = { "unmount", "remount read-only and unmount", "shutdown and unmount", "shutdown as after an error of the log, unmount" };

static struct dx_create_args regular = { .mode = S_IFREG | 0600 };
static struct dx_name file = { .name = (const u8 *)"f", .len = 1, .ftype = DX_DIR3_FT_REG_FILE };

static int end_with_discards(void *arg)
{
	struct dx_mount_opts opts = { .discard = true };
	enum end end = (enum end)(long)arg;
	struct dx_mount *mp = uv_mount_dev(uv_dev, &opts, NULL);
	struct host_dev_counts c;
	struct dx_inode *ip;
	u64 sent;
	int error;

	if (!mp)
		return -EIO;
	error = dx_create(mp->rootip, &file, &regular, &ip);
	if (!error)
		error = dx_alloc_file_space(ip, 0, 40 << 20);
	if (!error)
		error = dx_remove(mp->rootip, &file, ip);
	dx_idrop(ip);
	if (!CHECK_EQ(error, 0))
		return error;
	host_dev_set_discard_speed(uv_dev, 400);
	dx_icache_flush_inactive(mp);
	if (end == REMOUNT_RO) {
		CHECK_EQ(dx_mount_remount_ro(mp), 0);
		host_dev_counts(uv_dev, &c);
		sent = c.discards;
		CHECK(sent > 0);
		msleep(5000);
		host_dev_counts(uv_dev, &c);
		CHECK_EQ(c.discards, sent);	/* read-only is read-only */
	} else if (end != UMOUNT) {
		CHECK_EQ(dx_log_force(mp, true), 0);
		host_set_printk(0);
		dx_force_shutdown(mp, end == SHUTDOWN ? DX_SHUT_FORCE_UMOUNT : DX_SHUT_LOG_IO, "test");
		host_set_printk(2);
	}
	error = uv_umount(mp);
	CHECK_EQ(error, end == SHUTDOWN || end == LOG_GONE ? -EIO : 0);
	host_dev_set_discard_speed(uv_dev, 0);
	return 0;
}

/* ---- a full log ---- */

#define LOOK_S	300		/* simulated: what has not ended by then never will */
#define BLOCKS	16

static struct {
	u64 fsbno, unit, room;
	int error;
	bool done;
} full;

/* Blocks that nobody has: the log then frees them. */
static int lay_out(void *arg)
{
	struct dx_mount *mp = uv_mount_dev(uv_dev, NULL, NULL);
	struct dx_alloc_arg a = { .mp = mp, .type = DX_ALLOC_NEAR, .minlen = BLOCKS, .maxlen = BLOCKS, .prod = 1, .alignment = 1 };
	struct dx_trans *tp;

	if (!mp)
		return -EIO;
	ul_attach(mp);
	a.fsbno = dx_agb_to_fsb(mp, 0, 200);
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_WRITE, BLOCKS, 0, &tp), 0);
	a.tp = tp;
	CHECK_EQ(dx_alloc_extents(&a), 0);
	CHECK(a.fsbno != DX_NULLFSBNO);
	CHECK_EQ(dx_trans_commit(tp), 0);
	full.fsbno = a.fsbno;
	full.unit = dx_space_ckpt_need(mp->log, mp->resv[DX_RESV_EFI_FINISH].logres_bytes);
	full.room = ((u64)mp->log->size_bb << DX_BBSHIFT) - mp->log->space.pub;
	return uv_umount(mp);
}

static int mounter(void *arg)
{
	struct dx_mount *mp = uv_mount_dev(uv_dev, NULL, &full.error);

	if (mp)
		full.error = uv_umount(mp);
	full.done = true;
	return 0;
}

static int recover(void *arg)
{
	int i;

	full.done = false;
	host_spawn(mounter, NULL, "mount");
	for (i = 0; i < LOOK_S && !full.done; i++)
		msleep(1000);
	return 0;
}

static void put_extent(u8 *q, u32 i, u32 blocks)
{
	put_unaligned_le64(full.fsbno, q + 16 + i * 16);
	put_unaligned_le32(blocks, q + 24 + i * 16);
}

/* An intent at the tail, and @n checkpoints with done items of nobody's. */
static void make_log(struct ul_out *o, u64 n)
{
	struct ul_log l = { };
	struct ul_trans *t;
	u32 i, j, k;
	u8 *q;

	ul_arena_used = 0;
	t = ul_new_trans(&l, 0x7001);
	q = ul_intent(t, DX_LI_EFI, 32, 0xabc000);
	put_unaligned_le32(1, q + 4);
	put_extent(q, 0, BLOCKS);
	for (i = 0; i < n; i++) {
		t = ul_new_trans(&l, 0x8000 + i);
		for (j = 0; j < 8; j++) {
			q = ul_intent(t, DX_LI_EFD, 16 + 60 * 16, 0xdd0000 + i * 64 + j);
			put_unaligned_le32(60, q + 4);
			for (k = 0; k < 60; k++)
				put_extent(q, k, 1);
		}
	}
	*o = (struct ul_out){ .cap = 32256, .max = UL_ARENA_BYTES / 8 };
	ul_flatten(o, &l);
	ul_write_records(o);
}

/* Until about @leave bytes of the log are free. Returns how many are. */
static u64 fill_log(u64 leave)
{
	struct ul_out o;

	make_log(&o, 100);
	make_log(&o, (full.room - leave) * 100 / o.bytes);
	ul_poke_log(&o);
	return full.room - o.bytes;
}

static void full_logs(const struct uv_profile *p)
{
	struct host_dev_snap *snap;
	unsigned int mounted = 0, refused = 0;
	u64 leave, is, least = ~0ull;

	if (!CHECK(!uv_make(p)))
		return;
	host_init(0);
	CHECK_EQ(host_run(lay_out, NULL), 0);
	host_kill_world();
	ul_empty_log();
	snap = host_dev_snap_take(uv_dev);
	for (leave = full.unit / 2; leave < 4 * full.unit; leave += max_t(u64, full.unit / 8, 32768)) {
		host_dev_snap_restore(uv_dev, snap);
		is = fill_log(leave);
		host_init(0);
		host_set_printk(0);
		CHECK_EQ(host_run(recover, NULL), 0);
		host_kill_world();
		if (!CHECK(full.done)) {	/* a mount that hangs */
			printf("# %llu bytes of log were free, one transaction of what was begun may take %llu\n",
			       (unsigned long long)is, (unsigned long long)full.unit);
			break;
		}
		if (!full.error) {
			mounted++;
			least = min(least, is);
			CHECK(uv_repair_clean("full"));
			continue;
		}
		CHECK_EQ(full.error, -ENOSPC);
		CHECK(is < full.unit);
		refused++;
	}
	CHECK(mounted && refused);
	printf("# unit %llu bytes: %u mounted, the fullest with %llu free; %u refused\n", (unsigned long long)full.unit, mounted,
	       (unsigned long long)least, refused);
	host_dev_snap_free(snap);
}

int main(void)
{
	static const struct uv_profile plain = { "plain", "--unsupported -d agcount=3 -l size=10m -m reflink=0", 300 };
	static const struct uv_profile logs[] = {
		{ "a log of 4 MiB", "--unsupported -d agcount=3 -m reflink=0,bigtime=0,inobtcount=0 -l size=4m", 300 },
		{ "log stripes of 256 KiB", "--unsupported -d agcount=3 -m reflink=0 -l size=10m,su=256k", 300 },
		{ "reflink and rmapbt", "--unsupported -d agcount=3 -m reflink=1,rmapbt=1 -l size=14m", 300 },
	};
	char name[200];
	unsigned int i;
	long end;

	uv_setup("t_ends");
	for (end = 0; end < ARRAY_SIZE(end_name); end++) {
		if (uv_make(&plain))
			return 2;
		snprintf(name, sizeof(name), "discards that are not through: %s", end_name[end]);
		host_test(name, 0, end_with_discards, (void *)end);
		host_kill_world();
		if (end > REMOUNT_RO)
			continue;	/* the log has to be replayed first */
		host_test_begin("... and xfs_repair is content");
		CHECK(uv_repair_clean("ends"));
		host_test_end();
	}
	for (i = 0; i < ARRAY_SIZE(logs); i++) {
		snprintf(name, sizeof(name), "a full log with an intent at its tail: %s", logs[i].name);
		host_test_begin(name);
		full_logs(&logs[i]);
		host_test_end();
	}
	uv_teardown();
	return host_test_exit();
}
