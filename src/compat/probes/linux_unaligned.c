// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: asm/unaligned.h
 * 1: linux/unaligned.h (6.12)
 */
#include <linux/kernel.h>
#include "probe.h"

#if FORM == 0
#if __has_include(<linux/unaligned.h>)
#error "both"
#endif

#elif FORM == 1
#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>
#else
#error "none"
#endif

#endif
