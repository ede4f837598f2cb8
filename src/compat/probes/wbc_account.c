// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: wbc_account_io() charges a control group for what is written back
 * 1: wbc_account_cgroup_owner() does (5.3)
 */
#include <linux/fs.h>
#include <linux/writeback.h>
#include "probe.h"

#if FORM == 0
void *probe(void) { return wbc_account_io; }

#elif FORM == 1
void *probe(void) { return wbc_account_cgroup_owner; }

#endif
