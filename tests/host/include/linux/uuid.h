/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: UUIDs. */
#ifndef HOST_LINUX_UUID_H
#define HOST_LINUX_UUID_H

#include <linux/types.h>
#include <string.h>
#define UUID_SIZE 16
typedef struct { __u8 b[UUID_SIZE]; } uuid_t;
typedef struct { __u8 b[UUID_SIZE]; } guid_t;
extern const uuid_t uuid_null;
static inline void uuid_copy(uuid_t *d, const uuid_t *s) { memcpy(d, s, sizeof(*d)); }
void generate_random_uuid(unsigned char uuid[UUID_SIZE]);
void uuid_gen(uuid_t *u);

#endif /* HOST_LINUX_UUID_H */
