// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reverse mappings: trees of several levels from files in single blocks, which are converted, punched, moved and removed; a tree
 * that grows where nothing is free; a power cut behind each step of what maps and unmaps; records that cannot be.  What the
 * trees say is compared with all that uses blocks (uv_check_rmaps()), and xfs_repair -n is content.
 *
 *	RMAP_SAVE=DIR t_rmap	leaves volumes there whose log has updates to be finished, for another kernel to recover
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "util_meta.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_log.h"

#define COMB	6000u		/* blocks of a file that no two of are one extent */

static struct host_dev_snap *snap;

static struct dx_inode *make(struct dx_mount *mp, const char *name)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip = NULL;

	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	return ip;
}

static struct dx_inode *look(struct dx_mount *mp, const char *name)
{
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name) };
	struct dx_inode *ip = NULL;
	dx_ino_t ino;

	if (CHECK(!dx_dir_lookup(NULL, mp->rootip, &n, &ino, NULL)))
		CHECK(!dx_iget(mp, NULL, ino, 0, &ip));
	return ip;
}

static int drop_name(struct dx_mount *mp, const char *name, struct dx_inode *ip)
{
	struct dx_name n = { .name = (u8 *)name, .len = strlen(name), .ftype = DX_DIR3_FT_REG_FILE };
	int error = dx_remove(mp->rootip, &n, ip);

	dx_idrop(ip);
	dx_icache_flush_inactive(mp);
	return error;
}

static u8 most_levels(struct dx_mount *mp)
{
	u8 most = 0;
	dx_agno_t agno;

	for (agno = 0; agno < dx_agcount(mp); agno++)
		most = max(most, dx_perag(mp, agno)->levels[DX_BTNUM_RMAP]);
	return most;
}

static void fill_comb(struct dx_inode *ip, u32 n)
{
	struct dx_mapped got;
	u32 i;

	for (i = 0; i < n && !host_checks_failed; i++)
		CHECK(!dx_iomap_alloc(ip, i * 2, 1, false, false, &got));
}

/* ---- large trees ---- */

static int large(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *a, *b;
	u32 bs, i;

	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	a = make(mp, "a");
	b = make(mp, "b");
	fill_comb(a, COMB);
	fill_comb(b, 300);
	CHECK(most_levels(mp) >= 3);
	CHECK(!uv_check_rmaps(mp));
	CHECK(!dx_setsize_trans(a, (u64)COMB * 2 * bs, false, false));
	/* the second half becomes written; then places in it unwritten again */
	CHECK(!dx_iomap_write_unwritten(a, (u64)COMB * bs, (u64)COMB * bs, 0));
	CHECK(!uv_check_rmaps(mp));
	for (i = 0; i < 40; i++)
		CHECK(!dx_free_file_space(a, (u64)(COMB + i * 37) * bs, (u64)(1 + i % 9) * bs));
	CHECK(!uv_check_rmaps(mp));
	CHECK(!dx_free_file_space(a, 100 * bs, 64 * bs));
	CHECK(!dx_collapse_file_space(a, 100 * bs, 64 * bs));
	CHECK(!uv_check_rmaps(mp));
	CHECK(!dx_insert_file_space(a, 401 * bs, 7 * bs, NULL));
	CHECK(!uv_check_rmaps(mp));
	/* whole again, what it can be */
	CHECK(!dx_alloc_file_space(a, 0, (u64)COMB * bs));
	CHECK(!uv_check_rmaps(mp));
	CHECK(!dx_iomap_write_unwritten(a, 0, (u64)3000 * bs, 0));
	CHECK(!dx_setsize_trans(b, 9 * bs, true, false));
	CHECK(!uv_check_rmaps(mp));
	dx_idrop(a);
	dx_idrop(b);
	return uv_umount(mp);
}

static int small_again(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	dx_agno_t agno;

	if (!CHECK(mp))
		return error;
	CHECK(!uv_check_rmaps(mp));
	CHECK(!drop_name(mp, "a", look(mp, "a")));
	CHECK(!uv_check_rmaps(mp));
	CHECK_EQ(most_levels(mp), 1);
	for (agno = 0; agno < dx_agcount(mp); agno++) {
		const struct dx_agresv *r = &dx_perag(mp, agno)->resv[DX_AGRESV_RMAPBT];

		CHECK_EQ(r->used, 1);
		CHECK_EQ(r->reserved, r->most - 1);
	}
	return uv_umount(mp);
}

/* ---- nothing is free ---- */

static int grow_when_full(void *arg)
{
	struct dx_statfs st;
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *ip;
	u32 bs, before, i;
	u64 off = 0, step;

	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	ip = make(mp, "big");
	for (step = 8 << 20; step >= bs; ) {
		error = dx_alloc_file_space(ip, off, step);
		if (!error)
			off += step;
		else if (CHECK_EQ(error, -ENOSPC))
			step /= 2;
		else
			break;
	}
	dx_mount_statfs(mp, &st);
	CHECK(st.bfree < 100);
	CHECK(!uv_check_rmaps(mp));
	CHECK(!dx_setsize_trans(ip, off, false, false));
	before = dx_perag(mp, 0)->resv[DX_AGRESV_RMAPBT].used + dx_perag(mp, 1)->resv[DX_AGRESV_RMAPBT].used;
	/* from one record thousands */
	for (i = 0; i < 4000 && !host_checks_failed; i++)
		CHECK(!dx_iomap_write_unwritten(ip, ((u64)i * 12 + 5) * bs, bs, 0));
	CHECK(dx_perag(mp, 0)->resv[DX_AGRESV_RMAPBT].used + dx_perag(mp, 1)->resv[DX_AGRESV_RMAPBT].used > before + 150);
	CHECK(!dx_is_shutdown(mp));
	CHECK(!uv_check_rmaps(mp));
	dx_mount_statfs(mp, &st);
	CHECK(st.bfree < 100);
	dx_idrop(ip);
	return uv_umount(mp);
}

static int make_room(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!uv_check_rmaps(mp));
	CHECK(!drop_name(mp, "big", look(mp, "big")));
	CHECK(!uv_check_rmaps(mp));
	CHECK_EQ(most_levels(mp), 1);
	return uv_umount(mp);
}

/* ---- a power cut behind each step ---- */

static u32 rolls_left;

/* A transaction of the chain is in the checkpoint: make that durable, and nothing after it. */
static void cut(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if (strcmp(what, "trans_roll") || !c || !rolls_left || --rolls_left)
		return;
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
}

static int op_alloc(struct dx_mount *mp, struct dx_inode *ip)
{
	struct dx_mapped got;

	return dx_iomap_alloc(ip, 5001, 3, false, false, &got);
}

static int op_written(struct dx_mount *mp, struct dx_inode *ip)
{
	return dx_iomap_write_unwritten(ip, 3 * mp->sb.blocksize, 9 * mp->sb.blocksize, 0);
}

static int op_punch(struct dx_mount *mp, struct dx_inode *ip)
{
	return dx_free_file_space(ip, 3 * mp->sb.blocksize, 2 * mp->sb.blocksize);
}

static int op_collapse(struct dx_mount *mp, struct dx_inode *ip)
{
	int error = dx_free_file_space(ip, 8 * mp->sb.blocksize, 3 * mp->sb.blocksize);

	return error ? error : dx_collapse_file_space(ip, 8 * mp->sb.blocksize, 3 * mp->sb.blocksize);
}

static int op_insert(struct dx_mount *mp, struct dx_inode *ip)
{
	return dx_insert_file_space(ip, 4 * mp->sb.blocksize, 3 * mp->sb.blocksize, NULL);
}

static int op_truncate(struct dx_mount *mp, struct dx_inode *ip)
{
	return dx_setsize_trans(ip, 1, true, false);
}

static int op_unlink(struct dx_mount *mp, struct dx_inode *ip)
{
	return drop_name(mp, "victim", ip);
}

static int op_attr(struct dx_mount *mp, struct dx_inode *ip)
{
	static char value[9000];
	struct dx_attr_arg a = { .ip = ip, .name = (u8 *)"long", .namelen = 4, .value = value, .valuelen = sizeof(value) };

	return dx_attr_set_op(&a);
}

static int op_new_inodes(struct dx_mount *mp, struct dx_inode *ip)
{
	char name[20];
	int i;

	for (i = 0; i < 130; i++) {
		sprintf(name, "new-%d", i);
		dx_idrop(make(mp, name));
	}
	return 0;
}

static const struct op {
	const char *name;
	int (*fn)(struct dx_mount *mp, struct dx_inode *ip);
	bool takes;		/* the inode */
	u32 rolls;		/* at least */
} ops[] = {
	{ "an allocation", op_alloc, .rolls = 2 },
	{ "a conversion", op_written, .rolls = 2 },
	{ "a punch", op_punch, .rolls = 3 },
	{ "a collapse", op_collapse, .rolls = 6 },
	{ "an insert", op_insert, .rolls = 4 },
	{ "a truncate", op_truncate, .rolls = 12 },
	{ "an unlink", op_unlink, true, 12 },
	{ "a long attribute", op_attr, .rolls = 2 },
	{ "chunks of inodes", op_new_inodes, .rolls = 4 },
};

static int victim(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *ip;

	if (!CHECK(mp))
		return error;
	ip = make(mp, "victim");
	fill_comb(ip, 24);
	CHECK(!dx_alloc_file_space(ip, 0, 12 * mp->sb.blocksize));
	CHECK(!dx_setsize_trans(ip, 24 * 2 * mp->sb.blocksize, false, false));
	dx_idrop(ip);
	return uv_umount(mp);
}

static int cut_op(void *arg)
{
	const struct op *op = arg;
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *ip;

	if (!CHECK(mp))
		return error;
	ip = look(mp, "victim");
	mp->trace = cut;
	CHECK(!op->fn(mp, ip));
	if (!op->takes)
		dx_idrop(ip);
	mp->trace = NULL;
	return uv_umount(mp);
}

static int recover(void *arg)
{
	bool *ro = arg;
	int error;
	struct dx_mount *mp = *ro ? uv_mount_ro(&error) : uv_mount(&error);

	if (!CHECK(mp))
		return error;
	CHECK(!uv_check_rmaps(mp));
	return uv_umount(mp);
}

static void cut_everywhere(const struct op *op)
{
	char name[100], path[300];
	u32 n;
	int ret;

	snprintf(name, sizeof(name), "a power cut at each step of %s", op->name);
	host_test_begin(name);
	for (n = 1; n < 300 && !host_checks_failed; n++) {
		bool ro = n % 3 == 2;

		host_dev_snap_restore(uv_dev, snap);
		rolls_left = n;
		host_init(n);
		ret = host_run(cut_op, (void *)op);
		host_kill_world();
		if (!ret)
			break;
		if (!CHECK_EQ(ret, HOST_CRASHED))
			break;
		host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
		if (getenv("RMAP_SAVE") && n <= 4) {
			snprintf(path, sizeof(path), "%s/%d-%u", getenv("RMAP_SAVE"), (int)(op - ops), n);
			host_dev_save(uv_dev, path);
		}
		host_init(n);
		CHECK_EQ(host_run(recover, &ro), 0);
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		if (n <= 4 || n % 16 == 0)
			CHECK(uv_repair_clean("cut"));
	}
	CHECK(n > op->rolls);
	printf("# %u steps\n", n - 1);
	host_test_end();
}

/* ---- records that cannot be ---- */


static const struct bad { const char *name; u32 off, width; u64 value; const char *says; } bads[] = {
	{ "no blocks", offsetof(struct dx_rmap_rec, rm_blockcount), 4, 0, "rm_blockcount" },
	{ "a run over the end of the AG", offsetof(struct dx_rmap_rec, rm_blockcount), 4, 0x7fffffff, "rm_blockcount" },
	{ "a start behind the AG", offsetof(struct dx_rmap_rec, rm_startblock), 4, 0x7ffffff0, "rm_startblock" },
	{ "an owner of no number", offsetof(struct dx_rmap_rec, rm_owner), 8, 1ull << 50, "rm_owner" },
	{ "an unknown special owner", offsetof(struct dx_rmap_rec, rm_owner), 8, -30, "rm_owner" },
	{ "the owner of a free that is not known", offsetof(struct dx_rmap_rec, rm_owner), 8, DX_RMAP_OWN_UNKNOWN, "rm_owner" },
	{ "shared blocks without reflink", offsetof(struct dx_rmap_rec, rm_owner), 8, DX_RMAP_OWN_COW, "rm_owner" },
	{ "bits that mean nothing", offsetof(struct dx_rmap_rec, rm_offset), 8, 1ull << 57, "rm_offset" },
	{ "an unwritten block of a map", offsetof(struct dx_rmap_rec, rm_offset), 8, 3ull << 61, "rm_offset" },
	{ "another file's", offsetof(struct dx_rmap_rec, rm_owner), 8, 64, "is to be freed" },
	{ "another offset", offsetof(struct dx_rmap_rec, rm_offset), 8, 12345, "is to be freed" },
	{ "the AG's, unwritten", offsetof(struct dx_rmap_rec, rm_owner), 8, DX_RMAP_OWN_AG, "rm_offset" },
	{ "too few blocks", offsetof(struct dx_rmap_rec, rm_blockcount), 4, 1, "is to be freed" },
	{ "blocks that are free", offsetof(struct dx_rmap_rec, rm_blockcount), 4, 40, "is in use" },
};

static int bad_file(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_mapped got;
	struct dx_inode *ip;

	if (!CHECK(mp))
		return error;
	ip = make(mp, "last");
	CHECK(!dx_iomap_alloc(ip, 0, 20, false, false, &got));
	CHECK_EQ(got.rec.blockcount, 20);
	/* the last record of AG 0 */
	CHECK(dx_fsb_to_agno(mp, got.rec.startblock) == 0);
	dx_idrop(ip);
	return uv_umount(mp);
}

static int meet_bad(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_mapped got;
	struct dx_inode *ip;

	if (!mp)
		return CHECK_EQ(error, -EFSCORRUPTED) ? 0 : error;
	ip = look(mp, "last");
	error = dx_iomap_alloc(ip, 20, 20, false, false, &got);
	if (!error)
		error = dx_free_file_space(ip, 0, 64 << 20);
	CHECK(error == -EFSCORRUPTED || error == -EIO);
	dx_idrop(ip);
	uv_umount(mp);
	return 0;
}

static void bad_records(void)
{
	u8 *b = malloc(4096);
	u32 i, bs, root, at, n;

	host_test_begin("a volume to harm");
	host_init(0);
	CHECK_EQ(host_run(bad_file, NULL), 0);
	host_kill_world();
	CHECK(uv_repair_clean("bad"));
	host_dev_snap_free(snap);
	snap = host_dev_snap_take(uv_dev);
	host_dev_peek(uv_dev, 0, b, 512);
	bs = get_unaligned_be32(b + 4);
	host_dev_peek(uv_dev, 512, b, 512);
	root = get_unaligned_be32(b + offsetof(struct dx_agf, agf_roots[2]));
	CHECK_EQ(get_unaligned_be32(b + offsetof(struct dx_agf, agf_levels[2])), 1);
	host_test_end();
	for (i = 0; i < ARRAY_SIZE(bads); i++) {
		char name[100];

		snprintf(name, sizeof(name), "a record says: %s", bads[i].name);
		host_test_begin(name);
		host_dev_snap_restore(uv_dev, snap);
		host_dev_peek(uv_dev, (u64)root * bs, b, bs);
		n = get_unaligned_be16(b + 6);
		at = DX_BTREE_SBLOCK_LEN + (n - 1) * sizeof(struct dx_rmap_rec);
		CHECK_EQ(get_unaligned_be32(b + at + 4), 20);
		meta_put(b, at + bads[i].off, bads[i].width, bads[i].value);
		meta_fix_crc(T_RMAP, b, bs);
		host_dev_poke(uv_dev, (u64)root * bs, b, bs);
		host_init(0);
		host_set_printk(1);
		CHECK_EQ(host_run(meet_bad, NULL), 0);
		if (!CHECK(host_log_has("corrupt rmapbt") && host_log_has(bads[i].says)))
			printf("%s", host_log());
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		host_set_printk(5);
		host_test_end();
	}
	free(b);
}

static const struct uv_profile volumes[] = {
	{ "1 KiB blocks", "--unsupported -b size=1024 -d agcount=2 -l size=10m -m rmapbt=1,reflink=0", 80 },
	{ "1 KiB blocks, reflink", "--unsupported -b size=1024 -d agcount=2 -l size=14m -m rmapbt=1,reflink=1", 80 },
};

static void run(const char *what, const struct uv_profile *p, int (*fn)(void *arg), u64 seed)
{
	char name[160];

	snprintf(name, sizeof(name), "%s (%s)", what, p->name);
	if (!host_test(name, seed, fn, NULL))
		return;
	host_test_begin("... and xfs_repair is content");
	CHECK(uv_repair_clean("rmap"));
	host_test_end();
}

int main(int argc, char **argv)
{
	u32 i;

	uv_setup("t_rmap");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		if (uv_make(&volumes[i]))
			return 1;
		run("a tree of several levels", &volumes[i], large, 0);
		run("... and of one again", &volumes[i], small_again, 0);
		if (uv_make(&volumes[i]))
			return 1;
		run("it grows where nothing is free", &volumes[i], grow_when_full, 0);
		run("... and shrinks", &volumes[i], make_room, 0);
	}
	if (uv_make(&volumes[0]))
		return 1;
	run("a file to cut", &volumes[0], victim, 0);
	snap = host_dev_snap_take(uv_dev);
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		cut_everywhere(&ops[i]);
	if (uv_make(&volumes[0]))
		return 1;
	bad_records();
	host_dev_snap_free(snap);
	uv_teardown();
	return host_test_exit();
}
