// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap has no ioends
 * 1: an ioend points to its bio (5.5)
 * 2: ... has it inside (6.9)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_finish_ioends);

#elif FORM == 1
struct bio *probe(struct iomap_ioend *ioend) { return ioend->io_bio; }

#elif FORM == 2
struct bio *probe(struct iomap_ioend *ioend) { return &iomap_ioend_from_bio(&ioend->io_bio)->io_bio; }

#endif
