// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: generic_file_splice_read(), through ->read_iter
 * 1: filemap_splice_read(), which takes no lock of the inode (6.5)
 */
#include <linux/fs.h>
#include <linux/splice.h>
#include "probe.h"

#if FORM == 0
const struct file_operations probe_ops = { .splice_read = generic_file_splice_read };

#elif FORM == 1
NO_SYMBOL(generic_file_splice_read);
const struct file_operations probe_ops = { .splice_read = filemap_splice_read };

#endif
