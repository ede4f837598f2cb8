/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories, symlinks, and the operations on names, which start their own transactions and take the ILOCKs.  The calls
 * named dx_dir_* run under the ILOCK of the directory (exclusive inside a transaction to change, shared to read).
 */
#ifndef DX_DIR_H
#define DX_DIR_H

#include "dx_inode.h"

/* ---- namespace: dirops.c.  The caller (VFS) holds the directories' i_rwsem. ---- */
struct dx_name { const u8 *name; int len; u8 ftype; };

/*
 * A name of an inode, and the directory that it is in; how the names of an inode change (old: none, it is new; new: none, it
 * goes).
 */
struct dx_parent_name { const struct dx_inode *dp; const u8 *name; u8 len; };
struct dx_parent_change { struct dx_parent_name old, new; };
/* What names ask of the attributes above, on volumes with parent pointers; the mount hands it down. */
struct dx_dir_above {
	int	(*parent_check)(struct dx_inode *ip, const struct dx_parent_change *c, bool blocks);
	int	(*parent_update)(struct dx_trans *tp, struct dx_inode *ip, const struct dx_parent_change *c);
	int	(*add_attr_fork)(struct dx_inode *ip, u32 size_hint, bool rsvd);
};

int dx_lookup(struct dx_inode *dp, const struct dx_name *name, dx_ino_t *ino, struct dx_name *ci_name);
/* files, dirs, devices: returned referenced */
int dx_create(struct dx_inode *dp, const struct dx_name *name, const struct dx_create_args *a, struct dx_inode **ipp);
/* nlink 0, on the unlinked list */
int dx_create_tmpfile(struct dx_inode *dp, const struct dx_create_args *a, struct dx_inode **ipp);
int dx_symlink(struct dx_inode *dp, const struct dx_name *name, const char *target,
	       const struct dx_create_args *a, struct dx_inode **ipp);
int dx_link(struct dx_inode *dp, struct dx_inode *sip, const struct dx_name *name);
int dx_remove(struct dx_inode *dp, const struct dx_name *name, struct dx_inode *ip);	/* unlink and rmdir */
#define DX_RENAME_NOREPLACE	1
#define DX_RENAME_EXCHANGE	2
#define DX_RENAME_WHITEOUT	4
int dx_rename(struct dx_inode *sdp, const struct dx_name *sname, struct dx_inode *sip,
	      struct dx_inode *tdp, const struct dx_name *tname, struct dx_inode *tip, struct dx_inode *wip,
	      u32 flags);
/* buf: DX_SYMLINK_MAXLEN + 1; NUL-terminated; returns length: symlink.c */
int dx_readlink(struct dx_inode *ip, char *buf);

/* ---- directories: dir.c and dir_{sf,block,leaf,node,data}.c, da_btree.c ---- */
int dx_dir_init(struct dx_trans *tp, struct dx_inode *dp, dx_ino_t parent);	/* fresh directory: short form */
int dx_dir_lookup(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t *ino, struct dx_name *ci_name);
int dx_dir_enter_name(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total);
int dx_dir_erase_name(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total);
int dx_dir_replace(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total);
/* -ENOSPC when it needs blocks, or where a name can become another's */
int dx_dir_has_room(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino);
int dx_dir_replace_has_room(struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino);
int dx_dir_isempty(struct dx_inode *dp, bool *empty);
/*
 * Emit entries from *pos on ("." and ".." included); emit returns false when full and sees that entry again next
 * time.  emit's pos is the entry's own cookie (31 bits); no lock is held around it.  Takes the ILOCK itself; *pos is
 * where to go on.
 */
typedef bool (*dx_dir_emit_t)(void *ctx, const u8 *name, int len, u64 pos, dx_ino_t ino, u8 ftype);
int dx_dir_readdir(struct dx_inode *dp, u64 *pos, dx_dir_emit_t emit, void *ctx);
struct dx_da_args;
int dx_dir_sf_to_block(struct dx_da_args *a);	/* what the fork has no room for beside attributes */
u8 dx_mode_to_ftype(umode_t mode);
extern const struct dx_buf_ops dx_symlink_buf_ops;

/* contents of local forks, before they are believed: dir_sf.c, symlink.c */
int dx_dir_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);
int dx_symlink_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);

/* worst-case blocks, for transaction reservations (fsblocks) */
u32 dx_dir_enter_space(struct dx_mount *mp, int namelen);
u32 dx_dir_remove_space(struct dx_mount *mp);
u32 dx_symlink_blocks(struct dx_mount *mp, int pathlen);

/* symlink.c */
int dx_symlink_remote_write(struct dx_trans *tp, struct dx_inode *ip, const char *target, int len, u32 resblks);
int dx_symlink_inactive_remote(struct dx_inode *ip);

#endif /* DX_DIR_H */
