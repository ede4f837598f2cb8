/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels that the portable core meets: workqueues and
 * headers that moved.  The host build has its own file of this name.
 */
#ifndef COMPAT_CORE_H
#define COMPAT_CORE_H

#include <linux/workqueue.h>
#include "dx_have.h"

#if HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* Newer kernels want to be told that a queue's work runs where it was queued. */
#if !HAVE_WQ_PERCPU
#define WQ_PERCPU	0
#endif

#endif /* COMPAT_CORE_H */
