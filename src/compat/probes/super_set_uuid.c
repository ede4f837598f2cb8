// SPDX-License-Identifier: GPL-2.0-only
/*
 * 0: sb->s_uuid is written
 * 1: super_set_uuid() (6.9)
 */
#include <linux/fs.h>
#include <linux/uuid.h>
#include "probe.h"

#if FORM == 0
NO_SYMBOL(super_set_uuid);
void probe(struct super_block *sb, uuid_t *u) { uuid_copy(&sb->s_uuid, u); }

#elif FORM == 1
void probe(struct super_block *sb) { super_set_uuid(sb, NULL, 16); }

#endif
