// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->clone_file_range(), ->dedupe_file_range(), vfs_clone_file_prep_inodes() (4.19)
 * 1: ->remap_file_range(), generic_remap_file_range_prep() (4.20)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
static int probe_f(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, u64 len)
{
	return vfs_clone_file_prep_inodes(file_inode(in), pos_in, file_inode(out), pos_out, &len, true);
}
const struct file_operations probe_ops = { .clone_file_range = probe_f, .dedupe_file_range = probe_f };

#elif FORM == 1
static loff_t probe_f(struct file *in, loff_t pos_in, struct file *out, loff_t pos_out, loff_t len, unsigned int flags)
{
	return generic_remap_file_range_prep(in, pos_in, out, pos_out, &len, flags);
}
const struct file_operations probe_ops = { .remap_file_range = probe_f };

#endif
