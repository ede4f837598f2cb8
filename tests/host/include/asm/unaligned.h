/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: unaligned accesses. */
#ifndef HOST_ASM_UNALIGNED_H
#define HOST_ASM_UNALIGNED_H

#include <asm/byteorder.h>
#define get_unaligned(ptr) ({ \
	const struct { typeof(*(ptr)) x; } __packed *__gp = (const void *)(ptr); __gp->x; })
struct __host_una16 { u16 x; } __packed;
struct __host_una32 { u32 x; } __packed;
struct __host_una64 { u64 x; } __packed;
static inline u16 get_unaligned_be16(const void *p) { return swab16(((const struct __host_una16 *)p)->x); }
static inline u32 get_unaligned_be32(const void *p) { return swab32(((const struct __host_una32 *)p)->x); }
static inline u64 get_unaligned_be64(const void *p) { return swab64(((const struct __host_una64 *)p)->x); }
static inline u16 get_unaligned_le16(const void *p) { return ((const struct __host_una16 *)p)->x; }
static inline u32 get_unaligned_le32(const void *p) { return ((const struct __host_una32 *)p)->x; }
static inline u64 get_unaligned_le64(const void *p) { return ((const struct __host_una64 *)p)->x; }
static inline void put_unaligned_be16(u16 v, void *p) { ((struct __host_una16 *)p)->x = swab16(v); }
static inline void put_unaligned_be32(u32 v, void *p) { ((struct __host_una32 *)p)->x = swab32(v); }
static inline void put_unaligned_be64(u64 v, void *p) { ((struct __host_una64 *)p)->x = swab64(v); }
static inline void put_unaligned_le16(u16 v, void *p) { ((struct __host_una16 *)p)->x = v; }
static inline void put_unaligned_le32(u32 v, void *p) { ((struct __host_una32 *)p)->x = v; }
static inline void put_unaligned_le64(u64 v, void *p) { ((struct __host_una64 *)p)->x = v; }

#endif /* HOST_ASM_UNALIGNED_H */
