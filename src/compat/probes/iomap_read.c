// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap_readpage(page, ops)
 * 1: iomap_read_folio(folio, ops) (5.19)
 * 2: iomap_bio_read_folio(folio, ops) (6.19)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include "probe.h"

#if FORM == 0
int probe(struct page *page) { return iomap_readpage(page, NULL); }

#elif FORM == 1
int probe(struct folio *folio, const struct iomap_ops *ops) { return iomap_read_folio(folio, ops); }

#elif FORM == 2
void probe(struct folio *folio, struct readahead_control *rac) { iomap_bio_read_folio(folio, NULL); iomap_bio_readahead(rac, NULL); }

#endif
