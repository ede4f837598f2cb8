// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap has no ioends
 * 1: iomap_ioend_try_merge(ioend, list, callback) (5.5)
 * 2: iomap_ioend_try_merge(ioend, list) (5.11)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_ioend_try_merge);

#elif FORM == 1
void probe(struct iomap_ioend *ioend) { iomap_ioend_try_merge(ioend, &ioend->io_list, NULL); }

#elif FORM == 2
void probe(struct iomap_ioend *ioend) { iomap_ioend_try_merge(ioend, &ioend->io_list); }

#endif
