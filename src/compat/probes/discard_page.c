// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap has no writeback
 * 1: ->discard_page(page), of a page of which nothing could be mapped (5.5)
 * 2: ->discard_page(page, pos), from where it could not (5.10, and backported)
 * 3: ->discard_folio(folio, pos) (5.17), or nothing asks
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_writepages);

#elif FORM == 1
static void probe_f(struct page *page) { }
const struct iomap_writeback_ops probe_ops = { .discard_page = probe_f };

#elif FORM == 2
static void probe_f(struct page *page, loff_t pos) { }
const struct iomap_writeback_ops probe_ops = { .discard_page = probe_f };

#elif FORM == 3
size_t probe(void) { return sizeof(struct iomap_writeback_ops); }
NO_MEMBER(struct iomap_writeback_ops, discard_page);

#endif
