/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories and extended attributes.  Directory calls run under the
 * ILOCK of the directory (exclusive inside a transaction to change, shared to
 * read); the attribute calls named *_op start their own transactions and take it themselves.
 */
#ifndef DX_DIR_H
#define DX_DIR_H

#include "dx_inode.h"

/* ---- directories: dir.c and dir_{sf,block,leaf,node,data}.c, da_btree.c ---- */
int dx_dir_init(struct dx_trans *tp, struct dx_inode *dp, dx_ino_t parent);	/* fresh directory: short form */
int dx_dir_lookup(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t *ino, struct dx_name *ci_name);
int dx_dir_createname(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total);
int dx_dir_removename(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total);
int dx_dir_replace(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name, dx_ino_t ino, dx_extlen_t total);
int dx_dir_canenter(struct dx_trans *tp, struct dx_inode *dp, const struct dx_name *name);	/* -ENOSPC when it needs blocks */
int dx_dir_isempty(struct dx_inode *dp, bool *empty);
/*
 * Emit entries from *pos on ("." and ".." included); emit returns false when full and sees that entry again next
 * time.  emit's pos is the entry's own cookie (31 bits); no lock is held around it.  Takes the ILOCK itself; *pos is
 * where to go on.
 */
typedef bool (*dx_dir_emit_t)(void *ctx, const u8 *name, int len, u64 pos, dx_ino_t ino, u8 ftype);
int dx_dir_readdir(struct dx_inode *dp, u64 *pos, dx_dir_emit_t emit, void *ctx);
u8 dx_mode_to_ftype(umode_t mode);
extern const struct dx_buf_ops dx_symlink_buf_ops;

/* contents of local forks, before they are believed: dir_sf.c, attr_sf.c, symlink.c */
int dx_dir_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);
int dx_attr_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);
int dx_symlink_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes);

/* worst-case blocks, for transaction reservations (fsblocks) */
u32 dx_dir_enter_space(struct dx_mount *mp, int namelen);
u32 dx_dir_remove_space(struct dx_mount *mp);
u32 dx_dialloc_space(struct dx_mount *mp);
u32 dx_symlink_blocks(struct dx_mount *mp, int pathlen);

/* ---- attributes: attr.c and attr_{sf,leaf,remote}.c ---- */
struct dx_attr_arg {
	struct dx_inode *ip;
	const u8	*name;
	int		namelen;
	u8		nsp;		/* DX_ATTR_ROOT, DX_ATTR_SECURE or 0 */
	void		*value;		/* get: buffer or NULL to ask for the length */
	int		valuelen;	/* in: room or length; get: out length */
	bool		create, replace;	/* XATTR_CREATE, XATTR_REPLACE */
};
int dx_attr_get(struct dx_attr_arg *a);			/* takes ILOCK shared; -ENOATTR, -ERANGE */
int dx_attr_get_locked(struct dx_attr_arg *a);
int dx_attr_set_op(struct dx_attr_arg *a);		/* value NULL = remove; own transactions; -EEXIST, -ENOATTR, -ENOSPC */
/* calls fn for each attribute, INCOMPLETE ones left out; takes ILOCK shared; fn returns non-zero to stop */
int dx_attr_list(struct dx_inode *ip, int (*fn)(void *ctx, u8 flags, const u8 *name, int namelen, int valuelen), void *ctx);
int dx_attr_inactive(struct dx_inode *ip);		/* free the whole attr fork of a dying inode; own transactions */
/* symlink.c */
int dx_symlink_remote_write(struct dx_trans *tp, struct dx_inode *ip, const char *target, int len, u32 resblks);
int dx_symlink_inactive_remote(struct dx_inode *ip);

#endif /* DX_DIR_H */
