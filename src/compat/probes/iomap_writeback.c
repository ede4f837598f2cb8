// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap has no writeback
 * 1: ->map_blocks(ctx, inode, pos), ->prepare_ioend() (5.5)
 * 2: ->map_blocks(ctx, inode, pos, len), ->prepare_ioend() (6.9)
 * 3: ->writeback_range(), ->writeback_submit() (6.17)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_writepages);

#elif FORM == 1
static int probe_f(struct iomap_writepage_ctx *ctx, struct inode *inode, loff_t pos) { return 0; }
static int probe_g(struct iomap_ioend *ioend, int status) { return status; }
const struct iomap_writeback_ops probe_ops = { .map_blocks = probe_f, .prepare_ioend = probe_g };
int probe(struct address_space *mapping, struct iomap_writepage_ctx *ctx) { return iomap_writepages(mapping, NULL, ctx, &probe_ops); }

#elif FORM == 2
static int probe_f(struct iomap_writepage_ctx *ctx, struct inode *inode, loff_t pos, unsigned int len) { return 0; }
static int probe_g(struct iomap_ioend *ioend, int status) { return status; }
const struct iomap_writeback_ops probe_ops = { .map_blocks = probe_f, .prepare_ioend = probe_g };
int probe(struct address_space *mapping, struct iomap_writepage_ctx *ctx) { return iomap_writepages(mapping, NULL, ctx, &probe_ops); }

#elif FORM == 3
static ssize_t probe_f(struct iomap_writepage_ctx *ctx, struct folio *folio, u64 pos, unsigned int len, u64 end)
{
	return iomap_add_to_ioend(ctx, folio, pos, end, len);
}
const struct iomap_writeback_ops probe_ops = { .writeback_range = probe_f, .writeback_submit = iomap_ioend_writeback_submit };
int probe(struct iomap_writepage_ctx *ctx) { return iomap_writepages(ctx); }

#endif
