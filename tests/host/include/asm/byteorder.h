/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: byte order of a little-endian host. */
#ifndef HOST_ASM_BYTEORDER_H
#define HOST_ASM_BYTEORDER_H

#include <linux/types.h>
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the host shims are for little-endian machines"
#endif
#ifndef __LITTLE_ENDIAN
#define __LITTLE_ENDIAN 1234
#endif
#define __LITTLE_ENDIAN_BITFIELD
#define swab16(x)	((u16)__builtin_bswap16((u16)(x)))
#define swab32(x)	((u32)__builtin_bswap32((u32)(x)))
#define swab64(x)	((u64)__builtin_bswap64((u64)(x)))
#define cpu_to_be16(x)	((__be16)swab16(x))
#define cpu_to_be32(x)	((__be32)swab32(x))
#define cpu_to_be64(x)	((__be64)swab64(x))
#define be16_to_cpu(x)	swab16(x)
#define be32_to_cpu(x)	swab32(x)
#define be64_to_cpu(x)	swab64(x)
#define cpu_to_le16(x)	((__le16)(u16)(x))
#define cpu_to_le32(x)	((__le32)(u32)(x))
#define cpu_to_le64(x)	((__le64)(u64)(x))
#define le16_to_cpu(x)	((u16)(x))
#define le32_to_cpu(x)	((u32)(x))
#define le64_to_cpu(x)	((u64)(x))
#define __cpu_to_be16	cpu_to_be16
#define __cpu_to_be32	cpu_to_be32
#define __cpu_to_be64	cpu_to_be64
#define __be16_to_cpu	be16_to_cpu
#define __be32_to_cpu	be32_to_cpu
#define __be64_to_cpu	be64_to_cpu
#define __constant_cpu_to_be16	cpu_to_be16
#define __constant_cpu_to_be32	cpu_to_be32
#define __constant_cpu_to_be64	cpu_to_be64
#define htons(x)	cpu_to_be16(x)
#define htonl(x)	cpu_to_be32(x)
static inline u16 be16_to_cpup(const __be16 *p) { return be16_to_cpu(*p); }
static inline u32 be32_to_cpup(const __be32 *p) { return be32_to_cpu(*p); }
static inline u64 be64_to_cpup(const __be64 *p) { return be64_to_cpu(*p); }
static inline u16 le16_to_cpup(const __le16 *p) { return *p; }
static inline u32 le32_to_cpup(const __le32 *p) { return *p; }
static inline u64 le64_to_cpup(const __le64 *p) { return *p; }
static inline void be16_add_cpu(__be16 *v, u16 n) { *v = cpu_to_be16(be16_to_cpu(*v) + n); }
static inline void be32_add_cpu(__be32 *v, u32 n) { *v = cpu_to_be32(be32_to_cpu(*v) + n); }
static inline void be64_add_cpu(__be64 *v, u64 n) { *v = cpu_to_be64(be64_to_cpu(*v) + n); }
static inline void le16_add_cpu(__le16 *v, u16 n) { *v += n; }
static inline void le32_add_cpu(__le32 *v, u32 n) { *v += n; }
static inline void le64_add_cpu(__le64 *v, u64 n) { *v += n; }
#define be16_to_cpus(p)	(*(p) = be16_to_cpu(*(p)))
#define be32_to_cpus(p)	(*(p) = be32_to_cpu(*(p)))
#define be64_to_cpus(p)	(*(p) = be64_to_cpu(*(p)))
#define cpu_to_be16s(p)	(*(p) = cpu_to_be16(*(p)))
#define cpu_to_be32s(p)	(*(p) = cpu_to_be32(*(p)))
#define cpu_to_be64s(p)	(*(p) = cpu_to_be64(*(p)))

#endif /* HOST_ASM_BYTEORDER_H */
