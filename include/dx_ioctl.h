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
#define DX_IOC_PATH_TO_FSHANDLE	_IOWR('X', 104, struct dx_handlereq)
#define DX_IOC_PATH_TO_HANDLE	_IOWR('X', 105, struct dx_handlereq)
#define DX_IOC_FD_TO_HANDLE	_IOWR('X', 106, struct dx_handlereq)
#define DX_IOC_FSGROWFSDATA	_IOW('X', 110, struct dx_growfs_data)
#define DX_IOC_FSGROWFSLOG	_IOW('X', 111, struct dx_growfs_log)
#define DX_IOC_FSGROWFSRT	_IOW('X', 112, struct dx_growfs_rt)
#define DX_IOC_FSGROWFSDATA_I386 _IOW('X', 110, struct dx_growfs_data_i386)
#define DX_IOC_FSGROWFSRT_I386	_IOW('X', 112, struct dx_growfs_rt_i386)
#define DX_IOC_FSCOUNTS		_IOR('X', 113, struct dx_counts)
#define DX_IOC_SET_RESBLKS	_IOWR('X', 114, struct dx_resblks)
#define DX_IOC_GET_RESBLKS	_IOR('X', 115, struct dx_resblks)
#define DX_IOC_FSGEOMETRY_V4	_IOR('X', 124, struct dx_geom_v4_size)
#define DX_IOC_GOINGDOWN	_IOR('X', 125, __u32)
#define DX_IOC_EXCHANGE_RANGE	_IOW('X', 129, struct dx_exchange_args)
#define DX_IOC_START_COMMIT	_IOR('X', 130, struct dx_commit_args)
#define DX_IOC_COMMIT_RANGE	_IOW('X', 131, struct dx_commit_args)
#define DX_IOC_FSGEOMETRY	_IOR('X', 126, struct dx_geom)
#define DX_GOING_DEFAULT	0
#define DX_GOING_LOGFLUSH	1
#define DX_GOING_NOLOGFLUSH	2

#endif /* DX_IOCTL_H */
