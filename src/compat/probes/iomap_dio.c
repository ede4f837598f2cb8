// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap_dio_rw(..., wait)
 * 1: iomap_dio_rw(..., flags, private, done_before), with IOMAP_DIO_OVERWRITE_ONLY (5.19)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
ssize_t probe(struct kiocb *iocb, struct iov_iter *it) { return iomap_dio_rw(iocb, it, NULL, NULL, true); }

#elif FORM == 1
ssize_t probe(struct kiocb *iocb, struct iov_iter *it)
{
	return iomap_dio_rw(iocb, it, NULL, NULL, IOMAP_DIO_OVERWRITE_ONLY | IOMAP_DIO_FORCE_WAIT, NULL, 0);
}

#endif
