// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writeback through iomap came with 5.5, and is as we know it since 5.10.
 * Otherwise: is too old: dioxfs needs 5.10 or later
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/fs_context.h>
struct iomap_writepage_ctx probe_t;
void *probe(void) { return iomap_writepages; }
