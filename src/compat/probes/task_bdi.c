// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a buffered write advances ki_pos
 * 1: it does not, and the task has to name the device (until 6.5)
 */
#include <linux/sched.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct task_struct, backing_dev_info);

#elif FORM == 1
void probe(void) { current->backing_dev_info = NULL; }

#endif
