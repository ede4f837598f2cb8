// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->readpages() gets pages that are not in the page cache yet
 * 1: ->readahead() gets those that are, locked (5.8)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include "probe.h"

#if FORM == 0
static int probe_f(struct file *file, struct address_space *mapping, struct list_head *pages, unsigned int nr) { return 0; }
const struct address_space_operations probe_ops = { .readpages = probe_f };
void *probe(void) { return iomap_readpages; }

#elif FORM == 1
static void probe_f(struct readahead_control *rac) { }
const struct address_space_operations probe_ops = { .readahead = probe_f };

#endif
