// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: work runs where it was queued unless WQ_UNBOUND
 * 1: WQ_PERCPU says so (6.18)
 */
#include <linux/workqueue.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(WQ_PERCPU);

#elif FORM == 1
int probe = WQ_PERCPU;

#endif
