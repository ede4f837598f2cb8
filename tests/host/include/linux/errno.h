/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: errno values, with the kernel-internal ones. */
#ifndef HOST_LINUX_ERRNO_H
#define HOST_LINUX_ERRNO_H

#include_next <linux/errno.h>
#define ERESTARTSYS	512
#define ERESTARTNOINTR	513
#define ERESTARTNOHAND	514
#define ENOIOCTLCMD	515
#define ENOPARAM	519
#define EOPENSTALE	518
#define ENOTSUPP	524
#define EIOCBQUEUED	529

#endif /* HOST_LINUX_ERRNO_H */
