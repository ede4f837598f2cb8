// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mount context over ->mount() and ->remount_fs(), for kernels before 5.6.
 *
 * Options come as one string, "a,b=c", from which the VFS has taken its own flags, and a security
 * module what is about it.  Context: process, s_umount held for a remount.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "compat_fs_context.h"

#if HAVE_FS_CONTEXT < 2
/**
 * fs_parse - find out which option this is
 * @fc: context
 * @specs: options that there are, ended by one without a name
 * @param: the option as given
 * @result: its value, where it is a number
 *
 * An option may be listed twice, as a flag and with a value.  Return: the
 * option's number, -EINVAL with a message.  Source: Documentation/filesystems/mount_api.rst.
 */
int fs_parse(struct fs_context *fc, const struct fs_parameter_spec *specs, struct fs_parameter *param,
	     struct fs_parse_result *result)
{
	const struct fs_parameter_spec *s;
	bool known = false;

	for (s = specs; s->name; s++) {
		if (strcmp(s->name, param->key))
			continue;
		known = true;
		if ((s->type == DX_PARAM_FLAG) != !param->string)
			continue;
		if (s->type == DX_PARAM_U32 && kstrtouint(param->string, 0, &result->uint_32))
			break;
		return s->opt;
	}
	if (!known)
		return invalf(fc, "%s: unknown mount option %s", fc->fs_type->name, param->key);
	if (!param->string)
		return invalf(fc, "%s: mount option %s needs a value", fc->fs_type->name, param->key);
	return invalf(fc, "%s: bad value for mount option %s: %s", fc->fs_type->name, param->key, param->string);
}

static int parse_options(struct fs_context *fc, char *options)
{
	int error = 0;
	char *word;

	while (!error && (word = strsep(&options, ",")) != NULL) {
		struct fs_parameter param = { .key = word, .string = strchr(word, '=') };

		if (!*word)
			continue;
		if (param.string)
			*param.string++ = '\0';
		error = fc->ops->parse_param(fc, &param);
	}
	return error;
}

static int fill(struct super_block *sb, void *data, int silent)
{
	struct fs_context *fc = data;

	sb->s_fs_info = fc->s_fs_info;
	return fc->fill_super(sb, fc);
}

/**
 * get_tree_bdev - find or make the super block of the context's device
 * @fc: context; its root is set
 * @fill_super: fills in a new super block, to which s_fs_info belongs from then on
 *
 * Return: 0 or negative errno.
 */
int get_tree_bdev(struct fs_context *fc, int (*fill_super)(struct super_block *sb, struct fs_context *fc))
{
	fc->fill_super = fill_super;
	fc->root = mount_bdev(fc->fs_type, fc->sb_flags, fc->source, fc, fill);
	return PTR_ERR_OR_ZERO(fc->root);
}

/* @options is taken to pieces: the callers' copy. */
static int run(struct fs_context *fc, char *options, int (*init)(struct fs_context *fc))
{
	int error = init(fc);

	if (error)
		return error;
	error = parse_options(fc, options);
	if (!error)
		error = fc->purpose == DX_CONTEXT_FOR_MOUNT ? fc->ops->get_tree(fc) : fc->ops->reconfigure(fc);
	fc->ops->free(fc);
	return error;
}

/**
 * dx_context_mount - ->mount()
 * @type: file system
 * @flags: SB_*
 * @source: the device's path
 * @options: NULL, or the options
 * @init: what sets a context up
 *
 * Return: the root, with a reference and s_umount held, as mount_bdev() does; ERR_PTR.
 */
struct dentry *dx_context_mount(struct file_system_type *type, int flags, const char *source, char *options,
				int (*init)(struct fs_context *fc))
{
	struct fs_context fc = {
		.purpose = DX_CONTEXT_FOR_MOUNT, .fs_type = type, .source = source, .sb_flags = flags,
	};
	char *own = kstrdup(options ?: "", GFP_KERNEL);
	int error = own ? run(&fc, own, init) : -ENOMEM;

	kfree(own);
	return error ? ERR_PTR(error) : fc.root;
}

/**
 * dx_context_remount - ->remount_fs()
 * @sb: mounted, s_umount exclusive
 * @flags: SB_*; changed to what the file system made of them
 * @options: NULL, or the options
 * @init: what sets a context up
 *
 * Return: 0 or negative errno.
 */
int dx_context_remount(struct super_block *sb, int *flags, char *options, int (*init)(struct fs_context *fc))
{
	struct fs_context fc = {
		.purpose = DX_CONTEXT_FOR_RECONFIGURE, .fs_type = sb->s_type, .root = sb->s_root,
		.sb_flags = *flags, .sb_flags_mask = SB_RDONLY | SB_SYNCHRONOUS | SB_LAZYTIME,
	};
	char *own = kstrdup(options ?: "", GFP_KERNEL);
	int error = own ? run(&fc, own, init) : -ENOMEM;

	kfree(own);
	*flags = fc.sb_flags;
	return error;
}
#endif
