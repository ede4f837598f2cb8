// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: nobody outside of the VFS may ask the security modules about an open file
 * 1: rw_verify_area() asks them about a read or a write (5.19)
 * 2: remap_verify_area() asks them, and fanotify, about a change of what a range maps (6.10)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(rw_verify_area);
NO_SYMBOL(remap_verify_area);

#elif FORM == 1
NO_SYMBOL(remap_verify_area);
int probe(struct file *file, loff_t pos) { return rw_verify_area(WRITE, file, &pos, 1); }

#elif FORM == 2
int probe(struct file *file) { return remap_verify_area(file, 0, 1, true); }

#endif
