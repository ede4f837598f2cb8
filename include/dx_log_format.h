/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XFS on-disk log.  Records and operation headers are big-endian; the
 * contents of log items are in the byte order of the machine that wrote
 * them (h_fmt tells which), except that what is a copy of a disk structure
 * stays as on disk.  Source: "Journaling Log".
 */
#ifndef DX_LOG_FORMAT_H
#define DX_LOG_FORMAT_H

#include "dx_format.h"

#define DX_LOG_HEADER_MAGIC	0xFEEDbabe
#define DX_LOG_VERSION_2	2
#define DX_LOG_FMT_LINUX_LE	1
#define DX_LOG_FMT_LINUX_BE	2
#define DX_LOG_HEADER_CYCLE_SIZE (32 * 1024)	/* bytes whose cycle words one header holds */
#define DX_LOG_RECORD_BBS_MIN	1
#define DX_MIN_RECORD_BYTES	(16 * 1024)
#define DX_BIG_RECORD_BYTES	(32 * 1024)
#define DX_MAX_RECORD_BYTES	(256 * 1024)

struct dx_rec_header {
	__be32	h_magicno;
	__be32	h_cycle;
	__be32	h_version;
	__be32	h_len;			/* bytes of the body */
	__be64	h_lsn;			/* of this record */
	__be64	h_tail_lsn;
	__le32	h_crc;
	__be32	h_prev_block;		/* bb of the previous record, -1 = none */
	__be32	h_num_logops;
	__be32	h_cycle_data[DX_LOG_HEADER_CYCLE_SIZE / DX_BBSIZE];
	__be32	h_fmt;
	uuid_t	h_fs_uuid;
	__be32	h_size;			/* maximum record size (iclog) */
	__be32	h_pad0;
} __attribute__((packed));		/* in a 512-byte sector */
struct dx_rec_ext_header {
	__be32	xh_cycle;
	__be32	xh_cycle_data[DX_LOG_HEADER_CYCLE_SIZE / DX_BBSIZE];
} __attribute__((packed));

struct dx_op_header {
	__be32	oh_tid;
	__be32	oh_len;
	u8	oh_clientid;
	u8	oh_flags;
	__be16	oh_res2;
} __attribute__((packed));
#define DX_OH_CLIENT_TRANS	0x69
#define DX_OH_CLIENT_LOG	0xaa	/* unmount record */
#define DX_OH_START_TRANS	0x01
#define DX_OH_COMMIT_TRANS	0x02
#define DX_OH_CONTINUE_TRANS	0x04
#define DX_OH_WAS_CONT_TRANS	0x08
#define DX_OH_END_TRANS		0x10
#define DX_OH_UNMOUNT_TRANS	0x20

#define DX_UNMOUNT_TYPE		0x556e	/* "Un" */
struct dx_unmount_rec {
	u16	magic;
	u16	pad1;
	u32	pad2;
};

#define DX_TRANS_HEADER_MAGIC	0x5452414e	/* TRAN */
#define DX_TRANS_CHECKPOINT	40
struct dx_trans_header {
	u32	th_magic;
	u32	th_type;
	s32	th_tid;
	u32	th_num_items;		/* regions of all items together; this header is not one of them */
};

#define DX_LI_EFI	0x1236
#define DX_LI_EFD	0x1237
#define DX_LI_IUNLINK	0x1238
#define DX_LI_INODE	0x123b
#define DX_LI_BUF	0x123c
#define DX_LI_DQUOT	0x123d
#define DX_LI_QUOTAOFF	0x123e
#define DX_LI_ICREATE	0x123f
#define DX_LI_RUI	0x1240
#define DX_LI_RUD	0x1241
#define DX_LI_CUI	0x1242
#define DX_LI_CUD	0x1243
#define DX_LI_BUI	0x1244
#define DX_LI_BUD	0x1245
#define DX_LI_ATTRI	0x1246
#define DX_LI_ATTRD	0x1247
#define DX_LI_XMI	0x1248
#define DX_LI_XMD	0x1249

/* buffers */
#define DX_BLF_CHUNK		128
#define DX_BLF_SHIFT		7
#define DX_BLF_INODE_BUF	(1u << 0)	/* only di_next_unlinked fields are logged */
#define DX_BLF_CANCEL		(1u << 1)
#define DX_BLF_UDQUOT_BUF	(1u << 2)
#define DX_BLF_PDQUOT_BUF	(1u << 3)
#define DX_BLF_GDQUOT_BUF	(1u << 4)
#define DX_BLFT_BITS		5
#define DX_BLFT_SHIFT		11
#define DX_BLFT_MASK		(((1u << DX_BLFT_BITS) - 1) << DX_BLFT_SHIFT)
enum dx_blft {
	DX_BLFT_UNKNOWN, DX_BLFT_UDQUOT, DX_BLFT_PDQUOT, DX_BLFT_GDQUOT, DX_BLFT_BTREE,
	DX_BLFT_AGF, DX_BLFT_AGFL, DX_BLFT_AGI, DX_BLFT_DINO, DX_BLFT_SYMLINK,
	DX_BLFT_DIR_BLOCK, DX_BLFT_DIR_DATA, DX_BLFT_DIR_FREE, DX_BLFT_DIR_LEAF1, DX_BLFT_DIR_LEAFN,
	DX_BLFT_DA_NODE, DX_BLFT_ATTR_LEAF, DX_BLFT_ATTR_RMT, DX_BLFT_SB,
	DX_BLFT_RTBITMAP, DX_BLFT_RTSUMMARY, DX_BLFT_MAX
};
struct dx_buf_log_format {		/* then nothing: map is sized to the buffer */
	u16	blf_type;		/* DX_LI_BUF */
	u16	blf_size;		/* regions, this one included */
	u16	blf_flags;
	u16	blf_len;		/* bb */
	s64	blf_blkno;		/* daddr */
	u32	blf_map_size;		/* in 32-bit words */
	u32	blf_data_map[];		/* one bit per 128-byte chunk */
};

/* inodes */
struct dx_inode_log_format {
	u16	ilf_type;		/* DX_LI_INODE */
	u16	ilf_size;		/* regions */
	u32	ilf_fields;		/* DX_ILOG_* */
	u16	ilf_asize;		/* bytes of attr fork region */
	u16	ilf_dsize;		/* bytes of data fork region */
	u32	ilf_pad;
	u64	ilf_ino;
	union { u32 ilfu_rdev; u8 ilfu_pad[16]; } ilf_u;
	s64	ilf_blkno;		/* of the inode cluster, daddr */
	s32	ilf_len;		/* bb */
	s32	ilf_boffset;		/* of the inode in the cluster, bytes */
};					/* 56 bytes */
/* A 32-bit writer before 4.14 aligned ilf_ino to four bytes, and so had no padding. */
struct dx_inode_log_format_32 {
	u16	ilf_type;
	u16	ilf_size;
	u32	ilf_fields;
	u16	ilf_asize;
	u16	ilf_dsize;
	u64	ilf_ino;
	u8	ilf_u[16];
	s64	ilf_blkno;
	s32	ilf_len;
	s32	ilf_boffset;
} __attribute__((packed));		/* 52 bytes */
#define DX_ILOG_CORE		0x001
#define DX_ILOG_DDATA		0x002
#define DX_ILOG_DEXT		0x004
#define DX_ILOG_DBROOT		0x008
#define DX_ILOG_DEV		0x010
#define DX_ILOG_UUID		0x020
#define DX_ILOG_ADATA		0x040
#define DX_ILOG_AEXT		0x080
#define DX_ILOG_ABROOT		0x100
#define DX_ILOG_DOWNER		0x200
#define DX_ILOG_AOWNER		0x400
#define DX_ILOG_TIMESTAMP	0x4000	/* in-core only */
#define DX_ILOG_IVERSION	0x8000	/* in-core only */
#define DX_ILOG_DFORK		(DX_ILOG_DDATA | DX_ILOG_DEXT | DX_ILOG_DBROOT | DX_ILOG_DEV)
#define DX_ILOG_AFORK		(DX_ILOG_ADATA | DX_ILOG_AEXT | DX_ILOG_ABROOT)

/*
 * The logged inode core: dx_dinode's first 176 bytes in machine order, with
 * timestamps as the two halves that the legacy format has (or one 64-bit
 * bigtime value), magic and so on.
 */
struct dx_log_dinode {
	u16	di_magic;
	u16	di_mode;
	s8	di_version;
	s8	di_format;
	u16	di_onlink;
	u32	di_uid;
	u32	di_gid;
	u32	di_nlink;
	u16	di_projid_lo;
	u16	di_projid_hi;
	u64	di_big_nextents;	/* or pad[6] + flushiter */
	u64	di_atime;		/* legacy: s32 sec, s32 nsec in this order; bigtime: u64 */
	u64	di_mtime;
	u64	di_ctime;
	u64	di_size;
	u64	di_nblocks;
	u32	di_extsize;
	u32	di_nextents;
	u16	di_anextents;
	u8	di_forkoff;
	s8	di_aformat;
	u32	di_dmevmask;
	u16	di_dmstate;
	u16	di_flags;
	u32	di_gen;
	u32	di_next_unlinked;
	u32	di_crc;
	u64	di_changecount;
	u64	di_lsn;
	u64	di_flags2;
	u32	di_cowextsize;
	u8	di_pad2[12];
	u64	di_crtime;
	u64	di_ino;
	uuid_t	di_uuid;
};					/* 176 bytes */

struct dx_icreate_log {
	u16	icl_type;		/* DX_LI_ICREATE */
	u16	icl_size;		/* 1 */
	__be32	icl_ag;
	__be32	icl_agbno;
	__be32	icl_count;		/* inodes */
	__be32	icl_isize;		/* bytes */
	__be32	icl_length;		/* fsblocks */
	__be32	icl_gen;
};

/* extent frees: native-endian, 64-bit layout */
struct dx_log_extent {
	u64	ext_start;		/* fsbno */
	u32	ext_len;
	u32	ext_pad;
};
struct dx_log_extent_32 {		/* of a 32-bit writer */
	u64	ext_start;
	u32	ext_len;
} __attribute__((packed));		/* 12 bytes */
struct dx_efi_log_format {		/* efd: same layout, efd_efi_id names the efi */
	u16	efi_type;
	u16	efi_size;		/* 1 */
	u32	efi_nextents;
	u64	efi_id;
	struct dx_log_extent efi_extents[];
};

/* quota items, and intents of features that we do not write: what their lengths follow from */
struct dx_dquot_log_format {		/* then a dquot as on disk */
	u16	qlf_type;
	u16	qlf_size;		/* 2 */
	u32	qlf_id;
	s64	qlf_blkno;
	s32	qlf_len;		/* 1 block */
	u32	qlf_boffset;
};
struct dx_quotaoff_log_format {
	u16	qf_type;
	u16	qf_size;		/* 1 */
	u32	qf_flags;
	u8	qf_pad[12];
};
struct dx_intent_log_format {		/* RUI, CUI, BUI, then its extents; the done items end behind the id */
	u16	type;
	u16	size;
	u32	nextents;
	u64	id;
};
struct dx_map_extent {			/* of a RUI or BUI */
	u64	me_owner;
	u64	me_startblock;		/* fsbno */
	u64	me_startoff;
	u32	me_len;
	u32	me_flags;
};
#define DX_RMAP_EXTENT_BYTES	((u32)sizeof(struct dx_map_extent))
/* me_flags of a RUI: what to do, and three bits of what with */
#define DX_RUI_MAP		1
#define DX_RUI_MAP_SHARED	2
#define DX_RUI_UNMAP		3
#define DX_RUI_UNMAP_SHARED	4
#define DX_RUI_CONVERT		5	/* written <-> unwritten; the bit is the new state */
#define DX_RUI_CONVERT_SHARED	6
#define DX_RUI_ALLOC		7	/* these two: of no file */
#define DX_RUI_FREE		8
#define DX_RUI_TYPE(flags)	((flags) & 0xff)
#define DX_RUI_ATTR_FORK	(1u << 31)
#define DX_RUI_BMBT_BLOCK	(1u << 30)
#define DX_RUI_UNWRITTEN	(1u << 29)
/* me_flags of a BUI */
#define DX_BUI_MAP		1
#define DX_BUI_UNMAP		2
#define DX_BUI_TYPE(flags)	((flags) & 0xff)
#define DX_BUI_ATTR_FORK	(1u << 31)
#define DX_BUI_UNWRITTEN	(1u << 30)
struct dx_phys_extent {			/* of a CUI */
	u64	pe_startblock;		/* fsbno */
	u32	pe_len;
	u32	pe_flags;
};
#define DX_PHYS_EXTENT_BYTES	((u32)sizeof(struct dx_phys_extent))
/* pe_flags */
#define DX_CUI_INCREASE		1
#define DX_CUI_DECREASE		2
#define DX_CUI_ALLOC_COW	3	/* staged for a copy on write; and not any more */
#define DX_CUI_FREE_COW		4
#define DX_CUI_TYPE(flags)	((flags) & 0xff)
struct dx_attri_log_format {		/* then name, new name, value, new value: what there is */
	u16	alfi_type;
	u16	alfi_size;		/* regions */
	u32	alfi_igen;		/* of parent pointers; else 0 */
	u64	alfi_id;
	u64	alfi_ino;
	u32	alfi_op_flags;
	union {
		u32	alfi_name_len;
		struct {		/* DX_ATTRI_PPTR_REPLACE */
			u16	alfi_old_name_len;
			u16	alfi_new_name_len;
		};
	};
	u32	alfi_value_len;		/* of each of the two values, if there are two */
	u32	alfi_attr_filter;	/* DX_ATTR_* of the namespace; may have DX_ATTR_INCOMPLETE */
};
/* alfi_op_flags */
#define DX_ATTRI_SET		1
#define DX_ATTRI_REMOVE		2
#define DX_ATTRI_REPLACE	3
#define DX_ATTRI_PPTR_SET	4	/* these three: parent pointers */
#define DX_ATTRI_PPTR_REMOVE	5
#define DX_ATTRI_PPTR_REPLACE	6	/* one goes, another comes */
struct dx_xmi_body {			/* of an XMI, behind a dx_intent_log_format whose nextents is 0 */
	u64	xmi_inode1;
	u64	xmi_inode2;
	u32	xmi_igen1;
	u32	xmi_igen2;
	u64	xmi_startoff1;		/* fsblocks */
	u64	xmi_startoff2;
	u64	xmi_blockcount;		/* that are still to be exchanged */
	u64	xmi_flags;
	u64	xmi_isize1;		/* bytes, with DX_XMI_SET_SIZES: what the sizes shall be */
	u64	xmi_isize2;
};
#define DX_XMI_BYTES		((u32)(sizeof(struct dx_intent_log_format) + sizeof(struct dx_xmi_body)))
/* xmi_flags */
#define DX_XMI_ATTR_FORK	(1u << 0)
#define DX_XMI_SET_SIZES	(1u << 1)
#define DX_XMI_INO1_WRITTEN	(1u << 2)	/* only where the first has written extents */
#define DX_XMI_CLEAR_INO1_REFLINK (1u << 3)
#define DX_XMI_CLEAR_INO2_REFLINK (1u << 4)
#define DX_XMI_FLAGS		(DX_XMI_ATTR_FORK | DX_XMI_SET_SIZES | DX_XMI_INO1_WRITTEN | \
				 DX_XMI_CLEAR_INO1_REFLINK | DX_XMI_CLEAR_INO2_REFLINK)

#endif /* DX_LOG_FORMAT_H */
