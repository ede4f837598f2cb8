// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the page cache's operations of iomap lacked before 5.5.
 */
#include <linux/swap.h>
#include "compat_aops.h"

#if !HAVE_IOMAP_READAHEAD
/*
 * Two reads for blocks of one page may complete at a time on kernels before 5.4, and each believe that it was not
 * the last: all blocks are up to date then, the page is not, and stays so.
 */
static bool all_blocks_uptodate(struct page *page)
{
#if HAVE_IOMAP_PAGE
	struct iomap_page *iop = to_iomap_page(page);
	unsigned int blocks = PAGE_SIZE >> page->mapping->host->i_blkbits;

	return iop && find_first_zero_bit(iop->uptodate, blocks) >= blocks;
#else
	return false;
#endif
}

/**
 * dx_iomap_readpage - read a page
 * @page: locked, in the page cache; unlocked when it has been read
 * @ops: mappings
 *
 * Return: 0; whether it worked, the page tells.
 */
int dx_iomap_readpage(struct page *page, const struct iomap_ops *ops)
{
	if (!PageUptodate(page) && all_blocks_uptodate(page)) {
		SetPageUptodate(page);
		unlock_page(page);
		return 0;
	}
	return iomap_readpage(page, ops);
}

static int read_one(void *ops, struct page *page)
{
	return dx_iomap_readpage(page, ops);
}

/**
 * dx_iomap_readpages - read ahead
 * @mapping: of a regular file
 * @pages: not in the page cache yet
 * @ops: mappings
 *
 * The caller has a plug: requests are as large as if the pages shared bios.
 */
int dx_iomap_readpages(struct address_space *mapping, struct list_head *pages, const struct iomap_ops *ops)
{
	return read_cache_pages(mapping, pages, read_one, (void *)ops);
}

/**
 * dx_partially_uptodate - can this part of a page be read?
 * @page: locked
 * @from: bytes into the page
 * @count: bytes
 *
 * 4.19 may have forgotten about the blocks of a page that is up to date as a whole; SEEK_DATA asks about such.
 */
int dx_partially_uptodate(struct page *page, unsigned long from, unsigned long count)
{
	return PageUptodate(page) || iomap_is_partially_uptodate(page, from, count);
}
#endif

#if !HAVE_IOMAP_WRITEBACK
/**
 * dx_iomap_swapfile_activate - tell where a swap file lies
 * @sis: swap area; ->max is what its header says
 * @file: the file
 * @span: pages between the first and the last block
 * @ops: mappings
 *
 * Return: extents, or negative errno.
 */
int dx_iomap_swapfile_activate(struct swap_info_struct *sis, struct file *file, sector_t *span,
			       const struct iomap_ops *ops)
{
	unsigned int max = sis->max;
	int ret = iomap_swapfile_activate(sis, file, span, ops);

	if (ret < 0)
		return ret;
	if (!sis->max) {
		pr_err("dioxfs: swapon: no page of the file lies in one piece on the disk\n");
		return -EINVAL;
	}
	if (sis->max > max) {
		sis->max = max;
		sis->pages = max - 1;
		sis->highest_bit = max - 1;
	}
	return ret;
}
#endif
