// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: the VFS does not know what times can be stored
 * 1: sb->s_time_min, s_time_max (5.4)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct super_block, s_time_min);

#elif FORM == 1
void probe(struct super_block *sb) { sb->s_time_min = sb->s_time_max; }

#endif
