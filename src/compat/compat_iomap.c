// SPDX-License-Identifier: GPL-2.0-only
/*
 * What iomap of kernels before 6.1 leaves to the filesystem: not to use a
 * mapping that has gone stale, and to give back what a short write reserved.
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include "compat_iomap.h"

#if !HAVE_IOMAP_VALID
/*
 * Kernels before 5.4 do not take a page for up to date that was written whole after reading it had failed,
 * and would read the disk over what was written.
 */
#if HAVE_IOMAP_WRITEBACK
static void forget_read_errors(struct address_space *mapping, loff_t pos, loff_t length) { }
static loff_t most_at_once(loff_t length, unsigned int flags) { return length; }
#else
#include <linux/pagevec.h>

static void forget_read_errors(struct address_space *mapping, loff_t pos, loff_t length)
{
	pgoff_t index = pos >> PAGE_SHIFT, last = (pos + length - 1) >> PAGE_SHIFT;
	struct pagevec pvec;
	unsigned int i;

	pagevec_init(&pvec);
	while (mapping->nrpages && index <= last && pagevec_lookup_range(&pvec, mapping, &index, last)) {
		for (i = 0; i < pagevec_count(&pvec); i++) {
			if (!PageUptodate(pvec.pages[i])) {
				wait_on_page_locked(pvec.pages[i]);	/* being read */
				ClearPageError(pvec.pages[i]);
			}
		}
		pagevec_release(&pvec);
		cond_resched();
	}
}

/* The pages of a write are looked at each time that a mapping is looked up for it; to zero may mean to cross a hole of exabytes. */
static loff_t most_at_once(loff_t length, unsigned int flags)
{
	return flags & IOMAP_ZERO ? length : min_t(loff_t, length, 256 * PAGE_SIZE);
}
#endif

/*
 * From here on @page keeps what is known of its blocks. A release that has the page locked may not have seen that it is
 * pinned: it is over before the mapping is looked up, which then tells what went with it.
 */
static bool pin_blocks(dx_pinned_t *pinned, struct page *page, unsigned int flags)
{
	WRITE_ONCE(*pinned, compound_head(page));
	if (!(flags & IOMAP_NOWAIT))
		lock_page(page);
	else if (!trylock_page(page))
		return false;
	unlock_page(page);
	return true;
}

/**
 * dx_iomap_pin - keep the page that a buffered write covers in part
 * @inode: regular file, IOLOCK exclusive
 * @pinned: the vnode's, where ->releasepage looks
 * @pos: first byte that is to be mapped
 * @length: bytes; shortened so that at most one page is covered in part
 * @flags: IOMAP_*
 *
 * A page that is in the cache cannot be reclaimed while somebody holds it, nor does it forget which of its blocks are up to
 * date while it is pinned, so what the mapping says stays true for those of its blocks that are not. One that is not in the
 * cache is put there, not up to date: a fault that dirties it before the write has locked it reads it first, and
 * the write then takes it as it finds it. To zero a range needs no page where the file has none. Whole pages need
 * none of it: nothing of them is zeroed or read.
 *
 * Return: the page, for dx_iomap_unpin(), or NULL; -ENOMEM, -EAGAIN (IOMAP_NOWAIT).
 */
struct page *dx_iomap_pin(struct inode *inode, dx_pinned_t *pinned, loff_t pos, loff_t *length, unsigned int flags)
{
	struct address_space *mapping = inode->i_mapping;
	unsigned int off = offset_in_page(pos);
	struct page *page;

	if (flags & IOMAP_FAULT)
		return NULL;	/* has the page locked already */
	if (!off && *length >= PAGE_SIZE) {
		*length = round_down(most_at_once(*length, flags), PAGE_SIZE);
		forget_read_errors(mapping, pos, *length);
		return NULL;
	}
	*length = min_t(loff_t, *length, PAGE_SIZE - off);
	forget_read_errors(mapping, pos, *length);
	page = find_get_page(mapping, pos >> PAGE_SHIFT);
	if (!page && (flags & IOMAP_ZERO))
		return NULL;
	if (!page) {
		page = find_or_create_page(mapping, pos >> PAGE_SHIFT, mapping_gfp_constraint(mapping, ~__GFP_FS));
		if (!page)
			return ERR_PTR(-ENOMEM);
		unlock_page(page);
	}
	if (!pin_blocks(pinned, page, flags)) {
		dx_iomap_unpin(pinned, page);
		return ERR_PTR(-EAGAIN);
	}
	return page;
}

/**
 * dx_iomap_unpin - let go of it
 * @pinned: as for dx_iomap_pin()
 * @page: from dx_iomap_pin(), or NULL: a fault's, which may come while a write has one
 */
void dx_iomap_unpin(dx_pinned_t *pinned, struct page *page)
{
	if (!page)
		return;
	WRITE_ONCE(*pinned, NULL);
	put_page(page);
}
#endif

#if !HAVE_IOMAP_PUNCH
/* Blocks of a dirty page that the write did not reach: they are not up to date, so writeback skips them. */
static void punch_clean_blocks(struct page *page, struct inode *inode, loff_t start, loff_t end,
			       void (*punch)(struct inode *inode, loff_t pos, loff_t length))
{
	unsigned int bs = i_blocksize(inode);
	loff_t pos;

	if (PageUptodate(page))
		return;
	for (pos = start; pos < end; pos += bs)
		if (!iomap_is_partially_uptodate(page, offset_in_page(pos), bs))
			punch(inode, pos, bs);
}

/**
 * dx_punch_not_dirty - give back reservations that no dirty page will use
 * @inode: regular file, IOLOCK exclusive
 * @start: bytes, at a block's edge
 * @end: bytes, at a block's edge
 * @punch: gives back what is only reserved in a range; takes the ILOCK
 *
 * The caller holds the MMAPLOCK exclusive, so that faults do not dirty more meanwhile.
 */
void dx_punch_not_dirty(struct inode *inode, loff_t start, loff_t end,
			void (*punch)(struct inode *inode, loff_t pos, loff_t length))
{
	loff_t pos, next;

	for (pos = start; pos < end; pos = next) {
		struct page *page = find_lock_page(inode->i_mapping, pos >> PAGE_SHIFT);

		next = min_t(loff_t, end, round_down(pos, PAGE_SIZE) + PAGE_SIZE);
		if (page && PageDirty(page))
			punch_clean_blocks(page, inode, pos, next, punch);
		else
			punch(inode, pos, next - pos);
		if (page) {
			unlock_page(page);
			put_page(page);
		}
		cond_resched();
	}
}
#endif
