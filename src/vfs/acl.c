// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX ACLs in XFS's form: the attributes SGI_ACL_FILE and SGI_ACL_DEFAULT
 * of the root namespace, a big-endian count and entries of tag, id and permissions.
 */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include "dx_vfs.h"

struct disk_ace {
	__be32	ae_tag;
	__be32	ae_id;
	__be16	ae_perm;
	u8	ae_pad[2];
};
struct disk_acl {
	__be32		acl_cnt;
	struct disk_ace	acl_entry[];
};

#define MAX_ENTRIES	((DX_XATTR_SIZE_MAX - sizeof(struct disk_acl)) / sizeof(struct disk_ace))

static const char *acl_name(int type)
{
	return dx_acl_attrs[type != ACL_TYPE_ACCESS].name;
}

/*
 * Tags are single bits.  False: nothing that an ACL can have.  Permissions are taken as they stand, and so is the
 * order of entries: who asks for a permission looks at the bits that it knows, and finds -EIO if no entry applies.
 */
static bool ace_from_disk(struct user_namespace *ns, const struct disk_ace *a, struct posix_acl_entry *e)
{
	const u32 known = ACL_USER_OBJ | ACL_USER | ACL_GROUP_OBJ | ACL_GROUP | ACL_MASK | ACL_OTHER;
	u32 tag = be32_to_cpu(a->ae_tag), id = be32_to_cpu(a->ae_id);

	if (hweight32(tag) != 1 || (tag & ~known))
		return false;
	e->e_tag = tag;
	e->e_perm = be16_to_cpu(a->ae_perm);
	if (tag == ACL_USER)
		e->e_uid = make_kuid(ns, id);
	if (tag == ACL_GROUP)
		e->e_gid = make_kgid(ns, id);
	return true;
}

/*
 * The length says how many entries there are, and the count must agree.  An entry of no known kind is
 * -EINVAL, as on stock XFS: the structure holds, an older kernel does not know what is in it.
 */
static struct posix_acl *from_disk(struct dx_mount *mp, const struct disk_acl *d, size_t len)
{
	struct super_block *sb = mp->vfs;
	size_t n = len < sizeof(*d) ? 0 : (len - sizeof(*d)) / sizeof(d->acl_entry[0]);
	struct posix_acl *acl;

	if (len != sizeof(*d) + n * sizeof(d->acl_entry[0]) || n > MAX_ENTRIES || n != be32_to_cpu(d->acl_cnt))
		return ERR_PTR(-EFSCORRUPTED);
	acl = posix_acl_alloc(n, GFP_KERNEL);
	if (!acl)
		return ERR_PTR(-ENOMEM);
	while (n--) {
		if (!ace_from_disk(sb->s_user_ns, &d->acl_entry[n], &acl->a_entries[n])) {
			posix_acl_release(acl);
			return ERR_PTR(-EINVAL);
		}
	}
	return acl;
}

/**
 * dx_get_acl - inode_operations
 *
 * Return: the ACL, NULL for none, or ERR_PTR; the VFS caches it.
 */
struct posix_acl *dx_get_acl(struct inode *inode, int type, bool rcu)
{
	struct dx_attr_arg a = { .ip = DX_I(inode), .nsp = DX_ATTR_ROOT };
	struct dx_mount *mp = DX_M(inode->i_sb);
	struct posix_acl *acl;
	int error;

	if (rcu)
		return ERR_PTR(-ECHILD);
	a.name = (const u8 *)acl_name(type);
	a.namelen = strlen(acl_name(type));
	error = dx_attr_get_whole(&a);
	if (error == -ENOATTR)
		return NULL;
	if (error)
		return ERR_PTR(error);
	acl = from_disk(mp, a.value, a.valuelen);
	if (acl == ERR_PTR(-EFSCORRUPTED) || acl == ERR_PTR(-EINVAL))
		dx_err_ratelimited(mp, "inode 0x%llx: attribute %s is not a valid ACL", DX_I(inode)->ino, acl_name(type));
	kvfree(a.value);
	return acl;
}

/**
 * dx_acl_store - store an ACL as it is
 * @inode: i_rwsem held or still I_NEW
 * @acl: NULL removes it
 * @type: ACL_TYPE_*
 *
 * Neither checks nor changes the mode.  Return: 0 or negative errno.
 */
int dx_acl_store(struct inode *inode, struct posix_acl *acl, int type)
{
	struct super_block *sb = inode->i_sb;
	struct disk_acl *d;
	size_t len;
	int error, i;

	if (!acl) {
		error = dx_xattr_set_raw(inode, acl_name(type), DX_ATTR_ROOT, NULL, 0, 0);
		return error == -ENOATTR ? 0 : error;
	}
	if (acl->a_count > MAX_ENTRIES)
		return -E2BIG;
	len = sizeof(*d) + acl->a_count * sizeof(struct disk_ace);
	d = kvzalloc(len, GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	d->acl_cnt = cpu_to_be32(acl->a_count);
	for (i = 0; i < acl->a_count; i++) {
		const struct posix_acl_entry *e = &acl->a_entries[i];
		struct disk_ace *a = &d->acl_entry[i];

		a->ae_tag = cpu_to_be32(e->e_tag);
		a->ae_perm = cpu_to_be16(e->e_perm);
		if (e->e_tag == ACL_USER)
			a->ae_id = cpu_to_be32(from_kuid(sb->s_user_ns, e->e_uid));
		else if (e->e_tag == ACL_GROUP)
			a->ae_id = cpu_to_be32(from_kgid(sb->s_user_ns, e->e_gid));
		else
			a->ae_id = cpu_to_be32(ACL_UNDEFINED_ID);	/* as stock XFS leaves it */
	}
	error = dx_xattr_set_raw(inode, acl_name(type), DX_ATTR_ROOT, d, len, 0);
	kvfree(d);
	return error;
}

/**
 * dx_set_acl - inode_operations: set or remove an ACL, mode included
 *
 * i_rwsem held exclusive by the VFS.
 */
int dx_set_acl(dx_idmap_t idmap, struct inode *inode, struct posix_acl *acl, int type)
{
	struct dx_setattr sa = { };
	umode_t mode = inode->i_mode;
	int error;

	if (acl && acl->a_count > MAX_ENTRIES)
		return -E2BIG;
	if (type == ACL_TYPE_DEFAULT && !S_ISDIR(inode->i_mode))
		return acl ? -EACCES : 0;
	if (type == ACL_TYPE_ACCESS && acl) {
		error = dx_posix_acl_update_mode(idmap, inode, &mode, &acl);
		if (error)
			return error;
	}
	error = dx_acl_store(inode, acl, type);
	if (error)
		return error;
	if (mode != inode->i_mode) {
		sa.valid = DX_ATTR_MODE | DX_ATTR_CTIME;
		sa.mode = mode;
		sa.ctime = current_time(inode);
		error = dx_setattr_nosize(DX_I(inode), &sa, dx_is_wsync(DX_I(inode)->mp));
		if (error)
			return error;
		dx_vnode_sync(inode);
	}
	set_cached_acl(inode, type, acl);
	return 0;
}
