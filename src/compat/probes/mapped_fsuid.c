// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: who makes a file has one id
 * 1: mapped_fsuid(mount's) (5.12)
 * 2: mapped_fsuid(mount's, filesystem's) (5.17, and backported)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(mapped_fsuid);
NO_SYMBOL(mapped_fsgid);

#elif FORM == 1
kuid_t probe(void) { return mapped_fsuid(NULL); }
kgid_t probe_g(void) { return mapped_fsgid(NULL); }

#elif FORM == 2
kuid_t probe(void) { return mapped_fsuid(NULL, NULL); }
kgid_t probe_g(void) { return mapped_fsgid(NULL, NULL); }

#endif
