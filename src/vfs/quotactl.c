// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quota, as the kernel asks for it: mount options, quotactl(2), statfs of a project's directory, warnings.
 *
 * The core accounts (dx_quota.h); here its numbers, fsblocks and seconds, become the VFS's, bytes and seconds.  Who may
 * ask what is the VFS's business, as are commands of other filesystems' kind of quota files, which it translates.
 * Context of what quotactl(2) calls: s_umount held, exclusively for _enable, _disable and _remove; not frozen, where
 * something changes.
 */
#include <linux/fs.h>
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <linux/seq_file.h>
#include <linux/statfs.h>
#include "quotactl.h"
#include "dx_quota.h"

/* ---- mount options ---- */

/* By kind: bits of sb_qflags, bits of Q_XQUOTAON, and how the options are shown. */
static const struct kind {
	u16		acct, enfd;
	unsigned int	xacct, xenfd;
	const char	*enforced, *accounted;
} kinds[DX_QTYPES] = {
	[DX_QUSER] = {
		DX_UQUOTA_ACCT, DX_UQUOTA_ENFD, FS_QUOTA_UDQ_ACCT, FS_QUOTA_UDQ_ENFD, ",usrquota", ",uqnoenforce",
	},
	[DX_QGROUP] = {
		DX_GQUOTA_ACCT, DX_GQUOTA_ENFD, FS_QUOTA_GDQ_ACCT, FS_QUOTA_GDQ_ENFD, ",grpquota", ",gqnoenforce",
	},
	[DX_QPROJ] = {
		DX_PQUOTA_ACCT, DX_PQUOTA_ENFD, FS_QUOTA_PDQ_ACCT, FS_QUOTA_PDQ_ENFD, ",prjquota", ",pqnoenforce",
	},
};

/**
 * dx_quota_option - a mount option that is about quota
 * @name: "uquota", "gqnoenforce"..., one of those that super.c lists
 * @quota: DX_?QUOTA_ACCT, _ENFD asked for so far; changed
 *
 * As with stock XFS the last one of a kind counts, and noquota takes back all before it.
 */
void dx_quota_option(const char *name, u16 *quota)
{
	const struct kind *k = &kinds[DX_QUSER];

	if (!strcmp(name, "noquota")) {
		*quota = 0;
		return;
	}
	if (*name == 'g')
		k = &kinds[DX_QGROUP];
	else if (*name == 'p')
		k = &kinds[DX_QPROJ];
	*quota |= k->acct;
	if (strstr(name, "noenforce"))
		*quota &= ~k->enfd;
	else
		*quota |= k->enfd;
}

/**
 * dx_quota_show_options - what is in force, for /proc/mounts
 * @m: where to
 * @mp: mounted
 */
void dx_quota_show_options(struct seq_file *m, struct dx_mount *mp)
{
	static const enum dx_qtype order[] = { DX_QUSER, DX_QPROJ, DX_QGROUP };	/* stock XFS's */
	u16 on = READ_ONCE(mp->qflags);
	bool any = false;
	int i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		const struct kind *k = &kinds[order[i]];

		if (!(on & k->acct))
			continue;
		seq_puts(m, on & k->enfd ? k->enforced : k->accounted);
		any = true;
	}
	if (!any)
		seq_puts(m, ",noquota");
}

/* ---- quotactl(2): reading ---- */

static void fill_use(const struct dx_mount *mp, const struct dx_quota_rec *r, bool enforced, struct qc_dqblk *q)
{
	*q = (struct qc_dqblk) {
		.d_spc_hardlimit = dx_fsb_to_b(mp, r->blk.hard), .d_spc_softlimit = dx_fsb_to_b(mp, r->blk.soft),
		.d_space = dx_fsb_to_b(mp, r->blk.used), .d_spc_warns = r->blk.warns,
		.d_ino_hardlimit = r->ino.hard, .d_ino_softlimit = r->ino.soft,
		.d_ino_count = r->ino.used, .d_ino_warns = r->ino.warns,
		.d_rt_spc_hardlimit = dx_fsb_to_b(mp, r->rtb.hard), .d_rt_spc_softlimit = dx_fsb_to_b(mp, r->rtb.soft),
		.d_rt_space = dx_fsb_to_b(mp, r->rtb.used), .d_rt_spc_warns = r->rtb.warns,
	};
	/* A timer that nobody acts upon is none. */
	if (enforced) {
		q->d_spc_timer = r->blk.timer;
		q->d_ino_timer = r->ino.timer;
		q->d_rt_spc_timer = r->rtb.timer;
	}
}

static u32 id_of(struct kqid qid)
{
	return from_kqid(&init_user_ns, qid);
}

static bool is_unused(const struct dx_quota_use *u)
{
	return !u->used && !u->soft && !u->hard;
}

static int get_dqblk(struct super_block *sb, struct kqid qid, struct qc_dqblk *q)
{
	struct dx_mount *mp = DX_M(sb);
	u16 on = READ_ONCE(mp->qflags);
	struct dx_quota_rec rec;
	int error;

	if (!on)
		return -ENOSYS;
	error = dx_quota_get(mp, (enum dx_qtype)qid.type, id_of(qid), &rec);
	if (error)
		return error;
	/* a record that came into being with its neighbours is nobody's */
	if (is_unused(&rec.blk) && is_unused(&rec.ino) && is_unused(&rec.rtb))
		return -ENOENT;
	fill_use(mp, &rec, on & kinds[qid.type].enfd, q);
	return 0;
}

static int get_nextdqblk(struct super_block *sb, struct kqid *qid, struct qc_dqblk *q)
{
	struct dx_mount *mp = DX_M(sb);
	u16 on = READ_ONCE(mp->qflags);
	u32 id = id_of(*qid);
	struct dx_quota_rec rec;
	int error;

	if (!on)
		return -ENOSYS;
	/* Somebody begins to count: what was unlinked just now should not be in it, as far as that takes no time. */
	if (!id && !dx_is_readonly(mp))
		dx_icache_wait_inactive(mp, HZ / 10);
	error = dx_quota_next(mp, (enum dx_qtype)qid->type, id, &rec);
	if (error)
		return error;
	fill_use(mp, &rec, on & kinds[qid->type].enfd, q);
	*qid = make_kqid(current_user_ns(), qid->type, rec.id);
	return 0;
}

static int get_state(struct super_block *sb, struct qc_state *out)
{
	struct dx_mount *mp = DX_M(sb);
	struct dx_quota_state st;
	int i;

	memset(out, 0, sizeof(*out));
	if (!READ_ONCE(mp->qflags))
		return 0;
	dx_quota_state(mp, &st);
	out->s_incoredqs = st.incore;
	for (i = 0; i < DX_QTYPES; i++) {
		const struct dx_quota_kind_state *k = &st.kind[i];
		struct qc_type_state *t = &out->s_state[i];

		if (k->acct)
			t->flags |= QCI_ACCT_ENABLED;
		if (k->enfd)
			t->flags |= QCI_LIMITS_ENFORCED;
		t->ino = k->ino;	/* that there is none, too, which is not 0 */
		if (k->ino == DX_NULLINO)
			continue;
		/* blocks: of the volume, whatever the structure says, for that is what xfs_quota is used to */
		t->flags |= QCI_SYSFILE;
		t->blocks = k->blocks;
		t->nextents = k->nextents;
		t->spc_timelimit = k->blk_grace;
		t->ino_timelimit = k->ino_grace;
		t->rt_spc_timelimit = k->rtb_grace;
		t->spc_warnlimit = k->blk_warns;
		t->ino_warnlimit = k->ino_warns;
		t->rt_spc_warnlimit = k->rtb_warns;
	}
	return 0;
}

/* ---- quotactl(2): changing ---- */

/* May quota of this mount be changed at all? */
static int changeable(struct super_block *sb)
{
	struct dx_mount *mp = DX_M(sb);

	if (dx_is_shutdown(mp))
		return -EIO;
	if (sb_rdonly(sb) || dx_is_readonly(mp))
		return -EROFS;
	return READ_ONCE(mp->qflags) ? 0 : -ENOSYS;
}

#define SETTABLE (QC_LIMIT_MASK | QC_TIMER_MASK | QC_WARNS_MASK)

static u32 chosen(int mask, int soft, int hard, int timer, int warns)
{
	return (mask & soft ? DX_QSET_SOFT : 0) | (mask & hard ? DX_QSET_HARD : 0) |
	       (mask & timer ? DX_QSET_TIMER : 0) | (mask & warns ? DX_QSET_WARNS : 0);
}

/* What does not fit is as good as what just does. */
static u64 limit_fsb(const struct dx_mount *mp, u64 bytes)
{
	return dx_b_to_fsb(mp, min_t(u64, bytes, U64_MAX - mp->blockmask));
}

static int set_dqblk(struct super_block *sb, struct kqid qid, struct qc_dqblk *q)
{
	struct dx_mount *mp = DX_M(sb);
	int mask = q->d_fieldmask, error = changeable(sb);
	struct dx_quota_change c = {
		.blk_set = chosen(mask, QC_SPC_SOFT, QC_SPC_HARD, QC_SPC_TIMER, QC_SPC_WARNS),
		.ino_set = chosen(mask, QC_INO_SOFT, QC_INO_HARD, QC_INO_TIMER, QC_INO_WARNS),
		.rtb_set = chosen(mask, QC_RT_SPC_SOFT, QC_RT_SPC_HARD, QC_RT_SPC_TIMER, QC_RT_SPC_WARNS),
		.blk = {
			.soft = limit_fsb(mp, q->d_spc_softlimit), .hard = limit_fsb(mp, q->d_spc_hardlimit),
			.timer = q->d_spc_timer, .warns = q->d_spc_warns,
		},
		.ino = {
			.soft = q->d_ino_softlimit, .hard = q->d_ino_hardlimit,
			.timer = q->d_ino_timer, .warns = q->d_ino_warns,
		},
		.rtb = {
			.soft = limit_fsb(mp, q->d_rt_spc_softlimit), .hard = limit_fsb(mp, q->d_rt_spc_hardlimit),
			.timer = q->d_rt_spc_timer, .warns = q->d_rt_spc_warns,
		},
	};

	if (error)
		return error;
	if (mask & ~SETTABLE)	/* usage, for one: it is what it is */
		return -EINVAL;
	return mask ? dx_quota_set(mp, (enum dx_qtype)qid.type, id_of(qid), &c) : 0;
}

/* What holds for everybody is what the record of id 0 says. */
static int set_info(struct super_block *sb, int type, struct qc_info *info)
{
	struct qc_dqblk q = {
		.d_fieldmask = info->i_fieldmask,
		.d_spc_timer = info->i_spc_timelimit, .d_ino_timer = info->i_ino_timelimit,
		.d_rt_spc_timer = info->i_rt_spc_timelimit,
		.d_spc_warns = info->i_spc_warnlimit, .d_ino_warns = info->i_ino_warnlimit,
		.d_rt_spc_warns = info->i_rt_spc_warnlimit,
	};
	int error = changeable(sb);

	if (error)
		return error;
	if (info->i_fieldmask & ~(QC_TIMER_MASK | QC_WARNS_MASK))
		return -EINVAL;
	return set_dqblk(sb, make_kqid(&init_user_ns, type, 0), &q);
}

/* @xflags: FS_QUOTA_*; others are nobody's. */
static u16 qflags_of(unsigned int xflags)
{
	u16 flags = 0;
	int i;

	for (i = 0; i < DX_QTYPES; i++) {
		if (xflags & kinds[i].xacct)
			flags |= kinds[i].acct;
		if (xflags & kinds[i].xenfd)
			flags |= kinds[i].enfd;
	}
	return flags;
}

static int quota_enable(struct super_block *sb, unsigned int xflags)
{
	int error = changeable(sb);

	return error ? error : dx_quota_on(DX_M(sb), qflags_of(xflags));
}

static int quota_disable(struct super_block *sb, unsigned int xflags)
{
	int error = changeable(sb);

	return error ? error : dx_quota_off(DX_M(sb), qflags_of(xflags));
}

/* @xkinds: FS_USER_QUOTA and the others, which have other numbers than the kinds */
static int rm_xquota(struct super_block *sb, unsigned int xkinds)
{
	int error = changeable(sb);
	unsigned int which = 0;

	/* Stock XFS removes nothing while anything is accounted, which here the core looks at kind by kind. */
	if (error != -ENOSYS)
		return error ? error : -EINVAL;
	if (!xkinds || xkinds & ~(FS_USER_QUOTA | FS_GROUP_QUOTA | FS_PROJ_QUOTA))
		return -EINVAL;
	if (xkinds & FS_USER_QUOTA)
		which |= 1 << DX_QUSER;
	if (xkinds & FS_GROUP_QUOTA)
		which |= 1 << DX_QGROUP;
	if (xkinds & FS_PROJ_QUOTA)
		which |= 1 << DX_QPROJ;
	return dx_quota_remove(DX_M(sb), which);
}

static const struct quotactl_ops quotactl_ops = {
	.get_state	= get_state,
	.get_dqblk	= get_dqblk,
	.get_nextdqblk	= get_nextdqblk,
	.set_dqblk	= set_dqblk,
	.set_info	= set_info,
	.quota_enable	= quota_enable,
	.quota_disable	= quota_disable,
	.rm_xquota	= rm_xquota,
};

/* ---- statfs ---- */

static void bound(u64 limit, u64 used, u64 *total, u64 *avail)
{
	u64 left = limit > used ? limit - used : 0;

	if (!limit || *total <= limit)
		return;
	*total = limit;
	*avail = min(*avail, left);
}

/**
 * dx_quota_bound_statfs - below a directory that hands its project down the volume is as large as its limit
 * @ip: what statfs was asked about
 * @st: filled for the volume; bounded
 */
void dx_quota_bound_statfs(struct dx_inode *ip, struct kstatfs *st)
{
	struct dx_quota_rec r;
	u64 total = st->f_files, avail = st->f_ffree;

	if (!READ_ONCE(ip->mp->qflags) || !dx_quota_statfs(ip, &r))
		return;
	bound(r.ino.soft ?: r.ino.hard, r.ino.used, &total, &avail);
	st->f_files = total;
	st->f_ffree = avail;
	total = st->f_blocks;
	avail = st->f_bfree;
	bound(r.blk.soft ?: r.blk.hard, r.blk.used, &total, &avail);
	st->f_blocks = total;
	st->f_bfree = avail;
	st->f_bavail = min_t(u64, st->f_bavail, avail);
}

/* ---- warnings, for who listens to them by netlink (quota_nld) ---- */

/* Called by the core, which may hold an ILOCK, and sleeps: it is told who ran into a limit, and the caller is the one who did. */
static void quota_warn(struct dx_mount *mp, enum dx_qtype type, u32 id, enum dx_quota_warning what)
{
	static const char nl[] = {
		[DX_QWARN_BLK_HARD]		= QUOTA_NL_BHARDWARN,
		[DX_QWARN_BLK_SOFT_LONG]	= QUOTA_NL_BSOFTLONGWARN,
		[DX_QWARN_BLK_SOFT]		= QUOTA_NL_BSOFTWARN,
		[DX_QWARN_INO_HARD]		= QUOTA_NL_IHARDWARN,
		[DX_QWARN_INO_SOFT_LONG]	= QUOTA_NL_ISOFTLONGWARN,
		[DX_QWARN_INO_SOFT]		= QUOTA_NL_ISOFTWARN,
	};

	quota_send_warning(make_kqid(&init_user_ns, (enum quota_type)type, id), ((struct super_block *)mp->vfs)->s_dev, nl[what]);
}

/* ---- memory ---- */

static unsigned long shrink_count(struct shrinker *shrink, struct shrink_control *sc)
{
	struct dx_super *ds = container_of(dx_shrinker_of(shrink), struct dx_super, quota_shrinker);

	return READ_ONCE(ds->mp.qflags) ? dx_quota_count(&ds->mp) : 0;
}

static unsigned long shrink_scan(struct shrinker *shrink, struct shrink_control *sc)
{
	struct dx_super *ds = container_of(dx_shrinker_of(shrink), struct dx_super, quota_shrinker);

	return READ_ONCE(ds->mp.qflags) ? dx_quota_scan(&ds->mp, sc->nr_to_scan) : SHRINK_STOP;
}

/**
 * dx_quotactl_init - before the volume is opened: where warnings go, and what quotactl(2) calls
 * @sb: being mounted; its workers exist
 */
void dx_quotactl_init(struct super_block *sb)
{
	BUILD_BUG_ON((int)DX_QUSER != USRQUOTA || (int)DX_QGROUP != GRPQUOTA || (int)DX_QPROJ != PRJQUOTA);
	DX_M(sb)->quota_warn = quota_warn;
	sb->s_qcop = &quotactl_ops;
	sb->s_quota_types = QTYPE_MASK_USR | QTYPE_MASK_GRP | QTYPE_MASK_PRJ;
}

/**
 * dx_quotactl_register - the volume is open: records may be asked to leave memory
 * @ds: being mounted
 *
 * Return: 0, -ENOMEM.
 */
int dx_quotactl_register(struct dx_super *ds)
{
	char name[48];

	snprintf(name, sizeof(name), "dioxfs-quota:%s", ds->sb->s_id);
	return dx_shrinker_register(&ds->quota_shrinker, name, shrink_count, shrink_scan);
}

/**
 * dx_quotactl_unregister - before the volume is closed
 * @ds: registered
 */
void dx_quotactl_unregister(struct dx_super *ds)
{
	dx_shrinker_unregister(&ds->quota_shrinker);
}
