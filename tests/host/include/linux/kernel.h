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

#endif /* HOST_LINUX_KERNEL_H */
