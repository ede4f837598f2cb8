// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->iomap_begin(inode, pos, length, flags, iomap)
 * 1: ... and srcmap (5.5)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
static int probe_f(struct inode *inode, loff_t pos, loff_t length, unsigned int flags, struct iomap *iomap) { return 0; }
const struct iomap_ops probe_ops = { .iomap_begin = probe_f };

#elif FORM == 1
static int probe_f(struct inode *inode, loff_t pos, loff_t length, unsigned int flags, struct iomap *iomap, struct iomap *srcmap)
{
	return 0;
}
const struct iomap_ops probe_ops = { .iomap_begin = probe_f };

#endif
