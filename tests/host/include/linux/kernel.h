/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: the usual helpers. */
#ifndef HOST_LINUX_KERNEL_H
#define HOST_LINUX_KERNEL_H

#include <linux/types.h>
#include <linux/limits.h>
#include <linux/align.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/bug.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/kstrtox.h>
#include <asm/byteorder.h>

#define ARRAY_SIZE(a) \
	(sizeof(a) / sizeof((a)[0]) + BUILD_BUG_ON_ZERO(__same_type((a), &(a)[0])))
#define lower_32_bits(n)	((u32)((n) & 0xffffffff))
#define upper_32_bits(n)	((u32)(((n) >> 16) >> 16))
#define REPEAT_BYTE(x)		((~0ul / 0xff) * (x))
#define PTR_IF(c, p)		((c) ? (p) : NULL)
#define u64_to_user_ptr(x)	((void *)(uintptr_t)(x))
#define typecheck(type, x)	({ type __d1; typeof(x) __d2; (void)(&__d1 == &__d2); 1; })

int host_snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int host_vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int host_sprintf(char *buf, const char *fmt, ...) __printf(2, 3);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
char *kasprintf(gfp_t gfp, const char *fmt, ...) __printf(2, 3);
char *kvasprintf(gfp_t gfp, const char *fmt, va_list args) __printf(2, 0);
#define snprintf	host_snprintf
#define vsnprintf	host_vsnprintf
#define sprintf		host_sprintf
int sscanf(const char *s, const char *fmt, ...) __scanf(2, 3);

extern const char hex_asc[];
extern int oops_in_progress, panic_timeout;
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

void host_might_sleep(const char *file, int line);
#define might_sleep()		host_might_sleep(__FILE__, __LINE__)
#define might_sleep_if(c)	do { if (c) might_sleep(); } while (0)
#define cant_sleep()		do { } while (0)
#define might_fault()		do { } while (0)
#define trace_printk(fmt, ...)	no_printk(fmt, ##__VA_ARGS__)

#endif /* HOST_LINUX_KERNEL_H */
