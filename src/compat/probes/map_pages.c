// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: ->map_pages() and filemap_map_pages() say nothing
 * 1: ... say whether the fault is served by that (5.12)
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include "probe.h"

#if FORM == 0
static void probe_f(struct vm_fault *vmf, pgoff_t start, pgoff_t end) { filemap_map_pages(vmf, start, end); }
const struct vm_operations_struct probe_ops = { .map_pages = probe_f };

#elif FORM == 1
static vm_fault_t probe_f(struct vm_fault *vmf, pgoff_t start, pgoff_t end) { return filemap_map_pages(vmf, start, end); }
const struct vm_operations_struct probe_ops = { .map_pages = probe_f };

#endif
