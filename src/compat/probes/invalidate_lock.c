// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: nothing keeps faults from a mapping
 * 1: a mapping has a lock for it, which faults take (5.15)
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(filemap_invalidate_lock);
NO_MEMBER(struct address_space, invalidate_lock);

#elif FORM == 1
void probe(struct address_space *mapping) { filemap_invalidate_lock(mapping); down_read(&mapping->invalidate_lock); }

#endif
