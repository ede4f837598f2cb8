// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lies ahead of the head of a clean log: where it does not look like the turn before, as in a log that xfs_repair has
 * made, a mount that may write makes it so.  Then others find the end of what we write: the unmount record, and, more
 * dearly, the last record before a power cut.  A log that is as it should be is left alone, and so is each by a mount
 * that may not write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_vol.h"
#include "dx_dir.h"
#include "dx_inode.h"
#include "dx_log_int.h"

#define FILES		8			/* of each mount that makes some */
#define INFLIGHT_BB	(8 * DX_MAX_RECORD_BYTES >> DX_BBSHIFT)

static const struct uv_profile profiles[] = {
	{ "10 MiB log", "--unsupported -d agcount=2 -l size=10m -m reflink=0", 64 },
	{ "4 KiB sectors", "--unsupported -d agcount=2 -l size=10m -m reflink=0 -s size=4096", 64, 4096 },
	{ "log stripe unit of 32 KiB", "--unsupported -d agcount=2 -l size=10m,su=32k -m reflink=0", 64 },
	/* little more than what may be in flight */
	{ "log of 3 MiB", "--unsupported -d agcount=2 -l size=3m -b size=1024 -m reflink=0,finobt=0,inobtcount=0,bigtime=0 -i sparse=0", 64 },
};

static u64 log_off;
static u32 log_bb, head_cycle, head_block, prev_block;
static int made;				/* files so far */

/* ---- the log on disk ---- */

static u64 block_off(u32 b)
{
	return log_off + ((u64)b << DX_BBSHIFT);
}

static void put_header(u32 cycle, u32 b)
{
	struct dx_rec_header h = {
		.h_magicno = cpu_to_be32(DX_LOG_HEADER_MAGIC), .h_cycle = cpu_to_be32(cycle),
		.h_version = cpu_to_be32(DX_LOG_VERSION_2), .h_lsn = cpu_to_be64(dx_lsn_make(cycle, b)),
		.h_tail_lsn = cpu_to_be64(dx_lsn_make(cycle, b)), .h_fmt = cpu_to_be32(DX_LOG_FMT_LINUX_LE),
	};

	host_dev_poke(uv_dev, block_off(b), &h, sizeof(h));
}

static void put_zeroes(u32 from, u32 to)
{
	static const u8 z[DX_BBSIZE];

	for (; from < to; from++)
		host_dev_poke(uv_dev, block_off(from), z, sizeof(z));
}

/* The clean log's last record moves so that the log ends @ahead blocks before its end, in cycle 7. */
static void move_end(u32 ahead)
{
	static u8 rec[2 * 32768];
	u32 len = head_block - prev_block, at = log_bb - ahead - len, b;
	struct dx_rec_header *h = (void *)rec;

	if (len > sizeof(rec) >> DX_BBSHIFT)
		exit(2);
	host_dev_peek(uv_dev, block_off(prev_block), rec, len << DX_BBSHIFT);
	for (b = 0; b < log_bb; b++)
		put_header(b < at ? 7 : 6, b);
	h->h_cycle = cpu_to_be32(7);
	h->h_lsn = h->h_tail_lsn = cpu_to_be64(dx_lsn_make(7, at));
	h->h_crc = 0;	/* as mkfs.xfs leaves it */
	for (b = 1; b < len; b++)
		put_unaligned_be32(7, rec + (b << DX_BBSHIFT));
	host_dev_poke(uv_dev, block_off(at), rec, len << DX_BBSHIFT);
	prev_block = at;
	head_block = (at + len) % log_bb;
	head_cycle = 7 + !head_block;
}

/* As far as records may be in flight, but no farther than to the last one. */
static bool turn_before(void)
{
	u32 last = (head_block + log_bb - prev_block) % log_bb, n = min_t(u32, INFLIGHT_BB, log_bb - last), i;
	static u8 buf[DX_BBSIZE];

	for (i = 0; i < n; i++) {
		u32 b = (head_block + i) % log_bb, want = head_cycle - (b >= head_block);

		host_dev_peek(uv_dev, block_off(b), buf, sizeof(buf));
		if (dx_log_block_cycle((char *)buf) == want)
			continue;
		printf("# block %u is of cycle %u, not %u\n", b, dx_log_block_cycle((char *)buf), want);
		return false;
	}
	return true;
}

/* Where xfs_logprint finds the end, which it looks for as the kernel and xfs_repair do. */
static bool others_find_end(const char *state)
{
	char path[320];
	bool ok;

	snprintf(path, sizeof(path), "%s/print", uv_dir);
	if (host_dev_save(uv_dev, path))
		return false;
	ok = !host_sh("cd %s && xfs_logprint -t print >out 2>&1; grep -q 'head: %u state: <%s>' out", uv_dir, head_block, state);
	if (!ok)
		host_sh("echo 'wanted %s, head %u:' >&2; grep state: %s/out >&2", state, head_block, uv_dir);
	return ok;
}

/* ---- mounts ---- */

static u64 writes(void)
{
	struct host_dev_counts c;

	host_dev_counts(uv_dev, &c);
	return c.writes + c.discards;
}

static void note_head(struct dx_mount *mp)
{
	log_off = dx_log_daddr(mp) << DX_BBSHIFT;
	log_bb = dx_log_size_bb(mp);
	head_cycle = mp->log->cycle;
	head_block = mp->log->block;
	prev_block = mp->log->prev_block;
}

static int make_files(struct dx_mount *mp)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_inode *ip;
	char name[20];
	int i, error;

	for (i = 0; i < FILES; i++) {
		struct dx_name n = { (const u8 *)name, snprintf(name, sizeof(name), "f%d", made), DX_DIR3_FT_REG_FILE };

		error = dx_create(mp->rootip, &n, &a, &ip);
		if (error)
			return error;
		dx_idrop(ip);
		made++;
	}
	return dx_log_force(mp, true);
}

static bool has_files(struct dx_mount *mp)
{
	char name[20];
	dx_ino_t ino;
	int i;

	for (i = 0; i < made; i++) {
		struct dx_name n = { (const u8 *)name, snprintf(name, sizeof(name), "f%d", i) };

		if (dx_lookup(mp->rootip, &n, &ino, NULL))
			return false;
	}
	return true;
}

/* Mount, and only that. */
static int look(void *arg)
{
	struct dx_mount *mp;
	u64 before = writes();

	(void)arg;
	mp = uv_mount_ro(NULL);
	if (!mp)
		return -EIO;
	note_head(mp);
	CHECK_EQ(writes(), before);
	return uv_umount(mp);
}

static int remount(void *arg)
{
	bool whole = *(bool *)arg;
	struct dx_mount *mp = uv_mount_ro(NULL);
	u64 before = writes();

	if (!mp)
		return -EIO;
	CHECK_EQ(dx_mount_remount_rw(mp), 0);
	CHECK_EQ(writes() == before, whole);
	CHECK(turn_before());
	/* and again, from where it ends now */
	CHECK_EQ(make_files(mp), 0);
	CHECK_EQ(dx_mount_remount_ro(mp), 0);
	note_head(mp);
	CHECK_EQ(dx_mount_remount_rw(mp), 0);
	CHECK(turn_before());
	return uv_umount(mp);
}

/* What is forced just before a power cut is in the last record. */
static int write_and_stop(void *arg)
{
	bool whole = *(bool *)arg;
	u64 before = writes();
	struct dx_mount *mp = uv_mount(NULL);
	int error;

	if (!mp)
		return -EIO;
	CHECK_EQ(writes() == before, whole);
	CHECK(turn_before());
	CHECK(has_files(mp));
	error = make_files(mp);
	note_head(mp);
	return error;
}

/* All that has been made is there; more, and a clean log. */
static int use(void *arg)
{
	struct dx_mount *mp = uv_mount(NULL);
	int error;

	(void)arg;
	if (!mp)
		return -EIO;
	if (!made)
		CHECK_EQ(writes(), 0);	/* mkfs.xfs leaves nothing to be done */
	CHECK(has_files(mp));
	error = make_files(mp);
	return error ? error : uv_umount(mp);
}

static int only_mount(void *arg)
{
	(void)arg;
	return uv_mount(NULL) ? 0 : -EIO;
}

/* ---- kinds of logs ---- */

static int repaired(const char *how)
{
	if (host_dev_save(uv_dev, uv_image))
		return -EIO;
	host_dev_close(uv_dev);
	uv_dev = NULL;
	if (host_sh("xfs_repair %s -f %s >%s/repair 2>&1; rc=$?; rm -f %s/print; exit $rc", how, uv_image, uv_dir, uv_dir))
		return -EIO;
	uv_dev = host_dev_open(uv_image);
	return uv_dev ? 0 : -EIO;
}

static int as_it_is(void) { return 0; }
static int made_anew(void) { return repaired("-L"); }

static int of_zeroes(void)
{
	put_zeroes(0, log_bb);
	return repaired("");
}

/* What a torn record leaves, with the cycle of the records that are to come. */
static int torn_parts(void)
{
	u32 i;

	for (i = 64; i < 1600; i += 512) {
		put_header(head_cycle, head_block + i);
		put_header(head_cycle, head_block + i + 1);
	}
	return 0;
}

static int hole_before_end(void)
{
	move_end(640);
	put_zeroes(head_block, log_bb - 64);
	return 0;
}

static int hole_in_next_turn(void)
{
	move_end(0);
	put_zeroes(64, 640);
	return 0;
}

/* The checksum does not tell: it is over the words as they lie on disk, and only that of mkfs.xfs is left out. */
static int foreign_order(void)
{
	struct dx_rec_header h;
	u32 b, n = 0;

	for (b = 0; b < log_bb; b++) {
		host_dev_peek(uv_dev, block_off(b), &h, sizeof(h));
		if (h.h_magicno != cpu_to_be32(DX_LOG_HEADER_MAGIC) || h.h_num_logops != cpu_to_be32(1))
			continue;
		h.h_fmt = cpu_to_be32(DX_LOG_FMT_LINUX_BE);
		h.h_crc = 0;
		host_dev_poke(uv_dev, block_off(b), &h, sizeof(h));
		n++;
	}
	return !n;
}

static const struct kind {
	const char *name;
	int (*make)(void);
	bool whole;			/* there is nothing to be done */
	bool everywhere;		/* not on the first profile only */
} kinds[] = {
	{ "as a clean unmount leaves it", as_it_is, true },
	{ "made by xfs_repair -L", made_anew, false, true },
	{ "of zeroes, and then made by xfs_repair", of_zeroes },
	{ "with parts of torn records behind its end", torn_parts },
	{ "with a hole behind its end, just before the end of the ring", hole_before_end, false, true },
	{ "at the end of the ring, with a hole in what comes next", hole_in_next_turn },
	{ "that a machine of the other byte order has left clean", foreign_order, true },
};

static void world(int (*fn)(void *), const void *arg)
{
	bool a = arg && *(const bool *)arg;

	host_init(1);
	CHECK_EQ(host_run(fn, &a), 0);
	host_kill_world();
}

static void use_and_look(void)
{
	world(use, NULL);
	world(look, NULL);
	CHECK(others_find_end("CLEAN"));
}

/* A power cut at each write of the stamping. */
static void cut_while_at_it(struct host_dev_snap *snap)
{
	int nth, rc;

	for (nth = 1; nth < 24; nth++) {
		made = FILES;
		host_dev_snap_restore(uv_dev, snap);
		host_init(nth);
		host_dev_crash_at(uv_dev, (nth + 1) / 2, nth & 1 ? HOST_CRASH_SUBMIT : HOST_CRASH_COMPLETE);
		rc = host_run(only_mount, NULL);
		host_dev_crash_at(uv_dev, 0, HOST_CRASH_COMPLETE);
		host_kill_world();
		if (rc != HOST_CRASHED)
			break;
		host_dev_crash(uv_dev, nth % HOST_CRASH_MODES, nth);
		use_and_look();
	}
	CHECK_EQ(rc, 0);
	CHECK(nth > 2);
}

static void test_kind(const struct uv_profile *p, const struct kind *k, bool cut)
{
	struct host_dev_snap *snap;
	char name[160];

	snprintf(name, sizeof(name), "%s, a log %s", p->name, k->name);
	host_test_begin(name);
	made = 0;
	if (!CHECK(!uv_make(p)) || host_sh("rm -f %s/print", uv_dir))
		exit(2);
	use_and_look();
	if (!CHECK(!k->make()))
		exit(2);
	if (p->lbs)
		host_dev_set_lbs(uv_dev, p->lbs);
	snap = host_dev_snap_take(uv_dev);

	/* what a power cut, or an unmount, leaves at the end is found, and nothing goes before it does */
	world(look, NULL);
	world(write_and_stop, &k->whole);
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	CHECK(others_find_end("DIRTY"));
	use_and_look();
	CHECK(uv_repair_clean("ahead"));

	made = FILES;
	host_dev_snap_restore(uv_dev, snap);
	world(look, NULL);
	world(remount, &k->whole);
	world(look, NULL);
	CHECK(others_find_end("CLEAN"));
	if (cut && !k->whole)
		cut_while_at_it(snap);
	host_dev_snap_free(snap);
	host_test_end();
}

int main(int argc, char **argv)
{
	size_t i, j;

	uv_setup("t_ahead");
	for (i = 0; i < ARRAY_SIZE(profiles); i++)
		for (j = 0; j < ARRAY_SIZE(kinds); j++)
			if ((!i || kinds[j].everywhere) && (argc < 2 || strstr(profiles[i].name, argv[1])))
				test_kind(&profiles[i], &kinds[j], i < 2);
	uv_teardown();
	return host_test_exit();
}
