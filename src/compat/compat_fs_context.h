/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mounting by a context that collects the options (fs_context).
 *
 * The kernel's own is used in the form that it has since 5.6.  Before that
 * (5.1 has it in another form, older kernels not at all) the interface below is an
 * implementation of ours over ->mount() and ->remount_fs(), which all of them have: as much
 * of it as a filesystem on one block device uses.
 *
 * DX_FS_CONTEXT(name, init, spec), at file scope, after the functions; then
 * DX_FS_TYPE_CONTEXT(name, init, spec) in the file_system_type, and DX_SUPER_REMOUNT(name) in the super_operations.
 */
#ifndef COMPAT_FS_CONTEXT_H
#define COMPAT_FS_CONTEXT_H

#include <linux/fs.h>
#include "dx_have.h"

#if HAVE_FS_CONTEXT == 2
#include <linux/fs_context.h>
#include <linux/fs_parser.h>

#define DX_FS_CONTEXT(name, init, spec)
#define DX_FS_TYPE_CONTEXT(name, init, spec)	.init_fs_context = init, .parameters = spec,
#define DX_SUPER_REMOUNT(name)

#else

/* Kernels of between have structures of these names in headers that we leave alone. */
#define fs_context		dx_fs_context
#define fs_context_operations	dx_fs_context_operations
#define fs_parameter		dx_fs_parameter
#define fs_parameter_spec	dx_fs_parameter_spec
#define fs_parse_result		dx_fs_parse_result
#define fs_parse		dx_fs_parse
#define get_tree_bdev		dx_get_tree_bdev

enum dx_fs_context_purpose { DX_CONTEXT_FOR_MOUNT, DX_CONTEXT_FOR_RECONFIGURE };
#define FS_CONTEXT_FOR_RECONFIGURE	DX_CONTEXT_FOR_RECONFIGURE

struct fs_context;

/* One option of those that were given. */
struct fs_parameter {
	const char	*key;
	char		*string;	/* what stands behind the "="; NULL without one */
};

/* One of those that there are. */
struct fs_parameter_spec {
	const char	*name;
	int		opt;
	enum { DX_PARAM_FLAG, DX_PARAM_STRING, DX_PARAM_U32 } type;
};
#define fsparam_flag(_name, _opt)	{ .name = _name, .opt = _opt, .type = DX_PARAM_FLAG }
#define fsparam_string(_name, _opt)	{ .name = _name, .opt = _opt, .type = DX_PARAM_STRING }
#define fsparam_u32(_name, _opt)	{ .name = _name, .opt = _opt, .type = DX_PARAM_U32 }

struct fs_parse_result {
	unsigned int	uint_32;
};

struct fs_context_operations {
	void	(*free)(struct fs_context *fc);
	int	(*parse_param)(struct fs_context *fc, struct fs_parameter *param);
	int	(*get_tree)(struct fs_context *fc);
	int	(*reconfigure)(struct fs_context *fc);
};

struct fs_context {
	const struct fs_context_operations	*ops;
	enum dx_fs_context_purpose		purpose;
	struct file_system_type			*fs_type;
	const char				*source;	/* mount: the device */
	struct dentry				*root;		/* the result of a mount; what a remount is about */
	void					*s_fs_info;	/* the filesystem's, the super block's once there is one */
	unsigned int				sb_flags, sb_flags_mask;
	struct { void *log; }			log;		/* mount(2) has no place for messages but the kernel log */
	int (*fill_super)(struct super_block *sb, struct fs_context *fc);
};

#define invalf(fc, fmt, ...)	({ pr_err(fmt "\n", ##__VA_ARGS__); -EINVAL; })

int fs_parse(struct fs_context *fc, const struct fs_parameter_spec *specs, struct fs_parameter *param,
	     struct fs_parse_result *result);
int get_tree_bdev(struct fs_context *fc, int (*fill_super)(struct super_block *sb, struct fs_context *fc));
struct dentry *dx_context_mount(struct file_system_type *type, int flags, const char *source, char *options,
				int (*init)(struct fs_context *fc));
int dx_context_remount(struct super_block *sb, int *flags, char *options, int (*init)(struct fs_context *fc));

#define DX_FS_CONTEXT(name, init, spec) \
static struct dentry *name##_mount(struct file_system_type *type, int flags, const char *source, void *options) \
{ \
	return dx_context_mount(type, flags, source, options, init); \
} \
static int name##_remount(struct super_block *sb, int *flags, char *options) \
{ \
	return dx_context_remount(sb, flags, options, init); \
}
#define DX_FS_TYPE_CONTEXT(name, init, spec)	.mount = name##_mount,
#define DX_SUPER_REMOUNT(name)			.remount_fs = name##_remount,

#endif

/* Is this remount an emergency, with writers that go on?  Before 5.0 nobody says so; but then it is a kernel thread that asks. */
static inline bool dx_context_is_forced(const struct fs_context *fc)
{
#ifdef SB_FORCE
	return fc->sb_flags & SB_FORCE;
#else
	return current->flags & PF_KTHREAD;
#endif
}

#endif /* COMPAT_FS_CONTEXT_H */
