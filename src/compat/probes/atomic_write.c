// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap's direct I/O cannot be told by a mapping that a write must not be torn; or (6.15) it can, and statx tells only a part
 * 1: IOMAP_F_ATOMIC_BIO says so (6.16)
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
#ifdef IOMAP_F_ATOMIC_BIO
void probe(struct kstat *stat) { generic_fill_statx_atomic_writes(stat, 1, 1); }
#endif

#elif FORM == 1
u16 probe = IOMAP_F_ATOMIC_BIO;
fmode_t probe_f = FMODE_CAN_ATOMIC_WRITE;
int probe_g(struct kiocb *iocb, struct iov_iter *iter, struct kstat *stat)
{
	generic_fill_statx_atomic_writes(stat, 1, 1, 0);
	return iocb->ki_flags & IOCB_ATOMIC ? generic_atomic_write_valid(iocb, iter) :
		bdev_atomic_write_unit_max_bytes(iocb->ki_filp->f_inode->i_sb->s_bdev) != 0;
}

#endif
