// SPDX-License-Identifier: GPL-2.0-only
/* The one place that makes the tracepoints of trace.h. */
#include "dx_vfs.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
