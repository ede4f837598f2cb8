// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctls: the legacy space operations, and what xfs_io, xfs_info and
 * xfs_bmap ask.  A table of commands; each row says whether it needs the file
 * opened for writing.  FS_IOC_GETFLAGS/FSGETXATTR and their setters come
 * through fileattr, FIFREEZE and on kernels from 5.6 the RESVSP family
 * through the VFS.
 */
#include <linux/blkdev.h>
#include <linux/compat.h>
#include <linux/fsmap.h>
#include <linux/mount.h>
#include <linux/uaccess.h>
#include "dx_vfs.h"
#include "dx_ioctl.h"
#include "dx_log.h"
#include "dx_alloc.h"

/* ---- space ---- */

static const struct { unsigned int cmd; enum dx_space_op op; } space_cmds[] = {
	{ DX_IOC_ALLOCSP,	DX_SP_RESIZE },
	{ DX_IOC_ALLOCSP64,	DX_SP_RESIZE },
	{ DX_IOC_FREESP,	DX_SP_RESIZE },
	{ DX_IOC_FREESP64,	DX_SP_RESIZE },
	{ DX_IOC_RESVSP,	DX_SP_ALLOC },
	{ DX_IOC_RESVSP64,	DX_SP_ALLOC },
	{ DX_IOC_UNRESVSP,	DX_SP_FREE },
	{ DX_IOC_UNRESVSP64,	DX_SP_FREE },
	{ DX_IOC_ZERO_RANGE,	DX_SP_ZERO },
};

static int run_space(struct file *file, enum dx_space_op op, const struct dx_flock64 *fl)
{
	int error = mnt_want_write_file(file);

	if (error)
		return error;
	error = dx_space_ioctl(file, op, fl->l_whence, fl->l_start, fl->l_len);
	mnt_drop_write_file(file);
	return error;
}

static long ioc_space(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_flock64 fl;
	int i;

	if (!S_ISREG(file_inode(file)->i_mode))
		return -ENOTTY;
	if (copy_from_user(&fl, arg, sizeof(fl)))
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(space_cmds); i++)
		if (space_cmds[i].cmd == cmd)
			return run_space(file, space_cmds[i].op, &fl);
	return -ENOTTY;
}

/* ---- geometry and counters ---- */

static void fill_geom(struct dx_mount *mp, struct dx_geom *g)
{
	const struct dx_sb *sb = &mp->sb;
	static const struct { u32 ro, incompat, flag; } feats[] = {
		{ DX_SB_FEAT_RO_COMPAT_FINOBT, 0, 1 << 17 },
		{ DX_SB_FEAT_RO_COMPAT_RMAPBT, 0, 1 << 19 },
		{ DX_SB_FEAT_RO_COMPAT_REFLINK, 0, 1 << 20 },
		{ DX_SB_FEAT_RO_COMPAT_INOBTCNT, 0, 1 << 22 },
		{ 0, DX_SB_FEAT_INCOMPAT_FTYPE, 1 << 16 },
		{ 0, DX_SB_FEAT_INCOMPAT_SPINODES, 1 << 18 },
		{ 0, DX_SB_FEAT_INCOMPAT_BIGTIME, 1 << 21 },
		{ 0, DX_SB_FEAT_INCOMPAT_NREXT64, 1 << 23 },
		{ 0, DX_SB_FEAT_INCOMPAT_PARENT, 1 << 25 },
		{ 0, DX_SB_FEAT_INCOMPAT_EXCHRANGE, 1 << 24 },
	};
	int i;

	memset(g, 0, sizeof(*g));
	/* a growing volume: all before, or all after */
	mutex_lock(&mp->sb_mutex);
	g->agcount = sb->agcount;
	g->imaxpct = sb->imax_pct;
	g->datablocks = sb->dblocks;
	mutex_unlock(&mp->sb_mutex);
	g->blocksize = sb->blocksize;
	g->rtextsize = sb->rextsize;
	g->agblocks = sb->agblocks;
	g->logblocks = sb->logblocks;
	g->sectsize = sb->sectsize;
	g->inodesize = sb->inodesize;
	g->rtblocks = sb->rblocks;
	g->rtextents = sb->rextents;
	g->logstart = sb->logstart;
	memcpy(g->uuid, &sb->uuid, sizeof(g->uuid));
	g->sunit = sb->unit;
	g->swidth = sb->width;
	/* nlink, extent flag, dir v2, log v2, attr2, projid32, lazy counters, v5 */
	g->flags = 1 << 1 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15;
	if (sb->versionnum & DX_SB_VERSION_ATTRBIT)
		g->flags |= 1 << 0;
	if (sb->versionnum & DX_SB_VERSION_ALIGNBIT)
		g->flags |= 1 << 3;
	if (sb->versionnum & DX_SB_VERSION_DALIGNBIT)
		g->flags |= 1 << 4;
	if (sb->versionnum & DX_SB_VERSION_SECTORBIT)
		g->flags |= 1 << 9;
	for (i = 0; i < ARRAY_SIZE(feats); i++)
		if ((sb->features_ro_compat & feats[i].ro) || (sb->features_incompat & feats[i].incompat))
			g->flags |= feats[i].flag;
	g->logsectsize = sb->versionnum & DX_SB_VERSION_SECTORBIT ? sb->logsectsize : DX_BBSIZE;
	g->rtsectsize = sb->blocksize;
	g->dirblocksize = mp->dirblksize;
	g->logsunit = sb->logsunit;
}

static long ioc_geom(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_geom g;

	fill_geom(DX_M(file_inode(file)->i_sb), &g);
	g.version = cmd == DX_IOC_FSGEOMETRY ? 5 : 0;
	/* The first form ends before the log's stripe unit and does not tell about log v2. */
	if (_IOC_NR(cmd) == _IOC_NR(DX_IOC_FSGEOMETRY_V1))
		g.flags &= ~(1 << 8);
	return copy_to_user(arg, &g, _IOC_SIZE(cmd)) ? -EFAULT : 0;
}

static long ioc_counts(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_mount *mp = DX_M(file_inode(file)->i_sb);
	struct dx_counts c = { };
	struct dx_statfs s;

	dx_mount_statfs(mp, &s);
	c.freedata = s.bfree;
	c.freeino = percpu_counter_sum_positive(&mp->ifree);
	c.allocino = percpu_counter_sum_positive(&mp->icount);
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}

static long tell_resblks(struct dx_mount *mp, void __user *arg)
{
	struct dx_resblks now = { };

	spin_lock(&mp->resv_lock);
	now.resblks = mp->resblks;
	now.resblks_avail = mp->resblks_avail;
	spin_unlock(&mp->resv_lock);
	return copy_to_user(arg, &now, sizeof(now)) ? -EFAULT : 0;
}

static long ioc_get_resblks(struct file *file, unsigned int cmd, void __user *arg)
{
	return capable(CAP_SYS_ADMIN) ? tell_resblks(DX_M(file_inode(file)->i_sb), arg) : -EPERM;
}

/* The caller learns what has become of it: there may be less to set aside than was asked for. */
static long ioc_set_resblks(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_mount *mp = DX_M(file_inode(file)->i_sb);
	struct dx_resblks want;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&want, arg, sizeof(want)))
		return -EFAULT;
	error = mnt_want_write_file(file);
	if (error)
		return error;
	error = dx_reserve_set(mp, want.resblks);
	mnt_drop_write_file(file);
	return error ?: tell_resblks(mp, arg);
}

static long ioc_ag_geometry(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_mount *mp = DX_M(file_inode(file)->i_sb);
	struct dx_ag_geometry g;
	struct dx_perag *pag;
	struct dx_buf *agi, *agf;
	int error;

	if (copy_from_user(&g, arg, sizeof(g)))
		return -EFAULT;
	if (g.ag_flags || memchr_inv(g.ag_reserved, 0, sizeof(g.ag_reserved)))
		return -EINVAL;
	if (g.ag_number >= dx_agcount(mp))
		return -EINVAL;
	pag = dx_perag(mp, g.ag_number);
	error = dx_agi_read(mp, NULL, g.ag_number, &agi);
	if (error)
		return error;
	error = dx_agf_read(mp, NULL, g.ag_number, 0, &agf);
	if (!error) {
		g.ag_length = pag->length;
		g.ag_icount = pag->count;
		g.ag_ifree = pag->freecount;
		/* less what is set aside for the trees of the AG: nobody else gets that */
		g.ag_freeblks = pag->freeblks + pag->flcount + pag->btreeblks - dx_agresv_held(pag, DX_AGRESV_NONE);
		g.ag_sick = g.ag_checked = 0;
		dx_buf_leave(agf);
	}
	dx_buf_leave(agi);
	if (error)
		return error;
	return copy_to_user(arg, &g, sizeof(g)) ? -EFAULT : 0;
}

/* ---- one file ---- */

static long ioc_dioinfo(struct file *file, unsigned int cmd, void __user *arg)
{
	struct inode *inode = file_inode(file);
	u32 lbs = bdev_logical_block_size(inode->i_sb->s_bdev);
	struct dx_dioattr d = { .d_mem = lbs, .d_miniosz = lbs, .d_maxiosz = INT_MAX & ~(lbs - 1) };

	return copy_to_user(arg, &d, sizeof(d)) ? -EFAULT : 0;
}

static long ioc_getversion(struct file *file, unsigned int cmd, void __user *arg)
{
	return put_user(file_inode(file)->i_generation, (int __user *)arg);
}

/*
 * Extents from bmv_offset on, one entry each, holes included unless told
 * not to.  Without DELALLOC the dirty pages are written first, so that what
 * is reported is on disk.
 */
static int getbmap(struct inode *inode, struct dx_getbmapx *h, struct dx_getbmapx *out)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;
	int fork = h->bmv_iflags & DX_BMV_IF_ATTRFORK ? DX_ATTR_FORK : h->bmv_iflags & DX_BMV_IF_COWFORK ? DX_COW_FORK :
		DX_DATA_FORK;
	u32 which = fork == DX_ATTR_FORK ? DX_BMAPI_ATTRFORK : fork == DX_COW_FORK ? DX_BMAPI_COWFORK : 0;
	u64 limit, bno, end, stop;
	struct dx_irec rec;
	int error = 0, mode, n, room = h->bmv_count - 1, got = 0;
	bool none;

	h->bmv_entries = 0;
	dx_ilock(ip, DX_ILOCK_SHARED);
	none = !dx_ifork(ip, fork) || dx_ifork(ip, fork)->format == DX_DINODE_FMT_LOCAL;
	dx_iunlock(ip, DX_ILOCK_SHARED);
	if (none)
		return 0;	/* no extents, and bmv_length stays as it is */
	if (fork == DX_ATTR_FORK) {
		limit = 1ULL << 32;
	} else if (fork == DX_COW_FORK) {
		limit = ip->d.flags2 & DX_DIFLAG2_COWEXTSIZE ? mp->s_maxbytes : i_size_read(inode);
	} else if (ip->d.flags & (DX_DIFLAG_PREALLOC | DX_DIFLAG_APPEND) || dx_get_extsz_hint(ip) ||
		   (h->bmv_iflags & DX_BMV_IF_PREALLOC)) {
		limit = mp->s_maxbytes;
	} else {
		limit = i_size_read(inode);
	}
	limit = dx_fsb_to_bb(mp, dx_b_to_fsb(mp, limit));
	if (h->bmv_length == -1)
		h->bmv_length = max_t(s64, 0, (s64)limit - h->bmv_offset);
	if (h->bmv_length == 0)
		return 0;
	if (h->bmv_length < 0 || h->bmv_offset < 0)
		return -EINVAL;

	stop = (u64)h->bmv_offset + h->bmv_length;

	inode_lock_shared(inode);
	if (fork == DX_DATA_FORK && !(h->bmv_iflags & DX_BMV_IF_DELALLOC) &&
	    (ip->delayed_blks || dx_cow_blocks(ip) || i_size_read(inode) > dx_disk_size(ip))) {
		error = filemap_write_and_wait(inode->i_mapping);
		if (error)
			goto out_iolock;
	}
	mode = fork == DX_ATTR_FORK ? dx_ilock_attr_map_shared(ip) : dx_ilock_data_map_shared(ip);
	if (!dx_ifork(ip, fork) || dx_ifork(ip, fork)->format == DX_DINODE_FMT_LOCAL)
		goto out;

	bno = dx_bb_to_fsbt(mp, h->bmv_offset);
	end = dx_bb_to_fsb(mp, min_t(u64, (u64)h->bmv_offset + h->bmv_length, limit));
	while (bno < end && got < room) {
		struct dx_getbmapx *p = &out[got];

		n = 1;
		error = dx_bmap_query(ip, bno, end - bno, &rec, &n, which);
		if (error || !n)
			break;
		bno = rec.startoff + rec.blockcount;
		if (dx_irec_is_hole(&rec)) {
			/* The emptiness behind the last extent ends at the end of the file. */
			u64 eof = dx_b_to_fsb(mp, i_size_read(inode));

			if (bno >= end && fork != DX_ATTR_FORK && bno > eof) {
				if (rec.startoff >= eof)
					break;
				rec.blockcount = eof - rec.startoff;
			} else if (bno >= end && fork == DX_ATTR_FORK) {
				break;
			}
			if (h->bmv_iflags & DX_BMV_IF_NO_HOLES)
				continue;
		}
		memset(p, 0, sizeof(*p));
		p->bmv_offset = dx_fsb_to_bb(mp, rec.startoff);
		p->bmv_length = dx_fsb_to_bb(mp, rec.blockcount);
		if (dx_irec_is_hole(&rec)) {
			p->bmv_block = -1;
		} else if (dx_irec_is_delay(&rec)) {
			p->bmv_block = -2;
			p->bmv_oflags |= DX_BMV_OF_DELALLOC;
		} else {
			p->bmv_block = dx_fsb_to_daddr(mp, rec.startblock);
			/* told only to those who ask, as old callers took it for an unknown flag */
			if (rec.state == DX_EXT_UNWRITTEN && (h->bmv_iflags & DX_BMV_IF_PREALLOC))
				p->bmv_oflags |= DX_BMV_OF_PREALLOC;
		}
		got++;
		h->bmv_offset = p->bmv_offset + p->bmv_length;
		h->bmv_length = stop > h->bmv_offset ? stop - h->bmv_offset : 0;
	}
	/* The last extent is marked, not the hole that may come behind it. */
	if (!error && got && bno >= end) {
		u64 last = dx_bb_to_fsb(mp, limit);
		int i = got - 1;

		n = 1;
		rec.startblock = DX_HOLESTARTBLOCK;
		if (end < last)
			error = dx_bmap_query(ip, end, last - end, &rec, &n, which);
		if (!error && dx_irec_is_hole(&rec) && (end >= last || rec.startoff + rec.blockcount >= last)) {
			while (i > 0 && out[i].bmv_block == -1)
				i--;
			if (out[i].bmv_block != -1)
				out[i].bmv_oflags |= DX_BMV_OF_LAST;
		}
	}
out:
	dx_iunlock(ip, mode);
out_iolock:
	inode_unlock_shared(inode);
	h->bmv_entries = got;
	return error;
}

static long ioc_getbmap(struct file *file, unsigned int cmd, void __user *arg)
{
	size_t recsize = cmd == DX_IOC_GETBMAPX ? sizeof(struct dx_getbmapx) : sizeof(struct dx_getbmap);
	struct dx_getbmapx h = { }, *out;
	int error, i;

	if (copy_from_user(&h, arg, recsize))
		return -EFAULT;
	if (cmd == DX_IOC_GETBMAPA)
		h.bmv_iflags = DX_BMV_IF_ATTRFORK;
	else if (cmd == DX_IOC_GETBMAP)
		h.bmv_iflags = 0;
	if (h.bmv_iflags & ~DX_BMV_IF_VALID)
		return -EINVAL;
	if (h.bmv_count < 2 || (h.bmv_iflags & DX_BMV_IF_ATTRFORK && h.bmv_iflags & DX_BMV_IF_COWFORK))
		return -EINVAL;
	if (h.bmv_count >= INT_MAX / sizeof(*out))	/* more the kernel warns of */
		return -ENOMEM;
	out = kvcalloc(h.bmv_count, sizeof(*out), GFP_KERNEL);
	if (!out)
		return -ENOMEM;
	error = getbmap(file_inode(file), &h, out);
	if (!error && copy_to_user(arg, &h, recsize))
		error = -EFAULT;
	for (i = 0; !error && i < h.bmv_entries; i++)
		if (copy_to_user(arg + (i + 1) * recsize, &out[i], recsize))
			error = -EFAULT;
	kvfree(out);
	return error;
}

/* ---- inode flags ---- */

#define DIR_ONLY_FLAGS	(DX_DIFLAG_RTINHERIT | DX_DIFLAG_PROJINHERIT | DX_DIFLAG_NOSYMLINKS | DX_DIFLAG_EXTSZINHERIT)

static void fill_fsxattr(struct dx_inode *ip, int fork, struct dx_fileattr *fa)
{
	struct dx_mount *mp = ip->mp;
	struct dx_fork *f;

	dx_ilock(ip, DX_ILOCK_SHARED);
	fileattr_fill_xflags(fa, dx_xflags(&ip->d, ip->af));
	fa->fsx_extsize = dx_fsb_to_b(mp, ip->d.extsize);
	if (ip->d.flags2 & DX_DIFLAG2_COWEXTSIZE)
		fa->fsx_cowextsize = dx_fsb_to_b(mp, ip->d.cowextsize);
	fa->fsx_projid = ip->d.projid;
	f = dx_ifork(ip, fork);
	/* 32 bits: what does not fit is said as well as it can be */
	if (f)
		fa->fsx_nextents = min_t(u64, f->extents_read ? dx_iext_count(&f->ext) : f->nextents, U32_MAX);
	dx_iunlock(ip, DX_ILOCK_SHARED);
}

/** dx_fileattr_get - inode_operations: FS_IOC_GETFLAGS and FSGETXATTR, file_getattr(2) */
int dx_fileattr_get(struct dentry *dentry, struct dx_fileattr *fa)
{
	fill_fsxattr(DX_I(d_inode(dentry)), DX_DATA_FORK, fa);
	return 0;
}

static long ioc_getxattra(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_fileattr fa = { };

	fill_fsxattr(DX_I(file_inode(file)), DX_ATTR_FORK, &fa);
	return copy_fsxattr_to_user(&fa, arg);
}

static int check_fsxattr(struct dx_inode *ip, const struct dx_fileattr *fa)
{
	struct dx_mount *mp = ip->mp;
	u32 size_fsb = dx_b_to_fsb(mp, fa->fsx_extsize);

	if ((fa->fsx_xflags & FS_XFLAG_DAX) && dx_inode_shares(ip) && !(ip->d.flags2 & DX_DIFLAG2_DAX))
		return -EINVAL;
	if (!fa->fsx_valid)
		return 0;
	/* Stock takes an inode with another one for damaged. */
	if (dx_b_fsb_offset(mp, fa->fsx_cowextsize) ||
	    ((fa->fsx_xflags & FS_XFLAG_COWEXTSIZE) && !dx_cowextsize_ok(mp, dx_b_to_fsb(mp, fa->fsx_cowextsize))))
		return -EINVAL;
	/* A hint is for files that have no blocks yet, nor will get some without it: as stock from Linux 6.12 on. */
	if (S_ISREG(ip->d.mode) && (ip->df.nextents || ip->delayed_blks) && ip->d.extsize != size_fsb)
		return -EINVAL;
	if (!fa->fsx_extsize)
		return 0;
	if (DX_EXTSIZE_NEEDS_FLAG &&
	    !(fa->fsx_xflags & (S_ISDIR(ip->d.mode) ? FS_XFLAG_EXTSZINHERIT : FS_XFLAG_EXTSIZE)))
		return -EINVAL;
	if (dx_b_fsb_offset(mp, fa->fsx_extsize) || size_fsb > DX_BMBT_MAX_BLOCKCOUNT ||
	    size_fsb > mp->sb.agblocks / 2)
		return -EINVAL;
	return 0;
}

/* In one transaction.  i_rwsem held exclusive. */
static int set_fileattr(dx_idmap_t idmap, struct inode *inode, const struct dx_fileattr *fa)
{
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;
	struct dx_payer to;
	struct dx_trans *tp;
	u16 flags;
	int error;

	/* Another project pays from then on; who may give files away may do so beyond its limit. */
	error = dx_payer_get(mp, &to, fa->fsx_valid ? DX_PAYER_PROJ : 0, ip->d.uid, ip->d.gid, fa->fsx_projid);
	if (error)
		return error;
	error = dx_quota_attach(ip);
	if (!error)
		error = dx_trans_alloc(mp, DX_RESV_ICHANGE, 0, dx_is_wsync(mp) ? DX_TRANS_SYNC : 0, &tp);
	if (error) {
		dx_payer_put(&to);
		return error;
	}
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	error = check_fsxattr(ip, fa);
	if (!error)
		error = dx_quota_chown(ip, &to, ns_capable_noaudit(&init_user_ns, CAP_FOWNER));
	if (error)
		goto out_cancel;

	/* PREALLOC is ours: it tells that space past the end is wanted. */
	flags = ip->d.flags & (DX_DIFLAG_PREALLOC | DX_DIFLAG_NEWRTBM);
	flags |= dx_xflags_to_diflags(fa->fsx_xflags) & ~DX_DIFLAG_PREALLOC;
	if (!S_ISDIR(inode->i_mode))
		flags &= ~DIR_ONLY_FLAGS;
	if (!S_ISREG(inode->i_mode))
		flags &= ~DX_DIFLAG_EXTSIZE;

	/* Changing what the file is charged to takes the setuid bits, as chown does. */
	if ((inode->i_mode & (S_ISUID | S_ISGID)) && !dx_capable_wrt_inode(idmap, inode, CAP_FSETID))
		ip->d.mode &= ~(S_ISUID | S_ISGID);
	ip->d.flags = flags;
	if (fa->fsx_valid) {
		ip->d.projid = fa->fsx_projid;
		ip->d.extsize = flags & (DX_DIFLAG_EXTSIZE | DX_DIFLAG_EXTSZINHERIT) ?
				dx_b_to_fsb(mp, fa->fsx_extsize) : 0;
		if (dx_has_reflink(mp)) {
			if (fa->fsx_xflags & FS_XFLAG_COWEXTSIZE) {
				ip->d.flags2 |= DX_DIFLAG2_COWEXTSIZE;
				ip->d.cowextsize = dx_b_to_fsb(mp, fa->fsx_cowextsize);
			} else {
				ip->d.flags2 &= ~DX_DIFLAG2_COWEXTSIZE;
				ip->d.cowextsize = 0;
			}
		}
	}
	if (fa->fsx_xflags & FS_XFLAG_DAX)
		ip->d.flags2 |= DX_DIFLAG2_DAX;
	else
		ip->d.flags2 &= ~DX_DIFLAG2_DAX;
	dx_trans_set_time(tp, ip, DX_ICHGTIME_CHG);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	error = dx_trans_commit(tp);
	dx_payer_put(&to);
	dx_vnode_set_iflags(inode);
	dx_vnode_sync(inode);
	return error;

out_cancel:
	dx_trans_cancel(tp);
	dx_payer_put(&to);
	return error;
}

/** dx_fileattr_set - inode_operations: FS_IOC_SETFLAGS and FSSETXATTR, file_setattr(2); i_rwsem held by the VFS */
int dx_fileattr_set(dx_idmap_t idmap, struct dentry *dentry, struct dx_fileattr *fa)
{
	struct inode *inode = d_inode(dentry);
	struct dx_inode *ip = DX_I(inode);
	struct dx_mount *mp = ip->mp;
	struct dx_nospace ns = { };
	int error;

	if (dx_is_shutdown(mp))
		return -EIO;
	if (!fa->fsx_valid && (fa->flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NOATIME_FL | FS_NODUMP_FL |
					     FS_SYNC_FL | FS_DAX_FL | FS_PROJINHERIT_FL)))
		return -EOPNOTSUPP;
	if (fa->fsx_xflags & FS_XFLAG_REALTIME)
		return -EINVAL;		/* no realtime device */
	if (fa->fsx_valid && (fa->fsx_xflags & FS_XFLAG_COWEXTSIZE) && !dx_has_reflink(mp))
		return -EINVAL;
	do
		error = set_fileattr(idmap, inode, fa);
	while (dx_nospace_again(inode->i_sb, error, &ns));
	return error;
}

/* ---- the whole filesystem ---- */

static long ioc_goingdown(struct file *file, unsigned int cmd, void __user *arg)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct dx_mount *mp = DX_M(sb);
	u32 how;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(how, (u32 __user *)arg))
		return -EFAULT;
	switch (how) {
	case DX_GOING_DEFAULT:
		error = dx_freeze_bdev(sb);
		if (error)
			return error;
		dx_force_shutdown(mp, DX_SHUT_FORCE_UMOUNT, __func__);
		dx_thaw_bdev(sb);
		return 0;
	case DX_GOING_LOGFLUSH:
		dx_log_force(mp, true);
		fallthrough;
	case DX_GOING_NOLOGFLUSH:
		dx_force_shutdown(mp, DX_SHUT_FORCE_UMOUNT, __func__);
		return 0;
	}
	return -EINVAL;
}

static long ioc_fitrim(struct file *file, unsigned int cmd, void __user *arg)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct dx_mount *mp = DX_M(sb);
	u32 gran = dx_bdev_discard_granularity(sb->s_bdev);
	u64 done = 0, max = (u64)dx_fsb_to_b(mp, dx_dblocks(mp)), end;
	struct fstrim_range r;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!dx_bdev_can_discard(sb->s_bdev))
		return -EOPNOTSUPP;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (r.start >= max || r.minlen > dx_fsb_to_b(mp, mp->sb.agblocks) || r.len < mp->sb.blocksize)
		return -EINVAL;
	end = min(r.start + min(r.len, max - r.start), max);
	error = dx_trim_free(mp, r.start >> DX_BBSHIFT, (end >> DX_BBSHIFT) - 1,
			     max_t(u64, gran, r.minlen) >> DX_BBSHIFT, &done);
	if (error)
		return error;
	r.len = done;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long ioc_free_eofblocks(struct file *file, unsigned int cmd, void __user *arg)
{
	struct dx_mount *mp = DX_M(file_inode(file)->i_sb);
	struct dx_eofblocks e;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (dx_is_readonly(mp))
		return -EROFS;
	if (copy_from_user(&e, arg, sizeof(e)))
		return -EFAULT;
	if (e.eof_version != 1 || e.eof_flags & ~0x1fU || e.pad32 || memchr_inv(e.pad64, 0, sizeof(e.pad64)))
		return -EINVAL;
	error = mnt_want_write_file(file);
	if (error)
		return error;
	dx_blockgc(file_inode(file)->i_sb);
	mnt_drop_write_file(file);
	return 0;
}

static long ioc_label(struct file *file, unsigned int cmd, void __user *arg)
{
	return cmd == FS_IOC_GETFSLABEL ? dx_ioc_getlabel(file, arg) : dx_ioc_setlabel(file, arg);
}

static long ioc_growfs(struct file *file, unsigned int cmd, void __user *arg)
{
	return dx_ioc_growfs(file, cmd, arg);
}

static long ioc_getfsmap(struct file *file, unsigned int cmd, void __user *arg)
{
	return dx_ioc_getfsmap(file, arg);
}

static long ioc_getparents(struct file *file, unsigned int cmd, void __user *arg)
{
	return dx_ioc_getparents(file, cmd, arg);
}

static long ioc_handle(struct file *file, unsigned int cmd, void __user *arg)
{
	return dx_ioc_handle(file, cmd, arg);
}

static long ioc_bulk(struct file *file, unsigned int cmd, void __user *arg)
{
	return dx_ioc_bulk(file, cmd, arg);
}

static long ioc_exchange(struct file *file, unsigned int cmd, void __user *arg)
{
	if (cmd == DX_IOC_START_COMMIT)
		return dx_ioc_start_commit(file, arg);
	return cmd == DX_IOC_COMMIT_RANGE ? dx_ioc_commit_range(file, arg) : dx_ioc_exchange_range(file, arg);
}

static long ioc_swapext(struct file *file, unsigned int cmd, void __user *arg)
{
	return dx_ioc_swapext(file, arg);
}

static const struct {
	unsigned int	cmd;
	long		(*fn)(struct file *file, unsigned int cmd, void __user *arg);
} cmds[] = {
	{ DX_IOC_ALLOCSP,	ioc_space },
	{ DX_IOC_ALLOCSP64,	ioc_space },
	{ DX_IOC_FREESP,	ioc_space },
	{ DX_IOC_FREESP64,	ioc_space },
	{ DX_IOC_RESVSP,	ioc_space },
	{ DX_IOC_RESVSP64,	ioc_space },
	{ DX_IOC_UNRESVSP,	ioc_space },
	{ DX_IOC_UNRESVSP64,	ioc_space },
	{ DX_IOC_ZERO_RANGE,	ioc_space },
	{ DX_IOC_FSGEOMETRY,	ioc_geom },
	{ DX_IOC_FSGEOMETRY_V4,	ioc_geom },
	{ DX_IOC_FSGEOMETRY_V1,	ioc_geom },
	{ DX_IOC_FSGEOMETRY_V1_I386, ioc_geom },
	{ DX_IOC_FSCOUNTS,	ioc_counts },
	{ DX_IOC_GET_RESBLKS,	ioc_get_resblks },
	{ DX_IOC_SET_RESBLKS,	ioc_set_resblks },
	{ DX_IOC_AG_GEOMETRY,	ioc_ag_geometry },
	{ DX_IOC_DIOINFO,	ioc_dioinfo },
	{ FS_IOC_GETVERSION,	ioc_getversion },
	{ DX_IOC_GETBMAP,	ioc_getbmap },
	{ DX_IOC_GETBMAPA,	ioc_getbmap },
	{ DX_IOC_GETBMAPX,	ioc_getbmap },
	{ DX_IOC_FSGETXATTRA,	ioc_getxattra },
	{ DX_IOC_GOINGDOWN,	ioc_goingdown },
	{ FITRIM,		ioc_fitrim },
	{ DX_IOC_FREE_EOFBLOCKS, ioc_free_eofblocks },
	{ FS_IOC_GETFSLABEL,	ioc_label },
	{ FS_IOC_SETFSLABEL,	ioc_label },
	{ DX_IOC_FSGROWFSDATA,	ioc_growfs },
	{ DX_IOC_FSGROWFSLOG,	ioc_growfs },
	{ DX_IOC_FSGROWFSRT,	ioc_growfs },
#ifdef CONFIG_COMPAT
	/* by their sizes they are known to be of 32-bit programs, whose pointers they have */
	{ DX_IOC_PATH_TO_FSHANDLE32, ioc_handle },
	{ DX_IOC_PATH_TO_HANDLE32, ioc_handle },
	{ DX_IOC_FD_TO_HANDLE32, ioc_handle },
	{ DX_IOC_OPEN_BY_HANDLE32, ioc_handle },
	{ DX_IOC_READLINK_BY_HANDLE32, ioc_handle },
	{ DX_IOC_ATTRLIST_BY_HANDLE32, ioc_handle },
	{ DX_IOC_ATTRMULTI_BY_HANDLE32, ioc_handle },
	{ DX_IOC_FSGROWFSDATA_I386, ioc_growfs },
	{ DX_IOC_FSGROWFSRT_I386, ioc_growfs },
#endif
	{ FS_IOC_GETFSMAP,	ioc_getfsmap },
	{ DX_IOC_PATH_TO_FSHANDLE, ioc_handle },
	{ DX_IOC_PATH_TO_HANDLE, ioc_handle },
	{ DX_IOC_FD_TO_HANDLE,	ioc_handle },
	{ DX_IOC_OPEN_BY_HANDLE, ioc_handle },
	{ DX_IOC_READLINK_BY_HANDLE, ioc_handle },
	{ DX_IOC_ATTRLIST_BY_HANDLE, ioc_handle },
	{ DX_IOC_ATTRMULTI_BY_HANDLE, ioc_handle },
	{ DX_IOC_BULKSTAT,	ioc_bulk },
	{ DX_IOC_INUMBERS,	ioc_bulk },
	{ DX_IOC_FSBULKSTAT,	ioc_bulk },
	{ DX_IOC_FSBULKSTAT_SINGLE, ioc_bulk },
	{ DX_IOC_FSINUMBERS,	ioc_bulk },
	{ DX_IOC_GETPARENTS,	ioc_getparents },
	{ DX_IOC_GETPARENTS_BY_HANDLE, ioc_getparents },
	{ DX_IOC_EXCHANGE_RANGE, ioc_exchange },
	{ DX_IOC_START_COMMIT,	ioc_exchange },
	{ DX_IOC_COMMIT_RANGE,	ioc_exchange },
	{ DX_IOC_SWAPEXT,	ioc_swapext },
};

/**
 * dx_file_ioctl - file_operations of files and directories
 *
 * Return: as the command; -ENOTTY for what we do not have.
 */
long dx_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	int i;

	if (dx_is_shutdown(DX_M(file_inode(file)->i_sb)))
		return -EIO;
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		if (cmds[i].cmd == cmd)
			return cmds[i].fn(file, cmd, (void __user *)arg);
	return dx_fileattr_ioctl(file, cmd, (void __user *)arg, dx_fileattr_get, dx_fileattr_set);
}

#ifdef CONFIG_COMPAT
/**
 * dx_file_compat_ioctl - the same for 32-bit callers
 */
long dx_file_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct dx_flock64_i386 f32;
	struct dx_flock64 fl;
	long ret;
	int i;

	for (i = 0; i < ARRAY_SIZE(space_cmds); i++) {
		if (cmd != _IOW('X', _IOC_NR(space_cmds[i].cmd), struct dx_flock64_i386))
			continue;
		if (copy_from_user(&f32, compat_ptr(arg), sizeof(f32)))
			return -EFAULT;
		fl.l_whence = f32.l_whence;
		fl.l_start = f32.l_start;
		fl.l_len = f32.l_len;
		if (dx_is_shutdown(DX_M(file_inode(file)->i_sb)))
			return -EIO;
		return run_space(file, space_cmds[i].op, &fl);
	}
	if (cmd == DX_IOC_FSBULKSTAT32 || cmd == DX_IOC_FSBULKSTAT_SINGLE32 || cmd == DX_IOC_FSINUMBERS32)
		return dx_ioc_bulk32(file, cmd, compat_ptr(arg));
	ret = dx_ioc_swapext32(file, cmd, compat_ptr(arg));
	if (ret != -ENOIOCTLCMD)
		return ret;
	/* FS_IOC32_GETVERSION: the same answer under another number */
	if (cmd == FS_IOC32_GETVERSION)
		cmd = FS_IOC_GETVERSION;
	return dx_file_ioctl(file, cmd, (unsigned long)compat_ptr(arg));
}
#endif
