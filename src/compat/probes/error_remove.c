// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->error_remove_page()
 * 1: ->error_remove_folio() (6.8)
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include "probe.h"

#if FORM == 0
const struct address_space_operations probe_ops = { .error_remove_page = generic_error_remove_page };

#elif FORM == 1
const struct address_space_operations probe_ops = { .error_remove_folio = generic_error_remove_folio };

#endif
