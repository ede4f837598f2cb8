// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: nothing gives back reservations after a short write
 * 1: iomap_file_buffered_write_punch_delalloc() (6.1)
 * 2: iomap_write_delalloc_release(), under a lock of the caller (6.12)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_file_buffered_write_punch_delalloc);
NO_SYMBOL(iomap_write_delalloc_release);

#elif FORM == 1
static int probe_f(struct inode *inode, loff_t pos, loff_t len) { return 0; }
int probe(struct inode *inode) { return iomap_file_buffered_write_punch_delalloc(inode, NULL, 0, 0, 0, probe_f); }

#elif FORM == 2
static void probe_f(struct inode *inode, loff_t pos, loff_t len, struct iomap *iomap) { }
void probe(struct inode *inode) { iomap_write_delalloc_release(inode, 0, 0, 0, NULL, probe_f); }

#endif
