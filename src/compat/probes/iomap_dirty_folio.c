// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a folio is dirty as a whole
 * 1: iomap knows which blocks of a folio are dirty (6.6)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_dirty_folio);

#elif FORM == 1
void *probe(void) { return iomap_dirty_folio; }

#endif
