// SPDX-License-Identifier: GPL-2.0-only
/* Reporting a shutdown: by fanotify's error event from 5.16 on, with more detail since 7.0. */
#include "compat_super.h"
#if HAVE_SB_ERROR == 2
#include <linux/fserror.h>
#endif

/**
 * dx_notify_shutdown - tell who watches a filesystem that it has shut down
 * @sb: mounted
 *
 * Any process context.
 */
void dx_notify_shutdown(struct super_block *sb)
{
#if HAVE_SB_ERROR == 2
	fserror_report_shutdown(sb, GFP_NOFS);
#elif HAVE_SB_ERROR == 1
	fsnotify_sb_error(sb, NULL, -EIO);
#endif
}
