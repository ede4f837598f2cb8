// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: nobody is told of a shutdown
 * 1: fsnotify_sb_error() (5.16)
 * 2: fserror_report_shutdown() (7.0)
 */
#include <linux/fs.h>
#include <linux/fsnotify.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(fsnotify_sb_error);
#if __has_include(<linux/fserror.h>)
#error "there is more"
#endif

#elif FORM == 1
void probe(struct super_block *sb) { fsnotify_sb_error(sb, NULL, -5); }

#elif FORM == 2
#if __has_include(<linux/fserror.h>)
#include <linux/fserror.h>
#endif
void probe(struct super_block *sb) { fserror_report_shutdown(sb, GFP_NOFS); }

#endif
