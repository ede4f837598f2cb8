// SPDX-License-Identifier: GPL-2.0-only
/*
 * iomap does the file I/O.
 * Otherwise: was built without iomap (CONFIG_FS_IOMAP); a kernel with XFS, ext4 or similar has it
 */
#include <linux/fs.h>
#if !IS_ENABLED(CONFIG_FS_IOMAP)
#error "no iomap"
#endif
#include <linux/iomap.h>
