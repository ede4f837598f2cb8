// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a cached mapping cannot be checked
 * 1: page_ops of the mapping can (6.1)
 * 2: folio_ops of the mapping can (6.3)
 * 3: an argument of buffered writes can (6.17)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct iomap, validity_cookie);

#elif FORM == 1
bool probe(struct iomap *iomap) { iomap->validity_cookie = 1; return iomap->page_ops->iomap_valid(NULL, iomap); }

#elif FORM == 2
bool probe(struct iomap *iomap) { iomap->validity_cookie = 1; return iomap->folio_ops->iomap_valid(NULL, iomap); }

#elif FORM == 3
bool probe(struct iomap *iomap, struct iomap_write_ops *ops) { iomap->validity_cookie = 1; return ops->iomap_valid(NULL, iomap); }

#endif
