// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: the operations of the page cache are about pages
 * 1: ... about folios (6.0)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include "probe.h"

#if FORM == 0
static int probe_f(struct file *file, struct page *page) { return 0; }
const struct address_space_operations probe_ops = { .readpage = probe_f, .releasepage = iomap_releasepage, .migratepage = iomap_migrate_page };

#elif FORM == 1
static int probe_f(struct file *file, struct folio *folio) { return 0; }
const struct address_space_operations probe_ops = { .read_folio = probe_f, .release_folio = iomap_release_folio, .migrate_folio = filemap_migrate_folio };

#endif
