// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that no kernel has, in two forms that call it: an error of the compiler in the first, but not in the second.
 * 0 must be found.
 */
#include <linux/types.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(dx_no_such_function_twice);

#elif FORM == 1
int probe(void) { return dx_no_such_function_twice(1); }

#elif FORM == 2
int probe(void) { return dx_no_such_function_twice(1, 2); }

#endif
