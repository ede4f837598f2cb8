// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other people's volumes at mount: what is on them, and in their log, decides what may be done.  Shared blocks are never
 * freed; what the log would leave is known before the first write; a log that is not the volume's own
 * is refused; one that holds a growth is replayed at the first mount;
 * checked quota is unchecked before anything changes.  Unlinked inodes: t_stuck.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util_gate.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_dir.h"
#include "dx_quota.h"
#include "dx_walk.h"
#include "dx_log_int.h"

/* ---- shared blocks ---- */

static int refcount_root(struct dx_mount *mp, struct dx_trans *tp, struct dx_buf **bpp)
{
	struct dx_buf *agf;
	dx_agbno_t bno;
	int error = dx_agf_read(mp, NULL, 0, 0, &agf);

	if (error)
		return error;
	bno = be32_to_cpu(((struct dx_agf *)agf->b_addr)->agf_refcntroot);
	dx_buf_leave(agf);
	return dx_trans_read_buf(mp, tp, dx_agb_to_daddr(mp, 0, bno), 1u << mp->blkbb_log, 0, &dx_refcountbt_buf_ops, bpp);
}

/* A block of AG 0 that belongs to nothing but the record that is to name it. */
static dx_agbno_t staged_bno;

static int take_block(struct dx_mount *mp)
{
	struct dx_alloc_arg a = {
		.mp = mp, .fsbno = dx_agb_to_fsb(mp, 0, 1), .type = DX_ALLOC_THIS_AG,
		.minlen = 1, .maxlen = 1, .prod = 1, .alignment = 1,
	};
	int error = dx_trans_alloc(mp, DX_RESV_WRITE, 1, 0, &a.tp);

	if (error)
		return error;
	CHECK(!dx_alloc_extents(&a) && a.fsbno != DX_NULLFSBNO);
	staged_bno = dx_fsb_to_agbno(mp, a.fsbno);
	return dx_trans_commit(a.tp);
}

/*
 * As a kernel with reflink would log it: block ug_shared_bno has @refs owners, of which 1 needs no record.  0: a block is
 * taken for a copy on write.
 */
static int log_refcount(struct dx_mount *mp, u32 refs)
{
	struct dx_btree_sblock *b;
	struct dx_refcount_rec *r;
	struct dx_trans *tp;
	struct dx_buf *bp;
	int error = refs ? 0 : take_block(mp);

	if (!error)
		error = dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp);
	if (error)
		return error;
	error = refcount_root(mp, tp, &bp);
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	b = bp->b_addr;
	r = dx_buf_off(bp, DX_BTREE_SBLOCK_LEN);
	b->bb_numrecs = cpu_to_be16(refs != 1);
	r->rc_startblock = cpu_to_be32(refs ? ug_shared_bno : staged_bno | DX_REFC_COWFLAG);
	r->rc_blockcount = cpu_to_be32(1);
	r->rc_refcount = cpu_to_be32(refs ?: 1);
	dx_trans_buf_type(tp, bp, DX_BLFT_BTREE);
	dx_trans_log_buf(tp, bp, 0, DX_BTREE_SBLOCK_LEN + sizeof(*r) - 1);
	return dx_trans_commit(tp);
}

/* The intent to count an owner of the block more or less, and nobody who does it. */
static int log_cui(struct dx_mount *mp, u32 type)
{
	struct dx_trans *tp;
	int error = dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, 0, &tp);

	if (error)
		return error;
	dx_defer_refcount(tp, type, dx_agb_to_fsb(mp, 0, ug_shared_bno), 1);
	dx_intent_log(tp, &dx_refcount_type, &tp->t_defer, 1);
	dx_defer_cancel(tp);
	return dx_trans_commit(tp);
}

/*
 * What the log does, in order: + - a record of sharing comes, goes; s: one comes of a block for a copy on write; u: C is unlinked
 * and in use; i d: an owner more, or less, is begun; w: all is written back; n: a file is made; |: clean unmount record, which is what a freeze and a snapshot leave.
 */
static const struct shared_case {
	const char *name, *log;
	bool c_shares;				/* C maps A's block, too */
} shared_cases[] = {
	{ "nothing shared, an unlinked file in the log", "u", false },
	{ "sharing, and the end of it in the log", "+u", true },
	{ "an unlinked file in the log, then sharing", "u+", true },
	{ "sharing and the end of it, begun in the log", "+d", false },
	{ "sharing on disk, the end of it begun in the log", "+wd", false },
	{ "sharing begun in the log", "i", true },
	{ "sharing in the log, nothing to finish", "+n", true },
	{ "sharing on disk, an unlinked file in the log", "+wu", true },
	{ "an unlinked file on disk, sharing in the log", "uw+", true },
	{ "both on disk, another file in the log", "+uwn", true },
	{ "sharing comes and goes in the log, with an unlinked file", "+-u", false },
	{ "sharing on disk, gone in the log, with an unlinked file", "+w-u", false },
	{ "both on disk, the log clean", "+uw|", true },
	{ "nothing shared, an unlinked file on disk, the log clean", "uw|", false },
	{ "a block for a copy on write, the log clean", "sw|", false },
	{ "a block for a copy on write and an unlinked file in the log", "su", false },
	{ "a block for a copy on write in the log, sharing begun", "si", true },
};

static int play(void *arg)
{
	const struct shared_case *c = arg;
	struct dx_inode *ip;
	struct dx_mount *mp;
	const char *p;
	int error;

	mp = ug_open_as(false, false, &error);
	for (p = c->log; !error && *p; p++) {
		switch (*p) {
		case '+': error = log_refcount(mp, 2); break;
		case '-': error = log_refcount(mp, 1); break;
		case 's': error = log_refcount(mp, 0); break;
		case 'u': error = ug_unlink_held(mp, "C"); break;
		case 'i': error = log_cui(mp, DX_CUI_INCREASE); break;
		case 'd': error = log_cui(mp, DX_CUI_DECREASE); break;
		case 'n': error = ug_make_file(mp, "new", &ip); break;
		case 'w':
			error = dx_log_force(mp, true);
			dx_ail_drain(mp);
			break;
		case '|':
			error = dx_sync_sb(mp, true);
			if (!error)
				error = dx_log_quiesce(mp, true);
			break;
		}
	}
	return error ? error : dx_log_force(mp, true);
}

static int hit(dx_agbno_t bno, dx_extlen_t len, void *data)
{
	if (ug_shared_bno >= bno && ug_shared_bno < bno + len)
		*(bool *)data = true;
	return 0;
}

static bool is_free(struct dx_mount *mp)
{
	bool free = false;

	CHECK_EQ(dx_alloc_query_all(mp, 0, hit, &free), 0);
	return free;
}

static bool any_unlinked(struct dx_mount *mp)
{
	bool any = false;
	dx_agno_t agno;
	int i;

	for (agno = 0; agno < mp->sb.agcount; agno++) {
		struct dx_buf *bp;
		struct dx_agi *agi;

		if (!CHECK_EQ(dx_agi_read(mp, NULL, agno, &bp), 0))
			return false;
		agi = bp->b_addr;
		for (i = 0; i < DX_AGI_UNLINKED_BUCKETS; i++)
			any |= agi->agi_unlinked[i] != cpu_to_be32(DX_NULLAGINO);
		dx_buf_leave(bp);
	}
	return any;
}

static bool mount_ro;

static void check_freed(struct dx_mount *mp)
{
	bool free;

	CHECK(host_log_has("freed 1 blocks that were set aside for copies on write"));
	CHECK(!dx_alloc_any_free(mp, dx_agb_to_fsb(mp, 0, staged_bno), 1, &free) && free);
}

static int judge(void *arg)
{
	const struct shared_case *c = arg;
	bool clean = strchr(c->log, '|');
	u64 writes = ug_writes_so_far();
	struct dx_mount *mp;
	int error;

	mp = ug_open_as(mount_ro, false, &error);
	if (!CHECK_EQ(error, 0))
		return error;
	if (strchr(c->log, 's') && !(mount_ro && clean))
		check_freed(mp);
	CHECK_EQ(dx_is_readonly(mp), mount_ro);
	/* a read-only mount of a clean log frees nothing either; becoming read-write it does */
	CHECK_EQ(any_unlinked(mp), strchr(c->log, 'u') && mount_ro && clean);
	if (mount_ro && clean) {
		CHECK_EQ(ug_writes_so_far(), writes);
		CHECK_EQ(dx_mount_remount_rw(mp), 0);
		CHECK(!any_unlinked(mp));
		if (strchr(c->log, 's'))
			check_freed(mp);
	}
	CHECK(!is_free(mp));
	return uv_umount(mp);
}

static void shared_case(const struct shared_case *c, bool ro)
{
	char name[200], path[300];

	snprintf(name, sizeof(name), "%s: %s", c->name, ro ? "-o ro: mounts" : "read-write");
	host_test_begin(name);
	host_dev_reset(uv_dev);
	host_init(1);
	CHECK_EQ(host_run(play, (void *)c), 0);
	ug_power_cut();
	host_init(1);
	mount_ro = ro;
	CHECK_EQ(host_run(judge, (void *)c), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	CHECK(uv_repair_clean("shared"));
	/* who has replayed a log has written, and nothing of it is needed any more */
	snprintf(path, sizeof(path), "%s/log", uv_dir);
	unlink(path);
	CHECK_EQ(host_dev_save(uv_dev, path), 0);
	CHECK(!host_sh("xfs_logprint -t %s 2>&1 | grep -q 'state: <CLEAN>'", path));
	host_kill_world();
	host_test_end();
}

static void shared_volumes(void)
{
	size_t i;
	int shares;

	for (shares = 0; shares < 2; shares++) {
		if (ug_make_shared(shares)) {
			host_test_begin("a volume with shared blocks can be made");
			CHECK(false);
			host_test_end();
			continue;
		}
		for (i = 0; i < ARRAY_SIZE(shared_cases); i++) {
			if (shared_cases[i].c_shares != shares)
				continue;
			shared_case(&shared_cases[i], false);
			shared_case(&shared_cases[i], true);
		}
	}
}

/* ---- a log that is not the volume's own ---- */

static u64 log_off, log_len, head_lsn;

/* Files, and back: every header has been written.  Leaves where the log is and where it ends. */
static int use(void *arg)
{
	struct dx_log_stats st;
	struct dx_inode *ip;
	struct dx_mount *mp;
	char name[16];
	int error, i;

	(void)arg;
	mp = ug_open_as(false, false, &error);
	for (i = 0; !error && i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		error = ug_make_file(mp, name, &ip);
		if (!error)
			dx_idrop(ip);
	}
	if (error)
		return error;
	log_off = dx_log_daddr(mp) << 9;
	log_len = (u64)dx_log_size_bb(mp) << 9;
	error = dx_log_force(mp, true);
	dx_ail_drain(mp);
	if (!error)
		error = dx_sync_sb(mp, true);
	if (!error)
		error = dx_log_quiesce(mp, true);
	dx_log_get_stats(mp, &st);
	head_lsn = st.head_cycle << 32 | st.head_block;
	return error;
}

/* A new file is in the log, and nowhere else. */
static int log_a_file(void *arg)
{
	struct dx_inode *ip;
	struct dx_mount *mp;
	int error;

	(void)arg;
	mp = ug_open_as(false, false, &error);
	if (!error)
		error = ug_make_file(mp, "in the log", &ip);
	return error ? error : dx_log_force(mp, true);
}

static void set_lsn(u64 off, u32 len, size_t lsn_off, size_t crc_off, u64 lsn)
{
	static u8 buf[4096];

	host_dev_peek(uv_dev, off, buf, len);
	put_unaligned_be64(lsn, buf + lsn_off);
	dx_update_cksum(buf, len, crc_off);
	host_dev_poke(uv_dev, off, buf, len);
}

static void zero_log(void)
{
	static const u8 z[4096];
	u64 i;

	for (i = 0; i < log_len; i += sizeof(z))
		host_dev_poke(uv_dev, log_off + i, z, sizeof(z));
}

static void sb_ahead(void) { set_lsn(0, ug_sect(), offsetof(struct dx_dsb, sb_lsn), DX_SB_CRC_OFF, head_lsn + 1); }
static void sb_at_head(void) { set_lsn(0, ug_sect(), offsetof(struct dx_dsb, sb_lsn), DX_SB_CRC_OFF, head_lsn); }
static void sb_cycles_ahead(void) { set_lsn(0, ug_sect(), offsetof(struct dx_dsb, sb_lsn), DX_SB_CRC_OFF, head_lsn + (7ULL << 32)); }
static void agf_ahead(void) { set_lsn(ug_sect(), ug_sect(), offsetof(struct dx_agf, agf_lsn), DX_AGF_CRC_OFF, head_lsn + (7ULL << 32)); }
static void agi_ahead(void) { set_lsn(2 * ug_sect(), ug_sect(), offsetof(struct dx_agi, agi_lsn), DX_AGI_CRC_OFF, head_lsn + (7ULL << 32)); }
static void root_inode_ahead(void)
{
	struct dx_dsb d;

	host_dev_peek(uv_dev, 0, &d, sizeof(d));
	set_lsn(be64_to_cpu(d.sb_rootino) << d.sb_inodelog, be16_to_cpu(d.sb_inodesize), offsetof(struct dx_dinode, di_lsn),
		DX_DINODE_CRC_OFF, head_lsn + (7ULL << 32));
}

static const struct ahead_case {
	const char *name;
	void (*damage)(void);
	bool dirty;			/* the log holds something */
	bool refused, untouched;
	const char *says;
} ahead_cases[] = {
	{ "a log of zeroes", zero_log, false, true, true, "superblock at 0x0 has LSN" },
	{ "the superblock one block ahead", sb_ahead, false, true, true, "superblock at 0x0 has LSN" },
	{ "the superblock cycles ahead", sb_cycles_ahead, false, true, true, "superblock at 0x0 has LSN" },
	{ "the superblock at the head", sb_at_head, false, false },
	{ "an AGF ahead", agf_ahead, false, true, true, "AGF at 0x1 has LSN" },
	{ "an AGI ahead", agi_ahead, false, true, true, "AGI at 0x2 has LSN" },
	{ "an AGI ahead, which the log wants to replay", agi_ahead, true, true, true, "at 0x2 has LSN" },
	{ "an inode ahead, which the log wants to replay", root_inode_ahead, true, false },
};

static int judge_ahead(void *arg)
{
	const struct ahead_case *c = arg;
	u64 writes = ug_writes_so_far();
	struct dx_inode *ip;
	struct dx_mount *mp;
	int error;

	mp = ug_open_as(false, false, &error);
	if (!c->refused) {
		CHECK_EQ(error, 0);
		if (mp && c->dirty) {
			CHECK_EQ(ug_find_file(mp, "in the log", &ip), 0);
			dx_idrop(ip);
		}
		return mp ? uv_umount(mp) : error;
	}
	CHECK_EQ(error, -EFSCORRUPTED);
	if (!CHECK(host_log_has(c->says)) || !CHECK(host_log_has("ahead of the log")) || !CHECK(host_log_has("xfs_repair")))
		printf("# %s\n", host_log());
	if (c->untouched)
		CHECK_EQ(ug_writes_so_far(), writes);
	if (mp)
		return uv_umount(mp);
	mp = ug_open_as(true, true, &error);
	CHECK_EQ(error, 0);
	return mp ? uv_umount(mp) : error;
}

static void logs_of_others(void)
{
	static const struct uv_profile p = { "", "--unsupported -d agcount=2 -l size=10m -b size=4096", 96 };
	struct host_dev_snap *snap;
	size_t i;

	if (uv_make(&p))
		exit(2);
	host_init(1);
	host_set_printk(2);
	if (host_run(use, NULL))
		exit(2);
	ug_power_cut();
	snap = host_dev_snap_take(uv_dev);
	for (i = 0; i < ARRAY_SIZE(ahead_cases); i++) {
		const struct ahead_case *c = &ahead_cases[i];

		host_test_begin(c->name);
		host_dev_snap_restore(uv_dev, snap);
		if (c->dirty) {
			host_init(1);
			CHECK_EQ(host_run(log_a_file, NULL), 0);
			ug_power_cut();
		}
		c->damage();
		host_init(1);
		host_set_printk(2);
		CHECK_EQ(host_run(judge_ahead, (void *)c), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK_EQ(host_live_allocs(true), 0);
		if (!c->refused)
			CHECK(uv_repair_clean("ahead"));
		host_kill_world();
		host_test_end();
	}
	host_dev_snap_free(snap);
}

/* ---- inodes ahead of a log that xfs_repair -L has made: it does not look at them ---- */

#define CHUNK_INODES	64
#define A_SIZE		123456

static u64 root_ino;
static u32 inode_bytes;
static const struct repaired_case { const char *name; bool remount; } repaired_cases[] = {
	{ "inodes ahead of a log that xfs_repair -L has made are changed", false },
	{ "inodes ahead of a log that xfs_repair -L has made are read, and changed when the mount is read-write", true },
};

/* All inodes of the root's chunk, those that are free, too. */
static void chunk_ahead(void)
{
	struct dx_dsb d;
	int i;

	host_dev_peek(uv_dev, 0, &d, sizeof(d));
	root_ino = be64_to_cpu(d.sb_rootino);
	inode_bytes = be16_to_cpu(d.sb_inodesize);
	for (i = 0; i < CHUNK_INODES; i++)
		set_lsn((root_ino + i) * inode_bytes, inode_bytes, offsetof(struct dx_dinode, di_lsn), DX_DINODE_CRC_OFF,
			head_lsn + (7ULL << 32));
}

static u64 lsn_of(u64 ino)
{
	struct dx_dinode d;

	host_dev_peek(uv_dev, ino * inode_bytes, &d, sizeof(d));
	return be64_to_cpu(d.di_lsn);
}

static int empty_volume(void *arg)
{
	struct dx_inode *ip;
	struct dx_mount *mp;
	int error;

	(void)arg;
	mp = ug_open_as(false, false, &error);
	if (!error)
		error = ug_make_file(mp, "old", &ip);
	if (error)
		return error;
	dx_idrop(ip);
	head_lsn = atomic64_read(&mp->log->head_lsn);
	return uv_umount(mp);
}

static bool repair_log(void)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/repaired", uv_dir);
	if (host_dev_save(uv_dev, path) || host_sh("xfs_repair -L -f %s >/dev/null 2>&1", path))
		return false;
	host_dev_close(uv_dev);
	uv_dev = host_dev_open(path);
	return uv_dev;
}

static dx_ino_t old_ino, new_ino;

static int change_inodes(void *arg)
{
	const struct repaired_case *c = arg;
	struct dx_inode *ip, *new;
	struct dx_mount *mp;
	struct dx_trans *tp;
	int error;

	mp = ug_open_as(c->remount, false, &error);
	if (!error)
		error = ug_find_file(mp, "old", &ip);
	if (error)
		return error;
	old_ino = ip->ino;
	if (c->remount)
		CHECK_EQ(dx_mount_remount_rw(mp), 0);
	CHECK_EQ(dx_trans_alloc(mp, DX_RESV_ICHANGE, 0, 0, &tp), 0);
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	ip->d.size = A_SIZE;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	CHECK_EQ(dx_trans_commit(tp), 0);
	CHECK_EQ(ug_make_file(mp, "new", &new), 0);
	new_ino = new->ino;
	return dx_log_force(mp, true);
}

static int judge_changed(void *arg)
{
	struct dx_inode *ip;
	struct dx_mount *mp;
	int error;

	(void)arg;
	mp = ug_open_as(false, false, &error);
	CHECK_EQ(error, 0);
	if (error)
		return error;
	CHECK_EQ(ug_find_file(mp, "old", &ip), 0);
	CHECK_EQ(ip->d.size, A_SIZE);
	dx_idrop(ip);
	if (CHECK_EQ(ug_find_file(mp, "new", &ip), 0))
		dx_idrop(ip);
	return uv_umount(mp);
}

static void repaired_logs(void)
{
	static const struct uv_profile p = { "", "--unsupported -d agcount=2 -l size=10m -b size=4096", 96 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(repaired_cases); i++) {
		host_test_begin(repaired_cases[i].name);
		if (uv_make(&p))
			exit(2);
		host_init(1);
		CHECK_EQ(host_run(empty_volume, NULL), 0);
		host_kill_world();
		chunk_ahead();
		CHECK(repair_log());
		CHECK_EQ(lsn_of(root_ino), head_lsn + (7ULL << 32));
		host_init(1);
		host_set_printk(2);
		CHECK_EQ(host_run(change_inodes, (void *)&repaired_cases[i]), 0);
		CHECK(host_log_has("ahead of the log, as xfs_repair -L leaves them"));
		ug_power_cut();
		/* who recovers this log may be another, who skips what is newer on disk */
		CHECK_EQ(lsn_of(root_ino), 0);
		CHECK_EQ(lsn_of(old_ino), 0);
		CHECK_EQ(lsn_of(new_ino), 0);
		CHECK(new_ino < root_ino + CHUNK_INODES);
		host_init(1);
		host_set_printk(2);
		CHECK_EQ(host_run(judge_changed, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK_EQ(host_live_allocs(true), 0);
		host_kill_world();
		CHECK(uv_repair_clean("repaired"));
		host_test_end();
	}
}

/* ---- a log that holds a growth ---- */

#define GROWN_MIB	112

static u64 dblocks_small, dblocks_grown;
static u32 agcount_small, agcount_grown;

/*
 * What growing a volume does to the last AG, in one transaction, as its log has it: longer headers, the new blocks free,
 * the superblock.  The AG's headers are in the log before that, too, as they were.  New AGs have their headers
 * on disk already.
 */
static int grow(void *arg)
{
	bool written_back = *(bool *)arg;
	dx_agno_t last = agcount_small - 1;
	struct dx_buf *agf, *agi;
	struct dx_perag *pag;
	struct dx_mount *mp;
	struct dx_trans *tp;
	u32 old, new;
	int error;

	mp = ug_open_as(false, false, &error);
	if (error)
		return error;
	pag = dx_perag(mp, last);
	old = pag->length;
	new = min_t(u64, mp->sb.agblocks, dblocks_grown - (u64)last * mp->sb.agblocks);

	error = dx_trans_alloc(mp, DX_RESV_GROWDATA, 0, 0, &tp);
	if (error || dx_agi_read(mp, tp, last, &agi) || dx_agf_read(mp, tp, last, 0, &agf))
		return -EIO;
	dx_agf_log(tp, agf, 0, 4);
	dx_agi_log(tp, agi, 0, 4);
	error = dx_trans_commit(tp);
	if (!error)
		error = dx_log_force(mp, true);
	if (error)
		return error;

	error = dx_trans_alloc(mp, DX_RESV_GROWDATA, 0, 0, &tp);
	if (error || dx_agi_read(mp, tp, last, &agi) || dx_agf_read(mp, tp, last, 0, &agf))
		return -EIO;
	pag->length = new;
	((struct dx_agf *)agf->b_addr)->agf_length = cpu_to_be32(new);
	((struct dx_agi *)agi->b_addr)->agi_length = cpu_to_be32(new);
	dx_agf_log(tp, agf, offsetof(struct dx_agf, agf_length), 4);
	dx_agi_log(tp, agi, offsetof(struct dx_agi, agi_length), 4);
	mp->sb.dblocks = dblocks_grown;
	if (new > old)
		error = dx_free_extent(tp, dx_agb_to_fsb(mp, last, old), new - old);
	mp->sb.agcount = agcount_grown;
	if (!error)
		error = dx_log_sb(tp);
	if (!error)
		error = dx_trans_commit(tp);
	mp->sb.agcount = agcount_small;
	if (!error)
		error = dx_log_force(mp, true);
	/* the superblock is in its place, the headers are not: the log still has them as they were, and then longer */
	if (!error && written_back) {
		dx_buf_lock(mp->sb_bp);
		error = dx_buf_bwrite(mp->sb_bp);
		dx_buf_unlock(mp->sb_bp);
		if (!error)
			error = dx_plat_flush(mp->bdev);
	}
	return error;
}

/* The copies of the superblock in the old AGs follow at once, unlogged. */
static void grow_secondaries(void)
{
	static u8 buf[4096];
	struct dx_dsb *d = (void *)buf;
	u32 len = ug_sect(), bs;
	dx_agno_t agno;
	u64 ag_bytes;

	host_dev_peek(uv_dev, 0, buf, len);
	bs = be32_to_cpu(d->sb_blocksize);
	ag_bytes = (u64)be32_to_cpu(d->sb_agblocks) * bs;
	for (agno = 1; agno < agcount_small; agno++) {
		host_dev_peek(uv_dev, agno * ag_bytes, buf, len);
		d->sb_dblocks = cpu_to_be64(dblocks_grown);
		d->sb_agcount = cpu_to_be32(agcount_grown);
		dx_update_cksum(buf, len, DX_SB_CRC_OFF);
		host_dev_poke(uv_dev, agno * ag_bytes, buf, len);
	}
}

static int use_new_space(void *arg)
{
	struct dx_inode *ip;
	struct dx_mount *mp;
	int error;

	(void)arg;
	mp = ug_open_as(false, false, &error);
	if (!CHECK_EQ(error, 0)) {
		printf("# %s\n", host_log());
		return error;
	}
	CHECK(host_log_has("Starting recovery"));
	CHECK_EQ(mp->sb.dblocks, dblocks_grown);
	CHECK_EQ(mp->sb.agcount, agcount_grown);
	CHECK_EQ(dx_perag(mp, agcount_grown - 1)->length, dblocks_grown - (u64)(agcount_grown - 1) * mp->sb.agblocks);
	dx_reserve_set(mp, 0);
	error = ug_make_file(mp, "large", &ip);
	/* more than there was */
	if (!error)
		error = dx_alloc_file_space(ip, 0, (dblocks_small - mp->sb.logblocks + (dblocks_grown - dblocks_small) / 2) * mp->sb.blocksize);
	if (!error)
		dx_idrop(ip);
	if (error)
		return error;
	return uv_umount(mp);
}

static void growths(void)
{
	static const struct growth { const char *name, *small, *agsize; } kinds[] = {
		{ "one AG more, the last one was whole", "64m", "32m" },
		{ "the last AG longer", "100m", "60m" },
		{ "the last AG longer, and more of them", "68m", "24m" },
	};
	static char mkfs[200];
	static struct uv_profile p = { "", mkfs, GROWN_MIB };
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		const struct growth *g = &kinds[i / 2];
		bool written_back = i & 1;
		struct dx_dsb grown, small;
		char name[160];

		snprintf(name, sizeof(name), "a log that holds a growth, at the first mount: %s%s", g->name,
			 written_back ? "; the superblock is written" : "");
		host_test_begin(name);
		/* as mkfs.xfs makes the new AGs, so does growing; then the small one over it, with the same uuid */
		snprintf(mkfs, sizeof(mkfs), "--unsupported -l size=8m,agnum=0 -d agsize=%s", g->agsize);
		if (uv_make(&p))
			exit(2);
		host_dev_peek(uv_dev, 0, &grown, sizeof(grown));
		snprintf(mkfs, sizeof(mkfs), "--unsupported -l size=8m,agnum=0 -m uuid=5d1f3a52-6b0e-4c7d-9a44-0f2e8c6b7a10 -d agsize=%s,size=%s", g->agsize, g->small);
		host_dev_close(uv_dev);
		uv_dev = NULL;
		if (host_sh("cd %s && mv %s grown.img && truncate -s %s %s && mkfs.xfs -q %s %s >/dev/null 2>&1 && truncate -s %uM %s && dd if=grown.img of=%s bs=1M skip=%d seek=%d conv=notrunc,sparse status=none; rm grown.img",
			    uv_dir, uv_image, g->small, uv_image, mkfs, uv_image, GROWN_MIB, uv_image, uv_image, atoi(g->small), atoi(g->small)))
			exit(2);
		uv_dev = host_dev_open(uv_image);
		host_dev_peek(uv_dev, 0, &small, sizeof(small));
		dblocks_grown = be64_to_cpu(grown.sb_dblocks);
		agcount_grown = be32_to_cpu(grown.sb_agcount);
		dblocks_small = be64_to_cpu(small.sb_dblocks);
		agcount_small = be32_to_cpu(small.sb_agcount);
		CHECK(dblocks_grown > dblocks_small && agcount_grown >= agcount_small);
		host_init(1);
		CHECK_EQ(host_run(grow, &written_back), 0);
		ug_power_cut();
		grow_secondaries();
		host_init(1);
		CHECK_EQ(host_run(use_new_space, NULL), 0);
		CHECK_EQ(host_warn_count, 0);
		CHECK_EQ(host_live_allocs(true), 0);
		CHECK(uv_repair_clean("grown"));
		host_kill_world();
		host_test_end();
	}
}

/* ---- quota that was checked ---- */

#define QFLAGS_STOCK	0x060f		/* user and project: accounted, enforced, checked */

static struct { bool checked, freed; } on_disk;

/* The superblock, and whether C is still on its unlinked list. */
static void look_at_disk(void)
{
	static u8 buf[4096];
	struct dx_agi *agi = (void *)buf;
	struct dx_dsb d;
	int i;

	host_dev_peek(uv_dev, 0, &d, sizeof(d));
	on_disk.checked = be16_to_cpu(d.sb_qflags) & DX_SB_QFLAG_CHKD;
	host_dev_peek(uv_dev, 2 * ug_sect(), buf, ug_sect());
	on_disk.freed = true;
	for (i = 0; i < DX_AGI_UNLINKED_BUCKETS; i++)
		on_disk.freed &= agi->agi_unlinked[i] == cpu_to_be32(DX_NULLAGINO);
}

/* Right after the log has been replayed: the volume as any other kernel would find it. */
static void on_replayed(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if (!strcmp(what, "recovered"))
		look_at_disk();
}

static bool quota_ro;

static int mount_quota(void *arg)
{
	bool *hooked = arg;
	struct dx_mount *mp = kzalloc(sizeof(*mp), GFP_KERNEL | __GFP_NOFAIL);
	u64 writes = ug_writes_so_far();
	int error;

	mp->bdev = uv_dev;
	mp->opts.ro = quota_ro && !hooked;
	if (hooked)
		mp->trace = on_replayed;
	look_at_disk();
	error = dx_mount_open(mp);
	if (error) {
		kfree(mp);
		return error;
	}
	if (mp->opts.ro) {
		CHECK_EQ(ug_writes_so_far(), writes);
		CHECK(mp->sb.qflags & DX_SB_QFLAG_CHKD);
		CHECK_EQ(dx_mount_remount_rw(mp), 0);
	}
	CHECK_EQ(mp->sb.qflags, QFLAGS_STOCK & ~DX_SB_QFLAG_CHKD);
	if (hooked)
		return uv_umount(mp);
	/* into the log, and stay: the power goes */
	return dx_log_force(mp, true);
}

/* As if those who wrote the log had accounted: the superblock is not in it. */
static void set_qflags(void)
{
	static u8 buf[4096];
	u32 len = ug_sect();

	host_dev_peek(uv_dev, 0, buf, len);
	((struct dx_dsb *)buf)->sb_qflags = cpu_to_be16(QFLAGS_STOCK);
	dx_update_cksum(buf, len, DX_SB_CRC_OFF);
	host_dev_poke(uv_dev, 0, buf, len);
}

/* The power goes at every write of a first mount: whenever C has been freed on disk, quota is not checked any more. */
static void quota_unchecked(const char *log, bool ro)
{
	struct shared_case c = { "", log };
	struct host_dev_snap *snap;
	bool hooked = true;
	char name[128];
	u64 nth;
	int ret;

	snprintf(name, sizeof(name), "checked quota is unchecked before anything changes: %s%s", ro ? "remounted read-write, " : "",
		 strchr(log, '|') ? "clean log" : "dirty log");
	host_test_begin(name);
	host_dev_reset(uv_dev);
	host_init(1);
	CHECK_EQ(host_run(play, &c), 0);
	ug_power_cut();
	set_qflags();
	snap = host_dev_snap_take(uv_dev);
	quota_ro = ro;
	for (nth = 1, ret = HOST_CRASHED; ret == HOST_CRASHED && !host_checks_failed; nth++) {
		host_dev_snap_restore(uv_dev, snap);
		host_init(1);
		host_dev_crash_at(uv_dev, nth, HOST_CRASH_COMPLETE);
		ret = host_run(mount_quota, NULL);
		host_dev_crash_at(uv_dev, 0, HOST_CRASH_COMPLETE);
		host_dev_crash(uv_dev, HOST_KEEP_ALL, 1);
		host_init(1);
		if (ret == HOST_CRASHED || CHECK_EQ(ret, 0))
			CHECK_EQ(host_run(mount_quota, &hooked), 0);
		CHECK(!on_disk.checked || !on_disk.freed);
		CHECK_EQ(host_warn_count, 0);
		if (host_checks_failed)
			printf("# the power went at write %llu\n", (unsigned long long)nth);
	}
	/* the last round had no power cut before the mount was up */
	CHECK(!on_disk.checked && on_disk.freed);
	CHECK(nth > 3);
	CHECK(uv_repair_clean("quota"));
	host_kill_world();
	host_dev_snap_free(snap);
	host_test_end();
}

static void quotas(void)
{
	if (ug_make_shared(false))
		exit(2);
	quota_unchecked("u", false);
	quota_unchecked("uw|", false);
	quota_unchecked("uw|", true);
}

int main(void)
{
	uv_setup("t_gate");
	quotas();
	shared_volumes();
	logs_of_others();
	repaired_logs();
	growths();
	uv_teardown();
	return host_test_exit();
}
