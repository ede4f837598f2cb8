// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other people's volumes at mount: an unlinked inode that cannot be freed stays, whoever looks at it, and the volume mounts;
 * what another kernel has left half freed is freed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_gate.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_quota.h"
#include "dx_walk.h"
#include "dx_log_int.h"

/* ---- unlinked inodes that cannot be freed ---- */

static dx_ino_t ino_b, ino_c, ino_d;

/* Makes and removes files, until one is on the unlinked list of C, and returns that. */
static int beside_c(struct dx_mount *mp, struct dx_inode **ipp)
{
	static struct dx_inode *ip[256];
	int i, n = 0, error = 0;
	bool found = false;

	while (!error && !found && n < ARRAY_SIZE(ip)) {
		error = ug_make_file(mp, "d", &ip[n]);
		if (!error)
			error = dx_remove(mp->rootip, &(struct dx_name) { .name = (u8 *)"d", .len = 1 }, ip[n++]);
		found = !error && ip[n - 1]->ino % DX_AGI_UNLINKED_BUCKETS == ino_c % DX_AGI_UNLINKED_BUCKETS;
	}
	if (!error && !CHECK(found))
		error = -ENOENT;
	if (error)
		return error;
	*ipp = ip[n - 1];
	ino_d = (*ipp)->ino;
	for (i = 0; i < n - 1; i++)
		dx_idrop(ip[i]);
	dx_icache_flush_inactive(mp);
	return 0;
}

/* B, C, and D behind it, are unlinked and in use; all of that is on disk, the log clean or with another file. */
static int play_unlinked(void *arg)
{
	bool dirty = *(bool *)arg;
	struct dx_inode *b, *c, *d, *ip;
	struct dx_name nb = ug_name_of("B"), nc = ug_name_of("C");
	struct dx_mount *mp;
	int error;

	mp = ug_open_as(false, false, &error);
	if (error || ug_find_file(mp, "B", &b) || ug_find_file(mp, "C", &c))
		return -EIO;
	ino_b = b->ino;
	ino_c = c->ino;
	error = dx_alloc_file_space(c, 0, 4 * mp->sb.blocksize);
	if (!error)
		error = beside_c(mp, &d);
	if (!error)
		error = dx_alloc_file_space(d, 0, 4 * mp->sb.blocksize);
	if (!error)
		error = dx_remove(mp->rootip, &nb, b);
	if (!error)
		error = dx_remove(mp->rootip, &nc, c);
	if (!error)
		error = dx_log_force(mp, true);
	dx_ail_drain(mp);
	if (!error)
		error = dx_sync_sb(mp, true);
	if (!error)
		error = dx_log_quiesce(mp, !dirty);
	if (!error && dirty)
		error = ug_make_file(mp, "new", &ip);
	return error ? error : dx_log_force(mp, true);
}

static u64 inode_off(dx_ino_t ino)
{
	struct dx_dsb d;

	host_dev_peek(uv_dev, 0, &d, sizeof(d));
	return ino << d.sb_inodelog;	/* AG 0 */
}

static void edit_c(void (*edit)(struct dx_dinode *d))
{
	static u8 buf[512];

	host_dev_peek(uv_dev, inode_off(ino_c), buf, sizeof(buf));
	edit((struct dx_dinode *)buf);
	dx_update_cksum(buf, sizeof(buf), DX_DINODE_CRC_OFF);
	host_dev_poke(uv_dev, inode_off(ino_c), buf, sizeof(buf));
}

/* An extent record: 54 bits of offset behind the flag, 52 of start, 21 of length. */
static void set_start(struct dx_dinode *d, u64 start)
{
	u8 *r = (u8 *)d + DX_DINODE_SIZE;
	u64 l0 = get_unaligned_be64(r), l1 = get_unaligned_be64(r + 8);

	l0 = (l0 & ~0x1ffULL) | start >> 43;
	l1 = (l1 & 0x1fffff) | start << 21;
	put_unaligned_be64(l0, r);
	put_unaligned_be64(l1, r + 8);
}

static void in_free_space(struct dx_dinode *d) { set_start(d, 9000); }
static void out_of_volume(struct dx_dinode *d) { set_start(d, 1ULL << 40); }
static void onto_itself(struct dx_dinode *d) { d->di_next_unlinked = cpu_to_be32((u32)ino_c); }
static void no_mode(struct dx_dinode *d) { d->di_mode = cpu_to_be16(0170644); }
static void has_links(struct dx_dinode *d) { d->di_nlink = cpu_to_be32(1); }
static void free_space_extent(void) { edit_c(in_free_space); }
static void wild_extent(void) { edit_c(out_of_volume); }
static void bad_mode(void) { edit_c(no_mode); }
static void loop(void) { edit_c(onto_itself); }
static void links(void) { edit_c(has_links); }
static void bad_crc(void)
{
	u8 b;

	host_dev_peek(uv_dev, inode_off(ino_c) + 300, &b, 1);
	b ^= 1;
	host_dev_poke(uv_dev, inode_off(ino_c) + 300, &b, 1);
}

/* Edits the root of a btree of AG 0, one block. */
static void edit_root(u32 sector, size_t root_off, void (*edit)(u8 *block))
{
	static u8 hdr[4096], blk[4096];
	u64 off;

	host_dev_peek(uv_dev, sector * ug_sect(), hdr, ug_sect());
	off = (u64)get_unaligned_be32(hdr + root_off) << 12;
	host_dev_peek(uv_dev, off, blk, sizeof(blk));
	edit(blk);
	dx_update_cksum(blk, sizeof(blk), DX_BTREE_SBLOCK_CRC_OFF);
	host_dev_poke(uv_dev, off, blk, sizeof(blk));
}

static void no_btree_block(u8 *blk) { memset(blk, 0, 4); }

static void free_in_inobt(u8 *blk)
{
	struct dx_inobt_rec *r = (void *)(blk + DX_BTREE_SBLOCK_LEN);
	int i, n = be16_to_cpu(((struct dx_btree_sblock *)blk)->bb_numrecs);

	for (i = 0; i < n; i++)
		if (ino_c - be32_to_cpu(r[i].ir_startino) < 64)
			r[i].ir_freecount++, r[i].ir_free |= cpu_to_be64(1ULL << (ino_c - be32_to_cpu(r[i].ir_startino)));
}

static void bad_cntbt(void) { edit_root(1, offsetof(struct dx_agf, agf_roots[1]), no_btree_block); }
static void bad_inobts(void)
{
	edit_root(2, offsetof(struct dx_agi, agi_root), free_in_inobt);
	edit_root(2, offsetof(struct dx_agi, agi_free_root), free_in_inobt);
}

static const struct stuck_case {
	const char *name;
	void (*damage)(void);
	const char *says;
	bool all_stay;			/* B, too */
	bool cut_off;			/* C's list is given up, with D on it */
	bool clean_only;		/* what the log replays heals it */
	bool unreadable;		/* C is */
	bool linked;			/* it is no unlinked inode */
} stuck_cases[] = {
	{ "its extent is free space", free_space_extent, "cannot be freed" },
	{ "its extent is outside of the volume", wild_extent, "cannot be freed", .unreadable = true },
	{ "it is of no known kind", bad_mode, "cannot be freed", .unreadable = true },
	{ "its checksum is wrong", bad_crc, "is broken", false, true, .unreadable = true },
	{ "it is its own successor", loop, "is broken", false, true },
	{ "it has a link", links, "has links", .linked = true },
	{ "both inode trees have it as free", bad_inobts, "cannot be freed", false, false, true },
	{ "the free space tree that takes its blocks is damaged", bad_cntbt, "mounting once more, without", true },
};

static u16 stuck_quota;			/* that it is mounted with */

static bool on_list(struct dx_mount *mp, dx_ino_t ino)
{
	struct dx_buf *bp;
	bool on;

	if (dx_agi_read(mp, NULL, 0, &bp))
		return false;
	on = ((struct dx_agi *)bp->b_addr)->agi_unlinked[ino % DX_AGI_UNLINKED_BUCKETS] != cpu_to_be32(DX_NULLAGINO);
	dx_buf_leave(bp);
	return on;
}

static int see(void *ctx, const struct dx_istat *st)
{
	CHECK(st->d.nlink);
	++*(int *)ctx;
	return 0;
}

/* Who looks at what is left over, in memory or not, finds no inode, and frees none.  (A number may be the quota file's now.) */
static void look_at_stuck(struct dx_mount *mp, const struct stuck_case *c)
{
	dx_ino_t inos[] = { ino_b, ino_c };
	struct dx_inode *ip;
	unsigned int i;
	int round, n;

	for (round = 0; round < 2; round++) {
		struct dx_bulk b = { .mp = mp, .most = 100000 };

		n = 0;
		CHECK(dx_bulk_inodes(&b, see, &n) == 0 || c->unreadable);
		CHECK(n >= 1);
		for (i = 0; i < ARRAY_SIZE(inos); i++)
			if (!c->linked && !c->unreadable && !dx_is_internal_ino(mp, inos[i]))
				CHECK_EQ(dx_iget(mp, NULL, inos[i], round ? DX_IGET_UNTRUSTED : 0, &ip), -ENOENT);
		dx_icache_flush_inactive(mp);
		dx_ail_drain(mp);
		dx_icache_scan(mp, 1000);
	}
	CHECK(!dx_is_shutdown(mp));
}

/* Usage that has been counted at this mount: of all inodes, these too. */
static void check_counted(struct dx_mount *mp, const struct stuck_case *c)
{
	if (c->all_stay)	/* no space for quota files: the tree is damaged */
		return;
	CHECK_EQ(mp->qflags, stuck_quota | (c->unreadable ? 0 : DX_UQUOTA_CHKD));
	CHECK_EQ(!c->unreadable, !host_log_has("some inodes are damaged"));
	if (!c->unreadable)
		CHECK_EQ(uv_check_quota(mp), 0);
}

static int judge_stuck(void *arg)
{
	const struct stuck_case *c = arg;
	struct dx_imap imap;
	struct dx_inode *ip;
	struct dx_mount *mp;
	int error;

	mp = uv_mount_dev(uv_dev, &(struct dx_mount_opts) { .quota = stuck_quota }, &error);
	if (!CHECK_EQ(error, 0)) {
		printf("# %s\n", host_log());
		return error;
	}
	if (!CHECK(host_log_has(c->says)))
		printf("# %s\n", host_log());
	CHECK(host_log_has("xfs_repair"));
	CHECK(!dx_is_readonly(mp) && !dx_is_shutdown(mp));
	look_at_stuck(mp, c);
	if (stuck_quota)
		check_counted(mp, c);
	CHECK_EQ(on_list(mp, ino_b), c->all_stay);
	CHECK_EQ(on_list(mp, ino_c), !c->cut_off);
	CHECK_EQ(!dx_imap(mp, NULL, ino_d, true, &imap), c->all_stay || c->cut_off);
	/* the volume is of use */
	error = ug_make_file(mp, "after", &ip);
	if (!CHECK_EQ(error, 0))
		return error;
	dx_idrop(ip);
	error = uv_umount(mp);
	return error;
}

static void stuck_inodes(void)
{
	size_t i;

	if (ug_make_shared(false))
		exit(2);
	for (i = 0; i < 4 * ARRAY_SIZE(stuck_cases); i++) {
		const struct stuck_case *c = &stuck_cases[i / 4];
		bool dirty = i & 1;
		char name[160];

		if (dirty && c->clean_only)
			continue;
		stuck_quota = i & 2 ? DX_UQUOTA_ACCT : 0;
		snprintf(name, sizeof(name), "an unlinked inode that cannot be freed, %s log%s: %s", dirty ? "dirty" : "clean",
			 stuck_quota ? ", usage is counted" : "", c->name);
		host_test_begin(name);
		host_dev_reset(uv_dev);
		host_init(1);
		CHECK_EQ(host_run(play_unlinked, &dirty), 0);
		ug_power_cut();
		c->damage();
		host_init(1);
		host_set_printk(2);
		CHECK_EQ(host_run(judge_stuck, (void *)c), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK_EQ(host_live_allocs(true), 0);
		host_kill_world();
		host_test_end();
	}
}

/* ---- unlinked directories that have lost their size ---- */

#define EMPTY_DIRS	4
static dx_ino_t empty_ino[EMPTY_DIRS];
static u32 steps_left;

static bool has_blocks(int i) { return i & 1; }
static bool has_attrs(int i) { return i & 2; }

/* Files with and without blocks and attributes in blocks: unlinked, in use, on disk. */
static int play_empty(void *arg)
{
	struct dx_mount *mp;
	int error, i;

	(void)arg;
	mp = ug_open_as(false, false, &error);
	for (i = 0; !error && i < EMPTY_DIRS; i++) {
		char s[2] = { 'p' + i, 0 };
		struct dx_name n = ug_name_of(s);
		static u8 value[3000];
		struct dx_inode *ip;

		error = ug_make_file(mp, s, &ip);
		if (error)
			break;
		empty_ino[i] = ip->ino;
		if (has_blocks(i))
			error = dx_alloc_file_space(ip, 0, 4 * mp->sb.blocksize);
		if (!error && has_attrs(i)) {
			struct dx_attr_arg a = { .ip = ip, .name = (u8 *)"a", .namelen = 1, .value = value, .valuelen = 3000 };

			error = dx_attr_set_op(&a);
		}
		if (!error)
			error = dx_remove(mp->rootip, &n, ip);
	}
	if (!error)
		error = dx_log_force(mp, true);
	dx_ail_drain(mp);
	if (!error)
		error = dx_sync_sb(mp, true);
	return error ? error : dx_log_quiesce(mp, true);
}

static void dir_without_size(struct dx_dinode *d)
{
	d->di_mode = cpu_to_be16(S_IFDIR | 0755);
	d->di_size = 0;
	d->di_flags = cpu_to_be16(DX_DIFLAG_EXTSZINHERIT | DX_DIFLAG_PROJINHERIT);
	d->di_extsize = cpu_to_be32(4);
}

static void cut_empty(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if ((strcmp(what, "trans_roll") && strcmp(what, "trans_commit")) || !c || !steps_left || --steps_left)
		return;
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
}

/* All of them are freed, if nothing comes in between. */
static int judge_empty(void *arg)
{
	struct dx_mount *mp;
	int error, i;

	steps_left = *(u32 *)arg;
	ug_trace = cut_empty;
	mp = ug_open_as(false, false, &error);
	ug_trace = NULL;
	if (!CHECK_EQ(error, 0))
		return error;
	CHECK(!host_log_has("xfs_repair"));
	for (i = 0; i < EMPTY_DIRS; i++)
		CHECK(!on_list(mp, empty_ino[i]));
	return uv_umount(mp);
}

static void empty_dirs(void)
{
	u32 n, none = 0;
	int i, ret = HOST_CRASHED;

	host_test_begin("unlinked directories that have lost their size are freed, a power cut behind each step");
	for (n = 1; ret == HOST_CRASHED && !host_checks_failed; n++) {
		host_dev_reset(uv_dev);
		host_init(1);
		CHECK_EQ(host_run(play_empty, NULL), 0);
		ug_power_cut();
		for (i = 0; i < EMPTY_DIRS; i++) {
			ino_c = empty_ino[i];
			edit_c(dir_without_size);
		}
		host_init(1);
		ret = host_run(judge_empty, &n);
		CHECK_EQ(host_warn_count, 0);
		if (ret == HOST_CRASHED) {
			host_kill_world();
			ug_power_cut();
			host_init(1);
			CHECK_EQ(host_run(judge_empty, &none), 0);
			CHECK_EQ(host_warn_count, 0);
		}
		host_kill_world();
		CHECK(uv_repair_clean("empty"));
	}
	CHECK_EQ(ret, 0);
	CHECK(n > 8);
	printf("# %u steps\n", n - 1);
	host_test_end();
}

/* ---- less links than names ---- */

static struct dx_inode *new_one(struct dx_mount *mp, struct dx_inode *dp, const char *s, umode_t mode)
{
	struct dx_create_args a = { .mode = mode };
	struct dx_name n = ug_name_of(s);
	struct dx_inode *ip = NULL;

	n.ftype = dx_mode_to_ftype(mode);
	CHECK_EQ(dx_create(dp, &n, &a, &ip), 0);
	return ip;
}

/* A file and directories as damage may leave them: what takes a link of them fails before it begins. */
static int too_few(void *arg)
{
	struct dx_name nf = ug_name_of("F"), ng = ug_name_of("G"), ns = ug_name_of("S");
	struct dx_inode *root, *d, *f, *g, *s;
	struct dx_mount *mp = uv_mount(NULL);

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	root = mp->rootip;
	d = new_one(mp, root, "D", S_IFDIR | 0700);
	f = new_one(mp, root, "F", S_IFREG | 0600);
	s = new_one(mp, d, "S", S_IFDIR | 0700);
	g = new_one(mp, d, "G", S_IFREG | 0600);
	d->d.nlink = 2;
	CHECK_EQ(dx_rename(d, &ns, s, root, &nf, f, NULL, DX_RENAME_EXCHANGE), -EFSCORRUPTED);
	CHECK_EQ(dx_rename(d, &ns, s, root, &ns, NULL, NULL, 0), -EFSCORRUPTED);
	CHECK_EQ(dx_remove(d, &ns, s), -EFSCORRUPTED);
	d->d.nlink = 3;
	s->d.nlink = 1;
	CHECK_EQ(dx_remove(d, &ns, s), -EFSCORRUPTED);
	s->d.nlink = 2;
	f->d.nlink = 0;
	CHECK_EQ(dx_remove(root, &nf, f), -EFSCORRUPTED);
	CHECK_EQ(dx_rename(d, &ng, g, root, &nf, f, NULL, 0), -EFSCORRUPTED);
	f->d.nlink = 1;
	CHECK(!dx_is_shutdown(mp));
	dx_idrop(g);
	dx_idrop(s);
	dx_idrop(f);
	dx_idrop(d);
	return uv_umount(mp);
}

static void few_links(void)
{
	host_test_begin("less links than names: nothing is taken of them, and nothing shut down");
	host_dev_reset(uv_dev);
	host_init(1);
	host_set_printk(2);
	CHECK_EQ(host_run(too_few, NULL), 0);
	CHECK_EQ(host_live_allocs(true), 0);
	host_kill_world();
	CHECK(uv_repair_clean("few"));
	host_test_end();
}

int main(void)
{
	uv_setup("t_stuck");
	stuck_inodes();
	empty_dirs();
	few_links();
	uv_teardown();
	return host_test_exit();
}
