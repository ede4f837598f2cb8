/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The XFS ioctl ABI that we answer: numbers and layouts as xfsprogs uses
 * them, so that xfs_io, xfs_info and xfs_bmap work unchanged.
 * Checked against the installed headers by tests/unit/t_format.c.
 */
#ifndef DX_IOCTL_H
#define DX_IOCTL_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define DX_FLOCK64_FIELDS	\
	__s16	l_type;		\
	__s16	l_whence;	\
	__s64	l_start;	\
	__s64	l_len;		\
	__s32	l_sysid;	\
	__u32	l_pid;		\
	__s32	l_pad[4]

struct dx_flock64 {
	DX_FLOCK64_FIELDS;
};
/* i386 aligns 64-bit members to four bytes, which changes size and number. */
struct dx_flock64_i386 {
	DX_FLOCK64_FIELDS;
} __attribute__((packed));

struct dx_getbmap {
	__s64	bmv_offset;		/* 512-byte blocks */
	__s64	bmv_block;		/* -1 hole, -2 delayed */
	__s64	bmv_length;
	__s32	bmv_count;
	__s32	bmv_entries;
};
struct dx_getbmapx {
	__s64	bmv_offset;
	__s64	bmv_block;
	__s64	bmv_length;
	__s32	bmv_count;
	__s32	bmv_entries;
	__s32	bmv_iflags;
	__s32	bmv_oflags;
	__s32	bmv_unused1;
	__s32	bmv_unused2;
};
#define DX_BMV_IF_ATTRFORK	0x1
#define DX_BMV_IF_PREALLOC	0x4
#define DX_BMV_IF_DELALLOC	0x8
#define DX_BMV_IF_NO_HOLES	0x10
#define DX_BMV_IF_COWFORK	0x20
#define DX_BMV_IF_VALID		0x3f
#define DX_BMV_OF_PREALLOC	0x1
#define DX_BMV_OF_DELALLOC	0x2
#define DX_BMV_OF_LAST		0x4

struct dx_dioattr { __u32 d_mem, d_miniosz, d_maxiosz; };

struct dx_geom {
	__u32	blocksize, rtextsize, agblocks, agcount, logblocks, sectsize, inodesize, imaxpct;
	__u64	datablocks, rtblocks, rtextents, logstart;
	unsigned char uuid[16];
	__u32	sunit, swidth;
	__s32	version;
	__u32	flags, logsectsize, rtsectsize, dirblocksize, logsunit;
	__u32	sick, checked;
	__u64	reserved[17];
};
#define DX_GEOM_V1_SIZE		112	/* older forms are prefixes of this one */
#define DX_GEOM_V1_SIZE_I386	108	/* of a program whose 64-bit members are aligned to four bytes */
#define DX_GEOM_V4_SIZE		112
struct dx_geom_v1_size { char b[DX_GEOM_V1_SIZE]; };
struct dx_geom_v1_size_i386 { char b[DX_GEOM_V1_SIZE_I386]; };
struct dx_geom_v4_size { char b[DX_GEOM_V4_SIZE]; };

struct dx_counts { __u64 freedata, freertx, freeino, allocino; };
struct dx_resblks { __u64 resblks, resblks_avail; };
struct dx_ag_geometry {
	__u32	ag_number, ag_length, ag_freeblks, ag_icount, ag_ifree, ag_sick, ag_checked, ag_flags;
	__u64	ag_reserved[12];
};
struct dx_growfs_data { __u64 newblocks; __u32 imaxpct; };
struct dx_growfs_log { __u32 newblocks; __s32 isint; };		/* refused */
struct dx_growfs_rt { __u64 newblocks; __u32 extsize; };	/* refused */
struct dx_growfs_data_i386 { __u64 newblocks; __u32 imaxpct; } __attribute__((packed));
struct dx_growfs_rt_i386 { __u64 newblocks; __u32 extsize; } __attribute__((packed));
struct dx_eofblocks {
	__u32	eof_version, eof_flags, eof_uid, eof_gid, eof_prid, pad32;
	__u64	eof_min_file_size;
	__u64	pad64[12];
};

/* A file, whoever opens it: struct xfs_handle. */
struct dx_handle {
	__u32	ha_fsid[2];
	__u16	ha_fid_len;		/* bytes of what follows */
	__u16	ha_fid_pad;
	__u32	ha_fid_gen;
	__u64	ha_fid_ino;
};
#define DX_FID_LEN		14
struct dx_handlereq {
	__u32	fd;			/* FD_TO_HANDLE */
	void	*path;			/* PATH_TO_*: not followed */
	__u32	oflags;
	void	*ihandle;
	__u32	ihandlen;
	void	*ohandle;		/* where the handle goes: */
	__u32	*ohandlen;		/* its length */
};
struct dx_handlereq32 {			/* of a 32-bit program */
	__u32	fd, path, oflags, ihandle, ihandlen, ohandle, ohandlen;
};
struct dx_getparents_rec {
	struct dx_handle gpr_parent;
	__u32	gpr_reclen;		/* to the next one; of the last one, to the end of the buffer */
	__u32	gpr_reserved;
	char	gpr_name[];		/* ends in NUL */
};
struct dx_getparents {
	__u32	gp_cursor[4];		/* ours, between calls; zeroed before the first */
	__u16	gp_iflags;
	__u16	gp_oflags;
	__u32	gp_bufsize;
	__u64	gp_reserved;
	__u64	gp_buffer;
};
#define DX_GETPARENTS_OFLAG_ROOT	1
#define DX_GETPARENTS_OFLAG_DONE	2
struct dx_getparents_by_handle {
	struct dx_handle gph_handle;
	struct dx_getparents gph_request;
};
struct dx_exchange_args {		/* file 2 is the one that is asked */
	__s32	file1_fd;
	__u32	pad;			/* 0 */
	__u64	file1_offset, file2_offset, length;	/* bytes */
	__u64	flags;
};
struct dx_commit_args {
	struct dx_exchange_args x;
	__u64	file2_freshness[6];	/* opaque */
};
#define DX_EXCHANGE_TO_EOF	(1ull << 0)	/* to the ends of both, whatever length says; and the sizes with it */
#define DX_EXCHANGE_DSYNC	(1ull << 1)
#define DX_EXCHANGE_DRY_RUN	(1ull << 2)
#define DX_EXCHANGE_FILE1_WRITTEN (1ull << 3)	/* only where file 1 has been written to */
#define DX_EXCHANGE_FLAGS	(DX_EXCHANGE_TO_EOF | DX_EXCHANGE_DSYNC | DX_EXCHANGE_DRY_RUN | DX_EXCHANGE_FILE1_WRITTEN)

/* Attributes of a file that a handle names. */
struct dx_attrlist_handlereq {
	struct dx_handlereq hreq;
	__u32	pos[4];			/* ours, between calls; zeroed before the first */
	__u32	flags;			/* DX_IOC_ATTR_ROOT or _SECURE: the namespace */
	__u32	buflen;
	void	*buffer;		/* struct dx_attrlist */
};
struct dx_attrlist_handlereq32 {
	struct dx_handlereq32 hreq;
	__u32	pos[4], flags, buflen, buffer;
};
struct dx_attrlist {
	__s32	al_count;
	__s32	al_more;		/* ask again */
	__s32	al_offset[];		/* bytes from here, of struct dx_attrlist_ent */
};
struct dx_attrlist_ent { __u32 a_valuelen; char a_name[]; };	/* name ends in NUL */
struct dx_attr_multiop {
	__u32	am_opcode;
	__s32	am_error;
	void	*am_attrname;
	void	*am_attrvalue;
	__u32	am_length;
	__u32	am_flags;
};
struct dx_attrmulti_handlereq {
	struct dx_handlereq hreq;
	__u32	opcount;
	struct dx_attr_multiop *ops;
};
struct dx_attr_multiop32 {
	__u32	am_opcode;
	__s32	am_error;
	__u32	am_attrname, am_attrvalue, am_length, am_flags;
};
struct dx_attrmulti_handlereq32 {
	struct dx_handlereq32 hreq;
	__u32	opcount, ops;
};
#define DX_ATTR_OP_GET		1
#define DX_ATTR_OP_SET		2
#define DX_ATTR_OP_REMOVE	3
#define DX_IOC_ATTR_ROOT	0x0002
#define DX_IOC_ATTR_SECURE	0x0008
#define DX_IOC_ATTR_CREATE	0x0010
#define DX_IOC_ATTR_REPLACE	0x0020

/* Walks over all inodes: bulkstat, and inumbers, which tells 64 numbers at a time. */
struct dx_bulkreq {
	__u64	*lastip;		/* the last inode that was told; 0: none yet.  _SINGLE: which one */
	__s32	icount;
	void	*ubuffer;
	__s32	*ocount;		/* may be NULL, as lastip on the way back */
};
struct dx_bulkreq32 { __u32 lastip; __s32 icount; __u32 ubuffer, ocount; };	/* of a 32-bit program */
/* 32-bit programs have their own times, and those of i386 their own alignment */
#define DX_BSTAT_FIELDS(bstime, u64_, s64_)		\
	u64_	bs_ino;					\
	__u16	bs_mode, bs_nlink;			\
	__u32	bs_uid, bs_gid, bs_rdev;		\
	__s32	bs_blksize;				\
	s64_	bs_size;				\
	bstime	bs_atime, bs_mtime, bs_ctime;		\
	s64_	bs_blocks;				\
	__u32	bs_xflags;				\
	__s32	bs_extsize, bs_extents;			\
	__u32	bs_gen;					\
	__u16	bs_projid_lo, bs_forkoff, bs_projid_hi;	\
	__u16	bs_sick, bs_checked;			\
	unsigned char bs_pad[2];			\
	__u32	bs_cowextsize, bs_dmevmask;		\
	__u16	bs_dmstate, bs_aextents
struct dx_bstime { __kernel_long_t tv_sec; __s32 tv_nsec; };
struct dx_bstime32 { __s32 tv_sec, tv_nsec; };
struct dx_bstat { DX_BSTAT_FIELDS(struct dx_bstime, __u64, __s64); };
#define DX_SWAPEXT_FIELDS(bstat, s64_)			\
	s64_	sx_version;	/* not looked at */	\
	s64_	sx_fdtarget, sx_fdtmp;			\
	s64_	sx_offset;	/* 0, as it is all: */	\
	s64_	sx_length;				\
	char	sx_pad[16];				\
	bstat	sx_stat		/* of the target, before it was copied */
struct dx_swapext { DX_SWAPEXT_FIELDS(struct dx_bstat, __s64); };
struct dx_inogrp { __u64 xi_startino; __s32 xi_alloccount; __u64 xi_allocmask; };
struct dx_bulk_ireq {			/* records follow */
	__u64	ino;			/* in and out: the next one */
	__u32	flags, icount, ocount, agno;
	__u64	reserved[5];
};
#define DX_BULK_IREQ_AGNO	(1U << 0)	/* only those of agno */
#define DX_BULK_IREQ_SPECIAL	(1U << 1)	/* ino is one of DX_BULK_IREQ_SPECIAL_* */
#define DX_BULK_IREQ_NREXT64	(1U << 2)	/* bs_extents64 in place of bs_extents */
#define DX_BULK_IREQ_FLAGS	(DX_BULK_IREQ_AGNO | DX_BULK_IREQ_SPECIAL | DX_BULK_IREQ_NREXT64)
#define DX_BULK_IREQ_SPECIAL_ROOT 1
struct dx_bulkstat {
	__u64	bs_ino, bs_size, bs_blocks, bs_xflags;
	__s64	bs_atime, bs_mtime, bs_ctime, bs_btime;
	__u32	bs_gen, bs_uid, bs_gid, bs_projectid;
	__u32	bs_atime_nsec, bs_mtime_nsec, bs_ctime_nsec, bs_btime_nsec;
	__u32	bs_blksize, bs_rdev, bs_cowextsize_blks, bs_extsize_blks;
	__u32	bs_nlink, bs_extents, bs_aextents;
	__u16	bs_version, bs_forkoff, bs_sick, bs_checked, bs_mode, bs_pad2;
	__u64	bs_extents64, bs_pad[6];
};
struct dx_inumbers {
	__u64	xi_startino, xi_allocmask;
	__u8	xi_alloccount, xi_version, xi_padding[6];
};
#define DX_BULK_VERSION		5	/* of both */

#define DX_IOC_ALLOCSP		_IOW('X', 10, struct dx_flock64)
#define DX_IOC_FREESP		_IOW('X', 11, struct dx_flock64)
#define DX_IOC_DIOINFO		_IOR('X', 30, struct dx_dioattr)
#define DX_IOC_ALLOCSP64	_IOW('X', 36, struct dx_flock64)
#define DX_IOC_FREESP64		_IOW('X', 37, struct dx_flock64)
#define DX_IOC_GETBMAP		_IOWR('X', 38, struct dx_getbmap)
#define DX_IOC_RESVSP		_IOW('X', 40, struct dx_flock64)
#define DX_IOC_UNRESVSP		_IOW('X', 41, struct dx_flock64)
#define DX_IOC_RESVSP64		_IOW('X', 42, struct dx_flock64)
#define DX_IOC_UNRESVSP64	_IOW('X', 43, struct dx_flock64)
#define DX_IOC_GETBMAPA		_IOWR('X', 44, struct dx_getbmap)
#define DX_IOC_FSGETXATTRA	_IOR('X', 45, struct fsxattr)
#define DX_IOC_GETBMAPX		_IOWR('X', 56, struct dx_getbmap)	/* the shorter size is in the number */
#define DX_IOC_ZERO_RANGE	_IOW('X', 57, struct dx_flock64)
#define DX_IOC_FREE_EOFBLOCKS	_IOR('X', 58, struct dx_eofblocks)
#define DX_IOC_AG_GEOMETRY	_IOWR('X', 61, struct dx_ag_geometry)
#define DX_IOC_GETPARENTS	_IOWR('X', 62, struct dx_getparents)
#define DX_IOC_GETPARENTS_BY_HANDLE _IOWR('X', 63, struct dx_getparents_by_handle)
#define DX_IOC_FSGEOMETRY_V1	_IOR('X', 100, struct dx_geom_v1_size)
#define DX_IOC_FSGEOMETRY_V1_I386 _IOR('X', 100, struct dx_geom_v1_size_i386)
#define DX_IOC_FSBULKSTAT	_IOWR('X', 101, struct dx_bulkreq)
#define DX_IOC_FSBULKSTAT_SINGLE _IOWR('X', 102, struct dx_bulkreq)
#define DX_IOC_FSINUMBERS	_IOWR('X', 103, struct dx_bulkreq)
#define DX_IOC_FSBULKSTAT32	_IOWR('X', 101, struct dx_bulkreq32)
#define DX_IOC_FSBULKSTAT_SINGLE32 _IOWR('X', 102, struct dx_bulkreq32)
#define DX_IOC_FSINUMBERS32	_IOWR('X', 103, struct dx_bulkreq32)
#define DX_IOC_PATH_TO_FSHANDLE	_IOWR('X', 104, struct dx_handlereq)
#define DX_IOC_PATH_TO_HANDLE	_IOWR('X', 105, struct dx_handlereq)
#define DX_IOC_FD_TO_HANDLE	_IOWR('X', 106, struct dx_handlereq)
#define DX_IOC_OPEN_BY_HANDLE	_IOWR('X', 107, struct dx_handlereq)
#define DX_IOC_READLINK_BY_HANDLE _IOWR('X', 108, struct dx_handlereq)
#define DX_IOC_PATH_TO_FSHANDLE32 _IOWR('X', 104, struct dx_handlereq32)
#define DX_IOC_PATH_TO_HANDLE32	_IOWR('X', 105, struct dx_handlereq32)
#define DX_IOC_FD_TO_HANDLE32	_IOWR('X', 106, struct dx_handlereq32)
#define DX_IOC_OPEN_BY_HANDLE32	_IOWR('X', 107, struct dx_handlereq32)
#define DX_IOC_READLINK_BY_HANDLE32 _IOWR('X', 108, struct dx_handlereq32)
#define DX_IOC_SWAPEXT		_IOWR('X', 109, struct dx_swapext)
#define DX_IOC_FSGROWFSDATA	_IOW('X', 110, struct dx_growfs_data)
#define DX_IOC_FSGROWFSLOG	_IOW('X', 111, struct dx_growfs_log)
#define DX_IOC_FSGROWFSRT	_IOW('X', 112, struct dx_growfs_rt)
#define DX_IOC_FSGROWFSDATA_I386 _IOW('X', 110, struct dx_growfs_data_i386)
#define DX_IOC_FSGROWFSRT_I386	_IOW('X', 112, struct dx_growfs_rt_i386)
#define DX_IOC_FSCOUNTS		_IOR('X', 113, struct dx_counts)
#define DX_IOC_SET_RESBLKS	_IOWR('X', 114, struct dx_resblks)
#define DX_IOC_GET_RESBLKS	_IOR('X', 115, struct dx_resblks)
#define DX_IOC_ATTRLIST_BY_HANDLE _IOW('X', 122, struct dx_attrlist_handlereq)
#define DX_IOC_ATTRMULTI_BY_HANDLE _IOW('X', 123, struct dx_attrmulti_handlereq)
#define DX_IOC_ATTRLIST_BY_HANDLE32 _IOW('X', 122, struct dx_attrlist_handlereq32)
#define DX_IOC_ATTRMULTI_BY_HANDLE32 _IOW('X', 123, struct dx_attrmulti_handlereq32)
#define DX_IOC_FSGEOMETRY_V4	_IOR('X', 124, struct dx_geom_v4_size)
#define DX_IOC_GOINGDOWN	_IOR('X', 125, __u32)
#define DX_IOC_BULKSTAT		_IOR('X', 127, struct dx_bulk_ireq)
#define DX_IOC_INUMBERS		_IOR('X', 128, struct dx_bulk_ireq)
#define DX_IOC_EXCHANGE_RANGE	_IOW('X', 129, struct dx_exchange_args)
#define DX_IOC_START_COMMIT	_IOR('X', 130, struct dx_commit_args)
#define DX_IOC_COMMIT_RANGE	_IOW('X', 131, struct dx_commit_args)
#define DX_IOC_FSGEOMETRY	_IOR('X', 126, struct dx_geom)
#define DX_GOING_DEFAULT	0
#define DX_GOING_LOGFLUSH	1
#define DX_GOING_NOLOGFLUSH	2

#endif /* DX_IOCTL_H */
