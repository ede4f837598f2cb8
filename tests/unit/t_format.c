// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our structures against xfsprogs' public headers (xfslibs-dev): each has the same size, and each
 * field that we name lies where theirs does.  Magics and flag bits have the same values.
 */
#include <stdio.h>
#include <string.h>
#include "host.h"
#include "dx_format.h"
#include "dx_log_format.h"

#if __has_include(<xfs/xfs_format.h>)
/* what their headers take from others that do not mix with the kernel's */
typedef u64 xfs_ino_t;
typedef u32 xfs_nlink_t;
typedef u32 xfs_dev_t;
typedef s64 xfs_off_t;
#define NBBY	8
#define BBSIZE	512
#define ASSERT(x) ((void)0)
#include <xfs/xfs_types.h>
#include <xfs/xfs_format.h>
#include <xfs/xfs_da_format.h>
#include <xfs/xfs_log_format.h>

/* newer than the headers that most have */
_Static_assert(DX_XMI_BYTES == 88, "XMI");

static const struct { const char *name; size_t ours, theirs; } sizes[] = {
#define S(o, t) { #o, sizeof(struct o), sizeof(t) },
	S(dx_dsb, struct xfs_dsb)
	S(dx_agf, struct xfs_agf)
	S(dx_agi, struct xfs_agi)
	S(dx_agfl, struct xfs_agfl)
	S(dx_alloc_rec, struct xfs_alloc_rec)
	S(dx_inobt_rec, struct xfs_inobt_rec)
	S(dx_refcount_rec, struct xfs_refcount_rec)
	S(dx_rmap_rec, struct xfs_rmap_rec)
	S(dx_rmap_key, struct xfs_rmap_key)
	S(dx_map_extent, struct xfs_map_extent)
	S(dx_bmbt_rec, struct xfs_bmbt_rec)
	S(dx_bmdr_block, struct xfs_bmdr_block)
	S(dx_dinode, struct xfs_dinode)
	S(dx_dsymlink_hdr, struct xfs_dsymlink_hdr)
	S(dx_da3_blkinfo, struct xfs_da3_blkinfo)
	S(dx_da_node_entry, struct xfs_da_node_entry)
	S(dx_da3_intnode, struct xfs_da3_intnode)
	S(dx_dir3_blk_hdr, struct xfs_dir3_blk_hdr)
	S(dx_dir2_data_free, struct xfs_dir2_data_free)
	S(dx_dir3_data_hdr, struct xfs_dir3_data_hdr)
	S(dx_dir2_leaf_entry, struct xfs_dir2_leaf_entry)
	S(dx_dir2_block_tail, struct xfs_dir2_block_tail)
	S(dx_dir3_leaf, struct xfs_dir3_leaf)
	S(dx_dir2_leaf_tail, struct xfs_dir2_leaf_tail)
	S(dx_dir3_free, struct xfs_dir3_free)
	S(dx_attr3_leaf_hdr, struct xfs_attr3_leaf_hdr)
	S(dx_attr_leaf_entry, struct xfs_attr_leaf_entry)
	S(dx_attr_leaf_map, struct xfs_attr_leaf_map)
	S(dx_attr3_rmt_hdr, struct xfs_attr3_rmt_hdr)
	S(dx_rec_header, struct xlog_rec_header)
	S(dx_rec_ext_header, struct xlog_rec_ext_header)
	S(dx_op_header, struct xlog_op_header)
	S(dx_unmount_rec, struct xfs_unmount_log_format)
	S(dx_trans_header, struct xfs_trans_header)
	S(dx_inode_log_format, struct xfs_inode_log_format)
	S(dx_log_dinode, struct xfs_log_dinode)
	S(dx_icreate_log, struct xfs_icreate_log)
	S(dx_log_extent, struct xfs_extent_64)
#undef S
};

static const struct { const char *name; size_t ours, theirs; } offsets[] = {
#define O2(o, of, t, tf) { #o "." #of, offsetof(struct o, of), offsetof(t, tf) },
#define O(o, t, f) O2(o, f, t, f)
#define SB(f) O(dx_dsb, struct xfs_dsb, f)
	SB(sb_magicnum) SB(sb_blocksize) SB(sb_dblocks) SB(sb_rblocks) SB(sb_rextents) SB(sb_uuid) SB(sb_logstart)
	SB(sb_rootino) SB(sb_rbmino) SB(sb_rsumino) SB(sb_rextsize) SB(sb_agblocks) SB(sb_agcount) SB(sb_rbmblocks)
	SB(sb_logblocks) SB(sb_versionnum) SB(sb_sectsize) SB(sb_inodesize) SB(sb_inopblock) SB(sb_fname)
	SB(sb_blocklog) SB(sb_sectlog) SB(sb_inodelog) SB(sb_inopblog) SB(sb_agblklog) SB(sb_rextslog)
	SB(sb_inprogress) SB(sb_imax_pct) SB(sb_icount) SB(sb_ifree) SB(sb_fdblocks) SB(sb_frextents)
	SB(sb_uquotino) SB(sb_gquotino) SB(sb_qflags) SB(sb_flags) SB(sb_shared_vn) SB(sb_inoalignmt) SB(sb_unit)
	SB(sb_width) SB(sb_dirblklog) SB(sb_logsectlog) SB(sb_logsectsize) SB(sb_logsunit) SB(sb_features2)
	SB(sb_bad_features2) SB(sb_features_compat) SB(sb_features_ro_compat) SB(sb_features_incompat)
	SB(sb_features_log_incompat) SB(sb_crc) SB(sb_spino_align) SB(sb_pquotino) SB(sb_lsn) SB(sb_meta_uuid)
#define AGF(f) O(dx_agf, struct xfs_agf, f)
	AGF(agf_magicnum) AGF(agf_versionnum) AGF(agf_seqno) AGF(agf_length) AGF(agf_roots) AGF(agf_levels)
	AGF(agf_flfirst) AGF(agf_fllast) AGF(agf_flcount) AGF(agf_freeblks) AGF(agf_longest) AGF(agf_btreeblks)
	AGF(agf_uuid) O2(dx_agf, agf_rmapblocks, struct xfs_agf, agf_rmap_blocks)
	O2(dx_agf, agf_refcntblocks, struct xfs_agf, agf_refcount_blocks)
	O2(dx_agf, agf_refcntroot, struct xfs_agf, agf_refcount_root)
	O2(dx_agf, agf_refcntlevel, struct xfs_agf, agf_refcount_level)
	AGF(agf_spare64) AGF(agf_lsn) AGF(agf_crc) AGF(agf_spare2)
#define AGI(f) O(dx_agi, struct xfs_agi, f)
	AGI(agi_magicnum) AGI(agi_versionnum) AGI(agi_seqno) AGI(agi_length) AGI(agi_count) AGI(agi_root)
	AGI(agi_level) AGI(agi_freecount) AGI(agi_newino) AGI(agi_dirino) AGI(agi_unlinked) AGI(agi_uuid)
	AGI(agi_crc) AGI(agi_lsn) AGI(agi_free_root) AGI(agi_free_level) AGI(agi_iblocks) AGI(agi_fblocks)
#define AGFL(f) O(dx_agfl, struct xfs_agfl, f)
	AGFL(agfl_magicnum) AGFL(agfl_seqno) AGFL(agfl_uuid) AGFL(agfl_lsn) AGFL(agfl_crc)
#define BS(of, tf) O2(dx_btree_sblock, of, struct xfs_btree_block, tf)
	BS(bb_magic, bb_magic) BS(bb_level, bb_level) BS(bb_numrecs, bb_numrecs) BS(bb_leftsib, bb_u.s.bb_leftsib)
	BS(bb_rightsib, bb_u.s.bb_rightsib) BS(bb_blkno, bb_u.s.bb_blkno) BS(bb_lsn, bb_u.s.bb_lsn)
	BS(bb_uuid, bb_u.s.bb_uuid) BS(bb_owner, bb_u.s.bb_owner) BS(bb_crc, bb_u.s.bb_crc)
#define BL(of, tf) O2(dx_btree_lblock, of, struct xfs_btree_block, tf)
	BL(bb_leftsib, bb_u.l.bb_leftsib) BL(bb_rightsib, bb_u.l.bb_rightsib) BL(bb_blkno, bb_u.l.bb_blkno)
	BL(bb_lsn, bb_u.l.bb_lsn) BL(bb_uuid, bb_u.l.bb_uuid) BL(bb_owner, bb_u.l.bb_owner) BL(bb_crc, bb_u.l.bb_crc)
#define DI(f) O(dx_dinode, struct xfs_dinode, f)
	DI(di_magic) DI(di_mode) DI(di_version) DI(di_format) DI(di_onlink) DI(di_uid) DI(di_gid) DI(di_nlink)
	DI(di_projid_lo) DI(di_projid_hi) DI(di_atime) DI(di_mtime) DI(di_ctime) DI(di_size) DI(di_nblocks)
	DI(di_extsize) DI(di_nextents) DI(di_anextents) DI(di_forkoff) DI(di_aformat) DI(di_dmevmask) DI(di_dmstate)
	DI(di_flags) DI(di_gen) DI(di_next_unlinked) DI(di_crc) DI(di_changecount) DI(di_lsn) DI(di_flags2)
	DI(di_cowextsize) DI(di_crtime) DI(di_ino) DI(di_uuid) DI(di_big_nextents)
#define LD(f) O(dx_log_dinode, struct xfs_log_dinode, f)
	LD(di_magic) LD(di_mode) LD(di_version) LD(di_format) LD(di_uid) LD(di_nlink) LD(di_projid_lo) LD(di_atime)
	LD(di_mtime) LD(di_ctime) LD(di_size) LD(di_nblocks) LD(di_extsize) LD(di_nextents) LD(di_anextents)
	LD(di_forkoff) LD(di_aformat) LD(di_flags) LD(di_gen) LD(di_next_unlinked) LD(di_crc) LD(di_changecount)
	LD(di_lsn) LD(di_flags2) LD(di_cowextsize) LD(di_crtime) LD(di_ino) LD(di_uuid)
#define DA(f) O(dx_da3_blkinfo, struct xfs_da3_blkinfo, f)
	DA(crc) DA(blkno) DA(lsn) DA(uuid) DA(owner)
	O2(dx_da3_blkinfo, magic, struct xfs_da3_blkinfo, hdr.magic)
#define D3(f) O(dx_dir3_blk_hdr, struct xfs_dir3_blk_hdr, f)
	D3(magic) D3(crc) D3(blkno) D3(lsn) D3(uuid) D3(owner)
	O2(dx_dir3_data_hdr, bestfree, struct xfs_dir3_data_hdr, best_free)
	O2(dx_da3_intnode, btree, struct xfs_da3_intnode, __btree)
	O2(dx_da3_intnode, count, struct xfs_da3_intnode, hdr.__count)
	O2(dx_dir3_leaf, ents, struct xfs_dir3_leaf, __ents)
	O2(dx_dir3_leaf, stale, struct xfs_dir3_leaf, hdr.stale)
	O2(dx_dir3_free, bests, struct xfs_dir3_free, bests)
	O2(dx_dir3_free, nvalid, struct xfs_dir3_free, hdr.nvalid)
	O2(dx_attr3_leaf_hdr, freemap, struct xfs_attr3_leaf_hdr, freemap)
	O2(dx_attr3_leaf_hdr, firstused, struct xfs_attr3_leaf_hdr, firstused)
#define RM(f) O(dx_attr3_rmt_hdr, struct xfs_attr3_rmt_hdr, f)
	RM(rm_magic) RM(rm_offset) RM(rm_bytes) RM(rm_crc) RM(rm_uuid) RM(rm_owner) RM(rm_blkno) RM(rm_lsn)
#define SL(f) O(dx_dsymlink_hdr, struct xfs_dsymlink_hdr, f)
	SL(sl_magic) SL(sl_offset) SL(sl_bytes) SL(sl_crc) SL(sl_uuid) SL(sl_owner) SL(sl_blkno) SL(sl_lsn)
#define RH(f) O(dx_rec_header, struct xlog_rec_header, f)
	RH(h_magicno) RH(h_cycle) RH(h_version) RH(h_len) RH(h_lsn) RH(h_tail_lsn) RH(h_crc) RH(h_prev_block)
	RH(h_num_logops) RH(h_cycle_data) RH(h_fmt) RH(h_fs_uuid) RH(h_size)
#define OH(f) O(dx_op_header, struct xlog_op_header, f)
	OH(oh_tid) OH(oh_len) OH(oh_clientid) OH(oh_flags)
#define BF(f) O(dx_buf_log_format, struct xfs_buf_log_format, f)
	BF(blf_type) BF(blf_size) BF(blf_flags) BF(blf_len) BF(blf_blkno) BF(blf_map_size) BF(blf_data_map)
#define IF(f) O(dx_inode_log_format, struct xfs_inode_log_format, f)
	IF(ilf_type) IF(ilf_size) IF(ilf_fields) IF(ilf_asize) IF(ilf_dsize) IF(ilf_ino) IF(ilf_u) IF(ilf_blkno)
	IF(ilf_len) IF(ilf_boffset)
#define EF(of, tf) O2(dx_efi_log_format, of, struct xfs_efi_log_format, tf)
	EF(efi_nextents, efi_nextents) EF(efi_id, efi_id) EF(efi_extents, efi_extents)
	O2(dx_efi_log_format, efi_id, struct xfs_efd_log_format, efd_efi_id)
#define IC(f) O(dx_icreate_log, struct xfs_icreate_log, f)
	IC(icl_type) IC(icl_ag) IC(icl_agbno) IC(icl_count) IC(icl_isize) IC(icl_length) IC(icl_gen)
};

static const struct { const char *name; u64 ours, theirs; } values[] = {
#define V(o, t) { #o, o, t },
	V(DX_SB_MAGIC, XFS_SB_MAGIC) V(DX_AGF_MAGIC, XFS_AGF_MAGIC) V(DX_AGI_MAGIC, XFS_AGI_MAGIC)
	V(DX_AGFL_MAGIC, XFS_AGFL_MAGIC) V(DX_ABTB_CRC_MAGIC, XFS_ABTB_CRC_MAGIC)
	V(DX_ABTC_CRC_MAGIC, XFS_ABTC_CRC_MAGIC) V(DX_IBT_CRC_MAGIC, XFS_IBT_CRC_MAGIC)
	V(DX_FIBT_CRC_MAGIC, XFS_FIBT_CRC_MAGIC) V(DX_BMAP_CRC_MAGIC, XFS_BMAP_CRC_MAGIC)
	V(DX_RMAP_CRC_MAGIC, XFS_RMAP_CRC_MAGIC) V(DX_REFC_CRC_MAGIC, XFS_REFC_CRC_MAGIC)
	V(DX_DINODE_MAGIC, XFS_DINODE_MAGIC) V(DX_SYMLINK_MAGIC, XFS_SYMLINK_MAGIC)
	V(DX_DA3_NODE_MAGIC, XFS_DA3_NODE_MAGIC) V(DX_ATTR3_LEAF_MAGIC, XFS_ATTR3_LEAF_MAGIC)
	V(DX_DIR3_LEAF1_MAGIC, XFS_DIR3_LEAF1_MAGIC) V(DX_DIR3_LEAFN_MAGIC, XFS_DIR3_LEAFN_MAGIC)
	V(DX_DIR3_BLOCK_MAGIC, XFS_DIR3_BLOCK_MAGIC) V(DX_DIR3_DATA_MAGIC, XFS_DIR3_DATA_MAGIC)
	V(DX_DIR3_FREE_MAGIC, XFS_DIR3_FREE_MAGIC) V(DX_ATTR3_RMT_MAGIC, XFS_ATTR3_RMT_MAGIC)
	V(DX_LOG_HEADER_MAGIC, XLOG_HEADER_MAGIC_NUM) V(DX_TRANS_HEADER_MAGIC, XFS_TRANS_HEADER_MAGIC)
	V(DX_TRANS_CHECKPOINT, XFS_TRANS_CHECKPOINT) V(DX_UNMOUNT_TYPE, XLOG_UNMOUNT_TYPE)
	V(DX_OH_CLIENT_TRANS, XFS_TRANSACTION) V(DX_OH_CLIENT_LOG, XFS_LOG)
	V(DX_OH_START_TRANS, XLOG_START_TRANS) V(DX_OH_COMMIT_TRANS, XLOG_COMMIT_TRANS)
	V(DX_OH_CONTINUE_TRANS, XLOG_CONTINUE_TRANS) V(DX_OH_WAS_CONT_TRANS, XLOG_WAS_CONT_TRANS)
	V(DX_OH_END_TRANS, XLOG_END_TRANS) V(DX_OH_UNMOUNT_TRANS, XLOG_UNMOUNT_TRANS)
	V(DX_LI_EFI, XFS_LI_EFI) V(DX_LI_EFD, XFS_LI_EFD) V(DX_LI_INODE, XFS_LI_INODE) V(DX_LI_BUF, XFS_LI_BUF)
	V(DX_LI_DQUOT, XFS_LI_DQUOT) V(DX_LI_QUOTAOFF, XFS_LI_QUOTAOFF) V(DX_LI_ICREATE, XFS_LI_ICREATE)
	V(DX_LI_RUI, XFS_LI_RUI) V(DX_LI_RUD, XFS_LI_RUD) V(DX_LI_CUI, XFS_LI_CUI) V(DX_LI_CUD, XFS_LI_CUD)
	V(DX_RUI_MAP, XFS_RMAP_EXTENT_MAP) V(DX_RUI_MAP_SHARED, XFS_RMAP_EXTENT_MAP_SHARED)
	V(DX_RUI_UNMAP, XFS_RMAP_EXTENT_UNMAP) V(DX_RUI_UNMAP_SHARED, XFS_RMAP_EXTENT_UNMAP_SHARED)
	V(DX_RUI_CONVERT, XFS_RMAP_EXTENT_CONVERT) V(DX_RUI_CONVERT_SHARED, XFS_RMAP_EXTENT_CONVERT_SHARED)
	V(DX_RUI_ALLOC, XFS_RMAP_EXTENT_ALLOC) V(DX_RUI_FREE, XFS_RMAP_EXTENT_FREE)
	V(DX_RUI_ATTR_FORK, XFS_RMAP_EXTENT_ATTR_FORK) V(DX_RUI_BMBT_BLOCK, XFS_RMAP_EXTENT_BMBT_BLOCK)
	V(DX_RUI_UNWRITTEN, XFS_RMAP_EXTENT_UNWRITTEN) V(DX_RMAP_ATTRFORK, XFS_RMAP_OFF_ATTR_FORK)
	V(DX_RMAP_BMBT, XFS_RMAP_OFF_BMBT_BLOCK) V(DX_RMAP_UNWRITTEN, XFS_RMAP_OFF_UNWRITTEN)
	V(DX_RMAP_OFF(~0ULL), XFS_RMAP_OFF_MASK) V(DX_RMAP_OWN_FS, XFS_RMAP_OWN_FS) V(DX_RMAP_OWN_LOG, XFS_RMAP_OWN_LOG)
	V(DX_RMAP_OWN_AG, XFS_RMAP_OWN_AG) V(DX_RMAP_OWN_INOBT, XFS_RMAP_OWN_INOBT)
	V(DX_RMAP_OWN_INODES, XFS_RMAP_OWN_INODES) V(DX_RMAP_OWN_REFC, XFS_RMAP_OWN_REFC) V(DX_RMAP_OWN_COW, XFS_RMAP_OWN_COW)
	V(DX_LI_BUI, XFS_LI_BUI) V(DX_LI_BUD, XFS_LI_BUD) V(DX_LI_ATTRI, XFS_LI_ATTRI) V(DX_LI_ATTRD, XFS_LI_ATTRD)
	V(DX_BLF_CHUNK, XFS_BLF_CHUNK) V(DX_BLF_INODE_BUF, XFS_BLF_INODE_BUF) V(DX_BLF_CANCEL, XFS_BLF_CANCEL)
	V(DX_BLFT_MASK, XFS_BLFT_MASK) V(DX_BLFT_SHIFT, XFS_BLFT_SHIFT)
	V(DX_BLFT_BTREE, XFS_BLFT_BTREE_BUF) V(DX_BLFT_AGF, XFS_BLFT_AGF_BUF) V(DX_BLFT_AGFL, XFS_BLFT_AGFL_BUF)
	V(DX_BLFT_AGI, XFS_BLFT_AGI_BUF) V(DX_BLFT_DINO, XFS_BLFT_DINO_BUF) V(DX_BLFT_SYMLINK, XFS_BLFT_SYMLINK_BUF)
	V(DX_BLFT_DIR_BLOCK, XFS_BLFT_DIR_BLOCK_BUF) V(DX_BLFT_DIR_DATA, XFS_BLFT_DIR_DATA_BUF)
	V(DX_BLFT_DIR_FREE, XFS_BLFT_DIR_FREE_BUF) V(DX_BLFT_DIR_LEAF1, XFS_BLFT_DIR_LEAF1_BUF)
	V(DX_BLFT_DIR_LEAFN, XFS_BLFT_DIR_LEAFN_BUF) V(DX_BLFT_DA_NODE, XFS_BLFT_DA_NODE_BUF)
	V(DX_BLFT_ATTR_LEAF, XFS_BLFT_ATTR_LEAF_BUF) V(DX_BLFT_ATTR_RMT, XFS_BLFT_ATTR_RMT_BUF)
	V(DX_BLFT_SB, XFS_BLFT_SB_BUF)
	V(DX_ILOG_CORE, XFS_ILOG_CORE) V(DX_ILOG_DDATA, XFS_ILOG_DDATA) V(DX_ILOG_DEXT, XFS_ILOG_DEXT)
	V(DX_ILOG_DBROOT, XFS_ILOG_DBROOT) V(DX_ILOG_DEV, XFS_ILOG_DEV) V(DX_ILOG_ADATA, XFS_ILOG_ADATA)
	V(DX_ILOG_AEXT, XFS_ILOG_AEXT) V(DX_ILOG_ABROOT, XFS_ILOG_ABROOT) V(DX_ILOG_DOWNER, XFS_ILOG_DOWNER)
	V(DX_ILOG_AOWNER, XFS_ILOG_AOWNER)
	V(DX_SB_FEAT_RO_COMPAT_FINOBT, XFS_SB_FEAT_RO_COMPAT_FINOBT)
	V(DX_SB_FEAT_RO_COMPAT_RMAPBT, XFS_SB_FEAT_RO_COMPAT_RMAPBT)
	V(DX_SB_FEAT_RO_COMPAT_REFLINK, XFS_SB_FEAT_RO_COMPAT_REFLINK)
	V(DX_SB_FEAT_RO_COMPAT_INOBTCNT, XFS_SB_FEAT_RO_COMPAT_INOBTCNT)
	V(DX_SB_FEAT_INCOMPAT_FTYPE, XFS_SB_FEAT_INCOMPAT_FTYPE)
	V(DX_SB_FEAT_INCOMPAT_SPINODES, XFS_SB_FEAT_INCOMPAT_SPINODES)
	V(DX_SB_FEAT_INCOMPAT_META_UUID, XFS_SB_FEAT_INCOMPAT_META_UUID)
	V(DX_SB_FEAT_INCOMPAT_BIGTIME, XFS_SB_FEAT_INCOMPAT_BIGTIME)
	V(DX_SB_FEAT_INCOMPAT_NEEDSREPAIR, XFS_SB_FEAT_INCOMPAT_NEEDSREPAIR)
	V(DX_SB_FEAT_INCOMPAT_NREXT64, XFS_SB_FEAT_INCOMPAT_NREXT64)
	V(DX_DIFLAG2_REFLINK, XFS_DIFLAG2_REFLINK) V(DX_DIFLAG2_BIGTIME, XFS_DIFLAG2_BIGTIME)
	V(DX_DIFLAG_PREALLOC, XFS_DIFLAG_PREALLOC) V(DX_DIFLAG_IMMUTABLE, XFS_DIFLAG_IMMUTABLE)
	V(DX_DIFLAG_APPEND, XFS_DIFLAG_APPEND) V(DX_DIFLAG_PROJINHERIT, XFS_DIFLAG_PROJINHERIT)
	V(DX_DIFLAG_EXTSIZE, XFS_DIFLAG_EXTSIZE) V(DX_DIFLAG_NODEFRAG, XFS_DIFLAG_NODEFRAG)
	V(DX_ATTR_LOCAL, XFS_ATTR_LOCAL) V(DX_ATTR_ROOT, XFS_ATTR_ROOT) V(DX_ATTR_SECURE, XFS_ATTR_SECURE)
	V(DX_ATTR_INCOMPLETE, XFS_ATTR_INCOMPLETE)
	V(DX_MAX_AEXTNUM, XFS_MAX_EXTCNT_ATTR_FORK_SMALL) V(DX_MAX_EXTNUM_LARGE, XFS_MAX_EXTCNT_DATA_FORK_LARGE)
	V(DX_MAX_AEXTNUM_LARGE, XFS_MAX_EXTCNT_ATTR_FORK_LARGE) V(DX_DIFLAG2_NREXT64, XFS_DIFLAG2_NREXT64)
};

#define COMPARE(table, what) ({								\
	size_t __i;									\
	for (__i = 0; __i < ARRAY_SIZE(table); __i++)					\
		if (table[__i].ours != table[__i].theirs) {				\
			printf("# %s of %s: %llu, theirs %llu\n", what, table[__i].name,\
			       (unsigned long long)table[__i].ours,			\
			       (unsigned long long)table[__i].theirs);			\
			host_check(false, table[__i].name, __FILE__, __LINE__);		\
		} })

static int same(void *arg)
{
	COMPARE(sizes, "size");
	COMPARE(offsets, "offset");
	COMPARE(values, "value");
	CHECK_EQ(sizeof(struct dx_btree_sblock), DX_BTREE_SBLOCK_LEN);
	CHECK_EQ(sizeof(struct dx_btree_lblock), DX_BTREE_LBLOCK_LEN);
	CHECK_EQ(DX_BTREE_SBLOCK_LEN, XFS_BTREE_SBLOCK_CRC_LEN);
	CHECK_EQ(DX_BTREE_LBLOCK_LEN, XFS_BTREE_LBLOCK_CRC_LEN);
	return 0;
}

int main(void)
{
	char name[80];

	snprintf(name, sizeof(name), "%zu structures, %zu fields and %zu values are xfsprogs'", ARRAY_SIZE(sizes),
		 ARRAY_SIZE(offsets), ARRAY_SIZE(values));
	host_test(name, 0, same, NULL);
	return host_test_exit();
}
#else
int main(void)
{
	printf("ok # skipped: xfslibs-dev is not installed\n");
	return 0;
}
#endif
