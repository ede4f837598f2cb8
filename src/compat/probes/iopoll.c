// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: iomap_dio_iopoll()
 * 1: iocb_bio_iopoll() (5.16)
 */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/bio.h>
#include <linux/iomap.h>
#include "probe.h"

#if FORM == 0
const struct file_operations probe_ops = { .iopoll = iomap_dio_iopoll };

#elif FORM == 1
const struct file_operations probe_ops = { .iopoll = iocb_bio_iopoll };

#endif
