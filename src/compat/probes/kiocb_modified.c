// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: only file_modified(), or what it is made of
 * 1: kiocb_modified(), which honours IOCB_NOWAIT (6.0)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(kiocb_modified);

#elif FORM == 1
int probe(struct kiocb *iocb) { return kiocb_modified(iocb); }

#endif
