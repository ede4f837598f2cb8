// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: nobody polls for an I/O through the file
 * 1: iomap_dio_iopoll() (5.1)
 * 2: iocb_bio_iopoll() (5.16)
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/bio.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(iomap_dio_iopoll);
NO_SYMBOL(iocb_bio_iopoll);

#elif FORM == 1
const struct file_operations probe_ops = { .iopoll = iomap_dio_iopoll };

#elif FORM == 2
const struct file_operations probe_ops = { .iopoll = iocb_bio_iopoll };

#endif
