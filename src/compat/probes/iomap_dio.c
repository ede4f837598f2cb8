// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap_dio_rw(iocb, iter, ops, end_io), end_io(iocb, size or error, flags)
 * 1: iomap_dio_rw(iocb, iter, ops, dops), end_io(iocb, size, error, flags) (5.4)
 * 2: ... and wait (5.5)
 * 3: ... and flags instead of it, with IOMAP_DIO_OVERWRITE_ONLY (5.12, and backported)
 * 4: ... and done_before (5.16, and backported)
 * 5: ... and private before that (5.19)
 */
#include <linux/fs.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
static int probe_f(struct kiocb *iocb, ssize_t ret, unsigned int flags) { return 0; }
ssize_t probe(struct kiocb *iocb, struct iov_iter *it) { return iomap_dio_rw(iocb, it, NULL, probe_f); }

#elif FORM == 1
static int probe_f(struct kiocb *iocb, ssize_t size, int error, unsigned int flags) { return 0; }
const struct iomap_dio_ops probe_ops = { .end_io = probe_f };
ssize_t probe(struct kiocb *iocb, struct iov_iter *it) { return iomap_dio_rw(iocb, it, NULL, &probe_ops); }

#elif FORM == 2
/* as a pointer: in a call a number would do for a bool */
ssize_t (*probe)(struct kiocb *, struct iov_iter *, const struct iomap_ops *, const struct iomap_dio_ops *, bool) = iomap_dio_rw;

#elif FORM == 3
ssize_t (*probe)(struct kiocb *, struct iov_iter *, const struct iomap_ops *, const struct iomap_dio_ops *, unsigned int) = iomap_dio_rw;
unsigned int probe_f = IOMAP_DIO_OVERWRITE_ONLY | IOMAP_DIO_FORCE_WAIT;

#elif FORM == 4
ssize_t probe(struct kiocb *iocb, struct iov_iter *it)
{
	return iomap_dio_rw(iocb, it, NULL, NULL, IOMAP_DIO_OVERWRITE_ONLY | IOMAP_DIO_FORCE_WAIT, 0);
}

#elif FORM == 5
ssize_t probe(struct kiocb *iocb, struct iov_iter *it)
{
	return iomap_dio_rw(iocb, it, NULL, NULL, IOMAP_DIO_OVERWRITE_ONLY | IOMAP_DIO_FORCE_WAIT, NULL, 0);
}

#endif
