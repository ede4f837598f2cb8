// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writeback of the page cache, for kernels whose iomap has none (before 5.5).
 *
 * The walk hands over dirty pages one by one, locked. Each of their blocks that is up to date and
 * inside the file is mapped, right before it is added, by the filesystem, which also checks whether the mapping in
 * use is still true; it goes into the bio at hand, or that one is submitted and the next begun.
 *
 *   - A page is under writeback before its first block is added, until the last one has arrived. With several blocks
 *     it may be in several bios: struct iomap_page counts blocks that are out, and one more for the walk.
 *   - An ioend is one bio of at most IOEND_BYTES, so that completing it keeps an interrupt short. Neighbours are
 *     joined when a worker finishes them, at the price of one transaction.
 *   - It comes from a pool; and since what was collected is submitted before more is taken, there is always one
 *     that will come back. So writeback needs no memory to make progress.
 *   - Blocks that cannot be mapped are given up and reported; all others of the page are written, and
 *     the walk goes on, or fsync would leave pages behind that nobody ever told it about.
 *   - It goes through the file once. The walk of kernels before 4.20 may turn round at the end, holding pages that
 *     another walk waits for.
 *
 * Context: the walk holds page locks; completion is an interrupt, unless the filesystem moved it to a worker.
 */
#include "compat_writeback.h"

#if !HAVE_IOMAP_WRITEBACK
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/list_sort.h>
#include <linux/pagemap.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#define IOEND_BYTES	(256U << PAGE_SHIFT)
#define IOEND_POOL	32

static struct bio_set ioends;

/* ---- completion ---- */

/* So many blocks of the page are no longer out. */
static void end_blocks(struct page *page, unsigned int blocks)
{
	struct iomap_page *iop = to_iomap_page(page);

	if (!iop || atomic_sub_and_test(blocks, &iop->write_count))
		end_page_writeback(page);
}

/* Once its last page is out of writeback, the inode may be gone. */
static void finish_ioend(struct iomap_ioend *ioend, int error)
{
	struct inode *inode = ioend->io_inode;
	unsigned int blkbits = inode->i_blkbits;
	struct bvec_iter all = { .bi_size = ioend->io_own };
	struct bvec_iter iter;
	struct bio_vec bv;

	if (error) {
		mapping_set_error(inode->i_mapping, error);
		pr_err_ratelimited("dioxfs (%s): inode 0x%lx: %u bytes at offset %lld could not be written: error %d\n",
				   inode->i_sb->s_id, inode->i_ino, ioend->io_own, ioend->io_offset, error);
	}
	__bio_for_each_segment(bv, &ioend->io_bio, iter, all)
		end_blocks(bv.bv_page, bv.bv_len >> blkbits);
	bio_put(&ioend->io_bio);
}

/**
 * dx_finish_ioends - end the writeback of an ioend and of those that were joined to it
 * @ioend: from the bio's end, or the first of a run; it and the others are freed
 * @error: reported to whoever waits for the pages; 0 if none
 *
 * Any context for a single one; process context for a run.
 */
void dx_finish_ioends(struct iomap_ioend *ioend, int error)
{
	struct iomap_ioend *next;
	LIST_HEAD(joined);

	list_replace_init(&ioend->io_list, &joined);
	finish_ioend(ioend, error);
	while ((next = list_first_entry_or_null(&joined, struct iomap_ioend, io_list))) {
		list_del(&next->io_list);
		finish_ioend(next, error);
		cond_resched();
	}
}

static void ioend_bio_end(struct bio *bio)
{
	dx_finish_ioends(dx_bio_ioend(bio), blk_status_to_errno(bio->bi_status));
}

static int by_offset(void *unused, struct list_head *a, struct list_head *b)
{
	loff_t oa = list_entry(a, struct iomap_ioend, io_list)->io_offset;
	loff_t ob = list_entry(b, struct iomap_ioend, io_list)->io_offset;

	return oa < ob ? -1 : oa > ob;
}

/**
 * dx_sort_ioends - put ioends in the order of the file
 * @list: by io_list
 */
void dx_sort_ioends(struct list_head *list)
{
	list_sort(NULL, list, by_offset);
}

/**
 * dx_ioend_try_merge - join what follows without a gap
 * @ioend: grows; not on a list
 * @list: sorted; those that were joined are taken off
 *
 * All of them have the same kind and the same fate.
 */
void dx_ioend_try_merge(struct iomap_ioend *ioend, struct list_head *list)
{
	struct iomap_ioend *next;

	while ((next = list_first_entry_or_null(list, struct iomap_ioend, io_list))) {
		if (next->io_offset != ioend->io_offset + ioend->io_size || next->io_type != ioend->io_type ||
		    next->io_shared != ioend->io_shared || next->io_bio.bi_status != ioend->io_bio.bi_status)
			break;
		ioend->io_size += next->io_size;
		list_move_tail(&next->io_list, &ioend->io_list);
	}
}

/* ---- collecting ---- */

static void submit_ioend(struct iomap_writepage_ctx *ctx)
{
	struct iomap_ioend *ioend = ctx->ioend;

	if (!ioend)
		return;
	ctx->ioend = NULL;
	ctx->ops->submit(ioend);
	submit_bio(&ioend->io_bio);
}

static void begin_ioend(struct iomap_writepage_ctx *ctx, struct inode *inode, loff_t pos, sector_t sector)
{
	struct bio *bio = bio_alloc_bioset(GFP_NOFS, BIO_MAX_PAGES, &ioends);
	struct iomap_ioend *ioend = dx_bio_ioend(bio);

	bio_set_dev(bio, ctx->iomap.bdev);
	bio->bi_iter.bi_sector = sector;
	bio->bi_opf = REQ_OP_WRITE | wbc_to_write_flags(ctx->wbc);
	bio->bi_write_hint = inode->i_write_hint;
	bio->bi_end_io = ioend_bio_end;
	wbc_init_bio(ctx->wbc, bio);
	INIT_LIST_HEAD(&ioend->io_list);
	ioend->io_type = ctx->iomap.type;
	ioend->io_shared = ctx->iomap.flags & IOMAP_F_SHARED;
	ioend->io_inode = inode;
	ioend->io_own = 0;
	ioend->io_size = 0;
	ioend->io_offset = pos;
	ctx->ioend = ioend;
}

static bool goes_on(const struct iomap_writepage_ctx *ctx, loff_t pos, sector_t sector, unsigned int len)
{
	const struct iomap_ioend *ioend = ctx->ioend;

	return ioend && ioend->io_type == ctx->iomap.type &&
	       ioend->io_shared == !!(ctx->iomap.flags & IOMAP_F_SHARED) && ioend->io_offset + ioend->io_size == pos &&
	       bio_end_sector(&ioend->io_bio) == sector && ioend->io_size + len <= IOEND_BYTES;
}

/* A block, mapped by ctx->iomap. Its page is under writeback, and it counts as out already. */
static void add_block(struct iomap_writepage_ctx *ctx, struct page *page, loff_t pos, unsigned int len)
{
	struct inode *inode = page->mapping->host;
	sector_t sector = (ctx->iomap.addr + pos - ctx->iomap.offset) >> SECTOR_SHIFT;
	unsigned int off = offset_in_page(pos);

	if (!goes_on(ctx, pos, sector, len) || bio_add_page(&ctx->ioend->io_bio, page, len, off) != len) {
		submit_ioend(ctx);
		begin_ioend(ctx, inode, pos, sector);
		bio_add_page(&ctx->ioend->io_bio, page, len, off);	/* the first always fits */
	}
	ctx->ioend->io_own += len;
	ctx->ioend->io_size += len;
#if HAVE_WBC_ACCOUNT
	wbc_account_cgroup_owner(ctx->wbc, page, len);
#else
	wbc_account_io(ctx->wbc, page, len);
#endif
}

/*
 * What is known of the blocks of a page, NULL if it is one block. A page may have lost it, when it was clean and
 * somebody held it, and be dirty again without a fault or write that brought it back.
 */
static struct iomap_page *blocks_of(struct inode *inode, struct page *page)
{
	struct iomap_page *iop = to_iomap_page(page);

	if (iop || i_blocksize(inode) == PAGE_SIZE)
		return iop;
	iop = kzalloc(sizeof(*iop), GFP_NOFS | __GFP_NOFAIL);
#if HAVE_IOMAP_PAGE >= 2
	spin_lock_init(&iop->uptodate_lock);
#endif
	if (PageUptodate(page))
		bitmap_fill(iop->uptodate, PAGE_SIZE >> inode->i_blkbits);
	get_page(page);
	set_page_private(page, (unsigned long)iop);
	SetPagePrivate(page);
	return iop;
}

/* The blocks of a page under writeback, up to @end. Return: 0, or why one from *@failed on could not be mapped. */
static int add_blocks(struct iomap_writepage_ctx *ctx, struct page *page, struct iomap_page *iop, loff_t end,
		      bool *added, loff_t *failed)
{
	struct inode *inode = page->mapping->host;
	unsigned int len = i_blocksize(inode);
	loff_t pos = page_offset(page), left = end - pos;
	unsigned int i;
	int error;

	/* by what is left: the last page ends at an offset that cannot be named */
	for (i = 0; left > 0; i++, pos += len, left -= len) {
		/* A page that is up to date has blocks that are; 4.19 forgets to say so in the bitmap. */
		if (iop && !PageUptodate(page) && !test_bit(i, iop->uptodate))
			continue;
		error = ctx->ops->map(ctx, inode, pos);
		if (!error && ctx->iomap.type != IOMAP_HOLE && ctx->iomap.type != IOMAP_MAPPED &&
		    ctx->iomap.type != IOMAP_UNWRITTEN)
			error = -EIO;
		if (error) {
			*failed = pos;
			return error;
		}
		/* Stored through a mapping before the file reached here, or given up before: nobody wants it. */
		if (ctx->iomap.type == IOMAP_HOLE)
			continue;
		if (iop)
			atomic_inc(&iop->write_count);
		add_block(ctx, page, pos, len);
		*added = true;
	}
	return 0;
}

/* Where the file ends in this page, or the page does; the page's start or less if the file does not reach it. */
static loff_t end_in_page(struct inode *inode, struct page *page)
{
	loff_t start = page_offset(page);

	/* which itself may be past the largest offset */
	return start + min_t(loff_t, i_size_read(inode) - start, PAGE_SIZE);
}

static int write_page(struct page *page, struct writeback_control *wbc, void *data)
{
	struct iomap_writepage_ctx *ctx = data;
	struct inode *inode = page->mapping->host;
	loff_t end = end_in_page(inode, page), failed = 0;
	struct iomap_page *iop;
	bool added = false;
	int error = 0;

	ctx->next = page->index + 1;
	/* Not from reclaim, whose stack is deep; nor inside a transaction, where ours would be a second one. */
	if (WARN_ON_ONCE((current->flags & (PF_MEMALLOC | PF_KSWAPD)) == PF_MEMALLOC ||
			 (current->flags & PF_MEMALLOC_NOFS))) {
		redirty_page_for_writepage(wbc, page);
		unlock_page(page);
		return 0;
	}

	/* Under writeback even if nothing is to be written: this is what tells the page cache that it is clean. */
	set_page_writeback(page);
	iop = blocks_of(inode, page);
	if (iop)
		atomic_inc(&iop->write_count);
	if (end > page_offset(page)) {
		/* What was stored behind the end through a mapping must not get to the disk. */
		if (end - page_offset(page) < PAGE_SIZE)
			zero_user_segment(page, offset_in_page(end), PAGE_SIZE);
		error = add_blocks(ctx, page, iop, end, &added, &failed);
	}
	if (error) {
		ctx->ops->discard(inode, failed, page_offset(page) + PAGE_SIZE);
		mapping_set_error(inode->i_mapping, error);
		if (!ctx->error)
			ctx->error = error;
	}
	unlock_page(page);
	if (iop || !added)
		end_blocks(page, 1);
	return 0;
}

/**
 * dx_writepages - write back dirty pages
 * @mapping: of a regular file
 * @wbc: which ones and how many
 * @ctx: with its ops; zero else
 *
 * Return: 0, or the first error; everything else was tried nevertheless.
 */
int dx_writepages(struct address_space *mapping, struct writeback_control *wbc, struct iomap_writepage_ctx *ctx)
{
	loff_t start = wbc->range_start, end = wbc->range_end;
	bool cyclic = wbc->range_cyclic;
	int error;

	ctx->wbc = wbc;
	if (cyclic) {
		wbc->range_cyclic = 0;
		wbc->range_start = (loff_t)mapping->writeback_index << PAGE_SHIFT;
		wbc->range_end = LLONG_MAX;
	}
	error = write_cache_pages(mapping, wbc, write_page, ctx);
	submit_ioend(ctx);
	if (cyclic) {
		wbc->range_cyclic = 1;
		wbc->range_start = start;
		wbc->range_end = end;
		/* Next time from the start, if there was no more. */
		mapping->writeback_index = wbc->nr_to_write > 0 ? 0 : ctx->next;
	}
	return ctx->error ? ctx->error : error;
}

/* ---- the pool ---- */

/**
 * dx_compat_init - before the first mount
 */
int dx_compat_init(void)
{
	return bioset_init(&ioends, IOEND_POOL, offsetof(struct iomap_ioend, io_bio), BIOSET_NEED_BVECS);
}

/**
 * dx_compat_exit - after the last one
 */
void dx_compat_exit(void)
{
	bioset_exit(&ioends);
}
#endif
