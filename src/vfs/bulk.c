// SPDX-License-Identifier: GPL-2.0-only
/*
 * BULKSTAT and INUMBERS: what stat knows of many inodes, and which numbers are in use; by the walks of core/inode/bulk.c, which say
 * what is believed and what is locked: nothing is, while a record goes to user space.
 *
 * There are two forms.  The older three (FSBULKSTAT, FSBULKSTAT_SINGLE, FSINUMBERS) name the last inode that was told, and 32-bit
 * programs have structures of their own for them; those of version 5 begin with a header that says where to go on.  A call that
 * meets an error after it has told something ends there, and succeeds: the next one begins with the error.
 *
 * Source: ioctl_xfs_bulkstat(2), ioctl_xfs_inumbers(2), ioctl_xfs_fsbulkstat(2), ioctl_xfs_fsinumbers(2), and what the stock
 * filesystem answers (tests/vm/suite/walks.sh).
 */
#include <linux/compat.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include "dx_vfs.h"
#include "dx_walk.h"
#include "dx_ioctl.h"

#ifdef CONFIG_COMPAT
struct bstat32 { DX_BSTAT_FIELDS(struct dx_bstime32, compat_u64, compat_s64); };
struct inogrp32 { compat_u64 xi_startino; __s32 xi_alloccount; compat_u64 xi_allocmask; };
#else
struct bstat32 { DX_BSTAT_FIELDS(struct dx_bstime32, __u64, __s64); };
struct inogrp32 { __u64 xi_startino; __s32 xi_alloccount; __u64 xi_allocmask; };
#endif

union record {
	struct dx_bulkstat	v5;
	struct dx_bstat		v1;
	struct bstat32		v1_32;
	struct dx_inumbers	numbers;
	struct dx_inogrp	grp;
	struct inogrp32		grp32;
};

/* Where records go, and in which form. */
struct reply {
	struct dx_mount	*mp;
	char __user	*to;
	u32		room, done;	/* records */
	u32		size;		/* bytes of one */
	bool		large_counts;
	void		(*inode)(const struct reply *r, const struct dx_istat *st, union record *rec);
	void		(*chunk)(const struct dx_ichunk *c, union record *rec);
};

/* ---- forms ---- */

/* What is in the inode itself has no blocks to read; devices are read by pages. */
static u32 read_size(const struct reply *r, const struct dx_istat *st)
{
	return st->format == DX_DINODE_FMT_DEV ? PAGE_SIZE : r->mp->sb.blocksize;
}

static u32 rdev(const struct dx_istat *st)
{
	return st->format == DX_DINODE_FMT_DEV ? st->d.rdev : 0;
}

static u32 small_count(const struct dx_istat *st)
{
	return min_t(u64, st->extents, DX_MAX_EXTNUM);
}

static u32 cowextsize(const struct dx_istat *st)
{
	return st->d.flags2 & DX_DIFLAG2_COWEXTSIZE ? st->d.cowextsize : 0;
}

static void inode_v5(const struct reply *r, const struct dx_istat *st, union record *rec)
{
	struct dx_bulkstat *b = &rec->v5;

	b->bs_ino = st->ino;
	b->bs_size = st->d.size;
	b->bs_blocks = st->blocks;
	b->bs_xflags = dx_xflags(&st->d, st->has_attr);
	b->bs_atime = st->d.atime.tv_sec;
	b->bs_atime_nsec = st->d.atime.tv_nsec;
	b->bs_mtime = st->d.mtime.tv_sec;
	b->bs_mtime_nsec = st->d.mtime.tv_nsec;
	b->bs_ctime = st->d.ctime.tv_sec;
	b->bs_ctime_nsec = st->d.ctime.tv_nsec;
	b->bs_btime = st->d.crtime.tv_sec;
	b->bs_btime_nsec = st->d.crtime.tv_nsec;
	b->bs_gen = st->d.gen;
	b->bs_uid = st->d.uid;
	b->bs_gid = st->d.gid;
	b->bs_projectid = st->d.projid;
	b->bs_blksize = read_size(r, st);
	b->bs_rdev = rdev(st);
	b->bs_extsize_blks = st->d.extsize;
	b->bs_cowextsize_blks = cowextsize(st);
	b->bs_nlink = st->d.nlink;
	if (r->large_counts)
		b->bs_extents64 = st->extents;
	else
		b->bs_extents = small_count(st);
	b->bs_aextents = st->attr_extents;
	b->bs_version = DX_BULK_VERSION;
	b->bs_forkoff = st->d.forkoff << 3;
	b->bs_mode = st->d.mode;
}

/* The same fields in structures of several layouts. */
#define FILL_V1(r, st, b) do {						\
	(b)->bs_ino = (st)->ino;					\
	(b)->bs_mode = (st)->d.mode;					\
	(b)->bs_nlink = (st)->d.nlink;					\
	(b)->bs_uid = (st)->d.uid;					\
	(b)->bs_gid = (st)->d.gid;					\
	(b)->bs_rdev = rdev(st);					\
	(b)->bs_blksize = read_size(r, st);				\
	(b)->bs_size = (st)->d.size;					\
	(b)->bs_atime.tv_sec = (st)->d.atime.tv_sec;			\
	(b)->bs_atime.tv_nsec = (st)->d.atime.tv_nsec;			\
	(b)->bs_mtime.tv_sec = (st)->d.mtime.tv_sec;			\
	(b)->bs_mtime.tv_nsec = (st)->d.mtime.tv_nsec;			\
	(b)->bs_ctime.tv_sec = (st)->d.ctime.tv_sec;			\
	(b)->bs_ctime.tv_nsec = (st)->d.ctime.tv_nsec;			\
	(b)->bs_blocks = (st)->blocks;					\
	(b)->bs_xflags = dx_xflags(&(st)->d, (st)->has_attr);		\
	(b)->bs_extsize = dx_fsb_to_b((r)->mp, (st)->d.extsize);	\
	(b)->bs_extents = small_count(st);				\
	(b)->bs_gen = (st)->d.gen;					\
	(b)->bs_projid_lo = (u16)(st)->d.projid;			\
	(b)->bs_projid_hi = (st)->d.projid >> 16;			\
	(b)->bs_forkoff = (st)->d.forkoff << 3;				\
	(b)->bs_cowextsize = dx_fsb_to_b((r)->mp, cowextsize(st));	\
	(b)->bs_aextents = (st)->attr_extents;				\
} while (0)

static void inode_v1(const struct reply *r, const struct dx_istat *st, union record *rec) { FILL_V1(r, st, &rec->v1); }
static void inode_v1_32(const struct reply *r, const struct dx_istat *st, union record *rec) { FILL_V1(r, st, &rec->v1_32); }

static void chunk_v5(const struct dx_ichunk *c, union record *rec)
{
	rec->numbers.xi_startino = c->first;
	rec->numbers.xi_allocmask = c->used;
	rec->numbers.xi_alloccount = hweight64(c->used);
	rec->numbers.xi_version = DX_BULK_VERSION;
}

#define FILL_GRP(c, g) do {				\
	(g)->xi_startino = (c)->first;			\
	(g)->xi_alloccount = hweight64((c)->used);	\
	(g)->xi_allocmask = (c)->used;			\
} while (0)

static void chunk_v1(const struct dx_ichunk *c, union record *rec) { FILL_GRP(c, &rec->grp); }
static void chunk_v1_32(const struct dx_ichunk *c, union record *rec) { FILL_GRP(c, &rec->grp32); }

/* ---- the walks ---- */

static int put(struct reply *r, const union record *rec)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	if (copy_to_user(r->to, rec, r->size))
		return -EFAULT;
	r->to += r->size;
	return ++r->done == r->room;
}

static int put_inode(void *ctx, const struct dx_istat *st)
{
	struct reply *r = ctx;
	union record rec;

	memset(&rec, 0, sizeof(rec));
	r->inode(r, st, &rec);
	return put(r, &rec);
}

static int put_chunk(void *ctx, const struct dx_ichunk *c)
{
	struct reply *r = ctx;
	union record rec;

	memset(&rec, 0, sizeof(rec));
	r->chunk(c, &rec);
	return put(r, &rec);
}

/* From @b->next on as many as there is room for. */
static int answer(struct reply *r, struct dx_bulk *b)
{
	int ret;

	b->mp = r->mp;
	b->most = r->room;
	ret = r->inode ? dx_bulk_inodes(b, put_inode, r) : dx_bulk_chunks(b, put_chunk, r);
	return ret < 0 && !r->done ? ret : 0;
}

/* Of one inode, if there is such. */
static int answer_one(struct reply *r, u64 ino)
{
	struct dx_istat st;
	int ret = dx_istat(r->mp, ino, &st);

	if (!ret)
		ret = put_inode(r, &st);
	return min(ret, 0);
}

/* Only for the administrator of the volume, and where ids are those on disk. */
static int may_walk(struct file *file)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (dx_is_shutdown(DX_M(file_inode(file)->i_sb)))
		return -EIO;
	return 0;
}

static int check_ids(struct file *file)
{
	if (!dx_file_is_idmapped(file))
		return 0;
	dx_err_ratelimited(DX_M(file_inode(file)->i_sb),
			   "bulkstat through an id-mapped mount would tell ids that mean others there: ask through one that is not");
	return -EINVAL;
}

/* ---- the older form ---- */

struct oldreq { u64 __user *lastip; s32 icount; char __user *ubuffer; s32 __user *ocount; };

static const struct oldform {
	unsigned int	cmd;
	u32		size, size32;
	void		(*inode)(const struct reply *r, const struct dx_istat *st, union record *rec);
	void		(*inode32)(const struct reply *r, const struct dx_istat *st, union record *rec);
	void		(*chunk)(const struct dx_ichunk *c, union record *rec);
	void		(*chunk32)(const struct dx_ichunk *c, union record *rec);
} oldforms[] = {
	{ DX_IOC_FSBULKSTAT, sizeof(struct dx_bstat), sizeof(struct bstat32), .inode = inode_v1, .inode32 = inode_v1_32 },
	{ DX_IOC_FSBULKSTAT_SINGLE, sizeof(struct dx_bstat), sizeof(struct bstat32), .inode = inode_v1, .inode32 = inode_v1_32 },
	{ DX_IOC_FSINUMBERS, sizeof(struct dx_inogrp), sizeof(struct inogrp32), .chunk = chunk_v1, .chunk32 = chunk_v1_32 },
};

static long old_form(struct file *file, unsigned int nr, const struct oldreq *req, bool narrow)
{
	struct reply r = { .mp = DX_M(file_inode(file)->i_sb), .to = req->ubuffer, .room = req->icount };
	const struct oldform *f = oldforms;
	struct dx_bulk b = { };
	u64 last;
	int error;

	while (_IOC_NR(f->cmd) != nr)
		f++;
	if (copy_from_user(&last, req->lastip, sizeof(last)))
		return -EFAULT;
	if (req->icount <= 0 || !req->ubuffer)
		return -EINVAL;
	r.size = narrow ? f->size32 : f->size;
	r.inode = narrow ? f->inode32 : f->inode;
	r.chunk = narrow ? f->chunk32 : f->chunk;
	error = r.inode ? check_ids(file) : 0;
	if (error)
		return error;
	if (f->cmd == DX_IOC_FSBULKSTAT_SINGLE) {
		error = answer_one(&r, last);
		if (error)
			return error;
		/* the stock filesystem moves it on for 32-bit programs, and for no others */
		last += narrow;
	} else {
		b.next = last ? last + 1 : 0;
		error = answer(&r, &b);
		if (error)
			return error;
		last = b.next - 1;
	}
	if (req->lastip && copy_to_user(req->lastip, &last, sizeof(last)))
		return -EFAULT;
	if (req->ocount && copy_to_user(req->ocount, &r.done, sizeof(r.done)))
		return -EFAULT;
	return 0;
}

static long ioc_old(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_bulkreq u;
	int error = may_walk(file);

	if (error)
		return error;
	if (copy_from_user(&u, arg, sizeof(u)))
		return -EFAULT;
	return old_form(file, _IOC_NR(cmd), &(struct oldreq) {
		.lastip = (u64 __user *)u.lastip, .icount = u.icount, .ubuffer = (char __user *)u.ubuffer,
		.ocount = (s32 __user *)u.ocount,
	}, false);
}

#ifdef CONFIG_COMPAT
/**
 * dx_ioc_bulk32 - FSBULKSTAT, FSBULKSTAT_SINGLE, FSINUMBERS of a 32-bit program
 * @file: on the volume
 * @cmd: DX_IOC_*32
 * @arg: struct dx_bulkreq32
 *
 * Return: as dx_ioc_bulk().
 */
long dx_ioc_bulk32(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_bulkreq32 u;
	int error = may_walk(file);

	if (error)
		return error;
	if (copy_from_user(&u, arg, sizeof(u)))
		return -EFAULT;
	/* the pointers of x32 are short, its records are not */
	return old_form(file, _IOC_NR(cmd), &(struct oldreq) {
		.lastip = compat_ptr(u.lastip), .icount = u.icount, .ubuffer = compat_ptr(u.ubuffer),
		.ocount = compat_ptr(u.ocount),
	}, !dx_in_x32());
}
#endif

/* ---- version 5 ---- */

/* Where to begin.  1: there is nothing there. */
static int begin(struct dx_mount *mp, struct dx_bulk_ireq *h, struct dx_bulk *b)
{
	u64 agno;

	if (!h->icount || (h->flags & ~DX_BULK_IREQ_FLAGS) || memchr_inv(h->reserved, 0, sizeof(h->reserved)))
		return -EINVAL;
	b->next = h->ino;
	if (h->flags & DX_BULK_IREQ_SPECIAL) {
		if (h->flags & DX_BULK_IREQ_AGNO || h->ino != DX_BULK_IREQ_SPECIAL_ROOT)
			return -EINVAL;
		b->next = mp->sb.rootino;
	}
	agno = b->next >> mp->agino_log;
	if (h->flags & DX_BULK_IREQ_AGNO) {
		if (h->agno >= dx_agcount(mp))
			return -EINVAL;
		if (!b->next)
			b->next = dx_agino_to_ino(mp, h->agno, 0);
		else if (agno < h->agno)
			return -EINVAL;
		else if (agno > h->agno)
			return 1;
		b->flags = DX_WALK_ONE_AG;
	} else if (h->agno) {
		return -EINVAL;
	}
	return agno >= dx_agcount(mp);
}

static long ioc_v5(struct file *file, unsigned int cmd, void __user *arg)
{
	struct reply r = { .mp = DX_M(file_inode(file)->i_sb), .to = (char __user *)arg + sizeof(struct dx_bulk_ireq) };
	struct dx_bulk_ireq h;
	struct dx_bulk b = { };
	int error = may_walk(file);

	if (error)
		return error;
	if (copy_from_user(&h, arg, sizeof(h)))
		return -EFAULT;
	if (cmd == DX_IOC_BULKSTAT) {
		r.inode = inode_v5;
		r.size = sizeof(struct dx_bulkstat);
	} else {
		r.chunk = chunk_v5;
		r.size = sizeof(struct dx_inumbers);
	}
	error = begin(r.mp, &h, &b);
	if (error < 0)
		return error;
	r.room = h.flags & DX_BULK_IREQ_SPECIAL ? 1 : h.icount;
	r.large_counts = h.flags & DX_BULK_IREQ_NREXT64;
	if (!error && r.inode)
		error = check_ids(file);
	if (error < 0)
		return error;
	if (!error && r.inode && (h.flags & DX_BULK_IREQ_SPECIAL)) {
		error = answer_one(&r, b.next);
		if (error)
			return error;
		b.next++;
	} else if (!error) {
		error = answer(&r, &b);
		if (error)
			return error;
	}
	h.ino = b.next;
	h.ocount = r.done;
	return copy_to_user(arg, &h, sizeof(h)) ? -EFAULT : 0;
}

/**
 * dx_ioc_bulk - XFS_IOC_BULKSTAT, XFS_IOC_INUMBERS, XFS_IOC_FSBULKSTAT, XFS_IOC_FSBULKSTAT_SINGLE, XFS_IOC_FSINUMBERS
 * @file: on the volume
 * @cmd: which
 * @arg: struct dx_bulk_ireq with room for records behind it; struct dx_bulkreq
 *
 * Return: 0, also with no record at all: there are no more; -EPERM without CAP_SYS_ADMIN; -EINVAL; -EFAULT; -EINTR for one who is
 * being killed; of the first inode, and of FSBULKSTAT_SINGLE: -EFSCORRUPTED, -EIO, -ENOMEM, and of the latter also -ENOENT for a
 * free one.
 */
long dx_ioc_bulk(struct file *file, unsigned int cmd, void __user *arg)
{
	return cmd == DX_IOC_BULKSTAT || cmd == DX_IOC_INUMBERS ? ioc_v5(file, cmd, arg) : ioc_old(file, cmd, arg);
}
