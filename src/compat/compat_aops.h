/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page cache's operations: folios from 5.18 or so on, pages before.
 */
#ifndef COMPAT_AOPS_H
#define COMPAT_AOPS_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/migrate.h>
#include <linux/pagemap.h>
#include "compat_iomap.h"

/*
 * DX_AOPS(name, read_ops, writepages, bmap, swap_activate), at file scope:
 * the table of a file whose I/O goes through iomap.
 */
#if HAVE_FOLIO_AOPS

#if HAVE_IOMAP_READ >= 2
#define dx_iomap_read_folio(folio, ops)		({ iomap_bio_read_folio(folio, ops); 0; })
#define dx_iomap_readahead(rac, ops)		iomap_bio_readahead(rac, ops)
#else
#define dx_iomap_read_folio(folio, ops)		iomap_read_folio(folio, ops)
#define dx_iomap_readahead(rac, ops)		iomap_readahead(rac, ops)
#endif
/* iomap tracks dirty blocks inside a folio from 6.6 on. */
#if HAVE_IOMAP_DIRTY_FOLIO
#define dx_dirty_folio		iomap_dirty_folio
#else
#define dx_dirty_folio		filemap_dirty_folio
#endif
#if HAVE_ERROR_REMOVE
#define DX_AOPS_ERROR_REMOVE	.error_remove_folio = generic_error_remove_folio
#else
#define DX_AOPS_ERROR_REMOVE	.error_remove_page = generic_error_remove_page
#endif
#define DX_AOPS(name, read_ops, writepages_fn, bmap_fn, swap_fn) \
static int name##_read_folio(struct file *unused, struct folio *folio) \
{ \
	return dx_iomap_read_folio(folio, read_ops); \
} \
static void name##_readahead(struct readahead_control *rac) \
{ \
	dx_iomap_readahead(rac, read_ops); \
} \
const struct address_space_operations name = { \
	.read_folio		= name##_read_folio, \
	.readahead		= name##_readahead, \
	.writepages		= writepages_fn, \
	.dirty_folio		= dx_dirty_folio, \
	.release_folio		= iomap_release_folio, \
	.invalidate_folio	= iomap_invalidate_folio, \
	.bmap			= bmap_fn, \
	.direct_IO		= noop_direct_IO, \
	.migrate_folio		= filemap_migrate_folio, \
	.is_partially_uptodate	= iomap_is_partially_uptodate, \
	DX_AOPS_ERROR_REMOVE, \
	.swap_activate		= swap_fn, \
}
static inline void dx_mapping_allow_large(struct address_space *mapping)
{
	mapping_set_large_folios(mapping);
}

#else /* pages */

#define DX_AOPS(name, read_ops, writepages_fn, bmap_fn, swap_fn) \
static int name##_readpage(struct file *unused, struct page *page) \
{ \
	return iomap_readpage(page, read_ops); \
} \
static void name##_readahead(struct readahead_control *rac) \
{ \
	iomap_readahead(rac, read_ops); \
} \
const struct address_space_operations name = { \
	.readpage		= name##_readpage, \
	.readahead		= name##_readahead, \
	.writepages		= writepages_fn, \
	.set_page_dirty		= iomap_set_page_dirty, \
	.releasepage		= iomap_releasepage, \
	.invalidatepage		= iomap_invalidatepage, \
	.bmap			= bmap_fn, \
	.direct_IO		= noop_direct_IO, \
	.migratepage		= iomap_migrate_page, \
	.is_partially_uptodate	= iomap_is_partially_uptodate, \
	.error_remove_page	= generic_error_remove_page, \
	.swap_activate		= swap_fn, \
}
static inline void dx_mapping_allow_large(struct address_space *mapping) { }

#endif

#endif /* COMPAT_AOPS_H */
