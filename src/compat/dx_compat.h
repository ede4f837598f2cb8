/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One internal API over the kernels that we build for (4.18 of EL8, 4.19, 5.4, 5.10, 5.14, 5.15, 6.1, 6.12, 7.2).
 *
 * The rest of the source has no conditionals. What differs between kernels is
 * given one name in the header of its family; which kernel has what
 * is found out by probes/ before the build (probe.sh) and stands in dx_have.h. What has
 * a macro of its own name needs no probe. Where kernels differ in the type of a callback, the
 * filesystem has one form of it, and a DX_OP_* macro makes this kernel's from it.
 */
#ifndef DX_COMPAT_H
#define DX_COMPAT_H

#include "compat_idmap.h"	/* id-mapped mounts, ACLs, modes */
#include "compat_inode_ops.h"	/* directory and attribute operations */
#include "compat_times.h"	/* times and state of an inode */
#include "compat_xattr.h"	/* attribute handlers */
#include "compat_fileattr.h"	/* inode flags */
#include "compat_lock.h"	/* MMAPLOCK */
#include "compat_iomap.h"	/* mappings */
#include "compat_dio.h"		/* direct I/O */
#include "compat_writeback.h"	/* ioends */
#include "compat_aops.h"	/* folios or pages */
#include "compat_file.h"	/* open files, faults */
#include "compat_remap.h"	/* shared blocks */
#include "compat_bdev.h"	/* block devices, bios */
#include "compat_fs_context.h"	/* mount options */
#include "compat_super.h"	/* shrinkers, super blocks */

#endif /* DX_COMPAT_H */
