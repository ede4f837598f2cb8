// SPDX-License-Identifier: GPL-2.0-only
/*
 * iomap keeps pages with several blocks since 4.19. Where its writeback is missing (it came with
 * 5.5), compat_writeback.c does that.
 * Otherwise: is too old: dioxfs needs 4.19 or later, or EL8's 4.18
 */
#include <linux/fs.h>
#include <linux/iomap.h>
void *probe(void) { return iomap_is_partially_uptodate; }
