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
static bool name##_release_folio(struct folio *folio, gfp_t gfp) \
{ \
	return !dx_page_pinned(folio->mapping->host, &folio->page) && iomap_release_folio(folio, gfp); \
} \
const struct address_space_operations name = { \
	.read_folio		= name##_read_folio, \
	.readahead		= name##_readahead, \
	.writepages		= writepages_fn, \
	.dirty_folio		= dx_dirty_folio, \
	.release_folio		= name##_release_folio, \
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

/*
 * Readahead of kernels before 5.8 looks up a mapping, and only then puts pages into the cache. A direct write or
 * writeback that makes an unwritten extent written in between is not seen, and finds no page to
 * invalidate: zeros stay in the cache. There each page is put there, locked, before it is mapped.
 */
#if HAVE_IOMAP_READAHEAD
#define dx_iomap_readpage	iomap_readpage
#define dx_partially_uptodate	iomap_is_partially_uptodate
#define DX_AOPS_READAHEAD(name, read_ops) \
static void name##_readahead(struct readahead_control *rac) \
{ \
	iomap_readahead(rac, read_ops); \
}
#define DX_AOPS_READAHEAD_MEMBER(name)	.readahead = name##_readahead
#else
/* compat_aops.c */
int dx_iomap_readpage(struct page *page, const struct iomap_ops *ops);
int dx_iomap_readpages(struct address_space *mapping, struct list_head *pages, const struct iomap_ops *ops);
int dx_partially_uptodate(struct page *page, unsigned long from, unsigned long count);
#define DX_AOPS_READAHEAD(name, read_ops) \
static int name##_readpages(struct file *unused, struct address_space *mapping, struct list_head *pages, \
			    unsigned int nr) \
{ \
	return dx_iomap_readpages(mapping, pages, read_ops); \
}
#define DX_AOPS_READAHEAD_MEMBER(name)	.readpages = name##_readpages
#endif
#if HAVE_IOMAP_SET_PAGE_DIRTY
#define dx_set_page_dirty	iomap_set_page_dirty
#else
#define dx_set_page_dirty	__set_page_dirty_nobuffers
#endif
#define DX_AOPS(name, read_ops, writepages_fn, bmap_fn, swap_fn) \
static int name##_readpage(struct file *unused, struct page *page) \
{ \
	return dx_iomap_readpage(page, read_ops); \
} \
DX_AOPS_READAHEAD(name, read_ops) \
static int name##_releasepage(struct page *page, gfp_t gfp) \
{ \
	return !dx_page_pinned(page->mapping->host, page) && iomap_releasepage(page, gfp); \
} \
const struct address_space_operations name = { \
	.readpage		= name##_readpage, \
	DX_AOPS_READAHEAD_MEMBER(name), \
	.writepages		= writepages_fn, \
	.set_page_dirty		= dx_set_page_dirty, \
	.releasepage		= name##_releasepage, \
	.invalidatepage		= iomap_invalidatepage, \
	.bmap			= bmap_fn, \
	.direct_IO		= noop_direct_IO, \
	.migratepage		= iomap_migrate_page, \
	.is_partially_uptodate	= dx_partially_uptodate, \
	.error_remove_page	= generic_error_remove_page, \
	.swap_activate		= swap_fn, \
}
static inline void dx_mapping_allow_large(struct address_space *mapping) { }

#endif

/* Before 5.5 a file longer than its swap header says, or without one whole page in a row, was taken as it is. */
#if HAVE_IOMAP_WRITEBACK
#define dx_iomap_swapfile_activate(sis, file, span, ops)	iomap_swapfile_activate(sis, file, span, ops)
#else
int dx_iomap_swapfile_activate(struct swap_info_struct *sis, struct file *file, sector_t *span,
			       const struct iomap_ops *ops);	/* compat_aops.c */
#endif

#endif /* COMPAT_AOPS_H */
