// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: d_tmpfile(dentry, inode)
 * 1: d_tmpfile(file, inode), and ->tmpfile() is given the file (6.1)
 */
#include <linux/fs.h>
#include <linux/dcache.h>
#include "probe.h"

#if FORM == 0
void probe(struct dentry *dentry, struct inode *inode) { d_tmpfile(dentry, inode); }

#elif FORM == 1
void probe(struct file *file, struct inode *inode) { d_tmpfile(file, inode); }

#endif
