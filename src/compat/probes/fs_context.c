// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: a mount has no context
 * 1: the options of a context are described in a form that went again (5.1)
 * 2: ... by an array of struct fs_parameter_spec (5.6)
 */
#include <linux/fs.h>
#include "probe.h"

#if FORM == 0
NO_MEMBER(struct file_system_type, parameters);

#elif FORM == 1
const struct fs_parameter_description *probe(struct file_system_type *t) { return t->parameters; }

#elif FORM == 2
const struct fs_parameter_spec *probe(struct file_system_type *t) { return t->parameters; }

#endif
