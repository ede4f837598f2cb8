/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XFS v5 on-disk structures.
 *
 * All integers are big-endian unless said otherwise.  Field names are those
 * that xfs_db prints, behind the usual structure prefix.  Sizes and offsets
 * are checked against the installed public headers by tests/unit/t_format.c.
 * Source: "XFS Filesystem Structure", the section named at each group.
 */
#ifndef DX_FORMAT_H
#define DX_FORMAT_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/uuid.h>
#endif

/* ---- units ------------------------------------------------------------ */
#define DX_BBSHIFT		9
#define DX_BBSIZE		512

typedef u32 dx_agno_t;		/* allocation group number */
typedef u32 dx_agbno_t;		/* block number within an AG */
typedef u32 dx_agino_t;		/* inode number within an AG */
typedef u32 dx_extlen_t;	/* length of an extent within an AG, fsblocks */
typedef u64 dx_fsbno_t;		/* agno << agblklog | agbno */
typedef u64 dx_fileoff_t;	/* file offset in fsblocks */
typedef u64 dx_filblks_t;	/* length in a file, fsblocks */
typedef u64 dx_ino_t;		/* absolute inode number */
typedef u64 dx_daddr_t;		/* disk address, bb */
typedef u64 dx_lsn_t;		/* cycle << 32 | log block (bb) */
typedef u32 dx_dablk_t;		/* dir/attr fork block offset, fsblocks */

#define DX_NULLAGNO		((dx_agno_t)-1)
#define DX_NULLAGBNO		((dx_agbno_t)-1)
#define DX_NULLAGINO		((dx_agino_t)-1)
#define DX_NULLFSBNO		((dx_fsbno_t)-1)
#define DX_NULLFILEOFF		((dx_fileoff_t)-1)
#define DX_NULLINO		((dx_ino_t)-1)
#define DX_NULLLSN		((dx_lsn_t)-1)

/* ---- superblock ("Superblocks") ---------------------------------------- */
#define DX_SB_MAGIC		0x58465342	/* XFSB */
#define DX_SB_VERSION_NUMBITS	0x000f
#define DX_SB_VERSION_5		5
#define DX_SB_VERSION_ATTRBIT	0x0010
#define DX_SB_VERSION_NLINKBIT	0x0020
#define DX_SB_VERSION_QUOTABIT	0x0040
#define DX_SB_VERSION_ALIGNBIT	0x0080
#define DX_SB_VERSION_DALIGNBIT	0x0100
#define DX_SB_VERSION_LOGV2BIT	0x0400
#define DX_SB_VERSION_SECTORBIT	0x0800
#define DX_SB_VERSION_EXTFLGBIT	0x1000
#define DX_SB_VERSION_DIRV2BIT	0x2000
#define DX_SB_VERSION_BORGBIT	0x4000		/* ASCII-only case-insensitive names */
#define DX_SB_VERSION_MOREBITSBIT 0x8000
#define DX_SB_VERSION2_LAZYSBCOUNTBIT	0x00000002
#define DX_SB_VERSION2_ATTR2BIT		0x00000008
#define DX_SB_VERSION2_PROJID32BIT	0x00000080
#define DX_SB_VERSION2_CRCBIT		0x00000100
#define DX_SB_VERSION2_FTYPE		0x00000200

#define DX_SB_FEAT_RO_COMPAT_FINOBT	(1u << 0)
#define DX_SB_FEAT_RO_COMPAT_RMAPBT	(1u << 1)
#define DX_SB_FEAT_RO_COMPAT_REFLINK	(1u << 2)
#define DX_SB_FEAT_RO_COMPAT_INOBTCNT	(1u << 3)
#define DX_SB_FEAT_INCOMPAT_FTYPE	(1u << 0)
#define DX_SB_FEAT_INCOMPAT_SPINODES	(1u << 1)
#define DX_SB_FEAT_INCOMPAT_META_UUID	(1u << 2)
#define DX_SB_FEAT_INCOMPAT_BIGTIME	(1u << 3)
#define DX_SB_FEAT_INCOMPAT_NEEDSREPAIR	(1u << 4)
#define DX_SB_FEAT_INCOMPAT_NREXT64	(1u << 5)
#define DX_SB_FEAT_INCOMPAT_EXCHRANGE	(1u << 6)
#define DX_SB_FEAT_INCOMPAT_PARENT	(1u << 7)
#define DX_SB_FEAT_INCOMPAT_METADIR	(1u << 8)
#define DX_SB_FEAT_INCOMPAT_ZONED	(1u << 9)
#define DX_SB_FEAT_INCOMPAT_ZONE_GAPS	(1u << 10)
#define DX_SB_FEAT_INCOMPAT_LOG_XATTRS	(1u << 0)	/* sb_features_log_incompat */

/* sb_qflags: usage of user, other (group or project, old), group, project quota has been counted and is right */
#define DX_SB_QFLAG_CHKD	(0x0004 | 0x0020 | 0x0100 | 0x0400)

/* sb_qflags, qf_flags: usage is accounted, limits are enforced, usage has been counted */
#define DX_UQUOTA_ACCT	0x0001
#define DX_UQUOTA_ENFD	0x0002
#define DX_UQUOTA_CHKD	0x0004
#define DX_PQUOTA_ACCT	0x0008
#define DX_GQUOTA_ACCT	0x0040
#define DX_GQUOTA_ENFD	0x0080
#define DX_GQUOTA_CHKD	0x0100
#define DX_PQUOTA_ENFD	0x0200
#define DX_PQUOTA_CHKD	0x0400

/* A record of a quota file: a block holds as many as fit, by id. */
#define DX_DQUOT_MAGIC		0x4451	/* DQ */
#define DX_DQUOT_VERSION	1
#define DX_DQ_USER		(1u << 0)	/* d_flags */
#define DX_DQ_PROJ		(1u << 1)
#define DX_DQ_GROUP		(1u << 2)
#define DX_DQ_TYPES		(DX_DQ_USER | DX_DQ_PROJ | DX_DQ_GROUP)
#define DX_DQ_BIGTIME		(1u << 7)
struct dx_disk_dquot {
	__be16	d_magic;
	u8	d_version;
	u8	d_flags;
	__be32	d_id;
	__be64	d_blk_hardlimit, d_blk_softlimit;
	__be64	d_ino_hardlimit, d_ino_softlimit;
	__be64	d_bcount, d_icount;
	__be32	d_itimer, d_btimer;
	__be16	d_iwarns, d_bwarns;
	__be32	d_pad0;
	__be64	d_rtb_hardlimit, d_rtb_softlimit, d_rtbcount;
	__be32	d_rtbtimer;
	__be16	d_rtbwarns;
	__be16	d_pad;
};
struct dx_dqblk {
	struct dx_disk_dquot dd_diskdq;
	u8	dd_fill[4];
	__be32	dd_crc;
	__be64	dd_lsn;
	uuid_t	dd_uuid;
};
#define DX_DQUOT_CRC_OFF	offsetof(struct dx_dqblk, dd_crc)

struct dx_dsb {
	__be32	sb_magicnum;
	__be32	sb_blocksize;
	__be64	sb_dblocks;
	__be64	sb_rblocks;
	__be64	sb_rextents;
	uuid_t	sb_uuid;
	__be64	sb_logstart;
	__be64	sb_rootino;
	__be64	sb_rbmino;
	__be64	sb_rsumino;
	__be32	sb_rextsize;
	__be32	sb_agblocks;
	__be32	sb_agcount;
	__be32	sb_rbmblocks;
	__be32	sb_logblocks;
	__be16	sb_versionnum;
	__be16	sb_sectsize;
	__be16	sb_inodesize;
	__be16	sb_inopblock;
	char	sb_fname[12];
	u8	sb_blocklog;
	u8	sb_sectlog;
	u8	sb_inodelog;
	u8	sb_inopblog;
	u8	sb_agblklog;
	u8	sb_rextslog;
	u8	sb_inprogress;
	u8	sb_imax_pct;
	__be64	sb_icount;
	__be64	sb_ifree;
	__be64	sb_fdblocks;
	__be64	sb_frextents;
	__be64	sb_uquotino;
	__be64	sb_gquotino;
	__be16	sb_qflags;
	u8	sb_flags;
	u8	sb_shared_vn;
	__be32	sb_inoalignmt;
	__be32	sb_unit;
	__be32	sb_width;
	u8	sb_dirblklog;
	u8	sb_logsectlog;
	__be16	sb_logsectsize;
	__be32	sb_logsunit;
	__be32	sb_features2;
	__be32	sb_bad_features2;
	__be32	sb_features_compat;
	__be32	sb_features_ro_compat;
	__be32	sb_features_incompat;
	__be32	sb_features_log_incompat;
	__le32	sb_crc;
	__be32	sb_spino_align;
	__be64	sb_pquotino;
	__be64	sb_lsn;
	uuid_t	sb_meta_uuid;
} __attribute__((packed));
#define DX_SB_CRC_OFF		offsetof(struct dx_dsb, sb_crc)

/* ---- AG headers ("AG Free Space Management", "AG Inode Management") ----- */
#define DX_AGF_MAGIC		0x58414746	/* XAGF */
#define DX_AGI_MAGIC		0x58414749	/* XAGI */
#define DX_AGFL_MAGIC		0x5841464c	/* XAFL */
#define DX_AGF_VERSION		1
#define DX_AGI_VERSION		1
#define DX_AGI_UNLINKED_BUCKETS	64

#define DX_MIN_AG_BLOCKS	64	/* a last AG is not shorter */
/* sector numbers within an AG, in units of the sector size */
#define DX_SB_SECT	0
#define DX_AGF_SECT	1
#define DX_AGI_SECT	2
#define DX_AGFL_SECT	3

enum dx_btnum { DX_BTNUM_BNO, DX_BTNUM_CNT, DX_BTNUM_RMAP, DX_BTNUM_BMAP,
		DX_BTNUM_INO, DX_BTNUM_FINO, DX_BTNUM_REFC, DX_BTNUM_MAX };

struct dx_agf {
	__be32	agf_magicnum;
	__be32	agf_versionnum;
	__be32	agf_seqno;
	__be32	agf_length;
	__be32	agf_roots[3];		/* bnoroot, cntroot, rmaproot */
	__be32	agf_levels[3];		/* bnolevel, cntlevel, rmaplevel */
	__be32	agf_flfirst;
	__be32	agf_fllast;
	__be32	agf_flcount;
	__be32	agf_freeblks;
	__be32	agf_longest;
	__be32	agf_btreeblks;
	uuid_t	agf_uuid;
	__be32	agf_rmapblocks;
	__be32	agf_refcntblocks;
	__be32	agf_refcntroot;
	__be32	agf_refcntlevel;
	__be64	agf_spare64[14];
	__be64	agf_lsn;
	__le32	agf_crc;
	__be32	agf_spare2;
} __attribute__((packed));
#define DX_AGF_CRC_OFF		offsetof(struct dx_agf, agf_crc)

struct dx_agi {
	__be32	agi_magicnum;
	__be32	agi_versionnum;
	__be32	agi_seqno;
	__be32	agi_length;
	__be32	agi_count;
	__be32	agi_root;
	__be32	agi_level;
	__be32	agi_freecount;
	__be32	agi_newino;
	__be32	agi_dirino;
	__be32	agi_unlinked[DX_AGI_UNLINKED_BUCKETS];
	uuid_t	agi_uuid;
	__le32	agi_crc;
	__be32	agi_pad32;
	__be64	agi_lsn;
	__be32	agi_free_root;
	__be32	agi_free_level;
	__be32	agi_iblocks;
	__be32	agi_fblocks;
} __attribute__((packed));
#define DX_AGI_CRC_OFF		offsetof(struct dx_agi, agi_crc)

struct dx_agfl {
	__be32	agfl_magicnum;
	__be32	agfl_seqno;
	uuid_t	agfl_uuid;
	__be64	agfl_lsn;
	__le32	agfl_crc;
	__be32	agfl_bno[];
} __attribute__((packed));
#define DX_AGFL_CRC_OFF		offsetof(struct dx_agfl, agfl_crc)

/* ---- btree blocks ("B+trees") ------------------------------------------ */
#define DX_ABTB_CRC_MAGIC	0x41423342	/* AB3B bnobt */
#define DX_ABTC_CRC_MAGIC	0x41423343	/* AB3C cntbt */
#define DX_IBT_CRC_MAGIC	0x49414233	/* IAB3 inobt */
#define DX_FIBT_CRC_MAGIC	0x46494233	/* FIB3 finobt */
#define DX_BMAP_CRC_MAGIC	0x424d4133	/* BMA3 */
#define DX_RMAP_CRC_MAGIC	0x524d4233	/* RMB3 */
#define DX_REFC_CRC_MAGIC	0x52334643	/* R3FC */

struct dx_btree_sblock {		/* short pointers: AG-relative */
	__be32	bb_magic;
	__be16	bb_level;
	__be16	bb_numrecs;
	__be32	bb_leftsib;
	__be32	bb_rightsib;
	__be64	bb_blkno;		/* daddr */
	__be64	bb_lsn;
	uuid_t	bb_uuid;
	__be32	bb_owner;		/* agno */
	__le32	bb_crc;
} __attribute__((packed));
#define DX_BTREE_SBLOCK_LEN	56
#define DX_BTREE_SBLOCK_CRC_OFF	offsetof(struct dx_btree_sblock, bb_crc)

struct dx_btree_lblock {		/* long pointers: fsbno */
	__be32	bb_magic;
	__be16	bb_level;
	__be16	bb_numrecs;
	__be64	bb_leftsib;
	__be64	bb_rightsib;
	__be64	bb_blkno;
	__be64	bb_lsn;
	uuid_t	bb_uuid;
	__be64	bb_owner;		/* inode */
	__le32	bb_crc;
	__be32	bb_pad;
} __attribute__((packed));
#define DX_BTREE_LBLOCK_LEN	72
#define DX_BTREE_LBLOCK_CRC_OFF	offsetof(struct dx_btree_lblock, bb_crc)

struct dx_alloc_rec {
	__be32	ar_startblock;
	__be32	ar_blockcount;
} __attribute__((packed));

struct dx_inobt_rec {			/* sparse-inode form */
	__be32	ir_startino;
	__be16	ir_holemask;		/* bit = 4 inodes absent */
	u8	ir_count;
	u8	ir_freecount;
	__be64	ir_free;
} __attribute__((packed));
#define DX_INODES_PER_CHUNK		64
#define DX_INODES_PER_HOLEMASK_BIT	4

#define DX_REFC_COWFLAG		(1u << 31)	/* in rc_startblock: nobody's yet, to be the copy of a shared block */
struct dx_refcount_rec {
	__be32	rc_startblock;
	__be32	rc_blockcount;
	__be32	rc_refcount;
} __attribute__((packed));

struct dx_rmap_rec {
	__be32	rm_startblock;
	__be32	rm_blockcount;
	__be64	rm_owner;
	__be64	rm_offset;
} __attribute__((packed));
struct dx_rmap_key {
	__be32	rm_startblock;
	__be64	rm_owner;
	__be64	rm_offset;
} __attribute__((packed));
/* rm_offset: three flags, seven bits of zeroes, fsblock offset in the fork */
#define DX_RMAP_ATTRFORK	(1ULL << 63)
#define DX_RMAP_BMBT		(1ULL << 62)
#define DX_RMAP_UNWRITTEN	(1ULL << 61)	/* not part of a key */
#define DX_RMAP_FLAGS		(DX_RMAP_ATTRFORK | DX_RMAP_BMBT | DX_RMAP_UNWRITTEN)
#define DX_RMAP_OFF(off)	((off) & ((1ULL << 54) - 1))
/* rm_owner: an inode number, or else */
#define DX_RMAP_OWN_NULL	((u64)-1)	/* never on disk; nor the next */
#define DX_RMAP_OWN_UNKNOWN	((u64)-2)	/* of a free that recovery finishes */
#define DX_RMAP_OWN_FS		((u64)-3)	/* superblock and AG headers */
#define DX_RMAP_OWN_LOG		((u64)-4)
#define DX_RMAP_OWN_AG		((u64)-5)	/* free space trees, free list, this tree itself */
#define DX_RMAP_OWN_INOBT	((u64)-6)
#define DX_RMAP_OWN_INODES	((u64)-7)
#define DX_RMAP_OWN_REFC	((u64)-8)
#define DX_RMAP_OWN_COW		((u64)-9)	/* set aside for a copy on write */
#define DX_RMAP_OWN_SPECIAL(o)	((o) >> 63)

/* extents ("Data Extents"): 1 flag, 54 startoff, 52 startblock, 21 blockcount */
struct dx_bmbt_rec {
	__be64	l0, l1;
} __attribute__((packed));
struct dx_bmdr_block {			/* root of a bmbt inside the inode */
	__be16	bb_level;
	__be16	bb_numrecs;
} __attribute__((packed));
#define DX_BMBT_MAX_BLOCKCOUNT	((1u << 21) - 1)
#define DX_BMBT_MAX_STARTOFF	((1ULL << 54) - 1)
/* extents of a data and an attribute fork; of an inode with DX_DIFLAG2_NREXT64 */
#define DX_MAX_EXTNUM		0x7fffffff
#define DX_MAX_AEXTNUM		0x7fff
#define DX_MAX_EXTNUM_LARGE	((1ULL << 48) - 1)
#define DX_MAX_AEXTNUM_LARGE	0xffffffffULL

/* ---- inodes ("On-disk Inode") ------------------------------------------ */
#define DX_DINODE_MAGIC		0x494e		/* IN */
enum dx_dinode_fmt { DX_DINODE_FMT_DEV, DX_DINODE_FMT_LOCAL, DX_DINODE_FMT_EXTENTS,
		     DX_DINODE_FMT_BTREE, DX_DINODE_FMT_UUID };

struct dx_dinode {
	__be16	di_magic;
	__be16	di_mode;
	u8	di_version;		/* 3 */
	u8	di_format;
	__be16	di_onlink;		/* metatype on later formats */
	__be32	di_uid;
	__be32	di_gid;
	__be32	di_nlink;
	__be16	di_projid_lo;
	__be16	di_projid_hi;
	__be64	di_big_nextents;	/* with large counters; else padding, 0 */
	__be64	di_atime;
	__be64	di_mtime;
	__be64	di_ctime;
	__be64	di_size;
	__be64	di_nblocks;
	__be32	di_extsize;
	__be32	di_nextents;		/* of the data fork; with large counters, of the attribute fork */
	__be16	di_anextents;		/* of the attribute fork; with large counters padding, 0 */
	u8	di_forkoff;		/* in 8-byte units from the end of the core */
	s8	di_aformat;
	__be32	di_dmevmask;
	__be16	di_dmstate;
	__be16	di_flags;
	__be32	di_gen;
	__be32	di_next_unlinked;
	__le32	di_crc;
	__be64	di_changecount;
	__be64	di_lsn;
	__be64	di_flags2;
	__be32	di_cowextsize;
	u8	di_pad2[12];
	__be64	di_crtime;
	__be64	di_ino;
	uuid_t	di_uuid;
} __attribute__((packed));
#define DX_DINODE_SIZE		176	/* v3 core */
#define DX_DINODE_CRC_OFF	offsetof(struct dx_dinode, di_crc)

#define DX_DIFLAG_REALTIME	(1u << 0)
#define DX_DIFLAG_PREALLOC	(1u << 1)
#define DX_DIFLAG_NEWRTBM	(1u << 2)
#define DX_DIFLAG_IMMUTABLE	(1u << 3)
#define DX_DIFLAG_APPEND	(1u << 4)
#define DX_DIFLAG_SYNC		(1u << 5)
#define DX_DIFLAG_NOATIME	(1u << 6)
#define DX_DIFLAG_NODUMP	(1u << 7)
#define DX_DIFLAG_RTINHERIT	(1u << 8)
#define DX_DIFLAG_PROJINHERIT	(1u << 9)
#define DX_DIFLAG_NOSYMLINKS	(1u << 10)
#define DX_DIFLAG_EXTSIZE	(1u << 11)
#define DX_DIFLAG_EXTSZINHERIT	(1u << 12)
#define DX_DIFLAG_NODEFRAG	(1u << 13)
#define DX_DIFLAG_FILESTREAM	(1u << 14)
#define DX_DIFLAG2_DAX		(1ULL << 0)
#define DX_DIFLAG2_REFLINK	(1ULL << 1)
#define DX_DIFLAG2_COWEXTSIZE	(1ULL << 2)
#define DX_DIFLAG2_BIGTIME	(1ULL << 3)
#define DX_DIFLAG2_NREXT64	(1ULL << 4)

/* bigtime: nanoseconds since this many seconds before 1970 */
#define DX_BIGTIME_EPOCH_OFFSET	(-(s64)S32_MIN)

#define DX_MAXLINK		((1u << 31) - 1)
#define DX_SYMLINK_MAXLEN	1024
#define DX_MAXNAMELEN		256		/* one more than a name can have */

/* ---- symlinks ("Symbolic Links") ---------------------------------------- */
#define DX_SYMLINK_MAGIC	0x58534c4d	/* XSLM */
struct dx_dsymlink_hdr {
	__be32	sl_magic;
	__be32	sl_offset;
	__be32	sl_bytes;
	__le32	sl_crc;
	uuid_t	sl_uuid;
	__be64	sl_owner;
	__be64	sl_blkno;
	__be64	sl_lsn;
} __attribute__((packed));
#define DX_SYMLINK_CRC_OFF	offsetof(struct dx_dsymlink_hdr, sl_crc)

/* ---- directory and attribute blocks ("Directories", "Extended Attributes") */
#define DX_DA3_NODE_MAGIC	0x3ebe
#define DX_ATTR3_LEAF_MAGIC	0x3bee
#define DX_DIR3_LEAF1_MAGIC	0x3df1
#define DX_DIR3_LEAFN_MAGIC	0x3dff
#define DX_DIR3_BLOCK_MAGIC	0x58444233	/* XDB3 */
#define DX_DIR3_DATA_MAGIC	0x58444433	/* XDD3 */
#define DX_DIR3_FREE_MAGIC	0x58444633	/* XDF3 */
#define DX_ATTR3_RMT_MAGIC	0x5841524d	/* XARM */

struct dx_da3_blkinfo {
	__be32	forw;
	__be32	back;
	__be16	magic;
	__be16	pad;
	__le32	crc;
	__be64	blkno;
	__be64	lsn;
	uuid_t	uuid;
	__be64	owner;
} __attribute__((packed));
#define DX_DA3_CRC_OFF		offsetof(struct dx_da3_blkinfo, crc)

struct dx_da_node_entry {
	__be32	hashval;
	__be32	before;
} __attribute__((packed));
struct dx_da3_intnode {
	struct dx_da3_blkinfo	hdr;
	__be16	count;
	__be16	level;
	__be32	pad32;
	struct dx_da_node_entry	btree[];
} __attribute__((packed));
#define DX_DA_NODE_MAXDEPTH	5

struct dx_dir3_blk_hdr {
	__be32	magic;
	__le32	crc;
	__be64	blkno;
	__be64	lsn;
	uuid_t	uuid;
	__be64	owner;
} __attribute__((packed));
#define DX_DIR3_CRC_OFF		offsetof(struct dx_dir3_blk_hdr, crc)

struct dx_dir2_data_free {
	__be16	offset;
	__be16	length;
} __attribute__((packed));
#define DX_DIR2_DATA_FD_COUNT	3
struct dx_dir3_data_hdr {
	struct dx_dir3_blk_hdr	hdr;
	struct dx_dir2_data_free bestfree[DX_DIR2_DATA_FD_COUNT];
	__be32	pad;
} __attribute__((packed));

struct dx_dir2_data_entry {		/* then ftype byte, padding, __be16 tag at the 8-byte end */
	__be64	inumber;
	u8	namelen;
	u8	name[];
} __attribute__((packed));
#define DX_DIR2_DATA_FREE_TAG	0xffff
struct dx_dir2_data_unused {		/* then __be16 tag in the last two bytes */
	__be16	freetag;
	__be16	length;
} __attribute__((packed));

struct dx_dir2_leaf_entry {
	__be32	hashval;
	__be32	address;		/* byte offset in the data space / 8; 0 = stale */
} __attribute__((packed));
#define DX_DIR2_NULL_DATAPTR	0
struct dx_dir2_block_tail {
	__be32	count;
	__be32	stale;
} __attribute__((packed));

struct dx_dir3_leaf {
	struct dx_da3_blkinfo	info;
	__be16	count;
	__be16	stale;
	__be32	pad;
	struct dx_dir2_leaf_entry ents[];
} __attribute__((packed));
struct dx_dir2_leaf_tail {
	__be32	bestcount;
} __attribute__((packed));

struct dx_dir3_free {
	struct dx_dir3_blk_hdr	hdr;
	__be32	firstdb;
	__be32	nvalid;
	__be32	nused;
	__be32	pad;
	__be16	bests[];
} __attribute__((packed));
#define DX_DIR2_NULL_DATAOFF	0xffff

/* byte offsets of the three spaces of a directory */
#define DX_DIR2_DATA_OFFSET	0ULL
#define DX_DIR2_LEAF_OFFSET	(32ULL << 30)
#define DX_DIR2_FREE_OFFSET	(64ULL << 30)

struct dx_dir2_sf_hdr {			/* then parent: 4 or 8 bytes, unaligned */
	u8	count;
	u8	i8count;
	u8	parent[];
} __attribute__((packed));
struct dx_dir2_sf_entry {		/* then name, ftype, inumber 4 or 8 bytes */
	u8	namelen;
	u8	offset[2];
	u8	name[];
} __attribute__((packed));

#define DX_DIR3_FT_UNKNOWN	0
#define DX_DIR3_FT_REG_FILE	1
#define DX_DIR3_FT_DIR		2
#define DX_DIR3_FT_CHRDEV	3
#define DX_DIR3_FT_BLKDEV	4
#define DX_DIR3_FT_FIFO		5
#define DX_DIR3_FT_SOCK		6
#define DX_DIR3_FT_SYMLINK	7
#define DX_DIR3_FT_WHT		8
#define DX_DIR3_FT_MAX		9

/* attributes */
struct dx_attr_sf_hdr {
	__be16	totsize;
	u8	count;
	u8	padding;
} __attribute__((packed));
struct dx_attr_sf_entry {
	u8	namelen;
	u8	valuelen;
	u8	flags;
	u8	nameval[];
} __attribute__((packed));

struct dx_attr_leaf_map {
	__be16	base;
	__be16	size;
} __attribute__((packed));
#define DX_ATTR_LEAF_MAPSIZE	3
struct dx_attr3_leaf_hdr {
	struct dx_da3_blkinfo	info;
	__be16	count;
	__be16	usedbytes;
	__be16	firstused;
	u8	holes;
	u8	pad1;
	struct dx_attr_leaf_map	freemap[DX_ATTR_LEAF_MAPSIZE];
	__be32	pad2;
} __attribute__((packed));
struct dx_attr_leaf_entry {
	__be32	hashval;
	__be16	nameidx;
	u8	flags;
	u8	pad2;
} __attribute__((packed));
struct dx_attr_leaf_name_local {
	__be16	valuelen;
	u8	namelen;
	u8	nameval[];
} __attribute__((packed));
struct dx_attr_leaf_name_remote {
	__be32	valueblk;
	__be32	valuelen;
	u8	namelen;
	u8	name[];
} __attribute__((packed));
struct dx_attr3_rmt_hdr {
	__be32	rm_magic;
	__be32	rm_offset;
	__be32	rm_bytes;
	__le32	rm_crc;
	uuid_t	rm_uuid;
	__be64	rm_owner;
	__be64	rm_blkno;
	__be64	rm_lsn;			/* always NULLLSN */
} __attribute__((packed));
#define DX_ATTR3_RMT_CRC_OFF	offsetof(struct dx_attr3_rmt_hdr, rm_crc)

#define DX_ATTR_LOCAL		(1u << 0)	/* on-disk entry flags */
#define DX_ATTR_ROOT		(1u << 1)	/* trusted. */
#define DX_ATTR_SECURE		(1u << 2)	/* security. */
#define DX_ATTR_PARENT		(1u << 3)	/* parent pointer: its name is a name of the inode, in the directory of its value */
#define DX_ATTR_INCOMPLETE	(1u << 7)
#define DX_ATTR_NSP_ONDISK_MASK	(DX_ATTR_ROOT | DX_ATTR_SECURE | DX_ATTR_PARENT)
struct dx_parent_rec {
	__be64	p_ino;
	__be32	p_gen;
} __attribute__((packed));
#define DX_XATTR_SIZE_MAX	65536

#endif /* DX_FORMAT_H */
