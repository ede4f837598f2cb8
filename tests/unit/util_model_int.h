/* SPDX-License-Identifier: GPL-2.0-only */
/* What util_model.c and util_verify.c share. */
#ifndef UTIL_MODEL_INT_H
#define UTIL_MODEL_INT_H

#include "dx_dir.h"
#include "dx_bmap.h"

int um_name(int i, char *buf);
int um_xname(int i, char *buf);
void um_fill(u8 *p, u32 len, u32 seed);
void um_target(char *p, u32 len, u32 seed);

#endif /* UTIL_MODEL_INT_H */
