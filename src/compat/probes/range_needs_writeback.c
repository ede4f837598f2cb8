// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a direct read that may not wait says EAGAIN where there is any page
 * 1: ... where one is dirty: filemap_range_needs_writeback() (5.13)
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(filemap_range_needs_writeback);

#elif FORM == 1
bool probe(struct address_space *mapping) { return filemap_range_needs_writeback(mapping, 0, 1); }

#endif
