/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each macro of src/compat that makes something, put to use once; the functions are there with their headers. probe.sh compiles it,
 * and nobody else: what differs in a kernel and is no probe's question is found before the build, and told in one sentence.
 * An error in a macro is to have the name of its header, hence the #line.
 */
#include "dx_compat.h"
#include "compat_core.h"
#include <linux/module.h>

struct every_vnode { dx_mmaplock_t mmaplock; dx_pinned_t pinned; };
struct every_vnode *dx_vnode(const struct inode *inode);

#line 1 "compat_inode_ops.h"
int every_create(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, umode_t mode);
int every_symlink(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, const char *target);
int every_mkdir(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, umode_t mode);
int every_mknod(dx_idmap_t idmap, struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev);
int every_rename(dx_idmap_t idmap, struct inode *odir, struct dentry *odentry, struct inode *ndir, struct dentry *ndentry,
		 unsigned int flags);
struct inode *every_tmpfile(dx_idmap_t idmap, struct inode *dir, umode_t mode);
void every_done(struct inode *inode, struct posix_acl *unused);
int every_getattr(dx_idmap_t idmap, const struct path *path, struct kstat *stat, u32 mask, unsigned int flags);
int every_setattr(dx_idmap_t idmap, struct dentry *dentry, struct iattr *attr);
int every_update_time(struct inode *inode, const struct timespec64 *now, int flags);
struct posix_acl *every_get_acl(struct inode *inode, int type, bool rcu);
int every_set_acl(dx_idmap_t idmap, struct inode *inode, struct posix_acl *acl, int type);
DX_OP_CREATE(every_create);
DX_OP_SYMLINK(every_symlink);
DX_OP_MKDIR(every_mkdir);
DX_OP_MKNOD(every_mknod);
DX_OP_RENAME(every_rename);
DX_OP_TMPFILE(every_tmpfile, every_done);
DX_OP_GETATTR(every_getattr);
DX_OP_SETATTR(every_setattr);
DX_OP_UPDATE_TIME(every_update_time);
DX_OP_GET_ACL(every_get_acl);
DX_OP_SET_ACL(every_set_acl);

#line 1 "compat_fileattr.h"
struct dx_fileattr;
int every_fileattr_get(struct dentry *dentry, struct dx_fileattr *fa);
int every_fileattr_set(dx_idmap_t idmap, struct dentry *dentry, struct dx_fileattr *fa);
DX_OP_FILEATTR_SET(every_fileattr_set);
const struct inode_operations every_special = { DX_FILEATTR_SPECIAL_OPS(every_fileattr_get, every_fileattr_set) };
long every_ioctl(struct file *file, unsigned int cmd, void __user *arg)
{
	return dx_fileattr_ioctl(file, cmd, arg, every_fileattr_get, every_fileattr_set);
}

#line 1 "compat_inode_ops.h"
const struct inode_operations every_iops = {
	.create		= every_create_op,
	.symlink	= every_symlink_op,
	.mkdir		= every_mkdir_op,
	.mknod		= every_mknod_op,
	.rename		= every_rename_op,
	.tmpfile	= every_tmpfile_op,
	.getattr	= every_getattr_op,
	.setattr	= every_setattr_op,
	.update_time	= every_update_time_op,
	DX_ACL_OPS(every_get_acl, every_set_acl),
	DX_FILEATTR_OPS(every_fileattr_get, every_fileattr_set)
};

#line 1 "compat_xattr.h"
int every_xattr(const struct xattr_handler *h, dx_idmap_t idmap, struct dentry *dentry, struct inode *inode, const char *name,
		const void *value, size_t size, int flags);
DX_OP_XATTR_SET(every_xattr);
const struct xattr_handler every_handler = { .set = every_xattr_op };
dx_xattr_handler_t every_handlers[] = { &every_handler, DX_XATTR_ACL_HANDLERS NULL };

#line 1 "compat_lock.h"
void every_lock(struct inode *inode)
{
	dx_mmaplock_init(DX_MMAPLOCK(inode));
	dx_mmaplock_excl_second(inode);
	dx_mmapunlock_excl(inode);
	WARN_ON(dx_mmaplock_held_excl(inode) && DX_LATE_READAHEAD && DX_CAN_RANGE);
}

#line 1 "compat_iomap.h"
int every_begin(struct inode *inode, loff_t pos, loff_t length, unsigned int flags, struct iomap *iomap, struct iomap *srcmap);
int every_end(struct inode *inode, loff_t pos, loff_t length, ssize_t written, unsigned int flags, struct iomap *iomap);
bool every_valid(struct inode *inode, u64 cookie);
void every_punch(struct inode *inode, loff_t pos, loff_t length);
DX_IOMAP_OPS(every_read_ops, every_begin);
DX_DIRECT_IOMAP_OPS(every_direct_ops, every_begin);
DX_WRITE_IOMAP_OPS(every_write_ops, every_begin, every_end);
DX_IOMAP_VALID(every_valid);
DX_IOMAP_PUNCH(every_punch_short, every_punch);
void every_pinned(struct inode *inode)
{
	dx_pinned_init(&dx_vnode(inode)->pinned);
}

#line 1 "compat_dio.h"
int every_end_io(struct kiocb *iocb, ssize_t size, int error, unsigned int flags);
DX_DIO_OPS(every_dio_ops, every_end_io);
ssize_t every_dio(struct kiocb *iocb, struct iov_iter *iter)
{
	return DX_CAN_OVERWRITE_ONLY + IOMAP_OVERWRITE_ONLY + IOMAP_ATOMIC + DX_IOMAP_F_ATOMIC +
	       IOMAP_DIO_UNWRITTEN + IOMAP_DIO_COW +
	       dx_iomap_dio_rw(iocb, iter, &every_direct_ops, &every_dio_ops, DX_DIO_FORCE_WAIT | DX_DIO_OVERWRITE_ONLY);
}

#line 1 "compat_writeback.h"
int every_map(struct dx_wpc *wpc, struct inode *inode, loff_t pos);
void every_submit(struct iomap_ioend *ioend);
void every_discard(struct inode *inode, loff_t pos, loff_t end);
DX_WRITEBACK(every_writepages, every_map, every_submit, every_discard);
void every_ioend(struct iomap_ioend *ioend, struct list_head *list)
{
	iomap_sort_ioends(list);
	dx_ioend_try_merge(ioend, list);
	if (ioend->io_offset + ioend->io_size && dx_bio_ioend(dx_ioend_bio(ioend)) == ioend)
		iomap_finish_ioends(ioend, ioend->io_inode->i_ino);
}

#line 1 "compat_aops.h"
sector_t every_bmap(struct address_space *mapping, sector_t block);
int every_swap(struct swap_info_struct *sis, struct file *file, sector_t *span);
DX_AOPS(every_aops, &every_read_ops, every_writepages, every_bmap, every_swap);
int every_swapfile(struct swap_info_struct *sis, struct file *file, sector_t *span)
{
	return dx_iomap_swapfile_activate(sis, file, span, &every_read_ops);
}

#line 1 "compat_file.h"
int every_may(struct inode *inode);
loff_t every_remap(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, loff_t len, unsigned int flags);
DX_FAULT_OPS(every)
DX_SPLICE_READ(every_splice, every_may);
#line 1 "compat_remap.h"
DX_REMAP_OPS(every_remap)
#line 1 "compat_file.h"
const struct vm_operations_struct every_vmops = { DX_FAULT_MEMBERS(every) };
const struct file_operations every_fops = {
	DX_FOP_FLAGS
	DX_FOP_IOPOLL
	.splice_read	= every_splice,
	DX_REMAP_MEMBERS(every_remap)
	DX_FADVISE_MEMBER(every)
};

#line 1 "compat_fs_context.h"
int every_init(struct fs_context *fc);
enum { every_opt };
const struct fs_parameter_spec every_spec[] = {
	fsparam_flag("a", every_opt),
	fsparam_string("b", every_opt),
	fsparam_u32("c", every_opt),
	{}
};
int every_parse(struct fs_context *fc, struct fs_parameter *param)
{
	struct fs_parse_result r;

	return fs_parse(fc, every_spec, param, &r) < 0 ? invalf(fc, "%u %s", r.uint_32, param->string) : param->key[0];
}
int every_fill(struct super_block *sb, struct fs_context *fc);
int every_get_tree(struct fs_context *fc)
{
	return fc->purpose == FS_CONTEXT_FOR_RECONFIGURE ? 0 : get_tree_bdev(fc, every_fill);
}
DX_FS_CONTEXT(every, every_init, every_spec);
#line 1 "compat_super.h"
void every_free(struct inode *inode);
void __maybe_unused every_gone(struct super_block *sb);
DX_OP_FREE_INODE(every_free);
const struct super_operations every_sops = {
	DX_FREE_INODE(every_free)
	DX_SUPER_SHUTDOWN(every_gone)
	DX_SUPER_REMOUNT(every)
};
struct file_system_type every_type = {
	DX_FS_TYPE_CONTEXT(every, every_init, every_spec)
	.fs_flags	= DX_FS_ALLOW_IDMAP,
};
struct attribute *every_attrs[] = { NULL };
DX_KOBJ_ATTRS(every);
struct kobj_type every_ktype = { DX_KOBJ_DEFAULT(every) };
struct kmem_cache *every_cache(char *buf)
{
	return kmem_cache_create(sysfs_emit(buf, "%d", 1) + sysfs_emit_at(buf, 1, "%d", 1) ? "a" : "b", 1, 1, DX_SLAB_INODE, NULL);
}
#line 1 "compat_core.h"
unsigned int every_flags = WQ_PERCPU;
