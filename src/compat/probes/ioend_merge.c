// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap_ioend_try_merge(ioend, list, callback)
 * 1: iomap_ioend_try_merge(ioend, list) (5.11)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
void probe(struct iomap_ioend *ioend, struct list_head *list) { iomap_ioend_try_merge(ioend, list, NULL); }

#elif FORM == 1
void probe(struct iomap_ioend *ioend, struct list_head *list) { iomap_ioend_try_merge(ioend, list); }

#endif
