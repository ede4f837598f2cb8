// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->default_attrs: one list of attributes
 * 1: ->default_groups (5.2)
 */
#include <linux/kobject.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct kobj_type, default_groups);

#elif FORM == 1
const struct kobj_type probe = { .default_groups = NULL };

#endif
