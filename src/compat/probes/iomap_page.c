// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: what iomap knows of the blocks of a page is its own affair (5.6)
 * 1: it is in struct iomap_page
 * 2: ... with a lock (5.4)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
struct iomap_page { int probe; };

#elif FORM == 1
NO_MEMBER(struct iomap_page, uptodate_lock);
unsigned long probe(struct iomap_page *iop) { return sizeof(*iop) + atomic_read(&iop->write_count) + *iop->uptodate; }

#elif FORM == 2
unsigned long probe(struct iomap_page *iop) { spin_lock_init(&iop->uptodate_lock); return atomic_read(&iop->write_count) + *iop->uptodate; }

#endif
