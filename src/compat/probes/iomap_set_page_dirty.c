// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a page is dirtied by what the page cache has for that, or there are folios
 * 1: iomap_set_page_dirty() (until 5.14)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_set_page_dirty);

#elif FORM == 1
void *probe(void) { return iomap_set_page_dirty; }

#endif
