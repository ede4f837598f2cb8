/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writeback: how it asks for mappings, and hands over what it has collected.
 */
#ifndef COMPAT_WRITEBACK_H
#define COMPAT_WRITEBACK_H

#include <linux/bio.h>
#include <linux/iomap.h>
#include <linux/writeback.h>
#include "dx_have.h"

#if !HAVE_IOMAP_WRITEBACK
/*
 * Before 5.5: compat_writeback.c, under the names that later kernels use, so that nobody else need know. An ioend is
 * one bio, which lies inside it: blocks that follow each other in the file and on the disk, of one kind.
 */
struct iomap_ioend {
	struct list_head	io_list;	/* with others that come next in the file */
	u16			io_type;	/* IOMAP_MAPPED or IOMAP_UNWRITTEN */
	bool			io_shared;	/* mapped with IOMAP_F_SHARED */
	struct inode		*io_inode;
	unsigned int		io_own;		/* bytes in the bio */
	size_t			io_size;	/* ... and in those that were joined */
	loff_t			io_offset;	/* in the file, bytes */
	struct bio		io_bio;		/* last: its vectors follow */
};

struct dx_writeback_ops;
struct iomap_writepage_ctx {
	struct iomap			iomap;	/* mapping in use */
	struct iomap_ioend		*ioend;	/* collected, not yet submitted */
	const struct dx_writeback_ops	*ops;
	struct writeback_control	*wbc;
	pgoff_t				next;	/* behind the last page looked at */
	int				error;	/* the first one */
};

struct dx_writeback_ops {
	int (*map)(struct iomap_writepage_ctx *ctx, struct inode *inode, loff_t pos);
	void (*submit)(struct iomap_ioend *ioend);
	void (*discard)(struct inode *inode, loff_t pos, loff_t end);
};

/* compat_writeback.c */
int dx_compat_init(void);
void dx_compat_exit(void);
int dx_writepages(struct address_space *mapping, struct writeback_control *wbc, struct iomap_writepage_ctx *ctx);
void dx_finish_ioends(struct iomap_ioend *ioend, int error);
void dx_sort_ioends(struct list_head *list);
void dx_ioend_try_merge(struct iomap_ioend *ioend, struct list_head *list);
#define iomap_finish_ioends	dx_finish_ioends
#define iomap_sort_ioends	dx_sort_ioends
#else
static inline int dx_compat_init(void) { return 0; }
static inline void dx_compat_exit(void) { }
#endif

/* One walk of writeback over a file: the mapping in use, and whether it is still true. */
struct dx_wpc {
	struct iomap_writepage_ctx	ctx;
	u64				seq;	/* of the map when ctx.iomap was looked up */
};

#if !HAVE_IOEND_BIO
static inline struct bio *dx_ioend_bio(struct iomap_ioend *ioend) { return &ioend->io_bio; }
static inline struct iomap_ioend *dx_bio_ioend(struct bio *bio) { return container_of(bio, struct iomap_ioend, io_bio); }
#elif HAVE_IOEND_BIO >= 2
static inline struct bio *dx_ioend_bio(struct iomap_ioend *ioend) { return &ioend->io_bio; }
static inline struct iomap_ioend *dx_bio_ioend(struct bio *bio) { return iomap_ioend_from_bio(bio); }
#else
static inline struct bio *dx_ioend_bio(struct iomap_ioend *ioend) { return ioend->io_bio; }
static inline struct iomap_ioend *dx_bio_ioend(struct bio *bio) { return bio->bi_private; }
#endif

static inline bool dx_ioend_unwritten(const struct iomap_ioend *ioend)
{
#ifdef IOMAP_IOEND_UNWRITTEN
	return ioend->io_flags & IOMAP_IOEND_UNWRITTEN;
#else
	return ioend->io_type == IOMAP_UNWRITTEN;
#endif
}

/* Was it mapped with IOMAP_F_SHARED?  One ioend is so as a whole, or not at all. */
static inline bool dx_ioend_shared(const struct iomap_ioend *ioend)
{
#ifdef IOMAP_IOEND_SHARED
	return ioend->io_flags & IOMAP_IOEND_SHARED;
#elif HAVE_IOMAP_WRITEBACK
	return ioend->io_flags & IOMAP_F_SHARED;
#else
	return ioend->io_shared;
#endif
}

/*
 * DX_WRITEBACK(name, map, submit, discard), at file scope, makes
 * int name(mapping, wbc), which writes back, from
 *   int map(wpc, inode, pos)            wpc->ctx.iomap covers @pos afterwards
 *   void submit(ioend)                  last chance to change the bio's bi_end_io
 *   void discard(inode, pos, end)       [pos, end) of a folio could not be mapped and is lost
 */
#if HAVE_IOMAP_WRITEBACK >= 3
#define DX_WRITEBACK(name, map, submit, discard) \
static ssize_t name##_range(struct iomap_writepage_ctx *ctx, struct folio *folio, u64 pos, unsigned int len, u64 end) \
{ \
	ssize_t ret = map(container_of(ctx, struct dx_wpc, ctx), ctx->inode, pos); \
\
	if (!ret) \
		ret = iomap_add_to_ioend(ctx, folio, pos, end, len); \
	if (ret < 0) \
		discard(ctx->inode, pos, folio_pos(folio) + folio_size(folio)); \
	return ret; \
} \
static int name##_submit(struct iomap_writepage_ctx *ctx, int error) \
{ \
	if (!error) \
		submit(ctx->wb_ctx); \
	return iomap_ioend_writeback_submit(ctx, error); \
} \
static const struct iomap_writeback_ops name##_ops = { \
	.writeback_range	= name##_range, \
	.writeback_submit	= name##_submit, \
}; \
static int name(struct address_space *mapping, struct writeback_control *wbc) \
{ \
	struct dx_wpc wpc = { .ctx = { .inode = mapping->host, .wbc = wbc, .ops = &name##_ops } }; \
\
	return iomap_writepages(&wpc.ctx); \
}
#elif !HAVE_IOMAP_WRITEBACK
#define DX_WRITEBACK(name, map_fn, submit_fn, discard_fn) \
static int name##_map(struct iomap_writepage_ctx *ctx, struct inode *inode, loff_t pos) \
{ \
	return map_fn(container_of(ctx, struct dx_wpc, ctx), inode, pos); \
} \
static const struct dx_writeback_ops name##_ops = { \
	.map		= name##_map, \
	.submit		= submit_fn, \
	.discard	= discard_fn, \
}; \
static int name(struct address_space *mapping, struct writeback_control *wbc) \
{ \
	struct dx_wpc wpc = { .ctx = { .ops = &name##_ops } }; \
\
	return dx_writepages(mapping, wbc, &wpc.ctx); \
}
#else
/* Until 6.9 a folio is not yet under writeback when it is discarded, and must not look up to date. */
#if HAVE_IOMAP_WRITEBACK >= 2
#define DX_MAP_BLOCKS_LEN	, unsigned int len
#define dx_discard_state(folio, off)	do { } while (0)
#else
#define DX_MAP_BLOCKS_LEN
#define dx_discard_state(folio, off)	iomap_invalidate_folio(folio, off, folio_size(folio) - (off))
#endif
#if HAVE_FOLIO_AOPS
#define DX_DISCARD_OP(name, discard) \
static void name##_discard(struct folio *folio, loff_t pos) \
{ \
	discard(folio->mapping->host, pos, folio_pos(folio) + folio_size(folio)); \
	dx_discard_state(folio, offset_in_folio(folio, pos)); \
}
#define DX_DISCARD_MEMBER	discard_folio
#elif HAVE_DISCARD_PAGE == 1
/* It is called only if nothing of the page was mapped: what is behind a part that was must go back where mapping fails. */
#define dx_map_failed(inode, pos, discard) \
do { \
	if (offset_in_page(pos)) \
		discard(inode, pos, round_up(pos, PAGE_SIZE)); \
} while (0)
#define DX_DISCARD_OP(name, discard) \
static void name##_discard(struct page *page) \
{ \
	discard(page->mapping->host, page_offset(page), page_offset(page) + PAGE_SIZE); \
	iomap_invalidatepage(page, 0, PAGE_SIZE); \
}
#define DX_DISCARD_MEMBER	discard_page
#else
#define DX_DISCARD_OP(name, discard) \
static void name##_discard(struct page *page, loff_t pos) \
{ \
	discard(page->mapping->host, pos, page_offset(page) + PAGE_SIZE); \
	iomap_invalidatepage(page, offset_in_page(pos), PAGE_SIZE - offset_in_page(pos)); \
}
#define DX_DISCARD_MEMBER	discard_page
#endif
#ifndef dx_map_failed
#define dx_map_failed(inode, pos, discard)	do { } while (0)
#endif
#define DX_WRITEBACK(name, map, submit, discard) \
static int name##_map(struct iomap_writepage_ctx *ctx, struct inode *inode, loff_t pos DX_MAP_BLOCKS_LEN) \
{ \
	int ret = map(container_of(ctx, struct dx_wpc, ctx), inode, pos); \
\
	if (ret) \
		dx_map_failed(inode, pos, discard); \
	return ret; \
} \
static int name##_submit(struct iomap_ioend *ioend, int status) \
{ \
	if (!status) \
		submit(ioend); \
	return status; \
} \
DX_DISCARD_OP(name, discard) \
static const struct iomap_writeback_ops name##_ops = { \
	.map_blocks		= name##_map, \
	.prepare_ioend		= name##_submit, \
	.DX_DISCARD_MEMBER	= name##_discard, \
}; \
static int name(struct address_space *mapping, struct writeback_control *wbc) \
{ \
	struct dx_wpc wpc = { }; \
\
	return iomap_writepages(mapping, wbc, &wpc.ctx, &name##_ops); \
}
#endif

#if HAVE_IOEND_MERGE >= 2
#define dx_ioend_try_merge(ioend, list)	iomap_ioend_try_merge(ioend, list)
#elif HAVE_IOEND_MERGE == 1
#define dx_ioend_try_merge(ioend, list)	iomap_ioend_try_merge(ioend, list, NULL)
#endif

#endif /* COMPAT_WRITEBACK_H */
